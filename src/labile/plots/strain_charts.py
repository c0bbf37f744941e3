"""Figures of strain, compression and pressure: strain against T or P, indicatrix sections, F-f plots, ruby spectra."""

from __future__ import annotations

import math
import re

import numpy as np

from labile.core.uncertain import format_uncertain
from labile.plots.figure import Axis, Box, Chart, Figure, Line, Points
from labile.plots.palette import INK, MUTED, STATE_COLOURS, VERMILION
from labile.techniques.equation_of_state import CompressionFit, normalized_pressure
from labile.techniques.pressure_scale import RubyFit
from labile.techniques.strain import Compressibility, ThermalExpansion, section

PERCENT = 1e-2
GPA = 1e9
NM = 1e-9
SQUARE = 1.28
"""Height that makes a panel of a column's width about square."""
STRIP = 0.3


def expansion_figure(found: ThermalExpansion, title: str = "") -> Figure:
    """Principal strains against temperature with their lines.

    Parameters
    ----------
    found : ThermalExpansion
    title : str
        The label of the series by default.

    Returns
    -------
    Figure
    """
    series = found.principal.strain.series
    kelvin = series.conditions.temperature
    grid = np.linspace(kelvin.min(), kelvin.max(), 101)
    shown: list[Points | Line] = []
    sigma = found.principal.sigma_within
    for number, line in enumerate(found.lines):
        colour = STATE_COLOURS[number]
        fitted, band = line.at(grid)
        alpha = format_uncertain(line.slope * 1e6, line.sigma * 1e6)
        error = sigma[:, number] / PERCENT
        shown.append(
            Points(
                f"X{number + 1}, α = {alpha} MK⁻¹",
                kelvin,
                found.principal.values[:, number] / PERCENT,
                y_error=error if np.all(np.isfinite(error)) else None,
                colour=colour,
            )
        )
        shown.append(Line("", grid, fitted / PERCENT, sigma=band / PERCENT, colour=colour))
    named = title or series.label
    chart = Chart(named, Axis("T", "K"), Axis("strain", "%"), tuple(shown))
    volume = format_uncertain(found.volume * 1e6, found.sigma_volume * 1e6)
    caption = (
        f"Principal strains of {named} ({found.kind} strain against the first cell) and weighted straight lines with"
        f" their 1σ bands; volume expansion {volume} MK⁻¹. {' '.join(_sentence(note) for note in found.notes)}"
    ).strip()
    return Figure(_key(f"strain_{named}"), caption, (chart,), caption)


def compressibility_figure(found: Compressibility, title: str = "") -> Figure:
    """Principal strains against pressure with the fitted laws.

    Parameters
    ----------
    found : Compressibility
    title : str
        The label of the series by default.

    Returns
    -------
    Figure
    """
    series = found.principal.strain.series
    pressure = series.conditions.pressure / GPA
    grid = np.linspace(pressure.min(), pressure.max(), 201)
    shown: list[Points | Line] = []
    values, sigma = found.coefficients * 1e12, found.sigma * 1e12
    for number, curve in enumerate(found.curves):
        colour = STATE_COLOURS[number]
        fitted, band = curve.at(grid)
        k = format_uncertain(float(values[number]), float(sigma[number]))
        strains = found.principal.values[:, number] / PERCENT
        shown.append(Points(f"X{number + 1}, K = {k} TPa⁻¹", pressure, strains, colour=colour))
        shown.append(Line("", grid, fitted / PERCENT, sigma=band / PERCENT, colour=colour))
    named = title or series.label
    chart = Chart(named, Axis("P", "GPa"), Axis("strain", "%"), tuple(shown))
    caption = (
        f"Principal strains of {named} under pressure ({found.kind} strain against the first cell) and the {found.law}"
        f" law with its 1σ band; compressibilities at {found.pressure / GPA:.3g} GPa."
    )
    return Figure(_key(f"strain_{named}"), caption, (chart,), caption)


def indicatrix_figure(tensor: np.ndarray, title: str, *, unit: str = "1/MK", symbol: str = "α") -> Figure:
    """Sections of the representation surface through its principal planes.

    Parameters
    ----------
    tensor : ndarray (3, 3)
        Expansion or compressibility, SI.
    title : str
    unit : {"1/MK", "1/TPa"}
    symbol : str

    Returns
    -------
    Figure
        The distance from the origin is the magnitude along that direction; dashed where the coefficient is negative.
    """
    scale = {"1/MK": 1e-6, "1/TPa": 1e-12}[unit]
    values, vectors = np.linalg.eigh(np.asarray(tensor, dtype=float))
    shown: list[Line] = []
    reach = 0.0
    for number, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        cut = section(tensor, vectors[:, i], vectors[:, j], points=721)
        angle = np.linspace(0.0, 2.0 * math.pi, 721)
        radius = np.abs(cut.values) / scale
        reach = max(reach, float(radius.max()))
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        for negative in (False, True):
            chosen = (cut.values < 0) == negative
            if not np.any(chosen):
                continue
            shown.append(
                Line(
                    f"X{i + 1}-X{j + 1} plane" + (", negative" if negative else ""),
                    np.where(chosen, x, np.nan),
                    np.where(chosen, y, np.nan),
                    colour=STATE_COLOURS[number],
                    dash="dash" if negative else "solid",
                )
            )
    limits = (-1.08 * reach, 1.08 * reach)
    x_axis = Axis(f"|{symbol}| along the first axis of the plane", unit, limits=limits)
    y_axis = Axis(f"|{symbol}| along the second", unit, limits=limits)
    chart = Chart(title, x_axis, y_axis, tuple(shown), height=SQUARE)
    listed = ", ".join(f"{value / scale:.1f}" for value in values)
    shown_unit = {"1/MK": "MK⁻¹", "1/TPa": "TPa⁻¹"}[unit]
    caption = (
        f"{title}: sections of the indicatrix through its principal planes; the distance from the origin is the"
        " magnitude of the coefficient along that direction, dashed where it is negative. Principal values"
        f" {listed} {shown_unit}."
    )
    return Figure(_key(f"indicatrix_{title}"), caption, (chart,), caption)


def f_f_figure(found: CompressionFit, title: str) -> Figure:
    """Normalised pressure against Eulerian strain with the fitted curve.

    Parameters
    ----------
    found : CompressionFit
    title : str

    Returns
    -------
    Figure
    """
    v0, sigma_v0 = found.value("volume")
    points = normalized_pressure(found.data, v0, sigma_v0)
    reliable = points.pressure > 0
    error = points.sigma_pressure / GPA
    stated = found.data.stated
    measured = Points(
        "measured",
        points.strain[reliable],
        points.pressure[reliable] / GPA,
        x_error=points.sigma_strain[reliable] if stated else None,
        y_error=error[reliable] if stated else None,
        filled=False,
    )
    f = np.linspace(1e-4, 1.05 * float(points.strain.max()), 101)
    curve = found.equation.pressure(v0 * (1.0 + 2.0 * f) ** -1.5) / (3.0 * f * (1.0 + 2.0 * f) ** 2.5)
    fitted = Line("fit", f, curve / GPA, colour=VERMILION)
    low, high = float(np.min(curve)) / GPA, float(np.max(curve)) / GPA
    spread = 0.5 * max(high - low, 0.1 * high)
    inside = [value for value in measured.y if low - 6 * spread < value < high + 6 * spread]
    limits = (min([low, *inside]) - 0.3 * spread, max([high, *inside]) + 0.3 * spread)
    chart = Chart(title, Axis("f_E"), Axis("F_E", "GPa", limits=limits), (measured, fitted))
    listed = ", ".join(f"{name} {value} {unit}".strip() for name, value, unit in found.table())
    caption = f"{title}: normalised pressure against Eulerian strain and the fitted curve; {listed}."
    return Figure(_key(f"f_f_{title}"), caption, (chart,), caption)


def ruby_figure(found: RubyFit, title: str = "ruby") -> Figure:
    """A ruby spectrum with its fit, the positions of the lines and, below, the residuals.

    Parameters
    ----------
    found : RubyFit
    title : str

    Returns
    -------
    Figure
    """
    x = found.wavelength / NM
    positions = [("R2", found.r2, found.sigma_r2), ("R1", found.r1, found.sigma_r1)]
    if not found.resolved:
        positions.append(("blend R1+R2", found.blend, found.sigma_blend))
    boxes = tuple(
        Box(x=((at - max(s, 2e-12)) / NM, (at + max(s, 2e-12)) / NM), name=f"{name} ± s.u.", colour=STATE_COLOURS[n])
        for n, (name, at, s) in enumerate(positions)
    )
    axis = Axis("wavelength", "nm", limits=(float(x[0]), float(x[-1])))
    main = Chart(
        title,
        axis,
        Axis("counts"),
        (
            *boxes,
            Points("measured", x, found.counts, filled=False, colour=MUTED),
            Line("background", x, found.background, colour=INK, dash="dot"),
            Line("fit", x, found.curve, colour=VERMILION, width=1.2),
        ),
    )
    residuals = found.counts - found.curve
    reach = float(np.max(np.abs(residuals))) * 1.1 or 1.0
    strip = Chart(
        "",
        axis,
        Axis("residual", limits=(-reach, reach)),
        (Points("residuals", x, residuals, colour=MUTED),),
        height=STRIP,
    )
    caption = f"{title}: {found.text}. Below: measured minus fit."
    return Figure(_key(f"ruby_{title}"), caption, (main, strip), caption)


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:] + "."


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", text).strip("_")
