"""Strain, thermal expansion and compressibility of crystals from series of unit cells."""

from labile.techniques.strain.axes import PrincipalStrain, crystal_directions, plane_angle, principal_strain
from labile.techniques.strain.compressibility import Compressibility, EmpiricalLaw, compressibility
from labile.techniques.strain.curves import CurveFit, Polynomial, fit_curve
from labile.techniques.strain.expansion import ThermalExpansion, thermal_expansion
from labile.techniques.strain.indicatrix import Indicatrix, indicatrix, section
from labile.techniques.strain.laws import expansion_law, fit_expansion_law
from labile.techniques.strain.lines import Line, fit_line, fit_line_as_pascal
from labile.techniques.strain.negative import Negativity, holm, is_negative
from labile.techniques.strain.observables import (
    CellLength,
    CellVolume,
    compressibility_parts,
    expansion_parts,
)
from labile.techniques.strain.reduction import reduce_cell_length, reduce_cell_volume
from labile.techniques.strain.spontaneous import (
    Discontinuity,
    SpontaneousStrain,
    cell_discontinuities,
    discontinuity,
    spontaneous_strain,
)
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
    "CellLength",
    "CellVolume",
    "Compressibility",
    "CurveFit",
    "Discontinuity",
    "EmpiricalLaw",
    "Indicatrix",
    "Line",
    "Negativity",
    "Polynomial",
    "PrincipalStrain",
    "SpontaneousStrain",
    "StrainError",
    "StrainSeries",
    "ThermalExpansion",
    "cell_discontinuities",
    "compressibility",
    "compressibility_parts",
    "crystal_directions",
    "discontinuity",
    "expansion_law",
    "expansion_parts",
    "fit_curve",
    "fit_expansion_law",
    "fit_line",
    "fit_line_as_pascal",
    "holm",
    "indicatrix",
    "is_negative",
    "plane_angle",
    "principal_strain",
    "reduce_cell_length",
    "reduce_cell_volume",
    "reference_row",
    "section",
    "spontaneous_strain",
    "strain_from_gradient",
    "strain_series",
    "thermal_expansion",
    "varying_parameters",
]
