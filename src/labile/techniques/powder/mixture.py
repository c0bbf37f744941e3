"""A measured powder pattern as a mixture of patterns simulated from end-member structures.

Amounts count formula units, so n_p/sum n is the fraction that has switched. Cells and texture may be refined,
coordinates are not: Rietveld refinement stays with its own programs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.structure import CrystalStructure
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.powder.errors import PowderError
from labile.techniques.powder.pattern_model import DEGREE, WIDEST, PatternModel, Phase, phase, texture_axes
from labile.techniques.powder.reflections import Reflections

STAGES = {"fixed": ("fixed",), "uniform": ("uniform", "uniform"), "free": ("uniform", "free", "free")}
"""What cells may do in each fit; the next one has intensities, Lorentz factors and volumes of the cells of the last."""
NARROWEST = 1.5
"""Fewest points that the sharpest line must have on its FWHM."""


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """A powder pattern explained by end members.

    Attributes
    ----------
    result : FitResult
        Covariance multiplied by chi2 per degree of freedom where that is above 1.
    phases : tuple of Reflections
        Lines at the cells of the fit.
    cells : ndarray (P, 6)
        Of the fit: m and degrees.
    cell_covariance : ndarray (P, 6, 6)
        Zero where the cell was fixed.
    wavelength : float
        m.
    two_theta : ndarray (N,)
        rad.
    observed, sigma, calculated, background : ndarray (N,)
    parts : ndarray (P, N)
        Contribution of every phase.
    fractions : ndarray (P,)
        Of formula units.
    covariance : ndarray (P, P)
        Of the fractions.
    r_weighted, r_expected : float
        Weighted profile residuals of the whole pattern, background included.
    notes : tuple of str
    """

    result: FitResult
    phases: tuple[Reflections, ...]
    cells: np.ndarray
    cell_covariance: np.ndarray
    wavelength: float
    two_theta: np.ndarray
    observed: np.ndarray
    sigma: np.ndarray
    calculated: np.ndarray
    background: np.ndarray
    parts: np.ndarray
    fractions: np.ndarray
    covariance: np.ndarray
    r_weighted: float
    r_expected: float
    notes: tuple[str, ...]

    @property
    def sigma_fractions(self) -> np.ndarray:
        """Standard uncertainties of the fractions, shape (P,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def sigma_cells(self) -> np.ndarray:
        """Standard uncertainties of the cells, shape (P, 6)."""
        return np.asarray(np.sqrt(np.diagonal(self.cell_covariance, axis1=1, axis2=2)))


def fit_mixture(
    pattern: Measurement,
    structures: Mapping[str, CrystalStructure],
    wavelength: float | None = None,
    *,
    radiation: str = "x-ray",
    monochromator: float | None = None,
    window: tuple[float, float] | None = None,
    background: int = 6,
    width: float = 0.1 * DEGREE,
    cell: str = "uniform",
    texture: Mapping[str, Sequence[int]] | None = None,
    point: int = 0,
) -> MixtureFit:
    """Fit a pattern by simulated patterns of end members, with zero, widths and background free.

    Parameters
    ----------
    pattern : Measurement
        Along ``two_theta``; counts (their root is the uncertainty) or intensities with sigma.
    structures : mapping of str to CrystalStructure
        By the name of the phase. Coordinates must hold for the conditions of the pattern; for cells see `cell`.
    wavelength : float, optional
        m; that of the file when left out.
    radiation : {"x-ray", "neutron"}
    monochromator : float, optional
        2 theta of the monochromator, rad.
    window : (float, float), optional
        Angles used, rad.
    background : int
        Number of Chebyshev polynomials.
    width : float
        FWHM from which the fit starts, rad.
    cell : {"uniform", "free", "fixed"}
        How the cell of every phase may differ from that of its structure: by one expansion in all directions, by every
        change its symmetry allows, not at all.
    texture : mapping of str to (h, k, l), optional
        Phases whose grains are oriented, with the axis (of the reciprocal lattice) of their March function. Its r is 1
        without texture; for a flat sample it is below 1 where grains lie with this axis on the normal (platelets) and
        above 1 where they lie with it in the plane (needles).
    point : int
        Which pattern of a series.

    Returns
    -------
    MixtureFit

    Raises
    ------
    PowderError
        For data that are no pattern, an unknown wavelength, fewer points than the lines need, or a fit that fails.

    Notes
    -----
    Where grains are textured and `texture` is not given, the fractions are biased and their s.u., which knows nothing
    of it, is too small. Widths that depend on the direction, asymmetry and microabsorption are not modelled.
    """
    if cell not in STAGES:
        raise PowderError(f"cell={cell!r} is unknown; use one of {', '.join(STAGES)}")
    x, y, sigma, wavelength, notes = _data(pattern, wavelength, window, point)
    if not structures:
        raise PowderError(f"{pattern.label}: no structures; give one for each phase that may be there")
    axes = texture_axes(texture, tuple(structures))

    unit = 0.0
    values: dict[str, float] = {}
    current = dict(structures)
    for freedom in STAGES[cell]:
        phases = tuple(
            phase(name, one, wavelength, x, radiation=radiation, monochromator=monochromator, cell=freedom,
                  axis=axes.get(name))
            for name, one in current.items()
        )  # fmt: skip
        unit = unit or max(float(one.area.max()) for one in phases) / width
        model, parameters = _model(x, wavelength, phases, unit, y, background, width)
        kept = {name: value for name, value in values.items() if ".strain" not in name}
        start = _put(parameters, kept) if kept else _started(model, parameters, y, sigma)
        result = _descended(pattern.label, model, start, y, sigma)
        values = result.parameters.as_dict()
        lost = {*result.at_bound, *result.undetermined}
        current = {
            one.name: one.structure if lost & {*one.cell_parameters} else replace(one.structure, cell=one.cell(values))
            for one in phases
        }
    notes += [note for one in phases for note in one.lines.notes]
    fwhm = math.sqrt(values["width.w"])
    if fwhm < NARROWEST * float(np.median(np.diff(x))):
        notes.append(f"lines of {fwhm / DEGREE:.3g} degrees are hardly wider than the steps of the data")
    total, _, parts, level = model.evaluate(values)
    stretch = max(1.0, result.chi2 / max(result.degrees_of_freedom, 1))
    if stretch > 1.5:
        notes.append(
            f"chi2 per degree of freedom is {stretch:.3g}: the structures do not describe the pattern to its noise, and"
            " the s.u. are multiplied by its root"
        )
    result = replace(result, covariance=result.covariance * stretch)
    fractions, covariance = _fractions(result, tuple(structures))
    for name, fraction, one in zip(structures, fractions, np.sqrt(np.diag(covariance)), strict=True):
        if f"{name}.amount" in result.at_bound:
            notes.append(
                f"{name}: nothing of it was found; its fraction is {fraction:g} within {one:.2g}, never below 0"
            )
    r_weighted = float(np.sqrt(np.sum(((y - total) / sigma) ** 2) / np.sum((y / sigma) ** 2)))
    r_expected = float(np.sqrt(max(result.degrees_of_freedom, 1) / np.sum((y / sigma) ** 2)))
    return MixtureFit(
        result=result,
        phases=tuple(replace(p.lines, spacing=p.inverse_squares(values)[0] ** -0.5) for p in model.phases),
        cells=np.stack([one.cell(values) for one in phases]),
        cell_covariance=np.stack([_cell_covariance(result, one) for one in phases]),
        wavelength=wavelength,
        two_theta=x,
        observed=y,
        sigma=sigma,
        calculated=total,
        background=level,
        parts=parts,
        fractions=fractions,
        covariance=covariance,
        r_weighted=r_weighted,
        r_expected=r_expected,
        notes=tuple(notes),
    )


def _model(
    x: np.ndarray,
    wavelength: float,
    phases: tuple[Phase, ...],
    unit: float,
    y: np.ndarray,
    background: int,
    width: float,
) -> tuple[PatternModel, Parameters]:
    """Model with areas in `unit`, so that amounts are of the size of the data, and its parameters."""
    phases = tuple(replace(one, area=one.area / unit) for one in phases)
    mapped = (2.0 * x - x[0] - x[-1]) / (x[-1] - x[0])
    polynomials = np.polynomial.chebyshev.chebvander(mapped, max(background, 1) - 1).T
    height = float(np.percentile(y, 99.5) - np.median(y))
    parameters = Parameters(
        (
            Parameter("pattern.zero", 0.0, lower=-1.0 * DEGREE, upper=1.0 * DEGREE),
            Parameter("width.u", 0.0, fixed=phases[0].area.size < 8),
            Parameter("width.v", 0.0, fixed=True),
            Parameter("width.w", width**2, lower=(0.05 * width) ** 2, upper=WIDEST**2),
            Parameter("line.lorentz_share", 0.5, lower=0.0, upper=1.0),
            *(Parameter(f"{one.name}.amount", max(height, 1e-9) / len(phases), lower=0.0) for one in phases),
            *(
                Parameter(name, 0.0, lower=-limit, upper=limit)
                for one in phases
                for name, limit in zip(one.cell_parameters, one.limits(), strict=True)
            ),
            *(
                Parameter(f"{one.name}.texture", 1.0, lower=0.1, upper=10.0)
                for one in phases
                if one.cosines is not None
            ),
            Parameter("background.0", float(np.median(y))),
            *(Parameter(f"background.{k}", 0.0) for k in range(1, len(polynomials))),
        )
    )
    return PatternModel(x, wavelength, phases, polynomials, parameters.names), parameters


def _descended(label: str, model: PatternModel, start: Parameters, y: np.ndarray, sigma: np.ndarray) -> FitResult:
    def residuals(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total, slopes, _, _ = model.evaluate(start.as_dict(vector))
        return (y - total) / sigma, -(slopes / sigma[:, None]) @ start.matrix

    result = fit(Problem(start, residuals, (Block(label, y.size),)), starts=1)
    if not result.converged:
        raise PowderError(
            f"{label}: the fit did not converge ({result.message}); give width near that of the lines, a window without"
            ' other phases, or cell="fixed"'
        )
    return result


def _cell_covariance(result: FitResult, one: Phase) -> np.ndarray:
    """Covariance of the cell of a phase, m and degrees, shape (6, 6); NaN where the pattern does not determine it."""
    places = [result.free_names.index(name) for name in one.cell_parameters]
    covariance = result.covariance[np.ix_(places, places)]
    moved = np.any(one.moves != 0.0, axis=0)
    if not np.all(np.isfinite(covariance)):
        return np.where(moved[:, None] & moved, math.nan, 0.0)
    return np.asarray(one.moves.T @ covariance @ one.moves)


def _data(
    pattern: Measurement, wavelength: float | None, window: tuple[float, float] | None, point: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, list[str]]:
    if pattern.axis is None or pattern.axis.quantity != "two_theta":
        found = "no axis" if pattern.axis is None else f"the axis {pattern.axis.quantity}"
        raise PowderError(f"{pattern.label}: a pattern along two_theta is needed, found {found}")
    if wavelength is None:
        stated = pattern.attributes.get("wavelength")
        if not isinstance(stated, float):
            raise PowderError(f"{pattern.label}: the wavelength is not in the file; give wavelength in m (1.5406e-10)")
        wavelength = stated
    x, y = pattern.axis.values, pattern.values[point]
    sigma = None if pattern.sigma is None else pattern.sigma[point]
    notes: list[str] = []
    if sigma is None and pattern.quantity == "counts":
        sigma = np.sqrt(np.maximum(y, 1.0))
        notes.append("uncertainties are the roots of the counts")
    elif sigma is None:
        sigma = np.full(y.shape, max(float(np.std(np.diff(y, 2)) / math.sqrt(6.0)), 1e-9 * float(np.ptp(y)) or 1e-12))
        notes.append("no uncertainties in the file: all points weigh the same, s.u. come from the scatter")
    keep = np.ones(x.size, dtype=bool) if window is None else (x >= window[0]) & (x <= window[1])
    order = np.argsort(x[keep], kind="stable")
    x, y, sigma = x[keep][order], y[keep][order], sigma[keep][order]
    if x.size < 50:
        raise PowderError(f"{pattern.label}: {x.size} points in the window; a mixture needs at least 50")
    return x, y, sigma, wavelength, notes


def _started(model: PatternModel, parameters: Parameters, y: np.ndarray, sigma: np.ndarray) -> Parameters:
    """Start values: zero and expansion from a coarse search, amounts and background by linear least squares."""
    linear = [n for n in parameters.names if n.endswith(".amount") or n.startswith("background.")]
    best: tuple[float, Parameters] | None = None
    base = parameters.as_dict()
    for zero in np.radians([-0.2, -0.1, 0.0, 0.1, 0.2]):
        for widening in (1.0, 3.0):
            trial = base | {"pattern.zero": float(zero), "width.w": base["width.w"] * widening**2}
            trial |= {name: 1.0 for name in linear if name.endswith(".amount")}
            _, slopes, _, _ = model.evaluate(trial)
            columns = slopes[:, [model.names.index(name) for name in linear]] / sigma[:, None]
            found = np.linalg.lstsq(columns, y / sigma, rcond=None)[0]
            left = float(np.sum((y / sigma - columns @ found) ** 2))
            if best is None or left < best[0]:
                best = left, _put(parameters, trial | dict(zip(linear, found.tolist(), strict=True)))
    assert best is not None
    return best[1]


def _put(parameters: Parameters, values: Mapping[str, float]) -> Parameters:
    """Values to start from; no amount is 0, where nothing would pull at its phase."""
    amounts = {name: value for name, value in values.items() if name.endswith(".amount")}
    least = 0.01 * max(abs(value) for value in amounts.values())
    started = {**values, **{name: max(value, least) for name, value in amounts.items()}}
    return parameters.updated([replace(parameters[name], value=value) for name, value in started.items()])


def _fractions(result: FitResult, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Fractions n_p/sum n and their covariance."""
    amounts = np.array([result.value(f"{name}.amount") for name in names])
    total = float(amounts.sum())
    if not total > 0:
        raise PowderError("no phase is there: every amount is 0; check wavelength, window and structures")
    fractions = amounts / total
    slope = (np.eye(len(names)) - fractions[:, None]) / total
    # an amount that ended on 0 is held there by the fit; how large it could have been its column of the Jacobian says.
    # Columns of a cell whose phase is not there are 0
    norms = np.sqrt(np.sum(result.jacobian**2, axis=0))
    columns = [result.free_names.index(f"{name}.amount") for name in names]
    unseen = [name for name, column in zip(names, columns, strict=True) if not norms[column] > 0]
    if unseen:
        raise PowderError(f"{', '.join(unseen)}: no line lies within the pattern, so its amount is not determined")
    used = np.flatnonzero(norms > 0)
    scaled = result.jacobian[:, used] / norms[used]
    covariance = np.linalg.pinv(scaled.T @ scaled, rcond=1e-13, hermitian=True) / np.outer(norms[used], norms[used])
    places = np.searchsorted(used, columns)
    stretch = max(1.0, result.chi2 / max(result.degrees_of_freedom, 1))
    return fractions, slope @ (covariance[np.ix_(places, places)] * stretch) @ slope.T


def reduce_mixture(
    patterns: Sequence[Measurement],
    quantity: str = "phase_fraction",
    *,
    structures: Mapping[str, CrystalStructure],
    phase: str = "",
    **options: Any,
) -> list[Measurement]:
    """Fraction of one phase in every pattern of a series.

    Parameters
    ----------
    patterns : sequence of Measurement
    quantity : {"phase_fraction"}
    structures : mapping of str to CrystalStructure
    phase : str
        Whose fraction is returned; the last one by default.
    **options
        Of `fit_mixture`.

    Returns
    -------
    list of Measurement
        ``"phase_fraction"``, one a pattern file.

    Raises
    ------
    PowderError
    """
    if quantity != "phase_fraction":
        raise PowderError(f"a mixture of patterns gives phase_fraction, not {quantity}")
    names = tuple(structures)
    chosen = phase or names[-1]
    if chosen not in names:
        raise PowderError(f"phase {chosen!r} is none of {', '.join(names)}")
    found = []
    for pattern in patterns:
        fits = [fit_mixture(pattern, structures, point=k, **options) for k in range(len(pattern))]
        column = names.index(chosen)
        steps = [f"pattern {k + 1}: {note}" for k, one in enumerate(fits) for note in one.notes]
        found.append(
            replace(
                pattern,
                quantity="phase_fraction",
                values=np.array([one.fractions[column] for one in fits]),
                sigma=np.array([one.sigma_fractions[column] for one in fits]),
                unit="",
                axis=None,
                correlated=(),
                provenance=pattern.provenance.then(
                    f"fraction of {chosen} in a mixture of {', '.join(names)} simulated from their structures", *steps
                ),
            )
        )
    return found
