"""From absorption as recorded to normalised spectra, edge energies or fractions of standards, in one call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labile.core.measurement import Measurement
from labile.techniques.xas.absorption import XasError
from labile.techniques.xas.calibration import calibrate_energy, calibrated, with_reference
from labile.techniques.xas.cleaning import deglitched, repaired
from labile.techniques.xas.edge_energy import edge_energies, named_edge
from labile.techniques.xas.linear_combination import fit_linear_combination
from labile.techniques.xas.normalisation import POST_WINDOW, PRE_WINDOW, normalise
from labile.techniques.xas.self_absorption import SelfAbsorption, corrected, self_absorption


def reduce_absorption(
    raw: Measurement,
    *,
    quantity: str = "normalized_absorption",
    method: str = "edge_step",
    edge_energy: float | None = None,
    edge_method: str = "steepest",
    pre_edge: str = "",
    pre_from: float = PRE_WINDOW[0],
    pre_to: float = PRE_WINDOW[1],
    post_edge: str = "",
    post_from: float = POST_WINDOW[0],
    post_to: float = POST_WINDOW[1],
    flatten: bool = False,
    element: str = "",
    edge: str = "",
    foil: Sequence[Measurement] | Measurement | None = None,
    energy_reference: str = "",
    saturated: str = "refuse",
    deglitch: bool = False,
    formula: str = "",
    angle_in: float = math.pi / 4,
    angle_out: float = math.pi / 4,
    temperature: float | None = None,
) -> Measurement:
    """Repair, calibrate and normalise absorption spectra.

    Parameters
    ----------
    raw : Measurement
        ``"absorption"`` along energy.
    quantity : {"normalized_absorption", "edge_energy"}
        What to return.
    method, edge_energy, edge_method, pre_edge, post_edge, flatten, element, edge
        As for `normalise`; `edge_method` also says which edge energy is returned.
    pre_from, pre_to, post_from, post_to : float
        J relative to the edge.
    foil : Measurement or sequence of one, optional
        Absorption of the foil of the same run, to calibrate with; needs `energy_reference`.
    energy_reference : str
        ``"Fe 7111.2 eV"``: where the foil is put or, without a foil, what the file was calibrated to.
    saturated : {"refuse", "remove", "keep"}
    deglitch : bool
        Remove the points that `find_glitches` finds.
    formula : str
        Of a concentrated sample measured in fluorescence: corrects for self-absorption (thick sample).
    angle_in, angle_out : float
        rad, with its surface.
    temperature : float, optional
        K; must be given where the file does not state it.

    Returns
    -------
    Measurement

    Raises
    ------
    XasError

    Examples
    --------
    >>> import numpy as np
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> from labile.techniques.xas.absorption import EV
    >>> energy = np.arange(7300.0, 7000.0, -0.5)
    >>> mu = 0.2 + 0.5 * (0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi)
    >>> raw = Measurement("absorption", mu[None, :], Conditions(10.0), axis=Axis("energy", energy * EV))
    >>> for step in reduce_absorption(raw, energy_reference="Fe 7112 eV").provenance.steps:
    ...     print(step)
    points sorted by energy: the energies decreased
    energies were given calibrated to Fe 7112 eV
    normalised: edge step, pre-edge line -150 to -30 eV, post-edge line from 50 eV; divided by 0.48722; E0 7120.000 eV
    """
    where = f"spectrum {raw.label!r}"
    if quantity not in ("normalized_absorption", "edge_energy"):
        raise XasError(f"{where}: {quantity} cannot be made from absorption here")
    spectrum = at_temperature(raw, temperature)
    spectrum = repaired(spectrum, saturated)
    if foil is not None:
        if not energy_reference:
            raise XasError(f"{where}: a foil needs to know where it belongs: energy_reference = 'Fe 7111.2 eV'")
        spectrum = calibrated(spectrum, calibrate_energy(repaired(_one(foil, "foil"), saturated), energy_reference))
    elif energy_reference:
        spectrum = with_reference(spectrum, energy_reference)
    if deglitch:
        spectrum = deglitched(spectrum)
    if quantity == "edge_energy" and edge_method != "fraction":
        unused = {"edge_energy": edge_energy is not None, "formula": bool(formula)}
        for name in (name for name, given in unused.items() if given):
            raise XasError(f"{where}: {name} means nothing where the edge energy is asked for; leave it out")
        return edge_energies(spectrum, edge_method, element=element, edge=edge)
    found = normalise(
        spectrum, method, edge_energy=edge_energy, edge_method="steepest" if edge_method == "fraction" else edge_method,
        pre_edge=pre_edge, pre_window=(pre_from, pre_to), post_edge=post_edge, post_window=(post_from, post_to),
        flatten=flatten, element=element, edge=edge,
    ).measurement  # fmt: skip
    if formula:
        found = corrected(found, _sample(found, formula, element, edge, angle_in, angle_out))
    if quantity == "edge_energy":
        return edge_energies(found, "fraction", element=element, edge=edge)
    return found


def reduce_fractions(
    raw: Measurement,
    *,
    quantity: str = "component_fraction",
    standards: Sequence[Measurement],
    component: str,
    sum_to_one: bool = True,
    shift_limit: float = 0.0,
    bootstrap: int = 0,
    fit_from: float | None = None,
    fit_to: float | None = None,
    **options: Any,
) -> Measurement:
    """Fraction of one standard in absorption spectra.

    Parameters
    ----------
    raw : Measurement
        ``"absorption"`` along energy.
    quantity : {"component_fraction"}
    standards : sequence of Measurement
        ``"absorption"`` of the standards, normalised as the spectra are; their labels are their names.
    component : str
        Label of the standard whose fraction is returned, several joined by " + ".
    sum_to_one, shift_limit, bootstrap
        As for `fit_linear_combination`.
    fit_from, fit_to : float, optional
        J, absolute; both or none.
    options
        Of `reduce_absorption`; `temperature` is that of the spectra.

    Returns
    -------
    Measurement

    Raises
    ------
    XasError
    """
    where = f"spectrum {raw.label!r}"
    if quantity != "component_fraction":
        raise XasError(f"{where}: {quantity} cannot be made by a linear combination; ask for component_fraction")
    if (fit_from is None) != (fit_to is None):
        raise XasError(f"{where}: give both fit_from and fit_to, or none")
    labels = [standard.label for standard in standards]
    if len(set(labels)) != len(labels):
        raise XasError(f"{where}: two standards are called the same: {', '.join(labels)}; rename one")
    reduced = reduce_absorption(raw, **options)
    others = {**options, "temperature": None, "edge_energy": None}
    known = {standard.label: reduce_absorption(_stated(standard), **others) for standard in standards}
    found = fit_linear_combination(
        reduced, known, sum_to_one=sum_to_one, shift_limit=shift_limit, bootstrap=bootstrap,
        window=None if fit_from is None or fit_to is None else (fit_from, fit_to),
    )  # fmt: skip
    return found.fraction(*(name.strip() for name in component.split(" + ")))


def at_temperature(spectrum: Measurement, temperature: float | None) -> Measurement:
    """A spectrum at a stated temperature (K).

    Raises
    ------
    XasError
        If neither the file nor the caller states it.
    """
    if temperature is None:
        if spectrum.attributes.get("temperature_source") == "assumed":
            raise XasError(
                f"spectrum {spectrum.label!r}: the file does not state its temperature; give temperature = ... K"
            )
        return spectrum
    return replace(
        spectrum,
        conditions=spectrum.conditions.at_temperature(temperature),
        attributes={**spectrum.attributes, "temperature_source": "given"},
    )


def _stated(standard: Measurement) -> Measurement:
    """A standard stands for itself whatever its temperature."""
    return replace(standard, attributes={**standard.attributes, "temperature_source": "of no matter for a standard"})


def _one(foil: Sequence[Measurement] | Measurement, what: str) -> Measurement:
    if isinstance(foil, Measurement):
        return foil
    if len(foil) != 1:
        raise XasError(f"{what}: one spectrum is expected, found {len(foil)}")
    return foil[0]


def _sample(
    spectrum: Measurement, formula: str, element: str, edge: str, angle_in: float, angle_out: float
) -> SelfAbsorption:
    element, edge = named_edge(spectrum, element, edge)
    if not element:
        raise XasError(f"spectrum {spectrum.label!r}: which element absorbs? Give element = 'Fe' (and edge = 'K')")
    return self_absorption(formula, element, edge=edge, angle_in=angle_in, angle_out=angle_out)
