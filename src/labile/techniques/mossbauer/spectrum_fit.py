"""Fit of one spectrum with the project's engine, Poisson weights and exact Jacobian."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.core.units import from_si, pretty_unit, scale_to_si
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.mossbauer.iron57 import MM_S, REFERENCE, REFERENCE_TEXT, MossbauerError
from labile.techniques.mossbauer.reduction import describe_scale, require_velocity, transmission
from labile.techniques.mossbauer.spectrum import SpectrumModel

THICK = 1.0
"""Effective thickness above which a thin-absorber fit is warned of."""


@dataclass(frozen=True, eq=False)
class SpectrumFit:
    """A fitted spectrum.

    Attributes
    ----------
    spectrum : Measurement
        Transmission along velocity, relative to alpha-iron.
    model : SpectrumModel
    result : FitResult
    curve : ndarray (M,)
        Fitted transmission.
    notes : tuple of str
        What a reader should know: misfit, thickness, what the scale is relative to.
    """

    spectrum: Measurement
    model: SpectrumModel
    result: FitResult
    curve: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def velocity(self) -> np.ndarray:
        """m/s, shape (M,)."""
        assert self.spectrum.axis is not None
        return self.spectrum.axis.values

    @property
    def reduced_chi2(self) -> float:
        """chi2 per degree of freedom."""
        return self.result.chi2 / max(self.result.degrees_of_freedom, 1)

    def subspectra(self) -> dict[str, np.ndarray]:
        """Transmission of each component alone, (M,) each."""
        return self.model.subspectra(self.velocity, self.result.parameters.as_dict())

    def area_fractions(self) -> dict[str, tuple[float, float]]:
        """Share of each component in the absorption, and its standard uncertainty."""
        amount = "effective_thickness" if self.model.thick else "absorption_area"
        names = [f"{component.name}.{amount}" for component in self.model.components]
        areas = np.array([self.result.value(name) for name in names])
        rows = np.stack([self.result.parameters.matrix[self.result.parameters.index(name)] for name in names])
        total = areas.sum()
        if not total > 0:
            raise MossbauerError(f"spectrum {self.spectrum.label!r}: no component absorbs; there are no area fractions")
        share = areas / total
        gradient = (rows - share[:, None] * rows.sum(axis=0)) / total
        sigma = np.atleast_1d(self.result.propagate(gradient))
        return {
            component.name: (float(value), float(error))
            for component, value, error in zip(self.model.components, share, sigma, strict=True)
        }

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of parameter, value with s.u. and unit, and role; isomer shifts with what they are relative to."""
        return parameter_rows(self.result)

    def __repr__(self) -> str:
        head = f"<SpectrumFit {self.spectrum.label!r}: chi2/dof {self.reduced_chi2:.3f}, {self.result.message}>"
        rows = [f"  {name:32s} {value:>42s}  {role}" for name, value, role in self.table()]
        shares = [
            f"  {name:32s} {format_uncertain(100 * value, 100 * error)} % of the area"
            for name, (value, error) in self.area_fractions().items()
        ]
        return "\n".join([head, *rows, *shares, *(f"  {note}" for note in self.notes)])


def parameter_rows(result: FitResult) -> list[tuple[str, str, str]]:
    """Rows of a result's table in field units; an isomer shift is never without its reference."""
    rows = []
    for p, value in zip(result.parameters, result.parameters.values, strict=True):
        unit = p.unit or "1"
        shown = format_uncertain(
            float(from_si(float(value), unit, p.quantity)), result.sigma_of(p.name) / scale_to_si(unit, p.quantity)
        )
        text = f"{shown} {pretty_unit(unit)}".strip()
        if p.quantity == "isomer_shift":
            text += f" relative to {REFERENCE_TEXT}"
        rows.append((p.name, text, "fixed" if p.fixed else f"tied to {p.tie.to}" if p.tie else "free"))
    return rows


def prepared(spectrum: Measurement) -> Measurement:
    """Transmission of a spectrum whose zero is alpha-iron.

    Raises
    ------
    MossbauerError
        For an unfolded spectrum, several at once, or one that does not say what its zero is.
    """
    require_velocity(spectrum)
    if len(spectrum) != 1:
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: {len(spectrum)} spectra; fit them one by one or as a series"
        )
    reference = spectrum.attributes.get("isomer_shift_reference", "")
    if reference != REFERENCE:
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: its zero velocity is {reference or 'not stated'}; isomer shifts are"
            " relative to"
            " alpha-Fe here: use fold_spectrum with a calibration, or referred_to_alpha_iron"
        )
    return transmission(spectrum)


def poisson_sigma(spectrum: Measurement, curve: np.ndarray) -> np.ndarray:
    """Sigma of counts whose expectation is the fitted curve: no bias towards channels that are low by chance."""
    level = spectrum.attributes.get("baseline_counts")
    assert spectrum.sigma is not None
    if not isinstance(level, float) or np.any(curve <= 0):
        return np.asarray(spectrum.sigma[0])
    return np.asarray(np.sqrt(curve / level))


def fit_spectrum(
    spectrum: Measurement,
    model: SpectrumModel,
    *,
    changes: Iterable[Parameter] = (),
    starts: int = 1,
    seed: int = 0,
) -> SpectrumFit:
    """Fit a folded spectrum.

    Parameters
    ----------
    spectrum : Measurement
        Counts or transmission along velocity, relative to alpha-iron (`fold_spectrum`, `referred_to_alpha_iron`).
    model : SpectrumModel
    changes : iterable of Parameter
        Replace parameters of the model by name: start values, bounds, ties, fixed ones.
    starts, seed
        As for `labile.fitting.least_squares.fit`.

    Returns
    -------
    SpectrumFit
        Fitted twice: the second time with the Poisson sigma of the first fit's curve, where the counts are known.

    Raises
    ------
    MossbauerError
        See `prepared`.
    """
    spectrum = prepared(spectrum)
    assert spectrum.axis is not None
    velocity, data = spectrum.axis.values, spectrum.values[0]
    parameters = model.parameters().updated(changes)
    if spectrum.sigma is None:
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: neither counts nor sigma; the weights of its points are not known"
        )
    sigma = np.asarray(spectrum.sigma[0])
    block = Block(spectrum.label, data.size)
    result = fit(spectrum_problem(velocity, data, sigma, model, parameters, block), starts=starts, seed=seed)
    names = parameters.names
    if "baseline_counts" in spectrum.attributes:
        curve, _ = model.evaluate(velocity, result.parameters.as_dict(), names)
        sigma = poisson_sigma(spectrum, curve)
        result = fit(spectrum_problem(velocity, data, sigma, model, result.parameters, block))
    curve, _ = model.evaluate(velocity, result.parameters.as_dict(), names)
    return SpectrumFit(spectrum, model, result, curve, tuple(_notes(spectrum, model, result)))


def spectrum_problem(
    velocity: np.ndarray,
    data: np.ndarray,
    sigma: np.ndarray,
    model: SpectrumModel,
    parameters: Parameters,
    block: Block,
) -> Problem:
    """Least-squares problem of one spectrum: (model - data)/sigma, and priors of its parameters."""
    names, matrix = parameters.names, parameters.matrix
    used = [i for i in range(len(names)) if np.any(matrix[i])]
    columns, reduced = tuple(names[i] for i in used), matrix[used]
    plain = bool(np.array_equal(reduced, np.eye(*reduced.shape)))
    priors = [(parameters.index(p.name), p.prior) for p in parameters if p.prior is not None and not p.fixed]
    weight = 1.0 / sigma

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        full = parameters.expand(vector)
        curve, jacobian = model.evaluate(velocity, dict(zip(names, full.tolist(), strict=True)), columns)
        residuals = (curve - data) * weight
        jacobian *= weight[:, None]
        if not plain:
            jacobian = jacobian @ reduced
        if priors:
            residuals = np.append(residuals, [(full[i] - prior.mean) / prior.sigma for i, prior in priors])
            jacobian = np.vstack([jacobian, *(matrix[i] / prior.sigma for i, prior in priors)])
        return residuals, jacobian

    blocks = (block, *(Block(f"prior of {names[i]}", 1, "prior") for i, _ in priors))
    return Problem(parameters, evaluate, blocks)


def _notes(spectrum: Measurement, model: SpectrumModel, result: FitResult) -> list[str]:
    notes = [describe_scale(spectrum)]
    reduced = result.chi2 / max(result.degrees_of_freedom, 1)
    limit = 1.0 + 5.0 * math.sqrt(2.0 / max(result.degrees_of_freedom, 1))
    if reduced > limit:
        notes.append(
            f"chi2 per degree of freedom is {reduced:.2f}: the model does not describe the counts within their"
            " statistics;"
            " standard uncertainties are too small"
        )
    if model.thick:
        total = sum(result.value(f"{component.name}.effective_thickness") for component in model.components)
        notes.append(f"effective thickness {total:.2f}")
    else:
        # dip of a thin absorber: f_s t/2; with f_s of at most 1 the deepest point bounds t from below
        deepest = float(1.0 - np.min(spectrum.values[0]))
        if deepest > 0.39 * THICK:
            notes.append(
                f"the deepest line takes {100 * deepest:.0f} % of the counts: the absorber is thick, use thick=True"
                " (areas and widths of a thin-absorber fit are distorted)"
            )
    if width := [
        p.name
        for p in result.parameters
        if p.quantity == "line_width" and result.value(p.name) < 0.19 * MM_S and not model.thick
    ]:
        notes.append(f"narrower than source and absorber can be (0.194 mm/s): {', '.join(width)}")
    return notes


def starting_values(values: Mapping[str, float], model: SpectrumModel) -> tuple[Parameter, ...]:
    """Parameters of a model with other start values, for `fit_spectrum(changes=...)`.

    Parameters
    ----------
    values : mapping of str to float
        Name to value, SI.
    """
    from dataclasses import replace

    parameters = model.parameters()
    return tuple(replace(parameters[name], value=value) for name, value in values.items())
