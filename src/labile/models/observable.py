"""The second extension point: what an instrument reads when the populations are known.

An observable is linear or not in the populations, has parameters of its own (chi*T of each state, a residual
fraction), and returns its value together with *partial* derivatives; `chain` turns these into total ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.populations import Populations


@dataclass(frozen=True, eq=False)
class Prediction:
    """An observable at N points with its partial derivatives, SI.

    Attributes
    ----------
    values : ndarray (N,)
    d_x : ndarray (N, n)
        Partial derivative in the populations.
    d_x_t : ndarray (N, n) or None
        Partial derivative in dx/dT (None: it does not enter).
    d_temperature : ndarray (N,)
        Explicit partial derivative in T at fixed populations.
    d_own : mapping of str to ndarray (N,)
        Partial derivatives in the observable's own parameters.
    """

    values: np.ndarray
    d_x: np.ndarray
    d_temperature: np.ndarray
    d_x_t: np.ndarray | None = None
    d_own: Mapping[str, np.ndarray] = field(default_factory=dict)


@runtime_checkable
class Observable(Protocol):
    """What a technique must offer to take part in a joint fit (see docs/extending.md)."""

    @property
    def quantity(self) -> str:
        """Key of `core.units.QUANTITIES`."""
        ...

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        ...

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Value and partial derivatives at every point; `values` holds all parameters of the problem, SI."""
        ...


@runtime_checkable
class SpectralObservable(Protocol):
    """What whole spectra need to take part in a joint fit: every spectrum is a sum of pure spectra, D = C S^T.

    The pure spectra S are no parameters; they follow from the data for any C and are eliminated.
    """

    @property
    def quantity(self) -> str:
        """Key of `core.units.QUANTITIES` of the spectra's values."""
        ...

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        ...

    def spectra(self, states: tuple[State, ...]) -> tuple[str, ...]:
        """Names of the pure spectra."""
        ...

    def amounts(
        self, populations: Populations, conditions: Conditions, values: Mapping[str, float]
    ) -> tuple[Prediction, ...]:
        """How much of each pure spectrum there is at every point, with partial derivatives."""
        ...


def chain(prediction: Prediction, populations: Populations, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Total derivatives of a prediction.

    Parameters
    ----------
    prediction : Prediction
    populations : Populations
        With `x_theta` and, where the prediction uses dx/dT, `x_t_theta`.
    names : tuple of str
        All parameters of the problem, K of them.

    Returns
    -------
    jacobian : ndarray (N, K)
        d value/d parameter, SI.
    slope : ndarray (N,)
        d value/dT along the branch.
    """
    jacobian = np.zeros((prediction.values.size, len(names)))
    position = {name: i for i, name in enumerate(names)}
    columns = [position[name] for name in populations.parameter_names]
    if columns:
        model_part = np.einsum("ni,nki->nk", prediction.d_x, populations.x_theta)
        if prediction.d_x_t is not None:
            model_part += np.einsum("ni,nki->nk", prediction.d_x_t, populations.x_t_theta)
        jacobian[:, columns] = model_part
    for name, column in prediction.d_own.items():
        jacobian[:, position[name]] += column
    slope = prediction.d_temperature + np.einsum("ni,ni->n", prediction.d_x, populations.x_t)
    if prediction.d_x_t is not None:
        slope = slope + np.einsum("ni,ni->n", prediction.d_x_t, populations.x_tt)
    return jacobian, slope
