"""Temperature, pressure and surroundings that a CIF block states, and what the user says against them."""

from __future__ import annotations

import math
import re

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.units import UnitError, scale_to_si, to_si
from labile.formats.amounts import amount
from labile.formats.cif_items import Items, NotANumber, number, text_of
from labile.formats.registry import FormatError

TEMPERATURES = ("_diffrn_ambient_temperature", "_cell_measurement_temperature")
PRESSURES = ("_diffrn_ambient_pressure", "_cell_measurement_pressure")
_WITH_UNIT = re.compile(r"(?P<number>.*?\d\)?)\s*(?P<unit>[A-Za-z°][A-Za-z°. ]*)")
_LIGHT = re.compile(
    r"irradiat\w*|photo-?(?:excited|induced|converted)|\blaser\b|\bLIESST\b|\billuminat\w*", re.IGNORECASE
)
_SQUEEZED = re.compile(r"diamond[- ]anvil|\bDAC\b|anvil cell|gas cell|pressure cell|high[- ]pressure", re.IGNORECASE)
SHELXL_DEFAULT = (293.0, 2.0)
LOWEST_LIKELY_PRESSURE = 5e4
"""Pa; a stated pressure between vacuum and this is more often a number in another unit than kPa."""


def read_conditions(
    file: str, items: Items, temperature: float | str | None, pressure: float | str | None
) -> tuple[Conditions | None, str, list[str], list[str]]:
    """Conditions of a block (None without a temperature), its surroundings in words, flags and steps.

    Parameters
    ----------
    file : str
    items : Items
    temperature, pressure : float or str or None
        Given by the user: they replace what the file says.

    Raises
    ------
    FormatError, UnitError
        For values given by the user that cannot be.
    """
    flags: list[str] = []
    steps: list[str] = []
    kelvin, sigma_t = _stated(items, TEMPERATURES, "temperature", "K", flags)
    if temperature is not None:
        own = amount(file, "temperature", temperature, "K", "temperature")
        if not 0 < own < 1e5:
            raise FormatError(f"{file}: option temperature={temperature!r} must be above 0 K")
        _replaced("temperature", kelvin, own, "K", 1.0, 1.0 + 3 * (sigma_t if sigma_t > 0 else 0.0), flags, steps)
        kelvin, sigma_t = own, math.nan
    elif (kelvin, sigma_t) == SHELXL_DEFAULT:
        steps.append("293(2) K is also what SHELXL writes when no temperature was entered")
    pascal, sigma_p = _stated(items, PRESSURES, "pressure", "kPa", flags)
    if pressure is not None:
        own = amount(file, "pressure", pressure, "Pa", "pressure")
        if not 0 <= own < 1e13:
            raise FormatError(f"{file}: option pressure={pressure!r} must not be negative")
        _replaced("pressure", pascal, own, "kPa", 1e3, 2e3 + 3 * (sigma_p if sigma_p > 0 else 0.0), flags, steps)
        pascal, sigma_p = own, math.nan
    environment = items.text("_diffrn_ambient_environment")
    special = " ".join((environment, items.text("_diffrn_special_details"), items.text("_exptl_special_details")))
    if math.isnan(pascal):
        if squeezed := _SQUEEZED.search(special):
            flags.append(f"no pressure is stated although the text speaks of {squeezed[0]!r}: give pressure=")
        pascal = AMBIENT_PRESSURE
        steps.append("no pressure is stated: ambient assumed")
    elif pressure is None and 0 < pascal < LOWEST_LIKELY_PRESSURE:
        flags.append(f"the pressure is {pascal * 1e-3:g} kPa as stated; give pressure= if another unit was meant")
    if light := _LIGHT.search(special):
        flags.append(f"the text speaks of light ({light[0]!r}), which a CIF has no item for: state it in the study")
    if math.isnan(kelvin):
        flags.append("no temperature is stated: the structure has no place in a series until temperature= is given")
        return None, environment, flags, steps
    conditions = Conditions(
        kelvin,
        pascal,
        sigma_temperature=sigma_t if sigma_t > 0 else None,
        sigma_pressure=sigma_p if sigma_p > 0 else None,
    )
    return conditions, environment, flags, steps


def _stated(items: Items, keys: tuple[str, ...], what: str, unit: str, flags: list[str]) -> tuple[float, float]:
    """Value and s.u., SI, of the first of two items that has one; a contradiction between them is flagged."""
    found: list[tuple[str, float, float]] = []
    for key in keys:
        _, raw = items.raw(key)
        if not raw:
            continue
        try:
            value, sigma = _with_unit(text_of(raw), what, unit)
        except (NotANumber, UnitError):
            flags.append(f"{items.tag(key)} {text_of(raw)!r} is no {what} in {unit}; not used")
            continue
        if math.isnan(sigma):
            own, beside = items.raw(f"{key}_su", f"{key}_esd")
            sigma = number(beside)[0] * scale_to_si(unit, what) if own else math.nan
        if not (value > 0 or (what == "pressure" and value == 0)) or value > 1e13:
            flags.append(f"{items.tag(key)} {text_of(raw)!r} cannot be; not used")
            continue
        found.append((key, value, sigma))
    if not found:
        return math.nan, math.nan
    if len(found) == 2:
        difference = abs(found[0][1] - found[1][1])
        slack = (1.0 if what == "temperature" else 0.02 * found[0][1]) + 3 * sum(s for *_, s in found if s > 0)
        if difference > slack:
            scale = scale_to_si(unit, what)
            first, second = (f"{items.tag(key)} {value / scale:g} {unit}" for key, value, _ in found)
            flags.append(f"two {what}s: {first} and {second}; the first is used")
    return found[0][1], found[0][2]


def _with_unit(text: str, what: str, unit: str) -> tuple[float, float]:
    own = unit
    match = _WITH_UNIT.fullmatch(text)
    if match is not None:
        text, own = match["number"], match["unit"].strip(" .")
        own = {"deg C": "degC", "C": "degC", "°C": "degC", "Kelvin": "K", "k": "K"}.get(own, own)
    value, sigma = number(text)
    if math.isnan(value):
        raise NotANumber(f"{text!r} is not a number")
    return float(to_si(value, own, what)), sigma * scale_to_si(own, what)


def _replaced(
    what: str, stated: float, given: float, unit: str, scale: float, slack: float, flags: list[str], steps: list[str]
) -> None:
    if math.isnan(stated):
        steps.append(f"{what} {given / scale:g} {unit} was given as an option")
    elif abs(stated - given) > slack:
        flags.append(f"{what}: {given / scale:g} {unit} was given, the file says {stated / scale:g} {unit}")
    else:
        steps.append(f"{what} {given / scale:g} {unit} was given as an option; the file agrees")
