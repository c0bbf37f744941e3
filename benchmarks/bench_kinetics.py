"""1000 parameter samples along a 300-point LIESST protocol against a Python loop over scipy's solve_ivp.

Same rate law, same tolerances; the loop is given an analytic Jacobian and closed formulas for the rates, and is timed
on a sample of the ensemble and scaled. Times are of one core. The last line gives LSODA the tolerances with which it is
about as accurate as labile. Run: python benchmarks/bench_kinetics.py
"""

import math
import time

import numpy as np
from scipy.integrate import solve_ivp

from labile.core.constants import GAS_CONSTANT
from labile.models.kinetics import integrate
from labile.models.library import slichter_drickamer
from labile.models.light import Absorption, beam, cross_section
from labile.models.protocols import Protocol, Segment
from labile.models.rates import KineticModel, PhotoProcess, ThermalProcess

SAMPLES, TIMED = 1000, 20
RELATIVE, ABSOLUTE = 1e-6, 1e-9
GREEN = beam(514e-9, irradiance=50.0)
SIGMA = float(cross_section(100.0))
PROTOCOL = Protocol(
    (
        Segment.hold(10.0, 3600.0, light=(GREEN,), points=49, label="irradiation"),
        Segment.ramp(10.0, 100.0, 0.3 / 60, points=250, label="warming"),
    ),
    "LS",
)


def ensemble() -> dict[str, np.ndarray]:
    """A cooperative crystal with uncertain parameters."""
    rng = np.random.default_rng(0)
    return {
        "HS.enthalpy": rng.normal(8e3, 200.0, SAMPLES), "HS.entropy": rng.normal(50.0, 1.0, SAMPLES),
        "HS.volume": np.zeros(SAMPLES), "LS-HS.interaction": rng.normal(1500.0, 100.0, SAMPLES),
        "LS-HS.prefactor": 10 ** rng.normal(7.0, 0.1, SAMPLES),
        "LS-HS.activation_energy": rng.normal(900.0, 15.0, SAMPLES) * 11.962656,
        "LS-HS.tunnelling_rate": np.full(SAMPLES, 1e-6), "LS-HS.quantum_yield": rng.uniform(0.3, 0.9, SAMPLES),
    }  # fmt: skip


def loop(values: dict[str, float], method: str, relative: float, absolute: float) -> np.ndarray:
    """High-spin fraction at the output points, one solve_ivp for each segment."""
    enthalpy, entropy, gamma = values["HS.enthalpy"], values["HS.entropy"], values["LS-HS.interaction"]
    prefactor, energy = values["LS-HS.prefactor"], values["LS-HS.activation_energy"]
    n, found = 0.0, [0.0]
    for segment, nodes in zip(PROTOCOL.segments, PROTOCOL.nodes, strict=True):
        up = values["LS-HS.quantum_yield"] * SIGMA * sum(s.photon_flux for s in segment.light)
        slope = (segment.temperature[1] - segment.temperature[0]) / segment.duration

        def rates(t, n, start=segment.temperature[0], slope=slope, since=nodes[0]):
            kelvin = start + slope * (t - since)
            rt = GAS_CONSTANT * kelvin
            # trial steps of the solvers leave [0, 1] far enough to overflow
            n = min(max(n, -0.1), 1.1)
            hot = prefactor * math.exp(-energy / rt + gamma / rt * (1.0 - n))
            back = math.exp(-(enthalpy - kelvin * entropy + gamma * (1.0 - 2.0 * n)) / rt)
            return rt, hot, back

        def change(t, y, up=up, rates=rates):
            n = y[0]
            _, hot, back = rates(t, n)
            k = 1e-6 + hot
            return [up * (1.0 - n) - k * n + k * back * (1.0 - n)]

        def jacobian(t, y, up=up, rates=rates):
            n = y[0]
            rt, hot, back = rates(t, n)
            k, k_n = 1e-6 + hot, -gamma / rt * hot
            return [[-up - k - k_n * n - k * back + (k_n + k * 2.0 * gamma / rt) * back * (1.0 - n)]]

        done = solve_ivp(
            change, (nodes[0], nodes[-1]), [n], method=method, jac=jacobian, t_eval=nodes[1:], rtol=relative,
            atol=absolute,
        )  # fmt: skip
        if not done.success:
            return np.full(len(PROTOCOL.times), np.nan)
        n = float(done.y[0, -1])
        found += list(done.y[0])
    return np.array(found)


def main() -> None:
    """Print times, ratios and the largest difference from a tight reference."""
    kinetic = KineticModel(
        slichter_drickamer(), (ThermalProcess("HS", "LS"), PhotoProcess("LS", "HS")),
        (Absorption("LS", 514e-9, SIGMA),),
    )  # fmt: skip
    samples = ensemble()
    integrate(kinetic, PROTOCOL, {name: column[:2] for name, column in samples.items()})
    times = []
    for _ in range(3):
        begin = time.process_time()
        run = integrate(kinetic, PROTOCOL, samples, relative=RELATIVE, absolute=ABSOLUTE)
        times.append(time.process_time() - begin)
    ours = min(times)
    print(f"labile: {SAMPLES} samples, {len(PROTOCOL.times)} points: {ours:.2f} s, {run.steps.mean():.0f} steps each")
    tight = integrate(kinetic, PROTOCOL, samples, relative=1e-10, absolute=1e-12)
    print(f"  largest error: {np.max(np.abs(run.x - tight.x)):.1e}, all converged: {run.converged}")
    same = (RELATIVE, ABSOLUTE)
    for method, tolerances in (("BDF", same), ("Radau", same), ("LSODA", same), ("LSODA", (1e-9, 1e-11))):
        begin = time.process_time()
        solved = [
            loop({name: column[s] for name, column in samples.items()}, method, *tolerances) for s in range(TIMED)
        ]
        theirs = (time.process_time() - begin) / TIMED * SAMPLES
        error = float(np.max([np.abs(n - tight.of("HS")[s]) for s, n in enumerate(solved)]))
        said = f"error {error:.1e}" if np.isfinite(error) else "failed"
        print(f"solve_ivp {method} {tolerances}: {theirs:.1f} s, {theirs / ours:.0f} times as long, {said}")


if __name__ == "__main__":
    main()
