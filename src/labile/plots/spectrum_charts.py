"""Figures of fitted Mossbauer spectra: counts, fit, components and residuals against velocity."""

from __future__ import annotations

import re

import numpy as np

from labile.plots.figure import Axis, Box, Chart, Figure, Line, Points
from labile.plots.palette import MUTED, STATE_COLOURS, VERMILION
from labile.techniques.mossbauer import Distribution, SpectrumFit
from labile.techniques.mossbauer.iron57 import MM_S, REFERENCE_TEXT

STRIP = 0.3
"""Height of the residuals beside the spectrum."""


def spectrum_figure(fit: SpectrumFit, title: str = "") -> Figure:
    """A spectrum with its fit, its components and, below, the residuals in units of sigma.

    Parameters
    ----------
    fit : SpectrumFit
    title : str
        The spectrum's label and temperature by default.

    Returns
    -------
    Figure
    """
    spectrum = fit.spectrum
    velocity = fit.velocity / MM_S
    kelvin = float(spectrum.conditions.temperature[0])
    named = title or f"{spectrum.label}, {kelvin:g} K"
    order = np.argsort(velocity)
    measured = Points("measured", velocity, spectrum.values[0], marker="circle", filled=False, colour=MUTED)
    colours = dict(zip(fit.subspectra(), (c for c in STATE_COLOURS if c != VERMILION), strict=False))
    parts = [
        Line(name, velocity[order], curve[order], colour=colours.get(name, MUTED))
        for name, curve in fit.subspectra().items()
    ]
    whole = Line("fit", velocity[order], fit.curve[order], colour=VERMILION, width=1.2)
    shown: list[Points | Line] = [measured, *(parts if len(parts) > 1 else []), whole]
    x = Axis(f"velocity relative to {REFERENCE_TEXT}", "mm/s", limits=(float(velocity.min()), float(velocity.max())))
    main = Chart(named, x, Axis("transmission"), tuple(shown))
    residuals = fit.result.residuals[: velocity.size]
    reach = float(max(3.5, np.max(np.abs(residuals)) * 1.1))
    strip = Chart(
        "",
        x,
        Axis("residual/σ", limits=(-reach, reach)),
        (Box(y=(-2.0, 2.0)), Points("residuals", velocity, residuals, marker="circle", filled=True, colour=MUTED)),
        height=STRIP,
    )
    shares = ", ".join(f"{name} {100 * share:.1f} %" for name, (share, _) in fit.area_fractions().items())
    caption = (
        f"Mossbauer spectrum {named}: counts over their baseline (circles), fit and components (lines); areas:"
        f" {shares}; χ² per degree of freedom {fit.reduced_chi2:.2f}. Velocities relative to {REFERENCE_TEXT}. Below:"
        " residuals in units of σ, ±2σ shaded."
    )
    return Figure(_key(f"spectrum_{spectrum.label}"), caption, (main, strip), caption)


def distribution_figure(found: Distribution, title: str) -> Figure:
    """Density of a distributed hyperfine parameter.

    Parameters
    ----------
    found : Distribution
    title : str
    """
    field = found.quantity == "hyperfine_field"
    unit, scale = ("T", 1.0) if field else ("mm/s", MM_S)
    symbol = {"hyperfine_field": "B_hf", "quadrupole_splitting": "ΔE_Q"}.get(
        found.quantity, f"δ relative to {REFERENCE_TEXT}"
    )
    line = Line("density", found.grid / scale, found.density * scale, colour=STATE_COLOURS[0])
    chart = Chart(title, Axis(symbol, unit), Axis("density", "1/T" if field else "s/mm"), (line,))
    caption = (
        f"{title}: distribution from the regularised fit, mean {found.mean / scale:.2f} {unit}, standard deviation"
        f" {found.standard_deviation / scale:.2f} {unit}; regularised with the strength at the corner of the L-curve."
    )
    return Figure(_key(f"distribution_{title}"), caption, (chart,), caption)


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", text).strip("_")
