"""Lengths, angles and torsions with standard uncertainties from cell and coordinates.

Uncertainties are propagated to first order from the cell parameters and the fractional coordinates of the independent
atoms. What symmetry correlates stays correlated: two images of one atom move together, tied coordinates and cell edges
share their error. A CIF states no other correlations, so different atoms and different cell parameters are taken as
independent. A quantity of an atom without stated s.u. has s.u. NaN ("not known"), never 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labile.core.neighbours import Neighbours
from labile.core.structure import CrystalStructure
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.sphere import CoordinationSphere, has_sigma

_CODE = re.compile(r"(?P<operation>[0-9]+)(?:_(?P<shift>[0-9]{3}))?")


class Value(NamedTuple):
    """A number with its standard uncertainty (NaN where it is not known), SI."""

    value: float
    sigma: float


@dataclass(frozen=True)
class Bond:
    """One metal-ligand bond.

    Attributes
    ----------
    metal, ligand : str
        Labels.
    symmetry_code : str
        Of the ligand, ``"1_555"`` for the atom as listed.
    length, sigma : float
        m.
    """

    metal: str
    ligand: str
    symmetry_code: str
    length: float
    sigma: float


def bonds(sphere: CoordinationSphere) -> tuple[Bond, ...]:
    """Metal-ligand bonds of a sphere, nearest first.

    Examples
    --------
    >>> from labile.core.structure import Molecule
    >>> from labile.techniques.coordination.sphere import coordination_spheres
    >>> dimer = Molecule("CuCl", ("Cu", "Cl"), [[0, 0, 0], [2.1e-10, 0, 0]])
    >>> [(b.ligand, round(b.length * 1e10, 3)) for b in bonds(coordination_spheres(dimer, "Cu1")[0])]
    [('Cl1', 2.1)]
    """
    rows = zip(sphere.labels, sphere.symmetry_codes, sphere.lengths, sphere.sigma_lengths, strict=True)
    return tuple(Bond(sphere.metal, label, code, float(d), float(s)) for label, code, d, s in rows)


def mean_length(sphere: CoordinationSphere, elements: Sequence[str] | None = None) -> Value:
    """Mean metal-ligand distance, m, its correlation between bonds (cell, metal, symmetry) included.

    Parameters
    ----------
    sphere : CoordinationSphere
    elements : sequence of str, optional
        Only donors of these elements.

    Raises
    ------
    CoordinationError
        If there is none of them.
    """
    taken = np.array([elements is None or e in elements for e in sphere.elements], dtype=bool)
    if not taken.any():
        raise CoordinationError(
            f"{sphere.metal}: no donor is {' or '.join(elements or ())}; there are {sphere.elements}"
        )
    pull = np.where(taken[:, None], sphere.vectors / sphere.lengths[:, None], 0.0) / taken.sum()
    return Value(float(sphere.lengths[taken].mean()), propagated(sphere, pull))


def propagated(sphere: CoordinationSphere, gradient: np.ndarray) -> float:
    """Standard uncertainty of a quantity from its gradient in the vectors of a sphere, shape (K, 3).

    NaN where it depends on an atom without stated s.u.
    """
    if np.any((np.abs(gradient) > 0).any(axis=1) & ~sphere.known):
        return math.nan
    return float(np.linalg.norm(np.einsum("ki,kip->p", gradient, sphere.factor)))


def place(structure: CrystalStructure, atoms: Sequence[str | tuple[str, str]]) -> Neighbours:
    """Put named atoms where distances and angles between them are wanted.

    Parameters
    ----------
    structure : CrystalStructure
    atoms : sequence of str or (str, str)
        Labels, or a label with a symmetry code as CIFs and `Neighbours` write it, ``("N1", "2_655")``: operation 2 of
        the structure, then a lattice translation (555 is none).

    Returns
    -------
    Neighbours
        The atoms in the order given, vectors from the first one's place as listed.

    Raises
    ------
    StructureError
        For an unknown label.
    CoordinationError
        For a symmetry code that is none.
    """
    if not atoms:
        raise CoordinationError(f"{structure.label}: no atoms are named")
    sites, operations, shifts = [], [], []
    for atom in atoms:
        label, code = (atom, "1_555") if isinstance(atom, str) else atom
        found = _CODE.fullmatch(code.strip()) if code.strip() not in (".", "") else _CODE.fullmatch("1")
        if found is None or not 1 <= int(found["operation"]) <= len(structure.rotations):
            raise CoordinationError(
                f"{structure.label}: {code!r} of {label} is no symmetry code; expected for instance 2_655, with an"
                f" operation from 1 to {len(structure.rotations)}"
            )
        sites.append(structure.index(label))
        operations.append(int(found["operation"]) - 1)
        shifts.append([int(digit) - 5 for digit in found["shift"] or "555"])
    chosen, turned, moved = np.array(sites), np.array(operations), np.array(shifts)
    positions = structure.positions
    fract = np.einsum("kij,kj->ki", structure.rotations[turned], positions[chosen])
    fract = fract + structure.translations[turned] + moved
    vectors = (fract - positions[chosen[0]]) @ structure.axes.T
    return Neighbours(structure, int(chosen[0]), chosen, turned, moved, fract, vectors, np.linalg.norm(vectors, axis=1))


def distance(structure: CrystalStructure, first: str | tuple[str, str], second: str | tuple[str, str]) -> Value:
    """Distance between two atoms, m; see `place` for how atoms are named.

    Examples
    --------
    >>> from labile.core.structure import Site
    >>> cell = CrystalStructure(
    ...     "demo", [5e-10, 5e-10, 5e-10, 90, 90, 90], [1e-13, 1e-13, 1e-13, 0, 0, 0],
    ...     sites=(Site("A", "Fe", (0, 0, 0), (0.001,) * 3), Site("B", "N", (0.4, 0, 0), (0.001,) * 3)),
    ... )  # fmt: skip
    >>> value, sigma = distance(cell, "A", "B")
    >>> round(value * 1e10, 3), round(sigma * 1e10, 4)
    (2.0, 0.0071)
    """
    atoms = place(structure, [first, second])
    apart = atoms.vectors[1] - atoms.vectors[0]
    length = float(np.linalg.norm(apart))
    if not length > 0:
        raise CoordinationError(f"{structure.label}: {first} and {second} are the same atom")
    unit = apart / length
    return Value(length, _sigma(atoms, np.stack([-unit, unit])))


def angle(
    structure: CrystalStructure,
    first: str | tuple[str, str],
    apex: str | tuple[str, str],
    last: str | tuple[str, str],
) -> Value:
    """Angle first-apex-last, rad; at 180 degrees first-order propagation has no meaning and the s.u. is NaN."""
    atoms = place(structure, [first, apex, last])
    p, q = atoms.vectors[0] - atoms.vectors[1], atoms.vectors[2] - atoms.vectors[1]
    dp, dq = float(np.linalg.norm(p)), float(np.linalg.norm(q))
    if not (dp > 0 and dq > 0):
        raise CoordinationError(f"{structure.label}: two of {first}, {apex}, {last} are the same atom")
    u, v = p / dp, q / dq
    sine = float(np.linalg.norm(np.cross(u, v)))
    value = math.atan2(sine, float(u @ v))
    if sine < 1e-6:
        return Value(value, math.nan)
    by_p, by_q = -(v - (u @ v) * u) / (sine * dp), -(u - (u @ v) * v) / (sine * dq)
    sigma = _sigma(atoms, np.stack([by_p, -by_p - by_q, by_q]))
    # within three s.u. of a straight line the angle is folded at 180 degrees
    return Value(value, math.nan if min(value, math.pi - value) < 3 * sigma else sigma)


def torsion(structure: CrystalStructure, *atoms: str | tuple[str, str]) -> Value:
    """Torsion angle of four atoms, rad, in (-pi, pi]; positive clockwise seen along the middle bond.

    IUPAC convention: 0 when first and last eclipse each other. A. Blondel, M. Karplus, J. Comput. Chem. 17 (1996) 1132
    gives the gradient.
    """
    if len(atoms) != 4:
        raise CoordinationError(f"torsion: four atoms are needed, found {len(atoms)}")
    placed = place(structure, atoms)
    f = placed.vectors[0] - placed.vectors[1]
    g = placed.vectors[1] - placed.vectors[2]
    h = placed.vectors[3] - placed.vectors[2]
    a, b = np.cross(f, g), np.cross(h, g)
    size = float(np.linalg.norm(g))
    aa, bb = float(a @ a), float(b @ b)
    if not (size > 0 and aa > 1e-12 * (f @ f) * size**2 and bb > 1e-12 * (h @ h) * size**2):
        raise CoordinationError(f"{structure.label}: {', '.join(map(str, atoms))}: three of them lie on a line")
    value = math.atan2(float(np.cross(b, a) @ g) / size, float(a @ b))
    first, last = -size / aa * a, size / bb * b
    middle = (f @ g) / (aa * size) * a - (h @ g) / (bb * size) * b
    return Value(value, _sigma(placed, np.stack([first, -first + middle, -middle - last, last])))


def _sigma(atoms: Neighbours, gradient: np.ndarray) -> float:
    """Standard uncertainty from a gradient in the vectors of placed atoms, shape (K, 3)."""
    stated = has_sigma(atoms.structure)
    if not np.all(stated[atoms.sites]):
        return math.nan
    slopes = np.einsum("ki,kip->p", gradient, atoms.jacobian)
    return float(math.sqrt(max(float(slopes @ atoms.covariance @ slopes), 0.0)))
