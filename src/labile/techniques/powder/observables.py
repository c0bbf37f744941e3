"""What a powder pattern reads when the populations of the electronic states are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.powder.errors import PowderError


@dataclass(frozen=True)
class PhaseFraction:
    """Fraction of a phase, in a crystal whose states are in domains that scatter by themselves.

    A mixture of patterns says this of domains larger than the coherence of the radiation only. In a solid solution of
    the states the lines shift with the composition instead of changing their share: explain its cell then.

    Attributes
    ----------
    states : tuple of str
        States whose structure the phase is.

    Examples
    --------
    >>> PhaseFraction(("HS",)).quantity
    'phase_fraction'
    """

    states: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", (self.states,) if isinstance(self.states, str) else tuple(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise PowderError(f"phase_fraction: name each state of the phase once, found {self.states!r}")

    @property
    def quantity(self) -> str:
        """``"phase_fraction"``."""
        return "phase_fraction"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """No own parameters."""
        self._counted(tuple(state.name for state in states))
        return ()

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Fraction at every point with its partial derivatives."""
        counted = self._counted(populations.state_names)
        share = populations.x @ counted
        return Prediction(share, np.broadcast_to(counted, populations.x.shape), np.zeros(share.shape))

    def _counted(self, names: tuple[str, ...]) -> np.ndarray:
        if missing := [state for state in self.states if state not in names]:
            raise PowderError(
                f"phase_fraction: state {missing[0]!r} is not in this model; there are {', '.join(names)}"
            )
        return np.array([float(name in self.states) for name in names])
