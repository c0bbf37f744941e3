"""Build-up of a light-induced high-spin state under irradiation: rate, saturation, and warming by the lamp.

Thin, weakly absorbing samples follow n(t) = n_sat - (n_sat - n0) exp(-k t), k the rate of excitation plus that of
relaxation. Where light is absorbed on its way, deep layers follow later: the stretched exponential tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.fitting.smoothing import local_polynomial
from labile.models.relaxation import LAWS
from labile.techniques.magnetometry.holder import MagnetometryError

FEWEST_POINTS = 8
SATURATED = 0.98
"""Share of the way to saturation from which an irradiation counts as complete."""
LAWS_OF_EXCITATION = ("single_exponential", "stretched_exponential")


@dataclass(frozen=True, eq=False)
class BuildUp:
    """What an irradiation did.

    Attributes
    ----------
    law : str
        The law with the lower AICc.
    fit : FitResult
        Parameters ``light.log_rate`` (ln of k in s-1), ``light.start`` and ``light.saturation`` (in units of the rise
        that was seen), and ``light.exponent`` for the stretched exponential.
    rate, sigma_rate : float
        k, s-1.
    saturation, sigma_saturation : float
        SI of the measurement.
    reached : float
        Share of the way to saturation at the last point.
    saturated : bool
        Whether that is 98 % at least.
    lamp_heating, sigma_lamp_heating : float
        K by which the sample is warmer than the thermometer under light; NaN without a measurement in the dark.
    thermometer_rise : float
        K between thermometer readings under light and in the dark; NaN without one.
    steps : tuple of str
    """

    law: str
    fit: FitResult
    rate: float
    sigma_rate: float
    saturation: float
    sigma_saturation: float
    reached: float
    saturated: bool
    lamp_heating: float
    sigma_lamp_heating: float
    thermometer_rise: float
    steps: tuple[str, ...]


def build_up(
    measurement: Measurement, *, dark_after: Measurement | None = None, dark_before: Measurement | None = None
) -> BuildUp:
    """Rate and saturation of an irradiation, and the warming by the lamp.

    When the light goes off, chi*T of a Curie paramagnet that was warmer than its thermometer by dT jumps up by the
    factor 1 + dT/T; when it goes on, it jumps down. The jump is read from the first points in the dark after the
    irradiation (or the last before it) and the fitted curve; zero-field splitting changes the factor near its own
    temperature.

    Parameters
    ----------
    measurement : Measurement
        ``"chi_t"`` or ``"high_spin_fraction"`` against time under light, from the moment the light went on.
    dark_after, dark_before : Measurement, optional
        The same quantity in the dark, right after and right before.

    Returns
    -------
    BuildUp

    Raises
    ------
    MagnetometryError
        If there are no times or they go backwards, too few points, or nothing rises.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.linspace(0.0, 3600.0, 60)
    >>> lit = Measurement(
    ...     "high_spin_fraction", 0.9 * (1 - np.exp(-time / 600.0)), Conditions(10.0, time=time), sigma=0.01
    ... )
    >>> found = build_up(lit)
    >>> found.saturated, round(1 / found.rate, 3)
    (True, 600.0)
    """
    where = f"measurement {measurement.label!r}"
    time = _times(measurement, where)
    values = measurement.values
    steps: list[str] = []
    rise = float(np.median(values[-max(2, values.size // 20) :]) - values[0])
    noise = (
        max(local_polynomial(time, values, window=5, order=2).noise, 1e-9 * abs(rise) + 1e-300)
        if measurement.sigma is None
        else float(np.median(measurement.sigma))
    )
    if measurement.sigma is None:
        steps.append("sigma from the scatter of neighbouring points")
    if not rise > 5 * noise:
        raise MagnetometryError(
            f"{where}: nothing builds up: the signal rises by {rise:.3g} (SI) in {time[-1]:.4g} s, its noise is"
            f" {noise:.2g}. Is the light on, and are the points in the order of time?"
        )
    sigma = np.full(values.shape, noise) if measurement.sigma is None else np.asarray(measurement.sigma)
    fits = {law: _fit(law, time, values / rise, sigma / rise, where) for law in LAWS_OF_EXCITATION}
    law = min(fits, key=lambda name: math.inf if (aicc := fits[name].aicc) is None else aicc)
    found = fits[law]
    rate = math.exp(found.value("light.log_rate"))
    sigma_rate = rate * found.sigma_of("light.log_rate")
    begin, saturation = found.value("light.start"), found.value("light.saturation")
    at_end = float(_evaluate(law, time[-1:], found.parameters.as_dict())[0][0])
    reached = (at_end - begin) / (saturation - begin) if saturation != begin else 0.0
    saturated = reached >= SATURATED
    text = f"build-up {law.replace('_', ' ')}, k = {format_uncertain(rate, sigma_rate)} s-1"
    if law == "stretched_exponential":
        exponent = format_uncertain(found.value("light.exponent"), found.sigma_of("light.exponent"))
        text += f", exponent {exponent} (layers of the sample are excited one after the other)"
    steps.append(text)
    if not saturated:
        steps.append(
            f"not saturated: {100 * reached:.0f} % of the way when the light went off; the saturation is extrapolated"
            " and T(LIESST) is that of a partly excited crystal"
        )
    heating, spread, thermometer = _lamp(measurement, at_end * rise, begin * rise, noise, dark_after, dark_before)
    if math.isfinite(heating):
        noticed = heating > 3 * spread
        steps.append(
            f"the lamp warms the sample by {format_uncertain(heating, spread)} K above its thermometer"
            if noticed
            else f"no warming by the lamp is seen ({format_uncertain(heating, spread)} K)"
        )
    if math.isfinite(thermometer) and abs(thermometer) > 0.05:
        steps.append(f"the thermometer itself reads {thermometer:+.2g} K under light")
    return BuildUp(
        law, found, rate, sigma_rate, saturation * rise, found.sigma_of("light.saturation") * rise,
        reached, saturated, heating, spread, thermometer, tuple(steps),
    )  # fmt: skip


def _times(measurement: Measurement, where: str) -> np.ndarray:
    time = measurement.conditions.time
    if measurement.quantity not in ("chi_t", "high_spin_fraction") or measurement.axis is not None:
        raise MagnetometryError(
            f"{where}: a build-up is chi_t or high_spin_fraction against time, found {measurement.quantity}"
        )
    if time is None:
        raise MagnetometryError(f"{where}: a build-up needs the time of each point; the file gives none")
    if len(measurement) < FEWEST_POINTS:
        raise MagnetometryError(f"{where}: {len(measurement)} points, a build-up needs at least {FEWEST_POINTS}")
    back = np.flatnonzero(np.diff(time) <= 0)
    if back.size:
        at = int(back[0]) + 1
        raise MagnetometryError(
            f"{where}: the time goes backwards or stands still at point {at + 1} ({time[at]:g} s after"
            f" {time[at - 1]:g} s)"
        )
    return np.asarray(time - time[0])


def _evaluate(law: str, time: np.ndarray, values: dict[str, float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rate = math.exp(values["light.log_rate"])
    more = {"exponent": values["light.exponent"]} if law == "stretched_exponential" else {}
    curve = LAWS[law].evaluate(time, rate=rate, start=values["light.start"], end=values["light.saturation"], **more)
    slopes = {
        "light.log_rate": rate * curve.slopes["rate"],
        "light.start": curve.slopes["start"],
        "light.saturation": curve.slopes["end"],
    }
    if more:
        slopes["light.exponent"] = curve.slopes["exponent"]
    return curve.fraction, slopes


def _fit(law: str, time: np.ndarray, values: np.ndarray, sigma: np.ndarray, where: str) -> FitResult:
    half = float(time[int(np.argmax(values - values[0] >= 0.5))]) or float(time[1])
    results = []
    for scale in (0.3, 1.0, 3.0):
        parameters = [
            Parameter("light.log_rate", math.log(scale * math.log(2.0) / half), unit="1"),
            Parameter("light.start", float(values[0]), unit="1"),
            Parameter("light.saturation", float(values[-1]) + 0.05, unit="1"),
        ]
        if law == "stretched_exponential":
            parameters.append(Parameter("light.exponent", 0.9, unit="1", lower=0.1, upper=3.0))
        setup = Parameters(tuple(parameters))

        def evaluate(vector: np.ndarray, setup: Parameters = setup) -> tuple[np.ndarray, np.ndarray]:
            model, slopes = _evaluate(law, time, setup.as_dict(vector))
            return (model - values) / sigma, np.column_stack([slopes[name] for name in setup.names]) / sigma[:, None]

        results.append(fit(Problem(setup, evaluate, (Block(where, values.size),))))
    return min(results, key=lambda one: one.chi2 if math.isfinite(one.chi2) else math.inf)


def _lamp(
    lit: Measurement,
    at_end: float,
    at_start: float,
    noise: float,
    after: Measurement | None,
    before: Measurement | None,
) -> tuple[float, float, float]:
    """Warming of the sample above its thermometer, its sigma, and the rise of the thermometer, K."""
    for dark, level, side in ((after, at_end, slice(0, 5)), (before, at_start, slice(-5, None))):
        if dark is None:
            continue
        if dark.quantity != lit.quantity:
            raise MagnetometryError(
                f"measurement {dark.label!r}: the dark measurement must be {lit.quantity}, found {dark.quantity}"
            )
        points = dark.values[side]
        kelvin = float(lit.temperature[-1 if side.start == 0 else 0])
        mean, spread = float(points.mean()), noise * math.sqrt(1.0 / points.size + 1.0 / min(5, len(lit)))
        if not (level > 0 and mean > 0):
            continue
        heating = kelvin * (mean / level - 1.0)
        sigma = kelvin * (mean / level) * math.hypot(spread / mean, noise / math.sqrt(5) / level)
        return heating, sigma, float(lit.temperature.mean() - dark.temperature[side].mean())
    return math.nan, math.nan, math.nan
