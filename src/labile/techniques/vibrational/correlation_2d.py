"""Two-dimensional correlation of spectra (Noda): what changes together, and what changes first.

With mean-centred spectra Y (m, M) in order of increasing temperature (or pressure) on an even grid,

    Phi = Y^T Y/(m - 1),     Psi = Y^T N Y/(m - 1),     N_jk = 0 for j = k, else 1/[pi (k - j)].

Where Phi and Psi have the same sign at (nu1, nu2), nu1 changes before nu2: at lower temperature, also for a cooling
run, which is turned round first.

References
----------
I. Noda, Appl. Spectrosc. 54 (2000) 994, doi:10.1366/0003702001950472.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, varied, wavenumbers

EVEN = 0.01
"""Deviation of single steps, relative to the mean step, up to which a grid counts as even."""


@dataclass(frozen=True, eq=False)
class Correlation2D:
    """Correlation maps.

    Attributes
    ----------
    wavenumber : ndarray (M,)
        1/m, rising.
    synchronous, asynchronous : ndarray (M, M)
        First index nu1, second nu2; (unit of the spectra)^2.
    along : str
        ``"temperature"`` or ``"pressure"``.
    grid : ndarray (m,)
        Even, rising, SI.
    notes : tuple of str
        Reordering and interpolation that were done.
    """

    wavenumber: np.ndarray
    synchronous: np.ndarray
    asynchronous: np.ndarray
    along: str
    grid: np.ndarray
    notes: tuple[str, ...] = ()

    def first_to_change(self, nu1: float, nu2: float, *, floor: float = 1e-3) -> str:
        """Order of events at two wavenumbers (1/m): ``"first"``, ``"second"``, ``"together"`` or ``"unrelated"``.

        Parameters
        ----------
        nu1, nu2 : float
        floor : float
            Magnitude, relative to the root of the product of the autocorrelations, below which a correlation is
            nothing.
        """
        i, j = (int(np.argmin(np.abs(self.wavenumber - nu))) for nu in (nu1, nu2))
        scale = float(np.sqrt(self.synchronous[i, i] * self.synchronous[j, j]))
        phi, psi = float(self.synchronous[i, j]), float(self.asynchronous[i, j])
        if abs(phi) <= floor * scale:
            return "unrelated"
        if abs(psi) <= floor * scale:
            return "together"
        return "first" if phi * psi > 0 else "second"


def noda_matrix(count: int) -> np.ndarray:
    """Hilbert-Noda matrix (m, m).

    Examples
    --------
    >>> (noda_matrix(3) * np.pi).round(3).tolist()
    [[0.0, 1.0, 0.5], [-1.0, 0.0, 1.0], [-0.5, -1.0, 0.0]]
    """
    apart = np.arange(count)[None, :] - np.arange(count)[:, None]
    return np.where(apart == 0, 0.0, 1.0 / (np.pi * np.where(apart == 0, 1, apart)))


def correlate(spectra: Measurement, *, along: str = "", points: int | None = None) -> Correlation2D:
    """Synchronous and asynchronous correlation of a map.

    Parameters
    ----------
    spectra : Measurement
        Map of at least three conditions.
    along : {"", "temperature", "pressure"}
    points : int, optional
        Of the even grid on which an uneven map is interpolated; as many as there are spectra by default.

    Returns
    -------
    Correlation2D

    Raises
    ------
    VibrationalError
        For fewer than three conditions or repeated ones.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> t = np.linspace(50.0, 150.0, 51)
    >>> early, late = (1 / (1 + np.exp(-(t - t0) / 8)) for t0 in (80.0, 110.0))
    >>> m = Measurement(
    ...     "absorbance", np.stack([early, late], 1), Conditions(t), axis=Axis("wavenumber", [1.3e5, 1.5e5])
    ... )
    >>> correlate(m).first_to_change(1.3e5, 1.5e5)
    'first'
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    name, values = varied(source, along)
    where = f"map {spectra.label!r}"
    if values.size < 3:
        raise VibrationalError(f"{where}: correlation needs three spectra at least, found {values.size}")
    notes = []
    order = np.argsort(values, kind="stable")
    if np.any(np.diff(order) < 0):
        notes.append(f"spectra put in order of increasing {name}")
    grid, rows = values[order], source.values[order]
    steps = np.diff(grid)
    if np.any(steps <= 0):
        raise VibrationalError(
            f"{where}: two spectra at the same {name} ({grid[int(np.argmin(steps))]:g}, SI); merge them"
        )
    mean = float(np.mean(steps))
    if points is not None or np.max(np.abs(steps - mean)) > EVEN * mean:
        even = np.linspace(grid[0], grid[-1], points or grid.size)
        at = np.clip(np.searchsorted(grid, even) - 1, 0, grid.size - 2)
        part = ((even - grid[at]) / steps[at])[:, None]
        rows = (1.0 - part) * rows[at] + part * rows[at + 1]
        notes.append(f"interpolated linearly from uneven steps on {even.size} even ones of {name}")
        grid = even
    y = rows - rows.mean(axis=0)
    synchronous = y.T @ y / (grid.size - 1)
    asynchronous = y.T @ (noda_matrix(grid.size) @ y) / (grid.size - 1)
    return Correlation2D(nu, synchronous, asynchronous, name, grid, tuple(notes))
