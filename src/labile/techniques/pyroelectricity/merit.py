"""Figures of merit of a pyroelectric material, beside those of PVDF, TGS and LiTaO3."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labile.core.constants import SPEED_OF_LIGHT, VACUUM_PERMEABILITY
from labile.techniques.pyroelectricity.conversions import PyroelectricityError

VACUUM_PERMITTIVITY = 1.0 / (VACUUM_PERMEABILITY * SPEED_OF_LIGHT**2)
"""eps0, F/m."""


@dataclass(frozen=True)
class PyroelectricMaterial:
    """What the figures of merit need to know about a material.

    Attributes
    ----------
    name : str
    coefficient : float
        |p|, C m-2 K-1.
    volumetric_heat_capacity : float or None
        c' = density times specific heat, J m-3 K-1.
    permittivity : float or None
        Relative, along the polar axis, at the frequency of use.
    loss_tangent : float or None
    source : str
        DOI, or what the numbers are.

    Raises
    ------
    PyroelectricityError
        For a property that is not positive.
    """

    name: str
    coefficient: float
    volumetric_heat_capacity: float | None = None
    permittivity: float | None = None
    loss_tangent: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for label in ("volumetric_heat_capacity", "permittivity", "loss_tangent"):
            value = getattr(self, label)
            if value is not None and not 0 < value < math.inf:
                raise PyroelectricityError(f"{self.name}: {label} must be > 0 (or left out), found {value!r}")
        if not math.isfinite(self.coefficient):
            raise PyroelectricityError(f"{self.name}: coefficient must be a number, found {self.coefficient!r}")


@dataclass(frozen=True)
class FiguresOfMerit:
    """Figures of merit; NaN where a property is not known.

    Attributes
    ----------
    current : float
        F_i = p/c', m/V.
    voltage : float
        F_v = p/(c' eps0 eps), m2/C.
    detectivity : float
        F_d = p/(c' sqrt(eps0 eps tan delta)), Pa^-1/2.
    harvesting : float
        F_e = p^2/(eps0 eps), J m-3 K-2.
    harvesting_per_heat : float
        F_e* = p^2/(eps0 eps c'^2), m3/J.
    """

    current: float
    voltage: float
    detectivity: float
    harvesting: float
    harvesting_per_heat: float


REFERENCES = (
    PyroelectricMaterial("PVDF", 27e-6, 2.43e6, 12.0, 0.015, "10.1088/0034-4885/49/12/002"),
    PyroelectricMaterial("TGS", 280e-6, 2.3e6, 38.0, 0.01, "10.1088/0034-4885/49/12/002"),
    PyroelectricMaterial("LiTaO3", 230e-6, 3.2e6, 47.0, 0.005, "10.1088/0034-4885/49/12/002"),
)
"""Room-temperature values of Whatmore's review (Rep. Prog. Phys. 49 (1986) 1335); TGS at 35 degrees Celsius."""


def figures_of_merit(material: PyroelectricMaterial) -> FiguresOfMerit:
    """Figures of merit for detectors (Whatmore, doi:10.1088/0034-4885/49/12/002) and for energy harvesting.

    The harvesting ones are those of Sebald, Lefeuvre and Guyomar (doi:10.1109/TUFFC.2008.680) and Bowen and others
    (doi:10.1039/c4ee01759e). All are of |p|.

    Examples
    --------
    >>> pvdf = figures_of_merit(REFERENCES[0])
    >>> f"{pvdf.current:.3g} {pvdf.voltage:.3f} {pvdf.detectivity:.2g}"
    '1.11e-11 0.105 8.8e-06'
    """
    p = abs(material.coefficient)
    heat = math.nan if material.volumetric_heat_capacity is None else material.volumetric_heat_capacity
    eps = math.nan if material.permittivity is None else VACUUM_PERMITTIVITY * material.permittivity
    loss = math.nan if material.loss_tangent is None else material.loss_tangent
    return FiguresOfMerit(
        p / heat,
        p / (heat * eps),
        p / (heat * math.sqrt(eps * loss)),
        p**2 / eps,
        p**2 / (eps * heat**2),
    )


def comparison_rows(materials: Sequence[PyroelectricMaterial]) -> tuple[tuple[str, ...], ...]:
    """Rows of a table: material, p, F_i, F_v, F_d, F_e, F_e*, source; the references come last.

    Parameters
    ----------
    materials : sequence of PyroelectricMaterial

    Returns
    -------
    tuple of tuple of str
        p in uC m-2 K-1, F_i in 1e-10 m/V, F_v in m2/C, F_d in 1e-5 Pa^-1/2, F_e in J m-3 K-2, F_e* in 1e-12 m3/J;
        ``"-"`` where a property is not known.

    Examples
    --------
    >>> comparison_rows(())[0][:4]
    ('PVDF', '27', '0.111', '0.105')
    """
    rows = []
    for one in (*materials, *REFERENCES):
        merit = figures_of_merit(one)
        numbers = (
            abs(one.coefficient) * 1e6,
            merit.current * 1e10,
            merit.voltage,
            merit.detectivity * 1e5,
            merit.harvesting,
            merit.harvesting_per_heat * 1e12,
        )
        rows.append((one.name, *("-" if math.isnan(x) else f"{x:.3g}" for x in numbers), one.source))
    return tuple(rows)


COLUMNS = (
    "material",
    "p / µC m⁻² K⁻¹",
    "F_i / 10⁻¹⁰ m V⁻¹",
    "F_v / m² C⁻¹",
    "F_d / 10⁻⁵ Pa⁻¹ᐟ²",
    "F_e / J m⁻³ K⁻²",
    "F_e* / 10⁻¹² m³ J⁻¹",
    "source",
)
"""Headings of `comparison_rows`."""
