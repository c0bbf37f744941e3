"""Intervals from the profile of chi2: what the data allow for a parameter or any quantity derived from them.

The covariance speaks of a parabola; the profile of the true chi2, which a bound, a degeneracy or a curved valley
bends. For a quantity f(theta) it is the least chi2 at each value of f. A point of it is found by adding one residual
w (f - target) and refitting: where that fit ends, the chi2 of the other residuals is exactly the least for the value of
f reached there, whatever w is, because both problems share their stationarity condition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from labile.fitting.covariance import determine
from labile.fitting.least_squares import FitError, Minimum, feasible_box, minimise
from labile.fitting.problem import Problem
from labile.fitting.result import FitResult, FitStatus

Functional = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Free vector (F,), SI -> value and gradient (F,)."""

RESTARTS = 3
STIFFNESS = 30.0
"""Weight of the constraint residual, in reciprocal (local) standard deviations of the quantity."""
STIFFEST = 1e12
FARTHEST = 1e12
"""Beyond so many times the first step a quantity is called unbounded."""
PRECISION = 1e-4
"""Relative accuracy to which the rise of sqrt(chi2) is met."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval of one quantity.

    Attributes
    ----------
    name : str
    value : float
        At the minimum of chi2, SI.
    lower, upper : float or None
        Ends, SI; None: not bounded by the data within the parameters' bounds.
    level : float
        Confidence, 0 to 1.
    fits, evaluations : int
        Constrained fits made and model evaluations used.
    notes : tuple of str
        A lower minimum that turned up, constrained fits that did not converge, jumps of the profile.
    """

    name: str
    value: float
    lower: float | None
    upper: float | None
    level: float
    fits: int
    evaluations: int
    notes: tuple[str, ...] = ()


class _LowerMinimum(Exception):
    """A constrained fit went below the minimum that the profile started from."""

    def __init__(self, vector: np.ndarray) -> None:
        super().__init__()
        self.vector = vector


class _Profile:
    """Points of one profile and their bookkeeping."""

    def __init__(self, problem: Problem, functional: Functional, vector: np.ndarray, tolerance: float) -> None:
        self.problem, self.functional, self.tolerance = problem, functional, tolerance
        self.lower, self.upper = feasible_box(problem.parameters)
        self.fits = 0
        self.evaluations = 0
        self.notes: list[str] = []
        self.settle(vector)

    def settle(self, vector: np.ndarray) -> None:
        """Take the minimum nearest to `vector` as the reference."""
        found = minimise(self.problem.evaluate, vector, self.lower, self.upper, tolerance=self.tolerance)
        if found.status is FitStatus.FAILED:
            raise FitError("the model could not be evaluated at the minimum that the profile should start from")
        self.evaluations += found.evaluations
        self.origin, self.chi2 = found.vector, found.chi2
        self.value, self.gradient = self.functional(self.origin)
        self.step = self._first_step(found)

    def _first_step(self, found: Minimum) -> float:
        """About one standard deviation of the quantity: the scale on which to search."""
        moving = (found.vector > self.lower) & (found.vector < self.upper)
        sigma = float(np.sqrt(determine(found.jacobian[:, moving]).variance(self.gradient[moving])))
        if 0 < sigma < math.inf:
            return sigma
        norms = np.linalg.norm(found.jacobian, axis=0)
        used = (norms > 0) & (self.gradient != 0)
        return float(np.linalg.norm(self.gradient[used] / norms[used])) or 0.1 * abs(self.value) or 1.0

    def point(self, target: float, start: np.ndarray, weight: float) -> tuple[float, float, np.ndarray]:
        """Value of the quantity, rise of sqrt(chi2) there, and where: the profile near `target`."""

        def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            residuals, jacobian = self.problem.evaluate(vector)
            value, gradient = self.functional(vector)
            return np.append(residuals, weight * (value - target)), np.vstack([jacobian, weight * gradient])

        found = minimise(evaluate, start, self.lower, self.upper, tolerance=self.tolerance)
        self.fits += 1
        self.evaluations += found.evaluations
        if found.status is not FitStatus.CONVERGED:
            self.notes.append(f"a constrained fit near {target:.6g} did not converge: {found.status.value}")
        chi2 = float(np.sum(found.residuals[:-1] ** 2))
        if chi2 < self.chi2 - 1e-6 * max(1.0, 1e-3 * self.chi2):
            raise _LowerMinimum(found.vector)
        return self.functional(found.vector)[0], math.sqrt(max(chi2 - self.chi2, 0.0)), found.vector

    def end(self, sign: float, wanted: float, max_fits: int) -> float | None:
        """Where sqrt(chi2) has risen by `wanted` on one side; None where it never does."""
        inner = (self.value, 0.0)  # value and rise on this side of the end
        outer: tuple[float, float] | None = None  # and beyond it
        moved_outer = False
        start, stiffness, length = self.origin, STIFFNESS, self.step * wanted
        kept = 1.0  # Illinois: weight of the side that stays while the other moves
        for count in range(max_fits):
            if outer is None:
                aim, local = self.value + sign * length, length / wanted
            else:
                local = abs(outer[0] - inner[0]) / (outer[1] - inner[1])
                short, over = wanted - inner[1], outer[1] - wanted
                short, over = (short * kept, over) if moved_outer else (short, over * kept)
                fraction = 0.5 if count % 4 == 3 else min(max(short / (short + over), 0.01), 0.99)
                aim = inner[0] + fraction * (outer[0] - inner[0])
            # the data pull the quantity back by this much; aim as far beyond
            target = aim + sign * wanted * local / stiffness**2
            value, rise, vector = self.point(target, start, stiffness / local)
            if abs(rise - wanted) <= PRECISION * wanted:
                return value
            if rise > wanted:
                kept = 0.5 * kept if outer is not None and moved_outer else 1.0
                outer, moved_outer, stiffness = (value, rise), True, STIFFNESS
            else:
                kept = 0.5 * kept if outer is not None and not moved_outer else 1.0
                inner, moved_outer, start = (value, rise), False, vector
                if outer is None and abs(value - aim) > 0.5 * length:
                    # either bounds hold the quantity back, or its target pulls too weakly
                    if stiffness >= STIFFEST:
                        return None
                    stiffness *= 100.0
                elif outer is None:
                    length *= min(max(1.05 * wanted / rise, 1.2), 10.0) if rise > 0 else 10.0
                    if length > FARTHEST * self.step:
                        return None
            if outer is not None and abs(outer[0] - inner[0]) <= 1e-7 * abs(outer[0] - self.value):
                self.notes.append(f"chi2 jumps at {outer[0]:.6g}: this end is where it jumps")
                return inner[0]
        if outer is None:
            return None
        self.notes.append(f"the end near {inner[0]:.6g} was not met to {PRECISION:g} within {max_fits} fits")
        return inner[0]


def profile_interval(
    problem: Problem,
    result: FitResult,
    functional: Functional | str,
    *,
    level: float = 0.6827,
    max_fits: int = 40,
    tolerance: float = 1e-10,
) -> Interval:
    """Confidence interval of a parameter or derived quantity from the profile of chi2.

    Its ends are where the least chi2 at a given value of the quantity has risen by the `level` quantile of chi2 with
    one degree of freedom (1.0 for 68.27 %) above the minimum.

    Parameters
    ----------
    problem : Problem
        The one that was fitted.
    result : FitResult
        Its solution; a lower minimum that turns up on the way becomes the reference and is noted.
    functional : callable or str
        Free vector (F,) -> value and gradient (F,); or the name of a parameter (free or tied).
    level : float
        Confidence, between 0 and 1.
    max_fits : int
        Most constrained fits on each side.
    tolerance : float
        Of each fit, see `fit`.

    Returns
    -------
    Interval
        An end is None where the data do not bound the quantity within the parameters' bounds.

    Raises
    ------
    FitError
        If `level` is not between 0 and 1 or the fit had failed.
    ParameterError
        If a parameter of that name does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from labile.core.parameters import Parameter, Parameters
    >>> from labile.fitting.least_squares import fit
    >>> from labile.fitting.problem import Block, Problem
    >>> one = Parameters((Parameter("a.mean", 1.0),))
    >>> problem = Problem(one, lambda v: (np.array([v[0] - 3.0, v[0] - 5.0]), np.ones((2, 1))), (Block("y", 2),))
    >>> interval = profile_interval(problem, fit(problem), "a.mean")
    >>> round(interval.lower, 3), round(interval.upper, 3)
    (3.293, 4.707)
    """
    if not 0 < level < 1:
        raise FitError(f"level must lie between 0 and 1, found {level}")
    if result.status is FitStatus.FAILED:
        raise FitError("the fit had failed; there is no minimum whose surroundings could be profiled")
    if isinstance(functional, str):
        name, quantity = functional, _parameter(result, functional)
    else:
        name, quantity = getattr(functional, "__name__", "derived quantity"), functional
    wanted = NormalDist().inv_cdf(0.5 + 0.5 * level)
    profile = _Profile(problem, quantity, result.parameters.vector, tolerance)
    for _ in range(RESTARTS):
        try:
            lower, upper = (profile.end(sign, wanted, max_fits) for sign in (-1.0, 1.0))
            break
        except _LowerMinimum as found:
            before = profile.chi2
            profile.settle(found.vector)
            profile.notes.append(f"a lower minimum turned up: chi2 {profile.chi2:.6g} instead of {before:.6g}")
    else:
        raise FitError(f"{name}: lower minima keep turning up; fit again from more starts before profiling")
    return Interval(name, profile.value, lower, upper, level, profile.fits, profile.evaluations, tuple(profile.notes))


def _parameter(result: FitResult, name: str) -> Functional:
    row = result.parameters.matrix[result.parameters.index(name)]
    if not np.any(row):
        raise FitError(f"parameter {name} is fixed; only free and tied parameters have an interval")
    base = float(result.parameters.expand(np.zeros(row.size))[result.parameters.index(name)])
    return lambda vector: (base + float(row @ vector), row)
