"""Phase diagrams in temperature and pressure: every line traced by continuation, with where and why it ends.

A coarse scan only says where lines begin to be looked for; positions come from the equations of
`diagrams.boundary_equations`, followed by pseudo-arclength continuation. Islands smaller than the grid of the scan are
not seen; `PhaseDiagram.notes` states its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labile.core.units import from_si
from labile.diagrams.axes import DiagramError
from labile.diagrams.boundary_equations import Side
from labile.diagrams.boundary_lines import BoundaryLine, CriticalPoint, assemble
from labile.diagrams.boundary_scan import scan
from labile.diagrams.continuation import Window
from labile.models.free_energy import Model
from labile.models.phases import Phases

SCAN_POINTS = (49, 41)
"""Temperatures and pressures of the scan that finds where lines begin."""


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """Lines and points of a crystal in temperature and pressure.

    Attributes
    ----------
    crystal : Model or Phases
    values : mapping of str to float
    window : Window
    lines : tuple of BoundaryLine
        Coexistence, gradual crossover, limits of stability, symmetry breaking.
    points : tuple of CriticalPoint
    notes : tuple of str
        What does not exist in the window, and the resolution of the scan.
    """

    crystal: Model | Phases
    values: Mapping[str, float]
    window: Window
    lines: tuple[BoundaryLine, ...]
    points: tuple[CriticalPoint, ...]
    notes: tuple[str, ...] = field(default=())

    def of_kind(self, kind: str) -> tuple[BoundaryLine, ...]:
        """Lines of one kind: ``"coexistence"``, ``"gradual"``, ``"spinodal"``, ``"symmetry_breaking"``."""
        return tuple(line for line in self.lines if line.kind == kind)

    def __repr__(self) -> str:
        rows = [f"<PhaseDiagram: {len(self.lines)} lines, {len(self.points)} points>"]
        for line in self.lines:
            t = line.temperature
            p = np.round(from_si(line.pressure, "kbar", "pressure"), 9)
            rows.append(
                f"  {line.kind}: {line.label}, {t[0]:.5g} K, {p[0]:.4g} kbar ({line.ends[0]}) to {t[-1]:.5g} K,"
                f" {p[-1]:.4g} kbar ({line.ends[1]})"
            )
        for point in self.points:
            rows.append(f"  {point.kind}: {point.temperature:.6g} K, {point.pressure / 1e8:.5g} kbar")
        return "\n".join([*rows, *(f"  {note}" for note in self.notes)])


def phase_diagram(
    crystal: Model | Phases,
    values: Mapping[str, float],
    temperature: tuple[float, float],
    pressure: tuple[float, float],
    *,
    scan_points: tuple[int, int] = SCAN_POINTS,
) -> PhaseDiagram:
    """All boundary lines of a model, or of a crystal with structural phases, in a window.

    Parameters
    ----------
    crystal : Model or Phases
    values : mapping of str to float
        SI values of the parameters.
    temperature, pressure : (float, float)
        Window, K and Pa (absolute).
    scan_points : (int, int)
        Temperatures and pressures of the scan that finds where lines begin.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    DiagramError
        For a window that is empty, not above 0 K, or holds negative pressures.

    References
    ----------
    Spinodals and T1/2(P): C. P. Slichter, H. G. Drickamer, J. Chem. Phys. 56, 2142 (1972), doi 10.1063/1.1677511;
    continuation: E. L. Allgower, K. Georg, Introduction to Numerical Continuation Methods, SIAM (2003), doi
    10.1137/1.9780898719154.

    Examples
    --------
    The line of equal free energies ends where 2 R T1/2 = Gamma:

    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> found = phase_diagram(slichter_drickamer(), values, (200.0, 450.0), (0.0, 1e9))
    >>> [line.label for line in found.of_kind("coexistence")], round(found.points[0].temperature, 3)
    (['LS ⇌ HS'], 360.817)
    """
    window = _window(temperature, pressure)
    sides = sides_of(crystal, values)
    curves = scan(sides, window, scan_points)
    lines, points = assemble(sides, window, curves)
    return PhaseDiagram(crystal, dict(values), window, lines, points, _notes(lines, window, scan_points))


def sides_of(crystal: Model | Phases, values: Mapping[str, float]) -> tuple[Side, ...]:
    """Models of a crystal with their values: one, or one for each structural phase."""
    if isinstance(crystal, Phases):
        return tuple(
            Side(model, crystal.values_of(label, values), label)
            for label, model in zip(crystal.labels, crystal.models, strict=True)
        )
    return (Side(crystal, dict(values)),)


def _window(temperature: tuple[float, float], pressure: tuple[float, float]) -> Window:
    for name, (low, high) in (("temperature", temperature), ("pressure", pressure)):
        if not (np.isfinite([low, high]).all() and low < high):
            raise DiagramError(
                f"phase diagram: the {name} must rise from a number to a higher one, found {low} to {high}"
            )
    if not temperature[0] > 0:
        raise DiagramError(f"phase diagram: temperatures must be above 0 K, found {temperature[0]:g} K")
    if pressure[0] < 0:
        raise DiagramError(f"phase diagram: absolute pressures are not negative, found {pressure[0]:g} Pa")
    return Window((float(temperature[0]), float(temperature[1])), (float(pressure[0]), float(pressure[1])))


def _notes(lines: tuple[BoundaryLine, ...], window: Window, points: tuple[int, int]) -> tuple[str, ...]:
    notes = []
    if not lines:
        notes.append("no boundary in the window")
    elif not any(line.kind in ("coexistence", "gradual") for line in lines):
        notes.append("no T1/2 in the window: the same states are most populated everywhere")
    for line in lines:
        notes += [f"{line.kind} {line.label}: the line was lost" for end in line.ends if end == "lost"]
    t, p = (span / (n - 1) for span, n in zip(window.spans, points, strict=True))
    notes.append(f"islands smaller than {t:.3g} K by {p / 1e8:.3g} kbar are not seen")
    return tuple(dict.fromkeys(notes))
