"""How many peaks a pre-edge needs, with start values found without help.

    AICc = N ln(RSS/N) + 2k + 2k(k+1)/(N-k-1),   BIC = N ln(RSS/N) + k ln N

N is the number of independent points: those there are over the length over which the residuals of the richest fit go
together. The minimum number of peaks is the smallest whose BIC lies within 2 of the least one (A. E. Raftery,
doi:10.2307/271063). The spectrum alone decides: its second derivative holds no further points.

Peaks are added one by one. Where the next one starts is where a small peak, less all that a change of the present
parameters could do for it, would lower chi2 most; splitting a peak in two is tried too. The best fit with one peak
fewer than the next larger one is tried as well, so that a number of peaks is not judged by a poor start. All kinds of
rising edge are tried: the wrong one makes peaks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.edge_coordinates import EdgeCoordinates
from labile.techniques.xas.pre_edge import EDGES, Peak, PreEdgeModel, ordered, profile
from labile.techniques.xas.pre_edge_fit import (
    PreEdgeFit,
    fit_window,
    pre_edge_problem,
    start_edge,
)
from labile.techniques.xas.pre_edge_window import Window, correlation_length, first_noise, within

WITHIN = 2.0
"""Difference of BIC that is worth no more than a bare mention."""
EACH_EDGE = tuple((kind,) for kind in EDGES)
"""Every kind of rising edge, alone."""
TRIED_WIDTHS = (0.8 * EV, 1.4 * EV, 2.4 * EV)
"""J: FWHM of peaks that are tried."""
STEPS = 25
"""Iterations of a descent that only tells starts apart."""
TRIED = 3
"""Places at which a further peak is tried."""


@dataclass(frozen=True)
class Criteria:
    """How well one number of peaks does.

    Attributes
    ----------
    peaks : int
    parameters : int
        k, free ones.
    rss : float
        Of weighted residuals, where sigma is known.
    aicc, bic : float
        AICc is NaN where the points do not suffice for it.
    """

    peaks: int
    parameters: int
    rss: float
    aicc: float
    bic: float


@dataclass(frozen=True, eq=False)
class PeakNumber:
    """Fits with rising numbers of peaks, and the smallest that suffices.

    Attributes
    ----------
    count : int
        The minimum number of peaks.
    fits : tuple of PreEdgeFit
        By number of peaks, from `criteria[0].peaks` on.
    criteria : tuple of Criteria
        One a fit.
    independent : float
        N, independent points.
    points : int
    """

    count: int
    fits: tuple[PreEdgeFit, ...]
    criteria: tuple[Criteria, ...]
    independent: float
    points: int

    @property
    def best(self) -> PreEdgeFit:
        """The fit with the minimum number of peaks."""
        return self.with_peaks(self.count)

    def with_peaks(self, count: int) -> PreEdgeFit:
        """The fit with another number of peaks.

        Raises
        ------
        XasError
            If it was not tried.
        """
        for found in self.fits:
            if len(found.model.peaks) == count:
                return found
        raise XasError(f"{count} peaks were not tried; there are fits with {self._tried()}")

    def _tried(self) -> str:
        return ", ".join(str(one.peaks) for one in self.criteria)

    def table(self) -> list[tuple[str, str, str, str]]:
        """Rows of peaks, parameters, AICc and BIC less their least values."""
        low_a = min((c.aicc for c in self.criteria if math.isfinite(c.aicc)), default=math.nan)
        low_b = min(c.bic for c in self.criteria)
        return [
            (
                str(c.peaks),
                str(c.parameters),
                f"{c.aicc - low_a:.1f}" if math.isfinite(c.aicc) else "too few points",
                f"{c.bic - low_b:.1f}",
            )
            for c in self.criteria
        ]

    def __repr__(self) -> str:
        head = f"<PeakNumber: at least {self.count} peaks; {self.independent:.0f} independent of {self.points} points>"
        rows = [f"  {n} peaks, {k} parameters: AICc {a}, BIC {b} above the least" for n, k, a, b in self.table()]
        return "\n".join([head, *rows])


def peak_criteria(rss: float, independent: float, parameters: int) -> tuple[float, float]:
    """AICc and BIC of a least-squares fit with unknown noise.

    Parameters
    ----------
    rss : float
        Sum of squared residuals over the number of points times `independent`: their mean counts.
    independent : float
        N.
    parameters : int
        k.

    Returns
    -------
    aicc, bic : float
        AICc is NaN unless N > k + 1.

    Examples
    --------
    >>> [round(value, 3) for value in peak_criteria(10.0, 50.0, 4)]
    [-71.583, -64.824]
    """
    base = independent * math.log(max(rss, 1e-300) / independent)
    room = independent - parameters - 1
    aicc = base + 2 * parameters + 2 * parameters * (parameters + 1) / room if room > 0 else math.nan
    return aicc, base + parameters * math.log(independent)


def find_peaks(
    spectrum: Measurement,
    window: tuple[float, float],
    *,
    most: int = 5,
    least: int = 0,
    model: PreEdgeModel | None = None,
    edges: Sequence[tuple[str, ...]] = EACH_EDGE,
    changes: Iterable[Parameter] = (),
) -> PeakNumber:
    """Fit a pre-edge with rising numbers of peaks and say how many it needs.

    Parameters
    ----------
    spectrum : Measurement
        ``"normalized_absorption"`` along energy, one condition.
    window : tuple of float
        Fitted range, J.
    most, least : int
        Numbers of peaks between which the choice is made; more than the points can determine are not tried.
    model : PreEdgeModel, optional
        Line shape, background and, without `edges`, edge; its peaks are not used.
    edges : sequence of tuple of str
        Rising edges that are tried for every number of peaks, by default each kind alone; the best is kept.
    changes : iterable of Parameter
        Of edge, background or shape.

    Returns
    -------
    PeakNumber
        Peaks are called P1, P2, ... from low energy to high.

    Raises
    ------
    XasError
        As `fit_pre_edge`; or for fewer points than the fewest peaks need.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> energy = np.arange(7108.0, 7116.05, 0.1)
    >>> rise = 0.5 + np.arctan((energy - 7122.0) / 2.0) / np.pi
    >>> two = 0.05 * profile(energy, 7111.8, 1.4).value + 0.03 * profile(energy, 7113.6, 1.4).value
    >>> mu = rise + two + 5e-4 * np.random.default_rng(1).standard_normal(energy.size)
    >>> spectrum = Measurement(
    ...     "normalized_absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV)
    ... )
    >>> find_peaks(spectrum, (7108.0 * EV, 7116.0 * EV), most=3).count
    2
    """
    if not 0 <= least <= most:
        raise XasError(f"peak number: needs 0 <= least <= most, found {least} and {most}")
    part, changes = within(spectrum, window), tuple(changes)
    model = replace(model or PreEdgeModel(), peaks=())
    chains = [_chain(part, replace(model, edge=edge), changes, most) for edge in edges or [model.edge]]
    if len(chains[0]) <= least:
        raise XasError(
            f"spectrum {spectrum.label!r}: {part.data.size} points from {part.limits[0] / EV:.2f} to"
            f" {part.limits[1] / EV:.2f} eV cannot determine {least} peaks; widen the window or fix parameters"
        )
    fits = []
    for count in range(least, max(len(chain) for chain in chains)):
        best = min((chain[count] for chain in chains if count < len(chain)), key=_rss)
        fits.append(fit_window(part, best.model, best.parameters))
    criteria, independent = _judged(fits)
    count = min(_smallest(criteria, "bic"), _smallest(criteria, "aicc"))
    return PeakNumber(count, tuple(fits), criteria, independent, part.data.size)


def _smallest(criteria: Sequence[Criteria], name: str) -> int:
    """Smallest number of peaks within `WITHIN` of the least value of a criterion; the largest where it has none."""
    values = [getattr(one, name) for one in criteria]
    lowest = min((value for value in values if math.isfinite(value)), default=math.inf)
    return next((c.peaks for c, v in zip(criteria, values, strict=True) if v <= lowest + WITHIN), criteria[-1].peaks)


def _judged(fits: Sequence[PreEdgeFit]) -> tuple[tuple[Criteria, ...], float]:
    points = fits[0].window.data.size
    independent = points / correlation_length(fits[-1].residuals)
    criteria = []
    for found in fits:
        residuals = found.residuals if found.window.sigma is None else found.residuals / found.window.sigma
        rss = float(residuals @ residuals)
        k = found.result.n_free
        judged = peak_criteria(rss * independent / points, independent, k)
        criteria.append(Criteria(len(found.model.peaks), k, rss, *judged))
    return tuple(criteria), independent


@dataclass(frozen=True, eq=False)
class _Tried:
    """A descent that is not yet a result: parameters after a few steps from some start."""

    part: Window
    model: PreEdgeModel
    parameters: Parameters
    sigma: np.ndarray
    rss: float


def _descended(part: Window, model: PreEdgeModel, parameters: Parameters, sigma: np.ndarray) -> _Tried:
    problem, _ = pre_edge_problem(part, model, parameters, 1.0 / sigma)
    found, chi2 = EdgeCoordinates(part.energy, part.middle, model, parameters).descended(
        problem.evaluate, tolerance=1e-3, max_iterations=STEPS
    )
    return _Tried(part, model, found, sigma, chi2)


def _rss(found: _Tried) -> float:
    return found.rss


def _chain(part: Window, model: PreEdgeModel, changes: Sequence[Parameter], most: int) -> list[_Tried]:
    """Descents with 0, 1, 2, ... peaks on one kind of edge."""
    sigma = part.sigma if part.sigma is not None else np.full(part.data.size, first_noise(part))
    parameters = model.parameters(part.limits, part.edge_energy).updated(changes)
    parameters = start_edge(part, model, parameters, {p.name for p in changes})
    chain = [_descended(part, model, parameters, sigma)]
    for _ in range(most):
        # three more parameters, and at least three points to say something about them
        if part.data.size < len(chain[-1].parameters.free_names) + 6:
            break
        chain.append(_with_one_more(chain[-1], changes))
    for count in range(len(chain) - 2, 0, -1):
        chain[count] = min(chain[count], _with_one_less(chain[count + 1], changes), key=_rss)
    return chain


def _again(before: _Tried, peaks: Sequence[Peak], changes: Sequence[Parameter]) -> _Tried:
    """Descent with other peaks that starts from an edge already fitted."""
    part = before.part
    model = replace(before.model, peaks=ordered(peaks))
    parameters = model.parameters(part.limits, part.edge_energy).updated(changes)
    known = before.parameters
    kept = [
        replace(p, value=known[p.name].value)
        for p in parameters
        if p.name in known and p.free and p.name.rpartition(".")[0] not in model.names
    ]
    return _descended(part, model, parameters.updated(kept), before.sigma)


def _present(found: _Tried) -> list[Peak]:
    low, high = found.part.limits
    inside = 1e-3 * (high - low)
    values = found.parameters.as_dict()
    return [
        Peak(
            name,
            min(max(values[f"{name}.energy"], low + inside), high - inside),
            values[f"{name}.fwhm"],
            values[f"{name}.height"],
        )
        for name in found.model.names
    ]


def _with_one_less(found: _Tried, changes: Sequence[Parameter]) -> _Tried:
    """Best descent after one peak is left out."""
    peaks = _present(found)
    return min((_again(found, [*peaks[:k], *peaks[k + 1 :]], changes) for k in range(len(peaks))), key=_rss)


def _with_one_more(found: _Tried, changes: Sequence[Parameter]) -> _Tried:
    """Best descent after one peak is added or split."""
    peaks = _present(found)
    low, high = found.part.limits
    starts = [[*peaks, peak] for peak in _promising(found)]
    for k, peak in enumerate(peaks):
        apart = 0.4 * peak.fwhm
        if low < peak.energy - apart and peak.energy + apart < high:
            half = replace(peak, fwhm=max(0.7 * peak.fwhm, found.model.narrowest), height=0.6 * peak.height)
            halves = [replace(half, energy=peak.energy + d) for d in (-apart, apart)]
            starts.append([*peaks[:k], *halves, *peaks[k + 1 :]])
    return min((_again(found, start, changes) for start in starts), key=_rss)


def _promising(found: _Tried) -> list[Peak]:
    """Peaks whose addition would lower chi2 most after the present parameters have made room for them."""
    part, model = found.part, found.model
    weights = 1.0 / found.sigma
    problem, _ = pre_edge_problem(part, model, found.parameters, weights)
    residuals, jacobian = problem.evaluate(found.parameters.vector)
    rows = residuals.size
    q = np.linalg.qr(jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300))[0]
    low, high = part.limits
    shape = found.parameters.as_dict()[model.shape_name] if model.shape_name else 0.0
    centres = np.arange(low + 0.2 * EV, high - 0.2 * EV, 0.25 * EV)
    tried: list[tuple[float, Peak]] = []
    for width in (max(tried_width, model.narrowest) for tried_width in TRIED_WIDTHS):
        lines = profile(part.energy, centres[:, None], width, model.lineshape, shape).value * weights
        columns = np.zeros((rows, centres.size))
        columns[: part.data.size] = lines.T
        columns -= q @ (q.T @ columns)
        strength = np.maximum(np.sum(columns**2, axis=0), 1e-300)
        # residuals are model - data
        heights = -(residuals @ columns) / strength
        gain = np.where(heights > 0, heights**2 * strength, 0.0)
        tried += [
            (float(g), Peak("new", float(c), width, float(h)))
            for g, c, h in zip(gain, centres, heights, strict=True)
            if g > 0
        ]
    tried.sort(key=lambda one: -one[0])
    chosen: list[Peak] = []
    for _, peak in tried:
        if all(abs(peak.energy - other.energy) > 0.6 * EV for other in chosen):
            chosen.append(peak)
        if len(chosen) == TRIED:
            break
    if not chosen:
        # nowhere does a positive peak help; the middle is as good as any place
        chosen.append(Peak("new", part.middle, max(1.4 * EV, model.narrowest), 0.0))
    return [replace(peak, height=min(peak.height, float(np.ptp(part.data)))) for peak in chosen]
