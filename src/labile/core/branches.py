"""Cut a log into its cooling, heating and isothermal parts, which are never averaged together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from labile.core.measurement import Measurement

FIELD_STEP = 1e-4
"""T; a change of the applied field below this (plus 1e-4 of the field) is noise of the magnet's reading."""


def split_branches(measurement: Measurement, dead_band_k: float = 0.5) -> tuple[Measurement, ...]:
    """Split by the direction of temperature, and at changes of the magnetic field.

    A reversal counts only when the temperature comes back by more than the dead band from its last extreme,
    so that jitter and the overshoot of a cryostat do not cut a sweep; when the temperature jumps back between two
    points, the next sweep starts there. Three or more points in a row at changing field and constant temperature are
    an isothermal part: a whole magnetisation loop with its waits at fixed field, one part for each set temperature.
    One change of the field between temperature sweeps is a cut.

    Parameters
    ----------
    measurement : Measurement
        Points in the order in which they were recorded.
    dead_band_k : float
        K; a part that spans less than this is isothermal.

    Returns
    -------
    tuple of Measurement
        In order; each point is in exactly one part, the point at which the direction turns in the earlier one.
        `branch` is ``"cooling"``, ``"heating"`` or ``"isothermal"``. When there are several parts their labels
        are numbered. `sweep_rate` is filled from the times where there are any and none was stated.

    Raises
    ------
    ValueError
        If the dead band is not a positive number.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> loop = Measurement("moment", [1e-6, 2e-6, 3e-6, 2e-6], Conditions([10.0, 20.0, 30.0, 15.0]))
    >>> [(part.branch, len(part)) for part in split_branches(loop)]
    [('heating', 3), ('cooling', 1)]
    """
    if not (dead_band_k > 0 and np.isfinite(dead_band_k)):
        raise ValueError(f"split_branches: dead_band_k must be a positive number of K, found {dead_band_k!r}")
    temperature = measurement.temperature
    field = np.asarray(measurement.conditions.magnetic_field)
    pieces: list[tuple[int, int, str]] = []
    position = 0
    for start, stop in _isothermal_runs(temperature, field, dead_band_k):
        pieces += _temperature_pieces(temperature, field, position, start, dead_band_k)
        pieces.append((start, stop, "isothermal"))
        position = stop
    pieces += _temperature_pieces(temperature, field, position, len(measurement), dead_band_k)
    step = f"split by temperature direction (dead band {dead_band_k:g} K) and changes of field"
    if len(pieces) == 1:
        return (_part(measurement, pieces[0], measurement.label, step),)
    return tuple(
        _part(measurement, piece, f"{measurement.label} {piece[2]} {number}", step)
        for number, piece in enumerate(pieces, start=1)
    )


def _field_steps(field: np.ndarray) -> np.ndarray:
    largest = np.maximum(np.abs(field[1:]), np.abs(field[:-1]))
    return np.asarray(np.abs(np.diff(field)) > FIELD_STEP + 1e-4 * largest)


def _isothermal_runs(temperature: np.ndarray, field: np.ndarray, dead_band: float) -> list[tuple[int, int]]:
    """Half-open ranges of points measured at changing field while the temperature stood still."""
    moved = _field_steps(field)
    runs = [
        (start, stop)
        for start, stop in _at_one_temperature(temperature, moved, dead_band)
        if np.count_nonzero(moved[start : stop - 1]) >= 2 and np.ptp(temperature[start:stop]) <= 2 * dead_band
    ]
    stops = [0, *(stop for _, stop in runs)]
    starts = [*(start for start, _ in runs), field.size]
    for gap in range(len(runs) + 1):
        between = stops[gap], starts[gap]
        stops[gap], starts[gap] = _divide(temperature, moved, *between, gap > 0, gap < len(runs), dead_band)
    return [(start, stop) for start, stop in zip(starts[:-1], stops[1:], strict=True) if stop - start >= 3]


def _level_step(temperature: float, dead_band: float) -> float:
    """K; a lasting change of temperature above this within a field sweep is another set temperature."""
    return min(dead_band, max(0.05, 2e-3 * temperature))


def _at_one_temperature(temperature: np.ndarray, moved: np.ndarray, dead_band: float) -> list[tuple[int, int]]:
    """Ranges in which the field changes at one set temperature; waits at a field that is reached belong to them."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], moved.astype(int), [0]))))
    blocks: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        start, stop = first, last + 1
        for cut in _level_cuts(temperature, start, stop, dead_band):
            blocks.append((start, cut))
            start = cut
        blocks.append((start, stop))
    merged = blocks[:1]
    for start, stop in blocks[1:]:
        before, end = merged[-1]
        edge = temperature[end - 1 : start + 1]
        levels = (
            np.median(temperature[max(before, end - 5) : end]),
            np.median(temperature[start : min(stop, start + 5)]),
        )
        same = abs(levels[1] - levels[0]) <= _level_step(float(levels[0]), dead_band)
        if end <= start and same and np.ptp(edge) <= dead_band:
            merged[-1] = (before, stop)
        else:
            merged.append((start, stop))
    return merged


def _level_cuts(temperature: np.ndarray, start: int, stop: int, dead_band: float) -> list[int]:
    """Where the set temperature changes; single points that jump do not count."""
    cuts: list[int] = []
    steps = np.abs(np.diff(temperature[start:stop]))
    limits = np.minimum(dead_band, np.maximum(0.05, 2e-3 * temperature[start : stop - 1]))
    for i in (start + 1 + np.flatnonzero(steps > limits)).tolist():
        before = np.median(temperature[max(cuts[-1] if cuts else start, i - 5) : i])
        after = np.median(temperature[i : min(stop, i + 5)])
        if abs(after - before) > _level_step(float(before), dead_band):
            cuts.append(i)
    return cuts


def _divide(
    temperature: np.ndarray, moved: np.ndarray, first: int, last: int, before: bool, after: bool, dead_band: float
) -> tuple[int, int]:
    """Where the isothermal run before the points first..last ends and the one after them starts."""
    up, down = first, last
    if before:
        level = float(np.median(temperature[max(0, first - 5) : first]))
        while up < last and not moved[up - 1] and abs(temperature[up] - level) <= _level_step(level, dead_band):
            up += 1
    if after:
        level = float(np.median(temperature[last : last + 5]))
        while down > up and not moved[down - 1] and abs(temperature[down - 1] - level) <= _level_step(level, dead_band):
            down -= 1
    if down - up < 3:
        return up, down
    # a temperature sweep lies between; it has all these points, and that of a run which was taken at its field
    return (
        first - 1 if before and not np.any(moved[first - 1 : first + 1]) else first,
        last + 1 if after and not np.any(moved[last - 2 : last]) else last,
    )


def _temperature_pieces(
    temperature: np.ndarray, field: np.ndarray, start: int, stop: int, dead_band: float
) -> list[tuple[int, int, str]]:
    if start >= stop:
        return []
    cuts = start + 1 + np.flatnonzero(_field_steps(field[start:stop]))
    edges = [start, *cuts.tolist(), stop]
    pieces: list[tuple[int, int, str]] = []
    for first, last in pairwise(edges):
        pieces += _by_direction(temperature, first, last, dead_band)
    return pieces


def _by_direction(temperature: np.ndarray, start: int, stop: int, dead_band: float) -> list[tuple[int, int, str]]:
    pieces: list[tuple[int, int, str]] = []
    direction = 0
    lowest = highest = begin = start
    for i in range(start, stop):
        if temperature[i] < temperature[lowest]:
            lowest = i
        if temperature[i] > temperature[highest]:
            highest = i
        if direction >= 0 and temperature[highest] - temperature[i] > dead_band:
            if direction > 0:
                pieces.append((begin, highest + 1, "heating"))
                begin = highest + 1
            direction, lowest = -1, i
        elif direction <= 0 and temperature[i] - temperature[lowest] > dead_band:
            if direction < 0:
                pieces.append((begin, lowest + 1, "cooling"))
                begin = lowest + 1
            direction, highest = 1, i
    name = {0: "isothermal", 1: "heating", -1: "cooling"}[direction]
    pieces.append((begin, stop, name))
    return _without_resets(temperature, pieces, dead_band)


def _without_resets(
    temperature: np.ndarray, pieces: list[tuple[int, int, str]], dead_band: float
) -> list[tuple[int, int, str]]:
    """Give what was taken after a jump back, between two sweeps in one direction, to the second of them."""
    kept: list[tuple[int, int, str]] = []
    begin: int | None = None
    for number, (start, stop, name) in enumerate(pieces):
        if begin is not None:
            start, begin = begin, None
        elif 0 < number < len(pieces) - 1 and np.ptp(temperature[start:stop]) <= dead_band:
            begin = start
            continue
        kept.append((start, stop, name))
    return kept


def _part(measurement: Measurement, piece: tuple[int, int, str], label: str, step: str) -> Measurement:
    start, stop, branch = piece
    part = measurement[start:stop]
    steps = [step]
    rate = part.sweep_rate
    time = part.conditions.time
    if rate is None and time is not None and branch != "isothermal" and len(part) > 1:
        elapsed = float(time[-1] - time[0])
        span = abs(float(part.temperature[-1] - part.temperature[0]))
        if elapsed > 0 and span > 0:
            rate = span / elapsed
            steps.append(f"mean sweep rate {rate * 60:.3g} K/min from the recorded times")
    return replace(part, branch=branch, sweep_rate=rate, label=label, provenance=part.provenance.then(*steps))
