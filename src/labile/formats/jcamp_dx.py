"""JCAMP-DX 4.24 and 5.x: one spectrum, linked blocks or pages of NTUPLES, checked against what the header states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labile.core.measurement import Measurement
from labile.formats.channel_counts import read_text
from labile.formats.jcamp_asdf import Ordinates, TableError, ordinates, pairs
from labile.formats.registry import FormatError
from labile.formats.spectral_axes import Meaning, RawSpectra, measurement
from labile.formats.text import split_lines

_LABEL = re.compile(r"^\s*##([^=]*)=(.*)$")
_TABLES = ("XYDATA", "XYPOINTS", "PEAKTABLE", "DATATABLE", "PEAKASSIGNMENTS", "RADATA")
_VARIABLES = re.compile(r"^\(\s*(?P<x>[A-Z])(?:\+\+\s*\(\s*(?P<y>[A-Z])\s*\.\.\s*[A-Z]\s*\)|(?P<pair>[A-Z])\.\.)", re.I)
_FIRST_NUMBER = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_CELSIUS = 273.15
_KEPT = (
    "ORIGIN", "OWNER", "DATE", "LONGDATE", "TIME", "STATE", "SAMPLEDESCRIPTION", "SAMPLINGPROCEDURE", "RESOLUTION",
    "MOLFORM", "CASREGISTRYNO", "CASNAME", "NAMES", "INSTRUMENTPARAMETERS", "SPECTROMETER/DATASYSTEM", "PATHLENGTH",
    "CONCENTRATIONS", "PRESSURE", "TEMPERATURE", "DATAPROCESSING",
)  # fmt: skip


@dataclass
class _Block:
    """Labels of one block with their lines, and its tables."""

    line: int
    labels: dict[str, tuple[int, str]] = field(default_factory=dict)
    tables: list[_Table] = field(default_factory=list)
    pages: bool = False

    def text(self, label: str) -> str:
        return self.labels.get(label, (0, ""))[1].strip()

    @property
    def title(self) -> str:
        return self.text("TITLE").split("\n")[0].strip()


@dataclass
class _Table:
    label: str
    line: int
    form: str
    page: str
    lines: list[tuple[int, str]] = field(default_factory=list)
    labels: dict[str, tuple[int, str]] = field(default_factory=dict)


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
    checks: str = "error",
    incomplete: str = "error",
) -> list[Measurement]:
    """Read the spectra of a JCAMP-DX file.

    Parameters
    ----------
    path : path-like
    quantity : {"", "absorbance", "transmittance", "reflectance", "intensity"}
        Where YUNITS does not say it; ``"transmittance %"`` for percent.
    axis : {"", "wavenumber", "raman_shift", "wavelength", "energy", "channel"}
        Where DATA TYPE does not say it, or to keep wavelengths.
    axis_unit : str
        ``"1/cm"``, ``"nm"``, ``"um"`` ..., where XUNITS does not say it.
    temperature, pressure : float or str, optional
        K and Pa, or text with a unit.
    laser_wavelength : float or str, optional
        nm; for Raman spectra along wavelengths.
    sample : str
        Prefix of the sample's parameters.
    checks : {"error", "record"}
        What to do when X checkpoints, Y checks or the values in the header contradict the data.
    incomplete : {"error", "keep"}
        What to do with a file that breaks off or holds another number of points than NPOINTS says.

    Returns
    -------
    list of Measurement
        One a data block or page, axis ascending. Attributes: what the header says (``title``, ``data_type``,
        ``origin`` ...).

    Raises
    ------
    FormatError
        With block, label and line of what is wrong.
    """
    path = Path(path)
    for option, value, known in (
        ("checks", checks, ("error", "record")),
        ("incomplete", incomplete, ("error", "keep")),
    ):
        if value not in known:
            raise FormatError(f"{path.name}: option {option}={value!r} is unknown; use one of {', '.join(known)}")
    meaning = Meaning(quantity, axis, axis_unit, temperature, pressure, laser_wavelength, sample)
    file_steps: list[str] = []
    blocks = _blocks(path.name, split_lines(read_text(path)), incomplete, file_steps)
    with_data = [block for block in blocks if block.tables]
    found: list[Measurement] = []
    left: list[str] = []
    for block in with_data:
        for table in block.tables:
            if table.label in ("PEAKASSIGNMENTS", "PEAKTABLE", "RADATA"):
                left.append(f"##{table.label} of line {table.line} is no spectrum and was left out")
                continue
            if block.pages and not _is_real(block, table):
                left.append(f"page {table.page!r} is not the real part and was left out")
                continue
            found.append(_spectrum(path, block, table, meaning, checks, incomplete, file_steps))
    if not found:
        why = "; ".join(left) or "no XYDATA, XYPOINTS or DATA TABLE"
        raise FormatError(f"{path.name}: there is no spectrum in it ({why})")
    return found


def _blocks(name: str, lines: Sequence[str], incomplete: str, steps: list[str]) -> list[_Block]:
    """Blocks of the file, the linking one too."""
    blocks: list[_Block] = []
    opened: list[_Block] = []
    table: _Table | None = None
    last = ""
    pages: tuple[str, dict[str, tuple[int, str]]] = ("", {})
    for number, line in enumerate(lines, 1):
        content = line.split("$$", 1)[0].rstrip("\x1a")
        found = _LABEL.match(content)
        if found is None:
            if table is not None:
                if content.strip():
                    table.lines.append((number, content))
            elif opened and last:
                at, text = opened[-1].labels[last]
                opened[-1].labels[last] = (at, f"{text}\n{content.strip()}")
            elif content.strip() and not opened and blocks:
                steps.append(f"line {number} after the last ##END= was left out")
            elif content.strip() and not opened:
                raise FormatError(f"{name}, line {number}: {content.strip()[:40]!r} stands before ##TITLE=")
            continue
        label, value = re.sub(r"[\s\-_/]+", "", found[1]).upper(), found[2].strip()
        table = None
        if label == "TITLE":
            block = _Block(number, {"TITLE": (number, value)})
            opened.append(block)
            blocks.append(block)
            last, pages = "TITLE", ("", {})
        elif not opened:
            if label:
                raise FormatError(f"{name}, line {number}: ##{found[1].strip()}= stands before ##TITLE=")
        elif label == "END":
            opened.pop()
            last = ""
        elif label in _TABLES:
            table = _Table(label, number, value, pages[0], labels=dict(pages[1]))
            opened[-1].tables.append(table)
        elif label == "NTUPLES":
            opened[-1].pages, last = True, ""
        elif label == "ENDNTUPLES":
            last, pages = "", ("", {})
        elif label == "PAGE":
            pages, last = (value, {}), ""
        elif pages[0]:
            pages[1][label] = (number, value)
            last = ""
        elif label:
            # a label that stands twice in one block is kept as it was first written
            opened[-1].labels.setdefault(label, (number, value))
            last = label
    if opened:
        message = f"the block {opened[-1].title!r} of line {opened[-1].line} has no ##END="
        if incomplete == "error":
            raise FormatError(f"{name}: {message}; the file breaks off, pass incomplete='keep' to read what is there")
        steps.append(message)
    if not blocks:
        raise FormatError(f"{name}: there is no ##TITLE= in it, which every JCAMP-DX file starts with")
    _check_links(name, blocks, incomplete, steps)
    return blocks


def _check_links(name: str, blocks: Sequence[_Block], incomplete: str, steps: list[str]) -> None:
    if blocks[0].text("DATATYPE").upper() != "LINK" or "BLOCKS" not in blocks[0].labels:
        return
    announced = _FIRST_NUMBER.match(blocks[0].text("BLOCKS"))
    # files count the linking block or not
    if announced is not None and len(blocks) < float(announced[1]):
        message = f"##BLOCKS= announces {announced[1]} blocks, {len(blocks) - 1} follow"
        if incomplete == "error":
            raise FormatError(f"{name}: {message}; pass incomplete='keep' to read what is there")
        steps.append(message)


def _is_real(block: _Block, table: _Table) -> bool:
    symbol = _symbols(table)[1]
    names = _listed(block, "SYMBOL")
    if symbol not in names:
        return True
    titles = _listed(block, "VARNAME")
    at = names.index(symbol)
    return "IMAG" not in (titles[at].upper() if at < len(titles) else symbol)


def _listed(block: _Block, label: str) -> list[str]:
    return [one.strip() for one in block.text(label).replace("\n", " ").split(",")]


def _symbols(table: _Table) -> tuple[str, str]:
    """Symbols of abscissa and ordinate in the form of the table."""
    found = _VARIABLES.match(table.form)
    if found is None:
        return "", ""
    return found["x"].upper(), (found["y"] or found["pair"]).upper()


def _header(block: _Block, table: _Table) -> dict[str, tuple[int, str]]:
    """Labels that hold for a table; those of NTUPLES under the names they have for one spectrum."""
    labels = dict(block.labels)
    if block.pages:
        x, y = _symbols(table)
        names = [one.upper() for one in _listed(block, "SYMBOL")]
        for symbol, axis in ((x, "X"), (y, "Y")):
            if symbol not in names:
                continue
            for label, target in (
                ("UNITS", f"{axis}UNITS"), ("FACTOR", f"{axis}FACTOR"), ("FIRST", f"FIRST{axis}"),
                ("LAST", f"LAST{axis}"), ("MIN", f"MIN{axis}"), ("MAX", f"MAX{axis}"), ("VARDIM", "NPOINTS"),
            ):  # fmt: skip
                listed = _listed(block, label)
                at = names.index(symbol)
                if at < len(listed) and listed[at] and label in block.labels:
                    labels[target] = (block.labels[label][0], listed[at])
        # extremes of NTUPLES are those of all pages
        for label in ("MINY", "MAXY", "FIRSTY", "LASTY"):
            labels.pop(label, None)
    return labels | table.labels


class _Header:
    """Numbers of the header, each with the line it stands on."""

    def __init__(self, where: str, labels: Mapping[str, tuple[int, str]]) -> None:
        self.where, self.labels = where, labels

    def number(self, label: str) -> float | None:
        if label not in self.labels or not self.labels[label][1].strip():
            return None
        line, text = self.labels[label]
        # a decimal comma, as some programs write it
        found = _FIRST_NUMBER.match(re.sub(r"(\d),(\d)", r"\1.\2", text))
        if found is None or not np.isfinite(float(found[1])):
            raise FormatError(f"{self.where}, line {line}: ##{label}={text.strip()[:30]} is no number")
        return float(found[1])

    def needed(self, label: str) -> float:
        value = self.number(label)
        if value is None:
            raise FormatError(f"{self.where}: ##{label}= is missing, which a table (X++(Y..Y)) needs")
        return value

    def rounding(self, label: str) -> float:
        """Half a unit of the last digit a label is written with."""
        text = self.labels[label][1].strip().lower()
        found = _FIRST_NUMBER.match(text.replace(",", "."))
        mantissa, _, power = (found[1] if found else text).partition("e")
        return 0.5 * 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def _spectrum(
    path: Path,
    block: _Block,
    table: _Table,
    meaning: Meaning,
    checks: str,
    incomplete: str,
    file_steps: Sequence[str],
) -> Measurement:
    label = block.title or path.stem
    if table.page:
        label = f"{label} {table.page}"
    where = f"{path.name}, block {label!r} of line {block.line}"
    labels = _header(block, table)
    header = _Header(where, labels)
    steps = list(file_steps)
    wrong: list[str] = []
    symbols = _symbols(table)
    try:
        if "++" in table.form and symbols[0]:
            x, y = _evenly_spaced(header, ordinates(table.lines), wrong, steps, incomplete)
        elif symbols[0]:
            points = pairs(table.lines)
            x = points[:, 0] * _factor(header, "XFACTOR")
            y = points[:, 1] * _factor(header, "YFACTOR")
            _check_points(header, x.size, steps, incomplete)
            wrong += _ends(header, x)
        else:
            raise FormatError(
                f"{where}, line {table.line}: the form {table.form!r} is unknown; (X++(Y..Y)) or (XY..XY)"
            )
    except TableError as error:
        raise FormatError(f"{where}, {error}") from None
    if x.size == 0:
        raise FormatError(f"{where}, line {table.line}: ##{table.label}= holds no points")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise FormatError(f"{where}: not every number is finite")
    first, extremes = _values(header, y)
    wrong += first
    steps += extremes
    if wrong and checks == "error":
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise FormatError(f"{where}: {wrong[0]}{more}; pass checks='record' to read the data as they stand")
    steps += wrong
    kelvin = header.number("TEMPERATURE")
    if kelvin is not None:
        text = labels["TEMPERATURE"][1]
        if re.search(r"\d\s*K\b", text) is None:
            kelvin += _CELSIUS
            steps.append(f"##TEMPERATURE={text.strip()} is in degrees Celsius, as JCAMP-DX prescribes")
    kind = labels.get("DATATYPE", (0, ""))[1].strip()
    raw = RawSpectra(
        x,
        y[None, :],
        labels.get("XUNITS", (0, ""))[1].strip(),
        labels.get("YUNITS", (0, ""))[1].strip(),
        _raman(kind),
        label,
        {"title": block.title, "data_type": kind, **_attributes(labels)},
        tuple(steps),
        None if kelvin is None else np.array([kelvin]),
    )
    return measurement(path, "jcamp_dx", raw, meaning)


def _raman(kind: str) -> bool | None:
    """Whether DATA TYPE names Raman (True), or infrared, UV or visible spectra (False)."""
    if re.search(r"raman", kind, re.I):
        return True
    return False if re.search(r"infra-?red|\bf?t?-?ir\b|\bn-?ir\b|uv|visible|vis\b", kind, re.I) else None


def _attributes(labels: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    return {
        label.lower(): labels[key][1].strip()
        for label in _KEPT
        if (key := re.sub(r"[\s\-_/]+", "", label)) in labels and labels[key][1].strip()
    }


def _factor(header: _Header, label: str) -> float:
    value = header.number(label)
    if value == 0:
        raise FormatError(f"{header.where}: ##{label}=0 would make all values zero")
    return 1.0 if value is None else value


def _evenly_spaced(
    header: _Header, table: Ordinates, wrong: list[str], steps: list[str], incomplete: str
) -> tuple[np.ndarray, np.ndarray]:
    """Axis from FIRSTX, LASTX and the number of points, and ordinates; checks of X and Y go to `wrong`."""
    first, last = header.needed("FIRSTX"), header.needed("LASTX")
    count = table.values.size
    announced = _check_points(header, count, steps, incomplete)
    if announced < 2:
        raise FormatError(f"{header.where}: ##NPOINTS={announced:g}; a spectrum has at least two points")
    step = (last - first) / (announced - 1)
    if step == 0:
        raise FormatError(f"{header.where}: ##FIRSTX= and ##LASTX= are both {first:g}")
    wrong += table.wrong_checks
    delta = header.number("DELTAX")
    if delta is not None and abs(delta) > 0:
        # the sign of DELTAX is left out by some programs
        delta = float(np.copysign(delta, step))
        slack = 0.5 * abs(step) + header.rounding("DELTAX") * announced
        if abs(delta - step) * (announced - 1) > slack:
            steps.append(
                f"##DELTAX={delta:g} does not lead from FIRSTX={first:g} to LASTX={last:g} in {announced:g} points;"
                f" the step is {step:.8g}"
            )
    off = _wrong_checkpoints(header, table, first, step)
    if off and delta and not _wrong_checkpoints(header, table, first, delta):
        off = [
            f"{len(off)} X checkpoints follow DELTAX={delta:g}, which ends at"
            f" {first + (announced - 1) * delta:g} and not at LASTX={last:g}; FIRSTX and LASTX are the ones that count"
        ]
    wrong += off[:3]
    if len(off) > 3:
        wrong.append(f"{len(off) - 3} more X checkpoints are off")
    return first + step * np.arange(count), table.values * _factor(header, "YFACTOR")


def _wrong_checkpoints(header: _Header, table: Ordinates, first: float, step: float) -> list[str]:
    factor = _factor(header, "XFACTOR")
    wrong = []
    for line, index, x, decimals, repeated in table.checkpoints:
        expected = first + index * step
        slack = 0.51 * max(abs(step), abs(factor) * 10.0**-decimals)
        off = x * factor - expected
        # after a difference some programs write the X of the repeated ordinate, others that of the next
        if abs(off) > slack and not (repeated and abs(off - step) <= slack):
            wrong.append(f"line {line}: the X checkpoint is {x * factor:g}, point {index + 1} lies at {expected:g}")
    return wrong


def _check_points(header: _Header, count: int, steps: list[str], incomplete: str) -> int:
    announced = header.number("NPOINTS")
    if announced is None or announced == count:
        if announced is None:
            steps.append("##NPOINTS= is missing; the number of points could not be checked")
        return count
    if announced != int(announced) or announced < 1:
        raise FormatError(f"{header.where}: ##NPOINTS={announced:g} is no number of points")
    message = f"##NPOINTS={announced:g}, but {count} points are there"
    if incomplete == "error":
        raise FormatError(f"{header.where}: {message}; pass incomplete='keep' to read what is there")
    steps.append(message)
    return int(announced)


def _ends(header: _Header, x: np.ndarray) -> list[str]:
    """Contradictions between the ends of pairs and the header."""
    wrong = []
    for label, found in (("FIRSTX", x[:1]), ("LASTX", x[-1:])):
        stated = header.number(label)
        if stated is None or found.size == 0:
            continue
        step = float(np.ptp(x)) / max(1, x.size - 1)
        if abs(stated - found[0]) > 0.5 * step + header.rounding(label):
            wrong.append(f"##{label}={stated:g}, the points have {found[0]:g}")
    return wrong


def _values(header: _Header, y: np.ndarray) -> tuple[list[str], list[str]]:
    """Contradictions between FIRSTY and the values, and between MINY, MAXY and the values.

    Programs write the extremes of other ranges or in other units often enough that those are recorded only.
    """
    wrong: dict[str, list[str]] = {"FIRSTY": [], "MAXY": [], "MINY": []}
    for label, found in (("FIRSTY", y[0]), ("MAXY", y.max()), ("MINY", y.min())):
        stated = header.number(label)
        if stated is None:
            continue
        slack = (
            1.02 * max(abs(_factor(header, "YFACTOR")), header.rounding(label))
            + 2e-3 * float(np.ptp(y))
            + 1e-5 * abs(stated)
        )
        if abs(stated - found) > slack:
            wrong[label].append(f"##{label}={stated:g}, the data have {found:g}")
    return wrong["FIRSTY"], wrong["MAXY"] + wrong["MINY"]
