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
    """Centroid of sampled intensities, each weighted with its energy step, and its standard uncertainty.

    sum(E y) / sum(y) without the steps, which some programs report, moves towards wherever the points lie denser.

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
    >>> weighted_centroid([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0], [0.0, 1.0, 2.0, 1.5, 1.0, 0.5, 0.0])
    (2.0, nan)
    """
    x, y = np.asarray(energy, dtype=float), np.asarray(intensity, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or x.size < 3:
        raise XasError(f"centroid: at least 3 energies and as many intensities are needed, found {x.shape}, {y.shape}")
    if not np.all(np.diff(x) > 0):
        raise XasError("centroid: the energies do not increase; sort them with sorted_energies(spectrum)")
    # exact for the line through neighbouring points, also where E y is a parabola between them
    weight, moment = trapezoid_weights(x), _moment_weights(x)
    area = float(weight @ y)
    if not area > 0:
        raise XasError(f"centroid: the area is {area:.4g}; a centroid needs one above 0. Is the background taken off?")
    centroid = float(moment @ y) / area
    if sigma is None:
        return centroid, float("nan")
    noise = np.broadcast_to(np.asarray(sigma, dtype=float), x.shape)
    return centroid, float(np.linalg.norm((moment - centroid * weight) * noise)) / area


def _moment_weights(x: np.ndarray) -> np.ndarray:
    """Weights (M,) of the integral of E y(E) for y linear between the points."""
    weights = np.zeros(x.size)
    steps = np.diff(x)
    weights[:-1] += steps * (2.0 * x[:-1] + x[1:]) / 6.0
    weights[1:] += steps * (x[:-1] + 2.0 * x[1:]) / 6.0
    return weights
