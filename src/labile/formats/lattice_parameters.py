"""Tables of lattice parameters against temperature or pressure: titled columns, or the bare rows that PASCal takes."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labile.core.cell import StructureError, cell_volume, check_cells
from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Provenance
from labile.core.structure import CellSeries
from labile.core.units import UnitError, scale_to_si, to_si
from labile.formats.amounts import amount
from labile.formats.cells import Table, parse_cell, text_table, workbook
from labile.formats.registry import FormatError
from labile.formats.signatures import ZIP
from labile.formats.structure_signatures import lattice_title
from labile.formats.text import TextError, decode, split_lines

SYSTEMS: dict[str, tuple[tuple[int, ...], dict[int, float]]] = {
    "triclinic": ((0, 1, 2, 3, 4, 5), {}),
    "monoclinic": ((0, 1, 2, 3, 4, 5), {3: 90.0, 5: 90.0}),
    "orthorhombic": ((0, 1, 2, 3, 4, 5), {3: 90.0, 4: 90.0, 5: 90.0}),
    "tetragonal": ((0, 0, 2, 3, 4, 5), {3: 90.0, 4: 90.0, 5: 90.0}),
    "hexagonal": ((0, 0, 2, 3, 4, 5), {3: 90.0, 4: 90.0, 5: 120.0}),
    "rhombohedral": ((0, 0, 0, 3, 3, 3), {}),
    "cubic": ((0, 0, 0, 3, 4, 5), {3: 90.0, 4: 90.0, 5: 90.0}),
}
"""For each crystal system which parameter equals which, and the angles that are fixed; monoclinic with b unique."""
NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
_INFERRED = {
    frozenset(NAMES): "triclinic",
    frozenset(("a", "b", "c", "beta")): "monoclinic",
    frozenset(("a", "b", "c")): "orthorhombic",
    frozenset(("a", "alpha")): "rhombohedral",
}
_PASCAL_WIDTH = 8
_SAME_VOLUME = 2e-3
"""Relative difference of a stated volume and that of the cell which rounding explains."""


@dataclass(frozen=True)
class _Column:
    position: int
    unit: str
    sigma: int | None = None


def read(
    path: Path | str,
    *,
    variable: str | None = None,
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    system: str | None = None,
    units: dict[str, str] | None = None,
    decimal: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
) -> list[CellSeries]:
    r"""Read a table of cells.

    Parameters
    ----------
    path : path-like
    variable : {"temperature", "pressure"}, optional
        What the first column of a table without titles is; where a comment of the file names one of them, it is that.
        Temperatures are in K, pressures in GPa, as in the input of PASCal.
    temperature, pressure : float or str, optional
        Of all rows, where no column holds it: SI, or with a unit. The pressure is ambient when left out; the
        temperature must be known.
    system : str, optional
        Crystal system, which supplies what the table leaves out (``"cubic"``: b = c = a, right angles) and ties equal
        parameters together: triclinic, monoclinic (b unique), orthorhombic, tetragonal, hexagonal, rhombohedral, cubic.
    units : mapping of str to str, optional
        Units of ``T``, ``P``, ``a``, ``b``, ``c``; they replace those in the titles.
    decimal : {".", ","}, optional
    separator : {"tab", ";", ",", "blanks"}, optional
    sheet : str, optional
        Of a workbook with several.

    Returns
    -------
    list of CellSeries
        One series, rows in the order of the file: the first is the reference of a strain.

    Raises
    ------
    FormatError
        Naming file and line: for rows that are not whole, cells that enclose no volume or contradict a column of
        volumes, parameters that neither the table nor the crystal system gives.
    UnitError
        For a unit that is unknown or of the wrong dimension.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = file.write_text("T (K),a (A),c (A)\n100,7.1230(5),9.4561(9)\n200,7.1312(5),9.4602(8)\n")
    >>> read(file, system="tetragonal")[0]
    <CellSeries 'cells': 2 cells, 100-200 K, 1.013e+05-1.013e+05 Pa>
    """
    path = Path(path)
    name = path.name
    if system is not None and system not in SYSTEMS:
        raise FormatError(f"{name}: option system={system!r} is unknown; use {', '.join(SYSTEMS)}")
    if variable not in (None, "temperature", "pressure"):
        raise FormatError(f"{name}: option variable={variable!r} is unknown; use temperature or pressure")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{name}: cannot be read ({error.strerror or error})") from None
    if not data.strip():
        raise FormatError(f"{name}: the file is empty")
    labels: tuple[str, ...] = ()
    if not data.startswith(ZIP):
        data, labels = _without_labels(data)
    table = workbook(path, sheet) if data.startswith(ZIP) else text_table(name, data, separator, decimal)
    given = {
        key: str(value)
        for key, value in {"variable": variable, "temperature": temperature, "pressure": pressure, "system": system,
                           "units": units, "decimal": decimal, "separator": separator, "sheet": sheet}.items()
        if value is not None
    }  # fmt: skip
    names = labels or tuple(f"line {number}" for number, _ in table.rows)
    if labels:
        table.steps.append("the first column holds the names of the rows")
    if any(table.titles):
        columns = _titled(table, units or {})
    else:
        columns = _untitled(table, variable or _announced(data, name), table.steps)
    provenance = Provenance.of_file(path, "lattice_parameters", given)
    return [_series(table, columns, path.stem, names, provenance, system, temperature, pressure)]


def cell_series(
    table: Table,
    *,
    label: str,
    names: tuple[str, ...],
    provenance: Provenance,
    system: str | None = None,
    temperature: float | str | None = None,
    pressure: float | str | None = None,
) -> CellSeries:
    """Cells of a table with titles that `lattice_title` knows; options as in `read`.

    Parameters
    ----------
    table : Table
    label : str
    names : tuple of str
        Of the rows.
    provenance : Provenance
        Of the table; its steps and what is assumed here are added.
    system : str, optional
    temperature, pressure : float or str, optional

    Returns
    -------
    CellSeries

    Raises
    ------
    FormatError, UnitError
        As in `read`.
    """
    return _series(table, _titled(table, {}), label, names, provenance, system, temperature, pressure)


def _series(
    table: Table,
    columns: dict[str, _Column],
    label: str,
    names: tuple[str, ...],
    provenance: Provenance,
    system: str | None,
    temperature: float | str | None,
    pressure: float | str | None,
) -> CellSeries:
    values, sigmas = _numbers(table, columns)
    kind = system or _system(table.name, columns, values, table.steps)
    cells, covariance = _cells(table, columns, values, sigmas, kind)
    _check_volumes(table, columns, values, sigmas, cells)
    conditions = _conditions(table.name, columns, values, sigmas, temperature, pressure, table.steps)
    try:
        return CellSeries(
            label,
            conditions,
            cells,
            covariance=covariance,
            names=names,
            space_group=kind,
            provenance=provenance.then(*table.steps),
        )
    except StructureError as error:
        raise FormatError(f"{table.name}: {error}") from None


def _without_labels(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A table whose first column names its rows, as programs of sequential refinement write it, without that column.

    Anything else comes back as it is.
    """
    try:
        every = split_lines(decode(data))
    except TextError:
        return data, ()
    lines = [line for line in every if line.strip() and not line.lstrip().startswith(("#", "!"))]
    for mark in ("\t", ";", ","):
        rows = list(csv.reader(lines, delimiter=mark, skipinitialspace=True))
        width = len(rows[0]) if rows else 0
        if width < 4 or len(rows) < 2 or any(len(row) != width for row in rows):
            continue
        named = all(parse_cell(row[0].strip()) is None and row[0].strip() for row in rows)
        numbers = all(sum(parse_cell(cell.strip()) is not None for cell in row[1:]) >= width // 2 for row in rows[1:])
        if named and numbers and not lattice_title(rows[0][0])[0]:
            text = "\n".join(mark.join(f'"{cell}"' if mark in cell else cell for cell in row[1:]) for row in rows)
            return text.encode(), tuple(row[0].strip() for row in rows[1:])
    return data, ()


def _titled(table: Table, units: dict[str, str]) -> dict[str, _Column]:
    columns: dict[str, _Column] = {}
    sigmas: dict[str, int] = {}
    last = ""
    for position, (title, below) in enumerate(zip(table.titles, table.units, strict=True)):
        found, unit, is_sigma = lattice_title(title)
        if is_sigma and not found:
            found = last
        if not found:
            continue
        if found in (sigmas if is_sigma else columns):
            raise FormatError(f"{table.name}: two columns are {'s.u. of ' if is_sigma else ''}{found}: {table.titles}")
        if is_sigma:
            sigmas[found] = position
        else:
            columns[found] = _Column(position, units.get(found, unit or below))
            last = found
    unknown = [key for key in units if key not in columns]
    if unknown:
        raise FormatError(f"{table.name}: option units: there is no column {unknown[0]!r}; there are {list(columns)}")
    if "a" not in columns:
        raise FormatError(f"{table.name}: no column is titled a; found {table.titles}")
    return {key: _Column(one.position, one.unit, sigmas.get(key)) for key, one in columns.items()}


def _untitled(table: Table, variable: str | None, steps: list[str]) -> dict[str, _Column]:
    width = len(table.titles)
    if width != _PASCAL_WIDTH:
        raise FormatError(
            f"{table.name}: {width} columns without titles; title them (T (K), a (A), ...) or give the eight of PASCal:"
            " T or P, its uncertainty, a, b, c, alpha, beta, gamma"
        )
    if variable is None:
        raise FormatError(f"{table.name}: is the first column temperature (K) or pressure (GPa)? say variable=")
    steps.append(f"rows as PASCal takes them: {variable}, its uncertainty, a, b, c, alpha, beta, gamma")
    first = _Column(0, "K" if variable == "temperature" else "GPa", 1)
    return {("T" if variable == "temperature" else "P"): first} | {
        key: _Column(2 + n, "angstrom" if n < 3 else "deg") for n, key in enumerate(NAMES)
    }


def _announced(data: bytes, name: str) -> str | None:
    """What the comment lines say varies."""
    comments = " ".join(
        line for line in data.decode("latin-1").splitlines() if line.lstrip().startswith(("#", "%", "!"))
    )
    found = {word.lower() for word in re.findall(r"temperature|pressure", f"{comments} {name}", re.IGNORECASE)}
    return found.pop() if len(found) == 1 else None


def _numbers(table: Table, columns: dict[str, _Column]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    values: dict[str, np.ndarray] = {}
    sigmas: dict[str, np.ndarray] = {}
    for key, column in columns.items():
        quantity = {"T": "temperature", "P": "pressure", "V": "cell_volume"}.get(
            key, "cell_length" if key in NAMES[:3] else "cell_angle"
        )
        unit = _unit(table.name, key, column.unit, quantity)
        read_values, read_sigmas = [], []
        for line, row in table.rows:
            cell = row[column.position]
            value, sigma = _cell(table, line, key, cell)
            if column.sigma is not None:
                if not math.isnan(sigma):
                    raise FormatError(
                        f"{table.name}, line {line}: the s.u. of {key} is given twice, in {cell!r} and beside"
                    )
                beside = row[column.sigma]
                sigma = _cell(table, line, f"s.u. of {key}", beside)[0] if beside else math.nan
                if sigma < 0:
                    raise FormatError(
                        f"{table.name}, line {line}: the s.u. of {key} is {beside}; it must not be negative"
                    )
            read_values.append(value)
            read_sigmas.append(sigma)
        scale = 1.0 if quantity == "cell_angle" else scale_to_si(unit, quantity)
        # cells keep their angles in degrees
        numbers = np.array(read_values)
        values[key] = numbers if quantity == "cell_angle" else np.asarray(to_si(numbers, unit, quantity))
        sigmas[key] = np.array(read_sigmas) * scale
    return values, sigmas


def _cell(table: Table, line: int, key: str, cell: str) -> tuple[float, float]:
    found = parse_cell(cell.replace(",", ".") if table.decimal == "," else cell)
    if found is None or found[2]:
        raise FormatError(f"{table.name}, line {line}: {key} is {cell!r}, a number such as 7.123(2) is expected")
    return found[0], found[1]


def _unit(name: str, key: str, unit: str, quantity: str) -> str:
    """Unit of a column: angstrom and degrees where none is written; a pressure must have one."""
    unit = {"A": "angstrom", "Å": "angstrom", "A^3": "angstrom^3", "A3": "angstrom^3", "Å3": "angstrom^3",
            "Å^3": "angstrom^3", "Å³": "angstrom^3", "°": "deg"}.get(unit, unit)  # fmt: skip
    if quantity == "cell_angle":
        if unit not in ("", "deg", "degrees", "degree"):
            raise UnitError(f"{name}: angles must be in degrees, column {key} is in {unit!r}")
        return "deg"
    if not unit:
        if quantity == "pressure":
            raise UnitError(f"{name}: the unit of column {key} is missing; write P (GPa), or units={{'P': 'GPa'}}")
        return {"temperature": "K", "cell_length": "angstrom", "cell_volume": "angstrom^3"}[quantity]
    try:
        scale_to_si(unit, quantity)
    except UnitError as error:
        raise UnitError(f"{name}: column {key}: {error}") from None
    return unit


def _system(name: str, columns: dict[str, _Column], values: dict[str, np.ndarray], steps: list[str]) -> str:
    stated = frozenset(key for key in NAMES if key in columns)
    found = _INFERRED.get(stated) or _by_volume(stated, values)
    if found is None:
        raise FormatError(
            f"{name}: columns {', '.join(key for key in NAMES if key in stated)} do not tell the whole cell; give"
            f" system=, one of {', '.join(SYSTEMS)}"
        )
    if found == "triclinic":
        right = [key for key in ("alpha", "beta", "gamma") if np.all(values[key] == 90.0)]
        if len(right) == 3:
            found = "orthorhombic"
        elif right == ["alpha", "gamma"]:
            found = "monoclinic"
        if right and found != "triclinic":
            steps.append(
                f"{', '.join(right)} are 90 degrees in all rows: taken as fixed by symmetry ({found} or higher)"
            )
    else:
        steps.append(f"crystal system {found}, from the columns there are")
    return found


def _by_volume(stated: frozenset[str], values: dict[str, np.ndarray]) -> str | None:
    """Crystal system that the volumes decide where a, or a and c, are all the table gives."""
    if "V" not in values or stated not in (frozenset("a"), frozenset("ac")):
        return None
    shapes = {"cubic": 1.0} if len(stated) == 1 else {"tetragonal": 1.0, "hexagonal": math.sqrt(3) / 2}
    ratios = values["V"] / (values["a"] ** 2 * values["c" if "c" in stated else "a"])
    return next((one for one, ratio in shapes.items() if np.all(np.abs(ratios / ratio - 1) < _SAME_VOLUME)), None)


def _cells(
    table: Table, columns: dict[str, _Column], values: dict[str, np.ndarray], sigmas: dict[str, np.ndarray], system: str
) -> tuple[np.ndarray, np.ndarray]:
    equal, fixed = SYSTEMS[system]
    count = len(table.rows)
    cells, sigma = np.zeros((count, 6)), np.zeros((count, 6))
    for k, key in enumerate(NAMES):
        source = next((j for j in range(6) if equal[j] == equal[k] and NAMES[j] in columns), None)
        if k in fixed:
            cells[:, k] = fixed[k]
            _agrees(table, columns, key, values, sigmas, cells[:, k], system)
        elif source is None:
            raise FormatError(f"{table.name}: no column gives {key}, which a {system} cell needs")
        else:
            cells[:, k] = values[NAMES[source]]
            sigma[:, k] = sigmas[NAMES[source]]
            _agrees(table, columns, key, values, sigmas, cells[:, k], system)
    tied = np.array([[float(i == j or (equal[i] == equal[j] and i not in fixed)) for j in range(6)] for i in range(6)])
    covariance = np.where(tied == 0, 0.0, sigma[:, :, None] * sigma[:, None, :])
    for n, (line, _) in enumerate(table.rows):
        try:
            check_cells(cells[n], "cell")
        except StructureError as error:
            raise FormatError(f"{table.name}, line {line}: {error}") from None
    return cells, covariance


def _agrees(
    table: Table,
    columns: dict[str, _Column],
    key: str,
    values: dict[str, np.ndarray],
    sigmas: dict[str, np.ndarray],
    wanted: np.ndarray,
    system: str,
) -> None:
    """Refuse a column that contradicts the crystal system."""
    if key not in columns:
        return
    slack = 3 * np.nan_to_num(sigmas[key]) + (0.02 if key in NAMES[3:] else 2e-4 * wanted)
    wrong = np.abs(values[key] - wanted) > slack
    if wrong.any():
        n = int(np.argmax(wrong))
        scale = 1.0 if key in NAMES[3:] else 1e10
        raise FormatError(
            f"{table.name}, line {table.rows[n][0]}: {key} is {values[key][n] * scale:g}, a {system} cell asks for"
            f" {wanted[n] * scale:g}"
        )


def _check_volumes(
    table: Table,
    columns: dict[str, _Column],
    values: dict[str, np.ndarray],
    sigmas: dict[str, np.ndarray],
    cells: np.ndarray,
) -> None:
    if "V" not in columns:
        return
    wanted = cell_volume(cells)
    wrong = np.abs(values["V"] - wanted) > 3 * np.nan_to_num(sigmas["V"]) + _SAME_VOLUME * wanted
    if wrong.any():
        n = int(np.argmax(wrong))
        raise FormatError(
            f"{table.name}, line {table.rows[n][0]}: the volume is given as {values['V'][n] * 1e30:g} A^3, the cell has"
            f" {wanted[n] * 1e30:g} A^3"
        )


def _conditions(
    name: str,
    columns: dict[str, _Column],
    values: dict[str, np.ndarray],
    sigmas: dict[str, np.ndarray],
    temperature: float | str | None,
    pressure: float | str | None,
    steps: list[str],
) -> Conditions:
    for key, option, value in (("T", "temperature", temperature), ("P", "pressure", pressure)):
        if value is not None and key in columns:
            raise FormatError(f"{name}: option {option} is given, but column {key} holds it")
    if "T" in columns:
        kelvin = values["T"]
    elif temperature is not None:
        kelvin = np.array([amount(name, "temperature", temperature, "K", "temperature")])
    else:
        raise FormatError(
            f"{name}: no column holds the temperature; give temperature=, for instance temperature='298 K'"
        )
    pascal = np.array([AMBIENT_PRESSURE])
    if "P" in columns:
        pascal = values["P"]
    elif pressure is not None:
        pascal = np.array([amount(name, "pressure", pressure, "Pa", "pressure")])
    else:
        steps.append("no pressure is stated: ambient assumed")
    count = len(next(iter(values.values())))
    known = {key: sigmas[key] for key in ("T", "P") if key in columns and np.isfinite(sigmas[key]).all()}
    try:
        return Conditions(
            np.broadcast_to(kelvin, (count,)),
            np.broadcast_to(pascal, (count,)),
            sigma_temperature=known.get("T"),
            sigma_pressure=known.get("P"),
        )
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from None
