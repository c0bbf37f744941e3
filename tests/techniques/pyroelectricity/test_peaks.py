"""Peak temperatures at several rates and at rest."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity import PyroelectricityError, peak_at_rest, peak_temperature


def run(rate, lag=24.0, seed=0, noise=2e-6, centre=90.0):
    """A lopsided peak that appears at centre + lag rate; rate in K/min."""
    at = np.linspace(60.0, 120.0, 240)
    x = at - centre - lag * rate / 60
    p = 3e-4 / np.cosh(x / 4) ** 2 + 3.6e-5 / (1 + np.exp(-(x - 5) / 4))
    p = p + noise * np.random.default_rng(seed).normal(size=at.size)
    branch = "heating" if rate > 0 else "cooling"
    return Measurement("pyroelectric_coefficient", p, Conditions(at), branch=branch, sweep_rate=abs(rate) / 60)


@pytest.mark.parametrize("seed", range(5))
def test_lag_and_rest_are_found(seed):
    runs = [run(rate, seed=10 * seed + k) for k, rate in enumerate((2, 5, 10, -2, -5))]
    found = peak_at_rest(runs, (75, 105))
    assert abs(found.lag - 24.0) < 4 * found.sigma_lag
    assert found.sigma_lag < 3.0
    # the plateau moves the maximum by the same amount at every rate
    still = peak_temperature(run(1e-6, noise=0.0), (75, 105))[0]
    assert abs(found.temperature - still) < 4 * found.sigma
    assert found.sigma < 0.2
    assert "+10" in found.text


def test_two_rates_are_needed_and_a_peak():
    with pytest.raises(PyroelectricityError, match="two different rates"):
        peak_at_rest([run(5), run(5, seed=1)], (75, 105))
    with pytest.raises(PyroelectricityError, match="no peak of at least 7 points"):
        peak_temperature(run(5), (60, 88))
    with pytest.raises(PyroelectricityError, match="points lie in 300-310 K"):
        peak_temperature(run(5), (300, 310))
    bare = Measurement("pyroelectric_coefficient", np.ones(10) * 1e-5, Conditions(np.linspace(80, 100, 10)))
    with pytest.raises(PyroelectricityError, match="without a rate"):
        peak_at_rest([bare, bare], (75, 105))
