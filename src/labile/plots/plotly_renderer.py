"""Interactive figures: every point tells its value and unit when it is pointed at."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import numpy as np

from labile.core.units import pretty_unit
from labile.plots.charts import READABLE_CELLS
from labile.plots.figure import Axis, Bars, Box, Bracket, Chart, ChartError, Figure, Heat, Line, Map, Points, Regions
from labile.plots.palette import DIVERGING, GRID, INK, MUTED

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_PIXELS = 400
"""Height of a chart of relative height 1."""
CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}
"""Of `Plotly.newPlot`; no button leads to another machine."""


def draw(figure: Figure) -> Any:
    """Draw a figure for a notebook.

    Parameters
    ----------
    figure : labile.plots.figure.Figure

    Returns
    -------
    plotly.graph_objects.Figure

    Examples
    --------
    >>> line = Line("model", np.array([1.0, 2.0]), np.array([0.1, np.nan]))
    >>> drawn = draw(Figure("f", "A line.", (Chart("Title", Axis("T", "K"), Axis("x"), (line,)),)))
    >>> drawn.data[0].y
    (0.1, None)
    """
    import plotly.graph_objects

    content = figure_dict(figure)
    title = figure.panels[0].title
    if title:
        content["layout"]["title"] = {"text": _text(title), "font": {"size": 16}, "yref": "container", "y": 0.97}
        content["layout"]["margin"]["t"] += 40
        content["layout"]["height"] += 40
    return plotly.graph_objects.Figure(content)


def figure_json(figure: Figure) -> str:
    """`figure_dict` as JSON that may stand inside an HTML script element."""
    text = json.dumps(figure_dict(figure), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def figure_dict(figure: Figure) -> dict[str, Any]:
    """Traces and layout as plain lists and numbers; what does not exist is None, never NaN.

    Parameters
    ----------
    figure : labile.plots.figure.Figure

    Returns
    -------
    dict
        With ``data`` and ``layout`` of the plotly.js schema.
    """
    traces: list[dict[str, Any]] = []
    pixels = sum(_pixels(chart) for chart in figure.panels)
    named = any(getattr(s, "name", "") for s in figure.panels[0].series)
    layout: dict[str, Any] = {
        "height": pixels + 90 + (30 if named else 0),
        "margin": {"l": 70, "r": 48, "t": 46 if named else 20, "b": 60},
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": INK},
        "font": {"family": _FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"family": _FONT, "size": 13}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"},
        "showlegend": named,
        "shapes": [],
        "annotations": [],
    }
    heights = [_pixels(chart) / pixels for chart in figure.panels]
    gap = 0.03 if len(figure.panels) > 1 else 0.0
    top = 1.0
    last = len(figure.panels)
    for number, (chart, height) in enumerate(zip(figure.panels, heights, strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        bottom = 0.0 if number == last else top - height + gap / 2
        layout[f"yaxis{suffix}"] = _axis(chart.y) | {"domain": [max(bottom, 0.0), top], "anchor": f"x{suffix}"}
        x_axis = _axis(chart.x) | {"anchor": f"y{suffix}"}
        if number < last:
            x_axis |= {"title": {"text": ""}, "showticklabels": False}
        if number > 1:
            x_axis["matches"] = "x"
        if chart.x.categories:
            x_axis |= {"tickangle": -40, "ticklabeloverflow": "allow"}
        layout[f"xaxis{suffix}"] = x_axis
        top = bottom - gap
        seen: set[str] = set()
        for series in chart.series:
            _add(traces, layout, series, chart, suffix, seen)
    return {"data": traces, "layout": layout}


def _pixels(chart: Chart) -> float:
    if chart.of_kind(Heat):
        return 140.0 + 34.0 * len(chart.y.categories)
    if chart.y.categories:
        return 40.0 + 32.0 * len(chart.y.categories)
    return _PIXELS * chart.height


def _axis(axis: Axis) -> dict[str, Any]:
    content: dict[str, Any] = {
        "title": {"text": _title(axis)},
        "automargin": True,
        "zeroline": False,
        "showline": True,
        "linecolor": INK,
        "gridcolor": GRID,
        "ticks": "outside",
        "tickcolor": INK,
        "mirror": True,
    }
    if axis.categories:
        content |= {
            "tickmode": "array",
            "tickvals": list(range(len(axis.categories))),
            "ticktext": [_text(label) for label in axis.categories],
            "range": [-0.6, len(axis.categories) - 0.4],
            "ticks": "",
        }
    elif axis.limits is not None:
        content["range"] = list(axis.limits)
    return content


def _add(traces: list[Any], layout: dict[str, Any], series: Any, chart: Chart, suffix: str, seen: set[str]) -> None:
    place = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    name = getattr(series, "name", "")
    legend = {"name": _text(name), "legendgroup": _text(name) or None, "showlegend": bool(name) and name not in seen}
    seen.add(name)
    if isinstance(series, Line):
        traces += [trace | place for trace in _line(series, chart, legend)]
    elif isinstance(series, Points):
        traces.append(_points(series, chart, legend) | place)
        layout["annotations"] += _arrows(series, suffix)
    elif isinstance(series, Bracket):
        level, rise, end = series.pieces()
        for piece in (level, rise):
            traces += [trace | place for trace in _line(piece, chart, legend | {"showlegend": False})]
        traces.append(_points(end, chart, legend) | place)
        layout["annotations"] += _arrows(end, suffix)
    elif isinstance(series, Box):
        layout["shapes"].append(_shape(series, suffix))
        if legend["showlegend"]:
            traces.append(_box_key(series, legend) | place)
        if series.text and series.x is not None and series.y is not None:
            traces.append(_box_text(series, legend) | place)
    elif isinstance(series, Bars):
        traces.append(_bars(series) | place)
        # room for the text beside the longest bar
        longest = float(np.nanmax(series.lengths, initial=0.0)) or 1.0
        layout[f"xaxis{suffix}"]["range"] = [0.0, 1.45 * longest]
    elif isinstance(series, Map):
        low, high = layout[f"yaxis{suffix}"]["domain"]
        trace = _map(series) | place
        trace["colorbar"] |= {"y": 0.5 * (low + high), "len": 0.9 * (high - low)}
        traces.append(trace)
    elif isinstance(series, Regions):
        traces.append(_regions(series) | place)
    else:
        traces.append(_heat(series, chart) | place)


def _line(line: Line, chart: Chart, legend: dict[str, Any]) -> list[dict[str, Any]]:
    group = {"legendgroup": legend["legendgroup"], "showlegend": False, "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": _numbers(np.concatenate([x, x[::-1]])),
            "y": _numbers(np.concatenate([high, low[::-1]])),
            "fill": "toself",
            "fillcolor": _translucent(line.colour, 0.2),
            "line": {"width": 0},
        }
        | group
        for x, low, high in line.band()
    ]
    x_unit, y_unit = pretty_unit(chart.x.unit), pretty_unit(chart.y.unit)
    hover = f"{_symbol(chart.x)} = %{{x:.5~g}} {x_unit}<br>{_symbol(chart.y)} = %{{y:.4~g}}"
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": _numbers(line.x),
        "y": _numbers(line.y),
        "connectgaps": False,
        "line": {"color": line.colour, "width": 2 * line.width, "dash": line.dash},
    } | legend
    if line.sigma is not None:
        trace["customdata"] = _numbers(np.where(np.isfinite(line.y), line.sigma, np.nan))
        hover += " ± %{customdata:.2~g}"
    if legend["name"]:
        trace["hovertemplate"] = f"{hover} {y_unit}<extra>{legend['name']}</extra>"
    else:
        trace["hoverinfo"] = "skip"
    return [*traces, trace]


def _points(points: Points, chart: Chart, legend: dict[str, Any]) -> dict[str, Any]:
    many = len(points.x) > 60
    symbol = "line-ew" if points.marker == "dash" else points.marker
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers+text" if points.labels else "markers",
        "x": _numbers(points.x),
        "y": _numbers(points.y),
        "marker": {
            "symbol": symbol if points.filled else f"{symbol}-open",
            "color": points.colour,
            "size": 5 if many else 9,
            "opacity": 0.7 if many else 1.0,
            "line": {"color": points.colour, "width": 1.5 if not points.filled or points.marker == "dash" else 0},
        },
    } | legend
    if points.texts:
        trace["text"] = [_text(text) for text in points.texts]
        trace["hovertemplate"] = "%{text}<extra></extra>"
    if points.labels:
        trace["text"] = [_text(label) for label in points.labels]
        trace |= {"textposition": "top right", "textfont": {"size": 11, "color": points.colour}, "cliponaxis": False}
        if points.texts:
            trace["customdata"] = [_text(text) for text in points.texts]
            trace["hovertemplate"] = "%{customdata}<extra></extra>"
    limit = points.is_limit
    for which, error in (("error_x", points.x_error), ("error_y", points.y_error)):
        if error is not None:
            array = np.where(limit, 0.0, error)
            trace[which] = {"type": "data", "array": _numbers(array), "thickness": 1, "width": 0 if many else 4}
    return trace


def _arrows(points: Points, suffix: str) -> list[dict[str, Any]]:
    if points.limits is None:
        return []
    return [
        {
            "x": float(x), "y": float(y), "xref": f"x{suffix}", "yref": f"y{suffix}", "ax": 0, "ay": -28 * int(sign),
            "text": "", "showarrow": True, "arrowside": "start", "startarrowhead": 2, "arrowwidth": 1.5,
            "arrowcolor": points.colour,
        }
        for x, y, sign in zip(points.x, points.y, np.asarray(points.limits), strict=True)
        if sign
    ]  # fmt: skip


def _shape(box: Box, suffix: str) -> dict[str, Any]:
    if box.x is None and box.y is None:
        raise ChartError(f"shaded range {box.name!r}: neither x nor y is bounded")
    x_low, x_high = box.x or (0.0, 1.0)
    y_low, y_high = box.y or (0.0, 1.0)
    return {
        "type": "rect",
        "xref": f"x{suffix}" if box.x else f"x{suffix} domain",
        "yref": f"y{suffix}" if box.y else f"y{suffix} domain",
        "x0": x_low,
        "x1": x_high,
        "y0": y_low,
        "y1": y_high,
        "fillcolor": _translucent(box.colour, 0.2),
        "line": {"width": 0},
        "layer": "below",
    }


def _box_key(box: Box, legend: dict[str, Any]) -> dict[str, Any]:
    """Legend entry of a shaded range; a shape has none."""
    marker = {"symbol": "square", "size": 12, "color": _translucent(box.colour, 0.3)}
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "marker": marker} | legend


def _box_text(box: Box, legend: dict[str, Any]) -> dict[str, Any]:
    """Invisible point in the middle of a shaded range that tells its text; a shape cannot."""
    assert box.x is not None
    assert box.y is not None
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [0.5 * (box.x[0] + box.x[1])],
        "y": [0.5 * (box.y[0] + box.y[1])],
        "marker": {"size": 24, "opacity": 0},
        "text": [_text(box.text)],
        "hovertemplate": "%{text}<extra></extra>",
    } | (legend | {"showlegend": False})


def _bars(bars: Bars) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "x": [0.0 if v is None else v for v in _numbers(bars.lengths)],
        "y": list(range(len(bars.lengths))),
        "width": 0.55,
        "marker": {"color": list(bars.colours)},
        "text": [_text(text) for text in bars.texts],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "text",
        "showlegend": False,
    }


def _heat(heat: Heat, chart: Chart) -> dict[str, Any]:
    steps = np.linspace(0.0, 1.0, len(DIVERGING))
    rows = [_numbers(row) for row in heat.values]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": rows,
        "x": list(range(len(chart.x.categories))),
        "y": list(range(len(chart.y.categories))),
        "zmin": -1,
        "zmax": 1,
        "colorscale": [[float(s), colour] for s, colour in zip(steps, DIVERGING, strict=True)],
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "text": [[f"{_text(y)}, {_text(x)}" for x in chart.x.categories] for y in chart.y.categories],
        "hovertemplate": "%{text}: %{z:.3f}<extra></extra>",
        "colorbar": {"outlinewidth": 0, "thickness": 12, "len": 0.8, "y": 0.4, "tickvals": [-1, -0.5, 0, 0.5, 1]},
    }
    if len(rows) <= READABLE_CELLS:
        trace["texttemplate"] = "%{z:.2f}"
    return trace


def _map(drawn: Map) -> dict[str, Any]:
    (low, high), scale = drawn.scale
    steps = np.linspace(0.0, 1.0, len(scale))
    return {
        "type": "heatmap",
        "z": [_numbers(row) for row in drawn.values],
        "x": _numbers(drawn.x),
        "y": _numbers(drawn.y),
        "zmin": low,
        "zmax": high,
        "colorscale": [[float(s), colour] for s, colour in zip(steps, scale, strict=True)],
        "hoverongaps": False,
        "hovertemplate": "%{x:.4g}, %{y:.4g}: %{z:.3g}<extra></extra>",
        "colorbar": {
            "outlinewidth": 0,
            "thickness": 12,
            "title": {"text": _title(Axis(drawn.symbol, drawn.unit)), "side": "right"},
        },
    }


def _regions(drawn: Regions) -> dict[str, Any]:
    count = len(drawn.colours)
    scale = [[edge / count, colour] for k, colour in enumerate(drawn.colours) for edge in (k, k + 1)]
    index = np.where(drawn.index < 0, np.nan, drawn.index)
    return {
        "type": "heatmap",
        "z": [_numbers(row) for row in index],
        "x": _numbers(drawn.x),
        "y": _numbers(drawn.y),
        "zmin": -0.5,
        "zmax": count - 0.5,
        "colorscale": scale,
        "showscale": False,
        "hoverongaps": False,
        "text": [[_text(drawn.names[int(v)]) if v >= 0 else "" for v in row] for row in drawn.index],
        "hovertemplate": "%{x:.4g}, %{y:.4g}: %{text}<extra></extra>",
    }


def _numbers(values: Any) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def _translucent(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _text(text: str) -> str:
    """Text as it is: plotly reads some HTML tags and entities."""
    return html.escape(text, quote=False)


def _symbol(axis: Axis) -> str:
    return re.sub(r"_(\w+)", r"<sub>\1</sub>", _text(axis.symbol))


def _title(axis: Axis) -> str:
    return re.sub(r"_(\w+)", r"<sub>\1</sub>", _text(axis.title))
