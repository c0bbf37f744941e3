"""Fit one model to everything, and look at what came out: curves with bands, residuals by objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.conditions import Conditions, Path
from labile.core.constants import AMBIENT_PRESSURE
from labile.fitting.least_squares import fit
from labile.fitting.result import FitResult
from labile.inference.joint_problem import JointProblem
from labile.inference.jump_start import start_at_jumps
from labile.inference.objective import Objective, ObjectiveError
from labile.inference.switching import LAG_DOWN, LAG_UP
from labile.models.distribution import distributed, distributed_equilibrium
from labile.models.equilibrium import equilibrium
from labile.models.evolution import evolve
from labile.models.observable import chain
from labile.models.populations import Populations, Status
from labile.models.transitions import equilibrium_transition

NOISE_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class JointFit:
    """A joint problem with its solution.

    Attributes
    ----------
    joint : JointProblem
        With the noise scales found.
    result : FitResult
    noise_scales : mapping of str to (float, float)
        Scale and its standard uncertainty of every objective with free noise.
    warnings : tuple of str
        What the reader of the result must know.
    """

    joint: JointProblem
    result: FitResult
    noise_scales: Mapping[str, tuple[float, float]]
    warnings: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """All parameters at the solution, SI."""
        return self.result.parameters.as_dict()


@dataclass(frozen=True, eq=False)
class Curve:
    """A predicted quantity along temperature with its 1-sigma band.

    Attributes
    ----------
    temperature, values, sigma : ndarray (N,)
        K and SI; NaN where a point did not converge, sigma infinite where the data leave it open.
    status : ndarray (N,) of int
        `labile.models.populations.Status`.
    quantity, branch, label : str
    """

    temperature: np.ndarray
    values: np.ndarray
    sigma: np.ndarray
    status: np.ndarray
    quantity: str
    branch: str
    label: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Data against prediction of one objective.

    Attributes
    ----------
    label, technique, sample, branch, text : str
    quantity : str
        Of predicted and observed (``temperature`` for positions and transitions).
    temperature : ndarray (n,)
        K; of a statement: where it speaks of, NaN if nowhere.
    observed, predicted, sigma : ndarray (n,)
        SI; sigma includes the noise scale.
    limits : ndarray (n,) of int
        -1 and +1 mark one-sided data.
    residuals : ndarray (n,)
        Weighted.
    """

    label: str
    technique: str
    sample: str
    branch: str
    text: str
    quantity: str
    temperature: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray
    sigma: np.ndarray
    limits: np.ndarray
    residuals: np.ndarray

    @property
    def chi2(self) -> float:
        """Sum of squared weighted residuals."""
        return float(np.sum(self.residuals**2))

    @property
    def n(self) -> int:
        """Number of data."""
        return int(self.residuals.size)


def fit_jointly(
    joint: JointProblem,
    *,
    starts: int = 4,
    seed: int = 0,
    max_iterations: int = 2000,
    progress: Callable[..., None] | None = None,
) -> JointFit:
    """Fit one set of parameters to all objectives.

    Parameters
    ----------
    joint : JointProblem
    starts : int
        Starting points: the given values and scattered ones.
    seed : int
        Of the scattered starts; the same seed gives the same result.
    max_iterations : int
    progress : callable, optional
        Passed to the fit engine.

    Returns
    -------
    JointFit
        Free noise scales are their maximum-likelihood values, sqrt(RSS/n), iterated to consistency with the fit;
        their standard uncertainty is scale/sqrt(2n).
    """

    def prepare(vector: np.ndarray) -> np.ndarray:
        return start_at_jumps(joint, joint.parameters.with_vector(vector)).vector

    result = fit(
        joint.problem(),
        starts=starts,
        seed=seed,
        max_iterations=max_iterations,
        progress=progress,
        prepare=prepare if any(joint.jumps) else None,
    )
    free = [o for o in joint.objectives if o.noise == "free"]
    for _ in range(NOISE_ROUNDS if free else 0):
        blocks = result.by_block()
        scales = dict(joint.noise_scales)
        for objective in free:
            residuals = blocks[objective.label]
            scales[objective.label] = scales.get(objective.label, 1.0) * math.sqrt(np.mean(residuals**2))
        change = max(abs(scales[o.label] / joint.noise_scales.get(o.label, 1.0) - 1.0) for o in free)
        joint = replace(joint, parameters=result.parameters, noise_scales=scales)
        result = fit(joint.problem(), starts=1, seed=seed, max_iterations=max_iterations)
        if change < 1e-6:
            break
    noise = {
        o.label: (s, s / math.sqrt(2 * len(o.measurement)))
        for o in free
        if o.measurement is not None and (s := joint.noise_scales[o.label])
    }
    return JointFit(replace(joint, parameters=result.parameters), result, noise, _warnings(joint, result))


def _warnings(joint: JointProblem, result: FitResult) -> tuple[str, ...]:
    warnings = []
    if not result.converged:
        warnings.append(f"the fit did not converge: {result.status.value}")
    warnings += [f"{name} ended on its bound" for name in result.at_bound]
    for objective, jump in zip(joint.objectives, joint.jumps, strict=True):
        if jump is not None:
            warnings.append(
                f"{objective.label}: the data jump between {jump.below:g} and {jump.above:g} K; each point is compared"
                " with the branch it lies on, and the jump is fitted as a switching temperature"
            )
    warnings += _spikes(joint, result)
    return tuple(warnings)


def _spikes(joint: JointProblem, result: FitResult) -> list[str]:
    """Say where a first-order step hides a spike of a temperature derivative between the points."""
    slopes = [
        o.measurement.conditions[:1]
        for o in joint.objectives
        if o.measurement is not None and o.measurement.quantity == "pyroelectric_coefficient"
    ]
    if not slopes or not result.converged or not joint.model.shifted:
        return []
    values = result.parameters.as_dict()
    switch = equilibrium_transition(joint.model, values, slopes[0])
    if switch is None or switch.kind == "gradual":
        return []
    return [
        f"the model has a first-order step at {switch.temperature:.2f} K; the pyroelectric coefficient is a spike there"
        " that the pointwise comparison with the data does not contain"
    ]


def evaluate(fitted: JointFit) -> tuple[Evaluation, ...]:
    """Data, prediction and weighted residuals of every objective.

    Parameters
    ----------
    fitted : JointFit

    Returns
    -------
    tuple of Evaluation
        In the order of the objectives.
    """
    joint = fitted.joint
    blocks = fitted.result.by_block()
    out = []
    for objective, (predicted, _) in zip(joint.objectives, joint.predictions(fitted.values), strict=True):
        measurement, statement = objective.measurement, objective.statement
        if measurement is not None:
            assert measurement.sigma is not None
            temperature, observed = measurement.temperature, measurement.values
            sigma = measurement.sigma * joint.noise_scales.get(objective.label, 1.0)
            limits = np.zeros(len(measurement), dtype=int) if measurement.limits is None else measurement.limits
            quantity, text = measurement.quantity, ""
        else:
            assert statement is not None
            temperature = np.array([statement.temperatures[-1] if statement.temperatures else math.nan])
            observed, sigma = np.array([statement.value]), np.array([statement.sigma])
            limits = np.array([{"above": 1, "below": -1}.get(statement.kind, statement.limit)])
            quantity = statement.quantity or ("" if objective.observable is None else objective.observable.quantity)
            text = statement.text
        out.append(
            Evaluation(
                objective.label,
                objective.technique,
                objective.sample,
                objective.branch,
                text,
                quantity,
                temperature,
                observed,
                predicted,
                sigma,
                limits,
                blocks[objective.label],
            )
        )
    return tuple(out)


def _branch_populations(
    fitted: JointFit, temperature: np.ndarray, branch: str, pressure: float, width: str
) -> Populations:
    model, values = fitted.joint.model, fitted.values
    conditions = Conditions(temperature, pressure)
    if branch not in ("heating", "cooling"):
        if width:
            return distributed_equilibrium(model, width, values, conditions)
        return equilibrium(model, conditions, values)
    order = np.argsort(temperature, kind="stable")
    if branch == "cooling":
        order = order[::-1]
    first = float(temperature[order[0]])
    approach = np.geomspace(first * (2.0 if branch == "cooling" else 0.5), first, 20)[:-1]
    path = Path(Conditions(np.concatenate([approach, temperature[order]]), pressure))
    lags = {"lag_up": min(values.get(LAG_UP, 1.0), 1.0), "lag_down": min(values.get(LAG_DOWN, 1.0), 1.0)}

    def along(member):  # type: ignore[no-untyped-def]
        return evolve(member, path, values, **lags)

    populations = distributed(model, width, values, along) if width else along(model)
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return populations[approach.size + back]


def predict_curve(fitted: JointFit, objective: Objective, temperature: np.ndarray, branch: str | None = None) -> Curve:
    """Curve of an objective's observable with its 1-sigma band from the fit's covariance.

    Parameters
    ----------
    fitted : JointFit
    objective : Objective
        One with an observable.
    temperature : ndarray (N,)
        K.
    branch : str, optional
        Other than the objective's own.

    Returns
    -------
    Curve
    """
    if objective.observable is None:
        raise ObjectiveError(f"objective {objective.label!r} has no observable and so no curve")
    temperature = np.asarray(temperature, dtype=float)
    branch = branch or objective.branch
    pressure = objective.pressure
    if objective.measurement is not None:
        pressure = float(objective.measurement.conditions.pressure[0])
    populations = _branch_populations(fitted, temperature, branch, pressure, objective.width)
    prediction = objective.observable.predict(populations, Conditions(temperature, pressure), fitted.values)
    jacobian, _ = chain(prediction, populations, fitted.joint.parameters.names)
    sigma = fitted.result.propagate(jacobian @ fitted.joint.parameters.matrix)
    return Curve(
        temperature,
        prediction.values,
        sigma,
        populations.status,
        objective.observable.quantity,
        branch,
        objective.label,
    )


def population_curves(
    fitted: JointFit,
    temperature: np.ndarray,
    branch: str = "equilibrium",
    pressure: float = AMBIENT_PRESSURE,
    width: str = "",
) -> dict[str, Curve]:
    """Population of every state with its 1-sigma band.

    Parameters
    ----------
    fitted : JointFit
    temperature : ndarray (N,)
        K.
    branch : {"equilibrium", "heating", "cooling"}
    pressure : float
        Pa.
    width : str
        Parameter of a distribution of T1/2, empty for none.

    Returns
    -------
    dict of str to Curve
        By state name.
    """
    temperature = np.asarray(temperature, dtype=float)
    populations = _branch_populations(fitted, temperature, branch, pressure, width)
    names = fitted.joint.parameters.names
    columns = [names.index(name) for name in populations.parameter_names]
    curves = {}
    for i, state in enumerate(populations.state_names):
        jacobian = populations.x_theta[:, :, i] @ fitted.joint.parameters.matrix[columns]
        sigma = fitted.result.propagate(jacobian)
        curves[state] = Curve(temperature, populations.x[:, i], sigma, populations.status, "population", branch, state)
    return curves


def converged_only(curve: Curve) -> Curve:
    """Return the curve with NaN wherever the solver did not converge, ready to be drawn."""
    bad = curve.status == Status.NOT_CONVERGED
    return replace(curve, values=np.where(bad, np.nan, curve.values), sigma=np.where(bad, np.nan, curve.sigma))
