"""What a Mossbauer spectrometer reads when the populations of the electronic states are known.

    IS = sum_i x_i [IS_i + SOD(T, theta_i) - SOD(T_0, theta_i)]
    QS = sqrt{ sum_ij x_i x_j QS_i QS_j P_2[cos(alpha_i - alpha_j)] }      (axial gradients, axes in one plane)
    area fraction of states S = sum_{i in S} x_i f_i / sum_i x_i f_i
    log10 of the hopping rate = log10 k_0 - E_a/(R T ln 10)

IS and QS are those of one spectrum averaged by exchange that is fast beside the distances of the lines; area fractions
need exchange that is slow beside them. A gradient averages as a tensor: with all axes parallel (alpha = 0) QS is
|sum x_i QS_i| with signed QS_i, and with any other angle it is smaller. Hyperfine parameters of the states belong to
the crystal, not to free ions: they are parameters. Isomer shifts are relative to alpha-iron at room temperature;
those of states hold at T_0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.mossbauer.components import IS_SOURCE
from labile.techniques.mossbauer.dynamics import recoil_free_fraction, second_order_doppler
from labile.techniques.mossbauer.iron57 import MossbauerError

LATTICE_TEMPERATURE = 150.0
"""K: what Debye temperatures of iron in molecular crystals are about; SOD hardly depends on it."""
ROOM = 295.0
"""K: T_0 unless another is given."""


def _lattice(name: str) -> Parameter:
    return Parameter(
        f"{name}.lattice_temperature",
        LATTICE_TEMPERATURE,
        lower=1e-3,
        upper=2000.0,
        fixed=True,
        source="assumed Debye temperature of iron in a molecular crystal",
    )


def _shift(name: str) -> Parameter:
    return Parameter(f"{name}.isomer_shift", source=IS_SOURCE)


@dataclass(frozen=True)
class IsomerShift:
    """Isomer shift of one averaged spectrum, relative to alpha-iron at room temperature.

    Own parameters: ``<state>.isomer_shift`` (m/s, at `reference_temperature`) and ``<state>.lattice_temperature``
    (Debye, K; 150 fixed by default) for the second-order Doppler shift.

    Attributes
    ----------
    reference_temperature : float
        K, T_0 of the module's formula.
    doppler : bool
        Whether the second-order Doppler shift is counted; without it data must have been freed of it.

    Examples
    --------
    >>> [p.name for p in IsomerShift(doppler=False).parameters((State("LS", 0), State("HS", 2)))]
    ['LS.isomer_shift', 'HS.isomer_shift']
    """

    reference_temperature: float = ROOM
    doppler: bool = True

    def __post_init__(self) -> None:
        if not self.reference_temperature > 0:
            raise MossbauerError(
                f"isomer shift: reference_temperature must be above 0 K, found {self.reference_temperature}"
            )

    @property
    def quantity(self) -> str:
        """``"isomer_shift"``."""
        return "isomer_shift"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        shifts = tuple(_shift(state.name) for state in states)
        return (*shifts, *(_lattice(state.name) for state in states)) if self.doppler else shifts

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Isomer shift at every point, m/s, with its partial derivatives."""
        kelvin = np.asarray(conditions.temperature)
        names = populations.state_names
        each = np.empty(populations.x.shape)
        by_t = np.zeros(populations.x.shape)
        own: dict[str, np.ndarray] = {}
        for i, name in enumerate(names):
            x = populations.x[:, i]
            each[:, i] = values[f"{name}.isomer_shift"]
            own[f"{name}.isomer_shift"] = x
            if self.doppler:
                theta = values[f"{name}.lattice_temperature"]
                here = second_order_doppler(kelvin, theta)
                there = second_order_doppler(self.reference_temperature, theta)
                each[:, i] += here.value - there.value
                by_t[:, i] = here.d_temperature
                own[f"{name}.lattice_temperature"] = x * (here.d_theta - there.d_theta)
        return Prediction(
            values=np.sum(populations.x * each, axis=1),
            d_x=each,
            d_temperature=np.sum(populations.x * by_t, axis=1),
            d_own=own,
        )


@dataclass(frozen=True)
class QuadrupoleSplitting:
    """|QS| of one averaged doublet.

    Own parameters: ``<state>.quadrupole_splitting`` (m/s, signed: a state whose Vzz has the other sign gets a negative
    one) and ``<state>.angle`` of every state but the first (rad; 0 fixed by default): between its axis and the first's.

    Examples
    --------
    >>> [p.name for p in QuadrupoleSplitting().parameters((State("LS", 0), State("HS", 2)))]
    ['LS.quadrupole_splitting', 'HS.quadrupole_splitting', 'HS.angle']
    """

    @property
    def quantity(self) -> str:
        """``"quadrupole_splitting"``."""
        return "quadrupole_splitting"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return (
            *(Parameter(f"{s.name}.quadrupole_splitting") for s in states),
            *(
                Parameter(f"{s.name}.angle", 0.0, lower=-math.pi, upper=math.pi, fixed=True, source="parallel axes")
                for s in states[1:]
            ),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Quadrupole splitting at every point, m/s, with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where it vanishes: the root has no derivative there.
        """
        names = populations.state_names
        q = np.array([values[f"{name}.quadrupole_splitting"] for name in names])
        angle = np.array([0.0, *(values[f"{name}.angle"] for name in names[1:])])
        apart = angle[:, None] - angle[None, :]
        overlap = 0.5 * (3.0 * np.cos(apart) ** 2 - 1.0)
        slope = -3.0 * np.cos(apart) * np.sin(apart)
        x = populations.x
        strength = x * q
        field = strength @ overlap
        splitting = np.sqrt(np.maximum(np.sum(field * strength, axis=1), 0.0))
        if np.any(splitting < 1e-9 * np.max(np.abs(q), initial=1e-30)):
            raise ArithmeticError("the averaged quadrupole splitting vanishes; it has no derivative there")
        field = field / splitting[:, None]
        turning = strength * (strength @ slope.T) / splitting[:, None]
        own = {f"{name}.quadrupole_splitting": field[:, i] * x[:, i] for i, name in enumerate(names)}
        own |= {f"{name}.angle": turning[:, i] for i, name in enumerate(names) if i}
        return Prediction(values=splitting, d_x=field * q, d_temperature=np.zeros(x.shape[0]), d_own=own)


@dataclass(frozen=True)
class AreaFraction:
    """Share of the resonant area that belongs to the listed states (slow exchange).

    Own parameters: ``<state>.lattice_temperature`` (Debye, K; 150 fixed by default) of all states for their recoil-free
    fractions. With equal ones the share is the population.

    Attributes
    ----------
    states : tuple of str

    Examples
    --------
    >>> AreaFraction(("HS",)).quantity
    'area_fraction'
    """

    states: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", (self.states,) if isinstance(self.states, str) else tuple(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise MossbauerError(f"area_fraction: name each state once, found {self.states!r}")

    @property
    def quantity(self) -> str:
        """``"area_fraction"``."""
        return "area_fraction"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        _require_states(self.states, tuple(state.name for state in states))
        return tuple(_lattice(state.name) for state in states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Area fraction at every point with its partial derivatives."""
        names = populations.state_names
        _require_states(self.states, names)
        kelvin = np.asarray(conditions.temperature)
        f = [recoil_free_fraction(kelvin, values[f"{name}.lattice_temperature"]) for name in names]
        weight = np.stack([one.value for one in f], axis=1)
        counted = np.array([float(name in self.states) for name in names])
        area = populations.x * weight
        total = area.sum(axis=1)
        share = area @ counted / total
        # d share/d area_i
        slope = (counted[None, :] - share[:, None]) / total[:, None]
        by_t = np.stack([one.d_temperature for one in f], axis=1)
        own = {
            f"{name}.lattice_temperature": slope[:, i] * populations.x[:, i] * f[i].d_theta
            for i, name in enumerate(names)
        }
        return Prediction(
            values=share,
            d_x=slope * weight,
            d_temperature=np.sum(slope * populations.x * by_t, axis=1),
            d_own=own,
        )


@dataclass(frozen=True)
class ExchangeRate:
    """log10 of the rate (s-1) at which the populations of two states relax, kappa = k_0 exp(-E_a/RT).

    "No splitting is seen" is the one-sided statement that it is more than 8. Own parameters:
    ``<a>-<b>.attempt_rate`` (s-1; 1e13 fixed by default) and ``<a>-<b>.activation_energy`` (J/mol).

    Attributes
    ----------
    pair : tuple of two str or None
        States in declared order; None for the last two of the model.

    Examples
    --------
    >>> [p.name for p in ExchangeRate().parameters((State("L", 0), State("H", 2), State("V", 2)))]
    ['H-V.attempt_rate', 'H-V.activation_energy']
    """

    pair: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.pair is not None:
            object.__setattr__(self, "pair", tuple(self.pair))
            if len(self.pair) != 2 or self.pair[0] == self.pair[1]:
                raise MossbauerError(f"log_exchange_rate: pair must name two different states, found {self.pair!r}")

    @property
    def quantity(self) -> str:
        """``"log_exchange_rate"``."""
        return "log_exchange_rate"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return rate_parameters(self._prefix(tuple(state.name for state in states)))

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """log10 of the rate at every point with its partial derivatives."""
        prefix = self._prefix(populations.state_names)
        kelvin = np.asarray(conditions.temperature)
        attempt, barrier = values[f"{prefix}.attempt_rate"], values[f"{prefix}.activation_energy"]
        scale = 1.0 / (GAS_CONSTANT * math.log(10.0))
        return Prediction(
            values=math.log10(attempt) - scale * barrier / kelvin,
            d_x=np.zeros(populations.x.shape),
            d_temperature=scale * barrier / kelvin**2,
            d_own={
                f"{prefix}.attempt_rate": np.full(kelvin.shape, 1.0 / (attempt * math.log(10.0))),
                f"{prefix}.activation_energy": -scale / kelvin,
            },
        )

    def _prefix(self, names: tuple[str, ...]) -> str:
        pair = names[-2:] if self.pair is None else self.pair
        if len(names) < 2:
            raise MossbauerError("log_exchange_rate: a rate needs two states")
        _require_states(pair, names)
        if names.index(pair[0]) > names.index(pair[1]):
            raise MossbauerError(f"log_exchange_rate: name the pair in declared order, {pair[1]} before {pair[0]}")
        return f"{pair[0]}-{pair[1]}"


def rate_parameters(prefix: str) -> tuple[Parameter, ...]:
    """Attempt rate and activation energy of one pair of states."""
    return (
        Parameter(
            f"{prefix}.attempt_rate", 1e13, lower=1.0, upper=1e16, fixed=True, source="assumed: a lattice vibration"
        ),
        Parameter(f"{prefix}.activation_energy", lower=0.0, upper=200e3),
    )


def _require_states(wanted: tuple[str, ...], names: tuple[str, ...]) -> None:
    for state in wanted:
        if state not in names:
            raise MossbauerError(f"state {state!r} is not in this model; there are {', '.join(names)}")
