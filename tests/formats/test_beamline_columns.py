"""Columns of SSRL, APS, NSLS and SOLEIL: what their headers say, what is asked for, what is refused."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import from_si
from labile.formats import absorption_signatures, beamline_columns, registry
from labile.formats.registry import FormatError

DATA = Path(__file__).parents[1] / "data" / "beamline"
SLOW = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
ENERGIES = np.arange(7000.0, 7200.0, 5.0)
EDGE = 1.0 / (1.0 + np.exp((7112.0 - ENERGIES) / 3.0))
I0 = 2e5 + 100 * np.sin(ENERGIES)
ITRANS = I0 * np.exp(-0.3 - 1e-3 * (7200 - ENERGIES) - EDGE)

SAMBA = """# Energy, Theta, XMU, FLUO, REF, FLUO_RAW, I0, I1, I2, I3
1.9490656e+04 9.534594536 0.517374 312.4794 0.425437 295.7017 2.644557 1.576377 1.030138 0.0
1.9491435e+04 9.534210205 0.516897 325.7530 0.425144 308.6381 2.627673 1.567061 1.024349 0.0
1.9492226e+04 9.533820153 0.516726 300.9251 0.425007 285.0419 2.641716 1.575706 1.030141 0.0
1.9493046e+04 9.533414841 0.516494 288.5765 0.425047 272.9942 2.637419 1.573507 1.028663 0.0
1.9493869e+04 9.533009529 0.516466 311.2392 0.425049 294.7509 2.639517 1.574803 1.029508 0.0
1.9494654e+04 9.532620430 0.515617 302.8164 0.425236 286.7278 2.622696 1.566095 1.023624 0.0
1.9495453e+04 9.532227516 0.515308 303.9006 0.425063 287.6385 2.628299 1.569927 1.026306 0.0
1.9496253e+04 9.531832695 0.515138 302.9656 0.425032 286.5359 2.631433 1.572065 1.027736 0.0
1.9497048e+04 9.531439781 0.514978 312.1015 0.425124 295.4825 2.636366 1.575265 1.029733 0.0
1.9497852e+04 9.531044960 0.514585 324.4882 0.424814 306.9773 2.625601 1.569450 1.026250 0.0
1.9498650e+04 9.530650139 0.514509 326.4230 0.424630 309.7798 2.630901 1.572737 1.028589 0.0
1.9499445e+04 9.530257225 0.514418 310.5888 0.425068 294.2133 2.630744 1.572786 1.028170 0.0
"""
"""Twelve rows as SAMBA of SOLEIL writes them, of Ba_pcl_0001.txt (doi:10.5281/zenodo.7801896), rounded."""


def rows(*columns) -> str:
    return "\n".join("  ".join(f"{value:.6f}" for value in row) for row in zip(*columns, strict=True)) + "\n"


def write(folder: Path, content: str | bytes, name: str = "a.dat") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def energy(m: Measurement) -> np.ndarray:
    return np.asarray(from_si(m.axis.values, "eV", "energy"))


def by_mode(path: Path, **options) -> dict[str, Measurement]:
    return {str(m.attributes["mode"]): m for m in registry.read(path, **options)}


def ssrl(
    points: int = ENERGIES.size, titles=("Real time clock", "Requested Energy", "Achieved Energy", "I0", "I1")
) -> str:
    head = (
        f"SSRL   EXAFS Data Collector 1.3       \nSun May 21 2006\nPTS:  {points} COLS:  {len(titles)}\nT.DET\nA.RGN\n"
    )
    table = rows(1 + 0 * I0, ENERGIES + 1, ENERGIES, I0, ITRANS)
    return head + "a comment\n\nWeights: \n 1 1\nOffsets: \n 0 0\nData: \n" + " \n".join(titles) + "\n\n" + table


def xdac(titles="Energy   I0   It", table=None) -> str:
    head = 'XDAC V1.4 Datafile V1\n"a.002" created on 6/27/11 at 2:22:40 PM on X-23A2\n'
    table = rows(ENERGIES, I0, ITRANS) if table is None else table
    return (
        head
        + "Ring energy= 2.80 GeV\nE0= 7112.00\nSRB= -200 -20\nGains= 7 7\nan iron foil\n\n"
        + "-" * 40
        + f"\n   {titles}\n"
        + table
    )


# real files; what they hold is read again by numpy


def test_ssrl():
    assert registry.identify(DATA / "SSRL1_2006.dat").name == "beamline_columns"
    spectra = by_mode(DATA / "SSRL1_2006.dat")
    table = np.loadtxt(DATA / "SSRL1_2006.dat", skiprows=26)
    assert table.shape == (455, 6)
    np.testing.assert_allclose(energy(spectra["transmission"]), table[:, 2], rtol=1e-12)
    np.testing.assert_allclose(spectra["transmission"].values[0], np.log(table[:, 3] / table[:, 4]), rtol=1e-12)
    np.testing.assert_allclose(spectra["reference"].values[0], np.log(table[:, 4] / table[:, 5]), rtol=1e-12)
    assert "Ag:Cys 1:2 solid" in spectra["reference"].attributes["comment"]
    grid = energy(spectra["reference"])
    assert grid[np.argmax(np.gradient(spectra["reference"].values[0], grid))] == pytest.approx(25514.0, abs=15.0)


def test_xdac():
    (m,) = registry.read(DATA / "fe.060")
    table = np.loadtxt(DATA / "fe.060", skiprows=18)
    np.testing.assert_allclose(m.values[0], np.log(table[:, 1] / table[:, 2]), rtol=1e-12)
    assert m.label == "fe.060"
    assert from_si(m.attributes["nominal_edge_energy"], "eV", "energy") == pytest.approx(7112.0)
    assert m.attributes["beamline"] == "X-11A"
    assert m.attributes["comment"] == "Iron foil, I0: 50%N2, It:N2"


def test_labview_and_the_same_scan_in_xdi():
    (m,) = registry.read(DATA / "APS20BM_2001.dat")
    assert any("no fluorescence spectrum" in step for step in m.provenance.steps)
    (same,) = registry.read(DATA.parent / "xdi" / "FeO_rt_01.xdi")
    np.testing.assert_allclose(energy(m), energy(same), atol=1e-4)
    np.testing.assert_allclose(m.values, same.values, atol=1e-6)


def test_epics():
    (m,) = registry.read(DATA / "APS13ID_2008.dat")
    table = np.loadtxt(DATA / "APS13ID_2008.dat", comments=";")
    np.testing.assert_allclose(m.values[0], np.log(table[:, 2] / table[:, 3]), rtol=1e-12)
    assert from_si(m.attributes["nominal_edge_energy"], "eV", "energy") == pytest.approx(9659.0)


def test_kev_and_dead_channels():
    (m,) = registry.read(DATA / "APS12BM_2019.dat", mode="fluorescence")
    table = np.loadtxt(DATA / "APS12BM_2019.dat")
    np.testing.assert_allclose(energy(m), 1e3 * table[:, 0], rtol=1e-12)
    np.testing.assert_allclose(m.values[0], table[:, 11:24].sum(axis=1) / table[:, 3], rtol=1e-9)
    (dead,) = [step for step in m.provenance.steps if "dead channels" in step]
    assert "'fla02'" in dead
    assert "'fla01'" not in dead
    assert m.sigma is None


def test_two_columns():
    (m,) = registry.read(DATA / "feo_xafs.dat")
    assert m.attributes["mode"] == "stored"
    grid = energy(m)
    assert grid[np.argmax(np.gradient(m.values[0], grid))] == pytest.approx(7122.927, abs=1e-3)


def test_samba(tmp_path):
    path = write(tmp_path, SAMBA, "Ba_pcl_0001.txt")
    assert registry.identify(path).name == "beamline_columns"
    spectra = by_mode(path)
    table = np.loadtxt(SAMBA.splitlines())
    np.testing.assert_allclose(spectra["transmission"].values[0], table[:, 2], atol=1e-3)
    np.testing.assert_allclose(spectra["reference"].values[0], table[:, 4], atol=2e-3)
    np.testing.assert_allclose(spectra["fluorescence"].values[0], table[:, 3] / table[:, 6], rtol=1e-9)
    assert spectra["reference"].attributes["program"] == "SOLEIL SAMBA"
    (stored,) = registry.read(path, columns={"mu": "XMU"})
    np.testing.assert_allclose(stored.values[0], table[:, 2])


def test_lucia(tmp_path):
    path = DATA / "LUCIA_hematite.dat"
    assert registry.identify(path).name == "beamline_columns"
    (m,) = registry.read(path)
    table = np.loadtxt(path, encoding="latin-1")
    corrected = table[:, 2] / (1 - table[:, 3] / 100)
    np.testing.assert_allclose(m.values[0], corrected / table[:, 1], rtol=1e-4)
    assert (m.attributes["mode"], m.attributes["program"]) == ("fluorescence", "SOLEIL LUCIA")
    stopped = path.read_bytes() + b"NaN NaN NaN NaN NaN NaN NaN NaN\n" * 3
    with pytest.raises(FormatError, match=r"a\.dat, line \d+: rows of NaN .*incomplete='keep'"):
        registry.read(write(tmp_path, stopped))
    (kept,) = registry.read(write(tmp_path, stopped), incomplete="keep")
    np.testing.assert_array_equal(kept.values, m.values)
    assert any("3 rows of NaN left out" in step for step in kept.provenance.steps)
    with pytest.raises(FormatError, match="a row of NaN among the numbers"):
        registry.read(write(tmp_path, stopped + b"7300 1 1 1 1 1 1 1\n"))


# what headers say and what is asked for


def test_headers_of_each_kind(tmp_path):
    expected = np.log(I0 / ITRANS)
    mrcat = xdac("energy  Io  It").replace("XDAC V1.4 Datafile V1", "MRCAT_XAFS V0.4 Datafile")
    titled = "# Element: Fe\n# Edge: K\n# E0: 7112\n# Temperature: 80 K\n# energy\ti0\tit\n" + rows(
        ENERGIES, I0, ITRANS
    )
    commas = "energy (keV),i0,itrans\n" + rows(ENERGIES / 1e3, I0, ITRANS).replace("  ", ",")
    spec = "#F a\n#S 1  escan\n#N 3\n#L Energy  I0  I1\n" + rows(ENERGIES, I0, ITRANS)
    for text, options in ((ssrl(), {}), (xdac(), {}), (mrcat, {}), (titled, {}), (commas, {}),
                          (spec, {"format": "beamline_columns"})):  # fmt: skip
        path = write(tmp_path, text)
        if not options:
            assert registry.identify(path).name == "beamline_columns"
        (m,) = registry.read(path, **options)
        np.testing.assert_allclose(m.values[0], expected, rtol=1e-5)
        assert any("columns by their names: " in step for step in m.provenance.steps)
    (m,) = registry.read(write(tmp_path, titled))
    assert (m.temperature[0], m.attributes["element"], m.attributes["edge"]) == (80.0, "Fe", "K")
    (m,) = registry.read(write(tmp_path, ssrl().replace("Achieved", "Chopper")))
    assert energy(m)[0] == 7001.0


def test_columns_without_titles_are_asked_for(tmp_path):
    path = write(tmp_path, rows(ENERGIES, I0, ITRANS))
    with pytest.raises(FormatError, match=r"no column is known to be the energy.*1: \(no title\), 2: .*columns=\{"):
        registry.read(path, format="beamline_columns")
    (m,) = registry.read(path, format="beamline_columns", columns={"energy": 1, "i0": 2, "itrans": 3})
    np.testing.assert_allclose(m.values[0], np.log(I0 / ITRANS), rtol=1e-5)
    with pytest.raises(FormatError, match="no spectrum can be computed"):
        registry.read(write(tmp_path, xdac("Energy  mcs3  mcs4")))


def test_many_channels(tmp_path):
    counts = [np.round(200 + 1000 * EDGE + 7 * (n + 1) * np.cos(ENERGIES)) for n in range(4)]
    table = rows(ENERGIES, I0, *counts, 0 * I0)
    titles = "Energy I0 FF1 FF2 FF3 FF4 FF5"
    (m,) = registry.read(write(tmp_path, xdac(titles, table)))
    np.testing.assert_allclose(m.values[0], sum(counts) / I0, rtol=1e-6)
    assert any("dead channels without any signal left out: column 7 'FF5'" in step for step in m.provenance.steps)
    assert m.sigma is None
    (m,) = registry.read(write(tmp_path, xdac(titles, table)), counts=True)
    np.testing.assert_allclose(m.sigma[0], np.sqrt(sum(counts)) / I0, rtol=1e-6)
    two_windows = xdac("Energy I0 SCA1.1 SCA1.2 SCA2.1 SCA2.2 x", table)
    with pytest.raises(FormatError, match=r"column 3 'SCA1\.1' and column 5 'SCA2\.1' could be ifluor"):
        registry.read(write(tmp_path, two_windows))
    (m,) = registry.read(write(tmp_path, two_windows), columns={"ifluor": ["SCA1.1", "SCA1.2"]})
    np.testing.assert_allclose(m.values[0], (counts[0] + counts[1]) / I0, rtol=1e-6)
    with pytest.raises(FormatError, match="without= names column 1 'Energy', no fluorescence channel"):
        registry.read(write(tmp_path, xdac(titles, table)), without=["Energy"])
    rates = xdac("Energy I0 SCA1 SCA2 ICR1 ICR2 x", table)
    (m,) = registry.read(write(tmp_path, rates))
    assert any("icr but no ocr: not corrected" in step for step in m.provenance.steps)
    dead = rows(ENERGIES, I0, 0 * I0, 0 * I0)
    with pytest.raises(FormatError, match="no fluorescence channel has a signal"):
        registry.read(write(tmp_path, xdac("Energy I0 FF1 FF2", dead)))


def test_rates_belong_to_the_channel_of_their_number(tmp_path):
    factors = {n: 1.0 + 0.1 * n + 0.01 * EDGE for n in (1, 2, 4)}
    counts = {n: 300 * n + 1000 * EDGE + np.cos(ENERGIES) for n in factors}
    output = 1e4 + 1e3 * EDGE
    columns = [counts[n] / factors[n] for n in (1, 2, 4)]
    columns += [output * factors[n] for n in (4, 2, 1)] + [output] * 3
    titles = "Energy I0 ROI1 ROI2 ROI4 ICR4 ICR2 ICR{} OCR1 OCR2 OCR4"
    (m,) = registry.read(write(tmp_path, xdac(titles.format(1), rows(ENERGIES, I0, *columns))))
    np.testing.assert_allclose(m.values[0], sum(counts.values()) / I0, rtol=1e-6)
    (m,) = registry.read(write(tmp_path, xdac(titles.format(3), rows(ENERGIES, I0, *columns))))
    np.testing.assert_allclose(m.values[0], sum(columns[:3]) / I0, rtol=1e-6)
    assert any("no icr belongs to the channels 1: not corrected" in step for step in m.provenance.steps)


@pytest.mark.parametrize("titles", ["Energy Energy I0 It", "Energy I0 FF1 FF1", "Energy I0 i0 It"])
def test_titles_that_stand_twice_are_not_chosen_between(tmp_path, titles):
    table = rows(ENERGIES, I0, ITRANS, ITRANS + 1)
    with pytest.raises(FormatError, match=r"column \d '\w+' and column \d '\w+' could be"):
        registry.read(write(tmp_path, xdac(titles, table)))


@pytest.mark.parametrize("kind", ["icr", "ocr"])
def test_dead_time_needs_both_rates(tmp_path, kind):
    factor = 1.0 + 0.2 * EDGE
    counts = 500 + 1000 * EDGE + np.cos(ENERGIES)
    output = 1e4 + 1e3 * EDGE
    text = xdac("Energy I0 ROI1 ICR1 OCR1", rows(ENERGIES, I0, counts / factor, output * factor, output))
    (m,) = registry.read(write(tmp_path, text))
    np.testing.assert_allclose(m.values[0], counts / I0, rtol=1e-6)
    assert any("corrected for dead time: each channel times icr/ocr" in step for step in m.provenance.steps)
    (m,) = registry.read(write(tmp_path, text.replace(f"{kind.upper()}1", "x")))
    np.testing.assert_allclose(m.values[0], counts / factor / I0, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ssrl(points=60), "announces 60 points, but 40 are there"),
        (ssrl().replace("Data:", "Dates:"), "without its line 'Data:'"),
        (ssrl().replace("PTS:", "POINTS"), "without its line 'PTS: and COLS:'"),
        (ssrl(titles=("Achieved Energy", "I0")), "line 16: 5 numbers where the table has 2"),
        (b"SSRL - EXAFS Data Collector 4.0 \n\x00PTS: 71", "binary variant of an SSRL file"),
        (xdac().replace("-" * 40, ""), "no line of dashes"),
        (xdac("Energy I0"), "3 numbers where the table has 2 columns"),
        (xdac("Energy I0 It If"), "3 numbers where the table has 4 columns"),
        (xdac().rstrip()[:-15], "breaks off in this row"),
        (xdac(table="7000 1 2\n7001 x 2\n"), "'x' is no number"),
        ("# 1-D Scan File created by LabVIEW Control Panel\n7000 1\n", "no line '# Column Headings:'"),
        ("; Epics Scan 1 dimensional scan\n; P1 = {Energy} --> x\n; P1 D1\n7000 1\n", "must list columns"),
        ("#S Scan 29; exafsscan \n#C 1_Energy (keV) 3_i0\n7 1\n", "not numbered 1, 2, 3"),
        ("#S Scan 29; exafsscan \n7 1\n", "no line '#C 1_Energy"),
        ("#S 1 a\n#L Energy  I0\n7000 1\n#S 2 a\n#L Energy  I0\n7000 1\n", "SPEC file of several scans"),
        ("words\nonly\n", "no row of numbers"),
    ],
)
def test_damaged_files(tmp_path, text, message):
    with pytest.raises(FormatError, match=rf"a\.dat.*{message}"):
        beamline_columns.read(write(tmp_path, text))


def test_incomplete_files_can_be_kept(tmp_path):
    (m,) = registry.read(write(tmp_path, ssrl(points=60)), incomplete="keep")
    assert m.values.size == ENERGIES.size
    assert any("60 points announced, 40 found and kept" in step for step in m.provenance.steps)
    with pytest.raises(FormatError, match="incomplete='maybe' is unknown"):
        registry.read(write(tmp_path, ssrl()), incomplete="maybe")


def test_other_tables_are_left_alone(tmp_path):
    for text in (
        "T (K),chiT (cm3 K/mol)\n" + "".join(f"{t},{t}\n" for t in range(5, 105)),
        "# energy gap\n# T  E\n" + rows(ENERGIES, I0),
        "wavenumber absorbance\n" + rows(ENERGIES, I0),
        "energy (cm-1),absorbance\n" + rows(ENERGIES, I0).replace("  ", ","),
        "velocity (mm/s), counts\n" + rows(ENERGIES / 1e4, I0).replace("  ", ","),
    ):
        assert absorption_signatures.beamline_columns(text.encode(), "a.dat") is not None
    assert "SPEC" in str(absorption_signatures.beamline_columns(b"#F a\n#S 1  escan\n#L E  I0\n1 2\n", "a.spec"))
    assert "XDI" in str(absorption_signatures.beamline_columns(b"# XDI/1.0\n# energy i0\n1 2\n1 2\n", "a.xdi"))


@pytest.mark.parametrize("sniff", ["xdi", "athena", "beamline_columns"])
def test_no_text_takes_long_to_look_at(sniff):
    """Backtracking over 16 kB would take minutes."""
    digits, blanks = b"9" * 8000, b" " * 8000
    for text in (
        digits + digits,
        b"12" * 4000 + b",,;  x\n",
        b"1 " * 8000 + b"x",
        b"1" + blanks + blanks + b"x",
        digits + b" " + digits + b"x",
        b"a" + blanks + b",\n1 2\n1 2\n",
        b"#" + b"- " * 8000,
    ):
        begin = time.perf_counter()
        getattr(absorption_signatures, sniff)(text, "a.dat")
        assert time.perf_counter() - begin < 2.0


def attempt(path: Path, data: bytes) -> list[Measurement]:
    path.write_bytes(data)
    message, found = path.stem, []
    try:
        found = beamline_columns.read(path)
    except (FormatError, MeasurementError) as error:
        message = str(error)
    assert path.stem in message
    return found


@given(cut=st.integers(0, 2500), data=st.binary(max_size=40))
@SLOW
def test_cut_and_changed_files(tmp_path, cut, data):
    for original in (ssrl().encode(), xdac().encode(), SAMBA.encode()):
        for changed in (original[:cut], original[:cut] + data + original[cut:], data):
            for m in attempt(tmp_path / "a.dat", changed):
                assert np.all(np.diff(m.axis.values) > 0)
                assert 45 <= energy(m)[0] < 200e3
    # SSRL files announce their points, so that a cut one is never taken for whole
    whole = ssrl().rstrip().encode()
    if cut < len(whole) - 12:
        assert attempt(tmp_path / "a.dat", whole[:cut]) == []


@pytest.mark.parametrize("mark", [";", "\t", "  ", " ; "])
@pytest.mark.parametrize("title", ["# energy{}mu", "Energy (eV){}mu"])
def test_decimal_commas(tmp_path, mark, title):
    text = title.format(mark) + "\n" + "".join(f"{e:.3f}{mark}{m:.6f}\n".replace(".", ",")
                                              for e, m in zip(ENERGIES, EDGE, strict=True))  # fmt: skip
    path = write(tmp_path, text, "a_80K.csv")
    assert registry.identify(path).name == "beamline_columns"
    (m,) = registry.read(path)
    np.testing.assert_allclose(energy(m), ENERGIES)
    np.testing.assert_allclose(m.values[0], EDGE, atol=1e-6)
    assert "commas read as decimal points" in m.provenance.steps
    with pytest.raises(FormatError, match="breaks off"):
        registry.read(write(tmp_path, text + "7200,", "cut_80K.csv"))


def test_commas_that_may_separate_thousands(tmp_path):
    text = "# energy mu\n" + "".join(f"7,{e:03d} 1,{e:03d}\n" for e in range(100, 200))
    path = write(tmp_path, text)
    assert registry.identify(path).name == "beamline_columns"
    with pytest.raises(FormatError, match=r"a\.dat.*thousands.*write the file again"):
        registry.read(path)


MU = "# energy mu\n" + rows(ENERGIES, EDGE)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": "cold"}, r"temperature='cold' is no number with a unit"),
        ({"temperature": [80]}, r"temperature=\[80\]: expected a number or text"),
        ({"temperature": "2 kbar"}, r"temperature='2 kbar'.*wrong dimension"),
        ({"d_spacing": "foo"}, r"d_spacing='foo' is no number with a unit"),
        ({"d_spacing": 300.0}, r"d_spacing=300.0 must be in angstrom"),
        ({"columns": 1}, r"columns=1: expected a table.*columns\.NAME=VALUE"),
        ({"channels": "foo"}, r"channels='foo': expected true or false"),
        ({"repair": 1}, r"repair=1: expected true or false"),
        ({"without": 1.7}, r"without=1.7: expected a whole number or text or a list"),
        ({"without": "SCA1.7"}, r"no single column 'SCA1.7'"),
        ({"mode": 3}, r'mode=3: expected text; put it in quotes: mode="3"'),
    ],
)
def test_options_of_the_wrong_type(tmp_path, options, says):
    with pytest.raises(ValueError, match=r"a\.dat.*" + says):
        registry.read(write(tmp_path, MU), **options)
    with pytest.raises(FormatError, match="columns=1: expected a table"):
        beamline_columns.read(write(tmp_path, MU), columns=1)


def test_options_with_units_and_single_names(tmp_path):
    (m,) = registry.read(write(tmp_path, MU), temperature="22 C")
    assert m.temperature[0] == pytest.approx(295.15)
    angles = np.degrees(np.arcsin(12398.41984 / (2 * 3.1356 * ENERGIES)))
    path = write(tmp_path, "# angle mu\n" + rows(angles, EDGE))
    options = {"columns": {"energy": 1, "mu": 2}, "energy_unit": "degree", "format": "beamline_columns"}
    one, other = (energy(*registry.read(path, d_spacing=d, **options)) for d in (3.1356, "0.31356 nm"))
    np.testing.assert_allclose(one, other)
    counts = 100 + 1000 * EDGE + 0.01 * ENERGIES
    path = write(tmp_path, "# energy i0 ff1 ff2\n" + rows(ENERGIES, I0, counts, 2 * counts))
    (m,) = registry.read(path, without="ff2")
    np.testing.assert_allclose(m.values[0], counts / I0, rtol=1e-4)


COUNTS = np.round(2000 + 9000 * EDGE + 0.3 * ENERGIES)


@pytest.mark.parametrize("scale", [1.0, 0.37])
@pytest.mark.parametrize("failed", [COUNTS > 8000, np.arange(ENERGIES.size) % 9 == 4])
def test_channel_without_counts_where_the_others_count(tmp_path, scale, failed):
    third = np.where(failed, 0.0, scale * 1.1 * COUNTS)
    path = write(
        tmp_path, "# energy i0 FF1 FF2 FF3\n" + rows(ENERGIES, I0, scale * COUNTS, scale * 0.9 * COUNTS, third)
    )
    said = rf"column 5 'FF3' is zero or negative in {failed.sum()} points.*line {np.argmax(failed) + 2},.*without=\[5\]"
    with pytest.raises(FormatError, match=r"a\.dat.*" + said):
        registry.read(path)
    (m,) = registry.read(path, bad_points="drop")
    assert m.axis.values.size == np.count_nonzero(~failed)
    (m,) = registry.read(path, without=["FF3"])
    np.testing.assert_allclose(m.values[0], scale * 1.9 * COUNTS / I0, rtol=1e-4)


def test_one_channel_that_stops(tmp_path):
    counts = np.where(ENERGIES > 7150, 0.0, COUNTS)
    for order in (slice(None), slice(None, None, -1)):
        path = write(tmp_path, "# energy i0 FF1\n" + rows(ENERGIES[order], I0[order], counts[order]))
        with pytest.raises(FormatError, match="column 3 'FF1' is zero or negative in 9 points"):
            registry.read(path)


def test_few_counts_may_be_none(tmp_path):
    rng = np.random.default_rng(5)
    channels = rng.poisson(1.0 + 200 * EDGE, (4, ENERGIES.size))
    assert np.any(channels == 0)
    header = "# energy i0 FF1 FF2 FF3 FF4\n"
    for order in (slice(None), slice(None, None, -1)):
        path = write(tmp_path, header + rows(ENERGIES[order], I0[order], *(one[order] for one in channels)))
        (m,) = registry.read(path)
        np.testing.assert_allclose(m.values[0], channels.sum(axis=0) / I0, rtol=1e-4)


def test_currents_may_be_negative_where_there_is_no_signal(tmp_path):
    rng = np.random.default_rng(7)
    currents = EDGE + rng.normal(0, 0.08, (3, ENERGIES.size))
    assert np.any(currents < 0)
    path = write(tmp_path, "# energy i0 FF1 FF2 FF3\n" + rows(ENERGIES, I0, *currents))
    assert registry.read(path)[0].axis.values.size == ENERGIES.size
    path = write(tmp_path, "# energy i0 FF1\n" + rows(ENERGIES, I0, currents[0]))
    assert registry.read(path)[0].axis.values.size == ENERGIES.size


def test_stored_spectra_beside_each_other(tmp_path):
    path = write(tmp_path, "# energy xmu norm\n" + rows(ENERGIES, EDGE, EDGE))
    (m,) = registry.read(path)
    assert "the stored spectrum (norm) was left out: mu is stored too" in m.provenance.steps
    path = write(tmp_path, "# energy i0 itrans mutrans\n" + rows(ENERGIES, I0, ITRANS, EDGE))
    (m,) = registry.read(path)
    left_out = "the stored transmission spectrum (mutrans) was left out: it is computed from the detectors"
    assert left_out in m.provenance.steps
