"""Polarization and pyroelectric coefficient when the populations of the electronic states are known.

P = (1 - f) sum_i x_i (P_i + lambda_i T)
p = dP/dT = (1 - f) [sum_i (P_i + lambda_i T) dx_i/dT + sum_i x_i lambda_i]

The first sum of p is the redistribution of population, the second the lattice term. f is the fraction of the sample
that does not switch: its polarization does not change, and it adds nothing to either. Only changes of P are
measurable, so the first state is the zero: P_1 = 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations

BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True)
class Polarization:
    """Polarization along the polar axis, C/m2, counted from the first state at T -> 0.

    Own parameters: ``<state>.polarization`` (C/m2; the first state's is 0 and fixed, the others must be given or
    fitted), ``<state>.pyroelectric_coefficient`` (lambda_i, C m-2 K-1, 0 and fixed by default) and
    ``<sample>.residual_fraction`` (0 and fixed by default). `PyroelectricCoefficient` shares all of them.

    A measured Delta P(T) is a difference between two temperatures. It is compared with the difference of this
    observable at both, as a statement of kind ``"difference"``; the populations at one temperature do not give it.

    Attributes
    ----------
    sample : str
        Prefix of the sample's own parameters.

    Examples
    --------
    >>> [p.name for p in Polarization("crystal").parameters((State("L"), State("H")))][:2]
    ['L.polarization', 'H.polarization']
    """

    sample: str = "sample"

    @property
    def quantity(self) -> str:
        """``"polarization"``."""
        return "polarization"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return _parameters(self.sample, states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """P at every point, C/m2, with its partial derivatives."""
        temperature = np.asarray(conditions.temperature)
        switching, zero, slope = _of_states(self.sample, populations, values)
        of_state = zero + slope * temperature[:, None]
        x = populations.x
        own = {f"{name}.polarization": switching * x[:, i] for i, name in enumerate(populations.state_names)}
        own |= {
            f"{name}.pyroelectric_coefficient": switching * x[:, i] * temperature
            for i, name in enumerate(populations.state_names)
        }
        own[f"{self.sample}.residual_fraction"] = -np.sum(x * of_state, axis=1)
        return Prediction(
            values=switching * np.sum(x * of_state, axis=1),
            d_x=switching * of_state,
            d_temperature=switching * (x @ slope),
            d_own=own,
        )


@dataclass(frozen=True)
class PyroelectricCoefficient:
    """Pyroelectric coefficient dP/dT along the branch, C m-2 K-1; parameters of `Polarization`.

    Attributes
    ----------
    sample : str
        Prefix of the sample's own parameters.

    Examples
    --------
    >>> PyroelectricCoefficient("crystal").quantity
    'pyroelectric_coefficient'
    """

    sample: str = "sample"

    @property
    def quantity(self) -> str:
        """``"pyroelectric_coefficient"``."""
        return "pyroelectric_coefficient"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return _parameters(self.sample, states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """P' at every point, C m-2 K-1, with its partial derivatives in x, dx/dT, T and its own parameters."""
        temperature = np.asarray(conditions.temperature)
        switching, zero, slope = _of_states(self.sample, populations, values)
        of_state = zero + slope * temperature[:, None]
        x, x_t = populations.x, populations.x_t
        whole = np.sum(x_t * of_state, axis=1) + x @ slope
        own = {f"{name}.polarization": switching * x_t[:, i] for i, name in enumerate(populations.state_names)}
        own |= {
            f"{name}.pyroelectric_coefficient": switching * (x_t[:, i] * temperature + x[:, i])
            for i, name in enumerate(populations.state_names)
        }
        own[f"{self.sample}.residual_fraction"] = -whole
        return Prediction(
            values=switching * whole,
            d_x=np.broadcast_to(switching * slope, x.shape),
            d_x_t=switching * of_state,
            d_temperature=switching * (x_t @ slope),
            d_own=own,
        )


def _parameters(sample: str, states: tuple[State, ...]) -> tuple[Parameter, ...]:
    reference, *others = states
    zero = Parameter(
        f"{reference.name}.polarization", 0.0, fixed=True, source="zero of polarization: only changes are measurable"
    )
    return (
        zero,
        *(Parameter(f"{state.name}.polarization") for state in others),
        *(Parameter(f"{state.name}.pyroelectric_coefficient", 0.0, fixed=True) for state in states),
        Parameter(f"{sample}.residual_fraction", 0.0, lower=0.0, upper=BELOW_ONE, fixed=True),
    )


def _of_states(
    sample: str, populations: Populations, values: Mapping[str, float]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Fraction that switches, and P_i and lambda_i of every state."""
    names = populations.state_names
    zero = np.array([values[f"{name}.polarization"] for name in names])
    slope = np.array([values[f"{name}.pyroelectric_coefficient"] for name in names])
    return 1.0 - values[f"{sample}.residual_fraction"], zero, slope
