"""What gives files of infrared and Raman spectra away in their first bytes; standard library only."""

from __future__ import annotations

import math
import re
import struct

from labile.formats.text import TextError, decode, split_lines

WIRE = re.compile(r"^(?:\s*#(?:X|Y|Z|Time)\s+)*\s*#Wave\s+#Intensity", re.MULTILINE)
LABSPEC = re.compile(r"^#(?:Acq\. time \(s\)|Exposition|AxisType\[\d\])=", re.MULTILINE)
_TITLE = re.compile(r"^\s*##\s*TITLE\s*=", re.IGNORECASE)
_VERSION = re.compile(r"^\s*##\s*JCAMP[\s\-_/]*DX\s*=", re.IGNORECASE | re.MULTILINE)
_AXIS_NAMED = re.compile(r"wave\s?number|raman\s+shift|cm\s?(?:\^?\s?-1|⁻¹)|1\s?/\s?cm", re.IGNORECASE)
_VALUES_NAMED = re.compile(r"absorbance|transmittance|reflectance|intensity|counts", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")
_BETWEEN = re.compile(r"[\s;]+|,(?=\s)")
_OPUS = b"\n\n\xfe\xfe"
_FEWEST_ROWS = 5


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
    if len([line for line in lines[first:] if _is_row(line)]) < _FEWEST_ROWS:
        return f"fewer than {_FEWEST_ROWS} rows of numbers"
    if _AXIS_NAMED.search(above) and _VALUES_NAMED.search(above):
        return None
    return "no title above its numbers names a wavenumber or Raman shift and an absorbance, transmittance or intensity"
