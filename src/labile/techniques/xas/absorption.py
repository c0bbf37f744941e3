"""Absorption spectra as arrays in eV, checked: what every step of this room starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labile.core.constants import ELEMENTARY_CHARGE
from labile.core.measurement import Measurement

EV = ELEMENTARY_CHARGE
"""One electronvolt in J: energies are SI everywhere, ``7112.0 * EV``."""
LOWEST = 45.0
"""eV: no absorption edge that is measured lies lower, so smaller numbers are keV or angstrom."""
HIGHEST = 1e6
"""eV."""
DUPLICATE = 1e-4
"""eV: energies closer than this are one energy; no monochromator sets finer steps."""


class XasError(ValueError):
    """A spectrum, or a request about one, that X-ray absorption cannot be evaluated from."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """N spectra on one grid.

    Attributes
    ----------
    energy : ndarray (M,)
        eV, strictly increasing.
    values : ndarray (N, M)
    sigma : ndarray (N, M) or None
    where : str
        Start of every error about them.
    """

    energy: np.ndarray
    values: np.ndarray
    sigma: np.ndarray | None
    where: str


def spectra_of(
    measurement: Measurement, quantities: Sequence[str] = ("absorption", "normalized_absorption"), points: int = 3
) -> Spectra:
    """Check a measurement and return its spectra with energies in eV.

    Parameters
    ----------
    measurement : Measurement
        Along ``"energy"``, N conditions or scans and M points.
    quantities : sequence of str
        What it may be.
    points : int
        Least number of points.

    Raises
    ------
    XasError
        If it is another quantity, has no energy axis, or its energies are keV, angstrom, decreasing or duplicated.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> m = Measurement("absorption", [[0.1, 0.9, 1.0]], Conditions(10.0), axis=Axis("energy", [7.0, 7.1, 7.2]))
    >>> spectra_of(m)
    Traceback (most recent call last):
    ...
    labile.techniques.xas.absorption.XasError: spectrum 'absorption': energies from 4.4e+19 to 4.5e+19 eV; were they \
given in eV instead of J? Multiply by EV
    """
    where = f"spectrum {measurement.label!r}"
    axis = measurement.axis
    if measurement.quantity not in quantities or axis is None or axis.quantity != "energy":
        found = f"{measurement.quantity} along {axis.quantity if axis is not None else 'no axis'}"
        raise XasError(f"{where}: {' or '.join(quantities)} along energy is expected, found {found}")
    energy = axis.values / EV
    if energy.size < points:
        raise XasError(f"{where}: only {energy.size} points; at least {points} are needed")
    steps = energy[1:] - energy[:-1]
    if not (steps.min() > DUPLICATE and energy[0] >= LOWEST and energy[-1] <= HIGHEST):
        _require_electronvolts(float(energy.min()), float(energy.max()), where)
        _refuse_order(energy, steps, where)
    return Spectra(energy, measurement.values, measurement.sigma, where)


def _require_electronvolts(low: float, high: float, where: str) -> None:
    if high > HIGHEST:
        raise XasError(
            f"{where}: energies from {low:.2g} to {high:.2g} eV; were they given in eV instead of J? Multiply by EV"
        )
    if low >= LOWEST:
        return
    span = f"{where}: energies from {low:g} to {high:g} eV are below every X-ray edge;"
    if low >= 5.0:
        raise XasError(f"{span} they are keV. Give the unit to the reader, or use restated_energy(spectrum, 'keV')")
    raise XasError(
        f"{span} they are wavelengths in angstrom or energies in keV. Give the unit to the reader, or use"
        " restated_energy(spectrum, 'angstrom' or 'keV')"
    )


def _refuse_order(energy: np.ndarray, steps: np.ndarray, where: str) -> None:
    if np.all(steps < -DUPLICATE):
        raise XasError(f"{where}: its energies decrease; sort them with sorted_energies(spectrum)")
    bad = int(np.argmax(steps <= DUPLICATE))
    what = f"point {bad + 2} at {energy[bad + 1]:.4f} eV follows {energy[bad]:.4f} eV"
    if np.all(steps >= -DUPLICATE):
        raise XasError(f"{where}: an energy is there twice: {what}; average them with averaged_duplicates(spectrum)")
    raise XasError(f"{where}: its energies do not increase: {what}; sort them with sorted_energies(spectrum)")


@lru_cache(maxsize=64)
def tabulated_edges(element: str) -> dict[str, float]:
    """Absorption edges of an element, eV, as tabulated by xraydb.

    Raises
    ------
    XasError
        For an element that is not in the table.
    """
    import xraydb

    try:
        return {name: float(found.energy) for name, found in xraydb.xray_edges(element).items()}
    except ValueError:
        raise XasError(f"the table of X-ray edges has no element {element!r}; write it like 'Fe'") from None


def tabulated_edge(element: str, edge: str = "K") -> float:
    """Energy of an absorption edge, eV, as tabulated by xraydb.

    Raises
    ------
    XasError
        For an element or edge that is not in the table.

    Examples
    --------
    >>> tabulated_edge("Fe"), tabulated_edge("Co")
    (7112.0, 7709.0)
    """
    edges = tabulated_edges(element)
    if edge not in edges:
        raise XasError(f"{element} has no {edge!r} edge in the table of X-ray edges; it has {', '.join(edges)}")
    return edges[edge]


def window_of(spectra: Spectra, low: float, high: float, least: int, what: str, remedy: str) -> slice:
    """Points between two energies (eV) as a slice.

    Raises
    ------
    XasError
        If there are fewer than `least`; `what` and `remedy` make the sentence.
    """
    first, last = spectra.energy.searchsorted(low - 1e-9), spectra.energy.searchsorted(high + 1e-9)
    count = max(int(last - first), 0)
    if count < least:
        raise XasError(
            f"{spectra.where}: {count} points {what} ({low:.1f} to {min(high, 1e6):.1f} eV), at least"
            f" {least} are needed; the data run from {spectra.energy[0]:.1f} to {spectra.energy[-1]:.1f} eV. {remedy}"
        )
    return slice(int(first), int(last))
