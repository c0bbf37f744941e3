"""What the data determine and what they leave open, as sentences with numbers; the same code for every study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labile.core.conditions import Conditions
from labile.core.uncertain import format_uncertain
from labile.core.units import field_unit, from_si, pretty_unit, scale_to_si, shown_unit
from labile.fitting.profile import profile_interval
from labile.inference.comparison import compare
from labile.inference.joint_fit import JointFit, evaluate
from labile.models.equilibrium import equilibrium
from labile.models.populations import Status

MEANINGLESS = 10.0
"""Standard uncertainty of a population from which it counts as undetermined."""
STRONG = 0.9
"""|correlation| from which two numbers are called degenerate."""
IMPLAUSIBLE = 1e-3
"""Probability of chi2 below which the model is said not to describe the data."""
SETTLED = 0.02
"""An interval of a population narrower than this is not worth a sentence."""
INTEGRALS = {"polarization": "pyroelectric_coefficient"}
"""Quantities that are the temperature integral of another."""


@dataclass(frozen=True)
class Finding:
    """One thing the reader of a report must know.

    Attributes
    ----------
    kind : {"degeneracy", "interval", "not_determined", "closure", "misfit", "untested", "bound"}
    title : str
    text : str
        Plain sentences with numbers in the units of the field.
    numbers : mapping of str to float or str
        The numbers of the text, SI, for machines.
    """

    kind: str
    title: str
    text: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class DerivedPopulation:
    """Population of one state at one temperature with its gradient, a number the fit determines or not."""

    state: str
    temperature: float
    value: float
    gradient: np.ndarray


def findings(fitted: JointFit, comparisons: Mapping[str, JointFit] | None = None) -> tuple[Finding, ...]:
    """Everything that limits or contradicts the answer of a joint fit.

    Parameters
    ----------
    fitted : JointFit
    comparisons : mapping of str to JointFit, optional
        Alternative models on the same objectives.

    Returns
    -------
    tuple of Finding
    """
    populations = derived_populations(fitted)
    out: list[Finding] = []
    out += _degenerate_parameters(fitted)
    told: list[np.ndarray] = []
    for population in reversed(populations):
        # with closure two populations may be one number; it is told once, for the state further up
        if not any(_parallel(fitted, population.gradient, other) for other in told):
            out += _population_findings(fitted, population)
            told.append(population.gradient)
    out += closure(fitted)
    out += _adequacy(fitted)
    out += _misfits(fitted, comparisons or {})
    out += [
        Finding("bound", f"{name} is on its bound", f"{name} ended on a bound; its uncertainty is not meaningful.")
        for name in fitted.result.at_bound
    ]
    return tuple(out)


def _parallel(fitted: JointFit, first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two derived numbers are the same one for this covariance (|correlation| > 0.999)."""
    spread = fitted.result.propagate(first) * fitted.result.propagate(second)
    if not (math.isfinite(spread) and spread > 0):
        return bool(np.allclose(first, -second))
    covariance = np.where(np.isfinite(fitted.result.covariance), fitted.result.covariance, 0.0)
    return abs(float(first @ covariance @ second)) > 0.999 * spread


def temperature_range(fitted: JointFit) -> tuple[float, float]:
    """Lowest and highest temperature that any objective speaks of, K."""
    temperatures: list[float] = []
    for objective in fitted.joint.objectives:
        if objective.measurement is not None:
            temperatures += [
                float(objective.measurement.temperature.min()),
                float(objective.measurement.temperature.max()),
            ]
        elif objective.statement is not None:
            temperatures += [*objective.statement.temperatures, *(objective.statement.window or ())]
    if not temperatures:
        return 10.0, 300.0
    return min(temperatures), max(temperatures)


def derived_populations(fitted: JointFit) -> tuple[DerivedPopulation, ...]:
    """Population of every state but the reference at the highest temperature of the data.

    Parameters
    ----------
    fitted : JointFit

    Returns
    -------
    tuple of DerivedPopulation
        Gradients are in the free parameters.
    """
    _, top = temperature_range(fitted)
    joint = fitted.joint
    x = equilibrium(joint.model, Conditions(top), fitted.values)
    if x.status[0] == Status.NOT_CONVERGED:
        return ()
    names = joint.parameters.names
    columns = [names.index(name) for name in x.parameter_names]
    matrix = joint.parameters.matrix[columns]
    return tuple(
        DerivedPopulation(state, top, float(x.x[0, i]), x.x_theta[0, :, i] @ matrix)
        for i, state in enumerate(x.state_names)
        if i
    )


def _shown(fitted: JointFit, name: str) -> str:
    parameter = fitted.result.parameters[name]
    value, sigma = fitted.result.value(name), fitted.result.sigma_of(name)
    if not parameter.unit:
        return format_uncertain(value, sigma)
    text = format_uncertain(
        float(from_si(value, parameter.unit, parameter.quantity)),
        sigma / scale_to_si(parameter.unit, parameter.quantity),
    )
    return f"{text} {shown_unit(parameter.unit, parameter.quantity)}".strip()


def _degenerate_parameters(fitted: JointFit) -> list[Finding]:
    names, correlation = fitted.result.free_names, fitted.result.correlation
    out = []
    for i, first in enumerate(names):
        for j in range(i):
            rho = float(correlation[i, j])
            if math.isfinite(rho) and abs(rho) >= STRONG:
                second = names[j]
                out.append(
                    Finding(
                        "degeneracy",
                        f"{second} and {first} are nearly degenerate",
                        f"Their correlation is {rho:+.3f}: the data fix a combination of {second}"
                        f" ({_shown(fitted, second)}) and {first} ({_shown(fitted, first)}) much better than either.",
                        {"first": second, "second": first, "correlation": rho},
                    )
                )
    return out


def _population_findings(fitted: JointFit, population: DerivedPopulation) -> list[Finding]:
    result, joint = fitted.result, fitted.joint
    label = f"x_{population.state}({population.temperature:g} K)"
    if not np.any(population.gradient):
        # no free parameter moves it: it is an input of the fit, not something that the data leave open
        return []
    sigma = result.propagate(population.gradient)
    out: list[Finding] = []

    def functional(vector: np.ndarray) -> tuple[float, np.ndarray]:
        values = joint.parameters.as_dict(vector)
        x = equilibrium(joint.model, Conditions(population.temperature), values)
        i = x.state_names.index(population.state)
        columns = [joint.parameters.names.index(name) for name in x.parameter_names]
        return float(x.x[0, i]), x.x_theta[0, :, i] @ joint.parameters.matrix[columns]

    interval = profile_interval(joint.problem(), result, functional)
    low = 0.0 if interval.lower is None else interval.lower
    high = 1.0 if interval.upper is None else interval.upper
    open_ends = [end for end, value in (("below", interval.lower), ("above", interval.upper)) if value is None]
    note = f" (the data and priors do not bound it {' or '.join(open_ends)})" if open_ends else ""
    if high - low > SETTLED:
        out.append(
            Finding(
                "interval",
                f"{label} lies between {low:.2f} and {high:.2f}",
                f"The best fit has {label} = {population.value:.3f}; within one unit of chi2 (68 %), all other"
                f" parameters refitted, it may lie from {low:.3f} to {high:.3f}{note}.",
                {"value": population.value, "lower": low, "upper": high, "sigma": sigma},
            )
        )
    if math.isfinite(sigma) and sigma > 0:
        for j, name in enumerate(result.free_names):
            spread = result.sigma[j]
            if not (math.isfinite(spread) and spread > 0):
                continue
            rho = float(np.nan_to_num(result.covariance[j], posinf=0.0) @ population.gradient) / (sigma * spread)
            if abs(rho) >= STRONG:
                out.append(
                    Finding(
                        "degeneracy",
                        f"{label} and {name} are nearly degenerate",
                        f"The correlation of {label} = {format_uncertain(population.value, sigma)} with {name} ="
                        f" {_shown(fitted, name)} is {rho:+.3f}: a larger population with a smaller {name}, or the"
                        " reverse, describes the data almost as well."
                        if rho < 0
                        else f"The correlation of {label} = {format_uncertain(population.value, sigma)} with {name} ="
                        f" {_shown(fitted, name)} is {rho:+.3f}: both may grow or shrink together.",
                        {"population": label, "parameter": name, "correlation": rho},
                    )
                )
    out += _technique_power(fitted, population, label, sigma)
    return out


def _technique_power(fitted: JointFit, population: DerivedPopulation, label: str, sigma: float) -> list[Finding]:
    """Ask of each technique alone, priors left out, whether it determines a population."""
    result, joint = fitted.result, fitted.joint
    techniques = sorted({o.technique for o in joint.objectives if o.technique})
    if len(techniques) < 2:
        return []
    rows_of: dict[str, list[int]] = {t: [] for t in techniques}
    prior_rows: list[int] = []
    technique_of = {o.label: o.technique for o in joint.objectives}
    position = 0
    for block in result.blocks:
        rows = range(position, position + block.size)
        position += block.size
        if block.kind == "prior":
            prior_rows += rows
        else:
            technique = technique_of.get(block.name.removesuffix(": jump"), "")
            if technique:
                rows_of[technique] += rows
    out = []
    for technique in techniques:
        alone, informed = (
            _open_if_meaningless(_spread(result.jacobian[rows], population.gradient))
            for rows in (rows_of[technique], rows_of[technique] + prior_rows)
        )
        if math.isfinite(alone) and alone <= 0.25:
            continue
        text = (
            f"The {technique} data alone leave {label} undetermined: other parameters can compensate any value."
            if math.isinf(alone)
            else f"The {technique} data alone give {label} only to ±{alone:.2f}."
        )
        if math.isfinite(informed) and prior_rows:
            text += f" With the priors it becomes {population.value:.2f} ± {informed:.2f}"
            text += " (hardly more than no answer)." if informed > 0.25 else "."
        text += f" Together, all techniques and priors give ±{sigma:.2f}." if math.isfinite(sigma) else ""
        out.append(
            Finding(
                "not_determined",
                f"{technique} alone cannot fix {label}",
                text,
                {"technique": technique, "population": label, "alone": alone, "with_priors": informed, "joint": sigma},
            )
        )
    return out


def _open_if_meaningless(sigma: float) -> float:
    """A population lies between 0 and 1: an uncertainty beyond `MEANINGLESS` says no more than none at all."""
    return sigma if sigma < MEANINGLESS else math.inf


def _spread(jacobian: np.ndarray, gradient: np.ndarray) -> float:
    """Standard uncertainty of a derived number from these residuals only; infinite when they leave it open."""
    scale = np.sqrt(np.sum(jacobian**2, axis=0))
    used = scale > 0
    if np.any(np.abs(gradient[~used]) > 0):
        return math.inf
    if not used.any():
        return math.inf if np.any(gradient) else 0.0
    _, singular, right = np.linalg.svd(jacobian[:, used] / scale[used], full_matrices=True)
    components = right @ (gradient[used] / scale[used])
    kept = np.zeros(components.size, dtype=bool)
    kept[: singular.size] = singular > 1e-8 * singular[0]
    if np.linalg.norm(components[~kept]) > 1e-6 * np.linalg.norm(components):
        return math.inf
    return float(np.linalg.norm(components[kept] / singular[kept[: singular.size]]))


def closure(fitted: JointFit) -> list[Finding]:
    """Compare changes of an integral quantity with the values of its derivative at the ends of the interval.

    A change between two temperatures fixes the *mean* of the derivative in between. When the mean lies outside the
    values stated at both ends, the derivative must have a maximum (or minimum) inside: the end points alone cannot
    be joined by a monotonous curve.

    Parameters
    ----------
    fitted : JointFit

    Returns
    -------
    list of Finding
    """
    out = []
    for integral, derivative in INTEGRALS.items():
        changes: dict[tuple[str, float, float], tuple[float, float]] = {}
        points: dict[tuple[str, float], tuple[float, float]] = {}
        for objective in fitted.joint.objectives:
            statement, measurement = objective.statement, objective.measurement
            quantity = objective.observable.quantity if objective.observable is not None else ""
            if statement is not None and statement.limit == 0:
                if statement.kind == "difference" and quantity == integral:
                    low, high = statement.temperatures
                    changes[objective.sample, low, high] = (statement.value, statement.sigma)
                elif statement.kind == "value" and quantity == derivative:
                    points[objective.sample, statement.temperatures[0]] = (statement.value, statement.sigma)
            elif measurement is not None and quantity == derivative and measurement.sigma is not None:
                limits = np.zeros(len(measurement), int) if measurement.limits is None else measurement.limits
                for t, y, s, limit in zip(
                    measurement.temperature, measurement.values, measurement.sigma, limits, strict=True
                ):
                    if limit == 0:
                        points[objective.sample, float(t)] = (float(y), float(s))
        intervals = dict(changes)
        for (sample, low, high), (value, sigma) in changes.items():
            for (other, low2, high2), (value2, sigma2) in changes.items():
                if sample == other and low == low2 and high2 > high:
                    intervals[sample, high, high2] = (value2 - value, math.hypot(sigma, sigma2))
        for (sample, low, high), (change, sigma) in intervals.items():
            ends = (points.get((sample, low)), points.get((sample, high)))
            if ends[0] is None or ends[1] is None:
                continue
            out += _closure_finding(derivative, sample, low, high, change, sigma, (ends[0], ends[1]))
    return out


def _closure_finding(
    quantity: str,
    sample: str,
    low: float,
    high: float,
    change: float,
    sigma: float,
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> list[Finding]:
    mean, spread = change / (high - low), sigma / (high - low)
    values = [end[0] for end in ends]
    above = mean > max(values)
    if not above and mean >= min(values):
        return []
    nearest = max(ends) if above else min(ends)
    excess = abs(mean - nearest[0]) / math.hypot(spread, nearest[1])
    unit = field_unit(quantity)
    scale = scale_to_si(unit, quantity)
    shown = [format_uncertain(v / scale, s / scale) for v, s in ((mean, spread), *ends)]
    straight = 0.5 * sum(values) * (high - low)
    what = "maximum" if above else "minimum"
    return [
        Finding(
            "closure",
            f"{sample}: {quantity.replace('_', ' ')} needs a {what} between {low:g} and {high:g} K",
            f"The stated changes imply a mean of {shown[0]} {pretty_unit(unit)} between {low:g} and {high:g} K, but the"
            f" values at the ends are {shown[1]} and {shown[2]}. A straight line between them would give only"
            f" {straight / change:.0%} of the change, so, if both hold, there is a {what} in between"
            f" ({'at least' if above else 'at most'} {mean / scale:.2f}); the mean lies {excess:.1f} sigma outside"
            " the ends.",
            {
                "mean": mean,
                "sigma": spread,
                "low": low,
                "high": high,
                "first": values[0],
                "second": values[1],
                "excess": excess,
                "straight_line_share": straight / change,
            },
        )
    ]


def _expected_largest(points: int) -> float:
    """Weighted residual that the largest of n exceeds by chance in 1 of 22 cases: 2 for one datum, 3.9 for 500."""
    from scipy.special import ndtri

    return -float(ndtri(0.02275 / points))


def _adequacy(fitted: JointFit) -> list[Finding]:
    """Whether chi2 is what scatter gives, and whether anything tests the model at all."""
    from scipy.stats import chi2 as distribution

    result = fitted.result
    freedom = result.degrees_of_freedom
    numbers = {"chi2": result.chi2, "data": float(result.n_data), "free": float(result.n_free)}
    if freedom <= 0:
        text = (
            f"{result.n_data} data and {result.n_free} free parameters: the model can meet every number exactly, so"
            " that chi2 says nothing about whether it is right."
        )
        return [Finding("untested", "Nothing here tests the model", text, numbers)]
    probability = float(distribution.sf(result.chi2, freedom))
    if probability >= IMPLAUSIBLE:
        return []
    return [
        Finding(
            "misfit",
            "The model does not describe the data within their uncertainties",
            f"chi2 is {result.chi2:.4g} for {result.n_data} data and {result.n_free} free parameters; with these"
            f" uncertainties a chi2 as large comes about by chance in a share of {max(probability, 1e-12):.0e} of all"
            " cases. Either the model lacks something or the uncertainties are too small; intervals are then too"
            " narrow.",
            numbers | {"probability": probability},
        )
    ]


def _misfits(fitted: JointFit, comparisons: Mapping[str, JointFit]) -> list[Finding]:
    out = []
    for name, other in {"": fitted, **comparisons}.items():
        rows = []
        for evaluation in evaluate(other):
            i = int(np.argmax(np.abs(evaluation.residuals)))
            if abs(evaluation.residuals[i]) <= _expected_largest(evaluation.n):
                continue
            where = f" at {evaluation.temperature[i]:g} K" if evaluation.n > 1 else ""
            if evaluation.total is not None:
                expected = evaluation.total[1] / evaluation.residuals.size
                found = expected + float(evaluation.residuals[i]) * math.sqrt(2.0 * expected)
                rows.append(
                    f"{evaluation.label}{where}: chi2 of this spectrum is {found:.0f}, about {expected:.0f} is expected"
                )
                continue
            unit = field_unit(evaluation.quantity) or "1"
            scale = scale_to_si(unit, evaluation.quantity)
            sign = {-1: "<", 1: ">", 0: ""}[int(evaluation.limits[i])]
            rows.append(
                f"{evaluation.label}{where}: predicted {evaluation.predicted[i] / scale:.4g}, stated"
                f" {sign}{format_uncertain(evaluation.observed[i] / scale, evaluation.sigma[i] / scale)}"
                f" {shown_unit(unit, evaluation.quantity)} ({evaluation.residuals[i]:+.1f} sigma)"
            )
        if rows:
            subject = f"The alternative {name!r}" if name else "The model"
            out.append(
                Finding(
                    "misfit",
                    f"{subject} misses {len(rows)} of the data by more than scatter explains",
                    f"{subject} (chi2 {other.result.chi2:.1f}) misses " + "; ".join(rows) + ".",
                    {"model": name, "chi2": other.result.chi2, "missed": float(len(rows))},
                )
            )
    if comparisons:
        rows_ = compare({"model": fitted, **comparisons})
        best = min(rows_, key=lambda row: row.bic)
        if best.name != "model":
            out.append(
                Finding(
                    "misfit",
                    f"The alternative {best.name!r} has a smaller BIC",
                    f"BIC of {best.name!r} is {best.bic:.1f}, {rows_[0].bic - best.bic:.1f} below that of the model.",
                    {"model": best.name, "delta_bic": rows_[0].bic - best.bic},
                )
            )
    return out
