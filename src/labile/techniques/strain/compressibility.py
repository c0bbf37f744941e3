"""Compressibilities K = -(d e/d P)_T of the principal strains, cell edges and volume of a pressure series.

The empirical law of strain, e = e0 + lambda (p - pc)^nu, gives K = -lambda nu (p - pc)^(nu - 1). For nu below 1 it
diverges at pc, which lies at or below the lowest pressure: K is given above pc only. Below zero, the crystal grows
along that axis under pressure. The three principal values add to that of the volume exactly for Hencky strain, for the
other kinds in the limit of zero strain.

Finite strains and V/V0 are counted from a reference, the cell at the lowest pressure unless another is named.
Where that lies above ambient, coefficients differ from those of a series that starts at ambient by about its strain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.cell import cell_volume
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.parameters import Parameter
from labile.core.structure import CellSeries
from labile.core.uncertain import format_uncertain
from labile.techniques.strain.axes import PrincipalStrain, principal_strain
from labile.techniques.strain.curves import CurveFit, CurvePoint, Polynomial, fit_curve, linear_start
from labile.techniques.strain.lines import Line, fit_line, fit_line_as_pascal
from labile.techniques.strain.tensor import StrainError, sigma_volumes, strain_series

GPA = 1e9
PER_TPA = 1e-12
SAME_TEMPERATURE = 5.0
"""K: temperatures of an isothermal series may differ by so much."""
CLEARLY_PRESSED = 1e7
"""Pa above ambient: less strains a soft crystal by some 1e-4, and gauges do not tell it from ambient."""
NEAREST = 1e-4
"""pc stays below the lowest pressure by this part of the range: at pc the law has no finite derivative."""


@dataclass(frozen=True)
class EmpiricalLaw:
    """e = e0 + lambda (p - pc)^nu, pressures in GPa and lambda in GPa^-nu.

    References
    ----------
    M. J. Cliffe, A. L. Goodwin, J. Appl. Cryst. 45, 1321 (2012), doi 10.1107/S0021889812043026.
    """

    def parameters(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[Parameter, ...]:
        """``curve.e0``, ``curve.lambda``, ``curve.pc`` (GPa) and ``curve.nu``; the start is the best of a grid."""
        lowest, span = float(np.min(x)), float(np.ptp(x))
        tried = []
        for gap in (0.002, 0.01, 0.03, 0.1, 0.3, 1.0):
            for nu in (0.2, 0.35, 0.5, 0.7, 1.0, 1.4):
                columns = np.stack([np.ones(x.size), (x - lowest + gap * span) ** nu], axis=1)
                c, cost = linear_start(columns, y, weight)
                tried.append((cost, lowest - gap * span, nu, c))
        _, pc, nu, c = min(tried, key=lambda one: one[0])
        return (
            Parameter("curve.e0", float(c[0])),
            Parameter("curve.lambda", float(c[1])),
            Parameter("curve.pc", pc, lower=lowest - 100 * span, upper=lowest - NEAREST * span),
            Parameter("curve.nu", nu, lower=1e-3, upper=10.0),
        )

    def evaluate(self, x: np.ndarray, values: np.ndarray) -> CurvePoint:
        """Values and derivatives.

        Raises
        ------
        StrainError
            At or below pc.
        """
        e0, scale, pc, nu = values
        u = x - pc
        if np.any(u <= 0):
            raise StrainError(
                f"compressibility: the law holds above pc = {pc:.4g} GPa only, where K diverges; asked for"
                f" {float(np.min(x)):.4g} GPa"
            )
        power, log = u**nu, np.log(u)
        d_y = [np.ones(x.size), power, -scale * nu * power / u, scale * power * log]
        d_slope = [
            np.zeros(x.size),
            nu * power / u,
            -scale * nu * (nu - 1.0) * power / u**2,
            scale * power / u * (1.0 + nu * log),
        ]
        return CurvePoint(e0 + scale * power, scale * nu * power / u, np.stack(d_y, axis=1), np.stack(d_slope, axis=1))


@dataclass(frozen=True, eq=False)
class Compressibility:
    """Compressibilities of a series at one temperature.

    Attributes
    ----------
    principal : PrincipalStrain
        Its rows are those of the series in the order of pressure.
    law : {"empirical", "linear", "polynomial"}
    curves : tuple of CurveFit
        Of the three principal strains, pressures in GPa.
    volume_line : Line
        Of V(P)/V0, pressures in Pa; V0 is that of the reference.
    notes : tuple of str
        The first one names the reference.
    """

    principal: PrincipalStrain
    law: str
    curves: tuple[CurveFit, CurveFit, CurveFit]
    volume_line: Line
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Definition of the strain."""
        return self.principal.strain.kind

    @property
    def reference_pressure(self) -> float:
        """Pressure of the cell that counts as unstrained, Pa; NaN where that is a given cell."""
        strain = self.principal.strain
        return float(strain.series.conditions.pressure[strain.reference]) if strain.reference >= 0 else math.nan

    @property
    def pressure(self) -> float:
        """Where coefficients are quoted: that of row ceil(N/2), Pa."""
        return float(self.principal.strain.series.conditions.pressure[self.principal.middle])

    def at(self, pressure: Any) -> tuple[np.ndarray, np.ndarray]:
        """K_1, K_2, K_3 and their standard uncertainties at pressures (N,), 1/Pa, each of shape (N, 3).

        Raises
        ------
        StrainError
            At or below pc of the empirical law, where K diverges or does not exist.
        """
        gpa = np.atleast_1d(np.asarray(pressure, dtype=float)) / GPA
        found = [curve.slope(gpa) for curve in self.curves]
        return -np.stack([f[0] for f in found], axis=1) / GPA, np.stack([f[1] for f in found], axis=1) / GPA

    @property
    def coefficients(self) -> np.ndarray:
        """K_1, K_2, K_3 at `pressure`, 1/Pa."""
        return np.asarray(self.at(self.pressure)[0][0])

    @property
    def sigma(self) -> np.ndarray:
        """Their standard uncertainties, 1/Pa."""
        return np.asarray(self.at(self.pressure)[1][0])

    @property
    def volume(self) -> float:
        """K_V, the slope of -V(P)/V0, 1/Pa; V0 is that of the reference."""
        return -self.volume_line.slope

    @property
    def sigma_volume(self) -> float:
        """Its standard uncertainty, 1/Pa."""
        return self.volume_line.sigma

    @property
    def crystal_directions(self) -> np.ndarray:
        """[uvw] of the principal axes (columns) at row ceil(N/2), shape (3, 3)."""
        return np.asarray(self.principal.crystal_directions[self.principal.middle])

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of axis, coefficient in TPa-1 with s.u., and [uvw]."""
        rows = []
        for number, (value, sigma) in enumerate(zip(self.coefficients, self.sigma, strict=True)):
            uvw = ", ".join(f"{one:.4f}" for one in self.crystal_directions[:, number])
            rows.append((f"X{number + 1}", format_uncertain(value / PER_TPA, sigma / PER_TPA), f"[{uvw}]"))
        return [*rows, ("V", format_uncertain(self.volume / PER_TPA, self.sigma_volume / PER_TPA), "")]

    def __repr__(self) -> str:
        label = self.principal.strain.series.label
        head = f"<Compressibility of {label!r}: {self.kind} strain, TPa-1 at {self.pressure / GPA:.4g} GPa>"
        return "\n".join([head, *(f"  {a:3s} {v:>14s}  {u}" for a, v, u in self.table()), *self.notes])


def compressibility(
    cells: CellSeries,
    *,
    kind: str = "lagrangian",
    law: str = "empirical",
    degree: int = 2,
    weighting: str = "cell",
    reference: int | None = None,
    reference_cell: Any = None,
    follow: str = "strongest",
) -> Compressibility:
    """Compressibilities along the principal axes.

    Parameters
    ----------
    cells : CellSeries
        At one temperature; the rows of one phase, in any order.
    kind : str
        Definition of the strain.
    law : {"empirical", "linear", "polynomial"}
        Of each principal strain.
    degree : int
        Of the polynomial.
    weighting : {"cell", "pascal"}
        As for `thermal_expansion`; ``"pascal"`` weighs the strains by 1/sigma_P^2 as that program does, for comparison.
    reference : int, optional
        Row that counts as unstrained; that of lowest pressure unless given. `reference_row` finds one by its pressure.
    reference_cell : array_like (6,), optional
        Cell at ambient pressure, m and degrees, taken as exact: the reference of a series that has no such row.
    follow : {"strongest", "second", "previous"}
        See `principal_strain`.

    Returns
    -------
    Compressibility

    Raises
    ------
    StrainError
        For too few cells, several temperatures, one pressure, an unknown law or weighting, or two references.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> pressures = np.array([0.0, 1e8, 2e8, 3e8])
    >>> cells = [[7e-10 * (1 + 2e-11 * p), 8e-10, 9e-10, 90, 90, 90] for p in pressures]
    >>> series = CellSeries("demo", Conditions(300.0, pressures), cells)
    >>> found = compressibility(series, kind="infinitesimal", law="linear")
    >>> (found.coefficients[2] * 1e12).round(6).item()
    -20.0
    """
    where = f"compressibility of {cells.label!r}"
    if weighting not in ("cell", "pascal"):
        raise StrainError(f"{where}: weighting must be cell or pascal, found {weighting!r}")
    if reference is not None and reference_cell is not None:
        raise StrainError(f"{where}: reference (row {reference + 1}) and reference_cell are both given; give one")
    if reference is not None and not -len(cells) <= reference < len(cells):
        raise StrainError(f"{where}: the reference is row {reference + 1}, but there are {len(cells)} cells")
    # axes are followed from row to row and results quoted at the middle one: the order of the file must not matter
    order = np.lexsort((-cells.volumes, cells.conditions.pressure))
    cells = cells[order]
    kelvin, pressure = cells.conditions.temperature, cells.conditions.pressure
    sigma_p = cells.conditions.sigma_pressure
    if np.ptp(kelvin) > SAME_TEMPERATURE:
        raise StrainError(
            f"{where}: the temperatures go from {kelvin.min():g} to {kelvin.max():g} K; choose the rows of one of them"
        )
    if len(cells) < 3 or np.ptp(pressure) <= 0:
        raise StrainError(f"{where}: three cells at different pressures are needed, found {len(cells)}")
    if law not in ("empirical", "linear", "polynomial"):
        raise StrainError(f"{where}: law {law!r} is unknown; there are: empirical, linear, polynomial")
    curve = EmpiricalLaw() if law == "empirical" else Polynomial(1 if law == "linear" else degree, 0.0)
    row = 0 if reference is None else int(np.argmax(order == reference % len(cells)))
    strain = strain_series(cells, kind=kind, reference=row, reference_cell=reference_cell)
    principal = principal_strain(strain, follow=follow)
    first = float(cell_volume(strain.reference_cell))
    relative = cells.volumes / first
    if weighting == "pascal":
        if sigma_p is None or not np.all(sigma_p > 0):
            raise StrainError(f"{where}: the weights of PASCal are those of sigma_P, which is not stated")
        if np.ptp(sigma_p) > 1e-12 * np.max(sigma_p):
            raise StrainError(f"{where}: weights of PASCal are offered for one sigma_P of all points, found several")
        curves = [fit_curve(curve, pressure / GPA, principal.values[:, i]) for i in range(3)]
        volume = fit_line_as_pascal(pressure, relative, sigma_p)
    else:
        within, sigma_gpa = principal.sigma_within, None if sigma_p is None else sigma_p / GPA
        curves = [fit_curve(curve, pressure / GPA, principal.values[:, i], within[:, i], sigma_gpa) for i in range(3)]
        volume = fit_line(pressure, relative, sigma_volumes(cells) / first, sigma_p)
    notes = [_reference_note(pressure, row if reference_cell is None else None), *principal.notes]
    for number, one in enumerate(curves):
        notes += [f"X{number + 1}: {note}" for note in one.notes]
    return Compressibility(principal, law, (curves[0], curves[1], curves[2]), volume, tuple(notes))


def _reference_note(pressure: np.ndarray, row: int | None) -> str:
    """What strains and volumes are relative to; `row` is None for a given cell."""
    if row is None:
        return "strains and V/V0 are relative to the given cell"
    found = float(pressure[row])
    lowest = ", the lowest pressure" if found == np.min(pressure) else ""
    text = f"strains and V/V0 are relative to the cell at {found / GPA:.4g} GPa{lowest}"
    if found - AMBIENT_PRESSURE > CLEARLY_PRESSED:
        text += (
            ", which is not ambient: coefficients of finite strains and K_V depend on it; give the cell at ambient"
            " pressure as reference_cell = (a, b, c, alpha, beta, gamma) in m and degrees"
        )
    return text
