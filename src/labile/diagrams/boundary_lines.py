"""From traced curves to the lines of a phase diagram: what of a curve counts, its name, and what it ends at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.diagrams.boundary_equations import (
    CRITICAL,
    SYMMETRIC,
    TRICRITICAL,
    UNSTABLE,
    BoundaryEquations,
    CoexistenceEquations,
    FoldEquations,
    HalfEquations,
    Side,
    SymmetryEquations,
)
from labile.diagrams.boundary_scan import same_minimum, swaps_of
from labile.diagrams.continuation import Curve, Window, root_between, solve
from labile.models.equilibrium import find_minima

REACH = 0.03
"""A line whose tracing stopped within this of a critical point (units of the window's spans) ends there."""
ONE = 0.03
"""Minima whose populations differ by less than this all along a line are one minimum next to a critical point."""
LOWER = 1e-5
"""J/mol by which another minimum must lie below a line to make it metastable."""
TRIPLE = "triple point"
FIRST_ORDER = "first-order line"
TURN = "turning point in pressure"


@dataclass(frozen=True, eq=False)
class BoundaryLine:
    """One line of a phase diagram.

    Attributes
    ----------
    kind : {"coexistence", "gradual", "spinodal", "symmetry_breaking"}
        ``coexistence``: two minima of equal G; ``gradual``: half of the sites are above the step, without a jump;
        ``spinodal``: a minimum ends; ``symmetry_breaking``: two equivalent states become different.
    label : str
        "LS ⇌ HS", "limit of HS on cooling", ...
    temperature, pressure : ndarray (N,)
        K, Pa.
    populations : ndarray (N, n) or (N, 2, n)
        Of the minimum, or of both that coexist.
    ends : (str, str)
        Where the line begins and ends: "critical point", "tricritical point", "triple point", "first-order line", an
        edge of the window, "closed", "turning point in pressure" (a limit of stability turns from heating to cooling),
        "end of the minimum", "lost".
    state : str
        Of a spinodal: the state whose minimum ends.
    ends_on : str
        Of a spinodal: ``"heating"`` or ``"cooling"``.
    stable : bool
        Whether the most stable minimum is concerned; limits of stability are those of metastable minima.
    curve : Curve
        The solutions between which the line runs; for bands.
    """

    kind: str
    label: str
    temperature: np.ndarray
    pressure: np.ndarray
    populations: np.ndarray
    ends: tuple[str, str]
    state: str = ""
    ends_on: str = ""
    stable: bool = True
    curve: Curve | None = field(default=None, repr=False)

    def temperatures_at(self, pressure: float) -> tuple[float, ...]:
        """Temperatures (K) at which the line crosses a pressure (Pa), solved for, in rising order."""
        return self._crossings(pressure, -1)

    def pressures_at(self, temperature: float) -> tuple[float, ...]:
        """Pressures (Pa) at which the line crosses a temperature (K), solved for, in rising order."""
        return self._crossings(temperature, -2)

    def _crossings(self, value: float, column: int) -> tuple[float, ...]:
        if self.curve is None:
            return ()
        z, spans = self.curve.z, self.curve.equations.spans
        target = value / spans[column]
        row = np.zeros(z.shape[1])
        row[column] = 1.0
        found = []
        other = -3 - column
        for k in np.flatnonzero((z[:-1, column] - target) * (z[1:, column] - target) <= 0):
            gap = z[k + 1, column] - z[k, column]
            start = z[k] + (z[k + 1] - z[k]) * ((target - z[k, column]) / gap if gap else 0.5)
            solved = solve(self.curve.equations, start, row, target)
            if solved is not None:
                found.append(float(solved[0][other] * spans[other]))
        return tuple(t for i, t in enumerate(sorted(found)) if i == 0 or t - sorted(found)[i - 1] > 1e-9 * t)


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """A point at which lines end.

    Attributes
    ----------
    kind : {"critical point", "tricritical point", "triple point", "limit of metastability"}
        ``critical point``: two minima become one; ``tricritical point``: symmetry breaking turns to first order;
        ``limit of metastability``: a minimum that exists in a pocket only ends at the pocket's corner.
    temperature, pressure : float
        K, Pa.
    populations : ndarray (n,)
    """

    kind: str
    temperature: float
    pressure: float
    populations: np.ndarray


def assemble(
    sides: Sequence[Side], window: Window, curves: Sequence[Curve]
) -> tuple[tuple[BoundaryLine, ...], tuple[CriticalPoint, ...]]:
    """Lines and points of a diagram from all curves that were traced.

    Parameters
    ----------
    sides : sequence of Side
    window : Window
    curves : sequence of Curve

    Returns
    -------
    lines : tuple of BoundaryLine
    points : tuple of CriticalPoint
    """
    lines: list[BoundaryLine] = []
    points: list[CriticalPoint] = []
    energies = _Lowest(tuple(sides), swaps_of(sides, window))
    for curve in curves:
        if isinstance(curve.equations, FoldEquations):
            _spinodals(curve, curve.equations, lines, points)
        elif isinstance(curve.equations, SymmetryEquations):
            _symmetry(curve, curve.equations, energies, lines, points)
    for curve in curves:
        if isinstance(curve.equations, CoexistenceEquations):
            _coexistence(curve, curve.equations, energies, lines, points)
    for curve in curves:
        if isinstance(curve.equations, HalfEquations):
            _gradual(curve, curve.equations, energies, lines)
    order = ("coexistence", "gradual", "symmetry_breaking", "spinodal")
    finished = [_snapped(line, points, window) for line in lines]
    return tuple(sorted(finished, key=lambda line: order.index(line.kind))), tuple(points)


@dataclass(frozen=True, eq=False)
class _Lowest:
    """The most stable minimum of all sides at points of lines."""

    sides: tuple[Side, ...]
    swaps: tuple[tuple[tuple[int, int], ...], ...]

    def gap(self, plane: np.ndarray, own: Sequence[np.ndarray]) -> np.ndarray:
        """G of the lowest minimum that is none of the `own` ones (each (N, n)) at points (N, 2); inf without one."""
        result = np.full(len(plane), np.inf)
        for side, swaps in zip(self.sides, self.swaps, strict=True):
            conditions = Conditions(plane[:, 0], np.maximum(plane[:, 1], 0.0))
            found = find_minima(side.model, conditions, side.values)
            for k in range(found.x.shape[1]):
                x, energy = found.x[:, k], found.energy[:, k]
                for row in np.flatnonzero(found.count > k):
                    same = any(y.shape[1] == x.shape[1] and same_minimum(y[row], x[row], swaps, 1e-3) for y in own)
                    if not same:
                        result[row] = min(result[row], energy[row])
        return result


def _pieces(
    curve: Curve, value: Callable[[np.ndarray], float], reason: str
) -> list[tuple[np.ndarray, tuple[str, str], bool]]:
    """Cut a curve where a value changes its sign: solutions, ends, and whether the value is positive."""
    signs = np.array([value(z) > 0 for z in curve.z])
    cuts = np.flatnonzero(signs[1:] != signs[:-1])
    if cuts.size == 0:
        return [(curve.z, curve.ends, bool(signs[0]))]
    parts = []
    first: list[np.ndarray] = []
    start = curve.ends[0]
    position = 0
    for k in cuts:
        root = root_between(curve.equations, curve.z[k], curve.z[k + 1], value)
        parts.append((np.array([*first, *curve.z[position : k + 1], root]), (start, reason), bool(signs[k])))
        first, position, start = [root], int(k) + 1, reason
    parts.append((np.array([*first, *curve.z[position:]]), (start, curve.ends[1]), bool(signs[-1])))
    if curve.ends[0] == "closed" and len(parts) > 1 and parts[0][2] == parts[-1][2]:
        # a closed curve begins anywhere: its last piece goes on as its first
        last, begin = parts.pop(), parts.pop(0)
        parts.append((np.concatenate([last[0], begin[0][1:]]), (reason, reason), begin[2]))
    elif curve.ends[0] == "closed":
        parts = [(z, (_opened(ends[0], reason), _opened(ends[1], reason)), sign) for z, ends, sign in parts]
    return parts


def _opened(end: str, reason: str) -> str:
    return reason if end == "closed" else end


def _line(kind: str, label: str, equations: BoundaryEquations, z: np.ndarray, ends: tuple[str, str]) -> BoundaryLine:
    curve = Curve(equations, z, ends)
    plane = curve.plane
    x = np.array([equations.populations(one) for one in z])
    return BoundaryLine(kind, label, plane[:, 0], plane[:, 1], x, ends, curve=curve)


def _prefix(side: Side) -> str:
    return f"{side.label}: " if side.label else ""


def _spinodals(curve: Curve, equations: FoldEquations, lines: list[BoundaryLine], points: list[CriticalPoint]) -> None:
    side = equations.side

    def others(z: np.ndarray) -> float:
        t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
        soft = side.curvatures(equations.populations(z), t, p)[0]
        # all but the one that vanishes
        return float(np.min(np.delete(soft, np.argmin(np.abs(soft))), initial=1.0))

    def cubic(z: np.ndarray) -> float:
        return equations.asymmetry(z)[0]

    def tilt(z: np.ndarray) -> float:
        return equations.asymmetry(z)[1]

    lost = SYMMETRIC if equations.swaps else UNSTABLE
    for whole, ends, minimum in _pieces(curve, others, lost):
        if not minimum or len(whole) < 2:
            continue
        by_cubic = _pieces(Curve(equations, whole, ends), cubic, CRITICAL)
        for z, piece_ends, _ in by_cubic:
            for at, reason in ((z[0], piece_ends[0]), (z[-1], piece_ends[1])):
                if reason == CRITICAL:
                    _add_cusp(equations, at, points)
        for z, piece_ends, _ in by_cubic:
            for part, part_ends, _ in _pieces(Curve(equations, z, piece_ends), tilt, TURN):
                if len(part) < 2:
                    continue
                middle = part[len(part) // 2]
                c, a = equations.asymmetry(middle)
                v = equations.null_vector(middle)
                # towards the minimum from where it meets the saddle
                x = equations.populations(middle)
                state = _named(side, equations.swaps, x, np.sign(c) * x * v)
                how = "heating" if a * c > 0 else "cooling"
                line = _line("spinodal", f"{_prefix(side)}limit of {state} on {how}", equations, part, part_ends)
                lines.append(replace(line, state=state, ends_on=how, stable=False))


def _named(side: Side, swaps: Sequence[tuple[int, int]], x: np.ndarray, towards: np.ndarray) -> str:
    """Name of a minimum: the state whose population it raises most; equivalent states together."""
    names = side.model.state_names
    k = int(np.argmax(towards))
    for i, j in swaps:
        if k in (i, j):
            alike = abs(x[i] - x[j]) < 0.02 * (x[i] + x[j])
            return f"{'equal' if alike else 'ordered'} {names[i]}/{names[j]}"
    return names[k]


def _add_cusp(equations: FoldEquations, z: np.ndarray, points: list[CriticalPoint]) -> None:
    x = equations.populations(z)
    t, p = float(z[-2] * equations.spans[0]), float(z[-1] * equations.spans[1])
    kind = CRITICAL if equations.side.quartic(x, t, p, equations.null_vector(z)) > 0 else "limit of metastability"
    _add_point(CriticalPoint(kind, t, p, x), equations.spans, points)


def _add_point(point: CriticalPoint, spans: tuple[float, float], points: list[CriticalPoint]) -> None:
    for other in points:
        near = np.hypot(
            (other.temperature - point.temperature) / spans[0], (other.pressure - point.pressure) / spans[1]
        )
        if near < 1e-4 and other.kind == point.kind:
            return
    points.append(point)


def _symmetry(
    curve: Curve,
    equations: SymmetryEquations,
    energies: _Lowest,
    lines: list[BoundaryLine],
    points: list[CriticalPoint],
) -> None:
    side, (i, j) = equations.side, equations.pair
    names = side.model.state_names
    direction = np.zeros(len(names))

    def conditions(z: np.ndarray) -> tuple[float, float]:
        return float(z[-2] * equations.spans[0]), float(z[-1] * equations.spans[1])

    def others(z: np.ndarray) -> float:
        return float(side.curvatures(equations.populations(z), *conditions(z))[0][0]) + 1e-6

    def quartic(z: np.ndarray) -> float:
        x = equations.populations(z)
        v = direction.copy()
        v[i], v[j] = 1.0, -1.0
        return side.quartic(x, *conditions(z), v / np.sqrt(x @ v**2))

    for whole, ends, minimum in _pieces(curve, others, UNSTABLE):
        if not minimum or len(whole) < 2:
            continue
        for z, piece_ends, continuous in _pieces(Curve(equations, whole, ends), quartic, TRICRITICAL):
            if len(z) < 2:
                continue
            for at, reason in ((z[0], piece_ends[0]), (z[-1], piece_ends[1])):
                if reason == TRICRITICAL:
                    point = CriticalPoint(TRICRITICAL, *conditions(at), equations.populations(at))
                    _add_point(point, equations.spans, points)
            piece = Curve(equations, z, piece_ends)
            below = _stable(equations, energies)
            for part, part_ends, stable in (
                _pieces(piece, below, FIRST_ORDER) if continuous else [(z, piece_ends, False)]
            ):
                what = "ordering of" if continuous and stable else "limit of equal"
                label = f"{_prefix(side)}{what} {names[i]}/{names[j]}"
                line = _line("symmetry_breaking", label, equations, part, part_ends)
                lines.append(replace(line, stable=bool(stable)))


def _stable(equations: SymmetryEquations | HalfEquations, energies: _Lowest) -> Callable[[np.ndarray], float]:
    """Return a function: how far the lowest other minimum lies above a line of one stationary point, J/mol."""
    side = equations.side

    def above(z: np.ndarray) -> float:
        t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
        x = equations.populations(z)
        own = GAS_CONSTANT * t * side.local(z[: x.size], t, p).energy
        gap = energies.gap(np.array([[t, p]]), [x[None, :]])
        return float(gap[0] - own) + LOWER if np.isfinite(gap[0]) else np.inf

    return above


def _coexistence(
    curve: Curve,
    equations: CoexistenceEquations,
    energies: _Lowest,
    lines: list[BoundaryLine],
    points: list[CriticalPoint],
) -> None:
    first, second = equations.first, equations.second
    na = equations.sizes[0]

    def above(z: np.ndarray) -> float:
        t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
        x = equations.populations(z)
        xs = [x[0, :na][None, :], x[1, : equations.sizes[1]][None, :]]
        own = GAS_CONSTANT * t * first.local(z[:na], t, p).energy
        gap = energies.gap(np.array([[t, p]]), xs)
        return float(gap[0] - own) + LOWER if np.isfinite(gap[0]) else np.inf

    def minima(z: np.ndarray) -> float:
        t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
        x = equations.populations(z)
        soft = [
            side.curvatures(one[: len(side.model.states)], t, p)[0][0]
            for side, one in zip((first, second), x, strict=True)
        ]
        return float(min(soft)) + 1e-9

    for whole, ends, both in _pieces(curve, minima, UNSTABLE):
        if not both or len(whole) < 2:
            continue
        for z, piece_ends, stable in _pieces(Curve(equations, whole, ends), above, TRIPLE):
            if not stable or len(z) < 2 or _apart(equations, z) < ONE:
                continue
            for at, reason in ((z[0], piece_ends[0]), (z[-1], piece_ends[1])):
                if reason == TRIPLE:
                    place = float(at[-2] * equations.spans[0]), float(at[-1] * equations.spans[1])
                    _add_point(CriticalPoint(TRIPLE, *place, equations.populations(at)[0]), equations.spans, points)
            label = _both(equations, z[len(z) // 2])
            lines.append(_line("coexistence", label, equations, z, piece_ends))


def _apart(equations: CoexistenceEquations, z: np.ndarray) -> float:
    """Largest difference of the populations of both minima along a line; 1 for minima of two phases."""
    if equations.first is not equations.second:
        return 1.0
    x = np.array([equations.populations(one) for one in z])
    return float(np.max(np.abs(x[:, 0] - x[:, 1])))


def _both(equations: CoexistenceEquations, z: np.ndarray) -> str:
    """Names of two minima, the one that is stable at low temperature first."""
    first, second = equations.first, equations.second
    t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
    na, nb = equations.sizes
    slopes = first.local(z[:na], t, p).energy_moved[0], second.local(z[na + 1 : na + 1 + nb], t, p).energy_moved[0]
    if first is second:
        x = equations.populations(z)
        pair = [_named(first, equations.swaps, x[k], x[k] - x[1 - k]) for k in range(2)]
    else:
        pair = [first.label, second.label]
    if slopes[0] < slopes[1]:
        pair = pair[::-1]
    return f"{_prefix(first) if first is second else ''}{pair[0]} ⇌ {pair[1]}"


def _gradual(curve: Curve, equations: HalfEquations, energies: _Lowest, lines: list[BoundaryLine]) -> None:
    side = equations.side

    def minimum(z: np.ndarray) -> float:
        t, p = z[-2] * equations.spans[0], z[-1] * equations.spans[1]
        return float(side.curvatures(equations.populations(z), t, p)[0][0])

    lost = SYMMETRIC if equations.symmetric(curve.z[0]) else UNSTABLE
    for whole, ends, good in _pieces(curve, minimum, lost):
        if not good or len(whole) < 2:
            continue
        piece = Curve(equations, whole, ends)
        for z, piece_ends, stable in _pieces(piece, _stable(equations, energies), FIRST_ORDER):
            if stable and len(z) > 1:
                lines.append(_line("gradual", f"{_prefix(side)}half of the sites switched", equations, z, piece_ends))


def _snapped(line: BoundaryLine, points: Sequence[CriticalPoint], window: Window) -> BoundaryLine:
    """Carry a line to the critical point that its tracing stopped in front of."""
    ends = list(line.ends)
    t, p, x = line.temperature, line.pressure, line.populations
    for k, at in ((0, 0), (1, -1)):
        if ends[k] not in (CRITICAL, TRICRITICAL, "lost", UNSTABLE, FIRST_ORDER):
            continue
        near = [
            (np.hypot((q.temperature - t[at]) / window.spans[0], (q.pressure - p[at]) / window.spans[1]), q)
            for q in points
            if q.kind in (CRITICAL, TRICRITICAL)
        ]
        if not near:
            continue
        distance, point = min(near, key=lambda one: one[0])
        if distance > REACH:
            continue
        ends[k] = point.kind
        if distance > 1e-9:
            own = np.broadcast_to(point.populations, x.shape[1:])[None]
            t, p = (np.insert(a, 0 if k == 0 else a.size, v) for a, v in ((t, point.temperature), (p, point.pressure)))
            x = np.concatenate([own, x] if k == 0 else [x, own])
    return replace(line, temperature=t, pressure=p, populations=x, ends=(ends[0], ends[1]))
