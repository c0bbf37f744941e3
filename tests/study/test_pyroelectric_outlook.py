"""`[pyroelectricity]` of a study: expected current, dipoles, reference limit, figures of merit, and its errors."""

import csv
import json

import numpy as np
import pytest

from labile.core.constants import DEBYE
from labile.study.manifest import ManifestError
from labile.study.run import check, run

STUDY = """
[study]
title = "two states"
[material]
space_group = "P 21"
polar_axis = "b"
volume_per_formula_unit = "1390 A^3"
states = [{ name = "A", spin = 0 }, { name = "B", spin = 2 }]
[model]
builder = "slichter_drickamer"
[parameters]
"B.enthalpy" = { value = 8, unit = "kJ/mol", fixed = true }
"B.entropy" = { value = 50, unit = "J/K/mol", fixed = true }
"A-B.interaction" = { value = 1, unit = "kJ/mol", fixed = true }
"B.polarization" = { value = 0.4, unit = "uC/cm^2", min = -5, max = 5 }
[[measurement]]
label = "p"
technique = "pyroelectricity"
quantity = "pyroelectric_coefficient"
unit = "nC/cm^2/K"
temperature = [140, 160, 180]
values = [4.0, 8.0, 3.0]
sigma = 0.3
[fit]
starts = 1
[report]
temperature = [60, 260]
"""
OUTLOOK = """
[pyroelectricity]
area = "0.3036 mm^2"
rate = "5 K/min"
at = [160]
reference_fraction = 0.15
transfer_distance = "3.85 A"
volumetric_heat_capacity = "1.8 MJ/m^3/K"
permittivity = 5
"""


def write(folder, text):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("outlook"), STUDY + OUTLOOK)
    return run(folder), folder / "results"


def test_expected_current_and_charge(result):
    found, _ = result
    [expected] = found.expected_runs
    panel = next(p for p in found.panels if p.quantity == "pyroelectric_coefficient")
    curve = panel.curves[0]
    np.testing.assert_allclose(expected.current.values, curve.values * 0.3036e-6 * 5 / 60, rtol=1e-12, atol=1e-25)
    polarization = found.fit.values["B.polarization"]
    # Q = A P_B times what has switched
    switched = np.ptp(found.populations["equilibrium"]["B"].values)
    assert expected.charge.values[-1] == pytest.approx(polarization * 0.3036e-6 * switched, rel=1e-3)
    derived = {d.name: d for d in found.derived}
    assert derived["largest current on heating"].value == pytest.approx(expected.current.values.max())
    assert derived["largest current on heating"].sigma > 0


def test_dipoles_and_reference(result):
    found, _ = result
    derived = {d.name: d for d in found.derived}
    dipole = derived["B-A.dipole_moment"]
    assert dipole.value == pytest.approx(found.fit.values["B.polarization"] * 1390e-30, rel=1e-12)
    assert dipole.sigma == pytest.approx(found.fit.result.sigma_of("B.polarization") * 1390e-30, rel=1e-9)
    assert "electrons over 3.85 angstrom" in dipole.text
    assert dipole.value / DEBYE == pytest.approx(found.fit.values["B.polarization"] * 100 / 0.24, rel=1e-3)
    left = derived["electronic p at 160 K"]
    assert "15 %" in left.text
    assert left.sigma > 0.15 * left.value / np.sqrt(3)


def test_files_and_report(result):
    _, out = result
    text = (out / "tables" / "expected_current_heating.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0][2] == "expected current, simulated (pA)"
    merit = list(csv.reader((out / "tables" / "figures_of_merit.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [row[0] for row in merit[1:]] == ["this crystal, 160 K", "PVDF", "TGS", "LiTaO3"]
    assert (out / "figures" / "expected_current.svg").is_file()
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "Figures of merit of pyroelectrics" in report
    assert "simulated, not measured" in report
    content = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert any(item["name"] == "B-A.dipole_moment" for item in content["derived"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('area = "0.3036 mm^2"', 'area = "0.3036 mm"', "pyroelectricity.area"),
        ('area = "0.3036 mm^2"', 'area = "0 mm^2"', "above 0"),
        ('rate = "5 K/min"\n', "", "area and rate go together"),
        ("at = [160]", "at = [-3]", "above 0 K"),
        ("reference_fraction = 0.15", "reference_fraction = 1.5", "reference_fraction"),
        ("permittivity = 5", "permitivity = 5", "permittivity"),
    ],
)
def test_mistakes_are_named_with_their_key(tmp_path, old, new, says):
    with pytest.raises(ManifestError, match=says):
        check(write(tmp_path, STUDY + OUTLOOK.replace(old, new)))


def test_it_needs_a_model(tmp_path):
    text = '[study]\ntitle = "x"\n[pyroelectricity]\nat = [100]\n' + STUDY[STUDY.index("[[measurement]]") :]
    with pytest.raises(ManifestError, match=r"pyroelectricity: needs a \[model\]"):
        check(write(tmp_path, text))
