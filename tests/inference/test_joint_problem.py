"""Residuals and exact Jacobians of every kind of objective."""

from dataclasses import replace

import numpy as np
import pytest

from inference import feco
from labile.core.conditions import Conditions, Path
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.parameters import Parameter, ParameterError
from labile.inference.functionals import functional, limit_residual
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective, ObjectiveError, Statement, find_jump
from labile.models.evolution import evolve
from labile.models.library import slichter_drickamer
from labile.models.populations import NotConvergedError
from labile.techniques.magnetometry import ChiT

CGS = 4e-6 * np.pi
LOOP = {
    "HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6e3, "LS.chi_t": 0.05 * CGS,
    "HS.chi_t": 3.3 * CGS, "sample.residual_fraction": 0.02, "sample.temperature_independent_paramagnetism": 0.0,
}  # fmt: skip


def assert_exact(joint, vector, rtol=1e-5, skip_rows=()):
    residuals, jacobian = joint.residuals(vector)
    assert residuals.size == sum(block.size for block in joint.blocks())
    keep = np.setdiff1d(np.arange(residuals.size), skip_rows)
    for k, name in enumerate(joint.parameters.free_names):
        h = 1e-6 * max(abs(vector[k]), 1e-6)
        step = np.zeros_like(vector)
        step[k] = h
        found = (joint.residuals(vector + step)[0] - joint.residuals(vector - step)[0]) / (2 * h)
        scale = np.max(np.abs(jacobian[:, k])) + 1e-12
        # differences of residuals are exact to about 1e-12, which the step magnifies
        noise = 1e-12 * (1 + np.max(np.abs(residuals))) / h
        np.testing.assert_allclose(found[keep], jacobian[keep, k], rtol=0, atol=rtol * scale + noise, err_msg=name)


def simulated_run(branch, rng=None, **others):
    """Simulated chi*T of a first-order loop, 2 K apart."""
    temperature = np.arange(180.0, 300.1, 2.0)
    if branch == "cooling":
        temperature = temperature[::-1]
    conditions = Conditions(temperature)
    observable = ChiT("sample")
    populations = evolve(slichter_drickamer(), Path(conditions), LOOP)
    values = observable.predict(populations, conditions, LOOP).values
    sigma = np.full(values.size, 0.02 * CGS)
    if rng is not None:
        values = values + sigma * rng.standard_normal(values.size)
    measurement = Measurement("chi_t", values, conditions, sigma, branch=branch, label=branch, **others)
    return Objective(f"simulated {branch}", observable, measurement, technique="magnetometry")


def loop_problem(objectives, changes=()):
    parameters = joint_parameters(slichter_drickamer(), objectives)
    own = [replace(parameters[n], value=v) for n, v in LOOP.items()]
    own = [replace(q, fixed=q.name in ("HS.volume", "sample.temperature_independent_paramagnetism")) for q in own]
    return JointProblem(slichter_drickamer(), objectives, parameters.updated([*own, *changes]))


def test_jacobian_of_statements():
    joint = feco.domain_step()
    assert_exact(joint, joint.parameters.vector)


def test_jacobian_with_a_distribution_of_t_half():
    joint = feco.mean_field("crystal.t_half_width")
    assert_exact(joint, joint.parameters.vector)


def test_jacobian_of_a_hysteresis_loop_at_and_off_the_truth():
    joint = loop_problem((simulated_run("heating"), simulated_run("cooling")))
    assert [jump is not None for jump in joint.jumps] == [True, True]
    truth = joint.parameters.vector
    assert_exact(joint, truth)
    # off the truth some points lie past the end of their branch
    names = joint.parameters.free_names
    off = truth.copy()
    off[names.index("LS-HS.interaction")] *= 0.9
    off[names.index("HS.enthalpy")] *= 1.02
    assert_exact(joint, off, rtol=3e-4)


def test_perfect_data_have_no_residual_but_that_of_the_interval():
    joint = loop_problem((simulated_run("heating"), simulated_run("cooling")))
    residuals, _ = joint.residuals(joint.parameters.vector)
    np.testing.assert_allclose(residuals[:-2], 0.0, atol=1e-9)
    assert np.all(np.abs(residuals[-2:]) < np.sqrt(3.0))  # inside a uniform interval of +-sqrt(3) sigma


def test_nuisance_parameters():
    run = simulated_run("heating")
    measurement = replace(run.measurement, correlated=(CorrelatedTerm("mass", 0.02 * run.measurement.values),))
    objective = replace(
        run, measurement=measurement, temperature_offset="squid.temperature_offset", factor="sample.factor"
    )
    joint = loop_problem((objective,), [Parameter("HS.volume", 0.0, fixed=True)])
    assert {"squid.temperature_offset", "sample.factor", "simulated_heating.mass_shift"} <= set(
        joint.parameters.free_names
    )
    vector = joint.parameters.vector
    names = joint.parameters.free_names
    vector[names.index("squid.temperature_offset")] = 0.3
    vector[names.index("sample.factor")] = 1.05
    vector[names.index("simulated_heating.mass_shift")] = -0.4
    assert_exact(joint, vector)


def test_an_offset_of_the_thermometer_moves_the_curve():
    run = simulated_run("heating")
    shifted = replace(
        run.measurement, conditions=run.measurement.conditions.at_temperature(run.measurement.temperature - 0.7)
    )
    joint = loop_problem((replace(run, measurement=shifted, temperature_offset="squid.temperature_offset"),))
    vector = joint.parameters.vector
    vector[joint.parameters.free_names.index("squid.temperature_offset")] = 0.7
    residuals, _ = joint.residuals(vector)
    np.testing.assert_allclose(residuals[: len(shifted)], 0.0, atol=1e-8)


def test_an_offset_below_absolute_zero_is_a_step_to_refuse():
    joint = loop_problem((replace(simulated_run("heating"), temperature_offset="squid.temperature_offset"),))
    vector = np.array(joint.parameters.vector)
    vector[joint.parameters.free_names.index("squid.temperature_offset")] = -400.0
    with pytest.raises(ArithmeticError, match="below 0 K"):
        joint.residuals(vector)


@pytest.mark.parametrize("kind", ["t_half", "t_half_up", "t_half_down", "hysteresis_width", "hysteresis_centre"])
def test_jacobian_of_transition_statements(kind):
    statement = Statement(kind, 143.0, 1.0)
    objective = Objective("loop", statement=statement)
    model = slichter_drickamer()
    parameters = joint_parameters(model, (objective,)).updated(
        [
            Parameter("HS.enthalpy", 15e3),
            Parameter("HS.entropy", 60.0),
            Parameter("LS-HS.interaction", 6e3),
            *(
                [
                    Parameter("crystal.lag_up", 0.6, lower=0, upper=1),
                    Parameter("crystal.lag_down", 0.3, lower=0, upper=1),
                ]
                if kind != "t_half"
                else []
            ),
        ]
    )
    joint = JointProblem(model, (objective,), parameters)
    assert_exact(joint, joint.parameters.vector, rtol=2e-5)


@pytest.mark.parametrize("kind", ["p_half", "p_half_up", "p_half_down"])
@pytest.mark.parametrize("gamma", [2e3, 6e3])
def test_jacobian_of_switching_pressures(kind, gamma):
    statement = Statement(kind, 3e8, 1e7, temperatures=(250.0,))
    objectives = (Objective(f"stated {kind}", statement=statement, technique="magnetometry"),)
    start = {"HS.enthalpy": 12e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": gamma}
    parameters = joint_parameters(slichter_drickamer(), objectives).updated(
        [Parameter(name, value, lower=0.0) for name, value in start.items()]
    )
    joint = JointProblem(slichter_drickamer(), objectives, parameters)
    residual, _ = joint.residuals(parameters.vector)
    # P1/2 = (T dS - dH)/dV above ambient; a gradual crossover has it on loading and unloading alike
    if kind == "p_half" or gamma == 2e3:
        assert residual[0] == pytest.approx((3e8 - 101325 - 3e8) / 1e7, abs=1e-6)
    assert_exact(joint, parameters.vector, rtol=1e-4)


def test_limits_are_one_sided():
    z = np.array([-40.0, -5.0, 0.0, 5.0, 40.0, 1000.0])
    residual, slope = limit_residual(z)
    assert np.all(np.isfinite(residual))
    assert np.all(np.isfinite(slope))
    assert np.all(np.diff(residual) <= 0)
    assert residual[2] == pytest.approx(np.sqrt(2 * np.log(2)))
    assert residual[0] == pytest.approx(40.1, abs=0.1)  # far on the wrong side it is an ordinary residual
    assert residual[-1] == 0.0
    h = 1e-6
    inner = np.array([-8.0, -1.0, 0.5, 3.0])
    found = (limit_residual(inner + h)[0] - limit_residual(inner - h)[0]) / (2 * h)
    np.testing.assert_allclose(found, limit_residual(inner)[1], rtol=1e-6)


def test_limits_in_a_measurement_enter_as_limits():
    conditions = Conditions([100.0, 400.0])
    measurement = Measurement(
        "chi_t", np.array([1.0 * CGS, 1.0 * CGS]), conditions, np.full(2, 0.1 * CGS), limits=np.array([-1, -1])
    )
    joint = loop_problem((Objective("limits", ChiT("sample"), measurement),))
    residuals, _ = joint.residuals(joint.parameters.vector)
    assert residuals[0] < 1e-6  # 0.05 is below 1.0
    assert residuals[1] > 15  # 3.3 is not


@pytest.mark.parametrize("kind", ["maximum", "maximum_position", "above", "below"])
def test_functionals_of_a_known_curve(kind):
    t = np.linspace(80.0, 100.0, 81)
    curve = 30.0 - 0.2 * (t - 90.1) ** 2
    statement = Statement(kind, 1.0, 1.0, window=(80.0, 100.0))
    value, gradient = functional(statement, t, curve, np.ones((t.size, 1)))
    expected = {"maximum": 30.0, "maximum_position": 90.1, "above": curve.min(), "below": 30.0}[kind]
    assert value == pytest.approx(expected, abs=1e-9)
    assert gradient[0] == pytest.approx(0.0 if kind == "maximum_position" else 1.0, abs=1e-9)


def test_a_spike_at_a_jump_is_refused():
    """p has no finite maximum where the populations jump in equilibrium."""
    joint = feco.mean_field()
    vector = joint.parameters.vector
    vector[joint.parameters.free_names.index("L-H.interaction")] = 2500.0
    with pytest.raises(NotConvergedError, match="jump near"):
        joint.residuals(vector)


def test_jumps_are_found_in_the_data_and_only_there():
    assert find_jump(simulated_run("heating")).temperature == pytest.approx(261.0, abs=1.0)
    rng = np.random.default_rng(0)
    noisy = simulated_run("cooling", rng)
    assert find_jump(noisy).temperature == pytest.approx(235.0, abs=1.0)
    assert find_jump(replace(noisy, jump="none")) is None
    smooth = replace(noisy, measurement=noisy.measurement[noisy.measurement.temperature > 240])
    assert find_jump(smooth) is None


def test_a_stated_jump_must_be_a_gap():
    with pytest.raises(ObjectiveError, match="gap between two neighbouring"):
        find_jump(replace(simulated_run("heating"), jump=(230.0, 250.0)))


def test_two_jumps_in_one_run_are_refused():
    run = simulated_run("heating")
    values = run.measurement.values.copy()
    values[:10] -= 3.3 * CGS
    with pytest.raises(ObjectiveError, match="several jumps"):
        find_jump(replace(run, measurement=replace(run.measurement, values=values)))


def test_errors_name_what_is_wrong():
    run = simulated_run("heating")
    with pytest.raises(ObjectiveError, match="no uncertainties"):
        replace(run, measurement=replace(run.measurement, sigma=None))
    with pytest.raises(ObjectiveError, match="labels must differ"):
        loop_problem((run, run))
    with pytest.raises(ObjectiveError, match="at least 20 points"):
        replace(run, measurement=run.measurement[:5], noise="free")
    with pytest.raises(ObjectiveError, match="needs a window"):
        Statement("maximum", 1.0, 1.0)
    with pytest.raises(ObjectiveError, match="needs 2 temperatures"):
        Statement("difference", 1.0, 1.0, temperatures=(3.0,))
    with pytest.raises(ParameterError, match=r"HS\.enthalpy"):
        JointProblem(slichter_drickamer(), (run,), joint_parameters(slichter_drickamer(), (run,)))
