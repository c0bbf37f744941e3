"""Raw scans: files written here in the layout of MPMS3 (builds 347 and 399) and MPMS-XL programs; all simulated."""

import re

import numpy as np
import pytest

from labile.formats import quantum_design_raw
from labile.formats.registry import FormatError, identify, read
from scan_files import SIMULATED_MPMS3, mpms3_text, simulated_measurements, xl_text


def written(folder, text, name="a.rw.dat"):
    path = folder / name
    path.write_text(text)
    return path


def test_mpms3_passes_with_their_conditions(tmp_path):
    path = written(tmp_path, mpms3_text(simulated_measurements([5.0, 10.0])))
    assert identify(path).name == "quantum_design_raw"
    scans = read(path, sample="powder")
    assert [scan.label for scan in scans] == ["a 1 up", "a 1 down", "a 2 up", "a 2 down"]
    first = scans[0]
    assert first.quantity == "scan_voltage"
    assert first.sample == "powder"
    assert first.axis.quantity == "position"
    assert first.values.shape == (1, 201)
    assert first.axis.values[0] == pytest.approx(25e-3, abs=1e-5)
    assert first.temperature[0] == pytest.approx(5.0)
    # 5.0 K within 4.99 and 5.01 K
    assert first.conditions.sigma_temperature[0] == pytest.approx(0.02 / np.sqrt(12))
    assert first.conditions.magnetic_field[0] == pytest.approx(0.1)
    assert first.conditions.time[0] == 0
    assert scans[2].conditions.time[0] == pytest.approx(60.0, abs=1e-3)
    assert first.attributes["given_center"] == pytest.approx(40e-3)
    assert first.attributes["squid_range"] == 10.0
    assert first.attributes["header.SAMPLE_MASS"] == "3.9"
    assert [scan.attributes["scan_of"] for scan in scans] == [1, 1, 2, 2]


def test_columns_of_a_raw_file(tmp_path):
    path = written(tmp_path, mpms3_text(simulated_measurements([5.0, 10.0])))
    raw, processed = read(path), read(path, voltage="processed")
    np.testing.assert_allclose(raw[0].values - processed[0].values, SIMULATED_MPMS3["offset"], atol=1e-9)
    curves = read(path, voltage="fixed")
    assert len(curves) == 2
    assert curves[1].attributes["scan_of"] == 2
    with pytest.raises(FormatError, match="there is no column 'long scaled response'"):
        read(path, voltage="scaled")


def test_mpms_xl_table(tmp_path):
    path = written(tmp_path, xl_text(simulated_measurements([5.0, 10.0, 20.0])), "a.dc.raw")
    assert identify(path).name == "quantum_design_raw"
    scans = read(path, voltage="scaled")
    assert [scan.attributes["scan_of"] for scan in scans] == [1, 1, 2, 2, 3, 3]
    assert scans[0].attributes["instrument"] == "MPMS-XL"
    assert scans[4].temperature[0] == pytest.approx(20.0)
    assert "given_center" not in scans[0].attributes


def test_saved_again_by_a_spreadsheet(tmp_path):
    text = mpms3_text(simulated_measurements([5.0]))
    comma = read(written(tmp_path, text))
    text = re.sub(r"(?<=\d)\.(?=\d)", ",", text.replace(",", "\t"))
    tabs = read(written(tmp_path, text, "b.rw.dat"), format="quantum_design_raw")
    np.testing.assert_array_equal(comma[0].values, tabs[0].values)


def test_position_column_missing(tmp_path):
    text = mpms3_text(simulated_measurements([5.0])).replace("Raw Position (mm)", "Something (mm)")
    with pytest.raises(FormatError, match=r"a.rw.dat: there is no column 'raw position' \(position\)"):
        read(written(tmp_path, text))


@pytest.mark.parametrize("keep", [0.999, 0.9, 0.8, 0.7])
def test_file_that_breaks_off(tmp_path, keep):
    text = mpms3_text(simulated_measurements([5.0, 10.0, 20.0]))
    path = written(tmp_path, text[: int(keep * len(text))])
    with pytest.raises(FormatError, match=r"a.rw.dat, line .*(cut off|stops in the middle of this row)"):
        read(path)
    scans = read(path, incomplete="drop")
    assert len(scans) == 4
    assert any(step.startswith("the last measurement") for step in scans[0].provenance.steps)


def test_scan_that_breaks_off_at_a_line_end(tmp_path):
    lines = mpms3_text(simulated_measurements([5.0, 10.0])).splitlines(keepends=True)
    headers = [i for i, line in enumerate(lines) if line.startswith(";low")]
    path = written(tmp_path, "".join(lines[: headers[-1]]))
    with pytest.raises(FormatError, match="cut off: measurement 2 has 1 scans, 2 are expected"):
        read(path)
    path = written(tmp_path, "".join(lines[: headers[2] + 60]))
    with pytest.raises(FormatError, match="this scan has 59 points, others have 201"):
        read(path)
    with pytest.raises(FormatError, match="measurement 1 has 1 scans"):
        read(written(tmp_path, "".join(lines[: headers[1]])))
    # a hole in the middle is never dropped
    path = written(tmp_path, "".join(lines[: headers[0] + 60] + lines[headers[1] :]))
    with pytest.raises(FormatError, match="this scan has 59 points, others have 201; remove this measurement"):
        read(path, incomplete="drop")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("avg. temp = 5.0 K", "avg. temp = 0 K", "above 0 K"),
        ("avg. temp = 5.0 K", "avg. temp = abc K", "avg. temp = 'abc K' is not a number"),
        (";squid range = 10", "", "lacks squid range"),
        ("Raw Voltage (V),Processed Voltage (V)", "a,b", "no column of SQUID voltages"),
    ],
)
def test_one_clear_error(tmp_path, old, new, says):
    text = mpms3_text(simulated_measurements([5.0]))
    assert old in text
    path = written(tmp_path, text.replace(old, new))
    with pytest.raises(FormatError, match=says) as caught:
        read(path, format="quantum_design_raw")
    assert "a.rw.dat" in str(caught.value)


def test_text_among_the_numbers(tmp_path):
    lines = mpms3_text(simulated_measurements([5.0])).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(";low")) + 3
    cells = lines[at].split(",")
    lines[at] = ",".join([*cells[:3], "volts", *cells[4:]])
    with pytest.raises(FormatError, match=rf"line {at + 1}, column 'Raw Voltage \(V\)': 'volts' is not a number"):
        read(written(tmp_path, "\n".join(lines) + "\n"))
    lines[at] = ",".join([*cells[:2], "", *cells[3:]])
    with pytest.raises(FormatError, match="a voltage without a position"):
        read(written(tmp_path, "\n".join(lines) + "\n"))


def test_options_are_checked(tmp_path):
    path = written(tmp_path, mpms3_text(simulated_measurements([5.0])))
    with pytest.raises(FormatError, match="voltage='both' is unknown"):
        quantum_design_raw.read(path, voltage="both")
    with pytest.raises(FormatError, match="incomplete='keep' is unknown"):
        quantum_design_raw.read(path, incomplete="keep")
