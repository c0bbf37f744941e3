"""Principal axes of strain, followed through a series, in Cartesian and in crystal directions.

The eigenvectors of each tensor are put in the order of those of one row by the permutation with the largest sum of
|cosines|: of the row with the largest strain (`follow="strongest"`, the default), of the second row (`"second"`, as
PASCal does; its strain is often not much above the noise, and then axes are mixed up), or of the row before
(`"previous"`, which keeps to an axis that turns by more than 45 degrees in all). They are numbered by ascending strain
in that row (the second one for `"previous"`). A principal value is the strain along an axis that may turn: where it
does, the tensor is described by its components, not by three numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np

from labile.core.cell import orthogonalisation
from labile.techniques.strain.tensor import StrainError, StrainSeries

_ORDERS = np.array(list(permutations(range(3))))
FOLLOW = ("strongest", "second", "previous")


@dataclass(frozen=True, eq=False)
class PrincipalStrain:
    """Principal strains of a series, one column an axis.

    Attributes
    ----------
    strain : StrainSeries
    values : ndarray (N, 3)
        Strains; 0 in the reference row.
    directions : ndarray (N, 3, 3)
        Unit vectors (columns), Cartesian. The reference row has the axes of its neighbour.
    notes : tuple of str
        Axes that are not determined, that turn, or whose order depends on how they are followed.
    """

    strain: StrainSeries
    values: np.ndarray
    directions: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.strain)

    @cached_property
    def sigma(self) -> np.ndarray:
        """Standard uncertainties of the strains, the reference's included, shape (N, 3); NaN where not known."""
        return np.sqrt(self.strain.variance(self.directions))

    @cached_property
    def sigma_within(self) -> np.ndarray:
        """Uncertainty of each strain from its own cell alone, shape (N, 3).

        That is the weight of a point in a fit with a free offset: the reference's error shifts all points together.
        """
        return np.sqrt(self.strain.variance(self.directions, reference=False))

    @cached_property
    def sigma_directions(self) -> np.ndarray:
        """Standard uncertainty of each axis' direction, rad, shape (N, 3); infinite where two strains are equal.

        Of the first order in the errors: v_i turns towards v_j by (v_j . de v_i)/(e_i - e_j).
        """
        first, second = [0, 0, 1], [1, 2, 2]
        mixed = self.strain.variance(self.directions[:, :, first], self.directions[:, :, second])
        gap = self.values[:, first] - self.values[:, second]
        with np.errstate(divide="ignore", invalid="ignore"):
            turned = np.where(mixed == 0.0, 0.0, mixed / gap**2)
        if self.strain.reference >= 0:
            turned[self.strain.reference] = math.inf
        pairs = np.stack(
            [turned[:, 0] + turned[:, 1], turned[:, 0] + turned[:, 2], turned[:, 1] + turned[:, 2]], axis=1
        )
        return np.sqrt(pairs)

    @cached_property
    def crystal_directions(self) -> np.ndarray:
        """[uvw] of every axis (columns), scaled to length 1 with the largest component positive, shape (N, 3, 3)."""
        return crystal_directions(self.strain.frame, self.directions)

    @property
    def middle(self) -> int:
        """Row ceil(N/2), counted from 0: where axes and compressibilities are quoted."""
        return math.ceil(len(self) / 2) - 1


def crystal_directions(axes: Any, directions: Any) -> np.ndarray:
    """[uvw] of Cartesian directions.

    Parameters
    ----------
    axes : array_like (..., 3, 3)
        Cell vectors as columns, m.
    directions : array_like (..., 3, 3)
        One direction a column.

    Returns
    -------
    ndarray (..., 3, 3)
        Columns of length 1 with the largest component positive.

    Examples
    --------
    >>> from labile.core.cell import orthogonalisation
    >>> crystal_directions(orthogonalisation([7e-10, 8e-10, 9e-10, 90, 90, 90]), -np.eye(3)).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    uvw = np.linalg.solve(np.asarray(axes, dtype=float), np.asarray(directions, dtype=float))
    uvw = uvw / np.linalg.norm(uvw, axis=-2, keepdims=True)
    largest = np.take_along_axis(uvw, np.argmax(np.abs(uvw), axis=-2)[..., None, :], axis=-2)
    return uvw * np.where(largest < 0, -1.0, 1.0) + 0.0


def principal_strain(strain: StrainSeries, *, follow: str = "strongest") -> PrincipalStrain:
    """Principal strains with their axes followed through the series.

    Parameters
    ----------
    strain : StrainSeries
    follow : {"strongest", "second", "previous"}
        Row with whose axes each row is matched.

    Returns
    -------
    PrincipalStrain

    Raises
    ------
    StrainError
        For an unknown `follow`.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.structure import CellSeries
    >>> from labile.techniques.strain.tensor import strain_series
    >>> cells = [[7e-10, 8e-10, 9e-10, 90, 90, 90], [7.07e-10, 7.9e-10, 9e-10, 90, 90, 90]]
    >>> found = principal_strain(strain_series(CellSeries("demo", Conditions([100.0, 200.0]), cells)))
    >>> found.values[1].round(5).tolist()
    [-0.01242, 0.0, 0.01005]
    """
    if follow not in FOLLOW:
        raise StrainError(f"principal strain: follow must be one of {', '.join(FOLLOW)}, found {follow!r}")
    values, vectors = np.linalg.eigh(strain.tensors)
    strained = [row for row in range(len(strain)) if row != strain.reference]
    first = {"strongest": int(np.argmax(np.sum(values**2, axis=1)))}.get(follow, strained[0])
    order = _orders(vectors, strained, first, follow == "previous")
    turning = not np.array_equal(order, _orders(vectors, strained, first, follow != "previous"))
    values = np.take_along_axis(values, order, axis=1)
    vectors = np.take_along_axis(vectors, order[:, None, :], axis=2)
    if strain.reference >= 0:
        nearest = min(strained, key=lambda row: abs(row - strain.reference))
        vectors[strain.reference] = vectors[nearest]
        values[strain.reference] = 0.0
    # one sense for each axis through the series
    vectors = vectors * np.where(np.einsum("nij,ij->nj", vectors, vectors[strained[0]]) < 0, -1.0, 1.0)[:, None, :]
    found = PrincipalStrain(strain, values, vectors)
    notes = []
    if turning:
        notes.append(
            "the axes turn so far that their order depends on how they are followed (one row, or each the row before);"
            " principal values do not describe one direction each: use the components of the tensor"
        )
    notes += _undetermined(found, strained)
    return PrincipalStrain(strain, values, vectors, tuple(notes))


def _orders(vectors: np.ndarray, strained: list[int], first: int, chained: bool) -> np.ndarray:
    """Permutation of every row; outwards from the first one where each is compared with the one before."""
    order = np.tile(np.arange(3), (len(vectors), 1))
    after, before = [row for row in strained if row > first], [row for row in reversed(strained) if row < first]
    for rows in (after, before):
        like = vectors[first]
        for row in rows:
            overlap = np.abs(vectors[row].T @ like)  # own axis, axis to follow
            order[row] = _ORDERS[int(np.argmax(overlap[_ORDERS, np.arange(3)].sum(axis=1)))]
            if chained:
                like = vectors[row][:, order[row]]
    return order


def _undetermined(found: PrincipalStrain, strained: list[int]) -> list[str]:
    """Rows in which two principal strains are closer than their uncertainty."""
    first, second = [0, 0, 1], [1, 2, 2]
    gaps = np.abs(found.values[:, first] - found.values[:, second])
    noise = np.hypot(found.sigma[:, first], found.sigma[:, second])
    close = np.any(gaps < noise, axis=1)
    rows = [found.strain.series.names[row] for row in strained if close[row]]
    if not rows:
        return []
    return [
        f"two principal strains differ by less than their s.u. at {', '.join(rows)}: their axes are not determined"
        " there, and the spread of such principal values is partly noise"
    ]


def plane_angle(tensor: Any, cell: Any) -> float:
    """Angle of a principal axis in the ac plane of a monoclinic cell (b unique) to a, positive towards c.

    Parameters
    ----------
    tensor : array_like (3, 3)
        Strain or expansion tensor, Cartesian with c along z and a* along x.
    cell : array_like (6,)
        m and degrees.

    Returns
    -------
    float
        Rad, in (-pi/2, pi/2]; of the axis with the larger value of the two in the plane. With phi its angle to a*,
        tan 2 phi = 2 e13/(e11 - e33).

    Raises
    ------
    StrainError
        If b is no principal axis: then there is no such angle.

    Examples
    --------
    >>> round(math.degrees(plane_angle(np.diag([0.02, 0.0, 0.01]), [7e-10, 8e-10, 9e-10, 90, 100, 90])), 6)
    10.0
    """
    e = np.asarray(tensor, dtype=float)
    size = float(np.max(np.abs(e)))
    if max(abs(e[0, 1]), abs(e[1, 2])) > 1e-6 * size:
        raise StrainError("plane angle: b is no principal axis of this tensor; it is not monoclinic with b unique")
    phi = 0.5 * math.atan2(2.0 * e[0, 2], e[0, 0] - e[2, 2])
    a = orthogonalisation(np.asarray(cell, dtype=float))[:, 0]
    angle = phi - math.atan2(a[2], a[0])
    return math.pi / 2 - (math.pi / 2 - angle) % math.pi
