"""Figures of X-ray absorption: normalisation, fitted pre-edges with their second derivative, and series of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.plots.figure import Axis, Box, Chart, Figure, Line, Points
from labile.plots.palette import INK, MUTED, STATE_COLOURS, VERMILION
from labile.techniques.xas.absorption import EV
from labile.techniques.xas.normalisation import Normalisation
from labile.techniques.xas.pre_edge_fit import PreEdgeFit
from labile.techniques.xas.second_derivative import SecondDerivative

COLOURS = tuple(colour for colour in STATE_COLOURS if colour != VERMILION)


def normalisation_figure(raw: Measurement, found: Normalisation, title: str = "") -> Figure:
    """One absorption spectrum with the curves that became 0 and 1, and below the normalised spectrum.

    Parameters
    ----------
    raw : Measurement
        ``"absorption"``, the spectrum that was normalised.
    found : Normalisation
        Its first spectrum is drawn.
    title : str
        The label by default.
    """
    assert raw.axis is not None
    assert found.measurement.axis is not None
    energy = raw.axis.values / EV
    after = found.measurement.axis.values / EV
    named = title or raw.label
    x = Axis("E", "eV", limits=(float(energy.min()), float(energy.max())))
    edge = float(found.edge_energy[0]) / EV
    above = Chart(
        named,
        x,
        Axis("μ"),
        (
            Line("measured", energy, raw.values[0]),
            Line("pre-edge", after, found.pre_edge[0], colour=COLOURS[0], dash="dash"),
            Line("post-edge", after, found.post_edge[0], colour=VERMILION, dash="dash"),
        ),
    )
    normal = found.measurement.values[0]
    marks: tuple[Line, ...] = (Line("", x=np.array([after[0], after[-1]]), y=np.ones(2), colour=MUTED, dash="dot"),)
    if np.isfinite(edge):
        marks += (Line("E₀", np.full(2, edge), np.array([0.0, float(normal.max())]), colour=MUTED, dash="dash"),)
    below = Chart("", x, Axis("normalised μ"), (*marks, Line("normalised", after, normal)))
    said = f"Absorption of {named}: measured, pre-edge and post-edge; below normalised ({found.method})"
    caption = f"{said}; E₀ {edge:.2f} eV, edge step {found.edge_step[0]:.4g}." if np.isfinite(edge) else f"{said}."
    return Figure(_key(f"normalised_{named}"), caption, (above, below), caption)


def pre_edge_figure(fit: PreEdgeFit, title: str = "", filter: SecondDerivative | None = None) -> Figure:
    """A pre-edge with its fit and peaks, the residuals, and the second derivative of data and fit.

    Parameters
    ----------
    fit : PreEdgeFit
    title : str
        The spectrum's label by default.
    filter : SecondDerivative, optional
        That of the fit by default.
    """
    energy = fit.energy / EV
    named = title or fit.label
    x = Axis("E", "eV", limits=(fit.window.limits[0] / EV, fit.window.limits[1] / EV))
    fine = np.linspace(*fit.window.limits, 401)
    whole = fit.model.evaluate(fine, fit.parameters.values, fit.window.middle)[0]
    under = whole - fit.model.peaks_alone(fine, fit.parameters.values)[0]
    peaks = [
        Line(name, fine / EV, curve + under, colour=COLOURS[k % len(COLOURS)], width=0.8)
        for k, (name, curve) in enumerate(fit.peaks(fine).items())
    ]
    main = Chart(
        named,
        x,
        Axis("normalised μ"),
        (
            Points("measured", energy, fit.window.data, filled=False, colour=MUTED),
            Line("edge and background", fine / EV, under, colour=INK, dash="dash"),
            *peaks,
            Line("fit", fine / EV, whole, colour=VERMILION, width=1.2),
        ),
    )
    residuals = fit.residuals / fit.noise
    reach = float(max(3.5, np.max(np.abs(residuals)) * 1.1))
    strip = Chart(
        "",
        x,
        Axis("residual/σ", limits=(-reach, reach)),
        (Box(y=(-2.0, 2.0)), Points("", energy, residuals, colour=MUTED)),
        height=0.3,
    )
    panels = [main, strip]
    chosen = filter or fit.second_derivative or SecondDerivative()
    if fit.energy.size > chosen.points:
        at, data, curve = fit.derivatives(chosen)
        panels.append(
            Chart(
                "",
                x,
                Axis("d²μ/dE²", "1/eV^2"),
                (
                    Points("", at / EV, data, filled=False, colour=MUTED),
                    Line("", at / EV, curve, colour=VERMILION),
                ),
                height=0.6,
            )
        )
    found = "no peaks"
    if fit.model.names:
        centroid = fit.centroid()
        found = (
            f"{len(fit.model.names)} peaks, area x 100 {fit.area()}, centroid {centroid.value / EV:.2f} eV"
            f" (s.u. {centroid.sigma / EV:.2g} eV)"
        )
    caption = (
        f"Pre-edge of {named}: measured (circles), fit, peaks on the rising edge ({'+'.join(fit.model.edge) or 'none'})"
        f" and background; {found}. Below: residuals in units of σ, ±2σ shaded"
    )
    caption += "; second derivative of data and fit through the same Savitzky-Golay filter." if len(panels) > 2 else "."
    return Figure(_key(f"pre_edge_{named}"), caption, tuple(panels), caption)


def pre_edge_map_figure(fits: Sequence[PreEdgeFit], title: str = "Pre-edges") -> Figure:
    """Area against centroid, one point a spectrum: the plot in which oxidation states and coordinations separate."""
    centroid, area = [one.centroid() for one in fits], [one.area() for one in fits]
    # five-digit numbers would run into each other along the axis
    base = float(np.floor(min(one.value for one in centroid) / EV))
    points = Points(
        "",
        np.array([one.value for one in centroid]) / EV - base,
        np.array([one.value for one in area]),
        np.array([one.sigma for one in centroid]) / EV,
        np.array([one.sigma for one in area]),
        labels=tuple(one.label for one in fits),
        colour=COLOURS[0],
    )
    # room for the labels, which stand to the right of their points
    reach = max(float(np.ptp(points.x)), 0.2)
    limits = (float(points.x.min()) - 0.15 * reach, float(points.x.max()) + 0.35 * reach)
    chart = Chart(
        title,
        Axis(f"pre-edge centroid − {base:.0f} eV", "eV", limits=limits),
        Axis("pre-edge area × 100", "eV"),
        (points,),
    )
    caption = f"{title}: area of the fitted peaks against their centroid, with standard uncertainties."
    return Figure(_key(f"area_centroid_{title}"), caption, (chart,), caption)


def pre_edge_series_figure(fits: Sequence[PreEdgeFit], along: str = "temperature", title: str = "Pre-edges") -> Figure:
    """Area and centroid of a series against temperature or pressure.

    Parameters
    ----------
    fits : sequence of PreEdgeFit
    along : {"temperature", "pressure"}
    title : str
    """
    unit, scale = ("K", 1.0) if along == "temperature" else ("kbar", 1e8)
    at = np.array([float(getattr(one.window.spectrum.conditions, along)[0]) for one in fits]) / scale
    x = Axis("T" if along == "temperature" else "P", unit)
    panels = []
    centroids = [one.centroid() for one in fits]
    base = float(np.floor(min(one.value for one in centroids) / EV))
    for number, (y, values, divisor, origin) in enumerate(
        (
            (Axis("pre-edge area × 100", "eV"), [one.area() for one in fits], 1.0, 0.0),
            (Axis(f"pre-edge centroid − {base:.0f} eV", "eV"), centroids, EV, base),
        )
    ):
        value, sigma = np.array([v.value for v in values]) / divisor, np.array([v.sigma for v in values]) / divisor
        panels.append(
            Chart("" if number else title, x, y, (Points("", at, value - origin, None, sigma, colour=COLOURS[number]),))
        )
    caption = f"{title}: area (above) and centroid (below) of the fitted peaks against {along}."
    return Figure(_key(f"pre_edge_{along}_{title}"), caption, tuple(panels), caption)


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", text).strip("_")
