"""From a manifest to the objects that are computed with; everything is checked before anything is computed."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np

from labile import __version__
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.material import Material, SymmetryError, require_polar
from labile.core.measurement import Measurement
from labile.core.units import scale_to_si
from labile.inference.joint_fit import JointProblem
from labile.inference.objective import (
    PRESSURE_KINDS,
    STATEMENT_KINDS,
    TRANSITION_KINDS,
    Objective,
    Statement,
)
from labile.models.free_energy import Model
from labile.models.library import build
from labile.study.crystal_settings import PhaseSettings, material_of, model_of, phase_settings
from labile.study.diagram_settings import AnySettings, diagram_settings
from labile.study.kinetic_settings import KineticSettings, kinetic_settings
from labile.study.manifest import Manifest, Problems, unknown_key
from labile.study.manifest_tables import (
    ManifestTables,
    MeasurementTable,
    StatementTable,
)
from labile.study.parametrise import joint_problem, stated_parameters
from labile.study.pyroelectric_settings import OutlookSettings, outlook_settings
from labile.study.quantities import QuantityError, read_quantity, read_temperature
from labile.study.reducing import RawData, inline_data, read_and_reduce
from labile.techniques import Technique, technique

MAIN = "model"
"""Name of the study's own model in comparison tables."""
IN_KELVIN = ("maximum_position", *TRANSITION_KINDS)
ABSOLUTE = (*IN_KELVIN, *PRESSURE_KINDS)


@dataclass(frozen=True, eq=False)
class PreparedStudy:
    """A study ready to be computed.

    Attributes
    ----------
    manifest : Manifest
    material : Material or None
    joint : JointProblem or None
        None in a study without a model.
    comparisons : mapping of str to JointProblem
    measurements : tuple of Measurement
        Reduced, in the order of the manifest.
    techniques : mapping of str to str
        ``[[measurement]]`` label to technique.
    groups : mapping of str to str
        Label of each part and objective to its ``[[measurement]]``.
    files : tuple of (str, str)
        Name and sha256 of every data file read.
    warnings : tuple of str
    pyroelectricity : OutlookSettings or None
        What the study asks of the fitted pyroelectric coefficient.
    model : Model or None
    model_values : mapping of str to float
        Start values of the model's parameters, SI.
    phases : PhaseSettings or None
    kinetics : KineticSettings or None
    diagrams : tuple of AnySettings
    """

    manifest: Manifest
    material: Material | None
    joint: JointProblem | None
    comparisons: Mapping[str, JointProblem]
    measurements: tuple[Measurement, ...]
    techniques: Mapping[str, str]
    groups: Mapping[str, str]
    files: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    pyroelectricity: OutlookSettings | None = None
    model: Model | None = None
    model_values: Mapping[str, float] = field(default_factory=dict)
    phases: PhaseSettings | None = None
    kinetics: KineticSettings | None = None
    diagrams: tuple[AnySettings, ...] = ()

    @property
    def key(self) -> str:
        """sha256 over the manifest, the bytes of all data files and labile's version."""
        digest = hashlib.sha256(self.manifest.text.encode())
        for name, sha in self.files:
            digest.update(f"\0{name}\0{sha}".encode())
        digest.update(f"\0{__version__}".encode())
        return digest.hexdigest()


@dataclass
class _Building:
    """What accumulates while the measurements of a manifest are built."""

    problems: Problems
    tables: ManifestTables
    objectives: list[Objective] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    techniques: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sigmas: dict[str, float] = field(default_factory=dict)
    wide: dict[str, bool | None] = field(default_factory=dict)

    @property
    def formula(self) -> str:
        """Of the material; empty when there is none."""
        return "" if self.tables.material is None else self.tables.material.formula


def prepare(manifest: Manifest) -> PreparedStudy:
    """Build material, model, measurements and the joint problems of a manifest.

    Parameters
    ----------
    manifest : Manifest

    Returns
    -------
    PreparedStudy

    Raises
    ------
    ManifestError
        With every problem that could be found, each with its line, key and what to do.
    """
    tables, problems = manifest.tables, manifest.problems()
    material = material_of(tables.material, problems)
    model = model_of(("model",), tables.model, material, tables.material, problems)
    building = _Building(problems, tables)
    seen: set[str] = set()
    for index, spec in enumerate(tables.measurement):
        if spec.label in seen:
            problems.add(("measurement", index, "label"), f"{spec.label!r} is used twice; labels must differ")
            continue
        seen.add(spec.label)
        _measurement(index, spec, manifest.folder, building)
    outlook = outlook_settings(tables.pyroelectricity, problems)
    if tables.model is None:
        for name in ("parameters", "comparison", "pyroelectricity"):
            if getattr(tables, name):
                problems.add((name,), "needs a [model]; add one or remove this table")
    problems.raise_if_any()
    joint: JointProblem | None = None
    comparisons: dict[str, JointProblem] = {}
    if model is not None:
        joint, comparisons = _joint_problems(model, manifest, building)
    values = _model_values(model, joint, building)
    problems.raise_if_any()
    phases = phase_settings(tables.phase, tables.model, material, values, problems)
    kinetics = kinetic_settings(tables.kinetics, model, values, problems)
    problems.raise_if_any()
    diagrams = diagram_settings(tables.diagram, model, values, phases, kinetics, joint is not None, problems)
    problems.raise_if_any()
    building.warnings += [
        f"line {number} is still marked FILL IN: {line.split('#', 1)[0].strip()}"
        for number, line in enumerate(manifest.text.splitlines(), start=1)
        if "FILL IN" in line and not line.lstrip().startswith("#")
    ]
    return PreparedStudy(
        manifest,
        material,
        joint,
        comparisons,
        tuple(building.measurements),
        building.techniques,
        building.groups,
        tuple(building.files),
        tuple(dict.fromkeys(building.warnings)),
        outlook,
        model,
        values,
        phases,
        kinetics,
        diagrams,
    )


def _measurement(index: int, spec: MeasurementTable, folder: FilePath, building: _Building) -> None:
    problems, path = building.problems, ("measurement", index)
    found: Technique | None = None
    with problems.at(*path, "technique"):
        found = technique(spec.technique)
    kinds = {"file": spec.file or spec.files, "values": spec.values, "statements": spec.statements}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) != 1 or (spec.file is not None and spec.files is not None):
        problems.add(
            path, f"give exactly one of file, files, values and statements; found {' and '.join(given) or 'none'}"
        )
        return
    if found is None:
        return
    building.techniques[spec.label] = spec.technique
    count = len(problems.found)
    _check_quantity(path, spec, found, building)
    if len(problems.found) > count:
        return
    if spec.statements is not None:
        _statements(path, spec, found, building)
        return
    raw: RawData | None = None
    if spec.values is not None:
        raw = inline_data(path, spec, problems)
    else:
        with problems.at(*path, "file" if spec.file else "files"):
            raw = read_and_reduce(path, spec, found, folder, building.formula, problems)
    if raw is None or len(problems.found) > count:
        return
    building.files += raw.files
    building.warnings += raw.warnings
    building.measurements += raw.measurements
    building.groups.update({m.label: spec.label for m in raw.measurements})
    if not (spec.fit and building.tables.model is not None):
        return
    for measurement in raw.measurements:
        if measurement.attributes.get("temperature_source") == "assumed":
            problems.add(
                path,
                f"{measurement.label}: the file does not state its temperature, {measurement.temperature[0]:g} K was"
                " assumed; write temperature = [...], one entry a file, or leave it out of the fit with fit = false",
            )
            return
        if measurement.conditions.light:
            building.warnings.append(f"{measurement.label}: measured under light, which is no equilibrium; not fitted")
            continue
        if told := next((step for step in measurement.provenance.steps if "speaks of light" in step), ""):
            problems.add(
                path,
                f"{measurement.label}: {told}. Put what was irradiated into a measurement of its own with light ="
                ' { wavelength = "532 nm" }, or with fit = false',
            )
            return
        # of what is measured at one temperature only a curve over the field says something about a model
        if measurement.branch == "isothermal" and measurement.quantity != "magnetization":
            building.warnings.append(f"{measurement.label}: measured at one temperature, shown and not fitted")
            continue
        with problems.at(*path):
            observable = _observable(path, measurement.quantity, spec, found, problems, measurement)
            if observable is None:
                return
            building.wide[measurement.label] = spec.width
            building.objectives.append(
                Objective(
                    measurement.label,
                    observable,
                    measurement,
                    technique=spec.technique,
                    sample=spec.sample,
                    jump=_jump(path, spec, problems),
                    noise=spec.noise,
                    temperature_offset=_systematic(path, spec, "temperature_offset", building),
                    factor=_systematic(path, spec, "factor", building),
                )
            )


def _check_quantity(path: tuple[str | int, ...], spec: MeasurementTable, found: Technique, building: _Building) -> None:
    if not spec.quantity:
        switching = TRANSITION_KINDS + PRESSURE_KINDS
        only_transitions = spec.statements is not None and all(s.kind in switching for s in spec.statements)
        if not only_transitions:
            building.problems.add(
                path, f"the quantity is missing; write quantity = one of {', '.join(found.quantities)}"
            )
        return
    fitted = building.tables.model is not None and spec.fit
    with building.problems.at(*path, "quantity"):
        found.require(spec.quantity)
        if fitted or spec.statements is not None:
            found.observable(spec.quantity)
    table = building.tables.material
    if spec.quantity in found.polar and table is not None and table.space_group:
        try:
            require_polar(table.space_group, table.polar_axis)
        except SymmetryError as error:
            # the same space group forbids every polar quantity of the study: one mistake, one message
            if not any(str(error) in text for text in building.problems.found):
                building.problems.add((*path, "quantity"), str(error))
        except ValueError as error:
            building.problems.add((*path, "quantity"), str(error))


def _observable(
    path: tuple[str | int, ...],
    quantity: str,
    spec: MeasurementTable,
    found: Technique,
    problems: Problems,
    measurement: Measurement | None = None,
) -> Any:
    kind = found.observable(quantity)
    known = [name for name in inspect.signature(kind).parameters if name != "sample"]
    bad = [name for name in spec.observable if name not in known]
    for name in bad:
        problems.add((*path, "observable", name), unknown_key(name, known))
    if bad:
        return None
    options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.observable.items()}
    if "sample" in inspect.signature(kind).parameters:
        options["sample"] = spec.sample
    if "magnetic_field" in known:
        options.setdefault("magnetic_field", _typical_field(spec, measurement))
    try:
        return kind(**options)
    except ValueError as error:
        problems.add((*path, "observable"), str(error))
        return None
    except TypeError:
        needed = [name for name in needed_options(found, quantity) if name not in options]
        example = '["HS"]' if needed[0] == "states" else "..."
        problems.add(
            (*path, "observable"),
            f"{quantity} needs {', '.join(needed)}; write for instance observable = {{ {needed[0]} = {example} }}",
        )
    return None


def needed_options(technique: Technique, quantity: str) -> list[str]:
    """Options without which the observable of a quantity cannot be made."""
    options = inspect.signature(technique.observable(quantity)).parameters
    return [name for name, p in options.items() if p.default is inspect.Parameter.empty and name != "sample"]


def _typical_field(spec: MeasurementTable, measurement: Measurement | None) -> float:
    """Field (T) at which the curves of a measurement are drawn and its statements evaluated."""
    if measurement is not None:
        return float(np.median(measurement.conditions.magnetic_field))
    return 0.0 if spec.magnetic_field is None else read_quantity(spec.magnetic_field, "magnetic_field").value


def _jump(path: tuple[str | int, ...], spec: MeasurementTable, problems: Problems) -> Any:
    if spec.jump in ("auto", "none"):
        return spec.jump
    if isinstance(spec.jump, list) and len(spec.jump) == 2:
        with problems.at(*path, "jump"):
            return (read_temperature(spec.jump[0]), read_temperature(spec.jump[1]))
    problems.add(
        (*path, "jump"),
        f'found {spec.jump!r}, expected "auto", "none" or the two temperatures next to it, e.g. [140, 142]',
    )
    return "none"


def _systematic(
    path: tuple[str | int, ...],
    spec: MeasurementTable,
    kind: Literal["temperature_offset", "factor"],
    building: _Building,
) -> str:
    """Name of a nuisance parameter of a measurement, empty for none; its prior sigma is remembered for later."""
    table = spec.temperature_offset if kind == "temperature_offset" else spec.factor
    if table is None:
        return ""
    owner = spec.instrument if kind == "temperature_offset" else f"{spec.sample}_{spec.technique}"
    name = table.name or f"{owner}.{kind}"
    quantity = "temperature_difference" if kind == "temperature_offset" else "factor"
    with building.problems.at(*path, kind, "prior_sigma"):
        sigma = read_quantity(table.prior_sigma, quantity).value
        if not sigma > 0:
            raise QuantityError(f"must be > 0, found {table.prior_sigma!r}")
        if building.sigmas.setdefault(name, sigma) != sigma:
            raise QuantityError(f"{name} already has another prior_sigma; give it once or a name of its own")
    return name


def _statements(path: tuple[str | int, ...], spec: MeasurementTable, found: Technique, building: _Building) -> None:
    assert spec.statements is not None
    problems = building.problems
    pressure = AMBIENT_PRESSURE
    if spec.pressure is not None:
        with problems.at(*path, "pressure"):
            pressure = read_quantity(spec.pressure, "pressure").value
    observable: Any = None
    if spec.quantity in found.observables:
        with problems.at(*path, "observable"):
            observable = _observable(path, spec.quantity, spec, found, problems)
    for number, item in enumerate(spec.statements):
        where = (*path, "statements", number)
        statement = _statement(where, item, spec, problems)
        if statement is None or (observable is None and not statement.is_transition):
            continue
        label = f"{spec.label}: {_statement_name(statement)}"
        if label in building.groups:
            problems.add(where, f"another statement already gives the {_statement_name(statement)}; merge the two")
            continue
        building.groups[label] = spec.label
        if statement.is_transition:
            building.wide[label] = False
            own, offset, factor = None, "", ""
        else:
            building.wide[label] = spec.width
            own = observable
            offset = _systematic(path, spec, "temperature_offset", building)
            factor = _systematic(path, spec, "factor", building)
        with problems.at(*where):
            building.objectives.append(
                Objective(
                    label,
                    own,
                    statement=statement,
                    technique=spec.technique,
                    sample=spec.sample,
                    branch="equilibrium" if spec.branch == "auto" else spec.branch,
                    pressure=pressure,
                    temperature_offset=offset,
                    factor=factor,
                )
            )


def _statement(
    where: tuple[str | int, ...], item: StatementTable, spec: MeasurementTable, problems: Problems
) -> Statement | None:
    count = len(problems.found)
    if item.kind not in STATEMENT_KINDS:
        problems.add((*where, "kind"), f"{item.kind!r} is unknown; use one of {', '.join(STATEMENT_KINDS)}")
        return None
    quantity = "temperature_difference" if item.kind == "hysteresis_width" else "temperature"
    if item.kind in PRESSURE_KINDS:
        quantity = "pressure"
    elif item.kind not in IN_KELVIN:
        quantity = spec.quantity
    unit = item.unit if item.kind in ABSOLUTE else item.unit or spec.unit
    value = sigma = math.nan
    limit = {"<": -1, ">": 1, "": 0}[item.limit]
    with problems.at(*where, "value"):
        read = read_quantity(item.value, quantity, unit)
        value, sigma = read.value, read.sigma
        if read.limit and limit and read.limit != limit:
            raise QuantityError(f"{item.value!r} contradicts limit = {item.limit!r}")
        limit = read.limit or limit
        if item.sigma is not None:
            if math.isfinite(sigma):
                raise QuantityError(
                    f"{item.value!r} gives an uncertainty and sigma = {item.sigma:g} gives another; keep one"
                )
            sigma = item.sigma * scale_to_si(unit or "1", quantity)
        if not math.isfinite(sigma):
            raise QuantityError(f'{item.value!r} has no uncertainty; add sigma = ... or write it as "3.12(2)"')
        if item.kind in ABSOLUTE and (value < 0 or (value == 0 and item.kind != "hysteresis_width")):
            zero = "0 K" if item.kind in IN_KELVIN else "zero"
            raise QuantityError(f"{item.value!r}: {item.kind.replace('_', ' ')} must be above {zero}")
    for name, kinds in (("at", ("value", *PRESSURE_KINDS)), ("between", ("difference",))):
        if getattr(item, name) is None and item.kind in kinds:
            example = {"at": "at = 120", "between": "between = [20, 300]"}[name]
            problems.add(where, f"a statement of kind {item.kind} needs {name}; write for instance {example} (in K)")
        elif getattr(item, name) is not None and item.kind not in kinds:
            problems.add((*where, name), f"does not belong to a statement of kind {item.kind}; it is for {kinds[0]}")
    window: tuple[float, float] | None = None
    temperatures: tuple[float, ...] = ()
    if item.at is not None:
        with problems.at(*where, "at"):
            temperatures = (read_temperature(item.at),)
    if item.between is not None:
        with problems.at(*where, "between"):
            temperatures = (read_temperature(item.between[0]), read_temperature(item.between[1]))
    if item.window is not None:
        with problems.at(*where, "window"):
            window = (read_temperature(item.window[0]), read_temperature(item.window[1]))
    if len(problems.found) > count:
        return None
    with problems.at(*where):
        return Statement(item.kind, value, sigma, limit, temperatures, window, item.text, item.source or spec.source)
    return None


def _statement_name(statement: Statement) -> str:
    """Short unique name: what is stated, and where."""
    kind = statement.kind.replace("_", " ")
    if statement.kind in PRESSURE_KINDS:
        return f"{kind} at {statement.temperatures[0]:g} K"
    if statement.kind == "value":
        return f"at {statement.temperatures[0]:g} K"
    if statement.kind == "difference":
        return f"difference {statement.temperatures[0]:g} to {statement.temperatures[1]:g} K"
    if statement.window is not None:
        return f"{kind} in {statement.window[0]:g}-{statement.window[1]:g} K"
    return kind


def _model_values(model: Model | None, joint: JointProblem | None, building: _Building) -> dict[str, float]:
    """Start values of the model's parameters, also where nothing is fitted."""
    if model is None:
        return {}
    parameters = None if joint is None else joint.parameters
    if joint is None and not building.problems.found:
        tables = building.tables.parameters
        parameters = stated_parameters(
            ("parameters",),
            model,
            (),
            tables,
            stated=frozenset(tables),
            sigmas={},
            groups={},
            problems=building.problems,
        )
    known = {} if parameters is None else parameters.as_dict()
    return {name: value for name, value in known.items() if name in model.parameters}


def _joint_problems(
    model: Model, manifest: Manifest, building: _Building
) -> tuple[JointProblem | None, dict[str, JointProblem]]:
    tables, problems = manifest.tables, building.problems
    assert tables.model is not None
    if not building.objectives:
        if tables.diagram:
            return None, {}
        problems.add(("model",), "there is nothing to fit; give a measurement or statements, or remove [model]")
        return None, {}
    objectives = _with_width(building, tables.model.width)
    places = {spec.label: index for index, spec in enumerate(tables.measurement)}
    count = len(problems.found)
    for objective in objectives:
        if objective.observable is not None:
            with problems.at("measurement", places[building.groups[objective.label]], "observable"):
                objective.observable.parameters(model.states)
    if len(problems.found) > count:
        return None, {}
    shared: dict[str, Any] = {"sigmas": building.sigmas, "groups": building.groups, "problems": problems}
    stated = frozenset(tables.parameters)
    joint = joint_problem(("parameters",), model, objectives, tables.parameters, stated=stated, **shared)
    comparisons: dict[str, JointProblem] = {}
    for index, table in enumerate(tables.comparison):
        path = ("comparison", index)
        if table.name == MAIN or table.name in comparisons:
            problems.add((*path, "name"), f"{table.name!r} is taken; comparisons need different names, not {MAIN!r}")
            continue
        with problems.at(*path):
            other = build(table.builder, model.states, **table.options)
            # what the observables and nuisance parameters are does not depend on the model that is compared
            inherited = {n: p for n, p in tables.parameters.items() if n not in model.parameters}
            own = {**inherited, **table.parameters}
            built = joint_problem(
                (*path, "parameters"),
                other,
                _with_width(building, table.width),
                own,
                stated=frozenset(table.parameters),
                **shared,
            )
            if built is not None:
                comparisons[table.name] = built
    return joint, comparisons


def _with_width(building: _Building, wide: bool) -> tuple[Objective, ...]:
    out = []
    for objective in building.objectives:
        allowed = building.wide[objective.label]
        chosen = wide if allowed is None else wide and allowed
        out.append(replace(objective, width=f"{objective.sample}.t_half_width" if chosen else ""))
    return tuple(out)
