"""Cartesian coordinates of molecules (``.xyz``): number of atoms, a comment, one atom a line; several frames."""

from __future__ import annotations

import re
from pathlib import Path

from labile.core.cell import StructureError
from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Provenance
from labile.core.structure import Molecule
from labile.formats.amounts import amount
from labile.formats.cif_items import element_and_charge, element_of_label
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode, split_lines

LENGTHS = {"angstrom": 1e-10, "bohr": 5.29177210544e-11, "nm": 1e-9, "m": 1.0}
"""m; the Bohr radius is that of CODATA 2022."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d{1,3})?")


def read(
    path: Path | str,
    *,
    frame: int | None = None,
    unit: str = "angstrom",
    temperature: float | str | None = None,
    pressure: float | str | None = None,
) -> list[Molecule]:
    r"""Read the frames of an .xyz file.

    Parameters
    ----------
    path : path-like
    frame : int, optional
        Number of the one frame to read, from 1; by default all.
    unit : {"angstrom", "bohr", "nm", "m"}
        Of the coordinates; the format has no place for it.
    temperature, pressure : float or str, optional
        K and Pa, or with a unit; the format has no place for them either.

    Returns
    -------
    list of Molecule
        Labels are those of the file where all differ, else element and number.

    Raises
    ------
    FormatError
        Naming file and line: for a count that does not fit, lines that are no atom, unknown elements, two atoms at one
        place.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "co.xyz"
    >>> _ = file.write_text("2\ncarbon monoxide\nC 0 0 0\nO 0 0 1.128\n")
    >>> read(file)[0].labels
    ('C1', 'O1')
    """
    path = Path(path)
    if unit not in LENGTHS:
        raise FormatError(f"{path.name}: option unit={unit!r} is unknown; use {', '.join(LENGTHS)}")
    conditions = None
    if temperature is not None:
        kelvin = amount(path.name, "temperature", temperature, "K", "temperature")
        pascal = AMBIENT_PRESSURE if pressure is None else amount(path.name, "pressure", pressure, "Pa", "pressure")
        try:
            conditions = Conditions(kelvin, pascal)
        except ValueError as error:
            raise FormatError(f"{path.name}: {error}") from None
    elif pressure is not None:
        raise FormatError(f"{path.name}: option pressure needs option temperature beside it")
    try:
        lines = split_lines(decode(path.read_bytes()))
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    options = {"unit": unit} if unit != "angstrom" else {}
    provenance = Provenance.of_file(path, "xyz", options)
    found: list[Molecule] = []
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        molecule, place = _frame(path, lines, place, len(found) + 1, LENGTHS[unit], conditions, provenance)
        found.append(molecule)
    if not found:
        raise FormatError(f"{path.name}: the file holds no frame")
    if frame is not None:
        if not 1 <= frame <= len(found):
            raise FormatError(f"{path.name}: option frame={frame!r}: there are frames 1 to {len(found)}")
        return [found[frame - 1]]
    return found


def _frame(
    path: Path,
    lines: list[str],
    start: int,
    number: int,
    scale: float,
    conditions: Conditions | None,
    provenance: Provenance,
) -> tuple[Molecule, int]:
    head = lines[start].split()
    if len(head) != 1 or not head[0].isdigit() or int(head[0]) == 0:
        raise FormatError(
            f"{path.name}, line {start + 1}: the number of atoms of frame {number} is expected, found"
            f" {lines[start].strip()[:40]!r}"
        )
    count = int(head[0])
    rows = lines[start + 2 : start + 2 + count]
    if len(rows) < count:
        raise FormatError(
            f"{path.name}, line {start + 1}: frame {number} announces {count} atoms, {len(rows)} lines follow"
        )
    comment = lines[start + 1].strip()
    symbols, elements, positions = [], [], []
    steps: list[str] = []
    for n, row in enumerate(rows, start + 3):
        words = row.split()
        if len(words) < 4 or any(_NUMBER.fullmatch(word) is None for word in words[1:4]):
            raise FormatError(
                f"{path.name}, line {n}: an atom (symbol, three coordinates) is expected, found {row.strip()[:36]!r};"
                f" does frame {number} have {count} atoms?"
            )
        element = _element(words[0])
        if not element:
            raise FormatError(f"{path.name}, line {n}: {words[0]!r} names no element")
        symbols.append(words[0])
        elements.append(element)
        positions.append([float(word.lower().replace("d", "e")) * scale for word in words[1:4]])
        if len(words) > 4 and not steps:
            steps.append("columns after the coordinates were not read")
    if re.search(r"\bLattice\s*=", comment, re.IGNORECASE):
        steps.append("the comment names a lattice, which was not used: atoms of neighbouring cells are missing")
    _apart(path, start + 3, positions, symbols)
    labels = tuple(symbols) if len(set(symbols)) == len(symbols) and set(symbols) != set(elements) else ()
    try:
        molecule = Molecule(
            label=path.stem if number == 1 else f"{path.stem}_{number}",
            elements=tuple(elements),
            positions=positions,
            labels=labels,
            comment=comment,
            conditions=conditions,
            provenance=provenance.then(*steps),
        )
    except StructureError as error:
        raise FormatError(f"{path.name}: {error}") from None
    return molecule, start + 2 + count


def _element(text: str) -> str:
    if text.isdigit():
        import gemmi

        known = 0 < int(text) < 119
        return str(gemmi.Element(int(text)).name) if known else ""
    return element_and_charge(text)[0] or element_of_label(text, frozenset())


def _apart(path: Path, first_line: int, positions: list[list[float]], symbols: list[str]) -> None:
    """Refuse two atoms at one place; a frame pasted twice looks like that."""
    seen: dict[tuple[int, ...], int] = {}
    for n, place in enumerate(positions):
        key = tuple(round(x / 1e-13) for x in place)
        if key in seen:
            other = seen[key]
            raise FormatError(
                f"{path.name}, line {first_line + n}: {symbols[n]} stands where {symbols[other]} of line"
                f" {first_line + other} does"
            )
        seen[key] = n
