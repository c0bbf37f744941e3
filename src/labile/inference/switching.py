"""Statements about the switching of a crystal: temperatures and pressures with exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labile.core.conditions import Conditions
from labile.inference.objective import PRESSURE_KINDS, Statement
from labile.models.free_energy import Model
from labile.models.populations import NotConvergedError
from labile.models.pressure_transitions import PressureSwitch, equilibrium_pressures, pressure_transitions
from labile.models.transitions import Switch, equilibrium_transition, require_transition, switching_temperature

LAG_UP, LAG_DOWN = "crystal.lag_up", "crystal.lag_down"
"""Names of the nucleation lags, parameters of studies that free them."""


def switch_row(switch: Switch, model: Model, names: tuple[str, ...], lag: str) -> np.ndarray:
    """Derivatives of a switching temperature in all parameters of a joint problem, those of the lag included."""
    row = np.zeros(len(names))
    for name, slope in zip(model.parameters.names, switch.t_theta, strict=True):
        row[names.index(name)] += slope
    if lag in names:
        row[names.index(lag)] += switch.t_lag
    return row


def switching_statement(
    model: Model, statement: Statement, values: Mapping[str, float], pressure: float, names: tuple[str, ...]
) -> tuple[float, np.ndarray]:
    """Value of a statement about switching (K or Pa) and its derivatives in all parameters.

    Parameters
    ----------
    model : Model
    statement : Statement
        Of a kind in `objective.TRANSITION_KINDS` or `objective.PRESSURE_KINDS`.
    values : mapping of str to float
    pressure : float
        Pa; of statements about temperatures.
    names : tuple of str
        Parameters of the joint problem.

    Raises
    ------
    NotConvergedError
        If the model has no such transition.
    """
    if statement.kind in PRESSURE_KINDS:
        return _switching_pressure(model, statement, values, names)
    template = Conditions(300.0, pressure)
    window = statement.window or (2.0, 1000.0)
    if statement.kind == "t_half":
        switch = require_transition(equilibrium_transition(model, values, template, window), statement.kind)
        return switch.temperature, switch_row(switch, model, names, "")

    def find(heating: bool) -> tuple[float, np.ndarray]:
        lag = LAG_UP if heating else LAG_DOWN
        amount = min(max(values.get(lag, 1.0), 0.0), 1.0)
        switch = switching_temperature(model, values, template, heating=heating, lag=amount, window=window)
        switch = require_transition(switch, statement.kind)
        return switch.temperature, switch_row(switch, model, names, lag)

    if statement.kind in ("t_half_up", "t_half_down"):
        return find(statement.kind == "t_half_up")
    (up, up_row), (down, down_row) = find(True), find(False)
    if statement.kind == "hysteresis_width":
        return up - down, up_row - down_row
    return 0.5 * (up + down), 0.5 * (up_row + down_row)


def _switching_pressure(
    model: Model, statement: Statement, values: Mapping[str, float], names: tuple[str, ...]
) -> tuple[float, np.ndarray]:
    temperature = statement.temperatures[0]
    switch: PressureSwitch | None
    if statement.kind == "p_half":
        found = equilibrium_pressures(model, values, temperature)
        # of several P1/2, the one the statement means is the one closest to it
        switch = min(found, key=lambda one: abs(one.pressure - statement.value), default=None)
    else:
        loop = pressure_transitions(model, values, temperature)
        switch = loop.p_half_up if statement.kind == "p_half_up" else loop.p_half_down
        if switch is None and len(loop.p_half) == 1 and loop.p_half[0].kind == "gradual":
            switch = loop.p_half[0]
    if switch is None:
        raise NotConvergedError(
            f"model {model.name}: no {statement.kind} at {temperature:g} K between ambient pressure and 100 kbar"
        )
    row = np.zeros(len(names))
    for name, slope in zip(model.parameters.names, switch.p_theta, strict=True):
        row[names.index(name)] += slope
    return switch.pressure, row
