"""Pressure from the cell of a marker crystal measured together with the sample, at room temperature.

    marker   form               V0              K0/GPa    K0'      K0''/GPa-1  source
    gold     Vinet              67.850 A^3      167       6.00                 Fei et al. 2007
    platinum Vinet              60.38 A^3       277       5.08                 Fei et al. 2007
    copper   Vinet              7.113 cm3/mol   133.41    5.37                 Dorogokupets, Oganov 2007
    halite   Birch-Murnaghan 4  27.013 cm3/mol  23.70     4.91     -0.267      Decker 1971 as in Matsui et al. 2012
    quartz   Birch-Murnaghan 3  112.981(2) A^3  37.12(9)  5.99(4)              Angel et al. 1997

Only V/V0 counts; a cell measured at ambient conditions on the same diffractometer is the better V0, because errors of
the wavelength and of the sample's position cancel then. Other temperatures need the marker's own P-V-T surface.

References
----------
Y. Fei et al., Proc. Natl. Acad. Sci. 104, 9182 (2007), doi 10.1073/pnas.0609013104. P. I. Dorogokupets, A. R. Oganov,
Phys. Rev. B 75, 024115 (2007), doi 10.1103/PhysRevB.75.024115. D. L. Decker, J. Appl. Phys. 42, 3239 (1971), doi
10.1063/1.1660714; M. Matsui et al., Am. Mineral. 97, 1670 (2012), doi 10.2138/am.2012.4136. R. J. Angel et al., J.
Appl. Cryst. 30, 461 (1997), doi 10.1107/S0021889897000861.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from labile.core.constants import AVOGADRO
from labile.models.volumes import EquationOfState
from labile.techniques.pressure_scale.scales import GaugePressure, PressureScaleError

ROOM = (288.0, 308.0)
"""K: where the isotherms hold."""


@dataclass(frozen=True)
class Marker:
    """A crystal whose compression is known.

    Attributes
    ----------
    name, title : str
    form : str
        Key of `models.volumes.FORMS`.
    cell_volume : float
        V0 of the unit cell, m3.
    constants, sigma : tuple of float
        K0 (Pa), K0' and, where the form has it, K0'' (1/Pa), with the s.u. that the source states (0: none).
    limit : float
        Pa, highest pressure (or that of a transition).
    doi : str
    """

    name: str
    title: str
    form: str
    cell_volume: float
    constants: tuple[float, ...]
    sigma: tuple[float, ...]
    limit: float
    doi: str


_A3 = 1e-30
_FEI, _DO, _DECKER, _ANGEL = (
    "10.1073/pnas.0609013104",
    "10.1103/PhysRevB.75.024115",
    "10.1063/1.1660714",
    "10.1107/S0021889897000861",
)
_ROWS = (
    Marker("gold", "Au", "vinet", 67.850 * _A3, (167e9, 6.0), (0.0, 0.0), 130e9, _FEI),
    Marker("platinum", "Pt", "vinet", 60.38 * _A3, (277e9, 5.08), (0.0, 0.0), 140e9, _FEI),
    Marker("copper", "Cu", "vinet", 4 * 7.113e-6 / AVOGADRO, (133.41e9, 5.37), (0.0, 0.0), 150e9, _DO),
    Marker(
        "halite", "NaCl (B1)", "birch_murnaghan_4", 4 * 27.013e-6 / AVOGADRO, (23.7e9, 4.91, -0.267e-9),
        (0.0, 0.0, 0.0), 28e9, _DECKER,
    ),
    Marker("quartz", "SiO2", "birch_murnaghan_3", 112.981 * _A3, (37.12e9, 5.99), (0.09e9, 0.04), 8.9e9, _ANGEL),
)  # fmt: skip
MARKERS: MappingProxyType[str, Marker] = MappingProxyType({one.name: one for one in _ROWS})
"""Every marker by its name."""


def pressure_from_marker(
    volume: Any,
    sigma: Any = 0.0,
    *,
    marker: str,
    reference: float | None = None,
    sigma_reference: float = 0.0,
    temperature: float = 298.15,
) -> GaugePressure:
    """Pressure from the cell volume of a marker.

    Parameters
    ----------
    volume, sigma : array_like
        Of the unit cell, m3.
    marker : str
        Key of `MARKERS`.
    reference, sigma_reference : float
        Cell volume at ambient conditions measured with the same set-up, m3; by default the published V0.
    temperature : float
        K.

    Returns
    -------
    GaugePressure
        Above ambient; `slope` is dP/dV (Pa/m3).

    Raises
    ------
    PressureScaleError
        For an unknown marker, volumes that are no cell of it, or a temperature away from room.

    Examples
    --------
    >>> round(float(pressure_from_marker(112.981e-30 * 0.95, marker="quartz").pressure) / 1e9, 4)
    2.2193
    """
    if marker not in MARKERS:
        raise PressureScaleError(f"marker {marker!r} is unknown; there are: {', '.join(MARKERS)}")
    if not ROOM[0] <= temperature <= ROOM[1]:
        raise PressureScaleError(
            f"{marker}: the isotherm holds at room temperature ({ROOM[0]:g}-{ROOM[1]:g} K), found {temperature:g} K"
        )
    one = MARKERS[marker]
    zero = one.cell_volume if reference is None else float(reference)
    if not 0.95 < zero / one.cell_volume < 1.05:
        raise PressureScaleError(
            f"{marker}: the reference volume {zero / _A3:.4g} A^3 is not near the published"
            f" {one.cell_volume / _A3:.4g} A^3 of its conventional cell"
        )
    v = np.asarray(volume, dtype=float)
    ratio = v / zero
    if not np.all(np.isfinite(ratio) & (ratio > 0.5) & (ratio < 1.05)):
        raise PressureScaleError(
            f"{marker}: volumes must be those of the conventional cell in m3, about {zero / _A3:.4g}e-30, found"
            f" {np.asarray(v).flat[0]:g}"
        )
    point = EquationOfState(one.form, zero, *one.constants).at_volume(v)
    slope = -point.bulk_modulus / v
    variance = (slope * np.asarray(sigma, dtype=float)) ** 2 + (point.d_pressure["volume"] * sigma_reference) ** 2
    for column, error in zip(list(point.d_pressure.values())[1:], one.sigma, strict=True):
        variance = variance + (column * error) ** 2
    notes = []
    if np.any(point.pressure > one.limit):
        notes.append(f"{one.title} was calibrated to {one.limit / 1e9:g} GPa; pressures above it are extrapolated")
    if reference is None:
        notes.append("V0 was taken from the literature: an error of the wavelength of the beam goes into the pressure")
    return GaugePressure(point.pressure, np.sqrt(variance), slope, marker, tuple(notes))
