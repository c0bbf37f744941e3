"""What the commands tell: one function for people and one for programs each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labile.cli.terminal_plot import can_show_braille, draw
from labile.core.measurement import Measurement
from labile.core.units import QUANTITIES, field_unit, from_si, pretty_unit, shown_unit

if TYPE_CHECKING:
    from labile.formats.registry import Content
    from labile.study.diagram import AnyDiagram
    from labile.study.manifest import Problems
    from labile.study.prepare import PreparedStudy
    from labile.study.results import StudyResult


REDUCE_FLAGS = ("sample_mass", "molar_mass", "diamagnetic_susceptibility", "area")
"""Options of a reduction that `labile reduce` has a flag for; the others are given with ``--set``."""


@dataclass(frozen=True, eq=False)
class ReadFile:
    """A file and what was found in it."""

    path: Path
    content: tuple[Content, ...]
    notes: tuple[str, ...]

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Those parts that are measurements."""
        return tuple(one for one in self.content if isinstance(one, Measurement))


def read_measurements(path: Path, format: str = "", options: Mapping[str, Any] | None = None) -> ReadFile:
    """Read one file; what the reader warns of is kept as notes."""
    from labile.study.reducing import read_content

    found, notes = read_content(path, format, options)
    return ReadFile(path, tuple(found), tuple(notes))


def read_summary(one: ReadFile) -> dict[str, Any]:
    """Content of a file as JSON types."""
    summary = {
        "file": str(one.path),
        "format": one.content[0].provenance.reader,
        "sha256": one.content[0].provenance.sha256,
        "notes": list(one.notes),
        "measurements": [_measurement_summary(m) for m in one.measurements],
    }
    others = [part for part in one.content if not isinstance(part, Measurement)]
    if others:
        from labile.cli.show_structures import content_summary

        summary["structures"] = [content_summary(part) for part in others]
    return summary


def _measurement_summary(measurement: Measurement) -> dict[str, Any]:
    temperature = measurement.temperature
    field = measurement.conditions.magnetic_field
    return {
        "label": measurement.label,
        "quantity": measurement.quantity,
        "unit": measurement.unit,
        "points": len(measurement),
        "axis": _axis_summary(measurement),
        "temperature_K": [float(temperature.min()), float(temperature.max())],
        "magnetic_field_T": [float(field.min()), float(field.max())],
        "branch": measurement.branch,
        "has_uncertainty": measurement.sigma is not None,
        "sweep_rate_K_per_s": measurement.sweep_rate,
        "attributes": {k: v if isinstance(v, str) else float(v) for k, v in measurement.attributes.items()},
        "steps": list(measurement.provenance.steps),
    }


_ALONG = {
    "energy": "energies", "wavenumber": "wavenumbers", "raman_shift": "Raman shifts", "two_theta": "angles 2theta",
    "velocity": "velocities", "channel": "channels", "position": "positions", "wavelength": "wavelengths",
    "d_spacing": "d spacings", "scattering_vector": "scattering vectors", "magnetic_field": "magnetic fields",
    "time": "times",
}  # fmt: skip
"""What the points along an axis are called."""


def _axis_summary(measurement: Measurement) -> dict[str, Any] | None:
    """Name, number of points, range and unit of the spectral axis."""
    axis = measurement.axis
    if axis is None:
        return None
    unit = field_unit(axis.quantity)
    values = from_si(axis.values, unit, axis.quantity) if unit else axis.values
    return {
        "name": axis.quantity,
        "points": int(axis.values.size),
        "low": float(values.min()),
        "high": float(values.max()),
        "unit": unit or "1",
    }


def _points(measurement: Measurement) -> str:
    """How many points there are, along what axis if there is one.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> _points(Measurement("counts", [[7.0, 8.0]], Conditions(80.0), axis=Axis("channel", [1.0, 2.0])))
    '1 spectrum of 2 channels from 1 to 2'
    """
    axis = _axis_summary(measurement)
    if axis is None:
        return _count(measurement.temperature, "point")
    number = len(measurement)
    along = _ALONG.get(axis["name"], f"points of {axis['name'].replace('_', ' ')}")
    unit = pretty_unit(axis["unit"])
    ends = f"from {axis['low']:.6g} to {axis['high']:.6g}{f' {unit}' if unit else ''}"
    return f"{number} {'spectrum' if number == 1 else 'spectra'} of {axis['points']} {along} {ends}"


def read_text(one: ReadFile, *, draw: bool, encoding: str) -> str:
    """Content of a file for people."""
    others = [part for part in one.content if not isinstance(part, Measurement)]
    if others:
        from labile.cli.show_structures import content_text

        noun = {"CrystalStructure": "structure", "Molecule": "molecule"}.get(
            type(others[0]).__name__, "series of cells"
        )
        lines = [f"{one.path}: {others[0].provenance.reader}, {_count(others, noun)}", *content_text(others)]
        lines += [f"  {step}" for step in dict.fromkeys(s for part in others for s in part.provenance.steps)]
        return "\n".join([*lines, *(f"  note: {note}" for note in one.notes)])
    first = one.measurements[0]
    lines = [f"{one.path}: {first.provenance.reader}, {_count(one.measurements, 'measurement')}"]
    for measurement in one.measurements:
        lines.append(f"  {describe(measurement)}")
    lines += [
        f"  header: {name.removeprefix('header.')} = {_attribute(name, value)}"
        for name, value in first.attributes.items()
        if not name.startswith("header.") or name.startswith("header.SAMPLE")
    ]
    lines += [f"  {step}" for step in dict.fromkeys(s for m in one.measurements for s in m.provenance.steps)]
    lines += [f"  note: {note}" for note in one.notes]
    if draw:
        lines += ["", picture(one.measurements, encoding)]
    return "\n".join(lines)


def _attribute(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    quantity = next((q for q in (name, name.removeprefix("sample_"), name.removeprefix("electrode_"),
                                 name.removeprefix("eicosane_")) if q in QUANTITIES), "")  # fmt: skip
    if not quantity:
        return f"{value:.6g}"
    return f"{from_si(value, field_unit(quantity), quantity):.6g} {shown_unit(field_unit(quantity), quantity)}".rstrip()


def describe(measurement: Measurement) -> str:
    """One line about a measurement."""
    low, high = float(measurement.temperature.min()), float(measurement.temperature.max())
    span = f"{low:.4g} K" if low == high else f"{low:.4g} to {high:.4g} K"
    field = measurement.conditions.magnetic_field
    fields = ""
    if field.max() > field.min() + 1e-3:
        fields = f", {field.min():.4g} to {field.max():.4g} T"
    elif abs(field).max() > 0:
        fields = f", {float(field.mean()):.4g} T"
    rate = "" if measurement.sweep_rate is None else f", {measurement.sweep_rate * 60:.3g} K/min"
    sigma = "with uncertainties" if measurement.sigma is not None else "without uncertainties"
    unit = pretty_unit(measurement.unit)
    quantity = f"{measurement.quantity} in {unit}" if unit else measurement.quantity
    return (
        f"{measurement.label}: {quantity}, {_points(measurement)}, {span}{fields}, {measurement.branch}{rate}, {sigma}"
    )


def _count(items: Sized, noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def picture(measurements: Sequence[Measurement], encoding: str) -> str:
    """Measurements drawn as text, one field for each quantity; a few spectra of those that have an axis."""
    braille = can_show_braille(encoding)
    out = []
    for quantity in dict.fromkeys(m.quantity for m in measurements):
        group = [m for m in measurements if m.quantity == quantity and m.axis is None]
        if not group:
            continue
        unit = group[0].unit
        steady = all(float(m.temperature.max() - m.temperature.min()) < 1.0 for m in group)
        fields = [m.conditions.magnetic_field for m in group]
        by_field = steady and any(f.max() > f.min() for f in fields)
        series = [
            (m.label, (m.conditions.magnetic_field if by_field else m.temperature).tolist(), m.in_unit(unit).tolist())
            for m in group
        ]
        x_title = "magnetic field / T" if by_field else "temperature / K"
        shown = pretty_unit(unit) if braille else unit
        out.append(
            draw(series, x_title, f"{quantity}{f' / {shown}' if shown not in ('', '1') else ''}", braille=braille)
        )
    if any(m.axis is not None for m in measurements):
        out += _drawn_spectra(measurements, braille)
    return "\n\n".join(out)


def _drawn_spectra(measurements: Sequence[Measurement], braille: bool) -> list[str]:
    from labile.plots.series_charts import curves

    out = []
    for (quantity, axis), (drawn, total) in curves(measurements).items():
        unit = next(m.unit for m in measurements if m.quantity == quantity and m.axis is not None)

        def titled(name: str, unit: str) -> str:
            shown = pretty_unit(unit) if braille else unit
            return f"{name} / {shown}" if shown not in ("", "1") else name

        some = "" if len(drawn) == total else f" ({len(drawn)} of {total} spectra)"
        series = [(name, x.tolist(), y.tolist()) for name, x, y in drawn]
        x_title = titled(axis.replace("_", " "), field_unit(axis)) + some
        out.append(draw(series, x_title, titled(quantity, unit), braille=braille))
    return out


def save_picture(files: Sequence[ReadFile], path: Path) -> list[Path]:
    """Draw files into one picture a quantity; several quantities get numbered names."""
    from labile.plots.charts import measurement_figures
    from labile.plots.matplotlib_renderer import figure_bytes
    from labile.plots.series_charts import spectra_figures

    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise ValueError(f"{path}: a picture must end in .png, .svg or .pdf")
    drawn = [m for one in files for m in one.measurements]
    if not drawn:
        raise ValueError(f"{path}: structures and cells are not drawn; leave --out away")
    figures = (*measurement_figures(drawn), *spectra_figures(drawn))
    written = []
    for number, figure in enumerate(figures, start=1):
        target = path if len(figures) == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(figure_bytes(figure, kind))
        written.append(target)
    return written


@dataclass(frozen=True, eq=False)
class Reduced:
    """What `labile reduce` made."""

    technique: str
    measurements: tuple[Measurement, ...]
    derived: tuple[Any, ...]
    notes: tuple[str, ...]

    def write(self, folder: Path) -> list[Path]:
        """Write one CSV a measurement."""
        from labile.core.exchange import write_csv
        from labile.study.tables import slug

        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for measurement in self.measurements:
            path = folder / f"{slug(measurement.label)}.csv"
            write_csv(measurement, path)
            written.append(path)
        return written


def reduce_files(
    name: str,
    files: Sequence[Path],
    quantity: str,
    options: Mapping[str, Any],
    formula: str,
    reader: Mapping[str, Any],
) -> Reduced:
    """Read and reduce files with one technique, as a study of these files would."""
    from labile.study.analysis import measured_numbers
    from labile.study.manifest_tables import MeasurementTable
    from labile.study.reducing import read_and_reduce
    from labile.techniques import technique

    found = technique(name)
    if not quantity:
        quantity = found.reductions[0].gives[0]
    found.require(quantity)
    problems = _option_problems()
    measurements: list[Measurement] = []
    notes: list[str] = []
    derived: list[Any] = []
    for file in files:
        spec = MeasurementTable(
            label=file.stem,
            technique=name,
            quantity=quantity,
            file=str(file.absolute()),
            reader=dict(reader),
            reduction=dict(options),
        )
        data = read_and_reduce((), spec, found, Path(), formula, problems)
        if data is not None:
            measurements += data.measurements
            notes += data.warnings
            derived += measured_numbers(data.measurements, file.stem, name)
    problems.raise_if_any()
    return Reduced(name, tuple(measurements), tuple(derived), tuple(dict.fromkeys(notes)))


def _option_problems() -> Problems:
    """Problems that name options of the command line instead of keys and lines of a manifest."""
    from labile.study.manifest import Problems

    class OptionProblems(Problems):
        def add(self, path: Sequence[str | int], message: str) -> None:
            # a message about a file begins with its name, one about a measurement with its label
            flag = ""
            if path[:1] == ("reduction",) and len(path) == 2:
                name = str(path[1])
                flag = f"--{name.replace('_', '-')}: " if name in REDUCE_FLAGS else f"--set {name}: "
            self._record(flag + message)

    return OptionProblems("", {})


def reduce_summary(reduced: Reduced) -> dict[str, Any]:
    """Reduced data as JSON types."""
    from labile.study.results import number, plain

    return {
        "technique": reduced.technique,
        "measurements": [
            {
                **_measurement_summary(m),
                "temperatures_K": plain(m.temperature),
                "values": plain(m.in_unit()),
                "sigma": plain(m.sigma_in_unit()),
            }
            for m in reduced.measurements
        ],
        "derived": [
            {"name": d.name, "value_si": number(d.value), "sigma_si": number(d.sigma), "of": d.of, "text": d.text}
            for d in reduced.derived
        ],
        "notes": list(reduced.notes),
    }


def reduce_text(reduced: Reduced, *, draw: bool, encoding: str) -> str:
    """Reduced data for people."""
    lines = [describe(m) for m in reduced.measurements]
    lines += [f"  {step}" for step in dict.fromkeys(s for m in reduced.measurements for s in m.provenance.steps)]
    lines += [f"{d.of}: {d.text}" for d in reduced.derived]
    lines += [f"note: {note}" for note in reduced.notes]
    if draw:
        lines += ["", picture(reduced.measurements, encoding)]
    return "\n".join(lines)


def check_summary(prepared: PreparedStudy) -> dict[str, Any]:
    """A checked study as JSON types."""
    joint = prepared.joint
    return {
        "ok": True,
        "title": prepared.manifest.tables.study.title,
        "measurements": [_measurement_summary(m) for m in prepared.measurements],
        "objectives": [] if joint is None else [o.label for o in joint.objectives],
        "free_parameters": [] if joint is None else list(joint.parameters.free_names),
        "comparisons": list(prepared.comparisons),
        "warnings": list(prepared.warnings),
    }


def check_text(prepared: PreparedStudy) -> str:
    """A checked study for people."""
    lines = [f"{prepared.manifest.path.name}: {prepared.manifest.tables.study.title}"]
    lines += [f"  {describe(m)}" for m in prepared.measurements]
    joint = prepared.joint
    lines += [f"  diagram {one.label} over {one.x.name} and {one.y.name}" for one in prepared.diagrams]
    if joint is None and prepared.model is not None:
        lines.append(f"  model {prepared.model.name} with its parameters as stated; nothing is fitted")
    elif joint is None:
        lines.append("  no model: the data are reduced and shown")
    else:
        statements = [o for o in joint.objectives if o.statement is not None]
        if statements:
            lines.append(f"  {_count(statements, 'statement')} of papers")
        lines.append(f"  model {joint.model.name}, free: {', '.join(joint.parameters.free_names)}")
        lines += [f"  compared with {name} ({other.model.name})" for name, other in prepared.comparisons.items()]
    lines += [f"  note: {note}" for note in prepared.warnings]
    lines.append("nothing is wrong")
    return "\n".join(lines)


def run_text(result: StudyResult, folder: Path) -> str:
    """A finished study for people."""
    lines = [result.title, ""]
    if result.fit is not None:
        fitted = result.fit.result
        lines.append(
            f"fit of {fitted.n_data} data, {fitted.n_free} free parameters: chi2 {fitted.chi2:.4g}, {fitted.message}"
        )
        lines += [f"  {name:34s} {value:>26s}  {role}" for name, value, role in fitted.table() if role == "free"]
    else:
        lines += [f"  {describe(m)}" for m in result.measurements]
    lines += [f"  {d.text}" if d.of == "fit" else f"  {d.of}: {d.text}" for d in result.derived]
    if result.comparisons:
        lines += ["", f"  {'model':34s} {'chi2':>9s} {'N':>4s} {'k':>3s} {'BIC':>9s} {'AICc':>9s}"]
        for row in result.comparisons:
            aicc = "-" if row.aicc is None else f"{row.aicc:.2f}"
            lines.append(f"  {row.name:34s} {row.chi2:9.2f} {row.n:4d} {row.k:3d} {row.bic:9.2f} {aicc:>9s}")
    if result.findings:
        lines += ["", "findings"]
        lines += [f"  - {finding.title}: {finding.text}" for finding in result.findings]
    lines += [f"note: {warning}" for warning in result.warnings]
    lines += ["", f"report: {folder / 'report.html'}"]
    return "\n".join(lines)


@contextmanager
def progress_lines() -> Iterator[Callable[[str, float], None]]:
    """Progress on stderr: a bar on a terminal, one line a step elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(bar_width=30), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda text, share: bar.update(task, completed=share, description=text)
        return
    last = ""

    def tell(text: str, share: float) -> None:
        nonlocal last
        step = text.partition(":")[0]
        if step != last:
            print(f"{share:4.0%} {step}", file=sys.stderr, flush=True)
            last = step

    yield tell


def diagram_text(diagrams: Sequence[AnyDiagram], written: Sequence[Path]) -> str:
    """What every diagram shows, and where it was written."""
    lines: list[str] = []
    for one in diagrams:
        lines.append(f"{one.title} ({one.origin})")
        lines += [f"  {text}" for text in one.told()]
    folder = written[0].parent
    names = ", ".join(path.name for path in written if path.suffix in (".nc", ".csv", ".svg"))
    return "\n".join([*lines, f"written into {folder}: {names}"])
