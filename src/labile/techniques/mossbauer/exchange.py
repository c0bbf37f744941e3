"""Electrons that hop between states during the nuclear lifetime: stochastic line shapes for collinear gradients.

States whose field gradients share axes and asymmetry keep their nuclear eigenstates when they exchange, so that each
line of a doublet exchanges with the same line of the other states. With angular frequencies w_i, rates k_ij from i to
j and the stationary populations p (p_i k_ij = p_j k_ji),

    I(w) = Re{ 1^T [i (w - Omega) + Gamma/2 - K]^-1 p },   K_ji = k_ij, K_ii = -sum_j k_ij        (area pi)

and for two states, with A = Gamma/2 + i (w - w_a) and B likewise,

    I(w) = Re{ [p_a (B + k_ab + k_ba) + p_b (A + k_ab + k_ba)]/(A B + A k_ba + B k_ab) }.

Gamma is the angular FWHM. Slow exchange gives the static lines, fast exchange one line at sum p_i w_i that is broader
by 2 p_a p_b (w_a - w_b)^2/(k_ab + k_ba).

Rates are given by kappa = k_ab + k_ba of a pair, the rate at which its populations relax; k_ab = kappa p_b/(p_a + p_b)
keeps detailed balance for any populations (docs/decisions/0016-mossbauer-conventions.md).

References
----------
M. Blume, J. A. Tjon, Phys. Rev. 165 (1968) 446, doi:10.1103/PhysRev.165.446.
H. H. Wickman, M. P. Klein, D. A. Shirley, Phys. Rev. 152 (1966) 345, doi:10.1103/PhysRev.152.345.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.techniques.mossbauer.iron57 import ANGULAR_FREQUENCY, MossbauerError


def two_state_line(
    frequency: Any, first: float, second: float, fraction: float, width: float, rate: float
) -> np.ndarray:
    """Line of one nuclear transition that jumps between two frequencies, closed form, area pi.

    Parameters
    ----------
    frequency : array_like
        w; any unit that the other arguments share (rad/s, or m/s with rates over `ANGULAR_FREQUENCY`).
    first, second : float
        w_a and w_b.
    fraction : float
        p_a, 0 to 1; p_b = 1 - p_a.
    width : float
        FWHM.
    rate : float
        kappa = k_ab + k_ba; k_ab = kappa p_b, k_ba = kappa p_a.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> slow = two_state_line(0.5, -0.5, 0.5, 0.3, 0.2, 0.0)
    >>> round(float(slow), 6) == round(0.3 * 0.1 / 1.01 + 0.7 / 0.1, 6)
    True
    """
    if not (0 <= fraction <= 1 and width > 0 and rate >= 0):
        raise MossbauerError(
            f"exchange: needs 0 <= p_a <= 1, width > 0 and rate >= 0; found {fraction}, {width}, {rate}"
        )
    w = np.asarray(frequency, dtype=float)
    other = 1.0 - fraction
    a = 0.5 * width + 1j * (w - first)
    b = 0.5 * width + 1j * (w - second)
    return np.asarray(
        ((fraction * (b + rate) + other * (a + rate)) / (a * b + a * rate * fraction + b * rate * other)).real
    )


def rate_matrix(populations: np.ndarray, rates: Mapping[tuple[int, int], float]) -> np.ndarray:
    """K of dp/dt = K p with detailed balance.

    Parameters
    ----------
    populations : ndarray (n,)
        Stationary ones.
    rates : mapping of (int, int) to float
        kappa of pairs of states.

    Returns
    -------
    ndarray (n, n)
        Columns add up to 0, and K p = 0.
    """
    return _rate_matrix(np.asarray(populations, dtype=float), rates)[0]


def _rate_matrix(p: np.ndarray, rates: Mapping[tuple[int, int], float]) -> tuple[np.ndarray, list[np.ndarray]]:
    """K and its derivatives in each population."""
    n = p.size
    matrix = np.zeros((n, n))
    slopes = [np.zeros((n, n)) for _ in range(n)]
    for (a, b), rate in rates.items():
        if a == b or not (0 <= a < n and 0 <= b < n) or not rate >= 0:
            raise MossbauerError(
                f"exchange: pair ({a}, {b}) with rate {rate} is none of {n} states with a rate of 0 or more"
            )
        total = p[a] + p[b]
        share = np.array([p[a], p[b]]) / total if total > 0 else np.array([0.5, 0.5])
        # k_ab = rate share_b leaves a; k_ba = rate share_a leaves b
        _add_pair(matrix, a, b, rate * share[1], rate * share[0])
        if total > 0:
            slope = rate / total
            _add_pair(slopes[a], a, b, -slope * share[1], slope * share[1])
            _add_pair(slopes[b], a, b, slope * share[0], -slope * share[0])
    return matrix, slopes


def _add_pair(matrix: np.ndarray, a: int, b: int, forward: float, back: float) -> None:
    matrix[a, a] -= forward
    matrix[b, a] += forward
    matrix[b, b] -= back
    matrix[a, b] += back


class ExchangeLine(NamedTuple):
    """Line of one transition among n states, unit area, with derivatives.

    Attributes
    ----------
    value : ndarray (M,)
    d_frequency : ndarray (n, M)
        In each state's frequency.
    d_population : ndarray (n, M)
        In each population, the rates kappa held; populations count as independent.
    d_width : ndarray (M,)
    d_rate : dict of (int, int) to ndarray (M,)
    """

    value: np.ndarray
    d_frequency: np.ndarray
    d_population: np.ndarray
    d_width: np.ndarray
    d_rate: dict[tuple[int, int], np.ndarray]


def exchange_line(
    frequency: np.ndarray,
    positions: Sequence[float] | np.ndarray,
    populations: Sequence[float] | np.ndarray,
    width: float,
    rates: Mapping[tuple[int, int], float],
) -> ExchangeLine:
    """Line of one transition that jumps between n frequencies, unit area, with exact derivatives.

    Parameters
    ----------
    frequency : ndarray (M,)
        In the unit of all other arguments.
    positions, populations : sequence of float (n,)
    width : float
        FWHM.
    rates : mapping of (int, int) to float
        kappa of pairs of states.
    """
    w, p = np.asarray(frequency, dtype=float), np.asarray(populations, dtype=float)
    omega = np.asarray(positions, dtype=float)
    n = p.size
    kinetic, slopes = _rate_matrix(p, rates)
    matrix = np.zeros((w.size, n, n), dtype=complex)
    matrix[:] = -kinetic
    diagonal = np.arange(n)
    matrix[:, diagonal, diagonal] += 0.5 * width + 1j * (w[:, None] - omega)
    # x = M^-1 p and y = M^-T 1: every derivative is y dM x
    x = np.linalg.solve(matrix, np.broadcast_to(p.astype(complex)[:, None], (w.size, n, 1)))[..., 0]
    y = np.linalg.solve(np.swapaxes(matrix, 1, 2), np.ones((w.size, n, 1), dtype=complex))[..., 0]
    d_rate = {}
    for pair in rates:
        unit, _ = _rate_matrix(p, {pair: 1.0})
        d_rate[pair] = np.einsum("mi,ij,mj->m", y, unit, x).real / math.pi
    d_population = y.T + np.stack([np.einsum("mi,ij,mj->m", y, slope, x) for slope in slopes])
    xy = x * y
    return ExchangeLine(
        value=x.sum(axis=1).real / math.pi,
        d_frequency=(1j * xy).T.real / math.pi,
        d_population=d_population.real / math.pi,
        d_width=-0.5 * xy.sum(axis=1).real / math.pi,
        d_rate=d_rate,
    )


def coalescence_rate(distance: float, width: float = 0.0) -> float:
    """Rate each way (s-1) at which two equally populated lines merge into one maximum.

    Parameters
    ----------
    distance : float
        Of the two lines, m/s.
    width : float
        FWHM of each, m/s. For width 0 the rate is dw/(2 sqrt 2); finite lines merge earlier, where the second
        derivative at the centre vanishes; lines closer than FWHM/sqrt 3 are never resolved and give 0.

    Examples
    --------
    >>> f"{coalescence_rate(1e-3):.4g}", f"{coalescence_rate(1e-3, 0.25e-3):.4g}"
    ('2.582e+07', '2.233e+07')
    """
    if not (distance > 0 and width >= 0):
        raise MossbauerError(f"coalescence: needs a distance > 0 and a width >= 0, found {distance}, {width}")
    half, g = 0.5 * distance, 0.5 * width
    # for p = 1/2 and k each way, the line is N/D with c = g + 2 k: Re[(c + iw)/((g + iw)(c + iw) + half^2)]
    limit = distance / (2.0 * math.sqrt(2.0))
    if width == 0:
        return limit * ANGULAR_FREQUENCY
    if _curvature(0.0, half, g) <= 0:
        return 0.0
    low, high = 0.0, limit
    for _ in range(200):
        middle = 0.5 * (low + high)
        if _curvature(middle, half, g) > 0:
            low = middle
        else:
            high = middle
        if high - low <= 1e-15 * high:
            break
    return 0.5 * (low + high) * ANGULAR_FREQUENCY


def _curvature(k: float, half: float, g: float) -> float:
    """Sign of the second derivative at the centre of two equal lines at -+half, HWHM g, rate k each way."""
    c = g + 2.0 * k
    # f(s) = (c + s)/((g + s)(c + s) + half^2) at s = i w: the w^2 term of Re f is -f''(0)/2
    d0, d1 = g * c + half * half, g + c
    f2 = -2.0 * (d1 * d0 - c * d1 * d1 + c * d0) / d0**3
    return -f2


def hopping_rate(temperature: Any, attempt_rate: float, activation_energy: float) -> np.ndarray:
    """Thermally activated rate attempt exp(-Ea/RT), s-1.

    Parameters
    ----------
    temperature : array_like
        K.
    attempt_rate : float
        s-1.
    activation_energy : float
        J/mol.
    """
    return np.asarray(attempt_rate * np.exp(-activation_energy / (GAS_CONSTANT * np.asarray(temperature, dtype=float))))


def barrier_at_rate(rate: float, temperature: float, attempt_rate: float = 1e13) -> float:
    """Activation energy (J/mol) at which the rate at a temperature is `rate`: a rate above it means a lower barrier.

    Examples
    --------
    >>> round(barrier_at_rate(1e8, 125.0) / 1e3, 2), round(barrier_at_rate(1e12, 300.0) / 1e3, 2)
    (11.97, 5.74)
    """
    if not (rate > 0 and temperature > 0 and attempt_rate > 0):
        raise MossbauerError(
            f"barrier: rates and temperature must be above 0, found {rate}, {temperature}, {attempt_rate}"
        )
    return GAS_CONSTANT * temperature * math.log(attempt_rate / rate)
