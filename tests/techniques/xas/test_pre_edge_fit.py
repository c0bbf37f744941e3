from dataclasses import replace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter, Tie
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.pre_edge import Peak, PreEdgeModel, area_factor
from labile.techniques.xas.pre_edge_area import weighted_centroid
from labile.techniques.xas.pre_edge_fit import fit_pre_edge
from labile.techniques.xas.pre_edge_window import correlation_length
from labile.techniques.xas.second_derivative import SecondDerivative
from pre_edge_spectra import GRID, HERFD, WINDOW, absorption, simulated

MODEL = PreEdgeModel(tuple(Peak(f"P{k + 1}", (e + 0.2) * EV) for k, (e, _, _) in enumerate(HERFD)), edge="arctan")
AREA = 100 * sum(area_factor() * fwhm * height for _, fwhm, height in HERFD)
UNEVEN = np.concatenate(
    [np.arange(7107.0, 7111.0, 0.5), np.arange(7111.0, 7114.5, 0.1), np.arange(7114.5, 7117.01, 0.25)]
)


def test_without_noise_the_truth_comes_back():
    found = fit_pre_edge(simulated(noise=0.0), WINDOW, MODEL)
    for name, (centre, fwhm, height) in zip(MODEL.names, HERFD, strict=True):
        assert found.value(f"{name}.energy").value / EV == pytest.approx(centre, abs=1e-4)
        assert found.value(f"{name}.fwhm").value / EV == pytest.approx(fwhm, abs=1e-3)
        assert found.value(f"{name}.height").value == pytest.approx(height, abs=1e-4)
    assert found.analytic_area().value == pytest.approx(AREA, rel=1e-3)
    assert found.residuals == pytest.approx(0, abs=1e-6)
    assert found.background == pytest.approx(absorption(peaks=()), abs=1e-4)


def test_the_centroid_does_not_depend_on_the_grid():
    """Even 0.1 eV, and 0.5 -> 0.1 -> 0.25 eV within the window: the same to 1e-3 eV."""
    places = [
        fit_pre_edge(simulated(noise=0.0, grid=grid), WINDOW, MODEL).centroid().value / EV
        for grid in (GRID, UNEVEN, GRID[::3])
    ]
    assert np.ptp(places) < 1e-3
    peaks = absorption() - absorption(peaks=())
    truth = float(np.trapezoid(peaks * GRID, GRID) / np.trapezoid(peaks, GRID))
    assert places[0] == pytest.approx(truth, abs=1e-3)
    sampled = weighted_centroid(UNEVEN, absorption(UNEVEN) - absorption(UNEVEN, peaks=()))[0]
    assert sampled == pytest.approx(truth, abs=1e-3)
    unweighted = np.average(UNEVEN, weights=absorption(UNEVEN) - absorption(UNEVEN, peaks=()))
    assert abs(unweighted - truth) > 0.02


def test_area_by_trapezoid_and_its_missing_tails():
    found = fit_pre_edge(simulated(noise=0.0), WINDOW, MODEL)
    peaks = absorption() - absorption(peaks=())
    assert found.area().value == pytest.approx(100 * np.trapezoid(peaks, GRID), rel=1e-4)
    assert found.missing_tails() == pytest.approx(1 - found.area().value / AREA, abs=1e-4)
    assert 0.03 < found.missing_tails() < 0.08
    # +-5 FWHM of a 50:50 line misses the ends of its Lorentzian half
    one = replace(MODEL, peaks=(Peak("P1", 7112 * EV),))
    wide = np.arange(7096.0, 7128.0, 0.1)
    alone = simulated(noise=0.0, grid=wide, peaks=((7112.0, 1.2, 0.05),), step=0.0)
    fit = fit_pre_edge(alone, (7096 * EV, 7127.8 * EV), replace(one, edge=()))
    expected = 0.5 * (np.pi / 2 - np.arctan(10.0)) / area_factor()
    assert fit.missing_tails((7106 * EV, 7118 * EV)) == pytest.approx(expected, abs=1e-5)
    mean = fit.mean_energy().value / EV
    assert mean == pytest.approx(7112.0, abs=1e-5)


@pytest.mark.parametrize("second", [None, SecondDerivative(), SecondDerivative(10.0, 11, 4)])
@pytest.mark.parametrize("known", [True, False])
def test_uncertainties_are_those_of_the_scatter(second, known):
    """Spread of 40 fits about the truth in units of their s.u.; mean square 1 within its own scatter."""
    off = []
    for seed in range(40):
        found = fit_pre_edge(simulated(seed, known=known), WINDOW, MODEL, second_derivative=second)
        truth = {f"P{k + 1}.energy": e * EV for k, (e, _, _) in enumerate(HERFD)}
        off.append([(found.value(n).value - t) / found.value(n).sigma for n, t in truth.items()])
        off[-1].append((found.analytic_area().value - AREA) / found.analytic_area().sigma)
    spread = np.sqrt(np.mean(np.square(off), axis=0))
    assert np.all(spread > 0.7)
    assert np.all(spread < 1.35)


def test_the_second_derivative_in_the_fit():
    filter = SecondDerivative(weight=2.0)
    plain = fit_pre_edge(simulated(3), WINDOW, MODEL)
    both = fit_pre_edge(simulated(3), WINDOW, MODEL, second_derivative=filter)
    _, data, fit = plain.derivatives(filter)
    _, _, closer = both.derivatives(filter)
    assert np.sum((closer - data) ** 2) < np.sum((fit - data) ** 2)
    # the points count once
    assert both.result.n_data == plain.result.n_data == GRID.size
    assert any("weight 2, polynomials of order 3 over 9 points" in note for note in both.notes)
    # an optimal fit cannot be beaten by other weights
    assert both.analytic_area().sigma > 0.95 * plain.analytic_area().sigma


def test_a_second_derivative_on_an_uneven_grid_is_exact_for_parabolas():
    filter = SecondDerivative(points=7, order=3)
    values = 3.0 * (UNEVEN - 7112) ** 2 - (UNEVEN - 7112) + 2.0
    assert filter.matrix(UNEVEN) @ values == pytest.approx(6.0, abs=1e-8)
    from scipy.signal import savgol_filter

    even = np.arange(0, 5.05, 0.1)
    mine = SecondDerivative().matrix(even) @ np.sin(even)
    assert mine == pytest.approx(savgol_filter(np.sin(even), 9, 3, deriv=2, delta=0.1)[4:-4], abs=1e-9)


def test_widths_can_be_one_and_parameters_tied():
    found = fit_pre_edge(simulated(1), WINDOW, replace(MODEL, share_width=True))
    assert found.value("P2.fwhm") == found.value("P1.fwhm")
    assert found.result.n_free == fit_pre_edge(simulated(1), WINDOW, MODEL).result.n_free - 2
    tied = Parameter("P3.energy", 7113.9 * EV, "eV", 7107 * EV, 7117 * EV, tie=Tie("P2.energy", 1.0, 1.1 * EV))
    found = fit_pre_edge(simulated(1), WINDOW, MODEL, changes=[tied])
    assert found.value("P3.energy").value - found.value("P2.energy").value == pytest.approx(1.1 * EV)
    assert found.value("P3.energy").sigma == pytest.approx(found.value("P2.energy").sigma)


def test_smoothed_data_have_larger_uncertainties():
    noisy = simulated(5, noise=2e-3, grid=np.arange(7107.0, 7117.0, 0.05))
    smooth = np.convolve(np.pad(noisy.values[0], 3, mode="edge"), np.ones(7) / 7, mode="valid")
    found = fit_pre_edge(replace(noisy, values=smooth[None, :]), WINDOW, MODEL)
    assert found.correlation > 3
    assert any("points are worth" in note for note in found.notes)
    assert correlation_length(np.random.default_rng(1).standard_normal(300)) < 2


def test_a_short_range_says_what_its_areas_are_relative_to():
    herfd = replace(simulated(), attributes={"normalisation": "smallest value 0, largest 1"})
    assert any("relative to that normalisation" in note for note in fit_pre_edge(herfd, WINDOW, MODEL).notes)


def test_bad_input():
    good = simulated()
    with pytest.raises(XasError, match="0 points in the pre-edge window"):
        fit_pre_edge(good, (7300 * EV, 7310 * EV), PreEdgeModel())
    with pytest.raises(XasError, match="must rise"):
        fit_pre_edge(good, (7117 * EV, 7107 * EV), MODEL)
    with pytest.raises(XasError, match="lies outside the window"):
        fit_pre_edge(good, (7107 * EV, 7113 * EV), MODEL)
    with pytest.raises(XasError, match="cannot determine 14 parameters"):
        fit_pre_edge(simulated(grid=GRID[::8]), WINDOW, MODEL)
    with pytest.raises(XasError, match="not normalised"):
        fit_pre_edge(replace(good, quantity="absorption"), WINDOW, MODEL)
    backwards = Measurement(
        "normalized_absorption", good.values[:, ::-1], Conditions(8.0), axis=Axis("energy", GRID[::-1] * EV)
    )
    with pytest.raises(XasError, match="energies decrease"):
        fit_pre_edge(backwards, WINDOW, MODEL)
    two = Measurement(
        "normalized_absorption", np.tile(good.values, (2, 1)), Conditions([8.0, 9.0]), axis=Axis("energy", GRID * EV)
    )
    with pytest.raises(XasError, match="2 spectra"):
        fit_pre_edge(two, WINDOW, MODEL)
    with pytest.raises(XasError, match="no peaks"):
        fit_pre_edge(good, WINDOW, PreEdgeModel()).area()
    with pytest.raises(XasError, match="weight must be above 0"):
        SecondDerivative(weight=0.0)
    with pytest.raises(XasError, match="odd number"):
        SecondDerivative(points=8)


def test_centroids_of_points():
    peaks = absorption() - absorption(peaks=())
    value, sigma = weighted_centroid(GRID, peaks, 1e-4)
    assert value == pytest.approx(7112.87, abs=0.05)
    draws = [
        weighted_centroid(
            GRID, absorption() - absorption(peaks=()) + 1e-4 * np.random.default_rng(s).normal(size=GRID.size)
        )[0]
        for s in range(200)
    ]
    assert np.std(draws) == pytest.approx(sigma, rel=0.2)
    with pytest.raises(XasError, match="do not increase"):
        weighted_centroid([1.0, 3.0, 2.0, 4.0], [1.0] * 4)
    with pytest.raises(XasError, match="area is"):
        weighted_centroid([1.0, 2.0, 3.0, 4.0], [-1.0, -1.0, 0.0, 0.0])
