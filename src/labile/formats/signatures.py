"""What gives a file format away in its first bytes; standard library only, so that looking costs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labile.formats.text import TextError, decode

_QD_HEADER = re.compile(r"^\s*\[Header\][\s,;]*$", re.IGNORECASE | re.MULTILINE)
_QD_LINE = re.compile(r"^\s*(BYAPP|FILEOPENTIME|DATATYPE|STARTUPAXIS|FIELDGROUP|TITLE)\b", re.MULTILINE)
_QD_DATA = re.compile(r"^\s*\[Data\][\s,;]*$", re.IGNORECASE | re.MULTILINE)
_QD_TITLES = (
    "long moment", "dc moment fixed ctr", "dc moment free ctr", "m. std. err.", "m-dc", "m-std.dev.", "dc std. err.",
)  # fmt: skip
_RAW_VOLTAGES = ("raw voltage", "processed voltage", "long voltage", "long scaled response")
_DIGIT = re.compile(r"\d")
ZIP = b"PK\x03\x04"


def multivu_titles(titles: Sequence[str]) -> bool:
    """Whether column titles are those of a MultiVu log of moments.

    Examples
    --------
    >>> multivu_titles(["Time", "Field (Oe)", "Temperature (K)", "Long Moment (emu)"]), multivu_titles(["T (K)", "M"])
    (True, False)
    """
    names = {title.strip('" ').lower().partition(" (")[0] for title in titles}
    return "temperature" in names and bool(names & {"field", "magnetic field"}) and not names.isdisjoint(_QD_TITLES)


def raw_scan_titles(titles: Sequence[str]) -> bool:
    """Whether column titles are those of a raw file: SQUID voltages along the scan.

    Examples
    --------
    >>> raw_scan_titles(["Comment", "Time Stamp (sec)", "Raw Position (mm)", "Raw Voltage (V)"])
    True
    """
    return any(title.strip('" ').lower().startswith(_RAW_VOLTAGES) for title in titles)


def quantum_design_raw(head: bytes, name: str) -> str | None:
    """Raw scans of MPMS3 and MPMS-XL: ``[Header]`` first, voltages along the scan in the table."""
    try:
        text = decode(head, whole=False).replace("\r", "\n")
    except TextError as error:
        return str(error)
    if _QD_HEADER.match(text.lstrip()) is None:
        return "[Header] is not the first line"
    if not raw_scan_titles(_titles_after_data(text)):
        return "no column of SQUID voltages after [Data]"
    return None


def _titles_after_data(text: str) -> list[str]:
    found = _QD_DATA.search(text)
    line = "" if found is None else next((one for one in text[found.end() :].split("\n") if one.strip(" \t,;")), "")
    return re.split("[\t;,]", line)


def quantum_design(head: bytes, name: str) -> str | None:
    """Quantum Design MultiVu logs: ``[Header]`` first, then BYAPP, INFO, ... lines; or the table of one alone."""
    try:
        text = decode(head, whole=False).replace("\r", "\n")
    except TextError as error:
        return str(error)
    header = _QD_HEADER.search(text)
    if header is None:
        lines = [line for line in _QD_DATA.sub("", text, count=1).split("\n") if line.strip(" \t,;")][:1]
        if any(multivu_titles(line.split(mark)) for line in lines for mark in "\t;,"):
            return None
        return "no [Header] line, which every Quantum Design file starts with, and no column titles of one"
    if text[: header.start()].strip():
        return "[Header] is not the first line"
    if _QD_LINE.search(text) is None:
        return "a [Header] line but none of BYAPP, FILEOPENTIME, DATATYPE, TITLE after it"
    if raw_scan_titles(_titles_after_data(text)):
        return "raw scans (voltages along the scan), no moments"
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
