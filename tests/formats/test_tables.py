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
        ("T (K),M (muB)\n120,1\n", {}, "per formula unit"),
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
