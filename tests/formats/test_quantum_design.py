"""MultiVu logs: the right moment column, masses from the header, segments, and damage."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.units import to_si
from labile.formats.registry import FormatError, identify, read

DATA = Path(__file__).parents[1] / "data" / "quantum_design"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "squid"
VSM = "Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe),Moment (emu),M. Std. Err. (emu)"
MPMS3 = VSM + (
    ",DC Moment Fixed Ctr (emu),DC Moment Err Fixed Ctr (emu),DC Moment Free Ctr (emu),DC Moment Err Free Ctr (emu)"
)
CLASSIC = "Time,Comment,Field (Oe),Temperature (K),Long Moment (emu),Long Scan Std Dev,Long Algorithm"
ACMS = (
    "Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe),Frequency (Hz),Amplitude (Oe),M-DC (emu),"
    "M-Std.Dev. (emu),M' (emu),M'' (emu),Moment (emu),Phase (deg)"
)
ACMS2 = "Time Stamp (sec),Temperature (K),Magnetic Field (Oe),DC Moment (emu),DC Std. Err. (emu),AC Moment (emu)"


def log(folder: Path, titles: str, rows: list[str], info: str = "", name: str = "a.dat", end: str = "\n") -> Path:
    """A simulated log: the columns of the program, invented numbers."""
    lines = ["[Header]", "; simulated", "TITLE,", "BYAPP,VSM,1.0,1.0", *info.splitlines(), "[Data]", titles, *rows, ""]
    path = folder / name
    path.write_bytes(end.join(lines).encode("cp1252"))
    return path


def test_erbium_sample_against_the_file():
    (m,) = read(DATA / "fc7.dat")
    assert identify(DATA / "fc7.dat").name == "quantum_design"
    assert (m.quantity, m.branch, len(m)) == ("moment", "heating", 193)
    # first row of the file, columns "DC Moment Fixed Ctr" and its error
    assert m.in_unit("emu")[0] == pytest.approx(0.00200513560622631, rel=1e-13)
    assert m.sigma_in_unit("emu")[0] == pytest.approx(0.000100111744052701, rel=1e-13)
    assert m.temperature[0] == 2.00080764293671
    assert m.conditions.magnetic_field[0] == pytest.approx(100.035980224609e-4, rel=1e-9)
    assert m.conditions.time[:2] == pytest.approx([0.0, 3862155118.43132 - 3862155025.75973], abs=1e-5)
    assert m.attributes["sample_mass"] == pytest.approx(10.1e-6, rel=1e-14)
    assert m.attributes["molar_mass"] == pytest.approx(0.70495, rel=1e-14)
    assert m.attributes["header.SAMPLE_VOLUME"] == "17.3"
    assert "eicosane_mass" not in m.attributes
    assert 0.5 < m.sweep_rate * 60 < 1.2
    assert "'DC Moment Fixed Ctr (emu)'" in m.provenance.steps[0]


def test_chi_t_of_the_erbium_sample():
    """The raw columns and header masses, with the diamagnetism added by hand, give the known 11.37 cm3 K/mol."""
    (m,) = read(DATA / "fc7.dat", split=False)
    moles = m.attributes["sample_mass"] / m.attributes["molar_mass"]
    chi_t = m.values * 4e-7 * np.pi / m.conditions.magnetic_field / moles * m.temperature / (4e-6 * np.pi)
    # the molecule of the header, and eicosane by Pascal: 20 C (-6.00e-6), 42 H (-2.93e-6), M = 282.5
    diamagnetism = (-3.19e-4 - 2.43e-4 * 17.3 / 282.5 / 10.1 * 704.95) * 300
    assert chi_t[-1] - diamagnetism == pytest.approx(11.37, rel=0.01)


def test_laboratory_convention_is_an_option():
    meaning = {"SAMPLE_VOLUME": "eicosane_mass/mg", "SAMPLE_SIZE": "diamagnetic_susceptibility/emu mol-1"}
    (m,) = read(DATA / "fc7.dat", header_meaning=meaning)
    assert m.attributes["eicosane_mass"] == pytest.approx(17.3e-6, rel=1e-14)
    assert m.attributes["diamagnetic_susceptibility"] == pytest.approx(to_si(-3.19e-4, "emu/mol", "chi_m"), rel=1e-12)
    with pytest.raises(FormatError, match="header_meaning names SAMPLE_SHAPE"):
        read(DATA / "fc7.dat", header_meaning={"SAMPLE_SHAPE": "eicosane_mass/mg"})
    with pytest.raises(FormatError, match="write attribute/unit"):
        read(DATA / "fc7.dat", header_meaning={"SAMPLE_SIZE": "size"})


def test_spreadsheet_copy_of_a_magnetisation_loop():
    (m,) = read(DATA / "mvsh2b.dat")
    assert (m.branch, len(m)) == ("isothermal", 445)
    assert m.conditions.magnetic_field.min() == pytest.approx(-7, abs=0.01)
    assert m.conditions.magnetic_field.max() == pytest.approx(7, abs=0.01)
    assert m.temperature.mean() == pytest.approx(300, abs=0.1)
    assert m.in_unit("emu")[0] == pytest.approx(-0.046349025, rel=1e-13)
    assert m.attributes["sample_mass"] == pytest.approx(0.7e-6)
    assert "molar_mass" not in m.attributes
    assert m.attributes["header.SAMPLE_MATERIAL"] == "KMK282"


@pytest.mark.skipif(not SHARED.exists(), reason="GPL-licensed file, only in the shared data folder")
def test_ppms_vsm_with_cp1252_titles():
    (m,) = read(next(SHARED.glob("2017*")))
    assert (m.branch, len(m)) == ("isothermal", 520)
    assert m.in_unit("emu")[0] == pytest.approx(-1.05639267791654e-5, rel=1e-13)
    assert m.conditions.magnetic_field[0] == pytest.approx(2.0000257, rel=1e-9)
    assert any("1 with no moment" in step for step in m.provenance.steps)


def test_fixed_centre_is_the_default_and_free_an_option(tmp_path):
    path = log(tmp_path, MPMS3, [f",{i},{10 + i},100,,,{i + 1}e-3,1e-6,{i + 2}e-3,2e-6" for i in range(3)])
    np.testing.assert_allclose(read(path)[0].in_unit("emu"), [1e-3, 2e-3, 3e-3])
    free = read(path, moment="free")[0]
    np.testing.assert_allclose(free.in_unit("emu"), [2e-3, 3e-3, 4e-3])
    np.testing.assert_allclose(free.sigma_in_unit("emu"), 2e-6)
    with pytest.raises(FormatError, match="no row has a number in 'Moment'"):
        read(path, moment="vsm")


def test_modes_are_never_merged(tmp_path):
    rows = [f",{i},{10 + i},100,{i + 1}e-3,1e-6,,,," for i in range(3)]
    rows += [f",{i},{10 + i},100,,,{i + 1}e-4,1e-6,{i + 1}e-4,1e-6" for i in range(3, 5)]
    both = read(log(tmp_path, MPMS3, rows), split=False)
    assert sorted((m.label, len(m)) for m in both) == [("a DC scan", 2), ("a VSM", 3)]
    rows.append(",9,30,100,1e-3,1e-6,1e-3,1e-6,1e-3,1e-6")
    with pytest.raises(FormatError, match=r"line 12: this row has a moment of two modes"):
        read(log(tmp_path, MPMS3, rows))


def test_classic_mpms(tmp_path):
    rows = [f"{100 + 60 * i},,1000.0,{5 + i},{i + 1}E-4,1E-8,Iterative Regression" for i in range(4)]
    info = "INFO,WEIGHT, 12.5\nINFO,MPMS MultiVu,APPNAME"
    (m,) = read(log(tmp_path, CLASSIC, rows, info, "a.dc.dat"))
    np.testing.assert_allclose(m.in_unit("emu"), [1e-4, 2e-4, 3e-4, 4e-4])
    np.testing.assert_allclose(m.sigma_in_unit("emu"), 1e-8)
    np.testing.assert_allclose(m.conditions.magnetic_field, 0.1)
    assert m.attributes["header.WEIGHT"] == "12.5"
    assert "sample_mass" not in m.attributes
    (stated,) = read(tmp_path / "a.dc.dat", header_meaning={"WEIGHT": "sample_mass/mg"})
    assert stated.attributes["sample_mass"] == pytest.approx(12.5e-6)


def test_acms_dc_rows_only(tmp_path):
    """The "Moment" of ACMS is the amplitude of the alternating moment; rows with only that are counted, not read."""
    rows = [
        ",1,2.0,2000,,,0.0112,2.5e-4,,,,",
        ",2,2.1,2000,10,4,,3e-7,2e-5,1e-7,2e-5,0.4",
        ",3,4.0,2000,,,0.0106,2.4e-4,,,,",
    ]
    (m,) = read(log(tmp_path, ACMS, rows, "INFO,mass,53.10 mg"))
    np.testing.assert_allclose(m.in_unit("emu"), [0.0112, 0.0106])
    assert m.attributes["header.mass"] == "53.10 mg"
    assert any("1 with no moment" in step for step in m.provenance.steps)
    (stated,) = read(tmp_path / "a.dat", header_meaning={"mass": "sample_mass/mg"})
    assert stated.attributes["sample_mass"] == pytest.approx(53.1e-6)


def test_acms_two(tmp_path):
    (m,) = read(log(tmp_path, ACMS2, ["1,2.0,2000,0.01,1e-4,", "2,3.0,2000,0.02,1e-4,"]))
    np.testing.assert_allclose(m.in_unit("emu"), [0.01, 0.02])


def test_cooling_and_heating_are_split_despite_jitter(tmp_path):
    down, up = np.linspace(300, 50, 60), np.linspace(50, 300, 60)[1:]
    jitter = 0.05 * np.sin(np.arange(119) * 2.1)
    rows = [f",{30 * i},{t:.5f},1000,{1 / t:.6e},1e-7" for i, t in enumerate(np.concatenate([down, up]) + jitter)]
    parts = read(log(tmp_path, VSM, rows))
    assert [part.branch for part in parts] == ["cooling", "heating"]
    assert sum(len(part) for part in parts) == 119
    assert parts[0].sweep_rate * 60 == pytest.approx(250 / 59 / 30 * 60, rel=0.01)
    assert len(read(tmp_path / "a.dat", split=False)) == 1


def test_rows_left_out_are_counted(tmp_path):
    rows = [",0,10,100,1e-3,1e-6", "set 20 K,,,,,", ",1,,100,1e-3,1e-6", ",2,20,100,,", ",3,30,100,2e-3,1e-6", "short"]
    (m,) = read(log(tmp_path, VSM, rows))
    assert len(m) == 2
    step = next(step for step in m.provenance.steps if step.startswith("rows left out"))
    assert "3 with no moment" in step
    assert "1 with no temperature" in step


def test_zero_standard_error_is_unknown(tmp_path):
    (m,) = read(log(tmp_path, VSM, [",0,10,100,1e-3,0", ",1,20,100,2e-3,1e-6"]))
    assert m.sigma is None
    assert any("sigma left unknown: 1 of 2" in step for step in m.provenance.steps)


@pytest.mark.parametrize(
    ("titles", "rows", "message"),
    [
        ("Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe)", [",1,2,3"], "no moment column in this log"),
        (VSM, [",1,2,3,,"], "are empty in all 1 rows"),
        (VSM, [",1,0,3,1e-3,1e-6"], "line 7: temperature 0 K"),
        (VSM, [",1,5,3,1e-3,1e-6", ",1,5,3,1e-3,1e-6"], "line 8: repeats line 7"),
        ("Time,Moment (emu)", ["1,1e-3"], r"no Temperature \(K\) column"),
    ],
)
def test_one_clear_error(tmp_path, titles, rows, message):
    with pytest.raises(FormatError, match=message) as caught:
        read(log(tmp_path, titles, rows))
    assert "a.dat" in str(caught.value)


def test_raw_scans_hold_no_moments(tmp_path):
    path = log(tmp_path, "Comment,Time Stamp (sec),Raw Position (mm),Raw Voltage (V)", [",1,2,3"])
    with pytest.raises(FormatError, match=r"a.dat: this is a raw-scan file .* format quantum_design_raw"):
        read(path, format="quantum_design")


def test_conflicting_masses_and_missing_data_line(tmp_path):
    with pytest.raises(FormatError, match="SAMPLE_MASS is '2' here and '1' before"):
        read(log(tmp_path, VSM, [",1,5,3,1e-3,1e-6"], "INFO,1,SAMPLE_MASS\nINFO,2,SAMPLE_MASS"))
    path = tmp_path / "b.dat"
    path.write_text("[Header]\nBYAPP,VSM\n")
    with pytest.raises(FormatError, match=r"no \[Data\] line"):
        read(path)


def test_file_that_stops_in_a_row(tmp_path):
    path = tmp_path / "cut.dat"
    shutil.copy(DATA / "fc7.dat", path)
    data = path.read_bytes()
    path.write_bytes(data[:-300])
    with pytest.raises(FormatError, match=r"cut\.dat, line \d+: the file stops in the middle"):
        read(path)
    (m,) = read(path, last_row="drop")
    assert len(m) == 192
    assert any("stops in the middle" in step for step in m.provenance.steps)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    (m,) = read(log(tmp_path, VSM + ",Bridge 1 Excitation (µA)", [",0,10,100,1e-3,1e-6,"], end=end))
    assert len(m) == 1


def _resaved(folder, how):
    """fc7.dat as other programs leave it."""
    text = (DATA / "fc7.dat").read_text()
    head, table = text.split("[Data]\n")
    if how == "table alone":
        text = table
    elif how == "semicolons and decimal commas":
        assert ";" not in table
        text = head + "[Data]\n" + table.replace(",", ";").replace(".", ",")
    elif how == "header too":
        text = (head + "[Data]\n" + table).replace(",", ";").replace(".", ",")
    elif how == "tabs and decimal commas":
        text = head + "[Data]\n" + table.replace(",", "\t").replace(".", ",")
    elif how == "workbook":
        import csv

        import openpyxl

        book = openpyxl.Workbook()
        sheet = book.active
        for row in csv.reader(text.splitlines()):
            sheet.append([float(cell) if re.fullmatch(r"-?\d*\.?\d+(E-?\d+)?", cell) else cell for cell in row])
        book.save(folder / "fc7.xlsx")
        return folder / "fc7.xlsx"
    (folder / "fc7.csv").write_text(text)
    return folder / "fc7.csv"


@pytest.mark.parametrize(
    "how", ["table alone", "header too", "semicolons and decimal commas", "tabs and decimal commas", "workbook"]
)
def test_a_log_saved_again_reads_as_the_log(tmp_path, how):
    (expected,) = read(DATA / "fc7.dat")
    (found,) = read(_resaved(tmp_path, how))
    for name in ("values", "sigma", "temperature"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    np.testing.assert_allclose(found.conditions.magnetic_field, expected.conditions.magnetic_field, rtol=1e-12)
    assert found.branch == expected.branch
    if how != "table alone":
        assert found.attributes["molar_mass"] == expected.attributes["molar_mass"]


BARE = "Time,Field (Oe),Temperature (K),Long Moment (emu),Long Scan Std Dev\n"
BARE += "1,500,3.0,2.6e-4,1e-7\n2,500,5.0,2.7e-4,2e-7\n"


def test_simulated_bare_table_has_the_scan_deviation_as_sigma(tmp_path):
    (tmp_path / "bare.csv").write_text(BARE)
    (found,) = read(tmp_path / "bare.csv")
    np.testing.assert_allclose(found.sigma, [1e-10, 2e-10], rtol=1e-12)
    np.testing.assert_allclose(found.conditions.magnetic_field, 0.05, rtol=1e-8)


@pytest.mark.parametrize(
    ("row", "message"),
    [("1;1,500;3.0;2.6e-4;1e-7", "line 2: '1,500' has a comma, '3.0'"), ("1;1,500;3;26e-5;1e-7", "thousands")],
)
def test_simulated_log_with_doubtful_decimal_signs_is_refused(tmp_path, row, message):
    (tmp_path / "bare.dat").write_text(BARE.splitlines()[0].replace(",", ";") + f"\n{row}\n")
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "bare.dat")


def test_simulated_table_of_an_ac_measurement_is_refused(tmp_path):
    # in such files Moment (emu) is the amplitude of the alternating moment
    titles = "Time Stamp (sec),Temperature (K),Magnetic Field (Oe),M-Std.Dev. (emu),M' (emu),M'' (emu),Moment (emu)\n"
    (tmp_path / "ac.csv").write_text(titles + "1,3,999,4e-7,1.7e-5,6e-6,1.8e-5\n2,4,999,4e-7,1.6e-5,6e-6,1.7e-5\n")
    with pytest.raises(FormatError, match="alternating"):
        read(tmp_path / "ac.csv")


def test_text_in_a_column_that_is_read_is_refused_with_its_line(tmp_path):
    file = tmp_path / "a.dat"
    head = "[Header]\nBYAPP,VSM,1.0\n[Data]\nTemperature (K),Magnetic Field (Oe),Moment (emu)\n"
    for row, column in (("abc,1e4,1e-3", "Temperature (K)"), ("3,1e4,abc", "Moment (emu)")):
        file.write_text(f"{head}2,1e4,1e-3\n{row}\n4,1e4,1e-3\n")
        with pytest.raises(ValueError, match="is not a number") as caught:
            read(file)
        assert str(caught.value).startswith(f"a.dat, line 6, column '{column}': 'abc'")
