"""Velocity calibration with the six lines of an alpha-iron foil at room temperature.

The velocity of a channel is a function of u = i - s/2, its distance from the fold point of fold sum s: the mean
velocity of a folded pair depends on u alone, even where the drive turns between two channels. With P channels a period,

    triangular drive (constant acceleration)    v = c0 + c1 t + c2 t^2 + ...   t = (u + P/4)/(P/4), -1 to 1
    sinusoidal drive                            v = c0 + c1 cos(2 pi u/P)
    sawtooth drive (one pass, fly-back)         v = c0 + c1 t + c2 t^2 + ...   t = 2 u/P, nothing is folded

c1 is the velocity at the end of the ramp, c0 the velocity of its middle (the source's isomer shift and the drive's
offset), c2 and higher the drive's non-linearity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.line_shapes import lorentzian
from labile.fitting.problem import Block, Problem
from labile.techniques.mossbauer.counts import RawCounts, checked_counts
from labile.techniques.mossbauer.folding import MIRRORED, Folded, FoldPoint, find_fold_point, fold, mirrored_share
from labile.techniques.mossbauer.iron57 import ALPHA_IRON_LINES, MM_S, REFERENCE, REFERENCE_TEXT, MossbauerError

DRIVES = ("triangular", "sinusoidal", "sawtooth")
ALIASES = {"constant_acceleration": "triangular", "sine": "sinusoidal", "triangle": "triangular"}
STARTS = ("positive", "negative")
LARGEST_RESIDUAL = 0.05 * MM_S
"""m/s: lines further from their velocities than this are not those of alpha-iron on this drive."""
BROADEST = 0.4 * MM_S
"""m/s: broader lines are not those of an alpha-iron foil (usual: 0.22 to 0.35 mm/s)."""
PROMINENCE = 6.0
"""Standard deviations by which a line must stand out to count as resolved."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Velocity scale of a drive and how well it is known.

    Attributes
    ----------
    drive : {"triangular", "sinusoidal", "sawtooth"}
    starts : {"positive", "negative"}
        Sign of the velocity in the first channels.
    coefficients : ndarray (K,)
        c0, c1, ... of the module's formulae, m/s.
    covariance : ndarray (K, K)
        m2/s2.
    period : int
        Channels of a whole period P.
    channels : int
        Raw channels of the calibration spectrum.
    fold_sum : int
        i + j of channels that are added; 0 for a sawtooth.
    fold_point : FoldPoint or None
    line_channels, sigma_channels : ndarray (L,)
        Positions of the lines as i in the first pass, and their standard uncertainties.
    line_velocities : ndarray (L,)
        Their velocities, m/s.
    residuals : ndarray (L,)
        Line positions on the calibrated scale minus their velocities, m/s.
    widths : ndarray (L,)
        FWHM of the lines, m/s.
    geometry, sigma_geometry : float
        Relative change of the count rate with the way of the source, at its end: the geometry effect, of opposite
        sign in both passes, which folding takes out. NaN for a sawtooth.
    nonlinearity : float
        Largest deviation of the six lines from the linear scale, m/s.
    source, sha256 : str
        The calibration spectrum.
    steps : tuple of str
    reference : str
        Zero of the scale, alpha-Fe at room temperature.
    """

    drive: str
    starts: str
    coefficients: np.ndarray
    covariance: np.ndarray
    period: int
    channels: int
    fold_sum: int
    fold_point: FoldPoint | None
    line_channels: np.ndarray
    sigma_channels: np.ndarray
    line_velocities: np.ndarray
    residuals: np.ndarray
    widths: np.ndarray
    geometry: float
    sigma_geometry: float
    nonlinearity: float
    source: str = ""
    sha256: str = ""
    steps: tuple[str, ...] = ()
    reference: str = REFERENCE

    def velocity(self, first: np.ndarray, fold_sum: int | None = None) -> np.ndarray:
        """Velocities (m/s) of channels (from 1) of the first pass of a spectrum folded at `fold_sum`.

        Parameters
        ----------
        first : ndarray (M,)
        fold_sum : int, optional
            That of the calibration spectrum by default.
        """
        centre = 0.5 * (self.fold_sum if fold_sum is None else fold_sum)
        if self.drive == "sawtooth":
            centre = 0.5 * (self.period + 1)
        basis = _basis(np.asarray(first, dtype=float) - centre, self.drive, self.period, self.coefficients.size)
        return np.asarray(basis @ self.coefficients)

    @property
    def velocity_per_channel(self) -> float:
        """Size of the velocity step at zero velocity, m/s."""
        middle = -0.25 * self.period if self.drive != "sawtooth" else 0.0
        step = np.array([middle - 0.5, middle + 0.5])
        basis = _basis(step, self.drive, self.period, self.coefficients.size)
        return float(abs(np.diff(basis @ self.coefficients)[0]))

    @property
    def velocity_at_end(self) -> float:
        """Largest velocity of the scale |c1|, m/s."""
        return float(abs(self.coefficients[1]))

    @property
    def sigma_zero(self) -> float:
        """Standard uncertainty of the zero, m/s."""
        return float(math.sqrt(self.covariance[0, 0]))

    @property
    def sigma_scale(self) -> float:
        """Relative standard uncertainty of the scale."""
        return float(math.sqrt(self.covariance[1, 1]) / abs(self.coefficients[1]))

    def describe(self) -> tuple[str, ...]:
        """Sentences about the calibration, for provenance and reports."""
        c0, c1 = self.coefficients[:2] / MM_S
        s0, s1 = np.sqrt(np.diag(self.covariance))[:2] / MM_S
        ends, middle = format_uncertain(abs(c1), s1), format_uncertain(c0, s0)
        lines = [
            f"velocities relative to {REFERENCE_TEXT}, from {self.line_channels.size} lines of"
            f" {self.source or 'a foil'}: {self.drive} drive, {self.starts} velocities first, {ends} mm/s at the ends,"
            f" middle of the ramp at {middle} mm/s, {self.velocity_per_channel / MM_S:.5f} mm/s a channel",
            f"line positions within {np.max(np.abs(self.residuals)) / MM_S:.4f} mm/s of alpha-Fe, FWHM"
            f" {np.mean(self.widths) / MM_S:.3f} mm/s",
        ]
        if self.fold_sum:
            lines.append(f"fold point at channel {0.5 * self.fold_sum:g}")
        if math.isfinite(self.geometry):
            shown = format_uncertain(100 * self.geometry, 100 * self.sigma_geometry)
            lines.append(f"geometry effect {shown} % of the counts between the passes, taken out by folding")
        return tuple(lines)


def _basis(u: np.ndarray, drive: str, period: int, terms: int) -> np.ndarray:
    if drive == "sinusoidal":
        return np.stack([np.ones_like(u), np.cos(2.0 * math.pi * u / period)], axis=-1)
    t = 2.0 * u / period if drive == "sawtooth" else (u + 0.25 * period) / (0.25 * period)
    return np.stack([t**k for k in range(terms)], axis=-1)


def calibrate(
    foil: Measurement | Sequence[Measurement],
    *,
    starts: str,
    drive: str = "triangular",
    fold_point: float | None = None,
    degree: int = 1,
    nominal_velocity: float | None = None,
) -> Calibration:
    """Velocity scale from the spectrum of an alpha-iron foil at room temperature.

    Parameters
    ----------
    foil : Measurement
        Raw counts by channel; a sequence must hold one.
    starts : {"positive", "negative"}
        Sign of the velocity in the first channels. The spectrum of alpha-iron is symmetric and cannot tell.
    drive : {"triangular", "sinusoidal", "sawtooth"}
        ``"constant_acceleration"`` is the triangular one.
    fold_point : float, optional
        An integer or half-integer channel; looked for by default.
    degree : int
        Of the polynomial in t, 1 to 3; 1 is a perfectly linear ramp.
    nominal_velocity : float, optional
        m/s at the ends, as set at the drive: a scale that differs by more than a tenth is refused. A sextet of
        another field has the same pattern, so this is the only check that no spectrum can fool.

    Returns
    -------
    Calibration

    Raises
    ------
    MossbauerError
        For fewer than five resolved lines, more than six (an unfolded spectrum given as a sawtooth, or another
        absorber), lines that are too broad or do not lie where those of alpha-iron lie, or options that are not known.
    """
    if not isinstance(foil, Measurement):
        if len(foil) != 1:
            raise MossbauerError(f"calibration: {len(foil)} spectra; give the one of the alpha-iron foil")
        foil = foil[0]
    drive = ALIASES.get(drive, drive)
    where = f"calibration {foil.label!r}"
    if drive not in DRIVES:
        raise MossbauerError(f"{where}: drive {drive!r} is unknown; use one of {', '.join(DRIVES)}")
    if starts not in STARTS:
        raise MossbauerError(
            f"{where}: starts must be 'positive' or 'negative', the sign of the velocity in the first channels; found"
            f" {starts!r}"
        )
    if degree not in (1, 2, 3) or (drive == "sinusoidal" and degree != 1):
        raise MossbauerError(f"{where}: degree must be 1, 2 or 3, and 1 for a sinusoidal drive; found {degree!r}")
    raw = checked_counts(foil)
    period = raw.values.size + (1 if math.log2(raw.values.size + 1).is_integer() else 0)
    point, folded, geometry = _folded(raw, drive, fold_point, where)
    centre = 0.5 * (point.total if point else period + 1)
    channels, sigma, widths = _fit_lines(folded, where, drive)
    velocities = np.array(PASS_ORDER[starts])
    chosen = _assigned(channels - centre, sigma, velocities, drive, period)
    velocities = velocities[list(chosen)]
    terms = 2 if drive == "sinusoidal" else degree + 1
    coefficients, covariance = _regress(channels - centre, sigma, velocities, drive, period, terms)
    basis = _basis(channels - centre, drive, period, terms)
    residuals = basis @ coefficients - velocities
    if np.max(np.abs(residuals)) > LARGEST_RESIDUAL:
        worst = np.max(np.abs(residuals)) / MM_S
        raise MossbauerError(
            f"{where}: the lines lie up to {worst:.3f} mm/s from those of alpha-iron on a {drive} drive; is the drive"
            f" another one ({', '.join(d for d in DRIVES if d != drive)}), or the absorber not alpha-iron at room"
            " temperature?"
        )
    linear, _ = _regress(channels - centre, sigma, velocities, drive, period, 2)
    nonlinear = np.max(np.abs(_basis(channels - centre, drive, period, 2) @ linear - velocities))
    slope = np.abs(_slope(channels - centre, drive, period, coefficients))
    _check_foil(widths * slope, abs(coefficients[1]), nominal_velocity, where)
    steps = list(raw.steps)
    if velocities.size == 5:
        missing = (set(range(6)) - set(chosen)).pop() + 1
        steps.append(
            f"only five lines are resolved: line {missing} of the ramp is missing and the others were assigned"
        )
    return Calibration(
        drive=drive,
        starts=starts,
        coefficients=coefficients,
        covariance=covariance,
        period=period,
        channels=raw.values.size,
        fold_sum=point.total if point else 0,
        fold_point=point,
        line_channels=channels,
        sigma_channels=sigma,
        line_velocities=velocities,
        residuals=residuals,
        widths=widths * slope,
        geometry=geometry[0],
        sigma_geometry=geometry[1],
        nonlinearity=float(nonlinear),
        source=foil.provenance.source,
        sha256=foil.provenance.sha256,
        steps=tuple(steps),
    )


def _check_foil(widths: np.ndarray, at_end: float, nominal: float | None, where: str) -> None:
    """Refuse a sextet of something else."""
    width = float(np.median(widths))
    if width > BROADEST:
        raise MossbauerError(
            f"{where}: its lines are {width / MM_S:.2f} mm/s broad on the scale of alpha-iron, whose lines are 0.22 to"
            " 0.35 mm/s; this is the spectrum of another absorber"
        )
    if nominal is not None and abs(at_end / nominal - 1.0) > 0.1:
        raise MossbauerError(
            f"{where}: the lines of alpha-iron put {at_end / MM_S:.2f} mm/s at the ends, but {nominal / MM_S:.2f} mm/s"
            " was set; the absorber is not alpha-iron, or the number belongs to another run"
        )


PASS_ORDER = {"negative": ALPHA_IRON_LINES, "positive": ALPHA_IRON_LINES[::-1]}
"""Velocities of the lines in the order in which the first pass meets them."""


def _folded(
    raw: RawCounts, drive: str, fold_point: float | None, where: str
) -> tuple[FoldPoint | None, Folded, tuple[float, float]]:
    if drive == "sawtooth":
        channels = np.flatnonzero(raw.valid) + 1
        return None, Folded(channels, channels, raw.values[raw.valid], np.zeros(channels.size)), (math.nan, math.nan)
    if fold_point is None:
        point = find_fold_point(raw)
    else:
        total = 2.0 * fold_point
        if abs(total - round(total)) > 1e-9:
            raise MossbauerError(
                f"{where}: fold_point must be an integer or half-integer channel, found {fold_point!r}"
            )
        total = round(total)
        point = FoldPoint(total, 0.5 * total, math.nan, mirrored_share(raw, total))
    if not point.mirrored > MIRRORED:
        raise MossbauerError(
            f"{where}: its two halves do not mirror each other about channel {point.channel:g} (common share"
            f" {point.mirrored:.2f}); it is folded already, has no lines, or the fold point is wrong. A folded spectrum"
            " cannot be calibrated on the raw channels: give the raw counts, or drive='sawtooth' for one pass"
        )
    folded = fold(raw, point.total)
    return point, folded, _geometry(folded, drive)


def _geometry(folded: Folded, drive: str) -> tuple[float, float]:
    """Relative difference of the passes along the way of the source, and its standard uncertainty."""
    t = np.linspace(-1.0, 1.0, folded.counts.size)
    way = np.sqrt(np.maximum(1.0 - t * t, 0.0)) if drive == "sinusoidal" else 1.0 - t * t
    weight = 1.0 / np.maximum(folded.counts, 1.0)
    # difference = g counts way, variance = counts
    scaled = way * folded.counts
    variance = 1.0 / float(np.sum(scaled**2 * weight))
    return float(np.sum(scaled * folded.difference * weight) * variance), math.sqrt(variance)


def _fit_lines(folded: Folded, where: str, drive: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, their sigma and FWHM of the resolved lines, in channels of the first pass."""
    from scipy.signal import find_peaks

    counts, x = folded.counts, folded.first.astype(float)
    level = float(np.median(np.sort(counts)[counts.size // 3 :]))
    smooth = np.convolve(np.pad(counts, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    depth = level - float(smooth.min())
    least = max(PROMINENCE * math.sqrt(level / 3), 0.12 * depth)
    dips, _ = find_peaks(-smooth, prominence=least, distance=max(3, counts.size // 100))
    # what an unfolded spectrum shows twice, and noise that cuts a line in two, would both be more than six
    if dips.size > 6:
        asked = "is the absorber alpha-iron?"
        if drive == "sawtooth":
            asked = "a sawtooth drive is not folded: is the drive triangular or sinusoidal?"
        raise MossbauerError(f"{where}: {dips.size} lines where alpha-iron has six; {asked}")
    if dips.size < 5:
        raise MossbauerError(
            f"{where}: only {dips.size} of the six lines of alpha-iron are resolved; at least five are needed (count"
            " longer, or reach beyond +-5.3 mm/s)"
        )
    guess = [Parameter("foil.baseline", level)]
    width = 0.02 * counts.size / 4 + 2.0
    for i, dip in enumerate(dips, 1):
        guess += [
            Parameter(f"line{i}.channel", x[dip], lower=x[0], upper=x[-1]),
            Parameter(f"line{i}.line_width", width, unit="1", lower=0.5, upper=counts.size / 4),
            Parameter(f"line{i}.absorption_area", (level - smooth[dip]) * width * 1.5, unit="1", lower=0.0),
        ]
    sigma = np.sqrt(np.maximum(counts, 1.0))

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centres, widths, areas = (vector[k::3][:, None] for k in (1, 2, 3))
        line = lorentzian(x, centres, widths)
        jacobian = np.empty((x.size, vector.size))
        jacobian[:, 0] = 1.0
        jacobian[:, 1::3] = -(areas * line.d_centre).T
        jacobian[:, 2::3] = -(areas * line.d_width).T
        jacobian[:, 3::3] = -line.value.T
        model = vector[0] - np.sum(areas * line.value, axis=0)
        return (model - counts) / sigma, jacobian / sigma[:, None]

    result = fit(Problem(Parameters(tuple(guess)), evaluate, (Block("foil", x.size),)))
    if not result.converged:
        raise MossbauerError(f"{where}: the fit of the lines did not converge ({result.message})")
    vector, errors = result.parameters.vector, result.sigma
    # a spectrum scatters more than Poisson where lines are not exactly Lorentzian
    scale = max(1.0, math.sqrt(result.chi2 / result.degrees_of_freedom))
    order = np.argsort(vector[1::3])
    return vector[1::3][order], errors[1::3][order] * scale, vector[2::3][order]


def _regress(
    u: np.ndarray, sigma: np.ndarray, velocities: np.ndarray, drive: str, period: int, terms: int
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the scale; positions carry the uncertainty, so two rounds with the slope at each line."""
    basis = _basis(u, drive, period, terms)
    coefficients = np.linalg.lstsq(basis, velocities, rcond=None)[0]
    covariance = np.zeros((terms, terms))
    for _ in range(2):
        weight = 1.0 / (np.abs(_slope(u, drive, period, coefficients)) * sigma)
        design = basis * weight[:, None]
        covariance = np.linalg.inv(design.T @ design)
        coefficients = covariance @ design.T @ (velocities * weight)
    residuals = (basis @ coefficients - velocities) * weight
    freedom = velocities.size - terms
    scale = max(1.0, float(residuals @ residuals) / freedom) if freedom > 0 else 1.0
    return coefficients, covariance * scale


def _slope(u: np.ndarray, drive: str, period: int, coefficients: np.ndarray) -> np.ndarray:
    """dv/du of the scale, m/s per channel."""
    h = 0.5
    difference = _basis(u + h, drive, period, coefficients.size) - _basis(u - h, drive, period, coefficients.size)
    return np.asarray(difference @ coefficients)


def _assigned(u: np.ndarray, sigma: np.ndarray, velocities: np.ndarray, drive: str, period: int) -> tuple[int, ...]:
    """Which of the six lines were found: the choice that makes the scale straightest."""
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    for chosen in combinations(range(6), u.size):
        some = velocities[list(chosen)]
        basis = _basis(u, drive, period, 2)
        coefficients = np.linalg.lstsq(basis, some, rcond=None)[0]
        # velocities of the first pass go from one end to the other, whichever sign it starts with
        misfit = float(np.max(np.abs(basis @ coefficients - some)))
        best = min(best, (misfit, chosen))
    return best[1]
