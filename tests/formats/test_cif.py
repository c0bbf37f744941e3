"""CIFs: numbers and bonds of real files, s.u. in odd places, missing and contradictory items, damaged files."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from labile.cli import app
from labile.core.neighbours import neighbours
from labile.core.structure import CrystalStructure
from labile.core.structure_series import structure_series
from labile.core.units import UnitError
from labile.formats import registry
from labile.formats.cif import read, read_series
from labile.formats.cif_items import NotANumber, element_and_charge, element_of_label, number, numbers
from labile.formats.registry import FormatError

DATA = Path(__file__).parents[1] / "data" / "structures"
FRAMEWORK, COBALT = DATA / "4111132.cif", DATA / "2227982.cif"
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELL = """_cell_length_a 9.123(2)
_cell_length_b 11.456(3)
_cell_length_c 7.789(2)
_cell_angle_alpha 90
_cell_angle_beta 104.31(2)
_cell_angle_gamma 90
"""
GROUP = "_space_group_name_H-M_alt 'P 1 21/c 1'\n"
OPERATIONS = "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,y+1/2,-z+1/2\n-x,-y,-z\nx,-y+1/2,z+1/2\n"
ATOMS = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe1 Fe 0.0000 0.5000 0.0000
N1 N 0.1234(5) 0.4321(4) 0.2345(6)
C1 C 0.2345(7) 0.3456(5) 0.3456(8)
"""
CIF = f"data_I\n_diffrn_ambient_temperature 100(2)\n_chemical_formula_sum 'C Fe N'\n{CELL}{OPERATIONS}{GROUP}{ATOMS}"


@pytest.fixture
def cif(tmp_path):
    def write(text, name="crystal.cif", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


# real files


def test_low_spin_iron_of_the_framework():
    """SCIENCE section 7: Fe1-N 1.947(3), 1.959(4), 1.971(3), each twice, through the twofold axis."""
    (one,) = read(FRAMEWORK)
    assert one.space_group == "F d d d:2"
    assert len(one.rotations) == 32
    assert len(one.sites) == 60
    assert one.conditions.temperature[0] == 150.0
    assert one.conditions.sigma_temperature[0] == 2.0
    assert one.formula_units == 16
    np.testing.assert_allclose(one.cell, [24.601e-10, 16.546e-10, 65.775e-10, 90, 90, 90])
    np.testing.assert_allclose(one.sigma_cell[:3], [5e-13, 4e-13, 14e-13])
    assert one.volume * 1e30 == pytest.approx(26774, abs=1)
    assert one.sigma_volume * 1e30 == pytest.approx(10.2, abs=0.1)
    found = neighbours(one, "Fe1", 2.5e-10)
    assert found.labels == ("N1", "N1", "N4", "N4", "N2", "N2")
    np.testing.assert_allclose(found.distances * 1e10, [1.947, 1.947, 1.959, 1.959, 1.971, 1.971], atol=5.1e-4)
    np.testing.assert_allclose(np.rint(found.sigma_distances * 1e13), [3, 3, 4, 4, 3, 3])
    assert found.without_sigma == ()
    assert one.disorder == {"A": {"-1": 0.5}}
    assert not one.flags


@pytest.mark.parametrize("path", [FRAMEWORK, COBALT], ids=lambda path: path.stem)
def test_bonds_that_the_file_lists(path):
    """Every bond of the file's own table is found at its length, and s.u. agree with those of the refinement."""
    (one,) = read(path)
    block = gemmi.cif.read(str(path)).sole_block()
    table = block.find("_geom_bond_", ["atom_site_label_1", "atom_site_label_2", "distance"])
    ratios = []
    for first, second, text in ([cell for cell in row] for row in table):
        length, sigma = number(text)
        around = neighbours(one, first, 4e-10)
        of_second = around[np.array(around.labels) == second]
        nearest = int(np.argmin(np.abs(of_second.distances * 1e10 - length)))
        # a coordinate along the 65 angstrom axis is rounded to 0.003-0.007 angstrom where its atom rides
        slack = 0.0055 if math.isnan(sigma) else max(0.0012, 2 * sigma)
        assert of_second.distances[nearest] * 1e10 == pytest.approx(length, abs=slack)
        if sigma > 0 and not of_second[[nearest]].without_sigma:
            ratios.append(of_second.sigma_distances[nearest] * 1e10 / sigma)
    assert len(table) > 70
    # the refinement knows correlations that a CIF does not state
    assert 0.9 < np.median(ratios) < 1.2


def test_displacements_and_riding_atoms():
    (one,) = read(FRAMEWORK)
    iron, hydrogen = one.sites[one.index("Fe1")], one.sites[one.index("H28")]
    assert iron.u_iso == pytest.approx(0.0808e-20)
    assert iron.sigma_u_iso == pytest.approx(0.0003e-20)
    assert len(iron.u_aniso) == len(iron.sigma_u_aniso) == 6
    assert sum(iron.u_aniso[:3]) / 3 == pytest.approx(iron.u_iso, rel=2e-3)
    assert hydrogen.riding
    assert hydrogen.u_aniso is None
    assert read(FRAMEWORK, displacements=False)[0].sites[0].u_aniso is None


def test_the_content_decides(tmp_path):
    copy = tmp_path / "structure.dat"
    copy.write_bytes(FRAMEWORK.read_bytes())
    assert registry.identify(copy).name == "cif"
    assert isinstance(registry.read(copy)[0], CrystalStructure)
    assert registry.read(copy)[0].provenance.sha256 == registry.read(FRAMEWORK)[0].provenance.sha256


def test_labile_read_shows_structures(cif):
    shown = CliRunner().invoke(app, ["read", str(FRAMEWORK)])
    assert shown.exit_code == 0
    for text in ("24.601(5)", "150(2)", "F d d d:2", "60 sites", "26774(10)", "disorder A: -1 0.5"):
        assert text in shown.stdout
    told = json.loads(CliRunner().invoke(app, ["read", "--json", str(cif(CIF))]).stdout)[0]["structures"][0]
    assert told["sigma_cell_A_deg"][0] == pytest.approx(0.002)
    assert told["space_group"] == "P 1 21/c 1"


# numbers


@pytest.mark.parametrize(
    ("text", "value", "sigma"),
    [
        ("1.987(4)", 1.987, 0.004),
        ("-0.0012(11)", -0.0012, 0.0011),
        ("'1.987 (4)'", 1.987, 0.004),
        ("293.0(1.5)", 293.0, 1.5),
        ("1.98(4)E-1", 0.198, 0.004),
        ("12(3)", 12.0, 3.0),
        (".25(2)", 0.25, 0.02),
        ("1.987 +/- 0.004", 1.987, 0.004),
        ("103.", 103.0, math.nan),
        ("0.5", 0.5, math.nan),
        ("1.987()", 1.987, math.nan),
        ("1/4", 0.25, math.nan),
        ("?", math.nan, math.nan),
        (".", math.nan, math.nan),
    ],
)
def test_numbers_with_su(text, value, sigma):
    found = number(text)
    assert found == pytest.approx((value, sigma), nan_ok=True, rel=1e-14)
    column = numbers([text, "0.1(2)"])
    assert (column[0][0], column[1][0]) == pytest.approx((value, sigma), nan_ok=True, rel=1e-14)
    assert (column[0][1], column[1][1]) == (0.1, 0.2)


@pytest.mark.parametrize(
    "text", ["0.035(4", "0.l09(5)", "N1", "0.08*", "1.2.3", "'1 2'", "1e999", "nan", "1.0(2) +/- 0.1"]
)
def test_texts_that_are_no_numbers(text):
    with pytest.raises(NotANumber):
        number(text)
    with pytest.raises(NotANumber):
        numbers(["0.5", text])


@given(st.integers(-99999, 99999), st.integers(1, 99), st.integers(0, 5))
@QUICK
def test_written_numbers_come_back(digits, su, decimals):
    text = f"{digits / 10**decimals:.{decimals}f}({su})"
    assert number(text) == pytest.approx((digits / 10**decimals, su / 10**decimals), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "element"),
    [("Fe", "Fe"), ("FE", "Fe"), ("Fe3+", "Fe"), ("O2-", "O"), ("D", "D"), ("Na+1", "Na"), ("Cval", ""), ("X", "")],
)
def test_type_symbols(text, element):
    assert element_and_charge(text)[0] == element


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [
        ("CO1", "C O Fe", "C"), ("CO1", "Co N", "Co"), ("CA2", "", "C"), ("Ca2", "", "Ca"), ("HO1", "H O", "H"),
        ("Wat3", "Ca O H", "O"), ("OW", "O H", "O"), ("Q1", "C H", ""), ("N*", "N", "N"), ("D1", "C H", "D"),
        ("Mn1", "C H", "Mn"),
    ],
)  # fmt: skip
def test_elements_of_labels(label, formula, element):
    assert element_of_label(label, frozenset(formula.split())) == element


# items


def test_dotted_names_and_su_in_items_of_their_own(cif):
    text = """data_I
_cell.length_a 9.123
_cell.length_a_su 0.002
_cell.length_b 11.456(3)
_cell.length_c 7.789
_cell.length_c_esd .002
_cell.angle_beta 104.31(2)
_space_group.name_Hall '-P 2ybc'
_diffrn.ambient_temperature 100
_diffrn.ambient_temperature_su 2
_diffrn.ambient_pressure 1.2e5
loop_
_atom_site.label
_atom_site.type_symbol
_atom_site.fract_x
_atom_site.fract_x_su
_atom_site.fract_y
_atom_site.fract_y_su
_atom_site.fract_z
_atom_site.fract_z_su
N1 N 0.1234 0.0005 0.4321 . 0.2345 0.0006
"""
    (one,) = read(cif(text))
    np.testing.assert_allclose(one.sigma_cell[:3], [2e-13, 3e-13, 2e-13])
    np.testing.assert_allclose(one.sigma_fract, [[0.0005, math.nan, 0.0006]])
    assert one.cell[[3, 5]].tolist() == [90.0, 90.0]
    assert one.conditions.pressure[0] == 1.2e8
    assert one.conditions.sigma_temperature[0] == 2.0
    assert "alpha, gamma of the cell not stated; taken from the symmetry" in one.provenance.steps


def test_upper_case_quotes_and_line_ends(cif):
    plain = read(cif(CIF))[0]
    for text in (
        CIF.replace("\n", "\r\n"),
        CIF.replace("\n", "\r"),
        CIF.upper().replace("DATA_I", "data_I"),
        "\ufeff" + CIF,
    ):
        (one,) = read(cif(text))
        np.testing.assert_array_equal(one.fract, plain.fract)
        assert one.elements == ("Fe", "N", "C")
    with_name = CIF.replace("data_I\n", "data_I\n_publ_author_name 'M\u00fcller, \u2013'\n")
    for encoding in ("utf-8", "cp1252"):
        np.testing.assert_array_equal(read(cif(with_name, encoding=encoding))[0].fract, plain.fract)


def test_many_blocks_in_any_order_become_a_series(cif):
    hot = CIF.replace("data_I", "data_hot").replace("100(2)", "300(2)").replace("9.123(2)", "9.323(2)")
    two = cif(f"data_global\n_publ_contact_author_name 'A'\n{hot}{CIF}")
    squeezed = cif(CIF.replace("data_I", "data_squeezed\n_diffrn_ambient_pressure 5.0e5"), "p.cif")
    series = structure_series(read_series([squeezed, two]))
    assert series.names == ("I", "hot", "squeezed")
    np.testing.assert_allclose(series.conditions.pressure, [101325, 101325, 5e8])
    assert [one.label for one in read(two, block="hot")] == ["hot"]
    given_here = read(two, temperature={"hot": "350 K"})
    assert [float(one.conditions.temperature[0]) for one in given_here] == [350.0, 100.0]
    assert any("350 K was given, the file says 300 K" in flag for flag in given_here[0].flags)
    with pytest.raises(FormatError, match="there is no block 'cold'; there are global, hot, I"):
        read(two, block="cold")
    with pytest.raises(FormatError, match="no block 'x'"):
        read(two, pressure={"x": 1e8})


@pytest.mark.parametrize(
    ("items", "kelvin", "flag"),
    [
        ("_diffrn_ambient_temperature 100(2)\n_cell_measurement_temperature 150(2)\n", 100, "two temperatures"),
        ("_cell_measurement_temperature 150(2)\n_diffrn_ambient_temperature ?\n", 150, ""),
        ("_diffrn_ambient_temperature 293K\n", 293, ""),
        ("_diffrn_ambient_temperature '20 C'\n", 293.15, ""),
        ("_diffrn_ambient_temperature RT\n", None, "'RT' is no temperature"),
        ("_diffrn_ambient_temperature 0\n", None, "cannot be"),
        ("", None, "no temperature is stated"),
    ],
)
def test_temperatures(cif, items, kelvin, flag):
    (one,) = read(cif(CIF.replace("_diffrn_ambient_temperature 100(2)\n", items)))
    found = None if one.conditions is None else float(one.conditions.temperature[0])
    assert found == pytest.approx(kelvin)
    assert flag in " ".join(one.flags)
    assert bool(flag) == bool(one.flags)


@pytest.mark.parametrize(
    ("items", "pascal", "flag"),
    [
        ("", 101325.0, ""),
        ("_diffrn_ambient_pressure 101.3\n", 101300.0, ""),
        ("_diffrn_ambient_pressure '1.20(5) GPa'\n", 1.2e9, ""),
        ("_cell_measurement_pressure 2.0(1)e6\n", 2e9, ""),
        ("_diffrn_ambient_pressure 1.2\n", 1200.0, "1.2 kPa as stated"),
        ("_diffrn_ambient_environment 'diamond-anvil cell, Daphne oil'\n", 101325.0, "speaks of 'diamond-anvil'"),
        ("_diffrn_special_details 'irradiated at 532 nm'\n", 101325.0, "speaks of light ('irradiated')"),
    ],
)
def test_pressures_and_surroundings(cif, items, pascal, flag):
    (one,) = read(cif(CIF.replace("data_I\n", f"data_I\n{items}")))
    assert float(one.conditions.pressure[0]) == pytest.approx(pascal)
    assert flag in " ".join(one.flags)
    assert bool(flag) == bool(one.flags)


def test_options_replace_what_the_file_says(cif):
    (one,) = read(cif(CIF), temperature=90, pressure="1.2 kbar", space_group="P 1")
    assert float(one.conditions.temperature[0]) == 90.0
    assert float(one.conditions.pressure[0]) == pytest.approx(1.2e8)
    assert len(one.rotations) == 1
    assert any("90 K was given, the file says 100 K" in flag for flag in one.flags)
    assert dict(one.provenance.options)["pressure"] == "1.2 kbar"
    with pytest.raises(UnitError, match="pressure='3 K'"):
        read(cif(CIF), pressure="3 K")
    for options in ({"temperature": -3}, {"space_group": "P 99"}, {"duplicate_labels": "maybe"}, {"pressure": "much"}):
        with pytest.raises(FormatError, match=next(iter(options))):
            read(cif(CIF), **options)


# symmetry


def test_symmetry_from_operations_symbols_and_numbers(cif):
    (listed,) = read(cif(CIF))
    for symmetry in (
        GROUP, "_symmetry_space_group_name_Hall '-P 2ybc'\n", "_symmetry_space_group_name_H-M P2(1)/c\n",
        "_symmetry_space_group_name_H-M 'P 21 /c'\n",
    ):  # fmt: skip
        (one,) = read(cif(CIF.replace(OPERATIONS + GROUP, symmetry)))
        assert {r.tobytes() for r in one.rotations} == {r.tobytes() for r in listed.rotations}
        assert one.space_group == listed.space_group == "P 1 21/c 1"
    (numbered,) = read(cif(CIF.replace(OPERATIONS + GROUP, "_space_group_IT_number 14\n")))
    assert "only the number 14" in " ".join(numbered.flags)


def test_contradictory_symmetry_is_named(cif):
    (one,) = read(cif(CIF.replace("'P 1 21/c 1'", "'P 1 21 1'")))
    assert one.space_group == "P 1 21/c 1"
    assert "listed operations (4, P 1 21/c 1) are not those of the stated space group P 1 21 1 (2)" in one.flags[0]
    (other,) = read(cif(CIF.replace("_cell_angle_alpha 90", "_cell_angle_alpha 90.4")))
    assert "alpha is 90.4, the operations ask for 90" in " ".join(other.flags)
    (setting,) = read(cif(CIF.replace("'P 1 21/c 1'", "'P 1 21/q 1'")))
    assert "is not known; the listed operations are used" in setting.flags[0]


def test_metal_atoms_in_the_cell_are_counted(cif):
    """Iron on an inversion centre of P 21/c: two in the cell."""
    with_z = CIF.replace("data_I\n", "data_I\n_cell_formula_units_Z 2\n")
    assert not read(cif(with_z))[0].flags
    (wrong,) = read(cif(with_z.replace("_Z 2", "_Z 4")))
    assert wrong.flags == ("2 Fe in the cell by the atoms and the symmetry, 4 by the formula and Z = 4",)
    (truncated,) = read(cif(with_z.replace("-x,y+1/2,-z+1/2\n-x,-y,-z\nx,-y+1/2,z+1/2\n", "")))
    assert any("1 Fe in the cell" in flag for flag in truncated.flags)
    assert any("listed operations (1, P 1)" in flag for flag in truncated.flags)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (OPERATIONS + GROUP, "", "neither symmetry operations"),
        (OPERATIONS + GROUP, "_space_group_name_H-M_alt 'P 99'\n", "'P 99' is not known"),
        (OPERATIONS + GROUP, "_space_group_name_H-M_alt 'F d d d'\n", "several origins"),
        ("-x,y+1/2,-z+1/2\n", "", "form no group"),
        ("-x,y+1/2,-z+1/2\n", "-x;y;z\n", "operation 2, '-x;y;z', cannot be read"),
        ("_cell_length_a 9.123(2)\n", "", "_cell_length_a not stated"),
        ("_cell_length_a 9.123(2)\n", "_cell_length_a ?\n", "_cell_length_a not stated"),
        ("_cell_length_a 9.123(2)\n", "_cell_length_a 1/4\n", "_cell_length_a: '1/4' is not a number"),
        ("_cell_length_a 9.123(2)\n", "_cell_length_a 0.9123(2)\n", "between 1 and 2000"),
        ("_cell_length_a 9.123(2)\n", "_cell_length_a 9.123(2)\n_cell_length_a 9.2\n", "_cell_length_a is given twice"),
        ("_cell_angle_beta 104.31(2)", "_cell_angle_beta 180.5", "between 0 and 180"),
        ("_cell_angle_beta 104.31(2)", "_cell_angle_beta abc", "'abc' is not a number"),
        ("_cell_angle_beta 104.31(2)", "", "_cell_angle_beta not stated"),
        (CELL, "", "_cell_length_a, _cell_length_b"),
        ("C1 C 0.2345(7)", "N1 C 0.2345(7)", "_atom_site_label 'N1' is given to two atoms"),
        ("C1 C 0.2345(7)", "C1 C C2", "_atom_site_fract_x of atom C1: 'C2' is not a number; is the loop misaligned"),
        ("C1 C 0.2345(7)", "Q1 Zz 0.2345(7)", "atom Q1: neither its type 'Zz' nor its label"),
        (" 0.3456(8)\n", "\n", "Wrong number of values in loop"),
        ("data_I\n", "", "expected block header"),
        ("data_I\n", "data_I\n_title 'open\n", "line 2.*unterminated"),
    ],
)
def test_refusals_name_file_block_and_item(cif, before, after, says):
    assert before in CIF
    with pytest.raises(FormatError, match=says) as caught:
        read(cif(CIF.replace(before, after, 1)))
    assert str(caught.value).startswith("crystal.cif")


def test_cells_that_enclose_no_volume_name_the_block(cif):
    flat = CIF.replace(OPERATIONS + GROUP, "_space_group_name_H-M_alt 'P 1'\n").replace("alpha 90", "alpha 10")
    with pytest.raises(
        FormatError, match=r"crystal\.cif: structure 'I': cell: the angles alpha, beta, gamma = 10, 104"
    ):
        read(cif(flat))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds a cell"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "binary"),
        (b"data_I\n_cell_volume 3\n", r"no block holds a cell .* \(blocks: I\)"),
        (b"#\\#CIF_2.0\ndata_I\n_a [1 2]\n", "CIF 2.0 lists"),
    ],
)
def test_files_without_a_structure(tmp_path, content, says):
    path = tmp_path / "a.cif"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=says):
        read(path)
    with pytest.raises(FormatError, match=r"absent\.cif"):
        read(tmp_path / "absent.cif")


# atoms


def test_missing_items_are_tolerated_and_named(cif):
    (bare,) = read(cif("data_I\n" + CELL + GROUP))
    assert not bare.sites
    told = " ".join(bare.flags)
    for text in ("no fractional coordinates", "no formula", "no temperature"):
        assert text in told
    (some,) = read(cif(CIF.replace("C1 C 0.2345(7)", "C1 C ?").replace("(7)", "")))
    assert some.labels == ("Fe1", "N1")
    assert "atoms without coordinates are left out: C1" in some.flags
    columns = ATOMS.replace("_atom_site_fract_z\n", "_atom_site_Cartn_z\n")
    (partly,) = read(cif(CIF.replace(ATOMS, columns)))
    assert "atoms are listed without _atom_site_fract_z" in partly.flags
    (unlabelled,) = read(cif(CIF.replace("_atom_site_label\n", "_atom_site_remark\n")))
    assert unlabelled.labels == ("Fe1", "N1", "C1")


def test_occupancies_disorder_and_dummies(cif):
    names = ("fract_z", "occupancy", "disorder_assembly", "disorder_group", "calc_flag", "U_iso_or_equiv")
    rows = ATOMS.replace("_atom_site_fract_z\n", "".join(f"_atom_site_{name}\n" for name in names))
    rows = rows.replace("0.0000 0.5000 0.0000", "0.0000 0.5000 0.0000 . . . d 0.020(1)")
    rows = rows.replace("0.2345(6)", "0.2345(6) 0.70(1) A 1 d 0.03")
    rows = rows.replace("0.3456(8)", "0.3456(8) 0.30 A 2 calc 0.0.4")
    rows += "Cg1 C 0.1 0.1 0.1 1 . 0 dum ?\n"
    (one,) = read(cif(CIF.replace(ATOMS, rows)))
    assert one.labels == ("Fe1", "N1", "C1")
    assert one.disorder == {"A": {"1": 0.7, "2": 0.3}}
    assert one.occupancies.tolist() == [1.0, 0.7, 0.3]
    assert one.sites[1].sigma_occupancy == pytest.approx(0.01)
    assert [site.riding for site in one.sites] == [False, False, True]
    assert math.isnan(one.sites[2].u_iso)
    assert "_atom_site_U_iso_or_equiv is no number and not used: C1" in one.flags
    assert "dummy atoms left out: Cg1" in one.provenance.steps
    for wrong, says in (
        ("1.70(1)", "structure 'I': site N1: occupancy must be 0 to 1"),
        ("most", "occupancy of atom N1"),
    ):
        with pytest.raises(FormatError, match=says):
            read(cif(CIF.replace(ATOMS, rows.replace("0.70(1)", wrong))))


def test_labels_given_twice_can_be_numbered(cif):
    path = cif(CIF.replace("C1 C 0.2345(7)", "N1 N 0.2345(7)"))
    (one,) = read(path, duplicate_labels="number")
    assert one.labels == ("Fe1", "N1", "N1_2")
    assert any("the label 'N1' is given again" in step for step in one.provenance.steps)


def test_anisotropic_displacements_of_both_kinds(cif):
    block = "loop_\n_atom_site_aniso_label\n" + "".join(
        f"_atom_site_aniso_U_{k}\n" for k in ("11", "22", "33", "12", "13", "23")
    )
    (one,) = read(cif(CIF + block + "Fe1 0.01(1) 0.02 0.03 0.004 0.005(2) 0.006\n"))
    np.testing.assert_allclose(one.sites[0].u_aniso, np.array([0.01, 0.02, 0.03, 0.006, 0.005, 0.004]) * 1e-20)
    assert one.sites[0].sigma_u_aniso[4] == pytest.approx(0.002e-20)
    (b,) = read(cif(CIF + block.replace("_U_", "_B_") + "Fe1 1 2 3 0 0 0\n"))
    np.testing.assert_allclose(b.sites[0].u_aniso[:3], np.array([1, 2, 3]) * 1e-20 / (8 * math.pi**2))
    (strange,) = read(cif(CIF + block + "Zn9 0.01 0.02 0.03 0 0 0\n"))
    assert "anisotropic displacements of atoms that are not listed: Zn9" in strange.flags


# damaged files


def attempt(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    message, found = path.name, []
    try:
        found = read(path)
    except (FormatError, UnitError) as error:
        message = str(error)
    assert path.name in message
    assert found or message != path.name
    assert all(isinstance(one, CrystalStructure) for one in found)


@given(data=st.binary(max_size=60), cut=st.integers(0, len(CIF)), width=st.integers(0, 40))
@QUICK
def test_damaged_files(tmp_path, data, cut, width):
    original = CIF.encode()
    attempt(tmp_path / "a.cif", original[:cut])
    attempt(tmp_path / "a.cif", original[:cut] + data + original[cut + width :])


@given(seed=st.integers(0, 10**6))
@QUICK
def test_flipped_characters_and_mixed_lines(tmp_path, seed):
    mix = random.Random(seed)
    characters = list(CIF)
    for _ in range(mix.randint(1, 6)):
        characters[mix.randrange(len(characters))] = mix.choice("0123456789.()?'\";_#\n xyz-+/")
    attempt(tmp_path / "a.cif", "".join(characters).encode())
    lines = CIF.splitlines(keepends=True)
    mix.shuffle(lines)
    attempt(tmp_path / "a.cif", "".join(lines).encode())


def test_real_files_cut_anywhere(tmp_path):
    original = FRAMEWORK.read_bytes()
    for cut in range(0, len(original), 997):
        attempt(tmp_path / "a.cif", original[:cut])


def test_symmetry_codes_are_those_of_the_file():
    (structure,) = read(FRAMEWORK)
    block = gemmi.cif.read(str(FRAMEWORK)).sole_block()
    bonds = block.find(["_geom_bond_" + name for name in ("atom_site_label_1", "atom_site_label_2", "site_symmetry_2")])
    lengths = [gemmi.cif.as_number(text) for text in block.find_loop("_geom_bond_distance")]
    checked = 0
    for (first, second, code), length in zip(bonds, lengths, strict=True):
        if code in (".", "?"):
            continue
        around = neighbours(structure, first, 3e-10)
        found = {
            (label, symmetry): distance
            for label, symmetry, distance in zip(
                around.labels, around.symmetry_codes, around.distances.tolist(), strict=True
            )
        }
        assert found[second, code if "_" in code else f"{code}_555"] * 1e10 == pytest.approx(length, abs=2e-3)
        checked += 1
    assert checked == 11


def test_translations_are_kept_as_written():
    (structure,) = read(COBALT)
    assert structure.translations.tolist() == [[0, 0, 0], [1, 1.5, 2.5], [0, 0, 0], [-1, -1.5, -2.5]]
    assert structure.space_group == "P 1 21/c 1"
