"""Stability maps: every minimum of the free energy over two axes, its populations, energy and status."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.diagrams.axes import CHUNK, CONDITIONS, UNITS, DiagramError, Plane, plane
from labile.models import map_kernels
from labile.models.equilibrium import MAX_ITERATIONS
from labile.models.free_energy import Model
from labile.models.populations import Status

if TYPE_CHECKING:
    import xarray

CELL = 8
"""Most grid steps along the side of a cell whose corners are searched in full."""
CELLS = 125
"""Least number of cells along an axis; on grids with fewer points every point is searched in full."""


@dataclass(frozen=True, eq=False)
class StabilityMap:
    """All minima of G over two axes, lowest first.

    Attributes
    ----------
    plane : Plane
        Model, values and axes.
    x : ndarray (Nu, Nv, S, n)
        Populations of every minimum, S the largest number of minima in the map; NaN past `count`.
    energy : ndarray (Nu, Nv, S)
        G in J/mol; NaN past `count`.
    count : ndarray (Nu, Nv) of int
        Number of minima.
    status : ndarray (Nu, Nv) of int
        `Status.CONVERGED`, or `Status.NOT_CONVERGED` where no descent converged (count 0, NaN everywhere).
    incomplete : ndarray (Nu, Nv) of bool
        A descent failed there: a minimum may be missing.
    """

    plane: Plane
    x: np.ndarray
    energy: np.ndarray
    count: np.ndarray
    status: np.ndarray
    incomplete: np.ndarray = field(repr=False)

    @property
    def axes(self) -> Mapping[str, np.ndarray]:
        """Names and grids (SI) of the first and the second dimension."""
        return self.plane.axes

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the n states."""
        return self.plane.model.state_names

    @property
    def stable(self) -> np.ndarray:
        """Number of the most populated state of the lowest minimum (Nu, Nv); -1 where nothing converged."""
        lowest = np.argmax(np.nan_to_num(self.x[:, :, 0, :], nan=-1.0), axis=2)
        return np.where(self.count > 0, lowest, -1)

    @property
    def metastable(self) -> np.ndarray:
        """Number of minima above the lowest (Nu, Nv)."""
        return np.maximum(self.count - 1, 0)

    def metastable_in(self, state: str) -> np.ndarray:
        """Whether a minimum above the lowest is populated mostly by a state, (Nu, Nv) of bool."""
        above = self.x[:, :, 1:, :]
        mostly = np.argmax(np.nan_to_num(above, nan=-1.0), axis=3) == self._state(state)
        return np.any(mostly & np.isfinite(above[..., 0]), axis=2)

    def of(self, state: str) -> np.ndarray:
        """Population of a state in the lowest minimum (Nu, Nv)."""
        return np.asarray(self.x[:, :, 0, self._state(state)])

    def _state(self, name: str) -> int:
        if name not in self.state_names:
            raise DiagramError(f"map: state {name!r} is none of {', '.join(self.state_names)}")
        return self.state_names.index(name)

    def to_xarray(self) -> xarray.Dataset:
        """Dataset with dimensions (first axis, second axis, minimum, state), SI units in the attributes."""
        import xarray

        dims = self.plane.names
        data: dict[str, Any] = {
            "population": ((*dims, "minimum", "state"), self.x, {"units": "1"}),
            "energy": ((*dims, "minimum"), self.energy, {"units": "J/mol"}),
            "minima": (dims, self.count, {"long_name": "number of minima of the free energy"}),
            "stable": (dims, self.stable, {"long_name": "most populated state of the lowest minimum; -1: none found"}),
            "status": (dims, self.status, {"long_name": "0: converged, 1: not converged"}),
            "incomplete": (dims, self.incomplete.astype(np.int8), {"long_name": "1: a minimum may be missing"}),
        }
        coords: dict[str, Any] = {"state": list(self.state_names)}
        for name, grid in self.axes.items():
            coords[name] = (name, grid, {"units": _unit(self.plane.model, name)})
        fixed = {f"value {name}": float(v) for name, v in self.plane.values.items() if name not in self.axes}
        fixed |= {name: float(getattr(self.plane.others, name)[0]) for name in CONDITIONS if name not in self.axes}
        return xarray.Dataset(data, coords, {"model": self.plane.model.name, **fixed})

    def to_netcdf(self, path: Path | str) -> None:
        """Write `to_xarray` as a NetCDF file."""
        self.to_xarray().to_netcdf(path, engine="h5netcdf")


def _unit(model: Model, name: str) -> str:
    return UNITS[name] if name in UNITS else model.parameters[name].unit


def stability_map(model: Model, values: Mapping[str, float], axes: Mapping[str, Any], **others: Any) -> StabilityMap:
    """All minima of a model over two axes.

    Grids below 250 points along both axes are searched in full at every point. On larger ones all minima are searched
    for at the corners of cells (at least 125 along each axis), in every cell whose corners differ, have a soft Hessian
    or whose minima change much, and in neighbours of searched cells that turn out to differ from what their corners
    say; elsewhere the minima are followed from point to point. Only an island of a further minimum that is smaller
    than a cell in both directions can be missed; a finer grid finds it.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    axes : mapping of str to array
        Two names with rising grids, SI: ``temperature`` (K), ``pressure`` (Pa, absolute), ``magnetic_field`` (T) or a
        parameter of the model. The first is the first dimension of the result.
    **others
        Conditions that are no axis: ``temperature`` (needed unless it is an axis), ``pressure`` (ambient unless
        given), ``magnetic_field``.

    Returns
    -------
    StabilityMap

    Raises
    ------
    DiagramError
        For axes that do not fit the model, one that it does not depend on among them.

    Examples
    --------
    >>> import numpy as np
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6000.0}
    >>> axes = {"temperature": np.linspace(200.0, 300.0, 21), "pressure": np.linspace(2e5, 3e8, 11)}
    >>> found = stability_map(slichter_drickamer(), values, axes)
    >>> found.count[::5, 0].tolist(), found.stable[::5, 0].tolist()
    ([1, 1, 2, 1, 1], [0, 0, 0, 1, 1])
    """
    return map_of(plane(model, values, axes, **others))


def map_of(where: Plane) -> StabilityMap:
    """`stability_map` of a plane that exists."""
    g, w, rt, mi = _assemble(where)
    rows, columns, n = g.shape
    manifold = where.model.manifold_index()
    workers = max(1, os.cpu_count() or 1)
    node_rows, node_columns = _nodes(rows), _nodes(columns)

    with ThreadPoolExecutor(workers) as pool:

        def search(
            at_rows: np.ndarray, at_columns: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
            size = at_rows.size
            found, energies = np.empty((size, n + 2, n)), np.empty((size, n + 2))
            counts, failures = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)

            def part(one: slice) -> None:
                map_kernels.search_points(
                    g, w, rt, mi, manifold, at_rows[one], at_columns[one], found[one], energies[one], counts[one],
                    failures[one], MAX_ITERATIONS,
                )  # fmt: skip

            _over(pool, part, size, 4 * workers)
            return found, energies, counts, failures

        cells = (node_rows.size - 1, node_columns.size - 1)
        uncertain = np.ones(cells, dtype=bool)
        orders = np.zeros((*cells, 3, n + 2), dtype=np.int64)
        counts = np.zeros((node_rows.size, node_columns.size), dtype=np.int64)
        found = np.empty((*counts.shape, n + 2, n))
        if cells != (rows - 1, columns - 1):
            corner_rows, corner_columns = (a.ravel() for a in np.meshgrid(node_rows, node_columns, indexing="ij"))
            corners = search(corner_rows, corner_columns)
            soft = np.zeros(counts.size, dtype=bool)
            map_kernels.soft_points(w, rt, mi, manifold, corner_rows, corner_columns, corners[0], corners[2], soft)
            found[:] = corners[0].reshape(found.shape)
            counts[:] = corners[2].reshape(counts.shape)
            doubtful = (soft | (corners[3] > 0)).reshape(counts.shape)
            map_kernels.pair_corners(found, counts, doubtful, uncertain, orders)
        count_map = np.zeros((rows, columns), dtype=np.int64)
        pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

        def search_cells(fresh: np.ndarray) -> None:
            while fresh.any():
                points = _points_of(fresh, node_rows, node_columns)
                piece = search(*points)
                pieces.append((*points, *piece))
                count_map[points] = piece[2]
                uncertain[fresh] = True
                searched, fresh = fresh, np.zeros(cells, dtype=bool)
                map_kernels.spread(searched, uncertain, count_map, counts, node_rows, node_columns, fresh)

        map_kernels.assume_counts(uncertain, count_map, counts, node_rows, node_columns)
        search_cells(uncertain.copy())
        room = max(1, int(counts.max()))
        x, energy = np.empty((rows, columns, room, n)), np.empty((rows, columns, room))
        lost = np.zeros(cells, dtype=bool)

        def fill(one: slice) -> None:
            map_kernels.fill_cells(
                g, w, rt, mi, manifold, one.start, one.stop, node_rows, node_columns, found, counts, uncertain,
                orders, lost, x, energy, count_map,
            )  # fmt: skip

        _over(pool, fill, cells[0], 8 * workers)
        search_cells(lost)
    if more := max([0, *(int(piece[4].max()) - room for piece in pieces)]):
        x = np.concatenate([x, np.full((rows, columns, more, n), np.nan)], axis=2)
        energy = np.concatenate([energy, np.full((rows, columns, more), np.nan)], axis=2)
    incomplete = np.zeros((rows, columns), dtype=bool)
    for piece in pieces:
        map_kernels.write_searched(*piece, x, energy, count_map, incomplete)
    status = np.where(count_map > 0, int(Status.CONVERGED), int(Status.NOT_CONVERGED))
    return StabilityMap(where, x, energy, count_map, status, incomplete)


def _nodes(points: int) -> np.ndarray:
    nodes = np.arange(0, points - 1, min(CELL, max(1, points // CELLS)))
    return np.append(nodes, points - 1)


def _over(pool: ThreadPoolExecutor, part: Callable[[slice], None], size: int, pieces: int) -> None:
    edges = np.unique(np.linspace(0, size, pieces + 1).astype(int))
    for _ in pool.map(part, [slice(int(a), int(b)) for a, b in pairwise(edges)]):
        pass


def _points_of(cells: np.ndarray, node_rows: np.ndarray, node_columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the points that belong to the marked cells, each point to one cell."""
    row_cell, column_cell = (
        np.repeat(np.arange(nodes.size - 1), np.diff(nodes) + (np.arange(nodes.size - 1) == nodes.size - 2))
        for nodes in (node_rows, node_columns)
    )
    rows, columns = np.nonzero(cells[row_cell[:, None], column_cell[None, :]])
    # nonzero gives strided views, for which every kernel would be compiled once more
    return np.ascontiguousarray(rows), np.ascontiguousarray(columns)


def _assemble(where: Plane) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """G (Nu, Nv, n), W (Nu, Nv or 1, 1, n, n), RT (Nu, Nv) and 1/m - 1 (Nu, Nv), in chunks of rows."""
    u, v = where.grids
    n = len(where.model.states)
    g, rt, mi = np.empty((u.size, v.size, n)), np.empty((u.size, v.size)), np.empty((u.size, v.size))
    w = np.empty((1, 1, n, n))
    rows = max(1, CHUNK // v.size)
    for first in range(0, u.size, rows):
        part = slice(first, min(first + rows, u.size))
        shape = (part.stop - part.start, v.size)
        c, conditions, domain = where.coefficients_at(np.repeat(u[part], v.size), np.tile(v, shape[0]))
        g[part] = c.g.reshape(*shape, n)
        rt[part] = GAS_CONSTANT * conditions.temperature.reshape(shape)
        mi[part] = domain.reshape(shape)
        if c.w.shape[0] == 1:
            w[:] = c.w
        else:
            if first == 0:
                w = np.empty((u.size, v.size, n, n))
            w[part] = c.w.reshape(*shape, n, n)
    return g, w, rt, mi
