"""Pre-edges of a series over temperature or pressure, with shared or drifting positions and widths, as one table.

Every parameter is own (one value a spectrum), shared (one value), or drifting: a straight line in the temperature or
pressure of the spectra. All spectra are fitted at once, so that the covariance of shared values is that of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Problem
from labile.fitting.result import FitResult
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.pre_edge import PreEdgeModel
from labile.techniques.xas.pre_edge_fit import (
    PASSES,
    SETTLED,
    TOLERANCE,
    PreEdgeFit,
    fit_notes,
    fit_pre_edge,
    of_all,
    pre_edge_problem,
)
from labile.techniques.xas.pre_edge_window import Window, correlation_length

WAYS = ("own", "shared", "drifting")
ALONG = ("temperature", "pressure")
Row = dict[str, float | str]


@dataclass(frozen=True, eq=False)
class PreEdgeSeries:
    """A fitted series.

    Attributes
    ----------
    fits : tuple of PreEdgeFit
        One a spectrum, each with its parameters at its temperature and their covariance in the common fit.
    common : FitResult
        Of the whole. Own parameters are called ``<label> <parameter>``; a drifting one has a second parameter
        ``<peak> drift.<quantity>``: its change from the lowest to the highest temperature or pressure.
    """

    fits: tuple[PreEdgeFit, ...]
    common: FitResult

    def table(self) -> list[Row]:
        """One row a spectrum; see `series_table`."""
        return series_table(self.fits)


def split_spectra(measurements: Measurement | Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Single spectra of one or several measurements, in order; labels tell conditions apart where they must."""
    given = (measurements,) if isinstance(measurements, Measurement) else tuple(measurements)
    found: list[Measurement] = []
    for measurement in given:
        count = len(measurement)
        for i in range(count):
            one = measurement[i]
            found.append(one if count == 1 else replace(one, label=f"{measurement.label} {i + 1}"))
    labels = [one.label for one in found]
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise XasError(f"series: several spectra are called {repeated[0]!r}; give them different labels")
    return tuple(found)


def fit_pre_edge_series(
    spectra: Measurement | Iterable[Measurement],
    window: tuple[float, float],
    model: PreEdgeModel,
    *,
    positions: str = "shared",
    widths: str = "shared",
    edge: str = "own",
    along: str = "temperature",
    changes: Iterable[Parameter] = (),
) -> PreEdgeSeries:
    """Fit all spectra of a series at once.

    Parameters
    ----------
    spectra : Measurement or iterable of Measurement
        ``"normalized_absorption"``; grids may differ.
    window : tuple of float
        J.
    model : PreEdgeModel
        The same peaks for all.
    positions, widths : {"shared", "drifting", "own"}
        Of the peaks.
    edge : {"own", "shared", "drifting"}
        Position and width of the rising edge.
    along : {"temperature", "pressure"}
        What drifting ones are linear in.
    changes : iterable of Parameter
        As for `fit_pre_edge`, for every spectrum.

    Returns
    -------
    PreEdgeSeries

    Raises
    ------
    XasError
        For fewer than two spectra, repeated labels, or a drift along what does not change.
    """
    for what, way in (("positions", positions), ("widths", widths), ("edge", edge)):
        if way not in WAYS:
            raise XasError(f"series: {what} must be one of {', '.join(WAYS)}, found {way!r}")
    if along not in ALONG:
        raise XasError(f"series: along must be temperature or pressure, found {along!r}")
    singles, changes = split_spectra(spectra), tuple(changes)
    if len(singles) < 2:
        raise XasError("series: at least two spectra are needed; fit one with fit_pre_edge")
    place = np.array([float(getattr(one.conditions, along)[0]) for one in singles])
    span = float(np.ptp(place))
    if "drifting" in (positions, widths, edge) and span == 0:
        raise XasError(f"series: all spectra have the same {along}, {place[0]:g} in SI; nothing can drift along it")
    ways = {f"{name}.{key}": way for name in model.names for key, way in (("energy", positions), ("fwhm", widths))}
    ways |= {f"{name}.{key}": edge for name in model.edge_names for key in ("energy", "fwhm")}
    alone = [fit_pre_edge(one, window, model, changes=changes) for one in singles]
    joint = _Joint(alone, ways, np.zeros(place.size) if span == 0 else (place - place.mean()) / span)
    common, sigmas = joint.fitted()
    return PreEdgeSeries(tuple(joint.member(i, common, sigmas[i]) for i in range(len(alone))), common)


class _Joint:
    """All spectra as one least-squares problem; starts from the fits of each alone."""

    def __init__(self, alone: Sequence[PreEdgeFit], ways: dict[str, str], place: np.ndarray) -> None:
        self.alone, self.ways = alone, ways
        members = [found.parameters for found in alone]
        self.free = members[0].free_names
        items: list[Parameter] = []
        columns: dict[str, int] = {}

        def added(parameter: Parameter) -> int:
            if parameter.name not in columns:
                columns[parameter.name] = len(items)
                items.append(parameter)
            return columns[parameter.name]

        # one matrix a spectrum: its free parameters of all free parameters
        entries: list[list[tuple[int, int, float]]] = []
        for number, found in enumerate(alone):
            mine = []
            for row, name in enumerate(self.free):
                one = found.parameters[name]
                way = ways.get(name, "own")
                if way == "own":
                    # priors are those of the spectrum's own problem
                    mine.append((row, added(replace(one, name=f"{found.label} {name}", prior=None)), 1.0))
                    continue
                mean = float(np.median([p[name].value for p in members]))
                mine.append((row, added(replace(one, value=mean, prior=None)), 1.0))
                if way == "drifting":
                    prefix, _, key = name.rpartition(".")
                    drift = Parameter(f"{prefix} drift.{key}", 0.0, one.unit)
                    mine.append((row, added(drift), float(place[number])))
            entries.append(mine)
        self.parameters = Parameters(tuple(items))
        self.matrices = [np.zeros((len(self.free), len(items))) for _ in alone]
        for matrix, mine in zip(self.matrices, entries, strict=True):
            for row, column, weight in mine:
                matrix[row, column] = weight
        self.used = [np.flatnonzero(np.any(matrix != 0, axis=0)) for matrix in self.matrices]

    def problem(self, sigmas: Sequence[np.ndarray]) -> Problem:
        """Residuals of all spectra; weak priors of shared parameters count once, with the first spectrum."""
        parts: list[Problem] = []
        for number, (found, sigma) in enumerate(zip(self.alone, sigmas, strict=True)):
            parameters = found.parameters
            if number:
                parameters = parameters.updated(
                    replace(p, prior=None) for p in parameters if self.ways.get(p.name, "own") != "own"
                )
            parts.append(pre_edge_problem(found.window, found.model, parameters, 1.0 / sigma)[0])
        sizes = [sum(block.size for block in part.blocks) for part in parts]
        ends = np.cumsum([0, *sizes])
        widths = [f"{name}.fwhm" for name in (*self.alone[0].model.names, *self.alone[0].model.edge_names)]
        positive = [self.free.index(name) for name in widths if name in self.free]

        def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            residuals, jacobian = np.empty(ends[-1]), np.zeros((ends[-1], vector.size))
            for i, part in enumerate(parts):
                own = self.matrices[i] @ vector
                if np.any(own[positive] <= 0):
                    raise ArithmeticError("a drift makes a width negative")
                rows = slice(ends[i], ends[i + 1])
                residuals[rows], slopes = part.evaluate(own)
                jacobian[rows, self.used[i]] = slopes @ self.matrices[i][:, self.used[i]]
            return residuals, jacobian

        blocks = [
            replace(block, name=f"{part.blocks[0].name}: {block.name}") if block.kind == "prior" else block
            for part in parts
            for block in part.blocks
        ]
        return Problem(self.parameters, evaluate, tuple(blocks))

    def fitted(self) -> tuple[FitResult, list[np.ndarray]]:
        """Fit until the noise of every spectrum without sigma is the scatter about it."""
        sigmas = [found.noise for found in self.alone]
        free = len(self.parameters.free_names) / len(self.alone)
        for _ in range(PASSES):
            common = fit(self.problem(sigmas), tolerance=TOLERANCE)
            settled = True
            for i, found in enumerate(self.alone):
                if found.window.sigma is not None:
                    continue
                off = self._curve(i, common.parameters) - found.window.data
                scatter = math.sqrt(float(off @ off) / max(off.size - free, 1.0) * correlation_length(off))
                settled = settled and abs(scatter / sigmas[i][0] - 1.0) < SETTLED
                sigmas[i] = np.full(off.size, max(scatter, 1e-12))
            if settled:
                break
            self.parameters = common.parameters
        return common, sigmas

    def _values(self, number: int, parameters: Parameters) -> Parameters:
        return self.alone[number].parameters.with_vector(self.matrices[number] @ parameters.vector)

    def _curve(self, number: int, parameters: Parameters) -> np.ndarray:
        found = self.alone[number]
        part: Window = found.window
        return found.model.evaluate(part.energy, self._values(number, parameters).values, part.middle)[0]

    def member(self, number: int, common: FitResult, sigma: np.ndarray) -> PreEdgeFit:
        """One spectrum's share of the common result."""
        found = self.alone[number]
        matrix = self.matrices[number]
        lost = ~np.isfinite(np.diag(common.covariance))
        covariance = matrix @ np.where(np.isfinite(common.covariance), common.covariance, 0.0) @ matrix.T
        touched = np.any(matrix[:, lost] != 0, axis=1)
        covariance[touched, :] = covariance[:, touched] = np.nan
        covariance[touched, touched] = np.inf
        parameters = self._values(number, common.parameters)
        off = found.window.data - self._curve(number, common.parameters)
        length = correlation_length(off)
        shared = ", ".join(name for name in self.free if self.ways.get(name, "own") != "own")
        notes = fit_notes(found.window, common, sigma, length, None)
        return replace(
            found,
            parameters=parameters,
            covariance=of_all(parameters, covariance),
            result=common,
            noise=sigma,
            correlation=length,
            notes=(*notes, f"fitted in a series of {len(self.alone)}; common: {shared or 'nothing'}"),
        )


def series_table(fits: Iterable[PreEdgeFit]) -> list[Row]:
    """One row a spectrum: conditions, edge energy, area, centroid and every peak, each with its s.u.

    Energies in eV, areas as 100 x eV at edge step 1. Fits may have different numbers of peaks; keys that a row lacks
    are left out of it.

    Parameters
    ----------
    fits : iterable of PreEdgeFit

    Returns
    -------
    list of dict
    """
    rows: list[Row] = []
    for found in fits:
        spectrum = found.window.spectrum
        attributes = spectrum.attributes
        row: Row = {
            "spectrum": found.label,
            "temperature/K": float(np.asarray(spectrum.conditions.temperature)[0]),
            "pressure/kbar": float(np.asarray(spectrum.conditions.pressure)[0]) / 1e8,
        }
        for key in ("edge_energy", "sigma_edge_energy"):
            number = attributes.get(key)
            if isinstance(number, float):
                row[f"{key}/eV"] = number / EV
        row["peaks"] = float(len(found.model.names))
        row["edge shape"] = "+".join(found.model.edge)
        if found.model.names:
            area, whole = found.area(), found.analytic_area()
            row |= {"area": area.value, "sigma_area": area.sigma}
            row |= {"analytic_area": whole.value, "sigma_analytic_area": whole.sigma}
            row["missing_tails"] = found.missing_tails()
            for name, place in (("centroid", found.centroid()), ("mean_energy", found.mean_energy())):
                row |= {f"{name}/eV": place.value / EV, f"sigma_{name}/eV": place.sigma / EV}
        for name in found.model.names:
            for key, unit, scale in (("energy", "/eV", EV), ("fwhm", "/eV", EV), ("height", "", 1.0)):
                one = found.value(f"{name}.{key}")
                row |= {f"{name}_{key}{unit}": one.value / scale, f"sigma_{name}_{key}{unit}": one.sigma / scale}
        row["noise"] = float(found.noise[0])
        row["normalisation"] = str(attributes.get("normalisation", "not stated"))
        rows.append(row)
    return rows
