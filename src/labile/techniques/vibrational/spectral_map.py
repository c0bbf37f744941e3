"""Infrared and Raman spectra as one map: rows are conditions, columns wavenumbers on one common grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labile.core.joining import joined
from labile.core.measurement import Axis, Measurement, MeasurementError
from labile.fitting.smoothing import white_noise

AXES = ("wavenumber", "raman_shift")
CM = 100.0
"""1/m in 1/cm."""


class VibrationalError(ValueError):
    """Spectra, bands or maps that cannot be evaluated as asked."""


def wavenumbers(spectra: Measurement) -> np.ndarray:
    """Wavenumbers or Raman shifts (M,) of vibrational spectra, 1/m.

    Raises
    ------
    VibrationalError
        If the measurement has no such axis, or repeats or mixes up its points.
    """
    axis = spectra.axis
    if axis is None or axis.quantity not in AXES:
        found = "no axis" if axis is None else f"the axis {axis.quantity!r}"
        raise VibrationalError(
            f"spectra {spectra.label!r}: an axis of wavenumber or raman_shift is needed, found {found}"
        )
    steps = np.diff(axis.values)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise VibrationalError(
            f"spectra {spectra.label!r}: wavenumbers must all rise or all fall; point"
            f" {int(np.argmax(steps * np.sign(np.median(steps)) <= 0)) + 2} repeats or goes back. Sort or merge"
            " them first"
        )
    return np.asarray(axis.values)


def rising(spectra: Measurement) -> Measurement:
    """Return the spectra with wavenumbers in rising order (instruments write them either way)."""
    nu = wavenumbers(spectra)
    if nu.size < 2 or nu[0] < nu[-1]:
        return spectra
    assert spectra.axis is not None
    return replace(
        spectra,
        values=spectra.values[:, ::-1],
        sigma=None if spectra.sigma is None else spectra.sigma[:, ::-1],
        axis=Axis(spectra.axis.quantity, nu[::-1]),
    )


def spectral_map(spectra: Sequence[Measurement], label: str = "map") -> Measurement:
    """Join spectra on one grid into a map, in the order given.

    Parameters
    ----------
    spectra : sequence of Measurement
        Of one quantity, on one grid of wavenumbers; each may hold several conditions.
    label : str

    Returns
    -------
    Measurement
        Wavenumbers rising.

    Raises
    ------
    VibrationalError
        If quantities, branches or grids differ: spectra are never interpolated silently.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> axis = Axis("wavenumber", [1.2e5, 1.3e5, 1.4e5])
    >>> cold, warm = (Measurement("absorbance", [[0.1, 0.2, 0.1]], Conditions(t), axis=axis) for t in (10.0, 300.0))
    >>> spectral_map([cold, warm]).values.shape
    (2, 3)
    """
    if not spectra:
        raise VibrationalError(f"map {label!r}: there are no spectra")
    try:
        found = joined([rising(one) for one in spectra], label)
    except MeasurementError as error:
        raise VibrationalError(f"map {label!r}: {error}") from None
    wavenumbers(found)
    step = f"map of {len(spectra)} measurements on one grid"
    return replace(found, provenance=found.provenance.then(step))


def resampled(spectra: Measurement, grid: np.ndarray) -> Measurement:
    """Interpolate spectra linearly on another grid, and record it.

    Uncertainties are interpolated as they are; neighbouring points are correlated afterwards, which no weight knows.

    Parameters
    ----------
    spectra : Measurement
    grid : array_like (M,)
        Wavenumbers, 1/m, within the measured range.

    Raises
    ------
    VibrationalError
        If the grid reaches beyond the spectra.
    """
    source = rising(spectra)
    nu, target = wavenumbers(source), np.sort(np.asarray(grid, dtype=float))
    if target[0] < nu[0] or target[-1] > nu[-1]:
        raise VibrationalError(
            f"spectra {spectra.label!r} reach from {nu[0] / CM:g} to {nu[-1] / CM:g} cm-1, the grid from"
            f" {target[0] / CM:g} to {target[-1] / CM:g}; nothing is extrapolated"
        )
    assert source.axis is not None

    def on_grid(rows: np.ndarray) -> np.ndarray:
        return np.array([np.interp(target, nu, row) for row in rows])

    return replace(
        source,
        values=on_grid(source.values),
        sigma=None if source.sigma is None else on_grid(source.sigma),
        axis=Axis(source.axis.quantity, target),
        provenance=source.provenance.then(f"interpolated linearly on {target.size} other wavenumbers"),
    )


def in_window(spectra: Measurement, low: float, high: float) -> Measurement:
    """Return the part of the spectra between two wavenumbers (1/m), rising.

    Raises
    ------
    VibrationalError
        If fewer than 3 points lie there.
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    inside = (nu >= low) & (nu <= high)
    if np.sum(inside) < 3:
        raise VibrationalError(
            f"spectra {spectra.label!r}: {int(np.sum(inside))} points between {low / CM:g} and {high / CM:g} cm-1;"
            f" they reach from {nu[0] / CM:g} to {nu[-1] / CM:g}"
        )
    assert source.axis is not None
    return replace(
        source,
        values=source.values[:, inside],
        sigma=None if source.sigma is None else source.sigma[:, inside],
        axis=Axis(source.axis.quantity, nu[inside]),
        provenance=source.provenance.then(f"cut to {low / CM:g}-{high / CM:g} cm-1"),
    )


def varied(spectra: Measurement, along: str = "") -> tuple[str, np.ndarray]:
    """Which condition changes through the map, ``"temperature"`` or ``"pressure"``, and its values (N,), SI.

    Raises
    ------
    VibrationalError
        If both change and `along` does not say which counts.
    """
    if along not in ("", "temperature", "pressure"):
        raise VibrationalError(f"map {spectra.label!r}: along must be temperature or pressure, found {along!r}")
    if not along:
        changing = [n for n in ("temperature", "pressure") if np.ptp(getattr(spectra.conditions, n)) > 0]
        if len(changing) > 1:
            raise VibrationalError(
                f"map {spectra.label!r}: temperature and pressure both change; say along = 'temperature' or 'pressure'"
            )
        along = changing[0] if changing else "temperature"
    return along, np.asarray(getattr(spectra.conditions, along))


def noise_of(spectra: Measurement) -> np.ndarray:
    """Standard deviation of the noise of each spectrum (N,), from what neighbouring points do not share.

    The median of |third differences| over its value for white noise. Zero filling, apodisation and smoothing correlate
    neighbouring points: the noise is then underestimated, so a stated uncertainty is always better.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> rng = np.random.default_rng(0)
    >>> nu = np.linspace(1.2e5, 1.6e5, 4001)
    >>> m = Measurement(
    ...     "absorbance", rng.normal(0.0, 0.01, (1, 4001)) + nu / 1e5, Conditions(10.0), axis=Axis("wavenumber", nu)
    ... )
    >>> bool(abs(noise_of(m)[0] / 0.01 - 1) < 0.05)
    True
    """
    wavenumbers(spectra)
    if spectra.values.shape[1] < 8:
        raise VibrationalError(
            f"spectra {spectra.label!r}: the noise of {spectra.values.shape[1]} points cannot be told"
        )
    return white_noise(spectra.values)


def stated_noise(spectra: Measurement) -> tuple[np.ndarray, str]:
    """Sigma (N, M) of the spectra: stated, else estimated from the spectra with a sentence that says so."""
    if spectra.sigma is not None:
        return np.asarray(spectra.sigma), ""
    estimated = noise_of(spectra)
    if not np.all(estimated > 0):
        raise VibrationalError(
            f"spectra {spectra.label!r}: no uncertainties, and no noise to estimate them from; state sigma"
        )
    level = float(np.median(estimated))
    note = f"noise {level:.3g} estimated from third differences of neighbouring points (no sigma was stated)"
    return np.full(spectra.values.shape, level), note
