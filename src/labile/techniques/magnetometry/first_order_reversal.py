"""First-order reversal curves in temperature: how the switching temperatures of a crystal are distributed.

A hysteron is a domain that switches up at T_up when heated and down at T_down when cooled. Starting from the fully
switched crystal, the temperature is reversed at T_a and the curve n(T_a, T_b) is measured on the way back. With
m = 2n - 1 the density of hysterons is

    rho(T_a, T_b) = -1/2 d2m/dT_a dT_b        (curves measured on heating: T_down = T_a, T_up = T_b)

and the same with a plus for curves measured on cooling (T_up = T_a, T_down = T_b). Its integral is the share of the
crystal that switches within the family. Derivatives come from second-order polynomials fitted to neighbouring points,
SF curves and SF temperature steps to either side (Pike, Roberts and Verosub, doi:10.1063/1.370176).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.branches import split_branches
from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.magnetometry.holder import MagnetometryError
from labile.techniques.magnetometry.reduction import MagnetometryWarning

FEWEST_CURVES = 4
SAME_REVERSAL = 0.02
"""K; two curves that reverse closer than this are one curve measured twice."""
OVERSMOOTHED = 2.0
"""Misfit of the polynomials over the noise from which a smaller smoothing factor is called for."""
_TERMS = 6


@dataclass(frozen=True, eq=False)
class Marginal:
    """The distribution along one direction.

    Attributes
    ----------
    temperature : ndarray (K,)
        K.
    density, sigma : ndarray (K,)
        K-1.
    """

    temperature: np.ndarray
    density: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True, eq=False)
class ReversalDistribution:
    """Density of hysterons on a grid of reversal temperatures and temperatures.

    Attributes
    ----------
    direction : {"heating", "cooling"}
        In which the reversal curves were measured.
    reversal : ndarray (R,)
        T_a, K, ascending.
    temperature : ndarray (G,)
        T_b, K, ascending, evenly spaced.
    density, sigma : ndarray (R, G)
        K-2; NaN where there are no curves. Neighbours share data points and are correlated.
    smoothing : int
        SF.
    noise : float
        Standard deviation of the high-spin fraction about the polynomials.
    misfit : float
        That over the stated noise; NaN when none was stated. Far above 1, SF is too large.
    switched, sigma_switched : float
        Integral of the density: the share of the crystal that switches within the family.
    bias, coercivity : Marginal
        Along (T_up + T_down)/2, the interactions, and (T_up - T_down)/2, half of the width of single loops.
    up, down : Marginal
        Along T_up and T_down.
    steps : tuple of str
        What was done, sentence by sentence.
    """

    direction: str
    reversal: np.ndarray
    temperature: np.ndarray
    density: np.ndarray
    sigma: np.ndarray
    smoothing: int
    noise: float
    misfit: float
    switched: float
    sigma_switched: float
    bias: Marginal
    coercivity: Marginal
    up: Marginal
    down: Marginal
    steps: tuple[str, ...] = ()


def reversal_curves(
    measurements: Sequence[Measurement], *, direction: str = "auto", dead_band_k: float = 0.5
) -> tuple[Measurement, ...]:
    """Reversal curves of one log or of one file a curve, by reversal temperature.

    Parameters
    ----------
    measurements : sequence of Measurement
        chi*T or high-spin fraction; logs are split with `core.branches.split_branches`.
    direction : {"auto", "heating", "cooling"}
        In which the curves were measured; by default that whose curves start at the most different temperatures.
    dead_band_k : float
        K, passed to `split_branches`.

    Returns
    -------
    tuple of Measurement
        At least four, of one branch; the first temperature of each is its reversal temperature.

    Raises
    ------
    MagnetometryError
        For fewer than four curves, another quantity, or two curves with one reversal temperature.

    Examples
    --------
    >>> t = np.concatenate(
    ...     [part for low in (95.0, 90.0, 85.0, 80.0) for part in (np.arange(120, low, -1.0), np.arange(low, 120))]
    ... )
    >>> log = Measurement("high_spin_fraction", np.ones(t.size), Conditions(t))
    >>> [float(curve.temperature[0]) for curve in reversal_curves([log])]
    [80.0, 85.0, 90.0, 95.0]
    """
    if direction not in ("auto", "heating", "cooling"):
        raise MagnetometryError(f"reversal curves: direction must be auto, heating or cooling, found {direction!r}")
    parts: list[Measurement] = []
    for one in measurements:
        if one.quantity not in ("chi_t", "high_spin_fraction") or one.axis is not None:
            raise MagnetometryError(
                f"measurement {one.label!r}: reversal curves are chi_t or high_spin_fraction, found {one.quantity}"
            )
        parts += [one] if one.branch in ("heating", "cooling") else _with_turning_points(one, dead_band_k)
    if len({part.quantity for part in parts}) > 1:
        raise MagnetometryError("reversal curves: they must all be chi_t or all high_spin_fraction")
    by_branch = {
        branch: [_in_order(part) for part in parts if part.branch == branch and len(part) >= 3]
        for branch in ("heating", "cooling")
    }
    if direction == "auto":
        spread = {branch: np.ptp([c.temperature[0] for c in curves] or [0.0]) for branch, curves in by_branch.items()}
        direction = max(spread, key=lambda branch: (len(by_branch[branch]) >= FEWEST_CURVES, spread[branch]))
    curves = sorted(by_branch[direction], key=lambda curve: float(curve.temperature[0]))
    if len(curves) < FEWEST_CURVES:
        raise MagnetometryError(
            f"reversal curves: {len(curves)} measured on {direction}, at least {FEWEST_CURVES} are needed for a second"
            " derivative; measure more reversal temperatures, or pass the whole log"
        )
    start = np.array([float(curve.temperature[0]) for curve in curves])
    twice = np.flatnonzero(np.diff(start) <= SAME_REVERSAL)
    if twice.size:
        first, second = curves[twice[0]], curves[twice[0] + 1]
        raise MagnetometryError(
            f"reversal curves: {first.label!r} and {second.label!r} both start at {start[twice[0]]:.5g} K; leave one"
            " out"
        )
    return tuple(curves)


def reversal_distribution(
    measurements: Sequence[Measurement],
    *,
    smoothing: int = 3,
    direction: str = "auto",
    plateaus: tuple[float, float] | None = None,
    step: float | None = None,
    dead_band_k: float = 0.5,
) -> ReversalDistribution:
    """Distribution of switching temperatures from a family of first-order reversal curves.

    Parameters
    ----------
    measurements : sequence of Measurement
        See `reversal_curves`.
    smoothing : int
        SF: polynomials take SF curves and SF temperature steps to either side.
    direction : {"auto", "heating", "cooling"}
    plateaus : tuple of float, optional
        chi*T (m3 K/mol) of the unswitched and of the switched crystal. By default the start of the outermost curve and
        the common end of all curves.
    step : float, optional
        K, of the temperature grid; by default the median step of the curves.
    dead_band_k : float
        K, passed to `split_branches`.

    Returns
    -------
    ReversalDistribution
        Sigmas from the stated sigma of the points, or from their scatter about the polynomials.

    Raises
    ------
    MagnetometryError
        As `reversal_curves`; when there are fewer curves than the smoothing factor asks for; for plateaus that are no
        step, or when no window holds enough points.

    Warns
    -----
    MagnetometryWarning
        When the polynomials miss the points by more than twice the stated noise.
    """
    curves = reversal_curves(measurements, direction=direction, dead_band_k=dead_band_k)
    if isinstance(smoothing, bool) or not isinstance(smoothing, int) or smoothing < 1:
        raise MagnetometryError(f"reversal curves: smoothing must be a whole number from 1 on, found {smoothing!r}")
    if len(curves) < smoothing + 2:
        raise MagnetometryError(
            f"reversal curves: {len(curves)} curves are too few for smoothing = {smoothing}, which needs"
            f" {smoothing + 2}; use a smaller factor or measure more curves"
        )
    branch = curves[0].branch
    fractions, sigmas, steps = _fractions(curves, plateaus)
    start = np.array([float(curve.temperature[0]) for curve in curves])
    grid = _grid(curves, step)
    spacing = float(grid[1] - grid[0])
    owner = np.concatenate([np.full(len(curve), i) for i, curve in enumerate(curves)])
    at = np.concatenate([curve.temperature for curve in curves])
    values = np.concatenate(fractions)
    weights = _derivative_weights(start, owner, at, grid, curves, smoothing, spacing)
    if not weights:
        raise MagnetometryError(
            f"reversal curves: no point of the grid has {_TERMS + 1} data points on three curves around it; use a"
            " larger smoothing factor, a larger step, or measure more points"
        )
    noise = math.sqrt(
        sum(float(values[rows[own]] - hat @ values[rows]) ** 2 for _, _, rows, _, hat, own in weights)
        / sum(1.0 - float(hat[own]) for _, _, _, _, hat, own in weights)
    )
    stated = None if sigmas is None else np.concatenate(sigmas)
    misfit = math.nan if stated is None else noise / float(np.sqrt(np.mean(stated**2)))
    if misfit > OVERSMOOTHED:
        sentence = (
            f"the polynomials miss the points by {misfit:.2g} times the stated noise; a smaller smoothing factor than"
            f" {smoothing} loses less"
        )
        steps.append(sentence)
        warnings.warn(f"reversal curves: {sentence}", MagnetometryWarning, stacklevel=2)
    spread = np.full(values.size, noise) if stated is None else stated
    sign = -1.0 if branch == "heating" else 1.0
    linear = _stacked([(rows, sign * mixed) for _, _, rows, mixed, _, _ in weights], values.size)
    cell = np.array([(i, j) for i, j, *_ in weights])
    density = np.full((start.size, grid.size), np.nan)
    sigma = density.copy()
    found = linear @ values
    density[cell[:, 0], cell[:, 1]] = found
    sigma[cell[:, 0], cell[:, 1]] = np.sqrt(linear.power(2) @ spread**2)
    area = _areas(start, spacing, cell, density)
    up, down = (grid[cell[:, 1]], start[cell[:, 0]])[:: 1 if branch == "heating" else -1]
    width = max(spacing, float(np.median(np.diff(start))))

    def marginal(x: np.ndarray) -> Marginal:
        return _marginal(x, area, linear, values, spread, width)

    total = linear.T @ area
    steps.append(
        f"density of hysterons from {len(curves)} curves on {branch} ({start[0]:.4g} to {start[-1]:.4g} K), smoothing"
        f" factor {smoothing}, grid step {spacing:.3g} K"
    )
    return ReversalDistribution(
        branch, start, grid, density, sigma, smoothing, noise, misfit,
        float(total @ values), float(np.sqrt(total**2 @ spread**2)),
        marginal((up + down) / 2), marginal((up - down) / 2), marginal(up), marginal(down), tuple(steps),
    )  # fmt: skip


def reduce_reversals(
    measurements: Sequence[Measurement],
    *,
    quantity: str = "switching_density",
    smoothing: int = 3,
    direction: str = "auto",
    step: float | None = None,
) -> list[Measurement]:
    """Distribution of switching temperatures as measurements: one a reversal temperature, along the temperature.

    Parameters
    ----------
    measurements, smoothing, direction, step
        See `reversal_distribution`.
    quantity : {"switching_density"}

    Returns
    -------
    list of Measurement
        ``"switching_density"`` (K-2) at the reversal temperature, along the axis ``"temperature"``.
    """
    if quantity != "switching_density":
        raise MagnetometryError(f"reversal curves give switching_density, not {quantity!r}")
    found = reversal_distribution(measurements, smoothing=smoothing, direction=direction, step=step)
    first = measurements[0]
    out = []
    for i, reversal in enumerate(found.reversal):
        known = np.isfinite(found.density[i]) & (found.sigma[i] > 0)
        if np.any(known):
            out.append(
                Measurement(
                    "switching_density",
                    found.density[i, known][None, :],
                    Conditions(float(reversal)),
                    sigma=found.sigma[i, known][None, :],
                    axis=Axis("temperature", found.temperature[known]),
                    branch=found.direction,
                    sample=first.sample,
                    label=f"{first.label} reversed at {reversal:.4g} K",
                    provenance=replace(first.provenance, reader="first_order_reversal").then(*found.steps),
                )
            )
    return out


def _with_turning_points(log: Measurement, dead_band_k: float) -> list[Measurement]:
    """The sweeps of a log, each from the point at which the direction turned."""
    out: list[Measurement] = []
    position = 0
    for part in split_branches(log, dead_band_k):
        turned = bool(out) and {part.branch, out[-1].branch} == {"heating", "cooling"}
        rows = slice(position - 1 if turned else position, position + len(part))
        out.append(replace(log[rows], branch=part.branch, label=part.label, provenance=part.provenance))
        position += len(part)
    return out


def _in_order(curve: Measurement) -> Measurement:
    """The curve from its reversal on, each temperature once and farther than the one before."""
    sense = 1.0 if curve.branch == "heating" else -1.0
    along = sense * curve.temperature
    first = int(np.argmin(along))
    highest = np.maximum.accumulate(along[first:])
    onward = np.concatenate(([True], highest[1:] > highest[:-1]))
    return curve[first:][onward]


def _fractions(
    curves: Sequence[Measurement], plateaus: tuple[float, float] | None
) -> tuple[list[np.ndarray], list[np.ndarray] | None, list[str]]:
    """High-spin fraction of every curve, its sigma, and what was done."""
    steps = []
    low, high = 0.0, 1.0
    if plateaus is not None:
        low, high = plateaus
        if not (math.isfinite(low) and math.isfinite(high) and low != high):
            raise MagnetometryError(f"reversal curves: plateaus must be two different numbers, found {plateaus!r}")
        steps.append(f"plateaus given: {low:.5g} and {high:.5g} (SI)")
    elif curves[0].quantity == "chi_t":
        outer = curves[0] if curves[0].branch == "heating" else curves[-1]
        begin = float(np.median(outer.values[: max(3, len(outer) // 50)]))
        end = float(np.median([np.median(curve.values[-max(3, len(curve) // 50) :]) for curve in curves]))
        low, high = (begin, end) if outer.branch == "heating" else (end, begin)
        noise = max((float(np.median(c.sigma)) for c in curves if c.sigma is not None), default=0.0)
        if abs(high - low) <= max(5 * noise, 0.02 * max(abs(high), abs(low))):
            raise MagnetometryError(
                f"reversal curves: chi*T is {begin:.4g} where the outermost curve starts and {end:.4g} where the curves"
                " end (SI); there is no step between them. Give plateaus"
            )
        steps.append(
            f"high-spin fraction between chi*T {low:.5g} and {high:.5g} m3 K/mol, read from the start of the outermost"
            " curve and the end of all curves"
        )
    fractions = [(curve.values - low) / (high - low) for curve in curves]
    if any(curve.sigma is None for curve in curves):
        return fractions, None, steps
    return fractions, [np.asarray(curve.sigma) / abs(high - low) for curve in curves], steps


def _grid(curves: Sequence[Measurement], step: float | None) -> np.ndarray:
    if step is None:
        step = float(np.median(np.concatenate([np.abs(np.diff(curve.temperature)) for curve in curves])))
    if not (step > 0 and math.isfinite(step)):
        raise MagnetometryError(f"reversal curves: step must be > 0 K, found {step!r}")
    low = min(float(curve.temperature.min()) for curve in curves)
    high = max(float(curve.temperature.max()) for curve in curves)
    count = int((high - low) / step)
    if not 4 <= count <= 5000:
        raise MagnetometryError(
            f"reversal curves: a step of {step:.3g} K makes {count} grid points between {low:.4g} and {high:.4g} K;"
            " give another step"
        )
    return low + step * np.arange(count + 1)


_Window = tuple[int, int, np.ndarray, np.ndarray, np.ndarray, int]
"""Row and column of the grid, data points of the window, weights of the mixed derivative, of the smoothed
value, and which point of the window is nearest to the grid point."""


def _derivative_weights(
    start: np.ndarray,
    owner: np.ndarray,
    at: np.ndarray,
    grid: np.ndarray,
    curves: Sequence[Measurement],
    smoothing: int,
    spacing: float,
) -> list[_Window]:
    """For every grid point on the data: d2n/dT_a dT_b as a linear combination of the values around it."""
    reach = (smoothing + 0.5) * spacing
    out: list[_Window] = []
    for i, curve in enumerate(curves):
        near_curve = np.abs(owner - i) <= smoothing
        low, high = float(curve.temperature.min()), float(curve.temperature.max())
        unit = float(np.ptp(start[max(0, i - smoothing) : i + smoothing + 1])) / 2
        for j in np.flatnonzero((grid >= low - 1e-9) & (grid <= high + 1e-9)):
            rows = np.flatnonzero(near_curve & (np.abs(at - grid[j]) <= reach))
            if rows.size <= _TERMS or np.unique(owner[rows]).size < 3:
                continue
            x, y = (start[owner[rows]] - start[i]) / unit, (at[rows] - grid[j]) / reach
            basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
            q, r = np.linalg.qr(basis)
            size = np.abs(np.diag(r))
            if size.min() <= 1e-6 * size.max():
                continue
            mixed = np.linalg.solve(r, q.T)[5] / (unit * reach)
            own = int(np.argmin(np.abs(owner[rows] - i) * 1e6 + np.abs(y)))
            out.append((i, int(j), rows, mixed, q @ q[own], own))
    return out


def _stacked(rows: Sequence[tuple[np.ndarray, np.ndarray]], columns: int) -> Any:
    """Sparse matrix with these (columns, values) as rows."""
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *(index.size for index, _ in rows)])
    data = np.concatenate([values for _, values in rows]), np.concatenate([index for index, _ in rows])
    return csr_matrix((*data, ends), shape=(len(rows), columns))


def _areas(start: np.ndarray, spacing: float, cell: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Area (K2) that each grid point stands for: trapezoids over the reversal temperatures and the grid."""
    width = np.gradient(start)
    width[[0, -1]] /= 2
    known = np.isfinite(density)
    height = np.full(density.shape, spacing)
    for i in range(start.size):
        columns = np.flatnonzero(known[i])
        if columns.size:
            height[i, [columns[0], columns[-1]]] /= 2
    return np.asarray(width[cell[:, 0]] * height[cell[:, 0], cell[:, 1]])


def _marginal(
    x: np.ndarray, area: np.ndarray, linear: Any, values: np.ndarray, spread: np.ndarray, width: float
) -> Marginal:
    """Density along x; every grid point is shared between its two neighbouring bins."""
    low = float(x.min())
    place = (x - low) / width
    left = np.floor(place).astype(int)
    count = int(left.max()) + 2
    from scipy.sparse import coo_matrix

    index = np.arange(x.size)
    part = place - left
    data = np.concatenate([(1.0 - part) * area, part * area]) / width
    share = coo_matrix((data, (np.concatenate([left, left + 1]), np.concatenate([index, index]))), (count, x.size))
    combined = share.tocsr() @ linear
    return Marginal(low + width * np.arange(count), combined @ values, np.sqrt(combined.power(2) @ spread**2))
