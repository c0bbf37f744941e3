"""The one fit engine: bounded nonlinear least squares with an exact Jacobian.

A trust-region Levenberg-Marquardt method in the scaling of Moré: columns of the Jacobian are divided by the largest
length they have had so far, and each step is the exact minimiser of the linearised residuals within a sphere of that
metric. Bounds are kept by an active set: a parameter that a step would take past a bound is put on it and the rest of
the step is solved again. It stops on the one measure that does not depend on units: how far the full Gauss-Newton step
would go in standard deviations.

References
----------
J. J. Moré, in Numerical Analysis, Lecture Notes in Mathematics 630 (1978) 105, doi:10.1007/BFb0067700.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labile.core.parameters import ParameterError, Parameters
from labile.fitting.covariance import covariance
from labile.fitting.problem import Evaluate, Problem
from labile.fitting.result import FitResult, FitStatus

EPS = float(np.finfo(float).eps)
ACCEPT = 1e-4
"""Least ratio of the achieved to the predicted decrease at which a step is taken."""

INITIAL = 1.0
"""First radius in units of the scaled length of the start vector: a parameter may about double."""

POLISH = 1e-6
"""Fraction of the convergence goal down to which full steps go on once they are converging."""

CITATIONS = ("More1978",)

Progress = Callable[[int, int, float], None]
"""Called with the start's number (from 0), its iterations so far and its chi2."""


class FitError(ValueError):
    """A problem whose residuals, Jacobian and blocks do not fit together."""


@dataclass(eq=False)
class Minimum:
    """Where one descent ended (the engine's own record; `fit` makes a `FitResult` of the best)."""

    vector: np.ndarray
    residuals: np.ndarray
    jacobian: np.ndarray
    chi2: float
    status: FitStatus
    iterations: int = 0
    evaluations: int = 0
    refused: int = 0


@dataclass(frozen=True, eq=False)
class _Linear:
    """The linearised problem in scaled parameters: minimise |c + R p|^2 over lower <= p <= upper.

    R (K, F) and c (K,) compress Jacobian and residuals: R^T R = J^T J, R^T c = J^T r.
    """

    R: np.ndarray
    c: np.ndarray
    gradient: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def decrease(self, p: np.ndarray) -> float:
        """By how much chi2 falls along p if the residuals are linear."""
        Rp = self.R @ p
        return float(-(2.0 * (self.c @ Rp) + Rp @ Rp))


def _compress(
    jacobian: np.ndarray, residuals: np.ndarray, gram: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R, c and gradient of the scaled Jacobian: by Cholesky of J^T J while that is accurate, else by QR."""
    gradient = (residuals @ jacobian) / scale
    try:
        lower = np.linalg.cholesky(gram / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        pass
    else:
        # the pivots bound the condition number from below; normal equations square it
        pivots = lower.diagonal()
        if pivots.min() > 1e-3 * pivots.max():
            return lower.T, np.linalg.solve(lower, gradient), gradient
    R = np.asarray(np.linalg.qr(np.column_stack([jacobian / scale, residuals]), mode="r"))
    return R[:, :-1], R[:, -1], gradient


def _sphere(R: np.ndarray, c: np.ndarray, radius: float) -> np.ndarray:
    """Minimiser of |c + R p| with |p| <= radius (to 10 %); the shortest one where R is rank deficient."""
    u, s, vt = np.linalg.svd(R, full_matrices=False)
    z = c @ u
    full = s > EPS * max(R.shape) * s[0]
    p = np.where(full, -z / np.where(full, s, 1.0), 0.0)
    length = math.sqrt(p @ p)
    if length > radius:
        # Newton on 1/|p(lambda)| = 1/radius (Hebden, Moré) between safeguards
        s2 = s * s
        sz = s * z
        low, high = 0.0, math.sqrt(sz @ sz) / radius
        damping = 0.0
        for _ in range(30):
            if full.all() or damping > 0:
                slope = float(np.sum(p * p / (s2 + damping)))
                damping += (length / radius - 1.0) * length * length / slope
            if not low < damping < high:
                damping = max(1e-3 * high, math.sqrt(low * high))
            p = -sz / (s2 + damping)
            length = math.sqrt(p @ p)
            if abs(length - radius) <= 0.1 * radius:
                break
            if length > radius:
                low = damping
            else:
                high = damping
    return np.asarray(p @ vt)


def _step(linear: _Linear, radius: float) -> tuple[np.ndarray, bool]:
    """Step of at most about `radius` that stays within the bounds, and whether any of them mattered."""
    R, c = linear.R, linear.c
    p = np.zeros(R.shape[1])
    blocked = ((linear.lower == 0) & (linear.gradient > 0)) | ((linear.upper == 0) & (linear.gradient < 0))
    while not blocked.all():
        moving = ~blocked
        part = _sphere(R[:, moving], c + R @ p, radius) if blocked.any() else _sphere(R, c, radius)
        p[moving] = part
        crossed = moving & ((p < linear.lower) | (p > linear.upper))
        if not crossed.any():
            break
        blocked |= crossed
        p = np.where(blocked, np.clip(p, linear.lower, linear.upper), 0.0)
    return p, bool(blocked.any())


def _coordinate_step(linear: _Linear, radius: float) -> np.ndarray:
    """Best step along one parameter: what is left when the step on the active set leads nowhere."""
    curvature = np.sum(linear.R**2, axis=0)
    t = np.clip(-linear.gradient / np.where(curvature > 0, curvature, 1.0), linear.lower, linear.upper)
    t = np.where(curvature > 0, np.clip(t, -radius, radius), 0.0)
    best = int(np.argmin(t * (2.0 * linear.gradient + curvature * t)))
    p = np.zeros(t.size)
    p[best] = t[best]
    return p


def _bounded_step(linear: _Linear, radius: float) -> tuple[np.ndarray, float]:
    """Step within bounds and radius, and the decrease of chi2 it promises (never less than along one parameter)."""
    p, blocked = _step(linear, radius)
    promised = linear.decrease(p)
    if blocked:
        single = _coordinate_step(linear, radius)
        alternative = linear.decrease(single)
        if not promised >= 0.1 * alternative:
            return single, alternative
    return p, promised


def _moved(
    vector: np.ndarray, p: np.ndarray, linear: _Linear, scale: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """The vector after a scaled step; what the step puts on a bound lies on it exactly."""
    trial = np.where(p >= linear.upper, upper, np.where(p <= linear.lower, lower, vector + p / scale))
    return np.asarray(np.clip(trial, lower, upper))


def _try(evaluate: Evaluate, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, np.ndarray] | None:
    """Residuals, Jacobian, chi2 and J^T J, or None where the model has no finite answer."""
    # overflow at a trial point is an answer (refuse the step), not a defect to warn about
    with np.errstate(all="ignore"):
        try:
            residuals, jacobian = evaluate(vector)
        except (ArithmeticError, RuntimeError):
            return None
        chi2 = float(residuals @ residuals)
        gram = jacobian.T @ jacobian
    if not math.isfinite(chi2) or not np.all(np.isfinite(gram)):
        return None
    return residuals, jacobian, chi2, gram


def minimise(
    evaluate: Evaluate,
    start: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 2000,
    progress: Callable[[int, float], None] | None = None,
) -> Minimum:
    """Descend from one start; see `fit` for the meaning of the arguments.

    Parameters
    ----------
    evaluate : callable
        Free vector (F,) -> residuals (R,), Jacobian (R, F).
    start, lower, upper : ndarray (F,)
    tolerance : float
    max_iterations : int
    progress : callable, optional
        Called with iterations and chi2.

    Returns
    -------
    Minimum
    """
    x = np.clip(np.asarray(start, dtype=float), lower, upper)
    first = _try(evaluate, x)
    if first is None:
        return Minimum(x, np.zeros(0), np.zeros((0, x.size)), math.inf, FitStatus.FAILED, 0, 1, 1)
    residuals, jacobian, chi2, gram = first
    state = Minimum(x, residuals, jacobian, chi2, FitStatus.MAX_ITERATIONS, 0, 1)
    if x.size == 0:
        state.status = FitStatus.CONVERGED
        return state
    dof = max(residuals.size - x.size, 1)
    scale = np.zeros(x.size)
    radius = math.inf
    polishing = math.inf
    while True:
        norms = np.sqrt(gram.diagonal())
        scale = np.maximum(scale, norms)
        safe = np.where(scale > 0, scale, 1.0)
        R, c, gradient = _compress(state.jacobian, state.residuals, gram, safe)
        linear = _Linear(R, c, gradient, (lower - state.vector) * safe, (upper - state.vector) * safe)
        full, possible = _bounded_step(linear, math.inf)
        # round-off of residuals made of terms of size |J_j x_j|
        floor = (4.0 * EPS) ** 2 * float(np.sum((norms * state.vector) ** 2))
        goal = max(tolerance * state.chi2 / dof, floor)
        if possible <= goal:
            # converged; go on with full steps while they still shrink: the last digits cost one or two evaluations
            state.status = FitStatus.CONVERGED
            if possible <= POLISH * goal or possible >= 0.7 * polishing:
                return state
            polishing = possible
            trial = _moved(state.vector, full, linear, safe, lower, upper)
            found = _try(evaluate, trial)
            state.evaluations += 1
            if found is None or found[2] > state.chi2 * (1.0 + 1e-12):
                return state
            state.vector, (state.residuals, state.jacobian, state.chi2, gram) = trial, found
            continue
        if state.iterations >= max_iterations:
            state.status = FitStatus.MAX_ITERATIONS
            return state
        if math.isinf(radius):
            length = float(np.linalg.norm(safe * state.vector))
            radius = INITIAL * (length if length > 0 else 1.0)
        state.iterations += 1
        while True:
            p, promised = (full, possible) if full @ full <= radius**2 else _bounded_step(linear, radius)
            length = math.sqrt(p @ p)
            trial = _moved(state.vector, p, linear, safe, lower, upper)
            if np.all(np.abs(trial - state.vector) <= EPS * np.abs(state.vector)):
                # what is promised may be less than the round-off of chi2, so that no step can show it
                drowned = possible <= 2.0 * math.sqrt(state.chi2 * floor)
                state.status = FitStatus.CONVERGED if drowned else FitStatus.STALLED
                return state
            found = _try(evaluate, trial)
            state.evaluations += 1
            if found is None:
                state.refused += 1
                radius = 0.25 * length
                continue
            achieved = state.chi2 - found[2]
            ratio = achieved / promised if promised > 0 else -1.0
            if ratio < 0.25:
                # minimum of the parabola through both values of chi2 and the slope at the old one
                slope = -2.0 * float(gradient @ p)
                shrink = 0.5 * slope / (slope - achieved) if slope > achieved else 0.5
                radius = min(max(shrink, 0.1), 0.5) * length
            elif ratio > 0.75:
                radius = max(radius, 2.0 * length)
            if ratio > ACCEPT:
                break
        state.vector, (state.residuals, state.jacobian, state.chi2, gram) = trial, found
        if progress is not None:
            progress(state.iterations, state.chi2)


def feasible_box(parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the free vector; those of tied parameters are carried to the parameter they follow."""
    lower, upper = parameters.lower, parameters.upper
    base = parameters.expand(np.zeros(lower.size))
    for parameter, row, offset in zip(parameters, parameters.matrix, base, strict=True):
        if parameter.tie is None or not np.any(row):
            continue
        column = int(np.flatnonzero(row)[0])
        ends = sorted(((parameter.lower - offset) / row[column], (parameter.upper - offset) / row[column]))
        lower[column] = max(lower[column], ends[0])
        upper[column] = min(upper[column], ends[1])
        if not lower[column] < upper[column]:
            raise ParameterError(
                f"parameter {parameter.name}: its bounds, carried over its tie, leave no room for"
                f" {parameters.free_names[column]}; widen one of the two"
            )
    return lower, upper


def _scattered(
    parameters: Parameters, lower: np.ndarray, upper: np.ndarray, count: int, seed: int, spread: float
) -> np.ndarray:
    """Latin hypercube (count, F): over priors +-2 sigma, else finite bounds, else +-spread of the value."""
    low, high = np.empty(lower.size), np.empty(lower.size)
    for i, p in enumerate(parameters.free):
        if p.prior is not None:
            low[i], high[i] = p.prior.mean - 2 * p.prior.sigma, p.prior.mean + 2 * p.prior.sigma
        elif math.isfinite(lower[i]) and math.isfinite(upper[i]):
            low[i], high[i] = lower[i], upper[i]
        elif p.value != 0:
            low[i], high[i] = p.value - spread * abs(p.value), p.value + spread * abs(p.value)
        else:
            raise ParameterError(
                f"parameter {p.name}: several starts need a range to scatter it over, but its value is 0 and it has"
                " neither a prior nor two finite bounds; give it bounds, a prior or another value, or use starts = 1"
            )
    rng = np.random.default_rng(seed)
    cells = np.array([rng.permutation(count) for _ in range(lower.size)]).reshape(lower.size, count).T
    points = low + (cells + rng.random((count, lower.size))) / count * (high - low)
    return np.asarray(np.clip(points, lower, upper))


def _checked(problem: Problem) -> Evaluate:
    """The problem's `evaluate` with its shapes verified."""
    rows, columns = sum(block.size for block in problem.blocks), len(problem.parameters.free_names)

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residuals, jacobian = problem.evaluate(vector)
        if residuals.shape != (rows,) or jacobian.shape != (rows, columns):
            raise FitError(
                f"the blocks announce {rows} residuals and there are {columns} free parameters, but evaluate returned"
                f" residuals of shape {residuals.shape} and a Jacobian of shape {jacobian.shape}"
            )
        return residuals, jacobian

    return evaluate


def fit(
    problem: Problem,
    *,
    starts: int = 1,
    seed: int = 0,
    spread: float = 0.2,
    tolerance: float = 1e-10,
    max_iterations: int = 2000,
    progress: Progress | None = None,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
) -> FitResult:
    """Minimise the sum of squared residuals within the parameters' bounds.

    Parameters
    ----------
    problem : Problem
    starts : int
        Descents: the first from the present values, the others from a Latin hypercube over prior mean +-2 sigma,
        else over two finite bounds, else over value (1 +- spread).
    seed : int
        Of the hypercube; the same seed gives the same result.
    spread : float
        Relative half-width for parameters with neither prior nor two bounds.
    tolerance : float
        Converged when the full Gauss-Newton step within the bounds promises to lower chi2 by less than this fraction
        of chi2 per degree of freedom, that is when it is shorter than sqrt(tolerance) standard deviations; full steps
        that still shrink then polish the last digits.
    max_iterations : int
        Of each descent.
    progress : callable, optional
        Called as progress(start, iteration, chi2).
    prepare : callable, optional
        Start vector -> better start vector, applied to every start before its descent.

    Returns
    -------
    FitResult
        Of the descent that reached the lowest chi2. Parameters on a bound are in `at_bound` and held there for the
        covariance of the others; those without a finite variance are in `undetermined`. Steps refused because the
        model had no finite answer and starts that failed are in `notes`.

    Raises
    ------
    ParameterError
        For a parameter without a value, or without a range where several starts need one.
    FitError
        If residuals, Jacobian and blocks do not fit together, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from labile.core.parameters import Parameter, Parameters
    >>> from labile.fitting.problem import Block, Problem
    >>> t, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> design = np.column_stack([np.ones(3), t])
    >>> line = Parameters((Parameter("line.offset", 0.0), Parameter("line.slope", 1.0)))
    >>> found = fit(Problem(line, lambda v: (design @ v - y, design), (Block("y", 3),)))
    >>> found.parameters.vector.round(12).tolist()
    [1.0, 2.0]
    """
    if starts < 1 or spread <= 0 or not 0 < tolerance < 1 or max_iterations < 1:
        raise FitError(
            "needs starts >= 1, spread > 0, 0 < tolerance < 1 and max_iterations >= 1; found"
            f" {starts}, {spread}, {tolerance}, {max_iterations}"
        )
    parameters = problem.parameters
    parameters.require_values()
    lower, upper = feasible_box(parameters)
    points = [parameters.vector]
    if starts > 1 and lower.size:
        points.extend(_scattered(parameters, lower, upper, starts - 1, seed, spread))
    evaluate = _checked(problem)
    minima = []
    for number, point in enumerate(points):
        report = None if progress is None else (lambda n, c, k=number: progress(k, n, c))
        point = point if prepare is None else np.clip(prepare(point), lower, upper)
        minima.append(
            minimise(evaluate, point, lower, upper, tolerance=tolerance, max_iterations=max_iterations, progress=report)
        )
    # a descent that converged wins over one that did not at the same chi2
    best = min(minima, key=lambda m: (m.chi2, m.status is not FitStatus.CONVERGED))
    return _result(problem, best, minima, lower, upper)


def _result(problem: Problem, best: Minimum, minima: list[Minimum], lower: np.ndarray, upper: np.ndarray) -> FitResult:
    names = problem.parameters.free_names
    notes = []
    failed = sum(m.status is FitStatus.FAILED for m in minima)
    refused = sum(m.refused for m in minima) - failed
    if 0 < failed < len(minima):
        notes.append(f"{failed} of {len(minima)} starts failed: the model had no finite answer there")
    if refused:
        notes.append(f"{refused} trial steps were shortened because the model had no finite answer there")
    clipped = [n for n, v, a, b in zip(names, problem.parameters.vector, lower, upper, strict=True) if not a <= v <= b]
    if clipped:
        notes.append(f"moved within the bounds of what is tied to them before the first step: {', '.join(clipped)}")
    if best.status is FitStatus.FAILED:
        rows = sum(block.size for block in problem.blocks)
        residuals, jacobian = np.full(rows, np.nan), np.full((rows, len(names)), np.nan)
        matrix, lost = np.full((len(names), len(names)), np.nan), np.zeros(len(names), dtype=bool)
        held = lost
    else:
        residuals, jacobian = best.residuals, best.jacobian
        held = (best.vector <= lower) | (best.vector >= upper)
        matrix, lost = covariance(jacobian, held)
    return FitResult(
        parameters=problem.parameters.with_vector(best.vector),
        covariance=matrix,
        chi2=best.chi2,
        residuals=residuals,
        jacobian=jacobian,
        blocks=tuple(problem.blocks),
        status=best.status,
        iterations=best.iterations,
        evaluations=sum(m.evaluations for m in minima),
        at_bound=tuple(n for n, h in zip(names, held, strict=True) if h),
        undetermined=tuple(n for n, u in zip(names, lost, strict=True) if u),
        starts=tuple(sorted(m.chi2 for m in minima)),
        citations=CITATIONS,
        notes=tuple(notes),
    )
