"""Populations along a path with memory: the crystal stays in its minimum until that minimum disappears.

A *fold* (spinodal) is where a minimum ends: the Hessian, restricted to sum dx = 0, has a zero eigenvalue. It is
bracketed by following the minimum in ever smaller steps and then solved for exactly, together with its derivative
in every parameter, so that transition temperatures can be fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.conditions import Conditions, Path
from labile.core.constants import GAS_CONSTANT
from labile.models import kernels
from labile.models.equilibrium import MAX_ITERATIONS, domain_factor, find_minima, free_energy, populations_at
from labile.models.free_energy import DOMAIN_SIZE, Coefficients, Model, ModelError, coefficients
from labile.models.path_following import JUMP, ZOOM, follow_path, solve_fold
from labile.models.populations import NotConvergedError, Populations

FINEST_STEP = 1e-4
"""K: a change by more than JUMP within this step is a jump."""
FOLD_WITHIN = 1e-4
"""Largest distance of a solved fold from where the jump was met, relative to T; farther off it is another fold."""


@dataclass(frozen=True, eq=False)
class Fold:
    """The end of a minimum along a temperature path.

    Attributes
    ----------
    temperature : float
        K.
    x : ndarray (n,)
        Populations at the end of the branch.
    x_after : ndarray (n,)
        Populations of the minimum the crystal falls into.
    heating : bool
        Whether the branch ends on heating.
    t_theta : ndarray (K,)
        d temperature/d parameter.
    x_theta : ndarray (K, n)
        dx/d parameter at the fold point.
    after_theta : ndarray (K, n)
        dx_after/d parameter, the motion of the fold included.
    """

    temperature: float
    x: np.ndarray
    x_after: np.ndarray
    heating: bool
    t_theta: np.ndarray
    x_theta: np.ndarray
    after_theta: np.ndarray


@dataclass(frozen=True, eq=False)
class Crossing:
    """A temperature at which two coexisting minima have equal G (Maxwell).

    Attributes
    ----------
    temperature : float
        K.
    x_low, x_high : ndarray (n,)
        Populations of the minimum that is stable below and of the one that is stable above this temperature.
    t_theta : ndarray (K,)
        d temperature/d parameter.
    """

    temperature: float
    x_low: np.ndarray
    x_high: np.ndarray
    t_theta: np.ndarray


@dataclass(frozen=True, eq=False)
class Landscape:
    """One model at fixed values and pressure: its coefficients and descents along temperature.

    Attributes
    ----------
    model : Model
    template : Conditions
        Its first point gives pressure and field.
    values : mapping of str to float
    """

    model: Model
    template: Conditions
    values: Mapping[str, float]

    @property
    def mi(self) -> float:
        """1/m - 1 of the domain size m."""
        return domain_factor(self.model, self.values)[0]

    @property
    def dmi(self) -> float:
        """d(1/m)/dm."""
        return domain_factor(self.model, self.values)[1]

    @property
    def manifold(self) -> np.ndarray:
        """Manifold number of each state."""
        return self.model.manifold_index()

    def conditions(self, temperature: np.ndarray) -> Conditions:
        """These conditions at other temperatures (K)."""
        return replace(self.template[:1], temperature=np.asarray(temperature, dtype=float), time=None)

    def coefficients(self, temperature: np.ndarray, *, derivatives: bool) -> Coefficients:
        """Coefficients of G at temperatures (K)."""
        return coefficients(self.model, self.conditions(temperature), self.values, derivatives=derivatives)

    def follow(self, temperature: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ln x and status along temperatures, each point from the minimum of the one before."""
        c = self.coefficients(temperature, derivatives=False)
        log_x, status = np.empty(c.g.shape), np.zeros(len(temperature), dtype=np.int64)
        rt = GAS_CONSTANT * np.asarray(temperature, dtype=float)
        kernels.follow_points(c.g, c.w, rt, self.mi, self.manifold, start, log_x, status, MAX_ITERATIONS)
        return log_x, status

    def global_minimum(self, temperature: float) -> np.ndarray:
        """Ln x of the most stable minimum."""
        minima = find_minima(self.model, self.conditions(np.array([temperature])), self.values)
        if minima.count[0] == 0:
            raise NotConvergedError(f"model {self.model.name}: no minimum was found at {temperature:g} K")
        return np.asarray(np.log(np.maximum(minima.x[0, 0], 1e-300)))

    def populations(self, temperature: float, start: np.ndarray) -> Populations:
        """Populations and derivatives of the minimum that a descent from ln x = start reaches."""
        grid = np.array([temperature])
        log_x, status = self.follow(grid, start)
        c = self.coefficients(grid, derivatives=True)
        return populations_at(self.model, c, self.conditions(grid), self.values, log_x, status, "path")

    def energy(self, temperature: float, log_x: np.ndarray) -> tuple[float, float, np.ndarray]:
        """G, dG/dT and dG/dtheta at fixed populations."""
        c = self.coefficients(np.array([temperature]), derivatives=True)
        x = np.exp(log_x)
        mixing = float(np.sum(x * log_x))
        big_term = 0.0
        if self.model.manifolds:
            big = np.array([np.exp(log_x[self.manifold == m]).sum() for m in range(len(self.model.manifolds))])
            big_term = float(np.sum(np.where(big > 0, big * np.log(np.maximum(big, 1e-300)), 0.0)))
        rt = GAS_CONSTANT * temperature
        g = x @ c.g[0] + rt * (mixing + self.mi * big_term) + 0.5 * x @ c.w[0] @ x
        g_t = x @ c.g_t[0] + GAS_CONSTANT * (mixing + self.mi * big_term) + 0.5 * x @ c.w_t[0] @ x
        g_theta = c.g_theta[0] @ x + 0.5 * np.einsum("i,kij,j->k", x, c.w_theta[0], x)
        if DOMAIN_SIZE in c.parameter_names:
            g_theta[c.parameter_names.index(DOMAIN_SIZE)] += self.dmi * rt * big_term
        return float(g), float(g_t), np.asarray(g_theta)


def trace(
    land: Landscape, temperature: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, Fold]]]:
    """Follow a minimum along temperatures; every jump is resolved into a fold.

    Returns
    -------
    log_x : ndarray (N, n)
    status : ndarray (N,)
    folds : list of (index of the last point before, Fold)
    """
    log_x, status = land.follow(temperature, start)
    folds: list[tuple[int, Fold]] = []
    position = 0
    while position < len(temperature) - 1:
        x = np.exp(log_x)
        steps = np.max(np.abs(np.diff(x[position:], axis=0)), axis=1)
        large = np.flatnonzero(~(steps <= JUMP))
        if large.size == 0:
            break
        k = position + int(large[0])
        if not (np.isfinite(log_x[k]).all() and np.isfinite(log_x[k + 1]).all()):
            position = k + 1
            continue
        u, fold = _zoom(land, float(temperature[k]), float(temperature[k + 1]), log_x[k])
        if fold is not None:
            folds.append((k, fold))
        tail, tail_status = land.follow(temperature[k + 1 :], u)
        log_x[k + 1 :], status[k + 1 :] = tail, tail_status
        position = k + 1
    return log_x, status, folds


def _zoom(land: Landscape, first: float, second: float, u: np.ndarray) -> tuple[np.ndarray, Fold | None]:
    """Resolve a large change between two temperatures: ln x at the second, and the fold if there was one."""
    fold = None
    start, left, target = u, first, second
    for _ in range(400):
        grid = np.linspace(left, target, ZOOM + 1)
        path, _status = land.follow(grid, start)
        # a descent that failed counts as a change to be looked at more closely
        steps = np.nan_to_num(np.max(np.abs(np.diff(np.exp(path), axis=0)), axis=1), nan=np.inf)
        large = np.flatnonzero(steps > JUMP)
        if large.size == 0:
            if target == second:
                return path[-1], fold
            start, left, target = path[-1], target, second
            continue
        k = int(large[0])
        if abs(grid[k + 1] - grid[k]) > FINEST_STEP:
            start, left, target = path[k], float(grid[k]), float(grid[k + 1])
            continue
        if not np.isfinite(path[k + 1]).all():
            raise NotConvergedError(f"model {land.model.name}: no minimum was reached just past {grid[k]:.6g} K")
        if fold is None:
            t, x, t_theta, x_theta = solve_fold(land.model, land.values, land.template[:1], float(grid[k]), path[k])
            if abs(t - grid[k]) > FOLD_WITHIN * grid[k]:
                raise NotConvergedError(
                    f"model {land.model.name}: the populations jump at {grid[k]:.6g} K, but the fold found from there"
                    f" lies at {t:.6g} K"
                )
            after = land.populations(t, path[k + 1])
            after_theta = after.x_theta[0] + t_theta[:, None] * after.x_t[0][None, :]
            fold = Fold(float(t), x, after.x[0], second > first, t_theta, x_theta, after_theta)
        start, left, target = path[k + 1], float(grid[k + 1]), second
    return start, fold


def crossing(land: Landscape, fold: Fold) -> Crossing | None:
    """Where the branch that ended at a fold has the same G as the minimum the crystal fell into.

    Returns
    -------
    Crossing or None
        None when the two minima merge before their free energies meet, or never meet between 1/4 and 4 times the
        temperature of the fold.

    Raises
    ------
    NotConvergedError
        When one of the minima is lost on the way, or Newton's iteration does not settle.
    """
    edge = fold.temperature * (0.25 if fold.heating else 4.0)
    after, before = np.log(np.maximum(fold.x_after, 1e-300)), np.log(np.maximum(fold.x, 1e-300))
    left, right, points = fold.temperature, edge, 401
    for _ in range(3):
        grid = np.geomspace(left, right, points)
        path_after, _status = land.follow(grid, after)
        path_before, _status = land.follow(grid[1:], before)
        path_before = np.vstack([before, path_before])
        conditions = land.conditions(grid)
        difference = (
            free_energy(land.model, conditions, land.values, np.exp(path_after))[0]
            - free_energy(land.model, conditions, land.values, np.exp(path_before))[0]
        )
        merged = np.max(np.abs(np.exp(path_after) - np.exp(path_before)), axis=1) < 1e-3
        stop = np.flatnonzero(merged | (difference > 0) | ~np.isfinite(difference))
        if stop.size == 0 or stop[0] == 0:
            return None
        i = int(stop[0])
        if not np.isfinite(difference[i]):
            raise NotConvergedError(f"model {land.model.name}: a minimum was lost at {grid[i]:.6g} K")
        if not merged[i]:
            break
        # the minimum after the fall ends before the next grid point: look between the two more closely
        after, before, left, right = path_after[i - 1], path_before[i - 1], grid[i - 1], grid[i]
    else:
        return None
    t, ua, ub = float(grid[i]), path_after[i], path_before[i]
    for _ in range(60):
        ga, ga_t, ga_theta = land.energy(t, ua)
        gb, gb_t, gb_theta = land.energy(t, ub)
        step = -(ga - gb) / (ga_t - gb_t)
        t_new = float(np.clip(t + step, min(grid[i - 1], grid[i]), max(grid[i - 1], grid[i])))
        if abs(t_new - t) < 1e-12 * t:
            break
        t = t_new
        ua = land.follow(np.array([t]), ua)[0][0]
        ub = land.follow(np.array([t]), ub)[0][0]
    else:
        raise NotConvergedError(f"model {land.model.name}: equal free energies near {t:g} K did not converge")
    t_theta = -(ga_theta - gb_theta) / (ga_t - gb_t)
    low, high = (ub, ua) if fold.heating else (ua, ub)
    return Crossing(float(t), np.exp(low), np.exp(high), t_theta)


def evolve(
    model: Model,
    path: Path,
    values: Mapping[str, float],
    *,
    lag_up: float = 1.0,
    lag_down: float = 1.0,
    derivatives: bool = True,
) -> Populations:
    """Populations along a path with memory: heating, cooling, loading, unloading.

    Parameters
    ----------
    model : Model
    path : Path
        Conditions in the order visited.
    values : mapping of str to float
        SI values of the model's parameters.
    lag_up, lag_down : float
        Where the crystal switches on heating and on cooling, from 0 (equal free energies, Maxwell) to 1 (the
        minimum has disappeared, spinodal): T_switch = T_Maxwell + lag (T_spinodal - T_Maxwell).
    derivatives : bool
        Also the derivatives in the parameters.

    Returns
    -------
    Populations
        Branch ``"heating"``, ``"cooling"`` or ``"path"`` (also where the pressure changes).

    Raises
    ------
    ModelError
        For a lag outside [0, 1], a lag on a path whose pressure changes, or an unknown start.
    NotConvergedError
        When no minimum is found at the start, or a jump cannot be resolved.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6000.0}
    >>> x = evolve(slichter_drickamer(), Path.heating(200.0, 300.0, points=5), values)
    >>> x.of("HS").round(3).tolist()
    [0.005, 0.02, 0.082, 0.954, 0.97]
    """
    for name, lag in (("lag_up", lag_up), ("lag_down", lag_down)):
        if not 0.0 <= lag <= 1.0:
            raise ModelError(f"{name} must lie between 0 (Maxwell) and 1 (spinodal), found {lag:g}")
    conditions = path.conditions
    land = Landscape(model, conditions, values)
    c = coefficients(model, conditions, values, derivatives=derivatives)
    if np.ptp(conditions.pressure) > 0:
        if lag_up != 1.0 or lag_down != 1.0:
            raise ModelError("evolve: the pressure changes along the path; a lag is defined for temperature paths only")
        followed = follow_path(model, conditions, values, _start(land, path))
        return populations_at(model, c, conditions, values, followed.log_x, followed.status, "path")
    temperature = conditions.temperature
    log_x, status, _ = trace(land, temperature, _start(land, path))
    log_x, status = _with_lag(land, temperature, log_x, status, path, lag_up, lag_down)
    branch = path.direction if path.direction in ("heating", "cooling") else "path"
    return populations_at(model, c, conditions, values, log_x, status, branch)


def _start(land: Landscape, path: Path) -> np.ndarray:
    first = float(path.conditions.temperature[0])
    if path.start == "equilibrium":
        return land.global_minimum(first)
    names = land.model.state_names
    if path.start not in names:
        raise ModelError(f"path: start {path.start!r} is neither 'equilibrium' nor a state of {names}")
    x = np.full(len(names), 1e-3)
    x[names.index(path.start)] = 1.0 - 1e-3 * (len(names) - 1)
    return np.log(x)


def _with_lag(
    land: Landscape,
    temperature: np.ndarray,
    log_x: np.ndarray,
    status: np.ndarray,
    path: Path,
    lag_up: float,
    lag_down: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Move every fall to its switching temperature, walking the path once."""
    if lag_up == 1.0 and lag_down == 1.0:
        return log_x, status
    u = _start(land, path)
    position, switched = 0, (-1, False)
    while position < temperature.size:
        segment, segment_status, folds = trace(land, temperature[position:], u)
        log_x[position:], status[position:] = segment, segment_status
        if not folds:
            break
        k, fold = folds[0]
        lag = lag_up if fold.heating else lag_down
        maxwell = crossing(land, fold)
        if maxwell is None:
            position, u = position + k + 1, log_x[position + k + 1]
            continue
        switch = maxwell.temperature + lag * (fold.temperature - maxwell.temperature)
        here = temperature[position : position + k + 1]
        beyond = np.flatnonzero(here >= switch if fold.heating else here <= switch)
        if switched == (position, not fold.heating):
            # a point exactly on the switch of both directions: the crystal must not flip for ever
            beyond = beyond[beyond > 0]
        first = int(beyond[0]) if beyond.size else k + 1
        after = maxwell.x_high if fold.heating else maxwell.x_low
        grid = np.linspace(maxwell.temperature, temperature[position + first], 33)
        u = land.follow(grid, np.log(np.maximum(after, 1e-300)))[0][-1]
        position += first
        switched = (position, fold.heating)
    return log_x, status
