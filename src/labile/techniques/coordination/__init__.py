"""Coordination geometry from crystal structures: bond lengths with s.u., distortion, spin states, contacts, packing."""

from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.octahedron import Distortion, distortions, octahedron
from labile.techniques.coordination.polyhedron import Hull, ShapeMeasure, polyhedron_hull, shape_measure

__all__ = [
    "CoordinationError",
    "CoordinationWarning",
    "Distortion",
    "Hull",
    "ShapeMeasure",
    "distortions",
    "octahedron",
    "polyhedron_hull",
    "shape_measure",
]
