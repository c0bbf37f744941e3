"""Numbers with units as manifests and the command line write them: ``"10.1(1) mg"``, ``"90 K"``, ``"<0.3 K"``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from labile.core.uncertain import parse_uncertain
from labile.core.units import QUANTITIES, UnitError, field_unit, scale_to_si, to_si

_SPLIT = re.compile(
    r"""^\s*(?P<number>(?:[<>≤≥]=?)?\s*[+\-−]?(?:\d+\.?\d*|\.\d+)(?:\(\d+(?:\.\d+)?\))?(?:[eE][+\-−]?\d+)?
    (?:\s*(?:±|\+/-|\+-)\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?)?)\s*(?P<unit>.*?)\s*$""",
    re.VERBOSE,
)


class QuantityError(ValueError):
    """Text that should be a number with a unit and is not."""


@dataclass(frozen=True)
class Quantified:
    """A number in SI.

    Attributes
    ----------
    value, sigma : float
        SI; sigma NaN when none was written.
    limit : int
        -1 for "<", +1 for ">", else 0.
    """

    value: float
    sigma: float
    limit: int = 0


def example(quantity: str) -> str:
    """Text to show in an error, e.g. ``"1 mg"``."""
    unit = field_unit(quantity)
    return f'"1 {unit}"' if unit and unit != "1" else "1"


def read_quantity(text: Any, quantity: str, unit: str | None = None) -> Quantified:
    """Read a number with its unit.

    Parameters
    ----------
    text : str or float
        A bare number is accepted only when `unit` is given or the quantity has no dimension.
    quantity : str
        Key of `core.units.QUANTITIES`.
    unit : str, optional
        Unit of a bare number.

    Returns
    -------
    Quantified

    Raises
    ------
    QuantityError
        If it is no number, or its unit is missing.
    UnitError
        If the unit is unknown or of the wrong dimension.

    Examples
    --------
    >>> read_quantity("10.1(1) mg", "mass")
    Quantified(value=1.01e-05, sigma=1e-07, limit=0)
    """
    shown = repr(text)
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise QuantityError(f"expected a number with its unit such as {example(quantity)}, found {shown}")
    if isinstance(text, (int, float)):
        number, own = repr(float(text)), ""
        if not math.isfinite(text):
            raise QuantityError(f"expected a finite number, found {shown}")
    else:
        match = _SPLIT.match(text)
        if match is None:
            raise QuantityError(f"{shown} is not a number with a unit; write for instance {example(quantity)}")
        number, own = match["number"], match["unit"]
        if own[:1] == ",":
            raise QuantityError(f"{shown}: write a decimal point instead of the comma")
        if own and unit and own != unit and not _is_unit(own, quantity):
            raise QuantityError(f"{shown} is not a number; its unit is already given as {unit!r}")
    if own and unit and own != unit:
        raise QuantityError(f"{shown} has a unit of its own although unit = {unit!r} is given; write it once")
    used = own or unit or ""
    if not used:
        si = QUANTITIES[quantity].si if quantity in QUANTITIES else "1"
        if si != "1":
            raise QuantityError(f"{shown} has no unit; {quantity} is usually given in {field_unit(quantity)}")
        used = "1"
    value, sigma, limit = parse_uncertain(number.replace("< ", "<").replace("> ", ">"))
    try:
        return Quantified(
            float(_tidy(to_si(value, used, quantity))), float(_tidy(sigma * scale_to_si(used, quantity))), limit
        )
    except UnitError as error:
        raise UnitError(f"{shown}: {error}") from None


def read_stated(value: float, unit: str | None, quantity: str) -> float:
    """Number of a table with `value` and `unit`, SI.

    Raises
    ------
    QuantityError
        If a unit is needed and missing.

    Examples
    --------
    >>> read_stated(15.0, "kJ/mol", "enthalpy")
    15000.0
    """
    if unit is None and quantity in QUANTITIES and QUANTITIES[quantity].si != "1":
        raise QuantityError(f'the unit is missing; write for instance unit = "{field_unit(quantity)}"')
    return read_quantity(value, quantity, unit or "1").value


def read_temperature(text: Any, unit: str = "K") -> float:
    """Temperature in K; a bare number is in `unit`.

    Raises
    ------
    QuantityError
        At or below 0 K.

    Examples
    --------
    >>> read_temperature(90), read_temperature("-73.15 degC")
    (90.0, 200.0)
    """
    bare = isinstance(text, (int, float)) and not isinstance(text, bool)
    value = read_quantity(text, "temperature", unit if bare else None).value
    if not value > 0:
        raise QuantityError(f"temperature {text!r} is {value:g} K; temperatures must be above 0 K")
    return value


def _is_unit(text: str, quantity: str) -> bool:
    try:
        scale_to_si(text, quantity)
    except UnitError:
        return False
    return True


def _tidy(value: float) -> float:
    """Remove the last digit's dust of a unit conversion, so that 10.1 mg is 1.01e-5 kg and nothing else."""
    return float(f"{value:.15g}") if math.isfinite(value) else value
