"""Switching temperatures: limits known in closed form, what is refused, what does not exist."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models.equilibrium import Minima
from labile.models.free_energy import ModelError
from labile.models.library import slichter_drickamer
from labile.models.populations import NotConvergedError, Status
from labile.models.transitions import (
    equilibrium_transition,
    require_transition,
    side_populations,
    switching_temperature,
    transitions,
)
from library_cases import n_state_model

MODEL = slichter_drickamer()


def values(t_half, strength, entropy=60.0):
    """Gamma is `strength` times the critical 2 R T1/2."""
    return {
        "HS.enthalpy": t_half * entropy, "HS.entropy": entropy, "HS.volume": 0.0,
        "LS-HS.interaction": strength * 2 * GAS_CONSTANT * t_half,
    }  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.floats(60.0, 400.0), st.floats(0.0, 2.0))
@example(147.0, 1.0)
@example(60.0, 1.0)
@example(248.77, 1.0)
def test_t_half_of_a_symmetric_interaction_is_enthalpy_over_entropy(t_half, strength):
    found = equilibrium_transition(MODEL, values(t_half, strength), Conditions(100.0))
    assert found.temperature == pytest.approx(t_half, rel=1e-7)
    # names: enthalpy, entropy, volume, interaction; T1/2 = H/S whatever Gamma is. At strength 1, the critical point,
    # x is known to the cube root of the solver's tolerance, and so are the derivatives
    rtol = 1e-3 if abs(strength - 1.0) < 1e-6 else 1e-4
    np.testing.assert_allclose(found.t_theta[:2], [1 / 60.0, -t_half / 60.0], rtol=rtol)
    assert found.t_theta[3] == pytest.approx(0.0, abs=1e-6 if rtol == 1e-4 else 1e-3)


@settings(max_examples=25, deadline=None)
@given(st.floats(80.0, 300.0), st.floats(1.15, 1.9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_loop_encloses_t_half_and_lag_narrows_it(t_half, strength, lag_up, lag_down):
    full = transitions(MODEL, values(t_half, strength))
    partial = transitions(MODEL, values(t_half, strength), lag_up=lag_up, lag_down=lag_down)
    middle = full.t_half.temperature
    up, down = full.t_half_up.temperature, full.t_half_down.temperature
    assert down < middle < up
    assert partial.t_half_up.temperature == pytest.approx(middle + lag_up * (up - middle), abs=1e-5)
    assert partial.t_half_down.temperature == pytest.approx(middle + lag_down * (down - middle), abs=1e-5)
    assert not full.trapped


def test_a_gradual_crossover_switches_at_t_half_in_both_directions():
    found = transitions(MODEL, values(180.0, 0.8))
    assert [s.kind for s in (found.t_half, found.t_half_up, found.t_half_down)] == ["gradual"] * 3
    assert found.hysteresis_width == pytest.approx(0.0, abs=1e-9)


def test_no_switch_in_the_window_is_none():
    assert equilibrium_transition(MODEL, values(180.0, 0.8), Conditions(100.0), (10.0, 120.0)) is None
    with pytest.raises(NotConvergedError, match="heating: the model has no such transition"):
        require_transition(None, "heating")


def test_a_model_that_names_no_step_is_refused():
    model = n_state_model(2)
    given_values = {"B.enthalpy": 9e3, "B.entropy": 60.0, "A-B.interaction": 0.0}
    with pytest.raises(ModelError, match="does not say which states lie above the step"):
        equilibrium_transition(model, given_values, Conditions(100.0))


def test_a_phase_that_is_not_found_is_an_error_and_no_number(monkeypatch):
    def one_only(model, conditions, values):
        n = len(conditions)
        x = np.full((n, 4, 2), np.nan)
        x[:, 0] = [0.9, 0.1]
        return Minima(("LS", "HS"), x, np.full((n, 4), np.nan), np.ones(n, dtype=int), np.zeros(n, dtype=int))

    monkeypatch.setattr("labile.models.transitions.find_minima", one_only)
    with pytest.raises(NotConvergedError, match="the two phases that meet at 150 K were not both found"):
        equilibrium_transition(MODEL, values(150.0, 1.4), Conditions(100.0))


@pytest.mark.parametrize("high", [True, False])
def test_a_branch_ends_at_its_fold(high):
    loop = values(150.0, 1.4)
    fold_t = switching_temperature(MODEL, loop, Conditions(100.0), heating=not high).temperature
    t = np.array([fold_t - 5.0, fold_t - 0.5, fold_t + 0.5, fold_t + 5.0])
    x, fold = side_populations(MODEL, Conditions(t), loop, high=high)
    assert fold.temperature == pytest.approx(fold_t, abs=1e-6)
    past = t < fold_t if high else t > fold_t
    np.testing.assert_array_equal(x.status == Status.PAST_FOLD, past)
    np.testing.assert_allclose(x.x[past], np.broadcast_to(fold.x, (2, 2)))
    assert np.all(x.x_t[past] == 0.0)
    assert np.all((x.of("HS")[~past] > 0.5) == high)
