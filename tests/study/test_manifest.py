"""Every kind of mistake in a manifest: one clear message with file, line, key and what to do."""

import pytest

from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare

GOOD = """\
[study]
title = "test"
[material]
formula = "C30H22FeN12S2"
space_group = "P 21"
polar_axis = "b"
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "slichter_drickamer"
[parameters]
"HS.enthalpy" = { value = 15, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"LS-HS.interaction" = { value = 3, unit = "kJ/mol" }
"HS.chi_t" = { value = 3.0, unit = "cm^3 K/mol", fixed = true }
[[measurement]]
label = "chi*T"
technique = "magnetometry"
quantity = "chi_t"
unit = "cm^3 K/mol"
temperature = [200, 250, 300]
values = ["0.45(2)", "1.50(2)", "2.60(2)"]
"""


def problems_of(tmp_path, text, files=()):
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    for name, content in files:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        prepare(load_manifest(tmp_path))
    return caught.value.problems


def swap(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_good_manifest_is_accepted(tmp_path):
    (tmp_path / "study.toml").write_text(GOOD, encoding="utf-8")
    prepared = prepare(load_manifest(tmp_path / "study.toml"))
    assert prepared.joint.parameters.free_names == ("HS.enthalpy", "HS.entropy", "LS-HS.interaction")
    assert prepared.measurements[0].describe_point(1) == "1.50(2) cm³ K mol⁻¹ at 250 K"
    assert len(prepared.key) == 64


CASES = [
    # (old, new, line, key, words of the fix)
    ('title = "test"', 'titel = "test"', 2, "study.titel", "did you mean 'title'?"),
    ('title = "test"', "notes = 'x'", 1, "study.title", 'write title = "..."'),
    ("[parameters]", "[drawing]\nx = 1\n[parameters]", 10, "drawing", "unknown key; there are: study, material"),
    ('builder = "slichter_drickamer"', 'builder = "slichter"', 8, "model", "there are: van_t_hoff"),
    (
        'builder = "slichter_drickamer"',
        'builder = "slichter_drickamer"\noptions = { width = 3 }',
        8,
        "model",
        "unknown option 'width'",
    ),
    ("{ value = 15, unit", "{ value = 15, uint", 11, 'parameters."HS.enthalpy".uint', "did you mean 'unit'?"),
    ('{ value = 15, unit = "kJ/mol" }', "{ value = 15 }", 11, 'parameters."HS.enthalpy"', 'unit = "kJ/mol"'),
    ('{ value = 15, unit = "kJ/mol" }', "15", 11, 'parameters."HS.enthalpy"', "{ value = 60, unit"),
    ('value = 15, unit = "kJ/mol"', 'value = 15, unit = "kbar"', 11, 'parameters."HS.enthalpy"', "wrong dimension"),
    ('value = 15, unit = "kJ/mol"', 'value = 15, unit = "kJoule"', 11, 'parameters."HS.enthalpy"', "kJoule"),
    (
        'value = 15, unit = "kJ/mol"',
        'value = 15, min = 20, unit = "kJ/mol"',
        11,
        'parameters."HS.enthalpy"',
        "outside its bounds",
    ),
    ('"HS.entropy" =', '"HS.entrophy" =', 12, 'parameters."HS.entrophy"', "did you mean 'HS.entropy'?"),
    ('"HS.entropy" = { value = 60, unit = "J/K/mol" }\n', "", 10, "parameters", '"HS.entropy" = { value = ..., unit'),
    (
        'value = 3, unit = "kJ/mol"',
        'value = 0, unit = "kJ/mol"',
        13,
        'parameters."LS-HS.interaction"',
        "starts at 0 without bounds on both sides, and nothing says how far to look; give min and max",
    ),
    (
        'value = 3, unit = "kJ/mol"',
        'unit = "kJ/mol", min = 0',
        13,
        'parameters."LS-HS.interaction"',
        "has no value, so it starts at 0 without bounds on both sides",
    ),
    ("value = 15, unit", "value = nan, unit", 11, 'parameters."HS.enthalpy".value', "a finite number"),
    ("[model]", "[report]\ntemperature = [300, 10]\n[model]", 9, "report.temperature", "that rise from above 0"),
    ("[model]", "[report]\ntemperature = [0, 300]\n[model]", 9, "report.temperature", "that rise from above 0"),
    ('unit = "cm^3 K/mol"\ntemperature', "temperature", 15, "measurement[1]", "usually given in cm^3 K/mol"),
    (
        'unit = "cm^3 K/mol"\ntemperature',
        'unit = "nC/cm^2/K"\ntemperature',
        19,
        "measurement[1].unit",
        "wrong dimension",
    ),
    ("[200, 250, 300]", "[200, 0, 300]", 20, "measurement[1].temperature[2]", "above 0 K"),
    ("[200, 250, 300]", "[200, 300]", 21, "measurement[1].values", "3 values need as many temperatures, found 2"),
    ('"1.50(2)"', '"1.5O(2)"', 21, "measurement[1].values[2]", "is not a number"),
    ('"1.50(2)"', '"1.50"', 21, "measurement[1].values[2]", "no uncertainty although others have"),
    ('["0.45(2)", "1.50(2)", "2.60(2)"]', "[0.45, 1.5, 2.6]", 15, "measurement[1]", "give sigma"),
    ('technique = "magnetometry"', 'technique = "magnetism"', 17, "measurement[1].technique", "magnetometry, pyro"),
    ('quantity = "chi_t"', 'quantity = "chit"', 18, "measurement[1].quantity", "there are: chi_t"),
    ('quantity = "chi_t"\n', "", 15, "measurement[1]", "write quantity = one of chi_t"),
    ('label = "chi*T"', 'label = " "', 16, "measurement[1].label", "must not be empty"),
    ('label = "chi*T"', 'label = "chi*T"\nbranch = "up"', 17, "measurement[1].branch", "'heating'"),
    ('label = "chi*T"', 'label = "chi*T"\nnoise = "free"', 15, "measurement[1]", "at least 20 points"),
    ('label = "chi*T"', 'label = "chi*T"\nfile = "x.csv"', 15, "measurement[1]", "exactly one of file"),
    ('label = "chi*T"', 'label = "chi*T"\njump = [3]', 17, "measurement[1].jump", "e.g. [140, 142]"),
    (
        'label = "chi*T"',
        'label = "chi*T"\ntemperature_offset = { prior_sigma = 1 }',
        17,
        "measurement[1].temperature_offset.prior_sigma",
        "has no unit",
    ),
    (
        'label = "chi*T"',
        'label = "chi*T"\nobservable = { residual = "HS" }',
        17,
        "measurement[1].observable.residual",
        "did you mean 'residual_state'?",
    ),
    ('space_group = "P 21"', 'space_group = "P 21/c"', 5, "material.space_group", "is not polar"),
    ('space_group = "P 21"', 'space_group = "P21x"', 5, "material.space_group", "Hermann-Mauguin"),
    ('formula = "C30H22FeN12S2"', 'formula = "C30Xx"', 4, "material.formula", "C30Xx"),
    ("spin = 0", "spin = 0.3", 7, "material.states[1]", "no half-integer"),
    ("[model]", "[[model]]", 8, "model", "expected a table"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "fix"), CASES, ids=[f"{c[3]}-{i}" for i, c in enumerate(CASES)])
def test_one_mistake_one_message(tmp_path, old, new, line, key, fix):
    problems = problems_of(tmp_path, swap(old, new))
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"study.toml, line {line}: {key}: "), problems[0]
    assert fix in problems[0], problems[0]


def test_all_mistakes_are_reported_together(tmp_path):
    text = (
        swap("[200, 250, 300]", "[200, -3, 300]").replace('"C30H22FeN12S2"', '"Qq"').replace("slichter_d", "slichte_d")
    )
    problems = problems_of(tmp_path, text)
    assert [p.split(": ")[1] for p in problems] == ["material.formula", "model", "measurement[1].temperature[2]"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[study\ntitle = 1", 1, "not valid TOML"),
        ("[study]\ntitle = 'a'\ntitle = 'b'", 3, "not valid TOML"),
        ("[study]\ntitle = 'a", 2, "not valid TOML"),
    ],
)
def test_broken_toml_names_its_line(tmp_path, text, line, words):
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"study.toml, line {line}: ")
    assert words in problem


def test_not_utf8(tmp_path):
    (tmp_path / "study.toml").write_bytes("[study]\ntitle = 'Mössbauer'".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"line 2: not UTF-8 text; save the manifest as UTF-8"):
        load_manifest(tmp_path)


def test_byte_order_mark_and_crlf_are_fine(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert prepare(load_manifest(tmp_path)).joint is not None


def test_missing_manifest(tmp_path):
    with pytest.raises(ManifestError, match=r"there is no such manifest; give a study.toml or its folder"):
        load_manifest(tmp_path)


def test_unquoted_parameter_names_mean_the_same(tmp_path):
    text = GOOD.replace('"HS.enthalpy"', "HS.enthalpy").replace('"LS-HS.interaction"', "LS-HS.interaction")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert prepare(load_manifest(tmp_path)).joint.parameters["HS.enthalpy"].value == 15e3
    problems = problems_of(tmp_path, text.replace('15, unit = "kJ/mol"', "15"))
    assert problems[0].startswith('study.toml, line 11: parameters."HS.enthalpy": the unit is missing')


POLAR = """
[[measurement]]
label = "p"
technique = "pyroelectricity"
quantity = "pyroelectric_coefficient"
unit = "nC/cm^2/K"
statements = [{ kind = "value", at = 200, value = "3.8(2)" }]
"""


def test_polar_quantity_in_a_non_polar_space_group(tmp_path):
    text = swap('space_group = "P 21"\npolar_axis = "b"', 'space_group = "P 21/c"') + POLAR
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("study.toml, line 25: measurement[2].quantity: space group 'P 21/c' is not polar")
    assert "leave the polar measurement out" in problem
    # one wrong space group is one mistake, however many polar measurements there are and whatever else it forbids
    both = text + POLAR.replace('"p"', '"p, second crystal"')
    assert problems_of(tmp_path, both) == (problem,)
    (problem,) = problems_of(tmp_path, swap('space_group = "P 21"', 'space_group = "P 21/c"') + POLAR)
    assert problem.startswith("study.toml, line 5: material.space_group: space group 'P 21/c' is not polar")


def test_a_label_used_twice_is_one_mistake(tmp_path):
    start = GOOD.index("[[measurement]]")
    (problem,) = problems_of(tmp_path, GOOD + GOOD[start:])
    assert problem.startswith("study.toml, line 23: measurement[2].label: 'chi*T' is used twice")


STATEMENTS = [
    ('{ kind = "valu", at = 120, value = "3.00(3)" }', "statements[1].kind", "use one of value, maximum"),
    ('{ kind = "value", value = "3.00(3)" }', "statements[1]", "write for instance at = 120 (in K)"),
    ('{ kind = "value", at = 120, value = 3.0 }', "statements[1].value", "no uncertainty"),
    ('{ kind = "value", at = 120, value = "3.00(3)", sigma = 0.1 }', "statements[1].value", "keep one"),
    ('{ kind = "value", at = -5, value = "3.00(3)" }', "statements[1].at", "above 0 K"),
    ('{ kind = "value", at = 120, window = [1, 2], value = "x" }', "statements[1].value", "is not a number"),
    ('{ kind = "difference", value = "3.00(3)" }', "statements[1]", "needs between"),
    ('{ kind = "maximum", at = 120, window = [1, 2], value = "3.00(3)" }', "statements[1].at", "it is for value"),
    ('{ kind = "maximum", value = "3.00(3)" }', "statements[1]", "needs a window"),
    ('{ kind = "maximum", window = [120, 60], value = "3.00(3)" }', "statements[1]", "window must rise"),
    ('{ kind = "maximum_position", window = [60, 120], value = "90(1)" }', "statements[1].value", "given in K"),
    ('{ kind = "t_half_up", value = "-5(1)", unit = "K" }', "statements[1].value", "must be above 0 K"),
    ('{ kind = "hysteresis_width", value = -40, sigma = 1, unit = "K" }', "statements[1].value", "must be above 0 K"),
    ('{ kind = "value", at = 120, value = "<3", limit = ">", sigma = 0.1 }', "statements[1].value", "contradicts"),
    ('{ kind = "value", at = 120, value = "3.00(3)", unit = "kbar" }', "statements[1].value", "wrong dimension"),
]


@pytest.mark.parametrize(("statement", "key", "fix"), STATEMENTS)
def test_mistakes_in_statements(tmp_path, statement, key, fix):
    start = GOOD.index("temperature = ")
    problems = problems_of(tmp_path, GOOD[:start] + f"statements = [\n  {statement},\n]\n")
    assert problems[0].startswith(f"study.toml, line 21: measurement[1].{key}: "), problems
    assert fix in problems[0]


def test_the_same_statement_twice(tmp_path):
    start = GOOD.index("temperature = ")
    one = '{ kind = "value", at = 120, value = "3.00(3)" }'
    (problem,) = problems_of(tmp_path, GOOD[:start] + f"statements = [{one},\n{one}]\n")
    assert "line 21: measurement[1].statements[2]: another statement already gives the at 120 K" in problem


def file_study(options=""):
    start = GOOD.index('unit = "cm^3 K/mol"\ntemperature')
    return GOOD[:start] + 'file = "data.csv"\n' + options


FILES = [
    (b"", "", "the file is empty"),
    (b"\x00\x01\x02\xff\xfe\x00\x00\x10" * 40, "", "data.csv"),
    (b"T (K),chiT\n100,1.0\n200,2.0\n", "", "unit"),
    (b"T (K),chiT (kbar)\n100,1.0\n200,2.0\n", "", "dimension"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n-5,2.0\n", "", "above 0 K"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,abc\n", "", "abc"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n100,1.0\n", "", "line 3"),
    (b"T (K),moment (emu)\n100,1e-3\n200,2e-3\n", "", "give the field if the file lacks it"),
    (b"T (K),p (nC cm-2 K-1)\n100,1.0\n200,2.0\n", "", "chi_t needs chi_t or moment"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n", "reduction = { mass = '1 mg' }\n", "nothing to reduce"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n", "format = 'qd'\n", "there is no format 'qd'"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n", "reader = { colums = 1 }\n", "its options are"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n", "", "give sigma"),
    (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n", "sigma = 0.1\n", "with its unit in quotes"),
]


@pytest.mark.parametrize(("content", "options", "words"), FILES, ids=range(len(FILES)))
def test_mistakes_in_files(tmp_path, content, options, words):
    problems = problems_of(tmp_path, file_study(options), [("data.csv", content)])
    assert len(problems) == 1, problems
    assert problems[0].startswith("study.toml, line "), problems
    assert words in problems[0], problems


def test_a_file_that_is_not_there(tmp_path):
    (problem,) = problems_of(tmp_path, file_study())
    assert problem.startswith("study.toml, line 19: measurement[1].file: ")
    assert "there is no such file" in problem


def test_missing_mass_and_area(tmp_path):
    raw = b"T (K),field (T),moment (emu),sigma moment (emu)\n100,0.1,1e-3,1e-5\n200,0.1,2e-3,1e-5\n"
    (problem,) = problems_of(tmp_path, file_study("reduction = { molar_mass = '500 g/mol' }\n"), [("data.csv", raw)])
    assert "sample_mass" in problem
    (problem,) = problems_of(tmp_path, file_study("reduction = { sample_mass = '10' }\n"), [("data.csv", raw)])
    assert problem.startswith("study.toml, line 20: measurement[1].reduction.sample_mass: '10' has no unit")
    (problem,) = problems_of(tmp_path, file_study("reduction = { sample_mas = '10 mg' }\n"), [("data.csv", raw)])
    assert problem.startswith("study.toml, line 20: measurement[1].reduction.sample_mas: unknown key; did you mean")
    log = "\n".join(f"{i * 10},{50 + i},1e-12" for i in range(60))
    text = file_study().replace("magnetometry", "pyroelectricity").replace('"chi_t"', '"pyroelectric_coefficient"')
    text = text.replace('"HS.chi_t" = { value = 3.0, unit = "cm^3 K/mol", fixed = true }\n', "")
    (problem,) = problems_of(tmp_path, text, [("data.csv", f"time (s),T (K),current (A)\n{log}\n".encode())])
    assert "area" in problem


def test_comparison_problems_name_the_comparison(tmp_path):
    text = GOOD + '[[comparison]]\nname = "ideal"\nbuilder = "van_t_hoff"\n'
    text += '[comparison.parameters]\nHS.entropi = { value = 1, unit = "J/K/mol" }\n'
    problems = problems_of(tmp_path, text)
    assert problems[0].startswith('study.toml, line 26: comparison[1].parameters."HS.entropi": no such parameter')
    assert "did you mean 'HS.entropy'?" in problems[0]
    problems = problems_of(tmp_path, GOOD + '[[comparison]]\nname = "model"\nbuilder = "van_t_hoff"\n')
    assert "is taken" in problems[0]


def test_priors_offsets_ties_and_shared_shifts(tmp_path):
    keys = 'instrument = "mpms"\ntemperature_offset = { prior_sigma = "1 K" }\nfactor = { prior_sigma = 0.05 }'
    text = swap('label = "chi*T"', f'label = "chi*T"\n{keys}')
    text = text.replace(
        '"HS.entropy" = { value = 60, unit = "J/K/mol" }',
        '"HS.entropy" = { value = 60, unit = "J/K/mol", prior = { normal = [60, 10] } }',
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    parameters = prepare(load_manifest(tmp_path)).joint.parameters
    assert (parameters["mpms.temperature_offset"].prior.mean, parameters["mpms.temperature_offset"].prior.sigma) == (
        0,
        1,
    )
    assert parameters["sample_magnetometry.factor"].prior.sigma == 0.05
    assert parameters["sample_magnetometry.factor"].prior.mean == 1.0
    assert parameters["HS.entropy"].prior.sigma == 10.0


def test_one_mass_moves_both_branches_of_a_file(tmp_path):
    rows = [(t, 2e-3) for t in range(100, 200, 4)] + [(t, 2e-3) for t in range(199, 100, -4)]
    table = "T (K),field (T),moment (emu),sigma moment (emu)\n" + "\n".join(f"{t},0.1,{m},1e-5" for t, m in rows)
    options = "reduction = { sample_mass = '10.0(1) mg', diamagnetic_susceptibility = 'estimate' }\n"
    (tmp_path / "data.csv").write_text(table)
    (tmp_path / "study.toml").write_text(file_study(options), encoding="utf-8")
    prepared = prepare(load_manifest(tmp_path))
    assert [m.label for m in prepared.measurements] == ["chi*T, heating", "chi*T, cooling"]
    shifts = [p for p in prepared.joint.parameters if p.name.endswith("mass_shift")]
    assert [p.tie.to if p.tie else "" for p in shifts] == ["", shifts[0].name]
