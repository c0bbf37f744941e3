"""Infrared and Raman spectroscopy: baselines, bands and whole maps -> populations of electronic states."""

from labile.techniques.vibrational.band_series import BandSeries, fit_band_series, fit_bands
from labile.techniques.vibrational.bands import Band
from labile.techniques.vibrational.baselines import Baselined, subtract_baseline
from labile.techniques.vibrational.conversions import Converted, absorbance, kubelka_munk
from labile.techniques.vibrational.correlation_2d import Correlation2D, correlate, noda_matrix
from labile.techniques.vibrational.isosbestic import IsosbesticPoint, isosbestic_points
from labile.techniques.vibrational.mcr import AmbiguityBands, CurveResolution, ambiguity_bands, mcr_als
from labile.techniques.vibrational.observables import BandArea, BandRatio
from labile.techniques.vibrational.raman_markers import high_spin_fraction, marker_ratio
from labile.techniques.vibrational.rank import SpectralRank, spectral_rank
from labile.techniques.vibrational.reduction import reduce_bands, reduce_spectra
from labile.techniques.vibrational.spectral_map import (
    VibrationalError,
    in_window,
    noise_of,
    resampled,
    rising,
    spectral_map,
    wavenumbers,
)
from labile.techniques.vibrational.state_map import StateMapFit, fit_state_map, model_concentrations
from labile.techniques.vibrational.time_scale import coalescence_rate, exchange_regime, rate_limit, require_resolved
from labile.techniques.vibrational.two_band import (
    StrengthRatio,
    entropy_shift,
    strength_ratio,
    two_band_population,
    van_t_hoff_line,
)
from labile.techniques.vibrational.whole_spectra import absorbance_map, intensity_map

__all__ = [
    "AmbiguityBands",
    "Band",
    "BandArea",
    "BandRatio",
    "BandSeries",
    "Baselined",
    "Converted",
    "Correlation2D",
    "CurveResolution",
    "IsosbesticPoint",
    "SpectralRank",
    "StateMapFit",
    "StrengthRatio",
    "VibrationalError",
    "absorbance",
    "absorbance_map",
    "ambiguity_bands",
    "coalescence_rate",
    "correlate",
    "entropy_shift",
    "exchange_regime",
    "fit_band_series",
    "fit_bands",
    "fit_state_map",
    "high_spin_fraction",
    "in_window",
    "intensity_map",
    "isosbestic_points",
    "kubelka_munk",
    "marker_ratio",
    "mcr_als",
    "model_concentrations",
    "noda_matrix",
    "noise_of",
    "rate_limit",
    "reduce_bands",
    "reduce_spectra",
    "require_resolved",
    "resampled",
    "rising",
    "spectral_map",
    "spectral_rank",
    "strength_ratio",
    "subtract_baseline",
    "two_band_population",
    "van_t_hoff_line",
    "wavenumbers",
]
