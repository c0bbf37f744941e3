"""Text of instrument files: encodings, line ends, and telling text from binary."""

from __future__ import annotations

import codecs
import re

_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x1A), *range(0x1B, 0x20), 0x7F])
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
