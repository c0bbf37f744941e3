"""Electrometer logs: instrument strings, buffer tables, LabVIEW columns; what the instrument marks; damaged files."""

from __future__ import annotations

import random
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import UnitError
from labile.formats import keithley
from labile.formats.registry import FormatError, identify, read

STRINGS = "".join(f"{7.59 + 0.01 * i:+.3f}E-12NADC,{2.0 * i:+015.6f}secs,{i:+06d}RDNG#\n" for i in range(30))
PICOAMMETER = "".join(f"{1e-12 * i:+.6E}A,{0.5 * i:+.6E},+1.380000E+02\n" for i in range(1, 20))
BUFFER = "Model,6517B\nSerial Number,1234\n\nIndex,Reading,Unit,Relative Time\n" + "".join(
    f"{i},{-1.5e-12 + 1e-14 * i:.4e},Amp DC,{0.25 * i}\n" for i in range(1, 25)
)
LABVIEW = "Zeit\tTime (s)\tCurrent (pA)\tTemperature (°C)\n" + "".join(
    f"x\t{i},0\t{i},25\t{20 + 0.1 * i:.1f}\n".replace(".", ",") for i in range(20)
)
LVM = "LabVIEW Measurement\nWriter_Version\t2\n***End_of_Header***\nX_Value\tCurrent (A)\tComment\n" + "".join(
    f"{i}.5\t{i}e-12\t\n" for i in range(10)
)
SLOW = settings(max_examples=100, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder, text, name="run.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [STRINGS, PICOAMMETER, BUFFER, LVM])
def test_recognised(tmp_path, text):
    assert identify(write(tmp_path, text)).name == "keithley"


def test_strings(tmp_path):
    (log,) = read(write(tmp_path, STRINGS), temperature="90 K")
    assert log.quantity == "current"
    np.testing.assert_allclose(log.values, (7.59 + 0.01 * np.arange(30)) * 1e-12, rtol=1e-12)
    np.testing.assert_allclose(log.conditions.time, 2.0 * np.arange(30))
    assert np.all(log.temperature == 90.0)


def test_a_whole_buffer_on_one_line_and_in_capitals(tmp_path):
    (log,) = read(write(tmp_path, STRINGS.replace("\n", ",").replace("secs", "SECS")), temperature=90.0)
    assert len(log) == 30


def test_stamps_from_reading_to_reading_are_added_up(tmp_path):
    """As a 6517B sends its buffer with TSTamp:FORMat DELTa: all on one line, here after a line of settings."""
    readings = [(-30.786, 0.0, "N"), (-18.8694, 1.228, "N"), (9.9e49, 1.047, "O"), (-22.588, 1.101, "N")]
    text = ",".join(f"{i:+09.4f}E-12{s}ADC,DELTA{d:+.3f}SECS,{n:+06d}RDNG#" for n, (i, d, s) in enumerate(readings))
    (log,) = read(write(tmp_path, f"-0.0,-0.8,-0.01\n{text}\n"), temperature="300 K")
    np.testing.assert_allclose(log.conditions.time, [0.0, 1.228, 3.376])
    np.testing.assert_allclose(log.in_unit("pA"), [-30.786, -18.8694, -22.588])
    with pytest.raises(FormatError, match="mixed"):
        read(write(tmp_path, f"{text}\n+1.0E-12NADC,+0.5secs\n"), temperature="300 K")


def test_strings_with_an_external_thermocouple(tmp_path):
    text = "".join(f"+1.0E-12NADC,+00000{i}.0secs,+0000{i}RDNG#,+0025.{i}ETEMP\n" for i in range(9))
    (log,) = read(write(tmp_path, text))
    assert log.temperature[3] == pytest.approx(298.45)


def test_picoammeter_without_units(tmp_path):
    (log,) = read(write(tmp_path, PICOAMMETER), temperature="300 K")
    assert log.values[0] == pytest.approx(1e-12)
    assert log.conditions.time[-1] == pytest.approx(9.0)


def test_charge(tmp_path):
    (log,) = read(write(tmp_path, "+1.0E-09NCOUL,+0.0secs\n+2.0E-09NCOUL,+1.0secs\n"), temperature="300 K")
    assert log.quantity == "charge"
    assert log.values[1] == pytest.approx(2e-9)


def test_marked_readings_are_left_out_and_counted(tmp_path):
    marked = "+9.9E37OADC,+60.0secs\n+9.91E37ZADC,+61.0secs\n+0.0E+00UADC,+62.0secs\n+9.9E37NADC,+63.0secs\n"
    (log,) = read(write(tmp_path, STRINGS + marked), temperature="90 K")
    assert len(log) == 30
    text = " ".join(log.provenance.steps)
    for reason in ("1 readings: overflow", "zero check on", "underflow", "overflow or zero check"):
        assert reason in text


def test_buffer_table(tmp_path):
    (log,) = read(write(tmp_path, BUFFER), temperature="300 K")
    assert log.values[-1] == pytest.approx(-1.26e-12)
    assert log.conditions.time[-1] == pytest.approx(5.75)
    assert "columns not read: 'Index'" in " ".join(log.provenance.steps)


def test_buffer_table_with_date_and_time(tmp_path):
    text = "Reading,Unit,Date,Time\n" + "".join(f"1e-12,A,03/04/2024,10:15:0{i}.50\n" for i in range(5))
    (log,) = read(write(tmp_path, text), temperature="300 K")
    np.testing.assert_allclose(log.conditions.time, np.arange(5.0))


def test_labview_columns_with_decimal_commas(tmp_path):
    (log,) = read(write(tmp_path, LABVIEW, "run.txt"), format="keithley")
    assert log.values[3] == pytest.approx(3.25e-12)
    assert log.temperature[10] == pytest.approx(294.15)


def test_labview_measurement_file(tmp_path):
    (log,) = read(write(tmp_path, LVM, "run.lvm"), temperature="20 K")
    assert log.values[-1] == pytest.approx(9e-12)
    assert log.conditions.time[-1] == pytest.approx(9.0)


def test_a_new_buffer_goes_on_behind_the_old_one(tmp_path):
    (log,) = read(write(tmp_path, STRINGS + STRINGS), temperature="90 K")
    np.testing.assert_allclose(log.conditions.time, 2.0 * np.arange(60))
    assert "the clock restarted 1 times" in " ".join(log.provenance.steps)


def test_temperatures_by_local_time(tmp_path):
    start = datetime(2024, 3, 4, 10, 0, 0)
    stamp = (start - datetime(1899, 12, 30)).total_seconds()
    rows = "".join(f",{stamp + 10 * i:.2f},{80 + 0.5 * i},\n" for i in range(20))
    write(tmp_path, "[Header]\nBYAPP,VSM,1\n[Data]\nComment,Time Stamp (sec),Temperature (K),Remark\n" + rows, "mv.dat")
    text = "Timestamp,Current (A)\n" + "".join(f"2024-03-04 10:00:{i:02d},1e-12\n" for i in range(5, 55))
    (log,) = read(write(tmp_path, text), format="keithley", temperature_log="mv.dat")
    assert log.temperature[0] == pytest.approx(80.25)
    assert log.temperature[-1] == pytest.approx(82.7)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (STRINGS, {}, "no temperature"),
        (STRINGS, {"temperature": "-5 K"}, "above 0 K"),
        (STRINGS, {"temperature": "5 V"}, "temperature"),
        (STRINGS, {"temperature": "5 K", "temperature_log": "a"}, "not both"),
        (STRINGS, {"temperature_log": "absent.dat"}, "no such file"),
        (STRINGS.replace("NADC", "NVDC"), {"temperature": "5 K"}, "VDC"),
        (STRINGS + "rubbish\n", {"temperature": "5 K"}, "line 31"),
        (STRINGS + "+1.0E-12NADC,+10.0secs\n", {"temperature": "5 K"}, "backward"),
        ("+1.0E-12NADC\n+2.0E-12NADC\n", {"temperature": "5 K"}, "no time stamp"),
        ("+9.9E37OADC,+1.0secs\n", {"temperature": "5 K"}, "1 overflow"),
        (BUFFER.replace("Amp DC", "Volt"), {"temperature": "5 K"}, "Volt"),
        (BUFFER.replace("-1.3000e-12", "oops"), {"temperature": "5 K"}, "no number"),
        ("Time (s),Current\n0,1\n1,2\n", {"temperature": "5 K"}, "unit of the current is missing"),
        ("Time (s),Current (A),Temperature (K)\n0,1e-12,-3\n1,2e-12,4\n", {}, "above 0 K"),
    ],
)
def test_bad_input_is_refused_with_its_place(tmp_path, text, options, says):
    path = write(tmp_path, text)
    with pytest.raises((FormatError, UnitError), match=says) as error:
        read(path, format="keithley", **options)
    assert "run.csv" in str(error.value)


def attempt(path, data: bytes) -> None:
    path.write_bytes(data)
    message, found = path.name, []
    try:
        found = keithley.read(path, temperature="300 K")
    except (FormatError, MeasurementError, UnitError) as error:
        message = str(error)
    assert path.name in message
    assert all(isinstance(one, Measurement) for one in found)


@given(data=st.binary(max_size=200), text=st.text(st.sampled_from("0123456789.,+-ENADCsecRDNG#\n\t;:"), max_size=150))
@SLOW
def test_random_content(tmp_path, data, text):
    path = tmp_path / "x.csv"
    attempt(path, data)
    attempt(path, STRINGS[:120].encode() + data)
    attempt(path, STRINGS[:120].encode() + text.encode())
    attempt(path, BUFFER[:150].encode() + text.encode())


@pytest.mark.parametrize("text", [STRINGS, BUFFER, LVM, LABVIEW])
def test_cut_and_damaged_files(tmp_path, text):
    data = text.encode()
    rng = random.Random(3)
    for cut in range(0, len(data), 7):
        attempt(tmp_path / "x.csv", data[:cut])
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 3, 10))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        attempt(tmp_path / "x.csv", bytes(damaged))
