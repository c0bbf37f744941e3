"""Identities that hold for every model of the library: S = -dG/dT, V = dG/dP, Maxwell, exact derivatives, limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.models.equilibrium import equilibrium, find_minima, free_energy
from labile.models.free_energy import coefficients
from labile.models.library import electron_transfer, regular_solution, slichter_drickamer, van_t_hoff
from library_cases import CASES

TEMPERATURES = np.array([40.0, 80.0, 88.0, 95.0, 140.0, 179.0, 230.0, 262.0, 300.0, 500.0])
PRESSURE = 2.0e7


@pytest.fixture(params=sorted(CASES))
def case(request):
    return CASES[request.param]


def minimum(model, values, temperature=TEMPERATURES, pressure=PRESSURE):
    conditions = Conditions(temperature, pressure)
    return conditions, equilibrium(model, conditions, values).require_converged()


def test_populations_sum_to_one(case):
    _, x = minimum(*case)
    np.testing.assert_allclose(x.x.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    assert np.all(x.x >= 0)


def test_entropy_is_minus_the_temperature_derivative_of_g(case):
    model, values = case
    h = 1e-3
    energies = []
    for step in (-h, h):
        conditions, x = minimum(model, values, TEMPERATURES + step)
        energies.append(free_energy(model, conditions, values, x.x)[0])
    conditions, x = minimum(model, values)
    entropy = -free_energy(model, conditions, values, x.x)[1]
    # central difference of G: round-off 1e-16*1e4/1e-3 = 1e-9, truncation h^2 G'''/6
    np.testing.assert_allclose(-(energies[1] - energies[0]) / (2 * h), entropy, rtol=1e-5, atol=1e-5)


def test_volume_is_the_pressure_derivative_of_g(case):
    model, values = case
    h = 1e4
    energies = []
    for step in (-h, h):
        conditions, x = minimum(model, values, pressure=PRESSURE + step)
        energies.append(free_energy(model, conditions, values, x.x)[0])
    conditions, x = minimum(model, values)
    volume = free_energy(model, conditions, values, x.x)[2]
    np.testing.assert_allclose((energies[1] - energies[0]) / (2 * h), volume, rtol=1e-5, atol=1e-12)


def test_maxwell_relation(case):
    """dS/dP = -dV/dT along the minimum."""
    model, values = case
    h_t, h_p = 1e-3, 1e4
    entropies, volumes = [], []
    for sign in (-1, 1):
        conditions, x = minimum(model, values, pressure=PRESSURE + sign * h_p)
        entropies.append(-free_energy(model, conditions, values, x.x)[1])
        conditions, x = minimum(model, values, TEMPERATURES + sign * h_t)
        volumes.append(free_energy(model, conditions, values, x.x)[2])
    left = (entropies[1] - entropies[0]) / (2 * h_p)
    right = -(volumes[1] - volumes[0]) / (2 * h_t)
    scale = np.max(np.abs(right)) + 1e-12
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-3 * scale)


def test_derivatives_in_temperature_pressure_and_parameters(case):
    model, values = case
    _, x = minimum(model, values)

    def difference(change, h, attribute):
        plus, minus = (getattr(minimum(*change(s * h))[1], attribute) for s in (1, -1))
        return (plus - minus) / (2 * h)

    def close(found, exact, rtol, noise=0.0):
        np.testing.assert_allclose(found, exact, rtol=0, atol=rtol * (np.max(np.abs(exact)) + 1e-12) + noise)

    def at_temperature(step):
        return model, values, TEMPERATURES + step

    close(difference(at_temperature, 1e-3, "x"), x.x_t, 1e-5)
    close(difference(at_temperature, 1e-3, "x_t"), x.x_tt, 1e-5)
    close(difference(lambda s: (model, values, TEMPERATURES, PRESSURE + s), 1e3, "x"), x.x_p, 1e-5)
    for k, name in enumerate(x.parameter_names):
        h = 1e-6 * max(abs(values[name]), 1e-2)

        def change(step, name=name):
            return model, {**values, name: values[name] + step}

        # a parameter that has no effect here leaves the round-off of x
        close(difference(change, h, "x"), x.x_theta[:, k], 1e-5, 2e-16 / h)
        close(difference(change, h, "x_t"), x.x_t_theta[:, k], 2e-5, 2e-16 / h)


def test_contribution_derivatives_are_those_of_their_terms(case):
    model, values = case
    conditions = Conditions(TEMPERATURES, PRESSURE)
    exact = coefficients(model, conditions, values)
    h = 1e-3
    plus, minus = (coefficients(model, Conditions(TEMPERATURES + s, PRESSURE), values) for s in (h, -h))
    for value, slope in (("g", "g_t"), ("g_t", "g_tt"), ("w", "w_t"), ("w_t", "w_tt"), ("g_theta", "g_t_theta")):
        found = (getattr(plus, value) - getattr(minus, value)) / (2 * h)
        wanted = getattr(exact, slope)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * (np.max(np.abs(wanted)) + 1e-6))


def test_infinite_temperature_limit_is_the_ratio_of_weights():
    entropy = 40.0
    model = van_t_hoff()
    x = equilibrium(model, Conditions(1e7), {"HS.enthalpy": 15e3, "HS.entropy": entropy, "HS.volume": 0.0})
    weight = np.exp(entropy / GAS_CONSTANT)
    np.testing.assert_allclose(x.of("HS"), weight / (1 + weight), atol=1e-5)


def test_reduction_of_three_states_to_two():
    """SCIENCE 1.3 (c): equal Gamma to L and none between H and V is the two-state model of the merged state."""
    states = (State("L"), State("H"), State("V"))
    temperature = np.linspace(60, 320, 66)
    gamma = 1100.0
    three = {
        "H.enthalpy": 7e3, "H.entropy": 75.0, "H-V.enthalpy": 4e3, "H-V.entropy": 6.0,
        "L-H.interaction": gamma, "H-V.interaction": 0.0,
    }  # fmt: skip
    x = equilibrium(electron_transfer(states), Conditions(temperature), three)
    merged = x.of("H") + x.of("V")
    rt = GAS_CONSTANT * temperature
    g_h = 7e3 - 75.0 * temperature
    g_v = g_h + 4e3 - 6.0 * temperature
    g_eff = -rt * np.logaddexp(-g_h / rt, -g_v / rt)
    for t, g, n in zip(temperature, g_eff, merged, strict=True):
        two = equilibrium(
            slichter_drickamer(),
            Conditions(t),
            {"HS.enthalpy": g, "HS.entropy": 0.0, "HS.volume": 0.0, "LS-HS.interaction": gamma},
        )
        assert two.of("HS")[0] == pytest.approx(n, abs=1e-9)
    np.testing.assert_allclose(x.of("V") / merged, 1 / (1 + np.exp((g_v - g_h) / rt)), atol=1e-9)


def test_identical_states_merge_into_r_ln_2():
    """SCIENCE 1.3 (d)."""
    states = (State("L"), State("A"), State("B"))
    values = {
        "A.enthalpy": 9e3, "A.entropy": 45.0, "A.volume": 0.0, "B.enthalpy": 9e3, "B.entropy": 45.0, "B.volume": 0.0,
        "L-A.interaction": 1500.0, "L-B.interaction": 1500.0, "A-B.interaction": 0.0,
    }  # fmt: skip
    temperature = np.linspace(80, 300, 23)
    three = equilibrium(regular_solution(states), Conditions(temperature), values)
    two = equilibrium(
        slichter_drickamer(),
        Conditions(temperature),
        {
            "HS.enthalpy": 9e3,
            "HS.entropy": 45.0 + GAS_CONSTANT * np.log(2),
            "HS.volume": 0.0,
            "LS-HS.interaction": 1500.0,
        },
    )
    np.testing.assert_allclose(three.of("A") + three.of("B"), two.of("HS"), atol=1e-9)
    np.testing.assert_allclose(three.of("A"), three.of("B"), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-8e3, 8e3), min_size=3, max_size=3),
    st.lists(st.floats(-4e3, 8e3), min_size=6, max_size=6),
    st.floats(30.0, 400.0),
)
def test_no_minimum_is_missed(enthalpies, interactions, temperature):
    """All minima against a dense search: descents of a 4-state G from 300 random starts find nothing new."""
    states = (State("A"), State("B"), State("C"), State("D"))
    model = regular_solution(states)
    values = {name: 0.0 for name in model.parameters.names}
    for state, enthalpy in zip("BCD", enthalpies, strict=True):
        values[f"{state}.enthalpy"] = enthalpy
    pairs = [n for n in model.parameters.names if n.endswith("interaction")]
    values.update(zip(pairs, interactions, strict=True))
    conditions = Conditions(temperature)
    minima = find_minima(model, conditions, values)
    assert minima.count[0] >= 1
    assert minima.failures[0] == 0
    rng = np.random.default_rng(1)
    w = coefficients(model, conditions, values, derivatives=False)
    rt = GAS_CONSTANT * temperature
    x = rng.dirichlet(np.full(4, 0.4), size=300)
    # the damped fixed point x ~ exp(-(g + W x)/RT), an algorithm that shares nothing with the descent
    for _ in range(4000):
        field = -(w.g[0] + x @ w.w[0]) / rt
        target = np.exp(field - field.max(axis=1, keepdims=True))
        x = 0.8 * x + 0.2 * target / target.sum(axis=1, keepdims=True)
    settled = (
        np.max(
            np.abs(
                np.exp((f := -(w.g[0] + x @ w.w[0]) / rt) - f.max(axis=1, keepdims=True))
                / np.exp(f - f.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
                - x
            ),
            axis=1,
        )
        < 1e-8
    )
    energy = free_energy(model, Conditions(np.full(300, temperature)), values, x)[0]
    assert np.min(energy[settled], initial=np.inf) >= minima.energy[0, 0] - 1e-6 * (1 + abs(minima.energy[0, 0]))
    for point in x[settled]:
        known = minima.x[0, : minima.count[0]]
        distance = np.max(np.abs(known - point), axis=1).min()
        if distance > 1e-4:
            # a fixed point may be a saddle that attracts the damped iteration; a minimum must be known
            hessian = rt * np.diag(1 / np.maximum(point, 1e-300)) + w.w[0]
            basis = np.linalg.svd(np.ones((1, 4)))[2][1:]
            root = np.sqrt(point)
            scaled = np.eye(4) * rt + root[:, None] * w.w[0] * root[None, :]
            tangent = np.linalg.svd(root[None, :])[2][1:]
            assert np.linalg.eigvalsh(tangent @ scaled @ tangent.T)[0] < 1e-6 * rt, (point, known, hessian, basis)
