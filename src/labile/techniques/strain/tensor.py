"""Strain between two unit cells of a crystal, in several definitions, with exact derivatives in the cell parameters.

C holds the cell vectors as columns (c along z, a* along x), C0 those of the reference cell; F = C C0^-1 is the
deformation gradient and u = F - 1. The kinds are

    lagrangian      (F^T F - 1)/2                        finite, in the frame of the reference cell
    infinitesimal   (u + u^T)/2                          first order; depends on the Cartesian convention at second
    eulerian        (1 - F^-T F^-1)/2                    finite (Almansi), in the frame of the strained cell
    hencky          ln(F^T F)/2                          logarithmic; its trace is ln(V/V0)
    pascal          w = 1 - F^-1, (w + w^T + w w^T)/2    only to compare with results of that program

`pascal` differs from the Almansi strain in the sign of its last term: in one dimension it is e - e^2/2 instead of
e - 3 e^2/2 with e the relative change of length.

References
----------
M. J. Cliffe, A. L. Goodwin, J. Appl. Cryst. 45, 1321 (2012), doi 10.1107/S0021889812043026. The finite strains are
those of continuum mechanics, for instance C. Truesdell, W. Noll, The Non-Linear Field Theories of Mechanics (1965).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from labile.core.cell import (
    CELL_NAMES,
    cell_volume_gradient,
    check_cells,
    orthogonalisation,
    orthogonalisation_derivative,
)
from labile.core.structure import CellSeries

KINDS = ("lagrangian", "infinitesimal", "eulerian", "hencky", "pascal")
"""Definitions of strain."""
FRAME_INDEPENDENT = ("lagrangian", "eulerian", "hencky")
"""Kinds whose principal values do not depend on the Cartesian convention."""


class StrainError(ValueError):
    """Cells, conditions or options from which no strain follows."""


def require_kind(kind: str) -> str:
    """Return the kind.

    Raises
    ------
    StrainError
        For an unknown one.
    """
    if kind not in KINDS:
        raise StrainError(f"strain: kind {kind!r} is unknown; there are: {', '.join(KINDS)}")
    return kind


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, -1, -2)


def _symmetric(matrices: np.ndarray) -> np.ndarray:
    return 0.5 * (matrices + _transposed(matrices))


def strain_from_gradient(deformation: Any, kind: str = "lagrangian") -> np.ndarray:
    """Strain tensor of a deformation gradient F.

    Parameters
    ----------
    deformation : array_like (..., 3, 3)
    kind : str
        Of `KINDS`.

    Returns
    -------
    ndarray (..., 3, 3)

    Raises
    ------
    StrainError
        For an unknown kind.

    Examples
    --------
    >>> stretch = np.diag([1.01, 1.0, 1.0])
    >>> [round(float(strain_from_gradient(stretch, kind)[0, 0]), 6) for kind in KINDS]
    [0.01005, 0.01, 0.009852, 0.00995, 0.00995]
    """
    gradient = np.asarray(deformation, dtype=float)
    require_kind(kind)
    if kind == "lagrangian":
        return 0.5 * (_transposed(gradient) @ gradient - np.eye(3))
    if kind == "infinitesimal":
        return _symmetric(gradient) - np.eye(3)
    if kind == "hencky":
        values, vectors = np.linalg.eigh(_transposed(gradient) @ gradient)
        return 0.5 * (vectors * np.log(values)[..., None, :]) @ _transposed(vectors)
    inverse = np.linalg.inv(gradient)
    if kind == "eulerian":
        return 0.5 * (np.eye(3) - _transposed(inverse) @ inverse)
    w = np.eye(3) - inverse
    return _symmetric(w) + 0.5 * w @ _transposed(w)


def strain_derivative(deformation: np.ndarray, change: np.ndarray, kind: str) -> np.ndarray:
    """Derivative of the strain along changes of F.

    Parameters
    ----------
    deformation : ndarray (N, 3, 3)
    change : ndarray (N, K, 3, 3)
        dF of K parameters.
    kind : str

    Returns
    -------
    ndarray (N, K, 3, 3)
    """
    require_kind(kind)
    gradient = deformation[:, None]
    if kind == "lagrangian":
        return _symmetric(_transposed(gradient) @ change)
    if kind == "infinitesimal":
        return _symmetric(change)
    if kind == "hencky":
        # derivative of a function of a symmetric matrix: divided differences in its own axes (Daleckii, Krein)
        values, vectors = np.linalg.eigh(_transposed(deformation) @ deformation)
        gap = values[:, :, None] - values[:, None, :]
        middle = 0.5 * (values[:, :, None] + values[:, None, :])
        half = 0.5 * gap / middle
        # ln(a/b)/(a - b) = atanh(h)/(h m), a series where a and b are equal to rounding
        safe = np.where(np.abs(half) < 1e-4, 1e-4, half)
        quotient = np.where(np.abs(half) < 1e-4, 1.0 + half**2 / 3.0, np.arctanh(safe) / safe) / middle
        turned = _transposed(vectors)[:, None] @ _symmetric(_transposed(gradient) @ change) @ vectors[:, None]
        return vectors[:, None] @ (quotient[:, None] * turned) @ _transposed(vectors)[:, None]
    inverse = np.linalg.inv(deformation)[:, None]
    d_inverse = -inverse @ change @ inverse
    if kind == "eulerian":
        return -_symmetric(_transposed(inverse) @ d_inverse)
    return -_symmetric(d_inverse) - _symmetric(d_inverse @ _transposed(np.eye(3) - inverse))


@dataclass(frozen=True, eq=False)
class StrainSeries:
    """Strain tensors of N cells against one reference cell.

    Attributes
    ----------
    series : CellSeries
        The cells.
    kind : str
        Definition of the strain; every number made from it depends on it.
    reference : int
        Row of the reference cell, or -1 where the reference is another cell.
    reference_cell : ndarray (6,)
    reference_covariance : ndarray (6, 6)
    tensors : ndarray (N, 3, 3)
    """

    series: CellSeries
    kind: str
    reference: int
    reference_cell: np.ndarray
    reference_covariance: np.ndarray
    tensors: np.ndarray

    def __len__(self) -> int:
        return len(self.series)

    def __repr__(self) -> str:
        against = f"row {self.reference + 1}" if self.reference >= 0 else "a given cell"
        return f"<StrainSeries of {self.series.label!r}: {len(self)} cells against {against}, {self.kind} strain>"

    @cached_property
    def reference_axes(self) -> np.ndarray:
        """Vectors of the reference cell as columns, m, shape (3, 3)."""
        return orthogonalisation(self.reference_cell)

    @cached_property
    def deformation(self) -> np.ndarray:
        """F of every cell, shape (N, 3, 3)."""
        return self.series.axes @ np.linalg.inv(self.reference_axes)

    @cached_property
    def frame(self) -> np.ndarray:
        """Cell vectors (columns) to which directions of the tensors refer, m, shape (N, 3, 3).

        Lagrangian and Hencky strains live in the reference cell, the others in the strained one; [uvw] of a principal
        axis of the finite kinds is then the same line of atoms.
        """
        if self.kind in ("lagrangian", "hencky"):
            return np.broadcast_to(self.reference_axes, self.tensors.shape)
        return self.series.axes

    @cached_property
    def d_own(self) -> np.ndarray:
        """Derivative of every tensor in its own cell parameters, per m and per degree, shape (N, 6, 3, 3)."""
        change = orthogonalisation_derivative(self.series.cells) @ np.linalg.inv(self.reference_axes)
        return strain_derivative(self.deformation, change, self.kind)

    @cached_property
    def d_reference(self) -> np.ndarray:
        """Derivative of every tensor in the parameters of the reference cell, shape (N, 6, 3, 3)."""
        slope = orthogonalisation_derivative(self.reference_cell) @ np.linalg.inv(self.reference_axes)
        return strain_derivative(self.deformation, -self.deformation[:, None] @ slope, self.kind)

    def variance(self, left: np.ndarray, right: np.ndarray | None = None, reference: bool = True) -> np.ndarray:
        """Variance of left^T e right from the uncertainties of the cells.

        Parameters
        ----------
        left, right : ndarray (N, 3, K)
            K Cartesian vectors (columns) for every cell; `right` is `left` unless given.
        reference : bool
            Whether the reference cell's own uncertainty counts. Without it, that of differences within the series is
            left, in which the reference cancels (to first order in the strain).

        Returns
        -------
        ndarray (N, K)
            NaN where a parameter that matters has no s.u.; 0 for the reference row itself with `reference`.
        """
        right = left if right is None else right
        count = len(self)
        dyads = (left[:, :, None, :] * right[:, None, :, :]).reshape(count, 9, -1)
        own = self.d_own.reshape(count, 6, 9) @ dyads
        total = cell_variance(own, self.series.cells, self.series.covariance)
        if reference:
            other = self.d_reference.reshape(count, 6, 9) @ dyads
            total = total + cell_variance(other, self.reference_cell[None], self.reference_covariance[None])
            if self.reference >= 0:
                total[self.reference] = 0.0
        return total

    @cached_property
    def sigma(self) -> np.ndarray:
        """Standard uncertainty of every component, shape (N, 3, 3); NaN where the s.u. it needs are not stated."""
        return self._components(reference=True)

    @cached_property
    def sigma_within(self) -> np.ndarray:
        """Uncertainty of every component from its own cell alone, shape (N, 3, 3).

        That is the weight of a point in a fit with a free offset: the reference's error shifts all points together.
        """
        return self._components(reference=False)

    def _components(self, reference: bool) -> np.ndarray:
        left, right = (np.broadcast_to(np.eye(3)[:, side], (len(self), 3, 6)) for side in _PAIRS)
        return np.sqrt(self.variance(left, right, reference))[:, _PLACE]


_PAIRS = (np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1]))
_PLACE = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])


def cell_variance(gradient: np.ndarray, cells: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Variance of quantities with these gradients in the cell parameters.

    Parameters
    ----------
    gradient : ndarray (N, 6, K)
        Per m and per degree.
    cells : ndarray (N, 6) or (1, 6)
    covariance : ndarray (N, 6, 6) or (1, 6, 6)
        NaN where the s.u. of a parameter is not stated.

    Returns
    -------
    ndarray (N, K)
        NaN only where a parameter without s.u. matters.
    """
    unknown = np.isnan(covariance)
    if not np.any(unknown):
        return np.asarray(np.sum((covariance @ gradient) * gradient, axis=1))
    variance = np.sum((np.where(unknown, 0.0, covariance) @ gradient) * gradient, axis=1)
    # compared per relative edge and per radian
    scale = np.concatenate([cells[:, :3], np.full((len(cells), 3), 180.0 / math.pi)], axis=1)
    weight = np.abs(gradient) * scale[:, :, None]
    matters = weight > 1e-12 * np.maximum(np.max(weight, axis=1, keepdims=True), 1e-30)
    lost = np.any(matters & np.any(unknown, axis=2)[:, :, None], axis=1)
    return np.asarray(np.where(lost, np.nan, variance))


def sigma_volumes(cells: CellSeries) -> np.ndarray:
    """Standard uncertainties of the volumes of a series, m3, shape (N,); NaN where they are not known."""
    gradient = cell_volume_gradient(cells.cells)
    return np.asarray(np.sqrt(cell_variance(gradient[:, :, None], cells.cells, cells.covariance)[:, 0]))


def strain_series(
    cells: CellSeries, *, kind: str = "lagrangian", reference: int = 0, reference_cell: Any = None
) -> StrainSeries:
    """Strain of every cell of a series against a reference.

    Parameters
    ----------
    cells : CellSeries
        With its covariances; symmetry-fixed parameters have s.u. 0, NaN means not stated.
    kind : str
        Of `KINDS`; ``"lagrangian"`` by default.
    reference : int
        Row that counts as unstrained; the first by default.
    reference_cell : array_like (6,), optional
        Another reference, m and degrees, taken as exact. A pressure series whose cell at ambient conditions is missing
        can name it here.

    Returns
    -------
    StrainSeries

    Raises
    ------
    StrainError
        For an unknown kind or row, or fewer than two cells.
    StructureError
        If the reference cell encloses no volume.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cells = [[7e-10, 8e-10, 9e-10, 90, 90, 90], [7.07e-10, 8e-10, 9e-10, 90, 90, 90]]
    >>> found = strain_series(CellSeries("demo", Conditions([100.0, 200.0]), cells), kind="hencky")
    >>> round(float(found.tensors[1, 0, 0]), 6)
    0.00995
    """
    require_kind(kind)
    where = f"strain of {cells.label!r}"
    if reference_cell is not None:
        cell = check_cells(reference_cell, f"{where}: reference cell")
        covariance, row = np.zeros((6, 6)), -1
    else:
        if not -len(cells) <= reference < len(cells):
            raise StrainError(f"{where}: the reference is row {reference + 1}, but there are {len(cells)} cells")
        row = reference % len(cells)
        cell, covariance = cells.cells[row], cells.covariance[row]
    if len(cells) + (row < 0) < 2:
        raise StrainError(f"{where}: two cells are needed, found {len(cells)}")
    gradient = cells.axes @ np.linalg.inv(orthogonalisation(cell))
    tensors = strain_from_gradient(gradient, kind)
    if row >= 0:
        tensors[row] = 0.0
    return StrainSeries(cells, kind, row, cell, covariance, tensors)


def reference_row(cells: CellSeries, pressure: float, tolerance: float = 1e5) -> int:
    """Row of a pressure series at the pressure that counts as unstrained.

    Parameters
    ----------
    cells : CellSeries
    pressure : float
        Pa.
    tolerance : float
        Pa.

    Raises
    ------
    StrainError
        If no cell was measured there; the message says what to do.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cell = [7e-10, 8e-10, 9e-10, 90, 90, 90]
    >>> reference_row(CellSeries("demo", Conditions(300.0, [1e9, 1e5]), [cell, cell]), 1e5)
    1
    """
    found = cells.conditions.pressure
    row = int(np.argmin(np.abs(found - pressure)))
    if abs(found[row] - pressure) > tolerance:
        listed = ", ".join(f"{p / 1e9:.4g}" for p in found)
        raise StrainError(
            f"strain of {cells.label!r}: no cell at the reference pressure {pressure / 1e9:.4g} GPa (found {listed}"
            " GPa). Name another row as the reference, or give reference_cell = (a, b, c, alpha, beta, gamma)"
        )
    return row


def varying_parameters(cells: CellSeries) -> tuple[str, ...]:
    """Names of the cell parameters that change within a series or have an s.u. above 0.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cells = [[7e-10, 8e-10, 9e-10, 90, 90, 90], [7.1e-10, 8e-10, 9e-10, 90, 90, 90]]
    >>> varying_parameters(CellSeries("demo", Conditions([100.0, 200.0]), cells, sigma=0 * np.array(cells)))
    ('a',)
    """
    moving = np.ptp(cells.cells, axis=0) > 0
    stated = np.any(np.nan_to_num(cells.sigma) > 0, axis=0)
    return tuple(name for name, one in zip(CELL_NAMES, moving | stated, strict=True) if one)
