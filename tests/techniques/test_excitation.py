"""Build-up under light: simulated curves with known rate, saturation and warming by the lamp."""

import math

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.core.units import to_si
from labile.techniques.magnetometry import MagnetometryError, build_up

CM3 = float(to_si(1.0, "cm3 K/mol", "chi_t"))
TIME = np.linspace(0.0, 3600.0, 121)


def curve(values, noise=0.01, seed=0, time=TIME, kelvin=10.0, stated=True):
    noisy = values + np.random.default_rng(seed).normal(0.0, noise, values.size)
    return Measurement("chi_t", noisy * CM3, Conditions(kelvin, time=time), sigma=noise * CM3 if stated else None)


def rising(time=TIME, rate=1 / 600, exponent=1.0, top=3.0):
    return 0.1 + (top - 0.1) * (1 - np.exp(-((rate * time) ** exponent)))


@pytest.mark.parametrize("stated", [True, False])
def test_rate_and_saturation(stated):
    found = build_up(curve(rising(), stated=stated))
    assert found.rate == pytest.approx(1 / 600, abs=4 * found.sigma_rate)
    assert found.saturation / CM3 == pytest.approx(3.0, abs=4 * found.sigma_saturation / CM3)
    assert found.saturated
    assert found.reached == pytest.approx(1 - math.exp(-6), abs=0.01)
    assert math.isnan(found.lamp_heating)


def test_sigma_of_the_rate_is_honest():
    pull = [
        (found.rate - 1 / 600) / found.sigma_rate
        for found in (build_up(curve(rising(), seed=seed)) for seed in range(40))
        if found.law == "single_exponential"
    ]
    assert np.std(pull) == pytest.approx(1.0, abs=0.35)


def test_layers_that_follow_one_another():
    found = build_up(curve(rising(exponent=0.6)))
    assert found.law == "stretched_exponential"
    assert found.fit.value("light.exponent") == pytest.approx(0.6, abs=0.05)
    assert any("one after the other" in step for step in found.steps)


def test_light_switched_off_too_early():
    short = TIME / 4
    found = build_up(curve(rising(short), time=short))
    assert not found.saturated
    assert found.reached == pytest.approx(1 - math.exp(-1.5), abs=0.1)
    assert any(step.startswith("not saturated: 7") or step.startswith("not saturated: 8") for step in found.steps)


def test_warming_by_the_lamp():
    """The sample sits 0.5 K above a thermometer at 10 K: chi*T is too small by 10/10.5 while the light is on."""
    after = curve(np.full(30, 3.0), seed=5, time=np.arange(30.0) * 60)
    warm = build_up(curve(rising() * 10.0 / 10.5), dark_after=after)
    assert warm.lamp_heating == pytest.approx(0.5, abs=4 * warm.sigma_lamp_heating)
    assert any(step.startswith("the lamp warms the sample by 0.") for step in warm.steps)
    cold = build_up(curve(rising()), dark_after=after)
    assert abs(cold.lamp_heating) < 4 * cold.sigma_lamp_heating
    assert any("no warming by the lamp is seen" in step for step in cold.steps)
    before = curve(np.full(30, 0.5), seed=6, time=np.arange(30.0) * 60)
    on = build_up(curve((rising() + 0.4) * 10.0 / 10.5), dark_before=before)
    assert on.lamp_heating == pytest.approx(0.5, abs=4 * on.sigma_lamp_heating)


def test_thermometer_that_sees_the_lamp():
    after = curve(np.full(30, 3.0), time=np.arange(30.0) * 60)
    found = build_up(curve(rising(), kelvin=10.3), dark_after=after)
    assert found.thermometer_rise == pytest.approx(0.3)
    assert any("the thermometer itself reads +0.3 K" in step for step in found.steps)


def test_what_is_refused():
    good = curve(rising())
    with pytest.raises(MagnetometryError, match="nothing builds up"):
        build_up(curve(np.full(TIME.size, 1.0)))
    with pytest.raises(MagnetometryError, match="time goes backwards or stands still at point 2"):
        build_up(curve(rising(), time=TIME[::-1]))
    with pytest.raises(MagnetometryError, match="needs the time of each point"):
        build_up(Measurement("chi_t", good.values, Conditions(np.full(TIME.size, 10.0))))
    with pytest.raises(MagnetometryError, match="5 points, a build-up needs"):
        build_up(good[:5])
    with pytest.raises(MagnetometryError, match="found moment"):
        build_up(Measurement("moment", good.values, good.conditions))
    fraction = Measurement("high_spin_fraction", np.full(5, 0.9), Conditions(np.full(5, 10.0)))
    with pytest.raises(MagnetometryError, match="the dark measurement must be chi_t"):
        build_up(good, dark_after=fraction)
