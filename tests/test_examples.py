"""Every example runs, and gives the numbers it promises."""

import json
import shutil
from pathlib import Path

import pytest

from labile.study.run import run

EXAMPLES = Path(__file__).parent.parent / "examples"
STUDIES = sorted(path.parent.name for path in EXAMPLES.glob("*/study.toml"))


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Run each study once; by name."""
    known = {}

    def get(name):
        if name not in known:
            folder = tmp_path_factory.mktemp("examples") / name
            shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("results", ".*", "out"))
            known[name] = run(folder), folder / "results"
        return known[name]

    return get


@pytest.mark.parametrize("name", STUDIES)
def test_it_runs_and_writes_a_report(results, name):
    result, out = results(name)
    assert result.converged
    assert (EXAMPLES / name / "README.md").is_file()
    content = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert content["schema_version"] == 1
    report = (out / "report.html").read_text(encoding="utf-8")
    assert result.title.split("[")[0] in report


def test_the_examples_are_known():
    assert STUDIES == ["dinuclear", "dpp_loop", "dpp_pressure", "feco", "magnetometer"]


def test_spectroscopic_statements_hold_with_the_rest(tmp_path):
    folder = tmp_path / "feco"
    shutil.copytree(EXAMPLES / "feco", folder, ignore=shutil.ignore_patterns("results", ".*", "out"))
    result = run(folder / "spectroscopy.toml", out=tmp_path / "out")
    assert result.converged
    # the statements of study.toml alone have chi2 1.48
    assert result.fit.result.chi2 == pytest.approx(1.48, abs=0.02)
    values = result.fit.values
    assert values["L.pre_edge_area"] == pytest.approx(5.1, abs=0.05)
    assert values["H.pre_edge_area"] == pytest.approx(8.8, abs=0.1)
    derived = {d.name: d.value for d in result.derived}
    assert derived["V.population at 300 K"] == pytest.approx(0.269, abs=0.005)


def test_the_loop_gives_t_half_and_gamma(results):
    """SCIENCE T10: spinodals at 123 and 163 K with 60 J/K/mol."""
    result, _ = results("dpp_loop")
    values = result.fit.values
    assert values["HS.enthalpy"] / values["HS.entropy"] == pytest.approx(147.79, abs=0.1)
    assert values["LS-HS.interaction"] == pytest.approx(4637, abs=5)
    derived = {d.name: d.value for d in result.derived}
    assert derived["t_half_up"] == pytest.approx(163, abs=1e-6)
    assert derived["t_half_down"] == pytest.approx(123, abs=1e-6)
    assert set(result.populations) == {"heating", "cooling"}
    assert [f.kind for f in result.findings].count("untested") == 1  # two numbers, two free parameters


def missed(result, model=""):
    return " ".join(f.text for f in result.findings if f.kind == "misfit" and f.numbers.get("model") == model)


def test_two_irons_say_which_statements_go_together(results):
    """16 kbar and the crossover of one iron are met; 25 kbar and the mixed phase at 18 kbar are not."""
    result, _ = results("dinuclear")
    assert "Raman, 25 kbar" in missed(result)
    assert "absorption, 18 kbar" in missed(result)
    for held in ("16 kbar", "7 kbar", "ambient pressure"):
        assert held not in missed(result)
    assert "ambient pressure" in missed(result, "sites that do not know each other")


def test_the_volume_change_that_25_kbar_implies(results, tmp_path):
    """SCIENCE T11 and section 12: 3.72 cm3/mol for T1/2 = 143 K; 25 cubic angstrom would switch at 6.2 kbar."""
    result, _ = results("dpp_pressure")
    assert result.fit.values["HS.volume"] * 1e6 == pytest.approx(3.35, abs=0.05)
    assert "25 kbar" in missed(result, "25 cubic angstrom per iron")
    study = run(EXAMPLES / "dpp_pressure" / "mean_volume.toml", out=tmp_path / "out")
    assert study.fit.values["HS.volume"] * 1e6 == pytest.approx(3.72, abs=0.01)
    (text,) = [f.text for f in study.findings if f.numbers.get("model") == "25 cubic angstrom per iron"]
    assert "predicted 6.186" in text


def test_the_loop_with_other_entropies(results):
    """SCIENCE section 12: every assumed entropy describes the loop; T1/2 and Gamma follow it."""
    result, out = results("dpp_loop")
    for entropy, t_half, interaction in ((50, 148.43, 4344), (70, 147.31, 4920)):
        fitted = result.comparison_fits[f"entropy {entropy} J/K/mol"]
        assert fitted.result.converged
        assert fitted.result.chi2 == pytest.approx(0, abs=1e-12)
        assert fitted.values["HS.enthalpy"] / entropy == pytest.approx(t_half, abs=0.01)
        assert fitted.values["LS-HS.interaction"] == pytest.approx(interaction, abs=1)
    report = (out / "report.html").read_text(encoding="utf-8")
    for text in ("163.0(6)", "123.0(6)", "147.8(5)", "assumed: typical of iron(II)", "The entropy is an assumption"):
        assert text in report


def test_feco_says_what_its_polarization_means(results):
    """SCIENCE P1 (7.59 pA), F9 (ZnCo below 15 %) and the dipoles of section 1.8 (volume 1390 cubic angstrom)."""
    result, out = results("feco")
    [expected] = result.expected_runs
    assert expected.largest_current * 1e12 == pytest.approx(7.59, abs=0.3)
    assert expected.at_temperature == pytest.approx(90, abs=1)
    derived = {d.name: d for d in result.derived}
    debye = 3.33564e-30
    assert derived["H-L.dipole_moment"].value / debye == pytest.approx(1.2, abs=0.2)
    assert derived["V-H.dipole_moment"].value / debye == pytest.approx(13.1, abs=3.0)
    assert "15 %" in derived["electronic p at 300 K"].text
    assert [row[0] for row in result.figures_of_merit][-3:] == ["PVDF", "TGS", "LiTaO3"]
    assert "Whatmore1986" in {c.key for c in result.citations}
    assert (out / "figures" / "expected_current.pdf").is_file()


def test_feco_agrees_with_the_paper(results):
    """Every number of the text within the range it is quoted with."""
    result, _ = results("feco")
    for evaluation in result.evaluations:
        assert abs(evaluation.residuals[0]) < 2.0, evaluation.label
    predicted = {e.label: float(e.predicted[0]) for e in result.evaluations}
    cgs = 4e-6 * 3.141592653589793
    assert predicted["chi*T: at 5 K"] / cgs == pytest.approx(0.15, abs=0.01)
    assert predicted["chi*T: at 120 K"] / cgs == pytest.approx(3.00, abs=0.03)
    assert predicted["chi*T: at 300 K"] / cgs == pytest.approx(3.12, abs=0.03)
    assert predicted["p: maximum in 70-110 K"] / 1e-5 == pytest.approx(30, abs=1)
    assert predicted["p: maximum position in 70-110 K"] == pytest.approx(90, abs=1)
    assert predicted["p: at 120 K"] / 1e-5 == pytest.approx(3.8, abs=0.3)
    assert predicted["p: at 300 K"] / 1e-5 == pytest.approx(3.4, abs=0.3)
    assert predicted["Delta P: difference 20 to 120 K"] / 1e-2 == pytest.approx(0.4, abs=0.05)
    assert predicted["Delta P: difference 20 to 300 K"] / 1e-2 == pytest.approx(1.15, abs=0.05)


def test_feco_says_what_cannot_be_decided(results):
    result, out = results("feco")
    findings = {}
    for finding in result.findings:
        findings.setdefault(finding.kind, []).append(finding)
    pairs = [
        f.numbers for f in findings["degeneracy"]
        if {f.numbers.get("population"), f.numbers.get("parameter")} == {"x_V(300 K)", "V.polarization"}
    ]  # fmt: skip
    assert len(pairs) == 1
    assert -1.0 <= pairs[0]["correlation"] < -0.9
    (interval,) = (f for f in findings["interval"] if f.title.startswith("x_V(300 K)"))
    assert 0.15 < interval.numbers["lower"] < interval.numbers["value"] < interval.numbers["upper"] < 0.45
    assert any(f.title == "magnetometry alone cannot fix x_V(300 K)" for f in findings["not_determined"])
    (closure,) = findings["closure"]
    assert closure.numbers["mean"] / 1e-5 == pytest.approx(4.17, abs=0.01)
    assert "maximum between 120 and 300 K" in closure.title
    report = (out / "report.html").read_text(encoding="utf-8")
    for finding in result.findings:
        assert finding.title.split(":")[0].split("'")[0] in report


def test_feco_comparison_shows_the_plain_mean_field_step_failing(results):
    result, _ = results("feco")
    rows = {row.name: row for row in result.comparisons}
    model, step = rows["model"], rows["mean-field step"]
    assert (model.n, model.k) == (12, 8)
    assert model.chi2 < 4
    assert step.chi2 > 15
    assert step.delta_bic > 10
    assert step.worst[0][0] == "chi*T: at 120 K"
    assert step.worst[0][1] > 3
    assert rows["domains of 3 molecules"].chi2 == pytest.approx(model.chi2, abs=0.2)
    # 12 data cannot carry AICc for 11 parameters
    assert all((row.aicc is None) == (row.n <= row.k + 1) for row in result.comparisons)
    assert all(bool(row.aicc_note) == (row.aicc is None) for row in result.comparisons)


def test_the_magnetometer_file_gives_the_moment_of_erbium(results):
    result, _ = results("magnetometer")
    (measurement,) = result.measurements
    top = measurement.temperature.argmax()
    assert measurement.in_unit("cm^3 K/mol")[top] == pytest.approx(11.37, rel=0.01)
    assert measurement.provenance.sha256
    assert any("17.3 mg eicosane (header)" in step for step in measurement.provenance.steps)
    assert result.fit is None
    # the errors in the file are 5 % of every moment
    assert [("times the scatter of neighbouring points" in one) for one in result.warnings] == [True]
