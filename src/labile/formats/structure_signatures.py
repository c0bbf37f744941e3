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


_TITLES = {
    "a": "a", "b": "b", "c": "c", "alpha": "alpha", "beta": "beta", "gamma": "gamma", "al": "alpha", "be": "beta",
    "ga": "gamma", "α": "alpha", "β": "beta", "γ": "gamma", "v": "V", "volume": "V", "vol": "V", "cellvolume": "V",
    "t": "T", "temp": "T", "temperature": "T", "p": "P", "press": "P", "pressure": "P",
}  # fmt: skip
_SIGMA_WORD = r"(?:sigma|sig|σ|e\.?s\.?d\.?|s\.?u\.?|err(?:or)?|unc(?:ertainty)?|std|s\.?d\.?|±|\+/-|delta|δ|u|d)"
_SIGMA_ALONE = re.compile(rf"(?![du]$){_SIGMA_WORD}", re.IGNORECASE)
_SIGMA_OF = re.compile(rf"{_SIGMA_WORD}(?:[\s_.\-]+|\s*\()(?P<of>[^()]+?)\)?", re.IGNORECASE)
_OF_SIGMA = re.compile(rf"(?P<of>[^()]+?)[\s_.\-]+{_SIGMA_WORD}", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"(?P<name>.+?)\s*[(\[](?P<unit>[^()\[\]]*)[)\]]\s*")
_NUMERIC = re.compile(rf"{_NUMBER}(?:\(\d+\))?")


def lattice_title(title: str) -> tuple[str, str, bool]:
    """What a column title of a table of cells says: which column, its unit, and whether it holds the s.u.

    Columns are T, P, a, b, c, alpha, beta, gamma and V. The name is empty for other columns, and for an s.u. that
    names no column (it is that of the column before).

    Examples
    --------
    >>> lattice_title("a (Å)"), lattice_title("sigma_a"), lattice_title("esd"), lattice_title("P / GPa")
    (('a', 'Å', False), ('a', '', True), ('', '', True), ('P', 'GPa', False))
    """
    text = title.strip().strip('"').strip()
    of = _SIGMA_OF.fullmatch(text)
    if of is not None and _named(of["of"]):
        return _named(of["of"]), "", True
    unit = ""
    bracket = _IN_BRACKETS.fullmatch(text)
    if bracket is not None:
        text, unit = bracket["name"].strip(), bracket["unit"].strip()
    elif "/" in text and not text.startswith("+/-"):
        text, _, unit = (part.strip() for part in text.partition("/"))
    if _SIGMA_ALONE.fullmatch(text):
        return "", unit, True
    for pattern in (_SIGMA_OF, _OF_SIGMA):
        match = pattern.fullmatch(text)
        if match is not None and _named(match["of"]):
            return _named(match["of"]), unit, True
    return _named(text), unit, False


def _named(text: str) -> str:
    plain = text.strip().replace(" ", "").replace("_", "")
    # capitals A, B, C are no edges, t is a time
    return "" if plain in ("A", "B", "C", "t") else _TITLES.get(plain.lower(), "")


def lattice_parameters(head: bytes, name: str) -> str | None:
    """A table of cells: titles T or P and at least two of a, b, c, angles; or rows of eight numbers as PASCal takes."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    if len(head) >= 16384:
        lines = lines[:-1]  # the last one may be cut
    content = [line for line in lines if line.strip() and not re.match(r"^\s*[#%!]", line)]
    rows = [re.split(r"[\s,;]+", line.strip().strip(",;")) for line in content]
    numeric = [row for row in rows if all(_NUMERIC.fullmatch(cell) for cell in row)]
    if len(numeric) >= 2 and len(numeric) == len(rows) and all(len(row) == 8 for row in rows):
        numbers = [[float(re.sub(r"\(\d+\)", "", cell).lower().replace("d", "e")) for cell in row] for row in rows]
        if all(all(1.5 < x < 300 for x in row[2:5]) and all(30 <= x <= 150 for x in row[5:]) for row in numbers):
            return None
        return "eight columns, but no edges in angstrom and angles in degrees"
    candidates = content[:1] + [line.lstrip(" #%!") for line in lines if re.match(r"^\s*[#%!]", line)][-1:]
    for line in candidates:
        for mark in ("\t", ";", ",", r"\s{2,}", r"\s+(?![(\[/])"):
            found = {title for part in re.split(mark, line) if (title := lattice_title(part)[0])}
            if found & {"T", "P"} and len(found & {"a", "b", "c", "alpha", "beta", "gamma"}) >= 2:
                return None
    return "no column titles T or P and a, b, c, and no rows of eight numbers that are cells"


_SEQUENCE = re.compile(r'^\s*"?name"?,.*"?\d+::(?:a|b|c|Vol)"?(?:,|$)')


def gsas2_sequence(head: bytes, name: str) -> str | None:
    """Sequential results of GSAS-II: titles in one line, the first is name, others are cell parameters such as 0::a."""
    lines = _lines(head)
    if isinstance(lines, str):
        return lines
    first = next((line for line in lines if line.strip()), "")
    return None if _SEQUENCE.match(first.lstrip("\ufeff")) else "the first line is no list of titles (name, ..., 0::a)"
