"""Figures of X-ray absorption, and the example that draws them."""

import csv
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.plots.absorption_charts import (
    normalisation_figure,
    pre_edge_figure,
    pre_edge_map_figure,
    pre_edge_series_figure,
)
from labile.plots.matplotlib_renderer import figure_bytes
from labile.techniques.xas import EV, Peak, PreEdgeModel, fit_pre_edge, normalise
from pre_edge_spectra import WINDOW, simulated

EXAMPLE = Path(__file__).parents[2] / "examples" / "iron_oxides"
MODEL = PreEdgeModel(tuple(Peak(f"P{k}", e * EV) for k, e in enumerate((7111.4, 7112.7, 7114.0))), edge="arctan")


@pytest.fixture(scope="module")
def fits():
    return [fit_pre_edge(simulated(s, kelvin=k, label=f"{k:g} K"), WINDOW, MODEL) for s, k in ((0, 8.0), (1, 250.0))]


def test_a_pre_edge_shows_peaks_residuals_and_second_derivative(fits):
    figure = pre_edge_figure(fits[0])
    assert len(figure.panels) == 3
    assert {"measured", "fit", "edge and background", "P0", "P1", "P2"} <= {s.name for s in figure.panels[0].series}
    assert "3 peaks" in figure.caption
    assert figure_bytes(figure, "svg")
    empty = fit_pre_edge(simulated(0), WINDOW, PreEdgeModel(edge="arctan"))
    assert "no peaks" in pre_edge_figure(empty).caption


def test_series_and_map(fits):
    series = pre_edge_series_figure(fits)
    assert series.panels[1].series[0].x.tolist() == [8.0, 250.0]
    assert series.panels[1].series[0].y == pytest.approx(0.83, abs=0.1)
    assert series.panels[1].y.title == "pre-edge centroid − 7112 eV / eV"
    assert pre_edge_map_figure(fits).panels[0].series[0].labels == ("8 K", "250 K")


def test_normalisation():
    energy = np.arange(6950.0, 7400.0, 1.0)
    mu = 0.5 - 2e-4 * (energy - 7000.0) + 0.8 * (0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi)
    raw = Measurement("absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV), label="x")
    figure = normalisation_figure(raw, normalise(raw))
    assert [s.name for s in figure.panels[0].series] == ["measured", "pre-edge", "post-edge"]
    assert "E₀ 71" in figure.caption
    assert "E₀" not in normalisation_figure(raw, normalise(raw, "min_max")).caption


def test_the_iron_oxides(tmp_path, capsys):
    """E0 of FeO and Fe2O3 as Athena stored them; the centroid rises with the oxidation state."""
    folder = tmp_path / "iron_oxides"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("out"))
    runpy.run_path(str(folder / "fit.py"), run_name="__main__")
    assert "to Fe 7112 eV" in capsys.readouterr().out
    with open(folder / "out" / "pre_edges.csv", encoding="utf-8") as file:
        rows = {row["spectrum"]: row for row in csv.DictReader(file)}
    assert float(rows["FeO"]["edge_energy/eV"]) == pytest.approx(7122.927, abs=0.001)
    assert float(rows["Fe2O3"]["edge_energy/eV"]) == pytest.approx(7125.618, abs=0.001)
    assert [int(float(rows[name]["peaks"])) for name in ("FeO", "Fe3O4", "Fe2O3")] == [2, 1, 2]
    centroids = [float(rows[name]["centroid/eV"]) for name in ("FeO", "Fe3O4", "Fe2O3")]
    assert centroids == pytest.approx([7112.17, 7112.90, 7113.66], abs=0.1)
    assert rows["FeO"]["energy scale"].startswith("as recorded")
    assert (folder / "out" / "pre_edge_Fe2O3.png").is_file()
