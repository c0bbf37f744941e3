"""Coordination geometry from crystal structures: bond lengths with s.u., distortion, spin states, contacts, packing."""

from labile.techniques.coordination.assignment import (
    Assignment,
    SiteLengths,
    Window,
    assign_states,
    fraction_from_length,
)
from labile.techniques.coordination.bond_valence import (
    BondValence,
    ValenceSum,
    bond_valence_sum,
    compare_oxidation_states,
    hu_zhou,
)
from labile.techniques.coordination.bonds import Bond, Value, angle, bonds, distance, mean_length, torsion
from labile.techniques.coordination.contacts import Contact, contacts, molecule_of
from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.geometry import SphereGeometry, sphere_geometry
from labile.techniques.coordination.libration import Libration, libration
from labile.techniques.coordination.observables import MeanBondLength
from labile.techniques.coordination.octahedron import Distortion, distortions, octahedron
from labile.techniques.coordination.packing import PackingComparison, compare_packing
from labile.techniques.coordination.polyhedron import Hull, ShapeMeasure, polyhedron_hull, shape_measure
from labile.techniques.coordination.scissors import ScissorMotion, Scissors, opened, scissor_motion
from labile.techniques.coordination.series import (
    CoordinationRecord,
    CoordinationTable,
    coordination_table,
    reduce_bond_length,
)
from labile.techniques.coordination.sphere import CoordinationSphere, coordination_spheres, metal_sites

__all__ = [
    "Assignment",
    "Bond",
    "BondValence",
    "Contact",
    "CoordinationError",
    "CoordinationRecord",
    "CoordinationSphere",
    "CoordinationTable",
    "CoordinationWarning",
    "Distortion",
    "Hull",
    "Libration",
    "MeanBondLength",
    "PackingComparison",
    "ScissorMotion",
    "Scissors",
    "ShapeMeasure",
    "SiteLengths",
    "SphereGeometry",
    "ValenceSum",
    "Value",
    "Window",
    "angle",
    "assign_states",
    "bond_valence_sum",
    "bonds",
    "compare_oxidation_states",
    "compare_packing",
    "contacts",
    "coordination_spheres",
    "coordination_table",
    "distance",
    "distortions",
    "fraction_from_length",
    "hu_zhou",
    "libration",
    "mean_length",
    "metal_sites",
    "molecule_of",
    "octahedron",
    "opened",
    "polyhedron_hull",
    "reduce_bond_length",
    "scissor_motion",
    "shape_measure",
    "sphere_geometry",
    "torsion",
]
