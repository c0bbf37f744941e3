"""What the charts of lifetimes and of steady states under light show."""

import numpy as np
import pytest

from labile.diagrams.light_map import LifetimeContour, LifetimeMap, LightMap
from labile.plots import matplotlib_renderer, plotly_renderer
from labile.plots.figure import Line, Map, Points
from labile.plots.light_charts import lifetime_figure, light_figure

PRESSURE = np.array([1e8, 2e8, 3e8])


def lifetimes(contour):
    time = np.array([[1e3, 1e2, np.nan], [np.inf, 1.0, 1e-2]])
    return LifetimeMap(
        ("HS",), np.array([50.0, 60.0]), PRESSURE, time, np.zeros((2, 3), dtype=int), (contour,),
        np.array([55.0, np.nan, 52.0]), ("", "nothing falls", ""), 0.005,
    )  # fmt: skip


def steady(windows):
    populations = np.full((2, 3, 2, 2), np.nan)
    populations[:, :, 0] = [0.9, 0.1]
    populations[1, 1, 1] = [0.2, 0.8]
    count = np.array([[1, 1, 1], [1, 2, 1]])
    ends = np.array(windows).reshape(-1, 3).T
    return LightMap(
        ("LS", "HS"), np.array([40.0, 50.0, 60.0]), np.array([0.0, 1e20]), populations, count, *ends, ("", "")
    )


def test_lifetimes_are_drawn_in_decades_and_field_units():
    figure = lifetime_figure(lifetimes(LifetimeContour(3600.0, PRESSURE[:2], np.array([53.0, 51.0]), "")))
    (drawn,) = figure.panels[0].of_kind(Map)
    assert drawn.x == pytest.approx([1.0, 2.0, 3.0])
    assert drawn.values[0, :2] == pytest.approx([3.0, 2.0])
    assert np.isnan(drawn.values[1, 0])
    contour, liesst = figure.panels[0].of_kind(Line)
    assert contour.name == "1 h"
    assert contour.y.tolist() == [53.0, 51.0]
    assert np.isnan(liesst.y[1])
    assert "At 1 of 3 pressures there is no T(LIESST)" in figure.caption
    assert "0.3 K/min" in figure.caption


def test_a_contour_that_is_no_function_of_pressure_is_not_joined():
    twice = LifetimeContour(60.0, PRESSURE[[0, 0]], np.array([51.0, 58.0]), "")
    (points,) = lifetime_figure(lifetimes(twice)).panels[0].of_kind(Points)
    assert points.name == "1 min"


def test_bistable_windows_have_a_panel_of_their_own():
    figure = light_figure(steady([[1e20, 48.0, 52.0]]), "HS")
    assert len(figure.panels) == 2
    low, high = figure.panels[1].series
    assert (low.x.tolist(), high.x.tolist(), low.y.tolist()) == ([48.0], [52.0], [16.0])
    assert [s.name for s in figure.panels[0].series] == ["dark", "log₁₀(Φ/cm⁻² s⁻¹) = 16.00"]
    assert sorted(figure.panels[0].series[1].y.tolist()) == [0.1, 0.1, 0.1, 0.8]


def test_without_a_window_the_caption_says_so():
    figure = light_figure(steady([]), "HS")
    assert len(figure.panels) == 1
    assert "Nowhere between 40 and 60 K" in figure.caption


@pytest.mark.parametrize(
    "figure",
    [
        lifetime_figure(lifetimes(LifetimeContour(60.0, PRESSURE, np.array([58.0, 57.0, 56.0]), ""))),
        light_figure(steady([[1e20, 48.0, 52.0]]), "HS"),
    ],
    ids=["lifetimes", "steady states"],
)
def test_both_renderers_draw_them(figure):
    assert matplotlib_renderer.figure_bytes(figure, "pdf").startswith(b"%PDF")
    assert "heatmap" in plotly_renderer.figure_json(figure) or len(plotly_renderer.figure_dict(figure)["data"]) > 2
