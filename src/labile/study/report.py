"""`report.html`, readable by a chemist and complete in one file, and the figures of a study."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.uncertain import format_uncertain
from labile.plots import palette
from labile.study.report_tables import (
    compared_parameters_table,
    comparison_table,
    correlation_table,
    diagram_tables,
    is_simulated,
    key_numbers,
    measurement_table,
    merit_table,
    objective_table,
    parameter_table,
    source_table,
    statement_table,
    technique_table,
)
from labile.study.results import StatementPoint, StudyResult
from labile.study.tables import slug

if TYPE_CHECKING:
    from markupsafe import Markup

    from labile.core.measurement import Measurement
    from labile.plots.figure import Figure

SECTIONS = (
    "summary", "findings", "figures", "diagrams", "parameters", "comparison", "data", "provenance", "citations",
)  # fmt: skip
"""In their usual order; a manifest may choose among them and reorder them."""
DARK_COLOURS = {
    palette.INK: "#e4e7eb",
    palette.GRID: "#3e4c59",
    palette.MUTED: "#9aa5b1",
    palette.BLUE: "#4ba3dc",
    palette.VERMILION: "#f0803c",
}
"""What the colours of the figures become on a dark page."""
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:?\s*)?(10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;)])")
_BREAK = re.compile(r"(?<=[A-Za-z])([._])(?=[A-Za-z])")


def write_report(result: StudyResult, folder: Path | str) -> Path:
    """Write ``report.html`` into an existing folder.

    Parameters
    ----------
    result : StudyResult
    folder : path

    Returns
    -------
    Path
        Of the report: one file that asks for nothing from the network and works from a local disk.
    """
    path = Path(folder) / "report.html"
    path.write_text(report_html(result), encoding="utf-8")
    return path


def write_figures(result: StudyResult, folder: Path | str) -> list[Path]:
    """Write every figure as ``figures/<key>.svg`` and ``figures/<key>.pdf``, the same bytes for the same result.

    Parameters
    ----------
    result : StudyResult
    folder : path
        Existing; ``figures`` is made inside.

    Returns
    -------
    list of Path
    """
    from labile.plots.matplotlib_renderer import save

    target = Path(folder) / "figures"
    target.mkdir(exist_ok=True)
    return [path for figure in study_figures(result) for path in save(figure, target)]


def study_figures(result: StudyResult) -> tuple[Figure, ...]:
    """Every figure of a study: data with model, populations, residuals, correlations, comparison.

    Parameters
    ----------
    result : StudyResult

    Returns
    -------
    tuple of Figure
        Their keys, the file names, are unique.
    """
    from labile.plots import charts

    figures = []
    jumps = _jumps(result)
    elsewhere = list(result.measurements)
    for panel in result.panels:
        along = [m for m in panel.measurements if m.axis is None and charts.varied([m]) == "temperature"]
        if not (along or panel.statements or panel.curves):
            continue
        shown = {m.label for m in along}
        elsewhere = [m for m in elsewhere if m.label not in shown]
        figures.append(
            charts.objective_figure(
                panel.key,
                panel.title,
                panel.quantity,
                panel.unit,
                measurements=along,
                statements=panel.statements,
                curves=panel.curves,
                evaluations=result.evaluations,
                technique=panel.technique,
                jumps=jumps,
            )
        )
    figures += charts.measurement_figures(elsewhere, result.techniques, result.evaluations)
    for m in elsewhere:
        if m.axis is not None:
            figures += _spectra(result, m)
    if densities := [m for m in result.measurements if m.quantity == "switching_density"]:
        from labile.plots.forc_charts import measured_density_figures

        figures += measured_density_figures(densities)
    if result.expected_runs:
        from labile.plots.pyroelectric_charts import expected_current_figure

        figures.append(expected_current_figure(result.expected_runs))
    if result.populations and result.model is not None:
        transitions = _transition_statements(result)
        figures.append(charts.population_figure(result.populations, result.model.state_names, transitions, jumps))
    figures += [figure for one in result.diagrams for figure in one.figures()]
    if result.evaluations:
        figures.append(charts.residual_figure(result.evaluations))
    if result.fit is not None and result.fit.result.n_free > 2:
        figures.append(charts.correlation_figure(result.fit.result.free_names, result.fit.result.correlation))
    if len(result.comparisons) > 1:
        figures.append(charts.comparison_figure(result.comparisons))
    return charts.with_unique_keys(figures)


def report_html(result: StudyResult) -> str:
    """Text of the report.

    Parameters
    ----------
    result : StudyResult

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from labile.plots import plotly_renderer

    environment = Environment(
        loader=PackageLoader("labile.study"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = _linked
    figures = [
        {
            "key": figure.key,
            "title": figure.panels[0].title,
            "caption": figure.caption,
            "alt": figure.alt or figure.caption,
            "height": plotly_renderer.figure_dict(figure)["layout"]["height"],
            # figure_json leaves no '<' or '&' that could end the script element
            "json": Markup(plotly_renderer.figure_json(figure)),
        }
        for figure in study_figures(result)
    ]
    by_place: dict[str, list[dict[str, Any]]] = {}
    for figure in figures:
        place = {"correlations": "parameters", "comparison": "comparison", "residuals": "data"}.get(figure["key"])
        if any(figure["key"].startswith(one.key) for one in result.diagrams):
            place = "diagrams"
        by_place.setdefault(place or "figures", []).append(figure)
    return environment.get_template("report.html.j2").render(
        result=result,
        sections=result.sections or SECTIONS,
        figures=by_place,
        verdict=_verdict(result),
        simulated=tuple(m.label for m in result.measurements if is_simulated(m)),
        key_numbers=key_numbers(result),
        figures_of_merit=merit_table(result),
        intervals=tuple(f for f in result.findings if f.kind == "interval"),
        parameters=parameter_table(result),
        correlations=correlation_table(result),
        comparison=comparison_table(result),
        compared_parameters=compared_parameters_table(result),
        diagram_tables=diagram_tables(result),
        techniques=technique_table(result),
        objectives=objective_table(result),
        statements=statement_table(result),
        measurements=measurement_table(result),
        sources=source_table(result),
        equations=_equations(result),
        weights=_weights(result),
        plotly_js=Markup(get_plotlyjs()),
        config=plotly_renderer.CONFIG,
        dark_colours=DARK_COLOURS,
    )


def _spectra(result: StudyResult, measurement: Measurement) -> tuple[Figure, ...]:
    """Figures of spectra: what the fit makes of them, or the spectra alone."""
    from labile.plots.spectral_fit_charts import plain_spectra_figure, spectra_figures

    key = slug(measurement.label)
    if measurement.label in result.explained:
        return spectra_figures(measurement, result.explained[measurement.label], key)
    return (plain_spectra_figure(measurement, key),)


def _jumps(result: StudyResult) -> dict[str, float]:
    """Where the fitted model jumps on each branch, K; nothing where a distribution or another pressure smears it."""
    if result.fit is None:
        return {}
    for objective in result.fit.joint.objectives:
        measured = objective.measurement
        pressure = objective.pressure if measured is None else float(measured.conditions.pressure[0])
        if objective.width or pressure != AMBIENT_PRESSURE:
            return {}
    switching = {item.name: item.value for item in result.derived if item.of == "fit" and math.isfinite(item.value)}
    if "t_half_up" not in switching and "t_half_down" not in switching:
        return {}
    branches = {"heating": "t_half_up", "cooling": "t_half_down", "equilibrium": "t_half"}
    return {branch: switching[name] for branch, name in branches.items() if name in switching}


def _transition_statements(result: StudyResult) -> tuple[StatementPoint, ...]:
    """Statements about the switching itself, which belong to no observable and are drawn with the populations."""
    if result.fit is None:
        return ()
    points = []
    for objective, e in zip(result.fit.joint.objectives, result.evaluations, strict=True):
        s = objective.statement
        if s is not None and s.is_transition and s.quantity == "temperature":
            predicted, limit = float(e.predicted[0]), int(e.limits[0])
            points.append(
                StatementPoint(e.label, s.kind, (), s.value, s.sigma, e.quantity, limit, predicted, s.text, s.source)
            )
    return tuple(points)


def _verdict(result: StudyResult) -> str:
    if result.fit is None and not result.measurements:
        return "This study has no data: its diagrams are computed from the model and its parameters as stated."
    if result.fit is None:
        points = sum(len(m) for m in result.measurements)
        count = "one measurement" if len(result.measurements) == 1 else f"{len(result.measurements)} measurements"
        return f"Reduced data of {count} ({points} points). No model was fitted in this study."
    fitted = result.fit.result
    freedom = fitted.degrees_of_freedom
    reduced = f", {fitted.chi2 / freedom:.2f} per degree of freedom" if freedom > 0 else ""
    name = result.fit.joint.model.name.replace("_", " ")
    ending = "The fit converged." if fitted.converged else f"The fit did not converge: {fitted.message}."
    return (
        f"One set of {fitted.n_free} free parameters of the model “{name}” was compared with {fitted.n_data} data:"
        f" χ² = {fitted.chi2:.2f}{reduced}. {ending}"
    )


def _equations(result: StudyResult) -> tuple[tuple[Markup, str], ...]:
    """Terms of the model's free energy: what each adds, and its parameters."""
    from markupsafe import Markup, escape

    if result.model is None:
        return ()
    rows = []
    for term in result.model.contributions:
        first = (type(term).__doc__ or type(term).__name__).strip().splitlines()[0]
        for symbol in ("g", "W_ab"):
            first = first.replace(f"{symbol} += ", f"{symbol} ← {symbol} + ")
        for written, meant in ((" - ", " − "), ("`", ""), ("Gamma", "Γ"), ("Delta ", "Δ")):
            first = first.replace(written, meant)
        names = ", ".join(p.name for p in term.parameters(result.model.states))
        rows.append((Markup(re.sub(r"\b([A-Z])_(\w+)", r"\1<sub>\2</sub>", str(escape(first)))), names))
    return tuple(rows)


def _weights(result: StudyResult) -> tuple[str, ...]:
    """What a weight means, for this study."""
    if result.fit is None:
        return ()
    sentences = [
        "A weighted residual is (observed − predicted)/σ with the standard uncertainty σ given with each value;"
        " χ² is the sum of their squares.",
        "A limit enters as √(−2 ln Φ(z)), z being how many σ the model keeps inside the limit.",
    ]
    if any(p.prior for p in result.fit.joint.parameters):
        sentences.append("A prior enters χ² as ((value − mean)/σ)² and is not counted as a datum.")
    if result.fit.noise_scales:
        scales = "; ".join(f"{label}: {format_uncertain(*scale)}" for label, scale in result.fit.noise_scales.items())
        sentences.append(f"The σ of these measurements were multiplied by a noise scale that was estimated: {scales}.")
    else:
        sentences.append("All noise scales are 1: σ was used as given.")
    sentences.append(
        "Uncertainties of parameters follow from these σ and are not rescaled by χ²; where χ²/N is far from 1, the σ"
        " given or the model are wrong."
    )
    return tuple(sentences)


def _linked(text: str) -> Markup:
    """Escaped text in which every DOI is a hyperlink and a long name may be broken after its dots and underscores."""
    from markupsafe import Markup, escape

    def plain(piece: str) -> Markup:
        return Markup(_BREAK.sub(r"\1<wbr>", str(escape(piece))))

    parts = []
    position = 0
    for match in _DOI.finditer(text):
        parts.append(plain(text[position : match.start()]))
        doi, end = match[1], match.end()
        if doi.count("(") > doi.count(")") and text[end : end + 1] == ")":
            doi, end = f"{doi})", end + 1
        parts.append(Markup('<a href="https://doi.org/{}" rel="noopener noreferrer">doi:{}</a>').format(doi, doi))
        position = end
    parts.append(plain(text[position:]))
    return Markup("").join(parts)
