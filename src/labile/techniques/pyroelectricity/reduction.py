"""From a log of current, temperature and time to the pyroelectric coefficient.

Sign convention: n is the outward normal of the electrode wired to the electrometer's HI terminal and P_n = P.n. Current
is positive when positive charge leaves that electrode into the meter, i = +A dP_n/dt = p A dT/dt: p > 0 and heating
give i > 0. With the HI terminal on the opposite face the sign of i turns; `polarity` = -1 turns it back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import CorrelatedTerm, Measurement
from labile.fitting.smoothing import local_polynomial
from labile.techniques.pyroelectricity.conversions import (
    PyroelectricityError,
    require_positive,
)
from labile.techniques.pyroelectricity.runs import warn_of_size

RATE_WINDOW = 15
"""Points of the local polynomials that give dT/dt."""
SLOW = 0.2
"""Fraction of the median |dT/dt| below which a point is dropped: there the current says little about p."""


@dataclass(frozen=True, eq=False)
class Rate:
    """Heating or cooling rate of a log.

    Attributes
    ----------
    values, sigma : ndarray (N,)
        dT/dt and its standard uncertainty, K/s; negative on cooling.
    window : int
        Points per local polynomial.
    slowest : float
        K/s; points with a smaller |dT/dt| are dropped.
    """

    values: np.ndarray
    sigma: np.ndarray
    window: int
    slowest: float

    @property
    def kept(self) -> np.ndarray:
        """Mask of the points that move fast enough in the branch's direction, shape (N,)."""
        direction = np.sign(np.median(self.values))
        return np.asarray(direction * self.values >= self.slowest)

    @property
    def typical(self) -> float:
        """Median of the kept rates, K/s."""
        return float(np.median(self.values[self.kept]))


@dataclass(frozen=True)
class Baseline:
    """Current that flows without any pyroelectric effect: offset + drift (t - time).

    Attributes
    ----------
    offset, sigma_offset : float
        A, at `time`.
    drift, sigma_drift : float
        A/s. Where both were fitted, `time` is the mean time of the fitted points, so that they are independent.
    time : float
        s.
    source : str
        How it was found, for the provenance.
    """

    offset: float
    drift: float = 0.0
    sigma_offset: float = 0.0
    sigma_drift: float = 0.0
    time: float = 0.0
    source: str = "stated"

    def at(self, time: np.ndarray) -> np.ndarray:
        """Current at the given times (s), A."""
        return np.asarray(self.offset + self.drift * (time - self.time))


def heating_rate(log: Measurement, *, window: int = RATE_WINDOW, slowest: float | None = None) -> Rate:
    """dT/dt of one branch from local quadratic polynomials in time.

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times, one heating or cooling branch.
    window : int
        Odd number of points per polynomial; a shorter log uses what it has.
    slowest : float, optional
        K/s; 0.2 of the median |dT/dt| by default.

    Returns
    -------
    Rate

    Raises
    ------
    PyroelectricityError
        For a log without current or time, with too few points, times that stand still or go backward, no
        change of temperature, or a rate that changes sign.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 60.0, 2.0)
    >>> log = Measurement("current", np.zeros(30), Conditions(20.0 + time / 12, time=time))
    >>> round(heating_rate(log).typical * 60, 6)
    5.0
    """
    where = f"measurement {log.label!r}"
    time = require_log(log)
    if window < 5 or window % 2 == 0:
        raise PyroelectricityError(
            f"{where}: the rate window must be an odd number of at least 5 points, found {window}"
        )
    points = min(window, len(log) - (1 - len(log) % 2))
    fit = local_polynomial(time, log.temperature, window=points, order=2)
    fastest = float(np.median(np.abs(fit.derivative)))
    if np.ptp(log.temperature) == 0 or fastest == 0:
        raise PyroelectricityError(f"{where}: the temperature does not change; a pyroelectric current needs dT/dt")
    rate = Rate(fit.derivative, fit.sigma_derivative, points, SLOW * fastest if slowest is None else slowest)
    if not (rate.slowest >= 0 and rate.kept.any()):
        raise PyroelectricityError(
            f"{where}: no point has |dT/dt| above {rate.slowest:g} K/s; the fastest half has {fastest:g}"
        )
    turned = -np.sign(rate.typical) * fit.derivative >= max(rate.slowest, np.finfo(float).tiny)
    # where a cycle was cut, the window at its end still sees the turn: these few points are only dropped
    turned[: points // 2 + 1] = turned[-(points // 2) - 1 :] = False
    if turned.any():
        wrong = int(np.flatnonzero(turned)[0])
        raise PyroelectricityError(
            f"{where}: dT/dt changes sign at point {wrong + 1} (t = {time[wrong]:g} s, {log.temperature[wrong]:g} K,"
            f" {fit.derivative[wrong] * 60:.3g} K/min beside {rate.typical * 60:.3g}); cut the log into heating and"
            f" cooling with core.branches.split_branches, or widen the rate window ({points} points) if the"
            " thermometer is noisy"
        )
    direction = "heating" if rate.typical > 0 else "cooling"
    if log.branch in ("heating", "cooling") and log.branch != direction:
        raise PyroelectricityError(
            f"{where}: it is said to be {log.branch}, but its times and temperatures show {direction}"
        )
    return rate


def sample_temperature(log: Measurement, lag: float) -> Measurement:
    """Log with the temperature of a sample that follows its sensor by a first-order lag: T - lag dT/dt.

    Parameters
    ----------
    log : Measurement
        One branch, with times.
    lag : float
        s, may be negative (sensor behind the sample).

    Returns
    -------
    Measurement

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 60.0, 2.0)
    >>> log = Measurement("current", np.ones(30) * 1e-12, Conditions(20.0 + time / 12, time=time))
    >>> round(float(sample_temperature(log, 12.0).temperature[0]), 6)
    19.0
    """
    if not math.isfinite(lag):
        raise PyroelectricityError(f"measurement {log.label!r}: the lag must be a number of seconds, found {lag!r}")
    if lag == 0:
        return log
    rate = heating_rate(log)
    shifted = log.temperature - lag * rate.values
    if np.any(shifted <= 0):
        raise PyroelectricityError(
            f"measurement {log.label!r}: a lag of {lag:g} s at {rate.typical * 60:.3g} K/min leads below 0 K"
        )
    step = (
        f"temperature of the sample: sensor less {lag:.4g} s times dT/dt"
        f" ({-lag * rate.typical:+.3g} K at {rate.typical * 60:.3g} K/min)"
    )
    return replace(log, conditions=log.conditions.at_temperature(shifted), provenance=log.provenance.then(step))


def fit_baseline(
    logs: Measurement | Sequence[Measurement], zero_window: tuple[float, float], *, drift: bool = True
) -> Baseline:
    """Offset and drift of the electrometer where the crystal gives no current.

    Parameters
    ----------
    logs : Measurement or sequence of Measurement
        One log, or several on one clock: heating and cooling of a cycle pin the drift at both ends of it.
    zero_window : (float, float)
        K; the temperatures between which p is known to be 0, for instance (10, 60).
    drift : bool
        Whether the current may also change linearly in time.

    Returns
    -------
    Baseline
        Uncertainties from the scatter within the window.

    Raises
    ------
    PyroelectricityError
        For a window with too few points.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 60.0, 2.0)
    >>> log = Measurement("current", 2e-14 + 1e-16 * time, Conditions(20.0 + time / 12, time=time))
    >>> baseline = fit_baseline(log, (20.0, 24.0))
    >>> round(baseline.drift * 1e16, 6), bool(abs(baseline.at(0.0) - 2e-14) < 1e-20)
    (1.0, True)
    """
    logs = (logs,) if isinstance(logs, Measurement) else tuple(logs)
    low, high = (float(edge) for edge in zero_window)
    where = f"measurement {logs[0].label!r}" if len(logs) == 1 else "baseline"
    if not 0 < low < high:
        raise PyroelectricityError(
            f"{where}: zero_window must be two rising temperatures in K, found {low:g} to {high:g}"
        )
    masks = [(log.temperature >= low) & (log.temperature <= high) for log in logs]
    time = np.concatenate([require_log(log)[mask] for log, mask in zip(logs, masks, strict=True)])
    current = np.concatenate([log.values[mask] for log, mask in zip(logs, masks, strict=True)])
    if time.size < 5:
        raise PyroelectricityError(
            f"{where}: {time.size} points lie in zero_window {low:g}-{high:g} K, at least 5 are needed; the data span"
            f" {min(log.temperature.min() for log in logs):g}-{max(log.temperature.max() for log in logs):g} K"
        )
    middle = float(time.mean())
    design = np.column_stack([np.ones(time.size), time - middle])[:, : 2 if drift else 1]
    solution, *_ = np.linalg.lstsq(design, current, rcond=None)
    scatter = float(np.sum((current - design @ solution) ** 2)) / (time.size - design.shape[1])
    sigma = np.sqrt(scatter * np.diag(np.linalg.inv(design.T @ design)))
    return Baseline(
        float(solution[0]),
        float(solution[1]) if drift else 0.0,
        float(sigma[0]),
        float(sigma[1]) if drift else 0.0,
        middle,
        f"fitted to {time.size} points at {low:g}-{high:g} K, where p is declared 0",
    )


def pyroelectric_coefficient(
    log: Measurement,
    *,
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
    """Pyroelectric coefficient p = i/(A dT/dt) of one branch (Byer and Roundy, doi:10.1080/00150197208235326).

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times, one heating or cooling branch.
    area : float, optional
        Electrode area, m2; the header's ``electrode_area`` when left out. It is never assumed.
    sigma_area : float
        m2.
    polarity : {1, -1}
        -1 when the HI terminal sat on the face opposite to the one whose outward normal defines P.
    baseline : Baseline, optional
        Current to subtract.
    zero_window : (float, float), optional
        K; fits the baseline of this log instead, see `fit_baseline`.
    drift : bool
        Whether the fitted baseline has a slope in time.
    sigma_offset : float
        A; a further uncertainty of the current's zero, for instance the electrometer's specification.
    rate_window : int
        Points per polynomial of the rate.
    slowest : float, optional
        K/s; slower points are dropped.

    Returns
    -------
    Measurement
        ``"pyroelectric_coefficient"`` at the points that were fast enough. sigma: scatter of the current and
        of the rate; correlated terms ``area``, ``offset``, ``drift``.

    Raises
    ------
    PyroelectricityError
        For a missing area, a log that is not one branch, a rate that changes sign.

    Warns
    -----
    PyroelectricityWarning
        For a coefficient that no crystal has; the factor (1e3, ...) is named.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 600.0, 10.0)
    >>> log = Measurement("current", np.full(60, 7.59e-12), Conditions(80.0 + time / 12, time=time), sigma=1e-14)
    >>> pyroelectric_coefficient(log, area=0.3036e-6).describe_point(30)
    '30.00(4) nC cm⁻² K⁻¹ at 105 K'
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
    per_current = polarity / (setup.area * rate.values)
    kept = rate.kept
    with np.errstate(divide="ignore", invalid="ignore"):
        values = setup.current * per_current
        sigma = np.hypot(setup.sigma * per_current, values * rate.sigma / rate.values)
        effects = [CorrelatedTerm(term.name, (term.effect * per_current)[kept]) for term in setup.causes(log)]
    correlated = (*effects, *setup.area_term(values[kept]))
    dropped = int(np.count_nonzero(~kept))
    steps = (
        *setup.steps,
        f"dT/dt from local quadratic polynomials over {rate.window} points: median {rate.typical * 60:.4g} K/min",
        f"dropped {dropped} of {len(log)} points with |dT/dt| below {rate.slowest * 60:.3g} K/min",
        f"p = i/(A dT/dt), A = {setup.area * 1e6:.6g} mm2, polarity {polarity:+g}",
    )
    reduced = reduced_measurement(
        log[kept], "pyroelectric_coefficient", values[kept], sigma[kept], correlated, steps, rate
    )
    return warn_of_size(reduced)


@dataclass(frozen=True, eq=False)
class CorrectedCurrent:
    """What every reduction of a log needs.

    Attributes
    ----------
    current, sigma : ndarray (N,)
        Current without the baseline and its independent standard uncertainty, A.
    area, sigma_area : float
        m2.
    baseline : Baseline
    sigma_offset : float
        A, beyond the baseline's own.
    steps : tuple of str
        What was done, for the provenance.
    """

    current: np.ndarray
    sigma: np.ndarray
    area: float
    sigma_area: float
    baseline: Baseline
    sigma_offset: float
    steps: tuple[str, ...]

    def causes(self, log: Measurement) -> list[CorrelatedTerm]:
        """Shift of the corrected current for one standard deviation of each systematic cause, A."""
        time = require_log(log)
        terms = [CorrelatedTerm(term.name, np.asarray(term.effect)) for term in log.correlated]
        offset = math.hypot(self.baseline.sigma_offset, self.sigma_offset)
        if offset > 0:
            terms.append(CorrelatedTerm("offset", np.full(time.shape, offset)))
        if self.baseline.sigma_drift > 0:
            terms.append(CorrelatedTerm("drift", self.baseline.sigma_drift * (time - self.baseline.time)))
        return terms

    def area_term(self, values: np.ndarray) -> tuple[CorrelatedTerm, ...]:
        """Shift of a result that goes as 1/A for one standard deviation of A."""
        return (CorrelatedTerm("area", -values * self.sigma_area / self.area),) if self.sigma_area > 0 else ()


def corrected_current(
    log: Measurement,
    *,
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    baseline: Baseline | None = None,
    zero_window: tuple[float, float] | None = None,
    drift: bool = True,
    sigma_offset: float = 0.0,
) -> CorrectedCurrent:
    """Subtract the baseline from a log and collect what its reduction needs; see `pyroelectric_coefficient`.

    Raises
    ------
    PyroelectricityError
    """
    where = f"measurement {log.label!r}"
    time = require_log(log)
    surface = electrode_area(log, area)
    if polarity not in (1, -1):
        raise PyroelectricityError(f"{where}: polarity must be 1 or -1, found {polarity!r}")
    for name, value in (("sigma_area", sigma_area), ("sigma_offset", sigma_offset)):
        if not (value >= 0 and math.isfinite(value)):
            raise PyroelectricityError(f"{where}: {name} must be >= 0 (SI), found {value!r}")
    if baseline is not None and zero_window is not None:
        raise PyroelectricityError(f"{where}: give a baseline or a zero_window to fit one, not both")
    steps: list[str] = []
    if zero_window is not None:
        baseline = fit_baseline(log, zero_window, drift=drift)
    if baseline is None:
        baseline = Baseline(0.0)
        steps.append("no offset was subtracted from the current")
    else:
        steps.append(
            f"subtracted an offset of {baseline.offset * 1e12:.4g} +- {baseline.sigma_offset * 1e12:.2g} pA at"
            f" t = {baseline.time:g} s and a drift of {baseline.drift * 3.6e15:.4g} +-"
            f" {baseline.sigma_drift * 3.6e15:.2g} pA/h ({baseline.source})"
        )
    if log.sigma is None:
        points = min(RATE_WINDOW, len(log) - (1 - len(log) % 2))
        noise = local_polynomial(time, log.values, window=points, order=2).noise
        # a noiseless log still has the resolution of its numbers
        noise = max(noise, 1e-12 * float(np.max(np.abs(log.values))), 1e-24)
        sigma = np.full(len(log), noise)
        steps.append(f"noise of the current, {noise * 1e12:.3g} pA, estimated from its scatter about local polynomials")
    else:
        sigma = np.asarray(log.sigma)
    current = log.values - baseline.at(time)
    return CorrectedCurrent(current, sigma, surface, sigma_area, baseline, sigma_offset, tuple(steps))


def electrode_area(log: Measurement, area: float | None) -> float:
    """Return the electrode area that was given, or else the header's, m2.

    Raises
    ------
    PyroelectricityError
        If there is none, or it is too large for a crystal.
    """
    where = f"measurement {log.label!r}"
    found = log.attributes.get("electrode_area") if area is None else area
    if found is None:
        raise PyroelectricityError(
            f"{where}: the electrode area is missing and is not assumed; give area, for instance 0.3036 mm2"
            " (0.3036e-6 m2)"
        )
    surface = require_positive(found, f"{where}: electrode area", "m2")
    if surface > 0.01:
        raise PyroelectricityError(
            f"{where}: electrode area {surface:g} m2 is no crystal; give m2 (0.3036 mm2 is 0.3036e-6)"
        )
    return surface


def require_log(log: Measurement, quantity: str = "current") -> np.ndarray:
    """Return the times (s) of a log after checking that it is one of a current (or of another quantity).

    Raises
    ------
    PyroelectricityError
        For another quantity, no times, fewer than five points, or times that stand still or go backward.
    """
    where = f"measurement {log.label!r}"
    if log.quantity != quantity or log.axis is not None:
        raise PyroelectricityError(f"{where}: a log of the {quantity} is needed, found {log.quantity}")
    if log.conditions.time is None:
        raise PyroelectricityError(
            f"{where}: the log has no time column; dT/dt cannot be known without it. Name the column that holds it"
        )
    if len(log) < 5:
        raise PyroelectricityError(f"{where}: {len(log)} points are too few for a rate; at least 5 are needed")
    time = np.asarray(log.conditions.time)
    steps = np.diff(time)
    if np.any(steps <= 0):
        bad = int(np.argmax(steps <= 0)) + 1
        what = "stands still" if steps[bad - 1] == 0 else "goes backward"
        raise PyroelectricityError(
            f"{where}: time {what} at point {bad + 1} ({time[bad]:g} s after {time[bad - 1]:g} s); remove repeated"
            " rows, or give the parts of a restarted clock as separate files"
        )
    return time


def reduced_measurement(
    log: Measurement,
    quantity: str,
    values: np.ndarray,
    sigma: np.ndarray,
    correlated: tuple[CorrelatedTerm, ...],
    steps: tuple[str, ...],
    rate: Rate,
) -> Measurement:
    """Return a result of a log with its conditions, branch, rate and the steps that led to it."""
    return replace(
        log,
        quantity=quantity,
        values=values,
        sigma=sigma,
        unit="",
        correlated=correlated,
        limits=None,
        branch="heating" if rate.typical > 0 else "cooling",
        sweep_rate=abs(rate.typical),
        label=quantity if log.label == log.quantity else log.label,
        provenance=log.provenance.then(*steps),
    )
