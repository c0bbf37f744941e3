"""Overhead of labile's fit engine against scipy.optimize.least_squares, both given the same exact Jacobian.

Run: python benchmarks/bench_least_squares.py. The problem is simulated: five sums of three Gaussian lines on 500
points each, 15 parameters shared by all, started 20 % off. Times are ratios within one run; the model's own
evaluation time is measured and taken off to leave the overhead.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import least_squares

from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem

POINTS, LINES, SETS, SIGMA = 500, 5, 5, 0.02
X = np.linspace(0.0, 10.0, POINTS)
TRUTH = np.concatenate([[1.0 + 0.2 * k, 1.0 + 2.0 * k, 0.4 + 0.05 * k] for k in range(LINES)])


class Model:
    """Residuals and exact Jacobian of the joint problem; counts its calls and their time."""

    def __init__(self, seed: int) -> None:
        self.calls, self.seconds = 0, 0.0
        self.data = np.zeros(POINTS * SETS)
        clean = self(TRUTH)[0] * SIGMA
        self.data = clean + SIGMA * np.random.default_rng(seed).normal(size=clean.size)
        self.calls, self.seconds = 0, 0.0

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted residuals and Jacobian."""
        begin = time.perf_counter()
        value, jacobian = np.zeros((SETS, POINTS)), np.empty((SETS, POINTS, v.size))
        for s in range(SETS):
            for k in range(LINES):
                height, centre, width = v[3 * k : 3 * k + 3]
                u = (X - centre) / (width * (1 + 0.1 * s))
                e = np.exp(-0.5 * u * u)
                value[s] += height * e
                jacobian[s, :, 3 * k] = e
                jacobian[s, :, 3 * k + 1] = height * e * u / (width * (1 + 0.1 * s))
                jacobian[s, :, 3 * k + 2] = height * e * u * u / width
        self.calls += 1
        out = (value.ravel() - self.data) / SIGMA, jacobian.reshape(-1, v.size) / SIGMA
        self.seconds += time.perf_counter() - begin
        return out


def with_labile(model: Model, start: np.ndarray) -> float:
    parameters = Parameters(tuple(Parameter(f"line.p{i}", v, lower=0.0) for i, v in enumerate(start)))
    return fit(Problem(parameters, model, (Block("lines", POINTS * SETS),))).chi2


def with_scipy(model: Model, start: np.ndarray, method: str) -> float:
    kept: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def both(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        key = v.tobytes()
        if key not in kept:
            kept.clear()
            kept[key] = model(v)
        return kept[key]

    bounds = (-np.inf, np.inf) if method == "lm" else (0.0, np.inf)
    found = least_squares(
        lambda v: both(v)[0],
        start,
        jac=lambda v: both(v)[1],
        bounds=bounds,
        method=method,
        x_scale="jac",
        ftol=1e-10,
        xtol=1e-10,
        gtol=1e-10,
    )
    return 2 * found.cost


def main() -> None:
    runs = {"labile": with_labile} | {
        f"scipy {m}": lambda model, start, m=m: with_scipy(model, start, m) for m in ("trf", "dogbox", "lm")
    }
    rng = np.random.default_rng(0)
    starts = [
        TRUTH * (1 + np.where(np.arange(TRUTH.size) % 3 == 1, 0.05, 0.2) * rng.uniform(-1, 1, TRUTH.size))
        for _ in range(8)
    ]
    reference = 0.0
    for name, run in runs.items():
        model = Model(1)
        run(model, starts[0])
        total = calls = spent = 0.0
        chi2 = []
        for start in starts:
            model.calls, model.seconds = 0, 0.0
            begin = time.perf_counter()
            chi2.append(run(model, start))
            total += time.perf_counter() - begin
            calls += model.calls
            spent += model.seconds
        overhead = (total - spent) / calls * 1e6
        reference = reference or total
        spread = max(chi2) / min(chi2) - 1
        print(
            f"{name:13s} {total / len(starts) * 1e3:8.2f} ms per fit ({total / reference:5.2f} x labile),"
            f" {calls / len(starts):5.1f} evaluations, {overhead:7.0f} us overhead per evaluation,"
            f" chi2 {min(chi2):.6f} (spread {spread:.1e})"
        )


if __name__ == "__main__":
    main()
