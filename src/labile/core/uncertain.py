"""Numbers with standard uncertainties as crystallographers write them: ``1.987(4)``, ``<0.3``."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(
    r"""^\s*(?P<limit>[<>≤≥]=?)?\s*
    (?P<value>[+\-−]?(?:\d+\.?\d*|\.\d+))
    (?:\((?P<su>\d+(?:\.\d+)?)\))?
    (?P<exponent>[eE][+\-−]?\d+)?
    (?:\s*(?:±|\+/-|\+-)\s*(?P<plus_minus>(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?))?\s*$""",
    re.VERBOSE,
)


def parse_uncertain(text: str) -> tuple[float, float, int]:
    """Read a number in s.u. notation.

    Parameters
    ----------
    text : str
        ``"3.12(3)"``, ``"-1.5(12)e-4"``, ``"3.12 ± 0.03"``, ``"<0.3"``, ``">25"`` or a plain number.

    Returns
    -------
    value : float
    sigma : float
        Standard uncertainty; NaN when none is written.
    limit : int
        -1 for an upper limit (``<``), +1 for a lower limit (``>``), 0 for a value.

    Raises
    ------
    ValueError
        If the text is no such number.

    Examples
    --------
    >>> parse_uncertain("1.987(4)")
    (1.987, 0.004, 0)
    >>> parse_uncertain("<0.3")
    (0.3, nan, -1)
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number; expected for instance 3.12, 3.12(3), 3.12 ± 0.03 or <0.3")
    digits = match["value"].replace("−", "-")
    exponent = (match["exponent"] or "").replace("−", "-")
    value = float(digits + exponent)
    sigma = math.nan
    if match["su"] is not None and match["plus_minus"] is not None:
        raise ValueError(f"{text!r} gives its uncertainty twice")
    if match["su"] is not None:
        decimals = len(digits.partition(".")[2])
        scale = float("1" + exponent) if exponent else 1.0
        su = float(match["su"]) if "." in match["su"] else float(match["su"]) / 10**decimals
        sigma = float(f"{su * scale:.12g}")
    elif match["plus_minus"] is not None:
        sigma = float(match["plus_minus"])
    limit = {"": 0, "<": -1, "≤": -1, ">": 1, "≥": 1}[(match["limit"] or "")[:1]]
    return value, sigma, limit


def format_uncertain(value: float, sigma: float | None) -> str:
    """Write a value with its standard uncertainty in the last digits, two digits when they start with 1.

    Examples
    --------
    >>> format_uncertain(3.1234, 0.031)
    '3.12(3)'
    >>> format_uncertain(147.79, 0.012)
    '147.790(12)'
    """
    if not math.isfinite(value):
        return "not determined"
    if sigma is None or not math.isfinite(sigma) or sigma <= 0:
        return f"{value:.6g}"
    exponent = math.floor(math.log10(sigma))
    digits = 1 if round(sigma / 10.0 ** (exponent - 1)) < 20 else 0
    decimals = digits - exponent
    magnitude = math.floor(math.log10(abs(value))) if value else exponent
    power = max(magnitude, exponent)
    if power and (decimals > 8 or decimals < 0 or magnitude > 8):
        return f"{format_uncertain(value / 10.0**power, sigma / 10.0**power)}e{power:+d}"
    decimals = max(decimals, 0)
    return f"{value:.{decimals}f}({round(sigma * 10.0**decimals)})"
