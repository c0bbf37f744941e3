"""A heating and a cooling run taken apart: p(T), and every artefact by its name and size.

In a cycle of one sample the current is

    i(t) = p(T) A dT/dt + offset + drift t + leakage(T),    T = sensor - lag dT/dt

The pyroelectric term turns its sign with dT/dt, leakage does not. Offset and drift need temperatures at which p and
leakage are 0 in both runs; a lag separates the two curves by 2 lag |dT/dt|, which is seen where p changes with
temperature. Charge that was trapped and is released by the first heating only (thermally stimulated current) can be
told from leakage by a second heating.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.smoothing import local_polynomial, running_integral
from labile.techniques.pyroelectricity.conversions import PyroelectricityError, PyroelectricityWarning
from labile.techniques.pyroelectricity.cycle import separate_currents
from labile.techniques.pyroelectricity.reduction import (
    RATE_WINDOW,
    Baseline,
    corrected_current,
    fit_baseline,
    heating_rate,
    require_log,
    sample_temperature,
)

SIGNIFICANT = 3.0
"""Standard uncertainties from which an artefact counts as found."""
WIDEST = 0.05
"""Part of the temperature range by which two runs may be apart; a lag is not sought beyond."""
SETTLING = 5.0
"""Lags after which a sample follows a ramp: its rate is then right within e^-5."""
CLEAR = 3.0
"""Factor by which chi2 must rise when the runs are shifted apart, for the lag to count as shown by the data."""
SMOOTHING = 9
"""Points of the local polynomials that take the noise off before two runs are compared."""
BLOCKS = 20
"""Parts of a run over which leakage is averaged."""
GRID = 400
"""Temperatures at which the two runs are compared."""
ACTIVATION = (2e3, 2e5)
"""J/mol; range of the activation energy of a leakage current (20 meV to 2 eV)."""
UNEXPLAINED = 2.0
"""Root mean square of the weighted misfit from which something else than offset, drift, leakage and lag is present."""


@dataclass(frozen=True)
class Artefact:
    """One cause of current that is no pyroelectricity.

    Attributes
    ----------
    name : {"offset", "drift", "leakage", "thermal lag", "thermally stimulated current", "unexplained"}
    value, sigma : float
        A (offset; leakage and thermally stimulated current: largest), A/s (drift), s (lag). NaN: not determined.
    found : bool
        Whether it differs from 0 by three standard uncertainties.
    polarization : float
        What it would add to Delta P of the heating run if it were left in, C/m2; NaN for a lag.
    text : str
        One sentence for the provenance.
    """

    name: str
    value: float
    sigma: float
    found: bool
    polarization: float
    text: str


@dataclass(frozen=True, eq=False)
class PairAnalysis:
    """What a heating and a cooling run say together.

    Attributes
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"`` at the temperatures of the sample.
    leakage : Measurement
        ``"current"`` that has one sign in both directions.
    lag, sigma_lag : float
        s; NaN where p has no feature that shows it.
    baseline : Baseline
    artefacts : tuple of Artefact
    released : Measurement or None
        ``"current"`` that only the first heating gave, where a second one is there.
    """

    coefficient: Measurement
    leakage: Measurement
    lag: float
    sigma_lag: float
    baseline: Baseline
    artefacts: tuple[Artefact, ...]
    released: Measurement | None = None

    def artefact(self, name: str) -> Artefact | None:
        """Artefact by name; None where it was not looked for."""
        return next((one for one in self.artefacts if one.name == name), None)

    @property
    def named(self) -> tuple[str, ...]:
        """Names of the artefacts that were found."""
        return tuple(one.name for one in self.artefacts if one.found)


def analyse_pair(
    heating: Measurement,
    cooling: Measurement,
    *,
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    zero_window: tuple[float, float] | None = None,
    lag: float | None = None,
    second_heating: Measurement | None = None,
    rate_window: int = RATE_WINDOW,
) -> PairAnalysis:
    """Find p(T), offset, drift, leakage and thermal lag from a heating and a cooling run.

    Parameters
    ----------
    heating, cooling : Measurement
        ``"current"`` with times on one clock.
    area, sigma_area, polarity, rate_window
        As for `pyroelectric_coefficient`.
    zero_window : (float, float), optional
        K; where p and leakage are 0. Without it offset and drift stay in leakage and p.
    lag : float, optional
        s; found from the two runs when left out.
    second_heating : Measurement, optional
        Of the same sample right after the cooling: what the first heating gave beyond it is thermally stimulated
        current, and p comes from this one.

    Returns
    -------
    PairAnalysis

    Raises
    ------
    PyroelectricityError

    Warns
    -----
    PyroelectricityWarning
        Where something is left that none of the named causes explains.
    """
    for run in (heating, cooling):
        require_log(run)
    baseline = Baseline(0.0)
    if zero_window is not None:
        runs = tuple(run for run in (heating, cooling, second_heating) if run is not None)
        baseline = fit_baseline(runs, zero_window)
    released, stimulated = None, None
    first = heating
    if second_heating is not None:
        released = difference_of_heatings(heating, second_heating, baseline=baseline)
        first = second_heating
    surface = corrected_current(first, area=area, polarity=polarity, baseline=baseline).area
    chosen, sigma_lag, misfit = _common_explanation(first, cooling, baseline, surface, lag, rate_window)
    applied = 0.0 if math.isnan(chosen) else chosen
    both = separate_currents(
        sample_temperature(_settled(first, applied), applied),
        sample_temperature(_settled(cooling, applied), applied),
        area=surface,
        sigma_area=sigma_area,
        polarity=polarity,
        baseline=baseline,
        rate_window=rate_window,
    )
    time = require_log(first)
    span = float(time[-1] - time[0])
    artefacts = []
    if zero_window is not None:
        artefacts += _baseline_artefacts(baseline, time, surface)
    artefacts.append(_leakage_artefact(both.leakage, baseline, surface, zero_window is None))
    artefacts.append(_lag_artefact(chosen, sigma_lag, lag is not None, heating_rate(first).typical))
    if released is not None:
        stimulated = _released_artefact(released, surface)
        artefacts.append(stimulated)
    if misfit > UNEXPLAINED:
        text = (
            f"what has one sign in both directions scatters {misfit:.3g} times its noise about a thermally activated"
            " leakage: charge released on one heating only (thermally stimulated current), a transition with"
            " hysteresis, or a drift that is not linear; give a second heating run, or the runs of another cycle"
        )
        artefacts.append(Artefact("unexplained", misfit, 0.0, True, math.nan, f"artefact: {text}"))
        warnings.warn(f"measurement {heating.label!r}: {text}", PyroelectricityWarning, stacklevel=2)
    steps = [one.text for one in artefacts]
    if zero_window is None:
        steps.insert(0, "no zero_window: an offset counts as leakage, a drift of the electrometer stays in p")
    steps.append(f"heating run of {span:.4g} s beside a cooling run of {np.ptp(require_log(cooling)):.4g} s")
    noted = both.coefficient.provenance.then(*steps)
    return PairAnalysis(
        replace(both.coefficient, provenance=noted),
        replace(both.leakage, provenance=noted),
        chosen,
        sigma_lag,
        baseline,
        tuple(artefacts),
        released,
    )


def _settled(run: Measurement, lag: float) -> Measurement:
    """Leave out the start of a ramp, when the sample does not yet change at the rate of its sensor."""
    time = require_log(run)
    late = time >= time[0] + SETTLING * abs(lag)
    if lag == 0 or np.count_nonzero(late) < RATE_WINDOW:
        return run
    step = f"left out the first {SETTLING * abs(lag):.3g} s of the ramp, {SETTLING:g} times the lag"
    return replace(run[late], provenance=run.provenance.then(step))


def difference_of_heatings(first: Measurement, second: Measurement, *, baseline: Baseline | None = None) -> Measurement:
    """Current that the first heating of a sample gave beyond its second one, at the temperatures of the first.

    A pyroelectric current is the same in both (scaled by the rates); trapped charge is released once.

    Parameters
    ----------
    first, second : Measurement
        ``"current"`` with times.
    baseline : Baseline, optional
        Of the electrometer, on the clock of both.

    Returns
    -------
    Measurement
        ``"current"``, A, at the rate of the first run.

    Raises
    ------
    PyroelectricityError
        Where one of them is a cooling run, or they share no temperatures.
    """
    rates = [heating_rate(run) for run in (first, second)]
    if not all(rate.typical > 0 for rate in rates):
        raise PyroelectricityError(
            f"measurements {first.label!r} and {second.label!r}: two heating runs are needed to recognise charge that"
            " is released only once"
        )
    zero = baseline or Baseline(0.0)
    current = [run.values - zero.at(require_log(run)) for run in (first, second)]
    noise = [corrected_current(run, area=1e-6).sigma for run in (first, second)]
    known = np.flatnonzero(rates[1].kept)
    known = known[np.argsort(second.temperature[known], kind="stable")]
    axis = second.temperature[known]
    kept = rates[0].kept & (first.temperature >= axis[0]) & (first.temperature <= axis[-1])
    if not kept.any():
        raise PyroelectricityError(f"measurements {first.label!r} and {second.label!r}: they share no temperatures")
    at = first.temperature[kept]
    scale = rates[0].values[kept] / np.interp(at, axis, rates[1].values[known])
    again = np.interp(at, axis, current[1][known])
    return replace(
        first[kept],
        values=current[0][kept] - scale * again,
        sigma=np.hypot(noise[0][kept], scale * np.interp(at, axis, noise[1][known])),
        correlated=(),
        label="thermally stimulated current",
        provenance=first.provenance.then(
            f"less the current of the second heating ({second.label}) at equal temperature and rate"
        ),
    )


def _common_explanation(
    heating: Measurement,
    cooling: Measurement,
    baseline: Baseline,
    area: float,
    lag: float | None,
    window: int,
) -> tuple[float, float, float]:
    """Lag (s), its uncertainty, and the root mean square weighted misfit of the common explanation.

    For every lag the two runs give a current without sign change; the right one makes it a smooth, thermally
    activated function c0 + c1 exp(-E/RT).
    """
    sides = []
    for run in (heating, cooling):
        rate = heating_rate(run, window=window)
        setup = corrected_current(run, area=area, baseline=baseline)
        # interpolation between noisy points would average their noise at some lags and not at others
        points = min(SMOOTHING, len(run) - (1 - len(run) % 2))
        smooth = local_polynomial(require_log(run), setup.current, window=points, order=2, sigma=setup.sigma)
        keep = np.flatnonzero(rate.kept)
        order = keep[np.argsort(run.temperature[keep], kind="stable")]
        columns = (run.temperature, rate.values, smooth.values, smooth.sigma_values)
        sides.append(tuple(column[order] for column in columns))
    (t_up, r_up, i_up, s_up), (t_down, r_down, i_down, s_down) = sides
    if not (np.median(r_up) > 0 > np.median(r_down)):
        raise PyroelectricityError(
            f"measurements {heating.label!r} and {cooling.label!r}: one must be heated and the other cooled"
        )
    low, high = max(t_up[0], t_down[0]), min(t_up[-1], t_down[-1])
    if not high > low:
        raise PyroelectricityError(f"measurements {heating.label!r} and {cooling.label!r}: they share no temperatures")
    widest = WIDEST * (high - low) / max(float(np.median(r_up)), -float(np.median(r_down)))
    # every lag that is tried must leave the grid within the runs, and the starts of the ramps out of it
    margin = 2 * WIDEST * (high - low)
    grid = np.linspace(low + margin, high - margin, GRID)
    noise = math.hypot(float(np.median(s_up)), float(np.median(s_down))) / 2

    def even(delay: float) -> np.ndarray:
        """Current with one sign in both directions, on the grid."""
        up, ru = (np.interp(grid, t_up - delay * r_up, column) for column in (i_up, r_up))
        down, rd = (np.interp(grid, t_down - delay * r_down, column) for column in (i_down, r_down))
        return np.asarray((down * ru - up * rd) / (ru - rd))

    scale = max(float(np.max(np.abs(even(lag or 0.0)))), noise)
    free_lag = lag is None
    names = ("pair.time", "pair.leakage_constant", "pair.leakage_activated", "pair.enthalpy")

    def leak(values: np.ndarray, temperature: np.ndarray) -> np.ndarray:
        return scale * (values[1] + values[2] * np.exp(-values[3] / GAS_CONSTANT * (1 / temperature - 1 / grid[-1])))

    def residuals(values: np.ndarray) -> np.ndarray:
        return np.asarray((even(values[0]) - leak(values, grid)) / noise)

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = parameters.expand(vector)
        activated = np.exp(-values[3] / GAS_CONSTANT * (1 / grid - 1 / grid[-1]))
        step = 1e-3 * widest
        columns = [
            (even(values[0] + step) - even(values[0] - step)) / (2 * step * noise),
            np.full(GRID, -scale / noise),
            -scale * activated / noise,
            scale * values[2] * activated * (1 / grid - 1 / grid[-1]) / GAS_CONSTANT / noise,
        ]
        return residuals(values), np.column_stack(columns) @ parameters.matrix

    start, shown = (0.0, False) if lag is None else (lag, True)
    if lag is None:
        tried = np.linspace(-widest, widest, 61)
        profile = np.array([_best_leakage(even(delay) / noise, grid) for delay in tried])
        best = int(np.argmin(profile))
        start = float(tried[best])
        wanted = CLEAR * max(profile[best], float(GRID))
        shown = 0 < best < tried.size - 1 and min(profile[:best].max(), profile[best + 1 :].max()) > wanted
    parameters = Parameters(
        (
            Parameter(names[0], start if shown else 0.0, lower=-widest, upper=widest, fixed=not (free_lag and shown)),
            Parameter(names[1], 0.0),
            Parameter(names[2], 0.5),
            Parameter(names[3], 1e4, lower=ACTIVATION[0], upper=ACTIVATION[1]),
        )
    )
    found = fit(Problem(parameters, evaluate, (Block("even part", GRID),)), max_iterations=200)
    values = found.parameters.values
    # neighbouring grid points share measured points: there are not GRID independent ones
    independent = min(GRID, t_up.size, t_down.size)
    misfit = math.sqrt(found.chi2 / GRID)
    sigma = math.nan
    if free_lag and shown and names[0] not in found.undetermined and names[0] not in found.at_bound:
        sigma = found.sigma_of(names[0]) * max(misfit, 1.0) * math.sqrt(GRID / independent)
    # an activated part that wants to be no leakage may stand for a lag, or a lag for it
    odd = names[3] in found.at_bound and abs(values[2]) > SIGNIFICANT * found.sigma_of(names[2])
    determined = not free_lag or (shown and math.isfinite(sigma) and not odd)
    return (
        float(values[0]) if determined else math.nan,
        (0.0 if not free_lag else sigma) if determined else math.nan,
        misfit,
    )


def _best_leakage(even: np.ndarray, grid: np.ndarray) -> float:
    """Sum of squares about the best thermally activated leakage, over a few activation energies."""
    best = math.inf
    for energy in np.geomspace(*ACTIVATION, 9):
        design = np.column_stack([np.ones(grid.size), np.exp(-energy / GAS_CONSTANT * (1 / grid - 1 / grid[-1]))])
        solution, *_ = np.linalg.lstsq(design, even, rcond=None)
        best = min(best, float(np.sum((even - design @ solution) ** 2)))
    return best


def _baseline_artefacts(baseline: Baseline, time: np.ndarray, area: float) -> list[Artefact]:
    span = float(time[-1] - time[0])
    drifted = baseline.drift * span * (0.5 * (time[0] + time[-1]) - baseline.time) / area
    offset = format_uncertain(baseline.offset * 1e12, baseline.sigma_offset * 1e12)
    drift = format_uncertain(baseline.drift * 3.6e15, baseline.sigma_drift * 3.6e15)
    added = baseline.offset * span / area
    return [
        Artefact(
            "offset",
            baseline.offset,
            baseline.sigma_offset,
            abs(baseline.offset) > SIGNIFICANT * baseline.sigma_offset,
            added,
            f"artefact: offset of the electrometer, {offset} pA (left in, it adds {added * 100:.3g} uC/cm2 to the"
            f" heating run), {baseline.source}; subtracted",
        ),
        Artefact(
            "drift",
            baseline.drift,
            baseline.sigma_drift,
            abs(baseline.drift) > SIGNIFICANT * baseline.sigma_drift,
            drifted,
            f"artefact: drift of the electrometer, {drift} pA/h (left in, it adds {drifted * 100:.3g} uC/cm2 to the"
            " heating run); subtracted",
        ),
    ]


def _leakage_artefact(leakage: Measurement, baseline: Baseline, area: float, with_offset: bool) -> Artefact:
    """Largest mean of the even part over a twentieth of the run, whatever its form."""
    time = np.asarray(leakage.conditions.time)
    assert leakage.sigma is not None
    zero = np.hypot(baseline.sigma_offset, baseline.sigma_drift * (time - baseline.time))
    blocks = [block for block in np.array_split(np.arange(len(leakage)), BLOCKS) if block.size]
    means = np.array([leakage.values[block].mean() for block in blocks])
    spread = np.array(
        [
            math.hypot(float(np.sqrt(np.sum(leakage.sigma[block] ** 2))) / block.size, float(zero[block].mean()))
            for block in blocks
        ]
    )
    largest = int(np.argmax(np.abs(means)))
    value, noise = float(means[largest]), float(spread[largest])
    at = float(leakage.temperature[blocks[largest]].mean())
    charge = float(running_integral(time, leakage.values, origin=float(time[0]))[0][-1]) / area
    what = "leakage or offset" if with_offset else "leakage"
    # the largest of twenty means is expected to be two standard deviations away
    found = abs(value) > (SIGNIFICANT + 1) * noise
    size = (
        f"up to {value * 1e12:.4g} pA at {at:.4g} K (left in, it adds {charge * 100:.3g} uC/cm2 to the heating run)"
        if found
        else f"not found (below {(SIGNIFICANT + 1) * noise * 1e12:.2g} pA)"
    )
    text = f"{'artefact: ' if found else ''}{what}, current with one sign on heating and cooling: {size}"
    return Artefact("leakage", value, noise, found, charge, text)


def _lag_artefact(lag: float, sigma: float, stated: bool, rate: float) -> Artefact:
    if math.isnan(lag):
        text = (
            "thermal lag: not determined, because p changes too little with temperature to show it; the sensor's"
            " temperatures are used"
        )
        return Artefact("thermal lag", math.nan, math.nan, False, math.nan, text)
    origin = "stated" if stated else "from the separation of the two runs"
    text = (
        f"artefact: thermal lag of the sample, {format_uncertain(lag, sigma)} s ({origin}; {lag * rate:.3g} K behind"
        f" the sensor at {rate * 60:.3g} K/min); temperatures shifted"
    )
    return Artefact("thermal lag", lag, sigma, lag != 0 and abs(lag) > SIGNIFICANT * sigma, math.nan, text)


def _released_artefact(released: Measurement, area: float) -> Artefact:
    time = np.asarray(released.conditions.time)
    assert released.sigma is not None
    charge, spread = running_integral(time, released.values, origin=float(time[0]), sigma=released.sigma)
    largest = int(np.argmax(np.abs(released.values)))
    value, sigma = float(released.values[largest]), float(released.sigma[largest])
    total = float(charge[-1]) / area
    text = (
        f"artefact: thermally stimulated current, released by the first heating only: up to {value * 1e12:.4g} pA at"
        f" {released.temperature[largest]:.4g} K, {total * 100:.3g} uC/cm2 in all; p is taken from the second heating"
    )
    found = abs(total) > SIGNIFICANT * float(spread[-1]) / area
    return Artefact("thermally stimulated current", value, sigma, found, total, text)
