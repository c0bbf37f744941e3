"""How far the points of a curve scatter, beside the standard uncertainty a file states for them."""

from __future__ import annotations

import numpy as np

from labile.fitting.smoothing import local_polynomial

WINDOW = 7
"""Neighbouring points through which the parabola is laid that a point is compared with."""
FEWEST = 12
"""Points at different temperatures below which nothing is said."""
OVERSTATED = 5.0
"""Stated sigma over scatter from which the sigma cannot be the noise of single points."""
_MEDIAN_OF_NORMAL = 0.6744897501960817


def sigma_over_scatter(temperature: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> float | None:
    """Stated standard uncertainty over the scatter of the points about parabolas through their neighbours.

    The median over the points is taken, so that a step or a few bad points hardly count; what bends within a few
    points enlarges the scatter and lowers the ratio.

    Parameters
    ----------
    temperature, values : ndarray (N,)
        K, and the unit of `sigma`.
    sigma : ndarray (N,)
        > 0.

    Returns
    -------
    float or None
        About 1 when the sigma is the noise of independent points, infinite without any scatter; None below `FEWEST`
        different temperatures.

    Examples
    --------
    >>> t = np.linspace(10.0, 300.0, 200)
    >>> noise = np.random.default_rng(0).normal(0.0, 0.01, t.size)
    >>> round(sigma_over_scatter(t, 3.0 + noise, np.full(t.size, 0.01)))
    1
    """
    order = np.argsort(temperature, kind="stable")
    x = temperature[order]
    order = order[np.concatenate(([True], np.diff(x) > 1e-6 * x[1:]))]
    if order.size < FEWEST:
        return None
    fit = local_polynomial(temperature[order], values[order], window=WINDOW, order=2, sigma=1.0)
    # sum of the squared weights of a projection is its leverage, up to 1 at the ends
    left = np.sqrt(np.clip(1.0 - fit.sigma_values**2, 0.0, 1.0))
    inner = slice(WINDOW // 2, -(WINDOW // 2))
    residual = np.abs(values[order] - fit.values)[inner] / left[inner]
    scatter = float(np.median(residual / sigma[order][inner])) / _MEDIAN_OF_NORMAL
    return 1.0 / scatter if scatter > 0 else float("inf")
