"""Pair interactions that change with pressure and temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.free_energy import Coefficients, ModelError


@dataclass(frozen=True)
class InteractionSlopes:
    """W_ab += Gamma_P (P - P_ambient) + Gamma_T (T - T0), beside the constant Gamma of `contributions.PairInteraction`.

    The term is part of G, so that Gamma_P adds x_a x_b Gamma_P to the volume and Gamma_T takes x_a x_b Gamma_T off
    the entropy: interactions that depend on pressure make the volume of a mixed crystal differ from the average.

    Attributes
    ----------
    name : str
        ``"LS-HS"``: prefix of ``<name>.interaction_pressure_slope`` (J/mol/Pa) and
        ``<name>.interaction_temperature_slope`` (J/mol/K).
    pairs : tuple of (str, str)
        Pairs of states that share the slopes; the pair of the name when empty.
    reference_temperature : float
        T0 in K, the temperature at which the constant Gamma holds.

    Raises
    ------
    ModelError
        For a name without two states, a pair of a state with itself, or a T0 that is not positive.

    Examples
    --------
    >>> [parameter.name for parameter in InteractionSlopes("LS-HS").parameters(())]
    ['LS-HS.interaction_pressure_slope', 'LS-HS.interaction_temperature_slope']
    """

    name: str
    pairs: tuple[tuple[str, str], ...] = ()
    reference_temperature: float = 298.15

    def __post_init__(self) -> None:
        if not 0 < self.reference_temperature < math.inf:
            raise ModelError(
                f"interaction slopes of {self.name}: reference_temperature must be above 0 K, found"
                f" {self.reference_temperature}"
            )
        for first, second in self._pairs():
            if not first or not second or first == second:
                raise ModelError(f"interaction slopes of {self.name!r}: a pair is two different states, as in 'LS-HS'")

    def _pairs(self) -> tuple[tuple[str, str], ...]:
        first, _, second = self.name.partition("-")
        return self.pairs or ((first, second),)

    def _names(self) -> tuple[str, str]:
        return f"{self.name}.interaction_pressure_slope", f"{self.name}.interaction_temperature_slope"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Both slopes, 0 and fixed unless the study says otherwise."""
        return tuple(Parameter(name, 0.0, fixed=True) for name in self._names())

    def _add(self, array: np.ndarray, coefficients: Coefficients, value: np.ndarray | float) -> None:
        """Add to the two off-diagonal elements (last two axes) of every pair."""
        for first, second in self._pairs():
            a, b = coefficients.state(first), coefficients.state(second)
            array[..., a, b] += value
            array[..., b, a] += value

    def _steps(self, conditions: Conditions) -> tuple[np.ndarray, np.ndarray]:
        return conditions.pressure - AMBIENT_PRESSURE, conditions.temperature - self.reference_temperature

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the change of Gamma and its slopes."""
        in_pressure, in_temperature = (values[name] for name in self._names())
        if in_pressure == 0 and in_temperature == 0:
            return
        pressure, temperature = self._steps(conditions)
        coefficients.vary_interactions()
        self._add(coefficients.w, coefficients, in_pressure * pressure + in_temperature * temperature)
        self._add(coefficients.w_p, coefficients, in_pressure)
        self._add(coefficients.w_t, coefficients, in_temperature)

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add P - P_ambient, T - T0, and 1 to the derivative of the latter in T."""
        coefficients.vary_interactions()
        rows = [coefficients.parameter(name) for name in self._names()]
        for row, step in zip(rows, self._steps(conditions), strict=True):
            self._add(coefficients.w_theta[:, row], coefficients, step)
        self._add(coefficients.w_t_theta[:, rows[1]], coefficients, 1.0)
