"""From the spectra of a study to whole maps or to one number a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labile.core.measurement import Axis, Measurement
from labile.techniques.vibrational.band_series import BandSeries, fit_band_series
from labile.techniques.vibrational.bands import Band
from labile.techniques.vibrational.baselines import subtract_baseline
from labile.techniques.vibrational.conversions import absorbance
from labile.techniques.vibrational.raman_markers import high_spin_fraction, marker_ratio
from labile.techniques.vibrational.spectral_map import CM, VibrationalError, in_window, spectral_map
from labile.techniques.vibrational.two_band import two_band_population

FROM_BANDS = ("band_area", "band_position", "band_ratio", "population", "high_spin_fraction")


def reduce_spectra(
    spectra: Sequence[Measurement],
    *,
    quantity: str = "absorbance",
    low: float | None = None,
    high: float | None = None,
    baseline: str = "",
    saturated: str = "refuse",
) -> list[Measurement]:
    """One map of all spectra: converted, cut and without baselines.

    Parameters
    ----------
    spectra : sequence of Measurement
        Of one quantity, on one grid.
    quantity : {"absorbance", "intensity"}
        To return; transmittance is converted to absorbance.
    low, high : float, optional
        Window, 1/m.
    baseline : str
        Method of `subtract_baseline`; empty for none.
    saturated : {"refuse", "remove", "keep"}
        What to do with points of transmittance that let no light through: their absorbance is only a limit. "remove"
        leaves out every wavenumber that is saturated in any spectrum, "keep" takes the limit for a value.

    Returns
    -------
    list of Measurement
        One.

    Raises
    ------
    VibrationalError
        For spectra that cannot be joined, do not give the quantity, or are saturated.
    """
    if saturated not in ("refuse", "remove", "keep"):
        raise VibrationalError(f"saturated={saturated!r} is unknown; use refuse, remove or keep")
    found = spectral_map(spectra, spectra[0].label) if len(spectra) > 1 else spectra[0]
    if low is not None or high is not None:
        assert found.axis is not None
        ends = float(found.axis.values.min()), float(found.axis.values.max())
        found = in_window(found, ends[0] if low is None else low, ends[1] if high is None else high)
    if found.quantity == "transmittance" and quantity == "absorbance":
        found = _converted(found, saturated)
    if found.quantity != quantity:
        raise VibrationalError(
            f"spectra {found.label!r}: they hold {found.quantity}, which is not {quantity}; ask for {found.quantity}"
        )
    return [subtract_baseline(found, baseline).spectra if baseline else found]


def _converted(transmittance: Measurement, saturated: str) -> Measurement:
    """Absorbance, without the points that are only limits."""
    found = absorbance(transmittance)
    flagged = found.saturated.any(axis=0)
    if saturated == "keep" or not flagged.any():
        return found.spectra
    ranges = ", ".join(f"{low / CM:.6g}-{high / CM:.6g}" for low, high in found.bands()[:6])
    if saturated == "refuse":
        raise VibrationalError(
            f"spectra {transmittance.label!r}: {int(found.saturated.sum())} points are saturated, at {ranges} cm-1;"
            ' their absorbance is only a limit. Choose low and high beside them, or saturated = "remove"'
        )
    assert transmittance.axis is not None
    cut = replace(
        transmittance,
        values=transmittance.values[:, ~flagged],
        sigma=None if transmittance.sigma is None else transmittance.sigma[:, ~flagged],
        axis=Axis(transmittance.axis.quantity, transmittance.axis.values[~flagged]),
        provenance=transmittance.provenance.then(f"saturated wavenumbers left out: {ranges} cm-1"),
    )
    return absorbance(cut).spectra


def reduce_bands(
    spectra: Sequence[Measurement],
    *,
    quantity: str = "band_area",
    bands: Mapping[str, Mapping[str, Any]],
    band: str = "",
    over: str = "",
    strength_ratio: float | None = None,
    sigma_strength_ratio: float = 0.0,
    degree: int = 1,
    low: float | None = None,
    high: float | None = None,
    baseline: str = "",
    saturated: str = "refuse",
) -> list[Measurement]:
    """One number a spectrum from a fit of bands to the whole map.

    Parameters
    ----------
    spectra : sequence of Measurement
    quantity : {"band_area", "band_position", "band_ratio", "population", "high_spin_fraction"}
    bands : mapping of str to mapping
        Attributes of a `Band` by its name: ``position`` (1/m), ``width`` (1/m), ``shape``, ``share``, ``drift``.
    band : str
        Whose area or position; of a ratio, population or fraction the one above, which belongs to the state that is
        counted.
    over : str
        The other band.
    strength_ratio : float, optional
        Strength of `band` over that of `over` in the pure states, for a population or a fraction.
    sigma_strength_ratio : float
        Its standard uncertainty.
    degree : int
        Of the polynomial baselines that are fitted with the bands.
    low, high, baseline, saturated
        As for `reduce_spectra`.

    Returns
    -------
    list of Measurement
        One.

    Raises
    ------
    VibrationalError
        For bands that are not named, or a missing strength ratio.
    """
    if quantity not in FROM_BANDS:
        raise VibrationalError(f"bands give {', '.join(FROM_BANDS)}, not {quantity}")
    source = "intensity" if spectra[0].quantity == "intensity" else "absorbance"
    (found,) = reduce_spectra(spectra, quantity=source, low=low, high=high, baseline=baseline, saturated=saturated)
    fit = fit_band_series(found, [Band(name, **options) for name, options in bands.items()], degree=degree)
    for name in (band, over) if quantity not in ("band_area", "band_position") else (band,):
        if name not in bands:
            raise VibrationalError(f"{quantity}: {name or 'no band'!r} is none of {', '.join(bands)}; name it")
    result = _from_fit(fit, quantity, band, over, strength_ratio, sigma_strength_ratio)
    return [replace(result, provenance=result.provenance.then(*fit.notes))]


def _from_fit(
    fit: BandSeries, quantity: str, band: str, over: str, strength_ratio: float | None, sigma: float
) -> Measurement:
    if quantity == "band_area":
        return fit.area(band)
    if quantity == "band_position":
        return fit.position(band)
    correlation = fit.correlation(band, over)
    if quantity == "band_ratio":
        return marker_ratio(fit.area(band), fit.area(over), correlation=correlation)
    if strength_ratio is None:
        raise VibrationalError(
            f"{quantity}: strength_ratio, the strength of {band} over that of {over} in the pure states, is not known"
            " from the spectra alone; give it, or fit band_area or band_ratio"
        )
    if quantity == "population":
        return two_band_population(
            fit.area(band), fit.area(over), strength_ratio, sigma_ratio=sigma, correlation=correlation
        )
    return high_spin_fraction(
        fit.area(over), fit.area(band), strength_ratio, sigma_ratio=sigma, correlation=correlation
    )
