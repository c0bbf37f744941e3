"""The tables of a report: numbers with standard uncertainties in the units of the field."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.uncertain import format_uncertain
from labile.core.units import QUANTITIES, field_unit, from_si, pretty_unit, scale_to_si, shown_unit
from labile.study.diagram import StudyDiagram
from labile.study.light_diagram import StudyLifetimes, StudySteadyStates
from labile.study.results import StudyResult

if TYPE_CHECKING:
    from labile.core.measurement import Measurement
    from labile.core.parameters import Parameter
    from labile.diagrams.boundary_lines import BoundaryLine
    from labile.inference.joint_fit import Evaluation, JointFit

STRONG = 0.9
"""|correlation| from which a pair is listed."""


@dataclass(frozen=True)
class Table:
    """One table of the report.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : tuple of tuple of str
        The first cell of a row is its heading.
    note : str
    numeric : tuple of int
        Columns set flush right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numeric: tuple[int, ...] = ()

    def compact(self) -> Table:
        """Leave out the columns in which nothing is written."""
        kept = [i for i in range(len(self.columns)) if i == 0 or any(row[i] for row in self.rows)]
        if not self.rows or len(kept) == len(self.columns):
            return self
        return replace(
            self,
            columns=tuple(self.columns[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in self.rows),
            numeric=tuple(new for new, old in enumerate(kept) if old in self.numeric),
        )


def key_numbers(result: StudyResult) -> Table | None:
    """Derived numbers and the model's free parameters with standard uncertainties; None where there are none."""
    rows: list[tuple[str, ...]] = []
    for item in result.derived:
        unit = field_unit(item.quantity)
        scale = scale_to_si(unit, item.quantity) if unit else 1.0
        value = float(from_si(item.value, unit, item.quantity)) if unit else item.value
        origin = "fit" if item.of == "fit" else item.of
        rows.append(
            (_name(item.name), _number(value, item.sigma / scale), _unit(unit, item.quantity), origin, item.text)
        )
    if result.fit is not None:
        names = set(result.fit.joint.model.parameters.names) & set(result.fit.result.free_names)
        for parameter in result.fit.result.parameters:
            if parameter.name in names:
                number = _fitted(result.fit, parameter)
                rows.append(
                    (
                        parameter.name,
                        number,
                        _unit(parameter.unit, parameter.quantity),
                        "fit",
                        "free parameter of the model",
                    )
                )
    if not rows:
        return None
    return Table("Key numbers", ("quantity", "value", "unit", "from", "meaning"), tuple(rows), numeric=(1,))


def merit_table(result: StudyResult) -> Table | None:
    """Figures of merit of the crystal beside known pyroelectrics; None where none were asked for."""
    if not result.figures_of_merit:
        return None
    from labile.techniques.pyroelectricity.merit import COLUMNS

    note = "A dash: a property of the material that is not known. References at room temperature."
    return Table(
        "Figures of merit of pyroelectrics", COLUMNS, result.figures_of_merit, note, tuple(range(1, len(COLUMNS) - 1))
    )


def parameter_table(result: StudyResult) -> Table | None:
    """Every parameter: value with s.u., unit, role, bounds, prior, source."""
    if result.fit is None:
        return None
    fitted = result.fit.result
    rows = []
    for parameter in fitted.parameters:
        unit = parameter.unit
        scale = scale_to_si(unit, parameter.quantity) if unit else 1.0
        role = "fixed" if parameter.fixed else f"tied to {parameter.tie.to}" if parameter.tie else "free"
        if parameter.name in fitted.at_bound:
            role += ", on its bound"
        prior = ""
        if parameter.prior is not None:
            mean = _number(_shown(parameter.prior.mean, parameter), None)
            prior = f"{mean}\u00a0±\u00a0{_number(parameter.prior.sigma / scale, None, digits=3)}"
        bounds = _bounds(parameter) if parameter.free else ""
        number = _fitted(result.fit, parameter)
        rows.append((parameter.name, number, _unit(unit, parameter.quantity), role, bounds, prior, parameter.source))
    return Table(
        "Parameters",
        ("parameter", "value", "unit", "role", "bounds", "prior", "source"),
        tuple(rows),
        "Digits in parentheses are the standard uncertainty of the last digits. Differences are (state) − (reference"
        f" state {result.fit.joint.model.state_names[0]}); enthalpies are per mole at ambient pressure.",
        numeric=(1,),
    )


def correlation_table(result: StudyResult) -> Table | None:
    """Pairs of free parameters with a correlation of at least 0.9 in magnitude."""
    if result.fit is None:
        return None
    names, matrix = result.fit.result.free_names, result.fit.result.correlation
    pairs = [
        (names[j], names[i], float(matrix[i, j]))
        for i in range(len(names))
        for j in range(i)
        if math.isfinite(matrix[i, j]) and abs(matrix[i, j]) >= STRONG
    ]
    pairs.sort(key=lambda pair: -abs(pair[2]))
    rows = tuple((first, second, f"{rho:+.3f}".replace("-", "−")) for first, second, rho in pairs)
    note = "" if rows else f"No pair of free parameters reaches {STRONG:g}."
    caption = f"Correlations of magnitude {STRONG:g} and more"
    return Table(caption, ("parameter", "with", "correlation"), rows, note, numeric=(2,))


def comparison_table(result: StudyResult) -> Table | None:
    """Compared models: chi2, N, k, BIC, AICc or why there is none."""
    if not result.comparisons:
        return None
    counts = {row.n for row in result.comparisons}
    rows = []
    for row in result.comparisons:
        aicc = f"{row.aicc:.2f}" if row.aicc is not None else row.aicc_note or "not defined"
        worst = "; ".join(f"{label} ({value:+.1f}σ)".replace("-", "−") for label, value in row.worst[:4])
        state = "converged" if row.converged else row.message
        rows.append(
            (
                row.name,
                f"{row.chi2:.2f}",
                str(row.n),
                str(row.k),
                f"{row.bic:.2f}",
                f"{row.delta_bic:.2f}",
                aicc,
                state,
                worst,
            )
        )
    differing = " N differs between the models, so their criteria cannot be compared." if len(counts) > 1 else ""
    return Table(
        "Models compared on the same data",
        ("model", "χ²", "N", "k", "BIC", "ΔBIC", "AICc", "status", "misses by more than 2σ"),
        tuple(rows),
        "“model” is that of this study. BIC = χ² + k ln N. AICc is defined only where N > k + 1. N counts data, not"
        " priors; k counts free parameters." + differing,
        numeric=(1, 2, 3, 4, 5),
    )


def compared_parameters_table(result: StudyResult) -> Table | None:
    """What every compared model makes of parameters that are free in any of them; None where nothing is compared."""
    if result.fit is None or not result.comparison_fits:
        return None
    fits = {result.comparisons[0].name: result.fit} | dict(result.comparison_fits)
    free = dict.fromkeys(name for fit in fits.values() for name in fit.result.free_names)
    rows = []
    for name in free:
        owners = [fit for fit in fits.values() if name in fit.result.parameters.names]
        first = owners[0].result.parameters[name]
        cells = [
            _fitted(fit, fit.result.parameters[name]) + _role(fit, name) if fit in owners else ""
            for fit in fits.values()
        ]
        rows.append((name, _unit(first.unit, first.quantity), *cells))
    return Table(
        "Parameters in every model",
        ("parameter", "unit", *fits),
        tuple(rows),
        "Those that are free in at least one of the models; blank where a model does not have it.",
        numeric=tuple(range(2, 2 + len(fits))),
    )


def _role(fit: JointFit, name: str) -> str:
    """What to add to a value that was not simply fitted."""
    if fit.result.parameters[name].fixed:
        return " fixed"
    return " on its bound" if name in fit.result.at_bound else ""


def technique_table(result: StudyResult) -> Table | None:
    """chi2 by technique."""
    if not result.evaluations:
        return None
    rows = []
    for technique in dict.fromkeys(e.technique for e in result.evaluations):
        own = [e for e in result.evaluations if e.technique == technique]
        rows.append((technique or "other", *_scores(own)))
    if result.fit is not None:
        fitted = result.fit.result
        residuals = fitted.by_block()
        for kind, name in (("jump", "positions of jumps"), ("prior", "priors (no data)")):
            own_blocks = [residuals[block.name] for block in fitted.blocks if block.kind == kind]
            if own_blocks:
                r = np.concatenate(own_blocks)
                largest = f"{np.max(np.abs(r)):.2f}"
                rows.append((name, str(r.size), f"{r @ r:.2f}", f"{r @ r / r.size:.2f}", largest))
        chi2 = fitted.chi2
        rows.append(("all", str(fitted.residuals.size), f"{chi2:.2f}", f"{chi2 / fitted.residuals.size:.2f}", ""))
    return Table(
        "Agreement by technique",
        ("technique", "N", "χ²", "χ²/N", "largest residual"),
        tuple(rows),
        numeric=(1, 2, 3, 4),
    )


def objective_table(result: StudyResult) -> Table | None:
    """chi2 of every measurement, with its noise scale."""
    if result.fit is None:
        return None
    measured = {o.label for o in result.fit.joint.objectives if o.measurement is not None}
    rows = []
    for e in result.evaluations:
        if e.label in measured:
            scale = result.fit.noise_scales.get(e.label)
            noise = "1 (fixed)" if scale is None else format_uncertain(*scale)
            rows.append((e.label, e.technique, e.branch, *_scores([e]), noise))
    if not rows:
        return None
    return Table(
        "Agreement by measurement",
        ("measurement", "technique", "branch", "N", "χ²", "χ²/N", "largest residual", "noise scale"),
        tuple(rows),
        numeric=(3, 4, 5, 6, 7),
    )


def statement_table(result: StudyResult) -> Table | None:
    """What papers state, what the model predicts and the weighted residual."""
    if result.fit is None:
        return None
    rows = []
    for objective, e in zip(result.fit.joint.objectives, result.evaluations, strict=True):
        statement = objective.statement
        if statement is None:
            continue
        unit = field_unit(e.quantity)
        scale = scale_to_si(unit, e.quantity) if unit else 1.0
        sign = {-1: "<", 0: "", 1: ">"}[int(e.limits[0])]
        stated = sign + _number(e.observed[0] / scale, e.sigma[0] / scale)
        predicted = _number(e.predicted[0] / scale, None, digits=4)
        residual = f"{e.residuals[0]:+.2f}".replace("-", "−")
        said = statement.text or statement.kind.replace("_", " ")
        rows.append(
            (e.label, said, _where(statement), stated, predicted, _unit(unit, e.quantity), residual, statement.source)
        )
    if not rows:
        return None
    return Table(
        "Statements of the literature against the model",
        ("statement", "what is said", "where", "stated", "model", "unit", "residual/σ", "source"),
        tuple(rows),
        numeric=(3, 4, 6),
    )


def measurement_table(result: StudyResult) -> Table | None:
    """What was measured: quantity, points, values at both ends of temperature, branch, common causes."""
    rows = []
    for m in result.measurements:
        ends = ("", "")
        if m.axis is None:
            low, high = int(np.argmin(m.temperature)), int(np.argmax(m.temperature))
            ends = (_point(m, low), _point(m, high))
        name = m.label if m.sample in ("sample", m.label) else f"{m.label} ({m.sample})"
        shifts = ", ".join(term.name for term in m.correlated)
        origin = "simulated" if is_simulated(m) else "measured"
        technique = result.techniques.get(result.groups.get(m.label, m.label), "")
        rows.append((name, technique, _name(m.quantity), str(len(m)), *ends, m.branch, shifts, origin))
    if not rows:
        return None
    shared = "Common causes (mass, area) move all points of a measurement together; they are parameters, not noise."
    return Table(
        "Measurements",
        (
            "measurement",
            "technique",
            "quantity",
            "points",
            "at the lowest T",
            "at the highest T",
            "branch",
            "common causes",
            "origin",
        ),
        tuple(rows),
        shared if any(m.correlated for m in result.measurements) else "",
        numeric=(3,),
    )


def source_table(result: StudyResult) -> Table | None:
    """Files and citations the numbers come from."""
    seen: dict[tuple[str, str], tuple[str, ...]] = {}
    for m in result.measurements:
        p = m.provenance
        options = ", ".join(f"{key} = {value}" for key, value in p.options.items())
        row = (p.source or "values in the manifest", p.reader, options, p.sha256)
        seen.setdefault((row[0], row[2]), row)
    return Table("Files", ("source", "reader", "options", "sha256"), tuple(seen.values())) if seen else None


def is_simulated(measurement: Measurement) -> bool:
    """Whether a measurement says that it was simulated, in its attributes or its provenance."""
    provenance = measurement.provenance
    told = (provenance.reader, provenance.source, str(measurement.attributes.get("origin", "")), *provenance.steps)
    return any("simulat" in text.lower() for text in told)


def _scores(evaluations: Sequence[Evaluation]) -> tuple[str, str, str, str]:
    n = sum(e.n for e in evaluations)
    chi2 = sum(e.chi2 for e in evaluations)
    largest = max((float(np.max(np.abs(e.residuals))) for e in evaluations if e.n), default=math.nan)
    return str(n), f"{chi2:.2f}", f"{chi2 / n:.2f}" if n else "", f"{largest:.2f}"


def _where(statement: Any) -> str:
    if statement.kind == "difference":
        first, second = statement.temperatures
        return f"{first:g} K to {second:g} K"
    if statement.temperatures:
        return f"{statement.temperatures[0]:g} K"
    return f"{statement.window[0]:g} to {statement.window[1]:g} K" if statement.window else ""


def _shown(value: float, parameter: Parameter) -> float:
    return float(from_si(value, parameter.unit, parameter.quantity)) if parameter.unit else value


def _fitted(fit: JointFit, parameter: Parameter) -> str:
    """Fitted value with its s.u. in the parameter's unit."""
    fitted = fit.result
    scale = scale_to_si(parameter.unit, parameter.quantity) if parameter.unit else 1.0
    value = _shown(fitted.value(parameter.name), parameter)
    if parameter.name in fitted.undetermined:
        return f"{_number(value, None)} (not determined)"
    return _number(value, fitted.sigma_of(parameter.name) / scale)


def _bounds(parameter: Parameter) -> str:
    low, high = (
        _shown(bound, parameter) if math.isfinite(bound) else bound for bound in (parameter.lower, parameter.upper)
    )
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f"≥ {_number(low, None)}"
    return f"≤ {_number(high, None)}" if math.isinf(low) else f"{_number(low, None)}\u00a0to\u00a0{_number(high, None)}"


def _point(measurement: Measurement, index: int) -> str:
    value, _, temperature = measurement.describe_point(index).rpartition(" at ")
    return f"{value} at {temperature}".replace(" ", "\u00a0").replace("\u00a0at\u00a0", " at\u00a0").replace("-", "−")


def _unit(unit: str, quantity: str = "") -> str:
    """Unit for a table, not broken over lines."""
    return shown_unit(unit, quantity).replace(" ", "\u00a0")


def _name(name: str) -> str:
    """Symbol of a known quantity, else the name in plain words."""
    return QUANTITIES[name].symbol if name in QUANTITIES else name.replace("_", " ")


def _number(value: float, sigma: float | None, digits: int = 6) -> str:
    """Value with s.u., powers of ten written out, typographic minus."""
    known = sigma is not None and math.isfinite(sigma) and sigma > 0
    text = format_uncertain(value, sigma) if known or not math.isfinite(value) else f"{value:.{digits}g}"
    superscripts = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    text = re.sub(r"e([+-])0*(\d+)", lambda m: "·10" + (m[1].replace("+", "") + m[2]).translate(superscripts), text)
    return text.replace("-", "−")


def diagram_tables(result: StudyResult) -> list[Table]:
    """Lines and experimental points of every diagram of states, rates and findings of the others."""
    tables = []
    for one in result.diagrams:
        if not isinstance(one, StudyDiagram):
            tables += _light_tables(one)
            continue
        if one.lines is not None and one.lines.lines:
            rows = [
                (line.label, line.kind.replace("_", " "), *(_end(line, k) for k in (0, -1))) for line in one.lines.lines
            ]
            tables.append(Table(f"Lines of {one.title}", ("Line", "Kind", "Begins at", "Ends at"), tuple(rows)))
        if one.verdicts:
            columns = ("Observation", "T / K", "P / kbar", "Light", "Assigned", "In the model", "Why", "Source")
            points = tuple(
                (
                    v.point.label, f"{v.point.temperature:g}", f"{from_si(v.point.pressure, 'kbar', 'pressure'):.4g}",
                    "yes" if v.point.light else "", v.point.assigned, v.verdict, v.text,
                    "; ".join(filter(None, (v.point.text, v.point.source))),
                )
                for v in one.verdicts
            )  # fmt: skip
            bad = sum(not v.consistent for v in one.verdicts)
            note = f"{bad} of {len(points)} observations are impossible in this model." if bad else ""
            tables.append(Table(f"Observations on {one.title}", columns, points, note, (1, 2)))
    return tables


def _light_tables(one: StudyLifetimes | StudySteadyStates) -> list[Table]:
    kinetics, rows = one.settings.kinetics, []
    for name, value in kinetics.values.items():
        parameter = kinetics.kinetic.parameters[name]
        unit = field_unit(parameter.quantity) or "1"
        shown = f"{from_si(value, unit, parameter.quantity):.6g} {pretty_unit(unit)}".strip()
        rows.append((name, shown, kinetics.sources.get(name, "")))
    note = "Stated, not fitted. " + " ".join(f"{text[:1].upper()}{text[1:]}." for text in one.told())
    return [Table(f"Rates of {one.title}", ("Parameter", "Value", "Source"), tuple(rows), note, (1,))]


def _end(line: BoundaryLine, k: int) -> str:
    pressure = float(from_si(line.pressure[k], "kbar", "pressure"))
    return f"{line.ends[k]} ({line.temperature[k]:.5g} K, {pressure:.4g} kbar)"
