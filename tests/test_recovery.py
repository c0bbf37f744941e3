"""Simulate, add noise, fit: a first-order loop is found again from starts 20 % off, with honest intervals."""

import numpy as np

from labile.core.conditions import Conditions, Path
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter
from labile.inference.joint_fit import fit_jointly
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective
from labile.models.evolution import evolve
from labile.models.library import slichter_drickamer
from labile.techniques.magnetometry import ChiT

CGS = 4e-6 * np.pi
SEEDS = 256
TRUTH = {
    "HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6e3, "LS.chi_t": 0.05 * CGS,
    "HS.chi_t": 3.3 * CGS, "sample.residual_fraction": 0.0, "sample.temperature_independent_paramagnetism": 0.0,
}  # fmt: skip
FREE = ("HS.enthalpy", "HS.entropy", "LS-HS.interaction", "LS.chi_t", "HS.chi_t")
SIGMA = 0.02 * CGS


def simulated_run(branch, rng):
    """Simulated chi*T on heating or cooling, 150 to 330 K, about 2 K apart, with noise."""
    model, observable = slichter_drickamer(), ChiT("sample")
    temperature = np.sort(np.arange(150.0, 330.1, 2.0) + rng.uniform(-0.3, 0.3, 91))
    conditions = Conditions(temperature if branch == "heating" else temperature[::-1])
    populations = evolve(model, Path(conditions), TRUTH)
    values = observable.predict(populations, conditions, TRUTH).values + SIGMA * rng.standard_normal(91)
    measurement = Measurement("chi_t", values, conditions, np.full(91, SIGMA), branch=branch)
    return Objective(f"simulated {branch}", observable, measurement, technique="magnetometry")


def test_a_first_order_loop_is_recovered():
    model = slichter_drickamer()
    reached, covered = 0, np.zeros(len(FREE))
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        objectives = (simulated_run("heating", rng), simulated_run("cooling", rng))
        start = [Parameter(n, TRUTH[n] * rng.uniform(0.8, 1.2), lower=0.0) for n in FREE]
        parameters = joint_parameters(model, objectives).updated([*start, Parameter("HS.volume", 0.0, fixed=True)])
        joint = JointProblem(model, objectives, parameters)
        truth = np.array([TRUTH[name] for name in parameters.free_names])
        at_truth = float(np.sum(joint.residuals(truth)[0] ** 2))
        result = fit_jointly(joint, starts=1).result
        reached += result.chi2 <= at_truth * (1 + 1e-3)
        covered += np.abs(result.parameters.vector - truth) < result.sigma
    shares = dict(zip(parameters.free_names, (covered / SEEDS).round(3).tolist(), strict=True))
    print(f"{reached} of {SEEDS} fits reached the noise level; coverage {shares}")
    assert reached >= 250
    assert np.all(covered / SEEDS > 0.60), covered / SEEDS
    assert np.all(covered / SEEDS < 0.76), covered / SEEDS
