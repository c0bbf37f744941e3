from dataclasses import replace

import numpy as np
import pytest

from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.pre_edge import Peak, PreEdgeModel
from labile.techniques.xas.pre_edge_fit import fit_pre_edge
from labile.techniques.xas.pre_edge_series import fit_pre_edge_series, series_table, split_spectra
from pre_edge_spectra import WINDOW, simulated

MODEL = PreEdgeModel((Peak("t2g", 7112.2 * EV), Peak("eg", 7113.7 * EV)), edge="arctan")
KELVIN = (10.0, 80.0, 150.0, 220.0, 290.0)


def spectra(drift=0.0, noise=1e-3):
    """Two peaks 1.4 eV apart that exchange intensity; both move by `drift` eV from the first to the last."""
    found = []
    for number, kelvin in enumerate(KELVIN):
        x = number / 4
        peaks = ((7112.0 + drift * x, 1.4, 0.04 - 0.025 * x), (7113.4 + drift * x, 1.4, 0.02 + 0.02 * x))
        found.append(simulated(number, noise, peaks=peaks, kelvin=kelvin, label=f"{kelvin:g} K"))
    return found


def test_shared_positions_and_widths_make_heights_certain():
    series = fit_pre_edge_series(spectra(), WINDOW, MODEL)
    assert series.common.converged
    for number, (found, one) in enumerate(zip(series.fits, spectra(), strict=True)):
        assert found.value("t2g.energy") == series.fits[0].value("t2g.energy")
        height = found.value("t2g.height")
        assert abs(height.value - (0.04 - 0.025 * number / 4)) < 4 * height.sigma
        alone = fit_pre_edge(one, WINDOW, MODEL)
        assert height.sigma < 0.8 * alone.value("t2g.height").sigma
    position = series.fits[0].value("eg.energy")
    assert abs(position.value / EV - 7113.4) < 4 * position.sigma / EV


def test_drifting_positions():
    series = fit_pre_edge_series(spectra(drift=0.3), WINDOW, MODEL, positions="drifting")
    drift, sigma = series.common.value("t2g drift.energy") / EV, series.common.sigma_of("t2g drift.energy") / EV
    assert abs(drift - 0.3) < 4 * sigma
    assert sigma < 0.1
    first, last = series.fits[0].value("eg.energy").value, series.fits[-1].value("eg.energy").value
    assert (last - first) / EV == pytest.approx(0.3, abs=0.1)


def test_own_everything_is_every_fit_alone():
    series = fit_pre_edge_series(spectra(), WINDOW, MODEL, positions="own", widths="own")
    for found, one in zip(series.fits, spectra(), strict=True):
        alone = fit_pre_edge(one, WINDOW, MODEL)
        assert found.area().value == pytest.approx(alone.area().value, abs=0.1 * alone.area().sigma)
        assert found.centroid().sigma == pytest.approx(alone.centroid().sigma, rel=0.15)


def test_the_table_of_a_series():
    rows = fit_pre_edge_series(spectra(), WINDOW, MODEL, edge="shared").table()
    assert [row["temperature/K"] for row in rows] == list(KELVIN)
    assert rows[0]["peaks"] == 2.0
    assert rows[0]["edge_energy/eV"] == pytest.approx(7122.0)
    centroids = [row["centroid/eV"] for row in rows]
    assert np.all(np.diff(centroids) > 0)
    assert all(0 < row["sigma_centroid/eV"] < 0.1 for row in rows)
    lone = series_table([fit_pre_edge(spectra()[0], WINDOW, PreEdgeModel(edge="arctan"))])
    assert "area" not in lone[0]


def test_rows_of_one_measurement_are_spectra():
    many = replace(spectra()[0], values=np.vstack([one.values for one in spectra()]), conditions=_kelvin())
    singles = split_spectra(many)
    assert [one.label for one in singles] == [f"10 K {i}" for i in range(1, 6)]
    assert len(fit_pre_edge_series(many, WINDOW, MODEL).fits) == 5


def _kelvin():
    from labile.core.conditions import Conditions

    return Conditions(list(KELVIN))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"positions": "loose"}, "positions must be one of"),
        ({"along": "time"}, "temperature or pressure"),
        ({"positions": "drifting", "along": "pressure"}, "nothing can drift"),
    ],
)
def test_bad_series(options, match):
    with pytest.raises(XasError, match=match):
        fit_pre_edge_series(spectra()[:2], WINDOW, MODEL, **options)


def test_too_few_or_equal_labels():
    with pytest.raises(XasError, match="at least two"):
        fit_pre_edge_series(spectra()[:1], WINDOW, MODEL)
    with pytest.raises(XasError, match="several spectra are called"):
        fit_pre_edge_series([spectra()[0], spectra()[0]], WINDOW, MODEL)
