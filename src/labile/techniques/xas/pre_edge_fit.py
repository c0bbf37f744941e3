"""Fit of one pre-edge: peaks and rising edge together, of the spectrum alone or with its second derivative."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.core.units import from_si, pretty_unit, scale_to_si
from labile.fitting.covariance import determine
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.edge_coordinates import EdgeCoordinates
from labile.techniques.xas.pre_edge import PreEdgeModel, profile, rising_edge
from labile.techniques.xas.pre_edge_area import trapezoid_weights
from labile.techniques.xas.pre_edge_window import LEAST_NOISE, Window, correlation_length, first_noise, within
from labile.techniques.xas.second_derivative import SecondDerivative

FINE = 40
"""Points per FWHM of the narrowest peak in integrals of fitted peaks."""
TOLERANCE = 1e-6
"""Of the fit: a thousandth of a standard deviation."""
STEPS = 200
"""Iterations along the valley of a rising edge before the fit itself."""
PASSES, SETTLED = 8, 0.05
"""Fits at most until the noise that weighs the points is the scatter about the fit, to 5 %."""
UNITS_OF_AREA = 100.0 / EV
"""Areas are 100 x those in eV of a spectrum whose edge step is 1."""


class Estimate(NamedTuple):
    """A value and its standard uncertainty."""

    value: float
    sigma: float

    def __str__(self) -> str:
        return format_uncertain(self.value, self.sigma)


@dataclass(frozen=True, eq=False)
class PreEdgeFit:
    """A fitted pre-edge.

    Attributes
    ----------
    window : Window
        What was fitted.
    model : PreEdgeModel
    parameters : Parameters
        At the solution, SI.
    covariance : ndarray (P, P)
        Of all parameters in their order; infinite variance where the data do not determine one.
    result : FitResult
        Of the fit it comes from: this spectrum's, or that of its series.
    noise : ndarray (M,)
        Sigma of the points that the covariance stands for.
    correlation : float
        Points that count as one (see `correlation_length`).
    second_derivative : SecondDerivative or None
    notes : tuple of str
    """

    window: Window
    model: PreEdgeModel
    parameters: Parameters
    covariance: np.ndarray
    result: FitResult
    noise: np.ndarray
    correlation: float
    second_derivative: SecondDerivative | None = None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name of the spectrum."""
        return self.window.spectrum.label

    @property
    def energy(self) -> np.ndarray:
        """J, (M,)."""
        return self.window.energy

    @property
    def curve(self) -> np.ndarray:
        """Fitted absorption (M,)."""
        return self.model.evaluate(self.energy, self.parameters.values, self.window.middle)[0]

    @property
    def background(self) -> np.ndarray:
        """Edge and background without peaks (M,)."""
        return self.curve - self.model.peaks_alone(self.energy, self.parameters.values)[0]

    @property
    def residuals(self) -> np.ndarray:
        """Data less fit (M,)."""
        return self.window.data - self.curve

    def peaks(self, energy: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Every peak alone, at the fitted points or other energies (J)."""
        return self.model.each_peak(self.energy if energy is None else energy, self.parameters.values)

    def value(self, name: str) -> Estimate:
        """A parameter with its s.u., SI."""
        gradient = np.zeros(len(self.parameters))
        gradient[self.parameters.index(name)] = 1.0
        return Estimate(float(self.parameters.values[self.parameters.index(name)]), self.sigma_of(gradient))

    def sigma_of(self, gradient: np.ndarray) -> float:
        """Standard uncertainty of a quantity with this gradient in all parameters (P,); infinite if not determined."""
        used = np.flatnonzero(gradient)
        block = self.covariance[np.ix_(used, used)]
        if not np.all(np.isfinite(block)):
            return math.inf
        return math.sqrt(max(float(gradient[used] @ block @ gradient[used]), 0.0))

    def _integrals(self, window: tuple[float, float] | None) -> tuple[float, np.ndarray, float, np.ndarray]:
        """Area and first moment about the window's middle by trapezoid of the fitted peaks, with gradients, SI."""
        low, high = self.window.limits if window is None else window
        if not low < high:
            raise XasError(f"spectrum {self.label!r}: the range of integration must rise, found {low:g} to {high:g} J")
        values = self.parameters.values
        narrowest = min(values[self.parameters.index(f"{name}.fwhm")] for name in self._require_peaks())
        grid = np.linspace(low, high, max(math.ceil(FINE * (high - low) / narrowest) + 1, 51))
        curve, slopes = self.model.peaks_alone(grid, values)
        weight = trapezoid_weights(grid)
        moment = weight * (grid - self.window.middle)
        return float(weight @ curve), weight @ slopes, float(moment @ curve), moment @ slopes

    def _require_peaks(self) -> tuple[str, ...]:
        if not self.model.names:
            raise XasError(f"spectrum {self.label!r}: the fit has no peaks")
        return self.model.names

    def area(self, window: tuple[float, float] | None = None) -> Estimate:
        """100 x trapezoidal area of the sum of the fitted peaks within a window (J; the fitted one by default).

        For a spectrum with edge step 1; SI value of the quantity ``"pre_edge_area"``.
        """
        area, slope, _, _ = self._integrals(window)
        return Estimate(area * UNITS_OF_AREA, self.sigma_of(slope * UNITS_OF_AREA))

    def analytic_area(self) -> Estimate:
        """100 x area of the fitted peaks over all energies."""
        self._require_peaks()
        areas, slopes = self.model.peak_areas(self.parameters.values)
        return Estimate(float(areas.sum()) * UNITS_OF_AREA, self.sigma_of(slopes.sum(axis=0) * UNITS_OF_AREA))

    def missing_tails(self, window: tuple[float, float] | None = None) -> float:
        """Share of the analytic area that lies outside the window: tails of Lorentzians are long."""
        return 1.0 - self.area(window).value / self.analytic_area().value

    def centroid(self, window: tuple[float, float] | None = None) -> Estimate:
        """Centroid of the sum of the fitted peaks within a window, J.

        It is an integral over energy, so that it does not depend on where the data points lie.
        """
        area, d_area, moment, d_moment = self._integrals(window)
        if not area > 0:
            raise XasError(f"spectrum {self.label!r}: the fitted peaks have no area, so no centroid")
        return Estimate(self.window.middle + moment / area, self.sigma_of((d_moment - moment / area * d_area) / area))

    def mean_energy(self) -> Estimate:
        """Positions of the peaks averaged with their analytic areas, J: a centroid that no window cuts."""
        self._require_peaks()
        areas, slopes = self.model.peak_areas(self.parameters.values)
        total = float(areas.sum())
        if not total > 0:
            raise XasError(f"spectrum {self.label!r}: the fitted peaks have no area, so no mean energy")
        positions = self.parameters.values[0 : 3 * areas.size : 3] - self.window.middle
        mean = float(areas @ positions) / total
        gradient = (positions - mean) @ slopes / total
        gradient[0 : 3 * areas.size : 3] += areas / total
        return Estimate(self.window.middle + mean, self.sigma_of(gradient))

    def peak_area(self, *names: str) -> tuple[Estimate, np.ndarray]:
        """100 x analytic area of peaks together, and its gradient in all parameters."""
        for name in names:
            if name not in self.model.names:
                raise XasError(f"spectrum {self.label!r}: no peak {name!r}; there are {', '.join(self.model.names)}")
        areas, slopes = self.model.peak_areas(self.parameters.values)
        chosen = [self.model.names.index(name) for name in names]
        slope = slopes[chosen].sum(axis=0) * UNITS_OF_AREA
        return Estimate(float(areas[chosen].sum()) * UNITS_OF_AREA, self.sigma_of(slope)), slope

    def derivatives(self, filter: SecondDerivative | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies (J) and second derivatives of data and fit, 1/eV^2, with one filter for both."""
        chosen = filter or self.second_derivative or SecondDerivative()
        matrix = chosen.matrix(self.energy / EV)
        return chosen.inner(self.energy), matrix @ self.window.data, matrix @ self.curve

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of name, value with s.u. and unit, and role; areas and centroids last."""
        rows = []
        for p in self.parameters:
            value, sigma = self.value(p.name)
            shown = format_uncertain(float(from_si(value, p.unit, p.quantity)), sigma / scale_to_si(p.unit, p.quantity))
            role = "fixed" if p.fixed else f"tied to {p.tie.to}" if p.tie else "free"
            rows.append((p.name, f"{shown} {pretty_unit(p.unit)}".strip(), role))
        if self.model.names:
            tails = f"{100 * self.missing_tails():.1f} % of the analytic {self.analytic_area()} outside the window"
            rows.append(("area x 100", str(self.area()), tails))
            for name, found in (("centroid", self.centroid()), ("mean energy", self.mean_energy())):
                shown = format_uncertain(found.value / EV, found.sigma / EV)
                rows.append((name, f"{shown} eV", "within the window" if name == "centroid" else "of all tails"))
        return rows

    def __repr__(self) -> str:
        head = f"<PreEdgeFit {self.label!r}: {len(self.model.peaks)} peaks, {self.result.message}>"
        rows = [f"  {name:24s} {value:>24s}  {role}" for name, value, role in self.table()]
        return "\n".join([head, *rows, *(f"  {note}" for note in self.notes)])


def fit_pre_edge(
    spectrum: Measurement,
    window: tuple[float, float],
    model: PreEdgeModel,
    *,
    changes: Iterable[Parameter] = (),
    second_derivative: SecondDerivative | None = None,
    starts: int = 1,
    seed: int = 0,
) -> PreEdgeFit:
    """Fit peaks and rising edge of one spectrum together.

    Parameters
    ----------
    spectrum : Measurement
        ``"normalized_absorption"`` along energy, one condition. Without sigma its noise is taken from the scatter about
        the fit, more where neighbouring residuals go together (`correlation_length`).
    window : tuple of float
        Fitted range, J.
    model : PreEdgeModel
        Its peaks are the start values; those of the edge are found by linear least squares over a grid of edges.
    changes : iterable of Parameter
        Replace parameters by name: start values, bounds, ties, fixed ones.
    second_derivative : SecondDerivative, optional
        Fit the second derivative too. Standard uncertainties count the spectrum's points once.
    starts, seed
        As for `labile.fitting.least_squares.fit`.

    Returns
    -------
    PreEdgeFit

    Raises
    ------
    XasError
        For a spectrum that is not normalised, decreasing energies, peaks outside the window, or no more points than
        free parameters.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> from labile.techniques.xas.pre_edge import Peak
    >>> energy = np.arange(7108.0, 7116.05, 0.1)
    >>> rise = 0.5 + np.arctan((energy - 7122.0) / 2.0) / np.pi
    >>> mu = rise + 0.05 * profile(energy, 7112.5, 1.4).value
    >>> spectrum = Measurement(
    ...     "normalized_absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV)
    ... )
    >>> model = PreEdgeModel((Peak("P1", 7112.0 * EV),), edge="arctan")
    >>> found = fit_pre_edge(spectrum, (7108.0 * EV, 7116.0 * EV), model)
    >>> round(found.analytic_area().value, 2)
    9.22
    """
    part, changes = within(spectrum, window), tuple(changes)
    parameters = start_edge(
        part, model, model.parameters(part.limits, part.edge_energy).updated(changes), {p.name for p in changes}
    )
    return fit_window(part, model, parameters, second_derivative=second_derivative, starts=starts, seed=seed)


def fit_window(
    part: Window,
    model: PreEdgeModel,
    parameters: Parameters,
    *,
    second_derivative: SecondDerivative | None = None,
    starts: int = 1,
    seed: int = 0,
) -> PreEdgeFit:
    """Fit a window from given start values; see `fit_pre_edge`."""
    free = len(parameters.free_names)
    if part.data.size <= free:
        raise XasError(
            f"spectrum {part.spectrum.label!r}: {part.data.size} points from {part.limits[0] / EV:.2f} to"
            f" {part.limits[1] / EV:.2f} eV cannot determine {free} parameters; widen the window, fix some or use fewer"
            " peaks"
        )
    sigma = part.sigma
    if sigma is None:
        sigma = np.full(part.data.size, first_noise(part))
    for _ in range(PASSES):
        problem, spread = pre_edge_problem(part, model, parameters, 1.0 / sigma, second_derivative)
        coordinates = EdgeCoordinates(part.energy, part.middle, model, parameters)
        if starts == 1 and coordinates.curved:
            near, _ = coordinates.descended(problem.evaluate, tolerance=TOLERANCE, max_iterations=STEPS)
            problem = replace(problem, parameters=near)
        result = fit(problem, starts=starts, seed=seed, tolerance=TOLERANCE)
        residuals = result.residuals[: part.data.size]
        if part.sigma is not None:
            break
        scatter = math.sqrt(float(residuals @ residuals) / (part.data.size - free))
        if abs(scatter - 1.0) < SETTLED or sigma[0] * scatter <= LEAST_NOISE:
            break
        sigma, parameters, starts = sigma * scatter, result.parameters, 1
    length = correlation_length(residuals)
    reduced = result.covariance if spread is None else _through_filter(result, spread)
    if part.sigma is None:
        # correlated residuals make every estimate as much worse as that of a mean
        reduced, sigma = reduced * length, sigma * math.sqrt(length)
    return PreEdgeFit(
        part,
        model,
        result.parameters,
        of_all(parameters, reduced),
        result,
        sigma,
        length,
        second_derivative,
        tuple(fit_notes(part, result, sigma, length, second_derivative)),
    )


def _through_filter(result: FitResult, spread: np.ndarray) -> np.ndarray:
    """Covariance (F, F) when the residuals are spread @ white noise of the points.

    Weights that are not the inverse covariance of the data make (J^T J)^-1 wrong; what estimates really scatter by is
    A spread spread^T A^T with A = (J^T J)^-1 J^T.
    """
    moving = np.array([name not in result.at_bound for name in result.free_names], dtype=bool)
    jacobian = result.jacobian[:, moving]
    root = determine(jacobian).inverse_root
    through = (spread.T @ jacobian[: spread.shape[0]]) @ root @ root.T
    covariance = np.array(result.covariance)
    block = through.T @ through
    known = np.isfinite(covariance[np.ix_(moving, moving)])
    covariance[np.ix_(moving, moving)] = np.where(known, block, covariance[np.ix_(moving, moving)])
    return covariance


def of_all(parameters: Parameters, covariance: np.ndarray) -> np.ndarray:
    """Covariance (P, P) of all parameters, tied and fixed ones included."""
    matrix = parameters.matrix
    lost = ~np.isfinite(np.diag(covariance))
    known = np.where(np.isfinite(covariance), covariance, 0.0)
    full = matrix @ known @ matrix.T
    touched = np.any(matrix[:, lost] != 0, axis=1)
    full[touched, :] = full[:, touched] = np.nan
    full[touched, touched] = np.inf
    return full


def pre_edge_problem(
    part: Window,
    model: PreEdgeModel,
    parameters: Parameters,
    weights: np.ndarray,
    second_derivative: SecondDerivative | None = None,
) -> tuple[Problem, np.ndarray | None]:
    """Least-squares problem (model - data) weights of a window, then its second derivative and priors.

    Returns
    -------
    problem : Problem
    spread : ndarray (R, M) or None
        What the data residuals are of white noise of the points; None where they are that noise.
    """
    energy, data, middle = part.energy, part.data, part.middle
    matrix = parameters.matrix
    plain = matrix.shape[0] == matrix.shape[1]
    filtered, spread = None, None
    if second_derivative is not None:
        derivative = second_derivative.matrix(energy / EV)
        # s_2 from the noise of the points, s_0 = 1/weights
        noisy = derivative / weights
        scale = math.sqrt(second_derivative.weight / float(np.mean(np.sum(noisy**2, axis=1))))
        filtered = derivative * scale
        spread = np.vstack([np.eye(data.size), noisy * scale])
    priors = [(parameters.index(p.name), p.prior) for p in parameters if p.prior is not None and not p.fixed]

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        full = parameters.expand(vector)
        curve, jacobian = model.evaluate(energy, full, middle)
        if not plain:
            jacobian = jacobian @ matrix
        off = curve - data
        rows, slopes = [off * weights], [jacobian * weights[:, None]]
        if filtered is not None:
            rows.append(filtered @ off)
            slopes.append(filtered @ jacobian)
        for i, prior in priors:
            rows.append(np.array([(full[i] - prior.mean) / prior.sigma]))
            slopes.append(matrix[i : i + 1] / prior.sigma)
        return (rows[0], slopes[0]) if len(rows) == 1 else (np.concatenate(rows), np.vstack(slopes))

    blocks = [Block(part.spectrum.label, data.size)]
    if filtered is not None:
        # it holds no data of its own
        blocks.append(Block(f"second derivative of {part.spectrum.label}", filtered.shape[0], stands_for=0))
    blocks += [Block(f"prior of {parameters.names[i]}", 1, "prior") for i, _ in priors]
    return Problem(parameters, evaluate, tuple(blocks)), spread


def start_edge(part: Window, model: PreEdgeModel, parameters: Parameters, given: set[str]) -> Parameters:
    """Start values of edge, background and heights: linear least squares for each edge of a grid, the best of them.

    Parameters
    ----------
    given : set of str
        Names of parameters whose values are kept.
    """
    values = parameters.as_dict()
    energy = part.energy
    weights = np.full(energy.size, 1.0 / first_noise(part)) if part.sigma is None else 1.0 / part.sigma
    shape = values[model.shape_name] if model.shape_name else 0.0
    lines = [
        profile(energy, values[f"{n}.energy"], values[f"{n}.fwhm"], model.lineshape, shape).value for n in model.names
    ]
    plain = [*lines, np.ones(energy.size)] + ([(energy - part.middle) / EV] if model.slope else [])
    names = [f"{n}.height" for n in model.names] + ["background.offset"] + ["background.slope"] * model.slope
    best: tuple[float, dict[str, float]] | None = None
    for edges in itertools.product(*(_edge_grid(name, parameters, given) for name in model.edge_names)):
        steps = [rising_edge(kind, energy, at[0], at[1])[0] for kind, at in zip(model.edge, edges, strict=True)]
        design = np.stack([*plain, *steps], axis=1) * weights[:, None]
        found = np.linalg.lstsq(design, part.data * weights, rcond=1e-10)[0]
        heights = np.concatenate([found[: len(lines)], found[len(plain) :]])
        # a negative height costs what setting it to zero costs
        clipped = np.array(found)
        clipped[: len(lines)] = np.maximum(found[: len(lines)], 0.0)
        clipped[len(plain) :] = np.maximum(found[len(plain) :], 0.0)
        left = part.data * weights - design @ clipped
        cost = float(left @ left) * (1.0 if np.all(heights >= 0) else 4.0) + sum(at[2] for at in edges)
        if best is None or cost < best[0]:
            start = dict(zip(names, clipped[: len(plain)].tolist(), strict=True))
            for name, at, height in zip(model.edge_names, edges, clipped[len(plain) :], strict=True):
                start |= {f"{name}.energy": at[0], f"{name}.fwhm": at[1], f"{name}.height": float(height)}
            best = cost, start
    assert best is not None
    if model.slope:
        best[1]["background.slope"] /= EV
    moved = [
        replace(p, value=min(max(best[1][p.name], p.lower), p.upper))
        for p in parameters
        if p.free and p.name in best[1] and p.name not in given
    ]
    return parameters.updated(moved)


def _edge_grid(name: str, parameters: Parameters, given: set[str]) -> list[tuple[float, float, float]]:
    """Positions and widths of an edge that are tried, and what their priors cost."""
    tried = []
    for parameter, offsets in (
        (parameters[f"{name}.energy"], (-4.0, -2.0, 0.0, 2.0, 4.0)),
        (parameters[f"{name}.fwhm"], (-2.0, 0.0, 3.0)),
    ):
        kept = parameter.fixed or parameter.name in given
        places = [parameter.value] if kept else [parameter.value + d * EV for d in offsets]
        prior = parameter.prior
        tried.append(
            [
                (at, 0.0 if prior is None else ((at - prior.mean) / prior.sigma) ** 2)
                for at in places
                if kept or parameter.lower < at < parameter.upper
            ]
        )
    return [(at, width, one + two) for (at, one), (width, two) in itertools.product(*tried)]


def fit_notes(
    part: Window, result: FitResult, sigma: np.ndarray, length: float, second: SecondDerivative | None
) -> list[str]:
    """What a reader of a fit should know."""
    said = str(part.spectrum.attributes.get("normalisation", "not stated"))
    notes = [f"normalised by: {said}"]
    if not said.startswith(("edge step", "scale and quadratic")):
        notes.append("areas are relative to that normalisation, not to an edge step of 1")
    if part.sigma is None:
        notes.append(f"noise from the scatter about the fit: {sigma[0] / math.sqrt(length):.3g}")
    else:
        chi2 = float(result.residuals[: part.data.size] @ result.residuals[: part.data.size])
        dof = max(part.data.size - result.n_free, 1)
        if chi2 / dof > 1.0 + 5.0 * math.sqrt(2.0 / dof):
            notes.append(
                f"chi2 per degree of freedom is {chi2 / dof:.2f}: the model does not describe the spectrum within its"
                " sigma; standard uncertainties are too small"
            )
    if length > 1.0:
        counted = "standard uncertainties count fewer" if part.sigma is None else "standard uncertainties do not"
        notes.append(
            f"neighbouring residuals go together: {part.data.size} points are worth {part.data.size / length:.0f};"
            f" {counted}"
        )
    if second is not None:
        notes.append(
            f"second derivative fitted too: weight {second.weight:g}, polynomials of order {second.order} over"
            f" {second.points} points; standard uncertainties through the filter"
        )
    if result.at_bound:
        notes.append(f"on a bound: {', '.join(result.at_bound)}")
    return notes
