"""What the crystal is exposed to: temperature, pressure, field, light and time, and the path through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        if not self.wavelength > 0:
            raise ValueError(f"light source: wavelength must be > 0 m, found {self.wavelength!r}")
        if not self.photon_flux >= 0:
            raise ValueError(f"light source: photon_flux must be >= 0 m-2 s-1, found {self.photon_flux!r}")


def _column(value: Any, size: int, what: str) -> np.ndarray:
    array = np.atleast_1d(np.asarray(value, dtype=float))
    if array.ndim != 1:
        raise ValueError(f"conditions: {what} must be a scalar or one-dimensional, found shape {array.shape}")
    if array.size not in (1, size):
        raise ValueError(f"conditions: {what} has {array.size} entries, expected 1 or {size}")
    array = np.ascontiguousarray(np.broadcast_to(array, (size,)))
    array.flags.writeable = False
    return array


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
        For T <= 0, non-finite values, or lengths that do not broadcast.

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
        columns = {
            name: getattr(self, name)
            for name in ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure")
            if getattr(self, name) is not None
        }
        size = max(np.size(value) for value in columns.values())
        for name, value in columns.items():
            array = _column(value, size, name)
            if not np.all(np.isfinite(array)) and not name.startswith("sigma"):
                bad = int(np.flatnonzero(~np.isfinite(array))[0])
                raise ValueError(f"conditions: {name} is not finite at point {bad + 1} of {size}")
            object.__setattr__(self, name, array)
        if size and np.min(self.temperature) <= 0:
            bad = int(np.argmin(self.temperature))
            raise ValueError(
                f"conditions: temperature must be above 0 K, found {self.temperature[bad]:g} K at point {bad + 1}"
                " (is the column in degrees Celsius? then say so in its unit)"
            )
        object.__setattr__(self, "light", tuple(self.light))

    def __len__(self) -> int:
        return int(self.temperature.size)

    def __getitem__(self, index: Any) -> Conditions:
        """Select points by slice, mask or index array."""
        chosen: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else np.atleast_1d(column[index])
            for name in ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure")
        }
        return replace(self, **chosen)

    def at_temperature(self, temperature: Any) -> Conditions:
        """Return these conditions with other temperatures (K)."""
        return replace(self, temperature=temperature)


def concatenate(parts: Sequence[Conditions]) -> Conditions:
    """Join several `Conditions` in order; they must share their light sources."""
    if not parts:
        raise ValueError("conditions: nothing to concatenate")
    light = parts[0].light
    if any(part.light != light for part in parts):
        raise ValueError("conditions: parts with different light sources cannot be joined")
    columns: dict[str, Any] = {}
    for name in ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure"):
        values = [getattr(part, name) for part in parts]
        columns[name] = None if any(value is None for value in values) else np.concatenate(values)
    return Conditions(light=light, **columns)


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
        return cls(Conditions(np.linspace(start, stop, points), **others))

    @classmethod
    def heating(cls, start: float, stop: float, points: int = 200, **others: Any) -> Path:
        """From `start` up to `stop` (K) in equal steps; `others` go to `Conditions`."""
        if not start < stop:
            raise ValueError(f"heating path: start ({start:g} K) must be below stop ({stop:g} K)")
        return cls(Conditions(np.linspace(start, stop, points), **others))

    @property
    def direction(self) -> str:
        """``"heating"``, ``"cooling"``, ``"isothermal"`` or ``"mixed"``."""
        steps = np.diff(self.conditions.temperature)
        if steps.size == 0 or np.all(steps == 0):
            return "isothermal"
        if np.all(steps >= 0):
            return "heating"
        return "cooling" if np.all(steps <= 0) else "mixed"

    def __len__(self) -> int:
        return len(self.conditions)
