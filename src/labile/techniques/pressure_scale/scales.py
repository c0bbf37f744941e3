"""Pressure from luminescence: shifts of the ruby R1 line and of Sm2+ in SrB4O7, both ways, with uncertainties.

    mao_1986             P = (A/B) [(l/l0)^B - 1],             A = 1904 GPa, B = 7.665
    dorogokupets_2007    P = A x (1 + m x), x = l/l0 - 1,      A = 1884 GPa, m = 5.5
    ruby2020             P = A x (1 + m x),                    A = 1870(10) GPa, m = 5.63(3)
    linear               P = (l - l0)/0.365 nm/GPa             below about 2 GPa only
    samarium_1997        P = C d (1 + a d)/(1 + b d), d in nm, C = 4.032 GPa/nm, a = 9.29e-3, b = 2.32e-2 (Sm:SrB4O7)
    samarium_2007        the same form,                        C = 3.989(6), a = 6.915(74)e-3, b = 0.0166(10)

l is the wavelength at the temperature of the reference l0 (`thermal_shift` refers one to the other), and P counts from
the pressure of the reference, which is ambient: add 101325 Pa for an absolute one.

References
----------
H. K. Mao, J. Xu, P. M. Bell, J. Geophys. Res. 91, 4673 (1986), doi 10.1029/JB091iB05p04673. P. I. Dorogokupets, A. R.
Oganov, Phys. Rev. B 75, 024115 (2007), doi 10.1103/PhysRevB.75.024115. G. Shen et al., High Press. Res. 40, 299 (2020),
doi 10.1080/08957959.2020.1791107. F. Datchi, R. LeToullec, P. Loubeyre, J. Appl. Phys. 81, 3333 (1997), doi
10.1063/1.365025. F. Datchi et al., High Press. Res. 27, 447 (2007), doi 10.1080/08957950701659593.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

GPA = 1e9
NM = 1e-9
RUBY_R1 = 694.24e-9
"""m: R1 at ambient conditions; a spectrometer's own value is better, because its zero cancels then."""
SAMARIUM = 685.41e-9
"""m: the 0-0 line of Sm2+ in SrB4O7 at ambient conditions."""


class PressureScaleError(ValueError):
    """A wavelength, temperature or spectrum that gives no pressure on the scale asked for."""


@dataclass(frozen=True)
class PressureScale:
    """A calibrated shift.

    Attributes
    ----------
    name : str
    title : str
        How papers call it.
    form : {"power", "quadratic", "linear", "rational"}
    constants, sigma : tuple of float
        In GPa (and nm for the last two forms), with the s.u. that the paper states; 0 where it states none.
    reference : float
        l0 at ambient conditions, m, unless another is given.
    limit : float
        Highest pressure of the calibration, Pa.
    doi : str
    """

    name: str
    title: str
    form: str
    constants: tuple[float, ...]
    sigma: tuple[float, ...]
    reference: float
    limit: float
    doi: str

    def _evaluate(self, shift: np.ndarray, reference: float) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """P (GPa), dP/dl (GPa/m) and the derivatives in the constants, at l - l0 (m)."""
        x = shift / reference
        if self.form == "power":
            a, b = self.constants
            log = np.log1p(x)
            growth = np.expm1(b * log)
            by_b = a / b * (log * (growth + 1.0) - growth / b)
            return a / b * growth, a * np.exp((b - 1.0) * log) / reference, [growth / b, by_b]
        if self.form == "quadratic":
            a, m = self.constants
            return a * x * (1 + m * x), a * (1 + 2 * m * x) / reference, [x * (1 + m * x), a * x**2]
        d = shift / NM
        if self.form == "linear":
            (slope,) = self.constants
            return d / slope, np.full(d.shape, 1.0 / slope / NM), [-d / slope**2]
        c, a, b = self.constants
        top, bottom = 1 + a * d, 1 + b * d
        value = c * d * top / bottom
        slope_d = c * (1 + 2 * a * d) / bottom - c * d * top * b / bottom**2
        return value, slope_d / NM, [value / c, c * d**2 / bottom, -value * d / bottom]


_ROWS = (
    PressureScale(
        "mao_1986", "Mao, Xu, Bell 1986", "power", (1904.0, 7.665), (0.0, 0.0), RUBY_R1, 80e9,
        "10.1029/JB091iB05p04673",
    ),
    PressureScale(
        "dorogokupets_2007", "Dorogokupets, Oganov 2007", "quadratic", (1884.0, 5.5), (0.0, 0.0), RUBY_R1, 150e9,
        "10.1103/PhysRevB.75.024115",
    ),
    PressureScale(
        "ruby2020", "Ruby2020 (AIRAPT)", "quadratic", (1870.0, 5.63), (10.0, 0.03), RUBY_R1, 150e9,
        "10.1080/08957959.2020.1791107",
    ),
    PressureScale("linear", "0.365 nm/GPa", "linear", (0.365,), (0.0,), RUBY_R1, 2e9, "10.1063/1.321957"),
    PressureScale(
        "samarium_1997", "Sm:SrB4O7, Datchi 1997", "rational", (4.032, 9.29e-3, 2.32e-2), (0.0, 0.0, 0.0), SAMARIUM,
        124e9, "10.1063/1.365025",
    ),
    PressureScale(
        "samarium_2007", "Sm:SrB4O7, Datchi 2007", "rational", (3.989, 6.915e-3, 1.66e-2), (0.006, 7.4e-5, 1e-3),
        SAMARIUM, 60e9, "10.1080/08957950701659593",
    ),
)  # fmt: skip
SCALES: MappingProxyType[str, PressureScale] = MappingProxyType({scale.name: scale for scale in _ROWS})
"""Every scale by its name."""


def require_scale(name: str) -> PressureScale:
    """Return the scale of this name.

    Raises
    ------
    PressureScaleError
        For an unknown one; the message lists what exists.
    """
    if name not in SCALES:
        raise PressureScaleError(f"pressure scale {name!r} is unknown; there are: {', '.join(SCALES)}")
    return SCALES[name]


@dataclass(frozen=True, eq=False)
class GaugePressure:
    """Pressures from a gauge, counted from that of its reference.

    Attributes
    ----------
    pressure, sigma : ndarray
        Pa; the s.u. from wavelengths, temperatures and constants of the scale as far as the paper states them.
    slope : ndarray
        dP/d(wavelength), Pa/m.
    scale : str
    notes : tuple of str
        Limits of the scale that were passed, missing uncertainties, temperature corrections.
    """

    pressure: np.ndarray
    sigma: np.ndarray
    slope: np.ndarray
    scale: str
    notes: tuple[str, ...] = ()


def _wavelengths(value: Any, what: str) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if not np.all(np.isfinite(array) & (array > 1e-7) & (array < 2e-6)):
        raise PressureScaleError(f"{what}: wavelengths must be in m (694.24e-9), found {array.flat[0]:g}")
    return array


def pressure_from_wavelength(
    wavelength: Any,
    sigma: Any = 0.0,
    *,
    scale: str = "ruby2020",
    reference: float | None = None,
    sigma_reference: float = 0.0,
) -> GaugePressure:
    """Pressure from the position of the line.

    Parameters
    ----------
    wavelength, sigma : array_like
        m; at the temperature of the reference (see `thermal_shift`).
    scale : str
        Key of `SCALES`.
    reference, sigma_reference : float
        l0 at ambient pressure, m; by default the scale's usual one. Measured on the same spectrometer it removes the
        error of that one's zero.

    Returns
    -------
    GaugePressure

    Raises
    ------
    PressureScaleError
        For an unknown scale or numbers that are no wavelengths in m.

    Examples
    --------
    >>> for scale in ("mao_1986", "ruby2020"):
    ...     print(round(float(pressure_from_wavelength(695.24e-9, scale=scale).pressure) / 1e9, 5))
    2.75577
    2.71544
    """
    chosen = require_scale(scale)
    zero = chosen.reference if reference is None else float(_wavelengths(reference, f"{scale}: reference"))
    shift = _wavelengths(wavelength, scale) - zero
    value, slope, by_constants = chosen._evaluate(shift, zero)
    # l0 enters as -dP/dl, but for the small part through l/l0
    step = 1e-6 * zero
    sides = [chosen._evaluate(shift - s * step, zero + s * step)[0] for s in (-1.0, 1.0)]
    by_zero = (sides[1] - sides[0]) / (2.0 * step)
    variance = (slope * np.asarray(sigma, dtype=float)) ** 2 + (by_zero * sigma_reference) ** 2
    for one, error in zip(by_constants, chosen.sigma, strict=True):
        variance = variance + (one * error) ** 2
    notes = []
    if np.any(value * GPA > chosen.limit):
        limit = chosen.limit / GPA
        notes.append(f"{chosen.title} was calibrated to {limit:g} GPa; pressures above it are extrapolated")
    if reference is None:
        notes.append(
            f"l0 = {zero / NM:.2f} nm was taken from the literature: the zero of the spectrometer adds to the error of"
            " the pressure (0.01 nm is 0.03 GPa)"
        )
    if np.any(value < 0):
        notes.append("a pressure is negative: the line stands below its reference (temperature? another spectrometer?)")
    return GaugePressure(value * GPA, np.sqrt(variance) * GPA, slope * GPA, scale, tuple(notes))


def wavelength_from_pressure(pressure: Any, *, scale: str = "ruby2020", reference: float | None = None) -> np.ndarray:
    """Position of the line at a pressure, m.

    Parameters
    ----------
    pressure : array_like
        Pa above ambient.
    scale : str
    reference : float, optional
        l0, m.

    Returns
    -------
    ndarray

    Raises
    ------
    PressureScaleError
        For an unknown scale, or a pressure that it does not reach.

    Examples
    --------
    >>> round(float(wavelength_from_pressure(2.71544e9)) * 1e9, 4)
    695.24
    """
    chosen = require_scale(scale)
    zero = chosen.reference if reference is None else float(_wavelengths(reference, f"{scale}: reference"))
    p = np.asarray(pressure, dtype=float) / GPA
    if not np.all(np.isfinite(p)):
        raise PressureScaleError(f"{scale}: pressures must be finite")
    with np.errstate(invalid="ignore", divide="ignore"):
        if chosen.form == "power":
            a, b = chosen.constants
            found = zero * (1.0 + b * p / a) ** (1.0 / b)
        elif chosen.form == "quadratic":
            a, m = chosen.constants
            found = zero * (1.0 + 2.0 * p / a / (1.0 + np.sqrt(1.0 + 4.0 * m * p / a)))
        elif chosen.form == "linear":
            found = zero + p * chosen.constants[0] * NM
        else:
            c, a, b = chosen.constants
            # c a d^2 + (c - b p) d - p = 0, the root through 0
            middle = c - b * p
            found = zero + NM * 2.0 * p / (middle + np.sqrt(middle**2 + 4.0 * c * a * p))
    if not np.all(np.isfinite(found)):
        raise PressureScaleError(f"{scale}: {float(np.min(p)):g} GPa lies below what the scale can give")
    return np.asarray(found)


def kbar(pressure: Any) -> np.ndarray:
    """Pressures in kbar (1 GPa = 10 kbar) of pressures in Pa.

    Examples
    --------
    >>> round(float(kbar(1.8e9)), 9)
    18.0
    """
    return np.asarray(pressure, dtype=float) / 1e8
