"""Areas and centroids of sampled peaks, every point weighted with the energy it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from labile.techniques.xas.absorption import XasError


def trapezoid_weights(energy: np.ndarray) -> np.ndarray:
    """Energy (M,) that each point stands for in a trapezoidal integral."""
    weights = np.zeros(energy.size)
    steps = np.diff(energy)
    weights[:-1] += 0.5 * steps
    weights[1:] += 0.5 * steps
    return weights


def weighted_centroid(energy: Any, intensity: Any, sigma: Any = None) -> tuple[float, float]:
    """Centroid of sampled intensities, each weighted with its share of the energy, and its standard uncertainty.

    int E y dE / int y dE of the cubic spline through the points. sum(E y) / sum(y), which some programs report, moves
    towards wherever the points lie denser, and trapezoids still do where coarse steps meet a peak.

    Parameters
    ----------
    energy : array_like (M,)
        Increasing, in any unit of energy.
    intensity : array_like (M,)
        Without edge and background.
    sigma : array_like (M,) or float, optional
        Independent noise of the intensities.

    Returns
    -------
    centroid, sigma : float
        In the unit of `energy`; sigma is NaN where no noise is given.

    Raises
    ------
    XasError
        For energies that do not increase, or an area that is not above 0.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0])
    >>> round(weighted_centroid(x, x * (4.0 - x))[0], 12)
    2.0
    """
    x, y = np.asarray(energy, dtype=float), np.asarray(intensity, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or x.size < 4:
        raise XasError(f"centroid: at least 4 energies and as many intensities are needed, found {x.shape}, {y.shape}")
    if not np.all(np.diff(x) > 0):
        raise XasError("centroid: the energies do not increase; sort them with sorted_energies(spectrum)")
    weight, moment = _spline_weights(x)
    area = float(weight @ y)
    if not area > 0:
        raise XasError(f"centroid: the area is {area:.4g}; a centroid needs one above 0. Is the background taken off?")
    ahead = float(moment @ y) / area
    if sigma is None:
        return float(x[0]) + ahead, float("nan")
    noise = np.broadcast_to(np.asarray(sigma, dtype=float), x.shape)
    return float(x[0]) + ahead, float(np.linalg.norm((moment - ahead * weight) * noise)) / area


def _spline_weights(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (M,) of the values in the integrals of the cubic spline y and of x y, x from the first point."""
    from scipy.interpolate import CubicSpline

    nodes, gauss = np.polynomial.legendre.leggauss(3)
    steps = np.diff(x)
    at = (x[:-1, None] + 0.5 * steps[:, None] * (1.0 + nodes)).ravel()
    lengths = (0.5 * steps[:, None] * gauss).ravel()
    basis = CubicSpline(x, np.eye(x.size))(at)
    return lengths @ basis, (lengths * (at - x[0])) @ basis
