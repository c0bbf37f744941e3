"""Temperature logs and their merging with a log of another clock."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.measurement import Provenance
from labile.core.units import UnitError
from labile.formats.registry import FormatError
from labile.formats.temperature_logs import TemperatureLog, merge, moment, read_temperature_log

DATA = Path(__file__).parents[1] / "data" / "quantum_design"


def test_a_real_multivu_log():
    """fc7.dat: heating from 2 to 300 K; its header dates the first stamps to the evening of 19 May 2022."""
    log = read_temperature_log(DATA / "fc7.dat")
    assert log.temperature[0] == pytest.approx(2.0008, abs=1e-4)
    assert log.temperature.max() == pytest.approx(300.0, abs=0.5)
    assert np.all(np.diff(log.time) > 0)
    assert abs(log.started - datetime(2022, 5, 19, 20, 41)) < timedelta(minutes=15)


def test_old_stamps_are_dated_by_the_header(tmp_path):
    path = tmp_path / "a.dat"
    path.write_text(
        "[Header]\nFILEOPENTIME,2827018.81,06/20/2017,5:24 pm\n[Data]\n"
        "Comment,Time Stamp (sec),Temperature (K)\n,2827078.81,20.0\nnote\n,2827088.81,20.5\n"
    )
    log = read_temperature_log(path)
    assert log.started == datetime(2017, 6, 20, 17, 25)
    np.testing.assert_allclose(log.time, [0.0, 10.0])


def test_system_log_in_minutes_with_a_comma_in_a_title(tmp_path):
    path = tmp_path / "log.dat"
    path.write_text("Time Stamp (minutes, relative),System Temp. (K),Field (Oe)\n0.0,10.0,0\n0.5,11.0,0\n1.0,12.0,0\n")
    log = read_temperature_log(path)
    np.testing.assert_allclose(log.time, [0.0, 30.0, 60.0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Time (s),Temperature (K)\n0,5\n1,-2\n", "line 3.*above 0 K"),
        ("Time (s),Temperature (K)\n0,5\n1,x\n", "line 3.*no number"),
        ("Time (s),Temperature (K)\n5,5\n1,6\n", "line 3.*backward"),
        ("Time (s),Temperature\n0,5\n1,6\n", "unit of the temperature is missing"),
        ("Time (s),Temperature (V)\n0,5\n1,6\n", "temperature"),
        ("Time (s),Temperature (K)\n0,5\n", "at least 2"),
        ("a,b\n0,5\n1,6\n", "no line of column titles"),
        ("", "no line of column titles"),
    ],
)
def test_bad_logs(tmp_path, text, says):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises((FormatError, UnitError), match=says) as error:
        read_temperature_log(path)
    assert "log.csv" in str(error.value)


def log_of(time, temperature, started=None):
    return TemperatureLog("t.dat", np.array(time, float), np.array(temperature, float), started, Provenance())


@given(
    rate=st.floats(-0.1, 0.1),
    offset=st.floats(-50.0, 50.0),
    step=st.floats(1.0, 30.0),
)
@settings(max_examples=50, deadline=None)
def test_a_ramp_is_looked_up_exactly(rate, offset, step):
    known = np.arange(0.0, 900.0, step)
    log = log_of(known, 200.0 + rate * known)
    at = np.linspace(60.0, 800.0, 40)
    found = merge(at, None, log, name="i.csv", clock_offset=offset)
    np.testing.assert_allclose(found.temperature, 200.0 + rate * (at[found.kept] + offset), atol=1e-9)
    assert np.all(found.kept == ((at + offset >= 0) & (at + offset <= known[-1])))


def test_pauses_and_jumps_are_not_bridged():
    log = log_of([0, 100, 110, 200], [20, 21, 40, 41])
    found = merge(np.arange(0.0, 200.0, 5.0), None, log, name="i.csv", clock_offset=0.0, largest_gap=300.0)
    assert not np.any((found.temperature > 21) & (found.temperature < 40))
    assert "jumps" in " ".join(found.steps)
    at = np.concatenate([np.arange(0.0, 11.0), np.arange(200.0, 211.0), [100.0]])
    found = merge(at, None, log_of([0, 10, 200, 210], [20, 21, 24, 25]), name="i.csv", clock_offset=0.0)
    assert np.count_nonzero(~found.kept) == 1
    assert "left out 1 readings in a pause" in " ".join(found.steps)


def test_clocks_that_cannot_be_related():
    with pytest.raises(FormatError, match=r"i\.csv does not say its local time.*clock_offset"):
        merge(np.arange(3.0), None, log_of([0, 10], [20, 21], datetime(2024, 1, 1)), name="i.csv")
    start = datetime(2024, 1, 1, 12)
    late = start + timedelta(hours=1)
    with pytest.raises(FormatError, match=r"only 0 of 3 readings.*time zone"):
        merge(np.arange(3.0), late, log_of([0, 10], [20, 21], start), name="i.csv")


def test_local_times():
    assert moment("03.04.2024 10:15:00") == datetime(2024, 4, 3, 10, 15)
    assert moment("2024-03-04T10:15:00.5") == datetime(2024, 3, 4, 10, 15, 0, 500000)
    assert moment("12.5") is None


def test_damaged_logs(tmp_path):
    data = b"".join((DATA / "fc7.dat").read_bytes().splitlines(keepends=True)[:60])
    rng = random.Random(5)
    path = tmp_path / "x.dat"
    for _ in range(120):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 5, 30))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(bytes(damaged[: rng.randrange(1, len(damaged))]))
        message = path.name
        try:
            assert read_temperature_log(path).temperature.size > 1
        except (FormatError, UnitError) as error:
            message = str(error)
        assert path.name in message
