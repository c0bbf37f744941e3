"""Rows of numbers under the header of a beamline file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from labile.formats.absorption_signatures import cells
from labile.formats.registry import FormatError

_COMMENT = re.compile(r"^\s*[#%;!]")


def numeric_table(
    name: str, lines: Sequence[str], first: int, incomplete: str, width: int | None = None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows of numbers from a line on.

    Parameters
    ----------
    name : str
        Of the file, for errors.
    lines : sequence of str
    first : int
        Index of the first line of numbers.
    incomplete : {"error", "keep"}
        Whether a last row that is cut short is an error or left out.
    width : int, optional
        Number of columns; by default that of the first row.

    Returns
    -------
    rows : ndarray (N, C)
    places : ndarray (N,) of int
        Line of each row, from 1.
    steps : list of str

    Raises
    ------
    FormatError
        If a row has another number of cells, or a cell is no finite number.
    """
    if incomplete not in ("error", "keep"):
        raise FormatError(f"{name}: option incomplete={incomplete!r} is unknown; use error or keep")
    rows: list[list[float]] = []
    places: list[int] = []
    steps: list[str] = []
    content = [
        (number, line)
        for number, line in enumerate(lines[first:], first + 1)
        if line.strip(" \t\x1a") and not _COMMENT.match(line)
    ]
    for position, (number, line) in enumerate(content):
        words = cells(line)
        width = len(words) if width is None else width
        last = position == len(content) - 1
        if len(words) != width:
            if last and len(words) < width and position:
                if incomplete == "error":
                    raise FormatError(
                        f"{name}, line {number}: the file breaks off in this row ({len(words)} of {width} numbers);"
                        " pass incomplete='keep' to read the rows before it"
                    )
                steps.append(f"the file breaks off in line {number}: the rows before it were kept")
                break
            raise FormatError(f"{name}, line {number}: {len(words)} numbers where the table has {width} columns")
        if all(word.lower() == "nan" for word in words):
            # what some programs write for the points of a scan that was stopped
            if any(word.lower() != "nan" for _, after in content[position:] for word in cells(after)):
                raise FormatError(f"{name}, line {number}: a row of NaN among the numbers")
            if incomplete == "error":
                raise FormatError(
                    f"{name}, line {number}: rows of NaN from here to the end: the scan was stopped; pass"
                    " incomplete='keep' to read the rows before them"
                )
            steps.append(f"the scan was stopped: {len(content) - position} rows of NaN left out")
            break
        rows.append([_number(name, number, word) for word in words])
        places.append(number)
    if not rows:
        raise FormatError(f"{name}: there is no row of numbers in it")
    if rows and len(rows[0]) < 2:
        raise FormatError(f"{name}, line {places[0]}: one column; an energy and a detector or mu are needed")
    return np.array(rows), np.array(places), steps


def _number(name: str, line: int, word: str) -> float:
    try:
        value = float(word.replace("D", "E").replace("d", "e"))
    except ValueError:
        raise FormatError(f"{name}, line {line}: {word[:30]!r} is no number") from None
    if not np.isfinite(value) or "_" in word:
        raise FormatError(f"{name}, line {line}: {word[:30]!r} is no finite number")
    return value
