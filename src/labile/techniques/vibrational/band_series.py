"""All spectra of a map in one fit of bands: shared widths, positions that drift, free areas, one table.

One spectrum is a series of one: `fit_bands`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult, FitStatus
from labile.techniques.vibrational.bands import Band, BandDesign
from labile.techniques.vibrational.spectral_map import (
    CM,
    VibrationalError,
    rising,
    stated_noise,
    varied,
    wavenumbers,
)

UNITS = {"temperature": 100.0, "pressure": 1e9}
"""Unit of drifts: shifts are per 100 K or per GPa."""


@dataclass(frozen=True, eq=False)
class BandSeries:
    """Bands of a map.

    Attributes
    ----------
    spectra : Measurement
        What was fitted, wavenumbers rising.
    bands : tuple of Band
    result : FitResult
        Shared parameters: positions at the reference, drifts (1/m per 100 K or GPa), widths, shapes.
    areas, sigma_areas : ndarray (N, B)
        1/m, uncertainties of the shared parameters included.
    covariance_areas : ndarray (N, B, B)
    positions, sigma_positions : ndarray (N, B)
        1/m.
    model, baseline : ndarray (N, M)
    along : str
        ``"temperature"`` or ``"pressure"``.
    reference : float
        Where positions hold, K or Pa.
    notes : tuple of str
        Negative or absent bands, estimated noise, misfit.
    """

    spectra: Measurement
    bands: tuple[Band, ...]
    result: FitResult
    areas: np.ndarray
    sigma_areas: np.ndarray
    covariance_areas: np.ndarray
    positions: np.ndarray
    sigma_positions: np.ndarray
    model: np.ndarray
    baseline: np.ndarray
    along: str
    reference: float
    linear_count: int
    notes: tuple[str, ...] = ()

    @property
    def reduced_chi2(self) -> float:
        """chi2 per degree of freedom, areas and baselines counted."""
        dof = self.spectra.values.size - self.linear_count - self.result.n_free
        return self.result.chi2 / max(dof, 1)

    def index(self, band: str) -> int:
        """Column of a band."""
        names = [one.name for one in self.bands]
        if band not in names:
            raise VibrationalError(f"there is no band {band!r}; there are {', '.join(names)}")
        return names.index(band)

    def area(self, band: str) -> Measurement:
        """Areas of one band over the map, ``"band_area"``."""
        return self._measurement(band, "band_area", self.areas, self.sigma_areas)

    def position(self, band: str) -> Measurement:
        """Positions of one band over the map, ``"band_position"``; all from a few shared numbers, so correlated."""
        return self._measurement(band, "band_position", self.positions, self.sigma_positions)

    def _measurement(self, band: str, quantity: str, values: np.ndarray, sigma: np.ndarray) -> Measurement:
        i = self.index(band)
        usable = bool(np.all(np.isfinite(sigma[:, i]) & (sigma[:, i] > 0)))
        return replace(
            self.spectra,
            quantity=quantity,
            unit="1/cm",
            values=values[:, i],
            sigma=sigma[:, i] if usable else None,
            axis=None,
            limits=None,
            correlated=(),
            label=f"{band} {quantity.removeprefix('band_')}",
            provenance=self.spectra.provenance.then(f"{quantity.replace('_', ' ')} of {band} from a fit of the map"),
        )

    def correlation(self, first: str, second: str) -> np.ndarray:
        """Correlation (N,) of the areas of two bands."""
        i, j = self.index(first), self.index(second)
        return np.asarray(self.covariance_areas[:, i, j] / (self.sigma_areas[:, i] * self.sigma_areas[:, j]))

    def table(self) -> list[dict[str, float | str]]:
        """One row a spectrum and band: condition, position, area (cm-1) with s.u., largest correlation with another."""
        rows: list[dict[str, float | str]] = []
        _, values = varied(self.spectra, self.along)
        unit = "K" if self.along == "temperature" else "Pa"
        scale = np.sqrt(np.einsum("nii->ni", self.covariance_areas))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = self.covariance_areas / (scale[:, :, None] * scale[:, None, :])
        for n, value in enumerate(values):
            for b, band in enumerate(self.bands):
                others = np.delete(correlation[n, b], b)
                rows.append(
                    {
                        f"{self.along} / {unit}": float(value),
                        "band": band.name,
                        "position / cm-1": float(self.positions[n, b] / CM),
                        "s.u. position / cm-1": float(self.sigma_positions[n, b] / CM),
                        "area / cm-1": float(self.areas[n, b] / CM),
                        "s.u. area / cm-1": float(self.sigma_areas[n, b] / CM),
                        "largest correlation": float(others[np.argmax(np.abs(others))]) if others.size else 0.0,
                    }
                )
        return rows


def fit_band_series(
    spectra: Measurement,
    bands: Sequence[Band],
    *,
    degree: int = 1,
    along: str = "",
    reference: float | None = None,
    changes: Sequence[Parameter] = (),
) -> BandSeries:
    """Fit bands to all spectra of a map together.

    Parameters
    ----------
    spectra : Measurement
        Map on one grid; absorbance or intensity.
    bands : sequence of Band
    degree : int
        Of the polynomial baseline of every spectrum, -1 for none.
    along : {"", "temperature", "pressure"}
        What positions drift with.
    reference : float, optional
        Where the positions hold (K or Pa); the middle of the map by default.
    changes : sequence of Parameter
        Start values, bounds, ties and fixed ones of ``<band>.band_position``, ``.band_drift``, ``.band_curvature``,
        ``.band_width``, ``.gaussian_band_width``, ``.lorentz_share``.

    Returns
    -------
    BandSeries

    Raises
    ------
    VibrationalError
        For transmittance, bands outside the spectra, drifts with a single condition, or a start at which bands
        coincide.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> from labile.fitting.line_shapes import lorentzian
    >>> nu, kelvin = np.linspace(1.45e5, 1.6e5, 301), np.array([100.0, 200.0, 300.0])
    >>> pure = lorentzian(nu, np.array([[1485e2], [1556e2]]), 12e2).value
    >>> data = np.array([[900.0, 100.0], [700.0, 300.0], [500.0, 500.0]]) @ pure
    >>> m = Measurement("absorbance", data, Conditions(kelvin), sigma=1e-4, axis=Axis("wavenumber", nu))
    >>> found = fit_band_series(m, [Band("H", 1484e2, 10e2, "lorentz"), Band("V", 1555e2, 10e2, "lorentz")])
    >>> found.areas.round(3).tolist()
    [[900.0, 100.0], [700.0, 300.0], [500.0, 500.0]]
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    where = f"map {spectra.label!r}"
    if spectra.quantity in ("transmittance", "reflectance"):
        raise VibrationalError(f"{where}: areas need absorbance; convert {spectra.quantity} first (absorbance())")
    name, values = varied(source, along)
    about = float(0.5 * (values.min() + values.max())) if reference is None else float(reference)
    tau = (values - about) / UNITS[name]
    drifting = max((band.drift for band in bands), default=0)
    if drifting and np.unique(values).size <= drifting:
        raise VibrationalError(
            f"{where}: a drift of degree {drifting} needs more than {np.unique(values).size} different {name}s"
        )
    sigma, note = stated_noise(source)
    notes = [note] if note else []
    design = BandDesign(tuple(bands), nu, tau, degree)
    parameters = design.parameters.updated(changes)

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residuals, jacobian = design.compressed(parameters.expand(vector), source.values, sigma)
        return residuals, jacobian @ parameters.matrix

    size = len(source) * min(len(parameters) + 1, nu.size)
    result = fit(Problem(parameters, evaluate, (Block(spectra.label, size),)))
    if result.status is FitStatus.FAILED:
        raise VibrationalError(f"{where}: two bands coincide at the start values; their areas are not determined")
    if not result.converged:
        notes.append(result.message)
    each = [
        design.solve(result.parameters.values, source.values[i : i + 1], sigma[i : i + 1], slice(i, i + 1))
        for i in range(len(source))
    ]
    linear, fixed_covariance, answers, model, baseline = (
        np.concatenate([getattr(one, name) for one in each])
        for name in ("linear", "covariance", "answer", "model", "baseline")
    )
    count = len(bands)
    answer = (answers @ parameters.matrix)[:, :count]
    added = answer @ result.covariance @ np.swapaxes(answer, 1, 2)
    covariance = fixed_covariance[:, :count, :count] + added
    areas = linear[:, :count]
    sigma_areas = np.sqrt(np.einsum("nii->ni", covariance))
    positions, sigma_positions = _positions(design, result)
    notes += _about_areas(tuple(bands), areas, sigma_areas)
    series = BandSeries(
        source, tuple(bands), result, areas, sigma_areas, covariance, positions, sigma_positions, model,
        baseline, name, about, linear.size, tuple(notes),
    )  # fmt: skip
    if series.reduced_chi2 > 2.0:
        text = f"chi2 per degree of freedom is {series.reduced_chi2:.3g}: bands are missing or not of this shape"
        series = replace(series, notes=(*series.notes, text))
    return series


def fit_bands(spectrum: Measurement, bands: Sequence[Band], *, degree: int = 1, **others: Any) -> BandSeries:
    """Fit bands to one spectrum: `fit_band_series` without drifts.

    Raises
    ------
    VibrationalError
        If there are several spectra.
    """
    if len(spectrum) != 1:
        raise VibrationalError(f"{spectrum.label!r} holds {len(spectrum)} spectra; use fit_band_series, or take one")
    return fit_band_series(spectrum, [replace(band, drift=0) for band in bands], degree=degree, **others)


def _positions(design: BandDesign, result: FitResult) -> tuple[np.ndarray, np.ndarray]:
    values, sigmas = [], []
    parameters = result.parameters
    for band in design.bands:
        names = [f"{band.name}.{what}" for what in ("band_position", "band_drift", "band_curvature")[: band.drift + 1]]
        powers = design.tau[:, None] ** np.arange(len(names))
        rows = parameters.matrix[[parameters.index(n) for n in names]]
        gradient = powers @ rows
        values.append(powers @ [result.value(n) for n in names])
        sigmas.append(np.sqrt(np.maximum(np.einsum("nf,fg,ng->n", gradient, result.covariance, gradient), 0.0)))
    return np.stack(values, axis=1), np.stack(sigmas, axis=1)


def _about_areas(bands: tuple[Band, ...], areas: np.ndarray, sigma: np.ndarray) -> list[str]:
    notes = []
    for b, band in enumerate(bands):
        negative = int(np.sum(areas[:, b] < -3 * sigma[:, b]))
        absent = int(np.sum(np.abs(areas[:, b]) <= 3 * sigma[:, b]))
        if negative:
            notes.append(
                f"band {band.name}: area negative by more than 3 s.u. in {negative} of {areas.shape[0]} spectra; the"
                " baseline or the number of bands is wrong"
            )
        if absent:
            notes.append(f"band {band.name}: no area beyond 3 s.u. in {absent} of {areas.shape[0]} spectra")
    return notes
