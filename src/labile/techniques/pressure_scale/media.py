"""What a pressure medium can do: where it stays hydrostatic, where it freezes, and what that means for a reading.

Hydrostatic limits are those of room temperature. Beyond them a cell holds a pressure that differs from place to place
and with direction, lines broaden, and a gauge beside the sample may not read the pressure of the sample. Gases melt at

    P = a T^c - b,

helium at 12 GPa at 298 K and at 0.2 GPa at 22 K: a gas cell of 2 kbar is frozen at 10 K. At 298 K neon freezes at 4.7,
nitrogen at 2.4 and argon at 1.3 GPa. Their solids are soft, so that hydrostatic limits lie above freezing pressures.

References
----------
S. Klotz, J.-C. Chervin, P. Munsch, G. Le Marchand, J. Phys. D 42, 075413 (2009), doi 10.1088/0022-3727/42/7/075413;
R. J. Angel et al., J. Appl. Cryst. 40, 26 (2007), doi 10.1107/S0021889806045523 (limits). F. Datchi, P. Loubeyre,
R. LeToullec, Phys. Rev. B 61, 6535 (2000), doi 10.1103/PhysRevB.61.6535 (melting of helium and argon). R. Span et al.,
J. Phys. Chem. Ref. Data 29, 1361 (2000), doi 10.1063/1.1349047 (nitrogen). Neon: a curve through its triple point and
the highest point of W. L. Vos, J. A. Schouten, D. A. Young, M. Ross, J. Chem. Phys. 94, 3835 (1991), 5.45 GPa at 328 K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

from labile.techniques.pressure_scale.scales import PressureScaleError

COLD = 273.0
"""K: a cell that was loaded at room temperature and is read below this was cooled."""
HELIUM_TRIPLE = 2.5e6
"""Pa: below it helium stays liquid to the lowest temperatures."""


@dataclass(frozen=True)
class Medium:
    """A pressure medium.

    Attributes
    ----------
    name : str
    hydrostatic : float
        Pa, at room temperature: beyond it pressure gradients were measured.
    freezes : float or None
        K, freezing point of a gas at ambient pressure (under pressure it is higher); None for liquids, which freeze or
        become a glass somewhere on cooling, and for helium.
    melting : tuple of float or None
        a (GPa/K^c), c and b (GPa) of the melting curve of a gas.
    """

    name: str
    hydrostatic: float
    freezes: float | None = None
    melting: tuple[float, float, float] | None = None


_ROWS = (
    Medium("helium", 23e9, melting=(1.6067e-3, 1.565, 0.0)),
    Medium("neon", 15e9, 24.6, (1.1836e-3, 1.46, 0.1267)),
    Medium("argon", 1.9e9, 83.8, (2.172e-4, 1.556, 0.21)),
    Medium("nitrogen", 3.0e9, 63.2, (9.613e-5, 1.78963, 0.16026)),
    Medium("methanol_ethanol", 9.8e9),
    Medium("isopropanol", 4.2e9),
    Medium("glycerol", 1.4e9),
    Medium("daphne_7373", 2.2e9),
    Medium("fluorinert", 1.0e9),
    Medium("silicone_oil", 0.9e9),
)
MEDIA: MappingProxyType[str, Medium] = MappingProxyType({one.name: one for one in _ROWS})
"""Every medium by its name."""


def freezing_temperature(medium: str, pressure: float) -> float:
    """Temperature below which a gas is solid at a pressure, K.

    Parameters
    ----------
    medium : str
        ``"helium"``, ``"neon"``, ``"argon"`` or ``"nitrogen"``.
    pressure : float
        Pa.

    Returns
    -------
    float
        0 for helium below 2.5 MPa, where it stays liquid.

    Raises
    ------
    PressureScaleError
        For a negative pressure, or a medium whose melting curve is not known here.

    Examples
    --------
    >>> round(freezing_temperature("nitrogen", 2.41e9))
    298
    """
    one, (a, c, b) = _gas(medium)
    if not (pressure >= 0 and math.isfinite(pressure)):
        raise PressureScaleError(f"{medium}: the pressure must be finite and >= 0 Pa, found {pressure:g} Pa")
    if medium == "helium" and pressure < HELIUM_TRIPLE:
        return 0.0
    return max(one.freezes or 0.0, float(((pressure / 1e9 + b) / a) ** (1.0 / c)))


def freezing_pressure(medium: str, temperature: float) -> float:
    """Pressure above which a gas is solid at a temperature, Pa.

    Parameters
    ----------
    medium : str
        ``"helium"``, ``"neon"``, ``"argon"`` or ``"nitrogen"``.
    temperature : float
        K.

    Returns
    -------
    float
        0 where it is solid without pressure; 2.5 MPa for helium at the lowest temperatures.

    Raises
    ------
    PressureScaleError
        For a temperature that is not above 0 K, or a medium whose melting curve is not known here.

    Examples
    --------
    >>> round(freezing_pressure("neon", 298.15) / 1e9, 1)
    4.7
    """
    _, (a, c, b) = _gas(medium)
    if not (temperature > 0 and math.isfinite(temperature)):
        raise PressureScaleError(f"{medium}: the temperature must be finite and > 0 K, found {temperature:g} K")
    return max(HELIUM_TRIPLE if medium == "helium" else 0.0, float(1e9 * (a * temperature**c - b)))


def _gas(medium: str) -> tuple[Medium, tuple[float, float, float]]:
    one = _medium(medium)
    if one.melting is None:
        gases = ", ".join(name for name, other in MEDIA.items() if other.melting is not None)
        raise PressureScaleError(f"{medium}: its melting curve is not known here; those of {gases} are")
    return one, one.melting


def _medium(medium: str) -> Medium:
    if medium not in MEDIA:
        raise PressureScaleError(f"medium {medium!r} is unknown; there are: {', '.join(MEDIA)}")
    return MEDIA[medium]


def helium_freezing_temperature(pressure: float) -> float:
    """Temperature below which helium is solid at a pressure, K.

    Parameters
    ----------
    pressure : float
        Pa, above 2.5 MPa.

    Raises
    ------
    PressureScaleError
        Below 2.5 MPa, where helium does not freeze.

    Examples
    --------
    >>> round(helium_freezing_temperature(2e8), 1)
    21.8
    """
    if not pressure >= HELIUM_TRIPLE:
        raise PressureScaleError(f"helium: below 25 bar it does not freeze, found {pressure:g} Pa")
    return freezing_temperature("helium", pressure)


def medium_warnings(medium: str, pressure: float, temperature: float = 298.15) -> tuple[str, ...]:
    """Warnings about a reading in a medium.

    Parameters
    ----------
    medium : str
        Key of `MEDIA`.
    pressure : float
        Pa, >= 0.
    temperature : float
        K.

    Returns
    -------
    tuple of str
        Empty where the medium is fluid, and below the hydrostatic limit.

    Raises
    ------
    PressureScaleError
        For an unknown medium, a negative pressure, or a temperature that is not above 0 K.

    Examples
    --------
    >>> medium_warnings("silicone_oil", 0.5e9)
    ()
    >>> len(medium_warnings("helium", 2e8, 10.0))
    2
    >>> medium_warnings("neon", 6e9)[0].partition(";")[0]
    'neon: frozen, it is solid above 4.72 GPa at 298.15 K and the pressure is 6 GPa'
    """
    one = _medium(medium)
    if not (pressure >= 0 and math.isfinite(pressure)):
        raise PressureScaleError(f"{medium}: the pressure must be finite and >= 0 Pa, found {pressure:g} Pa")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise PressureScaleError(f"{medium}: the temperature must be finite and > 0 K, found {temperature:g} K")
    found = []
    if pressure > one.hydrostatic:
        found.append(
            f"{medium}: {pressure / 1e9:.3g} GPa is beyond its hydrostatic limit of {one.hydrostatic / 1e9:g} GPa at"
            " room temperature; the pressure differs from place to place"
        )
    frozen = freezing_temperature(medium, pressure) if one.melting is not None else 0.0
    if temperature < frozen and temperature < COLD:
        found.append(
            f"{medium}: solid below {frozen:.3g} K at {pressure / 1e9:.3g} GPa, found {temperature:g} K; a gas line is"
            " blocked then, and the pressure follows the volume that froze"
        )
    elif temperature < frozen:
        found.append(
            f"{medium}: frozen, it is solid above {freezing_pressure(medium, temperature) / 1e9:.3g} GPa at"
            f" {temperature:g} K and the pressure is {pressure / 1e9:.3g} GPa; the solid is soft and gradients were"
            f" measured above {one.hydrostatic / 1e9:g} GPa only, but look at the widths of the lines"
        )
    if temperature < COLD:
        found.append(
            "a cell that was loaded warm loses pressure on cooling, and liquids freeze: measure the pressure at the"
            " temperature of the experiment"
        )
    return tuple(found)
