"""Pressure scales: published numbers, inverses, Monte Carlo, real ruby spectra."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.models.volumes import EquationOfState
from labile.techniques.pressure_scale import (
    MARKERS,
    MEDIA,
    SCALES,
    PressureScaleError,
    fit_ruby_spectrum,
    freezing_pressure,
    freezing_temperature,
    helium_freezing_temperature,
    kbar,
    medium_warnings,
    pressure_from_marker,
    pressure_from_wavelength,
    temperature_from_ratio,
    thermal_shift,
    wavelength_from_pressure,
)

DATA = Path(__file__).parents[2] / "data" / "ruby"
L0 = 694.24e-9


def spectrum(name):
    options = {"quantity": "intensity", "axis": "wavelength", "axis_unit": "nm", "temperature": 298.0}
    (found,) = registry.read(DATA / name, format="spectral_text", **options)
    return found


@pytest.mark.parametrize(
    ("scale", "shift", "expected"),
    [
        ("mao_1986", 0.365, 1.00279),
        ("ruby2020", 0.365, 0.98607),
        ("mao_1986", 1.0, 2.75577),
        ("ruby2020", 1.0, 2.71544),
        ("linear", 0.365, 1.0),
        ("dorogokupets_2007", 1.0, 1884 / 694.24 * (1 + 5.5 / 694.24)),
    ],
)
def test_g3_published_pressures(scale, shift, expected):
    assert float(pressure_from_wavelength(L0 + shift * 1e-9, scale=scale).pressure) / 1e9 == pytest.approx(
        expected, abs=1e-5
    )


def test_samarium():
    """Datchi 1997 at 4 nm: 4.032 * 4 * (1 + 9.29e-3 * 4)/(1 + 2.32e-2 * 4); both agree within 2 % at 10 GPa."""
    found = pressure_from_wavelength(689.41e-9, scale="samarium_1997")
    assert float(found.pressure) / 1e9 == pytest.approx(4.032 * 4 * 1.03716 / 1.0928, rel=1e-9)
    other = pressure_from_wavelength(688.0e-9, scale="samarium_2007")
    assert float(other.pressure) == pytest.approx(
        float(pressure_from_wavelength(688.0e-9, scale="samarium_1997").pressure), rel=0.02
    )


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SCALES)), st.floats(-0.2, 60.0), st.floats(-0.3, 0.3))
def test_inverse_and_slope(scale, gpa, off):
    zero = SCALES[scale].reference + off * 1e-9
    wavelength = float(wavelength_from_pressure(gpa * 1e9, scale=scale, reference=zero))
    found = pressure_from_wavelength(wavelength, scale=scale, reference=zero)
    assert float(found.pressure) == pytest.approx(gpa * 1e9, abs=1.0)
    step = 1e-13
    sides = [
        float(pressure_from_wavelength(wavelength + s * step, scale=scale, reference=zero).pressure) for s in (-1, 1)
    ]
    assert float(found.slope) == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("scale", ["mao_1986", "ruby2020", "samarium_2007"])
def test_uncertainty_equals_monte_carlo(scale):
    rng = np.random.default_rng(0)
    chosen = SCALES[scale]
    wavelength = float(wavelength_from_pressure(12e9, scale=scale))
    found = pressure_from_wavelength(wavelength, 2e-11, scale=scale, reference=chosen.reference, sigma_reference=1e-11)
    draws = []
    for _ in range(6000):
        import dataclasses

        constants = tuple(c + s * rng.normal() for c, s in zip(chosen.constants, chosen.sigma, strict=True))
        zero = chosen.reference + 1e-11 * rng.normal()
        one = dataclasses.replace(chosen, constants=constants)
        draws.append(float(one._evaluate(np.array(wavelength + 2e-11 * rng.normal() - zero), zero)[0]))
    assert float(found.sigma) / 1e9 == pytest.approx(np.std(draws), rel=0.05)


def test_thermal_shifts_agree_between_papers():
    """About 0.0068 nm/K near room temperature; three calibrations within 0.06 nm (0.16 GPa) from 150 to 400 K."""
    kelvin = np.linspace(150, 400, 11)
    found = [thermal_shift(kelvin, 296.0, correction=one)[0] * 1e9 for one in ("datchi_2007", "ragan_1992", "vos_1991")]
    assert np.ptp(found, axis=0).max() < 0.06
    for correction in ("datchi_2007", "ragan_1992", "vos_1991"):
        slope = float(thermal_shift(300.0, correction=correction)[1])
        assert slope * 1e9 == pytest.approx(0.0068, abs=0.0008)
        step = 1e-3
        sides = [float(thermal_shift(250.0 + s * step, correction=correction)[0]) for s in (-1, 1)]
        here = float(thermal_shift(250.0, correction=correction)[1])
        assert here == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-5)
    # it flattens in the cold
    assert abs(float(thermal_shift(60.0)[1])) < 0.3 * abs(float(thermal_shift(300.0)[1]))
    assert float(thermal_shift(20.0)[1]) == 0.0
    assert float(thermal_shift(298.15, line="R2", correction="ragan_1992")[0]) == 0.0
    assert abs(float(thermal_shift(600.0, 296.0, line="Sm")[0])) < 0.5e-9


def test_thermal_refusals():
    with pytest.raises(PressureScaleError, match="from 150 to 400 K for R1, found 100"):
        thermal_shift(100.0, correction="vos_1991")
    with pytest.raises(PressureScaleError, match="has R1 and Sm, not 'R2'"):
        thermal_shift(300.0, line="R2")
    with pytest.raises(PressureScaleError, match="unknown"):
        thermal_shift(300.0, correction="guess")
    with pytest.raises(PressureScaleError, match="from 296 to 900 K for Sm"):
        thermal_shift(100.0, line="Sm")


def test_temperature_from_intensities():
    energy = 29e2 * 1.438776877e-2
    for kelvin in (40.0, 80.0, 150.0):
        ratio = 0.6 * math.exp(-energy / kelvin)
        found = temperature_from_ratio(ratio, 0.01 * ratio, calibration=0.6)
        assert found.value == pytest.approx(kelvin, rel=1e-6)
        assert found.sigma == pytest.approx(0.01 * kelvin**2 / energy, rel=1e-6)
    assert temperature_from_ratio(0.59, 0.01, calibration=0.6).notes
    with pytest.raises(PressureScaleError, match="between 0 and"):
        temperature_from_ratio(0.7, 0.01, calibration=0.6)


@pytest.mark.parametrize("shape", ["pseudo_voigt", "voigt"])
def test_resolved_ruby_spectrum(shape):
    found = fit_ruby_spectrum(spectrum("test_data1.txt"), shape=shape)
    assert found.resolved
    assert found.r1 * 1e9 == pytest.approx(694.822, abs=0.02)
    assert found.r2 * 1e9 == pytest.approx(693.378, abs=0.02)
    assert 0.002 < found.sigma_r1 * 1e9 < 0.02  # the residuals are systematic, which the s.u. holds
    assert any("follow each other" in note for note in found.notes)
    assert "R1 694.82" in found.text
    free = fit_ruby_spectrum(spectrum("test_data1.txt"), shape=shape, tied_width=False)
    assert free.r1 == pytest.approx(found.r1, abs=5e-12)


def test_coarse_ruby_spectrum_is_not_resolved():
    found = fit_ruby_spectrum(spectrum("p1.1_RF.txt"))
    assert not found.resolved
    assert found.sigma_r1 * 1e9 > 0.05
    # doublets with tied widths give 694.22-694.30, a single line 693.89
    assert 694.15 < found.r1 * 1e9 < 694.40
    assert found.blend * 1e9 == pytest.approx(693.89, abs=0.15)
    assert "not resolved" in found.text
    assert "blend R1+R2" in found.text
    assert "0.76 nm per point" in found.notes[0]


@settings(max_examples=12, deadline=None)
@given(st.floats(694.2, 705.0), st.floats(0.35, 0.8), st.floats(0.3, 0.9), st.integers(0, 1000))
def test_simulated_doublets_come_back(r1, width, ratio, seed):
    from labile.fitting.line_shapes import pseudo_voigt

    x = np.arange(685.0, 715.0, 0.05)
    y = sum(area * pseudo_voigt(x, centre, width, 0.7).value for area, centre in ((1.0, r1), (ratio, r1 - 1.43)))
    y = 1000 * y + 20 + 4 * np.random.default_rng(seed).normal(size=x.size)
    one = Measurement("intensity", y[None], Conditions(298.0), axis=Axis("wavelength", x * 1e-9), label="simulated")
    found = fit_ruby_spectrum(one)
    assert found.resolved
    assert abs(found.r1 * 1e9 - r1) < 5 * found.sigma_r1 * 1e9
    assert abs(found.ratio - ratio) < 5 * found.sigma_ratio


def test_r1_uncertainty_equals_the_spread_of_fits():
    from labile.fitting.line_shapes import pseudo_voigt

    x = np.arange(688.0, 700.0, 0.05)
    y = 1000 * sum(a * pseudo_voigt(x, c, 0.6, 0.7).value for a, c in ((1.0, 694.8), (0.6, 693.37))) + 20
    rng = np.random.default_rng(0)
    rows = y + 8 * rng.normal(size=(60, x.size))
    many = Measurement("intensity", rows, Conditions(np.full(60, 298.0)), axis=Axis("wavelength", x * 1e-9))
    fits = [fit_ruby_spectrum(many, row=n) for n in range(60)]
    spread = np.std([one.r1 for one in fits])
    # 9 % is one standard deviation of such a spread
    assert np.mean([one.sigma_r1 for one in fits]) == pytest.approx(spread, rel=0.27)


def test_ruby_refusals():
    x = np.linspace(600, 650, 100)
    flat = Measurement("intensity", np.ones((1, 100)), Conditions(298.0), axis=Axis("wavelength", x * 1e-9))
    with pytest.raises(PressureScaleError, match="no points between 680 and 760 nm"):
        fit_ruby_spectrum(flat)
    noise = np.random.default_rng(0).normal(size=(1, 400))
    x = np.linspace(685, 705, 400)
    with pytest.raises(PressureScaleError, match="no line stands above the noise"):
        fit_ruby_spectrum(Measurement("intensity", noise, Conditions(298.0), axis=Axis("wavelength", x * 1e-9)))
    with pytest.raises(PressureScaleError, match="wavelength axis"):
        fit_ruby_spectrum(Measurement("intensity", noise, Conditions(298.0), axis=Axis("energy", x)))
    with pytest.raises(PressureScaleError, match="row 3 of 1"):
        fit_ruby_spectrum(spectrum("test_data1.txt"), row=3)
    with pytest.raises(PressureScaleError, match="at least 8"):
        fit_ruby_spectrum(spectrum("p1.1_RF.txt"), window=(693e-9, 695e-9))
    with pytest.raises(PressureScaleError, match="must be in m"):
        pressure_from_wavelength(694.24)
    with pytest.raises(PressureScaleError, match="unknown"):
        pressure_from_wavelength(694.24e-9, scale="sapphire")
    assert any("zero of the spectrometer" in note for note in pressure_from_wavelength(L0).notes)
    assert any("negative" in note for note in pressure_from_wavelength(694.0e-9).notes)
    assert any("extrapolated" in note for note in pressure_from_wavelength(760e-9).notes)


@pytest.mark.parametrize("name", sorted(MARKERS))
def test_markers(name):
    """Volumes of a marker's own curve give its pressures back; the s.u. holds that of the volume."""
    one = MARKERS[name]
    curve = EquationOfState(one.form, one.cell_volume, *one.constants)
    volume = curve.volume(5e9)
    found = pressure_from_marker(volume, 1e-4 * volume, marker=name)
    assert float(found.pressure) == pytest.approx(5e9, rel=1e-9)
    assert float(found.sigma) >= 1e-4 * float(curve.at_volume(volume).bulk_modulus) * 0.999
    assert one.doi.startswith("10.")
    with pytest.raises(PressureScaleError, match="room temperature"):
        pressure_from_marker(volume, marker=name, temperature=80.0)
    with pytest.raises(PressureScaleError, match="conventional cell"):
        pressure_from_marker(volume / 4, marker=name)


def test_marker_numbers():
    """Angel 1997: 1 part in 10 000 of the volume of quartz is 0.009 GPa at 9 GPa; cell edges of gold and halite."""
    curve = EquationOfState("birch_murnaghan_3", MARKERS["quartz"].cell_volume, 37.12e9, 5.99)
    v = float(curve.volume(9e9))
    assert float(curve.at_volume(v).bulk_modulus) * 1e-4 / 1e9 == pytest.approx(0.009, abs=0.0007)
    assert MARKERS["gold"].cell_volume ** (1 / 3) * 1e10 == pytest.approx(4.0786, abs=2e-4)
    assert MARKERS["halite"].cell_volume ** (1 / 3) * 1e10 == pytest.approx(5.640, abs=2e-3)
    assert MARKERS["copper"].cell_volume ** (1 / 3) * 1e10 == pytest.approx(3.615, abs=2e-3)
    with pytest.raises(PressureScaleError, match="unknown"):
        pressure_from_marker(1e-28, marker="tin")


def test_media():
    assert helium_freezing_temperature(12e9) == pytest.approx(299, abs=2)
    assert helium_freezing_temperature(2e8) == pytest.approx(22, abs=1)
    assert any("solid below 21.8 K" in text for text in medium_warnings("helium", 2e8, 10.0))
    assert medium_warnings("methanol_ethanol", 5e9) == ()
    assert "beyond its hydrostatic limit" in medium_warnings("silicone_oil", 3e9)[0]
    assert any("loses pressure on cooling" in text for text in medium_warnings("daphne_7373", 1e9, 100.0))
    assert all(one.hydrostatic > 0 for one in MEDIA.values())
    with pytest.raises(PressureScaleError, match="unknown"):
        medium_warnings("water", 1e9)
    with pytest.raises(PressureScaleError, match="does not freeze"):
        helium_freezing_temperature(1e5)


@pytest.mark.parametrize(
    ("medium", "at_room", "triple"), [("neon", 4.7, 24.556), ("argon", 1.3, 83.8), ("nitrogen", 2.4, 63.151)]
)
def test_gases_freeze_under_pressure(medium, at_room, triple):
    """Pressures at which solids appear at 300 K (GPa), and triple points (K)."""
    frozen_at = freezing_pressure(medium, 298.15)
    assert frozen_at / 1e9 == pytest.approx(at_room, abs=0.06)
    assert freezing_temperature(medium, frozen_at) == pytest.approx(298.15, rel=1e-9)
    assert freezing_temperature(medium, 0.0) == pytest.approx(triple, rel=5e-3)
    assert frozen_at < MEDIA[medium].hydrostatic
    assert medium_warnings(medium, 0.95 * frozen_at) == ()
    (text,) = medium_warnings(medium, 1.1 * frozen_at)
    assert f"{medium}: frozen, it is solid above" in text
    assert f"gradients were measured above {MEDIA[medium].hydrostatic / 1e9:g} GPa only" in text
    assert "solid below" in medium_warnings(medium, 1e8, triple)[0]


def test_freezing_in_warnings_and_its_refusals():
    assert "4.72 GPa" in medium_warnings("neon", 6e9)[0]
    assert "2.41 GPa" in medium_warnings("nitrogen", 3e9, 298.0)[0]
    assert "frozen" in medium_warnings("helium", 15e9)[0]
    assert freezing_temperature("helium", 1e5) == 0
    assert freezing_pressure("helium", 1.0) == 2.5e6
    assert freezing_pressure("argon", 20.0) == 0
    assert "solid below 83.8 K" in medium_warnings("argon", 0.0, 20.0)[0]
    for call in (medium_warnings, freezing_temperature):
        with pytest.raises(PressureScaleError, match=">= 0 Pa, found -1 Pa"):
            call("helium", -1.0)
    with pytest.raises(PressureScaleError, match="> 0 K, found 0 K"):
        medium_warnings("helium", 1e9, 0.0)
    with pytest.raises(PressureScaleError, match="> 0 K, found -3 K"):
        freezing_pressure("neon", -3.0)
    with pytest.raises(PressureScaleError, match="those of helium, neon, argon, nitrogen are"):
        freezing_pressure("glycerol", 300.0)


def test_kbar():
    assert kbar([1.2e8, 1.8e9]).tolist() == pytest.approx([1.2, 18.0], rel=1e-12)
