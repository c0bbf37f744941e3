"""Hulls and shape measures: exact volumes, published distances between ideal polyhedra."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.polyhedron import REFERENCES, polyhedron_hull, shape_measure

TEST_SET = 1e-10 * np.array([
    [2.298354, 5.161785, 7.971898], [1.885657, 4.804777, 6.183726], [1.747515, 6.960963, 7.932784],
    [4.094380, 5.807257, 7.588689], [0.539005, 4.482809, 8.460004], [2.812425, 3.266553, 8.131637],
    [2.886404, 5.392925, 9.848966],
])  # fmt: skip


def with_metal(name):
    return np.vstack([np.zeros(3), REFERENCES[name]])


def rotation(seed):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_volume_of_the_test_set():
    assert polyhedron_hull(TEST_SET[0], TEST_SET[1:]).volume == pytest.approx(9.538645e-30, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "volume"),
    [("octahedron", 4 / 3), ("tetrahedron", 8 / 3), ("cube", 8.0), ("trigonal_prism", math.sqrt(3) / 4)],
)
def test_volumes_of_ideal_polyhedra(name, volume):
    hull = polyhedron_hull(np.zeros(3), 2e-10 * REFERENCES[name])
    assert hull.volume == pytest.approx(8e-30 * volume, rel=1e-12)
    assert hull.convex
    assert hull.depth > 0


def test_metal_outside_and_ligand_inside_are_no_convex_polyhedron():
    pyramid = REFERENCES["square_pyramid"]
    assert not polyhedron_hull([0, 0, -0.3], pyramid).convex
    assert polyhedron_hull([0, 0, -0.3], pyramid).depth == pytest.approx(-0.3)
    assert not polyhedron_hull(np.zeros(3), np.vstack([REFERENCES["octahedron"], [0.1, 0.1, 0.1]])).convex


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ("octahedron", "trigonal_prism", 16.737),
        ("tetrahedron", "square", 100 / 3),
        ("octahedron", "hexagon", 100 / 3),
        ("cube", "square_antiprism", 10.99),
    ],
)
def test_distances_between_ideal_polyhedra(first, second, value):
    """S. Alvarez et al., New J. Chem. 26 (2002) 996: 16.73; square and tetrahedron 33.33 exactly."""
    there, back = shape_measure(with_metal(first), second), shape_measure(with_metal(second), first)
    assert there.value == pytest.approx(value, abs=5e-3)
    assert back.value == pytest.approx(there.value, abs=1e-9)


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_is_itself(name):
    assert shape_measure(3e-10 * with_metal(name) @ rotation(4).T + 1e-9, name).value == pytest.approx(0.0, abs=1e-10)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(["octahedron", "trigonal_prism"]))
def test_measures_depend_on_shape_alone(seed, name):
    rng = np.random.default_rng(seed)
    points = with_metal("octahedron") + rng.normal(scale=0.15, size=(7, 3))
    order = [0, *(1 + rng.permutation(6))]
    moved = 2.3 * points[order] @ rotation(seed).T + rng.normal(size=3)
    first, second = shape_measure(points, name), shape_measure(moved, name)
    assert 0 <= first.value <= 100
    assert second.value == pytest.approx(first.value, rel=1e-9, abs=1e-9)
    mirrored = shape_measure(points * np.array([1, -1, 1]), name)
    assert mirrored.value == pytest.approx(first.value, rel=1e-9, abs=1e-9)


def test_the_fit_is_the_best_one():
    """The minimum over scale and rotation for the assignment found, by an optimiser that knows neither."""
    from scipy.optimize import minimize
    from scipy.spatial.transform import Rotation

    found = shape_measure(TEST_SET, "octahedron")
    q = TEST_SET - TEST_SET.mean(axis=0)
    p = with_metal("octahedron")[[0, *(1 + np.array(found.assignment))]]
    p = p - p.mean(axis=0)

    def distance(x):
        fitted = 1e-10 * x[0] * Rotation.from_rotvec(x[1:]).apply(p * np.sign(np.linalg.det(found.rotation)))
        return 100 * np.sum((q - fitted) ** 2) / np.sum(q**2)

    start = Rotation.from_matrix(found.rotation * np.sign(np.linalg.det(found.rotation))).as_rotvec() + 0.1
    best = minimize(distance, [1.5, *start], tol=1e-14)
    assert best.fun == pytest.approx(found.value, rel=1e-6)
    assert best.x[0] * 1e-10 == pytest.approx(found.scale, rel=1e-4)


@pytest.mark.parametrize("what", ["octahedron", "trigonal_prism", "volume"])
def test_gradients_are_those_of_finite_differences(what):
    points = 1e10 * TEST_SET

    def value(p):
        return polyhedron_hull(p[0], p[1:]).volume if what == "volume" else shape_measure(p, what).value

    found = polyhedron_hull(points[0], points[1:]) if what == "volume" else shape_measure(points, what)
    gradient = np.vstack([np.zeros(3), found.gradient]) if what == "volume" else found.gradient
    step = 1e-5
    for i in range(7):
        for k in range(3):
            more, less = points.copy(), points.copy()
            more[i, k] += step
            less[i, k] -= step
            assert gradient[i, k] == pytest.approx((value(more) - value(less)) / (2 * step), rel=1e-6, abs=1e-8)


def test_more_than_eight_ligands_are_matched_approximately():
    golden = (1 + math.sqrt(5)) / 2
    corners = [[0, i, j * golden] for i in (-1, 1) for j in (-1, 1)]
    icosahedron = np.array([np.roll(c, n) for c in corners for n in range(3)], dtype=float)
    order = np.random.default_rng(3).permutation(12)
    found = shape_measure(np.vstack([np.zeros(3), icosahedron[order] @ rotation(1).T]), icosahedron)
    assert not found.exact
    assert found.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "reference", "says"),
    [
        (with_metal("octahedron"), "dodecahedron", "unknown"),
        (with_metal("octahedron"), "tetrahedron", "4 vertices"),
        (np.zeros((7, 3)), "octahedron", "one point"),
        (np.full((7, 3), np.nan), "octahedron", "finite"),
        (with_metal("octahedron"), np.zeros((6, 2)), "vertices round the origin"),
    ],
)
def test_wrong_input_of_shape_measures_is_refused(points, reference, says):
    with pytest.raises(CoordinationError, match=says):
        shape_measure(points, reference)


@pytest.mark.parametrize(
    ("ligands", "says"),
    [
        (np.eye(3), "at least four"),
        (REFERENCES["square"], "one plane"),
        (np.full((4, 3), np.inf), "finite"),
        (np.ones((5, 3)), "one plane"),
    ],
)
def test_wrong_input_of_hulls_is_refused(ligands, says):
    with pytest.raises(CoordinationError, match=says):
        polyhedron_hull(np.zeros(3), ligands)


@given(st.integers(4, 8), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_hull_of_few_points_is_that_of_qhull(number, seed, on_sphere):
    from scipy.spatial import ConvexHull

    points = np.random.default_rng(seed).normal(size=(number, 3)) * 2e-10
    if on_sphere:
        points *= 2e-10 / np.linalg.norm(points, axis=1, keepdims=True)
    try:
        hull = polyhedron_hull(np.zeros(3), points)
    except CoordinationError:
        # four random points may be nearly flat
        return
    theirs = ConvexHull(points * 1e10)
    assert hull.volume * 1e30 == pytest.approx(theirs.volume, rel=1e-9)
    assert hull.depth * 1e10 == pytest.approx(-np.max(theirs.equations[:, 3]), abs=1e-9)
    assert {frozenset(face) for face in hull.faces.tolist()} == {frozenset(face) for face in theirs.simplices.tolist()}
