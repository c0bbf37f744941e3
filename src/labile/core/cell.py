"""Geometry of a unit cell: axes in a Cartesian frame, metric, volume, and what symmetry leaves free in it.

A cell is (a, b, c, alpha, beta, gamma), edges in m and angles in degrees. The Cartesian frame has c along z and a*
along x, so infinitesimal strains computed from these axes have the convention that strain programs state.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
RADIANS = math.pi / 180.0


class StructureError(ValueError):
    """A cell, symmetry or set of atoms that cannot be a crystal structure; the message names block and item."""


def _cosines(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of the angles; a right angle leaves no rounding error."""
    angles = cells[..., 3:] * RADIANS
    return np.where(cells[..., 3:] == 90.0, 0.0, np.cos(angles)), np.sin(angles)


def check_cells(cells: Any, where: str = "cell") -> np.ndarray:
    """Cells as an array, refused when they enclose no volume.

    Parameters
    ----------
    cells : array_like (..., 6)
        m and degrees.
    where : str
        Start of the message.

    Returns
    -------
    ndarray (..., 6)

    Raises
    ------
    StructureError
        For other shapes, edges that are not positive or not in m, angles outside 0-180 degrees or that close no cell.

    Examples
    --------
    >>> check_cells([7e-10, 8e-10, 9e-10, 90, 100, 90]).shape
    (6,)
    """
    array = np.array(cells, dtype=float)
    if array.shape[-1:] != (6,):
        raise StructureError(f"{where}: a, b, c, alpha, beta and gamma are needed, found shape {array.shape}")
    rows = array.reshape(-1, 6)
    for row, cell in enumerate(rows):
        at = where if array.ndim == 1 else f"{where} {row + 1}"
        if not np.all(np.isfinite(cell)):
            raise StructureError(f"{at}: {CELL_NAMES[int(np.argmin(np.isfinite(cell)))]} is not a finite number")
        for name, edge in zip("abc", cell[:3], strict=True):
            if not 0 < edge < 1e-6:
                raise StructureError(
                    f"{at}: edge {name} must be above 0 and in m, found {edge:g} (1 angstrom is 1e-10 m)"
                )
        cosines = np.cos(cell[3:] * RADIANS)
        square = 1 - cosines @ cosines + 2 * np.prod(cosines)
        # 1e-6 of the square is a cell flatter than any crystal's
        if not (np.all((cell[3:] > 0) & (cell[3:] < 180)) and square > 1e-6):
            angles = ", ".join(f"{angle:g}" for angle in cell[3:])
            raise StructureError(f"{at}: the angles alpha, beta, gamma = {angles} degrees enclose no volume")
    return array


def orthogonalisation(cells: Any) -> np.ndarray:
    """Cell vectors as the columns of a matrix, c along z and a* along x: Cartesian = matrix @ fractional.

    Parameters
    ----------
    cells : array_like (..., 6)
        a, b, c (m), alpha, beta, gamma (degrees).

    Returns
    -------
    ndarray (..., 3, 3)
        m.

    Examples
    --------
    >>> C = orthogonalisation([7e-10, 8e-10, 9e-10, 90, 100, 90])
    >>> (C * 1e10).round(4).tolist()
    [[6.8937, 0.0, 0.0], [0.0, 8.0, 0.0], [-1.2155, 0.0, 9.0]]
    """
    cells = np.asarray(cells, dtype=float)
    cosine, sine = _cosines(cells)
    a, b, c = cells[..., 0], cells[..., 1], cells[..., 2]
    q = (cosine[..., 0] * cosine[..., 1] - cosine[..., 2]) / sine[..., 0]
    matrix = np.zeros((*cells.shape[:-1], 3, 3))
    matrix[..., 0, 0] = a * np.sqrt(sine[..., 1] ** 2 - q**2)
    matrix[..., 1, 0] = -a * q
    matrix[..., 1, 1] = b * sine[..., 0]
    matrix[..., 2, 0] = a * cosine[..., 1]
    matrix[..., 2, 1] = b * cosine[..., 0]
    matrix[..., 2, 2] = c
    return matrix


def orthogonalisation_derivative(cells: Any) -> np.ndarray:
    """Derivative of `orthogonalisation` in a, b, c (per m) and alpha, beta, gamma (per degree).

    Parameters
    ----------
    cells : array_like (..., 6)

    Returns
    -------
    ndarray (..., 6, 3, 3)
        The first of the new axes numbers the cell parameter.

    Examples
    --------
    >>> orthogonalisation_derivative([7e-10, 8e-10, 9e-10, 90, 90, 90])[2, 2, 2].item()
    1.0
    """
    cells = np.asarray(cells, dtype=float)
    cosine, sine = _cosines(cells)
    (ca, cb, cg), (sa, sb, sg) = np.moveaxis(cosine, -1, 0), np.moveaxis(sine, -1, 0)
    a, b = cells[..., 0], cells[..., 1]
    q = (ca * cb - cg) / sa
    w = np.sqrt(sb**2 - q**2)
    q_angles = ((ca * cg - cb) / sa**2, -ca * sb / sa, sg / sa)
    result = np.zeros((*cells.shape[:-1], 6, 3, 3))
    result[..., 0, 0, 0], result[..., 0, 1, 0], result[..., 0, 2, 0] = w, -q, cb
    result[..., 1, 1, 1], result[..., 1, 2, 1] = sa, ca
    result[..., 2, 2, 2] = 1.0
    for k, q_k in enumerate(q_angles, 3):
        own = sb * cb if k == 4 else 0.0
        result[..., k, 0, 0] = a * (own - q * q_k) / w * RADIANS
        result[..., k, 1, 0] = -a * q_k * RADIANS
    result[..., 3, 1, 1], result[..., 3, 2, 1] = b * ca * RADIANS, -b * sa * RADIANS
    result[..., 4, 2, 0] = -a * sb * RADIANS
    return result


def metric(cells: Any) -> np.ndarray:
    """Metric tensor G, G_ij = a_i . a_j, m2, shape (..., 3, 3).

    Examples
    --------
    >>> (metric([7e-10, 8e-10, 9e-10, 90, 90, 90]) * 1e20).round(6).diagonal().tolist()
    [49.0, 64.0, 81.0]
    """
    axes = orthogonalisation(cells)
    return np.asarray(np.swapaxes(axes, -1, -2) @ axes)


def cell_volume(cells: Any) -> np.ndarray:
    """Volume of cells, m3, shape (...).

    Examples
    --------
    >>> round(float(cell_volume([7e-10, 8e-10, 9e-10, 90, 90, 90])) * 1e30, 6)
    504.0
    """
    axes = orthogonalisation(cells)
    return np.asarray(axes[..., 0, 0] * axes[..., 1, 1] * axes[..., 2, 2])


def cell_volume_gradient(cells: Any) -> np.ndarray:
    """Derivative of the volume in the six cell parameters, m2 and m3 per degree, shape (..., 6).

    Examples
    --------
    >>> (cell_volume_gradient([7e-10, 8e-10, 9e-10, 90, 90, 90])[:3] * 1e20).round(6).tolist()
    [72.0, 63.0, 56.0]
    """
    axes, slopes = orthogonalisation(cells), orthogonalisation_derivative(cells)
    diagonal = np.einsum("...ii->...i", axes)
    ratios = np.einsum("...kii->...ki", slopes) / diagonal[..., None, :]
    return np.asarray(np.prod(diagonal, axis=-1)[..., None] * ratios.sum(axis=-1))


def sigma_cell_volume(cell: np.ndarray, covariance: np.ndarray) -> float:
    """Standard uncertainty of the volume of one cell, m3.

    Parameters
    ----------
    cell : ndarray (6,)
    covariance : ndarray (6, 6)
        Of its parameters; NaN where unknown.

    Returns
    -------
    float
        NaN where the volume depends on a parameter whose s.u. is unknown.

    Examples
    --------
    >>> cell = np.array([7e-10, 8e-10, 9e-10, 90, 90, 90])
    >>> round(sigma_cell_volume(cell, np.diag([1e-13, 0, 0, 0, 0, 0]) ** 2) * 1e30, 6)
    0.072
    """
    gradient = cell_volume_gradient(cell)
    # at right angles the volume is stationary, so an angle without s.u. takes nothing away; compared per relative
    # edge and per radian
    scaled = np.abs(gradient) * np.concatenate([cell[:3], np.full(3, 180 / math.pi)])
    used = scaled > 1e-12 * np.max(scaled)
    return float(np.sqrt(gradient[used] @ covariance[np.ix_(used, used)] @ gradient[used]))


def free_cell_directions(cell: Any, rotations: np.ndarray) -> np.ndarray:
    """Changes of the cell that its symmetry allows.

    Parameters
    ----------
    cell : array_like (6,)
        m and degrees.
    rotations : ndarray (G, 3, 3)
        Rotation parts of the symmetry operations, fractional.

    Returns
    -------
    ndarray (6, F)
        One column for each of the F free parameters: 1 at the parameter that names it, the slopes of those tied to it
        below. A fixed parameter has a row of zeros.

    Examples
    --------
    >>> fourfold = np.array([[[0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    >>> free_cell_directions([7e-10, 7e-10, 9e-10, 90, 90, 90], fourfold).astype(int).T.tolist()
    [[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    """
    simple = _simple_directions(*_key(rotations))
    if simple is not None:
        return simple
    # scaled to parameters and entries of order 1: relative edges, radians, direction cosines
    cell = np.asarray(cell, dtype=float)
    cosine, sine = _cosines(cell)
    lengths = cell[:3]
    slopes = np.zeros((6, 6))
    for row, (i, j) in enumerate(_PAIRS):
        if i == j:
            slopes[row, i] = 2 * lengths[i] ** 2
        else:
            k = 3 - i - j
            slopes[row, [i, j]] = lengths[i] * lengths[j] * cosine[k]
            slopes[row, 3 + k] = -lengths[i] * lengths[j] * sine[k]
    projector = np.linalg.solve(slopes, _averaging(*_key(rotations)) @ slopes)
    directions = column_space(projector)
    # back from relative edges and radians
    scale = np.concatenate([lengths, np.full(3, 1 / RADIANS)])
    scaled = directions * scale[:, None]
    pivots = np.array([int(np.flatnonzero(column)[0]) for column in directions.T], dtype=int)
    return np.asarray(scaled / scale[pivots])


def cell_constraints(rotations: np.ndarray) -> tuple[tuple[int, ...], dict[int, float]]:
    """Which cell parameters symmetry makes equal, and which angles it fixes.

    Parameters
    ----------
    rotations : ndarray (G, 3, 3)
        Rotation parts of the symmetry operations, fractional.

    Returns
    -------
    equal : tuple of int
        For each of the six parameters the number of the first one that it equals (itself when free).
    angles : dict of int to float
        Number of a fixed angle (3 to 5) to its value, degrees.

    Examples
    --------
    >>> cell_constraints(np.array([[[0, -1, 0], [1, -1, 0], [0, 0, 1]]]))
    ((0, 0, 2, 3, 3, 5), {3: 90.0, 4: 90.0, 5: 120.0})
    """
    return _constraints(*_key(rotations))


_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def _key(rotations: np.ndarray) -> tuple[bytes, int]:
    whole = np.ascontiguousarray(np.rint(rotations), dtype=np.int8)
    return whole.tobytes(), len(whole)


@lru_cache(maxsize=256)
def _averaging(content: bytes, count: int) -> np.ndarray:
    """What averaging over the point group does to the entries 11 22 33 23 13 12 of a metric, shape (6, 6)."""
    group = _closed(np.frombuffer(content, dtype=np.int8).reshape(count, 3, 3).astype(float))
    basis = np.zeros((6, 3, 3))
    for row, (i, j) in enumerate(_PAIRS):
        basis[row, i, j] = basis[row, j, i] = 1.0
    averaged = np.einsum("gia,kij,gjb->kab", group, basis, group) / len(group)
    keep = np.array([averaged[:, i, j] for i, j in _PAIRS])
    keep.flags.writeable = False
    return keep


@lru_cache(maxsize=256)
def _constraints(content: bytes, count: int) -> tuple[tuple[int, ...], dict[int, float]]:
    keep = _averaging(content, count)
    # what holds for two metrics without symmetry, averaged over the group, holds for all
    found = []
    for entries in ((2.0, 3.1, 4.3, 0.41, 0.53, 0.37), (5.3, 3.7, 2.9, -0.31, 0.23, 0.61)):
        square_a, square_b, square_c, bc, ac, ab = keep @ np.array(entries)
        a, b, c = math.sqrt(square_a), math.sqrt(square_b), math.sqrt(square_c)
        angles = [math.degrees(math.acos(one)) for one in (bc / (b * c), ac / (a * c), ab / (a * b))]
        found.append([a, b, c, *angles])
    first, second = found

    def same(i: int, j: int) -> bool:
        return math.isclose(first[i], first[j]) and math.isclose(second[i], second[j])

    equal = tuple(next(j for j in (range(3) if k < 3 else range(3, 6)) if same(k, j)) for k in range(6))
    fixed = {k: round(first[k], 9) for k in range(3, 6) if math.isclose(first[k], second[k])}
    return equal, fixed


@lru_cache(maxsize=256)
def _simple_directions(content: bytes, count: int) -> np.ndarray | None:
    """Directions where symmetry only fixes angles and makes parameters equal; None for other settings."""
    equal, fixed = _constraints(content, count)
    names = sorted({equal[k] for k in range(6) if k not in fixed})
    if len(names) != round(float(np.trace(_averaging(content, count)))):
        return None
    directions = np.array([[float(equal[k] == name and k not in fixed) for name in names] for k in range(6)])
    directions.flags.writeable = False
    return directions


def _closed(rotations: np.ndarray) -> np.ndarray:
    """Group that rotation parts generate; at most 48 for a crystal."""
    group = {np.eye(3).tobytes(): np.eye(3)}
    generators = [np.array(r, dtype=float) for r in np.unique(np.rint(rotations), axis=0)]
    fresh = [np.eye(3)]
    while fresh:
        made = [g @ r + 0.0 for g in fresh for r in generators]
        fresh = []
        for one in made:
            if one.tobytes() not in group:
                group[one.tobytes()] = one
                fresh.append(one)
        if len(group) > 48:
            raise StructureError("symmetry operations: their rotation parts form no crystallographic point group")
    return np.array(list(group.values()))


def column_space(projector: np.ndarray, small: float = 1e-7) -> np.ndarray:
    """Column space of a projector with a unit at the first free row of each column, shape (n, rank).

    Examples
    --------
    >>> column_space(np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]])).T.tolist()
    [[1.0, 1.0, 0.0]]
    """
    rows = np.array(projector.T, dtype=float)
    found: list[np.ndarray] = []
    for column in range(rows.shape[1]):
        if rows.shape[0] == 0:
            break
        best = int(np.argmax(np.abs(rows[:, column])))
        if abs(rows[best, column]) < small:
            continue
        pivot = rows[best] / rows[best, column]
        rows = np.delete(rows, best, axis=0)
        rows = rows - np.outer(rows[:, column], pivot)
        found = [one - one[column] * pivot for one in found] + [pivot]
    result = np.array(found).T if found else np.zeros((projector.shape[0], 0))
    result[np.abs(result) < small] = 0.0
    return np.asarray(result)
