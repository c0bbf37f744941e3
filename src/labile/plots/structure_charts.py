"""Figures of coordination geometry: bond lengths and distortion against temperature or pressure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.plots.figure import Axis, Box, Chart, ChartError, Figure, Line, Points
from labile.plots.palette import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, STATE_COLOURS, VERMILION
from labile.techniques.coordination import CoordinationTable, Window
from labile.techniques.coordination.series import QUANTITY, SHOWN

MARKERS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon")
ANGSTROM = 1e10
SPIN_COLOURS = {"LS": BLUE, "HS": VERMILION}
STRIP = 0.6
"""Height of the panels below the first."""


def bond_length_figure(
    series: Sequence[Measurement], *, windows: Sequence[Window] = (), title: str = "", key: str = "bond_lengths"
) -> Figure:
    """Bond lengths against temperature, with the windows of spin states as bands.

    Parameters
    ----------
    series : sequence of Measurement
        ``bond_length`` each; one colour and marker per measurement.
    windows : sequence of Window
        Usual ranges of states, drawn across the figure.
    title : str
    key : str
        Name of the file.

    Returns
    -------
    Figure

    Raises
    ------
    ChartError
        If there is nothing to draw or a measurement is no bond length.
    """
    for one in series:
        if one.quantity != "bond_length" or one.axis is not None:
            raise ChartError(f"bond lengths: {one.label!r} is {one.quantity}, a bond_length is needed")
    if not series:
        raise ChartError("bond lengths: nothing to draw")
    drawn: list[Box | Line | Points] = []
    for window in windows:
        of = f"{window.element}({window.oxidation}) {window.spin}"
        bonds = f"{window.element}-{window.bond}" if window.bond else f"mean of {window.donors or 'all bonds'}"
        name = f"{of}, {bonds}"
        colour = SPIN_COLOURS.get(window.spin, MUTED)
        drawn.append(Box(None, (window.low * ANGSTROM, window.high * ANGSTROM), name, name, colour))
    # blue and vermilion say the spin of the bands
    colours = (INK, GREEN, PURPLE, ORANGE, SKY, MUTED) if windows else STATE_COLOURS
    for i, one in enumerate(series):
        colour = colours[i % len(colours)]
        order = np.argsort(one.temperature, kind="stable")
        drawn.append(Line("", one.temperature[order], one.values[order] * ANGSTROM, colour=colour, width=0.8))
        drawn.append(_points(one, one.label, colour, MARKERS[i % len(MARKERS)], ANGSTROM))
    chart = Chart(title, _temperature(series), Axis("d", "angstrom"), tuple(drawn))
    bands = f" Bands: usual ranges of {', '.join(b.name for b in drawn if isinstance(b, Box))}." if windows else ""
    caption = (
        f"{title or 'Bond lengths'} against temperature: {', '.join(one.label for one in series)}; error bars are one"
        f" standard uncertainty, lines join the points.{bands}"
    )
    return Figure(key, caption, (chart,), caption)


def distortion_figure(
    table: CoordinationTable,
    metal: str,
    parameters: Sequence[str] = ("mean_length", "sigma", "theta"),
    *,
    combine: str = "largest",
) -> Figure:
    """Parameters of one metal's coordination polyhedron against temperature, one panel each.

    Parameters
    ----------
    table : CoordinationTable
    metal : str
    parameters : sequence of str
        Keys of `series.QUANTITY`.
    combine : str
        As for `CoordinationTable.measurement`.

    Returns
    -------
    Figure

    Raises
    ------
    ChartError
        If no parameter is named.
    CoordinationError
        If the metal or its parameters are not in the table.
    """
    if not parameters:
        raise ChartError(f"distortion of {metal}: no parameter is named")
    panels = []
    series = [table.measurement(metal, name, combine=combine) for name in parameters]
    for i, (name, one) in enumerate(zip(parameters, series, strict=True)):
        unit, factor = SHOWN.get(name, ("1", 1.0))
        symbol = Axis.of(QUANTITY[name]).symbol if name != "mean_length" else "mean d"
        order = np.argsort(one.temperature, kind="stable")
        colour = STATE_COLOURS[0]
        line = Line("", one.temperature[order], one.values[order] * factor, colour=MUTED, width=0.7)
        points = _points(one, "", colour, "circle", factor)
        axis = Axis(symbol, "" if unit == "1" else unit)
        panels.append(
            Chart(metal if i == 0 else "", _temperature(series), axis, (line, points), 1.0 if i == 0 else STRIP)
        )
    caption = (
        f"Coordination polyhedron of {metal} against temperature: {', '.join(n.replace('_', ' ') for n in parameters)};"
        " error bars are one standard uncertainty, lines join the points."
    )
    return Figure(re.sub(r"[^A-Za-z0-9_\-]+", "_", f"distortion_{metal}"), caption, tuple(panels), caption)


def _points(one: Measurement, name: str, colour: str, marker: str, factor: float) -> Points:
    error = None if one.total_sigma is None else one.total_sigma * factor
    texts = tuple(one.describe_point(i) for i in range(len(one)))
    return Points(name, one.temperature, one.values * factor, None, error, None, texts, colour, marker)


def _temperature(series: Sequence[Measurement]) -> Axis:
    every = np.concatenate([one.temperature for one in series])
    low, high = float(every.min()), float(every.max())
    margin = 0.08 * (high - low) if high > low else 10.0
    return Axis("T", "K", limits=(low - margin, high + margin))
