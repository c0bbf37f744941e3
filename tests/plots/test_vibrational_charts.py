"""Figures of vibrational maps: what is drawn and what captions say."""

import numpy as np
import pytest

from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.vibrational_charts import (
    band_figures,
    correlation_figures,
    map_figure,
    rank_figure,
    resolution_figure,
    state_map_figures,
)
from labile.techniques.vibrational import (
    Band,
    ambiguity_bands,
    correlate,
    fit_band_series,
    fit_state_map,
    in_window,
    mcr_als,
    model_concentrations,
    spectral_rank,
)
from vibrational_maps import MODEL, infrared_map, start_values


@pytest.fixture(scope="module")
def measured():
    return infrared_map(np.linspace(300.0, 10.0, 59))


def test_map_and_rank(measured):
    figure = map_figure(measured)
    assert figure.key == "map_simulated_map"
    assert "59 spectra of 401 points" in figure.caption
    drawn = figure.panels[0].series[0]
    assert drawn.values.shape == (59, 401)
    assert drawn.values[0] == pytest.approx(measured.values[-1])
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")
    rank = rank_figure(spectral_rank(measured))
    assert "rank 3" in rank.caption
    assert rank.panels[0].series[1].x.tolist() == [1.0, 2.0, 3.0]


def test_states_and_components(measured):
    start = start_values()
    found = fit_state_map(measured, ("L", "H", "V"), start, model_concentrations(MODEL, start, measured.conditions))
    populations, spectra = state_map_figures(found)
    assert [line.name for line in populations.panels[0].series] == ["L", "H", "V"]
    assert np.all(np.diff(populations.panels[0].series[0].x) > 0)
    assert spectra.panels[0].x.unit == "1/cm"
    assert "lack of fit" in spectra.caption
    resolved = mcr_als(measured, 3, max_iterations=100)
    bands = ambiguity_bands(resolved)
    figure = resolution_figure(resolved, bands.lowest, bands.highest)
    assert len(figure.panels[0].series) == 9
    assert "rotational ambiguity" in figure.caption
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_bands_and_correlation(measured):
    warm = in_window(measured[measured.temperature > 110], 1450e2, 1600e2)
    found = fit_band_series(warm, [Band(n, float(n) * 100, 20e2, drift=1) for n in ("1485", "1514", "1556")])
    areas, positions, one = band_figures(found)
    assert [series.name for series in areas.panels[0].series] == ["1485", "1514", "1556"]
    assert "1556 at 1556.0" in positions.caption
    assert {series.name for series in one.panels[0].series} >= {"measured", "fit", "baseline"}
    correlation = correlate(warm)
    both = correlation_figures(correlation)
    assert [figure.key for figure in both] == ["correlation_synchronous", "correlation_asynchronous"]
    drawn = both[1].panels[0].series[0].values
    assert drawn[2, 5] == correlation.asynchronous[5, 2]
    for figure in (areas, positions, one, *both):
        assert figure_bytes(figure, "png").startswith(b"\x89PNG")
