"""One set of parameters, all measurements: residuals of a joint fit with their exact Jacobian.

Populations are computed once for all points that share a branch, and every objective takes its slice. Runs with a
hysteresis jump are not compared pointwise across the jump: each point is predicted on the branch *the data* are on,
and the jump itself is one more residual, the switching temperature against the interval in which the data jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from labile.core.conditions import Conditions, concatenate
from labile.core.parameters import Parameter, ParameterError, Parameters, Prior
from labile.fitting.problem import Block, Problem
from labile.fitting.variable_projection import CompressedSpectra
from labile.inference.functionals import extreme, functional, weigh
from labile.inference.objective import Jump, Objective, ObjectiveError, find_jump
from labile.inference.spectral_maps import compressed_maps, map_residuals
from labile.inference.switching import LAG_DOWN, LAG_UP, switch_row, switching_statement
from labile.models.distribution import distributed, distributed_equilibrium
from labile.models.equilibrium import equilibrium
from labile.models.evolution import Fold
from labile.models.free_energy import Model
from labile.models.observable import Prediction, SpectralObservable, chain
from labile.models.populations import NotConvergedError, Populations, Status
from labile.models.transitions import (
    Switch,
    never_switches,
    side_populations,
    switching_temperature,
)

PAST_FOLD_WIDTH = 10.0
"""K over which the prediction past the end of a branch goes linearly towards the other branch."""
WIDE, FINE = 0.5, 0.05
"""K: distances of the three temperatures on which an extremum is evaluated."""
SPIKE = 0.05
"""Change of a population between neighbouring grid points that its slope does not explain: a jump."""


@dataclass(frozen=True, eq=False)
class _Request:
    """A run of points of one objective on one branch, with its conditions as the instruments read them.

    `rows` are the objective's own points, `places` where they lie among those of the group.
    """

    objective: int
    rows: np.ndarray
    places: slice
    conditions: Conditions


@dataclass(frozen=True, eq=False)
class _Group:
    """Requests whose populations are computed together: same branch, distribution and pressure."""

    side: str  # "equilibrium", "low" or "high"
    width: str
    requests: tuple[_Request, ...]
    conditions: Conditions


def joint_parameters(model: Model, objectives: tuple[Objective, ...]) -> Parameters:
    """All parameters of a joint problem with their defaults.

    Model parameters first, then those of the observables, distribution widths, temperature offsets (prior 0 +- 1 K),
    factors (prior 1 +- 0.05), lags (fixed at 1) and one shift for every correlated uncertainty of a measurement
    (prior 0 +- 1, in its standard deviations).

    Parameters
    ----------
    model : Model
    objectives : tuple of Objective

    Returns
    -------
    parameters : Parameters
        NaN where a value must be given; replace with `Parameters.updated`.
    """
    merged: dict[str, Parameter] = {p.name: p for p in model.parameters}
    for objective in objectives:
        own: list[Parameter] = []
        if objective.observable is not None:
            own += objective.observable.parameters(model.states)
        if objective.width:
            own.append(Parameter(objective.width, 1.0, lower=0.0))
        if objective.temperature_offset:
            own.append(Parameter(objective.temperature_offset, 0.0, prior=Prior(0.0, 1.0)))
        if objective.factor:
            own.append(Parameter(objective.factor, 1.0, lower=0.0, prior=Prior(1.0, 0.05)))
        if objective.branch in ("heating", "cooling") or (
            objective.statement is not None and objective.statement.is_transition
        ):
            own += [Parameter(name, 1.0, lower=-1e-9, upper=1.0, fixed=True) for name in (LAG_UP, LAG_DOWN)]
        if objective.measurement is not None:
            own += [
                Parameter(shift_name(objective, term.name), 0.0, unit="1", prior=Prior(0.0, 1.0))
                for term in objective.measurement.correlated
            ]
        for parameter in own:
            merged.setdefault(parameter.name, parameter)
    return Parameters(tuple(merged.values()))


def shift_name(objective: Objective, term: str) -> str:
    """Name of the parameter that moves a measurement along one of its correlated uncertainties."""
    label = "".join(c if c.isalnum() or c in "_-" else "_" for c in objective.label)
    return f"{label}.{term}_shift"


@dataclass(frozen=True)
class JointProblem:
    """A model, the objectives it must answer for, and the parameters.

    Attributes
    ----------
    model : Model
    objectives : tuple of Objective
        Unique labels.
    parameters : Parameters
        As from `joint_parameters`, with values, bounds, priors and ties of the study.
    noise_scales : mapping of str to float
        Factor on the sigma of objectives with free noise, by label.

    Raises
    ------
    ObjectiveError
        For repeated labels or no objectives.
    ParameterError
        For missing parameters or values.
    """

    model: Model
    objectives: tuple[Objective, ...]
    parameters: Parameters
    noise_scales: Mapping[str, float] = field(default_factory=dict)
    jumps: tuple[Jump | None, ...] = field(init=False, repr=False)
    maps: Mapping[str, CompressedSpectra] = field(init=False, repr=False, compare=False)
    _groups: tuple[_Group, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labels = [objective.label for objective in self.objectives]
        if not labels:
            raise ObjectiveError("joint problem: there is nothing to fit; give at least one measurement or statement")
        if repeated := sorted({label for label in labels if labels.count(label) > 1}):
            raise ObjectiveError(f"joint problem: labels must differ; found twice: {', '.join(repeated)}")
        needed = joint_parameters(self.model, self.objectives).names
        if missing := [name for name in needed if name not in self.parameters]:
            raise ParameterError(f"joint problem: parameters are missing: {', '.join(missing)}")
        self.parameters.require_values()
        object.__setattr__(self, "jumps", tuple(find_jump(objective) for objective in self.objectives))
        object.__setattr__(self, "maps", compressed_maps(self.objectives, self.model.states))
        object.__setattr__(self, "_groups", self._plan())

    @property
    def priors(self) -> tuple[Parameter, ...]:
        """Parameters whose prior enters chi2: free and tied ones that have one."""
        return tuple(p for p in self.parameters if p.prior is not None and not p.fixed)

    def blocks(self) -> tuple[Block, ...]:
        """Runs of residuals in the order of `residuals`."""
        blocks = [self._block(objective) for objective in self.objectives]
        for objective, jump in zip(self.objectives, self.jumps, strict=True):
            if jump is not None:
                blocks.append(Block(f"{objective.label}: jump", 1, "jump"))
        return (*blocks, *(Block(f"prior of {p.name}", 1, "prior") for p in self.priors))

    def _block(self, objective: Objective) -> Block:
        if not isinstance(objective.observable, SpectralObservable):
            return Block(objective.label, 1 if objective.measurement is None else len(objective.measurement))
        spectra = self.maps[objective.label]
        free = len(objective.observable.spectra(self.model.states))
        conditions, points = spectra.shape
        return Block(objective.label, int(spectra.scores.size), stands_for=(conditions - free) * points)

    def problem(self) -> Problem:
        """Return the least-squares problem for the fit engine."""
        return Problem(self.parameters, self.residuals, self.blocks())

    def residuals(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted residuals and their Jacobian in the free parameters.

        Parameters
        ----------
        vector : ndarray (F,)
            Free parameters, SI.

        Returns
        -------
        residuals : ndarray (R,)
            (data - prediction)/sigma; for limits the root of -2 ln Phi.
        jacobian : ndarray (R, F)

        Raises
        ------
        NotConvergedError
            If any population did not converge there.
        """
        full = self.parameters.expand(vector)
        names = self.parameters.names
        values = dict(zip(names, full.tolist(), strict=True))
        predictions = self.predictions(values)
        parts: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        for objective, (predicted, jacobian) in zip(self.objectives, predictions, strict=True):
            scale = self.noise_scales.get(objective.label, 1.0)
            if objective.is_map:
                residual, jacobian = map_residuals(self.maps[objective.label], predicted, jacobian, scale)
                parts.append(residual)
                rows.append(jacobian)
                continue
            residual, slope = weigh(objective, predicted, scale)
            parts.append(residual)
            rows.append(slope[:, None] * jacobian)
        for objective, jump in zip(self.objectives, self.jumps, strict=True):
            if jump is not None:
                distance, row = self.jump_residual(objective, jump, values)
                parts.append(np.array([distance]))
                rows.append(row[None, :])
        for parameter in self.priors:
            assert parameter.prior is not None
            row = np.zeros((1, len(names)))
            index = self.parameters.index(parameter.name)
            row[0, index] = 1.0 / parameter.prior.sigma
            parts.append(np.array([(full[index] - parameter.prior.mean) / parameter.prior.sigma]))
            rows.append(row)
        return np.concatenate(parts), np.concatenate(rows) @ self.parameters.matrix

    def jump_residual(self, objective: Objective, jump: Jump, values: Mapping[str, float]) -> tuple[float, np.ndarray]:
        """Switching temperature against the interval of an observed jump, and its gradient in all parameters."""
        assert objective.measurement is not None
        names = self.parameters.names
        offset = values[objective.temperature_offset] if objective.temperature_offset else 0.0
        lag = LAG_UP if jump.heating else LAG_DOWN
        template = replace(objective.measurement.conditions[:1], time=None)
        window = (max(1.0, 0.2 * jump.temperature), 5.0 * jump.temperature)
        switch = switching_temperature(
            self.model, values, template, heating=jump.heating, lag=min(max(values[lag], 0.0), 1.0), window=window
        )
        if switch is None:
            # far from the solution the model may not switch at all: hold the residual at the edge of the window
            edge = never_switches(self.model, values, template, heating=jump.heating, window=window)
            switch = Switch(edge, np.zeros(len(self.model.parameters)), "gradual")
        row = switch_row(switch, self.model, names, lag)
        if objective.temperature_offset:
            row[names.index(objective.temperature_offset)] -= 1.0
        return (switch.temperature - jump.temperature - offset) / jump.sigma, row / jump.sigma

    def predictions(self, values: Mapping[str, float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Predicted values and their Jacobian in all parameters, one pair an objective.

        Parameters
        ----------
        values : mapping of str to float
            All parameters, SI.

        Returns
        -------
        list of (ndarray (n,), ndarray (n, K))
            For spectra the amounts of their c pure spectra, (n, c) and (n, K, c).
        """
        names = self.parameters.names
        raw: list[tuple[np.ndarray, np.ndarray, np.ndarray] | None] = [None] * len(self.objectives)
        for group in self._groups:
            conditions = _shifted(group, self.objectives, values)
            populations, fold = self._populations(group, conditions, values)
            for request in group.requests:
                objective = self.objectives[request.objective]
                points = request.conditions if conditions is group.conditions else conditions[request.places]
                found = _observe(objective, populations[request.places], points, values, names, fold)
                target = raw[request.objective]
                if target is None and request.rows.size == objective.points:
                    raw[request.objective] = found
                    continue
                if target is None:
                    empty = [np.empty((objective.points, *part.shape[1:])) for part in found]
                    target = raw[request.objective] = (empty[0], empty[1], empty[2])
                for whole, part in zip(target, found, strict=True):
                    whole[request.rows] = part
        return [self._finish(objective, raw[i], values) for i, objective in enumerate(self.objectives)]

    def _around_extremum(
        self, objective: Objective, raw: tuple[np.ndarray, np.ndarray, np.ndarray], values: Mapping[str, float]
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
        """Temperatures, curve and motion of the temperatures on which a statement is evaluated.

        The grid of a window only brackets its extremum. The curve is computed again at three temperatures centred on
        it, so that the extremum is a smooth function of the parameters wherever it lies. These temperatures move with
        the parameters; the Jacobian that comes back includes that.
        """
        statement = objective.statement
        assert statement is not None
        grid, motion = statement.grid(), np.zeros(len(self.parameters))
        if statement.window is None or extreme(statement, raw[0]) in (0, grid.size - 1):
            return grid, raw, motion
        position = replace(statement, kind="maximum_position")
        sign = -1.0 if statement.kind == "above" else 1.0
        offset = values[objective.temperature_offset] if objective.temperature_offset else 0.0
        near, found = grid, raw
        # a distribution leaves ripples on the scale of its members, which a wider parabola does not see
        for spacing in (WIDE,) if objective.width else (WIDE, FINE):
            t, row = functional(position, near, sign * found[0], sign * found[1])
            motion = motion + row
            near = t + spacing * np.array([-1.0, 0.0, 1.0])
            group = _Group(_side(objective), objective.width, (), Conditions(near + offset, objective.pressure))
            populations, fold = self._populations(group, group.conditions, values)
            curve, jacobian, slope = _observe(
                objective, populations, group.conditions, values, self.parameters.names, fold
            )
            found = (curve, jacobian + slope[:, None] * motion[None, :], slope)
        return near, found, motion

    def _plan(self) -> tuple[_Group, ...]:
        """Sort all points into groups by branch, width and pressure, once."""
        parts: dict[tuple[str, str, float], list[tuple[int, np.ndarray, Conditions]]] = {}
        for index, objective in enumerate(self.objectives):
            conditions = _readings(objective)
            if conditions is None:
                continue
            for side, rows in _sides(objective, self.jumps[index]):
                pressure = 0.0 if side == "equilibrium" else float(conditions.pressure[0])
                parts.setdefault((side, objective.width, pressure), []).append((index, rows, conditions[rows]))
        groups = []
        for (side, width, _), members in parts.items():
            ends = np.cumsum([rows.size for _, rows, _ in members])
            requests = tuple(
                _Request(index, rows, slice(int(end) - rows.size, int(end)), conditions)
                for (index, rows, conditions), end in zip(members, ends, strict=True)
            )
            groups.append(_Group(side, width, requests, concatenate([request.conditions for request in requests])))
        return tuple(groups)

    def _populations(
        self, group: _Group, conditions: Conditions, values: Mapping[str, float]
    ) -> tuple[Populations, Fold | None]:
        fold: Fold | None = None
        if group.width:
            # statements often share their windows, and members of a distribution are many
            distinct, back = _distinct(conditions)
            if group.side == "equilibrium":
                populations = distributed_equilibrium(self.model, group.width, values, distinct)
            else:
                populations = distributed(
                    self.model, group.width, values, lambda member: _on_side(member, distinct, values, group.side)[0]
                )
            populations = populations[back]
        else:
            populations, fold = _on_side(self.model, conditions, values, group.side)
        return populations.require_converged(f"joint fit, {group.side} branch"), fold

    def _finish(
        self,
        objective: Objective,
        raw: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
        values: Mapping[str, float],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Apply statements, factors, offsets and correlated shifts to the raw curve."""
        names = self.parameters.names
        if raw is None:
            assert objective.statement is not None
            predicted, row = switching_statement(self.model, objective.statement, values, objective.pressure, names)
            return np.array([predicted]), row[None, :]
        if objective.statement is not None:
            temperature, raw, motion = self._around_extremum(objective, raw, values)
        curve, jacobian, slope = raw
        if objective.temperature_offset:
            jacobian[:, names.index(objective.temperature_offset)] += slope
        if objective.factor:
            factor = values[objective.factor]
            jacobian *= factor
            jacobian[:, names.index(objective.factor)] += curve
            curve = curve * factor
        if objective.measurement is not None:
            for term in objective.measurement.correlated:
                name = shift_name(objective, term.name)
                curve = curve + values[name] * np.asarray(term.effect)
                jacobian[:, names.index(name)] += term.effect
            return curve, jacobian
        assert objective.statement is not None
        value, row = functional(objective.statement, temperature, curve, jacobian)
        if objective.statement.kind == "maximum_position":
            row = row + motion
        return np.array([value]), row[None, :]


def _readings(objective: Objective) -> Conditions | None:
    """Conditions at which an objective needs its curve, as read by the instrument; None for transitions."""
    if objective.measurement is not None:
        return replace(objective.measurement.conditions, light=(), time=None)
    assert objective.statement is not None
    if objective.statement.is_transition:
        return None
    return Conditions(objective.statement.grid(), objective.pressure)


def _side(objective: Objective) -> str:
    """Branch on which an objective without a jump lies: runs start on the side they come from."""
    return {"heating": "low", "cooling": "high"}.get(objective.branch, "equilibrium")


def _sides(objective: Objective, jump: Jump | None) -> list[tuple[str, np.ndarray]]:
    """Branches of an objective's points: the data say on which side of a jump each one lies."""
    every = np.arange(objective.points)
    if jump is None or objective.measurement is None:
        return [(_side(objective), every)]
    cold = objective.measurement.temperature <= jump.below
    return [("low", every[cold]), ("high", every[~cold])]


def _shifted(group: _Group, objectives: tuple[Objective, ...], values: Mapping[str, float]) -> Conditions:
    """Conditions of a group with the temperature offsets of its instruments added."""
    temperature = None
    for request in group.requests:
        offset = objectives[request.objective].temperature_offset
        if offset:
            temperature = np.array(group.conditions.temperature) if temperature is None else temperature
            temperature[request.places] += values[offset]
    if temperature is None:
        return group.conditions
    if not np.all(temperature > 0):
        # a trial step of the fit, to be refused
        raise ArithmeticError("a temperature offset leads below 0 K")
    return replace(group.conditions, temperature=temperature)


def _distinct(conditions: Conditions) -> tuple[Conditions, np.ndarray]:
    """Conditions without repetitions of (T, P), and where each of the given ones is among them."""
    pairs = np.stack([conditions.temperature, conditions.pressure], axis=1)
    _, first, back = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return conditions[first], back.reshape(-1)


def _on_side(
    model: Model, conditions: Conditions, values: Mapping[str, float], side: str
) -> tuple[Populations, Fold | None]:
    if side == "equilibrium":
        return equilibrium(model, conditions, values), None
    return side_populations(model, conditions, values, high=side == "high")


def _observe(
    objective: Objective,
    populations: Populations,
    conditions: Conditions,
    values: Mapping[str, float],
    names: tuple[str, ...],
    fold: Fold | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction, Jacobian and slope in T; those of the amounts of pure spectra have one more axis at the end."""
    observable = objective.observable
    assert observable is not None
    if not isinstance(observable, SpectralObservable):
        return _along(objective, lambda at: observable.predict(at, conditions, values), populations, conditions, names,
                      fold)  # fmt: skip

    def amount(k: int) -> Callable[[Populations], Prediction]:
        return lambda at: observable.amounts(at, conditions, values)[k]

    count = len(observable.amounts(populations, conditions, values))
    parts = [_along(objective, amount(k), populations, conditions, names, fold) for k in range(count)]
    return tuple(np.stack(part, axis=-1) for part in zip(*parts, strict=True))  # type: ignore[return-value]


def _along(
    objective: Objective,
    predict: Callable[[Populations], Prediction],
    populations: Populations,
    conditions: Conditions,
    names: tuple[str, ...],
    fold: Fold | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction, Jacobian and slope in T; past the end of a branch it moves towards the other branch."""
    prediction = predict(populations)
    jacobian, slope = chain(prediction, populations, names)
    predicted = np.array(prediction.values)
    if objective.statement is not None and objective.statement.window is not None and prediction.d_x_t is not None:
        _refuse_spikes(objective.label, populations, np.asarray(conditions.temperature))
    past = populations.status == Status.PAST_FOLD
    if fold is not None and past.any():
        # the prediction moves linearly from the end of the branch towards the minimum that follows it
        other = replace(
            populations,
            x=np.where(past[:, None], fold.x_after[None, :], populations.x),
            x_theta=np.where(past[:, None, None], fold.after_theta[None, :, :], populations.x_theta),
        )
        step = predict(other)
        step_jacobian, _ = chain(step, other, names)
        distance = (np.asarray(conditions.temperature) - fold.temperature) / PAST_FOLD_WIDTH
        weight = np.where(past, np.abs(distance), 0.0)
        rise = step.values - prediction.values
        predicted = predicted + weight * rise
        jacobian = jacobian + weight[:, None] * (step_jacobian - jacobian)
        columns = [names.index(name) for name in populations.parameter_names]
        pull = np.where(past, np.sign(distance) * rise / PAST_FOLD_WIDTH, 0.0)
        jacobian[:, columns] -= pull[:, None] * fold.t_theta[None, :]
    return predicted, jacobian, slope


def _refuse_spikes(label: str, populations: Populations, temperature: np.ndarray) -> None:
    """Refuse a temperature derivative across a jump: it is infinite there, which no pointwise value shows."""
    steps = np.diff(populations.x, axis=0)
    slopes = 0.5 * np.diff(temperature)[:, None] * (populations.x_t[1:] + populations.x_t[:-1])
    wrong = np.max(np.abs(steps - slopes), axis=1) > SPIKE
    if wrong.any():
        raise NotConvergedError(
            f"{label}: the populations jump near {temperature[:-1][wrong][0]:.4g} K, where a temperature derivative is"
            " infinite; at these parameter values the statement has no answer"
        )
