"""Folding: a symmetric drive passes every velocity twice, and both passes are added channel by channel.

Channels i and j of both passes belong together when i + j is the fold sum, an integer: the fold point (their middle) is
an integer or a half-integer, no count is split between channels, and the sums keep Poisson's statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labile.techniques.mossbauer.counts import RawCounts
from labile.techniques.mossbauer.iron57 import MossbauerError

MIRRORED = 0.5
"""Share of the structure of a spectrum that both passes must have in common for it to count as unfolded."""
SEARCH = 0.06
"""Fold points are looked for within this fraction of the channels around the middle."""


@dataclass(frozen=True)
class FoldPoint:
    """Where a spectrum is folded.

    Attributes
    ----------
    total : int
        i + j of channels (counted from 1) that belong together.
    estimate : float
        Fold point before it was rounded to a half-integer: the minimum of the parabola through chi2 around it.
    chi2 : float
        Mean squared difference of paired channels over their variance, after a parabola was taken out; near 1.
    mirrored : float
        Share of the variance beyond counting noise that both passes have in common: near 1 for an unfolded spectrum,
        near 0 where nothing repeats.
    """

    total: int
    estimate: float
    chi2: float
    mirrored: float

    @property
    def channel(self) -> float:
        """The fold point, an integer or half-integer."""
        return 0.5 * self.total


@dataclass(frozen=True, eq=False)
class Folded:
    """A folded spectrum in the order of the first pass.

    Attributes
    ----------
    first, second : ndarray (M,) of int
        Channels (from 1) of the first and second pass.
    counts : ndarray (M,)
        Sum of both.
    difference : ndarray (M,)
        First minus second.
    """

    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    difference: np.ndarray


def _pairs(total: int, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channels from 0 of both passes, those that are not valid left out."""
    size = valid.size
    first = np.arange(max(0, total - 2 - (size - 1)), (total - 1) // 2)
    second = total - 2 - first
    kept = valid[first] & valid[second]
    return first[kept], second[kept]


def find_fold_point(raw: RawCounts, *, near: float | None = None) -> FoldPoint:
    """Half-integer fold point at which both passes agree best.

    Parameters
    ----------
    raw : RawCounts
    near : float, optional
        Channel to look around, the middle of the spectrum by default.

    Returns
    -------
    FoldPoint

    Raises
    ------
    MossbauerError
        If the best point lies at the edge of the search, so that there is no minimum.

    Examples
    --------
    >>> x = np.arange(1.0, 513.0)
    >>> line = 1e6 - 1e5 / (1 + ((x - 140) / 4) ** 2) - 1e5 / (1 + ((x - 371) / 4) ** 2)
    >>> find_fold_point(RawCounts(line, np.ones(512, dtype=bool))).channel
    255.5
    """
    counts, size = raw.values, raw.values.size
    middle = round(2 * (near if near is not None else 0.5 * (size + 1)))
    reach = max(int(2 * SEARCH * size), 8)
    totals = np.arange(middle - reach, middle + reach + 1)
    scores = np.array([_disagreement(counts, raw.valid, int(total)) for total in totals])
    best = int(np.argmin(scores))
    if best in (0, totals.size - 1):
        raise MossbauerError(
            f"no fold point between channels {totals[0] / 2:g} and {totals[-1] / 2:g}: the two passes do not agree"
            " anywhere; is the spectrum folded already, or the drive a sawtooth?"
        )
    low, at, high = scores[best - 1 : best + 2]
    curvature = low - 2 * at + high
    shift = 0.5 * (low - high) / curvature if curvature > 0 else 0.0
    total = int(totals[best])
    return FoldPoint(total, float(0.5 * (total + shift)), float(at), mirrored_share(raw, total))


def _disagreement(counts: np.ndarray, valid: np.ndarray, total: int) -> float:
    first, second = _pairs(total, valid)
    sigma = np.sqrt(np.maximum(counts[first] + counts[second], 1.0))
    difference = (counts[first] - counts[second]) / sigma
    # the source moves towards the detector in one pass and away in the other: a parabola, no disagreement
    u = np.linspace(-1.0, 1.0, first.size)
    basis = np.stack([np.ones_like(u), u, u * u], axis=1)
    difference = difference - basis @ np.linalg.lstsq(basis, difference, rcond=None)[0]
    return float(difference @ difference) / max(first.size - 3, 1)


def mirrored_share(raw: RawCounts, total: int) -> float:
    """Share of the structure (variance beyond counting noise) that channels i and total - i have in common.

    Returns
    -------
    float
        NaN where there is no structure beyond noise.
    """
    first, second = _pairs(total, raw.valid)
    a, b = raw.values[first], raw.values[second]
    a, b = a - np.median(a), b - np.median(b)
    noise = float(np.median(raw.values))
    structure = 0.5 * (float(a @ a) + float(b @ b)) - noise * first.size
    if structure < 4.0 * noise * np.sqrt(first.size):
        return float("nan")
    return float(a @ b / structure)


def fold(raw: RawCounts, total: int) -> Folded:
    """Add the passes of a spectrum.

    Parameters
    ----------
    raw : RawCounts
    total : int
        i + j of channels that belong together.

    Raises
    ------
    MossbauerError
        If fewer than four fifths of the channels have a partner.
    """
    first, second = _pairs(total, raw.valid)
    if 2 * first.size < 0.8 * raw.values.size:
        raise MossbauerError(
            f"fold point {0.5 * total:g}: only {2 * first.size} of {raw.values.size} channels have a partner; is this"
            " the fold point of another spectrum?"
        )
    a, b = raw.values[first], raw.values[second]
    return Folded(first + 1, second + 1, a + b, a - b)
