"""Equations of state of crystals: weighted fits, F-f plots, confidence ellipses, phases, P-V-T surfaces."""

from labile.techniques.equation_of_state.diagnostics import (
    NormalizedPressure,
    confidence_ellipse,
    normalized_pressure,
)
from labile.techniques.equation_of_state.fit import (
    CompressionData,
    CompressionError,
    CompressionFit,
    compression_data,
    fit_axial_equation_of_state,
    fit_equation_of_state,
)
from labile.techniques.equation_of_state.piecewise import Division, PhaseCount, divide_phases
from labile.techniques.equation_of_state.thermal import ThermalFit, ThermalModel, fit_thermal_equation_of_state

__all__ = [
    "CompressionData",
    "CompressionError",
    "CompressionFit",
    "Division",
    "NormalizedPressure",
    "PhaseCount",
    "ThermalFit",
    "ThermalModel",
    "compression_data",
    "confidence_ellipse",
    "divide_phases",
    "fit_axial_equation_of_state",
    "fit_equation_of_state",
    "fit_thermal_equation_of_state",
    "normalized_pressure",
]
