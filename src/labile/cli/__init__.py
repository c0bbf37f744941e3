"""The `labile` command: thin functions that load what they need when they are called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from labile import __version__

DONE, FAILED, WRONG_INPUT = 0, 1, 2

app = typer.Typer(
    name="labile",
    help="One set of electronic-state populations for every measurement on a switchable molecular crystal.",
    epilog="Exit codes: 0 done, 1 a computation failed or did not converge, 2 the input is wrong.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="A study.toml or the folder it lies in.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Instrument files or tables.")]
ReaderOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Option of the file reader, e.g. duplicates=keep; NAME.KEY=VALUE for one that is a table, e.g."
        " 'units.chi_t=cm3 K/mol'.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # consoles of some code pages lack signs such as the superscripts of units; show a question mark instead
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.argv[1:] in (["formats"], ["formats", "--json"]):
        # typer imports pydantic to check option values, which would more than double the time of this answer
        _show_formats("--json" in sys.argv)
        return
    app()


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors about the input into one message and exit code 2, failed computations into exit code 1."""

    @wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (ValueError, OSError) as error:
            # a name in an ImportError or a bug raises other types, which keep their traceback
            _say(f"labile: {error}")
            raise typer.Exit(WRONG_INPUT) from None
        except (RuntimeError, ArithmeticError) as error:
            if isinstance(error, typer.Exit | typer.Abort):
                raise
            _say(f"labile: the computation failed: {error}")
            raise typer.Exit(FAILED) from None

    return wrapped


def _print_json(content: Any) -> None:
    import json

    # escapes instead of letters: readable by any program whatever the console's code page
    typer.echo(json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labile {__version__}")
        raise typer.Exit(DONE)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
@_guarded
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make; it must not hold a study.toml yet.")],
    files: Files,
    title: Annotated[str, typer.Option(help="Title of the study.")] = "",
) -> None:
    """Make a study from data files: copies them into DIR and writes a commented study.toml that runs."""
    from labile.cli.new_study import make_study

    made = make_study(folder, files, title)
    typer.echo(f"{made.manifest} is ready; run it with: labile run {made.shown_folder}")
    for note in made.notes:
        typer.echo(f"  still to do: {note}")


@app.command()
@_guarded
def check(study: Study, json: Json = False) -> None:
    """Check a manifest and its data; computes and writes nothing."""
    from labile.cli.show import check_summary, check_text
    from labile.study.run import check as check_study

    prepared = check_study(study)
    if json:
        _print_json(check_summary(prepared))
    else:
        typer.echo(check_text(prepared))


@app.command()
@_guarded
def diagram(
    study: Study,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the files.", show_default="diagrams beside the manifest"),
    ] = None,
    json: Json = False,
) -> None:
    """Draw the [[diagram]]s of a study: stable states, all lines, observations; files for programs and Excel."""
    from labile.cli.show import diagram_text, progress_lines
    from labile.study.diagram import study_diagrams, write_diagrams

    with progress_lines() as progress:
        prepared, diagrams = study_diagrams(study, progress)
    folder = out if out is not None else prepared.manifest.folder / "diagrams"
    written = write_diagrams(diagrams, folder)
    if json:
        _print_json({"diagrams": [one.to_dict() for one in diagrams], "files": [str(path) for path in written]})
    else:
        typer.echo(diagram_text(diagrams, written))


@app.command()
def run(
    study: Study,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Result folder.", show_default="results beside the manifest")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    json: Json = False,
) -> None:
    """Run a study: check, fit, compare, and write report, tables, figures and results.json into one folder."""
    from labile.cli.show import progress_lines, run_text
    from labile.study.manifest import ManifestError
    from labile.study.run import OutputError, output_folder
    from labile.study.run import run as run_study

    try:
        with progress_lines() as progress:
            result = run_study(study, out=out, resume=resume, progress=progress)
    except (ManifestError, OutputError) as error:
        _say(f"labile: {error}")
        raise typer.Exit(WRONG_INPUT) from None
    except (ValueError, RuntimeError, ArithmeticError, OSError) as error:
        _say(f"labile: the computation failed: {error}")
        raise typer.Exit(FAILED) from None
    if json:
        _print_json(result.to_dict())
    else:
        folder = study if study.is_dir() else study.parent
        typer.echo(run_text(result, output_folder(folder, out)))
    if not result.converged:
        _say(f"labile: {result.fit.result.message}" if result.fit is not None else "labile: did not converge")
        raise typer.Exit(FAILED)


@app.command()
def read(
    files: Files,
    json: Json = False,
    format: Annotated[str, typer.Option(help="Format to read as.", show_default="the content decides")] = "",
    reader: ReaderOptions = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Draw into this .png, .svg or .pdf instead of the terminal.")
    ] = None,
) -> None:
    """Say what instrument files are, and draw them."""
    from labile.cli.show import read_measurements, read_summary, read_text, save_picture

    found, failed = [], False
    try:
        options = _pairs(reader or [], "--reader")
    except ValueError as error:
        _say(f"labile: {error}")
        raise typer.Exit(WRONG_INPUT) from None
    for file in files:
        try:
            found.append(read_measurements(file, format, options))
        except (ValueError, OSError) as error:
            _say(f"labile: {error}")
            failed = True
    try:
        if json:
            _print_json([read_summary(one) for one in found])
        else:
            for one in found:
                typer.echo(read_text(one, draw=out is None, encoding=sys.stdout.encoding or "ascii"))
        if out is not None and found:
            _say(f"drawn in {', '.join(str(path) for path in save_picture(found, out))}")
    except (ValueError, OSError) as error:
        _say(f"labile: {error}")
        failed = True
    if failed:
        raise typer.Exit(WRONG_INPUT)


@app.command()
@_guarded
def reduce(
    technique: Annotated[str, typer.Argument(metavar="TECHNIQUE", help="xas, coordination, ...")],
    files: Files,
    quantity: Annotated[str, typer.Option(help="What to compute.", show_default="the technique's first")] = "",
    sample_mass: Annotated[str, typer.Option(help='"10.1(1) mg".', show_default="the file's header")] = "",
    molar_mass: Annotated[str, typer.Option(help='"704.95 g/mol".', show_default="the file's header")] = "",
    formula: Annotated[str, typer.Option(help="Formula, for the molar mass.")] = "",
    diamagnetic_susceptibility: Annotated[
        str, typer.Option(help='"-319e-6 cm3/mol", or "estimate".', show_default="the file's header")
    ] = "",
    area: Annotated[str, typer.Option(help='Electrode area, "0.3036 mm^2".', show_default="the file's header")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other option of the reduction.")
    ] = None,
    reader: ReaderOptions = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write one CSV a branch into this folder.")] = None,
    json: Json = False,
) -> None:
    """Reduce raw data with one technique, without a study."""
    from labile.cli.show import reduce_files, reduce_summary, reduce_text

    given = {
        "sample_mass": sample_mass,
        "molar_mass": molar_mass,
        "diamagnetic_susceptibility": diamagnetic_susceptibility,
        "area": area,
        **_pairs(option or [], "--set"),
    }
    used = {k: v for k, v in given.items() if v != ""}
    reduced = reduce_files(technique, files, quantity, used, formula, _pairs(reader or [], "--reader"))
    written = reduced.write(out) if out is not None else []
    if json:
        _print_json(reduce_summary(reduced))
    else:
        typer.echo(reduce_text(reduced, draw=out is None, encoding=sys.stdout.encoding or "ascii"))
        for path in written:
            typer.echo(f"written: {path}")


_NO_READER_OPTIONS = {
    "format": "expected one that `labile formats` and docs/formats describe; `labile read` takes --format NAME",
    "path": "expected one that docs/formats describes; files are named without an option",
}


_WITH_UNITS = {"pressure": "kbar", "magnetic_field": "T", "wavelength": "angstrom"}
"""Options of readers that nobody gives in SI units on a command line."""


def _pairs(options: list[str], flag: str) -> dict[str, Any]:
    """NAME=VALUE texts as a table; numbers, lists and true/false are written as in a manifest, the rest is text."""
    import tomllib

    pairs: dict[str, Any] = {}
    for text in options:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name:
            raise ValueError(f"{flag} {text}: write NAME=VALUE")
        if flag == "--reader" and name.replace("-", "_") in _NO_READER_OPTIONS:
            raise ValueError(f"{flag} {text}: {name} is no option of a reader; {_NO_READER_OPTIONS[name]}")
        try:
            read_value = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            read_value = value
        table, _, key = name.rpartition(".")
        quantity = (table or key).replace("-", "_")
        if flag == "--reader" and quantity in _WITH_UNITS and type(read_value) in (int, float):
            raise ValueError(
                f"{flag} {text}: the unit is missing; expected text as in {name}='{value} {_WITH_UNITS[quantity]}'"
            )
        target = pairs.setdefault(table.replace("-", "_"), {}) if table else pairs
        target[key if table else key.replace("-", "_")] = read_value
    return pairs


@app.command()
@_guarded
def formats(json: Json = False) -> None:
    """List the file formats that can be read."""
    _show_formats(json)


def _show_formats(json: bool) -> None:
    from labile.formats.registry import formats as known

    rows = [
        {
            "name": one.name,
            "suffixes": list(one.suffixes),
            "quantities": list(one.quantities),
            "reference": one.reference,
        }
        for one in known()
    ]
    if json:
        _print_json(rows)
        return
    for one in known():
        typer.echo(f"{one.name:16s} {' '.join(one.suffixes):28s} {', '.join(one.quantities)}")


@app.command()
@_guarded
def cite(study: Study, json: Json = False) -> None:
    """Print the BibTeX of every method, model and library a study uses."""
    from labile.study.run import check as check_study
    from labile.study.run import citations

    prepared = check_study(study)
    found = citations(prepared, None, bool(prepared.comparisons))
    if json:
        _print_json([{"key": c.key, "doi": c.doi, "used_for": c.used_for, "bibtex": c.bibtex} for c in found])
        return
    for one in found:
        typer.echo(f"% {one.used_for}\n{one.bibtex}\n")
