"""Bruker OPUS: spectra of every block, checked against the parameter blocks of the file; read with brukeropus."""

from __future__ import annotations

import contextlib
import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.formats.registry import FormatError
from labile.formats.spectral_axes import Meaning, RawSpectra, measurement

MAGIC = b"\n\n\xfe\xfe"
_QUANTITIES = {
    "a": "absorbance", "t": "transmittance", "r": "reflectance", "ra": "intensity", "e": "intensity",
    "sm": "single beam", "rf": "single beam", "aria": "absorbance", "arit": "transmittance", "atr": "ATR",
    "km": "Kubelka-Munk", "logr": "log(1/R)", "pas": "photoacoustic", "pw": "power",
}  # fmt: skip
_RESULTS = ("a", "t", "r", "ra", "atr", "aria", "arit", "km", "logr", "pas", "e")
_SPECTRA = tuple(_QUANTITIES)
_X_UNITS = {"WN": "1/cm", "MI": "um", "LGW": "logarithm of wavenumber", "MIN": "minutes", "PNT": "points"}
_KELVIN = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?)\s*(K|C|°C|deg C)\s*$", re.I)
_PARAMETERS = {
    "snm": "sample_name", "sfm": "sample_form", "cnm": "operator", "dat": "date", "tim": "time", "res": "resolution",
    "nss": "scans", "bms": "beam_splitter", "dtc": "detector", "src": "source", "apf": "apodization",
    "ins": "instrument",
    "rlw": "raman_laser_wavenumber", "sht": "sample_humidity",
}  # fmt: skip
_DATA_KINDS = (0, 2, 4)
"""Last code of a block of values: one spectrum, a series, the compact form; others are reports and histories."""
_ENTRY = 12
_LARGEST_SERIES = 1 << 30
"""Bytes; a series that announces more is damaged."""


def read(
    path: Path | str,
    *,
    blocks: str = "results",
    quantity: str = "",
    axis: str = "",
    axis_unit: str = "",
    temperature: float | str | None = None,
    pressure: float | str | None = None,
    laser_wavelength: float | str | None = None,
    sample: str = "sample",
) -> list[Measurement]:
    """Read the spectra of an OPUS file.

    Parameters
    ----------
    path : path-like
    blocks : str
        ``"results"``: absorbance, transmittance, reflectance, Raman ... or, where there is none, the single-channel
        spectra; ``"all"``: these too; or keys of brukeropus separated by commas, ``"a"``, ``"sm, rf"``.
    quantity, axis, axis_unit : str
        Where the block does not say it (ATR, Kubelka-Munk ...).
    temperature, pressure : float or str, optional
        K and Pa, or text with a unit; by default the sample temperature that a parameter block states.
    laser_wavelength : float or str, optional
        nm; for Raman spectra along wavelengths.
    sample : str
        Prefix of the sample's parameters.

    Returns
    -------
    list of Measurement
        One a block; a series of spectra is one measurement. Attributes: ``block``, ``sample_name``, ``date``, ...

    Raises
    ------
    FormatError
        If the file breaks off, a block cannot be read, or values contradict NPT, FXV, LXV, MNY or MXY.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    _check_directory(path.name, data)
    opus = _opened(path)
    wanted = _wanted(path.name, opus, blocks)
    meaning = Meaning(quantity, axis, axis_unit, temperature, pressure, laser_wavelength, sample)
    found = []
    for key in wanted:
        raw = _spectra(path, opus, key, len(wanted) > 1)
        found.append(measurement(path, "opus", raw, meaning))
    return found


def _check_directory(name: str, data: bytes) -> None:
    """Refuse what the library would read as nonsense: blocks beyond the end, parameters of negative length.

    Raises
    ------
    FormatError
    """
    if not data.startswith(MAGIC):
        raise FormatError(f"{name}: the first bytes are not those of an OPUS file")
    if len(data) < 24:
        raise FormatError(f"{name}: {len(data)} bytes; the file breaks off in its header")
    start, most, count = struct.unpack("<3i", data[12:24])
    if not 24 <= start <= len(data) or not 0 < count <= most or start + _ENTRY * count > len(data):
        raise FormatError(
            f"{name}: the header puts a directory of {count} blocks at byte {start} of {len(data)}; the file breaks off"
            " or is damaged"
        )
    for n in range(count):
        kind, words, at = struct.unpack("<3i", data[start + _ENTRY * n : start + _ENTRY * (n + 1)])
        if at == 0:
            continue
        if at < 0 or words < 0 or at + 4 * words > len(data):
            raise FormatError(
                f"{name}: block {n + 1} of {count} is said to take bytes {at} to {at + 4 * words}, the file has"
                f" {len(data)}; it breaks off or is damaged"
            )
        block = data[at : at + 4 * words]
        if kind >> 4 & 63:
            _check_parameters(f"{name}, block {n + 1}", block)
        elif kind >> 19 & 7 == 2 and len(block) >= 24:
            _, spectra, _, size, info, rows = struct.unpack("<6i", block[:24])
            if min(spectra, size, info, rows) < 0 or spectra * (size + info) > _LARGEST_SERIES:
                raise FormatError(f"{name}, block {n + 1}: a series of {spectra} spectra of {size} bytes is damage")


def _check_parameters(where: str, block: bytes) -> None:
    at = 0
    while at + 8 <= len(block):
        if block[at : at + 3] == b"END":
            return
        kind, half = struct.unpack("<2h", block[at + 4 : at + 8])
        if half < 0 or (kind == 0 and half < 2) or (kind == 1 and half < 4) or at + 8 + 2 * half > len(block):
            raise FormatError(f"{where}: parameter {block[at : at + 3]!r} is damaged (kind {kind}, length {2 * half})")
        at += 8 + 2 * half


def _opened(path: Path) -> Any:
    import warnings

    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            # the library's own source warns of escape sequences when it is compiled
            warnings.simplefilter("ignore")
            from brukeropus import read_opus

            opus = read_opus(str(path))
    except ImportError as error:
        raise FormatError(f"{path.name}: OPUS files need the package brukeropus ({error})") from None
    except Exception as error:
        # the library raises whatever its parser trips over
        raise FormatError(f"{path.name}: brukeropus cannot read it ({type(error).__name__}: {error})") from None
    if printed.getvalue().strip():
        raise FormatError(f"{path.name}: brukeropus says {printed.getvalue().strip().splitlines()[0]!r}")
    failed = [
        block
        for block in (*opus.parse_error_blocks, *opus.unmatched_data_blocks)
        if block.type[3] and block.type[5] in _DATA_KINDS
    ]
    if failed:
        why = failed[0].parse_error or "no parameter block belongs to it"
        raise FormatError(f"{path.name}: the block {failed[0].get_label()!r} cannot be read ({why})")
    return opus


def _wanted(name: str, opus: Any, blocks: str) -> list[str]:
    there = list(opus.all_data_keys)
    spectra = [key for key in there if key.split("_")[0] in _SPECTRA]
    if blocks == "all":
        chosen = spectra
    elif blocks == "results":
        chosen = [key for key in spectra if key.split("_")[0] in _RESULTS] or spectra
    else:
        chosen = [key.strip() for key in blocks.split(",")]
        missing = [key for key in chosen if key not in there]
        if missing:
            raise FormatError(
                f"{name}: option blocks={blocks!r}: there is no block {missing[0]!r}; there are"
                f" {', '.join(there) or 'none'}"
            )
    if not chosen:
        raise FormatError(f"{name}: there is no spectrum in it; its blocks are {', '.join(there) or 'none'}")
    return chosen


def _spectra(path: Path, opus: Any, key: str, several: bool) -> RawSpectra:
    block = getattr(opus, key)
    parameters = {name.lower(): value for name, value in block.params.items()}
    where = f"{path.name}, block {block.label!r}"
    series = key in opus.series_keys
    x, y = np.asarray(block.x, dtype=float), np.atleast_2d(np.asarray(block.y, dtype=float))
    steps = _checked(where, parameters, x, y, series)
    unit = str(parameters.get("dxu", ""))
    if unit == "LGW":
        x, unit = np.exp(x), "WN"
        steps.append("the axis is stored as a logarithm of the wavenumber")
    general = {name.lower(): value for name, value in [*opus.rf_params.items(), *opus.params.items()]}
    kelvin, origin = _temperature({**general, **parameters})
    if kelvin is not None:
        steps.append(f"temperature {kelvin:g} K from parameter {origin}")
    kind = key.split("_")[0]
    attributes: dict[str, float | str] = {"block": block.label}
    for name, title in _PARAMETERS.items():
        value = parameters.get(name, general.get(name))
        if value not in (None, ""):
            attributes[title] = value if isinstance(value, float | int | str) else str(value)
    if series and "ert" in parameters:
        attributes["times"] = " ".join(f"{time:g}" for time in np.atleast_1d(parameters["ert"]))
    return RawSpectra(
        x,
        y,
        _X_UNITS.get(unit, unit),
        _QUANTITIES.get(kind, block.label),
        kind == "ra",
        f"{path.stem} {block.label}" if several else path.stem,
        attributes,
        tuple(steps),
        None if kelvin is None else np.full(y.shape[0], kelvin),
    )


def _checked(where: str, parameters: dict[str, Any], x: np.ndarray, y: np.ndarray, series: bool) -> list[str]:
    """Compare a block with its parameters NPT, FXV, LXV, MNY, MXY; sentences about what differs by little.

    Raises
    ------
    FormatError
    """
    missing = [name.upper() for name in ("npt", "fxv", "lxv") if name not in parameters]
    if missing:
        raise FormatError(f"{where}: the parameter {missing[0]} is missing")
    points = int(np.atleast_1d(parameters["npt"])[0])
    if points < 2 or x.size != points or y.shape[1] != points:
        raise FormatError(f"{where}: NPT={points}, but {y.shape[1]} values are there; the file is cut or damaged")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise FormatError(f"{where}: not every number is finite; the file is damaged")
    lows, highs = np.atleast_1d(parameters.get("mny", np.nan)), np.atleast_1d(parameters.get("mxy", np.nan))
    if series or lows.size != y.shape[0]:
        return []
    steps = []
    for name, stated, found in (("MNY", lows, y.min(axis=1)), ("MXY", highs, y.max(axis=1))):
        slack = 1e-4 * np.ptp(y, axis=1) + 1e-6 * np.abs(found)
        off = np.isfinite(stated) & (np.abs(stated - found) > slack)
        if np.any(off):
            message = f"{name}={stated[0]:g}, the values have {found[0]:g}"
            if abs(stated[0] - found[0]) > 0.05 * float(np.ptp(y)) + 1e-3 * abs(found[0]):
                raise FormatError(f"{where}: {message}; the file is damaged or its values were changed")
            steps.append(message)
    return steps


def _temperature(parameters: dict[str, Any]) -> tuple[float | None, str]:
    """Sample temperature in K, and which parameter holds it: RTS is in K, TSM and TMP are texts with a unit.

    TSC is the temperature of the scanner and is not taken; a number without unit neither.
    """
    kelvin = parameters.get("rts")
    if isinstance(kelvin, float | int) and kelvin > 0:
        return float(kelvin), "RTS"
    for name in ("tsm", "tmp"):
        value = parameters.get(name)
        if isinstance(value, str) and (found := _KELVIN.match(value)):
            number = float(found[1])
            return (number if found[2].upper() == "K" else number + 273.15), name.upper()
    return None, ""
