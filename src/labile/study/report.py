"""`report.html`, readable by a chemist and complete in one file, and the figures of a study."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.uncertain import format_uncertain
from labile.core.units import QUANTITIES, field_unit, from_si, pretty_unit, scale_to_si
from labile.plots import palette
from labile.study.results import StatementPoint, StudyResult

if TYPE_CHECKING:
    from markupsafe import Markup

    from labile.core.measurement import Measurement
    from labile.core.parameters import Parameter
    from labile.inference.joint_fit import Evaluation
    from labile.plots.figure import Figure

SECTIONS = ("summary", "findings", "figures", "parameters", "comparison", "data", "provenance", "citations")
"""In their usual order; a manifest may choose among them and reorder them."""
STRONG = 0.9
"""|correlation| from which a pair is listed."""
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
            )
        )
    figures += charts.measurement_figures(elsewhere, result.techniques)
    if result.populations and result.model is not None:
        transitions = _transition_statements(result)
        figures.append(charts.population_figure(result.populations, result.model.state_names, transitions))
    if result.evaluations:
        figures.append(charts.residual_figure(result.evaluations))
    if result.fit is not None and result.fit.result.n_free > 1:
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
        by_place.setdefault(place or "figures", []).append(figure)
    return environment.get_template("report.html.j2").render(
        result=result,
        sections=result.sections or SECTIONS,
        figures=by_place,
        verdict=_verdict(result),
        simulated=tuple(m.label for m in result.measurements if is_simulated(m)),
        key_numbers=key_numbers(result),
        intervals=tuple(f for f in result.findings if f.kind == "interval"),
        parameters=parameter_table(result),
        correlations=correlation_table(result),
        comparison=comparison_table(result),
        techniques=technique_table(result),
        objectives=objective_table(result),
        statements=statement_table(result),
        measurements=measurement_table(result),
        sources=source_table(result),
        equations=_equations(result),
        weights=_weights(result),
        priors=bool(result.fit and any(p.prior for p in result.fit.joint.parameters)),
        plotly_js=Markup(get_plotlyjs()),
        config=plotly_renderer.CONFIG,
        dark_colours=DARK_COLOURS,
    )


def key_numbers(result: StudyResult) -> Table | None:
    """Derived numbers and the model's free parameters with standard uncertainties; None where there are none."""
    rows: list[tuple[str, ...]] = []
    for item in result.derived:
        unit = field_unit(item.quantity)
        scale = scale_to_si(unit, item.quantity) if unit else 1.0
        value = float(from_si(item.value, unit, item.quantity)) if unit else item.value
        origin = "fit" if item.of == "fit" else item.of
        rows.append((_name(item.name), _number(value, item.sigma / scale), _unit(unit), origin, item.text))
    if result.fit is not None:
        names = set(result.fit.joint.model.parameters.names) & set(result.fit.result.free_names)
        for parameter in result.fit.result.parameters:
            if parameter.name in names:
                number = _fitted(result, parameter)
                rows.append((parameter.name, number, _unit(parameter.unit), "fit", "free parameter of the model"))
    if not rows:
        return None
    return Table("Key numbers", ("quantity", "value", "unit", "from", "meaning"), tuple(rows), numeric=(1,))


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
        number = _fitted(result, parameter)
        rows.append((parameter.name, number, _unit(unit), role, bounds, prior, parameter.source))
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
        "BIC = χ² + k ln N. AICc is defined only where N > k + 1. N counts data, not priors; k counts free parameters."
        + differing,
        numeric=(1, 2, 3, 4, 5),
    )


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
        rows.append((e.label, said, _where(statement), stated, predicted, _unit(unit), residual, statement.source))
    if not rows:
        return None
    return Table(
        "Statements of the literature against the model",
        ("statement", "what is said", "where", "stated", "model", "unit", "residual/σ", "source"),
        tuple(rows),
        numeric=(3, 4, 6),
    )


def measurement_table(result: StudyResult) -> Table | None:
    """What was measured: quantity, points, range, branch, uncertainty."""
    if not result.measurements:
        return None
    rows = []
    for m in result.measurements:
        low, high = float(m.temperature.min()), float(m.temperature.max())
        span = f"{low:.4g} K" if high - low < 1e-3 * high else f"{low:.4g} to {high:.4g} K"
        sigma = m.sigma_in_unit()
        typical = "none given" if sigma is None else f"{np.median(sigma):.2g} {_unit(m.unit)}".strip()
        shifts = ", ".join(term.name for term in m.correlated)
        name = f"{_name(m.quantity)} / {_unit(m.unit)}" if _unit(m.unit) else _name(m.quantity)
        rows.append(
            (m.label, result.techniques.get(m.label, ""), m.sample, name,
             str(len(m)), span, m.branch, typical, shifts, "simulated" if is_simulated(m) else "measured")
        )  # fmt: skip
    return Table(
        "Measurements",
        (
            "measurement",
            "technique",
            "sample",
            "quantity",
            "points",
            "temperature",
            "branch",
            "median σ",
            "common causes",
            "origin",
        ),
        tuple(rows),
        "Common causes (mass, area) move all points of a measurement together; they are parameters, not noise.",
        numeric=(4,),
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


def _transition_statements(result: StudyResult) -> tuple[StatementPoint, ...]:
    """Statements about the switching itself, which belong to no observable and are drawn with the populations."""
    if result.fit is None:
        return ()
    points = []
    for objective, e in zip(result.fit.joint.objectives, result.evaluations, strict=True):
        s = objective.statement
        if s is not None and s.is_transition:
            predicted, limit = float(e.predicted[0]), int(e.limits[0])
            points.append(
                StatementPoint(e.label, s.kind, (), s.value, s.sigma, e.quantity, limit, predicted, s.text, s.source)
            )
    return tuple(points)


def _verdict(result: StudyResult) -> str:
    if result.fit is None:
        points = sum(len(m) for m in result.measurements)
        count = len(result.measurements)
        return f"Reduced data of {count} measurements ({points} points). No model was fitted in this study."
    fitted = result.fit.result
    freedom = fitted.degrees_of_freedom
    reduced = f", {fitted.chi2 / freedom:.2f} per degree of freedom" if freedom > 0 else ""
    name = result.fit.joint.model.name.replace("_", " ")
    ending = "The fit converged." if fitted.converged else f"The fit did not converge: {fitted.message}."
    return (
        f"One set of {fitted.n_free} free parameters of the model “{name}” was compared with {fitted.n_data} data:"
        f" χ² = {fitted.chi2:.2f}{reduced}. {ending}"
    )


def _equations(result: StudyResult) -> tuple[tuple[str, str], ...]:
    """Terms of the model's free energy: what each adds, and its parameters."""
    if result.model is None:
        return ()
    rows = []
    for term in result.model.contributions:
        first = (type(term).__doc__ or type(term).__name__).strip().splitlines()[0]
        for symbol in ("g", "W_ab"):
            first = first.replace(f"{symbol} += ", f"{symbol} ← {symbol} + ")
        names = ", ".join(p.name for p in term.parameters(result.model.states))
        rows.append((first.replace(" - ", " − ").replace("`", ""), names))
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


def _fitted(result: StudyResult, parameter: Parameter) -> str:
    """Fitted value with its s.u. in the parameter's unit."""
    assert result.fit is not None
    fitted = result.fit.result
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


def _unit(unit: str) -> str:
    """Unit for a table, not broken over lines."""
    return pretty_unit(unit).replace(" ", "\u00a0")


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


def _linked(text: str) -> Markup:
    """Escaped text in which every DOI is a hyperlink and a long name may be broken after its dots and underscores."""
    from markupsafe import Markup, escape

    def plain(piece: str) -> Markup:
        return Markup(_BREAK.sub(r"\1<wbr>", str(escape(piece))))

    parts = []
    position = 0
    for match in _DOI.finditer(text):
        parts.append(plain(text[position : match.start()]))
        doi = match[1]
        parts.append(Markup('<a href="https://doi.org/{}" rel="noopener noreferrer">doi:{}</a>').format(doi, doi))
        position = match.end()
    parts.append(plain(text[position:]))
    return Markup("").join(parts)
