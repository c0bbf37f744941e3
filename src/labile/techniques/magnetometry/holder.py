"""Moment of the empty sample holder at the conditions of a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from labile.core.constants import VACUUM_PERMEABILITY
from labile.core.measurement import Measurement

TEMPERATURE_MARGIN = 0.5
"""K by which a sample may lie outside the holder's range: two settings of one cryostat differ by this much."""


class MagnetometryError(ValueError):
    """Magnetic data that cannot be reduced as asked; the message says what to give."""


def holder_moment(
    holder: Measurement | Sequence[Measurement] | float, sample: Measurement, sigma_constant: float = 0.0
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Moment of the holder at each point of a sample.

    A measured holder is interpolated linearly in temperature within each of its fields, then between fields; a
    field within 0.5 % (or 0.1 mT, where that is less than 10 %) of a measured one is scaled to it.

    Parameters
    ----------
    holder : Measurement, sequence of Measurement, or float
        ``"moment"`` (the parts of one log together), or moment per H in m3 (SI; 1 emu/Oe = 4 pi 1e-6 m3).
    sample : Measurement
        Its temperatures and fields are used.
    sigma_constant : float
        m3, of a constant holder.

    Returns
    -------
    moment : ndarray (N,)
        A m2.
    sigma : ndarray (N,) or None
        A m2, for one standard deviation of the holder as a whole.
    step : str
        What was done.

    Raises
    ------
    MagnetometryError
        If the holder is no moment, or was not measured where the sample was.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> sample = Measurement("moment", [1e-6], Conditions([50.0], magnetic_field=0.1))
    >>> empty = Measurement("moment", [-1e-8, -3e-8], Conditions([0.5, 100.5], magnetic_field=0.1))
    >>> round(float(holder_moment(empty, sample)[0][0]) * 1e8, 2)
    -1.99
    """
    where = f"measurement {sample.label!r}"
    field = np.asarray(sample.conditions.magnetic_field)
    if isinstance(holder, (int, float)):
        if not math.isfinite(holder) or abs(holder) > 1e-6:
            raise MagnetometryError(
                f"{where}: a constant holder is its moment per H in m3 (1e-9 emu/Oe is 1.26e-14 m3), found {holder!r}"
            )
        strength = field / VACUUM_PERMEABILITY
        sigma = np.abs(strength) * sigma_constant if sigma_constant else None
        return holder * strength, sigma, f"holder removed: {holder / (4e-6 * math.pi):.5g} emu/Oe"
    blanks = (holder,) if isinstance(holder, Measurement) else tuple(holder)
    if not blanks:
        raise MagnetometryError(f"{where}: the holder has no measurement; leave it out, or give its moment")
    for blank in blanks:
        if blank.quantity != "moment" or blank.axis is not None:
            raise MagnetometryError(f"{where}: the holder {blank.label!r} must be a moment, found {blank.quantity}")
    if sigma_constant:
        raise MagnetometryError(f"{where}: sigma_holder is for a constant holder; a measured one brings its own sigma")
    layers = _layers(blanks)
    label = ", ".join(blank.label for blank in blanks)
    fields = np.array([layer[0] for layer in layers])
    known_sigma = any(blank.total_sigma is not None for blank in blanks)
    moment, spread = np.zeros(len(sample)), np.zeros(len(sample))
    for i, (temperature, b) in enumerate(zip(sample.temperature, field, strict=True)):
        nearest = int(np.argmin(np.abs(fields - b)))
        if abs(fields[nearest] - b) <= field_tolerance(b):
            weights = {nearest: b / fields[nearest]}
        else:
            above = int(np.searchsorted(fields, b))
            if above in (0, fields.size):
                raise MagnetometryError(
                    f"{where}: point {i + 1} is at {b:g} T, the holder {label!r} was measured at"
                    f" {', '.join(f'{f:.4g}' for f in fields[:8])} T; it is not extrapolated. Measure the holder"
                    " at this field, or give its moment per H as one number"
                )
            share = (b - fields[above - 1]) / (fields[above] - fields[above - 1])
            weights = {above - 1: 1.0 - share, above: share}
        for k, weight in weights.items():
            _, known, moments, sigmas = layers[k]
            moment[i] += weight * _at(known, moments, temperature, where, label)
            spread[i] += abs(weight) * np.interp(temperature, known, sigmas)
    points = sum(len(blank) for blank in blanks)
    source = blanks[0].provenance.source or "inline"
    return moment, spread if known_sigma else None, f"holder removed: {label} ({source}), {points} points interpolated"


def field_tolerance(b: float) -> float:
    """T by which two settings of the field near `b` (T) may differ and still be the same one."""
    return max(5e-3 * abs(b), min(1e-4, 0.1 * abs(b)))


def _layers(blanks: Sequence[Measurement]) -> list[tuple[float, np.ndarray, np.ndarray, np.ndarray]]:
    """One (field, temperatures, moments, sigmas) per field of the holder, both ascending."""
    field = np.concatenate([blank.conditions.magnetic_field for blank in blanks])
    temperatures = np.concatenate([blank.temperature for blank in blanks])
    values = np.concatenate([blank.values for blank in blanks])
    sigmas_known = [(blank, blank.total_sigma) for blank in blanks]
    sigma = np.concatenate([np.zeros(len(blank)) if s is None else s for blank, s in sigmas_known])
    layers = []
    remaining = np.argsort(field, kind="stable")
    while remaining.size:
        first = field[remaining[0]]
        chosen = remaining[field[remaining] - first <= field_tolerance(first)]
        remaining = remaining[chosen.size :]
        temperature, inverse, counts = np.unique(temperatures[chosen], return_inverse=True, return_counts=True)
        moments = np.bincount(inverse, weights=values[chosen]) / counts
        sigmas = np.bincount(inverse, weights=sigma[chosen]) / counts
        layers.append((float(field[chosen].mean()), temperature, moments, sigmas))
    return layers


def _at(known: np.ndarray, moments: np.ndarray, temperature: float, where: str, label: str) -> float:
    if not known[0] - TEMPERATURE_MARGIN <= temperature <= known[-1] + TEMPERATURE_MARGIN:
        raise MagnetometryError(
            f"{where}: {temperature:g} K lies outside the holder {label!r} ({known[0]:g} to {known[-1]:g} K at this"
            " field); it is not extrapolated. Measure the holder over the whole range, or leave these points out"
        )
    return float(np.interp(temperature, known, moments))
