"""Polarization changes from a current log (over time) and from a pyroelectric coefficient (over temperature)."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from labile.core.measurement import CorrelatedTerm, Measurement
from labile.fitting.smoothing import running_integral
from labile.techniques.pyroelectricity.conversions import PyroelectricityError, PyroelectricityWarning
from labile.techniques.pyroelectricity.reduction import (
    RATE_WINDOW,
    Baseline,
    Rate,
    corrected_current,
    heating_rate,
    pyroelectric_coefficient,
    reduced_measurement,
    require_log,
)

STEADY = 0.05
"""Relative spread of the rate up to which it counts as constant and the two ways to integrate must agree."""
AGREEMENT = 0.01
"""How well they must agree then."""


def polarization_change(
    log: Measurement,
    *,
    reference_temperature: float | None = None,
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    baseline: Baseline | None = None,
    zero_window: tuple[float, float] | None = None,
    drift: bool = True,
    sigma_offset: float = 0.0,
    rate_window: int = RATE_WINDOW,
    slowest: float | None = None,
) -> Measurement:
    """Polarization change Delta P(T) = (1/A) int i dt from a reference temperature, along one branch.

    The same change is computed as int p dT; both are recorded. At a constant rate they must agree within 1 %.

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times, one heating or cooling branch.
    reference_temperature : float, optional
        K, within the log; its lowest temperature by default.
    area, sigma_area, polarity, baseline, zero_window, drift, sigma_offset, rate_window, slowest
        As for `pyroelectric_coefficient`.

    Returns
    -------
    Measurement
        ``"polarization_change"`` at every point of the log. sigma is that of the whole integral, so it grows
        away from the reference and is shared between points; correlated terms ``area``, ``offset``, ``drift``.

    Raises
    ------
    PyroelectricityError

    Warns
    -----
    PyroelectricityWarning
        If the two integrals disagree by more than 1 % at a constant rate.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 3361.0, 10.0)
    >>> log = Measurement("current", np.full(337, 1e-12), Conditions(20.0 + time / 12, time=time), sigma=1e-14)
    >>> change = polarization_change(log, area=0.3036e-6, sigma_offset=0.05e-12)
    >>> round(float(change.in_unit("uC/cm2")[-1]), 4), round(float(change.correlated[0].effect[-1]) * 100, 4)
    (1.1067, 0.0553)
    """
    setup = corrected_current(
        log,
        area=area,
        sigma_area=sigma_area,
        polarity=polarity,
        baseline=baseline,
        zero_window=zero_window,
        drift=drift,
        sigma_offset=sigma_offset,
    )
    rate = heating_rate(log, window=rate_window, slowest=slowest)
    time = require_log(log)
    reference = _reference(log, reference_temperature)
    origin = _time_at(log, reference)
    charge, spread = running_integral(time, setup.current, origin=origin, sigma=setup.sigma)
    scale = polarity / setup.area
    values = charge * scale
    effects = [
        CorrelatedTerm(term.name, running_integral(time, term.effect, origin=origin)[0] * scale)
        for term in setup.causes(log)
    ]
    coefficient = pyroelectric_coefficient(
        log,
        area=area,
        polarity=polarity,
        baseline=setup.baseline,
        rate_window=rate_window,
        slowest=slowest,
    )
    check, doubtful = _compare_integrals(values, spread * abs(scale), log, coefficient, rate)
    if doubtful:
        warnings.warn(f"measurement {log.label!r}: {check}", PyroelectricityWarning, stacklevel=2)
    steps = (
        *setup.steps,
        f"Delta P = (1/A) int i dt from {reference:g} K, A = {setup.area * 1e6:.6g} mm2, polarity {polarity:+g}; the"
        " uncertainties of different points are not independent, because each integral contains the one before it",
        check,
    )
    correlated = (*effects, *setup.area_term(values))
    return reduced_measurement(log, "polarization_change", values, spread * abs(scale), correlated, steps, rate)


def integrate_coefficient(coefficient: Measurement, reference_temperature: float | None = None) -> Measurement:
    """Polarization change Delta P(T) = int p dT from a reference temperature.

    Parameters
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"`` of one branch; the order of its points does not matter.
    reference_temperature : float, optional
        K, within the data; the lowest by default.

    Returns
    -------
    Measurement
        ``"polarization_change"``, sorted by temperature; every correlated term is integrated too.

    Raises
    ------
    PyroelectricityError
        For another quantity, fewer than two temperatures, or a reference outside the data.
    """
    where = f"measurement {coefficient.label!r}"
    if coefficient.quantity != "pyroelectric_coefficient" or coefficient.axis is not None:
        raise PyroelectricityError(
            f"{where}: integrate_coefficient needs a pyroelectric_coefficient, found {coefficient.quantity}"
        )
    _, first = np.unique(coefficient.temperature, return_index=True)
    if first.size < 2:
        raise PyroelectricityError(f"{where}: an integral needs at least two different temperatures")
    data = coefficient[first]
    reference = _reference(data, reference_temperature)
    sigma = 0.0 if data.sigma is None else data.sigma
    values, spread = running_integral(data.temperature, data.values, origin=reference, sigma=sigma)
    correlated = tuple(
        CorrelatedTerm(term.name, running_integral(data.temperature, term.effect, origin=reference)[0])
        for term in data.correlated
    )
    repeated = len(coefficient) - first.size
    return replace(
        data,
        quantity="polarization_change",
        values=values,
        sigma=None if data.sigma is None else spread,
        correlated=correlated,
        limits=None,
        unit="",
        label=f"{coefficient.label} integrated",
        provenance=data.provenance.then(
            *((f"left out {repeated} points at repeated temperatures",) if repeated else ()),
            f"Delta P = int p dT from {reference:g} K; the uncertainties of different points are not independent",
        ),
    )


def _reference(data: Measurement, reference: float | None) -> float:
    low, high = float(data.temperature.min()), float(data.temperature.max())
    if reference is None:
        return low
    if not low <= reference <= high:
        raise PyroelectricityError(
            f"measurement {data.label!r}: reference temperature {reference:g} K lies outside the data,"
            f" {low:g}-{high:g} K"
        )
    return float(reference)


def _time_at(log: Measurement, temperature: float) -> float:
    order = np.argsort(log.temperature, kind="stable")
    return float(np.interp(temperature, log.temperature[order], require_log(log)[order]))


def _compare_integrals(
    values: np.ndarray, sigma: np.ndarray, log: Measurement, coefficient: Measurement, rate: Rate
) -> tuple[str, bool]:
    """Compare int i dt / A with int p dT over the temperatures both cover; a sentence, and whether it is a warning."""
    both = integrate_coefficient(coefficient)
    ends = [int(np.argmin(np.abs(log.temperature - edge))) for edge in (both.temperature[0], both.temperature[-1])]
    in_time = float(values[ends[1]] - values[ends[0]])
    in_temperature = float(both.values[-1] - both.values[0])
    largest = max(float(np.ptp(values)), abs(in_time))
    noise = float(np.max(sigma)) + float(both.sigma[-1] if both.sigma is not None else 0.0)
    difference = abs(in_time - in_temperature)
    kept = rate.values[rate.kept]
    steady = float(np.std(kept)) <= STEADY * abs(rate.typical)
    share = difference / largest if largest > 0 else 0.0
    text = (
        f"int i dt / A = {in_time * 100:.5g} and int p dT = {in_temperature * 100:.5g} uC/cm2 between"
        f" {both.temperature[0]:g} and {both.temperature[-1]:g} K: they differ by {share * 100:.2g} % of the largest"
        f" change at a {'constant' if steady else 'varying'} rate"
    )
    return text, steady and share > AGREEMENT and difference > 3 * noise
