"""Laws of thermal expansion of a length or a volume: linear, polynomial, Berman, Einstein, Debye, Salje.

    linear      y = c0 + c1 (T - T0)
    polynomial  y = sum c_k (T - T0)^k
    berman      y = y0 [1 + a0 (T - T0) + a1 (T - T0)^2/2]
    einstein    y = y0 [1 + k theta/(e^(theta/T) - 1)]
    debye       y = y0 [1 + k T D(theta/T)]                        D: third Debye function
    salje       y = y0 [1 + k theta (coth(theta/T) - 1)]

In the last three y0 belongs to 0 K and the expansion coefficient vanishes there; at high temperature dy/dT = k y0.
Salje's law with theta is Einstein's with 2 theta. They describe one phase: a crystal that switches is described
state by state (`CellLength`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.core.parameters import Parameter
from labile.models.vibrations import debye, einstein
from labile.techniques.strain.curves import Curve, CurveFit, CurvePoint, Polynomial, fit_curve, linear_start
from labile.techniques.strain.tensor import StrainError

THETAS = np.geomspace(20.0, 2000.0, 30)
"""K: characteristic temperatures tried as starts."""


@dataclass(frozen=True)
class Berman:
    """Expansion coefficient linear in T.

    References
    ----------
    R. G. Berman, J. Petrol. 29, 445 (1988), doi 10.1093/petrology/29.2.445.
    """

    about: float

    def parameters(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Parameter, ...]:
        """``curve.y0``, ``curve.a0`` (1/K) and ``curve.a1`` (1/K2)."""
        u = x - self.about
        c, _ = linear_start(np.stack([np.ones(x.size), u, 0.5 * u**2], axis=1), y, weight)
        return (
            Parameter("curve.y0", float(c[0])),
            Parameter("curve.a0", float(c[1] / c[0])),
            Parameter("curve.a1", float(c[2] / c[0])),
        )

    def evaluate(self, x: np.ndarray, values: np.ndarray) -> CurvePoint:
        """Values and derivatives."""
        y0, a0, a1 = values
        u, one = x - self.about, np.ones(x.size)
        shape, slope = 1.0 + a0 * u + 0.5 * a1 * u**2, a0 + a1 * u
        return CurvePoint(
            y0 * shape,
            y0 * slope,
            np.stack([shape, y0 * u, 0.5 * y0 * u**2], axis=1),
            np.stack([slope, y0 * one, y0 * u], axis=1),
        )


def _einstein_energy(kelvin: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    found = einstein(kelvin, theta)
    return found.thermal_enthalpy / GAS_CONSTANT, found.heat_capacity / GAS_CONSTANT


def _debye_energy(kelvin: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    found = debye(kelvin, theta, modes=1.0)
    return found.thermal_enthalpy / GAS_CONSTANT, found.heat_capacity / GAS_CONSTANT


def _salje_energy(kelvin: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    return _einstein_energy(kelvin, 2.0 * theta)


@dataclass(frozen=True)
class Thermal:
    """y0 [1 + k E(T, theta)], E in K: a thermal energy per mode over k_B that is T at high temperature.

    E is T times a function of T/theta, so that theta dE/dtheta = E - T dE/dT.

    Attributes
    ----------
    energy : callable
        (T, theta) -> E and dE/dT.

    References
    ----------
    E. K. H. Salje, B. Wruck, H. Thomas, Z. Phys. B 82, 399 (1991), doi 10.1007/BF01357186, for the form with coth.
    """

    energy: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]

    def parameters(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Parameter, ...]:
        """``curve.y0``, ``curve.k`` (1/K) and ``curve.theta`` (K); the start is the best of several theta."""
        tried = []
        for theta in THETAS:
            c, cost = linear_start(np.stack([np.ones(x.size), self.energy(x, float(theta))[0]], axis=1), y, weight)
            tried.append((cost, float(theta), c))
        _, theta, c = min(tried, key=lambda one: one[0])
        return (
            Parameter("curve.y0", float(c[0])),
            Parameter("curve.k", float(c[1] / c[0])),
            Parameter("curve.theta", theta, unit="K", lower=1.0, upper=1e4),
        )

    def evaluate(self, x: np.ndarray, values: np.ndarray) -> CurvePoint:
        """Values and derivatives."""
        y0, k, theta = values
        e, e_t = self.energy(x, theta)
        e_theta = (e - x * e_t) / theta
        # dE/dT is a function of T/theta alone; its derivative by a symmetric step is exact to 1e-9
        step = 1e-4 * theta
        e_t_theta = (self.energy(x, theta + step)[1] - self.energy(x, theta - step)[1]) / (2 * step)
        return CurvePoint(
            y0 * (1.0 + k * e),
            y0 * k * e_t,
            np.stack([1.0 + k * e, y0 * e, y0 * k * e_theta], axis=1),
            np.stack([k * e_t, y0 * e_t, y0 * k * e_t_theta], axis=1),
        )


def expansion_law(name: str, *, about: float = 298.15, degree: int = 2) -> Curve:
    """Law by its name.

    Parameters
    ----------
    name : {"linear", "polynomial", "berman", "einstein", "debye", "salje"}
    about : float
        T0 of the first three, K.
    degree : int
        Of the polynomial.

    Raises
    ------
    StrainError
        For an unknown name or a degree below 1.
    """
    thermal = {"einstein": _einstein_energy, "debye": _debye_energy, "salje": _salje_energy}
    if name in thermal:
        return Thermal(thermal[name])
    if name == "berman":
        return Berman(about)
    if name in ("linear", "polynomial"):
        if degree < 1:
            raise StrainError(f"expansion law: the degree must be at least 1, found {degree}")
        return Polynomial(1 if name == "linear" else degree, about)
    raise StrainError(f"expansion law {name!r} is unknown; there are: linear, polynomial, berman, {', '.join(thermal)}")


def fit_expansion_law(
    temperature: Any,
    values: Any,
    sigma: Any = None,
    *,
    law: str = "einstein",
    sigma_temperature: Any = None,
    about: float = 298.15,
    degree: int = 2,
    changes: tuple[Parameter, ...] = (),
) -> CurveFit:
    """Fit a law of thermal expansion to a length, a volume or a strain.

    Parameters
    ----------
    temperature : array_like (N,)
        K, above 0.
    values : array_like (N,)
        Of one phase; the laws with y0 need values away from 0 (lengths, volumes).
    sigma : array_like (N,), optional
        Standard uncertainties.
    law : str
        See `expansion_law`.
    sigma_temperature : array_like (N,), optional
        K.
    about, degree
        See `expansion_law`.
    changes : tuple of Parameter
        Start values, bounds, or fixed ones, for instance a theta that is known.

    Returns
    -------
    CurveFit
        `relative_slope(T)` is the expansion coefficient (dy/dT)/y.

    Raises
    ------
    StrainError
        For temperatures that are not above 0 K, too few points or an unknown law.

    Examples
    --------
    >>> kelvin = np.array([20.0, 80.0, 150.0, 220.0, 300.0])
    >>> lengths = 7e-10 * (1 + 2e-5 * 150 / np.expm1(150 / kelvin))
    >>> found = fit_expansion_law(kelvin, lengths, np.full(5, 1e-14))
    >>> round(found.value("curve.theta")[0], 3)
    150.0
    """
    kelvin = np.asarray(temperature, dtype=float)
    if not (np.all(np.isfinite(kelvin)) and np.all(kelvin > 0)):
        raise StrainError("expansion law: temperatures must be above 0 K and finite")
    curve = expansion_law(law, about=about, degree=degree)
    return fit_curve(curve, kelvin, values, sigma, sigma_temperature, changes=changes)
