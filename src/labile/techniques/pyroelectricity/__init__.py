"""Pyroelectricity: current logs -> p(T) and Delta P(T); polarization and pyroelectric coefficient of populations."""

from labile.techniques.pyroelectricity.charge import (
    reduce_charge,
)
from labile.techniques.pyroelectricity.conversions import (
    PyroelectricityError,
    PyroelectricityWarning,
    check_polar,
    dipole_to_polarization,
    expected_charge,
    expected_current,
    mean_coefficient,
    reference_limit,
)
from labile.techniques.pyroelectricity.cycle import (
    ClosedCycle,
    CurrentSeparation,
    closed_cycle,
    separate_currents,
)
from labile.techniques.pyroelectricity.dipoles import (
    TransferPolarization,
    cell_polarization,
    lorentz_factor,
    polarization_to_dipole,
    state_polarizations,
    transfer_dipole,
    transfer_from_cif,
    transferred_electrons,
)
from labile.techniques.pyroelectricity.integration import (
    integrate_coefficient,
    polarization_change,
)
from labile.techniques.pyroelectricity.lattice_fit import (
    LatticeFit,
    fit_lattice,
)
from labile.techniques.pyroelectricity.merit import (
    FiguresOfMerit,
    PyroelectricMaterial,
    comparison_rows,
    figures_of_merit,
)
from labile.techniques.pyroelectricity.methods import (
    reduce_current,
)
from labile.techniques.pyroelectricity.observables import (
    Polarization,
    PyroelectricCoefficient,
)
from labile.techniques.pyroelectricity.oscillation import (
    ChoppedLight,
    SharpGarn,
    chynoweth,
    oscillation_frequency,
    sharp_garn,
)
from labile.techniques.pyroelectricity.pair import (
    Artefact,
    PairAnalysis,
    analyse_pair,
    difference_of_heatings,
)
from labile.techniques.pyroelectricity.peaks import PeakAtRest, peak_at_rest, peak_temperature
from labile.techniques.pyroelectricity.planning import (
    ExpectedRun,
    expected_run,
)
from labile.techniques.pyroelectricity.reduction import (
    Baseline,
    Rate,
    fit_baseline,
    heating_rate,
    pyroelectric_coefficient,
    sample_temperature,
)
from labile.techniques.pyroelectricity.runs import (
    FlipTest,
    PolingTest,
    credible_size,
    electrode_flip,
    poling_effect,
)
from labile.techniques.pyroelectricity.secondary import (
    ElectronicPart,
    clamped_coefficient,
    secondary_coefficient,
    subtract_limit,
    subtract_reference,
)

__all__ = [
    "Artefact",
    "Baseline",
    "ChoppedLight",
    "ClosedCycle",
    "CurrentSeparation",
    "ElectronicPart",
    "ExpectedRun",
    "FiguresOfMerit",
    "FlipTest",
    "LatticeFit",
    "PairAnalysis",
    "PeakAtRest",
    "Polarization",
    "PolingTest",
    "PyroelectricCoefficient",
    "PyroelectricMaterial",
    "PyroelectricityError",
    "PyroelectricityWarning",
    "Rate",
    "SharpGarn",
    "TransferPolarization",
    "analyse_pair",
    "cell_polarization",
    "check_polar",
    "chynoweth",
    "clamped_coefficient",
    "closed_cycle",
    "comparison_rows",
    "credible_size",
    "difference_of_heatings",
    "dipole_to_polarization",
    "electrode_flip",
    "expected_charge",
    "expected_current",
    "expected_run",
    "figures_of_merit",
    "fit_baseline",
    "fit_lattice",
    "heating_rate",
    "integrate_coefficient",
    "lorentz_factor",
    "mean_coefficient",
    "oscillation_frequency",
    "peak_at_rest",
    "peak_temperature",
    "polarization_change",
    "polarization_to_dipole",
    "poling_effect",
    "pyroelectric_coefficient",
    "reduce_charge",
    "reduce_current",
    "reference_limit",
    "sample_temperature",
    "secondary_coefficient",
    "separate_currents",
    "sharp_garn",
    "state_polarizations",
    "subtract_limit",
    "subtract_reference",
    "transfer_dipole",
    "transfer_from_cif",
    "transferred_electrons",
]
