"""XDI: real spectra, the grammar of the header, and what becomes of unusual tables."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import from_si
from labile.formats import registry, xdi
from labile.formats.registry import FormatError

DATA = Path(__file__).parents[1] / "data" / "xdi"
SLOW = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
ENERGIES = np.arange(7000.0, 7200.0, 5.0)
MU = 0.2 + 1e-3 * (7200.0 - ENERGIES) + 1.0 / (1.0 + np.exp((7112.0 - ENERGIES) / 3.0))
FIELDS = "# Column.1: energy eV\n# Column.2: i0\n# Column.3: itrans\n# Element.symbol: Fe\n# Element.edge: K\n"


def rows(*columns, form="%.6f") -> str:
    return "\n".join(" ".join(form % value for value in row) for row in zip(*columns, strict=True)) + "\n"


def text(fields=FIELDS, table="", first="# XDI/1.0 Collect/2", comments="# ///\n# a remark\n", labels="") -> str:
    table = table or rows(ENERGIES, 1e5 + 0 * MU, 1e5 * np.exp(-MU))
    return f"{first}\n{fields}{comments}# ------\n{labels}{table}"


def write(folder: Path, content: str | bytes, name: str = "a.xdi") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def energy(m: Measurement) -> np.ndarray:
    return np.asarray(from_si(m.axis.values, "eV", "energy"))


def largest_derivative(m: Measurement) -> float:
    return float(energy(m)[np.argmax(np.gradient(m.values[0], energy(m)))])


@pytest.mark.parametrize(
    ("name", "edge_energy", "points"),
    [
        ("FeO_rt_01.xdi", 7122.927, 412),
        ("Fe2O3_rt_01.xdi", 7125.618, 412),
        ("Fe3C_rt_01.xdi", 7122.5, 348),
        ("Fe_Foil_rt_2016Foils.xdi", 7110.7, 532),
        ("Hansel2001_magnetite_xanes_001.xdi", 7122.535, 125),
    ],
)
def test_real_files_whatever_the_order_of_their_columns(name, edge_energy, points):
    assert registry.identify(DATA / name).name == "xdi"
    (m,) = registry.read(DATA / name)
    assert (m.quantity, m.attributes["mode"], m.values.shape) == ("absorption", "transmission", (1, points))
    assert (m.attributes["element"], m.attributes["edge"]) == ("Fe", "K")
    assert largest_derivative(m) == pytest.approx(edge_energy, abs=1e-3)
    assert m.attributes["d_spacing"] == pytest.approx(3.135e-10, abs=1e-13)
    assert (m.temperature[0], m.attributes["temperature_source"]) == (295.0, "header")
    assert m.sigma is None
    assert "reference_foil" not in m.attributes
    assert m.provenance.sha256
    assert any(step.startswith("transmission: ln(column") for step in m.provenance.steps)
    # the numbers themselves, read by numpy
    table = np.loadtxt(DATA / name)
    i0, itrans = (1, 2) if name in ("FeO_rt_01.xdi", "Fe2O3_rt_01.xdi", "Fe3C_rt_01.xdi") else (2, 1)
    np.testing.assert_allclose(m.values[0], np.log(table[:, i0] / table[:, itrans]), rtol=1e-12)


def test_fluorescence_of_four_channels_is_what_the_beamline_stored():
    spectra = {m.attributes["mode"]: m for m in registry.read(DATA / "NSLS6BM_2019.dat")}
    assert set(spectra) == {"fluorescence", "stored"}
    computed, stored = spectra["fluorescence"], spectra["stored"]
    np.testing.assert_allclose(computed.values, stored.values, rtol=1e-5)
    # channels that are corrected already are not corrected again, and are no counts
    assert not any("icr/ocr" in step for step in computed.provenance.steps)
    assert computed.sigma is None
    assert any("no transmission spectrum: 29 points" in step for step in computed.provenance.steps)
    with pytest.raises(FormatError, match=r"NSLS6BM_2019\.dat: 29 points of the transmission without intensity \(line"):
        registry.read(DATA / "NSLS6BM_2019.dat", mode="transmission")
    (kept,) = registry.read(DATA / "NSLS6BM_2019.dat", mode="transmission", bad_points="drop")
    assert kept.values.shape == (1, 352 - 29)


def test_raw_counts_with_dead_time_as_named():
    path = DATA / "NSLS6BM_2019.dat"
    columns = {"i0": "I0", "ifluor": ["ROI1", "ROI2"], "icr": ["ICR1", "ICR2"], "ocr": ["OCR1", "OCR2"]}
    (m,) = registry.read(path, columns=columns)
    table = np.loadtxt(path)
    expected = (table[:, 11] * table[:, 12] / table[:, 13] + table[:, 14] * table[:, 15] / table[:, 16]) / table[:, 4]
    np.testing.assert_allclose(m.values[0], expected, rtol=1e-9)
    assert m.sigma is not None  # their unit is counts
    relative = m.sigma[0] / m.values[0]
    np.testing.assert_allclose(relative, 1 / np.sqrt(table[:, 11] + table[:, 14]), rtol=0.05)
    with pytest.raises(FormatError, match="are icr and ocr exchanged"):
        registry.read(path, columns={**columns, "icr": ["OCR1", "OCR2"], "ocr": ["ICR1", "ICR2"]})
    with pytest.raises(FormatError, match="2 fluorescence channels, 1 input"):
        registry.read(path, columns={**columns, "icr": ["ICR1"]})
    (one,) = registry.read(path, columns=columns, without=["ROI2"])
    np.testing.assert_allclose(one.values[0], table[:, 11] * table[:, 12] / table[:, 13] / table[:, 4], rtol=1e-9)
    assert any("left out as asked" in step for step in one.provenance.steps)


def test_header_grammar(tmp_path):
    fields = FIELDS + (
        "# Mono.d_spacing: 3.13550 \n#   sample.Temperature:  25 C\n# Scan.edge_energy: 7.112 keV\n"
        "# Sample.name: first\n# Sample.name: Fe: second\n# Extension.x-y: 1\n# Sample.reference: Fe foil\n#\n"
    )
    (m,) = registry.read(write(tmp_path, text(fields, first="#XDI/1.2.3  GSE/1 other", labels="# energy i0 itrans\n")))
    assert m.temperature[0] == pytest.approx(298.15)
    assert m.attributes["sample.name"] == "Fe: second"
    assert m.attributes["extension.x-y"] == "1"
    assert m.attributes["comment"] == "a remark"
    assert m.attributes["reference_foil"] == "Fe foil"
    assert from_si(m.attributes["nominal_edge_energy"], "eV", "energy") == pytest.approx(7112.0)
    assert m.attributes["xdi_version"] == "1.2.3"
    for line_end in ("\r\n", "\r"):
        (again,) = registry.read(write(tmp_path, text(fields).replace("\n", line_end)))
        np.testing.assert_array_equal(again.values, m.values)


@pytest.mark.parametrize(
    ("temperature", "kelvin", "source"),
    [
        ("10K", 10.0, "header"),
        ("77.5 K", 77.5, "header"),
        ("room temp", 295.0, "header"),
        ("300.0a K", 40.0, "file name"),
        ("300", 40.0, "file name"),
        ("", 40.0, "file name"),
    ],
)
def test_temperatures(tmp_path, temperature, kelvin, source):
    fields = FIELDS + (f"# Sample.temperature: {temperature}\n" if temperature else "")
    path = write(tmp_path, text(fields), "as2o3_40K_scan1.xdi")
    (m,) = registry.read(path)
    assert (m.temperature[0], m.attributes["temperature_source"]) == (kelvin, source)
    (given,) = registry.read(path, temperature=4.2)
    assert (given.temperature[0], given.attributes["temperature_source"]) == (4.2, "given")


def test_an_edge_in_the_file_name_is_no_temperature(tmp_path):
    (m,) = registry.read(write(tmp_path, text(), "Fe2O3 K-edge.xdi"))
    assert m.attributes["temperature_source"] == "assumed"
    (m,) = registry.read(write(tmp_path, text(), "run 3 K edge.xdi"))
    assert m.attributes["temperature_source"] == "assumed"


def test_energies_in_other_units(tmp_path):
    table = (1e5 + 0 * MU, 1e5 * np.exp(-MU))
    (reference,) = registry.read(write(tmp_path, text()))
    angle = np.degrees(np.arcsin(12398.419843 / (2 * 3.1355 * ENERGIES)))
    for unit, column, more in (
        ("energy keV", ENERGIES / 1e3, ""),
        ("energy angstrom", 12398.419843 / ENERGIES, ""),
        ("angle degrees", angle, "# Mono.d_spacing: 3.1355\n"),
        ("angle radians", np.radians(angle), "# Mono.d_spacing: 3.1355\n"),
    ):
        content = text(FIELDS.replace("energy eV", unit) + more, rows(column, *table, form="%.12g"))
        (m,) = registry.read(write(tmp_path, content))
        np.testing.assert_allclose(energy(m), energy(reference), atol=2e-4)
        np.testing.assert_allclose(m.values, reference.values, atol=1e-6)
    with pytest.raises(FormatError, match="angles of the monochromator need its d-spacing"):
        registry.read(write(tmp_path, text(FIELDS.replace("energy eV", "angle degrees"), rows(angle, *table))))
    with pytest.raises(FormatError, match="column 1 'energy' is in 'steps', which is no unit"):
        registry.read(write(tmp_path, text(FIELDS.replace("energy eV", "energy steps"))))
    silent = text(FIELDS.replace("energy eV", "energy"), rows(ENERGIES / 1e3, *table))
    with pytest.raises(FormatError, match=r"values from 7 to 7\.195 are no energies in eV, .*energy_unit="):
        registry.read(write(tmp_path, silent))
    (m,) = registry.read(write(tmp_path, silent), energy_unit="keV")
    assert energy(m)[0] == pytest.approx(7000.0)
    with pytest.raises(FormatError, match="no X-ray energies"):
        registry.read(write(tmp_path, text(table=rows(ENERGIES / 1e3, *table))))


def test_orders_of_rows(tmp_path):
    (m,) = registry.read(write(tmp_path, text()))
    table = np.column_stack([ENERGIES, 1e5 + 0 * MU, 1e5 * np.exp(-MU)])
    (falling,) = registry.read(write(tmp_path, text(table=rows(*table[::-1].T))))
    np.testing.assert_array_equal(falling.values, m.values)
    assert any("energies decrease" in step for step in falling.provenance.steps)
    swapped = table.copy()
    swapped[[7, 8]] = swapped[[8, 7]]
    (sorted_again,) = registry.read(write(tmp_path, text(table=rows(*swapped.T))))
    np.testing.assert_array_equal(sorted_again.values, m.values)
    assert any("1 energies step back" in step for step in sorted_again.provenance.steps)
    twice = np.vstack([table[:9], [[table[8, 0], 1e5, 1e5]], table[9:]])
    (averaged,) = registry.read(write(tmp_path, text(table=rows(*twice.T))))
    assert averaged.values[0, 8] == pytest.approx(m.values[0, 8] / 2, abs=1e-6)
    assert any("1 rows repeat an energy (the first is 7040.0000 eV)" in s for s in averaged.provenance.steps)
    for content in (table[::-1], swapped, twice):
        with pytest.raises(FormatError, match="repair=True"):
            registry.read(write(tmp_path, text(table=rows(*content.T))), repair=False)


def test_several_scans_in_a_file(tmp_path):
    table = np.column_stack([ENERGIES, 1e5 + 0 * MU, 1e5 * np.exp(-MU)])
    (one,) = registry.read(write(tmp_path, text()))
    for parts in ((table, table, table), (table, table[::-1], table)):
        scans = registry.read(write(tmp_path, text(table=rows(*np.vstack(parts).T))))
        assert [m.label for m in scans] == ["a scan 1", "a scan 2", "a scan 3"]
        assert all("of 3: rows" in " ".join(m.provenance.steps) for m in scans)
        lengths = [m.values.size for m in scans]
        assert lengths[0] == ENERGIES.size
        np.testing.assert_allclose(scans[0].values, one.values)
    stub = np.vstack([table, table[:1], table[-1:], table[:1]])
    with pytest.raises(FormatError, match="turn back"):
        registry.read(write(tmp_path, text(table=rows(*stub.T))))


def test_detectors_at_their_ends(tmp_path):
    itrans = 1e5 * np.exp(-MU)
    flat = np.minimum(itrans, 70000.0)
    content = text(table=rows(ENERGIES, 1e5 + np.arange(ENERGIES.size), flat))
    with pytest.raises(FormatError, match=r"points of the transmission with a saturated detector \(line 19, 20, 21"):
        registry.read(write(tmp_path, content))
    (m,) = registry.read(write(tmp_path, content), bad_points="drop")
    assert m.values.size == np.count_nonzero(flat < 70000.0)
    raw = registry.read(write(tmp_path, content), channels=True)
    assert [(one.quantity, one.attributes["channel"], one.attributes["role"]) for one in raw] == [
        ("intensity", "i0", "i0"),
        ("intensity", "itrans", "itrans"),
    ]
    np.testing.assert_allclose(raw[1].values[0], flat, atol=1e-5)
    assert raw[1].attributes["first_line"] == 10.0
    zero = np.where(np.arange(ENERGIES.size) == 4, 0.0, 1e5)
    with pytest.raises(FormatError, match=r"1 points of the transmission without intensity \(line 14\)"):
        registry.read(write(tmp_path, text(table=rows(ENERGIES, zero, itrans))))
    with pytest.raises(FormatError, match="recorded no intensity"):
        registry.read(write(tmp_path, text(table=rows(ENERGIES, 0 * zero, itrans))))
    (negative,) = registry.read(write(tmp_path, text(table=rows(ENERGIES, -1e5 + 0 * zero, -itrans))))
    assert any("negative throughout" in step for step in negative.provenance.steps)


def test_columns_that_are_not_determined(tmp_path):
    unknown = FIELDS.replace("i0", "first").replace("itrans", "second")
    path = write(tmp_path, text(unknown))
    with pytest.raises(FormatError, match=r"Its columns are 1: energy, 2: first, 3: second.*columns=\{\"energy\": 1"):
        registry.read(path)
    (m,) = registry.read(path, columns={"i0": 2, "itrans": "second"})
    np.testing.assert_allclose(m.values[0], MU, atol=1e-6)
    assert any(step.startswith("columns as given") for step in m.provenance.steps)
    for columns, message in (
        ({"i0": 2, "itrans": 2}, "two meanings"),
        ({"i0": 2, "itrans": 4}, "no single column 4"),
        ({"i0": 2, "itrans": "third"}, "no single column 'third'"),
        ({"i0": [2, 3]}, "i0 is one column"),
        ({"i1": 2}, r"'i1': \.\.\.\} is unknown"),
        ({"i0": True}, "no single column True"),
        ({"i0": 2}, "no spectrum can be computed"),
    ):
        with pytest.raises(FormatError, match=message):
            registry.read(path, columns=columns)
    doubled = FIELDS.replace("# Column.3: itrans", "# Column.3: it\n# Column.4: itrans")
    table = rows(ENERGIES, 1e5 + 0 * MU, 1e5 * np.exp(-MU), 1e5 * np.exp(-MU))
    with pytest.raises(FormatError, match="column 3 'it' and column 4 'itrans' could be itrans"):
        registry.read(write(tmp_path, text(doubled, table)))
    with pytest.raises(FormatError, match="the order of the columns is not clear"):
        registry.read(write(tmp_path, text(labels="# energy itrans i0\n")))


def test_stored_and_normalised_spectra(tmp_path):
    fields = "# Column.1: energy eV\n# Column.2: {}\n"
    for name, mode, quantity in (
        ("mutrans", "transmission", "absorption"),
        ("mufluor", "fluorescence", "absorption"),
        ("normtrans", "transmission", "normalized_absorption"),
    ):
        (m,) = registry.read(write(tmp_path, text(fields.format(name), rows(ENERGIES, MU))))
        assert (m.attributes["mode"], m.quantity) == (mode, quantity)
        np.testing.assert_allclose(m.values[0], MU, atol=1e-6)


def test_counting_statistics_only_where_told(tmp_path):
    counts = np.round(1e5 * np.exp(-MU))
    path = write(tmp_path, text(table=rows(ENERGIES, 1e5 + 0 * MU, counts)))
    assert registry.read(path)[0].sigma is None
    (m,) = registry.read(path, counts=True)
    np.testing.assert_allclose(m.sigma[0], np.sqrt(1e-5 + 1 / counts), rtol=1e-9)
    with pytest.raises(FormatError, match="no whole counts"):
        registry.read(DATA / "FeO_rt_01.xdi", counts=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# XD/1.0\n", "line 1: '# XDI/1.0' is expected"),
        (text(first="# XDI/2.0"), "XDI version 2.0"),
        (text(FIELDS + "# Family.key.sub: 3\n"), "line 7: 'Family.key.sub: 3' is no field"),
        (text(FIELDS + "# Column: energy\n"), "line 7: .* is no field"),
        (text(FIELDS + "# Column.4: x\n"), "Column.4, but the table has 3 columns"),
        (text(table="7000 1 2\n7001 1\n7002 1 2\n"), "line 11: 2 numbers where the table has 3"),
        (text(table="7000 1 2\n7001 1 nan\n"), "'nan' is no finite number"),
        (text(table="7000 1 2\n7001 1 1.2.3\n"), "'1.2.3' is no number"),
        (text(table="7000 1 2\n7001 1 2\n"), "2 rows of numbers"),
        (text(table="\n"), "no numbers after the header"),
        (text(table=rows(0 * ENERGIES + 7100, MU, MU)), "all energies are 7100 eV"),
        (text(table=rows(ENERGIES, MU, MU)[:-14]), "breaks off in this row"),
        (b"# XDI/1.0\n" + bytes(range(256)) * 4, "binary data"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    with pytest.raises(FormatError, match=rf"a\.xdi.*{message}"):
        xdi.read(write(tmp_path, content))


def test_a_file_that_breaks_off_can_be_kept(tmp_path):
    path = write(tmp_path, text().rstrip()[:-20])
    (m,) = xdi.read(path, incomplete="keep")
    assert m.values.size == ENERGIES.size - 1
    assert any("breaks off in line" in step for step in m.provenance.steps)


def test_options_are_checked(tmp_path):
    path = write(tmp_path, text())
    for option in ({"mode": "emission"}, {"bad_points": "keep"}, {"d_spacing": 3e-10}, {"energy_unit": "Ry"},
                   {"temperature": -3.0}, {"incomplete": "maybe"}, {"without": [2]}):  # fmt: skip
        fields = FIELDS.replace("itrans", "ifluor")
        target = write(tmp_path, text(fields)) if "without" in option else path
        with pytest.raises(FormatError, match=re.escape(path.name)):
            registry.read(target, **option)


def attempt(path: Path, data: bytes) -> list[Measurement]:
    path.write_bytes(data)
    message, found = path.stem, []
    try:
        found = xdi.read(path)
    except (FormatError, MeasurementError) as error:
        message = str(error)
    assert path.stem in message
    return found


@given(cut=st.integers(0, 2500), data=st.binary(max_size=40))
@SLOW
def test_cut_and_changed_files(tmp_path, cut, data):
    original = text().encode()
    for changed in (original[:cut], original[:cut] + data + original[cut:], b"# XDI/1.0\n" + data):
        for m in attempt(tmp_path / "a.xdi", changed):
            assert np.all(np.diff(m.axis.values) > 0)
            assert energy(m)[0] >= 45


@given(order=st.permutations(list(range(ENERGIES.size))))
@SLOW
def test_shuffled_rows_are_sorted_or_refused(tmp_path, order):
    table = np.column_stack([ENERGIES, 1e5 + 0 * MU, 1e5 * np.exp(-MU)])[order]
    found = attempt(tmp_path / "a.xdi", text(table=rows(*table.T)).encode())
    for m in found:
        np.testing.assert_allclose(np.interp(energy(m), ENERGIES, MU), m.values[0], atol=1e-6)
