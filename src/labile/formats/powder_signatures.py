"""What gives powder patterns away in their first bytes; standard library only."""

from __future__ import annotations

import re

from labile.formats.text import TextError, decode, split_lines

SUFFIXES = (".xy", ".xye", ".chi", ".dat", ".txt", ".csv")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
ANGLE = re.compile(r"2\s*[-_]?\s*(?:theta|θ|th\b)|two[\s_-]*theta|tth\b|2θ", re.IGNORECASE)
VECTOR = re.compile(r"(?:^|[\s#(,;])q\s*[\[(/]|scattering\s+vector|q\s*\(?\s*(?:nm|å|a|1/)", re.IGNORECASE)
SPACING = re.compile(r"d[\s-]*spacing", re.IGNORECASE)
FEWEST_ROWS = 20


def cells(line: str) -> list[str]:
    """Words of a row; commas and semicolons separate."""
    return [word for word in re.split(r"[\s,;]+", line.strip()) if word]


def is_row(line: str) -> bool:
    """Whether a line holds two or three numbers only."""
    words = cells(line)
    return len(words) in (2, 3) and all(NUMBER.fullmatch(word) for word in words)


def axis_named(text: str) -> str:
    """Axis that a header names: ``"two_theta"``, ``"scattering_vector"``, ``"d_spacing"``, or empty."""
    if ANGLE.search(text):
        return "two_theta"
    if SPACING.search(text):
        return "d_spacing"
    return "scattering_vector" if VECTOR.search(text) else ""


def powder_pattern(head: bytes, name: str) -> str | None:
    """Columns under a header that names 2theta, Q or d; without a header only by the suffix .xy, .xye or .chi."""
    try:
        lines = split_lines(decode(head, whole=False))
    except TextError as error:
        return str(error)
    if len(head) >= 16384:
        lines = lines[:-1]  # the last one may be cut
    first = next((n for n, line in enumerate(lines) if is_row(line)), len(lines))
    rows = [line for line in lines[first:] if line.strip()]
    if len(rows) < FEWEST_ROWS or not all(is_row(line) for line in rows):
        return f"not {FEWEST_ROWS} rows of two or three numbers under its header"
    if axis_named(" ".join(lines[:first])):
        return None
    if name.lower().endswith((".xy", ".xye", ".chi")) and first <= 4:
        return None
    return "no header names 2theta, Q or d, and the suffix is not .xy, .xye or .chi"
