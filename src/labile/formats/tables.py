"""Tables of numbers: CSV, TSV, semicolons, blanks, .xlsx, and labile's own CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.exchange import CSV_MARK, read_csv
from labile.core.measurement import BRANCHES, Measurement, Provenance
from labile.core.units import UnitError, field_unit, scale_to_si, si_unit, to_si
from labile.formats.amounts import amount
from labile.formats.cells import MISSING, Table, parse_cell, sheet_rows, text_table, workbook
from labile.formats.columns import CONDITIONS, SMALLEST_MOMENT, VALUES, Column, fits, understand
from labile.formats.registry import FormatError
from labile.formats.signatures import ZIP, multivu_titles


def read(
    path: Path | str,
    *,
    columns: Mapping[str, str | int] | None = None,
    units: Mapping[str | int, str] | None = None,
    quantity: str | None = None,
    digitising_error: float | str | None = None,
    sample: str = "sample",
    branch: str = "equilibrium",
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    magnetic_field: float | str | None = None,
    decimal: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    duplicates: str = "error",
) -> list[Measurement]:
    r"""Read one measurement per value column of a table.

    Parameters
    ----------
    path : path-like
    columns : mapping, optional
        Which column is what, where the titles do not say it or say it wrongly: quantity (or ``"sigma"``,
        ``"sigma_temperature"``) to a title or a 1-based number.
    units : mapping, optional
        Units by quantity, title or 1-based number; they replace those in the titles.
    quantity : str, optional
        What the values are, when only one column can be meant; with several value columns, the one to read.
    digitising_error : float or str, optional
        Standard uncertainty of reading the curve off a figure, in the unit of the values or with its own
        (``"0.02 cm3 K/mol"``); added in quadrature to the sigma of the table.
    sample, branch : str
        For the measurements.
    temperature, pressure, magnetic_field : float or str, optional
        Of all points, where no column holds it: SI, or with a unit (``"1.2 kbar"``).
    decimal : {".", ","}, optional
    separator : {"tab", ";", ",", "blanks"}, optional
    sheet : str, optional
        Of a workbook with several.
    duplicates : {"error", "keep"}
        What to do with rows that repeat another one in all columns that are read.

    Returns
    -------
    list of Measurement
        Everything left out or decided is in ``provenance.steps``.

    Raises
    ------
    FormatError
        Naming file and line, when the table is damaged or ambiguous, or no column can be understood.
    UnitError
        Naming file and column, when a unit is missing, unknown or of the wrong dimension.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("T (K),chiT (cm3 K/mol)\n120,3.00(3)\n300,3.12(3)\n")
    >>> read(file)[0].describe_point(1)
    '3.12(3) cm³ K mol⁻¹ at 300 K'
    """
    path = Path(path)
    options = {
        "columns": columns, "units": units, "quantity": quantity, "digitising_error": digitising_error,
        "sample": None if sample == "sample" else sample, "branch": None if branch == "equilibrium" else branch,
        "temperature": temperature, "pressure": pressure, "magnetic_field": magnetic_field, "decimal": decimal,
        "separator": separator, "sheet": sheet, "duplicates": None if duplicates == "error" else duplicates,
    }  # fmt: skip
    given = {
        name: value if isinstance(value, str) else repr(value) for name, value in options.items() if value is not None
    }
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    if not data.strip():
        raise FormatError(f"{path.name}: the file is empty")
    if data.lstrip(b'\xef\xbb\xbf"').startswith(CSV_MARK.encode()):
        if given:
            raise FormatError(
                f"{path.name}: labile wrote this file, it says everything itself; leave out {', '.join(given)}"
            )
        return [read_csv(path)]
    _check_choices(path.name, branch, decimal, duplicates, quantity)
    if data.startswith(ZIP) and not {"columns", "units", "quantity", "sheet", "decimal", "separator"} & given.keys():
        if any(multivu_titles(cells) for _, cells in sheet_rows(path, None)[1][:100]):
            from labile.formats import quantum_design

            return quantum_design.read(path, sample=sample, duplicates=duplicates)
    table = workbook(path, sheet) if data.startswith(ZIP) else text_table(path.name, data, separator, decimal)
    fixed = {"temperature": temperature, "pressure": pressure, "magnetic_field": magnetic_field}
    provenance = Provenance.of_file(path, "tables", given)
    blocks = [range(len(table.titles))] if columns else _side_by_side(table)
    found: list[Measurement] = []
    for block in blocks:
        part = replace(table, steps=list(table.steps))
        if len(blocks) > 1:
            part.steps.append(
                f"{len(blocks)} tables side by side; this one is columns {block.start + 1} to {block.stop}"
            )
        meaning = _assign(part, dict(columns or {}), dict(units or {}), quantity, block)
        found += _measurements(
            part, meaning, fixed, digitising_error, duplicates, sample, branch, provenance, alone=len(blocks) == 1
        )
    return found


def _check_choices(name: str, branch: str, decimal: str | None, duplicates: str, quantity: str | None) -> None:
    for option, value, allowed in (
        ("branch", branch, BRANCHES),
        ("decimal", decimal, (None, ".", ",")),
        ("duplicates", duplicates, ("error", "keep")),
        ("quantity", quantity, (None, *VALUES)),
    ):
        if value not in allowed:
            known = ", ".join(repr(one) for one in allowed if one is not None)
            raise FormatError(f"{name}: option {option}={value!r} is unknown; use one of {known}")


def _side_by_side(table: Table) -> list[range]:
    """Columns of each part when every temperature column is followed by values of its own."""
    understood = [understand(title).candidates for title in table.titles]
    starts = [i for i, candidates in enumerate(understood) if candidates == ("temperature",)]
    blocks = [range(start, stop) for start, stop in pairwise([*starts, len(understood)])]
    if len(blocks) < 2 or starts[0] or not all(any(set(VALUES) & {*understood[i]} for i in block) for block in blocks):
        return [range(len(understood))]
    return blocks


@dataclass(frozen=True)
class _Use:
    """One column that is read: position (from 0), quantity and unit; `sigma` is another column's position."""

    position: int
    quantity: str
    unit: str
    sigma: int | None = None
    sigma_unit: str = ""
    branch: str = ""


def _assign(
    table: Table, columns: dict[str, str | int], units: dict[str | int, str], quantity: str | None, block: range
) -> dict[str, list[_Use]]:
    """Conditions (one column each) and values (one or several) among the columns."""
    understood = [understand(title) for title in table.titles]
    for key in columns:
        if key not in (*CONDITIONS, *VALUES, "sigma", "sigma_temperature"):
            known = ", ".join((*CONDITIONS, *VALUES, "sigma", "sigma_temperature"))
            raise FormatError(f"{table.name}: columns names the unknown quantity {key!r}; known: {known}")
    stated = {_position(table, wanted, f"columns[{key!r}]"): key for key, wanted in columns.items()}
    for named in units:
        if named not in (*CONDITIONS, *VALUES, "sigma", "sigma_temperature"):
            _position(table, named, "units")
    uses: dict[str, list[_Use]] = {}
    unknown: list[int] = []
    sigmas: list[int] = []
    for position in block:
        column = understood[position]
        found: str | None
        if position in stated:
            if stated[position].startswith("sigma"):
                continue
            found = stated[position]
        elif column.sigma_of is not None:
            sigmas.append(position)
            continue
        else:
            found = _choose(table, position, column, units)
            if found is not None and found in columns:
                found = None  # another column was named for this quantity
        if found is None:
            unknown.append(position)
            continue
        unit = _unit(table, position, column, found, units)
        uses.setdefault(found, []).append(_Use(position, found, unit, branch=column.branch))
    if quantity is not None and quantity not in uses:
        meant = [p for p in unknown if not understood[p].candidates or quantity in understood[p].candidates]
        if len(meant) != 1:
            raise FormatError(
                f"{table.name}: quantity={quantity!r}, but {'no' if not meant else 'more than one'} column can "
                "be meant: "
                f"{_list(table)}. Name it: columns={{{quantity!r}: number}}"
            )
        unknown.remove(meant[0])
        use = _Use(meant[0], quantity, _unit(table, meant[0], understood[meant[0]], quantity, units))
        uses[quantity] = [use]
    for name in CONDITIONS:
        if len(uses.get(name, [])) > 1:
            raise FormatError(
                f"{table.name}: several columns are a {name}: {_list(table, [u.position for u in uses[name]])}. "
                "Name the "
                f"one that counts: columns={{{name!r}: number}}"
            )
    values = [name for name in VALUES if name in uses and quantity in (None, name)]
    if not values:
        raise FormatError(
            f"{table.name}: no column is recognised as a measured value. Columns: {_list(table)}. Name one, for "
            "instance columns={'chi_t': 2} with units={'chi_t': 'cm3 K/mol'}"
        )
    _attach_sigmas(table, understood, uses, sigmas, columns, units, unknown)
    if unknown:
        table.steps.append(f"columns not read: {_list(table, unknown)}")
    return {name: found for name, found in uses.items() if name in CONDITIONS or name in values}


def _attach_sigmas(
    table: Table,
    understood: list[Column],
    uses: dict[str, list[_Use]],
    sigmas: list[int],
    columns: dict[str, str | int],
    units: dict[str | int, str],
    unknown: list[int],
) -> None:
    """Give each uncertainty column to the column it belongs to."""
    everything = [use for found in uses.values() for use in found]
    pairs: list[tuple[int, _Use]] = []
    for position in sigmas:
        of = understood[position].sigma_of or ""
        if of:
            targets = [use for use in everything if understood[use.position].name == of]
            targets = targets or [use for use in everything if use.quantity in understand(of).candidates]
            if len(targets) > 1:
                targets = [use for use in targets if use.branch == understood[position].branch]
        else:
            targets = sorted((use for use in everything if use.position < position), key=lambda use: use.position)[-1:]
        if len(targets) == 1:
            pairs.append((position, targets[0]))
        elif len(targets) > 1:
            raise FormatError(
                f"{table.name}: column {position + 1} {table.titles[position]!r} may belong to several columns: "
                f"{_list(table, [use.position for use in targets])}. Use their exact titles"
            )
        else:
            unknown.append(position)
    for key in ("sigma", "sigma_temperature"):
        if key in columns:
            wanted = [
                u for u in everything if (u.quantity == "temperature" if key != "sigma" else u.quantity in VALUES)
            ]
            if len(wanted) != 1:
                raise FormatError(f"{table.name}: columns[{key!r}] needs exactly one column it can belong to")
            pairs.append((_position(table, columns[key], f"columns[{key!r}]"), wanted[0]))
    for position, use in pairs:
        if any(
            other is not pair and other[1] == use
            for pair in [(position, use)]
            for other in pairs
            if other[0] != position
        ):
            raise FormatError(
                f"{table.name}: column {use.position + 1} {table.titles[use.position]!r} has two sigma columns"
            )
        unit = _stated_unit(table, position, "sigma_temperature" if use.quantity == "temperature" else "sigma", units)
        unit = unit or understood[position].unit or table.units[position] or use.unit
        _check_unit(table, position, unit, use.quantity)
        found = uses[use.quantity]
        found[found.index(use)] = replace(use, sigma=position, sigma_unit=unit)
        table.steps.append(f"sigma of column {use.position + 1} from column {position + 1} {table.titles[position]!r}")


def _choose(table: Table, position: int, column: Column, units: dict[str | int, str]) -> str | None:
    """The quantity a title stands for; the unit decides where a letter has several meanings."""
    if len(column.candidates) < 2:
        return column.candidates[0] if column.candidates else None
    named = [name for name in column.candidates if name in units]
    if len(named) == 1:
        return named[0]
    unit = _stated_unit(table, position, "", units) or column.unit or table.units[position]
    fitting = [name for name in column.candidates if unit and fits(unit, name)]
    if len(fitting) == 1:
        return fitting[0]
    if not unit:
        table.steps.append(
            f"column {position + 1} {column.name!r} may be {' or '.join(column.candidates)}, its unit is missing"
        )
        return None
    raise UnitError(
        f"{table.name}, column {position + 1} {table.titles[position]!r}: unit {unit!r} fits none of what "
        f"{column.name!r} "
        f"may be ({', '.join(column.candidates)}); name it with columns="
    )


def _stated_unit(table: Table, position: int, quantity: str, units: dict[str | int, str]) -> str:
    for key, unit in units.items():
        if key == quantity or (
            key not in (*CONDITIONS, *VALUES)
            and not str(key).startswith("sigma")
            and _position(table, key, "units") == position
        ):
            return unit
    return ""


def _unit(table: Table, position: int, column: Column, quantity: str, units: dict[str | int, str]) -> str:
    unit = _stated_unit(table, position, quantity, units) or column.unit or table.units[position]
    if not unit and si_unit(quantity) == "1":
        return "1"
    _check_unit(table, position, unit, quantity)
    return unit


def _check_unit(table: Table, position: int, unit: str, quantity: str) -> None:
    try:
        scale = scale_to_si(unit, quantity)
        if quantity == "moment" and scale < SMALLEST_MOMENT:
            raise UnitError(f"{unit!r} is a moment per formula unit (magnetization), not that of a sample")
    except UnitError as error:
        raise UnitError(
            f"{table.name}, line {table.title_line}, column {position + 1} "
            f"{table.titles[position]!r}: {error}; or say "
            f"units={{{quantity!r}: {field_unit(quantity)!r}}}"
        ) from None


def _position(table: Table, wanted: str | int, option: str) -> int:
    number = int(wanted) if isinstance(wanted, int) or (isinstance(wanted, str) and wanted.isdecimal()) else 0
    if wanted in table.titles and table.titles.count(str(wanted)) == 1:
        return table.titles.index(str(wanted))
    named = [i for i, title in enumerate(table.titles) if understand(title).name == wanted]
    if len(named) == 1:
        return named[0]
    if 1 <= number <= len(table.titles):
        return number - 1
    raise FormatError(f"{table.name}: option {option} asks for column {wanted!r}; the columns are {_list(table)}")


def _list(table: Table, positions: list[int] | None = None) -> str:
    chosen = range(len(table.titles)) if positions is None else positions
    return ", ".join(f"{i + 1} {table.titles[i]!r}" if table.titles[i] else f"{i + 1} (no title)" for i in chosen)


@dataclass
class _Numbers:
    """The numbers of one use, by row; NaN where a cell is blank."""

    value: np.ndarray
    sigma: np.ndarray
    limit: np.ndarray


def _numbers(table: Table, use: _Use) -> _Numbers:
    count = len(table.rows)
    numbers = _Numbers(np.full(count, math.nan), np.full(count, math.nan), np.zeros(count, dtype=int))
    for i, (line, cells) in enumerate(table.rows):
        for position in (use.position, use.sigma):
            if position is None:
                continue
            cell = cells[position]
            if cell.lower() in MISSING:
                continue
            parsed = parse_cell(cell.replace(",", ".") if table.decimal == "," else cell)
            where = f"{table.name}, line {line}, column {position + 1} {table.titles[position]!r}"
            if parsed is None:
                raise FormatError(
                    f"{where}: {cell[:80]!r} is not a number; expected for instance 3.12, 3.12(3), 1.2e-3 or <0.3"
                )
            value, own_sigma, limit = parsed
            if own_sigma <= 0:
                raise FormatError(f"{where}: {cell!r} has the standard uncertainty 0; write one above 0 or none")
            if position == use.sigma:
                if not value > 0 or limit or not math.isnan(own_sigma):
                    raise FormatError(f"{where}: {cell!r} is no standard uncertainty; it must be a number above 0")
                if not math.isnan(numbers.sigma[i]):
                    raise FormatError(
                        f"{where}: the uncertainty of this point is given twice, here and as '(..)' in its value"
                    )
                numbers.sigma[i] = value * scale_to_si(use.sigma_unit, use.quantity)
            else:
                if limit and use.quantity not in VALUES:
                    raise FormatError(f"{where}: {cell!r} is a limit, which a {use.quantity} cannot be")
                numbers.value[i], numbers.limit[i] = to_si(value, use.unit, use.quantity), limit
                numbers.sigma[i] = own_sigma * scale_to_si(use.unit, use.quantity)
    return numbers


def _measurements(
    table: Table,
    meaning: dict[str, list[_Use]],
    fixed: Mapping[str, float | str | None],
    digitising_error: float | str | None,
    duplicates: str,
    sample: str,
    branch: str,
    provenance: Provenance,
    alone: bool,
) -> list[Measurement]:
    conditions = {name: _numbers(table, meaning[name][0]) for name in CONDITIONS if name in meaning}
    for name, value in fixed.items():
        if value is not None:
            if name in conditions:
                raise FormatError(
                    f"{table.name}: option {name}={value!r}, but column {meaning[name][0].position + 1} holds it"
                )
            constant = np.full(len(table.rows), amount(table.name, name, value, si_unit(name), name))
            conditions[name] = _Numbers(
                constant, np.full(len(table.rows), math.nan), np.zeros(len(table.rows), dtype=int)
            )
    if "temperature" not in conditions:
        raise FormatError(
            f"{table.name}: no column is a temperature. Columns: {_list(table)}. Name it with columns={{'temperature': "
            "number}, or give the temperature of all points, temperature='80 K'"
        )
    cold = np.flatnonzero(conditions["temperature"].value <= 0)
    if cold.size:
        line, kelvin = table.rows[cold[0]][0], conditions["temperature"].value[cold[0]]
        in_kelvin = "temperature" in meaning and to_si(0.0, meaning["temperature"][0].unit, "temperature") == 0.0
        celsius = " (is the column in degrees Celsius? then say so: units={'temperature': 'degC'})" if in_kelvin else ""
        raise FormatError(
            f"{table.name}, line {line}: the temperature is {kelvin:g} K, it must be above 0 K{celsius}; correct or"
            " remove the row"
        )
    uses = [use for name in VALUES for use in meaning.get(name, [])]
    values = [_numbers(table, use) for use in uses]
    if duplicates == "error":
        _refuse_duplicates(table, [*conditions.values(), *values], values)
    of_temperature = meaning["temperature"][0].branch if "temperature" in meaning else ""
    return [
        _one(
            table, use, numbers, conditions, digitising_error, sample,
            _branch(table, use, of_temperature, branch), provenance, alone=alone and len(uses) == 1,
        )
        for use, numbers in zip(uses, values, strict=True)
    ]  # fmt: skip


def _branch(table: Table, use: _Use, of_temperature: str, stated: str) -> str:
    """Heating or cooling from the titles; the option only where they say neither."""
    named = {name for name in (use.branch, of_temperature) if name}
    if not named:
        return stated
    if len(named) > 1 or stated not in ("equilibrium", *named):
        raise FormatError(
            f"{table.name}, column {use.position + 1} {table.titles[use.position]!r}: the titles say"
            f" {' and '.join(sorted(named))}{'' if stated == 'equilibrium' else f', the option branch {stated!r}'};"
            " correct one"
        )
    return named.pop()


def _refuse_duplicates(table: Table, everything: list[_Numbers], values: list[_Numbers]) -> None:
    seen: dict[bytes, int] = {}
    # NaN has one bit pattern here, so that bytes compare blank cells as equal
    keys = np.column_stack([column for n in everything for column in (n.value, n.sigma, n.limit.astype(float))])
    empty = np.all([np.isnan(numbers.value) for numbers in values], axis=0)
    for (line, _), key, unused in zip(table.rows, keys, empty, strict=True):
        if unused:
            continue
        if key.tobytes() in seen:
            raise FormatError(
                f"{table.name}, line {line}: the same numbers as line {seen[key.tobytes()]}; remove one, or "
                "allow repeated "
                "rows with duplicates='keep'"
            )
        seen[key.tobytes()] = line


def _one(
    table: Table,
    use: _Use,
    numbers: _Numbers,
    conditions: Mapping[str, _Numbers],
    digitising_error: float | str | None,
    sample: str,
    branch: str,
    provenance: Provenance,
    alone: bool,
) -> Measurement:
    title = table.titles[use.position]
    name_of_column = title if title and table.titles.count(title) == 1 else f"{title} column {use.position + 1}".strip()
    steps = [*table.steps, f"{use.quantity} from column {use.position + 1} {title!r} in {use.unit}"]
    if branch in ("heating", "cooling") and "branch" not in dict(provenance.options):
        steps.append(f"{branch}, as the title says")
    keep = ~np.isnan(numbers.value)
    blank = [line for (line, _), kept in zip(table.rows, keep, strict=True) if not kept]
    if blank:
        steps.append(
            f"{len(blank)} row{'s' if blank[1:] else ''} without a value left out (line "
            f"{', '.join(map(str, blank[:5]))}{', ...' if blank[5:] else ''})"
        )
    if not np.any(keep):
        raise FormatError(f"{table.name}, column {use.position + 1} {title!r}: it holds no number")
    for name, column in conditions.items():
        missing = np.flatnonzero(keep & np.isnan(column.value))
        if missing.size:
            raise FormatError(
                f"{table.name}, line {table.rows[missing[0]][0]}: a value without its {name}; fill it in or "
                "remove the row"
            )
    largest = np.max(np.abs(numbers.value[keep]))
    if use.quantity == "high_spin_fraction" and largest > 1.5:
        raise FormatError(
            f"{table.name}, column {use.position + 1} {title!r}: a fraction of {largest:g} is "
            "impossible; are these per cent? Then say so: units={'high_spin_fraction': '%'}"
        )
    sigma = numbers.sigma
    if digitising_error is not None:
        error = abs(amount(table.name, "digitising_error", digitising_error, use.unit, use.quantity, difference=True))
        sigma = np.hypot(np.nan_to_num(sigma, nan=0.0), error)
        steps.append(f"stated digitising error {digitising_error} (unit {use.unit} unless written) added to sigma")
    known = ~np.isnan(sigma) & keep
    if np.any(known) and not np.array_equal(known, keep):
        line = table.rows[int(np.flatnonzero(keep & ~known)[0])][0]
        raise FormatError(
            f"{table.name}, line {line}: this point has no uncertainty, others have. Write one, as in 3.12(3) "
            "or <0.30(5), or "
            "state one for all points with digitising_error="
        )
    temperature_sigma = conditions["temperature"].sigma[keep]
    pressure_sigma = conditions["pressure"].sigma[keep] if "pressure" in conditions else np.full(1, math.nan)
    for name, array in (("temperature", temperature_sigma), ("pressure", pressure_sigma)):
        if 0 < np.count_nonzero(np.isnan(array)) < array.size:
            raise FormatError(
                f"{table.name}: some points have an uncertainty of the {name}, others have none; give all or none"
            )
    limits = numbers.limit[keep]
    try:
        return Measurement(
            use.quantity,
            numbers.value[keep],
            Conditions(
                **{name: column.value[keep] for name, column in conditions.items()},
                sigma_temperature=None if np.any(np.isnan(temperature_sigma)) else temperature_sigma,
                sigma_pressure=None if np.any(np.isnan(pressure_sigma)) else pressure_sigma,
            ),
            sigma[keep] if np.any(known) else None,
            use.unit,
            limits=limits if np.any(limits) else None,
            branch=branch,
            sample=sample,
            label=Path(table.name).stem if alone else f"{Path(table.name).stem} {name_of_column}",
            provenance=provenance.then(*steps),
        )
    except ValueError as error:
        raise FormatError(f"{table.name}, column {use.position + 1} {title!r}: {error}") from None
