"""Whole spectra in a joint fit: derivatives, recovery beside other data, hysteresis, errors (all data simulated)."""

from dataclasses import replace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Axis, Measurement
from labile.inference.comparison import compare
from labile.inference.findings import findings
from labile.inference.joint_fit import evaluate, explain_map, fit_jointly, predict_curve
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective, ObjectiveError, Statement
from labile.models.equilibrium import equilibrium
from labile.models.library import slichter_drickamer, van_t_hoff
from labile.models.state_spectra import StateSpectra

SIGMA = 2e-3


def absorbance():
    return StateSpectra("absorbance")


def pure(points):
    nu = np.linspace(1200.0, 1600.0, points)
    low = 0.8 * np.exp(-(((nu - 1485) / 18) ** 2)) + 0.1
    high = 0.6 * np.exp(-(((nu - 1500) / 25) ** 2)) + 0.5 * np.exp(-(((nu - 1310) / 9) ** 2)) + 0.1
    return nu * 100.0, np.stack([low, high])


def spectral(model, values, temperature, branch="equilibrium", points=301, seed=3, label="IR"):
    nu, spectra = pure(points)
    if branch == "equilibrium":
        x = equilibrium(model, Conditions(temperature), values).x
    else:
        from labile.core.conditions import Path
        from labile.models.evolution import evolve

        x = evolve(model, Path(Conditions(temperature)), values).x
    data = x @ spectra + np.random.default_rng(seed).normal(0.0, SIGMA, (len(temperature), points))
    return Measurement(
        "absorbance", data, Conditions(temperature), np.full(data.shape, SIGMA), axis=Axis("wavenumber", nu),
        branch=branch, label=label,
    )  # fmt: skip


TRUTH = {"HS.enthalpy": 15e3, "HS.entropy": 75.0, "HS.volume": 0.0}
START = {"HS.enthalpy": 13e3, "HS.entropy": 66.0, "HS.volume": 0.0}


def joint(model, objectives, start=START, fixed=("HS.volume",)):
    parameters = joint_parameters(model, objectives)
    parameters = parameters.updated(
        [replace(parameters[name], value=value, fixed=name in fixed) for name, value in start.items()]
    )
    return JointProblem(model, objectives, parameters)


def test_spectra_give_the_thermodynamics_and_the_pure_spectra():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(100.0, 300.0, 25))
    objective = Objective("IR", absorbance(), data, technique="vibrational")
    fitted = fit_jointly(joint(model, (objective,)), starts=1)
    result = fitted.result
    assert result.converged
    for name in ("HS.enthalpy", "HS.entropy"):
        assert abs(result.value(name) - TRUTH[name]) < 4 * result.sigma_of(name)
    # N M data less 2 M points of pure spectra less 2 parameters
    assert result.degrees_of_freedom == 23 * 301 - 2
    assert result.chi2 / result.degrees_of_freedom == pytest.approx(1.0, abs=5 * np.sqrt(2 / (23 * 301)))
    found = explain_map(fitted, objective)
    assert found.names == ("LS", "HS")
    pull = (found.spectra - pure(301)[1]) / found.sigma_spectra
    assert np.sqrt(np.mean(pull**2)) == pytest.approx(1.0, abs=0.25)
    assert np.max(np.abs((found.seen - found.amounts) / found.sigma_seen)) < 5.0
    (evaluation,) = evaluate(fitted)
    assert evaluation.chi2 == pytest.approx(result.chi2, rel=1e-9)
    assert evaluation.n == 23 * 301
    assert np.max(np.abs(evaluation.residuals)) < 5.0
    findings(fitted)


def test_uncertainties_cover_the_truth():
    model = van_t_hoff()
    pulls = []
    for seed in range(40):
        data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=80, seed=seed)
        objective = Objective("IR", absorbance(), replace(data, sigma=np.full(data.values.shape, SIGMA)))
        result = fit_jointly(joint(model, (objective,), TRUTH), starts=1).result
        pulls.append((result.value("HS.enthalpy") - TRUTH["HS.enthalpy"]) / result.sigma_of("HS.enthalpy"))
    # 40 pulls of unit variance: their rms is 1 within 0.11 (one standard deviation)
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.4)


def test_the_gradient_is_that_of_the_sum_of_squares():
    model = slichter_drickamer()
    values = TRUTH | {"LS-HS.interaction": 2e3}
    data = spectral(model, values, np.linspace(150.0, 250.0, 11), points=40)
    objective = Objective("IR", absorbance(), data, temperature_offset="cryostat.temperature_offset")
    problem = joint(model, (objective,), values | {"cryostat.temperature_offset": 0.3}).problem()
    start = problem.parameters.vector * 1.01
    r, jacobian = problem.evaluate(start)
    for i, value in enumerate(start):
        h = 1e-5 * abs(value)
        step = np.zeros_like(start)
        step[i] = h
        rise = np.sum(problem.evaluate(start + step)[0] ** 2) - np.sum(problem.evaluate(start - step)[0] ** 2)
        assert rise / (2 * h) == pytest.approx(2 * float(r @ jacobian[:, i]), rel=1e-4)


def test_spectra_and_a_statement_meet():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=60)
    said = Statement("t_half", 230.0, 1.0, text="against the spectra, which say 200 K")
    objectives = (Objective("IR", absorbance(), data), Objective("paper", statement=said))
    fitted = fit_jointly(joint(model, objectives), starts=1)
    _, paper = evaluate(fitted)
    assert abs(paper.residuals[0]) > 20.0


def test_a_hysteretic_map_jumps_where_its_scores_do():
    model = slichter_drickamer()
    values = TRUTH | {"LS-HS.interaction": 5.5e3}
    up = spectral(model, values, np.linspace(150.0, 260.0, 56), "heating", points=50, label="up")
    down = spectral(model, values, np.linspace(260.0, 150.0, 56), "cooling", points=50, label="down", seed=5)
    objectives = (Objective("up", absorbance(), up), Objective("down", absorbance(), down))
    problem = joint(model, objectives, values | {"HS.enthalpy": 15.5e3, "LS-HS.interaction": 5.2e3})
    assert all(jump is not None for jump in problem.jumps)
    fitted = fit_jointly(problem, starts=1)
    assert fitted.result.converged
    for name, truth in values.items():
        sigma = fitted.result.sigma_of(name)
        assert abs(fitted.result.value(name) - truth) <= max(4 * sigma, 1e-9)


def test_noise_that_is_not_known_is_found():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=60)
    wrong = replace(data, sigma=np.full(data.values.shape, 0.5 * SIGMA))
    fitted = fit_jointly(joint(model, (Objective("IR", absorbance(), wrong, noise="free"),)), starts=1)
    scale, sigma = fitted.noise_scales["IR"]
    assert abs(scale - 2.0) < 4 * sigma


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"factor": "sample.factor"}, "absorbed by the pure spectra"),
        ({"observable": None}, "but the observable is None"),
    ],
)
def test_what_spectra_cannot_have_is_refused(change, says):
    data = spectral(van_t_hoff(), TRUTH, np.linspace(150.0, 260.0, 12), points=20)
    with pytest.raises(ObjectiveError, match=says):
        Objective(**({"label": "IR", "observable": absorbance(), "measurement": data} | change))


def test_weights_that_are_no_product_are_refused():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=20)
    odd = np.full(data.values.shape, SIGMA)
    odd[3, 4] *= 5
    with pytest.raises(ObjectiveError, match="not the product"):
        joint(model, (Objective("IR", absorbance(), replace(data, sigma=odd)),))


def test_a_map_has_no_single_curve():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=20)
    objective = Objective("IR", absorbance(), data)
    fitted = fit_jointly(joint(model, (objective,)), starts=1)
    with pytest.raises(ObjectiveError, match="explain_map"):
        predict_curve(fitted, objective, np.array([200.0]))


def test_states_that_nothing_tells_apart_share_a_spectrum_and_spectra_may_drift():
    model = van_t_hoff()
    temperature = np.linspace(120.0, 300.0, 30)
    nu, spectra = pure(120)
    x = equilibrium(model, Conditions(temperature), TRUTH).x
    tau = (temperature - 295.0) / 100.0
    noise = np.random.default_rng(9).normal(0.0, SIGMA, (30, 120))
    drifting = x @ spectra + (x * tau[:, None]) @ (0.05 * spectra[::-1]) + noise
    data = Measurement("absorbance", drifting, Conditions(temperature), np.full(noise.shape, SIGMA),
                       axis=Axis("wavenumber", nu), label="IR")  # fmt: skip
    rigid, free = (
        fit_jointly(joint(model, (Objective("IR", StateSpectra("absorbance", drift=degree), data),)), starts=1).result
        for degree in (0, 1)
    )
    assert rigid.chi2 / rigid.degrees_of_freedom > 1.4
    assert free.chi2 / free.degrees_of_freedom == pytest.approx(1.0, abs=0.2)
    assert abs(free.value("HS.enthalpy") - TRUTH["HS.enthalpy"]) < 4 * free.sigma_of("HS.enthalpy")
    names = StateSpectra("absorbance", alike=("H", "V")).spectra((State("L", 0), State("H", 2), State("V", 2)))
    assert names == ("L", "H+V")


def test_too_few_spectra_are_refused():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 2), points=20)
    with pytest.raises(ObjectiveError, match="2 spectra cannot determine 2 pure spectra"):
        joint(model, (Objective("IR", absorbance(), data),))


def test_derived_numbers_use_the_corrected_covariance():
    model = van_t_hoff()
    data = spectral(model, TRUTH, np.linspace(150.0, 260.0, 12), points=400)
    noisy = replace(data, values=data.values + np.random.default_rng(1).normal(0.0, 0.3, data.values.shape),
                    sigma=np.full(data.values.shape, np.hypot(0.3, SIGMA)))  # fmt: skip
    result = fit_jointly(joint(model, (Objective("IR", absorbance(), noisy),), TRUTH), starts=1).result
    single = np.eye(result.n_free)
    assert result.propagate(single) == pytest.approx(result.sigma, rel=1e-12)
    gram = result.jacobian.T @ result.jacobian
    assert np.all(result.sigma > 1.05 * np.sqrt(np.diag(np.linalg.inv(gram))))


def test_a_wrong_model_of_spectra_is_told_by_its_chi2():
    data = spectral(van_t_hoff(), TRUTH, np.linspace(120.0, 280.0, 20), points=60)
    broken = replace(data, values=data.values + 0.05 * np.outer(np.sin(np.arange(20.0)), np.ones(60)))
    good, bad = (
        fit_jointly(joint(van_t_hoff(), (Objective("IR", absorbance(), one),)), starts=1) for one in (data, broken)
    )
    (fine,), (off,) = compare({"a": good}), compare({"a": bad})
    assert fine.worst == ()
    assert off.worst[0][0] == "IR"
    assert off.worst[0][1] > 20.0
