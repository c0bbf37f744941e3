"""Non-negative linear least squares, with or without coefficients that add up to 1, for many data at once."""

from __future__ import annotations

from itertools import combinations

import numpy as np

LARGEST = 8
"""Columns: every subset of them is solved."""


def best_fractions(gram: np.ndarray, product: np.ndarray, sum_to_one: bool) -> np.ndarray:
    """Minimise |y - A f|^2 over f >= 0, exactly.

    The minimum is the unbounded one of some subset of the columns, so all subsets are solved and the best one without a
    negative coefficient is kept. For the few components of a mixture this is faster than any search and cannot end in
    the wrong corner.

    Parameters
    ----------
    gram : ndarray (N, K, K)
        A^T A, weighted, of each problem.
    product : ndarray (N, K)
        A^T y.
    sum_to_one : bool

    Returns
    -------
    ndarray (N, K)

    Examples
    --------
    >>> best_fractions(np.eye(2)[None], np.array([[0.9, -0.3]]), False).tolist()
    [[0.9, 0.0]]
    >>> best_fractions(np.eye(2)[None], np.array([[0.9, 0.3]]), True).round(6).tolist()
    [[0.8, 0.2]]
    """
    count, columns = product.shape
    best = np.zeros((count, columns))
    # without any column the misfit is y.y, from which the others are measured
    lowest = np.full(count, np.inf) if sum_to_one else np.zeros(count)
    for size in range(1, columns + 1):
        for chosen in combinations(range(columns), size):
            pick = np.array(chosen)
            trial = np.zeros((count, columns))
            trial[:, pick] = _solved(gram[:, pick[:, None], pick], product[:, pick], sum_to_one)
            misfit = np.einsum("nk,nkl,nl->n", trial, gram, trial) - 2.0 * np.einsum("nk,nk->n", trial, product)
            better = (misfit < lowest) & np.all(trial >= 0.0, axis=1)
            best[better], lowest[better] = trial[better], misfit[better]
    return best


def _solved(gram: np.ndarray, product: np.ndarray, sum_to_one: bool) -> np.ndarray:
    if not sum_to_one:
        return np.asarray(np.linalg.solve(gram, product[..., None])[..., 0])
    size = product.shape[1]
    bordered = np.ones((gram.shape[0], size + 1, size + 1))
    scale = np.trace(gram, axis1=1, axis2=2) / size
    bordered[:, :size, :size] = gram / scale[:, None, None]
    bordered[:, size, size] = 0.0
    right = np.concatenate([product / scale[:, None], np.ones((product.shape[0], 1))], axis=1)
    return np.asarray(np.linalg.solve(bordered, right[..., None])[:, :size, 0])


def unbounded_covariance(design: np.ndarray, fractions: int, sum_to_one: bool) -> np.ndarray:
    """Covariance of all coefficients as if none were on a bound, for data of unit variance.

    Parameters
    ----------
    design : ndarray (W, C)
        Weighted; the first `fractions` columns are those whose coefficients add up to 1.
    fractions : int
    sum_to_one : bool

    Returns
    -------
    ndarray (C, C)
        NaN where the columns do not determine the coefficients.
    """
    free = np.eye(design.shape[1])
    if sum_to_one:
        # directions along which the sum of the fractions stays
        turned = np.linalg.qr(np.ones((fractions, 1)), mode="complete")[0][:, 1:]
        free = np.zeros((design.shape[1], design.shape[1] - 1))
        free[:fractions, : fractions - 1] = turned
        free[fractions:, fractions - 1 :] = np.eye(design.shape[1] - fractions)
    if free.shape[1] == 0:
        return np.zeros((design.shape[1], design.shape[1]))
    reduced = design @ free
    norms = np.linalg.norm(reduced, axis=0)
    norms[norms == 0] = 1.0
    scaled = reduced / norms
    if np.linalg.cond(scaled) > 1e7:
        return np.full((design.shape[1], design.shape[1]), np.nan)
    inverse = np.linalg.inv(scaled.T @ scaled) / np.outer(norms, norms)
    return np.asarray(free @ inverse @ free.T)
