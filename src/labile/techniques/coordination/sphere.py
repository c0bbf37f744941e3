"""Which atoms coordinate a metal: symmetry, neighbouring cells and disorder honoured, every choice overridable.

Of the atoms around the metal the automatic choice takes donors: no other metals, no hydrogen bonded elsewhere, no atom
behind a nearer donor it is bonded to (the carbon of a carboxylate). Their distances relative to the sum of covalent
radii (those of gemmi) are put in order, and the sphere ends at the largest gap among those below `LONGEST`; a second
gap nearly as large is named. Disordered ligands are taken one alternative at a time: atoms of different groups of one
assembly, or images of a group with a minus sign under different operations, never enter one sphere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from typing import Any

import numpy as np

from labile.core.neighbours import Neighbours, neighbours
from labile.core.structure import CrystalStructure, Molecule
from labile.techniques.coordination.errors import CoordinationError

LONGEST = 1.35
"""Longest bond in units of the sum of covalent radii."""
BEYOND = 1.6
"""Where the next atom is assumed when none is listed, in the same unit."""
REACH = 3.6e-10
"""m; atoms that are looked at."""
BEHIND = 0.25e-10
"""m by which an atom must be farther than a donor it is bonded to for lying behind it."""
BONDED = 1.2
"""Longest bond between two atoms that are no metals, in units of the sum of covalent radii."""
HYDROGEN_BOND = 1.25e-10
"""m; hydrogen this near to an atom that is no metal belongs to it."""
CLOSEST = 0.9e-10
"""m; two donors nearer than this are alternatives of one atom."""
SPLIT = 1.6e-10
"""m; partly occupied donors nearer than this, whose occupancies add to no more than 1, are alternatives too."""
WHOLE = 0.995
"""Occupancy from which an atom counts as always there."""
AMBIGUOUS = 0.6
"""Second largest gap relative to the largest from which both coordination numbers are named."""
MOST_ALTERNATIVES = 16


@dataclass(frozen=True, eq=False)
class CoordinationSphere:
    """A metal and the atoms bonded to it, in one alternative of the disorder.

    Attributes
    ----------
    structure : str
        Label of the structure.
    metal, element : str
    labels, elements, symmetry_codes : tuple of str
        Of the K ligand atoms, nearest first; ``"1_555"`` is the atom as listed.
    vectors : ndarray (K, 3)
        From the metal, m, Cartesian.
    around : Neighbours or None
        The same atoms with what error propagation needs; None for a molecule without cell.
    alternative : str
        Of the disorder; empty where there is none.
    weight : float
        Share of this alternative, from occupancies.
    choice : str
        How the atoms were chosen.
    notes : tuple of str
        What deserves a look.
    problems : tuple of str
        Why no geometry of this sphere means anything; empty where it does.
    """

    structure: str
    metal: str
    element: str
    labels: tuple[str, ...]
    elements: tuple[str, ...]
    symmetry_codes: tuple[str, ...]
    vectors: np.ndarray
    around: Neighbours | None = None
    alternative: str = ""
    weight: float = 1.0
    choice: str = ""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def positions(self) -> np.ndarray:
        """Metal (at the origin) and ligands, m, shape (K + 1, 3)."""
        return np.vstack([np.zeros(3), self.vectors])

    @cached_property
    def lengths(self) -> np.ndarray:
        """Metal-ligand distances, m, shape (K,)."""
        return np.sqrt(np.einsum("ki,ki->k", self.vectors, self.vectors))

    @cached_property
    def sigma_lengths(self) -> np.ndarray:
        """Their standard uncertainties, m; NaN where the file states none for metal or ligand."""
        if self.around is None:
            return np.full(len(self), math.nan)
        return np.where(self.known, self.around.sigma_distances, math.nan)

    @cached_property
    def known(self) -> np.ndarray:
        """Whether the file states uncertainties of the metal and of each ligand, shape (K,) of bool."""
        if self.around is None:
            return np.zeros(len(self), dtype=bool)
        stated = has_sigma(self.around.structure)
        return np.asarray(stated[self.around.sites] & stated[self.around.centre])

    @cached_property
    def factor(self) -> np.ndarray:
        """Matrix L with covariance of all components of `vectors` = L L^T, m, shape (K, 3, P).

        What the file does not state counts as 0 in it; see `known`.
        """
        if self.around is None:
            return np.zeros((len(self), 3, 1))
        return np.asarray(self.around.jacobian @ square_root(self.around.covariance))

    def describe(self) -> str:
        """One line: metal, donors, lengths in angstrom."""
        from labile.core.uncertain import format_uncertain

        parts = [
            f"{label} {format_uncertain(d * 1e10, s * 1e10)}"
            for label, d, s in zip(self.labels, self.lengths, self.sigma_lengths, strict=True)
        ]
        which = f" [{self.alternative}]" if self.alternative else ""
        return f"{self.metal}{which}: {', '.join(parts)}"


def has_sigma(structure: CrystalStructure) -> np.ndarray:
    """Whether a site states an uncertainty of any free coordinate, or has none that is free; shape (n,) of bool."""
    variance = np.diagonal(structure.position_covariance, axis1=1, axis2=2)
    missing = np.isnan(variance)
    return np.asarray(~missing.any(axis=1) | (variance > 0).any(axis=1))


def square_root(covariance: np.ndarray) -> np.ndarray:
    """A matrix L with L L^T equal to a positive semidefinite covariance."""
    diagonal = np.diagonal(covariance)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return np.asarray(scale[:, None] * vectors * np.sqrt(np.clip(values, 0.0, None)))


@cache
def covalent_radius(element: str) -> float:
    """Covalent radius as gemmi tabulates it, m."""
    import gemmi

    return float(gemmi.Element(element).covalent_r) * 1e-10


@cache
def is_metal(element: str) -> bool:
    """Whether an element is a metal."""
    import gemmi

    return bool(gemmi.Element(element).is_metal)


@cache
def is_d_or_f(element: str) -> bool:
    """Whether an element belongs to the d or f block."""
    import gemmi

    number = int(gemmi.Element(element).atomic_number)
    return 21 <= number <= 30 or 39 <= number <= 48 or 57 <= number <= 80 or 89 <= number <= 112


def metal_sites(structure: CrystalStructure | Molecule) -> tuple[str, ...]:
    """Labels of the sites of d and f metals, as listed."""
    return tuple(
        label for label, element in zip(structure.labels, structure.elements, strict=True) if is_d_or_f(element)
    )


def coordination_spheres(
    structure: CrystalStructure | Molecule,
    metal: str,
    *,
    ligands: Sequence[str] | None = None,
    number: int | None = None,
    cutoff: float | None = None,
    elements: Sequence[str] | None = None,
) -> tuple[CoordinationSphere, ...]:
    """Coordination sphere of a metal, one for each alternative of its disorder, the most frequent first.

    Parameters
    ----------
    structure : CrystalStructure or Molecule
    metal : str
        Label of the central atom; any element.
    ligands : sequence of str, optional
        Labels of the donors; every symmetry image of them within `cutoff` (default `LONGEST` times the sum of radii)
        is taken.
    number : int, optional
        Coordination number: that many nearest donors.
    cutoff : float, optional
        m: all donors up to this distance.
    elements : sequence of str, optional
        Elements that may be donors.

    Returns
    -------
    tuple of CoordinationSphere

    Raises
    ------
    CoordinationError
        For options that contradict each other, labels that are not there, or a metal without donors.
    StructureError
        For an unknown metal.

    Examples
    --------
    >>> from labile.core.structure import Site
    >>> sites = (Site("Fe1", "Fe", (0, 0, 0)), Site("N1", "N", (0.2, 0, 0)))
    >>> cubic = CrystalStructure(
    ...     "cube", [1e-9, 1e-9, 1e-9, 90, 90, 90], rotations=[np.eye(3), -np.eye(3)], translations=np.zeros((2, 3)),
    ...     sites=sites,
    ... )  # fmt: skip
    >>> coordination_spheres(cubic, "Fe1")[0].labels
    ('N1', 'N1')
    """
    given = [
        name for name, value in (("ligands", ligands), ("number", number), ("cutoff", cutoff)) if value is not None
    ]
    if number is not None and len(given) > 1:
        raise CoordinationError(f"{metal}: {' and '.join(given)} contradict each other; give one of them")
    if number is not None and (isinstance(number, bool) or number != int(number) or number < 1):
        raise CoordinationError(f"{metal}: number must be a whole number of at least 1, found {number!r}")
    if cutoff is not None and not 0 < cutoff <= 1e-9:
        raise CoordinationError(f"{metal}: cutoff must be above 0 and in m (2.6 angstrom is 2.6e-10), found {cutoff!r}")
    if isinstance(ligands, str) or isinstance(elements, str):
        raise CoordinationError(f"{metal}: ligands and elements are lists of names, not one text")
    chooser = _Chooser(metal, None if ligands is None else tuple(ligands), number, cutoff, elements)
    if isinstance(structure, Molecule):
        return (_of_molecule(structure, chooser),)
    centre = structure.index(metal)
    for label in ligands or ():
        structure.index(label)
    radius = max(REACH, cutoff or 0.0, LONGEST * (covalent_radius(structure.elements[centre]) + 1.5e-10))
    near = neighbours(structure, centre, radius)
    stated = not np.any(np.isnan(structure.cell_covariance))
    spheres = []
    for name, weight, mask in _alternatives(structure, centre, near):
        around = _sphere_of(structure, centre, near if mask.all() else near[mask], name, weight)
        sphere = chooser.choose(around)
        if not stated:
            none = not np.any(np.diagonal(structure.cell_covariance) > 0)
            told = (
                "the file states no s.u. of the cell; those of lengths hold for the coordinates alone"
                if none
                else "the file states no s.u. of some cell parameters, which count as exact in those of lengths"
            )
            sphere = replace(sphere, notes=(*sphere.notes, told))
        spheres.append(sphere)
    return _merged(spheres)


def _sphere_of(
    structure: CrystalStructure, centre: int, near: Neighbours, name: str, weight: float
) -> CoordinationSphere:
    return CoordinationSphere(
        structure.label,
        structure.labels[centre],
        structure.elements[centre],
        near.labels,
        near.elements,
        near.symmetry_codes,
        near.vectors,
        near,
        name,
        weight,
    )


def _of_molecule(molecule: Molecule, chooser: _Chooser) -> CoordinationSphere:
    if chooser.metal not in molecule.labels:
        raise CoordinationError(
            f"{molecule.label}: there is no atom {chooser.metal!r}; there are {molecule.labels[:8]}"
        )
    centre = molecule.labels.index(chooser.metal)
    vectors = molecule.positions - molecule.positions[centre]
    length = np.linalg.norm(vectors, axis=1)
    order = np.argsort(length, kind="stable")
    order = order[(order != centre) & (length[order] <= max(REACH, chooser.cutoff or 0.0))]
    return chooser.choose(
        CoordinationSphere(
            molecule.label,
            chooser.metal,
            molecule.elements[centre],
            tuple(molecule.labels[i] for i in order),
            tuple(molecule.elements[i] for i in order),
            ("",) * len(order),
            vectors[order],
        )
    )


def _alternatives(structure: CrystalStructure, centre: int, near: Neighbours) -> list[tuple[str, float, np.ndarray]]:
    """Name, share and mask of the neighbours for every combination of disorder groups around the metal."""
    sites = structure.sites
    keys: list[tuple[str, str] | None] = []
    for n, g in zip(near.sites, near.operations, strict=True):
        site = sites[n]
        if not site.disorder_group:
            keys.append(None)
        elif site.disorder_group.startswith("-"):
            # disordered about a special position: each operation makes another alternative
            own = structure.site_orders[n] > 1
            keys.append(None if own else (site.disorder_assembly, f"{site.disorder_group} under operation {g + 1}"))
        else:
            keys.append((site.disorder_assembly, site.disorder_group))
    limit = [LONGEST * (covalent_radius(sites[centre].element) + covalent_radius(sites[n].element)) for n in near.sites]
    donors = near.distances <= np.array(limit)
    groups: dict[str, dict[str, float]] = {}
    for k, key in enumerate(keys):
        if key is not None and donors[k]:
            members = groups.setdefault(key[0], {})
            members[key[1]] = max(members.get(key[1], 0.0), float(sites[near.sites[k]].occupancy))
    metal = sites[centre]
    if metal.disorder_group and metal.disorder_assembly in groups:
        own = metal.disorder_group
        own = f"{own} under operation 1" if own.startswith("-") else own
        groups[metal.disorder_assembly] = {own: 1.0}
    if not groups:
        return [("", 1.0, _with(keys, {}))]
    assemblies = sorted(groups)
    combinations = list(product(*(sorted(groups[a]) for a in assemblies)))
    if len(combinations) > MOST_ALTERNATIVES:
        raise CoordinationError(
            f"{structure.label}: {metal.label} has {len(combinations)} combinations of disordered ligands; name the"
            " ligands of one alternative with `ligands`"
        )
    shares = [math.prod(groups[a][g] for a, g in zip(assemblies, c, strict=True)) for c in combinations]
    total = sum(shares) or 1.0
    result = []
    for combination, share in zip(combinations, shares, strict=True):
        chosen = dict(zip(assemblies, combination, strict=True))
        name = ", ".join(f"assembly {a or '.'} group {g}" for a, g in chosen.items())
        result.append((name, share / total, _with(keys, chosen)))
    return sorted(result, key=lambda one: -one[1])


def _with(keys: list[tuple[str, str] | None], chosen: dict[str, str]) -> np.ndarray:
    # an assembly with no donor near the metal cannot mix there; its atoms stay
    return np.array([key is None or key[0] not in chosen or chosen[key[0]] == key[1] for key in keys], dtype=bool)


def _merged(spheres: list[CoordinationSphere]) -> tuple[CoordinationSphere, ...]:
    """Alternatives that leave the same atoms are one."""
    kept: dict[Any, CoordinationSphere] = {}
    for sphere in spheres:
        key = tuple(zip(sphere.labels, sphere.symmetry_codes, strict=True))
        if key in kept:
            kept[key] = replace(kept[key], weight=kept[key].weight + sphere.weight)
        else:
            kept[key] = sphere
    found = tuple(kept.values())
    return (replace(found[0], alternative=""),) if len(found) == 1 and found[0].alternative else found


@dataclass(frozen=True)
class _Chooser:
    metal: str
    ligands: tuple[str, ...] | None
    number: int | None
    cutoff: float | None
    elements: Sequence[str] | None

    def choose(self, around: CoordinationSphere) -> CoordinationSphere:
        """Reduce everything around a metal to its coordination sphere."""
        radii = np.array([covalent_radius(e) for e in around.elements])
        reduced = around.lengths / (covalent_radius(around.element) + radii)
        notes: list[str]
        if self.ligands is not None:
            named = np.array([label in self.ligands for label in around.labels], dtype=bool) & (
                around.lengths > CLOSEST
            )
            taken = np.flatnonzero(named & (around.lengths <= self.cutoff if self.cutoff else reduced <= LONGEST))
            missing = sorted(set(self.ligands) - {around.labels[k] for k in taken})
            if missing and not around.alternative:
                raise CoordinationError(
                    f"{around.structure}: {self.metal} has no {', '.join(missing)} within"
                    f" {'the cutoff' if self.cutoff else 'the length of a bond'}; give a larger cutoff"
                )
            choice, notes = "named ligands", []
        else:
            donors = _donors(around, reduced, radii, self.elements)
            taken, choice, notes = self._of_donors(around, reduced, donors)
        for k in np.flatnonzero(around.lengths <= CLOSEST):
            what = f"{around.labels[k]} lies {around.lengths[k] * 1e10:.2f} angstrom from {self.metal}"
            notes.append(f"{what}: a mixed or disordered site, no donor")
        if not len(taken):
            raise CoordinationError(
                f"{around.structure}: {self.metal} has no donor atom at the length of a bond; name ligands or a cutoff"
            )
        return _checked(_select(around, taken), choice, notes)

    def _of_donors(
        self, around: CoordinationSphere, reduced: np.ndarray, donors: np.ndarray
    ) -> tuple[np.ndarray, str, list[str]]:
        if self.cutoff is not None:
            return donors[around.lengths[donors] <= self.cutoff], f"cutoff {self.cutoff * 1e10:.4g} angstrom", []
        ranked = donors[np.argsort(reduced[donors], kind="stable")]
        if self.number is not None:
            ranked = donors[np.argsort(around.lengths[donors], kind="stable")]
            if len(ranked) < self.number:
                raise CoordinationError(
                    f"{around.structure}: {self.metal} has {len(ranked)} atoms that may be donors within"
                    f" {REACH * 1e10:.3g} angstrom, {self.number} were asked for"
                )
            return np.sort(ranked[: self.number]), f"{self.number} nearest donors", []
        inside = int(np.sum(reduced[ranked] <= LONGEST))
        if not inside:
            return ranked[:0], "", []
        steps = np.append(reduced[ranked], max(BEYOND, float(reduced[ranked][-1])))
        gaps = np.diff(steps)[:inside]
        ends = np.argsort(-gaps, kind="stable")
        count = int(ends[0]) + 1
        notes = []
        if len(ends) > 1 and gaps[ends[1]] > AMBIGUOUS * gaps[ends[0]] and gaps[ends[1]] > 0.1:
            notes.append(
                f"coordination number {count} or {int(ends[1]) + 1}: two gaps of similar size; choose with number"
            )
        return np.sort(ranked[:count]), "largest gap", notes


def _select(around: CoordinationSphere, taken: np.ndarray) -> CoordinationSphere:
    if len(taken) == len(around):
        return around
    return replace(
        around,
        labels=tuple(around.labels[k] for k in taken),
        elements=tuple(around.elements[k] for k in taken),
        symmetry_codes=tuple(around.symmetry_codes[k] for k in taken),
        vectors=around.vectors[taken],
        around=None if around.around is None else around.around[taken],
    )


def _donors(
    around: CoordinationSphere, reduced: np.ndarray, radii: np.ndarray, elements: Sequence[str] | None
) -> np.ndarray:
    """Numbers of atoms that may be donors, nearest first."""
    apart = np.linalg.norm(around.vectors[:, None] - around.vectors[None], axis=2)
    light = np.array([e in ("H", "D") for e in around.elements], dtype=bool)
    metals = np.array([is_metal(e) for e in around.elements], dtype=bool)
    heavy = ~light & ~metals
    allowed = heavy | (light & ~np.any((apart < HYDROGEN_BOND) & heavy[None], axis=1))
    allowed &= around.lengths > CLOSEST
    if elements is not None:
        allowed &= np.array([e in elements for e in around.elements], dtype=bool)
    # alternatives of one atom, which `_checked` refuses, lie not behind each other
    bonded = ~_exclusive(around, apart) & (apart < BONDED * (radii[:, None] + radii[None]))
    farther = around.lengths[:, None] - around.lengths[None] > BEHIND
    taken: list[int] = []
    for k in np.flatnonzero(allowed):
        if not any(bonded[k, j] and farther[k, j] for j in taken):
            taken.append(int(k))
    return np.array(taken, dtype=int)


def _exclusive(around: CoordinationSphere, apart: np.ndarray) -> np.ndarray:
    """Pairs of atoms that cannot both be there, though no disorder groups say so, shape (K, K) of bool."""
    found = np.asarray(apart < CLOSEST)
    if around.around is not None:
        structure = around.around.structure
        share = structure.occupancies[around.around.sites]
        ungrouped = np.array([not structure.sites[n].disorder_group for n in around.around.sites], dtype=bool)
        split = (share < WHOLE) & ungrouped
        found |= (apart < SPLIT) & split[:, None] & split[None] & (share[:, None] + share[None] < 1.05)
    return found


def _checked(sphere: CoordinationSphere, choice: str, notes: list[str]) -> CoordinationSphere:
    problems = []
    apart = np.linalg.norm(sphere.vectors[:, None] - sphere.vectors[None], axis=2)
    overlap = _exclusive(sphere, apart)
    for i, j in zip(*np.nonzero(np.triu(overlap, 1)), strict=True):
        problems.append(
            f"{sphere.labels[i]} and {sphere.labels[j]} are {apart[i, j] * 1e10:.2f} angstrom apart: alternatives"
            " that the file does not tell apart by disorder groups; name the ligands of one"
        )
    if sphere.around is not None:
        structure = sphere.around.structure
        partial = sorted(
            {
                f"{structure.sites[n].label} ({structure.sites[n].occupancy:g})"
                for n in sphere.around.sites
                if structure.sites[n].occupancy < WHOLE and not structure.sites[n].disorder_group
            }
        )
        if partial:
            notes.append(f"partly occupied without a disorder group: {', '.join(partial)}")
        if not np.all(sphere.known):
            of = sorted({label for label, known in zip(sphere.labels, sphere.known, strict=True) if not known})
            notes.append(f"no s.u. stated for {sphere.metal} or {', '.join(of)}")
    return replace(sphere, choice=choice, notes=(*sphere.notes, *notes), problems=(*sphere.problems, *problems))
