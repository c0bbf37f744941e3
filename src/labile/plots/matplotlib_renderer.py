"""Publication figures: SVG and PDF of a journal column's width, the same bytes for the same content."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from labile.plots.charts import READABLE_CELLS
from labile.plots.figure import Axis, Bars, Box, Bracket, Chart, ChartError, Figure, Heat, Line, Map, Points, Regions
from labile.plots.palette import DIVERGING, GRID, INK

COLUMN_MM = 85.0
"""Width of one journal column."""
MM = 1 / 25.4
POINT_TEXT = 7.0
CHARACTER = 0.58
"""Mean width of a character of the font in units of its size."""
_MARKERS = {
    "circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "triangle-down": "v", "star": "*",
    "pentagon": "p", "hexagon": "h", "dash": "_",
}  # fmt: skip
_DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.6))}
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": POINT_TEXT,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": POINT_TEXT - 0.5,
    "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.0,
    "legend.columnspacing": 1.2,
    "text.color": INK,
    "savefig.facecolor": "white",
    # text as outlines in SVG and as embedded TrueType in PDF: looks the same without the fonts installed
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "svg.hashsalt": "labile",
}


def draw(figure: Figure, width_mm: float = COLUMN_MM) -> Any:
    """Draw a figure.

    Parameters
    ----------
    figure : labile.plots.figure.Figure
    width_mm : float
        Width, mm; the height follows from the content.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; the caller's matplotlib settings are neither used nor changed.

    Raises
    ------
    ChartError
        For a width below 40 mm, which holds no legible figure.
    """
    if not width_mm >= 40:
        raise ChartError(f"figure {figure.key!r}: a width of {width_mm:g} mm is too narrow; use at least 40 mm")
    with _style():
        return _draw(figure, width_mm)


def figure_bytes(figure: Figure, kind: str, width_mm: float = COLUMN_MM, dpi: float = 300.0) -> bytes:
    """File content of a figure, identical for identical content.

    Parameters
    ----------
    figure : labile.plots.figure.Figure
    kind : {"svg", "pdf", "png"}
    width_mm : float
    dpi : float
        For png.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from labile.plots.figure import Chart
    >>> line = Line("", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> figure_bytes(Figure("f", "A line.", (Chart("", Axis("T", "K"), Axis("x"), (line,)),)), "pdf")[:5]
    b'%PDF-'
    """
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "labile", "Title": figure.panels[0].title or figure.key},
        "pdf": {"CreationDate": None, "Creator": "labile", "Title": figure.panels[0].title or figure.key},
        "png": {"Software": "labile"},
    }
    if kind not in metadata:
        raise ChartError(f"figure {figure.key!r}: cannot write {kind!r}; choose svg, pdf or png")
    with _style():
        drawn = _draw(figure, width_mm)
        stream = io.BytesIO()
        drawn.savefig(stream, format=kind, metadata=metadata[kind], dpi=dpi)
    return stream.getvalue()


def save(
    figure: Figure, folder: Path | str, kinds: Sequence[str] = ("svg", "pdf"), width_mm: float = COLUMN_MM
) -> list[Path]:
    """Write ``<key>.<kind>`` for every kind into an existing folder.

    Returns
    -------
    list of Path
        What was written.
    """
    paths = []
    for kind in kinds:
        path = Path(folder) / f"{figure.key}.{kind}"
        path.write_bytes(figure_bytes(figure, kind, width_mm))
        paths.append(path)
    return paths


def _style() -> AbstractContextManager[None]:
    import matplotlib.style

    return matplotlib.style.context(["default", _STYLE])


def _draw(figure: Figure, width_mm: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [_height_mm(chart, width_mm) for chart in figure.panels]
    labels = [s.name for s in _named(figure.panels[0])]
    columns = _legend_columns(labels, width_mm)
    legend_mm = 3.6 * -(-len(labels) // columns) + 2.0 if labels else 0.0
    total = sum(heights) + legend_mm + 8.0
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, hspace=0.02)
    drawn = MatplotlibFigure(figsize=(width_mm * MM, total * MM), layout=layout)
    FigureCanvasAgg(drawn)
    shared = len(figure.panels) > 1
    grid = drawn.subplots(len(figure.panels), 1, sharex=shared, squeeze=False, height_ratios=heights)[:, 0]
    for axes, chart in zip(grid, figure.panels, strict=True):
        handles = _draw_chart(axes, chart, width_mm)
        if chart is not figure.panels[-1]:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel(_title(chart.x))
        if chart is figure.panels[0] and handles:
            texts = [textwrap.fill(_text(label), 44) for label in labels]
            drawn.legend(handles, texts, loc="outside upper left", ncols=columns)
    drawn.align_ylabels(grid)
    return drawn


def _height_mm(chart: Chart, width_mm: float) -> float:
    if chart.of_kind(Heat):
        longest = max(min(len(label), 40) for label in chart.x.categories)
        beside = longest * CHARACTER * (POINT_TEXT - 1) / 72 / MM
        return max(width_mm - beside - 14.0, 25.0) + beside
    if chart.y.categories:
        return 8.0 + 6.5 * len(chart.y.categories)
    return 0.66 * width_mm * chart.height


def _named(chart: Chart) -> list[Points | Line | Box | Bracket]:
    """Series with a legend entry, each name once."""
    found: dict[str, Points | Line | Box | Bracket] = {}
    for s in chart.series:
        if isinstance(s, (Points, Line, Box, Bracket)) and s.name:
            found.setdefault(s.name, s)
    return list(found.values())


def _legend_columns(labels: Sequence[str], width_mm: float) -> int:
    if not labels:
        return 1
    longest = max(min(len(label), 44) for label in labels)
    entry = longest * CHARACTER * (POINT_TEXT - 0.5) + 26.0
    return int(np.clip((width_mm * MM * 72 - 8.0) // entry, 1, len(labels)))


def _draw_chart(axes: Any, chart: Chart, width_mm: float) -> list[Any]:
    handles: dict[str, Any] = {}
    axes.set_ylabel(_title(chart.y))
    axes.margins(x=0.03, y=0.08)
    if not chart.y.categories:
        axes.tick_params(top=True, right=True)
    for order, series in enumerate(chart.series, start=2):
        handle = _draw_series(axes, series, order, chart)
        name = getattr(series, "name", "")
        if name and handle is not None:
            handles.setdefault(name, handle)
    _scale_axis(axes, chart, width_mm)
    return list(handles.values())


def _scale_axis(axes: Any, chart: Chart, width_mm: float) -> None:
    for which, axis in (("x", chart.x), ("y", chart.y)):
        if axis.categories:
            characters = 24 if which == "y" else 40
            labels = [_shorten(label, characters) for label in axis.categories]
            setter = axes.set_xticks if which == "x" else axes.set_yticks
            setter(range(len(labels)), [_text(label) for label in labels], fontsize=POINT_TEXT - 1)
            if which == "x":
                axes.tick_params(axis="x", rotation=90)
            axes.tick_params(axis=which, length=0)
            if not chart.of_kind(Heat):
                limits = axes.set_xlim if which == "x" else axes.set_ylim
                limits(-0.6, len(labels) - 0.4)
        elif axis.limits is not None:
            (axes.set_xlim if which == "x" else axes.set_ylim)(*axis.limits)
    if chart.y.categories and not (chart.of_kind(Heat) or chart.of_kind(Bars)):
        axes.grid(axis="y", color=GRID, linewidth=0.4)


def _draw_series(axes: Any, series: Any, order: int, chart: Chart) -> Any:
    if isinstance(series, Line):
        return _draw_line(axes, series, order)
    if isinstance(series, Points):
        return _draw_points(axes, series, order)
    if isinstance(series, Box):
        return _draw_box(axes, series)
    if isinstance(series, Bracket):
        level, rise, end = series.pieces()
        _draw_line(axes, level, order)
        _draw_line(axes, rise, order)
        return _draw_points(axes, end, order)
    if isinstance(series, Bars):
        return _draw_bars(axes, series)
    if isinstance(series, Map):
        return _draw_map(axes, series)
    if isinstance(series, Regions):
        return _draw_regions(axes, series)
    return _draw_heat(axes, series)


def _draw_line(axes: Any, line: Line, order: int) -> Any:
    for x, low, high in line.band():
        axes.fill_between(x, low, high, color=line.colour, alpha=0.22, linewidth=0, zorder=order - 0.5)
    (handle,) = axes.plot(
        line.x, line.y, color=line.colour, linestyle=_DASHES[line.dash], linewidth=1.1 * line.width, zorder=order
    )
    return handle


def _draw_points(axes: Any, points: Points, order: int) -> Any:
    many = len(points.x) > 60
    size = 2.2 if many else 3.6
    if points.marker == "dash":
        size = 6.0
    face = points.colour if points.filled else "white"
    limit = points.is_limit
    bars = {
        "xerr": points.x_error,
        "yerr": None if points.y_error is None else np.where(limit, 0.0, points.y_error),
    }
    handle = axes.errorbar(
        points.x, points.y, **bars, fmt=_MARKERS[points.marker], color=points.colour, markerfacecolor=face,
        markersize=size, markeredgewidth=0.6, elinewidth=0.6, capsize=0 if many else 1.6, capthick=0.6,
        alpha=0.75 if many else 1.0, zorder=order, clip_on=not points.labels,
    )  # fmt: skip
    if points.limits is not None:
        for x, y, sign in zip(points.x[limit], points.y[limit], np.asarray(points.limits)[limit], strict=True):
            arrow = {"arrowstyle": "<|-", "color": points.colour, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0,
                     "mutation_scale": 6}  # fmt: skip
            # the text (empty) sits at the head: the arrow runs from the value to it
            axes.annotate("", (x, y), (0, 13 * int(sign)), textcoords="offset points", arrowprops=arrow, zorder=order)
    for x, y, label in zip(points.x, points.y, points.labels, strict=False):
        # a light ground keeps the text legible on coloured areas and lines
        ground = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.6}
        note = axes.annotate(
            _text(label), (x, y), (3, 3), textcoords="offset points", fontsize=POINT_TEXT - 1, color=points.colour,
            bbox=ground, zorder=order + 0.5,
        )  # fmt: skip
        # a text beside a point at the edge must not push the axes aside
        note.set_in_layout(False)
    return handle


def _draw_box(axes: Any, box: Box) -> Any:
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import blended_transform_factory

    if box.x is not None and box.y is not None:
        patch = Rectangle((box.x[0], box.y[0]), box.x[1] - box.x[0], box.y[1] - box.y[0])
        axes.update_datalim([(box.x[0], box.y[0]), (box.x[1], box.y[1])])
        axes.autoscale_view()
    elif box.x is not None:
        transform = blended_transform_factory(axes.transData, axes.transAxes)
        patch = Rectangle((box.x[0], 0.0), box.x[1] - box.x[0], 1.0, transform=transform)
        axes.update_datalim([(box.x[0], 0.0), (box.x[1], 0.0)], updatey=False)
    elif box.y is not None:
        transform = blended_transform_factory(axes.transAxes, axes.transData)
        patch = Rectangle((0.0, box.y[0]), 1.0, box.y[1] - box.y[0], transform=transform)
        axes.update_datalim([(0.0, box.y[0]), (0.0, box.y[1])], updatex=False)
    else:
        raise ChartError(f"shaded range {box.name!r}: neither x nor y is bounded")
    patch.set(facecolor=box.colour, alpha=0.22, linewidth=0, zorder=1)
    axes.add_patch(patch)
    return patch


def _draw_bars(axes: Any, bars: Bars) -> None:
    rows = np.arange(len(bars.lengths))
    good = np.isfinite(bars.lengths)
    longest = float(np.max(bars.lengths[good], initial=0.0)) or 1.0
    colours = [colour for colour, keep in zip(bars.colours, good, strict=True) if keep]
    axes.barh(rows[good], bars.lengths[good], height=0.55, color=colours, zorder=2)
    axes.set_xlim(0.0, 2.1 * longest)
    axes.locator_params(axis="x", nbins=5)
    for row, length, text in zip(rows, bars.lengths, bars.texts, strict=True):
        start = length if np.isfinite(length) else 0.0
        axes.annotate(
            _text(text), (start, row), (3, 0), textcoords="offset points", va="center", fontsize=POINT_TEXT - 1
        )


def _draw_heat(axes: Any, heat: Heat) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("correlation", DIVERGING)
    image = axes.imshow(heat.values, cmap=colours, vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
    axes.set_ylim(-0.5, heat.values.shape[0] - 0.5)
    axes.figure.colorbar(image, ax=axes, shrink=0.7, aspect=24, pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1])
    count = len(heat.values)
    if count <= READABLE_CELLS:
        for (row, column), value in np.ndenumerate(heat.values):
            if np.isfinite(value):
                colour = "white" if abs(value) > 0.75 else INK
                text = _coefficient(value, 2 if count <= 6 else 1)
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=5.0)


def _draw_map(axes: Any, drawn: Map) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    (low, high), scale = drawn.scale
    image = axes.pcolormesh(
        drawn.x, drawn.y, np.ma.masked_invalid(drawn.values), cmap=LinearSegmentedColormap.from_list("map", scale),
        vmin=low, vmax=high, shading="nearest", rasterized=True, zorder=1.5,
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, aspect=24, pad=0.02)
    bar.set_label(_title(Axis(drawn.symbol, drawn.unit)))


def _draw_regions(axes: Any, drawn: Regions) -> None:
    from matplotlib.colors import ListedColormap

    axes.pcolormesh(
        drawn.x, drawn.y, np.ma.masked_less(drawn.index, 0), cmap=ListedColormap(list(drawn.colours)), vmin=-0.5,
        vmax=len(drawn.colours) - 0.5, shading="nearest", rasterized=True, zorder=1.5,
    )  # fmt: skip


def _coefficient(value: float, decimals: int) -> str:
    # adding zero turns -0.0 into 0.0
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def _shorten(label: str, characters: int) -> str:
    """Two lines at most; a parameter's name is broken after its first dot."""
    if len(label) > characters and " " not in label and "." in label:
        label = label.replace(".", ". ", 1)
    lines = textwrap.wrap(label, characters, break_long_words=False) or [""]
    return "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")


def _text(text: str) -> str:
    """Text as it is: a dollar sign must not start mathematics."""
    return text.replace("$", r"\$")


def _title(axis: Axis) -> str:
    return re.sub(r"_(\w+)", r"$_{\\mathrm{\1}}$", _text(axis.title))
