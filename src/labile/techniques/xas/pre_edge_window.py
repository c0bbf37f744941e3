"""The part of a spectrum in which a pre-edge is fitted, and what its noise is like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.fitting.smoothing import local_polynomial
from labile.techniques.xas.absorption import EV, XasError, spectra_of, window_of

IRON_WINDOW = (7108.0 * EV, 7116.0 * EV)
"""J, where the foil is at 7111.2 eV."""
LEAST_NOISE = 1e-8
"""Noise of a spectrum without any, relative to the edge step."""


@dataclass(frozen=True, eq=False)
class Window:
    """One spectrum within the fitted range.

    Attributes
    ----------
    spectrum : Measurement
        The whole, ``"normalized_absorption"``.
    energy, data : ndarray (M,)
        J and normalised absorption.
    sigma : ndarray (M,) or None
    limits : tuple of float
        J.
    """

    spectrum: Measurement
    energy: np.ndarray
    data: np.ndarray
    sigma: np.ndarray | None
    limits: tuple[float, float]

    @property
    def middle(self) -> float:
        """Middle of the range, J."""
        return 0.5 * (self.limits[0] + self.limits[1])

    @property
    def edge_energy(self) -> float:
        """J, as `normalise` notes it; NaN where it is not known."""
        found = self.spectrum.attributes.get("edge_energy")
        return found if isinstance(found, float) else math.nan


def within(spectrum: Measurement, window: tuple[float, float], least: int = 4) -> Window:
    """Part of one normalised spectrum that is fitted.

    Parameters
    ----------
    spectrum : Measurement
        ``"normalized_absorption"`` along energy, one condition.
    window : tuple of float
        J.
    least : int
        Points that are needed.

    Raises
    ------
    XasError
        For several spectra at once, one that is not normalised, energies that do not increase, or too few points.
    """
    if spectrum.quantity == "absorption":
        raise XasError(
            f"spectrum {spectrum.label!r} is not normalised; use normalise first. A range that ends before the"
            " post-edge takes its methods 'area' or 'min_max', or 'none' for data normalised elsewhere"
        )
    spectra = spectra_of(spectrum, ("normalized_absorption",), points=4)
    if len(spectrum) != 1:
        raise XasError(f"{spectra.where}: {len(spectrum)} spectra; fit them one by one or as a series")
    low, high = (float(end) / EV for end in window)
    if not low < high:
        raise XasError(f"{spectra.where}: the pre-edge window must rise, found {low:g} to {high:g} eV")
    if low > 1e6:
        raise XasError(f"{spectra.where}: pre-edge window {window[0]:g} to {window[1]:g} J; give it in J (7108 * EV)")
    part = window_of(spectra, low, high, least, "in the pre-edge window", "Move the window.")
    return Window(
        spectrum,
        spectra.energy[part] * EV,
        spectra.values[0, part],
        None if spectra.sigma is None else spectra.sigma[0, part],
        (float(window[0]), float(window[1])),
    )


def correlation_length(residuals: np.ndarray) -> float:
    """Points that count as one: 1 + 2 sum of the autocorrelation up to its first insignificant value.

    Examples
    --------
    >>> correlation_length(np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]))
    1.0
    """
    n = residuals.size
    centred = residuals - residuals.mean()
    total = float(centred @ centred)
    length = 1.0
    if n < 4 or total == 0:
        return length
    for lag in range(1, n // 2):
        rho = float(centred[lag:] @ centred[:-lag]) / total
        if rho < 2.0 / math.sqrt(n):
            break
        length += 2.0 * rho
    return length


def first_noise(part: Window) -> float:
    """Noise of the points about parabolas through five of them."""
    if part.data.size < 7:
        return max(0.01 * float(np.ptp(part.data)), LEAST_NOISE)
    return max(local_polynomial(part.energy / EV, part.data, window=5, order=2).noise, LEAST_NOISE)
