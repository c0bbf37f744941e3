"""How switching temperatures move with the sweep rate, and what is left of the hysteresis at rest.

A crystal swept through the end of a metastable branch switches late. Near a spinodal the delay goes with the 2/3 power
of the rate (Jung, Gray, Roy and Mandel, doi:10.1103/PhysRevLett.65.1873); a thermometer or a sample that lags behind
adds a delay in proportion to the rate; activated nucleation moves the switch with the logarithm of the rate and has no
limit at rest. Which law holds is asked of the data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.transitions import TransitionTemperatures

FEWEST_RATES = 3
UNDECIDED = 2.0
"""Difference of AICc up to which the data do not choose between two laws."""
LAWS: Mapping[str, str] = {
    "constant": "the switching temperatures do not depend on the rate",
    "spinodal": "delay with the 2/3 power of the rate, as at the end of a metastable branch",
    "lag": "delay in proportion to the rate, as of a thermometer or sample that lags behind",
    "power": "delay with a free power of the rate",
    "logarithmic": "shift with the logarithm of the rate, as of activated nucleation; no limit at rest",
}
_EXPONENT = {"spinodal": 2.0 / 3.0, "lag": 1.0}


@dataclass(frozen=True)
class SweptTransition:
    """Switching temperatures at one sweep rate.

    Attributes
    ----------
    rate : float
        |dT/dt|, K/s.
    t_up, t_down : float or None
        K, on heating and on cooling.
    sigma_up, sigma_down : float or None
        Their standard uncertainties, K.
    """

    rate: float
    t_up: float | None = None
    sigma_up: float | None = None
    t_down: float | None = None
    sigma_down: float | None = None

    @classmethod
    def of(cls, rate: float, found: TransitionTemperatures) -> SweptTransition:
        """From what `transition_temperatures` read at one rate (K/s)."""
        up, down = found.heating, found.cooling
        return cls(rate, up.t_half, up.sigma, down.t_half, down.sigma)


@dataclass(frozen=True, eq=False)
class RateLaw:
    """One law and its fit.

    Attributes
    ----------
    name : str
        Key of `LAWS`.
    fit : FitResult
        Parameters ``rest.t_up`` and ``rest.t_down`` (K; for the logarithmic law at the reference rate), ``up.shift``
        and ``down.shift`` (K, of the reference rate, > 0 when the loop widens) and ``delay.exponent``.
    width, sigma_width : float
        Hysteresis width at rest, K; NaN for the logarithmic law, which has none.
    """

    name: str
    fit: FitResult
    width: float
    sigma_width: float


@dataclass(frozen=True, eq=False)
class ScanRateAnalysis:
    """What the sweep rates say.

    Attributes
    ----------
    laws : tuple of RateLaw
        All that were fitted, best AICc first.
    reference_rate : float
        K/s; the geometric mean of the rates.
    equal : tuple of str
        Laws that the data do not tell from the best one (AICc within 2), the best one first.
    text : str
        The result in sentences.
    """

    laws: tuple[RateLaw, ...]
    reference_rate: float
    equal: tuple[str, ...]
    text: str

    @property
    def best(self) -> RateLaw:
        """The law with the lowest AICc."""
        return self.laws[0]

    def law(self, name: str) -> RateLaw:
        """Return the law of this name.

        Raises
        ------
        MagnetometryError
            If it was not fitted.
        """
        for one in self.laws:
            if one.name == name:
                return one
        raise MagnetometryError(f"rate laws: {name!r} was not fitted; there are {', '.join(x.name for x in self.laws)}")


def scan_rate_dependence(
    transitions: Sequence[SweptTransition], *, laws: Sequence[str] = tuple(LAWS)
) -> ScanRateAnalysis:
    """Fit rate laws to switching temperatures and extrapolate the hysteresis to rest.

    Heating and cooling have their own temperature at rest and their own shift, and share the exponent.

    Parameters
    ----------
    transitions : sequence of SweptTransition
        At three different rates at least; every temperature with its sigma. A branch may be missing throughout, and
        single values may be missing.
    laws : sequence of str
        Keys of `LAWS`. A law with as many parameters as there are values, or more, is left out.

    Returns
    -------
    ScanRateAnalysis

    Raises
    ------
    MagnetometryError
        For fewer than three rates, rates that are not positive, values without sigma, or no law that can be fitted.

    Examples
    --------
    >>> minute = 1 / 60
    >>> series = [
    ...     SweptTransition(r * minute, 163 + 0.8 * r ** (2 / 3), 0.1, 123 - 0.5 * r ** (2 / 3), 0.1)
    ...     for r in (0.3, 1.0, 2.5, 5.0, 10.0)
    ... ]
    >>> found = scan_rate_dependence(series)
    >>> found.best.name, round(found.best.width, 6)
    ('spinodal', 40.0)
    """
    unknown = [name for name in laws if name not in LAWS]
    if unknown or not laws:
        raise MagnetometryError(f"rate laws: {unknown or 'none'} unknown; there are {', '.join(LAWS)}")
    rates, values, sigmas, heating = _columns(transitions)
    distinct = np.unique(rates)
    reference = float(np.exp(np.mean(np.log(distinct))))
    found = []
    for name in laws:
        law = _fit(name, rates / reference, values, sigmas, heating)
        if law is not None:
            found.append(law)
    if not found:
        raise MagnetometryError(
            f"rate laws: {values.size} switching temperatures are too few for {', '.join(laws)}; measure more rates"
        )
    found.sort(key=_criterion)
    lowest = _criterion(found[0])
    equal = tuple(law.name for law in found if _criterion(law) <= lowest + UNDECIDED)
    return ScanRateAnalysis(tuple(found), reference, equal, _text(found, equal, distinct, reference))


def _criterion(law: RateLaw) -> float:
    return math.inf if law.fit.aicc is None else law.fit.aicc


def _columns(transitions: Sequence[SweptTransition]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = []
    for number, one in enumerate(transitions, start=1):
        if not (one.rate > 0 and math.isfinite(one.rate)):
            raise MagnetometryError(
                f"rate laws: the rate of entry {number} must be > 0 K/s, found {one.rate!r} (1 K/min is 1/60)"
            )
        for value, sigma, is_heating in ((one.t_up, one.sigma_up, True), (one.t_down, one.sigma_down, False)):
            if value is None:
                continue
            branch = "heating" if is_heating else "cooling"
            if sigma is None or not (sigma > 0 and math.isfinite(sigma)):
                raise MagnetometryError(
                    f"rate laws: entry {number} ({one.rate * 60:.3g} K/min) has no uncertainty on {branch}; laws are"
                    " compared by it, give it (0.5 K where nothing better is known)"
                )
            if not (value > 0 and math.isfinite(value)):
                raise MagnetometryError(f"rate laws: entry {number} has {value!r} K on {branch}")
            rows.append((one.rate, value, sigma, is_heating))
    distinct = len({row[0] for row in rows})
    if distinct < FEWEST_RATES:
        raise MagnetometryError(
            f"rate laws: {distinct} different rates with a switching temperature, at least {FEWEST_RATES} are needed"
        )
    rates, values, sigmas, heating = (np.array(column) for column in zip(*rows, strict=True))
    return rates, values, sigmas, heating.astype(bool)


def _fit(name: str, rates: np.ndarray, values: np.ndarray, sigmas: np.ndarray, heating: np.ndarray) -> RateLaw | None:
    """One law; None when there are too few values for its AICc."""
    both = [branch for branch in (True, False) if np.any(heating == branch)]
    moving = name != "constant"
    count = len(both) * (2 if moving else 1) + (name == "power")
    if values.size <= count + 1:
        return None
    parameters = []
    labels = {True: ("rest.t_up", "up.shift"), False: ("rest.t_down", "down.shift")}
    for branch in both:
        rest, shift = labels[branch]
        parameters.append(Parameter(rest, float(np.mean(values[heating == branch])), unit="K"))
        if moving:
            parameters.append(Parameter(shift, 1.0, unit="K"))
    if moving and name != "logarithmic":
        exponent = _EXPONENT.get(name, 0.7)
        bounds = (0.05, 3.0)
        parameters.append(
            Parameter("delay.exponent", exponent, lower=bounds[0], upper=bounds[1], fixed=name in _EXPONENT)
        )
    setup = Parameters(tuple(parameters))
    column = {one.name: i for i, one in enumerate(setup)}
    log_rate = np.log(rates)

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = setup.expand(vector)
        model, jacobian = np.zeros(values.size), np.zeros((values.size, len(setup)))
        exponent = value[column["delay.exponent"]] if "delay.exponent" in column else 0.0
        delay = log_rate if name == "logarithmic" else rates**exponent
        for branch in both:
            rows = heating == branch
            sense = 1.0 if branch else -1.0
            rest, shift = labels[branch]
            model[rows] = value[column[rest]]
            jacobian[rows, column[rest]] = 1.0
            if moving:
                model[rows] += sense * value[column[shift]] * delay[rows]
                jacobian[rows, column[shift]] = sense * delay[rows]
            if "delay.exponent" in column:
                jacobian[rows, column["delay.exponent"]] = sense * value[column[shift]] * delay[rows] * log_rate[rows]
        return (model - values) / sigmas, (jacobian / sigmas[:, None]) @ setup.matrix

    result = fit(Problem(setup, evaluate, (Block("switching temperatures", values.size),)))
    width = sigma_width = math.nan
    if len(both) == 2 and name != "logarithmic":
        width = result.value("rest.t_up") - result.value("rest.t_down")
        gradient = setup.matrix[column["rest.t_up"]] - setup.matrix[column["rest.t_down"]]
        sigma_width = float(result.propagate(gradient))
    return RateLaw(name, result, width, sigma_width)


def _text(found: Sequence[RateLaw], equal: Sequence[str], rates: np.ndarray, reference: float) -> str:
    best = found[0]
    sentences = [
        f"{rates.size} sweep rates from {rates.min() * 60:.3g} to {rates.max() * 60:.3g} K/min: {LAWS[best.name]}."
    ]
    if "delay.exponent" in best.fit.free_names:
        exponent = format_uncertain(best.fit.value("delay.exponent"), best.fit.sigma_of("delay.exponent"))
        sentences.append(f"The exponent is {exponent}.")
    if best.name == "logarithmic":
        sentences.append(
            f"There is no limit at rest; temperatures hold for the reference rate of {reference * 60:.3g} K/min."
        )
    elif math.isfinite(best.width):
        sentences.append(f"At rest the hysteresis is {format_uncertain(best.width, best.sigma_width)} K wide.")
    others = [law for law in found if law.name in equal[1:]]
    if others:
        widths = [
            f"{law.name} ({format_uncertain(law.width, law.sigma_width)} K at rest)"
            if math.isfinite(law.width)
            else f"{law.name} (no width at rest)"
            for law in others
        ]
        sentences.append(f"The data do not rule out: {', '.join(widths)}.")
    reduced = best.fit.chi2 / max(best.fit.degrees_of_freedom, 1)
    if reduced > 4:
        sentences.append(
            f"No law describes the data within their uncertainties (chi2 per degree of freedom {reduced:.1f});"
            " uncertainties above are too small."
        )
    return " ".join(sentences)
