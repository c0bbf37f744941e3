"""Alternative models on the same data, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.fitting.problem import Block
from labile.inference.joint_fit import JointFit
from labile.inference.objective import ObjectiveError


@dataclass(frozen=True)
class ComparisonRow:
    """One model's score.

    Attributes
    ----------
    name : str
    chi2 : float
        Data and priors.
    n, k : int
        Data (priors not counted) and free parameters.
    bic : float
        chi2 + k ln n.
    aicc : float or None
        None unless n > k + 1; `aicc_note` then says so.
    aicc_note : str
    converged : bool
    message : str
    delta_bic : float
        Above the smallest BIC of the table.
    worst : tuple of (str, float)
        Labels and weighted residuals beyond 2, largest first.
    """

    name: str
    chi2: float
    n: int
    k: int
    bic: float
    aicc: float | None
    aicc_note: str
    converged: bool
    message: str
    delta_bic: float
    worst: tuple[tuple[str, float], ...]


def compare(fits: Mapping[str, JointFit]) -> tuple[ComparisonRow, ...]:
    """Score several models fitted to the same objectives.

    Parameters
    ----------
    fits : mapping of str to JointFit

    Returns
    -------
    tuple of ComparisonRow
        In the given order.

    Raises
    ------
    ObjectiveError
        If the models were not fitted to the same data.

    Notes
    -----
    Noise is taken as known (chi2 is not rescaled). With free noise scales chi2 of different models is not comparable;
    they are then compared at the noise scales of each, and the message says so.
    """
    data = {name: tuple(o.label for o in fitted.joint.objectives) for name, fitted in fits.items()}
    if len(set(data.values())) > 1:
        raise ObjectiveError("comparison: the models were not fitted to the same objectives")
    if not fits:
        return ()
    best = min(fitted.result.bic for fitted in fits.values())
    rows = []
    for name, fitted in fits.items():
        result = fitted.result
        residuals = result.by_block()
        worst = [
            (block.name, miss)
            for block in result.blocks
            if block.size and abs(miss := _miss(residuals[block.name], block)) > 2.0
        ]
        worst.sort(key=lambda item: -abs(item[1]))
        aicc = result.aicc
        note = "" if aicc is not None else f"AICc needs N > k + 1; here N = {result.n_data}, k = {result.n_free}"
        message = result.message + ("; noise scales were estimated for each model" if fitted.noise_scales else "")
        rows.append(
            ComparisonRow(
                name,
                result.chi2,
                result.n_data,
                result.n_free,
                result.bic,
                aicc,
                note,
                result.converged,
                message,
                result.bic - best,
                tuple(worst),
            )
        )
    return tuple(rows)


def _miss(residuals: np.ndarray, block: Block) -> float:
    """Largest weighted residual of a block; of spectra how many standard deviations their chi2 is off."""
    if block.stands_for is None:
        return float(residuals[np.abs(residuals).argmax()])
    return float((np.sum(residuals**2) - block.count) / math.sqrt(2.0 * max(block.count, 1)))
