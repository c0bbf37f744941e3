"""Diagrams of studies: the manifest's mistakes, the files, the report."""

import json

import numpy as np
import pytest
import xarray

from labile.core.constants import GAS_CONSTANT
from labile.study.diagram import FITTED, INITIAL, parameter_samples, study_diagrams, write_diagrams
from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare
from labile.study.report import report_html
from labile.study.run import run

ALONE = """\
[study]
title = "A diagram of two states"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "slichter_drickamer"
[parameters]
"HS.enthalpy" = { value = 15, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"HS.volume" = { value = 10, unit = "cm^3/mol" }
"LS-HS.interaction" = { value = 6, unit = "kJ/mol" }
[[diagram]]
label = "T-P"
x = { axis = "pressure", range = [0, 8], unit = "kbar", grid = 21 }
y = { axis = "temperature", range = [200, 400], grid = 21 }
points = [
  { label = "XRD", temperature = 300, pressure = "2 kbar", states = ["HS"], source = "10.1000/doi" },
  { label = "Raman", temperature = 210, pressure = "1 bar", states = ["HS"] },
]
"""
DATA = """\
[[measurement]]
label = "loop"
technique = "magnetometry"
statements = [
  { kind = "t_half_up", value = "163(1)", unit = "K" },
  { kind = "t_half_down", value = "123(1)", unit = "K" },
]
"""


def write(tmp_path, text):
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path


CASES = [
    ('axis = "pressure"', 'axis = "presure"', 14, "diagram[1].x.axis", "expected a condition or a parameter"),
    ("range = [0, 8]", "range = [8, 0]", 14, "diagram[1].x.range", "two numbers that rise"),
    ("range = [0, 8]", "range = [-1, 8]", 14, "diagram[1].x.range", "absolute pressures"),
    (', unit = "kbar", grid', ", grid", 14, "diagram[1].x.range", "no unit"),
    ("range = [200, 400]", "range = [0, 400]", 15, "diagram[1].y.range", "above 0 K"),
    ("range = [200, 400]", "range = [200]", 15, "diagram[1].y.range", "2 entries"),
    ('"HS.volume" = { value = 10', '"HS.volume" = { value = 0', 12, "diagram[1]", "does not depend on pressure"),
    (
        'axis = "temperature", range = [200, 400]',
        'axis = "pressure", range = ["1 kbar", "2 kbar"]',
        12,
        "diagram[1]",
        "choose two different ones",
    ),
    ('label = "T-P"', 'label = "T/P"', 13, "diagram[1].label", "file name"),
    ('states = ["HS"], source', 'states = ["HX"], source', 17, "diagram[1].points[1].states", "no state of the model"),
    ('pressure = "2 kbar"', 'pressure = "-2 kbar"', 17, "diagram[1].points[1].pressure", "not negative"),
    ('pressure = "2 kbar"', "pressure = 2", 17, "diagram[1].points[1].pressure", "no unit"),
    ('label = "T-P"', 'label = "T-P"\nparameters = "fit"', 14, "diagram[1].parameters", "there is nothing to fit"),
    ('label = "T-P"', 'label = "T-P"\nsamples = -1', 14, "diagram[1].samples", "greater than or equal to 0"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "says"), CASES)
def test_a_mistake_names_line_key_and_fix(tmp_path, old, new, line, key, says):
    assert ALONE.count(old) == 1
    with pytest.raises(ManifestError) as caught:
        prepare(load_manifest(write(tmp_path, ALONE.replace(old, new))))
    (found,) = caught.value.problems
    assert says in found
    assert f"study.toml, line {line}: {key}" in found


def test_two_diagrams_need_two_labels_and_a_study_something_to_do(tmp_path):
    diagram = ALONE[ALONE.index("[[diagram]]") :]
    with pytest.raises(ManifestError, match="used twice"):
        prepare(load_manifest(write(tmp_path, ALONE + diagram)))
    with pytest.raises(ManifestError, match=r"at least one \[\[measurement\]\]"):
        load_manifest(write(tmp_path, ALONE[: ALONE.index("[[diagram]]")]))
    with pytest.raises(ManifestError, match=r"needs a \[model\]"):
        prepare(load_manifest(write(tmp_path, '[study]\ntitle = "x"\n' + diagram)))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("alone"), ALONE)
    _, diagrams = study_diagrams(folder)
    return diagrams, folder, write_diagrams(diagrams, folder / "out")


def test_files_of_a_diagram(alone):
    (one,), _, written = alone
    assert one.origin == INITIAL
    names = {path.name for path in written}
    assert {"diagram.nc", "diagram_T-P_lines.csv", "diagram_T-P_points.csv", "diagram_T-P.svg"} <= names
    assert "diagram_T-P_populations.pdf" in names
    dataset = xarray.load_dataset(written[0], group="T-P", engine="h5netcdf")
    assert dataset["population"].dims == ("pressure", "temperature", "minimum", "state")
    line = dataset["line_temperature"].values[dataset["line"].values == 1]
    assert line.max() == pytest.approx(6e3 / (2 * GAS_CONSTANT), rel=1e-6)
    rows = (written[0].parent / "diagram_T-P_lines.csv").read_text("utf-8-sig").splitlines()
    assert rows[0].startswith("line,kind,label,temperature (K),pressure (kbar)")
    assert any(row.startswith(",critical point") for row in rows)


def test_points_are_judged(alone):
    (one,), _, _ = alone
    assert [(v.point.label, v.verdict, v.consistent) for v in one.verdicts] == [
        ("XRD", "stable", True),
        ("Raman", "impossible", False),
    ]
    content = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert content["points"][1]["consistent"] is False
    assert {line["kind"] for line in content["lines"]} >= {"coexistence", "spinodal"}


def test_a_study_without_data_has_a_report(alone):
    _, folder, _ = alone
    result = run(folder, out=folder / "results")
    html = report_html(result)
    assert "What is stable where" in html
    assert "1 of 2 observations are impossible" in html
    assert "This study has no data" in html
    assert (folder / "results" / "figures" / "diagram_T-P.svg").is_file()
    assert (folder / "results" / "tables" / "diagram_T-P_lines.csv").is_file()
    assert json.loads((folder / "results" / "results.json").read_text("utf-8"))["diagrams"][0]["label"] == "T-P"


def test_fitted_parameters_and_bands(tmp_path):
    text = ALONE.replace('"HS.entropy" = { value = 60', '"HS.entropy" = { fixed = true, value = 60')
    text = text.replace('"HS.volume" = { value', '"HS.volume" = { fixed = true, value').replace(
        "value = 15", "value = 9"
    )
    text = text.replace("value = 6,", "value = 4.5,").replace("range = [200, 400]", "range = [80, 300]")
    text = text.replace('label = "T-P"', 'label = "T-P"\nsamples = 8')
    prepared, (one,) = study_diagrams(write(tmp_path, text + DATA))
    assert prepared.joint is not None
    assert one.origin == FITTED
    # T10: T1/2 147.79 K, Gamma 4637 J/mol for spinodals at 123 and 163 K
    assert one.found.plane.values["LS-HS.interaction"] == pytest.approx(4637, abs=5)
    (up,) = [line for line in one.lines.of_kind("spinodal") if line.ends_on == "heating"]
    assert up.temperatures_at(101325.0) == pytest.approx([163.0], abs=0.05)
    band = next(band for band in one.bands if band.line is up)
    start = int(np.argmin(band.pressure))
    # the statement has 1 K of uncertainty
    assert 0.3 < 0.5 * (band.high[start] - band.low[start]) < 2.0
    # next to the critical point some samples have no loop any more
    assert band.found[start] == 1.0


def test_samples_of_a_fit_without_covariance_are_none():
    class Result:
        covariance = np.array([[np.inf]])

    class Fit:
        result = Result()

    assert parameter_samples(Fit(), 5) == []


def test_an_axis_may_be_a_parameter(tmp_path):
    text = ALONE[: ALONE.index("points =")].replace(
        'x = { axis = "pressure", range = [0, 8], unit = "kbar", grid = 21 }',
        'x = { axis = "LS-HS.interaction", range = [2, 6], unit = "kJ/mol", grid = 11 }',
    )
    _, (one,) = study_diagrams(write(tmp_path, text))
    assert one.lines is None
    assert [figure.key for figure in one.figures()] == ["diagram_T-P", "diagram_T-P_populations"]
    assert "kJ" in one.figures()[0].panels[0].x.title
