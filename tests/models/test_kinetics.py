"""Rate equations against scipy's integrators, the free energy they belong to, and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from labile.core.conditions import Conditions, LightSource, Path
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.core.parameters import ParameterError
from labile.models.equilibrium import find_minima, free_energy
from labile.models.evolution import evolve
from labile.models.free_energy import Model
from labile.models.interactions import InteractionSlopes
from labile.models.kinetics import integrate, rate_matrix
from labile.models.library import regular_solution, slichter_drickamer, sorai_seki, van_t_hoff
from labile.models.populations import NotConvergedError, Status
from labile.models.protocols import Protocol, Segment, isotherm, thermal_cycle
from labile.models.rates import KineticModel, KineticsError, ThermalProcess
from labile.models.relaxation import decay_on_heating, self_accelerated

PER_CM = 11.962656
SECONDS_AND_KELVIN = {"LS-HS.prefactor": 1e7, "LS-HS.activation_energy": 900 * PER_CM}
TWO = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 1.5e-5, "LS-HS.interaction": 3e3}
L_M_H = (State("L"), State("M"), State("H"))
CHAIN = KineticModel(regular_solution(L_M_H), (ThermalProcess("M", "L"), ThermalProcess("H", "M")))
RELAXING = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS"),))
CHAIN_VALUES = {
    "M.enthalpy": 3e3, "M.entropy": 25.0, "M.volume": 0.8e-5, "H.enthalpy": 8e3, "H.entropy": 55.0, "H.volume": 2e-5,
    "L-M.interaction": 1500.0, "L-H.interaction": 2500.0, "M-H.interaction": 1000.0, "L-M.prefactor": 1e6,
    "L-M.activation_energy": 9e3, "M-H.prefactor": 1e7, "M-H.activation_energy": 1.1e4, "M-H.tunnelling_rate": 1e-5,
    "M-H.tunnelling_acceleration": 1.5, "M-H.transfer_coefficient": 0.3, "L-M.activation_volume": -3e-6,
}  # fmt: skip


def by_matrix(kinetic, protocol, values, start, times, method="Radau", rtol=1e-9, atol=1e-12):
    """scipy's solution with the rates of `rate_matrix`, whose formula is tested by itself."""
    edges = np.concatenate([[0.0], np.cumsum([s.duration for s in protocol.segments])])
    y, found = np.asarray(start, dtype=float), [np.asarray(start, dtype=float)]
    for k, segment in enumerate(protocol.segments):

        def change(t, y, k=k, segment=segment):
            share = (t - edges[k]) / segment.duration
            kelvin = segment.temperature[0] + share * (segment.temperature[1] - segment.temperature[0])
            pascal = segment.pressure[0] + share * (segment.pressure[1] - segment.pressure[0])
            conditions = Conditions(kelvin, pascal, light=segment.light)
            return rate_matrix(kinetic, conditions, values, y)[0] @ y

        inside = times[(times > edges[k]) & (times <= edges[k + 1] * (1 + 1e-12))]
        solution = solve_ivp(
            change,
            (edges[k], edges[k + 1]),
            y,
            method=method,
            t_eval=np.minimum(inside, edges[k + 1]),
            rtol=rtol,
            atol=atol,
        )
        assert solution.success
        found += list(solution.y.T)
        y = solution.y[:, -1]
    return np.array(found)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_a_protocol_agrees_with_scipy(method):
    protocol = Protocol(
        (
            Segment.hold(60.0, 200.0, points=4),
            Segment.ramp(60.0, 140.0, 0.2, points=5),
            Segment.press(140.0, AMBIENT_PRESSURE, 2e8, 300.0, points=3),
            Segment.ramp(140.0, 90.0, 0.5, pressure=2e8, points=3),
        ),
        "H",
    )
    ours = integrate(CHAIN, protocol, CHAIN_VALUES)
    assert ours.converged
    theirs = by_matrix(CHAIN, protocol, CHAIN_VALUES, [0, 0, 1], protocol.times, method)
    assert ours.x[0] == pytest.approx(theirs, abs=2e-6 if method != "Radau" else 1e-7)
    assert np.max(np.abs(ours.x.sum(axis=-1) - 1)) < 1e-12


def test_interactions_and_volumes_that_change_along_the_path_agree_with_scipy():
    model = Model(
        "sliding", slichter_drickamer().states,
        (*slichter_drickamer().contributions, InteractionSlopes("LS-HS")),
    )  # fmt: skip
    kinetic = KineticModel(model, (ThermalProcess("HS", "LS"),))
    values = {
        **TWO, **SECONDS_AND_KELVIN, "LS-HS.interaction_temperature_slope": -5.0,
        "LS-HS.interaction_pressure_slope": 3e-6, "LS-HS.tunnelling_rate": 1e-4,
        "LS-HS.tunnelling_pressure_slope": 5e-9, "LS-HS.activation_volume": -4e-6,
    }  # fmt: skip
    protocol = Protocol((Segment(400.0, (60.0, 150.0), (AMBIENT_PRESSURE, 1.5e8), points=6),), "HS")
    theirs = by_matrix(kinetic, protocol, values, [0, 1], protocol.times)
    assert integrate(kinetic, protocol, values).x[0] == pytest.approx(theirs, abs=1e-7)


def test_rates_of_two_states_are_the_textbook_ones():
    t, n, gamma, beta = 90.0, 0.3, 3000.0, 0.4
    values = {**TWO, **SECONDS_AND_KELVIN, "LS-HS.interaction": gamma, "LS-HS.transfer_coefficient": beta}
    k = rate_matrix(RELAXING, Conditions(t), values, [1 - n, n])[0]
    rt = GAS_CONSTANT * t
    alpha = 2 * gamma / rt * beta
    assert k[0, 1] == pytest.approx(1e7 * np.exp(-900 * PER_CM / rt) * np.exp(alpha * (1 - n)), rel=1e-12)
    # d G/dn without mixing entropy: the same one that makes the spinodals
    drive = 8e3 - 50 * t + gamma * (1 - 2 * n)
    assert k[0, 1] / k[1, 0] == pytest.approx(np.exp(drive / rt), rel=1e-12)
    assert k.sum(axis=0) == pytest.approx([0, 0], abs=1e-15)


@pytest.mark.parametrize(("alpha", "n_6000"), [(0.0, 0.54881), (2.0, 0.26020)])
def test_sigmoids_of_one_way_relaxation(alpha, n_6000):
    kinetic = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS", one_way=True),))
    t = 50.0
    values = {
        **TWO,
        "LS-HS.prefactor": 1e-4,
        "LS-HS.activation_energy": 0.0,
        "LS-HS.interaction": alpha * GAS_CONSTANT * t,
    }
    decay = integrate(kinetic, isotherm(t, 1e4, start="HS", points=10), values)
    assert decay.of("HS")[0, 6] == pytest.approx(n_6000, abs=6e-6)
    assert decay.of("HS")[0] == pytest.approx(self_accelerated(decay.time, 1e-4, alpha), abs=1e-7)
    freed = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS", one_way=True, freed=True),))
    values = {**TWO, "LS-HS.prefactor": 1e-4, "LS-HS.activation_energy": 0.0}
    values["LS-HS.acceleration_energy"] = alpha * GAS_CONSTANT * t
    assert integrate(freed, isotherm(t, 1e4, start="HS", points=10), values).x == pytest.approx(decay.x, abs=1e-9)
    assert any("one way" in said for said in decay.assumptions)
    assert not any("one way" in said for said in RELAXING.assumptions)


@pytest.mark.parametrize(("energy", "prefactor", "steepest", "half"), [(900, 1e7, 57.9, 57.2), (600, 1e6, 43.4, 42.8)])
def test_published_warming_curves(energy, prefactor, steepest, half):
    kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS", one_way=True),))
    values = {
        "HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.prefactor": prefactor,
        "LS-HS.activation_energy": energy * PER_CM, "LS-HS.tunnelling_rate": 1e-6,
    }  # fmt: skip
    warming = integrate(kinetic, Protocol((Segment.ramp(10.0, 80.0, 0.3 / 60, points=1400),), "HS"), values)
    n, t = warming.of("HS")[0], warming.temperature[0]
    assert t[np.argmin(warming.change[0, :, 1])] == pytest.approx(steepest, abs=0.06)
    assert np.interp(0.5, n[::-1], t[::-1]) == pytest.approx(half, abs=0.06)
    closed = decay_on_heating(t, 0.3 / 60, prefactor, energy * PER_CM, tunnelling_rate=1e-6)
    assert n == pytest.approx(closed, abs=1e-7)


energies = st.floats(-4e3, 8e3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(energies, min_size=2, max_size=2), st.lists(st.floats(-60, 60), min_size=2, max_size=2),
    st.lists(energies, min_size=3, max_size=3), st.floats(60, 250),
    st.lists(st.floats(0.02, 1), min_size=3, max_size=3), st.floats(0, 1),
)  # fmt: skip
def test_the_dark_leads_to_a_minimum_of_the_free_energy(enthalpies, entropies, interactions, kelvin, weights, beta):
    kinetic = KineticModel(
        regular_solution(L_M_H), (ThermalProcess("M", "L"), ThermalProcess("H", "M"), ThermalProcess("H", "L"))
    )
    values = {f"{s}.enthalpy": h for s, h in zip("MH", enthalpies, strict=True)}
    values |= {f"{s}.entropy": e for s, e in zip("MH", entropies, strict=True)}
    values |= {"M.volume": 0.0, "H.volume": 0.0}
    for pair, gamma, log_rate in zip(("L-M", "L-H", "M-H"), interactions, (3.0, 1.0, 5.0), strict=True):
        values |= {f"{pair}.interaction": gamma, f"{pair}.prefactor": 10.0**log_rate}
        values |= {f"{pair}.activation_energy": 2e3, f"{pair}.transfer_coefficient": beta}
    start = np.array(weights) / np.sum(weights)
    protocol = Protocol(
        (Segment.hold(kelvin, 1.0, points=20), Segment.hold(kelvin, 1e14, points=1)),
        dict(zip("LMH", start, strict=True)),
    )
    path = integrate(kinetic, protocol, values).require_converged()
    assert np.max(np.abs(path.x.sum(axis=-1) - 1)) < 1e-9
    assert np.min(path.x) >= 0
    # no step uphill in G: rates of one free energy can only lower it
    g = free_energy(kinetic.model, Conditions(np.full(len(path.time), kelvin)), values, path.x[0])[0]
    assert np.max(np.diff(g)) < 1e-5 * GAS_CONSTANT * kelvin
    minima = find_minima(kinetic.model, Conditions(kelvin), values)
    distance = np.max(np.abs(minima.x[0, : minima.count[0]] - path.x[0, -1]), axis=1)
    assert distance.min() < 1e-8


@settings(max_examples=30, deadline=None)
@given(st.floats(40, 130), st.floats(1.05, 2.5), st.floats(0.001, 0.999), st.floats(0, 1))
def test_two_states_relax_into_the_basin_they_start_in(t_half, strength, n, beta):
    values = {
        "HS.enthalpy": 60 * t_half, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.prefactor": 1e6,
        "LS-HS.activation_energy": 5e3, "LS-HS.interaction": strength * 2 * GAS_CONSTANT * t_half,
        "LS-HS.transfer_coefficient": beta,
    }  # fmt: skip
    minima = find_minima(RELAXING.model, Conditions(t_half), values)
    assert minima.count[0] == 2
    # at T1/2 G is symmetric about n = 1/2, where the barrier stands
    n = n if abs(n - 0.5) > 0.01 else n + 0.02
    end = integrate(RELAXING, isotherm(t_half, 1e30, start={"LS": 1 - n, "HS": n}, points=1), values).x[0, -1]
    expected = minima.x[0, :2, 1].max() if n > 0.5 else minima.x[0, :2, 1].min()
    assert end[1] == pytest.approx(expected, abs=1e-8)


def test_slow_sweeps_reach_the_loop_of_the_free_energy():
    gamma = 1.4 * 2 * GAS_CONSTANT * 100.0
    values = {
        "HS.enthalpy": 6e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": gamma, "LS-HS.prefactor": 1e9,
        "LS-HS.activation_energy": 6e3,
    }  # fmt: skip
    loop = [
        evolve(RELAXING.model, path, values).of("HS")
        for path in (Path.heating(60.0, 140.0, 801), Path.cooling(140.0, 60.0, 801))
    ]
    lags = []
    for rate in (1e-3, 1e-5, 1e-7):
        cycle = integrate(RELAXING, thermal_cycle(60.0, 140.0, rate, points=800), values).require_converged()
        lags.append([])
        for still, label in zip(loop, ("heating", "cooling"), strict=True):
            swept = cycle.of("HS")[0, thermal_cycle(60.0, 140.0, rate, points=800).part(label)]
            lags[-1].append(np.sum(np.abs(swept - still)) * 0.1)
    lags = np.array(lags)
    assert np.all(np.diff(lags, axis=0) < 0)
    # kelvin by which the sweep is late; folds are passed with the power 2/3 of the rate
    assert np.max(lags[-1]) < 0.15


def test_an_ensemble_is_its_samples():
    rng = np.random.default_rng(1)
    gammas, energies = rng.uniform(1e3, 4e3, 5), rng.uniform(800, 1000, 5) * PER_CM
    values = {**TWO, **SECONDS_AND_KELVIN, "LS-HS.interaction": gammas, "LS-HS.activation_energy": energies}
    protocol = Protocol((Segment.ramp(40.0, 120.0, 0.01, points=20),), "HS")
    together = integrate(RELAXING, protocol, values)
    for s in range(5):
        one = {**values, "LS-HS.interaction": gammas[s], "LS-HS.activation_energy": energies[s]}
        assert together.x[s] == pytest.approx(integrate(RELAXING, protocol, one).x[0], abs=1e-12)
    h = 1e-3
    forward, back = (
        integrate(RELAXING, isotherm(60.0, 1e3 + d, start="HS", points=1), {**TWO, **SECONDS_AND_KELVIN})
        for d in (h, -h)
    )
    here = integrate(RELAXING, isotherm(60.0, 1e3, start="HS", points=1), {**TWO, **SECONDS_AND_KELVIN})
    assert here.change[0, -1] == pytest.approx((forward.x[0, -1] - back.x[0, -1]) / (2 * h), rel=1e-3)


def test_a_start_in_equilibrium_stays_there():
    values = {**TWO, **SECONDS_AND_KELVIN}
    still = integrate(RELAXING, isotherm(150.0, 1e6, start="equilibrium", points=3), values)
    assert np.ptp(still.x, axis=1) == pytest.approx(0, abs=1e-9)


def test_pure_states_and_zero_rates_do_not_move():
    values = {**TWO, "LS-HS.prefactor": 0.0, "LS-HS.activation_energy": 5e3}
    assert integrate(RELAXING, isotherm(60.0, 1e9, start="HS", points=2), values).of("HS")[0].tolist() == [1, 1, 1]


def test_what_did_not_converge_is_no_number():
    values = {**TWO, **SECONDS_AND_KELVIN, "LS-HS.activation_energy": np.array([900 * PER_CM, 700 * PER_CM])}
    run = integrate(RELAXING, Protocol((Segment.ramp(40.0, 200.0, 0.01, points=50),), "HS"), values, most_steps=30)
    assert run.status.tolist() == [Status.NOT_CONVERGED] * 2
    assert np.isnan(run.x[:, -1]).all()
    assert np.isfinite(run.x[:, 0]).all()
    with pytest.raises(NotConvergedError, match="2 of 2"):
        run.require_converged()


def test_a_barrier_that_the_interaction_uses_up_is_reported():
    values = {**TWO, **SECONDS_AND_KELVIN, "LS-HS.interaction": 12e3}
    run = integrate(RELAXING, isotherm(60.0, 10.0, start="HS", points=1), values)
    assert any("exceeds the barrier" in said for said in run.remarks)
    assert integrate(RELAXING, isotherm(60.0, 10.0, start="HS", points=1), {**TWO, **SECONDS_AND_KELVIN}).remarks == ()


def test_independent_rates_must_be_in_balance():
    kinetic = KineticModel(
        van_t_hoff(), (ThermalProcess("HS", "LS", one_way=True), ThermalProcess("LS", "HS", one_way=True))
    )
    values = {
        "HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.prefactor": 1e7,
        "LS-HS.activation_energy": 1e4, "LS-HS.reverse_prefactor": 1e7 * np.exp(50.0 / GAS_CONSTANT),
        "LS-HS.reverse_activation_energy": 1.8e4,
    }  # fmt: skip
    protocol = Protocol((Segment.ramp(80.0, 200.0, 0.1, points=12),), "HS")
    balanced = integrate(KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),)), protocol,
                         {k: v for k, v in values.items() if "reverse" not in k})  # fmt: skip
    assert integrate(kinetic, protocol, values).x == pytest.approx(balanced.x, abs=1e-6)
    with pytest.raises(KineticsError, match="violate detailed balance"):
        integrate(kinetic, protocol, {**values, "LS-HS.reverse_activation_energy": 1.7e4})
    with pytest.raises(KineticsError, match="follows from detailed balance"):
        KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"), ThermalProcess("LS", "HS")))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: KineticModel(van_t_hoff(), ()), "no process"),
        (lambda: KineticModel(van_t_hoff(), (ThermalProcess("HS", "XS"),)), "'XS'"),
        (lambda: KineticModel(van_t_hoff(), (ThermalProcess("HS", "HS"),)), "itself"),
        (lambda: KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),) * 2), "twice"),
        (lambda: Segment.hold(50.0, -5.0), "time runs forward"),
        (lambda: Segment.ramp(50.0, 20.0, -1.0), "rate"),
        (lambda: Segment.hold(0.0, 5.0), "temperature"),
        (lambda: Segment.hold(50.0, 5.0, light=("green",)), "LightSource"),
        (lambda: Protocol(()), "no segment"),
        (lambda: Protocol.from_path(Path(Conditions([50.0, 60.0]))), "time of every point"),
        (lambda: Protocol.from_path(Path(Conditions([50.0, 60.0, 70.0], time=[0.0, 5.0, 3.0]))), "point 3 of 3"),
        (lambda: integrate(RELAXING, isotherm(50.0, 1.0, start="XS"), {**TWO, **SECONDS_AND_KELVIN}), "'XS'"),
        (
            lambda: integrate(RELAXING, isotherm(50.0, 1.0, start={"LS": 0.5}), {**TWO, **SECONDS_AND_KELVIN}),
            "sum to 1",
        ),
        (lambda: integrate(RELAXING, isotherm(50.0, 1.0, start="HS"), TWO), "LS-HS.prefactor"),
        (
            lambda: integrate(
                RELAXING, isotherm(50.0, 1.0, start="HS"),
                {**TWO, **SECONDS_AND_KELVIN, "HS.volume": np.zeros(2), "HS.entropy": np.full(3, 50.0)},
            ),
            "equally many",
        ),
        (
            lambda: integrate(
                RELAXING, isotherm(50.0, 1.0, start="HS"),
                {**TWO, **SECONDS_AND_KELVIN, "LS-HS.transfer_coefficient": 1.5},
            ),
            "between 0 and 1",
        ),
        (
            lambda: integrate(
                KineticModel(sorai_seki(), (ThermalProcess("HS", "LS"),)), isotherm(50.0, 1.0, start="HS"),
                {**SECONDS_AND_KELVIN, "HS.enthalpy": 9e3, "HS.t_half": 180.0, "HS.volume": 0.0,
                 "crystal.domain_size": 7},
            ),
            "domain_size",
        ),
    ],
)  # fmt: skip
def test_impossible_input_is_refused(call, says):
    with pytest.raises((KineticsError, ParameterError), match=says):
        call()


def test_a_path_with_time_is_a_protocol():
    path = Path(Conditions([60.0, 80.0, 80.0], time=[0.0, 100.0, 400.0]), start="HS")
    protocol = Protocol((Segment.ramp(60.0, 80.0, 0.2, points=1), Segment.hold(80.0, 300.0, points=1)), "HS")
    values = {**TWO, **SECONDS_AND_KELVIN}
    assert integrate(RELAXING, path, values).x == pytest.approx(integrate(RELAXING, protocol, values).x, abs=1e-9)
    assert protocol.conditions().time.tolist() == [0.0, 100.0, 400.0]
    assert LightSource(5e-7, 1.0) not in path.conditions.light
