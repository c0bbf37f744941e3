"""Fits of magnetic data of one compound, without populations: spin Hamiltonians and the law of Curie and Weiss.

chi*T(T), M(H) and M(H, T) of any number of samples of one compound are fitted together by the engine of
`labile.fitting`; the result carries covariance and correlation, because J, g and a temperature-independent
paramagnetism explain a curve nearly as well as one another.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labile.core.material import State
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, ParameterError, Parameters, Prior
from labile.fitting.least_squares import Progress, fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.models.observable import Observable, chain
from labile.models.populations import Populations, Status
from labile.models.spin_hamiltonian import SpinHamiltonian, hamiltonian_from
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.observables import ChiM, ChiT, Magnetization, MuEff
from labile.techniques.magnetometry.reduction import MagnetometryWarning
from labile.techniques.magnetometry.spin_only import CURIE_CONSTANT

SUSCEPTIBILITIES = {"chi_t": ChiT, "chi_m": ChiM, "mu_eff": MuEff}
IMPURITY = "impurity"
"""Name of the state of a paramagnetic impurity."""
NEARLY_ONE = 0.95
"""Correlation of two parameters from which they are called degenerate."""
WIDE_WEISS = 0.5
"""|theta| as a fraction of the lowest temperature from which the law of Curie and Weiss is doubtful."""


def magnetism_parameters(
    measurements: Sequence[Measurement],
    hamiltonian: Any,
    *,
    name: str = "compound",
    impurity: Any = None,
    mean_field_g: float | None = None,
) -> Parameters:
    """Parameters of `fit_magnetism` with their defaults.

    Those of the Hamiltonian with the prefix `name`; ``<sample>.residual_fraction`` (of the impurity),
    ``<sample>.temperature_independent_paramagnetism`` and, with `mean_field_g`, ``<sample>.intermolecular_exchange`` of
    each sample; one shift (prior 0 +- 1, in standard deviations) for every correlated uncertainty of a measurement.

    Parameters
    ----------
    measurements, hamiltonian, name, impurity, mean_field_g
        As for `fit_magnetism`.

    Returns
    -------
    parameters : Parameters
        NaN where a value must be given (J).

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> data = Measurement.from_field("chi_t", [3.0], "cm3 K/mol", Conditions([100.0]), sigma=0.01, sample="powder")
    >>> magnetism_parameters([data], {"spin": 2}).names[:3]
    ('compound.zero_field_splitting', 'compound.rhombicity', 'compound.g')
    """
    observables = _observables(measurements, hamiltonian, name, impurity, mean_field_g)
    merged: dict[str, Parameter] = {}
    for measurement, observable in zip(measurements, observables, strict=True):
        for parameter in (*observable.parameters(_states(name, impurity)), *_shifts(measurement)):
            merged.setdefault(parameter.name, parameter)
    return Parameters(tuple(merged.values()))


def fit_magnetism(
    measurements: Sequence[Measurement] | Measurement,
    hamiltonian: SpinHamiltonian | Any,
    parameters: Iterable[Parameter],
    *,
    name: str = "compound",
    impurity: Any = None,
    mean_field_g: float | None = None,
    susceptibility: str = "M/H",
    starts: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> FitResult:
    """Fit a spin Hamiltonian to chi*T(T), chi_M(T), mu_eff(T), M(H) and M(H, T) together.

    Parameters
    ----------
    measurements : Measurement or sequence of Measurement
        ``"chi_t"``, ``"chi_m"``, ``"mu_eff"`` or ``"magnetization"``, each with sigma and with the field in its
        conditions (a susceptibility without a field is taken in the zero-field limit).
    hamiltonian : SpinHamiltonian or mapping
        See `labile.models.spin_hamiltonian.hamiltonian_from`.
    parameters : iterable of Parameter
        Those that are free or have other values than `magnetism_parameters` gives, SI; everything but J is fixed unless
        it stands here.
    name : str
        Prefix of the Hamiltonian's parameters.
    impurity : SpinHamiltonian or mapping, optional
        Paramagnetic impurity of which ``<sample>.residual_fraction`` (per mole of the compound, in its place) is
        there; parameters ``impurity.g`` and so on.
    mean_field_g : float, optional
        g of the mean field of neighbouring molecules, for susceptibilities only; adds
        ``<sample>.intermolecular_exchange``.
    susceptibility : {"M/H", "dM/dH"}
        What the susceptibilities are.
    starts, seed, progress
        See `labile.fitting.least_squares.fit`.

    Returns
    -------
    FitResult
        One block a measurement; ``covariance`` and ``correlation`` of the free parameters.

    Raises
    ------
    MagnetometryError
        For a measurement without sigma, with limits, or of another quantity; a magnetisation together with a mean
        field; repeated labels.
    ParameterError
        For an unknown parameter or a missing value.
    SpinHamiltonianError
        For a malformed Hamiltonian.

    Warns
    -----
    MagnetometryWarning
        When two free parameters are nearly degenerate (correlation beyond 0.95): the data fix a combination of them.

    Examples
    --------
    Simulated: a coupled pair of spins 1/2.

    >>> from labile.core.conditions import Conditions
    >>> from labile.core.units import from_si, to_si
    >>> pair = {
    ...     "centres": {"a": {"spin": 0.5}, "b": {"spin": 0.5}},
    ...     "exchange": [["a", "b"]],
    ...     "exchange_convention": "-2J",
    ... }
    >>> T = np.linspace(10, 300, 30)
    >>> curve = 6 * 0.1250494 * 4 / (3 + np.exp(2 * 100 * 1.438777 / T))
    >>> data = Measurement.from_field("chi_t", curve, "cm3 K/mol", Conditions(T), sigma=np.full(30, 0.001))
    >>> found = fit_magnetism(data, pair, [Parameter("compound.a-b.exchange", float(to_si(-80, "1/cm", "exchange")))])
    >>> round(float(from_si(found.value("compound.a-b.exchange"), "1/cm", "exchange")), 2)
    -100.0
    """
    data = (measurements,) if isinstance(measurements, Measurement) else tuple(measurements)
    observables = _observables(data, hamiltonian, name, impurity, mean_field_g, susceptibility)
    _require_data(data)
    defaults = magnetism_parameters(data, hamiltonian, name=name, impurity=impurity, mean_field_g=mean_field_g)
    chosen = defaults.updated(parameters)
    chosen.require_values()
    if not chosen.free_names:
        raise ParameterError("fit_magnetism: no parameter is free; pass the ones to fit in parameters")
    states = tuple(state.name for state in _states(name, impurity))
    problem = _problem(data, observables, chosen, states)
    result = fit(problem, starts=starts, seed=seed, progress=progress)
    _warn_of_degeneracy(result)
    return result


def fit_curie_weiss(
    measurement: Measurement,
    *,
    window: tuple[float, float] | None = None,
    temperature_independent_paramagnetism: Parameter | None = None,
) -> FitResult:
    """Fit chi = C/(T - theta) + chi_TIP to chi_M, chi*T or mu_eff.

    Parameters
    ----------
    measurement : Measurement
        With sigma.
    window : (float, float), optional
        K; only points within it count.
    temperature_independent_paramagnetism : Parameter, optional
        ``<sample>.temperature_independent_paramagnetism``, to fit it or to fix it at another value than 0.

    Returns
    -------
    FitResult
        ``<sample>.curie_constant`` (m3 K/mol) and ``<sample>.weiss_temperature`` (K, negative for an
        antiferromagnet).

    Raises
    ------
    MagnetometryError
        For another quantity, no sigma, fewer than three points in the window, or chi*T that is not positive.

    Warns
    -----
    MagnetometryWarning
        Where |theta| exceeds half the lowest temperature, or chi2 says that the points do not follow the law.

    References
    ----------
    O. Kahn, Molecular Magnetism, VCH 1993, section 1.4.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> T = np.linspace(100, 300, 21)
    >>> data = Measurement.from_field("chi_t", 3.0 * T / (T + 12), "cm3 K/mol", Conditions(T), sigma=np.full(21, 0.01))
    >>> round(fit_curie_weiss(data).value("sample.weiss_temperature"), 6)
    -12.0
    """
    where = f"measurement {measurement.label!r}"
    if measurement.quantity not in SUSCEPTIBILITIES:
        raise MagnetometryError(
            f"{where}: Curie-Weiss needs {', '.join(SUSCEPTIBILITIES)}; found {measurement.quantity}"
        )
    _require_data((measurement,))
    temperature = np.asarray(measurement.temperature)
    if window is not None:
        inside = (temperature >= window[0]) & (temperature <= window[1])
        measurement, temperature = measurement[inside], temperature[inside]
    if temperature.size < 3 or np.ptp(temperature) == 0:
        raise MagnetometryError(f"{where}: Curie-Weiss needs at least three temperatures, found {temperature.size}")
    sample = measurement.sample or "sample"
    # every quantity is a function of chi*T: compare as chi*T, to first order in sigma
    values, scale = _as_chi_t(measurement)
    if np.any(values <= 0):
        raise MagnetometryError(f"{where}: chi*T must be positive, lowest is {values.min():.3g} m3 K/mol")
    slope, offset = np.polyfit(temperature, temperature / values, 1)
    tip = temperature_independent_paramagnetism or Parameter(
        f"{sample}.temperature_independent_paramagnetism", 0.0, fixed=True
    )
    names = (
        f"{sample}.curie_constant",
        f"{sample}.weiss_temperature",
        f"{sample}.temperature_independent_paramagnetism",
    )
    if tip.name != names[2]:
        raise ParameterError(f"parameter {tip.name!r} does not belong to this sample; expected {names[2]}")
    start = -offset / slope if slope > 0 else 0.0
    chosen = Parameters(
        (
            Parameter(names[0], 1.0 / slope if slope > 0 else float(np.median(values)), lower=0.0),
            Parameter(names[1], min(start, 0.9 * temperature.min()), upper=0.999 * temperature.min()),
            tip,
            *_shifts(measurement),
        )
    )
    sigma = np.asarray(measurement.sigma) * scale

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        full = chosen.expand(vector)
        below = temperature - full[1]
        curve = full[0] * temperature / below + full[2] * temperature
        columns = [temperature / below, full[0] * temperature / below**2, temperature]
        for number, term in enumerate(measurement.correlated):
            curve = curve + full[3 + number] * np.asarray(term.effect) * scale
            columns.append(np.asarray(term.effect) * scale)
        rows = -np.stack(columns, axis=1) / sigma[:, None]
        return _with_priors(chosen, full, (values - curve) / sigma, rows)

    blocks = (Block(measurement.label, temperature.size), *_prior_blocks(chosen))
    result = fit(Problem(chosen, evaluate, blocks))
    theta = result.value(names[1])
    if abs(theta) > WIDE_WEISS * temperature.min():
        warnings.warn(
            f"{where}: theta = {theta:.3g} K is not small beside the lowest temperature {temperature.min():.3g} K,"
            " where the law of Curie and Weiss is a high-temperature expansion; raise the window",
            MagnetometryWarning,
            stacklevel=2,
        )
    freedom = result.degrees_of_freedom
    if freedom > 0 and result.chi2 > freedom + 5 * math.sqrt(2 * freedom):
        warnings.warn(
            f"{where}: chi2 = {result.chi2:.3g} for {freedom} degrees of freedom: the points do not follow the law of"
            " Curie and Weiss within their sigma",
            MagnetometryWarning,
            stacklevel=2,
        )
    return result


def _states(name: str, impurity: Any) -> tuple[State, ...]:
    return (State(name),) if impurity is None else (State(name), State(IMPURITY))


def _observables(
    measurements: Sequence[Measurement],
    hamiltonian: Any,
    name: str,
    impurity: Any,
    mean_field_g: float | None,
    susceptibility: str = "M/H",
) -> tuple[Observable, ...]:
    if not measurements:
        raise MagnetometryError("fit_magnetism: there is nothing to fit; give at least one measurement")
    of_states = {name: hamiltonian_from(hamiltonian, name)}
    if impurity is not None:
        if name == IMPURITY:
            raise MagnetometryError(f"fit_magnetism: name = {IMPURITY!r} is the impurity's own name")
        of_states[IMPURITY] = hamiltonian_from(impurity, IMPURITY)
    found: list[Observable] = []
    for measurement in measurements:
        sample = measurement.sample or "sample"
        if measurement.quantity == "magnetization":
            if mean_field_g is not None:
                raise MagnetometryError(
                    f"measurement {measurement.label!r}: the mean field of neighbours is linear in the field and does"
                    " not hold for a magnetisation curve; fit the susceptibilities alone, or leave mean_field_g out"
                )
            found.append(Magnetization(of_states, sample))
        elif measurement.quantity in SUSCEPTIBILITIES:
            kind = SUSCEPTIBILITIES[measurement.quantity]
            found.append(kind(sample, None, of_states, susceptibility, 0.0, mean_field_g))
        else:
            raise MagnetometryError(
                f"measurement {measurement.label!r}: fit_magnetism takes {', '.join(SUSCEPTIBILITIES)} and"
                f" magnetization, found {measurement.quantity}"
            )
    return tuple(found)


def _require_data(measurements: Sequence[Measurement]) -> None:
    labels = [measurement.label for measurement in measurements]
    if len(set(labels)) != len(labels):
        raise MagnetometryError(f"measurements need different labels, found {', '.join(labels)}")
    for measurement in measurements:
        where = f"measurement {measurement.label!r}"
        if measurement.sigma is None:
            raise MagnetometryError(f"{where}: no uncertainties; give sigma so that the weight of the data is known")
        if measurement.axis is not None:
            raise MagnetometryError(f"{where}: expected one value a point, found a spectrum")
        if measurement.limits is not None and np.any(measurement.limits):
            raise MagnetometryError(f"{where}: limits are not fitted here; a study fits them")


def _problem(
    data: Sequence[Measurement], observables: Sequence[Observable], chosen: Parameters, states: tuple[str, ...]
) -> Problem:
    populations = [_pure(states, len(measurement)) for measurement in data]

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        full = chosen.expand(vector)
        values = dict(zip(chosen.names, full.tolist(), strict=True))
        residuals, rows = [], []
        for measurement, observable, pure in zip(data, observables, populations, strict=True):
            prediction = observable.predict(pure, measurement.conditions, values)
            jacobian, _ = chain(prediction, pure, chosen.names)
            curve = prediction.values
            for term in measurement.correlated:
                shift = _shift(measurement, term.name)
                curve = curve + values[shift] * np.asarray(term.effect)
                jacobian[:, chosen.index(shift)] += term.effect
            sigma = np.asarray(measurement.sigma)
            residuals.append((measurement.values - curve) / sigma)
            rows.append(-jacobian / sigma[:, None])
        return _with_priors(chosen, full, np.concatenate(residuals), np.concatenate(rows))

    blocks = [Block(measurement.label, len(measurement)) for measurement in data]
    return Problem(chosen, evaluate, (*blocks, *_prior_blocks(chosen)))


def _pure(states: tuple[str, ...], points: int) -> Populations:
    """Everything in the first state, at every point."""
    n = len(states)
    x = np.zeros((points, n))
    x[:, 0] = 1.0
    flat = np.zeros((points, n))
    none = np.zeros((points, 0, n))
    status = np.full(points, int(Status.CONVERGED))
    return Populations(states, x, flat, flat, flat, (), none, none, status)


def _priors(chosen: Parameters) -> list[Parameter]:
    return [p for p in chosen if p.prior is not None and not p.fixed]


def _prior_blocks(chosen: Parameters) -> tuple[Block, ...]:
    return tuple(Block(f"prior of {p.name}", 1, "prior") for p in _priors(chosen))


def _with_priors(
    chosen: Parameters, full: np.ndarray, residuals: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of the priors appended; the Jacobian in the free parameters."""
    extra = []
    for parameter in _priors(chosen):
        assert parameter.prior is not None
        row = np.zeros((1, len(chosen)))
        row[0, chosen.index(parameter.name)] = 1.0 / parameter.prior.sigma
        extra.append((full[chosen.index(parameter.name)] - parameter.prior.mean) / parameter.prior.sigma)
        rows = np.concatenate([rows, row])
    return np.concatenate([residuals, extra]), rows @ chosen.matrix


def _shift(measurement: Measurement, term: str) -> str:
    label = "".join(c if c.isalnum() or c in "_-" else "_" for c in measurement.label)
    return f"{label}.{term}_shift"


def _shifts(measurement: Measurement) -> list[Parameter]:
    """One parameter for every correlated uncertainty: it moves all points together, in standard deviations."""
    return [
        Parameter(_shift(measurement, term.name), 0.0, unit="1", prior=Prior(0.0, 1.0))
        for term in measurement.correlated
    ]


def _as_chi_t(measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """chi*T of a susceptibility or effective moment, and its derivative in what was measured."""
    values, temperature = np.asarray(measurement.values), np.asarray(measurement.temperature)
    if measurement.quantity == "chi_m":
        return values * temperature, np.array(temperature)
    if measurement.quantity == "mu_eff":
        return CURIE_CONSTANT * values**2, 2 * CURIE_CONSTANT * np.abs(values)
    return values, np.ones_like(values)


def _warn_of_degeneracy(result: FitResult) -> None:
    correlation = np.array(result.correlation)
    np.fill_diagonal(correlation, 0.0)
    correlation = np.nan_to_num(correlation)
    names = result.free_names
    for i, j in zip(*np.nonzero(np.triu(np.abs(correlation) > NEARLY_ONE)), strict=True):
        warnings.warn(
            f"{names[i]} and {names[j]} are nearly degenerate (correlation {correlation[i, j]:.3f}): these data fix a"
            " combination of them, and each alone only as far as its uncertainty says",
            MagnetometryWarning,
            stacklevel=3,
        )
