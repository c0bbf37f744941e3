"""Charts of diagrams: areas, lines, points; both renderers draw them."""

import numpy as np
import plotly.graph_objects
import pytest

from labile.core.constants import AMBIENT_PRESSURE
from labile.diagrams.experimental_points import ExperimentalPoint, judge_points
from labile.diagrams.line_bands import line_bands
from labile.diagrams.phase_diagram import phase_diagram
from labile.diagrams.stability import stability_map
from labile.models.library import real_bolvin_dinuclear, slichter_drickamer
from labile.plots.diagram_charts import diagram_figures
from labile.plots.figure import ChartError, Line, Map, Points, Regions
from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.plotly_renderer import figure_dict

VALUES = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
UNITS = (("pressure", "kbar"), ("temperature", "K"))


@pytest.fixture(scope="module")
def figures():
    model = slichter_drickamer()
    axes = {"pressure": np.linspace(0.0, 8e8, 17), "temperature": np.linspace(200.0, 400.0, 41)}
    lines = phase_diagram(model, VALUES, (200.0, 400.0), (0.0, 8e8))
    bands = line_bands(lines, [{"HS.enthalpy": 15e3 + shift} for shift in (-100.0, 0.0, 100.0)])
    points = [
        ExperimentalPoint("XRD", 300.0, 2e8, states=("HS",)),
        ExperimentalPoint("laser", 210.0, AMBIENT_PRESSURE, True, ("HS",)),
        ExperimentalPoint("Raman", 210.0, AMBIENT_PRESSURE, False, ("HS",)),
    ]
    found = stability_map(model, VALUES, axes)
    return diagram_figures("t_p", "Two states", found, UNITS, lines, judge_points(model, VALUES, points), bands)


def test_areas_follow_the_stable_state(figures):
    (regions,) = figures[0].panels[0].of_kind(Regions)
    assert regions.index.shape == (41, 17)
    assert regions.names[regions.index[0, 0]] == "LS"
    assert regions.names[regions.index[-1, 0]] == "HS"
    assert {"LS, HS metastable", "HS, LS metastable"} <= set(regions.names)


def test_lines_are_in_field_units_with_bands(figures):
    lines = {line.name: line for line in figures[0].panels[0].of_kind(Line)}
    line = lines["T½: LS ⇌ HS"]
    assert line.x.min() == pytest.approx(0.0, abs=1e-12)
    assert line.x.max() == pytest.approx(6.65, abs=0.005)
    # 100 J/mol of the enthalpy are 1.67 K of T1/2; 68 % of three samples lie within 0.68 of the outer ones
    assert line.sigma[np.argmin(line.x)] == pytest.approx(0.68 * 100 / 60, rel=1e-3)
    assert "limit of HS on cooling" in lines


def test_points_are_numbered_and_explained(figures):
    points = {one.name: one for one in figures[0].panels[0].of_kind(Points)}
    assert points["seen, stable"].labels == ("1",)
    assert points["seen, no minimum, light"].labels == ("2",)
    assert points["seen, impossible"].labels == ("3",)
    assert "3 Raman (impossible)" in figures[0].caption


def test_populations_are_surfaces(figures):
    surfaces = [panel.of_kind(Map)[0] for panel in figures[1].panels]
    assert [one.symbol for one in surfaces] == ["x(LS)", "x(HS)"]
    assert np.allclose(surfaces[0].values + surfaces[1].values, 1.0, atol=1e-9)


def test_both_renderers_draw_them(figures):
    for figure in figures:
        assert figure_bytes(figure, "svg").startswith(b"<?xml")
        drawn = plotly.graph_objects.Figure(figure_dict(figure))
        assert any(trace.type == "heatmap" for trace in drawn.data)
    bars = [t.colorbar for t in plotly.graph_objects.Figure(figure_dict(figures[1])).data if t.type == "heatmap"]
    # one colour bar beside each panel
    assert bars[0].y > bars[1].y + 0.3


def test_images_of_an_ordered_minimum_are_one_area():
    values = {
        "site.enthalpy": 8e3, "site.entropy": 50.0, "site.volume": 1e-5, "molecule.volume": 0.0,
        "molecule.intramolecular_interaction": -1500.0, "site.interaction": 1000.0,
        "molecule.staggered_interaction": 1200.0, "molecule.staggered_interaction_pressure_slope": 0.0,
    }  # fmt: skip
    model = real_bolvin_dinuclear()
    axes = {"temperature": np.linspace(140.0, 220.0, 17), "pressure": np.linspace(0.0, 5e7, 9)}
    found = stability_map(model, values, axes)
    chart = diagram_figures("d", "Two sites", found, UNITS)[0].panels[0]
    (regions,) = chart.of_kind(Regions)
    ordered = regions.names.index("LH/HL ordered")
    assert np.all(regions.index[1:4] == ordered)
    assert "LH" not in regions.names


@pytest.mark.parametrize(
    ("index", "names"),
    [(np.zeros((2, 3), int), ("a",)), (np.ones((3, 2), int), ("a",)), (np.zeros((1, 1), int), ("a",))],
)
def test_regions_that_do_not_fit_are_refused(index, names):
    with pytest.raises(ChartError, match="regions"):
        Regions(np.arange(2.0), np.arange(3.0), index, names, ("#ffffff",))
