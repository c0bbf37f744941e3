"""Coordination polyhedra: hull volume, convexity, and continuous shape measures with their gradients.

The continuous shape measure of points Q against a reference polyhedron P (vertices and central atom, both centred on
their mean) is

    S = 100 min sum |Q_k - A R P_pi(k)|^2 / sum |Q_k|^2

over the scale A, the rotation R and the assignment pi of vertices; 0 is the reference itself. With the singular values
s_j of sum_k Q_k P_pi(k)^T it is 100 [1 - (sum s_j)^2/(sum |Q|^2 sum |P|^2)]. Improper rotations are allowed: the two
hands of a shape are one. Assignments that a symmetry of the reference turns into each other are tried once, so that up
to 8 ligands the minimum is exact.

H. Zabrodsky, S. Peleg, D. Avnir, J. Am. Chem. Soc. 114 (1992) 7843, doi 10.1021/ja00046a033; M. Pinsky, D. Avnir,
Inorg. Chem. 37 (1998) 5575, doi 10.1021/ic9804925.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations

import numpy as np

from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.octahedron import cross_product

MOST_EXACT = 8
"""Ligands up to which every assignment is tried."""
STARTS = 200
"""Orientations from which the assignment of more ligands is improved."""
THIN = 1e-3
"""Least extent of points relative to the largest below which they enclose no volume."""
FLAT = 1e-9
"""Four corners of a hull nearer than this to one plane, relative to its size, share a face."""


def _prism(turn: float, corners: int) -> np.ndarray:
    """Two regular polygons of unit edge, the upper turned, all edges between them 1."""
    radius = 0.5 / math.sin(math.pi / corners)
    chord = 2 * radius * math.sin(turn / 2)
    half = math.sqrt(1.0 - chord**2) / 2
    angle = 2 * math.pi * np.arange(corners) / corners
    lower = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(corners, -half)], axis=1)
    upper = np.stack([radius * np.cos(angle + turn), radius * np.sin(angle + turn), np.full(corners, half)], axis=1)
    return np.vstack([lower, upper])


def _ring(corners: int) -> np.ndarray:
    angle = 2 * math.pi * np.arange(corners) / corners
    return np.stack([np.cos(angle), np.sin(angle), np.zeros(corners)], axis=1)


_POLES = np.array([[0, 0, 1.0], [0, 0, -1.0]])
REFERENCES = {
    "tetrahedron": np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]]),
    "square": _ring(4),
    "trigonal_bipyramid": np.vstack([_ring(3), _POLES]),
    "square_pyramid": np.vstack([_ring(4), _POLES[:1]]),
    "octahedron": np.vstack([_ring(4), _POLES]),
    "trigonal_prism": _prism(0.0, 3),
    "hexagon": _ring(6),
    "pentagonal_bipyramid": np.vstack([_ring(5), _POLES]),
    "cube": np.array([[i, j, k] for i in (-1.0, 1.0) for j in (-1.0, 1.0) for k in (-1.0, 1.0)]),
    "square_antiprism": _prism(math.pi / 4, 4),
}
"""Vertices of ideal polyhedra round a central atom at the origin; the square pyramid is an octahedron without one
vertex (vOC-5), the bipyramids have five and seven equal bonds, prism and antiprism equal edges."""


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex hull of the ligands.

    Attributes
    ----------
    volume : float
        m3.
    depth : float
        Distance of the metal from the nearest face, m; negative outside the hull.
    convex : bool
        Whether every ligand is a vertex of the hull and the metal lies inside.
    gradient : ndarray (N, 3)
        Of the volume in the positions of the ligands, m2.
    faces : ndarray (F, 3) of int
        Triangles, ligands in the order that is right-handed seen from outside.
    """

    volume: float
    depth: float
    convex: bool
    gradient: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True, eq=False)
class ShapeMeasure:
    """How far points are from a reference polyhedron.

    Attributes
    ----------
    value : float
        0 for the reference itself, at most 100.
    assignment : tuple of int
        Vertex of the reference that each ligand takes.
    scale : float
        Of the reference at the best fit, m per unit of its vertices.
    rotation : ndarray (3, 3)
    gradient : ndarray (N, 3)
        Of the value in the positions, metal first where it counts, 1/m.
    exact : bool
        Whether all assignments were tried; otherwise the value is an upper bound.
    """

    value: float
    assignment: tuple[int, ...]
    scale: float
    rotation: np.ndarray
    gradient: np.ndarray
    exact: bool


def polyhedron_hull(metal: np.ndarray, ligands: np.ndarray) -> Hull:
    """Convex hull of the ligands and where the metal lies in it.

    Parameters
    ----------
    metal : array_like (3,)
        Cartesian, m.
    ligands : array_like (N, 3)
        At least four.

    Returns
    -------
    Hull

    Raises
    ------
    CoordinationError
        For fewer than four ligands, or ligands in one plane.

    Examples
    --------
    >>> hull = polyhedron_hull([0, 0, 0], 2e-10 * REFERENCES["octahedron"])
    >>> round(hull.volume * 1e30, 6), hull.convex
    (10.666667, True)
    """
    points = np.asarray(ligands, dtype=float)
    centre = np.asarray(metal, dtype=float)
    if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < 4 or centre.shape != (3,):
        raise CoordinationError(
            f"polyhedron: a metal and at least four ligands are needed, found positions of shape {points.shape}"
        )
    if not (np.all(np.isfinite(points)) and np.all(np.isfinite(centre))):
        raise CoordinationError("polyhedron: not every coordinate is a finite number")
    middle = points.mean(axis=0)
    local = points - middle
    size = float(np.abs(local).max())
    extent = np.linalg.svd(local, compute_uv=False)
    if not size > 0 or extent[2] < THIN * extent[0]:
        raise CoordinationError("polyhedron: the ligands lie in one plane and enclose no volume")
    # tolerances of hulls are absolute, so lengths are brought to about 1
    local /= size
    faces, planes = _faces(local)
    corners = local[faces]
    # derivative of six times the volume of the tetrahedra from the origin in each corner; they add to the normal
    pull = cross_product(corners[:, [1, 2, 0]], corners[:, [2, 0, 1]])
    inward = np.einsum("fci,fi->f", pull, planes[:, :3]) < 0
    pull[inward] *= -1
    volume = float(np.einsum("fi,fi->", corners[:, 0], pull[:, 0]) / 6)
    gradient = np.zeros_like(local)
    np.add.at(gradient, faces, pull / 6)
    faces[inward] = faces[inward][:, [0, 2, 1]]
    depth = float(-np.max(planes[:, :3] @ ((centre - middle) / size) + planes[:, 3]))
    convex = len(set(faces.flat)) == len(points) and depth > 0
    return Hull(volume * size**3, depth * size, convex, gradient * size**2, faces)


def _faces(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of the hull, (F, 3), and their outward planes (normal, offset), (F, 4); points of size about 1.

    A few points that are all corners of triangles are searched directly; qhull does the rest, coplanar ones included.
    """
    number = len(points)
    if number <= MOST_EXACT:
        triples = _triples(number)
        corners = points[triples]
        normals = cross_product(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.sqrt(np.einsum("fi,fi->f", normals, normals)), 1e-300)[:, None]
        offsets = -np.einsum("fi,fi->f", normals, corners[:, 0])
        heights = normals @ points.T + offsets[:, None]
        # the three corners lie in the plane, all others clearly on one side of a face
        below, above = (heights < -FLAT).sum(axis=1), (heights > FLAT).sum(axis=1)
        outer = np.flatnonzero((below == number - 3) | (above == number - 3))
        if len(outer) == 2 * number - 4:
            side = np.where(above[outer] > 0, -1.0, 1.0)[:, None]
            return triples[outer], side * np.column_stack([normals[outer], offsets[outer]])
    from scipy.spatial import ConvexHull

    found = ConvexHull(points)
    return np.array(found.simplices), found.equations


def shape_measure(
    positions: np.ndarray, reference: str | np.ndarray = "octahedron", *, metal: bool = True
) -> ShapeMeasure:
    """Continuous shape measure of a coordination polyhedron.

    Parameters
    ----------
    positions : array_like (N + 1, 3)
        Cartesian, metal first, m; without the metal where `metal` is False.
    reference : str or array_like (N, 3)
        Key of `REFERENCES`, or vertices round a central atom at the origin.
    metal : bool
        Whether the central atom counts.

    Returns
    -------
    ShapeMeasure

    Raises
    ------
    CoordinationError
        For an unknown reference or one with another number of vertices.

    Examples
    --------
    >>> prism = np.vstack([np.zeros(3), REFERENCES["trigonal_prism"]])
    >>> round(shape_measure(prism, "octahedron").value, 2), round(shape_measure(prism, "trigonal_prism").value, 6)
    (16.74, 0.0)
    """
    points = np.asarray(positions, dtype=float)
    vertices = _vertices(reference)
    expected = len(vertices) + int(metal)
    if points.shape != (expected, 3) or not np.all(np.isfinite(points)):
        what = reference if isinstance(reference, str) else "the reference"
        raise CoordinationError(
            f"shape measure: {what} has {len(vertices)} vertices, so {expected} finite positions are needed"
            f" ({'metal first' if metal else 'without the metal'}), found shape {points.shape}"
        )
    q, p = points - points.mean(axis=0), _centred(vertices.tobytes(), len(vertices), metal)
    a, b = float(np.vdot(q, q)), float(np.vdot(p, p))
    if not a > 0:
        raise CoordinationError("shape measure: all positions are one point")
    first = int(metal)
    exact = len(vertices) <= MOST_EXACT
    if exact:
        tries = _assignments(vertices.tobytes(), len(vertices))
    else:
        tries = _improved(q[first:], p[first:])
    outer = p[first:][tries].transpose(0, 2, 1) @ q[first:]
    if metal:
        outer += p[0][:, None] * q[0]
    total = np.linalg.svd(outer, compute_uv=False).sum(axis=1)
    best = int(np.argmax(total))
    left, _, right = np.linalg.svd(outer[best])
    rotation = (left @ right).T
    s = float(total[best])
    ordered = np.vstack([p[:first], p[first:][tries[best]]])
    fitted = ordered @ rotation.T
    value = 100.0 * (1.0 - s * s / (a * b))
    gradient = -200.0 * (s / (a * b)) * (fitted - (s / a) * q)
    return ShapeMeasure(
        max(value, 0.0), tuple(int(i) for i in tries[best]), s / b, rotation, gradient, exact
    )  # fmt: skip


def _vertices(reference: str | np.ndarray) -> np.ndarray:
    if isinstance(reference, str):
        if reference not in REFERENCES:
            raise CoordinationError(
                f"shape measure: reference {reference!r} is unknown; there are {', '.join(REFERENCES)}"
            )
        return REFERENCES[reference]
    vertices = np.ascontiguousarray(reference, dtype=float)
    if vertices.ndim != 2 or vertices.shape[1:] != (3,) or len(vertices) < 2 or not np.all(np.isfinite(vertices)):
        raise CoordinationError(
            f"shape measure: a reference is (N, 3) vertices round the origin, found {np.shape(reference)}"
        )
    return vertices


@cache
def _triples(number: int) -> np.ndarray:
    triples = np.array(list(combinations(range(number), 3)))
    triples.flags.writeable = False
    return triples


@cache
def _centred(data: bytes, number: int, metal: bool) -> np.ndarray:
    """Vertices, after the central atom where it counts, from their mean."""
    vertices = np.frombuffer(data).reshape(number, 3)
    points = np.vstack([np.zeros(3), vertices]) if metal else vertices
    centred = points - points.mean(axis=0)
    centred.flags.writeable = False
    return np.asarray(centred)


@cache
def _assignments(data: bytes, number: int) -> np.ndarray:
    """One permutation of each class that the symmetry of the reference does not tell apart."""
    vertices = np.frombuffer(data).reshape(number, 3)
    apart = np.linalg.norm(vertices[:, None] - vertices[None], axis=2)
    from_centre = np.linalg.norm(vertices, axis=1)
    near = 1e-6 * max(float(apart.max()), 1e-300)
    every = np.array(list(permutations(range(number))))
    same = np.all(np.abs(from_centre[every] - from_centre) < near, axis=1)
    candidates = every[same]
    keeps = np.all(np.abs(apart[candidates[:, :, None], candidates[:, None, :]] - apart) < near, axis=(1, 2))
    symmetries = candidates[keeps]
    # the class of a permutation is named by the smallest number that its images spell
    digits = number ** np.arange(number - 1, -1, -1)
    spelled = every @ digits
    smallest = np.min(np.stack([symmetry[every] @ digits for symmetry in symmetries]), axis=0)
    chosen = every[spelled == smallest]
    chosen.flags.writeable = False
    return chosen


def _improved(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Assignments that rotation and matching in turn no longer improve, from many orientations."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.transform import Rotation

    found = set()
    for turn in Rotation.random(STARTS, random_state=np.random.default_rng(0)).as_matrix():
        turned = p @ turn.T
        order: tuple[int, ...] = ()
        while True:
            _, column = linear_sum_assignment(-(q @ turned.T))
            if tuple(column) == order:
                break
            order = tuple(int(i) for i in column)
            left, _, right = np.linalg.svd(p[list(order)].T @ q)
            turned = p @ (left @ right)
        found.add(order)
    return np.array(sorted(found))
