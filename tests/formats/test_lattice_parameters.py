"""Tables of cells."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.structure import CellSeries
from labile.core.units import UnitError
from labile.formats import registry
from labile.formats.lattice_parameters import SYSTEMS, read
from labile.formats.registry import FormatError
from labile.formats.structure_signatures import lattice_title

LATTICE = Path(__file__).parents[1] / "data" / "lattice"
MONOCLINIC = (
    "T (K),sigma_T,a (Å),b (Å),c (Å),beta (deg),V (Å^3)\n"
    "95,2,6.620(2),11.350(3),6.623(2),78.50(3),487.64\n"
    "120,2,6.631(2),11.362(3),6.614(2),78.47(3),488.26\n"
)


@pytest.fixture
def table(tmp_path):
    def write(text, name="cells.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("kind", ["T", "p"])
def test_input_of_pascal(kind):
    path = LATTICE / f"PASCal_{kind}_input.tsv"
    assert registry.identify(path).name == "lattice_parameters"
    (series,) = registry.read(path, **({} if kind == "T" else {"variable": "pressure", "temperature": "300 K"}))
    assert isinstance(series, CellSeries)
    if kind == "T":
        wanted = np.loadtxt(LATTICE / "PASCal_T_volumes.tsv")
        np.testing.assert_allclose(series.volumes * 1e30, wanted[:, 1], atol=1e-4)
        np.testing.assert_allclose(series.conditions.temperature, wanted[:, 0])
        np.testing.assert_allclose(series.conditions.sigma_temperature, 5.0)
        assert series.space_group == "monoclinic"
    else:
        first = np.loadtxt(path, comments="#")[0]
        assert series.conditions.pressure[0] == pytest.approx(first[0] * 1e9)
        np.testing.assert_allclose(series.cells[0, :3] * 1e10, first[2:5])
    assert np.isnan(series.sigma[:, :3]).all()


def test_titled_columns(table):
    (series,) = registry.read(table(MONOCLINIC))
    np.testing.assert_allclose(series.cells[0], [6.62e-10, 11.35e-10, 6.623e-10, 90, 78.5, 90])
    np.testing.assert_allclose(series.sigma[1], [2e-13, 3e-13, 2e-13, 0, 0.03, 0])
    np.testing.assert_allclose(series.conditions.sigma_temperature, 2.0)
    assert series.space_group == "monoclinic"
    assert "crystal system monoclinic, from the columns there are" in series.provenance.steps
    assert series.names == ("line 2", "line 3")


def test_columns_of_su_units_and_pressure(table):
    text = (
        "P (GPa)\terr\ta (nm)\tesd\tc (nm)\tsigma_c\n"
        "0.0001\t0\t0.7123\t0.0002\t0.9456\t0.0003\n1.2\t0.05\t0.70\t0.0002\t0.93\t0.0003\n"
    )
    (series,) = read(table(text), system="tetragonal", temperature="20 degC")
    np.testing.assert_allclose(series.conditions.pressure, [1e5, 1.2e9])
    np.testing.assert_allclose(series.conditions.temperature, 293.15)
    np.testing.assert_allclose(series.cells[1], [7e-10, 7e-10, 9.3e-10, 90, 90, 90])
    # a and b are one number: V = a^2 c
    np.testing.assert_allclose(series.covariance[0, 0, 1], 4e-26)
    a, c = 0.7123e-9, 0.9456e-9
    assert series.sigma_volumes[0] == pytest.approx(math.hypot(2 * a * c * 2e-13, a * a * 3e-13), rel=1e-9)


@pytest.mark.parametrize("system", SYSTEMS)
def test_crystal_systems(table, system):
    equal, fixed = SYSTEMS[system]
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    free = [k for k in range(6) if equal[k] == k and k not in fixed]
    row = [f"{(7.1, 8.2, 9.3, 82.0, 95.0, 101.0)[k]}(1)" for k in free]
    text = ",".join(["T (K)", *(names[k] for k in free)]) + "\n" + ",".join(["100", *row]) + "\n"
    (series,) = read(table(text), system=system)
    for k in range(6):
        if k in fixed:
            assert series.cells[0, k] == fixed[k]
            assert series.sigma[0, k] == 0.0
        else:
            assert series.cells[0, k] == series.cells[0, equal[k]]
            assert series.covariance[0, k, equal[k]] == pytest.approx(series.sigma[0, k] ** 2)


@pytest.mark.parametrize(
    ("title", "means"),
    [
        ("T / K", ("T", "K", False)), ("Temperature [K]", ("T", "K", False)), ("α", ("alpha", "", False)),
        ("a_err (Å)", ("a", "Å", True)), ("σ(b)", ("b", "", True)), ("esd", ("", "", True)), ("±", ("", "", True)),
        ("u(a)", ("a", "", True)), ("Volume (A^3)", ("V", "A^3", False)), ("t", ("", "", False)),
        ("remark", ("", "", False)), ("+/-", ("", "", True)), ("sigma_beta", ("beta", "", True)),
    ],
)  # fmt: skip
def test_titles(title, means):
    assert lattice_title(title) == means


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (MONOCLINIC.replace("6.631(2)", "66.31(2)"), {}, "line 3: the volume is given as 488.26"),
        (MONOCLINIC.replace("6.631(2)", "a lot"), {}, "line 3: a is 'a lot'"),
        (MONOCLINIC.replace("6.631(2)", "<6.6"), {}, "line 3: a is '<6.6'"),
        (MONOCLINIC, {"system": "orthorhombic"}, "line 2: beta is 78.5, a orthorhombic cell asks for 90"),
        (MONOCLINIC, {"system": "odd"}, "system='odd'"),
        (MONOCLINIC, {"temperature": 90}, "column T holds it"),
        (MONOCLINIC, {"units": {"Q": "K"}}, "no column 'Q'"),
        (MONOCLINIC, {"variable": "time"}, "variable='time'"),
        ("T,a,c\n100,7,9\n200,7,9\n", {}, "do not tell the whole cell; give system="),
        ("T,a,b,c,alpha,beta,gamma\n100,7,8,9,60,60,130\n", {}, "line 2: cell: the angles .* no volume"),
        ("P (GPa),a\n1,7\n2,6.9\n", {"system": "cubic"}, "no column holds the temperature"),
        ("T,a,a\n100,7,7\n200,7,7\n", {"system": "cubic"}, "two columns are a"),
        ("T,b,c\n100,7,7\n200,7,7\n", {}, "no column is titled a"),
        ("100 2 7 8 9 90 90 90\n200 2 7 8 9 90 90 90\n", {}, "say variable="),
        ("100 2 7 8 9\n200 2 7 8 9\n", {}, "5 columns without titles"),
        ("T,a\n-5,7\n200,7\n", {"system": "cubic"}, "above 0 K"),
        ("", {}, "empty"),
    ],
)
def test_refusals(table, text, options, says):
    with pytest.raises(FormatError, match=says) as caught:
        read(table(text), **options)
    assert str(caught.value).startswith("cells.csv")


def test_units_are_asked_for(table):
    with pytest.raises(UnitError, match="P is missing"):
        read(table("P,a\n1,7\n2,6.9\n"), system="cubic", temperature=300)
    (series,) = read(table("P,a\n1,7\n2,6.9\n"), system="cubic", temperature=300, units={"P": "kbar"})
    np.testing.assert_allclose(series.conditions.pressure, [1e8, 2e8])
    with pytest.raises(UnitError, match="degrees"):
        read(table("T,a,alpha (rad)\n100,7,1.5\n200,7,1.5\n"), system="rhombohedral")


@given(data=st.binary(max_size=40), cut=st.integers(0, len(MONOCLINIC)))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(tmp_path, data, cut):
    path = tmp_path / "cells.csv"
    original = MONOCLINIC.encode()
    for content in (original[:cut], original[:cut] + data + original[cut:], data):
        path.write_bytes(content)
        message, found = "cells.csv", []
        try:
            found = read(path)
        except (FormatError, UnitError) as error:
            message = str(error)
        assert "cells.csv" in message
        assert found or message != "cells.csv"
        assert all(isinstance(one, CellSeries) for one in found)


def test_rows_that_are_named_as_after_a_sequential_refinement(tmp_path):
    path = tmp_path / "sequence.csv"
    path.write_text(
        "name,temperature,a,a_esd,b,b_esd,c,c_esd,alpha,beta,gamma\n"
        "PWDR x1.xye,100,7.0012,0.0003,8.0023,0.0004,9.0034,0.0005,90,90,90\n"
        '"PWDR x2, again",200,7.0112,0.0003,8.0123,0.0004,9.0134,0.0005,90,90,90\n'
    )
    (series,) = read(path)
    assert series.names == ("PWDR x1.xye", "PWDR x2, again")
    assert series.cells[:, 0] * 1e10 == pytest.approx([7.0012, 7.0112])
    assert series.sigma[1, 2] * 1e10 == pytest.approx(0.0005)
    assert any("names of the rows" in step for step in series.provenance.steps)
