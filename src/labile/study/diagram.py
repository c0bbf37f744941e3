"""`[[diagram]]` of a study computed: map, traced lines with bands, points, and the files they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.units import from_si
from labile.diagrams.experimental_points import PointVerdict, judge_points
from labile.diagrams.line_bands import LineBand, line_bands
from labile.diagrams.phase_diagram import PhaseDiagram, phase_diagram
from labile.diagrams.phase_map import PhaseMap, judge_in_phases, phase_map
from labile.diagrams.stability import StabilityMap, stability_map
from labile.study.diagram_settings import AnySettings, DiagramSettings, LifetimeSettings, PhaseDiagramSettings
from labile.study.journal import write_atomically
from labile.study.light_diagram import StudyLifetimes, StudySteadyStates, lifetimes, steady_states
from labile.study.tables import csv_text, slug

if TYPE_CHECKING:
    from labile.inference.joint_fit import JointFit
    from labile.models.free_energy import Model
    from labile.plots.figure import Figure
    from labile.study.prepare import PreparedStudy

FITTED, INITIAL = "with the fitted parameters", "with the parameters as stated"
LINE_COLUMNS = ("line", "kind", "label", "temperature (K)", "pressure (kbar)", "begins at", "ends at")
BAND_COLUMNS = ("line", "label", "pressure (kbar)", "temperature (K)", "16 % (K)", "84 % (K)", "samples with the line")
POINT_COLUMNS = (
    "point",
    "temperature (K)",
    "pressure (kbar)",
    "light",
    "assigned",
    "verdict",
    "share",
    "text",
    "source",
)


@dataclass(frozen=True, eq=False)
class StudyDiagram:
    """One diagram of a study.

    Attributes
    ----------
    settings : DiagramSettings or PhaseDiagramSettings
    origin : str
        Where the parameters come from.
    found : StabilityMap or PhaseMap
        A map of structural phases where the settings ask for one.
    lines : PhaseDiagram or None
        None where the axes are not temperature and pressure.
    bands : tuple of LineBand
    verdicts : tuple of PointVerdict
    """

    settings: DiagramSettings | PhaseDiagramSettings
    origin: str
    found: StabilityMap | PhaseMap
    lines: PhaseDiagram | None
    bands: tuple[LineBand, ...]
    verdicts: tuple[PointVerdict, ...]

    @property
    def key(self) -> str:
        """Start of the names of its files."""
        return f"diagram_{self.settings.label}"

    @property
    def title(self) -> str:
        """As stated, or the label."""
        return self.settings.title or self.settings.label

    @property
    def notes(self) -> tuple[str, ...]:
        """What does not exist in the window, and how finely it was searched."""
        return () if self.lines is None else self.lines.notes

    def told(self) -> list[str]:
        """Lines, points and observations as sentences."""
        lines = [] if self.lines is None else [text.strip() for text in repr(self.lines).splitlines()[1:]]
        return [*lines, *(f"{v.point.label}: {v.verdict}: {v.text}" for v in self.verdicts)]

    def figures(self) -> tuple[Figure, ...]:
        """The diagram and the populations as surfaces."""
        from labile.plots.diagram_charts import diagram_figures
        from labile.plots.phase_charts import phase_figure

        s = self.settings
        if isinstance(self.found, PhaseMap):
            assert self.lines is not None
            units = ((s.x.name, s.x.unit), (s.y.name, s.y.unit))
            return (phase_figure(self.key, self.title, self.found, units, self.lines, self.verdicts, self.origin),)
        return diagram_figures(
            self.key, self.title, self.found, ((s.x.name, s.x.unit), (s.y.name, s.y.unit)), self.lines, self.verdicts,
            self.bands, self.origin,
        )  # fmt: skip

    def tables(self) -> dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]]:
        """Header and rows of every CSV by its name: lines, bands, points."""
        tables: dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]] = {}
        if self.lines is not None:
            rows: list[tuple[Any, ...]] = []
            for number, line in enumerate(self.lines.lines, 1):
                for t, p in zip(line.temperature, _kbar(line.pressure), strict=True):
                    rows.append((number, line.kind, line.label, t, p, *line.ends))
            for point in self.lines.points:
                p = float(_kbar(np.array(point.pressure)))
                rows.append(("", point.kind, "", point.temperature, p, "", ""))
            tables[f"{self.key}_lines"] = (LINE_COLUMNS, rows)
        if self.bands:
            rows = []
            for number, band in enumerate(self.bands, 1):
                for row in zip(_kbar(band.pressure), band.temperature, band.low, band.high, band.found, strict=True):
                    rows.append((number, band.line.label, *row))
            tables[f"{self.key}_bands"] = (BAND_COLUMNS, rows)
        if self.verdicts:
            rows = [
                (
                    v.point.label, v.point.temperature, float(_kbar(np.array(v.point.pressure))),
                    "yes" if v.point.light else "no", v.point.assigned, v.verdict, v.share, v.text,
                    v.point.source,
                )
                for v in self.verdicts
            ]  # fmt: skip
            tables[f"{self.key}_points"] = (POINT_COLUMNS, rows)
        return tables

    def to_xarray(self) -> Any:
        """The map with the lines as further variables over `line_point` (SI)."""
        dataset = self.found.to_xarray()
        if self.lines is not None and self.lines.lines:
            lines = self.lines.lines
            number = np.repeat(np.arange(1, len(lines) + 1), [len(line.temperature) for line in lines])
            names = "; ".join(f"{i}: {line.kind}, {line.label}" for i, line in enumerate(lines, 1))
            dataset["line"] = ("line_point", number, {"long_name": names})
            dataset["line_temperature"] = ("line_point", np.concatenate([a.temperature for a in lines]), {"units": "K"})
            dataset["line_pressure"] = ("line_point", np.concatenate([a.pressure for a in lines]), {"units": "Pa"})
        return dataset.assign_attrs(title=self.title, parameters=self.origin)

    def to_dict(self) -> dict[str, Any]:
        """Summary as plain JSON types, SI."""
        s = self.settings
        lines = () if self.lines is None else self.lines.lines
        points = () if self.lines is None else self.lines.points
        return {
            "label": s.label,
            "title": self.title,
            "kind": "phases" if isinstance(self.found, PhaseMap) else "states",
            "parameters": self.origin,
            "axes": [{"name": a.name, "low_si": a.low, "high_si": a.high, "unit": a.unit} for a in (s.x, s.y)],
            "lines": [
                {
                    "kind": a.kind, "label": a.label, "stable": a.stable, "ends": list(a.ends),
                    "temperature_K": a.temperature.tolist(), "pressure_Pa": a.pressure.tolist(),
                }
                for a in lines
            ],
            "critical_points": [
                {"kind": p.kind, "temperature_K": p.temperature, "pressure_Pa": p.pressure} for p in points
            ],
            "notes": list(self.notes),
            "points": [
                {
                    "label": v.point.label, "temperature_K": v.point.temperature, "pressure_Pa": v.point.pressure,
                    "light": v.point.light, "states": list(v.point.states), "phase": v.point.phase,
                    "verdict": v.verdict,
                    "consistent": v.consistent, "share": None if np.isnan(v.share) else v.share,
                    "excess_J_per_mol": v.excess, "text": v.text, "source": v.point.source,
                }
                for v in self.verdicts
            ],
        }  # fmt: skip


def _kbar(pressure: np.ndarray) -> np.ndarray:
    return np.asarray(from_si(pressure, "kbar", "pressure"))


AnyDiagram = StudyDiagram | StudyLifetimes | StudySteadyStates


def compute_diagrams(
    settings: Sequence[AnySettings], model: Model | None, values: dict[str, float], fitted: JointFit | None
) -> tuple[AnyDiagram, ...]:
    """Compute every diagram of a study.

    Parameters
    ----------
    settings : sequence of AnySettings
    model : Model or None
        None only where there are no diagrams.
    values : dict of str to float
        Stated values of the model's parameters, SI.
    fitted : JointFit or None

    Returns
    -------
    tuple of AnyDiagram
    """
    if model is None:
        return ()
    found: list[AnyDiagram] = []
    for one in settings:
        use_fit = fitted is not None and one.parameters != "initial"
        origin, own = INITIAL, values
        if use_fit:
            assert fitted is not None
            own = {name: value for name, value in fitted.values.items() if name in model.parameters}
            origin = FITTED if fitted.result.converged else f"{FITTED} (the fit did not converge)"
        if isinstance(one, DiagramSettings):
            samples = parameter_samples(fitted, one.samples) if use_fit and fitted is not None else []
            found.append(_states(one, model, own, samples, origin))
        elif isinstance(one, PhaseDiagramSettings):
            found.append(_phases(one, own, origin))
        elif isinstance(one, LifetimeSettings):
            found.append(lifetimes(one, own, origin))
        else:
            found.append(steady_states(one, own, origin))
    return tuple(found)


def _states(
    settings: DiagramSettings, model: Model, values: dict[str, float], samples: list[dict[str, float]], origin: str
) -> StudyDiagram:
    axes = {axis.name: axis.grid for axis in (settings.x, settings.y)}
    stable = stability_map(model, values, axes, **settings.others)
    lines: PhaseDiagram | None = None
    bands: tuple[LineBand, ...] = ()
    if settings.over_temperature_and_pressure:
        ends = {axis.name: (axis.low, axis.high) for axis in (settings.x, settings.y)}
        lines = phase_diagram(model, values, ends["temperature"], ends["pressure"])
        bands = line_bands(lines, samples)
    return StudyDiagram(settings, origin, stable, lines, bands, judge_points(model, values, settings.points))


def _phases(settings: PhaseDiagramSettings, values: dict[str, float], origin: str) -> StudyDiagram:
    crystal = settings.crystal.phases
    own = {**values, **settings.crystal.values}
    axes = {axis.name: axis for axis in (settings.x, settings.y)}
    t, p = axes["temperature"], axes["pressure"]
    stable = phase_map(crystal, own, t.grid, p.grid)
    lines = phase_diagram(crystal, own, (t.low, t.high), (p.low, p.high))
    return StudyDiagram(settings, origin, stable, lines, (), judge_in_phases(crystal, own, settings.points))


def parameter_samples(fitted: JointFit, count: int, seed: int = 0) -> list[dict[str, float]]:
    """Parameter sets drawn from the normal distribution of a fit, kept inside the bounds.

    Returns
    -------
    list of dict
        Empty where the covariance of the fit does not exist.
    """
    result = fitted.result
    covariance = result.covariance
    if count == 0 or covariance.size == 0 or not np.isfinite(covariance).all():
        return []
    parameters = result.parameters
    root = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    # units differ by many orders of magnitude: draw correlated standard normal numbers, then scale
    drawn = np.random.default_rng(seed).multivariate_normal(
        np.zeros(root.size), covariance / np.outer(root, root), size=count, method="eigh"
    )
    vectors = np.clip(parameters.vector + drawn * root, parameters.lower, parameters.upper)
    return [parameters.as_dict(vector) for vector in vectors]


def write_diagrams(diagrams: Sequence[AnyDiagram], folder: Path) -> list[Path]:
    """Write ``diagram.nc`` (one group a diagram), the CSV tables and the figures into a folder.

    Parameters
    ----------
    diagrams : sequence of AnyDiagram
    folder : Path
        Made when it does not exist.

    Returns
    -------
    list of Path
    """
    from labile.plots.matplotlib_renderer import save

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    path = folder / "diagram.nc"
    for number, one in enumerate(diagrams):
        one.to_xarray().to_netcdf(path, mode="a" if number else "w", group=slug(one.settings.label), engine="h5netcdf")
        for name, (header, rows) in one.tables().items():
            table = folder / f"{name}.csv"
            write_atomically(table, csv_text(header, rows))
            written.append(table)
        for figure in one.figures():
            written += save(figure, folder, ("svg", "pdf", "png"))
    return [path, *written]


def study_diagrams(
    study: str | Path, progress: Callable[[str, float], None] | None = None
) -> tuple[PreparedStudy, tuple[AnyDiagram, ...]]:
    """Check a study, fit it where a diagram wants fitted parameters, and compute its diagrams.

    Parameters
    ----------
    study : str or Path
        A study.toml or the folder it lies in.
    progress : callable, optional

    Returns
    -------
    PreparedStudy
    tuple of AnyDiagram

    Raises
    ------
    ManifestError
        For everything that is wrong with the manifest; a study without ``[[diagram]]`` is one thing.
    """
    from labile.inference.joint_fit import fit_jointly
    from labile.study.manifest import ManifestError
    from labile.study.run import check

    tell = progress or (lambda text, share: None)
    tell("checking the manifest and its data", 0.0)
    prepared = check(study)
    if not prepared.diagrams:
        name = prepared.manifest.path.name
        raise ManifestError([f"{name}: there is no [[diagram]]; add one with label, x and y, see docs/manifest.md"])
    fitted = None
    if prepared.joint is not None and any(one.parameters != "initial" for one in prepared.diagrams):
        fit = prepared.manifest.tables.fit
        tell("fitting the model", 0.1)
        fitted = fit_jointly(prepared.joint, starts=fit.starts, seed=fit.seed, max_iterations=fit.max_iterations)
    tell("computing the diagrams", 0.5)
    diagrams = compute_diagrams(prepared.diagrams, prepared.model, dict(prepared.model_values), fitted)
    tell("done", 1.0)
    return prepared, diagrams
