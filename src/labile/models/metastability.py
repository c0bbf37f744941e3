"""How long a state lasts and up to which temperature: lifetimes, T(LIESST), loops that depend on rate and light."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, LightSource
from labile.core.constants import AMBIENT_PRESSURE
from labile.models import kinetics_kernels as kernels
from labile.models.free_energy import coefficients
from labile.models.kinetics import ABSOLUTE, MOST_STEPS, RELATIVE, Trajectories, integrate, samples_of, start_of
from labile.models.populations import Status
from labile.models.protocols import LETARD_RATE, Protocol, Segment
from labile.models.rates import CONDUCTANCE, KineticModel, KineticsError, require_balance

LONGEST = 1e40
"""Seconds after which a state that has not decayed is said not to decay."""
LEAST_FALL = 0.05
"""Share of the starting population that must be lost on warming before a T(LIESST) is given."""


def _members(kinetic: KineticModel, state: str | Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    names = (state,) if isinstance(state, str) else tuple(state)
    if not names or len(set(names)) != len(names) or set(names) - set(kinetic.state_names):
        raise KineticsError(f"states {names}: name each once, out of {', '.join(kinetic.state_names)}")
    return names, np.array([kinetic.species.index(name) for name in names], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """How long a state lasts at N conditions in S samples.

    Attributes
    ----------
    time : ndarray (S, N)
        s; infinite where the state never falls to the threshold, NaN where the integration failed.
    status : ndarray (S, N) of int
        `Status`.
    threshold : float
        Population (of the initial 1) at which the time is read.
    """

    time: np.ndarray
    status: np.ndarray
    threshold: float


def lifetime(
    kinetic: KineticModel,
    state: str | Sequence[str],
    conditions: Conditions,
    values: Mapping[str, Any],
    *,
    threshold: float = math.exp(-1.0),
    start: str | Mapping[str, float] | None = None,
    light: Sequence[LightSource] = (),
) -> Lifetimes:
    """Time in which the population of a state (or the sum of several) falls to a threshold at constant conditions.

    The whole decay counts, self-acceleration and the way back included; for a single exponential it is 1/k.

    Parameters
    ----------
    kinetic : KineticModel
    state : str or sequence of str
        Metastable state, or several whose populations are summed.
    conditions : Conditions
        N points; their light, if any, stays on.
    values : mapping of str to float or ndarray (S,)
    threshold : float
        Between 0 and 1; 1/e by default.
    start : str or mapping, optional
        The first of `state` pure by default.
    light : sequence of LightSource
        Beams on the crystal, instead of those of the conditions.

    Returns
    -------
    Lifetimes

    Raises
    ------
    KineticsError
        For unknown states, a threshold outside (0, 1), or a start that lies below it.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    >>> values = {
    ...     "HS.enthalpy": 8e3,
    ...     "HS.entropy": 50.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.prefactor": 1e7,
    ...     "LS-HS.activation_energy": 900 * 11.96266,
    ... }
    >>> [f"{t:.3g}" for t in lifetime(kinetic, "HS", Conditions([40.0, 60.0, 300.0]), values).time[0]]
    ['1.15e+07', '236', 'inf']
    """
    names, members = _members(kinetic, state)
    if not 0 < threshold < 1:
        raise KineticsError(f"lifetime: the threshold must lie between 0 and 1, found {threshold!r}")
    samples = samples_of(kinetic, values)
    beams = tuple(light) or conditions.light
    (thermal, driven), m, n = kinetic.indices(), len(kinetic.species), len(kinetic.state_names)
    points = len(conditions)
    times = np.full((len(samples), points), np.nan)
    status = np.zeros((len(samples), points), dtype=np.int64)
    span = np.array([[0.0, LONGEST]])
    for s, sample in enumerate(samples):
        rise = kinetic.heating.rise(beams, sample[CONDUCTANCE]) if kinetic.heating is not None else 0.0
        warmed = Conditions(conditions.temperature + rise, conditions.pressure)
        c = coefficients(kinetic.model, warmed, sample, derivatives=False)
        g, w = np.zeros((points, m)), np.zeros((points, m, m))
        g[:, :n], w[:, :n, :n] = c.g, c.w
        rows = kinetic.thermal_rows(sample)
        if kinetic.opposed():
            require_balance(kinetic, warmed.temperature, warmed.pressure, c.g, c.w, rows)
        lights = np.repeat(kinetic.light_rates(beams, sample)[None], points, axis=0)
        begin = start if start is not None else names[0]
        starts = np.array([
            start_of(kinetic, begin, float(warmed.temperature[k]), float(warmed.pressure[k]), sample)
            for k in (range(points) if begin == "equilibrium" else [0] * points)
        ])  # fmt: skip
        if np.any(starts[:, members].sum(axis=1) <= threshold):
            raise KineticsError(f"lifetime: {' + '.join(names)} starts below the threshold {threshold:g}")
        kernels.times_to_threshold(
            starts, span, warmed.temperature, warmed.pressure - AMBIENT_PRESSURE, g, w, thermal,
            np.repeat(rows[None], points, axis=0), driven, lights, members, np.full(points, threshold), LONGEST,
            ABSOLUTE, RELATIVE, MOST_STEPS, status[s], times[s],
        )  # fmt: skip
    return Lifetimes(times, status, threshold)


@dataclass(frozen=True, eq=False)
class LiesstTemperatures:
    """T(LIESST) of S samples at M pressures.

    Attributes
    ----------
    temperature : ndarray (S, M)
        Where the population falls most steeply on warming, K; NaN where there is none.
    half : ndarray (S, M)
        Where half of the starting population is left, K.
    pressure : ndarray (M,)
        Pa.
    reason : tuple of tuple of str
        Why there is none, for each sample and pressure; empty where there is one.
    """

    temperature: np.ndarray
    half: np.ndarray
    pressure: np.ndarray
    reason: tuple[tuple[str, ...], ...]


def t_liesst(
    kinetic: KineticModel,
    state: str | Sequence[str],
    values: Mapping[str, Any],
    *,
    pressure: Any = AMBIENT_PRESSURE,
    cold: float = 10.0,
    warm: float = 150.0,
    rate: float = LETARD_RATE,
    start: str | Mapping[str, float] | None = None,
    step: float = 0.1,
) -> LiesstTemperatures:
    """T(LIESST): the temperature at which a photo-excited crystal relaxes fastest while it is warmed in the dark.

    Parameters
    ----------
    kinetic : KineticModel
    state : str or sequence of str
        Photo-excited state, or several whose populations are summed.
    values : mapping of str to float or ndarray (S,)
    pressure : array_like (M,)
        Pa.
    cold, warm : float
        Range of the warming, K.
    rate : float
        Heating rate, K/s; 0.3 K/min by definition.
    start : str or mapping, optional
        The first of `state` pure by default (full conversion).
    step : float
        Of the output, K; the minimum is then located between its points.

    Returns
    -------
    LiesstTemperatures

    References
    ----------
    J.-F. Letard, P. Guionneau, L. Goux-Capes, Top. Curr. Chem. 235, 221 (2004), doi 10.1007/b95429.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    >>> values = {
    ...     "HS.enthalpy": 8e3,
    ...     "HS.entropy": 50.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.prefactor": 1e7,
    ...     "LS-HS.activation_energy": 900 * 11.96266,
    ...     "LS-HS.tunnelling_rate": 1e-6,
    ... }
    >>> float(t_liesst(kinetic, "HS", values).temperature[0, 0].round(1))
    57.9
    """
    names, members = _members(kinetic, state)
    pressures = np.atleast_1d(np.asarray(pressure, dtype=float))
    if not (0 < step < warm - cold):
        raise KineticsError(f"t_liesst: the step must be above 0 and below the range, found {step!r} K")
    points = max(round((warm - cold) / step), 10)
    columns: list[tuple[np.ndarray, np.ndarray, tuple[str, ...]]] = []
    for one in pressures:
        ramp = Segment.ramp(cold, warm, rate, pressure=float(one), points=points, label="warming")
        run = integrate(kinetic, Protocol((ramp,), names[0] if start is None else start), values)
        columns.append(steepest_fall(run, members, rate))
    return LiesstTemperatures(
        np.stack([c[0] for c in columns], axis=1),
        np.stack([c[1] for c in columns], axis=1),
        pressures,
        tuple(zip(*(c[2] for c in columns), strict=True)),
    )


def steepest_fall(
    run: Trajectories, members: np.ndarray, rate: float, window: slice = slice(None)
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Temperature of the steepest fall on warming and of half the starting population, with the reason for NaN.

    Parameters
    ----------
    run : Trajectories
    members : ndarray of int
        Columns of the states whose populations are summed.
    rate : float
        Heating rate, K/s.
    window : slice
        Output points of the warming.
    """
    n = run.x[:, window][..., members].sum(axis=-1)
    slope = run.change[:, window][..., members].sum(axis=-1) / rate
    temperature = run.temperature[:, window]
    count = len(n)
    found, half = np.full(count, np.nan), np.full(count, np.nan)
    reason = []
    for s in range(count):
        if run.status[s] != Status.CONVERGED:
            reason.append(Status.NOT_CONVERGED.message)
            continue
        i = int(np.argmin(slope[s]))
        fall = n[s, 0] - np.min(n[s, i:])
        if not fall > LEAST_FALL * n[s, 0]:
            reason.append(f"less than {LEAST_FALL:.0%} is lost below {temperature[s, -1]:g} K")
            continue
        if i == 0 or i == slope.shape[1] - 1:
            edge = "first" if i == 0 else "last"
            reason.append(f"the fall is steepest at the {edge} temperature, {temperature[s, i]:g} K")
            continue
        left, middle, right = slope[s, i - 1 : i + 2]
        shift = 0.5 * (left - right) / (left - 2 * middle + right)
        found[s] = temperature[s, i] + shift * (temperature[s, i + 1] - temperature[s, i])
        half[s] = _first_crossing(temperature[s], n[s], 0.5 * n[s, 0], falling=True)
        reason.append("")
    return found, half, tuple(reason)


def _first_crossing(temperature: np.ndarray, n: np.ndarray, level: float, *, falling: bool) -> float:
    """Temperature of the first passage through a level; NaN when there is none."""
    above = n > level if falling else n < level
    passed = np.flatnonzero(above[:-1] & ~above[1:])
    if passed.size == 0:
        return math.nan
    i = int(passed[0])
    return float(temperature[i] + (level - n[i]) / (n[i + 1] - n[i]) * (temperature[i + 1] - temperature[i]))


@dataclass(frozen=True, eq=False)
class SweptLoop:
    """Where a crystal switches on heating and cooling at R rates, in S samples.

    Attributes
    ----------
    rate : ndarray (R,)
        K/s.
    up, down : ndarray (S, R)
        Temperature at which the population passes the level on heating and on cooling, K; NaN where it does not.
    curves : tuple of Trajectories
        The cycle at each rate; segments ``heating`` and ``cooling`` of `protocol`.
    protocols : tuple of Protocol
    """

    rate: np.ndarray
    up: np.ndarray
    down: np.ndarray
    curves: tuple[Trajectories, ...]
    protocols: tuple[Protocol, ...]

    @property
    def width(self) -> np.ndarray:
        """Up - down, (S, R), K."""
        return self.up - self.down


def swept_loop(
    kinetic: KineticModel,
    state: str | Sequence[str],
    low: float,
    high: float,
    rates: Any,
    values: Mapping[str, Any],
    *,
    level: float = 0.5,
    pressure: float = AMBIENT_PRESSURE,
    light: Sequence[LightSource] = (),
    soak: float = 0.0,
    points: int = 800,
) -> SweptLoop:
    """Hysteresis loop at finite sweep rates, in the dark or under constant light (light-induced thermal hysteresis).

    Parameters
    ----------
    kinetic : KineticModel
    state : str or sequence of str
        High-temperature (dark) or photo-excited (light) state; several are summed.
    low, high : float
        Range, K.
    rates : array_like (R,)
        Sweep rates, K/s.
    values : mapping of str to float or ndarray (S,)
    level : float
        Population at which the switching temperatures are read.
    pressure : float
        Pa.
    light : sequence of LightSource
        Beams that are on all the time.
    soak : float
        Time at `low` under the beams before the cycle, s; the crystal enters in equilibrium of the dark.
    points : int
        Of the output in each direction.

    Returns
    -------
    SweptLoop
        In the dark, `up` is where the state is reached on heating. Under light it is where it is lost on heating, and
        `down` where it is reached on cooling.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS"),))
    >>> values = {
    ...     "HS.enthalpy": 6e3,
    ...     "HS.entropy": 60.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.interaction": 2.3e3,
    ...     "LS-HS.prefactor": 1e9,
    ...     "LS-HS.activation_energy": 1.8e4,
    ... }
    >>> swept_loop(kinetic, "HS", 60.0, 140.0, [1e-4, 1e-1], values).width[0].round(1).tolist()
    [8.2, 10.5]
    """
    _, members = _members(kinetic, state)
    sweeps = np.atleast_1d(np.asarray(rates, dtype=float))
    if not low < high:
        raise KineticsError(f"swept loop: low ({low:g} K) must be below high ({high:g} K)")
    ups: list[list[float]] = []
    downs: list[list[float]] = []
    runs, protocols = [], []
    for rate in sweeps:
        heating = Segment.ramp(low, high, float(rate), pressure=pressure, light=light, points=points, label="heating")
        cooling = replace(heating, temperature=(high, low), label="cooling")
        before = (Segment.hold(low, soak, pressure=pressure, light=light, points=1, label="soak"),) if soak > 0 else ()
        protocol = Protocol((*before, heating, cooling))
        run = integrate(kinetic, protocol, values)
        n = run.x[..., members].sum(axis=-1)
        for label, found in (("heating", ups), ("cooling", downs)):
            part = protocol.part(label)
            rows = []
            for s in range(len(n)):
                here = n[s, part]
                rows.append(_first_crossing(run.temperature[s, part], here, level, falling=bool(here[0] > level)))
            found.append(rows)
        runs.append(run)
        protocols.append(protocol)
    up, down = np.array(ups).T, np.array(downs).T
    return SweptLoop(sweeps, up, down, tuple(runs), tuple(protocols))
