"""From the bytes of a table to cells with line numbers: separators, decimal signs, titles, workbooks."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labile.core.uncertain import parse_uncertain
from labile.formats.columns import is_unit, understand
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode, split_lines

MISSING = ("", "-", "--", "---", "nan", "na", "n/a", "n.a.", "#n/a")
_COMMENT = re.compile(r"^\s*[#%;!]")
_ONLY_NUMBERS = re.compile(r"^\s*;[\s\d.,;eE+\-<>()]*\d[\s\d.,;eE+\-<>()]*$")
_STARTS_LIKE_DATA = re.compile(r"^[\s\"'<>≤≥+\-−.,;]*\d")
_DECIMAL_COMMA = re.compile(r"^[<>≤≥]?=?\s*[+\-−]?\d+(?:,\d+)?(?:\(\d+(?:,\d+)?\))?(?:[eE][+\-−]?\d+)?$")
_THOUSANDS = re.compile(r"^[+\-−]?[1-9]\d{0,2}(?:,\d{3})+$")
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", " ": "blanks"}
_SEPARATORS = {"tab": "\t", "\t": "\t", ";": ";", "semicolon": ";", ",": ",", "comma": ",", " ": " ", "blanks": " "}
_LONGEST_CELL = 60
_LARGEST_WORKBOOK = 200_000_000


@dataclass
class Table:
    """Cells with the line each row is on; column titles are not yet understood."""

    name: str
    titles: list[str]
    rows: list[tuple[int, list[str]]]
    units: list[str]
    decimal: str
    title_line: int
    steps: list[str] = field(default_factory=list)


def text_table(name: str, data: bytes, separator: str | None, decimal: str | None) -> Table:
    """Take a text table apart; refuses what can be read in two ways."""
    try:
        lines = split_lines(decode(data))
    except TextError as error:
        raise FormatError(f"{name}: {error}") from None
    steps: list[str] = []
    comments: list[tuple[int, str]] = []
    content: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if _COMMENT.match(line) and not _ONLY_NUMBERS.match(line):
            comments.append((number, line))
        elif line.strip(" \t;,\x1a\xa0"):
            content.append((number, line))
    if comments:
        steps.append(f"{len(comments)} comment lines skipped, the first is line {comments[0][0]}")
    like_data = [line for _, line in content if _STARTS_LIKE_DATA.match(line)]
    if not like_data:
        raise FormatError(f"{name}: no line starts with a number, so there is no table in it")
    before = [line for _, line in content[: next(i for i, (_, line) in enumerate(content) if line == like_data[0])]]
    if separator is None:
        mark = _find_separator(name, like_data, before, decimal)
    elif separator in _SEPARATORS:
        mark = _SEPARATORS[separator]
    else:
        raise FormatError(f"{name}: option separator={separator!r} is unknown; use 'tab', ';', ',' or 'blanks'")
    rows = [(number, _cells(line, mark, name, number)) for number, line in content]
    first = _first_data(rows)
    if first is None:
        raise FormatError(f"{name}: no row of numbers found (columns separated by {_NAMES[mark]})")
    width = Counter(len(cells) for _, cells in rows[first:]).most_common(1)[0][0]
    head = [(number, line) for (number, _), (_, line) in zip(rows[:first], content[:first], strict=True)]
    titles, units, title_line, title_steps = _titles(name, head, comments, rows[first][0], width, mark)
    body = _even_rows(name, rows[first:], max(width, len(titles)))
    chosen = decimal or _find_decimal(name, body, mark)
    steps.append(f"columns separated by {_NAMES[mark]}, decimal {'comma' if chosen == ',' else 'point'}")
    return Table(name, titles, body, units, chosen, title_line, steps + title_steps)


def _cells(line: str, mark: str, name: str, number: int) -> list[str]:
    if mark == " ":
        return line.split()
    try:
        cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    except csv.Error as error:
        raise FormatError(f"{name}, line {number}: the cells cannot be separated ({error})") from None
    return [cell.strip(" \t\xa0\x1a") for cell in cells]


def _is_data(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    numbers = sum(1 for cell in filled if parse_cell(cell.replace(",", ".")) is not None)
    return bool(filled) and 2 * numbers >= len(filled) and parse_cell(filled[0].replace(",", ".")) is not None


def _first_data(rows: list[tuple[int, list[str]]]) -> int | None:
    """Index of the first row of numbers; a single number above a table of several columns is a remark."""
    filled = [sum(map(bool, cells)) if _is_data(cells) else 0 for _, cells in rows]
    usual = Counter(count for count in filled if count).most_common(1)
    least = 2 if usual and usual[0][0] > 1 else 1
    return next((i for i, count in enumerate(filled) if count >= least), None)


def _find_separator(name: str, lines: list[str], before: list[str], decimal: str | None) -> str:
    """The mark most lines of numbers hold; a comma is looked at twice, for it may be the decimal sign."""
    for mark in ("\t", ";"):
        if 2 * sum(mark in line.strip() for line in lines) >= len(lines):
            return mark
    if 2 * sum("," in line for line in lines) < len(lines):
        return " "
    with_comma = [line for line in lines if "," in line]
    words = [line.split() for line in with_comma]
    if all(len(row) > 1 and all(_DECIMAL_COMMA.match(cell) for cell in row) for row in words):
        return " "
    if decimal == ",":
        return " "
    if (
        '"' not in "".join(lines)
        and all(line.count(",") == 1 and "." not in line for line in with_comma)
        and decimal is None
    ):
        titled = any(line.count(",") == 1 and not _STARTS_LIKE_DATA.match(line) for line in before)
        if not titled and all(_DECIMAL_COMMA.match(line.strip()) for line in with_comma):
            raise FormatError(
                f"{name}: a line such as {with_comma[0].strip()!r} is two numbers or one with a decimal comma; "
                "say which with separator=',' or decimal=','"
            )
    return ","


def _find_decimal(name: str, rows: list[tuple[int, list[str]]], mark: str) -> str:
    with_comma = [
        (line, cell) for line, cells in rows for cell in cells if "," in cell and _STARTS_LIKE_DATA.match(cell)
    ]
    if not with_comma:
        return "."
    for line, cells in rows:
        for cell in cells:
            if "." in cell and parse_cell(cell.replace(",", "")) is not None:
                raise FormatError(
                    f"{name}, line {line}: {cell!r} has a point, {with_comma[0][1]!r} (line {with_comma[0][0]}) "
                    "a comma; "
                    "write all numbers with one decimal sign and without thousands separators"
                )
    if all(_THOUSANDS.match(cell) for _, cell in with_comma):
        raise FormatError(
            f"{name}, line {with_comma[0][0]}: {with_comma[0][1]!r} may have a decimal comma or a thousands "
            "separator; say decimal=',' or remove the separators"
        )
    return ","


def _titles(
    name: str, head: list[tuple[int, str]], comments: list[tuple[int, str]], first: int, width: int, mark: str
) -> tuple[list[str], list[str], int, list[str]]:
    """Column titles and units from the rows above the numbers, or from the last comment line above them."""
    steps: list[str] = []
    rows: list[list[str]] = []
    title_line = first
    for number, line in head:
        cells = _split_titles(line, width, mark)
        filled = [cell for cell in cells if cell]
        alone = len(filled) < 2 <= width and not (rows and all(map(is_unit, filled)))
        if len(cells) < 2 <= width or alone or not filled:
            steps.append(f"line {number} is no column title: {line.strip()[:80]!r}")
        elif len(cells) != width:
            raise FormatError(
                f"{name}, line {number}: {len(cells)} column titles over {width} columns of numbers; separate the "
                "titles as the numbers are (for instance all by tabs)"
            )
        else:
            title_line = title_line if rows else number
            rows.append(cells)
    if not rows:
        above = [(number, line.lstrip(" #%;!\t")) for number, line in comments if number < first]
        cells = _split_titles(above[-1][1], width, mark) if above else []
        if len(cells) == width and width > 1 and any(understand(cell).candidates for cell in cells):
            title_line = above[-1][0]
            steps.append(f"column titles from the comment in line {title_line}")
            rows.append(cells)
    if not rows:
        return [""] * width, [""] * width, title_line, steps + ["the table has no column titles"]
    units = [""] * width
    names = [rows[0]]
    for cells in rows[1:]:
        filled = [cell for cell in cells if cell]
        if filled and all(is_unit(cell) or cell in ("1", "-") for cell in filled):
            units = [cell.strip("()[]").strip() for cell in cells]
        else:
            names.append(cells)
    titles = []
    for parts in zip(*names, strict=True):
        joined = " ".join(part for part in parts if part)
        # further rows may be remarks (sample, column role); they count only where they help to understand the title
        titles.append(parts[0] if understand(parts[0]).candidates and not understand(joined).candidates else joined)
    if len(names) > 1:
        steps.append(f"{len(names)} rows of column titles: {names[1:]!r:.200}")
    return titles, units, title_line, steps


def _split_titles(line: str, width: int, mark: str) -> list[str]:
    """Titles may be separated otherwise than the numbers: take the first mark that gives as many."""
    attempts = [_plain_split(line, mark)] if mark != " " else []
    if "\t\t" in line:
        attempts.append([cell.strip() for cell in re.split(r"\t+", line.strip("\t "))])
    attempts += [_plain_split(line, other) for other in ("\t", ";", ",") if other != mark and other in line]
    if mark == " ":
        attempts.append([cell for cell in re.split(r"\s{2,}|\t", line.strip()) if cell])
        attempts.append(re.findall(r"[^\s(\[]+(?:\s*(?:\([^)]*\)|\[[^\]]*\]))?", line))
        attempts.append(line.split())
    return next((cells for cells in attempts if len(cells) == width), attempts[0])


def _plain_split(line: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])]
    except csv.Error:
        return [line]


def _even_rows(name: str, rows: list[tuple[int, list[str]]], width: int) -> list[tuple[int, list[str]]]:
    even = []
    for position, (number, cells) in enumerate(rows):
        while len(cells) > width and not cells[-1]:
            cells = cells[:-1]
        if len(cells) > width:
            raise FormatError(f"{name}, line {number}: {len(cells)} cells in a table of {width} columns")
        if len(cells) < width:
            if position == len(rows) - 1:
                raise FormatError(
                    f"{name}, line {number}: the file stops in the middle of this row ({len(cells)} of {width} cells); "
                    "copy it again or remove the row"
                )
            raise FormatError(
                f"{name}, line {number}: {len(cells)} cells in a table of {width} columns; leave none out"
            )
        even.append((number, cells))
    return even


def sheet_rows(path: Path, sheet: str | None) -> tuple[str, list[tuple[int, list[str]]]]:
    """Name and numbered rows of a sheet of an .xlsx workbook, all of one width.

    Formulas are never computed, only their saved values are read.
    """
    values = _sheets(path, values=True)
    filled = {
        title: rows for title, rows in values.items() if any(any(cell is not None for cell in row) for row in rows)
    }
    if not filled:
        raise FormatError(f"{path.name}: all sheets of the workbook are empty")
    if sheet is None and len(filled) > 1:
        raise FormatError(
            f"{path.name}: several sheets have content ({', '.join(map(repr, filled))}); choose with sheet="
        )
    chosen = next(iter(filled)) if sheet is None else sheet
    if chosen not in filled:
        raise FormatError(
            f"{path.name}: there is no sheet {chosen!r} with content; there are {', '.join(map(repr, filled))}"
        )
    if any(cell is None for row in filled[chosen] for cell in row):
        for number, row in enumerate(_sheets(path, values=False)[chosen], start=1):
            for position, cell in enumerate(row):
                is_formula = isinstance(cell, str) and cell.startswith("=")
                if is_formula and filled[chosen][number - 1][position] is None:
                    raise FormatError(
                        f"{path.name}, row {number}, column {position + 1}: a formula without a saved value "
                        "(formulas are "
                        "never computed here); open and save the workbook in its program, or paste values"
                    )
    rows = [(number, [_cell_text(cell) for cell in row]) for number, row in enumerate(filled[chosen], start=1)]
    used = max(i + 1 for _, cells in rows for i, cell in enumerate(cells) if cell)
    rows = [(number, cells[:used]) for number, cells in rows if any(cells[:used])]
    return chosen, [(number, cells + [""] * (used - len(cells))) for number, cells in rows]


def workbook(path: Path, sheet: str | None) -> Table:
    """Take a sheet of an .xlsx workbook apart."""
    chosen, rows = sheet_rows(path, sheet)
    used = len(rows[0][1])
    comments = [(number, "\t".join(cells)) for number, cells in rows if _COMMENT.match(cells[0])]
    rows = [(number, cells) for number, cells in rows if not _COMMENT.match(cells[0])]
    first = _first_data(rows)
    if first is None:
        raise FormatError(f"{path.name}: no row of numbers in sheet {chosen!r}")
    head = [
        (number, "\t".join(cells).rstrip("\t") if sum(map(bool, cells)) < 2 else "\t".join(cells))
        for number, cells in rows[:first]
    ]
    titles, units, title_line, steps = _titles(path.name, head, comments, rows[first][0], used, "\t")
    return Table(path.name, titles, rows[first:], units, ".", title_line, [f"sheet {chosen!r}, saved values", *steps])


def _sheets(path: Path, values: bool) -> dict[str, list[tuple[Any, ...]]]:
    import warnings
    import zipfile

    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > _LARGEST_WORKBOOK:
            raise FormatError(f"{path.name}: the workbook unpacks to {unpacked / 1e6:.0f} MB; save the table as CSV")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=values)
            try:
                return {one.title: [tuple(row) for row in one.iter_rows(values_only=True)] for one in book.worksheets}
            finally:
                book.close()
    except FormatError:
        raise
    except Exception as error:
        # openpyxl, zipfile and the XML parser raise a dozen types for damaged workbooks
        raise FormatError(f"{path.name}: damaged or no .xlsx workbook ({type(error).__name__}: {error})") from None


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else str(cell).strip()


def parse_cell(cell: str) -> tuple[float, float, int] | None:
    """Value, standard uncertainty (NaN without one) and limit of a cell; None when it is no finite number."""
    if len(cell) > _LONGEST_CELL:
        return None
    try:
        value, sigma, limit = parse_uncertain(cell)
    except ValueError:
        return None
    return (value, sigma, limit) if math.isfinite(value) and not math.isinf(sigma) else None
