"""What each figure of a study shows, decided without any backend.

Heating and cooling are separate lines, a line is never drawn across a jump, and a point where the solver did not
converge leaves a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import from_si, scale_to_si
from labile.models.populations import Status
from labile.plots.figure import (
    Axis,
    Bars,
    Box,
    Chart,
    ChartError,
    Figure,
    Heat,
    Line,
    Points,
    Series,
    name_of,
    symbol_of,
)
from labile.plots.palette import (
    BRANCH_COLOURS,
    BRANCH_DASHES,
    GREEN,
    MUTED,
    STATE_COLOURS,
    series_colour,
    state_colours,
    technique_marker,
)
from labile.plots.stated import StatedPoint, stated_series

if TYPE_CHECKING:
    from labile.inference.comparison import ComparisonRow
    from labile.inference.joint_fit import Curve, Evaluation

STRIP_POINTS = 8
"""Fewest measured points for which a strip of residuals is drawn below the data."""
READABLE_CELLS = 12
"""Largest correlation matrix whose numbers are written into its cells."""


def measurement_chart(measurements: Sequence[Measurement], title: str = "", technique: str = "") -> Chart:
    """Measurements of one quantity against what was varied.

    Parameters
    ----------
    measurements : sequence of Measurement
        Of one quantity, without a spectral axis.
    title : str
    technique : str
        Chooses the marker.

    Returns
    -------
    Chart

    Raises
    ------
    ChartError
        For no measurements, several quantities, or spectra.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> m = Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]), sigma=[0.02, 0.03])
    >>> chart = measurement_chart([m])
    >>> chart.y.title, chart.series[0].y.round(3).tolist()
    ('χT / cm³ K mol⁻¹', [0.15, 3.0])
    """
    if not measurements:
        raise ChartError("measurement chart: there are no measurements")
    quantities = sorted({m.quantity for m in measurements})
    if len(quantities) > 1:
        raise ChartError(f"measurement chart: one quantity at a time, found {', '.join(quantities)}")
    spectra = [m.label for m in measurements if m.axis is not None]
    if spectra:
        raise ChartError(f"measurement chart: {', '.join(spectra)} has a spectral axis; reduce it first")
    unit = measurements[0].unit
    abscissa = varied(measurements)
    return Chart(
        title or symbol_of(quantities[0]),
        Axis.of(abscissa, "K" if abscissa == "temperature" else ""),
        Axis.of(quantities[0], unit),
        tuple(_measured(measurements, unit, abscissa, technique)),
    )


def measurement_figures(
    measurements: Sequence[Measurement],
    techniques: Mapping[str, str] | None = None,
    evaluations: Sequence[Evaluation] = (),
) -> tuple[Figure, ...]:
    """One figure for each quantity (and each varied condition) among the measurements.

    Parameters
    ----------
    measurements : sequence of Measurement
        Those with a spectral axis are left out.
    techniques : mapping of str to str
        Label to technique.
    evaluations : sequence of Evaluation
        Of measurements that were fitted: a line joins the model's values at their points.

    Returns
    -------
    tuple of Figure
    """
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for m in measurements:
        if m.axis is None:
            groups.setdefault((m.quantity, varied([m])), []).append(m)
    figures = []
    for (quantity, abscissa), group in groups.items():
        technique = (techniques or {}).get(group[0].label, "")
        versus = "" if abscissa == "temperature" else f"_{abscissa}"
        title = f"{name_of(quantity)} of {', '.join(dict.fromkeys(m.sample for m in group))}"
        chart = measurement_chart(group, title, technique)
        chart = replace(chart, series=(*_joined_predictions(group, evaluations, abscissa), *chart.series))
        caption = f"{title} against {abscissa.replace('_', ' ')}. {_error_bars(group)}"
        figures.append(Figure(_slug(f"{quantity}{versus}"), caption, (chart,), f"{caption} {_ranges(group)}"))
    return tuple(figures)


def _joined_predictions(group: Sequence[Measurement], evaluations: Sequence[Evaluation], abscissa: str) -> list[Line]:
    lines = []
    for index, m in enumerate(group):
        for one in evaluations:
            if one.label == m.label:
                x = np.asarray(from_si(getattr(m.conditions, abscissa), Axis.of(abscissa).unit, abscissa))
                order = np.argsort(x, kind="stable")
                name = "model" if len(group) == 1 else f"model ({m.label})"
                y = np.asarray(from_si(one.predicted, group[0].unit, m.quantity))
                lines.append(Line(name, x[order], y[order], None, STATE_COLOURS[index % len(STATE_COLOURS)]))
    return lines


def data_chart(
    title: str,
    quantity: str,
    unit: str,
    measurements: Sequence[Measurement] = (),
    statements: Sequence[StatedPoint] = (),
    curves: Sequence[Curve] = (),
    technique: str = "",
    jumps: Mapping[str, float] | None = None,
) -> Chart:
    """Data, statements and model curves of one quantity against temperature.

    Parameters
    ----------
    title : str
    quantity, unit : str
        Of the y axis; statements about temperatures are drawn along x.
    measurements : sequence of Measurement
    statements : sequence of StatedPoint
        SI.
    curves : sequence of Curve
        SI, with 1-sigma band.
    technique : str
    jumps : mapping of str to float, optional
        Branch to the temperature (K) at which the model jumps on it.

    Returns
    -------
    Chart
    """
    lines = _curve_lines(curves, quantity, unit, jumps or {})
    stated = list(stated_series(statements, quantity, unit, lines, technique))
    boxes = [s for s in stated if isinstance(s, Box)]
    marks = [s for s in stated if not isinstance(s, Box)]
    data = list(_measured(measurements, unit, "temperature", technique))
    return Chart(title, Axis("T", "K"), Axis.of(quantity, unit), (*boxes, *data, *lines, *marks))


def objective_figure(
    key: str,
    title: str,
    quantity: str,
    unit: str,
    *,
    measurements: Sequence[Measurement] = (),
    statements: Sequence[StatedPoint] = (),
    curves: Sequence[Curve] = (),
    evaluations: Sequence[Evaluation] = (),
    technique: str = "",
    jumps: Mapping[str, float] | None = None,
) -> Figure:
    """`data_chart`, with a strip of weighted residuals below where there are enough measured points.

    Parameters
    ----------
    key : str
        File name of the figure.
    title, quantity, unit, measurements, statements, curves, technique, jumps
        See `data_chart`.
    evaluations : sequence of Evaluation
        Of the whole fit; those of these measurements are used.

    Returns
    -------
    Figure
    """
    chart = data_chart(title, quantity, unit, measurements, statements, curves, technique, jumps)
    labels = {m.label for m in measurements}
    fitted = [e for e in evaluations if e.label in labels and e.n >= STRIP_POINTS]
    panels = (chart, _residual_strip(fitted, measurements, technique)) if fitted else (chart,)
    sentences = [f"{title} against temperature."]
    if measurements:
        sentences.append(_error_bars(measurements))
    if statements:
        sentences.append("Black marks are statements of the literature with their uncertainty; arrows mark limits.")
    if curves:
        sentences.append("Lines are the fitted model, shaded is its 1σ band.")
        if _has_gap(chart):
            sentences.append("A line is interrupted where the crystal jumps or the solver did not converge.")
    if fitted:
        sentences.append("Below: residuals in units of σ, ±2σ shaded.")
    caption = " ".join(sentences)
    return Figure(_slug(key), caption, panels, f"{caption} {_ranges(measurements)}".strip())


def population_figure(
    populations: Mapping[str, Mapping[str, Curve]],
    states: Sequence[str],
    statements: Sequence[StatedPoint] = (),
    jumps: Mapping[str, float] | None = None,
) -> Figure:
    """Populations of all states against temperature.

    Parameters
    ----------
    populations : mapping of str to mapping of str to Curve
        Branch to state to curve.
    states : sequence of str
        In declared order, which fixes their colours.
    statements : sequence of StatedPoint
        About transition temperatures and widths.
    jumps : mapping of str to float, optional
        Branch to the temperature (K) at which the model jumps on it.

    Returns
    -------
    Figure
    """
    chart = population_chart(populations, states, statements, jumps)
    several = len(populations) > 1
    caption = "Populations of the electronic states in the fitted model, with their 1σ bands (cut at 0 and 1)." + (
        " Heating: full lines; cooling: dashed." if several else ""
    )
    if statements:
        caption += " Shaded: stated transition temperatures, one standard uncertainty to either side."
    ends = []
    for state in states:
        for branch, curves in populations.items():
            good = np.flatnonzero(np.isfinite(curves[state].values))
            if good.size:
                t, x = curves[state].temperature, curves[state].values
                low, high = good[np.argmin(t[good])], good[np.argmax(t[good])]
                ends.append(f"{state} ({branch}): {x[low]:.2f} at {t[low]:.0f} K, {x[high]:.2f} at {t[high]:.0f} K")
    return Figure("populations", caption, (chart,), f"{caption} {'; '.join(ends)}.")


def population_chart(
    populations: Mapping[str, Mapping[str, Curve]],
    states: Sequence[str],
    statements: Sequence[StatedPoint] = (),
    jumps: Mapping[str, float] | None = None,
) -> Chart:
    """Chart of `population_figure`."""
    colours = state_colours(states)
    lines: list[Series] = list(stated_series(statements, "population", "1", (), ""))
    for branch, curves in populations.items():
        for state in states:
            name = f"{state}, {branch}" if len(populations) > 1 else state
            line = _line(curves[state], "population", "1", name, colours[state], jumps or {})
            lines.append(replace(line, floor=0.0, ceiling=1.0))
    return Chart("Populations of the states", Axis("T", "K"), Axis("population", limits=(-0.03, 1.03)), tuple(lines))


def residual_chart(evaluations: Sequence[Evaluation]) -> Chart:
    """Weighted residuals of every objective, one row each.

    Parameters
    ----------
    evaluations : sequence of Evaluation

    Returns
    -------
    Chart
    """
    rows = list(evaluations)[::-1]
    series: list[Series] = [Box(x=(-2.0, 2.0), name="±1σ and ±2σ"), Box(x=(-1.0, 1.0))]
    techniques = list(dict.fromkeys(e.technique for e in evaluations))
    for index, technique in enumerate(techniques):
        own = [(row, e) for row, e in enumerate(rows) if e.technique == technique]
        x = np.concatenate([e.residuals for _, e in own])
        y = np.concatenate([np.full(e.residuals.size, float(row)) for row, e in own])
        texts = tuple(text for _, e in own for text in _residual_texts(e))
        colour, marker = STATE_COLOURS[index % len(STATE_COLOURS)], technique_marker(technique)
        series.append(Points(technique or "data", x, y, texts=texts, colour=colour, marker=marker))
    largest = max((float(np.max(np.abs(e.residuals))) for e in evaluations if e.n), default=0.0)
    reach = 1.1 * max(2.3, largest)
    labels = tuple(e.label if e.total is None else f"{e.label}, χ² of spectra" for e in rows)
    return Chart(
        "Weighted residuals",
        Axis("(observed − predicted)/σ", limits=(-reach, reach)),
        Axis("", categories=labels),
        tuple(series),
    )


def residual_figure(evaluations: Sequence[Evaluation]) -> Figure:
    """`residual_chart` with its caption."""
    caption = (
        "Weighted residuals of every measurement and statement: how many standard deviations the model is off."
        " About two thirds of the points should lie in the inner band. The residual of a limit is"
        " √(−2 ln Φ), never negative, and near zero where the limit is kept."
    )
    if any(e.total is not None for e in evaluations):
        caption += (
            " In rows of spectra each point is one spectrum: how many standard deviations its χ² lies above what its"
            " number of points lets expect."
        )
    worst = sorted(evaluations, key=lambda e: -float(np.max(np.abs(e.residuals), initial=0.0)))[:3]
    alt = "; ".join(f"{e.label}: largest {np.max(np.abs(e.residuals), initial=0.0):.1f}" for e in worst)
    return Figure("residuals", caption, (residual_chart(evaluations),), f"{caption} Largest: {alt}.")


def correlation_chart(names: Sequence[str], correlation: np.ndarray) -> Chart:
    """Heat map of a correlation matrix.

    Parameters
    ----------
    names : sequence of str
        F free parameters.
    correlation : ndarray (F, F)
        NaN where a variance is infinite.

    Returns
    -------
    Chart
    """
    if np.shape(correlation) != (len(names), len(names)):
        raise ChartError(f"correlation chart: {len(names)} names for a matrix of shape {np.shape(correlation)}")
    axis = Axis("", categories=tuple(names))
    reversed_axis = Axis("", categories=tuple(names)[::-1])
    return Chart("Correlation of the parameters", axis, reversed_axis, (Heat(np.asarray(correlation)[::-1]),))


def correlation_figure(names: Sequence[str], correlation: np.ndarray) -> Figure:
    """`correlation_chart` with its caption, which names the strongest pair."""
    caption = "Correlation coefficients of the free parameters; blank where the data leave a parameter open."
    alt = caption
    upper = np.abs(np.triu(np.asarray(correlation, dtype=float), 1))
    if np.isfinite(upper).any() and np.nanmax(upper) > 0:
        i, j = divmod(int(np.nanargmax(upper)), len(names))
        alt += f" Strongest: {names[i]} with {names[j]}, {correlation[i, j]:.3f}."
    return Figure("correlations", caption, (correlation_chart(names, correlation),), alt)


def comparison_chart(rows: Sequence[ComparisonRow]) -> Chart:
    """Differences of BIC between the compared models, smallest (best) first.

    Parameters
    ----------
    rows : sequence of ComparisonRow

    Returns
    -------
    Chart
    """
    ranked = sorted(rows, key=lambda r: (not r.converged, r.delta_bic))[::-1]
    lengths = np.array([r.delta_bic if r.converged else np.nan for r in ranked])
    texts = tuple(
        f"{_short(r.delta_bic)} (χ² {_short(r.chi2)}, k {r.k})" if r.converged else "did not converge" for r in ranked
    )
    colours = tuple(GREEN if r.converged and r.delta_bic == 0 else MUTED for r in ranked)
    bars = Bars(lengths, texts, colours)
    return Chart("Comparison of models", Axis("ΔBIC"), Axis("", categories=tuple(r.name for r in ranked)), (bars,))


def comparison_figure(rows: Sequence[ComparisonRow]) -> Figure:
    """`comparison_chart` with its caption."""
    caption = (
        "Bayesian information criterion of each model above the best one, on the same data."
        " A difference above 10 speaks strongly against a model, one below 2 hardly."
    )
    alt = "; ".join(f"{r.name}: {r.delta_bic:.1f}" if r.converged else f"{r.name}: did not converge" for r in rows)
    return Figure("comparison", caption, (comparison_chart(rows),), f"{caption} {alt}.")


def varied(measurements: Sequence[Measurement]) -> str:
    """Return what was varied: temperature, unless it stood still while field, pressure or time moved.

    Parameters
    ----------
    measurements : sequence of Measurement

    Returns
    -------
    {"temperature", "magnetic_field", "pressure", "time"}
    """
    for m in measurements:
        if np.ptp(m.temperature) > 0.01 * float(np.mean(m.temperature)):
            return "temperature"
    for name in ("magnetic_field", "pressure", "time"):
        if any(c is not None and np.ptp(c) > 0 for m in measurements for c in [getattr(m.conditions, name)]):
            return name
    return "temperature"


def break_jumps(x: np.ndarray, *columns: np.ndarray, known: float | None = None) -> tuple[np.ndarray, ...]:
    """Insert a gap at a known jump, and wherever the first column jumps between neighbouring points.

    A step is a jump when it is more than 5 % of the range and more than four times each neighbouring step:
    a transition that the grid does not resolve is not drawn as a line through values nothing was computed for.

    Parameters
    ----------
    x : ndarray (N,)
        Rising.
    *columns : ndarray (N,)
    known : float, optional
        Where the curve is known to jump.

    Returns
    -------
    tuple of ndarray (N + jumps,)
        x and the columns, NaN in every column at each jump.

    Examples
    --------
    >>> x, y = break_jumps(np.arange(6.0), np.array([0.0, 0.1, 0.2, 2.0, 2.1, 2.2]))
    >>> y.tolist()
    [0.0, 0.1, 0.2, nan, 2.0, 2.1, 2.2]
    """
    y = columns[0]
    finite = y[np.isfinite(y)]
    if y.size < 4 or not finite.size:
        return (x, *columns)
    step = np.abs(np.diff(y))
    around = np.concatenate([[0.0], step, [0.0]])
    neighbour = np.fmax(around[:-2], around[2:])
    # below this the curve is flat and its steps are rounding errors
    smallest = max(0.05 * float(np.ptp(finite)), 1e-9 * float(np.max(np.abs(finite))))
    with np.errstate(invalid="ignore"):
        jumps = (step > smallest) & (step > 4 * neighbour)
    if known is not None:
        jumps |= (x[:-1] <= known) & (known < x[1:])
    found = np.flatnonzero(jumps)
    middle = 0.5 * (x[found] + x[found + 1])
    return (np.insert(x, found + 1, middle), *(np.insert(c, found + 1, np.nan) for c in columns))


def _measured(measurements: Sequence[Measurement], unit: str, abscissa: str, technique: str) -> Iterable[Points]:
    branches = [m.branch for m in measurements]
    alone = len(set(branches)) == len(branches)
    for index, m in enumerate(measurements):
        x = np.asarray(getattr(m.conditions, abscissa))
        x_unit = Axis.of(abscissa).unit
        sigma = m.sigma_in_unit(unit)
        yield Points(
            m.label,
            x if abscissa == "temperature" else np.asarray(from_si(x, x_unit, abscissa)),
            m.in_unit(unit),
            y_error=None if sigma is None else np.where(np.zeros(len(m)) if m.limits is None else m.limits, 0.0, sigma),
            limits=m.limits,
            texts=tuple(f"{m.label}: {m.describe_point(i)}" for i in range(len(m))),
            colour=series_colour(m.branch, index, alone),
            marker=technique_marker(technique),
            filled=m.branch != "cooling",
        )


def _curve_lines(curves: Sequence[Curve], quantity: str, unit: str, jumps: Mapping[str, float]) -> list[Line]:
    branches = [c.branch for c in curves]
    lines = []
    for c in curves:
        several = branches.count(c.branch) > 1
        index = [other.label for other in curves if other.branch == c.branch].index(c.label)
        branch = "" if c.branch in ("equilibrium", "isothermal") else f", {c.branch}"
        name = f"model{branch}" + (f" ({c.label})" if several else "")
        colour = GREEN if not branch else BRANCH_COLOURS[c.branch]
        if several:
            colour = STATE_COLOURS[index % len(STATE_COLOURS)]
        lines.append(_line(c, quantity, unit, name, colour, jumps))
    return lines


def _line(curve: Curve, quantity: str, unit: str, name: str, colour: str, jumps: Mapping[str, float]) -> Line:
    order = np.argsort(curve.temperature, kind="stable")
    good = (curve.status == Status.CONVERGED)[order]
    y = np.where(good, np.asarray(from_si(curve.values, unit, quantity))[order], np.nan)
    sigma = np.where(good, (curve.sigma / scale_to_si(unit, quantity))[order], np.nan)
    x, y, sigma = break_jumps(curve.temperature[order], y, sigma, known=jumps.get(curve.branch))
    return Line(name, x, y, sigma, colour, BRANCH_DASHES.get(curve.branch, "solid"))


def _residual_strip(evaluations: Sequence[Evaluation], measurements: Sequence[Measurement], technique: str) -> Chart:
    colours = {p.name: p for p in _measured(measurements, measurements[0].unit, "temperature", technique)}
    points = tuple(
        Points("", e.temperature, e.residuals, None, None, None, _residual_texts(e), colours[e.label].colour,
               colours[e.label].marker, colours[e.label].filled)
        for e in evaluations
    )  # fmt: skip
    return Chart("", Axis("T", "K"), Axis("residual/σ"), (Box(y=(-2.0, 2.0)), *points), height=0.32)


def _residual_texts(evaluation: Evaluation) -> tuple[str, ...]:
    texts = []
    for t, r in zip(evaluation.temperature, evaluation.residuals, strict=True):
        at = f" at {t:g} K" if np.isfinite(t) else ""
        texts.append(f"{evaluation.label}{at}: {r:+.2f}σ")
    return tuple(texts)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _has_gap(chart: Chart) -> bool:
    return any(not np.all(np.isfinite(s.y)) for s in chart.series if isinstance(s, Line))


def _error_bars(measurements: Sequence[Measurement]) -> str:
    without = [m.label for m in measurements if m.sigma is None]
    if not without:
        return "Error bars are one standard uncertainty."
    if len(without) == len(measurements):
        return "No uncertainties were given with these data."
    return f"Error bars are one standard uncertainty; none were given for {', '.join(without)}."


def _ranges(measurements: Sequence[Measurement]) -> str:
    return " ".join(
        f"{m.label}: {len(m)} points, {m.describe_point(int(np.argmin(m.temperature)))} to"
        f" {m.describe_point(int(np.argmax(m.temperature)))}."
        for m in measurements
        if m.axis is None
    )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", text).strip("_") or "figure"


def with_unique_keys(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Return the figures with a number added to every key that occurred before, so that no file hides another."""
    used: set[str] = set()
    out = []
    for figure in figures:
        key, count = figure.key, 1
        # file systems that ignore case must not merge two figures
        while key.lower() in used:
            count += 1
            key = f"{figure.key}-{count}"
        used.add(key.lower())
        out.append(replace(figure, key=key))
    return tuple(out)
