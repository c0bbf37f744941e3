"""Isosbestic points: wavenumbers where two states absorb alike, tested against the noise.

Two states and nothing else leave the spectra unchanged where the pure spectra cross. Candidates are the zeros of the
first singular vector of the mean-centred map; there the scatter of the spectra must be noise (chi2 test). A significant
scatter means a third state, a baseline, or bands that move.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, stated_noise, wavenumbers

SLOPE = 5.0
"""A crossing counts only if the difference spectrum beside it reaches this many times its noise."""


@dataclass(frozen=True)
class IsosbesticPoint:
    """A crossing of difference spectra.

    Attributes
    ----------
    wavenumber, sigma : float
        Position and standard uncertainty, 1/m.
    value : float
        Mean of the spectra there.
    chi2 : float
        Of the spectra about their mean there.
    degrees_of_freedom : int
    p_value : float
        Probability of a scatter at least this large from noise alone.
    """

    wavenumber: float
    sigma: float
    value: float
    chi2: float
    degrees_of_freedom: int
    p_value: float

    @property
    def holds(self) -> bool:
        """Whether the scatter there is noise (1 % level)."""
        return self.p_value > 0.01


def isosbestic_points(spectra: Measurement) -> tuple[IsosbesticPoint, ...]:
    """Candidates for isosbestic points with their test.

    Parameters
    ----------
    spectra : Measurement
        At least three conditions.

    Returns
    -------
    tuple of IsosbesticPoint
        By rising wavenumber; empty where difference spectra do not cross zero.

    Raises
    ------
    VibrationalError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> x, nu = np.linspace(0.0, 1.0, 20), np.linspace(1.2e5, 1.6e5, 401)
    >>> a, b = (np.exp(-(((nu - c) / 4e3) ** 2)) for c in (1.36e5, 1.44e5))
    >>> data = np.outer(x, a) + np.outer(1 - x, b)
    >>> m = Measurement(
    ...     "absorbance", data, Conditions(np.linspace(10, 300, 20)), sigma=1e-3, axis=Axis("wavenumber", nu)
    ... )
    >>> [round(point.wavenumber / 100) for point in isosbestic_points(m)]
    [1400]
    """
    from scipy.stats import chi2 as chi2_law

    source = rising(spectra)
    nu = wavenumbers(source)
    data = source.values
    if data.shape[0] < 3:
        raise VibrationalError(f"map {spectra.label!r}: an isosbestic point needs three spectra at least")
    noise, _ = stated_noise(source)
    centred = data - data.mean(axis=0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    shape = vt[0] * s[0]
    # noise of the first loading times its singular value is that of one spectrum
    sigma = np.sqrt(np.mean(noise**2, axis=0))
    found = []
    # stretches of significant sign, so that noise around zero makes no crossings
    sign = np.where(np.abs(shape) > SLOPE * sigma, np.sign(shape), 0.0)
    known = np.flatnonzero(sign)
    for a, b in pairwise(known):
        if sign[a] == sign[b] or b - a > max(20, nu.size // 20):
            continue
        at, slope = _zero(nu[a : b + 1], shape[a : b + 1])
        i = int(np.clip(np.searchsorted(nu, at) - 1, 0, nu.size - 2))
        w = (at - nu[i]) / (nu[i + 1] - nu[i])
        values = (1 - w) * data[:, i] + w * data[:, i + 1]
        variance = (1 - w) ** 2 * noise[:, i] ** 2 + w**2 * noise[:, i + 1] ** 2
        mean = np.sum(values / variance) / np.sum(1 / variance)
        chi2 = float(np.sum((values - mean) ** 2 / variance))
        dof = data.shape[0] - 1
        found.append(
            IsosbesticPoint(at, float(sigma[i] / abs(slope)), float(mean), chi2, dof, float(chi2_law.sf(chi2, dof)))
        )
    return tuple(found)


def _zero(nu: np.ndarray, shape: np.ndarray) -> tuple[float, float]:
    """Zero and slope of the straight line through a stretch that changes sign."""
    slope, offset = np.polyfit(nu - nu[0], shape, 1)
    if slope == 0.0:
        return float(0.5 * (nu[0] + nu[-1])), 1e-300
    return float(np.clip(nu[0] - offset / slope, nu[0], nu[-1])), float(slope)
