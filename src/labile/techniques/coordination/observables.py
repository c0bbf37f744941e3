"""Bond lengths that a refinement finds when the populations of the electronic states are known.

    d = sum_i x_i d_i,   d_i(T) = d_i [1 + alpha_i (T - T_0)]

A structure refined with one position per atom gives the mean of the positions of all states; where the states displace
an atom along the bond only, that is the mean of the lengths. Displacement across the bond shortens it (libration,
`labile.techniques.coordination.libration`); data should be corrected for it, or neither they nor the end members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.population_share import PopulationShare
from labile.models.populations import Populations
from labile.techniques.coordination.errors import CoordinationError

ROOM = 293.0
"""K: T_0 unless another is given."""
TYPICAL = 2.0e-10
"""m; where a fit starts."""


@dataclass(frozen=True)
class MeanBondLength:
    """Mean metal-ligand distance, or one bond, of the populations' average structure.

    Own parameters: ``<state>.bond_length`` (m, at `reference_temperature`), with a site ``<state>_<site>.bond_length``;
    with `expansion` also ``<state>.linear_expansion`` (1/K; fixed at 0 until freed).

    Attributes
    ----------
    site : str
        Name of the metal site or bond, where a study has several; empty for one.
    expansion : bool
        Whether bonds of a state expand on their own.
    reference_temperature : float
        K, T_0 of the module's formula.

    Examples
    --------
    >>> [p.name for p in MeanBondLength().parameters((State("LS", 0), State("HS", 2)))]
    ['LS.bond_length', 'HS.bond_length']
    >>> [p.name for p in MeanBondLength(site="Fe1").parameters((State("LS", 0), State("HS", 2)))]
    ['LS_Fe1.bond_length', 'HS_Fe1.bond_length']
    """

    site: str = ""
    expansion: bool = False
    reference_temperature: float = ROOM

    def __post_init__(self) -> None:
        if self.site and not all(c.isalnum() or c in "*_'" for c in self.site):
            raise CoordinationError(f"site {self.site!r}: use letters, digits, *, _ and ' only")
        if not self.reference_temperature > 0:
            raise CoordinationError(
                f"bond length: reference_temperature must be above 0 K: {self.reference_temperature}"
            )

    @property
    def quantity(self) -> str:
        """``"bond_length"``."""
        return "bond_length"

    def _prefix(self, state: str) -> str:
        return f"{state}_{self.site}" if self.site else state

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        prefixes = [self._prefix(state.name) for state in states]
        lengths = tuple(Parameter(f"{p}.bond_length", TYPICAL, lower=1e-10, upper=4e-10) for p in prefixes)
        if not self.expansion:
            return lengths
        return (
            *lengths,
            *(
                Parameter(f"{p}.linear_expansion", 0.0, fixed=True, source="assumed: bonds of a state do not expand")
                for p in prefixes
            ),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Mean length at every point, m, with its partial derivatives."""
        warmer = np.asarray(conditions.temperature) - self.reference_temperature
        each = np.empty(populations.x.shape)
        by_t = np.zeros(populations.x.shape)
        own: dict[str, np.ndarray] = {}
        for i, name in enumerate(populations.state_names):
            prefix = self._prefix(name)
            length = values[f"{prefix}.bond_length"]
            alpha = values[f"{prefix}.linear_expansion"] if self.expansion else 0.0
            x = populations.x[:, i]
            each[:, i] = length * (1 + alpha * warmer)
            by_t[:, i] = length * alpha
            own[f"{prefix}.bond_length"] = x * (1 + alpha * warmer)
            if self.expansion:
                own[f"{prefix}.linear_expansion"] = x * length * warmer
        return Prediction(
            values=np.sum(populations.x * each, axis=1),
            d_x=each,
            d_temperature=np.sum(populations.x * by_t, axis=1),
            d_own=own,
        )


def high_spin_fraction(states: tuple[str, ...], shares: tuple[float, ...] = ()) -> PopulationShare:
    """High-spin fraction of one site from its mean bond length.

    Diffraction averages over the crystal, so the fraction is linear in the populations.

    Parameters
    ----------
    states : tuple of str
        States in which this site is high spin.
    shares : tuple of float
        Where a state holds several sites and the structure does not tell them apart; all 1 when empty.

    Examples
    --------
    >>> high_spin_fraction(("HS",)).quantity
    'high_spin_fraction'
    """
    return PopulationShare(states, "high_spin_fraction", shares)
