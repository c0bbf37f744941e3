"""From the structures of a study to one measured number a structure."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from labile.core.measurement import Measurement
from labile.core.structure import CrystalStructure, Molecule
from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.series import (
    QUANTITY,
    CoordinationTable,
    coordination_table,
    reduce_bond_length,
)

PARAMETERS = {quantity: name for name, quantity in QUANTITY.items() if quantity != "shape_measure"}
"""Quantity to the parameter of the table that it is measured by."""


def reduce_structures(
    structures: Sequence[CrystalStructure | Molecule],
    *,
    quantity: str = "bond_length",
    metal: str = "",
    parameter: str = "",
    combine: str = "refuse",
    low_spin: float | None = None,
    high_spin: float | None = None,
    sigma_low_spin: float | None = None,
    sigma_high_spin: float | None = None,
) -> list[Measurement]:
    """One parameter of the coordination of one metal in every structure.

    Parameters
    ----------
    structures : sequence of CrystalStructure or Molecule
        In any order.
    quantity : str
        ``"bond_length"`` (mean metal-ligand distance), ``"octahedral_distortion"``, ``"polyhedron_volume"``...
    metal : str
        Label of the site; may be left out where there is one metal.
    parameter : str
        Of the table, where a quantity has several (``"shape_octahedron"``).
    combine : {"refuse", "largest", "weighted"}
        What to do with disordered alternatives.
    low_spin, high_spin, sigma_low_spin, sigma_high_spin : float, optional
        Mean lengths of the end members with their standard uncertainties, m: for ``"high_spin_fraction"``.

    Returns
    -------
    list of Measurement
        One.

    Raises
    ------
    CoordinationError
        For a quantity that structures do not give, or several metals and none named.

    Warns
    -----
    CoordinationWarning
        For every flag of a structure and every note on a sphere; the provenance keeps them.
    """
    if quantity == "high_spin_fraction":
        if low_spin is None or high_spin is None:
            raise CoordinationError(
                "high_spin_fraction: give low_spin and high_spin, the mean lengths of the end members"
            )
        lengths = reduce_structures(structures, metal=metal, combine=combine)
        return [
            reduce_bond_length(
                one, low_spin=low_spin, high_spin=high_spin, sigma_low_spin=sigma_low_spin,
                sigma_high_spin=sigma_high_spin,
            )
            for one in lengths
        ]  # fmt: skip
    name = parameter or PARAMETERS.get(quantity, "")
    if QUANTITY.get(name) != quantity:
        known = ", ".join(f"{q} ({p})" for p, q in QUANTITY.items())
        raise CoordinationError(f"structures give no {quantity} by {name or 'one parameter'}; there are: {known}")
    table = coordination_table(structures, metals=[metal] if metal else None)
    metals = table.metals
    if len(metals) != 1:
        found = f"there are {len(metals)} metals, {', '.join(metals)}" if metals else "there is no metal"
        raise CoordinationError(f'{found}; name one of the sites, such as metal = "Fe1"')
    measured = table.measurement(metals[0], name, combine=combine)
    flags = [f"{one.label}: {flag}" for one in structures for flag in getattr(one, "flags", ())]
    flags += _noted(table, metals[0])
    for flag in flags:
        warnings.warn(flag, CoordinationWarning, stacklevel=2)
    return [replace(measured, provenance=measured.provenance.then(*flags))]


def _noted(table: CoordinationTable, metal: str) -> list[str]:
    """What the spheres of one metal say of themselves, and coordination numbers that change through the series."""
    own = [record for record in table.records if record.metal == metal and record.sphere is not None]
    notes = [f"{record.structure}, {metal}: {note}" for record in own for note in record.notes]
    numbers = {record.structure: len(record.sphere) for record in own if record.sphere is not None}
    if len(set(numbers.values())) > 1:
        listed = ", ".join(f"{count} in {name}" for name, count in numbers.items())
        notes.append(f"{metal} has not the same number of donors everywhere: {listed}")
    return list(dict.fromkeys(notes))
