"""Profile intervals against closed forms, brute force, and cases without an end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from labile.core.parameters import Parameter, ParameterError, Parameters, Tie
from labile.fitting.least_squares import FitError, fit
from labile.fitting.problem import Block, Problem
from labile.fitting.profile import profile_interval

T = np.linspace(0.0, 4.0, 30)
DATA = 2 * np.exp(-0.7 * T) + 0.2 * np.random.default_rng(8).normal(size=T.size)


def exponential(parameters):
    def evaluate(v):
        e = np.exp(-v[1] * T)
        return (v[0] * e - DATA) / 0.2, np.column_stack([e, -v[0] * T * e]) / 0.2

    return Problem(parameters, evaluate, (Block("y", T.size),))


PLAIN = Parameters((Parameter("p.a", 1.0), Parameter("p.k", 1.0)))


@pytest.mark.parametrize(("level", "rise"), [(0.6827, 1.0), (0.9545, 2.0)])
def test_linear_problem_gives_the_symmetric_interval(level, rise):
    rng = np.random.default_rng(0)
    design, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    problem = Problem(
        Parameters(tuple(Parameter(f"p.c{i}", 0.5) for i in range(3))),
        lambda v: (design @ v - y, design),
        (Block("y", 20),),
    )
    result = fit(problem)
    gradient = np.array([1.0, -1.0, 2.0])
    interval = profile_interval(problem, result, lambda v: (float(gradient @ v), gradient), level=level)
    middle, sigma = gradient @ result.parameters.vector, result.propagate(gradient)
    assert interval.value == pytest.approx(middle, rel=1e-9)
    assert (interval.upper - middle) / sigma == pytest.approx(rise, abs=1e-3)
    assert (middle - interval.lower) / sigma == pytest.approx(rise, abs=1e-3)
    assert interval.fits <= 10
    assert not interval.notes


def test_nonlinear_parameter_agrees_with_brute_force():
    problem = exponential(PLAIN)
    result = fit(problem)

    def rise(k):
        e = np.exp(-k * T)
        return np.sum((DATA - e * (e @ DATA) / (e @ e)) ** 2) / 0.04 - result.chi2 - 1.0

    k, sigma = result.value("p.k"), result.sigma_of("p.k")
    interval = profile_interval(problem, result, "p.k")
    assert interval.lower == pytest.approx(brentq(rise, k - 4 * sigma, k), abs=1e-3 * sigma)
    assert interval.upper == pytest.approx(brentq(rise, k, k + 4 * sigma), abs=1e-3 * sigma)
    assert interval.evaluations > interval.fits > 2


def test_derived_quantity_agrees_with_brute_force():
    problem = exponential(PLAIN)
    result = fit(problem)

    def area(v):  # a/k, the integral of the decay
        return v[0] / v[1], np.array([1 / v[1], -v[0] / v[1] ** 2])

    def rise(f):
        def chi2(k):
            return np.sum((f * k * np.exp(-k * T) - DATA) ** 2) / 0.04

        return minimize_scalar(chi2, bracket=(0.6, 0.8), options={"xtol": 1e-10}).fun - result.chi2 - 1.0

    middle, gradient = area(result.parameters.vector)
    sigma = result.propagate(gradient)
    interval = profile_interval(problem, result, area)
    assert interval.name == "area"
    assert interval.upper == pytest.approx(brentq(rise, middle, middle + 4 * sigma), abs=2e-3 * sigma)
    assert interval.lower == pytest.approx(brentq(rise, middle - 4 * sigma, middle), abs=2e-3 * sigma)


@pytest.mark.parametrize("bound", [math.inf, 40.0, 9.0])
def test_ends_that_the_data_do_not_set_are_none(bound):
    design = np.ones((5, 2))  # only a + b is determined
    items = tuple(Parameter(f"p.{n}", 1.0, lower=-bound, upper=bound) for n in "ab")
    problem = Problem(Parameters(items), lambda v: (design @ v - 3.0, design), (Block("y", 5),))
    result = fit(problem)
    assert result.undetermined == ("p.a", "p.b")
    alone = profile_interval(problem, result, "p.a")
    if math.isinf(bound):
        assert (alone.lower, alone.upper) == (None, None)
    else:  # a may go down to where b meets its upper bound, and up to its own
        assert alone.lower == pytest.approx(3 - bound - 1 / math.sqrt(5), abs=2e-3)
        assert alone.upper is None
    together = profile_interval(problem, result, lambda v: (float(v.sum()), np.ones(2)))
    assert together.lower == pytest.approx(3 - 1 / math.sqrt(5), abs=1e-3)
    assert together.upper == pytest.approx(3 + 1 / math.sqrt(5), abs=1e-3)


def test_a_parameter_on_its_bound_has_one_end():
    parameters = Parameters((Parameter("p.a", 1.0, lower=0.0),))
    problem = Problem(parameters, lambda v: (v - np.array([-0.5]), np.ones((1, 1))), (Block("y", 1),))
    interval = profile_interval(problem, fit(problem), "p.a")
    # chi2 rises by 1 from its value at the bound: (a + 0.5)^2 = 1.25
    assert interval.upper == pytest.approx(math.sqrt(1.25) - 0.5, abs=1e-3)
    assert interval.lower is None
    assert interval.value == 0.0


def test_one_sided_curve():
    # a saturating response: large rates are all alike
    y = np.array([1.0, 1.02, 0.99])
    t = np.array([1.0, 2.0, 3.0])

    def evaluate(v):
        e = np.exp(-v[0] * t)
        return (1 - e - y) / 0.05, (t * e / 0.05)[:, None]

    problem = Problem(Parameters((Parameter("p.k", 2.0, lower=0.0),)), evaluate, (Block("y", 3),))
    interval = profile_interval(problem, fit(problem), "p.k")
    assert interval.upper is None
    assert 1.5 < interval.lower < interval.value


def test_a_lower_minimum_becomes_the_reference():
    def evaluate(v):  # a shallow valley near -0.9 and the true minimum, chi2 = 0, at 1
        return np.array([0.6 * (v[0] ** 2 - 1.0), 0.3 * (v[0] - 1)]), np.array([[1.2 * v[0]], [0.3]])

    problem = Problem(Parameters((Parameter("p.x", -1.2),)), evaluate, (Block("r", 2),))
    shallow = fit(problem)
    assert shallow.value("p.x") < 0
    interval = profile_interval(problem, shallow, "p.x")
    assert interval.value == pytest.approx(1.0, abs=1e-6)
    assert "lower minimum" in interval.notes[0]
    for end in (interval.lower, interval.upper):
        assert np.sum(evaluate([end])[0] ** 2) == pytest.approx(1.0, abs=1e-3)


def test_tied_parameters_and_wrong_names():
    items = (Parameter("p.a", 1.0), Parameter("p.k", 1.0), Parameter("p.double", tie=Tie("p.k", 2.0, 1.0)))
    problem = exponential(Parameters(items))
    result = fit(problem)
    plain, tied = (profile_interval(problem, result, name) for name in ("p.k", "p.double"))
    assert tied.upper == pytest.approx(1 + 2 * plain.upper, rel=1e-5)
    with pytest.raises(ParameterError, match=r"p\.nothing"):
        profile_interval(problem, result, "p.nothing")
    with pytest.raises(FitError, match="level"):
        profile_interval(problem, result, "p.k", level=1.0)
