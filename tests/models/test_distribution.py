"""A Gaussian distribution of T1/2 against brute force, its sharp limit, and its own derivatives."""

import math

import numpy as np
import pytest

from labile.core.conditions import Conditions, Path
from labile.core.material import State
from labile.models.distribution import distributed, distributed_equilibrium, shifted_member
from labile.models.equilibrium import equilibrium
from labile.models.evolution import evolve
from labile.models.free_energy import ModelError
from labile.models.library import electron_transfer, regular_solution, slichter_drickamer
from labile.models.populations import NotConvergedError

WIDTH = "powder.t_half_width"
STATES = (State("L", 0.0), State("H", 2.0), State("V", 2.0))
TWO = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6e3, WIDTH: 5.0}
THREE = {
    "H.enthalpy": 4500.0, "H.entropy": 50.0, "H-V.enthalpy": 4200.0, "H-V.entropy": 7.0, "L-H.interaction": 1900.0,
    "H-V.interaction": -300.0, WIDTH: 4.2,
}  # fmt: skip
# off the members and their parts: the slope has a kink where a jump sits exactly on one of them
TEMPERATURES = np.linspace(232.0, 268.0, 37) + 0.0537


def cases():
    near_critical = {**TWO, "LS-HS.interaction": 4157.0}
    gradual = {**TWO, "LS-HS.interaction": 2e3}
    return {
        "gradual members": (slichter_drickamer(), gradual, TEMPERATURES),
        "critical members": (slichter_drickamer(), near_critical, TEMPERATURES),
        "members that jump": (slichter_drickamer(), TWO, TEMPERATURES),
        "three states that jump": (electron_transfer(STATES), THREE, np.linspace(75.0, 105.0, 31) + 0.0357),
    }


@pytest.fixture(params=sorted(cases()))
def case(request):
    return cases()[request.param]


def test_average_is_that_of_many_members(case):
    model, values, temperature = case
    delta = np.linspace(-6.0, 6.0, 4001)
    weight = np.exp(-0.5 * delta**2)
    weight /= weight.sum()
    x = distributed_equilibrium(model, WIDTH, values, Conditions(temperature))
    for i in range(0, temperature.size, 6):
        members = equilibrium(
            shifted_member(model, WIDTH, delta),
            Conditions(np.full(delta.size, temperature[i])),
            values,
            derivatives=False,
        )
        # SPAN = 4 leaves out 6e-5 of the distribution, the partial cells at a jump are trapezia
        np.testing.assert_allclose(x.x[i], weight @ members.x, atol=1e-3)


def test_derivatives_are_those_of_the_average(case):
    model, values, temperature = case
    x = distributed_equilibrium(model, WIDTH, values, Conditions(temperature))
    h = 1e-4
    plus, minus = (distributed_equilibrium(model, WIDTH, values, Conditions(temperature + s)) for s in (h, -h))

    def close(found, exact, rtol):
        np.testing.assert_allclose(found, exact, rtol=0, atol=rtol * (np.max(np.abs(exact)) + 1e-12))

    # a critical member has an infinite slope, which a difference in T sees only so well
    close((plus.x - minus.x) / (2 * h), x.x_t, 3e-4)
    close((plus.x_t - minus.x_t) / (2 * h), x.x_tt, 2e-2)
    for k, name in enumerate(x.parameter_names):
        h = 1e-6 * max(abs(values[name]), 1e-2)
        plus, minus = (
            distributed_equilibrium(model, WIDTH, {**values, name: values[name] + s}, Conditions(temperature))
            for s in (h, -h)
        )
        close((plus.x - minus.x) / (2 * h), x.x_theta[:, k], 3e-4)
        close((plus.x_t - minus.x_t) / (2 * h), x.x_t_theta[:, k], 2e-2)


def test_sharp_members_give_a_gaussian_step():
    """SCIENCE 1.4: n = Phi((T - T1/2)/sigma), slope 1/(sigma sqrt(2 pi)) at T1/2."""
    values = {**TWO, "HS.enthalpy": 250.0 * 60.0, "LS-HS.interaction": 40e3, WIDTH: 6.0}
    temperature = np.linspace(231.0, 269.0, 39) + 0.0137
    x = distributed_equilibrium(slichter_drickamer(), WIDTH, values, Conditions(temperature))
    expected = [0.5 * math.erfc(-(t - 250.0) / (6.0 * math.sqrt(2.0))) for t in temperature]
    np.testing.assert_allclose(x.of("HS"), expected, atol=2e-3)
    middle = np.argmin(np.abs(temperature - 250.0))
    assert x.x_t[middle, 1] == pytest.approx(1.0 / (6.0 * math.sqrt(2.0 * math.pi)), rel=5e-3)


def test_no_width_is_no_distribution():
    conditions = Conditions(TEMPERATURES)
    values = {**TWO, WIDTH: 0.0}
    x = distributed_equilibrium(slichter_drickamer(), WIDTH, values, conditions)
    plain = equilibrium(slichter_drickamer(), conditions, values)
    np.testing.assert_allclose(x.x, plain.x, atol=1e-12)
    np.testing.assert_allclose(x.x_t, plain.x_t, atol=1e-12)


def test_jumping_members_along_a_path_are_refused():
    path = Path.heating(230.0, 280.0, 51)
    with pytest.raises(NotConvergedError, match="switch by jumps"):
        distributed(slichter_drickamer(), WIDTH, TWO, lambda member: evolve(member, path, TWO))


def test_gradual_members_along_a_path_are_those_of_equilibrium():
    values = {**TWO, "LS-HS.interaction": 1e3}
    path = Path.heating(230.0, 280.0, 26)
    along = distributed(slichter_drickamer(), WIDTH, values, lambda member: evolve(member, path, values))
    still = distributed_equilibrium(slichter_drickamer(), WIDTH, values, path.conditions)
    np.testing.assert_allclose(along.x, still.x, atol=1e-3)


def test_a_negative_width_and_a_model_without_a_step_are_refused():
    with pytest.raises(ModelError, match="must be >= 0 K"):
        distributed_equilibrium(slichter_drickamer(), WIDTH, {**TWO, WIDTH: -1.0}, Conditions(250.0))
    model = regular_solution(STATES)
    with pytest.raises(ModelError, match="no meaning"):
        shifted_member(type(model)(model.name, model.states, model.contributions[2:]), WIDTH, 1.0)


def test_a_jump_exactly_on_a_member_is_no_special_case():
    """At 245 K the member at delta = -1 has two minima of equal G."""
    temperature = np.array([244.99, 245.0, 245.01])
    x = distributed_equilibrium(slichter_drickamer(), WIDTH, TWO, Conditions(temperature)).of("HS")
    np.testing.assert_allclose(x[1], 0.5 * (x[0] + x[2]), atol=1e-4)
