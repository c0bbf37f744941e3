"""Joint fit of three states, 15 parameters and 5 x 500 points against the same model in plain numpy.

The reference is vectorised over points: a damped Newton iteration for the populations of all points at once, the
implicit derivative for dx/dT, and scipy's least_squares with its finite differences, same start, same tolerance.
Run: python benchmarks/bench_joint_fit.py
"""

import time

import numpy as np
from scipy.optimize import least_squares

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective
from labile.models.equilibrium import equilibrium
from labile.models.library import electron_transfer
from labile.techniques.magnetometry import ChiM, ChiT
from labile.techniques.pyroelectricity import Polarization, PyroelectricCoefficient

STATES = (State("L", 0.0), State("H", 2.0), State("V", 2.0))
POINTS = 500
CGS = 4e-6 * np.pi
TRUTH = {
    "H.enthalpy": 6.3e3, "H.entropy": 60.0, "H-V.enthalpy": 4.2e3, "H-V.entropy": 16.0, "L-H.interaction": 900.0,
    "H-V.interaction": -300.0, "L.chi_t": 0.05 * CGS, "H.chi_t": 3.0 * CGS, "V.chi_t": 4.2 * CGS,
    "sample.temperature_independent_paramagnetism": 2e-4 * CGS, "H.polarization": 3e-3, "V.polarization": 2e-2,
    "H.pyroelectric_coefficient": 2e-6, "V.pyroelectric_coefficient": 3e-6, "cryostat.temperature_offset": 0.4,
}  # fmt: skip
NAMES = tuple(TRUTH)
KINDS = ("chi_t", "chi_m", "polarization", "pyroelectric_coefficient", "chi_t")


def simulate() -> tuple[JointProblem, np.ndarray]:
    """Five simulated measurements and start values up to 15 % off."""
    rng = np.random.default_rng(4)
    model = electron_transfer(STATES)
    observables = {
        "chi_t": ChiT("sample", "H"), "chi_m": ChiM("sample", "H"), "polarization": Polarization("sample"),
        "pyroelectric_coefficient": PyroelectricCoefficient("sample"),
    }  # fmt: skip
    zero = {"L.polarization": 0.0, "L.pyroelectric_coefficient": 0.0, "sample.residual_fraction": 0.0}
    objectives = []
    for number, kind in enumerate(KINDS):
        conditions = Conditions(np.sort(rng.uniform(20.0, 400.0, POINTS)))
        observable = observables[kind]
        offset = TRUTH["cryostat.temperature_offset"] if number == 0 else 0.0
        true = Conditions(conditions.temperature + offset)
        exact = observable.predict(equilibrium(model, true, TRUTH), true, {**TRUTH, **zero}).values
        sigma = np.full(POINTS, 0.01 * np.ptp(exact))
        values = exact + sigma * rng.standard_normal(POINTS)
        measurement = Measurement(kind, values, conditions, sigma, label=f"simulated {number}")
        instrument = "cryostat.temperature_offset" if number == 0 else ""
        objectives.append(Objective(f"simulated {number}", observable, measurement, temperature_offset=instrument))
    parameters = joint_parameters(model, tuple(objectives))
    start = {name: value * (1 + 0.15 * rng.uniform(-1, 1)) for name, value in TRUTH.items()}
    parameters = parameters.updated(
        [Parameter(name, value, prior=parameters[name].prior) for name, value in start.items()]
    )
    joint = JointProblem(model, tuple(objectives), parameters)
    return joint, np.array([TRUTH[name] for name in parameters.free_names])


def reference(joint: JointProblem):  # type: ignore[no-untyped-def]
    """Residuals in plain numpy, all points of all measurements at once."""
    names = joint.parameters.free_names
    readings = np.concatenate([o.measurement.temperature for o in joint.objectives])
    observed = np.concatenate([o.measurement.values for o in joint.objectives])
    sigma = np.concatenate([o.measurement.sigma for o in joint.objectives])
    first = np.arange(readings.size) < POINTS

    def residuals(vector: np.ndarray) -> np.ndarray:
        v = dict(zip(names, vector, strict=True))
        temperature = readings + first * v["cryostat.temperature_offset"]
        rt = GAS_CONSTANT * temperature
        g = np.zeros((temperature.size, 3))
        g[:, 1] = v["H.enthalpy"] - temperature * v["H.entropy"]
        g[:, 2] = g[:, 1] + v["H-V.enthalpy"] - temperature * v["H-V.entropy"]
        w = np.zeros((3, 3))
        w[0, 1:] = w[1:, 0] = v["L-H.interaction"]
        w[1, 2] = w[2, 1] = v["H-V.interaction"]
        u = -g / rt[:, None]
        system = np.zeros((temperature.size, 4, 4))
        system[:, :3, 3] = -rt[:, None]
        for _ in range(100):
            e = np.exp(u - u.max(axis=1, keepdims=True))
            x = e / e.sum(axis=1, keepdims=True)
            u = np.log(x)
            mu = g + rt[:, None] * u + x @ w
            mu -= (x * mu).sum(axis=1, keepdims=True)
            if np.max(np.abs(mu) / rt[:, None]) < 1e-10:
                break
            system[:, :3, :3] = w * x[:, None, :] + rt[:, None, None] * np.eye(3)
            system[:, 3, :3] = x
            right = np.concatenate([-mu, np.zeros((temperature.size, 1))], axis=1)
            z = np.linalg.solve(system, right[:, :, None])[:, :3, 0]
            step = np.minimum(1.0, 0.5 / np.maximum(np.max(np.abs(x * z), axis=1), 1e-12))
            u = u + step[:, None] * z
        slope = np.zeros_like(g)
        slope[:, 1] = -v["H.entropy"]
        slope[:, 2] = -v["H.entropy"] - v["H-V.entropy"]
        right = np.concatenate([-(slope + GAS_CONSTANT * u), np.zeros((temperature.size, 1))], axis=1)
        system[:, :3, :3] = w * x[:, None, :] + rt[:, None, None] * np.eye(3)
        system[:, 3, :3] = x
        x_t = x * np.linalg.solve(system, right[:, :, None])[:, :3, 0]
        of_state = np.array([v["L.chi_t"], v["H.chi_t"], v["V.chi_t"]])
        chi_t = x @ of_state
        chi_t = chi_t + v["sample.temperature_independent_paramagnetism"] * temperature
        base = np.array([0.0, v["H.polarization"], v["V.polarization"]])
        lattice = np.array([0.0, v["H.pyroelectric_coefficient"], v["V.pyroelectric_coefficient"]])
        polarization = (x * (base + lattice * temperature[:, None])).sum(axis=1)
        p = (x_t * (base + lattice * temperature[:, None])).sum(axis=1) + x @ lattice
        columns = {"chi_t": chi_t, "chi_m": chi_t / temperature, "polarization": polarization,
                   "pyroelectric_coefficient": p}  # fmt: skip
        predicted = np.concatenate([columns[kind][i * POINTS : (i + 1) * POINTS] for i, kind in enumerate(KINDS)])
        prior = np.array([v["cryostat.temperature_offset"]])
        return np.concatenate([(observed - predicted) / sigma, prior])

    return residuals


def main() -> None:
    """Print the ratio and that both reach the same minimum."""
    joint, truth = simulate()
    problem = joint.problem()
    start: Parameters = joint.parameters
    tolerance = 1e-10 * (5 * POINTS - len(NAMES))  # scipy's ftol is relative to chi2, this one to chi2 per degree
    fit(problem)  # compile
    times, result = [], None
    for _ in range(5):
        begin = time.perf_counter()
        result = fit(problem, tolerance=tolerance)
        times.append(time.perf_counter() - begin)
    assert result is not None
    residuals = reference(joint)
    scale = np.abs(start.vector)
    others, other = [], None
    for _ in range(2):
        begin = time.perf_counter()
        other = least_squares(
            lambda s: residuals(s * scale), np.ones(scale.size), x_scale="jac", ftol=1e-10, xtol=1e-10, gtol=1e-10
        )
        others.append(time.perf_counter() - begin)
    assert other is not None
    print(f"labile: chi2 {result.chi2:.6f}, {result.evaluations} evaluations, {result.status.name}")
    print(f"numpy : chi2 {2 * other.cost:.6f}, {other.nfev} + {other.njev} x {scale.size} evaluations")
    print(
        f"difference of the two residual functions at the truth: "
        f"{np.max(np.abs(problem.evaluate(truth)[0] - residuals(truth))):.1e} sigma"
    )
    print(f"joint fit is {min(others) / min(times):.1f} times faster")


if __name__ == "__main__":
    main()
