"""A study from an electrometer's log and a cryostat's log: temperatures by time, then both runs together."""

import numpy as np
import pytest

from labile.study.run import check, run

AREA, RATE = 0.3036e-6, 5 / 60


def p_of(temperature):
    return 30e-5 * np.exp(-0.5 * ((temperature - 90) / 5) ** 2)


@pytest.fixture
def folder(tmp_path):
    """Simulated: 20 -> 220 -> 20 K with a lag of 20 s, an offset and noise; two files with two clocks."""
    rng = np.random.default_rng(2)
    time = np.arange(0.0, 4800.0, 2.0)
    sensor = 20.0 + RATE * np.minimum(time, 4800.0 - time)
    sign = np.where(time < 2400, 1.0, -1.0)
    current = sign * RATE * AREA * p_of(sensor - 20.0 * RATE * sign) + 0.05e-12 + 4e-15 * rng.normal(size=time.size)
    (tmp_path / "run.csv").write_text(
        "".join(
            f"{i:+.5E}NADC,{t:015.6f}secs,{n:+06d}RDNG#\n" for n, (i, t) in enumerate(zip(current, time, strict=True))
        )
    )
    # the cryostat was started a minute earlier
    rows = "".join(f",{t + 60:.1f},{k:.4f}\n" for t, k in zip(time[::5], sensor[::5], strict=True))
    rows += f",{time[-1] + 60:.1f},{sensor[-1]:.4f}\n"
    head = "[Header]\nBYAPP,PPMS,1.0\n[Data]\nComment,Time Stamp (sec),Temperature (K)\n,0.0,20.0\n,30.0,20.0\n"
    (tmp_path / "cryostat.dat").write_text(head + rows)
    (tmp_path / "study.toml").write_text(
        f"""
[study]
title = "two logs"
[[measurement]]
label = "p"
technique = "pyroelectricity"
quantity = "pyroelectric_coefficient"
file = "run.csv"
reader = {{ temperature_log = "cryostat.dat", clock_offset = "1 min" }}
reduction = {{ area = "{AREA * 1e6:.4f} mm^2", method = "pair", zero_window = [22, 60] }}
"""
    )
    return tmp_path


def test_two_logs_become_p(folder):
    result = run(folder)
    [p] = result.measurements
    assert p.quantity == "pyroelectric_coefficient"
    inside = (p.temperature > 80) & (p.temperature < 100)
    error = p.values[inside] / p_of(p.temperature[inside]) - 1
    assert abs(float(np.mean(error))) < 0.005
    steps = " ".join(p.provenance.steps)
    assert "temperatures from cryostat.dat" in steps
    assert "artefact: thermal lag" in steps
    assert "artefact: offset" in steps


def test_the_key_depends_on_the_thermometer_too(folder):
    before = check(folder).key
    path = folder / "cryostat.dat"
    path.write_text(path.read_text().replace(",0.0,20.0\n", ",0.0,20.1\n"))
    assert check(folder).key != before
