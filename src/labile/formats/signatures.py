"""What gives a file format away in its first bytes; standard library only, so that looking costs nothing."""

from __future__ import annotations

import re

from labile.formats.text import TextError, decode

_QD_HEADER = re.compile(r"^\s*\[Header\]\s*$", re.IGNORECASE | re.MULTILINE)
_QD_LINE = re.compile(r"^\s*(BYAPP|FILEOPENTIME|DATATYPE|STARTUPAXIS|FIELDGROUP|TITLE)\b", re.MULTILINE)
_DIGIT = re.compile(r"\d")
ZIP = b"PK\x03\x04"


def quantum_design(head: bytes, name: str) -> str | None:
    """Quantum Design MultiVu logs: a ``[Header]`` line first, then BYAPP, INFO, ... lines."""
    try:
        text = decode(head, whole=False).replace("\r", "\n")
    except TextError as error:
        return str(error)
    header = _QD_HEADER.search(text)
    if header is None:
        return "no [Header] line, which every Quantum Design file starts with"
    if text[: header.start()].strip():
        return "[Header] is not the first line"
    if _QD_LINE.search(text) is None:
        return "a [Header] line but none of BYAPP, FILEOPENTIME, DATATYPE, TITLE after it"
    return None


def tables(head: bytes, name: str) -> str | None:
    """Any text table of numbers, or an .xlsx workbook."""
    if head.startswith(ZIP):
        # the names of a zip's parts stand in clear text; workbooks keep theirs below xl/
        return None if b"xl/" in head or b"[Content_Types].xml" in head else "a zip archive, but no .xlsx workbook"
    try:
        text = decode(head, whole=False).replace("\r", "\n")
    except TextError as error:
        return str(error)
    if _QD_HEADER.match(text):
        return "starts with [Header] (an instrument log)"
    if _DIGIT.search(text) is None:
        return "there is no number in it"
    return None
