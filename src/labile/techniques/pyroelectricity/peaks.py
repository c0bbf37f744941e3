"""Peak of p(T) at several rates, extrapolated to a rate of zero: the transition without the thermal lag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity.conversions import PyroelectricityError

ABOVE = 0.7
"""Fraction of the peak's height above which its points describe it."""


@dataclass(frozen=True, eq=False)
class PeakAtRest:
    """Peak temperature at rate 0 and the lag, T_peak = T_0 + lag dT/dt.

    Attributes
    ----------
    temperature, sigma : float
        T_0 and its standard uncertainty, K.
    lag, sigma_lag : float
        s.
    rates : ndarray (N,)
        Of the runs, K/s, negative on cooling.
    peaks, sigma_peaks : ndarray (N,)
        Peak temperature of every run, K.
    text : str
    """

    temperature: float
    sigma: float
    lag: float
    sigma_lag: float
    rates: np.ndarray
    peaks: np.ndarray
    sigma_peaks: np.ndarray
    text: str


def peak_temperature(coefficient: Measurement, window: tuple[float, float]) -> tuple[float, float]:
    """Temperature of the largest |p| within a window and its standard uncertainty, K.

    A cubic polynomial is fitted to the points above 70 % of the height; its maximum is the peak.

    Parameters
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"`` of one branch.
    window : (float, float)
        K.

    Returns
    -------
    temperature, sigma : float

    Raises
    ------
    PyroelectricityError
        For fewer than 7 points of a peak, or one at the edge of the window.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = np.linspace(70.0, 110.0, 81)
    >>> p = Measurement("pyroelectric_coefficient", 3e-4 * np.exp(-(((at - 90.2) / 7) ** 2)), Conditions(at))
    >>> round(peak_temperature(p, (75, 105))[0], 1)
    90.2
    """
    where = f"measurement {coefficient.label!r}"
    low, high = (float(edge) for edge in window)
    inside = (coefficient.temperature >= low) & (coefficient.temperature <= high)
    kelvin, size = coefficient.temperature[inside], np.abs(coefficient.values[inside])
    if kelvin.size < 7:
        raise PyroelectricityError(f"{where}: {kelvin.size} points lie in {low:g}-{high:g} K, at least 7 are needed")
    order = np.argsort(kelvin, kind="stable")
    kelvin, size = kelvin[order], size[order]
    top = int(np.argmax(size))
    floor = float(size.min())
    above = size >= floor + ABOVE * (size[top] - floor)
    # the run of points around the largest one
    first = top - int(np.argmin(above[: top + 1][::-1])) + 1 if not above[: top + 1].all() else 0
    last = top + int(np.argmin(above[top:])) if not above[top:].all() else size.size
    kelvin, size = kelvin[first:last], size[first:last]
    if kelvin.size < 7 or first == 0 or last == order.size:
        raise PyroelectricityError(
            f"{where}: no peak of at least 7 points lies inside {low:g}-{high:g} K; widen the window or measure slower"
        )
    middle, half = float(kelvin.mean()), 0.5 * float(np.ptp(kelvin))
    design = np.vander((kelvin - middle) / half, 4)
    solution, *_ = np.linalg.lstsq(design, size, rcond=None)
    variance = float(np.sum((size - design @ solution) ** 2)) / (kelvin.size - 4)
    covariance = variance * np.linalg.inv(design.T @ design)
    a, b, c = 3 * solution[0], 2 * solution[1], solution[2]
    inner = b**2 - 4 * a * c
    # the maximum is the root with a negative second derivative
    at = -2 * c / (b - math.sqrt(inner)) if inner > 0 else math.nan
    if not abs(at) <= 1:
        raise PyroelectricityError(f"{where}: the points around {kelvin[np.argmax(size)]:g} K have no maximum")
    gradient = -np.array([3 * at**2, 2 * at, 1.0, 0.0]) / (6 * solution[0] * at + 2 * solution[1])
    return float(middle + half * at), half * math.sqrt(float(gradient @ covariance @ gradient))


def peak_at_rest(runs: Sequence[Measurement], window: tuple[float, float]) -> PeakAtRest:
    """Extrapolate the peak temperature to a rate of zero.

    Parameters
    ----------
    runs : sequence of Measurement
        ``"pyroelectric_coefficient"`` with a sweep rate, at two rates at least; heating and cooling count as two. A
        hysteresis of the transition itself would be taken for a lag: heat (or cool) only, if there is one.
    window : (float, float)
        K, around the peak.

    Returns
    -------
    PeakAtRest

    Raises
    ------
    PyroelectricityError
    """
    rates = []
    for run in runs:
        if run.quantity != "pyroelectric_coefficient" or run.sweep_rate is None:
            raise PyroelectricityError(
                f"measurement {run.label!r}: a pyroelectric_coefficient with its sweep rate is needed, found"
                f" {run.quantity} {'without a rate' if run.sweep_rate is None else ''}".rstrip()
            )
        rates.append(-run.sweep_rate if run.branch == "cooling" else run.sweep_rate)
    rate = np.array(rates)
    if rate.size < 2 or np.ptp(rate) < 0.05 * np.max(np.abs(rate)):
        raise PyroelectricityError("peak_at_rest: runs at two different rates are needed at least")
    found = np.array([peak_temperature(run, window) for run in runs])
    peaks, spread = found[:, 0], np.maximum(found[:, 1], 1e-6)
    design = np.column_stack([np.ones(rate.size), rate]) / spread[:, None]
    solution, *_ = np.linalg.lstsq(design, peaks / spread, rcond=None)
    covariance = np.linalg.inv(design.T @ design)
    if rate.size > 2:
        # where the runs scatter more than their own uncertainties say, the scatter counts
        chi2 = float(np.sum((peaks / spread - design @ solution) ** 2)) / (rate.size - 2)
        covariance = covariance * max(chi2, 1.0)
    sigma = np.sqrt(np.diag(covariance))
    text = (
        f"peak at {solution[0]:.2f} +- {sigma[0]:.2f} K for a rate of zero, lag {solution[1]:.3g} +- {sigma[1]:.2g} s,"
        f" from {rate.size} runs at {', '.join(f'{one * 60:+.3g}' for one in rate)} K/min"
    )
    return PeakAtRest(
        float(solution[0]), float(sigma[0]), float(solution[1]), float(sigma[1]), rate, peaks, found[:, 1], text
    )
