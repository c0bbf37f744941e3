"""Debye and Einstein functions: the digitised LiTaO3 curve, limits, recovery, and a curve that is not of this form."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.formats.registry import read
from labile.plots.figure import Line, Points
from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.pyroelectric_charts import lattice_figure
from labile.techniques.pyroelectricity import PyroelectricityError, fit_lattice

CURVE = Path(__file__).parents[4] / "shared" / "data" / "pyro" / "LT-LandB-77L2-Lines1977.txt"


def debye_shape(temperature, theta):
    """3 (T/theta)^3 int x^4 e^x/(e^x - 1)^2, by quadrature."""
    return np.array(
        [
            3 * (t / theta) ** 3 * quad(lambda x: x**4 * np.exp(x) / np.expm1(x) ** 2, 0, theta / t)[0]
            for t in temperature
        ]
    )


def einstein_shape(temperature, theta):
    x = theta / temperature
    return x**2 * np.exp(x) / np.expm1(x) ** 2


def measured(values, at, sigma=None):
    return Measurement("pyroelectric_coefficient", values, Conditions(at), sigma)


@pytest.mark.skipif(
    not CURVE.is_file(), reason="the GPL-licensed LiTaO3 curve is not shipped; it lies in ../shared/data"
)
def test_lithium_tantalate():
    """CR line ends, a header separated by a tab, rows by commas; p(300 K) = 1.76e-4 C m-2 K-1."""
    [curve] = read(CURVE, units={"temperature": "K", "pyroelectric_coefficient": "C/m^2/K"})
    assert len(curve) == 22
    assert np.interp(300.0, curve.temperature, curve.values) == pytest.approx(1.76e-4, abs=0.01e-4)
    fit = fit_lattice(curve)
    assert fit.terms == 1
    assert fit.curve(np.array([300.0]))[0] == pytest.approx(1.76e-4, abs=0.01e-4)
    assert fit.scatter < 0.005 * curve.values.max()
    # one Debye term alone leaves a hundred times more (BIC)
    assert dict(fit.tried)[0] - dict(fit.tried)[1] > 50
    assert 300 < fit.result.value("debye.temperature") < 380
    figure = lattice_figure(replace(curve, unit="nC/cm^2/K"), fit, "LiTaO3")
    assert [type(s) for s in figure.panels[0].series] == [Line, Line, Line, Points]
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


@pytest.mark.skipif(not CURVE.is_file(), reason="the GPL-licensed LiTaO3 curve is not shipped")
def test_the_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parents[3] / "examples" / "litao3" / "fit.py"))["main"](str(CURVE))
    assert "1.762e-04 C m-2 K-1" in capsys.readouterr().out
    assert (tmp_path / "lattice_fit.svg").is_file()


@pytest.mark.parametrize("seed", range(4))
def test_recovery_with_noise(seed):
    at = np.linspace(8.0, 320.0, 80)
    truth = {"debye.temperature": 210.0, "einstein_1.temperature": 900.0}
    p = 1.2e-4 * debye_shape(at, 210.0) - 0.9e-4 * einstein_shape(at, 900.0)
    sigma = 5e-7
    noisy = p + sigma * np.random.default_rng(seed).normal(size=at.size)
    fit = fit_lattice(measured(noisy, at, sigma), terms=1)
    assert fit.describes
    for name, value in truth.items():
        assert abs(fit.result.value(name) - value) < 4 * fit.result.sigma_of(name)
        assert fit.result.sigma_of(name) < 0.2 * value
    np.testing.assert_allclose(fit.curve(at), p, atol=4 * sigma)


def test_it_rises_with_the_cube_of_the_temperature_at_the_bottom():
    at = np.linspace(10.0, 300.0, 60)
    fit = fit_lattice(measured(1e-4 * debye_shape(at, 250.0), at), terms=0)
    low = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(fit.curve(low)[1:] / fit.curve(low)[:-1], 8.0, rtol=1e-3)
    assert fit.describes is None


def test_a_peak_on_a_plateau_is_no_lattice():
    at = np.linspace(20.0, 300.0, 120)
    p = 1e-5 * (30 * np.exp(-0.5 * ((at - 90) / 5.3) ** 2) + 3.6 / (1 + np.exp(-(at - 95) / 4)))
    fit = fit_lattice(measured(p, at, 1e-6))
    assert fit.describes is False
    assert "does not describe the data" in fit.text


def test_a_swapped_sign_changes_only_the_sign():
    at = np.linspace(10.0, 300.0, 40)
    p = 1e-4 * debye_shape(at, 300.0)
    plain, turned = fit_lattice(measured(p, at), terms=0), fit_lattice(measured(-p, at), terms=0)
    np.testing.assert_allclose(turned.curve(at), -plain.curve(at), rtol=1e-9)


def test_bad_input():
    at = np.linspace(10.0, 300.0, 4)
    with pytest.raises(PyroelectricityError, match="too few"):
        fit_lattice(measured(at * 1e-7, at), terms=1)
    with pytest.raises(PyroelectricityError, match="terms"):
        fit_lattice(measured(at * 1e-7, at), terms=7)
    with pytest.raises(PyroelectricityError, match="pyroelectric_coefficient is needed"):
        fit_lattice(Measurement("current", at, Conditions(at)))
