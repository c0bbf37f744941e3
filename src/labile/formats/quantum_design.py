"""Quantum Design MultiVu logs: MPMS (classic), MPMS3, PPMS/VersaLab VSM, ACMS and ACMS II.

As the program writes them (``.dat``), saved again by a spreadsheet (tabs, semicolons, decimal commas, ``.xlsx``), or
cut down to their table.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labile.core.branches import split_branches
from labile.core.conditions import Conditions
from labile.core.measurement import Measurement, Provenance
from labile.core.units import UnitError, to_si
from labile.formats.cells import MISSING
from labile.formats.registry import FormatError
from labile.formats.signatures import ZIP, multivu_titles, raw_scan_titles
from labile.formats.text import TextError, decode, split_lines

_DATA = re.compile(r"^\s*\[Data\][\s,;]*$", re.IGNORECASE)
_NAME_LAST = re.compile(r"^(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|APPNAME)$")
_TITLE = re.compile(r"^(?P<name>.*?)\s*(?:\((?P<unit>[^()]*)\))?$")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+(?:[eE][+-]?\d+)?$")
_DECIMAL_POINT = re.compile(r"^[+-]?\d*\.\d+(?:[eE][+-]?\d+)?$")
_THOUSANDS = re.compile(r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+$")


@dataclass(frozen=True)
class Channel:
    """One moment column of the MultiVu programs and the standard error that goes with it."""

    key: str
    moment: str
    sigma: tuple[str, ...]
    mode: str
    meaning: str


CHANNELS = (
    Channel("fixed", "DC Moment Fixed Ctr", ("DC Moment Err Fixed Ctr",), "DC scan", "MPMS3 DC scan, fixed centre"),
    Channel("free", "DC Moment Free Ctr", ("DC Moment Err Free Ctr",), "DC scan", "MPMS3 DC scan, free centre"),
    Channel("vsm", "Moment", ("M. Std. Err.",), "VSM", "VSM"),
    Channel("acms", "M-DC", ("M-Std.Dev.",), "DC extraction", "ACMS DC extraction"),
    Channel("acms2", "DC Moment", ("DC Std. Err.",), "DC extraction", "ACMS II DC extraction"),
    Channel("long", "Long Moment", ("Long Scan Std Dev",), "longitudinal", "MPMS longitudinal SQUID"),
)
"""In the order of preference within one mode: the fixed centre before the free one."""

HEADER_MASSES = {"SAMPLE_MASS": ("sample_mass", "mg"), "SAMPLE_MOLECULAR_WEIGHT": ("molar_mass", "g/mol")}
"""The header entries whose meaning and unit MultiVu itself fixes."""
ATTRIBUTES = {
    "sample_mass": "mass",
    "molar_mass": "molar_mass",
    "eicosane_mass": "mass",
    "diamagnetic_susceptibility": "diamagnetic_susceptibility",
}
"""What `header_meaning` may turn a header entry into, and the quantity its unit must fit."""


@dataclass
class _Log:
    """A file taken apart: header entries, column titles, rows with their line numbers."""

    name: str
    header: dict[str, str]
    titles: list[str]
    rows: list[tuple[int, list[str]]]
    dropped: dict[str, list[int]] = field(default_factory=dict)

    def drop(self, reason: str, line: int) -> None:
        self.dropped.setdefault(reason, []).append(line)

    def index(self, name: str) -> int | None:
        wanted = name.lower()
        for position, title in enumerate(self.titles):
            if _TITLE.match(title)["name"].strip().lower() == wanted:  # type: ignore[index]
                return position
        return None

    def unit(self, position: int) -> str:
        return _TITLE.match(self.titles[position])["unit"] or ""  # type: ignore[index]


def read(
    path: Path | str,
    *,
    moment: str = "auto",
    split: bool = True,
    dead_band: float = 0.5,
    header_meaning: Mapping[str, str] | None = None,
    sample: str = "sample",
    duplicates: str = "error",
    last_row: str = "error",
) -> list[Measurement]:
    r"""Read the DC moment of a MultiVu log.

    Parameters
    ----------
    path : path-like
    moment : str
        ``"auto"``, or one of ``"fixed"``, ``"free"``, ``"vsm"``, ``"acms"``, ``"acms2"``, ``"long"``. With
        ``"auto"`` the column that holds numbers is taken, the fixed centre where the file has both; rows
        of different modes (VSM and DC scans in one file) become different measurements.
    split : bool
        Whether to cut the log into cooling, heating and isothermal parts.
    dead_band : float
        K; jitter of the temperature below this is no reversal.
    header_meaning : mapping of str to str, optional
        What a laboratory writes into header entries, as ``{"SAMPLE_VOLUME": "eicosane_mass/mg"}``: attribute,
        ``/``, unit. Attributes are the keys of `ATTRIBUTES`.
    sample : str
        Prefix of the sample's parameters.
    duplicates : {"error", "keep"}
        What to do with rows that repeat time, temperature, field and moment.
    last_row : {"error", "drop"}
        What to do with a last line that breaks off (no line end and too few fields).

    Returns
    -------
    list of Measurement
        Quantity ``"moment"`` (A m2) with temperature (K), field (T) and time since the first kept row (s). The
        attributes are ``sample_mass`` (kg) and ``molar_mass`` (kg/mol) where the header states them, and every header
        entry as text under ``header.<NAME>``.

    Raises
    ------
    FormatError
        If there is no moment column, no usable row, T <= 0, a damaged header or a file that breaks off.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> text = "[Header]\nBYAPP,VSM,1.0\nINFO,10.1,SAMPLE_MASS\n[Data]\n"
    >>> text += "Temperature (K),Magnetic Field (Oe),Moment (emu),M. Std. Err. (emu)\n2.0,1e4,1e-3,1e-6\n"
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.dat"
    >>> _ = file.write_text(text)
    >>> read(file)[0].attributes["sample_mass"]
    1.01e-05
    """
    path = Path(path)
    _check_option(path, "duplicates", duplicates, ("error", "keep"))
    _check_option(path, "last_row", last_row, ("error", "drop"))
    _check_option(path, "moment", moment, ("auto", *(channel.key for channel in CHANNELS)))
    if not (isinstance(dead_band, (int, float)) and dead_band > 0 and math.isfinite(dead_band)):
        raise FormatError(f"{path.name}: option dead_band must be a positive number of K, found {dead_band!r}")
    log = _take_apart(path, last_row)
    channels = _channels(log, moment)
    attributes, steps = _attributes(log, header_meaning or {})
    options = {"moment": moment, "split": str(split), "dead_band": str(dead_band), "sample": sample}
    options |= {"header_meaning " + key: value for key, value in (header_meaning or {}).items()}
    provenance = Provenance.of_file(path, "quantum_design", options).then(*steps)
    measurements = [
        _measurement(log, channel, rows, attributes, provenance, sample, duplicates) for channel, rows in channels
    ]
    if len(measurements) > 1:
        measurements = [
            replace(one, label=f"{path.stem} {channel.mode}")
            for one, (channel, _) in zip(measurements, channels, strict=True)
        ]
    if not split:
        return measurements
    return [part for one in measurements for part in split_branches(one, float(dead_band))]


def _check_option(path: Path, name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise FormatError(f"{path.name}: option {name}={value!r} is unknown; use one of {', '.join(allowed)}")


def _take_apart(path: Path, last_row: str) -> _Log:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    if data.startswith(ZIP):
        from labile.formats.cells import sheet_rows

        lines, unfinished = sheet_rows(path, None)[1], False
    else:
        lines, unfinished = text_lines(path.name, data)
    data_at = next((i for i, (_, cells) in enumerate(lines) if cells and _DATA.match(cells[0])), None)
    if data_at is not None:
        title_at = next((i for i in range(data_at + 1, len(lines)) if any(lines[i][1])), None)
        if title_at is None:
            raise FormatError(
                f"{path.name}, line {lines[data_at][0]}: nothing follows [Data]; the column titles are missing"
            )
    else:
        title_at = next((i for i, (_, cells) in enumerate(lines) if multivu_titles(cells)), None)
        if title_at is None:
            raise FormatError(
                f"{path.name}: there is no [Data] line, the file ends within its header or is no MultiVu log"
            )
    titles = list(lines[title_at][1])
    while titles and not titles[-1]:
        titles.pop()
    if raw_scan_titles(titles):
        raise FormatError(
            f"{path.name}: this is a raw-scan file (voltages along the scan), format quantum_design_raw; the moments "
            "that the instrument's program found are in the file of the same name without .rw (or .raw)"
        )
    rows = [(number, cells) for number, cells in lines[title_at + 1 :] if any(cells)]
    log = _Log(path.name, header_entries(lines[: data_at or title_at], path.name), titles, rows)
    if unfinished and len(rows) > 1 and len(rows[-1][1]) < min(len(cells) for _, cells in rows[:-1]):
        if last_row == "error":
            raise FormatError(
                f"{path.name}, line {rows[-1][0]}: the file stops in the middle of this row ({len(rows[-1][1])} of "
                f"{len(titles)} fields). Copy the file again, or leave the row out with last_row='drop'"
            )
        log.drop("the file stops in the middle of the row", rows.pop()[0])
    return log


def text_lines(name: str, data: bytes) -> tuple[list[tuple[int, list[str]]], bool]:
    """Numbered lines of a log as cells with decimal points, and whether the last line lacks its end."""
    try:
        text = decode(data)
    except TextError as error:
        raise FormatError(f"{name}: {error}") from None
    lines = split_lines(text)
    if not any(line.strip() for line in lines):
        raise FormatError(f"{name}: the file is empty")
    start = next((i for i, line in enumerate(lines) if _DATA.match(line)), -1)
    title = next((line for line in lines[start + 1 :] if line.strip(" \t,;")), "")
    # in the order of preference: a comma may stand within a title, a tab may not
    delimiter = max("\t;,", key=lambda mark: (title.count(mark), -"\t;,".index(mark)))
    table = []
    for number, line in enumerate(lines, start=1):
        # the lines of the header may have kept their commas where the table was saved with other separators
        mark = "," if number <= start and delimiter not in line else delimiter
        table.append((number, [cell.strip() for cell in _cells(line, mark, name, number)]))
    if delimiter != ",":
        _decimal_points(name, table[start + 1 :])
    return table, not text.rstrip("\x1a").endswith(("\n", "\r"))


def _decimal_points(name: str, rows: list[tuple[int, list[str]]]) -> None:
    """Turn the decimal commas of a spreadsheet into points, in place."""
    commas = [(line, cells, i) for line, cells in rows for i, cell in enumerate(cells) if _DECIMAL_COMMA.match(cell)]
    if not commas:
        return
    first = f"{name}, line {commas[0][0]}: {commas[0][1][commas[0][2]]!r}"
    for line, cells in rows:
        point = next((cell for cell in cells if _DECIMAL_POINT.match(cell)), None)
        if point is not None:
            raise FormatError(
                f"{first} has a comma, {point!r} (line {line}) a point; save the file with one decimal sign and "
                "without thousands separators"
            )
    if all(_THOUSANDS.match(cells[i]) for _, cells, i in commas):
        raise FormatError(f"{first} may have a decimal comma or a thousands separator; save the file without either")
    for _, cells, i in commas:
        cells[i] = cells[i].replace(",", ".")


def _cells(line: str, delimiter: str, name: str, number: int) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise FormatError(f"{name}, line {number}: the fields cannot be separated ({error})") from None


def header_entries(lines: list[tuple[int, list[str]]], name: str) -> dict[str, str]:
    """Header entries as text. Newer programs write ``INFO,value,NAME``, older ones ``INFO,NAME,value``."""
    entries: dict[str, str] = {}
    for number, line in lines:
        cells = list(line)
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) < 2 or cells[0].startswith((";", "[")):
            continue
        if cells[0].upper() in ("TITLE", "BYAPP", "FILEOPENTIME"):
            entries.setdefault(cells[0].upper(), ", ".join(cells[1:]))
        elif cells[0].upper() == "INFO":
            if _NAME_LAST.match(cells[-1]):
                key, value = cells[-1], ", ".join(cells[1:-1])
            else:
                key, value = cells[1].rstrip(":"), ", ".join(cells[2:])
            if key and value:
                before = entries.get(key, value)
                if before != value and key in HEADER_MASSES:
                    raise FormatError(
                        f"{name}, line {number}: header entry {key} is {value!r} here and {before!r} before; keep one"
                    )
                entries[key] = value if before == value else f"{before}; {value}"
    return entries


def _cell_number(log: _Log, line: int, cells: list[str], at: int | None) -> float:
    """Float of a cell that is read; NaN when it is blank. Anything else is damage, not a missing value."""
    if at is None or at >= len(cells):
        return math.nan
    number = _number(cells[at])
    if math.isnan(number) and cells[at].lower() not in MISSING:
        raise FormatError(
            f"{log.name}, line {line}, column {log.titles[at]!r}: {cells[at][:60]!r} is not a number; correct the cell,"
            " empty it, or remove the row"
        )
    return number


def _number(text: str) -> float:
    """Float of a cell; NaN when it is blank or no number."""
    if not text or len(text) > 60:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _channels(log: _Log, moment: str) -> list[tuple[Channel, list[tuple[int, list[str]]]]]:
    """Which moment columns are read, and the rows of each."""
    present = {channel.key: at for channel in CHANNELS if (at := log.index(channel.moment)) is not None}
    if log.index("M'") is not None and "vsm" in present:
        # in ACMS files "Moment" is the amplitude of the alternating moment
        del present["vsm"]
    alternating = any(log.index(title) is not None for title in ("M'", "AC Moment"))
    if not present:
        titles = ", ".join(log.titles[:12]) + (", ..." if len(log.titles) > 12 else "")
        reason = "it holds alternating (AC) moments only" if alternating else "there is no moment column in this log"
        raise FormatError(
            f"{log.name}: {reason}. Expected one of "
            f"{', '.join(repr(channel.moment) for channel in CHANNELS)}; found {titles}"
        )
    filled = {
        key: [(line, cells) for line, cells in log.rows if not math.isnan(_cell_number(log, line, cells, at))]
        for key, at in present.items()
    }
    if moment != "auto":
        channel = next(channel for channel in CHANNELS if channel.key == moment)
        if not filled.get(moment):
            holding = ", ".join(repr(key) for key, rows in filled.items() if rows) or "none"
            raise FormatError(
                f"{log.name}: no row has a number in {channel.moment!r} (moment={moment!r}); those with: {holding}"
            )
        _count_other_rows(log, filled[moment])
        return [(channel, filled[moment])]
    chosen: dict[str, tuple[Channel, list[tuple[int, list[str]]]]] = {}
    for channel in CHANNELS:
        if filled.get(channel.key) and channel.mode not in chosen:
            chosen[channel.mode] = (channel, filled[channel.key])
    if not chosen:
        names = ", ".join(repr(log.titles[at]) for at in present.values())
        hint = "; it is an AC measurement, whose alternating moments are not read" if alternating else ""
        raise FormatError(f"{log.name}: the moment columns ({names}) are empty in all {len(log.rows)} rows{hint}")
    owner: dict[int, str] = {}
    for mode, (_, rows) in chosen.items():
        for line, _ in rows:
            if line in owner:
                keys = ", ".join(repr(channel.key) for channel, _ in chosen.values())
                raise FormatError(
                    f"{log.name}, line {line}: this row has a moment of two modes, {owner[line]} and {mode}; say which "
                    f"to read with moment= one of {keys}"
                )
            owner[line] = mode
    _count_other_rows(log, [row for _, rows in chosen.values() for row in rows])
    return list(chosen.values())


def _count_other_rows(log: _Log, used: list[tuple[int, list[str]]]) -> None:
    lines = {line for line, _ in used}
    for line, _ in log.rows:
        if line not in lines:
            log.drop("no moment in the chosen column", line)


def _measurement(
    log: _Log,
    channel: Channel,
    rows: list[tuple[int, list[str]]],
    attributes: Mapping[str, float | str],
    provenance: Provenance,
    sample: str,
    duplicates: str,
) -> Measurement:
    columns = {"moment": log.index(channel.moment), "temperature": log.index("Temperature")}
    columns["field"] = next((at for name in ("Magnetic Field", "Field") if (at := log.index(name)) is not None), None)
    columns["time"] = next((at for name in ("Time Stamp", "Time") if (at := log.index(name)) is not None), None)
    columns["sigma"] = next((at for name in channel.sigma if (at := log.index(name)) is not None), None)
    for needed, title in (("temperature", "Temperature (K)"), ("field", "Magnetic Field (Oe)")):
        if columns[needed] is None:
            raise FormatError(f"{log.name}: there is no {title} column; a moment without it cannot be used")
    dropped = dict(log.dropped)
    kept: list[tuple[int, dict[str, float]]] = []
    for line, cells in rows:
        numbers = {name: _cell_number(log, line, cells, at) for name, at in columns.items()}
        missing = [name for name in ("temperature", "field") if math.isnan(numbers[name])]
        if missing:
            reason = f"no {' and no '.join(missing)}"
            dropped[reason] = dropped.get(reason, []) + [line]
        elif numbers["temperature"] <= 0:
            raise FormatError(
                f"{log.name}, line {line}: temperature {numbers['temperature']:g} K is not above 0 K; a thermometer "
                "fault? Remove the row"
            )
        else:
            kept.append((line, numbers))
    if not kept:
        raise FormatError(f"{log.name}: no row has a temperature, a field and a moment ({_summary(dropped)})")
    if duplicates == "error":
        seen: dict[tuple[str, ...], int] = {}
        for line, numbers in kept:
            key = tuple(repr(numbers[name]) for name in ("time", "temperature", "field", "moment"))
            if key in seen:
                raise FormatError(
                    f"{log.name}, line {line}: repeats line {seen[key]} (same time, temperature, field and moment); "
                    "remove it, or allow it with duplicates='keep'"
                )
            seen[key] = line
    table = {name: np.array([numbers[name] for _, numbers in kept]) for name in columns}
    steps = [f"moment from column {log.titles[_at(columns, 'moment')]!r} ({channel.meaning})"]
    sigma = None
    if columns["sigma"] is None:
        steps.append("no standard error column; sigma unknown")
    else:
        title = log.titles[columns["sigma"]]
        bad = int(np.count_nonzero(~(table["sigma"] > 0)))
        if bad:
            steps.append(f"sigma left unknown: {bad} of {len(kept)} rows have no positive {title!r}")
        else:
            steps.append(f"sigma from column {title!r}")
            sigma = table["sigma"]
    if dropped:
        steps.append(f"rows left out: {_summary(dropped)}")
    time = None
    if columns["time"] is not None and not np.any(np.isnan(table["time"])):
        time = table["time"] - table["time"][0]
    unit = log.unit(_at(columns, "moment")) or "emu"
    try:
        conditions = Conditions(
            to_si(table["temperature"], log.unit(_at(columns, "temperature")) or "K", "temperature"),
            magnetic_field=to_si(table["field"], log.unit(_at(columns, "field")) or "Oe", "magnetic_field"),
            time=time,
        )
        return Measurement.from_field(
            "moment", table["moment"], unit, conditions, sigma=sigma, sample=sample, label=Path(log.name).stem,
            attributes=attributes, provenance=provenance.then(*steps),
        )  # fmt: skip
    except ValueError as error:
        raise FormatError(f"{log.name}: {error}") from None


def _at(columns: Mapping[str, int | None], name: str) -> int:
    position = columns[name]
    assert position is not None
    return position


def _summary(dropped: Mapping[str, list[int]]) -> str:
    parts = [
        f"{len(lines)} with {reason} (line {lines[0]}{' on' if len(lines) > 1 else ''})"
        if not reason.startswith("the file")
        else f"line {lines[0]}, where {reason}"
        for reason, lines in dropped.items()
    ]
    return "; ".join(parts) or "there are no rows"


def _attributes(log: _Log, meaning: Mapping[str, str]) -> tuple[dict[str, float | str], list[str]]:
    attributes: dict[str, float | str] = {f"header.{key}": value for key, value in log.header.items()}
    steps: list[str] = []
    assigned: dict[str, tuple[str, str]] = {key: pair for key, pair in HEADER_MASSES.items() if key in log.header}
    for key, text in meaning.items():
        attribute, _, unit = text.partition("/")
        if attribute not in ATTRIBUTES or not unit:
            raise FormatError(
                f"{log.name}: header_meaning {key}={text!r} is not understood; write attribute/unit with one of "
                f"{', '.join(ATTRIBUTES)}, as in 'eicosane_mass/mg'"
            )
        if key not in log.header:
            raise FormatError(
                f"{log.name}: header_meaning names {key}, but the header has no such entry or it is empty; "
                f"it has {', '.join(log.header) or 'none'}"
            )
        assigned[key] = (attribute, unit)
        steps.append(f"header entry {key} read as {attribute} in {unit}, as stated in the options")
    for key, (attribute, unit) in assigned.items():
        text = log.header[key]
        text = text.removesuffix(unit).strip()
        number = _number(text.replace(",", ".") if _DECIMAL_COMMA.match(text) and not _THOUSANDS.match(text) else text)
        if math.isnan(number):
            if key in meaning:
                raise FormatError(f"{log.name}: header entry {key} is {text!r}, expected a number in {unit}")
            steps.append(f"header entry {key} is {text!r}, no number in {unit}; not used")
            continue
        if attribute in attributes:
            raise FormatError(f"{log.name}: {attribute} is stated twice in the header and header_meaning; keep one")
        if attribute != "diamagnetic_susceptibility" and number <= 0:
            steps.append(f"header entry {key} is {text!r}; not used because it is not above 0")
            continue
        try:
            attributes[attribute] = float(f"{to_si(number, unit, ATTRIBUTES[attribute]):.15g}")
        except UnitError as error:
            raise FormatError(f"{log.name}: header_meaning {key}: {error}") from None
    return attributes, steps
