"""Identifying files, plugins, and what reading must not import."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from labile.formats import registry
from labile.formats.registry import Format, FormatError, formats, identify, read

DATA = Path(__file__).parents[1] / "data" / "quantum_design"
HEAVY = ("scipy", "numba", "pandas", "xarray", "plotly", "matplotlib")
TABLE = "T (K),chiT (cm3 K/mol)\n120,3.00\n"


def sniff_marker(head: bytes, name: str) -> str | None:
    return None if head.startswith(b"MARKER") else "it does not start with MARKER"


def sniff_broken(head: bytes, name: str) -> str | None:
    raise RuntimeError("sniffer fault")


MARKER = Format("marker", (".mrk",), sniff_marker, "labile.formats.tables", ("chi_t",), "https://example.org")
MARKER_TOO = Format("marker_too", (".mrk2",), sniff_marker, "labile.formats.tables", ("chi_t",), "https://example.org")
FAULTY = Format("faulty", (".f",), sniff_broken, "labile.formats.tables", ("chi_t",), "https://example.org")
NO_FORMAT = 5


@pytest.fixture
def plugins(monkeypatch):
    def install(*names: str) -> None:
        entries = [EntryPoint(name.lower(), f"{__name__}:{name}", registry.ENTRY_POINTS) for name in names]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
        monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
        registry._plugins.cache_clear()

    yield install
    registry._plugins.cache_clear()


def test_content_decides_not_the_suffix(tmp_path):
    shutil.copy(DATA / "fc7.dat", tmp_path / "a.csv")
    assert identify(tmp_path / "a.csv").name == "quantum_design"
    (tmp_path / "b.dat").write_text(TABLE)
    assert identify(tmp_path / "b.dat").name == "tables"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "there is no such file"),
        (lambda p: p.mkdir(), "this is a folder"),
        (lambda p: p.write_bytes(b""), "the file is empty"),
        (lambda p: p.write_bytes(b" \n\t\n"), "the file is empty"),
        (lambda p: p.write_bytes(bytes(range(256)) * 4), "binary data"),
    ],
)
def test_one_clear_error(tmp_path, make, message):
    path = tmp_path / "x.csv"
    make(path)
    for name in (None, "tables"):
        with pytest.raises(FormatError, match=message) as caught:
            read(path, format=name)
        assert "x.csv" in str(caught.value)


def test_every_format_tried_is_listed_with_its_reason(tmp_path):
    (tmp_path / "x.txt").write_text("no numbers here\n")
    with pytest.raises(FormatError) as caught:
        identify(tmp_path / "x.txt")
    for one in formats():
        assert f"{one.name}: " in str(caught.value)
    assert "[Header]" in str(caught.value)


def test_unknown_format_and_option(tmp_path):
    (tmp_path / "x.csv").write_text(TABLE)
    with pytest.raises(FormatError, match=r"there is no format 'foo'; known: quantum_design, .*tables"):
        read(tmp_path / "x.csv", format="foo")
    with pytest.raises(FormatError, match="its options are columns"):
        read(tmp_path / "x.csv", colour="red")


def test_plugin_is_used_and_ties_are_broken_by_the_suffix(plugins, tmp_path):
    plugins("MARKER", "MARKER_TOO")
    assert [one.name for one in formats()][-2:] == ["marker", "marker_too"]
    for suffix, name in ((".mrk", "marker"), (".mrk2", "marker_too")):
        path = tmp_path / f"a{suffix}"
        path.write_text("MARKER 1\n")
        assert identify(path).name == name
    (tmp_path / "a.txt").write_text("MARKER 1\n")
    with pytest.raises(FormatError, match="several formats"):
        identify(tmp_path / "a.txt")


def test_broken_plugins_leave_the_rest_working(plugins, tmp_path):
    plugins("MISSING", "NO_FORMAT", "FAULTY")
    with pytest.warns(RuntimeWarning) as caught:
        names = [one.name for one in formats()]
    assert names == [*(one.name for one in registry.BUILTIN), "faulty"]
    assert {str(one.message).split("'")[1] for one in caught} == {"missing", "no_format"}
    (tmp_path / "x.csv").write_text(TABLE)
    assert len(read(tmp_path / "x.csv")[0]) == 1
    with pytest.raises(FormatError, match="plugin that cannot be loaded: AttributeError"):
        read(tmp_path / "x.csv", format="missing")
    (tmp_path / "y.txt").write_text("nothing\n")
    with pytest.raises(FormatError, match=r"faulty: its sniffer failed \(RuntimeError: sniffer fault\)"):
        identify(tmp_path / "y.txt")


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(k for k, v in sys.modules.items() if v is not None))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_registry_is_light_and_reading_loads_nothing_heavy(tmp_path):
    listed = loaded_after("from labile.formats.registry import formats, identify; formats()")
    assert not {"numpy", "pint", *HEAVY} & listed
    (tmp_path / "x.csv").write_text(TABLE)
    code = "from labile.formats.registry import read; read({!r})"
    table = loaded_after(code.format(str(tmp_path / "x.csv")))
    assert not set(HEAVY) & table
    assert "labile.formats.quantum_design" not in table
    assert "openpyxl" not in table
    log = loaded_after(code.format(str(DATA / "fc7.dat")))
    assert not set(HEAVY) & log
    assert "labile.formats.tables" not in log
