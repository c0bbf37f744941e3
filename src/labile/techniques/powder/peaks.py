"""One line of a powder pattern followed through a series: its position, spacing, width and area."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.line_shapes import pseudo_voigt
from labile.fitting.problem import Block, Problem
from labile.techniques.powder.errors import PowderError

FEWEST = 8
"""Points that a window needs for the six numbers of a line on a sloping background."""


@dataclass(frozen=True, eq=False)
class PeakTrack:
    """A line in N patterns.

    Attributes
    ----------
    position, sigma_position : ndarray (N,)
        2 theta, rad.
    fwhm, sigma_fwhm : ndarray (N,)
        rad; of the instrument and the sample together.
    area, sigma_area : ndarray (N,)
        Unit of the pattern times rad.
    reduced_chi2 : ndarray (N,)
        s.u. are multiplied by its root where it is above 1.
    """

    position: np.ndarray
    sigma_position: np.ndarray
    fwhm: np.ndarray
    sigma_fwhm: np.ndarray
    area: np.ndarray
    sigma_area: np.ndarray
    reduced_chi2: np.ndarray


def track_peak(patterns: Measurement, window: tuple[float, float]) -> PeakTrack:
    """Fit one pseudo-Voigt on a sloping background in a window of every pattern.

    Parameters
    ----------
    patterns : Measurement
        Along ``two_theta``.
    window : (float, float)
        Around the line in all patterns, rad.

    Returns
    -------
    PeakTrack

    Raises
    ------
    PowderError
        For another axis, too few points, a window without a line, or a line that leaves the window.
    """
    if patterns.axis is None or patterns.axis.quantity != "two_theta":
        raise PowderError(f"{patterns.label}: patterns along two_theta are needed")
    low, high = window
    inside = (patterns.axis.values >= low) & (patterns.axis.values <= high)
    x = patterns.axis.values[inside]
    if x.size < FEWEST:
        raise PowderError(
            f"{patterns.label}: {x.size} points between {np.degrees(low):g} and {np.degrees(high):g} degrees; a line"
            f" needs at least {FEWEST}"
        )
    rows = [_one(patterns, k, x, inside) for k in range(len(patterns))]
    return PeakTrack(*(np.array(column) for column in zip(*rows, strict=True)))


def _one(patterns: Measurement, k: int, x: np.ndarray, inside: np.ndarray) -> tuple[float, ...]:
    y = patterns.values[k, inside]
    if patterns.sigma is not None:
        sigma = patterns.sigma[k, inside]
    elif patterns.quantity == "counts":
        sigma = np.sqrt(np.maximum(y, 1.0))
    else:
        sigma = np.full(y.shape, max(float(np.std(np.diff(y, 2)) / math.sqrt(6.0)), 1e-12 + 1e-9 * float(np.ptp(y))))
    where = f"{patterns.label}, pattern {k + 1} at {patterns.temperature[k]:g} K"
    ends = 0.5 * (y[:2].mean() + y[-2:].mean())
    top = int(np.argmax(y))
    height = float(y[top] - ends)
    if height < 4.0 * float(sigma[top]):
        raise PowderError(f"{where}: no line stands out of the window; move or narrow it")
    above = x[y - ends > 0.5 * height]
    width = max(float(above.max() - above.min()), 2.0 * float(np.median(np.diff(x))))
    middle = 0.5 * float(x[0] + x[-1])
    parameters = Parameters(
        (
            Parameter("line.position", float(x[top]), lower=float(x[0]), upper=float(x[-1])),
            Parameter("line.fwhm", width, lower=0.2 * float(np.median(np.diff(x))), upper=float(x[-1] - x[0])),
            Parameter("line.lorentz_share", 0.5, lower=0.0, upper=1.0),
            Parameter("line.area", height * width * 1.3, lower=0.0),
            Parameter("background.level", ends),
            Parameter("background.slope", 0.0),
        )
    )

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        position, fwhm, share, area, level, slope = vector
        line = pseudo_voigt(x, position, fwhm, share)
        away = x - middle
        total = area * line.value + level + slope * away
        columns = [area * line.d_centre, area * line.d_width, area * line.d_shape, line.value, np.ones(x.size), away]
        return (y - total) / sigma, -np.stack(columns, axis=1) / sigma[:, None]

    result = fit(Problem(parameters, evaluate, (Block(where, x.size),)), starts=1)
    if not result.converged or {"line.position", "line.area"} & set(result.at_bound):
        raise PowderError(f"{where}: the line was not found in the window ({result.message}); move or widen it")
    chi2 = result.chi2 / max(result.degrees_of_freedom, 1)
    stretch = math.sqrt(max(chi2, 1.0))
    found: list[float] = []
    for name in ("line.position", "line.fwhm", "line.area"):
        found += [result.value(name), stretch * result.sigma_of(name)]
    return (*found, chi2)


def reduce_spacing(
    patterns: Measurement,
    quantity: str = "d_spacing",
    *,
    low: float,
    high: float,
    wavelength: float | None = None,
    zero: float = 0.0,
) -> Measurement:
    """Spacing d of one line in every pattern of a series.

    Parameters
    ----------
    patterns : Measurement
        Along ``two_theta``.
    quantity : {"d_spacing"}
    low, high : float
        Window around the line, rad.
    wavelength : float, optional
        m; that of the file when left out.
    zero : float
        Zero of the diffractometer, taken off the angles, rad.

    Returns
    -------
    Measurement
        ``"d_spacing"``, m.

    Raises
    ------
    PowderError
    """
    if quantity != "d_spacing":
        raise PowderError(f"a line of a pattern gives d_spacing, not {quantity}")
    stated = patterns.attributes.get("wavelength") if wavelength is None else wavelength
    if not isinstance(stated, float) or not stated > 0:
        raise PowderError(f"{patterns.label}: the wavelength is not in the file; give wavelength in m (1.5406e-10)")
    track = track_peak(patterns, (low, high))
    half = 0.5 * (track.position - zero)
    spacing = stated / (2.0 * np.sin(half))
    step = f"d of the line between {np.degrees(low):.4g} and {np.degrees(high):.4g} degrees, wavelength {stated:.6g} m"
    return replace(
        patterns,
        quantity="d_spacing",
        values=spacing,
        sigma=0.5 * spacing / np.tan(half) * track.sigma_position,
        unit="",
        axis=None,
        correlated=(),
        provenance=patterns.provenance.then(step),
    )
