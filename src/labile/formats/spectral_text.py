"""Text of optical spectra: two columns, matrices of maps, exports of Renishaw WiRE and HORIBA LabSpec."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import UnitError, to_si
from labile.formats.channel_counts import read_text
from labile.formats.registry import FormatError
from labile.formats.spectral_axes import Meaning, RawSpectra, measurement, quantity_of_values, same_grid, unit_of_axis
from labile.formats.text import split_lines
from labile.formats.vibrational_signatures import LABSPEC, WIRE, WITH_UNIT, labspec_map

_LAYOUTS = ("auto", "columns", "rows")
_CONDITIONS = {"temperature": "K", "pressure": "", "time": "s", "position": "um"}
_LABSPEC_LINE = re.compile(r"^#([^=]+)=\s*(.*)$")
_TEMPERATURE = re.compile(r"^\s*(?:t|temp\.?|temperature)\b", re.I)
_PRESSURE = re.compile(r"^\s*(?:p|pressure)\b", re.I)
_IN_BRACKETS = re.compile(r"[(\[/]\s*([^)\]/]+?)\s*[)\]]?\s*$")
_UNIT_OF = {"K": "temperature", "°C": "temperature", "degC": "temperature", "C": "temperature", "kbar": "pressure",
            "GPa": "pressure", "MPa": "pressure", "bar": "pressure", "s": "time", "min": "time"}  # fmt: skip
_PLACES = ("x", "y", "z", "time")


@dataclass
class _Text:
    """Header and rows of a file; cells that are empty are nan."""

    header: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Map:
    """What the second variable of a matrix is."""

    layout: str
    condition: str
    unit: str


def read(
    path: Path | str,
    *,
    quantity: str = "",
    axis: str = "",
    axis_unit: str = "",
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    laser_wavelength: float | str | None = None,
    sample: str = "sample",
    layout: str = "auto",
    condition: str = "",
    condition_unit: str = "",
) -> list[Measurement]:
    """Read spectra from text.

    Parameters
    ----------
    path : path-like
    quantity : {"", "absorbance", "transmittance", "reflectance", "intensity"}
        Where the header does not say it; ``"transmittance %"`` for percent.
    axis : {"", "wavenumber", "raman_shift", "wavelength", "energy", "channel"}
    axis_unit : str
        ``"1/cm"``, ``"nm"`` ..., where the header does not say it.
    temperature, pressure : float or str, optional
        K and Pa, or text with a unit, of all spectra.
    laser_wavelength : float or str, optional
        nm; for Raman spectra along wavelengths.
    sample : str
        Prefix of the sample's parameters.
    layout : {"auto", "columns", "rows"}
        Of a matrix: each spectrum a column (the first column is the axis, the first row what varies) or each a row (the
        first row is the axis, the first column what varies).
    condition : {"", "temperature", "pressure", "time", "position"}
        What varies from spectrum to spectrum of a matrix.
    condition_unit : str
        Of it: ``"K"``, ``"degC"``, ``"GPa"``, ``"kbar"``.

    Returns
    -------
    list of Measurement
        One, with a row for each spectrum. Attributes: the header's settings, times or positions of the spectra.

    Raises
    ------
    FormatError
        If the meaning of axis, values or matrix is not determined, rows differ in length or the spectra of a map lie
        on different grids.
    """
    path = Path(path)
    if layout not in _LAYOUTS:
        raise FormatError(f"{path.name}: option layout={layout!r} is unknown; use one of {', '.join(_LAYOUTS)}")
    if condition and condition not in _CONDITIONS:
        raise FormatError(
            f"{path.name}: option condition={condition!r} is unknown; use one of {', '.join(_CONDITIONS)}"
        )
    text = read_text(path)
    meaning = Meaning(quantity, axis, axis_unit, temperature, pressure, laser_wavelength, sample)
    lines = split_lines(text)
    content = _content(path.name, lines)
    if not content.rows:
        raise FormatError(f"{path.name}: there are no rows of numbers in it")
    given = _Map(layout, condition, condition_unit)
    if WIRE.search(text[:400]):
        raw = _wire(path.name, content)
    elif LABSPEC.search(text[:4000]) or labspec_map(lines):
        raw = _labspec(path.name, content, given)
    else:
        raw = _columns(path.name, content, given)
    return [measurement(path, "spectral_text", replace(raw, label=path.stem), meaning)]


def _content(name: str, lines: Sequence[str]) -> _Text:
    found = _Text()
    for number, line in enumerate(lines, 1):
        stripped = line.strip("\x1a \r\n")
        if not stripped.strip():
            continue
        if stripped.startswith(("#", "%", "!", "//", '"#')):
            if found.rows:
                raise FormatError(f"{name}, line {number}: a comment stands among the numbers")
            found.header.append(stripped)
            continue
        cells = _split(line)
        values = [_number(cell) for cell in cells]
        numbers = [value for value in values if value is not None and not math.isnan(value)]
        if any(value is None for value in values) or not numbers:
            if found.rows:
                raise FormatError(f"{name}, line {number}: {stripped[:40]!r} is no row of numbers")
            found.header.append(stripped)
            found.titles = cells
            continue
        found.rows.append([math.nan if value is None else value for value in values])
        found.lines.append(number)
    if not found.titles and found.header:
        found.titles = _split(found.header[-1].lstrip("#%!/ "))
    return found


def _split(line: str) -> list[str]:
    """Cells of a line: separated by tabs, else semicolons, else commas, else blanks; a leading tab is an empty cell."""
    line = line.rstrip("\r\n\t ;,")
    for mark in ("\t", ";"):
        if mark in line:
            return [cell.strip().strip('"') for cell in line.split(mark)]
    words = line.split()
    decimal_commas = len(words) > 1 and all(re.fullmatch(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?", word) for word in words)
    if "," in line and not decimal_commas:
        return [cell.strip().strip('"') for cell in line.split(",")]
    return words


def _number(cell: str) -> float | None:
    """A number, nan for an empty cell, None for text."""
    if not cell:
        return math.nan
    if not re.fullmatch(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eEdD][-+]?\d+)?", cell):
        return None
    return float(re.sub(r"[dD]", "e", cell.replace(",", ".")))


def _matrix(name: str, content: _Text, width: int | None = None) -> np.ndarray:
    """All rows as one array (rows, columns)."""
    width = width or len(content.rows[0])
    for number, row in zip(content.lines, content.rows, strict=True):
        if len(row) != width:
            raise FormatError(f"{name}, line {number}: {len(row)} numbers where others have {width}")
        if any(math.isnan(value) or math.isinf(value) for value in row):
            raise FormatError(f"{name}, line {number}: an empty cell or a number out of range")
    return np.array(content.rows)


def _wire(name: str, content: _Text) -> RawSpectra:
    """WiRE: ``#Wave #Intensity``, in maps after ``#X #Y``; rows of one place follow each other."""
    titles = [word.lower() for word in re.findall(r"#\s*(\w+)", content.header[0])]
    if "wave" not in titles or "intensity" not in titles:
        raise FormatError(f"{name}: the header {content.header[0][:60]!r} names no #Wave and #Intensity")
    content.rows = [[value for value in row if not math.isnan(value)] for row in content.rows]
    rows = _matrix(name, content, len(titles))
    wave, values = rows[:, titles.index("wave")], rows[:, titles.index("intensity")]
    outer = [n for n, title in enumerate(titles) if title in _PLACES]
    ends = [0, rows.shape[0]]
    if outer:
        moved = np.any(rows[1:, outer] != rows[:-1, outer], axis=1)
        ends = [0, *(np.flatnonzero(moved) + 1).tolist(), rows.shape[0]]
    grid = wave[: ends[1]]
    spectra = []
    for start, end in pairwise(ends):
        if grid.size < 2 or not (wave[start:end].shape == grid.shape and same_grid(grid, wave[start:end])):
            raise FormatError(
                f"{name}, line {content.lines[start]}: the spectrum that begins here ({end - start} points) is not on"
                f" the grid of the first ({grid.size} points); export the map on one grid, or each spectrum"
                " for itself and join them with join_spectra(regrid=True)"
            )
        spectra.append(values[start:end])
    attributes: dict[str, float | str] = {"program": "WiRE"}
    for n in outer:
        attributes[f"{titles[n]}_values"] = " ".join(f"{rows[start, n]:g}" for start in ends[:-1])
    return RawSpectra(grid, np.array(spectra), "", "intensity", None, "", attributes)


def _labspec(name: str, content: _Text, given: _Map) -> RawSpectra:
    """LabSpec: ``#name= value`` lines, then two columns, or a row of the axis and rows that begin with what varies."""
    settings = {
        found[1].strip(): found[2].strip()
        for line in content.header
        if (found := _LABSPEC_LINE.match(line)) is not None
    }
    kinds = {settings.get(f"AxisType[{n}]", ""): settings.get(f"AxisUnit[{n}]", "") for n in range(4)}
    attributes: dict[str, float | str] = {"program": "LabSpec"}
    attributes |= {f"labspec {key}": value for key, value in settings.items() if value and not key.startswith("Axis")}
    axis_unit = kinds.get("Spectr", "")
    values = next((unit for kind, unit in kinds.items() if kind.startswith("Intens") and unit), "intensity")
    if not quantity_of_values(values)[0]:
        values = "intensity"
    width = len(content.rows[0])
    if width == 2 and not math.isnan(content.rows[0][0]):
        rows = _matrix(name, content)
        return RawSpectra(rows[:, 0], rows[:, 1][None, :], axis_unit, values, None, "", attributes)
    # the row of the axis has an empty cell, or none, above what varies
    axis = [value for value in content.rows[0] if not math.isnan(value)]
    rest = _Text(rows=content.rows[1:], lines=content.lines[1:])
    if not rest.rows:
        raise FormatError(f"{name}: there is an axis but no spectrum")
    outer = len(rest.rows[0]) - len(axis)
    if outer not in (1, 2) or given.layout == "columns":
        raise FormatError(
            f"{name}, line {rest.lines[0]}: {len(rest.rows[0])} numbers under an axis of {len(axis)}; a LabSpec series"
            " has one or two more"
        )
    rows = _matrix(name, rest)
    varies = next((kind for kind in kinds if kind and not kind.startswith(("Intens", "Spectr"))), "")
    condition = given.condition or {"temp": "temperature", "time": "time"}.get(varies[:4].lower(), "")
    condition = condition or ("position" if outer == 2 or varies[:1] in ("X", "Y", "Z") else "")
    unit = given.unit or kinds.get(varies, "")
    raw = RawSpectra(np.array(axis), rows[:, outer:], axis_unit, values, None, "", attributes)
    if outer == 2:
        places = {f"{key}_values": " ".join(f"{v:g}" for v in rows[:, n]) for n, key in enumerate(("first", "second"))}
        return replace(raw, attributes={**attributes, **places})
    return _with_conditions(name, raw, rows[:, 0], condition, unit)


def _columns(name: str, content: _Text, given: _Map) -> RawSpectra:
    """Two columns, or a matrix whose layout follows from its titles or the options."""
    width = len(content.rows[0])
    titles = content.titles
    axis_title = titles[0] if titles else ""
    header = " ".join(content.header)
    raman = True if re.search(r"raman", header, re.I) else False if re.search(r"wave\s?number", header, re.I) else None
    if width == 2 and given.layout == "auto" and not given.condition:
        rows = _matrix(name, content)
        values = titles[1] if len(titles) == 2 else ""
        quantity = values if quantity_of_values(values)[0] else re.sub(r"\s*[(\[].*$", "", values)
        unit = axis_title if len(titles) == 2 else ""
        return RawSpectra(rows[:, 0], rows[:, 1][None, :], unit, quantity or values, raman)
    labelled = [WITH_UNIT.match(title) for title in titles[1:]]
    if labelled and all(labelled) and len(titles) == width and given.layout != "rows":
        units = {found[2] for found in labelled if found}
        if len(units) != 1:
            raise FormatError(f"{name}: the titles of its columns mix units ({', '.join(sorted(units))})")
        unit = units.pop()
        varied = np.array([float(found[1]) for found in labelled if found])
        rows = _matrix(name, content)
        raw = RawSpectra(rows[:, 0], rows[:, 1:].T, axis_title, _values_in(content.header), raman)
        return _with_conditions(name, raw, varied, given.condition or _UNIT_OF[unit], given.unit or unit)
    return _numeric_matrix(name, content, given, raman)


def _numeric_matrix(name: str, content: _Text, given: _Map, raman: bool | None) -> RawSpectra:
    """A matrix whose first row and column are the axis and what varies; the corner may hold anything."""
    first, others = content.rows[0], _Text(rows=content.rows[1:], lines=content.lines[1:])
    corner = ""
    numeric_titles = [_number(title) for title in content.titles[1:]]
    if numeric_titles and all(value is not None and not math.isnan(value) for value in numeric_titles):
        # the row of titles holds numbers behind a text in its corner
        corner, others = content.titles[0], content
        top = [value for value in numeric_titles if value is not None]
    else:
        top = first[1:] if len(first) == (len(others.rows[0]) if others.rows else 0) else first
    if not others.rows:
        raise FormatError(f"{name}: there is one row of numbers; a matrix has more")
    rows = _matrix(name, others)
    if any(math.isnan(value) for value in top) or rows.shape[1] != len(top) + 1 or rows.shape[1] < 2:
        raise FormatError(f"{name}: the first row has {len(top)} numbers, the rows below have {rows.shape[1]}")
    layout = given.layout if given.layout != "auto" else _layout_of(corner)
    if not layout:
        raise FormatError(
            f"{name}: a matrix of {rows.shape[0]} x {rows.shape[1] - 1} numbers whose orientation the header does not"
            " tell; say layout='columns' (each spectrum a column under its temperature or pressure) or layout='rows',"
            " with condition='temperature' or 'pressure' and condition_unit="
        )
    words = [part.strip() for part in re.split(r"\\|\||\bvs\b", corner)]
    axis_text = next((part for part in words if unit_of_axis(part)), "")
    condition_text = next((part for part in words if _TEMPERATURE.match(part) or _PRESSURE.match(part)), "")
    condition = given.condition or _condition_of(condition_text)
    bracket = _IN_BRACKETS.search(condition_text)
    x, varied, y = (rows[:, 0], np.array(top), rows[:, 1:].T)
    if layout == "rows":
        x, varied, y = np.array(top), rows[:, 0], rows[:, 1:]
    raw = RawSpectra(x, y, axis_text, _values_in(content.header), raman)
    return _with_conditions(name, raw, varied, condition, given.unit or (bracket[1] if bracket else ""))


def _condition_of(text: str) -> str:
    if not text:
        return ""
    return "temperature" if _TEMPERATURE.match(text) else "pressure"


def _layout_of(corner: str) -> str:
    """Layout that the text in the corner tells: an axis heads the first column, or a condition does."""
    first = re.split(r"\\|\||\bvs\b", corner)[0]
    if unit_of_axis(first):
        return "columns"
    return "rows" if _TEMPERATURE.match(first) or _PRESSURE.match(first) else ""


def _values_in(header: Sequence[str]) -> str:
    """The one quantity that header lines name; empty when they name none or several."""
    words = {word for line in header for word in re.findall(r"[A-Za-z%]+", line.lower())}
    found = words & {"absorbance", "transmittance", "reflectance", "intensity", "counts"}
    return found.pop() if len(found) == 1 and "%" not in words else ""


def _with_conditions(name: str, raw: RawSpectra, varied: np.ndarray, condition: str, unit: str) -> RawSpectra:
    """Spectra with what varies from one to the next."""
    if not condition:
        raise FormatError(
            f"{name}: the file does not say what varies from spectrum to spectrum ({varied[0]:g} to {varied[-1]:g});"
            " say condition='temperature', 'pressure', 'time' or 'position', and condition_unit= such as 'K' or 'GPa'"
        )
    if condition in ("time", "position"):
        text = " ".join(f"{value:g}" for value in varied)
        return replace(raw, attributes={**raw.attributes, f"{condition}_values": text, f"{condition}_unit": unit})
    if not unit:
        example = "'K'" if condition == "temperature" else "'GPa' or 'kbar'"
        raise FormatError(f"{name}: the unit of its {condition}s is not stated; say condition_unit={example}")
    unit = {"C": "degC", "°C": "degC"}.get(unit, unit)
    try:
        values = np.asarray(to_si(varied, unit, condition))
    except UnitError as error:
        raise UnitError(f"{name}: {error}") from None
    if condition == "temperature":
        return replace(raw, temperature=values)
    return replace(raw, pressure=values)
