"""Numbers with units in the options of readers."""

from __future__ import annotations

import math
import re

from labile.core.units import UnitError, field_unit, scale_to_si, to_si
from labile.formats.registry import FormatError

_QUANTITY_TEXT = re.compile(r"^\s*(?P<number>[+\-−]?(?:\d+\.?\d*|\.\d+)(?:[eE][+\-]?\d+)?)\s*(?P<unit>.*?)\s*$")


def amount(name: str, option: str, value: float | str, unit: str, quantity: str, difference: bool = False) -> float:
    """An option given as a number in `unit` or as text with its own unit, in SI.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    option : str
    value : float or str
        ``80``, ``"80 K"``; text names its unit, except for temperatures and differences.
    unit : str
        Of a bare number.
    quantity : str
        Key of `core.units.QUANTITIES`.
    difference : bool
        Whether it is a difference or uncertainty, which has no offset and must be above 0.

    Raises
    ------
    FormatError
        For text that is no number with a unit, or has none.
    UnitError
        For a unit that is unknown or of the wrong dimension.

    Examples
    --------
    >>> amount("a.cif", "pressure", "1.2 kbar", "Pa", "pressure")
    120000000.0
    >>> round(amount("a.xdi", "temperature", "22 C", "K", "temperature"), 2)
    295.15
    """
    match = _QUANTITY_TEXT.match(str(value))
    if match is None:
        raise FormatError(f"{name}: option {option}={value!r} is no number with a unit, as in '80 K'")
    number, own = float(match["number"].replace("−", "-")), match["unit"] or unit
    if isinstance(value, str) and not match["unit"] and quantity != "temperature" and not difference:
        example = f"{match['number']} {field_unit(quantity) or unit}"
        raise FormatError(f"{name}: option {option}={value!r} has no unit; expected text as in {example!r}")
    if quantity == "temperature" and own == "C":
        # coulombs are no temperature, so nothing else can be meant
        own = "degC"
    try:
        result = number * scale_to_si(own, quantity) if difference else to_si(number, own, quantity)
    except UnitError as error:
        raise UnitError(f"{name}: option {option}={value!r}: {error}") from None
    if difference and not (result > 0 and math.isfinite(result)):
        raise FormatError(f"{name}: option {option}={value!r} must be above 0")
    return float(result)
