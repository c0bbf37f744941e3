"""Raw counts: what can be wrong with them, what is repaired, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.mossbauer.iron57 import MossbauerError

COUNTER_SIZES = {16: 2**16, 20: 2**20, 24: 2**24, 32: 2**32}
"""Bits to the number at which a counter of a multichannel analyser starts again."""
OUTLIER = 8.0
"""Standard deviations by which a channel at the edge must differ from its neighbours to be left out."""


@dataclass(frozen=True, eq=False)
class RawCounts:
    """Counts by channel after repair.

    Attributes
    ----------
    values : ndarray (N,)
    valid : ndarray (N,) of bool
        Channels that count; others were stopped, doubled or used for something else.
    steps : tuple of str
        What was repaired.
    """

    values: np.ndarray
    valid: np.ndarray
    steps: tuple[str, ...] = ()


def checked_counts(measurement: Measurement) -> RawCounts:
    """Counts of one raw spectrum, repaired where that is certain.

    Parameters
    ----------
    measurement : Measurement
        ``"counts"`` along ``"channel"``, one condition.

    Returns
    -------
    RawCounts
        Channels that overflowed get what their counter lost; the first two and the last channel are marked as not
        valid where they do not fit their neighbours (a half-counted or time-keeping channel).

    Raises
    ------
    MossbauerError
        For another quantity or axis, several spectra at once, negative counts, a counter that stands at its end,
        or a spectrum without counts.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> level = np.full((1, 256), 1e5)
    >>> level[0, 0] = 5e4
    >>> raw = Measurement("counts", level, Conditions(295.0), axis=Axis("channel", np.arange(1.0, 257.0)))
    >>> checked_counts(raw).steps
    ('channel 1 holds 50000 where its neighbours hold 100000: left out',)
    """
    where = f"spectrum {measurement.label!r}"
    if measurement.quantity != "counts" or measurement.axis is None:
        raise MossbauerError(f"{where}: counts by channel are expected, found {measurement.quantity}")
    if len(measurement) != 1:
        raise MossbauerError(f"{where}: {len(measurement)} spectra in one measurement; take them one by one")
    if measurement.axis.quantity != "channel":
        raise MossbauerError(
            f"{where}: it has a {measurement.axis.quantity} axis already; an unfolded spectrum counts by channel"
        )
    counts = np.array(measurement.values[0])
    if counts.size < 64:
        raise MossbauerError(f"{where}: {counts.size} channels are too few; a spectrum has 128 or more")
    if np.any(counts < 0):
        channel = int(np.argmax(counts < 0)) + 1
        raise MossbauerError(
            f"{where}: channel {channel} holds {counts[channel - 1]:g} counts; counts cannot be negative (a counter"
            " that overflowed into its sign, or a background that was subtracted: give the raw counts)"
        )
    if not np.median(counts) > 0:
        raise MossbauerError(f"{where}: more than half of the channels hold no counts")
    _refuse_full_counter(counts, where)
    counts, steps = _unwrapped(counts, where)
    valid, edge = _edges(counts)
    return RawCounts(counts, valid, (*steps, *edge))


def _refuse_full_counter(counts: np.ndarray, where: str) -> None:
    top = counts.max()
    for bits, size in COUNTER_SIZES.items():
        if top == size - 1 and np.sum(counts == top) >= 3:
            raise MossbauerError(
                f"{where}: {int(np.sum(counts == top))} channels stand at {int(top)}, the end of a {bits}-bit counter;"
                " the counts above it are lost"
            )


def _unwrapped(counts: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """Add what counters lost when they started again, where neighbours differ by nearly a full counter."""
    inner = counts[2:-1]
    jumps = np.abs(np.diff(inner))
    for bits, size in COUNTER_SIZES.items():
        if inner.max() >= size or not np.any(jumps > 0.5 * size):
            continue
        repaired = np.array(counts)
        repaired[2:-1] = np.unwrap(inner, period=size)
        if np.median(repaired[2:-1]) < np.max(inner):
            repaired[2:-1] += size * np.ceil((np.max(inner) - np.max(repaired[2:-1])) / size)
        # the first two and the last channel may be something else: only what brings them to their neighbours is added
        level = np.median(repaired[2:-1])
        for edge in (0, 1, -1):
            if abs(counts[edge] + size - level) < 0.05 * level:
                repaired[edge] += size
        changed = np.abs(repaired - counts) > 0.5 * size
        noise = np.sqrt(np.median(repaired[2:-1]))
        if np.any(repaired[2:-1] < 0) or np.max(np.abs(np.diff(repaired[2:-1]))) > 0.2 * size + 10 * noise:
            raise MossbauerError(
                f"{where}: the counts jump by nearly {size} ({bits} bits) but adding that does not make them smooth;"
                " they overflowed and cannot be repaired"
            )
        step = f"{int(np.sum(changed))} channels overflowed a {bits}-bit counter: {size} added to each"
        return repaired, [step]
    return counts, []


def _edges(counts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Mask of channels that count, and sentences about those that do not."""
    valid = np.ones(counts.size, dtype=bool)
    steps = []
    for channel, near in ((0, counts[2:22]), (1, counts[2:22]), (counts.size - 1, counts[-22:-2])):
        level = float(np.median(near))
        # neighbours may lie on the flank of a line: their own scatter counts beside Poisson's
        spread = np.hypot(np.sqrt(level), 1.4826 * np.median(np.abs(near - level)))
        if abs(counts[channel] - level) > max(OUTLIER * spread, 0.05 * level):
            valid[channel] = False
            steps.append(
                f"channel {channel + 1} holds {counts[channel]:.0f} where its neighbours hold {level:.0f}: left out"
            )
    return valid, steps
