"""What a magnetometer reads when the populations of the electronic states are known.

chi*T = (1 - f) sum_i x_i c_i + f c_r + chi_TIP T

with c_i = chi*T of state i, f the fraction of the sample that does not switch and stays in state r, and chi_TIP the
temperature-independent paramagnetism. c_i is a constant, or follows from a spin Hamiltonian of the state at the
temperature and the field of the experiment. All observables of one sample share these parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import VACUUM_PERMEABILITY
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.spin_only import CURIE_CONSTANT
from labile.techniques.magnetometry.state_magnetism import (
    PerState,
    fields,
    hamiltonians_from,
    mean_field,
    per_state_chi_t,
    per_state_magnetization,
    require_kind,
    state_parameters,
)

BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True)
class ChiT:
    """chi*T of a sample.

    Own parameters: ``<state>.chi_t`` (m3 K/mol; by default spin-only with g = 2 where the spin is known, fixed
    for S = 0; without a value where it is not), or those of the state's spin Hamiltonian;
    ``<sample>.residual_fraction`` and ``<sample>.temperature_independent_paramagnetism`` (m3/mol), both 0 and fixed by
    default; ``<sample>.intermolecular_exchange`` (zJ', J/mol) where `mean_field_g` is given.

    Attributes
    ----------
    sample : str
        Prefix of the sample's own parameters.
    residual_state : str or None
        State of the fraction that does not switch; None for the first state after the reference, the high-spin
        state of a two-state material.
    hamiltonian : mapping of str to SpinHamiltonian or table
        State to its spin Hamiltonian, instead of a constant chi*T; see `models.spin_hamiltonian.hamiltonian_from`.
    susceptibility : {"M/H", "dM/dH"}
        What a Hamiltonian gives at the field: the moment divided by the field, or the slope (AC).
    magnetic_field : float
        T, for points whose conditions have no field; 0 for the zero-field limit.
    mean_field_g : float or None
        g in the mean field of neighbouring molecules (`state_magnetism.mean_field`), applied before chi_TIP.

    Raises
    ------
    MagnetometryError
        For an unknown susceptibility, a field that is not finite or a g that is not positive.
    SpinHamiltonianError
        For a malformed Hamiltonian.

    Examples
    --------
    >>> [p.name for p in ChiT("powder").parameters((State("LS", 0), State("HS", 2)))]
    ['LS.chi_t', 'HS.chi_t', 'powder.residual_fraction', 'powder.temperature_independent_paramagnetism']
    >>> split = ChiT("powder", hamiltonian={"HS": {"spin": 2}})
    >>> [p.name for p in split.parameters((State("LS", 0), State("HS", 2)))][:4]
    ['LS.chi_t', 'HS.zero_field_splitting', 'HS.rhombicity', 'HS.g']
    """

    sample: str = "sample"
    residual_state: str | None = None
    hamiltonian: Any = ()
    susceptibility: str = "M/H"
    magnetic_field: float = 0.0
    mean_field_g: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hamiltonian", hamiltonians_from(self.hamiltonian))
        require_kind(self.susceptibility)
        _require_field(self.magnetic_field)
        if self.mean_field_g is not None and not (_is_number(self.mean_field_g) and self.mean_field_g > 0):
            raise MagnetometryError(f"mean_field_g must be a number above 0, found {self.mean_field_g!r}")

    @property
    def quantity(self) -> str:
        """``"chi_t"``."""
        return "chi_t"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        own = _sample_parameters(self.sample, self.residual_state, states, state_parameters(states, self.hamiltonian))
        if self.mean_field_g is None:
            return own
        source = f"zJ' of H = -2 J' S.S between molecules, g = {self.mean_field_g:g}"
        return *own, Parameter(f"{self.sample}.intermolecular_exchange", 0.0, fixed=True, source=source)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """chi*T at every point, m3 K/mol, with its partial derivatives."""
        return self._chi_t(populations, conditions, values)

    def _chi_t(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        temperature = np.asarray(conditions.temperature)
        of_states = per_state_chi_t(
            populations.state_names, self.hamiltonian, conditions, values,
            kind=self.susceptibility, magnetic_field=self.magnetic_field,
        )  # fmt: skip
        mixed = _mixture(self.sample, self.residual_state, of_states, populations, values)
        if self.mean_field_g is not None:
            name = f"{self.sample}.intermolecular_exchange"
            total, slope, d_temperature, d_exchange = mean_field(
                mixed.values, temperature, values[name], self.mean_field_g
            )
            mixed = _scaled(mixed, total, slope, d_temperature)
            mixed = _with_own(mixed, {name: d_exchange})
        tip = f"{self.sample}.temperature_independent_paramagnetism"
        return Prediction(
            values=mixed.values + values[tip] * temperature,
            d_x=mixed.d_x,
            d_temperature=mixed.d_temperature + values[tip],
            d_own={**mixed.d_own, tip: temperature},
        )


@dataclass(frozen=True)
class ChiM(ChiT):
    """Molar susceptibility chi_M = chi*T / T of a sample; parameters and options of `ChiT`."""

    @property
    def quantity(self) -> str:
        """``"chi_m"``."""
        return "chi_m"

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """chi_M at every point, m3/mol, with its partial derivatives."""
        chi_t = self._chi_t(populations, conditions, values)
        temperature = np.asarray(conditions.temperature)
        return _scaled(chi_t, chi_t.values / temperature, 1.0 / temperature, -chi_t.values / temperature**2)


@dataclass(frozen=True)
class MuEff(ChiT):
    """Effective moment sqrt(3 k_B chi*T / mu_0 N_A mu_B^2), Bohr magnetons; parameters and options of `ChiT`."""

    @property
    def quantity(self) -> str:
        """``"mu_eff"``."""
        return "mu_eff"

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """mu_eff at every point with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where chi*T is not positive: the square root has no derivative there.
        """
        chi_t = self._chi_t(populations, conditions, values)
        if np.any(chi_t.values <= 0):
            raise ArithmeticError("mu_eff has no derivative where chi*T is 0 or negative; use chi_t instead")
        moment = np.sqrt(chi_t.values / CURIE_CONSTANT)
        return _scaled(chi_t, moment, moment / (2 * chi_t.values), np.zeros_like(moment))


@dataclass(frozen=True)
class Magnetization:
    """Magnetisation of a sample at the field of the experiment: M(H), M(T), M(H, T).

    M = (1 - f) sum_i x_i M_i + f M_r + chi_TIP B/mu_0, where M_i follows from the spin Hamiltonian of state i (a powder
    in every direction of the field) and is 0 for a state without one.

    Attributes
    ----------
    hamiltonian : mapping of str to SpinHamiltonian or table
        State to its spin Hamiltonian; every state with unpaired electrons needs one.
    sample, residual_state
        As for `ChiT`.
    magnetic_field : float
        T, used where no point has a field in its conditions.

    Raises
    ------
    MagnetometryError
        If a state that is not diamagnetic lacks its Hamiltonian.

    Examples
    --------
    >>> Magnetization({"HS": {"spin": 2}}).quantity
    'magnetization'
    """

    hamiltonian: Any
    sample: str = "sample"
    residual_state: str | None = None
    magnetic_field: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hamiltonian", hamiltonians_from(self.hamiltonian))
        _require_field(self.magnetic_field)

    @property
    def quantity(self) -> str:
        """``"magnetization"``."""
        return "magnetization"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        known = {name for name, _ in self.hamiltonian}
        for state in states:
            if state.name not in known and state.spin != 0:
                raise MagnetometryError(
                    f"magnetization: state {state.name} needs a Hamiltonian, because M(H) does not follow from a"
                    f" constant chi*T; write hamiltonian = {{ {state.name} = {{ spin = {state.spin or 2:g} }} }}"
                )
        found = [p for p in state_parameters(states, self.hamiltonian) if p.quantity != "chi_t"]
        return _sample_parameters(self.sample, self.residual_state, states, tuple(found))

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Magnetisation at every point, A m2/mol, with its partial derivatives."""
        of_states = per_state_magnetization(
            populations.state_names, self.hamiltonian, conditions, values, magnetic_field=self.magnetic_field
        )
        mixed = _mixture(self.sample, self.residual_state, of_states, populations, values)
        tip = f"{self.sample}.temperature_independent_paramagnetism"
        intensity = fields(conditions, self.magnetic_field) / VACUUM_PERMEABILITY
        return Prediction(
            values=mixed.values + values[tip] * intensity,
            d_x=mixed.d_x,
            d_temperature=mixed.d_temperature,
            d_own={**mixed.d_own, tip: intensity},
        )


@dataclass(frozen=True)
class HighSpinFraction:
    """Fraction of the switching sites in the listed states, the part that does not switch counted among them.

    Attributes
    ----------
    states : tuple of str
        States that count as high spin.
    sample : str
        Prefix of ``<sample>.residual_fraction`` (0 and fixed by default).
    shares : tuple of float
        Fraction of the sites that is high-spin in each listed state, 1/2 for one of two sites; all 1 when empty.

    Raises
    ------
    MagnetometryError
        If no state is listed, one is listed twice, or the shares do not fit the states.

    Examples
    --------
    >>> HighSpinFraction(("HS",)).quantity
    'high_spin_fraction'
    """

    states: tuple[str, ...]
    sample: str = "sample"
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        object.__setattr__(self, "shares", tuple(self.shares) or (1.0,) * len(self.states))
        if not self.states or len(set(self.states)) != len(self.states):
            raise MagnetometryError(f"high_spin_fraction: name each high-spin state once, found {self.states!r}")
        if len(self.shares) != len(self.states) or not all(0 < share <= 1 for share in self.shares):
            raise MagnetometryError(
                f"high_spin_fraction: shares must be one number in (0, 1] for each of {', '.join(self.states)}, found"
                f" {self.shares!r}"
            )

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
        share = dict(zip(self.states, self.shares, strict=True))
        counted = np.array([share.get(state, 0.0) for state in populations.state_names])
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


def _with_own(inner: Prediction, own: Mapping[str, np.ndarray]) -> Prediction:
    return Prediction(inner.values, inner.d_x, inner.d_temperature, inner.d_x_t, {**inner.d_own, **own})


def _mixture(
    sample: str, residual_state: str | None, of: PerState, populations: Populations, values: Mapping[str, float]
) -> Prediction:
    """(1 - f) sum_i x_i c_i + f c_r with its partial derivatives."""
    names = populations.state_names
    frozen = names.index(_residual_state(residual_state, names))
    fraction_name = f"{sample}.residual_fraction"
    fraction = values[fraction_name]
    weights = (1.0 - fraction) * populations.x
    weights[:, frozen] += fraction
    own = {name: weights[:, i] * column for name, (i, column) in of.d_own.items()}
    own[fraction_name] = of.values[:, frozen] - np.einsum("ni,ni->n", populations.x, of.values)
    return Prediction(
        values=np.einsum("ni,ni->n", weights, of.values),
        d_x=(1.0 - fraction) * of.values,
        d_temperature=np.einsum("ni,ni->n", weights, of.d_temperature),
        d_own=own,
    )


def _sample_parameters(
    sample: str, residual_state: str | None, states: tuple[State, ...], of_states: tuple[Parameter, ...]
) -> tuple[Parameter, ...]:
    residual = _residual_state(residual_state, tuple(state.name for state in states))
    return (
        *of_states,
        _residual_parameter(sample, f"fraction that stays {residual}"),
        Parameter(f"{sample}.temperature_independent_paramagnetism", 0.0, fixed=True),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _require_field(value: Any) -> None:
    if not _is_number(value):
        raise MagnetometryError(f"magnetic_field must be a finite number in T, found {value!r}")


def _residual_parameter(sample: str, source: str) -> Parameter:
    return Parameter(f"{sample}.residual_fraction", 0.0, lower=0.0, upper=BELOW_ONE, fixed=True, source=source)


def _residual_state(wanted: str | None, names: tuple[str, ...]) -> str:
    if wanted is None:
        return names[min(1, len(names) - 1)]
    _require_states((wanted,), names)
    return wanted


def _require_states(wanted: tuple[str, ...], names: tuple[str, ...]) -> None:
    for state in wanted:
        if state not in names:
            raise MagnetometryError(f"state {state!r} is not in this model; there are {', '.join(names)}")
