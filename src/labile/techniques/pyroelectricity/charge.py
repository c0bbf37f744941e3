"""Charge method: an electrometer in coulomb mode collects Q = A Delta P (Glass, doi:10.1063/1.1657277)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labile.core.branches import split_branches
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.fitting.smoothing import local_polynomial
from labile.techniques.pyroelectricity.conversions import PyroelectricityError
from labile.techniques.pyroelectricity.reduction import RATE_WINDOW, SLOW, electrode_area, require_log
from labile.techniques.pyroelectricity.runs import warn_of_size


def reduce_charge(
    log: Measurement,
    *,
    quantity: str = "polarization_change",
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    reference_temperature: float | None = None,
    bias_current: float = 0.0,
    rate_window: int = RATE_WINDOW,
) -> tuple[Measurement, ...]:
    """Polarization change, or its derivative p, from a log of collected charge, branch by branch.

    Parameters
    ----------
    log : Measurement
        ``"charge"`` with times.
    quantity : {"polarization_change", "pyroelectric_coefficient"}
    area, sigma_area, polarity
        As for `pyroelectric_coefficient`.
    reference_temperature : float, optional
        K, where Delta P is 0; the lowest of each branch by default.
    bias_current : float
        A; input bias current of the electrometer, whose charge grows with time and is subtracted.
    rate_window : int
        Odd number of points of the local polynomials that give dQ/dt and dT/dt.

    Returns
    -------
    tuple of Measurement
        One for each heating or cooling branch.

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 600.0, 10.0)
    >>> ramp = Conditions(80.0 + time / 12, time=time)
    >>> log = Measurement("charge", 3.4e-5 * 0.3036e-6 * (ramp.temperature - 80.0), ramp, sigma=1e-13)
    >>> [p] = reduce_charge(log, quantity="pyroelectric_coefficient", area=0.3036e-6)
    >>> round(float(p.in_unit()[20]), 6)
    3.4
    """
    if quantity not in ("polarization_change", "pyroelectric_coefficient"):
        raise PyroelectricityError(
            f"measurement {log.label!r}: quantity must be polarization_change or pyroelectric_coefficient, found"
            f" {quantity!r}"
        )
    if polarity not in (1, -1):
        raise PyroelectricityError(f"measurement {log.label!r}: polarity must be 1 or -1, found {polarity!r}")
    require_log(log, "charge")
    surface = electrode_area(log, area)
    branches = [part for part in split_branches(log) if part.branch in ("heating", "cooling")]
    if not branches:
        raise PyroelectricityError(
            f"measurement {log.label!r}: the temperature does not change; there is no pyroelectric charge"
        )
    reduced = []
    for part in branches:
        time = require_log(part, "charge")
        charge = part.values - bias_current * (time - time[0])
        points = min(rate_window, len(part) - (1 - len(part) % 2))
        smooth = local_polynomial(time, charge, window=points, order=2)
        noise = max(smooth.noise, 1e-12 * float(np.max(np.abs(charge))), 1e-24)
        sigma = np.full(len(part), noise) if part.sigma is None else np.asarray(part.sigma)
        steps = [f"Q = A Delta P, A = {surface * 1e6:.6g} mm2, polarity {polarity:+g}"]
        if bias_current:
            steps.append(f"artefact: bias current of the electrometer, {bias_current * 1e12:.4g} pA; subtracted")
        if part.sigma is None:
            steps.append(f"noise of the charge, {noise * 1e12:.3g} pC, estimated from its scatter")
        if quantity == "polarization_change":
            order = np.argsort(part.temperature, kind="stable")
            axis = part.temperature[order]
            at = float(axis[0]) if reference_temperature is None else reference_temperature
            if not axis[0] <= at <= axis[-1]:
                raise PyroelectricityError(
                    f"measurement {part.label!r}: reference temperature {at:g} K lies outside the data,"
                    f" {axis[0]:g}-{axis[-1]:g} K"
                )
            zero = float(np.interp(at, axis, smooth.values[order]))
            values = polarity * (charge - zero) / surface
            spread, kept = sigma / surface, np.ones(len(part), dtype=bool)
            steps.append(f"Delta P counted from {at:g} K")
        else:
            rate = local_polynomial(time, part.temperature, window=points, order=2)
            flow = local_polynomial(time, charge, window=points, order=2, sigma=sigma)
            kept = np.abs(rate.derivative) >= SLOW * np.median(np.abs(rate.derivative))
            with np.errstate(divide="ignore", invalid="ignore"):
                values = polarity * flow.derivative / (surface * rate.derivative)
                spread = np.hypot(
                    flow.sigma_derivative / (surface * np.abs(rate.derivative)),
                    values * rate.sigma_derivative / rate.derivative,
                )
            steps.append(f"p = (dQ/dt)/(A dT/dt) from local quadratic polynomials over {points} points")
        values, spread = values[kept], spread[kept]
        one = replace(
            part[kept],
            quantity=quantity,
            values=values,
            sigma=np.maximum(spread, 1e-15 * max(float(np.max(np.abs(values))), 1e-20)),
            unit="",
            correlated=(CorrelatedTerm("area", -values * sigma_area / surface),) if sigma_area > 0 else (),
            limits=None,
            label=quantity if log.label == log.quantity else part.label,
            provenance=part.provenance.then(*steps),
        )
        reduced.append(warn_of_size(one) if quantity == "pyroelectric_coefficient" else one)
    return tuple(reduced)
