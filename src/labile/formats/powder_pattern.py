"""Powder patterns: .xy, .xye and .chi columns, their axis from the header or asked for."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Axis, Measurement, MeasurementError, Provenance
from labile.core.units import to_si
from labile.formats.amounts import amount
from labile.formats.channel_counts import read_text, stated_temperature
from labile.formats.powder_signatures import axis_named, cells, is_row
from labile.formats.registry import FormatError
from labile.formats.text import split_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

AXES = {"two_theta": "deg", "scattering_vector": "1/angstrom", "d_spacing": "angstrom"}
"""Axes that a pattern may have, with their usual units."""
_WAVELENGTH = re.compile(
    r"(?:wave\s*length|lambda|λ)\s*[:=]?\s*\(?\s*(?P<before>Å|A|angstroms?|nm)?\s*\)?\s*[:=]?\s*"
    r"(?P<number>\d*\.\d+(?:[eE][-+]?\d+)?)\s*(?P<after>Å|A\b|angstroms?|nm|m\b)?",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"(?:^|[\s#])(?:T|temp(?:erature)?)\s*[:=]\s*(?P<number>\d+(?:\.\d+)?)\s*K\b", re.IGNORECASE)
_LONGEST = 1e-8


def read(
    path: Path | str,
    *,
    axis: str = "",
    axis_unit: str = "",
    wavelength: float | str | None = None,
    counts: bool = False,
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    sample: str = "sample",
) -> list[Measurement]:
    """Read one powder pattern of two columns, or three with the uncertainty.

    Parameters
    ----------
    path : path-like
    axis : {"", "two_theta", "scattering_vector", "d_spacing"}
        What the first column is, where the header does not say it.
    axis_unit : str
        ``"deg"``, ``"1/nm"`` ...; that of the header, else degrees, 1/angstrom and angstrom.
    wavelength : float or str, optional
        m, or text with a unit such as ``"1.5406 angstrom"``; that of the header when left out. With it a pattern along
        Q or d is placed along two_theta.
    counts : bool
        Whether the intensities are counts, so that their roots are their uncertainties.
    temperature, pressure : float or str, optional
        K and Pa, or text with a unit.
    sample : str

    Returns
    -------
    list of Measurement
        One: ``"counts"`` or ``"intensity"`` along ``two_theta`` (rad), or along Q or d without a wavelength; the
        attribute ``wavelength`` (m) where it is known.

    Raises
    ------
    FormatError
        If the axis is not determined or does not rise, rows differ in length, uncertainties are negative, angles reach
        180 degrees, counts are negative or no whole numbers.
    """
    path = Path(path)
    lines = split_lines(read_text(path))
    first = next((n for n, line in enumerate(lines) if is_row(line)), len(lines))
    header = [line.strip() for line in lines[:first] if line.strip()]
    table, steps = _rows(path.name, lines, first), []
    text = "\n".join(header)
    quantity = axis or axis_named(text)
    if not quantity and path.suffix.lower() in (".xy", ".xye", ".chi"):
        # these suffixes are 2theta in degrees where nothing else is said; d and Q never reach such numbers
        if float(table[:, 0].max()) > 30.0:
            quantity = "two_theta"
            steps.append(f"first column taken as 2theta in degrees by the suffix {path.suffix} and its range")
    if quantity not in AXES:
        raise FormatError(
            f"{path.name}: the header does not say what the first column is; give axis= one of {', '.join(AXES)}"
        )
    stated = _wavelength(path.name, wavelength, text)
    x = _axis(path.name, table[:, 0], quantity, axis_unit or _unit(text, quantity))
    if quantity != "two_theta" and stated is not None:
        x, step = _as_angles(path.name, x, quantity, stated)
        steps.append(step)
        quantity = "two_theta"
    y, sigma = table[:, 1], table[:, 2] if table.shape[1] == 3 else None
    if x[0] > x[-1]:
        x, y, sigma = x[::-1], y[::-1], None if sigma is None else sigma[::-1]
        steps.append("rows reversed, so that the axis rises")
    _require_rising(path.name, x)
    if sigma is not None and not np.all(sigma > 0):
        bad = int(np.argmin(sigma > 0)) + 1
        if np.any(sigma < 0):
            raise FormatError(f"{path.name}: the uncertainty of row {bad} is negative")
        least = float(sigma[sigma > 0].min()) if np.any(sigma > 0) else 0.0
        if least == 0.0:
            raise FormatError(f"{path.name}: the third column is 0 everywhere; it is no uncertainty")
        steps.append(f"{int(np.sum(sigma == 0))} uncertainties of 0 replaced by the smallest, {least:g}")
        sigma = np.where(sigma > 0, sigma, least)
    if counts and (np.any(y < 0) or np.any(y != np.round(y))):
        raise FormatError(f"{path.name}: counts = True, but the intensities are negative or no whole numbers")
    kelvin, source, note = _kelvin(path, temperature, text)
    attributes: dict[str, float | str] = {"temperature_source": source}
    if stated is not None:
        attributes["wavelength"] = stated
    if header:
        attributes["comment"] = " | ".join(header)[:500]
    pascal = AMBIENT_PRESSURE if pressure is None else amount(path.name, "pressure", pressure, "Pa", "pressure")
    try:
        found = Measurement(
            "counts" if counts else "intensity",
            y[None, :],
            Conditions([kelvin], pascal),
            None if sigma is None or counts else sigma[None, :],
            axis=Axis(quantity, x),
            sample=sample,
            label=path.stem,
            attributes=attributes,
            provenance=Provenance.of_file(path, "powder_pattern").then(*steps, *([note] if note else [])),
        )
    except (MeasurementError, ValueError) as error:
        raise FormatError(f"{path.name}: {error}") from None
    return [found]


def _rows(name: str, lines: Sequence[str], first: int) -> np.ndarray:
    rows: list[list[float]] = []
    for number, line in enumerate(lines[first:], first + 1):
        if not line.strip("\x1a \t\r\n"):
            continue
        if not is_row(line):
            raise FormatError(f"{name}, line {number}: {line.strip()[:40]!r} is no row of two or three numbers")
        row = [float(word) for word in cells(line)]
        if rows and len(row) != len(rows[0]):
            raise FormatError(f"{name}, line {number}: {len(row)} numbers, {len(rows[0])} in the rows before")
        if not all(math.isfinite(value) for value in row):
            raise FormatError(f"{name}, line {number}: {line.strip()[:40]!r} holds a number that is not finite")
        rows.append(row)
    if len(rows) < 2:
        raise FormatError(f"{name}: there are no rows of two or three numbers in it")
    return np.array(rows)


def _unit(text: str, quantity: str) -> str:
    """Unit of the axis that a header states, the usual one otherwise."""
    if quantity == "two_theta":
        return "rad" if re.search(r"\bradians?\b|\brad\b", text, re.IGNORECASE) else "deg"
    nanometres = re.search(r"\bnm\b|nm\s*\^?-?1|1/nm", text)
    if quantity == "scattering_vector":
        return "1/nm" if nanometres else "1/angstrom"
    return "nm" if nanometres else "angstrom"


def _axis(name: str, values: np.ndarray, quantity: str, unit: str) -> np.ndarray:
    try:
        x = np.asarray(to_si(values, unit, quantity))
    except ValueError as error:
        raise FormatError(f"{name}: axis: {error}") from None
    if quantity == "two_theta" and not (np.all(x > -0.1) and np.all(x < math.pi)):
        low, high = np.degrees(x.min()), np.degrees(x.max())
        raise FormatError(f"{name}: angles from {low:.6g} to {high:.6g} degrees; 2theta lies between 0 and 180")
    if quantity != "two_theta" and not np.all(x > 0):
        raise FormatError(f"{name}: {quantity} must be above 0")
    return x


def _as_angles(name: str, x: np.ndarray, quantity: str, wavelength: float) -> tuple[np.ndarray, str]:
    sine = wavelength * x / (4.0 * math.pi) if quantity == "scattering_vector" else wavelength / (2.0 * x)
    if np.any(sine >= 1.0):
        raise FormatError(
            f"{name}: {quantity} up to {x.max():g} (SI) cannot be seen with {wavelength:g} m; check wavelength and unit"
        )
    return 2.0 * np.arcsin(sine), f"{quantity} placed along two_theta with the wavelength {wavelength * 1e10:.6g} A"


def _wavelength(name: str, given: float | str | None, text: str) -> float | None:
    if given is not None:
        value = amount(name, "wavelength", given, "m", "wavelength")
        if not 0 < value < _LONGEST:
            raise FormatError(f"{name}: wavelength {given!r} is {value:g} m; X-rays and neutrons have some 1e-10 m")
        return value
    found = _WAVELENGTH.search(text)
    if found is None:
        return None
    unit = (found["after"] or found["before"] or "").lower()
    scale = {"nm": 1e-9, "m": 1.0}.get(unit, 1e-10)
    value = float(found["number"]) * scale
    if not unit and value > 1e-9:
        return None
    return value if 1e-12 < value < _LONGEST else None


def _kelvin(path: Path, given: float | str | None, text: str) -> tuple[float, str, str]:
    """Temperature, where it comes from, and what to note."""
    if given is not None:
        return stated_temperature(path, amount(path.name, "temperature", given, "K", "temperature"))
    found = _TEMPERATURE.search(text)
    if found is not None and float(found["number"]) > 0:
        return float(found["number"]), "header", ""
    return stated_temperature(path, None)


def _require_rising(name: str, x: np.ndarray) -> None:
    steps = np.diff(x)
    if np.any(steps <= 0):
        k = int(np.argmax(steps <= 0)) + 2
        what = "repeats the one before" if steps[k - 2] == 0 else "goes back"
        raise FormatError(f"{name}: the axis does not rise: row {k} {what}; sort or merge the rows first")
