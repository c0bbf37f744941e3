"""Reduced curves of equations of state: p(x), x(p) and the energy of compression, with derivatives.

x = V/V0, p = P/K0, k = K0' and q = K0 K0''; the energy is that of compression in units of V0 K0. `models.volumes` gives
them units and names; the sources of the forms are there (`volumes.FORMS`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.polynomial.polynomial import polyder, polyroots, polyval

MAX_STEPS = 200
"""Iterations after which V(P) is given up; 5 to 8 are usual, 30 to 60 next to the limit of a curve."""


class EquationOfStateError(ValueError):
    """A curve that cannot exist, or a pressure or volume at which it has no value."""


class NoVolumeError(EquationOfStateError, ArithmeticError):
    """Parameters and pressures at which a crystal has no volume; a fit that meets them shortens its step."""


class ReducedPoint(NamedTuple):
    """One point of a curve; derivatives in k and q are those at fixed x, the subscript x is one in the volume."""

    x: np.ndarray
    p: np.ndarray
    energy: np.ndarray
    p_x: np.ndarray
    p_k: np.ndarray
    p_q: np.ndarray
    energy_k: np.ndarray
    energy_q: np.ndarray


class ReducedCurve(ABC):
    """A form at given k and q."""

    @property
    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """Lowest and highest reduced pressure of the stable branch through V0."""

    @abstractmethod
    def at_pressure(self, p: np.ndarray) -> ReducedPoint:
        """Point of the stable branch at reduced pressures inside the limits."""

    @abstractmethod
    def at_volume(self, x: np.ndarray) -> ReducedPoint:
        """Point at reduced volumes; NaN where the form has none."""


def _relative_exponential(t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return c = (e^t - 1)/t with two derivatives; a series around t = 0, where the quotients lose their digits."""
    small = np.abs(t) < 1.0
    near, far = np.where(small, t, 0.0), np.where(small, 1.0, t)
    series = np.array([1.0 / math.factorial(n + 1) for n in range(22)])
    exponential = np.exp(far)
    c = np.expm1(far) / far
    c_t = (exponential - c) / far
    c_tt = (exponential - 2.0 * c_t) / far
    return (
        np.where(small, polyval(near, series), c),
        np.where(small, polyval(near, polyder(series)), c_t),
        np.where(small, polyval(near, polyder(series, 2)), c_tt),
    )


def _relative_logarithm(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ln(1 + u)/u with its derivative; a series around u = 0."""
    small = np.abs(u) < 0.1
    near, far = np.where(small, u, 0.0), np.where(small, 1.0, u)
    series = np.array([(-1.0) ** n / (n + 1) for n in range(20)])
    value = np.log1p(far) / far
    slope = (1.0 / (1.0 + far) - value) / far
    return np.where(small, polyval(near, series), value), np.where(small, polyval(near, polyder(series)), slope)


class StrainCurve(ReducedCurve):
    """P as a function of a strain s, 0 at V0 and positive in compression; V(P) is found by guarded Newton steps.

    The steps stay inside a shrinking bracket, so that they also arrive next to a limit, where dp/ds is zero.
    """

    @property
    @abstractmethod
    def domain(self) -> tuple[float, float]:
        """Strains for which the form is defined."""

    @abstractmethod
    def strain(self, x: np.ndarray) -> np.ndarray:
        """Strain at a reduced volume."""

    @abstractmethod
    def volume(self, s: np.ndarray) -> np.ndarray:
        """Reduced volume at a strain."""

    @abstractmethod
    def pressure(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reduced pressure and its derivative in the strain."""

    @abstractmethod
    def slope_polynomial(self) -> list[float]:
        """Coefficients, ascending, of a polynomial in s with the sign of dp/ds."""

    @abstractmethod
    def point(self, s: np.ndarray) -> ReducedPoint:
        """Everything at a strain."""

    @cached_property
    def branch(self) -> tuple[float, float]:
        """Strains between which the pressure rises with compression."""
        coefficients = np.trim_zeros(np.array(self.slope_polynomial()), "b")
        roots = polyroots(coefficients) if coefficients.size > 1 else np.array([])
        real = np.real(roots[np.abs(np.imag(roots)) <= 1e-12 * np.abs(roots)])
        low = np.max(real[(real < 0) & (real > self.domain[0])], initial=self.domain[0])
        high = np.min(real[(real > 0) & (real < self.domain[1])], initial=self.domain[1])
        return float(low), float(high)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest reduced pressure of the stable branch."""
        found = []
        for end, edge in zip(self.branch, self.domain, strict=True):
            with np.errstate(over="ignore"):
                found.append(math.copysign(math.inf, edge) if end == edge else float(self.pressure(np.array(end))[0]))
        return found[0], found[1]

    def at_volume(self, x: np.ndarray) -> ReducedPoint:
        """Point at reduced volumes."""
        return self.point(self.strain(x))

    def at_pressure(self, p: np.ndarray) -> ReducedPoint:
        """Point at reduced pressures."""
        return self.point(self._strain_at(p))

    def _strain_at(self, p: np.ndarray) -> np.ndarray:
        low = np.where(p < 0, self._reach(p, 0), 0.0)
        high = np.where(p > 0, self._reach(p, 1), 0.0)
        # Murnaghan's volume with K' = 4 lies within some percent of every form
        s = np.clip(self.strain(np.exp(-np.log1p(4.0 * np.maximum(p, -0.2)) / 4.0)), low, high)
        settled = np.zeros(p.shape, dtype=bool)
        for _ in range(MAX_STEPS):
            found, slope = self.pressure(s)
            excess = found - p
            low, high = np.where(excess < 0, s, low), np.where(excess > 0, s, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = s - excess / slope
            settled |= (np.abs(newton - s) <= 4e-16 * np.abs(s)) | (np.abs(excess) <= 4e-16 * np.abs(p))
            if np.all(settled):
                return s
            inside = (newton > low) & (newton < high)
            s = np.where(settled, s, np.where(inside, newton, 0.5 * (low + high)))
            settled |= high - low <= 4e-16 * np.abs(s)
        raise NoVolumeError(f"V(P): {int(np.sum(~settled))} of {p.size} pressures were not inverted")

    def _reach(self, p: np.ndarray, side: int) -> float:
        """Strain past that of every pressure on one side: the end of the branch, or far enough out."""
        end, sign = self.branch[side], 2 * side - 1
        wanted, reach = float(np.max(sign * p, initial=0.0)), 0.25
        # in steps, because a branch may end where the pressure is too large for a float
        while reach < sign * end and sign * float(self.pressure(np.array(sign * reach))[0]) < wanted:
            reach *= 2.0
        return sign * min(reach, sign * end)


@dataclass(frozen=True)
class PolynomialStrain(StrainCurve):
    """p = 3 w (s + a s^2 + b s^3): w = (1 + 2 s)^(5/2) for the Eulerian strain, w = 1/x for the natural one."""

    eulerian: bool
    a: float
    b: float
    a_k: float
    b_k: float
    b_q: float

    @property
    def domain(self) -> tuple[float, float]:
        """Strains for which the form is defined."""
        return (-0.5 if self.eulerian else -math.inf), math.inf

    def strain(self, x: np.ndarray) -> np.ndarray:
        """Strain at a reduced volume."""
        logarithm = np.log(x)
        return 0.5 * np.expm1(-2.0 / 3.0 * logarithm) if self.eulerian else -logarithm / 3.0

    def volume(self, s: np.ndarray) -> np.ndarray:
        """Reduced volume at a strain."""
        return (1.0 + 2.0 * s) ** -1.5 if self.eulerian else np.exp(-3.0 * s)

    def slope_polynomial(self) -> list[float]:
        """Coefficients of the polynomial with the sign of dp/ds."""
        a, b = self.a, self.b
        if self.eulerian:
            return [1.0, 7.0 + 2.0 * a, 9.0 * a + 3.0 * b, 11.0 * b]
        return [1.0, 3.0 + 2.0 * a, 3.0 * a + 3.0 * b, 3.0 * b]

    def _weights(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """W, and w / (1 + 2 s) or w: what multiplies the slope polynomial."""
        if self.eulerian:
            root = (1.0 + 2.0 * s) ** 1.5
            return root * (1.0 + 2.0 * s), root
        w = np.exp(3.0 * s)
        return w, w

    def pressure(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reduced pressure and its derivative in the strain."""
        w, slope_weight = self._weights(s)
        return (
            3.0 * w * s * (1.0 + s * (self.a + s * self.b)),
            3.0 * slope_weight * polyval(s, np.array(self.slope_polynomial())),
        )

    def point(self, s: np.ndarray) -> ReducedPoint:
        """Everything at a strain."""
        p, p_s = self.pressure(s)
        x, (w, _) = self.volume(s), self._weights(s)
        return ReducedPoint(
            x,
            p,
            4.5 * s**2 * (1.0 + s * (2.0 * self.a / 3.0 + s * self.b / 2.0)),
            p_s / (-3.0 * x / (1.0 + 2.0 * s if self.eulerian else 1.0)),
            3.0 * w * s**2 * (self.a_k + s * self.b_k),
            3.0 * w * s**3 * self.b_q,
            4.5 * s**3 * (2.0 * self.a_k / 3.0 + s * self.b_k / 2.0),
            2.25 * s**4 * self.b_q,
        )


@dataclass(frozen=True)
class Vinet(StrainCurve):
    """p = 3 s (1 - s)^-2 exp(eta s) with s = 1 - x^(1/3) and eta = 3 (k - 1)/2."""

    eta: float

    @property
    def domain(self) -> tuple[float, float]:
        """Strains for which the form is defined."""
        return -math.inf, 1.0

    def strain(self, x: np.ndarray) -> np.ndarray:
        """Strain at a reduced volume."""
        return -np.expm1(np.log(x) / 3.0)

    def volume(self, s: np.ndarray) -> np.ndarray:
        """Reduced volume at a strain."""
        return (1.0 - s) ** 3

    def slope_polynomial(self) -> list[float]:
        """Coefficients of the polynomial with the sign of dp/ds."""
        return [1.0, 1.0 + self.eta, -self.eta]

    def pressure(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reduced pressure and its derivative in the strain."""
        rest = 1.0 - s
        factor = 3.0 * np.exp(self.eta * s) / rest**2
        return factor * s, factor / rest * (1.0 + s + self.eta * s * rest)

    def point(self, s: np.ndarray) -> ReducedPoint:
        """Everything at a strain."""
        p, p_s = self.pressure(s)
        _, h, h_t = _relative_exponential(self.eta * s)
        zero = np.zeros_like(s)
        return ReducedPoint(
            self.volume(s),
            p,
            9.0 * s**2 * h,
            p_s / (-3.0 * (1.0 - s) ** 2),
            1.5 * s * p,
            zero,
            13.5 * s**3 * h_t,
            zero,
        )


@dataclass(frozen=True)
class Murnaghan(ReducedCurve):
    """x = (1 + k p)^(-1/k)."""

    k: float

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest reduced pressure of the stable branch."""
        end = -1.0 / self.k if self.k else math.inf
        return (end, math.inf) if end < 0 else (-math.inf, end)

    def at_pressure(self, p: np.ndarray) -> ReducedPoint:
        """Point at reduced pressures."""
        ratio, ratio_u = _relative_logarithm(self.k * p)
        compression, compression_k = p * ratio, p**2 * ratio_u  # L = -ln x at fixed p
        x = np.exp(-compression)
        x_p = -x / (1.0 + self.k * p)
        c, c_t, _ = _relative_exponential((self.k - 1.0) * compression)
        work = compression * c
        work_k = compression_k * np.exp((self.k - 1.0) * compression) + compression**2 * c_t
        zero = np.zeros_like(p)
        return ReducedPoint(x, p, work - p * x, 1.0 / x_p, x * compression_k / x_p, zero, work_k, zero)

    def at_volume(self, x: np.ndarray) -> ReducedPoint:
        """Point at reduced volumes."""
        compression = -np.log(x)
        return self.at_pressure(compression * _relative_exponential(self.k * compression)[0])


@dataclass(frozen=True)
class Tait(ReducedCurve):
    """x = 1 - a (1 - y^-c) with y = 1 + b p; b is that of the papers times K0."""

    k: float
    q: float
    q_k: float

    @property
    def constants(self) -> tuple[float, float, float]:
        """The constants a, b and c."""
        k, q = self.k, self.q
        return (1 + k) / (1 + k + q), k - q / (1 + k), (1 + k + q) / (k**2 + k - q)

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest reduced pressure of the stable branch."""
        a, b, c = self.constants
        # for a > 1 the volume would pass zero
        return -1.0 / b, ((1.0 - 1.0 / a) ** (-1.0 / c) - 1.0) / b if a > 1 else math.inf

    def at_pressure(self, p: np.ndarray) -> ReducedPoint:
        """Point at reduced pressures."""
        k, q = self.k, self.q
        a, b, c = self.constants
        y = 1.0 + b * p
        logarithm = np.log1p(b * p)
        power = np.exp(-c * logarithm)
        x = 1.0 + a * np.expm1(-c * logarithm)
        x_p = -a * b * c * power / y
        exprel, exprel_t, _ = _relative_exponential((1.0 - c) * logarithm)
        integral = logarithm / b * exprel  # of y^-c over p
        work = p * (1.0 - a) + a * integral
        slopes_x = (np.expm1(-c * logarithm), -a * c * p * power / y, -a * logarithm * power)
        slopes_work = (integral - p, a * (p * power - integral) / b, -a * logarithm**2 / b * exprel_t)
        n, d = 1 + k + q, k**2 + k - q
        in_q = (-(1 + k) / n**2, -1.0 / (1 + k), 1.0 / d + n / d**2)
        in_k = (q / n**2, 1.0 + q / (1 + k) ** 2, 1.0 / d - n * (2 * k + 1) / d**2)
        along_k = [one + self.q_k * other for one, other in zip(in_k, in_q, strict=True)]
        x_k, x_q, work_k, work_q = (
            np.asarray(sum(slope * constant for slope, constant in zip(slopes, constants, strict=True)))
            for slopes in (slopes_x, slopes_work)
            for constants in (along_k, in_q)
        )
        return ReducedPoint(x, p, work - p * x, 1.0 / x_p, -x_k / x_p, -x_q / x_p, work_k, work_q)

    def at_volume(self, x: np.ndarray) -> ReducedPoint:
        """Point at reduced volumes."""
        a, b, c = self.constants
        with np.errstate(invalid="ignore", divide="ignore"):
            p = np.expm1(-np.log1p((x - 1.0) / a) / c) / b
        return self.at_pressure(np.where(np.isfinite(p), p, np.nan))


@dataclass(frozen=True)
class LinearVolumeCurve(ReducedCurve):
    """x = 1 - stiffness p: stiffness 1 for a constant compressibility, 0 for a constant volume."""

    stiffness: float

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest reduced pressure of the stable branch."""
        return -math.inf, (math.inf if self.stiffness == 0 else 1.0)

    def at_pressure(self, p: np.ndarray) -> ReducedPoint:
        """Point at reduced pressures."""
        x, zero = 1.0 - self.stiffness * p, np.zeros_like(p)
        slope = np.full_like(p, -1.0 / self.stiffness if self.stiffness else -math.inf)
        return ReducedPoint(x, p, 0.5 * self.stiffness * p**2, slope, zero, zero, zero, zero)

    def at_volume(self, x: np.ndarray) -> ReducedPoint:
        """Point at reduced volumes."""
        return self.at_pressure(1.0 - x)
