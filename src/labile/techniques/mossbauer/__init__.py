"""Mossbauer spectroscopy of iron-57: counts -> spectra -> hyperfine parameters; spectra of exchanging states."""

from labile.techniques.mossbauer.calibration import Calibration, calibrate
from labile.techniques.mossbauer.components import (
    Doublet,
    Sextet,
    Singlet,
    goldanskii_karyagin_ratio,
    sextet_ratio,
    texture_ratio,
)
from labile.techniques.mossbauer.distributions import Distribution, fit_distribution
from labile.techniques.mossbauer.dynamics import (
    effective_thickness,
    populations_from_areas,
    recoil_free_fraction,
    second_order_doppler,
)
from labile.techniques.mossbauer.exchange import (
    barrier_at_rate,
    coalescence_rate,
    exchange_line,
    hopping_rate,
    rate_matrix,
    two_state_line,
)
from labile.techniques.mossbauer.exchange_spectrum import ExchangeSpectrum, spectrum_points
from labile.techniques.mossbauer.iron57 import MossbauerError
from labile.techniques.mossbauer.liouville import (
    Combined,
    NuclearState,
    averaged_splitting,
    gradient_tensor,
    quadrupole_splitting,
    superoperator_line,
)
from labile.techniques.mossbauer.observables import AreaFraction, ExchangeRate, IsomerShift, QuadrupoleSplitting
from labile.techniques.mossbauer.reduction import (
    fold_spectrum,
    reduce_spectrum,
    referred_to_alpha_iron,
    transmission,
)
from labile.techniques.mossbauer.series import LatticeArea, LatticeDoppler, SeriesFit, Shared, Smooth, fit_series
from labile.techniques.mossbauer.spectrum import SpectrumModel
from labile.techniques.mossbauer.spectrum_fit import SpectrumFit, fit_spectrum, starting_values
from labile.techniques.mossbauer.stochastic import simulated_line

__all__ = [
    "AreaFraction",
    "Calibration",
    "Combined",
    "Distribution",
    "Doublet",
    "ExchangeRate",
    "ExchangeSpectrum",
    "IsomerShift",
    "LatticeArea",
    "LatticeDoppler",
    "MossbauerError",
    "NuclearState",
    "QuadrupoleSplitting",
    "SeriesFit",
    "Sextet",
    "Shared",
    "Singlet",
    "Smooth",
    "SpectrumFit",
    "SpectrumModel",
    "averaged_splitting",
    "barrier_at_rate",
    "calibrate",
    "coalescence_rate",
    "effective_thickness",
    "exchange_line",
    "fit_distribution",
    "fit_series",
    "fit_spectrum",
    "fold_spectrum",
    "goldanskii_karyagin_ratio",
    "gradient_tensor",
    "hopping_rate",
    "populations_from_areas",
    "quadrupole_splitting",
    "rate_matrix",
    "recoil_free_fraction",
    "reduce_spectrum",
    "referred_to_alpha_iron",
    "second_order_doppler",
    "sextet_ratio",
    "simulated_line",
    "spectrum_points",
    "starting_values",
    "superoperator_line",
    "texture_ratio",
    "transmission",
    "two_state_line",
]
