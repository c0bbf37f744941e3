"""What a linear combination of standards reads when the populations of the electronic states are known.

    fraction = offset + scale x sum_{i in S} x_i

with S the states that the standard stands for. Offset and scale are 0 and 1 and fixed unless they are asked for: for a
standard that is not the pure state, or a normalisation that is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.xas.absorption import XasError


@dataclass(frozen=True)
class ComponentFraction:
    """Fraction of one standard in a linear combination.

    Own parameters: none, or ``<sample>.fraction_offset`` and ``<sample>.fraction_scale`` where they are asked for.

    Attributes
    ----------
    states : tuple of str
        That the standard stands for.
    offset, scale : bool
        Whether these are parameters (free).
    sample : str
        Prefix of the own parameters.

    Examples
    --------
    >>> ComponentFraction(("H", "V")).parameters((State("L", 0), State("H", 2), State("V", 2)))
    ()
    >>> [p.name for p in ComponentFraction("H", scale=True).parameters((State("L", 0), State("H", 2)))]
    ['sample.fraction_scale']
    """

    states: tuple[str, ...]
    offset: bool = False
    scale: bool = False
    sample: str = "sample"

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", (self.states,) if isinstance(self.states, str) else tuple(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise XasError(f"component_fraction: name each state of the standard once, found {self.states!r}")

    @property
    def quantity(self) -> str:
        """``"component_fraction"``."""
        return "component_fraction"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        self._counted(tuple(state.name for state in states))
        found = []
        if self.offset:
            found.append(Parameter(f"{self.sample}.fraction_offset", 0.0, "1", lower=-1.0, upper=1.0))
        if self.scale:
            found.append(Parameter(f"{self.sample}.fraction_scale", 1.0, "1", lower=0.0, upper=2.0))
        return tuple(found)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Fraction at every point with its partial derivatives."""
        counted = self._counted(populations.state_names)
        share = populations.x @ counted
        scale = values[f"{self.sample}.fraction_scale"] if self.scale else 1.0
        offset = values[f"{self.sample}.fraction_offset"] if self.offset else 0.0
        own: dict[str, np.ndarray] = {}
        if self.offset:
            own[f"{self.sample}.fraction_offset"] = np.ones(share.shape)
        if self.scale:
            own[f"{self.sample}.fraction_scale"] = share
        return Prediction(
            values=offset + scale * share,
            d_x=np.broadcast_to(scale * counted, populations.x.shape),
            d_temperature=np.zeros(share.shape),
            d_own=own,
        )

    def _counted(self, names: tuple[str, ...]) -> np.ndarray:
        for state in self.states:
            if state not in names:
                raise XasError(
                    f"component_fraction: state {state!r} is not in this model; there are {', '.join(names)}"
                )
        return np.array([float(name in self.states) for name in names])
