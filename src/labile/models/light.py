"""Light and X-rays on a crystal: photons, cross sections by wavelength, laser heating."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.conditions import LightSource
from labile.core.constants import AVOGADRO, PLANCK, SPEED_OF_LIGHT

X_RAY_LIMIT = 1e-8
"""Wavelengths below 10 nm are X-rays (m)."""
DESTROYED = "destroyed"
"""Name of the sink of radiation damage."""


class LightError(ValueError):
    """A light source or cross section that contradicts itself or does not cover what is asked."""


def is_x_ray(source: LightSource) -> bool:
    """Whether a beam has a wavelength below 10 nm."""
    return source.wavelength < X_RAY_LIMIT


def beam(wavelength: float | None, *, photon_flux: float | None = None, irradiance: float | None = None) -> LightSource:
    """A light source from its wavelength and either its photon flux or its irradiance.

    Parameters
    ----------
    wavelength : float
        Vacuum wavelength, m.
    photon_flux : float, optional
        Photons, m-2 s-1.
    irradiance : float, optional
        W m-2 (1 mW/cm2 is 10).

    Returns
    -------
    LightSource

    Raises
    ------
    LightError
        When the wavelength is missing, or not exactly one of flux and irradiance is given.

    Examples
    --------
    >>> f"{beam(532e-9, irradiance=10.0).photon_flux:.3e}"
    '2.678e+19'
    """
    if wavelength is None:
        raise LightError("light source: the wavelength is missing; rates depend on it. Give it in m")
    if (photon_flux is None) == (irradiance is None):
        found = "neither" if photon_flux is None else "both"
        raise LightError(
            f"light source at {wavelength:g} m: give either photon_flux (m-2 s-1) or irradiance (W m-2), found {found}"
        )
    if photon_flux is None:
        assert irradiance is not None
        photon_flux = irradiance * wavelength / (PLANCK * SPEED_OF_LIGHT)
    return LightSource(wavelength, photon_flux)


def irradiance(source: LightSource) -> float:
    """Power of a beam, W m-2.

    Examples
    --------
    >>> round(irradiance(LightSource(532e-9, 2.678e19)), 3)
    9.999
    """
    return source.photon_flux * PLANCK * SPEED_OF_LIGHT / source.wavelength


def cross_section(extinction: Any) -> Any:
    """Absorption cross section in m2 of a decadic molar extinction coefficient in L mol-1 cm-1.

    Examples
    --------
    >>> f"{cross_section(1.0) * 1e4:.4e} cm2"
    '3.8235e-21 cm2'
    """
    return np.asarray(extinction, dtype=float) * (0.1 * math.log(10.0) / AVOGADRO)


@dataclass(frozen=True, eq=False)
class Absorption:
    """Cross section of one state by wavelength, interpolated linearly between the points given.

    Attributes
    ----------
    state : str
        Name of the state; ``"*"`` for all states alike (X-rays).
    wavelength : ndarray (M,)
        m, increasing. One value: the cross section holds at that wavelength only (to 0.5 %).
    cross_section : ndarray (M,)
        m2 for each switching unit.
    source : str
        Where the numbers come from.

    Raises
    ------
    LightError
        For wavelengths that do not increase, negative cross sections, or columns of different length.

    Examples
    --------
    >>> low_spin = Absorption("LS", [500e-9, 600e-9], cross_section([80.0, 20.0]))
    >>> f"{low_spin.at(550e-9):.3e}"
    '1.912e-23'
    """

    state: str
    wavelength: Any
    cross_section: Any
    source: str = ""

    def __post_init__(self) -> None:
        wavelength = np.atleast_1d(np.asarray(self.wavelength, dtype=float))
        sigma = np.atleast_1d(np.asarray(self.cross_section, dtype=float))
        where = f"absorption of {self.state}"
        if wavelength.ndim != 1 or wavelength.shape != sigma.shape or not wavelength.size:
            raise LightError(
                f"{where}: one cross section for each wavelength, found {wavelength.size} wavelengths and {sigma.size}"
            )
        if not (np.all(np.isfinite(wavelength)) and np.all(wavelength > 0) and np.all(np.diff(wavelength) > 0)):
            raise LightError(f"{where}: wavelengths must be above 0 m and increase")
        if not (np.all(np.isfinite(sigma)) and np.all(sigma >= 0)):
            raise LightError(f"{where}: cross sections must be finite and not negative (m2)")
        if float(wavelength[0]) < X_RAY_LIMIT <= float(wavelength[-1]):
            raise LightError(f"{where}: X-rays and light in one table; give two")
        object.__setattr__(self, "wavelength", wavelength)
        object.__setattr__(self, "cross_section", sigma)

    @property
    def span(self) -> tuple[float, float]:
        """Shortest and longest wavelength that is covered, m."""
        low, high = float(self.wavelength[0]), float(self.wavelength[-1])
        return (0.995 * low, 1.005 * high) if low == high else (low, high)

    def covers(self, wavelength: float) -> bool:
        """Whether the data reach this wavelength (m)."""
        return self.span[0] <= wavelength <= self.span[1]

    def at(self, wavelength: float) -> float:
        """Cross section in m2 at a wavelength in m.

        Raises
        ------
        LightError
            Outside the data; nothing is extrapolated.
        """
        if not self.covers(wavelength):
            low, high = (edge * 1e9 for edge in self.span)
            raise LightError(
                f"absorption of {self.state}: no data at {wavelength * 1e9:g} nm; they cover {low:g} to {high:g} nm"
            )
        return float(np.interp(wavelength, self.wavelength, self.cross_section))


def absorption_of(absorptions: Iterable[Absorption], state: str, wavelength: float) -> Absorption:
    """The data that hold for a state at a wavelength; its own before those of all states.

    Raises
    ------
    LightError
        When there are none, with what exists; when two tables of the state overlap there.
    """
    tables = tuple(absorptions)
    for name in (state, "*"):
        found = [a for a in tables if a.state == name and a.covers(wavelength)]
        if len(found) > 1:
            raise LightError(f"absorption of {name}: {len(found)} tables cover {wavelength * 1e9:g} nm; keep one")
        if found:
            return found[0]
    there = [f"{a.state} {a.span[0] * 1e9:g}-{a.span[1] * 1e9:g} nm" for a in tables if a.state in (state, "*")]
    raise LightError(
        f"absorption of {state}: no cross section at {wavelength * 1e9:g} nm; there is {'; '.join(there) or 'none'}."
        " Give one (0 where it does not absorb)"
    )


@dataclass(frozen=True)
class LaserHeating:
    """A beam warms the crystal: dT = I A / G_th, I its irradiance.

    Attributes
    ----------
    area : float
        Absorbing area A times the absorbed share of the light, m2; ``crystal.thermal_conductance`` (W/K) is G_th.

    Raises
    ------
    LightError
        For an area that is not positive.
    """

    area: float

    def __post_init__(self) -> None:
        if not 0 < self.area < math.inf:
            raise LightError(f"laser heating: the absorbing area must be above 0 m2, found {self.area!r}")

    def rise(self, light: Iterable[LightSource], thermal_conductance: float) -> float:
        """Temperature rise in K under all beams.

        Examples
        --------
        >>> round(LaserHeating(1e-7).rise((LightSource(532e-9, 2.678e20),), 1e-5), 3)
        1.0
        """
        return sum(irradiance(source) for source in light) * self.area / thermal_conductance
