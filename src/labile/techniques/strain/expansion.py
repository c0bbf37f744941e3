"""Thermal expansion of a crystal from its cells: principal coefficients, tensor and volume.

alpha_i is the slope of the principal strain e_i(T), alpha_V that of V(T)/V(first row); below zero the crystal shrinks
on heating along that axis. The tensor of slopes of the components e_ij(T) has principal values of its own, which do not
suffer from axes that turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labile.core.structure import CellSeries
from labile.core.uncertain import format_uncertain
from labile.techniques.strain.axes import PrincipalStrain, crystal_directions, principal_strain
from labile.techniques.strain.lines import Line, fit_line, fit_line_as_pascal
from labile.techniques.strain.tensor import StrainError, StrainSeries, sigma_volumes, strain_series

PER_MK = 1e-6
WEIGHTINGS = ("cell", "pascal")
SAME_PRESSURE = 2e6
"""Pa: pressures of an isobaric series may differ by so much."""


@dataclass(frozen=True, eq=False)
class ThermalExpansion:
    """Linear expansion coefficients of a series at one pressure.

    Attributes
    ----------
    principal : PrincipalStrain
        With the kind of strain and its axes.
    weighting : {"cell", "pascal"}
    lines : tuple of Line
        Of the three principal strains against T.
    volume_line : Line
        Of V(T)/V(first row).
    tensor, sigma_tensor : ndarray (3, 3)
        Slopes of the components, 1/K, Cartesian.
    notes : tuple of str
    """

    principal: PrincipalStrain
    weighting: str
    lines: tuple[Line, Line, Line]
    volume_line: Line
    tensor: np.ndarray
    sigma_tensor: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Definition of the strain."""
        return self.principal.strain.kind

    @property
    def coefficients(self) -> np.ndarray:
        """alpha_1, alpha_2, alpha_3, 1/K."""
        return np.array([line.slope for line in self.lines])

    @property
    def sigma(self) -> np.ndarray:
        """Their standard uncertainties, 1/K."""
        return np.array([line.sigma for line in self.lines])

    @property
    def volume(self) -> float:
        """alpha_V, 1/K."""
        return self.volume_line.slope

    @property
    def sigma_volume(self) -> float:
        """Its standard uncertainty, 1/K."""
        return self.volume_line.sigma

    @property
    def crystal_directions(self) -> np.ndarray:
        """[uvw] of the principal axes (columns) at row ceil(N/2), shape (3, 3)."""
        return np.asarray(self.principal.crystal_directions[self.principal.middle])

    @property
    def tensor_principal(self) -> tuple[np.ndarray, np.ndarray]:
        """Principal values of `tensor`, 1/K, and their [uvw] (columns), in the order of `coefficients`."""
        values, vectors = np.linalg.eigh(self.tensor)
        like = self.principal.directions[self.principal.middle]
        overlap = np.abs(vectors.T @ like)
        order = [int(np.argmax(overlap[:, 0]))]
        order.append(max((k for k in range(3) if k != order[0]), key=lambda k: overlap[k, 1]))
        order.append(3 - sum(order))
        frame = self.principal.strain.frame[self.principal.middle]
        return values[order], crystal_directions(frame, vectors[:, order])

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of axis, coefficient in MK-1 with s.u., and [uvw]."""
        rows = []
        for number, line in enumerate(self.lines):
            uvw = ", ".join(f"{one:.4f}" for one in self.crystal_directions[:, number])
            rows.append((f"X{number + 1}", format_uncertain(line.slope / PER_MK, line.sigma / PER_MK), f"[{uvw}]"))
        return [*rows, ("V", format_uncertain(self.volume / PER_MK, self.sigma_volume / PER_MK), "")]

    def __repr__(self) -> str:
        head = f"<ThermalExpansion of {self.principal.strain.series.label!r}: {self.kind} strain, MK-1>"
        return "\n".join([head, *(f"  {a:3s} {v:>14s}  {u}" for a, v, u in self.table()), *self.notes])


def thermal_expansion(
    cells: CellSeries,
    *,
    kind: str = "lagrangian",
    weighting: str = "cell",
    reference: int = 0,
    follow: str = "strongest",
) -> ThermalExpansion:
    """Linear thermal expansion.

    Parameters
    ----------
    cells : CellSeries
        At one pressure, at least three temperatures.
    kind : str
        Definition of the strain.
    weighting : {"cell", "pascal"}
        ``"cell"``: inverse variances from the s.u. of the cells and, through the slope, of the temperatures; where the
        s.u. of the cells are not stated, equal weights and s.u. from the scatter. ``"pascal"``: weights 1/sigma_T with
        White's errors, only to compare with that program.
    reference : int
        Row that counts as unstrained.
    follow : {"strongest", "second", "previous"}
        See `principal_strain`.

    Returns
    -------
    ThermalExpansion

    Raises
    ------
    StrainError
        For fewer than three cells, several pressures, one temperature, or ``"pascal"`` without sigma_T.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cells = [[7e-10 * (1 + 2e-5 * t), 8e-10, 9e-10, 90, 90, 90] for t in (0, 100, 200)]
    >>> found = thermal_expansion(CellSeries("demo", Conditions([100.0, 200.0, 300.0]), cells), kind="infinitesimal")
    >>> (found.coefficients * 1e6).round(6).tolist()
    [0.0, 0.0, 20.0]
    """
    where = f"thermal expansion of {cells.label!r}"
    if weighting not in WEIGHTINGS:
        raise StrainError(f"{where}: weighting must be one of {', '.join(WEIGHTINGS)}, found {weighting!r}")
    if len(cells) < 3:
        raise StrainError(f"{where}: three temperatures are needed, found {len(cells)}")
    pressure = cells.conditions.pressure
    if np.ptp(pressure) > SAME_PRESSURE:
        raise StrainError(
            f"{where}: the pressures go from {pressure.min() / 1e9:.4g} to {pressure.max() / 1e9:.4g} GPa; choose the"
            " rows of one pressure"
        )
    kelvin, sigma_kelvin = cells.conditions.temperature, cells.conditions.sigma_temperature
    strain = strain_series(cells, kind=kind, reference=reference)
    principal = principal_strain(strain, follow=follow)
    relative = cells.volumes / cells.volumes[0]
    if weighting == "pascal":
        if sigma_kelvin is None or not np.all(sigma_kelvin > 0):
            raise StrainError(f"{where}: the weights of PASCal are 1/sigma_T, and sigma_T is not stated")
        lines = [fit_line_as_pascal(kelvin, principal.values[:, i], sigma_kelvin) for i in range(3)]
        volume = fit_line_as_pascal(kelvin, relative, sigma_kelvin)
    else:
        within = principal.sigma_within
        lines = [fit_line(kelvin, principal.values[:, i], within[:, i], sigma_kelvin) for i in range(3)]
        volume = fit_line(kelvin, relative, sigma_volumes(cells) / cells.volumes[0], sigma_kelvin)
    tensor, sigma = _component_slopes(strain, kelvin, sigma_kelvin)
    return ThermalExpansion(
        principal, weighting, (lines[0], lines[1], lines[2]), volume, tensor, sigma, _notes(lines, volume, principal)
    )


def _component_slopes(
    strain: StrainSeries, kelvin: np.ndarray, sigma_kelvin: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of all six components with their s.u.; a component that symmetry keeps at 0 has neither."""
    tensor, sigma = np.zeros((3, 3)), np.zeros((3, 3))
    largest = float(np.max(np.abs(strain.tensors)))
    own = strain.sigma_within
    for i in range(3):
        for j in range(i, 3):
            component = strain.tensors[:, i, j]
            if np.max(np.abs(component)) <= 1e-12 * largest:
                continue
            line = fit_line(kelvin, component, own[:, i, j], sigma_kelvin)
            tensor[i, j] = tensor[j, i] = line.slope
            sigma[i, j] = sigma[j, i] = line.sigma
    return tensor, sigma


def _notes(lines: list[Line], volume: Line, principal: PrincipalStrain) -> tuple[str, ...]:
    notes = list(principal.notes)
    every = [*lines, volume]
    if any(line.basis == "scatter" for line in every):
        notes.append("the s.u. of the cells are not stated: equal weights, s.u. from the scatter about the lines")
    worst = max((line.reduced_chi2 or 0.0 for line in every), default=0.0)
    if worst > 1.0:
        notes.append(
            f"the points scatter about the lines more than their s.u. say (chi2 per degree of freedom up to"
            f" {worst:.3g}): s.u. of coefficients were multiplied by its root; the expansion may not be linear"
        )
    return tuple(notes)
