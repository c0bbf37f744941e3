"""Coordination geometry of one or many structures as one table by temperature, pressure and light.

Every metal of every structure gives one record per alternative of its disorder; a metal that cannot be analysed gives a
record that says why, and the table goes on. From the table come tidy rows, a DataFrame, and measurements that a joint
fit takes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, concatenate
from labile.core.measurement import CorrelatedTerm, Measurement, Provenance
from labile.core.structure import CrystalStructure, Molecule
from labile.core.uncertain import format_uncertain
from labile.techniques.coordination.assignment import WINDOWS, Assignment, SiteLengths, Window, assign_states
from labile.techniques.coordination.bond_valence import BondValence, ValenceSum, bond_valence_sum
from labile.techniques.coordination.bonds import Value
from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.geometry import SAMPLES, SphereGeometry, sphere_geometry
from labile.techniques.coordination.sphere import CoordinationSphere, coordination_spheres, metal_sites

SHOWN: Mapping[str, tuple[str, float]] = {
    "length": ("angstrom", 1e10),
    "mean_length": ("angstrom", 1e10),
    "zeta": ("angstrom", 1e10),
    "delta": ("1", 1.0),
    "sigma": ("deg", 180 / math.pi),
    "theta": ("deg", 180 / math.pi),
    "theta_min": ("deg", 180 / math.pi),
    "theta_max": ("deg", 180 / math.pi),
    "volume": ("angstrom^3", 1e30),
    "metal_depth": ("angstrom", 1e10),
}
"""Unit of tables and factor from SI; everything else has none."""
QUANTITY: Mapping[str, str] = {
    "mean_length": "bond_length",
    "zeta": "bond_length_distortion",
    "delta": "bond_length_variance",
    "sigma": "octahedral_distortion",
    "theta": "trigonal_distortion",
    "volume": "polyhedron_volume",
    "shape_octahedron": "shape_measure",
    "shape_trigonal_prism": "shape_measure",
}
"""Parameters that become measurements."""
COLUMNS = (
    "structure", "temperature", "sigma_temperature", "pressure", "light", "metal", "alternative", "weight", "ligand",
    "symmetry_code", "parameter", "value", "sigma", "unit", "text", "note",
)  # fmt: skip
"""Of `CoordinationTable.rows`; temperature in K, pressure in Pa, light as wavelengths in nm."""


@dataclass(frozen=True, eq=False)
class CoordinationRecord:
    """One metal of one structure in one alternative.

    Attributes
    ----------
    number : int
        Of the structure in the series; labels of data blocks may repeat.
    structure, metal : str
    conditions : Conditions or None
    geometry : SphereGeometry or None
        None where there is none, see `problem`.
    assignment : Assignment or None
    valence : ValenceSum or None
    problem : str
        Why nothing was computed; empty where it was.
    notes : tuple of str
    """

    number: int
    structure: str
    metal: str
    conditions: Conditions | None
    geometry: SphereGeometry | None = None
    assignment: Assignment | None = None
    valence: ValenceSum | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sphere(self) -> CoordinationSphere | None:
        """The coordination sphere."""
        return None if self.geometry is None else self.geometry.sphere


@dataclass(frozen=True, eq=False)
class CoordinationTable:
    """Records in the order of structures and metals."""

    records: tuple[CoordinationRecord, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def rows(self) -> list[dict[str, Any]]:
        """Tidy rows with the columns of `COLUMNS`: one number with its s.u. and unit each."""
        return [row for record in self.records for row in _rows(record)]

    def to_dataframe(self) -> Any:
        """All rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    @property
    def metals(self) -> tuple[str, ...]:
        """Labels of the metals, in order of appearance."""
        return tuple(dict.fromkeys(record.metal for record in self.records))

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be analysed, one sentence each."""
        return tuple(record.problem for record in self.records if record.problem)

    def measurement(
        self, metal: str, parameter: str = "mean_length", *, combine: str = "refuse", sample: str = "sample"
    ) -> Measurement:
        """One parameter of one metal against the conditions.

        Parameters
        ----------
        metal : str
        parameter : str
            Key of `QUANTITY`.
        combine : {"refuse", "largest", "weighted"}
            What to do where disorder leaves several alternatives: refuse, take that of the largest occupancy, or
            average with the occupancies (what one refined position would have given).
        sample : str

        Returns
        -------
        Measurement
            In the order of the structures; without sigma where it is not known for every point.

        Raises
        ------
        CoordinationError
            For an unknown metal or parameter, a structure without temperature, or alternatives with
            ``combine="refuse"``.
        """
        return _measurement(self, metal, parameter, combine, sample)


def coordination_table(
    structures: CrystalStructure | Molecule | Iterable[CrystalStructure | Molecule],
    *,
    metals: Sequence[str] | None = None,
    choose: Mapping[str, Mapping[str, Any]] | None = None,
    oxidation: Mapping[str, int] | None = None,
    parameters: Mapping[tuple[str, int, str], BondValence] | None = None,
    windows: Sequence[Window] = WINDOWS,
    total_charge: int | Sequence[int] | None = None,
    samples: int = SAMPLES,
) -> CoordinationTable:
    """Analyse the metals of one or many structures.

    Parameters
    ----------
    structures : CrystalStructure, Molecule or iterable of them
    metals : sequence of str, optional
        Labels; all d and f metals when left out.
    choose : mapping of str to mapping, optional
        Metal to options of `coordination_spheres` (``ligands``, ``number``, ``cutoff``, ``elements``).
    oxidation : mapping of str to int, optional
        Metal to the oxidation state for which bond valences are summed; none without it.
    parameters : mapping, optional
        Bond valence parameters beside the built-in ones.
    windows, total_charge
        As for `assign_states`.
    samples : int
        As for `sphere_geometry`.

    Returns
    -------
    CoordinationTable
    """
    if isinstance(structures, CrystalStructure | Molecule):
        structures = (structures,)
    found = tuple(structures)
    if not found:
        raise CoordinationError("coordination: no structures are given")
    if isinstance(metals, str):
        raise CoordinationError(f"coordination: metals is a list of labels, [{metals!r}], not one text")
    known = ("ligands", "number", "cutoff", "elements")
    for site, chosen in (choose or {}).items():
        for name in chosen:
            if name not in known:
                raise CoordinationError(f"choose[{site!r}]: unknown option {name!r}; use {', '.join(known)}")
    unknown = sorted({*(metals or ()), *(choose or {}), *(oxidation or {})} - {x for s in found for x in s.labels})
    if unknown:
        raise CoordinationError(f"coordination: no structure has a site {', '.join(unknown)}")
    records = []
    for number, structure in enumerate(found):
        named = [m for m in metals if m in structure.labels] if metals is not None else metal_sites(structure)
        if not named:
            problem = f"{structure.label}: it holds no {'d or f metal' if metals is None else ', '.join(metals)}"
            records.append(CoordinationRecord(number, structure.label, "", structure.conditions, problem=problem))
            continue
        made: list[CoordinationRecord] = []
        for metal in named:
            options = (choose or {}).get(metal, {})
            try:
                spheres = coordination_spheres(structure, metal, **options)
            except CoordinationError as error:
                made.append(
                    CoordinationRecord(number, structure.label, metal, structure.conditions, problem=str(error))
                )
                continue
            for sphere in spheres:
                valence, notes = _valence(sphere, (oxidation or {}).get(metal), parameters)
                geometry = sphere_geometry(sphere, samples=samples)
                problem = f"{structure.label}, {metal}: {'; '.join(sphere.problems)}" if sphere.problems else ""
                made.append(
                    CoordinationRecord(
                        number, structure.label, metal, structure.conditions, geometry, None, valence, problem,
                        (*geometry.notes, *notes),
                    )
                )  # fmt: skip
        records.extend(_assigned(made, windows, total_charge))
    steps = tuple(dict.fromkeys(r.sphere.choice for r in records if r.sphere is not None))
    provenance = Provenance(
        ", ".join(dict.fromkeys(s.provenance.source or s.label for s in found)),
        reader="coordination geometry",
        steps=tuple(f"coordination sphere: {choice}" for choice in steps),
    )
    return CoordinationTable(tuple(records), provenance)


def reduce_bond_length(
    measurement: Measurement,
    *,
    low_spin: float,
    high_spin: float,
    sigma_low_spin: float | None = None,
    sigma_high_spin: float | None = None,
) -> Measurement:
    """High-spin fraction from mean bond lengths and those of calibrated end members.

    Fractions above 1 and below 0 are kept. The errors of the end members move all points together.

    Parameters
    ----------
    measurement : Measurement
        ``bond_length``.
    low_spin, high_spin : float
        Mean lengths of the end members, m.
    sigma_low_spin, sigma_high_spin : float, optional
        Their standard uncertainties, m.

    Returns
    -------
    Measurement
        ``high_spin_fraction``.

    Raises
    ------
    CoordinationError

    Examples
    --------
    >>> lengths = Measurement.from_field("bond_length", [2.0, 2.1], "angstrom", Conditions([60.0, 90.0]), sigma=0.002)
    >>> reduce_bond_length(lengths, low_spin=2.0e-10, high_spin=2.2e-10).values.round(3).tolist()
    [0.0, 0.5]
    """
    where = f"measurement {measurement.label!r}"
    if measurement.quantity != "bond_length" or measurement.axis is not None:
        raise CoordinationError(f"{where}: a bond_length at each condition is needed, found {measurement.quantity}")
    spread = math.hypot(sigma_low_spin or 0.0, sigma_high_spin or 0.0)
    span = high_spin - low_spin
    if not (0 < low_spin < 1e-9 and span > 3 * spread and span > 0):
        raise CoordinationError(
            f"{where}: low_spin < high_spin in m, more than 3 s.u. apart, are needed, found {low_spin!r} and"
            f" {high_spin!r}"
        )
    n = (measurement.values - low_spin) / span
    terms = [CorrelatedTerm(t.name, t.effect / span) for t in measurement.correlated]
    if sigma_low_spin:
        terms.append(CorrelatedTerm("low_spin_length", -(1 - n) * sigma_low_spin / span))
    if sigma_high_spin:
        terms.append(CorrelatedTerm("high_spin_length", -n * sigma_high_spin / span))
    steps = [
        f"high-spin fraction from lengths {low_spin * 1e10:.4f} (low spin) and {high_spin * 1e10:.4f} A (high spin)"
    ]
    outside = int(np.sum((n > 1) | (n < 0)))
    if outside:
        steps.append(f"{outside} of {n.size} fractions lie outside 0 to 1 and are kept")
    return replace(
        measurement,
        quantity="high_spin_fraction",
        values=n,
        unit="1",
        sigma=None if measurement.sigma is None else measurement.sigma / span,
        correlated=tuple(terms),
        label=f"{measurement.label}, high-spin fraction",
        provenance=measurement.provenance.then(*steps),
    )


def _valence(
    sphere: CoordinationSphere,
    oxidation: int | None,
    parameters: Mapping[tuple[str, int, str], BondValence] | None,
) -> tuple[ValenceSum | None, tuple[str, ...]]:
    if oxidation is None or sphere.problems:
        return None, ()
    try:
        with warnings.catch_warnings():
            # the sum carries the warning as a note
            warnings.simplefilter("ignore", CoordinationWarning)
            found = bond_valence_sum(sphere, oxidation, parameters)
    except CoordinationError as error:
        return None, (str(error),)
    return found, found.notes


def _assigned(
    records: list[CoordinationRecord], windows: Sequence[Window], total_charge: int | Sequence[int] | None
) -> list[CoordinationRecord]:
    """Records of one structure with their spin states; metals without windows stay without."""
    able: list[tuple[int, SiteLengths]] = []
    result = list(records)
    for i, record in enumerate(records):
        if record.sphere is None or record.problem:
            continue
        site = SiteLengths.of_sphere(record.sphere)
        try:
            alone = assign_states([site], windows=windows)[0]
        except CoordinationError as error:
            result[i] = replace(record, notes=(*record.notes, str(error)))
        else:
            result[i] = replace(record, assignment=alone)
            able.append((i, site))
    several = len({r.metal for r in records}) < len(records)
    if total_charge is not None and able:
        if several:
            for i, _ in able:
                result[i] = replace(result[i], notes=(*result[i].notes, "charge balance not used: disordered metals"))
        else:
            together = assign_states([site for _, site in able], windows=windows, total_charge=total_charge)
            for (i, _), assignment in zip(able, together, strict=True):
                result[i] = replace(result[i], assignment=assignment)
    return result


def _rows(record: CoordinationRecord) -> list[dict[str, Any]]:
    at = record.conditions
    sigma_t = None if at is None else at.sigma_temperature
    start = {
        "structure": record.structure,
        "temperature": math.nan if at is None else float(at.temperature[0]),
        "sigma_temperature": math.nan if sigma_t is None else float(sigma_t[0]),
        "pressure": math.nan if at is None else float(at.pressure[0]),
        "light": "" if at is None else ", ".join(f"{s.wavelength * 1e9:g}" for s in at.light),
        "metal": record.metal,
    }
    start = dict.fromkeys(COLUMNS, "") | {"value": math.nan, "sigma": math.nan, "weight": math.nan} | start
    if record.geometry is None:
        return [start | {"parameter": "problem", "note": record.problem}]
    sphere = record.geometry.sphere
    start |= {"alternative": sphere.alternative, "weight": sphere.weight}
    rows = []

    def add(parameter: str, value: Value, **more: Any) -> None:
        unit, factor = SHOWN.get(parameter, ("1", 1.0))
        number, sigma = value.value * factor, value.sigma * factor
        text = {"value": number, "sigma": sigma, "unit": unit, "text": format_uncertain(number, sigma)}
        rows.append({**start, "parameter": parameter, **text, **more})

    lengths = zip(sphere.labels, sphere.symmetry_codes, sphere.lengths, sphere.sigma_lengths, strict=True)
    for label, code, length, sigma in lengths:
        add("length", Value(float(length), float(sigma)), ligand=label, symmetry_code=code)
    add("coordination_number", Value(len(sphere), math.nan), note=sphere.choice)
    for name, value in record.geometry.values.items():
        bias = record.geometry.sampled.get(name)
        factor = SHOWN.get(name, ("1", 1.0))[1]
        add(name, value, note="" if bias is None else f"s.u. by sampling; bias {bias * factor:+.2g}")
    if record.valence is not None:
        sum_of = record.valence
        add("bond_valence", Value(sum_of.value, sum_of.sigma), note=f"for {sphere.element}({sum_of.oxidation})")
    if record.assignment is not None:
        for (oxidation, spin), likely in record.assignment.states.items():
            add("probability", Value(likely, math.nan), note=f"{sphere.element}({oxidation}) {spin}")
    for note in dict.fromkeys(
        (record.geometry.status, *record.notes, *(record.assignment.notes if record.assignment else ()))
    ):
        rows.append(start | {"parameter": "status" if note == record.geometry.status else "note", "note": note})
    return rows


def _measurement(table: CoordinationTable, metal: str, parameter: str, combine: str, sample: str) -> Measurement:
    if parameter not in QUANTITY:
        raise CoordinationError(f"parameter {parameter!r} is no measurement; use one of {', '.join(QUANTITY)}")
    if combine not in ("refuse", "largest", "weighted"):
        raise CoordinationError(f"combine must be 'refuse', 'largest' or 'weighted', found {combine!r}")
    if metal not in table.metals:
        raise CoordinationError(f"there is no metal {metal!r}; there are {', '.join(table.metals)}")
    values, sigmas, conditions, steps = [], [], [], []
    by_structure: dict[int, list[CoordinationRecord]] = {}
    for record in table.records:
        if record.metal == metal:
            by_structure.setdefault(record.number, []).append(record)
    for records in by_structure.values():
        label = records[0].structure
        good = [r for r in records if r.geometry is not None and parameter in r.geometry.values]
        if not good:
            status = records[0].problem or (records[0].geometry.status if records[0].geometry else "")
            steps.append(f"{label} left out: {status}")
            continue
        if good[0].conditions is None:
            raise CoordinationError(
                f"{label}: its temperature is not stated, so {parameter} has no conditions; give them"
            )
        if len(good) > 1 and combine == "refuse":
            names = "; ".join(r.geometry.sphere.alternative for r in good if r.geometry is not None)
            raise CoordinationError(
                f"{label}: {metal} has {len(good)} alternatives ({names}); say combine='largest' or combine='weighted'"
            )
        taken = good if combine == "weighted" else good[:1]
        if len(good) > 1:
            steps.append(f"{label}: {len(good)} alternatives of {metal}, {combine}")
        found = [r.geometry for r in taken if r.geometry is not None]
        weights = np.array([g.sphere.weight for g in found])
        each = [g.values[parameter] for g in found]
        values.append(float(np.sum(weights * [v.value for v in each]) / weights.sum()))
        # alternatives share cell and metal, so their errors are taken to be fully correlated
        sigmas.append(float(np.sum(weights * [v.sigma for v in each]) / weights.sum()))
        conditions.append(good[0].conditions)
    if not values:
        raise CoordinationError(f"{metal}: no structure gives {parameter} ({'; '.join(steps)})")
    known = np.array(sigmas)
    stated = bool(np.all(np.isfinite(known) & (known > 0)))
    if not stated:
        steps.append("s.u. left out: not known for every point")
    return Measurement(
        QUANTITY[parameter],
        np.array(values),
        concatenate(conditions),
        known if stated else None,
        label=f"{metal} {parameter.replace('_', ' ')}",
        sample=sample,
        provenance=table.provenance.then(*steps),
    )
