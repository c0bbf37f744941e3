"""Populations in equilibrium: the most stable minimum, and all minima, with exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.models import kernels
from labile.models.free_energy import DOMAIN_SIZE, Coefficients, Model, ModelError, coefficients
from labile.models.populations import Populations
from labile.models.sensitivities import implicit_derivatives

MAX_ITERATIONS = 400
"""Steps after which a descent is given up."""


@dataclass(frozen=True, eq=False)
class Minima:
    """Every minimum of G at N conditions, lowest first.

    Attributes
    ----------
    state_names : tuple of str
    x : ndarray (N, S, n)
        Populations; NaN past `count`.
    energy : ndarray (N, S)
        G in J/mol; NaN past `count`.
    count : ndarray (N,) of int
        Number of minima; 0 means that no descent converged.
    failures : ndarray (N,) of int
        Starts whose descent did not converge.
    """

    state_names: tuple[str, ...]
    x: np.ndarray
    energy: np.ndarray
    count: np.ndarray
    failures: np.ndarray


def domain_factor(model: Model, values: Mapping[str, float]) -> tuple[float, float]:
    """Return 1/m - 1 and d(1/m)/dm."""
    if not model.manifolds:
        return 0.0, 0.0
    size = float(values[DOMAIN_SIZE])
    if not size > 0:
        raise ModelError(f"{DOMAIN_SIZE} must be > 0, found {size:g}")
    return 1.0 / size - 1.0, -1.0 / size**2


def _thermal(conditions: Conditions) -> np.ndarray:
    return np.asarray(GAS_CONSTANT * conditions.temperature)


def find_minima(model: Model, conditions: Conditions, values: Mapping[str, float]) -> Minima:
    """All minima of the free energy at N conditions.

    Descents start at the centre, at every vertex, in the middle of edges and at the minimum of the point before; where
    bounds prove that there is one minimum only, a single descent finds it. At most n + 2 minima are kept, the lowest.

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points.
    values : mapping of str to float
        SI values of the model's parameters.

    Returns
    -------
    Minima

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> model = slichter_drickamer()
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6000.0}
    >>> find_minima(model, Conditions([200.0, 250.0]), values).count.tolist()
    [1, 2]
    """
    c = coefficients(model, conditions, values, derivatives=False)
    mi, _ = domain_factor(model, values)
    points, n = c.g.shape
    found, energies = np.full((points, n + 2, n), np.nan), np.full((points, n + 2), np.nan)
    counts, failures = np.zeros(points, dtype=np.int64), np.zeros(points, dtype=np.int64)
    kernels.minima_over_points(
        c.g,
        c.w,
        _thermal(conditions),
        mi,
        model.manifold_index(),
        found,
        energies,
        counts,
        failures,
        MAX_ITERATIONS,
    )
    past = np.arange(n + 2)[None, :] >= counts[:, None]
    x = np.exp(found)
    x[past] = np.nan
    energies[past] = np.nan
    return Minima(model.state_names, x, energies, counts, failures)


def populations_at(
    model: Model,
    c: Coefficients,
    conditions: Conditions,
    values: Mapping[str, float],
    log_x: np.ndarray,
    status: np.ndarray,
    branch: str,
) -> Populations:
    """Populations and derivatives at known minima.

    Parameters
    ----------
    model : Model
    c : Coefficients
        Assembled at `conditions`; with derivatives for `x_theta`.
    conditions : Conditions
        N points.
    values : mapping of str to float
    log_x : ndarray (N, n)
        ln x at the minima; NaN rows are not converged.
    status : ndarray (N,) of int
    branch : str

    Returns
    -------
    Populations
    """
    mi, dmi = domain_factor(model, values)
    points, n = log_x.shape
    k = c.g_theta.shape[1]
    m_index = c.parameter_names.index(DOMAIN_SIZE) if DOMAIN_SIZE in c.parameter_names else -1
    x, x_t, x_p, x_tt = (np.empty((points, n)) for _ in range(4))
    x_theta, x_t_theta = np.empty((points, k, n)), np.empty((points, k, n))
    implicit_derivatives(
        log_x, _thermal(conditions), mi, model.manifold_index(), c.w, c.g_t, c.g_tt, c.g_p, c.w_t, c.w_tt, c.w_p,
        c.g_theta, c.g_t_theta, c.w_theta, c.w_t_theta, dmi, m_index, GAS_CONSTANT,
        x, x_t, x_p, x_tt, x_theta, x_t_theta,
    )  # fmt: skip
    return Populations(
        model.state_names,
        x,
        x_t,
        x_p,
        x_tt,
        c.parameter_names,
        x_theta,
        x_t_theta,
        np.asarray(status),
        branch,
    )


def equilibrium(
    model: Model,
    conditions: Conditions,
    values: Mapping[str, float],
    *,
    derivatives: bool = True,
) -> Populations:
    """Populations of the most stable minimum at every condition.

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points, in any order.
    values : mapping of str to float
        SI values of the model's parameters.
    derivatives : bool
        Also the derivatives in the parameters.

    Returns
    -------
    Populations
        Branch ``"equilibrium"``; points that failed have status `Status.NOT_CONVERGED` and NaN.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.core.material import State
    >>> model = van_t_hoff((State("LS", 0), State("HS", 2)))
    >>> x = equilibrium(
    ...     model,
    ...     Conditions([200.0, 250.0, 300.0]),
    ...     {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0},
    ... )
    >>> x.of("HS").round(6).tolist()
    [0.141354, 0.5, 0.769009]
    """
    c = coefficients(model, conditions, values, derivatives=derivatives)
    mi, _ = domain_factor(model, values)
    # in the order of temperature each point starts close to the minimum of the one before
    order = np.lexsort((conditions.temperature, conditions.pressure))
    w = c.w if c.w.shape[0] == 1 else c.w[order]
    sorted_x, sorted_status = np.empty(c.g.shape), np.zeros(order.size, dtype=np.int64)
    kernels.lowest_over_points(
        c.g[order], w, _thermal(conditions)[order], mi, model.manifold_index(), sorted_x, sorted_status, MAX_ITERATIONS
    )
    log_x, status = np.empty_like(sorted_x), np.empty_like(sorted_status)
    log_x[order], status[order] = sorted_x, sorted_status
    return populations_at(model, c, conditions, values, log_x, status, "equilibrium")


def free_energy(
    model: Model, conditions: Conditions, values: Mapping[str, float], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """G at given populations with its explicit derivatives (at a minimum: -S and V by the envelope theorem).

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points.
    values : mapping of str to float
    x : ndarray (N, n)

    Returns
    -------
    g : ndarray (N,)
        J/mol.
    g_t : ndarray (N,)
        dG/dT at fixed x, J/K/mol: minus the entropy at a minimum.
    g_p : ndarray (N,)
        dG/dP at fixed x, m3/mol.
    """
    c = coefficients(model, conditions, values, derivatives=False)
    mi, _ = domain_factor(model, values)
    index = model.manifold_index()
    with np.errstate(divide="ignore", invalid="ignore"):
        mixing = np.where(x > 0, x * np.log(x), 0.0).sum(axis=1)
        if model.manifolds:
            big = np.stack([x[:, index == m].sum(axis=1) for m in range(len(model.manifolds))], axis=1)
            mixing = mixing + mi * np.where(big > 0, big * np.log(big), 0.0).sum(axis=1)
    pair = [0.5 * ((x[:, None, :] @ w)[:, 0, :] * x).sum(axis=1) for w in (c.w, c.w_t, c.w_p)]
    rt = _thermal(conditions)
    return (
        (x * c.g).sum(axis=1) + rt * mixing + pair[0],
        (x * c.g_t).sum(axis=1) + GAS_CONSTANT * mixing + pair[1],
        (x * c.g_p).sum(axis=1) + pair[2],
    )


def free_energy_gradient(
    model: Model, conditions: Conditions, values: Mapping[str, float], x: np.ndarray
) -> np.ndarray:
    """Return dG/dparameter at fixed populations (at a minimum: the total derivative, by the envelope theorem).

    Parameters
    ----------
    model : Model
    conditions : Conditions
        N points.
    values : mapping of str to float
    x : ndarray (N, n)

    Returns
    -------
    ndarray (N, K)
        J/mol per SI unit of each parameter of the model.
    """
    c = coefficients(model, conditions, values)
    gradient = np.einsum("nki,ni->nk", c.g_theta, x)
    w_theta = np.broadcast_to(c.w_theta, (len(conditions), *c.w_theta.shape[1:]))
    gradient += 0.5 * np.einsum("ni,nkij,nj->nk", x, w_theta, x)
    if DOMAIN_SIZE in c.parameter_names:
        index = model.manifold_index()
        big = np.stack([x[:, index == m].sum(axis=1) for m in range(len(model.manifolds))], axis=1)
        mixing = np.where(big > 0, big * np.log(np.maximum(big, 1e-300)), 0.0).sum(axis=1)
        gradient[:, c.parameter_names.index(DOMAIN_SIZE)] += (
            domain_factor(model, values)[1] * _thermal(conditions) * mixing
        )
    return np.asarray(gradient)
