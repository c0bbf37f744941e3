"""Shift of luminescence lines with temperature at ambient pressure, and the temperature that a ruby spectrum tells.

    ragan_1992   wavenumbers of R1 and R2, cubic in T           15-600 K
    vos_1991     R1 and R2, cubic in T - 300 K                  150-400 K
    datchi_2007  R1, cubics in T - 296 K above and below it,    50-900 K, level below 50 K
                 and Sm:SrB4O7 above 296 K

Pressure is read from the line after its thermal shift is taken off: l(at the reference's temperature) = l - shift.
The shift is taken as independent of pressure, which holds to a few percent up to 10 GPa. About 0.0068 nm/K near room
temperature is 0.019 GPa/K: the temperature of the ruby, not of the cryostat, counts.

References
----------
D. D. Ragan, R. Gustavsen, D. Schiferl, J. Appl. Phys. 72, 5539 (1992), doi 10.1063/1.351951. W. L. Vos, J. A. Schouten,
J. Appl. Phys. 69, 6744 (1991), doi 10.1063/1.348903. F. Datchi et al., High Press. Res. 27, 447 (2007), doi
10.1080/08957950701659593.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval

from labile.techniques.pressure_scale.scales import NM, PressureScaleError

LINES = ("R1", "R2", "Sm")
CORRECTIONS = {"ragan_1992": (15.0, 600.0), "vos_1991": (150.0, 400.0), "datchi_2007": (0.0, 900.0)}
"""Ranges of temperature, K."""
_RAGAN = {"R1": (14423.0, 4.49e-2, -4.81e-4, 3.71e-7), "R2": (14452.0, 3.00e-2, -3.88e-4, 2.55e-7)}
_VOS = {"R1": (0.0, 6.591e-3, 7.624e-6, -1.733e-8), "R2": (0.0, 6.554e-3, 8.670e-6, -1.099e-8)}
_DATCHI_WARM, _DATCHI_COLD = (0.0, 0.00746, -3.01e-6, 8.76e-9), (0.0, 0.00664, 6.76e-6, -2.33e-8)
_DATCHI_LEVEL, _DATCHI_KNEE = -0.887, 50.0
_DATCHI_SAMARIUM = (0.0, -8.7e-5, 4.62e-6, -2.38e-9)
FIXED_ZERO = 296.0


def _position(kelvin: np.ndarray, line: str, correction: str) -> tuple[np.ndarray, np.ndarray]:
    """Wavelength but for a constant (m) and its slope (m/K)."""
    if correction == "ragan_1992":
        wavenumber = polyval(kelvin, _RAGAN[line])
        return 1e-2 / wavenumber, -1e-2 / wavenumber**2 * polyval(kelvin, polyder(_RAGAN[line]))
    if correction == "vos_1991":
        u = kelvin - 300.0
        return NM * polyval(u, _VOS[line]), NM * polyval(u, polyder(_VOS[line]))
    u = kelvin - FIXED_ZERO
    if line == "Sm":
        return NM * polyval(u, _DATCHI_SAMARIUM), NM * polyval(u, polyder(_DATCHI_SAMARIUM))
    warm, level = u >= 0, kelvin < _DATCHI_KNEE
    value = np.where(warm, polyval(u, _DATCHI_WARM), polyval(u, _DATCHI_COLD))
    slope = np.where(warm, polyval(u, polyder(_DATCHI_WARM)), polyval(u, polyder(_DATCHI_COLD)))
    return NM * np.where(level, _DATCHI_LEVEL, value), NM * np.where(level, 0.0, slope)


def thermal_shift(
    temperature: Any, reference_temperature: float = 298.15, *, line: str = "R1", correction: str = "datchi_2007"
) -> tuple[np.ndarray, np.ndarray]:
    """Shift of a line from the reference temperature to another, at ambient pressure.

    Parameters
    ----------
    temperature : array_like
        K.
    reference_temperature : float
        K, of l0.
    line : {"R1", "R2", "Sm"}
        R2 by Ragan or Vos only, Sm by Datchi only.
    correction : {"datchi_2007", "ragan_1992", "vos_1991"}

    Returns
    -------
    shift : ndarray
        m; to be subtracted from the measured wavelength.
    slope : ndarray
        Derivative in the temperature, m/K.

    Raises
    ------
    PressureScaleError
        For a temperature outside the range of the correction, or a line that it does not have.

    Examples
    --------
    >>> shift, slope = thermal_shift(308.15)
    >>> round(float(shift) * 1e9, 4), round(float(slope) * 1e9, 5)
    (0.0742, 0.00739)
    >>> round(float(thermal_shift(20.0)[0]) * 1e9, 3)
    -0.903
    """
    lines = {"ragan_1992": ("R1", "R2"), "vos_1991": ("R1", "R2"), "datchi_2007": ("R1", "Sm")}
    if correction not in CORRECTIONS:
        raise PressureScaleError(f"thermal shift: {correction!r} is unknown; there are: {', '.join(CORRECTIONS)}")
    if line not in lines[correction]:
        raise PressureScaleError(
            f"thermal shift: {correction} has {' and '.join(lines[correction])}, not {line!r}; choose another"
        )
    low, high = CORRECTIONS[correction]
    if line == "Sm":
        low = FIXED_ZERO
    kelvin = np.asarray(temperature, dtype=float)
    every = np.append(np.atleast_1d(kelvin).ravel(), reference_temperature)
    if not np.all(np.isfinite(every) & (every >= low) & (every <= high) & (every > 0)):
        bad = every[~(np.isfinite(every) & (every >= low) & (every <= high) & (every > 0))][0]
        raise PressureScaleError(
            f"thermal shift: {correction} holds from {low:g} to {high:g} K for {line}, found {bad:g} K; choose another"
            " correction or measure l0 at that temperature"
        )
    value, slope = _position(kelvin, line, correction)
    return value - _position(np.asarray(float(reference_temperature)), line, correction)[0], slope


@dataclass(frozen=True)
class RubyTemperature:
    """Temperature from the two R lines.

    Attributes
    ----------
    value, sigma : float
        K.
    notes : tuple of str
    """

    value: float
    sigma: float
    notes: tuple[str, ...] = ()


SPLITTING_ENERGY = 29.0e2
"""1/m: R2 lies this far above R1 and hardly moves with temperature or hydrostatic pressure."""
KELVIN_PER_WAVENUMBER = 1.438776877e-2
"""h c/k_B, K m."""
COLDEST, HOTTEST = 20.0, 200.0
"""K: range in which the ratio of intensities is a thermometer: the weak line is seen, and moves with T."""


def temperature_from_ratio(
    ratio: float, sigma: float, *, calibration: float, splitting: float = SPLITTING_ENERGY
) -> RubyTemperature:
    """Temperature from the ratio of the intensities of R2 and R1, r = c exp(-h c D/(k_B T)).

    Parameters
    ----------
    ratio, sigma : float
        Area of R2 over that of R1.
    calibration : float
        c, the ratio at high temperature on the same spectrometer and crystal orientation (both lines are polarised):
        measured ratio at a known T times exp(h c D/(k_B T)).
    splitting : float
        D, 1/m.

    Returns
    -------
    RubyTemperature

    Raises
    ------
    PressureScaleError
        For ratios that no temperature gives (r must lie between 0 and c).

    Examples
    --------
    >>> c = 0.6
    >>> found = temperature_from_ratio(c * math.exp(-29e2 * KELVIN_PER_WAVENUMBER / 80.0), 0.005, calibration=c)
    >>> round(found.value, 6)
    80.0
    """
    if not (0 < ratio < calibration and sigma >= 0 and splitting > 0):
        raise PressureScaleError(
            f"ruby temperature: the ratio R2/R1 must lie between 0 and its high-temperature value {calibration:g},"
            f" found {ratio:g}"
        )
    energy = splitting * KELVIN_PER_WAVENUMBER
    value = energy / math.log(calibration / ratio)
    error = value**2 / energy * sigma / ratio
    notes = []
    if not COLDEST <= value <= HOTTEST:
        notes.append(
            f"{value:.3g} K lies outside {COLDEST:g}-{HOTTEST:g} K, where this ratio is a thermometer: colder, R2 is"
            " not seen; warmer, the ratio hardly changes"
        )
    if error > 0.2 * value:
        notes.append(f"s.u. {error:.2g} K: the ratio does not determine the temperature")
    return RubyTemperature(value, error, tuple(notes))
