"""Pressure at fixed temperature: closed forms of two states, derivatives, re-entrant lines, loading and unloading."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, Path
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.models.compressibility import LinearVolume
from labile.models.contributions import EnthalpyEntropy, PairInteraction
from labile.models.equilibrium import equilibrium
from labile.models.evolution import evolve
from labile.models.free_energy import Model
from labile.models.library import LS_HS, slichter_drickamer
from labile.models.pressure_transitions import (
    clapeyron_slope,
    equilibrium_pressures,
    pressure_transitions,
    with_volume_for,
)

MODEL = slichter_drickamer()
LOOP = {"HS.enthalpy": 12e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}


@settings(max_examples=10, deadline=None)
@given(st.floats(150.0, 320.0), st.floats(1.05, 2.0), st.floats(0.4e-5, 2.5e-5))
def test_pressure_hysteresis_has_its_closed_form(temperature, strength, volume):
    """SCIENCE 1.2: dP = (2/dV)[Gamma s - RT ln((1+s)/(1-s))], s = sqrt(1 - 2RT/Gamma)."""
    gamma = strength * 2 * GAS_CONSTANT * temperature
    s = math.sqrt(1 - 2 * GAS_CONSTANT * temperature / gamma)
    width = 2 / volume * (gamma * s - GAS_CONSTANT * temperature * math.log((1 + s) / (1 - s)))
    middle = 6e8 + 0.5 * width
    values = LOOP | {
        "HS.enthalpy": 60.0 * temperature - (middle - AMBIENT_PRESSURE) * volume, "HS.volume": volume,
        "LS-HS.interaction": gamma,
    }  # fmt: skip
    found = pressure_transitions(MODEL, values, temperature, (1e5, 2 * middle))
    assert found.p_half[0].pressure == pytest.approx(middle, rel=1e-7)
    assert found.hysteresis_width == pytest.approx(width, rel=1e-5)


def test_width_of_the_specification():
    """T5."""
    assert pressure_transitions(MODEL, LOOP, 250.0).hysteresis_width == pytest.approx(1.459e8, abs=2e5)


def test_derivatives_of_switching_pressures():
    found = pressure_transitions(MODEL, LOOP, 250.0)
    assert found.p_half[0].kind == "equilibrium"
    for k, name in enumerate(MODEL.parameters.names):
        h = 1e-4 * LOOP[name]
        plus, minus = (pressure_transitions(MODEL, LOOP | {name: LOOP[name] + s}, 250.0) for s in (h, -h))
        for part in ("p_half_up", "p_half_down"):
            slope = (getattr(plus, part).pressure - getattr(minus, part).pressure) / (2 * h)
            assert getattr(found, part).p_theta[k] == pytest.approx(slope, rel=1e-4), (part, name)
        slope = (plus.p_half[0].pressure - minus.p_half[0].pressure) / (2 * h)
        assert found.p_half[0].p_theta[k] == pytest.approx(slope, rel=1e-4, abs=1e-2), name


def test_a_gradual_crossover_has_no_pressure_loop():
    found = pressure_transitions(MODEL, LOOP | {"LS-HS.interaction": 1e3}, 250.0)
    assert found.p_half[0].kind == "gradual"
    assert found.p_half[0].pressure - AMBIENT_PRESSURE == pytest.approx((250 * 60 - 12e3) / 1e-5, rel=1e-7)
    assert found.p_half_up is None
    assert found.hysteresis_width is None


def test_no_transition_in_the_window_is_said():
    found = pressure_transitions(MODEL, LOOP | {"HS.volume": -1e-5}, 250.0)
    assert found.p_half == ()
    assert found.p_half_up is None


@pytest.mark.parametrize("gamma", [1e3, 6e3])
def test_a_volume_difference_that_changes_sign_gives_two_pressures(gamma):
    """T1/2(P) with a maximum: the crystal is low-spin between two pressures."""
    model = Model("re-entrant", LS_HS, (EnthalpyEntropy("HS"), LinearVolume("HS"), PairInteraction("LS-HS")),
                  shifted=("HS",))  # fmt: skip
    values = {
        "HS.enthalpy": 14.4e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "HS.volume_slope": -2e-14,
        "LS-HS.interaction": gamma,
    }  # fmt: skip
    # 60 T - H = 600 J/mol = V p - 1e-14 p^2 with p above ambient
    roots = np.sort(np.roots([-1e-14, 1e-5, -600.0])) + AMBIENT_PRESSURE
    found = equilibrium_pressures(model, values, 250.0)
    np.testing.assert_allclose([one.pressure for one in found], roots, rtol=1e-7)
    assert found[0].kind == ("gradual" if gamma == 1e3 else "equilibrium")


@pytest.mark.parametrize("gamma", [2e3, 6e3])
def test_clapeyron(gamma):
    """T6: dT/dP = dV/dS, 16.667 K/kbar for 10 cm3/mol and 60 J/K/mol."""
    values = LOOP | {"HS.enthalpy": 15e3, "LS-HS.interaction": gamma}
    assert clapeyron_slope(MODEL, values, Conditions(250.0))[0] * 1e8 == pytest.approx(16.667, abs=1e-3)


def closed_form(n, temperature, values):
    """P(n) of SCIENCE 1.2."""
    rt = GAS_CONSTANT * temperature
    return AMBIENT_PRESSURE + (
        temperature * values["HS.entropy"] - values["HS.enthalpy"] - values["LS-HS.interaction"] * (1 - 2 * n)
        - rt * np.log(n / (1 - n))
    ) / values["HS.volume"]  # fmt: skip


def test_loading_and_unloading_follow_their_branches():
    up = Path.loading(1e5, 6e8, 250.0, points=61)
    down = Path.unloading(6e8, 1e5, 250.0, points=61)
    n = {name: evolve(MODEL, path, LOOP).of("HS") for name, path in (("up", up), ("down", down))}
    loop = pressure_transitions(MODEL, LOOP, 250.0)
    for name, path, switch in (("up", up, loop.p_half_up), ("down", down, loop.p_half_down)):
        pressure = path.conditions.pressure
        np.testing.assert_allclose(closed_form(n[name], 250.0, LOOP), pressure, atol=1.0, rtol=1e-9)
        np.testing.assert_array_equal(n[name] > 0.5, pressure < switch.pressure)


def test_a_path_in_both_conditions_remembers():
    """Cooling at high pressure and then releasing it reaches the low-spin branch inside the loop."""
    values = LOOP | {"HS.enthalpy": 15e3}
    inside = 248.0  # between T_down 235 and T_up 260 at ambient pressure
    corners = Conditions(
        np.concatenate([np.full(40, 290.0), np.linspace(290.0, inside, 40), np.full(40, inside)]),
        np.concatenate([np.linspace(1e5, 6e8, 40), np.full(40, 6e8), np.linspace(6e8, AMBIENT_PRESSURE, 40)]),
    )
    detour = evolve(MODEL, Path(corners), values)
    direct = evolve(MODEL, Path.cooling(290.0, inside, 40), values)
    assert direct.of("HS")[-1] > 0.7
    assert detour.of("HS")[-1] < 0.3
    assert detour.converged
    ends = equilibrium(MODEL, Conditions([inside]), values)
    assert ends.of("HS")[0] == pytest.approx(detour.of("HS")[-1], abs=1e-9)  # the stable one below T1/2 = 250 K


def test_volume_implied_by_a_switching_pressure():
    """T11: 3.72 cm3/mol."""
    values = {"HS.enthalpy": 143.0 * 60, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 0.0}
    found = with_volume_for(MODEL, values, "HS.volume", 298.0, 25e8 + AMBIENT_PRESSURE)
    assert found["HS.volume"] == pytest.approx(3.72e-6, abs=1e-8)
