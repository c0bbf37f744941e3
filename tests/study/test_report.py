import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from labile.core.conditions import Conditions, Path
from labile.core.material import Material
from labile.core.measurement import Measurement, Provenance
from labile.core.parameters import Prior
from labile.core.units import to_si
from labile.inference.comparison import compare
from labile.inference.findings import findings
from labile.inference.joint_fit import evaluate, fit_jointly, population_curves, predict_curve
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective, Statement
from labile.models.evolution import evolve
from labile.models.library import LS_HS, build
from labile.plots.figure import Line
from labile.study.report import _linked, report_html, study_figures, write_figures, write_report
from labile.study.report_tables import (
    compared_parameters_table,
    comparison_table,
    correlation_table,
    is_simulated,
    key_numbers,
    measurement_table,
    parameter_table,
    statement_table,
    technique_table,
)
from labile.study.results import Citation, Derived, Panel, StatementPoint, StudyResult
from labile.techniques.magnetometry import ChiT

HOSTILE = "Loop <script>alert('x')</script> & \"$x$\" </title>"
ONE = float(to_si(1.0, "cm^3 K/mol", "chi_t"))


@pytest.fixture(scope="module")
def result():
    """A joint fit of a simulated hysteresis loop with a statement and a transition statement."""
    model, observable = build("slichter_drickamer", LS_HS), ChiT("powder")
    truth = {"HS.enthalpy": 8.6e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 4.2e3}
    random = np.random.default_rng(3)
    objectives = []
    for branch in ("heating", "cooling"):
        t = np.linspace(90.0, 210.0, 25)
        path = Path(Conditions(t if branch == "heating" else t[::-1]))
        x = evolve(model, path, truth).of("HS")
        sigma = 0.03 * ONE
        m = Measurement(
            "chi_t", 3.3 * ONE * x + random.normal(0.0, sigma, t.size), path.conditions, sigma, branch=branch,
            sample="powder", label=f"loop {branch}",
            provenance=Provenance("model", "", "simulation", steps=("simulated with Gaussian noise",)),
        )  # fmt: skip
        objectives.append(Objective(m.label, observable, m, technique="magnetometry", sample="powder"))
    value = Statement(
        "value", 3.3 * ONE, 0.05 * ONE, temperatures=(300.0,), text="plateau <b>3.3</b>", source="10.1039/b102452a"
    )
    width = Statement("hysteresis_width", 32.0, 2.0, text="a loop of 32 K")
    objectives.append(Objective("plateau", observable, statement=value, technique="magnetometry", sample="powder"))
    objectives.append(Objective("width", statement=width, technique="calorimetry"))
    parameters = joint_parameters(model, objectives)
    parameters = parameters.updated([
        replace(parameters["HS.enthalpy"], value=8.6e3, lower=1e3, upper=5e4, source="a guess"),
        replace(parameters["HS.entropy"], value=60.0, lower=10.0, upper=150.0, prior=Prior(60.0, 5.0)),
        replace(parameters["HS.volume"], value=0.0, fixed=True),
        replace(parameters["LS-HS.interaction"], value=4.2e3, lower=0.0, upper=1e4, fixed=False),
        replace(parameters["HS.chi_t"], value=3.3 * ONE, fixed=False),
    ])  # fmt: skip
    fit = fit_jointly(JointProblem(model, tuple(objectives), parameters), starts=1)
    assert fit.result.converged
    evaluations = evaluate(fit)
    t = np.linspace(50.0, 300.0, 251)
    point = StatementPoint("plateau", "value", (300.0,), 3.3 * ONE, 0.05 * ONE, "chi_t", 0, 3.3 * ONE, value.text)
    measurements = tuple(o.measurement for o in objectives[:2])
    panel = Panel("chi_t", "Magnetometry: χT", "magnetometry", "chi_t", "cm^3 K/mol", measurements, (point,),
                  tuple(predict_curve(fit, o, t) for o in objectives[:2]))  # fmt: skip
    return StudyResult(
        HOSTILE,
        "study.toml",
        "[study]\ntitle = '</pre><script>1</script>'\n",
        "ab" * 32,
        authors=("A. <Author>",),
        references=("doi:10.1063/1.1677511", "Sorai and Seki 1974"),
        material=Material("C30H22FeN12S2", LS_HS, per="site"),
        model=model,
        fit=fit,
        evaluations=evaluations,
        comparisons=compare({"model": fit, "same again": fit}),
        findings=findings(fit),
        panels=(panel,),
        populations={b: population_curves(fit, t, b) for b in ("heating", "cooling")},
        measurements=measurements,
        techniques={m.label: "magnetometry" for m in measurements},
        derived=(Derived("t_half_up", "t_half_up", 158.21, 0.4, "fit", "Switching on heating."),),
        citations=(Citation("sd1972", "10.1063/1.1677511", "model", "@article{sd1972,\n}"),),
        warnings=("one <i>warning</i>",),
        versions={"labile": "0.1", "numpy": np.__version__},
        created="2026-01-01T00:00:00Z",
    )


@pytest.fixture(scope="module")
def html(result):
    return report_html(result)


@pytest.fixture(scope="module")
def reduction():
    origin = Provenance("run.dat", "c" * 64, "quantum_design", {"mass": "12 mg"}, ("split",))
    conditions = Conditions([5.0, 90.0, 300.0])
    m = Measurement.from_field("chi_t", [0.2, 1.5, 3.0], "cm3 K/mol", conditions, label="powder", provenance=origin)
    panel = Panel("chi_t", "Magnetometry: χT", "magnetometry", "chi_t", "cm^3 K/mol", (m,))
    techniques = {"powder": "magnetometry"}
    return StudyResult(
        "Reduction", "study.toml", "", "0" * 64, measurements=(m,), techniques=techniques, panels=(panel,)
    )


class Page(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


def test_nothing_is_loaded_from_elsewhere(html):
    loading = {"src", "srcset", "data", "poster", "action", "background", "xlink:href", "manifest"}
    for tag, attributes in Page(html).elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "image", "form"), tag
        assert not loading & set(attributes), (tag, attributes)
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith("https://doi.org/10.")
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert "url(" not in styles
    assert "@import" not in styles
    (policy,) = [a["content"] for t, a in Page(html).elements if t == "meta" and "http-equiv" in a]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_plotly_is_embedded_once(html):
    assert html.count("plotly.js v") == 1


def test_hostile_text_is_inert(html):
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", html, re.S)
    assert not any(script.strip() in ("alert('x')", "1") for script in scripts)
    page = Page(html)
    assert "Loop <script>alert('x')</script> &" in page.text
    assert "title = '</pre><script>1</script>'" in page.text
    assert "plateau <b>3.3</b>" in page.text
    assert not any(tag in ("b", "i", "author") for tag, _ in page.elements)


def test_every_parameter_and_finding_is_there(result, html):
    page = Page(html)
    for parameter in result.fit.result.parameters:
        assert parameter.name in page.text
    assert result.findings
    for finding in result.findings:
        assert " ".join(finding.title.split()) in page.text
        assert " ".join(finding.text.split()) in page.text
    for warning in result.warnings:
        assert warning in page.text
    for assumption in result.model.assumptions:
        assert assumption in page.text


def test_values_are_those_of_the_fit(result):
    rows = {row[0]: row for row in parameter_table(result).rows}
    expected = {name: shown for name, shown, _ in result.fit.result.table()}
    for name, row in rows.items():
        assert f"{row[1]} {row[2]}".replace("\u00a0", " ").strip() == expected[name]
    assert rows["HS.entropy"][5].split() == ["60", "±", "5"]
    assert rows["HS.enthalpy"][4].split() == ["1", "to", "50"]
    assert rows["HS.enthalpy"][6] == "a guess"
    assert rows["HS.volume"][3] == "fixed"


def test_key_numbers_come_first(result, html):
    table = key_numbers(result)
    assert table.rows[0] == ("T½↑", "158.2(4)", "K", "fit", "Switching on heating.")
    assert [row[0] for row in table.rows[1:]] == ["HS.enthalpy", "HS.entropy", "LS-HS.interaction"]
    assert html.index("158.2(4)") < html.index('id="findings"') < html.index('id="parameters"')


def test_statements_stand_beside_their_predictions(result):
    plateau, width = statement_table(result).rows
    assert plateau[:4] == ("plateau", "plateau <b>3.3</b>", "300 K", "3.30(5)")
    assert float(plateau[4]) == pytest.approx(3.3, abs=0.1)
    assert width[3] == "32(2)"
    assert width[5] == "K"


def test_chi2_of_the_techniques_adds_up(result):
    table = technique_table(result)
    parts, total = table.rows[:-1], table.rows[-1]
    assert [row[0] for row in parts] == ["magnetometry", "calorimetry", "positions of jumps", "priors (no data)"]
    assert sum(float(row[2]) for row in parts) == pytest.approx(float(total[2]), abs=0.03)
    assert float(total[2]) == pytest.approx(result.fit.result.chi2, abs=0.006)


def test_strong_correlations_are_listed(result):
    table = correlation_table(result)
    matrix = result.fit.result.correlation
    strong = np.abs(np.tril(matrix, -1)) >= 0.9
    assert len(table.rows) == strong.sum() > 0
    assert abs(float(table.rows[0][2].replace("−", "-"))) == pytest.approx(np.abs(matrix[strong]).max(), abs=6e-4)


def test_comparison_says_why_there_is_no_aicc(result):
    row = replace(result.comparisons[0], aicc=None, aicc_note="N = 5 is not above k + 1 = 6", n=5)
    table = comparison_table(replace(result, comparisons=(row, result.comparisons[1])))
    assert table.rows[0][6] == "N = 5 is not above k + 1 = 6"
    assert "cannot be compared" in table.note
    assert "cannot be compared" not in comparison_table(result).note


def test_parameters_of_every_model_stand_side_by_side(result):
    assert compared_parameters_table(result) is None
    held = replace(result.fit.result, at_bound=result.fit.result.free_names[:1])
    table = compared_parameters_table(replace(result, comparison_fits={"same again": replace(result.fit, result=held)}))
    assert table.columns == ("parameter", "unit", "model", "same again")
    assert [row[0] for row in table.rows] == list(result.fit.result.free_names)
    assert table.rows[0][3] == f"{table.rows[0][2]} on its bound"
    assert all(row[2] == row[3] for row in table.rows[1:])


def test_weights_are_explained(html):
    text = Page(html).text
    assert "A weighted residual is (observed − predicted)/σ" in text
    assert "not rescaled by χ²" in text
    assert "A prior enters χ²" in text


def test_simulated_data_are_called_simulated(result, reduction, html):
    assert "All data in this report are simulated" in Page(html).text
    mixed = replace(result, measurements=result.measurements + reduction.measurements)
    assert "Contains simulated data: loop heating, loop cooling" in Page(report_html(mixed)).text
    assert is_simulated(result.measurements[0])
    assert not is_simulated(reduction.measurements[0])
    assert "simulated" not in Page(report_html(reduction)).text


def test_page_is_accessible(html):
    page = Page(html)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table") > 5
    plots = [a for t, a in page.elements if a.get("class") == "plot"]
    assert len(plots) == tags.count("figcaption") == 5
    assert all(len(a["aria-label"]) > 40 and a["role"] == "img" for a in plots)
    assert dict(page.elements[0][1]) == {"lang": "en"} or ("html", {"lang": "en"}) in page.elements
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_sections_can_be_chosen_and_ordered(result):
    page = report_html(replace(result, sections=("parameters", "summary")))
    assert re.findall(r'<section id="(\w+)"', page) == ["parameters", "summary"]


def test_a_reduction_has_a_sensible_report(reduction):
    page = Page(report_html(reduction))
    assert "No model was fitted" in page.text
    assert "quantum_design" in page.text
    assert "c" * 64 in page.text
    assert "mass = 12 mg" in page.text
    assert [f.key for f in study_figures(reduction)] == ["chi_t"]
    assert 'id="parameters"' not in report_html(reduction)
    assert "Findings" not in page.text


def test_measurements_show_both_ends_and_no_empty_columns(reduction):
    table = measurement_table(reduction).compact()
    assert "common causes" not in table.columns
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["at the lowest T"].replace("\u00a0", " ") == "0.2 cm³ K mol⁻¹ at 5 K"
    assert row["at the highest T"].replace("\u00a0", " ") == "3 cm³ K mol⁻¹ at 300 K"
    assert table.columns[table.numeric[0]] == "points"


def test_every_figure_of_a_fit(result):
    figures = study_figures(result)
    assert [f.key for f in figures] == ["chi_t", "populations", "residuals", "correlations", "comparison"]
    assert len(figures[0].panels) == 2


def test_isothermal_measurements_do_not_share_the_temperature_axis(reduction):
    field = Measurement("moment", [1e-6, 2e-6], Conditions([2.0, 2.0], magnetic_field=[0.0, 1.0]), label="loop at 2 K")
    panel = Panel("moment", "Magnetometry: moment", "magnetometry", "moment", "emu", (field,))
    study = replace(reduction, panels=reduction.panels + (panel,), measurements=reduction.measurements + (field,))
    assert [f.key for f in study_figures(study)] == ["chi_t", "moment_magnetic_field"]


def test_a_parameter_that_nothing_determines_has_no_uncertainty(result):
    fitted = result.fit.result
    open_fit = replace(fitted, undetermined=("HS.enthalpy",), at_bound=("HS.entropy",))
    rows = {row[0]: row for row in parameter_table(replace(result, fit=replace(result.fit, result=open_fit))).rows}
    assert rows["HS.enthalpy"][1].endswith("(not determined)")
    assert rows["HS.entropy"][3] == "free, on its bound"


def test_lines_are_broken_where_the_model_jumps(result):
    lines = {line.name: line for line in study_figures(result)[1].panels[0].of_kind(Line)}
    line = lines["HS, heating"]
    gaps = line.x[np.isnan(line.y)]
    assert np.min(np.abs(gaps - 158.21)) <= 0.5
    assert np.diff(line.y)[np.isfinite(np.diff(line.y))].max() < 0.2


def test_notebook_shows_the_key_numbers(result, reduction):
    page = Page(result._repr_html_())
    assert "Loop <script>" in page.text
    assert "Switching on heating." in page.text
    assert "HS.enthalpy" in page.text
    assert not any(tag == "script" for tag, _ in page.elements)
    assert "powder" in Page(reduction._repr_html_()).text


def test_dois_are_links():
    assert 'href="https://doi.org/10.1016/0022-3697(74)"' in _linked("(see doi:10.1016/0022-3697(74))")
    assert 'href="https://doi.org/10.1039/b102452a"' in _linked("(doi 10.1039/b102452a).")
    assert _linked("10.5 K and 10.12 <b>") == "10.5 K and 10.12 &lt;b&gt;"


def test_files_are_reproducible(result, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(result, tmp_path / name)
        paths = write_figures(result, tmp_path / name)
        assert {p.suffix for p in paths} == {".svg", ".pdf"}
        assert len(paths) == 10
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
        if path.suffix == ".svg":
            ElementTree.parse(path)
