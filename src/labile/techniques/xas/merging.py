"""Scans of one sample at one condition: brought onto one energy scale, and averaged with what they scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.techniques.xas.absorption import EV, XasError, spectra_of
from labile.techniques.xas.calibration import require_same_reference
from labile.techniques.xas.edge_energy import find_edge

ALIGN_WINDOW = (-20.0 * EV, 40.0 * EV)
FARTHEST_SHIFT = 3.0 * EV
POOLED = 20
"""Degrees of freedom that the scatter of one point is taken from, neighbours included."""
LEAST_SHARED = 0.5
"""Part of the shortest scan that all scans must share; less, and they are of different edges."""
ODD = 2.0
"""Times the usual scatter by which a scan that differs from all others is named."""


@dataclass(frozen=True, eq=False)
class Merged:
    """An average of scans.

    Attributes
    ----------
    measurement : Measurement
        One spectrum; sigma is the standard error of the mean from the scatter.
    shifts, sigma_shifts : ndarray (n,)
        J: what was added to the energies of each scan; 0 where they were not aligned.
    deviations : ndarray (n,)
        Root mean square difference of each scan from the mean of the others, in units of what their median scatter
        predicts: about 1 for scans that agree.
    odd : tuple of int
        Scans (from 1) whose deviation is above 2.
    """

    measurement: Measurement
    shifts: np.ndarray
    sigma_shifts: np.ndarray
    deviations: np.ndarray
    odd: tuple[int, ...]


def align_scans(
    scans: Sequence[Measurement],
    *,
    reference: int = 0,
    window: tuple[float, float] = ALIGN_WINDOW,
    limit: float = FARTHEST_SHIFT,
) -> tuple[list[Measurement], np.ndarray, np.ndarray]:
    """Put scans on the energy scale of one of them.

    Each scan is fitted with offset + scale x (reference shifted in energy) near the edge. Align the spectra of a foil
    measured with each scan where there are any: a sample that changes moves its own edge.

    Parameters
    ----------
    scans : sequence of Measurement
        One spectrum each.
    reference : int
        Position of the scan that stays.
    window : tuple of float
        J relative to the edge of the reference.
    limit : float
        J: a larger shift is refused.

    Returns
    -------
    aligned : list of Measurement
    shifts, sigma : ndarray (n,)
        J, added to the energies.

    Raises
    ------
    XasError
        If a scan would have to be moved by more than the limit.
    """
    from scipy.interpolate import CubicSpline

    _require_single(scans)
    fixed = spectra_of(scans[reference])
    edge = float(find_edge(scans[reference]).energy[0])
    spline = CubicSpline(fixed.energy * EV, fixed.values[0])
    slope = spline.derivative()
    shifts, sigmas, aligned = np.zeros(len(scans)), np.zeros(len(scans)), list(scans)
    for number, scan in enumerate(scans):
        if number == reference:
            continue
        own = spectra_of(scan)
        energy = own.energy * EV
        low, high = max(edge + window[0], spline.x[0] + limit), min(edge + window[1], spline.x[-1] - limit)
        near = (energy > low) & (energy < high)
        if np.sum(near) < 8:
            raise XasError(
                f"{own.where}: {int(np.sum(near))} points about the edge of the reference, too few to align by"
            )
        result = fit(_shift_problem(energy[near], own.values[0, near], spline, slope, limit))
        if not result.converged or result.at_bound:
            raise XasError(
                f"{own.where}: it cannot be aligned with {scans[reference].label!r} within {limit / EV:g} eV"
                f" ({result.message}); is it of the same sample and edge?"
            )
        spread = math.sqrt(result.chi2 / max(result.degrees_of_freedom, 1))
        shifts[number], sigmas[number] = (
            result.value("scan.energy_shift"),
            spread * result.sigma_of("scan.energy_shift"),
        )
        said = format_uncertain(shifts[number] / EV, sigmas[number] / EV)
        aligned[number] = replace(
            scan,
            axis=Axis("energy", energy + shifts[number]),
            provenance=scan.provenance.then(f"energies moved by {said} eV to align with {scans[reference].label}"),
        )
    return aligned, shifts, sigmas


def _shift_problem(energy: np.ndarray, y: np.ndarray, spline: object, slope: object, limit: float) -> Problem:
    parameters = Parameters(
        (
            Parameter("scan.energy_shift", 0.0, "eV", lower=-limit, upper=limit),
            Parameter("scan.offset", 0.0, "1"),
            Parameter("scan.scale", 1.0, "1"),
        )
    )

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shift, offset, scale = vector
        curve = spline(energy + shift)  # type: ignore[operator]
        jacobian = np.stack([scale * slope(energy + shift), np.ones(energy.size), curve], axis=1)  # type: ignore[operator]
        return offset + scale * curve - y, jacobian

    return Problem(parameters, evaluate, (Block("scan", energy.size),))


def merge_scans(
    scans: Sequence[Measurement] | Measurement, *, align: bool = False, temperature_within: float = 1.0
) -> Merged:
    """Average scans of one sample at one condition.

    Scans on one grid are averaged as they are, others by cubic splines on the grid of the first, where all have data.

    Parameters
    ----------
    scans : sequence of Measurement, or Measurement of n scans
        Of one quantity and energy convention. Normalised scans do not scatter with the thickness of the sample.
    align : bool
        Whether to `align_scans` first.
    temperature_within : float
        K: scans of temperatures that differ by more are not one condition.

    Returns
    -------
    Merged
        Sigma is the scatter of the scans over sqrt n. With few scans the scatter of neighbouring points is pooled
        until it has 20 degrees of freedom.

    Raises
    ------
    XasError
        For fewer than two scans, other conditions, quantities or energy conventions.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> energy = np.arange(7100.0, 7140.0)
    >>> noise = np.random.default_rng(0).normal(0.0, 0.01, (4, 40))
    >>> scans = Measurement(
    ...     "absorption", np.arctan(energy - 7120.0) + noise, Conditions([300.0] * 4), axis=Axis("energy", energy * EV)
    ... )
    >>> 0.004 < float(merge_scans(scans).measurement.sigma.mean()) < 0.006
    True
    """
    rows = [scans[k] for k in range(len(scans))] if isinstance(scans, Measurement) else list(scans)
    if len(rows) < 2:
        raise XasError("merging needs at least two scans")
    _require_single(rows)
    if len({row.quantity for row in rows}) > 1:
        raise XasError(
            f"scans of different quantities cannot be merged: {', '.join(sorted({r.quantity for r in rows}))}"
        )
    require_same_reference(rows)
    kelvin = np.concatenate([row.temperature for row in rows])
    pascal = np.concatenate([np.asarray(row.conditions.pressure) for row in rows])
    if np.ptp(kelvin) > temperature_within or np.ptp(pascal) > 0.01 * pascal.max() + 1e5:
        raise XasError(
            f"scans at {kelvin.min():g} to {kelvin.max():g} K and {pascal.min() / 1e9:g} to {pascal.max() / 1e9:g} GPa"
            " are not one condition; merge those of one condition, or state temperature_within"
        )
    shifts = sigmas = np.zeros(len(rows))
    if align:
        rows, shifts, sigmas = align_scans(rows)
    energy, stack, interpolated = _on_one_grid(rows)
    n = stack.shape[0]
    mean = stack.mean(axis=0)
    width = min(2 * math.ceil(0.5 * (POOLED / (n - 1) - 1)) + 1, energy.size)
    scatter = _running_mean(np.sum((stack - mean) ** 2, axis=0) / (n - 1), max(width, 1))
    # data without noise scatter by round-off
    sigma = np.sqrt(np.maximum(scatter / n, (1e-12 * float(np.ptp(mean)) + 1e-300) ** 2))
    # a scan differs from the mean of the others by sqrt(n/(n-1)) of its noise
    others = (n * mean - stack) / (n - 1)
    apart = np.sqrt(np.mean((stack - others) ** 2, axis=1) * (n - 1) / n)
    # two scans differ from each other equally: nothing says which is odd
    deviations = apart / max(float(np.median(apart)), 1e-300) if n > 2 else np.ones(2)
    odd = tuple(int(k) + 1 for k in np.flatnonzero(deviations > ODD))
    step = (
        f"mean of {n} scans: {', '.join(row.provenance.source or row.label for row in rows)}; sigma from their scatter"
    )
    if interpolated:
        step += f"; interpolated on the energies of the first that all share, {energy[0]:.1f} to {energy[-1]:.1f} eV"
    if odd:
        step += (
            f"; scan {', '.join(map(str, odd))} differs from the others by more than {ODD:g} times what they scatter"
        )
    first = rows[0]
    merged = replace(
        first,
        values=mean[None, :],
        sigma=sigma[None, :],
        axis=Axis("energy", energy * EV),
        conditions=replace(first.conditions, temperature=float(kelvin.mean()), time=None),
        correlated=(),
        provenance=first.provenance.then(step),
    )
    return Merged(merged, shifts, sigmas, deviations, odd)


def _require_single(scans: Sequence[Measurement]) -> None:
    for scan in scans:
        if len(scan) != 1:
            raise XasError(f"spectrum {scan.label!r}: one scan each is expected, found {len(scan)}")


def _on_one_grid(rows: Sequence[Measurement]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Energies (M,) in eV, scans (n, M), and whether they had to be interpolated."""
    spectra = [spectra_of(row) for row in rows]
    energy = spectra[0].energy
    if all(one.energy.size == energy.size and np.allclose(one.energy, energy, rtol=0, atol=1e-6) for one in spectra):
        return energy, np.concatenate([one.values for one in spectra]), False
    from scipy.interpolate import CubicSpline

    low, high = max(one.energy[0] for one in spectra), min(one.energy[-1] for one in spectra)
    energy = energy[(energy >= low) & (energy <= high)]
    shortest = min(float(np.ptp(one.energy)) for one in spectra)
    if energy.size < 3 or high - low < LEAST_SHARED * shortest:
        raise XasError(
            f"{spectra[0].where}: the scans share no more than {max(high - low, 0.0):.4g} of {shortest:.4g} eV; are"
            " they of one edge?"
        )
    return energy, np.stack([CubicSpline(one.energy, one.values[0])(energy) for one in spectra]), True


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` neighbours, fewer at the ends."""
    kernel = np.ones(width)
    return np.asarray(np.convolve(values, kernel, "same") / np.convolve(np.ones(values.size), kernel, "same"))
