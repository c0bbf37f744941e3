"""T(LIESST): the temperature at which a light-induced high-spin state is lost while the crystal is warmed in the dark.

Protocol (J.-F. Letard, J. Mater. Chem. 2006, 16, 2550): cool in the dark, irradiate near 10 K until the moment is
saturated, switch the light off, warm at 0.3 K/min; T(LIESST) is the minimum of d(chi*T)/dT. What zero-field splitting
and coupling between molecules do to chi*T at the lowest temperatures is no loss of the state and is not counted.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from labile.core.branches import split_branches
from labile.core.conditions import Conditions
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.uncertain import format_uncertain
from labile.fitting.smoothing import local_polynomial
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.reduction import MagnetometryWarning, high_spin_fraction, reduce_moment

PROTOCOL_RATES = (0.3 / 60, 0.4 / 60)
"""K/s between which values of T(LIESST) are compared."""
RATE_TOLERANCE = 0.05
"""Relative; how far outside a mean rate may be that was read from recorded times."""
SMOOTHING_SPAN = 4.0
"""K over which slopes are taken, where five points lie within."""
SMALLEST_FALL = 0.03
"""Share of the range of chi*T below which a fall is no step."""
STANDS_OUT = 0.4
"""How far the derivative must come back between two of its minima, as a share of the shallower one."""
RECOVERED = 0.5
"""Share of a fall that a rise must give back for it to be a dip at low temperature."""
FEWEST_POINTS = 12


@dataclass(frozen=True)
class Fall:
    """A stretch of the heating curve over which chi*T falls.

    Attributes
    ----------
    start, stop : float
        K.
    drop : float
        chi*T at its start minus at its end, SI of the measurement.
    steepest, slope : float
        Temperature (K) and value of the most negative derivative.
    reason : str
        Why it is not counted; empty when it is.
    """

    start: float
    stop: float
    drop: float
    steepest: float
    slope: float
    reason: str = ""


@dataclass(frozen=True)
class LiesstTemperature:
    """T(LIESST) and where it comes from.

    Attributes
    ----------
    t_liesst, sigma : float
        K.
    rate : float or None
        K/s at T(LIESST); None when neither times nor a rate are known.
    follows_protocol : bool
        Whether the rate is 0.3 to 0.4 K/min.
    further : tuple of float
        K; minima of the derivative of the other counted falls, the signs of a relaxation in steps.
    falls : tuple of Fall
        All that were found, counted or not.
    before, after : float
        chi*T where the counted fall starts and where it ends, SI.
    steps : tuple of str
    """

    t_liesst: float
    sigma: float
    rate: float | None
    follows_protocol: bool
    further: tuple[float, ...]
    falls: tuple[Fall, ...]
    before: float
    after: float
    steps: tuple[str, ...]


def liesst_temperature(
    measurement: Measurement, *, window: tuple[float, float] | None = None, span: float = SMOOTHING_SPAN
) -> LiesstTemperature:
    """T(LIESST) of the heating curve that was measured in the dark after irradiation.

    Slopes are those of parabolas over `span`. Falls of chi*T are counted unless the steepest point is the first of the
    data (the upturn of coupled molecules), or the curve rises again by half of it and then falls by more (a dip
    before the rise of zero-field splitting). Around the steepest point of the counted falls a polynomial of fourth
    degree gives the minimum of the derivative. Sigma contains the noise of the points, the choice of the range of that
    polynomial, and the temperature's own sigma.

    Parameters
    ----------
    measurement : Measurement
        ``"chi_t"`` or ``"high_spin_fraction"``; a log is split and must contain one heating curve.
    window : tuple of float, optional
        K; only points within are used.
    span : float
        K.

    Returns
    -------
    LiesstTemperature

    Raises
    ------
    MagnetometryError
        If the curve was measured under light, there is no or more than one heating curve, too few points, or no fall.

    Warns
    -----
    MagnetometryWarning
        When the heating rate is unknown or not that of the protocol.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> t = np.arange(10.0, 90.0, 1.0)
    >>> curve = Measurement(
    ...     "chi_t", 3e-5 / (1 + np.exp((t - 57.5) / 1.5)), Conditions(t), branch="heating", sweep_rate=0.3 / 60
    ... )
    >>> round(liesst_temperature(curve).t_liesst, 2)
    57.5
    """
    where = f"measurement {measurement.label!r}"
    curve = _heating_curve(measurement, window, where)
    temperature, values, sigma = _by_temperature(curve)
    if temperature.size < FEWEST_POINTS:
        raise MagnetometryError(
            f"{where}: {temperature.size} temperatures on heating, at least {FEWEST_POINTS} are needed for T(LIESST)"
        )
    if not (span > 0 and math.isfinite(span)):
        raise MagnetometryError(f"{where}: span must be > 0 K, found {span!r}")
    step = float(np.median(np.diff(temperature)))
    points = int(np.clip(2 * round(span / step / 2) + 1, 5, 2 * ((temperature.size - 1) // 2) - 1))
    smooth = local_polynomial(temperature, values, window=points, order=2, sigma=sigma)
    noise = smooth.noise if sigma is None else float(np.median(sigma))
    falls = _judged(
        _falls(temperature, smooth.values, smooth.derivative, smooth.sigma_derivative, noise),
        temperature,
        smooth.values,
    )
    counted = [fall for fall in falls if not fall.reason]
    if not counted:
        reasons = "; ".join(f"{fall.start:.4g} to {fall.stop:.4g} K: {fall.reason}" for fall in falls)
        raise MagnetometryError(
            f"{where}: chi*T does not fall between {temperature[0]:.4g} and {temperature[-1]:.4g} K"
            f"{f' ({reasons})' if reasons else ''}, there is no T(LIESST). Was the crystal irradiated, and the curve"
            " measured far enough?"
        )
    steps = [f"{fall.start:.4g} to {fall.stop:.4g} K is not counted: {fall.reason}" for fall in falls if fall.reason]
    rise = temperature[int(np.argmax(smooth.values))]
    main = min(counted, key=lambda fall: fall.slope)
    lead = temperature < main.start
    if np.any(lead) and smooth.values[lead].min() < smooth.values[temperature <= main.start].max() - 5 * noise:
        steps.append(f"the rise up to {min(float(rise), main.start):.4g} K (zero-field splitting) is not counted")
    t_liesst, spread = _minimum(temperature, values, sigma, smooth.derivative, main, noise)
    if curve.conditions.sigma_temperature is not None:
        spread = math.hypot(spread, float(np.median(curve.conditions.sigma_temperature)))
    further = tuple(fall.steepest for fall in counted if fall is not main)
    if further:
        steps.append(f"further minima of the derivative at {', '.join(f'{t:.4g}' for t in further)} K: several steps")
    rate = _rate_at(curve, t_liesst)
    low, high = PROTOCOL_RATES
    follows = rate is not None and low * (1 - RATE_TOLERANCE) <= rate <= high * (1 + RATE_TOLERANCE)
    if not follows:
        found = "not known" if rate is None else f"{rate * 60:.3g} K/min"
        steps.append(
            f"the heating rate is {found}; values of T(LIESST) are compared at 0.3 to 0.4 K/min, and a faster rate"
            " gives a higher one"
        )
        warnings.warn(f"{where}: {steps[-1]}", MagnetometryWarning, stacklevel=2)
    steps.append(f"T(LIESST) = {format_uncertain(t_liesst, spread)} K")
    level = np.interp([main.start, main.stop], temperature, smooth.values)
    return LiesstTemperature(
        t_liesst, spread, rate, follows, further, tuple(falls), float(level[0]), float(level[1]), tuple(steps)
    )


def reduce_liesst(
    measurements: Sequence[Measurement],
    *,
    quantity: str = "t_liesst",
    window: tuple[float, float] | None = None,
    span: float = SMOOTHING_SPAN,
    rate: float | None = None,
    **corrections: Any,
) -> Measurement:
    """T(LIESST) of the parts of a log as a measurement of one number.

    Parameters
    ----------
    measurements : sequence of Measurement
        chi*T, high-spin fraction or moment; one heating curve among them.
    quantity : {"t_liesst"}
    window, span
        See `liesst_temperature`.
    rate : float, optional
        Heating rate (K/s), where the file has no times.
    **corrections
        Options of `reduce_moment`, for moments.

    Returns
    -------
    Measurement
        ``"t_liesst"`` (K) with its sigma, at that temperature; how it was found in ``provenance.steps``.
    """
    if quantity != "t_liesst":
        raise MagnetometryError(f"the curve of a LIESST experiment gives t_liesst, not {quantity!r}")
    known = [part for one in measurements for part in (split_branches(one) if one.branch == "equilibrium" else (one,))]
    heating = [part for part in known if part.branch == "heating"]
    if len(heating) != 1:
        found = ", ".join(f"{part.label} ({part.branch})" for part in known)
        raise MagnetometryError(f"T(LIESST) needs one heating curve, found {len(heating)} in {found}")
    curve = heating[0] if rate is None else replace(heating[0], sweep_rate=rate)
    if curve.quantity == "moment":
        curve = reduce_moment(curve, quantity="chi_t", **corrections)
    elif corrections:
        raise MagnetometryError(f"{', '.join(corrections)} belong to moments, found {curve.quantity}")
    result = liesst_temperature(curve, window=window, span=span)
    return Measurement(
        "t_liesst",
        np.array([result.t_liesst]),
        Conditions([result.t_liesst], curve.conditions.pressure[:1], curve.conditions.magnetic_field[:1]),
        sigma=np.array([result.sigma]),
        branch="heating",
        sweep_rate=result.rate,
        sample=curve.sample,
        label=f"{curve.label} T(LIESST)",
        provenance=curve.provenance.then(*result.steps),
    )


def photo_fraction(
    measurement: Measurement,
    low_spin: Measurement | float,
    high_spin: Measurement | float,
    *,
    sigma_low: float = 0.0,
    sigma_high: float = 0.0,
) -> Measurement:
    """High-spin fraction between end members that depend on temperature.

    gamma_HS = (chi*T - chi*T_LS(T)) / (chi*T_HS(T) - chi*T_LS(T)). With the curve of the fully excited state, its
    zero-field splitting included, as high-spin end member, the rise at low temperature is no change of the fraction.

    Parameters
    ----------
    measurement : Measurement
        ``"chi_t"``.
    low_spin, high_spin : Measurement or float
        chi*T of the fully low-spin and fully high-spin crystal: a curve, interpolated and never extrapolated, or one
        number (m3 K/mol).
    sigma_low, sigma_high : float
        m3 K/mol, of numbers; curves bring their own sigma. Both become correlated terms.

    Returns
    -------
    Measurement
        ``"high_spin_fraction"``, never clipped.

    Raises
    ------
    MagnetometryError
        If a quantity is wrong, a curve does not cover the data, or the high-spin end member is not above the other.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> full = Measurement("chi_t", [2e-5, 4e-5], Conditions([10.0, 30.0]))
    >>> photo_fraction(Measurement("chi_t", [1.5e-5], Conditions([20.0])), 0.0, full).values.round(12).tolist()
    [0.5]
    """
    where = f"measurement {measurement.label!r}"
    if isinstance(low_spin, (int, float)) and isinstance(high_spin, (int, float)):
        return high_spin_fraction(measurement, low_spin, high_spin, sigma_low=sigma_low, sigma_high=sigma_high)
    if measurement.quantity != "chi_t" or measurement.axis is not None:
        raise MagnetometryError(f"{where}: a high-spin fraction is made from chi_t, found {measurement.quantity}")
    low, spread_low, from_low = _end_member(low_spin, sigma_low, measurement, "low-spin")
    high, spread_high, from_high = _end_member(high_spin, sigma_high, measurement, "high-spin")
    step = high - low
    if np.any(step <= 0):
        bad = int(np.argmin(step))
        raise MagnetometryError(
            f"{where}: at {measurement.temperature[bad]:.4g} K chi*T of the high-spin crystal, {high[bad]:.4g}, is not"
            f" above that of the low-spin one, {low[bad]:.4g} (SI)"
        )
    values = (measurement.values - low) / step
    effects = {term.name: np.asarray(term.effect) / step for term in measurement.correlated}
    if np.any(spread_low):
        effects["low_spin_end_member"] = -(1.0 - values) * spread_low / step
    if np.any(spread_high):
        effects["high_spin_end_member"] = -values * spread_high / step
    steps = [f"high-spin fraction between {from_low} and {from_high}"]
    outside = np.count_nonzero((values < 0) | (values > 1))
    if outside:
        steps.append(f"{outside} of {values.size} values lie outside [0, 1] ({values.min():.3g} to {values.max():.3g})")
    return replace(
        measurement,
        quantity="high_spin_fraction",
        values=values,
        sigma=None if measurement.sigma is None else measurement.sigma / step,
        unit="",
        correlated=tuple(CorrelatedTerm(name, effect) for name, effect in effects.items()),
        label="high_spin_fraction" if measurement.label == "chi_t" else measurement.label,
        provenance=measurement.provenance.then(*steps),
    )


def _end_member(
    given: Measurement | float, sigma: float, measurement: Measurement, name: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Values and sigmas of an end member at the temperatures of a measurement, and its name."""
    where = f"measurement {measurement.label!r}"
    at = measurement.temperature
    if isinstance(given, (int, float)):
        if not math.isfinite(given) or abs(given) > 0.01:
            raise MagnetometryError(f"{where}: chi*T of the {name} crystal is in m3 K/mol (3 cm3 K/mol is 3.77e-5)")
        return np.full(at.shape, float(given)), np.full(at.shape, sigma), f"chi*T {given:.5g} m3 K/mol ({name})"
    if given.quantity != "chi_t" or given.axis is not None:
        raise MagnetometryError(f"{where}: the {name} end member must be chi_t, found {given.quantity}")
    known, inverse, counts = np.unique(given.temperature, return_inverse=True, return_counts=True)
    if at.min() < known[0] - 0.5 or at.max() > known[-1] + 0.5:
        raise MagnetometryError(
            f"{where}: {at.min():.4g} to {at.max():.4g} K is not covered by the {name} end member {given.label!r}"
            f" ({known[0]:.4g} to {known[-1]:.4g} K); it is not extrapolated"
        )
    spread = np.zeros(len(given)) if given.total_sigma is None else given.total_sigma
    mean, mean_spread = (np.bincount(inverse, weights=column) / counts for column in (given.values, spread))
    return np.interp(at, known, mean), np.interp(at, known, mean_spread), f"{given.label!r} ({name})"


def _heating_curve(measurement: Measurement, window: tuple[float, float] | None, where: str) -> Measurement:
    if measurement.quantity not in ("chi_t", "high_spin_fraction") or measurement.axis is not None:
        raise MagnetometryError(
            f"{where}: T(LIESST) is read from chi_t or high_spin_fraction, found {measurement.quantity}"
        )
    if measurement.conditions.light:
        raise MagnetometryError(
            f"{where}: it was measured under light; T(LIESST) is that of the dark, a curve under light is that of LITH"
        )
    if window is not None:
        if not window[0] < window[1]:
            raise MagnetometryError(f"{where}: window must be (low, high) in K, found {window!r}")
        inside = (measurement.temperature >= window[0]) & (measurement.temperature <= window[1])
        if not np.any(inside):
            raise MagnetometryError(f"{where}: no point lies between {window[0]:g} and {window[1]:g} K")
        measurement = measurement[inside]
    known = ("heating", "cooling", "isothermal")
    parts = (measurement,) if measurement.branch in known else split_branches(measurement)
    heating = [part for part in parts if part.branch == "heating"]
    if len(heating) != 1:
        found = ", ".join(f"{part.label} ({part.branch})" for part in parts)
        raise MagnetometryError(
            f"{where}: T(LIESST) needs one heating curve, found {len(heating)} in {found}; pass the dark heating branch"
            " after irradiation"
        )
    return heating[0]


def _by_temperature(curve: Measurement) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    temperature, inverse, counts = np.unique(curve.temperature, return_inverse=True, return_counts=True)
    values = np.bincount(inverse, weights=curve.values) / counts
    if curve.sigma is None:
        return temperature, values, None
    return temperature, values, np.sqrt(np.bincount(inverse, weights=curve.sigma**2)) / counts


def _falls(
    temperature: np.ndarray, values: np.ndarray, slope: np.ndarray, sigma: np.ndarray, noise: float
) -> list[Fall]:
    """Stretches around the minima of the derivative, from one of its maxima to the next."""
    smallest = max(5 * noise, SMALLEST_FALL * float(np.ptp(values)))
    minima = _valleys(slope, sigma)
    out = []
    for k, at in enumerate(minima):
        first = 0 if k == 0 else minima[k - 1] + int(np.argmax(slope[minima[k - 1] : at + 1]))
        last = slope.size - 1 if k + 1 == len(minima) else at + int(np.argmax(slope[at : minima[k + 1] + 1]))
        # only where it falls
        rising = np.flatnonzero(slope >= 0)
        before, after = rising[rising < at], rising[rising > at]
        first = max(first, int(before[-1]) if before.size else 0)
        last = min(last, int(after[0]) if after.size else slope.size - 1)
        drop = float(values[first] - values[last])
        if drop < smallest:
            continue
        reason = ""
        if at <= 1:
            reason = "it is steepest where the data begin (coupling between molecules, or the lamp just off)"
        elif at >= temperature.size - 2:
            reason = "it is still getting steeper where the data end"
        where = float(temperature[first]), float(temperature[last])
        out.append(Fall(*where, drop, float(temperature[at]), float(slope[at]), reason))
    return out


def _valleys(slope: np.ndarray, sigma: np.ndarray) -> list[int]:
    """Negative minima of the derivative, ends included, that stand out of what lies between them."""
    padded = np.concatenate(([np.inf], slope, [np.inf]))
    candidates = np.flatnonzero((padded[1:-1] <= padded[:-2]) & (padded[1:-1] < padded[2:]) & (slope < 0))
    found: list[int] = candidates.tolist()

    def apart(one: int, other: int) -> bool:
        shallow = float(max(slope[one], slope[other]))
        least = max(STANDS_OUT * abs(shallow), 4 * float(max(sigma[one], sigma[other])))
        return float(np.max(slope[one : other + 1])) - shallow >= least

    while (pair := next((pair for pair in pairwise(found) if not apart(*pair)), None)) is not None:
        found.remove(max(pair, key=lambda i: slope[i]))
    return found


def _judged(falls: Sequence[Fall], temperature: np.ndarray, values: np.ndarray) -> list[Fall]:
    """The falls with those marked that the curve gives back before it falls by more: dips at low temperature."""
    out = list(falls)
    for i, (fall, later) in enumerate(pairwise(falls)):
        level = np.interp([fall.stop, later.start], temperature, values)
        if not fall.reason and later.drop >= fall.drop and level[1] - level[0] >= RECOVERED * fall.drop:
            out[i] = replace(fall, reason="a dip that the curve rises from before it falls by more")
    return out


def _minimum(
    temperature: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray | None,
    slope: np.ndarray,
    fall: Fall,
    noise: float,
) -> tuple[float, float]:
    """Minimum of the derivative (K) from polynomials of fourth degree around the steepest point, and its sigma."""
    at = int(np.argmin(np.abs(temperature - fall.steepest)))
    step = float(np.median(np.diff(temperature)))
    results = []
    for share in (0.3, 0.5):
        low, high = at, at
        while low > 0 and slope[low - 1] < share * fall.slope:
            low -= 1
        while high < temperature.size - 1 and slope[high + 1] < share * fall.slope:
            high += 1
        missing = 7 - (high - low + 1)
        if missing > 0:
            low, high = max(0, low - (missing + 1) // 2), min(temperature.size - 1, high + (missing + 1) // 2)
        rows = slice(low, high + 1)
        found = _inflection(temperature[rows], values[rows], noise if sigma is None else sigma[rows], fall.steepest)
        if found is not None:
            results.append(found)
    if not results:
        return fall.steepest, step / math.sqrt(12) + step
    best = results[0]
    choice = abs(results[0][0] - results[-1][0]) / 2
    return best[0], math.sqrt(best[1] ** 2 + choice**2 + (0.1 * step) ** 2)


def _inflection(
    temperature: np.ndarray, values: np.ndarray, sigma: np.ndarray | float, near: float
) -> tuple[float, float] | None:
    """Steepest point of the fall in these data and its sigma from their noise; None when the polynomial has none."""
    half = float(np.ptp(temperature)) / 2
    x = (temperature - near) / half
    basis = np.vander(x, 5, increasing=True)
    weight = 1.0 / np.broadcast_to(np.maximum(sigma, 1e-12 * float(np.ptp(values)) + 1e-300), x.shape)
    q, r = np.linalg.qr(basis * weight[:, None])
    a = np.linalg.solve(r, q.T @ (values * weight))
    residual = (basis @ a - values) * weight
    scale = max(1.0, float(residual @ residual) / max(x.size - 5, 1))
    roots = np.roots([12 * a[4], 6 * a[3], 2 * a[2]])
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9]
    # a minimum of the derivative, within the data
    minima = [u for u in real if 6 * a[3] + 24 * a[4] * u > 0 and x[0] <= u <= x[-1]]
    if not minima:
        return None
    u = min(minima, key=abs)
    gradient = np.array([0.0, 0.0, 2.0, 6.0 * u, 12.0 * u * u]) / (6 * a[3] + 24 * a[4] * u)
    spread = np.linalg.solve(r.T, gradient)
    return near + u * half, half * math.sqrt(float(spread @ spread) * scale)


def _rate_at(curve: Measurement, temperature: float) -> float | None:
    """Heating rate, K/s: from the times within 5 K where there are any, else the stated one."""
    time = curve.conditions.time
    if time is not None:
        near = np.abs(curve.temperature - temperature) <= 5.0
        if np.count_nonzero(near) >= 3 and np.ptp(time[near]) > 0:
            slope = float(np.polyfit(time[near] - time[near].mean(), curve.temperature[near], 1)[0])
            if slope > 0:
                return slope
    return curve.sweep_rate
