"""Strain of a transition: what switching does to the cell beside what the lattice does anyway.

    e_i = ln(a_i,LS/a_i,HS)                      of edges and volume
    tensor                                       Hencky strain of the LS cell against the HS cell
    discontinuity of y at x0                     y_above(x0) - y_below(x0), each from a line through its own side

Both cells must be those at the same temperature and pressure: measured on a plateau of a loop, or extrapolated to the
transition (`cell_discontinuities`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.cell import CELL_NAMES
from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.structure import CellSeries
from labile.core.uncertain import format_uncertain
from labile.techniques.strain.lines import fit_line
from labile.techniques.strain.tensor import StrainError, StrainSeries, sigma_volumes, strain_series

SAME_TEMPERATURE = 1.0
"""K: two cells at temperatures nearer than this count as measured at the same one."""
SAME_PRESSURE = (0.01, AMBIENT_PRESSURE)
"""Relative, and Pa: pressures of two cells may differ by the larger, so that ambient may also be called 0."""


@dataclass(frozen=True, eq=False)
class SpontaneousStrain:
    """Strain from the high-spin to the low-spin cell.

    Attributes
    ----------
    edges, sigma_edges : ndarray (3,)
        ln(a_LS/a_HS) of a, b, c.
    volume, sigma_volume : float
        ln(V_LS/V_HS).
    strain : StrainSeries
        Hencky, of the LS cell (row 1) against the HS cell (row 0).
    """

    edges: np.ndarray
    sigma_edges: np.ndarray
    volume: float
    sigma_volume: float
    strain: StrainSeries

    @property
    def tensor(self) -> np.ndarray:
        """Hencky strain, shape (3, 3)."""
        return np.asarray(self.strain.tensors[1])

    @property
    def sigma_tensor(self) -> np.ndarray:
        """Its standard uncertainties, shape (3, 3)."""
        return np.asarray(self.strain.sigma[1])

    @property
    def principal(self) -> np.ndarray:
        """Principal strains, ascending."""
        return np.asarray(np.linalg.eigvalsh(self.tensor))


def spontaneous_strain(low_spin: CellSeries, high_spin: CellSeries) -> SpontaneousStrain:
    """Strain of the transition from two cells at the same conditions.

    Parameters
    ----------
    low_spin, high_spin : CellSeries
        One cell each, within 1 K of each other in temperature and 1 % (or 1 atm) in pressure.

    Returns
    -------
    SpontaneousStrain

    Raises
    ------
    StrainError
        If either does not hold exactly one cell, or they stand at different temperatures or pressures: thermal
        expansion and compression of the lattice would count as strain of the transition.

    Examples
    --------
    >>> low = CellSeries("LS", Conditions(100.0), [[6.93e-10, 8e-10, 9e-10, 90, 90, 90]])
    >>> high = CellSeries("HS", Conditions(100.0), [[7.00e-10, 8e-10, 9e-10, 90, 90, 90]])
    >>> spontaneous_strain(low, high).edges.round(6).tolist()
    [-0.01005, 0.0, 0.0]
    """
    for one in (low_spin, high_spin):
        if len(one) != 1:
            raise StrainError(
                f"spontaneous strain: {one.label!r} holds {len(one)} cells; give one low- and one high-spin"
            )
    kelvin, pressure = (
        [float(getattr(one.conditions, name)[0]) for one in (high_spin, low_spin)]
        for name in ("temperature", "pressure")
    )
    part, least = SAME_PRESSURE
    warmer = abs(kelvin[1] - kelvin[0]) > SAME_TEMPERATURE
    if warmer or abs(pressure[1] - pressure[0]) > max(part * max(pressure), least):
        high, low = (f"{t:g} K and {p / 1e9:.4g} GPa" for t, p in zip(kelvin, pressure, strict=True))
        raise StrainError(
            f"spontaneous strain: low spin {low_spin.label!r} is at {low}, high spin {high_spin.label!r} at {high};"
            " give two cells at the same conditions (plateaus of a loop, or both extrapolated to the transition), or"
            " use cell_discontinuities on the series"
        )
    both = CellSeries(
        f"{low_spin.label} against {high_spin.label}",
        Conditions(kelvin, pressure),
        np.concatenate([high_spin.cells, low_spin.cells]),
        covariance=np.concatenate([high_spin.covariance, low_spin.covariance]),
    )
    relative = both.sigma[:, :3] / both.cells[:, :3]
    volumes, errors = both.volumes, sigma_volumes(both)
    return SpontaneousStrain(
        np.log(both.cells[1, :3] / both.cells[0, :3]),
        np.hypot(relative[0], relative[1]),
        float(np.log(volumes[1] / volumes[0])),
        float(np.hypot(*(errors / volumes))),
        strain_series(both, kind="hencky"),
    )


@dataclass(frozen=True)
class Discontinuity:
    """Jump of one quantity at a point.

    Attributes
    ----------
    name : str
    below, above : float
        Values extrapolated to the point from either side, SI.
    jump, sigma : float
        above - below with its standard uncertainty.
    """

    name: str
    below: float
    above: float
    jump: float
    sigma: float

    @property
    def significance(self) -> float:
        """jump/sigma; beyond 3 a discontinuity, for a symmetry that stays the same an isostructural transition."""
        return self.jump / self.sigma if self.sigma > 0 else math.copysign(math.inf, self.jump) if self.jump else 0.0

    @property
    def text(self) -> str:
        """The jump in words."""
        found = "discontinuous" if abs(self.significance) > 3 else "no discontinuity found"
        return f"{self.name}: {format_uncertain(self.jump, self.sigma)} ({self.significance:.1f} s.u.), {found}"


def discontinuity(x: Any, y: Any, sigma: Any, at: float, *, name: str = "y", sigma_x: Any = None) -> Discontinuity:
    """Jump of y at `at` from straight lines on both sides.

    Parameters
    ----------
    x, y : array_like (N,)
    sigma : array_like (N,) or None
        s.u. of y; None or NaN: from the scatter on each side.
    at : float
        Where; at least two points on each side (three without s.u.).
    name : str
        For messages.
    sigma_x : array_like (N,), optional

    Returns
    -------
    Discontinuity

    Raises
    ------
    StrainError
        For too few points on a side.

    Examples
    --------
    >>> jump = discontinuity([1, 2, 3, 5, 6, 7], [1, 2, 3, 7, 8, 9], [0.1] * 6, 4.0)
    >>> round(jump.jump, 6), round(jump.sigma, 4)
    (2.0, 0.216)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = None if sigma is None else np.asarray(sigma, dtype=float)
    offsets = None if sigma_x is None else np.asarray(sigma_x, dtype=float)
    ends = []
    for side, chosen in (("below", x < at), ("above", x > at)):
        if np.sum(chosen) < 2:
            raise StrainError(
                f"discontinuity of {name}: {np.sum(chosen)} points {side} {at:g}; two are needed at least"
            )
        line = fit_line(
            x[chosen],
            y[chosen],
            None if errors is None else errors[chosen],
            None if offsets is None else offsets[chosen],
        )
        value, error = line.at(at)
        ends.append((float(value), float(error)))
    (low, low_error), (high, high_error) = ends
    return Discontinuity(name, low, high, high - low, math.hypot(low_error, high_error))


def cell_discontinuities(cells: CellSeries, at: float, *, variable: str = "temperature") -> tuple[Discontinuity, ...]:
    """Jumps of the cell parameters that vary, and of the volume, at a temperature or pressure.

    Parameters
    ----------
    cells : CellSeries
    at : float
        K or Pa.
    variable : {"temperature", "pressure"}

    Returns
    -------
    tuple of Discontinuity
        Edges in m, angles in degrees, volume in m3. A parameter that never moves is left out.

    Raises
    ------
    StrainError
        For another variable or too few cells on a side.
    """
    if variable not in ("temperature", "pressure"):
        raise StrainError(f"discontinuities: variable must be temperature or pressure, found {variable!r}")
    x = getattr(cells.conditions, variable)
    sigma_x = getattr(cells.conditions, f"sigma_{variable}")
    found = [
        discontinuity(x, cells.cells[:, k], cells.sigma[:, k], at, name=name, sigma_x=sigma_x)
        for k, name in enumerate(CELL_NAMES)
        if np.ptp(cells.cells[:, k]) > 0
    ]
    return (*found, discontinuity(x, cells.volumes, sigma_volumes(cells), at, name="V", sigma_x=sigma_x))
