"""Relaxation of a light-induced high-spin state at constant temperature: which law, how fast, and k_HL(T).

The laws (single and stretched exponential, self-accelerated) are those of `labile.models.relaxation`; criteria choose
between them. Rates of several temperatures are described by k_HL = k_tunnel + k_inf exp(-Ea/RT).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.fitting.smoothing import local_polynomial
from labile.models.relaxation import LAWS
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.liesst import photo_fraction
from labile.techniques.magnetometry.relaxation_rates import RateLawFit, rate_law

FEWEST_POINTS = 8
LARGEST_DRIFT = 0.5
"""K by which the temperature of an isotherm may move."""
UNDECIDED = 2.0
"""Difference of the criterion up to which the data do not choose between two laws."""
_SHAPE = {"stretched_exponential": "exponent", "self_accelerated": "acceleration"}
_SHAPE_STARTS = {"exponent": (0.6, 1.0), "acceleration": (0.5, 3.0)}
_SHAPE_BOUNDS = {"exponent": (0.05, 5.0), "acceleration": (-10.0, 50.0)}


@dataclass(frozen=True, eq=False)
class DecayFit:
    """One law and its fit to an isotherm.

    Attributes
    ----------
    law : str
        Key of `labile.models.relaxation.LAWS`.
    fit : FitResult
        Parameters ``isotherm.log_rate`` (ln of k in s-1), ``isotherm.start``, ``isotherm.residual``, and
        ``isotherm.exponent`` or ``isotherm.acceleration``.
    """

    law: str
    fit: FitResult

    @property
    def rate(self) -> float:
        """k, s-1."""
        return math.exp(self.fit.value("isotherm.log_rate"))

    @property
    def sigma_rate(self) -> float:
        """Standard uncertainty of k, s-1."""
        return self.rate * self.fit.sigma_of("isotherm.log_rate")

    @property
    def shape(self) -> tuple[float, float] | None:
        """Exponent or acceleration with its standard uncertainty; None for the single exponential."""
        name = _SHAPE.get(self.law)
        return None if name is None else (self.fit.value(f"isotherm.{name}"), self.fit.sigma_of(f"isotherm.{name}"))

    def curve(self, time: np.ndarray) -> np.ndarray:
        """High-spin fraction at times (s) since the start of the isotherm."""
        return _evaluate(self.law, np.asarray(time, dtype=float), self.fit.parameters.as_dict())[0]


@dataclass(frozen=True, eq=False)
class RelaxationIsotherm:
    """The decay at one temperature.

    Attributes
    ----------
    temperature, sigma_temperature : float
        Mean, and standard deviation over the isotherm, K.
    fits : tuple of DecayFit
        Best criterion first.
    criterion : {"aicc", "bic"}
    equal : tuple of str
        Laws that the data do not tell from the best one (criterion within 2), the best one first.
    steps : tuple of str
    """

    temperature: float
    sigma_temperature: float
    fits: tuple[DecayFit, ...]
    criterion: str
    equal: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def best(self) -> DecayFit:
        """The law with the lowest criterion."""
        return self.fits[0]

    def of(self, law: str) -> DecayFit:
        """Return the fit of a law.

        Raises
        ------
        MagnetometryError
            If it was not fitted.
        """
        for one in self.fits:
            if one.law == law:
                return one
        raise MagnetometryError(f"isotherm: {law!r} was not fitted; there are {', '.join(f.law for f in self.fits)}")


def relaxation_isotherm(
    measurement: Measurement,
    *,
    low_spin: Measurement | float | None = None,
    high_spin: Measurement | float | None = None,
    laws: Sequence[str] = tuple(LAWS),
    residual: float | None = 0.0,
    criterion: str = "aicc",
) -> RelaxationIsotherm:
    """Fit laws of decay to a high-spin fraction that falls with time in the dark.

    Parameters
    ----------
    measurement : Measurement
        ``"high_spin_fraction"`` or ``"chi_t"`` with times, at one temperature.
    low_spin, high_spin : Measurement or float, optional
        End members of chi*T, see `photo_fraction`; needed for chi*T, because a self-accelerated decay depends on the
        fraction itself and a single exponential without its plateau has any rate.
    laws : sequence of str
        Keys of `labile.models.relaxation.LAWS`.
    residual : float or None
        Fraction that never relaxes; None to fit it.
    criterion : {"aicc", "bic"}

    Returns
    -------
    RelaxationIsotherm
        Sigma of the points from the measurement, or from their scatter.

    Raises
    ------
    MagnetometryError
        If there are no times or they go backwards, the temperature moves, there are too few points, chi*T has no end
        members, it was measured under light, or nothing decays.

    Examples
    --------
    >>> from labile.models.relaxation import self_accelerated
    >>> time = np.linspace(0.0, 8000.0, 80)
    >>> decay = Measurement(
    ...     "high_spin_fraction", self_accelerated(time, 1e-4, 2.0), Conditions(50.0, time=time), sigma=0.005
    ... )
    >>> found = relaxation_isotherm(decay)
    >>> found.best.law, round(found.best.rate * 1e4, 4)
    ('self_accelerated', 1.0)
    """
    where = f"measurement {measurement.label!r}"
    unknown = [law for law in laws if law not in LAWS]
    if unknown or not laws:
        raise MagnetometryError(f"{where}: laws {unknown or 'none'} unknown; there are {', '.join(LAWS)}")
    if criterion not in ("aicc", "bic"):
        raise MagnetometryError(f"{where}: criterion must be 'aicc' or 'bic', found {criterion!r}")
    if residual is not None and not 0 <= residual < 1:
        raise MagnetometryError(f"{where}: residual must be a fraction from 0 to below 1, found {residual!r}")
    time = _checked_times(measurement, where)
    if measurement.quantity == "chi_t":
        if low_spin is None or high_spin is None:
            raise MagnetometryError(
                f"{where}: no plateau values: chi*T of the low-spin and of the fully excited crystal are needed"
                " (low_spin, high_spin); without them neither the fraction nor its final value is known"
            )
        measurement = photo_fraction(measurement, low_spin, high_spin)
    elif measurement.quantity != "high_spin_fraction":
        raise MagnetometryError(
            f"{where}: a relaxation isotherm is chi_t or high_spin_fraction, found {measurement.quantity}"
        )
    values = measurement.values
    steps = []
    if measurement.sigma is None:
        noise = _scatter(time, values)
        sigma = np.full(values.shape, noise)
        steps.append(f"sigma {noise:.2g} from the scatter of neighbouring points")
    else:
        sigma = np.asarray(measurement.sigma)
    fall = float(np.median(values[: max(2, values.size // 20)]) - np.median(values[-max(2, values.size // 20) :]))
    if not fall > 3 * float(np.median(sigma)):
        raise MagnetometryError(
            f"{where}: the fraction falls by {fall:.2g} in {time[-1]:.4g} s, which is within its noise"
            f" ({float(np.median(sigma)):.2g}); there is no decay to fit. Measure longer, or warmer"
        )
    fits = [one for law in laws if (one := _fit(law, time, values, sigma, residual, where)) is not None]
    if not fits:
        raise MagnetometryError(f"{where}: {values.size} points are too few for {', '.join(laws)}")

    def value(one: DecayFit) -> float:
        found = one.fit.aicc if criterion == "aicc" else one.fit.bic
        return math.inf if found is None else found

    fits.sort(key=value)
    equal = tuple(one.law for one in fits if value(one) <= value(fits[0]) + UNDECIDED)
    best = fits[0]
    kelvin = float(measurement.temperature.mean())
    text = f"{kelvin:.4g} K: {best.law.replace('_', ' ')}, k = {format_uncertain(best.rate, best.sigma_rate)} s-1"
    if best.shape is not None:
        text += f", {_SHAPE[best.law]} {format_uncertain(*best.shape)}"
    if len(equal) > 1:
        text += f"; not told from {', '.join(name.replace('_', ' ') for name in equal[1:])}"
    reduced = best.fit.chi2 / max(best.fit.degrees_of_freedom, 1)
    if reduced > 4:
        text += f"; no law fits within the noise (chi2 per degree of freedom {reduced:.1f})"
    if best.fit.at_bound:
        text += f"; on a bound: {', '.join(best.fit.at_bound)}"
    return RelaxationIsotherm(
        kelvin, float(measurement.temperature.std()), tuple(fits), criterion, equal, (*steps, text)
    )


def relaxation_rate_law(isotherms: Sequence[RelaxationIsotherm], *, law: str = "best") -> RateLawFit:
    """Activation energy, prefactor and tunnelling rate from isotherms at several temperatures.

    The logarithm of the rates is fitted; its sigma contains that of the temperature.

    Parameters
    ----------
    isotherms : sequence of RelaxationIsotherm
        At three different temperatures at least.
    law : str
        ``"best"`` for each isotherm's own, or one law for all.

    Returns
    -------
    RateLawFit

    Raises
    ------
    MagnetometryError
        For fewer than three temperatures, or when no kind can be fitted.
    """
    chosen = [one.best if law == "best" else one.of(law) for one in isotherms]
    temperature = np.array([one.temperature for one in isotherms])
    return rate_law(
        temperature,
        np.array([one.rate for one in chosen]),
        np.array([one.sigma_rate for one in chosen]),
        sigma_temperature=np.array([one.sigma_temperature for one in isotherms]),
    )


def reduce_isotherms(
    measurements: Sequence[Measurement],
    *,
    quantity: str = "relaxation_rate",
    low_spin: Measurement | Sequence[Measurement] | float | None = None,
    high_spin: Measurement | Sequence[Measurement] | float | None = None,
    law: str = "best",
    residual: float = 0.0,
    criterion: str = "aicc",
) -> Measurement:
    """Rates of relaxation from isotherms, as a measurement over their temperatures.

    Parameters
    ----------
    measurements : sequence of Measurement
        One isotherm each, or a log in which the temperature stays and moves on; stretches in which the fraction
        does not fall (irradiation) are left out.
    quantity : {"relaxation_rate"}
    low_spin, high_spin, residual, criterion
        See `relaxation_isotherm`.
    law : str
        ``"best"``, or one law for all.

    Returns
    -------
    Measurement
        ``"relaxation_rate"`` (s-1) with sigma; laws and, from three temperatures on, the law of the rates in
        ``provenance.steps``.

    Raises
    ------
    MagnetometryError
        As `relaxation_isotherm`; when nothing decays.
    """
    if quantity != "relaxation_rate":
        raise MagnetometryError(f"isotherms give relaxation_rate, not {quantity!r}")
    if law not in ("best", *LAWS):
        raise MagnetometryError(f"isotherms: law must be 'best' or one of {', '.join(LAWS)}, found {law!r}")
    laws = tuple(LAWS) if law == "best" else (law,)
    found: list[RelaxationIsotherm] = []
    left_out: list[str] = []
    for one in (run for m in measurements for run in isothermal_runs(m)):
        try:
            found.append(
                relaxation_isotherm(
                    one,
                    low_spin=_joined(low_spin),
                    high_spin=_joined(high_spin),
                    laws=laws,
                    residual=residual,
                    criterion=criterion,
                )
            )
        except MagnetometryError as error:
            if "there is no decay to fit" not in str(error):
                raise
            left_out.append(f"left out: {error}")
    if not found:
        raise MagnetometryError(f"isotherms: nothing decays ({'; '.join(left_out) or 'no isotherm of 8 points'})")
    found.sort(key=lambda one: one.temperature)
    steps = [step for one in found for step in one.steps] + left_out
    if len({round(one.temperature, 3) for one in found}) >= 3:
        steps.append(relaxation_rate_law(found).text)
    first = measurements[0]
    return Measurement(
        "relaxation_rate",
        np.array([one.best.rate for one in found]),
        Conditions([one.temperature for one in found], sigma_temperature=[one.sigma_temperature for one in found]),
        sigma=np.array([one.best.sigma_rate for one in found]),
        branch="isothermal",
        sample=first.sample,
        label=first.label,
        provenance=first.provenance.then(*steps),
    )


def isothermal_runs(measurement: Measurement, drift: float = LARGEST_DRIFT) -> tuple[Measurement, ...]:
    """Stretches of a log with times in which the temperature stays within `drift` (K), of eight points at least.

    Parameters
    ----------
    measurement : Measurement
    drift : float

    Returns
    -------
    tuple of Measurement
        The measurement itself when its temperature does not move; times as recorded.
    """
    temperature = measurement.temperature
    if float(np.ptp(temperature)) <= drift:
        return (measurement,)
    edges, start = [], 0
    for i in range(1, temperature.size + 1):
        if i == temperature.size or np.ptp(temperature[start : i + 1]) > drift:
            edges.append((start, i))
            start = i
    return tuple(measurement[a:b] for a, b in edges if b - a >= FEWEST_POINTS)


def _joined(given: Measurement | Sequence[Measurement] | float | None) -> Measurement | float | None:
    """End member that a file gave in one part."""
    if given is None or isinstance(given, (int, float, Measurement)):
        return given
    if len(given) != 1:
        raise MagnetometryError(
            f"end member: {len(given)} curves ({', '.join(one.label for one in given)}); name a file with one"
        )
    return given[0]


def _checked_times(measurement: Measurement, where: str) -> np.ndarray:
    """Times (s) from the first point on."""
    time = measurement.conditions.time
    if measurement.axis is not None or time is None:
        raise MagnetometryError(f"{where}: an isotherm needs the time of each point; the file gives none")
    if measurement.conditions.light:
        raise MagnetometryError(f"{where}: it was measured under light; a relaxation is measured in the dark")
    if len(measurement) < FEWEST_POINTS:
        raise MagnetometryError(f"{where}: {len(measurement)} points, an isotherm needs at least {FEWEST_POINTS}")
    back = np.flatnonzero(np.diff(time) <= 0)
    if back.size:
        at = int(back[0]) + 1
        raise MagnetometryError(
            f"{where}: the time goes backwards or stands still at point {at + 1} ({time[at]:g} s after"
            f" {time[at - 1]:g} s); are two runs joined? Pass them separately"
        )
    moved = float(np.ptp(measurement.temperature))
    if moved > LARGEST_DRIFT:
        raise MagnetometryError(
            f"{where}: the temperature moves by {moved:.3g} K, which is no isotherm (at most {LARGEST_DRIFT:g} K);"
            " cut it where the temperature has settled"
        )
    return np.asarray(time - time[0])


def _scatter(time: np.ndarray, values: np.ndarray) -> float:
    """Noise of the points about parabolas through their neighbours, never quite zero."""
    smooth = local_polynomial(time, values, window=7 if values.size >= 9 else 5, order=2)
    return max(smooth.noise, 1e-6 * float(np.ptp(values)) + 1e-12)


def _evaluate(law: str, time: np.ndarray, values: Mapping[str, float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Fraction and its derivatives in the isotherm's parameters: r + (1-r) x(t), x the law without a residue."""
    rate, start, residual = (
        math.exp(values["isotherm.log_rate"]),
        values["isotherm.start"],
        values["isotherm.residual"],
    )
    shape = _SHAPE.get(law)
    more = {} if shape is None else {shape: values[f"isotherm.{shape}"]}
    moving = 1.0 - residual
    x0 = (start - residual) / moving
    decay = LAWS[law].evaluate(time, rate=rate, start=x0, **more)
    slopes = {
        "isotherm.log_rate": moving * rate * decay.slopes["rate"],
        "isotherm.start": decay.slopes["start"],
        "isotherm.residual": 1.0 - decay.fraction + decay.slopes["start"] * (x0 - 1.0),
    }
    if shape is not None:
        slopes[f"isotherm.{shape}"] = moving * decay.slopes[shape]
    return residual + moving * decay.fraction, slopes


def _fit(
    law: str, time: np.ndarray, values: np.ndarray, sigma: np.ndarray, residual: float | None, where: str
) -> DecayFit | None:
    """Best of several starts; None when there are too few points."""
    shape = _SHAPE.get(law)
    count = 2 + (shape is not None) + (residual is None)
    if values.size <= count + 1:
        return None
    rest = 0.0 if residual is None else residual
    first = float(np.clip(np.median(values[: max(2, values.size // 20)]), rest + 1e-3, 1.0))
    last = float(np.median(values[-max(2, values.size // 20) :]))
    # a self-accelerated decay starts at 1 at most; others may overshoot with their end members
    highest = 1.0 if shape == "acceleration" else 1.5
    # mean rate of the whole curve
    share = np.clip((last - rest) / max(first - rest, 1e-3), 1e-3, 0.999)
    guess = -math.log(float(share)) / float(time[-1])
    results: list[FitResult] = []
    for scale in (0.3, 1.0, 3.0):
        for begin in _SHAPE_STARTS.get(shape or "", (None,)):
            parameters = [
                Parameter("isotherm.log_rate", math.log(guess * scale), unit="1"),
                Parameter("isotherm.start", first, unit="1", lower=rest + 1e-6, upper=highest),
                Parameter("isotherm.residual", rest, unit="1", lower=0.0, upper=0.95, fixed=residual is not None),
            ]
            if shape is not None:
                low, high = _SHAPE_BOUNDS[shape]
                parameters.append(Parameter(f"isotherm.{shape}", begin, unit="1", lower=low, upper=high))  # type: ignore[arg-type]
            setup = Parameters(tuple(parameters))

            def evaluate(vector: np.ndarray, setup: Parameters = setup) -> tuple[np.ndarray, np.ndarray]:
                now = setup.as_dict(vector)
                if now["isotherm.start"] <= now["isotherm.residual"]:
                    raise ArithmeticError("the start lies below the residual fraction")
                try:
                    model, slopes = _evaluate(law, time, now)
                except ValueError as error:
                    raise ArithmeticError(str(error)) from None
                full = np.column_stack([slopes[name] for name in setup.names])
                return (model - values) / sigma, (full / sigma[:, None]) @ setup.matrix

            results.append(fit(Problem(setup, evaluate, (Block(where, values.size),))))
    usable = [one for one in results if math.isfinite(one.chi2)]
    if not usable:
        return None
    return DecayFit(law, min(usable, key=lambda one: (one.chi2, not one.converged)))
