import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT, VACUUM_PERMEABILITY
from labile.core.material import State
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.pascal_constants import pascal_diamagnetism
from labile.core.units import from_si
from labile.formats import quantum_design
from labile.models.observable import Observable, chain
from labile.models.populations import Populations
from labile.techniques.magnetometry import (
    ChiM,
    ChiT,
    HighSpinFraction,
    MagnetometryError,
    MagnetometryWarning,
    MuEff,
    OverstatedSigmaWarning,
    high_spin_fraction,
    mu_eff,
    reduce_moment,
    residual_fraction,
    spin_only_chi_t,
    transition_temperatures,
)
from labile.techniques.magnetometry.scatter import sigma_over_scatter

CHI_T = 4 * math.pi * 1e-6  # m3 K/mol per cm3 K/mol
STATES = (State("LS", 0), State("HS", 2), State("V", 2))
ER_FILE = Path(__file__).parents[2] / "examples" / "magnetometer" / "fc7.dat"
# what this laboratory writes into entries that MultiVu meant for something else
ER_HEADER = {"SAMPLE_VOLUME": "eicosane_mass/mg", "SAMPLE_SIZE": "diamagnetic_susceptibility/(emu/mol)"}


def sample(moment_emu=(2.4e-4, 2.4e-4), temperature=(300.0, 150.0), field=0.1, **others):
    conditions = Conditions(list(temperature), magnetic_field=field)
    return Measurement.from_field("moment", list(moment_emu), "emu", conditions, **others)


MASSES = {"sample_mass": 12e-6, "molar_mass": 0.5}


# ---------------------------------------------------------------- spin-only numbers


@pytest.mark.parametrize(("spin", "expected"), [(2, 3.0012), (2.5, 4.3767), (3, 6.0024)])
def test_spin_only_chi_t(spin, expected):
    assert from_si(spin_only_chi_t(spin), "cm3 K/mol", "chi_t") == pytest.approx(expected, abs=1e-4)


def test_residual_fraction_without_zero_field_splitting():
    assert residual_fraction(0.15, 3.0012) == pytest.approx(0.0500, abs=5e-4)
    for observed, full in ((-0.1, 3.0), (3.1, 3.0), (1.0, 0.0), (math.nan, 3.0)):
        with pytest.raises(ValueError, match="residual_fraction"):
            residual_fraction(observed, full)


def test_effective_moment_is_the_textbook_factor():
    assert mu_eff(CHI_T) == pytest.approx(2.8279, abs=1e-4)
    assert mu_eff(spin_only_chi_t(0.5)) == pytest.approx(math.sqrt(3), rel=1e-12)
    with pytest.raises(ValueError, match="must not be negative"):
        mu_eff([1.0, -1.0])


@pytest.mark.parametrize("bad", [{"spin": 0.3}, {"spin": -1}, {"spin": 1, "g": 0.0}, {"spin": 1, "g": math.nan}])
def test_impossible_spins_are_refused(bad):
    with pytest.raises(ValueError, match="spin_only_chi_t"):
        spin_only_chi_t(**bad)


# ---------------------------------------------------------------- reduction


@pytest.mark.parametrize("centre", ["fixed", "free"])
def test_erbium_sample_at_room_temperature(centre):
    (raw,) = quantum_design.read(ER_FILE, moment=centre, header_meaning=ER_HEADER)
    with pytest.warns(OverstatedSigmaWarning, match="over 1000|about [3-9]"):
        chi_t = reduce_moment(raw)
    last = int(np.argmin(np.abs(chi_t.temperature - 300)))
    assert chi_t.temperature[last] == pytest.approx(299.93, abs=0.01)
    assert chi_t.in_unit()[last] == pytest.approx(11.37, rel=0.01)
    # tighter, against the arithmetic in cgs with the number MagnetoPy uses for eicosane
    moment, oersted = raw.in_unit("emu"), from_si(raw.conditions.magnetic_field, "Oe", "magnetic_field")
    moles = 10.1e-3 / 704.95
    by_hand = ((moment / oersted + 0.00024306 * 17.3e-3 / 282.55) / moles + 3.19e-4) * raw.temperature
    assert np.max(np.abs(chi_t.in_unit() / by_hand - 1)) < 1e-5
    # the error of the moment alone: corrections do not add to it
    assert chi_t.sigma_in_unit() == pytest.approx(
        raw.sigma_in_unit("emu") / oersted / moles * raw.temperature, rel=1e-9
    )


def test_a_header_that_mentions_a_matrix_without_its_mass_warns():
    raw = replace(quantum_design.read(ER_FILE)[0], sigma=None)
    with pytest.warns(MagnetometryWarning, match="mentions eicosane"):
        reduce_moment(raw, diamagnetic_susceptibility="estimate")


def test_emu_and_si_moments_give_the_same():
    emu = sample()
    si = Measurement.from_field("moment", [2.4e-7, 2.4e-7], "A m2", emu.conditions)
    a, b = (reduce_moment(m, **MASSES, diamagnetic_susceptibility=0.0) for m in (emu, si))
    assert np.allclose(a.values, b.values, rtol=1e-12)
    # 2.4e-4 emu / 1000 Oe / 24e-6 mol = 0.01 cm3/mol
    assert a.in_unit() == pytest.approx([3.0, 1.5], rel=1e-9)


def test_quantities_belong_together():
    options = {**MASSES, "diamagnetic_susceptibility": "estimate", "sigma_mass": 1e-7, "sigma_diamagnetic": 1e-9}
    raw = sample(sigma=[1e-6, 2e-6])
    chi_m, chi_t, moment = (reduce_moment(raw, quantity=q, **options) for q in ("chi_m", "chi_t", "mu_eff"))
    assert chi_t.values == pytest.approx(chi_m.values * raw.temperature, rel=1e-12)
    assert moment.values == pytest.approx(2.8279 * np.sqrt(chi_t.in_unit()), rel=1e-4)
    relative = chi_t.total_sigma / chi_t.values
    assert chi_m.total_sigma / chi_m.values == pytest.approx(relative, rel=1e-12)
    assert moment.total_sigma / moment.values == pytest.approx(relative / 2, rel=1e-12)
    assert (chi_m.unit, chi_t.unit, moment.unit) == ("cm^3/mol", "cm^3 K/mol", "bohr_magneton")
    assert chi_t.label == "chi_t"


def test_uncertainties_are_shifts_of_the_whole_reduction():
    empty = Measurement.from_field(
        "moment", [-2e-5, -1e-5], "emu", Conditions([400.0, 100.0], magnetic_field=0.1), sigma=[1e-6, 1e-6]
    )
    options = {
        **MASSES, "diamagnetic_susceptibility": -3e-9, "matrix_mass": 20e-6, "holder": empty,
    }  # fmt: skip
    raw = sample(sigma=[1e-6, 2e-6], correlated=(CorrelatedTerm("calibration", np.array([1e-9, 2e-9])),))
    base = reduce_moment(
        raw, **options, sigma_mass=1e-9, sigma_matrix_mass=2e-9, sigma_diamagnetic=1e-12, quantity="chi_t"
    )

    def shifted(measurement=raw, **changes):
        return reduce_moment(measurement, **{**options, **changes}).values - base.values

    terms = {term.name: term.effect for term in base.correlated}
    assert terms["mass"] == pytest.approx(shifted(sample_mass=12e-6 + 1e-9), rel=1e-3)
    assert terms["matrix_mass"] == pytest.approx(shifted(matrix_mass=20e-6 + 2e-9), rel=1e-6)
    assert terms["diamagnetic_susceptibility"] == pytest.approx(
        shifted(diamagnetic_susceptibility=-3e-9 + 1e-12), rel=1e-6
    )
    up = replace(empty, values=empty.values + empty.sigma)
    assert terms["holder"] == pytest.approx(shifted(holder=up), rel=1e-6)
    more = replace(raw, values=raw.values + raw.correlated[0].effect)
    assert terms["calibration"] == pytest.approx(shifted(more), rel=1e-6)
    noisy = replace(raw, values=raw.values + raw.sigma)
    assert base.sigma == pytest.approx(shifted(noisy), rel=1e-6)


def test_every_correction_is_recorded_with_its_number():
    raw = sample()
    reduced = reduce_moment(
        replace(raw, attributes={"eicosane_mass": 17.3e-6}), **MASSES, diamagnetic_susceptibility="estimate"
    )
    text = " | ".join(reduced.provenance.steps)
    assert "12 mg (given)" in text
    assert "500 g/mol (given)" in text
    assert "17.3 mg eicosane (header) with -8.6024e-07 cm3/g (Pascal's constants)" in text
    assert "-0.00025 cm3/mol (estimate" in text
    pascal = reduce_moment(raw, **MASSES, pascal={"formula": "C26H16FeN6S2", "groups": {"Fe2+": 1}})
    assert "Pascal's constants of C26H16FeN6S2" in pascal.provenance.steps[-1]
    expected = pascal_diamagnetism("C26H16FeN6S2", groups={"Fe2+": 1})
    none = reduce_moment(raw, quantity="chi_m", **MASSES, diamagnetic_susceptibility=0)
    got = reduce_moment(raw, quantity="chi_m", **MASSES, diamagnetic_susceptibility=expected)
    assert got.values - none.values == pytest.approx(-expected, rel=1e-9)


def test_reversed_field_turns_limits_and_keeps_chi():
    raw = sample(limits=np.array([-1, 0]))
    back = Measurement("moment", -raw.values, Conditions(raw.temperature, magnetic_field=-0.1), limits=-raw.limits)
    a, b = (reduce_moment(m, **MASSES, diamagnetic_susceptibility=0) for m in (raw, back))
    assert a.values == pytest.approx(b.values, rel=1e-12)
    assert a.limits.tolist() == b.limits.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_mass": None}, "header gives no sample_mass; pass sample_mass in kg"),
        ({"molar_mass": None}, "header gives no molar_mass; pass molar_mass in kg/mol"),
        ({"sample_mass": -1e-6}, "sample_mass was given as -1e-06"),
        ({"sample_mass": 10.1}, "10.1 mg is 10.1e-6"),
        ({"molar_mass": 704.95}, "704.95 g/mol is 0.70495"),
        ({"diamagnetic_susceptibility": None}, "no diamagnetic correction is known.*'estimate'.*pascal"),
        ({"diamagnetic_susceptibility": 3e-9}, "must be <= 0"),
        ({"diamagnetic_susceptibility": -3.19e-4}, "-3e-4 cm3/mol is -3.8e-9"),
        ({"diamagnetic_susceptibility": "guess"}, "found 'guess'"),
        ({"diamagnetic_susceptibility": None, "pascal": {"formul": "C6H6"}}, "unknown 'formul'"),
        ({"diamagnetic_susceptibility": None, "pascal": {"groups": {}}}, "no formula"),
        ({"sigma_mass": 0.1}, "not below the sample mass"),
        ({"pascal": {"formula": "C6H6"}}, "not both"),
        ({"quantity": "moment"}, "quantity must be"),
        ({"minimum_field": 0.2}, "2 of 2 points have a field below 0.2 T, the first is point 1"),
        ({"minimum_field": 0.0}, "minimum_field must be > 0 T"),
        ({"sigma_mass": -1.0}, "sigma_mass must be >= 0"),
        ({"sigma_matrix_mass": 1e-7}, "without a matrix_mass"),
        ({"sigma_holder": 1e-15}, "without a holder"),
        ({"matrix_mass": 1e-5, "matrix": "grease"}, "grease.*unknown"),
        ({"matrix_mass": 1e-5, "matrix_susceptibility": -8.6e-4}, "m3/kg"),
        ({"holder": 1.0}, "moment per H in m3"),
    ],
)
def test_what_is_missing_or_impossible_is_refused(changes, message):
    options = {**MASSES, "diamagnetic_susceptibility": 0.0, **changes}
    with pytest.raises(ValueError, match=message):
        reduce_moment(sample(), **options)


def test_zero_field_other_quantities_and_negative_moments():
    with pytest.raises(MagnetometryError, match="chi = M/H has no meaning"):
        reduce_moment(sample(field=0.0), **MASSES, diamagnetic_susceptibility=0.0)
    chi = Measurement("chi_m", [1.0], Conditions([10.0]))
    with pytest.raises(MagnetometryError, match="needs a moment, found chi_m"):
        reduce_moment(chi, **MASSES)
    with pytest.raises(MagnetometryError, match="mu_eff has no value there"):
        reduce_moment(sample((-1e-4, 1e-4)), quantity="mu_eff", **MASSES, diamagnetic_susceptibility=0.0)
    text = replace(sample(), attributes={"sample_mass": "ten"})
    with pytest.raises(MagnetometryError, match="sample_mass the file's header gives 'ten'"):
        reduce_moment(text, molar_mass=0.5)


def test_doubtful_data_are_reduced_with_a_warning():
    with pytest.warns(MagnetometryWarning, match="mu_B B/k_B T reaches 0.34"):
        cold = reduce_moment(sample(temperature=(2.0, 300.0), field=1.0), **MASSES, diamagnetic_susceptibility=0.0)
    assert any("doubtful" in step for step in cold.provenance.steps)
    comment = replace(sample(), attributes={"comment": "powder in Eicosane"})
    with pytest.warns(MagnetometryWarning, match="mentions eicosane"):
        reduce_moment(comment, **MASSES, diamagnetic_susceptibility=0.0)
    quiet = reduce_moment(comment, **MASSES, diamagnetic_susceptibility=0.0, matrix_mass=0.0)
    assert "given as 0" in quiet.provenance.steps[1]


# ---------------------------------------------------------------- holder


def holder(temperature, field, moment=lambda t, b: -1e-6 * b * (1 + t / 1000)):
    t, b = np.broadcast_arrays(np.asarray(temperature, float), np.asarray(field, float))
    return Measurement("moment", moment(t, b), Conditions(t, magnetic_field=b), label="empty")


def blank_of(held, raw):
    """What the reduction subtracted: chi_m with minus without the holder, as a moment."""
    options = {**MASSES, "diamagnetic_susceptibility": 0.0, "quantity": "chi_m"}
    difference = reduce_moment(raw, **options).values - reduce_moment(raw, **options, holder=held).values
    strength = np.asarray(raw.conditions.magnetic_field) / VACUUM_PERMEABILITY
    return difference * strength * 12e-6 / 0.5


def test_holder_is_interpolated_in_temperature_and_field():
    grid_t, grid_b = (g.ravel() for g in np.meshgrid(np.linspace(10, 350, 18), [0.05, 0.2, 1.0]))
    held = holder(grid_t, grid_b)
    raw = sample(temperature=(300.0, 155.0), field=[0.1, 0.2])
    exact = -1e-6 * np.array([0.1, 0.2]) * (1 + raw.temperature / 1000)
    assert blank_of(held, raw) == pytest.approx(exact, rel=1e-6)
    # the parts of a log, one per field, are one holder
    parts = [held[grid_b == b] for b in (0.05, 0.2, 1.0)]
    assert blank_of(parts, raw) == pytest.approx(exact, rel=1e-6)
    # a field read as 0.1003 instead of 0.1 T is the same setting
    near = holder(np.linspace(10, 350, 18), 0.1003)
    raw = sample(temperature=(300.0, 155.0), field=0.1)
    assert blank_of(near, raw) == pytest.approx(-1e-7 * (1 + raw.temperature / 1000), rel=1e-6)


def test_constant_holder_is_an_emu_per_oersted():
    constant = -1e-9 * 4 * math.pi * 1e-6
    raw = sample()
    # -1e-9 emu/Oe at 1000 Oe is -1e-6 emu
    assert blank_of(constant, raw) == pytest.approx(-1e-9, rel=1e-6)
    reduced = reduce_moment(raw, **MASSES, diamagnetic_susceptibility=0.0, holder=constant, sigma_holder=1e-16)
    assert "-1e-09 emu/Oe" in " ".join(reduced.provenance.steps)
    assert [term.name for term in reduced.correlated] == ["holder"]


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (holder([10.0, 200.0], 0.1), "300 K lies outside the holder 'empty' .10 to 200 K"),
        (holder([10.0, 350.0], 0.2), "point 1 is at 0.1 T, the holder 'empty' was measured at 0.2 T"),
        (Measurement("chi_t", [1.0], Conditions([10.0])), "must be a moment, found chi_t"),
        ([], "the holder has no measurement"),
    ],
)
def test_holder_is_never_extrapolated(held, message):
    with pytest.raises(MagnetometryError, match=message):
        reduce_moment(sample(), **MASSES, diamagnetic_susceptibility=0.0, holder=held)


# ---------------------------------------------------------------- high-spin fraction


def test_high_spin_fraction_propagates_and_is_not_clipped():
    chi_t = Measurement(
        "chi_t",
        np.array([-0.03, 1.5, 3.06]) * CHI_T,
        Conditions([50.0, 150.0, 250.0]),
        sigma=0.02 * CHI_T,
        correlated=(CorrelatedTerm("mass", np.array([0.0, 0.015, 0.0306]) * CHI_T),),
    )
    n = high_spin_fraction(chi_t, 0.0, 3.0 * CHI_T, sigma_low=0.01 * CHI_T, sigma_high=0.03 * CHI_T)
    assert n.values == pytest.approx([-0.01, 0.5, 1.02], rel=1e-9)
    assert n.sigma == pytest.approx([0.02 / 3] * 3, rel=1e-9)
    terms = {term.name: term.effect for term in n.correlated}
    for name, low, high in (("chi_t_low", 1e-5, 0.0), ("chi_t_high", 0.0, 3e-5)):
        shift = high_spin_fraction(chi_t, low * CHI_T, (3.0 + high) * CHI_T).values - n.values
        assert terms[name] == pytest.approx(1e3 * shift, rel=1e-3)
    assert "2 of 3 values lie outside [0, 1] (-0.01 to 1.02)" in n.provenance.steps[-1]
    same = high_spin_fraction(chi_t, 0.0, 3.0 * CHI_T, same_sample=True)
    assert [term.name for term in same.correlated] == []


def test_high_spin_fraction_far_outside_warns_and_wrong_input_is_refused():
    chi_t = Measurement("chi_t", np.array([0.0, 4.0]) * CHI_T, Conditions([50.0, 250.0]), sigma=0.01 * CHI_T)
    with pytest.warns(MagnetometryWarning, match="outside"):
        n = high_spin_fraction(chi_t, 0.0, 3.0 * CHI_T)
    assert n.values[1] == pytest.approx(4 / 3)
    for low, high in ((3e-5, 3e-5), (0.0, 3.0), (0.0, math.nan)):
        with pytest.raises(MagnetometryError, match="must be above"):
            high_spin_fraction(chi_t, low, high)
    with pytest.raises(MagnetometryError, match="needs chi_t"):
        high_spin_fraction(n, 0.0, 1.0)


# ---------------------------------------------------------------- transition temperatures


def loop(up=163.0, down=123.0, width=2.0, noise=0.0, points=141, low=0.1, high=3.4, seed=0):
    """Simulated chi*T of a loop: logistic steps at `up` and `down`."""
    rng = np.random.default_rng(seed)
    cooling = np.linspace(210, 70, points)
    heating = np.linspace(70, 210, points)
    curves = []
    for t, half in ((cooling, down), (heating, up)):
        step = 1 / (1 + np.exp(-(t - half) / width)) if width else (t > half).astype(float)
        curves.append((low + (high - low) * step + noise * rng.standard_normal(points)) * CHI_T)
    return Measurement("chi_t", np.concatenate(curves), Conditions(np.concatenate([cooling, heating])), label="loop")


def test_hysteresis_loop_of_a_single_log():
    found = transition_temperatures(loop())
    assert found.t_half_up == pytest.approx(163, abs=0.05)
    assert found.t_half_down == pytest.approx(123, abs=0.05)
    assert found.hysteresis_width == pytest.approx(40, abs=0.1)
    assert found.heating.t_steepest == pytest.approx(163, abs=0.3)
    assert found.cooling.t_steepest == pytest.approx(123, abs=0.3)
    assert found.sigma_hysteresis_width < 0.2
    assert found.reason == ""


def test_uncertainties_cover_the_truth_with_noise():
    half, steepest = [], []
    for seed in range(100):
        found = transition_temperatures(loop(noise=0.06, seed=seed))
        for branch, truth in ((found.heating, 163), (found.cooling, 123)):
            half.append((branch.t_half - truth) / branch.sigma)
            steepest.append((branch.t_steepest - truth) / branch.sigma_steepest)
    # a fair sigma gives an rms of 1; the interpolation terms make it a little cautious
    for pulls in (half, steepest):
        assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.3


def test_a_jump_is_known_to_the_distance_of_its_points():
    found = transition_temperatures(loop(up=163.3, down=123.3, width=0, points=29))
    assert abs(found.t_half_up - 163.3) < 5.0
    assert found.heating.sigma == pytest.approx(5 / math.sqrt(12), rel=0.02)
    assert abs(found.heating.t_steepest - 163.3) < 5.0


def test_inverted_steps_and_fractions_work_too():
    found = transition_temperatures(loop(low=3.4, high=0.1))
    assert found.hysteresis_width == pytest.approx(40, abs=0.1)
    chi_t = loop()
    n = high_spin_fraction(chi_t, 0.1 * CHI_T, 3.4 * CHI_T)
    assert transition_temperatures(n).hysteresis_width == pytest.approx(
        transition_temperatures(chi_t).hysteresis_width, abs=1e-9
    )


def logistic(t, half, width=3.0):
    return 1 / (1 + np.exp(-(t - half) / width))


def curve(function, low=10.0, high=300.0, points=200, branch="heating"):
    t = np.linspace(low, high, points)
    return Measurement("chi_t", function(t) * CHI_T, Conditions(t), branch=branch)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda t: 3.0 + 0.0 * t, "no step: cold and warm end of 10 to 300 K differ by 0 %"),
        (lambda t: 3.0 + 0.05 * np.sin(t), "no step"),
        (lambda t: 0.01 * t, "no plateau on the cold side"),
        (lambda t: 3 / (1 + np.exp(-(t - 290) / 10)), "no plateau on the warm side"),
        (
            lambda t: 2 * logistic(t, 90) - 2.5 * logistic(t, 150) + 3 * logistic(t, 220),
            "crosses half of its step 3 times",
        ),
    ],
)
def test_no_number_without_a_single_complete_step(function, reason):
    found = transition_temperatures(curve(function))
    assert found.t_half_up is None
    assert found.hysteresis_width is None
    assert found.sigma_hysteresis_width is None
    assert reason in found.heating.reason
    assert found.cooling.reason == "there is no cooling curve in the data"


def test_window_and_refusals():
    def with_residue(t):
        return 0.3 * np.exp(-t / 5) + 3 / (1 + np.exp(-(t - 150) / 4)) + 0.002 * (t - 150) * (t > 150)

    measurement = curve(with_residue, low=2.0)
    found = transition_temperatures(measurement, window=(40.0, 260.0))
    # a warm plateau that rises to 3.21 instead of 3 lifts the half level by 0.11, which is 0.56 K on this slope
    assert found.t_half_up == pytest.approx(150.53, abs=0.1)
    assert 0.3 < found.heating.sigma < 1.0
    few = transition_temperatures(measurement, window=(140.0, 150.0))
    assert "at least 8 are needed" in few.heating.reason
    with pytest.raises(MagnetometryError, match="2 heating curves"):
        transition_temperatures(measurement, measurement)
    with pytest.raises(MagnetometryError, match="window"):
        transition_temperatures(measurement, window=(200.0, 100.0))
    with pytest.raises(MagnetometryError, match="found moment"):
        transition_temperatures(sample())


def test_the_erbium_sample_shows_no_transition():
    raw = replace(quantum_design.read(ER_FILE, header_meaning=ER_HEADER)[0], sigma=None)
    found = transition_temperatures(reduce_moment(raw))
    assert found.t_half_up is None
    assert found.t_half_down is None
    assert "no step" in found.heating.reason


@given(st.floats(110, 170), st.floats(0.5, 6), st.floats(0.2, 5), st.floats(0, 1))
def test_t_half_of_any_logistic_step_is_found(half, width, height, low):
    t = np.linspace(70, 210, 141)
    values = (low + height / (1 + np.exp(-(t - half) / width))) * CHI_T
    found = transition_temperatures(Measurement("chi_t", values, Conditions(t), branch="cooling"))
    assert found.t_half_down == pytest.approx(half, abs=0.2)


# ---------------------------------------------------------------- observables

NAMES = ("HS.enthalpy", "HS.entropy")


def boltzmann(temperature, theta=(15e3, 60.0)):
    """Three states LS, HS, V by hand: LS <-> HS with (H, S) = theta, V at 2 kJ/mol and 8 J/K/mol above HS."""
    t = np.atleast_1d(np.asarray(temperature, dtype=float))
    enthalpy = np.array([0.0, theta[0], theta[0] + 2e3])
    entropy = np.array([0.0, theta[1], theta[1] + 8.0])
    weight = np.exp(-(enthalpy - t[:, None] * entropy) / (GAS_CONSTANT * t[:, None]))
    return t, enthalpy, weight / weight.sum(axis=1, keepdims=True)


def populations(temperature, theta=(15e3, 60.0)):
    t, enthalpy, x = boltzmann(temperature, theta)
    n = t.size
    mean = x @ enthalpy
    x_t = x * (enthalpy - mean[:, None]) / (GAS_CONSTANT * t[:, None] ** 2)
    raised = np.array([0.0, 1.0, 1.0])
    deviation = raised - (x @ raised)[:, None]
    x_theta = np.stack([-x * deviation / (GAS_CONSTANT * t[:, None]), x * deviation / GAS_CONSTANT], axis=1)
    zero = np.zeros((n, 3))
    return Populations(
        ("LS", "HS", "V"), x, x_t, zero, zero, NAMES, x_theta, np.zeros((n, 2, 3)), np.zeros(n, dtype=int)
    )


OBSERVABLES = [
    ChiT("powder"),
    ChiT("powder", "V"),
    ChiM("powder"),
    MuEff("powder", "HS"),
    HighSpinFraction(("HS", "V"), "powder"),
]
VALUES = {
    "HS.enthalpy": 15e3,
    "HS.entropy": 60.0,
    "LS.chi_t": 1e-7,
    "HS.chi_t": 3.0 * CHI_T,
    "V.chi_t": 3.4 * CHI_T,
    "powder.residual_fraction": 0.07,
    "powder.temperature_independent_paramagnetism": 2e-4 * CHI_T,
}


@pytest.mark.parametrize("observable", OBSERVABLES, ids=repr)
def test_derivatives_against_finite_differences(observable):
    temperature = np.array([150.0, 220.0, 250.0, 270.0, 340.0])
    conditions = Conditions(temperature)
    names = tuple(VALUES)

    def value(t=temperature, **changes):
        values = {**VALUES, **changes}
        pops = populations(t, (values["HS.enthalpy"], values["HS.entropy"]))
        return observable.predict(pops, Conditions(t), values).values

    prediction = observable.predict(populations(temperature), conditions, VALUES)
    jacobian, slope = chain(prediction, populations(temperature), names)
    scale = np.max(np.abs(prediction.values))
    for column, name in enumerate(names):
        h = 1e-5 * abs(VALUES[name])
        numeric = (value(**{name: VALUES[name] + h}) - value(**{name: VALUES[name] - h})) / (2 * h)
        assert jacobian[:, column] == pytest.approx(numeric, rel=1e-6, abs=1e-8 * scale / abs(VALUES[name]))
    numeric = (value(temperature + 1e-3) - value(temperature - 1e-3)) / 2e-3
    assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-9 * scale)


@pytest.mark.parametrize("observable", OBSERVABLES, ids=repr)
def test_partial_derivatives_in_populations_and_temperature(observable):
    temperature = np.array([150.0, 250.0, 340.0])
    base = populations(temperature)
    prediction = observable.predict(base, Conditions(temperature), VALUES)
    h = 1e-6
    for i, other in ((0, 1), (1, 2), (2, 0)):
        # move h from one state to another so that rows still sum to 1
        values = []
        for sign in (1, -1):
            x = base.x.copy()
            x[:, i] += sign * h
            x[:, other] -= sign * h
            values.append(observable.predict(replace(base, x=x), Conditions(temperature), VALUES).values)
        numeric = (values[0] - values[1]) / (2 * h)
        exact = prediction.d_x[:, i] - prediction.d_x[:, other]
        assert numeric == pytest.approx(exact, rel=1e-6, abs=1e-9 * np.max(np.abs(prediction.values)))
    warmer, colder = (observable.predict(base, Conditions(temperature + d), VALUES).values for d in (1e-3, -1e-3))
    numeric = (warmer - colder) / 2e-3
    assert prediction.d_temperature == pytest.approx(numeric, rel=1e-6, abs=1e-9 * np.max(np.abs(prediction.values)))


def test_observables_fulfil_the_contract():
    for observable in OBSERVABLES:
        assert isinstance(observable, Observable)
        for parameter in observable.parameters(STATES):
            assert parameter.lower == 0.0 or parameter.quantity == "temperature_independent_paramagnetism"


def test_default_parameters():
    p = {q.name: q for q in ChiT("powder").parameters((State("LS", 0), State("HS", 2), State("X")))}
    assert from_si(p["HS.chi_t"].value, "cm3 K/mol", "chi_t") == pytest.approx(3.0012, abs=1e-4)
    assert p["HS.chi_t"].free
    assert p["LS.chi_t"].fixed
    assert p["LS.chi_t"].value == 0
    assert math.isnan(p["X.chi_t"].value)
    fraction = p["powder.residual_fraction"]
    assert (fraction.value, fraction.fixed, fraction.lower) == (0.0, True, 0.0)
    assert 0.999 < fraction.upper < 1.0
    assert "HS" in fraction.source
    tip = p["powder.temperature_independent_paramagnetism"]
    assert (tip.value, tip.fixed) == (0.0, True)


def test_feco_numbers_from_the_populations_of_the_paper():
    # set A of the three-state model: x_H + x_V = 1 at 300 K with x_V = 0.3004; c_H = 3, c_V = 3.418, f = 0.05
    x = np.array([[0.0, 0.6996, 0.3004], [1.0, 0.0, 0.0]])
    base = populations([300.0, 5.0])
    zero = np.zeros_like(x)
    pops = replace(base, x=x, x_t=zero, state_names=("L", "H", "V"))
    values = {
        "L.chi_t": 0.0, "H.chi_t": 3.0 * CHI_T, "V.chi_t": 3.418 * CHI_T, "FeCo.residual_fraction": 0.05,
        "FeCo.temperature_independent_paramagnetism": 0.0,
    }  # fmt: skip
    conditions = Conditions([300.0, 5.0])
    chi_t = from_si(ChiT("FeCo").predict(pops, conditions, values).values, "cm3 K/mol", "chi_t")
    assert chi_t == pytest.approx([3.1193, 0.150], abs=2e-4)
    fraction = HighSpinFraction(("H", "V"), "FeCo").predict(pops, conditions, values).values
    assert fraction == pytest.approx([1.0, 0.05], abs=1e-12)


def test_observables_refuse_unknown_states_and_zero_moments():
    pops = populations([100.0])
    with pytest.raises(MagnetometryError, match="'X' is not in this model"):
        ChiT("powder", "X").predict(pops, Conditions([100.0]), VALUES)
    with pytest.raises(MagnetometryError, match="'X' is not in this model"):
        HighSpinFraction(("X",)).parameters(STATES)
    for states in ((), ("HS", "HS")):
        with pytest.raises(MagnetometryError, match="name each high-spin state once"):
            HighSpinFraction(states)
    nothing = {**VALUES, "LS.chi_t": 0.0, "HS.chi_t": 0.0, "V.chi_t": 0.0}
    nothing["powder.temperature_independent_paramagnetism"] = 0.0
    with pytest.raises(ArithmeticError, match="use chi_t instead"):
        MuEff("powder").predict(pops, Conditions([100.0]), nothing)


def test_reduction_emits_no_warning_for_ordinary_data():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reduce_moment(sample(), **MASSES, diamagnetic_susceptibility="estimate")


def _simulated_curie(points, stated, noise, jump=0.0, **others):
    """Simulated paramagnet with a step, noise of `noise` times the moment, sigma stated as `stated` times it."""
    t = np.linspace(5.0, 300.0, points)
    exact = (1.0 + jump * (t > 150)) / t * 1e-3
    moment = exact * (1.0 + np.random.default_rng(5).normal(0.0, noise, points))
    conditions = Conditions(t, magnetic_field=0.05)
    return Measurement.from_field("moment", moment, "emu", conditions, sigma=stated * exact, **others)


@pytest.mark.parametrize("points", [40, 400])
@pytest.mark.parametrize("jump", [0.0, 2.0])
def test_sigma_far_above_the_scatter_is_said(points, jump):
    raw = _simulated_curie(points, stated=0.05, noise=5e-4, jump=jump)
    with pytest.warns(OverstatedSigmaWarning, match="times the scatter of neighbouring points"):
        chi_t = reduce_moment(raw, **MASSES, diamagnetic_susceptibility=0.0)
    assert any("stated sigma kept as recorded" in step for step in chi_t.provenance.steps)
    # recorded, not changed
    np.testing.assert_allclose(chi_t.sigma / chi_t.values, 0.05, rtol=5e-3)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("quantity", ["chi_t", "chi_m", "mu_eff"])
def test_sigma_near_the_scatter_is_taken_without_a_word(ratio, quantity):
    raw = _simulated_curie(60, stated=2e-3 * ratio, noise=2e-3, jump=1.0)
    chi_t = reduce_moment(raw, quantity=quantity, **MASSES, diamagnetic_susceptibility=0.0)
    assert not any("scatter" in step for step in chi_t.provenance.steps)


def test_scatter_is_not_judged_from_few_points_or_magnetisation_curves():
    for raw in (_simulated_curie(11, 0.05, 1e-4), _simulated_curie(60, 0.05, 1e-4, branch="isothermal")):
        reduce_moment(raw, **MASSES, diamagnetic_susceptibility=0.0)


@pytest.mark.parametrize("true_ratio", [0.5, 1.0, 4.0, 30.0])
def test_sigma_over_scatter_is_what_was_simulated(true_ratio):
    t = np.sort(np.random.default_rng(1).uniform(2.0, 300.0, 4000))
    sigma = 0.01 + t / 1000
    values = 3.0 + np.tanh((t - 150.0) / 20.0) + np.random.default_rng(2).normal(0.0, sigma)
    assert sigma_over_scatter(t, values, true_ratio * sigma) == pytest.approx(true_ratio, rel=0.08)
    assert sigma_over_scatter(t, np.full(t.size, 2.0), sigma) > 1e6
