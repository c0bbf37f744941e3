"""Spectra as data of a joint fit: D = C(theta) S^T, where the model gives C and the data the pure spectra S."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labile.core.material import State
from labile.fitting.least_squares import FitError
from labile.fitting.variable_projection import (
    CompressedSpectra,
    compress,
    eliminated_spectra,
    noise_information,
    projected_block,
)
from labile.inference.objective import Objective, ObjectiveError
from labile.models.observable import SpectralObservable

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Explained:
    """What a joint fit makes of N spectra of M points with c pure spectra.

    Attributes
    ----------
    names : tuple of str
        Of the pure spectra.
    spectra, sigma_spectra : ndarray (c, M)
        SI of the measurement.
    amounts : ndarray (N, c)
        As the model has them.
    seen, sigma_seen : ndarray (N, c)
        As each measured spectrum alone has them, given the pure spectra.
    predicted : ndarray (N, M)
    sigma : ndarray (N, M)
        Of the data, noise scale included.
    residuals : ndarray (N, M)
        Weighted.
    """

    names: tuple[str, ...]
    spectra: np.ndarray
    sigma_spectra: np.ndarray
    amounts: np.ndarray
    seen: np.ndarray
    sigma_seen: np.ndarray
    predicted: np.ndarray
    sigma: np.ndarray
    residuals: np.ndarray

    def to_xarray(self) -> xarray.Dataset:
        """Pure spectra and amounts, SI; axis and conditions are those of the measurement."""
        import xarray

        return xarray.Dataset(
            {
                "spectra": (("spectrum", "point"), self.spectra),
                "sigma_spectra": (("spectrum", "point"), self.sigma_spectra),
                "amounts": (("condition", "spectrum"), self.amounts),
                "seen": (("condition", "spectrum"), self.seen),
                "sigma_seen": (("condition", "spectrum"), self.sigma_seen),
                "weighted_residuals": (("condition", "point"), self.residuals),
            },
            {"spectrum": list(self.names)},
        )


def compressed_maps(objectives: Sequence[Objective], states: tuple[State, ...]) -> dict[str, CompressedSpectra]:
    """Data of every objective of spectra, compressed without loss, by label.

    Raises
    ------
    ObjectiveError
        For uncertainties that are not one number a spectrum times one number a point, or fewer spectra than the pure
        ones that are to be found.
    """
    found = {}
    for objective in objectives:
        if objective.is_map:
            assert objective.measurement is not None
            assert isinstance(objective.observable, SpectralObservable)
            names = objective.observable.spectra(states)
            if len(objective.measurement) <= len(names):
                raise ObjectiveError(
                    f"objective {objective.label!r}: {len(objective.measurement)} spectra cannot determine"
                    f" {len(names)} pure spectra ({', '.join(names)}) and a model; give more, on one grid"
                )
            try:
                found[objective.label] = compress(objective.measurement.values, objective.measurement.sigma)
            except FitError as error:
                raise ObjectiveError(f"objective {objective.label!r}: {error}") from None
    return found


def map_residuals(
    data: CompressedSpectra, amounts: np.ndarray, slopes: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted residuals of spectra with their pure spectra eliminated, and the Jacobian.

    Parameters
    ----------
    data : CompressedSpectra
    amounts : ndarray (N, c)
    slopes : ndarray (N, K, c)
    scale : float
        Noise scale.
    """
    residuals, jacobian = projected_block(data, amounts, slopes)
    return residuals / scale, jacobian / scale


def map_noise(data: CompressedSpectra, amounts: np.ndarray, slopes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What the noise of the pure spectra adds to J^T J in the free parameters, shape (F, F).

    It does not depend on the noise scale: the amounts carry the unit, and the noise of a weighted spectrum is 1.
    """
    return noise_information(data, amounts, np.einsum("nkc,kf->nfc", slopes, matrix))


def explain(
    objective: Objective,
    states: tuple[State, ...],
    data: CompressedSpectra,
    amounts: np.ndarray,
    slopes: np.ndarray,
    covariance: np.ndarray,
    scale: float,
) -> Explained:
    """Pure spectra, amounts and residuals of one objective of spectra.

    Parameters
    ----------
    objective : Objective
    states : tuple of State
    data : CompressedSpectra
    amounts : ndarray (N, c)
    slopes : ndarray (N, F, c)
        In the free parameters.
    covariance : ndarray (F, F)
    scale : float
        Noise scale.

    Returns
    -------
    Explained
    """
    measurement = objective.measurement
    assert measurement is not None
    assert isinstance(objective.observable, SpectralObservable)
    values = measurement.values
    spectra, sigma_spectra = eliminated_spectra(values, data, amounts, slopes, covariance / scale**2)
    sigma = np.asarray(measurement.sigma) * scale
    weighted = spectra / data.columns
    inverse = np.linalg.pinv(weighted.T)
    seen = (values / data.columns) @ inverse.T
    spread = np.sqrt(np.sum(inverse**2, axis=1))
    predicted = amounts @ spectra
    return Explained(
        objective.observable.spectra(states), spectra, sigma_spectra * scale, amounts, seen,
        scale * data.rows[:, None] * spread, predicted, sigma, (values - predicted) / sigma,
    )  # fmt: skip
