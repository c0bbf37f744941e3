"""Harmonic vibrations: known values and limits, thermodynamic identities, T1/2 of models that have them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models.contributions import ElectronicDegeneracy, EnthalpyEntropy
from labile.models.free_energy import Model, ModelError, coefficients
from labile.models.library import LS_HS
from labile.models.transitions import transitions
from labile.models.vibrations import Vibrations, debye, debye_function, einstein, harmonic, vibrational_temperature

R = GAS_CONSTANT
LOW, HIGH = (float(vibrational_temperature(nu)) for nu in (400e2, 300e2))
FREQUENCIES = st.floats(5.0, 5000.0)
TEMPERATURES = st.floats(1.0, 2000.0)


# Debye's function


def test_known_values_of_the_debye_function():
    found = debye_function([0.0, 1.0])
    np.testing.assert_allclose(found, [1.0, 0.674415564077815], rtol=0, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-3, 60.0))
def test_debye_function_is_its_integral(x):
    panels = np.linspace(0.0, x, 2 + int(x / 2))
    integral = sum(
        quad(lambda t: t**3 / math.expm1(t) if t else 0.0, a, b, epsabs=0, epsrel=1e-13)[0] for a, b in pairwise(panels)
    )
    assert float(debye_function(x)) == pytest.approx(3 * integral / x**3, rel=2e-13)


def test_debye_function_where_its_two_sums_meet_and_at_its_ends():
    around = debye_function([2 - 1e-12, 2.0, 2 + 1e-12])
    assert np.ptp(around) < 1e-12
    assert float(debye_function(1e4)) == pytest.approx(math.pi**4 / 5e12, rel=1e-14)
    tiny = 1e-9
    assert float(debye_function(tiny)) == pytest.approx(1 - 0.375 * tiny, abs=1e-16)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="must be >= 0 and finite"):
            debye_function([1.0, bad])


# numbers and limits


def test_fifteen_modes_of_the_specification():
    low, high = einstein(200.0, LOW, 15), einstein(200.0, HIGH, 15)
    assert float(high.entropy - low.entropy) == pytest.approx(21.850, abs=1e-3)
    assert high.zero_point - low.zero_point == pytest.approx(-8972.0, abs=0.1)
    assert float(high.thermal_enthalpy - low.thermal_enthalpy) == pytest.approx(2752.2, abs=0.1)
    assert float(high.enthalpy - low.enthalpy) == pytest.approx(-6219.8, abs=0.1)
    hot = [einstein(1e6, theta, 15).entropy for theta in (LOW, HIGH)]
    assert float(hot[1] - hot[0]) == pytest.approx(35.879, abs=1e-3)
    assert float(hot[1] - hot[0]) == pytest.approx(15 * R * math.log(4 / 3), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(FREQUENCIES, st.floats(0.5, 30.0))
def test_high_temperature_is_classical(theta, modes):
    """Dulong-Petit: C = R for each mode, less theta^2/12 T^2 (Einstein) or theta^2/20 T^2 (Debye)."""
    hot = 300.0 * theta
    for make, second in ((einstein, 1 / 12), (debye, 1 / 20)):
        found = make(hot, theta, modes)
        assert float(found.heat_capacity) == pytest.approx(modes * R * (1 - second / 300**2), rel=1e-9)
        assert float(found.enthalpy) == pytest.approx(modes * R * hot * (1 + second / 300**2), rel=1e-8)
    # S = R [1 + ln(T/theta)]; 1/3 more for the Debye average of -ln
    assert float(einstein(hot, theta).entropy) == pytest.approx(R * (1 + math.log(300)), rel=1e-6)
    assert float(debye(hot, theta, 1.0).entropy) == pytest.approx(R * (4 / 3 + math.log(300)), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(FREQUENCIES)
def test_low_temperature_laws(theta):
    cold = theta / 60.0
    cube = 4 * math.pi**4 / 5 * R * 60.0**-3  # per mode: 12 pi^4/5 R (T/theta)^3 for three
    found = debye(cold, theta, 1.0)
    assert float(found.heat_capacity) == pytest.approx(cube, rel=1e-10)
    assert float(found.entropy) == pytest.approx(cube / 3, rel=1e-10)
    assert float(found.thermal_enthalpy) == pytest.approx(cube * cold / 4, rel=1e-10)
    frozen = einstein(cold, theta)
    assert float(frozen.heat_capacity) == pytest.approx(R * 3600 * math.exp(-60.0), rel=1e-12)
    assert float(frozen.thermal_enthalpy) == pytest.approx(R * theta * math.exp(-60.0), rel=1e-12)
    assert frozen.zero_point == pytest.approx(R * theta / 2)
    assert found.zero_point == pytest.approx(3 * R * theta / 8)


def test_debye_is_the_average_over_a_density_that_rises_with_the_square():
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u = 0.5 * (nodes + 1)
    for temperature in (15.0, 80.0, 400.0):
        each = [einstein(temperature, 200.0 * one) for one in u]
        whole = debye(temperature, 200.0, 1.0)
        for name in ("enthalpy", "entropy", "heat_capacity", "free_energy"):
            mean = 0.5 * np.sum(weights * 3 * u**2 * [float(getattr(one, name)) for one in each])
            assert float(getattr(whole, name)) == pytest.approx(mean, rel=1e-9), name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("theta", [0.1, 30.0, 5000.0])
def test_nothing_overflows_from_1_to_2000_kelvin(theta):
    t = np.geomspace(1.0, 2000.0, 200)
    for found in (einstein(t, theta, 15), debye(t, theta, 3), harmonic(t, [theta, 2 * theta])):
        for name in ("enthalpy", "entropy", "heat_capacity", "free_energy"):
            assert np.all(np.isfinite(getattr(found, name)))
        assert np.all(found.entropy >= 0)
        assert np.all(np.diff(found.entropy) >= 0)
        assert np.all(np.diff(found.heat_capacity) >= -1e-12 * R)


# identities


@settings(max_examples=60, deadline=None)
@given(TEMPERATURES, FREQUENCIES, st.sampled_from([einstein, debye]))
def test_entropy_and_heat_capacity_are_derivatives(temperature, theta, make):
    h = 1e-3 * temperature
    at = make(temperature, theta)
    low, high, lower, higher = (make(temperature + f * h, theta) for f in (-1, 1, -2, 2))

    def slope(name):
        a, b, c, d = (float(getattr(one, name)) for one in (low, high, lower, higher))
        return (8 * (b - a) - (d - c)) / (12 * h)

    scale = 1e-9 * R
    assert -slope("free_energy") == pytest.approx(float(at.entropy), rel=1e-8, abs=scale * max(1, theta / temperature))
    assert slope("enthalpy") == pytest.approx(
        float(at.heat_capacity), rel=1e-8, abs=scale * max(1, theta / temperature)
    )
    assert temperature * slope("entropy") == pytest.approx(float(at.heat_capacity), rel=1e-8, abs=scale)
    assert float(at.free_energy) == pytest.approx(float(at.enthalpy - temperature * at.entropy), rel=1e-12)


def test_lists_are_sums_of_their_modes():
    t = np.array([10.0, 200.0])
    together = harmonic(t, [100.0, 300.0, 300.0])
    apart = einstein(t, 100.0) + einstein(t, 300.0, 2)
    for name in ("enthalpy", "thermal_enthalpy", "entropy", "heat_capacity", "free_energy"):
        np.testing.assert_allclose(getattr(together, name), getattr(apart, name), rtol=1e-13)


# in a model


def crystal(term, *others):
    return Model("test", LS_HS, (EnthalpyEntropy("HS"), term, *others), shifted=("HS",))


EINSTEIN = {"LS.einstein_temperature": LOW, "HS.einstein_temperature": HIGH, "crystal.einstein_modes": 15.0}
DEBYE = {"LS.debye_temperature": 180.0, "HS.debye_temperature": 150.0, "crystal.debye_modes": 6.0}
LISTED = {"LS": [350e2, 400e2, 500e2], "HS": [240e2, 280e2, 400e2]}


def functions(form, temperature):
    """H and S of HS minus LS."""
    if form == "einstein":
        low, high = einstein(temperature, LOW, 15), einstein(temperature, HIGH, 15)
    elif form == "debye":
        low, high = debye(temperature, 180.0, 6), debye(temperature, 150.0, 6)
    else:
        low, high = (harmonic(temperature, vibrational_temperature(LISTED[s])) for s in ("LS", "HS"))
    return float(high.enthalpy - low.enthalpy), float(high.entropy - low.entropy), high.zero_point - low.zero_point


def term_and_values(form, **options):
    if form == "wavenumbers":
        return Vibrations.of_wavenumbers(LISTED, **options), {"LS.frequency_scale": 1.0, "HS.frequency_scale": 1.0}
    return Vibrations(form, **options), EINSTEIN if form == "einstein" else DEBYE


@pytest.mark.parametrize("form", ["einstein", "debye", "wavenumbers"])
@pytest.mark.parametrize("counted_from", [None, 0.0, 180.0])
def test_t_half_is_the_root_of_enthalpy_minus_temperature_times_entropy(form, counted_from):
    """Not H/S at one temperature: both depend on T through the heat capacities."""
    term, values = term_and_values(form, counted_from=counted_from)
    enthalpy, entropy = 12e3, 45.0
    values = values | {"HS.enthalpy": enthalpy, "HS.entropy": entropy}

    def difference(temperature):
        h, s, zero_point = functions(form, temperature)
        if counted_from == 0:
            h -= zero_point
        elif counted_from:
            h0, s0, _ = functions(form, counted_from)
            h, s = h - h0, s - s0
        return enthalpy + h - temperature * (entropy + s)

    wanted = brentq(difference, 20.0, 600.0, xtol=1e-10)
    found = transitions(crystal(term), values).t_half.temperature
    assert found == pytest.approx(wanted, rel=1e-8)


def test_counting_from_a_temperature_keeps_enthalpy_and_entropy_there():
    term, values = term_and_values("einstein", counted_from=200.0)
    values = values | {"HS.enthalpy": 12e3, "HS.entropy": 60.0}
    at = coefficients(crystal(term), Conditions([200.0, 150.0]), values)
    assert at.g[0, 1] == pytest.approx(12e3 - 200.0 * 60.0, abs=1e-9)
    assert -at.g_t[0, 1] == pytest.approx(60.0, rel=1e-12)
    capacity = -200.0 * at.g_tt[0, 1]
    wanted = einstein(200.0, HIGH, 15).heat_capacity - einstein(200.0, LOW, 15).heat_capacity
    assert capacity == pytest.approx(float(wanted), rel=1e-12)
    assert transitions(crystal(term), values).t_half.temperature == pytest.approx(200.0, rel=1e-9)


def test_numbers_of_the_specification_in_a_crystal():
    conditions = Conditions(200.0)
    values = {"HS.enthalpy": 0.0, "HS.entropy": 0.0, **EINSTEIN}
    c = coefficients(crystal(Vibrations("einstein")), conditions, values)
    assert -c.g_t[0, 1] == pytest.approx(21.850, abs=1e-3)
    assert c.g[0, 1] - 200.0 * c.g_t[0, 1] == pytest.approx(-6219.8, abs=0.1)
    absolute = coefficients(crystal(Vibrations("einstein", relative=False)), conditions, values)
    np.testing.assert_allclose(absolute.g[:, 1] - absolute.g[:, 0], c.g[:, 1], rtol=1e-10)
    assert absolute.g[0, 0] == pytest.approx(float(einstein(200.0, LOW, 15).free_energy), rel=1e-12)
    assert not np.any(c.g[:, 0])


def test_equal_frequencies_change_nothing():
    values = {"HS.enthalpy": 12e3, "HS.entropy": 60.0, **DEBYE, "HS.debye_temperature": 180.0}
    c = coefficients(crystal(Vibrations("debye")), Conditions([50.0, 300.0]), values)
    np.testing.assert_allclose(c.g[:, 1], 12e3 - 60.0 * np.array([50.0, 300.0]), rtol=1e-12)


def test_lattice_and_molecule_together():
    """Debye for the lattice and Einstein for the molecule, each with its own parameters."""
    model = crystal(Vibrations("einstein"), Vibrations("debye"), ElectronicDegeneracy())
    values = {"HS.enthalpy": 18e3, "HS.entropy": 0.0, "LS.degeneracy": 1.0, "HS.degeneracy": 5.0, **EINSTEIN, **DEBYE}
    c = coefficients(model, Conditions(1e5), values)
    limit = R * (15 * math.log(LOW / HIGH) + 6 * math.log(180 / 150) + math.log(5))
    assert -c.g_t[0, 1] == pytest.approx(limit, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(TEMPERATURES, st.sampled_from(["einstein", "debye", "wavenumbers"]), st.sampled_from([None, 0.0, 150.0]))
def test_derivatives_of_the_term(temperature, form, counted_from):
    term, values = term_and_values(form, counted_from=counted_from)
    values = {"HS.enthalpy": 0.0, "HS.entropy": 0.0, **values}
    model, conditions = crystal(term), Conditions(temperature)
    c = coefficients(model, conditions, values)
    for name in values:
        if name.startswith("HS.en"):
            continue
        h, k = 1e-3 * values[name], c.parameter(name)
        low, high, lower, higher = (
            coefficients(model, conditions, values | {name: values[name] + f * h}) for f in (-1, 1, -2, 2)
        )
        for array, exact in (("g", c.g_theta), ("g_t", c.g_t_theta)):
            a, b, d, e = (getattr(one, array)[0] for one in (low, high, lower, higher))
            found = (8 * (b - a) - (e - d)) / (12 * h)
            wanted = exact[0, k]
            # differences of energies of up to 3e4 J/mol carry 1e-11 of round-off
            np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-9 / h, err_msg=name)


# what is refused


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Vibrations("morse"), "form 'morse' is unknown; there are: einstein, debye, wavenumbers"),
        (lambda: Vibrations("wavenumbers"), "the form 'wavenumbers' needs wavenumbers"),
        (lambda: Vibrations("debye", (("LS", (1e4,)),)), "the form 'debye' takes no wavenumbers"),
        (lambda: Vibrations(counted_from=-1.0), "counted_from must be None, 0 or a temperature in K, found -1.0"),
        (lambda: Vibrations.of_wavenumbers({"LS": [1e4], "HS": [-2e3]}), "HS has the wavenumber -2000 1/m"),
        (lambda: Vibrations.of_wavenumbers({"LS": [1e4, 2e4], "HS": [1e4]}), "same number of modes, found LS 2, HS 1"),
        (lambda: crystal(Vibrations.of_wavenumbers({"LS": [1e4]})), r"given for \['LS'\], the crystal has the states"),
    ],
)
def test_terms_that_cannot_be_built(build, message):
    with pytest.raises(ModelError, match=message):
        build()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"HS.einstein_temperature": 0.0}, r"HS\.einstein_temperature must be > 0, found 0"),
        ({"crystal.einstein_modes": -1.0}, r"crystal\.einstein_modes must be >= 0, found -1"),
    ],
)
def test_values_that_make_no_crystal(changes, message):
    values = {"HS.enthalpy": 12e3, "HS.entropy": 60.0, **EINSTEIN, **changes}
    with pytest.raises(ModelError, match=message):
        coefficients(crystal(Vibrations()), Conditions(200.0), values)


@pytest.mark.parametrize(
    ("temperature", "theta", "modes", "message"),
    [
        (0.0, 300.0, 1, "temperatures must be above 0 K"),
        (300.0, -300.0, 1, "an imaginary mode, often printed as a negative wavenumber"),
        (300.0, 0.0, 1, "frequencies must be positive"),
        (300.0, 300.0, -1, "the number of modes must be >= 0"),
    ],
)
def test_functions_refuse_what_is_no_mode(temperature, theta, modes, message):
    for make in (einstein, debye):
        with pytest.raises(ValueError, match=message):
            make(temperature, theta, modes)
    with pytest.raises(ValueError, match="frequencies must be positive"):
        harmonic(300.0, [])
