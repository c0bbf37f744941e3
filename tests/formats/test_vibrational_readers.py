"""JCAMP-DX and OPUS against what their files state of themselves; text and joined spectra."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import UnitError
from labile.formats import galactic_spc, jcamp_dx, opus, registry, spectral_text, vibrational_signatures
from labile.formats.jcamp_asdf import TableError, ordinates, pairs
from labile.formats.registry import FormatError
from labile.formats.spectral_maps import join_spectra

DATA = Path(__file__).parents[1] / "data"
JCAMP, OPUS = DATA / "jcamp", DATA / "opus" / "test_spectra.0"
FEW = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stated(path: Path) -> dict[str, str]:
    """Labels of a file with one block."""
    lines = path.read_text(encoding="latin-1").splitlines()
    return {line[2:].split("=")[0]: line.split("=", 1)[1].strip() for line in lines if line.startswith("##")}


@pytest.mark.parametrize(
    ("name", "options", "unit"),
    [
        ("1-butene.jdx", {}, 100.0),
        ("dupinc1.jdx", {"axis": "wavelength"}, 1e-9),
        ("fixinc4.jdx", {"axis": "channel"}, 1.0),
        ("sqzdupd1.jdx", {}, 100.0),
    ],
)
def test_jcamp_files_equal_their_header(name, options, unit):
    (found,) = jcamp_dx.read(JCAMP / name, **options)
    header = stated(JCAMP / name)
    x, y = found.axis.values / unit, found.values[0]
    first, last = float(header["FIRSTX"]), float(header["LASTX"])
    assert x.size == int(header["NPOINTS"])
    assert sorted((first, last)) == pytest.approx([x[0], x[-1]], rel=1e-12)
    assert np.ptp(np.diff(x)) < 1e-6 * abs(x[-1] - x[0])
    factor = abs(float(header["YFACTOR"]))
    assert (y if first < last else y[::-1])[0] == pytest.approx(float(header["FIRSTY"]), abs=factor + 1e-6)
    assert y.max() == pytest.approx(float(header["MAXY"]), abs=2 * factor + 5e-6)


def test_jcamp_curve_is_the_gaussian_it_was_made_from():
    (found,) = jcamp_dx.read(JCAMP / "fixinc4.jdx", axis="channel")
    assert found.values[0] == pytest.approx(np.exp(-(found.axis.values**2)), abs=5e-6)


def test_jcamp_wavelengths_become_wavenumbers_and_wrong_extremes_are_recorded():
    (found,) = registry.read(JCAMP / "dupinc1.jdx")
    assert (found.quantity, found.axis.quantity) == ("absorbance", "wavenumber")
    assert found.axis.values[[0, -1]] == pytest.approx([1 / 469.5e-9, 1 / 250e-9])
    assert found.values[0, -1] == pytest.approx(1.1663)
    assert any("MINY=0.0604" in step for step in found.provenance.steps)
    assert any("refractive index" in step for step in found.provenance.steps)


FORMS = {
    "AFFN": ["1 10 11 12 12 12 9", "7 -5 0 3"],
    "PAC": ["1+10+11+12+12+12+9", "7-5+0+3"],
    "SQZ": ["1A0A1A2A2A2I", "7e@C"],
    "SQZ and DUP": ["1A0A1A2UI", "7e@C"],
    "DIF": ["1A0JJ%%l", "6Ijm", "7ej", ""],
    "DIF and DUP": ["1A0JT%Tl", "6Ij4"],
}


@pytest.mark.parametrize("form", ["AFFN", "PAC", "SQZ", "SQZ and DUP"])
def test_forms_hold_the_same_ordinates(form):
    found = ordinates(list(enumerate(FORMS[form], 1)))
    assert found.values.tolist() == [10, 11, 12, 12, 12, 9, -5, 0, 3]
    assert [point[:3] for point in found.checkpoints] == [(1, 0, 1.0), (2, 6, 7.0)]


def test_differences_repeat_their_last_ordinate():
    found = ordinates([(1, "1A0JT%Tl"), (2, "6In4N"), (3, "8@")])
    assert found.values.tolist() == [10, 11, 12, 12, 12, 9, -45, -40]
    assert found.checkpoints[1][1] == 5
    assert found.wrong_checks == ("line 3: the Y check is 0, the ordinate before is -40",)


SQUEEZED = dict(zip("0123456789", "@ABCDEFGHI", strict=True))
DIFFERENT = dict(zip("0123456789", "%JKLMNOPQR", strict=True))
NEGATIVE = {
    "S": dict(zip("123456789", "abcdefghi", strict=True)),
    "D": dict(zip("123456789", "jklmnopqr", strict=True)),
}


def coded(value: int, kind: str) -> str:
    digits = str(abs(value))
    table = (SQUEEZED if kind == "S" else DIFFERENT) if value >= 0 else NEGATIVE[kind]
    return table[digits[0]] + digits[1:]


@given(values=st.lists(st.integers(-5000, 5000), min_size=2, max_size=60), width=st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_any_ordinates_survive_dif_and_dup(values, width):
    """Written by a small encoder of the standard's rules, read back."""
    lines, at = [], 0
    while at < len(values) - 1:
        row = values[at : at + width]
        steps = [b - a for a, b in pairwise(row)]
        text, n = f"{at}{coded(row[0], 'S')}", 0
        while n < len(steps):
            count = 1
            while n + count < len(steps) and steps[n + count] == steps[n] and count < 8:
                count += 1
            text += coded(steps[n], "D") + ("" if count == 1 else " STUVWXYZ"[count])
            n += count
        lines.append((len(lines) + 1, text))
        at += len(row) - 1
    found = ordinates(lines)
    assert found.values.tolist() == values
    assert not found.wrong_checks


def test_tables_that_cannot_be_decoded():
    with pytest.raises(TableError, match=r"line 3: a missing ordinate"):
        ordinates([(3, "1A0?A1")])
    with pytest.raises(TableError, match="'&' at column 4"):
        ordinates([(1, "1A0&")])
    with pytest.raises(TableError, match="'J2' stands before any ordinate"):
        ordinates([(1, "1J2")])
    with pytest.raises(TableError, match="X value without"):
        ordinates([(1, "1")])
    with pytest.raises(TableError, match="repetitions"):
        ordinates([(1, "1A0JZ999999999")])
    with pytest.raises(TableError, match="odd count"):
        pairs([(1, "1, 2, 3")])


HEADER = (
    "##TITLE=made in the test\n##JCAMP-DX=4.24 $$ comment\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=1/CM\n"
    "##YUNITS=ARBITRARY UNITS\n##FIRSTX=100\n##LASTX=108\n##NPOINTS=9\n##XFACTOR=1\n##YFACTOR=0.5\n##FIRSTY=5\n"
)
TABLE = "##XYDATA=(X++(Y..Y))\n100 10 11 12\n103 13 14 15\n106 16 17 18\n##END=\n"


def written(folder: Path, text: str, name: str = "a.jdx") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_jcamp_contradictions_are_refused_or_recorded(tmp_path):
    good = HEADER + TABLE
    (found,) = registry.read(written(tmp_path, good), temperature="-23.15 degC", pressure="1 GPa")
    assert (found.axis.quantity, found.quantity) == ("raman_shift", "intensity")
    assert found.values[0] == pytest.approx(np.arange(10, 19) / 2)
    assert (found.temperature[0], found.conditions.pressure[0]) == pytest.approx((250.0, 1e9))
    for old, new, message in [
        ("103 13", "104 13", "line 14: the X checkpoint is 104, point 4 lies at 103"),
        ("FIRSTY=5", "FIRSTY=6", "FIRSTY=6, the data have 5"),
    ]:
        path = written(tmp_path, good.replace(old, new))
        with pytest.raises(FormatError, match=message):
            jcamp_dx.read(path)
        (kept,) = jcamp_dx.read(path, checks="record")
        assert any(message in step for step in kept.provenance.steps)
    path = written(tmp_path, good.replace(" 17 18", " 17"))
    with pytest.raises(FormatError, match="NPOINTS=9, but 8 points"):
        jcamp_dx.read(path)
    (kept,) = jcamp_dx.read(path, incomplete="keep")
    assert kept.axis.values[-1] == pytest.approx(10700.0)
    with pytest.raises(FormatError, match="no ##END="):
        jcamp_dx.read(written(tmp_path, good.replace("##END=", "")))
    with pytest.raises(FormatError, match=r"calls its values 'VOLTS'.*quantity="):
        jcamp_dx.read(written(tmp_path, good.replace("ARBITRARY UNITS", "VOLTS")))
    with pytest.raises(FormatError, match=r"does not say whether its axis.*Raman"):
        jcamp_dx.read(written(tmp_path, good.replace("RAMAN SPECTRUM", "SPECTRUM")))
    with pytest.raises(FormatError, match="laser_wavelength="):
        jcamp_dx.read(written(tmp_path, good.replace("1/CM", "NANOMETERS")))
    (shifts,) = jcamp_dx.read(tmp_path / "a.jdx", laser_wavelength=99.0)
    assert shifts.axis.values[0] == pytest.approx(1 / 99e-9 - 1 / 100e-9)
    with pytest.raises(FormatError, match="quantity='transmittance %'"):
        jcamp_dx.read(written(tmp_path, good.replace("ARBITRARY UNITS", "TRANSMITTANCE")))
    (percent,) = jcamp_dx.read(tmp_path / "a.jdx", quantity="transmittance %")
    assert percent.values[0, 0] == pytest.approx(0.05)


def test_linked_blocks_pairs_and_ntuples(tmp_path):
    pairs_block = HEADER.replace("TITLE=made", "TITLE=pairs made") + (
        "##XYPOINTS=(XY..XY)\n" + "\n".join(f"{100 + n}, {10 + n};" for n in range(9)) + "\n##END=\n"
    )
    link = "##TITLE=all\n##JCAMP-DX=5.00\n##DATA TYPE=LINK\n##BLOCKS=2\n" + HEADER + TABLE + pairs_block + "##END=\n"
    first, second = jcamp_dx.read(written(tmp_path, link))
    assert np.array_equal(first.values, second.values)
    assert second.label.startswith("pairs")
    with pytest.raises(FormatError, match="announces 5 blocks"):
        jcamp_dx.read(written(tmp_path, link.replace("BLOCKS=2", "BLOCKS=5")))
    pages = (
        "##TITLE=pages\n##JCAMP-DX=5.00\n##DATA TYPE=INFRARED SPECTRUM\n##NTUPLES=INFRARED SPECTRUM\n"
        "##VAR_NAME=WAVENUMBER, ABSORBANCE, IMAGINARY, PAGE\n##SYMBOL=X, Y, I, N\n##VAR_DIM=3, 3, 3, 2\n"
        "##UNITS=1/CM, ABSORBANCE, ABSORBANCE,\n##FIRST=100, 1, 1, 1\n##LAST=102, 3, 3, 2\n##FACTOR=1, 0.1, 0.1, 1\n"
        "##PAGE=N=1\n##DATA TABLE=(X++(Y..Y)), XYDATA\n100 1 2 3\n"
        "##PAGE=N=2\n##DATA TABLE=(X++(I..I)), XYDATA\n100 4 5 6\n##END NTUPLES=\n##END=\n"
    )
    (page,) = jcamp_dx.read(written(tmp_path, pages))
    assert page.values[0] == pytest.approx([0.1, 0.2, 0.3])
    assert page.axis.values == pytest.approx([1e4, 1.01e4, 1.02e4])


def test_opus_equals_its_parameter_blocks():
    found = {one.attributes["block"]: one for one in opus.read(OPUS, blocks="all")}
    from brukeropus import read_opus

    source = read_opus(str(OPUS))
    for key, block in (("r", "Reflectance"), ("sm", "Sample Spectrum"), ("rf", "Reference Spectrum")):
        parameters, one = dict(getattr(source, key).params.items()), found[block]
        assert one.values.shape == (1, parameters["npt"])
        ends = sorted((parameters["fxv"], parameters["lxv"]))
        assert one.axis.values[[0, -1]] / 100 == pytest.approx(ends, rel=1e-12)
        assert (one.values.min(), one.values.max()) == pytest.approx((parameters["mny"], parameters["mxy"]), rel=1e-6)
    (result,) = registry.read(OPUS)
    assert (result.quantity, result.axis.quantity) == ("reflectance", "wavenumber")
    assert result.attributes["date"] == "11/05/2020"
    with pytest.raises(FormatError, match="no block 'a'; there are"):
        opus.read(OPUS, blocks="a")


def test_truncated_opus_is_refused(tmp_path):
    data = OPUS.read_bytes()
    path = tmp_path / "cut.0"
    for length in (10, 30, 400, 20_000, len(data) - 5000):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"cut\.0"):
            opus.read(path)


def test_text_says_or_asks(tmp_path):
    rows = [f"{1400 + n}\t{0.1 + n / 1000}" for n in range(30)]
    (plain,) = registry.read(written(tmp_path, "\n".join(["Wavenumber (cm-1)\tAbsorbance", *rows]), "80K.txt"))
    assert (plain.quantity, plain.axis.quantity, plain.temperature[0]) == ("absorbance", "wavenumber", 80.0)
    untitled = written(tmp_path, "\n".join(rows), "b.txt")
    with pytest.raises(FormatError, match="quantity="):
        spectral_text.read(untitled)
    with pytest.raises(FormatError, match=r"axis=.*axis_unit="):
        spectral_text.read(untitled, quantity="absorbance")
    (said,) = spectral_text.read(untitled, quantity="absorbance", axis="raman_shift", axis_unit="cm-1", temperature=10)
    assert said.axis.values[0] == pytest.approx(1400e2)
    with pytest.raises(FormatError, match="line 3: 3 numbers where others have 2"):
        spectral_text.read(written(tmp_path, "\n".join([*rows[:2], "1 2 3", *rows]), "c.txt"), quantity="intensity")


@pytest.mark.parametrize("corner", [r"wavenumber (cm-1) \ T (K)", ""])
def test_matrix_of_a_temperature_map(tmp_path, corner):
    grid, kelvin = np.linspace(1200, 1600, 21), np.array([10.0, 100.0, 300.0])
    values = np.outer(kelvin, grid) / 1e6
    by_column = [";".join([corner, *map(str, kelvin)])]
    by_column += [";".join(map(str, [x, *values[:, n]])) for n, x in enumerate(grid)]
    path = written(tmp_path, "# absorbance, simulated\n" + "\n".join(by_column), "map.txt")
    options = {} if corner else {"condition": "temperature", "condition_unit": "K", "layout": "columns"}
    axis = {} if corner else {"axis": "wavenumber", "axis_unit": "1/cm"}
    (found,) = spectral_text.read(path, **options, **axis)
    assert found.values == pytest.approx(values)
    assert found.temperature == pytest.approx(kelvin)
    assert found.axis.values == pytest.approx(grid * 100)
    if not corner:
        with pytest.raises(FormatError, match=r"orientation.*layout='columns'"):
            spectral_text.read(path, **axis)
    by_row = [";".join(["T (K)", *map(str, grid)])]
    by_row += [";".join(map(str, [t, *row])) for t, row in zip(kelvin, values, strict=True)]
    path = written(tmp_path, "# absorbance, simulated\n" + "\n".join(by_row), "map.txt")
    (turned,) = spectral_text.read(path, axis="wavenumber", axis_unit="1/cm")
    assert turned.values == pytest.approx(values)
    assert turned.temperature == pytest.approx(kelvin)


def test_wire_and_labspec(tmp_path):
    shifts = {"axis": "raman_shift", "axis_unit": "1/cm", "temperature": 300}
    lines = ["#X\t\t#Y\t\t#Wave\t\t#Intensity"]
    lines += [f"{x}\t\t0\t\t{600 - n}\t\t{n + 100 * x}" for x in (1, 2) for n in range(20)]
    (wire,) = registry.read(written(tmp_path, "\n".join(lines), "w.txt"), **shifts)
    assert wire.values.shape == (2, 20)
    assert wire.axis.values[0] == pytest.approx(581e2)
    assert wire.values[1, -1] == 200.0
    assert wire.attributes["x_values"] == "1 2"
    lines[-1] = "2\t\t0\t\t580.5\t\t7"
    with pytest.raises(FormatError, match="not on the grid of the first"):
        registry.read(written(tmp_path, "\n".join(lines), "w.txt"), **shifts)
    head = "#Acq. time (s)=\t1\n#Laser=\t532.1\n#AxisType[1]=\tSpectr\n#AxisUnit[1]=\t1/cm\n"
    series = head + "\t100\t101\t102\n" + "".join(f"{t}\t{t}\t{t + 1}\t{t + 2}\n" for t in (80, 90))
    path = written(tmp_path, series, "l.txt")
    with pytest.raises(FormatError, match="what varies from spectrum to spectrum"):
        registry.read(path, axis="raman_shift")
    (lab,) = registry.read(path, axis="raman_shift", condition="temperature", condition_unit="K")
    assert lab.temperature.tolist() == [80.0, 90.0]
    assert lab.values[1].tolist() == [90.0, 91.0, 92.0]


def test_spectra_are_joined_on_one_grid(tmp_path):
    def single(name: str, start: float, count: int) -> Measurement:
        rows = [f"{start + n}\t{(start + n) / 1e4}" for n in range(count)]
        return spectral_text.read(written(tmp_path, "Wavenumber (cm-1)\tAbsorbance\n" + "\n".join(rows), name))[0]

    first, same, shifted = single("a.txt", 1400, 30), single("b.txt", 1400, 30), single("c.txt", 1399.5, 32)
    with pytest.raises(FormatError, match="no file states the temperature"):
        join_spectra([first, same])
    joined = join_spectra([first, same], temperatures=[80, 90], pressures=[1e5, 2e9])
    assert joined.values.shape == (2, 30)
    assert joined.conditions.pressure.tolist() == [1e5, 2e9]
    with pytest.raises(FormatError, match="regrid=True"):
        join_spectra([first, shifted], temperatures=[80, 90])
    regridded = join_spectra([first, shifted], temperatures=[80, 90], regrid=True)
    assert regridded.values[1] == pytest.approx(regridded.axis.values / 1e6)
    assert any("interpolated linearly" in step for step in regridded.provenance.steps)
    with pytest.raises(FormatError, match="does not cover"):
        join_spectra([shifted, first], temperatures=[80, 90], regrid=True)
    with pytest.raises(FormatError, match="3 temperatures for 2 spectra"):
        join_spectra([first, same], temperatures=[1, 2, 3])


def test_clipped_tops_are_named(tmp_path):
    rows = [f"{1400 + n}\t{min(65535, 1000 * (n + 50))}" for n in range(30)]
    (found,) = spectral_text.read(written(tmp_path, "Raman shift (cm-1)\tCounts\n" + "\n".join(rows), "s.txt"))
    assert any("15 neighbours" in step or "14 neighbours" in step for step in found.provenance.steps)


SOURCES = {
    "jcamp_dx": lambda: (JCAMP / "dupinc1.jdx").read_bytes(),
    "opus": OPUS.read_bytes,
    "spectral_text": lambda: ("Raman shift (cm-1)\tCounts\n" + "".join(f"{n}\t{n * n}\n" for n in range(40))).encode(),
}
READERS = {"jcamp_dx": jcamp_dx.read, "opus": opus.read, "spectral_text": spectral_text.read}


@pytest.mark.parametrize("name", SOURCES)
@given(data=st.data())
@FEW
def test_damage_is_refused_or_harmless(tmp_path, name, data):
    original = SOURCES[name]()
    body = bytearray(original)
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body) - 1))]
    for _ in range(data.draw(st.integers(0, 4))):
        if body:
            reach = len(body) - 1 if data.draw(st.booleans()) else min(len(body) - 1, 2000)
            body[data.draw(st.integers(0, reach))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.dat"
    path.write_bytes(bytes(body))
    found, message = [], path.name
    try:
        found = READERS[name](path)
    except (FormatError, MeasurementError, UnitError) as error:
        message = str(error)
    assert path.name in message or "'x'" in message
    assert found or message != path.name
    assert all(np.all(np.isfinite(one.values)) for one in found)


def test_spc_reader_is_not_for_other_files():
    with pytest.raises(FormatError, match=r"byte 2 is 0x"):
        galactic_spc.read(JCAMP / "fixinc4.jdx")


SHIFTS = np.arange(1200.0, 1600.0)
KELVIN = (80, 120, 160, 200, 240, 280)
BANDS = np.array([np.exp(-(((SHIFTS - 1400 + k / 50) / 20) ** 2)) for k in KELVIN])


def table(first: str, *columns) -> str:
    return first + "".join(",".join(f"{value:.5f}" for value in row) + "\n" for row in zip(*columns, strict=True))


def in_rows(first: str, shifts=SHIFTS, mark: str = ",") -> str:
    top = first + mark.join(f"{one:g}" for one in shifts) + "\n"
    values = np.exp(-(((shifts - shifts.mean()) / 20) ** 2))
    return top + "".join(mark.join([str(k), *(f"{v:.4f}" for v in values)]) + "\n" for k in KELVIN)


ON_SHIFTS = {"axis": "wavenumber", "axis_unit": "1/cm"}


@pytest.mark.parametrize(
    ("name", "text", "options", "says"),
    [
        (
            "cols.csv",
            table("Wavenumber (cm-1)," + ",".join(f"{k} K" for k in KELVIN) + "\n", SHIFTS, *BANDS),
            {"quantity": "absorbance"},
            "quantity=",
        ),
        ("rows.csv", in_rows("# absorbance\nT (K),"), ON_SHIFTS, "axis="),
        ("long.csv", in_rows("# absorbance\nT (K),", np.linspace(400, 4000, 3600)), ON_SHIFTS, "axis="),
        (
            "map.txt",
            in_rows("#Temperature=\t\n\t", mark="\t"),
            {**ON_SHIFTS, "condition": "temperature", "condition_unit": "K"},
            "condition=",
        ),
        (
            "long.txt",
            in_rows("#Temperature=\t\n\t", np.linspace(400, 4000, 3600), "\t"),
            {**ON_SHIFTS, "condition": "temperature", "condition_unit": "K"},
            "condition=",
        ),
        ("um.csv", table("Wavelength (um),Absorbance\n", 1e4 / SHIFTS, BANDS[0]), {"axis": "wavenumber"}, "axis="),
        ("a.dpt", table("", SHIFTS[::-1], BANDS[0]), {**ON_SHIFTS, "quantity": "absorbance"}, "quantity="),
        ("a.csv", table("Wavenumber (cm-1),%T\n", SHIFTS, 99 - BANDS[0]), {}, ""),
    ],
)
def test_spectra_are_recognised_by_their_content(tmp_path, name, text, options, says):
    path = written(tmp_path, text, name)
    assert registry.identify(path).name == "spectral_text"
    if says:
        with pytest.raises(FormatError, match=f"{name}.*{says}"):
            registry.read(path)
    (found,) = registry.read(path, **options)
    assert found.axis.quantity == "wavenumber"
    if "%T" in text:
        assert found.quantity == "transmittance"
        assert found.values.max() < 1
    if len(found) > 1:
        assert found.temperature.tolist() == list(KELVIN)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "# magnetization\n" + in_rows("T (K),", 1000 * np.arange(1.0, 20.0))),
        ("m.csv", in_rows("T (K),", 1000 * np.arange(1.0, 20.0))),
        ("m.dat", table("", SHIFTS, BANDS[0])),
        ("m.dpt", table("", np.sin(SHIFTS), BANDS[0])),
        ("m.csv", table("T (K),chiT (cm3 K/mol)\n", np.arange(2.0, 300.0), np.arange(2.0, 300.0))),
        ("m.csv", table("Wavelength (nm),power (mW)\n", SHIFTS, BANDS[0])),
    ],
)
def test_other_tables_are_no_spectra(name, text):
    assert vibrational_signatures.spectral_text(text.encode(), name) is not None


def test_pressures_as_text_name_their_unit(tmp_path):
    path = written(tmp_path, table("Wavenumber (cm-1),Absorbance\n", SHIFTS, BANDS[0]), "a.csv")
    with pytest.raises(FormatError, match=r"a\.csv: option pressure='2' has no unit; expected text as in '2 kbar'"):
        registry.read(path, pressure="2")
    assert registry.read(path, pressure="2 kbar", temperature="80")[0].conditions.pressure[0] == pytest.approx(2e8)
    assert registry.read(path, pressure=2e8)[0].conditions.pressure[0] == 2e8
