"""Sharp-Garn and Chynoweth on simulated logs, against the p they were simulated with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    PyroelectricityWarning,
    chynoweth,
    oscillation_frequency,
    reduce_current,
    sharp_garn,
)

AREA = 1e-5
BOLTZMANN_EV = 8.617333e-5


def coefficient(temperature):
    return 5e-5 * (1 + 2e-3 * (temperature - 280))


def simulated(*, tsc=10.0, ramp=1.0, noise=0.01, seed=1, frequency=0.01, amplitude=0.5, step=1.0, sign=1, lag=0.0):
    """Current of a wave on a ramp (K/min); the released current is at most `tsc` times the pyroelectric one."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, 3000.0, step)
    omega = 2 * np.pi * frequency
    rate = ramp / 60
    wave = amplitude / np.hypot(1, omega * lag)
    phase = omega * time - np.arctan(omega * lag)
    sample = 280 + rate * (time - lag) + wave * np.sin(phase)
    pyro = coefficient(sample) * AREA * (rate + wave * omega * np.cos(phase))
    largest = np.max(np.abs(pyro))
    released = np.exp(-0.6 / BOLTZMANN_EV * (1 / sample - 1 / sample.max()))
    released *= tsc * largest / released.max()
    sensor = 280 + rate * time + amplitude * np.sin(omega * time) + 0.1 * noise * rng.normal(size=time.size)
    current = sign * pyro + released + noise * largest * rng.normal(size=time.size)
    return Measurement("current", current, Conditions(sensor, time=time)), released


@pytest.mark.parametrize("ramp", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_released_current_ten_times_larger_is_separated_by_its_phase(ramp, seed):
    log, released = simulated(ramp=ramp, seed=seed)
    found = sharp_garn(log, area=AREA)
    truth = coefficient(found.coefficient.temperature)
    assert np.max(np.abs(found.coefficient.values / truth - 1)) < 0.02
    # and within what the result says about itself
    assert np.mean(np.abs(found.coefficient.values - truth) / found.coefficient.sigma) < 2.0
    assert found.artefacts == ("thermally stimulated current",)
    assert "thermally stimulated current" in " ".join(found.coefficient.provenance.steps)
    order = np.argsort(log.temperature)
    expected = np.interp(found.released.temperature, log.temperature[order], released[order])
    np.testing.assert_allclose(found.released.values, expected, rtol=0.02)
    assert np.all(found.in_phase > 0)


def test_without_a_released_current_nothing_is_named():
    log, _ = simulated(tsc=0.0, ramp=0.0)
    found = sharp_garn(log, area=AREA)
    assert found.artefacts == ()
    np.testing.assert_allclose(np.degrees(found.phase), 90.0, atol=1.5)
    np.testing.assert_allclose(found.coefficient.values, coefficient(280.0), rtol=0.01)


def test_a_swapped_sign_changes_only_the_sign():
    log, _ = simulated(tsc=0.0)
    plain, turned = (sharp_garn(log, area=AREA, polarity=polarity).coefficient for polarity in (1, -1))
    np.testing.assert_array_equal(plain.values, -turned.values)
    np.testing.assert_array_equal(plain.sigma, turned.sigma)
    mirrored, _ = simulated(tsc=0.0, sign=-1)
    other = sharp_garn(mirrored, area=AREA).coefficient
    np.testing.assert_allclose(other.values, -plain.values, rtol=0.02)


def test_a_known_lag_is_taken_off_the_phase():
    log, _ = simulated(tsc=0.0, lag=5.0, noise=0.0)
    wrong = sharp_garn(log, area=AREA).coefficient.values
    right = sharp_garn(log, area=AREA, thermal_lag=5.0).coefficient
    truth = coefficient(right.temperature)
    assert np.all(np.abs(wrong / truth - 1) > 0.05)
    np.testing.assert_allclose(right.values, truth, rtol=0.005)


@given(frequency=st.floats(2e-3, 4e-2), ramp=st.floats(-2.0, 2.0))
@settings(max_examples=25, deadline=None)
def test_the_frequency_is_found(frequency, ramp):
    log, _ = simulated(tsc=0.0, frequency=frequency, ramp=ramp, noise=0.001)
    assert oscillation_frequency(log) == pytest.approx(frequency, abs=2e-5)


def test_what_cannot_be_reduced():
    log, _ = simulated(tsc=0.0)
    still = Measurement("current", log.values, Conditions(np.full(len(log), 300.0), time=log.conditions.time))
    with pytest.raises(PyroelectricityError, match="no oscillation"):
        sharp_garn(still, area=AREA)
    with pytest.raises(PyroelectricityError, match=r"does not oscillate at 0\.02 Hz"):
        sharp_garn(log, area=AREA, frequency=0.02, periods=6)
    with pytest.raises(PyroelectricityError, match="electrode area is missing"):
        sharp_garn(log)
    coarse, _ = simulated(tsc=0.0, step=25.0)
    with pytest.raises(PyroelectricityError, match="at least 6 a period"):
        sharp_garn(coarse, area=AREA, frequency=0.01)
    with pytest.raises(PyroelectricityError, match="less than 100 periods"):
        sharp_garn(log, area=AREA, periods=100)


def test_large_oscillations_are_doubted():
    log, _ = simulated(tsc=0.0, amplitude=2.0)
    with pytest.warns(PyroelectricityWarning, match="oscillates by 2 K"):
        sharp_garn(log, area=AREA)


def test_a_steep_ramp_is_doubted():
    log, _ = simulated(ramp=2.0, amplitude=0.2)
    with pytest.warns(PyroelectricityWarning, match="times the amplitude of the oscillation"):
        sharp_garn(log, area=AREA)


def test_by_name_from_a_manifest_or_the_command_line():
    log, _ = simulated()
    (found,) = reduce_current(log, method="sharp_garn", area=AREA, period=100.0, periods=2)
    assert np.max(np.abs(found.values / coefficient(found.temperature) - 1)) < 0.03
    with pytest.raises(PyroelectricityError, match="no option zero_window"):
        reduce_current(log, method="sharp_garn", area=AREA, zero_window=(10, 60))
    with pytest.raises(PyroelectricityError, match="gives a pyroelectric_coefficient"):
        reduce_current(log, method="sharp_garn", quantity="polarization_change", area=AREA)


# Chynoweth


def chopped(p=3.4e-5, power=1e-3, heat=1.8e6, thickness=2e-4, frequency=0.5, tau=np.inf):
    time = np.arange(0.0, 60.0, 0.02)
    omega = 2 * np.pi * frequency
    gain = 1.0 if np.isinf(tau) else omega * tau / np.hypot(1.0, omega * tau)
    current = p * power / (heat * thickness) * gain * np.sin(omega * time + 0.3)
    return Measurement("current", current, Conditions(np.full(time.size, 300.0), time=time))


@pytest.mark.parametrize("tau", [np.inf, 0.5])
def test_chynoweth_is_absolute_with_the_absorbed_power(tau):
    found = chynoweth(
        chopped(tau=tau),
        frequency=0.5,
        power=1e-3,
        waveform="sine",
        volumetric_heat_capacity=1.8e6,
        thickness=2e-4,
        thermal_time=None if np.isinf(tau) else tau,
    )
    np.testing.assert_allclose(found.coefficient.values, 3.4e-5, rtol=1e-6)


def test_chynoweth_is_relative_without():
    found = chynoweth(chopped(), frequency=0.5)
    assert found.coefficient is None
    assert "relative" in " ".join(found.amplitude.provenance.steps)
    np.testing.assert_allclose(found.amplitude.values, 3.4e-5 * 1e-3 / (1.8e6 * 2e-4), rtol=1e-6)
    turned = chynoweth(chopped(p=-3.4e-5), frequency=0.5)
    np.testing.assert_allclose(np.abs(np.angle(np.exp(1j * (turned.phase - found.phase)))), np.pi, atol=1e-6)
    with pytest.raises(PyroelectricityError, match="missing: volumetric_heat_capacity, thickness"):
        chynoweth(chopped(), frequency=0.5, power=1e-3)
