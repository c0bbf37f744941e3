import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.pre_edge import (
    EDGES,
    Peak,
    PreEdgeModel,
    area_factor,
    equivalent_exponent,
    profile,
    rising_edge,
)

SHAPES = [
    ("edgfit50", 0.0), ("pseudo_voigt", 0.3), ("pearson_vii", 1.4), ("pearson_vii", 6.0), ("voigt", 0.4),
    ("gauss", 0.0), ("lorentz", 0.0),
]  # fmt: skip


def test_area_factors():
    """SCIENCE X1, X2 and the table of section 4."""
    assert area_factor() == pytest.approx(1.317632, abs=1e-6)
    assert area_factor("pearson_vii", 2.0) == pytest.approx(1.220331, abs=1e-6)
    for m, factor in ((1, 1.570796), (1.5, 1.304766), (3, 1.155395), (5, 1.113845), (10, 1.087459), (1e7, 1.064467)):
        assert area_factor("pearson_vii", m) == pytest.approx(factor, abs=1e-6)


def test_the_pearson_line_nearest_to_50_50():
    """SCIENCE X3."""
    exponent, height, width = equivalent_exponent()
    assert exponent == pytest.approx(1.7301, abs=1e-3)
    assert height == pytest.approx(1.0082, abs=1e-4)
    assert width == pytest.approx(0.9762, abs=1e-4)
    x = np.linspace(-6, 6, 2401)
    off = height * profile(x, 0.0, width, "pearson_vii", exponent).value - profile(x, 0.0, 1.0).value
    assert np.abs(off).max() == pytest.approx(0.014, abs=0.001)


@pytest.mark.parametrize(("lineshape", "shape"), SHAPES)
def test_lines_have_height_width_and_area(lineshape, shape):
    top, half = profile(np.array([3.0, 3.65]), 3.0, 1.3, lineshape, shape).value
    assert top == pytest.approx(1.0, abs=1e-12)
    assert half == pytest.approx(0.5, abs=2e-4 if lineshape == "voigt" else 1e-12)
    area = 2 * quad(lambda x: float(profile(np.array([x]), 0.0, 1.3, lineshape, shape).value[0]), 0, np.inf)[0]
    assert area / 1.3 == pytest.approx(area_factor(lineshape, shape), rel=1e-6)


@pytest.mark.parametrize("kind", EDGES)
def test_edges_are_half_way_or_at_the_top(kind):
    value = rising_edge(kind, np.array([-1e7, 5.0, 1e7]), 5.0, 2.0)[0]
    assert value == pytest.approx([0, 1, 0] if kind == "pseudo_voigt" else [0, 0.5, 1], abs=1e-6)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("lineshape", "shape"), SHAPES)
def test_derivatives(edge, lineshape, shape):
    model = PreEdgeModel(
        (Peak("a", 7112.0 * EV, 1.1 * EV, 0.03), Peak("b", 7113.5 * EV, 1.6 * EV, 0.05)), lineshape, shape, (edge, edge)
    )
    parameters = model.parameters((7108 * EV, 7118 * EV))
    values = parameters.expand(parameters.vector)
    values[parameters.index("background.slope")] = 1e-3 / EV
    energy = np.linspace(7108, 7118, 31) * EV
    curve, jacobian = model.evaluate(energy, values, 7113 * EV)
    assert curve.shape == (31,)
    for i, name in enumerate(parameters.names):
        step = 1e-4 * (EV if name.endswith(("energy", "fwhm")) else 1 / EV if name.endswith("slope") else 1.0)
        moved = np.zeros(values.size)
        moved[i] = step
        high, low = (model.evaluate(energy, values + s * moved, 7113 * EV)[0] for s in (1, -1))
        scale = np.abs(jacobian[:, i]).max()
        assert np.abs((high - low) / (2 * step) - jacobian[:, i]).max() < 2e-6 * scale + 1e-12, name
    areas, slopes = model.peak_areas(values)
    assert areas[1] == pytest.approx(area_factor(lineshape, shape) * 1.6 * EV * 0.05)
    for i in range(values.size):
        moved = np.zeros(values.size)
        moved[i] = 1e-5 * (EV if i < 6 and i % 3 < 2 else 1.0)
        change = (model.peak_areas(values + moved)[0] - model.peak_areas(values - moved)[0]) / (2 * moved[i])
        if not (i == values.size - 1 and not model.shape_name):
            assert change == pytest.approx(slopes[:, i], rel=1e-5, abs=1e-9 * np.abs(slopes).max())


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0.3, 4.0))
def test_voigt_width_holds(share, width):
    half = profile(np.array([0.5 * width]), 0.0, width, "voigt", share).value[0]
    assert half == pytest.approx(0.5, abs=3e-4)


@pytest.mark.parametrize("m", [0.5, 0.2, -1.0, float("nan")])
def test_an_exponent_of_at_most_a_half_is_refused(m):
    with pytest.raises(XasError, match="above 1/2"):
        area_factor("pearson_vii", m)
    with pytest.raises(XasError, match="above 1/2"):
        PreEdgeModel((), "pearson_vii", m)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"lineshape": "pearson"}, "unknown line shape"),
        ({"lineshape": "pseudo_voigt", "shape": 1.2}, "share of a pseudo-Voigt"),
        ({"lineshape": "voigt", "shape": 0.0}, "'gauss' and 'lorentz'"),
        ({"edge": "spline"}, "unknown rising edge"),
        ({"peaks": (Peak("edge", 7112 * EV),)}, "names of peaks"),
        ({"peaks": (Peak("a", 7112 * EV), Peak("a", 7113 * EV))}, "names of peaks"),
    ],
)
def test_bad_models(options, match):
    with pytest.raises(XasError, match=match):
        PreEdgeModel(**options)


def test_peaks_outside_the_window():
    window = (7108 * EV, 7116 * EV)
    with pytest.raises(XasError, match=r"'a' at 7120 eV lies outside the window 7108\.00 to 7116\.00"):
        PreEdgeModel((Peak("a", 7120 * EV),)).parameters(window)
    with pytest.raises(XasError, match=r"give energies in J"):
        PreEdgeModel((Peak("a", 7112.0),)).parameters(window)
    with pytest.raises(XasError, match="FWHM of"):
        PreEdgeModel((Peak("a", 7112 * EV, 20 * EV),)).parameters(window)
