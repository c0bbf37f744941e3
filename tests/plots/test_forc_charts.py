"""Charts of first-order reversal curves, of simulated curves."""

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.plots import matplotlib_renderer, plotly_renderer
from labile.plots.figure import Map
from labile.plots.forc_charts import measured_density_figures, reversal_figures
from labile.techniques.magnetometry import reduce_reversals, reversal_distribution


def family(heating):
    curves = []
    for reversal in np.arange(110.0, 140.0, 2.0):
        t = np.arange(reversal, 170.0) if heating else np.arange(reversal, 80.0, -1.0)
        n = 1 / (1 + np.exp((125.0 - reversal) / 3)) + 1 / (1 + np.exp((155.0 - t) / 3)) if heating else t / 170.0
        curves.append(
            Measurement("high_spin_fraction", n, Conditions(t), sigma=0.01, branch="heating" if heating else "cooling")
        )
    return curves


def test_density_stands_over_the_temperatures_at_which_hysterons_switch():
    for heating in (True, False):
        found = reversal_distribution(family(heating), smoothing=1)
        figures = {figure.key: figure for figure in reversal_figures(found, family(heating))}
        assert list(figures) == ["reversal_curves", "switching_density", "switching_bias", "switching_coercivity"]
        (drawn,) = figures["switching_density"].panels[0].of_kind(Map)
        down, up = (found.reversal, found.temperature) if heating else (found.temperature, found.reversal)
        assert set(drawn.x) <= set(down)
        assert set(drawn.y) <= set(up)
        i, j = 4, len(found.temperature) // 2
        if np.isfinite(found.density[i, j]):
            x, y = (found.reversal[i], found.temperature[j])[:: 1 if heating else -1]
            assert drawn.values[list(drawn.y).index(y), list(drawn.x).index(x)] == found.density[i, j]
        assert f"on {found.direction}" in figures["switching_density"].caption


def test_measurements_of_a_density_give_the_same_map():
    for heating in (True, False):
        found = reversal_distribution(family(heating), smoothing=1)
        (figure,) = measured_density_figures(reduce_reversals(family(heating), smoothing=1))
        (drawn,) = figure.panels[0].of_kind(Map)
        whole = next(f for f in reversal_figures(found) if f.key == "switching_density")
        (expected,) = whole.panels[0].of_kind(Map)
        np.testing.assert_allclose(drawn.values, expected.values)
    assert measured_density_figures(reduce_reversals(family(True), smoothing=1)[:1]) == ()


def test_both_renderers_draw_them():
    for figure in reversal_figures(reversal_distribution(family(True), smoothing=1)):
        assert matplotlib_renderer.figure_bytes(figure, "png", dpi=50).startswith(b"\x89PNG")
        assert plotly_renderer.figure_dict(figure)["data"]
