"""Parameters of a joint problem: defaults of model and observables, then what the manifest says about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from labile.core.parameters import Parameter, ParameterError, Parameters, Prior, Tie
from labile.core.units import QUANTITIES, field_unit, scale_to_si, to_si
from labile.inference.joint_problem import JointProblem, joint_parameters, shift_name
from labile.inference.objective import Objective
from labile.models.free_energy import Model
from labile.study.manifest import Problems, unknown_key
from labile.study.manifest_tables import ParameterTable


def joint_problem(
    path: tuple[str | int, ...],
    model: Model,
    objectives: tuple[Objective, ...],
    tables: Mapping[str, ParameterTable],
    *,
    stated: frozenset[str],
    sigmas: Mapping[str, float],
    groups: Mapping[str, str],
    problems: Problems,
) -> JointProblem | None:
    """Joint problem with the parameters of a manifest; None when something is wrong with them.

    Parameters
    ----------
    path : tuple
        Of the parameter table in the manifest, for errors.
    model : Model
    objectives : tuple of Objective
    tables : mapping of str to ParameterTable
    stated : frozenset of str
        Those that stand at `path` and so must exist; the others are taken over from ``[parameters]`` where they fit.
    sigmas : mapping of str to float
        Prior standard deviations of nuisance parameters, SI.
    groups : mapping of str to str
        Label of each objective to its ``[[measurement]]``.
    problems : Problems

    Returns
    -------
    JointProblem or None
    """
    parameters = stated_parameters(
        path, model, objectives, tables, stated=stated, sigmas=sigmas, groups=groups, problems=problems
    )
    if parameters is None:
        return None
    with problems.at(*path):
        return JointProblem(model, objectives, parameters)
    return None


def stated_parameters(
    path: tuple[str | int, ...],
    model: Model,
    objectives: tuple[Objective, ...],
    tables: Mapping[str, ParameterTable],
    *,
    stated: frozenset[str],
    sigmas: Mapping[str, float],
    groups: Mapping[str, str],
    problems: Problems,
) -> Parameters | None:
    """Parameters of a manifest, also where there is nothing to fit; see `joint_problem`."""
    count = len(problems.found)
    defaults = joint_parameters(model, objectives)
    parameters = defaults.updated(_nuisance_priors(defaults, sigmas))
    parameters = parameters.updated(_shared_shifts(objectives, groups))
    changes: list[Parameter] = []
    for name, table in tables.items():
        where = (*path, name) if name in stated else ("parameters", name)
        if name not in parameters:
            if name in stated:
                problems.add(where, unknown_key(name, parameters.names).replace("unknown key", "no such parameter"))
            continue
        with problems.at(*where):
            changes.append(_parameter(parameters[name], table))
    if len(problems.found) > count:
        return None
    with problems.at(*path):
        parameters = parameters.updated(changes)
        _require_values(parameters)
        for parameter in _vague(parameters) if objectives else ():
            name = parameter.name
            where = (*path, name) if name in stated else ("parameters", name) if name in tables else path
            starts = "starts" if name in tables and tables[name].value is not None else "has no value, so it starts"
            problems.add(
                where,
                f"{'' if name in tables else name + ' '}{starts} at 0 without bounds on both sides, and nothing says"
                f" how far to look; give min and max, a prior, or a value other than 0 (in {parameter.unit or '1'})",
            )
        return parameters if len(problems.found) == count else None
    return None


def _nuisance_priors(parameters: Parameters, sigmas: Mapping[str, float]) -> list[Parameter]:
    changes = []
    for name, sigma in sigmas.items():
        if name in parameters:
            mean = 1.0 if parameters[name].quantity == "factor" or name.endswith("factor") else 0.0
            changes.append(replace(parameters[name], prior=Prior(mean, sigma)))
    return changes


def _shared_shifts(objectives: Sequence[Objective], groups: Mapping[str, str]) -> list[Parameter]:
    """One mass moves the heating and the cooling run of a file together, so their shifts are one parameter."""
    first: dict[tuple[str, str], str] = {}
    changes = []
    for objective in objectives:
        if objective.measurement is None:
            continue
        for term in objective.measurement.correlated:
            name = shift_name(objective, term.name)
            leader = first.setdefault((groups[objective.label], term.name), name)
            if leader != name:
                changes.append(Parameter(name, 0.0, unit="1", tie=Tie(leader)))
    return changes


def _parameter(default: Parameter, table: ParameterTable) -> Parameter:
    """A parameter of the problem as the manifest changes it."""
    quantity = default.quantity
    dimension = QUANTITIES[quantity].si if quantity in QUANTITIES else "1"
    numbers = (table.value, table.min, table.max, table.prior, None if table.tie is None else table.tie.offset or None)
    unit = table.unit or ""
    if not unit and any(n is not None for n in numbers):
        if dimension != "1":
            raise ParameterError(f'the unit is missing; write for instance unit = "{field_unit(quantity)}"')
        unit = "1"
    unit = unit or default.unit or "1"
    scale = scale_to_si(unit, quantity)
    lower = default.lower if table.min is None else float(to_si(table.min, unit, quantity))
    upper = default.upper if table.max is None else float(to_si(table.max, unit, quantity))
    source = table.source or (default.source if table.value is None else "")
    if table.tie is not None:
        if table.value is not None or table.fixed:
            raise ParameterError("is tied; a tied parameter has no value of its own and is not fixed")
        tie = Tie(table.tie.to, table.tie.factor, table.tie.offset * scale)
        return replace(default, unit=unit, value=math.nan, tie=tie, fixed=False, prior=None, source=source)
    prior = default.prior
    if table.prior is not None:
        mean, sigma = table.prior.normal
        prior = Prior(float(to_si(mean, unit, quantity)), sigma * scale)
    value = default.value
    if table.value is not None:
        value = float(to_si(table.value, unit, quantity))
    elif math.isnan(value) and table.prior is not None:
        assert prior is not None
        value = min(max(prior.mean, lower), upper)
    elif math.isnan(value) and math.isfinite(lower) and math.isfinite(upper):
        value = 0.5 * (lower + upper)
    return Parameter(default.name, value, unit, lower, upper, prior, table.fixed, None, source)


def _require_values(parameters: Parameters) -> None:
    missing = [p for p in parameters if math.isnan(p.value) and p.tie is None]
    if missing:
        lines = [f'"{p.name}" = {{ value = ..., unit = "{p.unit or "1"}" }}' for p in missing]
        raise ParameterError("no value given for these parameters; write\n    " + "\n    ".join(lines))


def _vague(parameters: Parameters) -> list[Parameter]:
    """A free parameter that starts at 0 says nothing about its size; then bounds or a prior must."""
    return [
        p
        for p in parameters.free
        if p.value == 0 and p.prior is None and not (math.isfinite(p.lower) and math.isfinite(p.upper))
    ]
