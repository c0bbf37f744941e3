"""Raw counts without velocities: ``.adt``, ``.dat``, ``.mos``, ``.mca`` and the blocks of NORMOS.

One number a line; several columns (channel number and one spectrum a column); or rows of eight or ten counts that
follow each other, with or without the number of the row's first channel. Title lines before them are kept as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.formats.amounts import amount
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decimal_commas, decode, split_lines

ROOM_TEMPERATURE = 295.0
"""K; stands where a file says nothing, and the steps say that it was assumed."""
_NAMED_KELVIN = re.compile(r"(?<![\d.])(\d{1,4}(?:[.,]\d+)?)\s?K(?![a-zA-Z])")
_LAYOUTS = ("auto", "rows", "columns")
_SECTION = re.compile(r"^\s*<<([^>]+)>>\s*$")


def read(
    path: Path | str,
    *,
    temperature: float | str | None = None,
    sample: str = "sample",
    layout: str = "auto",
) -> list[Measurement]:
    """Read raw counts.

    Parameters
    ----------
    path : path-like
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        read from the file name where it says so (``77.0K``), else 295 K is assumed and that is recorded.
    sample : str
        Prefix of the sample's parameters.
    layout : {"auto", "rows", "columns"}
        How several numbers a line are read: ``rows`` one after the other into one spectrum, ``columns`` each column a
        spectrum. ``auto``: a first column that counts 0, 1, 2 ... or 1, 2, 3 ... means columns, one that counts in
        steps of the row's length means rows, three or more numbers mean rows, two mean columns.

    Returns
    -------
    list of Measurement
        Quantity ``"counts"`` along the axis ``"channel"`` (from 1); negative numbers are refused, and what else may
        be wrong with counts is left to the reduction.

    Raises
    ------
    FormatError
        If a line among the counts is no row of whole numbers of 0 or more, rows differ in length, or nothing is there.
    """
    path = Path(path)
    if layout not in _LAYOUTS:
        raise FormatError(f"{path.name}: option layout={layout!r} is unknown; use one of {', '.join(_LAYOUTS)}")
    titles, rows = _rows(path.name, split_lines(read_text(path)))
    spectra, how = _arranged(path.name, rows, layout)
    attributes: dict[str, float | str] = {f"title_{i}": title for i, title in enumerate(titles, 1)}
    steps = [how] if how else []
    several = len(spectra) > 1
    return [
        counts_measurement(
            path, counts, "channel_counts", temperature=temperature, sample=sample, attributes=attributes, steps=steps,
            part=f" {i}" if several else "",
        )
        for i, counts in enumerate(spectra, 1)
    ]  # fmt: skip


def read_text(path: Path) -> str:
    """Text of a file, its line ends as newlines.

    Raises
    ------
    FormatError
        If it cannot be read or is no text.
    """
    try:
        return decode(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None


def stated_temperature(path: Path, given: float | str | None) -> tuple[float, str, str]:
    """Temperature of a spectrum (K), where it comes from (``given``, ``file name``, ``assumed``), and a step."""
    if given is not None:
        kelvin = amount(path.name, "temperature", given, "K", "temperature")
        if not 0 < kelvin < 1e4:
            raise FormatError(f"{path.name}: option temperature={given!r} must be above 0 K")
        return kelvin, "given", ""
    found = _NAMED_KELVIN.findall(path.stem)
    if len(found) == 1 and 0 < (value := float(found[0].replace(",", "."))) <= 2000:
        return value, "file name", f"temperature {value:g} K read from the file name"
    step = f"the file states no temperature: {ROOM_TEMPERATURE:g} K assumed (give temperature= in K)"
    return ROOM_TEMPERATURE, "assumed", step


def counts_measurement(
    path: Path,
    counts: Sequence[float],
    reader: str,
    *,
    temperature: float | str | None,
    sample: str,
    attributes: Mapping[str, float | str],
    steps: Sequence[str],
    part: str = "",
) -> Measurement:
    """Measurement of one spectrum of counts by channel; the fewest channels are 64."""
    if len(counts) < 64:
        raise FormatError(f"{path.name}{part}: {len(counts)} channels; a spectrum has at least 64")
    kelvin, source, step = stated_temperature(path, temperature)
    provenance = Provenance.of_file(path, reader)
    return Measurement(
        "counts",
        np.array(counts, dtype=float)[None, :],
        Conditions(kelvin),
        axis=Axis("channel", np.arange(1.0, len(counts) + 1.0)),
        sample=sample,
        label=f"{path.stem}{part}",
        attributes={**attributes, "temperature_source": source},
        provenance=provenance.then(*filter(None, [*steps, step])),
    )


def _rows(name: str, lines: list[str]) -> tuple[list[str], list[tuple[int, list[float]]]]:
    """Title lines, and rows of counts with their line numbers."""
    if decimal_commas(lines):
        raise FormatError(
            f"{name}: its numbers have commas and other separators, as in '6950,5;0,02': expected whole counts; where"
            " commas separate thousands, remove them; a table with decimal commas is no file of counts"
        )
    titles: list[str] = []
    rows: list[tuple[int, list[float]]] = []
    sections = [_SECTION.match(line) for line in lines]
    pmca = any(found and found[1].strip().upper() == "DATA" for found in sections)
    inside = not pmca
    for number, (line, section) in enumerate(zip(lines, sections, strict=True), 1):
        if section:
            inside = section[1].strip().upper() == "DATA" if pmca else inside
            continue
        stripped = line.strip("\x1a \t")
        if not stripped:
            continue
        if not inside:
            if not rows:
                titles.append(stripped)
            continue
        words = stripped.replace(",", " ").replace(";", " ").split()
        row = [_whole(word) for word in words]
        if stripped.startswith("#") or (None in row and not rows):
            titles.append(stripped.lstrip("# "))
            continue
        counts = []
        for word, value in zip(words, row, strict=True):
            if value is None:
                raise FormatError(f"{name}, line {number}: {word[:30]!r} is no whole number of counts")
            if value < 0:
                raise FormatError(
                    f"{name}, line {number}: counts cannot be negative, found {word[:30]}; an overflowed or a"
                    " background-corrected spectrum must be repaired before it is read"
                )
            counts.append(value)
        rows.append((number, counts))
    if not rows:
        raise FormatError(f"{name}: there are no counts in it")
    return titles, rows


def _whole(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if value == round(value) and abs(value) < 1e15 else None


def _arranged(name: str, rows: list[tuple[int, list[float]]], layout: str) -> tuple[list[list[float]], str]:
    """One list of counts a spectrum, and a sentence about how several columns were read."""
    width = len(rows[0][1])
    first = [row[0] for _, row in rows]
    if width == 1 and all(len(row) == 1 for _, row in rows):
        return [first], ""
    numbered = len(rows) > 2 and first[0] in (0.0, 1.0)
    counts_on = numbered and all(b - a == 1 for a, b in pairwise(first))
    steps_on = numbered and width > 2 and all(b - a == width - 1 for a, b in pairwise(first))
    by_column = layout == "columns" or (layout == "auto" and not steps_on and (counts_on or width == 2))
    for index, (number, row) in enumerate(rows):
        last = index == len(rows) - 1
        if len(row) != width and (by_column or not last or len(row) > width):
            raise FormatError(f"{name}, line {number}: {len(row)} numbers where the lines before have {width}")
    if by_column:
        start = 1 if counts_on else 0
        columns = [[row[i] for _, row in rows] for i in range(start, width)]
        if not columns:
            raise FormatError(f"{name}: there are channel numbers but no counts")
        numbers = "channel numbers, then " if counts_on else ""
        return columns, f"read as {numbers}{len(columns)} column{'s' if len(columns) > 1 else ''}, one spectrum each"
    start = 1 if steps_on else 0
    counted = " after the number of their first channel" if steps_on else ""
    one = [value for _, row in rows for value in row[start:]]
    return [one], f"read as rows of {width - start} counts{counted}, one after the other"
