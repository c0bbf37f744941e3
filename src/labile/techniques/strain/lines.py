"""Straight lines through strains, lengths and volumes, with the uncertainties of both axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.techniques.strain.tensor import StrainError

EFFECTIVE_STEPS = 20


@dataclass(frozen=True)
class Line:
    """y = intercept + slope x.

    Attributes
    ----------
    slope, sigma : float
        With its standard uncertainty.
    intercept : float
        At x = 0.
    sigma_intercept : float
    covariance : float
        Of intercept and slope.
    reduced_chi2 : float or None
        chi2 per degree of freedom; None where no uncertainty of the data was known.
    degrees_of_freedom : int
    basis : {"stated", "scatter", "pascal"}
        What the s.u. comes from: stated uncertainties (multiplied by the root of reduced chi2 where that is above 1),
        the scatter about the line, or the scatter by White's formula with weights 1/sigma_x.
    """

    slope: float
    sigma: float
    intercept: float
    sigma_intercept: float
    covariance: float
    reduced_chi2: float | None
    degrees_of_freedom: int
    basis: str

    def at(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Value and standard uncertainty at x."""
        x = np.asarray(x, dtype=float)
        variance = self.sigma_intercept**2 + 2 * x * self.covariance + (x * self.sigma) ** 2
        return self.intercept + self.slope * x, np.sqrt(np.maximum(variance, 0.0))


def _solve(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients about x = 0, their unscaled covariance and the weighted sum of squares."""
    total = weight.sum()
    centre = float(weight @ x / total)
    about = x - centre
    spread = float(weight @ about**2)
    slope = float(weight @ (about * y) / spread)
    mean = float(weight @ y / total)
    residuals = y - mean - slope * about
    var_slope, var_mean = 1.0 / spread, 1.0 / total
    matrix = np.array([[var_mean + centre**2 * var_slope, -centre * var_slope], [-centre * var_slope, var_slope]])
    return np.array([mean - slope * centre, slope]), matrix, float(weight @ residuals**2)


def fit_line(x: Any, y: Any, sigma_y: Any = None, sigma_x: Any = None) -> Line:
    """Straight line by least squares with uncertainties of y and, through the slope, of x.

    Parameters
    ----------
    x, y : array_like (N,)
    sigma_y : array_like (N,), optional
        NaN or None: not known; the line is then weighted equally and its s.u. comes from the scatter.
    sigma_x : array_like (N,), optional
        Enters as the effective variance sigma_y^2 + (slope sigma_x)^2, repeated until the slope stands.

    Returns
    -------
    Line

    Raises
    ------
    StrainError
        For fewer than three points, no spread in x, or two points without uncertainties.

    References
    ----------
    J. Orear, Am. J. Phys. 50, 912 (1982), doi 10.1119/1.12972.

    Examples
    --------
    >>> line = fit_line([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [0.1, 0.1, 0.1])
    >>> round(line.slope, 9), round(line.sigma, 6)
    (2.0, 0.070711)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    _require_points(x, y)
    from_y = np.zeros(x.size) if sigma_y is None else np.asarray(sigma_y, dtype=float)
    from_x = np.zeros(x.size) if sigma_x is None else np.asarray(sigma_x, dtype=float)
    dof = x.size - 2
    # errors of x alone have weights that do not depend on the scale of the slope, but no absolute ones at slope 0
    if not (np.all(np.isfinite(from_y)) and np.all(from_y > 0)):
        found, matrix, chi2 = _solve(x, y, np.ones(x.size))
        if dof < 1:
            raise StrainError("line: two points without stated uncertainties give a slope without one; state the s.u.")
        matrix = matrix * chi2 / dof
        return _line(found, matrix, None, dof, "scatter")
    slope = 0.0
    for _ in range(EFFECTIVE_STEPS):
        found, matrix, chi2 = _solve(x, y, 1.0 / (from_y**2 + (slope * from_x) ** 2))
        if abs(found[1] - slope) <= 1e-12 * abs(found[1]):
            break
        slope = float(found[1])
    reduced = chi2 / dof if dof else None
    return _line(found, matrix * max(1.0, reduced or 1.0), reduced, dof, "stated")


def fit_line_as_pascal(x: Any, y: Any, sigma_x: Any) -> Line:
    """Straight line with weights 1/sigma_x and White's errors (HC0), as PASCal computes it.

    For comparison only: the weights of a least-squares line are inverse variances of y.

    References
    ----------
    H. White, Econometrica 48, 817 (1980), doi 10.2307/1912934.

    Examples
    --------
    >>> round(fit_line_as_pascal([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [5.0, 5.0, 5.0]).slope, 9)
    2.0
    """
    x, y, weight = np.asarray(x, dtype=float), np.asarray(y, dtype=float), 1.0 / np.asarray(sigma_x, dtype=float)
    _require_points(x, y)
    found, matrix, _ = _solve(x, y, weight)
    design = np.stack([np.ones(x.size), x])
    score = design * (weight * (y - design.T @ found))
    return _line(found, matrix @ (score @ score.T) @ matrix, None, x.size - 2, "pascal")


def _require_points(x: np.ndarray, y: np.ndarray) -> None:
    if x.ndim != 1 or x.shape != y.shape or x.size < 2:
        raise StrainError(f"line: two columns of at least 2 points are needed, found shapes {x.shape} and {y.shape}")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise StrainError("line: not every number is finite")
    if np.ptp(x) <= 1e-12 * np.max(np.abs(x)):
        raise StrainError(f"line: all points stand at {x[0]:g}; a slope needs different ones")


def _line(found: np.ndarray, matrix: np.ndarray, reduced: float | None, dof: int, basis: str) -> Line:
    return Line(
        float(found[1]),
        math.sqrt(matrix[1, 1]),
        float(found[0]),
        math.sqrt(max(matrix[0, 0], 0.0)),
        float(matrix[0, 1]),
        reduced,
        dof,
        basis,
    )
