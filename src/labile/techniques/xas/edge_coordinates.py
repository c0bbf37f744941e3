"""Coordinates in which the tail of a rising edge is a straight valley.

Moving an edge away while making it higher, with offset and slope following, changes its tail very little: in heights,
offset and slope the minimum lies at the end of a long curved valley, along which a descent creeps. Here the height of
an edge is replaced by the size (root mean square) of what its tail has beyond a straight line, and offset and slope by
those of the whole background; moving the edge then changes only the shape of the tail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labile.core.parameters import Parameters
from labile.fitting.least_squares import feasible_box, minimise
from labile.fitting.problem import Evaluate
from labile.techniques.xas.pre_edge import PreEdgeModel, rising_edge

BACKGROUND = ("background.offset", "background.slope")
SMALL = 1e-12


class EdgeCoordinates:
    """Map between free parameters and straightened ones, for one spectrum.

    Parameters
    ----------
    energy : ndarray (M,)
        J.
    middle : float
        J, of the background.
    """

    def __init__(self, energy: np.ndarray, middle: float, model: PreEdgeModel, parameters: Parameters) -> None:
        self.energy, self.parameters = energy, parameters
        free = {name: i for i, name in enumerate(parameters.free_names)}
        tied = {p.name for p in parameters if p.tie is not None} | {p.tie.to for p in parameters if p.tie is not None}
        self.lines = [free[name] for name in BACKGROUND if name in free and name not in tied]
        rows = [
            np.ones(energy.size) if name == BACKGROUND[0] else energy - middle
            for name in BACKGROUND
            if name in free and name not in tied
        ]
        basis = np.array(rows).reshape(len(rows), energy.size)
        # coefficients of the straight line through a curve, and the curve without it
        self.through = np.linalg.pinv(basis.T) if rows else np.zeros((0, energy.size))
        self.basis = basis
        self.edges = [
            (kind, free.get(f"{name}.energy"), free.get(f"{name}.fwhm"), free[f"{name}.height"], name)
            for kind, name in zip(model.edge, model.edge_names, strict=True)
            if f"{name}.height" in free and not {f"{name}.{key}" for key in ("energy", "fwhm", "height")} & tied
        ]

    @property
    def curved(self) -> bool:
        """Whether any edge can move, so that there is a valley to straighten."""
        return any(at is not None or wide is not None for _, at, wide, _, _ in self.edges)

    def _tail(
        self, kind: str, vector: np.ndarray, at: int | None, wide: int | None, name: str
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Line through an edge, size of the rest, and both with derivatives in position and width."""
        centre = self.parameters[f"{name}.energy"].value if at is None else vector[at]
        fwhm = self.parameters[f"{name}.fwhm"].value if wide is None else vector[wide]
        curves = np.array(rising_edge(kind, self.energy, float(centre), float(fwhm)))
        lines = curves @ self.through.T
        rest = curves - lines @ self.basis
        size = max(float(np.sqrt(np.mean(rest[0] ** 2))), SMALL)
        slopes = rest[1:] @ rest[0] / (self.energy.size * size)
        return lines, size, slopes

    def straightened(self, vector: np.ndarray) -> np.ndarray:
        """Coordinates of a free vector."""
        found = np.array(vector, dtype=float)
        for kind, at, wide, high, name in self.edges:
            lines, size, _ = self._tail(kind, vector, at, wide, name)
            found[high] = vector[high] * size
            found[self.lines] += vector[high] * lines[0]
        return found

    def free(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Free vector (F,) of coordinates, and its derivatives in them (F, F)."""
        vector, slope = np.array(point, dtype=float), np.eye(point.size)
        for kind, at, wide, high, name in self.edges:
            lines, size, d_size = self._tail(kind, point, at, wide, name)
            height = point[high] / size
            vector[high] = height
            slope[high, high] = 1.0 / size
            vector[self.lines] -= height * lines[0]
            slope[self.lines, high] -= lines[0] / size
            for place, d_line, d_rest in ((at, lines[1], d_size[0]), (wide, lines[2], d_size[1])):
                if place is not None:
                    change = -height * d_rest / size
                    slope[high, place] += change
                    slope[self.lines, place] -= height * d_line + change * lines[0]
        return vector, slope

    def evaluate(self, original: Evaluate) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Residuals and Jacobian in the straightened coordinates."""

        def evaluated(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            vector, slope = self.free(point)
            residuals, jacobian = original(vector)
            return residuals, jacobian @ slope

        return evaluated

    def descended(self, original: Evaluate, *, tolerance: float, max_iterations: int) -> tuple[Parameters, float]:
        """Parameters and chi2 after a descent along the valley, within all bounds but those of the background."""
        parameters = self.parameters
        lower, upper = feasible_box(parameters)
        inner_lower, inner_upper = np.array(lower), np.array(upper)
        inner_lower[self.lines], inner_upper[self.lines] = -np.inf, np.inf
        for _, _, _, high, _ in self.edges:
            inner_upper[high] = np.inf
        found = minimise(
            self.evaluate(original), self.straightened(parameters.vector), inner_lower, inner_upper,
            tolerance=tolerance, max_iterations=max_iterations,
        )  # fmt: skip
        vector = self.free(found.vector)[0]
        inside = np.clip(vector, lower, upper)
        if not np.array_equal(inside, vector):
            found = minimise(original, inside, lower, upper, tolerance=tolerance, max_iterations=max_iterations)
            inside = found.vector
        return parameters.with_vector(inside), found.chi2
