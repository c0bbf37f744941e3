"""Maps, conversions, baselines, rank, 2D correlation, isosbestic points and time scales."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.vibrational import (
    VibrationalError,
    absorbance,
    coalescence_rate,
    correlate,
    exchange_regime,
    in_window,
    isosbestic_points,
    kubelka_munk,
    noda_matrix,
    noise_of,
    rate_limit,
    require_resolved,
    resampled,
    spectral_map,
    spectral_rank,
    subtract_baseline,
    wavenumbers,
)
from labile.techniques.vibrational.baselines import METHODS
from vibrational_maps import WAVENUMBER, infrared_map, populations, pure_spectra


def spectrum(values, nu=WAVENUMBER, kelvin=10.0, quantity="absorbance", **others):
    return Measurement(quantity, np.atleast_2d(values), Conditions(kelvin), axis=Axis("wavenumber", nu), **others)


def test_map_of_spectra_on_one_grid_only():
    rows = pure_spectra()
    falling = spectrum(rows[0][::-1], WAVENUMBER[::-1])
    joined = spectral_map([falling, spectrum(rows[1], kelvin=20.0)])
    assert joined.values.tolist() == rows[:2].tolist()
    assert joined.temperature.tolist() == [10.0, 20.0]
    with pytest.raises(VibrationalError, match="one grid"):
        spectral_map([falling, spectrum(rows[1], WAVENUMBER + 10.0)])
    with pytest.raises(VibrationalError, match="one grid"):
        spectral_map([falling, spectrum(rows[1, 1:], WAVENUMBER[1:])])
    with pytest.raises(VibrationalError, match="quantity"):
        spectral_map([falling, spectrum(rows[1], quantity="transmittance")])
    with pytest.raises(VibrationalError, match="no spectra"):
        spectral_map([])
    moved = resampled(spectrum(rows[1]), WAVENUMBER[5:-5] + 50.0)
    assert "interpolated" in moved.provenance.steps[-1]
    with pytest.raises(VibrationalError, match="extrapolated"):
        resampled(spectrum(rows[1]), WAVENUMBER + 50.0)
    assert wavenumbers(in_window(joined, 1450e2, 1500e2))[[0, -1]].tolist() == [1450e2, 1500e2]
    with pytest.raises(VibrationalError, match="points between"):
        in_window(joined, 3000e2, 3100e2)
    with pytest.raises(VibrationalError, match="rise or all fall"):
        wavenumbers(spectrum([1.0, 2.0, 3.0], [1e5, 1.2e5, 1.1e5]))
    with pytest.raises(VibrationalError, match="wavenumber or raman_shift"):
        wavenumbers(Measurement("absorbance", [1.0], Conditions(10.0)))


def test_rank_follows_the_states():
    whole = infrared_map(np.linspace(10.0, 300.0, 60))
    warm = infrared_map(np.linspace(110.0, 300.0, 60))
    assert (spectral_rank(whole).rank, spectral_rank(whole, centred=True).rank) == (3, 2)
    assert (spectral_rank(warm).rank, spectral_rank(warm, centred=True).rank) == (2, 1)
    found = spectral_rank(whole)
    assert found.indicator_rank == 3
    assert found.floor == pytest.approx(2e-3 * (np.sqrt(60) + np.sqrt(401)))
    assert found.limit == pytest.approx(found.floor, rel=0.05)
    unknown = spectral_rank(replace(whole, sigma=None))
    assert unknown.rank == 3
    assert "estimated" in unknown.notes[0]
    with pytest.raises(VibrationalError, match="means nothing"):
        spectral_rank(whole[3])
    with pytest.raises(VibrationalError, match="sigma"):
        spectral_rank(whole, sigma=-1.0)


def test_noise_alone_has_rank_0_in_99_of_100_maps():
    ranks = [
        spectral_rank(spectrum(np.random.default_rng(s).normal(size=(40, 100)), WAVENUMBER[:100], np.arange(1.0, 41.0),
                               sigma=1.0)).rank
        for s in range(200)
    ]  # fmt: skip
    assert np.sum(np.array(ranks) > 0) <= 7


def test_signs_of_2d_correlation():
    # an early and a late step upwards, and an early step downwards
    kelvin = np.linspace(50.0, 150.0, 101)
    early, late = (1 / (1 + np.exp(-(kelvin - t) / 6)) for t in (85.0, 110.0))
    nu = np.array([1300e2, 1400e2, 1500e2])
    data = np.stack([early, late, 1 - early], axis=1)
    found = correlate(spectrum(data, nu, kelvin))
    assert found.synchronous[0, 1] > 0 > found.synchronous[0, 2]
    assert found.first_to_change(1300e2, 1400e2) == "first"
    assert found.first_to_change(1400e2, 1300e2) == "second"
    assert found.first_to_change(1500e2, 1400e2) == "first"
    assert found.first_to_change(1300e2, 1500e2) == "together"
    # a cooling run is turned round: the same answer, and the note says so
    cooling = correlate(spectrum(data[::-1], nu, kelvin[::-1]))
    assert cooling.asynchronous == pytest.approx(found.asynchronous, abs=1e-12)
    assert "increasing temperature" in cooling.notes[0]
    # an uneven grid is interpolated first
    uneven = np.concatenate([kelvin[:40:4], kelvin[40:]])
    chosen = np.searchsorted(kelvin, uneven)
    even = correlate(spectrum(data[chosen], nu, uneven), points=101)
    assert "even ones" in even.notes[-1]
    assert even.asynchronous == pytest.approx(found.asynchronous, rel=0.02, abs=1e-3)
    with pytest.raises(VibrationalError, match="three spectra"):
        correlate(spectrum(data[:2], nu, kelvin[:2]))
    with pytest.raises(VibrationalError, match="merge them"):
        correlate(spectrum(data[:3], nu, [50.0, 50.0, 60.0]))


@given(st.integers(3, 12), st.integers(2, 6), st.integers(0, 10))
@settings(max_examples=20, deadline=None)
def test_symmetry_of_2d_correlation(rows, columns, seed):
    data = np.random.default_rng(seed).normal(size=(rows, columns))
    found = correlate(spectrum(data, np.linspace(1e5, 2e5, columns), np.linspace(10.0, 20.0, rows)))
    assert found.synchronous == pytest.approx(found.synchronous.T, abs=1e-12)
    assert found.asynchronous == pytest.approx(-found.asynchronous.T, abs=1e-12)
    assert np.all(np.linalg.eigvalsh(found.synchronous) > -1e-10)
    assert noda_matrix(rows) == pytest.approx(-noda_matrix(rows).T)


def test_isosbestic_points_hold_for_two_states_and_not_for_three():
    warm = infrared_map(np.linspace(110.0, 300.0, 60))
    points = isosbestic_points(warm)
    assert len(points) >= 1
    assert sum(point.holds for point in points) == len(points)
    pure = pure_spectra()
    for point in points:
        difference = np.interp(point.wavenumber, WAVENUMBER, pure[1] - pure[2])
        slope = np.interp(point.wavenumber, WAVENUMBER, np.gradient(pure[1] - pure[2], WAVENUMBER))
        # the crossing lies within five of its standard uncertainties or a quarter of a step
        assert abs(difference / slope) < 5 * point.sigma + 25.0
    whole = isosbestic_points(infrared_map(np.linspace(10.0, 300.0, 60)))
    assert not all(point.holds for point in whole)
    with pytest.raises(VibrationalError, match="three spectra"):
        isosbestic_points(warm[:2])


@pytest.mark.parametrize("method", METHODS)
def test_baselines(method):
    clean = populations([150.0, 300.0]) @ pure_spectra()
    scaled = (WAVENUMBER - 1400e2) / 200e2
    under = 0.3 + 0.05 * scaled + 0.03 * scaled**2
    options = {"lam": 1e7} if method in ("asls", "arpls") else {"lam": 1e5} if method == "spline" else {}
    found = subtract_baseline(spectrum(clean + under, kelvin=[150.0, 300.0]), method, **options)
    assert found.spectra.values + found.baseline == pytest.approx(clean + under)
    # bands reach into each other, so that a part of their feet is lost with any method
    assert np.max(np.abs(found.baseline - under)) < 0.12
    assert method in found.spectra.provenance.steps[-1]
    assert np.all(found.sigma_baseline >= 0)


def test_baseline_refusals():
    one = spectrum(pure_spectra()[0])
    with pytest.raises(VibrationalError, match="is unknown"):
        subtract_baseline(one, "magic")
    with pytest.raises(VibrationalError, match="no option"):
        subtract_baseline(one, "arpls", degree=3)
    with pytest.raises(VibrationalError, match="above 0"):
        subtract_baseline(one, "arpls", lam=-1.0)
    with pytest.raises(VibrationalError, match="convert transmittance"):
        subtract_baseline(replace(one, quantity="transmittance"))


def test_absorbance():
    a = np.array([[0.1, 0.5, 2.0, 5.0, 1.0]])
    t = spectrum(10**-a, WAVENUMBER[:5], quantity="transmittance", sigma=1e-4)
    found = absorbance(t)
    assert found.spectra.values[0, [0, 1, 2, 4]] == pytest.approx([0.1, 0.5, 2.0, 1.0])
    assert found.saturated.tolist() == [[False, False, False, True, False]]
    assert found.bands() == ((WAVENUMBER[3], WAVENUMBER[3]),)
    assert "1 of 5 points saturated" in found.spectra.provenance.steps[-1]
    assert found.spectra.sigma[0, 1] == pytest.approx(1e-4 / 10**-0.5 / np.log(10))
    with pytest.raises(VibrationalError, match="percent"):
        absorbance(spectrum(100 * 10**-a, WAVENUMBER[:5], quantity="transmittance"))
    with pytest.raises(VibrationalError, match="transmittance is expected"):
        absorbance(found.spectra)
    r = spectrum([0.5, 1.0, 0.25], WAVENUMBER[:3], quantity="reflectance", sigma=0.01)
    assert kubelka_munk(r).values[0] == pytest.approx([0.25, 0.0, 1.125])
    with pytest.raises(VibrationalError, match="in \\(0, 1\\]"):
        kubelka_munk(spectrum([0.5, 1.2, 0.1], WAVENUMBER[:3], quantity="reflectance"))


def test_time_scale():
    assert coalescence_rate(71e2) == pytest.approx(4.73e12, rel=1e-3)
    assert exchange_regime(1e12 / 10, 71e2) == "resolved"
    assert exchange_regime(4.73e12, 71e2) == "coalescing"
    assert exchange_regime(1e15, 71e2) == "averaged"
    assert rate_limit(71e2, resolved=False)[1] == 1
    require_resolved(1e9, 71e2)
    with pytest.raises(VibrationalError, match="no populations"):
        require_resolved(1e13, 71e2)
    for wrong in (0.0, -1.0, np.inf):
        with pytest.raises(VibrationalError):
            coalescence_rate(wrong)


def test_noise_estimate_ignores_bands():
    measured = infrared_map()
    assert np.median(noise_of(measured)) == pytest.approx(2e-3, rel=0.1)
