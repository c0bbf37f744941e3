"""A distribution of T1/2: an average outside the free energy over members that each follow their own branch.

Members lie on a regular grid of shifts delta (in standard deviations) with normal weights, the trapezoidal rule of a
Gaussian integral; cells of the grid across which the populations change much are divided. In equilibrium a member may
itself jump (Gamma > 2 R T1/2): at one temperature the members on either side of a shift delta* then lie in different
minima. delta*, where the two have equal G, is found exactly, the integral is split there, and its motion with T and
the parameters enters the derivatives, so that a sharp transition smeared by disorder is as smooth here as it is in the
crystal. Along heating and cooling paths such members are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.conditions import Conditions
from labile.models.contributions import EnthalpyEntropy, EnthalpyTransition, EntropyTransition, TransitionShift
from labile.models.equilibrium import equilibrium, free_energy, free_energy_gradient
from labile.models.free_energy import Model, ModelError
from labile.models.populations import NotConvergedError, Populations, Status, joined

MEMBERS = 41
SPAN = 4.0
"""Largest |delta| of a member."""
STEEP = 0.005
"""A cell across which any population changes by more than this is divided into `PARTS`."""
PARTS = 12
STEP = 0.02
"""A change by more than this across one part is looked at as a possible jump."""
SMALLEST_JUMP = 0.001
"""A change by less than this across delta* is no jump."""
BISECTIONS = 40
HAIR = 1e-6


def step_of(model: Model) -> EnthalpyEntropy | EnthalpyTransition | EntropyTransition:
    """Return the contribution that leads into the shifted states of a model.

    Raises
    ------
    ModelError
        If there is none: a distribution of T1/2 has no meaning then.
    """
    for contribution in model.contributions:
        if isinstance(contribution, EnthalpyEntropy | EnthalpyTransition | EntropyTransition):
            if contribution.name in model.shifted:
                return contribution
    raise ModelError(f"model {model.name}: no step into {model.shifted}; a distribution of T1/2 has no meaning")


def shifted_member(model: Model, parameter: str, delta: float | np.ndarray) -> Model:
    """Return the model with its step moved by `delta` standard deviations of `parameter` (<sample>.t_half_width).

    Parameters
    ----------
    model : Model
    parameter : str
    delta : float or ndarray (N,)
        One shift, or one for each of the conditions it will be evaluated at.

    Returns
    -------
    Model
    """
    term = TransitionShift(step_of(model), model.shifted, parameter, delta)
    return replace(model, contributions=(*model.contributions, term))


def _weights() -> tuple[np.ndarray, np.ndarray]:
    """Shifts and normal weights of the members; the weights are the density times the grid step."""
    deltas = np.linspace(-SPAN, SPAN, MEMBERS)
    weights = np.exp(-0.5 * deltas**2)
    return deltas, weights / weights.sum()


def _require_width(parameter: str, values: Mapping[str, float]) -> None:
    if not values[parameter] >= 0:
        raise ModelError(f"{parameter} must be >= 0 K, found {values[parameter]:g}")


def distributed(
    model: Model, parameter: str, values: Mapping[str, float], populations_of: Callable[[Model], Populations]
) -> Populations:
    """Average populations over a Gaussian distribution of T1/2 along a path with memory.

    Parameters
    ----------
    model : Model
        Of one member.
    parameter : str
        ``<sample>.t_half_width``: the standard deviation, K.
    values : mapping of str to float
        SI values, `parameter` included.
    populations_of : callable
        Model -> Populations at the wanted conditions and branch, for instance ``lambda m: evolve(m, path, values)``.

    Returns
    -------
    Populations
        Status of each point is that of its worst member.

    Raises
    ------
    NotConvergedError
        If members jump: their average along a path is a staircase on this grid, whose slope misses the steps.
    """
    _require_width(parameter, values)
    deltas, weights = _weights()
    members = [populations_of(shifted_member(model, parameter, float(delta))) for delta in deltas]
    stack = np.stack([member.x for member in members])
    if values[parameter] > 0 and np.nanmax(np.abs(np.diff(stack, axis=0)), initial=0.0) > 2 * STEP:
        raise NotConvergedError(
            f"{parameter}: members of the distribution switch by jumps along a heating or cooling path at these"
            " parameter values; bound the interaction below 2 R T1/2, or describe the width by the loop instead"
        )
    return _averaged(members, weights)


def distributed_equilibrium(
    model: Model, parameter: str, values: Mapping[str, float], conditions: Conditions
) -> Populations:
    """Average equilibrium populations over a Gaussian distribution of T1/2; members may jump.

    Parameters
    ----------
    model : Model
        Of one member.
    parameter : str
        ``<sample>.t_half_width``: the standard deviation, K.
    values : mapping of str to float
        SI values, `parameter` included.
    conditions : Conditions
        N points.

    Returns
    -------
    Populations
        First derivatives are exactly those of the discretised average. Where members jump, d2x/dT2 and d2x/dTdtheta
        are central differences of them in T.

    Examples
    --------
    A first-order step at 250 K, smeared with a standard deviation of 5 K:

    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6e3}
    >>> values["powder.t_half_width"] = 5.0
    >>> x = distributed_equilibrium(slichter_drickamer(), "powder.t_half_width", values, Conditions([245.0, 250.0]))
    >>> x.of("HS").round(3).tolist()
    [0.198, 0.5]
    """
    _require_width(parameter, values)
    result, jumping = _split_average(model, parameter, values, conditions)
    if not jumping.any():
        return result
    at = conditions[jumping]
    h = max(2e-4 * values[parameter], 1e-5)
    plus, minus = (
        _split_average(model, parameter, values, at.at_temperature(at.temperature + step))[0] for step in (h, -h)
    )
    x_tt, x_t_theta = result.x_tt.copy(), result.x_t_theta.copy()
    x_tt[jumping] = (plus.x_t - minus.x_t) / (2 * h)
    x_t_theta[jumping] = (plus.x_theta - minus.x_theta) / (2 * h)
    return replace(result, x_tt=x_tt, x_t_theta=x_t_theta)


def _averaged(members: list[Populations], weights: np.ndarray) -> Populations:
    first = members[0]

    def average(name: str) -> np.ndarray:
        return np.asarray(np.tensordot(weights, np.stack([getattr(member, name) for member in members]), axes=1))

    status = np.max(np.stack([member.status for member in members]), axis=0)
    x = average("x")
    converged = status != Status.NOT_CONVERGED
    x[converged] /= x[converged].sum(axis=1, keepdims=True)
    return Populations(
        first.state_names, x, average("x_t"), average("x_p"), average("x_tt"), first.parameter_names,
        average("x_theta"), average("x_t_theta"), status, first.branch,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Members at M pairs of (delta, condition), with the density of the distribution there."""

    delta: np.ndarray
    density: np.ndarray
    x: Populations

    def __getitem__(self, index: np.ndarray) -> _Nodes:
        return _Nodes(self.delta[index], self.density[index], self.x[index])


def _split_average(
    model: Model, parameter: str, values: Mapping[str, float], conditions: Conditions
) -> tuple[Populations, np.ndarray]:
    """Trapezoidal average, steep cells divided and jumps split; also which points have a steep cell."""
    deltas, weights = _weights()
    members = [equilibrium(shifted_member(model, parameter, float(d)), conditions, values) for d in deltas]
    result = _averaged(members, weights)
    steep = np.zeros(len(conditions), dtype=bool)
    change = np.max(np.abs(np.diff(np.stack([member.x for member in members]), axis=0)), axis=2)
    cell, point = np.nonzero(np.nan_to_num(change) > STEEP)
    if values[parameter] == 0.0 or cell.size == 0:
        return result, steep
    steep[point] = True
    step = deltas[1] - deltas[0]
    peak = weights[MEMBERS // 2] / step  # density of the discretised normal at delta = 0

    def solve(delta: np.ndarray, where: Conditions) -> _Nodes:
        x = equilibrium(shifted_member(model, parameter, delta), where, values).require_converged(parameter)
        return _Nodes(delta, peak * np.exp(-0.5 * delta**2), x)

    # every steep cell again, in PARTS parts: column j of `index` is delta_k + j step / PARTS. Its ends are the members
    # themselves: exactly at a jump a second descent could reach the other minimum
    offsets = np.linspace(0.0, step, PARTS + 1)[None, 1:-1]
    inner = solve((deltas[cell][:, None] + offsets).ravel(), conditions[np.repeat(point, PARTS - 1)])
    places = len(conditions)
    grid = np.repeat(deltas, places)
    flat = _Nodes(
        np.concatenate([grid, inner.delta]),
        np.concatenate([peak * np.exp(-0.5 * grid**2), inner.density]),
        joined([*members, inner.x]),
    )
    inside = grid.size + np.arange(cell.size * (PARTS - 1)).reshape(cell.size, PARTS - 1)
    index = np.column_stack([cell * places + point, inside, (cell + 1) * places + point])
    trapezium = np.full(PARTS + 1, step / PARTS)
    trapezium[[0, -1]] *= 0.5
    whole = np.zeros(PARTS + 1)
    whole[[0, -1]] = 0.5 * step
    nodes = flat[index.ravel()]
    more = nodes.density * np.tile(trapezium - whole, cell.size)
    sums = {name: np.array(getattr(result, name)) for name in ("x", "x_t", "x_p", "x_theta")}
    target = np.repeat(point, PARTS + 1)
    for name, total in sums.items():
        values_ = getattr(nodes.x, name)
        np.add.at(total, target, _times(more, values_))
    left, right = index[:, :-1].ravel(), index[:, 1:].ravel()
    jump = np.max(np.abs(flat.x.x[right] - flat.x.x[left]), axis=1) > STEP
    if jump.any():
        where = np.repeat(point, PARTS)[jump]
        _split_jumps(model, parameter, values, conditions, where, flat[left[jump]], flat[right[jump]], solve, sums)
    return _normalised(result, sums), steep


def _times(weights: np.ndarray, array: np.ndarray) -> np.ndarray:
    return weights.reshape(weights.shape + (1,) * (array.ndim - 1)) * array


def _normalised(result: Populations, sums: Mapping[str, np.ndarray]) -> Populations:
    """Divide by the sum of the weights, which the divided cells move a little, and its derivatives."""
    total = sums["x"].sum(axis=1, keepdims=True)
    x = sums["x"] / total
    out = {"x": x}
    for name in ("x_t", "x_p"):
        out[name] = (sums[name] - x * sums[name].sum(axis=1, keepdims=True)) / total
    theta = sums["x_theta"]
    out["x_theta"] = (theta - x[:, None, :] * theta.sum(axis=2, keepdims=True)) / total[:, :, None]
    return replace(result, **out)


def _split_jumps(
    model: Model,
    parameter: str,
    values: Mapping[str, float],
    conditions: Conditions,
    point: np.ndarray,
    left: _Nodes,
    right: _Nodes,
    solve: Callable[[np.ndarray, Conditions], _Nodes],
    sums: dict[str, np.ndarray],
) -> None:
    """Replace the trapezium across each jump by two that end at delta*, in place, derivatives included."""
    at = conditions[point]
    low, high, x_low, x_high = left.delta, right.delta, left.x.x, right.x.x
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        x = solve(middle, at).x.x
        nearer_low = np.max(np.abs(x - x_low), axis=1) <= np.max(np.abs(x - x_high), axis=1)
        low, high = np.where(nearer_low, middle, low), np.where(nearer_low, high, middle)
        x_low = np.where(nearer_low[:, None], x, x_low)
        x_high = np.where(nearer_low[:, None], x_high, x)
    real = np.max(np.abs(x_high - x_low), axis=1) > SMALLEST_JUMP
    if not real.any():
        return
    point, at, left, right = point[real], at[real], left[real], right[real]
    # exactly at delta* the two minima are equal to round-off; a hair beside it each side is itself
    low, high, eta = low[real] - HAIR, high[real] + HAIR, 1e-5
    delta = 0.5 * (low + high)
    below, above = solve(low, at), solve(high, at)
    slope_below = (below.x.x - solve(low - eta, at).x.x) / eta
    slope_above = (solve(high + eta, at).x.x - above.x.x) / eta
    density = below.density
    a, b, width = delta - left.delta, right.delta - delta, right.delta - left.delta
    # derivative of the two trapezia in delta*
    edge = 0.5 * (_times(left.density, left.x.x) + _times(density, below.x.x))
    edge = edge - 0.5 * (_times(density, above.x.x) + _times(right.density, right.x.x))
    edge = edge - _times(0.5 * delta * density * a, below.x.x) - _times(0.5 * delta * density * b, above.x.x)
    edge = edge + _times(0.5 * a * density, slope_below) + _times(0.5 * b * density, slope_above)
    motion = _motion(model, parameter, values, at, delta, below.x, above.x)
    for name, total in sums.items():
        changed = _times(0.5 * (a - width) * left.density, getattr(left.x, name))
        changed = changed + _times(0.5 * (b - width) * right.density, getattr(right.x, name))
        changed = changed + _times(0.5 * a * density, getattr(below.x, name))
        changed = changed + _times(0.5 * b * density, getattr(above.x, name))
        if name == "x_theta":
            changed = changed + motion[name][:, :, None] * edge[:, None, :]
        elif name != "x":
            changed = changed + _times(motion[name], edge)
        np.add.at(total, point, changed)


def _motion(
    model: Model,
    parameter: str,
    values: Mapping[str, float],
    conditions: Conditions,
    delta: np.ndarray,
    below: Populations,
    above: Populations,
) -> dict[str, np.ndarray]:
    """Derivatives of delta*, where both minima have equal G, in T, P and the parameters."""
    member = shifted_member(model, parameter, delta)
    entropy, _ = step_of(model).step_entropy(values)
    columns = [model.state_names.index(name) for name in model.shifted]
    pull = values[parameter] * entropy * (below.x - above.x)[:, columns].sum(axis=1)
    ends = [
        (*free_energy(member, conditions, values, side.x)[1:], free_energy_gradient(member, conditions, values, side.x))
        for side in (below, above)
    ]
    return {
        "x_t": -(ends[0][0] - ends[1][0]) / pull,
        "x_p": -(ends[0][1] - ends[1][1]) / pull,
        "x_theta": -(ends[0][2] - ends[1][2]) / pull[:, None],
    }
