"""A distribution of T1/2: an average outside the free energy over members that each follow their own branch.

Members lie on a regular grid of shifts delta (in standard deviations) with normal weights, the trapezoidal rule of a
Gaussian integral. It is accurate as long as members switch gradually over more than the grid step; where a member
itself jumps (Gamma > 2 R T1/2), the average is a staircase whose derivative in T misses the steps, and it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from labile.models.contributions import EnthalpyEntropy, EnthalpyTransition, EntropyTransition, TransitionShift
from labile.models.free_energy import Model, ModelError
from labile.models.populations import NotConvergedError, Populations, Status

MEMBERS = 41
SPAN = 4.0
"""Largest |delta| of a member."""
STEP = 0.35
"""A change of any population by more than this between neighbouring members is a jump."""


def shifted_member(model: Model, parameter: str, delta: float) -> Model:
    """Return the model with its step moved by `delta` standard deviations of `parameter` (<sample>.t_half_width).

    Raises
    ------
    ModelError
        If the model has no step into its shifted states.
    """
    steps = [
        c
        for c in model.contributions
        if isinstance(c, EnthalpyEntropy | EnthalpyTransition | EntropyTransition) and c.name in model.shifted
    ]
    if not steps:
        raise ModelError(f"model {model.name}: no step into {model.shifted}; a distribution of T1/2 has no meaning")
    term = TransitionShift(steps[0], model.shifted, parameter, delta)
    return replace(model, contributions=(*model.contributions, term))


def distributed(
    model: Model,
    parameter: str,
    values: Mapping[str, float],
    populations_of: Callable[[Model], Populations],
) -> Populations:
    """Average populations over a Gaussian distribution of T1/2.

    Parameters
    ----------
    model : Model
        Of one member.
    parameter : str
        ``<sample>.t_half_width``: the standard deviation, K.
    values : mapping of str to float
        SI values, `parameter` included.
    populations_of : callable
        Model -> Populations at the wanted conditions and branch, for instance ``lambda m: equilibrium(m, c, values)``.

    Returns
    -------
    Populations
        Status of each point is that of its worst member.

    Raises
    ------
    NotConvergedError
        If members jump: their average cannot be differentiated on this grid.
    """
    width = float(values[parameter])
    if width < 0:
        raise ModelError(f"{parameter} must be >= 0 K, found {width:g}")
    deltas = np.linspace(-SPAN, SPAN, MEMBERS)
    weights = np.exp(-0.5 * deltas**2)
    weights /= weights.sum()
    members = [populations_of(shifted_member(model, parameter, float(delta))) for delta in deltas]
    stack = np.stack([member.x for member in members])
    if width > 0 and np.nanmax(np.abs(np.diff(stack, axis=0)), initial=0.0) > STEP:
        raise NotConvergedError(
            f"{parameter}: members of the distribution switch by jumps at these parameter values; bound the interaction"
            " below 2 R T1/2, or describe the width by the loop instead"
        )
    first = members[0]

    def average(name: str) -> np.ndarray:
        return np.asarray(np.tensordot(weights, np.stack([getattr(member, name) for member in members]), axes=1))

    status = np.max(np.stack([member.status for member in members]), axis=0)
    x = average("x")
    converged = status != Status.NOT_CONVERGED
    x[converged] /= x[converged].sum(axis=1, keepdims=True)
    return Populations(
        first.state_names,
        x,
        average("x_t"),
        average("x_p"),
        average("x_tt"),
        first.parameter_names,
        average("x_theta"),
        average("x_t_theta"),
        status,
        first.branch,
    )
