"""Whole spectra of a crystal: a pure spectrum for every state, weighted by its population.

    D(T, nu) = sum_i x_i(T) [s_i(nu) + s_i'(nu) tau + ...],      tau = (T - T_0)/100 K

The pure spectra s_i, and their drift s_i' where it is asked for, are no parameters: a joint fit eliminates them.
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


class StateSpectraError(ValueError):
    """States that spectra cannot be given to."""


@dataclass(frozen=True)
class StateSpectra:
    """Spectra as populations of states times their pure spectra.

    Holds where the probe is fast beside the exchange of the states, or sees only energies that do not depend on it.

    Attributes
    ----------
    quantity : str
        Of the spectra: ``"absorbance"``, ``"normalized_absorption"``, ``"intensity"``.
    alike : tuple of str
        States that have one spectrum together, because nothing tells them apart.
    drift : {0, 1, 2}
        Degree to which pure spectra may change with temperature.
    reference_temperature : float
        T_0, K.

    Raises
    ------
    StateSpectraError

    Examples
    --------
    >>> states = (State("L", 0), State("H", 2), State("V", 2))
    >>> StateSpectra("absorbance").spectra(states)
    ('L', 'H', 'V')
    >>> StateSpectra("absorbance", alike=("H", "V"), drift=1).spectra(states)
    ('L', 'H+V', 'L, change with T', 'H+V, change with T')
    """

    quantity: str
    alike: tuple[str, ...] = ()
    drift: int = 0
    reference_temperature: float = 295.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alike", tuple(self.alike))
        if len(self.alike) == 1 or len(set(self.alike)) != len(self.alike):
            raise StateSpectraError(f"spectra: alike names two or more different states, found {self.alike!r}")
        if self.drift not in (0, 1, 2) or not self.reference_temperature > 0:
            raise StateSpectraError(
                f"spectra: drift must be 0, 1 or 2 and the reference temperature above 0 K, found {self.drift!r} and"
                f" {self.reference_temperature!r}"
            )

    def _groups(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        if missing := [state for state in self.alike if state not in names]:
            raise StateSpectraError(f"spectra: {missing[0]!r} is no state of this model; there are {', '.join(names)}")
        groups = []
        for name in names:
            group = self.alike if name in self.alike else (name,)
            if group not in groups:
                groups.append(group)
        return tuple(groups)

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """No own parameters."""
        self._groups(tuple(state.name for state in states))
        return ()

    def spectra(self, states: tuple[State, ...]) -> tuple[str, ...]:
        """Names of the pure spectra, then of their changes with temperature."""
        pure = ["+".join(group) for group in self._groups(tuple(state.name for state in states))]
        terms = ("", ", change with T", ", bend with T")
        return tuple(f"{name}{term}" for term in terms[: self.drift + 1] for name in pure)

    def amounts(
        self, populations: Populations, conditions: Conditions, values: Mapping[str, float]
    ) -> tuple[Prediction, ...]:
        """Populations, times powers of tau, with their partial derivatives."""
        names = populations.state_names
        tau = (np.asarray(conditions.temperature) - self.reference_temperature) / 100.0
        found = []
        for degree in range(self.drift + 1):
            factor = tau**degree
            slope = degree * tau ** max(degree - 1, 0) / 100.0
            for group in self._groups(names):
                counted = np.array([float(name in group) for name in names])
                share = populations.x @ counted
                found.append(Prediction(factor * share, factor[:, None] * counted, slope * share))
        return tuple(found)
