"""The compiled solvers against algebra that shares nothing with them: stationarity, curvature, limits, failures."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.core.parameters import ParameterError
from labile.models import kernels
from labile.models.equilibrium import MAX_ITERATIONS, equilibrium, find_minima
from labile.models.evolution import Landscape
from labile.models.free_energy import DOMAIN_SIZE, coefficients
from labile.models.library import regular_solution
from labile.models.populations import NotConvergedError, Status
from library_cases import LETTERS, n_state_model

INTERACTIONS = st.floats(-8e3, 2e4)


@st.composite
def landscapes(draw, domains=False, interaction=INTERACTIONS):
    """A model of 2 to 6 states with values; the entropies and interactions may be zero or shared."""
    n = draw(st.integers(2, 6))
    manifolds = ()
    if domains:
        cut = draw(st.integers(1, n - 1))
        manifolds = (tuple(LETTERS[:cut]), tuple(LETTERS[cut:n]))
    model = n_state_model(n, manifolds)
    values = {}
    for letter in LETTERS[1:n]:
        values[f"{letter}.enthalpy"] = draw(st.one_of(st.just(0.0), st.floats(-2e4, 3e4)))
        values[f"{letter}.entropy"] = draw(st.one_of(st.just(0.0), st.floats(-20.0, 120.0)))
    for a, b in combinations(LETTERS[:n], 2):
        values[f"{a}-{b}.interaction"] = draw(st.one_of(st.just(0.0), interaction))
    if domains:
        values[DOMAIN_SIZE] = draw(st.floats(1.0, 50.0))
    return model, values


temperatures = st.floats(0.0, np.log10(2000.0)).map(lambda power: 10.0**power)


def potentials_and_curvature(model, values, temperature, x):
    """Spread of mu/RT and the smallest curvature/RT on sum dx = 0, in y = dx/sqrt(x); from the formula of G."""
    c = coefficients(model, Conditions(temperature), values, derivatives=False)
    rt = GAS_CONSTANT * temperature
    mi = 1.0 / values.get(DOMAIN_SIZE, 1.0) - 1.0
    index = model.manifold_index()
    present = x > 0
    big = np.array([x[index == m].sum() for m in index])
    mu = c.g[0] + c.w[0] @ x + rt * np.log(np.where(present, x, 1.0)) + mi * rt * np.log(np.where(big > 0, big, 1.0))
    root = np.sqrt(x)
    scaled = np.eye(x.size) + root[:, None] * c.w[0] * root[None, :] / rt
    same = (index[:, None] == index[None, :]) & (big > 0)[:, None]
    scaled += mi * np.where(same, root[:, None] * root[None, :] / np.where(big > 0, big, 1.0)[:, None], 0.0)
    tangent = np.linalg.svd(root[None, :])[2][1:]
    # populations below the range of floats stand for potentials that cannot be rebuilt from x
    return np.ptp(mu[present]) / rt, float(np.linalg.eigvalsh(tangent @ scaled @ tangent.T)[0])


def assert_minima(model, values, temperature):
    minima = find_minima(model, Conditions(temperature), values)
    count = int(minima.count[0])
    assert count >= 1
    assert np.all(np.isnan(minima.x[0, count:]))
    assert np.all(np.diff(minima.energy[0, :count]) >= 0)
    for x in minima.x[0, :count]:
        assert x.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.min(x) >= 0
        spread, curvature = potentials_and_curvature(model, values, temperature, x)
        # the solver accepts 1e-10; below x = 1e-290 the logarithm of x loses digits
        if np.min(x[x > 0]) > 1e-290:
            assert spread < 1e-8
        assert curvature > -1e-9
    return minima


@settings(max_examples=200, deadline=None)
@given(landscapes(), temperatures)
def test_every_minimum_is_stationary_and_stable(case, temperature):
    assert_minima(*case, temperature)


@settings(max_examples=150, deadline=None)
@given(landscapes(domains=True), temperatures)
def test_every_minimum_in_domains_is_stationary_and_stable(case, temperature):
    assert_minima(*case, temperature)


@settings(max_examples=100, deadline=None)
@given(landscapes(interaction=st.just(0.0)), temperatures)
def test_without_interactions_populations_are_boltzmann(case, temperature):
    model, values = case
    c = coefficients(model, Conditions(temperature), values, derivatives=False)
    weight = np.exp(-(c.g[0] - c.g[0].min()) / (GAS_CONSTANT * temperature))
    minima = assert_minima(model, values, temperature)
    assert minima.count[0] == 1
    np.testing.assert_allclose(minima.x[0, 0], weight / weight.sum(), rtol=0, atol=1e-9)
    x = equilibrium(model, Conditions(temperature), values)
    np.testing.assert_allclose(x.x[0], weight / weight.sum(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("gamma", [2e4, 1e6, 1e8])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a_huge_interaction_makes_every_state_a_phase(n, gamma):
    model = n_state_model(n)
    values = dict.fromkeys(model.parameters.names, 0.0) | {
        name: gamma for name in model.parameters.names if name.endswith("interaction")
    }
    minima = assert_minima(model, values, 100.0)
    assert minima.count[0] == n
    np.testing.assert_allclose(np.sort(minima.x[0, :n], axis=1)[:, -1], 1.0, atol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("temperature", [1.0, 50.0, 2000.0])
def test_identical_states_share_alike(n, temperature):
    model = regular_solution([State(letter) for letter in LETTERS[:n]])
    values = dict.fromkeys(model.parameters.names, 0.0)
    minima = assert_minima(model, values, temperature)
    assert minima.count[0] == 1
    np.testing.assert_allclose(minima.x[0, 0], 1.0 / n, atol=1e-9)


@pytest.mark.parametrize("m", [1.0, 7.0, 400.0])
def test_domains_of_three_and_two_states_without_interaction(m):
    """X_M ~ Z_M^m with Z_M the sum of the Boltzmann weights of its members, which share X_M by these weights."""
    model = n_state_model(5, (("A", "B", "C"), ("D", "E")))
    values = dict.fromkeys(model.parameters.names, 0.0) | {
        "B.enthalpy": 900.0, "C.enthalpy": 400.0, "C.entropy": 3.0, "D.enthalpy": 9e3, "D.entropy": 80.0,
        "E.enthalpy": 9.5e3, "E.entropy": 83.0, DOMAIN_SIZE: m,
    }  # fmt: skip
    temperature = np.array([60.0, 108.0, 110.0, 112.0, 300.0])
    x = equilibrium(model, Conditions(temperature), values).require_converged().x
    g = coefficients(model, Conditions(temperature), values, derivatives=False).g
    weight = np.exp(-g / (GAS_CONSTANT * temperature[:, None]))
    low, high = weight[:, :3].sum(axis=1), weight[:, 3:].sum(axis=1)
    share = 1.0 / (1.0 + np.exp(np.minimum(m * np.log(low / high), 700.0)))
    np.testing.assert_allclose(x[:, 3:].sum(axis=1), share, atol=1e-9)
    within = np.log(x[:, 3:4] / x[:, 4:]) if m < 100 else np.log(x[3:, 3:4] / x[3:, 4:])
    np.testing.assert_allclose(within, np.log(weight[-len(within) :, 3:4] / weight[-len(within) :, 4:]), atol=1e-8)


def test_a_descent_that_starts_on_a_symmetry_leaves_the_saddle():
    """The centre of two like rivals leads to their saddle; G changes by less than its round-off long before."""
    model = n_state_model(4)
    values = dict.fromkeys(model.parameters.names, 0.0) | {"D.enthalpy": 621.0, "B-C.interaction": 3040.0}
    minima = assert_minima(model, values, 30.0)
    assert minima.count[0] == 2
    assert minima.failures[0] == 0


def test_when_more_minima_exist_than_are_kept_the_lowest_are():
    """Six states in three pairs of rivals: eight phases, each of one member of every pair; A, C and E are favoured."""
    model = n_state_model(6)
    names = [name for name in model.parameters.names if name.endswith("interaction")]
    rivals = {"A-B.interaction", "C-D.interaction", "E-F.interaction"}
    values = dict.fromkeys(model.parameters.names, 0.0) | {name: 6e4 * (name in rivals) for name in names}
    values |= {"B.enthalpy": 300.0, "D.enthalpy": 200.0, "F.enthalpy": 100.0}
    minima = find_minima(model, Conditions(300.0), values)
    assert 1 <= minima.count[0] <= 8
    np.testing.assert_array_equal(minima.x[0, 0] > 0.1, [True, False, True, False, True, False])
    few, energies = np.empty((2, 6)), np.empty(2)
    c = coefficients(model, Conditions(300.0), values, derivatives=False)
    count, _ = kernels.all_minima(
        c.g[0], c.w[0], GAS_CONSTANT * 300.0, 0.0, model.manifold_index(), np.zeros(6), False, few, energies,
        MAX_ITERATIONS, kernels.buffers(6), np.empty(6), np.empty(6),
    )  # fmt: skip
    assert count == 2
    np.testing.assert_allclose(energies, minima.energy[0, :2], atol=1e-6)


def test_a_failed_point_of_a_path_does_not_move_the_crystal_to_another_minimum():
    """After failures a descent starts from the last minimum that was reached, never from the centre."""
    g = np.array([[0.0, 100.0], [0.0, np.nan], [0.0, np.nan], [0.0, 100.0]])
    w = np.array([[[0.0, 8e3], [8e3, 0.0]]])
    rt = np.full(4, GAS_CONSTANT * 100.0)
    log_x, status = np.empty((4, 2)), np.zeros(4, dtype=np.int64)
    start = np.log([1e-3, 1 - 1e-3])
    kernels.follow_points(g, w, rt, 0.0, np.zeros(2, dtype=np.int64), start, log_x, status, MAX_ITERATIONS)
    assert status.tolist() == [Status.CONVERGED, Status.NOT_CONVERGED, Status.NOT_CONVERGED, Status.CONVERGED]
    assert np.all(np.isnan(log_x[1:3]))
    np.testing.assert_allclose(log_x[3], log_x[0], atol=1e-9)
    assert np.exp(log_x[3, 1]) > 0.9


def test_too_few_iterations_are_a_status_and_never_a_number(monkeypatch):
    model = n_state_model(3)
    values = dict.fromkeys(model.parameters.names, 0.0) | {"B.enthalpy": 5e3, "B.entropy": 40.0, "A-C.interaction": 2e3}
    monkeypatch.setattr("labile.models.equilibrium.MAX_ITERATIONS", 1)
    monkeypatch.setattr("labile.models.evolution.MAX_ITERATIONS", 1)
    conditions = Conditions([80.0, 200.0])
    x = equilibrium(model, conditions, values)
    assert x.status.tolist() == [Status.NOT_CONVERGED] * 2
    for array in (x.x, x.x_t, x.x_p, x.x_tt, x.x_theta, x.x_t_theta):
        assert np.all(np.isnan(array))
    assert not x.converged
    with pytest.raises(NotConvergedError, match="2 of 2"):
        x.require_converged()
    minima = find_minima(model, conditions, values)
    assert minima.count.tolist() == [0, 0]
    assert np.all(minima.failures > 0)
    assert np.all(np.isnan(minima.x))
    assert np.all(np.isnan(minima.energy))
    with pytest.raises(NotConvergedError, match="no minimum was found at 80 K"):
        Landscape(model, conditions, values).global_minimum(80.0)


def test_numbers_that_are_not_finite_never_converge():
    g, w = np.array([[0.0, np.nan]]), np.zeros((1, 2, 2))
    log_x, status = np.empty((1, 2)), np.zeros(1, dtype=np.int64)
    kernels.lowest_over_points(g, w, np.array([800.0]), 0.0, np.zeros(2, dtype=np.int64), log_x, status, MAX_ITERATIONS)
    assert status[0] == Status.NOT_CONVERGED
    assert np.all(np.isnan(log_x))
    model = n_state_model(2)
    with pytest.raises(ParameterError, match=r"B\.enthalpy must be a finite number, found nan"):
        equilibrium(model, Conditions(100.0), {"B.enthalpy": np.nan, "B.entropy": 1.0, "A-B.interaction": 0.0})


@pytest.mark.parametrize("temperature", [2.0, 8.0, 20.0, 26.0, 40.0])
def test_states_trapped_far_above_the_ground_state_are_found(temperature):
    # at low temperature a pure state i is a minimum where g_j + W_ij > g_i for every other state j
    values = {"B.enthalpy": 9e3, "B.entropy": 60.0, "C.enthalpy": 13e3, "C.entropy": 72.0}
    values |= {"A-B.interaction": 14e3, "A-C.interaction": 14e3, "B-C.interaction": 13e3}
    model = n_state_model(3)
    minima = find_minima(model, Conditions(temperature), model.parameters.as_dict() | values)
    assert minima.count[0] == 3
    assert np.sort(np.max(minima.x[0, :3], axis=1))[0] > 0.99
