"""What a magnetometer reads when the populations of the electronic states are known.

chi*T = (1 - f) sum_i x_i c_i + f c_r + chi_TIP T

with c_i = chi*T of state i, f the fraction of the sample that does not switch and stays in state r, and chi_TIP the
temperature-independent paramagnetism. All observables of one sample share these parameters.
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
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.spin_only import CURIE_CONSTANT, spin_only_chi_t

BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True)
class ChiT:
    """chi*T of a sample.

    Own parameters: ``<state>.chi_t`` (m3 K/mol; by default spin-only with g = 2 where the spin is known, fixed
    for S = 0; without a value where it is not), ``<sample>.residual_fraction`` and
    ``<sample>.temperature_independent_paramagnetism`` (m3/mol), both 0 and fixed by default.

    Attributes
    ----------
    sample : str
        Prefix of the sample's own parameters.
    residual_state : str or None
        State of the fraction that does not switch; None for the first state after the reference, the high-spin
        state of a two-state material.

    Examples
    --------
    >>> [p.name for p in ChiT("powder").parameters((State("LS", 0), State("HS", 2)))]
    ['LS.chi_t', 'HS.chi_t', 'powder.residual_fraction', 'powder.temperature_independent_paramagnetism']
    """

    sample: str = "sample"
    residual_state: str | None = None

    @property
    def quantity(self) -> str:
        """``"chi_t"``."""
        return "chi_t"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        residual = _residual_state(self.residual_state, tuple(state.name for state in states))
        return (
            *(_state_chi_t(state) for state in states),
            _residual_parameter(self.sample, f"fraction that stays {residual}"),
            Parameter(f"{self.sample}.temperature_independent_paramagnetism", 0.0, fixed=True),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """chi*T at every point, m3 K/mol, with its partial derivatives."""
        names = populations.state_names
        residual = _residual_state(self.residual_state, names)
        fraction_name = f"{self.sample}.residual_fraction"
        tip_name = f"{self.sample}.temperature_independent_paramagnetism"
        fraction, tip = values[fraction_name], values[tip_name]
        of_state = np.array([values[f"{name}.chi_t"] for name in names])
        temperature = np.asarray(conditions.temperature)
        switching = populations.x @ of_state
        own = {
            f"{name}.chi_t": (1.0 - fraction) * populations.x[:, i] + (fraction if name == residual else 0.0)
            for i, name in enumerate(names)
        }
        own[fraction_name] = of_state[names.index(residual)] - switching
        own[tip_name] = temperature
        return Prediction(
            values=(1.0 - fraction) * switching + fraction * of_state[names.index(residual)] + tip * temperature,
            d_x=np.broadcast_to((1.0 - fraction) * of_state, populations.x.shape),
            d_temperature=np.full(temperature.shape, tip),
            d_own=own,
        )


@dataclass(frozen=True)
class ChiM:
    """Molar susceptibility chi_M = chi*T / T of a sample; parameters of `ChiT`.

    Attributes
    ----------
    sample, residual_state
        As for `ChiT`.
    """

    sample: str = "sample"
    residual_state: str | None = None

    @property
    def quantity(self) -> str:
        """``"chi_m"``."""
        return "chi_m"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return ChiT(self.sample, self.residual_state).parameters(states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """chi_M at every point, m3/mol, with its partial derivatives."""
        chi_t = ChiT(self.sample, self.residual_state).predict(populations, conditions, values)
        temperature = np.asarray(conditions.temperature)
        return _scaled(chi_t, chi_t.values / temperature, 1.0 / temperature, -chi_t.values / temperature**2)


@dataclass(frozen=True)
class MuEff:
    """Effective moment sqrt(3 k_B chi*T / mu_0 N_A mu_B^2) of a sample, Bohr magnetons; parameters of `ChiT`.

    Attributes
    ----------
    sample, residual_state
        As for `ChiT`.
    """

    sample: str = "sample"
    residual_state: str | None = None

    @property
    def quantity(self) -> str:
        """``"mu_eff"``."""
        return "mu_eff"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        return ChiT(self.sample, self.residual_state).parameters(states)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """mu_eff at every point with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where chi*T is not positive: the square root has no derivative there.
        """
        chi_t = ChiT(self.sample, self.residual_state).predict(populations, conditions, values)
        if np.any(chi_t.values <= 0):
            raise ArithmeticError("mu_eff has no derivative where chi*T is 0 or negative; use chi_t instead")
        moment = np.sqrt(chi_t.values / CURIE_CONSTANT)
        return _scaled(chi_t, moment, moment / (2 * chi_t.values), np.zeros_like(moment))


@dataclass(frozen=True)
class HighSpinFraction:
    """Fraction of the sample in the listed states, the part that does not switch counted among them.

    Attributes
    ----------
    states : tuple of str
        States that count as high spin.
    sample : str
        Prefix of ``<sample>.residual_fraction`` (0 and fixed by default).

    Raises
    ------
    MagnetometryError
        If no state is listed, or one is listed twice.

    Examples
    --------
    >>> HighSpinFraction(("HS",)).quantity
    'high_spin_fraction'
    """

    states: tuple[str, ...]
    sample: str = "sample"

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise MagnetometryError(f"high_spin_fraction: name each high-spin state once, found {self.states!r}")

    @property
    def quantity(self) -> str:
        """``"high_spin_fraction"``."""
        return "high_spin_fraction"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds."""
        _require_states(self.states, tuple(state.name for state in states))
        return (_residual_parameter(self.sample, "fraction that stays high spin"),)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """High-spin fraction at every point with its partial derivatives."""
        _require_states(self.states, populations.state_names)
        name = f"{self.sample}.residual_fraction"
        counted = np.array([float(state in self.states) for state in populations.state_names])
        switching = populations.x @ counted
        return Prediction(
            values=(1.0 - values[name]) * switching + values[name],
            d_x=np.broadcast_to((1.0 - values[name]) * counted, populations.x.shape),
            d_temperature=np.zeros_like(switching),
            d_own={name: 1.0 - switching},
        )


def _scaled(inner: Prediction, values: np.ndarray, factor: np.ndarray, d_temperature: np.ndarray) -> Prediction:
    """Prediction of a function of `inner`: its derivative in inner is `factor`, in T at fixed inner `d_temperature`."""
    return Prediction(
        values=values,
        d_x=factor[:, None] * inner.d_x,
        d_temperature=factor * inner.d_temperature + d_temperature,
        d_own={name: factor * column for name, column in inner.d_own.items()},
    )


def _state_chi_t(state: State) -> Parameter:
    name = f"{state.name}.chi_t"
    if state.spin is None:
        return Parameter(name, lower=0.0)
    source = f"spin-only, S = {state.spin:g}, g = 2"
    return Parameter(name, spin_only_chi_t(state.spin), lower=0.0, fixed=state.spin == 0, source=source)


def _residual_parameter(sample: str, source: str) -> Parameter:
    return Parameter(f"{sample}.residual_fraction", 0.0, lower=0.0, upper=BELOW_ONE, fixed=True, source=source)


def _residual_state(wanted: str | None, names: tuple[str, ...]) -> str:
    if wanted is None:
        return names[1]
    _require_states((wanted,), names)
    return wanted


def _require_states(wanted: tuple[str, ...], names: tuple[str, ...]) -> None:
    for state in wanted:
        if state not in names:
            raise MagnetometryError(f"state {state!r} is not in this model; there are {', '.join(names)}")
