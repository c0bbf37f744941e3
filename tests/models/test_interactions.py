"""Interactions that change with pressure and temperature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.models.contributions import EnthalpyEntropy, PairInteraction, PressureVolume
from labile.models.equilibrium import equilibrium, free_energy
from labile.models.free_energy import Coefficients, Model, ModelError, coefficients
from labile.models.interactions import InteractionSlopes
from labile.models.library import LS_HS, slichter_drickamer
from labile.models.transitions import transitions

IN_PRESSURE, IN_TEMPERATURE = "LS-HS.interaction_pressure_slope", "LS-HS.interaction_temperature_slope"
STEP = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}


def crystal(reference=250.0):
    terms = (*slichter_drickamer().contributions, InteractionSlopes("LS-HS", (), reference))
    return Model("test", LS_HS, terms, shifted=("HS",))


def test_without_slopes_nothing_changes_and_w_keeps_its_single_row():
    conditions, values = Conditions([100.0, 250.0], 1e8), STEP | {IN_PRESSURE: 0.0, IN_TEMPERATURE: 0.0}
    assert coefficients(crystal(), conditions, values, derivatives=False).w.shape == (1, 2, 2)
    plain = equilibrium(slichter_drickamer(), conditions, STEP)
    with_slopes = equilibrium(crystal(), conditions, values)
    np.testing.assert_allclose(with_slopes.x, plain.x, rtol=1e-12)
    assert {IN_PRESSURE, IN_TEMPERATURE} == {
        one.name for one in crystal().parameters if one.name not in STEP and one.fixed and one.value == 0
    }


def test_interaction_at_every_condition():
    conditions = Conditions([200.0, 250.0, 300.0], [AMBIENT_PRESSURE, 1e8, 5e8])
    values = STEP | {IN_PRESSURE: -4e-6, IN_TEMPERATURE: 3.0}
    c = coefficients(crystal(), conditions, values)
    p, t = conditions.pressure - AMBIENT_PRESSURE, conditions.temperature - 250.0
    np.testing.assert_allclose(c.w[:, 0, 1], 6e3 - 4e-6 * p + 3.0 * t, rtol=1e-14)
    np.testing.assert_array_equal(c.w, np.swapaxes(c.w, 1, 2))
    np.testing.assert_allclose(c.w_theta[:, c.parameter(IN_PRESSURE), 0, 1], p)
    np.testing.assert_allclose(c.w_theta[:, c.parameter(IN_TEMPERATURE), 1, 0], t)
    assert np.all(c.w_t_theta[:, c.parameter(IN_TEMPERATURE), 0, 1] == 1.0)
    assert not np.any(c.w_t_theta[:, c.parameter(IN_PRESSURE)])


@settings(max_examples=10, deadline=None)
@given(st.floats(-8e-6, 4e-6), st.floats(-12.0, 6.0))
def test_symmetric_interaction_does_not_move_t_half_but_decides_the_loop(in_pressure, in_temperature):
    """T1/2 = (H + p V)/S for any Gamma(T, P) n (1 - n); there is a loop where Gamma(T1/2, P) > 2 R T1/2."""
    values = STEP | {IN_PRESSURE: in_pressure, IN_TEMPERATURE: in_temperature}
    p = 4e8
    found = transitions(crystal(), values, pressure=p + AMBIENT_PRESSURE)
    wanted = (15e3 + 1e-5 * p) / 60.0
    assert found.t_half.temperature == pytest.approx(wanted, rel=1e-6)
    gamma = 6e3 + in_pressure * p + in_temperature * (wanted - 250.0)
    ratio = gamma / (2 * GAS_CONSTANT * wanted)
    if abs(ratio - 1) > 0.05:
        assert (found.t_half.kind == "equilibrium") == (ratio > 1)


def test_pressure_dependence_closes_the_loop_at_the_pressure_where_gamma_is_critical():
    """Critical end point: Gamma(P) = 2 R T1/2(P), a linear equation here."""
    slope = -4e-6
    values = STEP | {IN_PRESSURE: slope, IN_TEMPERATURE: 0.0}
    critical = (6e3 - 2 * GAS_CONSTANT * 250.0) / (2 * GAS_CONSTANT * 1e-5 / 60.0 - slope)
    below, above = (transitions(crystal(), values, pressure=AMBIENT_PRESSURE + f * critical) for f in (0.97, 1.03))
    assert below.hysteresis_width > 1e-3
    assert above.hysteresis_width == pytest.approx(0.0, abs=1e-9)
    assert above.t_half.kind == "gradual"


def test_volume_and_entropy_of_the_mixture():
    """The term is part of G: it adds x_a x_b Gamma_P to V and takes x_a x_b Gamma_T off S."""
    conditions, x = Conditions(230.0, 2e8), np.array([[0.3, 0.7]])
    with_slopes = free_energy(crystal(), conditions, STEP | {IN_PRESSURE: 3e-6, IN_TEMPERATURE: -5.0}, x)
    without = free_energy(crystal(), conditions, STEP | {IN_PRESSURE: 0.0, IN_TEMPERATURE: 0.0}, x)
    assert (with_slopes[2] - without[2])[0] == pytest.approx(0.21 * 3e-6, rel=1e-12)
    assert (with_slopes[1] - without[1])[0] == pytest.approx(0.21 * -5.0, rel=1e-12)


def test_derivatives_of_populations_on_both_sides_of_a_step():
    model, values = crystal(), STEP | {"LS-HS.interaction": 3e3, IN_PRESSURE: 2e-6, IN_TEMPERATURE: -3.0}
    t, p = np.array([220.0, 255.0, 290.0]), 1e8
    x = equilibrium(model, Conditions(t, p), values)
    hot, cold = (equilibrium(model, Conditions(t + s * 1e-2, p), values) for s in (1, -1))
    more, less = (equilibrium(model, Conditions(t, p + s * 1e4), values) for s in (1, -1))
    np.testing.assert_allclose((hot.x - cold.x) / 2e-2, x.x_t, rtol=1e-6)
    np.testing.assert_allclose((hot.x_t - cold.x_t) / 2e-2, x.x_tt, rtol=1e-5)
    np.testing.assert_allclose((more.x - less.x) / 2e4, x.x_p, rtol=1e-6)
    for name, h in ((IN_PRESSURE, 1e-9), (IN_TEMPERATURE, 1e-3)):
        k = x.parameter_names.index(name)
        high, low = (equilibrium(model, Conditions(t, p), values | {name: values[name] + s * h}) for s in (1, -1))
        np.testing.assert_allclose((high.x - low.x) / (2 * h), x.x_theta[:, k], rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose((high.x_t - low.x_t) / (2 * h), x.x_t_theta[:, k], rtol=1e-4, atol=1e-9)


def test_several_pairs_share_slopes():
    states = (State("L"), State("H"), State("V"))
    term = InteractionSlopes("L-H", (("L", "H"), ("L", "V")), 100.0)
    terms = (EnthalpyEntropy("H"), EnthalpyEntropy("V"), PressureVolume("H"), PairInteraction("L-H"), term)
    model = Model("test", states, terms)
    assert "L-H.interaction_temperature_slope" in model.parameters
    c = Coefficients.zeros(1, model.state_names, ())
    term.add_to(c, Conditions(110.0), {"L-H.interaction_pressure_slope": 0.0, "L-H.interaction_temperature_slope": 2.0})
    np.testing.assert_array_equal(c.w[0], [[0, 20, 20], [20, 0, 0], [20, 0, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("LS",), "a pair is two different states"),
        (("LS-LS",), "a pair is two different states"),
        (("LS-HS", (("LS", "LS"),)), "a pair is two different states"),
        (("LS-HS", (), 0.0), "reference_temperature must be above 0 K, found 0.0"),
    ],
)
def test_terms_that_cannot_be_built(arguments, message):
    with pytest.raises(ModelError, match=message):
        InteractionSlopes(*arguments)
