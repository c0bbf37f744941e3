"""What gives files of X-ray absorption away in their first bytes; standard library only."""

from __future__ import annotations

import re
import zlib

from labile.formats.text import TextError, decimal_commas, decode, points_for_commas, split_lines

XDI = re.compile(r"^#\s*XDI/(\d+(?:\.\d+)*)(.*)$", re.IGNORECASE)
PROJECT = re.compile(r'^(?:# |\s*"_____header1"\s*:\s*"# )Athena project file -- ', re.MULTILINE)
XDAC = re.compile(r"^\s*(XDAC V\S*|MRCAT_XAFS V\S*)", re.IGNORECASE)
SSRL = re.compile(rb"^\s*SSRL\s+(?:-\s*)?(?:Micro)?EXAFS Data Collector", re.IGNORECASE)
LABVIEW = re.compile(r"^#\s*1-D Scan File created\b.*LabVIEW", re.IGNORECASE)
EPICS = re.compile(r"^;\s*Epics Scan 1 dim", re.IGNORECASE)
EXAFSSCAN = re.compile(r"^#S\s+Scan\s+\d+;\s*exafsscan", re.IGNORECASE | re.MULTILINE)
LUCIA = re.compile(r"^#\s*XAS / LUCIA / SOLEIL", re.IGNORECASE)
_SPEC = re.compile(r"^#S \d+ ", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][-+]?\d+)?")
_ENERGY = re.compile(r"^(?:mono[ _]?|achieved[ _]?)?(?:energy|e)(?:[ _]?\(?k?ev\)?)?\*?$", re.IGNORECASE)
_SIGNAL = re.compile(
    r"^(?:i0|io|itrans|it|i1|ifluor|if|iff|irefer|iref|x?mu(?:\(\w+\))?|mutrans|mufluor|norm(?:trans|fluor)?)$",
    re.IGNORECASE,
)


def _text(head: bytes) -> str | None:
    try:
        return decode(head, whole=False).replace("\r\n", "\n").replace("\r", "\n")
    except TextError:
        return None


def xdi(head: bytes, name: str) -> str | None:
    """XDI: ``# XDI/1.0`` is the first line."""
    text = _text(head)
    if text is None:
        return "it is binary data, not text"
    return None if XDI.match(text.split("\n", 1)[0]) else "the first line is not '# XDI/...'"


def athena(head: bytes, name: str) -> str | None:
    """Athena projects: ``# Athena project file``, in plain text, gzip or JSON."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 4096)
        except zlib.error as error:
            return f"compressed data that are damaged ({error})"
    text = _text(head[:4096])
    if text is None:
        return "it is binary data, not text"
    return None if PROJECT.search(text[:2000]) else "'# Athena project file -- ' starts none of its first lines"


def beamline_columns(head: bytes, name: str) -> str | None:
    """Text columns of SSRL, APS, NSLS and SOLEIL, or any whose last header line titles an energy and a detector."""
    if SSRL.match(head):
        return None  # the binary files of the same program too, so that the reader can say what they are
    text = _text(head)
    if text is None:
        return "it is binary data, not text"
    first = text.split("\n", 1)[0]
    if XDI.match(first):
        return "it is XDI"
    if any(pattern.match(first) for pattern in (XDAC, LABVIEW, EPICS, LUCIA)) or EXAFSSCAN.search(text):
        return None
    if _SPEC.search(text):
        return "it is a SPEC file; name its columns with format='beamline_columns' and columns="
    lines = split_lines(text)
    titles, rows = last_titles(points_for_commas(lines) if decimal_commas(lines) else lines)
    if rows < 2:
        return "there are no rows of numbers under a header"
    if any(_ENERGY.match(title) for title in titles) and any(_SIGNAL.match(title) for title in titles):
        return None
    return "no line above its numbers titles an energy and a detector or mu"


def last_titles(lines: list[str]) -> tuple[list[str], int]:
    """Column titles on the last line above the first row of numbers, and how many such rows there are.

    Only titles in comment lines or as many as columns count; they are separated by commas, tabs or blanks.

    Examples
    --------
    >>> last_titles(["# Energy, Theta, XMU", "7000.0 1.5 0.2", "7001.0 1.4 0.2"])
    (['Energy', 'Theta', 'XMU'], 2)
    """
    rows = [number for number, line in enumerate(lines) if _is_row(line)]
    if not rows:
        return [], 0
    width = len(cells(lines[rows[0]]))
    above = [line for line in lines[: rows[0]] if line.strip("#%;!/ \t-=*")]
    if not above:
        return [], len(rows)
    line = above[-1]
    titles = split_titles(line.strip().lstrip("#%;! \t"), width)
    return (titles if len(titles) == width else []), len(rows)


def _is_row(line: str) -> bool:
    words = cells(line)
    return len(words) > 1 and all(_NUMBER.fullmatch(word) for word in words)


def split_titles(line: str, width: int) -> list[str]:
    r"""Titles of a line, separated by what gives `width` of them; else by blanks.

    Examples
    --------
    >>> split_titles("Energy (eV)\tI0", 2), split_titles("energy  i0   itrans", 3)
    (['Energy (eV)', 'I0'], ['energy', 'i0', 'itrans'])
    """
    attempts = [
        [cell.strip() for cell in re.split(mark, line.strip())] for mark in (r"\t+", r"[,;]", r"\s{2,}", r"\s+")
    ]
    attempts = [[cell for cell in attempt if cell] for attempt in attempts]
    return next((attempt for attempt in attempts if len(attempt) == width), attempts[-1])


def cells(line: str) -> list[str]:
    """Numbers of a row, separated by blanks, commas or semicolons.

    Examples
    --------
    >>> cells(" 7000.0, 1.5 2")
    ['7000.0', '1.5', '2']
    """
    return [cell for cell in re.split(r"[\s,;]+", line.strip()) if cell]
