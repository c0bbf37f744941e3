"""Mossbauer data in joint fits: whole spectra of exchanging states, and the statements about the [FeCo] crystal."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter
from labile.inference.joint_fit import fit_jointly
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective, Statement
from labile.models.equilibrium import equilibrium
from labile.models.library import build
from labile.study.run import run
from labile.techniques.mossbauer import (
    ExchangeRate,
    ExchangeSpectrum,
    MossbauerError,
    hopping_rate,
    spectrum_points,
    two_state_line,
)
from labile.techniques.mossbauer.iron57 import ANGULAR_FREQUENCY

FECO = Path(__file__).parents[2] / "examples" / "feco"
STATES = (State("LS", 0), State("HS", 2))
VELOCITY = np.linspace(-3e-3, 4e-3, 96)
TRUTH = {
    "HS.enthalpy": 9e3,
    "HS.entropy": 60.0,
    "HS.volume": 0.0,
    "LS.isomer_shift": 0.35e-3,
    "HS.isomer_shift": 1.0e-3,
    "LS.quadrupole_splitting": 0.5e-3,
    "HS.quadrupole_splitting": 2.3e-3,
    "LS.lattice_temperature": 150.0,
    "HS.lattice_temperature": 130.0,
    "LS-HS.attempt_rate": 1e13,
    "LS-HS.activation_energy": 16e3,
}


def own(sample):
    return {f"{sample}.baseline": 1.0, f"{sample}.absorption_area": 0.3e-3, f"{sample}.line_width": 0.26e-3}


def predicted(observable, kelvin, values):
    conditions = Conditions(np.full(VELOCITY.size, kelvin))
    return observable.predict(equilibrium(build("van_t_hoff", STATES), conditions, values), conditions, values)


def test_spectrum_is_the_two_state_closed_form():
    values = TRUTH | own("s")
    observable = ExchangeSpectrum(VELOCITY, "s", reference_temperature=150.0)
    found = predicted(observable, 150.0, values)
    x = float(equilibrium(build("van_t_hoff", STATES), Conditions([150.0]), values).of("LS")[0])
    kappa = float(hopping_rate(150.0, 1e13, 16e3)) / ANGULAR_FREQUENCY
    line = sum(
        two_state_line(VELOCITY, 0.35e-3 + s * 0.25e-3, 1.0e-3 + s * 1.15e-3, x, 0.26e-3, kappa) for s in (-1, 1)
    )
    dip = 1 - found.values
    np.testing.assert_allclose(dip / dip.max(), line / line.max(), rtol=1e-10)


def test_derivatives_of_a_spectrum():
    values = TRUTH | own("s")
    observable = ExchangeSpectrum(VELOCITY, "s")
    found = predicted(observable, 170.0, values)
    for name in found.d_own:
        h = 1e-4 * abs(values[name])

        def at(f, name=name, h=h):
            return predicted(observable, 170.0, values | {name: values[name] + f * h}).values

        slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        np.testing.assert_allclose(found.d_own[name], slope, rtol=0, atol=1e-6 * np.abs(slope).max(), err_msg=name)
    conditions = Conditions(np.full(VELOCITY.size, 170.0))
    populations = equilibrium(build("van_t_hoff", STATES), conditions, values)
    direction = np.array([1.0, -1.0])

    def along(step):
        from dataclasses import replace

        return observable.predict(replace(populations, x=populations.x + step * direction), conditions, values).values

    slope = (8 * (along(1e-4) - along(-1e-4)) - (along(2e-4) - along(-2e-4))) / 12e-4
    np.testing.assert_allclose(found.d_x @ direction, slope, rtol=0, atol=1e-6 * np.abs(slope).max())

    def warmer(step):
        return observable.predict(populations, Conditions(np.full(VELOCITY.size, 170.0 + step)), values).values

    slope = (warmer(1e-2) - warmer(-1e-2)) / 2e-2
    np.testing.assert_allclose(found.d_temperature, slope, rtol=0, atol=1e-5 * np.abs(slope).max())


def test_whole_spectra_in_a_joint_fit():
    """Simulated spectra of intermediate exchange at four temperatures give enthalpy, entropy and barrier back."""
    model = build("van_t_hoff", STATES)
    objectives, values = [], dict(TRUTH)
    for number, kelvin in enumerate((120.0, 150.0, 180.0, 240.0)):
        sample = f"s{number}"
        values |= own(sample)
        curve = predicted(ExchangeSpectrum(VELOCITY, sample), kelvin, values).values
        counts = np.random.default_rng(number).poisson(2e6 * curve).astype(float)
        spectrum = Measurement(
            "counts", counts[None, :], Conditions(kelvin), axis=Axis("velocity", VELOCITY), label=sample,
            attributes={"isomer_shift_reference": "alpha-Fe"},
        )  # fmt: skip
        points, velocity = spectrum_points(spectrum)
        objectives.append(Objective(sample, ExchangeSpectrum(velocity, sample), points, technique="mossbauer"))
    parameters = joint_parameters(model, tuple(objectives))
    start = {"HS.enthalpy": 8.4e3, "HS.entropy": 57.0, "LS-HS.activation_energy": 15.5e3}
    changes = []
    for p in parameters:
        fixed = p.quantity in ("lattice_temperature", "attempt_rate", "volume")
        changes.append(Parameter(p.name, {**values, **start}[p.name], p.unit, p.lower, p.upper, fixed=fixed))
    problem = JointProblem(model, tuple(objectives), parameters.updated(changes))
    result = fit_jointly(problem).result
    assert result.converged
    assert 0.8 < result.chi2 / result.degrees_of_freedom < 1.25
    for name in ("HS.enthalpy", "HS.entropy", "LS-HS.activation_energy", "HS.isomer_shift", "HS.quadrupole_splitting"):
        sigma = result.sigma_of(name)
        assert abs(result.value(name) - values[name]) < 4 * sigma, name
        assert sigma < 0.1 * values[name], name


def test_no_splitting_seen_is_a_one_sided_bound_on_the_barrier():
    model = build("van_t_hoff", STATES)
    statement = Statement("value", 8.0, 0.05, limit=1, temperatures=(125.0,))
    objective = Objective("no splitting", ExchangeRate(), statement=statement)
    parameters = joint_parameters(model, (objective,))
    residuals = []
    for barrier in (5e3, 11.97e3, 16e3):
        values = TRUTH | {"LS-HS.activation_energy": barrier}
        problem = JointProblem(
            model, (objective,), parameters.updated([Parameter(n, values[n]) for n in parameters.names])
        )
        residuals.append(abs(float(problem.residuals(problem.parameters.vector)[0][0])))
    assert residuals[0] < 1e-6
    assert residuals[1] == pytest.approx(np.sqrt(2 * np.log(2)), abs=0.1)
    assert residuals[2] > 10


def test_mistakes():
    with pytest.raises(MossbauerError, match="declared order"):
        ExchangeSpectrum(VELOCITY, pairs=(("HS", "LS"),)).parameters(STATES)
    conditions = Conditions([100.0])
    values = TRUTH | own("sample")
    populations = equilibrium(build("van_t_hoff", STATES), conditions, values)
    with pytest.raises(MossbauerError, match="points for 96 velocities"):
        ExchangeSpectrum(VELOCITY).predict(populations, conditions, values)


def test_feco_spectra_and_pyroelectricity_disagree(tmp_path):
    """SCIENCE B6 and I7: x_V(125 K) from QS and IS, and how far the joint fit pulls the hyperfine parameters."""
    folder = tmp_path / "feco"
    shutil.copytree(FECO, folder, ignore=shutil.ignore_patterns("results"))
    script = runpy.run_path(str(folder / "mossbauer.py"))
    # I7: QS_V 2.1, 2.5, 2.9 give 0.75, 0.55, 0.44; IS gives 0.29
    for qs_v, x in ((2.1, 0.75), (2.5, 0.55), (2.9, 0.44)):
        assert script["share"]((1.83, 0.03), (1.0, 0.1), (qs_v, 0.2))[0] == pytest.approx(x, abs=0.01)
    assert script["share"]((0.69, 0.02), (0.50, 0.08), (1.15, 0.10))[0] == pytest.approx(0.29, abs=0.01)
    result = run(folder / "mossbauer.toml", out=tmp_path / "out")
    fitted = result.fit.result
    assert result.converged
    data = {e.label: float(e.observed[0]) * 1e3 for e in result.evaluations}
    assert data["IS rel. to alpha-Fe: at 75 K"] == pytest.approx(0.42)
    assert data["IS rel. to alpha-Fe: at 125 K"] == pytest.approx(0.69)
    assert data["QS: at 75 K"] == pytest.approx(1.64)
    assert data["QS: at 125 K"] == pytest.approx(1.83)
    x_v = float(equilibrium(result.fit.joint.model, Conditions([125.0]), result.fit.values).of("V")[0])
    assert 0.03 < x_v < 0.08
    pull = (fitted.value("H.quadrupole_splitting") - 1e-3) / 0.1e-3
    assert 5 < pull < 9
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "relative" in report
