"""Pyroelectric coefficient of a lattice: Debye and Einstein functions, as Boguslawski and Born first wrote it.

    p(T) = a C_D(theta_D/T) + sum_j b_j C_E(theta_j/T)

with the heat capacities C_D and C_E of Debye's continuum and of Einstein's oscillators, 1 at high temperature: acoustic
and optical modes shift the charges in proportion to their energy. p goes as T^3 for T -> 0. What electrons do when
they redistribute between states, a peak or a plateau, is not of this form, and the fit says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.models.vibrations import debye, einstein
from labile.techniques.pyroelectricity.conversions import PyroelectricityError

MOST = 3
"""Einstein terms that are tried at most."""
RANGE = (5.0, 5000.0)
"""K; Debye and Einstein temperatures."""
DESCRIBED = 2.0
"""Root mean square of the weighted residuals up to which the form describes the data."""


@dataclass(frozen=True, eq=False)
class LatticeFit:
    """p(T) as a sum of a Debye and Einstein functions.

    Attributes
    ----------
    result : FitResult
        Parameters ``debye.pyroelectric_coefficient``, ``debye.temperature``, ``einstein_1.pyroelectric_coefficient``,
        ``einstein_1.temperature`` and so on.
    terms : int
        Einstein terms.
    misfit : float
        Root mean square of the residuals over the sigma of the data; NaN where they have none.
    scatter : float
        Root mean square residual, C m-2 K-1.
    tried : tuple of (int, float)
        Number of Einstein terms and the BIC it reached, from which the number was chosen.
    text : str
        What the fit says, one sentence.
    """

    result: FitResult
    terms: int
    misfit: float
    scatter: float
    tried: tuple[tuple[int, float], ...]
    text: str

    @property
    def describes(self) -> bool | None:
        """Whether the form describes the data within their uncertainties; None where these are not known."""
        return None if math.isnan(self.misfit) else self.misfit <= DESCRIBED

    def curve(self, temperature: np.ndarray) -> np.ndarray:
        """P at the given temperatures (K), C m-2 K-1."""
        return np.asarray(np.sum(self.parts(temperature), axis=0))

    def parts(self, temperature: np.ndarray) -> np.ndarray:
        """The terms at the given temperatures, Debye's first, C m-2 K-1, shape (1 + terms, N)."""
        values = self.result.parameters.values
        shapes, _ = _shapes(np.asarray(temperature, dtype=float), values[1::2])
        return np.asarray((shapes * values[0::2]).T)


def fit_lattice(coefficient: Measurement, *, terms: int | None = None, starts: int = 4, seed: int = 0) -> LatticeFit:
    """Fit a Debye function and Einstein functions to p(T).

    Parameters
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"``; without sigma every point counts the same and the uncertainties of the
        parameters follow from the scatter.
    terms : int, optional
        Einstein terms, 0 to 3; the number with the lowest BIC by default.
    starts, seed : int
        Of the fit.

    Returns
    -------
    LatticeFit

    Raises
    ------
    PyroelectricityError
        For another quantity or too few points.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = np.linspace(10.0, 300.0, 30)
    >>> p = 1.5e-4 * debye(at, 350.0, modes=1).heat_capacity / GAS_CONSTANT
    >>> found = fit_lattice(Measurement("pyroelectric_coefficient", p, Conditions(at)), terms=0)
    >>> round(found.result.value("debye.temperature"), 3)
    350.0
    """
    where = f"measurement {coefficient.label!r}"
    if coefficient.quantity != "pyroelectric_coefficient" or coefficient.axis is not None:
        raise PyroelectricityError(f"{where}: a pyroelectric_coefficient is needed, found {coefficient.quantity}")
    if terms is not None and not (isinstance(terms, int) and 0 <= terms <= MOST):
        raise PyroelectricityError(f"{where}: terms must be a whole number from 0 to {MOST}, found {terms!r}")
    points = len(coefficient)
    wanted = range(MOST + 1) if terms is None else (terms,)
    possible = [n for n in wanted if points >= 2 * (n + 1) + 2]
    if not possible:
        raise PyroelectricityError(
            f"{where}: {points} points are too few for {2 * (wanted[0] + 1)} parameters; give at least"
            f" {2 * (wanted[0] + 1) + 2}"
        )
    total = coefficient.total_sigma
    found: dict[int, FitResult] = {}
    raw: dict[int, np.ndarray] = {}
    bic: dict[int, float] = {}
    floor = 1e-9 * float(np.max(np.abs(coefficient.values)))
    for number in possible:
        # without sigma the first fit finds the scatter, the second one uses it
        sigma = np.full(points, float(np.max(np.abs(coefficient.values))) or 1.0) if total is None else total
        result = _solve(coefficient, number, sigma, starts, seed)
        if total is None:
            freedom = points - 2 * (number + 1)
            scatter = math.sqrt(float(np.sum((result.residuals * sigma) ** 2)) / freedom)
            result = _solve(coefficient, number, np.full(points, max(scatter, floor)), 1, seed, result)
        found[number], raw[number] = result, _raw(coefficient, result)
        if total is None:
            spread = float(np.mean(raw[number] ** 2)) + floor**2
            bic[number] = points * math.log(spread) + 2 * (number + 1) * math.log(points)
        else:
            bic[number] = result.bic
        if number and number - 1 in bic and bic[number] > bic[number - 1]:
            break  # further terms only share what these have
    best = min(bic, key=lambda number: bic[number])
    result = found[best]
    misfit = math.nan if total is None else float(np.sqrt(np.mean((raw[best] / total) ** 2)))
    scatter = float(np.sqrt(np.mean(raw[best] ** 2)))
    return LatticeFit(
        result,
        best,
        misfit,
        scatter,
        tuple(bic.items()),
        _sentence(result, best, misfit, scatter, float(np.max(np.abs(coefficient.values)))),
    )


def _raw(coefficient: Measurement, result: FitResult) -> np.ndarray:
    values = result.parameters.values
    return np.asarray(coefficient.values - _shapes(coefficient.temperature, values[1::2])[0] @ values[0::2])


def _shapes(temperature: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heat capacities of the terms over R and their derivatives in theta, each (N, 1 + terms); Debye's comes first."""
    values, slopes = [], []
    for number, one in enumerate(theta):
        oscillator = einstein(temperature, float(one)).heat_capacity / GAS_CONSTANT
        if number == 0:
            shape = debye(temperature, float(one), modes=1.0).heat_capacity / GAS_CONSTANT
            # C = 3/x^3 int t^4 e^t/(e^t - 1)^2, so dC/dx = 3 (C_E - C)/x
            slope = 3 * (oscillator - shape) / one
        else:
            shape = oscillator
            x = one / temperature
            slope = shape * (2 / x - 1 / np.tanh(x / 2)) / temperature
        values.append(shape)
        slopes.append(slope)
    return np.column_stack(values), np.column_stack(slopes)


def _solve(
    coefficient: Measurement, terms: int, sigma: np.ndarray, starts: int, seed: int, before: FitResult | None = None
) -> FitResult:
    temperature, data = coefficient.temperature, coefficient.values
    top = float(np.max(np.abs(data))) or 1.0
    items = []
    for number in range(terms + 1):
        name = "debye" if number == 0 else f"einstein_{number}"
        theta = 3 * float(np.median(temperature)) * (0.5 if number == 0 else 2.0**number)
        items += [
            Parameter(f"{name}.pyroelectric_coefficient", top / (terms + 1), lower=-100 * top, upper=100 * top),
            Parameter(f"{name}.temperature", float(np.clip(theta, *RANGE)), lower=RANGE[0], upper=RANGE[1]),
        ]
    parameters = Parameters(tuple(items)) if before is None else before.parameters

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shapes, slopes = _shapes(temperature, vector[1::2])
        jacobian = np.empty((temperature.size, vector.size))
        jacobian[:, 0::2] = shapes
        jacobian[:, 1::2] = slopes * vector[0::2]
        return (shapes @ vector[0::2] - data) / sigma, jacobian / sigma[:, None]

    def prepare(vector: np.ndarray) -> np.ndarray:
        """Temperatures spread over the range of the data, amplitudes from linear least squares."""
        start = vector.copy()
        share = (np.log(vector[1::2] / RANGE[0])) / math.log(RANGE[1] / RANGE[0])
        start[1::2] = np.exp(
            math.log(max(temperature.min(), 10.0)) + share * math.log(20 * temperature.max() / temperature.min())
        )
        start[1::2] = np.clip(start[1::2], *RANGE)
        shapes, _ = _shapes(temperature, start[1::2])
        start[0::2] = np.linalg.lstsq(shapes / sigma[:, None], data / sigma, rcond=1e-6)[0]
        return start

    problem = Problem(parameters, evaluate, (Block(coefficient.label, len(coefficient)),))
    return fit(problem, starts=starts, seed=seed, max_iterations=100, prepare=None if before is not None else prepare)


def _sentence(result: FitResult, terms: int, misfit: float, scatter: float, top: float) -> str:
    theta = [
        f"{name} {format_uncertain(result.value(f'{key}.temperature'), _sigma(result, f'{key}.temperature'))} K"
        for name, key in (("Debye", "debye"), *((f"Einstein {j}", f"einstein_{j}") for j in range(1, terms + 1)))
    ]
    quality = f"residuals of {scatter / top * 100:.2g} % of the largest |p|"
    if math.isnan(misfit):
        return f"lattice form: {', '.join(theta)}; {quality}"
    verdict = "describes the data" if misfit <= DESCRIBED else "does not describe the data"
    return f"lattice form: {', '.join(theta)}; it {verdict}, {quality}, {misfit:.3g} times their uncertainties"


def _sigma(result: FitResult, name: str) -> float:
    return math.nan if name in result.undetermined or name in result.at_bound else result.sigma_of(name)
