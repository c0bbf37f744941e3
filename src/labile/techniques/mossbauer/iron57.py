"""The 14.4 keV transition of iron-57: constants, units of velocity, and positions of the lines of alpha-iron.

Velocities are m/s inside labile and mm/s at the edge. Isomer shifts are relative to alpha-iron at room temperature.
"""

from __future__ import annotations

import math

from labile.core.constants import AVOGADRO, ELEMENTARY_CHARGE, PLANCK, SPEED_OF_LIGHT

MM_S = 1e-3
"""1 mm/s in m/s."""
PHOTON_ENERGY = 14.4125e3 * ELEMENTARY_CHARGE
"""J."""
ATOMIC_MASS = 56.935e-3 / AVOGADRO
"""Mass of one atom of iron-57, kg."""
RECOIL_ENERGY = PHOTON_ENERGY**2 / (2.0 * ATOMIC_MASS * SPEED_OF_LIGHT**2)
"""Energy of a free nucleus after emission, J (1.958 meV)."""
NATURAL_WIDTH = 0.097e-3
"""FWHM of the transition, m/s; source and thin absorber together show twice that, 0.194 mm/s."""
ANGULAR_FREQUENCY = 2.0 * math.pi * PHOTON_ENERGY / SPEED_OF_LIGHT / PLANCK
"""Angular frequency of a velocity: rad/s per m/s (2 pi 11.6245 MHz per mm/s). A rate in 1/s over it is m/s."""
CROSS_SECTION = 2.56e-22
"""sigma_0 at resonance, m2."""
ABUNDANCE = 0.0212
"""Natural abundance of iron-57."""

ALPHA_IRON_FIELD = 33.0
"""Hyperfine field of alpha-iron at room temperature, T: it defines the scale of fields here."""
ALPHA_IRON_LINES = (-5.3123e-3, -3.0760e-3, -0.8397e-3, 0.8397e-3, 3.0760e-3, 5.3123e-3)
"""Positions of the six lines of alpha-iron at room temperature, m/s; their centre is the zero of isomer shifts."""
EXCITED_SPLITTING = (ALPHA_IRON_LINES[5] - ALPHA_IRON_LINES[4]) / ALPHA_IRON_FIELD
"""Distance of neighbouring Zeeman levels of the excited state (I = 3/2), m/s per T."""
GROUND_SPLITTING = (ALPHA_IRON_LINES[4] + ALPHA_IRON_LINES[3]) / ALPHA_IRON_FIELD
"""Distance of the two Zeeman levels of the ground state (I = 1/2), m/s per T."""

REFERENCE = "alpha-Fe"
"""Name of the zero of isomer shifts."""
REFERENCE_TEXT = "α-Fe at room temperature"
REFERENCES = {
    "alpha-fe": 0.0,
    "alpha-iron": 0.0,
    "α-fe": 0.0,
    "iron": 0.0,
    "fe": 0.0,
    "sodium nitroprusside": -0.257e-3,
    "snp": -0.257e-3,
}
"""Isomer shift of reference materials relative to alpha-iron at room temperature, m/s, by lower-case name. That of
sodium nitroprusside is the value usually quoted (-0.26 mm/s); give your own where a thousandth of a mm/s counts."""


class MossbauerError(ValueError):
    """A spectrum, calibration or component that cannot be what it is said to be."""


def zero_of(reference: str) -> float:
    """Isomer shift (m/s) of a reference material relative to alpha-iron at room temperature.

    Raises
    ------
    MossbauerError
        For a material that is not known here.

    Examples
    --------
    >>> zero_of("alpha-Fe"), round(zero_of("SNP") / MM_S, 3)
    (0.0, -0.257)
    """
    try:
        return REFERENCES[reference.strip().lower()]
    except KeyError:
        known = "alpha-Fe, sodium nitroprusside"
        raise MossbauerError(
            f"isomer shift reference {reference!r} is not known here ({known}); convert to alpha-Fe with offset= its"
            " isomer shift relative to alpha-Fe"
        ) from None
