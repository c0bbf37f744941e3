"""Coordination spheres, lengths and their uncertainties: real file, disorder, cell choice, Monte Carlo."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.cell import StructureError, orthogonalisation
from labile.core.structure import CrystalStructure, Molecule, Site
from labile.core.uncertain import parse_uncertain
from labile.techniques.coordination.assignment import assign_states
from labile.techniques.coordination.bonds import angle, bonds, distance, mean_length, place, torsion
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.geometry import sphere_geometry
from labile.techniques.coordination.libration import libration
from labile.techniques.coordination.octahedron import OCTAHEDRAL, PARAMETERS, distortions
from labile.techniques.coordination.polyhedron import polyhedron_hull, shape_measure
from labile.techniques.coordination.sphere import coordination_spheres, metal_sites, square_root

ROOT = Path(__file__).parents[3]
DEGREE = math.pi / 180
TEST_SET = 1e-10 * np.array([
    [2.298354, 5.161785, 7.971898], [1.885657, 4.804777, 6.183726], [1.747515, 6.960963, 7.932784],
    [4.094380, 5.807257, 7.588689], [0.539005, 4.482809, 8.460004], [2.812425, 3.266553, 8.131637],
    [2.886404, 5.392925, 9.848966],
])  # fmt: skip
TRICLINIC = np.array([9.1e-10, 10.3e-10, 12.2e-10, 81.0, 97.0, 104.0])
INVERSION = {"rotations": [np.eye(3), -np.eye(3)], "translations": np.zeros((2, 3))}


def crystal(positions, elements, cell=TRICLINIC, sigma=2e-4, groups=None, occupancies=None, **more):
    """Atoms given in Cartesian coordinates (m) in a cell."""
    fract = np.linalg.solve(orthogonalisation(cell), np.asarray(positions).T).T
    groups = groups or [("", "")] * len(elements)
    occupancies = occupancies or [1.0] * len(elements)
    count: dict[str, int] = {}
    sites = []
    for f, element, (assembly, group), occupancy in zip(fract, elements, groups, occupancies, strict=True):
        count[element] = count.get(element, 0) + 1
        label = f"{element}{count[element]}"
        sites.append(
            Site(
                label, element, tuple(f), (sigma,) * 3, occupancy, disorder_assembly=assembly, disorder_group=group
            )
        )  # fmt: skip
    return CrystalStructure("made", cell, [1e-13, 1e-13, 1e-13, 0.01, 0.01, 0.01], sites=tuple(sites), **more)


def documented_crystal(**more):
    return crystal(TEST_SET, ["Fe", "O", "O", *["N"] * 4], **more)


@pytest.fixture(scope="module")
def framework():
    from labile.formats.cif import read

    for folder in (ROOT / "tests" / "data" / "structures", ROOT.parent / "shared" / "data" / "structures"):
        if (folder / "4111132.cif").exists():
            return read(folder / "4111132.cif")[0]
    pytest.skip("4111132.cif is not here")


def test_iron_of_the_silver_framework(framework):
    """COD 4111132: Fe1-N 1.947(3), 1.959(4), 1.971(3), each twice; angles as the file lists them."""
    assert metal_sites(framework) == ("Ag1", "Fe1")
    (sphere,) = coordination_spheres(framework, "Fe1")
    assert sphere.describe() == ("Fe1: N1 1.947(3), N1 1.947(3), N4 1.959(4), N4 1.959(4), N2 1.971(3), N2 1.971(3)")
    assert sphere.problems == ()
    assert [b.symmetry_code for b in bonds(sphere)] == ["1_555", "2_555"] * 3
    for atoms, value, sigma in (
        (("N1", "Fe1", "N4"), 92.24, 0.14),
        ((("N1", "2"), "Fe1", "N4"), 87.77, 0.14),
        (("N1", "Fe1", "N2"), 90.03, 0.14),
        (("N4", "Fe1", ("N4", "2")), 91.4, 0.2),
        ((("N2", "2"), "Fe1", "N2"), 84.73, 0.19),
    ):
        found = angle(framework, *atoms)
        assert found.value / DEGREE == pytest.approx(value, abs=0.1)
        assert found.sigma / DEGREE == pytest.approx(sigma, abs=0.05)
    (silver,) = coordination_spheres(framework, "Ag1")
    assert silver.elements == ("N", "N", "N")
    first, second = (("N3", code) for code in silver.symmetry_codes[1:])
    assert angle(framework, first, "Ag1", second).value / DEGREE == pytest.approx(103.4, abs=0.1)


@pytest.mark.parametrize(("name", "metal"), [("4111132", "Fe1"), ("4111132", "Ag1"), ("2227982", "Co1")])
def test_lengths_are_those_the_files_list(name, metal):
    """Every bond of the sphere stands in the file's own table, within the rounding of its coordinates."""
    import gemmi

    from labile.formats.cif import read

    path = ROOT / "tests" / "data" / "structures" / f"{name}.cif"
    (sphere,) = coordination_spheres(read(path)[0], metal)
    rows = gemmi.cif.read(str(path)).sole_block().find(
        "_geom_bond_", ["atom_site_label_1", "atom_site_label_2", "distance"]
    )  # fmt: skip
    listed = {}
    for one, other, text in rows:
        for first, second in ((one, other), (other, one)):
            if first == metal:
                listed.setdefault(second, []).append(parse_uncertain(text)[:2])
    for bond in bonds(sphere):
        value, sigma = min(listed[bond.ligand], key=lambda v: abs(v[0] - bond.length * 1e10))
        assert bond.length * 1e10 == pytest.approx(value, abs=0.0015)
        assert bond.sigma * 1e10 == pytest.approx(sigma, abs=0.001)


def test_spin_states_of_the_real_metals(framework):
    from labile.formats.cif import read

    iron = assign_states(coordination_spheres(framework, "Fe1"))[0]
    assert iron.of_spin("LS") > 0.999
    assert "the oxidation state is assumed" in iron.notes[0]
    cobalt = coordination_spheres(read(ROOT / "tests" / "data" / "structures" / "2227982.cif")[0], "Co1")
    assert assign_states(cobalt)[0].best == (3, "LS")


def test_geometry_of_the_real_iron_is_low_spin_like(framework):
    found = sphere_geometry(coordination_spheres(framework, "Fe1")[0])
    assert found.status == OCTAHEDRAL
    assert found.convex
    assert found["sigma"].value / DEGREE == pytest.approx(19.8, abs=0.1)
    assert found["shape_octahedron"].value < 0.2 < 10 < found["shape_trigonal_prism"].value
    assert set(found.sampled) <= set(found.values)


def test_the_test_set_across_cells_is_found_whole():
    """Ligands that lie in neighbouring cells are the same octahedron."""
    structure = documented_crystal()
    (sphere,) = coordination_spheres(structure, "Fe1")
    found = sphere_geometry(sphere)
    assert len(sphere) == 6
    assert found["theta"].value == pytest.approx(122.688973 * DEGREE, rel=1e-7)
    assert found["volume"].value == pytest.approx(9.538645e-30, rel=1e-6)


shift = st.tuples(*[st.floats(-0.9, 0.9).map(lambda x: round(x, 3))] * 3)
wraps = st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=7, max_size=7)


def unimodular(numbers):
    a, b, c, d = numbers
    lower = np.array([[1, 0, 0], [a, 1, 0], [b, c, 1]])
    upper = np.array([[1, d, a], [0, 1, b], [0, 0, 1]])
    return lower @ upper


def cell_of(axes):
    lengths = np.linalg.norm(axes, axis=0)
    u = axes / lengths
    return np.array([*lengths, *(np.degrees(np.arccos(u[:, i] @ u[:, j])) for i, j in ((1, 2), (0, 2), (0, 1)))])


@settings(max_examples=15, deadline=None)
@given(shift, wraps, st.tuples(*[st.integers(-1, 1)] * 4))
def test_nothing_depends_on_origin_wrapping_or_cell_choice(origin, wrap, numbers):
    structure = documented_crystal()
    reference = sphere_geometry(coordination_spheres(structure, "Fe1")[0], samples=0)
    turn = unimodular(numbers)
    axes = structure.axes @ turn
    fract = np.linalg.solve(turn.astype(float), (structure.fract + np.array(origin)).T).T + np.array(wrap)
    sites = tuple(
        Site(s.label, s.element, tuple(f), s.sigma_fract) for s, f in zip(structure.sites, fract, strict=True)
    )
    moved = CrystalStructure("moved", cell_of(axes), sites=sites)
    found = sphere_geometry(coordination_spheres(moved, "Fe1")[0], samples=0)
    assert set(found.values) == set(reference.values)
    for name, value in reference.values.items():
        assert found[name].value == pytest.approx(value.value, rel=1e-7), name
    assert sorted(found.sphere.labels) == sorted(reference.sphere.labels)


@settings(max_examples=10, deadline=None)
@given(shift, wraps)
def test_uncertainties_do_not_depend_on_origin_or_wrapping(origin, wrap):
    structure = documented_crystal()
    fract = structure.fract + np.array(origin) + np.array(wrap)
    sites = tuple(
        Site(s.label, s.element, tuple(f), s.sigma_fract) for s, f in zip(structure.sites, fract, strict=True)
    )
    moved = CrystalStructure("moved", structure.cell, structure.sigma_cell, sites=sites)
    first = sphere_geometry(coordination_spheres(structure, "Fe1")[0], samples=0)
    second = sphere_geometry(coordination_spheres(moved, "Fe1")[0], samples=0)
    for name, value in first.values.items():
        assert second[name].sigma == pytest.approx(value.sigma, rel=1e-6, nan_ok=True), name


def test_a_symmetry_equivalent_choice_of_atoms_changes_nothing():
    """Half an octahedron and an inversion centre: any image of a ligand may be listed."""
    half = TEST_SET[[0, 1, 2, 3]] - TEST_SET[0]
    first = crystal(half, ["Fe", "O", "O", "N"], **INVERSION)
    listed = [
        s if s.label != "O2" else Site("O2", "O", tuple(1 - np.array(s.fract)), s.sigma_fract) for s in first.sites
    ]
    second = CrystalStructure("image", first.cell, first.sigma_cell, sites=tuple(listed), **INVERSION)
    one, two = (sphere_geometry(coordination_spheres(s, "Fe1")[0], samples=0) for s in (first, second))
    assert len(one.sphere) == 6
    for name in one.values:
        assert two[name].value == pytest.approx(one[name].value, rel=1e-9)
        assert two[name].sigma == pytest.approx(one[name].sigma, rel=1e-6, nan_ok=True)


def drawn(structure, number, seed=1):
    """Positions of metal and ligands of `place`d images for many draws of cell and coordinates."""
    rng = np.random.default_rng(seed)
    cells = structure.cell + np.nan_to_num(structure.sigma_cell) * rng.standard_normal((number, 6))
    roots = [square_root(np.nan_to_num(c)) for c in structure.position_covariance]
    fract = np.stack([p + rng.standard_normal((number, 3)) @ r.T
                      for p, r in zip(structure.positions, roots, strict=True)], axis=1)  # fmt: skip
    return orthogonalisation(cells), fract


@pytest.mark.parametrize("sigma", [2e-4, 1.5e-3])
def test_uncertainties_are_those_of_monte_carlo(sigma):
    """General and centrosymmetric octahedra, at small and at large errors, to 5 %."""
    half = TEST_SET[[0, 1, 2, 3]] - TEST_SET[0]
    for structure in (documented_crystal(sigma=sigma), crystal(half, ["Fe", "O", "O", "N"], sigma=sigma, **INVERSION)):
        (sphere,) = coordination_spheres(structure, "Fe1")
        found = sphere_geometry(sphere)
        axes, fract = drawn(structure, 20000)
        around = sphere.around
        images = np.einsum("kij,skj->ski", structure.rotations[around.operations], fract[:, around.sites])
        images = images + structure.translations[around.operations] + around.translations
        vectors = np.einsum("sij,skj->ski", axes, images - fract[:, [around.centre]])
        points = np.concatenate([np.zeros((len(vectors), 1, 3)), vectors], axis=1)
        table = distortions(points).values()
        assert np.all(np.isfinite(table))
        for name, column in zip(PARAMETERS, table.T, strict=True):
            assert found[name].sigma == pytest.approx(column.std(), rel=0.05), name
        lengths = np.linalg.norm(vectors, axis=2)
        np.testing.assert_allclose(sphere.sigma_lengths, lengths.std(axis=0), rtol=0.05)
        few = points[:1500]
        volumes = [polyhedron_hull(p[0], p[1:]).volume for p in few]
        assert found["volume"].sigma == pytest.approx(np.std(volumes), rel=0.06)
        shapes = [shape_measure(p, "octahedron").value for p in few]
        assert found["shape_octahedron"].sigma == pytest.approx(np.std(shapes), rel=0.06)


def test_a_regular_octahedron_gets_a_sampled_uncertainty_and_a_bias():
    regular = np.vstack([np.zeros(3), 2e-10 * np.vstack([np.eye(3), -np.eye(3)])])
    structure = crystal(regular, ["Fe", *["N"] * 6], np.array([9e-10, 9e-10, 9e-10, 90, 90, 90.0]), 5e-4)
    found = sphere_geometry(coordination_spheres(structure, "Fe1")[0])
    assert {"zeta", "delta", "sigma", "theta"} <= set(found.sampled)
    # 12 angles, each of two ligands and the metal at 0.0045/2: the mean of |noise| is sqrt(2/pi) s.u.
    assert found.sampled["sigma"] / DEGREE == pytest.approx(12 * 0.258 * math.sqrt(2 / math.pi), rel=0.1)
    assert found["sigma"].value == pytest.approx(0.0, abs=1e-9)
    assert found["sigma"].sigma > 0.1 * DEGREE
    unsampled = sphere_geometry(coordination_spheres(structure, "Fe1")[0], samples=0)
    assert unsampled.sampled == {}


def test_images_of_one_atom_move_together():
    """Trans ligands related by the inversion centre have one error, not two independent ones."""
    half = TEST_SET[[0, 1, 2, 3]] - TEST_SET[0]
    structure = crystal(half, ["Fe", "O", "O", "N"], **INVERSION)
    (sphere,) = coordination_spheres(structure, "Fe1")
    single = sphere.sigma_lengths[:2]
    both = mean_length(sphere, ["N"])
    assert single[0] == pytest.approx(single[1])
    assert both.sigma == pytest.approx(sphere.sigma_lengths[list(sphere.elements).index("N")], rel=1e-9)
    with pytest.raises(CoordinationError, match="no donor is S"):
        mean_length(sphere, ["S"])


def test_alternatives_of_disorder_are_never_mixed():
    """One ligand split over two places 0.5 angstrom apart, in two groups of one assembly."""
    split = np.vstack([TEST_SET, TEST_SET[3] + np.array([0.1e-10, 0.45e-10, 0.2e-10])])
    groups = [("", "")] * 3 + [("A", "1")] + [("", "")] * 3 + [("A", "2")]
    occupancies = [1, 1, 1, 0.7, 1, 1, 1, 0.3]
    structure = crystal(split, ["Fe", "O", "O", *["N"] * 5], groups=groups, occupancies=occupancies)
    first, second = coordination_spheres(structure, "Fe1")
    assert (len(first), len(second)) == (6, 6)
    assert (first.weight, second.weight) == (pytest.approx(0.7), pytest.approx(0.3))
    assert "N1" in first.labels
    assert "N5" not in first.labels
    assert "N5" in second.labels
    assert "N1" not in second.labels
    assert first.alternative == "assembly A group 1"


def test_disorder_that_the_file_does_not_name_is_a_problem_and_no_octahedron():
    split = np.vstack([TEST_SET, TEST_SET[3] + np.array([0.1e-10, 0.45e-10, 0.2e-10])])
    structure = crystal(split, ["Fe", "O", "O", *["N"] * 5], occupancies=[1, 1, 1, 0.7, 1, 1, 1, 0.3])
    (sphere,) = coordination_spheres(structure, "Fe1")
    assert "alternatives that the file does not tell apart" in sphere.problems[0]
    assert any("partly occupied" in note for note in sphere.notes)
    found = sphere_geometry(sphere)
    assert found.values == {}
    assert "angstrom apart" in found.status
    (named,) = coordination_spheres(structure, "Fe1", ligands=["O1", "O2", "N1", "N2", "N3", "N4"])
    assert named.problems == ()
    assert sphere_geometry(named).status == OCTAHEDRAL


def test_partly_occupied_donors_far_apart_are_alternatives_too():
    """1.2 angstrom apart with occupancies 0.7 and 0.3 and no groups: one of them at a time."""
    off = np.array([-0.2e-10, 0.9e-10, 0.75e-10])
    structure = crystal(
        np.vstack([TEST_SET, TEST_SET[3] + off]), ["Fe", "O", "O", *["N"] * 5],
        occupancies=[1, 1, 1, 0.7, 1, 1, 1, 0.3],
    )  # fmt: skip
    (sphere,) = coordination_spheres(structure, "Fe1", number=7)
    assert "N1 and N5 are 1.19 angstrom apart" in sphere.problems[0] or "N5 and N1" in sphere.problems[0]


def test_a_metal_that_shares_its_place_is_no_donor():
    structure = crystal(np.vstack([TEST_SET, TEST_SET[0]]), ["Fe", "O", "O", *["N"] * 4, "Zn"])
    (sphere,) = coordination_spheres(structure, "Fe1")
    assert len(sphere) == 6
    assert sphere.notes == ("Zn1 lies 0.00 angstrom from Fe1: a mixed or disordered site, no donor",)


def test_a_ligand_disordered_about_a_special_position_is_taken_once():
    """A half-occupied ligand near an inversion centre, group -1: itself or its image, never both."""
    half = np.vstack([TEST_SET[:4] - TEST_SET[0], (TEST_SET[3] - TEST_SET[0]) + [0.2e-10, -0.4e-10, 0.3e-10]])
    groups = [("", "")] * 3 + [("A", "-1"), ("A", "-1")]
    structure = crystal(half, ["Fe", "O", "O", "N", "N"], groups=groups, occupancies=[1, 1, 1, 0.5, 0.5], **INVERSION)
    found = coordination_spheres(structure, "Fe1")
    assert len(found) == 2
    for sphere in found:
        codes = {c for label, c in zip(sphere.labels, sphere.symmetry_codes, strict=True) if label.startswith("N")}
        assert len(codes) == 1
        assert sphere.weight == pytest.approx(0.5)


def test_the_choice_ends_at_the_gap_and_can_be_overridden():
    outward = (TEST_SET[[2, 3, 6]] - TEST_SET[0]).sum(axis=0)
    far = TEST_SET[0] + 3.1e-10 * outward / np.linalg.norm(outward)
    structure = crystal(np.vstack([TEST_SET, far]), ["Fe", "O", "O", *["N"] * 5])
    (automatic,) = coordination_spheres(structure, "Fe1")
    assert len(automatic) == 6
    assert automatic.choice == "largest gap"
    assert len(coordination_spheres(structure, "Fe1", number=7)[0]) == 7
    assert len(coordination_spheres(structure, "Fe1", cutoff=3.2e-10)[0]) == 7
    assert coordination_spheres(structure, "Fe1", elements=["O"])[0].elements == ("O", "O")
    assert coordination_spheres(structure, "Fe1", ligands=["O1"])[0].labels == ("O1",)
    assert sphere_geometry(coordination_spheres(structure, "Fe1", number=7)[0]).status.startswith("7 ligands")


def test_carbon_behind_a_carboxylate_and_hydrogen_are_no_donors():
    """Fe-O 2.10, C at 2.45 and the other O at 2.5 behind them; hydrogen of a bound water."""
    atoms = 1e-10 * np.array(
        [[0, 0, 0], [2.1, 0, 0], [2.35, 0.9, 0.7], [1.75, 1.3, 1.25], [-2.1, 0, 0], [-2.3, 0.8, 0.4]]
    )
    molecule = Molecule("acetate", ("Fe", "O", "C", "O", "O", "H"), atoms)
    (sphere,) = coordination_spheres(molecule, "Fe1")
    assert set(sphere.labels) == {"O1", "O2", "O3"}
    assert np.all(np.isnan(sphere.sigma_lengths))


def test_two_gaps_are_named():
    """A Jahn-Teller copper: four short and two long bonds."""
    ligands = 1e-10 * np.array([[1.97, 0, 0], [-1.97, 0, 0], [0, 1.97, 0], [0, -1.97, 0], [0, 0, 2.5], [0, 0, -2.5]])
    molecule = Molecule("copper", ("Cu", *["O"] * 6), np.vstack([np.zeros(3), ligands]))
    (sphere,) = coordination_spheres(molecule, "Cu1")
    assert len(sphere) == 6
    assert "6 or 4" in sphere.notes[0]
    assert len(coordination_spheres(molecule, "Cu1", number=4)[0]) == 4


def test_other_coordination_numbers_have_shapes_but_no_sigma():
    square = 1e-10 * 2.0 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    molecule = Molecule("nickel", ("Ni", *["N"] * 4), np.vstack([np.zeros(3), square]))
    found = sphere_geometry(coordination_spheres(molecule, "Ni1")[0])
    assert found["shape_square"].value == pytest.approx(0.0, abs=1e-9)
    assert found["shape_tetrahedron"].value == pytest.approx(100 / 3, rel=1e-9)
    assert "sigma" not in found.values
    assert found.status == "4 ligands, no octahedron"
    assert any("one plane" in note for note in found.notes)


def test_a_twisted_prism_is_no_octahedron_however_its_angles_match():
    angle_of = 2 * math.pi * np.arange(3) / 3
    ring = np.stack([np.cos(angle_of), np.sin(angle_of), np.zeros(3)], axis=1)
    turn = np.radians(14)
    other = np.stack([np.cos(angle_of + turn), np.sin(angle_of + turn), np.zeros(3)], axis=1)
    ligands = 1.6e-10 * np.vstack([ring - [0, 0, 0.8], other + [0, 0, 0.8]])
    molecule = Molecule("prism", ("Fe", *["N"] * 6), np.vstack([np.zeros(3), ligands]))
    found = sphere_geometry(coordination_spheres(molecule, "Fe1")[0])
    assert found.status != OCTAHEDRAL
    assert "theta" not in found.values
    assert found["shape_trigonal_prism"].value < found["shape_octahedron"].value


def test_missing_uncertainties_are_not_zero():
    structure = documented_crystal()
    sites = [s if s.label != "O1" else Site("O1", "O", s.fract) for s in structure.sites]
    some = CrystalStructure("some", structure.cell, structure.sigma_cell, sites=tuple(sites))
    (sphere,) = coordination_spheres(some, "Fe1")
    known = dict(zip(sphere.labels, sphere.sigma_lengths, strict=True))
    assert math.isnan(known["O1"])
    assert known["O2"] > 0
    assert math.isnan(sphere_geometry(sphere)["mean_length"].sigma)
    assert any("O1" in note for note in sphere.notes)
    without = CrystalStructure("bare", structure.cell, sites=structure.sites)
    assert any("no s.u. of the cell" in note for note in coordination_spheres(without, "Fe1")[0].notes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"number": 6, "cutoff": 2.5e-10}, "contradict"),
        ({"number": 0}, "whole number"),
        ({"cutoff": 2.5}, "in m"),
        ({"ligands": "N1"}, "lists of names"),
        ({"number": 40}, "were asked for"),
        ({"elements": ["S"]}, "no donor"),
    ],
)
def test_wrong_choices_are_refused(options, says):
    with pytest.raises(CoordinationError, match=says):
        coordination_spheres(documented_crystal(), "Fe1", **options)


def test_unknown_atoms_are_refused():
    structure = documented_crystal()
    with pytest.raises(StructureError, match="Co1"):
        coordination_spheres(structure, "Co1")
    with pytest.raises(StructureError, match="N9"):
        coordination_spheres(structure, "Fe1", ligands=["N9"])
    with pytest.raises(CoordinationError, match="symmetry code"):
        distance(structure, "Fe1", ("N1", "3_555"))
    with pytest.raises(CoordinationError, match="same atom"):
        distance(structure, "Fe1", "Fe1")


def test_distances_angles_and_torsions_of_choice():
    cell = np.array([10e-10, 10e-10, 10e-10, 90, 90, 90.0])
    corners = 1e-10 * np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1.5], [0, 1, 1.5]])
    structure = crystal(corners, ["C", "C", "C", "C"], cell)
    assert distance(structure, "C1", "C2").value == pytest.approx(1e-10)
    assert distance(structure, "C1", ("C1", "1_655")).value == pytest.approx(10e-10)
    # a lattice translation has the error of the cell alone
    assert distance(structure, "C1", ("C1", "1_655")).sigma == pytest.approx(1e-13, rel=1e-9)
    assert angle(structure, "C1", "C2", "C3").value == pytest.approx(math.pi / 2)
    # IUPAC: seen along C2-C3 the far bond lies counterclockwise of the near one here
    assert torsion(structure, "C1", "C2", "C3", "C4").value == pytest.approx(math.pi / 2)
    assert torsion(structure, "C4", "C3", "C2", "C1").value == pytest.approx(math.pi / 2)
    with pytest.raises(CoordinationError, match="on a line"):
        torsion(structure, "C2", "C3", ("C2", "1_556"), "C1")
    with pytest.raises(CoordinationError, match="four atoms"):
        torsion(structure, "C1", "C2")
    assert len(place(structure, ["C1", ("C2", "."), ("C3", "1")])) == 3


def test_uncertainties_of_angles_and_torsions_are_those_of_monte_carlo():
    structure = crystal(TEST_SET, ["Fe", "O", "O", *["N"] * 4], sigma=5e-4)
    names = ["O1", "Fe1", "N2", "O2"]
    axes, fract = drawn(structure, 20000)
    at = [structure.labels.index(n) for n in names]
    p = np.einsum("sij,skj->ski", axes, fract[:, at])
    u, v = p[:, 0] - p[:, 1], p[:, 2] - p[:, 1]
    cosine = np.einsum("si,si->s", u, v) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    assert angle(structure, *names[:3]).sigma == pytest.approx(np.arccos(cosine).std(), rel=0.03)
    b1, b2, b3 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 1], p[:, 3] - p[:, 2]
    n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
    y = np.einsum("si,si->s", b1, n2) * np.linalg.norm(b2, axis=1)
    turns = np.arctan2(y, np.einsum("si,si->s", n1, n2))
    found = torsion(structure, *names)
    assert found.value == pytest.approx(turns.mean(), abs=3e-4)
    assert found.sigma == pytest.approx(turns.std(), rel=0.03)


def test_libration_bounds_are_those_of_busing_and_levy():
    cell = np.array([10e-10, 10e-10, 10e-10, 90, 90, 90.0])
    sites = (
        Site("Fe1", "Fe", (0, 0, 0), u_aniso=(1e-22, 2e-22, 3e-22, 0, 0, 0)),
        Site("N1", "N", (0.2, 0, 0), u_aniso=(9e-22, 4e-22, 5e-22, 0, 0, 0)),
    )
    (sphere,) = coordination_spheres(CrystalStructure("pair", cell, sites=sites), "Fe1")
    found = libration(sphere)
    a, b, d = 5e-22, 9e-22, 2e-10  # across the bond along x: U22 + U33
    assert found.lower[0] == pytest.approx(d + (math.sqrt(b) - math.sqrt(a)) ** 2 / (2 * d), rel=1e-12)
    assert found.riding[0] == pytest.approx(d + (b - a) / (2 * d), rel=1e-12)
    assert found.uncorrelated[0] == pytest.approx(d + (a + b) / (2 * d), rel=1e-12)
    assert found.upper[0] == pytest.approx(d + (math.sqrt(b) + math.sqrt(a)) ** 2 / (2 * d), rel=1e-12)
    bare = CrystalStructure("bare", cell, sites=tuple(Site(s.label, s.element, s.fract) for s in sites))
    assert math.isnan(libration(coordination_spheres(bare, "Fe1")[0]).riding[0])


def test_displacements_turn_with_the_symmetry():
    """A fourfold axis: four images of one ligand have one correction."""
    turns = [np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]]).round()
             for a in np.arange(4) * math.pi / 2]  # fmt: skip
    sites = (
        Site("Fe1", "Fe", (0, 0, 0.1), u_iso=1e-22),
        Site("N1", "N", (0.19, 0.05, 0.1), u_aniso=(9e-22, 4e-22, 5e-22, 1e-22, 0.5e-22, -1e-22)),
    )
    cell = np.array([10e-10, 10e-10, 9e-10, 90, 90, 90.0])
    structure = CrystalStructure("four", cell, rotations=turns, translations=np.zeros((4, 3)), sites=sites)
    found = libration(coordination_spheres(structure, "Fe1")[0])
    assert len(found.riding) == 4
    np.testing.assert_allclose(found.riding, found.riding[0], rtol=1e-12)
    np.testing.assert_allclose(found.upper, found.upper[0], rtol=1e-12)
