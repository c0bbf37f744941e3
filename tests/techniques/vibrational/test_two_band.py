"""Two-band populations: K from closure, its degeneracy with the entropy, and what drifting strengths do."""

import numpy as np
import pytest
from scipy.constants import R

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.vibrational import (
    VibrationalError,
    entropy_shift,
    high_spin_fraction,
    marker_ratio,
    strength_ratio,
    two_band_population,
    van_t_hoff_line,
)

KELVIN = np.linspace(110.0, 300.0, 60)
DH, DS, K = 3.87e3, 5.87, 1.5
X = 1 / (1 + np.exp((DH - KELVIN * DS) / (R * KELVIN)))


def areas(noise=1.0, seed=0, slope=0.0):
    rng = np.random.default_rng(seed)
    factor = 1 + slope * (KELVIN - 200) / 100
    values = (K * 1000.0 * X * factor, 1000.0 * (1 - X) * factor)
    return tuple(
        Measurement("band_area", v + rng.normal(0, noise, v.size), Conditions(KELVIN), sigma=noise, label=n)
        for n, v in zip(("1556", "1485"), values, strict=True)
    )


def test_k_from_closure_and_its_uncertainty():
    pulls = []
    for seed in range(100):
        found = strength_ratio(*areas(10.0, seed))
        pulls.append((found.value - K) / found.sigma)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)
    assert abs(np.mean(pulls)) < 0.4
    assert "degenerate" in found.describe()
    x = two_band_population(*areas(1.0), strength_ratio(*areas(1.0)))
    assert x.values == pytest.approx(X, abs=0.01)
    assert x.correlated[0].name == "strength_ratio"


@pytest.mark.parametrize("assumed", [0.5, 1.0, 1.5, 4.0])
def test_k_is_exactly_degenerate_with_the_entropy(assumed):
    area_v, area_h = areas(1e-9)
    enthalpy, entropy = van_t_hoff_line(two_band_population(area_v, area_h, assumed))
    assert enthalpy == pytest.approx(DH, rel=1e-6)
    assert entropy == pytest.approx(DS - entropy_shift(K) + entropy_shift(assumed), abs=1e-6)


def test_drifting_strengths_bias_k_almost_unseen():
    found = strength_ratio(*areas(2.0, 1, slope=0.01))
    # the bias is many s.u., what is said about it holds, and the residuals do not show it
    assert found.value - K > 10 * found.sigma
    assert found.value - K == pytest.approx(found.per_drift, rel=0.1)
    assert abs(found.drift_z) < 3
    assert any("would move K by +0.11" in note for note in found.notes)
    freed = strength_ratio(*areas(2.0, 1, slope=0.05), drift=True)
    assert abs(freed.value - K) < 3 * freed.sigma
    assert freed.sigma > 10 * found.sigma
    assert freed.drift == pytest.approx(0.05, abs=0.02)
    seen = strength_ratio(*areas(0.5, 1, slope=0.05))
    assert any("K is biased" in note for note in seen.notes)
    assert not any("K is biased" in note for note in strength_ratio(*areas(2.0)).notes)


def test_refusals_of_closure():
    area_v, area_h = areas()
    with pytest.raises(VibrationalError, match="needs 4"):
        strength_ratio(area_v, area_h, window=(100.0, 112.0))
    with pytest.raises(VibrationalError, match="rise together"):
        strength_ratio(area_v, area_v)
    with pytest.raises(VibrationalError, match="same temperatures"):
        strength_ratio(area_v, area_h[:-1])
    with pytest.raises(VibrationalError, match="uncertainties of both"):
        strength_ratio(area_v, Measurement("band_area", area_h.values, area_h.conditions))
    flat = Measurement("band_area", np.full(60, 5.0), area_h.conditions, sigma=1.0)
    with pytest.raises(VibrationalError, match="no more than its uncertainty"):
        strength_ratio(flat, area_h)
    with pytest.raises(VibrationalError, match="K must be above 0"):
        two_band_population(area_v, area_h, -1.0)
    with pytest.raises(VibrationalError, match="neither band"):
        two_band_population(*(Measurement("band_area", [0.0], Conditions(100.0)) for _ in "ab"), 1.0)
    with pytest.raises(VibrationalError, match="between 0 and 1"):
        van_t_hoff_line(Measurement("population", [0.0, 0.5], Conditions([100.0, 200.0])))


def test_negative_areas_are_reported():
    at = Conditions([100.0, 120.0])
    v = Measurement("band_area", [-1.0, 5.0], at, sigma=1.0)
    h = Measurement("band_area", [10.0, 5.0], at, sigma=1.0)
    x = two_band_population(v, h, 1.0)
    assert x.values.tolist() == [0.0, 0.5]
    assert "1 points with a negative band area" in x.provenance.steps[-1]


def test_raman_markers_under_pressure():
    at = Conditions(295.0, np.linspace(1e8, 3e9, 20))
    n = 1 / (1 + np.exp((at.pressure - 1.2e9) / 3e8))
    focus = np.random.default_rng(0).uniform(0.3, 1.0, 20)
    ls, hs = (
        Measurement("band_area", focus * s * part, at, sigma=1.0, label=name)
        for name, s, part in (("LS", 800.0, 1 - n), ("HS", 1200.0, n))
    )
    found = high_spin_fraction(ls, hs, 1.5, sigma_ratio=0.1)
    assert found.values == pytest.approx(n, abs=1e-12)
    # s.u. by finite differences of both intensities
    step = 1e-3
    up = high_spin_fraction(Measurement("band_area", ls.values + step, at, sigma=1.0), hs, 1.5).values
    right = high_spin_fraction(ls, Measurement("band_area", hs.values + step, at, sigma=1.0), 1.5).values
    assert found.sigma == pytest.approx(np.hypot(up - found.values, right - found.values) / step, rel=1e-3)
    other = high_spin_fraction(ls, hs, 1.5 + 1e-6).values
    assert found.correlated[0].effect == pytest.approx((other - found.values) / 1e-6 * 0.1, rel=1e-4)
    assert marker_ratio(hs, ls).values == pytest.approx(1.5 * n / (1 - n))
    with pytest.raises(VibrationalError, match="same temperatures and pressures"):
        high_spin_fraction(ls, hs[1:], 1.0)
    with pytest.raises(VibrationalError, match="above 0"):
        high_spin_fraction(ls, hs, 0.0)
    gone = Measurement("band_area", np.zeros(20), at)
    with pytest.raises(VibrationalError, match="neither marker"):
        high_spin_fraction(gone, gone, 1.0)
    with pytest.raises(VibrationalError, match="denominator"):
        marker_ratio(hs, gone)
