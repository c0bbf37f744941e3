"""`[[diagram]]` of a manifest as axes, points and choices in SI: one class for each kind of diagram."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labile.core.conditions import LightSource
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.units import field_unit
from labile.diagrams.axes import CONDITIONS, DiagramError, plane
from labile.diagrams.experimental_points import ExperimentalPoint
from labile.models.free_energy import Model
from labile.models.protocols import LETARD_RATE
from labile.study.crystal_settings import PhaseSettings
from labile.study.kinetic_settings import KineticSettings, light_source
from labile.study.manifest import Problems
from labile.study.manifest_tables import DiagramAxisTable, DiagramPointTable, DiagramTable
from labile.study.quantities import QuantityError, read_quantity, read_temperature

KeyPath = tuple[str | int, ...]
FLUX = "photon_flux"
USUAL_LIFETIMES = (1.0, 60.0, 3600.0, 86400.0)
"""Contours drawn where the manifest names none, s."""
GRIDS: dict[str, dict[str, int]] = {
    "states": {},
    "phases": {},
    "lifetimes": {"temperature": 61, "pressure": 31},
    "light": {"temperature": 61, FLUX: 7},
}
"""Points of an axis where the manifest says nothing; 121 elsewhere."""
OWN_KEYS = {
    "states": ("points", "temperature", "pressure", "magnetic_field"),
    "phases": ("points",),
    "lifetimes": ("state", "contours", "heating_rate", "light"),
    "light": ("state", "light", "pressure"),
}
"""Keys that mean something to some kinds of diagram only."""


@dataclass(frozen=True)
class DrawnAxis:
    """One axis of a diagram.

    Attributes
    ----------
    name : str
        A condition or a parameter of the model.
    low, high : float
        SI.
    points : int
        Of the map's grid.
    unit : str
        To show it in.
    quantity : str
    """

    name: str
    low: float
    high: float
    points: int
    unit: str
    quantity: str

    @property
    def grid(self) -> np.ndarray:
        """Values of the map's grid, shape (points,), SI."""
        return np.linspace(self.low, self.high, self.points)


@dataclass(frozen=True)
class DiagramSettings:
    """A diagram of states, ``kind = "states"``, in SI.

    Attributes
    ----------
    label, title : str
    x, y : DrawnAxis
    parameters : {"auto", "fit", "initial"}
    points : tuple of ExperimentalPoint
    samples : int
        Parameter samples of the fit from which the bands of the lines are computed.
    others : dict of str to float
        Conditions that are no axis, SI.
    """

    label: str
    title: str
    x: DrawnAxis
    y: DrawnAxis
    parameters: str
    points: tuple[ExperimentalPoint, ...]
    samples: int
    others: dict[str, float] = field(default_factory=dict)

    @property
    def over_temperature_and_pressure(self) -> bool:
        """Whether the axes are those in which lines are traced."""
        return {self.x.name, self.y.name} == {"temperature", "pressure"}


@dataclass(frozen=True)
class PhaseDiagramSettings:
    """A diagram of structural phases, ``kind = "phases"``, in SI.

    Attributes
    ----------
    label, title : str
    x, y : DrawnAxis
        Temperature and pressure, in either order.
    parameters : {"auto", "fit", "initial"}
    crystal : PhaseSettings
    points : tuple of ExperimentalPoint
    """

    label: str
    title: str
    x: DrawnAxis
    y: DrawnAxis
    parameters: str
    crystal: PhaseSettings
    points: tuple[ExperimentalPoint, ...]


@dataclass(frozen=True)
class LifetimeSettings:
    """A diagram of lifetimes, ``kind = "lifetimes"``, in SI.

    Attributes
    ----------
    label, title : str
    x, y : DrawnAxis
        Pressure and temperature.
    parameters : {"auto", "fit", "initial"}
    kinetics : KineticSettings
    states : tuple of str
        Metastable states whose populations are summed.
    contours : tuple of float
        Lifetimes, s.
    heating_rate : float
        Of T(LIESST), K/s.
    light : tuple of LightSource
        On during the decay.
    """

    label: str
    title: str
    x: DrawnAxis
    y: DrawnAxis
    parameters: str
    kinetics: KineticSettings
    states: tuple[str, ...]
    contours: tuple[float, ...]
    heating_rate: float
    light: tuple[LightSource, ...]


@dataclass(frozen=True)
class LightSettings:
    """A diagram of steady states under light, ``kind = "light"``, in SI.

    Attributes
    ----------
    label, title : str
    x, y : DrawnAxis
        Temperature and photon flux.
    parameters : {"auto", "fit", "initial"}
    kinetics : KineticSettings
    state : str
        Whose population is drawn.
    source : LightSource
        Gives the wavelength.
    pressure : float
        Pa.
    """

    label: str
    title: str
    x: DrawnAxis
    y: DrawnAxis
    parameters: str
    kinetics: KineticSettings
    state: str
    source: LightSource
    pressure: float

    @property
    def flux(self) -> np.ndarray:
        """Photon fluxes, evenly spaced in their logarithm, m-2 s-1."""
        return np.geomspace(self.y.low, self.y.high, self.y.points)


AnySettings = DiagramSettings | PhaseDiagramSettings | LifetimeSettings | LightSettings


def diagram_settings(
    tables: list[DiagramTable],
    model: Model | None,
    values: dict[str, float],
    phases: PhaseSettings | None,
    kinetics: KineticSettings | None,
    can_fit: bool,
    problems: Problems,
) -> tuple[AnySettings, ...]:
    """Settings of every diagram; what is wrong goes to `problems`.

    Parameters
    ----------
    tables : list of DiagramTable
    model : Model or None
    values : dict of str to float
        Start values of the model's parameters; they decide whether the model depends on an axis.
    phases : PhaseSettings or None
    kinetics : KineticSettings or None
    can_fit : bool
        Whether the study has data for its model.
    problems : Problems
    """
    found: list[AnySettings] = []
    seen: set[str] = set()
    for index, table in enumerate(tables):
        path = ("diagram", index)
        if model is None:
            problems.add(path, "needs a [model]; add one or remove this table")
            continue
        if table.label in seen:
            problems.add((*path, "label"), f"{table.label!r} is used twice; labels must differ")
            continue
        seen.add(table.label)
        if table.parameters == "fit" and not can_fit:
            problems.add(
                (*path, "parameters"), 'there is nothing to fit; write "initial" or "auto", or add a measurement'
            )
        count = len(problems.found)
        _own_keys_only(path, table, problems)
        x, y = (_axis((*path, key), getattr(table, key), table.kind, model, problems) for key in ("x", "y"))
        if table.kind == "phases" and phases is None:
            problems.add(path, "needs two or more [[phase]] tables; see docs/manifest.md")
        if table.kind in ("lifetimes", "light") and kinetics is None:
            problems.add(path, "needs [kinetics] with the processes between the states; see docs/manifest.md")
        if len(problems.found) > count or x is None or y is None:
            continue
        settings: AnySettings | None
        if table.kind == "states":
            settings = _states(path, table, x, y, model, values, problems)
        elif table.kind == "phases":
            assert phases is not None
            settings = _phases(path, table, x, y, phases, problems)
        else:
            assert kinetics is not None
            make = _lifetimes if table.kind == "lifetimes" else _light
            settings = make(path, table, x, y, kinetics, problems)
        if settings is not None and len(problems.found) == count:
            found.append(settings)
    return tuple(found)


def _own_keys_only(path: KeyPath, table: DiagramTable, problems: Problems) -> None:
    every = {key for keys in OWN_KEYS.values() for key in keys}
    for key in sorted(every - set(OWN_KEYS[table.kind])):
        if getattr(table, key) not in (None, []):
            kinds = [kind for kind, keys in OWN_KEYS.items() if key in keys]
            problems.add((*path, key), f"means nothing to a diagram of {table.kind}; it belongs to {', '.join(kinds)}")


def _states(
    path: KeyPath,
    table: DiagramTable,
    x: DrawnAxis,
    y: DrawnAxis,
    model: Model,
    values: dict[str, float],
    problems: Problems,
) -> DiagramSettings | None:
    others = _others(path, table, problems)
    points = [_point((*path, "points", i), one, model.state_names, problems) for i, one in enumerate(table.points)]
    for i, one in enumerate(table.points):
        if one.phase:
            problems.add((*path, "points", i, "phase"), 'structural phases are those of a diagram of kind = "phases"')
    with problems.at(*path):
        if x.name == y.name:
            raise DiagramError(f"both axes are {x.name}; choose two different ones")
        coarse = {axis.name: np.linspace(axis.low, axis.high, 4) for axis in (x, y)}
        plane(model, values, coarse, **others)
        kept = tuple(point for point in points if point is not None)
        settings = DiagramSettings(table.label, table.title, x, y, table.parameters, kept, table.samples, others)
        if kept and not settings.over_temperature_and_pressure:
            raise DiagramError("points are laid over diagrams of temperature and pressure; remove points")
        return settings
    return None


def _phases(
    path: KeyPath, table: DiagramTable, x: DrawnAxis, y: DrawnAxis, crystal: PhaseSettings, problems: Problems
) -> PhaseDiagramSettings | None:
    if {x.name, y.name} != {"temperature", "pressure"}:
        problems.add(path, f"a diagram of phases is one of temperature and pressure, found {x.name} and {y.name}")
    names = tuple(dict.fromkeys(state for state, _ in crystal.phases.entries))
    points = [_point((*path, "points", i), one, names, problems) for i, one in enumerate(table.points)]
    for i, one in enumerate(table.points):
        if one.phase and one.phase not in crystal.phases.labels:
            known = ", ".join(crystal.phases.labels)
            problems.add((*path, "points", i, "phase"), f"{one.phase!r} is no phase of the crystal: {known}")
    kept = tuple(point for point in points if point is not None)
    return PhaseDiagramSettings(table.label, table.title, x, y, table.parameters, crystal, kept)


def _lifetimes(
    path: KeyPath, table: DiagramTable, x: DrawnAxis, y: DrawnAxis, kinetics: KineticSettings, problems: Problems
) -> LifetimeSettings | None:
    _require_axes(path, (x, y), ("pressure", "temperature"), problems)
    states = (table.state,) if isinstance(table.state, str) else tuple(table.state or ())
    _require_states((*path, "state"), states, kinetics, problems)
    contours: list[float] = []
    for i, text in enumerate(table.contours or ()):
        with problems.at(*path, "contours", i):
            contours.append(read_quantity(text, "time").value)
            if not contours[-1] > 0:
                raise QuantityError(f"found {text!r}, expected a time above 0")
    rate = LETARD_RATE
    if table.heating_rate is not None:
        with problems.at(*path, "heating_rate"):
            rate = read_quantity(table.heating_rate, "sweep_rate").value
            if not rate > 0:
                raise QuantityError(f"found {table.heating_rate!r}, expected a rate above 0")
    source: LightSource | None = None
    if table.light is not None:
        source = light_source((*path, "light"), table.light, problems, flux_is_axis=False)
        _require_answer((*path, "light"), source, kinetics, problems)
    light = () if source is None else (source,)
    levels = tuple(contours) or USUAL_LIFETIMES
    return LifetimeSettings(table.label, table.title, x, y, table.parameters, kinetics, states, levels, rate, light)


def _light(
    path: KeyPath, table: DiagramTable, x: DrawnAxis, y: DrawnAxis, kinetics: KineticSettings, problems: Problems
) -> LightSettings | None:
    _require_axes(path, (x, y), ("temperature", FLUX), problems)
    states = (table.state,) if isinstance(table.state, str) else tuple(table.state or ())
    if len(states) > 1:
        problems.add((*path, "state"), f"found {table.state!r}, expected one state, whose population is drawn")
        return None
    _require_states((*path, "state"), states, kinetics, problems)
    if y.low <= 0:
        problems.add((*path, "y", "range"), "photon fluxes are drawn on a logarithmic scale; start above 0")
    pressure = AMBIENT_PRESSURE
    if table.pressure is not None:
        with problems.at(*path, "pressure"):
            pressure = read_quantity(table.pressure, "pressure").value
    if table.light is None:
        problems.add(path, 'the beam is missing; write light = { wavelength = "532 nm" }')
        return None
    source = light_source((*path, "light"), table.light, problems, flux_is_axis=True)
    _require_answer((*path, "light"), source, kinetics, problems)
    if source is None or not states:
        return None
    return LightSettings(table.label, table.title, x, y, table.parameters, kinetics, states[0], source, pressure)


def _require_axes(
    path: KeyPath, axes: tuple[DrawnAxis, DrawnAxis], wanted: tuple[str, str], problems: Problems
) -> None:
    for key, axis, name in zip("xy", axes, wanted, strict=True):
        if axis.name != name:
            problems.add((*path, key, "axis"), f"found {axis.name!r}; this kind of diagram has {key} = {name}")


def _require_states(path: KeyPath, states: tuple[str, ...], kinetics: KineticSettings, problems: Problems) -> None:
    names = kinetics.kinetic.state_names
    if not states:
        problems.add(path[:-1], f"the state is missing; write state = one of {', '.join(names)}")
    for state in states:
        if state not in names:
            problems.add(path, f"{state!r} is no state of the model: {', '.join(names)}")


def _require_answer(path: KeyPath, source: LightSource | None, kinetics: KineticSettings, problems: Problems) -> None:
    """Refuse a beam that drives nothing, or at whose wavelength nothing is known."""
    if source is not None:
        with problems.at(*path):
            values = {name: 0.0 for name in kinetics.kinetic.parameters.names} | dict(kinetics.values)
            kinetics.kinetic.light_rates((source,), values)


def _others(path: KeyPath, table: DiagramTable, problems: Problems) -> dict[str, float]:
    others: dict[str, float] = {}
    for name in CONDITIONS:
        text = getattr(table, name)
        if text is not None:
            with problems.at(*path, name):
                others[name] = read_temperature(text) if name == "temperature" else read_quantity(text, name).value
    return others


def _axis(path: KeyPath, table: DiagramAxisTable, kind: str, model: Model, problems: Problems) -> DrawnAxis | None:
    names = (*CONDITIONS, *model.parameters.names, *((FLUX,) if kind == "light" else ()))
    if table.axis not in names:
        problems.add(
            (*path, "axis"),
            f"found {table.axis!r}, expected a condition or a parameter of the model: {', '.join(names)}",
        )
        return None
    quantity = table.axis if table.axis in (*CONDITIONS, FLUX) else model.parameters[table.axis].quantity
    unit = table.unit or _own_unit(table.range) or ("K" if quantity == "temperature" else None)
    with problems.at(*path, "range"):
        ends = [
            read_temperature(end, table.unit or "K")
            if quantity == "temperature"
            else read_quantity(end, quantity, table.unit).value
            for end in table.range
        ]
        if ends[0] >= ends[1]:
            raise QuantityError(f"found {table.range}, expected two numbers that rise")
        if quantity == "pressure" and ends[0] < 0:
            raise QuantityError(f"found {table.range}, expected absolute pressures, which are not negative")
        points = table.grid or GRIDS[kind].get(table.axis, 121)
        return DrawnAxis(table.axis, ends[0], ends[1], points, unit or field_unit(quantity), quantity)
    return None


def _own_unit(ends: list[Any]) -> str | None:
    """Unit that a text such as "20 kbar" ends with."""
    text = ends[1].strip() if isinstance(ends[1], str) else ""
    return text.lstrip("+-.0123456789eE() ").strip() or None


def _point(
    path: KeyPath, table: DiagramPointTable, names: tuple[str, ...], problems: Problems
) -> ExperimentalPoint | None:
    count = len(problems.found)
    temperature, pressure = 0.0, AMBIENT_PRESSURE
    with problems.at(*path, "temperature"):
        temperature = read_temperature(table.temperature)
    if table.pressure is not None:
        with problems.at(*path, "pressure"):
            pressure = read_quantity(table.pressure, "pressure").value
            if pressure < 0:
                raise QuantityError(f"found {table.pressure!r}, expected an absolute pressure, which is not negative")
    for state in table.states:
        if state not in names:
            problems.add((*path, "states"), f"{state!r} is no state of the model: {', '.join(names)}")
    if len(problems.found) > count:
        return None
    return ExperimentalPoint(
        table.label, temperature, pressure, table.light, tuple(table.states), table.phase, table.text, table.source
    )
