"""Sequential results of GSAS-II: cells of every phase, lost letters of angles, rows without a phase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.cell import cell_volume
from labile.core.structure import CellSeries
from labile.core.units import UnitError
from labile.formats import registry
from labile.formats.gsas2_sequence import read
from labile.formats.registry import FormatError


def exported(cells: dict[int, tuple[str, list]], *, missing: str = "") -> str:
    """Text as the program's exporter writes it (simulated values): phases with their letters and rows of cells."""
    titles = ["name", "No.", "Use", "Rwp", "..2 (%)", "Temperature"]
    for phase, (letters, _) in cells.items():
        for letter in (*letters, "Vol"):
            title = f"{phase}::{letter}" if letter.isascii() else f"{phase}::."
            titles += [title, f"esd-{title}"]
    titles += ["0:*:Scale", "esd-0:*:Scale", "0::A0", "esd-0::A0", "0::AUiso:0"]
    rows = [",".join(f'"{one}"' for one in titles)]
    for n, kelvin in enumerate((100.0, 200.0, 300.0)):
        row = [f'"PWDR run{n}.fxye Bank 1"', str(n), "True", "5.1", "-0.01", str(kelvin)]
        for letters, table in cells.values():
            pairs = table[n] or [(missing, missing)] * (len(letters) + 1)
            row += [text for pair in pairs for text in pair]
        rows.append(",".join([*row, "1.02", "0.003", "0.0123", "0.0001", "0.01"]))
    return "\n".join(rows) + "\n"


def row_of(cell: tuple[float, ...], stated: tuple[int, ...], esd: float = 2e-4) -> list[tuple[str, str]]:
    volume = float(cell_volume(np.array([*(np.array(cell[:3]) * 1e-10), *cell[3:]]))) * 1e30
    return [(repr(cell[k]), repr(esd)) for k in stated] + [(repr(round(volume, 3)), "0.05")]


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "run.csv"
        path.write_text(text)
        return path

    return write


SYSTEMS = {
    "cubic": ("a", (7.1, 7.1, 7.1, 90, 90, 90), (0,)),
    "tetragonal": ("ac", (7.1, 7.1, 9.4, 90, 90, 90), (0, 2)),
    "hexagonal": ("ac", (7.1, 7.1, 9.4, 90, 90, 120), (0, 2)),
    "rhombohedral": ("aα", (7.1, 7.1, 7.1, 65, 65, 65), (0, 3)),
    "orthorhombic": ("abc", (7.1, 8.2, 9.4, 90, 90, 90), (0, 1, 2)),
    "monoclinic": ("abcβ", (7.1, 8.2, 9.4, 90, 102.5, 90), (0, 1, 2, 4)),
    "triclinic": ("abcαβγ", (7.1, 8.2, 9.4, 81, 102.5, 95), (0, 1, 2, 3, 4, 5)),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_crystal_systems_are_told_by_columns_and_volume(write, system):
    letters, cell, stated = SYSTEMS[system]
    path = write(exported({0: (letters, [row_of(cell, stated)] * 3)}))
    assert registry.identify(path).name == "gsas2_sequence"
    (series,) = read(path)
    assert series.space_group == system
    np.testing.assert_allclose(series.cells[1], [*(np.array(cell[:3]) * 1e-10), *cell[3:]], rtol=1e-12)
    assert series.sigma[0, 0] == pytest.approx(2e-14)
    assert series.names[2] == "PWDR run2.fxye Bank 1"
    np.testing.assert_allclose(series.conditions.temperature, [100, 200, 300])
    lost = any("lost the letter" in step for step in series.provenance.steps)
    assert lost == (system == "monoclinic")


def test_two_phases_each_where_it_is(write):
    cold, hot = (7.1, 8.2, 9.4, 90, 102.5, 90), (7.3, 7.3, 9.6, 90, 90, 90)
    table = {
        0: ("abcβ", [row_of(cold, (0, 1, 2, 4)), row_of(cold, (0, 1, 2, 4)), None]),
        1: ("ac", [None, row_of(hot, (0, 2)), row_of(hot, (0, 2))]),
    }
    first, second = registry.read(write(exported(table)))
    assert (first.label, second.label) == ("run phase 0", "run phase 1")
    np.testing.assert_allclose(first.conditions.temperature, [100, 200])
    np.testing.assert_allclose(second.conditions.temperature, [200, 300])
    assert second.space_group == "tetragonal"
    assert any("1 rows left out that hold no cell" in step for step in first.provenance.steps)
    (only,) = read(write(exported(table)), phase=1)
    np.testing.assert_array_equal(only.cells, second.cells)
    with pytest.raises(FormatError, match=r"no cell of phase 2; there are phases \[0, 1\]"):
        read(write(exported(table)), phase=2)


def test_rows_not_to_use_parameters_not_refined_and_pressures(write):
    letters, cell, stated = SYSTEMS["orthorhombic"]
    text = exported({0: (letters, [row_of(cell, stated, esd=0.0)] * 3)})
    text = text.replace("1,True", "1,False").replace('"Temperature"', '"Pressure"')
    (series,) = read(write(text), temperature="290 K")
    assert len(series) == 2
    np.testing.assert_allclose(series.conditions.pressure, [1e8, 3e8])
    assert np.isnan(series.sigma[0, 0])
    assert any("1 rows left out that the refinement was told not to use" in step for step in series.provenance.steps)
    with pytest.raises(FormatError, match="no column holds the temperature"):
        read(write(text))


def test_old_versions_write_none(write):
    letters, cell, stated = SYSTEMS["cubic"]
    (series,) = read(
        write(exported({0: (letters, [row_of(cell, stated), None, row_of(cell, stated)])}, missing="None"))
    )
    np.testing.assert_allclose(series.conditions.temperature, [100, 300])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('"0::c","esd-0::c",', ""), "line 2: .* columns, the titles are"),
        (lambda text: text.replace("0::Vol", "0::V"), "give system="),
        (lambda text: text.replace("9.4,", "94.0,"), "give system="),
        (lambda text: text.replace("7.1,", "much,"), "line 2: a is 'much'"),
        (lambda text: text.replace("::", ";"), "no column is titled 0::a"),
        (lambda text: text.splitlines()[0], "titles but no rows"),
        (lambda text: text.replace('"0::a"', '"0::c"'), "two columns are c"),
        (
            lambda text: text.replace('"0::c","esd-0::c"', '"0::.","esd-0::."').replace("::a", "::b"),
            "letters the export",
        ),
    ],
)
def test_refusals(write, change, says):
    letters, cell, stated = SYSTEMS["tetragonal"]
    with pytest.raises(FormatError, match=says) as caught:
        read(write(change(exported({0: (letters, [row_of(cell, stated)] * 3)}))))
    assert str(caught.value).startswith("run.csv")


@given(data=st.binary(max_size=40), cut=st.integers(0, 600))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(tmp_path, data, cut):
    letters, cell, stated = SYSTEMS["triclinic"]
    original = exported({0: (letters, [row_of(cell, stated)] * 3)}).encode()
    path = tmp_path / "run.csv"
    for content in (original[:cut], original[:cut] + data + original[cut:], data):
        path.write_bytes(content)
        message, found = "run.csv", []
        try:
            found = read(path)
        except (FormatError, UnitError) as error:
            message = str(error)
        assert "run.csv" in message
        assert found or message != "run.csv"
        assert all(isinstance(one, CellSeries) for one in found)
