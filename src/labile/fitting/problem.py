"""A least-squares problem: parameters, and residuals with their exact Jacobian. It knows no crystal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labile.core.parameters import Parameters

Evaluate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Free vector (F,), SI -> weighted residuals (R,) and their Jacobian (R, F)."""


@dataclass(frozen=True)
class Block:
    """A named run of residuals.

    Attributes
    ----------
    name : str
        Measurement label, statement text or parameter name (for a prior).
    size : int
        Number of residuals.
    kind : {"data", "prior", "jump"}
        Only ``data`` and ``jump`` count as data in chi2 per degree of freedom, AICc and BIC.
    stands_for : int or None
        Number of data less eliminated unknowns, where that is not `size`: compressed spectra have fewer residuals.
    """

    name: str
    size: int
    kind: str = "data"
    stands_for: int | None = None

    @property
    def count(self) -> int:
        """Number of data that it counts as."""
        return self.size if self.stands_for is None else self.stands_for


@dataclass(frozen=True)
class Problem:
    """What the engine minimises: sum of squares of `evaluate`'s residuals within the parameters' bounds.

    Attributes
    ----------
    parameters : Parameters
        Start values, bounds, ties; priors are *not* added here, they must be blocks of residuals.
    evaluate : callable
        `Evaluate`. May raise ArithmeticError or RuntimeError at hopeless points: the step is then shortened.
    blocks : tuple of Block
        Sizes add up to R.
    """

    parameters: Parameters
    evaluate: Evaluate
    blocks: tuple[Block, ...]
