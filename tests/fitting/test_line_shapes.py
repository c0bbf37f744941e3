"""Lines: areas, widths, limits and derivatives against quadrature and differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import voigt_profile

from labile.core.parameters import ParameterError
from labile.fitting.line_shapes import SIGMA_OF_FWHM, gaussian, lorentzian, pearson_vii, pseudo_voigt, voigt

CASES = {
    "lorentzian": (lorentzian, (0.3, 0.7)),
    "gaussian": (gaussian, (0.3, 0.7)),
    "voigt": (voigt, (0.3, 0.7, 0.2)),
    "pseudo_voigt": (pseudo_voigt, (0.3, 0.7, 0.35)),
    "pearson_vii": (pearson_vii, (0.3, 0.7, 1.7)),
}


@pytest.mark.parametrize("name", CASES)
def test_unit_area(name):
    shape, arguments = CASES[name]
    # x = centre + tan t, so that the tails are counted
    area, _ = quad(
        lambda t: float(shape(arguments[0] + math.tan(t), *arguments).value) / math.cos(t) ** 2,
        -math.pi / 2,
        math.pi / 2,
    )
    assert area == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("name", CASES)
@given(x=st.floats(-3, 3), centre=st.floats(-1, 1), width=st.floats(0.1, 2), shape_parameter=st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_derivatives(name, x, centre, width, shape_parameter):
    shape = CASES[name][0]
    arguments = [centre, width, shape_parameter + (0.6 if name == "pearson_vii" else 0.0)][: len(CASES[name][1])]
    line = shape(x, *arguments)
    scale = float(shape(centre, *arguments).value)
    for i, exact in enumerate(line[1 : 1 + len(arguments)]):
        h = 1e-5

        def moved(f, i=i, h=h):
            changed = list(arguments)
            changed[i] += f * h
            return float(shape(x, *changed).value)

        found = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)
        # round-off of the difference: 1e-16 of the height over h
        assert float(exact) == pytest.approx(found, abs=1e-8 * max(scale, 1.0) / min(width, 1) ** 2 + 1e-8)


@pytest.mark.parametrize(
    "shape", [lorentzian, lambda x, c, w: pseudo_voigt(x, c, w, 0.4), lambda x, c, w: pearson_vii(x, c, w, 2.5)]
)
def test_full_width_at_half_maximum(shape):
    line = shape(np.array([0.0, 0.35, -0.35]), 0.0, 0.7).value
    np.testing.assert_allclose(line[1:] / line[0], 0.5, rtol=1e-12)


def test_limits():
    x = np.linspace(-4, 4, 201)
    np.testing.assert_allclose(voigt(x, 0.1, 0.6, 0.4).value, voigt_profile(x - 0.1, 0.4, 0.3), rtol=1e-12)
    np.testing.assert_allclose(voigt(x, 0, 1e-9, 0.4).value, gaussian(x, 0, 0.4).value, atol=1e-8)
    np.testing.assert_allclose(pseudo_voigt(x, 0, 0.6, 1.0).value, lorentzian(x, 0, 0.6).value, rtol=1e-12)
    np.testing.assert_allclose(
        pseudo_voigt(x, 0, 0.6, 0.0).value, gaussian(x, 0, 0.6 * SIGMA_OF_FWHM).value, rtol=1e-12
    )
    np.testing.assert_allclose(pearson_vii(x, 0, 0.6, 1.0).value, lorentzian(x, 0, 0.6).value, rtol=1e-12)


def test_published_areas():
    """SCIENCE X1 and X2: area over height and FWHM."""
    assert 1 / float(pseudo_voigt(0.0, 0.0, 1.0, 0.5).value) == pytest.approx(1.317632, abs=1e-6)
    assert 1 / float(pearson_vii(0.0, 0.0, 1.0, 2.0).value) == pytest.approx(1.220331, abs=1e-6)


def test_many_lines_at_once():
    x = np.linspace(-1, 1, 7)
    centres, widths = np.array([[-0.2], [0.4]]), np.array([[0.3], [0.5]])
    line = lorentzian(x, centres, widths)
    assert line.value.shape == line.d_centre.shape == (2, 7)
    np.testing.assert_array_equal(line.value[1], lorentzian(x, 0.4, 0.5).value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: lorentzian(0, 0, 0),
        lambda: gaussian(0, 0, -1),
        lambda: voigt(0, 0, 1, 0),
        lambda: pseudo_voigt(0, 0, 1, 1.2),
        lambda: pearson_vii(0, 0, 1, 0.5),
        lambda: lorentzian(0, 0, math.nan),
    ],
)
def test_widths_that_cannot_be(call):
    with pytest.raises(ParameterError):
        call()
