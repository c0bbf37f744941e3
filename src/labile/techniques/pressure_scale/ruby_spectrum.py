"""Fit of a ruby luminescence spectrum: R1 and R2 on a background, and whether they are resolved at all.

Two lines of equal shape (pseudo-Voigt or Voigt, one width for both unless freed) on a straight background. The doublet
is compared with a single line, which is what a coarse spectrometer makes of it: with points wider than about half the
splitting of 1.43 nm the two cannot be told apart, the single line is the blend of R1 and R2 (weighted mean about
0.45 nm below R1), and the position of R1 depends on what is assumed. Such a spectrum is reported as unresolved, with
the s.u. of R1 widened by the spread of the fits that describe it equally well, and the position of the blend named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.line_shapes import SIGMA_OF_FWHM, pseudo_voigt, voigt
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.pressure_scale.scales import NM, PressureScaleError

SPLITTING = 1.43
"""nm, between R2 and R1; moves by some percent with temperature and hydrostatic pressure, more under stress."""
SPLITTING_RANGE = (0.9, 2.2)
WINDOW = (5.0, 5.0)
"""nm below and above the highest point that are fitted."""
LEAST_POINTS = 8
COARSEST = 0.5
"""Points wider than this part of the splitting do not resolve it."""
MERGED = 0.9
"""Lines whose FWHM is above this part of the splitting have no valley between them."""
ASSUMED_SPLITTINGS = (1.38, 1.43, 1.48)
"""nm: over these the position of R1 is compared where the doublet is not resolved."""
ASSUMED_RATIOS = (0.45, 0.6, 0.75)
"""Area of R2 over that of R1 at room temperature, for the same purpose."""
CORRELATED = 0.3
"""Correlation of neighbouring residuals from which they count as systematic."""
UNRESOLVED_FLOOR = 0.1
"""Part of a channel below which no s.u. of an unresolved line is given."""


@dataclass(frozen=True, eq=False)
class RubyFit:
    """R lines of a spectrum.

    Attributes
    ----------
    r1, sigma_r1 : float
        m.
    r2, sigma_r2 : float
        m.
    ratio, sigma_ratio : float
        Area of R2 over that of R1.
    fwhm : float
        Of each line, m.
    resolved : bool
        Whether the spectrum shows two lines.
    blend, sigma_blend : float
        Position of a single line through both, m: what an unresolved spectrum measures.
    wavelength, counts, curve : ndarray (M,)
        Fitted points and the doublet through them; wavelengths in m.
    background : ndarray (M,)
    result : FitResult
        Of the doublet; wavelengths in nm from `origin`.
    origin : float
        m.
    scale : float
        What s.u. are multiplied by: the root of chi2 per degree of freedom, counting statistics being unknown, times a
        factor for residuals that are correlated.
    notes : tuple of str
    """

    r1: float
    sigma_r1: float
    r2: float
    sigma_r2: float
    ratio: float
    sigma_ratio: float
    fwhm: float
    resolved: bool
    blend: float
    sigma_blend: float
    wavelength: np.ndarray
    counts: np.ndarray
    curve: np.ndarray
    background: np.ndarray
    result: FitResult
    origin: float
    scale: float
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Positions in words."""
        r1, r2 = (format_uncertain(x / NM, s / NM) for x, s in ((self.r1, self.sigma_r1), (self.r2, self.sigma_r2)))
        if self.resolved:
            ratio = format_uncertain(self.ratio, self.sigma_ratio)
            return f"R1 {r1} nm, R2 {r2} nm, FWHM {self.fwhm / NM:.3f} nm, area R2/R1 {ratio}"
        blend = format_uncertain(self.blend / NM, self.sigma_blend / NM)
        return (
            f"R1 and R2 are not resolved: their blend R1+R2 stands at {blend} nm; R1 {r1} nm rests on an assumed"
            " splitting and ratio"
        )

    def __repr__(self) -> str:
        return "\n".join([f"<RubyFit: {self.text}>", *self.notes])


def _lines(x: np.ndarray, centre: np.ndarray, width: float, second: float, shape: str) -> tuple[np.ndarray, ...]:
    """Both lines (2, M) with derivatives in centre, width and shape parameter."""
    if shape == "voigt":
        found = voigt(x, centre[:, None], width, second * SIGMA_OF_FWHM)
        assert found.d_shape is not None
        return found.value, found.d_centre, found.d_width, found.d_shape * SIGMA_OF_FWHM
    found = pseudo_voigt(x, centre[:, None], width, second)
    assert found.d_shape is not None
    return found.value, found.d_centre, found.d_width, found.d_shape


def _doublet(x: np.ndarray, y: np.ndarray, start: Parameters, shape: str, span: float) -> Problem:
    """R1, splitting, widths and areas; residuals in units of the highest count."""
    index = {name: start.index(name) for name in start.names}
    two = "r2.width" in start

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v = start.expand(vector)
        area, ratio = v[index["r1.height"]], v[index["lines.ratio"]]
        split, width, second = v[index["lines.splitting"]], v[index["lines.width"]], v[index["lines.shape"]]
        other = v[index["r2.width"]] if two else width
        first = _lines(x, np.array([v[index["r1.position"]]]), width, second, shape)
        low = _lines(x, np.array([v[index["r1.position"]] - split]), other, second, shape)
        (a, a_c, a_w, a_s), (b, b_c, b_w, b_s) = ([one[0] for one in each] for each in (first, low))
        columns = np.zeros((x.size, len(start)))
        columns[:, index["r1.position"]] = area * (a_c + ratio * b_c)
        columns[:, index["lines.splitting"]] = -area * ratio * b_c
        columns[:, index["r1.height"]] = a + ratio * b
        columns[:, index["lines.ratio"]] = area * b
        columns[:, index["lines.width"]] = area * (a_w + (0.0 if two else ratio * b_w))
        if two:
            columns[:, index["r2.width"]] = area * ratio * b_w
        columns[:, index["lines.shape"]] = area * (a_s + ratio * b_s)
        columns[:, index["background.level"]] = 1.0
        columns[:, index["background.slope"]] = x / span
        level = v[index["background.level"]] + v[index["background.slope"]] * x / span
        return area * (a + ratio * b) + level - y, columns @ start.matrix

    return Problem(start, evaluate, (Block("spectrum", x.size),))


def _start(x: np.ndarray, y: np.ndarray, shape: str, tied: bool, **fixed: float) -> Parameters:
    step = float(np.median(np.diff(x)))
    width = max(0.5, 1.2 * step)
    low = float(np.percentile(y, 10))
    top = float(x[np.argmax(y)])
    shares = {"voigt": Parameter("lines.shape", 0.5 * width, lower=1e-3, upper=10.0)}
    rows = [
        Parameter("r1.position", top, lower=float(x[0]), upper=float(x[-1])),
        Parameter("lines.splitting", SPLITTING, lower=SPLITTING_RANGE[0], upper=SPLITTING_RANGE[1]),
        Parameter("r1.height", (float(np.max(y)) - low) * width, lower=0.0),
        Parameter("lines.ratio", 0.6, lower=0.0, upper=5.0),
        Parameter("lines.width", width, lower=0.02, upper=10.0),
        shares.get(shape, Parameter("lines.shape", 0.5, lower=0.0, upper=1.0)),
        Parameter("background.level", low),
        Parameter("background.slope", 0.0),
    ]
    if not tied:
        rows.insert(5, Parameter("r2.width", width, lower=0.02, upper=10.0))
    fixed_rows = [
        Parameter(one.name, fixed[key], fixed=True)
        for one in rows
        if (key := one.name.partition(".")[2]) in fixed and one.name.startswith("lines.")
    ]
    return Parameters(tuple(rows)).updated(fixed_rows)


def _best(problem_of: Any, start: Parameters, x: np.ndarray) -> FitResult:
    """Lowest of several starts of R1: the highest point may be R2, or lie between both."""
    top = start["r1.position"].value
    found = []
    for offset in (0.0, 0.7, SPLITTING):
        position = min(max(top + offset, float(x[0])), float(x[-1]))
        moved = start.updated([Parameter("r1.position", position, lower=float(x[0]), upper=float(x[-1]))])
        found.append(fit(problem_of(moved)))
    return min(found, key=lambda one: one.chi2)


def fit_ruby_spectrum(
    spectrum: Measurement,
    *,
    row: int = 0,
    shape: str = "pseudo_voigt",
    tied_width: bool = True,
    window: tuple[float, float] | None = None,
) -> RubyFit:
    """Find R1 and R2.

    Parameters
    ----------
    spectrum : Measurement
        Intensities along the axis ``"wavelength"``.
    row : int
        Which spectrum of the measurement.
    shape : {"pseudo_voigt", "voigt"}
    tied_width : bool
        One width for both lines.
    window : (float, float), optional
        Wavelengths (m) between which is fitted; 5 nm on both sides of the highest point otherwise.

    Returns
    -------
    RubyFit

    Raises
    ------
    PressureScaleError
        If there is no wavelength axis, too few points around the line, or no line above the noise.

    Notes
    -----
    Counting statistics are not assumed (detectors have gains and dark counts): all points weigh the same, and s.u. come
    from the scatter about the fit.
    """
    if shape not in ("pseudo_voigt", "voigt"):
        raise PressureScaleError(f"ruby: shape must be pseudo_voigt or voigt, found {shape!r}")
    where = f"ruby spectrum {spectrum.label!r}"
    x, y, origin = _points(spectrum, row, window, where)
    height = float(np.max(y) - np.median(y))
    noise = 1.4826 * float(np.median(np.abs(np.diff(y) - np.median(np.diff(y))))) / math.sqrt(2.0)
    if not height > 5.0 * noise:
        raise PressureScaleError(f"{where}: no line stands above the noise (height {height:.3g}, noise {noise:.3g})")
    y_unit = y / height
    span = float(max(abs(x[0]), abs(x[-1])))
    step = float(np.median(np.diff(x)))

    def problem(start: Parameters) -> Problem:
        return _doublet(x, y_unit, start, shape, span)

    coarse = step > COARSEST * SPLITTING
    free = _best(problem, _start(x, y_unit, shape, tied_width), x)
    width = free.value("lines.width")
    fwhm = width if shape == "pseudo_voigt" else _voigt_width(width, free.value("lines.shape"))
    single = _best(problem, _start(x, y_unit, shape, True, ratio=0.0, splitting=SPLITTING), x)
    resolved = bool(
        not coarse
        and fwhm < MERGED * SPLITTING
        and not {"lines.splitting", "lines.ratio"} & {*free.at_bound, *free.undetermined}
        and x.size * math.log(single.chi2 / free.chi2) > 4 * math.log(x.size)
    )
    notes: list[str] = [] if free.converged else [free.message]
    chosen, spread = free, 0.0
    if not resolved:
        chosen, spread = _assumed(problem, x, y_unit, shape, notes, step)
        fwhm = chosen.value("lines.width")
        if shape == "voigt":
            fwhm = _voigt_width(fwhm, chosen.value("lines.shape"))
    scale = math.sqrt(chosen.chi2 / max(x.size - chosen.n_free, 1)) * _correlated(chosen.residuals, notes)
    position, split = chosen.value("r1.position"), chosen.value("lines.splitting")
    sigma = scale * chosen.sigma_of("r1.position")
    sigma_r2 = scale * _sigma_r2(chosen)
    ratio, sigma_ratio = chosen.value("lines.ratio"), scale * chosen.sigma_of("lines.ratio")
    if not resolved:
        sigma = math.hypot(sigma, max(spread, UNRESOLVED_FLOOR * step))
        sigma_r2 = math.hypot(sigma_r2, max(spread, UNRESOLVED_FLOOR * step))
        sigma_ratio = math.inf
    blend_scale = math.sqrt(single.chi2 / max(x.size - single.n_free, 1))
    sigma_blend = blend_scale * single.sigma_of("r1.position")
    if not resolved:
        sigma_blend = math.hypot(sigma_blend, UNRESOLVED_FLOOR * step)
    model = chosen.residuals + y_unit
    level = chosen.value("background.level") + chosen.value("background.slope") * x / span
    return RubyFit(
        origin + NM * position,
        NM * sigma,
        origin + NM * (position - split),
        NM * sigma_r2,
        ratio,
        sigma_ratio,
        NM * fwhm,
        resolved,
        origin + NM * single.value("r1.position"),
        NM * sigma_blend,
        origin + NM * x,
        y,
        height * model,
        height * level,
        chosen,
        origin,
        scale,
        tuple(notes),
    )


def _points(
    spectrum: Measurement, row: int, window: tuple[float, float] | None, where: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Wavelengths in nm from an origin (m), counts, and the origin."""
    if spectrum.axis is None or spectrum.axis.quantity != "wavelength":
        raise PressureScaleError(f"{where}: a wavelength axis is needed")
    if not 0 <= row < len(spectrum):
        raise PressureScaleError(f"{where}: row {row} of {len(spectrum)} spectra does not exist")
    order = np.argsort(spectrum.axis.values)
    wavelength, counts = spectrum.axis.values[order], spectrum.values[row][order]
    if window is None:
        near = (wavelength > 680e-9) & (wavelength < 760e-9)
        if not np.any(near):
            raise PressureScaleError(
                f"{where}: no points between 680 and 760 nm, where the lines of ruby stand up to 150 GPa (found"
                f" {wavelength[0] / NM:.4g}-{wavelength[-1] / NM:.4g} nm); check the unit or give a window"
            )
        top = float(wavelength[near][np.argmax(counts[near])])
        window = (top - WINDOW[0] * NM, top + WINDOW[1] * NM)
    inside = (wavelength >= window[0]) & (wavelength <= window[1])
    if np.sum(inside) < LEAST_POINTS:
        raise PressureScaleError(
            f"{where}: {np.sum(inside)} points between {window[0] / NM:.2f} and {window[1] / NM:.2f} nm, at least"
            f" {LEAST_POINTS} are needed"
        )
    chosen = wavelength[inside]
    if np.any(np.diff(chosen) <= 0):
        raise PressureScaleError(f"{where}: wavelengths are repeated")
    origin = float(chosen[np.argmax(counts[inside])])
    return (chosen - origin) / NM, counts[inside], origin


def _assumed(
    problem: Any, x: np.ndarray, y: np.ndarray, shape: str, notes: list[str], step: float
) -> tuple[FitResult, float]:
    """Doublets with the usual splittings and ratios of ruby: the middle one, and the spread of R1 over all."""
    fits = {}
    for split in ASSUMED_SPLITTINGS:
        for ratio in ASSUMED_RATIOS:
            fits[split, ratio] = _best(problem, _start(x, y, shape, True, splitting=split, ratio=ratio), x)
    middle = fits[ASSUMED_SPLITTINGS[1], ASSUMED_RATIOS[1]]
    positions = [one.value("r1.position") for one in fits.values()]
    notes.append(
        f"R1 and R2 are not resolved ({step:.2f} nm per point, splitting {SPLITTING:.2f} nm): a single line is the"
        f" blend R1+R2, not R1; R1 was found with the splitting {ASSUMED_SPLITTINGS[1]} nm and the ratio"
        f" {ASSUMED_RATIOS[1]}, its s.u. holds the spread over"
        f" {ASSUMED_SPLITTINGS[0]}-{ASSUMED_SPLITTINGS[-1]} nm and {ASSUMED_RATIOS[0]}-{ASSUMED_RATIOS[-1]}"
    )
    return middle, 0.5 * (max(positions) - min(positions))


def _correlated(residuals: np.ndarray, notes: list[str]) -> float:
    """Factor on s.u. for residuals that follow each other: there are fewer independent points than points."""
    about = residuals - residuals.mean()
    lag = float(about[1:] @ about[:-1] / max(float(about @ about), 1e-300))
    if lag < CORRELATED:
        return 1.0
    factor = math.sqrt((1.0 + min(lag, 0.99)) / (1.0 - min(lag, 0.99)))
    notes.append(
        f"the residuals follow each other (correlation of neighbours {lag:.2f}): the line shape is not quite that of"
        f" the lamp and spectrometer, and s.u. were multiplied by {factor:.1f}"
    )
    return factor


def _sigma_r2(found: FitResult) -> float:
    """S.u. of R1 minus the splitting."""
    matrix = found.parameters.matrix
    row = matrix[found.parameters.index("r1.position")] - matrix[found.parameters.index("lines.splitting")]
    return float(found.propagate(row))


def _voigt_width(lorentz: float, gauss: float) -> float:
    """FWHM of a Voigt line to 0.02 % (J. J. Olivero, R. L. Longbothum 1977, doi 10.1016/0022-4073(77)90161-3)."""
    return 0.5346 * lorentz + math.sqrt(0.2166 * lorentz**2 + gauss**2)
