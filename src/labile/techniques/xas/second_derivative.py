"""Second derivatives of noisy spectra by local polynomials, as a matrix that acts on data and model alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labile.techniques.xas.absorption import XasError


@dataclass(frozen=True)
class SecondDerivative:
    """How much the second derivative counts in a fit, and the Savitzky-Golay filter that makes it.

    The residuals of spectrum and second derivative are r/s_0 and sqrt(weight) (D r)/s_2 with the same matrix D for data
    and model; s_0 is the noise of the spectrum and s_2 what D makes of it (root mean square). D r holds nothing that r
    does not: it is a choice of what the fit shall look at, sharp features before a smooth rise, not more data.

    Attributes
    ----------
    weight : float
        lambda: of chi2 of the second derivative beside that of the spectrum.
    points : int
        Odd number of neighbouring points per polynomial.
    order : int
        Of the polynomials, at least 2.

    Raises
    ------
    XasError
    """

    weight: float = 1.0
    points: int = 9
    order: int = 3

    def __post_init__(self) -> None:
        if not (self.weight > 0 and np.isfinite(self.weight)):
            raise XasError(f"second derivative: its weight must be above 0, found {self.weight:g}")
        if self.order < 2 or self.points % 2 == 0 or self.points <= self.order:
            raise XasError(
                "second derivative: it needs polynomials of order 2 or more over an odd number of points above their"
                f" order, found order {self.order} over {self.points} points"
            )

    def matrix(self, energy: np.ndarray) -> np.ndarray:
        """Matrix (M - points + 1, M) that turns values at these energies into second derivatives.

        Rows belong to ``energy[points // 2 : -(points // 2)]``: nearer to the ends there is no full window. On an even
        grid it is the filter of Savitzky and Golay (doi:10.1021/ac60214a047), on an uneven one the same local fit.

        Examples
        --------
        >>> grid = np.array([0.0, 0.5, 0.9, 1.0, 1.4, 2.0])
        >>> filter = SecondDerivative(points=5, order=2)
        >>> (filter.matrix(grid) @ grid**2).round(9).tolist()
        [2.0, 2.0]
        """
        energy = np.asarray(energy, dtype=float)
        if energy.size < self.points:
            raise XasError(f"second derivative: {energy.size} points are fewer than the {self.points} of its filter")
        first = np.arange(energy.size - self.points + 1)
        members = first[:, None] + np.arange(self.points)
        centre = energy[first + self.points // 2]
        reach = energy[first + self.points - 1] - energy[first]
        powers = ((energy[members] - centre[:, None]) / reach[:, None])[..., None] ** np.arange(self.order + 1)
        rows = 2.0 * np.linalg.pinv(powers)[:, 2, :] / (reach**2)[:, None]
        matrix = np.zeros((first.size, energy.size))
        matrix[first[:, None], members] = rows
        return matrix

    def inner(self, energy: np.ndarray) -> np.ndarray:
        """Energies that the rows of `matrix` belong to."""
        half = self.points // 2
        return np.asarray(energy[half : energy.size - half])
