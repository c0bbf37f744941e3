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
from labile.fitting.variable_projection import corrected_covariance
from labile.inference.joint_problem import JointProblem
from labile.inference.jump_start import start_at_jumps
from labile.inference.objective import Objective, ObjectiveError
from labile.inference.spectral_maps import Explained, explain, map_noise
from labile.inference.switching import LAG_DOWN, LAG_UP
from labile.models.distribution import distributed, distributed_equilibrium
from labile.models.equilibrium import equilibrium
from labile.models.evolution import evolve
from labile.models.observable import SpectralObservable, chain
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
    total : (float, int) or None
        chi2 and number of data of spectra, for which the arrays hold one number a spectrum: observed and predicted
        means along the axis, and as residual how many standard deviations chi2 of the spectrum is off.
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
    total: tuple[float, int] | None = None

    @property
    def chi2(self) -> float:
        """Sum of squared weighted residuals."""
        return float(np.sum(self.residuals**2)) if self.total is None else self.total[0]

    @property
    def n(self) -> int:
        """Number of data; of spectra less the points of the pure spectra that were eliminated."""
        return int(self.residuals.size) if self.total is None else self.total[1]


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
    counts = {block.name: block.count for block in joint.blocks()}
    for _ in range(NOISE_ROUNDS if free else 0):
        blocks = result.by_block()
        scales = dict(joint.noise_scales)
        for objective in free:
            residuals = blocks[objective.label]
            count = counts[objective.label]
            scales[objective.label] = scales.get(objective.label, 1.0) * math.sqrt(np.sum(residuals**2) / count)
        change = max(abs(scales[o.label] / joint.noise_scales.get(o.label, 1.0) - 1.0) for o in free)
        joint = replace(joint, parameters=result.parameters, noise_scales=scales)
        result = fit(joint.problem(), starts=1, seed=seed, max_iterations=max_iterations)
        if change < 1e-6:
            break
    noise = {
        o.label: (s, s / math.sqrt(2 * counts[o.label]))
        for o in free
        if o.measurement is not None and (s := joint.noise_scales[o.label])
    }
    joint = replace(joint, parameters=result.parameters)
    result = without_spectral_noise(joint, result)
    return JointFit(joint, result, noise, _warnings(joint, result))


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
        if objective.is_map:
            out.append(_map_evaluation(objective, explain_map(fitted, objective)))
            continue
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


def explain_map(fitted: JointFit, objective: Objective) -> Explained:
    """Pure spectra and amounts of an objective of spectra, at the solution.

    Parameters
    ----------
    fitted : JointFit
    objective : Objective
        With a measurement along an axis.

    Returns
    -------
    Explained

    Raises
    ------
    ObjectiveError
        If its data are no spectra.
    """
    if not objective.is_map:
        raise ObjectiveError(f"objective {objective.label!r} has no axis; its data are numbers, not spectra")
    joint = fitted.joint
    index = joint.objectives.index(objective)
    amounts, slopes = joint.predictions(fitted.values)[index]
    slopes = np.einsum("nkc,kf->nfc", slopes, joint.parameters.matrix)
    return explain(
        objective, joint.model.states, joint.maps[objective.label], amounts, slopes, fitted.result.covariance,
        joint.noise_scales.get(objective.label, 1.0),
    )  # fmt: skip


def without_spectral_noise(joint: JointProblem, result: FitResult) -> FitResult:
    """The result with the noise of eliminated spectra taken out of its covariance; unchanged without spectra."""
    if not joint.maps or result.undetermined or not np.isfinite(result.covariance).all():
        return result
    predictions = joint.predictions(result.parameters.as_dict())
    moving = np.array([name not in result.at_bound for name in result.free_names], dtype=bool)
    noise = np.zeros((moving.size, moving.size))
    for objective, (amounts, slopes) in zip(joint.objectives, predictions, strict=True):
        if objective.is_map:
            noise += map_noise(joint.maps[objective.label], amounts, slopes, joint.parameters.matrix)
    covariance = np.zeros_like(result.covariance)
    inside = np.ix_(moving, moving)
    covariance[inside] = corrected_covariance(result.jacobian[:, moving], noise[inside])
    lost = tuple(n for n, v in zip(result.free_names, covariance.diagonal(), strict=True) if np.isinf(v))
    return replace(result, covariance=covariance, undetermined=lost)


def _map_evaluation(objective: Objective, found: Explained) -> Evaluation:
    assert objective.measurement is not None
    measurement = objective.measurement
    points = measurement.values.shape[1]
    # each spectrum has lost its share of the degrees of freedom that the pure spectra took
    expected = points * (1.0 - found.amounts.shape[1] / len(measurement))
    per_spectrum = np.sum(found.residuals**2, axis=1)
    return Evaluation(
        objective.label,
        objective.technique,
        objective.sample,
        objective.branch,
        "",
        measurement.quantity,
        measurement.temperature,
        measurement.values.mean(axis=1),
        found.predicted.mean(axis=1),
        np.sqrt(np.sum(found.sigma**2, axis=1)) / points,
        np.zeros(len(measurement), dtype=int),
        (per_spectrum - expected) / math.sqrt(2.0 * max(expected, 1.0)),
        (float(per_spectrum.sum()), (len(measurement) - found.amounts.shape[1]) * points),
    )


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

    def along(member):
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
    if isinstance(objective.observable, SpectralObservable):
        raise ObjectiveError(f"objective {objective.label!r} explains spectra; look at them with explain_map")
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
