"""Where lines of a phase diagram begin to be looked for: a coarse grid of minima, and the curves traced from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from labile.core.conditions import Conditions
from labile.diagrams.boundary_equations import (
    BoundaryEquations,
    CoexistenceEquations,
    FoldEquations,
    HalfEquations,
    Side,
    SymmetryEquations,
    equivalent_states,
)
from labile.diagrams.continuation import Curve, Window, nearest, trace
from labile.models.equilibrium import find_minima
from labile.models.path_following import follow_path
from labile.models.populations import NotConvergedError

SAME_BRANCH = 0.08
"""Minima at neighbouring points are one branch when no population differs by more than this."""
SAME = 1e-5
"""Minima that agree to this after equivalent states were exchanged are images of each other."""
REFINE = 33
"""Points on an edge of the grid on which a change of the stable minimum is looked at."""
SEED_REACH = 0.1
"""Largest distance of a solved point from its start, in units of the window's spans."""


@dataclass(eq=False)
class Node:
    """Minima of every side at one grid point, images removed: (side, ln x, G), lowest first."""

    minima: list[tuple[int, np.ndarray, float]]

    def of(self, side: int) -> list[np.ndarray]:
        """Ln x of the minima of one side."""
        return [u for s, u, _ in self.minima if s == side]


@dataclass(eq=False)
class Scan:
    """What a scan works with.

    Attributes
    ----------
    sides : tuple of Side
    window : Window
    swaps : tuple of tuple of (int, int)
        Equivalent states of every side.
    curves : list of Curve
        Found so far.
    """

    sides: tuple[Side, ...]
    window: Window
    swaps: tuple[tuple[tuple[int, int], ...], ...]
    curves: list[Curve] = field(default_factory=list)

    def ordered(self, side: int, u: np.ndarray) -> np.ndarray:
        """Of a minimum and its images the one in which the first of two equivalent states is not the smaller."""
        for i, j in self.swaps[side]:
            if u[j] > u[i]:
                u = u.copy()
                u[[i, j]] = u[[j, i]]
        return u

    def nodes(self, temperature: np.ndarray, pressure: np.ndarray) -> list[Node]:
        """Minima at N points."""
        every: list[list[tuple[int, np.ndarray, float]]] = [[] for _ in temperature]
        for s, side in enumerate(self.sides):
            found = find_minima(side.model, Conditions(temperature, pressure), side.values)
            for k, kept in enumerate(every):
                for m in range(int(found.count[k])):
                    u = self.ordered(s, np.log(np.maximum(found.x[k, m], 1e-300)))
                    if not any(o == s and np.max(np.abs(np.exp(v) - np.exp(u))) < SAME for o, v, _ in kept):
                        kept.append((s, u, float(found.energy[k, m])))
        return [Node(sorted(kept, key=lambda one: one[2])) for kept in every]

    def explained(self, kind: type, a: np.ndarray, b: np.ndarray) -> int:
        """How often curves of a kind cross the straight line between two points (T, P)."""
        return sum(_crossings(c.plane, a, b, self.window) for c in self.curves if isinstance(c.equations, kind))

    def add(self, equations: BoundaryEquations, z: np.ndarray) -> bool:
        """Trace the line near a start, unless there is none or it is known."""
        at = nearest(equations, z, SEED_REACH)
        if at is None or np.any(at[-2:] < self.window.low) or np.any(at[-2:] > self.window.low + 1.0):
            return False
        if isinstance(equations, FoldEquations) and equations.symmetric(at):
            return False
        if isinstance(equations, CoexistenceEquations) and _merged(equations, at):
            return False
        if any(_known(curve, equations, at) for curve in self.curves):
            return False
        self.curves.append(trace(equations, at, self.window))
        return True


def scan(sides: Sequence[Side], window: Window, points: tuple[int, int]) -> list[Curve]:
    """All curves that a grid of points leads to.

    Parameters
    ----------
    sides : sequence of Side
        The crystal, or its structural phases.
    window : Window
    points : (int, int)
        Temperatures and pressures.

    Returns
    -------
    list of Curve
    """
    t, p = np.linspace(*window.temperature, points[0]), np.linspace(*window.pressure, points[1])
    work = Scan(tuple(sides), window, swaps_of(sides, window))
    grid_t, grid_p = np.meshgrid(t, p, indexing="ij")
    flat = work.nodes(grid_t.ravel(), grid_p.ravel())
    nodes = [[flat[i * p.size + j] for j in range(p.size)] for i in range(t.size)]
    for i in range(t.size):
        for j in range(p.size):
            for di, dj in ((1, 0), (0, 1)):
                if i + di < t.size and j + dj < p.size:
                    a, b = np.array([t[i], p[j]]), np.array([t[i + di], p[j + dj]])
                    _edge(work, a, b, nodes[i][j], nodes[i + di][j + dj])
    return work.curves


def swaps_of(sides: Sequence[Side], window: Window) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Equivalent states of every side, as far as a few conditions of the window tell."""
    t, p = np.meshgrid(np.linspace(*window.temperature, 5), np.linspace(*window.pressure, 5))
    return tuple(equivalent_states(side, t.ravel(), p.ravel()) for side in sides)


def _edge(work: Scan, a: np.ndarray, b: np.ndarray, here: Node, there: Node) -> None:
    """Start every line that crosses an edge of the grid and is not known."""
    for s in range(len(work.sides)):
        _symmetry(work, a, b, s, here, there)
        _folds(work, a, b, s, here, there)
    if not here.minima or not there.minima:
        return
    (s_a, u_a, _), (s_b, u_b, _) = here.minima[0], there.minima[0]
    jumped = s_a != s_b or _distance(u_a, u_b) > SAME_BRANCH
    if jumped and not work.explained(CoexistenceEquations, a, b):
        _coexistence(work, a, b)
    if s_a == s_b and work.sides[s_a].model.shifted:
        side = work.sides[s_a]
        equations = HalfEquations(side, work.window.spans, work.swaps[s_a])
        above = [float(equations.share @ np.exp(u)) - 0.5 for u in (u_a, u_b)]
        if (above[0] > 0) != (above[1] > 0) and not work.explained(HalfEquations, a, b):
            part = above[0] / (above[0] - above[1])
            middle = a + part * (b - a)
            for u in (u_a, u_b, np.log(0.5 * (np.exp(u_a) + np.exp(u_b)))):
                if work.add(equations, equations.start(u, *middle)):
                    break


def _folds(work: Scan, a: np.ndarray, b: np.ndarray, s: int, here: Node, there: Node) -> None:
    """Follow minima that have no partner at the other end of the edge to where they end."""
    mine, theirs = here.of(s), there.of(s)
    lonely = [(u, a, b) for u in mine if all(_distance(u, v) > SAME_BRANCH for v in theirs)]
    lonely += [(u, b, a) for u in theirs if all(_distance(u, v) > SAME_BRANCH for v in mine)]
    if not lonely or work.explained(FoldEquations, a, b) >= max(1, abs(len(mine) - len(theirs))):
        return
    side = work.sides[s]
    equations = FoldEquations(side, work.window.spans, work.swaps[s])
    for u, start, stop in lonely:
        parts = np.linspace(0.0, 1.0, 9)[:, None]
        t, p = (start + parts * (stop - start)).T
        try:
            jumps = follow_path(side.model, Conditions(t, p), side.values, u).jumps
        except NotConvergedError:
            continue
        for jump in jumps:
            at = float(jump.conditions.temperature[0]), float(jump.conditions.pressure[0])
            work.add(equations, equations.start(work.ordered(s, jump.before), *at))


def _symmetry(work: Scan, a: np.ndarray, b: np.ndarray, s: int, here: Node, there: Node) -> None:
    """Start where a minimum with two equal equivalent states exists at one end of the edge only."""
    for pair in work.swaps[s]:
        i, j = pair
        alike = [[u for u in node.of(s) if abs(np.exp(u[i]) - np.exp(u[j])) < 1e-6] for node in (here, there)]
        if len(alike[0]) == len(alike[1]) or work.explained(SymmetryEquations, a, b):
            continue
        equations = SymmetryEquations(work.sides[s], pair, work.window.spans)
        for u in alike[0] if len(alike[0]) > len(alike[1]) else alike[1]:
            work.add(equations, equations.start(u, *(0.5 * (a + b))))


def _coexistence(work: Scan, a: np.ndarray, b: np.ndarray) -> None:
    """Start the line at which the lowest minimum changes on an edge."""
    for _ in range(5):
        parts = np.linspace(0.0, 1.0, REFINE)[:, None]
        at = a + parts * (b - a)
        nodes = work.nodes(at[:, 0], at[:, 1])
        if any(not node.minima for node in nodes):
            return
        lowest = [node.minima[0] for node in nodes]
        steps = [np.inf if one[0] != two[0] else _distance(one[1], two[1]) for one, two in pairwise(lowest)]
        k = int(np.argmax(steps))
        (s, u, _), (r, v, _) = lowest[k], lowest[k + 1]
        # minima that coexist are both there on one of the two sides of the change; a steep crossover has one only
        both = any(_distance(m[1], v) < 0.2 * steps[k] for m in nodes[k].minima if m[0] == r) or any(
            _distance(m[1], u) < 0.2 * steps[k] for m in nodes[k + 1].minima if m[0] == s
        )
        if steps[k] > 0.01 and (both or s != r):
            swaps = work.swaps[s] if s == r else ()
            equations = CoexistenceEquations(work.sides[s], work.sides[r], work.window.spans, swaps)
            if work.add(equations, equations.start(u, v, *(0.5 * (at[k] + at[k + 1])))):
                return
        a, b = at[k], at[k + 1]
        if steps[k] < 0.01:
            return


def _distance(u: np.ndarray, v: np.ndarray) -> float:
    return float(np.max(np.abs(np.exp(u) - np.exp(v))))


def _merged(equations: CoexistenceEquations, z: np.ndarray) -> bool:
    if equations.first is not equations.second:
        return False
    x = equations.populations(z)
    # images of each other have equal G everywhere
    return same_minimum(x[0], x[1], equations.swaps, 0.01)


def same_minimum(x: np.ndarray, y: np.ndarray, swaps: Sequence[tuple[int, int]], tolerance: float) -> bool:
    """Whether populations agree, as they are or after equivalent states were exchanged."""
    images = [y]
    for i, j in swaps:
        image = y.copy()
        image[[i, j]] = image[[j, i]]
        images.append(image)
    return any(bool(np.nanmax(np.abs(x - image)) < tolerance) for image in images)


def _known(curve: Curve, equations: BoundaryEquations, z: np.ndarray) -> bool:
    """Whether a solution lies on a curve, as far as its points tell."""
    other = curve.equations
    if type(other) is not type(equations) or other.spans != equations.spans or curve.z.shape[1] != z.size:
        return False
    if _labels(other) != _labels(equations):
        return False
    x = np.atleast_2d(equations.populations(z))
    near = np.flatnonzero(np.max(np.abs(curve.z[:, -2:] - z[-2:]), axis=1) < 0.03)
    for k in near:
        y = np.atleast_2d(other.populations(curve.z[k]))
        orders = (y, y[::-1]) if len(y) == 2 and _labels(other)[0] == _labels(other)[1] else (y,)
        alike = any(
            all(same_minimum(one, two, _swaps(equations), 0.03) for one, two in zip(order, x, strict=True))
            for order in orders
        )
        if alike and _distance_to_line(curve.z[:, -2:], int(k), z[-2:]) < 2e-3:
            return True
    return False


def _swaps(equations: BoundaryEquations) -> tuple[tuple[int, int], ...]:
    return tuple(getattr(equations, "swaps", ()))


def _labels(equations: BoundaryEquations) -> tuple[str, ...]:
    sides = [getattr(equations, name) for name in ("side", "first", "second") if hasattr(equations, name)]
    return tuple(side.label for side in sides)


def _distance_to_line(line: np.ndarray, k: int, point: np.ndarray) -> float:
    """Distance of a point from the pieces of a polyline beside its point k."""
    best = float(np.linalg.norm(line[k] - point))
    for other in (k - 1, k + 1):
        if 0 <= other < len(line):
            piece = line[other] - line[k]
            length = float(piece @ piece)
            part = np.clip((point - line[k]) @ piece / length, 0.0, 1.0) if length > 0 else 0.0
            best = min(best, float(np.linalg.norm(line[k] + part * piece - point)))
    return best


def _crossings(line: np.ndarray, a: np.ndarray, b: np.ndarray, window: Window) -> int:
    """How often a polyline (N, 2) crosses the straight line from a to b, its ends included."""
    if len(line) < 2:
        return 0
    spans = np.array(window.spans)
    p, q = line[:-1] / spans, line[1:] / spans
    a, b = a / spans, b / spans
    r, s = b - a, q - p
    cross = r[0] * s[:, 1] - r[1] * s[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = ((p - a)[:, 0] * s[:, 1] - (p - a)[:, 1] * s[:, 0]) / cross
        part = ((p - a)[:, 0] * r[1] - (p - a)[:, 1] * r[0]) / cross
    slack = 1e-3
    return int(np.sum((along >= -slack) & (along <= 1 + slack) & (part >= -slack) & (part <= 1 + slack)))
