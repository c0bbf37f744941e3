"""chi*T and M of states with spin Hamiltonians, and fits of magnetic data without populations."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.parameters import Parameter, ParameterError, Tie
from labile.core.units import from_si, to_si
from labile.models.observable import Observable, chain
from labile.models.populations import Populations
from labile.models.spin_hamiltonian import SpinHamiltonianError
from labile.models.spin_magnetism import MOLAR_MOMENT
from labile.techniques.magnetometry import (
    ChiM,
    ChiT,
    Magnetization,
    MagnetometryError,
    MagnetometryWarning,
    MuEff,
    fit_curie_weiss,
    fit_magnetism,
    magnetism_parameters,
    reduce_moment,
)
from labile.techniques.magnetometry.state_magnetism import mean_field

DATA = Path(__file__).parents[1] / "data" / "spin_hamiltonian"
CM = to_si(1.0, "1/cm", "exchange")
K = to_si(1.0, "K", "exchange")
C0 = 0.1250494
LS, HS = State("LS", 0), State("HS", 2)
PAIR = {"centres": {"a": {"spin": 0.5}, "b": {"spin": 0.5}}, "exchange": [["a", "b"]], "exchange_convention": "-2J"}
DIMER = {"centres": {"Fe": {"spin": 2.5}, "L": {"spin": 0.5}}, "exchange": [["Fe", "L"]], "exchange_convention": "-2J"}


def mixed(states, x):
    """Populations without derivatives."""
    x = np.atleast_2d(np.asarray(x, dtype=float))
    flat, none = np.zeros_like(x), np.zeros((len(x), 0, x.shape[1]))
    names = tuple(state.name for state in states)
    return Populations(names, x, flat, flat, flat, (), none, none, np.zeros(len(x), dtype=int))


def defaults(observable, states):
    return {p.name: p.value for p in observable.parameters(states)}


def cgs(values):
    return from_si(values, "cm3 K/mol", "chi_t")


# observables


def test_a_free_spin_is_the_constant():
    conditions = Conditions([5.0, 100.0, 300.0])
    populations = mixed((LS, HS), [[0.9, 0.1], [0.5, 0.5], [0.0, 1.0]])
    constant, split = ChiT("p"), ChiT("p", hamiltonian={"HS": {"spin": 2}})
    found = [o.predict(populations, conditions, defaults(o, (LS, HS))) for o in (constant, split)]
    assert found[1].values == pytest.approx(found[0].values, rel=1e-9)
    assert found[1].d_temperature == pytest.approx([0.0] * 3, abs=1e-15)


def test_residual_fraction_that_fits_the_cold_value():
    """I5: 0.15 cm3 K/mol at 5 K is 5 % of free quintets, or 6.1 % of quintets with D = 5 cm-1."""
    states, conditions = (State("L", 0), State("H", 2)), Conditions([5.0], magnetic_field=0.1)
    observable = ChiT("p", hamiltonian={"H": {"spin": 2}})
    for d, fraction in ((0.0, 0.0500), (5.0, 0.0609)):
        values = defaults(observable, states) | {"H.zero_field_splitting": d * CM, "p.residual_fraction": fraction}
        assert cgs(observable.predict(mixed(states, [[1, 0]]), conditions, values).values) == pytest.approx(
            0.15, abs=1e-3
        )
    assert 0.15 / 5.0 == pytest.approx(0.03)


hamiltonians = st.sampled_from(
    [
        {"HS": {"spin": 2}},
        {"HS": {"spin": 2, "g": "rhombic"}},
        {"HS": {"spin": 2, "orbital": True}},
        {"HS": {"spin": 1.0, "g": "axial", "orientation": [20, 40, 0]}, "V": {"spin": 0.5}},
        {"HS": DIMER, "V": {"spin": 2}},
    ]
)


@settings(max_examples=12, deadline=None)
@given(
    hamiltonians,
    st.sampled_from([ChiT, ChiM, MuEff, Magnetization]),
    st.sampled_from(["M/H", "dM/dH"]),
    st.just(0.0) | st.floats(0.05, 4.0),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_derivatives_of_observables(of_states, kind, susceptibility, field, neighbours, random):
    states = (LS, State("HS"), State("V"))
    given_states = {"V": {"spin": 1.5}} | of_states if kind is Magnetization else of_states
    options = {"sample": "p", "hamiltonian": given_states, "residual_state": "HS"}
    if kind is not Magnetization:
        options |= {"susceptibility": susceptibility, "mean_field_g": 2.1 if neighbours else None}
    observable = kind(**options)
    assert isinstance(observable, Observable)
    values = {}
    for parameter in observable.parameters(states):
        size = to_si(1.0, parameter.unit, parameter.quantity)
        middle = {"rhombicity": 0.1, "residual_fraction": 0.2, "temperature_independent_paramagnetism": 1e-4}
        start = middle.get(parameter.quantity.removeprefix("orbital_"), 2.0 if parameter.unit == "1" else -5.0)
        start = {"chi_t": 1.3, "intermolecular_exchange": -0.05}.get(parameter.quantity, start)
        values[parameter.name] = size * start * random.uniform(0.8, 1.2)
    temperature = np.array([6.0, 40.0, 250.0])
    populations = mixed(states, [[0.2, 0.5, 0.3], [0.0, 0.6, 0.4], [0.5, 0.3, 0.2]])

    def predict(values=values, temperature=temperature, populations=populations):
        return observable.predict(populations, Conditions(temperature, magnetic_field=field), values)

    def difference(function, step):
        a, b, c, d = (function(k * step).values for k in (-2, -1, 1, 2))
        return (a - 8 * b + 8 * c - d) / (12 * step)

    exact = predict()
    size = np.max(np.abs(exact.values)) + 1e-30
    assert set(exact.d_own) <= set(values)
    for name, value in values.items():
        step = 1e-3 * abs(value)
        found = difference(lambda h, name=name: predict({**values, name: values[name] + h}), step)
        tolerance = 1e-5 * np.max(np.abs(found)) + 1e-11 * size / step
        np.testing.assert_allclose(exact.d_own.get(name, np.zeros(3)), found, rtol=0, atol=tolerance, err_msg=name)
    found = difference(lambda h: predict(temperature=temperature + h), 1e-3)
    np.testing.assert_allclose(exact.d_temperature, found, rtol=0, atol=1e-5 * np.max(np.abs(found)) + 1e-9 * size)
    for i in range(3):
        direction = 1e-4 * (np.eye(3)[i] - 1 / 3)

        def along(k, direction=direction):
            x = np.maximum(populations.x * 0.9 + 0.1 / 3, 0) + k * direction
            return predict(populations=mixed(states, x))

        found = difference(along, 1.0)
        np.testing.assert_allclose(
            along(0.0).d_x @ direction, found, rtol=0, atol=1e-9 * size + 1e-6 * np.max(abs(found))
        )


def test_field_of_points_that_have_none():
    states, values_of = (LS, HS), [[0.0, 1.0]]
    cold = Conditions([2.0])
    at_field = ChiT("p", hamiltonian={"HS": {"spin": 2}}, magnetic_field=5.0)
    limit = ChiT("p", hamiltonian={"HS": {"spin": 2}})
    values = defaults(limit, states)
    strong = at_field.predict(mixed(states, values_of), cold, values).values
    assert strong < 0.6 * limit.predict(mixed(states, values_of), cold, values).values
    measured = limit.predict(mixed(states, values_of), Conditions([2.0], magnetic_field=5.0), values).values
    assert strong == pytest.approx(measured, rel=1e-12)


def test_mixture_saturates():
    states = (LS, HS, State("Q", 2.5))
    observable = Magnetization({"HS": {"spin": 2}, "Q": {"spin": 2.5}}, "p", residual_state="HS")
    values = defaults(observable, states) | {"p.residual_fraction": 0.1, "p.temperature_independent_paramagnetism": 0.0}
    conditions = Conditions([0.05], magnetic_field=7.0)
    found = observable.predict(mixed(states, [[0.5, 0.25, 0.25]]), conditions, values).values
    assert found / MOLAR_MOMENT == pytest.approx(0.9 * (0.25 * 4 + 0.25 * 5) + 0.1 * 4, rel=1e-9)


def test_mean_field_of_neighbours_is_the_stated_formula():
    temperature = np.array([10.0, 100.0])
    curie = C0 * 2.1**2 * 6
    chi = curie / temperature
    expected = chi / (1 - 2 * -0.3 * chi / (0.260741 * 2.1**2)) * temperature
    found = mean_field(to_si(np.full(2, curie), "cm3 K/mol", "chi_t"), temperature, -0.3 * CM, 2.1)[0]
    assert cgs(found) == pytest.approx(expected, rel=2e-6)
    # Curie-Weiss: theta = 2 zJ' S(S+1)/3k
    assert temperature * curie / cgs(found) - temperature == pytest.approx(0.6 * CM / K * 6 / 3, rel=1e-4)
    with pytest.raises(ArithmeticError, match=r"orders the moments at 10 K"):
        mean_field(to_si(np.full(2, curie), "cm3 K/mol", "chi_t"), temperature, 10 * CM, 2.1)


def test_observables_refuse_what_cannot_be():
    with pytest.raises(MagnetometryError, match=r"spin 0, which centres of spin 2 cannot give"):
        ChiT("p", hamiltonian={"LS": {"spin": 2}}).parameters((LS, HS))
    with pytest.raises(MagnetometryError, match=r"spin 2, which centres of spin 2.5 cannot give"):
        ChiT("p", hamiltonian={"HS": {"spin": 2.5}}).parameters((LS, HS))
    assert ChiT("p", hamiltonian={"HS": DIMER}).parameters((LS, HS))
    with pytest.raises(MagnetometryError, match=r"state 'V' is not in this model; there are LS, HS"):
        ChiT("p", hamiltonian={"V": {"spin": 2}}).parameters((LS, HS))
    with pytest.raises(MagnetometryError, match="one table a state"):
        ChiT("p", hamiltonian=2.0)
    with pytest.raises(SpinHamiltonianError, match=r"hamiltonian of state HS: .*left unsaid"):
        ChiT("p", hamiltonian={"HS": {k: v for k, v in DIMER.items() if k != "exchange_convention"}})
    with pytest.raises(MagnetometryError, match=r"M/H .* or dM/dH"):
        ChiT("p", susceptibility="chi'")
    with pytest.raises(MagnetometryError, match="finite number in T"):
        ChiT("p", magnetic_field="0.1 T")
    with pytest.raises(MagnetometryError, match="mean_field_g must be a number above 0"):
        ChiT("p", mean_field_g=0)
    with pytest.raises(MagnetometryError, match=r"state HS needs a Hamiltonian.*spin = 2"):
        Magnetization({}).parameters((LS, HS))


def test_a_moment_becomes_a_magnetisation():
    """No division by the field: points at zero field stay, and the diamagnetism grows with it."""
    field = np.array([-1.0, 0.0, 0.5, 5.0])
    moment = np.array([-2.0, 0.0, 1.0, 4.0]) * 1e-5
    raw = Measurement("moment", moment, Conditions(np.full(4, 2.0), magnetic_field=field), sigma=np.full(4, 1e-9))
    sample = {"sample_mass": 10e-6, "molar_mass": 0.5, "diamagnetic_susceptibility": -2e-9}
    found = reduce_moment(raw, quantity="magnetization", sigma_mass=1e-7, **sample)
    expected = moment * 0.5 / 10e-6 + 2e-9 * field / (4e-7 * np.pi)
    assert found.quantity == "magnetization"
    assert found.values == pytest.approx(expected, rel=1e-8)
    assert found.sigma == pytest.approx(np.full(4, 1e-9 * 0.5 / 10e-6))
    assert found.correlated[0].effect == pytest.approx(-moment * 0.5 / 10e-6 * 0.01)
    # where there is a field, it is chi_M H
    with pytest.warns(MagnetometryWarning, match="doubtful"):
        chi = reduce_moment(raw[2:], quantity="chi_m", **sample)
    assert chi.values * field[2:] / (4e-7 * np.pi) == pytest.approx(expected[2:], rel=1e-8)


# fits


def data_file(name):
    return np.loadtxt(DATA / name, delimiter=",", skiprows=1, unpack=True)


def test_the_diradical_of_the_literature():
    """D-NIT2: J = -230 K in H = -2J S1.S2 (doi:10.1021/ja0305959); another program finds -229.9 K, g = 1.984."""
    temperature, values = data_file("d_nit2_chi_t.csv")
    data = Measurement.from_field(
        "chi_t", values, "cm3 K/mol", Conditions(temperature), sigma=np.full(values.size, 2e-3)
    )
    start = [Parameter("compound.a-b.exchange", -200 * K), Parameter("compound.a.g", 2.0, lower=1.0, upper=3.0)]
    found = fit_magnetism(data, PAIR, [*start, Parameter("compound.b.g", tie=Tie("compound.a.g"))])
    assert found.converged
    assert found.value("compound.a-b.exchange") / K == pytest.approx(-230, abs=1.5)
    assert found.value("compound.a.g") == pytest.approx(1.984, abs=0.005)
    assert found.correlation[0, 1] < 0
    # the same data in another convention
    minus_j = PAIR | {"exchange_convention": "-J"}
    again = fit_magnetism(data, minus_j, [Parameter("compound.a-b.exchange", -400 * K), *start[1:],
                                          Parameter("compound.b.g", tie=Tie("compound.a.g"))])  # fmt: skip
    assert again.chi2 == pytest.approx(found.chi2, rel=1e-6)
    assert again.value("compound.a-b.exchange") == pytest.approx(2 * found.value("compound.a-b.exchange"), rel=1e-4)


def paper():
    """chi*T of the [FeCo] crystal at 120 and 300 K (doi:10.1038/s41467-021-25041-4); the sigma are ours."""
    return Measurement.from_field(
        "chi_t", [3.00, 3.12], "cm3 K/mol", Conditions([120.0, 300.0], magnetic_field=0.1), sigma=[0.03, 0.02]
    )


def test_exchange_and_tip_explain_the_same_rise_and_g_alone_does_not():
    """I6: the three numbers of the text cannot tell them apart."""
    strong = Parameter("compound.Fe-L.exchange", -1000 * CM, fixed=True)
    g = Parameter("compound.Fe.g", 2.0, lower=1.5, upper=2.5)
    by_exchange = fit_magnetism(paper(), DIMER, [Parameter("compound.Fe-L.exchange", -200 * CM, upper=0.0)])
    assert by_exchange.value("compound.Fe-L.exchange") / CM == pytest.approx(-122.5, abs=0.7)
    assert by_exchange.chi2 < 0.01
    name = "sample.temperature_independent_paramagnetism"
    by_tip = fit_magnetism(paper(), DIMER, [strong, g, Parameter(name, 0.0, lower=-1e-6, upper=1e-6)])
    assert from_si(by_tip.value(name), "cm3/mol", "chi_m") == pytest.approx(6.7e-4, abs=1e-5)
    assert by_tip.chi2 < 0.01
    by_g = fit_magnetism(paper(), DIMER, [strong, g])
    assert by_g.chi2 > 9
    alone = fit_magnetism(paper()[1:], {"spin": 2}, [Parameter("compound.g", 2.0, lower=1.0, upper=3.0)])
    assert alone.value("compound.g") == pytest.approx(2.039, abs=1e-3)


def test_exchange_tip_and_g_are_degenerate_in_a_whole_curve():
    """Simulated from J = -122.5 cm-1 with 0.01 cm3 K/mol of noise, 120 to 300 K."""
    temperature = np.linspace(120, 300, 37)
    conditions = Conditions(temperature, magnetic_field=0.1)
    truth = {p.name: p.value for p in magnetism_parameters([paper()], DIMER)} | {"compound.Fe-L.exchange": -122.5 * CM}
    curve = ChiT("sample", hamiltonian={"compound": DIMER}).predict(
        mixed((State("compound"),), np.ones((37, 1))), conditions, truth
    )
    noise = np.random.default_rng(7).normal(0, 0.01, 37)
    data = Measurement.from_field("chi_t", cgs(curve.values) + noise, "cm3 K/mol", conditions, sigma=np.full(37, 0.01))
    free = [
        Parameter("compound.Fe-L.exchange", -150 * CM, lower=-2000 * CM, upper=0.0),
        Parameter("compound.Fe.g", 2.0, lower=1.5, upper=2.5),
        Parameter("sample.temperature_independent_paramagnetism", 0.0, lower=-1e-6, upper=1e-6),
    ]
    with pytest.warns(MagnetometryWarning, match="nearly degenerate"):
        found = fit_magnetism(data, DIMER, free)
    assert found.converged
    alone = fit_magnetism(data, DIMER, free[:1])
    assert alone.sigma[0] / CM < 2
    # each is uncertain by itself, and their correlations say why
    assert found.sigma_of("compound.Fe-L.exchange") > 5 * alone.sigma[0]
    correlation = found.correlation - np.eye(3)
    assert np.max(np.abs(correlation)) > 0.95
    assert found.value("compound.Fe-L.exchange") == pytest.approx(
        -122.5 * CM, abs=4 * found.sigma_of("compound.Fe-L.exchange")
    )


def simulated(quantity, conditions, values, hamiltonian, sigma, seed, label):
    kind = {"chi_t": ChiT, "magnetization": Magnetization}[quantity]
    observable = kind(hamiltonian={"compound": hamiltonian})
    pure = mixed((State("compound"),), np.ones((len(conditions), 1)))
    clean = observable.predict(pure, conditions, values).values
    spread = sigma * np.max(clean)
    noisy = clean + np.random.default_rng(seed).normal(0, spread, clean.size)
    return Measurement(quantity, noisy, conditions, sigma=np.full(clean.size, spread), label=label)


def test_susceptibility_and_magnetisation_together():
    """Simulated quintet: chi*T at 0.1 T and M(H) at 2, 4 and 8 K give D, E/D and g."""
    quintet = {"spin": 2}
    warm = Conditions(np.geomspace(2, 300, 40), magnetic_field=0.1)
    field = np.tile(np.linspace(0.0, 7.0, 15), 3)
    cold = Conditions(np.repeat([2.0, 4.0, 8.0], 15), magnetic_field=field)
    some = Measurement("chi_t", np.ones(40), warm, sigma=np.ones(40))
    truth = magnetism_parameters([some], quintet).as_dict() | {
        "compound.zero_field_splitting": 6.0 * CM, "compound.rhombicity": 0.22, "compound.g": 2.15,
    }  # fmt: skip
    data = [
        simulated("chi_t", warm, truth, quintet, 0.003, 1, "chi*T"),
        simulated("magnetization", cold, truth, quintet, 0.003, 2, "M(H)"),
    ]
    free = [
        Parameter("compound.zero_field_splitting", 3 * CM, lower=0.0, upper=30 * CM),
        Parameter("compound.rhombicity", 0.1, lower=0.0, upper=1 / 3),
        Parameter("compound.g", 2.0, lower=1.0, upper=3.0),
    ]
    found = fit_magnetism(data, quintet, free)
    assert found.converged
    assert found.degrees_of_freedom - 40 < found.chi2 < found.degrees_of_freedom + 40
    for name in found.free_names:
        assert found.value(name) == pytest.approx(truth[name], abs=3.5 * found.sigma_of(name)), name
    assert found.sigma_of("compound.zero_field_splitting") < 0.2 * CM
    assert set(found.by_block()) == {"chi*T", "M(H)"}


def test_mass_error_and_impurity():
    """A correlated mass error is a shift with a prior; an impurity replaces a part of the compound."""
    temperature = np.linspace(2, 300, 60)
    pair = 6 * C0 * 4 / (3 + np.exp(2 * 60 * CM / K / temperature))
    curve = 1.02 * (0.97 * pair + 0.03 * C0 * 4 * 8.75)
    data = Measurement.from_field("chi_t", curve, "cm3 K/mol", Conditions(temperature), sigma=np.full(60, 1e-3))
    effect = 0.02 * data.values
    weighed = Measurement("chi_t", data.values, data.conditions, data.sigma, label="d",
                          correlated=(CorrelatedTerm("mass", effect),))  # fmt: skip
    free = [
        Parameter("compound.a-b.exchange", -40 * CM),
        Parameter("sample.residual_fraction", 0.01, lower=0.0, upper=0.5),
    ]
    found = fit_magnetism(weighed, PAIR, free, impurity={"spin": 2.5})
    assert found.free_names == ("compound.a-b.exchange", "sample.residual_fraction", "d.mass_shift")
    assert found.value("d.mass_shift") == pytest.approx(0.98, abs=0.02)
    assert found.value("sample.residual_fraction") == pytest.approx(0.03, abs=1e-3)
    assert found.value("compound.a-b.exchange") / CM == pytest.approx(-60, abs=0.5)


def test_neighbours_in_a_fit():
    temperature = np.linspace(10, 300, 40)
    curie = C0 * 4 * 6
    chi = curie / temperature
    curve = chi / (1 + 2 * 0.2 * chi / (0.260741 * 4)) * temperature
    data = Measurement.from_field("chi_t", curve, "cm3 K/mol", Conditions(temperature), sigma=np.full(40, 0.01))
    name = "sample.intermolecular_exchange"
    found = fit_magnetism(data, {"spin": 2}, [Parameter(name, 0.0, lower=-5 * CM, upper=5 * CM)], mean_field_g=2.0)
    assert found.value(name) / CM == pytest.approx(-0.2, abs=1e-3)


def test_fits_refuse_what_they_cannot_weigh():
    good = paper()
    with pytest.raises(MagnetometryError, match="give at least one"):
        fit_magnetism([], PAIR, [])
    bare = Measurement("chi_t", good.values, good.conditions, label="bare")
    with pytest.raises(MagnetometryError, match=r"'bare': no uncertainties"):
        fit_magnetism(bare, {"spin": 2}, [Parameter("compound.g", 2.0)])
    with pytest.raises(MagnetometryError, match="different labels"):
        fit_magnetism([good, good], {"spin": 2}, [Parameter("compound.g", 2.0)])
    other = Measurement("moment", good.values, good.conditions, good.sigma)
    with pytest.raises(MagnetometryError, match=r"takes chi_t, chi_m, mu_eff and magnetization, found moment"):
        fit_magnetism(other, {"spin": 2}, [Parameter("compound.g", 2.0)])
    curve = Measurement("magnetization", good.values, good.conditions, good.sigma)
    with pytest.raises(MagnetometryError, match="linear in the field"):
        fit_magnetism(curve, {"spin": 2}, [Parameter("compound.g", 2.0)], mean_field_g=2.0)
    with pytest.raises(ParameterError, match=r"no value given for: compound.Fe-L.exchange \(1/cm\)"):
        fit_magnetism(good, DIMER, [Parameter("compound.Fe.g", 2.0)])
    with pytest.raises(ParameterError, match="no parameter is free"):
        fit_magnetism(good, {"spin": 2}, [])
    with pytest.raises(ParameterError, match=r"did you mean 'compound\.g'"):
        fit_magnetism(good, {"spin": 2}, [Parameter("compound.gg", 2.0)])
    limited = Measurement("chi_t", good.values, good.conditions, good.sigma, limits=np.array([0, -1]))
    with pytest.raises(MagnetometryError, match="limits"):
        fit_magnetism(limited, {"spin": 2}, [Parameter("compound.g", 2.0)])
    with pytest.raises(MagnetometryError, match="impurity's own name"):
        fit_magnetism(good, {"spin": 2}, [], name="impurity", impurity={"spin": 2})


# Curie and Weiss


@pytest.mark.parametrize("quantity", ["chi_t", "chi_m", "mu_eff"])
def test_curie_weiss(quantity):
    temperature = np.linspace(50, 300, 26)
    chi_t = 3.2 * temperature / (temperature + 8.0) + 2e-4 * temperature
    values = {"chi_t": chi_t, "chi_m": chi_t / temperature, "mu_eff": np.sqrt(chi_t / C0)}[quantity]
    unit = {"chi_t": "cm3 K/mol", "chi_m": "cm3/mol", "mu_eff": "uB"}[quantity]
    data = Measurement.from_field(quantity, values, unit, Conditions(temperature), sigma=1e-3 * values)
    tip = Parameter("sample.temperature_independent_paramagnetism", 0.0, lower=-1e-8, upper=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_curie_weiss(data, temperature_independent_paramagnetism=tip)
    assert cgs(found.value("sample.curie_constant")) == pytest.approx(3.2, rel=1e-4)
    assert found.value("sample.weiss_temperature") == pytest.approx(-8.0, abs=0.01)
    assert from_si(found.value(tip.name), "cm3/mol", "chi_m") == pytest.approx(2e-4, rel=1e-2)


def test_weiss_temperature_of_weakly_coupled_spins():
    """theta = (2/3) S(S+1) z J / k of a pair in the -2J form, from exact diagonalisation at high temperature."""
    temperature = np.linspace(1000, 2000, 16)
    pair = {"centres": {"a": {"spin": 1.5}, "b": {"spin": 1.5}}, "exchange": [["a", "b"]], "exchange_convention": "-2J"}
    observable = ChiT(hamiltonian={"compound": pair})
    values = defaults(observable, (State("compound"),)) | {"compound.a-b.exchange": -0.5 * CM}
    curve = observable.predict(mixed((State("compound"),), np.ones((16, 1))), Conditions(temperature), values).values
    data = Measurement("chi_t", curve, Conditions(temperature), sigma=1e-3 * curve)
    theta = fit_curie_weiss(data).value("sample.weiss_temperature")
    assert theta == pytest.approx(2 / 3 * 3.75 * -0.5 * CM / K, rel=0.02)


def test_curie_weiss_doubts_itself():
    temperature = np.linspace(10, 100, 19)
    data = Measurement.from_field(
        "chi_t", 3.0 * temperature / (temperature + 30), "cm3 K/mol", Conditions(temperature), sigma=np.full(19, 0.01)
    )
    with pytest.warns(MagnetometryWarning, match=r"theta = -30 K is not small.*raise the window"):
        fit_curie_weiss(data)
    bent = Measurement("chi_t", data.values * (1 + 0.2 * np.sin(temperature / 10)), data.conditions, data.sigma)
    with pytest.warns(MagnetometryWarning, match="do not follow the law"):
        fit_curie_weiss(bent, window=(60, 100))
    with pytest.raises(MagnetometryError, match="at least three temperatures"):
        fit_curie_weiss(data, window=(10, 15))
    with pytest.raises(MagnetometryError, match=r"needs chi_t"):
        fit_curie_weiss(Measurement("moment", data.values, data.conditions, data.sigma))
    with pytest.raises(MagnetometryError, match="must be positive"):
        fit_curie_weiss(Measurement("chi_t", -data.values, data.conditions, data.sigma))
    with pytest.raises(ParameterError, match="does not belong to this sample"):
        fit_curie_weiss(data, temperature_independent_paramagnetism=Parameter("a.b", 0.0))


def test_chain_of_an_observable_with_a_hamiltonian():
    observable = ChiT("p", hamiltonian={"HS": {"spin": 2}})
    values = defaults(observable, (LS, HS))
    populations = mixed((LS, HS), [[0.5, 0.5]])
    prediction = observable.predict(populations, Conditions([50.0]), values)
    jacobian, _ = chain(prediction, populations, tuple(values))
    assert jacobian[0, list(values).index("HS.g")] == pytest.approx(prediction.values[0], rel=1e-9)
