"""Equations whose solutions are the lines of a phase diagram, with exact Jacobians in populations, T and P.

Unknowns are ln x and, last, T and P in units of the window's spans, so that a line can be followed through points where
it is vertical or turns back in either condition. With h_i = (g_i + sum_j W_ij x_j)/RT + ln x_i + (1/m - 1) ln X_M(i), a
stationary point is h_i = l for all i with one multiplier l; a minimum ends (fold) where in addition the Hessian has a
null vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models.equilibrium import domain_factor
from labile.models.free_energy import Model, coefficients


@dataclass(frozen=True, eq=False)
class Side:
    """A model with its values: a crystal, or one structural phase of it.

    Attributes
    ----------
    model : Model
    values : mapping of str to float
    label : str
        Of the structural phase; empty where there is one only.
    """

    model: Model
    values: Mapping[str, float]
    label: str = ""

    @cached_property
    def manifold(self) -> np.ndarray:
        """Whether two states belong to one manifold, (n, n)."""
        index = self.model.manifold_index()
        return np.asarray(index[:, None] == index[None, :])

    @cached_property
    def domain(self) -> float:
        """1/m - 1 of the domain size m."""
        return domain_factor(self.model, self.values)[0]

    def local(self, u: np.ndarray, temperature: float, pressure: float) -> Local:
        """Potentials and their derivatives at ln x = u."""
        # round-off at an edge of the window at 0
        here = Conditions(temperature, max(pressure, 0.0))
        c = coefficients(self.model, here, self.values, derivatives=False)
        rt = GAS_CONSTANT * temperature
        x = np.exp(u)
        w = c.w[0] / rt
        w_t, w_p = c.w_t[0] / rt - w / temperature, c.w_p[0] / rt
        g, g_t, g_p = c.g[0] / rt, c.g_t[0] / rt - c.g[0] / (rt * temperature), c.g_p[0] / rt
        big = self.manifold @ x
        q = np.where(self.manifold, x[None, :] / big[:, None], 0.0)
        h = g + w @ x + u + self.domain * np.log(big)
        slope = np.eye(u.size) + w * x[None, :] + self.domain * q
        energy = float(x @ (g + 0.5 * (w @ x) + u + self.domain * np.log(big)))
        return Local(
            x, h, slope, (g_t + w_t @ x, g_p + w_p @ x), w, (w_t, w_p), q, energy,
            (float(x @ (g_t + 0.5 * (w_t @ x))), float(x @ (g_p + 0.5 * (w_p @ x)))), self.domain,
        )  # fmt: skip

    def curvatures(self, x: np.ndarray, temperature: float, pressure: float) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (n - 1,) of the Hessian on sum dx = 0 in units of RT, rising, and their relative changes v."""
        here = self.local(np.log(np.maximum(x, 1e-300)), temperature, pressure)
        root = np.sqrt(here.x)
        matrix = np.eye(x.size) + root[:, None] * here.w * root[None, :]
        big = self.manifold @ here.x
        matrix += self.domain * np.where(self.manifold, np.outer(root, root) / big[:, None], 0.0)
        projector = np.eye(x.size) - np.outer(root, root)
        values, vectors = np.linalg.eigh(projector @ matrix @ projector + 1e9 * np.outer(root, root))
        return values[:-1], (vectors / np.maximum(root, 1e-150)[:, None]).T[:-1]

    def quartic(self, x: np.ndarray, temperature: float, pressure: float, v: np.ndarray) -> float:
        """Fourth-order coefficient of G/RT along a soft direction v, the other directions relaxed.

        Where the third-order one vanishes: above 0 the softening ends in two minima, below 0 it is of first order.
        """
        here = self.local(np.log(np.maximum(x, 1e-300)), temperature, pressure)
        big = here.q @ v
        bare = 2.0 * float(here.x @ v**4) + 2.0 * here.domain * float(here.x @ big**4)
        slope = here.x * (v**2 + here.domain * big**2)
        values, vectors = self.curvatures(x, temperature, pressure)
        return bare - 3.0 * sum((slope @ w) ** 2 / one for one, w in zip(values[1:], vectors[1:], strict=True))


@dataclass(frozen=True, eq=False)
class Local:
    """What the equations need of one side at one point, in units of RT.

    Attributes
    ----------
    x, h : ndarray (n,)
        Populations and potentials.
    slope : ndarray (n, n)
        dh/du.
    moved : (ndarray (n,), ndarray (n,))
        dh/dT (K-1), dh/dP (Pa-1) at fixed u.
    w : ndarray (n, n)
    w_moved : (ndarray (n, n), ndarray (n, n))
    q : ndarray (n, n)
        x_j/X_M within manifolds.
    energy : float
        G/RT.
    energy_moved : (float, float)
        Its derivatives in T and P at fixed u.
    domain : float
    """

    x: np.ndarray
    h: np.ndarray
    slope: np.ndarray
    moved: tuple[np.ndarray, np.ndarray]
    w: np.ndarray
    w_moved: tuple[np.ndarray, np.ndarray]
    q: np.ndarray
    energy: float
    energy_moved: tuple[float, float]
    domain: float


class BoundaryEquations(Protocol):
    """M equations for M + 1 unknowns; the last two unknowns are T and P in units of `spans`."""

    @property
    def spans(self) -> tuple[float, float]:
        """K and Pa."""
        ...

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (M,) and Jacobian (M, M + 1)."""
        ...

    def weights(self, z: np.ndarray) -> np.ndarray:
        """Weight of each unknown in the arc length (M + 1,)."""
        ...

    def populations(self, z: np.ndarray) -> np.ndarray:
        """Populations at a solution."""
        ...

    def over(self, before: np.ndarray, after: np.ndarray) -> str:
        """Why the line ends between two solutions; empty where it goes on."""
        ...


@dataclass(frozen=True, eq=False)
class FoldEquations:
    """A minimum that ends: z = (u, l, v, k, T, P) with A v = k, sum x v = 0, sum x v^2 = 1 for A = dh/du.

    Attributes
    ----------
    side : Side
    spans : (float, float)
        K and Pa.
    swaps : tuple of (int, int)
        Equivalent states; a line of the broken symmetry ends where they become equal.
    """

    side: Side
    spans: tuple[float, float]
    swaps: tuple[tuple[int, int], ...] = ()

    def start(self, u: np.ndarray, temperature: float, pressure: float) -> np.ndarray:
        """Unknowns near the end of a minimum."""
        u = u - np.log(np.exp(u).sum())
        here = self.side.local(u, temperature, pressure)
        v = self.side.curvatures(here.x, temperature, pressure)[1][0]
        v = np.clip(v, -1e3, 1e3)
        v = v / np.sqrt(here.x @ v**2)
        at = (temperature / self.spans[0], pressure / self.spans[1])
        return np.concatenate([u, [here.x @ here.h], v, [here.x @ (here.slope @ v)], at])

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and Jacobian."""
        n = (z.size - 4) // 2
        u, multiplier, v, kappa = z[:n], z[n], z[n + 1 : 2 * n + 1], z[2 * n + 1]
        here = self.side.local(u, z[-2] * self.spans[0], z[-1] * self.spans[1])
        x, vq = here.x, here.q @ v
        residual = np.concatenate(
            [here.h - multiplier, [x.sum() - 1.0], here.slope @ v - kappa, [x @ v], [x @ v**2 - 1.0]]
        )
        jacobian = np.zeros((2 * n + 3, 2 * n + 4))
        jacobian[:n, :n] = here.slope
        jacobian[:n, n] = -1.0
        jacobian[n, :n] = x
        rows, columns = slice(n + 1, 2 * n + 1), slice(n + 1, 2 * n + 1)
        jacobian[rows, :n] = here.w * (x * v)[None, :] + here.domain * here.q * (v[None, :] - vq[:, None])
        jacobian[rows, columns] = here.slope
        jacobian[rows, 2 * n + 1] = -1.0
        jacobian[2 * n + 1, :n] = x * v
        jacobian[2 * n + 1, columns] = x
        jacobian[2 * n + 2, :n] = x * v**2
        jacobian[2 * n + 2, columns] = 2 * x * v
        for k in range(2):
            jacobian[:n, 2 * n + 2 + k] = here.moved[k] * self.spans[k]
            jacobian[rows, 2 * n + 2 + k] = here.w_moved[k] @ (x * v) * self.spans[k]
        return residual, jacobian

    def weights(self, z: np.ndarray) -> np.ndarray:
        """Arc length in populations, T and P."""
        n = (z.size - 4) // 2
        return np.concatenate([np.exp(z[:n]), np.zeros(n + 2), [1.0, 1.0]])

    def populations(self, z: np.ndarray) -> np.ndarray:
        """Populations at the end of the minimum (n,)."""
        return np.exp(z[: (z.size - 4) // 2])

    def over(self, before: np.ndarray, after: np.ndarray) -> str:
        """Ends where the broken symmetry is restored."""
        return TRICRITICAL if _restored(self.swaps, before, after) else ""

    def asymmetry(self, z: np.ndarray) -> tuple[float, float]:
        """Signs of what turns at a solution.

        Returns
        -------
        cubic : float
            Third derivative of G/RT along v; 0 at a critical point.
        tilt : float
            d2(G/RT)/dv dT in K-1; 0 where the line is parallel to the T axis.
        """
        n = (z.size - 4) // 2
        v = z[n + 1 : 2 * n + 1]
        here = self.side.local(z[:n], z[-2] * self.spans[0], z[-1] * self.spans[1])
        cubic = -(here.x @ v**3) - here.domain * float(here.x @ (here.q @ v) ** 3)
        return float(cubic), float((here.x * v) @ here.moved[0])

    def null_vector(self, z: np.ndarray) -> np.ndarray:
        """Relative changes v (n,) in which the Hessian vanishes."""
        n = (z.size - 4) // 2
        return z[n + 1 : 2 * n + 1]

    def symmetric(self, z: np.ndarray) -> bool:
        """Whether equivalent states are equal and the null vector exchanges them: symmetry breaking, no fold."""
        n = (z.size - 4) // 2
        v = z[n + 1 : 2 * n + 1]
        return any(
            abs(z[i] - z[j]) < 1e-3 and abs(v[i] + v[j]) < 1e-2 * max(abs(v[i] - v[j]), 1e-300) for i, j in self.swaps
        )


TRICRITICAL = "tricritical point"
CRITICAL = "critical point"
SYMMETRIC = "symmetry-breaking line"
UNSTABLE = "end of the minimum"


@dataclass(frozen=True, eq=False)
class CoexistenceEquations:
    """Two minima of equal G, of one model or of two structural phases: z = (u_a, l_a, u_b, l_b, T, P).

    Attributes
    ----------
    first, second : Side
    spans : (float, float)
    swaps : tuple of (int, int)
        Equivalent states, where both sides are one model.
    """

    first: Side
    second: Side
    spans: tuple[float, float]
    swaps: tuple[tuple[int, int], ...] = ()

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of states."""
        return len(self.first.model.states), len(self.second.model.states)

    def start(self, a: np.ndarray, b: np.ndarray, temperature: float, pressure: float) -> np.ndarray:
        """Unknowns near the line."""
        parts = []
        for side, u in ((self.first, a), (self.second, b)):
            here = side.local(u, temperature, pressure)
            parts += [u, np.array([here.x @ here.h])]
        return np.concatenate([*parts, [temperature / self.spans[0], pressure / self.spans[1]]])

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and Jacobian."""
        jacobian = np.zeros((z.size - 1, z.size))
        residual = np.zeros(z.size - 1)
        offset, sign = 0, 1.0
        for side, n in zip((self.first, self.second), self.sizes, strict=True):
            u = z[offset : offset + n]
            here = side.local(u, z[-2] * self.spans[0], z[-1] * self.spans[1])
            rows = slice(offset, offset + n)
            residual[rows] = here.h - z[offset + n]
            residual[offset + n] = here.x.sum() - 1.0
            residual[-1] += sign * here.energy
            jacobian[rows, rows] = here.slope
            jacobian[rows, offset + n] = -1.0
            jacobian[offset + n, rows] = here.x
            jacobian[-1, rows] = sign * here.x * (here.h + 1.0 + here.domain)
            for k in range(2):
                jacobian[rows, k - 2] = here.moved[k] * self.spans[k]
                jacobian[-1, k - 2] += sign * here.energy_moved[k] * self.spans[k]
            offset, sign = offset + n + 1, -1.0
        return residual, jacobian

    def weights(self, z: np.ndarray) -> np.ndarray:
        """Arc length in populations, T and P."""
        a, b = self.sizes
        return np.concatenate([np.exp(z[:a]), [0.0], np.exp(z[a + 1 : a + b + 1]), [0.0, 1.0, 1.0]])

    def populations(self, z: np.ndarray) -> np.ndarray:
        """Populations of both minima (2, n), NaN where a phase has fewer states."""
        a, b = self.sizes
        result = np.full((2, max(a, b)), np.nan)
        result[0, :a], result[1, :b] = np.exp(z[:a]), np.exp(z[a + 1 : a + b + 1])
        return result

    def over(self, before: np.ndarray, after: np.ndarray) -> str:
        """Ends where both minima become one, or one of them becomes its own image (it is a saddle there)."""
        if self.first is not self.second:
            return ""
        old, new = (self.populations(z) for z in (before, after))
        if (old[0] - old[1]) @ (new[0] - new[1]) <= 0:
            return CRITICAL
        second = self.sizes[0] + 1
        images = _restored(self.swaps, before, after) or _restored(self.swaps, before[second:], after[second:])
        return UNSTABLE if images else ""


@dataclass(frozen=True, eq=False)
class HalfEquations:
    """A stationary point with half of the sites above the step: z = (u, l, T, P).

    Attributes
    ----------
    side : Side
    spans : (float, float)
    swaps : tuple of (int, int)
        Equivalent states; a line in the broken symmetry ends where they become equal.
    """

    side: Side
    spans: tuple[float, float]
    swaps: tuple[tuple[int, int], ...] = ()

    @cached_property
    def share(self) -> np.ndarray:
        """Part of the sites of each state that are above the step (n,)."""
        return self.side.model.upper_share(np.eye(len(self.side.model.states)))

    def start(self, u: np.ndarray, temperature: float, pressure: float) -> np.ndarray:
        """Unknowns near the line."""
        here = self.side.local(u, temperature, pressure)
        return np.concatenate([u, [here.x @ here.h, temperature / self.spans[0], pressure / self.spans[1]]])

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and Jacobian."""
        residual, jacobian, here = _stationary(self.side, self.spans, z)
        residual[-1] = here.x @ self.share - 0.5
        jacobian[-1, : here.x.size] = here.x * self.share
        return residual, jacobian

    def weights(self, z: np.ndarray) -> np.ndarray:
        """Arc length in populations, T and P."""
        return np.concatenate([np.exp(z[:-3]), [0.0, 1.0, 1.0]])

    def populations(self, z: np.ndarray) -> np.ndarray:
        """Populations (n,)."""
        return np.exp(z[:-3])

    def over(self, before: np.ndarray, after: np.ndarray) -> str:
        """Ends where the broken symmetry is restored."""
        return SYMMETRIC if _restored(self.swaps, before, after) else ""

    def symmetric(self, z: np.ndarray) -> bool:
        """Whether equivalent states are equal."""
        return bool(self.swaps) and all(abs(z[i] - z[j]) < 1e-7 for i, j in self.swaps)


@dataclass(frozen=True, eq=False)
class SymmetryEquations:
    """A stationary point with two equivalent states equal, soft against their exchange: z = (u, l, T, P).

    Along dx_i = -dx_j the Hessian is 2 (RT/x_i - W_ij).

    Attributes
    ----------
    side : Side
    pair : (int, int)
    spans : (float, float)
    """

    side: Side
    pair: tuple[int, int]
    spans: tuple[float, float]

    def start(self, u: np.ndarray, temperature: float, pressure: float) -> np.ndarray:
        """Unknowns near the line, made symmetric."""
        i, j = self.pair
        u = u.copy()
        u[i] = u[j] = np.logaddexp(u[i], u[j]) - np.log(2.0)
        here = self.side.local(u, temperature, pressure)
        return np.concatenate([u, [here.x @ here.h, temperature / self.spans[0], pressure / self.spans[1]]])

    def evaluate(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and Jacobian."""
        residual, jacobian, here = _stationary(self.side, self.spans, z)
        i, j = self.pair
        # the potentials of equivalent states agree by themselves
        residual[j] = z[i] - z[j]
        jacobian[j] = 0.0
        jacobian[j, i], jacobian[j, j] = 1.0, -1.0
        middle = float(np.exp(0.5 * (z[i] + z[j])))
        residual[-1] = 1.0 - middle * here.w[i, j]
        jacobian[-1, i] = jacobian[-1, j] = -0.5 * middle * here.w[i, j]
        for k in range(2):
            jacobian[-1, k - 2] = -middle * here.w_moved[k][i, j] * self.spans[k]
        return residual, jacobian

    def weights(self, z: np.ndarray) -> np.ndarray:
        """Arc length in populations, T and P."""
        return np.concatenate([np.exp(z[:-3]), [0.0, 1.0, 1.0]])

    def populations(self, z: np.ndarray) -> np.ndarray:
        """Populations (n,)."""
        return np.exp(z[:-3])

    def over(self, before: np.ndarray, after: np.ndarray) -> str:
        """Never ends by itself."""
        return ""


def _restored(swaps: tuple[tuple[int, int], ...], before: np.ndarray, after: np.ndarray) -> bool:
    """Whether equivalent states that differed, by more than round-off, have changed places."""
    return any(
        abs(before[i] - before[j]) > 1e-6 and (before[i] - before[j]) * (after[i] - after[j]) < 0 for i, j in swaps
    )


def _stationary(side: Side, spans: tuple[float, float], z: np.ndarray) -> tuple[np.ndarray, np.ndarray, Local]:
    """Rows of a stationary point and an empty last row."""
    n = z.size - 3
    here = side.local(z[:n], z[-2] * spans[0], z[-1] * spans[1])
    residual, jacobian = np.zeros(n + 2), np.zeros((n + 2, n + 3))
    residual[:n], residual[n] = here.h - z[n], here.x.sum() - 1.0
    jacobian[:n, :n] = here.slope
    jacobian[:n, n] = -1.0
    jacobian[n, :n] = here.x
    for k in range(2):
        jacobian[:n, k - 2] = here.moved[k] * spans[k]
    return residual, jacobian, here


def equivalent_states(side: Side, temperature: np.ndarray, pressure: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Pairs of states whose exchange leaves G unchanged at all given conditions."""
    c = coefficients(side.model, Conditions(temperature, pressure), side.values, derivatives=False)
    manifold = side.model.manifold_index()
    found = []
    n = c.g.shape[1]
    for i in range(n):
        for j in range(i + 1, n):
            order = np.arange(n)
            order[[i, j]] = j, i
            same_g = np.allclose(c.g[:, i], c.g[:, j], rtol=1e-12, atol=1e-9)
            same_w = np.allclose(c.w[:, order][:, :, order], c.w, rtol=1e-12, atol=1e-9)
            if same_g and same_w and manifold[i] == manifold[j]:
                found.append((i, j))
    return tuple(found)
