"""Pseudo-arclength continuation of one line of solutions in a window of temperature and pressure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labile.diagrams.boundary_equations import SYMMETRIC, BoundaryEquations

LONGEST_STEP = 0.02
"""Of the arc length, in which both spans of the window and a full change of populations count 1."""
SHORTEST_STEP = 1e-7
MAX_POINTS = 4000
TOLERANCE = 1e-10
"""Largest residual, units of RT and of populations."""
CLOSED = "closed"
EDGES = (
    ("lower edge of the window in temperature", "upper edge of the window in temperature"),
    ("lower edge of the window in pressure", "upper edge of the window in pressure"),
)


@dataclass(frozen=True, eq=False)
class Curve:
    """Solutions along a line.

    Attributes
    ----------
    equations : BoundaryEquations
    z : ndarray (N, M + 1)
    ends : (str, str)
        Why it begins and ends; both "closed" for a closed line, whose last point repeats the first.
    """

    equations: BoundaryEquations
    z: np.ndarray
    ends: tuple[str, str]

    @property
    def plane(self) -> np.ndarray:
        """T (K) and P (Pa), shape (N, 2)."""
        # a window that begins at 0 Pa leaves round-off below it
        return np.maximum(self.z[:, -2:] * np.array(self.equations.spans), 0.0)


@dataclass(frozen=True)
class Window:
    """Temperatures (K) and pressures (Pa) in which lines are traced."""

    temperature: tuple[float, float]
    pressure: tuple[float, float]

    @property
    def spans(self) -> tuple[float, float]:
        """K and Pa."""
        return self.temperature[1] - self.temperature[0], self.pressure[1] - self.pressure[0]

    @property
    def low(self) -> np.ndarray:
        """Lower ends in units of the spans."""
        return np.array([self.temperature[0], self.pressure[0]]) / np.array(self.spans)


def solve(equations: BoundaryEquations, z: np.ndarray, row: np.ndarray, target: float) -> tuple[np.ndarray, int] | None:
    """Newton on the equations and row . z = target; solution and iterations, or None."""
    z = z.copy()
    for iteration in range(14):
        with np.errstate(all="ignore"):
            residual, jacobian = equations.evaluate(z)
        last = row @ z - target
        if not (np.isfinite(residual).all() and np.isfinite(jacobian).all()):
            return None
        if np.max(np.abs(residual)) < TOLERANCE and abs(last) < 1e-12 * max(1.0, abs(target)):
            return z, iteration
        try:
            step = np.linalg.solve(np.vstack([jacobian, row]), -np.append(residual, last))
        except np.linalg.LinAlgError:
            return None
        weight = equations.weights(z)
        change = float(np.sqrt(np.sum((weight * step) ** 2)))
        z = z + step * min(1.0, 0.2 / max(change, 1e-300))
        if not (z[-2] > 0 and z[-1] >= 0):
            return None
    return None


def nearest(equations: BoundaryEquations, z: np.ndarray, reach: float = 0.1) -> np.ndarray | None:
    """Solution close to a start, or None where none lies within `reach` of it in T and P (units of the spans)."""
    begin = z[-2:].copy()
    for _ in range(40):
        with np.errstate(all="ignore"):
            residual, jacobian = equations.evaluate(z)
        if not (np.isfinite(residual).all() and np.isfinite(jacobian).all()):
            return None
        if np.max(np.abs(residual)) < TOLERANCE:
            return z if np.max(np.abs(z[-2:] - begin)) <= reach else None
        step = np.linalg.lstsq(jacobian, -residual, rcond=None)[0]
        change = float(np.sqrt(np.sum((equations.weights(z) * step) ** 2)))
        z = z + step * min(1.0, 0.1 / max(change, 1e-300))
        z[-1] = max(z[-1], 0.0)
        if not z[-2] > 0:
            return None
    return None


def tangent(equations: BoundaryEquations, z: np.ndarray, towards: np.ndarray | None) -> np.ndarray:
    """Direction of the line with arc length 1; `towards` decides its sign."""
    _, jacobian = equations.evaluate(z)
    direction = np.linalg.svd(jacobian)[2][-1]
    weight = equations.weights(z)
    direction = direction / np.sqrt(np.sum((weight * direction) ** 2))
    if towards is not None and np.sum(weight**2 * direction * towards) < 0:
        direction = -direction
    return direction


def between(equations: BoundaryEquations, a: np.ndarray, b: np.ndarray, part: float) -> np.ndarray | None:
    """Solution between two neighbours of a line, at this part of the way."""
    weight = equations.weights(0.5 * (a + b)) ** 2
    row = weight * (b - a)
    row = row / np.sqrt(np.sum(row**2))
    guess = a + part * (b - a)
    found = solve(equations, guess, row, float(row @ guess))
    return None if found is None else found[0]


def root_between(
    equations: BoundaryEquations, a: np.ndarray, b: np.ndarray, value: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Solution between two neighbours at which `value` changes its sign; the nearer neighbour where none converges."""
    left, right, first = 0.0, 1.0, value(a) > 0
    best = a
    for _ in range(48):
        middle = 0.5 * (left + right)
        z = between(equations, a, b, middle)
        if z is None:
            break
        best = z
        left, right = (middle, right) if (value(z) > 0) == first else (left, middle)
    return best


def trace(equations: BoundaryEquations, z: np.ndarray, window: Window) -> Curve:
    """Follow the line through a solution in both directions.

    Parameters
    ----------
    equations : BoundaryEquations
    z : ndarray (M + 1,)
        A solution in the window.
    window : Window

    Returns
    -------
    Curve
    """
    begin = tangent(equations, z, None)
    forward, end = _half(equations, z, begin, window)
    if end == CLOSED:
        return Curve(equations, np.array([z, *forward]), (CLOSED, CLOSED))
    backward, start = _half(equations, z, -begin, window)
    return Curve(equations, np.array([*backward[::-1], z, *forward]), (start, end))


def _half(
    equations: BoundaryEquations, origin: np.ndarray, direction: np.ndarray, window: Window
) -> tuple[list[np.ndarray], str]:
    points: list[np.ndarray] = []
    z, step, length = origin, LONGEST_STEP / 4, 0.0
    begin = direction
    while len(points) < MAX_POINTS:
        weight = equations.weights(z)
        guess = z + step * direction
        edge = _crossed(guess, window)
        if edge is not None:
            last = _at_edge(equations, z, guess, window, edge)
            if last is not None and np.sqrt(np.sum((weight * (last - z)) ** 2)) < 1.5 * step:
                reason = equations.over(z, last)
                return (points, reason) if reason else ([*points, last], EDGES[edge[0]][edge[1]])
            step *= 0.5
            if step < SHORTEST_STEP:
                return points, EDGES[edge[0]][edge[1]]
            continue
        row = weight**2 * direction
        norm = np.sqrt(np.sum(row**2))
        found = solve(equations, guess, row / norm, float(row @ guess / norm))
        good = found is not None and (_crossed(found[0], window) is None)
        if good and found is not None:
            new = found[0]
            turned = tangent(equations, new, direction)
            both = weight * equations.weights(new)
            straight = float(np.sum(both * turned * direction))
            moved = np.sqrt(np.sum((weight * (new - guess)) ** 2))
            good = straight > 0.9 and moved < 0.5 * step
        if not good:
            step *= 0.5
            if step < SHORTEST_STEP:
                return points, "lost"
            continue
        if reason := equations.over(z, new):
            return ([*points, new], reason) if reason == SYMMETRIC else (points, reason)
        length += step
        apart = new - origin
        if length > 4 * LONGEST_STEP and np.sqrt(np.sum((equations.weights(new) * apart) ** 2)) < 0.75 * step:
            heading = float(np.sum(equations.weights(new) ** 2 * begin * turned))
            if heading > 0.5:
                return [*points, origin], CLOSED
        points.append(new)
        z, direction = new, turned
        if found is not None and found[1] <= 4:
            step = min(1.6 * step, LONGEST_STEP)
    return points, "lost"


def _crossed(z: np.ndarray, window: Window) -> tuple[int, int] | None:
    """Condition (0: T, 1: P) and side of the edge that lies behind a point."""
    beyond = np.stack([window.low - z[-2:], z[-2:] - window.low - 1.0])
    if np.max(beyond) <= 0:
        return None
    side, condition = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
    return int(condition), int(side)


def _at_edge(
    equations: BoundaryEquations, a: np.ndarray, b: np.ndarray, window: Window, edge: tuple[int, int]
) -> np.ndarray | None:
    condition, side = edge
    row = np.zeros(a.size)
    row[condition - 2] = 1.0
    target = float(window.low[condition] + side)
    gap = b[condition - 2] - a[condition - 2]
    part = 0.5 if gap == 0 else float(np.clip((target - a[condition - 2]) / gap, 0.0, 1.0))
    found = solve(equations, a + part * (b - a), row, target)
    return None if found is None else found[0]
