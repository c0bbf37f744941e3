"""Numbers with standard uncertainties as crystallographers write them: ``1.987(4)``, ``<0.3``."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

_UNSIGNED = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_EXPONENT = r"(?:[eE]|\s*[x×·*]\s*10\s*(?:\^|\*\*))(?P<{}>[+-]?[0-9]{{1,4}})"
_NUMBER = re.compile(
    rf"""\s*(?P<limit><=?|>=?|[≤≥])?\s*
    (?:
      (?P<value>[+-]?\s?{_UNSIGNED})(?:\((?P<su>[0-9]+(?:\.[0-9]+)?)\))?(?:{_EXPONENT.format("exponent")})?
      (?:\s*(?:±|\+/-|\+-)\s*(?P<sigma>{_UNSIGNED})(?:{_EXPONENT.format("sigma_exponent")})?)?
    | \(\s*(?P<mean>[+-]?{_UNSIGNED})\s*(?:±|\+/-|\+-)\s*(?P<spread>{_UNSIGNED})\s*\)
      (?:{_EXPONENT.format("shared")})?
    )\s*""",
    re.VERBOSE,
)
_SUPERSCRIPT_EXPONENT = re.compile(r"(?<=10)[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUPERSCRIPT = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


def parse_uncertain(text: str) -> tuple[float, float, int]:
    """Read a number in s.u. notation.

    Parameters
    ----------
    text : str
        ``"3.12(3)"``, ``"-1.5(12)e-4"``, ``"1.5(2)×10⁻⁴"``, ``"3.12 ± 0.03"``, ``"(3.1 ± 0.2)e3"``, ``"<0.3"``,
        ``">25"`` or a plain number.

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
    plain = text.replace("−", "-").replace("–", "-")
    plain = _SUPERSCRIPT_EXPONENT.sub(lambda found: "^" + found.group().translate(_SUPERSCRIPT), plain)
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise ValueError(f"{text!r} is not a number; expected for instance 3.12, 3.12(3), 3.12 ± 0.03 or <0.3")
    if match["su"] is not None and match["sigma"] is not None:
        raise ValueError(f"{text!r} gives its uncertainty twice")
    digits = (match["value"] or match["mean"]).replace(" ", "")
    exponent = int(match["exponent"] or match["shared"] or 0)
    sigma = math.nan
    if match["su"] is not None:
        decimals = 0 if "." in match["su"] else len(digits.partition(".")[2])
        sigma = float(f"{match['su']}e{exponent - decimals}")
    elif match["spread"] is not None:
        sigma = float(f"{match['spread']}e{exponent}")
    elif match["sigma"] is not None:
        if match["exponent"] and not match["sigma_exponent"]:
            raise ValueError(f"{text!r}: does the exponent belong to both numbers? write (3.1 ± 0.2)e3 or 3.1e3 ± 200")
        sigma = float(f"{match['sigma']}e{int(match['sigma_exponent'] or 0)}")
    value = float(f"{digits}e{exponent}")
    if math.isinf(value) or math.isinf(sigma):
        raise ValueError(f"{text!r} is too large a number")
    limit = {"": 0, "<": -1, "≤": -1, ">": 1, "≥": 1}[(match["limit"] or "")[:1]]
    return value, sigma, limit


def format_uncertain(value: float, sigma: float | None) -> str:
    """Write a value with its standard uncertainty in the last digits, two digits when they start with 1.

    Parameters
    ----------
    value : float
        ``"not determined"`` when it is not finite.
    sigma : float or None
        Standard uncertainty; six digits of the value are written where it is None, not finite or not positive.

    Examples
    --------
    >>> format_uncertain(3.1234, 0.031)
    '3.12(3)'
    >>> format_uncertain(147.79, 0.012)
    '147.790(12)'
    >>> format_uncertain(143.2, 25.0), format_uncertain(1.2345e-7, 2e-9)
    ('140(30)', '1.23(2)e-7')
    """
    if not math.isfinite(value):
        return "not determined"
    if sigma is None or not math.isfinite(sigma) or sigma <= 0:
        return f"{value + 0.0:.6g}"
    with localcontext() as context:
        # the widest pair of doubles spans 633 digits; none may be lost on the way
        context.prec = 700
        number, su = Decimal(repr(float(value))), Decimal(repr(float(sigma)))
        exponent = su.adjusted()
        starts_with_1 = su.scaleb(1 - exponent).to_integral_value(ROUND_HALF_UP) < 20
        last = exponent - 1 if starts_with_1 else exponent
        rounded = number.quantize(Decimal(1).scaleb(last), ROUND_HALF_UP)
        shown = int(su.scaleb(-last).to_integral_value(ROUND_HALF_UP))
        magnitude = max(number.adjusted() if number else exponent, exponent)
        if -8 <= last <= 3 and magnitude <= 8:
            text = f"{rounded:f}"
            if last > 0:
                shown *= 10**last
            return f"{text.lstrip('-') if not rounded else text}({shown})"
        mantissa = f"{rounded.scaleb(-magnitude):f}"
        return f"{mantissa.lstrip('-') if not rounded else mantissa}({shown})e{magnitude:+d}"
