"""Patterns that structures would give: simulated, never measured, and labelled so."""

from __future__ import annotations

import math

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.core.structure import CrystalStructure
from labile.fitting.line_shapes import pseudo_voigt
from labile.techniques.powder.errors import PowderError
from labile.techniques.powder.reflections import lorentz_polarisation, reflections


def simulated_pattern(
    structure: CrystalStructure,
    two_theta: np.ndarray,
    wavelength: float,
    *,
    radiation: str = "x-ray",
    fwhm: float = math.radians(0.1),
    lorentz_share: float = 0.5,
    monochromator: float | None = None,
    temperature: float | None = None,
) -> Measurement:
    """Simulate the pattern of one structure, its largest point 1.

    Parameters
    ----------
    structure : CrystalStructure
    two_theta : ndarray (N,)
        rad, rising.
    wavelength : float
        m.
    radiation : {"x-ray", "neutron"}
    fwhm : float
        Of all lines, rad.
    lorentz_share : float
    monochromator : float, optional
        2 theta of the monochromator, rad.
    temperature : float, optional
        K, of a structure that does not state it.

    Returns
    -------
    Measurement
        ``"intensity"`` along ``two_theta``; its label and provenance say that it is simulated.

    Raises
    ------
    PowderError
        For angles that do not rise, or where the temperature is not known.
    """
    x = np.asarray(two_theta, dtype=float)
    if x.ndim != 1 or x.size < 2 or not np.all(np.diff(x) > 0):
        raise PowderError(f"{structure.label}: angles 2 theta must rise")
    known = structure.conditions
    if known is None and temperature is None:
        raise PowderError(f"{structure.label}: the structure states no temperature; give temperature in K")
    margin = 50.0 * fwhm
    span = (max(float(x[0]) - margin, 1e-3), min(float(x[-1]) + margin, math.pi - 1e-3))
    # Z only scales the pattern, which is scaled anyway
    lines = reflections(structure, wavelength, span, radiation=radiation, formula_units=structure.formula_units or 1.0)
    centre = lines.two_theta(wavelength)
    areas = lines.strength * lorentz_polarisation(centre, radiation, monochromator)
    y = np.zeros(x.size)
    for area, place in zip(areas, centre, strict=True):
        y += area * pseudo_voigt(x, place, fwhm, lorentz_share).value
    if not y.max() > 0:
        raise PowderError(f"{structure.label}: no line lies within the angles")
    conditions = Conditions([temperature]) if known is None or temperature is not None else known
    return Measurement(
        "intensity",
        (y / y.max())[None, :],
        conditions,
        axis=Axis("two_theta", x),
        label=f"{structure.label}, simulated",
        attributes={"wavelength": wavelength, "radiation": radiation},
        provenance=Provenance(f"simulated from the structure {structure.label}", steps=lines.notes),
    )
