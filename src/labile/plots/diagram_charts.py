"""Charts of diagrams: regions of stable states, traced lines, experimental points, populations as surfaces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.units import from_si
from labile.diagrams.boundary_equations import Side, equivalent_states
from labile.diagrams.boundary_lines import BoundaryLine
from labile.diagrams.experimental_points import PointVerdict
from labile.diagrams.line_bands import LineBand
from labile.diagrams.phase_diagram import PhaseDiagram
from labile.diagrams.stability import StabilityMap
from labile.plots.figure import Axis, Chart, Figure, Line, Map, Points, Regions, Series, symbol_of
from labile.plots.palette import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, STATE_COLOURS, VERMILION, state_colours

MOST_AREAS = 12
"""Areas that get a legend entry each; rarer ones are drawn in grey."""
_VERDICTS = {
    "stable": ("seen, stable", INK, True),
    "metastable": ("seen, metastable", PURPLE, True),
    "kinetic": ("seen, no minimum", ORANGE, True),
    "impossible": ("seen, impossible", VERMILION, False),
    "not assigned": ("seen, not assigned", MUTED, False),
}


def diagram_figures(
    key: str,
    title: str,
    found: StabilityMap,
    units: tuple[tuple[str, str], tuple[str, str]],
    diagram: PhaseDiagram | None = None,
    verdicts: Sequence[PointVerdict] = (),
    bands: Sequence[LineBand] = (),
    origin: str = "",
) -> tuple[Figure, ...]:
    """The diagram, and the population of every state as a surface.

    Parameters
    ----------
    key : str
        File name without suffix; the second figure adds ``_populations``.
    title : str
    found : StabilityMap
    units : ((str, str), (str, str))
        Name and unit of the horizontal and of the vertical axis.
    diagram : PhaseDiagram or None
        Lines over temperature and pressure; None for other axes.
    verdicts : sequence of PointVerdict
    bands : sequence of LineBand
        Drawn where temperature is the vertical axis.
    origin : str
        Where the parameters come from, for the caption.

    Returns
    -------
    tuple of Figure

    Examples
    --------
    >>> from labile.diagrams.phase_diagram import phase_diagram
    >>> from labile.diagrams.stability import stability_map
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> axes = {"pressure": np.linspace(0.0, 1e9, 21), "temperature": np.linspace(200.0, 450.0, 26)}
    >>> lines = phase_diagram(slichter_drickamer(), values, (200.0, 450.0), (0.0, 1e9))
    >>> found = stability_map(slichter_drickamer(), values, axes)
    >>> names = ("pressure", "kbar"), ("temperature", "K")
    >>> [figure.key for figure in diagram_figures("t_p", "Two states", found, names, lines)]
    ['t_p', 't_p_populations']
    """
    (x_name, x_unit), (y_name, y_unit) = units
    x = np.asarray(from_si(found.axes[x_name], x_unit, _quantity(x_name)))
    y = np.asarray(from_si(found.axes[y_name], y_unit, _quantity(y_name)))
    axes = (
        Axis(symbol_of(_quantity(x_name)), x_unit, limits=(float(x[0]), float(x[-1]))),
        Axis(symbol_of(_quantity(y_name)), y_unit, limits=(float(y[0]), float(y[-1]))),
    )
    turned = next(iter(found.axes)) == x_name
    regions = _regions(found, x, y, turned)
    series: list[Series] = [regions, *regions.keys()]
    if diagram is not None:
        series += traced_lines(diagram.lines, bands, units)
        series += critical_points(diagram, units)
    series += experimental_points(verdicts, units)
    caption = _caption(found, diagram, verdicts, bands, origin)
    chart = Chart(title, *axes, tuple(series), height=1.25)
    alt = f"{caption} Areas: {', '.join(regions.names)}."
    surfaces = []
    populations = _ordered(found, _pairs(found))[:, :, 0]
    colours = state_colours(found.state_names)
    thin = (
        traced_lines([line for line in diagram.lines if line.stable], (), units, plain=True)
        if diagram is not None
        else []
    )
    for number, state in enumerate(found.state_names):
        values = populations[:, :, number]
        values = values.T if turned else values
        surface = Map(x, y, values, f"x({state})", limits=(0.0, 1.0), colour=colours[state])
        heading = f"{title}: populations" if number == 0 else ""
        surfaces.append(Chart(heading, *axes, (surface, *thin), height=0.8))
    what = f"Population of {', '.join(found.state_names)} in the most stable minimum, {origin}.".replace(", .", ".")
    return (
        Figure(key, caption, (chart,), alt),
        Figure(f"{key}_populations", what, tuple(surfaces), what),
    )


def _quantity(axis: str) -> str:
    """Quantity of a condition or of a parameter."""
    return axis.rpartition(".")[2]


def _pairs(found: StabilityMap) -> tuple[tuple[int, int], ...]:
    """Equivalent states, whose exchange makes images of one minimum."""
    conditions = found.plane.conditions(*(grid[[0, -1]] for grid in found.plane.grids))
    if set(found.axes) - {"temperature", "pressure"}:
        return ()
    side = Side(found.plane.model, found.plane.values)
    return equivalent_states(side, conditions.temperature, conditions.pressure)


def _ordered(found: StabilityMap, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Populations of all minima (Nu, Nv, S, n), of images only one: that with more of the second of two equivalents."""
    x = found.x.copy()
    for i, j in pairs:
        x[..., [i, j]] = np.sort(x[..., [i, j]], axis=-1)
    for later in range(1, x.shape[2]):
        for earlier in range(later):
            same = np.max(np.abs(x[:, :, later] - x[:, :, earlier]), axis=-1) < 1e-4
            x[:, :, later][same] = np.nan
    return x


def _named(names: Sequence[str], x: np.ndarray, pairs: Sequence[tuple[int, int]]) -> tuple[np.ndarray, list[str]]:
    """Number of what each minimum is (Nu, Nv, S), -1 for none, and the names; equivalent states count together."""
    pooled = x.copy()
    titles = list(names)
    for i, j in pairs:
        pooled[..., i] = x[..., i] + x[..., j]
        pooled[..., j] = -1.0
        titles[i] = f"{names[i]}/{names[j]}"
    there = np.isfinite(x[..., 0])
    kind = np.where(there, np.argmax(np.nan_to_num(pooled, nan=-1.0), axis=-1), -1)
    for i, j in pairs:
        broken = (kind == i) & (x[..., j] - x[..., i] > 0.02 * (x[..., i] + x[..., j]))
        titles.append(f"{names[i]}/{names[j]} ordered")
        kind[broken] = len(titles) - 1
    return kind, titles


def _regions(found: StabilityMap, x: np.ndarray, y: np.ndarray, turned: bool) -> Regions:
    """Areas by the stable minimum and the minima in which the crystal may stay besides."""
    pairs = _pairs(found)
    kind, names = _named(found.state_names, _ordered(found, pairs), pairs)
    other = np.stack([np.any(kind[:, :, 1:] == k, axis=2) for k in range(len(names))], axis=-1)
    stable = kind[:, :, 0]
    code = np.where(stable < 0, -1, stable * 2 ** len(names) + other @ (2 ** np.arange(len(names))))
    kinds, counts = np.unique(code[code >= 0], return_counts=True)
    kept = sorted(kinds[np.argsort(-counts, kind="stable")][:MOST_AREAS].tolist())
    base = [STATE_COLOURS[k % len(STATE_COLOURS)] for k in range(len(names))]
    titles, colours = [], []
    index = np.full(code.shape, -1)
    for number, one in enumerate(kept):
        own, bits = divmod(int(one), 2 ** len(names))
        besides = [k for k in range(len(names)) if bits >> k & 1]
        titles.append(names[own] + (f", {' and '.join(names[k] for k in besides)} metastable" if besides else ""))
        # stronger where the crystal may also be in another minimum, with a tinge of it
        colour = mixed(base[own], "#ffffff", 0.5 if besides else 0.28)
        for k in besides:
            colour = mixed(colour, base[k], 0.85)
        colours.append(colour)
        index[code == one] = number
    if len(kinds) > len(kept):
        titles.append("other combinations")
        colours.append("#e0e0e0")
        index[(index < 0) & (code >= 0)] = len(kept)
    return Regions(x, y, index.T if turned else index, tuple(titles), tuple(colours))


def mixed(first: str, second: str, part: float) -> str:
    """A colour between two: `part` of the first."""
    mixed = [round(part * int(first[i : i + 2], 16) + (1 - part) * int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _style(line: BoundaryLine) -> tuple[str, str, float, str]:
    """Name, colour, width and dash of a line."""
    if line.kind == "coexistence":
        return f"T½: {line.label}", INK, 1.6, "solid"
    if line.kind == "gradual":
        return "T½, gradual", INK, 1.2, "dash"
    if line.kind == "symmetry_breaking":
        return line.label, GREEN, 1.4 if line.stable else 1.0, "solid" if line.stable else "dot"
    return line.label, VERMILION if line.ends_on == "heating" else BLUE, 1.1, "solid"


def traced_lines(
    lines: Sequence[BoundaryLine],
    bands: Sequence[LineBand],
    units: tuple[tuple[str, str], tuple[str, str]],
    plain: bool = False,
) -> list[Line]:
    """Boundary lines with their bands; `plain`: thin and without names."""
    drawn = []
    by_line = {id(band.line): band for band in bands}
    for line in lines:
        name, colour, width, dash = _style(line)
        x, y = _placed(line.temperature, line.pressure, units)
        sigma = None
        band = by_line.get(id(line))
        if band is not None and units[1][0] == "temperature":
            position = np.arange(len(line.temperature), dtype=float)
            assert line.curve is not None
            chosen = np.linspace(0, len(line.curve.z) - 1, band.pressure.size)
            sigma = np.interp(position, chosen, 0.5 * (band.high - band.low))
        if plain:
            drawn.append(Line("", x, y, None, INK, dash, 0.6 * width))
        else:
            drawn.append(Line(name, x, y, sigma, colour, dash, width))
    return drawn


def _placed(
    temperature: np.ndarray, pressure: np.ndarray, units: tuple[tuple[str, str], tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray]:
    at = {"temperature": temperature, "pressure": pressure}
    x, y = (np.asarray(from_si(at[name], unit, name)) for name, unit in units)
    return x, y


def critical_points(diagram: PhaseDiagram, units: tuple[tuple[str, str], tuple[str, str]]) -> list[Points]:
    """Critical, tricritical and triple points of a diagram."""
    drawn = []
    markers = {"critical point": "circle", "tricritical point": "diamond", "triple point": "triangle-up"}
    for kind in dict.fromkeys(point.kind for point in diagram.points):
        chosen = [point for point in diagram.points if point.kind == kind]
        t, p = np.array([q.temperature for q in chosen]), np.array([q.pressure for q in chosen])
        x, y = _placed(t, p, units)
        texts = tuple(f"{kind}: {q.temperature:.5g} K, {q.pressure / 1e8:.4g} kbar" for q in chosen)
        filled = kind != "limit of metastability"
        drawn.append(Points(kind, x, y, texts=texts, marker=markers.get(kind, "square"), filled=filled))
    return drawn


def experimental_points(
    verdicts: Sequence[PointVerdict], units: tuple[tuple[str, str], tuple[str, str]]
) -> list[Points]:
    """Observations by verdict, with stars where light was used."""
    drawn = []
    for verdict, (meaning, colour, filled) in _VERDICTS.items():
        for light in (False, True):
            chosen = [one for one in verdicts if one.verdict == verdict and one.point.light == light]
            if not chosen:
                continue
            t, p = np.array([q.point.temperature for q in chosen]), np.array([q.point.pressure for q in chosen])
            x, y = _placed(t, p, units)
            name = meaning + (", light" if light else "")
            texts = tuple(f"{q.point.label}: {q.text}" for q in chosen)
            labels = tuple(str(verdicts.index(q) + 1) for q in chosen)
            marker = "star" if light else "square"
            drawn.append(Points(name, x, y, texts=texts, colour=colour, marker=marker, filled=filled, labels=labels))
    return drawn


def _caption(
    found: StabilityMap,
    diagram: PhaseDiagram | None,
    verdicts: Sequence[PointVerdict],
    bands: Sequence[LineBand],
    origin: str,
) -> str:
    parts = [
        f"Areas are coloured by the most populated state of the most stable minimum{f', {origin}' if origin else ''};"
        " where another minimum is named, the crystal may stay in it."
    ]
    if diagram is not None:
        if diagram.lines:
            parts.append("Lines are traced by continuation, not read off the areas.")
        parts += [f"{note[:1].upper()}{note[1:]}." for note in diagram.notes]
    if bands:
        parts.append("Bands hold 68 % of the lines of the parameter samples.")
    if verdicts:
        numbered = "; ".join(f"{k} {one.point.label} ({one.verdict})" for k, one in enumerate(verdicts, 1))
        parts.append(f"Observations: {numbered}.")
    if np.any(found.count == 0):
        parts.append("Blank: no minimum converged.")
    return " ".join(parts)
