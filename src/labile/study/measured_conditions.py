"""What a manifest states about the conditions of a measurement, and the branches that follow from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labile.core.branches import split_branches
from labile.core.conditions import LightSource
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Measurement
from labile.models.light import beam
from labile.study.quantities import QuantityError, read_quantity

if TYPE_CHECKING:
    from labile.study.manifest_tables import MeasurementTable

SWEEP = 3
"""Fewest points of a heating or cooling run in a table of cells; shorter ones are a list in some order."""


def with_conditions(measurement: Measurement, spec: MeasurementTable) -> Measurement:
    """A raw measurement at the pressure, field and sweep rate of its table.

    Raises
    ------
    QuantityError
        For a field that the file records itself.
    """
    conditions = measurement.conditions
    if spec.pressure is not None:
        conditions = replace(conditions, pressure=stated_pressure(spec))
    if spec.magnetic_field is not None:
        if np.any(conditions.magnetic_field != 0):
            raise QuantityError(
                f"magnetic_field = {spec.magnetic_field!r}, but the file records its own; remove the key"
            )
        conditions = replace(conditions, magnetic_field=stated_field(spec))
    rate = stated_rate(spec)
    return replace(measurement, conditions=conditions, sweep_rate=measurement.sweep_rate if rate is None else rate)


def lit(measurement: Measurement, spec: MeasurementTable) -> Measurement:
    """The measurement under the light that its table states."""
    if spec.light is None:
        return measurement
    if spec.light.wavelength is None:
        raise QuantityError('light needs its wavelength, such as light = { wavelength = "532 nm" }')
    wavelength = read_quantity(spec.light.wavelength, "wavelength").value
    stated = {name: getattr(spec.light, name) for name in ("photon_flux", "irradiance")}
    given = {name: read_quantity(text, name).value for name, text in stated.items() if text is not None}
    # without a flux the beam only says that there was light; what is measured under light is not fitted anyway
    source = beam(wavelength, **given) if given else LightSource(wavelength, 0.0)
    step = f"under light of {wavelength * 1e9:.4g} nm" + ("" if given else ", its flux is not stated")
    return replace(
        measurement,
        conditions=replace(measurement.conditions, light=(source,)),
        provenance=measurement.provenance.then(step),
    )


def branches_of(measurement: Measurement, spec: MeasurementTable) -> tuple[Measurement, ...]:
    """Heating and cooling runs of a reduced measurement; one part where its order says nothing or its table all."""
    if spec.branch != "auto":
        return (replace(measurement, branch=spec.branch),)
    if measurement.branch != "equilibrium" or len(measurement) < 2:
        return (measurement,)
    if spec.technique == "coordination":
        # structures are listed in any order, which says nothing about what the crystal went through
        return (_sorted(measurement),)
    parts = split_branches(measurement)
    if spec.technique == "strain" and (len(parts) > 2 or min(map(len, parts)) < SWEEP):
        return (_sorted(measurement),)
    pressed = [part.branch == "isothermal" and np.ptp(part.conditions.pressure) > 0 for part in parts]
    return tuple(replace(part, branch="equilibrium") if on else part for part, on in zip(parts, pressed, strict=True))


def _sorted(measurement: Measurement) -> Measurement:
    """Points by temperature, then pressure, without a branch."""
    order = np.lexsort((measurement.conditions.pressure, measurement.temperature))
    return measurement[order]


def stated_pressure(spec: MeasurementTable) -> float:
    """Pa; ambient where none is stated."""
    return AMBIENT_PRESSURE if spec.pressure is None else read_quantity(spec.pressure, "pressure").value


def stated_field(spec: MeasurementTable) -> float:
    """T; 0 where none is stated."""
    return 0.0 if spec.magnetic_field is None else read_quantity(spec.magnetic_field, "magnetic_field").value


def stated_rate(spec: MeasurementTable) -> float | None:
    """K/s; None where none is stated."""
    return None if spec.sweep_rate is None else read_quantity(spec.sweep_rate, "sweep_rate").value
