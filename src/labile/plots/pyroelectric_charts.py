"""Pictures of pyroelectricity: the current to expect on a ramp, and a lattice fit beside its data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import pretty_unit, scale_to_si
from labile.plots.figure import Axis, Chart, ChartError, Figure, Line, Points
from labile.plots.palette import BRANCH_COLOURS, BRANCH_DASHES, GREEN, INK, technique_marker
from labile.techniques.pyroelectricity.lattice_fit import LatticeFit
from labile.techniques.pyroelectricity.planning import ExpectedRun


def expected_current_figure(runs: Sequence[ExpectedRun], title: str = "Expected current (simulated)") -> Figure:
    """Current that a model predicts for an electrode on a ramp.

    Parameters
    ----------
    runs : sequence of ExpectedRun
    title : str

    Returns
    -------
    Figure
        Key ``"expected_current"``.

    Raises
    ------
    ChartError
        Without a run.

    Examples
    --------
    >>> from labile.techniques.pyroelectricity.planning import expected_run
    >>> run = expected_run(np.array([80.0, 90.0, 120.0]), np.array([0.0, 3e-4, 4e-5]), area=0.3e-6, rate=5 / 60)
    >>> expected_current_figure([run]).key
    'expected_current'
    """
    if not runs:
        raise ChartError("expected current: there is no run to draw")
    unit = runs[0].current.unit
    lines = [
        Line(
            run.current.branch if len(runs) > 1 else "model",
            run.current.temperature,
            run.current.in_unit(unit),
            run.current.sigma_in_unit(unit),
            BRANCH_COLOURS[run.current.branch] if len(runs) > 1 else GREEN,
            BRANCH_DASHES[run.current.branch] if len(runs) > 1 else "solid",
        )
        for run in runs
    ]
    said = "; ".join(run.text for run in runs)
    caption = (
        "Current that the fitted model predicts for this electrode and rate, with its 1σ band; simulated, not measured."
        f" {said[:1].upper()}{said[1:]}."
    )
    chart = Chart(title, Axis("T", "K"), Axis.of("current", unit), tuple(lines))
    return Figure("expected_current", caption, (chart,), caption)


def lattice_figure(coefficient: Measurement, fit: LatticeFit, title: str = "") -> Figure:
    """Pyroelectric coefficient with its fit by Debye and Einstein functions, and the two kinds of terms.

    Parameters
    ----------
    coefficient : Measurement
    fit : LatticeFit
        Of this measurement.
    title : str

    Returns
    -------
    Figure
        Key ``"lattice_fit"``.
    """
    unit = coefficient.unit
    scale = scale_to_si(unit, "pyroelectric_coefficient")
    low, high = float(coefficient.temperature.min()), float(coefficient.temperature.max())
    axis = np.linspace(0.5 * low, high, 400)
    points = Points(
        "data",
        coefficient.temperature,
        coefficient.in_unit(unit),
        y_error=coefficient.sigma_in_unit(unit),
        colour=INK,
        marker=technique_marker("pyroelectricity"),
    )
    series: list[Line | Points] = [Line("fit", axis, fit.curve(axis) / scale, colour=GREEN)]
    for number, shape in enumerate(fit.parts(axis)):
        name = "Debye" if number == 0 else f"Einstein {number}" if fit.terms > 1 else "Einstein"
        series.append(Line(name, axis, shape / scale, colour=INK, dash="dash" if number == 0 else "dot", width=0.7))
    left = (coefficient.values - fit.curve(coefficient.temperature)) / scale
    residuals = Chart(
        "",
        Axis("T", "K"),
        Axis("p − fit", unit),
        (Points("", coefficient.temperature, left, colour=INK, marker=technique_marker("pyroelectricity")),),
        height=0.32,
    )
    caption = f"Pyroelectric coefficient in {pretty_unit(unit)} and its lattice form. {fit.text}."
    chart = Chart(
        title or coefficient.label, Axis("T", "K"), Axis.of("pyroelectric_coefficient", unit), (*series, points)
    )
    return Figure("lattice_fit", caption, (chart, residuals), caption)
