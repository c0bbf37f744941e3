"""Molecules of a crystal and the contacts between them that are shorter than van der Waals radii allow.

Atoms are bonded when they are nearer than a multiple of the sum of covalent radii; atoms of different alternatives of
one disorder never are. Radii of contacts: S. Alvarez, Dalton Trans. 42 (2013) 8617, doi 10.1039/c3dt50599e, or
A. Bondi, J. Phys. Chem. 68 (1964) 441, doi 10.1021/j100785a001, which are smaller for carbon, nitrogen and sulfur.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labile.core.neighbours import Neighbours, neighbours
from labile.core.structure import CrystalStructure
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.sphere import (
    BONDED,
    HYDROGEN_BOND,
    LONGEST,
    covalent_radius,
    has_sigma,
    is_metal,
)

# fmt: off
ALVAREZ: Mapping[str, float] = {
    "H": 1.20, "D": 1.20, "B": 1.91, "C": 1.77, "N": 1.66, "O": 1.50, "F": 1.46, "Si": 2.19, "P": 1.90, "S": 1.89,
    "Cl": 1.82, "Ge": 2.29, "As": 1.88, "Se": 1.82, "Br": 1.86, "Sn": 2.42, "Sb": 2.47, "Te": 1.99, "I": 2.04,
    "Li": 2.12, "Na": 2.50, "K": 2.73, "Mg": 2.51, "Ca": 2.62, "Al": 2.25, "Cr": 2.45, "Mn": 2.45, "Fe": 2.44,
    "Co": 2.40, "Ni": 2.40, "Cu": 2.38, "Zn": 2.39, "Ru": 2.46, "Rh": 2.44, "Pd": 2.15, "Ag": 2.53, "Pt": 2.29,
    "Au": 2.32, "Hg": 2.45,
}
"""Angstrom."""
BONDI: Mapping[str, float] = {
    "H": 1.20, "D": 1.20, "C": 1.70, "N": 1.55, "O": 1.52, "F": 1.47, "Si": 2.10, "P": 1.80, "S": 1.80, "Cl": 1.75,
    "As": 1.85, "Se": 1.90, "Br": 1.85, "Te": 2.06, "I": 1.98,
}
"""Angstrom."""
# fmt: on
RADII: Mapping[str, Mapping[str, float]] = {"alvarez": ALVAREZ, "bondi": BONDI}
NEAR_BONDS = 3
"""Atoms separated by up to this many bonds are no contact."""
LARGEST_MOLECULE = 1000
"""Atoms after which a molecule is taken to be a polymer."""

Key = tuple[int, int, int, int]


@dataclass(frozen=True)
class Contact:
    """Two atoms nearer than their van der Waals radii.

    Attributes
    ----------
    first, second : str
        Labels; the first stands as listed.
    symmetry_code : str
        Of the second.
    distance, sigma : float
        m; sigma NaN where the file states none for one of them (riding hydrogen).
    shortening : float
        Sum of the radii less the distance, m, > 0.
    intermolecular : bool
        False within one molecule (atoms more than `NEAR_BONDS` bonds apart).
    """

    first: str
    second: str
    symmetry_code: str
    distance: float
    sigma: float
    shortening: float
    intermolecular: bool


def contacts(
    structure: CrystalStructure,
    *,
    radii: str | Mapping[str, float] = "alvarez",
    margin: float = 0.0,
    hydrogen: bool = True,
    intramolecular: bool = False,
) -> tuple[Contact, ...]:
    """Contacts shorter than the sum of van der Waals radii less a margin, the shortest relative to it first.

    Parameters
    ----------
    structure : CrystalStructure
    radii : {"alvarez", "bondi"} or mapping of str to float
        Radii in m where a mapping is given.
    margin : float
        m; with 0.1e-10 only contacts shorter by at least 0.1 angstrom.
    hydrogen : bool
        Whether contacts of hydrogen are listed; positions from X-rays put it too near its neighbour.
    intramolecular : bool
        Whether contacts within one molecule are listed.

    Returns
    -------
    tuple of Contact

    Raises
    ------
    CoordinationError
        For an unknown set of radii or an element without one.

    Notes
    -----
    Contacts between a metal and atoms of its own ligands are left out by the number of bonds between them.
    """
    radius = _radii(structure, radii, hydrogen)
    atoms = [n for n in range(len(structure.sites)) if n in radius]
    largest = max(radius.values(), default=0.0)
    graph = _Bonds(structure)
    stated = has_sigma(structure)
    found: list[Contact] = []
    for n in atoms:
        near = neighbours(structure, n, radius[n] + largest)
        if not len(near):
            continue
        taken = np.array([int(s) in radius and int(s) >= n for s in near.sites], dtype=bool)
        taken &= near.distances < np.array([radius.get(int(s), 0.0) for s in near.sites]) + radius[n] - margin
        near = near[np.flatnonzero(taken)]
        if not len(near):
            continue
        close = graph.around(n, NEAR_BONDS)
        molecule: dict[Key, np.ndarray] = {}
        sigmas = near.sigma_distances
        seen: set[Key] = set()
        for k in range(len(near)):
            other = int(near.sites[k])
            key = _key(other, near.fract[k])
            if key in close or not graph.together(n, near, k):
                continue
            if other == n:
                # the same pair seen from its other end
                g = structure.rotations[near.operations[k]]
                shift = structure.translations[near.operations[k]] + near.translations[k]
                back = np.linalg.solve(g.astype(float), structure.positions[n] - shift)
                if _key(n, back) in seen:
                    continue
                seen.add(key)
            molecule = molecule or graph.around(n)
            between = key not in molecule
            if between or intramolecular:
                known = stated[n] and stated[other]
                found.append(
                    Contact(
                        structure.labels[n],
                        structure.labels[other],
                        near.symmetry_codes[k],
                        float(near.distances[k]),
                        float(sigmas[k]) if known else float("nan"),
                        radius[n] + radius[other] - float(near.distances[k]),
                        between,
                    )
                )
    return tuple(sorted(found, key=lambda c: -c.shortening))


def molecule_of(structure: CrystalStructure, site: str) -> tuple[tuple[str, np.ndarray], ...]:
    """Atoms bonded to a site, directly or through others: labels and fractional coordinates.

    Raises
    ------
    CoordinationError
        For a polymer, which has no end.
    """
    start = structure.index(site)
    graph = _Bonds(structure)
    molecule = graph.around(start)
    if len(molecule) >= LARGEST_MOLECULE:
        raise CoordinationError(f"{structure.label}: the atoms bonded to {site} form a polymer, not a molecule")
    return tuple((structure.labels[key[0]], place) for key, place in molecule.items())


def _radii(structure: CrystalStructure, radii: str | Mapping[str, float], hydrogen: bool) -> dict[int, float]:
    if isinstance(radii, str):
        if radii not in RADII:
            raise CoordinationError(f"radii {radii!r} are unknown; use {' or '.join(RADII)}, or a mapping in m")
        table = {e: r * 1e-10 for e, r in RADII[radii].items()}
    else:
        table = dict(radii)
    elements = {e for e in structure.elements if hydrogen or e not in ("H", "D")}
    # metals inside a molecule make no contacts of their own, and Bondi lists few of them
    missing = sorted(e for e in elements - set(table) if not is_metal(e))
    if missing:
        raise CoordinationError(f"{structure.label}: no van der Waals radius of {', '.join(missing)}; give radii in m")
    return {n: table[e] for n, e in enumerate(structure.elements) if e in elements and e in table}


def _key(site: int, fract: np.ndarray) -> Key:
    # the offset keeps exact fractions away from where rounding turns over
    x, y, z = np.floor(fract * 1000 + 0.123).astype(int)
    return site, int(x), int(y), int(z)


class _Bonds:
    """Bonds of every site, found once, and the molecules they make."""

    def __init__(self, structure: CrystalStructure) -> None:
        self.structure = structure
        self._of = lru_cache(maxsize=None)(self._bonds_of)

    def together(self, n: int, near: Neighbours, k: int) -> bool:
        """Whether an atom and its k-th neighbour may be present at once."""
        one, other = self.structure.sites[n], self.structure.sites[near.sites[k]]
        if not (one.disorder_group and other.disorder_group) or one.disorder_assembly != other.disorder_assembly:
            return True
        if one.disorder_group != other.disorder_group:
            return False
        return not one.disorder_group.startswith("-") or int(near.operations[k]) == 0

    def _bonds_of(self, n: int) -> Neighbours:
        structure = self.structure
        element = structure.elements[n]
        # hydrogen is never bonded twice, metals reach farther
        reach = {e: self._longest(element, e) for e in set(structure.elements)}
        near = neighbours(structure, n, max(reach.values()))
        taken = [near.distances[k] < reach[near.elements[k]] and self.together(n, near, k) for k in range(len(near))]
        return near[np.flatnonzero(taken)]

    @staticmethod
    def _longest(first: str, second: str) -> float:
        light = (first in ("H", "D")) + (second in ("H", "D"))
        if light == 2:
            return 1e-12
        if light == 1:
            return HYDROGEN_BOND
        factor = LONGEST if is_metal(first) != is_metal(second) else BONDED
        return factor * (covalent_radius(first) + covalent_radius(second))

    def around(self, n: int, depth: int = LARGEST_MOLECULE) -> dict[Key, np.ndarray]:
        """Places of the atoms that up to `depth` bonds join to a site, itself included: its molecule."""
        structure = self.structure
        origin = structure.positions[n]
        molecule = {_key(n, origin): origin}
        queue: deque[tuple[int, np.ndarray, np.ndarray, int]] = deque([(n, np.eye(3), np.zeros(3), 0)])
        while queue and len(molecule) < LARGEST_MOLECULE:
            site, turn, shift, passed = queue.popleft()
            if passed == depth:
                continue
            near = self._of(site)
            for k in range(len(near)):
                place = turn @ near.fract[k] + shift
                key = _key(int(near.sites[k]), place)
                if key in molecule:
                    continue
                molecule[key] = place
                g = structure.rotations[near.operations[k]]
                t = structure.translations[near.operations[k]] + near.translations[k]
                queue.append((int(near.sites[k]), turn @ g, turn @ t + shift, passed + 1))
        return molecule
