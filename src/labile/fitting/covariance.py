"""What residuals determine: the covariance from a Jacobian, and the directions it says nothing about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTICIPATION = 1e-6
"""Component of a unit vector (in scaled parameters) above which a parameter takes part in a direction."""


@dataclass(frozen=True, eq=False)
class Determination:
    """The singular value decomposition of a Jacobian with columns of unit length.

    Attributes
    ----------
    inverse_root : ndarray (F, K)
        A with A A^T = pseudo-inverse of J^T J over the K determined directions, in the parameters' units.
    null : ndarray (F, F-K)
        Orthonormal directions, in parameters multiplied by `norms`, that leave the residuals unchanged.
    norms : ndarray (F,)
        Lengths of the Jacobian's columns (1 for a column of zeros).
    """

    inverse_root: np.ndarray
    null: np.ndarray
    norms: np.ndarray

    @property
    def undetermined(self) -> np.ndarray:
        """Which parameters (F,) take part in an undetermined direction."""
        return np.asarray(np.any(np.abs(self.null) > PARTICIPATION, axis=1))

    def variance(self, gradient: np.ndarray) -> np.ndarray:
        """Variance of quantities with these gradients (..., F); infinite where a null direction would move them."""
        gradient = np.asarray(gradient, dtype=float)
        variance = np.sum((gradient @ self.inverse_root) ** 2, axis=-1)
        if self.null.shape[1]:
            scaled = gradient / self.norms
            length = np.linalg.norm(scaled, axis=-1)
            lost = np.linalg.norm(scaled @ self.null, axis=-1) > PARTICIPATION * length
            variance = np.where(lost, np.inf, variance)
        return np.asarray(variance)


def determine(jacobian: np.ndarray) -> Determination:
    """Split parameter space into what the residuals determine and what they do not.

    Columns are first scaled to unit length, so that the answer does not depend on the parameters' units. A
    direction counts as undetermined when its singular value is below (residuals + parameters) * 2.2e-16 of the
    largest: nothing but round-off distinguishes it from zero.

    Parameters
    ----------
    jacobian : ndarray (R, F)

    Returns
    -------
    Determination

    Examples
    --------
    >>> d = determine(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]))
    >>> d.undetermined.tolist()
    [True, True, False]
    >>> d.variance(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])).round(12).tolist()
    [1.0, inf, 0.25]
    """
    rows, columns = jacobian.shape
    norms = np.linalg.norm(jacobian, axis=0)
    norms[norms == 0] = 1.0
    if columns == 0:
        return Determination(np.zeros((0, 0)), np.zeros((0, 0)), norms)
    _, s, vt = np.linalg.svd(np.linalg.qr(jacobian / norms, mode="r"), full_matrices=True)
    threshold = (rows + columns) * np.finfo(float).eps
    rank = int(np.sum(s > threshold * max(s[0], 1.0))) if s.size else 0
    root = vt[:rank].T / s[:rank] / norms[:, None]
    return Determination(root, vt[rank:].T, norms)


def covariance(jacobian: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance (J^T J)^-1 of parameters, honest about what is not determined.

    Parameters
    ----------
    jacobian : ndarray (R, F)
        Of the weighted residuals.
    held : ndarray (F,) of bool
        Parameters on a bound. They are held there: their rows and columns are 0, and the covariance of the others
        is conditional on it.

    Returns
    -------
    covariance : ndarray (F, F)
        Infinite variance and NaN covariances for parameters that take part in an undetermined direction; the
        others keep the finite values that do not depend on where along that direction one stands.
    undetermined : ndarray (F,) of bool
    """
    count = jacobian.shape[1]
    moving = np.flatnonzero(~held)
    determination = determine(jacobian[:, moving])
    block = determination.inverse_root @ determination.inverse_root.T
    lost = determination.undetermined
    block[lost, :] = np.nan
    block[:, lost] = np.nan
    block[lost, lost] = np.inf
    matrix = np.zeros((count, count))
    matrix[np.ix_(moving, moving)] = block
    undetermined = np.zeros(count, dtype=bool)
    undetermined[moving[lost]] = True
    return matrix, undetermined
