"""`[kinetics]` of a manifest: rate processes on the model's free energy, with stated numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labile.core.conditions import LightSource
from labile.core.units import field_unit
from labile.models.free_energy import Model
from labile.models.light import Absorption, LaserHeating, LightError, beam, cross_section
from labile.models.rates import (
    KineticModel,
    KineticsError,
    PhotoProcess,
    Process,
    RadiationDamage,
    ThermalProcess,
    XRayProcess,
)
from labile.study.manifest import Problems, unknown_key
from labile.study.manifest_tables import AbsorptionTable, KineticsTable, LightTable, ProcessTable
from labile.study.quantities import read_quantity, read_stated

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class KineticSettings:
    """`[kinetics]` in SI.

    Attributes
    ----------
    kinetic : KineticModel
    values : mapping of str to float
        Parameters of the processes as stated, SI; none of them is fitted.
    sources : mapping of str to str
        Where a number comes from, for those that say it.
    """

    kinetic: KineticModel
    values: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def kinetic_settings(
    table: KineticsTable | None, model: Model | None, values: Mapping[str, float], problems: Problems
) -> KineticSettings | None:
    """Kinetic model of a study; what is wrong goes to `problems`.

    Parameters
    ----------
    table : KineticsTable or None
    model : Model or None
    values : mapping of str to float
        Start values of the model's parameters, SI.
    problems : Problems
    """
    if table is None:
        return None
    if model is None:
        problems.add(("kinetics",), "needs a [model]; add one or remove this table")
        return None
    count, path = len(problems.found), ("kinetics",)
    processes = [_process((*path, "processes", i), one, problems) for i, one in enumerate(table.processes)]
    absorptions = [_absorption((*path, "absorption", i), one, problems) for i, one in enumerate(table.absorption)]
    heating: LaserHeating | None = None
    if table.heated_area is not None:
        with problems.at(*path, "heated_area"):
            heating = LaserHeating(read_quantity(table.heated_area, "area").value)
    if len(problems.found) > count:
        return None
    with problems.at(*path):
        kinetic = KineticModel(
            model, tuple(p for p in processes if p), tuple(a for a in absorptions if a is not None), heating
        )
        stated = _rates(table, kinetic, problems)
        if len(problems.found) > count:
            return None
        kinetic.complete({**values, **stated})
        sources = {name: one.source for name, one in table.parameters.items() if one.source}
        return KineticSettings(kinetic, stated, sources)
    return None


def _process(path: KeyPath, table: ProcessTable, problems: Problems) -> Process | None:
    with problems.at(*path):
        if table.kind != "thermal" and (table.one_way or table.freed):
            raise KineticsError("one_way and freed belong to thermal processes; light and X-rays have no way back")
        if table.kind == "damage":
            if table.end is not None:
                raise KineticsError("what is destroyed becomes no state; remove end")
            return RadiationDamage(table.start)
        if table.end is None:
            raise KineticsError(f"the process has a start ({table.start!r}) and no end; write end = another state")
        if table.kind == "thermal":
            return ThermalProcess(table.start, table.end, table.one_way, table.freed)
        return PhotoProcess(table.start, table.end) if table.kind == "photo" else XRayProcess(table.start, table.end)
    return None


def _absorption(path: KeyPath, table: AbsorptionTable, problems: Problems) -> Absorption | None:
    with problems.at(*path):
        if (table.extinction is None) == (table.cross_section is None):
            raise LightError('give either extinction (L mol-1 cm-1) or cross_section (such as "1e-19 cm^2")')
        wavelength = [read_quantity(text, "wavelength").value for text in table.wavelength]
        if table.cross_section is not None:
            sigma = np.array([read_quantity(text, "absorption_cross_section").value for text in table.cross_section])
        else:
            sigma = cross_section(table.extinction)
        return Absorption(table.state, wavelength, sigma, table.source)
    return None


def _rates(table: KineticsTable, kinetic: KineticModel, problems: Problems) -> dict[str, float]:
    thermodynamic = kinetic.model.parameters.names
    own = [name for name in kinetic.parameters.names if name not in thermodynamic]
    stated: dict[str, float] = {}
    for name, one in table.parameters.items():
        path = ("kinetics", "parameters", name)
        if name in thermodynamic:
            problems.add(path, "is a parameter of the free energy; it belongs in [parameters]")
        elif name not in own:
            problems.add(path, unknown_key(name, own).replace("unknown key", "no such parameter"))
        else:
            quantity = kinetic.parameters[name].quantity
            with problems.at(*path):
                stated[name] = read_stated(one.value, one.unit, quantity)
    for name in own:
        if name not in table.parameters and not np.isfinite(kinetic.parameters[name].value):
            unit = field_unit(kinetic.parameters[name].quantity)
            shown = f', unit = "{unit}"' if unit and unit != "1" else ""
            problems.add(
                ("kinetics",),
                f'no value for {name}; write "{name}" = {{ value = ...{shown} }} in [kinetics.parameters]',
            )
    return stated


def light_source(path: KeyPath, table: LightTable, problems: Problems, *, flux_is_axis: bool) -> LightSource | None:
    """One beam; where the flux is an axis of the diagram it must not be given, and is 0.

    Parameters
    ----------
    path : tuple
        Of the table in the manifest.
    table : LightTable
    problems : Problems
    flux_is_axis : bool
    """
    with problems.at(*path):
        given = {
            key: read_quantity(text, key).value
            for key, text in (
                ("wavelength", table.wavelength), ("photon_flux", table.photon_flux), ("irradiance", table.irradiance)
            )
            if text is not None
        }  # fmt: skip
        if flux_is_axis and len(given) > ("wavelength" in given):
            raise LightError("the photon flux is an axis of this diagram; give the wavelength only")
        if flux_is_axis:
            given["photon_flux"] = 0.0
        return beam(given.pop("wavelength", None), **given)
    return None
