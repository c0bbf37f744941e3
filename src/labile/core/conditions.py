"""What the crystal is exposed to: temperature, pressure, field, light and time, and the path through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE


@dataclass(frozen=True)
class LightSource:
    """One beam on the sample.

    Attributes
    ----------
    wavelength : float
        Vacuum wavelength, m (X-rays too).
    photon_flux : float
        Incident photons, m-2 s-1.
    """

    wavelength: float
    photon_flux: float

    def __post_init__(self) -> None:
        if not 0 < self.wavelength < math.inf:
            raise ValueError(f"light source: wavelength must be > 0 m, found {self.wavelength!r}")
        if not 0 <= self.photon_flux < math.inf:
            raise ValueError(f"light source: photon_flux must be >= 0 m-2 s-1, found {self.photon_flux!r}")


def as_floats(value: Any, what: str) -> np.ndarray:
    """A private array of floats; masked entries become NaN.

    Raises
    ------
    ValueError
        If something in it is no real number; the message starts with `what`.

    Examples
    --------
    >>> as_floats([1, 2], "temperature").tolist()
    [1.0, 2.0]
    """
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(float), np.nan)
    try:
        array = np.asarray(value)
        if not np.iscomplexobj(array):
            return np.array(array, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: not an array of numbers ({error})") from None
    raise ValueError(f"{what}: complex numbers where real ones are expected")


def _column(array: np.ndarray, size: int) -> np.ndarray:
    # a copy, so that neither the caller's array nor a view of it is shared or locked
    column = np.array(np.broadcast_to(array, (size,)))
    column.flags.writeable = False
    return column


_COLUMNS = ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure")


@dataclass(frozen=True, eq=False)
class Conditions:
    """N points in (temperature, pressure, field, light, time); scalars are broadcast to N.

    Attributes
    ----------
    temperature : ndarray (N,)
        K, > 0.
    pressure : ndarray (N,)
        Pa, absolute; ambient is 101325.
    magnetic_field : ndarray (N,)
        Applied flux density mu_0 H, T.
    light : tuple of LightSource
        Beams on during all points.
    time : ndarray (N,) or None
        s since the start of the experiment.
    sigma_temperature, sigma_pressure : ndarray (N,) or None
        Standard uncertainties, K and Pa.

    Raises
    ------
    ValueError
        For T <= 0, a negative pressure or sigma, non-finite values, or lengths that do not broadcast.

    Examples
    --------
    >>> conditions = Conditions(temperature=[100.0, 200.0, 300.0])
    >>> len(conditions), float(conditions.pressure[2])
    (3, 101325.0)
    """

    temperature: Any
    pressure: Any = AMBIENT_PRESSURE
    magnetic_field: Any = 0.0
    light: tuple[LightSource, ...] = ()
    time: Any = None
    sigma_temperature: Any = None
    sigma_pressure: Any = None

    def __post_init__(self) -> None:
        if self.temperature is None:
            raise ValueError("conditions: the temperature is missing")
        columns: dict[str, np.ndarray] = {}
        for name in _COLUMNS:
            if getattr(self, name) is not None:
                columns[name] = np.atleast_1d(as_floats(getattr(self, name), f"conditions: {name}"))
                if columns[name].ndim != 1:
                    shape = columns[name].shape
                    raise ValueError(f"conditions: {name} must be a scalar or one-dimensional, found shape {shape}")
        sizes = {name: array.size for name, array in columns.items() if array.size != 1}
        size = next(iter(sizes.values()), 1)
        if any(other != size for other in sizes.values()):
            found = ", ".join(f"{name} {other}" for name, other in sizes.items())
            raise ValueError(f"conditions: columns must have one entry or equally many, found {found}")
        for name, array in columns.items():
            if not np.all(np.isfinite(array)):
                bad = int(np.flatnonzero(~np.isfinite(array))[0])
                raise ValueError(f"conditions: {name} is not finite at point {bad + 1} of {size}")
            # nothing absolute lies below zero, and no uncertainty does
            if name not in ("temperature", "magnetic_field", "time") and np.any(array < 0):
                bad = int(np.argmin(array))
                raise ValueError(f"conditions: {name} must not be negative, found {array[bad]:g} at point {bad + 1}")
            object.__setattr__(self, name, _column(array, size))
        if size and np.min(self.temperature) <= 0:
            bad = int(np.argmin(self.temperature))
            raise ValueError(
                f"conditions: temperature must be above 0 K, found {self.temperature[bad]:g} K at point {bad + 1}"
                " (is the column in degrees Celsius? then say so in its unit)"
            )
        object.__setattr__(self, "light", tuple(self.light))
        for source in self.light:
            if not isinstance(source, LightSource):
                raise ValueError(f"conditions: light must hold LightSource, found {source!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        # rebuilt through the constructor, because arrays lose their lock when they are pickled or copied
        return type(self), tuple(getattr(self, f.name) for f in fields(self))

    def __len__(self) -> int:
        return int(self.temperature.size)

    def __getitem__(self, index: Any) -> Conditions:
        """Select points by slice, mask or index array."""
        chosen: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else np.atleast_1d(column[index]) for name in _COLUMNS
        }
        return replace(self, **chosen)

    def at_temperature(self, temperature: Any) -> Conditions:
        """Return these conditions with other temperatures (K), as many as there are points, or for one point any."""
        return replace(self, temperature=temperature)


def concatenate(parts: Sequence[Conditions]) -> Conditions:
    """Join several `Conditions` in order; they must share their light sources.

    A column that one of them lacks (time, sigmas) is absent from the result.
    """
    if not parts:
        raise ValueError("conditions: nothing to concatenate")
    light = parts[0].light
    if any(part.light != light for part in parts):
        raise ValueError("conditions: parts with different light sources cannot be joined")
    columns: dict[str, Any] = {}
    for name in _COLUMNS:
        values = [getattr(part, name) for part in parts]
        columns[name] = None if any(value is None for value in values) else np.concatenate(values)
    return Conditions(light=light, **columns)


def _require_points(points: int) -> None:
    if points < 2:
        raise ValueError(f"path: at least 2 points are needed between its ends, found {points}")


@dataclass(frozen=True)
class Path:
    """Ordered conditions with a history: the crystal passes through them one after the other.

    Attributes
    ----------
    conditions : Conditions
        In the order in which they are visited.
    start : str
        State of affairs at the first point: ``"equilibrium"`` (its most stable minimum) or the name of a
        state whose nearest minimum the crystal was prepared in (a photo-state, a quenched state).

    Examples
    --------
    >>> path = Path.heating(10.0, 300.0, points=30)
    >>> path.direction
    'heating'
    """

    conditions: Conditions
    start: str = "equilibrium"

    @classmethod
    def cooling(cls, start: float, stop: float, points: int = 200, **others: Any) -> Path:
        """From `start` down to `stop` (K) in equal steps; `others` go to `Conditions`."""
        if not start > stop:
            raise ValueError(f"cooling path: start ({start:g} K) must be above stop ({stop:g} K)")
        _require_points(points)
        return cls(Conditions(np.linspace(start, stop, points), **others))

    @classmethod
    def heating(cls, start: float, stop: float, points: int = 200, **others: Any) -> Path:
        """From `start` up to `stop` (K) in equal steps; `others` go to `Conditions`."""
        if not start < stop:
            raise ValueError(f"heating path: start ({start:g} K) must be below stop ({stop:g} K)")
        _require_points(points)
        return cls(Conditions(np.linspace(start, stop, points), **others))

    @classmethod
    def loading(cls, start: float, stop: float, temperature: float, points: int = 200, **others: Any) -> Path:
        """From the pressure `start` up to `stop` (Pa) in equal steps at one temperature (K)."""
        if not start < stop:
            raise ValueError(f"loading path: start ({start:g} Pa) must be below stop ({stop:g} Pa)")
        _require_points(points)
        return cls(Conditions(temperature, np.linspace(start, stop, points), **others))

    @classmethod
    def unloading(cls, start: float, stop: float, temperature: float, points: int = 200, **others: Any) -> Path:
        """From the pressure `start` down to `stop` (Pa) in equal steps at one temperature (K)."""
        if not start > stop:
            raise ValueError(f"unloading path: start ({start:g} Pa) must be above stop ({stop:g} Pa)")
        _require_points(points)
        return cls(Conditions(temperature, np.linspace(start, stop, points), **others))

    @property
    def direction(self) -> str:
        """``"heating"``, ``"cooling"``, ``"isothermal"`` or ``"mixed"``: what the temperature does."""
        steps = np.diff(self.conditions.temperature)
        if steps.size == 0 or np.all(steps == 0):
            return "isothermal"
        if np.all(steps >= 0):
            return "heating"
        return "cooling" if np.all(steps <= 0) else "mixed"

    def __len__(self) -> int:
        return len(self.conditions)
