"""Athena projects: all groups of real ones, what is stored with them, and damaged files."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import from_si
from labile.formats import athena, registry
from labile.formats.perl_text import PerlTextError, statements
from labile.formats.registry import FormatError

DATA = Path(__file__).parents[1] / "data" / "athena"
SLOW = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
STORED = {
    "fe_athena.prj": {"fe2o3_rt1.xmu": 7125.6176, "fe3c_rt.xdi": 7122.5, "feo_rt1.xmu": 7122.9272},
    "FeO.prj": {"FeO": 7122.9272},
    "Fe-K-ALS-10.3.2.prj": {
        "Chromite": 7119.2043,
        "Hercynite": 7128.3218,
        "Pentlandite": 7118.2907,
        "Pyrrhotite": 7117.6357,
        "Troilite": 7117.1375,
        "Olivine (Fo40)": 7123.2945,
        "Olivine (Fo0)": 7123.093,
        "Olivine (Fo80)": 7123.862,
    },
}
X = [7000.0 + 5 * n for n in range(40)]
Y = [0.1 + 0.9 / (1 + np.exp((7112 - x) / 3)) for x in X]


def numbers(values) -> str:
    return ",".join(f"'{value}'" for value in values)


def project(args: str = "'label','a sample','bkg_e0','7112.0','bkg_z','Fe','fft_edge','k'", x=X, y=Y, more="") -> str:
    return (
        "# Athena project file -- Demeter version 0.9.26\n\n$old_group = 'abcd';\n"
        f"@args = ({args});\n@x = ({numbers(x)});\n@y = ({numbers(y)});\n{more}[record]   # create object\n\n"
        "@journal = ('it\\'s a journal # no comment');\n\n1;\n\n# Local Variables:\n# End:\n"
    )


def write(folder: Path, content: str | bytes, name: str = "a.prj") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def energy(m: Measurement) -> np.ndarray:
    return np.asarray(from_si(m.axis.values, "eV", "energy"))


@pytest.mark.parametrize("name", STORED)
def test_all_groups_with_their_stored_edge_energy(name):
    assert registry.identify(DATA / name).name == "athena"
    spectra = registry.read(DATA / name)
    found = {m.label: from_si(m.attributes["edge_energy"], "eV", "edge_energy") for m in spectra}
    assert found == pytest.approx(STORED[name], abs=1e-6)
    assert {m.quantity for m in spectra} == {"absorption"}
    assert {m.attributes["element"] for m in spectra} <= {"Fe"}


def test_edge_energy_of_the_standards_from_the_raw_grid():
    """Athena takes the largest derivative too; its numbers are not made here."""
    for m in registry.read(DATA / "fe_athena.prj"):
        grid = energy(m)
        found = grid[np.argmax(np.gradient(m.values[0], grid))]
        assert found == pytest.approx(from_si(m.attributes["edge_energy"], "eV", "edge_energy"), abs=1e-3)


def test_json_flavour():
    (m,) = registry.read(DATA / "athena3.prj", shift=False)
    content = json.loads(gzip.decompress((DATA / "athena3.prj").read_bytes()))
    group = content["nyef"]
    np.testing.assert_allclose(energy(m), np.array(group["x"], float), rtol=1e-12)
    np.testing.assert_allclose(m.values[0], np.array(group["y"], float))
    assert (m.label, m.attributes["element"], m.attributes["edge"]) == ("CeO2", "Ce", "L3")


def test_energy_shift_is_added_as_athena_shows_it(tmp_path):
    path = write(tmp_path, project("'label','foil 10K','bkg_e0','7112.0','bkg_eshift','5.81162'"))
    (m,) = registry.read(path)
    np.testing.assert_allclose(energy(m), np.array(X) + 5.81162, rtol=1e-12)
    assert from_si(m.attributes["energy_shift"], "eV", "energy") == pytest.approx(5.81162)
    assert m.temperature[0] == 10
    assert m.attributes["temperature_source"] == "label"
    assert any("shifted by +5.81162 eV" in step for step in m.provenance.steps)
    assert any("seems not to have been moved" in step for step in m.provenance.steps)
    moved = write(tmp_path, project("'label','foil','bkg_e0','7117.8','bkg_eshift','5.81162'"), "b.prj")
    assert not any("seems not" in step for step in registry.read(moved)[0].provenance.steps)
    (stored,) = registry.read(path, shift=False)
    np.testing.assert_allclose(energy(stored), X, rtol=1e-12)
    assert any("left out" in step for step in stored.provenance.steps)


def test_arrays_beside_mu(tmp_path):
    path = write(tmp_path, project(more=f"@i0 = ({numbers([5.0] * 40)});\n@stddev = ({numbers([0.1, 0.2])});\n"))
    assert len(registry.read(path)) == 1
    with pytest.raises(FormatError, match=r"group 1 'a sample': @x has 40 numbers, @stddev 2"):
        registry.read(path, channels=True)
    path = write(tmp_path, project(more=f"@i0 = ({numbers([5.0] * 40)});\n"))
    (m,) = registry.read(path, channels=True)
    assert (m.quantity, m.attributes["channel"], m.values[0, 0]) == ("intensity", "i0", 5.0)


def test_one_group():
    (m,) = registry.read(DATA / "fe_athena.prj", group="fe3c_rt.xdi")
    (again,) = registry.read(DATA / "fe_athena.prj", group=2)
    assert m.label == again.label == "fe3c_rt.xdi"
    with pytest.raises(
        FormatError, match="no group has the label or number 'x'; choose the number of one of 1: 'fe2o3"
    ):
        registry.read(DATA / "fe_athena.prj", group="x")


def test_an_element_that_was_not_chosen(tmp_path):
    (m,) = registry.read(write(tmp_path, project("'label','a','bkg_z','H','fft_edge','k'")))
    assert not {"element", "edge"} & set(m.attributes)
    (m,) = registry.read(write(tmp_path, project("'label','a','bkg_z','fe','fft_edge','l3'")))
    assert (m.attributes["element"], m.attributes["edge"]) == ("Fe", "L3")


def test_kinds_of_groups(tmp_path):
    (m,) = registry.read(write(tmp_path, project("'label','n','is_nor','1'")))
    assert m.quantity == "normalized_absorption"
    (m,) = registry.read(write(tmp_path, project("'label','t','is_xmudat','1'")))
    assert "theory" in m.attributes["calculated"]
    with pytest.raises(FormatError, match="holds no spectrum"):
        registry.read(write(tmp_path, project("'label','c','is_chi','1'")))
    chi = project("'label','c','is_chi','1'").replace("\n1;\n", project("'label','b'"))
    (m,) = registry.read(write(tmp_path, chi))
    assert any("left out: c" in step for step in m.provenance.steps)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (project(x=X[:-1]), r"group 1 'a sample': @x has 39 numbers, @y 40"),
        (project(x=["nan", *X[1:]]), "not finite"),
        (project(x=["seven", *X[1:]]), "'seven' in @x is no number"),
        (project(x=[0.0, *X[1:]]), "cannot be X-ray energies"),
        (project(x=[x / 1000 for x in X]), "no X-ray energies"),
        (project(x=X[20:] + X[:20]), "up and down"),
        (project("'label','a','bkg_e0'"), "@args is no list of names and values"),
        (project("'label','a','bkg_e0','high'"), "bkg_e0 = 'high' is no number"),
        (project().replace("[record]", ""), "breaks off in group 'abcd'"),
        (project().replace("$old_group = 'abcd';", ""), "belongs to no group"),
        (project()[:700], r"line \d+: .*damaged or cut short"),
        (project().replace("@journal = (", "@journal = system("), "line 9: .*is expected"),
        (project().replace("'7112.0'", "`date`"), "no literal"),
        (project().replace("'7112.0'", "$ENV{HOME}"), "no literal"),
        (project().replace("# Athena project file", "# other file"), "no Athena project"),
        ("# Athena project file -- \n1;\n", "holds no group"),
        (b"\x00\x01\x02" * 50, "no Athena project"),
        ("{" + "[" * 100000, "no JSON project"),
        ('{"_____header1": "# Athena project file --", "a": {"args": 3}}', "no names and values"),
        ('{"_____header1": "# Athena project file --", "_____order": ["b"]}', "group 'b' of its order is missing"),
        (gzip.compress(project().encode(), mtime=0)[:-200], "cut short"),
        (gzip.compress(project().encode(), mtime=0)[:-8] + b"\x55" * 8, "damaged"),
        (gzip.compress(project().encode(), mtime=0) + b"more", "bytes follow"),
        (gzip.compress(b"other text", mtime=0), "no Athena project"),
    ],
)
def test_damaged_projects(tmp_path, content, message):
    with pytest.raises(FormatError, match=rf"a\.prj.*{message}"):
        athena.read(write(tmp_path, content))


def test_a_missing_last_line_is_recorded(tmp_path):
    (m,) = registry.read(write(tmp_path, project().replace("\n1;\n", "\n")))
    assert any("no last line" in step for step in m.provenance.steps)


def test_perl_text():
    text = (
        "$a = \"x\\n\"; %b = ('k' => 1, 'l' => {'m' => [undef, -1.5e3]});\n@c = bless( {'v' => '1'}, 'Xray::XDI' );\n"
    )
    assert list(statements(text)) == [
        ("$a", "x\n", 1),
        ("%b", ["k", "1", "l", ["m", ["", "-1.5e3"]]], 1),
        ("@c", ["v", "1"], 2),
    ]
    for bad in ("$a = 1", "$a = (1;", "@a = (1 2);", "$a = 'x", "$a = 1 + 2;", "print 1;", "@a = " + "(" * 100):
        with pytest.raises(PerlTextError):
            list(statements(bad))


def test_a_project_cannot_run_anything(tmp_path):
    marker = tmp_path / "ran"
    bad = project().replace("@journal = (", f"system('touch {marker}'); @journal = (")
    code = f"from labile.formats.registry import read; read({str(write(tmp_path, bad))!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "FormatError" in done.stderr
    assert not marker.exists()


def attempt(path: Path, data: bytes) -> list[Measurement]:
    path.write_bytes(data)
    message, found = path.stem, []
    try:
        found = athena.read(path)
    except (FormatError, MeasurementError) as error:
        message = str(error)
    assert path.stem in message
    return found


@given(cut=st.integers(0, 4000), data=st.binary(max_size=30))
@SLOW
def test_cut_and_changed_projects(tmp_path, cut, data):
    original = project().encode()
    for text in (original[:cut], original[:cut] + data + original[cut:]):
        for m in attempt(tmp_path / "a.prj", text):
            assert np.all(np.diff(m.axis.values) > 0)
    # a compressed file that is cut never yields fewer groups than it had
    packed = (DATA / "FeO.prj").read_bytes()
    if cut < len(packed):
        assert attempt(tmp_path / "a.prj", packed[:cut]) == []
