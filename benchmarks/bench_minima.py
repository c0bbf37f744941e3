"""All minima of G on a 300 x 300 temperature-pressure grid against a loop over scipy.optimize.minimize.

The loop starts from the centre and from every vertex and keeps distinct minima; it is timed on a sample of the points
and scaled. Where it "finds more", BFGS has stopped beside a vertex, where its gradient vanishes without a minimum;
random starts (bench_diagram.py) confirm the map. Run: python benchmarks/bench_minima.py
"""

import time

import numpy as np
from scipy.optimize import minimize

from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.diagrams.stability import stability_map
from labile.models.library import regular_solution

STATES = (State("L"), State("H"), State("V"))
MODELS = {
    "one minimum": (700.0, 500.0, -300.0),
    "one loop": (4500.0, 4500.0, 0.0),
    "three minima": (14000.0, 14000.0, 13000.0),
}
GRID = 300
SAMPLE = 60


def values(interactions: tuple[float, float, float]) -> dict[str, float]:
    """Three states with thermal and pressure-induced transitions inside the window."""
    return {
        "H.enthalpy": 9e3, "H.entropy": 60.0, "H.volume": 1.2e-5, "V.enthalpy": 13e3, "V.entropy": 72.0,
        "V.volume": 1.6e-5, "L-H.interaction": interactions[0], "L-V.interaction": interactions[1],
        "H-V.interaction": interactions[2],
    }  # fmt: skip


def loop_minima(g: np.ndarray, w: np.ndarray, rt: float) -> list[np.ndarray]:
    """Distinct minima by BFGS in softmax coordinates from the same starts."""
    n = g.size

    def energy(y: np.ndarray) -> tuple[float, np.ndarray]:
        u = np.append(y, 0.0)
        u = u - u.max()
        x = np.exp(u) / np.exp(u).sum()
        logs = np.log(np.maximum(x, 1e-300))
        mu = g + rt * logs + w @ x
        gradient = x * (mu - x @ mu)
        return float(x @ g + rt * x @ logs + 0.5 * x @ w @ x) / rt, gradient[:-1] / rt

    found: list[np.ndarray] = []
    for vertex in range(n + 1):
        x0 = np.full(n, 1.0 / n)
        if vertex < n:
            x0 = np.full(n, 1e-3)
            x0[vertex] = 1 - 1e-3 * (n - 1)
        u = np.log(x0)
        result = minimize(energy, u[:-1] - u[-1], jac=True, method="BFGS", options={"gtol": 1e-9})
        y = np.append(result.x, 0.0)
        x = np.exp(y - y.max())
        x /= x.sum()
        if all(np.max(np.abs(x - other)) > 1e-4 for other in found):
            found.append(x)
    return found


def main() -> None:
    """Print the ratio for each model."""
    temperature = np.linspace(20.0, 320.0, GRID)
    pressure = np.linspace(0.0, 1.0e9, GRID) + AMBIENT_PRESSURE
    t, p = (a.ravel() for a in np.meshgrid(temperature, pressure, indexing="ij"))
    axes = {"temperature": temperature, "pressure": pressure}
    sample = np.random.default_rng(0).choice(t.size, SAMPLE, replace=False)
    for name, interactions in MODELS.items():
        model, numbers = regular_solution(STATES), values(interactions)
        count = stability_map(model, numbers, axes).count.ravel()
        ours = min(_timed(lambda m=model, v=numbers: stability_map(m, v, axes)) for _ in range(3))
        g = np.stack([np.zeros(t.size), *(
            numbers[f"{s}.enthalpy"] - t * numbers[f"{s}.entropy"] + (p - AMBIENT_PRESSURE) * numbers[f"{s}.volume"]
            for s in "HV"
        )], axis=1)  # fmt: skip
        w = np.zeros((3, 3))
        w[0, 1] = w[1, 0] = interactions[0]
        w[0, 2] = w[2, 0] = interactions[1]
        w[1, 2] = w[2, 1] = interactions[2]
        begin = time.perf_counter()
        counts = [len(loop_minima(g[i], w, GAS_CONSTANT * t[i])) for i in sample]
        loop = (time.perf_counter() - begin) * t.size / SAMPLE
        more = int(np.sum(np.array(counts) > count[sample]))
        fewer = int(np.sum(np.array(counts) < count[sample]))
        print(
            f"{name:14s} minima per point up to {count.max()}: {loop / ours:7.0f} times faster than the loop"
            f" (loop finds more at {more}, fewer at {fewer} of {SAMPLE} sampled points)"
        )


def _timed(call) -> float:  # type: ignore[no-untyped-def]
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
