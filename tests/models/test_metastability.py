"""Lifetimes, T(LIESST), loops at finite rates, steady states under light."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, Path
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.models.equilibrium import find_minima
from labile.models.evolution import evolve
from labile.models.kinetics import integrate, rate_matrix
from labile.models.library import regular_solution, slichter_drickamer, van_t_hoff
from labile.models.light import Absorption, beam, cross_section
from labile.models.metastability import lifetime, swept_loop, t_liesst
from labile.models.populations import Status
from labile.models.protocols import Protocol, Segment, isotherm, liesst
from labile.models.rates import KineticModel, KineticsError, PhotoProcess, RadiationDamage, ThermalProcess
from labile.models.relaxation import activated_rate, time_to_fraction
from labile.models.steady_states import bistability, steady_states
from labile.models.transitions import transitions

PER_CM = 11.962656
GREEN = 514e-9
TABLES = (Absorption("LS", GREEN, cross_section(100.0)), Absorption("HS", GREEN, 0.0))
VALUES = {
    "HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 1.5e-5, "LS-HS.prefactor": 1e7,
    "LS-HS.activation_energy": 900 * PER_CM, "LS-HS.tunnelling_rate": 1e-6,
}  # fmt: skip
SINGLE = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS", one_way=True),))
COOPERATIVE = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS", one_way=True),))
LIT = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS"), PhotoProcess("LS", "HS")), TABLES)


def test_lifetimes_of_single_molecules_are_inverse_rates():
    temperature = np.array([10.0, 30.0, 50.0, 60.0])
    found = lifetime(SINGLE, "HS", Conditions(temperature), VALUES)
    rates = activated_rate(temperature, 1e7, 900 * PER_CM, tunnelling_rate=1e-6)
    assert found.time[0] == pytest.approx(1 / rates, rel=1e-5)
    half = lifetime(SINGLE, "HS", Conditions(temperature), VALUES, threshold=0.5)
    assert half.time[0] == pytest.approx(np.log(2) / rates, rel=1e-5)


@pytest.mark.parametrize("gamma", [500.0, 2000.0])
def test_lifetimes_of_cooperative_crystals_are_those_of_the_sigmoid(gamma):
    values = {**VALUES, "LS-HS.tunnelling_rate": 0.0, "LS-HS.interaction": gamma}
    found = lifetime(COOPERATIVE, "HS", Conditions([40.0, 60.0]), values, threshold=0.2)
    for t, time in zip((40.0, 60.0), found.time[0], strict=True):
        rate = float(activated_rate(t, 1e7, 900 * PER_CM))
        # the integrator's absolute tolerance stands against the slow start of a steep sigmoid
        assert time == pytest.approx(time_to_fraction(0.2, rate, gamma / (GAS_CONSTANT * t))[0], rel=2e-5)


def test_stable_states_live_for_ever():
    reversible = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    found = lifetime(reversible, "HS", Conditions([100.0, 300.0]), VALUES)
    assert np.isfinite(found.time[0, 0])
    assert np.isinf(found.time[0, 1])
    frozen = lifetime(
        reversible, "HS", Conditions(20.0), {**VALUES, "LS-HS.tunnelling_rate": 0.0, "LS-HS.prefactor": 0.0}
    )
    assert np.isinf(frozen.time[0, 0])
    assert found.status.tolist() == [[Status.CONVERGED] * 2]


def test_pressure_shortens_lifetimes_and_lowers_t_liesst():
    pressure = AMBIENT_PRESSURE + np.array([0.0, 5e7, 1e8])
    values = {**VALUES, "LS-HS.activation_volume": -1e-5, "LS-HS.tunnelling_pressure_slope": 2e-8}
    times = lifetime(SINGLE, "HS", Conditions(50.0, pressure), values).time[0]
    rates = activated_rate(
        50.0, 1e7, 900 * PER_CM, tunnelling_rate=1e-6, activation_volume=-1e-5, tunnelling_pressure_slope=2e-8,
        pressure=pressure,
    )  # fmt: skip
    assert times == pytest.approx(1 / rates, rel=1e-5)
    found = t_liesst(SINGLE, "HS", values, pressure=pressure, warm=90.0)
    assert np.all(np.diff(found.temperature[0]) < -1.0)


@pytest.mark.parametrize(("energy", "prefactor", "steepest", "half"), [(900, 1e7, 57.9, 57.2), (600, 1e6, 43.4, 42.8)])
def test_published_t_liesst(energy, prefactor, steepest, half):
    values = {**VALUES, "LS-HS.activation_energy": energy * PER_CM, "LS-HS.prefactor": prefactor}
    found = t_liesst(SINGLE, "HS", values, warm=90.0)
    assert found.temperature[0, 0] == pytest.approx(steepest, abs=0.06)
    assert found.half[0, 0] == pytest.approx(half, abs=0.06)
    assert found.reason == (("",),)
    # the steepest point of exp(-K) is where k^2/r = k'
    t = found.temperature[0, 0]
    k = float(activated_rate(t, prefactor, energy * PER_CM, tunnelling_rate=1e-6))
    slope = (k - 1e-6) * energy * PER_CM / (GAS_CONSTANT * t**2)
    assert k**2 / (0.3 / 60) == pytest.approx(slope, rel=5e-4)


def test_where_there_is_no_t_liesst_it_says_so():
    slow = {**VALUES, "LS-HS.activation_energy": np.array([900 * PER_CM, 2500 * PER_CM])}
    found = t_liesst(SINGLE, "HS", slow, warm=90.0)
    assert np.isfinite(found.temperature[0, 0])
    assert np.isnan(found.temperature[1, 0])
    assert "less than 5%" in found.reason[1][0]
    fast = t_liesst(SINGLE, "HS", {**VALUES, "LS-HS.prefactor": 1e13}, cold=60.0, warm=90.0)
    assert "first temperature" in fast.reason[0][0]


def test_the_liesst_protocol_from_the_dark():
    values = {**VALUES, "LS-HS.quantum_yield": 0.5, "LS-HS.interaction": 1000.0}
    protocol = liesst((beam(GREEN, irradiance=50.0),), 7200.0, warm=90.0)
    run = integrate(LIT, protocol, values).require_converged()
    n = run.of("HS")[0]
    assert n[0] < 1e-6
    assert n[protocol.part("irradiation")[-1]] > 0.99
    assert n[-1] < 0.02
    warming = protocol.part("warming")
    t = run.temperature[0, warming]
    whole = t_liesst(LIT, "HS", values, warm=90.0).temperature[0, 0]
    assert t[np.argmin(run.change[0, warming, 1])] == pytest.approx(whole, abs=0.3)


def test_a_slow_loop_is_that_of_the_spinodals():
    values = {
        "HS.enthalpy": 6e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 1.4 * 2 * GAS_CONSTANT * 100,
        "LS-HS.prefactor": 1e12, "LS-HS.activation_energy": 5e3, "LS-HS.quantum_yield": 0.5,
    }  # fmt: skip
    found = swept_loop(LIT, "HS", 60.0, 140.0, [1e-2, 1e-4, 1e-6], values, points=1600)
    still = transitions(LIT.model, values_of(LIT, values))
    assert np.all(np.diff(found.width[0]) <= 1e-9)
    assert found.up[0, -1] == pytest.approx(still.t_half_up.temperature, abs=0.06)
    assert found.down[0, -1] == pytest.approx(still.t_half_down.temperature, abs=0.06)
    cooling = evolve(LIT.model, Path.cooling(140.0, 60.0, 801), values_of(LIT, values)).of("HS")
    n = found.curves[-1].of("HS")[0, found.protocols[-1].part("cooling")][::2]
    assert np.mean(np.abs(n - cooling)) < 2e-3


def values_of(kinetic, values):
    return {name: values[name] for name in kinetic.model.parameters.names}


@settings(max_examples=25, deadline=None)
@given(st.floats(40, 200), st.floats(0.3, 2.0), st.floats(0, 1))
def test_steady_states_of_the_dark_are_the_stationary_points(kelvin, strength, beta):
    gamma = strength * 2 * GAS_CONSTANT * 100
    values = {
        "HS.enthalpy": 5e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.interaction": gamma, "LS-HS.prefactor": 1e8,
        "LS-HS.activation_energy": 1e4, "LS-HS.transfer_coefficient": beta, "LS-HS.quantum_yield": 0.5,
    }  # fmt: skip
    found = steady_states(LIT, kelvin, values)
    fastest = max(np.abs(rate_matrix(LIT, Conditions(kelvin), values, x)).max() for x in found.x)
    # at a fold or a critical point two or three of them are one, and what is counted is rounding
    assume(np.min(np.abs(found.slowest)) > 1e-4 * fastest)
    minima = find_minima(LIT.model, Conditions(kelvin), values_of(LIT, values))
    stable = np.sort(found.x[found.stable, 1])
    assert stable == pytest.approx(np.sort(minima.x[0, : minima.count[0], 1]), abs=1e-8)
    assert len(found.x) == 2 * len(stable) - 1
    for x in found.x:
        assert rate_matrix(LIT, Conditions(kelvin), values, x)[0] @ x == pytest.approx([0, 0], abs=1e-6 * 1e8)


def lith_values(alpha, temperature=50.0):
    return {
        **VALUES, "LS-HS.tunnelling_rate": 0.0, "LS-HS.interaction": alpha * GAS_CONSTANT * temperature,
        "LS-HS.quantum_yield": 0.5, "HS.enthalpy": 2e4, "HS.entropy": 60.0,
    }  # fmt: skip


@pytest.mark.parametrize(("alpha", "windows"), [(3.0, 0), (6.0, 1)])
def test_light_is_bistable_above_an_acceleration_of_four(alpha, windows):
    source = (beam(GREEN, irradiance=50.0),)
    values = lith_values(alpha)
    axis = np.linspace(40.0, 62.0, 89)
    found = bistability(LIT, axis, values, light=source)
    assert len(found.windows) == windows
    if not windows:
        assert "no bistability" in found.message
        return
    low, high = found.windows[0]
    # at the ends the two-state rate and its slope vanish: k_L (1 - n) = k n exp(alpha (1 - n)), alpha n (1 - n) = 1
    up = 0.5 * float(cross_section(100.0)) * source[0].photon_flux
    for edge, sign in ((low, -1), (high, 1)):
        a = values["LS-HS.interaction"] / (GAS_CONSTANT * edge)
        n = 0.5 * (1 + sign * np.sqrt(1 - 4 / a))
        k = float(activated_rate(edge, 1e7, 900 * PER_CM))
        assert k * n * np.exp(a * (1 - n)) / (up * (1 - n)) == pytest.approx(1, rel=2e-3)
    # slow cycles under light switch at the ends of the window
    loop = swept_loop(LIT, "HS", 40.0, 62.0, [1e-6], values, light=source, soak=1e6)
    assert loop.up[0, 0] == pytest.approx(high, abs=0.15)
    assert loop.down[0, 0] == pytest.approx(low, abs=0.15)


def test_steady_states_of_three_states_are_where_integration_ends():
    states = (State("LL"), State("HL"), State("HH"))
    tables = tuple(Absorption(name, GREEN, cross_section(e)) for name, e in (("LL", 100.0), ("HL", 50.0), ("HH", 1.0)))
    kinetic = KineticModel(
        regular_solution(states),
        (
            ThermalProcess("HL", "LL"), ThermalProcess("HH", "HL"), PhotoProcess("LL", "HL"), PhotoProcess("HL", "HH"),
        ),
        tables,
    )  # fmt: skip
    values = {
        f"{s}.{q}": v for s, f in (("HL", 1), ("HH", 2)) for q, v in (("enthalpy", f * 9e3), ("entropy", f * 50.0))
    }
    values |= {"HL.volume": 0.0, "HH.volume": 0.0, "LL-HL.quantum_yield": 0.5, "HL-HH.quantum_yield": 0.4}
    values |= {"LL-HL.interaction": 1500.0, "LL-HH.interaction": 3500.0, "HL-HH.interaction": 1500.0}
    for pair in ("LL-HL", "HL-HH"):
        values |= {f"{pair}.prefactor": 1e7, f"{pair}.activation_energy": 900 * PER_CM}
    source = (beam(GREEN, irradiance=50.0),)
    for kelvin in (45.0, 52.0, 60.0):
        found = steady_states(kinetic, kelvin, values, light=source)
        assert found.stable.any()
        for start in ("LL", "HH"):
            end = integrate(kinetic, isotherm(kelvin, 1e9, start=start, light=source, points=1), values).x[0, -1]
            distance = np.max(np.abs(found.x[found.stable] - end), axis=1)
            assert distance.min() < 1e-7


def test_where_nothing_moves_no_steady_state_is_drawn():
    values = {**VALUES, "LS-HS.interaction": 0.0, "LS-HS.prefactor": 0.0, "LS-HS.tunnelling_rate": 0.0}
    found = steady_states(LIT, 20.0, {**values, "LS-HS.quantum_yield": 0.5})
    assert len(found.x) == 0
    assert "frozen" in found.message


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lifetime(SINGLE, "XS", Conditions(50.0), VALUES), "XS"),
        (lambda: lifetime(SINGLE, "HS", Conditions(50.0), VALUES, threshold=1.5), "threshold"),
        (lambda: lifetime(SINGLE, "HS", Conditions(50.0), VALUES, start="LS"), "below the threshold"),
        (lambda: t_liesst(SINGLE, "HS", VALUES, step=0.0), "step"),
        (lambda: swept_loop(SINGLE, "HS", 90.0, 50.0, [1.0], VALUES), "below"),
        (lambda: bistability(LIT, [50.0], VALUES), "two temperatures"),
        (
            lambda: steady_states(
                KineticModel(van_t_hoff(), (RadiationDamage("HS"), ThermalProcess("HS", "LS"))), 50.0,
                {**VALUES, "HS.destroyed_per_photon": 0.1}, light=(beam(1e-10, photon_flux=1e15),),
            ),
            "destroyed crystal",
        ),
        (lambda: Protocol((Segment.hold(50.0, 1.0),)).part("warming"), "labelled"),
    ],
)  # fmt: skip
def test_impossible_questions_are_refused(call, says):
    with pytest.raises(KineticsError, match=says):
        call()
