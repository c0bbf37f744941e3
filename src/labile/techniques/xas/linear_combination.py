"""Spectra as sums of the spectra of standards: bounded fractions, shifts of the standards, how sure both are.

    mu(E) = sum_k f_k mu_k(E - d_k),   f_k >= 0,  sum_k f_k = 1 (optional),  |d_k| <= a stated limit

Without shifts the best fractions of all spectra of a series are found at once and exactly; with shifts by the engine.
Neighbouring residuals of such fits are alike, because standards are not quite the sample. Covariances are therefore
those of the scatter of the residuals, as large as if only twice as many points as they change sign were independent,
and the bootstrap resamples blocks of residuals, not single ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.smoothing import white_noise
from labile.techniques.xas.absorption import EV, Spectra, XasError, spectra_of
from labile.techniques.xas.calibration import require_same_reference
from labile.techniques.xas.edge_energy import find_edge
from labile.techniques.xas.simplex import LARGEST, best_fractions, unbounded_covariance

EXACT = 1e-9
"""Residuals below this part of a spectrum are round-off: it is made of the standards themselves."""
WINDOW = (-20.0 * EV, 60.0 * EV)
"""J about the edge of the first standard, fitted by default."""
ENOUGH_BIC = 2.0
"""By how much more standards must lower the BIC to be preferred."""
CITATIONS = ("Kunsch1989",)


@dataclass(frozen=True, eq=False)
class LinearCombination:
    """Fractions of K standards in N spectra.

    Attributes
    ----------
    names : tuple of str
    fractions : ndarray (N, K)
    covariance : ndarray (N, K, K)
        As if no fraction were on a bound, so that those at 0 have an uncertainty too.
    bootstrap_sigma : ndarray (N, K) or None
        Of resampled blocks of residuals, within the bounds.
    shifts, sigma_shifts : ndarray (N, K)
        J, added to the energies of a standard; sigma is NaN for one that is held or on its limit.
    energy : ndarray (W,)
        J, the points that were fitted.
    residuals : ndarray (N, W)
        Data minus fit.
    chi2 : ndarray (N,)
        Weighted by sigma where the data have one, else the sum of squares.
    r_factor : ndarray (N,)
        Sum of squared residuals over that of the data.
    independent : ndarray (N,)
        Points that count as independent.
    spectrum : Measurement
        What was fitted.
    notes : tuple of str
    """

    names: tuple[str, ...]
    fractions: np.ndarray
    covariance: np.ndarray
    bootstrap_sigma: np.ndarray | None
    shifts: np.ndarray
    sigma_shifts: np.ndarray
    energy: np.ndarray
    residuals: np.ndarray
    chi2: np.ndarray
    r_factor: np.ndarray
    independent: np.ndarray
    spectrum: Measurement
    notes: tuple[str, ...] = ()

    @property
    def sigma(self) -> np.ndarray:
        """Standard uncertainties (N, K): the larger of covariance and bootstrap."""
        sigma = np.sqrt(np.einsum("nkk->nk", self.covariance))
        return sigma if self.bootstrap_sigma is None else np.maximum(sigma, self.bootstrap_sigma)

    def fraction(self, *names: str) -> Measurement:
        """Fraction of one standard, or of several together, at the conditions of the spectra.

        Returns
        -------
        Measurement
            ``"component_fraction"``, attribute ``component``.

        Raises
        ------
        XasError
            For a name that is none of the standards.
        """
        for name in names:
            if name not in self.names:
                raise XasError(f"standard {name!r} was not fitted; there are {', '.join(self.names)}")
        chosen = np.array([float(name in names) for name in self.names])
        variance = np.einsum("k,nkl,l->n", chosen, self.covariance, chosen)
        if self.bootstrap_sigma is not None and len(names) == 1:
            variance = np.maximum(variance, self.bootstrap_sigma[:, self.names.index(names[0])] ** 2)
        # all standards together have none
        sigma = np.sqrt(np.maximum(variance, 1e-16))
        return replace(
            self.spectrum,
            quantity="component_fraction",
            values=self.fractions @ chosen,
            sigma=sigma,
            unit="1",
            axis=None,
            label=f"{self.spectrum.label}, {' + '.join(names)}",
            attributes={**self.spectrum.attributes, "component": " + ".join(names)},
            provenance=self.spectrum.provenance.then(
                f"linear combination of {', '.join(self.names)} from {self.energy[0] / EV:.1f} to"
                f" {self.energy[-1] / EV:.1f} eV",
                *self.notes,
            ),
        )

    def __repr__(self) -> str:
        lines = [f"<LinearCombination of {', '.join(self.names)}: {self.chi2.size} spectra>"]
        for row in range(min(self.chi2.size, 20)):
            shown = ", ".join(
                f"{name} {format_uncertain(f, s) if s > 0 else f'{f:g}'}"
                for name, f, s in zip(self.names, self.fractions[row], self.sigma[row], strict=True)
            )
            lines.append(f"  {self.spectrum.temperature[row]:g} K: {shown}; R {self.r_factor[row]:.2e}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Standards:
    """Standards on the fitted points.

    `curves` and `slopes` (K, W) at the present shifts; `splines` to move them.
    """

    names: tuple[str, ...]
    energy: np.ndarray
    splines: tuple[Any, ...]

    def curves(self, shifts: np.ndarray) -> np.ndarray:
        return np.stack([s(self.energy - d) for s, d in zip(self.splines, shifts, strict=True)])

    def slopes(self, shifts: np.ndarray) -> np.ndarray:
        """Derivative in the shift."""
        return np.stack([-s(self.energy - d, 1) for s, d in zip(self.splines, shifts, strict=True)])


def fit_linear_combination(
    spectrum: Measurement,
    standards: Mapping[str, Measurement],
    *,
    window: tuple[float, float] | None = None,
    sum_to_one: bool = True,
    shift_limit: float = 0.0,
    bootstrap: int = 0,
    seed: int = 0,
) -> LinearCombination:
    """Fractions of standards in every spectrum of a measurement.

    Parameters
    ----------
    spectrum : Measurement
        ``"normalized_absorption"``, N spectra.
    standards : mapping of str to Measurement
        One normalised spectrum each, in the same energy convention; two or three as a rule, at most 8.
    window : tuple of float, optional
        J, absolute; -20 to +60 eV about the edge of the first standard by default.
    sum_to_one : bool
        Without it the sum tests the normalisation.
    shift_limit : float
        J: how far each standard may be shifted (0: not at all). Above about 0.3 eV it is another compound.
    bootstrap : int
        Resampled spectra; 0 for none, 200 for a sigma to 5 %.
    seed : int

    Returns
    -------
    LinearCombination

    Raises
    ------
    XasError
        If the spectra share no range or convention, or the standards are too alike to be told apart.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> energy = np.arange(7080.0, 7200.0, 0.5)
    >>> def at(*edges):
    ...     mu = np.array([0.5 + np.arctan((energy - e) / 1.5) / np.pi for e in edges])
    ...     return Measurement(
    ...         "normalized_absorption", mu.mean(axis=0)[None], Conditions(300.0), axis=Axis("energy", energy * EV)
    ...     )
    >>> found = fit_linear_combination(at(7120.0, 7120.0, 7124.0), {"LS": at(7124.0), "HS": at(7120.0)})
    >>> found.fractions.round(6).tolist()
    [[0.333333, 0.666667]]
    """
    spectra, prepared = _prepared(spectrum, standards, window, shift_limit)
    weight = np.ones(spectra.values.shape) if spectra.sigma is None else 1.0 / spectra.sigma
    fractions, shifts = _solutions(spectra.values, weight, prepared, sum_to_one, shift_limit)
    found = _assessed(spectrum, spectra, weight, prepared, fractions, shifts, sum_to_one, shift_limit)
    if not bootstrap:
        return found
    sigma = _bootstrapped(found, spectra, weight, prepared, sum_to_one, shift_limit, bootstrap, seed)
    return replace(found, bootstrap_sigma=sigma)


def _prepared(
    spectrum: Measurement, standards: Mapping[str, Measurement], window: tuple[float, float] | None, limit: float
) -> tuple[Spectra, _Standards]:
    from scipy.interpolate import CubicSpline

    if not 1 <= len(standards) <= LARGEST:
        raise XasError(f"linear combination: 1 to {LARGEST} standards are expected, found {len(standards)}")
    if not 0.0 <= limit < 20.0 * EV:
        raise XasError(f"linear combination: shift_limit must be from 0 to 20 eV, in J, found {limit!r}")
    require_same_reference([spectrum, *standards.values()])
    data = spectra_of(spectrum, ("normalized_absorption",))
    splines, low, high = [], float(data.energy[0]), float(data.energy[-1])
    for name, standard in standards.items():
        one = spectra_of(standard, ("normalized_absorption",))
        if len(standard) != 1:
            raise XasError(f"standard {name!r}: one spectrum is expected, found {len(standard)}")
        splines.append(CubicSpline(one.energy * EV, one.values[0]))
        low, high = max(low, float(one.energy[0]) + limit / EV), min(high, float(one.energy[-1]) - limit / EV)
    if window is None:
        edge = float(find_edge(next(iter(standards.values()))).energy[0])
        window = (edge + WINDOW[0], edge + WINDOW[1])
    inside = (data.energy >= max(low, window[0] / EV)) & (data.energy <= min(high, window[1] / EV))
    least = 2 * len(standards) + 2
    if np.sum(inside) < least:
        raise XasError(
            f"{data.where}: {int(np.sum(inside))} points where spectrum, standards and window ({window[0] / EV:.1f} to"
            f" {window[1] / EV:.1f} eV) overlap ({low:.1f} to {high:.1f} eV); at least {least} are needed"
        )
    part = Spectra(
        data.energy[inside], data.values[:, inside], None if data.sigma is None else data.sigma[:, inside], data.where
    )
    return part, _Standards(tuple(standards), part.energy * EV, tuple(splines))


def _solutions(
    values: np.ndarray, weight: np.ndarray, standards: _Standards, sum_to_one: bool, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fractions and shifts (N, K)."""
    still = np.zeros(len(standards.names))
    curves = standards.curves(still)
    weighted = curves[None] * weight[:, None, :]
    gram = weighted @ np.swapaxes(weighted, 1, 2)
    _require_distinct(gram[0], standards.names, sum_to_one)
    fractions = best_fractions(gram, np.einsum("nkw,nw->nk", weighted, values * weight), sum_to_one)
    shifts = np.zeros(fractions.shape)
    if limit > 0:
        for row in range(values.shape[0]):
            fractions[row], shifts[row] = _shifted(
                values[row], weight[row], standards, fractions[row], sum_to_one, limit
            )
    return fractions, shifts


def _require_distinct(gram: np.ndarray, names: tuple[str, ...], sum_to_one: bool) -> None:
    norms = np.sqrt(np.diag(gram))
    if np.any(norms == 0):
        raise XasError(f"standard {names[int(np.argmin(norms))]!r} is 0 everywhere in the window")
    if len(names) > 1 and np.linalg.cond(gram / np.outer(norms, norms)) > 1e12:
        raise XasError(f"the standards {', '.join(names)} are combinations of each other; leave one out")


def _shifted(
    y: np.ndarray, weight: np.ndarray, standards: _Standards, start: np.ndarray, sum_to_one: bool, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fractions and shifts of one spectrum by the fit engine."""
    count = start.size
    fractions = start
    for _ in range(count + 1):
        # with a sum of 1 the largest fraction is what the others leave: it is the last to reach 0
        rest = int(np.argmax(fractions)) if sum_to_one else -1
        free = [k for k in range(count) if k != rest]
        items = [
            Parameter(
                f"{standards.names[k]}.component_fraction",
                float(min(max(fractions[k], 0.0), 10.0)),
                lower=0.0,
                upper=10.0,
            )
            for k in free
        ]
        items += [Parameter(f"{name}.energy_shift", 0.0, "eV", lower=-limit, upper=limit) for name in standards.names]

        def evaluate(vector: np.ndarray, free: list[int] = free, rest: int = rest) -> tuple[np.ndarray, np.ndarray]:
            f = np.zeros(count)
            f[free] = vector[: len(free)]
            shifts = vector[len(free) :]
            curves = standards.curves(shifts)
            columns = curves[free]
            if rest >= 0:
                f[rest] = 1.0 - f.sum()
                columns = columns - curves[rest]
            jacobian = np.concatenate([columns, f[:, None] * standards.slopes(shifts)]) * weight
            return (f @ curves - y) * weight, jacobian.T

        result = fit(Problem(Parameters(tuple(items)), evaluate, (Block("spectrum", y.size),)))
        if not result.converged:
            raise XasError(f"linear combination with shifts did not converge: {result.message}")
        vector = result.parameters.vector
        fractions = np.zeros(count)
        fractions[free] = vector[: len(free)]
        if rest >= 0:
            fractions[rest] = 1.0 - fractions.sum()
        if np.all(fractions >= 0):
            return fractions, np.where(fractions > 0, vector[len(free) :], 0.0)
        fractions = np.maximum(fractions, 0.0)
        fractions /= fractions.sum()
    raise XasError("linear combination with shifts: no fractions that are all positive were found; use fewer standards")


def _assessed(
    spectrum: Measurement,
    spectra: Spectra,
    weight: np.ndarray,
    standards: _Standards,
    fractions: np.ndarray,
    shifts: np.ndarray,
    sum_to_one: bool,
    limit: float,
) -> LinearCombination:
    """Residuals and covariances of a solution."""
    number, count = fractions.shape
    residuals = np.empty(spectra.values.shape)
    covariance = np.empty((number, count, count))
    sigma_shifts = np.full((number, count), np.nan)
    chi2, independent = np.empty(number), np.empty(number)
    notes = []
    for row in range(number):
        curves = standards.curves(shifts[row])
        residuals[row] = spectra.values[row] - fractions[row] @ curves
        moving = np.flatnonzero((limit > 0) & (fractions[row] > 0) & (np.abs(shifts[row]) < limit))
        columns = [curves, (fractions[row, :, None] * standards.slopes(shifts[row]))[moving]]
        design = (np.concatenate(columns) * weight[row]).T
        chi2[row] = float(np.sum((residuals[row] * weight[row]) ** 2))
        freedom = max(design.shape[0] - design.shape[1] + int(sum_to_one), 1)
        independent[row] = _independent(residuals[row])
        scale = chi2[row] / freedom * residuals[row].size / independent[row]
        if spectra.sigma is not None:
            # counting noise is there however well the standards fit
            scale = max(scale, 1.0)
        elif chi2[row] <= EXACT**2 * float(np.sum(spectra.values[row] ** 2)):
            scale = max(scale, float(white_noise(spectra.values[row])) ** 2)
            notes.append(
                f"spectrum {row + 1} is one of its own standards, or a mixture of them: it leaves no residuals, so its"
                " s.u. is that of its noise"
            )
        whole = unbounded_covariance(design, count, sum_to_one) * scale
        covariance[row] = whole[:count, :count]
        sigma_shifts[row, moving] = np.sqrt(np.diag(whole)[count:])
        stuck = [standards.names[k] for k in range(count) if limit > 0 and abs(shifts[row, k]) >= limit]
        if stuck:
            notes.append(
                f"the shift of {', '.join(stuck)} is at its limit of {limit / EV:g} eV"
                + (f" in spectrum {row + 1}" if number > 1 else "")
                + ": the standard does not fit, or the limit is too narrow"
            )
    squares = np.sum(residuals**2, axis=1)
    return LinearCombination(
        standards.names, fractions, covariance, None, shifts, sigma_shifts, standards.energy, residuals, chi2,
        squares / np.sum(spectra.values**2, axis=1), independent, spectrum, tuple(notes),
    )  # fmt: skip


def _independent(residuals: np.ndarray) -> float:
    """Twice the changes of sign: all points where residuals are white, few where they wave."""
    changes = int(np.count_nonzero(residuals[1:] * residuals[:-1] < 0))
    return float(min(max(2 * changes, 2), residuals.size))


def _bootstrapped(
    found: LinearCombination,
    spectra: Spectra,
    weight: np.ndarray,
    standards: _Standards,
    sum_to_one: bool,
    limit: float,
    replicates: int,
    seed: int,
) -> np.ndarray:
    """Standard deviations (N, K) over moving blocks (Kunsch, doi:10.1214/aos/1176347265)."""
    if replicates < 20:
        raise XasError(f"bootstrap: at least 20 resampled spectra are needed, found {replicates}")
    rng = np.random.default_rng(seed)
    number, width = found.residuals.shape
    sigmas = np.empty(found.fractions.shape)
    for row in range(number):
        length = min(max(math.ceil(width / found.independent[row] * 2.0), 1), max(width // 4, 1))
        # residuals of unit weight, so that noisy points do not lend their scatter to quiet ones
        scaled = found.residuals[row] * weight[row]
        starts = rng.integers(0, width, size=(replicates, math.ceil(width / length)))
        picked = ((starts[..., None] + np.arange(length)) % width).reshape(replicates, -1)[:, :width]
        fitted = spectra.values[row] - found.residuals[row]
        again = fitted + scaled[picked] / weight[row]
        repeated = np.broadcast_to(weight[row], again.shape)
        fractions, _ = _solutions(again, repeated, standards, sum_to_one, limit)
        sigmas[row] = fractions.std(axis=0, ddof=1)
    return sigmas


@dataclass(frozen=True)
class Choice:
    """One set of standards.

    Attributes
    ----------
    names : tuple of str
    fractions, sigma : tuple of float
    chi2, r_factor : float
    bic : float
        n ln(RSS/n) + k ln n, with the points that count as independent as n.
    f_probability : float
        Of an F as large by chance, against the best set with one standard less that is part of this one: above 0.05 the
        last standard is not needed. NaN for single standards.
    """

    names: tuple[str, ...]
    fractions: tuple[float, ...]
    sigma: tuple[float, ...]
    chi2: float
    r_factor: float
    bic: float
    f_probability: float


def choose_standards(
    spectrum: Measurement, standards: Mapping[str, Measurement], *, largest: int = 3, **options: Any
) -> tuple[list[Choice], Choice]:
    """Every set of up to `largest` standards, and the one that the data ask for.

    Parameters
    ----------
    spectrum : Measurement
        One spectrum.
    standards : mapping of str to Measurement
        Candidates.
    largest : int
        Most standards in a set, at most 8.
    options
        Of `fit_linear_combination`.

    Returns
    -------
    choices : list of Choice
        By BIC, best first.
    chosen : Choice
        The best of the smallest sets whose BIC is within 2 of the lowest.

    Raises
    ------
    XasError
    """
    from scipy.stats import f as f_distribution

    if len(spectrum) != 1:
        raise XasError(f"spectrum {spectrum.label!r}: standards are chosen for one spectrum, found {len(spectrum)}")
    if not 1 <= largest <= min(LARGEST, len(standards)):
        raise XasError(f"choose_standards: largest must be from 1 to {min(LARGEST, len(standards))}, found {largest}")
    if options.get("window") is None:
        # one window for all sets, whatever their first standard
        edge = float(find_edge(spectrum).energy[0])
        options["window"] = (edge + WINDOW[0], edge + WINDOW[1])
    sets = [names for size in range(1, largest + 1) for names in combinations(standards, size)]
    fits = {names: fit_linear_combination(spectrum, {n: standards[n] for n in names}, **options) for names in sets}
    sizes = {found.energy.size for found in fits.values()}
    if len(sizes) > 1:
        raise XasError("choose_standards: the standards do not all cover the window; narrow it to what all have")
    # independent points as the best description leaves them
    n = float(min(fits.values(), key=lambda found: found.chi2[0]).independent[0])
    shift = 1 if options.get("shift_limit") else 0
    less = 1 if options.get("sum_to_one", True) else 0
    tiny = 1e-300

    def parameters(names: tuple[str, ...]) -> int:
        return len(names) * (1 + shift) - less

    choices = []
    for names, found in fits.items():
        rss, probability = float(found.chi2[0]), math.nan
        inside = [other for other in fits if len(other) == len(names) - 1 and set(other) < set(names)]
        if inside:
            before = min(float(fits[other].chi2[0]) for other in inside)
            added = 1 + shift
            freedom = max(n - parameters(names), 1.0)
            ratio = max(before - rss, 0.0) / added / max(rss / freedom, tiny)
            probability = float(f_distribution.sf(ratio, added, freedom))
        choices.append(
            Choice(
                names,
                tuple(found.fractions[0].tolist()),
                tuple(found.sigma[0].tolist()),
                rss,
                float(found.r_factor[0]),
                n * math.log(max(rss, tiny) / n) + parameters(names) * math.log(n),
                probability,
            )
        )
    choices.sort(key=lambda choice: choice.bic)
    enough = [choice for choice in choices if choice.bic <= choices[0].bic + ENOUGH_BIC]
    return choices, min(enough, key=lambda choice: (len(choice.names), choice.bic))
