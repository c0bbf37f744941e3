"""Repairs of spectra: each does what it says, once, and records it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import (
    EV,
    XasError,
    averaged_duplicates,
    deglitched,
    find_glitches,
    find_saturated,
    normalise,
    reduce_absorption,
    repaired,
    restated_energy,
    sorted_energies,
    truncated,
    without_points,
    without_saturated,
)

DATA = Path(__file__).parents[2] / "data"
ENERGY = np.concatenate([np.arange(7000.0, 7100.0, 5.0), np.arange(7100, 7150, 0.5), np.arange(7150, 7500, 2.5)])


def edge(energy=ENERGY):
    return 0.2 + 0.8 * (0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi)


def spectrum(energy=ENERGY, mu=None, sigma=None):
    mu = np.atleast_2d(edge(energy) if mu is None else mu)
    return Measurement(
        "absorption", mu, Conditions([300.0] * len(mu)), sigma, axis=Axis("energy", np.asarray(energy) * EV)
    )


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)), st.lists(st.integers(0, 39), max_size=6))
def test_any_order_with_duplicates_becomes_the_spectrum(order, twice):
    energy = np.arange(7100.0, 7140.0)
    shuffled = np.array([*order, *twice])
    mu = edge(energy)
    once = averaged_duplicates(sorted_energies(spectrum(energy[shuffled], mu[shuffled], sigma=0.1)))
    assert np.allclose(once.axis.values / EV, energy)
    assert np.allclose(once.values[0], mu)
    # n readings of one energy are sqrt n better
    count = np.bincount(shuffled, minlength=40)
    assert np.allclose(once.sigma[0], 0.1 / np.sqrt(count))
    assert any("duplicated energies averaged" in said for said in once.provenance.steps) == bool(twice)


def test_a_good_spectrum_is_left_alone():
    good = spectrum()
    assert repaired(good) is good
    assert averaged_duplicates(good) is good
    assert sorted_energies(good) is good
    assert truncated(good) is good
    assert without_saturated(good) is good


def test_duplicates_must_be_sorted_first():
    with pytest.raises(XasError, match="sort its energies"):
        averaged_duplicates(spectrum(ENERGY[::-1], edge()[::-1]))


def test_restated_energies():
    kilo = spectrum(ENERGY / 1e3, edge())
    assert np.allclose(restated_energy(kilo, "keV").axis.values / EV, ENERGY)
    wave = spectrum((12398.419843 / ENERGY)[::-1], edge()[::-1])
    again = restated_energy(wave, "angstrom")
    assert np.allclose(again.axis.values / EV, ENERGY, rtol=1e-9)
    assert np.allclose(again.values[0], edge())
    assert "angstrom" in again.provenance.steps[0]
    with pytest.raises(XasError, match="from keV or angstrom, found 'nm'"):
        restated_energy(kilo, "nm")
    with pytest.raises(XasError, match="wavelengths in angstrom"):
        restated_energy(spectrum(ENERGY / 1e7, edge()), "keV")


def test_truncation_and_named_points():
    part = truncated(spectrum(), 7100.0 * EV, 7149.0 * EV)
    assert part.axis.values[[0, -1]] / EV == pytest.approx([7100.0, 7149.0])
    with pytest.raises(XasError, match="give J"):
        truncated(spectrum(), 7100.0, 7149.0)
    fewer = without_points(spectrum(), [7110.1 * EV, 7300.0 * EV])
    assert len(fewer.axis.values) == ENERGY.size - 2
    assert "7110.00, 7300.00 eV" in fewer.provenance.steps[0]
    with pytest.raises(XasError, match="no point near 7600 eV"):
        without_points(spectrum(), [7600.0 * EV])


def test_glitches_are_found_and_nothing_else():
    rng = np.random.default_rng(4)
    found_wrongly = 0
    for _ in range(20):
        mu = edge() + rng.normal(0.0, 1e-3, ENERGY.size)
        found_wrongly += int(find_glitches(spectrum(mu=mu)).sum())
        # one apart from the other: neighbours predict each other
        at = rng.choice(np.flatnonzero((ENERGY > 7180.0) & (ENERGY < 7480.0))[::10], 2, replace=False)
        mu[at] += rng.choice([-0.03, 0.03], 2)
        assert np.all(find_glitches(spectrum(mu=mu))[0, at])
    # 7 robust standard deviations of a few hundred points: far less than one in a spectrum
    assert found_wrongly <= 2


def test_glitches_of_a_real_spectrum():
    (raw,) = registry.read(DATA / "xdi" / "FeO_rt_01.xdi")
    clean = deglitched(raw)
    assert clean.provenance.steps[-1].startswith("2 points removed (glitches")
    assert "7436.38, 7549.74 eV" in clean.provenance.steps[-1]
    (other,) = registry.read(DATA / "xdi" / "Fe2O3_rt_01.xdi")
    assert deglitched(other) is other


def test_noise_is_no_glitch():
    energy = np.arange(7000.0, 7500.0)
    rough = edge(energy) + np.random.default_rng(0).normal(0.0, 1e-4, energy.size)
    rough[190::19] += 0.5
    with pytest.raises(XasError, match="are no glitches"):
        find_glitches(spectrum(energy, rough))


def test_a_saturated_detector():
    mu = np.minimum(edge() + 0.3 * np.exp(-(((ENERGY - 7126.0) / 3.0) ** 2)), 1.05)
    clipped = spectrum(mu=mu)
    found = find_saturated(clipped)
    assert found.sum() >= 4
    assert np.all(mu[found[0]] == 1.05)
    with pytest.raises(XasError, match=r"the detector was saturated. Remove them with saturated = 'remove'"):
        repaired(clipped)
    assert find_saturated(repaired(clipped, "remove")).sum() == 0
    assert repaired(clipped, "keep") is clipped
    with pytest.raises(XasError, match="must be 'refuse', 'remove' or 'keep'"):
        repaired(clipped, "ignore")
    with pytest.raises(XasError, match="saturated"):
        reduce_absorption(clipped)


def test_the_whole_reduction_repairs_and_says_so():
    rng = np.random.default_rng(2)
    order = np.r_[ENERGY.size - 1 : -1 : -1, 30]
    mu = edge() + rng.normal(0.0, 1e-4, ENERGY.size)
    raw = spectrum(ENERGY[order], mu[order])
    found = reduce_absorption(raw, post_edge="quadratic", energy_reference="Fe 7112 eV")
    plain = normalise(spectrum(mu=mu), post_edge="quadratic").measurement
    assert np.allclose(found.values, plain.values)
    assert len(found.provenance.steps) == 4
    assert found.attributes["energy_reference"] == "Fe 7112 eV"


def test_a_reduction_needs_the_temperature():
    raw = replace(spectrum(), attributes={"temperature_source": "assumed"})
    with pytest.raises(XasError, match="does not state its temperature"):
        reduce_absorption(raw)
    assert reduce_absorption(raw, temperature=20.0).temperature.tolist() == [20.0]
    with pytest.raises(XasError, match="where it belongs"):
        reduce_absorption(raw, temperature=20.0, foil=[raw])
    with pytest.raises(XasError, match="chi_t cannot be made from absorption"):
        reduce_absorption(raw, temperature=20.0, quantity="chi_t")


@pytest.mark.parametrize("method", ["steepest", "inflection", "fraction"])
def test_edge_energies_by_the_reduction(method):
    found = reduce_absorption(spectrum(), quantity="edge_energy", edge_method=method)
    assert found.quantity == "edge_energy"
    assert found.values[0] / EV == pytest.approx(7120.0, abs=0.3)
