"""Laws of relaxation against numbers of others, scipy's integrator and finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.models.relaxation import (
    LAWS,
    RelaxationError,
    activated_rate,
    decay_on_heating,
    self_accelerated,
    single_exponential,
    stretched_exponential,
    time_to_fraction,
)

TIMES = np.array([1000.0, 3000.0, 6000.0, 10000.0])
PER_CM = 11.962656


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.0, [0.90484, 0.74082, 0.54881, 0.36788]),
        (2.0, [0.89485, 0.65285, 0.26020, 0.02346]),
        (4.0, [0.88143, 0.37082, 0.0, 0.0]),
    ],
)
def test_published_sigmoids(alpha, expected):
    assert self_accelerated(TIMES, 1e-4, alpha) == pytest.approx(expected, abs=6e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(-8, 12), st.floats(0.01, 1.0), st.floats(-6, 1))
def test_self_acceleration_is_the_integral_of_its_law(alpha, start, log_rate):
    rate = 10.0**log_rate
    times = np.array([0.0, 0.1, 0.5, 0.9, 1.0]) * time_to_fraction(0.03 * start, rate, alpha, start=start)
    reference = solve_ivp(
        lambda t, y: -rate * np.exp(alpha * (1 - np.exp(y))), (0, times[-1]), [np.log(start)], method="LSODA",
        t_eval=times, rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    n = self_accelerated(times, rate, alpha, start=start)
    # the end of a steep sigmoid magnifies what the reference loses at its beginning
    assert np.log(n) == pytest.approx(reference.y[0], abs=1e-8 * np.exp(max(alpha, 0)), rel=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.floats(-20, 15), st.floats(0.05, 1.0), st.floats(0.001, 1.0))
def test_time_to_a_fraction_is_the_inverse(alpha, start, share):
    fraction = start * share
    time = time_to_fraction(fraction, 1e-3, alpha, start=start)
    assert self_accelerated(time, 1e-3, alpha, start=start)[0] == pytest.approx(fraction, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("single_exponential", {"rate": 2e-4, "start": 0.9, "end": 0.1}),
        ("stretched_exponential", {"rate": 2e-4, "exponent": 0.6, "start": 0.9, "end": 0.1}),
        ("stretched_exponential", {"rate": 2e-4, "exponent": 1.4, "start": 1.0, "end": 0.0}),
        ("self_accelerated", {"rate": 1e-4, "acceleration": 2.5, "start": 0.95}),
        ("self_accelerated", {"rate": 1e-4, "acceleration": 0.0, "start": 0.95}),
        ("self_accelerated", {"rate": 1e-4, "acceleration": -3.0, "start": 0.95}),
    ],
)
def test_derivatives_of_the_laws(name, values):
    law = LAWS[name]
    assert set(law.parameters) == set(values)
    decay = law.evaluate(TIMES, **values)
    assert set(decay.slopes) == set(values)
    for key, value in values.items():
        h = 1e-5 * max(abs(value), 1e-2) if key != "rate" else 1e-5 * value
        plus, minus = (law.evaluate(TIMES, **{**values, key: value + s * h}).fraction for s in (1, -1))
        assert decay.slopes[key] == pytest.approx((plus - minus) / (2 * h), rel=1e-6, abs=1e-8)
    plus, minus = (law.evaluate(TIMES + s * 0.5, **values).fraction for s in (1, -1))
    assert decay.change == pytest.approx(plus - minus, rel=1e-6, abs=1e-12)


def test_limits_of_the_laws():
    assert stretched_exponential(TIMES, 1e-4, 1.0) == pytest.approx(single_exponential(TIMES, 1e-4), abs=1e-14)
    assert self_accelerated(TIMES, 1e-4, 0.0) == pytest.approx(single_exponential(TIMES, 1e-4), abs=1e-13)
    assert self_accelerated(TIMES, 1e-4, 1e-7) == pytest.approx(single_exponential(TIMES, 1e-4), abs=1e-7)
    assert self_accelerated([0.0, 1e9], 1e-4, 5.0).tolist() == [1.0, 0.0]
    assert stretched_exponential([0.0], 1e-4, 0.5).tolist() == [1.0]
    # two hundred, four hundred: the fall is over in a blink, and still the solver lands on it
    for steep in (200.0, 400.0):
        fall = time_to_fraction([0.999, 0.5, 1e-5], 1e-3, steep)
        assert np.all(np.diff(self_accelerated(np.append(0.0, fall), 1e-3, steep)) <= 0)
        assert self_accelerated(fall[:1], 1e-3, steep)[0] == pytest.approx(0.999, rel=1e-9)
    assert np.isinf(time_to_fraction(0.5, 0.0)[0])
    assert self_accelerated(TIMES, 0.0, 3.0).tolist() == [1.0] * 4
    for law in LAWS.values():
        still = law.evaluate(
            [0.0, 10.0], **{name: {"exponent": 0.5, "start": 1.0}.get(name, 0.0) for name in law.parameters}
        )
        assert all(np.all(np.isfinite(slope)) for slope in still.slopes.values())


@pytest.mark.parametrize(("energy", "prefactor", "half", "steepest"), [(900, 1e7, 57.2, 57.9), (600, 1e6, 42.8, 43.4)])
def test_published_t_liesst(energy, prefactor, half, steepest):
    temperature = np.linspace(10.0, 80.0, 70001)
    n = decay_on_heating(temperature, 0.3 / 60, prefactor, energy * PER_CM, tunnelling_rate=1e-6)
    assert temperature[np.argmin(np.abs(n - 0.5))] == pytest.approx(half, abs=0.06)
    assert temperature[np.argmin(np.gradient(n, temperature))] == pytest.approx(steepest, abs=0.06)


def test_decay_on_heating_is_the_integral_of_the_rate():
    def rate(t):
        return float(activated_rate(t, 1e7, 900 * PER_CM, tunnelling_rate=1e-6))

    for t in (30.0, 55.0, 60.0):
        area = quad(rate, 10.0, t, epsabs=0, epsrel=1e-12, limit=200)[0]
        n = decay_on_heating([10.0, t], 0.005, 1e7, 900 * PER_CM, tunnelling_rate=1e-6, start=0.8)
        assert n[1] == pytest.approx(0.8 * np.exp(-area / 0.005), rel=1e-9)
    flat = decay_on_heating([10.0, 20.0], 0.5, 2e-3, 0.0)
    assert flat[1] == pytest.approx(np.exp(-2e-3 * 10 / 0.5), rel=1e-12)


def test_pressure_multiplies_the_rate():
    volume, t = -1.5e-5, 40.0
    pressures = AMBIENT_PRESSURE + np.array([0.0, 1e7])
    slow, fast = activated_rate(t, 1e6, 5e3, activation_volume=volume, pressure=pressures)
    assert np.log(fast / slow) == pytest.approx(1e7 * 1.5e-5 / (GAS_CONSTANT * t), rel=1e-12)
    # a plateau does not know the temperature, nor does its answer to pressure
    for kelvin in (2.0, 10.0):
        plateau = activated_rate(
            kelvin, 1e6, 1e5, tunnelling_rate=1e-6, tunnelling_pressure_slope=3e-8, activation_volume=volume,
            pressure=pressures,
        )  # fmt: skip
        assert plateau == pytest.approx([1e-6, 1e-6 * np.exp(0.3)], rel=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: single_exponential([-1.0], 1e-3), "times"),
        (lambda: single_exponential([1.0], -1e-3), "rate"),
        (lambda: single_exponential([1.0], float("nan")), "rate"),
        (lambda: stretched_exponential([1.0], 1e-3, 0.0), "exponent"),
        (lambda: self_accelerated([1.0], 1e-3, 2.0, start=1.5), "start"),
        (lambda: self_accelerated([1.0], 1e-3, 1e4), "acceleration"),
        (lambda: time_to_fraction(0.9, 1e-3, start=0.5), "fractions"),
        (lambda: decay_on_heating([20.0, 10.0], 0.005, 1e7, 1e4), "must not fall"),
        (lambda: decay_on_heating([10.0, 20.0], 0.0, 1e7, 1e4), "heating_rate"),
        (lambda: activated_rate(0.0, 1e7, 1e4), "temperature"),
        (lambda: activated_rate(10.0, -1.0, 1e4), "prefactor"),
    ],
)
def test_impossible_input_is_refused(call, says):
    with pytest.raises(RelaxationError, match=says):
        call()
