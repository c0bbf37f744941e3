"""Lattice dynamics seen by iron-57: second-order Doppler shift and recoil-free fraction, Debye or Einstein model.

    SOD = -<v^2>/(2 c) = -U/(2 M c)       U: vibrational energy of one atom, 3 modes, zero point included
    f   = exp(-k^2 <x^2>)
        = exp{-(6 E_R/(k_B theta)) [1/4 + (T/theta)^2 int_0^(theta/T) x/(e^x - 1) dx]}       Debye
        = exp{-(E_R/(k_B theta)) coth(theta/2T)}                                           Einstein

References
----------
R. L. Mossbauer, W. H. Wiedemann, Z. Phys. 159 (1960) 33, doi:10.1007/BF01337849. R. V. Pound, G. A. Rebka, Phys. Rev.
Lett. 4 (1960) 274, doi:10.1103/PhysRevLett.4.274.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from labile.core.constants import AVOGADRO, BOLTZMANN, SPEED_OF_LIGHT
from labile.models.vibrations import debye, einstein
from labile.techniques.mossbauer.iron57 import (
    ABUNDANCE,
    ATOMIC_MASS,
    CROSS_SECTION,
    RECOIL_ENERGY,
    MossbauerError,
)

HIGH_TEMPERATURE_SLOPE = -1.5 * BOLTZMANN / (ATOMIC_MASS * SPEED_OF_LIGHT)
"""Slope of the second-order Doppler shift where vibrations are classical, -3 k_B/(2 M c), m/s/K (-7.307e-4 mm/s/K)."""
RECOIL_TEMPERATURE = RECOIL_ENERGY / BOLTZMANN
"""E_R/k_B, K."""
MODELS = ("debye", "einstein")


class Dynamics(NamedTuple):
    """A quantity with its derivatives in temperature and in the lattice temperature, arrays like the temperatures."""

    value: np.ndarray
    d_temperature: np.ndarray
    d_theta: np.ndarray


def _checked(temperature: Any, theta: float, model: str) -> np.ndarray:
    kelvin = np.asarray(temperature, dtype=float)
    if model not in MODELS:
        raise MossbauerError(f"lattice model {model!r} is unknown; use debye or einstein")
    if not (np.all(kelvin > 0) and theta > 0):
        raise MossbauerError(
            f"lattice dynamics: temperatures and lattice temperature must be above 0 K, found {theta!r}"
        )
    return kelvin


def second_order_doppler(temperature: Any, theta: float, model: str = "debye") -> Dynamics:
    """Second-order Doppler shift, m/s.

    Parameters
    ----------
    temperature : array_like
        K.
    theta : float
        Debye or Einstein temperature of the iron atom, K.
    model : {"debye", "einstein"}

    Examples
    --------
    >>> shift = second_order_doppler([80.0, 300.0], 150.0).value * 1e3
    >>> shift.round(4).tolist()
    [-0.0683, -0.2219]
    """
    kelvin = _checked(temperature, theta, model)
    found = debye(kelvin, theta, 3.0) if model == "debye" else einstein(kelvin, theta, 3.0)
    scale = -0.5 / (ATOMIC_MASS * AVOGADRO * SPEED_OF_LIGHT)
    # U = T phi(theta/T), so that dU/dtheta = (U - T C)/theta
    slope = (found.enthalpy - kelvin * found.heat_capacity) / theta
    return Dynamics(scale * found.enthalpy, scale * found.heat_capacity, scale * slope)


def recoil_free_fraction(temperature: Any, theta: float, model: str = "debye") -> Dynamics:
    """Recoil-free (Lamb-Mossbauer) fraction.

    Parameters
    ----------
    temperature : array_like
        K.
    theta : float
        Debye or Einstein temperature of the iron atom, K.
    model : {"debye", "einstein"}

    Examples
    --------
    >>> recoil_free_fraction([80.0, 300.0], 150.0).value.round(4).tolist()
    [0.5883, 0.1603]
    """
    kelvin = _checked(temperature, theta, model)
    x = theta / kelvin
    if model == "debye":
        scale = 6.0 * RECOIL_TEMPERATURE / theta
        integral = _first_debye_integral(x)
        edge = x / np.expm1(np.minimum(x, 700.0))
        exponent = scale * (0.25 + integral / x**2)
        by_t = scale * (2.0 * integral / x - edge) / theta
        by_theta = -exponent / theta - scale * (2.0 * integral / x**2 - edge / x) / theta
    else:
        scale = RECOIL_TEMPERATURE / theta
        coth = 1.0 / np.tanh(0.5 * x)
        exponent = scale * coth
        slope = -0.5 * (coth**2 - 1.0)  # d coth(x/2)/dx
        by_t = -scale * slope * x / kelvin
        by_theta = -exponent / theta + scale * slope / kelvin
    f = np.exp(-exponent)
    return Dynamics(f, -f * by_t, -f * by_theta)


def effective_thickness(iron: float, fraction: float, enrichment: float = ABUNDANCE) -> float:
    """t_a = n f sigma_0 a of an absorber.

    Parameters
    ----------
    iron : float
        Iron atoms n per area, m-2.
    fraction : float
        Recoil-free fraction f.
    enrichment : float
        Share a of iron-57 in the iron; the natural one by default.

    Examples
    --------
    >>> atoms = 5e-2 / 55.845e-3 * 6.02214076e23  # 5 mg of iron per cm2
    >>> round(effective_thickness(atoms, 0.7), 2)
    2.05
    """
    if not (iron >= 0 and 0 <= fraction <= 1 and 0 <= enrichment <= 1):
        raise MossbauerError(f"effective thickness: impossible values {iron!r}, {fraction!r}, {enrichment!r}")
    return iron * fraction * CROSS_SECTION * enrichment


def populations_from_areas(areas: Any, sigma: Any, fractions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Populations of states whose spectra are resolved: areas over recoil-free fractions, normalised.

    Parameters
    ----------
    areas, sigma : array_like (n,)
        Absorption areas and their independent standard uncertainties, any unit.
    fractions : array_like (n,)
        Recoil-free fraction of each state at the temperature of the spectrum.

    Returns
    -------
    populations, sigma : ndarray (n,)

    Examples
    --------
    >>> populations_from_areas([1.0, 1.0], [0.01, 0.01], [0.8, 0.4])[0].round(3).tolist()
    [0.333, 0.667]
    """
    area, error, f = (np.asarray(one, dtype=float) for one in (areas, sigma, fractions))
    if not (
        area.shape == error.shape == f.shape and np.all(area >= 0) and area.sum() > 0 and np.all((f > 0) & (f <= 1))
    ):
        raise MossbauerError("populations from areas: needs as many areas (0 or more), errors and fractions in (0, 1]")
    amount, spread = area / f, error / f
    total = amount.sum()
    x = amount / total
    gradient = (np.eye(x.size) - x[:, None]) / total
    return x, np.sqrt((gradient**2) @ spread**2)


def _first_debye_integral(x: np.ndarray) -> np.ndarray:
    """int_0^x t/(e^t - 1) dt: power series for small x, exponentials for large (Abramowitz and Stegun 27.1)."""
    near = np.minimum(x, 2.0)
    small = near - near**2 / 4.0
    # B_2k/[(2k + 1) (2k)!]
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
    for k, b in enumerate(bernoulli, 1):
        small = small + b * near ** (2 * k + 1) / ((2 * k + 1) * math.factorial(2 * k))
    far = np.maximum(x, 2.0)
    large = np.full_like(far, math.pi**2 / 6.0)
    for k in range(1, 20):
        large = large - np.exp(-k * far) * (far / k + 1.0 / k**2)
    return np.where(x < 2.0, small, large)
