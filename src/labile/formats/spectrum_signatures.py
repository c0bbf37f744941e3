"""What gives files of Mossbauer counts away in their first bytes; standard library only."""

from __future__ import annotations

import re
from itertools import pairwise

from labile.formats.text import TextError, decimal_commas, decode, split_lines

_WHOLE = re.compile(r"[+]?\d+\.?0*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")
_DATA_TAG = re.compile(r"<data\b[^>]*>", re.IGNORECASE)
_PMCA = re.compile(r"^\s*<<(PMCA SPECTRUM|DATA)>>", re.IGNORECASE | re.MULTILINE)
_VELOCITY = re.compile(r"velocity|\bmm\s*/\s*s\b|\bmm\s+s\s*(\^?-1|⁻¹)|geschwindigkeit|vitesse", re.IGNORECASE)
_OTHER_AXIS = re.compile(
    r"[\W_]*(?:(?:mono|photon|achieved|requested)?[ _]?energy|wave\s?numbers?|raman[ _]shift|2[ -]?theta|temperature)"
    r"\s*(?:[(\[/][^)\]]*[)\]]?)?\s*(?:[,;\t]|$|[a-z])",
    re.IGNORECASE,
)
"""First title of a table of something else, not a remark such as ``temperature: 80 K``."""
_COUNTS = re.compile(r"count|channel|kanal|canal", re.IGNORECASE)
FEWEST_CHANNELS = 64
"""A file with fewer whole numbers is not taken for a spectrum of counts."""


def _lines(head: bytes) -> list[str] | str:
    try:
        return split_lines(decode(head, whole=False))
    except TextError as error:
        return str(error)


def wissel(head: bytes, name: str) -> str | None:
    """WissEl .ws5: XML whose ``<data>`` holds one number a line."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    text = "\n".join(lines).lstrip("\ufeff \t\n")
    if not text.startswith("<") or text.startswith("<<"):
        return "it does not start with an XML tag"
    if "<html" in text[:400].lower():
        return "it is a web page"
    found = _DATA_TAG.search(text)
    if found is None:
        return "there is no <data> tag"
    first = text[found.end() :].split()[:1]
    if not first or _WHOLE.fullmatch(first[0].partition("<")[0]) is None:
        return "no whole number stands after the <data> tag"
    return None


def channel_counts(head: bytes, name: str) -> str | None:
    """Raw counts without velocities: whole numbers in one or several columns, a few title lines before them."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    if _PMCA.search("\n".join(lines)):
        return None
    if lines and len(head) >= 16384:
        lines = lines[:-1]  # the last one may be cut
    if any(line.startswith("##") for line in lines):
        return "it has JCAMP-DX labels (##)"
    if lines and lines[0].startswith(
        ("#Acq. time (s)=", "#Exposition=", "#Instrument=", "#AxisType[", "#Wave", "#X\t")
    ):
        return "it is a LabSpec or WiRE text of spectra"
    if decimal_commas(lines):
        return "its numbers have decimal commas"
    rows: list[list[str]] = []
    titles: list[str] = []
    for line in lines:
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or line.lstrip().startswith("#"):
            continue
        if all(_WHOLE.fullmatch(word) for word in words):
            rows.append(words)
        elif rows:
            return f"{line.strip()[:40]!r} is no row of counts"
        else:
            titles.append(line)
            if len(titles) > 10:
                return "it starts with text, not with counts"
    numbers = sum(len(row) for row in rows)
    if numbers < FEWEST_CHANNELS:
        return f"only {numbers} whole numbers, a spectrum has at least {FEWEST_CHANNELS}"
    return _no_table(titles, rows)


def _no_table(titles: list[str], rows: list[list[str]]) -> str | None:
    """Reason when several columns look like a table of something else."""
    width = len(rows[0])
    if width == 1:
        return None
    last = titles[-1] if titles else ""
    if len([cell for cell in re.split(r"[,;\t]", last) if cell.strip()]) == width and not _COUNTS.search(last):
        return f"the columns have titles: {last.strip()[:40]!r}"
    other = _OTHER_AXIS.match(last) is not None and (len(last.split()) == width or re.search(r"[,;\t]", last))
    if other and not _COUNTS.search(last):
        return f"the columns have titles: {last.strip()[:40]!r}"
    first = [float(row[0]) for row in rows[:50]]
    if width == 2 and (first[0] not in (0.0, 1.0) or any(b - a != 1 for a, b in pairwise(first))):
        return "two columns, and the first does not count channels"
    return None


def velocity_counts(head: bytes, name: str) -> str | None:
    """Pairs of velocity and counts: the word velocity or mm/s in the header, or velocities on both sides of zero."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    if lines and len(head) >= 16384:
        lines = lines[:-1]
    first: list[float] = []
    second: list[float] = []
    named = False
    for line in lines:
        words = _words(line)
        if len(words) >= 2 and all(_NUMBER.fullmatch(word) for word in words[:2]):
            try:
                first.append(float(words[0].replace("D", "E").replace("d", "e")))
                second.append(float(words[1].replace("D", "E").replace("d", "e")))
            except ValueError:
                continue
        elif first:
            continue
        else:
            named = named or _VELOCITY.search(line) is not None
    if len(first) < 16:
        return f"only {len(first)} rows of two numbers"
    if not (min(first) < 0 < max(first) and max(abs(v) for v in first) <= 400):
        return "the first column is no velocity on both sides of zero"
    if named:
        return None
    # without a title only counts are convincing: whole, positive and many
    if min(second) >= 0 and all(v == int(v) for v in second) and max(second) >= 100:
        return None
    return "no header names a velocity, and the second column holds no counts"


def _words(line: str) -> list[str]:
    """Cells of a row: separated by semicolons, tabs or blanks, else by commas; decimal commas become points."""
    stripped = line.strip().lstrip("#").strip()
    cells = [cell for cell in re.split(r"[;\t ]+", stripped) if cell]
    if len(cells) >= 2:
        cells = [cell.rstrip(",") for cell in cells]
        return [cell.replace(",", ".") if "." not in cell and cell.count(",") == 1 else cell for cell in cells]
    return [cell for cell in re.split(r"[,\s]+", stripped) if cell]


def split_cells(line: str) -> list[str]:
    r"""Cells of a row of numbers, see `velocity_counts`.

    Examples
    --------
    >>> split_cells("-3,25; 101234"), split_cells("-3.25,101234"), split_cells("-3.25\t101234")
    (['-3.25', '101234'], ['-3.25', '101234'], ['-3.25', '101234'])
    """
    return _words(line)
