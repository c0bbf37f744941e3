"""`[material]`, `[model]` and `[[phase]]` of a manifest: the crystal and its free energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labile.core.material import Material, State, SymmetryError
from labile.core.units import field_unit
from labile.models.free_energy import Model
from labile.models.library import build
from labile.models.phases import SEPARATOR, Phases, phases_of
from labile.study.manifest import Problems, unknown_key
from labile.study.manifest_tables import ComparisonTable, MaterialTable, ModelTable, PhaseTable, StatedTable
from labile.study.quantities import read_quantity, read_stated


def material_of(table: MaterialTable | None, problems: Problems) -> Material | None:
    """Material of a study; None where it has no states or something is wrong with them."""
    if table is None or not table.states:
        return None
    states: list[State] = []
    for index, item in enumerate(table.states):
        with problems.at("material", "states", index):
            states.append(State(item.name, item.spin, item.degeneracy, item.charge))
    volume: float | None = None
    if table.volume_per_formula_unit is not None:
        with problems.at("material", "volume_per_formula_unit"):
            volume = read_quantity(table.volume_per_formula_unit, "cell_volume").value
    cell: tuple[float, ...] | None = None
    if table.cell is not None:
        with problems.at("material", "cell"):
            edges = (read_quantity(getattr(table.cell, name), "length").value for name in "abc")
            cell = (*edges, table.cell.alpha, table.cell.beta, table.cell.gamma)
    if len(states) < len(table.states):
        return None
    material: Material | None = None
    try:
        material = Material(
            table.formula,
            tuple(states),
            table.per,
            table.sites,
            tuple(table.phases),
            cell,
            table.space_group,
            table.polar_axis,
            volume,
        )
    except SymmetryError as error:
        problems.add(("material", "space_group"), str(error))
    except ValueError as error:
        problems.add(("material",), str(error))
    if table.formula and material is not None:
        with problems.at("material", "formula"):
            _ = material.molar_mass
    return material


def model_of(
    path: tuple[str | int, ...],
    table: ModelTable | ComparisonTable | None,
    material: Material | None,
    material_table: MaterialTable | None,
    problems: Problems,
) -> Model | None:
    """Model that a builder makes of the material's states; what is wrong goes to `problems`."""
    if table is None:
        return None
    if material is None:
        if material_table is None or not material_table.states:
            problems.add(
                path, 'a model needs states; write [material] and [[material.states]] with name = "LS" and so on'
            )
        return None
    with problems.at(*path):
        return build(table.builder, material.states, **table.options)
    return None


@dataclass(frozen=True)
class PhaseSettings:
    """`[[phase]]` in SI.

    Attributes
    ----------
    phases : Phases
    values : mapping of str to float
        What the phases state: ``<phase>.enthalpy`` and ``<phase>/<name>``; the rest is that of the model.
    """

    phases: Phases
    values: Mapping[str, float] = field(default_factory=dict)


def phase_settings(
    tables: Sequence[PhaseTable],
    model: ModelTable | None,
    material: Material | None,
    values: Mapping[str, float],
    problems: Problems,
) -> PhaseSettings | None:
    """Structural phases of a study; what is wrong goes to `problems`.

    Parameters
    ----------
    tables : sequence of PhaseTable
        The first is the reference; its free energy is that of ``[model]`` unless it names a builder.
    model : ModelTable or None
    material : Material or None
    values : mapping of str to float
        Start values of the model's parameters, SI.
    problems : Problems
    """
    if not tables:
        return None
    if model is None or material is None:
        problems.add(("phase",), "needs a [model]; add one or remove this table")
        return None
    count = len(problems.found)
    if len(tables) < 2:
        problems.add(("phase",), "one phase alone is the crystal; state two or more, the first is the reference")
    built: dict[str, Model] = {}
    for i, table in enumerate(tables):
        path = ("phase", i)
        if table.label in built:
            problems.add((*path, "label"), f"two phases have the label {table.label!r}; labels must differ")
            continue
        if table.label in [s.name for s in material.states]:
            text = f"{table.label!r} is the label of a phase and the name of a state; choose another label"
            problems.add((*path, "label"), text)
            continue
        if unknown := [name for name in table.states or () if name not in [s.name for s in material.states]]:
            problems.add((*path, "states"), f"{unknown[0]!r} is no state of the material")
            continue
        states = tuple(s for s in material.states if table.states is None or s.name in table.states)
        with problems.at(*path):
            options = table.options if table.builder else model.options
            built[table.label] = build(table.builder or model.builder, states, **options)
    if len(problems.found) > count:
        return None
    phases: Phases | None = None
    with problems.at("phase"):
        phases = phases_of(built)
    if phases is None:
        return None
    stated: dict[str, float] = {}
    for i, table in enumerate(tables):
        for name, one in table.parameters.items():
            _phase_value(("phase", i, "parameters", name), phases, table.label, name, one, i == 0, stated, problems)
        if i:
            for name in ("enthalpy", "entropy"):
                if name not in table.parameters:
                    unit = field_unit(name)
                    text = f'no {name}; write parameters = {{ "{name}" = {{ value = ..., unit = "{unit}" }} }}, counted'
                    problems.add(("phase", i), f"{text} from phase {tables[0].label}")
            stated.setdefault(f"{table.label}.volume", 0.0)
        own = phases.values_of(table.label, {**values, **stated})
        for parameter in phases.models[i].parameters:
            if parameter.name not in own and not parameter.value == parameter.value:
                problems.add(("phase", i), f"no value for {parameter.name}; write it in the parameters of this phase")
    return PhaseSettings(phases, stated) if len(problems.found) == count else None


def _phase_value(
    path: tuple[str | int, ...],
    phases: Phases,
    label: str,
    name: str,
    one: StatedTable,
    reference: bool,
    stated: dict[str, float],
    problems: Problems,
) -> None:
    """One parameter of a phase, under the name that `Phases` knows it by."""
    own = phases.models[phases.labels.index(label)].parameters
    whole = name in ("enthalpy", "entropy", "volume")
    if whole and reference:
        problems.add(path, f"phase {label} is the reference that {name} is counted from; remove it")
        return
    full = f"{label}.{name}" if whole else name
    if full not in own:
        known = [*("enthalpy", "entropy", "volume"), *(n for n in own.names if not n.startswith(f"{label}."))]
        problems.add(path, unknown_key(name, known).replace("unknown key", "no such parameter"))
        return
    quantity = own[full].quantity
    with problems.at(*path):
        stated[full if whole else f"{label}{SEPARATOR}{name}"] = read_stated(one.value, one.unit, quantity)
