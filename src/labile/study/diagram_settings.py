"""`[[diagram]]` of a manifest as axes, points and choices in SI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.units import field_unit
from labile.diagrams.axes import CONDITIONS, DiagramError, plane
from labile.diagrams.experimental_points import ExperimentalPoint
from labile.models.free_energy import Model
from labile.study.manifest import DiagramAxisTable, DiagramPointTable, DiagramTable, Problems
from labile.study.quantities import QuantityError, read_quantity, read_temperature


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
    """One `[[diagram]]` in SI.

    Attributes
    ----------
    label, title : str
    x, y : DrawnAxis
    points : tuple of ExperimentalPoint
    parameters : {"auto", "fit", "initial"}
    samples : int
        Parameter samples of the fit from which the bands of the lines are computed.
    others : dict of str to float
        Conditions that are no axis, SI.
    """

    label: str
    title: str
    x: DrawnAxis
    y: DrawnAxis
    points: tuple[ExperimentalPoint, ...]
    parameters: str
    samples: int
    others: dict[str, float] = field(default_factory=dict)

    @property
    def over_temperature_and_pressure(self) -> bool:
        """Whether the axes are those in which lines are traced."""
        return {self.x.name, self.y.name} == {"temperature", "pressure"}


def diagram_settings(
    tables: list[DiagramTable], model: Model | None, values: dict[str, float], can_fit: bool, problems: Problems
) -> tuple[DiagramSettings, ...]:
    """Settings of every diagram; what is wrong goes to `problems`.

    Parameters
    ----------
    tables : list of DiagramTable
    model : Model or None
    values : dict of str to float
        Start values of the model's parameters; they decide whether the model depends on an axis.
    can_fit : bool
        Whether the study has data for its model.
    problems : Problems
    """
    found: list[DiagramSettings] = []
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
        x, y = (_axis((*path, key), getattr(table, key), model, problems) for key in ("x", "y"))
        others = _others(path, table, problems)
        points = [_point((*path, "points", i), one, model, problems) for i, one in enumerate(table.points)]
        if len(problems.found) > count or x is None or y is None:
            continue
        with problems.at(*path):
            if x.name == y.name:
                raise DiagramError(f"both axes are {x.name}; choose two different ones")
            coarse = {axis.name: np.linspace(axis.low, axis.high, 4) for axis in (x, y)}
            plane(model, values, coarse, **others)
            kept = tuple(point for point in points if point is not None)
            settings = DiagramSettings(table.label, table.title, x, y, kept, table.parameters, table.samples, others)
            if kept and not settings.over_temperature_and_pressure:
                raise DiagramError("points are laid over diagrams of temperature and pressure; remove points")
            found.append(settings)
    return tuple(found)


def _others(path: tuple[str | int, ...], table: DiagramTable, problems: Problems) -> dict[str, float]:
    others: dict[str, float] = {}
    for name in CONDITIONS:
        text = getattr(table, name)
        if text is not None:
            with problems.at(*path, name):
                others[name] = read_temperature(text) if name == "temperature" else read_quantity(text, name).value
    return others


def _axis(path: tuple[str | int, ...], table: DiagramAxisTable, model: Model, problems: Problems) -> DrawnAxis | None:
    names = (*CONDITIONS, *model.parameters.names)
    if table.axis not in names:
        problems.add(
            (*path, "axis"),
            f"found {table.axis!r}, expected a condition or a parameter of the model: {', '.join(names)}",
        )
        return None
    quantity = table.axis if table.axis in CONDITIONS else model.parameters[table.axis].quantity
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
        return DrawnAxis(table.axis, ends[0], ends[1], table.grid, unit or field_unit(quantity), quantity)
    return None


def _own_unit(ends: list[Any]) -> str | None:
    """Unit that a text such as "20 kbar" ends with."""
    text = ends[1].strip() if isinstance(ends[1], str) else ""
    return text.lstrip("+-.0123456789eE() ").strip() or None


def _point(
    path: tuple[str | int, ...], table: DiagramPointTable, model: Model, problems: Problems
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
        if state not in model.state_names:
            problems.add((*path, "states"), f"{state!r} is no state of the model: {', '.join(model.state_names)}")
    if len(problems.found) > count:
        return None
    return ExperimentalPoint(
        table.label, temperature, pressure, table.light, tuple(table.states), table.text, table.source
    )
