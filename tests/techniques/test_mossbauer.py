"""Mossbauer spectra: raw counts to hyperfine parameters, exchange between states, against limits and published
numbers."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter
from labile.formats import registry
from labile.study.reducing import reduce
from labile.techniques import technique
from labile.techniques.mossbauer import (
    Combined,
    Doublet,
    LatticeDoppler,
    MossbauerError,
    NuclearState,
    Sextet,
    Shared,
    Singlet,
    Smooth,
    SpectrumModel,
    averaged_splitting,
    barrier_at_rate,
    calibrate,
    coalescence_rate,
    exchange_line,
    fit_distribution,
    fit_series,
    fit_spectrum,
    fold_spectrum,
    goldanskii_karyagin_ratio,
    gradient_tensor,
    hopping_rate,
    populations_from_areas,
    quadrupole_splitting,
    rate_matrix,
    recoil_free_fraction,
    reduce_spectrum,
    referred_to_alpha_iron,
    second_order_doppler,
    simulated_line,
    superoperator_line,
    texture_ratio,
    two_state_line,
)
from labile.techniques.mossbauer.counts import checked_counts
from labile.techniques.mossbauer.dynamics import HIGH_TEMPERATURE_SLOPE
from labile.techniques.mossbauer.iron57 import ALPHA_IRON_LINES, ANGULAR_FREQUENCY, MM_S

DATA = Path(__file__).parents[1] / "data" / "mossbauer"
FOIL = "251104_v12.dat"
FE = {"isomer_shift_reference": "alpha-Fe"}


def measured(name):
    (found,) = registry.read(DATA / name)
    return found


@pytest.fixture(scope="module")
def scale():
    return calibrate(measured(FOIL), starts="positive", nominal_velocity=12 * MM_S)


def raw(counts, label="raw"):
    axis = Axis("channel", np.arange(1.0, counts.size + 1))
    return Measurement("counts", counts[None, :], Conditions(295.0), axis=axis, label=label)


def folded(counts, velocity, temperature=100.0, label="spectrum"):
    return Measurement(
        "counts", counts[None, :], Conditions(temperature), axis=Axis("velocity", velocity), label=label, attributes=FE
    )


def foil_counts(channels=1024, drive="triangular", top=8.0, level=2e5, centre=None, seed=3, broken=()):
    """Simulated alpha-iron spectrum of a whole period, positive velocities first."""
    centre = 0.5 * (channels + 1) if centre is None else centre
    u = np.abs(np.arange(1.0, channels + 1) - centre)
    v = -top * (1 - 4 * u / channels) if drive == "triangular" else -top * np.cos(2 * np.pi * u / channels)
    if drive == "sawtooth":
        v = top * (1 - 2 * np.arange(channels) / (channels - 1))
    dips = np.zeros(channels)
    for number, (line, depth) in enumerate(zip(np.array(ALPHA_IRON_LINES) / MM_S, (9, 6, 3, 3, 6, 9), strict=True)):
        if number not in broken:
            dips += 0.01 * depth * 0.125**2 / ((v - line) ** 2 + 0.125**2)
    return np.random.default_rng(seed).poisson(level * (1 - dips)).astype(float)


# calibration and folding


def test_calibration_of_the_real_foil(scale):
    """Issue 6: six lines, residuals after folding below 0.01 mm/s, FWHM about 0.23 mm/s."""
    assert scale.line_channels.size == 6
    assert np.max(np.abs(scale.residuals)) < 0.01 * MM_S
    assert np.mean(scale.widths) / MM_S == pytest.approx(0.23, abs=0.015)
    assert scale.velocity_at_end / MM_S == pytest.approx(12.0, abs=0.1)
    assert 2 * scale.fold_point.channel == scale.fold_sum
    assert scale.fold_point.mirrored == pytest.approx(1.0, abs=0.05)
    assert 0 < scale.geometry < 0.01
    text = " ".join(scale.describe())
    assert "α-Fe at room temperature" in text
    assert FOIL in text
    spectrum = fold_spectrum(measured(FOIL), scale)
    assert spectrum.attributes["calibration_sha256"] == scale.sha256
    fit = fit_spectrum(spectrum, SpectrumModel((Sextet("iron", shift=0.0),)))
    assert fit.result.value("iron.hyperfine_field") == pytest.approx(33.0, abs=0.03)
    assert fit.result.value("iron.isomer_shift") / MM_S == pytest.approx(0.0, abs=0.005)


def test_real_spectra_of_goethite_and_ferrihydrite(scale):
    """Literature: goethite 50.6 T at 4 K, about 49-50 T at 77 K, isomer shifts of iron(III) near 0.48 mm/s."""
    cold = fold_spectrum(measured("5.0K_1.0h10.0m.dat"), scale)
    two = SpectrumModel((Sextet("goethite", 0.48e-3, 50.5, -0.12e-3), Sextet("ferrihydrite", 0.48e-3, 49.0)))
    fit = fit_spectrum(cold, two)
    assert fit.result.converged
    assert fit.result.value("goethite.hyperfine_field") == pytest.approx(50.4, abs=0.5)
    for name in ("goethite", "ferrihydrite"):
        assert fit.result.value(f"{name}.isomer_shift") / MM_S == pytest.approx(0.47, abs=0.05)
    assert sum(share for share, _ in fit.area_fractions().values()) == pytest.approx(1.0)
    warm = fold_spectrum(measured("77.0K_1.0h12.0m.dat"), scale)
    mixed = SpectrumModel((Doublet("ferrihydrite", 0.45e-3, 0.8e-3), Sextet("goethite", 0.48e-3, 49.0, -0.12e-3)))
    fit = fit_spectrum(warm, mixed)
    assert fit.result.value("goethite.hyperfine_field") == pytest.approx(49.5, abs=0.5)
    assert fit.result.value("goethite.quadrupole_shift") / MM_S == pytest.approx(-0.125, abs=0.03)
    text = repr(fit)
    for line in text.splitlines():
        if "isomer_shift" in line:
            assert "relative to α-Fe at room temperature" in line


@pytest.mark.parametrize(
    ("channels", "drive", "centre"),
    [(512, "triangular", None), (1024, "triangular", 512.0), (1024, "sinusoidal", None), (512, "sawtooth", None)],
)
def test_simulated_drives(channels, drive, centre):
    scale = calibrate(raw(foil_counts(channels, drive, centre=centre)), starts="positive", drive=drive)
    assert scale.velocity_at_end / MM_S == pytest.approx(8.0, rel=0.01)
    assert scale.line_channels.size == 6
    assert np.max(np.abs(scale.residuals)) < 0.01 * MM_S
    if centre is not None:
        assert scale.fold_point.channel == centre
    turned = calibrate(raw(foil_counts(channels, drive, centre=centre)), starts="negative", drive=drive)
    np.testing.assert_allclose(turned.coefficients[1], -scale.coefficients[1], rtol=1e-9)


def test_constant_acceleration_is_the_triangular_drive():
    assert calibrate(raw(foil_counts(512)), starts="positive", drive="constant_acceleration").drive == "triangular"


def test_non_linear_drive_and_geometry():
    u = np.arange(1.0, 1025)
    t = 1 - 4 * np.abs(u - 512.5) / 1024
    v = -(8.0 * t + 0.15 * t**3)
    dips = sum(
        0.01 * d * 0.125**2 / ((v - x) ** 2 + 0.125**2)
        for x, d in zip(np.array(ALPHA_IRON_LINES) / MM_S, (9, 6, 3, 3, 6, 9), strict=True)
    )
    way = np.where(u < 512.5, 1, -1) * (1 - t * t)
    counts = np.random.default_rng(5).poisson(1e6 * (1 + 0.004 * way) * (1 - dips)).astype(float)
    straight = calibrate(raw(counts), starts="positive")
    cubic = calibrate(raw(counts), starts="positive", degree=3)
    assert straight.nonlinearity > 0.005 * MM_S
    assert np.max(np.abs(cubic.residuals)) < 0.003 * MM_S
    assert abs(cubic.coefficients[3]) / MM_S == pytest.approx(0.15, abs=0.05)
    assert straight.geometry == pytest.approx(0.004, abs=5 * straight.sigma_geometry)


def test_five_lines_are_enough_and_four_are_not():
    five = calibrate(raw(foil_counts(broken=(5,))), starts="positive")
    assert five.velocity_at_end / MM_S == pytest.approx(8.0, rel=0.01)
    assert any("five lines" in step for step in five.steps)
    with pytest.raises(MossbauerError, match="only 4 of the six lines"):
        calibrate(raw(foil_counts(broken=(0, 5))), starts="positive")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibrate(measured(FOIL), starts=""), "starts must be"),
        (lambda: calibrate(measured(FOIL), starts="positive", drive="square"), "drive 'square' is unknown"),
        (lambda: calibrate(measured(FOIL), starts="positive", drive="sawtooth"), "12 lines where alpha-iron has six"),
        (lambda: calibrate(measured(FOIL), starts="positive", drive="sinusoidal"), "is the drive another one"),
        (lambda: calibrate(measured(FOIL), starts="positive", nominal_velocity=6 * MM_S), "12.0.* at the ends, but 6"),
        (lambda: calibrate(measured("5.0K_1.0h10.0m.dat"), starts="positive"), "another absorber"),
        (lambda: calibrate(measured("77.0K_1.0h12.0m.dat"), starts="positive"), "not alpha-iron"),
        (lambda: calibrate(raw(foil_counts(512, "sawtooth")), starts="positive"), "lines of alpha-iron are resolved"),
        (lambda: calibrate(measured(FOIL), starts="positive", fold_point=511.3), "integer or half-integer"),
    ],
)
def test_wrong_calibrations(call, message):
    with pytest.raises(MossbauerError, match=message):
        call()


def test_spectra_and_calibrations_that_do_not_belong_together(scale):
    cold = measured("5.0K_1.0h10.0m.dat")
    with pytest.raises(MossbauerError, match="512 channels, but its calibration"):
        fold_spectrum(raw(np.array(cold.values[0][:512].tolist())), replace(scale, channels=900))
    half = raw(np.array(cold.values[0][:511]))
    with pytest.raises(MossbauerError, match="folded already"):
        fold_spectrum(half, scale)
    shifted = raw(np.roll(cold.values[0], 12))
    with pytest.raises(MossbauerError, match="another run"):
        fold_spectrum(shifted, scale)
    with pytest.raises(MossbauerError, match=r"needs? a calibration"):
        reduce_spectrum(cold)
    with pytest.raises(MossbauerError, match="does not state its temperature"):
        reduce_spectrum(measured(FOIL), calibration=scale)
    with pytest.raises(MossbauerError, match="not folded"):
        fit_spectrum(cold, SpectrumModel((Singlet("a"),)))


def test_reduction_gives_transmission(scale):
    reduced = reduce_spectrum(measured("5.0K_1.0h10.0m.dat"), calibration=[measured(FOIL)], starts="positive")
    assert (reduced.quantity, reduced.axis.quantity) == ("transmission", "velocity")
    assert np.median(reduced.values[0][:20]) == pytest.approx(1.0, abs=0.005)
    assert reduced.attributes["isomer_shift_reference"] == "alpha-Fe"


def test_reduction_as_a_study_asks_for_it():
    reduction = technique("mossbauer").reduction("counts", "transmission")
    options = {"calibration": (measured(FOIL),), "starts": "positive"}
    (found,), heard = reduce(reduction, [measured("77.0K_1.0h12.0m.dat")], "transmission", options)
    assert found.quantity == "transmission"
    assert found.axis.values.size == 511
    assert heard == []
    with pytest.raises(MossbauerError, match="ask for transmission"):
        reduce_spectrum(measured(FOIL), quantity="chi_t")


def test_populations_from_areas():
    x, sigma = populations_from_areas([3.0, 1.0], [0.03, 0.02], [0.6, 0.4])
    assert x == pytest.approx([2 / 3, 1 / 3])
    # both move by the same amount in opposite directions
    assert sigma[0] == pytest.approx(sigma[1])
    with pytest.raises(MossbauerError):
        populations_from_areas([1.0, 1.0], [0.1, 0.1], [0.0, 0.4])


def test_zero_of_velocity_files():
    v = np.linspace(-4e-3, 4e-3, 64)
    unknown = Measurement("counts", np.full((1, 64), 1e4), Conditions(80.0), axis=Axis("velocity", v))
    with pytest.raises(MossbauerError, match="nothing says what its zero velocity is"):
        referred_to_alpha_iron(unknown)
    with pytest.raises(MossbauerError, match="zero velocity is not stated"):
        fit_spectrum(unknown, SpectrumModel((Singlet("a"),)))
    moved = referred_to_alpha_iron(unknown, reference="SNP")
    np.testing.assert_allclose(moved.axis.values - v, -0.257e-3)
    stated = referred_to_alpha_iron(unknown, offset=0.1e-3)
    np.testing.assert_allclose(stated.axis.values - v, 0.1e-3)


# raw counts


def test_half_counted_first_channel_is_left_out(scale):
    counts = np.array(measured(FOIL).values[0])
    counts[0] *= 0.5
    repaired = fold_spectrum(raw(counts), scale)
    assert any("channel 1 holds 16967" in step for step in repaired.provenance.steps)
    assert repaired.axis.values.size == 510


def test_counts_that_overflowed_are_repaired():
    true = foil_counts(512, level=2**16 * 1.0, seed=8)
    wrapped = np.where(true >= 2**16, true - 2**16, true)
    assert np.any(wrapped != true)
    found = checked_counts(raw(wrapped))
    np.testing.assert_array_equal(found.values, true)
    assert any("overflowed a 16-bit counter" in step for step in found.steps)


def test_bad_counts():
    good = foil_counts(512)
    for change, message in (
        (lambda c: np.where(np.arange(512) == 40, -5.0, c), "channel 41 holds -5"),
        (lambda c: np.minimum(c, 2**16 - 1 + 0 * c), "end of a 16-bit counter"),
        (lambda c: 0 * c, "no counts"),
    ):
        with pytest.raises(MossbauerError, match=message):
            checked_counts(raw(change(good)))


# static spectra


def simulated(model, values, velocity, level=1e6, seed=0):
    full = {**model.parameters().as_dict(), **values}
    curve = model.evaluate(velocity, full, ())[0]
    return np.random.default_rng(seed).poisson(level * curve).astype(float)


@pytest.mark.parametrize(
    "model",
    [
        SpectrumModel((Singlet("a"), Doublet("b", free_ratio=True), Sextet("c", free_ratio=True))),
        SpectrumModel((Doublet("a", free_ratio=True), Sextet("b")), gaussian=("a",), share_width=True),
        SpectrumModel((Doublet("a"), Sextet("b", field=20.0)), thick=True),
        SpectrumModel((Combined("a", splitting=2e-3, eta=0.4, angle=0.7, azimuth=0.3), Singlet("b"))),
    ],
    ids=["lorentz", "voigt", "thick", "combined"],
)
def test_jacobian_of_spectra(model):
    parameters = model.parameters()
    names, values = parameters.names, parameters.as_dict()
    values["spectrum.baseline_slope"] = 0.8
    v = np.linspace(-9e-3, 9e-3, 61)
    _, jacobian = model.evaluate(v, values, names)
    for k, name in enumerate(names):
        scale = max(abs(values[name]), 1e-4 if parameters[name].unit != "1" else 0.1)
        h = 1e-4 * scale

        def at(f, name=name, h=h):
            return model.evaluate(v, {**values, name: values[name] + f * h}, ())[0]

        found = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        np.testing.assert_allclose(jacobian[:, k], found, rtol=0, atol=2e-6 * np.abs(found).max() + 1e-9 / scale * 1e-3)


def test_thin_limit_and_transmission_integral():
    """SCIENCE section 5: dip over f_s = 1 - e^(-t/2) I0(t/2), and the widths."""
    model = SpectrumModel((Singlet("a"),), thick=True)
    v = np.linspace(-0.4e-3, 0.4e-3, 4001)
    base = model.parameters().as_dict() | {"a.line_width": 0.097e-3, "spectrum.source_fraction": 0.6}
    from scipy.special import i0e

    for thickness, width in ((0.5, 0.20647), (1.0, 0.21950), (2.0, 0.24640)):
        dip = (1 - model.evaluate(v, base | {"a.effective_thickness": thickness}, ())[0]) / 0.6
        assert dip.max() == pytest.approx(1 - i0e(thickness / 2), abs=1e-6)
        half = np.interp(-0.5 * dip.max(), -dip[2000:], v[2000:])
        assert 2 * half / MM_S == pytest.approx(width, abs=1e-4)
    thin = model.evaluate(v, base | {"a.effective_thickness": 1e-4}, ())[0]
    lorentz = 0.6 * 0.5e-4 * 0.097e-3**2 / (v**2 + 0.097e-3**2)
    np.testing.assert_allclose(1 - thin, lorentz, atol=2e-4 * lorentz.max())


def test_thick_absorbers_are_said():
    v = np.linspace(-3e-3, 3e-3, 256)
    model = SpectrumModel((Singlet("a"),), thick=True)
    truth = {"a.effective_thickness": 5.0, "a.line_width": 0.1e-3, "spectrum.source_fraction": 0.8}
    counts = simulated(model, truth, v)
    thin = fit_spectrum(folded(counts, v), SpectrumModel((Singlet("a"),)))
    assert any("the absorber is thick" in note for note in thin.notes)
    thick = fit_spectrum(folded(counts, v), model, changes=[Parameter("spectrum.source_fraction", 0.8, fixed=True)])
    assert thick.result.value("a.effective_thickness") == pytest.approx(5.0, rel=0.05)
    assert thick.reduced_chi2 < 1.3


def test_line_ratios():
    assert texture_ratio(0.0) == pytest.approx(3.0)
    assert texture_ratio(math.pi / 2) == pytest.approx(0.6)
    assert texture_ratio(math.pi / 2, vzz=-1) == pytest.approx(1 / 0.6)
    # a powder average of the intensities is 1
    mean = [quad(lambda c, k=k: k(c) / 2, -1, 1)[0] for k in (lambda c: 3 + 3 * c * c, lambda c: 5 - 3 * c * c)]
    assert mean[0] / mean[1] == pytest.approx(1.0)
    assert goldanskii_karyagin_ratio(0.0) == pytest.approx(1.0, abs=1e-12)
    # first order in the anisotropy: 1 - a/5 x ... from <c^2 (c^2 - 1/3)> = 4/45
    assert goldanskii_karyagin_ratio(1e-4) == pytest.approx(1 - 1e-4 * 4 / 45 * 6 / 4, abs=1e-8)
    assert goldanskii_karyagin_ratio(0.3) * goldanskii_karyagin_ratio(0.3, vzz=-1.0) == pytest.approx(1.0)


def test_combined_hamiltonian_has_the_first_order_sextet_as_its_limit():
    v = np.linspace(-8e-3, 8e-3, 801)
    q, theta = 0.004e-3, 0.6
    exact = SpectrumModel((Combined("a", splitting=q, angle=theta),))
    first = SpectrumModel((Sextet("a", quadrupole_shift=q / 4 * (3 * math.cos(theta) ** 2 - 1)),))
    values = {**first.parameters().as_dict(), **exact.parameters().as_dict()}
    difference = exact.evaluate(v, values, ())[0] - first.evaluate(v, values, ())[0]
    # second order in q over the magnetic splitting
    assert np.max(np.abs(difference)) < 2e-4 * (1 - exact.evaluate(v, values, ())[0].min())


def test_combined_hamiltonian_without_field_is_a_doublet():
    v = np.linspace(-4e-3, 4e-3, 401)
    eta = 0.7
    exact = SpectrumModel((Combined("a", splitting=-1.5e-3, eta=eta, field=0.0),))
    split = 1.5e-3 * math.sqrt(1 + eta**2 / 3)
    two = SpectrumModel((Doublet("a", splitting=split),))
    values = {**two.parameters().as_dict()}
    mine = {**values, **exact.parameters().as_dict()}
    np.testing.assert_allclose(exact.evaluate(v, mine, ())[0], two.evaluate(v, values, ())[0], atol=1e-12)
    assert quadrupole_splitting(gradient_tensor(-1.5e-3, eta)) == pytest.approx(split)


def test_model_mistakes():
    with pytest.raises(MossbauerError, match="names must differ"):
        SpectrumModel((Singlet("a"), Doublet("a")))
    with pytest.raises(MossbauerError, match="no component 'x'"):
        SpectrumModel((Singlet("a"),), gaussian=("x",))
    with pytest.raises(MossbauerError, match="no Gaussian width"):
        SpectrumModel((Combined("a"),), gaussian=("a",))
    with pytest.raises(MossbauerError, match="plain word"):
        Singlet("a.b")


def test_coverage_of_intervals():
    """48 simulated spectra, 256 in benchmarks/calibration: intervals hold the truth about as often as they say."""
    model = SpectrumModel((Doublet("a", 0.4e-3, 1.7e-3), Doublet("b", 1.0e-3, 2.4e-3)))
    v = np.linspace(-4e-3, 4e-3, 128)
    truth = model.parameters().as_dict()
    truth |= {"a.line_width": 0.3e-3, "b.line_width": 0.3e-3, "b.absorption_area": 0.02e-3}
    watched = tuple(f"{c}.{q}" for c in "ab" for q in ("isomer_shift", "quadrupole_splitting", "absorption_area"))
    hits = []
    for seed in range(48):
        fit = fit_spectrum(folded(simulated(model, truth, v, seed=seed), v), model)
        hits += [abs(fit.result.value(n) - truth[n]) < fit.result.sigma_of(n) for n in watched]
    # 288 draws of probability 0.683, not all independent: 0.60 to 0.76 is 2.8 standard deviations
    assert 0.60 < np.mean(hits) < 0.76


def test_a_field_distribution_is_recovered():
    v = np.linspace(-10e-3, 10e-3, 256)
    model = SpectrumModel((Sextet("s"),))
    base = model.parameters().as_dict()
    fields = np.linspace(20.0, 55.0, 71)
    density = 0.6 * np.exp(-0.5 * ((fields - 45) / 2) ** 2) + 0.27 * np.exp(-0.5 * ((fields - 33) / 3) ** 2)
    density /= np.trapezoid(density, fields)
    curve = np.ones(v.size)
    for field, weight in zip(fields, density * 0.5, strict=True):
        own = {"s.hyperfine_field": field, "s.line_width": 0.28e-3, "s.absorption_area": 0.3e-3 * weight}
        curve -= model.absorption(v, base | own, {}, "absorption_area")[0]
    counts = np.random.default_rng(1).poisson(2e6 * curve).astype(float)
    found = fit_distribution(
        folded(counts, v), Sextet("s"), "hyperfine_field", np.linspace(15, 60, 61), line_width=0.28e-3,
        fixed={"isomer_shift": 0.3e-3},
    )  # fmt: skip
    assert found.mean == pytest.approx(np.trapezoid(fields * density, fields), abs=0.3)
    # counting noise of the baseline alone is 1 % of the area
    assert found.area == pytest.approx(0.3e-3, rel=0.03)
    assert np.max(np.abs(np.interp(fields, found.grid, found.density) - density)) < 0.12 * density.max()
    assert found.l_curve.shape == (41, 3)
    assert np.all(found.density >= 0)


def test_distribution_mistakes():
    v = np.linspace(-4e-3, 4e-3, 128)
    flat = folded(np.full(128, 1e6), v)
    with pytest.raises(MossbauerError, match="has no hyperfine_field"):
        fit_distribution(flat, Doublet("d"), "hyperfine_field", np.linspace(0, 50, 9), line_width=0.3e-3)
    with pytest.raises(MossbauerError, match="evenly spaced"):
        fit_distribution(flat, Sextet("d"), "hyperfine_field", np.array([0, 1, 2, 4, 8.0]), line_width=0.3e-3)


def test_series_with_common_parameters():
    model = SpectrumModel((Doublet("L", 0.3e-3, 0.6e-3), Doublet("H", 1.0e-3, 2.2e-3)), share_width=True)
    v = np.linspace(-4e-3, 4e-3, 128)
    spectra, fractions = [], []
    for number, kelvin in enumerate(np.linspace(20.0, 300.0, 6)):
        x = 1 / (1 + math.exp((150 - kelvin) / 20))
        shift = float(second_order_doppler(kelvin, 140.0).value - second_order_doppler(295.0, 140.0).value)
        f = float(recoil_free_fraction(kelvin, 140.0).value)
        values = {
            "L.isomer_shift": 0.3e-3 + shift,
            "H.isomer_shift": 1.0e-3 + shift,
            "H.quadrupole_splitting": 2.2e-3 - 0.1e-3 * (kelvin - 150) / 100,
            "L.quadrupole_splitting": 0.6e-3,
            "spectrum.line_width": 0.27e-3,
            "L.absorption_area": 0.1e-3 * f * (1 - x),
            "H.absorption_area": 0.1e-3 * f * x,
        }
        spectra.append(folded(simulated(model, values, v, seed=number), v, kelvin, f"{kelvin:g} K"))
        fractions.append(x)
    common = {
        "L.isomer_shift": LatticeDoppler(),
        "L.quadrupole_splitting": Shared(),
        "H.isomer_shift": LatticeDoppler(free=False),
        "H.quadrupole_splitting": Smooth(1),
        "spectrum.line_width": Shared(),
    }
    fit = fit_series(spectra, model, common)
    assert fit.common.converged
    theta, sigma = (f("L.lattice_temperature") for f in (fit.common.value, fit.common.sigma_of))
    assert theta == pytest.approx(140.0, abs=4 * sigma)
    assert fit.common.value("H_c1.quadrupole_splitting") == pytest.approx(-0.1e-3, abs=0.02e-3)
    for one, x in zip(fit.spectra, fractions, strict=True):
        share, sigma = one.area_fractions()["H"]
        assert share == pytest.approx(x, abs=4 * sigma + 1e-4)
    # the same as one dense fit with all parameters: the projected covariance is that of the whole problem
    assert all("relative to α-Fe" in value for name, value, _ in fit.table() if name.endswith("isomer_shift"))


def test_projected_covariance_is_that_of_the_whole_fit():
    model = SpectrumModel((Doublet("a", 0.4e-3, 1.7e-3),))
    v = np.linspace(-3e-3, 3e-3, 96)
    spectra = [folded(simulated(model, {}, v, seed=s), v, 100.0 + s, f"s{s}") for s in range(2)]
    fit = fit_series(spectra, model, {"a.quadrupole_splitting": Shared()})
    names = model.parameters().names
    free = [n for n in names if not model.parameters()[n].fixed]
    own = [n for n in free if n != "a.quadrupole_splitting"]
    rows = []
    for i, one in enumerate(fit.spectra):
        _, jacobian = model.evaluate(v, one.result.parameters.as_dict(), tuple(free))
        jacobian = jacobian / one.spectrum.sigma[0][:, None]
        whole = np.zeros((v.size, 1 + 2 * len(own)))
        whole[:, 0] = jacobian[:, free.index("a.quadrupole_splitting")]
        whole[:, 1 + i * len(own) : 1 + (i + 1) * len(own)] = jacobian[:, [free.index(n) for n in own]]
        rows.append(whole)
    covariance = np.linalg.inv(np.concatenate(rows).T @ np.concatenate(rows))
    assert fit.common.sigma_of("a.quadrupole_splitting") == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-6)
    expected = math.sqrt(covariance[1 + own.index("a.isomer_shift"), 1 + own.index("a.isomer_shift")])
    assert fit.spectra[0].result.sigma_of("a.isomer_shift") == pytest.approx(expected, rel=1e-6)


# lattice dynamics


def test_lattice_dynamics():
    """SCIENCE B1 to B3 and section 5."""
    assert HIGH_TEMPERATURE_SLOPE / MM_S == pytest.approx(-7.307e-4, abs=1e-6)
    far = second_order_doppler(5000.0, 150.0)
    assert float(far.d_temperature) == pytest.approx(HIGH_TEMPERATURE_SLOPE, rel=1e-3)
    for theta, kelvin, shift in ((150, 80, -0.0683), (150, 300, -0.2219), (200, 300, -0.2240), (470, 300, -0.2454)):
        assert float(second_order_doppler(kelvin, theta).value) / MM_S == pytest.approx(shift, abs=1e-4)
    for theta, kelvin, f in ((150, 80, 0.5883), (150, 300, 0.1603), (200, 300, 0.3551), (470, 300, 0.8208)):
        assert float(recoil_free_fraction(kelvin, theta).value) == pytest.approx(f, abs=5e-4)
    difference = second_order_doppler([125.0, 300.0], 150.0).value / MM_S
    assert np.diff(difference)[0] == pytest.approx(-0.124, abs=1e-3)


@pytest.mark.parametrize("model", ["debye", "einstein"])
@pytest.mark.parametrize("function", [second_order_doppler, recoil_free_fraction])
def test_derivatives_of_lattice_dynamics(function, model):
    for kelvin in (40.0, 120.0, 300.0):
        found = function(kelvin, 150.0, model)
        by_t = (function(kelvin + 0.01, 150.0, model).value - function(kelvin - 0.01, 150.0, model).value) / 0.02
        by_theta = (function(kelvin, 150.01, model).value - function(kelvin, 149.99, model).value) / 0.02
        assert float(found.d_temperature) == pytest.approx(float(by_t), rel=1e-5)
        assert float(found.d_theta) == pytest.approx(float(by_theta), rel=1e-5)
    # both models agree at high temperature where <x^2> is the same: theta_E = theta_D/sqrt 3
    assert float(recoil_free_fraction(2000.0, 150.0).value) == pytest.approx(
        float(recoil_free_fraction(2000.0, 150.0 / math.sqrt(3), "einstein").value), rel=0.02
    )


# exchange


def line_area(rate, fraction=0.3, distance=1.0, width=0.25):
    """Area over the whole axis: w = tan t."""
    found, _ = quad(
        lambda t: float(two_state_line(math.tan(t), -distance / 2, distance / 2, fraction, width, rate)) / math.cos(t)
        ** 2,
        -math.pi / 2, math.pi / 2, limit=400, epsabs=1e-11, points=[-math.atan(distance / 2), 0.0, math.atan(distance /
        2)],
    )  # fmt: skip
    return found


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 1.0, 10.0, 1e4])
@pytest.mark.parametrize("fraction", [0.5, 0.12])
def test_area_is_conserved(rate, fraction):
    assert line_area(rate, fraction) == pytest.approx(math.pi, rel=1e-6)


def test_slow_and_fast_exchange():
    """SCIENCE B5."""
    w = np.linspace(-2.0, 2.0, 401)
    half = 0.125
    first, second = (half / ((w - c) ** 2 + half**2) for c in (-0.5, 0.5))
    np.testing.assert_allclose(two_state_line(w, -0.5, 0.5, 0.3, 0.25, 0.0), 0.3 * first + 0.7 * second, rtol=1e-13)
    # both rates at least 1e3 dw: kappa p >= 1e3
    kappa = 1e3 / 0.3
    extra = 2 * 0.3 * 0.7 / kappa
    centre = 0.7 * 0.5 - 0.3 * 0.5
    wide = 0.5 * (0.25 + extra)
    single = wide / ((w - centre) ** 2 + wide**2)
    found = two_state_line(w, -0.5, 0.5, 0.3, 0.25, kappa)
    assert np.max(np.abs(found - single)) < 1e-6 * single.max()
    narrow = half / ((w - centre) ** 2 + half**2)
    assert 1e-4 < np.max(np.abs(found - narrow)) / narrow.max() < 1e-2


def test_coalescence():
    """SCIENCE B4."""
    assert coalescence_rate(1e-3) == pytest.approx(2.582e7, abs=1e4)
    assert coalescence_rate(1e-3, 0.194e-3) == pytest.approx(2.312e7, abs=1e4)
    assert coalescence_rate(1e-3, 0.25e-3) == pytest.approx(2.233e7, abs=1e4)
    assert coalescence_rate(0.1e-3, 0.25e-3) == 0.0
    v = np.linspace(-0.2e-3, 0.2e-3, 3)
    for factor, sign in ((0.98, 1), (1.02, -1)):
        kappa = 2 * factor * coalescence_rate(1e-3, 0.25e-3) / ANGULAR_FREQUENCY
        line = two_state_line(v, -0.5e-3, 0.5e-3, 0.5, 0.25e-3, kappa)
        near = two_state_line(np.array([0.0, 0.01e-3]), -0.5e-3, 0.5e-3, 0.5, 0.25e-3, kappa)
        assert np.sign(near[1] - near[0]) == sign
        assert line[0] == pytest.approx(line[2])


def test_detailed_balance():
    p = np.array([0.5, 0.3, 0.2])
    k = rate_matrix(p, {(0, 1): 2.0, (1, 2): 0.7})
    np.testing.assert_allclose(k @ p, 0.0, atol=1e-15)
    np.testing.assert_allclose(k.sum(axis=0), 0.0, atol=1e-15)
    assert p[0] * k[1, 0] == pytest.approx(p[1] * k[0, 1])
    assert k[1, 0] + k[0, 1] == pytest.approx(2.0)
    with pytest.raises(MossbauerError, match="pair"):
        rate_matrix(p, {(0, 3): 1.0})


@pytest.mark.parametrize("rate", [0.0, 0.1e-3, 1e-3, 30e-3])
def test_closed_form_equals_matrix_and_superoperator(rate):
    """Issue 6: to 1e-10."""
    v = np.linspace(-4e-3, 4e-3, 201)
    eta = 0.3
    states = [NuclearState(0.5e-3, gradient_tensor(1e-3, eta)), NuclearState(1.1e-3, gradient_tensor(-2.5e-3, eta))]
    whole = superoperator_line(v, states, [0.35, 0.65], 0.25e-3, {(0, 1): rate})
    f = math.sqrt(1 + eta**2 / 3)
    closed, matrix = 0.0, 0.0
    for sign in (1, -1):
        ends = (0.5e-3 + sign * 0.5e-3 * f, 1.1e-3 - sign * 1.25e-3 * f)
        closed = closed + two_state_line(v, *ends, 0.35, 0.25e-3, rate) / (2 * math.pi)
        matrix = matrix + 0.5 * exchange_line(v, ends, (0.35, 0.65), 0.25e-3, {(0, 1): rate}).value
    assert np.max(np.abs(whole - closed)) < 1e-10 * closed.max()
    assert np.max(np.abs(matrix - closed)) < 1e-10 * closed.max()


@pytest.mark.parametrize("rate", [0.1e-3, 1e-3])
def test_superoperator_equals_direct_simulation(rate):
    v = np.linspace(-3e-3, 4e-3, 36)
    states = [
        NuclearState(0.5e-3, gradient_tensor(1.5e-3, 0.3)),
        NuclearState(0.9e-3, gradient_tensor(2.0e-3, 0.5, (0.3, 1.2, 0.4)), np.array([0.0, 2.0, 5.0])),
        NuclearState(0.2e-3, gradient_tensor(-0.7e-3, 0.0, (0.0, 0.6, 0.0))),
    ]
    p, rates = [0.35, 0.45, 0.2], {(0, 1): rate, (1, 2): 0.5 * rate}
    value, sigma = simulated_line(v, states, p, 0.25e-3, rates, nuclei=3000, seed=4)
    exact = superoperator_line(v, states, p, 0.25e-3, rates)
    z = (value - exact) / sigma
    assert np.max(np.abs(z)) < 4.5
    assert 0.6 < np.sqrt(np.mean(z**2)) < 1.6
    assert np.max(sigma) < 0.02 * exact.max()


def test_fast_exchange_of_turned_gradients_averages_the_tensor():
    v = np.linspace(-3e-3, 3e-3, 1201)
    tensors = [gradient_tensor(2e-3), gradient_tensor(2e-3, 0.0, (0.0, math.pi / 2, 0.0))]
    states = [NuclearState(0.0, t) for t in tensors]
    line = superoperator_line(v, states, [0.5, 0.5], 0.2e-3, {(0, 1): 2.0})
    split = averaged_splitting([0.5, 0.5], tensors)
    # axial gradients at right angles: sqrt(1/4 + 1/4 + 1/2 P2(0)) = 1/2
    assert split == pytest.approx(1e-3)
    peaks = v[1:-1][(line[1:-1] > line[:-2]) & (line[1:-1] > line[2:])]
    assert peaks[-1] - peaks[0] == pytest.approx(split, abs=0.02e-3)


def test_derivatives_of_exchange():
    w = np.linspace(-2, 2, 41)
    start = np.array([-0.5, 0.7, 0.1, 0.3, 0.5, 0.2, 0.25, 0.8, 0.3])

    def line(t):
        return exchange_line(w, t[:3], t[3:6], t[6], {(0, 1): t[7], (1, 2): t[8]})

    one = line(start)
    exact = [*one.d_frequency, *one.d_population, one.d_width, one.d_rate[0, 1], one.d_rate[1, 2]]
    for i, column in enumerate(exact):
        step = np.zeros(9)
        step[i] = 1e-5
        found = (line(start + step).value - line(start - step).value) / 2e-5
        np.testing.assert_allclose(column, found, atol=1e-7)


def test_hopping_and_barriers():
    """SCIENCE section 5: 12 kJ/mol at 125 K, 5.7 kJ/mol at 300 K for 1e13 s-1."""
    assert barrier_at_rate(1e8, 125.0) / 1e3 == pytest.approx(12.0, abs=0.05)
    assert barrier_at_rate(1e12, 300.0) / 1e3 == pytest.approx(5.74, abs=0.01)
    assert float(hopping_rate(125.0, 1e13, barrier_at_rate(1e8, 125.0))) == pytest.approx(1e8)
    with pytest.raises(MossbauerError):
        barrier_at_rate(0.0, 100.0)
