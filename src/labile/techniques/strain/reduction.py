"""Cells as measurements for the joint fit: an edge or the volume with its standard uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.core.structure import CellSeries
from labile.techniques.strain.tensor import StrainError, sigma_volumes


def reduce_cell_length(
    cells: CellSeries, *, edge: str = "a", sample: str = "sample", branch: str = "equilibrium"
) -> Measurement:
    """Edge of every cell as a measurement of ``"cell_length"``.

    Parameters
    ----------
    cells : CellSeries
    edge : {"a", "b", "c"}
    sample : str
        Prefix of sample parameters.
    branch : str
        Of the measurement.

    Returns
    -------
    Measurement
        Without sigma, and with a step that says so, where an s.u. is not stated.

    Raises
    ------
    StrainError
        For another edge, or an edge that symmetry fixes (s.u. 0 everywhere), which no measurement can weigh.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cell = [7e-10, 8e-10, 9e-10, 90, 90, 90]
    >>> series = CellSeries("demo", Conditions([100.0, 200.0]), [cell, cell], [[1e-13, 0, 0, 0, 0, 0]] * 2)
    >>> reduce_cell_length(series).describe_point(0)
    '7.0000(10) Å at 100 K'
    """
    if edge not in ("a", "b", "c"):
        raise StrainError(f"cell length: edge must be a, b or c, found {edge!r}")
    k = "abc".index(edge)
    return _measurement(cells, "cell_length", cells.cells[:, k], cells.sigma[:, k], f"edge {edge}", sample, branch)


def reduce_cell_volume(cells: CellSeries, *, sample: str = "sample", branch: str = "equilibrium") -> Measurement:
    """Volume of every cell as a measurement of ``"cell_volume"``.

    Parameters
    ----------
    cells : CellSeries
    sample, branch : str
        Of the measurement.

    Returns
    -------
    Measurement

    Raises
    ------
    StrainError
        If the s.u. of all parameters are 0.
    """
    return _measurement(cells, "cell_volume", cells.volumes, sigma_volumes(cells), "cell volume", sample, branch)


def reduce_cells(series: Sequence[CellSeries], *, quantity: str = "cell_length", edge: str = "a") -> list[Measurement]:
    """Edge or volume of every cell of one or more series, one measurement a series.

    Parameters
    ----------
    series : sequence of CellSeries
    quantity : {"cell_length", "cell_volume"}
    edge : {"a", "b", "c"}
        Of a length.

    Raises
    ------
    StrainError
        For another quantity or edge, or as `reduce_cell_length`.
    """
    if quantity == "cell_volume":
        return [reduce_cell_volume(one) for one in series]
    if quantity != "cell_length":
        raise StrainError(f"cells give cell_length and cell_volume, not {quantity}")
    return [reduce_cell_length(one, edge=edge) for one in series]


def _measurement(
    cells: CellSeries, quantity: str, values: np.ndarray, sigma: np.ndarray, what: str, sample: str, branch: str
) -> Measurement:
    known = bool(np.all(np.isfinite(sigma)))
    if known and np.any(sigma <= 0):
        row = cells.names[int(np.argmin(sigma))]
        raise StrainError(f"{cells.label!r}: the s.u. of the {what} is 0 at {row}; state it to weigh this point")
    steps = [f"{what} of {len(cells)} cells"]
    if not known:
        steps.append(f"the s.u. of the {what} are not stated for every cell")
    return Measurement(
        quantity,
        values,
        cells.conditions,
        sigma if known else None,
        sample=sample,
        branch=branch,
        label=f"{cells.label}, {what}",
        provenance=cells.provenance.then(*steps),
    )
