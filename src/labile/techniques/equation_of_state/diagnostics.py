"""F-f plot and confidence ellipse: what data and a fit say about K0' and its correlation with K0.

    f = [(V0/V)^(2/3) - 1]/2,    F = P/[3 f (1 + 2 f)^(5/2)]

A Birch-Murnaghan curve of order 3 is the line F = K0 [1 + 1.5 (K0' - 4) f]; order 2 is level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.techniques.equation_of_state.fit import CompressionData, CompressionError, CompressionFit

RELIABLE = 1e-5
"""f below which F is a quotient of two numbers that are zero but for noise."""


@dataclass(frozen=True, eq=False)
class NormalizedPressure:
    """Points of an F-f plot; those at V0 itself are left out.

    Attributes
    ----------
    rows : ndarray (M,) of int
        Rows of the data.
    strain, sigma_strain : ndarray (M,)
        f, s.u. from V and V0.
    pressure, sigma_pressure : ndarray (M,)
        F, Pa, s.u. from P, V and V0.
    """

    rows: np.ndarray
    strain: np.ndarray
    sigma_strain: np.ndarray
    pressure: np.ndarray
    sigma_pressure: np.ndarray


def normalized_pressure(data: CompressionData, volume: float, sigma_volume: float = 0.0) -> NormalizedPressure:
    """F and f of data.

    Parameters
    ----------
    data : CompressionData
    volume, sigma_volume : float
        V0 and its s.u., in the unit of the data; measured or fitted.

    Returns
    -------
    NormalizedPressure

    Raises
    ------
    CompressionError
        If V0 is not positive or no volume differs from it.

    References
    ----------
    F. Birch, J. Geophys. Res. 83, 1257 (1978), doi 10.1029/JB083iB03p01257. D. L. Heinz, R. Jeanloz, J. Appl. Phys. 55,
    885 (1984), doi 10.1063/1.333139 (uncertainties).

    Examples
    --------
    >>> from labile.models.volumes import EquationOfState
    >>> from labile.techniques.equation_of_state.fit import compression_data
    >>> v = np.array([480.0, 450.0])
    >>> p = EquationOfState("birch_murnaghan_2", 500.0, 10e9).pressure(v) + 101325
    >>> (normalized_pressure(compression_data(p, v), 500.0).pressure / 1e9).round(6).tolist()
    [10.0, 10.0]
    """
    if not volume > 0:
        raise CompressionError(f"F-f plot: V0 must be > 0, found {volume}")
    f_all = 0.5 * np.expm1(-2.0 / 3.0 * np.log(data.volume / volume))
    rows = np.flatnonzero(np.abs(f_all) > RELIABLE)
    if rows.size == 0:
        raise CompressionError("F-f plot: every volume is V0")
    f, v = f_all[rows], data.volume[rows]
    p = data.pressure[rows] - AMBIENT_PRESSURE
    factor = 3.0 * f * (1.0 + 2.0 * f) ** 2.5
    found = p / factor
    # relative change of V/V0 moves f, and F through f
    relative = np.hypot(data.sigma_volume[rows] / v, sigma_volume / volume)
    sigma_f = (1.0 + 2.0 * f) / 3.0 * relative
    slope = found * (1.0 / f + 5.0 / (1.0 + 2.0 * f))
    sigma = np.hypot(data.sigma_pressure[rows] / np.abs(factor), slope * sigma_f)
    return NormalizedPressure(rows, f, sigma_f, found, sigma)


def confidence_ellipse(
    fit: CompressionFit,
    names: tuple[str, str] = ("bulk_modulus", "bulk_modulus_derivative"),
    *,
    level: float = 0.6827,
    points: int = 181,
) -> np.ndarray:
    """Joint confidence region of two parameters.

    Parameters
    ----------
    fit : CompressionFit
    names : tuple of two str
    level : float
        Probability that the ellipse holds both true values; 68.27 % is a chi2 rise of 2.30.
    points : int

    Returns
    -------
    ndarray (points, 2)
        SI; the first point is repeated at the end.

    Raises
    ------
    CompressionError
        If a parameter is fixed, not of this form, or not determined.

    References
    ----------
    R. J. Angel, Rev. Mineral. Geochem. 41, 35 (2000), doi 10.2138/rmg.2000.41.2.
    """
    if not 0 < level < 1:
        raise CompressionError(f"confidence ellipse: level must lie between 0 and 1, found {level}")
    missing = [name for name in names if name not in fit.names]
    if missing:
        raise CompressionError(f"confidence ellipse: {fit.form} has no parameter {missing[0]}; it has {fit.names}")
    index = [fit.names.index(name) for name in names]
    matrix = fit.covariance[np.ix_(index, index)]
    if not np.all(np.isfinite(matrix)) or np.any(np.diag(matrix) <= 0):
        raise CompressionError(f"confidence ellipse: {' and '.join(names)} must be free and determined by the data")
    scale = np.sqrt(np.diag(matrix))
    root = np.linalg.cholesky(matrix / np.outer(scale, scale))
    angle = np.linspace(0.0, 2.0 * math.pi, points)
    circle = math.sqrt(-2.0 * math.log1p(-level)) * np.stack([np.cos(angle), np.sin(angle)])
    centre = np.array([fit.value(name)[0] for name in names])
    return np.asarray(centre + (scale[:, None] * (root @ circle)).T)
