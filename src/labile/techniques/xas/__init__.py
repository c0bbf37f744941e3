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
from labile.techniques.xas.intensity_ratio import LIGAND_FIELDS, RatioTest, compare_ratio
from labile.techniques.xas.linear_combination import (
    Choice,
    LinearCombination,
    choose_standards,
    fit_linear_combination,
)
from labile.techniques.xas.merging import Merged, align_scans, merge_scans
from labile.techniques.xas.normalisation import Normalisation, normalise
from labile.techniques.xas.peak_number import PeakNumber, find_peaks
from labile.techniques.xas.pre_edge import Peak, PreEdgeModel, area_factor, equivalent_exponent
from labile.techniques.xas.pre_edge_area import weighted_centroid
from labile.techniques.xas.pre_edge_fit import PreEdgeFit, fit_pre_edge
from labile.techniques.xas.pre_edge_observables import PreEdgeArea, PreEdgeCentroid
from labile.techniques.xas.pre_edge_series import PreEdgeSeries, fit_pre_edge_series, series_table
from labile.techniques.xas.reduction import reduce_absorption, reduce_fractions
from labile.techniques.xas.second_derivative import SecondDerivative
from labile.techniques.xas.self_absorption import SelfAbsorption, corrected, self_absorption

__all__ = [
    "EV",
    "LIGAND_FIELDS",
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
    "Peak",
    "PeakNumber",
    "PreEdgeArea",
    "PreEdgeCentroid",
    "PreEdgeFit",
    "PreEdgeModel",
    "PreEdgeSeries",
    "RatioTest",
    "SecondDerivative",
    "SelfAbsorption",
    "XasError",
    "align_scans",
    "area_factor",
    "averaged_duplicates",
    "calibrate_energy",
    "calibrated",
    "check_dose",
    "choose_standards",
    "compare_ratio",
    "corrected",
    "deglitched",
    "edge_energies",
    "equivalent_exponent",
    "find_edge",
    "find_glitches",
    "find_peaks",
    "find_saturated",
    "fit_beam_switching",
    "fit_linear_combination",
    "fit_pre_edge",
    "fit_pre_edge_series",
    "merge_scans",
    "normalise",
    "reduce_absorption",
    "reduce_fractions",
    "reference_of",
    "repaired",
    "require_same_reference",
    "restated_energy",
    "self_absorption",
    "series_table",
    "sorted_energies",
    "tabulated_edge",
    "to_reference",
    "truncated",
    "weighted_centroid",
    "with_reference",
    "without_points",
    "without_saturated",
]
