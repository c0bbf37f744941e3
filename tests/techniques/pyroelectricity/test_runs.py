"""Runs compared: flipped, poled, of impossible size; charge logs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    PyroelectricityWarning,
    credible_size,
    electrode_flip,
    poling_effect,
    pyroelectric_coefficient,
    reduce_charge,
)

AT = np.linspace(80.0, 300.0, 45)


def p_of(temperature):
    return 1e-5 * (3.4 + 26 * np.exp(-0.5 * ((temperature - 90) / 6) ** 2))


def run(scale=1.0, offset=0.0, seed=0, sigma=2e-7, at=AT, area=0.0):
    noise = sigma * np.random.default_rng(seed).normal(size=at.size)
    values = scale * p_of(at) + offset
    terms = (CorrelatedTerm("area", values * area),) if area else ()
    return Measurement(
        "pyroelectric_coefficient", values + noise, Conditions(at), np.full(at.size, sigma), correlated=terms
    )


@pytest.mark.parametrize("seed", range(5))
def test_flip_passes_for_a_crystal_and_fails_for_an_artefact(seed):
    original = run(seed=seed)
    flipped = run(-1.0, seed=seed + 50, at=np.linspace(75.0, 305.0, 150))
    test = electrode_flip(original, flipped)
    assert test.passed
    assert "passed" in test.text
    np.testing.assert_allclose(test.odd.values, p_of(AT), atol=1e-6)
    assert not electrode_flip(original, run(1.0, seed=seed + 50)).passed
    # an asymmetry of the electrodes keeps its sign: reversed, but not in magnitude
    skewed = electrode_flip(run(offset=3e-6), run(-1.0, offset=3e-6, seed=seed))
    assert skewed.sign_reversed
    assert not skewed.passed
    assert np.mean(skewed.even.values) == pytest.approx(3e-6, rel=0.1)


def test_flip_within_the_uncertainty_of_the_area():
    assert not electrode_flip(run(), run(-1.1, seed=1)).passed
    assert electrode_flip(run(area=0.08), run(-1.1, seed=1, area=0.08)).passed


def test_poling():
    same = poling_effect(run(seed=1), run(seed=2))
    assert not same.switchable
    assert same.ratio == pytest.approx(1.0, abs=5 * same.sigma_ratio)
    half = poling_effect(run(seed=1), run(0.5, seed=2))
    assert half.switchable
    assert half.ratio == pytest.approx(2.0, rel=0.01)


def test_runs_that_cannot_be_compared():
    bare = Measurement("pyroelectric_coefficient", p_of(AT), Conditions(AT))
    with pytest.raises(PyroelectricityError, match="no uncertainty"):
        electrode_flip(run(), bare)
    with pytest.raises(PyroelectricityError, match="share no temperatures"):
        electrode_flip(run(), run(at=np.linspace(310.0, 320.0, 5)))
    with pytest.raises(PyroelectricityError, match="two runs of one quantity"):
        electrode_flip(run(), Measurement("current", p_of(AT), Conditions(AT), 1e-9))


def log(factor=1.0):
    time = np.arange(0.0, 2600.0, 10.0)
    temperature = 80.0 + time / 12
    return Measurement(
        "current", factor * p_of(temperature) * 0.3036e-6 / 12, Conditions(temperature, time=time), factor * 1e-14
    )


@pytest.mark.parametrize(("factor", "word"), [(1e3, "1e3"), (1e6, "1e6"), (1e-3, "1e3"), (1e-6, "1e6")])
def test_a_current_in_the_wrong_unit_is_doubted_with_its_factor(factor, word):
    with pytest.warns(PyroelectricityWarning, match=f"by {word}"):
        found = pyroelectric_coefficient(log(factor), area=0.3036e-6)
    assert f"by {word}" in " ".join(found.provenance.steps)


@given(size=st.floats(1e-6, 1e-2))
@settings(max_examples=30, deadline=None)
def test_credible_coefficients_are_not_doubted(size):
    assert credible_size(Measurement("pyroelectric_coefficient", [size, 0.5 * size], Conditions([100.0, 200.0]))) == ""


def test_noise_alone_is_not_doubted():
    noise = 1e-9 * np.random.default_rng(0).normal(size=50)
    at = Conditions(np.linspace(10, 60, 50))
    assert credible_size(Measurement("pyroelectric_coefficient", noise, at, sigma=1e-9)) == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pyroelectric_coefficient(log(), area=0.3036e-6)


# charge


def charge_log(noise=1e-13, drift=0.0):
    time = np.arange(0.0, 5200.0, 10.0)
    temperature = 80.0 + np.minimum(time, 5190.0 - time) / 12
    polarization = np.array([np.trapezoid(p_of(np.linspace(80, t, 200)), np.linspace(80, t, 200)) for t in temperature])
    rng = np.random.default_rng(4)
    charge = 0.3036e-6 * polarization + drift * time + noise * rng.normal(size=time.size)
    return Measurement("charge", charge, Conditions(temperature, time=time))


def test_charge_gives_polarization_and_coefficient():
    changes = reduce_charge(charge_log(), area=0.3036e-6, reference_temperature=82.0)
    assert [m.branch for m in changes] == ["heating", "cooling"]
    axis = np.linspace(82, 290, 2000)
    truth = np.trapezoid(p_of(axis), axis)
    for change in changes:
        at = np.argmin(np.abs(change.temperature - 290))
        assert change.values[at] == pytest.approx(truth, rel=0.01)
    for p in reduce_charge(charge_log(), quantity="pyroelectric_coefficient", area=0.3036e-6):
        inside = (p.temperature > 120) & (p.temperature < 280)
        np.testing.assert_allclose(np.mean(p.values[inside] / p_of(p.temperature[inside])), 1.0, atol=0.01)


def test_bias_current_and_polarity():
    drifting = charge_log(drift=1e-13)
    plain = reduce_charge(charge_log(), area=0.3036e-6)[0]
    corrected = reduce_charge(drifting, area=0.3036e-6, bias_current=1e-13)[0]
    np.testing.assert_allclose(corrected.values, plain.values, atol=1e-6)
    assert "artefact: bias current" in " ".join(corrected.provenance.steps)
    turned = reduce_charge(charge_log(), area=0.3036e-6, polarity=-1)[0]
    np.testing.assert_array_equal(turned.values, -plain.values)


def test_charge_that_cannot_be_reduced():
    with pytest.raises(PyroelectricityError, match="electrode area is missing"):
        reduce_charge(charge_log())
    with pytest.raises(PyroelectricityError, match="a log of the charge is needed"):
        reduce_charge(log(), area=1e-6)
    with pytest.raises(PyroelectricityError, match="outside the data"):
        reduce_charge(charge_log(), area=1e-6, reference_temperature=10.0)
