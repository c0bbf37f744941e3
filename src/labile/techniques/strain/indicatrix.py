"""Representation surfaces of expansion and compressibility: the coefficient n^T A n along every direction n."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.techniques.strain.tensor import StrainError


@dataclass(frozen=True, eq=False)
class Indicatrix:
    """A surface, or a section through it.

    Attributes
    ----------
    directions : ndarray (..., 3)
        Unit vectors, Cartesian.
    values : ndarray (...)
        Coefficient along them; below 0 where the crystal goes the other way.
    """

    directions: np.ndarray
    values: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """|coefficient| times direction, shape (..., 3): what is drawn."""
        return np.abs(self.values)[..., None] * self.directions


def _checked(tensor: Any) -> np.ndarray:
    array = np.asarray(tensor, dtype=float)
    if array.shape != (3, 3) or not np.all(np.isfinite(array)) or not np.allclose(array, array.T, rtol=1e-9):
        raise StrainError(f"indicatrix: a symmetric 3 x 3 tensor is needed, found shape {array.shape}")
    return array


def indicatrix(tensor: Any, points: int = 61) -> Indicatrix:
    """Surface on a grid of polar angles.

    Parameters
    ----------
    tensor : array_like (3, 3)
        Expansion (1/K) or compressibility (1/Pa).
    points : int
        Polar angles; twice as many less one azimuths.

    Returns
    -------
    Indicatrix
        Arrays of shape (points, 2 points - 1).

    Examples
    --------
    >>> surface = indicatrix(np.diag([-1.0, 2.0, 3.0]), points=3)
    >>> surface.values.round(9).tolist()[1]
    [-1.0, 2.0, -1.0, 2.0, -1.0]
    """
    array = _checked(tensor)
    theta, phi = np.meshgrid(
        np.linspace(0, math.pi, points), np.linspace(0, 2 * math.pi, 2 * points - 1), indexing="ij"
    )
    n = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    return Indicatrix(n, np.einsum("...i,ij,...j->...", n, array, n))


def section(tensor: Any, first: Any, second: Any, points: int = 361) -> Indicatrix:
    """Section in the plane of two directions, from the first through the second.

    Parameters
    ----------
    tensor : array_like (3, 3)
    first, second : array_like (3,)
        Cartesian vectors that are not parallel; `second` is made perpendicular to `first`.
    points : int

    Returns
    -------
    Indicatrix
        Arrays of shape (points,); the angle to `first` goes from 0 to 2 pi in equal steps.

    Raises
    ------
    StrainError
        For parallel directions.

    Examples
    --------
    >>> section(np.diag([-1.0, 2.0, 3.0]), [1, 0, 0], [0, 0, 1], points=5).values.round(9).tolist()
    [-1.0, 3.0, -1.0, 3.0, -1.0]
    """
    array = _checked(tensor)
    u = np.asarray(first, dtype=float)
    u = u / np.linalg.norm(u)
    v = np.asarray(second, dtype=float)
    v = v - (v @ u) * u
    if not np.linalg.norm(v) > 1e-9 * np.linalg.norm(np.asarray(second, dtype=float)):
        raise StrainError("indicatrix: a section needs two directions that are not parallel")
    v = v / np.linalg.norm(v)
    angle = np.linspace(0.0, 2.0 * math.pi, points)
    n = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    return Indicatrix(n, np.einsum("...i,ij,...j->...", n, array, n))
