"""Repairs of spectra, each one asked for and recorded: order, duplicates, units, glitches, saturation, range.

The N spectra of a measurement share one axis, so a point that is removed is removed from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labile.core.constants import PLANCK, SPEED_OF_LIGHT
from labile.core.measurement import Axis, Measurement
from labile.techniques.xas.absorption import DUPLICATE, EV, XasError, spectra_of
from labile.techniques.xas.edge_energy import find_edge

SATURATED_RUN = 4
"""Equal values in a row, at the very top or bottom of a spectrum, that only a detector at its limit gives."""
THRESHOLD = 7.0
"""Robust standard deviations from its neighbours that make a point a glitch."""
EDGE_REGION = (-20.0 * EV, 50.0 * EV)
"""About the edge, where sharp features are the spectrum; glitches there must be named."""
NEIGHBOURS = 4
"""Points on either side that a point is predicted from."""
MOST = 0.03
"""Share of the points of a spectrum that glitches may be; more is noise or structure."""


def sorted_energies(spectrum: Measurement) -> Measurement:
    """The same points in order of rising energy.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> m = Measurement(
    ...     "absorption", [[1.0, 0.9, 0.1]], Conditions(9.0), axis=Axis("energy", np.array([7200.0, 7130, 7100]) * EV)
    ... )
    >>> sorted_energies(m).values.tolist(), sorted_energies(m).provenance.steps
    ([[0.1, 0.9, 1.0]], ('points sorted by energy: the energies decreased',))
    """
    energy = _energies(spectrum)
    order = np.argsort(energy, kind="stable")
    if np.array_equal(order, np.arange(order.size)):
        return spectrum
    if np.all(np.diff(energy) <= 0):
        said = "the energies decreased"
    else:
        said = f"{int(np.sum(np.diff(energy) < 0))} energies were lower than the one before"
    return _selected(spectrum, order, f"points sorted by energy: {said}")


def averaged_duplicates(spectrum: Measurement) -> Measurement:
    """One point for every energy: points closer than 1e-4 eV are replaced by their mean.

    Raises
    ------
    XasError
        If the energies are not sorted.
    """
    energy = _energies(spectrum)
    steps = np.diff(energy)
    if np.any(steps < 0):
        raise XasError(
            f"spectrum {spectrum.label!r}: sort its energies before averaging duplicates: sorted_energies(spectrum)"
        )
    first = np.flatnonzero(np.concatenate(([True], steps > DUPLICATE)))
    if first.size == energy.size:
        return spectrum
    count = np.diff(np.append(first, energy.size))

    def mean(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.add.reduceat(rows, first, axis=-1) / count)

    sigma = spectrum.sigma
    twice = energy[first[count > 1]]
    where = ", ".join(f"{value:.3f}" for value in twice[:10]) + (" ..." if twice.size > 10 else "")
    return replace(
        spectrum,
        values=mean(spectrum.values),
        sigma=None if sigma is None else np.sqrt(mean(sigma**2) / count),
        axis=Axis("energy", mean(energy) * EV),
        provenance=spectrum.provenance.then(f"{energy.size - first.size} duplicated energies averaged: {where} eV"),
    )


def restated_energy(spectrum: Measurement, unit: str) -> Measurement:
    """A spectrum whose axis was read as eV, but is keV or a wavelength in angstrom.

    Parameters
    ----------
    spectrum : Measurement
    unit : {"keV", "angstrom"}
        What its numbers are.

    Raises
    ------
    XasError
        For another unit, or numbers that are no X-ray energies in this one.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> m = Measurement(
    ...     "absorption", [[0.1, 0.9, 1.0]], Conditions(9.0), axis=Axis("energy", np.array([7.1, 7.13, 7.2]) * EV)
    ... )
    >>> (restated_energy(m, "keV").axis.values / EV).round(6).tolist()
    [7100.0, 7130.0, 7200.0]
    """
    number = _energies(spectrum)
    if unit == "keV":
        energy = number * 1e3
    elif unit == "angstrom":
        if np.any(number <= 0):
            raise XasError(f"spectrum {spectrum.label!r}: a wavelength must be above 0")
        energy = PLANCK * SPEED_OF_LIGHT / (number * 1e-10) / EV
    else:
        raise XasError(f"spectrum {spectrum.label!r}: energies can be restated from keV or angstrom, found {unit!r}")
    restated = replace(
        spectrum,
        axis=Axis("energy", energy * EV),
        provenance=spectrum.provenance.then(f"the numbers of the energy axis were {unit}, not eV"),
    )
    restated = sorted_energies(restated)
    spectra_of(restated)
    return restated


def truncated(spectrum: Measurement, lowest: float = -np.inf, highest: float = np.inf) -> Measurement:
    """The points between two energies (J).

    Raises
    ------
    XasError
        If none are.
    """
    energy = _energies(spectrum)
    inside = np.flatnonzero((energy >= lowest / EV) & (energy <= highest / EV))
    if inside.size == 0:
        raise XasError(
            f"spectrum {spectrum.label!r}: no point lies from {lowest / EV:g} to {highest / EV:g} eV (give J); the data"
            f" run from {energy.min():.1f} to {energy.max():.1f} eV"
        )
    if inside.size == energy.size:
        return spectrum
    return _selected(
        spectrum, inside, f"{energy.size - inside.size} points outside {lowest / EV:g} to {highest / EV:g} eV cut off"
    )


def without_points(spectrum: Measurement, energies: Sequence[float], reason: str = "named glitches") -> Measurement:
    """A spectrum without the points nearest to the given energies (J).

    Raises
    ------
    XasError
        If an energy is more than its distance to the next point away from every point.
    """
    energy = _energies(spectrum)
    wanted = np.atleast_1d(np.asarray(energies, dtype=float)) / EV
    bad = np.array([int(np.argmin(np.abs(energy - value))) for value in wanted], dtype=int)
    spacing = np.abs(np.gradient(energy))
    for value, at in zip(wanted, bad, strict=True):
        if abs(energy[at] - value) > spacing[at]:
            raise XasError(
                f"spectrum {spectrum.label!r}: no point near {value:g} eV, the nearest is at {energy[at]:g} eV (give J)"
            )
    return _without(spectrum, np.isin(np.arange(energy.size), bad), reason)


def find_glitches(
    spectrum: Measurement, *, threshold: float = THRESHOLD, keep: tuple[float, float] | None = None
) -> np.ndarray:
    """Points that their neighbours do not predict.

    Each point is predicted from four on either side by a cubic; the deviations are compared with their median size
    nearby. The worst is set aside and the rest looked at again. Regions of a scan with different steps are looked at
    one by one; those of fewer than 16 points not at all.

    Parameters
    ----------
    spectrum : Measurement
    threshold : float
        In robust standard deviations.
    keep : tuple of float, optional
        J, absolute, where no glitch is looked for; -20 to +50 eV about the edge by default.

    Returns
    -------
    ndarray (N, M) of bool

    Raises
    ------
    XasError
        If more than 3 % of a spectrum would be glitches.
    """
    spectra = spectra_of(spectrum, points=4 * NEIGHBOURS)
    energy = spectra.energy
    if keep is None:
        edge = find_edge(spectrum).energy
        keep = (float(edge.min()) + EDGE_REGION[0], float(edge.max()) + EDGE_REGION[1])
    looked_at = (energy < keep[0] / EV) | (energy > keep[1] / EV)
    found = np.zeros(spectra.values.shape, dtype=bool)
    regions = _regions(energy)
    for row, values in enumerate(spectra.values):
        left = np.arange(energy.size)
        while True:
            if energy.size - left.size > MOST * energy.size:
                raise XasError(
                    f"{spectra.where}: more than {MOST:.0%} of its points deviate from their neighbours by"
                    f" {threshold:g} standard deviations; they are no glitches. Raise the threshold or name the points"
                )
            score = np.zeros(left.size)
            for part in regions:
                members = np.flatnonzero(part[left])
                # what is left of a region may be too short to say what is usual in it
                if members.size >= 4 * NEIGHBOURS:
                    score[members] = _deviations(energy[left[members]], values[left[members]])
            score[~looked_at[left]] = 0.0
            worst = int(np.argmax(score))
            if score[worst] <= threshold:
                break
            found[row, left[worst]] = True
            left = np.delete(left, worst)
    return found


def deglitched(
    spectrum: Measurement, *, threshold: float = THRESHOLD, keep: tuple[float, float] | None = None
) -> Measurement:
    """A spectrum without the points that `find_glitches` finds, which are recorded."""
    found = np.asarray(find_glitches(spectrum, threshold=threshold, keep=keep).any(axis=0))
    return (
        _without(spectrum, found, f"glitches of more than {threshold:g} standard deviations")
        if found.any()
        else spectrum
    )


def find_saturated(spectrum: Measurement) -> np.ndarray:
    """Points where a detector was at its limit: four or more equal values in a row at the top or bottom.

    Returns
    -------
    ndarray (N, M) of bool
    """
    values = spectrum.values
    found = np.zeros(values.shape, dtype=bool)
    for extreme in (values.max(axis=1, keepdims=True), values.min(axis=1, keepdims=True)):
        at = values == extreme
        for row in np.flatnonzero(at.sum(axis=1) >= SATURATED_RUN):
            edges = np.flatnonzero(np.diff(np.concatenate(([0], at[row].astype(np.int8), [0]))))
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                found[row, start:stop] |= stop - start >= SATURATED_RUN
    # a flat line is no detector at its limit
    found[np.ptp(values, axis=1) == 0] = False
    return found


def without_saturated(spectrum: Measurement) -> Measurement:
    """A spectrum without the points that `find_saturated` finds, which are recorded."""
    found = np.asarray(find_saturated(spectrum).any(axis=0))
    return _without(spectrum, found, "saturated detector") if found.any() else spectrum


def repaired(spectrum: Measurement, saturated: str = "refuse") -> Measurement:
    """A spectrum in order of energy, each energy once, and nothing saturated.

    Parameters
    ----------
    spectrum : Measurement
    saturated : {"refuse", "remove", "keep"}

    Raises
    ------
    XasError
        If points are saturated and nothing says what to do with them.
    """
    if saturated not in ("refuse", "remove", "keep"):
        raise XasError(f"saturated must be 'refuse', 'remove' or 'keep', found {saturated!r}")
    ordered = averaged_duplicates(sorted_energies(spectrum))
    if saturated == "keep":
        return ordered
    found = np.asarray(find_saturated(ordered).any(axis=0))
    if not found.any():
        return ordered
    if saturated == "remove":
        return _without(ordered, found, "saturated detector")
    assert ordered.axis is not None
    energy = ordered.axis.values[found] / EV
    raise XasError(
        f"spectrum {spectrum.label!r}: {energy.size} equal values in a row at its limit, from {energy[0]:.2f} eV: the"
        " detector was saturated. Remove them with saturated = 'remove', or say saturated = 'keep' if they are real"
    )


def _energies(spectrum: Measurement) -> np.ndarray:
    """Numbers of the energy axis in eV, whatever their order."""
    if spectrum.axis is None or spectrum.axis.quantity != "energy":
        found = "no axis" if spectrum.axis is None else spectrum.axis.quantity
        raise XasError(f"spectrum {spectrum.label!r}: an energy axis is expected, found {found}")
    return np.asarray(spectrum.axis.values / EV)


def _selected(spectrum: Measurement, chosen: np.ndarray, step: str) -> Measurement:
    assert spectrum.axis is not None
    return replace(
        spectrum,
        values=spectrum.values[:, chosen],
        sigma=None if spectrum.sigma is None else spectrum.sigma[:, chosen],
        axis=Axis("energy", spectrum.axis.values[chosen]),
        provenance=spectrum.provenance.then(step),
    )


def _without(spectrum: Measurement, bad: np.ndarray, reason: str) -> Measurement:
    energy = _energies(spectrum)
    if bad.all():
        raise XasError(f"spectrum {spectrum.label!r}: removing its points ({reason}) would leave none")
    shown = ", ".join(f"{value:.2f}" for value in energy[bad][:20]) + (" ..." if bad.sum() > 20 else "")
    return _selected(spectrum, np.flatnonzero(~bad), f"{int(bad.sum())} points removed ({reason}): {shown} eV")


def _regions(energy: np.ndarray) -> list[np.ndarray]:
    """Masks (M,) of the runs of about even steps that a scan consists of."""
    steps = np.diff(energy)
    half = 2
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(steps, half, mode="edge"), 2 * half + 1), axis=1)
    jumps = np.flatnonzero(np.abs(np.diff(np.log(smooth))) > np.log(1.8)) + 1
    number = np.zeros(energy.size, dtype=int)
    number[jumps + 1] = 1
    number = np.cumsum(number)
    return [number == k for k in range(number[-1] + 1)]


def _deviations(energy: np.ndarray, values: np.ndarray) -> np.ndarray:
    """|deviation| of each point from the cubic through its neighbours, in robust standard deviations."""
    size = energy.size
    first = np.clip(np.arange(size) - NEIGHBOURS, 0, size - 2 * NEIGHBOURS - 1)
    members = first[:, None] + np.arange(2 * NEIGHBOURS + 1)
    others = members[members != np.arange(size)[:, None]].reshape(size, 2 * NEIGHBOURS)
    reach = np.abs(energy[others] - energy[:, None]).max(axis=1, keepdims=True)
    powers = ((energy[others] - energy[:, None]) / reach)[..., None] ** np.arange(4)
    gram = np.einsum("nwi,nwj->nij", powers, powers)
    weights = np.einsum("ni,nwi->nw", np.linalg.inv(gram)[:, 0, :], powers)
    deviation = values - np.einsum("nw,nw->n", weights, values[others])
    deviation = np.abs(deviation) / np.sqrt(1.0 + np.sum(weights**2, axis=1))
    half = min(50, size // 2 - 1)
    padded = np.pad(deviation, half, mode="reflect")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    # data without noise have no typical deviation but round-off
    floor = 1e-9 * float(np.ptp(values)) + 1e-300
    return np.asarray(deviation / (1.4826 * median + floor))
