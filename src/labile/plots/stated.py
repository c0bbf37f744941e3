"""Statements of papers as marks in a chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from labile.core.uncertain import format_uncertain
from labile.core.units import from_si, scale_to_si, shown_unit
from labile.plots.figure import Box, Bracket, Line, Points, Series
from labile.plots.palette import INK, MUTED, technique_marker


class StatedPoint(Protocol):
    """A statement of a paper, as a chart draws it (see `study.results.StatementPoint`)."""

    @property
    def label(self) -> str:
        """Of its objective."""
        ...

    @property
    def kind(self) -> str:
        """As `inference.objective.Statement.kind`."""
        ...

    @property
    def temperatures(self) -> tuple[float, ...]:
        """K; those it speaks of, or the ends of its window."""
        ...

    @property
    def value(self) -> float:
        """SI of `quantity`."""
        ...

    @property
    def sigma(self) -> float:
        """SI."""
        ...

    @property
    def quantity(self) -> str:
        """Of value, sigma and predicted."""
        ...

    @property
    def limit(self) -> int:
        """-1 "less than", +1 "more than", 0 "equals"."""
        ...

    @property
    def predicted(self) -> float:
        """SI; NaN where the model could not say."""
        ...

    @property
    def text(self) -> str:
        """The words of the paper."""
        ...


def stated_series(
    statements: Sequence[StatedPoint], quantity: str, unit: str, lines: Sequence[Line], technique: str
) -> Iterable[Series]:
    """Statements as marks: values, maxima, ranges over windows, differences, positions.

    Parameters
    ----------
    statements : sequence of StatedPoint
    quantity, unit : str
        Of the y axis.
    lines : sequence of Line
        Model curves in `unit`: a difference starts on the first that covers its temperature.
    technique : str
        Chooses the marker.

    Yields
    ------
    Points, Line, Box or Bracket
        What is stated about one window in two statements (maximum and its position, lower and upper limit) is one.
    """
    scale = scale_to_si(unit, quantity)
    marker = technique_marker(technique)
    used: set[str] = set()
    for s in statements:
        if s.label in used:
            continue
        used.add(s.label)
        text = _statement_text(s, unit)
        level = float(from_si(s.value, unit, quantity)) if s.quantity == quantity else s.value
        error = s.sigma / scale
        if s.kind == "value":
            yield _mark("stated value", s.temperatures[0], level, error, text, marker, limit=s.limit)
        elif s.kind == "difference":
            first, second = s.temperatures
            rise = s.value / scale
            yield Bracket(first, second, _height(lines, first), rise, error, "stated difference", text, s.limit)
        elif s.kind == "maximum":
            partner = _partner(statements, s, "maximum_position")
            if partner is None:
                at, x_error = _peak(lines, s.temperatures), None
            else:
                used.add(partner.label)
                at, x_error = partner.value, partner.sigma
                text += f"; {_statement_text(partner, unit)}"
            yield _mark("stated maximum", at, level, error, text, marker, x_error=x_error, limit=s.limit)
        elif s.kind in ("above", "below"):
            other = _partner(statements, s, "below" if s.kind == "above" else "above")
            low, high = s.temperatures
            if other is not None and other.quantity == quantity:
                used.add(other.label)
                ends = sorted((level, float(from_si(other.value, unit, quantity))))
                text += f"; {_statement_text(other, unit)}"
                yield Box((low, high), (ends[0], ends[1]), "stated range", text, MUTED)
            else:
                yield Line("", np.array([low, high]), np.array([level, level]), None, INK, "solid", 0.8)
                limit = 1 if s.kind == "above" else -1
                yield _mark("stated limit", 0.5 * (low + high), level, 0.0, text, marker, limit=limit)
        elif s.kind == "hysteresis_width":
            # without a stated centre there is no place to draw a width
            centres = [o.value for o in statements if o.kind == "hysteresis_centre"][:1]
            for centre, side in ((c, sign) for c in centres for sign in (-0.5, 0.5)):
                edge = centre + side * s.value
                name = "stated loop" if side < 0 else ""
                yield Box((edge - 0.5 * s.sigma, edge + 0.5 * s.sigma), None, name, text, MUTED)
        elif s.kind != "maximum_position" or _partner(statements, s, "maximum") is None:
            name = {"maximum_position": "stated position", "hysteresis_centre": "stated loop centre"}.get(
                s.kind, "stated T½"
            )
            yield Box((s.value - s.sigma, s.value + s.sigma), None, name, text, MUTED)


def _mark(
    name: str, x: float, y: float, error: float, text: str, marker: str, *, x_error: float | None = None, limit: int = 0
) -> Points:
    return Points(
        name,
        np.array([x]),
        np.array([y]),
        None if x_error is None else np.array([x_error]),
        None if limit else np.array([error]),
        np.array([limit]) if limit else None,
        (text,),
        INK,
        marker,
    )


def _partner(statements: Sequence[StatedPoint], one: StatedPoint, kind: str) -> StatedPoint | None:
    """Return the statement of another kind about the same window."""
    return next((s for s in statements if s.kind == kind and s.temperatures == one.temperatures), None)


def _statement_text(s: StatedPoint, unit: str) -> str:
    in_kelvin = s.quantity in ("temperature", "t_half")
    unit_shown = "K" if in_kelvin else unit
    scale = 1.0 if in_kelvin else scale_to_si(unit, s.quantity)
    value, predicted = s.value / scale, s.predicted / scale
    sign = {-1: "<", 0: "", 1: ">"}[{"above": 1, "below": -1}.get(s.kind, s.limit)]
    number = f"{sign}{value:.4g}" if sign else format_uncertain(value, s.sigma / scale)
    model = f"{predicted:.4g}" if np.isfinite(predicted) else "not available"
    words = f"{s.text}: " if s.text else ""
    return f"{s.label}: {words}{number} {shown_unit(unit_shown, s.quantity)}".rstrip() + f" (model {model})"


def _height(lines: Sequence[Line], x: float) -> float:
    for line in lines:
        good = np.isfinite(line.y)
        if good.any() and line.x[good].min() <= x <= line.x[good].max():
            return float(np.interp(x, line.x[good], line.y[good]))
    return 0.0


def _peak(lines: Sequence[Line], window: Sequence[float]) -> float:
    low, high = window
    for line in lines:
        inside = np.isfinite(line.y) & (line.x >= low) & (line.x <= high)
        if inside.any():
            return float(line.x[inside][np.argmax(line.y[inside])])
    return 0.5 * (low + high)
