"""Strain, thermal expansion and compressibility of crystals from series of unit cells."""

from labile.techniques.strain.axes import PrincipalStrain, crystal_directions, plane_angle, principal_strain
from labile.techniques.strain.expansion import ThermalExpansion, thermal_expansion
from labile.techniques.strain.lines import Line, fit_line, fit_line_as_pascal
from labile.techniques.strain.tensor import (
    KINDS,
    StrainError,
    StrainSeries,
    reference_row,
    strain_from_gradient,
    strain_series,
    varying_parameters,
)

__all__ = [
    "KINDS",
    "Line",
    "PrincipalStrain",
    "StrainError",
    "StrainSeries",
    "ThermalExpansion",
    "crystal_directions",
    "fit_line",
    "fit_line_as_pascal",
    "plane_angle",
    "principal_strain",
    "reference_row",
    "strain_from_gradient",
    "strain_series",
    "thermal_expansion",
    "varying_parameters",
]
