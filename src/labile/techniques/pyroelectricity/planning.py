"""What an experiment will show: current and charge of an electrode on a temperature ramp, from a known p."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement, Provenance
from labile.fitting.smoothing import running_integral
from labile.techniques.pyroelectricity.conversions import PyroelectricityError, require_positive


@dataclass(frozen=True, eq=False)
class ExpectedRun:
    """Current and collected charge along a ramp.

    Attributes
    ----------
    current : Measurement
        ``"current"``, A, with times from the start of the ramp.
    charge : Measurement
        ``"charge"``, C, from the start of the ramp.
    polarization_change : float
        C/m2, between the ends.
    duration : float
        s.
    largest_current, at_temperature : float
        A and K, of the largest |i|.
    """

    current: Measurement
    charge: Measurement
    polarization_change: float
    duration: float
    largest_current: float
    at_temperature: float

    @property
    def text(self) -> str:
        """One sentence."""
        low, high = float(self.current.temperature.min()), float(self.current.temperature.max())
        return (
            f"{self.current.branch} {low:g}-{high:g} K takes {self.duration / 60:.4g} min: up to"
            f" {self.largest_current * 1e12:.4g} pA at {self.at_temperature:.4g} K,"
            f" {float(self.charge.values[-1]) * 1e9:.4g} nC in all"
        )


def expected_run(
    temperature: np.ndarray,
    coefficient: np.ndarray,
    *,
    area: float,
    rate: float,
    lag: float = 0.0,
    sigma: np.ndarray | None = None,
) -> ExpectedRun:
    """Current i = p A dT/dt of a ramp at constant rate.

    Parameters
    ----------
    temperature : ndarray (N,)
        K, in any order.
    coefficient : ndarray (N,)
        p there, C m-2 K-1: a measured curve or what a model predicts.
    area : float
        Of the electrode, m2.
    rate : float
        K/s, negative for cooling.
    lag : float
        s; by which the sample follows the sensor: the trace is drawn over the sensor's temperature.
    sigma : ndarray (N,), optional
        Standard uncertainty of the coefficient, C m-2 K-1.

    Returns
    -------
    ExpectedRun
        Labelled as simulated.

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> run = expected_run(np.array([80.0, 90.0, 120.0]), np.array([0.0, 30e-5, 3.8e-5]), area=0.3036e-6, rate=5 / 60)
    >>> (run.current.in_unit("pA")).round(3).tolist(), run.at_temperature
    ([0.0, 7.59, 0.961], 90.0)
    """
    kelvin = np.asarray(temperature, dtype=float)
    p = np.asarray(coefficient, dtype=float)
    if kelvin.ndim != 1 or kelvin.shape != p.shape or kelvin.size < 2:
        raise PyroelectricityError(
            f"expected_run: temperature and coefficient need one shape of at least 2 points, found {kelvin.shape} and"
            f" {p.shape}"
        )
    surface = require_positive(area, "electrode area", "m2")
    if not (math.isfinite(rate) and rate != 0):
        raise PyroelectricityError(f"expected_run: rate must be a number of K/s other than 0, found {rate!r}")
    order = np.argsort(kelvin, kind="stable")[:: 1 if rate > 0 else -1]
    kelvin, p = kelvin[order], p[order]
    spread = None if sigma is None else np.asarray(sigma, dtype=float)[order] * surface * abs(rate)
    if spread is not None and not np.all(np.isfinite(spread) & (spread > 0)):
        spread = None
    if np.any(np.diff(kelvin) == 0):
        raise PyroelectricityError("expected_run: a temperature occurs twice; give one branch")
    time = (kelvin - kelvin[0]) / rate
    current = p * surface * rate
    charge, _ = running_integral(time, current, origin=0.0)
    conditions = Conditions(kelvin + lag * rate, time=time)
    provenance = Provenance("simulated", reader="expected_run").then(
        f"i = p A dT/dt, A = {surface * 1e6:.6g} mm2, {rate * 60:.4g} K/min"
        + (f", sample {lag:g} s behind the sensor" if lag else "")
    )
    branch = "heating" if rate > 0 else "cooling"

    def run(quantity: str, values: np.ndarray, error: np.ndarray | None) -> Measurement:
        return Measurement(
            quantity,
            values,
            conditions,
            error,
            branch=branch,
            sweep_rate=abs(rate),
            label=f"expected {quantity} (simulated)",
            provenance=provenance,
        )

    largest = int(np.argmax(np.abs(current)))
    return ExpectedRun(
        run("current", current, spread),
        run("charge", charge, None),
        float(charge[-1]) / surface,
        float(time[-1]),
        float(current[largest]),
        float(conditions.temperature[largest]),
    )
