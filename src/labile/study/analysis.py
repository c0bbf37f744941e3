"""What is computed from a solved joint fit: derived numbers, the curves to draw, and the pictures they belong to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Measurement
from labile.core.uncertain import format_uncertain
from labile.core.units import field_unit, from_si, scale_to_si, shown_unit
from labile.inference.findings import derived_populations, temperature_range
from labile.inference.joint_fit import (
    Curve,
    Evaluation,
    JointFit,
    converged_only,
    population_curves,
    predict_curve,
)
from labile.inference.objective import Objective
from labile.inference.switching import LAG_DOWN, LAG_UP
from labile.models.populations import NotConvergedError
from labile.models.transitions import Switch, Transitions, transitions
from labile.plots.figure import name_of
from labile.study.results import Derived, Panel, StatementPoint
from labile.techniques import load, technique

GRID_STEP = 0.25
"""K between points of a drawn curve, unless the range asks for more than `GRID_POINTS`."""
GRID_POINTS = 1200
OPEN_LOOP = 0.01
"""K; a hysteresis narrower than this is drawn as one curve."""


def grid(fitted: JointFit, wanted: Sequence[float] | None) -> np.ndarray:
    """Temperatures of the curves (K): the range asked for, or that of the data."""
    if wanted is not None:
        low, high = float(wanted[0]), float(wanted[1])
    else:
        low, high = temperature_range(fitted)
        loop = _loop(fitted)
        edges = [s.temperature for s in (loop.t_half_up, loop.t_half_down, loop.t_half) if s is not None]
        if edges:
            # a switching temperature outside the data still belongs into the picture
            low, high = min(low, 0.75 * min(edges)), max(high, 1.25 * max(edges))
    count = int(np.clip((high - low) / GRID_STEP, 100, GRID_POINTS)) + 1
    return np.linspace(low, high, count)


def _loop(fitted: JointFit) -> Transitions:
    values = fitted.values
    if not fitted.joint.model.shifted:
        return Transitions(None, None, None, False)
    return transitions(fitted.joint.model, values, lag_up=_lag(values, LAG_UP), lag_down=_lag(values, LAG_DOWN))


def _lag(values: Mapping[str, float], name: str) -> float:
    return min(max(values.get(name, 1.0), 0.0), 1.0)


def branches(fitted: JointFit) -> tuple[str, ...]:
    """Branches to draw: heating and cooling where the model or the data have a loop, else equilibrium."""
    loop = _loop(fitted)
    open_loop = loop.trapped or (loop.hysteresis_width is not None and loop.hysteresis_width > OPEN_LOOP)
    return ("heating", "cooling") if open_loop else ("equilibrium",)


def derived_numbers(fitted: JointFit) -> list[Derived]:
    """Switching temperatures and populations with their standard uncertainties."""
    out: list[Derived] = []
    loop = _loop(fitted)
    open_loop = len(branches(fitted)) == 2
    names = {"t_half": loop.t_half}
    if open_loop:
        names |= {"t_half_up": loop.t_half_up, "t_half_down": loop.t_half_down}
    for name, switch in names.items():
        if switch is None:
            if name == "t_half_down" and loop.trapped:
                text = "The high state never loses stability on cooling: there is no T1/2 on cooling."
                out.append(Derived(name, name, math.nan, math.nan, "fit", text))
            continue
        sigma = fitted.result.propagate(_gradient(fitted, switch))
        out.append(Derived(name, name, switch.temperature, sigma, "fit", _switch_text(name, switch, sigma)))
    if open_loop and loop.t_half_up is not None and loop.t_half_down is not None:
        width = loop.t_half_up.temperature - loop.t_half_down.temperature
        slope = _gradient(fitted, loop.t_half_up) - _gradient(fitted, loop.t_half_down)
        sigma = fitted.result.propagate(slope)
        text = f"The hysteresis is {format_uncertain(width, sigma)} K wide."
        out.append(Derived("hysteresis_width", "hysteresis_width", width, sigma, "fit", text))
    for population in derived_populations(fitted):
        sigma = fitted.result.propagate(population.gradient)
        shown = format_uncertain(population.value, sigma)
        name = f"{population.state}.population at {population.temperature:g} K"
        text = f"In equilibrium at {population.temperature:g} K the fraction in {population.state} is {shown}."
        out.append(Derived(name, "population", population.value, sigma, "fit", text))
    return out


def _gradient(fitted: JointFit, switch: Switch) -> np.ndarray:
    """d(switching temperature)/d(free parameters)."""
    parameters = fitted.joint.parameters
    row = np.zeros(len(parameters))
    for name, slope in zip(fitted.joint.model.parameters.names, switch.t_theta, strict=True):
        row[parameters.index(name)] = slope
    return np.asarray(row @ parameters.matrix)


def _switch_text(name: str, switch: Switch, sigma: float) -> str:
    how = {"t_half": "In equilibrium", "t_half_up": "On heating", "t_half_down": "On cooling"}[name]
    kind = {
        "gradual": "half of the molecules have switched",
        "equilibrium": "the two sides have the same free energy",
        "spinodal": "the branch loses its stability",
        "lagging": "the crystal switches between the point of equal free energies and the loss of stability",
    }[switch.kind]
    return f"{how} {kind} at {format_uncertain(switch.temperature, sigma)} K."


def measured_numbers(measurements: Sequence[Measurement], label: str, method: str) -> list[Derived]:
    """Transition temperatures read from the reduced data of one ``[[measurement]]`` without any model."""
    reader = technique(method).transitions
    usable = [m for m in measurements if m.branch in ("heating", "cooling") and len(m) > 5]
    if not reader or not usable or usable[0].quantity not in ("chi_t", "high_spin_fraction"):
        return []
    if any(sum(m.branch == branch for m in usable) > 1 for branch in ("heating", "cooling")):
        return []
    found = load(reader)(*usable)
    out = []
    for name, branch in (("t_half_up", found.heating), ("t_half_down", found.cooling)):
        if branch.t_half is not None:
            sigma = math.nan if branch.sigma is None else branch.sigma
            value = format_uncertain(branch.t_half, sigma)
            text = f"The {branch.branch} curve is half-way between its plateaus at {value} K."
            out.append(Derived(name, name, branch.t_half, sigma, label, text))
    if found.hysteresis_width is not None:
        sigma = math.nan if found.sigma_hysteresis_width is None else found.sigma_hysteresis_width
        text = f"The loop of the data is {format_uncertain(found.hysteresis_width, sigma)} K wide."
        out.append(Derived("hysteresis_width", "hysteresis_width", found.hysteresis_width, sigma, label, text))
    return out


def population_panels(fitted: JointFit, temperature: np.ndarray) -> tuple[dict[str, dict[str, Curve]], list[str]]:
    """Populations of every branch to draw, and what could not be computed."""
    width = next((o.width for o in fitted.joint.objectives if o.width), "")
    out: dict[str, dict[str, Curve]] = {}
    notes: list[str] = []
    for branch in branches(fitted):
        try:
            curves = population_curves(fitted, temperature, branch=branch, width=width)
            out[branch] = {state: converged_only(curve) for state, curve in curves.items()}
        except NotConvergedError as error:
            notes.append(f"the {branch} populations are not drawn: {error}")
    return out, notes


def panel_curves(fitted: JointFit, temperature: np.ndarray) -> tuple[dict[str, list[Curve]], list[str]]:
    """Predicted curves of every panel by its key, and what could not be computed."""
    out: dict[str, list[Curve]] = {}
    notes: list[str] = []
    drawn: set[tuple[str, str, str, str]] = set()
    for objective in fitted.joint.objectives:
        if objective.observable is None or objective.branch == "isothermal" or objective.is_map:
            # what was measured over the field at one temperature has no curve over the temperature, spectra have none
            continue
        key = panel_key(
            objective.technique, objective.observable.quantity, fitted.joint.objectives, _pressure(objective)
        )
        own = (objective.branch,) if objective.branch in ("heating", "cooling") else ()
        for branch in dict.fromkeys((*branches(fitted), *own)):
            if branch == "equilibrium" and own:
                continue
            mark = (key, objective.sample, objective.width, branch)
            if mark in drawn:
                continue
            drawn.add(mark)
            try:
                curve = converged_only(predict_curve(fitted, objective, temperature, branch))
                out.setdefault(key, []).append(replace(curve, label=f"{objective.sample}, {branch}"))
            except NotConvergedError as error:
                notes.append(f"{objective.label}: its {branch} curve is not drawn: {error}")
    return out, notes


def _pressure(source: Objective | Measurement) -> float:
    """Pressure of what was measured or stated, Pa; ambient where it changes along the data."""
    measured = source.measurement if isinstance(source, Objective) else source
    if measured is None:
        assert isinstance(source, Objective)
        return source.pressure
    pressure = measured.conditions.pressure
    return float(pressure[0]) if np.ptp(pressure) == 0 else AMBIENT_PRESSURE


def _at_pressure(pressure: float) -> str:
    """``"16 kbar"``; empty at ambient pressure, to 10 bar."""
    return "" if abs(pressure - AMBIENT_PRESSURE) < 1e6 else f"{pressure / 1e8:.4g} kbar"


def panel_key(method: str, quantity: str, objectives: Sequence[Objective], pressure: float) -> str:
    """File-safe name of a panel: quantity, technique when two share it, pressure when not ambient."""
    owners = {o.technique for o in objectives if o.observable is not None and o.observable.quantity == quantity}
    key = quantity if len(owners) < 2 else f"{method}_{quantity}"
    return f"{key}_{_at_pressure(pressure).replace(' ', '_')}".rstrip("_")


def panels(
    fitted: JointFit | None,
    measurements: Sequence[Measurement],
    evaluations: Sequence[Evaluation],
    curves: Mapping[str, Sequence[Curve]],
    techniques: Mapping[str, str],
    groups: Mapping[str, str],
) -> tuple[Panel, ...]:
    """Pictures of a study: one for each quantity of each technique at each pressure, in the order of the manifest."""
    objectives = () if fitted is None else fitted.joint.objectives
    found: dict[tuple[str, str, str], dict[str, list]] = {}
    pressures: dict[str, float] = {}
    for measurement in measurements:
        method, at = techniques[groups[measurement.label]], _at_pressure(_pressure(measurement))
        pressures.setdefault(at, _pressure(measurement))
        found.setdefault((method, measurement.quantity, at), {"m": [], "s": []})["m"].append(measurement)
    for objective, evaluation in zip(objectives, evaluations, strict=True):
        if objective.statement is None or objective.observable is None:
            continue
        at = _at_pressure(objective.pressure)
        pressures.setdefault(at, objective.pressure)
        entry = found.setdefault((objective.technique, objective.observable.quantity, at), {"m": [], "s": []})
        entry["s"].append(_point(objective, evaluation))
    out = []
    for (method, quantity, at), entry in found.items():
        key = panel_key(method, quantity, objectives, pressures[at])
        unit = entry["m"][0].unit if entry["m"] else field_unit(quantity)
        out.append(
            Panel(
                key,
                f"{technique(method).title}: {name_of(quantity)}" + (f" at {at}" if at else ""),
                method,
                quantity,
                unit,
                tuple(entry["m"]),
                tuple(entry["s"]),
                tuple(curves.get(key, ())),
            )
        )
    return tuple(out)


def _point(objective: Objective, evaluation: Evaluation) -> StatementPoint:
    statement = objective.statement
    assert statement is not None
    return StatementPoint(
        objective.label,
        statement.kind,
        statement.temperatures or statement.window or (),
        statement.value,
        statement.sigma,
        evaluation.quantity,
        int(evaluation.limits[0]),
        float(evaluation.predicted[0]),
        statement.text,
        statement.source,
    )


def shown(value: float, sigma: float, quantity: str) -> str:
    """A number with its s.u. in the field's unit, for terminals."""
    unit = field_unit(quantity)
    if not unit:
        return format_uncertain(value, sigma)
    text = format_uncertain(float(from_si(value, unit, quantity)), sigma / scale_to_si(unit, quantity))
    return f"{text} {shown_unit(unit, quantity)}".strip()
