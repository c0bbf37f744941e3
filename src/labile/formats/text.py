"""Text of instrument files: encodings, line ends, and telling text from binary."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x1A), *range(0x1B, 0x20), 0x7F])
_NUMBERS = re.compile(r"[-+\d.,;\seEdD]+")
_COMMA_NUMBER = re.compile(r"[-+]?\d+(?:,\d+)?(?:[eEdD][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextError(ValueError):
    """Bytes that are no text."""


def decode(data: bytes, *, whole: bool = True) -> str:
    """Bytes as text: UTF-16 with a mark, UTF-8 with or without one, else Windows-1252 or Latin-1.

    Parameters
    ----------
    data : bytes
    whole : bool
        False when `data` is only the beginning of a file, so that a character cut in two at its end is no error.

    Raises
    ------
    TextError
        If the bytes are binary data.

    Examples
    --------
    >>> decode("T (°C)".encode("cp1252"))
    'T (°C)'
    """
    if data.startswith(_UTF16):
        decoder = codecs.getincrementaldecoder("utf-16")()
        try:
            text = decoder.decode(data, final=whole)
        except UnicodeDecodeError:
            raise TextError("it has a UTF-16 mark but is not UTF-16 text") from None
    else:
        try:
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=whole)
        except UnicodeDecodeError:
            try:
                text = data.decode("cp1252")
            except UnicodeDecodeError:
                text = data.decode("latin-1")
    # control characters do not occur in text; a stray ^Z at the end of a DOS file is not counted
    plain = text.encode() if data.startswith(_UTF16) else data
    control = len(plain) - len(plain.translate(None, _CONTROL))
    if "\x00" in text or control > max(1, len(text) // 1000):
        raise TextError("it is binary data, not text")
    return text


def split_lines(text: str) -> list[str]:
    r"""Lines at CR, LF or CRLF only; the other separators of `str.splitlines` are part of a line.

    Examples
    --------
    >>> split_lines("a\rb\r\nc\n")
    ['a', 'b', 'c']
    """
    lines = _LINE_END.split(text)
    if lines and lines[-1].strip("\x1a") == "":
        lines.pop()
    return lines


def decimal_commas(lines: Sequence[str]) -> str:
    """Whether the commas in rows of numbers are decimal: then tabs, semicolons or blanks stand between the numbers.

    Parameters
    ----------
    lines : sequence of str
        Of a file; comment lines and those with words do not count.

    Returns
    -------
    {"", "decimal", "unclear"}
        Empty where commas stand between numbers, or there are none; ``"unclear"`` where each of them could also
        separate thousands.

    Examples
    --------
    >>> decimal_commas(["Energy;mu", "6950,5;0,0028", "6951;0,003"]), decimal_commas(["1,200", "2,210"])
    ('decimal', '')
    >>> decimal_commas(["7,112 1,234", "7,113 1,240"])
    'unclear'
    """
    rows = [re.split(r"[\s;]+", line.strip(" \t;\x1a")) for line in lines if _is_row(line)]
    if not rows or len(rows[0]) < 2 or not all(_COMMA_NUMBER.fullmatch(word) for row in rows[:-1] for word in row):
        return ""
    # the last row may be cut short
    with_comma = [word for row in rows for word in row if "," in word]
    if not with_comma:
        return ""
    return "unclear" if all(_THOUSANDS.fullmatch(word) for word in with_comma) else "decimal"


def points_for_commas(lines: Sequence[str]) -> list[str]:
    """Lines with decimal points in the rows of numbers, see `decimal_commas`.

    Examples
    --------
    >>> points_for_commas(["# a, b", "1,5;2,5"])
    ['# a, b', '1.5;2.5']
    """
    return [line.replace(",", ".") if _is_row(line) else line for line in lines]


def _is_row(line: str) -> bool:
    return _NUMBERS.fullmatch(line.strip("\x1a")) is not None and any(c.isdigit() for c in line)
