"""Whether two structures of a crystal pack alike: symmetry, cell and atoms compared.

An isostructural transition keeps space group, setting and the arrangement of the atoms and shows in the numbers alone;
a symmetry change shows in the operations. With n operations in a cell of volume V the density n/V of operations falls
by the index of the subgroup when symmetry is lost: fewer rotations in the same cell (translationengleich), or a larger
cell with the same rotations (klassengleich). A multiple of a cell may have operations that read exactly as those of the
cell itself, so that volumes are compared, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.cell import CELL_NAMES
from labile.core.structure import CrystalStructure
from labile.techniques.coordination.errors import CoordinationError

SAME = 0.5e-10
"""m; root mean square displacement of atoms below which an arrangement is the same."""
STRETCHED = 0.1
"""Relative change of an edge (or rad of an angle) above which cells are not compared atom by atom."""
WHOLE = 0.15
"""Relative distance to a whole number within which a ratio of operations per volume is an index of a subgroup."""


@dataclass(frozen=True, eq=False)
class PackingComparison:
    """A structure against a reference.

    Attributes
    ----------
    reference, other : str
        Labels.
    same_symmetry : bool
        Same operations in the same setting, and not in a multiple of the cell.
    isostructural : bool
        Same symmetry, every atom found, and moved by less than the tolerance (root mean square).
    symmetry : str
        What happened to the symmetry, one sentence.
    index : float
        Density of symmetry operations of the reference over that of the other: above 1 where symmetry is lost.
    cell_change : ndarray (6,)
        Other less reference: m, and degrees.
    cell_change_in_sigma : ndarray (6,)
        The same over its s.u.; NaN where none is stated, 0 where symmetry fixes the parameter in both.
    volume_ratio : float
        Per formula unit where both files state Z, else per cell.
    displacements : mapping of str to float
        Of each atom in both, m, after removing a common shift along axes without fixed origin.
    rmsd : float
        Root mean square of those of atoms other than hydrogen without disorder, m; NaN where none is compared.
    notes : tuple of str
    """

    reference: str
    other: str
    same_symmetry: bool
    isostructural: bool
    symmetry: str
    index: float
    cell_change: np.ndarray
    cell_change_in_sigma: np.ndarray
    volume_ratio: float
    displacements: Mapping[str, float]
    rmsd: float
    notes: tuple[str, ...] = ()


def compare_packing(
    reference: CrystalStructure, other: CrystalStructure, *, tolerance: float = SAME
) -> PackingComparison:
    """Compare the packing of one crystal under two conditions.

    Parameters
    ----------
    reference, other : CrystalStructure
    tolerance : float
        m; see `PackingComparison.isostructural`.

    Returns
    -------
    PackingComparison

    Notes
    -----
    Atoms are matched by label and element, through the symmetry of the reference. The origin is taken to be the same
    but for axes that symmetry leaves free; structures described with another origin or setting come out as different.

    Examples
    --------
    >>> from labile.core.structure import Site
    >>> cold = CrystalStructure("100 K", [7e-10, 8e-10, 9e-10, 90, 90, 90], sites=(Site("Fe1", "Fe", (0, 0, 0)),))
    >>> warm = CrystalStructure("300 K", [7.1e-10, 8e-10, 9e-10, 90, 90, 90], sites=(Site("Fe1", "Fe", (0, 0, 0)),))
    >>> compare_packing(cold, warm).isostructural
    True
    """
    if not tolerance > 0:
        raise CoordinationError(f"packing: tolerance must be above 0 m, found {tolerance!r}")
    index = (len(reference.rotations) / reference.volume) / (len(other.rotations) / other.volume)
    written_alike = _operations(reference) == _operations(other)
    multiple = written_alike and _whole(index) not in (None, 1)
    same = written_alike and not multiple
    notes: list[str] = []
    if multiple and reference.formula_units and reference.formula_units == other.formula_units:
        notes.append(
            f"both files state Z = {reference.formula_units:g}, though one cell is {max(index, 1 / index):.3g} times as"
            " large as the other: Z of one of them is wrong, or the crystal itself swelled so far"
        )
    change = other.cell - reference.cell
    variance = np.diagonal(reference.cell_covariance) + np.diagonal(other.cell_covariance)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_sigma = np.where(variance > 0, change / np.sqrt(variance), np.where(np.isnan(variance), math.nan, 0.0))
    fixed_but_moved = (variance == 0) & (np.abs(change) > 1e-6 * np.abs(reference.cell))
    if np.any(fixed_but_moved):
        names = ", ".join(name for name, moved in zip(CELL_NAMES, fixed_but_moved, strict=True) if moved)
        in_sigma = np.where(fixed_but_moved, math.nan, in_sigma)
        notes.append(f"{names} differ without a stated s.u.")
    ratio = other.volume / reference.volume
    if reference.formula_units and other.formula_units:
        ratio *= reference.formula_units / other.formula_units
    strained = np.abs(np.concatenate([change[:3] / reference.cell[:3], np.radians(change[3:])]))
    moved: dict[str, float] = {}
    rmsd = math.nan
    if same and np.all(strained < STRETCHED):
        moved, rmsd = _displacements(reference, other, notes)
    elif same:
        notes.append("the cells differ too much to compare atoms")
    unmatched = sorted(set(reference.labels) ^ set(other.labels))
    if unmatched:
        notes.append(
            f"atoms in one structure only: {', '.join(unmatched[:10])}{', ...' if len(unmatched) > 10 else ''}"
        )
    heavy = {s.label for s in (*reference.sites, *other.sites) if s.element not in ("H", "D") and not s.disorder_group}
    alike = same and rmsd < tolerance and not heavy & set(unmatched)
    return PackingComparison(
        reference.label, other.label, same, bool(alike), _said(reference, other, same, index), float(index), change,
        in_sigma, float(ratio), moved, rmsd, tuple(notes),
    )  # fmt: skip


def _operations(structure: CrystalStructure) -> set[tuple[int, ...]]:
    shifts = np.rint(np.mod(structure.translations, 1.0) * 48).astype(int) % 48
    return {(*map(int, r.ravel()), *map(int, t)) for r, t in zip(structure.rotations, shifts, strict=True)}


def _said(reference: CrystalStructure, other: CrystalStructure, same: bool, index: float) -> str:
    names = f"{reference.space_group or '?'} and {other.space_group or '?'}"
    if same:
        return f"same space group and setting ({names})"
    whole = _whole(index)
    if whole == 1:
        return f"as many operations per volume ({names}): another setting, origin or an unrelated group of equal order"
    here, there = (len({tuple(r.ravel()) for r in s.rotations}) for s in (reference, other))
    # what the rotations do not explain of the index, the translations do
    growth = index * there / here
    kinds = []
    if here != there:
        kinds.append("fewer rotations" if there < here else "more rotations")
    if _whole(growth) != 1:
        kinds.append(f"a {'larger' if growth > 1 else 'smaller'} cell{' with the same rotations' if not kinds else ''}")
    kind = " and ".join(kinds)
    if whole is not None and len(kinds) == 1:
        kind += f" ({'translationengleich' if here != there else 'klassengleich'})"
    lost, verb = (reference, "lost") if index > 1 else (other, "gained")
    text = f"symmetry {verb} from {reference.label} to {other.label} ({names}): {kind}"
    if whole is not None:
        return f"{text}, index {whole}"
    return f"{text}; {max(index, 1 / index):.2f} times the operations per volume in {lost.label}, no whole index"


def _whole(index: float) -> int | None:
    """Index of the subgroup, of whichever structure has the lower symmetry; None where none is near."""
    ratio = max(index, 1 / index)
    return round(ratio) if abs(ratio / round(ratio) - 1) < WHOLE else None


def _displacements(
    reference: CrystalStructure, other: CrystalStructure, notes: list[str]
) -> tuple[dict[str, float], float]:
    where = {label: n for n, label in enumerate(other.labels)}
    pairs = [
        (n, where[site.label])
        for n, site in enumerate(reference.sites)
        if site.label in where and other.sites[where[site.label]].element == site.element
    ]
    if not pairs:
        notes.append("no atom has the same label and element in both")
        return {}, math.nan
    here, there = (np.array(column) for column in zip(*pairs, strict=True))
    metric = (reference.metric + other.metric) / 2
    start = reference.positions[here]
    images = np.einsum("gij,nj->ngi", other.rotations, other.positions[there]) + other.translations
    counted = np.array(
        [reference.sites[n].element not in ("H", "D") and not reference.sites[n].disorder_group for n in here]
    )
    free = reference.rotations.mean(axis=0)
    drift = np.zeros(3)
    steps = np.zeros_like(start)
    # the common shift changes which image is nearest, so both are found in turn
    for _ in range(3):
        offsets = images - drift - start[:, None]
        offsets -= np.rint(offsets)
        lengths = np.einsum("ngi,ij,ngj->ng", offsets, metric, offsets)
        steps = offsets[np.arange(len(start)), np.argmin(lengths, axis=1)]
        if not counted.any():
            break
        drift = drift + free @ steps[counted].mean(axis=0)
        steps = steps - free @ steps[counted].mean(axis=0)
    distances = np.sqrt(np.einsum("ni,ij,nj->n", steps, metric, steps))
    rmsd = float(np.sqrt(np.mean(distances[counted] ** 2))) if counted.any() else math.nan
    return {reference.labels[n]: float(d) for n, d in zip(here, distances, strict=True)}, rmsd
