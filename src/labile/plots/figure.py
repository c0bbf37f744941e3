"""The nouns of a picture, without any backend: axes, series, charts and figures."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from labile.core.units import QUANTITIES, field_unit, pretty_unit
from labile.plots.palette import DIVERGING, INK, MUTED


class ChartError(ValueError):
    """Something that cannot be drawn."""


def symbol_of(quantity: str) -> str:
    """Symbol that axis labels show; the quantity's own name where it has none."""
    return QUANTITIES[quantity].symbol if quantity in QUANTITIES else quantity.replace("_", " ")


def name_of(quantity: str) -> str:
    """Plain words for a quantity, its symbol where its key only spells the symbol out.

    Examples
    --------
    >>> name_of("pyroelectric_coefficient"), name_of("chi_t")
    ('pyroelectric coefficient', 'χT')
    """
    spelt_out = quantity.partition("_")[0] in ("chi", "mu")
    return symbol_of(quantity) if spelt_out else quantity.replace("_", " ")


@dataclass(frozen=True)
class Axis:
    """One axis: symbol and unit, or categories at the positions 0, 1, 2, ...

    Attributes
    ----------
    symbol : str
        An underscore starts a subscript.
    unit : str
        As `core.units` reads it; empty for a pure number.
    categories : tuple of str
        Labels of the positions 0, 1, ...; empty for a number axis.
    limits : (float, float) or None
        Range; chosen by the renderer when None.

    Examples
    --------
    >>> Axis("χT", "cm^3 K/mol").title
    'χT / cm³ K mol⁻¹'
    """

    symbol: str
    unit: str = ""
    categories: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None

    @classmethod
    def of(cls, quantity: str, unit: str = "") -> Axis:
        """Axis of a quantity in `unit` (default: the field's unit)."""
        return cls(symbol_of(quantity), unit or field_unit(quantity))

    @property
    def title(self) -> str:
        """Quantity / unit, as IUPAC writes it."""
        unit = pretty_unit(self.unit)
        return f"{self.symbol} / {unit}" if unit else self.symbol


@dataclass(frozen=True, eq=False)
class Points:
    """Measured or stated values.

    Attributes
    ----------
    name : str
        Legend entry; empty for none.
    x, y : ndarray (N,)
    x_error, y_error : ndarray (N,) or None
        Half lengths of the error bars.
    limits : ndarray (N,) of int or None
        -1 (upper limit, arrow down), +1 (lower limit, arrow up), 0.
    texts : tuple of str
        What a reader is told about each point, one line each; empty or N.
    colour, marker : str
    filled : bool
    labels : tuple of str
        Written beside the points; empty or N.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    x_error: np.ndarray | None = None
    y_error: np.ndarray | None = None
    limits: np.ndarray | None = None
    texts: tuple[str, ...] = ()
    colour: str = INK
    marker: str = "circle"
    filled: bool = True
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.shape(self.x) != np.shape(self.y) or np.ndim(self.x) != 1:
            raise ChartError(f"points {self.name!r}: x has shape {np.shape(self.x)}, y {np.shape(self.y)}")
        if self.texts and len(self.texts) != len(self.x):
            raise ChartError(f"points {self.name!r}: {len(self.texts)} texts for {len(self.x)} points")
        if self.labels and len(self.labels) != len(self.x):
            raise ChartError(f"points {self.name!r}: {len(self.labels)} labels for {len(self.x)} points")

    @property
    def is_limit(self) -> np.ndarray:
        """Which points are one-sided, shape (N,)."""
        return np.zeros(len(self.x), dtype=bool) if self.limits is None else np.asarray(self.limits) != 0


@dataclass(frozen=True, eq=False)
class Line:
    """A curve; NaN interrupts it.

    Attributes
    ----------
    name : str
        Legend entry; empty for none.
    x, y : ndarray (N,)
    sigma : ndarray (N,) or None
        Half width of the 1-sigma band; NaN or infinite: no band there.
    colour : str
    dash : {"solid", "dash", "dot"}
    width : float
        Relative to the usual line.
    floor, ceiling : float
        Possible values; the band is cut there.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray | None = None
    colour: str = INK
    dash: str = "solid"
    width: float = 1.0
    floor: float = -np.inf
    ceiling: float = np.inf

    def band(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Uninterrupted stretches of the band: x, low, high."""
        if self.sigma is None:
            return []
        good = np.isfinite(self.y) & np.isfinite(self.sigma)
        low = np.maximum(self.y - self.sigma, self.floor)
        high = np.minimum(self.y + self.sigma, self.ceiling)
        return [(self.x[s], low[s], high[s]) for s in _runs(good) if s.stop - s.start > 1]


def _runs(good: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True)
class Box:
    """A shaded range of x, of y, or of both; None leaves that direction open to the edge of the chart."""

    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    name: str = ""
    text: str = ""
    colour: str = MUTED


@dataclass(frozen=True)
class Bracket:
    """A stated difference: from (x1, y1) level to x2, then up or down by `rise` with its error bar.

    Attributes
    ----------
    x1, x2, y1 : float
    rise, error : float
        y(x2) - y(x1) and its half error bar.
    limit : int
        -1 "less than", +1 "more than".
    """

    x1: float
    x2: float
    y1: float
    rise: float
    error: float
    name: str = ""
    text: str = ""
    limit: int = 0
    colour: str = INK

    def pieces(self) -> tuple[Line, Line, Points]:
        """Return what a renderer draws: the level at x1 carried to x2, the rise, and its end with error bar."""
        end = self.y1 + self.rise
        level = Line("", np.array([self.x1, self.x2]), np.array([self.y1, self.y1]), None, self.colour, "dot", 0.7)
        rise = Line("", np.array([self.x2, self.x2]), np.array([self.y1, end]), None, self.colour, "solid", 0.7)
        error = None if self.limit else np.array([self.error])
        limits = np.array([self.limit]) if self.limit else None
        at, height = np.array([self.x2]), np.array([end])
        return level, rise, Points(self.name, at, height, None, error, limits, (self.text,), self.colour, "dash")


@dataclass(frozen=True, eq=False)
class Bars:
    """Horizontal bars at the categories of the y axis (NaN: none), each with its text at the end."""

    lengths: np.ndarray
    texts: tuple[str, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Heat:
    """A matrix of numbers between -1 and 1 over two category axes; NaN is left blank."""

    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Map:
    """Numbers over two number axes; NaN is left blank.

    Attributes
    ----------
    x : ndarray (N,)
    y : ndarray (M,)
        Both ascending.
    values : ndarray (M, N)
    symbol, unit : str
        Of the values.
    limits : (float, float) or None
        Ends of a scale of one hue; without them the scale diverges from 0 in the neutral colour.
    colour : str
        Of the upper end of a scale of one hue.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    symbol: str = ""
    unit: str = ""
    limits: tuple[float, float] | None = None
    colour: str = INK

    def __post_init__(self) -> None:
        if np.shape(self.values) != (len(self.y), len(self.x)):
            expected = (len(self.y), len(self.x))
            raise ChartError(f"map {self.symbol!r}: values have shape {np.shape(self.values)}, expected {expected}")
        if min(expected := np.shape(self.values)) < 2:
            raise ChartError(f"map {self.symbol!r}: it needs two points in both directions, found {expected}")

    @property
    def largest(self) -> float:
        """Largest magnitude, 1 where there is none: the ends of the colour scale."""
        known = np.abs(self.values[np.isfinite(self.values)])
        return float(known.max(initial=0.0)) or 1.0

    @property
    def title(self) -> str:
        """Quantity / unit."""
        return Axis(self.symbol, self.unit).title

    @property
    def scale(self) -> tuple[tuple[float, float], tuple[str, ...]]:
        """Ends of the colour scale and its colours."""
        if self.limits is None:
            return (-self.largest, self.largest), DIVERGING
        return self.limits, ("#ffffff", self.colour)


@dataclass(frozen=True, eq=False)
class Regions:
    """Areas over two number axes, each in one colour with its name in the legend.

    Attributes
    ----------
    x : ndarray (N,)
    y : ndarray (M,)
        Both ascending.
    index : ndarray (M, N) of int
        Number of the area at each point; -1 is left blank.
    names, colours : tuple of str
        Of the areas.
    """

    x: np.ndarray
    y: np.ndarray
    index: np.ndarray
    names: tuple[str, ...]
    colours: tuple[str, ...]

    def __post_init__(self) -> None:
        if np.shape(self.index) != (len(self.y), len(self.x)) or min(np.shape(self.index)) < 2:
            raise ChartError(
                f"regions: index has shape {np.shape(self.index)}, expected {(len(self.y), len(self.x))}, two points at"
                " least in both directions"
            )
        if len(self.names) != len(self.colours) or np.max(self.index) >= len(self.names):
            raise ChartError(
                f"regions: {len(self.names)} names, {len(self.colours)} colours, areas up to {np.max(self.index)}"
            )

    def keys(self) -> tuple[Points, ...]:
        """Legend entries, drawn as points that lie nowhere."""
        nowhere = np.array([np.nan])
        return tuple(
            Points(name, nowhere, nowhere, colour=colour, marker="square")
            for name, colour in zip(self.names, self.colours, strict=True)
        )


Series = Points | Line | Box | Bracket | Bars | Heat | Map | Regions


@dataclass(frozen=True)
class Chart:
    """What is drawn on one pair of axes.

    Attributes
    ----------
    title : str
    x, y : Axis
    series : tuple
        In drawing order.
    height : float
        Relative to other charts of the same figure.
    """

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    height: float = 1.0

    def of_kind(self, kind: type) -> tuple[Series, ...]:
        """Series of one class."""
        return tuple(s for s in self.series if isinstance(s, kind))


@dataclass(frozen=True)
class Figure:
    """Charts above each other on one x axis, with the caption a reader needs.

    Attributes
    ----------
    key : str
        File name without suffix: letters, digits, ``_`` and ``-``.
    caption : str
        Full sentences.
    alt : str
        What the picture shows, for those who cannot see it.
    panels : tuple of Chart
        The first is the main one; all share the x axis.
    """

    key: str
    caption: str
    panels: tuple[Chart, ...]
    alt: str = ""

    def __post_init__(self) -> None:
        if not self.panels:
            raise ChartError(f"figure {self.key!r}: it has no charts")
        if not re.fullmatch(r"[A-Za-z0-9_\-]+", self.key):
            raise ChartError(f"figure key {self.key!r}: use letters, digits, _ and - (it becomes a file name)")
