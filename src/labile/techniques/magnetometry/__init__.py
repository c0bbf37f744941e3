"""Magnetometry: moment -> chi_M, chi*T, mu_eff; transition temperatures; chi*T of state populations."""

from labile.techniques.magnetometry.observables import ChiM, ChiT, HighSpinFraction, MuEff
from labile.techniques.magnetometry.reduction import (
    MagnetometryError,
    MagnetometryWarning,
    OverstatedSigmaWarning,
    high_spin_fraction,
    reduce_moment,
)
from labile.techniques.magnetometry.spin_only import mu_eff, residual_fraction, spin_only_chi_t
from labile.techniques.magnetometry.transitions import (
    BranchTransition,
    TransitionTemperatures,
    transition_temperatures,
)

__all__ = [
    "BranchTransition",
    "ChiM",
    "ChiT",
    "HighSpinFraction",
    "MagnetometryError",
    "MagnetometryWarning",
    "MuEff",
    "OverstatedSigmaWarning",
    "TransitionTemperatures",
    "high_spin_fraction",
    "mu_eff",
    "reduce_moment",
    "residual_fraction",
    "spin_only_chi_t",
    "transition_temperatures",
]
