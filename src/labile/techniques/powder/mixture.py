"""A measured powder pattern as a mixture of patterns simulated from end-member structures.

    y(2 theta) = background + sum_p n_p sum_h |F_h|^2 L(theta_h)/(Z_p V_p) pV(2 theta - 2 theta_h - zero)

so that n_p is proportional to the formula units in phase p, and n_p/sum n the fraction that has switched. Lines are
pseudo-Voigts whose FWHM^2 is U tan^2 theta + V tan theta + W (G. Caglioti et al., Nucl. Instrum. 3, 223 (1958), doi
10.1016/0369-643X(58)90029-X). Coordinates are not refined: Rietveld refinement stays with its own programs.
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
from labile.fitting.line_shapes import pseudo_voigt
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.powder.errors import PowderError
from labile.techniques.powder.reflections import Reflections, lorentz_polarisation, reflections

DEGREE = math.pi / 180.0
WIDEST = 5.0 * DEGREE
"""Lines broader than this are no powder lines (rad)."""
REACH = 3.0 * DEGREE
"""To this distance a line is computed (rad); fixed, so that the sum of squares has no steps."""
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


@dataclass(frozen=True, eq=False)
class _Pattern:
    """The model of one pattern: what does not change while it is fitted."""

    x: np.ndarray
    phases: tuple[Reflections, ...]
    strengths: tuple[np.ndarray, ...]
    reach: tuple[tuple[slice, ...], ...]  # points that each line touches
    wavelength: float
    background: np.ndarray  # (B, N) Chebyshev polynomials
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Intensity (N,), derivatives (N, K), contributions of the phases (P, N), background (N,)."""
        columns = {name: np.zeros(self.x.size) for name in self.names}
        parts = np.zeros((len(self.phases), self.x.size))
        for p, (phase, strength) in enumerate(zip(self.phases, self.strengths, strict=True)):
            prefix, amount = phase.label, values[f"{phase.label}.amount"]
            stretch = 1.0 + values[f"{prefix}.strain"]
            sine = self.wavelength / (2.0 * phase.spacing * stretch)
            if np.any(sine >= 1.0):
                raise ArithmeticError(f"{prefix}: a line has left the range of angles")
            theta = np.arcsin(sine)
            tangent = np.tan(theta)
            square = values["width.u"] * tangent**2 + values["width.v"] * tangent + values["width.w"]
            if np.any(square <= 0.0) or np.any(square > WIDEST**2):
                raise ArithmeticError("the widths of the lines are not positive")
            fwhm = np.sqrt(square)
            centre = 2.0 * theta + values["pattern.zero"]
            for h in range(theta.size):
                at = self.reach[p][h]
                if at.start == at.stop:
                    continue
                line = pseudo_voigt(self.x[at], centre[h], fwhm[h], values["line.lorentz_share"])
                parts[p, at] += strength[h] * line.value
                scale = amount * strength[h]
                columns["pattern.zero"][at] += scale * line.d_centre
                # d(2 theta)/d(strain) = -2 tan(theta)/(1 + strain); the width follows the angle
                columns[f"{prefix}.strain"][at] += scale * line.d_centre * (-2.0 * tangent[h] / stretch)
                by_square = scale * line.d_width / (2.0 * fwhm[h])
                turn = -(tangent[h] / stretch) * (1.0 + tangent[h] ** 2)
                bend = (2.0 * values["width.u"] * tangent[h] + values["width.v"]) * turn
                columns[f"{prefix}.strain"][at] += by_square * bend
                columns["width.u"][at] += by_square * tangent[h] ** 2
                columns["width.v"][at] += by_square * tangent[h]
                columns["width.w"][at] += by_square
                columns["line.lorentz_share"][at] += scale * line.d_shape
            columns[f"{prefix}.amount"] = parts[p].copy()
            parts[p] *= amount
        level = np.zeros(self.x.size)
        for k, polynomial in enumerate(self.background):
            columns[f"background.{k}"] = polynomial
            level = level + values[f"background.{k}"] * polynomial
        total = level + parts.sum(axis=0)
        return total, np.stack([columns[name] for name in self.names], axis=1), parts, level


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
    strain: bool = True,
    point: int = 0,
) -> MixtureFit:
    """Fit a pattern by simulated patterns of end members, with zero, widths and background free.

    Parameters
    ----------
    pattern : Measurement
        Along ``two_theta``; counts (their root is the uncertainty) or intensities with sigma.
    structures : mapping of str to CrystalStructure
        By the name of the phase. Structures must hold for the conditions of the pattern, or differ from them by an
        expansion that is the same in all directions.
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
    strain : bool
        Whether every phase may expand by one number, which takes up thermal expansion between structure and pattern.
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
    Preferred orientation and microabsorption are not modelled; where grains are textured the fractions are biased and
    their s.u., which knows nothing of it, is too small.
    """
    x, y, sigma, wavelength, notes = _data(pattern, wavelength, window, point)
    if not structures:
        raise PowderError(f"{pattern.label}: no structures; give one for each phase that may be there")
    span = (max(float(x[0]) - REACH, 1e-3), min(float(x[-1]) + REACH, math.pi - 1e-3))
    phases, strengths, reach = [], [], []
    for name, structure in structures.items():
        lines = replace(reflections(structure, wavelength, span, radiation=radiation), label=name)
        centre = lines.two_theta(wavelength)
        factor = lorentz_polarisation(centre, radiation, monochromator)
        ends = np.searchsorted(x, [centre - REACH, centre + REACH])
        reach.append(tuple(slice(int(low), int(high)) for low, high in ends.T))
        phases.append(lines)
        strengths.append(lines.strength * factor / (lines.formula_units * lines.volume))
        notes += list(lines.notes)
    # one unit for all phases, so that amounts are of the size of the data
    unit = max(float(s.max()) for s in strengths) / width
    strengths = [s / unit for s in strengths]
    mapped = (2.0 * x - x[0] - x[-1]) / (x[-1] - x[0])
    polynomials = np.polynomial.chebyshev.chebvander(mapped, max(background, 1) - 1).T
    height = float(np.percentile(y, 99.5) - np.median(y))
    parameters = Parameters(
        (
            Parameter("pattern.zero", 0.0, lower=-1.0 * DEGREE, upper=1.0 * DEGREE),
            Parameter("width.u", 0.0, fixed=len(phases[0].spacing) < 8),
            Parameter("width.v", 0.0, fixed=True),
            Parameter("width.w", width**2, lower=(0.05 * width) ** 2, upper=WIDEST**2),
            Parameter("line.lorentz_share", 0.5, lower=0.0, upper=1.0),
            *(Parameter(f"{name}.amount", max(height, 1e-9) / len(phases), lower=0.0) for name in structures),
            *(Parameter(f"{name}.strain", 0.0, lower=-0.02, upper=0.02, fixed=not strain) for name in structures),
            Parameter("background.0", float(np.median(y))),
            *(Parameter(f"background.{k}", 0.0) for k in range(1, len(polynomials))),
        )
    )
    model = _Pattern(x, tuple(phases), tuple(strengths), tuple(reach), wavelength, polynomials, parameters.names)
    start = _started(model, parameters, y, sigma)

    def residuals(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total, slopes, _, _ = model.evaluate(start.as_dict(vector))
        return (y - total) / sigma, -(slopes / sigma[:, None]) @ start.matrix

    result = fit(Problem(start, residuals, (Block(pattern.label, x.size),)), starts=1)
    if not result.converged:
        raise PowderError(
            f"{pattern.label}: the fit did not converge ({result.message}); give width near that of the lines, a window"
            " without other phases, or strain = False"
        )
    values = result.parameters.as_dict()
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
    r_weighted = float(np.sqrt(np.sum(((y - total) / sigma) ** 2) / np.sum((y / sigma) ** 2)))
    r_expected = float(np.sqrt(max(result.degrees_of_freedom, 1) / np.sum((y / sigma) ** 2)))
    return MixtureFit(
        result, tuple(phases), wavelength, x, y, sigma, total, level, parts, fractions, covariance, r_weighted,
        r_expected, tuple(notes),
    )  # fmt: skip


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


def _started(model: _Pattern, parameters: Parameters, y: np.ndarray, sigma: np.ndarray) -> Parameters:
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
                amounts = dict(zip(linear, found.tolist(), strict=True))
                largest = max(abs(value) for name, value in amounts.items() if name.endswith(".amount"))
                amounts |= {n: max(v, 0.01 * largest) for n, v in amounts.items() if n.endswith(".amount")}
                best = left, parameters.updated(
                    [replace(parameters[name], value=value) for name, value in (trial | amounts).items()]
                )  # fmt: skip
    assert best is not None
    return best[1]


def _fractions(result: FitResult, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Fractions n_p/sum n and their covariance."""
    amounts = np.array([result.value(f"{name}.amount") for name in names])
    total = float(amounts.sum())
    if not total > 0:
        raise PowderError("no phase is there: every amount is 0; check wavelength, window and structures")
    fractions = amounts / total
    slope = (np.eye(len(names)) - fractions[:, None]) / total
    places = [result.free_names.index(f"{name}.amount") for name in names]
    covariance = result.covariance[np.ix_(places, places)]
    if not np.all(np.isfinite(covariance)):
        # an amount that ended at 0 is held there; the others still have their uncertainty
        covariance = np.where(np.isfinite(covariance), covariance, 0.0)
    return fractions, slope @ covariance @ slope.T


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
                sigma=np.array([max(one.sigma_fractions[column], 1e-6) for one in fits]),
                unit="",
                axis=None,
                correlated=(),
                provenance=pattern.provenance.then(
                    f"fraction of {chosen} in a mixture of {', '.join(names)} simulated from their structures", *steps
                ),
            )
        )
    return found
