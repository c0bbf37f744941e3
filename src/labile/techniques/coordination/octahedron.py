"""Distortion of octahedra: mean length, zeta, Delta, Sigma, Theta, each with its gradient in the atomic positions.

    d_m = mean d_i,  zeta = sum |d_i - d_m|,  Delta = (1/6) sum [(d_i - d_m)/d_m]^2
    Sigma = sum over the 12 cis angles of |90 deg - angle|
    Theta = half the sum over the 8 faces of sum_6 |60 deg - theta_k|

For Theta the ligands form three trans pairs. A face f1 f2 f3 takes one ligand of each pair; o_i is trans to f_i. The
metal and o1, o2, o3 are projected at right angles on the plane through f1, f2, f3, whose normal is
n = (f2 - f1) x (f3 - f1). Round the projected metal the order f1, o3, f2, o1, f3, o2 is that of a regular octahedron
and is kept; theta_k is the signed angle from each to the next about n, negative where one has passed its neighbour.
Each of the 24 pairs of a front and a back ligand is seen from two faces, whose planes differ in a distorted
octahedron, hence the half. Theta_min and Theta_max are the sums of the 4 smallest and the 4 largest face values.

Sigma: J. K. McCusker et al., Inorg. Chem. 35 (1996) 2100, doi 10.1021/ic9507880; Theta: M. Marchivie et al., Acta
Cryst. B61 (2005) 25, doi 10.1107/S0108768104029751; zeta: M. Buron-Le Cointe et al., Phys. Rev. B 85 (2012) 064114,
doi 10.1103/PhysRevB.85.064114; Theta over all faces: R. Ketkaew et al., Dalton Trans. 50 (2021) 1086,
doi 10.1039/D0DT03988H. Sums of absolute values have kinks: near a regular octahedron they are biased upwards and linear
propagation of s.u. fails there, which `bonds` handles by sampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labile.techniques.coordination.errors import CoordinationError

PARAMETERS = ("mean_length", "zeta", "delta", "sigma", "theta", "theta_min", "theta_max")
"""Distortion parameters in the order of `Distortion.gradients`."""
CLOSEST = 0.3
"""Two ligands nearer than this fraction of the mean length are one ligand listed twice."""
FLATTEST = 0.1
"""Least principal extent of six ligands relative to the largest; below, they lie in one plane or on a line."""
CLEAR = math.radians(0.5)
"""By which the third largest angle must exceed the fourth for the trans pairs to be known."""
OPEN = math.radians(120.0)
"""Ligands at less than this angle are not trans to each other."""

OCTAHEDRAL = "octahedral"
OUTSIDE = "the metal projects outside a face: the six angles do not add to 360 degrees"
_PAIRS = np.array(list(combinations(range(6), 2)))
# faces: one ligand of each trans pair; the second row of a pair is opposite to the first
_CHOICES = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
# the same and the opposite ligands in the order of the trans pairs, for each of the eight faces
_FRONT = _CHOICES + np.array([0, 2, 4])
_BACK = 1 - _CHOICES + np.array([0, 2, 4])
# front and back ligands in turn round the metal
_RING = np.concatenate([_FRONT, _BACK], axis=1)[:, [0, 5, 1, 3, 2, 4]]
_NEXT = np.array([1, 2, 3, 4, 5, 0])
_YZX, _ZXY = np.array([1, 2, 0]), np.array([2, 0, 1])
# of six ligands in the order of their trans pairs
_CIS = np.array([pair for pair in _PAIRS if pair[0] // 2 != pair[1] // 2])


@dataclass(frozen=True, eq=False)
class Distortion:
    """Distortion parameters of N octahedra.

    Attributes
    ----------
    mean_length, zeta : ndarray (N,)
        m (or the unit of the positions).
    delta : ndarray (N,)
    sigma, theta, theta_min, theta_max : ndarray (N,)
        rad. NaN, as the rest, where `status` is not ``"octahedral"``.
    faces : ndarray (N, 8)
        Sum of |60 deg - theta_k| of every face, rad.
    gradients : ndarray (N, 7, 7, 3) or None
        Derivative of each parameter (order of `PARAMETERS`) in the positions of metal and ligands.
    trans : ndarray (N, 3, 2) of int
        Trans pairs, numbers of the ligands.
    kinks : ndarray (N, 60)
        Terms whose absolute values are summed, rad: 12 of Sigma, 48 of Theta.
    kink_gradients : ndarray (N, 60, 7, 3) or None
    status : tuple of str
        ``"octahedral"``, or why there are no parameters.
    """

    mean_length: np.ndarray
    zeta: np.ndarray
    delta: np.ndarray
    sigma: np.ndarray
    theta: np.ndarray
    theta_min: np.ndarray
    theta_max: np.ndarray
    faces: np.ndarray
    trans: np.ndarray
    kinks: np.ndarray
    status: tuple[str, ...]
    gradients: np.ndarray | None = None
    kink_gradients: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.status)

    def values(self) -> np.ndarray:
        """All parameters, shape (N, 7), in the order of `PARAMETERS`."""
        return np.stack([getattr(self, name) for name in PARAMETERS], axis=-1)


def distortions(positions: np.ndarray, *, gradients: bool = False) -> Distortion:
    """Distortion parameters of many octahedra at once; those that are none are flagged, never guessed.

    Parameters
    ----------
    positions : array_like (N, 7, 3) or (7, 3)
        Cartesian, metal first, m (any unit of length: the lengths come out in it).
    gradients : bool
        Also give derivatives in the positions.

    Returns
    -------
    Distortion

    Raises
    ------
    CoordinationError
        For positions that are not seven points or not finite.

    Examples
    --------
    >>> regular = np.vstack([np.zeros(3), 2e-10 * np.vstack([np.eye(3), -np.eye(3)])])
    >>> found = distortions(regular)
    >>> found.status, float(found.sigma[0]), float(found.theta[0])
    (('octahedral',), 0.0, 0.0)
    """
    points = np.asarray(positions, dtype=float)
    if points.ndim == 2:
        points = points[None]
    if points.ndim != 3 or points.shape[1:] != (7, 3):
        raise CoordinationError(
            f"octahedron: a metal and six ligands are needed, found positions of shape {np.shape(positions)}"
        )
    if not np.isfinite(points).all():
        raise CoordinationError("octahedron: not every coordinate is a finite number")
    metal, ligands = points[:, 0], points[:, 1:]
    bonds = ligands - metal[:, None]
    lengths = np.sqrt(np.einsum("nij,nij->ni", bonds, bonds))
    status = [""] * len(points)
    _flag(status, lengths.min(axis=1, initial=np.inf) <= 0, "a ligand lies on the metal")
    units = bonds / np.maximum(lengths, 1e-300)[..., None]
    cosines = np.einsum("npi,npi->np", units[:, _PAIRS[:, 0]], units[:, _PAIRS[:, 1]])
    _check_extent(status, ligands, lengths)
    trans = _trans_pairs(status, np.arccos(np.minimum(np.maximum(cosines, -1.0), 1.0)))
    good = np.flatnonzero([not text for text in status])
    if len(good) == len(points):
        values, faces, kinks, *others = _parameters(points, lengths, units, trans, gradients)
    else:
        found = _parameters(points[good], lengths[good], units[good], trans[good], gradients)
        values, faces, kinks, *others = (_spread(column, good, len(points)) for column in found)
    slopes, bends = others or (None, None)
    # the six angles of a face close unless the projected metal lies outside it
    open_faces = np.abs(kinks[good, 12:].reshape(-1, 8, 6).sum(axis=2)).max(axis=1, initial=0.0) > 1e-6
    for i, outside in zip(good, open_faces, strict=True):
        status[i] = OUTSIDE if outside else OCTAHEDRAL
        if outside:
            values[i] = np.nan
    mean, zeta, delta, sigma, theta, least, most = values.T
    return Distortion(
        mean, zeta, delta, sigma, theta, least, most, faces, trans, kinks, tuple(status), slopes, bends,
    )  # fmt: skip


def _spread(column: np.ndarray, where: np.ndarray, size: int) -> np.ndarray:
    """Rows put where they belong, NaN elsewhere."""
    whole = np.full((size, *column.shape[1:]), np.nan)
    whole[where] = column
    return whole


def octahedron(metal: np.ndarray, ligands: np.ndarray) -> dict[str, float]:
    """Distortion parameters of one octahedron.

    Parameters
    ----------
    metal : array_like (3,)
        Cartesian, m.
    ligands : array_like (6, 3)

    Returns
    -------
    dict of str to float
        Keys of `PARAMETERS`; lengths in m, angles in rad.

    Raises
    ------
    CoordinationError
        Where the atoms form no octahedron (five ligands, a plane, trans pairs that cannot be told).

    Examples
    --------
    >>> ligands = 2e-10 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1.1], [0, 0, -1.1]])
    >>> round(octahedron([0, 0, 0], ligands)["zeta"] * 1e10, 4)
    0.5333
    """
    around = np.asarray(ligands, dtype=float)
    if around.shape != (6, 3):
        raise CoordinationError(f"octahedron: six ligands are needed, found positions of shape {around.shape}")
    found = distortions(np.vstack([np.asarray(metal, dtype=float)[None], around]))
    if found.status[0] != OCTAHEDRAL:
        raise CoordinationError(f"no octahedron: {found.status[0]}")
    return dict(zip(PARAMETERS, map(float, found.values()[0]), strict=True))


def cross_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Vector product along the last axis; several times faster than numpy's own for a few vectors.

    Examples
    --------
    >>> cross_product(np.array([1.0, 0, 0]), np.array([0, 1.0, 0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return np.asarray(a.take(_YZX, -1) * b.take(_ZXY, -1) - a.take(_ZXY, -1) * b.take(_YZX, -1))


def _flag(status: list[str], wrong: np.ndarray, text: str) -> None:
    if wrong.any():
        for i in np.flatnonzero(wrong):
            status[i] = status[i] or text


def _check_extent(status: list[str], ligands: np.ndarray, lengths: np.ndarray) -> None:
    apart = ligands[:, _PAIRS[:, 0]] - ligands[:, _PAIRS[:, 1]]
    nearest = np.sqrt(np.einsum("npi,npi->np", apart, apart).min(axis=1))
    _flag(status, nearest < CLOSEST * lengths.mean(axis=1), "two ligands lie at one place (disorder?)")
    centred = ligands - ligands.mean(axis=1, keepdims=True)
    extent = np.linalg.eigvalsh(np.einsum("nij,nik->njk", centred, centred))
    largest = np.maximum(extent[:, 2], 1e-300)
    _flag(status, extent[:, 1] < FLATTEST**2 * largest, "the ligands lie on a line")
    _flag(status, extent[:, 0] < FLATTEST**2 * largest, "the ligands lie in a plane")


def _trans_pairs(status: list[str], angles: np.ndarray) -> np.ndarray:
    order = np.argsort(-angles, axis=1)
    chosen = _PAIRS[order[:, :3]]
    ranked = np.take_along_axis(angles, order[:, :4], axis=1)
    repeated = np.any(np.diff(np.sort(chosen.reshape(-1, 6), axis=1), axis=1) == 0, axis=1)
    unclear = repeated | (ranked[:, 2] - ranked[:, 3] < CLEAR)
    _flag(status, unclear, "the trans pairs are not unique (trigonal prism, five-coordinate or strongly twisted)")
    _flag(status, ranked[:, 2] < OPEN, "no three pairs of ligands are trans to each other")
    return np.asarray(chosen)


def _parameters(
    points: np.ndarray, lengths: np.ndarray, units: np.ndarray, trans: np.ndarray, gradients: bool
) -> tuple[np.ndarray, ...]:
    number = len(points)
    rows = np.arange(number)[:, None]
    mean = lengths.mean(axis=1)
    off = lengths - mean[:, None]
    # ligands in the order of the trans pairs: 0-1, 2-3, 4-5
    ordered = trans.reshape(number, 6)
    ranked = units[rows, ordered]
    first, second = ranked[:, _CIS[:, 0]], ranked[:, _CIS[:, 1]]
    cosine = np.einsum("npi,npi->np", first, second)
    cross = cross_product(first, second)
    sine = np.sqrt(np.einsum("npi,npi->np", cross, cross))
    from_right = np.arctan2(sine, cosine) - math.pi / 2
    turned, pull = _face_angles(points, ordered, gradients)
    from_sixty = turned - math.pi / 3
    faces = np.abs(from_sixty).sum(axis=2)
    ranking = np.argsort(faces, axis=1)
    sums = np.take_along_axis(faces, ranking, axis=1)
    values = np.stack(
        [
            mean,
            np.abs(off).sum(axis=1),
            ((off / mean[:, None]) ** 2).mean(axis=1),
            np.abs(from_right).sum(axis=1),
            faces.sum(axis=1) / 2,
            sums[:, :4].sum(axis=1),
            sums[:, 4:].sum(axis=1),
        ],
        axis=1,
    )
    kinks = np.concatenate([from_right, from_sixty.reshape(number, 48)], axis=1)
    if pull is None:
        return values, faces, kinks
    slopes = np.zeros((number, len(PARAMETERS), 7, 3))
    slopes[:, 0, 1:] = units / 6
    signs = np.sign(off)
    slopes[:, 1, 1:] = (signs - signs.mean(axis=1, keepdims=True))[..., None] * units
    relative = off / mean[:, None]
    # d(delta)/d(d_i): the mean's own derivative adds a common term
    common = -(relative * (1 + relative)).sum(axis=1, keepdims=True) / 6
    slopes[:, 2, 1:] = ((relative + common) / (3 * mean[:, None]))[..., None] * units
    flat = lengths[rows, ordered]
    safe = np.where(sine > 1e-12, sine, np.inf)
    bends = np.zeros((number, 60, 7, 3))
    for side, (one, other) in enumerate(((first, second), (second, first))):
        # d(angle)/d(bond 1) = -(u2 - cos u1)/(sin d1)
        each = -(other - cosine[..., None] * one) / (safe * flat[:, _CIS[:, side]])[..., None]
        bends[rows, np.arange(12), ordered[:, _CIS[:, side]] + 1] += each
    bends[:, :12, 0] = -bends[:, :12, 1:].sum(axis=2)
    bends[:, 12:] = pull.reshape(number, 48, 7, 3)
    slopes[:, 3] = np.einsum("nk,nkpi->npi", np.sign(from_right), bends[:, :12])
    weight = np.sign(from_sixty)
    per_face = np.einsum("nfk,nfkpi->nfpi", weight, pull)
    slopes[:, 4] = per_face.sum(axis=1) / 2
    slopes[:, 5] = per_face[rows, ranking[:, :4]].sum(axis=1)
    slopes[:, 6] = per_face[rows, ranking[:, 4:]].sum(axis=1)
    # moving everything together changes nothing: the metal takes what the ligands leave
    slopes[:, :3, 0] = -slopes[:, :3, 1:].sum(axis=2)
    return values, faces, kinks, slopes, bends


def _face_angles(points: np.ndarray, ordered: np.ndarray, gradients: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Signed angles of the 8 faces, (N, 8, 6), and their gradients in metal and ligands, (N, 8, 6, 7, 3)."""
    number = len(points)
    front, ring = ordered[:, _FRONT] + 1, ordered[:, _RING] + 1
    which = np.arange(number)[:, None, None]
    corners = points[which, front]
    a, b = corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    normal = cross_product(a, b)
    size = np.sqrt(np.einsum("nfi,nfi->nf", normal, normal))
    n = normal / size[..., None]
    u = points[which, ring] - points[:, 0][:, None, None]
    height = np.einsum("nfki,nfi->nfk", u, n)
    v = u - height[..., None] * n[:, :, None]
    following = v[:, :, _NEXT]
    over = cross_product(v, following)
    s = np.einsum("nfki,nfi->nfk", over, n)
    c = np.einsum("nfki,nfki->nfk", v, following)
    angles = np.arctan2(s, c)
    if not gradients:
        return angles, None
    # theta = azimuth of the next minus azimuth of this one; d(azimuth) = (n x v)/|v|^2 per shift in the plane
    turn = cross_product(n[:, :, None], v) / np.maximum(np.einsum("nfki,nfki->nfk", v, v), 1e-300)[..., None]
    turn_next = turn[:, :, _NEXT]
    pull = np.zeros((*angles.shape, 7, 3))
    index = which, np.arange(8)[:, None], np.arange(6)
    pull[(*index, ring[:, :, _NEXT])] = turn_next
    pull[(*index, ring)] = -turn
    pull[..., 0, :] = turn - turn_next
    # tilting n by dn shifts every projected point by -height dn in the plane
    lifted = height[..., None] * turn
    tilt = lifted - lifted[:, :, _NEXT]
    through = (tilt - np.einsum("nfki,nfi->nfk", tilt, n)[..., None] * n[:, :, None]) / size[..., None, None]
    by_a = cross_product(b[:, :, None], through)
    by_b = cross_product(through, a[:, :, None])
    where = tuple(one[..., None] for one in index)
    pull[(*where, front[:, :, None, :])] += np.stack([-by_a - by_b, by_a, by_b], axis=3)
    return angles, pull
