"""Charts of first-order reversal curves: the curves, the density of hysterons, and its distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import pretty_unit
from labile.plots.figure import Axis, Chart, Figure, Line, Map, name_of
from labile.plots.palette import BRANCH_COLOURS, INK, MUTED
from labile.techniques.magnetometry import Marginal, ReversalDistribution


def reversal_figures(found: ReversalDistribution, curves: Sequence[Measurement] = ()) -> tuple[Figure, ...]:
    """Figures of a distribution of switching temperatures.

    Parameters
    ----------
    found : ReversalDistribution
    curves : sequence of Measurement
        The reversal curves, drawn first where they are given.

    Returns
    -------
    tuple of Figure
        Curves, density over T_down and T_up, distributions of the bias and of the coercivity.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.techniques.magnetometry import reversal_distribution
    >>> family = [
    ...     Measurement("high_spin_fraction", (t - low) / (140 - low), Conditions(t), branch="heating")
    ...     for low in (90.0, 95.0, 100.0, 105.0)
    ...     for t in [np.arange(low, 140.0)]
    ... ]
    >>> [figure.key for figure in reversal_figures(reversal_distribution(family, smoothing=1), family)]
    ['reversal_curves', 'switching_density', 'switching_bias', 'switching_coercivity']
    """
    figures = [_curves(curves, found.direction)] if curves else []
    return (
        *figures,
        _density(found),
        _distribution(found.bias, "bias", "T_bias", "(T↑ + T↓)/2, the middle of single loops: interactions", found),
        _distribution(found.coercivity, "coercivity", "T_c", "(T↑ - T↓)/2, half of the width of single loops", found),
    )


def _curves(curves: Sequence[Measurement], direction: str) -> Figure:
    first = curves[0]
    lines = tuple(Line("", c.temperature, c.in_unit(first.unit), colour=BRANCH_COLOURS[direction]) for c in curves)
    chart = Chart("", Axis.of("temperature"), Axis.of(first.quantity, first.unit), lines)
    starts = [float(curve.temperature[0]) for curve in curves]
    return Figure(
        "reversal_curves",
        f"{len(curves)} first-order reversal curves on {direction}, reversed between {min(starts):.4g} and"
        f" {max(starts):.4g} K.",
        (chart,),
        f"{name_of(first.quantity)} against temperature for {len(curves)} reversal curves",
    )


def measured_density_figures(rows: Sequence[Measurement]) -> tuple[Figure, ...]:
    """Maps of switching densities that are kept as measurements, one a file and branch.

    Parameters
    ----------
    rows : sequence of Measurement
        ``"switching_density"``, one a reversal temperature, as `reduce_reversals` returns them.

    Returns
    -------
    tuple of Figure
        Families with fewer than two reversal temperatures are left out.
    """
    families: dict[tuple[str, str], list[Measurement]] = {}
    for row in rows:
        families.setdefault((row.provenance.source, row.branch), []).append(row)
    figures = []
    for (source, direction), family in families.items():
        family = sorted(family, key=lambda row: float(row.temperature[0]))
        reversal = np.array([float(row.temperature[0]) for row in family])
        axes = [row.axis.values for row in family if row.axis is not None]
        temperature = np.unique(np.round(np.concatenate(axes), 6))
        if reversal.size < 2 or temperature.size < 2 or len(axes) < len(family):
            continue
        density = np.full((reversal.size, temperature.size), np.nan)
        for i, (row, axis) in enumerate(zip(family, axes, strict=True)):
            density[i, np.searchsorted(temperature, np.round(axis, 6))] = row.values[0]
        text = f" of {source}" if source else ""
        caption = f"Density of hysterons{text} that switch up at T↑ and down at T↓, from curves on {direction}."
        figures.append(_map(direction, reversal, temperature, density, caption))
    return tuple(figures)


def _density(found: ReversalDistribution) -> Figure:
    misfit = "" if np.isnan(found.misfit) else f" (misfit {found.misfit:.2g} times the stated noise)"
    caption = (
        f"Density of hysterons that switch up at T↑ and down at T↓, from curves on {found.direction}, smoothing factor"
        f" {found.smoothing}{misfit}. Its integral is {found.switched:.3g} ± {found.sigma_switched:.1g}; the noise of"
        f" single points is {float(np.nanmedian(found.sigma)):.1g} {pretty_unit('1/K^2')}."
    )
    return _map(found.direction, found.reversal, found.temperature, found.density, caption)


def _map(direction: str, reversal: np.ndarray, temperature: np.ndarray, density: np.ndarray, caption: str) -> Figure:
    """Density (R, G) over T_down and T_up."""
    heating = direction == "heating"
    down, up = (reversal, temperature) if heating else (temperature, reversal)
    values = density.T if heating else density
    # rows and columns that no curve reaches are not drawn
    rows, columns = (np.flatnonzero(np.any(np.isfinite(values), axis=axis)) for axis in (1, 0))
    values = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    down, up = down[columns[0] : columns[-1] + 1], up[rows[0] : rows[-1] + 1]
    ends = np.array([max(down[0], up[0]), min(down[-1], up[-1])])
    series = [Map(down, up, values, "ρ", "1/K^2")]
    lines = [Line("T↑ = T↓", ends, ends, colour=MUTED, dash="dot", width=0.8)] if ends[1] > ends[0] else []
    chart = Chart("", Axis("T↓", "K"), Axis("T↑", "K"), (*series, *lines), height=1.3)
    alt = "map of the density of hysterons over their switching temperatures"
    return Figure("switching_density", caption, (chart,), alt)


def _distribution(one: Marginal, key: str, symbol: str, meaning: str, found: ReversalDistribution) -> Figure:
    chart = Chart(
        "",
        Axis(symbol, "K"),
        Axis("density", "1/K"),
        (
            Line("", one.temperature[[0, -1]], np.zeros(2), colour=MUTED, dash="dot", width=0.7),
            Line("", one.temperature, one.density, one.sigma, INK),
        ),
    )
    return Figure(
        f"switching_{key}",
        f"Distribution along {meaning}; the band is one standard uncertainty (smoothing factor {found.smoothing}).",
        (chart,),
        f"distribution of the {key} of hysterons",
    )
