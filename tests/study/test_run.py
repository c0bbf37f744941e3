"""Running, stopping and resuming a study."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from labile.study.manifest import ManifestError
from labile.study.run import OutputError, run

STUDY = """\
[study]
title = "simulated two-state crystal"
notes = "simulated data"
[material]
formula = "C30H22FeN12S2"
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "slichter_drickamer"
[parameters]
"HS.enthalpy" = { value = 14, unit = "kJ/mol", min = 0 }
"HS.entropy" = { value = 57, unit = "J/K/mol", min = 0 }
"LS-HS.interaction" = { value = 2.5, unit = "kJ/mol", min = 0 }
"HS.chi_t" = { value = 1, unit = "cm^3 K/mol", fixed = true, source = "simulated" }
[[measurement]]
label = "curve"
technique = "magnetometry"
quantity = "chi_t"
unit = "cm^3 K/mol"
source = "simulated: dH 15 kJ/mol, dS 60 J/K/mol, Gamma 3 kJ/mol"
temperature = [230, 240, 250, 260, 270]
values = ["0.152(5)", "0.271(5)", "0.500(5)", "0.693(5)", "0.785(5)"]
[fit]
starts = 2
[[comparison]]
name = "no interaction"
builder = "van_t_hoff"
[comparison.parameters]
"HS.enthalpy" = { value = 30, unit = "kJ/mol", min = 0 }
"HS.entropy" = { value = 120, unit = "J/K/mol", min = 0 }
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study; the folder's name has a space in it on purpose."""
    folder = tmp_path_factory.mktemp("a study") / "with space"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    heard = []
    result = run(folder, progress=lambda text, share: heard.append((text, share)))
    return folder, result, heard


def without_times(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content.pop("created")
    assert content.pop("timing")
    return content


def test_everything_is_written(finished):
    folder, _, heard = finished
    out = folder / "results"
    content = json.loads((out / "results.json").read_text(encoding="utf-8"))
    on_disk = {
        p.relative_to(out).as_posix()
        for p in out.rglob("*")
        if p.is_file() and ".stages" not in p.relative_to(out).parts
    }
    assert set(content["files"]) == on_disk
    assert {"report.html", "results.json", "results.nc", "tables/parameters.csv", "tables/data_curve.csv"} <= on_disk
    assert {"figures/chi_t.svg", "figures/chi_t.pdf"} <= on_disk
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_results_json_follows_its_schema(finished):
    _, result, _ = finished
    content = json.loads(result.to_json())
    assert content["schema_version"] == 1
    by_name = {p["name"]: p for p in content["fit"]["parameters"]}
    enthalpy = by_name["HS.enthalpy"]
    assert (enthalpy["unit"], enthalpy["unit_si"], enthalpy["role"]) == ("kJ/mol", "J/mol", "free")
    assert enthalpy["value_si"] == pytest.approx(1e3 * enthalpy["value"], rel=1e-12)
    assert enthalpy["sigma_si"] == pytest.approx(1e3 * enthalpy["sigma"], rel=1e-12)
    # the data were rounded to 0.001 from these values, so the fit lies well within its own uncertainty of them
    assert abs(enthalpy["value"] - 15) < enthalpy["sigma"]
    assert abs(by_name["LS-HS.interaction"]["value"] - 3) < by_name["LS-HS.interaction"]["sigma"]
    (group,) = content["measurements"]
    assert (group["label"], group["n"], group["fitted"]) == ("curve", 5, True)
    assert group["chi2"] == pytest.approx(sum(r**2 for r in group["objectives"][0]["weighted_residuals"]))
    assert content["techniques"] == [{"technique": "magnetometry", "n": 5, "chi2": group["chi2"]}]
    assert [row["name"] for row in content["comparison"]] == ["model", "no interaction"]
    first = content["comparison"][0]
    assert (first["n"], first["k"]) == (5, 3)
    assert first["bic"] == pytest.approx(content["fit"]["chi2"] + 3 * 1.6094379, rel=1e-6)
    assert content["comparison"][1]["chi2"] > 50 > 1 > first["chi2"]
    assert {"labile", "SlichterDrickamer1972", "More1978", "Schwarz1978"} <= {c["key"] for c in content["citations"]}
    assert {d["name"] for d in content["derived"]} >= {"t_half"}
    assert content["manifest"]["text"] == STUDY


def test_a_criterion_that_does_not_exist_is_null_with_its_reason(finished):
    _, result, _ = finished
    # AICc of 5 data and 3 parameters exists (5 > 4)
    row = result.to_dict()["comparison"][0]
    chi2, k, n = row["chi2"], 3, 5
    assert row["aicc"] == pytest.approx(chi2 + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def test_tables_open_in_a_spreadsheet(finished):
    folder, _, _ = finished
    raw = (folder / "results" / "tables" / "data_curve.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
    assert rows[0][:3] == ["temperature (K)", "chi_t (cm^3 K/mol)", "sigma (cm^3 K/mol)"]
    assert rows[0][3:] == ["predicted (cm^3 K/mol)", "residual (cm^3 K/mol)", "weighted residual"]
    assert len(rows) == 6
    value, sigma, predicted, residual, weighted = (float(v) for v in rows[3][1:])
    assert residual == pytest.approx(value - predicted, abs=1e-9)
    assert weighted == pytest.approx(residual / sigma, rel=1e-6)


def test_netcdf_holds_measurements_curves_and_populations(finished):
    import xarray as xr

    folder, _, _ = finished
    with xr.open_dataset(
        folder / "results" / "results.nc", group="populations/equilibrium/HS", engine="h5netcdf"
    ) as ds:
        assert ds["values"].attrs["units"] == "1"
        assert 0.0 <= float(ds["values"].min()) <= float(ds["values"].max()) <= 1.0
    with xr.open_dataset(
        folder / "results" / "results.nc", group="curves/chi_t/sample_equilibrium", engine="h5netcdf"
    ) as ds:
        assert ds.sizes["temperature"] > 100
    with xr.open_dataset(folder / "results" / "results.nc", group="measurements/curve", engine="h5netcdf") as ds:
        assert ds.sizes


def test_the_result_shows_itself(finished):
    _, result, _ = finished
    assert "FitResult" in repr(result)
    assert "<h3>simulated two-state crystal</h3>" in result._repr_html_()


def test_running_again_keeps_files_of_the_user(finished):
    folder, _, _ = finished
    before = without_times(folder / "results" / "results.json")
    (folder / "results" / "my notes.txt").write_text("keep me")
    run(folder, resume=True)
    assert (folder / "results" / "my notes.txt").read_text() == "keep me"
    assert without_times(folder / "results" / "results.json") == before
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_a_kill_between_the_two_moves_loses_nothing(finished, tmp_path):
    """The old results are aside, the new ones not yet in place: resuming puts both right."""
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    shutil.copytree(finished[0] / "results" / ".stages", tmp_path / ".results.unfinished" / ".stages")
    shutil.copytree(finished[0] / "results", tmp_path / ".results.old", ignore=shutil.ignore_patterns("my notes.txt"))
    (tmp_path / ".results.old" / "thoughts.txt").write_text("mine")
    run(tmp_path, resume=True)
    assert (tmp_path / "results" / "thoughts.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results", "study.toml"]


def test_a_foreign_folder_is_not_replaced(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds no labile results"):
        run(tmp_path, out=target)
    assert [p.name for p in target.iterdir()] == ["chapter.txt"]


def test_wrong_input_writes_nothing(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY.replace("[fit]", "[fitt]"), encoding="utf-8")
    with pytest.raises(ManifestError):
        run(tmp_path, out=tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["study.toml"]


def command(folder, *options):
    return [sys.executable, "-m", "labile", "run", str(folder), *options]


def wait_until(condition, process):
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.parametrize("moment", ["fit-0.json", "findings.json", "tables"])
def test_kill_and_resume(finished, tmp_path, moment):
    """SIGKILL after the first fit, after all fits, and while the result files are written."""
    reference = without_times(finished[0] / "results" / "results.json")
    reference["files"] = [name for name in reference["files"] if name != "my notes.txt"]
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    work = tmp_path / ".results.unfinished"
    watched = work / "tables" if moment == "tables" else work / ".stages" / moment
    process = subprocess.Popen(command(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(watched.exists, process)
    assert process.poll() is None, "the run ended before it could be killed"
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    assert not (tmp_path / "results").exists()
    done = {p.stem: json.loads(p.read_text())["seconds"] for p in (work / ".stages").glob("*.json")}
    assert "fit-0" in done
    ended = subprocess.run(command(tmp_path, "--resume"), capture_output=True, text=True, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    assert without_times(tmp_path / "results" / "results.json") == reference
    timing = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))["timing"]
    # what was finished was not computed again
    assert {name: timing[name] for name in done} == {name: round(seconds, 4) for name, seconds in done.items()}
    assert not work.exists()


def test_stages_of_another_study_are_not_used(finished, tmp_path):
    from labile.study.journal import Journal

    Journal(tmp_path, "one").stage("fit-0", lambda: {"a": 1})
    assert Journal(tmp_path, "two").stage("fit-0", lambda: {"a": 2}) == {"a": 2}
    assert Journal(tmp_path, "two").stage("fit-0", lambda: {"a": 3}) == {"a": 2}
    (tmp_path / "fit-0.json").write_text('{"key": "two", "sec')
    assert Journal(tmp_path, "two").stage("fit-0", lambda: {"a": 4}) == {"a": 4}
