"""Switching at fixed temperature: P1/2, the pressures at which minima end on loading and unloading, Clapeyron's slope.

Derivatives in the parameters are exact: those of the end of a minimum, and of equal free energies of two minima.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.models.equilibrium import equilibrium, find_minima, free_energy, free_energy_gradient
from labile.models.free_energy import Model
from labile.models.path_following import follow_path, solve_fold
from labile.models.populations import NotConvergedError

PRESSURE_WINDOW = (AMBIENT_PRESSURE, AMBIENT_PRESSURE + 1e10)
"""Pa: where transitions are looked for unless the caller says otherwise; the upper end is 100 kbar."""
GRID_POINTS = 400
SAME_SHARE = 0.02
"""A change of the upper share by less than this across P1/2 is no jump."""


@dataclass(frozen=True, eq=False)
class PressureSwitch:
    """One switching pressure.

    Attributes
    ----------
    pressure : float
        Pa, absolute.
    p_theta : ndarray (K,)
        d pressure/d model parameter.
    kind : {"gradual", "equilibrium", "spinodal"}
        ``gradual``: half of the switching sites are high, no jump; ``equilibrium``: equal free energies (Maxwell);
        ``spinodal``: the minimum ends here.
    """

    pressure: float
    p_theta: np.ndarray
    kind: str


@dataclass(frozen=True, eq=False)
class PressureTransitions:
    """Switching pressures of one model at one temperature; None where there is none in the window.

    Attributes
    ----------
    p_half : tuple of PressureSwitch
        In equilibrium, in order of pressure: none, one, or several where dV(P) changes sign.
    p_half_up, p_half_down : PressureSwitch or None
        Where the largest jump lies on loading from the lower end of the window, and on unloading from its upper end.
    """

    p_half: tuple[PressureSwitch, ...]
    p_half_up: PressureSwitch | None
    p_half_down: PressureSwitch | None

    @property
    def hysteresis_width(self) -> float | None:
        """p_half_up - p_half_down, Pa; None without two jumps."""
        if self.p_half_up is None or self.p_half_down is None:
            return None
        return self.p_half_up.pressure - self.p_half_down.pressure


def _at(temperature: float, pressure: np.ndarray | float) -> Conditions:
    return Conditions(temperature, np.atleast_1d(np.asarray(pressure, dtype=float)))


def equilibrium_pressures(
    model: Model,
    values: Mapping[str, float],
    temperature: float,
    window: tuple[float, float] = PRESSURE_WINDOW,
) -> tuple[PressureSwitch, ...]:
    """Every P1/2 in the window: half of the switching sites are in the states above the step.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    temperature : float
        K.
    window : (float, float)
        Pa.

    Returns
    -------
    tuple of PressureSwitch
        In order of pressure.

    Raises
    ------
    NotConvergedError
        If populations or the two minima of a first-order step are not found.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 1e-5, "LS-HS.interaction": 2e3}
    >>> (switch,) = equilibrium_pressures(slichter_drickamer(), values, 300.0)
    >>> round((switch.pressure - AMBIENT_PRESSURE) / 1e8, 3)  # (T dS - dH)/dV in kbar
    7.0
    """

    def above(pressure: np.ndarray) -> np.ndarray:
        x = equilibrium(model, _at(temperature, pressure), values, derivatives=False).require_converged("P1/2")
        return model.upper_share(x.x) - 0.5

    grid = np.linspace(*window, GRID_POINTS)
    sign = np.signbit(above(grid))
    found = []
    for k in np.flatnonzero(sign[1:] != sign[:-1]):
        low, high = float(grid[k]), float(grid[k + 1])
        for _ in range(20):
            parts = np.linspace(low, high, 17)
            change = np.flatnonzero(np.diff(np.signbit(above(parts))))
            if change.size == 0:
                break  # next to a critical point populations are known to the cube root of the solver's tolerance only
            low, high = float(parts[change[0]]), float(parts[change[0] + 1])
            if high - low < 1e-10 * max(abs(high), 1e5):
                break
        found.append(_equilibrium_switch(model, values, temperature, low, high))
    return tuple(found)


def _equilibrium_switch(
    model: Model, values: Mapping[str, float], temperature: float, low: float, high: float
) -> PressureSwitch:
    edges = equilibrium(model, _at(temperature, np.array([low, high])), values)
    share = model.upper_share(edges.x)
    # the bracket is closed by one Newton step, so that the pressure is a smooth function of the parameters
    if abs(share[1] - share[0]) < SAME_SHARE:
        slope = float(model.upper_share(edges.x_p[0]))
        return PressureSwitch(
            low - (float(share[0]) - 0.5) / slope, -model.upper_share(edges.x_theta[0]) / slope, "gradual"
        )
    here = _at(temperature, 0.5 * (low + high))
    minima = find_minima(model, here, values)
    if minima.count[0] < 2:
        raise NotConvergedError(
            f"model {model.name}: the two minima that meet at {temperature:g} K and {low:g} Pa were not both found"
        )
    sides = [minima.x[:, k] for k in range(2)]
    (g, _, g_p), (h, _, h_p) = (free_energy(model, here, values, x) for x in sides)
    g_theta, h_theta = (free_energy_gradient(model, here, values, x)[0] for x in sides)
    pull = float(g_p[0] - h_p[0])
    pressure = float(here.pressure[0]) - float(g[0] - h[0]) / pull
    return PressureSwitch(pressure, -(g_theta - h_theta) / pull, "equilibrium")


def pressure_transitions(
    model: Model,
    values: Mapping[str, float],
    temperature: float,
    window: tuple[float, float] = PRESSURE_WINDOW,
) -> PressureTransitions:
    """P1/2 and the pressure hysteresis at fixed temperature.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    temperature : float
        K.
    window : (float, float)
        Pa.

    Returns
    -------
    PressureTransitions

    Examples
    --------
    The loop of SCIENCE 1.2: 1.459 kbar for Gamma = 6 kJ/mol at 250 K and dV = 10 cm3/mol:

    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 12e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> loop = pressure_transitions(slichter_drickamer(), values, 250.0)
    >>> round(loop.hysteresis_width / 1e8, 3)
    1.459
    """
    half = equilibrium_pressures(model, values, temperature, window)
    ends = [_largest_end(model, values, temperature, side) for side in (window, window[::-1])]
    return PressureTransitions(half, ends[0], ends[1])


def _largest_end(
    model: Model, values: Mapping[str, float], temperature: float, window: tuple[float, float]
) -> PressureSwitch | None:
    """End of a minimum with the largest change of the upper share between two pressures, in this direction."""
    conditions = _at(temperature, np.linspace(*window, GRID_POINTS))
    start = np.log(np.maximum(find_minima(model, conditions[:1], values).x[0, 0], 1e-300))
    jumps = follow_path(model, conditions, values, start).jumps
    if not jumps:
        return None
    jump = max(jumps, key=lambda one: abs(float(model.upper_share(np.exp(one.after) - np.exp(one.before)))))
    pressure, _, p_theta, _ = solve_fold(
        model, values, jump.conditions, float(jump.conditions.pressure[0]), jump.before, "pressure"
    )
    return PressureSwitch(pressure, p_theta, "spinodal")


def clapeyron_slope(model: Model, values: Mapping[str, float], conditions: Conditions) -> np.ndarray:
    """dT/dP along the line of equal free energies through points on it: dV/dS of the two lowest minima.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
    conditions : Conditions
        N points; meant to lie on T1/2(P).

    Returns
    -------
    ndarray (N,)
        K/Pa. Where G has one minimum only, the slope of the line of constant upper share.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> slope = clapeyron_slope(slichter_drickamer(), values, Conditions(250.0))
    >>> round(float(slope[0]) * 1e8, 3)  # K/kbar
    16.667
    """
    minima = find_minima(model, conditions, values)
    x = equilibrium(model, conditions, values, derivatives=False)
    slope = -model.upper_share(x.x_p) / model.upper_share(x.x_t)
    two = np.flatnonzero(minima.count >= 2)
    if two.size:
        g_t, g_p = (
            np.subtract(*(free_energy(model, conditions[two], values, minima.x[two, k])[part] for k in range(2)))
            for part in (1, 2)
        )
        slope[two] = -g_p / g_t
    slope[minima.count == 0] = np.nan
    return np.asarray(slope)


def with_volume_for(
    model: Model, values: Mapping[str, float], name: str, temperature: float, pressure: float
) -> dict[str, float]:
    """Return the values with the volume parameter `name` chosen such that P1/2(temperature) is `pressure`.

    What a switching pressure implies for the mean volume change: the inverse of `equilibrium_pressures` in one
    parameter.

    Raises
    ------
    NotConvergedError
        If no volume of 1e-9 to 1e-3 m3/mol brings half of the sites across there.

    Examples
    --------
    No low-spin crystal below 25 kbar at 298 K, T1/2 = 143 K, dS = 60 J/K/mol (SCIENCE T11):

    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 143.0 * 60, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 0.0}
    >>> found = with_volume_for(slichter_drickamer(), values, "HS.volume", 298.0, 25e8 + AMBIENT_PRESSURE)
    >>> round(found["HS.volume"] * 1e6, 2)  # cm3/mol
    3.72
    """
    here = _at(temperature, pressure)

    def share(volume: float) -> float:
        x = equilibrium(model, here, {**values, name: volume}, derivatives=False)
        return float(model.upper_share(x.require_converged(name).x)[0]) - 0.5

    low, high = 1e-9, 1e-3
    first = share(low)
    if (first > 0) == (share(high) > 0):
        raise NotConvergedError(
            f"model {model.name}: no {name} between 1e-3 and 1000 cm3/mol makes half of the sites switch at"
            f" {temperature:g} K and {pressure:g} Pa"
        )
    while high / low > 1 + 1e-12:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if (share(middle) > 0) == (first > 0) else (low, middle)
    return {**values, name: high}
