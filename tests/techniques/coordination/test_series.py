"""Tables of many structures, contacts between molecules, packing compared."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, LightSource
from labile.core.structure import CrystalStructure, Molecule, Site
from labile.techniques.coordination.contacts import ALVAREZ, BONDI, contacts, molecule_of
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.packing import compare_packing
from labile.techniques.coordination.series import COLUMNS, QUANTITY, coordination_table

A = 1e-10
CELL = np.array([9e-10, 10e-10, 11e-10, 90.0, 96.0, 90.0])
SIGMA = np.array([1e-13, 1e-13, 1e-13, 0.0, 0.01, 0.0])
# P 21: identity and the screw axis along b
P21 = {
    "rotations": [np.eye(3), np.diag([-1.0, 1.0, -1.0])],
    "translations": [[0, 0, 0], [0, 0.5, 0]],
    "space_group": "P 21",
}


def octahedron(stretch=1.0, kelvin=100.0, label="", metal="Fe", more=(), light=(), cell=CELL, **given):
    axes = CrystalStructure("cell", cell).axes
    directions = np.array([[1, 0, 0.02], [-1, 0.03, 0], [0, 1, 0], [0.02, -1, 0], [0, 0.01, 1], [0, 0, -1]])
    lengths = np.array([1.98, 1.99, 2.00, 2.0, 2.01, 1.97]) * stretch * A
    places = directions / np.linalg.norm(directions, axis=1)[:, None] * lengths[:, None]
    origin = np.array([0.3, 0.25, 0.2])
    sites = [Site(f"{metal}1", metal, tuple(origin), (3e-5,) * 3)]
    for n, place in enumerate(places):
        fract = origin + np.linalg.solve(axes, place)
        sites.append(Site(f"N{n + 1}", "N", tuple(fract), (2e-4,) * 3))
    at = None if kelvin is None else Conditions(kelvin, light=light)
    options = P21 | given
    return CrystalStructure(
        label or f"{kelvin} K", cell, SIGMA, sites=(*sites, *more), conditions=at, formula_units=2, **options
    )


def test_a_series_becomes_one_table_and_measurements():
    structures = [octahedron(1.0 + 0.001 * i, 100.0 + 20 * i) for i in range(4)]
    table = coordination_table(structures, oxidation={"Fe1": 2})
    frame = table.to_dataframe()
    assert tuple(frame.columns) == COLUMNS
    means = frame[frame.parameter == "mean_length"]
    assert means.temperature.tolist() == [100, 120, 140, 160]
    np.testing.assert_allclose(means.value, 1.99166667 * (1 + 0.001 * np.arange(4)), rtol=1e-7)
    assert (means.sigma > 0).all()
    assert means.unit.tolist() == ["angstrom"] * 4
    assert means.text.iloc[0].startswith("1.99")
    assert len(frame[frame.parameter == "length"]) == 24
    assert (frame[frame.parameter == "bond_valence"].value > 3).all()
    assert frame[(frame.parameter == "probability") & (frame.note == "Fe(2) LS")].value.min() > 0.99
    lengths = table.measurement("Fe1")
    assert lengths.quantity == "bond_length"
    np.testing.assert_allclose(lengths.in_unit("angstrom"), means.value)
    np.testing.assert_allclose(lengths.sigma_in_unit("angstrom"), means.sigma)
    for name, quantity in QUANTITY.items():
        assert table.measurement("Fe1", name).quantity == quantity
    assert table.problems == ()
    assert pickle.loads(pickle.dumps(lengths)).values.tolist() == lengths.values.tolist()


def test_blocks_of_one_name_stay_apart_and_light_is_kept():
    lit = octahedron(1.1, 15.0, "I", light=(LightSource(532e-9, 1e18),))
    table = coordination_table([octahedron(1.0, 15.0, "I"), lit])
    assert len(table.records) == 2
    rows = [r for r in table.rows() if r["parameter"] == "mean_length"]
    assert [r["light"] for r in rows] == ["", "532"]
    assert rows[1]["value"] == pytest.approx(1.1 * rows[0]["value"])


def test_what_cannot_be_analysed_is_said_and_the_rest_goes_on():
    lonely = CrystalStructure("lonely", CELL, sites=(Site("Fe1", "Fe", (0, 0, 0)),), conditions=Conditions(50.0), **P21)
    organic = CrystalStructure("organic", CELL, sites=(Site("C1", "C", (0, 0, 0)),), conditions=Conditions(60.0))
    table = coordination_table([octahedron(), lonely, organic])
    assert len(table.records) == 3
    assert len(table.problems) == 2
    assert "no donor atom" in table.problems[0]
    assert "no d or f metal" in table.problems[1]
    found = table.measurement("Fe1")
    assert len(found) == 1
    assert any("lonely left out" in step for step in found.provenance.steps)
    notes = [r["note"] for r in table.rows() if r["parameter"] == "problem"]
    assert len(notes) == 2


def test_alternatives_must_be_chosen_or_weighed():
    sites = list(octahedron().sites)
    first = sites.pop()
    moved = tuple(np.array(first.fract) + [0.03, 0.03, 0.005])
    sites.append(Site("N6", "N", first.fract, (2e-4,) * 3, 0.6, disorder_assembly="A", disorder_group="1"))
    sites.append(Site("N7", "N", moved, (2e-4,) * 3, 0.4, disorder_assembly="A", disorder_group="2"))
    split = CrystalStructure("split", CELL, SIGMA, sites=tuple(sites), conditions=Conditions(90.0), **P21)
    table = coordination_table(split, total_charge=2)
    assert len(table.records) == 2
    with pytest.raises(CoordinationError, match="2 alternatives"):
        table.measurement("Fe1")
    each = [r.geometry["mean_length"].value for r in table.records]
    assert table.measurement("Fe1", combine="largest").values[0] == pytest.approx(each[0])
    weighted = table.measurement("Fe1", combine="weighted")
    assert weighted.values[0] == pytest.approx(0.6 * each[0] + 0.4 * each[1])
    assert any("2 alternatives" in step for step in weighted.provenance.steps)


def test_molecules_without_cells_have_values_and_no_uncertainties():
    ligands = 2.0 * A * np.vstack([np.eye(3), -np.eye(3)])
    ion = Molecule("ion", ("Fe", *["N"] * 6), np.vstack([np.zeros(3), ligands]), conditions=Conditions(20.0))
    table = coordination_table(ion)
    found = table.measurement("Fe1", "theta")
    assert found.sigma is None
    assert found.values[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: t.measurement("Co1"), "no metal 'Co1'"),
        (lambda t: t.measurement("Fe1", "colour"), "is no measurement"),
        (lambda t: t.measurement("Fe1", combine="any"), "combine must be"),
        (lambda t: coordination_table([]), "no structures"),
        (lambda t: coordination_table(octahedron(), metals=["Co1"]), "no structure has a site Co1"),
        (
            lambda t: coordination_table(octahedron(kelvin=None, label="x")).measurement("Fe1"),
            "temperature is not stated",
        ),
    ],
)
def test_wrong_questions_are_refused(call, says):
    with pytest.raises(CoordinationError, match=says):
        call(coordination_table(octahedron()))


def chlorides(gap, group="", hydrogen=False):
    """Two HCl-like molecules in a large cell, their chlorines `gap` apart."""
    cell = np.array([20e-10, 20e-10, 20e-10, 90, 90, 90.0])
    sites = [
        Site("Cl1", "Cl", (0.1, 0.1, 0.1), (1e-4,) * 3),
        Site("C1", "C", (0.1 - 1.75 / 20, 0.1, 0.1), (1e-4,) * 3),
        Site("Cl2", "Cl", (0.1 + gap / 20, 0.1, 0.1), (1e-4,) * 3, disorder_group=group),
        Site("C2", "C", (0.1 + (gap + 1.75) / 20, 0.1, 0.1), (1e-4,) * 3),
    ]
    return CrystalStructure("pair", cell, [1e-13] * 3 + [0.0] * 3, sites=tuple(sites))


def test_contacts_below_the_radii_are_found():
    (found,) = contacts(chlorides(3.4))
    assert (found.first, found.second, found.symmetry_code) == ("Cl1", "Cl2", "1_555")
    assert found.distance == pytest.approx(3.4 * A)
    assert found.shortening == pytest.approx((2 * ALVAREZ["Cl"] - 3.4) * A)
    assert found.sigma == pytest.approx(0.0028 * A, rel=0.02)
    assert found.intermolecular
    assert contacts(chlorides(3.4), margin=0.3 * A) == ()
    assert contacts(chlorides(3.6), radii="bondi") == ()
    assert len(contacts(chlorides(3.6))) == 1
    assert BONDI["Cl"] == 1.75
    assert contacts(chlorides(3.4), radii={"Cl": 1.6 * A, "C": 1.5 * A}) == ()


def test_contacts_across_symmetry_are_listed_once():
    """One chlorine whose image under the screw axis is 3.3 angstrom away: one pair, not two."""
    cell = np.array([20e-10, 5.2e-10, 20e-10, 90, 90, 90.0])
    sites = (Site("Cl1", "Cl", (0.05, 0, 0.02)),)
    structure = CrystalStructure("helix", cell, sites=sites, **P21)
    expected = math.sqrt((0.1 * 20) ** 2 + 2.6**2 + (0.04 * 20) ** 2)
    found = contacts(structure)
    assert {round(c.distance / A, 6) for c in found} == {round(expected, 6)}
    # up and down the axis are different images, each seen from one end
    assert len(found) == 1
    assert math.isnan(found[0].sigma)


def test_molecules_are_followed_through_bonds_and_their_own_contacts_left_out():
    structure = chlorides(3.4)
    assert [label for label, _ in molecule_of(structure, "Cl1")] == ["Cl1", "C1"]
    ring = octahedron()
    assert len(molecule_of(ring, "Fe1")) == 7
    assert all(c.intermolecular for c in contacts(ring))
    chain = CrystalStructure(
        "chain", [2.1e-10, 9e-10, 9e-10, 90, 90, 90], sites=(Site("Ag1", "Ag", (0, 0, 0)), Site("N1", "N", (0.5, 0, 0)))
    )
    with pytest.raises(CoordinationError, match="polymer"):
        molecule_of(chain, "Ag1")


def test_contacts_ask_for_radii_they_do_not_have():
    xenon = CrystalStructure("xenon", [6e-10] * 3 + [90] * 3, sites=(Site("Xe1", "Xe", (0, 0, 0)),))
    with pytest.raises(CoordinationError, match="radius of Xe"):
        contacts(xenon)
    assert len(contacts(xenon, radii={"Xe": 3.1e-10})) == 3
    with pytest.raises(CoordinationError, match="unknown"):
        contacts(xenon, radii="pauling")


def test_the_same_packing_at_two_temperatures_is_isostructural():
    cold, warm = octahedron(1.0, 100.0), octahedron(1.02, 200.0, cell=CELL * [1.01, 1, 1.005, 1, 1.002, 1])
    found = compare_packing(cold, warm)
    assert found.same_symmetry
    assert found.isostructural
    assert "same space group" in found.symmetry
    assert found.index == pytest.approx(cold.volume**-1 * warm.volume, rel=1e-9)
    assert found.rmsd < 0.1 * A
    assert found.cell_change[0] == pytest.approx(0.09e-10)
    assert found.cell_change_in_sigma[0] == pytest.approx(0.09 / (0.001 * math.sqrt(2)), rel=1e-6)
    assert found.cell_change_in_sigma[3] == 0
    assert found.notes == ()


@settings(max_examples=15, deadline=None)
@given(st.floats(-1, 1), st.integers(-2, 2), st.booleans())
def test_the_free_origin_of_a_polar_axis_and_images_do_not_count(shift, wrap, image):
    cold = octahedron()
    sites = []
    for s in cold.sites:
        f = np.array(s.fract)
        if image:
            f = f * [-1, 1, -1] + [0, 0.5, 0]
        sites.append(Site(s.label, s.element, tuple(f + [wrap, shift, 0]), s.sigma_fract))
    moved = CrystalStructure("moved", CELL, SIGMA, sites=tuple(sites), conditions=cold.conditions, **P21)
    found = compare_packing(cold, moved)
    assert found.rmsd == pytest.approx(0.0, abs=1e-15)
    assert found.isostructural


def test_lost_symmetry_is_named_with_its_index():
    """P 21 to P 1 in the same cell (translationengleich, 2), and to a doubled cell with the same rotations."""
    cold = octahedron()
    triclinic = octahedron(
        rotations=[np.eye(3)], translations=[[0, 0, 0]], space_group="P 1", label="low"
    )  # fmt: skip
    found = compare_packing(cold, triclinic)
    assert not found.same_symmetry
    assert not found.isostructural
    assert found.index == pytest.approx(2)
    assert "fewer rotations (translationengleich), index 2" in found.symmetry
    doubled = octahedron(cell=CELL * [2, 1, 1, 1, 1, 1], label="super")
    doubled = CrystalStructure(
        "super", doubled.cell, sites=doubled.sites, rotations=P21["rotations"],
        translations=[[0, 0, 0], [0.5, 0.5, 0]], space_group="P 21",
    )  # fmt: skip
    back = compare_packing(cold, doubled)
    assert back.index == pytest.approx(2)
    assert "a larger cell with the same rotations (klassengleich), index 2" in back.symmetry
    assert "gained" in compare_packing(doubled, cold).symmetry
    assert "a smaller cell with the same rotations" in compare_packing(doubled, cold).symmetry
    gained = compare_packing(triclinic, cold)
    assert gained.index == pytest.approx(0.5)
    assert "gained" in gained.symmetry
    assert "more rotations (translationengleich), index 2" in gained.symmetry
    both = CrystalStructure("both", doubled.cell, sites=doubled.sites, space_group="P 1")
    assert "lost" in compare_packing(cold, both).symmetry
    assert "fewer rotations and a larger cell, index 4" in compare_packing(cold, both).symmetry


def test_a_doubled_cell_with_the_same_operations_is_another_symmetry():
    """P 21 in a doubled cell has operations that read the same: an isomorphic subgroup of index 2."""
    cold = octahedron()
    doubled = octahedron(cell=CELL * [2, 1, 1, 1, 1, 1], label="super")
    found = compare_packing(cold, doubled)
    assert found.index == pytest.approx(2)
    assert not found.same_symmetry
    assert not found.isostructural
    assert "a larger cell with the same rotations (klassengleich), index 2" in found.symmetry
    assert "both files state Z = 2" in found.notes[0]
    assert not compare_packing(doubled, cold).same_symmetry


def test_missing_atoms_and_large_strains_are_no_isostructural_pair():
    whole = octahedron()
    fewer = CrystalStructure("fewer", CELL, SIGMA, sites=whole.sites[:-1], conditions=whole.conditions, **P21)
    found = compare_packing(whole, fewer)
    assert not found.isostructural
    assert "N6" in found.notes[-1]
    stretched = compare_packing(whole, octahedron(cell=CELL * [1.3, 1, 1, 1, 1, 1]))
    assert not stretched.isostructural
    assert math.isnan(stretched.rmsd)
    with pytest.raises(CoordinationError, match="tolerance"):
        compare_packing(whole, fewer, tolerance=0.0)


def test_options_of_the_table_are_checked():
    molecule = Molecule("m", ("Fe", *["N"] * 6), 2e-10 * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)]))
    with pytest.raises(CoordinationError, match="metals is a list of labels, \\['Fe1'\\]"):
        coordination_table([molecule], metals="Fe1")
    with pytest.raises(CoordinationError, match="unknown option 'nmber'; use ligands, number, cutoff, elements"):
        coordination_table([molecule], choose={"Fe1": {"nmber": 6}})
