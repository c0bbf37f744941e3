"""XAS Data Interchange, XDI 1.0 and 1.1: one scan with fields ``Family.tag: value`` in its header.

The grammar is that of the specification (doi:10.1088/1742-6596/712/1/012032 describes the format).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labile.core.measurement import Measurement
from labile.formats.absorption_channels import Options, listed, spectra
from labile.formats.absorption_columns import Column, Table, unit_in_title
from labile.formats.absorption_scans import EV
from labile.formats.absorption_signatures import XDI
from labile.formats.absorption_table import numeric_table
from labile.formats.channel_counts import read_text
from labile.formats.registry import FormatError

_FIELD = re.compile(r"^([A-Za-z_][\w-]*)\.([\w-]+)\s*:\s*(.*)$")
_LIKE_FIELD = re.compile(r"^[\w-]+\.[\w.-]*\s*:|^(?:Column|Element|Mono)\b", re.IGNORECASE)
_FIELD_END = re.compile(r"^/{3,}")
_HEADER_END = re.compile(r"^-{3,}")
_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)$")
_ELEMENT = re.compile(r"[A-Z][a-z]?$")
_EDGE = re.compile(r"(?:K|[LMNO][1-7]?)$")


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
    """Read an XDI file.

    Parameters
    ----------
    path : path-like
    columns : mapping, optional
        Role to column number (from 1), title, or list of them, where the header does not say it: ``{"i0": 2,
        "itrans": 3}``, ``{"ifluor": [5, 6], "icr": [7, 8], "ocr": [9, 10]}``, ``{"mu": 2}``.
    mode : {"transmission", "fluorescence", "reference", "stored"}, optional
        The only spectrum that is wanted; by default all that the columns give.
    channels : bool
        Every column as it was recorded, quantity ``"intensity"``, instead of spectra: to find dead or saturated
        detectors.
    without : int, str or sequence of them
        Fluorescence columns to leave out of the sum.
    energy_unit : {"", "eV", "keV", "angstrom", "degree", "radian"}
        Of the energy column, where the header does not say it.
    d_spacing : float or str, optional
        Angstrom, or text with a unit; for angles, where the header has no Mono.d_spacing.
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        else Sample.temperature of the header, the file name (``_10K_``), or 295 K, assumed and recorded.
    sample : str
        Prefix of the sample's parameters.
    counts : bool, optional
        Whether the detector columns are photon counts, so that sigma follows from counting statistics. By default
        only fluorescence columns whose unit is counts are; ionisation chambers are not.
    bad_points : {"refuse", "drop"}
        What to do with points whose detector is saturated, zero or negative.
    repair : bool
        Sort energies and average those that stand twice, and record it; False refuses them.
    incomplete : {"error", "keep"}
        What to do with a last row that is cut short.

    Returns
    -------
    list of Measurement
        Quantity ``"absorption"`` (or ``"normalized_absorption"``) along ``"energy"``. Attributes: ``mode``,
        ``element``, ``edge``, ``d_spacing`` (m), ``nominal_edge_energy`` (J), ``temperature_source``, ``comment``, and
        all fields of the header as text under their names in lower case (``"beamline.name"``).

    Raises
    ------
    FormatError
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
    lines = read_text(path).split("\n")
    version = XDI.match(lines[0].lstrip("\ufeff"))
    if version is None:
        raise FormatError(f"{path.name}, line 1: '# XDI/1.0' is expected, found {lines[0][:40]!r}")
    if version[1].split(".")[0] != "1":
        raise FormatError(f"{path.name}, line 1: XDI version {version[1]}; versions 1.x are understood")
    fields, comments, labels, first, steps = _header(path.name, lines)
    rows, places, more = numeric_table(path.name, lines, first, incomplete)
    columns, titled = _columns(path.name, fields, labels, rows.shape[1])
    header, wrong = _attributes(fields, comments)
    titles = [one.name.lower() for one in columns]
    return Table(
        path,
        "xdi",
        columns,
        rows,
        places,
        # the specification's other abscissa; Mono.d_spacing makes energies of it
        roles={} if "energy" in titles else {"angle": "energy"},
        header={"xdi_version": version[1], **header},
        d_spacing=_d_spacing(fields, wrong),
        temperature=fields.get("sample.temperature", ""),
        steps=(*steps, *titled, *wrong, *more),
    )


def _header(name: str, lines: Sequence[str]) -> tuple[dict[str, str], list[str], str, int, list[str]]:
    """Fields, comments, the line of labels, the line where numbers begin (from 0), and steps."""
    fields: dict[str, str] = {}
    comments: list[str] = []
    labels = ""
    part = "fields"
    ended = False
    last = ""
    steps: list[str] = []
    number = 1
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if not stripped:
            continue
        if not stripped.startswith("#"):
            break
        text = stripped.lstrip("#").strip()
        if _HEADER_END.match(text):
            part, ended = "labels", True
        elif part == "fields" and _FIELD_END.match(text):
            part = "comments"
        elif part == "fields":
            found = _FIELD.match(text)
            if found:
                # the last of several fields of one name counts
                fields[f"{found[1].lower()}.{found[2].lower()}"] = found[3].strip()
            elif _LIKE_FIELD.match(text):
                raise FormatError(f"{name}, line {number}: {text[:50]!r} is no field 'Family.tag: value'")
            elif text:
                steps.append(f"line {number} of the header is no field, taken as a comment: {text[:40]!r}")
                comments.append(text)
        elif part == "comments":
            comments.append(text)
        else:
            labels = text
        last = text
    else:
        raise FormatError(f"{name}: there are no numbers after the header")
    if not ended:
        steps.append("the header has no end line (# ---)")
        labels = last
    return fields, comments, labels, number - 1, steps


def _columns(name: str, fields: Mapping[str, str], labels: str, width: int) -> tuple[tuple[Column, ...], list[str]]:
    """Titles and units from Column.N, else from the line of labels."""
    words = labels.split()
    words = words if len(words) == width else []
    columns, steps = [], []
    for index in range(width):
        said = fields.get(f"column.{index + 1}", "").partition("||")[0].strip()
        title, _, unit = said.partition(" ")
        label = words[index] if words else ""
        if title and label and title.lower() != label.lower():
            steps.append(f"column {index + 1} is {title!r} in its field and {label!r} in the line of labels")
        columns.append(Column(title or label, unit.strip() or unit_in_title(title or label)))
    beyond = [key for key in fields if key.startswith("column.") and key[7:].isdigit() and int(key[7:]) > width]
    if beyond:
        raise FormatError(f"{name}: the header has {beyond[0].title()}, but the table has {width} columns")
    titles = [one.name.lower() for one in columns if one.name]
    if steps and sorted(title for title in titles) == sorted(word.lower() for word in words):
        raise FormatError(f"{name}: {steps[0]}: the order of the columns is not clear; correct the header")
    return tuple(columns), steps


def _attributes(fields: Mapping[str, str], comments: Sequence[str]) -> tuple[dict[str, float | str], list[str]]:
    attributes: dict[str, float | str] = {key: value for key, value in fields.items() if value}
    steps: list[str] = []
    # the data collection of APS 13-ID writes them among its scan parameters
    element = (fields.get("element.symbol") or fields.get("scanparameters.element", "")).title()
    edge = (fields.get("element.edge") or fields.get("scanparameters.edge", "")).upper()
    for key, value, pattern in (("element", element, _ELEMENT), ("edge", edge, _EDGE)):
        if pattern.match(value):
            attributes[key] = value
        elif value:
            steps.append(f"the header's {key} {value[:20]!r} is none: not used")
    energy = _NUMBER.match(fields.get("scan.edge_energy", ""))
    if energy and float(energy[1]) > 0 and energy[2].strip().lower() in ("", "ev", "kev"):
        attributes["nominal_edge_energy"] = float(energy[1]) * (1e3 if energy[2].strip().lower() == "kev" else 1.0) * EV
    foil = fields.get("element.reference") or fields.get("sample.reference", "")
    if foil.lower() not in ("", "none", "no", "n/a", "unknown"):
        attributes["reference_foil"] = foil
    if text := "\n".join(comments).strip():
        attributes["comment"] = text
    return attributes, steps


def _d_spacing(fields: Mapping[str, str], steps: list[str]) -> float | None:
    text = fields.get("mono.d_spacing", "")
    found = _NUMBER.match(text)
    if (
        found
        and 0.1 < float(found[1]) < 100
        and found[2].strip().lower() in ("", "a", "å", "ang", "angstrom", "angstroms")
    ):
        return float(found[1]) * 1e-10
    if text:
        steps.append(f"Mono.d_spacing {text[:30]!r} is no length in angstrom: not used")
    return None
