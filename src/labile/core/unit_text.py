"""Unit text in the spellings people use, taken apart into a number and powers of unit symbols; knows no unit."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


class UnitError(ValueError):
    """A unit is missing, unknown, or of the wrong dimension for its quantity."""


@dataclass(frozen=True)
class UnitText:
    """A product of a number and powers of unit symbols.

    Attributes
    ----------
    factor : float
        The number in front: 1e-3 for ``"10^-3 emu/mol"``.
    powers : mapping of str to Fraction
        Symbol to exponent in order of appearance; read from left to right, so that ``a/b c`` is (a/b) c.
    below : mapping of str to Fraction or None
        The same with everything after the slash below it, ``a/(b c)``, where the text leaves that open: it has
        one slash and several symbols after it that no ``*`` or parenthesis joins.
    """

    factor: float
    powers: Mapping[str, Fraction]
    below: Mapping[str, Fraction] | None = None


_LONGEST = 120
_LARGEST_POWER = 24
_SUPERSCRIPTS = "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUPERSCRIPT = str.maketrans(_SUPERSCRIPTS, "+-0123456789")
_AS_SUPERSCRIPT = str.maketrans("-0123456789/", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᐟ")
_SUPERSCRIPT_RUN = re.compile(rf"[{_SUPERSCRIPTS}]+")
_WORDS = (
    (re.compile(r"(?i)\bdeg(?:rees?)?[.\s]*c(?:elsius)?\b|°\s*c(?:elsius)?\b"), "degC"),
    (re.compile(r"\bf\.\s?u\.|(?i:\bformula units?\b)"), " formula_unit"),
    (re.compile(r"(?i)\bper\b"), "/"),
    (re.compile(r"(?<=[0-9])\s*[x×]\s*(?=10)"), "*"),
    (re.compile(r"^\s*[x×]\s*(?=[0-9])"), ""),
    (re.compile(r"[\[{]"), "("),
    (re.compile(r"[\]}]"), ")"),
    (re.compile(r"[−‐‑‒–﹣－]"), "-"),
    (re.compile(r"×"), "*"),
    (re.compile(r"[⋅∙•]"), "·"),
)
_EXPONENT = r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{{1,3}})?)
    | (?P<symbol>[%‰]|[A-Za-zμ°ÅΩ_]+)
    | (?:\^|\*\*)\s*(?:\(\s*(?P<bracketed>{_EXPONENT}(?:/[0-9]{{1,9}})?)\s*\)|(?P<power>{_EXPONENT}))
    | (?P<mark>[*/()·-]|\.(?![0-9]))
    )""",
    re.VERBOSE,
)
_ATTACHED = re.compile(r"[+-]?[0-9]{1,9}|\s+-\s*[0-9]{1,9}|\s*-\s+[0-9]{1,9}")
_ATTACHED_TO_TEN = re.compile(r"-[0-9]{1,3}")


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kinds and texts; exponents that carry no caret (``cm-2``, ``mol -1``) are found here."""
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnitError(f"unit {text!r}: cannot read it from {text[position:].strip()[:20]!r} on")
        position = match.end()
        kind = str(match.lastgroup)
        if kind in ("bracketed", "power"):
            kind = "power"
        tokens.append((kind, str(match[match.lastgroup or 0])))
        closes = kind == "symbol" or match["mark"] == ")"
        attached = _ATTACHED.match(text, position) if closes else None
        # an exponent of ten loses its caret when it is copied from a page: 10-3
        if kind == "number" and tokens[-1][1] == "10":
            attached = _ATTACHED_TO_TEN.match(text, position)
        if attached is not None:
            tokens.append(("power", attached.group().replace(" ", "")))
            position = attached.end()
    return tokens


class _Product:
    """A number and powers of symbols under construction."""

    def __init__(self) -> None:
        self.factor = 1.0
        self.powers: dict[str, Fraction] = {}

    def times(self, other: _Product, power: Fraction) -> None:
        if not abs(power) <= _LARGEST_POWER:
            raise UnitError(f"exponents above {_LARGEST_POWER} are refused")
        try:
            self.factor *= other.factor ** float(power)
        except OverflowError:
            self.factor = math.inf
        for symbol, exponent in other.powers.items():
            self.powers[symbol] = self.powers.get(symbol, Fraction(0)) + exponent * power
            if abs(self.powers[symbol]) > _LARGEST_POWER:
                raise UnitError(f"exponents above {_LARGEST_POWER} are refused")


def _number(token: str, followed_by_power: bool) -> float:
    value = float(token)
    if followed_by_power and value != 10:
        raise UnitError(f"only 10 may carry an exponent, found {token}")
    if re.fullmatch(r"10[1-9][0-9]?", token):
        raise UnitError(f"{token} looks like a power of ten that lost its caret; write 10^{token[2:]}")
    if not (value > 0 and math.isfinite(value)):
        raise UnitError(f"the number {token} cannot be part of a unit")
    return value


def _group(tokens: list[tuple[str, str]], position: int, nested: bool) -> tuple[_Product, _Product | None, int]:
    """Read up to the closing parenthesis or the end: the product, its other reading, and where it stopped."""
    strict, below = _Product(), _Product()
    sign, slashes, open_after_slash = 1, 0, 0
    expects, explicit = True, True
    while position < len(tokens):
        kind, token = tokens[position]
        if token == ")" and kind == "mark":
            break
        if kind == "power":
            raise UnitError(f"the exponent {token} has nothing before it")
        if kind == "mark" and token != "(":
            if token == "/":
                if expects and position and tokens[position - 1] != ("mark", "("):
                    raise UnitError("two operators follow each other")
                sign, slashes = -1, slashes + 1
            elif expects:
                raise UnitError(f"nothing stands before {token!r}")
            expects, explicit = True, token in "*/"
            position += 1
            continue
        item = _Product()
        if kind == "mark":
            item, _, position = _group(tokens, position + 1, nested=True)
        else:
            power_next = position + 1 < len(tokens) and tokens[position + 1][0] == "power"
            if kind == "number" and not (expects and explicit):
                raise UnitError(f"the number {token} stands where an exponent or a unit should; write cm^3 or cm3")
            if kind == "number":
                item.factor = _number(token, power_next)
            else:
                item.powers[token] = Fraction(1)
            position += 1
        power = Fraction(1)
        if position < len(tokens) and tokens[position][0] == "power":
            try:
                power = Fraction(tokens[position][1])
            except ZeroDivisionError:
                raise UnitError(f"the exponent {tokens[position][1]} divides by zero") from None
            position += 1
        strict.times(item, sign * power)
        below.times(item, -power if slashes else power)
        if slashes and sign == 1:
            open_after_slash += 1 if not (expects and explicit) else 2 * _LONGEST
        sign, expects, explicit = 1, False, False
    if expects:
        raise UnitError("it ends with an operator" if tokens else "it is empty")
    if nested:
        if position == len(tokens):
            raise UnitError("a parenthesis is not closed")
        return strict, None, position + 1
    ambiguous = slashes == 1 and 0 < open_after_slash < _LONGEST
    return strict, below if ambiguous else None, position


def read_unit(text: str) -> UnitText:
    """Take unit text apart.

    Parameters
    ----------
    text : str
        ``"nC cm-2 K-1"``, ``"cm³·K/mol"``, ``"10^-3 emu/(mol Oe)"``, ``"meV per molecule"``.

    Returns
    -------
    UnitText

    Raises
    ------
    UnitError
        If it is no product of powers of names.

    Examples
    --------
    >>> {name: int(power) for name, power in read_unit("nC cm-2 K-1").powers.items()}
    {'nC': 1, 'cm': -2, 'K': -1}
    >>> read_unit("10^-3 emu/mol").factor
    0.001
    """
    if len(text) > _LONGEST:
        raise UnitError(f"unit {text[:20]!r}...: {len(text)} characters are too many for a unit")
    # before the normalisation, which makes plain digits of superscripts
    plain = _SUPERSCRIPT_RUN.sub(lambda found: "^" + found.group().translate(_SUPERSCRIPT), text)
    plain = unicodedata.normalize("NFKC", plain)
    for pattern, replacement in _WORDS:
        plain = pattern.sub(replacement, plain)
    try:
        tokens = _tokens(plain)
        strict, below, position = _group(tokens, 0, nested=False)
        if position < len(tokens):
            raise UnitError("a parenthesis is closed that was never opened")
    except UnitError as error:
        reason = str(error)
        raise UnitError(reason if reason.startswith("unit ") else f"unit {text!r}: {reason}") from None
    if not (strict.factor > 0 and math.isfinite(strict.factor)):
        raise UnitError(f"unit {text!r}: its number is not finite and positive")
    kept = {symbol: power for symbol, power in strict.powers.items() if power}
    other = None if below is None else {symbol: power for symbol, power in below.powers.items() if power}
    return UnitText(strict.factor, kept, other if below is not None and below.factor == strict.factor else None)


def superscript(power: Fraction) -> str:
    """An exponent as figures write it; nothing for 1.

    Examples
    --------
    >>> superscript(Fraction(-2))
    '⁻²'
    """
    return "" if power == 1 else str(power).translate(_AS_SUPERSCRIPT)


def pretty_number(factor: float) -> str:
    """A unit's leading number as figures write it; nothing for 1.

    Examples
    --------
    >>> pretty_number(1e-3), pretty_number(100.0), pretty_number(2.5e-7)
    ('10⁻³', '100', '2.5×10⁻⁷')
    """
    if factor == 1.0:
        return ""
    if (0.01 <= factor < 1000 and not math.isclose(math.log10(factor) % 1, 0.0)) or factor in (10.0, 100.0):
        return f"{factor:g}"
    mantissa, _, exponent = f"{factor:.9e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + superscript(Fraction(int(exponent)))
    return power if mantissa == "1" else f"{mantissa}×{power}"
