import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.peak_number import find_peaks, peak_criteria
from labile.techniques.xas.pre_edge import PreEdgeModel
from pre_edge_spectra import GRID, HERFD, WINDOW, simulated


@pytest.mark.parametrize("edge", ["arctan", "cumulative"])
def test_three_peaks_are_found_as_three(edge):
    """The 8 K HERFD case; 100 seeds are in benchmarks/calibration/pre_edge_coverage.py."""
    counts = [find_peaks(simulated(seed, edge=edge), WINDOW, most=4).count for seed in range(6)]
    assert sum(count == 3 for count in counts) >= 5


def test_start_values_are_found():
    found = find_peaks(simulated(11, noise=2e-4), WINDOW, most=3, least=3).best
    for number, (centre, _, height) in enumerate(HERFD):
        assert found.value(f"P{number + 1}.energy").value / EV == pytest.approx(centre, abs=0.1)
        assert found.value(f"P{number + 1}.height").value == pytest.approx(height, abs=0.01)


def test_one_peak_and_none():
    one = find_peaks(simulated(2, peaks=((7112.5, 1.5, 0.04),)), WINDOW, most=3)
    assert one.count == 1
    assert len(one.best.model.peaks) == 1
    assert find_peaks(simulated(2, peaks=()), WINDOW, most=2).count == 0
    assert "at least 1 peaks" in repr(one)
    with pytest.raises(XasError, match="5 peaks were not tried"):
        one.with_peaks(5)


def test_smoothing_does_not_make_points():
    """Twenty-one-fold smoothing leaves few independent points."""
    grid = np.arange(7107.0, 7117.0, 0.02)
    raw = simulated(4, noise=3e-3, grid=grid)
    smooth = np.convolve(np.pad(raw.values[0], 10, mode="edge"), np.ones(21) / 21, mode="valid")
    spectrum = Measurement(
        "normalized_absorption", smooth[None, :], Conditions(8.0), axis=Axis("energy", grid * EV), label="smooth"
    )
    found = find_peaks(spectrum, WINDOW, most=4, edges=[("arctan",)])
    assert found.independent < 0.15 * grid.size
    # counted as independent, the points would call for the fourth peak far more loudly
    naive = [peak_criteria(c.rss, float(grid.size), c.parameters)[1] for c in found.criteria[-2:]]
    assert naive[0] - naive[1] > 5 * abs(found.criteria[-2].bic - found.criteria[-1].bic)


def test_criteria():
    aicc, bic = peak_criteria(2.0, 20.0, 3)
    assert bic == pytest.approx(20 * np.log(0.1) + 3 * np.log(20))
    assert aicc == pytest.approx(20 * np.log(0.1) + 6 + 24 / 16)
    assert np.isnan(peak_criteria(2.0, 4.0, 3)[0])


def test_bad_requests():
    with pytest.raises(XasError, match="least <= most"):
        find_peaks(simulated(), WINDOW, least=3, most=2)
    with pytest.raises(XasError, match="cannot determine 4 peaks"):
        find_peaks(simulated(grid=GRID[::8]), WINDOW, least=4, most=5)
    with pytest.raises(XasError, match="cannot determine 5 parameters"):
        find_peaks(simulated(grid=GRID[::25]), WINDOW, model=PreEdgeModel())
