"""Colours and markers that mean the same thing in every figure, legible to colour-blind readers."""

from __future__ import annotations

from collections.abc import Sequence

INK = "#1f2933"
"""Text, axes and data without a branch of their own; renderers for a dark page replace it."""
MUTED = "#7b8794"
"""Guides, brackets and statements without a measured curve."""
GRID = "#d9dee3"
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
"""The palette of Okabe and Ito (https://jfly.uni-koeln.de/color/), yellow and black left out."""

STATE_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
BRANCH_COLOURS = {"heating": VERMILION, "cooling": BLUE, "equilibrium": INK, "isothermal": INK}
BRANCH_DASHES = {"heating": "solid", "cooling": "dash", "equilibrium": "solid", "isothermal": "solid"}

TECHNIQUE_MARKERS = {
    "magnetometry": "circle",
    "pyroelectricity": "diamond",
    "mossbauer": "square",
    "xas": "triangle-up",
    "vibrational": "triangle-down",
    "calorimetry": "star",
    "coordination": "pentagon",
    "strain": "hexagon",
}
DIVERGING = ("#2166ac", "#92c5de", "#f7f7f7", "#f4a582", "#b2182b")
"""From -1 over 0 to +1, for correlations (ColorBrewer RdBu, safe for colour-blind readers)."""


def state_colours(states: Sequence[str]) -> dict[str, str]:
    """Colour of each state by its place in the declared order, the same in every figure.

    Examples
    --------
    >>> state_colours(("LS", "HS"))
    {'LS': '#0072b2', 'HS': '#d55e00'}
    """
    return {name: STATE_COLOURS[i % len(STATE_COLOURS)] for i, name in enumerate(states)}


def technique_marker(technique: str) -> str:
    """Marker of a technique; a circle for one without its own."""
    return TECHNIQUE_MARKERS.get(technique, "circle")


def series_colour(branch: str, index: int, alone: bool) -> str:
    """Colour of one of several measurements of a branch.

    Parameters
    ----------
    branch : str
    index : int
        Its place among the measurements of the same branch.
    alone : bool
        Whether every branch has one measurement; then the colour says the branch.
    """
    if alone:
        return BRANCH_COLOURS.get(branch, INK)
    return STATE_COLOURS[index % len(STATE_COLOURS)]
