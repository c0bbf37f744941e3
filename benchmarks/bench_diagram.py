"""A full temperature-pressure map (1000 x 1000 points, 3 states, all minima) in units of one evaluation of G by numpy.

The reference on a 100 x 100 subsample runs 60 descents from random populations at every point. Three stated models:
one minimum everywhere, one loop, and three minima over a large part of the window.
Run: python benchmarks/bench_diagram.py
"""

import time

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


def reference_counts(found: StabilityMap, sample: int, starts: int, seed: int = 0) -> tuple[int, int, np.ndarray]:
    """Compare every `sample`-th point with descents from random populations.

    Returns
    -------
    missed, extra : int
        Points at which the map lacks a minimum of the reference, and has one that the reference lacks.
    compared : ndarray (3,) of int
        Points compared with one, two, three and more minima.
    """
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, found.count.shape[0] - 1, sample).astype(int)
    columns = np.linspace(0, found.count.shape[1] - 1, sample).astype(int)
    missed = extra = 0
    numbers = np.zeros(3, dtype=int)
    n = len(found.state_names)
    scratch, x = kernels.buffers(n), np.empty(n)
    manifold = found.plane.model.manifold_index()
    first, second = found.plane.grids
    for row in rows:
        c, conditions, _ = found.plane.coefficients_at(np.full(sample, first[row]), second[columns])
        rt = GAS_CONSTANT * conditions.temperature
        for k, column in enumerate(columns):
            w = c.w[min(k, c.w.shape[0] - 1)]
            minima: list[np.ndarray] = []
            for _ in range(starts):
                u = np.log(rng.dirichlet(np.full(n, 0.5)) + 1e-12)
                if kernels.descend(c.g[k], w, rt[k], 0.0, manifold, u, x, 400, False, scratch):
                    continue
                if all(np.max(np.abs(x - other)) > 1e-5 for other in minima):
                    minima.append(x.copy())
            ours = found.x[row, column, : found.count[row, column]]
            missed += any(np.min(np.max(np.abs(ours - m), axis=1), initial=1.0) > 1e-5 for m in minima)
            extra += any(min(np.max(np.abs(o - m)) for m in minima) > 1e-5 for o in ours)
            numbers[min(len(minima), 3) - 1] += 1
    return missed, extra, numbers


def evaluation_time() -> float:
    """Best of five of the formula of the issue on 1000 x 1000 x 3 populations, s."""
    t, p = axes(GRID).values()
    temperature, pressure = (a[..., None] for a in np.meshgrid(t, p))
    x = np.random.default_rng(0).dirichlet(np.ones(3), (GRID, GRID))
    h, s, v = np.array([0, 9e3, 13e3]), np.array([0, 60.0, 72.0]), np.array([0, 1.2e-5, 1.6e-5])
    w = 5e3 * (1 - np.eye(3))

    def formula() -> np.ndarray:
        ideal = (x * (h - temperature * s + pressure * v)).sum(-1)
        mixing = GAS_CONSTANT * temperature[..., 0] * (x * np.log(x)).sum(-1)
        return ideal + mixing + ((x @ w) * x).sum(-1) / 2

    return min(_timed(formula) for _ in range(5))


def main() -> None:
    """Print the ratio for each model."""
    window, small = axes(GRID), axes(20)
    for name, interactions in MODELS.items():
        model, numbers = regular_solution(STATES), values(interactions)
        stability_map(model, numbers, small)
        formula = evaluation_time()
        ours = min(_timed(lambda m=model, v=numbers: stability_map(m, v, window)) for _ in range(3))
        found = stability_map(model, numbers, window)
        missed, extra, compared = reference_counts(found, SAMPLE, STARTS)
        share = np.bincount(found.count.ravel(), minlength=4)[1:] / found.count.size
        print(
            f"{name:14s} {ours:6.3f} s = {ours / formula:5.1f} evaluations of {formula:.3f} s; one, two, three minima"
            f" at {share[0]:.3f}, {share[1]:.3f}, {share[2:].sum():.3f} of the points; against {STARTS} random starts"
            f" at {SAMPLE} x {SAMPLE} points {compared}: {missed} points lack a minimum, {extra} have one more"
        )


def _timed(call) -> float:  # type: ignore[no-untyped-def]
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
