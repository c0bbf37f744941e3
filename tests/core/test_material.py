import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.material import Material, State, SymmetryError, molar_mass, polar_projector, require_polar

STATES = (State("LS", 0), State("HS", 2))


@pytest.mark.parametrize(
    ("formula", "grams"),
    [
        ("C16H36N4", 284.485),  # cth
        ("C6H4O4", 140.094),  # H2dhbq
        ("Fe(C2H3O2)2", 173.933),
        ("Co(C2H3O2)2·4H2O", 249.083),
        ("Co(C2H3O2)2.4H2O", 249.083),
        ("NH4PF6", 163.003),
        ("KPF6", 184.062),
        ("AgPF6", 252.832),
        ("Fe(C2H3O2)(C16H36N4)PF6", 544.338),
        ("Co(C2H3O2)(C16H36N4)PF6", 547.426),
        ("C38H74N8O4F12P2FeCo", 1111.754),
        ("C38H74N8O4F18P3FeCo", 1256.718),
        ("C38H74N8O4FeCo", 821.825),
        ("C38H34Fe2N16O2S4", 986.733),
        ("C43H25FeN11S2", 815.709),
        ("[Fe(C18H10N4)2(NCS)2]·C5H5N", 815.709),
        ("C₄₃H₂₅FeN₁₁S₂", 815.709),
    ],
)
def test_molar_masses(formula, grams):
    # IUPAC masses moved by up to 0.002 g/mol between tables for molecules of this size
    assert molar_mass(formula) * 1e3 == pytest.approx(grams, abs=0.005)


@pytest.mark.parametrize(
    "formula", ["", "  ", "C30Xx", "Fe(OAc)2", "C(", "C)", "2", "C0", "-", ".", "é", "c30", "C-N-"]
)
def test_bad_formula(formula):
    with pytest.raises(ValueError, match="formula"):
        molar_mass(formula)


@given(st.text(max_size=20) | st.text(alphabet="CHNOFe()[]0123456789+-._· ", max_size=20))
def test_any_text_is_a_formula_or_a_value_error(text):
    try:
        mass = molar_mass(text)
    except ValueError:
        return
    assert 1e-3 < mass < np.inf


@pytest.mark.parametrize(
    ("group", "projector"),
    [
        ("P 1", np.eye(3)),
        ("P -1", np.zeros((3, 3))),
        ("P 2", np.diag([0, 1, 0])),
        ("P 21", np.diag([0, 1, 0])),
        ("P21", np.diag([0, 1, 0])),
        ("P2_1", np.diag([0, 1, 0])),
        ("P2(1)", np.diag([0, 1, 0])),
        ("P 1 1 21", np.diag([0, 0, 1])),
        ("C 2", np.diag([0, 1, 0])),
        ("P m", np.diag([1, 0, 1])),
        ("P c", np.diag([1, 0, 1])),
        ("P 21/c", np.zeros((3, 3))),
        ("P 2/n", np.zeros((3, 3))),
        ("P m m 2", np.diag([0, 0, 1])),
        ("P n a 21", np.diag([0, 0, 1])),
        ("P 21 21 21", np.zeros((3, 3))),
        ("P 4", np.diag([0, 0, 1])),
        ("P -4", np.zeros((3, 3))),
        ("P 63", np.diag([0, 0, 1])),
        ("R 3:R", np.full((3, 3), 1 / 3)),
        ("P 2 3", np.zeros((3, 3))),
    ],
)
def test_polar_directions(group, projector):
    found = polar_projector(group)
    assert found == pytest.approx(projector, abs=1e-12)
    assert found @ found == pytest.approx(found, abs=1e-12)


def test_a_dipole_in_p21_is_left_with_its_component_along_b():
    assert polar_projector("P 21") @ np.array([3.0, -2.0, 5.0]) == pytest.approx([0.0, -2.0, 0.0], abs=1e-12)
    assert polar_projector("P 21/c") @ np.array([3.0, -2.0, 5.0]) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_projectors_cannot_spoil_each_other():
    polar_projector("P 21")[:] = 7.0
    assert polar_projector("P 21").max() == 1.0


@pytest.mark.parametrize(
    ("group", "axis", "says"),
    [
        ("P 21/c", "", "not polar.*zero by symmetry"),
        ("P 21 21 21", "b", "not polar"),
        ("P 21", "a", "along b only, not along a"),
        ("P m", "b", "along a, c only, not along b"),
        ("P 21x", "", "not known.*Hermann-Mauguin"),
        ("P 21", "z", "'a', 'b' or 'c', found 'z'"),
        ("", "B", "found 'B'"),
    ],
)
def test_polarization_that_symmetry_forbids(group, axis, says):
    with pytest.raises(SymmetryError, match=says):
        require_polar(group, axis)


@pytest.mark.parametrize(
    ("group", "axis"), [("P 21", ""), ("P 21", "b"), ("P 1", "a"), ("P m", "c"), ("", "a"), ("", "")]
)
def test_polarization_that_symmetry_allows(group, axis):
    require_polar(group, axis)


def test_states():
    assert State("HS", 2).degeneracy == 5
    assert State("V*_1'", 2.5).degeneracy == 6
    assert State("HS", 2, 15).degeneracy == 15
    assert State("X").degeneracy is None


@pytest.mark.parametrize(
    "arguments",
    [("", 0), ("LS-HS", 0), ("a.b", 0), ("a b", 0), ("LS", 0.3), ("LS", -1), ("LS", np.nan), ("LS", np.inf),
     ("LS", 0, 0), ("LS", 0, -1), ("LS", 0, np.nan), ("LS", None, np.inf)],
)  # fmt: skip
def test_impossible_states(arguments):
    with pytest.raises(ValueError, match="state"):
        State(*arguments)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"states": STATES[:1]}, "at least two states"),
        ({"states": (STATES[0], STATES[0])}, "must differ"),
        ({"per": "mole"}, "'formula_unit' or 'site'"),
        ({"sites": 0}, "sites"),
        ({"sites": 1.5}, "sites"),
        ({"phases": ("I", "I")}, "phase labels"),
        ({"volume_per_formula_unit": 0.0}, "volume_per_formula_unit"),
        ({"volume_per_formula_unit": 940.0}, "angstrom"),
        ({"cell": (1e-9, 1e-9, 1e-9)}, "found 3 numbers"),
        ({"cell": (10.0, 1e-9, 1e-9, 90, 90, 90)}, "edge a.*angstrom"),
        ({"cell": (1e-9, 1e-9, -1e-9, 90, 90, 90)}, "edge c"),
        ({"cell": (1e-9, 1e-9, 1e-9, 90, 180, 90)}, "angles"),
        ({"cell": (1e-9, 1e-9, 1e-9, 30, 30, 90)}, "close no cell"),
        ({"cell": (1e-9, 1e-9, 1e-9, 90, np.nan, 90)}, "angles"),
    ],
)
def test_impossible_materials(changes, says):
    with pytest.raises(ValueError, match=says):
        Material(**({"formula": "C30H22FeN12S2", "states": STATES} | changes))


def test_a_polar_axis_is_checked_against_the_group():
    Material("C", STATES, space_group="P 21", polar_axis="b")
    with pytest.raises(SymmetryError, match="along b only"):
        Material("C", STATES, space_group="P 21", polar_axis="c")


def test_a_material_of_lists():
    material = Material("C", list(STATES), cell=[1e-9, 1e-9, 1e-9, 90, 95, 90])
    assert material.state_names == ("LS", "HS")
    assert material.cell == (1e-9, 1e-9, 1e-9, 90.0, 95.0, 90.0)
    assert hash(material) == hash(Material("C", STATES, cell=(1e-9, 1e-9, 1e-9, 90, 95, 90)))
