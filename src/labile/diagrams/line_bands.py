"""Uncertainty bands of the lines of a phase diagram, from samples of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.diagrams.boundary_equations import BoundaryEquations, CoexistenceEquations, Side
from labile.diagrams.boundary_lines import BoundaryLine
from labile.diagrams.continuation import solve
from labile.diagrams.phase_diagram import PhaseDiagram, sides_of

POINTS = 13
"""Points of a line at which its band is computed."""
FARTHEST = 0.25
"""A line that moves by more than this part of the window's temperatures is another line."""


@dataclass(frozen=True, eq=False)
class LineBand:
    """Temperatures at which a line crosses pressures, for samples of the parameters.

    Attributes
    ----------
    line : BoundaryLine
    pressure : ndarray (K,)
        Pa; points of the line.
    temperature : ndarray (K,)
        K, of the line itself.
    low, high : ndarray (K,)
        K; 16 % and 84 % of the samples lie below. NaN where fewer than half of the samples have the line.
    found : ndarray (K,)
        Part of the samples that have the line there.
    """

    line: BoundaryLine
    pressure: np.ndarray
    temperature: np.ndarray
    low: np.ndarray
    high: np.ndarray
    found: np.ndarray


def line_bands(diagram: PhaseDiagram, samples: Sequence[Mapping[str, float]]) -> tuple[LineBand, ...]:
    """Bands of all lines.

    Parameters
    ----------
    diagram : PhaseDiagram
    samples : sequence of mapping of str to float
        SI values of the parameters, one set a sample; parameters that are missing keep the diagram's values.

    Returns
    -------
    tuple of LineBand
        In the order of the lines; empty without samples. At every pressure the equations of the line are solved again
        with each sample.

    Examples
    --------
    >>> from labile.diagrams.phase_diagram import phase_diagram
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> found = phase_diagram(slichter_drickamer(), values, (200.0, 300.0), (0.0, 1e8))
    >>> samples = [{"HS.enthalpy": 15e3 + shift} for shift in (-300.0, -60.0, 0.0, 60.0, 300.0)]
    >>> band = line_bands(found, samples)[0]
    >>> band.line.label, round(float((band.high - band.temperature).max()), 2)
    ('LS ⇌ HS', 2.44)
    """
    if not samples:
        return ()
    sides = [
        {side.label: side for side in sides_of(diagram.crystal, {**diagram.values, **sample})} for sample in samples
    ]
    return tuple(_band(line, sides, diagram.window.temperature) for line in diagram.lines)


def _band(line: BoundaryLine, samples: list[dict[str, Side]], window: tuple[float, float]) -> LineBand:
    assert line.curve is not None
    curve = line.curve
    chosen = np.unique(np.linspace(0, len(curve.z) - 1, POINTS).astype(int))
    z = curve.z[chosen]
    temperature, pressure = curve.plane[chosen].T
    row = np.zeros(z.shape[1])
    row[-1] = 1.0
    moved = np.full((len(samples), chosen.size), np.nan)
    for s, sides in enumerate(samples):
        equations = _with_sides(curve.equations, sides)
        for k, one in enumerate(z):
            found = solve(equations, one, row, float(one[-1]))
            if found is not None:
                moved[s, k] = found[0][-2] * equations.spans[0]
    moved[np.abs(moved - temperature) > FARTHEST * (window[1] - window[0])] = np.nan
    share = np.mean(np.isfinite(moved), axis=0)
    low, high = np.full((2, chosen.size), np.nan)
    for at in np.flatnonzero(share >= 0.5):
        low[at], high[at] = np.nanquantile(moved[:, at], (0.16, 0.84))
    return LineBand(line, pressure, temperature, low, high, share)


def _with_sides(equations: BoundaryEquations, sides: Mapping[str, Side]) -> BoundaryEquations:
    if isinstance(equations, CoexistenceEquations):
        first, second = sides[equations.first.label], sides[equations.second.label]
        return replace(equations, first=first, second=second)
    return replace(equations, side=sides[equations.side.label])  # type: ignore[type-var, attr-defined]
