"""Laws of relaxation from a metastable state: rates, decay at one temperature, decay while the crystal is warmed.

Plain functions of time or temperature, without a free energy: the decay is one way, as it is far below the temperature
at which the excited state is stable. `labile.models.kinetics` has the rates that also know the way back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT

LARGEST_ACCELERATION = 600.0
"""Exponents of self-acceleration beyond this are refused: exp overflows."""


class RelaxationError(ValueError):
    """A rate, exponent or fraction that no relaxation can have."""


@dataclass(frozen=True, eq=False)
class Decay:
    """A relaxation curve with its exact derivatives.

    Attributes
    ----------
    fraction : ndarray (N,)
        Fraction in the metastable state.
    slopes : mapping of str to ndarray (N,)
        Derivative in each parameter of the law, by name.
    change : ndarray (N,)
        Derivative in time, s-1.
    """

    fraction: np.ndarray
    slopes: Mapping[str, np.ndarray]
    change: np.ndarray


@dataclass(frozen=True)
class RelaxationLaw:
    """A law by name, for a fit.

    Attributes
    ----------
    name : str
    parameters : tuple of str
        Names of its arguments after the time.
    evaluate : callable
        ``evaluate(time, **parameters)`` returns a `Decay`.
    citation : str
        DOI.
    """

    name: str
    parameters: tuple[str, ...]
    evaluate: Callable[..., Decay]
    citation: str


def _number(value: float, name: str, low: float, high: float = math.inf) -> float:
    number = float(value)
    if not low <= number <= high or not math.isfinite(number):
        expected = f"a finite number >= {low:g}" if math.isinf(high) else f"a number from {low:g} to {high:g}"
        raise RelaxationError(f"relaxation: {name} must be {expected}, found {value!r}")
    return number


def _times(time: Any) -> np.ndarray:
    times = np.atleast_1d(np.asarray(time, dtype=float))
    if not np.all(times >= 0) or not np.all(np.isfinite(times)):
        raise RelaxationError("relaxation: times must be finite and >= 0 s, counted from the start of the decay")
    return times


def activated_rate(
    temperature: Any,
    prefactor: float,
    activation_energy: float,
    *,
    tunnelling_rate: float = 0.0,
    activation_volume: float = 0.0,
    tunnelling_pressure_slope: float = 0.0,
    pressure: Any = AMBIENT_PRESSURE,
) -> np.ndarray:
    """Rate constant k = k_tunnel exp(s p) + A exp[-(Ea + p dV#)/RT], p counted from ambient.

    Parameters
    ----------
    temperature : array_like
        K.
    prefactor : float
        A in s-1.
    activation_energy : float
        Ea in J/mol (1 cm-1 is 11.96266 J/mol).
    tunnelling_rate : float
        Low-temperature plateau k_tunnel in s-1.
    activation_volume : float
        dV# of the activated rate in m3/mol; negative where pressure accelerates.
    tunnelling_pressure_slope : float
        s = d ln k_tunnel/dp in 1/Pa; exp(-p dV#/RT) would diverge at low temperature.
    pressure : array_like
        Pa.

    Returns
    -------
    ndarray
        s-1, broadcast of temperature and pressure.

    Raises
    ------
    RelaxationError
        For a negative rate or temperature.

    References
    ----------
    A. Hauser, Top. Curr. Chem. 234, 155 (2004), doi 10.1007/b95416.

    Examples
    --------
    >>> rates = activated_rate([10.0, 60.0], 1e7, 900 * 11.96266, tunnelling_rate=1e-6)
    >>> [f"{rate:.2e}" for rate in rates]
    ['1.00e-06', '4.24e-03']
    """
    _number(prefactor, "prefactor (s-1)", 0.0)
    _number(tunnelling_rate, "tunnelling_rate (s-1)", 0.0)
    kelvin, pascal = np.asarray(temperature, dtype=float), np.asarray(pressure, dtype=float)
    if not np.all(kelvin > 0):
        raise RelaxationError("relaxation: temperature must be above 0 K")
    rt = GAS_CONSTANT * kelvin
    p = pascal - AMBIENT_PRESSURE
    thermal = prefactor * np.exp(-(activation_energy + p * activation_volume) / rt)
    return np.asarray(tunnelling_rate * np.exp(tunnelling_pressure_slope * p) + thermal)


def _single(time: Any, rate: float, start: float = 1.0, end: float = 0.0) -> Decay:
    times, k = _times(time), _number(rate, "rate (s-1)", 0.0)
    left = np.exp(-k * times)
    span = start - end
    slopes = {"rate": -span * times * left, "start": left, "end": 1.0 - left}
    return Decay(end + span * left, slopes, -k * span * left)


def _stretched(time: Any, rate: float, exponent: float, start: float = 1.0, end: float = 0.0) -> Decay:
    times, k, b = _times(time), _number(rate, "rate (s-1)", 0.0), _number(exponent, "exponent", 1e-6)
    z = k * times
    power = z**b
    left = np.exp(-power)
    span = start - end
    # kt = 0 carries no logarithm, and the slope in the rate there is the limit
    log_z = np.log(np.where(z > 0, z, 1.0))
    per_rate = np.where(z > 0, b * power / np.where(k > 0, k, 1.0), 0.0)
    per_time = np.where(z > 0, b * power / np.where(times > 0, times, 1.0), math.inf if b < 1 else k * (b == 1))
    if k == 0:
        per_time = np.zeros_like(times)
    slopes = {
        "rate": -span * left * per_rate,
        "exponent": -span * left * power * log_z,
        "start": left,
        "end": 1.0 - left,
    }
    return Decay(end + span * left, slopes, -span * left * per_time)


def _entire(z: np.ndarray) -> np.ndarray:
    """Ein(z) = integral of (e^s - 1)/s from 0 to z = Ei(z) - ln|z| - Euler's gamma."""
    from scipy.special import expi

    z = np.asarray(z, dtype=float)
    small = np.abs(z) < 0.05
    safe = np.where(small, 1.0, z)
    series = z * (1 + z / 4 * (1 + 2 * z / 9 * (1 + 3 * z / 16 * (1 + 4 * z / 25 * (1 + 5 * z / 36)))))
    return np.asarray(np.where(small, series, expi(safe) - np.log(np.abs(safe)) - np.euler_gamma))


def _accelerated(time: Any, rate: float, acceleration: float, start: float = 1.0) -> Decay:
    times, k = _times(time), _number(rate, "rate (s-1)", 0.0)
    a = _number(acceleration, "acceleration", -LARGEST_ACCELERATION, LARGEST_ACCELERATION)
    first = _number(start, "start", 1e-12, 1.0)
    # the closed form of dn/dt = -k n exp(a (1 - n)): ln n + Ein(a n) falls by k t e^a
    whole = float(_entire(np.array(a * first)))
    target = math.log(first) + whole - k * times * math.exp(a)
    y = _log_fraction(target, a, math.log(first), whole)
    n = np.exp(y)
    change = -k * n * np.exp(a * (1.0 - n))
    per_a = _accelerated_slope(n, first, a, k * times)
    slopes = {
        "rate": -times * n * np.exp(a * (1.0 - n)),
        "acceleration": per_a,
        "start": n / first * np.exp(a * (first - n)),
    }
    return Decay(n, slopes, change)


def _log_fraction(target: np.ndarray, a: float, log_first: float, whole: float) -> np.ndarray:
    """Solve y + Ein(a e^y) = target for y = ln n by Newton's iteration inside a shrinking bracket."""
    # below e^-60 the integral is nothing beside y; above, it lies between 0 and its value at the start
    low = np.where(target < -60.0, target - 1e-6, np.maximum(target - max(whole, 0.0), -61.0))
    high = np.minimum(np.where(target < -60.0, target + 1e-6, target - min(whole, 0.0)), log_first)
    low = np.minimum(low, high)
    y = high.copy()
    for _ in range(120):
        n = np.exp(y)
        residual = y + _entire(a * n) - target
        low, high = np.where(residual < 0, y, low), np.where(residual > 0, y, high)
        newton = y - residual * np.exp(-a * n)
        new = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        new = np.where(residual == 0, y, new)
        if np.all(np.abs(new - y) <= 4e-16 * np.maximum(1.0, np.abs(y))):
            return np.asarray(new)
        y = new
    return np.asarray(y)


def _accelerated_slope(n: np.ndarray, first: float, a: float, kt: np.ndarray) -> np.ndarray:
    """Derivative of n in the acceleration, by the implicit function theorem."""
    if abs(a) < 1e-4:
        inner_n, inner_first = n + a * n**2 / 2, first + a * first**2 / 2
    else:
        inner_n, inner_first = np.expm1(a * n) / a, math.expm1(a * first) / a
    return np.asarray(n * np.exp(-a * n) * (inner_first - kt * math.exp(a) - inner_n))


def single_exponential(time: Any, rate: float, *, start: float = 1.0, end: float = 0.0) -> np.ndarray:
    """N = end + (start - end) exp(-k t).

    Parameters
    ----------
    time : array_like (N,)
        s, from the start of the decay.
    rate : float
        k in s-1.
    start, end : float
        Fractions at the start and after an infinite time.

    Returns
    -------
    ndarray (N,)

    Raises
    ------
    RelaxationError
        For negative times or rates.

    Examples
    --------
    >>> single_exponential([0.0, 1e4], 1e-4).round(5).tolist()
    [1.0, 0.36788]
    """
    return _single(time, rate, start, end).fraction


def stretched_exponential(
    time: Any, rate: float, exponent: float, *, start: float = 1.0, end: float = 0.0
) -> np.ndarray:
    """N = end + (start - end) exp[-(k t)^b]: a distribution of rates for b < 1.

    Parameters
    ----------
    time : array_like (N,)
        s.
    rate : float
        k in s-1.
    exponent : float
        b > 0; 1 is a single exponential.
    start, end : float
        Fractions at the start and after an infinite time.

    Returns
    -------
    ndarray (N,)

    Raises
    ------
    RelaxationError
        For negative times or rates, or an exponent that is not positive.

    References
    ----------
    G. Williams, D. C. Watts, Trans. Faraday Soc. 66, 80 (1970), doi 10.1039/TF9706600080.

    Examples
    --------
    >>> stretched_exponential([0.0, 1e4], 1e-4, 0.5).round(5).tolist()
    [1.0, 0.36788]
    """
    return _stretched(time, rate, exponent, start, end).fraction


def self_accelerated(time: Any, rate: float, acceleration: float, *, start: float = 1.0) -> np.ndarray:
    """Cooperative (sigmoidal) decay dn/dt = -k n exp[alpha (1 - n)], solved in closed form by the exponential integral.

    Parameters
    ----------
    time : array_like (N,)
        s.
    rate : float
        k in s-1, the rate at n = 1.
    acceleration : float
        alpha = Ea*/RT; 0 is a single exponential.
    start : float
        n at time 0, in (0, 1].

    Returns
    -------
    ndarray (N,)

    Raises
    ------
    RelaxationError
        For negative times or rates, a start outside (0, 1] or |alpha| > 600.

    References
    ----------
    A. Hauser, Chem. Phys. Lett. 192, 65 (1992), doi 10.1016/0009-2614(92)85429-E.

    Examples
    --------
    >>> self_accelerated([1000.0, 3000.0, 6000.0, 10000.0], 1e-4, 2.0).round(5).tolist()
    [0.89485, 0.65285, 0.2602, 0.02346]
    """
    return _accelerated(time, rate, acceleration, start).fraction


def time_to_fraction(fraction: Any, rate: float, acceleration: float = 0.0, *, start: float = 1.0) -> np.ndarray:
    """Time in which a self-accelerated decay falls from `start` to a fraction; the inverse of `self_accelerated`.

    Parameters
    ----------
    fraction : array_like (N,)
        In (0, start].
    rate : float
        k in s-1; 0 gives infinity.
    acceleration : float
        alpha.
    start : float

    Returns
    -------
    ndarray (N,)
        s.

    Examples
    --------
    >>> round(float(time_to_fraction(0.26020, 1e-4, 2.0)[0]), 0)
    6000.0
    """
    k, first = _number(rate, "rate (s-1)", 0.0), _number(start, "start", 1e-12, 1.0)
    a = _number(acceleration, "acceleration", -LARGEST_ACCELERATION, LARGEST_ACCELERATION)
    n = np.atleast_1d(np.asarray(fraction, dtype=float))
    if not np.all((n > 0) & (n <= first)):
        raise RelaxationError(f"relaxation: fractions must lie above 0 and not above the start {first:g}")
    reduced = (math.log(first) - np.log(n) + _entire(np.array(a * first)) - _entire(a * n)) * math.exp(-a)
    return np.asarray(np.where(reduced > 0, reduced / k if k > 0 else math.inf, 0.0))


def decay_on_heating(
    temperature: Any,
    heating_rate: float,
    prefactor: float,
    activation_energy: float,
    *,
    tunnelling_rate: float = 0.0,
    start: float = 1.0,
) -> np.ndarray:
    """Fraction left while a crystal without interactions is warmed at a constant rate, in closed form.

    n(T) = n(T0) exp(-[K(T) - K(T0)]/r), K the integral of k_tunnel + A exp(-Ea/RT) over temperature, T0 the first
    temperature given. The steepest point of this curve is T(LIESST).

    Parameters
    ----------
    temperature : array_like (N,)
        K, increasing.
    heating_rate : float
        r in K/s; T(LIESST) is defined at 0.3 K/min.
    prefactor : float
        A in s-1.
    activation_energy : float
        Ea in J/mol.
    tunnelling_rate : float
        s-1.
    start : float
        n at the first temperature.

    Returns
    -------
    ndarray (N,)

    Raises
    ------
    RelaxationError
        For temperatures that do not increase, or a heating rate that is not positive.

    References
    ----------
    J.-F. Letard, P. Guionneau, L. Goux-Capes, Top. Curr. Chem. 235, 221 (2004), doi 10.1007/b95429.

    Examples
    --------
    >>> n = decay_on_heating([10.0, 57.2, 65.0], 0.3 / 60, 1e7, 900 * 11.96266, tunnelling_rate=1e-6)
    >>> n.round(2).tolist()
    [1.0, 0.5, 0.0]
    """
    from scipy.special import expn

    kelvin = np.atleast_1d(np.asarray(temperature, dtype=float))
    if not (np.all(kelvin > 0) and np.all(np.diff(kelvin) >= 0)):
        raise RelaxationError("decay on heating: temperatures must be above 0 K and must not fall")
    if not (heating_rate > 0 and math.isfinite(heating_rate)):
        raise RelaxationError(f"decay on heating: heating_rate must be above 0 K/s, found {heating_rate!r}")
    _number(prefactor, "prefactor (s-1)", 0.0)
    _number(tunnelling_rate, "tunnelling_rate (s-1)", 0.0)
    z = _number(activation_energy, "activation_energy (J/mol)", 0.0) / (GAS_CONSTANT * kelvin)
    # integral of exp(-a/T) dT = T E2(a/T); E2 suffers no cancellation, E1 would
    integral = tunnelling_rate * kelvin + prefactor * kelvin * (expn(2, z) if activation_energy else np.ones_like(z))
    return np.asarray(start * np.exp(-(integral - integral[0]) / heating_rate))


LAWS: MappingProxyType[str, RelaxationLaw] = MappingProxyType(
    {
        law.name: law
        for law in (
            RelaxationLaw("single_exponential", ("rate", "start", "end"), _single, "10.1007/b95416"),
            RelaxationLaw(
                "stretched_exponential", ("rate", "exponent", "start", "end"), _stretched, "10.1039/TF9706600080"
            ),
            RelaxationLaw(
                "self_accelerated", ("rate", "acceleration", "start"), _accelerated, "10.1016/0009-2614(92)85429-E"
            ),
        )
    }
)
"""Laws of decay at one temperature with exact derivatives, by name."""
