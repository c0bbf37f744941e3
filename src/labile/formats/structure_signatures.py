"""What gives files of crystal structures, molecules and cells away in their first bytes; standard library only."""

from __future__ import annotations

import re

from labile.formats.text import TextError, decode, split_lines

_BLOCK = re.compile(r"^\s*data_\S*\s*(?:#.*)?$", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:data_\S+\s+)?_[a-z][\w.\-/\[\]]*", re.IGNORECASE | re.MULTILINE)
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?"
_ATOM = re.compile(rf"^\s*(?:[A-Za-z]{{1,3}}[\w+*'-]*|\d{{1,3}})(?:[\s,]+{_NUMBER}){{3}}(?:\s.*|,.*)?$")


def _lines(head: bytes) -> list[str] | str:
    try:
        return split_lines(decode(head, whole=False))
    except TextError as error:
        return str(error)


def cif(head: bytes, name: str) -> str | None:
    """CIF: after comments a data block, ``data_NAME``, and items whose names start with an underscore."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    content = [line for line in lines if line.strip(" \t\ufeff") and not line.lstrip(" \t\ufeff").startswith("#")]
    if not content:
        return "there are only comments"
    if _BLOCK.match(content[0].lstrip("\ufeff")) is None:
        return "the first line that is no comment is no data block (data_NAME)"
    if _ITEM.search("\n".join(content[1:])) is None:
        return "no item (_name value) follows the data block"
    return None


def xyz(head: bytes, name: str) -> str | None:
    """Atoms in Cartesian coordinates: their number, a comment line, then a symbol and three numbers a line."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    while lines and not lines[0].strip(" \t\ufeff"):
        lines.pop(0)
    if not lines or not lines[0].strip(" \t\ufeff").isdigit():
        return "the first line is not the number of atoms"
    if len(lines) < 3 or _ATOM.match(lines[2]) is None:
        return "the third line is no atom (symbol and three coordinates)"
    return None
