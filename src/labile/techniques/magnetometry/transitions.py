"""Transition temperatures and hysteresis width read from chi*T (or high-spin fraction) against temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.branches import split_branches
from labile.core.measurement import Measurement
from labile.techniques.magnetometry.holder import MagnetometryError

MINIMUM_POINTS = 8
PLATEAU_SPAN = 0.1
"""Share of the temperature range, at each end, over which the plateaus are read."""
LARGEST_DRIFT = 0.1
"""A plateau may change by this share of the step within its span."""


@dataclass(frozen=True)
class BranchTransition:
    """The transition of one branch, or why there is none.

    Attributes
    ----------
    branch : {"heating", "cooling"}
    t_half, sigma : float or None
        K; where the curve is half-way between its two plateaus, and the standard uncertainty.
    t_steepest, sigma_steepest : float or None
        K; where |d(chi*T)/dT| is largest, and the standard uncertainty.
    low, high : float or None
        Plateaus on the cold and on the warm side, SI of the measurement.
    reason : str
        Why there is no number; empty when there is one.
    """

    branch: str
    t_half: float | None = None
    sigma: float | None = None
    t_steepest: float | None = None
    sigma_steepest: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class TransitionTemperatures:
    """What heating and cooling curves say about a transition; the two are never averaged.

    Attributes
    ----------
    heating, cooling : BranchTransition
    """

    heating: BranchTransition
    cooling: BranchTransition

    @property
    def t_half_up(self) -> float | None:
        """K, on heating."""
        return self.heating.t_half

    @property
    def t_half_down(self) -> float | None:
        """K, on cooling."""
        return self.cooling.t_half

    @property
    def hysteresis_width(self) -> float | None:
        """T1/2 on heating minus T1/2 on cooling, K; None when one is missing. Not clipped at 0."""
        if self.heating.t_half is None or self.cooling.t_half is None:
            return None
        return self.heating.t_half - self.cooling.t_half

    @property
    def sigma_hysteresis_width(self) -> float | None:
        """Standard uncertainty of the width, K."""
        if self.heating.sigma is None or self.cooling.sigma is None:
            return None
        return math.hypot(self.heating.sigma, self.cooling.sigma)

    @property
    def reason(self) -> str:
        """Why a number is missing; empty when none is."""
        parts = [f"{b.branch}: {b.reason}" for b in (self.heating, self.cooling) if b.reason]
        return "; ".join(parts)


def transition_temperatures(
    *measurements: Measurement, window: tuple[float, float] | None = None, dead_band_k: float = 0.5
) -> TransitionTemperatures:
    """T1/2 on heating and on cooling, and the width of the hysteresis.

    The plateaus are the medians over the coldest and the warmest tenth of the temperature range; T1/2 is where the
    curve crosses half-way between them, by linear interpolation. Its uncertainty contains the noise of the
    curve and of the plateaus over the slope, the shift that sloping plateaus extended to T1/2 would cause, the
    temperature's own sigma, and, where few points resolve the step, the distance between them. Uncertainties common
    to all points (mass) move the plateaus alike and cancel.

    Parameters
    ----------
    *measurements : Measurement
        chi*T or high-spin fraction. ``"heating"`` and ``"cooling"`` ones are used as they are, others are split
        first with `core.branches.split_branches`.
    window : tuple of float, optional
        K; only points within are used. Narrow it where the plateaus slope (zero-field splitting at low
        temperature, a second step).
    dead_band_k : float
        K, passed to `split_branches`.

    Returns
    -------
    TransitionTemperatures
        With None and a reason where the data contain no single, complete step.

    Raises
    ------
    MagnetometryError
        For another quantity, a window without extent, or more than one heating or cooling curve.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> temperature = np.linspace(100, 200, 101)
    >>> curve = 3e-5 / (1 + np.exp(-(temperature - 143) / 3))
    >>> found = transition_temperatures(Measurement("chi_t", curve, Conditions(temperature), branch="heating"))
    >>> round(found.t_half_up, 2), found.hysteresis_width, found.reason
    (143.0, None, 'cooling: there is no cooling curve in the data')
    """
    if window is not None and not window[0] < window[1]:
        raise MagnetometryError(f"transition_temperatures: window must be (low, high) in K, found {window!r}")
    branches: dict[str, list[Measurement]] = {"heating": [], "cooling": []}
    for measurement in measurements:
        if measurement.quantity not in ("chi_t", "high_spin_fraction"):
            raise MagnetometryError(
                f"measurement {measurement.label!r}: transition temperatures are read from chi_t or"
                f" high_spin_fraction, found {measurement.quantity}"
            )
        split = measurement.branch not in branches
        parts = split_branches(measurement, dead_band_k) if split else (measurement,)
        for part in parts:
            if part.branch in branches:
                branches[part.branch].append(part)
    found = {}
    for branch, curves in branches.items():
        if len(curves) > 1:
            raise MagnetometryError(
                f"transition_temperatures: {len(curves)} {branch} curves ({', '.join(c.label for c in curves)});"
                " they are not averaged, pass one heating and one cooling curve at a time"
            )
        if curves:
            found[branch] = _branch_transition(curves[0], branch, window)
        else:
            found[branch] = BranchTransition(branch, reason=f"there is no {branch} curve in the data")
    return TransitionTemperatures(found["heating"], found["cooling"])


def _branch_transition(measurement: Measurement, branch: str, window: tuple[float, float] | None) -> BranchTransition:
    known = np.ones(len(measurement), dtype=bool) if measurement.limits is None else measurement.limits == 0
    if window is not None:
        known &= (measurement.temperature >= window[0]) & (measurement.temperature <= window[1])
    temperature, inverse, counts = np.unique(measurement.temperature[known], return_inverse=True, return_counts=True)
    if temperature.size < MINIMUM_POINTS:
        return BranchTransition(
            branch, reason=f"only {temperature.size} temperatures, at least {MINIMUM_POINTS} are needed"
        )
    values = np.bincount(inverse, weights=measurement.values[known]) / counts
    cold, warm = _plateau(temperature, values, cold=True), _plateau(temperature, values, cold=False)
    low, high, noise = cold.level, warm.level, max(cold.noise, warm.noise)
    if measurement.sigma is not None:
        noise = max(noise, float(np.median(measurement.sigma[known])))
    step = high - low
    if abs(step) <= max(5 * noise, 0.05 * float(np.max(np.abs(values)))):
        change = 100 * abs(step) / float(np.max(np.abs(values)) or 1.0)
        span = f"cold and warm end of {temperature[0]:.4g} to {temperature[-1]:.4g} K"
        return BranchTransition(branch, low=low, high=high, reason=f"no step: {span} differ by {change:.2g} %")
    for side, drift in (("cold", cold.drift), ("warm", warm.drift)):
        if drift > LARGEST_DRIFT * abs(step):
            return BranchTransition(
                branch, low=low, high=high,
                reason=f"no plateau on the {side} side: over the last tenth of the range the curve still changes by"
                f" {100 * drift / abs(step):.0f} % of its step; measure further or set a window",
            )  # fmt: skip

    rising = (values - (low + high) / 2) * math.copysign(1.0, step)
    band = min(3 * noise, abs(step) / 4)
    state = np.where(rising < -band, -1, np.where(rising > band, 1, 0))
    decided = np.flatnonzero(state)
    changes = np.flatnonzero(np.diff(state[decided]) != 0)
    if changes.size != 1:
        return BranchTransition(
            branch, low=low, high=high,
            reason=f"the curve crosses half of its step {changes.size} times; it is no single step",
        )  # fmt: skip
    before, after = int(decided[changes[0]]), int(decided[changes[0] + 1])
    signs = np.sign(rising[before : after + 1])
    here = before + np.flatnonzero(np.diff(signs) != 0)
    crossings = np.array([_crossing(temperature, rising, int(i)) for i in here])
    t_half = float(crossings.mean())

    slope = (rising[after] - rising[before]) / (temperature[after] - temperature[before])
    level = math.sqrt(noise**2 + noise**2 * (1 / cold.points + 1 / warm.points) / 4)
    sloping = (cold.rise_to(t_half) + warm.rise_to(t_half)) / 2
    gap = float(np.max(np.diff(temperature[before : after + 1])))
    unresolved = gap / math.sqrt(12) * min(1.0, float(np.max(np.abs(np.diff(rising[before : after + 1])))) / abs(step))
    variance = (level / slope) ** 2 + (sloping / slope) ** 2 + unresolved**2 + float(np.ptp(crossings)) ** 2 / 12
    if measurement.conditions.sigma_temperature is not None:
        variance += float(np.median(measurement.conditions.sigma_temperature[known])) ** 2
    steepest, sigma_steepest = _steepest(temperature, rising, step, t_half, noise)
    return BranchTransition(branch, t_half, math.sqrt(variance), steepest, sigma_steepest, low, high)


@dataclass(frozen=True)
class _Plateau:
    level: float
    """Median."""
    noise: float
    """Standard deviation about a straight line."""
    slope: float
    centre: float
    span: float
    points: int

    @property
    def drift(self) -> float:
        return abs(self.slope) * self.span

    def rise_to(self, temperature: float) -> float:
        """How much the plateau would change on to `temperature`; 0 when its slope is within the noise."""
        uncertainty = self.noise * math.sqrt(12 / self.points) / self.span if self.span else math.inf
        return self.slope * (temperature - self.centre) if abs(self.slope) > 3 * uncertainty else 0.0


def _plateau(temperature: np.ndarray, values: np.ndarray, cold: bool) -> _Plateau:
    span = PLATEAU_SPAN * (temperature[-1] - temperature[0])
    inside = temperature <= temperature[0] + span if cold else temperature >= temperature[-1] - span
    count = max(int(inside.sum()), 3)
    t, y = (temperature[:count], values[:count]) if cold else (temperature[-count:], values[-count:])
    centred = t - t.mean()
    slope = float(centred @ y / (centred @ centred))
    residual = y - y.mean() - slope * centred
    noise = math.sqrt(float(residual @ residual) / max(count - 2, 1))
    return _Plateau(float(np.median(y)), noise, slope, float(t.mean()), float(t[-1] - t[0]), count)


def _crossing(temperature: np.ndarray, rising: np.ndarray, i: int) -> float:
    fraction = rising[i] / (rising[i] - rising[i + 1])
    return float(temperature[i] + fraction * (temperature[i + 1] - temperature[i]))


def _steepest(
    temperature: np.ndarray, rising: np.ndarray, step: float, t_half: float, noise: float
) -> tuple[float, float]:
    """Temperature of the largest slope and its uncertainty; slopes are those of straight lines through five points."""
    window = 5 if np.count_nonzero(np.abs(rising) < 0.4 * abs(step)) >= 5 else 2
    runs = np.lib.stride_tricks.sliding_window_view(np.stack([temperature, rising]), window, axis=1)
    where = runs[0].mean(axis=1)
    centred = runs[0] - where[:, None]
    moment = np.sum(centred**2, axis=1)
    slope = np.sum(centred * runs[1], axis=1) / moment
    # noise on the plateaus can be steep too; the transition is between 5 and 95 % of the step
    level = np.interp(where, temperature, rising)
    inside = np.flatnonzero(np.abs(level) < 0.45 * abs(step))
    best = int(inside[np.argmax(slope[inside])]) if inside.size else int(np.argmin(np.abs(where - t_half)))
    left, right = max(best - 1, 0), min(best + 1, where.size - 1)
    position = float(where[best])
    if left < best < right:
        a, b, _ = np.polyfit(where[left : right + 1] - position, slope[left : right + 1], 2)
        if a < 0:
            position += float(np.clip(-b / (2 * a), where[left] - position, where[right] - position))
    # every temperature whose slope is as large within its noise could be the one
    equal = inside[slope[inside] >= slope[best] - noise / np.sqrt(moment[inside])] if inside.size else np.array([best])
    resolution = float(where[right] - where[left]) / math.sqrt(12)
    return position, math.hypot(resolution, float(np.ptp(where[equal])) / math.sqrt(12))
