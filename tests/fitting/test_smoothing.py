"""Local polynomials against scipy's Savitzky-Golay filter and exact polynomials; integrals against dense algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from labile.fitting.smoothing import SmoothingError, local_polynomial, running_integral


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("window", [5, 9, 15])
def test_even_grid_is_savitzky_golay(window, order):
    y = np.random.default_rng(1).normal(size=60).cumsum()
    fit = local_polynomial(np.arange(60) * 0.5, y, window=window, order=order)
    np.testing.assert_allclose(fit.values, savgol_filter(y, window, order), rtol=0, atol=1e-10)
    expected = savgol_filter(y, window, order, deriv=1, delta=0.5)
    np.testing.assert_allclose(fit.derivative, expected, rtol=0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_polynomials_are_exact_on_uneven_grids(seed, order):
    rng = np.random.default_rng(seed)
    x = 1e4 + np.cumsum(rng.uniform(0.2, 3.0, 40))
    shape = np.polynomial.Polynomial(rng.normal(size=order + 1), domain=[x[0], x[-1]])
    fit = local_polynomial(x, shape(x), window=9, order=order)
    np.testing.assert_allclose(fit.values, shape(x), rtol=0, atol=1e-9)
    np.testing.assert_allclose(fit.derivative, shape.deriv()(x), rtol=0, atol=1e-9)


def test_stated_uncertainty_is_the_scatter_of_many_logs():
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.uniform(0.5, 1.5, 80))
    slopes = []
    noise = []
    for _ in range(400):
        fit = local_polynomial(x, 0.08 * x + rng.normal(0, 0.01, 80), window=11)
        slopes.append(fit.derivative)
        noise.append(fit.noise)
    stated = local_polynomial(x, 0.08 * x, window=11, sigma=0.01).sigma_derivative
    # 400 samples give a standard deviation to 3.5 %; 80 points of them: 4 of these
    np.testing.assert_allclose(np.std(slopes, axis=0), stated, rtol=0.15)
    assert np.mean(noise) == pytest.approx(0.01, rel=0.02)


def test_running_integral_against_dense_weights():
    rng = np.random.default_rng(4)
    x = np.cumsum(rng.uniform(0.5, 1.5, 25))
    y, sigma = rng.normal(size=25), rng.uniform(0.1, 0.3, 25)
    start = 9
    value, spread = running_integral(x, y, origin=x[start], sigma=sigma)
    for end in range(25):
        low, high = sorted((start, end))
        weight = np.zeros(25)
        for k in range(low, high):
            weight[k] += 0.5 * (x[k + 1] - x[k])
            weight[k + 1] += 0.5 * (x[k + 1] - x[k])
        weight *= 1 if end >= start else -1
        assert value[end] == pytest.approx(weight @ y, abs=1e-12)
        if end != start:
            assert spread[end] == pytest.approx(np.linalg.norm(weight * sigma), rel=1e-12)


def test_running_integral_between_points_is_exact_for_a_line():
    x = np.array([0.0, 1.0, 3.0, 4.0])
    value, _ = running_integral(x, 2 * x, origin=1.7)
    np.testing.assert_allclose(value, x**2 - 1.7**2, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0, 1.0, 2.0, 3.0], np.zeros(5)), "at point 3"),
        (([0.0, 1.0, 2.0], [0.0, np.nan, 1.0]), "not finite"),
        (([0.0], [0.0]), "at least 2 points"),
        ((np.arange(4.0), np.zeros(4)), "odd number of points"),
    ],
)
def test_bad_series(arguments, message):
    with pytest.raises(SmoothingError, match=message):
        local_polynomial(*arguments)


def test_origin_outside():
    with pytest.raises(SmoothingError, match="outside the data"):
        running_integral(np.arange(3.0), np.zeros(3), origin=5.0)


def test_order_and_sigma_are_checked():
    with pytest.raises(SmoothingError, match="at least 1"):
        local_polynomial(np.arange(20.0), np.zeros(20), order=0)
    with pytest.raises(SmoothingError, match="not negative"):
        local_polynomial(np.arange(20.0), np.zeros(20), sigma=-1.0)
