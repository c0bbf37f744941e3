"""Run a study: check everything, compute stage by stage, write one folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labile import __version__
from labile.inference.comparison import compare
from labile.inference.findings import findings
from labile.inference.joint_fit import JointFit, evaluate, explain_map, fit_jointly
from labile.inference.joint_problem import JointProblem
from labile.study import analysis, journal, tables
from labile.study.citations import study_citations
from labile.study.diagram import compute_diagrams
from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import MAIN, PreparedStudy, prepare
from labile.study.results import Citation, Derived, StudyResult
from labile.study.versions import versions

RESULTS = "results.json"
OUTPUT = "results"
"""Name of the result folder beside the manifest when no other is asked for."""

Progress = Callable[[str, float], None]
"""Called with a sentence about what is being done and the share that is done (0 to 1)."""


class OutputError(ValueError):
    """A result folder that cannot be written or must not be replaced."""


def run(
    study: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    r"""Run a study and write its result folder.

    Everything is checked before anything is computed or written. Results are built in a hidden folder beside the
    result folder and moved into place when they are complete, so the result folder is always whole; what a killed
    run had finished stays in the hidden folder for ``resume=True``.

    Parameters
    ----------
    study : str or Path
        A study.toml or the folder it lies in.
    out : str or Path, optional
        Result folder; ``results`` beside the manifest by default.
    resume : bool
        Go on with what an interrupted run of this very study (same manifest, data, version) had finished.
    progress : callable, optional

    Returns
    -------
    StudyResult

    Raises
    ------
    ManifestError
        For everything that is wrong with the manifest or its data; nothing is written then.
    OutputError
        If the result folder exists and was not made by labile, or cannot be replaced.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "curve.csv").write_text("T (K),chiT (cm3 K/mol)\n120,3.00(3)\n300,3.12(3)\n")
    >>> _ = (folder / "study.toml").write_text(
    ...     '''[study]
    ... title = "a curve"
    ... [[measurement]]
    ... label = "curve"
    ... technique = "magnetometry"
    ... quantity = "chi_t"
    ... file = "curve.csv"
    ... '''
    ... )
    >>> result = run(folder)
    >>> result.measurements[0].describe_point(1), (folder / "results" / "report.html").is_file()
    ('3.12(3) cm³ K mol⁻¹ at 300 K', True)
    """
    tell = progress or (lambda text, share: None)
    tell("checking the manifest and its data", 0.0)
    prepared = prepare(load_manifest(study))
    target = output_folder(prepared.manifest.folder, out)
    work = _work_folder(target)
    key = prepared.key
    if resume and not work.exists() and (target / journal.STAGES).is_dir():
        shutil.copytree(target / journal.STAGES, work / journal.STAGES)
    if not resume and work.exists():
        shutil.rmtree(work)
    try:
        (work / journal.STAGES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target}: the result folder cannot be made ({error}); choose another with --out") from None
    log = journal.Journal(work / journal.STAGES, key)
    result = compute(prepared, log, tell)
    tell("writing tables, figures and report", 0.9)
    _write(result, work)
    _publish(work, target)
    tell("done", 1.0)
    return result


def output_folder(folder: Path, out: str | Path | None) -> Path:
    """Where results go; refuses a folder that holds something else.

    Raises
    ------
    OutputError
    """
    target = Path(out) if out is not None else folder / OUTPUT
    if target.is_file():
        raise OutputError(f"{target} is a file; name a folder with --out")
    if target.is_dir() and any(target.iterdir()) and not (target / RESULTS).is_file():
        raise OutputError(f"{target} exists and holds no labile results; name a new or empty folder with --out")
    return target


def _work_folder(target: Path) -> Path:
    return target.absolute().with_name(f".{target.absolute().name}.unfinished")


def compute(prepared: PreparedStudy, log: journal.Journal, tell: Progress) -> StudyResult:
    """Everything a study computes, stage by stage.

    Parameters
    ----------
    prepared : PreparedStudy
    log : Journal
        Holds what is already done.
    tell : callable

    Returns
    -------
    StudyResult
    """
    manifest = prepared.manifest
    settings = manifest.tables.fit
    warnings = list(prepared.warnings)
    fitted: JointFit | None = None
    others: dict[str, JointFit] = {}
    derived: list[Derived] = []
    curves: dict[str, Any] = {"panels": {}, "populations": {}}
    count = 1 + len(prepared.comparisons)

    def solve(name: str, joint: JointProblem, number: int, starts: int) -> JointFit:
        def inside(start: int, iterations: int, chi2: float) -> None:
            share = (number + (start + min(iterations / 50, 1.0)) / starts) / count
            tell(f"fitting {name}: start {start + 1} of {starts}, chi2 {chi2:.4g}", 0.05 + 0.65 * share)

        def work() -> dict[str, Any]:
            return journal.encode_fit(
                fit_jointly(
                    joint,
                    starts=starts,
                    seed=settings.seed,
                    max_iterations=settings.max_iterations,
                    progress=inside,
                )
            )

        return journal.decode_fit(log.stage(f"fit-{number}", work), joint)

    found: tuple[Any, ...] = ()
    if prepared.joint is not None:
        fitted = solve(
            manifest.tables.model.builder if manifest.tables.model else "", prepared.joint, 0, settings.starts
        )
        own = {table.name: table.starts or settings.starts for table in manifest.tables.comparison}
        others = {
            name: solve(name, joint, number, own[name])
            for number, (name, joint) in enumerate(prepared.comparisons.items(), 1)
        }
        tell("asking what the data determine", 0.72)
        main = fitted
        found = tuple(
            journal.decode_finding(item)
            for item in log.stage("findings", lambda: [journal.encode_finding(f) for f in findings(main, others)])
        )
        tell("computing curves", 0.82)
        derived = [
            Derived(**item) for item in log.stage("derived", lambda: [vars(d) for d in analysis.derived_numbers(main)])
        ]
        curves = _decode_curves(log.stage("curves", lambda: _encode_curves(main, manifest.tables.report.temperature)))
        warnings += [*main.warnings, *curves["notes"]]
        warnings += [f"{name}: {text}" for name, other in others.items() for text in other.warnings]
    evaluations = () if fitted is None else evaluate(fitted)
    maps = () if fitted is None else [o for o in fitted.joint.objectives if o.is_map]
    explained = {o.label: explain_map(fitted, o) for o in maps} if fitted is not None else {}
    for label, method in prepared.techniques.items():
        parts = [m for m in prepared.measurements if prepared.groups[m.label] == label]
        if parts:
            derived += analysis.measured_numbers(parts, label, method)
    rows = compare({MAIN: fitted, **others}) if fitted is not None and others else ()
    pictures = analysis.panels(
        fitted, prepared.measurements, evaluations, curves["panels"], prepared.techniques, prepared.groups
    )
    runs: tuple[Any, ...] = ()
    merit: tuple[tuple[str, ...], ...] = ()
    if fitted is not None and prepared.pyroelectricity is not None:
        from labile.study.pyroelectric_outlook import pyroelectric_outlook

        outlook = pyroelectric_outlook(prepared.pyroelectricity, fitted, pictures, prepared.material)
        derived += outlook.derived
        runs, merit = outlook.runs, outlook.merit
    if prepared.diagrams:
        tell("computing diagrams", 0.86)
    diagrams = compute_diagrams(prepared.diagrams, prepared.model, dict(prepared.model_values), fitted)
    used = manifest.tables
    return StudyResult(
        title=used.study.title,
        manifest_name=manifest.path.name,
        manifest_text=manifest.text,
        key=prepared.key,
        authors=tuple(used.study.authors),
        references=tuple(used.study.references),
        notes=used.study.notes,
        sections=tuple(used.report.sections),
        material=prepared.material,
        model=None if prepared.joint is None else prepared.joint.model,
        fit=fitted,
        evaluations=evaluations,
        comparisons=rows,
        comparison_fits=others,
        findings=found,
        panels=pictures,
        populations=curves["populations"],
        measurements=prepared.measurements,
        techniques={
            **prepared.techniques,
            **{m.label: prepared.techniques[prepared.groups[m.label]] for m in prepared.measurements},
        },
        groups=prepared.groups,
        derived=tuple(derived),
        citations=citations(prepared, fitted, bool(rows)),
        warnings=tuple(dict.fromkeys(warnings)),
        versions=versions(),
        expected_runs=runs,
        figures_of_merit=merit,
        diagrams=diagrams,
        explained=explained,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        timing={name: round(seconds, 4) for name, seconds in log.seconds.items()},
    )


def citations(prepared: PreparedStudy, fitted: JointFit | None, compared: bool) -> tuple[Citation, ...]:
    """Literature of a prepared study; `fitted` may be missing before it was run."""
    used = prepared.manifest.tables
    models: list[tuple[str, tuple[str, ...]]] = []
    engine: tuple[str, ...] = ()
    references = list(used.study.references)
    if prepared.joint is not None:
        models = [
            (joint.model.name, joint.model.citations) for joint in (prepared.joint, *prepared.comparisons.values())
        ]
        engine = fitted.result.citations if fitted is not None else ("More1978",)
        references += [o.statement.source for o in prepared.joint.objectives if o.statement is not None]
    references += [spec.source for spec in used.measurement]
    reduced = {prepared.techniques[prepared.groups[m.label]] for m in prepared.measurements if m.provenance.sha256}
    steps = [step for m in prepared.measurements for step in m.provenance.steps]
    methods = [("SharpGarn1982", "Sharp-Garn method")] if any("Sharp-Garn" in step for step in steps) else []
    if any("p = i/(A dT/dt)" in step for step in steps):
        methods.append(("ByerRoundy1972", "Byer-Roundy method"))
    if prepared.pyroelectricity is not None and prepared.pyroelectricity.temperatures:
        methods += [("Whatmore1986", "figures of merit"), ("Bowen2014", "figures of merit of energy harvesting")]
    return study_citations(
        list(dict.fromkeys(references)),
        models,
        engine,
        prepared.techniques.values(),
        reduced,
        compared,
        __version__,
        methods,
    )


def _encode_curves(fitted: JointFit, wanted: list[float] | None) -> dict[str, Any]:
    temperature = analysis.grid(fitted, wanted)
    populations, notes = analysis.population_panels(fitted, temperature)
    panels, more = analysis.panel_curves(fitted, temperature)
    return {
        "populations": {
            b: {s: journal.encode_curve(c) for s, c in states.items()} for b, states in populations.items()
        },
        "panels": {key: [journal.encode_curve(c) for c in curves] for key, curves in panels.items()},
        "notes": [*notes, *more],
    }


def _decode_curves(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "populations": {
            b: {s: journal.decode_curve(c) for s, c in states.items()} for b, states in content["populations"].items()
        },
        "panels": {key: [journal.decode_curve(c) for c in curves] for key, curves in content["panels"].items()},
        "notes": content["notes"],
    }


def _write(result: StudyResult, work: Path) -> None:
    """Write all files of the result folder into the working folder."""
    from labile.study.report import write_figures, write_report

    for old in work.iterdir():
        if old.name != journal.STAGES:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    tables.write_tables(result, work / "tables")
    tables.write_netcdf(result, work / "results.nc")
    write_figures(result, work)
    write_report(result, work)
    journal.write_atomically(work / "study.toml", result.manifest_text)
    content = result.to_dict()
    content["files"] = sorted(
        path.relative_to(work).as_posix()
        for path in work.rglob("*")
        if path.is_file() and journal.STAGES not in path.relative_to(work).parts
    )
    content["files"].append(RESULTS)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    journal.write_atomically(work / RESULTS, text)


def _publish(work: Path, target: Path) -> None:
    """Put the finished folder in place of the old one; files the user added to the old one move along."""
    old = work.with_name(f".{target.absolute().name}.old")
    try:
        if target.exists():
            if old.exists():
                # a run was killed just after it had put its results in place
                _keep_foreign_files(old, target)
                shutil.rmtree(old)
            os.replace(target, old)
        os.replace(work, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            if old.exists() and not target.exists():
                os.replace(old, target)
        raise OutputError(
            f"{target}: cannot be replaced ({error}); close the programs that have its files open, then go on with"
            " --resume"
        ) from None
    if old.exists():
        _keep_foreign_files(old, target)
        shutil.rmtree(old, ignore_errors=True)


def _keep_foreign_files(old: Path, target: Path) -> None:
    try:
        written = set(json.loads((old / RESULTS).read_text(encoding="utf-8")).get("files", []))
    except (OSError, ValueError):
        written = set()
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        if path.is_dir() or name.as_posix() in written or journal.STAGES in name.parts:
            continue
        if not (target / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target / name)


def check(study: str | Path) -> PreparedStudy:
    """Check a manifest and its data without computing or writing anything.

    Raises
    ------
    ManifestError
    """
    return prepare(load_manifest(study))


__all__ = ["ManifestError", "OutputError", "check", "citations", "compute", "output_folder", "run"]
