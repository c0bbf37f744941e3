"""What gives files of infrared and Raman spectra away in their first bytes; standard library only."""

from __future__ import annotations

import math
import re
import struct
from itertools import pairwise

from labile.formats.text import TextError, decode, split_lines

WIRE = re.compile(r"^(?:\s*#(?:X|Y|Z|Time)\s+)*\s*#Wave\s+#Intensity", re.MULTILINE)
LABSPEC = re.compile(r"^#(?:Acq\. time \(s\)|Exposition|AxisType\[\d\])=", re.MULTILINE)
_TITLE = re.compile(r"^\s*##\s*TITLE\s*=", re.IGNORECASE)
_VERSION = re.compile(r"^\s*##\s*JCAMP[\s\-_/]*DX\s*=", re.IGNORECASE | re.MULTILINE)
_AXIS_NAMED = re.compile(r"wave\s?number|raman\s+shift|cm\s?(?:\^?\s?-1|⁻¹)|1\s?/\s?cm", re.IGNORECASE)
_VALUES_NAMED = re.compile(r"absorbance|transmittance|reflectance|intensity|counts|%\s?[TR]\b|\babs\b", re.IGNORECASE)
_OPTICAL = re.compile(r"absorbance|transmittance|reflectance|raman|intensity|%\s?[TR]\b", re.IGNORECASE)
"""What no table of another technique has; counts may be of anything."""
WITH_UNIT = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?)\s*(K|°C|degC|C|kbar|GPa|MPa|bar|s|min)\s*$")
"""A condition as the title of a spectrum in a matrix."""
_CONDITION = re.compile(r"^\s*(?:t|temp\.?|temperature|p|pressure)\b", re.IGNORECASE)
_WAVELENGTH = re.compile(r"^\W*(?:wave\s?length|lambda|λ)\b", re.IGNORECASE)
_SETTING = re.compile(r"^#[^=\t]+=")
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")
_BETWEEN = re.compile(r"[\s;]+|,(?=\s)")
_OPUS = b"\n\n\xfe\xfe"
_FEWEST_ROWS = 5
_LARGEST_WAVENUMBER = 60000.0
"""1/cm; beyond the ultraviolet."""
_FEWEST_ACROSS = 10
"""Points of an axis that lies in a row."""


def _is_row(line: str) -> bool:
    """Whether a line holds numbers only, two or more; commas may be decimal or stand between them."""
    words = [word for word in _BETWEEN.split(line.strip(" \t,;")) if word]
    if len(words) == 1:
        words = line.strip().split(",")
    return len(words) > 1 and all(_NUMBER.fullmatch(word) for word in words)


def jcamp_dx(head: bytes, name: str) -> str | None:
    """JCAMP-DX: ``##TITLE=`` first, ``##JCAMP-DX=`` among the labels."""
    try:
        text = decode(head, whole=False)
    except TextError as error:
        return str(error)
    if not _TITLE.match(text):
        return "##TITLE= is not the first label"
    return None if _VERSION.search(text) else "there is no ##JCAMP-DX= label"


def opus(head: bytes, name: str) -> str | None:
    """Bruker OPUS: four bytes, then a version, the place of the directory and its size."""
    if not head.startswith(_OPUS):
        return "it does not start with the four bytes of an OPUS file"
    return None if len(head) >= 24 else "an OPUS header of fewer than 24 bytes"


def galactic_spc(head: bytes, name: str) -> str | None:
    """Galactic SPC: the second byte is the version; number of points and ends of the axis make sense."""
    if len(head) < 256 or head[1] not in (0x4B, 0x4C, 0x4D):
        return "byte 2 is no version of an SPC file, or the file is shorter than its header"
    if head[1] == 0x4D:
        points, first, last = struct.unpack("<fff", head[4:16])
        if not (math.isfinite(points) and points == int(points) and points > 0):
            return "no number of points where an old SPC file has it"
    else:
        if len(head) < 512:
            return "the file is shorter than the header of an SPC file"
        order = "<" if head[1] == 0x4B else ">"
        points, first, last, spectra = struct.unpack(order + "iddi", head[4:28])
        if points < 0 or spectra < 0 or spectra > 1_000_000_000:
            return "no number of points and spectra where an SPC file has them"
    plausible = all(math.isfinite(one) and (one == 0 or 1e-12 < abs(one) < 1e12) for one in (first, last))
    return None if plausible else "no ends of an axis where an SPC file has them"


def spectral_text(head: bytes, name: str) -> str | None:
    """WiRE or LabSpec text, or columns under titles that name wavenumbers or Raman shifts and what was measured."""
    try:
        text = decode(head, whole=False).replace("\r\n", "\n").replace("\r", "\n")
    except TextError as error:
        return str(error)
    if text.lstrip().startswith("##"):
        return "it has JCAMP-DX labels (##)"
    if WIRE.search(text[:400]) or LABSPEC.search(text[:4000]):
        return None
    lines = split_lines(text)
    first = next((n for n, line in enumerate(lines) if _is_row(line)), len(lines))
    above = " ".join(lines[max(0, first - 5) : first])
    title = _cells(lines[first - 1]) if first else []
    if first == len(lines):
        title = title[:-1]  # the last number of a long line may be cut
    if labspec_map(lines) or _spectra_in_rows(title, " ".join(lines[max(0, first - 5) : max(0, first - 1)])):
        return None
    if len([line for line in lines[first:] if _is_row(line)]) < _FEWEST_ROWS:
        return f"fewer than {_FEWEST_ROWS} rows of numbers"
    if _AXIS_NAMED.search(above) and _VALUES_NAMED.search(above):
        return None
    if len(title) > 1 and _AXIS_NAMED.search(title[0]) and all(WITH_UNIT.match(one) for one in title[1:]):
        return None
    if len(title) > 1 and _WAVELENGTH.match(title[0]) and _OPTICAL.search(above):
        return None
    if name.lower().endswith(".dpt") and _data_points(lines):
        return None
    return (
        "no title above its numbers names a wavenumber, Raman shift or wavelength and an absorbance, transmittance or"
        " intensity, or conditions such as '80 K'"
    )


def _cells(line: str) -> list[str]:
    """Cells of a line of titles, separated by tabs, else semicolons, else commas."""
    mark = next((one for one in "\t;," if one in line), None)
    return [cell.strip().strip('"') for cell in line.strip("\r\n ;,").lstrip("#%!/ ").split(mark)]


def _numbers(cells: list[str]) -> list[float]:
    """Numbers of cells that hold nothing else; none where one does."""
    if not all(_NUMBER.fullmatch(cell) for cell in cells):
        return []
    return [float(cell.replace(",", ".")) for cell in cells]


def _rises_or_falls(values: list[float], fewest: int) -> bool:
    changes = [b - a for a, b in pairwise(values)]
    return len(values) >= fewest and (all(one > 0 for one in changes) or all(one < 0 for one in changes))


def _spectra_in_rows(title: list[str], before: str) -> bool:
    """Whether titles are a temperature or pressure and then an axis, below a line that names an optical quantity."""
    across = _numbers(title[1:])
    return (
        bool(title)
        and _CONDITION.match(title[0]) is not None
        and _rises_or_falls(across, _FEWEST_ACROSS)
        and _OPTICAL.search(before) is not None
    )


def labspec_map(lines: list[str]) -> bool:
    """Whether lines are a LabSpec series without the settings that tell it: ``#name=`` lines, then an axis after a tab.

    Below the axis each row has one or two numbers more.
    """
    first = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if first in (0, len(lines)) or not all(_SETTING.match(line) for line in lines[:first]):
        return False
    if not lines[first].startswith("\t"):
        return False
    axis = _numbers(lines[first].split())
    below = lines[first + 1 :]
    if not below:
        # of what is seen the last number may be cut
        return _rises_or_falls(axis[:-1], _FEWEST_ACROSS)
    more = len(_numbers(below[0].split())) - len(axis)
    return _rises_or_falls(axis, _FEWEST_ACROSS) and (more in (1, 2) or len(below) == 1)


def _data_points(lines: list[str]) -> bool:
    """Whether lines are nothing but an axis that runs one way, within optical wavenumbers, and one value each."""
    rows = [_numbers([word for word in re.split(r"[\s,;]+", line) if word]) for line in lines[:-1] if line.strip()]
    if not rows or any(len(row) != 2 for row in rows):
        return False
    axis = [row[0] for row in rows]
    return _rises_or_falls(axis, _FEWEST_ROWS - 1) and min(axis) >= 0 and 50 < max(axis) <= _LARGEST_WAVENUMBER
