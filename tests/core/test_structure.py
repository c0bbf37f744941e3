"""Cells, structures, molecules and neighbours."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import replace

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.cell import (
    StructureError,
    cell_constraints,
    cell_volume,
    cell_volume_gradient,
    check_cells,
    free_cell_directions,
    metric,
    orthogonalisation,
    orthogonalisation_derivative,
    sigma_cell_volume,
)
from labile.core.conditions import Conditions, LightSource
from labile.core.measurement import Provenance
from labile.core.neighbours import neighbours
from labile.core.structure import CellSeries, CrystalStructure, Molecule, Site
from labile.core.structure_series import sorted_structures, structure_series

CUBE = (4e-10, 4e-10, 4e-10, 90.0, 90.0, 90.0)
TRICLINIC = (7.1e-10, 9.3e-10, 11.2e-10, 81.0, 97.0, 104.0)
edges = st.floats(4.0, 25.0)
angles = st.floats(65.0, 115.0)
cells = st.tuples(edges, edges, edges, angles, angles, angles).filter(
    lambda c: 1 - sum(math.cos(math.radians(x)) ** 2 for x in c[3:])
    + 2 * math.prod(math.cos(math.radians(x)) for x in c[3:]) > 0.2
)  # fmt: skip
QUICK = settings(max_examples=30, deadline=None)


def si(cell):
    return np.array([x * 1e-10 for x in cell[:3]] + list(cell[3:]))


def group(symbol):
    operations = list(gemmi.SpaceGroup(symbol).operations())
    return np.array([op.rot for op in operations]) // 24, np.array([op.tran for op in operations]) / 24


# cells


@given(cell=cells)
@QUICK
def test_axes_have_the_lengths_and_angles_of_the_cell(cell):
    axes = orthogonalisation(si(cell))
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0) * 1e10, cell[:3], rtol=1e-12)
    for k, (i, j) in enumerate(((1, 2), (0, 2), (0, 1))):
        cosine = axes[:, i] @ axes[:, j] / (cell[i] * cell[j] * 1e-20)
        assert cosine == pytest.approx(math.cos(math.radians(cell[3 + k])), abs=1e-12)
    # c along z, a* along x
    assert axes[0, 2] == axes[1, 2] == 0.0
    reciprocal = np.linalg.inv(axes)[0]
    np.testing.assert_allclose(reciprocal[1:] / reciprocal[0], 0.0, atol=1e-12)
    assert cell_volume(si(cell)) * 1e30 == pytest.approx(gemmi.UnitCell(*cell).volume, rel=1e-10)
    np.testing.assert_allclose(metric(si(cell)), axes.T @ axes)


@given(cell=cells)
@QUICK
def test_derivatives_of_axes_and_volume(cell):
    exact, volumes = orthogonalisation_derivative(si(cell)), cell_volume_gradient(si(cell))
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-5 * si(cell)[k]
        difference = (orthogonalisation(si(cell) + step) - orthogonalisation(si(cell) - step)) / (2 * step[k])
        np.testing.assert_allclose(exact[k], difference, atol=1e-7 * np.abs(exact[k]).max())
        slope = (cell_volume(si(cell) + step) - cell_volume(si(cell) - step)) / (2 * step[k])
        assert volumes[k] == pytest.approx(slope, rel=1e-6, abs=1e-9 * np.abs(volumes).max())


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ((7.0, 8.0, 9.0, 90, 90, 90), "in m"),
        ((0.0, 8e-10, 9e-10, 90, 90, 90), "edge a"),
        ((7e-10, 8e-10, 9e-10, 60, 60, 130), "60, 60, 130 degrees enclose no volume"),
        ((7e-10, 8e-10, 9e-10, 90, 0, 90), "no volume"),
        ((7e-10, math.nan, 9e-10, 90, 90, 90), "b is not a finite number"),
        ((7e-10, 8e-10, 9e-10), "are needed"),
    ],
)
def test_cells_that_are_none(cell, says):
    with pytest.raises(StructureError, match=says):
        check_cells(cell)
    if len(cell) == 6:
        with pytest.raises(StructureError, match="structure 'I'"):
            CrystalStructure("I", cell)


@pytest.mark.parametrize(
    ("symbol", "equal", "fixed"),
    [
        ("P -1", (0, 1, 2, 3, 4, 5), {}),
        ("P 1 21/c 1", (0, 1, 2, 3, 4, 3), {3: 90.0, 5: 90.0}),
        ("P n m a", (0, 1, 2, 3, 3, 3), {3: 90.0, 4: 90.0, 5: 90.0}),
        ("I 41/a", (0, 0, 2, 3, 3, 3), {3: 90.0, 4: 90.0, 5: 90.0}),
        ("R -3 c:H", (0, 0, 2, 3, 3, 5), {3: 90.0, 4: 90.0, 5: 120.0}),
        ("R -3 c:R", (0, 0, 0, 3, 3, 3), {}),
        ("F m -3 m", (0, 0, 0, 3, 3, 3), {3: 90.0, 4: 90.0, 5: 90.0}),
    ],
)
def test_what_symmetry_fixes_in_the_cell(symbol, equal, fixed):
    rotations, _ = group(symbol)
    found_equal, found_fixed = cell_constraints(rotations)
    assert found_equal == equal
    assert found_fixed == pytest.approx(fixed)
    free = {equal[k] for k in range(6) if k not in fixed}
    cell = np.array([7e-10, 8e-10, 9e-10, 80.0, 95.0, 100.0])
    cell = np.array([fixed.get(k, cell[equal[k]]) for k in range(6)])
    assert free_cell_directions(cell, rotations).shape == (6, len(free))


def test_primitive_setting_of_a_centred_lattice_keeps_its_ties():
    """The primitive cell of a body-centred tetragonal lattice: symmetry ties its angles to its edges."""
    conventional = orthogonalisation([6e-10, 6e-10, 9e-10, 90, 90, 90])
    to_primitive = np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]).T
    rotations = np.array([[[0, -1, 0], [1, 0, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0], [0, 0, -1]]])
    inside = np.rint(np.linalg.inv(to_primitive) @ rotations @ to_primitive)
    axes = conventional @ to_primitive
    lengths = np.linalg.norm(axes, axis=0)
    pairs = ((1, 2), (0, 2), (0, 1))
    cosines = [axes[:, i] @ axes[:, j] / lengths[i] / lengths[j] for i, j in pairs]
    cell = np.concatenate([lengths, np.degrees(np.arccos(cosines))])
    directions = free_cell_directions(cell, inside)
    assert directions.shape == (6, 2)
    for column in directions.T:
        step = 1e-4 * column / np.abs(column / np.array([1e-10] * 3 + [1.0] * 3)).max()
        moved = metric(cell + step)
        for turn in inside:
            np.testing.assert_allclose(turn.T @ moved @ turn, moved, atol=1e-7 * moved.max())


def test_volume_of_a_right_angled_cell_needs_no_su_of_the_angles():
    variance = np.diag([1e-13, 2e-13, 3e-13, math.nan, math.nan, math.nan]) ** 2
    sigma = sigma_cell_volume(np.array([7e-10, 8e-10, 9e-10, 90, 90, 90]), np.nan_to_num(variance, nan=math.nan))
    assert sigma * 1e30 == pytest.approx(math.hypot(0.001 * 72, 0.002 * 63, 0.003 * 56), rel=1e-9)
    assert math.isnan(sigma_cell_volume(np.array(TRICLINIC), np.diag([1e-13] * 3 + [math.nan] * 3) ** 2))


# structures


def test_tied_parameters_share_one_su():
    rotations, translations = group("P 4")
    cell = [7e-10, 7e-10, 9e-10, 90, 90, 90]
    one = CrystalStructure("I", cell, [1e-13, 1e-13, 2e-13, 0.01, math.nan, 0], rotations, translations)
    covariance = one.cell_covariance
    np.testing.assert_allclose(covariance[:2, :2], 1e-26)
    assert covariance[2, 2] == pytest.approx(4e-26)
    assert not covariance[3:].any()
    # V = a^2 c with one s.u. of a
    assert one.sigma_volume * 1e30 == pytest.approx(math.hypot(2 * 0.001 * 63, 0.002 * 49), rel=1e-9)
    unknown = CrystalStructure("I", cell, None, rotations, translations)
    assert math.isnan(unknown.sigma_volume)
    assert not np.isnan(unknown.cell_covariance[3:]).any()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": ""}, "label"),
        ({"sites": (Site("A", "C", (0, 0, 0)),) * 2}, "'A' is given to two sites"),
        ({"sites": (Site("A", "C", (0, 0, 0), occupancy=1.3),)}, "site A: occupancy must be 0 to 1"),
        ({"sites": (Site("A", "C", (0, math.nan, 0)),)}, "site A: a coordinate is not finite"),
        ({"sites": (Site("A", "C", (0, 0, 0), (-1.0, 0, 0)),)}, "s.u. of a coordinate"),
        ({"sigma_cell": [1e-13] * 5}, "six numbers"),
        ({"rotations": np.eye(3)[None]}, "go together"),
        ({"rotations": 2 * np.eye(3)[None], "translations": np.zeros((1, 3))}, "no rotation of a lattice"),
        ({"rotations": -np.eye(3)[None], "translations": np.zeros((1, 3))}, "the identity"),
        ({"conditions": Conditions([100.0, 200.0])}, "one point"),
        ({"formula_units": 0}, "Z"),
    ],
)
def test_structures_that_are_none(changes, says):
    with pytest.raises(StructureError, match=says):
        CrystalStructure(**({"label": "I", "cell": CUBE} | changes))


def test_an_occupancy_above_1_within_its_su_is_kept():
    site = Site("A", "C", (0, 0, 0), occupancy=1.02, sigma_occupancy=0.01)
    assert CrystalStructure("I", CUBE, sites=(site,)).occupancies[0] == 1.02


def test_structures_survive_pickling_and_copying():
    one = CrystalStructure("I", CUBE, sites=(Site("A", "C", (0.1, 0.2, 0.3)),), conditions=Conditions(100.0))
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), replace(one, label="II")):
        np.testing.assert_array_equal(other.fract, one.fract)
        assert not other.fract.flags.writeable
        assert other.labels == one.labels
    with pytest.raises(StructureError, match="no site 'B'; there are A"):
        one.index("B")
    assert "'I': 4.0000 4.0000 4.0000 A" in repr(one)


def test_special_positions():
    rotations, translations = group("P 4/m m m")
    # x, x, 0 as rounded numbers; its z is fixed, its x and y are one number
    sites = (
        Site("A", "C", (0.1666, 0.1667, 0.0002), (0.0003, math.nan, 0.0005)),
        Site("B", "C", (0.11, 0.23, 0.34), (0.001, 0.002, 0.003)),
    )
    one = CrystalStructure("I", [6e-10, 6e-10, 9e-10, 90, 90, 90], None, rotations, translations, sites)
    assert one.site_orders.tolist() == [4, 1]
    np.testing.assert_allclose(one.positions[0], [0.16665, 0.16665, 0.0], atol=1e-12)
    np.testing.assert_allclose(one.position_covariance[0], 9e-8 * np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]]))
    np.testing.assert_allclose(one.position_covariance[1], np.diag([1e-6, 4e-6, 9e-6]))


def test_disorder_groups_and_their_occupancies():
    sites = (
        Site("A", "C", (0.1, 0, 0), occupancy=0.7, disorder_assembly="A", disorder_group="1"),
        Site("B", "C", (0.2, 0, 0), occupancy=0.3, disorder_assembly="A", disorder_group="2"),
        Site("C", "C", (0.5, 0, 0)),
    )
    assert CrystalStructure("I", CUBE, sites=sites).disorder == {"A": {"1": 0.7, "2": 0.3}}


# neighbours


@given(
    cell=cells,
    symbol=st.sampled_from(["P 1", "P -1"]),
    places=st.lists(st.tuples(*[st.floats(-1.5, 1.5)] * 3), min_size=1, max_size=3),
    cutoff=st.floats(2.0, 14.0),
)
@QUICK
def test_all_neighbours_are_found(cell, symbol, places, cutoff):
    """Against every image in a block of cells that certainly holds the sphere."""
    rotations, translations = group(symbol)
    sites = tuple(Site(f"A{n}", "C", place) for n, place in enumerate(places))
    one = CrystalStructure("I", si(cell), None, rotations, translations, sites)
    found = neighbours(one, 0, cutoff * 1e-10)
    steps = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3, indexing="ij"), -1).reshape(-1, 3)
    places_found = []
    for position in one.positions:
        for turn, shift in zip(rotations, translations, strict=True):
            fract = (turn @ position + shift - one.positions[0] + 1) % 1 + steps - 1
            length = np.linalg.norm(fract @ orthogonalisation(si(cell)).T, axis=1)
            places_found.append(length[length <= cutoff * 1e-10])
    wanted = np.sort(np.concatenate(places_found)) * 1e10
    # the centre itself is one of the images; those on special positions coincide
    if np.all(one.site_orders == 1):
        assert abs(wanted.size - 1 - len(found)) <= int(np.sum(np.abs(wanted - cutoff) < 1e-9))
        count = min(wanted.size - 1, len(found))
        np.testing.assert_allclose(found.distances[:count] * 1e10, wanted[1 : count + 1], atol=1e-9)
    axes = orthogonalisation(si(cell))
    np.testing.assert_allclose(found.vectors, (found.fract - one.positions[0]) @ axes.T, atol=1e-22)
    for k in range(len(found)):
        image = rotations[found.operations[k]] @ one.positions[found.sites[k]] + translations[found.operations[k]]
        np.testing.assert_allclose(image + found.translations[k], found.fract[k], atol=1e-12)


@pytest.mark.parametrize(("symbol", "count"), [("P 1", 12), ("F m -3 m", 12), ("P m -3 m", 12)])
def test_images_on_special_positions_count_once(symbol, count):
    """Face-centred cubic packing, as four atoms, as one, and as two: always twelve neighbours."""
    rotations, translations = group(symbol)
    places = {
        "P 1": [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)],
        "F m -3 m": [(0, 0, 0)],
        "P m -3 m": [(0, 0, 0), (0, 0.5, 0.5)],
    }[symbol]
    sites = tuple(Site(f"A{n}", "Cu", place) for n, place in enumerate(places))
    one = CrystalStructure("I", CUBE, None, rotations, translations, sites)
    found = neighbours(one, "A0", 2.9e-10)
    assert len(found) == count
    np.testing.assert_allclose(found.distances, 4e-10 / math.sqrt(2), rtol=1e-12)


def test_neighbours_do_not_depend_on_the_cell_that_atoms_are_listed_in():
    rotations, translations = group("P 1 21/c 1")
    cell = [9.1e-10, 11.3e-10, 7.7e-10, 90, 104.0, 90]
    sites = (
        Site("Fe", "Fe", (0.02, 0.97, 0.49), (1e-4, 2e-4, 3e-4)),
        Site("N", "N", (0.2, 0.9, 0.6), (2e-4, 2e-4, 3e-4)),
        Site("O", "O", (0.9, 0.1, 0.6), (2e-4, 2e-4, 3e-4)),
    )
    sigma = [1e-13, 1e-13, 2e-13, 0, 0.01, 0]
    one = CrystalStructure("I", cell, sigma, rotations, translations, sites)
    moved = tuple(
        replace(site, fract=tuple(rotations[k] @ np.array(site.fract) + translations[k] + shift),
                sigma_fract=site.sigma_fract)
        for site, k, shift in zip(sites, (0, 2, 1), ([0, 0, 0], [1, -2, 0], [0, 0, 3]), strict=True)
    )  # fmt: skip
    other = CrystalStructure("I", cell, sigma, rotations, translations, moved)
    first, second = neighbours(one, "Fe", 4e-10), neighbours(other, "Fe", 4e-10)
    np.testing.assert_allclose(first.distances, second.distances, rtol=1e-9)
    np.testing.assert_allclose(first.sigma_distances, second.sigma_distances, rtol=1e-6)
    assert first.labels == second.labels


def test_propagated_uncertainties_equal_monte_carlo():
    """Site on a twofold axis and an image of a neighbour: what is correlated by symmetry stays so."""
    rotations, translations = group("P 1 2/c 1")
    cell = np.array([6.1e-10, 7.3e-10, 8.2e-10, 90, 103.0, 90])
    sigma_cell = np.array([6e-13, 7e-13, 9e-13, 0, 0.05, 0])
    sites = (
        Site("Fe", "Fe", (0.5, 0.21, 0.25), (math.nan, 4e-4, math.nan)),
        Site("N", "N", (0.31, 0.33, 0.12), (5e-4, 6e-4, 7e-4)),
        Site("O", "O", (0.42, 0.02, 0.44), (5e-4, 5e-4, 4e-4)),
    )
    one = CrystalStructure("I", cell, sigma_cell, rotations, translations, sites)
    found = neighbours(one, "Fe", 3.2e-10)
    assert len(found) >= 4
    assert found.without_sigma == ()
    random = np.random.default_rng(5)
    draws = []
    for _ in range(4000):
        moved = tuple(
            replace(site, fract=tuple(np.array(site.fract) + np.nan_to_num(site.sigma_fract) * random.normal(size=3)))
            for site in sites
        )
        drawn = CrystalStructure("I", cell + sigma_cell * random.normal(size=6), None, rotations, translations, moved)
        axes = drawn.axes
        places = np.einsum("kij,kj->ki", rotations[found.operations], drawn.fract[found.sites])
        step = places + translations[found.operations] + found.translations - drawn.fract[0]
        draws.append(np.linalg.norm(step @ axes.T, axis=1))
    draws = np.array(draws)
    np.testing.assert_allclose(found.sigma_distances, draws.std(axis=0), rtol=0.05)
    exact = found.distance_jacobian @ found.covariance @ found.distance_jacobian.T
    np.testing.assert_allclose(
        np.corrcoef(draws.T), exact / np.sqrt(np.outer(exact.diagonal(), exact.diagonal())), atol=0.06
    )


def test_what_has_no_su_is_named():
    sites = (Site("Fe", "Fe", (0, 0, 0), (1e-4,) * 3), Site("H", "H", (0.2, 0.1, 0.3)))
    found = neighbours(CrystalStructure("I", TRICLINIC, sites=sites), "Fe", 5e-10)
    assert found.without_sigma == ("cell", "H")
    assert np.all(np.isfinite(found.sigma_distances))


def test_symmetry_codes():
    rotations, translations = group("P -1")
    sites = (Site("Fe", "Fe", (0.05, 0.5, 0.5)), Site("N", "N", (0.9, 0.45, 0.5)))
    found = neighbours(CrystalStructure("I", CUBE, None, rotations, translations, sites), "Fe", 1.5e-10)
    assert dict(zip(found.symmetry_codes, found.labels, strict=True))["1_455"] == "N"
    assert found[found.sites == 1].labels == ("N",) * int(np.sum(found.sites == 1))


def test_cutoffs_that_cannot_be():
    one = CrystalStructure("I", CUBE, sites=(Site("A", "C", (0, 0, 0)),))
    for cutoff in (0.0, -1e-10, 3.0):
        with pytest.raises(StructureError, match="cutoff"):
            neighbours(one, "A", cutoff)
    assert len(neighbours(one, "A", 1e-10)) == 0


# molecules and series


def test_molecules():
    one = Molecule("m", ("Fe", "N", "N"), np.eye(3) * 1e-10)
    assert one.labels == ("Fe1", "N1", "N2")
    assert pickle.loads(pickle.dumps(one)).labels == one.labels
    with pytest.raises(StructureError, match="one row an atom"):
        Molecule("m", ("Fe",), np.eye(3))
    with pytest.raises(StructureError, match="different labels"):
        Molecule("m", ("Fe", "N"), np.eye(3)[:2], labels=("A", "A"))
    with pytest.raises(StructureError, match="atom 1"):
        Molecule("m", ("Fe",), [[0, 0, math.inf]])


def at(label, temperature, pressure=101325.0, light=()):
    conditions = Conditions(temperature, pressure, light=light)
    return CrystalStructure(label, CUBE, [1e-13] * 6, conditions=conditions, provenance=Provenance(f"{label}.cif"))


def test_structures_in_order():
    green = (LightSource(532e-9, 1e20),)
    found = [at("e", 10.0, light=green), at("d", 90.0, 2e8), at("b", 100.0), at("c", 300.0), at("a", 90.0)]
    assert [one.label for one in sorted_structures(found)] == ["a", "b", "c", "d", "e"]
    series = structure_series(found)
    assert series.names == ("a", "b", "c", "d", "e")
    np.testing.assert_allclose(series.conditions.temperature, [90, 100, 300, 90, 10])
    assert series.sigma.shape == (5, 6)
    assert pickle.loads(pickle.dumps(series)).sigma.shape == (5, 6)
    assert series[1:3].names == ("b", "c")


def test_series_that_cannot_be():
    with pytest.raises(StructureError, match=r"'a' of a\.cif and 'b' of b\.cif"):
        structure_series([at("a", 100.0), at("b", 100.0)])
    with pytest.raises(StructureError, match="no temperature is stated for 'n'"):
        structure_series([at("a", 100.0), CrystalStructure("n", CUBE)])
    with pytest.raises(StructureError, match="no structures"):
        structure_series([])
    with pytest.raises(StructureError, match="cell 2: the angles"):
        CellSeries("s", Conditions([1.0, 2.0]), [CUBE, (*CUBE[:3], 10, 10, 90)])
    with pytest.raises(StructureError, match="the conditions ask for"):
        CellSeries("s", Conditions([1.0]), [CUBE, CUBE])
    with pytest.raises(StructureError, match="give one of them"):
        CellSeries("s", Conditions([1.0]), [CUBE], sigma=np.zeros((1, 6)), covariance=np.zeros((1, 6, 6)))
    with pytest.raises(StructureError, match="sigma needs shape"):
        CellSeries("s", Conditions([1.0]), [CUBE], sigma=-np.ones((1, 6)))
