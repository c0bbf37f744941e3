"""Charts of powder patterns: a measured pattern as a mixture, one line through a series."""

from __future__ import annotations

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import from_si
from labile.plots.figure import Axis, Chart, Figure, Line, Points
from labile.plots.palette import INK, MUTED, STATE_COLOURS, VERMILION
from labile.techniques.powder import MixtureFit, PeakTrack

STRIP = 0.3
"""Height of the differences beside the pattern."""


def mixture_figure(fit: MixtureFit, title: str, key: str = "mixture") -> Figure:
    """A pattern with its fit, the contribution of every phase, ticks of their lines, and the differences.

    Parameters
    ----------
    fit : MixtureFit
    title : str
    key : str
        File name.
    """
    x = np.degrees(fit.two_theta)
    span = Axis("2θ", "deg", limits=(float(x[0]), float(x[-1])))
    series: list[Points | Line] = [
        Points("measured", x, fit.observed, colour=MUTED, filled=False),
        Line("fit", x, fit.calculated, colour=VERMILION, width=1.2),
        Line("background", x, fit.background, colour=INK, dash="dot", width=0.8),
    ]
    low, reach = float(fit.observed.min()), float(np.ptp(fit.observed))
    zero = fit.result.value("pattern.zero")
    for k, (phase, part, colour) in enumerate(zip(fit.phases, fit.parts, STATE_COLOURS, strict=False)):
        share, sigma = fit.fractions[k], fit.sigma_fractions[k]
        name = f"{phase.label}, {100 * share:.1f}({100 * sigma:.1f}) %"
        series.append(Line(name, x, fit.background + part, colour=colour))
        places = np.degrees(phase.two_theta(fit.wavelength) + zero)
        inside = (places >= x[0]) & (places <= x[-1])
        height = np.full(int(inside.sum()), low - (0.04 + 0.04 * k) * reach)
        series.append(Points(f"lines of {phase.label}", places[inside], height, colour=colour, marker="triangle-up"))
    left = (fit.observed - fit.calculated) / fit.sigma
    strip = Chart("", span, Axis("residual/σ"), (Line("", x, left, colour=MUTED, width=0.8),), height=STRIP)
    shares = ", ".join(
        f"{p.label} {100 * f:.1f} ± {100 * s:.1f} %"
        for p, f, s in zip(fit.phases, fit.fractions, fit.sigma_fractions, strict=True)
    )
    caption = (
        f"{title}: measured pattern, fit by patterns simulated from the structures, and their contributions: {shares}."
        f" Triangles: positions of lines. Below: residuals in units of σ. wR {100 * fit.r_weighted:.1f} %, expected"
        f" {100 * fit.r_expected:.1f} %."
    )
    return Figure(key, caption, (Chart(title, span, Axis("intensity"), tuple(series)), strip), caption)


def peak_figure(patterns: Measurement, track: PeakTrack, key: str = "peak") -> Figure:
    """Position, width and area of one line against temperature.

    Parameters
    ----------
    patterns : Measurement
    track : PeakTrack
    key : str
    """
    t = np.asarray(from_si(patterns.temperature, "K", "temperature"))
    rows = (
        ("2θ", "deg", np.degrees(track.position), np.degrees(track.sigma_position)),
        ("FWHM", "deg", np.degrees(track.fwhm), np.degrees(track.sigma_fwhm)),
        ("area", "", track.area, track.sigma_area),
    )
    panels = tuple(
        Chart("One line of the patterns" if i == 0 else "", Axis("T", "K"), Axis(name, unit),
              (Points("", t, y, None, error, colour=INK),), height=0.6)
        for i, (name, unit, y, error) in enumerate(rows)
    )  # fmt: skip
    said = f"One line of {patterns.label} against temperature: position, width and area with their s.u."
    return Figure(key, said, panels, said)
