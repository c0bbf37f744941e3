"""Where an absorption edge lies: its steepest point, its inflection, or where it has risen by a fraction of its step.

``"steepest"`` is the grid point of the largest (mu[i+1] - mu[i-1])/(E[i+1] - E[i-1]), the convention of the widespread
programs, so that E0 of the same file is the same number here and there; it can only be as good as the grid.
``"inflection"`` is the zero of the second derivative near that point: the maximum of the slope of local cubics (tricube
window; Cleveland, doi:10.1080/01621459.1979.10481038), between grid points and with its standard uncertainty.
``"first_inflection"`` is the same at the first maximum of the slope, which is what foils of metals are calibrated by:
that of iron has two of about the same height. ``"fraction"`` is where a normalised spectrum passes the given height on
its way up the edge (0.5: half step).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.core.uncertain import format_uncertain
from labile.fitting.smoothing import local_polynomial
from labile.techniques.xas.absorption import EV, Spectra, XasError, spectra_of, tabulated_edge

METHODS = ("steepest", "inflection", "first_inflection", "fraction")
AROUND_TABLE = 60.0
"""eV: how far from its tabulated energy the edge of a named element is looked for."""
BESIDE, ABOUT = 15.0, 60.0
"""eV: how far from an edge its rise is measured, and how far the range of absorption that it must dominate."""
LEAST_BEYOND = 8.0
"""eV that the data must go on above an edge."""
LEAST_RISE, LEAST_OF_ALL = 0.15, 0.05
"""Least part of that range, and of the range of the whole spectrum, by which the absorption rises at an edge."""
WHITE_LINE = 0.7
"""A rise to so much of that range is no noise, however narrow the line above the edge is."""
SUPPORT = 0.3
"""Slope of both neighbours, relative to a point's own, that a point of an edge has and a glitch has not."""
HALF_WIDTH = 1.5
"""eV on either side of a point that a cubic is fitted to; core-hole widths of 3d metals are 1 to 2 eV."""
LEAST_POINTS = 7
CENTRES = 20
"""Steps on either side of the steepest point at which the smoothed slope is computed."""
PROMINENCE = 0.1
"""Of the largest slope: what a maximum of the slope must stand out by to be an inflection of its own."""
TOP = 0.9
"""Of the edge step: no pre-edge peak is as high."""
HEIGHT = 0.5
"""Of the largest slope: what the first inflection of a foil must reach."""


@dataclass(frozen=True, eq=False)
class EdgeEnergy:
    """Edge energies of N spectra.

    Attributes
    ----------
    energy, sigma : ndarray (N,)
        J.
    method : str
    """

    energy: np.ndarray
    sigma: np.ndarray
    method: str

    def __repr__(self) -> str:
        shown = ", ".join(
            format_uncertain(e / EV, s / EV) for e, s in zip(self.energy[:4], self.sigma[:4], strict=True)
        )
        return f"<EdgeEnergy ({self.method}): {shown}{', ...' if self.energy.size > 4 else ''} eV>"


def find_edge(
    spectrum: Measurement,
    method: str = "steepest",
    *,
    fraction: float = 0.5,
    element: str = "",
    edge: str = "",
    half_width: float = HALF_WIDTH * EV,
) -> EdgeEnergy:
    """Edge energy of every spectrum of a measurement.

    Parameters
    ----------
    spectrum : Measurement
        ``"absorption"`` or ``"normalized_absorption"`` along energy.
    method : {"steepest", "inflection", "first_inflection", "fraction"}
        See the module; ``"fraction"`` needs a normalised spectrum.
    fraction : float
        Of the edge step, between 0 and 1.
    element, edge : str
        Where they are given, or named by the attributes of the measurement, the edge is looked for within 60 eV of its
        tabulated energy.
    half_width : float
        J, of the window of the local cubics.

    Returns
    -------
    EdgeEnergy
        Sigma of the steepest point: a grid step over sqrt 12, and half the span of the points whose slopes differ from
        the largest by less than their noise (where the noise is known).

    Raises
    ------
    XasError
        If the edge is not within the data, its rise does not dominate the spectrum about it, or a window holds no
        inflection.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> energy = np.arange(7000.0, 7300.0, 0.5)
    >>> mu = 0.5 + np.arctan((energy - 7120.2) / 1.5) / np.pi
    >>> m = Measurement("absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV))
    >>> round(float(find_edge(m).energy[0] / EV), 2), round(float(find_edge(m, "inflection").energy[0] / EV), 2)
    (7120.0, 7120.2)
    """
    if method == "fraction" and spectrum.quantity != "normalized_absorption":
        raise XasError(f"spectrum {spectrum.label!r}: a fraction of the edge step needs a normalised spectrum")
    spectra = spectra_of(spectrum, points=LEAST_POINTS)
    energy, sigma = edges_of(spectra, method, *named_edge(spectrum, element, edge), fraction, half_width / EV)
    _require_rise(spectra, energy)
    return EdgeEnergy(energy * EV, sigma * EV, method if method != "fraction" else f"{fraction:g} of the edge step")


def _require_rise(spectra: Spectra, edges: np.ndarray) -> None:
    """Refuse edges that are not what dominates the spectrum about them: noise, fine structure, a reversed sign.

    Raises
    ------
    XasError
    """
    for row, at in enumerate(edges):
        values, away = spectra.values[row], spectra.energy - at
        before = values[(away > -BESIDE) & (away < -3.0)]
        after = values[(away > 0.0) & (away < BESIDE)]
        if away[-1] < LEAST_BEYOND:
            raise XasError(
                f"{spectra.where}: it rises most steeply at {at:.2f} eV, {away[-1]:.3g} eV before its end: the edge is"
                " not within the data"
            )
        if min(before.size, after.size) < 3:
            continue
        gain = float(np.median(after) - np.median(before))
        span = float(np.ptp(values[np.abs(away) < ABOUT]))
        top, whole = float(after.max() - np.median(before)), float(np.ptp(values))
        if gain > max(LEAST_RISE * span, LEAST_OF_ALL * whole) or top > max(WHITE_LINE * span, 0.5 * whole):
            continue
        which = f" (scan {row + 1} of {edges.size})" if edges.size > 1 else ""
        raise XasError(
            f"{spectra.where}{which}: there is no edge at {at:.2f} eV, where it rises most steeply: by {gain:.3g}, of"
            f" the {span:.3g} it varies within {ABOUT:g} eV. Does the scan reach the edge, is it lost in noise, or is"
            " the sign of the absorption reversed?"
        )


def edges_of(
    spectra: Spectra, method: str, element: str, edge: str, fraction: float = 0.5, half_width: float = HALF_WIDTH
) -> tuple[np.ndarray, np.ndarray]:
    """Edge energies (N,) and their sigma, all in eV; see `find_edge`."""
    if method not in METHODS:
        raise XasError(f"edge energy: unknown method {method!r}; use one of {', '.join(METHODS)}")
    if method == "fraction":
        return _risen(spectra, fraction)
    index = steepest_points(spectra, *searched_range(spectra, element, edge))
    if method == "steepest":
        return spectra.energy[index], _grid_sigma(spectra, index)
    if method == "first_inflection":
        index = _first_maxima(spectra, index, half_width)
    return _inflections(spectra, index, half_width)


def edge_energies(spectrum: Measurement, method: str = "steepest", **options: object) -> Measurement:
    """Edge energies as a measurement of quantity ``"edge_energy"`` at the conditions of the spectra.

    Parameters are those of `find_edge`.
    """
    found = find_edge(spectrum, method, **options)  # type: ignore[arg-type]
    return replace(
        spectrum,
        quantity="edge_energy",
        values=found.energy,
        sigma=found.sigma,
        unit="eV",
        axis=None,
        provenance=spectrum.provenance.then(f"edge energy: {found.method}"),
    )


def named_edge(spectrum: Measurement, element: str = "", edge: str = "") -> tuple[str, str]:
    """Element and edge as given, else as the attributes of a measurement name them; empty where nothing does."""
    known = spectrum.attributes
    return element or str(known.get("element", "")), edge or str(known.get("edge", "")) or "K"


def searched_range(spectra: Spectra, element: str, edge: str) -> tuple[float, float]:
    """Energies (eV) between which the edge is looked for.

    Raises
    ------
    XasError
        If the data do not reach the edge of the element.
    """
    low, high = float(spectra.energy[0]), float(spectra.energy[-1])
    if not element:
        return low, high
    expected = tabulated_edge(element, edge)
    if expected + AROUND_TABLE < low or expected - AROUND_TABLE > high:
        raise XasError(
            f"{spectra.where}: the {edge} edge of {element} at {expected:.1f} eV lies outside the data, {low:.1f} to"
            f" {high:.1f} eV; another element, or energies in another unit?"
        )
    return max(low, expected - AROUND_TABLE), min(high, expected + AROUND_TABLE)


def slopes(energy: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(mu[i+1] - mu[i-1])/(E[i+1] - E[i-1]) of the inner points, shape (N, M-2)."""
    return np.asarray((values[:, 2:] - values[:, :-2]) / (energy[2:] - energy[:-2]))


def steepest_points(spectra: Spectra, low: float, high: float) -> np.ndarray:
    """Index (N,) of the steepest point of each spectrum between two energies (eV), glitches passed over.

    Raises
    ------
    XasError
        If the slope is largest at an end of the range or nowhere positive.
    """
    first = max(int(spectra.energy.searchsorted(low)), 1)
    last = min(int(spectra.energy.searchsorted(high, side="right")), spectra.energy.size - 1)
    if last - first < 5:
        raise XasError(
            f"{spectra.where}: {max(last - first, 0)} points from {low:.1f} to {high:.1f} eV, too few for an edge"
        )
    slope = slopes(spectra.energy[first - 1 : last + 1], spectra.values[:, first - 1 : last + 1])
    best = slope.argmax(axis=1)
    end = slope.shape[1] - 1
    # row by row: single numbers are read faster than columns of them are gathered
    for row, k in enumerate(best.tolist()):
        if not (0 < k < end and min(slope[row, k - 1], slope[row, k + 1]) > SUPPORT * slope[row, k]):
            best = _supported(slope, best)
            break
    for row, k in enumerate(best.tolist()):
        if 2 <= k <= end - 2 and slope[row, k] > 0:
            continue
        which = f" (scan {row + 1} of {best.size})" if best.size > 1 else ""
        at, start, stop = spectra.energy[[k + first, first, last - 1]]
        raise XasError(
            f"{spectra.where}{which}: it rises most steeply at {at:.1f} eV, at the end of {start:.1f} to {stop:.1f} eV:"
            " the edge is not within the data. Give"
            " edge_energy, or normalise without an edge (method = 'min_max', 'area' or 'none')"
        )
    return np.asarray(best + first)


def _supported(slope: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Steepest points whose neighbours are steep too; a step between two points of a coarse grid has none of them."""
    inner = slope[:, 1:-1]
    supported = np.minimum(slope[:, :-2], slope[:, 2:]) > SUPPORT * np.maximum(inner, 0.0)
    found = np.argmax(np.where(supported, inner, -np.inf), axis=1) + 1
    return np.where(supported.any(axis=1), found, best)


def _grid_sigma(spectra: Spectra, index: np.ndarray) -> np.ndarray:
    energy = spectra.energy
    of_grid = (energy[index + 1] - energy[index - 1]) * (0.5 / math.sqrt(12.0))
    if spectra.sigma is None:
        return np.asarray(of_grid)
    spread = np.zeros(index.size)
    slope = slopes(energy, spectra.values)
    noise = np.hypot(spectra.sigma[:, 2:], spectra.sigma[:, :-2]) / (energy[2:] - energy[:-2])
    for row, k in enumerate(index):
        as_steep = slope[row] > slope[row, k - 1] - math.sqrt(2.0) * noise[row, k - 1]
        near = np.flatnonzero(as_steep & (np.abs(energy[1:-1] - energy[k]) < 10.0)) + 1
        spread[row] = 0.5 * (energy[near[-1]] - energy[near[0]])
    return np.asarray(np.hypot(of_grid, spread))


def _inflections(spectra: Spectra, index: np.ndarray, half_width: float) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of the smoothed slope about the given points, eV, with their sigma."""
    energy = spectra.energy
    found, sigmas = np.empty(index.size), np.empty(index.size)
    for row, k in enumerate(index):
        # wide enough for a cubic with some points to spare wherever its centre lies
        near = np.sort(np.abs(energy[max(k - LEAST_POINTS, 0) : k + LEAST_POINTS + 1] - energy[k]))
        width = max(half_width, 1.3 * float(near[LEAST_POINTS - 1]))
        centres = energy[k] + np.linspace(-width, width, 2 * CENTRES + 1)
        first, last = np.searchsorted(energy, energy[k] + np.array([-2.0 * width, 2.0 * width]))
        y = spectra.values[row, first:last]
        kernels = _slope_kernels(energy[first:last], centres, width)
        slope = kernels @ y
        top = int(np.argmax(slope))
        if not 0 < top < centres.size - 1:
            raise XasError(
                f"{spectra.where}: no inflection within {width:.2g} eV of {energy[k]:.2f} eV, where the spectrum is"
                " steepest; give a wider half_width, or use method = 'steepest'"
            )
        step = width / CENTRES
        tilt = (kernels[top + 1] - kernels[top - 1]) / (2.0 * step)
        bend = float(slope[top + 1] - 2.0 * slope[top] + slope[top - 1]) / step**2
        found[row] = centres[top] - float(tilt @ y) / bend
        noise = _noise(spectra, row, k, width) if spectra.sigma is None else spectra.sigma[row, first:last]
        sigmas[row] = np.linalg.norm(tilt * noise) / -bend
    # data without noise have none
    return found, np.maximum(sigmas, 1e-6)


def _slope_kernels(energy: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    """Weights (C, n) whose product with mu is the slope at each centre: local cubics under a tricube window."""
    z = (energy[None, :] - centres[:, None]) / width
    weight = np.where(np.abs(z) < 1.0, (1.0 - np.minimum(np.abs(z), 1.0) ** 3) ** 3, 0.0)
    powers = z[..., None] ** np.arange(4)
    gram = np.einsum("cn,cni,cnj->cij", weight, powers, powers)
    rows = np.linalg.solve(gram, np.broadcast_to(np.eye(4)[:, [1]], (centres.size, 4, 1)))[..., 0]
    return np.asarray(np.einsum("ci,cni,cn->cn", rows, powers, weight) / width)


def _noise(spectra: Spectra, row: int, k: int, width: float) -> float:
    """Scatter of a spectrum about its edge, from what local cubics leave."""
    first, last = np.searchsorted(spectra.energy, spectra.energy[k] + np.array([-4.0 * width, 4.0 * width]))
    # a cubic over seven points must fit somewhere, however coarse the grid
    first, last = max(min(first, k - LEAST_POINTS), 0), max(last, k + LEAST_POINTS)
    energy, values = spectra.energy[first:last], spectra.values[row, first:last]
    return local_polynomial(energy, values, window=min(7, (energy.size - 1) // 2 * 2 + 1), order=3).noise


def _first_maxima(spectra: Spectra, index: np.ndarray, half_width: float) -> np.ndarray:
    """First prominent maximum of the smoothed slope of each spectrum."""
    from scipy.signal import find_peaks

    found = np.empty(index.size, dtype=int)
    for row, k in enumerate(index):
        first, last = np.searchsorted(spectra.energy, spectra.energy[k] + np.array([-40.0, 40.0]))
        energy, values = spectra.energy[first:last], spectra.values[row, first:last]
        spacing = float(np.median(np.diff(spectra.energy[max(k - 10, 0) : k + 11])))
        window = max(2 * round(half_width / spacing) + 1, 5)
        if energy.size < window + 2:
            raise XasError(
                f"{spectra.where}: {energy.size} points within 40 eV of its steepest point, too few to tell which"
                " inflection is the first"
            )
        slope = local_polynomial(energy, values, window=window, order=2).derivative
        top = float(slope.max())
        peaks, _ = find_peaks(slope, height=HEIGHT * top, prominence=PROMINENCE * top)
        found[row] = first + (int(peaks[0]) if peaks.size else int(np.argmax(slope)))
    return found


def _risen(spectra: Spectra, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    if not 0.0 < fraction < 1.0:
        raise XasError(f"edge energy: the fraction of the edge step must lie between 0 and 1, found {fraction!r}")
    energy = spectra.energy
    found, sigmas = np.empty(spectra.values.shape[0]), np.empty(spectra.values.shape[0])
    for row, values in enumerate(spectra.values):
        # down from the top of the edge to the last point below, so that a high pre-edge peak is not taken for the edge
        high = np.flatnonzero(values >= max(TOP, fraction))
        below = np.flatnonzero(values[: high[0]] < fraction) if high.size else high
        if not below.size:
            raise XasError(f"{spectra.where}: it does not pass {fraction:g} on the edge; is it normalised?")
        left = int(below[-1])
        rise = (values[left + 1] - values[left]) / (energy[left + 1] - energy[left])
        found[row] = energy[left] + (fraction - values[left]) / rise
        noise = _noise(spectra, row, left, HALF_WIDTH) if spectra.sigma is None else float(spectra.sigma[row, left])
        sigmas[row] = max(noise / rise, 1e-6)
    return found, sigmas
