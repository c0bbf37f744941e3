"""Harmonic vibrations: free energy, enthalpy, entropy and heat capacity of modes, and their term of the free energy.

With theta = h c nu/k_B of a mode and x = theta/T, one mole of oscillators has

    F = R T [x/2 + ln(1 - e^-x)],  H = R theta [1/2 + 1/(e^x - 1)],  S = (H - F)/T,  C = R x^2 e^x/(e^x - 1)^2

(Einstein); one mole of modes whose density rises as nu^2 up to theta has the average of these over the modes (Debye),

    F = R T [3 x/8 + ln(1 - e^-x) - D(x)/3],  H = R theta [3/8 + D(x)/x],  C = R [4 D(x) - 3 x/(e^x - 1)],

with the third Debye function D. F depends on theta and T as T f(theta/T), so that dF/dtheta = H/theta and
d2F/dtheta dT = C/theta. The volume of a harmonic crystal does not depend on its vibrations: H is U here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import BOLTZMANN, GAS_CONSTANT, PLANCK, SPEED_OF_LIGHT
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.free_energy import Coefficients, ModelError

OCTAHEDRON_MODES = 15.0
"""Internal modes of an ML6 octahedron, 3 x 7 - 6: most of the vibrational entropy of a spin crossover is theirs."""
KELVIN_PER_WAVENUMBER = PLANCK * SPEED_OF_LIGHT / BOLTZMANN
"""h c/k_B, K m: a wavenumber of 1 cm-1 (100 m-1) is 1.438777 K."""
SERIES_BELOW = 2.0
"""Debye's function is summed from its power series below this argument, from exponentials above it."""


def vibrational_temperature(wavenumber: Any) -> np.ndarray:
    """Return h c nu/k_B in K of wavenumbers in 1/m.

    Examples
    --------
    >>> round(float(vibrational_temperature(400e2)), 3)
    575.511
    """
    return np.asarray(wavenumber, dtype=float) * KELVIN_PER_WAVENUMBER


@cache
def _debye_series() -> tuple[float, ...]:
    """Coefficients of x^0, x^2, x^4, ... in D(x) + 3 x/8: 3 B_2k / [(2 k + 3) (2 k)!]."""
    bernoulli = [Fraction(1)]
    for m in range(1, 37):
        bernoulli.append(-sum((math.comb(m + 1, k) * bernoulli[k] for k in range(m)), Fraction(0)) / (m + 1))
    return tuple(float(3 * bernoulli[m] / (m + 3) / math.factorial(m)) for m in range(0, 37, 2))


def debye_function(x: Any) -> np.ndarray:
    """Third Debye function D(x) = 3/x^3 int_0^x t^3/(e^t - 1) dt, to 1e-14.

    Parameters
    ----------
    x : array_like
        >= 0.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        For negative or non-finite arguments.

    References
    ----------
    M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 27.1: both expansions. P. Debye, Ann.
    Phys. 344, 789 (1912), doi 10.1002/andp.19123441404.

    Examples
    --------
    >>> round(float(debye_function(1.0)), 12)
    0.674415564078
    """
    x = np.asarray(x, dtype=float)
    if not np.all((x >= 0) & np.isfinite(x)):
        raise ValueError("debye_function: the argument theta/T must be >= 0 and finite")
    small = x < SERIES_BELOW
    near, far = np.where(small, x, 0.0), np.where(small, SERIES_BELOW, x)
    below = np.polynomial.polynomial.polyval(near**2, np.array(_debye_series())) - 0.375 * near
    above = math.pi**4 / (5.0 * far**3)
    for k in range(1, 20):
        u = k * far
        above = above - 3.0 * np.exp(-u) / k * (1.0 + 3.0 / u + 6.0 / u**2 + 6.0 / u**3)
    return np.where(small, below, above)


@dataclass(frozen=True, eq=False)
class ThermalFunctions:
    """Thermal functions of modes, J/mol and J/K/mol; arrays of the shape of the temperatures.

    Attributes
    ----------
    temperature : ndarray
        K.
    zero_point : float
        Energy of the modes at 0 K.
    thermal_enthalpy : ndarray
        H(T) - H(0).
    entropy, heat_capacity : ndarray
        S and C_V = dH/dT = T dS/dT.
    """

    temperature: np.ndarray
    zero_point: float
    thermal_enthalpy: np.ndarray
    entropy: np.ndarray
    heat_capacity: np.ndarray

    @property
    def enthalpy(self) -> np.ndarray:
        """H(T) with the zero-point energy."""
        return self.zero_point + self.thermal_enthalpy

    @property
    def free_energy(self) -> np.ndarray:
        """H - T S with the zero-point energy."""
        return self.enthalpy - self.temperature * self.entropy

    def __add__(self, other: ThermalFunctions) -> ThermalFunctions:
        """Modes of both, at the same temperatures."""
        return ThermalFunctions(
            self.temperature,
            self.zero_point + other.zero_point,
            self.thermal_enthalpy + other.thermal_enthalpy,
            self.entropy + other.entropy,
            self.heat_capacity + other.heat_capacity,
        )


def _require(temperature: Any, theta: Any, modes: float) -> tuple[np.ndarray, np.ndarray]:
    temperature, theta = np.asarray(temperature, dtype=float), np.atleast_1d(np.asarray(theta, dtype=float))
    if not np.all((temperature > 0) & np.isfinite(temperature)):
        raise ValueError("vibrations: temperatures must be above 0 K and finite")
    if not (theta.size and np.all((theta > 0) & np.isfinite(theta))):
        raise ValueError(
            "vibrations: frequencies must be positive and finite (an imaginary mode, often printed as a negative"
            f" wavenumber, is no minimum of the potential; translations are left out), found {theta.tolist()}"
        )
    if not (modes >= 0 and math.isfinite(modes)):
        raise ValueError(f"vibrations: the number of modes must be >= 0, found {modes}")
    return temperature, theta


def einstein(temperature: Any, einstein_temperature: float, modes: float = 1.0) -> ThermalFunctions:
    """Modes of one frequency.

    Parameters
    ----------
    temperature : array_like
        K.
    einstein_temperature : float
        theta, K; `vibrational_temperature` converts wavenumbers.
    modes : float
        Number of modes per molecule; one mole of each is counted.

    Returns
    -------
    ThermalFunctions

    Raises
    ------
    ValueError
        For temperatures or frequencies that are not positive.

    References
    ----------
    A. Einstein, Ann. Phys. 327, 180 (1907), doi 10.1002/andp.19063270110.

    Examples
    --------
    >>> round(float(einstein(300.0, 300.0, modes=3).heat_capacity), 4)
    22.9647
    """
    return harmonic(temperature, [einstein_temperature], modes)


def harmonic(temperature: Any, vibrational_temperatures: Any, modes: float = 1.0) -> ThermalFunctions:
    """Modes of listed frequencies, as a calculation or a spectrum gives them.

    Parameters
    ----------
    temperature : array_like
        K.
    vibrational_temperatures : array_like (M,)
        theta of every mode, K; `vibrational_temperature` converts wavenumbers.
    modes : float
        How often each counts.

    Returns
    -------
    ThermalFunctions

    Raises
    ------
    ValueError
        For temperatures or frequencies that are not positive.

    Examples
    --------
    >>> low, high = (harmonic(200.0, 15 * [vibrational_temperature(nu)]) for nu in (400e2, 300e2))
    >>> round(float(high.entropy - low.entropy), 3), round(float(high.enthalpy - low.enthalpy), 1)
    (21.85, -6219.8)
    """
    temperature, theta = _require(temperature, vibrational_temperatures, modes)
    x = theta / temperature[..., None]
    decay = np.exp(-x)
    loss = -np.expm1(-x)  # 1 - e^-x, without the overflow of e^x and with all digits of a soft mode
    quanta = decay / loss
    return ThermalFunctions(
        temperature,
        float(0.5 * GAS_CONSTANT * modes * np.sum(theta)),
        GAS_CONSTANT * modes * np.sum(theta * quanta, axis=-1),
        GAS_CONSTANT * modes * np.sum(x * quanta - _log_loss(decay, loss), axis=-1),
        GAS_CONSTANT * modes * np.sum(x**2 * quanta / loss, axis=-1),
    )


def _log_loss(decay: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """ln(1 - e^-x) from e^-x and 1 - e^-x, each where it has all its digits."""
    return np.where(decay < 0.5, np.log1p(-np.minimum(decay, 0.5)), np.log(loss))


def debye(temperature: Any, debye_temperature: float, modes: float = 3.0) -> ThermalFunctions:
    """Modes of an isotropic elastic continuum.

    Parameters
    ----------
    temperature : array_like
        K.
    debye_temperature : float
        theta, K.
    modes : float
        Number of modes; 3 for every particle (a rigid molecule, an atom).

    Returns
    -------
    ThermalFunctions

    Raises
    ------
    ValueError
        For temperatures or a Debye temperature that are not positive.

    References
    ----------
    P. Debye, Ann. Phys. 344, 789 (1912), doi 10.1002/andp.19123441404.

    Examples
    --------
    >>> round(float(debye(1000.0, 100.0).heat_capacity), 3)
    24.931
    """
    temperature, theta = _require(temperature, debye_temperature, modes)
    x = theta[0] / temperature
    decay = np.exp(-x)
    loss = -np.expm1(-x)
    d = debye_function(x)
    return ThermalFunctions(
        temperature,
        float(0.375 * GAS_CONSTANT * modes * theta[0]),
        GAS_CONSTANT * modes * temperature * d,
        GAS_CONSTANT * modes * (4.0 / 3.0 * d - _log_loss(decay, loss)),
        GAS_CONSTANT * modes * (4.0 * d - 3.0 * x * decay / loss),
    )


_FORMS = {
    "einstein": ("einstein_temperature", "einstein_modes", OCTAHEDRON_MODES),
    "debye": ("debye_temperature", "debye_modes", 3.0),
    "wavenumbers": ("frequency_scale", "", 1.0),
}
"""Parameter of each state, parameter that counts the modes, and its default."""


@dataclass(frozen=True, eq=False)
class _StateModes:
    """One state: g = F(T) - H(T0) + T S(T0) of one set of modes, its derivatives in T and in its own parameter."""

    g: np.ndarray
    g_t: np.ndarray
    g_tt: np.ndarray
    g_own: np.ndarray
    g_t_own: np.ndarray


@dataclass(frozen=True)
class Vibrations:
    """g_i += F_vib of every state, harmonic modes whose frequencies differ from state to state.

    Enthalpies and entropies of other terms must not contain what this term adds; `counted_from` says what they are.

    Attributes
    ----------
    form : {"einstein", "debye", "wavenumbers"}
        One frequency for all modes: ``<state>.einstein_temperature`` (K) and ``crystal.einstein_modes`` (15 and fixed).
        Debye: ``<state>.debye_temperature`` (K) and ``crystal.debye_modes`` (3 and fixed). Listed wavenumbers:
        ``<state>.frequency_scale``, a common factor of a state's list (1 and fixed).
    wavenumbers : tuple of (str, tuple of float)
        For the third form: every state with the wavenumbers of its modes, 1/m; `of_wavenumbers` takes a dict.
    counted_from : float or None
        What ``<state>.enthalpy`` and ``.entropy`` are. None: those of the potential minima, without any vibration
        (electronic energies of a calculation). 0: the enthalpy at 0 K, with the zero-point energies. A temperature
        T0 in K: enthalpy and entropy at T0 (a calorimeter's), so that this term adds only what the heat capacities
        make of them at other temperatures.
    relative : bool
        True: that of the first state is taken off every state, so that its g stays 0. False: g holds the full term
        of every state; for several structural phases, whose free energies need one common zero.

    Raises
    ------
    ModelError
        For an unknown form, wavenumbers where there is no place for them, that are missing, not positive, or of
        unequal number, and for a negative `counted_from`.

    References
    ----------
    M. Sorai, S. Seki, J. Phys. Chem. Solids 35, 555 (1974), doi 10.1016/S0022-3697(74)80010-7, and the sources of
    `einstein` and `debye`.

    Examples
    --------
    >>> from labile.models.library import LS_HS
    >>> [parameter.name for parameter in Vibrations("einstein").parameters(LS_HS)]
    ['LS.einstein_temperature', 'HS.einstein_temperature', 'crystal.einstein_modes']
    """

    form: str = "einstein"
    wavenumbers: tuple[tuple[str, tuple[float, ...]], ...] = ()
    counted_from: float | None = None
    relative: bool = True

    def __post_init__(self) -> None:
        if self.form not in _FORMS:
            raise ModelError(f"vibrations: form {self.form!r} is unknown; there are: {', '.join(_FORMS)}")
        if (self.form == "wavenumbers") != bool(self.wavenumbers):
            raise ModelError(
                f"vibrations: the form {self.form!r} {'needs' if not self.wavenumbers else 'takes no'} wavenumbers"
            )
        if self.counted_from is not None and not 0 <= self.counted_from < math.inf:
            raise ModelError(
                f"vibrations: counted_from must be None, 0 or a temperature in K, found {self.counted_from}"
            )
        for state, listed in self.wavenumbers:
            bad = [one for one in listed if not 0 < one < math.inf]
            if bad:
                raise ModelError(
                    f"vibrations: {state} has the wavenumber {bad[0]:g} 1/m; they must be positive (an imaginary mode,"
                    " often printed as a negative wavenumber, is no minimum; leave translations and rotations out)"
                )
        if len({len(listed) for _, listed in self.wavenumbers}) > 1:
            counts = ", ".join(f"{state} {len(listed)}" for state, listed in self.wavenumbers)
            raise ModelError(f"vibrations: every state has the same number of modes, found {counts}")

    @classmethod
    def of_wavenumbers(cls, wavenumbers: Mapping[str, Sequence[float]], **options: Any) -> Vibrations:
        """Modes listed state by state (1/m); `options` are the other fields.

        Examples
        --------
        >>> term = Vibrations.of_wavenumbers({"LS": [400e2, 500e2], "HS": [300e2, 350e2]}, counted_from=0.0)
        >>> term.form
        'wavenumbers'
        """
        listed = tuple((state, tuple(float(one) for one in modes)) for state, modes in wavenumbers.items())
        return cls("wavenumbers", listed, **options)

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """One parameter a state, to be given except the scale of a list, and the fixed number of modes."""
        own, count, default = _FORMS[self.form]
        if self.form == "wavenumbers":
            listed, named = [state for state, _ in self.wavenumbers], [state.name for state in states]
            if sorted(listed) != sorted(named):
                raise ModelError(f"vibrations: wavenumbers are given for {listed}, the crystal has the states {named}")
            return tuple(Parameter(f"{name}.{own}", 1.0, lower=1e-3, fixed=True) for name in named)
        return (
            *(Parameter(f"{state.name}.{own}", lower=0.1) for state in states),
            Parameter(f"crystal.{count}", default, lower=0.0, fixed=True),
        )

    def _one_set(self, temperature: Any, name: str, own: float) -> ThermalFunctions:
        if self.form == "einstein":
            return einstein(temperature, own)
        if self.form == "debye":
            return debye(temperature, own, modes=1.0)
        return harmonic(temperature, own * vibrational_temperature(dict(self.wavenumbers)[name]))

    def _state(self, temperature: np.ndarray, name: str, values: Mapping[str, float]) -> _StateModes:
        parameter = f"{name}.{_FORMS[self.form][0]}"
        own = values[parameter]
        if not own > 0:
            raise ModelError(f"vibrations: {parameter} must be > 0, found {own:g}")
        at = self._one_set(temperature, name, own)
        enthalpy, entropy, slope = 0.0, 0.0, 0.0
        if self.counted_from == 0:
            enthalpy = at.zero_point
        elif self.counted_from is not None:
            origin = self._one_set(self.counted_from, name, own)
            enthalpy, entropy = float(origin.enthalpy), float(origin.entropy)
            slope = float(origin.heat_capacity)
        # F, H and C are T f(theta/T), theta f' and -theta^2 f''/T: dF/dtheta = H/theta, dH/dtheta = (H - C T)/theta,
        # dS/dtheta = -C/theta, and the same for a factor of all frequencies
        enthalpy_own = (enthalpy - slope * (self.counted_from or 0.0)) / own
        return _StateModes(
            at.free_energy - enthalpy + temperature * entropy,
            entropy - at.entropy,
            -at.heat_capacity / temperature,
            at.enthalpy / own - enthalpy_own - temperature * slope / own,
            (at.heat_capacity - slope) / own,
        )

    def _count(self, values: Mapping[str, float]) -> float:
        count = _FORMS[self.form][1]
        modes = values[f"crystal.{count}"] if count else 1.0
        if not modes >= 0:
            raise ModelError(f"vibrations: crystal.{count} must be >= 0, found {modes:g}")
        return modes

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add F_vib with its derivatives in T."""
        states = [self._state(conditions.temperature, name, values) for name in coefficients.state_names]
        modes = self._count(values)
        for array, terms in (
            (coefficients.g, [one.g for one in states]),
            (coefficients.g_t, [one.g_t for one in states]),
            (coefficients.g_tt, [one.g_tt for one in states]),
        ):
            added = modes * np.stack(terms, axis=1)
            array += added - added[:, :1] if self.relative else added

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the derivatives in frequencies and in the number of modes, and those of both in T."""
        own, count, _ = _FORMS[self.form]
        modes = self._count(values)
        for number, name in enumerate(coefficients.state_names):
            one = self._state(conditions.temperature, name, values)
            derivatives = [(f"{name}.{own}", modes * one.g_own, modes * one.g_t_own)]
            if count:
                derivatives.append((f"crystal.{count}", one.g, one.g_t))
            for parameter, slope, slope_t in derivatives:
                row = coefficients.parameter(parameter)
                coefficients.g_theta[:, row, number] += slope
                coefficients.g_t_theta[:, row, number] += slope_t
                if self.relative and number == 0:
                    coefficients.g_theta[:, row, :] -= slope[:, None]
                    coefficients.g_t_theta[:, row, :] -= slope_t[:, None]
