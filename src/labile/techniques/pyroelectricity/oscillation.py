"""Periodic excitation: the pyroelectric current found by its phase (Sharp-Garn) or by its frequency (Chynoweth).

With T = T0 + b t + Re(Theta e^(i w t)) the current is i = p A dT/dt + i_TSC(T), so that its oscillating part is
I = (G + i p A w) Theta: the pyroelectric current leads the temperature by 90 degrees, what depends on the temperature
itself (thermally stimulated current, conduction; G = d i_TSC/dT) oscillates in phase with it (theory: Garn and Sharp,
doi:10.1063/1.330454; experiment: Sharp and Garn, doi:10.1063/1.330455).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from labile.core.measurement import CorrelatedTerm, Measurement
from labile.techniques.pyroelectricity.conversions import (
    PyroelectricityError,
    PyroelectricityWarning,
    require_positive,
)
from labile.techniques.pyroelectricity.reduction import electrode_area, require_log
from labile.techniques.pyroelectricity.runs import warn_of_size

PERIODS = 3
"""Whole periods of one window, which gives one value of p."""
PER_PERIOD = 6
"""Points per period below which a wave is not resolved."""
LARGEST_AMPLITUDE = 1.0
"""K; p is taken as constant over an oscillation of this amplitude."""
STEEPEST = 20.0
"""Amplitudes by which the mean temperature may change within a window before the separation is doubted."""
SIGNIFICANT = 3.0
"""Standard uncertainties from which an artefact is named."""


@dataclass(frozen=True, eq=False)
class SharpGarn:
    """Current of an oscillating temperature, split by its phase, one value a window.

    Attributes
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"`` from the part that leads the temperature by 90 degrees.
    released : Measurement
        ``"current"``: mean current less p A b; what is not pyroelectric (thermally stimulated or conducted).
    in_phase, sigma_in_phase : ndarray (N,)
        G, current in phase with the temperature per kelvin, A/K.
    phase : ndarray (N,)
        Of the oscillating current relative to the temperature, rad; pi/2 if it is all pyroelectric.
    amplitude : ndarray (N,)
        Of the temperature, K.
    ramp : ndarray (N,)
        b, K/s.
    frequency : float
        Hz.
    artefacts : tuple of str
        ``"thermally stimulated current"`` where it is significant; empty otherwise.
    """

    coefficient: Measurement
    released: Measurement
    in_phase: np.ndarray
    sigma_in_phase: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray
    ramp: np.ndarray
    frequency: float
    artefacts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ChoppedLight:
    """Current at the frequency of a light chopper, one value a window.

    Attributes
    ----------
    amplitude : Measurement
        ``"current"``: amplitude of the fundamental, A, without sign.
    phase : ndarray (N,)
        Relative to the start of the log's clock, rad: a jump by pi is a change of sign of p.
    coefficient : Measurement or None
        ``"pyroelectric_coefficient"``, |p| as a Chynoweth experiment alone has no sign; None without the absorbed
        power, when only the amplitude relative to others of the same mounting means something.
    frequency : float
        Hz.
    """

    amplitude: Measurement
    phase: np.ndarray
    coefficient: Measurement | None
    frequency: float


@dataclass(frozen=True)
class _Wave:
    """Least-squares description of one column within a window: value at its middle, slope, complex amplitude."""

    mean: float
    slope: float
    amplitude: complex
    sigma_mean: float
    sigma_amplitude: float


def sharp_garn(
    log: Measurement,
    *,
    area: float | None = None,
    sigma_area: float = 0.0,
    polarity: float = 1,
    frequency: float | None = None,
    periods: int = PERIODS,
    thermal_lag: float = 0.0,
) -> SharpGarn:
    """Pyroelectric coefficient from a sinusoidal temperature, with or without a ramp.

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times and the temperatures that oscillate.
    area, sigma_area, polarity
        As for `pyroelectric_coefficient`.
    frequency : float, optional
        Hz; found in the temperatures by default.
    periods : int
        Whole periods per window; each window gives one value.
    thermal_lag : float
        s; by which the sample follows the sensor. A lag tau turns the phase by atan(w tau), which mixes the two parts.

    Returns
    -------
    SharpGarn

    Raises
    ------
    PyroelectricityError
        For a temperature that does not oscillate, too few periods, or fewer than 6 points a period.

    Warns
    -----
    PyroelectricityWarning
        For an amplitude above 1 K, over which p is not constant, and for a ramp that is steep beside the oscillation.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 600.0, 2.0)
    >>> wave = 2 * np.pi * 0.01 * time
    >>> current = 5e-5 * 1e-6 * 2 * np.pi * 0.01 * 0.5 * np.cos(wave) + 1e-10 * np.sin(wave)
    >>> log = Measurement("current", current, Conditions(300.0 + 0.5 * np.sin(wave), time=time))
    >>> found = sharp_garn(log, area=1e-6)
    >>> found.coefficient.in_unit().round(3).tolist(), round(float(found.in_phase[0]) * 1e10, 3)
    ([5.0, 5.0], 2.0)
    """
    where = f"measurement {log.label!r}"
    time = require_log(log)
    surface = electrode_area(log, area)
    if polarity not in (1, -1):
        raise PyroelectricityError(f"{where}: polarity must be 1 or -1, found {polarity!r}")
    if not (math.isfinite(thermal_lag) and thermal_lag >= 0):
        raise PyroelectricityError(f"{where}: thermal_lag must be >= 0 s, found {thermal_lag!r}")
    if frequency is None:
        frequency = oscillation_frequency(log)
    omega = 2 * math.pi * require_positive(frequency, f"{where}: frequency", "Hz")
    windows = _windows(log, frequency, periods)
    heat = [_wave(time[w], log.temperature[w], omega, order=2, varying=False) for w in windows]
    flow = [_wave(time[w], log.values[w], omega, order=3, varying=True) for w in windows]
    swing = np.array([abs(one.amplitude) for one in heat])
    weak = swing <= SIGNIFICANT * np.array([one.sigma_amplitude for one in heat])
    if np.any(weak):
        raise PyroelectricityError(
            f"{where}: the temperature does not oscillate at {frequency:g} Hz in window {int(np.argmax(weak)) + 1} of"
            f" {len(windows)} (amplitude {swing[np.argmax(weak)]:.2g} K); give the frequency of the excitation"
        )
    # the sample sees the wave of the sensor through a first-order lag
    sample = np.array([one.amplitude for one in heat]) / (1 + 1j * omega * thermal_lag)
    response = np.array([one.amplitude for one in flow]) / sample
    spread = np.hypot(
        [one.sigma_amplitude / abs(theta) for one, theta in zip(flow, sample, strict=True)],
        np.abs(response) * [one.sigma_amplitude / abs(one.amplitude) for one in heat],
    )
    values = polarity * response.imag / (surface * omega)
    ramp = np.array([one.slope for one in heat])
    released = np.array([one.mean for one in flow]) - response.imag / omega * ramp
    sigma_released = np.hypot([one.sigma_mean for one in flow], spread / omega * ramp)
    notes = [
        f"Sharp-Garn: windows of {periods} periods at {frequency * 1e3:.5g} mHz, amplitude {swing.min():.3g} to"
        f" {swing.max():.3g} K, ramp {np.median(ramp) * 60:.3g} K/min",
        f"p from the part of the current that leads the temperature by 90 degrees, A = {surface * 1e6:.6g} mm2,"
        f" polarity {polarity:+g}",
    ]
    if thermal_lag:
        notes.append(
            f"phase corrected by {math.degrees(math.atan(omega * thermal_lag)):.3g} degrees for a lag of"
            f" {thermal_lag:g} s"
        )
    artefacts: tuple[str, ...] = ()
    found = (np.abs(response.real) > SIGNIFICANT * spread) | (np.abs(released) > SIGNIFICANT * sigma_released)
    if np.any(found):
        artefacts = ("thermally stimulated current",)
        worst = int(np.argmax(np.abs(response.real)))
        notes.append(
            f"artefact: thermally stimulated current (or conduction): it oscillates in phase with the temperature, up"
            f" to {response.real[worst] * 1e12:.4g} pA/K at {heat[worst].mean:.4g} K, and has a mean of up to"
            f" {released[np.argmax(np.abs(released))] * 1e12:.4g} pA; separated by its phase"
        )
    if swing.max() > LARGEST_AMPLITUDE:
        text = f"the temperature oscillates by {swing.max():.3g} K; p is taken as constant over more than 1 K"
        notes.append(text)
        warnings.warn(f"{where}: {text}", PyroelectricityWarning, stacklevel=2)
    reach = float(np.max(np.abs(ramp) / swing)) * periods / frequency
    if reach > STEEPEST:
        text = (
            f"the ramp covers {reach:.3g} times the amplitude of the oscillation within one window: what is released"
            " may change too much to be told from it; take fewer periods, a slower ramp or a larger amplitude"
        )
        notes.append(text)
        warnings.warn(f"{where}: {text}", PyroelectricityWarning, stacklevel=2)
    mean = _at_windows(log, windows, [one.mean for one in heat])
    area_term = (CorrelatedTerm("area", -values * sigma_area / surface),) if sigma_area > 0 else ()
    direction = "heating" if np.median(ramp) > 0 else "cooling"
    steep = bool(np.median(np.abs(ramp)) * periods / frequency > 2 * swing.max() / 10)
    coefficient = replace(
        mean,
        quantity="pyroelectric_coefficient",
        values=values,
        sigma=_above_zero(spread / (surface * omega), values),
        unit="",
        correlated=area_term,
        branch=direction if steep else "equilibrium",
        sweep_rate=float(np.median(np.abs(ramp))) if steep else None,
        label="pyroelectric_coefficient" if log.label == log.quantity else log.label,
        provenance=log.provenance.then(*notes),
    )
    coefficient = warn_of_size(coefficient)
    return SharpGarn(
        coefficient,
        replace(
            coefficient,
            quantity="current",
            unit="",
            values=released,
            sigma=_above_zero(sigma_released, released),
            correlated=(),
            label=f"{log.label}, thermally stimulated current",
        ),
        response.real,
        spread,
        np.angle(response),
        swing,
        ramp,
        frequency,
        artefacts,
    )


def chynoweth(
    log: Measurement,
    *,
    frequency: float,
    power: float | None = None,
    absorbed: float = 1.0,
    waveform: Literal["sine", "square"] = "square",
    volumetric_heat_capacity: float | None = None,
    thickness: float | None = None,
    thermal_time: float | None = None,
    periods: int = PERIODS,
) -> ChoppedLight:
    """Current that light chopped at one frequency causes (Chynoweth, doi:10.1063/1.1722201).

    For w tau >> 1 and uniform heating over the thickness d its amplitude is |p| eta W/(c' d), with W the amplitude of
    the fundamental of the incident power; a thermal time tau lowers it by w tau/sqrt(1 + (w tau)^2).

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times; the temperature may change slowly.
    frequency : float
        Of the chopper, Hz.
    power : float, optional
        W; amplitude of a sine, or the height of a square wave between dark and light (fundamental: 2/pi of it).
        Without it, heat capacity and thickness only amplitudes are returned.
    absorbed : float
        Fraction eta of the incident power.
    waveform : {"square", "sine"}
    volumetric_heat_capacity : float, optional
        c', J m-3 K-1.
    thickness : float, optional
        m.
    thermal_time : float, optional
        tau, s; much longer than a period when left out.
    periods : int
        Whole periods per window.

    Returns
    -------
    ChoppedLight

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 12.0, 0.05)
    >>> light = np.sign(np.sin(2 * np.pi * 0.5 * time + 1e-9))
    >>> log = Measurement("current", 1e-12 * light, Conditions(np.full(240, 300.0), time=time))
    >>> found = chynoweth(log, frequency=0.5)
    >>> bool(abs(found.amplitude.values[0] / (4e-12 / np.pi) - 1) < 0.02), found.coefficient is None
    (True, True)
    """
    where = f"measurement {log.label!r}"
    time = require_log(log)
    omega = 2 * math.pi * require_positive(frequency, f"{where}: frequency", "Hz")
    if waveform not in ("sine", "square"):
        raise PyroelectricityError(f"{where}: waveform must be 'sine' or 'square', found {waveform!r}")
    known = {"power": power, "volumetric_heat_capacity": volumetric_heat_capacity, "thickness": thickness}
    missing = [name for name, value in known.items() if value is None]
    if 0 < len(missing) < len(known):
        raise PyroelectricityError(
            f"{where}: the absolute p needs power, volumetric_heat_capacity and thickness; missing:"
            f" {', '.join(missing)}"
        )
    if not 0 < absorbed <= 1:
        raise PyroelectricityError(f"{where}: absorbed must be a fraction above 0 and at most 1, found {absorbed!r}")
    windows = _windows(log, frequency, periods)
    waves = [_wave(time[w], log.values[w], omega, order=2, varying=False) for w in windows]
    amplitude = np.array([abs(one.amplitude) for one in waves])
    sigma = _above_zero(np.array([one.sigma_amplitude for one in waves]), amplitude)
    mean = _at_windows(log, windows, [float(log.temperature[w].mean()) for w in windows])
    step = f"Chynoweth: amplitude at {frequency:g} Hz in windows of {periods} periods"
    relative = replace(mean, values=amplitude, sigma=sigma, branch="equilibrium", provenance=log.provenance.then(step))
    phase = np.angle([one.amplitude for one in waves])
    if missing:
        note = "the absorbed power is not known: amplitudes are relative, not pyroelectric coefficients"
        return ChoppedLight(replace(relative, provenance=relative.provenance.then(note)), phase, None, float(frequency))
    fundamental = require_positive(power, f"{where}: power", "W") * (2 / math.pi if waveform == "square" else 1.0)
    depth = require_positive(thickness, f"{where}: thickness", "m")
    capacity = require_positive(volumetric_heat_capacity, f"{where}: volumetric_heat_capacity", "J m-3 K-1")
    gain = absorbed * fundamental / (capacity * depth)
    note = f"|p| = |i| c' d/(eta W), fundamental of the absorbed power {absorbed * fundamental * 1e3:.4g} mW"
    if thermal_time is not None:
        turn = omega * require_positive(thermal_time, f"{where}: thermal_time", "s")
        gain *= turn / math.hypot(1.0, turn)
        note += f", w tau = {turn:.3g}"
    else:
        note += "; w tau is taken as much larger than 1"
    return ChoppedLight(
        relative,
        phase,
        replace(
            relative,
            quantity="pyroelectric_coefficient",
            values=amplitude / gain,
            sigma=sigma / gain,
            unit="",
            label="pyroelectric_coefficient" if log.label == log.quantity else log.label,
            provenance=relative.provenance.then(note),
        ),
        float(frequency),
    )


def oscillation_frequency(log: Measurement) -> float:
    """Frequency at which the temperature of a log oscillates, Hz.

    Raises
    ------
    PyroelectricityError
        If there is no oscillation of at least three periods.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 500.0, 3.0)
    >>> swing = 300.0 + time / 600 + 0.3 * np.sin(2 * np.pi * 0.0123 * time)
    >>> log = Measurement("current", np.zeros(time.size), Conditions(swing, time=time))
    >>> round(oscillation_frequency(log) * 1e3, 3)
    12.3
    """
    from scipy.optimize import minimize_scalar

    time = require_log(log)
    duration = float(time[-1] - time[0])
    even = np.linspace(time[0], time[-1], len(log))
    centred = (even - even.mean()) / duration
    swing = np.interp(even, time, log.temperature)
    swing = swing - np.polyval(np.polyfit(centred, swing, 2), centred)
    size = 8 * len(log)
    power = np.abs(np.fft.rfft(swing * np.hanning(len(log)), size)) ** 2
    grid = np.fft.rfftfreq(size, duration / (len(log) - 1))
    power[grid < 2.5 / duration] = 0.0
    coarse = float(grid[int(np.argmax(power))])

    def misfit(frequency: float) -> float:
        return _residual(time, log.temperature, 2 * math.pi * frequency, 2, False)

    flat = _residual(time, log.temperature, 0.0, 2, False)
    if coarse == 0.0 or not misfit(coarse) < 0.5 * flat:
        raise PyroelectricityError(
            f"measurement {log.label!r}: the temperature shows no oscillation of three periods or more within"
            f" {duration:g} s; give its frequency, or reduce the log as a ramp"
        )
    found = minimize_scalar(
        misfit, bounds=(coarse - 0.5 / duration, coarse + 0.5 / duration), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x)


def _windows(log: Measurement, frequency: float, periods: int) -> list[slice]:
    """Consecutive runs of whole periods; an unfinished last one is left out."""
    where = f"measurement {log.label!r}"
    time = require_log(log)
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise PyroelectricityError(f"{where}: periods must be a whole number of at least 1, found {periods!r}")
    length = periods / frequency
    step = float(np.median(np.diff(time)))
    # a frequency found in the data is not exact; the last window may lack a hundredth
    count = int((time[-1] - time[0] + step) / length + 0.01)
    if count < 1:
        raise PyroelectricityError(
            f"{where}: the log of {time[-1] - time[0]:g} s holds less than {periods} periods of {1 / frequency:.4g} s"
        )
    # a point whose time is a rounding error before an edge belongs behind it
    edges = np.searchsorted(time, time[0] + length * np.arange(count + 1) - 1e-6 * step)
    windows = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    for number, window in enumerate(windows, start=1):
        if window.stop - window.start < PER_PERIOD * periods:
            raise PyroelectricityError(
                f"{where}: window {number} of {count} has {window.stop - window.start} points in {periods} periods of"
                f" {1 / frequency:.4g} s; at least {PER_PERIOD} a period are needed"
            )
    return windows


def _design(time: np.ndarray, omega: float, order: int, varying: bool) -> np.ndarray:
    """Polynomial of the time, fundamental, second harmonic; with `varying` an amplitude that changes linearly."""
    middle = 0.5 * (time[0] + time[-1])
    slow = (time - middle) / max(0.5 * (time[-1] - time[0]), 1e-300)
    columns = [slow**k for k in range(order + 1)]
    if omega:
        wave = np.column_stack([np.cos(omega * time), np.sin(omega * time)])
        columns += [wave[:, 0], wave[:, 1], np.cos(2 * omega * time), np.sin(2 * omega * time)]
        if varying:
            columns += [slow * wave[:, 0], slow * wave[:, 1]]
    return np.column_stack(columns)


def _residual(time: np.ndarray, values: np.ndarray, omega: float, order: int, varying: bool) -> float:
    design = _design(time, omega, order, varying)
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    return float(np.sum((values - design @ solution) ** 2))


def _wave(time: np.ndarray, values: np.ndarray, omega: float, *, order: int, varying: bool) -> _Wave:
    design = _design(time, omega, order, varying)
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    freedom = max(values.size - design.shape[1], 1)
    variance = float(np.sum((values - design @ solution) ** 2)) / freedom
    covariance = variance * np.linalg.pinv(design.T @ design)
    first = order + 1
    sigma = math.sqrt(max(0.5 * (covariance[first, first] + covariance[first + 1, first + 1]), 0.0))
    half = 0.5 * float(time[-1] - time[0])
    return _Wave(
        float(solution[0]),
        float(solution[1]) / half,
        complex(solution[first], -solution[first + 1]),
        math.sqrt(max(covariance[0, 0], 0.0)),
        sigma,
    )


def _at_windows(log: Measurement, windows: list[slice], temperature: list[float]) -> Measurement:
    """The log reduced to one point a window, at its middle and mean temperature."""
    time = require_log(log)
    middle = [(w.start + w.stop - 1) // 2 for w in windows]
    chosen = log[np.array(middle)]
    conditions = replace(
        chosen.conditions,
        temperature=np.array(temperature),
        sigma_temperature=None,
        time=np.array([0.5 * (time[w.start] + time[w.stop - 1]) for w in windows]),
    )
    return replace(chosen, conditions=conditions, sigma=None, correlated=(), limits=None)


def _above_zero(sigma: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Noise-free logs still have the resolution of their numbers."""
    floor = max(1e-12 * float(np.max(np.abs(values), initial=0.0)), 1e-24)
    return np.maximum(np.asarray(sigma, dtype=float), floor)
