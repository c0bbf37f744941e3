"""Moment of the empty sample holder at the conditions of a sample."""

from __future__ import annotations

import math

import numpy as np

from labile.core.constants import VACUUM_PERMEABILITY
from labile.core.measurement import Measurement

TEMPERATURE_MARGIN = 0.5
"""K by which a sample may lie outside the holder's range: two settings of one cryostat differ by this much."""


class MagnetometryError(ValueError):
    """Magnetic data that cannot be reduced as asked; the message says what to give."""


def holder_moment(
    holder: Measurement | float, sample: Measurement, sigma_constant: float = 0.0
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Moment of the holder at each point of a sample.

    A measured holder is interpolated linearly in temperature within each of its fields, then between fields; a
    field within 0.5 % (and 0.1 mT) of a measured one is scaled to it.

    Parameters
    ----------
    holder : Measurement or float
        ``"moment"``, or moment per H in m3 (SI; 1 emu/Oe = 4 pi 1e-6 m3).
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
    if not isinstance(holder, Measurement):
        if not math.isfinite(holder) or abs(holder) > 1e-6:
            raise MagnetometryError(
                f"{where}: a constant holder is its moment per H in m3 (1e-9 emu/Oe is 1.26e-14 m3), found {holder!r}"
            )
        strength = field / VACUUM_PERMEABILITY
        sigma = np.abs(strength) * sigma_constant if sigma_constant else None
        return holder * strength, sigma, f"holder removed: {holder / (4e-6 * math.pi):.5g} emu/Oe"
    if holder.quantity != "moment" or holder.axis is not None:
        raise MagnetometryError(f"{where}: the holder {holder.label!r} must be a moment, found {holder.quantity}")
    if sigma_constant:
        raise MagnetometryError(f"{where}: sigma_holder is for a constant holder; a measured one brings its own sigma")
    layers = _layers(holder)
    fields = np.array([layer[0] for layer in layers])
    total = holder.total_sigma
    moment, spread = np.zeros(len(sample)), np.zeros(len(sample))
    for i, (temperature, b) in enumerate(zip(sample.temperature, field, strict=True)):
        nearest = int(np.argmin(np.abs(fields - b)))
        if abs(fields[nearest] - b) <= _field_tolerance(b):
            weights = {nearest: b / fields[nearest] if fields[nearest] != 0 else 1.0}
        else:
            above = int(np.searchsorted(fields, b))
            if above in (0, fields.size):
                raise MagnetometryError(
                    f"{where}: point {i + 1} is at {b:g} T, the holder {holder.label!r} was measured at"
                    f" {', '.join(f'{f:.4g}' for f in fields[:8])} T; it is not extrapolated. Measure the holder"
                    " at this field, or give its moment per H as one number"
                )
            share = (b - fields[above - 1]) / (fields[above] - fields[above - 1])
            weights = {above - 1: 1.0 - share, above: share}
        moment[i] = sum(
            w * _at(layers[k][1], layers[k][2], temperature, where, holder.label) for k, w in weights.items()
        )
        if total is not None:
            spread[i] = sum(abs(w) * np.interp(temperature, layers[k][1], layers[k][3]) for k, w in weights.items())
    step = f"holder removed: {holder.label} ({holder.provenance.source or 'inline'}), {len(holder)} points interpolated"
    return moment, spread if total is not None else None, step


def _field_tolerance(b: float) -> float:
    return 1e-4 + 5e-3 * abs(b)


def _layers(holder: Measurement) -> list[tuple[float, np.ndarray, np.ndarray, np.ndarray]]:
    """One (field, temperatures, moments, sigmas) per field of the holder, both ascending."""
    field = np.asarray(holder.conditions.magnetic_field)
    sigma = holder.total_sigma if holder.total_sigma is not None else np.zeros(len(holder))
    layers = []
    remaining = np.argsort(field, kind="stable")
    while remaining.size:
        first = field[remaining[0]]
        chosen = remaining[field[remaining] - first <= _field_tolerance(first)]
        remaining = remaining[chosen.size :]
        temperature, inverse, counts = np.unique(holder.temperature[chosen], return_inverse=True, return_counts=True)
        moments = np.bincount(inverse, weights=holder.values[chosen]) / counts
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
