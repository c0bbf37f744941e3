"""Equations of state: P(V), V(P), the work of compression, and the derivatives of all three.

Every form is written in reduced variables: x = V/V0, p = P/K0, k = K0' and q = K0 K0''. The work at constant
temperature from zero pressure (the zero of the curve, see `models.compressibility`) is

    int_0^P V dP' = P V + E(V),    E(V) = -int_V0^V P dV'.

Because E + P V is stationary in V at the pressure P, the derivative of the work in a parameter at fixed P equals that
of E at fixed V: no derivative of the inverted curve is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from labile.models.compression_curves import (
    EquationOfStateError,
    LinearVolumeCurve,
    Murnaghan,
    NoVolumeError,
    PolynomialStrain,
    ReducedCurve,
    ReducedPoint,
    Tait,
    Vinet,
)

PARAMETERS = ("volume", "bulk_modulus", "bulk_modulus_derivative", "bulk_modulus_second_derivative")
"""V0, K0, K0' and K0'': names of the parameters of a curve, in this order."""


@dataclass(frozen=True)
class Form:
    """A named equation of state.

    Attributes
    ----------
    name : str
        Key of `FORMS`.
    title : str
        How papers call it.
    parameters : tuple of str
        Which of `PARAMETERS` it has.
    doi : str
        Of its source; empty for a definition.
    implied_derivative : float or None
        K0' of a form that does not have it as a parameter; None where it has.
    curve : callable
        The reduced curve at k = K0' and q = K0 K0''.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    doi: str
    implied_derivative: float | None
    curve: Callable[[float, float], ReducedCurve]


def _birch(k: float, order: int, q: float = 0.0) -> ReducedCurve:
    a, free = 1.5 * (k - 4.0), order == 4
    b = 1.5 * (q + (k - 4.0) * (k - 3.0) + 35.0 / 9.0) if free else 0.0
    return PolynomialStrain(True, a, b, 1.5, 1.5 * (2.0 * k - 7.0) * free, 1.5 * free)


def _natural(k: float, order: int, q: float = 0.0) -> ReducedCurve:
    a, free = 1.5 * (k - 2.0), order == 4
    b = 1.5 * (1.0 + q + (k - 2.0) * (k - 1.0)) if free else 0.0
    return PolynomialStrain(False, a, b, 1.5, 1.5 * (2.0 * k - 3.0) * free, 1.5 * free)


def _tait(k: float, q: float, q_k: float) -> ReducedCurve:
    if not (k > 0 and 1 + k + q > 0 and k**2 + k - q > 0):
        raise NoVolumeError(
            f"the Tait form needs K0' > 0 and -(1 + K0') < K0 K0'' < K0' (1 + K0'), found K0' = {k:g},"
            f" K0 K0'' = {q:g}; use another form or other values"
        )
    return Tait(k, q, q_k)


_BIRCH, _NATURAL, _TAIT = "10.1103/PhysRev.71.809", "10.1016/S0031-9201(98)00112-5", "10.1111/j.1525-1314.2010.00923.x"
_TWO, _THREE, _FOUR = PARAMETERS[:2], PARAMETERS[:3], PARAMETERS
_ROWS = (
    Form("constant", "constant volume", PARAMETERS[:1], "", None, lambda k, q: LinearVolumeCurve(0.0)),
    Form("linear", "constant compressibility", _TWO, "", -1.0, lambda k, q: LinearVolumeCurve(1.0)),
    Form("murnaghan", "Murnaghan", _THREE, "10.1073/pnas.30.9.244", None, lambda k, q: Murnaghan(k)),
    Form("birch_murnaghan_2", "Birch-Murnaghan, order 2", _TWO, _BIRCH, 4.0, lambda k, q: _birch(4.0, 2)),
    Form("birch_murnaghan_3", "Birch-Murnaghan, order 3", _THREE, _BIRCH, None, lambda k, q: _birch(k, 3)),
    Form("birch_murnaghan_4", "Birch-Murnaghan, order 4", _FOUR, _BIRCH, None, lambda k, q: _birch(k, 4, q)),
    Form("natural_strain_2", "Poirier-Tarantola, order 2", _TWO, _NATURAL, 2.0, lambda k, q: _natural(2.0, 2)),
    Form("natural_strain_3", "Poirier-Tarantola, order 3", _THREE, _NATURAL, None, lambda k, q: _natural(k, 3)),
    Form("natural_strain_4", "Poirier-Tarantola, order 4", _FOUR, _NATURAL, None, lambda k, q: _natural(k, 4, q)),
    Form("vinet", "Vinet", _THREE, "10.1103/PhysRevB.35.1945", None, lambda k, q: Vinet(1.5 * (k - 1.0))),
    Form("tait", "Tait with K0'' = -K0'/K0", _THREE, _TAIT, None, lambda k, q: _tait(k, -k, -1.0)),
    Form("tait_4", "Tait with free K0''", _FOUR, _TAIT, None, lambda k, q: _tait(k, q, 0.0)),
)
FORMS: MappingProxyType[str, Form] = MappingProxyType({form.name: form for form in _ROWS})
"""Every form by its name."""


def require_form(name: str) -> Form:
    """Return the form of this name.

    Raises
    ------
    EquationOfStateError
        For an unknown name; the message lists what exists.
    """
    if name not in FORMS:
        raise EquationOfStateError(f"equation of state {name!r} is unknown; there are: {', '.join(FORMS)}")
    return FORMS[name]


@dataclass(frozen=True, eq=False)
class Compression:
    """Points of a curve; arrays of the shape that was asked for.

    Attributes
    ----------
    pressure, volume : ndarray
        Pa, and the unit of V0.
    work : ndarray
        int_0^P V dP', unit of V0 times Pa (J/mol for m3/mol).
    energy : ndarray
        E = work - P V.
    bulk_modulus : ndarray
        -V dP/dV, Pa; dV/dP is -V/K.
    d_pressure : dict of str to ndarray
        Derivatives of P at fixed V in the parameters of the form.
    d_volume, d_work : dict of str to ndarray
        Derivatives of V and of the work at fixed P.
    """

    pressure: np.ndarray
    volume: np.ndarray
    work: np.ndarray
    energy: np.ndarray
    bulk_modulus: np.ndarray
    d_pressure: dict[str, np.ndarray]
    d_volume: dict[str, np.ndarray]
    d_work: dict[str, np.ndarray]


@dataclass(frozen=True)
class EquationOfState:
    """One curve V(P) at constant temperature.

    Attributes
    ----------
    form : str
        Key of `FORMS`.
    reference_volume : float
        V0, at zero pressure; m3/mol, or any other unit of volume.
    bulk_modulus : float or None
        K0, Pa; None for the constant volume.
    bulk_modulus_derivative : float or None
        K0', for forms that have it.
    bulk_modulus_second_derivative : float or None
        K0'', 1/Pa, for forms that have it.

    Raises
    ------
    EquationOfStateError
        For an unknown form, a parameter that is missing, not finite, not positive where it must be, or that the form
        does not have.

    Examples
    --------
    >>> curve = EquationOfState("birch_murnaghan_3", 3e-4, 10e9, 6.0)
    >>> round(float(curve.pressure(0.9 * 3e-4)) / 1e9, 6)
    1.443019
    >>> round(float(curve.volume(1.443019e9)) / 3e-4, 6)
    0.9
    """

    form: str
    reference_volume: float
    bulk_modulus: float | None = None
    bulk_modulus_derivative: float | None = None
    bulk_modulus_second_derivative: float | None = None

    def __post_init__(self) -> None:
        form = require_form(self.form)
        given = (
            self.reference_volume,
            self.bulk_modulus,
            self.bulk_modulus_derivative,
            self.bulk_modulus_second_derivative,
        )
        for name, value in zip(PARAMETERS, given, strict=True):
            if value is None and name in form.parameters:
                raise EquationOfStateError(f"{self.form}: {name} is missing; it has {', '.join(form.parameters)}")
            if value is not None and name not in form.parameters:
                raise EquationOfStateError(f"{self.form}: it has no {name}, only {', '.join(form.parameters)}")
            if value is not None and not math.isfinite(value):
                raise EquationOfStateError(f"{self.form}: {name} must be a finite number, found {value}")
            if value is not None and name in PARAMETERS[:2] and value <= 0:
                raise EquationOfStateError(f"{self.form}: {name} must be > 0, found {value:g}")
        _ = self._curve

    @cached_property
    def _curve(self) -> ReducedCurve:
        k, q = self.bulk_modulus_derivative or 0.0, 0.0
        if self.bulk_modulus_second_derivative is not None:
            q = self._scale * self.bulk_modulus_second_derivative
        return FORMS[self.form].curve(k, q)

    @property
    def _scale(self) -> float:
        return 1.0 if self.bulk_modulus is None else self.bulk_modulus

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that this form has."""
        return FORMS[self.form].parameters

    @property
    def tensile_limit(self) -> float:
        """Lowest pressure of the curve, Pa: there K falls to zero (or V to infinity). -inf where there is none."""
        return self._curve.limits[0] * self._scale

    @property
    def compression_limit(self) -> float:
        """Highest pressure of the curve, Pa: there K falls to zero, or V. inf where there is none."""
        return self._curve.limits[1] * self._scale

    def at_pressure(self, pressure: Any) -> Compression:
        """Volume and work at pressures with all derivatives.

        Parameters
        ----------
        pressure : array_like
            Pa, counted from the zero of the curve.

        Returns
        -------
        Compression

        Raises
        ------
        NoVolumeError
            At or past the tensile or the compression limit, where the form has no stable volume.
        EquationOfStateError
            For pressures that are not finite.

        Examples
        --------
        >>> point = EquationOfState("murnaghan", 3e-4, 10e9, 8.0).at_pressure([0.0, 1e9])
        >>> (point.bulk_modulus / 1e9).round(6).tolist()
        [10.0, 18.0]
        """
        pressure = np.asarray(pressure, dtype=float)
        if not np.all(np.isfinite(pressure)):
            raise EquationOfStateError(f"{self.form}: pressures must be finite numbers")
        reduced = pressure / self._scale
        # at the limit itself dV/dP is infinite; the margin covers the rounding of P/K0
        low, high = (limit * (1.0 - 1e-15) for limit in self._curve.limits)
        for limit, past, side in (
            (self.tensile_limit, reduced <= low, "tensile"),
            (self.compression_limit, reduced >= high, "compression"),
        ):
            if np.any(past):
                found = float(pressure[past].flat[0])
                raise NoVolumeError(
                    f"{self.form}: {found / 1e9:.6g} GPa lies at or past the {side} limit of the curve,"
                    f" {limit / 1e9:.6g} GPa with {self._shown()}; the crystal has no volume there. Check the pressure"
                    " and its unit, or use other parameters or another form"
                )
        return self._compression(self._curve.at_pressure(np.atleast_1d(reduced)), pressure.shape)

    def at_volume(self, volume: Any) -> Compression:
        """Pressure at volumes with all derivatives, also past the limits of the stable branch.

        Parameters
        ----------
        volume : array_like
            In the unit of V0.

        Returns
        -------
        Compression

        Raises
        ------
        EquationOfStateError
            For volumes that are not positive or that the form never reaches (`NoVolumeError`), and for the constant
            volume.
        """
        volume = np.asarray(volume, dtype=float)
        if self.form == "constant":
            raise EquationOfStateError("constant: a constant volume has no pressure; choose a compressible form")
        if not np.all((volume > 0) & np.isfinite(volume)):
            raise EquationOfStateError(f"{self.form}: volumes must be finite and > 0")
        point = self._curve.at_volume(np.atleast_1d(volume / self.reference_volume))
        if np.any(np.isnan(point.p)):
            bad = float(volume.flat[int(np.flatnonzero(np.isnan(point.p))[0])])
            raise NoVolumeError(f"{self.form}: no pressure gives the volume {bad:g} with {self._shown()}")
        return self._compression(point, volume.shape)

    def volume(self, pressure: Any) -> np.ndarray:
        """V(P) in the unit of V0; see `at_pressure`."""
        return self.at_pressure(pressure).volume

    def pressure(self, volume: Any) -> np.ndarray:
        """P(V), Pa; see `at_volume`."""
        return self.at_volume(volume).pressure

    def work(self, pressure: Any) -> np.ndarray:
        """int_0^P V dP'; see `at_pressure`.

        Examples
        --------
        >>> round(float(EquationOfState("constant", 1e-5).work(1e8)), 9)
        1000.0
        """
        return self.at_pressure(pressure).work

    def _shown(self) -> str:
        shown = [f"V0 = {self.reference_volume:g}"]
        if self.bulk_modulus is not None:
            shown.append(f"K0 = {self.bulk_modulus / 1e9:g} GPa")
        if self.bulk_modulus_derivative is not None:
            shown.append(f"K0' = {self.bulk_modulus_derivative:g}")
        if self.bulk_modulus_second_derivative is not None:
            shown.append(f"K0'' = {self.bulk_modulus_second_derivative * 1e9:g} /GPa")
        return ", ".join(shown)

    def _compression(self, r: ReducedPoint, shape: tuple[int, ...]) -> Compression:
        v0, k0 = self.reference_volume, self._scale
        q = k0 * (self.bulk_modulus_second_derivative or 0.0)
        at_fixed_x = {
            "bulk_modulus": (r.p + q * r.p_q, v0 * (r.energy + q * r.energy_q)),
            "bulk_modulus_derivative": (k0 * r.p_k, v0 * k0 * r.energy_k),
            "bulk_modulus_second_derivative": (k0**2 * r.p_q, v0 * k0**2 * r.energy_q),
        }
        work = v0 * k0 * (r.p * r.x + r.energy)
        d_pressure = {"volume": -k0 * r.p_x * r.x / v0}
        d_volume, d_work = {"volume": r.x}, {"volume": work / v0}
        for name in self.parameters[1:]:
            d_pressure[name], d_work[name] = at_fixed_x[name]
            d_volume[name] = -d_pressure[name] * v0 / (k0 * r.p_x)
        arrays = [k0 * r.p, v0 * r.x, work, v0 * k0 * r.energy, -k0 * r.x * r.p_x]
        shaped = [{name: one.reshape(shape) for name, one in each.items()} for each in (d_pressure, d_volume, d_work)]
        return Compression(*(one.reshape(shape) for one in arrays), *shaped)
