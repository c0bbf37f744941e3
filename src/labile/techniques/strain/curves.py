"""Fit of a curve y(x) with exact derivatives through points with uncertainties of both axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.strain.tensor import StrainError

EFFECTIVE_STEPS = 10


class CurvePoint(NamedTuple):
    """Points of a curve: value, slope, and both derived in the K parameters."""

    y: np.ndarray
    slope: np.ndarray
    d_y: np.ndarray
    d_slope: np.ndarray


class Curve(Protocol):
    """A law y(x; parameters)."""

    def parameters(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Parameter, ...]:
        """Parameters with start values."""
        ...

    def evaluate(self, x: np.ndarray, values: np.ndarray) -> CurvePoint:
        """Values (N,) and derivatives (N, K)."""
        ...


@dataclass(frozen=True, eq=False)
class CurveFit:
    """A fitted curve.

    Attributes
    ----------
    curve : Curve
    result : FitResult
        Its covariance is that of the stated uncertainties, or of unit ones where none are known; `scale` multiplies
        the s.u. given by the methods here.
    scale : float
        1, the root of chi2 per degree of freedom where that is above 1, or the scatter where no s.u. are known.
    reduced_chi2 : float or None
        None where no s.u. are known, or without degrees of freedom.
    notes : tuple of str
    """

    curve: Curve
    result: FitResult
    scale: float
    reduced_chi2: float | None
    notes: tuple[str, ...] = ()

    def value(self, name: str) -> tuple[float, float]:
        """Value and s.u. of a parameter."""
        return self.result.value(name), self.scale * self.result.sigma_of(name)

    def at(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """y(x) and its standard uncertainty."""
        point = self._point(x)
        return point.y, self._sigma(point.d_y)

    def slope(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """dy/dx and its standard uncertainty."""
        point = self._point(x)
        return point.slope, self._sigma(point.d_slope)

    def relative_slope(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """(dy/dx)/y and its standard uncertainty: the expansion coefficient of a length or volume."""
        point = self._point(x)
        ratio = point.slope / point.y
        return ratio, self._sigma((point.d_slope - ratio[:, None] * point.d_y) / point.y[:, None])

    def table(self) -> list[tuple[str, str]]:
        """Rows of parameter and value with s.u."""
        return [(p.name.partition(".")[2], format_uncertain(*self.value(p.name))) for p in self.result.parameters]

    def _point(self, x: Any) -> CurvePoint:
        return self.curve.evaluate(np.atleast_1d(np.asarray(x, dtype=float)), self.result.parameters.values)

    def _sigma(self, gradient: np.ndarray) -> np.ndarray:
        free = gradient @ self.result.parameters.matrix
        return self.scale * np.atleast_1d(self.result.propagate(free))


def fit_curve(
    curve: Curve, x: Any, y: Any, sigma_y: Any = None, sigma_x: Any = None, *, changes: Sequence[Parameter] = ()
) -> CurveFit:
    """Fit a curve by least squares.

    Parameters
    ----------
    curve : Curve
    x, y : array_like (N,)
    sigma_y : array_like (N,), optional
        None or NaN somewhere: equal weights, s.u. from the scatter.
    sigma_x : array_like (N,), optional
        Counts through the slope of the curve (effective variance), where sigma_y is known.
    changes : sequence of Parameter
        Start values, bounds, or fixed ones.

    Returns
    -------
    CurveFit

    Raises
    ------
    StrainError
        For too few points, or numbers that are not finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise StrainError(f"curve: two columns of one length are needed, found shapes {x.shape} and {y.shape}")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise StrainError("curve: not every number is finite")
    stated = np.full(x.size, math.nan) if sigma_y is None else np.asarray(sigma_y, dtype=float)
    known = bool(np.all(np.isfinite(stated)) and np.all(stated > 0))
    size = float(np.ptp(y)) or float(np.max(np.abs(y))) or 1.0
    sigma = stated if known else np.full(x.size, size)
    parameters = Parameters(curve.parameters(x, y, 1.0 / sigma**2)).updated(changes)
    dof = x.size - len(parameters.free_names)
    if dof < (0 if known else 1):
        needed = len(parameters.free_names) + (0 if known else 1)
        raise StrainError(
            f"curve: {needed} points are needed for {len(parameters.free_names)} parameters, found {x.size}"
        )
    from_x = np.zeros(x.size) if sigma_x is None or not known else np.asarray(sigma_x, dtype=float)
    result = _fitted(curve, x, y, sigma, parameters)
    for _ in range(EFFECTIVE_STEPS if np.any(from_x > 0) else 0):
        before = result.parameters.vector
        slope = curve.evaluate(x, result.parameters.values).slope
        result = _fitted(curve, x, y, np.hypot(sigma, slope * from_x), result.parameters)
        if np.all(
            np.abs(result.parameters.vector - before)
            <= 1e-3 * np.where(np.isfinite(result.sigma), result.sigma, math.inf) + 1e-300
        ):
            break
    reduced = result.chi2 / dof if dof else None
    scale = math.sqrt(max(reduced or 0.0, 1.0)) if known else math.sqrt(result.chi2 / dof)
    return CurveFit(curve, result, scale, reduced if known else None, _notes(result, known, reduced))


def _fitted(curve: Curve, x: np.ndarray, y: np.ndarray, sigma: np.ndarray, parameters: Parameters) -> FitResult:
    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        point = curve.evaluate(x, parameters.expand(vector))
        return (point.y - y) / sigma, point.d_y @ parameters.matrix / sigma[:, None]

    return fit(Problem(parameters, evaluate, (Block("points", x.size),)))


def _notes(result: FitResult, known: bool, reduced: float | None) -> tuple[str, ...]:
    notes = [] if result.converged and not (result.at_bound or result.undetermined) else [result.message]
    if not known:
        notes.append("no s.u. are stated: equal weights, s.u. from the scatter about the curve")
    elif reduced is not None and reduced > 1:
        notes.append(f"chi2 per degree of freedom is {reduced:.3g}: s.u. were multiplied by its root")
    return tuple(notes)


def linear_start(columns: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of columns (N, K) by weighted linear least squares, and the weighted sum of squares."""
    root = np.sqrt(weight)
    norms = np.linalg.norm(columns * root[:, None], axis=0)
    norms[norms == 0] = 1.0
    found = np.linalg.lstsq(columns * root[:, None] / norms, y * root, rcond=None)[0] / norms
    return found, float(np.sum(weight * (y - columns @ found) ** 2))


@dataclass(frozen=True)
class Polynomial:
    """y = sum_k c_k (x - about)^k.

    Attributes
    ----------
    degree : int
    about : float
    """

    degree: int
    about: float

    def parameters(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Parameter, ...]:
        """``curve.c0``, ``curve.c1``, ..."""
        columns = (x - self.about)[:, None] ** np.arange(self.degree + 1)
        found, _ = linear_start(columns, y, weight)
        return tuple(Parameter(f"curve.c{k}", float(c)) for k, c in enumerate(found))

    def evaluate(self, x: np.ndarray, values: np.ndarray) -> CurvePoint:
        """Values and derivatives."""
        power = np.arange(self.degree + 1)
        columns = (x - self.about)[:, None] ** power
        slopes = np.zeros(columns.shape)
        slopes[:, 1:] = columns[:, :-1] * power[1:]
        return CurvePoint(columns @ values, slopes @ values, columns, slopes)
