"""The command line: exit codes, messages, and what is not loaded."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labile.cli import app

FC7 = Path(__file__).parent.parent / "examples" / "magnetometer" / "fc7.dat"
HEAVY = ("scipy", "numba", "pandas", "xarray", "plotly", "matplotlib")


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def labile(*arguments):
    """Run a command in this process; an error that the command did not turn into a message is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def subprocess_of(*arguments, encoding="utf-8"):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding=encoding, env=environment)


@pytest.fixture
def chi_t_csv(tmp_path):
    path = tmp_path / "data with space.csv"
    rows = "\n".join(f"{t},{3 / (1 + 2.718 ** ((150 - t) / 10)):.4f},0.02" for t in range(60, 260, 10))
    path.write_text(f"T (K),chiT (cm3 K/mol),sigma chiT (cm3 K/mol)\n{rows}\n")
    return path


def test_help_lists_every_command():
    done = labile("--help")
    assert done.returncode == 0
    for name in ("new", "check", "diagram", "run", "read", "reduce", "formats", "cite"):
        assert f"\n  {name} " in done.stdout


def test_version():
    import labile as package

    assert labile("--version").stdout.strip() == f"labile {package.__version__}"


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--help"], (*HEAVY, "numpy")),
        (["formats"], (*HEAVY, "numpy")),
        (["read", str(FC7)], HEAVY),
        (["read", "--json", str(FC7)], HEAVY),
    ],
    ids=["help", "formats", "read", "read-json"],
)
def test_nothing_heavy_is_loaded(arguments, forbidden):
    code = (
        "import sys\nsys.argv = ['labile', *sys.argv[1:]]\nfrom labile.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"sys.stderr.write(','.join(m for m in {forbidden!r} if m in sys.modules))\n"
    )
    done = subprocess_of("-c", code, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_formats():
    done = labile("formats", "--json")
    names = [row["name"] for row in json.loads(done.stdout)]
    assert names[0] == "quantum_design"
    assert "tables" in names
    assert "quantum_design" in labile("formats").stdout


def test_read_says_what_a_file_is_and_draws_it():
    done = labile("read", FC7)
    assert done.returncode == 0
    assert "quantum_design" in done.stdout
    assert "193 points" in done.stdout
    assert "10.1 mg" in done.stdout
    assert "temperature / K" in done.stdout
    content = json.loads(labile("read", "--json", FC7).stdout)
    (measurement,) = content[0]["measurements"]
    assert measurement["attributes"]["molar_mass"] == pytest.approx(0.70495, abs=1e-12)
    assert measurement["points"] == 193


def test_read_on_a_console_without_unicode():
    done = subprocess_of("-m", "labile", "read", FC7, encoding="cp1252")
    assert done.returncode == 0, done.stderr
    assert "|o" in done.stdout


def test_read_into_a_picture(tmp_path, chi_t_csv):
    picture = tmp_path / "sub" / "picture.svg"
    done = labile("read", chi_t_csv, "--out", picture)
    assert done.returncode == 0, done.stderr
    assert b"<svg" in picture.read_bytes()
    done = labile("read", chi_t_csv, "--out", tmp_path / "picture.docx")
    assert done.returncode == 2
    assert "must end in .png, .svg or .pdf" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n300", "line 4: the file stops in the middle of this row"),
        (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,2.0\n200,2.0\n", "line 4: the same numbers as line 3"),
        (b"T (K),chiT (cm3 K/mol)\n100,1.0\n200,abc\n", "line 3, column 2"),
        (
            b"T (\xc2\xb0C),chiT (cm3 K/mol)\n-280,1.0\n0,2.0\n",
            "line 2: the temperature is -6.85 K, it must be above 0 K;",
        ),
        (b"T (K),chiT\n100,1.0\n", "line 1, column 2 'chiT': chi_t: the unit is missing"),
        (b"T (K),chiT (kbar)\n100,1.0\n", "line 1, column 2 'chiT (kbar)': chi_t: unit 'kbar' has the wrong dimension"),
        (b"\x00\x01\x02\xff" * 90, "it is binary data, not text"),
    ],
    ids=["mid-row", "duplicate", "text", "cold", "no unit", "dimension", "binary"],
)
def test_bad_files_are_one_error_with_their_line(tmp_path, content, words):
    (tmp_path / "bad.csv").write_bytes(content)
    for command in (["read"], ["reduce", "magnetometry"]):
        done = labile(*command, tmp_path / "bad.csv", "--out", tmp_path / "out.png")
        assert done.returncode == 2
        assert done.stderr.startswith("labile: bad.csv")
        assert words in done.stderr
        assert done.stderr.count("labile: ") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


def test_read_goes_on_after_a_bad_file(tmp_path, chi_t_csv):
    (tmp_path / "empty.csv").write_bytes(b"")
    done = labile("read", tmp_path / "empty.csv", tmp_path / "none.csv", chi_t_csv)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "labile: empty.csv: the file is empty"
    assert "there is no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert "20 points" in done.stdout


def test_reduce_with_the_header_of_the_file(tmp_path):
    options = [
        "--reader",
        "header_meaning.SAMPLE_VOLUME=eicosane_mass/mg",
        "--diamagnetic-susceptibility",
        "-319e-6 cm3/mol",
    ]
    done = labile("reduce", "magnetometry", FC7, *options, "--json", "--out", tmp_path / "red")
    assert done.returncode == 0, done.stderr
    (measurement,) = json.loads(done.stdout)["measurements"]
    # chi_m T of the Er sample near 300 K, computed independently of this program (see shared data notes): 11.37
    assert measurement["temperatures_K"][-1] == pytest.approx(300, abs=0.5)
    assert measurement["values"][-1] == pytest.approx(11.37, rel=0.01)
    assert [p.name for p in (tmp_path / "red").iterdir()] == ["fc7.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["magnetometry", FC7], "no diamagnetic correction is known"),
        (["magnetism", FC7], "there are: magnetometry, pyroelectricity"),
        (["magnetometry", FC7, "--sample-mass", "10"], "'10' has no unit"),
        (["magnetometry", FC7, "--set", "matrix=wax", "--set", "matrix_mass=3 mg"], "wax"),
        (["magnetometry", FC7, "--set", "matrix"], "write NAME=VALUE"),
        (["magnetometry", FC7, "--set", "mas=3 mg"], "unknown key"),
        (["magnetometry", FC7, "--quantity", "p"], "there are: chi_t"),
        (["pyroelectricity", FC7], "holds moment"),
    ],
    ids=range(8),
)
def test_reduce_refuses(arguments, words):
    done = labile("reduce", *arguments)
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_new_makes_a_study_that_runs(tmp_path, chi_t_csv):
    folder = tmp_path / "new study"
    done = labile("new", folder, FC7, chi_t_csv, "--title", 'two "files"')
    assert done.returncode == 0, done.stderr
    assert "still to do" not in done.stdout
    assert sorted(p.name for p in folder.iterdir()) == ["data with space.csv", "fc7.dat", "study.toml"]
    again = labile("new", folder, FC7)
    assert again.returncode == 2
    assert "is already there" in again.stderr
    checked = labile("check", folder, "--json")
    assert checked.returncode == 0, checked.stderr
    assert [m["quantity"] for m in json.loads(checked.stdout)["measurements"]] == ["chi_t", "chi_t"]
    ran = labile("run", folder, "--json")
    assert ran.returncode == 0, ran.stderr
    content = json.loads(ran.stdout)
    assert content["title"] == 'two "files"'
    assert content["fit"] is None
    sha = content["measurements"][0]["parts"][0]["provenance"]["sha256"]
    assert len(sha) == 64
    assert (folder / "results" / "report.html").stat().st_size > 1000
    # the values of the switching curve can be read back from the table
    table = (folder / "results" / "tables" / "data_data_with_space.csv").read_text(encoding="utf-8-sig")
    assert table.splitlines()[0].startswith("temperature (K),chi_t (")


def test_new_says_what_is_missing(tmp_path):
    raw = tmp_path / "raw.csv"
    raw.write_text("T (K),field (T),moment (emu)\n100,0.1,1e-3\n200,0.1,2e-3\n")
    done = labile("new", tmp_path / "s", raw)
    assert done.returncode == 0
    assert "its header gives no sample_mass" in done.stdout
    ran = labile("run", tmp_path / "s")
    assert ran.returncode == 2
    assert "sample_mass" in ran.stderr
    assert not (tmp_path / "s" / "results").exists()


def test_new_writes_nothing_for_an_unreadable_file(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"")
    done = labile("new", tmp_path / "s", tmp_path / "x.csv")
    assert done.returncode == 2
    assert not (tmp_path / "s").exists()


def test_wrong_manifest_is_one_clean_message(tmp_path):
    (tmp_path / "study.toml").write_text("[study]\ntitel = 'x'\n")
    for arguments in (["check"], ["run"], ["cite"]):
        done = labile(*arguments, tmp_path)
        assert done.returncode == 2
        assert "study.toml, line 2: study.titel: unknown key; did you mean 'title'?" in done.stderr
        assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["study.toml"]


def test_unknown_command_and_missing_argument():
    assert labile("fly").returncode == 2
    assert labile("run").returncode == 2


def test_a_fit_that_does_not_converge_exits_with_1(tmp_path):
    text = (FC7.parent.parent / "dpp_loop" / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text + "[fit]\nstarts = 1\nmax_iterations = 1\n", encoding="utf-8")
    done = labile("run", tmp_path)
    assert done.returncode == 1, done.stderr
    assert "stopped at the iteration limit" in done.stderr
    content = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert content["fit"]["status"] == "max_iterations"


def test_cite_prints_bibtex():
    feco = FC7.parent.parent / "feco"
    done = labile("cite", feco)
    assert done.returncode == 0, done.stderr
    for key in ("@software{labile,", "@article{Sadhukhan2021,", "@article{SoraiSeki1974,", "@article{Schwarz1978,"):
        assert key in done.stdout
    assert {row["doi"] for row in json.loads(labile("cite", "--json", feco).stdout)} >= {"10.1063/1.1677511"}


def test_the_installed_command_is_the_same(tmp_path):
    command = shutil.which("labile", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.fail("the labile command is not installed beside this interpreter")
    assert subprocess.run([command, "--version"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", ["smooth", "p"])
def test_the_model_of_a_new_study_runs_when_it_is_uncommented_as_told(tmp_path, name):
    """Simulated data; the comment says which lines to change."""
    curve = {"smooth": lambda t: 3.3 / (1 + 2.718 ** ((150 - t) / 10)), "p": lambda t: 3 - abs(t - 150) / 100}[name]
    title = {"smooth": "chiT (cm3 K/mol)", "p": "p (nC cm-2 K-1)"}[name]
    rows = "\n".join(f"{t},{curve(t):.4f}" for t in range(60, 260, 10))
    (tmp_path / "simulated.csv").write_text(f"T (K),{title}\n{rows}\n")
    assert labile("new", tmp_path / "s", tmp_path / "simulated.csv").returncode == 0
    manifest = tmp_path / "s" / "study.toml"
    head, mark, block = manifest.read_text(encoding="utf-8").partition("## all lines below these two")
    first, _, rest = block.partition("\n")
    lines = [line.removeprefix("#").removeprefix(" ") for line in rest.split("\n")]
    text = head.replace("# sigma", "sigma") + mark + first + "\n" + "\n".join(lines)
    manifest.write_text(text, encoding="utf-8")
    checked = labile("check", tmp_path / "s")
    assert checked.returncode == 0, checked.stderr
    assert "model slichter_drickamer, free: HS.enthalpy, HS.entropy, LS-HS.interaction" in checked.stdout
    # a two-state model need not explain every curve, but its input is never wrong
    expected = (0,) if name == "smooth" else (0, 1)
    assert labile("run", tmp_path / "s").returncode in expected


DIAGRAM = """\
[study]
title = "two states"
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
x = { axis = "pressure", range = [0, 8], unit = "kbar", grid = 11 }
y = { axis = "temperature", range = [200, 400], grid = 11 }
points = [{ label = "XRD", temperature = 300, pressure = "2 kbar", states = ["HS"] }]
"""


def test_diagram_writes_files_and_tells_its_lines(tmp_path):
    (tmp_path / "study.toml").write_text(DIAGRAM)
    done = labile("diagram", tmp_path, "--out", tmp_path / "drawn")
    assert done.returncode == 0, done.stderr
    assert "LS ⇌ HS" in done.stdout
    assert "XRD: stable" in done.stdout
    assert (tmp_path / "drawn" / "diagram.nc").is_file()
    content = json.loads(labile("diagram", tmp_path, "--json").stdout)
    assert content["diagrams"][0]["critical_points"][0]["temperature_K"] == pytest.approx(360.817, abs=1e-3)
    assert (tmp_path / "diagrams" / "diagram_T-P.svg").is_file()
    assert "diagram T-P over pressure and temperature" in labile("check", tmp_path).stdout


def test_diagram_of_a_study_without_one(tmp_path):
    (tmp_path / "study.toml").write_text(DIAGRAM.replace('axis = "pressure"', 'axis = "presure"'))
    done = labile("diagram", tmp_path)
    assert done.returncode == 2
    assert "line 14" in done.stderr
    (tmp_path / "study.toml").write_text(DIAGRAM[: DIAGRAM.index("[material]")] + MEASUREMENT_ALONE)
    done = labile("diagram", tmp_path)
    assert done.returncode == 2
    assert "there is no [[diagram]]" in done.stderr


MEASUREMENT_ALONE = """\
[[measurement]]
label = "chi*T"
technique = "magnetometry"
quantity = "chi_t"
unit = "cm^3 K/mol"
temperature = [200, 250]
values = ["0.45(2)", "1.50(2)"]
"""
