"""The tables that a `study.toml` may hold, key by key."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Section = Literal[
    "summary", "findings", "figures", "diagrams", "parameters", "comparison", "data", "provenance", "citations"
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class StudyTable(_Table):
    """[study]."""

    title: str
    authors: list[str] = []
    references: list[str] = []
    notes: str = ""


class StateTable(_Table):
    """[[material.states]]."""

    name: str
    spin: float | None = None
    degeneracy: float | None = None
    charge: str = ""


class CellTable(_Table):
    """`cell` of the material: lengths with their unit, angles in degrees."""

    a: str
    b: str
    c: str
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0


class MaterialTable(_Table):
    """[material]."""

    formula: str = ""
    per: Literal["formula_unit", "site"] = "formula_unit"
    sites: int = 1
    states: list[StateTable] = []
    phases: list[str] = []
    cell: CellTable | None = None
    space_group: str = ""
    polar_axis: Literal["", "a", "b", "c"] = ""
    volume_per_formula_unit: str | None = None


class ModelTable(_Table):
    """[model]."""

    builder: str
    options: dict[str, Any] = {}
    width: bool = False


class PriorTable(_Table):
    """`prior` of a parameter."""

    normal: list[float] = Field(min_length=2, max_length=2)


class TieTable(_Table):
    """`tie` of a parameter."""

    to: str
    factor: float = 1.0
    offset: float = 0.0


class ParameterTable(_Table):
    """One entry of [parameters]."""

    value: float | None = None
    unit: str | None = None
    min: float | None = None
    max: float | None = None
    prior: PriorTable | None = None
    fixed: bool = False
    tie: TieTable | None = None
    source: str = ""


class SystematicTable(_Table):
    """`temperature_offset` or `factor` of a measurement."""

    prior_sigma: Any
    name: str = ""


class StatementTable(_Table):
    """One of `statements`."""

    kind: str
    value: Any
    unit: str | None = None
    sigma: float | None = None
    limit: Literal["<", ">", ""] = ""
    at: Any = None
    between: list[Any] | None = Field(default=None, min_length=2, max_length=2)
    window: list[Any] | None = Field(default=None, min_length=2, max_length=2)
    text: str = ""
    source: str = ""


class LightTable(_Table):
    """`light` of a measurement or a diagram: one beam."""

    wavelength: str | None = None
    photon_flux: str | None = None
    irradiance: str | None = None


class MeasurementTable(_Table):
    """[[measurement]]."""

    label: str
    technique: str
    quantity: str = ""
    sample: str = "sample"
    instrument: str = "instrument"
    branch: Literal["equilibrium", "heating", "cooling", "auto"] = "auto"
    source: str = ""
    fit: bool = True
    file: str | None = None
    files: list[str] | None = None
    format: str = ""
    reader: dict[str, Any] = {}
    reduction: dict[str, Any] = {}
    observable: dict[str, Any] = {}
    temperature: list[Any] | None = None
    temperature_unit: str = "K"
    values: list[Any] | None = None
    sigma: Any = None
    unit: str | None = None
    pressure: str | None = None
    magnetic_field: str | None = None
    light: LightTable | None = None
    sweep_rate: str | None = None
    statements: list[StatementTable] | None = None
    noise: Literal["fixed", "free"] = "fixed"
    temperature_offset: SystematicTable | None = None
    factor: SystematicTable | None = None
    jump: Any = "auto"
    width: bool | None = None

    @field_validator("label")
    @classmethod
    def _label(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be empty; it names the measurement in figures, tables and errors")
        return text


class FitTable(_Table):
    """[fit]."""

    starts: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)
    max_iterations: int = Field(default=200, ge=1)


class ComparisonTable(_Table):
    """[[comparison]]."""

    name: str
    builder: str
    options: dict[str, Any] = {}
    width: bool = False
    starts: int | None = Field(default=None, ge=1)
    parameters: dict[str, ParameterTable] = {}


class ReportTable(_Table):
    """[report]."""

    sections: list[Section] = []
    temperature: list[float] | None = Field(default=None, min_length=2, max_length=2)

    @field_validator("temperature")
    @classmethod
    def _range(cls, window: list[float] | None) -> list[float] | None:
        if window is not None and not 0 < window[0] < window[1]:
            raise ValueError(f"found {window}, expected two temperatures in K that rise from above 0, e.g. [10, 310]")
        return window


class PyroelectricityTable(_Table):
    """[pyroelectricity]: what is asked of the fitted p(T)."""

    area: str | None = None
    rate: str | None = None
    at: list[float] = []
    reference_fraction: float | None = Field(default=None, gt=0, le=1)
    transfer_distance: str | None = None
    volumetric_heat_capacity: str | None = None
    permittivity: float | None = Field(default=None, gt=0)
    loss_tangent: float | None = Field(default=None, gt=0)
    source: str = ""


class StatedTable(_Table):
    """One entry of [kinetics.parameters] or of a phase's parameters: a number that is stated, not fitted."""

    value: float
    unit: str | None = None
    source: str = ""


class PhaseTable(_Table):
    """[[phase]]: a structural phase with a free energy of its own."""

    label: str
    builder: str = ""
    options: dict[str, Any] = {}
    states: list[str] | None = None
    parameters: dict[str, StatedTable] = {}


class ProcessTable(_Table):
    """One of the `processes` of [kinetics]; `start` and `end` are states."""

    kind: Literal["thermal", "photo", "x-ray", "damage"]
    start: str
    end: str | None = None
    one_way: bool = False
    freed: bool = False


class AbsorptionTable(_Table):
    """One of the `absorption` entries of [kinetics]."""

    state: str
    wavelength: list[str] = Field(min_length=1)
    extinction: list[float] | None = None
    cross_section: list[str] | None = None
    source: str = ""


class KineticsTable(_Table):
    """[kinetics]."""

    processes: list[ProcessTable] = Field(min_length=1)
    absorption: list[AbsorptionTable] = []
    parameters: dict[str, StatedTable] = {}
    heated_area: str | None = None


class DiagramAxisTable(_Table):
    """`x` or `y` of a diagram."""

    axis: str
    range: list[Any] = Field(min_length=2, max_length=2)
    unit: str | None = None
    grid: int | None = Field(default=None, ge=2, le=2000)


class DiagramPointTable(_Table):
    """One of the experimental `points` of a diagram."""

    label: str
    temperature: Any
    pressure: Any = None
    light: bool = False
    states: list[str] = []
    phase: str = ""
    text: str = ""
    source: str = ""


class DiagramTable(_Table):
    """[[diagram]]."""

    label: str
    kind: Literal["states", "phases", "lifetimes", "light"] = "states"
    x: DiagramAxisTable
    y: DiagramAxisTable
    title: str = ""
    state: str | list[str] | None = None
    contours: list[str] | None = Field(default=None, min_length=1)
    heating_rate: str | None = None
    light: LightTable | None = None
    temperature: Any = None
    pressure: str | None = None
    magnetic_field: str | None = None
    parameters: Literal["auto", "fit", "initial"] = "auto"
    samples: int = Field(default=20, ge=0, le=1000)
    points: list[DiagramPointTable] = []

    @field_validator("label")
    @classmethod
    def _label(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_\-]+", text):
            raise ValueError(f"found {text!r}, expected letters, digits, _ and - (it becomes a file name)")
        return text


class ManifestTables(_Table):
    """The whole document."""

    study: StudyTable
    material: MaterialTable | None = None
    model: ModelTable | None = None
    parameters: dict[str, ParameterTable] = {}
    measurement: list[MeasurementTable] = []
    fit: FitTable = FitTable()
    comparison: list[ComparisonTable] = []
    phase: list[PhaseTable] = []
    kinetics: KineticsTable | None = None
    pyroelectricity: PyroelectricityTable | None = None
    diagram: list[DiagramTable] = []
    report: ReportTable = ReportTable()

    @model_validator(mode="after")
    def _something_to_do(self) -> ManifestTables:
        if not self.measurement and not self.diagram:
            raise ValueError("a study needs at least one [[measurement]], or a [model] with a [[diagram]]")
        return self
