"""Heating and cooling together: leakage separated from the pyroelectric current, and the residue of a closed cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import CorrelatedTerm, Measurement
from labile.techniques.pyroelectricity.conversions import PyroelectricityError
from labile.techniques.pyroelectricity.integration import polarization_change
from labile.techniques.pyroelectricity.reduction import (
    RATE_WINDOW,
    Baseline,
    corrected_current,
    fit_baseline,
    heating_rate,
)
from labile.techniques.pyroelectricity.runs import warn_of_size


@dataclass(frozen=True)
class CurrentSeparation:
    """A heating and a cooling run explained by p(T) and a leakage current at the same temperatures.

    Attributes
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"``, the same for both directions by construction.
    leakage : Measurement
        ``"current"`` that has one sign in both directions.
    """

    coefficient: Measurement
    leakage: Measurement


@dataclass(frozen=True)
class ClosedCycle:
    """Polarization changes of heating and cooling over the same temperatures, and what is left of their sum.

    Attributes
    ----------
    heating, cooling : Measurement
        ``"polarization_change"`` with the correlated term ``closed_cycle``: the residue, grown evenly in time.
    residue : float
        (1/A) int i dt over heating and cooling, C/m2; 0 for a reversible crystal and an ideal meter.
    """

    heating: Measurement
    cooling: Measurement
    residue: float


def separate_currents(
    heating: Measurement,
    cooling: Measurement,
    *,
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    zero_window: tuple[float, float] | None = None,
    drift: bool = True,
    baseline: Baseline | None = None,
    rate_window: int = RATE_WINDOW,
) -> CurrentSeparation:
    """Separate pyroelectric and leakage current by the direction of temperature.

    At each temperature the two currents i = p A dT/dt + i_leak of heating and cooling give p and i_leak. For equal
    rates this is i_pyro = (i_heat - i_cool)/2 and i_leak = (i_heat + i_cool)/2. It assumes that neither p nor the
    leakage depends on direction: a transition with hysteresis, or charge released once only, breaks this.

    Parameters
    ----------
    heating, cooling : Measurement
        ``"current"`` with times; the cooling run is interpolated at the heating run's temperatures.
    area, sigma_area, polarity, rate_window
        As for `pyroelectric_coefficient`.
    zero_window : (float, float), optional
        K; an offset and drift fitted to both runs there (one clock) are subtracted first.
    drift : bool
        Whether that baseline has a slope in time.
    baseline : Baseline, optional
        Subtracted instead of one fitted here.

    Returns
    -------
    CurrentSeparation
        At the temperatures of the heating run that the cooling run covers.

    Raises
    ------
    PyroelectricityError
        As for `pyroelectric_coefficient`, and where the two runs share no temperatures.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 600.0, 10.0)
    >>> up = Measurement("current", np.full(60, 7.69e-12), Conditions(80.0 + time / 12, time=time))
    >>> down = Measurement("current", np.full(60, -7.49e-12), Conditions(130.0 - time / 12, time=time))
    >>> both = separate_currents(up, down, area=0.3036e-6)
    >>> round(float(both.coefficient.in_unit()[9]), 3), round(float(both.leakage.in_unit("pA")[9]), 3)
    (30.0, 0.1)
    """
    if baseline is None:
        baseline = _common_baseline(heating, cooling, zero_window, drift)
    up = corrected_current(heating, area=area, polarity=polarity, baseline=baseline)
    down = corrected_current(cooling, area=area, polarity=polarity, baseline=baseline)
    rate_up, rate_down = (heating_rate(run, window=rate_window) for run in (heating, cooling))
    if not (rate_up.typical > 0 > rate_down.typical):
        raise PyroelectricityError(
            f"measurements {heating.label!r} and {cooling.label!r}: one must be heated and the other cooled, found"
            f" {rate_up.typical * 60:.3g} and {rate_down.typical * 60:.3g} K/min"
        )
    order = np.flatnonzero(rate_down.kept)[np.argsort(cooling.temperature[rate_down.kept], kind="stable")]
    known = cooling.temperature[order]
    kept = rate_up.kept & (heating.temperature >= known[0]) & (heating.temperature <= known[-1])
    if not kept.any():
        raise PyroelectricityError(
            f"measurements {heating.label!r} and {cooling.label!r}: they share no temperatures"
            f" ({heating.temperature.min():g}-{heating.temperature.max():g} and {known[0]:g}-{known[-1]:g} K)"
        )
    at = heating.temperature[kept]
    i_up, r_up, s_up = up.current[kept], rate_up.values[kept], up.sigma[kept]
    i_down, r_down = (np.interp(at, known, column[order]) for column in (down.current, rate_down.values))
    # linear interpolation does not add noise: this is an upper bound
    s_down = np.interp(at, known, down.sigma[order])
    difference = r_up - r_down
    current_part = (i_up - i_down) / difference
    values = polarity * current_part / up.area
    leak = (i_down * r_up - i_up * r_down) / difference
    s_rate = np.hypot(rate_up.sigma[kept], np.interp(at, known, rate_down.sigma[order]))
    sigma = np.hypot(np.hypot(s_up, s_down) / difference, current_part * s_rate / difference) / up.area
    s_leak = np.hypot(np.hypot(s_down * r_up, s_up * r_down), current_part * s_rate * r_up) / difference
    area_term = (CorrelatedTerm("area", -values * sigma_area / up.area),) if sigma_area > 0 else ()
    steps = (
        *up.steps,
        f"i = p A dT/dt + i_leak solved for heating at {rate_up.typical * 60:.4g} and cooling"
        f" ({cooling.label}) at {rate_down.typical * 60:.4g} K/min, A = {up.area * 1e6:.6g} mm2,"
        f" polarity {polarity:+g}",
    )
    base = replace(heating[kept], correlated=(), limits=None, branch="equilibrium", sweep_rate=None)
    provenance = heating.provenance.then(*steps)
    return CurrentSeparation(
        warn_of_size(
            replace(
                base,
                quantity="pyroelectric_coefficient",
                values=values,
                sigma=sigma,
                unit="",
                correlated=area_term,
                label="pyroelectric_coefficient",
                provenance=provenance,
            )
        ),
        replace(base, values=leak, sigma=s_leak, label="leakage current", provenance=provenance),
    )


def closed_cycle(
    heating: Measurement,
    cooling: Measurement,
    *,
    reference_temperature: float | None = None,
    zero_window: tuple[float, float] | None = None,
    drift: bool = True,
    **options: Any,
) -> ClosedCycle:
    """Polarization changes of a heating and a cooling run, with the residue of their cycle as an uncertainty.

    A cycle that ends where it began must have int i dt = 0. What is left is drift or leakage that was not
    subtracted; each change carries it as one systematic cause that grew evenly with time.

    Parameters
    ----------
    heating, cooling : Measurement
        ``"current"`` with times; only temperatures that both cover enter.
    reference_temperature : float, optional
        K; the lowest common temperature by default.
    zero_window : (float, float), optional
        K; an offset and drift fitted to both runs there (one clock) are subtracted first.
    drift : bool
        Whether that baseline has a slope in time.
    **options
        Of `polarization_change`: ``area``, ``sigma_area``, ``polarity``, ``sigma_offset``, ``rate_window``,
        ``slowest``.

    Returns
    -------
    ClosedCycle

    Raises
    ------
    PyroelectricityError
    """
    baseline = _common_baseline(heating, cooling, zero_window, drift)
    low = max(run.temperature.min() for run in (heating, cooling))
    high = min(run.temperature.max() for run in (heating, cooling))
    if not low < high:
        raise PyroelectricityError(f"measurements {heating.label!r} and {cooling.label!r}: they share no temperatures")
    changes, ends, elapsed = [], [], []
    for run in (heating, cooling):
        inside = run[(run.temperature >= low) & (run.temperature <= high)]
        wanted = low if reference_temperature is None else reference_temperature
        reference = max(float(inside.temperature.min()), wanted)
        change = polarization_change(inside, reference_temperature=reference, baseline=baseline, **options)
        order = np.argsort(change.temperature, kind="stable")
        changes.append(change)
        ends.append(float(change.values[order[-1]] - change.values[order[0]]))
        time = np.asarray(change.conditions.time)
        origin = float(np.interp(reference, change.temperature[order], time[order]))
        elapsed.append((time - origin, float(time[-1] - time[0])))
    residue = ends[0] - ends[1]
    whole = elapsed[0][1] + elapsed[1][1]
    text = f"the closed cycle leaves {residue * 100:.4g} uC/cm2 over {whole:.4g} s, taken as a systematic uncertainty"
    heated, cooled = (
        replace(
            change,
            correlated=(*change.correlated, CorrelatedTerm("closed_cycle", residue * since / whole)),
            provenance=change.provenance.then(text),
        )
        for change, (since, _) in zip(changes, elapsed, strict=True)
    )
    return ClosedCycle(heated, cooled, residue)


def _common_baseline(
    heating: Measurement, cooling: Measurement, zero_window: tuple[float, float] | None, drift: bool
) -> Baseline | None:
    return None if zero_window is None else fit_baseline((heating, cooling), zero_window, drift=drift)
