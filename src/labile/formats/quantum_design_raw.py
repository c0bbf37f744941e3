"""Raw scans of Quantum Design magnetometers: the SQUID voltage along the way of the sample through the pick-up coils.

MPMS3 DC scans (``.rw.dat``): one block with a line about temperature, field and range for every scan, up and down, then
the curves that the program fitted. MPMS and MPMS-XL (``.dc.raw``, ``.rso.raw``): one table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.core.units import to_si
from labile.formats.cells import MISSING
from labile.formats.quantum_design import HEADER_MASSES, header_entries, text_lines
from labile.formats.registry import FormatError
from labile.formats.signatures import raw_scan_titles

VOLTAGES = {
    "raw": ("raw voltage", "long voltage"),
    "processed": ("processed voltage", "long detrended voltage"),
    "scaled": ("long scaled response",),
    "fixed": ("fixed c fitted", "long reg fit"),
    "free": ("free c fitted",),
}
"""Column titles of MPMS3, then of MPMS-XL; ``fixed`` and ``free`` are curves the instrument's program fitted."""
FEWEST_POINTS = 16
"""A scan with fewer holds no shape to fit a dipole to."""
_SUFFIXES = re.compile(r"(\.rw|\.dc|\.rso)?\.(dat|raw)$", re.IGNORECASE)
_DATA = re.compile(r"^\s*\[Data\]\s*$", re.IGNORECASE)
_ENTRY = re.compile(r"([a-z. ]+?)\s*=\s*([^;]*)")
_NEEDED = ("avg. temp", "low field", "high field", "squid range", "given center")


@dataclass
class _Scan:
    """One pass of the sample and what is known about it."""

    line: int
    header: dict[str, float]
    rows: list[tuple[int, float, float, float]] = field(default_factory=list)
    """Line, time (s), position (m), voltage (V)."""
    fitted: bool = False
    """Whether curves of the instrument's program follow it, which end a measurement."""


def read(
    path: Path | str,
    *,
    voltage: str = "raw",
    sample: str = "sample",
    incomplete: str = "error",
) -> list[Measurement]:
    r"""Read the scans of an MPMS3 or MPMS-XL raw file.

    Parameters
    ----------
    path : path-like
    voltage : {"raw", "processed", "scaled", "fixed", "free"}
        Which column: as digitised, freed of offset and drift by the instrument's program, scaled by gain and range
        (MPMS-XL), or one of the curves that program fitted.
    sample : str
        Prefix of the sample's parameters.
    incomplete : {"error", "drop"}
        What to do with a last measurement that breaks off.

    Returns
    -------
    list of Measurement
        One a scan, in the order of the file: quantity ``"scan_voltage"`` (V) along the axis ``"position"`` (m) at
        one temperature (K; its sigma is the drift during the measurement over root 12), field (T) and time (s, from
        the first scan). Attributes: ``scan_of`` (number of the measurement that this scan belongs to, from 1),
        ``direction`` (``"up"``, ``"down"``, or ``"both"`` for a reciprocating scan), ``squid_range`` and
        ``given_center`` (m) for MPMS3, ``instrument``, ``voltage``, ``sample_mass`` (kg) and ``molar_mass`` (kg/mol)
        where the header states them, and the header entries as text.

    Raises
    ------
    FormatError
        If the file holds no raw scans, has no position or no such voltage column, a scan breaks off or has far
        fewer points than the others, or a temperature is not above 0 K.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> about = ";avg. temp = 5.0 K;low field = 1000 Oe;high field = 1000 Oe;squid range = 1;given center = 20 mm"
    >>> text = "[Header]\nBYAPP,SQUID AC,1.0\n[Data]\nComment,Time Stamp (sec),Raw Position (mm),Raw Voltage (V)\n"
    >>> for positions in (range(20), range(20, 0, -1)):
    ...     text += about + "\n" + "".join(f",{100 + i},{z},{0.1 * i}\n" for i, z in enumerate(positions))
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.rw.dat"
    >>> _ = file.write_text(text)
    >>> [(scan.attributes["direction"], scan.values.shape) for scan in read(file)]
    [('up', (1, 20)), ('down', (1, 20))]
    """
    path = Path(path)
    for name, value, allowed in (
        ("voltage", voltage, tuple(VOLTAGES)),
        ("incomplete", incomplete, ("error", "drop")),
    ):
        if value not in allowed:
            raise FormatError(f"{path.name}: option {name}={value!r} is unknown; use one of {', '.join(allowed)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    lines, unfinished = text_lines(path.name, data)
    title_at = next((i for i, (_, cells) in enumerate(lines) if raw_scan_titles(cells)), None)
    if title_at is None:
        raise FormatError(_why_no_scans(path.name, lines))
    table = _Table.of(path.name, lines[title_at][1], voltage)
    rows = [(line, cells) for line, cells in lines[title_at + 1 :] if any(cells)]
    cut = _cut_row(rows, len(table.titles)) if unfinished else 0
    if cut:
        if incomplete == "error":
            raise FormatError(
                f"{path.name}, line {cut}: the file stops in the middle of this row. Copy the file again, or leave the"
                " last measurement out with incomplete='drop'"
            )
        rows.pop()
    measurements = _xl_scans(table, rows) if table.is_xl else _mpms3_scans(table, rows, voltage)
    steps = [f"voltage from column {table.titles[table.columns['voltage']]!r}"]
    # an MPMS3 always moves the sample up and down
    fewest = 1 if table.is_xl or voltage in ("fixed", "free") else 2
    measurements = _complete(path.name, measurements, fewest, bool(cut), incomplete, steps)
    header = header_entries(lines[:title_at], path.name)
    attributes: dict[str, float | str] = {f"header.{key}": value for key, value in header.items()}
    attributes |= _masses(header) | {"instrument": "MPMS-XL" if table.is_xl else "MPMS3", "voltage": voltage}
    provenance = Provenance.of_file(path, "quantum_design_raw", {"voltage": voltage, "sample": sample}).then(*steps)
    start = measurements[0][0].rows[0][1]
    found = []
    for number, scans in enumerate(measurements, start=1):
        for scan in scans:
            try:
                found.append(_measurement(scan, number, start, path, attributes, provenance, sample))
            except ValueError as error:
                raise FormatError(f"{path.name}, line {scan.line}: {error}") from None
    return found


@dataclass(frozen=True)
class _Table:
    """Titles of a raw file and where the columns are that are read."""

    name: str
    titles: Sequence[str]
    columns: Mapping[str, int]
    is_xl: bool

    @classmethod
    def of(cls, name: str, titles: Sequence[str], voltage: str) -> _Table:
        plain = [title.lower().partition(" (")[0].strip() for title in titles]
        is_xl = "raw position" not in plain and "raw voltage" not in plain
        wanted = {
            "position": ("position",) if is_xl else ("raw position",),
            "voltage": VOLTAGES[voltage],
            "time": ("time",) if is_xl else ("time stamp",),
        }
        if is_xl:
            wanted |= {
                "field": ("field",),
                "low temp": ("start temperature",),
                "high temp": ("end temperature",),
                "scan": ("scan",),
            }
        columns: dict[str, int] = {}
        for key, names in wanted.items():
            at = next((plain.index(one) for one in names if one in plain), None)
            if at is None:
                shown = " or ".join(repr(one) for one in names)
                raise FormatError(
                    f"{name}: there is no column {shown} ({key}); a raw scan cannot be read without it. Found"
                    f" {', '.join(titles[:16])}"
                )
            columns[key] = at
        return cls(name, titles, columns, is_xl)

    def number(self, line: int, cells: Sequence[str], key: str) -> float:
        """Float of a cell, NaN when it is blank."""
        at = self.columns[key]
        text = cells[at] if at < len(cells) else ""
        if text.lower() in MISSING:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise FormatError(
                f"{self.name}, line {line}, column {self.titles[at]!r}: {text[:60]!r} is not a number; correct the"
                " cell, or remove the measurement"
            )
        return value


def _why_no_scans(name: str, lines: Sequence[tuple[int, Sequence[str]]]) -> str:
    at = next((i for i, (_, cells) in enumerate(lines) if cells and _DATA.match(cells[0])), None)
    titles = [] if at is None else next((list(cells) for _, cells in lines[at + 1 :] if any(cells)), [])
    if not titles:
        return f"{name}: there is no [Data] line with column titles after it; the file is no raw file or is cut off"
    return f"{name}: no column of SQUID voltages along a scan; found {', '.join(titles[:16])}"


def _masses(header: Mapping[str, str]) -> dict[str, float | str]:
    """Sample mass and molar mass where the header states them as numbers above 0."""
    found: dict[str, float | str] = {}
    for key, (attribute, unit) in HEADER_MASSES.items():
        try:
            number = float(header.get(key, ""))
        except ValueError:
            continue
        if 0 < number < math.inf:
            found[attribute] = float(f"{to_si(number, unit, attribute.removeprefix('sample_')):.15g}")
    return found


def _cut_row(rows: Sequence[tuple[int, Sequence[str]]], titles: int) -> int:
    """Line number of a last row that was not written to its end; 0 when it was."""
    if not rows:
        return 0
    line, cells = rows[-1]
    if cells[0].startswith(";"):
        return line
    before = [len(others) for _, others in rows[-6:-1] if not others[0].startswith(";")]
    return line if len(cells) < min(before, default=titles) else 0


def _mpms3_scans(table: _Table, rows: Sequence[tuple[int, list[str]]], voltage: str) -> list[list[_Scan]]:
    """Scans of each measurement. Rows without a raw voltage are curves of the instrument's program and end one."""
    raw = _Table.of(table.name, table.titles, "raw") if voltage in ("fixed", "free") else table
    scans: list[_Scan] = []
    for line, cells in rows:
        if cells[0].startswith(";"):
            # a spreadsheet may have cut the line at its semicolons
            scans.append(_Scan(line, _scan_header(table.name, line, ";".join(cells))))
            continue
        value = table.number(line, cells, "voltage")
        recorded = not math.isnan(raw.number(line, cells, "voltage"))
        position, time = table.number(line, cells, "position"), table.number(line, cells, "time")
        if math.isnan(position):
            if cells[0] or math.isnan(value):
                continue
            raise FormatError(f"{table.name}, line {line}: a voltage without a position; remove the measurement")
        if not scans:
            raise FormatError(
                f"{table.name}, line {line}: numbers before the first line about a scan (;low temp = ...); the file is"
                " damaged"
            )
        scans[-1].fitted |= not recorded
        if not math.isnan(value):
            scans[-1].rows.append((line, time, position * 1e-3, value))
    if any(scan.fitted for scan in scans):
        measurements: list[list[_Scan]] = [[]]
        for scan in scans:
            measurements[-1].append(scan)
            if scan.fitted:
                measurements.append([])
        measurements = [one for one in measurements if one]
    else:
        measurements = [scans[i : i + 2] for i in range(0, len(scans), 2)]
    if voltage in ("fixed", "free"):
        # the fitted curves stand after the last scan of a measurement
        return [one[-1:] for one in measurements]
    return measurements


def _scan_header(name: str, line: int, text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in _ENTRY.findall(text):
        number = value.split()[0].replace(",", ".") if value.split() else ""
        try:
            found[key.strip()] = float(number)
        except ValueError:
            raise FormatError(f"{name}, line {line}: {key.strip()} = {value[:40]!r} is not a number") from None
    missing = [key for key in _NEEDED if not math.isfinite(found.get(key, math.nan))]
    if missing:
        raise FormatError(
            f"{name}, line {line}: the line about this scan lacks {', '.join(missing)}; it is cut off or no line of"
            " an MPMS3 raw file"
        )
    return found


def _xl_scans(table: _Table, rows: Sequence[tuple[int, list[str]]]) -> list[list[_Scan]]:
    """Scans of each measurement: their number starts again at 1 with a new one."""
    measurements: list[list[_Scan]] = []
    before: tuple[float, ...] = ()
    for line, cells in rows:
        numbers = {key: table.number(line, cells, key) for key in table.columns}
        if all(math.isnan(number) for number in numbers.values()):
            continue
        blank = [key for key, number in numbers.items() if math.isnan(number)]
        if blank:
            raise FormatError(f"{table.name}, line {line}: no {', no '.join(blank)}; remove this measurement")
        header = {
            "avg. temp": (numbers["low temp"] + numbers["high temp"]) / 2,
            "low temp": numbers["low temp"],
            "high temp": numbers["high temp"],
            "low field": numbers["field"],
            "high field": numbers["field"],
        }
        place = (numbers["scan"], numbers["field"], numbers["low temp"])
        if place != before:
            if not before or numbers["scan"] <= before[0]:
                measurements.append([])
            measurements[-1].append(_Scan(line, header))
            before = place
        measurements[-1][-1].rows.append((line, numbers["time"], numbers["position"] * 1e-2, numbers["voltage"]))
    return measurements


def _complete(
    name: str, measurements: list[list[_Scan]], fewest: int, cut: bool, incomplete: str, steps: list[str]
) -> list[list[_Scan]]:
    """Measurements whose scans all have their points; a last one that breaks off is refused or left out."""
    sizes = [len(scan.rows) for one in measurements for scan in one]
    if not sizes or max(sizes) < FEWEST_POINTS:
        raise FormatError(
            f"{name}: no scan has {FEWEST_POINTS} points with a position and this voltage; the file ends too early"
        )
    usual = float(np.median(sizes))
    passes = max(float(np.median([len(one) for one in measurements])), fewest)
    curves = any(one[-1].fitted for one in measurements)
    for number, one in enumerate(measurements, start=1):
        last = number == len(measurements)
        short = next((scan for scan in one if len(scan.rows) < max(FEWEST_POINTS, 0.9 * usual)), None)
        if short is not None:
            reason = f"this scan has {len(short.rows)} points, others have {usual:g}"
        elif len(one) < passes:
            reason = f"measurement {number} has {len(one)} scans, {passes:g} are expected"
        elif last and (cut or (curves and not one[-1].fitted)):
            reason = "the end of the last measurement is missing"
        else:
            continue
        line = (short or one[-1]).line
        if not last:
            raise FormatError(f"{name}, line {line}: {reason}; remove this measurement from the file")
        if incomplete == "error" or number == 1:
            raise FormatError(
                f"{name}, line {line}: the file is cut off: {reason}. Copy the file again, or leave the last"
                " measurement out with incomplete='drop'"
            )
        steps.append(f"the last measurement (line {one[0].line} on) is left out: {reason}")
        return measurements[:-1]
    return measurements


def _measurement(
    scan: _Scan,
    number: int,
    start: float,
    path: Path,
    attributes: Mapping[str, float | str],
    provenance: Provenance,
    sample: str,
) -> Measurement:
    _, time, position, voltage = (np.array(column) for column in zip(*scan.rows, strict=True))
    header = scan.header
    low, high = header.get("low temp", header["avg. temp"]), header.get("high temp", header["avg. temp"])
    turns = np.count_nonzero(np.diff(np.sign(np.diff(position))[np.diff(position) != 0]))
    direction = "up" if position[-1] > position[0] else "down"
    if turns > position.size // 10 or abs(position[-1] - position[0]) < 0.5 * np.ptp(position):
        direction = "both"
    # the time of an up scan is needed for drift; blank times are not invented
    seconds = None if math.isnan(time[0]) or math.isnan(start) else float(time[0] - start)
    known: dict[str, float | str] = {**attributes, "scan_of": float(number), "direction": direction}
    if "squid range" in header:
        known |= {"squid_range": header["squid range"], "given_center": header["given center"] * 1e-3}
    return Measurement(
        "scan_voltage",
        voltage[None, :],
        Conditions(
            header["avg. temp"],
            magnetic_field=0.5e-4 * (header["low field"] + header["high field"]),
            time=seconds,
            sigma_temperature=abs(high - low) / math.sqrt(12),
        ),
        axis=Axis("position", position),
        sample=sample,
        label=f"{_SUFFIXES.sub('', path.name)} {number} {direction}",
        attributes=known,
        provenance=provenance,
    )
