"""What gives electrometer logs away in their first bytes; standard library only."""

from __future__ import annotations

import re

from labile.formats.text import TextError, decode, split_lines

READING = re.compile(
    r"^\s*\"?(?:DELTA)?\s*[+-]?\d+(?:\.\d*)?(?:E[+-]?\d+)?\s*[NZOURL]?(?:ADC|VDC|OHM|COUL|A|V|C)\s*\"?\s*(?:,|$)",
    re.IGNORECASE,
)
"""A reading with its status letter and unit: ``+1.234E-12NADC,``."""
_STAMP = re.compile(r",\s*(?:DELTA)?[+-]?\d+(?:\.\d*)?(?:E[+-]?\d+)?\s*secs?\b", re.IGNORECASE)
_SCPI = re.compile(r"^\s*[+-]\d\.\d+E[+-]\d+A\s*,\s*[+-]\d\.\d+E[+-]\d+", re.IGNORECASE)
_MODEL = re.compile(r"\b(?:6517[AB]?|6514|6485|6487|6482|6430)\b")
_LABVIEW = re.compile(r"^\s*LabVIEW Measurement\b")
_READING_TITLE = re.compile(r"\breading\b", re.IGNORECASE)
_TIME_TITLE = re.compile(r"time|\bsecs?\b", re.IGNORECASE)
_CURRENT_TITLE = re.compile(r"current|\bi\b|reading", re.IGNORECASE)


def keithley(head: bytes, name: str) -> str | None:
    """Electrometer logs: readings with unit suffixes, buffer tables with a Reading column, LabVIEW files."""
    try:
        lines = [line for line in split_lines(decode(head, whole=False)) if line.strip()]
    except TextError as error:
        return str(error)
    if not lines:
        return "it has no lines"
    if _LABVIEW.match(lines[0]):
        return None
    if any((READING.match(line) and _STAMP.search(line)) or _SCPI.match(line) for line in lines[:40]):
        return None
    titles = [line for line in lines[:40] if re.search(r"[,;\t]", line) and _TIME_TITLE.search(line)]
    if any(_READING_TITLE.search(line) for line in titles):
        return None
    if _MODEL.search("\n".join(lines[:40])) and any(_CURRENT_TITLE.search(line) for line in titles):
        return None
    return "no reading with a unit and a time stamp (+1.234E-12NADC,+0000012.345secs) and no table of readings"
