"""What is done to a crystal in time: segments of constant light with linear ramps of temperature and pressure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, LightSource, Path
from labile.core.constants import AMBIENT_PRESSURE
from labile.models.rates import KineticsError

LETARD_RATE = 0.3 / 60.0
"""Heating rate at which T(LIESST) is defined, K/s."""


@dataclass(frozen=True)
class Segment:
    """One step of an experiment: temperature and pressure linear in time, the same beams throughout.

    Attributes
    ----------
    duration : float
        s, > 0.
    temperature : (float, float)
        At its start and end, K.
    pressure : (float, float)
        At its start and end, Pa.
    light : tuple of LightSource
        Beams that are on.
    points : int
        Equal steps into which the output divides it.
    label : str

    Raises
    ------
    KineticsError
        For a duration that is not positive (time does not run backwards), or no points.
    """

    duration: float
    temperature: tuple[float, float]
    pressure: tuple[float, float] = (AMBIENT_PRESSURE, AMBIENT_PRESSURE)
    light: tuple[LightSource, ...] = ()
    points: int = 100
    label: str = ""

    def __post_init__(self) -> None:
        where = f"segment {self.label}".strip()
        if not 0 < self.duration < math.inf:
            raise KineticsError(f"{where}: the duration must be above 0 s, found {self.duration!r}; time runs forward")
        if self.points < 1:
            raise KineticsError(f"{where}: points must be at least 1, found {self.points}")
        for name, low in (("temperature", 0.0), ("pressure", -1.0)):
            ends = tuple(float(end) for end in getattr(self, name))
            if len(ends) != 2 or not all(low < end < math.inf for end in ends):
                raise KineticsError(f"{where}: {name} needs two physical values (start, end), found {ends}")
            object.__setattr__(self, name, ends)
        object.__setattr__(self, "light", tuple(self.light))
        for source in self.light:
            if not isinstance(source, LightSource):
                raise KineticsError(
                    f"{where}: light must hold LightSource (a wavelength and a photon flux), found {source!r}"
                )

    @classmethod
    def hold(
        cls,
        temperature: float,
        duration: float,
        *,
        pressure: float = AMBIENT_PRESSURE,
        light: Sequence[LightSource] = (),
        points: int = 100,
        label: str = "",
    ) -> Segment:
        """Constant temperature (K) and pressure (Pa) for a duration (s)."""
        return cls(duration, (temperature, temperature), (pressure, pressure), tuple(light), points, label)

    @classmethod
    def ramp(
        cls,
        start: float,
        stop: float,
        rate: float,
        *,
        pressure: float = AMBIENT_PRESSURE,
        light: Sequence[LightSource] = (),
        points: int = 300,
        label: str = "",
    ) -> Segment:
        """From `start` to `stop` (K) at a rate (K/s, positive for heating and cooling).

        Examples
        --------
        >>> Segment.ramp(10.0, 100.0, 0.3 / 60).duration
        18000.0
        """
        if not (rate > 0 and math.isfinite(rate)):
            raise KineticsError(f"ramp {label}: the rate must be above 0 K/s, found {rate!r}")
        if start == stop:
            raise KineticsError(f"ramp {label}: start and stop are both {start:g} K; use hold")
        return cls(abs(stop - start) / rate, (start, stop), (pressure, pressure), tuple(light), points, label)

    @classmethod
    def press(
        cls,
        temperature: float,
        start: float,
        stop: float,
        duration: float,
        *,
        light: Sequence[LightSource] = (),
        points: int = 100,
        label: str = "",
    ) -> Segment:
        """From pressure `start` to `stop` (Pa) in a duration (s) at constant temperature."""
        return cls(duration, (temperature, temperature), (start, stop), tuple(light), points, label)


@dataclass(frozen=True)
class Protocol:
    """Segments one after the other, and the state in which the crystal enters them.

    A jump of temperature or pressure between two segments is a quench: it takes no time.

    Attributes
    ----------
    segments : tuple of Segment
    start : str or mapping of str to float
        ``"equilibrium"`` (most stable minimum at the first conditions), the name of a state (all units in it), or the
        fractions of all states.

    Examples
    --------
    >>> protocol = Protocol((Segment.hold(10.0, 3600.0, points=2), Segment.ramp(10.0, 40.0, 0.005, points=3)))
    >>> protocol.times.tolist()
    [0.0, 1800.0, 3600.0, 5600.0, 7600.0, 9600.0]
    >>> protocol.temperature.tolist()
    [10.0, 10.0, 10.0, 20.0, 30.0, 40.0]
    """

    segments: tuple[Segment, ...]
    start: str | Mapping[str, float] = "equilibrium"
    nodes: tuple[np.ndarray, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        if not self.segments:
            raise KineticsError("protocol: it has no segment")
        edges = np.concatenate([[0.0], np.cumsum([s.duration for s in self.segments])])
        nodes = tuple(np.linspace(edges[i], edges[i + 1], s.points + 1) for i, s in enumerate(self.segments))
        object.__setattr__(self, "nodes", nodes)

    @classmethod
    def from_path(cls, path: Path, start: str | Mapping[str, float] | None = None) -> Protocol:
        """A path with a time column as a protocol: linear between its points, its beams on throughout.

        Raises
        ------
        KineticsError
            Without time, with one point, or when time does not increase; the message names the point.
        """
        conditions = path.conditions
        if conditions.time is None:
            raise KineticsError("path: kinetics needs the time of every point; give Conditions(..., time=seconds)")
        if len(conditions) < 2:
            raise KineticsError("path: kinetics needs at least two points")
        steps = np.diff(conditions.time)
        if not np.all(steps > 0):
            bad = int(np.flatnonzero(~(steps > 0))[0])
            raise KineticsError(
                f"path: time goes from {conditions.time[bad]:g} s to {conditions.time[bad + 1]:g} s at point"
                f" {bad + 2} of {len(conditions)}; it must increase. Sort the points, or cut the path there"
            )
        t, p = conditions.temperature, conditions.pressure
        segments = tuple(
            Segment(
                float(steps[i]), (float(t[i]), float(t[i + 1])), (float(p[i]), float(p[i + 1])), conditions.light, 1
            )
            for i in range(len(steps))
        )
        return cls(segments, path.start if start is None else start)

    @property
    def times(self) -> np.ndarray:
        """Times of the output (N,), s."""
        return np.concatenate([self.nodes[0][:1], *(nodes[1:] for nodes in self.nodes)])

    @property
    def segment(self) -> np.ndarray:
        """Segment that each output point ends (N,); the first point belongs to the first."""
        return np.concatenate([[0], *(np.full(s.points, i) for i, s in enumerate(self.segments))])

    def _linear(self, ends: list[tuple[float, float]]) -> np.ndarray:
        parts = [np.linspace(a, b, s.points + 1) for (a, b), s in zip(ends, self.segments, strict=True)]
        return np.concatenate([parts[0][:1], *(part[1:] for part in parts)])

    @property
    def temperature(self) -> np.ndarray:
        """Of the cryostat at the output points (N,), K."""
        return self._linear([s.temperature for s in self.segments])

    @property
    def pressure(self) -> np.ndarray:
        """At the output points (N,), Pa."""
        return self._linear([s.pressure for s in self.segments])

    def conditions(self) -> Conditions:
        """Temperature, pressure and time at the output points; the light differs between segments and is left out."""
        return Conditions(self.temperature, self.pressure, time=self.times)

    def part(self, label: str) -> np.ndarray:
        """Indices of the output points of the segments with this label, the point where each begins included."""
        chosen = [i for i, s in enumerate(self.segments) if s.label == label]
        if not chosen:
            there = ", ".join(sorted({s.label for s in self.segments if s.label})) or "none"
            raise KineticsError(f"protocol: no segment is labelled {label!r}; there is {there}")
        firsts = np.concatenate([[0], np.cumsum([s.points for s in self.segments])])
        return np.unique(np.concatenate([np.arange(firsts[i], firsts[i + 1] + 1) for i in chosen]))


def isotherm(
    temperature: float,
    duration: float,
    *,
    start: str | Mapping[str, float],
    pressure: float = AMBIENT_PRESSURE,
    light: Sequence[LightSource] = (),
    points: int = 200,
) -> Protocol:
    """Relaxation (or excitation, with light) at one temperature."""
    return Protocol((Segment.hold(temperature, duration, pressure=pressure, light=light, points=points),), start)


def liesst(
    light: Sequence[LightSource],
    irradiation: float,
    *,
    cold: float = 10.0,
    warm: float = 100.0,
    rate: float = LETARD_RATE,
    pressure: float = AMBIENT_PRESSURE,
    start: str | Mapping[str, float] = "equilibrium",
    points: int = 600,
) -> Protocol:
    """The LIESST protocol: irradiate at the lowest temperature, then warm in the dark.

    Parameters
    ----------
    light : sequence of LightSource
    irradiation : float
        s.
    cold, warm : float
        First and last temperature, K.
    rate : float
        Heating rate, K/s; 0.3 K/min defines T(LIESST).
    pressure : float
        Pa.
    start : str or mapping
        See `Protocol`.
    points : int
        Of the warming.

    Returns
    -------
    Protocol
        Segments labelled ``"irradiation"`` and ``"warming"``.

    References
    ----------
    J.-F. Letard, P. Guionneau, L. Goux-Capes, Top. Curr. Chem. 235, 221 (2004), doi 10.1007/b95429.

    Examples
    --------
    >>> from labile.models.light import beam
    >>> [s.label for s in liesst((beam(514e-9, irradiance=50.0),), 3600.0).segments]
    ['irradiation', 'warming']
    """
    on = Segment.hold(cold, irradiation, pressure=pressure, light=light, points=100, label="irradiation")
    return Protocol((on, Segment.ramp(cold, warm, rate, pressure=pressure, points=points, label="warming")), start)


def thermal_cycle(
    low: float,
    high: float,
    rate: float,
    *,
    start: str | Mapping[str, float] = "equilibrium",
    pressure: float = AMBIENT_PRESSURE,
    light: Sequence[LightSource] = (),
    points: int = 400,
    down_first: bool = False,
) -> Protocol:
    """Heating from `low` to `high` and back (or cooling first) at one rate (K/s), under the same beams.

    Returns
    -------
    Protocol
        Segments labelled ``"heating"`` and ``"cooling"``.
    """
    shared: dict[str, Any] = {"pressure": pressure, "light": light, "points": points}
    if not low < high:
        raise KineticsError(f"thermal cycle: low ({low:g} K) must be below high ({high:g} K)")
    up = Segment.ramp(low, high, rate, label="heating", **shared)
    down = Segment.ramp(high, low, rate, label="cooling", **shared)
    return Protocol((down, up) if down_first else (up, down), start)
