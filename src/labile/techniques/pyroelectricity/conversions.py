"""Arithmetic between currents, charges, dipoles and pyroelectric coefficients, and the symmetry condition. SI."""

from __future__ import annotations

import math
from typing import Any

from labile.core.material import Material, SymmetryError, require_polar


class PyroelectricityError(ValueError):
    """Pyroelectric data that cannot be reduced as asked; the message says what to give."""


class PyroelectricityWarning(UserWarning):
    """A reduced number is doubtful; the same sentence stands in the steps of its provenance."""


def require_positive(value: Any, what: str, unit: str) -> float:
    """Return a number that is finite and > 0.

    Raises
    ------
    PyroelectricityError
    """
    if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
        raise PyroelectricityError(f"{what} must be a number > 0 {unit}, found {value!r}")
    return float(value)


def expected_current(coefficient: float, area: float, rate: float) -> float:
    """Current of an electrode while the crystal is heated, i = p A dT/dt.

    Parameters
    ----------
    coefficient : float
        C m-2 K-1.
    area : float
        m2.
    rate : float
        K/s, negative on cooling.

    Returns
    -------
    float
        A.

    Examples
    --------
    >>> round(expected_current(30e-5, 0.3036e-6, 5 / 60) * 1e12, 3)
    7.59
    """
    return coefficient * require_positive(area, "electrode area", "m2") * rate


def expected_charge(polarization_change: float, area: float) -> float:
    """Charge that the meter collects, Q = A Delta P (C from C/m2 and m2).

    Examples
    --------
    >>> round(expected_charge(1.15e-2, 0.3036e-6) * 1e9, 3)
    3.491
    """
    return polarization_change * require_positive(area, "electrode area", "m2")


def mean_coefficient(change_1: float, change_2: float, temperature_1: float, temperature_2: float) -> float:
    """Mean pyroelectric coefficient between two temperatures from two polarization changes.

    Parameters
    ----------
    change_1, change_2 : float
        Delta P from one common reference, C/m2.
    temperature_1, temperature_2 : float
        K.

    Returns
    -------
    float
        (change_2 - change_1)/(temperature_2 - temperature_1), C m-2 K-1.

    Examples
    --------
    >>> round(mean_coefficient(0.40e-2, 1.15e-2, 120.0, 300.0) * 1e5, 2)
    4.17
    """
    if not (temperature_1 > 0 and temperature_2 > 0 and temperature_1 != temperature_2):
        raise PyroelectricityError(
            f"mean_coefficient: needs two different temperatures above 0 K, found {temperature_1!r}, {temperature_2!r}"
        )
    return (change_2 - change_1) / (temperature_2 - temperature_1)


def reference_limit(coefficient: float, fraction: float) -> float:
    """Upper limit of a reference compound whose coefficient is stated as below a fraction of another's.

    Parameters
    ----------
    coefficient : float
        Of the switching compound, C m-2 K-1.
    fraction : float
        Between 0 and 1.

    Returns
    -------
    float
        C m-2 K-1, of the absolute value.

    Examples
    --------
    >>> round(reference_limit(3.4e-5, 0.15) * 1e5, 2)
    0.51
    """
    if not 0 < fraction <= 1:
        raise PyroelectricityError(f"reference_limit: fraction must be in (0, 1], found {fraction!r}")
    return abs(coefficient) * fraction


def dipole_to_polarization(dipole: float, volume: float) -> float:
    """Polarization of one dipole component per volume, without local-field correction.

    Parameters
    ----------
    dipole : float
        Component along the polar axis per formula unit, C m (1 D = 3.33564e-30 C m).
    volume : float
        m3 per formula unit.

    Returns
    -------
    float
        C/m2.

    Examples
    --------
    >>> round(dipole_to_polarization(3.33564e-30, 1390e-30) * 100, 4)
    0.24
    """
    return dipole / require_positive(volume, "volume per formula unit", "m3")


def check_polar(material: Material) -> None:
    """Refuse polarization and pyroelectricity for a material whose space group forbids them.

    A material without a space group passes: nothing is known about it.

    Raises
    ------
    SymmetryError
        For a non-polar space group, or a measured axis without polarization; the formula is named.
    """
    try:
        require_polar(material.space_group, material.polar_axis)
    except SymmetryError as error:
        raise SymmetryError(f"material {material.formula}: {error}") from None
