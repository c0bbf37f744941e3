"""Whether a probe sees exchanging states apart or averaged.

Two lines a distance dnu apart (angular frequency 2 pi c dnu) whose states exchange with the rate k each way merge at

    k_c = 2 pi c dnu / (2 sqrt 2),

71 cm-1 at 4.73e12 s-1. Well below they are two bands with areas by population; well above one band at the mean.

References
----------
H. S. Gutowsky, C. H. Holm, J. Chem. Phys. 25 (1956) 1228, doi:10.1063/1.1743184.
"""

from __future__ import annotations

import math

from labile.core.constants import SPEED_OF_LIGHT
from labile.techniques.vibrational.spectral_map import CM, VibrationalError

APART = 10.0
"""Factor from the coalescence rate at which a band counts as resolved (below) or averaged (above)."""


def coalescence_rate(separation: float) -> float:
    """Rate (s-1, each way) at which two narrow bands of equal strength merge.

    Parameters
    ----------
    separation : float
        Of the bands, 1/m.

    Raises
    ------
    VibrationalError

    Examples
    --------
    >>> f"{coalescence_rate(71e2):.3g}"
    '4.73e+12'
    """
    if not 0 < separation < math.inf:
        raise VibrationalError(f"separation of two bands must be above 0, found {separation!r} 1/m")
    return 2.0 * math.pi * SPEED_OF_LIGHT * separation / (2.0 * math.sqrt(2.0))


def exchange_regime(rate: float, separation: float) -> str:
    """Return ``"resolved"``, ``"coalescing"`` or ``"averaged"``: what bands do at an exchange rate (s-1).

    Resolved bands have areas by population (`BandArea`, `BandRatio`); averaged ones a position by population; between
    a tenth and ten times the coalescence rate neither holds and the line shape itself must be computed.

    Examples
    --------
    >>> exchange_regime(1e8, 71e2), exchange_regime(4e12, 71e2), exchange_regime(1e14, 71e2)
    ('resolved', 'coalescing', 'averaged')
    """
    if not 0 <= rate < math.inf:
        raise VibrationalError(f"exchange rate must not be negative, found {rate!r} s-1")
    ratio = rate / coalescence_rate(separation)
    if ratio < 1.0 / APART:
        return "resolved"
    return "averaged" if ratio > APART else "coalescing"


def require_resolved(rate: float, separation: float, what: str = "two bands") -> None:
    """Refuse populations from band areas where exchange does not leave the bands apart.

    Raises
    ------
    VibrationalError
    """
    regime = exchange_regime(rate, separation)
    if regime != "resolved":
        raise VibrationalError(
            f"{what}: {separation / CM:g} cm-1 apart they are {regime} at an exchange rate of {rate:.3g} s-1"
            f" (coalescence at {coalescence_rate(separation):.3g}); their areas are no populations"
        )


def rate_limit(separation: float, *, resolved: bool) -> tuple[float, int]:
    """Statement about the exchange rate that seeing (or not seeing) two bands makes.

    Returns
    -------
    rate : float
        s-1.
    limit : int
        -1: slower than `rate` (two bands are seen); +1: faster (one band at the mean).

    Examples
    --------
    >>> rate, limit = rate_limit(71e2, resolved=True)
    >>> f"{rate:.3g}", limit
    ('4.73e+12', -1)
    """
    return coalescence_rate(separation), -1 if resolved else 1
