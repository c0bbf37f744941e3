"""From series of cells to one measured edge or volume a condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.core.structure import CellSeries
from labile.techniques.strain.tensor import StrainError

EDGES = ("a", "b", "c")


def reduce_cells(series: Sequence[CellSeries], *, quantity: str = "cell_length", edge: str = "a") -> list[Measurement]:
    """Edge or volume of every cell of one or more series.

    Parameters
    ----------
    series : sequence of CellSeries
    quantity : {"cell_length", "cell_volume"}
    edge : {"a", "b", "c"}
        Of a length.

    Returns
    -------
    list of Measurement
        One a series; sigma is None where the series states none.

    Raises
    ------
    StrainError
        For another quantity or edge.
    """
    if quantity not in ("cell_length", "cell_volume"):
        raise StrainError(f"cells give cell_length and cell_volume, not {quantity}")
    if quantity == "cell_length" and edge not in EDGES:
        raise StrainError(f"edge must be one of {', '.join(EDGES)}, found {edge!r}")
    found = []
    for one in series:
        if quantity == "cell_volume":
            values, sigma, what = one.volumes, one.sigma_volumes, "volume"
        else:
            column = EDGES.index(edge)
            values, sigma, what = one.cells[:, column], one.sigma[:, column], f"edge {edge}"
        known = np.all(np.isfinite(sigma) & (sigma > 0))
        found.append(
            Measurement(
                quantity,
                values,
                one.conditions,
                sigma if known else None,
                label=f"{one.label}, {what}",
                provenance=one.provenance.then(f"{what} of the cells"),
            )
        )
    return found
