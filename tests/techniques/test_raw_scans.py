"""Raw scans: dipoles whose moments are known because they were simulated here; the response against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.units import to_si
from labile.formats.registry import read
from labile.techniques.magnetometry import MagnetometryError, MagnetometryWarning, fit_scans, reduce_scans
from labile.techniques.magnetometry.raw_scans import MPMS3, MPMS_XL, Gradiometer, instrument_calibration
from scan_files import SIMULATED_MPMS3, Simulated, mpms3_log, mpms3_text, simulated_measurements, xl_text

CALIBRATION = SIMULATED_MPMS3["calibration"] * 1e6


def scans(folder, measurements, name="a.rw.dat", **options):
    (folder / name).write_text(mpms3_text(measurements))
    return read(folder / name, **options)


def log(folder, measurements, name="a.dat"):
    (folder / name).write_text(mpms3_log(measurements))
    return read(folder / name, split=False)


@given(z=st.floats(-0.05, 0.05), radius=st.floats(5e-3, 2e-2), separation=st.floats(5e-3, 3e-2))
@settings(max_examples=50)
def test_response_is_that_of_four_loops(z, radius, separation):
    """Flux of a dipole through a loop goes as 1/(R^2 + z^2)^(3/2), by reciprocity with the field of a ring current."""
    coils = Gradiometer("any", radius, separation)

    def loop(distance):
        return (radius**2 + distance**2) ** -1.5

    expected = 2 * loop(z) - loop(z - separation) - loop(z + separation)
    scale = loop(0.0)
    assert coils.response(np.array([z]))[0] == pytest.approx(expected, abs=1e-12 * scale)
    assert coils.response(np.array([-z]))[0] == pytest.approx(expected, abs=1e-12 * scale)
    step = 1e-6
    slope = (coils.response(np.array([z + step])) - coils.response(np.array([z - step]))) / (2 * step)
    assert coils.slope(np.array([z]))[0] == pytest.approx(slope[0], abs=1e-5 * scale / radius)


@pytest.mark.parametrize("center", ["fixed", "free"])
@pytest.mark.parametrize("voltage", ["raw", "processed"])
def test_moments_come_back_exactly_without_noise(tmp_path, center, voltage):
    measurements = simulated_measurements([2.0, 5.0, 20.0, 300.0], drift=0.05)
    found = reduce_scans(
        scans(tmp_path, measurements, voltage=voltage), calibration=CALIBRATION, center=center, quantity="moment"
    )
    expected = [m for one in measurements for m, _ in one.dipoles]
    # voltages have 15 digits; the shift between the passes' positions and the drift is modelled exactly
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    np.testing.assert_allclose(found.temperature, [2.0, 5.0, 20.0, 300.0])
    np.testing.assert_allclose(found.conditions.magnetic_field, 0.1)
    assert found.label == "a"
    assert "calibration" not in [term.name for term in found.correlated]


def test_moments_of_the_instrument_are_reproduced(tmp_path):
    measurements = simulated_measurements([5.0, 10.0, 20.0, 40.0], noise=1e-4)
    raw, own = scans(tmp_path, measurements), log(tmp_path, measurements)
    ((factor, spread),) = instrument_calibration(raw, own).values()
    # noise of 1e-4 V on 0.04 to 0.005 V, 402 points each
    assert factor == pytest.approx(CALIBRATION, rel=5e-4)
    assert spread < 1e-3
    found = reduce_scans(raw, moments=own)
    np.testing.assert_allclose(found.values, own[0].values, rtol=2e-3)
    assert any("calibrated with the moments of a.dat" in step for step in found.provenance.steps)


def test_sigma_is_honest(tmp_path):
    """200 measurements with white noise: deviations over sigma have unit standard deviation."""
    measurements = simulated_measurements([5.0] * 200, noise=2e-3)
    for k, one in enumerate(measurements):
        one.rng = np.random.default_rng(k)
    found = reduce_scans(scans(tmp_path, measurements), calibration=CALIBRATION)
    pull = (found.values - 1e-7) / found.sigma
    assert np.std(pull) == pytest.approx(1.0, abs=0.15)  # 200 draws: 1/sqrt(400) = 0.05
    assert abs(np.mean(pull)) < 0.25


def test_sigma_grows_with_correlated_noise(tmp_path):
    white = simulated_measurements([5.0], noise=2e-3)
    slow = simulated_measurements([5.0])
    ripple = 2e-3 * np.sin(np.linspace(0.0, 40.0, 201))
    clean = slow[0].voltage
    slow[0].voltage = lambda z, *a: clean(z, *a) + np.interp(z, np.linspace(z.min(), z.max(), 201), ripple)
    sigma = [fit_scans(scans(tmp_path, one))[0].sigma for one in (white, slow)]
    assert sigma[1] > 2 * sigma[0]


def background_of(measurements, holder, shift=0.0):
    """The same scans without their first dipole."""
    return [
        Simulated(one.temperature, one.field, [(m * 1.0, place) for m, place in holder(one)], shift=shift)
        for one in measurements
    ]


def holder(one):
    # two pieces of plastic beside the sample and a spot of ferromagnetic dirt at the end of the straw
    return [(-2e-7, -6e-3), (-1.5e-7, 7e-3), (3e-7, 19e-3)]


def test_background_scan_is_subtracted_before_the_fit(tmp_path):
    temperatures = [5.0, 10.0, 20.0]
    sample = simulated_measurements(temperatures, moment=1e-8)
    for one in sample:
        one.dipoles += holder(one)
    raw, empty = scans(tmp_path, sample), scans(tmp_path, background_of(sample, holder), "empty.rw.dat")
    found = reduce_scans(raw, background=empty, calibration=CALIBRATION)
    expected = np.array([1e-8 * 5.0 / t for t in temperatures])
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    assert any("empty.rw.dat" in step for step in found.provenance.steps)
    # the same difference of fitted moments is wrong, which is why scans are subtracted
    with pytest.warns(MagnetometryWarning, match="the dipole explains"):
        before = reduce_scans(raw, calibration=CALIBRATION, center="free")
    with pytest.warns(MagnetometryWarning, match="doubtful fits, 3 of 3"):
        after = reduce_scans(empty, calibration=CALIBRATION, center="free")
    assert np.all(np.abs(before.values - after.values - expected) > 0.2 * expected)


def test_background_is_interpolated_between_temperatures(tmp_path):
    def warming(one):
        # linear in temperature, so that linear interpolation is exact
        return [(-2e-7 * (1 + one.temperature / 50), -6e-3)]

    sample = simulated_measurements([7.0, 15.0], moment=1e-8)
    for one in sample:
        one.dipoles += warming(one)
    empty = background_of(simulated_measurements([5.0, 10.0, 20.0]), warming)
    found = reduce_scans(
        scans(tmp_path, sample), background=scans(tmp_path, empty, "empty.rw.dat"), calibration=CALIBRATION
    )
    np.testing.assert_allclose(found.values, [1e-8 * 5 / 7, 1e-8 * 5 / 15], rtol=1e-5)


def test_holder_mounted_anew_is_aligned_at_its_centre(tmp_path):
    sample = simulated_measurements([5.0], moment=1e-8)
    sample[0].dipoles += holder(sample[0])
    empty = background_of(sample, holder)
    empty[0].center += 1e-3
    raw, other = scans(tmp_path, sample), scans(tmp_path, empty, "empty.rw.dat")
    found = reduce_scans(raw, background=other, calibration=CALIBRATION, align="center")
    assert found.values[0] == pytest.approx(1e-8, rel=1e-5)
    with pytest.warns(MagnetometryWarning, match="doubtful"):
        wrong = reduce_scans(raw, background=other, calibration=CALIBRATION)
    assert abs(wrong.values[0] - 1e-8) > 1e-9


def test_reciprocating_sample(tmp_path):
    """Positions go to and fro within one scan (reciprocating option); drift is linear in time, not in place."""

    def scan(dipoles, seed):
        phase = np.linspace(0.0, 4 * np.pi, 256)
        z = 0.03 + 0.02 * np.sin(phase)
        voltage = sum(m * MPMS_XL.response(z - at) for m, at in dipoles) / MPMS_XL.calibration
        noise = np.random.default_rng(seed).normal(0.0, 1e-8, z.size)
        known = {"instrument": "MPMS-XL", "scan_of": 1.0, "direction": "both", "voltage": "scaled"}
        return Measurement(
            "scan_voltage",
            [voltage + noise + 1e-6 * phase],
            Conditions([5.0], magnetic_field=0.1),
            axis=Axis("position", z),
            attributes=known,
        )

    plastic = [(-3e-8, 0.022), (-3e-8, 0.037)]
    found = reduce_scans([scan([(1e-8, 0.03), *plastic], 0)], background=[scan(plastic, 1)])
    assert found.values[0] == pytest.approx(1e-8, rel=0.02)
    assert found.values[0] == pytest.approx(1e-8, abs=4 * found.sigma[0])


def test_background_that_does_not_fit(tmp_path):
    sample = simulated_measurements([5.0, 20.0])
    raw = scans(tmp_path, sample)

    def against(empty):
        return fit_scans(raw, background=scans(tmp_path, empty, "empty.rw.dat"))

    with pytest.raises(MagnetometryError, match=r"positions, 25.00 to 55.00 mm, are not those .* 30.00 to 60.00 mm"):
        against(simulated_measurements([5.0, 20.0], shift=5e-3))
    with pytest.raises(MagnetometryError, match=r"25.00 to 55.00 mm, are not those .* 35.00 to 45.00 mm"):
        against(simulated_measurements([5.0, 20.0], length=10e-3))
    with pytest.raises(MagnetometryError, match=r"5 K lies outside the background 'empty' .10 to 20 K"):
        against(simulated_measurements([10.0, 20.0]))
    with pytest.raises(MagnetometryError, match=r"taken at 0.1 T, the background 'empty' at 1 T"):
        against(simulated_measurements([5.0, 20.0], tesla=1.0))
    only_up = scans(tmp_path, sample, "empty.rw.dat")[::2]
    with pytest.raises(MagnetometryError, match="no scan in the direction 'down'"):
        fit_scans(raw, background=only_up)
    # within the positions of a shorter background the scans can be used
    short = scans(tmp_path, simulated_measurements([5.0, 20.0], length=20e-3), "empty.rw.dat")
    assert all(one.position.size < 140 * 2 for one in fit_scans(raw, background=short, half_length=9.9e-3))
    # a small shift costs the last points and no more
    assert fit_scans(raw, background=scans(tmp_path, simulated_measurements([5.0, 20.0], shift=5e-4), "e.rw.dat"))


def test_mpms_xl_with_its_own_factor(tmp_path):
    path = tmp_path / "a.dc.raw"
    path.write_text(xl_text(simulated_measurements([5.0, 10.0])))
    found = reduce_scans(read(path, voltage="scaled"))
    np.testing.assert_allclose(found.values, [1e-7, 5e-8], rtol=1e-6)
    # 1/0.9125 emu per V cm3
    assert MPMS_XL.calibration == pytest.approx(to_si(1e-3 / 0.9125, "emu/(V*mm^3)", "gradiometer_calibration"))
    with pytest.raises(MagnetometryError, match="read the scaled voltages"):
        reduce_scans(read(path))


def test_chi_t_straight_from_raw_scans(tmp_path):
    # 3.9 mg of M = 500 in 0.1 T; header masses are those of the file
    raw = scans(tmp_path, simulated_measurements([5.0, 10.0]))
    found = reduce_scans(raw, calibration=CALIBRATION, quantity="chi_t", diamagnetic_susceptibility=0.0)
    # chi*T = m M T/(mass H), cgs: 1e-4 emu 500 5 / (3.9e-3 1000)
    np.testing.assert_allclose(found.in_unit("cm3 K/mol"), 1e-4 * 500 * 5 / (3.9e-3 * 1000), rtol=1e-6)
    with pytest.raises(MagnetometryError, match="diamagnetic_susceptibility belong to chi_t"):
        reduce_scans(raw, calibration=CALIBRATION, diamagnetic_susceptibility=0.0)


def test_uncertain_calibration_moves_all_moments_together(tmp_path):
    raw = scans(tmp_path, simulated_measurements([5.0, 10.0]))
    found = reduce_scans(raw, calibration=CALIBRATION, sigma_calibration=0.01 * abs(CALIBRATION))
    np.testing.assert_allclose(found.correlated[0].effect, 0.01 * found.values)


def test_free_centre_far_away_is_flagged(tmp_path):
    off = simulated_measurements([5.0])
    off[0].dipoles = [(1e-7, 4e-3)]
    raw = scans(tmp_path, off)
    (one,) = fit_scans(raw, center="free")
    assert one.center == pytest.approx(44e-3, abs=1e-6)
    assert one.doubts == ("the centre is +4.0 mm off",)
    with pytest.warns(MagnetometryWarning, match="explains"):
        reduce_scans(raw, calibration=CALIBRATION)


def test_what_is_refused(tmp_path):
    raw = scans(tmp_path, simulated_measurements([5.0, 10.0]))
    own = log(tmp_path, simulated_measurements([5.0, 10.0]))
    with pytest.raises(MagnetometryError, match="every instrument has its own calibration"):
        reduce_scans(raw)
    with pytest.raises(MagnetometryError, match="either moments or calibration"):
        reduce_scans(raw, moments=own, calibration=1.0)
    with pytest.raises(MagnetometryError, match="calibration must be a number other than 0"):
        reduce_scans(raw, calibration=0.0)
    with pytest.raises(MagnetometryError, match="2 measurements in the raw file, 1 moments"):
        reduce_scans(raw, moments=[own[0][:1]])
    with pytest.raises(MagnetometryError, match=r"measurement 1 was at 5 K and 0.1 T, moment 1 at 10 K"):
        reduce_scans(raw, moments=[own[0][::-1]])
    with pytest.raises(MagnetometryError, match="spread by"):
        reduce_scans(raw, moments=log(tmp_path, simulated_measurements([5.0, 10.0 + 1e-9], moment=2e-7)[:1], "b.dat")
                     + log(tmp_path, simulated_measurements([10.0], moment=1e-7), "c.dat"))  # fmt: skip
    with pytest.raises(MagnetometryError, match="center must be 'fixed' or 'free'"):
        fit_scans(raw, center="found")
    with pytest.raises(MagnetometryError, match="half_length must be"):
        fit_scans(raw, half_length=-1.0)
    with pytest.raises(MagnetometryError, match="at least 10 are needed"):
        fit_scans(raw, half_length=1e-4)
    with pytest.raises(MagnetometryError, match="a raw scan is one scan_voltage along positions"):
        fit_scans(own)
    with pytest.raises(MagnetometryError, match="there are none"):
        fit_scans([])


def test_response_numbers_of_the_instrument():
    """What the maker's documents give, rounded: R = 8.5 mm and L = 8 mm (MPMS3), 9.7 and 15.19 mm (MPMS-XL)."""
    assert MPMS3.radius == pytest.approx(8.5e-3, rel=0.02)
    assert MPMS3.separation == pytest.approx(8e-3, rel=0.01)
    assert (MPMS_XL.radius, MPMS_XL.separation) == (9.7e-3, 15.19e-3)


def test_command_reduces_raw_scans_with_log_and_background(tmp_path):
    from labile.cli.show import reduce_files

    sample = simulated_measurements([5.0, 10.0, 20.0], moment=1e-8)
    empty = background_of(sample, holder)
    own = simulated_measurements([5.0, 10.0, 20.0], moment=1e-8)
    for name, text in (
        ("s.rw.dat", mpms3_text(own)),
        ("s.dat", mpms3_log(own)),
        ("empty.rw.dat", mpms3_text([Simulated(one.temperature, one.field, []) for one in empty])),
    ):
        (tmp_path / name).write_text(text)
    options = {"moments": str(tmp_path / "s.dat"), "background": str(tmp_path / "empty.rw.dat"), "drift": False}
    (found,) = reduce_files("magnetometry", [tmp_path / "s.rw.dat"], "moment", options, "", {}).measurements
    np.testing.assert_allclose(found.values, [1e-8, 5e-9, 2.5e-9], rtol=1e-5)
    assert found.branch == "heating"
    with pytest.raises(ValueError, match=r"'absent.dat' is no file beside the manifest"):
        reduce_files("magnetometry", [tmp_path / "s.rw.dat"], "moment", {"moments": "absent.dat"}, "", {})
    options["moments"] = options["background"]
    with pytest.raises(ValueError, match="no moment in it"):
        reduce_files("magnetometry", [tmp_path / "s.rw.dat"], "moment", options, "", {})
