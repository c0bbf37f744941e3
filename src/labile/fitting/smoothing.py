"""Smooth values, derivatives and running integrals of noisy series on uneven grids, with their uncertainties.

A polynomial is fitted to each window of neighbouring points (Savitzky and Golay, doi:10.1021/ac60214a047); on an
even grid this is their filter, on an uneven one the same least-squares fit with its own weights at every point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class SmoothingError(ValueError):
    """A series that cannot be smoothed or integrated: too short, not increasing, not finite."""


@dataclass(frozen=True, eq=False)
class LocalPolynomial:
    """What local polynomials say about a series of N points.

    Attributes
    ----------
    values : ndarray (N,)
        Smoothed y.
    derivative : ndarray (N,)
        dy/dx.
    sigma_values, sigma_derivative : ndarray (N,)
        Standard uncertainties from the noise of y; those of neighbouring points are correlated.
    noise : float
        Standard deviation of y about the polynomials.
    window : int
        Points per polynomial.
    """

    values: np.ndarray
    derivative: np.ndarray
    sigma_values: np.ndarray
    sigma_derivative: np.ndarray
    noise: float
    window: int


def white_noise(values: Any) -> np.ndarray:
    """Standard deviation of white noise on smooth curves, from the median third difference along the last axis.

    Peaks and outliers do not count as long as most points lie on curves that a parabola describes over four points;
    noise that is smoothed or correlated from point to point is underestimated.

    Parameters
    ----------
    values : array_like (..., M)
        M of at least 5.

    Returns
    -------
    ndarray (...)
        In the unit of the values.

    Raises
    ------
    SmoothingError
        For fewer than 5 points.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 4001)
    >>> float(white_noise(np.sin(x) + np.random.default_rng(0).normal(0.0, 0.01, x.size)).round(3))
    0.01
    """
    array = np.asarray(values, dtype=float)
    if array.shape[-1] < 5:
        raise SmoothingError(f"noise: needs at least 5 points along the axis, found {array.shape[-1]}")
    # a third difference of white noise has variance 1 + 9 + 9 + 1, and its median magnitude is 0.6745 of its deviation
    return np.asarray(np.median(np.abs(np.diff(array, 3, axis=-1)), axis=-1) / (0.6745 * np.sqrt(20.0)))


def local_polynomial(
    x: np.ndarray, y: np.ndarray, *, window: int = 15, order: int = 2, sigma: np.ndarray | float | None = None
) -> LocalPolynomial:
    """Smooth a series and differentiate it.

    Points closer to an end than half a window use the polynomial of the first or last full window.

    Parameters
    ----------
    x : ndarray (N,)
        Strictly increasing; the spacing may vary.
    y : ndarray (N,)
    window : int
        Odd number of points per polynomial, more than `order` + 1 and at most N.
    order : int
        Degree of the polynomial, at least 1.
    sigma : ndarray (N,) or float, optional
        Standard uncertainty of each y; estimated from the residuals when it is left out.

    Returns
    -------
    LocalPolynomial

    Raises
    ------
    SmoothingError

    Examples
    --------
    >>> time = np.array([0.0, 1.0, 2.5, 3.0, 4.5, 5.0, 7.0])
    >>> fit = local_polynomial(time, 4.0 + 0.5 * time, window=5, order=1)
    >>> fit.derivative.round(6).tolist()
    [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    """
    x, y = _series(x, y)
    if order < 1:
        raise SmoothingError(f"order of the local polynomial must be at least 1, found {order}")
    if window % 2 == 0 or not order + 1 < window <= x.size:
        raise SmoothingError(
            f"window of the local polynomial must be an odd number of points from {order + 2} to the {x.size} points"
            f" there are, found {window}"
        )
    half = window // 2
    first = np.clip(np.arange(x.size) - half, 0, x.size - window)
    members = first[:, None] + np.arange(window)
    scale = x[first + window - 1] - x[first]
    # centred on the point itself, so that value and slope are the first two coefficients
    powers = ((x[members] - x[:, None]) / scale[:, None])[..., None] ** np.arange(order + 1)
    weights = np.linalg.pinv(powers)
    of_value = weights[:, 0, :]
    of_slope = weights[:, 1, :] / scale[:, None]
    values = np.einsum("nw,nw->n", of_value, y[members])
    leverage = of_value[np.arange(x.size), np.arange(x.size) - first]
    noise = float(np.sqrt(np.sum((y - values) ** 2) / np.sum(1.0 - leverage)))
    spread = np.broadcast_to(noise if sigma is None else np.asarray(sigma, dtype=float), x.shape)
    if not (np.all(np.isfinite(spread)) and np.all(spread >= 0)):
        raise SmoothingError("sigma of the series must be finite and not negative")
    variance = spread[members] ** 2
    return LocalPolynomial(
        values,
        np.einsum("nw,nw->n", of_slope, y[members]),
        np.sqrt(np.einsum("nw,nw->n", of_value**2, variance)),
        np.sqrt(np.einsum("nw,nw->n", of_slope**2, variance)),
        noise,
        window,
    )


def running_integral(
    x: np.ndarray, y: np.ndarray, *, origin: float, sigma: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal integral of y from `origin` to every x, negative before it.

    The uncertainty is that of the whole sum: inner points enter with half of both neighbouring intervals, the two
    ends with half of one. Results at different x share their points and are therefore correlated.

    Parameters
    ----------
    x : ndarray (N,)
        Strictly increasing.
    y : ndarray (N,)
    origin : float
        Within the range of x; y is interpolated linearly there.
    sigma : ndarray (N,) or float
        Independent standard uncertainty of each y.

    Returns
    -------
    integral : ndarray (N,)
    sigma_integral : ndarray (N,)
        At the point nearest to the origin that of half a mean interval, so that it never vanishes.

    Raises
    ------
    SmoothingError

    Examples
    --------
    >>> value, spread = running_integral(np.arange(4.0), np.ones(4), origin=1.0, sigma=0.1)
    >>> value.tolist()
    [-1.0, 0.0, 1.0, 2.0]
    """
    x, y = _series(x, y)
    if not x[0] <= origin <= x[-1]:
        raise SmoothingError(f"the origin {origin:g} of the integral lies outside the data, {x[0]:g} to {x[-1]:g}")
    spread = np.broadcast_to(np.asarray(sigma, dtype=float), x.shape)
    steps = np.diff(x)
    summed = np.concatenate(([0.0], np.cumsum(0.5 * steps * (y[1:] + y[:-1]))))
    left = min(int(np.searchsorted(x, origin, side="right")) - 1, x.size - 2)
    past = origin - x[left]
    at_origin = y[left] + (y[left + 1] - y[left]) * past / steps[left]
    integral = summed - summed[left] - 0.5 * past * (y[left] + at_origin)

    start = int(np.argmin(np.abs(x - origin)))
    widths = np.zeros(x.size)
    widths[1:-1] = 0.5 * (x[2:] - x[:-2])
    inner = np.concatenate(([0.0], np.cumsum((widths * spread) ** 2)))
    index = np.arange(x.size)
    low, high = np.minimum(index, start), np.maximum(index, start)
    right_of_low = 0.5 * steps[np.minimum(low, steps.size - 1)]
    left_of_high = 0.5 * steps[np.maximum(high - 1, 0)]
    variance = (right_of_low * spread[low]) ** 2 + (left_of_high * spread[high]) ** 2
    variance += np.where(high > low, inner[high] - inner[np.minimum(low + 1, x.size)], 0.0)
    variance[start] = (0.5 * steps.mean() * spread[start]) ** 2
    return integral, np.sqrt(variance)


def _series(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or x.size < 2:
        raise SmoothingError(
            f"a series needs two columns of one length, at least 2 points; found {x.shape} and {y.shape}"
        )
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise SmoothingError("the series has values that are not finite; drop these points")
    if np.any(np.diff(x) <= 0):
        bad = int(np.argmax(np.diff(x) <= 0)) + 2
        raise SmoothingError(f"x must increase: at point {bad} it is {x[bad - 1]:g} after {x[bad - 2]:g}")
    return x, y
