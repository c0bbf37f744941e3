"""The fit of a whole map of spectra against the singular value decomposition of that map.

Run: python benchmarks/bench_spectral_map.py. The map (300 x 2000, simulated) is explained by the populations of a model
with its pure spectra eliminated, from start values 10 % off, covariance and spectra included; numpy's SVD of the same
matrix is timed in turn with it. Times are ratios within one run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.line_shapes import lorentzian
from labile.inference.joint_fit import JointFit, fit_jointly
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective
from labile.models.equilibrium import equilibrium
from labile.models.free_energy import Model
from labile.models.library import regular_solution, slichter_drickamer, van_t_hoff
from labile.models.state_spectra import StateSpectra
from labile.techniques.vibrational import fit_state_map, model_concentrations

SPECTRA, POINTS, NOISE = 300, 2000, 2e-3
THREE = (State("L", 0.0), State("H", 2.0), State("V", 2.0))
TWO_VALUES = {"HS.enthalpy": 15e3, "HS.entropy": 75.0, "HS.volume": 0.0, "LS-HS.interaction": 1500.0}
THREE_VALUES = {
    "H.enthalpy": 7.0e3, "H.entropy": 70.0, "H.volume": 0.0, "V.enthalpy": 11.5e3, "V.entropy": 80.0, "V.volume": 0.0,
}  # fmt: skip
PAIRS = {"L-H.interaction": 800.0, "L-V.interaction": 800.0, "H-V.interaction": 0.0}
FIXED = ("HS.volume", "H.volume", "V.volume", "H-V.interaction")
CASES: dict[str, tuple[Model, dict[str, float]]] = {
    "two states, Slichter-Drickamer": (slichter_drickamer(), TWO_VALUES),
    "three states, ideal": (van_t_hoff(THREE), THREE_VALUES),
    "three states, regular solution": (regular_solution(THREE), {**THREE_VALUES, **PAIRS}),
}


def simulated(model: Model, values: dict[str, float]) -> Measurement:
    """Map of overlapping bands with noise."""
    at = Conditions(np.linspace(10.0, 300.0, SPECTRA))
    nu = np.linspace(1000e2, 1800e2, POINTS)
    x = equilibrium(model, at, values).x
    rng = np.random.default_rng(1)
    rows = [lorentzian(nu, rng.uniform(1100e2, 1700e2, (12, 1)), 20e2).value.T @ rng.uniform(0, 2e3, 12) for _ in x[0]]
    data = x @ np.array(rows) + rng.normal(0.0, NOISE, (SPECTRA, POINTS))
    return Measurement("absorbance", data, at, sigma=NOISE, axis=Axis("wavenumber", nu), label="simulated map")


def joint_fit(model: Model, values: dict[str, float], data: Measurement) -> JointFit:
    """The same map as data of a joint fit, compression of the map included."""
    objectives = (Objective("map", StateSpectra("absorbance"), data),)
    parameters = joint_parameters(model, objectives)
    stated = [
        replace(parameters[name], value=value if name in FIXED else 1.1 * value, fixed=name in FIXED)
        for name, value in values.items()
    ]
    return fit_jointly(JointProblem(model, objectives, parameters.updated(stated)), starts=1)


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main() -> None:
    print(f"{SPECTRA} x {POINTS} map; median of 7 runs in turn")
    for name, (model, values) in CASES.items():
        measured = simulated(model, values)
        off = {n: v if n in FIXED or "enthalpy" not in n else 0.9 * v for n, v in values.items()}
        start = Parameters(tuple(Parameter(n, off[n], fixed=n in FIXED) for n in model.parameters.names))
        populations = model_concentrations(model, start, measured.conditions)

        def run(measured=measured, model=model, start=start, populations=populations):
            return fit_state_map(measured, model.state_names, start, populations)

        found = run()
        truth = equilibrium(model, measured.conditions, values).x
        worst = float(np.max(np.abs(found.populations - truth)))
        fits, decompositions, joint = [], [], []
        for _ in range(7):
            decompositions.append(seconds(lambda data=measured.values: np.linalg.svd(data, full_matrices=False)))
            fits.append(seconds(run))
            joint.append(seconds(lambda: joint_fit(model, values, measured)))  # noqa: B023
        fit, svd = statistics.median(fits), statistics.median(decompositions)
        result = found.fit.result
        print(
            f"{name}: {result.n_free} parameters, {result.evaluations} evaluations, {result.status.name};"
            f" fit {fit:.3f} s, SVD {svd:.3f} s, ratio {fit / svd:.2f}; populations within {worst:.4f};"
            f" joint fit {statistics.median(joint):.3f} s, ratio {statistics.median(joint) / svd:.2f}"
        )


if __name__ == "__main__":
    main()
