"""Relaxation isotherms and their rates: simulated with the laws of labile.models.relaxation and by integration."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, LightSource
from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import Measurement
from labile.core.units import to_si
from labile.models.relaxation import (
    activated_rate,
    self_accelerated,
    single_exponential,
    stretched_exponential,
    time_to_fraction,
)
from labile.techniques.magnetometry import (
    MagnetometryError,
    isothermal_runs,
    rate_law,
    reduce_isotherms,
    relaxation_isotherm,
    relaxation_rate_law,
)

CM = float(to_si(1.0, "1/cm", "activation_energy"))
TIME = np.linspace(0.0, 12000.0, 121)
CURVES = {
    "single_exponential": single_exponential(TIME, 2e-4, start=0.95),
    "stretched_exponential": stretched_exponential(TIME, 2e-4, 0.55, start=0.95),
    "self_accelerated": self_accelerated(TIME, 1e-4, 2.0, start=0.95),
}


def isotherm(values, noise=0.005, seed=0, temperature=50.0, stated=True, time=TIME):
    noisy = values + np.random.default_rng(seed).normal(0.0, noise, values.size)
    return Measurement("high_spin_fraction", noisy, Conditions(temperature, time=time), sigma=noise if stated else None)


def test_sigmoid_of_the_specification():
    """M7: k = 1e-4 s-1, alpha = 2: n(6000 s) = 0.26020; its curve gives back k and alpha."""
    found = relaxation_isotherm(isotherm(self_accelerated(TIME, 1e-4, 2.0), noise=1e-6))
    assert found.best.law == "self_accelerated"
    assert found.best.rate == pytest.approx(1e-4, rel=1e-4)
    assert found.best.shape[0] == pytest.approx(2.0, abs=1e-3)
    assert found.best.curve(np.array([6000.0]))[0] == pytest.approx(0.26020, abs=1e-4)


@pytest.mark.parametrize("law", CURVES)
def test_the_law_of_the_data_is_chosen(law):
    for criterion in ("aicc", "bic"):
        found = relaxation_isotherm(isotherm(CURVES[law], seed=4), criterion=criterion)
        assert found.equal[0] == law or (law in found.equal and law == "single_exponential")
    expected = {"single_exponential": 2e-4, "stretched_exponential": 2e-4, "self_accelerated": 1e-4}[law]
    one = found.of(law)
    assert one.rate == pytest.approx(expected, abs=4 * one.sigma_rate)
    if one.shape is not None:
        true = {"stretched_exponential": 0.55, "self_accelerated": 2.0}[law]
        assert one.shape[0] == pytest.approx(true, abs=4 * one.shape[1])


def test_uncertainties_are_honest():
    pulls = []
    for seed in range(40):
        one = relaxation_isotherm(isotherm(CURVES["self_accelerated"], seed=seed), laws=("self_accelerated",)).best
        pulls.append(((one.rate - 1e-4) / one.sigma_rate, (one.shape[0] - 2.0) / one.shape[1]))
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.35)  # 40 draws: 0.11


def test_sigma_from_the_scatter():
    found = relaxation_isotherm(isotherm(CURVES["single_exponential"], noise=0.01, stated=False, seed=2))
    assert any("from the scatter" in step for step in found.steps)
    reduced = found.best.fit.chi2 / found.best.fit.degrees_of_freedom
    assert reduced == pytest.approx(1.0, abs=0.4)


def test_residual_fraction_is_known_or_fitted():
    values = single_exponential(TIME, 4e-4, start=0.9, end=0.2)
    known = relaxation_isotherm(isotherm(values), residual=0.2, laws=("single_exponential",)).best
    free = relaxation_isotherm(isotherm(values), residual=None, laws=("single_exponential",)).best
    assert known.rate == pytest.approx(4e-4, rel=0.02)
    assert free.fit.value("isotherm.residual") == pytest.approx(0.2, abs=0.01)
    # ignoring it stretches the decay
    wrong = relaxation_isotherm(isotherm(values)).best
    assert wrong.law != "single_exponential"


@given(rate=st.floats(5e-5, 1e-3), start=st.floats(0.3, 1.0), alpha=st.floats(-1.0, 6.0))
@settings(max_examples=15, deadline=None)
def test_self_accelerated_curves_come_back(rate, start, alpha):
    # sampled over the fall to a tenth, however fast it is
    (last,) = time_to_fraction(0.1 * start, rate, alpha, start=start)
    time = np.linspace(0.0, last, 60)
    values = self_accelerated(time, rate, alpha, start=start)
    (one,) = relaxation_isotherm(isotherm(values, noise=1e-5, time=time), laws=("self_accelerated",)).fits
    assert one.rate == pytest.approx(rate, rel=2e-2)
    assert one.shape[0] == pytest.approx(alpha, abs=5e-2)


def chi_t(fraction, temperature=50.0, time=TIME):
    cm3 = to_si(1.0, "cm3 K/mol", "chi_t")
    return Measurement("chi_t", cm3 * (0.05 + 3.2 * fraction), Conditions(temperature, time=time), sigma=0.01 * cm3)


def test_chi_t_needs_its_plateaus():
    data = chi_t(CURVES["self_accelerated"])
    with pytest.raises(MagnetometryError, match="no plateau values"):
        relaxation_isotherm(data)
    cm3 = to_si(1.0, "cm3 K/mol", "chi_t")
    found = relaxation_isotherm(data, low_spin=0.05 * cm3, high_spin=3.25 * cm3)
    assert found.best.law == "self_accelerated"
    assert found.best.rate == pytest.approx(1e-4, rel=0.01)


TEMPERATURES = np.array([10.0, 20.0, 30.0, 40.0, 46.0, 50.0, 54.0, 58.0])


def family(noise=0.003):
    """Eight isotherms with Ea = 900 cm-1, k_inf = 1e7 s-1, k_tunnel = 1e-6 s-1, alpha = 150 K/T."""
    out = []
    for number, kelvin in enumerate(TEMPERATURES):
        rate = float(activated_rate(kelvin, 1e7, 900 * CM, tunnelling_rate=1e-6))
        time = np.linspace(0.0, min(1.5 / rate, 2e5), 80)
        out.append(isotherm(self_accelerated(time, rate, 150.0 / kelvin), noise, number, kelvin, time=time))
    return out


def test_rates_of_a_family():
    isotherms = [relaxation_isotherm(one, laws=("self_accelerated",)) for one in family()]
    law = relaxation_rate_law(isotherms)
    assert law.kind == "activated and tunnelling"
    for (value, sigma), true in (
        (law.activation_energy, 900 * CM),
        (law.tunnelling_rate, 1e-6),
    ):
        assert value == pytest.approx(true, abs=4 * sigma)
    assert law.prefactor[0] == pytest.approx(1e7, rel=0.8)
    # the two parts of an Arrhenius line are strongly correlated
    names = law.fit.free_names
    assert abs(law.fit.correlation[names.index("relaxation.log_prefactor"),
                                   names.index("relaxation.activation_energy")]) > 0.9  # fmt: skip
    # acceleration goes as 1/T
    shapes = np.array([one.best.shape[0] * one.temperature for one in isotherms[3:]])
    np.testing.assert_allclose(shapes, 150.0, rtol=0.1)


def test_kind_of_rate_law_follows_the_data():
    t = np.array([40.0, 45.0, 50.0, 55.0, 60.0])
    k = 1e7 * np.exp(-900 * CM / (GAS_CONSTANT * t))
    found = rate_law(t, k, 0.05 * k)
    assert found.kind == "activated"
    assert math.isnan(found.tunnelling_rate[0])
    assert "no plateau down to 40 K" in found.text
    flat = rate_law(np.array([5.0, 8.0, 12.0, 16.0, 20.0]), np.full(5, 2e-6), np.full(5, 1e-7))
    assert flat.kind == "tunnelling"
    assert flat.tunnelling_rate[0] == pytest.approx(2e-6)
    assert math.isnan(flat.activation_energy[0])


def test_uncertain_temperatures_widen_the_activation_energy():
    t = np.array([10.0, 20.0, 40.0, 45.0, 50.0, 55.0, 60.0])
    k = activated_rate(t, 1e7, 900 * CM, tunnelling_rate=1e-6)
    sharp, blurred = rate_law(t, k, 0.02 * k), rate_law(t, k, 0.02 * k, sigma_temperature=0.3)
    assert blurred.activation_energy[1] > 3 * sharp.activation_energy[1]


def test_rates_as_a_measurement():
    row = reduce_isotherms(family(), law="self_accelerated")
    assert row.quantity == "relaxation_rate"
    np.testing.assert_allclose(row.temperature, TEMPERATURES)
    expected = activated_rate(TEMPERATURES, 1e7, 900 * CM, tunnelling_rate=1e-6)
    assert np.all(np.abs(row.values - expected) < 5 * row.sigma)
    assert any("k_HL(T) activated and tunnelling: Ea = 9" in step for step in row.provenance.steps)


def test_log_with_several_temperatures_and_irradiation():
    parts, start = [], 0.0
    for kelvin, one in ((10.0, 1 - np.exp(-np.arange(40) / 8)), (50.0, CURVES["self_accelerated"][::3]),
                        (10.0, 1 - np.exp(-np.arange(40) / 8)), (54.0, CURVES["single_exponential"][::3])):  # fmt: skip
        step = TIME[3] if one.size > 40 else 60.0
        time = start + step * np.arange(one.size)
        start = time[-1] + 300.0
        parts.append((np.full(one.size, kelvin), time, one))
    temperature, time, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    log = Measurement("high_spin_fraction", values, Conditions(temperature, time=time), sigma=0.005)
    assert [float(run.temperature.mean()) for run in isothermal_runs(log)] == [10.0, 50.0, 10.0, 54.0]
    row = reduce_isotherms([log])
    np.testing.assert_allclose(row.temperature, [50.0, 54.0])
    assert row.values[1] == pytest.approx(2e-4, rel=0.02)
    assert sum("left out" in step for step in row.provenance.steps) == 2


def test_what_is_refused():
    good = isotherm(CURVES["single_exponential"])
    back = TIME.copy()
    back[60:] -= 5000.0
    with pytest.raises(MagnetometryError, match="time goes backwards or stands still at point 61"):
        relaxation_isotherm(isotherm(CURVES["single_exponential"], time=back))
    with pytest.raises(MagnetometryError, match="temperature moves by 1 K"):
        relaxation_isotherm(isotherm(CURVES["single_exponential"], temperature=np.linspace(50.0, 51.0, TIME.size)))
    with pytest.raises(MagnetometryError, match="needs the time of each point"):
        relaxation_isotherm(Measurement("high_spin_fraction", good.values, Conditions(np.full(TIME.size, 50.0))))
    lit = Conditions(50.0, time=TIME, light=(LightSource(532e-9, 1e19),))
    with pytest.raises(MagnetometryError, match="measured under light"):
        relaxation_isotherm(Measurement("high_spin_fraction", good.values, lit))
    with pytest.raises(MagnetometryError, match="5 points, an isotherm needs at least 8"):
        relaxation_isotherm(good[:5])
    with pytest.raises(MagnetometryError, match="there is no decay to fit"):
        relaxation_isotherm(isotherm(np.full(TIME.size, 0.5)))
    with pytest.raises(MagnetometryError, match="nothing decays"):
        reduce_isotherms([isotherm(np.full(TIME.size, 0.5))])
    with pytest.raises(MagnetometryError, match="is chi_t or high_spin_fraction, found moment"):
        relaxation_isotherm(Measurement("moment", good.values, good.conditions))
    with pytest.raises(MagnetometryError, match="'cubic'"):
        relaxation_isotherm(good, laws=("cubic",))
    with pytest.raises(MagnetometryError, match="criterion must be"):
        relaxation_isotherm(good, criterion="chi2")
    with pytest.raises(MagnetometryError, match="residual must be"):
        relaxation_isotherm(good, residual=1.0)
    with pytest.raises(MagnetometryError, match="was not fitted"):
        relaxation_isotherm(good, laws=("single_exponential",)).of("self_accelerated")
    with pytest.raises(MagnetometryError, match="2 different temperatures"):
        rate_law(np.array([10.0, 20.0]), np.ones(2), np.ones(2))
    with pytest.raises(MagnetometryError, match="must be above 0"):
        rate_law(np.array([10.0, 20.0, 30.0]), np.array([1.0, -1.0, 1.0]), np.ones(3))
    with pytest.raises(MagnetometryError, match="law must be 'best' or one of"):
        reduce_isotherms([good], law="cubic")
    with pytest.raises(MagnetometryError, match="give relaxation_rate"):
        reduce_isotherms([good], quantity="chi_t")


def test_command_gives_rates_of_a_table(tmp_path):
    from labile.cli.show import reduce_files

    path = tmp_path / "decay.csv"
    rows = zip(TIME, 0.05 + 3.2 * CURVES["self_accelerated"], strict=True)
    path.write_text("t (s),T (K),chiT (cm3 K/mol)\n" + "".join(f"{t},50.0,{v:.6f}\n" for t, v in rows))
    excited = tmp_path / "excited.csv"
    excited.write_text("T (K),chiT (cm3 K/mol)\n" + "".join(f"{t},3.25\n" for t in range(10, 91, 10)))
    for high_spin in ("3.25 cm3 K/mol", str(excited)):
        options = {"low_spin": "0.05 cm3 K/mol", "high_spin": high_spin, "law": "self_accelerated"}
        (found,) = reduce_files("magnetometry", [path], "relaxation_rate", options, "", {}).measurements
        assert found.values[0] == pytest.approx(1e-4, rel=1e-3)
    with pytest.raises(ValueError, match="no plateau values"):
        reduce_files("magnetometry", [path], "relaxation_rate", {}, "", {})
