"""Where a crystal switches: T1/2, spinodals, hysteresis, with derivatives in every parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models.equilibrium import equilibrium, find_minima, populations_at
from labile.models.evolution import Fold, Landscape, crossing, trace
from labile.models.free_energy import Model
from labile.models.populations import NotConvergedError, Populations, Status

WINDOW = (2.0, 1000.0)
"""K: where transitions are looked for unless the caller says otherwise."""


@dataclass(frozen=True, eq=False)
class Switch:
    """One switching temperature.

    Attributes
    ----------
    temperature : float
        K.
    t_theta : ndarray (K,)
        d temperature/d model parameter.
    t_lag : float
        d temperature/d lag.
    kind : {"gradual", "equilibrium", "spinodal", "lagging"}
        ``gradual``: half of the switching states are high, no jump; ``equilibrium``: equal free energies (Maxwell);
        ``spinodal``: the minimum disappears; ``lagging``: in between.
    """

    temperature: float
    t_theta: np.ndarray
    kind: str
    t_lag: float = 0.0


@dataclass(frozen=True, eq=False)
class Transitions:
    """All switching temperatures of one model at one pressure; None where there is none in the window.

    Attributes
    ----------
    t_half : Switch or None
        In equilibrium.
    t_half_up, t_half_down : Switch or None
        On heating and on cooling; equal to `t_half` for a gradual crossover. None for t_half_down of a crystal
        whose high state never loses stability ("trapped").
    trapped : bool
        Whether the high state survives cooling to the lower end of the window.
    """

    t_half: Switch | None
    t_half_up: Switch | None
    t_half_down: Switch | None
    trapped: bool

    @property
    def hysteresis_width(self) -> float | None:
        """t_half_up - t_half_down, K; None when one of them does not exist."""
        if self.t_half_up is None or self.t_half_down is None:
            return None
        return self.t_half_up.temperature - self.t_half_down.temperature


def critical_interaction(t_half: float) -> float:
    """Return the Gamma above which a two-state step at `t_half` (K) is of first order, 2 R T1/2, J/mol.

    References
    ----------
    C. P. Slichter, H. G. Drickamer, J. Chem. Phys. 56, 2142 (1972), doi 10.1063/1.1677511.

    Examples
    --------
    >>> round(critical_interaction(250.0), 2)
    4157.23
    """
    return 2.0 * GAS_CONSTANT * t_half


def slichter_drickamer_temperature(
    fraction: np.ndarray, *, enthalpy: float, entropy: float, interaction: float
) -> np.ndarray:
    """Closed inverse T(n) of the Slichter-Drickamer model, the unstable branch included.

    Parameters
    ----------
    fraction : ndarray
        High-spin fraction n, 0 < n < 1.
    enthalpy, entropy, interaction : float
        J/mol, J/K/mol, J/mol; the enthalpy includes P times the volume.

    Returns
    -------
    ndarray
        K; NaN where T would not be positive and finite.

    References
    ----------
    C. P. Slichter, H. G. Drickamer, J. Chem. Phys. 56, 2142 (1972), doi 10.1063/1.1677511.

    Examples
    --------
    >>> t = slichter_drickamer_temperature(np.array([0.5]), enthalpy=15e3, entropy=60.0, interaction=6e3)
    >>> t.tolist()
    [250.0]
    """
    n = np.asarray(fraction, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (enthalpy + interaction * (1 - 2 * n)) / (entropy + GAS_CONSTANT * np.log((1 - n) / n))
    return np.where(np.isfinite(t) & (t > 0), t, np.nan)


def equilibrium_transition(
    model: Model, values: Mapping[str, float], template: Conditions, window: tuple[float, float] = WINDOW
) -> Switch | None:
    """T1/2 in equilibrium: half of the molecules are in the states above the step.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
    template : Conditions
        Its first point gives the pressure.
    window : (float, float)
        K.

    Returns
    -------
    Switch or None
        None when the share of the upper states does not pass 1/2 in the window.

    Raises
    ------
    ModelError
        If the model does not say which states lie above the step.
    NotConvergedError
        If populations or the two phases of a first-order step are not found.
    """
    land = Landscape(model, template, values)
    low, high, points = window[0], window[1], 200
    for attempt in range(60):
        grid = np.geomspace(low, high, points)
        x = equilibrium(model, land.conditions(grid), values, derivatives=False)
        share = model.upper_share(x.require_converged("T1/2").x) - 0.5
        change = np.flatnonzero(np.signbit(share[1:]) != np.signbit(share[:-1]))
        if change.size == 0 and attempt == 0:
            return None
        if change.size == 0:
            break  # at a critical point populations are known to the cube root of the solver's tolerance only
        low, high, points = float(grid[change[0]]), float(grid[change[0] + 1]), 17
        if high - low < 1e-9 * high:
            break
    edges = equilibrium(model, land.conditions(np.array([low, high])), values)
    share = model.upper_share(edges.x)
    # the bracket is closed by one Newton step, so that the temperature is a smooth function of the parameters
    if abs(share[1] - share[0]) < 0.02:
        slope = float(model.upper_share(edges.x_t[0]))
        gradient = model.upper_share(edges.x_theta[0])
        return Switch(low - (float(share[0]) - 0.5) / slope, -gradient / slope, "gradual")
    t = 0.5 * (low + high)
    minima = find_minima(model, land.conditions(np.array([t])), values)
    if minima.count[0] < 2:
        raise NotConvergedError(f"model {model.name}: the two phases that meet at {t:.6g} K were not both found")
    parts = [land.energy(t, np.log(np.maximum(minima.x[0, k], 1e-300))) for k in range(2)]
    pull = parts[0][1] - parts[1][1]
    t_theta = -(parts[0][2] - parts[1][2]) / pull
    return Switch(t - (parts[0][0] - parts[1][0]) / pull, t_theta, "equilibrium")


def switching_temperature(
    model: Model,
    values: Mapping[str, float],
    template: Conditions,
    *,
    heating: bool,
    lag: float = 1.0,
    window: tuple[float, float] = WINDOW,
) -> Switch | None:
    """Temperature at which the crystal switches on heating or on cooling.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
    template : Conditions
        Its first point gives the pressure.
    heating : bool
    lag : float
        0: at equal free energies, 1: when the minimum disappears.
    window : (float, float)
        K.

    Returns
    -------
    Switch or None
        Of the largest jump; the gradual T1/2 when there is no jump; None when the share of the upper states never
        passes 1/2 along the path (`never_switches` says on which side of the window it lies).
    """
    land = Landscape(model, template, values)
    grid = np.geomspace(window[0], window[1], 240)
    if not heating:
        grid = grid[::-1]
    log_x, _, folds = trace(land, grid, land.global_minimum(float(grid[0])))
    if not folds:
        share = model.upper_share(np.exp(log_x))
        if np.all(share > 0.5) or np.all(share < 0.5):
            return None
        return equilibrium_transition(model, values, template, window)
    fold = max((f for _, f in folds), key=lambda f: abs(float(model.upper_share(f.x_after - f.x))))
    if lag == 1.0:
        maxwell = None
    else:
        maxwell = crossing(land, fold)
    if maxwell is None:
        return Switch(fold.temperature, fold.t_theta, "spinodal")
    width = fold.temperature - maxwell.temperature
    return Switch(
        maxwell.temperature + lag * width,
        maxwell.t_theta + lag * (fold.t_theta - maxwell.t_theta),
        "lagging" if lag else "equilibrium",
        width,
    )


def transitions(
    model: Model,
    values: Mapping[str, float],
    *,
    pressure: float | None = None,
    lag_up: float = 1.0,
    lag_down: float = 1.0,
    window: tuple[float, float] = WINDOW,
) -> Transitions:
    """T1/2 in equilibrium, on heating and on cooling.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    pressure : float, optional
        Pa; ambient by default.
    lag_up, lag_down : float
        See `evolution.evolve`.
    window : (float, float)
        K.

    Returns
    -------
    Transitions

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.interaction": 4e3}
    >>> loop = transitions(slichter_drickamer(), values)
    >>> round(loop.t_half_up.temperature, 3), round(loop.t_half_down.temperature, 3)
    (169.203, 145.47)
    """
    template = Conditions(window[0]) if pressure is None else Conditions(window[0], pressure)
    middle = equilibrium_transition(model, values, template, window)
    up = switching_temperature(model, values, template, heating=True, lag=lag_up, window=window)
    down = switching_temperature(model, values, template, heating=False, lag=lag_down, window=window)
    return Transitions(middle, up, down, trapped=middle is not None and down is None)


def side_populations(
    model: Model,
    conditions: Conditions,
    values: Mapping[str, float],
    *,
    high: bool,
    derivatives: bool = True,
) -> tuple[Populations, Fold | None]:
    """Populations of the branch connected to low or to high temperature, even where it is metastable.

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points at one pressure, any order.
    values : mapping of str to float
    high : bool
        The branch that comes from high temperature (cooling before the jump), else that from low temperature.
    derivatives : bool

    Returns
    -------
    populations : Populations
        Points past the end of the branch have status `Status.PAST_FOLD`, the populations of the fold, their
        derivatives in the parameters, and zero derivatives in T and P.
    fold : Fold or None
        Where the branch ends, if it ends between its start and the data.
    """
    temperature = np.asarray(conditions.temperature)
    land = Landscape(model, conditions, values)
    order = np.argsort(-temperature if high else temperature, kind="stable")
    sorted_t = temperature[order]
    anchor = 2.0 * sorted_t[0] if high else max(sorted_t[0] / 3.0, min(1.0, sorted_t[0]))
    approach = np.geomspace(anchor, sorted_t[0], 40)[:-1]
    grid = np.concatenate([approach, sorted_t])
    log_x, status, folds = trace(land, grid, land.global_minimum(float(anchor)))
    log_x, status = log_x[approach.size :], status[approach.size :]
    fold = folds[0][1] if folds else None
    past = np.zeros(temperature.size, dtype=bool)
    if fold is not None:
        past = sorted_t < fold.temperature if high else sorted_t > fold.temperature
        log_x[past] = np.log(np.maximum(fold.x, 1e-300))
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    log_x, status, past = log_x[back], status[back], past[back]
    c = land.coefficients(temperature, derivatives=derivatives)
    result = populations_at(model, c, conditions, values, log_x, status, "high" if high else "low")
    if fold is None or not past.any():
        return result, fold
    for array in (result.x_t, result.x_p, result.x_tt):
        array[past] = 0.0
    result.x[past] = fold.x
    if derivatives:
        result.x_theta[past] = fold.x_theta
        result.x_t_theta[past] = 0.0
    status = np.where(past, Status.PAST_FOLD, status)
    return replace(result, status=status), fold


def never_switches(
    model: Model, values: Mapping[str, float], template: Conditions, *, heating: bool, window: tuple[float, float]
) -> float:
    """Edge of the window (K) beyond which a missing switch lies: the lower one when the high states always win."""
    land = Landscape(model, template, values)
    grid = np.geomspace(window[0], window[1], 60)
    grid = grid if heating else grid[::-1]
    log_x, _ = land.follow(grid, land.global_minimum(float(grid[0])))
    return window[0] if model.upper_share(np.exp(log_x[-1])) > 0.5 else window[1]


def require_transition(switch: Switch | None, what: str) -> Switch:
    """Return the switch, or raise NotConvergedError when the model has none."""
    if switch is None or not math.isfinite(switch.temperature):
        raise NotConvergedError(f"{what}: the model has no such transition at these parameter values")
    return switch


@dataclass(frozen=True)
class ConversionStep:
    """One step of a conversion in equilibrium.

    Attributes
    ----------
    temperature : float
        K: of the jump, or where the upper share changes fastest.
    low, high : float
        Upper share where the step begins and ends, between it and its neighbours: a plateau lies at `high`.
    abrupt : bool
        Whether the minima change there (first order).
    """

    temperature: float
    low: float
    high: float
    abrupt: bool


def conversion_steps(
    model: Model, values: Mapping[str, float], template: Conditions, window: tuple[float, float] = WINDOW
) -> tuple[ConversionStep, ...]:
    """Steps in which the upper share rises with temperature: one, two with a plateau between them, or more.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
    template : Conditions
        Its first point gives the pressure.
    window : (float, float)
        K.

    Returns
    -------
    tuple of ConversionStep
        In order of temperature; resolved to 1/1000 of the logarithm of the window.

    Examples
    --------
    >>> from labile.models.library import real_bolvin_dinuclear
    >>> model = real_bolvin_dinuclear()
    >>> values = dict.fromkeys(model.parameters.names, 0.0)
    >>> values |= {"site.enthalpy": 8e3, "site.entropy": 50.0, "molecule.intramolecular_interaction": -4e3}
    >>> steps = conversion_steps(model, values, Conditions(160.0), (40.0, 1000.0))
    >>> [round(step.high, 1) for step in steps]
    [0.5, 1.0]
    """
    grid = np.geomspace(window[0], window[1], 1000)
    conditions = replace(template[:1], temperature=grid, time=None)
    x = equilibrium(model, conditions, values, derivatives=False).require_converged("conversion steps")
    share, slope = model.upper_share(x.x), model.upper_share(x.x_t) * grid
    # per unit of ln T; a cell whose change its slopes do not explain holds a jump
    change = np.diff(share) / np.diff(np.log(grid))
    explained = np.maximum(np.abs(slope[1:]), np.abs(slope[:-1]))
    jump = (np.abs(np.diff(share)) > 0.02) & (np.abs(change) > 3.0 * explained + 1.0)
    inner = change[1:-1]
    peak = np.zeros(change.size, dtype=bool)
    peak[1:-1] = (inner > change[:-2]) & (inner >= change[2:]) & (inner > 0.05)
    # beside a jump the slope rises towards it; that is no step of its own
    near = np.convolve(jump, np.ones(3), mode="same") > 0
    places = np.flatnonzero(jump | (peak & ~near))
    bounds = [float(share[0])]
    for left, right in pairwise(places):
        between = left + 1 + int(np.argmin(np.abs(change[left + 1 : right]))) if right > left + 1 else right
        bounds.append(float(share[between]))
    bounds.append(float(share[-1]))
    return tuple(
        ConversionStep(float(np.sqrt(grid[k] * grid[k + 1])), bounds[i], bounds[i + 1], bool(jump[k]))
        for i, k in enumerate(places)
    )
