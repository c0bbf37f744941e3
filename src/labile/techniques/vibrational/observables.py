"""What an infrared or Raman spectrometer reads when the populations of the electronic states are known.

    area of a band   = [1 + beta (T - T_0)/100 K] sum_i x_i a_i
    ratio of bands   = K sum_{i in A} x_i / sum_{i in B} x_i,      K = e_A/e_B

Both hold while the states exchange slowly beside the distance of their bands: see `time_scale`. In the ratio K
is exactly degenerate with the entropy difference of two states; give K, or another measurement.
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
from labile.techniques.vibrational.spectral_map import VibrationalError

ROOM = 295.0
"""K: where strengths hold unless said otherwise."""


def _require(wanted: tuple[str, ...], names: tuple[str, ...], what: str) -> None:
    if not wanted or len(set(wanted)) != len(wanted):
        raise VibrationalError(f"{what}: name each state once, found {wanted!r}")
    for state in wanted:
        if state not in names:
            raise VibrationalError(f"{what}: state {state!r} is not in this model; there are {', '.join(names)}")


def _names(states: tuple[str, ...] | str) -> tuple[str, ...]:
    return (states,) if isinstance(states, str) else tuple(states)


@dataclass(frozen=True)
class BandArea:
    """Integrated area of one band.

    Own parameters: ``<band>_<state>.band_area`` (1/m, of the pure state) of the listed states, and
    ``<band>.strength_slope`` (relative change per 100 K; 0 fixed by default).

    Attributes
    ----------
    band : str
        Prefix of its parameters.
    states : tuple of str
        Those that have the band.
    reference_temperature : float
        K, T_0.

    Examples
    --------
    >>> [p.name for p in BandArea("b1485", ("H",)).parameters((State("L", 0), State("H", 2)))]
    ['b1485_H.band_area', 'b1485.strength_slope']
    """

    band: str
    states: tuple[str, ...]
    reference_temperature: float = ROOM

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", _names(self.states))
        if not self.band or not self.reference_temperature > 0:
            raise VibrationalError("band_area: a name of the band and a reference temperature above 0 K are needed")

    @property
    def quantity(self) -> str:
        """``"band_area"``."""
        return "band_area"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        _require(self.states, tuple(s.name for s in states), f"band_area {self.band}")
        return (
            *(Parameter(f"{self.band}_{name}.band_area", lower=0.0) for name in self.states),
            Parameter(f"{self.band}.strength_slope", 0.0, unit="1", fixed=True, source="strengths that do not change"),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Area at every point, 1/m, with its partial derivatives."""
        names = populations.state_names
        _require(self.states, names, f"band_area {self.band}")
        tau = (np.asarray(conditions.temperature) - self.reference_temperature) / 100.0
        slope = values[f"{self.band}.strength_slope"]
        factor = 1.0 + slope * tau
        each = np.zeros(len(names))
        own: dict[str, np.ndarray] = {}
        for name in self.states:
            i = names.index(name)
            each[i] = values[f"{self.band}_{name}.band_area"]
            own[f"{self.band}_{name}.band_area"] = factor * populations.x[:, i]
        area = populations.x @ each
        own[f"{self.band}.strength_slope"] = area * tau
        return Prediction(
            values=factor * area, d_x=factor[:, None] * each, d_temperature=slope / 100.0 * area, d_own=own
        )


@dataclass(frozen=True)
class BandRatio:
    """Ratio of the areas of two bands, each of its own states.

    Own parameter: ``<band>.strength_ratio``, K = e_A/e_B of the numerator over the denominator.

    Attributes
    ----------
    band : str
        Prefix of its parameter.
    numerator, denominator : tuple of str
        States; none in both.

    Examples
    --------
    >>> BandRatio("V/H", ("V",), ("H",)).quantity
    'band_ratio'
    """

    band: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numerator", _names(self.numerator))
        object.__setattr__(self, "denominator", _names(self.denominator))
        if not self.band or set(self.numerator) & set(self.denominator):
            raise VibrationalError(
                f"band_ratio {self.band!r}: a name, and states that are not in both bands, are needed; found"
                f" {self.numerator} over {self.denominator}"
            )

    @property
    def quantity(self) -> str:
        """``"band_ratio"``."""
        return "band_ratio"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        names = tuple(s.name for s in states)
        _require(self.numerator, names, f"band_ratio {self.band}")
        _require(self.denominator, names, f"band_ratio {self.band}")
        return (Parameter(f"{self.band}.strength_ratio", unit="1", lower=1e-9),)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Ratio at every point with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where the denominator's states are empty.
        """
        names = populations.state_names
        _require(self.numerator, names, f"band_ratio {self.band}")
        _require(self.denominator, names, f"band_ratio {self.band}")
        above = np.array([float(n in self.numerator) for n in names])
        below = np.array([float(n in self.denominator) for n in names])
        k = values[f"{self.band}.strength_ratio"]
        a, b = populations.x @ above, populations.x @ below
        if np.any(b <= 0):
            raise ArithmeticError(f"band_ratio {self.band}: the states of its denominator are empty")
        ratio = k * a / b
        return Prediction(
            values=ratio,
            d_x=(k * above[None, :] - ratio[:, None] * below[None, :]) / b[:, None],
            d_temperature=np.zeros(ratio.shape),
            d_own={f"{self.band}.strength_ratio": a / b},
        )
