"""Charts of structural phases: areas by phase and state, traced lines, observations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.units import from_si
from labile.diagrams.experimental_points import PointVerdict
from labile.diagrams.phase_diagram import PhaseDiagram
from labile.diagrams.phase_map import PhaseMap
from labile.plots.diagram_charts import critical_points, experimental_points, mixed, traced_lines
from labile.plots.figure import Axis, Chart, Figure, Regions, Series, symbol_of
from labile.plots.palette import STATE_COLOURS


def phase_figure(
    key: str,
    title: str,
    found: PhaseMap,
    units: tuple[tuple[str, str], tuple[str, str]],
    diagram: PhaseDiagram,
    verdicts: Sequence[PointVerdict] = (),
    origin: str = "",
) -> Figure:
    """Areas of the stable phase and its most populated state, with all lines.

    Parameters
    ----------
    key : str
        File name without suffix.
    title : str
    found : PhaseMap
    units : ((str, str), (str, str))
        Name and unit of the horizontal and of the vertical axis: temperature and pressure.
    diagram : PhaseDiagram
    verdicts : sequence of PointVerdict
    origin : str
        Where the parameters come from, for the caption.

    Returns
    -------
    Figure
    """
    grids = {"temperature": found.temperature, "pressure": found.pressure}
    (x_name, x_unit), (y_name, y_unit) = units
    x = np.asarray(from_si(grids[x_name], x_unit, x_name))
    y = np.asarray(from_si(grids[y_name], y_unit, y_name))
    entries = found.phases.entries
    present = [k for k in range(len(entries)) if np.any(found.entry == k)]
    index = np.full(found.entry.shape, -1)
    for number, k in enumerate(present):
        index[found.entry == k] = number
    names = tuple(f"{entries[k][1]}: {entries[k][0]}" for k in present)
    shades = np.linspace(0.55, 0.22, max(2, max(len(model.state_names) for model in found.phases.models)))
    colours = tuple(_colour(found, k, shades) for k in present)
    # rows of an area follow the vertical axis
    regions = Regions(x, y, index if y_name == "temperature" else index.T, names, colours)
    axes = (
        Axis(symbol_of(x_name), x_unit, limits=(float(x[0]), float(x[-1]))),
        Axis(symbol_of(y_name), y_unit, limits=(float(y[0]), float(y[-1]))),
    )
    series: list[Series] = [regions, *regions.keys()]
    series += traced_lines(diagram.lines, (), units)
    series += critical_points(diagram, units)
    series += experimental_points(verdicts, units)
    said = [f"Areas: stable phase and its most populated state{f', {origin}' if origin else ''}; lines are traced."]
    said += [f"{note[:1].upper()}{note[1:]}." for note in diagram.notes]
    if verdicts:
        numbered = "; ".join(f"{k} {one.point.label} ({one.verdict})" for k, one in enumerate(verdicts, 1))
        said.append(f"Observations: {numbered}.")
    if np.any(found.phase < 0):
        said.append("Blank: no phase converged.")
    caption = " ".join(said)
    return Figure(key, caption, (Chart(title, *axes, tuple(series), height=1.25),), f"{caption} {', '.join(names)}.")


def _colour(found: PhaseMap, entry: int, shades: np.ndarray) -> str:
    """One colour a phase, lighter from state to state."""
    state, phase = found.phases.entries[entry]
    number = found.phases.labels.index(phase)
    own = found.phases.models[number].state_names.index(state)
    return mixed(STATE_COLOURS[number % len(STATE_COLOURS)], "#ffffff", float(shades[min(own, shades.size - 1)]))
