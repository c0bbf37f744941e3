"""Populations of the electronic states along a path of conditions, with their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Status(IntEnum):
    """What happened at one point; the member's text says it."""

    CONVERGED = 0
    """A stable minimum of the free energy."""
    NOT_CONVERGED = 1
    """The solver stopped before the gradient vanished; the numbers there are NaN."""
    PAST_FOLD = 2
    """The branch that was asked for no longer exists here; the values continue those of its end."""

    @property
    def message(self) -> str:
        """One sentence for people."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.CONVERGED: "converged",
    Status.NOT_CONVERGED: "the solver did not converge",
    Status.PAST_FOLD: "the branch has ended before this point",
}


class NotConvergedError(RuntimeError):
    """A computation that needs every point to have converged met one that did not."""


@dataclass(frozen=True, eq=False)
class Populations:
    """Fractions of N points in n states and their exact derivatives.

    Attributes
    ----------
    state_names : tuple of str
        n names; columns of all arrays.
    x : ndarray (N, n)
        Populations; each converged row sums to 1 within 1e-9, others are NaN.
    x_t : ndarray (N, n)
        dx/dT along the branch, K-1.
    x_p : ndarray (N, n)
        dx/dP, Pa-1.
    x_tt : ndarray (N, n)
        d2x/dT2, K-2.
    parameter_names : tuple of str
        K names, the second index of the derivatives below; empty when they were not asked for.
    x_theta : ndarray (N, K, n)
        dx/dtheta per SI unit of each parameter.
    x_t_theta : ndarray (N, K, n)
        d2x/dTdtheta.
    status : ndarray (N,) of int
        `Status` of each point.
    branch : str
        ``"equilibrium"``, ``"heating"``, ``"cooling"`` or ``"path"``.

    Raises
    ------
    ValueError
        If a row that is not marked NOT_CONVERGED holds NaN, is negative or does not sum to 1 within 1e-9, or if a
        row marked NOT_CONVERGED holds numbers.
    """

    state_names: tuple[str, ...]
    x: np.ndarray
    x_t: np.ndarray
    x_p: np.ndarray
    x_tt: np.ndarray
    parameter_names: tuple[str, ...]
    x_theta: np.ndarray
    x_t_theta: np.ndarray
    status: np.ndarray
    branch: str = "equilibrium"

    def __post_init__(self) -> None:
        good = self.status != Status.NOT_CONVERGED
        rows = self.x[good]
        # written so that NaN fails too
        if rows.size and not (np.max(np.abs(rows.sum(axis=1) - 1.0)) <= 1e-9 and np.min(rows) >= -1e-12):
            raise ValueError("populations: a row is NaN, negative, or does not sum to 1 within 1e-9")
        if np.any(np.isfinite(self.x[~good])):
            raise ValueError("populations: a point that did not converge carries numbers")

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def __getitem__(self, index: slice | np.ndarray) -> Populations:
        """Select points by slice, mask or index array."""
        return Populations(
            self.state_names,
            self.x[index],
            self.x_t[index],
            self.x_p[index],
            self.x_tt[index],
            self.parameter_names,
            self.x_theta[index],
            self.x_t_theta[index],
            self.status[index],
            self.branch,
        )

    @property
    def converged(self) -> bool:
        """Whether no point failed."""
        return bool(np.all(self.status != Status.NOT_CONVERGED))

    def of(self, state: str) -> np.ndarray:
        """Population of one state, shape (N,)."""
        if state not in self.state_names:
            raise KeyError(f"state {state!r} is not in this model; there are {', '.join(self.state_names)}")
        return np.asarray(self.x[:, self.state_names.index(state)])

    def require_converged(self, what: str = "populations") -> Populations:
        """Return self, or raise NotConvergedError naming how many points failed."""
        bad = int(np.sum(self.status == Status.NOT_CONVERGED))
        if bad:
            raise NotConvergedError(f"{what}: {bad} of {len(self)} points did not converge")
        return self


def joined(parts: Sequence[Populations]) -> Populations:
    """Points of several populations of one model, one after the other; the branch is that of the first."""

    def stacked(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    return Populations(
        first.state_names, stacked("x"), stacked("x_t"), stacked("x_p"), stacked("x_tt"), first.parameter_names,
        stacked("x_theta"), stacked("x_t_theta"), stacked("status"), first.branch,
    )  # fmt: skip
