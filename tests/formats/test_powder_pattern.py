"""Powder patterns: axes, units, wavelength, repairs, and files that are damaged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.formats.registry import FormatError, identify, read

ANGLES = np.arange(10.0, 40.0, 0.1)


def rows(x=ANGLES, sigma=False, separator=" "):
    y = 100 + 50 * np.exp(-(((x - x.mean()) / 0.5) ** 2))
    return "\n".join(
        separator.join(f"{value:.5f}" for value in ((a, b, 3.0) if sigma else (a, b)))
        for a, b in zip(x, y, strict=True)
    )


def write(tmp_path, text, name="a.xy"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


CHI = "sample_10K.tif: 1.0 mm\n2-Theta Angle (Degrees)\nIntensity\n{n}\n"


@pytest.mark.parametrize(
    ("header", "name", "axis"),
    [
        ("", "a.xy", "two_theta"),
        ("# 2theta intensity\n", "a.dat", "two_theta"),
        ("2-Theta, Counts\n", "a.csv", "two_theta"),
        (CHI.format(n=ANGLES.size), "a.chi", "two_theta"),
        ("# 2th_deg I sigma\n", "a.xye", "two_theta"),
    ],
)
def test_angles_are_recognised(tmp_path, header, name, axis):
    path = write(tmp_path, header + rows(), name)
    assert identify(path).name == "powder_pattern"
    (found,) = read(path)
    assert found.axis.quantity == axis
    assert np.degrees(found.axis.values[[0, -1]]) == pytest.approx([10.0, 39.9])
    assert found.quantity == "intensity"


def test_q_and_d_with_a_wavelength_are_angles(tmp_path):
    wavelength = 0.7
    theta = np.radians(ANGLES) / 2
    q = 4 * np.pi * np.sin(theta) / wavelength
    (found,) = read(write(tmp_path, "# Q (1/A)  I   wavelength: 0.7 A\n" + rows(q), "q.dat"))
    assert np.degrees(found.axis.values) == pytest.approx(ANGLES, abs=1e-3)
    assert found.attributes["wavelength"] == pytest.approx(0.7e-10)
    (bare,) = read(write(tmp_path, "# Q (nm^-1) I\n" + rows(q * 10), "q2.dat"))
    assert bare.axis.quantity == "scattering_vector"
    assert bare.axis.values == pytest.approx(q * 1e10, rel=1e-4)
    d = wavelength / (2 * np.sin(theta))
    (fallen,) = read(write(tmp_path, "# d-spacing (A) I\n" + rows(d), "d.dat"), wavelength="0.7 angstrom")
    assert np.degrees(fallen.axis.values) == pytest.approx(ANGLES, abs=2e-3)


def test_d_without_a_wavelength_rises_after_reversal(tmp_path):
    (found,) = read(write(tmp_path, "# d-spacing (A) I\n" + rows(np.linspace(9.0, 1.0, 50)), "d.dat"))
    assert found.axis.quantity == "d_spacing"
    assert np.all(np.diff(found.axis.values) > 0)
    assert any("reversed" in step for step in found.provenance.steps)


def test_the_third_column_is_the_uncertainty_and_counts_have_their_root(tmp_path):
    (found,) = read(write(tmp_path, rows(sigma=True), "a.xye"))
    assert np.all(found.sigma == 3.0)
    whole = "\n".join(f"{x:.2f} {k % 50}" for k, x in enumerate(ANGLES))
    (counted,) = read(write(tmp_path, whole), counts=True)
    assert counted.quantity == "counts"
    assert counted.sigma is None
    with pytest.raises(FormatError, match="no whole numbers"):
        read(write(tmp_path, rows()), counts=True)


def test_temperature_comes_from_header_name_or_option(tmp_path):
    (named,) = read(write(tmp_path, rows(), "x_10K.xy"))
    assert named.temperature[0] == 10.0
    (said,) = read(write(tmp_path, "# T = 80 K\n" + rows(), "x.xy"))
    assert said.temperature[0] == 80.0
    (given,) = read(write(tmp_path, rows()), temperature="-73.15 degC", pressure="2 kbar")
    assert given.temperature[0] == pytest.approx(200.0)
    assert given.conditions.pressure[0] == pytest.approx(2e8)
    (assumed,) = read(write(tmp_path, rows()))
    assert assumed.attributes["temperature_source"] == "assumed"


def test_uncertainties_of_zero_are_replaced_and_recorded(tmp_path):
    text = rows(sigma=True).replace("3.00000", "0.00000", 2)
    (found,) = read(write(tmp_path, text, "a.xye"))
    assert np.all(found.sigma == 3.0)
    assert any("2 uncertainties of 0" in step for step in found.provenance.steps)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (rows(np.linspace(1.0, 5.0, 50)), {}, "give axis="),
        (rows() + "\n41.0 5.0 2.0", {}, "3 numbers, 2 in the rows before"),
        (rows() + "\nend of data", {}, "is no row"),
        (rows() + "\n20.0 5.0", {}, "does not rise"),
        (rows() + "\n39.90000 5.0", {}, "repeats the one before"),
        (rows(np.linspace(100.0, 200.0, 80)), {}, "between 0 and 180"),
        (rows(sigma=True).replace("3.00000", "-3.00000", 1), {}, "is negative"),
        (rows(), {"wavelength": 1.54}, "some 1e-10 m"),
        (rows(), {"axis": "energy"}, "give axis="),
        (rows(), {"axis": "two_theta", "axis_unit": "nm"}, "axis"),
        (rows(), {"axis": "scattering_vector", "wavelength": "1.5 angstrom"}, "cannot be seen"),
    ],
)
def test_what_cannot_be_a_pattern_is_refused(tmp_path, text, options, says):
    with pytest.raises(FormatError, match=says) as caught:
        read(write(tmp_path, text), format="powder_pattern", **options)
    assert "a.xy" in str(caught.value)


def test_other_tables_are_left_to_their_readers(tmp_path):
    assert (
        identify(write(tmp_path, "wavenumber (1/cm),absorbance\n" + rows(separator=","), "s.csv")).name
        == "spectral_text"
    )
    assert identify(write(tmp_path, "T (K) chi*T (cm3 K/mol)\n" + rows(), "t.dat")).name == "tables"


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, 3000), at=st.integers(0, 3000), byte=st.integers(0, 255), name=st.sampled_from(["a.xy", "a.chi"])
)
def test_damage_is_an_error_or_a_pattern(tmp_path_factory, cut, at, byte, name):
    text = bytearray((CHI.format(n=ANGLES.size) + rows(sigma=name == "a.xy")).encode())
    text[at % len(text)] = byte
    path = tmp_path_factory.mktemp("damage") / name
    path.write_bytes(bytes(text[: max(cut, 40)]))
    try:
        (found,) = read(path, format="powder_pattern")
    except FormatError as error:
        message = str(error)
        found = None
    assert name in message if found is None else np.all(np.diff(found.axis.values) > 0)
    assert found is None or np.isfinite(found.values).all()
