"""Charts of spectra and patterns as they were read: value against the spectral axis, a few of a series."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import field_unit, from_si
from labile.plots.figure import Axis, Chart, Figure, Line, name_of
from labile.plots.palette import STATE_COLOURS

MOST_CURVES = 8
"""So many spectra of a series are drawn; more cannot be told apart."""


def curves(
    measurements: Sequence[Measurement], most: int = MOST_CURVES
) -> dict[tuple[str, str], tuple[list[tuple[str, np.ndarray, np.ndarray]], int]]:
    """Spectra of measurements that have an axis, spread evenly over each series.

    Parameters
    ----------
    measurements : sequence of Measurement
        Those without a spectral axis are left out.
    most : int
        Curves of each group.

    Returns
    -------
    dict
        (quantity, axis) to the curves (name, position in the field's unit, value in the unit of the group's first
        measurement) and to how many spectra there are.
    """
    groups: dict[tuple[str, str], list[tuple[Measurement, int]]] = {}
    for m in measurements:
        if m.axis is not None:
            groups.setdefault((m.quantity, m.axis.quantity), []).extend((m, row) for row in range(len(m)))
    found = {}
    for (quantity, axis), rows in groups.items():
        unit = rows[0][0].unit
        chosen = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
        drawn = []
        for m, row in (rows[place] for place in chosen):
            assert m.axis is not None
            name = m.label if len(m) == 1 else f"{m.label} {m.temperature[row]:.4g} K"
            x = np.asarray(from_si(m.axis.values, field_unit(axis), axis) if field_unit(axis) else m.axis.values)
            drawn.append((name, x, np.asarray(from_si(m.values[row], unit, quantity))))
        found[quantity, axis] = drawn, len(rows)
    return found


def spectra_figures(measurements: Sequence[Measurement]) -> tuple[Figure, ...]:
    """One figure for each quantity and axis among the measurements that have an axis.

    Parameters
    ----------
    measurements : sequence of Measurement

    Returns
    -------
    tuple of Figure
        None for measurements without an axis.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> m = Measurement("counts", [[7.0, 8.0]], Conditions(80.0), axis=Axis("channel", [1.0, 2.0]), label="foil")
    >>> spectra_figures([m])[0].caption
    'counts of sample against channel: foil.'
    """
    figures = []
    for (quantity, axis), (drawn, total) in curves(measurements).items():
        group = [m for m in measurements if m.quantity == quantity and m.axis and m.axis.quantity == axis]
        title = f"{name_of(quantity)} of {', '.join(dict.fromkeys(m.sample for m in group))}"
        lines = tuple(
            Line(name, x, y, colour=STATE_COLOURS[i % len(STATE_COLOURS)],
                 dash="solid" if i < len(STATE_COLOURS) else "dash")
            for i, (name, x, y) in enumerate(drawn)
        )  # fmt: skip
        some = "" if len(drawn) == total else f" ({len(drawn)} of {total})"
        caption = f"{title} against {name_of(axis)}{some}: {', '.join(name for name, _, _ in drawn)}."
        chart = Chart(title, Axis.of(axis), Axis.of(quantity, group[0].unit), lines)
        key = re.sub(r"[^A-Za-z0-9_\-]+", "_", f"{quantity}_{axis}").strip("_")
        figures.append(Figure(key, caption, (chart,), caption))
    return tuple(figures)
