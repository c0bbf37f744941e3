"""What the beam does to the sample: consecutive scans against dose, and switching with its rates.

Photodamage and switching both show as a change from scan to scan, d_k = ||mu_k - mu_1||/||mu_1||. d_k is never negative
and its noise adds to it, so what is tested are mean values of regions, which may go either way: their slopes in the
cumulative dose. Damage stays when the sample is warmed above its T(LIESST) and cooled again; switching by the beam is
gone then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.xas.absorption import EV, Spectra, XasError, spectra_of
from labile.techniques.xas.edge_energy import find_edge

REGIONS = {"pre-edge": (-15.0 * EV, -5.0 * EV), "edge": (-5.0 * EV, 15.0 * EV)}
"""J about the edge of the first scan."""
FLAGGED = 2.0
"""Standard uncertainties that a slope must differ from 0 to be flagged."""


@dataclass(frozen=True)
class Trend:
    """A quantity of consecutive scans against the cumulative dose.

    Attributes
    ----------
    values, sigma : tuple of float
        Of each scan.
    slope, sigma_slope : float
        Per unit of dose; sigma from the scatter about the line or from the noise, whichever is larger.
    """

    values: tuple[float, ...]
    sigma: tuple[float, ...]
    slope: float
    sigma_slope: float

    @property
    def significance(self) -> float:
        """|slope| in standard uncertainties."""
        return abs(self.slope) / self.sigma_slope

    @property
    def flagged(self) -> bool:
        """Whether the slope differs from 0 by more than two standard uncertainties."""
        return self.significance > FLAGGED


@dataclass(frozen=True, eq=False)
class DoseTest:
    """Whether a sample changed under the beam.

    Attributes
    ----------
    dose : ndarray (n,)
        Cumulative, at the middle of each scan.
    distance : ndarray (n,)
        d_k = ||mu_k - mu_1||/||mu_1||.
    noise_distance : float
        What d_k of unchanged scans would be.
    trends : mapping of str to Trend
        Mean absorption of each region.
    recovered, sigma_recovered : float
        Part of the change between the first and the last scan that the warmed scan has lost again (1: all of it); NaN
        without one.
    verdict : str
        ``"no change"``, ``"changes"``, ``"reversible"``, ``"irreversible"`` or ``"partly reversible"``.
    """

    dose: np.ndarray
    distance: np.ndarray
    noise_distance: float
    trends: Mapping[str, Trend]
    recovered: float
    sigma_recovered: float
    verdict: str

    @property
    def flagged(self) -> bool:
        """Whether any region changes by more than two standard uncertainties."""
        return any(trend.flagged for trend in self.trends.values())

    def __repr__(self) -> str:
        lines = [f"<DoseTest of {self.dose.size} scans: {self.verdict}; d of the last {self.distance[-1]:.2e}>"]
        for name, trend in self.trends.items():
            mark = "flagged" if trend.flagged else "within its uncertainty"
            lines.append(f"  {name}: slope {format_uncertain(trend.slope, trend.sigma_slope)} per dose, {mark}")
        if not math.isnan(self.recovered):
            lines.append(f"  recovered after warming: {format_uncertain(self.recovered, self.sigma_recovered)}")
        return "\n".join(lines)


def check_dose(
    scans: Measurement,
    dose: Sequence[float] | np.ndarray | None = None,
    *,
    regions: Mapping[str, tuple[float, float]] = REGIONS,
    relative: bool = True,
    warmed: Measurement | None = None,
) -> DoseTest:
    """Test consecutive scans for a change with dose.

    Parameters
    ----------
    scans : Measurement
        n >= 3 normalised spectra on one spot, in the order in which they were measured.
    dose : array_like (n,), optional
        Cumulative dose at each scan: photons, Gy, s of beam. The number of the scan by default.
    regions : mapping of str to tuple of float
        J; relative to the edge of the first scan unless `relative` is false.
    relative : bool
    warmed : Measurement, optional
        One scan of the same spot after warming above T(LIESST) and cooling again.

    Returns
    -------
    DoseTest

    Raises
    ------
    XasError
        For fewer than three scans, a dose that does not increase, or a region without points.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> energy = np.arange(7090.0, 7160.0, 0.5)
    >>> edges = 7120.0 - 0.05 * np.arange(6)[:, None]
    >>> mu = 0.5 + np.arctan((energy - edges) / 1.5) / np.pi + np.random.default_rng(0).normal(0, 1e-3, (6, 140))
    >>> scans = Measurement("normalized_absorption", mu, Conditions([10.0] * 6), axis=Axis("energy", energy * EV))
    >>> check_dose(scans).trends["edge"].flagged
    True
    """
    spectra = spectra_of(scans, ("normalized_absorption",))
    count = spectra.values.shape[0]
    if count < 3:
        raise XasError(f"{spectra.where}: a dose test needs at least three consecutive scans, found {count}")
    x = np.arange(1.0, count + 1.0) if dose is None else np.asarray(dose, dtype=float)
    if x.shape != (count,) or not np.all(np.isfinite(x)) or np.any(np.diff(x) <= 0):
        raise XasError(f"{spectra.where}: the cumulative dose must be {count} increasing numbers, found {x.tolist()}")
    noise = _noise(spectra, x)
    first = spectra.values[0]
    length = float(np.linalg.norm(first))
    distance = np.linalg.norm(spectra.values - first, axis=1) / length
    origin = float(find_edge(scans[0]).energy[0]) / EV if relative and regions else 0.0
    trends = {}
    for name, (low, high) in regions.items():
        inside = (spectra.energy >= origin + low / EV) & (spectra.energy <= origin + high / EV)
        if not np.any(inside):
            raise XasError(
                f"{spectra.where}: no point in the region {name!r}, {origin + low / EV:.1f} to"
                f" {origin + high / EV:.1f} eV"
            )
        sigma = np.sqrt(np.sum(noise[:, inside] ** 2, axis=1)) / np.sum(inside)
        trends[name] = _trend(x, spectra.values[:, inside].mean(axis=1), sigma)
    expected = float(np.sqrt(np.mean(np.sum(noise[1:] ** 2, axis=1) + np.sum(noise[0] ** 2)))) / length
    recovered, sigma_recovered = math.nan, math.nan
    if warmed is not None:
        recovered, sigma_recovered = _recovered(spectra, noise, warmed)
    changed = any(trend.flagged for trend in trends.values())
    return DoseTest(
        x, distance, expected, trends, recovered, sigma_recovered, _verdict(changed, recovered, sigma_recovered)
    )


def _noise(spectra: Spectra, dose: np.ndarray) -> np.ndarray:
    """Sigma (n, M) of every point: as stated, else the scatter about a straight line in the dose."""
    if spectra.sigma is not None:
        return spectra.sigma
    design = np.stack([np.ones(dose.size), (dose - dose.mean()) / np.ptp(dose)], axis=1)
    q = np.linalg.qr(design)[0]
    left = spectra.values - q @ (q.T @ spectra.values)
    # pooled over energies: three scans leave one degree of freedom each
    return np.full(spectra.values.shape, math.sqrt(float(np.sum(left**2)) / ((dose.size - 2) * left.shape[1])))


def _trend(x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> Trend:
    # data without noise have slopes without uncertainty
    sigma = np.maximum(sigma, 1e-12 * max(float(np.max(np.abs(y))), 1e-12))
    weight = 1.0 / sigma**2
    middle = np.sum(weight * x) / np.sum(weight)
    spread = float(np.sum(weight * (x - middle) ** 2))
    slope = float(np.sum(weight * (x - middle) * y)) / spread
    left = y - np.sum(weight * y) / np.sum(weight) - slope * (x - middle)
    scale = max(1.0, float(np.sum(weight * left**2)) / (x.size - 2))
    return Trend(tuple(y.tolist()), tuple(sigma.tolist()), slope, math.sqrt(scale / spread))


def _recovered(spectra: Spectra, noise: np.ndarray, warmed: Measurement) -> tuple[float, float]:
    """1 - <warmed - first, last - first>/|last - first|^2 without the noise that both differences share."""
    after = spectra_of(warmed, ("normalized_absorption",))
    if after.values.shape[0] != 1 or after.energy.size != spectra.energy.size:
        raise XasError(
            f"{after.where}: the warmed scan must be one scan on the {spectra.energy.size} energies of the others"
        )
    if not np.allclose(after.energy, spectra.energy, rtol=0.0, atol=1e-3):
        raise XasError(f"{after.where}: the warmed scan is on other energies than the scans before")
    change, left = spectra.values[-1] - spectra.values[0], after.values[0] - spectra.values[0]
    of_first, of_last = float(np.sum(noise[0] ** 2)), float(np.sum(noise[-1] ** 2))
    squared = float(change @ change) - of_first - of_last
    if not squared > 2.0 * math.sqrt(float(np.sum((noise[0] ** 2 + noise[-1] ** 2) ** 2))):
        return math.nan, math.nan
    remaining = (float(left @ change) - of_first) / squared
    own = noise[-1] ** 2 if after.sigma is None else after.sigma[0] ** 2
    # to first order in the noise, with what is left proportional to the change; then the products of two noises
    each = own + remaining**2 * noise[-1] ** 2 + (1.0 - remaining) ** 2 * noise[0] ** 2
    variance = float(np.sum(change**2 * each)) * squared / float(change @ change)
    variance += float(np.sum(own * (noise[-1] ** 2 + noise[0] ** 2) + noise[-1] ** 2 * noise[0] ** 2))
    return 1.0 - remaining, math.sqrt(variance) / squared


def _verdict(changed: bool, recovered: float, sigma: float) -> str:
    if not changed:
        return "no change"
    if math.isnan(recovered):
        return "changes"
    whole, nothing = abs(1.0 - recovered) <= FLAGGED * sigma, abs(recovered) <= FLAGGED * sigma
    if whole and nothing:
        return "changes"
    return "reversible" if whole else "irreversible" if nothing else "partly reversible"


@dataclass(frozen=True, eq=False)
class BeamSwitching:
    """Rates of switching by the beam.

    Attributes
    ----------
    result : FitResult
        Of ``beam.steady_fraction``, ``beam.switching_rate`` (k_X + k_r, 1/s) and, where it was free,
        ``beam.start_fraction``.
    excitation_rate, sigma_excitation : float
        k_X, 1/s, if the beam switches one way only.
    relaxation_rate, sigma_relaxation : float
        k_r, 1/s, of everything that brings the molecules back.
    convertible : float
        Largest fraction that could switch.
    """

    result: FitResult
    excitation_rate: float
    sigma_excitation: float
    relaxation_rate: float
    sigma_relaxation: float
    convertible: float

    def __repr__(self) -> str:
        return (
            f"<BeamSwitching: k_X {format_uncertain(self.excitation_rate, self.sigma_excitation)} 1/s, k_r"
            f" {format_uncertain(self.relaxation_rate, self.sigma_relaxation)} 1/s>"
        )


def fit_beam_switching(
    fraction: Measurement, *, start_fraction: float | None = 0.0, convertible: float = 1.0
) -> BeamSwitching:
    """Fit n(t) = n_0 + (n_ss - n_0) {1 - exp[-(k_X + k_r) t]} to fractions under the beam.

    With a beam that switches one way, n_ss = n_max k_X/(k_X + k_r), so both rates follow from n_ss and the sum.

    Parameters
    ----------
    fraction : Measurement
        ``"component_fraction"`` or another fraction, with the time of each point (s of beam) in its conditions, and
        sigma.
    start_fraction : float or None
        n_0 before the beam; None fits it.
    convertible : float
        n_max, the fraction that could switch at most.

    Returns
    -------
    BeamSwitching

    Raises
    ------
    XasError
        If the times are missing, there are too few points, or the data do not determine the rate.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 600.0, 30.0)
    >>> n = 0.6 * (1.0 - np.exp(-time / 100.0))
    >>> m = Measurement("component_fraction", n, Conditions(10.0, time=time), sigma=0.01)
    >>> found = fit_beam_switching(m)
    >>> round(found.excitation_rate, 6), round(found.relaxation_rate, 6)
    (0.006, 0.004)
    """
    where = f"measurement {fraction.label!r}"
    time = fraction.conditions.time
    if fraction.axis is not None or time is None or fraction.sigma is None:
        raise XasError(f"{where}: one fraction per point is expected, with its time (s of beam) and sigma")
    time, n, sigma = np.asarray(time), fraction.values, fraction.sigma
    free = 2 if start_fraction is not None else 3
    if time.size <= free:
        raise XasError(f"{where}: {time.size} points cannot determine {free} parameters")
    if not (np.min(time) >= 0 and np.ptp(time) > 0):
        raise XasError(f"{where}: times must be s since the beam was opened, found {time.min():g} to {time.max():g}")
    if not 0.0 < convertible <= 1.0:
        raise XasError(f"{where}: convertible must be above 0 and at most 1, found {convertible!r}")
    slowest, fastest = 1e-3 / float(time.max()), 1e3 / float(np.diff(np.unique(time)).min())
    last = float(np.mean(n[np.argsort(time)][-max(time.size // 4, 1) :]))
    items = [
        Parameter("beam.steady_fraction", min(max(last, 1e-3), convertible), "1", lower=0.0, upper=convertible),
        Parameter("beam.switching_rate", 3.0 / float(time.max()), "1/s", lower=slowest, upper=fastest),
        Parameter(
            "beam.start_fraction", start_fraction if start_fraction is not None else float(n[np.argmin(time)]), "1",
            fixed=start_fraction is not None,
        ),
    ]  # fmt: skip

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        steady, rate = vector[:2]
        begin = start_fraction if start_fraction is not None else vector[2]
        decay = np.exp(-rate * time)
        columns = [1.0 - decay, (steady - begin) * time * decay]
        if start_fraction is None:
            columns.append(decay)
        model = begin * decay + steady * (1.0 - decay)
        return (model - n) / sigma, np.stack(columns, axis=1) / sigma[:, None]

    result = fit(Problem(Parameters(tuple(items)), evaluate, (Block(fraction.label, time.size),)))
    if not result.converged or "beam.switching_rate" in (*result.undetermined, *result.at_bound):
        raise XasError(
            f"{where}: the data do not determine the rate ({result.message}); they show no switching, or only its"
            " start or end"
        )
    steady, rate = result.value("beam.steady_fraction") / convertible, result.value("beam.switching_rate")
    slopes = np.zeros((2, result.n_free))
    slopes[:, 0] = rate / convertible, -rate / convertible
    slopes[:, 1] = steady, 1.0 - steady
    up, down = result.propagate(slopes)
    return BeamSwitching(result, steady * rate, float(up), (1.0 - steady) * rate, float(down), convertible)
