"""What a pressure medium can do: where it stays hydrostatic, where it freezes, and what that means for a reading.

Limits are those of room temperature. Beyond them a cell holds a pressure that differs from place to place and with
direction, lines broaden, and a gauge beside the sample may not read the pressure of the sample. Helium is solid above

    P = 1.6067e-3 GPa (T/K)^1.565,

12 GPa at 298 K and 0.2 GPa at 22 K: a gas cell of 2 kbar is frozen at 10 K.

References
----------
S. Klotz, J.-C. Chervin, P. Munsch, G. Le Marchand, J. Phys. D 42, 075413 (2009), doi 10.1088/0022-3727/42/7/075413;
R. J. Angel et al., J. Appl. Cryst. 40, 26 (2007), doi 10.1107/S0021889806045523 (limits). F. Datchi, P. Loubeyre,
R. LeToullec, Phys. Rev. B 61, 6535 (2000), doi 10.1103/PhysRevB.61.6535 (melting of helium).
"""

from __future__ import annotations

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
    """

    name: str
    hydrostatic: float
    freezes: float | None = None


_ROWS = (
    Medium("helium", 23e9),
    Medium("neon", 15e9, 24.6),
    Medium("argon", 1.9e9, 83.8),
    Medium("nitrogen", 3.0e9, 63.2),
    Medium("methanol_ethanol", 9.8e9),
    Medium("isopropanol", 4.2e9),
    Medium("glycerol", 1.4e9),
    Medium("daphne_7373", 2.2e9),
    Medium("fluorinert", 1.0e9),
    Medium("silicone_oil", 0.9e9),
)
MEDIA: MappingProxyType[str, Medium] = MappingProxyType({one.name: one for one in _ROWS})
"""Every medium by its name."""


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
    return float((pressure / 1e9 / 1.6067e-3) ** (1.0 / 1.565))


def medium_warnings(medium: str, pressure: float, temperature: float = 298.15) -> tuple[str, ...]:
    """Warnings about a reading in a medium.

    Parameters
    ----------
    medium : str
        Key of `MEDIA`.
    pressure : float
        Pa.
    temperature : float
        K.

    Returns
    -------
    tuple of str
        Empty where the medium is hydrostatic.

    Raises
    ------
    PressureScaleError
        For an unknown medium.

    Examples
    --------
    >>> medium_warnings("silicone_oil", 0.5e9)
    ()
    >>> len(medium_warnings("helium", 2e8, 10.0))
    2
    """
    if medium not in MEDIA:
        raise PressureScaleError(f"medium {medium!r} is unknown; there are: {', '.join(MEDIA)}")
    one = MEDIA[medium]
    found = []
    if pressure > one.hydrostatic:
        found.append(
            f"{medium}: {pressure / 1e9:.3g} GPa is beyond its hydrostatic limit of {one.hydrostatic / 1e9:g} GPa at"
            " room temperature; the pressure differs from place to place"
        )
    frozen = one.freezes or 0.0
    if medium == "helium" and pressure >= HELIUM_TRIPLE:
        frozen = helium_freezing_temperature(pressure)
    if temperature < frozen:
        found.append(
            f"{medium}: solid below {frozen:.3g} K, found {temperature:g} K; a gas line is blocked then, and the"
            " pressure follows the volume that froze"
        )
    if temperature < COLD:
        found.append(
            "a cell that was loaded warm loses pressure on cooling, and liquids freeze: measure the pressure at the"
            " temperature of the experiment"
        )
    return tuple(found)
