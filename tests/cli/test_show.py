"""What `labile read` says of spectra, and that it draws them."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labile.cli import app
from labile.cli.show import describe, picture, read_measurements, read_summary, save_picture
from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement

DATA = Path(__file__).parents[1] / "data"
COUNTS = DATA / "mossbauer" / "251104_v12.dat"


def series(number: int = 12, axis: str = "wavenumber", low: float = 4e4, high: float = 4e5) -> Measurement:
    x = np.linspace(low, high, 300)
    values = np.sin(x / x[-1])[None, :] * np.arange(1.0, number + 1.0)[:, None]
    return Measurement(
        "absorbance", values, Conditions(np.linspace(80.0, 300.0, number)), axis=Axis(axis, x), label="s"
    )


@pytest.mark.parametrize(
    ("measurement", "says"),
    [
        (series(), "12 spectra of 300 wavenumbers from 400 to 4000 cm⁻¹, 80 to 300 K"),
        (
            series(1, "energy", 1.121526e-15, 1.233678e-15),
            "1 spectrum of 300 energies from 7000.01 to 7700.01 eV, 80 K",
        ),
        (series(1, "two_theta", np.radians(0.8), np.radians(128)), "300 angles 2theta from 0.8 to 128 "),
        (Measurement("chi_t", [1.0, 2.0], Conditions([5.0, 6.0])), "2 points, 5 to 6 K"),
    ],
)
def test_describe(measurement, says):
    assert says in describe(measurement)


@pytest.mark.parametrize("braille", [True, False])
def test_spectra_are_drawn_in_the_terminal(braille):
    text = picture([series()], "utf-8" if braille else "ascii")
    assert "wavenumber / " in text
    assert "(8 of 12 spectra)" in text
    assert "|" in text
    assert "absorbance" in text


def test_a_summary_for_programs():
    (one,) = read_summary(read_measurements(COUNTS))["measurements"]
    assert one["axis"] == {"name": "channel", "points": 1023, "low": 1.0, "high": 1023.0, "unit": "1"}
    json.dumps(one)


def test_pictures_of_spectra(tmp_path):
    read = CliRunner().invoke(app, ["read", str(COUNTS), "--out", str(tmp_path / "p.svg")])
    assert read.exit_code == 0
    assert "1 spectrum of 1023 channels from 1 to 1023" in read.stdout
    assert b"<svg" in (tmp_path / "p.svg").read_bytes()
    one = read_measurements(COUNTS)
    mixed = type(one)(one.path, (*one.content, series(), Measurement("chi_t", [1.0, 2.0], Conditions([5.0, 6.0]))), ())
    written = save_picture([mixed], tmp_path / "all.png")
    assert [path.name for path in written] == ["all_1.png", "all_2.png", "all_3.png"]
    assert all(path.stat().st_size > 1000 for path in written)


@pytest.mark.parametrize("option", ["format=xdi", "path=a.dat"])
@pytest.mark.parametrize("command", [["read"], ["reduce", "xas"]])
def test_reserved_names_are_no_reader_options(command, option):
    done = CliRunner().invoke(app, [*command, str(COUNTS), "--reader", option])
    assert done.exit_code == 2
    assert f"--reader {option}: {option.partition('=')[0]} is no option of a reader; expected" in done.stderr


@pytest.mark.parametrize("option", ["pressure=2", "pressure.block=2.5", "wavelength=1.54", "magnetic-field=1"])
def test_reader_options_need_their_unit(option):
    done = CliRunner().invoke(app, ["read", str(COUNTS), "--reader", option])
    assert done.exit_code == 2
    name, _, number = option.partition("=")
    assert f"--reader {option}: the unit is missing; expected text as in {name}='{number} " in done.stderr
