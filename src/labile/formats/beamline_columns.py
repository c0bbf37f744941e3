"""Plain text columns of beamlines: SSRL, APS, NSLS, SOLEIL, and any table whose titles name energy and detectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labile.core.measurement import Measurement
from labile.formats.absorption_channels import Options, listed, spectra
from labile.formats.absorption_columns import Column, Table, unit_in_title
from labile.formats.absorption_scans import EV
from labile.formats.absorption_signatures import (
    EPICS,
    EXAFSSCAN,
    LABVIEW,
    LUCIA,
    SSRL,
    XDAC,
    cells,
    last_titles,
    split_titles,
)
from labile.formats.absorption_table import numeric_table
from labile.formats.channel_counts import read_text
from labile.formats.registry import FormatError
from labile.formats.text import decimal_commas, points_for_commas

_POINTS = re.compile(r"PTS:\s*(\d+)\s+COLS:\s*(\d+)")
_DASHES = re.compile(r"^\s*-{5,}\s*$")
_SETTING = re.compile(r"^([A-Za-z][\w ]{0,30}?)\s*=\s*(.+)$")
_ORIGIN = re.compile(r"created (?:on|at) .*?(?:\bon|at) ([A-Z][\w-]+)\s*$|created at (APS \S+)")
_EPICS_NAME = re.compile(r"^;\s*([PD]\d+)\s*=\s*\{(.*?)\}")
_EXAFSSCAN_NAME = re.compile(r"(\d+)_(.+?)(?= \d+_|$)")
_NOTE = re.compile(r"^(element|edge|e0|(?:sample[ _])?temp(?:erature)?)\s*[:=]\s*(.+)$", re.IGNORECASE)
_LABVIEW_WIDTH = 21
_SAMBA = {"energy", "theta", "xmu", "fluo", "ref", "fluo_raw"}
_SAMBA_ROLES = {"xmu": "mutrans", "fluo": "ifluor", "ref": "murefer"}
"""What SAMBA's titles mean, as its files show: XMU = ln(I0/I1), REF = ln(I1/I2), FLUO is corrected for dead time."""
_LUCIA_ROLES = {"fy_c": "ifluor"}
"""LUCIA: FY_c is the fluorescence yield FY divided by 1 - DeadTime/100."""


@dataclass
class _Layout:
    """What the header says: titles, where numbers begin (from 0), how many rows there should be."""

    program: str
    titles: list[str]
    first: int
    header: dict[str, float | str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    roles: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    temperature: str = ""


def read(
    path: Path | str,
    *,
    columns: Mapping[str, Any] | None = None,
    mode: str | None = None,
    channels: bool = False,
    without: int | str | Sequence[int | str] = (),
    energy_unit: str = "",
    d_spacing: float | str | None = None,
    temperature: float | str | None = None,
    sample: str = "sample",
    counts: bool | None = None,
    bad_points: str = "refuse",
    repair: bool = True,
    incomplete: str = "error",
) -> list[Measurement]:
    """Read columns of a beamline.

    Parameters
    ----------
    path : path-like
    columns : mapping, optional
        Role to column number (from 1), title, or list of them, where the titles do not say it: ``{"energy": 1,
        "i0": 2, "itrans": 3}``, ``{"ifluor": [5, 6], "icr": [7, 8], "ocr": [9, 10]}``, ``{"mu": 2}``.
    mode : {"transmission", "fluorescence", "reference", "stored"}, optional
        The only spectrum that is wanted; by default all that the columns give.
    channels : bool
        Every column as it was recorded, quantity ``"intensity"``, instead of spectra: to find dead or saturated
        detectors.
    without : int, str or sequence of them
        Fluorescence columns to leave out of the sum.
    energy_unit : {"", "eV", "keV", "angstrom", "degree", "radian"}
        Of the energy column, where its title does not say it.
    d_spacing : float or str, optional
        Of the monochromator, angstrom or text with a unit; for angles.
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        else what the header or the file name says (``_10K_``), or 295 K, assumed and recorded.
    sample : str
        Prefix of the sample's parameters.
    counts : bool, optional
        Whether the detector columns are photon counts, so that sigma follows from counting statistics.
    bad_points : {"refuse", "drop"}
        What to do with points whose detector is saturated, zero or negative.
    repair : bool
        Sort energies and average those that stand twice, and record it; False refuses them.
    incomplete : {"error", "keep"}
        What to do with a file that has fewer rows than it announces, a last row that is cut short, or rows of NaN
        where the scan was stopped.

    Returns
    -------
    list of Measurement
        Quantity ``"absorption"`` along ``"energy"``, for each scan of the file and each kind of spectrum. Attributes:
        ``mode``, ``program``, ``comment``, ``nominal_edge_energy`` (J), ``temperature_source``.

    Raises
    ------
    FormatError
        If the meaning of the columns is not determined; the message lists them.
    """
    path = Path(path)
    options = Options(
        columns,
        mode,
        channels,
        listed(without),
        energy_unit,
        d_spacing,
        temperature,
        sample,
        counts,
        bad_points,
        repair,
    )
    return spectra(_table(path, incomplete), options)


def _table(path: Path, incomplete: str) -> Table:
    try:
        head = path.read_bytes()[:400]
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    if SSRL.match(head) and b"\0" in head:
        raise FormatError(f"{path.name}: the binary variant of an SSRL file; write it again as ASCII with its program")
    lines, comma_steps = _with_points(path.name, read_text(path).split("\n"))
    layout = _layout(path.name, lines)
    width = len(layout.titles) or None
    rows, places, steps = numeric_table(path.name, lines, layout.first, incomplete, width)
    if layout.rows is not None and rows.shape[0] != layout.rows:
        if incomplete == "error":
            raise FormatError(
                f"{path.name}: it announces {layout.rows} points, but {rows.shape[0]} are there; pass"
                " incomplete='keep' to read them"
            )
        steps.append(f"{layout.rows} points announced, {rows.shape[0]} found and kept")
    titles = layout.titles or [""] * rows.shape[1]
    comment = "\n".join(one for one in layout.comments if one).strip()
    return Table(
        path,
        "beamline_columns",
        tuple(Column(title.strip(), unit_in_title(title)) for title in titles),
        rows,
        places,
        layout.roles,
        {"program": layout.program, **layout.header, **({"comment": comment} if comment else {})},
        temperature=layout.temperature,
        steps=(*comma_steps, *steps),
    )


def _with_points(name: str, lines: list[str]) -> tuple[list[str], list[str]]:
    """Lines with decimal points, and a step where they had commas."""
    commas = decimal_commas(lines)
    if commas == "unclear":
        raise FormatError(
            f"{name}: the commas in its numbers may be decimal or separate thousands; expected decimal points, or"
            " decimal commas that can be nothing else: write the file again with points"
        )
    return (points_for_commas(lines), ["commas read as decimal points"]) if commas else (lines, [])


def _layout(name: str, lines: Sequence[str]) -> _Layout:
    first = lines[0]
    if SSRL.match(first.encode("utf-8", "replace")):
        return _ssrl(name, lines)
    if XDAC.match(first):
        return _xdac(name, lines)
    if LABVIEW.match(first):
        return _labview(name, lines)
    if EPICS.match(first):
        return _epics(name, lines)
    if any(EXAFSSCAN.match(line) for line in lines[:20]):
        return _exafsscan(name, lines)
    return _titled(name, lines)


def _ssrl(name: str, lines: Sequence[str]) -> _Layout:
    """SSRL: ``PTS: n COLS: m``, then after ``Data:`` one title a line."""
    announced = next((found for line in lines[:6] if (found := _POINTS.search(line))), None)
    data = next((number for number, line in enumerate(lines) if line.strip().lower() == "data:"), None)
    if announced is None or data is None:
        missing = "PTS: and COLS:" if announced is None else "Data:"
        raise FormatError(f"{name}: an SSRL file without its line {missing!r}")
    points, width = int(announced[1]), int(announced[2])
    titles = [line.strip() for line in lines[data + 1 : data + 1 + width]]
    if len(titles) < width or not all(titles):
        raise FormatError(f"{name}: {width} columns announced, but {sum(map(bool, titles))} titles after 'Data:'")
    end = next((number for number, line in enumerate(lines) if line.strip().lower() == "weights:"), data)
    header: dict[str, float | str] = {"date": lines[1].strip()}
    comments = [line.strip() for line in lines[3:end]]
    return _Layout(lines[0].strip(), titles, data + 1 + width, header, comments, rows=points)


def _xdac(name: str, lines: Sequence[str]) -> _Layout:
    """XDAC of NSLS and MRCAT: settings ``name= value``, comments, a line of dashes, titles."""
    dashes = next((number for number, line in enumerate(lines) if _DASHES.match(line)), None)
    if dashes is None or dashes + 1 >= len(lines):
        raise FormatError(f"{name}: no line of dashes above its titles, which every XDAC file has")
    header: dict[str, float | str] = {"created": lines[1].strip()}
    comments = []
    for line in lines[2:dashes]:
        found = _SETTING.match(line.strip())
        if found and found[1].strip().lower() == "e0":
            header |= _nominal(found[2])
        elif found:
            header[found[1].strip().lower()] = found[2]
        elif line.strip():
            comments.append(line.strip())
    origin = _ORIGIN.search(lines[1][:300])
    if origin:
        header["beamline"] = origin[1] or origin[2]
    return _Layout(lines[0].strip(), lines[dashes + 1].split(), dashes + 2, header, comments)


def _labview(name: str, lines: Sequence[str]) -> _Layout:
    """APS 9-BM, 20-BM, 20-ID: titles of 21 characters each on the line after ``# Column Headings:``."""
    at = next(
        (number for number, line in enumerate(lines) if "column headings:" in line.lower() and "readable" not in line),
        None,
    )
    if at is None or at + 1 >= len(lines):
        raise FormatError(f"{name}: no line '# Column Headings:', which these files have")
    line = lines[at + 1][1:]
    titles = [line[i : i + _LABVIEW_WIDTH].strip() for i in range(0, len(line.rstrip()), _LABVIEW_WIDTH)]
    comments = [one.lstrip("# ").strip() for one in lines[1:at]]
    return _Layout("LabVIEW Control Panel", titles, at + 2, {}, comments)


def _epics(name: str, lines: Sequence[str]) -> _Layout:
    """APS 13-BM and 13-ID before 2010: names ``; P1 = {Energy} --> ...``, and their order on the last comment line."""
    names = {found[1]: found[2].strip() for line in lines if (found := _EPICS_NAME.match(line))}
    comment_lines = [number for number, line in enumerate(lines) if line.startswith(";")]
    order = lines[comment_lines[-1]].lstrip("; ").split()
    if not order or not all(one in names for one in order):
        raise FormatError(
            f"{name}: the last comment line must list columns such as P1 P2 D1 D2, which are named above it"
        )
    header: dict[str, float | str] = {}
    for line in lines[: comment_lines[-1]]:
        found = re.match(r"^;\s*E0\s*=\s*([\d.]+)", line)
        header |= _nominal(found[1]) if found else {}
    return _Layout("Epics Scan", [names[one] for one in order], comment_lines[-1] + 1, header)


def _exafsscan(name: str, lines: Sequence[str]) -> _Layout:
    """APS 12-BM: titles ``1_Energy (keV) 2_sec ...`` on a #C line."""
    for number, line in enumerate(lines):
        if line.startswith("#C 1_"):
            found = _EXAFSSCAN_NAME.findall(" ".join(line[3:].split()))
            if [int(count) for count, _ in found] != list(range(1, len(found) + 1)):
                raise FormatError(f"{name}, line {number + 1}: its titles are not numbered 1, 2, 3 ...")
            return _Layout("exafsscan", [title.strip() for _, title in found], number + 1)
    raise FormatError(f"{name}: no line '#C 1_Energy ...' with its titles")


def _titled(name: str, lines: Sequence[str]) -> _Layout:
    """Anything else: comment lines, the last of them with titles, or nothing but numbers."""
    titles, _ = last_titles(list(lines))
    first = next((number for number, line in enumerate(lines) if _is_row(line)), None)
    if first is None:
        raise FormatError(f"{name}: there is no row of numbers in it")
    spec = [line for line in lines[:first] if line.startswith("#L ")]
    if spec:
        if sum(line.startswith("#S ") for line in lines) > 1:
            raise FormatError(f"{name}: a SPEC file of several scans; save the one that is wanted in a file of its own")
        titles = split_titles(spec[-1][3:], len(cells(lines[first])))
    header: dict[str, float | str] = {}
    comments, temperature = [], ""
    for line in lines[:first]:
        text = line.strip().lstrip("#%;! \t").strip()
        found = _NOTE.match(text)
        if not found:
            comments.append(text)
        elif found[1].lower() == "e0":
            header |= _nominal(found[2])
        elif found[1].lower() in ("element", "edge"):
            header[found[1].lower()] = found[2].strip()
        else:
            temperature = found[2]
    program, roles = "text columns", {}
    if LUCIA.match(lines[0]):
        program, roles = "SOLEIL LUCIA", _LUCIA_ROLES
    elif {title.lower() for title in titles} >= _SAMBA:
        program, roles = "SOLEIL SAMBA", _SAMBA_ROLES
    return _Layout(program, titles, first, header, comments, roles, temperature=temperature)


def _is_row(line: str) -> bool:
    words = cells(line)
    try:
        return len(words) >= 1 and all(float(word.replace("D", "E").replace("d", "e")) is not None for word in words)
    except ValueError:
        return False


def _nominal(text: str) -> dict[str, float | str]:
    """Edge energy the beamline was set to, where it is a number in eV."""
    try:
        energy = float(text.split()[0])
    except (ValueError, IndexError):
        return {}
    return {"nominal_edge_energy": energy * EV} if 45.0 <= energy < 200e3 else {}
