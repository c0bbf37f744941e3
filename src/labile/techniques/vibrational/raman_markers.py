"""High-spin fractions from the intensities of Raman marker bands, mostly against pressure.

With I_LS proportional to s_LS x_LS and I_HS to s_HS x_HS,

    n_HS = 1/(1 + k I_LS/I_HS),      k = s_HS/s_LS.

Only the ratio of two bands of one spectrum is used: in a diamond cell focus, windows and orientation change the common
factor at every step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from labile.core.measurement import CorrelatedTerm, Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError


def high_spin_fraction(
    low_spin: Measurement,
    high_spin: Measurement,
    strength_ratio: float,
    *,
    sigma_ratio: float = 0.0,
    correlation: np.ndarray | float = 0.0,
    label: str = "",
) -> Measurement:
    """High-spin fraction from one low-spin and one high-spin marker.

    Parameters
    ----------
    low_spin, high_spin : Measurement
        Band areas or intensities at the same conditions.
    strength_ratio : float
        k = s_HS/s_LS, the strengths of the two bands in the pure states.
    sigma_ratio : float
        Its standard uncertainty; it moves all points together (a correlated term).
    correlation : ndarray (N,) or float
        Of the two markers in each spectrum (`BandSeries.correlation`).
    label : str

    Returns
    -------
    Measurement
        ``"high_spin_fraction"``; where one marker is not above zero by its uncertainty, the fraction is 0 or 1 with
        the uncertainty of that, and the provenance says so.

    Raises
    ------
    VibrationalError
        For different conditions, markers both absent, or k not above 0.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = Conditions(295.0, [1e8, 2e9])
    >>> ls, hs = (Measurement("band_area", v, at, sigma=[5.0, 5.0]) for v in ([100.0, 300.0], [300.0, 100.0]))
    >>> high_spin_fraction(ls, hs, 1.0).values.tolist()
    [0.75, 0.25]
    """
    where = f"markers {low_spin.label!r} and {high_spin.label!r}"
    if len(low_spin) != len(high_spin) or not all(
        np.allclose(getattr(low_spin.conditions, n), getattr(high_spin.conditions, n))
        for n in ("temperature", "pressure")
    ):
        raise VibrationalError(f"{where}: they must be measured at the same temperatures and pressures")
    if not (strength_ratio > 0 and sigma_ratio >= 0):
        raise VibrationalError(
            f"{where}: strength_ratio must be above 0 and sigma_ratio not negative, found {strength_ratio!r} and"
            f" {sigma_ratio!r}"
        )
    absent = (low_spin.values <= 0) & (high_spin.values <= 0)
    if np.any(absent):
        raise VibrationalError(f"{where}: neither marker is seen at point {int(np.argmax(absent)) + 1}; leave it out")
    negative = (low_spin.values < 0) | (high_spin.values < 0)
    ls, hs = np.maximum(low_spin.values, 0.0), np.maximum(high_spin.values, 0.0)
    total = hs + strength_ratio * ls
    fraction = hs / total
    by_ls = -strength_ratio * hs / total**2
    by_hs = strength_ratio * ls / total**2
    sigma: Any = None
    if low_spin.sigma is not None and high_spin.sigma is not None:
        by_low, by_high = by_ls * low_spin.sigma, by_hs * high_spin.sigma
        sigma = np.sqrt(by_low**2 + by_high**2 + 2.0 * correlation * by_low * by_high)
    terms = () if sigma_ratio == 0 else (CorrelatedTerm("strength_ratio", -hs * ls / total**2 * sigma_ratio),)
    steps = [f"n_HS = 1/(1 + k I_LS/I_HS) with k = {strength_ratio:g} +- {sigma_ratio:g}"]
    if np.any(negative):
        steps.append(f"{int(negative.sum())} negative marker intensities counted as 0")
    return replace(
        low_spin,
        quantity="high_spin_fraction",
        unit="1",
        values=fraction,
        sigma=sigma,
        correlated=terms,
        limits=None,
        label=label or "high_spin_fraction",
        provenance=low_spin.provenance.then(*steps),
    )


def marker_ratio(
    numerator: Measurement, denominator: Measurement, label: str = "", *, correlation: np.ndarray | float = 0.0
) -> Measurement:
    """Ratio of two bands of the same spectra, ``"band_ratio"``, with its standard uncertainty.

    `correlation` is that of the two areas in each spectrum, (N,) or one number.

    Raises
    ------
    VibrationalError
        For different numbers of points or a denominator that is not above zero.
    """
    where = f"ratio of {numerator.label!r} to {denominator.label!r}"
    if len(numerator) != len(denominator):
        raise VibrationalError(f"{where}: {len(numerator)} and {len(denominator)} points")
    if np.any(denominator.values <= 0):
        bad = int(np.argmax(denominator.values <= 0))
        raise VibrationalError(f"{where}: the denominator is {denominator.values[bad]:.3g} at point {bad + 1}")
    ratio = numerator.values / denominator.values
    sigma: Any = None
    if numerator.sigma is not None and denominator.sigma is not None:
        by_denominator = -ratio * denominator.sigma
        square = numerator.sigma**2 + by_denominator**2 + 2.0 * correlation * numerator.sigma * by_denominator
        sigma = np.sqrt(square) / denominator.values
    return replace(
        numerator,
        quantity="band_ratio",
        unit="1",
        values=ratio,
        sigma=sigma,
        correlated=(),
        limits=None,
        label=label or f"{numerator.label}/{denominator.label}",
        provenance=numerator.provenance.then(f"divided by {denominator.label}"),
    )
