"""Sweep rates: simulated switching temperatures that follow a known law."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.magnetometry import (
    MagnetometryError,
    SweptTransition,
    scan_rate_dependence,
    transition_temperatures,
)

RATES = np.array([0.2, 0.5, 1.0, 2.0, 5.0, 10.0]) / 60
"""K/s"""


def series(law, sigma=0.05, seed=None, rates=RATES, down=True):
    rng = np.random.default_rng(seed)
    out = []
    for rate in rates:
        noise = rng.normal(0.0, sigma, 2) if seed is not None else (0.0, 0.0)
        up, low = 163.0 + law(rate * 60) + noise[0], 123.0 - 0.6 * law(rate * 60) + noise[1]
        out.append(SweptTransition(rate, up, sigma, low if down else None, sigma if down else None))
    return out


LAWS = {
    "spinodal": lambda r: 0.9 * r ** (2 / 3),
    "lag": lambda r: 0.5 * r,
    "power": lambda r: 1.5 * r**0.35,
    "logarithmic": lambda r: 0.8 * np.log(r),
    "constant": lambda r: 0.0 * r,
}


@pytest.mark.parametrize("name", LAWS)
def test_the_law_of_the_data_is_found(name):
    found = scan_rate_dependence(series(LAWS[name], seed=1))
    assert name in found.equal
    assert [law.fit.aicc for law in found.laws] == sorted(law.fit.aicc for law in found.laws)
    law = found.law(name)
    if name == "logarithmic":
        assert math.isnan(law.width)
        assert "no limit at rest" in found.text
    else:
        assert law.width == pytest.approx(40.0, abs=4 * law.sigma_width)
    if name == "power":
        assert law.fit.value("delay.exponent") == pytest.approx(0.35, abs=4 * law.fit.sigma_of("delay.exponent"))


@given(exponent=st.floats(0.3, 1.5), shift=st.floats(0.5, 5.0))
@settings(max_examples=20, deadline=None)
def test_free_exponent_comes_back_exactly_without_noise(exponent, shift):
    found = scan_rate_dependence(series(lambda r: shift * r**exponent), laws=("power",))
    assert found.best.fit.value("delay.exponent") == pytest.approx(exponent, abs=1e-5)
    assert found.best.width == pytest.approx(40.0, abs=1e-4)


def test_width_at_rest_has_an_honest_sigma():
    pull = []
    for seed in range(60):
        law = scan_rate_dependence(series(LAWS["spinodal"], seed=seed), laws=("spinodal",)).best
        pull.append((law.width - 40.0) / law.sigma_width)
    assert np.std(pull) == pytest.approx(1.0, abs=0.28)  # 60 draws: 0.09
    assert abs(np.mean(pull)) < 0.4


def test_one_branch_and_missing_values():
    found = scan_rate_dependence(series(LAWS["spinodal"], down=False))
    assert found.best.fit.value("rest.t_up") == pytest.approx(163.0, abs=1e-6)
    assert math.isnan(found.best.width)
    some = series(LAWS["spinodal"])
    some[2] = SweptTransition(some[2].rate, some[2].t_up, 0.05)
    assert scan_rate_dependence(some).law("spinodal").width == pytest.approx(40.0, abs=1e-6)


def test_laws_with_too_many_parameters_are_left_out():
    found = scan_rate_dependence(series(LAWS["spinodal"], rates=RATES[:3]))
    assert {law.name for law in found.laws} == {"constant", "spinodal", "lag", "logarithmic"}
    with pytest.raises(MagnetometryError, match="'power' was not fitted"):
        found.law("power")


def test_curves_to_rate_law():
    """From simulated chi*T curves of several rates to the width at rest."""
    entries = []
    for rate in RATES:
        delay = 0.9 * (rate * 60) ** (2 / 3)
        up, down = np.linspace(80.0, 220.0, 281), np.linspace(220.0, 80.0, 281)
        curves = [
            Measurement.from_field("chi_t", 3.3 / (1 + np.exp(-(t - half) / 2)), "cm3 K/mol", Conditions(t), branch=b)
            for t, half, b in ((up, 163 + delay, "heating"), (down, 123 - delay, "cooling"))
        ]
        entries.append(SweptTransition.of(rate, transition_temperatures(*curves)))
    found = scan_rate_dependence(entries)
    assert found.law("spinodal").width == pytest.approx(40.0, abs=0.2)


def test_misfit_of_every_law_is_said():
    entries = series(lambda r: 3 * np.sin(r), sigma=0.01)
    assert "No law describes the data" in scan_rate_dependence(entries).text


def test_what_is_refused():
    good = series(LAWS["spinodal"])
    with pytest.raises(MagnetometryError, match="2 different rates"):
        scan_rate_dependence(good[:2])
    with pytest.raises(MagnetometryError, match="2 different rates"):
        scan_rate_dependence([good[0], good[0], good[1]])
    with pytest.raises(MagnetometryError, match="rate of entry 1 must be > 0"):
        scan_rate_dependence([SweptTransition(0.0, 160.0, 0.1), *good])
    with pytest.raises(MagnetometryError, match="has no uncertainty on heating"):
        scan_rate_dependence([SweptTransition(0.1, 160.0), *good])
    with pytest.raises(MagnetometryError, match="has nan K on cooling"):
        scan_rate_dependence([SweptTransition(0.1, None, None, math.nan, 0.1), *good])
    with pytest.raises(MagnetometryError, match="'cubic'"):
        scan_rate_dependence(good, laws=("cubic",))
    with pytest.raises(MagnetometryError, match="too few for power"):
        scan_rate_dependence(good[:3], laws=("power",))
