"""Tables: every spelling people write them in, and one clear error for each way they go wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.exchange import write_csv
from labile.core.measurement import Measurement
from labile.core.units import UnitError
from labile.formats.registry import FormatError, read

SHARED = Path(__file__).parents[3] / "shared" / "data"
CM3 = 4e-6 * np.pi
"""1 cm3/mol of susceptibility in m3/mol."""


def table(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def one(folder: Path, content: str | bytes, name: str = "a.csv", **options) -> Measurement:
    found = read(table(folder, content, name), **options)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "content",
    [
        "T (K),chiT (cm3 K/mol)\n120,3.00\n300,3.12\n",
        "T [K]\tχT [cm3 K mol-1]\n120\t3.00\n300\t3.12\n",
        "T / K;chiT / cm3 K mol-1\n120;3.00\n300;3.12\n",
        "T/K;chiT/emu K mol-1\n120;3,00\n300;3,12\n",
        "Temperature (K)   chi_M T (cm^3 K mol^-1)\n120   3.00\n300   3.12\n",
        "T (K) chi*T (cm3 K/mol)\n120 3,00\n300 3,12\n",
        "T,chimT\nK,cm3 K mol-1\n120,3.00\n300,3.12\n",
        "T,chiT\nK,cm3 K mol-1\n,sample 1\nX,Y\n120,3.00\n300,3.12\n",
        "T,chiT\n(K),(emu K/mol)\n120,3.00\n300,3.12\n",
        "Temperature,chiT\n(°C),cm3 K/mol\n-153.15,3.00\n26.85,3.12\n",
        "T (°C),chiT (cm3 K/mol)\n-153.15,3.00\n26.85,3.12\n",
        "# T (K), chiT (cm3 K/mol)\n120, 3.00\n300, 3.12\n",
        "My compound\n\nT in K,chiT in cm3 K/mol\n% remark\n120,3.00\n\n300,3.12\n",
        '"T (K)","chiT (cm3 K/mol)"\n"120","3.00"\n"300","3.12"\n',
        '"T (K)","chiT (cm3 K/mol)"\n"120,0","3,00"\n"300,0","3,12"\n',
        "T (K),chiT (cm3 K/mol),,\n120,3.00,,\n300,3.12,,\n",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_all_spellings_give_the_same(tmp_path, content, end, encoding):
    if encoding == "cp1252" and "χ" in content:
        content = content.replace("χ", "chi")
    m = one(tmp_path, content.replace("\n", end).encode(encoding))
    assert m.quantity == "chi_t"
    np.testing.assert_allclose(m.temperature, [120, 300], rtol=1e-14)
    np.testing.assert_allclose(m.values, np.array([3.0, 3.12]) * CM3, rtol=1e-12)
    assert m.sigma is None
    assert m.provenance.reader == "tables"
    assert len(m.provenance.sha256) == 64


@pytest.mark.parametrize(
    "content",
    [
        "T (K),chiT (cm3 K/mol)\n120,3.00(3)\n300,3.12(3)\n",
        "T (K),chiT (cm3 K/mol)\n120,3.00 ± 0.03\n300,3.12 ± 0.03\n",
        "T (K),chiT (cm3 K/mol),sigma\n120,3.00,0.03\n300,3.12,0.03\n",
        "T (K),chiT (cm3 K/mol),±\n120,3.00,0.03\n300,3.12,0.03\n",
        "T (K),chiT (cm3 K/mol),s.u.\n120,3.00,0.03\n300,3.12,0.03\n",
        "chiT_err,T (K),chiT (cm3 K/mol)\n0.03,120,3.00\n0.03,300,3.12\n",
        "T (K),chiT (cm3 K/mol),sigma(chiT)\n120,3.00,0.03\n300,3.12,0.03\n",
        "T (K),chiT (cm3 K/mol),error (cm3 K/mol)\n120,3.00,0.03\n300,3.12,0.03\n",
        "T (K);chiT (cm3 K/mol)\n120;3,00(3)\n300;3,12(3)\n",
    ],
)
def test_uncertainties(tmp_path, content):
    m = one(tmp_path, content)
    np.testing.assert_allclose(m.sigma, 0.03 * CM3, rtol=1e-12)
    np.testing.assert_allclose(m.values, np.array([3.0, 3.12]) * CM3, rtol=1e-12)


def test_several_columns_limits_and_conditions(tmp_path):
    text = (
        "T (K),T_err,P (kbar),H (Oe),t (min),p (nC cm-2 K-1),P (uC/cm2),note\n"
        "40,0.1,1,1e4,0,<0.3,,a\n90,0.1,1,1e4,1,30,1.5,b\n"
    )
    p, polarization = sorted(read(table(tmp_path, text)), key=lambda m: m.quantity, reverse=True)
    assert (p.quantity, polarization.quantity) == ("pyroelectric_coefficient", "polarization")
    np.testing.assert_allclose(p.values, [0.3e-5, 30e-5], rtol=1e-12)
    assert list(p.limits) == [-1, 0]
    np.testing.assert_allclose(p.conditions.pressure, 1e8)
    np.testing.assert_allclose(p.conditions.magnetic_field, 1.0)
    np.testing.assert_allclose(p.conditions.time, [0, 60])
    np.testing.assert_allclose(p.conditions.sigma_temperature, 0.1)
    assert len(polarization) == 1
    assert any("note" in step for step in p.provenance.steps)
    assert any("line 2" in step for step in polarization.provenance.steps)


def test_options_name_columns_and_units(tmp_path):
    text = "a;b;c\n300;3,12;0,03\n120;3,00;0,03\n"
    m = one(
        tmp_path,
        text,
        columns={"temperature": "a", "chi_t": 2, "sigma": "c"},
        units={"a": "K", "chi_t": "cm3 K/mol"},
        digitising_error=0.04,
        sample="powder",
        branch="cooling",
        pressure="2 kbar",
    )
    np.testing.assert_allclose(m.sigma, 0.05 * CM3, rtol=1e-12)
    np.testing.assert_allclose(m.conditions.pressure, 2e8)
    assert (m.sample, m.branch) == ("powder", "cooling")
    assert any("digitising error 0.04" in step for step in m.provenance.steps)
    assert m.provenance.options["digitising_error"] == "0.04"


def test_no_titles_at_all(tmp_path):
    path = table(tmp_path, "120 3.00\n300 3.12\n", "a.txt")
    with pytest.raises(FormatError, match=r"a\.txt: no column is recognised.*1 \(no title\)"):
        read(path)
    m = read(path, columns={"temperature": 1, "chi_t": 2}, units={1: "K", 2: "cm3 K/mol"})[0]
    np.testing.assert_allclose(m.temperature, [120, 300])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "empty"),
        ("T (K),chiT\n120,3\n", {}, r"line 1, column 2 'chiT'.*unit is missing"),
        ("T (K),chiT (kg)\n120,3\n", {}, r"line 1, column 2 .*wrong dimension"),
        ("T,chiT (cm3 K/mol)\n120,3\n", {}, r"column 1 'T'.*unit is missing"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n0,3\n", {}, "line 3: the temperature is 0 K"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n-5,3\n", {}, "line 3: .*Celsius"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n130,abc\n", {}, "line 3, column 2 .*'abc' is not a number"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n130,1e999\n", {}, "line 3, .*not a number"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n120,3\n", {}, "line 3: the same numbers as line 2.*duplicates='keep'"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n130\n", {}, "line 3: the file stops in the middle"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n130\n140,3\n", {}, "line 3: 1 cells in a table of 2"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n,3\n", {}, "line 3: a value without its temperature"),
        ("T (K),chiT (cm3 K/mol)\n120,3(0)\n", {}, "line 2.*uncertainty 0"),
        ("T (K),chiT (cm3 K/mol)\n120,3.0(1)\n130,4\n", {}, "line 3: this point has no uncertainty"),
        ("T (K),foo (m)\n120,3\n", {}, "no column is recognised.*2 'foo"),
        ("foo (K),chiT (cm3 K/mol)\n120,3\n", {}, "no column is a temperature"),
        (
            "T (K);chiT (cm3 K/mol)\n120;1,234\n130;1,300\n",
            {},
            "line 2: '1,234' may have a decimal comma or",
        ),
        ("T (K);chiT (cm3 K/mol)\n120;1,23\n130;1.3\n", {}, "line 3: '1.3' has a point"),
        ("5,150\n6,200\n", {}, "two numbers or one with a decimal comma"),
        ("T (K),T (K),chiT (cm3 K/mol)\n1,1,3\n", {}, "several columns are a temperature"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n", {"columns": {"chi_t": "nope"}}, "asks for column 'nope'"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n", {"branch": "up"}, "branch='up'"),
        ("T (K),chiT (cm3 K/mol)\n120,3\n", {"nonsense": 1}, "its options are"),
        ("T (K),chiT (cm3 K/mol)\n120,\n130,\n", {}, "it holds no number"),
        ("T (K),moment (muB)\n120,1\n", {}, "per formula unit"),
        ("T (K),-chi (cm3/mol)\n120,1\n", {}, "no column is recognised"),
        ("T (K),gamma (deg)\n120,91\n", {}, "no column is recognised"),
        ("T (K),1/chi (mol/cm3)\n120,91\n", {}, "no column is recognised"),
        ("T (K),chi (cm3/g)\n120,91\n", {}, "wrong dimension"),
        ("T (K),chiT (cm3 K/mol)\n1,5,2,7\n2,5,2,8\n", {}, "2 column titles over 4 columns"),
        ("T (K),nHS\n120,95\n", {}, "a fraction of 95 is impossible"),
        ("T (K),p (furlong)\n120,1\n", {}, "fits none"),
        ("hello world\n", {}, "no format matches"),
        (b"\x00\x01\x02\x03" * 20, {}, "binary data"),
    ],
)
def test_one_clear_error(tmp_path, content, options, message):
    path = table(tmp_path, content)
    with pytest.raises((FormatError, UnitError), match=re.compile(message, re.DOTALL)) as caught:
        read(path, **options)
    assert "a.csv" in str(caught.value)


def test_duplicates_may_be_kept_and_same_temperature_is_fine(tmp_path):
    text = "T (K),chiT (cm3 K/mol)\n120,3\n120,3\n120,3.1\n"
    assert len(one(tmp_path, text, duplicates="keep")) == 3
    assert len(one(tmp_path, text.replace("120,3\n", "", 1))) == 2


def test_decimal_option_settles_an_ambiguity(tmp_path):
    text = "T (K);chiT (cm3 K/mol)\n120;1,234\n130;1,300\n"
    np.testing.assert_allclose(one(tmp_path, text, decimal=",").values / CM3, [1.234, 1.3], rtol=1e-12)


def workbook(path: Path, rows, second=None) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if second:
        book.create_sheet("second").append(second)
    book.save(path)
    return path


def test_workbook(tmp_path):
    rows = [["T (K)", "chiT (cm3 K/mol)", "chiT_err"], [120, 3.0, 0.03], [300.5, 3.12, 0.03]]
    m = read(workbook(tmp_path / "a.xlsx", rows))[0]
    np.testing.assert_allclose(m.temperature, [120, 300.5])
    np.testing.assert_allclose(m.values, np.array([3.0, 3.12]) * CM3, rtol=1e-12)
    np.testing.assert_allclose(m.sigma, 0.03 * CM3, rtol=1e-12)
    with pytest.raises(FormatError, match="several sheets"):
        read(workbook(tmp_path / "b.xlsx", rows, ["x", 1]))
    with pytest.raises(FormatError, match=r"row 3, column 2: a formula without a saved value"):
        read(workbook(tmp_path / "c.xlsx", rows[:2] + [[300, "=1+2", 0.1]]))


def test_own_csv_is_read_without_loss(tmp_path):
    original = Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]), sigma=[0.02, 0.03])
    write_csv(original, tmp_path / "own.csv")
    again = read(tmp_path / "own.csv")[0]
    np.testing.assert_allclose(again.values, original.values, rtol=1e-15)
    assert again.provenance == original.provenance


@pytest.mark.skipif(not SHARED.exists(), reason="GPL-licensed file, only in the shared data folder")
def test_digitised_lithium_tantalate(tmp_path):
    path = SHARED / "pyro" / "LT-LandB-77L2-Lines1977.txt"
    with pytest.raises((FormatError, UnitError), match="LT-LandB"):
        read(path)
    m = read(
        path, columns={"pyroelectric_coefficient": "p"}, units={"temp": "K", "p": "C m-2 K-1"}, digitising_error=1e-6
    )[0]
    assert len(m) == 22
    assert m.values[-1] == pytest.approx(1.76e-4, rel=5e-3)
    assert m.temperature[-1] == pytest.approx(300.44, abs=0.01)


def test_columns_of_the_same_quantity_stay_apart(tmp_path):
    found = read(table(tmp_path, "T (K),chiT (cm3 K/mol),chiT (cm3 K/mol)\n120,3,4\n"))
    assert len({m.label for m in found}) == 2
    np.testing.assert_allclose([m.values[0] / CM3 for m in found], [3, 4], rtol=1e-12)


@pytest.mark.parametrize(
    ("title", "branch"),
    [
        ("chiT up (cm3 K/mol)", "heating"),
        ("chiT (heating) / cm3 K mol-1", "heating"),
        ("Heating χT / cm3 K mol-1", "heating"),
        ("χ_m T [cm3 mol-1 K] (warming mode)", "heating"),
        ("chiT_down (cm3 K/mol)", "cooling"),
        ("χT (cm3 K mol-1) ↓", "cooling"),
        ("2nd cooling XT (emu K/mol)", "cooling"),
        ("chi_m*T (cm3 K mol-1)", "equilibrium"),
        ("ΧmT (emu K/mol)", "equilibrium"),
    ],
)
def test_titles_say_the_branch(tmp_path, title, branch):
    m = one(tmp_path, f"T (K)\t{title}\n120\t3.00\n300\t3.12\n")
    assert (m.quantity, m.branch) == ("chi_t", branch)
    np.testing.assert_allclose(m.values, np.array([3.00, 3.12]) * CM3, rtol=1e-12)


def test_heating_and_cooling_columns_and_their_errors(tmp_path):
    text = "T (K),chiT heating (cm3 K/mol),err chiT heating,chiT cooling (cm3 K/mol),err chiT cooling\n"
    up, down = read(table(tmp_path, text + "120,1.0,0.1,2.0,0.2\n300,3.0,0.3,3.1,0.4\n"))
    assert (up.branch, down.branch) == ("heating", "cooling")
    np.testing.assert_allclose(down.sigma, np.array([0.2, 0.4]) * CM3, rtol=1e-12)


def test_tables_side_by_side_keep_their_own_temperatures(tmp_path):
    text = "T heating (K),chiT (cm3 K/mol),T cooling (K),chiT (cm3 K/mol)\n"
    up, down = read(table(tmp_path, text + "100,1.0,300,3.1\n200,2.0,150,2.9\n300,3.0,,\n250,2.6,,\n"))
    assert (up.branch, len(up), down.branch, len(down)) == ("heating", 4, "cooling", 2)
    assert down.temperature.tolist() == [300.0, 150.0]
    assert up.label != down.label


def test_branch_of_title_and_option_must_agree(tmp_path):
    file = table(tmp_path, "T (K),chiT heating (cm3 K/mol)\n120,3.00\n300,3.12\n")
    with pytest.raises(FormatError, match="cooling"):
        read(file, branch="cooling")
    assert read(file, branch="heating")[0].branch == "heating"
    with pytest.raises(FormatError, match="cooling and heating"):
        read(table(tmp_path, "T cooling (K),chiT heating (cm3 K/mol)\n120,3.00\n"))


@pytest.mark.parametrize(
    ("titles", "quantity", "value"),
    [
        ("Temp. (K),HS fraction", "high_spin_fraction", 0.5),
        ("Temperature/K,gamma_HS", "high_spin_fraction", 0.5),
        ("T(K),HS%", "high_spin_fraction", 0.005),
        ("Temperature T (K),% HS", "high_spin_fraction", 0.005),
        ("T(K),p (nC cm-2 K-1)", "pyroelectric_coefficient", 0.5e-5),
        ("T(K),Polarization (uC/cm2)", "polarization", 0.5e-2),
        ("T(K),Polarization P (uC/cm2)", "polarization", 0.5e-2),
        ("T(K),I (pA)", "current", 0.5e-12),
        ("T(K),Current(A)", "current", 0.5),
        ("T(K),Moment (m) [emu]", "moment", 5e-4),
    ],
)
def test_titles_chemists_write(tmp_path, titles, quantity, value):
    m = one(tmp_path, f"{titles}\n120,0.5\n")
    assert m.quantity == quantity
    np.testing.assert_allclose(m.values, value, rtol=1e-12)


@pytest.mark.parametrize(("title", "seconds"), [("time/s", 5.0), ("t (min)", 300.0)])
def test_titles_of_times(tmp_path, title, seconds):
    m = one(tmp_path, f"{title},T (K),I (pA)\n5,120,0.5\n")
    np.testing.assert_allclose(m.conditions.time, seconds)


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        ("T (K),XT", "unit is missing"), ("T (K),X (emu/mol)", "no column is recognised"), ("T (K),FC", "no column"),
        ("T (K),M (emu/g)", "moment"), ("T (K),chiT up down", "no column"), ("T,chiT (cm3 K/mol)", "unit is missing"),
        ("T set (K),T (K),Temperature (K),chiT (cm3 K/mol)", "several columns are a temperature"),
    ],
)  # fmt: skip
def test_ambiguous_titles_are_refused_with_help(tmp_path, titles, message):
    row = ",".join(["120"] * (titles.count(",") + 1))
    with pytest.raises((FormatError, UnitError), match=message) as refused:
        read(table(tmp_path, f"{titles}\n{row}\n"))
    assert "columns" in str(refused.value) or "units" in str(refused.value)


VSM_EXPORT = """#RUN ON SOFTWARE VERSION:,,,
1.2,,,
Magnet: simulated,,,
Mass: 1.00000 g,,,
##DATA TABLE,,,
Step,Temperature [K],Moment (m) [emu],Status
2,300,-7.81E-05,GOOD
2,290,-7.75E-05,GOOD
"""


def test_lines_about_the_instrument_are_no_titles(tmp_path):
    m = one(tmp_path, VSM_EXPORT)
    assert (m.quantity, len(m)) == ("moment", 2)
    np.testing.assert_allclose(m.values, [-7.81e-8, -7.75e-8], rtol=1e-12)


def test_titles_separated_by_several_tabs(tmp_path):
    m = one(
        tmp_path,
        "# time [s]\t\t\tTemp [K]\t\tMean I [A]\t\tI [A]\t\n4e2\t275.9\t1\t-4.7e-11\n6e2\t277.2\t1\t-7.9e-11\n",
    )
    assert (m.quantity, m.values.tolist()) == ("current", [-4.7e-11, -7.9e-11])
    np.testing.assert_allclose(m.conditions.time, [400, 600])


def test_a_row_of_units_with_one_unit(tmp_path):
    m = one(tmp_path, "T,HS fraction\nK,\n120,0.5\n300,0.9\n")
    assert (m.quantity, m.temperature.tolist()) == ("high_spin_fraction", [120.0, 300.0])


def test_a_ratio_is_no_unit(tmp_path):
    m = one(tmp_path, "T (K)\tI (A)\tp/TSC-ratio\n120\t1e-12\t70\n130\t2e-12\t80\n")
    assert m.quantity == "current"
    assert any("columns not read: 3" in step for step in m.provenance.steps)


@pytest.mark.parametrize(
    ("title", "quantity", "si"),
    [
        ("M (muB)", "magnetization", 5.58493940),
        ("Magnetization (emu/mol)", "magnetization", 1e-3),
        ("magnetisation [emu]", "moment", 1e-3),
        ("M / emu", "moment", 1e-3),
        ("M_mol (A m2/mol)", "magnetization", 1.0),
    ],
)
def test_the_unit_tells_a_sample_from_a_mole(tmp_path, title, quantity, si):
    (found,) = read(table(tmp_path, f"T (K),{title}\n2,1\n4,1\n"))
    assert found.quantity == quantity
    assert found.values == pytest.approx([si, si], rel=1e-8)
