"""A minimum followed along conditions that change in any way, and the direction in which it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models import kernels
from labile.models.equilibrium import MAX_ITERATIONS, domain_factor
from labile.models.free_energy import DOMAIN_SIZE, Model, coefficients
from labile.models.populations import NotConvergedError

JUMP = 0.05
"""A change of any population by more than this between neighbouring points is looked at more closely."""
ZOOM = 24
"""Steps into which an interval with a large change is cut."""
FINEST_PART = 1e-6
"""Part of a step of a path in any two conditions within which a change by more than JUMP is a jump."""


@dataclass(frozen=True, eq=False)
class PathJump:
    """Where the minimum that a path followed ended.

    Attributes
    ----------
    index : int
        The jump lies between this point of the path and the next.
    conditions : Conditions
        One point: the last at which the minimum was still found.
    before, after : ndarray (n,)
        Ln x of the minimum that ended and of the one the crystal fell into.
    """

    index: int
    conditions: Conditions
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, eq=False)
class FollowedPath:
    """Ln x (N, n), status (N,) and the jumps of a minimum followed along a path."""

    log_x: np.ndarray
    status: np.ndarray
    jumps: tuple[PathJump, ...]


def follow_path(model: Model, conditions: Conditions, values: Mapping[str, float], start: np.ndarray) -> FollowedPath:
    """Follow a minimum along conditions that change in any way; between points they are straight lines.

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points in the order visited.
    values : mapping of str to float
    start : ndarray (n,)
        Ln x from which the descent at the first point starts.

    Returns
    -------
    FollowedPath
        Jumps are located to `FINEST_PART` of the step in which they lie.

    Raises
    ------
    NotConvergedError
        When the minimum that a jump leads to is not found.
    """
    mi, _ = domain_factor(model, values)
    manifold = model.manifold_index()

    def follow(points: Conditions, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c = coefficients(model, points, values, derivatives=False)
        log_x, status = np.empty(c.g.shape), np.zeros(len(points), dtype=np.int64)
        rt = GAS_CONSTANT * points.temperature
        kernels.follow_points(c.g, c.w, rt, mi, manifold, u, log_x, status, MAX_ITERATIONS)
        return log_x, status

    def between(k: int, parts: np.ndarray) -> Conditions:
        a, b = conditions[k : k + 1], conditions[k + 1 : k + 2]
        return Conditions(
            a.temperature + parts * (b.temperature - a.temperature), a.pressure + parts * (b.pressure - a.pressure),
            magnetic_field=a.magnetic_field + parts * (b.magnetic_field - a.magnetic_field),
        )  # fmt: skip

    log_x, status = follow(conditions, start)
    jumps: list[PathJump] = []
    position = 0
    while position < len(conditions) - 1:
        large = np.flatnonzero(~(_changes(log_x[position:]) <= JUMP))
        if large.size == 0:
            break
        k = position + int(large[0])
        u, left, right = log_x[k], 0.0, 1.0
        while np.isfinite(u).all():
            parts = np.linspace(left, right, ZOOM + 1)
            path, _ = follow(between(k, parts), u)
            steep = np.flatnonzero(~(_changes(path) <= JUMP))
            if steep.size == 0:
                u, left, right = path[-1], right, 1.0
                if left == 1.0:
                    break
                continue
            i = int(steep[0])
            if parts[i + 1] - parts[i] > FINEST_PART:
                u, left, right = path[i], float(parts[i]), float(parts[i + 1])
                continue
            here = between(k, parts[i : i + 1])
            if not np.isfinite(path[i + 1]).all():
                raise NotConvergedError(
                    f"model {model.name}: no minimum was reached just past {here.temperature[0]:.6g} K,"
                    f" {here.pressure[0]:.6g} Pa"
                )
            jumps.append(PathJump(k, here, path[i], path[i + 1]))
            u, left, right = path[i + 1], float(parts[i + 1]), 1.0
        if np.isfinite(u).all():
            log_x[k + 1 :], status[k + 1 :] = follow(conditions[k + 1 :], u)
        position = k + 1
    return FollowedPath(log_x, status, tuple(jumps))


def _changes(log_x: np.ndarray) -> np.ndarray:
    """Largest change of any population between neighbours; NaN where a descent failed."""
    return np.asarray(np.max(np.abs(np.diff(np.exp(log_x), axis=0)), axis=1))


def _null_vector(w: np.ndarray, rt: float, mi: float, same: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Direction dx (n,) with sum 0 in which the Hessian of G is smallest."""
    root = np.sqrt(x)
    symmetric = rt * np.eye(x.size) + root[:, None] * w * root[None, :]
    symmetric += mi * rt * np.where(same, np.outer(root, root) / (same @ x)[:, None], 0.0)
    projector = np.eye(x.size) - np.outer(root, root)
    _, vectors = np.linalg.eigh(projector @ symmetric @ projector + 1e6 * rt * np.outer(root, root))
    return np.asarray(vectors[:, 0] * root)


def solve_fold(
    model: Model,
    values: Mapping[str, float],
    template: Conditions,
    position: float,
    log_x: np.ndarray,
    axis: str = "temperature",
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Newton on "stationary and singular" along one condition.

    Unknowns are ln x (n), the multiplier, the condition, the null vector v of relative changes (n) and its multiplier.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
    template : Conditions
        One point, which gives the conditions other than `axis`.
    position : float
        Start, K or Pa.
    log_x : ndarray (n,)
        Start, close to the end of the minimum.
    axis : {"temperature", "pressure"}

    Returns
    -------
    position : float
        Where the minimum ends, K or Pa.
    x : ndarray (n,)
    position_theta : ndarray (K,)
        d position/d parameter.
    x_theta : ndarray (K, n)
        dx/d parameter along the fold.

    Raises
    ------
    NotConvergedError
        When the fold is degenerate or Newton's iteration does not settle.
    """
    at_temperature = axis == "temperature"
    unit = "K" if at_temperature else "Pa"
    mi, dmi = domain_factor(model, values)
    manifold = model.manifold_index()
    n = log_x.size
    same = manifold[:, None] == manifold[None, :]
    u, at = log_x.copy(), position
    v: np.ndarray | None = None
    multiplier, kappa = 0.0, 0.0
    for iteration in range(60):
        here = replace(template, temperature=at) if at_temperature else replace(template, pressure=at)
        c = coefficients(model, here, values, derivatives=False)
        rt = GAS_CONSTANT * float(here.temperature[0])
        x = np.exp(u)
        big = same @ x
        q = np.where(same, x[None, :] / big[:, None], 0.0)
        a = rt * np.eye(n) + c.w[0] * x[None, :] + mi * rt * q
        mu = c.g[0] + rt * u + mi * rt * np.log(big) + c.w[0] @ x
        if at_temperature:
            moved, w_moved = c.g_t[0] + GAS_CONSTANT * (u + mi * np.log(big)), c.w_t[0]
        else:
            moved, w_moved = c.g_p[0], c.w_p[0]
        if v is None:
            v = _null_vector(c.w[0], rt, mi, same, x) / np.maximum(x, 1e-300)
            v /= np.sqrt(np.sum(x * v * v))
            multiplier, kappa = float(np.sum(x * mu)), float(np.sum(x * (a @ v)))
        vq = q @ v
        jacobian = np.zeros((2 * n + 3, 2 * n + 3))
        jacobian[:n, :n] = a
        jacobian[:n, n] = -rt
        jacobian[:n, n + 1] = moved + w_moved @ x
        jacobian[n, :n] = x
        rows = slice(n + 1, 2 * n + 1)
        jacobian[rows, :n] = c.w[0] * (x * v)[None, :] + mi * rt * q * (v[None, :] - vq[:, None])
        jacobian[rows, n + 1] = w_moved @ (x * v) + (GAS_CONSTANT * (v + mi * vq) if at_temperature else 0.0)
        jacobian[rows, n + 2 : 2 * n + 2] = a
        jacobian[rows, 2 * n + 2] = -rt
        jacobian[2 * n + 1, :n] = x * v
        jacobian[2 * n + 1, n + 2 : 2 * n + 2] = x
        jacobian[2 * n + 2, :n] = x * v * v
        jacobian[2 * n + 2, n + 2 : 2 * n + 2] = 2 * x * v
        residual = np.concatenate(
            [mu - multiplier, [x.sum() - 1.0], a @ v - kappa, [np.sum(x * v)], [np.sum(x * v * v) - 1.0]]
        )
        scale = np.concatenate([np.full(n, rt), [1.0], np.full(n, rt), [1.0, 1.0]])
        if np.max(np.abs(residual) / scale) < 1e-11:
            break
        try:
            step = np.linalg.solve(jacobian, -residual)
        except np.linalg.LinAlgError:
            raise NotConvergedError(f"model {model.name}: the fold near {position:g} {unit} is degenerate") from None
        reach = 0.1 * (at if at_temperature else max(abs(at), 1e8))
        damping = min(1.0, 0.3 / max(np.max(np.abs(step[:n] * x)), 1e-300), reach / max(abs(step[n + 1]), 1e-300))
        u = u + damping * step[:n]
        multiplier += damping * rt * step[n]
        at += damping * step[n + 1]
        v = v + damping * step[n + 2 : 2 * n + 2]
        kappa += damping * rt * step[2 * n + 2]
        if not (np.isfinite(at) and at > 0) or iteration == 59:
            raise NotConvergedError(f"model {model.name}: the fold near {position:g} {unit} did not converge")
    c = coefficients(model, here, values)
    k = len(c.parameter_names)
    right = np.zeros((2 * n + 3, k))
    right[:n] = (c.g_theta[0] + np.einsum("kij,j->ki", c.w_theta[0], x)).T
    right[n + 1 : 2 * n + 1] = np.einsum("kij,j->ki", c.w_theta[0], x * v).T
    if DOMAIN_SIZE in c.parameter_names:
        m = c.parameter_names.index(DOMAIN_SIZE)
        right[:n, m] += dmi * rt * np.log(big)
        right[n + 1 : 2 * n + 1, m] += dmi * rt * vq
    solution = np.linalg.solve(jacobian, -right)
    return float(at), x / x.sum(), solution[n + 1], (solution[:n] * x[:, None]).T
