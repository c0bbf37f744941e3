"""Galactic SPC: files written here in every variant, and a real one against its text."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import MeasurementError
from labile.core.units import UnitError
from labile.formats import galactic_spc, registry
from labile.formats.registry import FormatError

REAL = Path(__file__).parents[3] / "shared" / "data" / "vibrational" / "HENE25.SPC"
GRID = np.linspace(400.0, 4000.0, 25)
VALUES = np.array([np.exp(-(((GRID - 2000) / 500) ** 2)), 0.5 * np.exp(-(((GRID - 1500) / 400) ** 2))])
LOG = "RESOLUTION=4\r\nGAIN=1"


def words(values: np.ndarray, order: str, kind: str, exponent: int, old: bool) -> bytes:
    if kind == "float":
        return values.astype(f"{order}f4").tobytes()
    bits = 16 if kind == "int16" else 32
    integers = np.round(values * 2.0 ** (bits - exponent)).astype(np.int64)
    if old and bits == 32:
        return b"".join(struct.pack("<HH", int(one) >> 16 & 0xFFFF, int(one) & 0xFFFF) for one in integers)
    return integers.astype(f"{order}i{bits // 8}").tobytes()


def spc(
    order: str = "<",
    kind: str = "float",
    spectra: np.ndarray = VALUES[:1],
    axis: str = "even",
    z_code: int = 0,
    z: tuple[float, ...] = (0.0, 1.0),
    old: bool = False,
    x_code: int = 1,
    y_code: int = 2,
) -> bytes:
    """An SPC file of `spectra` on GRID."""
    exponent = -128 if kind == "float" else 1
    flags = (1 if kind == "int16" else 0) | (4 if len(spectra) > 1 else 0)
    flags |= {"even": 0, "uneven": 0x80, "separate": 0xC0}[axis]
    count = len(GRID)
    if old:
        head = struct.pack("<BBhfffBBHBBBB", flags, 0x4D, exponent, count, GRID[0], GRID[-1], x_code, y_code,
                           2001, 5, 17, 9, 30).ljust(64, b"\0") + b"made in the test".ljust(160, b"\0")  # fmt: skip
    else:
        version = 0x4B if order == "<" else 0x4C
        log_at = 0
        head = struct.pack(order + "BBBbiddiBBBB", flags, version, 4, exponent, 0 if axis == "separate" else count,
                           GRID[0], GRID[-1], len(spectra), x_code, y_code, z_code, 0)  # fmt: skip
        head += struct.pack(order + "I", 2001 << 20 | 5 << 16 | 17 << 11 | 9 << 6 | 30)
        head = head.ljust(88, b"\0") + b"made in the test".ljust(130, b"\0")
        head = head.ljust(248, b"\0") + struct.pack(order + "i", log_at)
        head = head.ljust(512, b"\0")
    body = GRID.astype(f"{order}f4").tobytes() if axis == "uneven" else b""
    for n, row in enumerate(spectra):
        sub = struct.pack(order + "BbhfffiifI", 0, exponent, n, z[n], 0, 0, count if axis == "separate" else 0, 1, 0, 0)
        body += sub + (GRID.astype(f"{order}f4").tobytes() if axis == "separate" else b"")
        body += words(row, order, kind, exponent, old)
    if not old:
        at = len(head) + len(body)
        head = head[:248] + struct.pack(order + "i", at) + head[252:]
        body += struct.pack(order + "iiiii", 64 + len(LOG) + 1, 4096, 64, 0, 0).ljust(64, b"\0") + LOG.encode() + b"\0"
    return head + body


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["float", "int16", "int32"])
@pytest.mark.parametrize("axis", ["even", "uneven"])
@pytest.mark.parametrize("spectra", [1, 2])
def test_new_format(tmp_path, order, kind, axis, spectra):
    path = tmp_path / "a_80K.spc"
    path.write_bytes(spc(order, kind, VALUES[:spectra], axis))
    (found,) = registry.read(path)
    assert (found.quantity, found.axis.quantity) == ("absorbance", "wavenumber")
    assert found.axis.values / 100 == pytest.approx(GRID, rel=1e-6)
    assert found.values == pytest.approx(VALUES[:spectra], abs=1e-7 if kind != "int16" else 2e-5)
    assert found.attributes["comment"] == "made in the test"
    assert found.attributes["date"] == "2001-05-17 09:30"
    assert found.attributes["log"] == LOG.replace("\r\n", "\n")
    assert found.temperature[0] == 80.0


@pytest.mark.parametrize("kind", ["int16", "int32"])
@pytest.mark.parametrize("spectra", [1, 2])
def test_old_format(tmp_path, kind, spectra):
    path = tmp_path / "old.spc"
    path.write_bytes(spc("<", kind, VALUES[:spectra], old=True))
    (found,) = registry.read(path)
    assert found.values == pytest.approx(VALUES[:spectra], abs=1e-8 if kind == "int32" else 2e-5)
    assert found.axis.values / 100 == pytest.approx(GRID, rel=1e-6)
    assert found.attributes["date"] == "2001-05-17 09:30"


def test_axes_of_their_own_and_temperatures(tmp_path):
    path = tmp_path / "b.spc"
    path.write_bytes(spc(spectra=VALUES, axis="separate"))
    first, second = registry.read(path)
    assert first.values[0] == pytest.approx(VALUES[0], abs=1e-7)
    assert second.values[0] == pytest.approx(VALUES[1], abs=1e-7)
    path.write_bytes(spc(spectra=VALUES, z_code=21, z=(80.0, 295.0)))
    (series,) = registry.read(path)
    assert series.temperature == pytest.approx([80.0, 295.0])
    path.write_bytes(spc(spectra=VALUES, axis="separate", z_code=20, z=(-193.15, 21.85)))
    (joined,) = registry.read(path, regrid=True)
    assert joined.temperature == pytest.approx([80.0, 295.0], abs=1e-4)


def test_meaning_is_asked_for(tmp_path):
    path = tmp_path / "c.spc"
    path.write_bytes(spc(x_code=13, y_code=0))
    (raman,) = registry.read(path)
    assert (raman.axis.quantity, raman.quantity) == ("raman_shift", "intensity")
    path.write_bytes(spc(y_code=11))
    with pytest.raises(FormatError, match="calls its values 'percent'"):
        registry.read(path)
    path.write_bytes(spc(x_code=4))
    with pytest.raises(FormatError, match="calls its axis 'seconds'"):
        registry.read(path)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "d.spc"
    whole = spc(spectra=VALUES)
    log = len(whole) - len(LOG) - 65
    for length in (1, 100, 511, 530, 600, 700, log, log + 63, log + 64, len(whole) - 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"d\.spc"):
            galactic_spc.read(path)
    path.write_bytes(whole[:1] + b"\x4c" + whole[2:])
    with pytest.raises(FormatError, match="byte order"):
        galactic_spc.read(path)
    path.write_bytes(whole[:1] + b"\x51" + whole[2:])
    with pytest.raises(FormatError, match="byte 2 is 0x51"):
        galactic_spc.read(path)


@pytest.mark.skipif(not REAL.is_file(), reason="the file is under the GPL and not part of this repository")
def test_real_file_equals_its_text():
    (found,) = registry.read(REAL)
    rows = [line.split() for line in (REAL.parent / "HENE25.SPC.txt").read_text().splitlines()[1:] if line.strip()]
    x, y = np.array(rows, dtype=float).T[:, ::-1]
    assert found.axis.values / 100 == pytest.approx(x, abs=1e-6)
    assert found.values[0] == pytest.approx(y, abs=1e-9)
    assert "[SCAN PARAM]" in found.attributes["log"]


@given(data=st.data())
@settings(max_examples=120, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_refused_or_harmless(tmp_path, data):
    kind, axis = data.draw(st.sampled_from(["float", "int32"])), data.draw(st.sampled_from(["uneven", "separate"]))
    body = bytearray(spc(kind=kind, axis=axis, spectra=VALUES, old=kind == "int32" and axis == "uneven"))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body) - 1))]
    for _ in range(data.draw(st.integers(0, 4))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.spc"
    path.write_bytes(bytes(body))
    found, message = [], path.name
    try:
        found = galactic_spc.read(path)
    except (FormatError, MeasurementError, UnitError) as error:
        message = str(error)
    assert path.name in message or "'x" in message
    assert found or message != path.name
    assert all(np.all(np.isfinite(one.values)) for one in found)
