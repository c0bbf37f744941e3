"""Items of a CIF data block: one name for each of their spellings, numbers with their s.u. wherever it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from labile.formats.registry import FormatError

if TYPE_CHECKING:
    import gemmi

_PLAIN = re.compile(r"[0-9.,+-]*")
_FIXED = re.compile(r"(?:[+-]?(?:[0-9]{0,7}+\.[0-9]{1,8}+(?:\([0-9]{1,4}+\))?|[0-9]{1,7}+),)++")
_UNSTATED = 99999
_POWERS = 10.0 ** np.arange(9)
_SINGLE = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?(?P<after>\d*)|\.(?P<only>\d+)))"
    r"\s*(?:\((?P<su>\d+(?:\.\d+)?)\)|\(\s*\))?(?:[eEdD](?P<exponent>[+-]?\d{1,3}))?"
    r"\s*(?:(?:±|\+/-|\+-)\s*(?P<sigma>\d+\.?\d*|\.\d+))?"
)
_FRACTION = re.compile(r"([+-]?\d+)/([1-9]\d*)")
_TYPE = re.compile(r"([A-Za-z]{1,2})\s*(?:(\d{0,2})([+-])|([+-])(\d{1,2})|0[+-]?)?")
_WATER = re.compile(r"(?:wat|ow|w)(?:[^a-z]|[IVX]+$|$)", re.IGNORECASE)
_LEADING = re.compile(r"[A-Za-z]{1,2}")
_MARK = re.compile(r"[?.;'\"]")
MISSING = ("?", ".")
EMPTY = (*MISSING, "")


class NotANumber(ValueError):
    """Text where a number is expected."""


def text_of(raw: str) -> str:
    """Value of an item without its quotes; empty for ``?`` and ``.``."""
    if raw in EMPTY:
        return ""
    mark = raw[:1]
    if mark == ";":
        return raw[1:].rstrip().removesuffix(";").strip()
    if mark in "'\"" and len(raw) > 1 and raw.endswith(mark):
        return raw[1:-1].strip()
    return raw


def texts_of(raws: Sequence[str]) -> list[str]:
    """Values of a column without their quotes, as `text_of` gives them one by one.

    Examples
    --------
    >>> texts_of(["Fe1", "?", "'C 1'"])
    ['Fe1', '', 'C 1']
    """
    return [text_of(raw) for raw in raws] if _MARK.search(" ".join(raws)) else list(raws)


def number(raw: str) -> tuple[float, float]:
    """A number and its standard uncertainty; NaN for what is not stated.

    Accepted: ``1.987(4)``, ``1.987 (4)``, ``1.98(4)E-1``, ``293.0(1.5)``, ``1.987 +/- 0.004``, ``1/4``, quotes, ``?``,
    ``.``.

    Raises
    ------
    NotANumber

    Examples
    --------
    >>> number("-0.0012(11)"), number("'1.987 (4)'"), number("1/4")[0]
    ((-0.0012, 0.0011), (1.987, 0.004), 0.25)
    """
    text = text_of(raw).replace("\u2212", "-").strip()
    if not text:
        return math.nan, math.nan
    match = _SINGLE.fullmatch(text)
    if match is None:
        fraction = _FRACTION.fullmatch(text)
        if fraction is None:
            raise NotANumber(f"{text!r} is not a number")
        return int(fraction[1]) / int(fraction[2]), math.nan
    exponent = int(match["exponent"] or 0)
    value, sigma = float(f"{match['number']}e{exponent}"), math.nan
    if match["su"] is not None and match["sigma"] is not None:
        raise NotANumber(f"{text!r} gives its s.u. twice")
    if match["su"] is not None:
        decimals = 0 if "." in match["su"] else len(match["after"] or match["only"] or "")
        sigma = float(f"{match['su']}e{exponent - decimals}")
    elif match["sigma"] is not None:
        sigma = float(match["sigma"])
    if not (math.isfinite(value) and not math.isinf(sigma)):
        raise NotANumber(f"{text!r} is too large a number")
    return value, sigma


def numbers(raws: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and standard uncertainties of a column; NaN for what is not stated.

    Raises
    ------
    NotANumber
        With the text that is none.

    Examples
    --------
    >>> [column.tolist() for column in numbers(["0.5", "0.1234(12)"])]
    [[0.5, 0.1234], [nan, 0.0012]]
    """
    line = ",".join(raws) + ","
    # plain numbers take a short way; anything else, and what is wrong, the careful one
    if "(" in line:
        if _FIXED.fullmatch(line) and line.count(",") == len(raws):
            return _fixed_point(raws, line)
    elif _PLAIN.fullmatch(line):
        try:
            return np.array(list(map(float, raws))), np.full(len(raws), math.nan)
        except ValueError:
            pass
    pairs = np.array([number(raw) for raw in raws]).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _fixed_point(raws: Sequence[str], line: str) -> tuple[np.ndarray, np.ndarray]:
    """Columns like ``0.1234(12)``, which are whole numbers of their last digit; few enough digits to be exact."""
    if line.count("(") < len(raws):
        full = [raw if raw[-1] == ")" else f"{raw}{'' if '.' in raw else '.'}({_UNSTATED})" for raw in raws]
        line = ",".join(full) + ","
    text = line[:-2].replace(".", "").replace("),", " ").replace("(", " ")
    whole = np.fromstring(text, dtype=np.int64, sep=" ").reshape(-1, 2)
    signs = np.frombuffer(line.encode(), dtype=np.uint8)
    unit = _POWERS[np.flatnonzero(signs == ord("(")) - np.flatnonzero(signs == ord(".")) - 1]
    return whole[:, 0] / unit, np.where(whole[:, 1] == _UNSTATED, math.nan, whole[:, 1] / unit)


@lru_cache(maxsize=4096)
def element_and_charge(text: str) -> tuple[str, int | None]:
    """Chemical symbol and stated charge of a type symbol; an empty symbol when it names no element.

    Examples
    --------
    >>> element_and_charge("Fe3+"), element_and_charge("O2-"), element_and_charge("FE"), element_and_charge("Cval")
    (('Fe', 3), ('O', -2), ('Fe', None), ('', None))
    """
    match = _TYPE.fullmatch(text)
    if match is None or not is_element(match[1]):
        return "", None
    symbol = match[1].capitalize()
    if match[3]:
        return symbol, int(match[3] + (match[2] or "1"))
    if match[4]:
        return symbol, int(match[4] + match[5])
    return symbol, None


@lru_cache(maxsize=1024)
def is_element(text: str) -> bool:
    """Whether a text is a chemical symbol in any case; D and T are."""
    import gemmi

    return text.upper() != "X" and gemmi.Element(text).name.upper() == text.upper()


@lru_cache(maxsize=4096)
def element_of_label(label: str, known: frozenset[str]) -> str:
    """Chemical symbol that an atom label starts with; empty when none does. Water of mineralogists (``Wat``) is O.

    Parameters
    ----------
    label : str
        ``"Fe1"``, ``"CA2"``, ``"OW"``.
    known : frozenset of str
        Elements of the formula, which decide between ``C`` and ``Ca``; empty when there is no formula.

    Examples
    --------
    >>> element_of_label("CA2", frozenset({"C", "H"})), element_of_label("Fe1", frozenset())
    ('C', 'Fe')
    >>> element_of_label("Wat3", frozenset({"Ca", "O", "H"}))
    'O'
    """
    letters = _LEADING.match(label)
    if letters is None:
        return ""
    # a letter pair written Xx is one element, XX may be an element and a letter: CA is carbon A
    pair, single = letters[0].capitalize(), letters[0][0].upper()
    candidates = [one for one in dict.fromkeys((pair, single)) if is_element(one)]
    listed = [one for one in candidates if one in known]
    if listed:
        return listed[0]
    if single == "D" and "H" in known:
        return "D"
    if _WATER.match(label) and "W" not in known:
        return "O"
    proper = [one for one in candidates if len(one) == 1 or letters[0][1].islower()]
    if known:
        # an element that the formula forgot must be written as one
        return next((one for one in proper if len(one) == 2), "")
    return proper[0] if proper else ""


def elements_of_formula(formula: str) -> frozenset[str]:
    """Chemical symbols in a formula.

    Examples
    --------
    >>> sorted(elements_of_formula("C38 H74 Co F18 Fe N8 O4 P3"))
    ['C', 'Co', 'F', 'Fe', 'H', 'N', 'O', 'P']
    """
    return frozenset(one for one in re.findall(r"[A-Z][a-z]?", formula) if is_element(one))


class Items:
    """Items of one data block under one spelling: lower case, ``_`` for the dot of a category.

    So ``_atom_site_fract_x`` and ``_atom_site.fract_x`` are one name.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    block : gemmi.cif.Block

    Raises
    ------
    FormatError
        When an item is given twice with different values and it is asked for.
    """

    def __init__(self, file: str, block: gemmi.cif.Block, name: str) -> None:
        self.name = name
        self.where = f"{file}, block {name!r}"
        self._tags: dict[str, str] = {}
        self._pairs: dict[str, str] = {}
        self._columns: dict[str, tuple[gemmi.cif.Loop, int]] = {}
        self._contradictory: set[str] = set()
        for item in block:
            # gemmi's stub says object
            pair: tuple[str, str] | None = item.pair  # type: ignore[assignment]
            if pair is not None:
                key = pair[0].lower().replace(".", "_")
                self._tags.setdefault(key, pair[0])
                before = self._pairs.get(key, "?")
                if before in EMPTY:
                    self._pairs[key] = pair[1]
                elif pair[1] not in EMPTY and pair[1] != before:
                    self._contradictory.add(key)
            elif (loop := item.loop) is not None:
                for column, tag in enumerate(loop.tags):
                    key = tag.lower().replace(".", "_")
                    if key in self._columns:
                        self._contradictory.add(key)
                    self._tags.setdefault(key, tag)
                    self._columns.setdefault(key, (loop, column))
        self._values: dict[int, list[str]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._pairs or key in self._columns

    def tag(self, key: str) -> str:
        """The name as the file spells it."""
        return self._tags.get(key, key)

    def _once(self, key: str) -> None:
        if key in self._contradictory:
            raise FormatError(f"{self.where}: {self.tag(key)} is given twice; keep one of them")

    def raw(self, *keys: str) -> tuple[str, str]:
        """First of several spellings that has a value: its key and raw text; both empty when none has."""
        for key in keys:
            raw = self._pairs.get(key, "?")
            if key in self._columns:
                column = self.column(key)
                raw = column[0] if column and len(column) == 1 else "?"
            if raw not in EMPTY:
                self._once(key)
                return key, raw
        return "", ""

    def text(self, *keys: str) -> str:
        """First of several spellings that has a value, without quotes and with single blanks."""
        return " ".join(text_of(self.raw(*keys)[1]).split())

    def number(self, *keys: str) -> tuple[float, float]:
        """Number and s.u. of the first spelling that has a value; NaN when none has.

        The s.u. may stand in brackets, or in an item of its own whose name ends in ``_su`` or ``_esd``.

        Raises
        ------
        FormatError
            For text that is no number.
        """
        key, raw = self.raw(*keys)
        if not key:
            return math.nan, math.nan
        try:
            if _FRACTION.fullmatch(text_of(raw)):
                raise NotANumber(f"{text_of(raw)!r} is not a number")
            value, sigma = number(raw)
            if math.isnan(sigma):
                own, beside = self.raw(f"{key}_su", f"{key}_esd")
                sigma = number(beside)[0] if own else sigma
        except NotANumber as error:
            raise FormatError(f"{self.where}: {self.tag(key)}: {error}") from None
        return value, sigma

    def column(self, key: str) -> list[str] | None:
        """Raw values of a looped item, one value for an item outside a loop, None when it is absent."""
        if key in self._columns:
            self._once(key)
            loop, place = self._columns[key]
            values = self._values.get(id(loop))
            if values is None:
                values = self._values[id(loop)] = list(loop.values)
            return values[place :: len(loop.tags)]
        if key in self._pairs:
            self._once(key)
            return [self._pairs[key]]
        return None

    def first_column(self, *keys: str) -> list[str] | None:
        """Raw values of the first of several spellings that the block has."""
        return next((found for key in keys if (found := self.column(key)) is not None), None)

    def same_loop(self, first: str, second: str) -> bool:
        """Whether two items stand in one loop, so that their rows belong together."""
        if first in self._columns and second in self._columns:
            return self._columns[first][0] is self._columns[second][0]
        return first in self._pairs and second in self._pairs

    def starting(self, *prefixes: str) -> bool:
        """Whether an item whose name starts so has a place in the block."""
        return any(key.startswith(prefixes) for key in self._tags)
