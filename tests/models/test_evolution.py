"""Paths with memory: following a minimum, folds, equal free energies, lag, and what happens when the solver fails."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, Path
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.models import kernels
from labile.models.equilibrium import equilibrium, find_minima, free_energy
from labile.models.evolution import FINEST_STEP, Landscape, crossing, evolve, trace
from labile.models.free_energy import DOMAIN_SIZE, ModelError, coefficients
from labile.models.library import electron_transfer, regular_solution, slichter_drickamer
from labile.models.populations import NotConvergedError, Populations, Status
from labile.models.transitions import slichter_drickamer_temperature
from library_cases import n_state_model

L_H_V = (State("L"), State("H"), State("V"))
TWO = slichter_drickamer()


def two_state(t_half=150.0, entropy=60.0, strength=1.3, volume=0.0):
    """Slichter-Drickamer values with Gamma = strength times the critical 2 R T1/2."""
    gamma = strength * 2 * GAS_CONSTANT * t_half
    return {
        "HS.enthalpy": t_half * entropy, "HS.entropy": entropy, "HS.volume": volume, "LS-HS.interaction": gamma,
    }  # fmt: skip


def hottest_fraction(entropy):
    """High-spin fraction just below its limit at infinite temperature."""
    return (1 - 1e-6) / (1 + np.exp(-entropy / GAS_CONSTANT))


FOLDING = {
    "two states": (TWO, two_state(volume=1e-5)),
    "three states": (
        electron_transfer(L_H_V),
        {
            "H.enthalpy": 7.2e3, "H.entropy": 80.0, "H-V.enthalpy": 900.0, "H-V.entropy": 3.0,
            "L-H.interaction": 2600.0, "H-V.interaction": -500.0,
        },
    ),
    "pairs": (
        regular_solution(L_H_V),
        {
            "H.enthalpy": 7.2e3, "H.entropy": 70.0, "H.volume": 1e-5, "V.enthalpy": 8e3, "V.entropy": 75.0,
            "V.volume": 2e-5, "L-H.interaction": 2600.0, "L-V.interaction": 2400.0, "H-V.interaction": 300.0,
        },
    ),
    "domains": (
        n_state_model(3, (("A",), ("B", "C"))),
        {
            "B.enthalpy": 6e3, "B.entropy": 60.0, "C.enthalpy": 7e3, "C.entropy": 64.0, "A-B.interaction": 1500.0,
            "A-C.interaction": 1300.0, "B-C.interaction": 200.0, DOMAIN_SIZE: 3.0,
        },
    ),
}  # fmt: skip


@pytest.fixture(params=FOLDING)
def folding(request):
    return FOLDING[request.param]


def first_fold(model, values, heating=True, window=(30.0, 300.0)):
    land = Landscape(model, Conditions(100.0, 2e7), values)
    grid = np.linspace(*(window if heating else window[::-1]), 271)
    _, _, folds = trace(land, grid, land.global_minimum(float(grid[0])))
    assert folds, "the case must fold"
    return land, folds[0][1]


def curvature(land, temperature, x):
    """Smallest eigenvalue of Hessian/RT on sum dx = 0 in y = dx/sqrt(x), and the spread of mu/RT."""
    c = land.coefficients(np.array([temperature]), derivatives=False)
    rt = GAS_CONSTANT * temperature
    same = land.manifold[:, None] == land.manifold[None, :]
    big = same @ x
    root = np.sqrt(x)
    scaled = np.eye(x.size) + np.outer(root, root) * (c.w[0] / rt + land.mi * same / big[:, None])
    tangent = np.linalg.svd(root[None, :])[2][1:]
    mu = c.g[0] + c.w[0] @ x + rt * (np.log(x) + land.mi * np.log(big))
    return float(np.linalg.eigvalsh(tangent @ scaled @ tangent.T)[0]), float(np.ptp(mu)) / rt


@pytest.mark.parametrize("heating", [True, False])
def test_a_fold_is_stationary_and_singular(folding, heating):
    land, fold = first_fold(*folding, heating)
    softest, spread = curvature(land, fold.temperature, fold.x)
    assert abs(softest) < 1e-8
    assert spread < 1e-8
    softest, spread = curvature(land, fold.temperature, fold.x_after)
    assert softest > 1e-3
    assert spread < 1e-8
    assert np.max(np.abs(fold.x - fold.x_after)) > 0.05
    assert fold.heating is heating
    # just before the fold the minimum is still there, just after it is not
    direction = 1.0 if heating else -1.0
    for side, there in ((-1.0, True), (1.0, False)):
        t = fold.temperature + side * direction * 0.01
        minima = find_minima(land.model, land.conditions(np.array([t])), land.values)
        distance = np.max(np.abs(minima.x[0, : minima.count[0]] - fold.x), axis=1).min()
        assert bool(distance < 0.05) is there


@pytest.mark.parametrize("heating", [True, False])
def test_derivatives_of_a_fold_are_those_of_solving_it_again(folding, heating):
    model, values = folding
    _, fold = first_fold(model, values, heating)
    names = coefficients(model, Conditions(100.0, 2e7), values).parameter_names
    for k, name in enumerate(names):
        h = 1e-4 * max(abs(values[name]), 1e-3 if name.endswith("volume") else 1.0)
        if name.endswith("volume"):
            h = 1e-9
        plus, minus = (first_fold(model, {**values, name: values[name] + s * h}, heating)[1] for s in (1, -1))
        for attribute, exact in (
            ("temperature", fold.t_theta[k]),
            ("x", fold.x_theta[k]),
            ("x_after", fold.after_theta[k]),
        ):
            found = (getattr(plus, attribute) - getattr(minus, attribute)) / (2 * h)
            scale = np.max(np.abs(getattr(fold, attribute))) / max(abs(values[name]), 1e-5 * abs(h))
            np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-6 * scale, err_msg=f"{name}: {attribute}")


@settings(max_examples=60, deadline=None)
@given(st.floats(60.0, 400.0), st.floats(35.0, 120.0), st.floats(1.1, 2.2), st.booleans())
def test_folds_of_two_states_are_the_turning_points_of_the_closed_form(t_half, entropy, strength, heating):
    values = two_state(t_half, entropy, strength)
    n = np.linspace(1e-4, hottest_fraction(entropy), 40001)
    t = slichter_drickamer_temperature(
        n, enthalpy=values["HS.enthalpy"], entropy=entropy, interaction=values["LS-HS.interaction"]
    )
    turning = np.flatnonzero(np.diff(np.sign(np.diff(t)))) + 1
    # two turning points; more or a closed island are the cases of a trapped crystal, tested elsewhere
    assume(np.all(np.isfinite(t)) and turning.size == 2)
    up, down = t[turning].max(), t[turning].min()
    land = Landscape(TWO, Conditions(100.0), values)
    grid = np.linspace(down / 2, up * 1.5, 301)
    grid = grid if heating else grid[::-1]
    _, _, folds = trace(land, grid, land.global_minimum(float(grid[0])))
    assert len(folds) == 1
    # the turning point of the table of T(n) is good to its spacing squared
    assert folds[0][1].temperature == pytest.approx(up if heating else down, abs=1e-4 * t_half)


@settings(max_examples=40, deadline=None)
@given(st.floats(80.0, 300.0), st.floats(0.3, 2.0), st.booleans())
def test_the_crystal_stays_in_its_minimum_while_it_exists(t_half, strength, heating):
    """Twenty-five points against a continuation that is a hundred times denser: they agree at every point."""
    values = two_state(t_half, 60.0, strength)
    coarse = np.linspace(0.6 * t_half, 1.6 * t_half, 25)
    coarse = coarse if heating else coarse[::-1]
    make = Path.heating if heating else Path.cooling
    x = evolve(TWO, make(float(coarse[0]), float(coarse[-1]), 25), values, derivatives=False).of("HS")
    # the closed form, walked by hand: the branch ends where T(n) turns
    n = np.linspace(1e-7, hottest_fraction(60.0), 400001)[:: 1 if heating else -1]
    t = slichter_drickamer_temperature(
        n, enthalpy=values["HS.enthalpy"], entropy=60.0, interaction=values["LS-HS.interaction"]
    )
    assume(np.all(np.isfinite(t)))
    sign = 1.0 if heating else -1.0
    reached = np.maximum.accumulate(sign * t)
    fresh = np.flatnonzero(sign * t >= reached)
    expected = np.interp(sign * coarse, sign * t[fresh], n[fresh])
    # a point closer to the fold than the table's spacing is decided by the table
    rise = np.abs(np.diff(n[fresh])) > 0.01
    edges = t[fresh][:-1][rise]
    near = np.any(np.abs(coarse[:, None] - edges[None, :]) < 1e-3 * t_half, axis=1) if edges.size else False
    after_gap = np.where(near, x, expected)
    np.testing.assert_allclose(x, after_gap, atol=2e-4)


def test_the_answer_does_not_depend_on_the_grid(folding):
    model, values = folding
    coarse = evolve(model, Path.heating(30.0, 300.0, 19), values)
    dense = evolve(model, Path.heating(30.0, 300.0, 2701), values)
    np.testing.assert_allclose(coarse.x, dense.x[::150], atol=1e-8)


@pytest.mark.parametrize("heating", [True, False])
def test_equal_free_energies(folding, heating):
    land, fold = first_fold(*folding, heating)
    found = crossing(land, fold)
    assert found is not None
    assert (found.temperature < fold.temperature) is heating
    both = np.stack([found.x_low, found.x_high])
    g, g_t, _ = free_energy(land.model, land.conditions(np.full(2, found.temperature)), land.values, both)
    assert abs(g[0] - g[1]) < 1e-7 * GAS_CONSTANT * found.temperature
    # the one that is stable above has the larger entropy
    assert -g_t[1] > -g_t[0]
    for x in both:
        softest, spread = curvature(land, found.temperature, x)
        assert softest > 1e-4
        assert spread < 1e-8
    names = coefficients(land.model, land.template, land.values).parameter_names
    for k, name in enumerate(names):
        h = 1e-9 if name.endswith("volume") else 1e-4 * max(abs(land.values[name]), 1.0)
        moved = []
        for s in (1, -1):
            values = {**land.values, name: land.values[name] + s * h}
            other, its_fold = first_fold(land.model, values, heating)
            moved.append(crossing(other, its_fold).temperature)
        exact = found.t_theta[k]
        assert (moved[0] - moved[1]) / (2 * h) == pytest.approx(exact, rel=1e-4, abs=1e-7 / h * 1e-2)


def test_crossing_and_fold_of_a_symmetric_loop_are_found_from_both_sides():
    up, down = (crossing(*first_fold(TWO, two_state(), heating, (60.0, 300.0))) for heating in (True, False))
    assert up.temperature == pytest.approx(down.temperature, rel=1e-9)
    np.testing.assert_allclose(up.x_low, down.x_low, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 1.0), st.booleans())
def test_lag_lies_between_maxwell_and_spinodal(lag, heating):
    values = two_state()
    land, fold = first_fold(TWO, values, heating, (60.0, 300.0))
    maxwell = crossing(land, fold).temperature
    switch = maxwell + lag * (fold.temperature - maxwell)
    make = Path.heating(100.0, 220.0, 241) if heating else Path.cooling(220.0, 100.0, 241)
    lags = {"lag_up": lag} if heating else {"lag_down": lag}
    x = evolve(TWO, Path(Conditions(make.conditions.temperature, 2e7)), values, derivatives=False, **lags)
    high = x.of("HS") > 0.5
    t = make.conditions.temperature
    expected = t >= switch
    doubtful = np.abs(t - switch) < 1e-6
    np.testing.assert_array_equal(high[~doubtful], expected[~doubtful])
    assert x.converged


def test_a_full_cycle_with_lag_remembers_where_it_was():
    values = two_state(volume=0.0)
    up = np.linspace(100.0, 220.0, 61)
    cycle = np.concatenate([up, up[-2::-1], up[1:]])
    for lag in (0.0, 0.3, 1.0):
        x = evolve(TWO, Path(Conditions(cycle)), values, lag_up=lag, lag_down=lag, derivatives=False)
        assert x.branch == "path"
        assert x.converged
        np.testing.assert_allclose(x.x[120:], x.x[:61], atol=1e-8)


def test_a_point_exactly_on_the_switch_of_both_directions_does_not_flip_for_ever():
    values = two_state(t_half=150.0)
    path = Path(Conditions([150.0, 220.0, 150.0, 100.0, 150.0, 220.0]))
    x = evolve(TWO, path, values, lag_up=0.0, lag_down=0.0, derivatives=False)
    assert x.converged
    assert (x.of("HS") > 0.5)[[1, 3, 5]].tolist() == [True, False, True]


def test_a_path_may_start_in_a_metastable_state():
    values = two_state()
    t = np.array([147.0, 146.5, 100.0])
    high = evolve(TWO, Path(Conditions(t), start="HS"), values)
    low = evolve(TWO, Path(Conditions(t)), values)
    assert high.of("HS")[0] > 0.5 > low.of("HS")[0]
    np.testing.assert_allclose(high.x[2], low.x[2], atol=1e-9)


@pytest.mark.parametrize("gamma", [1e5, 1e6])
def test_a_huge_interaction_traps_the_crystal(gamma):
    values = two_state() | {"LS-HS.interaction": gamma}
    x = evolve(TWO, Path.heating(1.0, 400.0, 60), values)
    assert x.converged
    assert np.all(x.of("HS") < 0.5)
    assert np.all(np.isfinite(x.x_theta))


def test_a_gradual_crossover_has_no_fold_and_is_the_equilibrium():
    values = two_state(strength=0.9)
    path = Path.heating(50.0, 300.0, 40)
    land = Landscape(TWO, path.conditions, values)
    t = path.conditions.temperature
    assert trace(land, t, land.global_minimum(50.0))[2] == []
    np.testing.assert_allclose(evolve(TWO, path, values).x, equilibrium(TWO, path.conditions, values).x, atol=1e-9)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        (Path.heating(100.0, 200.0, 5), {"lag_up": 1.5}, "lag_up must lie between 0"),
        (Path.heating(100.0, 200.0, 5), {"lag_down": -0.1}, "lag_down must lie between 0"),
        (Path(Conditions([100.0, 110.0], [1e5, 2e5])), {"lag_up": 0.5}, "the pressure changes along the path"),
        (Path(Conditions([100.0]), start="XS"), {}, "start 'XS' is neither"),
    ],
)
def test_what_a_path_may_not_be(path, options, message):
    with pytest.raises(ModelError, match=message):
        evolve(TWO, path, two_state(), **options)


def failing_follow(at):
    """A follower that reports failure for temperatures (K) within `at`, and works otherwise."""
    genuine = kernels.follow_points

    def follow(g, w, rt, mi, manifold, start, us, status, max_iterations):
        genuine(g, w, rt, mi, manifold, start, us, status, max_iterations)
        t = rt / GAS_CONSTANT
        failed = (t > at[0]) & (t < at[1])
        us[failed], status[failed] = np.nan, kernels.NOT_CONVERGED

    return follow


def test_a_solver_that_fails_leaves_a_gap(monkeypatch):
    values = two_state(strength=0.8)
    good = evolve(TWO, Path.heating(100.0, 200.0, 11), values)
    monkeypatch.setattr(kernels, "follow_points", failing_follow((135.0, 155.0)))
    x = evolve(TWO, Path.heating(100.0, 200.0, 11), values)
    failed = x.status == Status.NOT_CONVERGED
    np.testing.assert_array_equal(np.flatnonzero(failed), [4, 5])
    for array in (x.x, x.x_t, x.x_p, x.x_tt, x.x_theta, x.x_t_theta):
        assert np.all(np.isnan(array[failed]))
        assert np.all(np.isfinite(array[~failed]))
    np.testing.assert_allclose(x.x[~failed], good.x[~failed], atol=1e-9)


def test_a_solver_that_fails_at_a_jump_is_an_error(monkeypatch):
    values = two_state(strength=1.3)
    _, fold = first_fold(TWO, values, True, (60.0, 300.0))
    t = fold.temperature
    path = Path(Conditions(np.linspace(t - 20, t + 20, 4), 2e7))
    width = 30 * FINEST_STEP
    monkeypatch.setattr(kernels, "follow_points", failing_follow((t - width, t + width)))
    with pytest.raises(NotConvergedError, match="no minimum was reached just past"):
        evolve(TWO, path, values)


def test_a_solver_that_always_fails_gives_no_number(monkeypatch):
    monkeypatch.setattr(kernels, "follow_points", failing_follow((0.0, 1e9)))
    x = evolve(TWO, Path.heating(100.0, 200.0, 5), two_state())
    assert np.all(x.status == Status.NOT_CONVERGED)
    assert np.all(np.isnan(x.x))


@pytest.mark.parametrize(
    ("x", "status", "message"),
    [
        ([[0.5, 0.5], [np.nan, np.nan]], [0, 0], "NaN"),
        ([[0.6, 0.5], [0.5, 0.5]], [0, 0], "does not sum to 1"),
        ([[1.1, -0.1], [0.5, 0.5]], [0, 0], "negative"),
        ([[0.5, 0.5], [0.5, 0.5]], [0, 1], "did not converge carries numbers"),
    ],
)
def test_populations_refuse_what_cannot_be(x, status, message):
    x = np.array(x)
    nothing = np.zeros((2, 0, 2))
    with pytest.raises(ValueError, match=message):
        Populations(("A", "B"), x, x, x, x, (), nothing, nothing, np.array(status))
