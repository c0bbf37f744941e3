"""Numbers of JCAMP-DX data tables: AFFN, PAC, SQZ, DIF and DUP, with their check values.

The forms are those of R. S. McDonald and P. A. Wilks, Appl. Spectrosc. 42, 151 (1988), doi:10.1366/0003702884428734.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SQUEEZED = {"@": "0", **{c: str(n) for n, c in enumerate("ABCDEFGHI", 1)}}
_SQUEEZED |= {c: f"-{n}" for n, c in enumerate("abcdefghi", 1)}
_DIFFERENCE = {"%": "0", **{c: str(n) for n, c in enumerate("JKLMNOPQR", 1)}}
_DIFFERENCE |= {c: f"-{n}" for n, c in enumerate("jklmnopqr", 1)}
_DUPLICATE = {**{c: str(n) for n, c in enumerate("STUVWXYZ", 1)}, "s": "9"}
_TOKEN = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]\d{1,3}(?!\d))?)"
    r"|(?P<packed>[@A-Ia-i%J-Rj-rS-Zs]\d*(?:\.\d*)?)|(?P<blank>[\s,;]+)"
)
_PLAIN_LINE = re.compile(r"^(?:[\s,;]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?(?=[\s,;+-]|$))+[\s,;]*$")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_LONGEST = 10_000_000
"""More repetitions than this of one value are a damaged count."""


class TableError(ValueError):
    """A data table that cannot be decoded; the message begins with the line."""


@dataclass(frozen=True)
class Ordinates:
    """Ordinates of a table ``(X++(Y..Y))`` before the factors.

    Attributes
    ----------
    values : ndarray (M,)
    checkpoints : tuple of (int, int, float, int, bool)
        Line number, index of the ordinate the line starts at, its X as written, decimals of that, and whether the
        line repeats the last ordinate of the one before.
    wrong_checks : tuple of str
        One sentence for each Y check that failed.
    """

    values: np.ndarray
    checkpoints: tuple[tuple[int, int, float, int, bool], ...]
    wrong_checks: tuple[str, ...]


def pairs(lines: Sequence[tuple[int, str]]) -> np.ndarray:
    """Rows of ``(XY..XY)``: an array (M, 2).

    Raises
    ------
    TableError

    Examples
    --------
    >>> pairs([(1, "1.0, 2; 2.0, 3"), (2, "3 4")]).tolist()
    [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    """
    numbers: list[float] = []
    for number, line in lines:
        if not _PLAIN_LINE.match(line):
            raise TableError(f"line {number}: {line.strip()[:40]!r} is no row of x, y pairs")
        found = [float(word) for word in _PLAIN.findall(line)]
        if len(found) % 2:
            raise TableError(f"line {number}: an odd count of numbers ({len(found)}) among x, y pairs")
        numbers += found
    return np.array(numbers, dtype=float).reshape(-1, 2)


def ordinates(lines: Sequence[tuple[int, str]]) -> Ordinates:
    """Decode the lines of a table ``(X++(Y..Y))``.

    Parameters
    ----------
    lines : sequence of (int, str)
        Line numbers and lines, comments removed.

    Raises
    ------
    TableError
        For a character that belongs to no form, a missing ordinate (``?``), a difference or repetition without a
        value before it, a line with only an X (unless it is the check of the last line).

    Examples
    --------
    >>> ordinates([(1, "0A0JT"), (2, "2A2")]).values.tolist()
    [10.0, 11.0, 12.0]
    >>> ordinates([(1, "0A0JT"), (2, "2A3")]).wrong_checks
    ('line 2: the Y check is 13, the ordinate before is 12',)
    """
    if lines and all(_PLAIN_LINE.match(line) for _, line in lines):
        return _plain(lines)
    values: list[float] = []
    checkpoints: list[tuple[int, int, float, int, bool]] = []
    wrong: list[str] = []
    repeats = False
    for number, line in lines:
        tokens = _tokens(number, line)
        kind, text = tokens[0]
        if kind != "number":
            raise TableError(f"line {number}: it does not start with an X value but with {text[:10]!r}")
        start = len(values)
        repeated = repeats and start > 0
        checkpoints.append((number, start - repeated, float(text), _decimals(text), repeated))
        previous = values[-1] if repeated else 0.0
        repeats = _ordinates_of_line(number, tokens[1:], values)
        if len(values) == start:
            raise TableError(f"line {number}: an X value without ordinates")
        if repeated:
            found = values.pop(start)
            if found != previous:
                wrong.append(f"line {number}: the Y check is {found:g}, the ordinate before is {previous:g}")
    return Ordinates(np.array(values), tuple(checkpoints), tuple(wrong))


def _plain(lines: Sequence[tuple[int, str]]) -> Ordinates:
    """AFFN or PAC: X and signed or separated numbers."""
    values: list[float] = []
    checkpoints = []
    for number, line in lines:
        first, *others = _PLAIN.findall(line)
        if not others:
            raise TableError(f"line {number}: an X value without ordinates")
        checkpoints.append((number, len(values), float(first), _decimals(first), False))
        values += map(float, others)
    return Ordinates(np.array(values), tuple(checkpoints), ())


def _tokens(number: int, line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            if line[at] == "?":
                raise TableError(f"line {number}: a missing ordinate ('?'); remove the points without a value")
            raise TableError(f"line {number}: {line[at]!r} at column {at + 1} belongs to no number form of JCAMP-DX")
        if match.lastgroup != "blank":
            found.append((str(match.lastgroup), match[0]))
        at = match.end()
    return found


def _ordinates_of_line(number: int, tokens: Sequence[tuple[str, str]], values: list[float]) -> bool:
    """Append the ordinates of a line; True when the last one was a difference, so that the next line repeats it."""
    before = len(values)
    last: tuple[str, float] | None = None
    for kind, text in tokens:
        letter, digits = text[0], text[1:]
        if kind == "number" or letter in _SQUEEZED:
            value = float(text if kind == "number" else _SQUEEZED[letter] + digits)
            values.append(value)
            last = ("value", value)
            continue
        if last is None or len(values) == before:
            raise TableError(f"line {number}: {text[:10]!r} stands before any ordinate of its line")
        if letter in _DIFFERENCE:
            step = float(_DIFFERENCE[letter] + digits)
            values.append(values[-1] + step)
            last = ("difference", step)
            continue
        count = _count(number, text)
        same, step = last
        if same == "value":
            values += [values[-1]] * (count - 1)
        else:
            start = values[-1]
            values += [start + step * n for n in range(1, count)]
    return last is not None and last[0] == "difference"


def _count(number: int, text: str) -> int:
    try:
        count = int(_DUPLICATE[text[0]] + text[1:])
    except ValueError:
        raise TableError(f"line {number}: {text[:12]!r} is no whole count of repetitions") from None
    if count > _LONGEST:
        raise TableError(f"line {number}: {count} repetitions of one value are damage, not data")
    return count


def _decimals(text: str) -> int:
    """Power of ten of the last digit, counted down."""
    mantissa, _, power = text.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(power or 0)
