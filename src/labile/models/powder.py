"""Directions of the magnetic field over which a powder is averaged.

The magnetisation along the field does not change when the field is reversed, so half a sphere suffices; where all axes
of the molecule coincide one octant does, and where two of them are equivalent one meridian. On each the average is a
product rule, Gauss-Legendre in cos(theta) and equal steps in phi, which integrates every spherical harmonic up to
degree 4n - 2 exactly; its error falls faster than any power of n once the function is resolved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ORDERS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Orders that an automatic average goes through until two of them agree."""
SYMMETRIES = ("single", "meridian", "octant", "hemisphere")


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit vectors and their weights.

    Attributes
    ----------
    vectors : ndarray (O, 3)
        In the frame of the molecule.
    weights : ndarray (O,)
        Sum 1.
    name : str
        What they are.

    Raises
    ------
    ValueError
        If a vector has not length 1, or the weights are negative or do not sum to 1.
    """

    vectors: np.ndarray
    weights: np.ndarray
    name: str = ""

    def __post_init__(self) -> None:
        vectors = np.ascontiguousarray(self.vectors, dtype=float)
        weights = np.ascontiguousarray(self.weights, dtype=float)
        if vectors.ndim != 2 or vectors.shape[1:] != (3,) or weights.shape != vectors.shape[:1] or not weights.size:
            raise ValueError(
                f"directions: expected vectors (O, 3) and weights (O,), found {vectors.shape} and {weights.shape}"
            )
        if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=0, atol=1e-9):
            raise ValueError("directions: every vector must have length 1")
        if not (np.all(weights >= 0) and abs(weights.sum() - 1.0) < 1e-9):
            raise ValueError(f"directions: weights must be >= 0 and sum to 1, found the sum {weights.sum():.12g}")
        vectors.flags.writeable = weights.flags.writeable = False
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "weights", weights)

    def __len__(self) -> int:
        return int(self.weights.size)


def along(vector: tuple[float, float, float] | np.ndarray) -> Directions:
    """One direction, as for a single crystal.

    Raises
    ------
    ValueError
        For a vector without a direction.

    Examples
    --------
    >>> along((0, 0, 2)).vectors.tolist()
    [[0.0, 0.0, 1.0]]
    """
    given = np.asarray(vector, dtype=float)
    length = float(np.linalg.norm(given)) if given.shape == (3,) else math.nan
    if not 0 < length < math.inf:
        raise ValueError(f"direction: expected three numbers that are not all 0, found {vector!r}")
    return Directions(given[None, :] / length, np.ones(1), "one direction")


@lru_cache(maxsize=64)
def gauss_directions(order: int, symmetry: str = "hemisphere") -> Directions:
    """Product rule of one order.

    Parameters
    ----------
    order : int
        n >= 1: n polar angles.
    symmetry : {"single", "meridian", "octant", "hemisphere"}
        Which part of the sphere stands for all of it: ``single``, one direction that makes equal angles with x, y
        and z (an isotropic molecule, whose response to a first anisotropy it averages exactly); ``meridian``, half way
        between x and y (x and y equivalent); ``octant`` (all tensors share their axes); ``hemisphere``.

    Returns
    -------
    Directions
        1, n, n^2 or 4n^2 of them.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> len(gauss_directions(6, "octant")), len(gauss_directions(6))
    (36, 144)
    """
    if order < 1 or symmetry not in SYMMETRIES:
        raise ValueError(f"powder: order must be >= 1 and symmetry one of {', '.join(SYMMETRIES)}; found {order!r},"
                         f" {symmetry!r}")  # fmt: skip
    if symmetry == "single":
        return Directions(np.full((1, 3), 1.0 / math.sqrt(3.0)), np.ones(1), "isotropic, 1 direction")
    nodes, polar = np.polynomial.legendre.leggauss(2 * order)
    cosines, polar = nodes[order:], polar[order:]
    span, steps = {"meridian": (0.5, 1), "octant": (0.5, order), "hemisphere": (2.0, 4 * order)}[symmetry]
    phi = span * math.pi * (np.arange(steps) + 0.5) / steps
    sines = np.sqrt(1.0 - cosines**2)
    vectors = np.stack(
        [np.outer(sines, np.cos(phi)), np.outer(sines, np.sin(phi)), np.outer(cosines, np.ones(steps))], axis=-1
    )
    weights = np.repeat(polar / polar.sum() / steps, steps)
    return Directions(vectors.reshape(-1, 3), weights, f"Gauss product, {symmetry}, order {order}")


def fibonacci_directions(count: int) -> Directions:
    """Points of a Fibonacci spiral on half a sphere with equal weights; its error falls as 1/count only.

    Parameters
    ----------
    count : int
        >= 1.

    Raises
    ------
    ValueError

    References
    ----------
    R. Swinbank, R. J. Purser, Q. J. R. Meteorol. Soc. 2006, 132, 1769, doi:10.1256/qj.05.227.

    Examples
    --------
    >>> len(fibonacci_directions(200))
    200
    """
    if count < 1:
        raise ValueError(f"powder: at least one direction is needed, found {count!r}")
    index = np.arange(count)
    cosines = (index + 0.5) / count
    phi = index * math.pi * (3.0 - math.sqrt(5.0))
    sines = np.sqrt(1.0 - cosines**2)
    vectors = np.stack([sines * np.cos(phi), sines * np.sin(phi), cosines], axis=1)
    return Directions(vectors, np.full(count, 1.0 / count), f"Fibonacci, {count} directions")
