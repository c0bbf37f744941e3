"""What each electronic state contributes to a magnetic measurement: a constant, or a spin Hamiltonian of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AVOGADRO, BOHR_MAGNETON, VACUUM_PERMEABILITY
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.spin_hamiltonian import SpinHamiltonian, hamiltonian_from
from labile.models.spin_magnetism import SUSCEPTIBILITIES, magnetization, susceptibility
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.spin_only import spin_only_chi_t

Hamiltonians = tuple[tuple[str, SpinHamiltonian], ...]


@dataclass(eq=False)
class PerState:
    """A quantity of n states at N points, with its derivatives.

    Attributes
    ----------
    values, d_temperature : ndarray (N, n)
    d_own : mapping of str to (int, ndarray (N,))
        Parameter to the state that it belongs to and the derivative of that state's column.
    """

    values: np.ndarray
    d_temperature: np.ndarray
    d_own: dict[str, tuple[int, np.ndarray]] = field(default_factory=dict)


def hamiltonians_from(given: Any) -> Hamiltonians:
    """State to Hamiltonian, as pairs, from a mapping of states to Hamiltonians or tables.

    Raises
    ------
    MagnetometryError
        If it is no mapping.
    SpinHamiltonianError
        As `labile.models.spin_hamiltonian.hamiltonian_from`.
    """
    pairs = given.items() if isinstance(given, Mapping) else given
    if not isinstance(given, (Mapping, tuple)):
        raise MagnetometryError(
            f"hamiltonian: expected one table a state, such as {{ HS = {{ spin = 2 }} }}, found {given!r}"
        )
    return tuple((str(state), hamiltonian_from(one, f"hamiltonian of state {state}")) for state, one in pairs)


def require_kind(kind: str) -> None:
    """Raise MagnetometryError unless this is a susceptibility known here."""
    if kind not in SUSCEPTIBILITIES:
        raise MagnetometryError(
            f"susceptibility {kind!r} is unknown; it is M/H (moment by field) or dM/dH (an AC measurement)"
        )


def state_parameters(states: tuple[State, ...], hamiltonians: Hamiltonians) -> tuple[Parameter, ...]:
    """Parameters of all states: ``<state>.chi_t``, or those of the state's Hamiltonian.

    Raises
    ------
    MagnetometryError
        For a Hamiltonian of an unknown state, or one that cannot have the state's spin.
    """
    known = dict(hamiltonians)
    names = [state.name for state in states]
    for name in known:
        if name not in names:
            raise MagnetometryError(f"hamiltonian: state {name!r} is not in this model; there are {', '.join(names)}")
    found: list[Parameter] = []
    for state in states:
        if state.name not in known:
            found.append(_constant(state))
            continue
        _require_spin(state, known[state.name])
        found += known[state.name].parameters(state.name)
    return tuple(found)


def per_state_chi_t(
    names: tuple[str, ...],
    hamiltonians: Hamiltonians,
    conditions: Conditions,
    values: Mapping[str, float],
    *,
    kind: str,
    magnetic_field: float,
) -> PerState:
    """chi*T of every state, m3 K/mol.

    Parameters
    ----------
    names : tuple of str
        n states.
    hamiltonians : tuple of (str, SpinHamiltonian)
    conditions : Conditions
        Of N points.
    values : mapping of str to float
    kind : {"M/H", "dM/dH"}
    magnetic_field : float
        T, for points without a field.
    """
    known = dict(hamiltonians)
    temperature = np.asarray(conditions.temperature)
    given = np.asarray(conditions.magnetic_field)
    tesla = np.where(given == 0.0, magnetic_field, given)
    found = PerState(np.zeros((temperature.size, len(names))), np.zeros((temperature.size, len(names))))
    for i, name in enumerate(names):
        if name not in known:
            found.values[:, i] = values[f"{name}.chi_t"]
            found.d_own[f"{name}.chi_t"] = (i, np.ones(temperature.size))
            continue
        chi = susceptibility(known[name], values, temperature, tesla, owner=name, kind=kind)
        found.values[:, i] = chi.values * temperature
        found.d_temperature[:, i] = chi.d_temperature * temperature + chi.values
        for parameter, column in chi.d_parameters.items():
            found.d_own[parameter] = (i, column * temperature)
    return found


def per_state_magnetization(
    names: tuple[str, ...],
    hamiltonians: Hamiltonians,
    conditions: Conditions,
    values: Mapping[str, float],
    *,
    magnetic_field: float,
) -> PerState:
    """Magnetisation of every state along the field, A m2/mol; a state without a Hamiltonian is diamagnetic.

    `magnetic_field` (T) is used where no point has a field; the others are as in `per_state_chi_t`.
    """
    known = dict(hamiltonians)
    temperature, tesla = np.asarray(conditions.temperature), fields(conditions, magnetic_field)
    found = PerState(np.zeros((temperature.size, len(names))), np.zeros((temperature.size, len(names))))
    for i, name in enumerate(names):
        if name in known:
            moment = magnetization(known[name], values, temperature, tesla, owner=name)
            found.values[:, i], found.d_temperature[:, i] = moment.values, moment.d_temperature
            found.d_own |= {parameter: (i, column) for parameter, column in moment.d_parameters.items()}
    return found


def fields(conditions: Conditions, magnetic_field: float) -> np.ndarray:
    """Fields (T) of the points; `magnetic_field` where none of them has one."""
    tesla = np.asarray(conditions.magnetic_field)
    return np.full(tesla.shape, magnetic_field) if np.all(tesla == 0.0) else tesla


def mean_field(
    chi_t: np.ndarray, temperature: np.ndarray, exchange: float, g: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """chi*T with an intermolecular exchange J' between z neighbours in mean field.

    chi = chi_0 / (1 - 2 zJ' chi_0 / (mu_0 N_A mu_B^2 g^2)) in the convention H = -2 J' S_a.S_b; per mole zJ' carries
    another N_A. It holds for |zJ'| well below k_B T and in fields that do not saturate the moment.

    Parameters
    ----------
    chi_t : ndarray (N,)
        Without it, m3 K/mol.
    temperature : ndarray (N,)
        K.
    exchange : float
        zJ', J/mol.
    g : float

    Returns
    -------
    chi_t, d_chi_t, d_temperature, d_exchange : ndarray (N,)
        With it, and its derivatives in chi_0 T, in T at constant chi_0 T and in zJ'.

    Raises
    ------
    ArithmeticError
        Where the denominator is not positive: the mean field would order there.

    References
    ----------
    C. J. O'Connor, Prog. Inorg. Chem. 1982, 29, 203, doi:10.1002/9780470166307.ch4.
    """
    strength = 2.0 / (VACUUM_PERMEABILITY * (AVOGADRO * BOHR_MAGNETON * g) ** 2)
    left = 1.0 - strength * exchange * chi_t / temperature
    if np.any(left <= 0.0):
        coldest = float(temperature[np.argmin(left)])
        raise ArithmeticError(f"the intermolecular exchange orders the moments at {coldest:g} K; the mean field ends")
    total = chi_t / left
    return total, 1.0 / left**2, -strength * exchange * (total / temperature) ** 2, strength * total**2 / temperature


def _constant(state: State) -> Parameter:
    name = f"{state.name}.chi_t"
    if state.spin is None:
        return Parameter(name, lower=0.0)
    source = f"spin-only, S = {state.spin:g}, g = 2"
    return Parameter(name, spin_only_chi_t(state.spin), lower=0.0, fixed=state.spin == 0, source=source)


def _require_spin(state: State, hamiltonian: SpinHamiltonian) -> None:
    """A state's spin must be one of those that its centres can couple to."""
    if state.spin is None:
        return
    doubled = [round(2 * centre.spin) for centre in hamiltonian.centres]
    most, least = sum(doubled), max(2 * max(doubled) - sum(doubled), sum(doubled) % 2)
    wanted = round(2 * state.spin)
    if not least <= wanted <= most or (wanted - most) % 2:
        spins = ", ".join(f"{centre.spin:g}" for centre in hamiltonian.centres)
        raise MagnetometryError(
            f"hamiltonian: state {state.name} has spin {state.spin:g}, which centres of spin {spins} cannot give"
        )
