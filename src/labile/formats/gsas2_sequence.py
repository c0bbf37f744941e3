"""Results of a sequential refinement as GSAS-II exports them (CSV): the cells of each phase over the series.

Layout, from the exporter of the program: titles in quotes, ``name`` first; ``PHASE::a`` and so on hold the independent
cell parameters, ``esd-PHASE::a`` their s.u., in angstrom and degrees. The export replaces every letter that is not
ASCII by a point, so the angles of a cell are all called ``PHASE::.``. Temperature (K) and pressure (MPa) are there only
when they change within the series. Cells of the table that have no value are empty, or ``None`` in old versions.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from labile.core.measurement import Provenance
from labile.core.structure import CellSeries
from labile.formats.cells import Table, parse_cell
from labile.formats.lattice_parameters import cell_series
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode, split_lines

_EMPTY = ("", "None", "nan")
_PARAMETER = re.compile(r"(?P<phase>\d+)::(?P<name>a|b|c|\.|alpha|beta|gamma|α|β|γ|Vol)")
_LETTERS = {"α": "alpha", "β": "beta", "γ": "gamma"}
_UNITS = {"T": "K", "P": "MPa", "a": "angstrom", "b": "angstrom", "c": "angstrom", "Vol": "angstrom^3"}
_ANGLES: dict[tuple[str, ...], tuple[str, ...]] = {("a",): ("alpha",), ("a", "b", "c"): ("beta",)}
"""What a single angle without its letter is, by the lengths that stand beside it."""


def read(
    path: Path | str,
    *,
    phase: int | None = None,
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    system: str | None = None,
) -> list[CellSeries]:
    r"""Read the cells of a sequential refinement.

    Parameters
    ----------
    path : path-like
    phase : int, optional
        Number of one phase, as in its titles; all phases when left out.
    temperature, pressure : float or str, optional
        Of all rows, where no column holds it: SI, or with a unit. The pressure is ambient when left out; the
        temperature must be known.
    system : str, optional
        Crystal system of the phases, where the columns and volumes do not tell it; see `lattice_parameters`.

    Returns
    -------
    list of CellSeries
        One for each phase, in the order of their numbers. Rows without a cell of the phase and rows the refinement
        was told not to use are left out; the provenance counts them. An s.u. of 0 belongs to a parameter that was not
        refined and is not stated.

    Raises
    ------
    FormatError
        For a file of another kind, rows of the wrong length, a phase that is not there, and as `lattice_parameters`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "run.csv"
    >>> _ = file.write_text(
    ...     '"name","Use","Temperature","0::a","esd-0::a","0::Vol","esd-0::Vol"\n'
    ...     '"PWDR x.fxye Bank 1",True,100.0,7.1230,0.0002,361.400,0.03\n'
    ...     '"PWDR y.fxye Bank 1",True,200.0,7.1300,0.0002,362.467,0.03\n'
    ... )
    >>> read(file)[0]
    <CellSeries 'run phase 0': 2 cells, 100-200 K, 1.013e+05-1.013e+05 Pa>
    """
    path = Path(path)
    titles, rows = _rows(path)
    steps: list[str] = []
    if "Use" in titles:
        chosen = [one for one in rows if one[1][titles.index("Use")] not in ("False", "0")]
        if len(chosen) < len(rows):
            steps.append(f"{len(rows) - len(chosen)} rows left out that the refinement was told not to use")
        rows = chosen
    phases = sorted({int(found["phase"]) for title in titles if (found := _PARAMETER.fullmatch(title))})
    if phase is not None and phase not in phases:
        raise FormatError(f"{path.name}: there is no cell of phase {phase}; there are phases {phases}")
    options = {"phase": phase, "temperature": temperature, "pressure": pressure, "system": system}
    given = {key: str(value) for key, value in options.items() if value is not None}
    series: list[CellSeries] = []
    for number in phases if phase is None else [phase]:
        table, names = _table(path.name, titles, rows, number)
        series.append(
            cell_series(
                table,
                label=f"{path.stem} phase {number}",
                names=names,
                provenance=Provenance.of_file(path, "gsas2_sequence", given).then(*steps),
                system=system,
                temperature=temperature,
                pressure=pressure,
            )
        )
    return series


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Titles, and rows with their line numbers."""
    try:
        lines = split_lines(decode(path.read_bytes()))
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    content = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    try:
        cells = [(number, next(csv.reader([line]))) for number, line in content]
    except csv.Error as error:
        raise FormatError(f"{path.name}: {error}") from None
    if not cells or not any(_PARAMETER.fullmatch(title) for title in cells[0][1]):
        raise FormatError(f"{path.name}: no column is titled 0::a or the like, as in sequential results of GSAS-II")
    titles = [title.strip() for title in cells[0][1]]
    for number, row in cells[1:]:
        if len(row) != len(titles):
            raise FormatError(f"{path.name}, line {number}: {len(row)} columns, the titles are {len(titles)}")
    if len(cells) < 2:
        raise FormatError(f"{path.name}: there are titles but no rows")
    return titles, [(number, [cell.strip() for cell in row]) for number, row in cells[1:]]


def _table(
    name: str, titles: list[str], rows: list[tuple[int, list[str]]], phase: int
) -> tuple[Table, tuple[str, ...]]:
    """Columns of one phase under the titles of a table of cells, and the names of its rows."""
    own = {found["name"] for title in titles if (found := _PARAMETER.fullmatch(title)) and int(found["phase"]) == phase}
    lengths = tuple(one for one in ("a", "b", "c") if one in own)
    angles: Iterator[str] = iter(())
    columns: dict[str, tuple[int, str]] = {}
    steps: list[str] = []
    lost = sum(title == f"{phase}::." for title in titles)
    if lost:
        meant = ("alpha", "beta", "gamma") if lost == 3 else _ANGLES.get(lengths, ())
        if len(meant) != lost:
            raise FormatError(
                f"{name}: phase {phase} has {lost} angles whose letters the export lost beside {', '.join(lengths)};"
                " title them alpha, beta, gamma"
            )
        if lengths != ("a",) and lost == 1:
            steps.append(f"phase {phase}: the export lost the letter of the angle; assumed to be beta (unique axis b)")
        angles = iter(meant)
    last = ""
    for place, title in enumerate(titles):
        what = {"Temperature": "T", "Pressure": "P"}.get(title, "")
        plain = title.removeprefix("esd-")
        found = _PARAMETER.fullmatch(plain)
        if found is not None and int(found["phase"]) == phase:
            if plain != title:
                what = f"sigma_{last}"
            else:
                what = last = next(angles) if found["name"] == "." else _LETTERS.get(found["name"], found["name"])
        if what:
            if what in columns:
                raise FormatError(f"{name}: two columns are {what} of phase {phase}: {titles}")
            columns[what] = place, _UNITS.get(what.removeprefix("sigma_"), "")
    kept, names = [], []
    for number, row in rows:
        cells = ["" if row[place] in _EMPTY else row[place] for place, _ in columns.values()]
        empty = [key for key, cell in zip(columns, cells, strict=True) if not (cell or key.startswith("sigma_"))]
        if any(key in _UNITS and key not in ("T", "P") for key in empty):
            continue
        kept.append((number, ["" if _unrefined(key, cell) else cell for key, cell in zip(columns, cells, strict=True)]))
        names.append(row[0])
    if len(kept) < len(rows):
        steps.append(f"phase {phase}: {len(rows) - len(kept)} rows left out that hold no cell of it")
    if not kept:
        raise FormatError(f"{name}: no row holds a cell of phase {phase}")
    units = [unit for _, unit in columns.values()]
    return Table(name, list(columns), kept, units, ".", 1, steps), tuple(names)


def _unrefined(key: str, cell: str) -> bool:
    parsed = parse_cell(cell) if key.startswith("sigma_") and cell else None
    return parsed is not None and parsed[0] == 0
