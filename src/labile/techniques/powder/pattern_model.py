"""The pattern of a mixture of phases as a function of amounts, cells, texture, widths, zero and background.

    y(2 theta) = background + sum_p n_p sum_h W_h |F_h|^2 L(theta_h)/(Z_p V_p) pV(2 theta - 2 theta_h - zero)

Lines are pseudo-Voigts whose FWHM^2 is U tan^2 theta + V tan theta + W (G. Caglioti et al., Nucl. Instrum. 3, 223
(1958), doi 10.1016/0369-643X(58)90029-X). W_h = <(r^2 cos^2 a + sin^2 a/r)^(-3/2)> over the equivalents of a line is
the March function of preferred orientation, a the angle between the reflection and the axis of texture, r = 1 without
texture (W. A. Dollase, J. Appl. Cryst. 19, 267 (1986), doi 10.1107/S0021889886089458).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.cell import CELL_NAMES, free_cell_directions, metric, orthogonalisation, orthogonalisation_derivative
from labile.core.structure import CrystalStructure
from labile.fitting.line_shapes import pseudo_voigt
from labile.techniques.powder.errors import PowderError
from labile.techniques.powder.reflections import Reflections, lorentz_polarisation, reflections

DEGREE = math.pi / 180.0
WIDEST = 5.0 * DEGREE
"""Lines broader than this are no powder lines (rad)."""
REACH = 3.0 * DEGREE
"""To this distance a line is computed (rad); fixed, so that the sum of squares has no steps."""
STRETCHED = 0.02
"""Largest relative change of an edge between a structure and the pattern."""
BENT = 0.05
"""Largest change of an angle, rad."""


@dataclass(frozen=True, eq=False)
class Phase:
    """One phase of a pattern.

    Attributes
    ----------
    name : str
    structure : CrystalStructure
    lines : Reflections
    area : ndarray (H,)
        Of every line for one formula unit.
    cell_parameters : tuple of str
        Names of the K numbers that change its cell.
    moves : ndarray (K, 6)
        Change of the cell by one of each: m and degrees.
    cosines : ndarray (H, M) or None
        cos^2 of the angle between the equivalents of a line and the axis of texture; None without texture.
    reach : ndarray (H, 2) of int
        First and last point that each line touches.
    """

    name: str
    structure: CrystalStructure
    lines: Reflections
    area: np.ndarray
    cell_parameters: tuple[str, ...]
    moves: np.ndarray
    cosines: np.ndarray | None
    reach: np.ndarray

    def cell(self, values: Mapping[str, float]) -> np.ndarray:
        """Cell at parameter values, m and degrees, shape (6,)."""
        numbers = np.array([values[name] for name in self.cell_parameters])
        return np.asarray(self.structure.cell + numbers @ self.moves)

    def limits(self) -> list[float]:
        """How far each cell parameter may go: `STRETCHED` for edges, `BENT` for angles."""
        return [STRETCHED if np.any(move[:3] != 0.0) else BENT for move in self.moves]

    def inverse_squares(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """1/d^2 of every line (m^-2, shape (H,)) and its derivatives in the cell parameters, (K, H)."""
        cell = self.cell(values)
        axes, slopes = orthogonalisation(cell), orthogonalisation_derivative(cell)
        bent = np.linalg.solve(metric(cell), self.lines.hkl.T.astype(float))
        by_metric = np.einsum("kji,jl->kil", slopes, axes)
        by_metric = by_metric + by_metric.transpose(0, 2, 1)
        by_cell = -np.einsum("ih,kij,jh->kh", bent, by_metric, bent)
        return np.einsum("hi,ih->h", self.lines.hkl.astype(float), bent), self.moves @ by_cell

    def texture(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """March weights of the lines and their derivative in r, both (H,)."""
        if self.cosines is None:
            return np.ones(self.area.size), np.zeros(self.area.size)
        r = values[f"{self.name}.texture"]
        inner = r**2 * self.cosines + (1.0 - self.cosines) / r
        slope = 2.0 * r * self.cosines - (1.0 - self.cosines) / r**2
        return (inner**-1.5).mean(axis=1), (-1.5 * inner**-2.5 * slope).mean(axis=1)


def phase(
    name: str,
    structure: CrystalStructure,
    wavelength: float,
    x: np.ndarray,
    *,
    radiation: str,
    monochromator: float | None,
    cell: str,
    axis: tuple[int, int, int] | None,
) -> Phase:
    """Phase in a pattern at the angles `x`; `axis` (h k l) is that of its texture.

    Its `cell` may expand in all directions alike ("uniform"), change as its symmetry allows ("free") or not ("fixed").

    Raises
    ------
    PowderError
        For a texture that the symmetry of the phase hides.
    """
    span = (max(float(x[0]) - REACH, 1e-3), min(float(x[-1]) + REACH, math.pi - 1e-3))
    # lines that move apart with the cell, or weigh differently by texture, are kept apart
    apart = cell == "free" or axis is not None
    lines = replace(reflections(structure, wavelength, span, radiation=radiation, apart=apart), label=name)
    centre = lines.two_theta(wavelength)
    area = lines.strength * lorentz_polarisation(centre, radiation, monochromator)
    names: tuple[str, ...] = ()
    moves = np.zeros((0, 6))
    if cell == "uniform":
        names, moves = (f"{name}.strain",), np.concatenate([structure.cell[:3], np.zeros(3)])[None]
    elif cell == "free":
        directions = free_cell_directions(structure.cell, structure.rotations)
        first = [int(np.flatnonzero(column)[0]) for column in directions.T]
        names = tuple(f"{name}.strain_{CELL_NAMES[k]}" for k in first)
        # edges by their own length, angles by a radian
        scale = np.array([structure.cell[k] if k < 3 else 1.0 / DEGREE for k in first])
        moves = (directions * scale).T
    cosines = None
    if axis is not None:
        reciprocal = np.linalg.inv(structure.metric)
        turned = np.einsum("hi,gij->ghj", lines.hkl, np.asarray(structure.rotations)).astype(float)
        along = np.einsum("ghi,ij,j->hg", turned, reciprocal, np.array(axis, dtype=float))
        size = float(np.array(axis) @ reciprocal @ np.array(axis))
        cosines = np.minimum(along**2 * lines.spacing[:, None] ** 2 / size, 1.0)
        if np.all(np.abs(cosines.mean(axis=1) - 1.0 / 3.0) < 1e-9):
            raise PowderError(
                f"texture of {name!r}: in a cubic crystal weak orientation changes no intensity to first order, so a"
                " pattern does not determine it; leave this texture out"
            )
    area /= lines.formula_units * lines.volume
    reach = np.searchsorted(x, [centre - REACH, centre + REACH]).T
    return Phase(name, structure, lines, area, names, moves, cosines, reach)


@dataclass(frozen=True, eq=False)
class PatternModel:
    """What does not change while one pattern is fitted.

    Attributes
    ----------
    x : ndarray (N,)
        2 theta, rad, rising.
    wavelength : float
        m.
    phases : tuple of Phase
        Areas in units that make amounts of the size of the data.
    background : ndarray (B, N)
        Polynomials.
    names : tuple of str
        All parameters, in the order of the columns of derivatives.
    """

    x: np.ndarray
    wavelength: float
    phases: tuple[Phase, ...]
    background: np.ndarray
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Intensity (N,), derivatives (N, K), contributions of the phases (P, N), background (N,)."""
        columns = {name: np.zeros(self.x.size) for name in self.names}
        parts = np.zeros((len(self.phases), self.x.size))
        for p, one in enumerate(self.phases):
            amount = values[f"{one.name}.amount"]
            inverse, moved = one.inverse_squares(values)
            sine = 0.5 * self.wavelength * np.sqrt(np.maximum(inverse, 0.0))
            if np.any(sine >= 1.0) or np.any(sine <= 0.0):
                raise ArithmeticError(f"{one.name}: a line has left the range of angles")
            theta = np.arcsin(sine)
            tangent = np.tan(theta)
            square = values["width.u"] * tangent**2 + values["width.v"] * tangent + values["width.w"]
            if np.any(square <= 0.0) or np.any(square > WIDEST**2):
                raise ArithmeticError("the widths of the lines are not positive")
            fwhm = np.sqrt(square)
            centre = 2.0 * theta + values["pattern.zero"]
            # d(2 theta)/d(1/d^2) = tan(theta) d^2; the width follows the angle
            by_inverse = tangent / inverse * moved
            turn = 0.5 * (1.0 + tangent**2) * by_inverse
            bend = (2.0 * values["width.u"] * tangent + values["width.v"]) * turn
            weight, by_texture = one.texture(values)
            for h, (low, high) in enumerate(one.reach.tolist()):
                if low == high:
                    continue
                at = slice(low, high)
                line = pseudo_voigt(self.x[at], centre[h], fwhm[h], values["line.lorentz_share"])
                parts[p, at] += weight[h] * one.area[h] * line.value
                scale = amount * weight[h] * one.area[h]
                columns["pattern.zero"][at] += scale * line.d_centre
                by_square = scale * line.d_width / (2.0 * fwhm[h])
                for k, name in enumerate(one.cell_parameters):
                    columns[name][at] += scale * line.d_centre * by_inverse[k, h] + by_square * bend[k, h]
                columns["width.u"][at] += by_square * tangent[h] ** 2
                columns["width.v"][at] += by_square * tangent[h]
                columns["width.w"][at] += by_square
                columns["line.lorentz_share"][at] += scale * line.d_shape
                if one.cosines is not None:
                    columns[f"{one.name}.texture"][at] += amount * by_texture[h] * one.area[h] * line.value
            columns[f"{one.name}.amount"] = parts[p].copy()
            parts[p] *= amount
        level = np.zeros(self.x.size)
        for k, polynomial in enumerate(self.background):
            columns[f"background.{k}"] = polynomial
            level = level + values[f"background.{k}"] * polynomial
        total = level + parts.sum(axis=0)
        return total, np.stack([columns[name] for name in self.names], axis=1), parts, level


def texture_axes(texture: Mapping[str, object] | None, names: tuple[str, ...]) -> dict[str, tuple[int, int, int]]:
    """Axes of texture by phase, checked.

    Raises
    ------
    PowderError
        For a phase that is not there, or an axis that is no three whole numbers.
    """
    found: dict[str, tuple[int, int, int]] = {}
    for name, axis in (texture or {}).items():
        if name not in names:
            raise PowderError(f"texture of {name!r}: the phases are {', '.join(names)}")
        numbers = list(axis) if isinstance(axis, (list, tuple)) else []
        if len(numbers) != 3 or any(isinstance(n, bool) or n != int(n) for n in numbers) or not any(numbers):
            raise PowderError(
                f"texture of {name!r}: expected the axis as three whole numbers [h, k, l], found {axis!r}"
            )
        found[name] = (int(numbers[0]), int(numbers[1]), int(numbers[2]))
    return found
