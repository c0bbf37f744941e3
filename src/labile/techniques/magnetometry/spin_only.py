"""Spin-only formulas: what chi*T a spin has when nothing else acts on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labile.core.constants import AVOGADRO, BOHR_MAGNETON, BOLTZMANN, VACUUM_PERMEABILITY

CURIE_CONSTANT = VACUUM_PERMEABILITY * AVOGADRO * BOHR_MAGNETON**2 / (3 * BOLTZMANN)
"""mu_0 N_A mu_B^2 / 3 k_B, m3 K mol-1: chi*T of g^2 S(S+1) = 1 (0.1250494 cm3 K/mol in cgs)."""


def spin_only_chi_t(spin: float, g: float = 2.0) -> float:
    """Curie's chi*T of a spin: mu_0 N_A mu_B^2 g^2 S(S+1) / 3 k_B.

    Parameters
    ----------
    spin : float
        S, a non-negative half-integer.
    g : float
        g factor.

    Returns
    -------
    float
        m3 K/mol (SI).

    Raises
    ------
    ValueError
        If S is no half-integer or g is not positive.

    References
    ----------
    O. Kahn, Molecular Magnetism, VCH 1993, chapter 1.

    Examples
    --------
    >>> from labile.core.units import from_si
    >>> round(from_si(spin_only_chi_t(2), "cm3 K/mol", "chi_t"), 4)
    3.0012
    """
    if not spin >= 0 or abs(2 * spin - round(2 * spin)) > 1e-9:
        raise ValueError(f"spin_only_chi_t: the spin must be 0, 1/2, 1, ..., found {spin!r}")
    if not (g > 0 and math.isfinite(g)):
        raise ValueError(f"spin_only_chi_t: g must be > 0, found {g!r}")
    return CURIE_CONSTANT * g**2 * spin * (spin + 1)


def residual_fraction(chi_t_observed: float, chi_t_high_spin: float) -> float:
    """Fraction of molecules that stay high-spin: chi*T at low temperature over chi*T of the high-spin state.

    Holds where the low-spin state is diamagnetic and the high-spin remainder follows Curie's law (no zero-field
    splitting); both in the same unit.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the ratio is not between 0 and 1.

    Examples
    --------
    >>> round(residual_fraction(0.15, 3.0012), 4)
    0.05
    """
    if not chi_t_high_spin > 0 or not 0 <= chi_t_observed <= chi_t_high_spin:
        raise ValueError(
            "residual_fraction: needs 0 <= chi*T observed <= chi*T of the high-spin state, found"
            f" {chi_t_observed!r} and {chi_t_high_spin!r} (same unit?)"
        )
    return chi_t_observed / chi_t_high_spin


def mu_eff(chi_t: Any) -> Any:
    """Effective moment sqrt(3 k_B chi*T / mu_0 N_A mu_B^2), which is 2.8279 sqrt(chi*T) in cgs.

    Parameters
    ----------
    chi_t : float or array_like
        m3 K/mol (SI).

    Returns
    -------
    float or ndarray
        Bohr magnetons.

    Raises
    ------
    ValueError
        If chi*T is negative anywhere.

    Examples
    --------
    >>> round(mu_eff(spin_only_chi_t(2)), 4)
    4.899
    """
    values = np.asarray(chi_t, dtype=float)
    if np.any(values < 0):
        lowest = float(values.min())
        raise ValueError(
            f"mu_eff: chi*T must not be negative, found {lowest:g} m3 K/mol (over-corrected diamagnetism?)"
        )
    moment = np.sqrt(values / CURIE_CONSTANT)
    return float(moment) if moment.ndim == 0 else moment
