"""A full temperature-pressure map (1000 x 1000 points, 3 states, all minima) in units of one evaluation of G by numpy.

Three stated models: one minimum everywhere, one loop, and three minima over a large part of the window. The reference
on a 100 x 100 subsample runs 60 descents from random populations at every point. Ratios are of times measured in turn
in one run; the map uses all processors, the evaluation what numpy gives it.
Run: python benchmarks/bench_diagram.py
"""

import time
from collections.abc import Callable

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.diagrams.stability import StabilityMap, stability_map
from labile.models import kernels
from labile.models.library import regular_solution

STATES = (State("L"), State("H"), State("V"))
MODELS = {
    "one minimum": (700.0, 500.0, -300.0),
    "one loop": (4500.0, 4500.0, 0.0),
    "three minima": (14000.0, 14000.0, 13000.0),
}
GRID = 1000
SAMPLE = 100
STARTS = 60
ROUNDS = 5


def values(interactions: tuple[float, float, float]) -> dict[str, float]:
    """Three states with thermal and pressure-induced transitions inside the window."""
    return {
        "H.enthalpy": 9e3, "H.entropy": 60.0, "H.volume": 1.2e-5, "V.enthalpy": 13e3, "V.entropy": 72.0,
        "V.volume": 1.6e-5, "L-H.interaction": interactions[0], "L-V.interaction": interactions[1],
        "H-V.interaction": interactions[2],
    }  # fmt: skip


def axes(points: int) -> dict[str, np.ndarray]:
    """The window: 20 to 320 K, 0 to 10 kbar above ambient."""
    return {
        "temperature": np.linspace(20.0, 320.0, points),
        "pressure": np.linspace(AMBIENT_PRESSURE, AMBIENT_PRESSURE + 1e9, points),
    }


def compare(found: StabilityMap, sample: int, starts: int, seed: int = 0) -> tuple[int, int, np.ndarray]:
    """Compare a subsample of the map with descents from random populations.

    Returns
    -------
    missed, extra : int
        Points at which the map lacks a minimum of the reference, and has one that the reference lacks.
    compared : ndarray (3,) of int
        Points with one, two, three and more minima in the reference.
    """
    rng = np.random.default_rng(seed)
    rows, columns = (np.linspace(0, size - 1, sample).astype(int) for size in found.count.shape)
    missed = extra = 0
    numbers = np.zeros(3, dtype=int)
    n = len(found.state_names)
    scratch, x = kernels.buffers(n), np.empty(n)
    manifold = found.plane.model.manifold_index()
    first, second = found.plane.grids
    for row in rows:
        c, conditions, mi = found.plane.coefficients_at(np.full(sample, first[row]), second[columns])
        rt = GAS_CONSTANT * conditions.temperature
        for k, column in enumerate(columns):
            w = c.w[min(k, c.w.shape[0] - 1)]
            minima: list[np.ndarray] = []
            for start in rng.dirichlet(np.full(n, 0.5), starts):
                u = np.log(start + 1e-12)
                if kernels.descend(c.g[k], w, rt[k], mi[k], manifold, u, x, 400, False, scratch):
                    continue
                if all(np.max(np.abs(x - other)) > 1e-6 for other in minima):
                    minima.append(x.copy())
            ours = found.x[row, column, : found.count[row, column]]
            missed += any(np.min(np.max(np.abs(ours - m), axis=1), initial=1.0) > 1e-6 for m in minima)
            extra += any(min(np.max(np.abs(o - m)) for m in minima) > 1e-6 for o in ours)
            numbers[min(len(minima), 3) - 1] += 1
    return missed, extra, numbers


def formula() -> Callable[[], np.ndarray]:
    """One evaluation of G in numpy on 1000 x 1000 populations of 3 states."""
    temperature, pressure = (a[..., None] for a in np.meshgrid(*axes(GRID).values(), indexing="ij"))
    x = np.random.default_rng(0).dirichlet(np.ones(3), (GRID, GRID))
    h, s, v = np.array([0, 9e3, 13e3]), np.array([0, 60.0, 72.0]), np.array([0, 1.2e-5, 1.6e-5])
    w = 5e3 * (1 - np.eye(3))

    def evaluate() -> np.ndarray:
        ideal = (x * (h - temperature * s + pressure * v)).sum(-1)
        mixing = GAS_CONSTANT * temperature[..., 0] * (x * np.log(x)).sum(-1)
        return ideal + mixing + ((x @ w) * x).sum(-1) / 2

    return evaluate


def main() -> None:
    """Print the ratio for each model."""
    evaluate = formula()
    model = regular_solution(STATES)
    for name, interactions in MODELS.items():
        numbers = values(interactions)
        stability_map(model, numbers, axes(260))
        ratios, ours = [], 0.0
        for _ in range(ROUNDS):
            once = min(_timed(evaluate) for _ in range(3))
            ours = _timed(lambda v=numbers: stability_map(model, v, axes(GRID)))
            ratios.append(ours / once)
        found = stability_map(model, numbers, axes(GRID))
        share = np.bincount(found.count.ravel(), minlength=4) / found.count.size
        print(
            f"{name}: {np.median(ratios):.1f} evaluations (from {min(ratios):.1f} to {max(ratios):.1f}, {ours:.2f} s);"
            f" one, two, three minima at {share[1]:.3f}, {share[2]:.3f}, {share[3:].sum():.3f} of the points, none at"
            f" {share[0]:.3f}",
            flush=True,
        )
        missed, extra, compared = compare(found, SAMPLE, STARTS)
        print(
            f"  against {STARTS} random starts at {SAMPLE} x {SAMPLE} points (one, two, three minima: {compared}):"
            f" {missed} points lack a minimum, {extra} have one more",
            flush=True,
        )


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
