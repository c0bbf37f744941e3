"""Damaged files: every reader answers with measurements or with one ValueError that names the file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.exchange import write_csv
from labile.core.measurement import Measurement, MeasurementError
from labile.core.units import UnitError
from labile.formats import quantum_design, quantum_design_raw, registry, tables
from labile.formats.registry import FormatError
from scan_files import mpms3_text, simulated_measurements, xl_text

DATA = Path(__file__).parents[1] / "data" / "quantum_design"
READERS = {
    "quantum_design": quantum_design.read,
    "quantum_design_raw": quantum_design_raw.read,
    "tables": tables.read,
    "registry": registry.read,
}
COMMA = "T (K),chiT (cm3 K/mol),err,note\n" + "".join(f"{t},{3 + t / 999:.4f}({t % 7 + 1}),,x\n" for t in range(5, 25))
SEMICOLON = "# a\nTemperature;p\n(°C);nC cm-2 K-1\n" + "".join(f"{t},5;{t},25\n" for t in range(20))
BLANKS = "T [K]   m / emu\n" + "".join(f"{t} {t}e-4\n" for t in range(1, 20))
SLOW = settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])


def attempt(read, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    message = path.name
    found = []
    try:
        found = read(path)
    except (FormatError, MeasurementError, UnitError) as error:
        message = str(error)
    assert path.name in message
    assert found or message != path.name
    assert all(isinstance(one, Measurement) for one in found)


def own_csv(folder: Path) -> bytes:
    m = Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]), sigma=[0.02, 0.03])
    write_csv(m, folder / "own.csv")
    return (folder / "own.csv").read_bytes()


def workbook(folder: Path) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["T (K)", "chiT (cm3 K/mol)"], [120, 3.0], [300, 3.12]):
        book.active.append(row)
    book.save(folder / "book.xlsx")
    return (folder / "book.xlsx").read_bytes()


def originals(folder: Path) -> dict[str, bytes]:
    loop, sweep = (DATA / "mvsh2b.dat").read_bytes(), (DATA / "fc7.dat").read_bytes()
    return {
        "sweep": b"".join(sweep.splitlines(keepends=True)[:46]),
        "loop": b"".join(loop.splitlines(keepends=True)[:46]),
        "comma": COMMA.encode(),
        "semicolon": SEMICOLON.encode("cp1252"),
        "blanks": BLANKS.encode("utf-16"),
        "own": own_csv(folder),
        "scans": mpms3_text(simulated_measurements([5.0, 10.0]), 20).encode(),
        "xl_scans": xl_text(simulated_measurements([5.0])).encode(),
    }


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=300))
@SLOW
def test_random_bytes(tmp_path, reader, data):
    attempt(READERS[reader], tmp_path / "x.dat", data)
    attempt(READERS[reader], tmp_path / "x.dat", b"[Header]\nBYAPP,VSM\n[Data]\nTemperature (K)," + data)
    attempt(READERS[reader], tmp_path / "x.dat", b"T (K),chiT (cm3 K/mol)\n1,2\n" + data)


@pytest.mark.parametrize("reader", READERS)
@given(
    text=st.text(st.sampled_from("0123456789.,;\t \n()-+eE<>±#%[]/\"'TKchiµ°"), max_size=120),
)
@SLOW
def test_random_tables(tmp_path, reader, text):
    attempt(READERS[reader], tmp_path / "x.csv", text.encode())
    attempt(READERS[reader], tmp_path / "x.csv", b"T (K),chiT (cm3 K/mol)\n" + text.encode())


@pytest.mark.parametrize("name", ["sweep", "loop", "comma", "semicolon", "blanks", "own", "scans", "xl_scans"])
def test_truncated_at_every_position(tmp_path, name):
    data = originals(tmp_path)[name]
    # tables are cut at every byte, logs (tens of kB) at every byte of the header and every 13th after it
    cuts = sorted({*range(min(len(data), 3000)), *range(0, len(data), 13)})
    for cut in cuts:
        attempt(registry.read, tmp_path / "cut.dat", data[:cut])


@pytest.mark.parametrize("name", ["sweep", "loop", "comma", "semicolon", "blanks", "own", "scans", "xl_scans"])
def test_flipped_bytes_and_garbage(tmp_path, name):
    data = originals(tmp_path)[name]
    rng = random.Random(20)
    for _ in range(250):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 1, 3, 20))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        attempt(registry.read, tmp_path / "x.dat", bytes(damaged))
        at = rng.randrange(len(data))
        garbage = bytes(rng.choice(b'0123456789,;\t\n\r "()<-\x00\xff\xb5') for _ in range(rng.randrange(1, 40)))
        attempt(registry.read, tmp_path / "x.dat", data[:at] + garbage + data[at:])


def test_damaged_workbook(tmp_path):
    data = workbook(tmp_path)
    rng = random.Random(7)
    for _ in range(150):
        attempt(tables.read, tmp_path / "x.xlsx", data[: rng.randrange(4, len(data))])
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 5))):
            damaged[rng.randrange(4, len(damaged))] = rng.randrange(256)
        attempt(tables.read, tmp_path / "x.xlsx", bytes(damaged))
