"""What statements ask of a curve, and how data weigh a prediction: values with their exact derivatives."""

from __future__ import annotations

import math

import numpy as np

from labile.inference.objective import Objective, Statement


def functional(
    statement: Statement, temperature: np.ndarray, curve: np.ndarray, jacobian: np.ndarray
) -> tuple[float, np.ndarray]:
    """Value of a statement's functional on a curve, and its gradient.

    Parameters
    ----------
    statement : Statement
        Not about a transition.
    temperature : ndarray (N,)
        K, evenly spaced in a window.
    curve : ndarray (N,)
    jacobian : ndarray (N, K)

    Returns
    -------
    value : float
        SI of the curve; K for ``maximum_position``.
    gradient : ndarray (K,)
    """
    kind = statement.kind
    if kind == "value":
        return float(curve[0]), jacobian[0]
    if kind == "difference":
        return float(curve[1] - curve[0]), jacobian[1] - jacobian[0]
    i = extreme(statement, curve)
    if i in (0, curve.size - 1):
        if kind == "maximum_position":
            return float(temperature[i]), np.zeros(jacobian.shape[1])
        return float(curve[i]), jacobian[i]
    # vertex of the parabola through the extreme point and its neighbours, and its derivative in them
    left, middle, right = curve[i - 1], curve[i], curve[i + 1]
    h = float(temperature[i + 1] - temperature[i])
    bend = left - 2 * middle + right
    lean = left - right
    rows = jacobian[i - 1 : i + 2]
    if kind != "maximum_position":
        weights = np.array([-lean / (4 * bend) + lean**2 / (8 * bend**2), 1 - lean**2 / (4 * bend**2),
                            lean / (4 * bend) + lean**2 / (8 * bend**2)])  # fmt: skip
        return float(middle - lean**2 / (8 * bend)), weights @ rows
    weights = h * np.array([0.5 / bend - lean / (2 * bend**2), lean / bend**2, -0.5 / bend - lean / (2 * bend**2)])
    return float(temperature[i] + h * lean / (2 * bend)), weights @ rows


def extreme(statement: Statement, curve: np.ndarray) -> int:
    """Index of the point of a curve that a statement about an extremum speaks of."""
    return int(np.argmin(curve) if statement.kind == "above" else np.argmax(curve))


def weigh(objective: Objective, predicted: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted residuals and their derivative in the prediction."""
    if objective.measurement is not None:
        observed, sigma = objective.measurement.values, np.asarray(objective.measurement.sigma) * scale
        limits = objective.measurement.limits
    else:
        assert objective.statement is not None
        statement = objective.statement
        observed, sigma = np.array([statement.value]), np.array([statement.sigma])
        sign = {"above": 1, "below": -1}.get(statement.kind, statement.limit)
        limits = np.array([sign])
    residual, slope = (observed - predicted) / sigma, -1.0 / sigma
    if limits is None or not np.any(limits):
        return residual, slope
    soft, soft_slope = limit_residual(-limits * (observed - predicted) / sigma)
    is_limit = limits != 0
    return np.where(is_limit, soft, residual), np.where(is_limit, soft_slope * limits / sigma, slope)


def limit_residual(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residual of a one-sided datum, r = sqrt(-2 ln Phi(z)), and dr/dz.

    Parameters
    ----------
    z : ndarray
        (limit - prediction)/sigma for an upper limit, (prediction - limit)/sigma for a lower one.

    Returns
    -------
    residual, slope : ndarray

    Examples
    --------
    >>> r, _ = limit_residual(np.array([-3.0, 0.0, 3.0]))
    >>> r.round(3).tolist()
    [3.635, 1.177, 0.052]
    """
    from scipy.special import log_ndtr

    log_phi = log_ndtr(z)
    residual = np.sqrt(-2.0 * log_phi)
    density = np.exp(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) - log_phi)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(residual > 1e-150, -density / np.maximum(residual, 1e-300), 0.0)
    return residual, slope
