"""Structures of one crystal at many conditions: put in order, checked for doubles, and as one table of cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labile.core.cell import StructureError
from labile.core.conditions import Conditions
from labile.core.measurement import Provenance
from labile.core.structure import CellSeries, CrystalStructure


def sorted_structures(structures: Iterable[CrystalStructure]) -> tuple[CrystalStructure, ...]:
    """Structures by light, pressure and temperature.

    Raises
    ------
    StructureError
        If there are none, if one has no temperature, or if two stand at the same conditions; the message names them.
    """
    found = list(structures)
    if not found:
        raise StructureError("structure series: it holds no structures")
    unknown = [_named(one) for one in found if one.conditions is None]
    if unknown:
        raise StructureError(f"structure series: no temperature is stated for {', '.join(unknown)}; give it")
    places: dict[tuple[Any, ...], list[str]] = {}
    for one in found:
        places.setdefault(_place(one), []).append(_named(one))
    twice = [names for names in places.values() if len(names) > 1]
    if twice:
        listed = "; ".join(" and ".join(names) for names in twice)
        raise StructureError(
            f"structure series: same temperature, pressure and light twice: {listed}; keep one of each or tell them"
            " apart by their conditions"
        )
    return tuple(sorted(found, key=_place))


def series_conditions(structures: Sequence[CrystalStructure]) -> Conditions:
    """Conditions of structures as one table, in their order; light is left out where it differs between them.

    Raises
    ------
    StructureError
        If a temperature is unknown.
    """
    points = [one.conditions for one in structures]
    known = [one for one in points if one is not None]
    if not known or len(known) < len(points):
        raise StructureError("structure series: a temperature is not stated")
    sigmas = {}
    for name in ("sigma_temperature", "sigma_pressure"):
        columns = [getattr(one, name) for one in known]
        if all(column is not None for column in columns):
            sigmas[name] = np.concatenate(columns)
    return Conditions(
        np.concatenate([one.temperature for one in known]),
        np.concatenate([one.pressure for one in known]),
        light=known[0].light if all(one.light == known[0].light for one in known) else (),
        **sigmas,
    )


def structure_series(structures: Iterable[CrystalStructure]) -> CellSeries:
    """Cells of structures as one table, sorted by light, pressure and temperature.

    Parameters
    ----------
    structures : iterable of CrystalStructure
        In any order.

    Returns
    -------
    CellSeries

    Raises
    ------
    StructureError
        As for `sorted_structures`.
    """
    ordered = sorted_structures(structures)
    return CellSeries(
        label=ordered[0].label if len(ordered) == 1 else f"{len(ordered)} structures",
        conditions=series_conditions(ordered),
        cells=np.array([one.cell for one in ordered]),
        covariance=np.array([one.cell_covariance for one in ordered]),
        names=tuple(one.label for one in ordered),
        space_group=ordered[0].space_group if len({one.space_group for one in ordered}) == 1 else "",
        provenance=Provenance(source=", ".join(dict.fromkeys(one.provenance.source for one in ordered))),
    )


def _named(one: CrystalStructure) -> str:
    return f"{one.label!r}" + (f" of {one.provenance.source}" if one.provenance.source else "")


def _place(one: CrystalStructure) -> tuple[Any, ...]:
    assert one.conditions is not None
    light = tuple((source.wavelength, source.photon_flux) for source in one.conditions.light)
    return len(light), light, float(one.conditions.pressure[0]), float(one.conditions.temperature[0])
