"""The one free-energy form of labile, and the terms it is made of.

Per mole of switching units,

    G(x; T, P) = sum_i x_i g_i + RT sum_i x_i ln x_i + (1/m - 1) RT sum_M X_M ln X_M + 1/2 sum_ij x_i W_ij x_j

with g(T, P) and a symmetric W(T, P) of zero diagonal. Manifolds M of states move together in domains of m units;
X_M is the summed population of a manifold, m = 1 by default. A *contribution* adds to g and W and states its
derivatives; every builder in `models.library` is a list of contributions, not a solver.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter, ParameterError, Parameters

DOMAIN_SIZE = "crystal.domain_size"
"""Name of the parameter m; it exists only in models with manifolds."""


class ModelError(ValueError):
    """A model that contradicts itself: unknown states, repeated terms, a missing parameter."""


@dataclass(eq=False)
class Coefficients:
    """Work arrays that contributions add to: g and W at N conditions and their derivatives.

    Attributes
    ----------
    state_names : tuple of str
        n names.
    parameter_names : tuple of str
        K names.
    g, g_t, g_tt, g_p : ndarray (N, n)
        J/mol and its derivatives in T (K-1, K-2) and P (Pa-1).
    w, w_t, w_tt, w_p : ndarray (N or 1, n, n)
        Interaction matrix, symmetric, zero diagonal; one row while no interaction depends on the conditions.
    g_theta, g_t_theta : ndarray (N, K, n)
        Derivatives in the parameters, per SI unit.
    w_theta, w_t_theta : ndarray (N or 1, K, n, n)
    """

    state_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    g: np.ndarray
    g_t: np.ndarray
    g_tt: np.ndarray
    g_p: np.ndarray
    w: np.ndarray
    w_t: np.ndarray
    w_tt: np.ndarray
    w_p: np.ndarray
    g_theta: np.ndarray
    g_t_theta: np.ndarray
    w_theta: np.ndarray
    w_t_theta: np.ndarray

    @classmethod
    def zeros(cls, points: int, state_names: tuple[str, ...], parameter_names: tuple[str, ...]) -> Coefficients:
        """Empty coefficients for N points, n states and K parameters."""
        n, k = len(state_names), len(parameter_names)
        vectors = [np.zeros((points, n)) for _ in range(4)]
        matrices = [np.zeros((1, n, n)) for _ in range(4)]
        derivatives = [np.zeros((points, k, n)) for _ in range(2)]
        matrix_derivatives = [np.zeros((1, k, n, n)) for _ in range(2)]
        return cls(state_names, parameter_names, *vectors, *matrices, *derivatives, *matrix_derivatives)

    def vary_interactions(self) -> None:
        """Give every condition its own row of w; a contribution whose interaction varies calls this first."""
        points = self.g.shape[0]
        for name in ("w", "w_t", "w_tt", "w_p", "w_theta", "w_t_theta"):
            array = getattr(self, name)
            if array.shape[0] != points:
                setattr(self, name, np.repeat(array, points, axis=0))

    def state(self, name: str) -> int:
        """Column of a state."""
        return self.state_names.index(name)

    def parameter(self, name: str) -> int:
        """Row of a parameter in the derivatives."""
        return self.parameter_names.index(name)


@runtime_checkable
class Contribution(Protocol):
    """The first extension point: one named term of the free energy (see docs/extending.md)."""

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Parameters of this term with bounds and, where there is a natural one, a default; SI."""
        ...

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add to g, w and their derivatives in T and P."""
        ...

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add to g_theta, g_t_theta, w_theta and w_t_theta."""
        ...


@dataclass(frozen=True)
class Model:
    """States and the terms of their free energy. Numbers arrive as `Parameters`.

    Attributes
    ----------
    name : str
        Builder name, shown in reports.
    states : tuple of State
        The first is the reference.
    contributions : tuple of Contribution
    manifolds : tuple of tuple of str
        Partition of the states into manifolds that switch in domains; empty for m = 1.
    shifted : tuple of str
        States whose enthalpy a distribution of T1/2 shifts (the high-entropy side of the step); a state with two
        switched sites is named twice.
    citations : tuple of str
        Keys of `labile.study` citations, DOIs.
    assumptions : tuple of str
        What the reader of a report must know about this form.

    Raises
    ------
    ModelError
        For manifolds that are no partition of the states, or no contributions.
    """

    name: str
    states: tuple[State, ...]
    contributions: tuple[Contribution, ...]
    manifolds: tuple[tuple[str, ...], ...] = ()
    shifted: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    _parameters: Parameters = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [state.name for state in self.states]
        if len(names) < 2 or len(set(names)) != len(names):
            raise ModelError(f"model {self.name}: needs at least two states with different names, found {names}")
        if not self.contributions:
            raise ModelError(f"model {self.name}: it has no contributions")
        if self.manifolds:
            flat = [name for manifold in self.manifolds for name in manifold]
            if sorted(flat) != sorted(names):
                raise ModelError(f"model {self.name}: manifolds {self.manifolds} must hold every state of {names} once")
        if unknown := set(self.shifted) - set(names):
            raise ModelError(f"model {self.name}: shifted names unknown states {sorted(unknown)}")
        merged: dict[str, Parameter] = {}
        for contribution in self.contributions:
            for parameter in contribution.parameters(self.states):
                if parameter.name in merged:
                    raise ModelError(f"model {self.name}: two contributions both own {parameter.name}")
                merged[parameter.name] = parameter
        if self.manifolds:
            merged[DOMAIN_SIZE] = Parameter(DOMAIN_SIZE, 1.0, lower=0.999, upper=1e6, fixed=True)
        object.__setattr__(self, "_parameters", Parameters(tuple(merged.values())))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names in declared order."""
        return tuple(state.name for state in self.states)

    @property
    def parameters(self) -> Parameters:
        """All parameters of the model with defaults; NaN where a value must be given."""
        return self._parameters

    def upper_share(self, x: np.ndarray) -> np.ndarray:
        """Fraction of switching sites above the step, summed over the last axis of x (..., n).

        Raises
        ------
        ModelError
            If the model does not say which states lie above the step.
        """
        if not self.shifted:
            raise ModelError(f"model {self.name}: it does not say which states lie above the step (shifted)")
        sites = np.array([self.shifted.count(name) for name in self.state_names], dtype=float)
        return np.asarray(x @ (sites / sites.max()))

    def manifold_index(self) -> np.ndarray:
        """Manifold number of each state, shape (n,)."""
        if not self.manifolds:
            return np.zeros(len(self.states), dtype=np.int64)
        return np.array([next(i for i, m in enumerate(self.manifolds) if s.name in m) for s in self.states])

    def with_values(self, values: Mapping[str, float]) -> Parameters:
        """Model parameters at these values (SI), all fixed; for evaluation without a fit.

        Raises
        ------
        ParameterError
            For unknown or missing names.
        """
        changes = [replace(self._parameters[name], value=float(value), fixed=True) for name, value in values.items()]
        result = self._parameters.updated(changes)
        result.require_values()
        return result


def coefficients(
    model: Model, conditions: Conditions, values: Mapping[str, float], *, derivatives: bool = True
) -> Coefficients:
    """Assemble g and W of a model at N conditions.

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points.
    values : mapping of str to float
        SI values of (at least) the model's parameters.
    derivatives : bool
        Also those in the parameters; without them K = 0.

    Returns
    -------
    Coefficients

    Raises
    ------
    ParameterError
        If a value is missing or not finite.
    """
    missing = [name for name in model.parameters.names if name not in values]
    if missing:
        raise ParameterError(f"model {model.name}: no value given for {', '.join(missing)}")
    for name in model.parameters.names:
        if not math.isfinite(values[name]):
            raise ParameterError(f"model {model.name}: {name} must be a finite number, found {values[name]}")
    names = model.parameters.names if derivatives else ()
    result = Coefficients.zeros(len(conditions), model.state_names, names)
    for contribution in model.contributions:
        contribution.add_to(result, conditions, values)
        if derivatives:
            contribution.add_derivatives(result, conditions, values)
    return result
