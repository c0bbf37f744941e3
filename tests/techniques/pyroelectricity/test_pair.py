"""A heating and a cooling run with offset, drift, leakage, lag and released charge, against what they were made of."""

from __future__ import annotations

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    PyroelectricityWarning,
    analyse_pair,
    integrate_coefficient,
    pyroelectric_coefficient,
    reduce_current,
    sample_temperature,
)

AREA = 0.3036e-6
RATE = 5 / 60
STEP = 2.0
OFFSET, DRIFT = 0.05e-12, 0.02e-12 / 3600
LEAK, ACTIVATION = 0.4e-12, 1.2e4


def peak(temperature):
    """Like the [FeCo] crystal: a peak of 30 at 90 K on a plateau of 3.6 nC cm-2 K-1."""
    plateau = 3.6 / (1 + np.exp(-(temperature - 95) / 4))
    return 1e-5 * (30 * np.exp(-0.5 * ((temperature - 90) / 5.3) ** 2) + plateau)


def flat(temperature):
    return np.full_like(temperature, 3.4e-5)


def cycle(*, p=peak, lag=24.0, leak=LEAK, noise=0.005e-12, seed=3, sign=1, released=0.0, runs=2):
    """Simulated runs 20 -> 300 -> 20 (-> 300) K on one clock; the sample follows the sensor with a first-order lag."""
    rng = np.random.default_rng(seed)
    count = int(280 / RATE / STEP)
    up = 20 + RATE * STEP * np.arange(count)
    pieces = [np.full(300, 20.0), up, np.full(300, up[-1]), up[::-1], np.full(300, 20.0), up][: 2 * runs]
    sensor = np.concatenate(pieces)
    time = STEP * np.arange(sensor.size)
    sample = np.empty_like(sensor)
    sample[0] = sensor[0]
    # exact response to a sensor that moves linearly between two points
    decay = np.exp(-STEP / lag) if lag else 0.0
    for k in range(1, time.size):
        slope = (sensor[k] - sensor[k - 1]) / STEP
        sample[k] = sensor[k] - slope * lag + (sample[k - 1] - sensor[k - 1] + slope * lag) * decay
    rate = np.gradient(sample, time)
    current = sign * p(sample) * AREA * rate + OFFSET + DRIFT * time + noise * rng.normal(size=time.size)
    current += leak * np.exp(-ACTIVATION / 8.314 * (1 / sample - 1 / 300))
    edges = np.cumsum([0, *(piece.size for piece in pieces)])
    first = slice(edges[1], edges[2])
    current[first] += released * np.exp(-0.5 * ((sample[first] - 200) / 15) ** 2)
    log = Measurement("current", current, Conditions(sensor + 1e-3 * rng.normal(size=time.size), time=time))
    return tuple(log[edges[k] : edges[k + 1]] for k in range(1, 2 * runs, 2))


def relative_error(found, p=peak, low=78.0, high=298.0):
    inside = (found.temperature > low) & (found.temperature < high)
    truth = p(found.temperature[inside])
    # single points carry the noise of the current; means over 20 of them show what the method does
    error = found.values[inside] / truth - 1
    return np.convolve(error, np.ones(20) / 20, mode="valid")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [24.0, 60.0])
def test_p_within_one_per_cent_and_every_artefact_by_name(seed, lag):
    heating, cooling = cycle(lag=lag, seed=seed)
    found = analyse_pair(heating, cooling, area=AREA, zero_window=(22, 45))
    assert np.max(np.abs(relative_error(found.coefficient))) < 0.01
    assert found.named == ("offset", "drift", "leakage", "thermal lag")
    assert found.lag == pytest.approx(lag, abs=0.3)
    assert found.artefact("offset").text.startswith("artefact: offset")
    assert found.baseline.drift == pytest.approx(DRIFT, rel=0.1)
    assert found.baseline.at(0.0) == pytest.approx(OFFSET, rel=0.05)
    at_280 = np.argmin(np.abs(found.leakage.temperature - 280))
    leakage = np.mean(found.leakage.values[at_280 - 10 : at_280 + 10])
    assert leakage == pytest.approx(LEAK * np.exp(-ACTIVATION / 8.314 * (1 / 280 - 1 / 300)), rel=0.03)
    steps = " ".join(found.coefficient.provenance.steps)
    for name in ("offset of the electrometer", "drift of the electrometer", "artefact: leakage", "thermal lag"):
        assert name in steps
    change = integrate_coefficient(found.coefficient)
    axis = found.coefficient.temperature
    assert np.ptp(change.values) == pytest.approx(np.trapezoid(peak(axis), axis), rel=0.005)


def test_one_run_alone_is_wrong_by_more():
    heating, _ = cycle()
    alone = pyroelectric_coefficient(heating, area=AREA)
    assert np.max(np.abs(relative_error(alone))) > 0.1


def test_a_swapped_sign_changes_only_the_sign():
    heating, cooling = cycle()
    plain, turned = (
        analyse_pair(heating, cooling, area=AREA, zero_window=(22, 45), polarity=sign).coefficient for sign in (1, -1)
    )
    np.testing.assert_array_equal(plain.values, -turned.values)
    rotated = analyse_pair(*cycle(sign=-1), area=AREA, zero_window=(22, 45))
    assert np.max(np.abs(relative_error(replace_sign(rotated.coefficient)))) < 0.01
    assert rotated.lag == pytest.approx(24.0, abs=0.3)


def replace_sign(measurement):
    from dataclasses import replace

    return replace(measurement, values=-measurement.values)


def test_no_lag_is_found_where_there_is_none():
    found = analyse_pair(*cycle(lag=0.0), area=AREA, zero_window=(22, 45))
    assert abs(found.lag) < 0.1
    assert "thermal lag" not in found.named


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_there_is_not_named(seed):
    found = analyse_pair(*cycle(lag=0.0, leak=0.0, seed=seed), area=AREA, zero_window=(22, 45))
    assert found.named == ("offset", "drift")
    assert "not found" in found.artefact("leakage").text
    assert abs(found.artefact("leakage").value) < 4 * found.artefact("leakage").sigma


def test_a_constant_p_does_not_show_a_lag():
    found = analyse_pair(*cycle(p=flat, lag=0.0), area=AREA)
    assert np.isnan(found.lag)
    assert "not determined" in found.artefact("thermal lag").text
    assert found.artefact("offset") is None
    assert "no zero_window" in " ".join(found.coefficient.provenance.steps)


def test_a_stated_lag_is_used():
    found = analyse_pair(*cycle(), area=AREA, zero_window=(22, 45), lag=24.0)
    assert found.lag == 24.0
    assert np.max(np.abs(relative_error(found.coefficient))) < 0.01


def test_charge_released_once_is_doubted_without_and_named_with_a_second_heating():
    heating, cooling, again = cycle(released=2e-12, runs=3)
    with pytest.warns(PyroelectricityWarning, match="released on one heating only"):
        doubted = analyse_pair(heating, cooling, area=AREA, zero_window=(22, 45))
    assert "unexplained" in doubted.named
    found = analyse_pair(heating, cooling, area=AREA, zero_window=(22, 45), second_heating=again)
    assert "thermally stimulated current" in found.named
    assert "unexplained" not in found.named
    assert np.max(np.abs(relative_error(found.coefficient))) < 0.01
    released = found.artefact("thermally stimulated current")
    assert released.value == pytest.approx(2e-12, rel=0.02)
    charge = 2e-12 * 15 * np.sqrt(2 * np.pi) / RATE
    assert released.polarization == pytest.approx(charge / AREA, rel=0.02)


def test_no_released_charge_is_named_where_there_is_none():
    heating, cooling, again = cycle(runs=3)
    found = analyse_pair(heating, cooling, area=AREA, zero_window=(22, 45), second_heating=again)
    assert "thermally stimulated current" not in found.named


def test_by_name_from_a_whole_log():
    heating, cooling = cycle()
    joined = Measurement(
        "current",
        np.concatenate([heating.values, cooling.values]),
        Conditions(
            np.concatenate([heating.temperature, cooling.temperature]),
            time=np.concatenate([heating.conditions.time, cooling.conditions.time]),
        ),
    )
    (found,) = reduce_current(joined, method="pair", area=AREA, zero_window=(22, 45))
    assert np.max(np.abs(relative_error(found))) < 0.01
    with pytest.raises(PyroelectricityError, match="one heating and one cooling run"):
        reduce_current(heating, method="pair", area=AREA)
    lagged = reduce_current(joined, area=AREA, lag=24.0)
    assert lagged[0].temperature[100] == pytest.approx(
        reduce_current(joined, area=AREA)[0].temperature[100] - 24 * RATE, abs=0.05
    )


def test_bad_input():
    heating, cooling = cycle()
    with pytest.raises(PyroelectricityError, match="one must be heated and the other cooled"):
        analyse_pair(heating, heating, area=AREA)
    with pytest.raises(PyroelectricityError, match="share no temperatures"):
        analyse_pair(heating[:500], cooling[:500], area=AREA)
    with pytest.raises(PyroelectricityError, match="electrode area is missing"):
        analyse_pair(heating, cooling)
    with pytest.raises(PyroelectricityError, match="two heating runs"):
        analyse_pair(heating, cooling, area=AREA, second_heating=cooling)
    with pytest.raises(PyroelectricityError, match="below 0 K"):
        sample_temperature(heating, 1e4)
