"""Logs of Keithley electrometers (6517A/B, 6514, 6485, 6487, 6430): current or charge against time.

Three shapes: the strings the instrument sends (``+1.234E-12NADC,+0000012.345secs,+00001RDNG#``), one or many a line;
tables of its buffer as programs export them (columns Reading, Unit, time stamps); columns that a LabVIEW program wrote.
An electrometer has no thermometer unless one is plugged in, so the temperature usually comes from another log.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement, Provenance
from labile.core.units import UnitError, to_si
from labile.formats.columns import plain, split_unit
from labile.formats.electrometer_signatures import READING
from labile.formats.registry import FormatError
from labile.formats.temperature_logs import (
    LARGEST_GAP,
    cells_of,
    mark_of,
    merge,
    moment,
    number_of,
    read_temperature_log,
)
from labile.formats.text import TextError, decode, split_lines

OVERFLOW = 9.0e37
"""Readings of 9.9E37 (overflow, out of limit) and 9.91E37 (zero check) are marks, not numbers."""
_TOKEN = re.compile(
    r"^(?:DELTA)?\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?)\s*(?P<unit>[A-Z#%_°/]*[A-Z#%]|)$", re.IGNORECASE
)
_STATUS = {"N": "", "Z": "zero check on", "O": "overflow", "U": "underflow", "L": "out of limit", "R": ""}
"""First letter of a reading's unit; normal and relative readings are kept."""
_QUANTITY = {"ADC": ("current", "A"), "A": ("current", "A"), "COUL": ("charge", "C"), "C": ("charge", "C")}
_OTHER = {"VDC", "OHM", "OHMS", "OHMCM", "OHMSQ", "V", "VSRC"}
_UNIT_WORDS = {
    "a": ("current", "A"), "adc": ("current", "A"), "nadc": ("current", "A"), "amp": ("current", "A"),
    "amps": ("current", "A"), "ampdc": ("current", "A"), "ampsdc": ("current", "A"), "c": ("charge", "C"),
    "coul": ("charge", "C"), "ncoul": ("charge", "C"), "coulomb": ("charge", "C"), "coulombs": ("charge", "C"),
}  # fmt: skip
_TITLES = {
    "reading": "reading readings measurement value measreading readingvalue",
    "current": "current i pyrocurrent measuredcurrent meascurrent currentreading",
    "charge": "charge q",
    "unit": "unit units readingunit readingunits",
    "time": "time t elapsedtime elapsed relativetime relative seconds secs timerelative xvalue timestamprelative",
    "timestamp": "timestamp datetime absolutetime systemtime",
    "date": "date",
    "temperature": "temperature temp etemp etemperature externaltemperature sampletemperature tsample tk tc",
}
_BY_TITLE = {name: what for what, names in _TITLES.items() for name in names.split()}


@dataclass
class _Readings:
    """What a file says, row by row; NaN where it says nothing."""

    quantity: str = ""
    value: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    started: datetime | None = None
    clock: float | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


def read(
    path: Path | str,
    *,
    temperature_log: str | None = None,
    clock_offset: str | float | None = None,
    temperature: str | float | None = None,
    temperature_column: str | None = None,
    largest_gap: str | float = LARGEST_GAP,
    units: Mapping[str, str] | None = None,
    sample: str = "sample",
) -> list[Measurement]:
    r"""Read an electrometer log.

    Parameters
    ----------
    path : path-like
    temperature_log : str, optional
        Log of the cryostat or temperature controller (MultiVu or a table with titles), a path or a name beside the
        file; its temperatures are looked up by time.
    clock_offset : str or float, optional
        By how much the first reading is later than the first temperature, in s or with a unit (``"2 min"``). Needed
        unless both files say their local time.
    temperature : str or float, optional
        Of all readings, K or with a unit, instead of a log.
    temperature_column : str, optional
        Title of the column in the temperature log, where there are several.
    largest_gap : str or float
        Pause of the thermometer that is not bridged, s or with a unit.
    units : mapping of str to str, optional
        Units of ``"current"``, ``"charge"``, ``"time"``, ``"temperature"`` where the titles have none.
    sample : str

    Returns
    -------
    list of Measurement
        One: ``"current"`` (A) or ``"charge"`` (C) with times from the first reading. Readings that the instrument
        marked (overflow, zero check, out of limit) are left out and counted in the steps.

    Raises
    ------
    FormatError
        Naming file and line: no readings, other quantities (volts, ohms), text among numbers, times that go backward,
        no temperature.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "run.csv"
    >>> _ = file.write_text("+7.590E-12NADC,+0000000.000secs\n+7.600E-12NADC,+0000002.000secs\n")
    >>> read(file, temperature="90 K")[0].describe_point(1)
    '7.6 pA at 90 K'
    """
    path = Path(path)
    if temperature_log is not None and temperature is not None:
        raise FormatError(f"{path.name}: give temperature_log or temperature, not both")
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip(" \t,;\x1a")]
    if not lines:
        raise FormatError(f"{path.name}: the file is empty")
    if any(READING.match(line) for _, line in lines[:200]):
        found = _strings(path.name, lines)
    else:
        found = _table(path.name, lines, dict(units or {}))
    options = {
        "temperature_log": temperature_log, "clock_offset": clock_offset, "temperature": temperature,
        "temperature_column": temperature_column, "units": units,
    }  # fmt: skip
    provenance = Provenance.of_file(
        path, "keithley", {key: str(value) for key, value in options.items() if value is not None}
    )
    gap = _seconds(path.name, "largest_gap", largest_gap)
    offset = None if clock_offset is None else _seconds(path.name, "clock_offset", clock_offset)
    return [
        _measurement(path, found, temperature_log, offset, temperature, temperature_column, gap, sample, provenance)
    ]


def _measurement(
    path: Path,
    found: _Readings,
    temperature_log: str | None,
    clock_offset: float | None,
    temperature: str | float | None,
    temperature_column: str | None,
    largest_gap: float,
    sample: str,
    provenance: Provenance,
) -> Measurement:
    name = path.name
    if not found.value:
        why = "; ".join(f"{count} {reason}" for reason, count in found.dropped.items())
        raise FormatError(f"{name}: it holds no usable reading{f' ({why})' if why else ''}")
    time = np.array(found.time)
    if np.any(np.isnan(time)):
        raise FormatError(
            f"{name}, line {found.line[int(np.argmax(np.isnan(time)))]}: the reading has no time stamp; record one with"
            " every reading (FORMat:ELEMents READing,TSTamp)"
        )
    time, restarts = _continuous(name, time, found.line)
    if restarts:
        found.steps.append(f"the clock restarted {restarts} times (a new buffer); the parts were put behind each other")
    value = np.array(found.value)
    own = np.array(found.temperature)
    keep = np.concatenate(([True], np.diff(time) > 0))
    if not np.all(keep):
        found.steps.append(f"left out {int(np.count_nonzero(~keep))} readings with the time stamp of the one before")
    time, value, own = time[keep] - time[0], value[keep], own[keep]
    steps = [f"left out {count} readings: {reason}" for reason, count in found.dropped.items()] + found.steps
    if temperature_log is not None:
        other = Path(temperature_log)
        other = other if other.is_absolute() or other.is_file() else path.parent / other
        if not other.is_file():
            raise FormatError(f"{name}: temperature_log {temperature_log!r}: there is no such file")
        merged = merge(
            time,
            found.started,
            read_temperature_log(other, column=temperature_column),
            name=name,
            clock_offset=clock_offset,
            largest_gap=largest_gap,
        )
        kelvin, steps = merged.temperature, [*steps, *merged.steps]
        time, value = time[merged.kept], value[merged.kept]
    elif temperature is not None:
        kelvin = np.full(time.size, _amount(name, "temperature", temperature, "K", "temperature"))
        steps.append(f"temperature stated: {temperature}")
    elif np.all(np.isfinite(own)):
        kelvin = own
        steps.append("temperatures from the log itself")
    else:
        raise FormatError(
            f"{name}: the log has no temperature{'s of all readings' if np.any(np.isfinite(own)) else ''}; name the"
            " cryostat's log with temperature_log (and clock_offset), or state temperature = '300 K'"
        )
    if np.any(kelvin <= 0):
        bad = int(np.argmin(kelvin))
        raise FormatError(
            f"{name}: reading {bad + 1} is at {kelvin[bad]:g} K; a temperature must be above 0 K (is it in degrees"
            " Celsius? then state units = { temperature = 'degC' })"
        )
    return Measurement(
        found.quantity,
        value,
        Conditions(kelvin, time=time),
        sample=sample,
        label=path.stem,
        provenance=provenance.then(*steps),
    )


def _strings(name: str, lines: list[tuple[int, str]]) -> _Readings:
    """Readings as the instrument sends them, elements separated by commas."""
    found = _Readings()
    skipped = 0
    ignored: set[str] = set()
    for line, text in lines:
        if not READING.match(text):
            if found.value or found.dropped:
                raise FormatError(f"{name}, line {line}: {text.strip()[:60]!r} is no reading; remove the line")
            skipped += 1
            continue
        current: dict[str, float | str] | None = None
        bare = 0
        for token in (cell.strip().strip('"') for cell in text.strip().rstrip(",").split(",")):
            match = _TOKEN.match(token)
            if match is None:
                when = moment(token)
                if when is not None and found.started is None:
                    found.started = when
                elif when is None:
                    if ":" in token or "-" in token[1:]:
                        ignored.add("clock strings")
                        continue
                    raise FormatError(f"{name}, line {line}: {token[:60]!r} is no element of a reading")
                continue
            number, unit = float(match["number"]), match["unit"].upper()
            kind = _reading_kind(unit)
            if kind is not None:
                if current is not None:
                    _keep(name, line, found, current)
                current, bare = {"value": number, "status": kind[0], "unit": kind[1]}, 0
            elif current is None:
                raise FormatError(f"{name}, line {line}: {token[:60]!r} comes before the first reading")
            elif unit in ("SEC", "SECS", "S"):
                current["delta" if token.upper().startswith("DELTA") else "time"] = number
            elif unit in ("", "RDNG#", "RDNG"):
                # 6514, 6485, 6487 send reading, time stamp, status without units
                if unit == "" and bare == 0 and "time" not in current:
                    current["time"] = number
                bare += unit == ""
            elif unit in ("ETEMP", "ETMP", "°CETEMP", "°C", "C_ETEMP"):
                current["temperature"] = number + 273.15
            else:
                ignored.add(unit)
        if current is not None:
            _keep(name, line, found, current)
    if found.clock is not None:
        found.steps.append("time stamps count from reading to reading (DELTA) and were added up")
    if skipped:
        found.steps.append(f"{skipped} lines before the first reading were not read")
    if ignored:
        found.steps.append(f"elements not read: {', '.join(sorted(ignored))}")
    return found


def _reading_kind(unit: str) -> tuple[str, str] | None:
    """Status letter and unit of a reading's suffix; None when the suffix belongs to another element."""
    if unit in _QUANTITY or unit in _OTHER:
        return "N", unit
    if unit[:1] in _STATUS and (unit[1:] in _QUANTITY or unit[1:] in _OTHER):
        return unit[0], unit[1:]
    return None


def _keep(name: str, line: int, found: _Readings, one: Mapping[str, float | str]) -> None:
    unit = str(one["unit"])
    if unit in _OTHER:
        raise FormatError(f"{name}, line {line}: the reading is in {unit}; currents (ADC) or charges (COUL) are needed")
    quantity = _QUANTITY[unit][0]
    if found.quantity not in ("", quantity):
        raise FormatError(f"{name}, line {line}: a {quantity} among readings of {found.quantity}; give them separately")
    found.quantity = quantity
    stamp = float(one.get("time", math.nan))
    if "delta" in one:
        # each stamp counts from the reading before, also from one that is left out
        if found.time and found.clock is None:
            raise FormatError(f"{name}, line {line}: time stamps from the start and from reading to reading are mixed")
        found.clock = (found.clock or 0.0) + float(one["delta"])
        stamp = found.clock
    elif found.clock is not None:
        raise FormatError(f"{name}, line {line}: time stamps from the start and from reading to reading are mixed")
    reason = _STATUS[str(one["status"])] or ("overflow or zero check" if abs(float(one["value"])) > OVERFLOW else "")
    if reason:
        found.drop(reason)
        return
    found.value.append(float(one["value"]))
    found.time.append(stamp)
    found.temperature.append(float(one.get("temperature", math.nan)))
    found.line.append(line)


def _table(name: str, lines: list[tuple[int, str]], units: dict[str, str]) -> _Readings:
    """Columns with titles: an exported buffer, or what a LabVIEW program wrote."""
    end = [i for i, (_, line) in enumerate(lines) if line.strip().startswith("***End_of_Header***")]
    lines = lines[end[-1] + 1 :] if end else lines
    number, titles, mark, columns = _title_line(name, lines)
    found = _Readings()
    comma = mark != "," and not any("." in line for at, line in lines if at > number)
    value_at = columns.get("current", columns.get("charge", columns.get("reading")))
    assert value_at is not None
    stated = {key: units.get(key) or split_unit(titles[at])[1] for key, at in columns.items()}
    kind = next((key for key in ("current", "charge") if key in columns), "")
    for line, text in lines:
        if line <= number:
            continue
        cells = cells_of(text, mark)
        if len(cells) <= value_at or not cells[value_at]:
            raise FormatError(f"{name}, line {line}: the row has no reading ({len(cells)} of {len(titles)} cells)")
        quantity, unit = kind, stated.get(kind, "")
        if not quantity:
            word = cells[columns["unit"]] if "unit" in columns and len(cells) > columns["unit"] else stated["reading"]
            quantity, unit = _of_word(name, line, word, units)
        if found.quantity not in ("", quantity):
            raise FormatError(f"{name}, line {line}: a {quantity} among readings of {found.quantity}")
        found.quantity = quantity
        reading = number_of(cells[value_at], comma)
        if math.isnan(reading):
            raise FormatError(
                f"{name}, line {line}, column {titles[value_at]!r}: {cells[value_at][:60]!r} is no number"
            )
        if abs(reading) > OVERFLOW:
            found.drop("overflow or zero check")
            continue
        found.value.append(_si(name, line, reading, unit, quantity, titles[value_at]))
        found.time.append(_time_of(name, line, cells, titles, columns, stated, comma, found))
        at = columns.get("temperature")
        warm = math.nan
        if at is not None and len(cells) > at and cells[at]:
            warm = number_of(cells[at], comma)
            if math.isnan(warm):
                raise FormatError(f"{name}, line {line}, column {titles[at]!r}: {cells[at][:60]!r} is no number")
            warm = _si(name, line, warm, stated["temperature"], "temperature", titles[at])
        found.temperature.append(warm)
        found.line.append(line)
    others = [title for i, title in enumerate(titles) if title and i not in columns.values()]
    found.steps.append(f"{found.quantity or 'reading'} from column {titles[value_at]!r}")
    if others:
        found.steps.append(f"columns not read: {', '.join(map(repr, others))}")
    return found


def _title_line(name: str, lines: list[tuple[int, str]]) -> tuple[int, list[str], str, dict[str, int]]:
    """Line number, titles, separator and the columns that are understood."""
    for number, line in lines[:200]:
        mark = mark_of(line)
        titles = [cell.strip('" ') for cell in cells_of(line, mark)]
        columns: dict[str, int] = {}
        for position, title in enumerate(titles):
            what = _BY_TITLE.get(plain(split_unit(title)[0]))
            if what is not None:
                if what in columns and what in ("current", "charge", "reading"):
                    raise FormatError(
                        f"{name}, line {number}: several columns are a {what}: {titles[columns[what]]!r} and {title!r};"
                        " read the table with format = 'tables' and name the column"
                    )
                columns.setdefault(what, position)
        if {"current", "charge", "reading"} & columns.keys() and {"time", "timestamp", "date"} & columns.keys():
            return number, titles, mark, columns
    raise FormatError(
        f"{name}: no line of column titles names a reading (Reading, Current, Charge) and a time (Time, Timestamp)"
    )


def _of_word(name: str, line: int, word: str, units: Mapping[str, str]) -> tuple[str, str]:
    for quantity in ("current", "charge"):
        if quantity in units:
            return quantity, units[quantity]
    known = _UNIT_WORDS.get(plain(word))
    if known is not None:
        return known
    for quantity in ("current", "charge"):
        try:
            to_si(1.0, word, quantity)
        except UnitError:
            continue
        return quantity, word
    raise FormatError(
        f"{name}, line {line}: the unit of the reading is {word!r}; currents (A) or charges (C) are needed, or state"
        " units = { current = 'A' }"
    )


def _time_of(
    name: str,
    line: int,
    cells: list[str],
    titles: list[str],
    columns: Mapping[str, int],
    stated: Mapping[str, str],
    comma: bool,
    found: _Readings,
) -> float:
    """Seconds of a row; sets the local time of the first one where the file has it."""
    texts = {key: cells[at] for key in ("time", "timestamp", "date") if (at := columns.get(key, 10**6)) < len(cells)}
    when = moment(texts["date"], texts.get("time", "")) if "date" in texts else None
    when = when or moment(texts.get("timestamp", "")) or moment(texts.get("time", ""))
    if when is not None and found.started is None:
        found.started = when
    for key in ("time", "timestamp"):
        number = number_of(texts.get(key, ""), comma)
        if math.isfinite(number):
            unit = stated.get(key) or ("s" if plain(titles[columns[key]]) in ("seconds", "secs", "xvalue") else "")
            if not unit and key == "time" and "relative" in plain(titles[columns[key]]):
                unit = "s"  # instruments count relative time in seconds
            return _si(name, line, number, unit, "time", titles[columns[key]])
    if when is not None and found.started is not None:
        return (when - found.started).total_seconds()
    shown = ", ".join(map(repr, texts.values()))
    raise FormatError(f"{name}, line {line}: {shown or 'nothing'} is no time of a reading")


def _si(name: str, line: int, number: float, unit: str, quantity: str, title: str) -> float:
    if not unit:
        raise FormatError(
            f"{name}, column {title!r}: the unit of the {quantity} is missing and is not guessed; state units ="
            f" {{ {quantity} = '...' }}"
        )
    unit = {"sec": "s", "secs": "s", "seconds": "s"}.get(unit.strip().lower(), unit)
    try:
        return float(to_si(number, unit, quantity))
    except UnitError as error:
        raise UnitError(f"{name}, line {line}, column {title!r}: {error}") from None


def _continuous(name: str, time: np.ndarray, lines: list[int]) -> tuple[np.ndarray, int]:
    """Times of several buffers, each of which starts at 0 again, behind each other."""
    steps = np.diff(time)
    restarts = np.flatnonzero(steps < 0)
    if not restarts.size:
        return time, 0
    usual = float(np.median(steps[steps > 0])) if np.any(steps > 0) else math.nan
    shifted = time.astype(float).copy()
    for at in restarts:
        if not (math.isfinite(usual) and time[at + 1] <= 2 * usual):
            raise FormatError(
                f"{name}, line {lines[int(at) + 1]}: the time goes backward ({time[at + 1]:g} s after {time[at]:g} s);"
                " give the parts of the log as separate files"
            )
        shifted[at + 1 :] += shifted[at] + usual - shifted[at + 1]
    return shifted, int(restarts.size)


def _seconds(name: str, option: str, value: str | float) -> float:
    return _amount(name, option, value, "s", "time")


def _amount(name: str, option: str, value: str | float, unit: str, quantity: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*)?", str(value))
    if match is None:
        raise FormatError(f"{name}: option {option}={value!r} is no number with a unit, as in '2 {unit}'")
    try:
        return float(to_si(float(match[1]), (match[2] or unit).strip(), quantity))
    except UnitError as error:
        raise UnitError(f"{name}: option {option}={value!r}: {error}") from None
