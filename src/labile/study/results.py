"""What a finished study holds, and its documented `results.json` (see docs/results_schema.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.material import Material
from labile.core.measurement import Measurement, Provenance
from labile.core.units import field_unit, from_si, scale_to_si, si_unit

if TYPE_CHECKING:
    from labile.fitting.result import FitResult
    from labile.inference.comparison import ComparisonRow
    from labile.inference.findings import Finding
    from labile.inference.joint_fit import Curve, Evaluation, JointFit
    from labile.inference.objective import Objective
    from labile.inference.spectral_maps import Explained
    from labile.models.free_energy import Model
    from labile.study.diagram import AnyDiagram
    from labile.techniques.pyroelectricity.planning import ExpectedRun

SCHEMA_VERSION = 1
"""Of `results.json`; raised whenever a field is renamed, removed or changes its meaning."""


@dataclass(frozen=True)
class Citation:
    """One method, model, program or data source that the study used.

    Attributes
    ----------
    key : str
        BibTeX key.
    doi : str
        Without a resolver prefix; empty where there is none.
    used_for : str
        What it contributed, a few words.
    bibtex : str
        The complete entry.
    """

    key: str
    doi: str
    used_for: str
    bibtex: str


@dataclass(frozen=True)
class Derived:
    """A number computed from the fitted parameters or from reduced data.

    Attributes
    ----------
    name : str
        ``"t_half_up"``, ``"hysteresis_width"``, ``"V.population at 300 K"``.
    quantity : str
        Key of `core.units.QUANTITIES`.
    value, sigma : float
        SI; sigma NaN where it was not computed, value NaN where it does not exist.
    of : str
        ``"fit"`` or the label of the measurement it was read from.
    text : str
        One plain sentence.
    """

    name: str
    quantity: str
    value: float
    sigma: float
    of: str
    text: str = ""


@dataclass(frozen=True)
class StatementPoint:
    """One statement of a paper as a panel shows it.

    Attributes
    ----------
    label : str
        Of its objective.
    kind : str
        As `Statement.kind`.
    temperatures : tuple of float
        K; the temperatures it speaks of, or the ends of its window.
    value, sigma : float
        SI of `quantity`.
    quantity : str
        The panel's quantity, or a temperature for positions and transitions.
    limit : int
        -1 "less than", +1 "more than", 0 "equals".
    predicted : float
        SI; NaN where the model could not say.
    text, source : str
    """

    label: str
    kind: str
    temperatures: tuple[float, ...]
    value: float
    sigma: float
    quantity: str
    limit: int
    predicted: float
    text: str = ""
    source: str = ""


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture: everything known about one quantity of one technique on one temperature axis.

    Attributes
    ----------
    key : str
        File-safe name, unique in the study: ``"chi_t"``, ``"pyroelectric_coefficient"``.
    title : str
    technique : str
    quantity : str
    unit : str
        To draw in.
    measurements : tuple of Measurement
        Data points (SI inside); `branch` says heating, cooling or equilibrium.
    statements : tuple of StatementPoint
    curves : tuple of Curve
        Predictions with their 1-sigma band (SI inside); NaN where a point did not converge. Empty without a fit.
    """

    key: str
    title: str
    technique: str
    quantity: str
    unit: str
    measurements: tuple[Measurement, ...] = ()
    statements: tuple[StatementPoint, ...] = ()
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything `labile run` found; report, figures and tables only draw and write what is in here.

    Attributes
    ----------
    title, notes : str
    authors, references : tuple of str
    manifest_name, manifest_text : str
        File name and exact text of the manifest that was run.
    key : str
        sha256 over manifest, data files and version; equal keys mean equal results.
    sections : tuple of str
        Sections of the report in order; empty means all of them.
    material : Material or None
    model : Model or None
        None (as `fit`) in a study that only reduces data.
    fit : JointFit or None
    evaluations : tuple of Evaluation
        One per objective of the fit.
    comparisons : tuple of ComparisonRow
        The study's own model first; empty when nothing was compared.
    comparison_fits : mapping of str to JointFit
        By name, the study's own model not included.
    findings : tuple of Finding
    panels : tuple of Panel
    populations : mapping of str to mapping of str to Curve
        branch -> state -> curve. One branch ``"equilibrium"``, or ``"heating"`` and ``"cooling"``.
    measurements : tuple of Measurement
        Reduced, in the order of the manifest, whether they were fitted or not.
    techniques : mapping of str to str
        Label of each measurement, of each of its parts and of each group of statements to its technique.
    groups : mapping of str to str
        Label of each objective to the label of the ``[[measurement]]`` it comes from.
    derived : tuple of Derived
    citations : tuple of Citation
    warnings : tuple of str
    versions : mapping of str to str
        Python, labile and the libraries that computed.
    created : str
        ISO 8601, UTC.
    expected_runs : tuple of ExpectedRun
        Pyroelectric current that the model predicts for an electrode and a rate; simulated.
    figures_of_merit : tuple of tuple of str
        Rows of the comparison with known pyroelectrics.
    diagrams : tuple of AnyDiagram
    explained : mapping of str to Explained
        Pure spectra and amounts of every measurement of spectra that was fitted, by label.
    timing : mapping of str to float
        Seconds per stage.
    """

    title: str
    manifest_name: str
    manifest_text: str
    key: str
    authors: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    notes: str = ""
    sections: tuple[str, ...] = ()
    material: Material | None = None
    model: Model | None = None
    fit: JointFit | None = None
    evaluations: tuple[Evaluation, ...] = ()
    comparisons: tuple[ComparisonRow, ...] = ()
    comparison_fits: Mapping[str, JointFit] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    panels: tuple[Panel, ...] = ()
    populations: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    techniques: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    citations: tuple[Citation, ...] = ()
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    expected_runs: tuple[ExpectedRun, ...] = ()
    figures_of_merit: tuple[tuple[str, ...], ...] = ()
    diagrams: tuple[AnyDiagram, ...] = ()
    explained: Mapping[str, Explained] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the study's fit (if it has one) reached its minimum."""
        return self.fit is None or self.fit.result.converged

    def to_dict(self) -> dict[str, Any]:
        """Results as plain JSON types by the schema of docs/results_schema.md."""
        return {
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "authors": list(self.authors),
            "references": list(self.references),
            "notes": self.notes,
            "created": self.created,
            "timing": dict(self.timing),
            "key": self.key,
            "manifest": {"name": self.manifest_name, "text": self.manifest_text},
            "versions": dict(self.versions),
            "material": _material(self.material),
            "model": _model(self.model),
            "fit": None if self.fit is None else _fit(self.fit),
            "derived": [_derived(item) for item in self.derived],
            "measurements": [
                self._measurement_group(label)
                for label in dict.fromkeys(self.groups.get(label, label) for label in self.techniques)
            ],
            "techniques": self._techniques(),
            "comparison": [_comparison(row, self.comparison_fits.get(row.name)) for row in self.comparisons],
            "findings": [
                {"kind": f.kind, "title": f.title, "text": f.text, "numbers": plain(dict(f.numbers))}
                for f in self.findings
            ],
            "diagrams": [one.to_dict() for one in self.diagrams],
            "citations": [
                {"key": c.key, "doi": c.doi, "used_for": c.used_for, "bibtex": c.bibtex} for c in self.citations
            ],
            "warnings": list(self.warnings),
        }

    def to_json(self) -> str:
        """`to_dict` as strict JSON text: numbers that do not exist are null, never NaN."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _of_group(self, label: str) -> list[Evaluation]:
        return [e for e in self.evaluations if self.groups.get(e.label, e.label) == label]

    def _measurement_group(self, label: str) -> dict[str, Any]:
        evaluations = self._of_group(label)
        scales = {} if self.fit is None else self.fit.noise_scales
        parts = [m for m in self.measurements if self.groups.get(m.label, m.label) == label]
        objectives = {} if self.fit is None else {o.label: o for o in self.fit.joint.objectives}
        return {
            "label": label,
            "technique": self.techniques[label],
            "n": sum(e.n for e in evaluations),
            "chi2": number(sum(e.chi2 for e in evaluations)) if evaluations else None,
            "fitted": bool(evaluations),
            "parts": [_measurement(m) for m in parts],
            "objectives": [_evaluation(e, objectives[e.label], scales.get(e.label)) for e in evaluations],
        }

    def _techniques(self) -> list[dict[str, Any]]:
        rows = []
        for technique in dict.fromkeys(self.techniques.values()):
            own = [e for e in self.evaluations if e.technique == technique]
            if own:
                rows.append(
                    {"technique": technique, "n": sum(e.n for e in own), "chi2": number(sum(e.chi2 for e in own))}
                )
        return rows

    def __repr__(self) -> str:
        head = f"<StudyResult {self.title!r}: {len(self.techniques)} measurements, {len(self.findings)} findings>"
        return head if self.fit is None else f"{head}\n{self.fit.result!r}"

    def _repr_html_(self) -> str:
        import html

        found = "".join(f"<li><b>{html.escape(f.title)}</b>: {html.escape(f.text)}</li>" for f in self.findings)
        warned = "".join(f"<li>{html.escape(w)}</li>" for w in self.warnings)
        table = "" if self.fit is None else self.fit.result._repr_html_()
        data = "".join(m._repr_html_() for m in self.measurements) if self.fit is None else ""
        numbers = "".join(f"<li>{html.escape(item.text)}</li>" for item in self.derived if item.text)
        return (
            f"<h3>{html.escape(self.title)}</h3>"
            + (f"<ul>{numbers}</ul>" if numbers else "")
            + f"{table}{data}"
            + (f"<p>Findings</p><ul>{found}</ul>" if found else "")
            + (f"<p>Warnings</p><ul>{warned}</ul>" if warned else "")
        )


def number(value: Any) -> float | None:
    """A float for strict JSON: None when it is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Arrays, numpy scalars, tuples and mappings as JSON types; numbers that are not finite as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return number(value)
    return value


def _material(material: Material | None) -> dict[str, Any] | None:
    if material is None:
        return None
    return {
        "formula": material.formula,
        "molar_mass_kg_per_mol": material.molar_mass if material.formula else None,
        "per": material.per,
        "sites": material.sites,
        "states": [
            {"name": s.name, "spin": s.spin, "degeneracy": s.degeneracy, "charge": s.charge} for s in material.states
        ],
        "phases": list(material.phases),
        "cell": None if material.cell is None else list(material.cell),
        "space_group": material.space_group,
        "polar_axis": material.polar_axis,
        "volume_per_formula_unit_m3": material.volume_per_formula_unit,
    }


def _model(model: Model | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {
        "name": model.name,
        "states": list(model.state_names),
        "assumptions": list(model.assumptions),
        "citations": list(model.citations),
    }


def parameter_rows(result: FitResult) -> list[dict[str, Any]]:
    """Every parameter of a fit in SI and in the unit given, as the schema lists it."""
    rows = []
    for parameter, value in zip(result.parameters, result.parameters.values, strict=True):
        sigma = result.sigma_of(parameter.name)
        unit = parameter.unit or "1"
        known = bool(parameter.unit)
        factor = scale_to_si(unit, parameter.quantity) if known else 1.0
        free = parameter.free
        rows.append(
            {
                "name": parameter.name,
                "quantity": parameter.quantity,
                "value_si": number(value),
                "sigma_si": number(sigma),
                "unit_si": si_unit(parameter.quantity) or "1",
                "value": number(from_si(float(value), unit, parameter.quantity) if known else value),
                "sigma": number(sigma / factor),
                "unit": unit,
                "role": "fixed" if parameter.fixed else "tied" if parameter.tie else "free",
                "tied_to": parameter.tie.to if parameter.tie else None,
                "lower_si": number(parameter.lower),
                "upper_si": number(parameter.upper),
                "prior_si": None
                if parameter.prior is None
                else {"mean": parameter.prior.mean, "sigma": parameter.prior.sigma},
                "at_bound": parameter.name in result.at_bound,
                "determined": not (free and parameter.name in result.undetermined),
                "source": parameter.source,
            }
        )
    return rows


def _fit(fit: JointFit) -> dict[str, Any]:
    result = fit.result
    return {
        "status": result.status.name.lower(),
        "converged": result.converged,
        "message": result.message,
        "chi2": number(result.chi2),
        "n": result.n_data,
        "k": result.n_free,
        "degrees_of_freedom": result.degrees_of_freedom,
        "bic": number(result.bic),
        "aicc": None if result.aicc is None else number(result.aicc),
        "starts_chi2": plain(result.starts),
        "iterations": result.iterations,
        "evaluations": result.evaluations,
        "parameters": parameter_rows(result),
        "free_parameters": list(result.free_names),
        "covariance_si": plain(result.covariance),
        "correlation": plain(result.correlation),
        "warnings": list(fit.warnings),
    }


def _derived(item: Derived) -> dict[str, Any]:
    unit = field_unit(item.quantity) or "1"
    known = bool(field_unit(item.quantity))
    return {
        "name": item.name,
        "quantity": item.quantity,
        "of": item.of,
        "value_si": number(item.value),
        "sigma_si": number(item.sigma),
        "unit_si": si_unit(item.quantity) or "1",
        "value": number(from_si(item.value, unit, item.quantity) if known else item.value),
        "sigma": number(item.sigma / (scale_to_si(unit, item.quantity) if known else 1.0)),
        "unit": unit,
        "text": item.text,
    }


def provenance_dict(provenance: Provenance) -> dict[str, Any]:
    """Provenance as the schema lists it."""
    return {
        "source": provenance.source,
        "sha256": provenance.sha256,
        "reader": provenance.reader,
        "options": dict(provenance.options),
        "steps": list(provenance.steps),
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "label": measurement.label,
        "quantity": measurement.quantity,
        "unit": measurement.unit,
        "unit_si": si_unit(measurement.quantity),
        "n": len(measurement),
        "branch": measurement.branch,
        "sample": measurement.sample,
        "temperature_range_K": [float(measurement.temperature.min()), float(measurement.temperature.max())],
        "correlated_uncertainties": [term.name for term in measurement.correlated],
        "provenance": provenance_dict(measurement.provenance),
    }


def _evaluation(evaluation: Evaluation, objective: Objective, scale: tuple[float, float] | None) -> dict[str, Any]:
    statement = objective.statement
    return {
        "label": evaluation.label,
        "kind": "data" if statement is None else statement.kind,
        "n": evaluation.n,
        "chi2": number(evaluation.chi2),
        "noise_scale": None if scale is None else {"value": number(scale[0]), "sigma": number(scale[1])},
        "temperature_K": plain(evaluation.temperature),
        "observed_si": plain(evaluation.observed),
        "sigma_si": plain(evaluation.sigma),
        "predicted_si": plain(evaluation.predicted),
        "weighted_residuals": plain(evaluation.residuals),
        "limit": 0 if statement is None else statement.limit,
        "text": evaluation.text,
        "source": "" if statement is None else statement.source,
    }


def _comparison(row: ComparisonRow, fit: JointFit | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "chi2": number(row.chi2),
        "n": row.n,
        "k": row.k,
        "bic": number(row.bic),
        "delta_bic": number(row.delta_bic),
        "aicc": None if row.aicc is None else number(row.aicc),
        "aicc_note": row.aicc_note,
        "converged": row.converged,
        "message": row.message,
        "worst": [{"label": label, "weighted_residual": number(value)} for label, value in row.worst],
        "parameters": [] if fit is None else parameter_rows(fit.result),
    }


def all_curves(result: StudyResult) -> Iterable[Curve]:
    """Every curve of the panels and of the populations, in order."""
    for panel in result.panels:
        yield from panel.curves
    for states in result.populations.values():
        yield from states.values()
