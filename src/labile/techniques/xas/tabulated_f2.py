"""The step that an absorption edge makes in the tabulated f2 of its element (Chantler's tables in xraydb)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from labile.techniques.xas.absorption import XasError, tabulated_edge, tabulated_edges

BELOW = (-300.0, -20.0)
ABOVE = (20.0, 400.0)
"""eV from the edge: where the table is followed; nearer, its edge is smeared over its own grid."""


@dataclass(frozen=True)
class TabulatedStep:
    """Power laws through f2 on both sides of an edge.

    Attributes
    ----------
    edge : float
        eV.
    low, high : tuple of float
        Logarithm of f2 at the edge and exponent, below and above.
    """

    edge: float
    low: tuple[float, float]
    high: tuple[float, float]

    def below(self, energy: Any) -> np.ndarray:
        """f2 as if there were no edge; energy in eV."""
        return np.asarray(np.exp(self.low[0]) * (np.asarray(energy) / self.edge) ** self.low[1])

    def above(self, energy: Any) -> np.ndarray:
        """f2 as if the edge had always been passed; energy in eV."""
        return np.asarray(np.exp(self.high[0]) * (np.asarray(energy) / self.edge) ** self.high[1])


@lru_cache(maxsize=16)
def tabulated_step(element: str, edge: str = "K") -> TabulatedStep:
    """Step of f2 at an edge.

    Raises
    ------
    XasError
        For an unknown edge, or one with another edge of its element within the range that is fitted.

    Examples
    --------
    >>> step = tabulated_step("Fe")
    >>> 3.0 < float(step.above(7112.0) - step.below(7112.0)) < 3.7
    True
    """
    import xraydb

    at = tabulated_edge(element, edge)
    edges = tabulated_edges(element)
    others = [name for name, energy in edges.items() if name != edge and at + BELOW[0] < energy < at + ABOVE[1]]
    if others:
        raise XasError(
            f"the {edge} edge of {element} at {at:.1f} eV has {', '.join(others)} too near to be matched to"
            " tabulated f2; normalise by its edge step"
        )

    def power_law(window: tuple[float, float]) -> tuple[float, float]:
        energy = at + np.linspace(*window, 40)
        exponent, level = np.polyfit(np.log(energy / at), np.log(xraydb.f2_chantler(element, energy)), 1)
        return float(level), float(exponent)

    return TabulatedStep(at, power_law(BELOW), power_law(ABOVE))
