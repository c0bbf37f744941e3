"""Every geometrical parameter of one coordination sphere with its standard uncertainty.

Uncertainties are propagated with exact gradients. Sums of absolute values (zeta, Sigma, Theta) and squares (Delta, the
shape measures) bend where a term is zero within its own s.u.; where that matters the s.u. comes from sampling the
coordinates and the cell instead, and the result says so together with the bias: near a regular octahedron such
parameters are too large on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from labile.techniques.coordination.bonds import Value
from labile.techniques.coordination.octahedron import OCTAHEDRAL, PARAMETERS, Distortion, distortions
from labile.techniques.coordination.polyhedron import REFERENCES, ShapeMeasure, polyhedron_hull, shape_measure
from labile.techniques.coordination.sphere import CoordinationSphere

PRISM = 0.5
"""A shape measure of the trigonal prism below this part of that of the octahedron is a prism's, which has no Sigma and
Theta; chelates of high-spin iron lie between the two."""
SAMPLES = 2000
"""Draws where first order does not do."""
_HALVES = np.kron(np.eye(2), np.ones((4, 1)))
BENT = 0.2
"""Expected bias relative to the s.u. of first order above which parameters are sampled."""
CLEAR_RANK = 2.5
"""S.u. of the difference of two faces from which their order is known."""
SHAPES = {
    4: ("tetrahedron", "square"),
    5: ("trigonal_bipyramid", "square_pyramid"),
    6: ("octahedron", "trigonal_prism"),
    7: ("pentagonal_bipyramid",),
    8: ("cube", "square_antiprism"),
}
"""Reference polyhedra by number of ligands."""
UNITS = {
    "mean_length": "m",
    "zeta": "m",
    "delta": "1",
    "sigma": "rad",
    "theta": "rad",
    "theta_min": "rad",
    "theta_max": "rad",
    "volume": "m^3",
    "metal_depth": "m",
}
"""SI units; shape measures have none."""


@dataclass(frozen=True, eq=False)
class SphereGeometry:
    """Geometry of a coordination sphere.

    Attributes
    ----------
    sphere : CoordinationSphere
    values : mapping of str to Value
        ``mean_length``, ``zeta`` (m), ``delta``, ``sigma``, ``theta``, ``theta_min``, ``theta_max`` (rad), ``volume``
        (m3), ``metal_depth`` (m), ``shape_<polyhedron>``. What the sphere does not allow is absent.
    status : str
        ``"octahedral"``, or why there are no distortion parameters.
    convex : bool or None
        Whether all ligands are corners of their hull and the metal lies inside; None for fewer than four ligands.
    sampled : mapping of str to float
        Parameters whose s.u. was sampled, with the bias (mean of the samples less the value), SI.
    notes : tuple of str
    """

    sphere: CoordinationSphere
    values: Mapping[str, Value]
    status: str
    convex: bool | None = None
    sampled: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Value:
        """Parameter by name."""
        return self.values[name]


def sphere_geometry(sphere: CoordinationSphere, *, samples: int = SAMPLES, seed: int = 0) -> SphereGeometry:
    """Lengths, distortion, hull and shape of a coordination sphere.

    Parameters
    ----------
    sphere : CoordinationSphere
    samples : int
        Draws for parameters that first-order propagation does not describe; 0 never samples.
    seed : int

    Returns
    -------
    SphereGeometry

    Examples
    --------
    >>> from labile.core.structure import Molecule
    >>> from labile.techniques.coordination.sphere import coordination_spheres
    >>> ligands = [[2, 0, 0], [-2, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 2.2], [0, 0, -2.2]]
    >>> atoms = Molecule("demo", ("Fe", *["N"] * 6), 1e-10 * np.array([[0, 0, 0], *ligands]))
    >>> found = sphere_geometry(coordination_spheres(atoms, "Fe1")[0])
    >>> found.status, round(found["zeta"].value * 1e10, 4), round(found["sigma"].value, 6)
    ('octahedral', 0.5333, 0.0)
    """
    if sphere.problems:
        return SphereGeometry(sphere, {}, "; ".join(sphere.problems), None, {}, sphere.notes)
    number = len(sphere)
    lengths = sphere.lengths
    mean = float(lengths.mean())
    units = sphere.vectors / lengths[:, None]
    # value and gradient in the vectors; all uncertainties follow in one product
    linear: dict[str, tuple[float, np.ndarray]] = {"mean_length": (mean, units / number)}
    status, found, notes = f"{number} ligands, no octahedron", None, list(sphere.notes)
    if number == 6:
        found = distortions(sphere.positions, gradients=True)
        status = found.status[0]
    if found is not None and status == OCTAHEDRAL and found.gradients is not None:
        rows = zip(PARAMETERS, found.values()[0], found.gradients[0, :, 1:], strict=True)
        linear |= {name: (float(value), pull) for name, value, pull in rows}
    else:
        off = lengths - mean
        signs = np.sign(off)
        linear["zeta"] = float(np.abs(off).sum()), (signs - signs.mean())[:, None] * units
        relative = off / mean
        common = -(relative * (1 + relative)).sum() / number
        linear["delta"] = float((relative**2).mean()), 2 / number * ((relative + common) / mean)[:, None] * units
    hull = None
    if number >= 4:
        try:
            hull = polyhedron_hull(np.zeros(3), sphere.vectors)
        except ValueError as error:
            notes.append(str(error))
        else:
            linear["volume"] = hull.volume, hull.gradient
    shapes = {name: shape_measure(sphere.positions, name) for name in SHAPES.get(number, ())}
    linear |= {f"shape_{name}": (shape.value, shape.gradient[1:]) for name, shape in shapes.items()}
    if number == 6 and shapes["trigonal_prism"].value < shapes["octahedron"].value:
        notes.append(
            "nearer to a trigonal prism than to an octahedron: Sigma and Theta describe a strongly twisted one"
        )
        if status == OCTAHEDRAL:
            status = "nearer to a trigonal prism than to an octahedron"
            if shapes["trigonal_prism"].value < PRISM * shapes["octahedron"].value:
                linear = {name: one for name, one in linear.items() if name not in PARAMETERS[3:]}
    known = bool(np.all(sphere.known))
    slopes = np.stack([pull for _, pull in linear.values()]).reshape(len(linear), -1)
    sigmas = np.sqrt(np.sum((slopes @ sphere.factor.reshape(3 * number, -1)) ** 2, axis=1))
    values = {
        name: Value(value, float(sigma) if known else math.nan)
        for (name, (value, _)), sigma in zip(linear.items(), sigmas, strict=True)
    }
    if hull is not None:
        values["metal_depth"] = Value(hull.depth, math.nan)
    sampled: dict[str, float] = {}
    if samples and known:
        bent, folding = _bent(sphere, values, found, shapes)
        if bent:
            sampled = _sample(sphere, values, bent, found, shapes, folding, samples, seed)
    convex = None if hull is None else hull.convex
    return SphereGeometry(sphere, values, status, convex, sampled, tuple(notes))


def _fold_bias(values: np.ndarray, sigmas: np.ndarray) -> float:
    """Expected sum of |x + noise| less the sum of |x|."""
    # terms many s.u. from zero do not fold
    near = np.abs(values) < 4 * sigmas
    if not near.any():
        return 0.0
    z, sigmas = np.abs(values[near]) / sigmas[near], sigmas[near]
    tail = np.array([math.erfc(one / math.sqrt(2)) / 2 for one in z])
    return float(np.sum(2 * sigmas * (np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) - z * tail)))


def _bent(
    sphere: CoordinationSphere,
    values: Mapping[str, Value],
    found: Distortion | None,
    shapes: Mapping[str, ShapeMeasure],
) -> tuple[list[str], bool]:
    """Names of parameters whose first-order s.u. means little, and whether terms of Theta bend at all.

    They mean little where terms of them bend within their own s.u.
    """
    factor = sphere.factor
    lengths = sphere.lengths
    units = sphere.vectors / lengths[:, None]
    radial = np.einsum("ki,kip->kp", units, factor)
    spread = np.linalg.norm(radial - radial.mean(axis=0), axis=1)
    folding = False
    biases = {
        "zeta": _fold_bias(lengths - lengths.mean(), spread),
        "delta": float(np.mean(spread**2)) / float(lengths.mean()) ** 2,
    }
    if "theta" in values and found is not None and found.kink_gradients is not None:
        pull = found.kink_gradients[0, :, 1:].reshape(60, -1)
        each = np.linalg.norm(pull @ factor.reshape(pull.shape[1], -1), axis=1)
        kinks = found.kinks[0]
        biases["sigma"] = _fold_bias(kinks[:12], each[:12])
        biases["theta"] = _fold_bias(kinks[12:], each[12:]) / 2
        least = min(values[name].sigma for name in PARAMETERS[4:])
        folding = biases["theta"] > BENT / 10 * least
        if biases["theta"] > BENT * least:
            biases |= dict.fromkeys(PARAMETERS[4:], math.inf)
        elif _ranks_unclear(found, factor):
            biases |= dict.fromkeys(PARAMETERS[5:], math.inf)
    total = float(np.sum(factor**2))
    size = float(sphere.positions.var(axis=0).sum()) * len(sphere.positions)
    biases |= {f"shape_{name}": 100.0 * total / size for name in shapes}
    limits = {name: max(BENT * values[name].sigma, 1e-9 * values[name].value) for name in biases}
    return [name for name, bias in biases.items() if bias > limits[name]], folding


def _ranks_unclear(found: Distortion, factor: np.ndarray) -> bool:
    """Whether faces of Theta_min and Theta_max may change places within the errors."""
    slopes = _face_slopes(found, factor)
    order = np.argsort(found.faces[0])
    low, high = order[:4], order[4:]
    gaps = found.faces[0][high][:, None] - found.faces[0][low][None]
    spread = np.linalg.norm(slopes[high][:, None] - slopes[low][None], axis=2)
    return bool(np.any(gaps < CLEAR_RANK * spread))


def _face_slopes(found: Distortion, factor: np.ndarray) -> np.ndarray:
    """Derivative of the eight face values in the columns of a factor, (8, P)."""
    assert found.kink_gradients is not None
    signs = np.sign(found.kinks[0, 12:]).reshape(8, 6)
    pull = found.kink_gradients[0, 12:, 1:].reshape(8, 6, -1, 3)
    return np.einsum("fki,kip->fp", np.einsum("fa,faki->fki", signs, pull), factor)


def _sample(
    sphere: CoordinationSphere,
    values: dict[str, Value],
    bent: list[str],
    found: Distortion | None,
    shapes: Mapping[str, ShapeMeasure],
    folding: bool,
    samples: int,
    seed: int,
) -> dict[str, float]:
    """Replace s.u. of the named parameters by those of samples; return their biases.

    The terms inside absolute values and squares are linear in coordinates over an s.u.; only their sum is not.
    """
    number = len(sphere)
    # the same covariance with as few columns as there are components
    # numpy's stub knows the result of the default mode only
    factor = np.linalg.qr(sphere.factor.reshape(3 * number, -1).T, mode="r").T  # type: ignore[attr-defined]
    half = _draws(samples // 2, factor.shape[1], seed)
    factor = factor.reshape(number, 3, -1)
    biases: dict[str, float] = {}

    def keep(name: str, each: np.ndarray) -> None:
        if name in bent:
            centre = float(each.mean())
            values[name] = Value(values[name].value, float(each.std()))
            biases[name] = centre - values[name].value

    if "zeta" in bent or "delta" in bent:
        lengths = sphere.lengths
        radial = half @ np.einsum("ki,kip->pk", sphere.vectors / lengths[:, None], factor)
        shift = radial.mean(axis=1, keepdims=True)
        off = _both(lengths - lengths.mean(), radial - shift)
        keep("zeta", np.abs(off).sum(axis=1))
        keep("delta", ((off / _both(lengths.mean(), shift)) ** 2).mean(axis=1))
    if found is not None and found.kink_gradients is not None:
        if "sigma" in bent:
            keep("sigma", _folded(found, slice(0, 12), factor, half).sum(axis=1))
        if "theta_min" in bent:
            if "theta" in bent or folding:
                faces = _folded(found, slice(12, 60), factor, half).reshape(-1, 8, 6).sum(axis=2)
            else:
                # no term bends, only the order of the faces is open
                faces = _both(found.faces[0], half @ _face_slopes(found, factor).T)
            # sums of the four smallest and the four largest
            low, high = (np.partition(faces, 3, axis=1) @ _HALVES).T
            keep("theta", (low + high) / 2)
            keep("theta_min", low)
            keep("theta_max", high)
    for name, shape in shapes.items():
        if f"shape_{name}" in bent:
            shifts = np.einsum("kip,sp->ski", factor, half)
            drawn = np.concatenate([sphere.vectors + shifts, sphere.vectors - shifts])
            keep(f"shape_{name}", _measures(drawn, REFERENCES[name], shape.assignment))
    return biases


def _folded(found: Distortion, terms: slice, factor: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Absolute values of drawn terms of Sigma or Theta, (S, number of terms)."""
    assert found.kink_gradients is not None
    pull = found.kink_gradients[0, terms, 1:]
    slopes = pull.reshape(len(pull), -1) @ factor.reshape(3 * factor.shape[0], -1)
    return np.abs(_both(found.kinks[0, terms], half @ slopes.T))


def _both(centre: np.ndarray | float, shifts: np.ndarray) -> np.ndarray:
    return np.concatenate([centre + shifts, centre - shifts])


@cache
def _draws(number: int, size: int, seed: int) -> np.ndarray:
    """Normal draws whose second moments are exactly those of the distribution, so that linear parts carry no noise."""
    draws = np.random.default_rng(seed).standard_normal((number, size))
    if number > size:
        draws = np.linalg.solve(np.linalg.cholesky(draws.T @ draws / number), draws.T).T
    draws.flags.writeable = False
    return draws


def _measures(drawn: np.ndarray, vertices: np.ndarray, assignment: tuple[int, ...]) -> np.ndarray:
    """Shape measures of many similar spheres at one assignment of vertices, shape (S,)."""
    q = np.concatenate([np.zeros((len(drawn), 1, 3)), drawn], axis=1)
    q -= q.mean(axis=1, keepdims=True)
    p = np.vstack([np.zeros(3), vertices[list(assignment)]])
    p = p - p.mean(axis=0)
    total = np.linalg.svd(np.einsum("ki,skj->sij", p, q), compute_uv=False).sum(axis=1)
    return np.asarray(100.0 * (1.0 - total**2 / (np.einsum("ski,ski->s", q, q) * np.sum(p * p))))
