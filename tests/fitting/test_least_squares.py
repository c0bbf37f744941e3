"""The fit engine against closed forms, scipy's bounded linear solver, and problems made to be awkward."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from labile.core.parameters import Parameter, ParameterError, Parameters, Prior, Tie
from labile.fitting.covariance import determine
from labile.fitting.least_squares import FitError, fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult, FitStatus

T = np.linspace(0.0, 4.0, 40)


def linear(design, y, parameters):
    return Problem(parameters, lambda v: (design @ v - y, design), (Block("y", y.size),))


def named(values, **options):
    return Parameters(tuple(Parameter(f"p.c{i}", float(v), **options) for i, v in enumerate(values)))


def decay(y, parameters, sigma=1.0, scales=(1.0, 1.0, 1.0)):
    """amplitude * exp(-rate t) + offset, in units that may be scaled."""

    def evaluate(v):
        a, k, c = v * scales
        e = np.exp(-k * T)
        jacobian = np.column_stack([e, -a * T * e, np.ones_like(T)]) * scales
        return (a * e + c - y) / sigma, jacobian / sigma

    return Problem(parameters, evaluate, (Block("decay", T.size),))


def test_linear_problem_is_the_closed_form():
    rng = np.random.default_rng(1)
    design, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    result = fit(linear(design, y, named([1, 2, 3, 4])))
    inverse = np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(result.parameters.vector, inverse @ design.T @ y, rtol=1e-11)
    np.testing.assert_allclose(result.covariance, inverse, rtol=1e-11)
    gradient = np.array([1.0, -2.0, 0.0, 0.5])
    assert result.propagate(gradient) == pytest.approx(math.sqrt(gradient @ inverse @ gradient), rel=1e-11)
    assert result.converged
    assert result.evaluations <= 5


@pytest.mark.parametrize("seed", range(40))
def test_active_bounds_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    design, y = rng.normal(size=(25, 6)) @ (np.eye(6) + rng.normal(size=(6, 6))), 3 * rng.normal(size=25)
    lower, upper = rng.uniform(-0.6, -0.05, 6), rng.uniform(0.05, 0.6, 6)
    items = [Parameter(f"p.c{i}", 0.0, lower=a, upper=b) for i, (a, b) in enumerate(zip(lower, upper, strict=True))]
    result = fit(linear(design, y, Parameters(tuple(items))))
    expected = lsq_linear(design, y, (lower, upper), method="bvls", tol=1e-14)
    np.testing.assert_allclose(result.parameters.vector, expected.x, atol=1e-7)
    assert result.chi2 == pytest.approx(2 * expected.cost, rel=1e-10)
    assert [name in result.at_bound for name in result.free_names] == (expected.active_mask != 0).tolist()


def test_covariance_is_conditional_on_what_is_on_a_bound():
    design = np.column_stack([np.ones_like(T), T])
    items = (Parameter("p.offset", 1.0), Parameter("p.slope", 0.5, upper=1.0))
    result = fit(linear(design, 2 + 3 * T, Parameters(items)))
    assert result.at_bound == ("p.slope",)
    assert "on a bound: p.slope" in result.message
    assert result.value("p.slope") == 1.0
    np.testing.assert_allclose(result.covariance, [[1 / T.size, 0], [0, 0]], rtol=1e-12)


def test_a_start_on_a_bound_leaves_it():
    items = (Parameter("p.a", 0.0, lower=0.0), Parameter("p.k", 0.0, lower=0.0), Parameter("p.c", 0.0, lower=0.0))
    result = fit(decay(2 * np.exp(-0.7 * T) + 0.3, Parameters(items)))
    np.testing.assert_allclose(result.parameters.vector, [2, 0.7, 0.3], rtol=1e-8)


def test_degenerate_problem_names_what_is_not_determined():
    design = np.column_stack([T, 2 * T, np.ones_like(T), np.zeros_like(T)])
    result = fit(linear(design, 5 * T + 1, named([1, 1, 0, 7])))
    assert result.converged
    assert result.undetermined == ("p.c0", "p.c1", "p.c3")
    assert np.isinf(result.sigma[[0, 1, 3]]).all()
    exact = np.linalg.inv(design[:, [0, 2]].T @ design[:, [0, 2]])
    assert result.sigma[2] == pytest.approx(math.sqrt(exact[1, 1]), rel=1e-9)
    assert result.propagate(np.array([1.0, 2, 0, 0])) == pytest.approx(math.sqrt(exact[0, 0]), rel=1e-9)
    several = result.propagate(np.array([[1.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    assert np.isinf(several).tolist() == [True, False, True]
    assert result.value("p.c3") == 7.0
    assert result.value("p.c0") + 2 * result.value("p.c1") == pytest.approx(5, rel=1e-10)


def test_determination_does_not_depend_on_units():
    rng = np.random.default_rng(3)
    jacobian = rng.normal(size=(20, 3)) * np.array([1e-9, 1.0, 1e12])
    assert not determine(jacobian).undetermined.any()
    assert determine(np.column_stack([jacobian, jacobian @ [1, 1, 1]])).undetermined.any()


def test_priors_are_residual_blocks():
    y, sigma, prior = np.array([4.0, 6.0]), 2.0, Prior(0.0, 1.0)

    def evaluate(v):
        return np.array([*(v[0] - y) / sigma, (v[0] - prior.mean) / prior.sigma]), np.array([[0.5], [0.5], [1.0]])

    blocks = (Block("y", 2), Block("p.mean", 1, "prior"))
    result = fit(Problem(Parameters((Parameter("p.mean", 3.0, prior=prior),)), evaluate, blocks))
    assert result.value("p.mean") == pytest.approx(10 / 4 / 1.5, rel=1e-12)
    assert result.sigma_of("p.mean") == pytest.approx(math.sqrt(1 / 1.5), rel=1e-12)
    assert result.n_data == 2
    assert result.by_block()["p.mean"].size == 1


def test_ties_and_their_bounds():
    items = (
        Parameter("a.level", 1.0),
        Parameter("b.level", tie=Tie("a.level", factor=-2.0, offset=1.0), lower=-3.0),
        Parameter("c.level", 4.0, fixed=True),
    )
    parameters = Parameters(items)
    target = np.array([3.0, -5.0, 4.0])
    problem = Problem(
        parameters, lambda v: (parameters.expand(v) - target, parameters.matrix.copy()), (Block("levels", 3),)
    )
    result = fit(problem)
    assert result.value("b.level") == pytest.approx(-3.0, abs=1e-12)  # 3 without the bound would need b = -5
    assert result.value("a.level") == pytest.approx(2.0, abs=1e-12)
    assert result.at_bound == ("a.level",)
    clash = Parameters((Parameter("a.level", 1.0, upper=1.5), Parameter("b.level", tie=Tie("a.level"), lower=2.0)))
    with pytest.raises(ParameterError, match=r"b\.level.*leave no room for a\.level"):
        fit(Problem(clash, lambda v: (v - 1, np.eye(1)), (Block("x", 1),)))


def test_same_seed_same_result_and_best_start_wins():
    def evaluate(v):  # two valleys; the one that the first start falls into is the shallow one
        return np.array([v[0] ** 2 - 1.0, 0.3 * (v[0] - 1)]), np.array([[2 * v[0]], [0.3]])

    parameters = Parameters((Parameter("p.x", -1.2, lower=-3.0, upper=3.0),))
    problem = Problem(parameters, evaluate, (Block("r", 2),))
    alone = fit(problem)
    first, second = (fit(problem, starts=8, seed=5) for _ in range(2))
    assert alone.value("p.x") < 0
    assert first.value("p.x") == pytest.approx(1.0, abs=1e-9)
    assert first.to_dict() == second.to_dict()
    assert first.starts == tuple(sorted(first.starts))
    assert len(first.starts) == 8


def test_what_is_missing_is_named():
    y = np.ones_like(T)
    with pytest.raises(ParameterError, match=r"p\.k"):
        fit(decay(y, Parameters((Parameter("p.a", 1.0), Parameter("p.k"), Parameter("p.c", 0.0)))))
    with pytest.raises(ParameterError, match=r"p\.c.*give it bounds, a prior"):
        fit(decay(y, Parameters((Parameter("p.a", 1.0), Parameter("p.k", 1.0), Parameter("p.c", 0.0)))), starts=3)
    with pytest.raises(FitError, match="blocks announce 41"):
        fit(Problem(named([1.0]), lambda v: (T * v[0], T[:, None]), (Block("y", 41),)))
    with pytest.raises(FitError, match="starts >= 1"):
        fit(decay(y, named([1, 1, 1])), starts=0)


def test_model_that_fails_at_the_start():
    def evaluate(v):
        raise ArithmeticError("no populations")

    result = fit(Problem(named([1.0]), evaluate, (Block("y", 3),)))
    assert result.status is FitStatus.FAILED
    assert not result.converged
    assert math.isinf(result.chi2)
    assert math.isnan(result.propagate(np.ones(1)))


def test_regions_without_an_answer_are_stepped_around():
    def evaluate(v):  # log(x) exists for x > 0 only, and the first Gauss-Newton step overshoots to x < 0
        return np.array([np.log(v[0]) + 3.0]), np.array([[1 / v[0]]])

    result = fit(Problem(named([10.0]), evaluate, (Block("y", 1),)))
    assert result.value("p.c0") == pytest.approx(math.exp(-3), rel=1e-9)
    assert any("shortened" in note for note in result.notes)


@pytest.mark.parametrize("start", [0.3, 3.0])
def test_discontinuous_chi2_ends(start):
    def evaluate(v):  # slope says left, the cliff at 1 says stop
        return np.array([v[0] + (0.0 if v[0] > 1 else 50.0)]), np.ones((1, 1))

    result = fit(Problem(named([start]), evaluate, (Block("y", 1),)))
    assert result.status is (FitStatus.STALLED if start > 1 else FitStatus.CONVERGED)
    assert result.evaluations < 200


def test_exact_data_converge_to_round_off():
    result = fit(decay(2 * np.exp(-0.7 * T) + 0.3, named([1, 1, 0])))
    assert result.converged
    np.testing.assert_allclose(result.parameters.vector, [2, 0.7, 0.3], rtol=1e-13)
    assert result.chi2 < 1e-28


def test_iteration_limit_is_said():
    result = fit(decay(2 * np.exp(-0.7 * T) + 0.3, named([50, 9, 4])), max_iterations=1)
    assert result.status is FitStatus.MAX_ITERATIONS


def test_no_free_parameters():
    parameters = Parameters((Parameter("p.c0", 2.0, fixed=True),))
    result = fit(Problem(parameters, lambda v: (T - 2, np.zeros((T.size, 0))), (Block("y", T.size),)), starts=3)
    assert result.converged
    assert result.covariance.shape == (0, 0)


def test_progress_is_called():
    calls = []
    fit(decay(np.exp(-T), named([2, 2, 0.1])), starts=2, progress=lambda *a: calls.append(a))
    assert {start for start, _, _ in calls} == {0, 1}
    chi2 = [c for start, _, c in calls if start == 0]
    assert chi2 == sorted(chi2, reverse=True)


NOISY = 2 * np.exp(-0.7 * T) + 0.3 + 0.05 * np.random.default_rng(2).normal(size=T.size)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-12, 12), min_size=3, max_size=3))
def test_units_do_not_matter(exponents):
    scales = 10.0 ** np.array(exponents)
    plain = fit(decay(NOISY, named([1.5, 1.0, 0.1]), 0.05))
    scaled = fit(decay(NOISY, named(np.array([1.5, 1.0, 0.1]) / scales), 0.05, scales))
    np.testing.assert_allclose(scaled.parameters.vector * scales, plain.parameters.vector, rtol=1e-9)
    np.testing.assert_allclose(scaled.sigma * scales, plain.sigma, rtol=1e-8)
    assert scaled.chi2 == pytest.approx(plain.chi2, rel=1e-12)
    assert scaled.evaluations == plain.evaluations


def test_intervals_cover_the_truth():
    truth, sigma = np.array([2.0, 0.7, 0.3]), 0.03
    rng = np.random.default_rng(20)
    curve = truth[0] * np.exp(-truth[1] * T) + truth[2]
    inside = np.zeros(3)
    for _ in range(256):
        result = fit(decay(curve + sigma * rng.normal(size=T.size), named([1.6, 0.84, 0.36]), sigma))
        assert result.converged
        inside += np.abs(result.parameters.vector - truth) <= result.sigma
    assert np.all((0.60 <= inside / 256) & (inside / 256 <= 0.76)), inside / 256


def test_json_round_trip():
    items = (
        Parameter("p.a", 1.0, lower=0.0, prior=Prior(2, 1)),
        Parameter("p.k", 1.0, tie=Tie("p.a", 0.5)),
        Parameter("p.c", 0.0),
    )
    design = np.column_stack([T, np.zeros_like(T)])
    result = fit(linear(design, T, Parameters(items)))
    text = json.dumps(result.to_dict(), allow_nan=False)
    again = FitResult.from_dict(json.loads(text))
    assert again.to_dict() == result.to_dict()
    assert again.parameters == result.parameters
    assert again.undetermined == ("p.c",)
    broken = result.to_dict()
    del broken["chi2"]
    with pytest.raises(ValueError, match="chi2"):
        FitResult.from_dict(broken)


@pytest.mark.parametrize("seed", range(6))
def test_data_far_from_zero_converge_to_their_round_off(seed):
    """Energies of 711200 with uncertainties of 0.001, in joules: chi2 is rounded at 1e-6, above the tolerance."""
    x = np.linspace(0.0, 1.0, 30)
    unit = 1.602e-19
    observed = unit * (711200.0 + 0.3 * np.expm1(1.2 * x) + np.random.default_rng(seed).normal(0.0, 1e-3, x.size))

    def residuals(vector):
        slope = np.exp(vector[2] * x)
        value = vector[0] + unit * vector[1] * (slope - 1.0)
        jacobian = np.stack([np.ones(x.size), unit * (slope - 1.0), unit * vector[1] * x * slope], axis=1)
        return (observed - value) / (1e-3 * unit), -jacobian / (1e-3 * unit)

    items = (
        Parameter("s.a", 711100.0 * unit),
        Parameter("s.b", 1.0, lower=0.0),
        Parameter("s.c", 0.3, lower=0.0, upper=20.0),
    )
    found = fit(Problem(Parameters(items), residuals, (Block("energies", x.size),)))
    assert found.converged, found.message
    assert found.chi2 < 60
