"""Linear combinations: exact minima against a general solver, coverage of the uncertainties, real mixtures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import (
    EV,
    XasError,
    choose_standards,
    fit_linear_combination,
    normalise,
    reduce_fractions,
    with_reference,
)
from labile.techniques.xas.simplex import best_fractions

DATA = Path(__file__).parents[2] / "data" / "xdi"
ENERGY = np.arange(7090.0, 7200.0, 0.25)
EDGES = {"L": (7124.0, 7131.0), "H": (7120.0, 7126.0), "V": (7121.5, 7128.0)}


def shape(name, shift=0.0):
    edge, line = EDGES[name]
    e = ENERGY - shift
    return 0.5 + np.arctan((e - edge) / 1.5) / np.pi + 0.5 * np.exp(-(((e - line) / 3.0) ** 2))


def spectrum(mu, sigma=None, quantity="normalized_absorption"):
    mu = np.atleast_2d(mu)
    kelvin = np.linspace(100.0, 100.0 + len(mu) - 1.0, len(mu))
    return Measurement(quantity, mu, Conditions(kelvin), sigma, axis=Axis("energy", ENERGY * EV), label="crystal")


STANDARDS = {name: spectrum(shape(name)) for name in EDGES}


def real(name):
    (raw,) = registry.read(DATA / f"{name}.xdi")
    return raw


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.booleans())
def test_the_exact_minimum_is_that_of_a_general_solver(seed, columns, sum_to_one):
    rng = np.random.default_rng(seed)
    design, y = rng.normal(size=(12, columns)), rng.normal(size=12)
    found = best_fractions((design.T @ design)[None], (design.T @ y)[None], sum_to_one)[0]
    if sum_to_one:
        # a heavy row for the sum turns it into a plain non-negative problem
        expected = nnls(np.vstack([design, 1e5 * np.ones(columns)]), np.append(y, 1e5))[0]
        assert found.sum() == pytest.approx(1.0, abs=1e-9)
    else:
        expected = nnls(design, y)[0]
    assert np.all(found >= 0.0)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_fractions_and_their_uncertainties(noise):
    rng = np.random.default_rng(7)
    truth = np.array([0.2, 0.5, 0.3])
    clean = sum(f * shape(name) for f, name in zip(truth, EDGES, strict=True))
    data = spectrum(clean + rng.normal(0.0, noise, (300, ENERGY.size)), sigma=noise)
    found = fit_linear_combination(data, STANDARDS)
    assert found.fractions.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-9)
    inside = np.all(found.fractions > 0, axis=1)
    pulls = ((found.fractions - truth) / found.sigma)[inside]
    assert 0.75 < pulls.std() < 1.1
    assert abs(pulls.mean(axis=0)).max() < 0.25
    assert found.chi2.mean() == pytest.approx(found.energy.size - 2, rel=0.05)


def test_bootstrap_agrees_with_the_covariance_where_noise_is_white():
    rng = np.random.default_rng(2)
    data = spectrum(0.4 * shape("L") + 0.6 * shape("H") + rng.normal(0.0, 5e-3, ENERGY.size))
    found = fit_linear_combination(data, {n: STANDARDS[n] for n in "LH"}, bootstrap=300, seed=1)
    assert found.bootstrap_sigma[0] == pytest.approx(np.sqrt(np.diag(found.covariance[0])), rel=0.3)
    again = fit_linear_combination(data, {n: STANDARDS[n] for n in "LH"}, bootstrap=300, seed=1)
    assert np.array_equal(found.bootstrap_sigma, again.bootstrap_sigma)


def test_waves_in_the_residuals_widen_sigma():
    waves = 0.01 * np.sin((ENERGY - 7100.0) / 8.0)
    white = np.random.default_rng(0).normal(0.0, 0.01 / np.sqrt(2.0), ENERGY.size)
    two = {n: STANDARDS[n] for n in "LH"}
    of_waves, of_white = (
        fit_linear_combination(spectrum(0.4 * shape("L") + 0.6 * shape("H") + extra), two) for extra in (waves, white)
    )
    assert of_waves.sigma[0, 0] > 2.0 * of_white.sigma[0, 0]
    assert of_waves.independent[0] < 0.2 * of_waves.energy.size


def test_pure_standards_lie_on_the_bound_with_an_uncertainty():
    rng = np.random.default_rng(3)
    data = spectrum(shape("L") + rng.normal(0.0, 2e-3, (40, ENERGY.size)), sigma=2e-3)
    found = fit_linear_combination(data, {n: STANDARDS[n] for n in "LH"})
    assert np.all(found.fractions <= 1.0)
    assert np.any(found.fractions[:, 0] == 1.0)
    assert np.all(found.sigma > 0)


def test_shifted_standards():
    rng = np.random.default_rng(4)
    data = spectrum(0.3 * shape("L", 0.12) + 0.7 * shape("H", -0.08) + rng.normal(0.0, 1e-3, ENERGY.size), sigma=1e-3)
    two = {n: STANDARDS[n] for n in "LH"}
    found = fit_linear_combination(data, two, shift_limit=0.3 * EV)
    assert found.fractions[0] == pytest.approx([0.3, 0.7], abs=0.02)
    assert found.shifts[0] / EV == pytest.approx([0.12, -0.08], abs=0.03)
    assert np.all(np.abs(found.shifts[0] / EV - [0.12, -0.08]) < 4.0 * found.sigma_shifts[0] / EV)
    still = fit_linear_combination(data, two)
    assert found.chi2[0] < 0.5 * still.chi2[0]
    # shifting costs certainty
    assert found.sigma[0, 0] > np.sqrt(still.covariance[0, 0, 0] / still.chi2[0] * found.chi2[0])


def test_a_shift_at_its_limit_is_said():
    data = spectrum(0.3 * shape("L", 2.0) + 0.7 * shape("H", 2.0))
    found = fit_linear_combination(data, {n: STANDARDS[n] for n in "LH"}, shift_limit=0.3 * EV)
    assert any("at its limit of 0.3 eV" in note for note in found.notes)
    assert any("at its limit" in step for step in found.fraction("H").provenance.steps)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans(), st.sampled_from([0.0, 0.2]))
def test_any_mixture_is_recovered(a, b, sum_to_one, limit):
    weights = np.array([a * b, a * (1.0 - b), 1.0 - a])
    data = spectrum(sum(f * shape(name) for f, name in zip(weights, EDGES, strict=True)))
    found = fit_linear_combination(data, STANDARDS, sum_to_one=sum_to_one, shift_limit=limit * EV)
    assert found.fractions[0] == pytest.approx(weights, abs=2e-4)


def test_without_the_sum_the_normalisation_is_tested():
    data = spectrum(1.1 * (0.3 * shape("L") + 0.7 * shape("H")))
    free = fit_linear_combination(data, {n: STANDARDS[n] for n in "LH"}, sum_to_one=False)
    assert free.fractions[0].sum() == pytest.approx(1.1, abs=1e-6)


def test_fractions_become_measurements_of_the_series():
    x = np.linspace(0.0, 1.0, 11)[:, None]
    data = spectrum(x * shape("H") + (1.0 - x) * (0.5 * shape("L") + 0.5 * shape("V")), sigma=1e-3)
    found = fit_linear_combination(data, STANDARDS)
    together = found.fraction("L", "V")
    assert together.quantity == "component_fraction"
    assert together.values == pytest.approx(1.0 - x[:, 0], abs=1e-4)
    # with a sum of 1 what is not H is known as well as H is
    assert together.sigma == pytest.approx(found.fraction("H").sigma, rel=1e-6)
    assert together.axis is None
    assert np.array_equal(together.temperature, data.temperature)
    with pytest.raises(XasError, match="standard 'X' was not fitted"):
        found.fraction("X")


def test_magnetite_is_a_third_ferrous():
    """Real mixture: Fe3O4 has one Fe(II) for two Fe(III); FeO and Fe2O3 are other compounds of these."""
    raw = real("Hansel2001_magnetite_xanes_001")
    standards = {"FeO": "FeO_rt_01", "Fe2O3": "Fe2O3_rt_01", "Fe3C": "Fe3C_rt_01", "Fe": "Fe_Foil_rt_2016Foils"}
    known = {name: normalise(real(file)).measurement for name, file in standards.items()}
    choices, chosen = choose_standards(normalise(raw).measurement, known, largest=3)
    assert set(chosen.names) == {"FeO", "Fe2O3"}
    ferrous = dict(zip(chosen.names, chosen.fractions, strict=True))["FeO"]
    assert 1.0 / 3.0 == pytest.approx(ferrous, abs=0.1)
    assert len(choices) == 4 + 6 + 4
    pair = next(choice for choice in choices if set(choice.names) == {"FeO", "Fe2O3"})
    assert pair.f_probability < 1e-3
    assert all(choice.f_probability > 0.05 for choice in choices if set(choice.names) > set(pair.names))


def test_the_reduction_gives_one_fraction():
    raw = real("Hansel2001_magnetite_xanes_001")
    found = reduce_fractions(raw, standards=[real("FeO_rt_01"), real("Fe2O3_rt_01")], component="FeO_rt_01")
    assert found.quantity == "component_fraction"
    assert found.values[0] == pytest.approx(0.39, abs=0.05)
    both = reduce_fractions(
        raw, standards=[real("FeO_rt_01"), real("Fe2O3_rt_01")], component="FeO_rt_01 + Fe2O3_rt_01"
    )
    assert both.values[0] == pytest.approx(1.0)
    with pytest.raises(XasError, match="called the same"):
        reduce_fractions(raw, standards=[real("FeO_rt_01")] * 2, component="FeO_rt_01")
    with pytest.raises(XasError, match="both fit_from and fit_to"):
        reduce_fractions(raw, standards=[real("FeO_rt_01")], component="FeO_rt_01", fit_from=7100.0 * EV)


def test_what_is_refused():
    data, two = spectrum(shape("L")), {n: STANDARDS[n] for n in "LH"}
    with pytest.raises(XasError, match="different energy scales"):
        fit_linear_combination(with_reference(data, "Fe 7111.2 eV"), two)
    with pytest.raises(XasError, match="0 points where spectrum, standards and window"):
        fit_linear_combination(data, two, window=(8000.0 * EV, 8100.0 * EV))
    with pytest.raises(XasError, match="combinations of each other"):
        fit_linear_combination(data, {**two, "copy": STANDARDS["L"]})
    with pytest.raises(XasError, match="1 to 8 standards"):
        fit_linear_combination(data, {})
    with pytest.raises(XasError, match="shift_limit must be from 0 to 20 eV"):
        fit_linear_combination(data, two, shift_limit=0.3)
    with pytest.raises(XasError, match="normalized_absorption along energy is expected, found absorption"):
        fit_linear_combination(spectrum(shape("L"), quantity="absorption"), two)
    with pytest.raises(XasError, match="at least 20 resampled"):
        fit_linear_combination(data, two, bootstrap=3)
    with pytest.raises(XasError, match="one spectrum is expected, found 2"):
        fit_linear_combination(data, {"L": spectrum([shape("L"), shape("H")])})
    with pytest.raises(XasError, match="largest must be from 1 to 2"):
        choose_standards(data, two, largest=5)


def test_a_spectrum_that_is_its_own_standard_has_the_uncertainty_of_its_noise():
    noise = np.random.default_rng(4).normal(0.0, 2e-3, (3, ENERGY.size))
    series = spectrum(np.stack([shape("L"), 0.5 * shape("L") + 0.5 * shape("H"), shape("H")]) + noise)
    found = fit_linear_combination(series, {"L": series[0], "H": series[2]})
    fraction = found.fraction("H")
    assert fraction.values == pytest.approx([0.0, 0.5, 1.0], abs=0.01)
    assert np.all(fraction.sigma > 0.3 * fraction.sigma[1])
    assert [note.split(" is one")[0] for note in found.notes] == ["spectrum 1", "spectrum 3"]
