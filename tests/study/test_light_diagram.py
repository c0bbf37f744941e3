"""`[kinetics]` and diagrams of lifetimes and light: numbers against known ones, mistakes with their lines."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from labile.cli import app
from labile.study.diagram import study_diagrams, write_diagrams
from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare

STUDY = """\
[study]
title = "lifetimes"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "slichter_drickamer"
[parameters]
"HS.enthalpy" = { value = 20, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"HS.volume" = { value = 15, unit = "cm^3/mol" }
"LS-HS.interaction" = { value = 2.5, unit = "kJ/mol" }
[kinetics]
processes = [
  { kind = "thermal", start = "HS", end = "LS" },
  { kind = "photo", start = "LS", end = "HS" },
]
absorption = [{ state = "LS", wavelength = ["514 nm"], extinction = [100], source = "assumed" }]
[kinetics.parameters]
"LS-HS.prefactor" = { value = 1e7, unit = "1/s", source = "assumed" }
"LS-HS.activation_energy" = { value = 900, unit = "1/cm" }
"LS-HS.activation_volume" = { value = -10, unit = "cm^3/mol" }
"LS-HS.quantum_yield" = { value = 0.5 }
[[diagram]]
label = "dark"
kind = "lifetimes"
state = "HS"
contours = ["1 min", "2 h"]
x = { axis = "pressure", range = [0, 2], unit = "kbar", grid = 3 }
y = { axis = "temperature", range = [30, 90], grid = 31 }
[[diagram]]
label = "lit"
kind = "light"
state = "HS"
light = { wavelength = "514 nm" }
x = { axis = "temperature", range = [44, 60], grid = 33 }
y = { axis = "photon_flux", range = [1e16, 1e17], unit = "1/cm^2/s", grid = 2 }
"""


def write(tmp_path, text):
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_lifetimes_and_steady_states_are_those_of_the_python_functions(tmp_path):
    # docs/light_maps.md has the same crystal: one bistable window at each of 1e20 and 1e21 photons m-2 s-1
    _, (dark, lit) = study_diagrams(write(tmp_path, STUDY))
    assert [c.time for c in dark.found.contours] == [60.0, 7200.0]
    # the crystal relaxes from all HS, where self-acceleration makes the start slower than the bare rate of L1's example
    assert np.all(np.diff(dark.found.t_liesst) < 0)
    assert lit.found.window_flux.size == 2
    assert lit.found.flux == pytest.approx([1e20, 1e21])
    written = write_diagrams((dark, lit), tmp_path / "out")
    names = {path.name for path in written}
    assert {"diagram.nc", "diagram_dark_contours.csv", "diagram_lit_bistable_windows.csv"} <= names
    rows = (tmp_path / "out" / "diagram_lit_steady_states.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[0].split(",")[-2:] == ["x_LS", "x_HS"]
    assert len(rows) - 1 == int(lit.found.count.sum())


def test_the_tabulated_t_liesst_needs_no_interaction(tmp_path):
    plain = STUDY.replace('"slichter_drickamer"', '"van_t_hoff"').replace(
        '"LS-HS.interaction" = { value = 2.5, unit = "kJ/mol" }\n', ""
    )
    dark = study_diagrams(write(tmp_path, plain[: plain.index('[[diagram]]\nlabel = "lit"')]))[1][0]
    # SCIENCE M6: 57.9 K for 900 cm-1 and 1e7 s-1 at 0.3 K/min; a tunnelling rate of 1e-6 s-1 changes nothing there
    assert dark.found.t_liesst[0] == pytest.approx(57.9, abs=0.1)


def test_the_command_draws_and_tells(tmp_path):
    folder = write(tmp_path, STUDY)
    result = CliRunner().invoke(app, ["diagram", str(folder), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)["diagrams"]
    assert [one["kind"] for one in told] == ["lifetimes", "light"]
    assert told[0]["sources"] == {"LS-HS.prefactor": "assumed"}
    assert len(told[1]["bistable_windows"]) == 2


def test_the_report_states_the_rates(tmp_path):
    from labile.study.run import run

    run(write(tmp_path, STUDY), out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Rates of dark" in page
    assert "Stated, not fitted." in page
    assert "T(LIESST) at 0 kbar" in page


CASES = [
    ('kind = "photo", start = "LS"', 'kind = "photo", start = "XX"', "kinetics", "process names the state 'XX'"),
    ('start = "HS", end = "LS" }', 'start = "HS" }', "kinetics.processes[1]", "no end"),
    ('kind = "photo", start', 'kind = "photo", freed = true, start', "kinetics.processes[2]", "belong to thermal"),
    ("extinction = [100]", 'extinction = [100], cross_section = ["1e-19 cm^2"]', "kinetics.absorption[1]", "either"),
    ('"LS-HS.quantum_yield" = { value = 0.5 }', "", "kinetics", "no value for LS-HS.quantum_yield"),
    ("{ value = 0.5 }", "{ value = 1.5 }", "kinetics", "must lie between 0 and 1"),
    ('value = 1e7, unit = "1/s"', "value = 1e7", 'kinetics.parameters."LS-HS.prefactor"', "unit is missing"),
    ('"LS-HS.quantum_yield" =', '"HS.volume" =', 'kinetics.parameters."HS.volume"', "belongs in [parameters]"),
    ('"LS-HS.quantum_yield" =', '"LS-HS.yield" =', 'kinetics.parameters."LS-HS.yield"', "no such parameter"),
    ('light = { wavelength = "514 nm" }', "light = {}", "diagram[2].light", "the wavelength is missing"),
    (
        'light = { wavelength = "514 nm" }',
        'light = { wavelength = "514 nm", photon_flux = "1e17 1/cm^2/s" }',
        "diagram[2].light",
        "is an axis of this diagram",
    ),
    ('light = { wavelength = "514 nm" }', 'light = { wavelength = "830 nm" }', "diagram[2].light", "no cross section"),
    ('contours = ["1 min", "2 h"]', 'contours = ["-1 min"]', "diagram[1].contours[1]", "a time above 0"),
    ('contours = ["1 min", "2 h"]', 'light = { wavelength = "514 nm" }', "diagram[1].light", "either photon_flux"),
    ('contours = ["1 min", "2 h"]', 'pressure = "1 kbar"', "diagram[1].pressure", "means nothing"),
    (
        'label = "dark"\nkind = "lifetimes"\nstate = "HS"',
        'label = "dark"\nkind = "lifetimes"',
        "diagram[1]",
        "state is",
    ),
    ('{ axis = "pressure", range = [0, 2]', '{ axis = "LS-HS.interaction", range = [0, 2]', "diagram[1].x", "kbar"),
    ("range = [1e16, 1e17]", "range = [0, 1e17]", "diagram[2].y.range", "logarithmic"),
]


@pytest.mark.parametrize(("old", "new", "key", "says"), CASES)
def test_a_mistake_names_key_and_fix(tmp_path, old, new, key, says):
    assert STUDY.count(old) == 1, old
    with pytest.raises(ManifestError) as caught:
        prepare(load_manifest(write(tmp_path, STUDY.replace(old, new))))
    texts = [text for text in caught.value.problems if says in text]
    assert texts, caught.value.problems
    assert any(f": {key}" in text and "study.toml, line" in text for text in texts), caught.value.problems


def test_a_diagram_of_lifetimes_needs_kinetics(tmp_path):
    start, end = STUDY.index("[kinetics]"), STUDY.index("[[diagram]]")
    with pytest.raises(ManifestError, match=r"needs \[kinetics\]"):
        prepare(load_manifest(write(tmp_path, STUDY[:start] + STUDY[end:])))
