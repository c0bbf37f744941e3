"""Dinuclear molecules against closed forms, their two-state limit and the threshold of symmetry breaking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.models.equilibrium import equilibrium, find_minima
from labile.models.library import real_bolvin_dinuclear, slichter_drickamer, van_t_hoff
from labile.models.transitions import conversion_steps, transitions
from labile.models.two_sites import staggered_order

MODEL = real_bolvin_dinuclear()


def values(**changes):
    names = dict.fromkeys(MODEL.parameters.names, 0.0)
    return names | {"site.enthalpy": 8e3, "site.entropy": 50.0} | {k.replace("__", "."): v for k, v in changes.items()}


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (140.0, [0.23516, 0.72266, 0.04219]),
        (160.0, [0.12231, 0.75539, 0.12231]),
        (200.0, [0.03510, 0.57593, 0.38898]),
    ],
)
def test_ideal_dinuclear_table(temperature, expected):
    """SCIENCE 1.5, computed with merged mixed states; T8 is the middle one to 1e-5."""
    x = equilibrium(MODEL, Conditions(temperature), values(molecule__intramolecular_interaction=-1500.0)).x[0]
    assert x[0] == pytest.approx(expected[0], abs=1e-5)
    assert x[1] + x[2] == pytest.approx(expected[1], abs=1e-5)
    assert x[3] == pytest.approx(expected[2], abs=1e-5)
    if temperature == 160.0:
        assert x[1] + x[2] == pytest.approx(0.755387, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(60.0, 300.0), st.floats(-4e3, 4e3))
def test_molecules_without_neighbours_are_boltzmann_populations(temperature, intramolecular):
    g = 8e3 - temperature * 50.0
    energy = np.array([0.0, g + intramolecular, g + intramolecular, 2 * g])
    expected = np.exp(-(energy - energy.min()) / (GAS_CONSTANT * temperature))
    x = equilibrium(
        MODEL, Conditions(temperature), values(molecule__intramolecular_interaction=intramolecular), derivatives=False
    )
    np.testing.assert_allclose(x.x[0], expected / expected.sum(), atol=1e-10)


@pytest.mark.parametrize("gamma", [0.0, 1200.0, 3500.0])
def test_independent_sites_are_binomial_and_follow_slichter_drickamer(gamma):
    """W = 0, Lambda = 0: sites as in the two-state model with the same Gamma, molecules binomial in them."""
    conditions = Conditions(np.linspace(100.0, 260.0, 33) + 0.01, AMBIENT_PRESSURE + 5e7)
    two = equilibrium(
        slichter_drickamer(), conditions,
        {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 1e-5, "LS-HS.interaction": gamma},
    ).of("HS")  # fmt: skip
    x = equilibrium(MODEL, conditions, values(site__interaction=gamma, site__volume=1e-5)).x
    np.testing.assert_allclose(MODEL.upper_share(x), two, atol=1e-9)
    binomial = np.stack([(1 - two) ** 2, two * (1 - two), two * (1 - two), two**2], axis=1)
    np.testing.assert_allclose(x, binomial, atol=1e-9)


def test_switching_temperatures_are_those_of_the_sites():
    loop = transitions(MODEL, values(site__interaction=4000.0))
    two = transitions(
        slichter_drickamer(),
        {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.interaction": 4000.0},
    )
    for name in ("t_half", "t_half_up", "t_half_down"):
        assert getattr(loop, name).temperature == pytest.approx(getattr(two, name).temperature, rel=1e-7)
    assert loop.t_half_up.temperature == pytest.approx(169.203, abs=0.005)  # T3


def test_symmetry_breaks_where_mixed_molecules_exceed_the_threshold():
    """eta = 0 is unstable exactly where x_HL + x_LH > RT/(2 Lambda) (SCIENCE 1.5)."""
    strength, intramolecular = 1100.0, -800.0
    found = values(molecule__staggered_interaction=strength, molecule__intramolecular_interaction=intramolecular)
    # on the symmetric branch Lambda does not act: g of the mixed states is the same as without it
    symmetric = values(molecule__intramolecular_interaction=intramolecular)
    temperature = np.linspace(60.0, 320.0, 131)
    conditions = Conditions(temperature)
    mixed = equilibrium(MODEL, conditions, symmetric).x[:, 1:3].sum(axis=1)
    unstable = mixed > GAS_CONSTANT * temperature / (2 * strength)
    minima = find_minima(MODEL, conditions, found)
    eta = np.abs(staggered_order(minima.x[:, 0], MODEL.state_names, "HL", "LH"))
    assert unstable.any()
    assert not unstable.all()
    # away from the threshold by one step of the grid on either side; first-order steps may coexist below it
    np.testing.assert_array_equal(eta[unstable] > 1e-3, True)
    both = minima.count[unstable]
    assert np.all(both >= 2), "HL- and LH-ordered crystals come in pairs"
    np.testing.assert_allclose(minima.energy[unstable, 0], minima.energy[unstable, 1], atol=1e-6)


def test_pressure_suppresses_symmetry_breaking():
    broken = values(
        molecule__staggered_interaction=2500.0, molecule__staggered_interaction_pressure_slope=-4e-6,
        site__volume=1.2e-5,
    )  # fmt: skip
    low, high = Conditions(150.0), Conditions(150.0, 7e8)
    order = [
        abs(staggered_order(equilibrium(MODEL, c, broken).x, MODEL.state_names, "HL", "LH")[0]) for c in (low, high)
    ]
    assert order[0] > 0.5
    assert order[1] < 1e-6


def test_sites_of_two_kinds_without_interactions_switch_independently():
    model = real_bolvin_dinuclear(equivalent_sites=False)
    numbers = dict.fromkeys(model.parameters.names, 0.0) | {
        "first_site.enthalpy": 6e3, "first_site.entropy": 50.0, "second_site.enthalpy": 12e3,
        "second_site.entropy": 60.0,
    }  # fmt: skip
    conditions = Conditions(np.linspace(80.0, 300.0, 23))
    x = equilibrium(model, conditions, numbers)
    for site, (state, h, s) in {"first": ("HL", 6e3, 50.0), "second": ("LH", 12e3, 60.0)}.items():
        alone = equilibrium(
            van_t_hoff((State("LS"), State("HS"))), conditions, {"HS.enthalpy": h, "HS.entropy": s, "HS.volume": 0.0}
        )
        np.testing.assert_allclose(x.of(state) + x.of("HH"), alone.of("HS"), atol=1e-9, err_msg=site)


@pytest.mark.parametrize(
    ("changes", "steps", "abrupt"),
    [
        ({"molecule__intramolecular_interaction": 0.0}, 1, [False]),
        ({"molecule__intramolecular_interaction": -4e3}, 2, [False, False]),
        ({"molecule__intramolecular_interaction": 2e3}, 1, [False]),
        ({"site__interaction": 3500.0}, 1, [True]),
        # each step has the effective interaction Gamma/2: first order below Gamma/4R = 120 K only
        ({"molecule__intramolecular_interaction": -6e3, "site__interaction": 4000.0}, 2, [True, False]),
    ],
)
def test_one_step_or_two(changes, steps, abrupt):
    """W < 0 splits the conversion: two maxima of dn/dg where -W > RT ln 2 by far (SCIENCE 1.5)."""
    found = conversion_steps(MODEL, values(**changes), Conditions(160.0), (30.0, 600.0))
    assert len(found) == steps
    assert [step.abrupt for step in found] == abrupt
    if steps == 2:
        assert found[0].high == pytest.approx(0.5, abs=0.03)
        assert found[0].temperature < 160.0 < found[1].temperature
