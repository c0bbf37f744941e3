"""Self-absorption: limits of thick and thin samples, round trips, tabulated absorption."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.xas import EV, SelfAbsorption, XasError, corrected, reduce_absorption, self_absorption

ENERGY = np.arange(7000.0, 7400.0, 0.5)
X = 0.5 + np.arctan((ENERGY - 7120.0) / 1.5) / np.pi + 0.4 * np.exp(-(((ENERGY - 7126.0) / 3.0) ** 2))


def spectrum(values, sigma=None, quantity="normalized_absorption", **attributes):
    return Measurement(
        quantity, np.atleast_2d(values), Conditions(300.0), sigma, axis=Axis("energy", ENERGY * EV),
        attributes=attributes,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(beta=st.floats(0.05, 50.0), depth=st.one_of(st.floats(1e-6, 30.0), st.just(math.inf)))
def test_round_trip(beta, depth):
    sample = SelfAbsorption(beta, 1.0, depth * math.sin(1.0), 1.0)
    signal, slope = sample.signal(X)
    assert sample.signal(np.array([0.0, 1.0]))[0] == pytest.approx([0.0, 1.0])
    step = 1e-6
    assert slope == pytest.approx(
        (sample.signal(X + step)[0] - sample.signal(X - step)[0]) / (2 * step), rel=1e-4, abs=1e-8
    )
    back = corrected(spectrum(signal, sigma=1e-3), sample)
    assert back.values[0] == pytest.approx(X, abs=1e-9)
    assert back.sigma[0] == pytest.approx(1e-3 / slope, rel=1e-6)


def test_limits():
    thin = SelfAbsorption(0.4, 1.0, 1e-9, 0.8)
    assert thin.signal(X)[0] == pytest.approx(X, abs=1e-8)
    diluted = SelfAbsorption(1e6, 1.0, math.inf, 0.8)
    assert diluted.signal(X)[0] == pytest.approx(X, abs=1e-5)
    thick = SelfAbsorption(0.4, 1.0, math.inf, 0.8)
    # the closed formula of the thick limit
    assert thick.signal(X)[0] == pytest.approx(1.4 * X / (0.4 + X), rel=1e-12)
    assert SelfAbsorption(0.4, 1.0, 100.0, 0.8).signal(X)[0] == pytest.approx(thick.signal(X)[0], rel=1e-9)


def test_tabulated_absorption_of_pure_iron():
    import xraydb

    line, below, above = (xraydb.mu_elam("Fe", e) for e in (xraydb.xray_line("Fe", "Ka").energy, 7102.0, 7122.0))
    assert self_absorption("Fe", "Fe").beta == pytest.approx((below + line) / (above - below), rel=1e-6)
    # grazing exit: the fluorescence has no way to go, so the beam alone counts
    grazing = self_absorption("Fe", "Fe", angle_in=1e-4, angle_out=math.pi / 2)
    assert grazing.beta == pytest.approx(below / (above - below), rel=1e-3)
    foil = self_absorption("Fe", "Fe", thickness=4e-6, density=7874.0)
    assert foil.step == pytest.approx((above - below) * 7.874 * 100.0, rel=1e-6)
    # dilution by oxygen and carbon
    assert (
        self_absorption("Fe", "Fe").beta < self_absorption("Fe2O3", "Fe").beta < self_absorption("FeC40H40", "Fe").beta
    )


def test_the_correction_of_a_reduction():
    sample = self_absorption("Fe2O3", "Fe")
    raw = spectrum(3.0 * sample.signal(X)[0] + 0.1, quantity="absorption", element="Fe", edge="K")
    plain = reduce_absorption(raw).values[0]
    found = reduce_absorption(raw, formula="Fe2O3")
    assert found.values[0].max() > plain.max() + 0.1
    assert "corrected for self-absorption: beta" in found.provenance.steps[-1]
    bare = spectrum(X, quantity="absorption")
    with pytest.raises(XasError, match="which element absorbs"):
        reduce_absorption(bare, formula="Fe2O3")


def test_what_is_refused():
    sample = SelfAbsorption(0.2, 1.0, math.inf, 0.8)
    with pytest.raises(XasError, match=r"never exceeds 1.2"):
        corrected(spectrum(X * 1.3), sample)
    once = corrected(spectrum(np.minimum(X, 1.1)), sample)
    with pytest.raises(XasError, match="corrected for self-absorption before"):
        corrected(once, sample)
    with pytest.raises(XasError, match="normalized_absorption along energy is expected, found absorption"):
        corrected(spectrum(X, quantity="absorption"), sample)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formula": "Fe2O3", "element": "Co"}, "there is no Co in 'Fe2O3'"),
        ({"formula": "not a formula!", "element": "Fe"}, "cannot be read"),
        ({"formula": "Fe2O3", "element": "Fe", "angle_in": 45.0}, r"between 0 and pi/2 rad, found 45.0 \(degrees\?\)"),
        ({"formula": "Fe2O3", "element": "Fe", "thickness": 1e-5}, "needs the density"),
        ({"formula": "Fe2O3", "element": "Fe", "thickness": -1e-5}, "above 0 m"),
        ({"formula": "Fe2O3", "element": "Fe", "line": "Xy"}, "has no line 'Xy'"),
    ],
)
def test_samples_that_make_no_sense(arguments, message):
    with pytest.raises(XasError, match=message):
        self_absorption(**arguments)
