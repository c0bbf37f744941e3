"""What `labile read` tells of crystal structures, molecules and series of cells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.structure import CellSeries, CrystalStructure, Molecule
from labile.core.uncertain import format_uncertain

TITLES = ("", "T / K", "P / GPa", "a / Å", "b / Å", "c / Å", "α / °", "β / °", "γ / °", "V / Å³")
SHOWN_FLAGS = 12


def content_text(content: Sequence[CrystalStructure | Molecule | CellSeries]) -> list[str]:
    """Lines for people: a table of the cells and what stands beside it."""
    structures = [one for one in content if isinstance(one, CrystalStructure)]
    lines = _table([_structure_row(one) for one in structures])
    for structure in structures:
        lines.append(f"  {structure.label}: {_described(structure)}")
        lines += [f"    {flag}" for flag in structure.flags[:SHOWN_FLAGS]]
    for one in content:
        if isinstance(one, CellSeries):
            lines += _table(_series_rows(one))
            lines.append(f"  {one.label}: {len(one)} cells{', ' + one.space_group if one.space_group else ''}")
        elif isinstance(one, Molecule):
            counts = Counter(one.elements)
            atoms = " ".join(f"{element}{n}" if n > 1 else element for element, n in sorted(counts.items()))
            comment = f", {one.comment[:60]}" if one.comment else ""
            lines.append(f"  {one.label}: {len(one.elements)} atoms ({atoms}){comment}")
    return lines


def content_summary(one: CrystalStructure | Molecule | CellSeries) -> dict[str, Any]:
    """One structure, molecule or series as JSON types; lengths in angstrom, angles in degrees."""
    if isinstance(one, Molecule):
        return {
            "label": one.label,
            "atoms": len(one.elements),
            "elements": dict(Counter(one.elements)),
            "comment": one.comment,
            "steps": list(one.provenance.steps),
        }
    if isinstance(one, CellSeries):
        return {
            "label": one.label,
            "cells": len(one),
            "temperature_K": one.conditions.temperature.tolist(),
            "pressure_Pa": one.conditions.pressure.tolist(),
            "cell_A_deg": (one.cells * _SCALE).tolist(),
            "sigma_cell_A_deg": _plain(one.sigma * _SCALE),
            "space_group": one.space_group,
            "steps": list(one.provenance.steps),
        }
    conditions = one.conditions
    return {
        "label": one.label,
        "formula": one.formula,
        "space_group": one.space_group,
        "operations": len(one.rotations),
        "temperature_K": None if conditions is None else float(conditions.temperature[0]),
        "pressure_Pa": None if conditions is None else float(conditions.pressure[0]),
        "environment": one.environment,
        "cell_A_deg": (one.cell * _SCALE).tolist(),
        "sigma_cell_A_deg": _plain(np.sqrt(np.diag(one.cell_covariance)) * _SCALE),
        "volume_A3": one.volume * 1e30,
        "sigma_volume_A3": _plain(np.array(one.sigma_volume * 1e30)),
        "sites": len(one.sites),
        "elements": dict(Counter(one.elements)),
        "disorder": {assembly: dict(groups) for assembly, groups in one.disorder.items()},
        "flags": list(one.flags),
        "steps": list(one.provenance.steps),
    }


_SCALE = np.array([1e10, 1e10, 1e10, 1.0, 1.0, 1.0])


def _plain(values: np.ndarray) -> Any:
    """JSON has no NaN: what is unknown is null."""
    if values.ndim:
        return [_plain(one) for one in values]
    return float(values) if math.isfinite(values) else None


def _cell_columns(cell: np.ndarray, sigma: np.ndarray, volume: float, sigma_volume: float) -> list[str]:
    numbers = zip(cell * _SCALE, sigma * _SCALE, strict=True)
    return [*(_number(value, s) for value, s in numbers), _number(volume * 1e30, sigma_volume * 1e30)]


def _number(value: float, sigma: float) -> str:
    return format_uncertain(float(value), float(sigma) if sigma > 0 else None)


def _condition_columns(conditions: Conditions | None, point: int = 0) -> list[str]:
    if conditions is None:
        return ["?", "?"]
    columns = []
    for name, scale in (("temperature", 1.0), ("pressure", 1e-9)):
        sigma = getattr(conditions, f"sigma_{name}")
        value = float(getattr(conditions, name)[point]) * scale
        ambient = name == "pressure" and value == AMBIENT_PRESSURE * scale
        text = format_uncertain(value, None if sigma is None else float(sigma[point]) * scale)
        columns.append("ambient" if ambient else text)
    return columns


def _structure_row(one: CrystalStructure) -> list[str]:
    sigma = np.sqrt(np.diag(one.cell_covariance))
    cell = _cell_columns(one.cell, sigma, one.volume, one.sigma_volume)
    return [one.label, *_condition_columns(one.conditions), *cell]


def _series_rows(series: CellSeries) -> list[list[str]]:
    columns = zip(series.cells, series.sigma, series.volumes, series.sigma_volumes, strict=True)
    return [
        [name, *_condition_columns(series.conditions, n), *_cell_columns(*cell)]
        for n, (name, cell) in enumerate(zip(series.names, columns, strict=True))
    ]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[k]) for row in (TITLES, *rows)) for k in range(len(TITLES))]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *(row[k].rjust(widths[k]) for k in range(1, len(TITLES)))]).rstrip()
        for row in (TITLES, *rows)
    ]


def _described(one: CrystalStructure) -> str:
    parts = [one.space_group or "space group unknown"]
    if one.formula:
        parts.append(f"{one.formula}{f', Z = {one.formula_units:g}' if one.formula_units else ''}")
    special = int(np.sum(one.site_orders > 1))
    parts.append(f"{len(one.sites)} sites{f', {special} of them special' if special else ''}")
    if one.disorder:
        groups = "; ".join(
            f"{assembly + ': ' if assembly else ''}"
            + " / ".join(f"{group} {share:.3g}" for group, share in sorted(shares.items()))
            for assembly, shares in one.disorder.items()
        )
        parts.append(f"disorder {groups}")
    if one.environment:
        parts.append(f"in {one.environment}")
    return ", ".join(parts)
