"""`[[phase]]` of a manifest: the diagram it gives, and mistakes with their keys."""

import pytest

from labile.study.diagram import study_diagrams, write_diagrams
from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare

STUDY = """\
[study]
title = "two phases"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "van_t_hoff"
[parameters]
"HS.enthalpy" = { value = 200, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"HS.volume" = { value = 10, unit = "cm^3/mol" }
[[phase]]
label = "I"
[[phase]]
label = "II"
parameters = { "enthalpy" = { value = -1500, unit = "J/mol" }, "entropy" = { value = -8, unit = "J/K/mol" } }
[[diagram]]
label = "phases"
kind = "phases"
x = { axis = "pressure", range = [0, 8], unit = "kbar", grid = 5 }
y = { axis = "temperature", range = [100, 400], grid = 31 }
points = [{ label = "low", temperature = 120, phase = "I", states = ["LS"] }]
"""


def write(tmp_path, text):
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_boundary_and_the_observation(tmp_path):
    _, (one,) = study_diagrams(write(tmp_path, STUDY))
    (line,) = one.lines.of_kind("coexistence")
    assert line.temperature == pytest.approx(187.5, abs=1e-6)
    # 1500 - 8*120
    assert one.verdicts[0].excess == pytest.approx(540.0, abs=1e-6)
    assert one.to_dict()["kind"] == "phases"
    names = {path.name for path in write_diagrams([one], tmp_path / "out")}
    assert {"diagram.nc", "diagram_phases.png", "diagram_phases_points.csv", "diagram_phases_lines.csv"} <= names


def test_a_phase_may_lack_states_and_have_its_own_enthalpy(tmp_path):
    own = STUDY.replace(
        '"entropy" = { value = -8', '"HS.enthalpy" = { value = 150, unit = "kJ/mol" }, "entropy" = { value = -8'
    )
    prepared = prepare(load_manifest(write(tmp_path, own)))
    assert prepared.phases.values["II/HS.enthalpy"] == 150e3
    third = ', { name = "X", spin = 0 }]'
    more = own.replace('{ name = "HS", spin = 2 }]', '{ name = "HS", spin = 2 }' + third)
    more = more.replace('[[phase]]\nlabel = "II"', '[[phase]]\nlabel = "II"\nstates = ["LS", "HS"]')
    more = more.replace("[[phase]]", '"X.enthalpy" = { value = 1, unit = "kJ/mol" }\n"X.entropy" = { value = 0, unit ='
                        ' "J/K/mol" }\n"X.volume" = { value = 0, unit = "cm^3/mol" }\n[[phase]]', 1)  # fmt: skip
    prepared = prepare(load_manifest(write(tmp_path, more)))
    assert prepared.phases.phases.entries == (("LS", "I"), ("HS", "I"), ("X", "I"), ("LS", "II"), ("HS", "II"))


CASES = [
    ('label = "II"', 'label = "I"', "phase[2].label", "labels must differ"),
    ('label = "II"', 'label = "HS"', "phase[2].label", "is the label of a phase and the name of a state"),
    ('label = "II"', 'label = "II"\nstates = ["X"]', "phase[2].states", "no state of the material"),
    ('"enthalpy" = { value = -1500, unit = "J/mol" }, ', "", "phase[2]", "no enthalpy"),
    ('value = -1500, unit = "J/mol"', "value = -1500", "phase[2].parameters.enthalpy", "unit is missing"),
    ('"enthalpy" = { value = -1500', '"enthalpie" = { value = -1500', "phase[2].parameters.enthalpie", "did you mean"),
    ('phase = "I"', 'phase = "X"', "diagram[1].points[1].phase", "no phase of the crystal"),
    ('axis = "pressure", range = [0, 8], unit = "kbar"', 'axis = "HS.entropy", range = [1, 8], unit = "J/K/mol"',
     "diagram[1]", "temperature and pressure"),
    ('kind = "phases"', 'kind = "states"', "diagram[1].points[1].phase", 'of kind = "phases"'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "says"), CASES)
def test_a_mistake_names_key_and_fix(tmp_path, old, new, key, says):
    assert STUDY.count(old) == 1, old
    with pytest.raises(ManifestError) as caught:
        prepare(load_manifest(write(tmp_path, STUDY.replace(old, new))))
    assert any(says in text and f": {key}" in text for text in caught.value.problems), caught.value.problems


def test_one_phase_is_no_choice_and_a_diagram_of_phases_needs_them(tmp_path):
    first, second = STUDY.index("[[phase]]"), STUDY.index('[[phase]]\nlabel = "II"')
    end = STUDY.index("[[diagram]]")
    with pytest.raises(ManifestError, match="two or more"):
        prepare(load_manifest(write(tmp_path, STUDY[:second] + STUDY[end:])))
    with pytest.raises(ManifestError, match="needs two or more"):
        prepare(load_manifest(write(tmp_path, STUDY[:first] + STUDY[end:])))
