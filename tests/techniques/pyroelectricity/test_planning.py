"""Expected currents (SCIENCE P1, P2), figures of merit (P4) and the mean of p (F8)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    PyroelectricMaterial,
    comparison_rows,
    expected_current,
    expected_run,
    figures_of_merit,
    mean_coefficient,
)
from labile.techniques.pyroelectricity.merit import COLUMNS, REFERENCES

AREA, RATE = 0.3036e-6, 5 / 60


@pytest.mark.parametrize(
    ("p", "current", "tolerance"),
    [
        (30, 7.590, 1e-3),
        (3.8, 0.961, 1e-3),
        (3.4, 0.8602, 5e-4),
        (0.3, 0.0759, 5e-4),
        (2.4, 0.607, 1e-3),
        (5.0, 1.265, 1e-3),
    ],
)
def test_currents_of_the_paper(p, current, tolerance):
    assert expected_current(p * 1e-5, AREA, RATE) * 1e12 == pytest.approx(current, abs=tolerance)
    run = expected_run(np.array([20.0, 300.0]), np.full(2, p * 1e-5), area=AREA, rate=RATE)
    np.testing.assert_allclose(run.current.in_unit("pA"), current, atol=tolerance)


def test_charge_and_duration():
    at = np.linspace(20.0, 300.0, 1000)
    run = expected_run(at, np.full(1000, 4e-5), area=AREA, rate=RATE)
    assert run.duration == pytest.approx(3360.0)
    assert run.polarization_change == pytest.approx(4e-5 * 280, rel=1e-12)
    assert run.charge.values[-1] == pytest.approx(4e-5 * 280 * AREA, rel=1e-12)
    down = expected_run(at, np.full(1000, 4e-5), area=AREA, rate=-RATE)
    assert down.current.branch == "cooling"
    assert np.all(down.current.values < 0)
    assert down.polarization_change == pytest.approx(-4e-5 * 280, rel=1e-12)
    assert down.current.temperature[0] == 300.0
    assert "simulated" in run.current.label
    assert run.current.provenance.source == "simulated"


def test_the_run_lags_behind_its_sensor():
    at = np.linspace(80.0, 100.0, 201)
    p = 1e-4 * np.exp(-0.5 * ((at - 90) / 2) ** 2)
    run = expected_run(at, p, area=AREA, rate=RATE, lag=24.0, sigma=0.1 * p + 1e-8)
    assert run.at_temperature == pytest.approx(92.0)
    assert run.current.sigma is not None


def test_bad_plans():
    with pytest.raises(PyroelectricityError, match="electrode area"):
        expected_run(np.array([1.0, 2.0]), np.ones(2), area=0.0, rate=RATE)
    with pytest.raises(PyroelectricityError, match="rate"):
        expected_run(np.array([1.0, 2.0]), np.ones(2), area=AREA, rate=0.0)
    with pytest.raises(PyroelectricityError, match="occurs twice"):
        expected_run(np.array([1.0, 1.0]), np.ones(2), area=AREA, rate=RATE)
    with pytest.raises(PyroelectricityError, match="shape"):
        expected_run(np.array([1.0, 2.0]), np.ones(3), area=AREA, rate=RATE)


def test_the_mean_that_the_changes_imply():
    assert mean_coefficient(0.40e-2, 1.15e-2, 120, 300) * 1e5 == pytest.approx(4.17, abs=0.01)


def test_figures_of_merit_of_the_references():
    pvdf, tgs, tantalate = (figures_of_merit(one) for one in REFERENCES)
    assert pvdf.current == pytest.approx(1.11e-11, rel=0.005)
    assert pvdf.voltage == pytest.approx(0.105, abs=0.001)
    assert pvdf.detectivity == pytest.approx(8.8e-6, rel=0.005)
    assert tgs.voltage == pytest.approx(0.362, abs=0.001)
    assert tantalate.voltage == pytest.approx(0.173, abs=0.001)
    assert all(one.source.startswith("10.") for one in REFERENCES)
    # F_e* = F_v p/c' and F_e = F_e* c'^2
    p, c = 27e-6, 2.43e6
    assert pvdf.harvesting_per_heat == pytest.approx(pvdf.voltage * p / c, rel=1e-12)
    assert pvdf.harvesting == pytest.approx(pvdf.harvesting_per_heat * c**2, rel=1e-12)


def test_unknown_properties_leave_dashes():
    crystal = PyroelectricMaterial("crystal", -34e-6, 1.8e6)
    merit = figures_of_merit(crystal)
    assert merit.current == pytest.approx(34e-6 / 1.8e6)
    assert math.isnan(merit.voltage)
    rows = comparison_rows([crystal])
    assert [row[0] for row in rows] == ["crystal", "PVDF", "TGS", "LiTaO3"]
    assert rows[0][3:7] == ("-", "-", "-", "-")
    assert all(len(row) == len(COLUMNS) for row in rows)
    with pytest.raises(PyroelectricityError, match="permittivity must be > 0"):
        PyroelectricMaterial("x", 1e-5, permittivity=0.0)
