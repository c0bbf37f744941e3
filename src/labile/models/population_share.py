"""The part of a crystal that is in some of its states, as any probe that counts molecules reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations


class PopulationShareError(ValueError):
    """States that a model does not have, or shares that do not fit them."""


@dataclass(frozen=True)
class PopulationShare:
    """Sum of the populations of some states, each times its share.

    Attributes
    ----------
    states : tuple of str
        States that count.
    quantity : str
        What it is called: ``"population"``, ``"high_spin_fraction"``, ``"phase_fraction"``.
    shares : tuple of float
        Part of a molecule that counts in each state, 1/2 for one of two sites; all 1 when empty.

    Raises
    ------
    PopulationShareError
        If no state is listed, one is listed twice, or the shares do not fit.

    Examples
    --------
    >>> PopulationShare(("LH", "HL", "HH"), "high_spin_fraction", (0.5, 0.5, 1.0)).quantity
    'high_spin_fraction'
    """

    states: tuple[str, ...]
    quantity: str = "population"
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", (self.states,) if isinstance(self.states, str) else tuple(self.states))
        object.__setattr__(self, "shares", tuple(self.shares) or (1.0,) * len(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise PopulationShareError(f"{self.quantity}: name each state that counts once, found {self.states!r}")
        if len(self.shares) != len(self.states) or not all(0 < share <= 1 for share in self.shares):
            raise PopulationShareError(
                f"{self.quantity}: shares must be one number in (0, 1] for each of {', '.join(self.states)}, found"
                f" {self.shares!r}"
            )

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """No own parameters."""
        self._counted(tuple(state.name for state in states))
        return ()

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Share at every point with its partial derivatives."""
        counted = self._counted(populations.state_names)
        share = populations.x @ counted
        return Prediction(share, np.broadcast_to(counted, populations.x.shape), np.zeros(share.shape))

    def _counted(self, names: tuple[str, ...]) -> np.ndarray:
        if missing := [state for state in self.states if state not in names]:
            raise PopulationShareError(
                f"{self.quantity}: state {missing[0]!r} is not in this model; there are {', '.join(names)}"
            )
        own = dict(zip(self.states, self.shares, strict=True))
        return np.array([own.get(name, 0.0) for name in names])
