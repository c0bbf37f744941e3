"""Magnetometry: moment -> chi_M, chi*T, mu_eff; transition temperatures; chi*T of state populations."""

from labile.techniques.magnetometry.excitation import BuildUp, build_up
from labile.techniques.magnetometry.first_order_reversal import (
    Marginal,
    ReversalDistribution,
    reduce_reversals,
    reversal_curves,
    reversal_distribution,
)
from labile.techniques.magnetometry.liesst import (
    LiesstTemperature,
    liesst_temperature,
    photo_fraction,
    reduce_liesst,
)
from labile.techniques.magnetometry.magnetism_fit import fit_curie_weiss, fit_magnetism, magnetism_parameters
from labile.techniques.magnetometry.observables import ChiM, ChiT, HighSpinFraction, Magnetization, MuEff
from labile.techniques.magnetometry.raw_scans import ScanFit, fit_scans, instrument_calibration, reduce_scans
from labile.techniques.magnetometry.reduction import (
    MagnetometryError,
    MagnetometryWarning,
    OverstatedSigmaWarning,
    high_spin_fraction,
    reduce_moment,
)
from labile.techniques.magnetometry.relaxation_isotherms import (
    DecayFit,
    RelaxationIsotherm,
    isothermal_runs,
    reduce_isotherms,
    relaxation_isotherm,
    relaxation_rate_law,
)
from labile.techniques.magnetometry.relaxation_rates import RateLawFit, rate_law
from labile.techniques.magnetometry.scan_rate import RateLaw, ScanRateAnalysis, SweptTransition, scan_rate_dependence
from labile.techniques.magnetometry.spin_only import mu_eff, residual_fraction, spin_only_chi_t
from labile.techniques.magnetometry.transitions import (
    BranchTransition,
    TransitionTemperatures,
    transition_temperatures,
)

__all__ = [
    "BranchTransition",
    "BuildUp",
    "ChiM",
    "ChiT",
    "DecayFit",
    "HighSpinFraction",
    "LiesstTemperature",
    "Magnetization",
    "MagnetometryError",
    "MagnetometryWarning",
    "Marginal",
    "MuEff",
    "OverstatedSigmaWarning",
    "RateLaw",
    "RateLawFit",
    "RelaxationIsotherm",
    "ReversalDistribution",
    "ScanFit",
    "ScanRateAnalysis",
    "SweptTransition",
    "TransitionTemperatures",
    "build_up",
    "fit_curie_weiss",
    "fit_magnetism",
    "fit_scans",
    "high_spin_fraction",
    "instrument_calibration",
    "isothermal_runs",
    "liesst_temperature",
    "magnetism_parameters",
    "mu_eff",
    "photo_fraction",
    "rate_law",
    "reduce_isotherms",
    "reduce_liesst",
    "reduce_moment",
    "reduce_reversals",
    "reduce_scans",
    "relaxation_isotherm",
    "relaxation_rate_law",
    "residual_fraction",
    "reversal_curves",
    "reversal_distribution",
    "scan_rate_dependence",
    "spin_only_chi_t",
    "transition_temperatures",
]
