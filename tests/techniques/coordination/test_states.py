"""Spin states, bond valences, scissors, lengths of populations: numbers of the [FeCo] paper and exact ones."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Measurement
from labile.core.structure import Molecule
from labile.models.observable import Observable
from labile.models.populations import Populations
from labile.techniques.coordination.assignment import (
    WINDOWS,
    SiteLengths,
    Window,
    assign_states,
    donor_set,
    fraction_from_length,
)
from labile.techniques.coordination.bond_valence import (
    BRESE_OKEEFFE,
    BondValence,
    bond_valence_sum,
    compare_oxidation_states,
    hu_zhou,
)
from labile.techniques.coordination.bonds import Value
from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.observables import MeanBondLength
from labile.techniques.coordination.scissors import Scissors, opened, scissor_motion
from labile.techniques.coordination.series import reduce_bond_length
from labile.techniques.coordination.sphere import coordination_spheres

A = 1e-10
# two O and four N evenly spaced over the ranges of the paper, angstrom
FE_60 = {"O": [1.904, 1.904], "N": np.linspace(2.026, 2.060, 4)}
FE_100 = {"O": [1.987, 1.991], "N": np.linspace(2.109, 2.145, 4)}
CO_60 = {"O": [1.893, 1.891], "N": np.linspace(1.987, 2.026, 4)}
CO_100 = {"O": [1.893, 1.891], "N": np.linspace(1.979, 2.024, 4)}


def site(metal, lengths):
    inside = {e: [A * float(x) for x in each] for e, each in lengths.items()}
    return SiteLengths.of_sphere_lengths(metal, metal[:2], inside, sigma=5e-13)


def sphere(element, lengths):
    """Those lengths along the axes of an octahedron."""
    directions = np.vstack([np.eye(3), -np.eye(3)])
    names = [e for e, each in lengths.items() for _ in each]
    d = np.array([x for each in lengths.values() for x in each])
    atoms = np.vstack([np.zeros(3), d[:, None] * A * directions])
    return coordination_spheres(Molecule("octahedron", (element, *names), atoms), f"{element}1")[0]


def test_iron_switches_and_cobalt_does_not():
    cold = assign_states([site("Fe1", FE_60), site("Co1", CO_60)])
    warm = assign_states([site("Fe1", FE_100), site("Co1", CO_100)])
    assert [a.best for a in cold] == [(3, "LS"), (3, "LS")]
    assert [a.best for a in warm] == [(3, "HS"), (3, "LS")]
    for assignment in (*cold, *warm):
        assert assignment.of_spin(assignment.best[1]) > 0.999
    assert any("oxidation state is assumed" in note for note in warm[0].notes)
    assert warm[1].notes == ()


def test_mean_lengths_of_the_paper():
    """SCIENCE section 7: 1.997 and 2.081; G4: Fe-O changes by 0.085(6)."""
    cold, warm = site("Fe1", FE_60), site("Fe1", FE_100)
    assert cold.mean.value / A == pytest.approx(1.997, abs=5e-4)
    assert warm.mean.value / A == pytest.approx(2.081, abs=5e-4)
    single = 0.005 / math.sqrt(2)
    change = (warm.by_element["O"].value - cold.by_element["O"].value) / A
    assert change == pytest.approx(0.085, abs=5e-4)
    assert math.hypot(0.005, single) == pytest.approx(0.006, abs=5e-4)
    n_change = (warm.by_element["N"].value - cold.by_element["N"].value) / A
    assert n_change == pytest.approx(0.084, abs=1e-3)


def test_lengths_between_windows_are_uncertain_and_far_ones_fit_nothing():
    middle = SiteLengths.of_sphere_lengths("Fe1", "Fe", {"N": [2.075e-10] * 6}, 5e-13)
    both = assign_states([middle])[0]
    assert both.of_spin("HS") == pytest.approx(1 - both.of_spin("LS"))
    assert 0.2 < both.of_spin("HS") < 0.8
    far = assign_states([SiteLengths.of_sphere_lengths("Fe1", "Fe", {"N": [2.6e-10] * 6}, 5e-13)])[0]
    assert far.best is None
    assert math.isnan(far.of_spin("HS"))
    assert "no window" in far.notes[-1]
    assert far.text == "Fe1: no considered state fits"


def test_charge_balance_decides_what_lengths_leave_open():
    """Two irons with windows for both oxidation states at the same length: only the total charge tells."""
    both = (*WINDOWS, Window("Fe", 3, "LS", 1.95e-10, 2.02e-10, "N6"))
    irons = [SiteLengths.of_sphere_lengths(f"Fe{i}", "Fe", {"N": [1.98e-10] * 6}, 5e-13) for i in (1, 2)]
    alone = assign_states(irons, windows=both)
    assert alone[0].of_oxidation(3) == pytest.approx(0.5)
    assert [a.of_oxidation(3) > 0.99 for a in assign_states(irons, windows=both, total_charge=6)] == [True, True]
    mixed = assign_states(irons, windows=both, total_charge=5)
    assert mixed[0].of_oxidation(2) == pytest.approx(0.5, abs=0.01)
    either = assign_states(irons, windows=both, total_charge=[4, 6])
    assert either[0].of_oxidation(3) == pytest.approx(0.5, abs=0.01)
    weighted = assign_states(irons, windows=both, prior={("Fe", 3, "LS"): 3.0})
    assert weighted[0].of_oxidation(3) == pytest.approx(0.75)
    with pytest.raises(CoordinationError, match="total charge"):
        assign_states(irons, windows=both, total_charge=11)


def test_a_metal_without_windows_is_refused_with_what_exists():
    with pytest.raises(CoordinationError, match="no window for Fe with donors S6"):
        assign_states([SiteLengths.of_sphere_lengths("Fe1", "Fe", {"S": [2.3e-10] * 6}, 5e-13)])
    with pytest.raises(CoordinationError, match="no window for Co with donors N4"):
        # windows hold for six donors: four-coordinate cobalt(II) has short bonds too
        assign_states([SiteLengths.of_sphere_lengths("Co1", "Co", {"N": [1.99e-10] * 4}, 5e-13)])
    with pytest.raises(CoordinationError, match=r"2\.0 angstrom is"):
        Window("Fe", 2, "LS", 1.9, 2.0)
    with pytest.raises(CoordinationError, match="sigma must be in m"):
        SiteLengths.of_sphere_lengths("Fe1", "Fe", {"N": [2e-10]}, 0.005)
    assert donor_set(["S", "N", "N"]) == "N2S1"


def test_assignment_of_a_sphere_is_that_of_its_lengths():
    found = assign_states([sphere("Fe", FE_100)])[0]
    assert found.best == (3, "HS")
    assert "no s.u. of the lengths is known" in found.notes


def test_high_spin_fraction_is_not_clipped():
    low, high = Value(1.997e-10, 2e-13), Value(2.081e-10, 2e-13)
    inside = fraction_from_length(Value(2.039e-10, 2e-13), low, high)
    assert inside.value == pytest.approx(0.5)
    assert inside.sigma == pytest.approx(0.002 * math.sqrt(1 + 0.25 + 0.25) / 0.084, rel=1e-9)
    beyond = fraction_from_length(Value(2.090e-10, 2e-13), low, high)
    assert beyond.value == pytest.approx(1 + 0.009 / 0.084)
    with pytest.raises(CoordinationError, match=r"3 s\.u\."):
        fraction_from_length(Value(2e-10, 1e-13), Value(2.0e-10, 1e-12), Value(2.002e-10, 1e-12))


def test_fractions_of_a_series_share_the_error_of_the_end_members():
    lengths = Measurement.from_field(
        "bond_length", [1.997, 2.081, 2.090], "angstrom", Conditions([60.0, 100.0, 200.0]), sigma=0.002
    )
    found = reduce_bond_length(
        lengths, low_spin=1.997e-10, high_spin=2.081e-10, sigma_low_spin=2e-13, sigma_high_spin=3e-13
    )
    np.testing.assert_allclose(found.values, [0, 1, 1 + 0.009 / 0.084], atol=1e-9)
    for i, value in enumerate(lengths.values):
        expected = fraction_from_length(Value(value, 2e-13), Value(1.997e-10, 2e-13), Value(2.081e-10, 3e-13))
        assert found.total_sigma[i] == pytest.approx(expected.sigma, rel=1e-9)
    assert any("outside 0 to 1" in step for step in found.provenance.steps)
    with pytest.raises(CoordinationError, match="bond_length at each condition"):
        reduce_bond_length(found, low_spin=1e-10, high_spin=2e-10)
    with pytest.raises(CoordinationError, match="low_spin < high_spin"):
        reduce_bond_length(lengths, low_spin=2.1e-10, high_spin=2.0e-10)


BRESE_N = {("Fe", n, "N"): BondValence(1.86e-10, source=BRESE_OKEEFFE) for n in (2, 3)}


@pytest.mark.parametrize(
    ("lengths", "oxidation", "value"), [(FE_100, 3, 3.02), (FE_100, 2, 2.95), (FE_60, 3, 3.79), (FE_60, 2, 3.70)]
)
def test_sums_of_the_paper_with_one_parameter_for_iron_and_nitrogen(lengths, oxidation, value):
    """SCIENCE section 7, with R0(Fe-N) = 1.86 for any oxidation state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoordinationWarning)
        found = bond_valence_sum(sphere("Fe", lengths), oxidation, BRESE_N)
    assert found.value == pytest.approx(value, abs=0.006)


@pytest.mark.parametrize(("lengths", "value"), [(CO_60, 3.19), (CO_100, 3.22)])
def test_cobalt_sums_with_the_unverified_parameter_of_the_user(lengths, value):
    given = {("Co", 3, "N"): BondValence(1.75e-10, source="user")}
    found = bond_valence_sum(sphere("Co", lengths), 3, given)
    assert found.value == pytest.approx(value, abs=0.006)
    assert "user" in found.sources


def test_overbonded_low_spin_ions_are_warned_of():
    with pytest.warns(CoordinationWarning, match="low-spin ion is overbonded"):
        bond_valence_sum(sphere("Fe", {"N": [1.98] * 6}), 2)
    _, text = compare_oxidation_states(sphere("Fe", {"N": [1.96] * 6}), (2, 3))
    assert "the sum tells no oxidation state" in text
    sums, text = compare_oxidation_states(sphere("Fe", FE_100), (2, 3), BRESE_N)
    assert abs(sums[0].value - sums[1].value) < 0.1
    assert sums[1].excess == pytest.approx(0.02, abs=0.01)


def test_a_plain_high_spin_ion_fits_and_missing_parameters_are_not_guessed():
    assert bond_valence_sum(sphere("Fe", {"N": [2.18] * 6}), 2).value == pytest.approx(1.98, abs=0.01)
    with pytest.raises(CoordinationError, match=r"Fe\(2\)-As"):
        bond_valence_sum(sphere("Fe", {"As": [2.5] * 6}), 2)
    assert hu_zhou(2.5).r0 == pytest.approx((0.0335 * 2.5 + 1.648) * A)
    with pytest.raises(CoordinationError, match="oxidation state"):
        hu_zhou(0)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-10, 50e-10), st.floats(0.05, 3.0), st.floats(-0.04, 0.04))
def test_scissors_keep_the_sum_of_squares(arm, angle, change):
    """G5: a^2 + b^2 = 4 L^2, and d ln a/d ln b = -(b/a)^2."""
    before = Scissors.from_angle(arm, angle)
    after = opened(before, change)
    assert after.a**2 + after.b**2 == pytest.approx(4 * arm**2, rel=1e-12)
    assert before.arm == pytest.approx(arm, rel=1e-12)
    assert before.angle == pytest.approx(angle, rel=1e-9)
    small = opened(before, 1e-6), opened(before, -1e-6)
    slope = math.log(small[0].a / small[1].a) / math.log(small[0].b / small[1].b)
    assert slope == pytest.approx(before.ratio, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 2.8), st.floats(-2e-2, 2e-2), st.floats(-3e-11, 3e-11))
def test_motion_is_recovered_from_axial_compressibilities(angle, rate, arm):
    """Arms of compressibility K_L and an angle that turns by dq per GPa, by finite differences."""
    before = Scissors.from_angle(8e-10, angle)
    step = 1e5
    after = opened(before, rate * 1e-9 * step, -arm * step)
    k_a, k_b = -math.log(after.a / before.a) / step, -math.log(after.b / before.b) / step
    found = scissor_motion(before, k_a, k_b, sigma_a=1e-12, sigma_b=1e-12)
    assert found.arm == pytest.approx(arm, abs=1e-14)
    assert found.angle_rate == pytest.approx(rate * 1e-9, abs=1e-14)
    assert found.sigma_arm < 1.01e-12
    warmer = scissor_motion(before, -k_a, -k_b, kind="expansion")
    assert warmer.angle_rate == pytest.approx(found.angle_rate, rel=1e-9, abs=1e-20)
    assert warmer.arm == pytest.approx(-found.arm, abs=1e-20)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Scissors(0, 1e-10),
        lambda: Scissors.from_angle(1e-9, 4.0),
        lambda: scissor_motion(Scissors(1e-9, 1e-9), math.nan, 0.0),
        lambda: scissor_motion(Scissors(1e-9, 1e-9), 1.0, 1.0, kind="bulk"),
        lambda: opened(Scissors(1e-9, 1e-9), 0.1, -2.0),
    ],
)
def test_wrong_scissors_are_refused(call):
    with pytest.raises(CoordinationError, match="scissors"):
        call()


STATES = (State("LS", 0), State("HS", 2))


def made(x):
    x = np.asarray(x, dtype=float)
    none = np.zeros((x.size, 2))
    return Populations(
        ("LS", "HS"), np.stack([1 - x, x], axis=1), none, none, none, (), np.zeros((x.size, 0, 2)),
        np.zeros((x.size, 0, 2)), np.zeros(x.size, dtype=int), "equilibrium",
    )  # fmt: skip


def test_bond_lengths_mix_with_themade():
    observable = MeanBondLength()
    assert isinstance(observable, Observable)
    assert observable.quantity == "bond_length"
    values = {"LS.bond_length": 2.0e-10, "HS.bond_length": 2.2e-10}
    at = Conditions([100.0, 200.0])
    found = observable.predict(made([0.25, 1.0]), at, values)
    np.testing.assert_allclose(found.values, [2.05e-10, 2.2e-10])
    np.testing.assert_allclose(found.d_own["HS.bond_length"], [0.25, 1.0])
    np.testing.assert_allclose(found.d_temperature, 0.0)


def test_bonds_of_a_state_may_expand_and_have_exact_derivatives():
    observable = MeanBondLength(site="Fe1", expansion=True, reference_temperature=100.0)
    values = {p.name: p.value for p in observable.parameters(STATES)}
    values |= {"LS_Fe1.bond_length": 2.0e-10, "HS_Fe1.bond_length": 2.2e-10}
    values |= {"LS_Fe1.linear_expansion": 1e-5, "HS_Fe1.linear_expansion": 3e-5}
    at = Conditions([150.0])
    x = made([0.4])
    found = observable.predict(x, at, values)
    expected = 0.6 * 2.0e-10 * (1 + 50e-5) + 0.4 * 2.2e-10 * (1 + 150e-5)
    assert found.values[0] == pytest.approx(expected, rel=1e-14)
    for name in found.d_own:
        step = 1e-3 * values[name]
        more = observable.predict(x, at, values | {name: values[name] + step}).values[0]
        less = observable.predict(x, at, values | {name: values[name] - step}).values[0]
        assert found.d_own[name][0] == pytest.approx((more - less) / (2 * step), rel=1e-7)
    warm = observable.predict(x, Conditions([150.1]), values).values[0]
    assert found.d_temperature[0] == pytest.approx((warm - expected) / 0.1, rel=1e-6)


@pytest.mark.parametrize("options", [{"site": "Fe.1"}, {"reference_temperature": 0.0}])
def test_wrong_observables_are_refused(options):
    with pytest.raises(CoordinationError):
        MeanBondLength(**options)


@pytest.mark.parametrize(("length", "told"), [(1.98, False), (2.05, True), (2.18, False), (2.28, True)])
def test_a_length_outside_the_window_of_its_state_is_said(length, told):
    site = SiteLengths.of_sphere_lengths("Fe1", "Fe", {"N": [length * 1e-10] * 6}, sigma=5e-13)
    (found,) = assign_states([site])
    assert any("a mixture of spin states" in note for note in found.notes) == told
