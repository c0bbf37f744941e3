"""Fits of bands: simulated maps with known areas, drifts and widths."""

from dataclasses import replace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter
from labile.fitting.line_shapes import gaussian, lorentzian, pseudo_voigt, voigt
from labile.techniques.vibrational import (
    Band,
    VibrationalError,
    fit_band_series,
    fit_bands,
    marker_ratio,
    reduce_spectra,
)
from labile.techniques.vibrational.bands import BandDesign

NU = np.linspace(1430e2, 1610e2, 361)
KELVIN = np.linspace(110.0, 300.0, 39)
TAU = (KELVIN - 205.0) / 100.0
X = np.linspace(0.05, 0.3, 39)


def series(noise=2e-4, seed=0, shape=pseudo_voigt, extra=(0.5,)):
    """Two bands with populations 1 - x and x, positions that drift by -1.2 and +0.7 cm-1 per 100 K."""
    h = shape(NU, 1485e2 - 120.0 * TAU[:, None], 18e2, *extra).value
    v = shape(NU, 1556e2 + 70.0 * TAU[:, None], 16e2, *extra).value
    data = 1000.0 * (1 - X)[:, None] * h + 1500.0 * X[:, None] * v + 0.02 + 1e-7 * (NU - 1500e2)
    data = data + np.random.default_rng(seed).normal(0.0, noise, data.shape)
    return Measurement("absorbance", data, Conditions(KELVIN), sigma=noise, axis=Axis("wavenumber", NU), label="sim")


BANDS = (Band("H", 1480e2, 25e2, drift=1), Band("V", 1560e2, 12e2, drift=1))


def test_a_series_in_one_fit():
    found = fit_band_series(series(), BANDS)
    assert found.result.converged
    assert found.reduced_chi2 == pytest.approx(1.0, abs=0.05)
    expected = {
        "H.band_position": 1485e2, "H.band_drift": -120.0, "H.band_width": 18e2,
        "V.band_position": 1556e2, "V.band_drift": 70.0, "V.band_width": 16e2,
    }  # fmt: skip
    for name, value in expected.items():
        assert abs(found.result.value(name) - value) < 4 * found.result.sigma_of(name), name
    truth = np.stack([1000 * (1 - X), 1500 * X], axis=1)
    z = (found.areas - truth) / found.sigma_areas
    assert 0.7 < np.std(z) < 1.3
    assert np.all(np.abs(found.correlation("H", "V")) < 1)
    assert found.positions[:, 0] == pytest.approx(1485e2 - 120 * TAU, abs=20)
    assert found.area("V").unit == "1/cm"
    assert found.position("V").values.shape == (39,)
    rows = found.table()
    assert len(rows) == 78
    assert rows[1]["band"] == "V"
    assert rows[1]["area / cm-1"] == pytest.approx(0.75, abs=0.02)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("name", "shape", "extra", "options"),
    [
        ("lorentz", lorentzian, (), {}),
        ("gauss", lambda nu, c, w: gaussian(nu, c, w / 2.3548200450309493), (), {}),
        ("voigt", voigt, (500.0,), {}),
        ("pseudo_voigt", pseudo_voigt, (0.3,), {"free_share": True}),
    ],
)
def test_shapes(name, shape, extra, options):
    bands = [replace(band, shape=name, **options) for band in BANDS]
    found = fit_band_series(series(1e-5, shape=shape, extra=extra), bands)
    assert found.areas[:, 1] == pytest.approx(1500 * X, rel=5e-3)
    if name == "pseudo_voigt":
        assert found.result.value("H.lorentz_share") == pytest.approx(0.3, abs=0.01)
    if name == "voigt":
        assert found.result.value("H.gaussian_band_width") == pytest.approx(500.0, rel=0.02)


@pytest.mark.parametrize("shape", ["lorentz", "gauss", "voigt", "pseudo_voigt"])
def test_gradient_is_exact(shape):
    bands = tuple(
        replace(b, shape=shape, drift=2, free_share=shape == "pseudo_voigt", position=b.position + 300) for b in BANDS
    )
    measured = series(1e-3)
    design = BandDesign(bands, NU, TAU, 1)
    values = design.parameters.values + np.array([10.0 if "drift" in n else 5.0 if "curv" in n else 0.0
                                                  for n in design.parameters.names])  # fmt: skip

    def cost(vector):
        return float(np.sum(design.solve(vector, measured.values, measured.sigma).residuals ** 2))

    solved = design.solve(values, measured.values, measured.sigma)
    gradient = 2 * np.einsum("nm,nmp->p", solved.residuals, solved.jacobian)
    for i in range(values.size):
        step = 1e-5 * max(abs(values[i]), 1.0)
        ends = [cost(values + s * step * np.eye(values.size)[i]) for s in (1, -1)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-5 * abs(gradient).max())


def test_one_spectrum_and_no_sigma():
    one = series()[20]
    found = fit_bands(replace(one, sigma=None), BANDS)
    assert any("estimated" in note for note in found.notes)
    assert found.areas[0] == pytest.approx([1000 * (1 - X[20]), 1500 * X[20]], rel=0.02)
    with pytest.raises(VibrationalError, match="39 spectra"):
        fit_bands(series(), BANDS)


def test_absent_and_negative_bands_are_reported():
    bands = (*BANDS, Band("ghost", 1520e2, 10e2))
    fixed = [Parameter("ghost.band_position", 1520e2, fixed=True), Parameter("ghost.band_width", 10e2, fixed=True)]
    found = fit_band_series(series(), bands, changes=fixed)
    assert any("ghost: no area beyond 3 s.u." in note for note in found.notes)
    dip = series()
    dip = replace(dip, values=dip.values - 200 * lorentzian(NU, 1520e2, 10e2).value)
    found = fit_band_series(dip, bands, changes=fixed)
    assert any("ghost: area negative" in note for note in found.notes)


def test_a_wrong_shape_is_said():
    found = fit_band_series(series(), [replace(b, shape="gauss") for b in BANDS])
    assert any("not of this shape" in note for note in found.notes)


def test_refusals():
    measured = series()
    with pytest.raises(VibrationalError, match="convert transmittance"):
        fit_band_series(replace(measured, quantity="transmittance"), BANDS)
    with pytest.raises(VibrationalError, match="outside the spectra"):
        fit_band_series(measured, [Band("a", 2000e2)])
    with pytest.raises(VibrationalError, match="different names"):
        fit_band_series(measured, [BANDS[0], BANDS[0]])
    with pytest.raises(VibrationalError, match="needs more than"):
        fit_band_series(measured[3], BANDS)
    with pytest.raises(VibrationalError, match="coincide"):
        fit_band_series(measured, [Band("a", 1500e2), Band("b", 1500e2)])
    with pytest.raises(VibrationalError, match="shape"):
        Band("a", 1500e2, shape="box")
    with pytest.raises(VibrationalError, match="no band"):
        fit_band_series(measured, BANDS).area("X")
    with pytest.raises(VibrationalError, match="degree of the baseline"):
        fit_band_series(measured, BANDS, degree=9)


def test_saturated_transmittance_is_no_absorbance():
    # simulated: the stronger band lets nothing through
    data = series(noise=1e-9)
    light = replace(data, quantity="transmittance", values=10.0 ** (-8.0 * data.values), sigma=None)
    with pytest.raises(VibrationalError, match=r"saturated, at 14\d\d.*Choose low and high beside them"):
        reduce_spectra([light])
    (kept,) = reduce_spectra([light], saturated="keep")
    assert kept.values.max() == pytest.approx(3.0)
    (cut,) = reduce_spectra([light], saturated="remove")
    assert cut.values.max() < 3.0
    assert cut.values.shape[1] < NU.size
    assert any("saturated wavenumbers left out" in step for step in cut.provenance.steps)
    (beside,) = reduce_spectra([light], low=1520e2)
    assert beside.values == pytest.approx(8.0 * data.values[:, NU >= 1520e2])
    with pytest.raises(VibrationalError, match="use refuse, remove or keep"):
        reduce_spectra([light], saturated="maybe")


def test_ratios_of_overlapping_bands_know_their_correlation():
    # simulated: two bands of 18 cm-1 width, 20 cm-1 apart, areas 1 : 1
    axis = np.linspace(1430e2, 1570e2, 281)
    pulls, plain = [], []
    for seed in range(40):
        clean = 1000.0 * (lorentzian(axis, 1490e2, 18e2).value + lorentzian(axis, 1510e2, 18e2).value)
        noisy = clean + np.random.default_rng(seed).normal(0.0, 2e-3, (3, axis.size))
        data = Measurement("absorbance", noisy, Conditions([100.0, 200.0, 300.0]), sigma=2e-3,
                           axis=Axis("wavenumber", axis), label="simulated")  # fmt: skip
        fit = fit_band_series(
            data, (Band("A", 1490e2, 18e2, shape="lorentz"), Band("B", 1510e2, 18e2, shape="lorentz"))
        )
        ratio = marker_ratio(fit.area("A"), fit.area("B"), correlation=fit.correlation("A", "B"))
        pulls.append((ratio.values - 1.0) / ratio.sigma)
        plain.append(ratio.sigma / marker_ratio(fit.area("A"), fit.area("B")).sigma)
    assert 0.75 < np.std(pulls) < 1.25
    assert np.min(plain) > 1.02
