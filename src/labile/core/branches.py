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
    so that jitter and the overshoot of a cryostat do not cut a sweep. Three or more points in a row at
    changing field and constant temperature are an isothermal part (a magnetisation curve); one change of
    the field between temperature sweeps is a cut.

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
    """Half-open ranges of points measured at changing field while the temperature stayed within the dead band."""
    moved = _field_steps(field)
    runs: list[tuple[int, int]] = []
    start = 0
    while start < field.size - 1:
        if not moved[start]:
            start += 1
            continue
        low = high = temperature[start]
        stop, last = start + 1, start + 1
        while stop < field.size:
            low, high = min(low, temperature[stop]), max(high, temperature[stop])
            # a field measured twice (the ends of a loop) does not end the run
            if high - low > dead_band or stop - last > 2:
                break
            if moved[stop - 1]:
                last = stop
            stop += 1
        end = last + 1
        if temperature[start:end].max() - temperature[start:end].min() > dead_band:
            start += 1
            continue
        if np.count_nonzero(moved[start : end - 1]) >= 2:
            # the first and last point belong to a temperature sweep when that goes on at their field
            first = start + 1 if start >= 2 and not np.any(moved[start - 2 : start]) else start
            end = end - 1 if end + 1 < field.size and not np.any(moved[end - 1 : end + 1]) else end
            if end - first >= 3:
                runs.append((first, end))
            start = end
        else:
            start = last
    return runs


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
    return pieces


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
