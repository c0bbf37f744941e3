"""Volumes that change with pressure as terms of the free energy: a linear difference, or equations of state.

Both count the pressure from ambient (101325 Pa), as `contributions.PressureVolume` does: V0 and K0 are those of the
crystal at ambient pressure, and enthalpies are not changed by a choice of volumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.free_energy import Coefficients, ModelError
from labile.models.volumes import Compression, EquationOfState, EquationOfStateError, NoVolumeError, require_form

LARGEST_RATIO = 1.5
"""Molar volumes of two states of a crystal differ by less; a larger ratio is a difference taken for a volume."""
SOFTEST = 1e6
"""Pa: lower bound of K0 in fits; molecular crystals have 5 to 15 GPa."""
REMEMBERED_PRESSURES = 8
"""Paths along temperature ask for the same few pressures hundreds of times; up to so many at once are remembered."""


@lru_cache(maxsize=256)
def _remembered(form: str, parameters: tuple[float, ...], pressures: tuple[float, ...]) -> Compression:
    return EquationOfState(form, *parameters).at_pressure(pressures)


@dataclass(frozen=True)
class LinearVolume:
    """g += p V + p^2 V'/2 with p = P - P_ambient: a volume difference V + p V' that is linear in the pressure.

    Attributes
    ----------
    name : str
        Prefix of ``<name>.volume`` (m3/mol, relative to the reference state) and ``<name>.volume_slope``
        (m3/mol/Pa).
    raises : tuple of str
        States; ``(name,)`` when empty.

    Examples
    --------
    >>> [parameter.name for parameter in LinearVolume("HS").parameters(())]
    ['HS.volume', 'HS.volume_slope']
    """

    name: str
    raises: tuple[str, ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.volume`` and ``<name>.volume_slope``, 0 and fixed unless the study says otherwise."""
        return tuple(Parameter(f"{self.name}.{quantity}", 0.0, fixed=True) for quantity in ("volume", "volume_slope"))

    def _columns(self, coefficients: Coefficients) -> list[int]:
        return [coefficients.state(name) for name in self.raises or (self.name,)]

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add p V + p^2 V'/2."""
        volume, slope = values[f"{self.name}.volume"], values[f"{self.name}.volume_slope"]
        pressure = conditions.pressure - AMBIENT_PRESSURE
        for column in self._columns(coefficients):
            coefficients.g[:, column] += pressure * (volume + 0.5 * pressure * slope)
            coefficients.g_p[:, column] += volume + pressure * slope

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add p and p^2/2."""
        v, s = coefficients.parameter(f"{self.name}.volume"), coefficients.parameter(f"{self.name}.volume_slope")
        pressure = conditions.pressure - AMBIENT_PRESSURE
        for column in self._columns(coefficients):
            coefficients.g_theta[:, v, column] += pressure
            coefficients.g_theta[:, s, column] += 0.5 * pressure**2


@dataclass(frozen=True, eq=False)
class _StateWork:
    """One state at N conditions: g = expansion * work, with expansion = 1 + slope (T - T0)."""

    work: np.ndarray
    volume: np.ndarray
    d_work: dict[str, np.ndarray]
    expansion: np.ndarray
    slope: float


@dataclass(frozen=True)
class CompressibleVolume:
    """g_i += int V_i dP' from ambient pressure, every state with an equation of state of its own.

    The difference of the volumes may change its sign with pressure: T1/2(P) then has a maximum or a minimum.

    Attributes
    ----------
    form : str
        Key of `volumes.FORMS`.
    differences : bool
        False: ``<state>.volume`` is the molar volume of that state. True: that of the first state, and for every
        other state the difference from it, as in `contributions.PressureVolume`. Moduli are always the state's own.
    relative : bool
        True: the work of the first state is taken off every state, so that its g stays 0. False: g holds the full
        work of every state; for several structural phases, whose free energies need one common zero.
    expansion_from : float or None
        Temperature in K at which the volumes are given. With it every state has a ``<state>.thermal_expansion``
        alpha (1/K): V(P, T) = [1 + alpha (T - T0)] V(P, T0).

    Raises
    ------
    EquationOfStateError
        For an unknown form; when evaluated also for volumes or moduli that cannot be, and (`NoVolumeError`, at which a
        fit shortens its step) for pressures at which a state has no volume.
    ModelError
        For a reference temperature that is not positive.

    Examples
    --------
    >>> from labile.models.library import LS_HS
    >>> [parameter.name for parameter in CompressibleVolume("murnaghan").parameters(LS_HS)][:3]
    ['LS.volume', 'LS.bulk_modulus', 'LS.bulk_modulus_derivative']
    """

    form: str = "birch_murnaghan_3"
    differences: bool = False
    relative: bool = True
    expansion_from: float | None = None

    def __post_init__(self) -> None:
        require_form(self.form)
        if self.expansion_from is not None and not 0 < self.expansion_from < np.inf:
            raise ModelError(f"compressible volume: expansion_from must be above 0 K, found {self.expansion_from}")

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Volume, moduli and expansion of every state; all but the expansion must be given."""
        found = []
        for number, state in enumerate(states):
            for quantity in require_form(self.form).parameters:
                bounds = {"bulk_modulus": SOFTEST, "volume": -np.inf if self.differences and number else 0.0}
                found.append(Parameter(f"{state.name}.{quantity}", lower=bounds.get(quantity, -np.inf)))
            if self.expansion_from is not None:
                found.append(Parameter(f"{state.name}.thermal_expansion", 0.0, fixed=True))
        return tuple(found)

    def _states(
        self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]
    ) -> list[_StateWork]:
        # conditions share pressures, and one inversion serves all that are equal
        distinct, back = np.unique(conditions.pressure - AMBIENT_PRESSURE, return_inverse=True)
        first = coefficients.state_names[0]
        found = []
        for name in coefficients.state_names:
            given = [values[f"{name}.{quantity}"] for quantity in require_form(self.form).parameters]
            if name != first:
                given[0] += values[f"{first}.volume"] if self.differences else 0.0
                if not 1.0 / LARGEST_RATIO <= given[0] / values[f"{first}.volume"] <= LARGEST_RATIO:
                    raise NoVolumeError(self._wrong_volume(first, name, values))
            try:
                if distinct.size <= REMEMBERED_PRESSURES:
                    point = _remembered(self.form, tuple(given), tuple(distinct.tolist()))
                else:
                    point = EquationOfState(self.form, *given).at_pressure(distinct)
            except EquationOfStateError as error:
                raise type(error)(f"state {name}: {error}") from None
            expansion, slope = np.ones(len(conditions)), 0.0
            if self.expansion_from is not None:
                slope = values[f"{name}.thermal_expansion"]
                expansion = 1.0 + slope * (conditions.temperature - self.expansion_from)
                if not np.min(expansion, initial=1.0) > 0:
                    raise NoVolumeError(
                        f"{name}.thermal_expansion {slope:g} 1/K leaves no volume at"
                        f" {conditions.temperature[int(np.argmin(expansion))]:g} K; it is a volume expansion, about"
                        " 1e-4 1/K in a molecular crystal"
                    )
            d_work = {quantity: one[back] for quantity, one in point.d_work.items()}
            found.append(_StateWork(point.work[back], point.volume[back], d_work, expansion, slope))
        return found

    def _wrong_volume(self, first: str, name: str, values: Mapping[str, float]) -> str:
        found = f"{name}.volume is {values[f'{name}.volume']:g} m3/mol, {first}.volume {values[f'{first}.volume']:g}"
        if self.differences:
            return f"{found}: with differences=True {name}.volume is counted from {first} and small beside its volume"
        return f"{found}: both are molar volumes of states; for a difference build the term with differences=True"

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the work of compression of every state, and its derivatives V in P and alpha W in T."""
        states = self._states(coefficients, conditions, values)
        for array, terms in (
            (coefficients.g, [one.expansion * one.work for one in states]),
            (coefficients.g_p, [one.expansion * one.volume for one in states]),
            (coefficients.g_t, [one.slope * one.work for one in states]),
        ):
            added = np.stack(terms, axis=1)
            array += added - added[:, :1] if self.relative else added

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the derivatives of the work in volumes, moduli and expansions."""
        first = coefficients.state_names[0]
        for number, one in enumerate(self._states(coefficients, conditions, values)):
            name = coefficients.state_names[number]
            derivatives = [
                (f"{name}.{quantity}", one.expansion * d, one.slope * d) for quantity, d in one.d_work.items()
            ]
            if self.differences and number:
                derivatives.append((f"{first}.volume", *derivatives[0][1:]))
            if self.expansion_from is not None:
                step = conditions.temperature - self.expansion_from
                derivatives.append((f"{name}.thermal_expansion", step * one.work, one.work))
            for parameter, slope, slope_t in derivatives:
                row = coefficients.parameter(parameter)
                coefficients.g_theta[:, row, number] += slope
                coefficients.g_t_theta[:, row, number] += slope_t
                if self.relative and number == 0:
                    coefficients.g_theta[:, row, :] -= slope[:, None]
                    coefficients.g_t_theta[:, row, :] -= slope_t[:, None]
