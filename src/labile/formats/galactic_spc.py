"""Galactic SPC (Thermo GRAMS): the new format in both byte orders and the old one, single and multiple spectra.

Layout after the manufacturer's description of the format (Galactic Industries, "A brief guide to SPC file format and
using GSPCIO", 1997): a header of 512 bytes (256 in the old format), the axis, spectra each with a header of 32 bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labile.core.measurement import Measurement
from labile.formats.registry import FormatError
from labile.formats.spectral_axes import Meaning, RawSpectra, measurement

_NEW, _NEW_BIG, _OLD = 0x4B, 0x4C, 0x4D
_WORDS, _OWN_LABELS, _MULTIPLE, _UNEVEN, _SEPARATE = 0x01, 0x20, 0x04, 0x80, 0x40
_FLOAT = -128
"""Exponent that marks IEEE floats."""
_HEADER, _OLD_HEADER, _SUB, _LOG = 512, 256, 32, 64
_X_UNITS = {
    1: "1/cm", 2: "um", 3: "nm", 4: "seconds", 5: "minutes", 6: "Hz", 7: "kHz", 8: "MHz", 9: "m/z", 10: "ppm",
    11: "days", 12: "years", 13: "1/cm", 14: "eV", 16: "diode number", 17: "channel", 18: "degrees",
}  # fmt: skip
_WAVENUMBER, _RAMAN_SHIFT = 1, 13
_Y_UNITS = {
    1: "interferogram", 2: "absorbance", 3: "Kubelka-Munk", 4: "counts", 5: "volts", 6: "degrees",
    7: "milliamps", 8: "millimetres", 9: "millivolts", 10: "log(1/R)", 11: "percent", 12: "intensity",
    13: "relative intensity", 14: "energy", 16: "decibel", 128: "transmittance", 129: "reflectance",
    130: "single beam", 131: "emission",
}  # fmt: skip
_TEMPERATURES = {20: "C", 21: "K"}
_METHODS = {4: "infrared", 5: "near infrared", 7: "uv-visible", 11: "raman"}
_MOST = 100_000_000
"""Points; more than this is a damaged header."""


@dataclass(frozen=True)
class _Head:
    """What the main header says."""

    flags: int
    order: str
    exponent: int
    points: int
    first: float
    last: float
    spectra: int
    x_code: int
    y_code: int
    z_code: int
    method: int
    date: str
    comment: str
    labels: tuple[str, ...]
    log: int
    start: int
    old: bool


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
    regrid: bool = False,
) -> list[Measurement]:
    """Read the spectra of an SPC file.

    Parameters
    ----------
    path : path-like
    quantity : {"", "absorbance", "transmittance", "reflectance", "intensity"}
        Where the type code of the values does not say it; ``"transmittance %"`` for percent.
    axis, axis_unit : str
        Where the type code of the axis or the technique does not say it: ``axis="raman_shift"``.
    temperature, pressure : float or str, optional
        K and Pa, or text with a unit.
    laser_wavelength : float or str, optional
        nm; for Raman spectra along wavelengths.
    sample : str
        Prefix of the sample's parameters.
    regrid : bool
        Interpolate spectra of a file with a separate axis each linearly on the axis of the first, and record it;
        otherwise each becomes a measurement of its own.

    Returns
    -------
    list of Measurement
        Spectra on one axis in one measurement, their z values in temperature where the file calls them so.
        Attributes: ``comment``, ``date``, ``log`` and the file's names of the axes.

    Raises
    ------
    FormatError
        If the file breaks off, its header contradicts itself, or the meaning of axis or values is not determined.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    head = _head(path.name, data)
    meaning = Meaning(quantity, axis, axis_unit, temperature, pressure, laser_wavelength, sample)
    steps: list[str] = []
    groups, z, end = _spectra(path.name, data, head)
    attributes: dict[str, float | str] = {
        key: value
        for key, value in {
            "comment": head.comment,
            "date": head.date,
            "axis_label": head.labels[0],
            "value_label": head.labels[1],
            "log": _log(path.name, data, head, end, steps),
        }.items()
        if value
    }
    kelvin = _temperatures(head, z, attributes)
    if head.method in _METHODS:
        attributes["method"] = _METHODS[head.method]
    axis_text = _X_UNITS.get(head.x_code, "") or head.labels[0]
    value_text = _Y_UNITS.get(head.y_code, "") or _arbitrary(head.labels[1])
    raman = _raman(head)
    found = []
    for n, (x, y) in enumerate(groups):
        part = None if kelvin is None else kelvin[n : n + 1] if len(groups) > 1 else kelvin
        label = path.stem if len(groups) == 1 else f"{path.stem} {n + 1}"
        raw = RawSpectra(x, y, axis_text, value_text, raman, label, attributes, tuple(steps), part)
        found.append(measurement(path, "galactic_spc", raw, meaning))
    return _joined(path, found) if regrid and len(found) > 1 else found


def _raman(head: _Head) -> bool | None:
    """Whether the axis is a Raman shift, by its type code, the file's own name of it, or the technique."""
    axis = head.labels[0].lower()
    if head.x_code == _RAMAN_SHIFT or "raman" in axis or _METHODS.get(head.method) == "raman":
        return True
    return False if head.x_code == _WAVENUMBER or "wavenumber" in axis or head.method in _METHODS else None


def _arbitrary(label: str) -> str:
    """The file's own name of its values; the format's type code 0 means arbitrary intensity."""
    text = label.strip("() ")
    return "arbitrary" if text.lower() in ("", "arb", "arb.") else text


def _joined(path: Path, found: list[Measurement]) -> list[Measurement]:
    from labile.formats.spectral_maps import join_spectra

    return [join_spectra(found, regrid=True, label=path.stem)]


def _head(name: str, data: bytes) -> _Head:
    if len(data) < 2:
        raise FormatError(f"{name}: {len(data)} bytes are no SPC file")
    flags, version = data[0], data[1]
    if version == _OLD:
        return _old_head(name, data, flags)
    if version not in (_NEW, _NEW_BIG):
        raise FormatError(
            f"{name}: byte 2 is 0x{version:02X}; SPC files have 0x4B (new), 0x4C (new, big endian) or 0x4D (old) there"
        )
    if len(data) < _HEADER:
        raise FormatError(f"{name}: {len(data)} bytes, the header alone has {_HEADER}; the file breaks off")
    order = "<" if version == _NEW else ">"
    method, exponent, points, first, last, spectra, x, y, z, _ = struct.unpack(order + "BbiddiBBBB", data[2:32])
    (stamp,) = struct.unpack(order + "I", data[32:36])
    (log,) = struct.unpack(order + "i", data[248:252])
    if flags & (_UNEVEN | _SEPARATE) != (_UNEVEN | _SEPARATE) and not 0 < points <= _MOST:
        swapped = abs(struct.unpack((">" if order == "<" else "<") + "i", data[4:8])[0])
        hint = " (the byte order is perhaps not what byte 2 says)" if 0 < swapped <= _MOST else ""
        raise FormatError(f"{name}: the header announces {points} points{hint}")
    minute, hour, day, month, year = stamp & 63, stamp >> 6 & 31, stamp >> 11 & 31, stamp >> 16 & 15, stamp >> 20
    own = [_text(one) for one in data[218:248].split(b"\0")] + ["", "", ""]
    return _Head(
        flags, order, exponent, points, first, last, spectra, x, y, z, method,
        f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}" if stamp else "",
        _text(data[88:218]), tuple(own[:3]) if flags & _OWN_LABELS else ("", "", ""), log, _HEADER, False,
    )  # fmt: skip


def _old_head(name: str, data: bytes, flags: int) -> _Head:
    if len(data) < _OLD_HEADER:
        raise FormatError(f"{name}: {len(data)} bytes, the header alone has {_OLD_HEADER}; the file breaks off")
    exponent, points, first, last, x, y, year, month, day, hour, minute = struct.unpack("<hfffBBHBBBB", data[2:24])
    if not (np.isfinite(points) and points == int(points) and 0 < points <= _MOST):
        raise FormatError(f"{name}: the header announces {points:g} points")
    year &= 0x0FFF
    own = [_text(one) for one in data[194:224].split(b"\0")] + ["", "", ""]
    return _Head(
        flags, "<", exponent, int(points), first, last, 0, x, y, 0, 0,
        f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}" if year else "",
        _text(data[64:194]), tuple(own[:3]) if flags & _OWN_LABELS else ("", "", ""), 0, _OLD_HEADER - _SUB, True,
    )  # fmt: skip


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("cp1252", "replace").strip()


def _spectra(name: str, data: bytes, head: _Head) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, int]:
    """(x, y) of each group on one axis, the z of every spectrum, and where the data end."""
    multiple = bool(head.flags & _MULTIPLE)
    if not (np.isfinite(head.first) and np.isfinite(head.last)):
        raise FormatError(f"{name}: the ends of the axis are not finite")
    separate = bool(head.flags & _SEPARATE and head.flags & _UNEVEN)
    at = head.start
    shared = np.linspace(head.first, head.last, head.points) if not separate else np.array([])
    if head.flags & _UNEVEN and not separate:
        shared = _floats(name, data, at, head.points, head.order, "the axis")
        at += 4 * head.points
    if not multiple and head.spectra > 1:
        raise FormatError(f"{name}: {head.spectra} spectra announced without the flag of a file with several")
    count = head.spectra if multiple and not head.old else None if multiple else 1
    if count is not None and not 0 < count <= max(1, len(data) // _SUB):
        raise FormatError(f"{name}: {count} spectra announced in {len(data)} bytes; the file is damaged or cut")
    rows: list[np.ndarray] = []
    axes: list[np.ndarray] = []
    z: list[float] = []
    while len(rows) < count if count is not None else at + _SUB < len(data):
        number = len(rows) + 1
        if at + _SUB > len(data):
            raise FormatError(f"{name}: the file breaks off before spectrum {number} of {count}")
        exponent, start = (
            struct.unpack(head.order + "b", data[at + 1 : at + 2])[0],
            struct.unpack(head.order + "f", data[at + 4 : at + 8]),
        )
        (own,) = struct.unpack(head.order + "i", data[at + 16 : at + 20])
        at += _SUB
        points = own if separate else head.points
        if not 0 < points <= _MOST:
            raise FormatError(f"{name}: spectrum {number} announces {points} points")
        if separate:
            axes.append(_floats(name, data, at, points, head.order, f"the axis of spectrum {number}"))
            at += 4 * points
        power = exponent if multiple and not head.old else head.exponent
        if head.old and exponent:
            power = exponent
        values, at = _values(name, data, at, points, head, power, number)
        rows.append(values)
        z.append(float(start[0]))
    if not rows:
        raise FormatError(f"{name}: there are no spectra in it")
    if separate:
        return [(x, y[None, :]) for x, y in zip(axes, rows, strict=True)], np.array(z), at
    return [(shared, np.array(rows))], np.array(z), at


def _values(
    name: str, data: bytes, at: int, points: int, head: _Head, exponent: int, number: int
) -> tuple[np.ndarray, int]:
    """Ordinates of one spectrum and where they end: floats, or integers times 2^exponent / 2^bits."""
    what = f"spectrum {number}"
    if exponent in (_FLOAT, -_FLOAT):
        return _floats(name, data, at, points, head.order, what), at + 4 * points
    bits = 16 if head.flags & _WORDS else 32
    size = bits // 8 * points
    if at + size > len(data):
        raise FormatError(
            f"{name}: {what} has {points} points, the file breaks off after {(len(data) - at) * 8 // bits}"
        )
    raw = data[at : at + size]
    if head.old and bits == 32:
        # the old format keeps the high word of an integer first, each word low byte first
        words = np.frombuffer(raw, dtype="<u2").astype(np.int64).reshape(-1, 2)
        integers = (words[:, 0] << 16) + words[:, 1]
        integers = np.where(integers >= 2**31, integers - 2**32, integers)
    else:
        integers = np.frombuffer(raw, dtype=f"{head.order}i{bits // 8}")
    if abs(exponent) > 127:
        raise FormatError(f"{name}: {what} has the exponent {exponent}, which no SPC file has")
    return integers.astype(float) * 2.0 ** (exponent - bits), at + size


def _floats(name: str, data: bytes, at: int, count: int, order: str, what: str) -> np.ndarray:
    if at + 4 * count > len(data):
        raise FormatError(f"{name}: {what} has {count} points, the file breaks off after {max(0, len(data) - at) // 4}")
    values = np.frombuffer(data, dtype=f"{order}f4", count=count, offset=at).astype(float)
    if not np.all(np.isfinite(values)) or np.max(np.abs(values)) > 1e30:
        raise FormatError(
            f"{name}: {what} holds numbers that are not finite; the file is damaged or its byte order wrong"
        )
    return values


def _log(name: str, data: bytes, head: _Head, end: int, steps: list[str]) -> str:
    """Log text; an offset that leads nowhere is recorded, a log that is cut is an error."""
    if head.log == 0:
        return ""
    if head.log == end and len(data) < end + _LOG:
        raise FormatError(
            f"{name}: a log is announced after the spectra, at byte {end}, but the file ends at {len(data)}: it breaks"
            " off; copy it again from the instrument"
        )
    if not end <= head.log <= len(data) - _LOG:
        steps.append(f"the log is said to begin at byte {head.log}, where there is none; it was left out")
        return ""
    size, _, offset = struct.unpack(head.order + "iii", data[head.log : head.log + 12])
    if _LOG <= offset <= size <= _MOST and head.log + size > len(data):
        raise FormatError(
            f"{name}: its log has {size} bytes, {len(data) - head.log} are there: the file breaks off; copy it again"
            " from the instrument"
        )
    text = data[head.log + offset :] if 0 < offset <= len(data) - head.log else b""
    return _text(text).replace("\r\n", "\n")


def _temperatures(head: _Head, z: np.ndarray, attributes: dict[str, float | str]) -> np.ndarray | None:
    """K of every spectrum where the file calls its third axis a temperature; else z becomes an attribute."""
    if z.size > 1:
        attributes["z_values"] = " ".join(f"{value:g}" for value in z)
    unit = _TEMPERATURES.get(head.z_code)
    if unit is None or z.size < 2:
        return None
    kelvin = z + 273.15 if unit == "C" else z
    return kelvin if np.all(kelvin > 0) else None
