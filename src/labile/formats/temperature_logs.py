"""Temperature over time from another instrument's log, and its merging with a log that has no thermometer.

A cryostat (MultiVu, a temperature controller, a LabVIEW program) and an electrometer each keep their own file with
their own clock. `read_temperature_log` reads the first, `merge` looks up the temperature of every reading.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from labile.core.measurement import Provenance
from labile.core.units import UnitError, to_si
from labile.formats.columns import plain, split_unit
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode, split_lines

LARGEST_GAP = 60.0
"""s; a longer pause of the thermometer is not bridged by interpolation."""
LARGEST_STEP = 5.0
"""K; a larger change between two neighbouring temperatures is not bridged."""
MOST_LOST = 0.5
"""Fraction of readings that may fall outside the temperature log before merging is refused."""
OLE_ZERO = datetime(1899, 12, 30)
"""MultiVu programs of today count seconds of local time from here."""
_OLE_SECONDS = 2.5e9
"""Stamps above this are such seconds (from 1979); smaller ones count from when the program was started."""
_COMMA = re.compile(r",(?![^()]*\))")
_DATE_FORMS = (
    "%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%m/%d/%y", "%d.%m.%y", "%Y/%m/%d", "%d-%m-%Y",
)  # fmt: skip
_CLOCK_FORMS = ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S.%f %p", "%I:%M:%S %p", "%I:%M %p")
_TEMPERATURES = (
    "sampletemperature", "sampletemp", "tsample", "temperature", "temp", "systemtemperature", "systemtemp", "t", "tk",
)  # fmt: skip
_TIMES = ("timestamp", "time", "elapsedtime", "t", "timerelative", "relativetime", "xvalue", "timeabsolute", "seconds")


@dataclass(frozen=True, eq=False)
class TemperatureLog:
    """Temperature of a sample or sample stage over time.

    Attributes
    ----------
    name : str
        Of the file.
    time : ndarray (N,)
        s, increasing, from the first entry.
    temperature : ndarray (N,)
        K.
    started : datetime or None
        Local time of the first entry, where the file says it.
    provenance : Provenance
    """

    name: str
    time: np.ndarray
    temperature: np.ndarray
    started: datetime | None
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class MergedTemperature:
    """Temperatures of readings.

    Attributes
    ----------
    temperature : ndarray (M,)
        K, of the readings that are kept.
    kept : ndarray (M_all,) of bool
    steps : tuple of str
        What was done, for the provenance.
    """

    temperature: np.ndarray
    kept: np.ndarray
    steps: tuple[str, ...]


def read_temperature_log(
    path: Path | str, *, column: str | None = None, time_column: str | None = None, unit: str | None = None
) -> TemperatureLog:
    r"""Read temperature against time from a MultiVu log or any table with titles.

    Parameters
    ----------
    path : path-like
    column : str, optional
        Title of the temperature column where there are several (``"Sample Temp. (K)"``).
    time_column : str, optional
        Title of the time column.
    unit : str, optional
        Of the temperature, where its title has none.

    Returns
    -------
    TemperatureLog

    Raises
    ------
    FormatError
        Naming file and line: no such columns, text among the numbers, temperatures at or below 0 K, a time that goes
        backward.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "cryostat.dat"
    >>> _ = file.write_text("Time (s),Temperature (K)\n0,20.0\n10,20.8\n")
    >>> read_temperature_log(file).temperature.tolist()
    [20.0, 20.8]
    """
    path = Path(path)
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip(" \t,;")]
    opened = _opened(lines)
    start = next((i + 1 for i, (_, line) in enumerate(lines) if line.strip().lower().startswith("[data]")), 0)
    heading = _heading(path.name, lines[start:], column, time_column)
    number, titles, mark = heading
    body = [(line_number, cells_of(line, mark)) for line_number, line in lines[start:] if line_number > number]
    at_temperature, at_time = (
        _column(path.name, number, titles, wanted, names, what)
        for wanted, names, what in (
            (column, _TEMPERATURES, "temperature"),
            (time_column, _TIMES, "time"),
        )
    )
    kelvin = _unit_of(path.name, number, titles[at_temperature], unit, "temperature")
    time, temperature, lines_kept, started = _numbers(path.name, body, titles, at_time, at_temperature, kelvin, mark)
    if time.size < 2:
        raise FormatError(f"{path.name}: {time.size} rows with time and temperature; at least 2 are needed")
    backward = np.flatnonzero(np.diff(time) < 0)
    if backward.size:
        line = lines_kept[int(backward[0]) + 1]
        raise FormatError(f"{path.name}, line {line}: the time goes backward; give the parts of the log separately")
    keep = np.concatenate(([True], np.diff(time) > 0))
    if started is None and opened is not None:
        stamp, when = opened
        started = when + timedelta(seconds=float(time[0]) - stamp)
    if time[0] > _OLE_SECONDS:
        started = OLE_ZERO + timedelta(seconds=float(time[0]))
    provenance = Provenance.of_file(path, "temperature_logs").then(
        f"temperature from {titles[at_temperature]!r}, time from {titles[at_time]!r}"
    )
    return TemperatureLog(path.name, time[keep] - time[0], temperature[keep], started, provenance)


def merge(
    time: np.ndarray,
    started: datetime | None,
    log: TemperatureLog,
    *,
    name: str,
    clock_offset: float | None = None,
    largest_gap: float = LARGEST_GAP,
) -> MergedTemperature:
    """Temperature of readings at the times of another clock, by linear interpolation.

    Parameters
    ----------
    time : ndarray (M,)
        s, of the readings, from the first one.
    started : datetime or None
        Local time of the first reading.
    log : TemperatureLog
    name : str
        Of the readings' file, for errors.
    clock_offset : float, optional
        s; by how much the first reading is later than the first temperature. Without it both files must say their
        local time.
    largest_gap : float
        s; readings in a longer pause of the thermometer are left out.

    Returns
    -------
    MergedTemperature

    Raises
    ------
    FormatError
        If the clocks cannot be related, or more than half of the readings have no temperature.

    Examples
    --------
    >>> log = TemperatureLog("a.dat", np.array([0.0, 10.0]), np.array([20.0, 21.0]), None, Provenance())
    >>> merge(np.array([0.0, 4.0, 12.0]), None, log, name="b.csv", clock_offset=1.0).temperature.round(3).tolist()
    [20.1, 20.5]
    """
    if not largest_gap > 0:
        raise FormatError(f"{name}: largest_gap must be > 0 s, found {largest_gap!r}")
    if clock_offset is not None:
        offset, how = float(clock_offset), "as stated"
    elif started is not None and log.started is not None:
        offset, how = (started - log.started).total_seconds(), "from the local times in both files"
    else:
        silent = name if started is None else log.name
        raise FormatError(
            f"{name}: its readings and {log.name} cannot be put on one clock, because {silent} does not say its local"
            " time; state clock_offset, the seconds by which the first reading is later than the first temperature"
            " ('0 s' if both were started together)"
        )
    if not math.isfinite(offset):
        raise FormatError(f"{name}: clock_offset must be a number of seconds, found {clock_offset!r}")
    at = np.asarray(time, dtype=float) + offset
    inside = (at >= log.time[0]) & (at <= log.time[-1])
    after = np.clip(np.searchsorted(log.time, at, side="right"), 1, log.time.size - 1)
    pause = np.diff(log.time)[after - 1] > largest_gap
    jump = np.abs(np.diff(log.temperature))[after - 1] > LARGEST_STEP
    # a reading exactly at an entry needs no interpolation
    exact = np.isin(at, log.time)
    kept = inside & (exact | ~(pause | jump))
    steps = [
        f"temperatures from {log.name} (sha256 {log.provenance.sha256[:12]}), linearly interpolated; the first reading"
        f" is {offset:g} s later than the first temperature ({how})",
        *log.provenance.steps,
    ]
    for mask, reason in (
        (~inside, "outside the temperature log"),
        (inside & ~kept & pause, f"in a pause of the thermometer longer than {largest_gap:g} s"),
        (inside & ~kept & ~pause, f"where the temperature jumps by more than {LARGEST_STEP:g} K between two entries"),
    ):
        if np.any(mask):
            steps.append(f"left out {int(np.count_nonzero(mask))} readings {reason}")
    if np.count_nonzero(kept) < (1 - MOST_LOST) * at.size or not np.any(kept):
        covered = f"{log.time[0] - offset:g} to {log.time[-1] - offset:g} s"
        raise FormatError(
            f"{name}: only {int(np.count_nonzero(kept))} of {at.size} readings have a temperature in {log.name}, which"
            f" covers {covered} of their clock ({at[0] - offset:g} to {at[-1] - offset:g} s); check clock_offset"
            " (time zone, daylight saving) and largest_gap"
        )
    return MergedTemperature(np.interp(at[kept], log.time, log.temperature), kept, tuple(steps))


def cells_of(line: str, mark: str) -> list[str]:
    """Cells of a line; a comma within round brackets belongs to a title."""
    if mark == " ":
        return line.split()
    if mark == "," and '"' not in line:
        return [cell.strip() for cell in _COMMA.split(line)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])]
    except csv.Error:
        return [cell.strip() for cell in line.split(mark)]


def mark_of(line: str) -> str:
    """Mark that separates the cells of a title line."""
    return next((mark for mark in "\t;," if mark in line), " ")


def moment(text: str, clock: str = "") -> datetime | None:
    """Local time written as date and clock, together or apart; None when it is none.

    Examples
    --------
    >>> moment("2024-03-03 12:00:01.5"), moment("06/20/2017", "5:24 pm")
    (datetime.datetime(2024, 3, 3, 12, 0, 1, 500000), datetime.datetime(2017, 6, 20, 17, 24))
    """
    whole = f"{text} {clock}".strip().strip('"').replace("T", " ", 1).upper()
    if len(whole) > 40 or not whole[:1].isdigit():
        return None
    for date in _DATE_FORMS:
        for form in _CLOCK_FORMS:
            try:
                return datetime.strptime(whole, f"{date} {form}")
            except ValueError:
                continue
    return None


def number_of(cell: str, decimal_comma: bool = False) -> float:
    """Float of a cell; NaN when it is blank or none."""
    if not cell or len(cell) > 60:
        return math.nan
    try:
        value = float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _opened(lines: list[tuple[int, str]]) -> tuple[float, datetime] | None:
    """Stamp and local time of FILEOPENTIME."""
    for _, line in lines[:200]:
        if line.upper().startswith("FILEOPENTIME"):
            cells = cells_of(line, mark_of(line))
            if len(cells) >= 4:
                stamp, when = number_of(cells[1]), moment(cells[2], cells[3])
                if math.isfinite(stamp) and when is not None:
                    return stamp, when
    return None


def _heading(
    name: str, lines: list[tuple[int, str]], column: str | None, time_column: str | None
) -> tuple[int, list[str], str]:
    for number, line in lines[:400]:
        titles = cells_of(line, mark_of(line))
        names = {_bare(title) for title in titles}
        has_time = time_column in titles if time_column else bool(names & set(_TIMES))
        has_temperature = column in titles if column else bool(names & set(_TEMPERATURES))
        if has_time and has_temperature and len(titles) > 1:
            return number, titles, mark_of(line)
    wanted = f"{column or 'a temperature'} and {time_column or 'a time'}"
    raise FormatError(f"{name}: no line of column titles names {wanted}; name the columns as they are written")


def _bare(title: str) -> str:
    return plain(split_unit(title.strip('" '))[0])


def _column(name: str, number: int, titles: list[str], wanted: str | None, known: tuple[str, ...], what: str) -> int:
    if wanted is not None:
        return titles.index(wanted)
    bare = [_bare(title) for title in titles]
    for one in known:
        if what == "temperature" and one == "t" and "time" not in " ".join(bare):
            continue
        found = [i for i, title in enumerate(bare) if title == one]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise FormatError(f"{name}, line {number}: several columns are a {what}: {titles[found[0]]!r} twice")
    raise FormatError(f"{name}, line {number}: no column is a {what}; found {', '.join(map(repr, titles[:12]))}")


def _unit_of(name: str, number: int, title: str, unit: str | None, quantity: str) -> str:
    found = unit or split_unit(title.strip('" '))[1].partition(",")[0].strip()
    found = {"sec": "s", "secs": "s", "seconds": "s", "minutes": "min"}.get(found.lower(), found)
    if not found:
        raise FormatError(f"{name}, line {number}, column {title!r}: the unit of the {quantity} is missing; state it")
    try:
        to_si(1.0, found, quantity)
    except UnitError as error:
        raise UnitError(f"{name}, line {number}, column {title!r}: {error}") from None
    return found


def _numbers(
    name: str,
    body: list[tuple[int, list[str]]],
    titles: list[str],
    at_time: int,
    at_temperature: int,
    kelvin: str,
    mark: str,
) -> tuple[np.ndarray, np.ndarray, list[int], datetime | None]:
    comma = mark != "," and not any("." in cell for _, cells in body for cell in cells)
    first = next((cells[at_time] for _, cells in body if len(cells) > at_time and cells[at_time]), "")
    absolute = moment(first) is not None
    second = "s" if absolute else _unit_of(name, body[0][0] if body else 0, titles[at_time], None, "time")
    time, temperature, kept = [], [], []
    started: datetime | None = None
    for line, cells in body:
        if len(cells) <= max(at_time, at_temperature) or not (cells[at_time] and cells[at_temperature]):
            continue  # MultiVu writes comments and other options' rows without a temperature
        value = number_of(cells[at_temperature], comma)
        if absolute:
            when = moment(cells[at_time])
            if when is not None and started is None:
                started = when
            stamp = math.nan if when is None or started is None else (when - started).total_seconds()
        else:
            stamp = to_si(number_of(cells[at_time], comma), second, "time")
        if math.isnan(value) or math.isnan(stamp):
            bad = cells[at_temperature] if math.isnan(value) else cells[at_time]
            raise FormatError(f"{name}, line {line}: {bad[:60]!r} is no number; correct or remove the row")
        warm = to_si(value, kelvin, "temperature")
        if warm <= 0:
            raise FormatError(
                f"{name}, line {line}: the temperature is {warm:g} K, it must be above 0 K (is the column in degrees"
                " Celsius? then state its unit); correct or remove the row"
            )
        time.append(stamp)
        temperature.append(warm)
        kept.append(line)
    return np.array(time), np.array(temperature), kept, started
