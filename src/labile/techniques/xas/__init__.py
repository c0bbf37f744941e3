"""X-ray absorption near edges: raw absorption -> calibrated, normalised spectra -> fractions, edges, pre-edges."""

from labile.techniques.xas.absorption import EV, XasError, tabulated_edge
from labile.techniques.xas.calibration import (
    EnergyCalibration,
    EnergyReference,
    calibrate_energy,
    calibrated,
    reference_of,
    require_same_reference,
    to_reference,
    with_reference,
)
from labile.techniques.xas.cleaning import (
    averaged_duplicates,
    deglitched,
    find_glitches,
    find_saturated,
    repaired,
    restated_energy,
    sorted_energies,
    truncated,
    without_points,
    without_saturated,
)
from labile.techniques.xas.component_fraction import ComponentFraction
from labile.techniques.xas.dose import BeamSwitching, DoseTest, check_dose, fit_beam_switching
from labile.techniques.xas.edge_energy import EdgeEnergy, edge_energies, find_edge
from labile.techniques.xas.linear_combination import (
    Choice,
    LinearCombination,
    choose_standards,
    fit_linear_combination,
)
from labile.techniques.xas.merging import Merged, align_scans, merge_scans
from labile.techniques.xas.normalisation import Normalisation, normalise
from labile.techniques.xas.reduction import reduce_absorption, reduce_fractions
from labile.techniques.xas.self_absorption import SelfAbsorption, corrected, self_absorption

__all__ = [
    "EV",
    "BeamSwitching",
    "Choice",
    "ComponentFraction",
    "DoseTest",
    "EdgeEnergy",
    "EnergyCalibration",
    "EnergyReference",
    "LinearCombination",
    "Merged",
    "Normalisation",
    "SelfAbsorption",
    "XasError",
    "align_scans",
    "averaged_duplicates",
    "calibrate_energy",
    "calibrated",
    "check_dose",
    "choose_standards",
    "corrected",
    "deglitched",
    "edge_energies",
    "find_edge",
    "find_glitches",
    "find_saturated",
    "fit_beam_switching",
    "fit_linear_combination",
    "merge_scans",
    "normalise",
    "reduce_absorption",
    "reduce_fractions",
    "reference_of",
    "repaired",
    "require_same_reference",
    "restated_energy",
    "self_absorption",
    "sorted_energies",
    "tabulated_edge",
    "to_reference",
    "truncated",
    "with_reference",
    "without_points",
    "without_saturated",
]
