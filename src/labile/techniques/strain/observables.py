"""Cell edges and volumes of a crystal in which molecules switch, as observables of the joint fit.

    y = sum_i x_i y_i(T, P),    y_i = y_i0 [1 + alpha_i (T - T0) - K_i (P - P0)]

with alpha_i and K_i of the lattice in state i (Vegard's rule for the mixed crystal). What is measured along an axis has
two parts,

    -dy/dP / y = [sum_i x_i y_i0 K_i]/y - [sum_i (dx_i/dP) y_i]/y          lattice + switching

so that a crystal may have a negative linear compressibility because its molecules switch, with every K_i positive;
`compressibility_parts` and `expansion_parts` separate them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.strain.tensor import StrainError

ROOM = 298.15
"""K: T0 unless another is given."""


@dataclass(frozen=True)
class _MixedCell:
    """What edges and volumes share: a value of every state, linear in temperature and pressure."""

    reference_temperature: float = ROOM
    reference_pressure: float = AMBIENT_PRESSURE

    def __post_init__(self) -> None:
        if not (self.reference_temperature > 0 and math.isfinite(self.reference_temperature)):
            raise StrainError(f"cell: reference_temperature must be above 0 K, found {self.reference_temperature}")
        if not (self.reference_pressure >= 0 and math.isfinite(self.reference_pressure)):
            raise StrainError(f"cell: reference_pressure must be >= 0 Pa, found {self.reference_pressure}")

    @property
    def _names(self) -> tuple[str, str, str]:
        """Quantities of the value, its expansion coefficient and its compressibility."""
        return "cell_volume", "volume_expansion", "volume_compressibility"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Value, expansion coefficient and compressibility of every state, SI; the last two are 0 and fixed."""
        value, expansion, compressibility = self._names
        return (
            *(Parameter(f"{state.name}.{value}", lower=0.0) for state in states),
            *(
                Parameter(f"{state.name}.{expansion}", 0.0, fixed=True, source="no expansion assumed")
                for state in states
            ),
            *(
                Parameter(f"{state.name}.{compressibility}", 0.0, fixed=True, source="rigid lattice assumed")
                for state in states
            ),
        )

    def _of_states(
        self, populations: Populations, conditions: Conditions, values: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """y_i, y_i0, dy_i/dT and dy_i/dP, each (N, n)."""
        names = populations.state_names
        at_zero, alpha, k = (np.array([values[f"{name}.{one}"] for name in names]) for one in self._names)
        warm = np.asarray(conditions.temperature)[:, None] - self.reference_temperature
        press = np.asarray(conditions.pressure)[:, None] - self.reference_pressure
        each = at_zero * (1.0 + alpha * warm - k * press)
        shape = each.shape
        return (
            each,
            np.broadcast_to(at_zero, shape),
            np.broadcast_to(at_zero * alpha, shape),
            np.broadcast_to(-at_zero * k, shape),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Value at every point with its partial derivatives, SI."""
        each, at_zero, by_t, _ = self._of_states(populations, conditions, values)
        warm = np.asarray(conditions.temperature) - self.reference_temperature
        press = np.asarray(conditions.pressure) - self.reference_pressure
        value, expansion, compressibility = self._names
        own: dict[str, np.ndarray] = {}
        for i, name in enumerate(populations.state_names):
            x, y0 = populations.x[:, i], at_zero[:, i]
            alpha, k = values[f"{name}.{expansion}"], values[f"{name}.{compressibility}"]
            own[f"{name}.{value}"] = x * (1.0 + alpha * warm - k * press)
            own[f"{name}.{expansion}"] = x * y0 * warm
            own[f"{name}.{compressibility}"] = -x * y0 * press
        return Prediction(
            values=np.sum(populations.x * each, axis=1),
            d_x=each,
            d_temperature=np.sum(populations.x * by_t, axis=1),
            d_own=own,
        )


@dataclass(frozen=True)
class CellLength(_MixedCell):
    """Edge of the mixed cell.

    Own parameters, with e = a, b or c: ``<state>.cell_e`` (m, at T0 and P0), ``<state>.expansion_e`` (1/K) and
    ``<state>.compressibility_e`` (1/Pa).

    Attributes
    ----------
    reference_temperature, reference_pressure : float
        T0 (K) and P0 (Pa).
    edge : {"a", "b", "c"}

    Examples
    --------
    >>> [p.name for p in CellLength(edge="b").parameters((State("LS", 0), State("HS", 2)))][:3]
    ['LS.cell_b', 'HS.cell_b', 'LS.expansion_b']
    """

    edge: str = "a"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edge not in ("a", "b", "c"):
            raise StrainError(f"cell length: edge must be a, b or c, found {self.edge!r}")

    @property
    def quantity(self) -> str:
        """``"cell_length"``."""
        return "cell_length"

    @property
    def _names(self) -> tuple[str, str, str]:
        return f"cell_{self.edge}", f"expansion_{self.edge}", f"compressibility_{self.edge}"


@dataclass(frozen=True)
class CellVolume(_MixedCell):
    """Volume of the mixed cell.

    Own parameters: ``<state>.cell_volume`` (m3, at T0 and P0), ``<state>.volume_expansion`` (1/K) and
    ``<state>.volume_compressibility`` (1/Pa).

    Examples
    --------
    >>> CellVolume().quantity
    'cell_volume'
    """

    @property
    def quantity(self) -> str:
        """``"cell_volume"``."""
        return "cell_volume"


@dataclass(frozen=True, eq=False)
class Parts:
    """A coefficient at N points, split.

    Attributes
    ----------
    lattice : ndarray (N,)
        At fixed populations.
    switching : ndarray (N,)
        From the change of the populations.
    """

    lattice: np.ndarray
    switching: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """What is measured."""
        return self.lattice + self.switching


def expansion_parts(
    observable: CellLength | CellVolume,
    populations: Populations,
    conditions: Conditions,
    values: Mapping[str, float],
) -> Parts:
    """Expansion coefficient (dy/dT)/y of a mixed cell from its lattice and from switching, 1/K.

    Parameters
    ----------
    observable : CellLength or CellVolume
    populations : Populations
    conditions : Conditions
    values : mapping of str to float
        Parameters of the observable, SI.
    """
    each, _, by_t, _ = observable._of_states(populations, conditions, values)
    y = np.sum(populations.x * each, axis=1)
    return Parts(np.sum(populations.x * by_t, axis=1) / y, np.sum(populations.x_t * each, axis=1) / y)


def compressibility_parts(
    observable: CellLength | CellVolume,
    populations: Populations,
    conditions: Conditions,
    values: Mapping[str, float],
) -> Parts:
    """Compressibility -(dy/dP)/y of a mixed cell from its lattice and from switching, 1/Pa.

    Parameters
    ----------
    observable : CellLength or CellVolume
    populations : Populations
    conditions : Conditions
    values : mapping of str to float
        Parameters of the observable, SI.
    """
    each, _, _, by_p = observable._of_states(populations, conditions, values)
    y = np.sum(populations.x * each, axis=1)
    return Parts(-np.sum(populations.x * by_p, axis=1) / y, -np.sum(populations.x_p * each, axis=1) / y)
