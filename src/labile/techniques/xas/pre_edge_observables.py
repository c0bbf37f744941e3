"""What a pre-edge shows when the populations of the electronic states are known.

    area     A = sum_i x_i A_i                       (100 x eV at an edge step of 1)
    centroid c = sum_i x_i A_i c_i / sum_i x_i A_i

A spectrum is the sum of those of its states, each normalised to the same edge step, so areas add; positions are
averaged with the intensities and not with the populations.
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


def _area(name: str) -> Parameter:
    return Parameter(f"{name}.pre_edge_area", lower=0.0, source="of the pure state, same line shape and window")


@dataclass(frozen=True)
class PreEdgeArea:
    """Normalised pre-edge area.

    Own parameters: ``<state>.pre_edge_area`` of all states (100 x eV).

    Examples
    --------
    >>> [p.name for p in PreEdgeArea().parameters((State("LS", 0), State("HS", 2)))]
    ['LS.pre_edge_area', 'HS.pre_edge_area']
    """

    @property
    def quantity(self) -> str:
        """``"pre_edge_area"``."""
        return "pre_edge_area"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return tuple(_area(state.name) for state in states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Area at every point with its partial derivatives."""
        x, names = populations.x, populations.state_names
        each = np.array([values[f"{name}.pre_edge_area"] for name in names])
        return Prediction(
            values=x @ each,
            d_x=np.tile(each, (x.shape[0], 1)),
            d_temperature=np.zeros(x.shape[0]),
            d_own={f"{name}.pre_edge_area": x[:, i] for i, name in enumerate(names)},
        )


@dataclass(frozen=True)
class PreEdgeCentroid:
    """Centroid of the pre-edge, weighted with intensity.

    Own parameters: ``<state>.pre_edge_centroid`` (J, on the energy scale of the data) and ``<state>.pre_edge_area``.

    Examples
    --------
    >>> [p.name for p in PreEdgeCentroid().parameters((State("LS", 0), State("HS", 2)))]
    ['LS.pre_edge_centroid', 'HS.pre_edge_centroid', 'LS.pre_edge_area', 'HS.pre_edge_area']
    """

    @property
    def quantity(self) -> str:
        """``"pre_edge_centroid"``."""
        return "pre_edge_centroid"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return (
            *(Parameter(f"{state.name}.pre_edge_centroid", lower=0.0) for state in states),
            *(_area(state.name) for state in states),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Centroid at every point, J, with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where no populated state has any area: there is no centroid.
        """
        x, names = populations.x, populations.state_names
        areas = np.array([values[f"{name}.pre_edge_area"] for name in names])
        places = np.array([values[f"{name}.pre_edge_centroid"] for name in names])
        total = x @ areas
        if not np.all(total > 1e-9 * np.max(areas, initial=1e-30)):
            raise ArithmeticError("the pre-edge has no area; it has no centroid there")
        centroid = x @ (areas * places) / total
        apart = (places[None, :] - centroid[:, None]) / total[:, None]
        own = {f"{name}.pre_edge_centroid": x[:, i] * areas[i] / total for i, name in enumerate(names)}
        own |= {f"{name}.pre_edge_area": x[:, i] * apart[:, i] for i, name in enumerate(names)}
        return Prediction(values=centroid, d_x=apart * areas, d_temperature=np.zeros(x.shape[0]), d_own=own)
