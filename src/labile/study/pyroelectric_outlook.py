"""`[pyroelectricity]` of a manifest: what the fitted crystal means for an experiment, its molecules and a device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from labile.core.constants import DEBYE
from labile.core.material import Material
from labile.core.uncertain import format_uncertain
from labile.core.units import scale_to_si
from labile.inference.joint_fit import Curve, JointFit
from labile.study.pyroelectric_settings import OutlookSettings
from labile.study.results import Derived, Panel
from labile.techniques.pyroelectricity.conversions import reference_limit
from labile.techniques.pyroelectricity.dipoles import polarization_to_dipole, transferred_electrons
from labile.techniques.pyroelectricity.merit import PyroelectricMaterial, comparison_rows
from labile.techniques.pyroelectricity.planning import ExpectedRun, expected_run

COEFFICIENT = "pyroelectric_coefficient"


@dataclass(frozen=True, eq=False)
class PyroelectricOutlook:
    """What `[pyroelectricity]` asked for.

    Attributes
    ----------
    runs : tuple of ExpectedRun
        One a branch of the model.
    derived : tuple of Derived
    merit : tuple of tuple of str
        Rows of `labile.techniques.pyroelectricity.merit.comparison_rows`.
    """

    runs: tuple[ExpectedRun, ...] = ()
    derived: tuple[Derived, ...] = ()
    merit: tuple[tuple[str, ...], ...] = ()


def pyroelectric_outlook(
    settings: OutlookSettings, fitted: JointFit, panels: Sequence[Panel], material: Material | None
) -> PyroelectricOutlook:
    """Compute the outlook from the fitted model.

    Parameters
    ----------
    settings : OutlookSettings
    fitted : JointFit
    panels : sequence of Panel
        With the curves of the pyroelectric coefficient.
    material : Material or None
        Its volume per formula unit turns polarizations into dipoles.

    Returns
    -------
    PyroelectricOutlook
        Empty where no observable of the fit is a pyroelectric coefficient.
    """
    curves = [c for panel in panels if panel.quantity == COEFFICIENT for c in panel.curves]
    # one curve a branch: other samples of the crystal differ by their residual fraction only
    one_each = list({curve.branch: curve for curve in reversed(curves)}.values())[::-1]
    derived = [*_dipoles(settings, fitted, material)]
    runs: list[ExpectedRun] = []
    if math.isfinite(settings.area):
        for curve in one_each:
            run = _run(settings, curve)
            if run is not None:
                runs.append(run)
                derived += _run_numbers(run)
    if one_each:
        derived += _at_temperatures(settings, one_each[0])
    return PyroelectricOutlook(tuple(runs), tuple(derived), _merit(settings, one_each, material))


def _run(settings: OutlookSettings, curve: Curve) -> ExpectedRun | None:
    good = np.isfinite(curve.values)
    if np.count_nonzero(good) < 2:
        return None
    size = abs(settings.rate)
    rate = -size if curve.branch == "cooling" else size
    if curve.branch == "equilibrium":
        rate = settings.rate
    order = np.argsort(curve.temperature[good], kind="stable")
    sigma = curve.sigma[good][order]
    return expected_run(
        curve.temperature[good][order],
        curve.values[good][order],
        area=settings.area,
        rate=rate,
        sigma=sigma if np.all(np.isfinite(sigma)) else None,
    )


def _run_numbers(run: ExpectedRun) -> list[Derived]:
    spread = run.current.sigma
    largest = int(np.argmax(np.abs(run.current.values)))
    sigma = math.nan if spread is None else float(spread[largest])
    branch = run.current.branch
    shown = format_uncertain(run.largest_current * 1e12, sigma * 1e12)
    charge = float(run.charge.values[-1])
    low, high = float(run.current.temperature.min()), float(run.current.temperature.max())
    return [
        Derived(
            f"largest current on {branch}",
            "current",
            run.largest_current,
            sigma,
            "fit",
            f"Expected on {branch}: {shown} pA at {run.at_temperature:.4g} K.",
        ),
        Derived(
            f"charge on {branch}",
            "charge",
            charge,
            math.nan,
            "fit",
            f"Expected between {low:g} and {high:g} K: {charge * 1e9:.4g} nC in {run.duration / 60:.3g} min.",
        ),
    ]


def _dipoles(settings: OutlookSettings, fitted: JointFit, material: Material | None) -> list[Derived]:
    """Change of the dipole per formula unit between neighbouring states, from the volume per formula unit."""
    if material is None or material.volume_per_formula_unit is None:
        return []
    volume = material.volume_per_formula_unit
    parameters = fitted.joint.parameters
    names = [f"{state}.polarization" for state in fitted.joint.model.state_names]
    if any(name not in parameters for name in names):
        return []
    out = []
    for lower, upper in pairwise(names):
        gradient = np.zeros(len(parameters))
        gradient[parameters.index(upper)], gradient[parameters.index(lower)] = 1.0, -1.0
        values = fitted.values
        value = polarization_to_dipole(values[upper] - values[lower], volume)
        sigma = polarization_to_dipole(fitted.result.propagate(gradient @ parameters.matrix), volume)
        a, b = upper.partition(".")[0], lower.partition(".")[0]
        axis = f" along {material.polar_axis}" if material.polar_axis else ""
        text = (
            f"From {b} to {a} the dipole of a formula unit changes by"
            f" {format_uncertain(value / DEBYE, sigma / DEBYE)} D{axis} (volume"
            f" {volume * 1e30:.6g} angstrom^3, no local field)"
        )
        if math.isfinite(settings.transfer_distance):
            electrons = transferred_electrons(value, settings.transfer_distance)
            spread = transferred_electrons(sigma, settings.transfer_distance)
            distance = settings.transfer_distance * 1e10
            text += f": {format_uncertain(electrons, spread)} electrons over {distance:.4g} angstrom"
        out.append(Derived(f"{a}-{b}.dipole_moment", "dipole_moment", value, sigma, "fit", f"{text}."))
    return out


def _value_at(curve: Curve, temperature: float) -> tuple[float, float]:
    good = np.isfinite(curve.values)
    if not good.any():
        return math.nan, math.nan
    axis = curve.temperature[good]
    order = np.argsort(axis, kind="stable")
    if not axis[order][0] <= temperature <= axis[order][-1]:
        return math.nan, math.nan
    return (
        float(np.interp(temperature, axis[order], curve.values[good][order])),
        float(np.interp(temperature, axis[order], curve.sigma[good][order])),
    )


def _at_temperatures(settings: OutlookSettings, curve: Curve) -> list[Derived]:
    """What is left of p when a reference compound of the same structure may have its share."""
    if not math.isfinite(settings.reference_fraction):
        return []
    scale = scale_to_si("nC/cm^2/K", COEFFICIENT)
    out = []
    for temperature in settings.temperatures:
        value, sigma = _value_at(curve, temperature)
        if math.isnan(value):
            continue
        limit = reference_limit(value, settings.reference_fraction)
        spread = math.hypot(sigma, limit / math.sqrt(3))
        share = f"{settings.reference_fraction * 100:g} %"
        text = (
            f"At {temperature:g} K the reference compound has less than {limit / scale:.2g} nC cm-2 K-1 ({share} of p ="
            f" {format_uncertain(value / scale, sigma / scale)}): the electronic part is at least"
            f" {(abs(value) - limit) / scale:.3g} nC cm-2 K-1"
        )
        out.append(Derived(f"electronic p at {temperature:g} K", COEFFICIENT, value, spread, "fit", f"{text}."))
    return out


def _merit(
    settings: OutlookSettings, curves: Sequence[Curve], material: Material | None
) -> tuple[tuple[str, ...], ...]:
    def known(value: float) -> float | None:
        return value if math.isfinite(value) else None

    rows = []
    for temperature in settings.temperatures:
        value = _value_at(curves[0], temperature)[0] if curves else math.nan
        if math.isfinite(value):
            rows.append(
                PyroelectricMaterial(
                    f"this crystal, {temperature:g} K",
                    abs(value),
                    known(settings.heat_capacity),
                    known(settings.permittivity),
                    known(settings.loss_tangent),
                    settings.source or "p from the fit",
                )
            )
    return comparison_rows(rows) if rows else ()
