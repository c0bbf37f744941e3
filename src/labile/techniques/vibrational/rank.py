"""How many independent spectra a map holds: singular values against the noise.

The raw matrix is decomposed. Taking the mean off under closure (populations that sum to one) lowers the rank by one.
Singular values of noise alone reach about sigma (sqrt m + sqrt n); the largest of them exceeds the limit used here in
1 % of maps (Tracy-Widom law). Components beyond the number of states are drifts of bands, baselines, or further states.

References
----------
I. M. Johnstone, Ann. Statist. 29 (2001) 295, doi:10.1214/aos/1009210544.
E. R. Malinowski, Anal. Chem. 49 (1977) 612, doi:10.1021/ac50012a027.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, stated_noise, wavenumbers

TRACY_WIDOM_99 = 2.0234
"""99 % point of the Tracy-Widom law of order 1."""


@dataclass(frozen=True, eq=False)
class SpectralRank:
    """Singular values of a map and what they say.

    Attributes
    ----------
    singular_values : ndarray (min(N, M),)
    floor : float
        sigma (sqrt N + sqrt M).
    limit : float
        What the largest singular value of noise exceeds in 1 % of maps.
    rank : int
        Singular values above the limit.
    indicator_rank : int
        Where Malinowski's indicator function, which needs no sigma, is least.
    centred : bool
        Whether the mean spectrum was taken off first.
    wavenumber : ndarray (M,)
    scores : ndarray (N, k)
        Left singular vectors times singular values, k = rank + 2 of them.
    loadings : ndarray (k, M)
    notes : tuple of str
    """

    singular_values: np.ndarray
    floor: float
    limit: float
    rank: int
    indicator_rank: int
    centred: bool
    wavenumber: np.ndarray
    scores: np.ndarray
    loadings: np.ndarray
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """One sentence."""
        after = " of the mean-centred map (closure lowers it by one)" if self.centred else ""
        return (
            f"rank {self.rank}{after}: {self.rank} singular values above {self.limit:.3g}, the limit of noise; the"
            f" indicator function says {self.indicator_rank}"
        )


def spectral_rank(spectra: Measurement, *, sigma: float | None = None, centred: bool = False) -> SpectralRank:
    """Rank of a map above its noise.

    Parameters
    ----------
    spectra : Measurement
        At least two conditions.
    sigma : float, optional
        Noise of one point; the measurement's own by default, else estimated from its neighbouring points.
    centred : bool
        Take the mean spectrum off first.

    Returns
    -------
    SpectralRank

    Raises
    ------
    VibrationalError
        For one spectrum, or sigma that is not above 0.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(0.0, 1.0, 30)
    >>> pure = rng.uniform(size=(2, 50))
    >>> data = np.stack([x, 1 - x], axis=1) @ pure + rng.normal(0.0, 0.01, (30, 50))
    >>> axis = Axis("wavenumber", np.linspace(1.2e5, 1.6e5, 50))
    >>> m = Measurement("absorbance", data, Conditions(np.linspace(10.0, 300.0, 30)), sigma=0.01, axis=axis)
    >>> spectral_rank(m).rank, spectral_rank(m, centred=True).rank
    (2, 1)
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    data = source.values
    rows, columns = data.shape
    if rows < 2 or columns < 2:
        raise VibrationalError(f"map {spectra.label!r}: the rank of a {rows} x {columns} map means nothing")
    notes = []
    if sigma is None:
        noise, note = stated_noise(source)
        notes += [note] if note else []
    elif sigma > 0:
        noise = np.full(data.shape, float(sigma))
    else:
        raise VibrationalError(f"map {spectra.label!r}: sigma must be above 0, found {sigma!r}")
    if centred:
        data = data - data.mean(axis=0)
    u, s, vt = np.linalg.svd(data, full_matrices=False)
    # for noise that varies over the map, the largest rows and columns count
    along_row = float(np.sqrt(np.max(np.sum(noise**2, axis=1))))
    along_column = float(np.sqrt(np.max(np.sum(noise**2, axis=0))))
    floor = along_row + along_column
    single = floor / (math.sqrt(rows) + math.sqrt(columns))
    limit = single * _noise_quantile(rows, columns)
    rank = int(np.sum(s > limit))
    indicator = _indicator_rank(s, rows, columns)
    if indicator != rank:
        notes.append(
            f"the indicator function finds {indicator} components, the noise limit {rank}: correlated noise or a sigma"
            " that is off"
        )
    if rank == s.size:
        notes.append("every singular value lies above the noise: sigma is too small, or there are too few spectra")
    keep = min(rank + 2, s.size)
    return SpectralRank(
        s, floor, limit, rank, indicator, centred, nu, u[:, :keep] * s[:keep], vt[:keep], tuple(notes)
    )  # fmt: skip


def _noise_quantile(rows: int, columns: int) -> float:
    """99 % point of the largest singular value of (rows, columns) independent standard normal numbers."""
    n, p = max(rows, columns), min(rows, columns)
    edge = math.sqrt(n - 1) + math.sqrt(p)
    spread = edge * (1.0 / math.sqrt(n - 1) + 1.0 / math.sqrt(p)) ** (1.0 / 3.0)
    return math.sqrt(edge**2 + TRACY_WIDOM_99 * spread)


def _indicator_rank(s: np.ndarray, rows: int, columns: int) -> int:
    """Number of components at the least indicator IND = RE/(c - k)^2, RE^2 = sum_{j>k} s_j^2/[r (c - k)]."""
    r, c = max(rows, columns), min(rows, columns)
    if c < 3:
        return int(s.size)
    k = np.arange(1, c)
    left = np.cumsum((s**2)[::-1])[::-1][1:]
    indicator = np.sqrt(left / (r * (c - k))) / (c - k) ** 2
    # the last components always look good: (c - k)^2 of a handful is no evidence
    usable = max(1, c - max(2, c // 4))
    return int(k[int(np.argmin(indicator[:usable]))])
