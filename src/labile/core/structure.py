"""Crystal structures, molecules and series of cells: what a CIF block, an .xyz frame and a table of cells become."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from labile.core.cell import (
    StructureError,
    cell_volume,
    check_cells,
    column_space,
    free_cell_directions,
    metric,
    orthogonalisation,
    orthogonalisation_derivative,
    sigma_cell_volume,
)
from labile.core.conditions import Conditions
from labile.core.measurement import Provenance

SAME_PLACE = 5e-12
"""m; images of one site nearer than this are one atom on a special position."""
UNKNOWN = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Site:
    """One independent atom.

    Attributes
    ----------
    label : str
        Unique in its structure, ``"Fe1"``.
    element : str
        Chemical symbol, ``"Fe"``; ``"D"`` is deuterium.
    fract : tuple of float
        Fractional coordinates as given.
    sigma_fract : tuple of float
        Standard uncertainties; NaN where none is stated (riding atoms, fixed coordinates).
    occupancy : float
        0 to 1.
    sigma_occupancy : float
        NaN where none is stated.
    disorder_assembly, disorder_group : str
        Of alternative positions: groups of one assembly exclude each other; empty for atoms that are always there. A
        group that starts with ``-`` is disordered about a special position.
    u_iso : float
        Isotropic or equivalent mean square displacement, m2; NaN where none is stated.
    sigma_u_iso : float
    u_aniso : tuple of float or None
        U11, U22, U33, U23, U13, U12, m2, on the axes a*, b*, c* as in a CIF.
    sigma_u_aniso : tuple of float or None
    charge : int or None
        Formal charge the file states (``Fe3+``).
    multiplicity : int or None
        Number of equivalent positions in the cell, as stated.
    riding : bool
        Whether the position was calculated from other atoms rather than refined.
    """

    label: str
    element: str
    fract: tuple[float, float, float]
    sigma_fract: tuple[float, float, float] = UNKNOWN
    occupancy: float = 1.0
    sigma_occupancy: float = math.nan
    disorder_assembly: str = ""
    disorder_group: str = ""
    u_iso: float = math.nan
    sigma_u_iso: float = math.nan
    u_aniso: tuple[float, ...] | None = None
    sigma_u_aniso: tuple[float, ...] | None = None
    charge: int | None = None
    multiplicity: int | None = None
    riding: bool = False


@dataclass(frozen=True, eq=False)
class CrystalStructure:
    """Cell, symmetry and independent atoms of a crystal at one set of conditions.

    Attributes
    ----------
    label : str
        Name of the data block.
    cell : ndarray (6,)
        a, b, c (m), alpha, beta, gamma (degrees).
    sigma_cell : ndarray (6,)
        Standard uncertainties; NaN where none is stated. A parameter that symmetry fixes has none: see
        `cell_covariance`.
    rotations : ndarray (G, 3, 3) of int
        Rotation parts of all symmetry operations of the cell, centring included; the identity is first.
    translations : ndarray (G, 3)
        Their translations, fractional.
    sites : tuple of Site
    space_group : str
        Hermann-Mauguin symbol; empty when unknown.
    conditions : Conditions or None
        One point; None where the temperature is unknown.
    formula : str
        Of the formula unit; empty when not stated.
    formula_units : float or None
        Z.
    environment : str
        What surrounded the crystal, as the file says.
    flags : tuple of str
        What is missing or contradictory, and what cannot be computed because of it, one sentence each.
    provenance : Provenance
    fract, sigma_fract : ndarray (n, 3)
        Coordinates of the sites as given and their standard uncertainties (made from `sites`).

    Raises
    ------
    StructureError
        For a cell that encloses no volume, operations that are none, repeated labels, coordinates that are not finite,
        occupancies outside 0 to 1.

    Examples
    --------
    >>> rutile_like = CrystalStructure(
    ...     "demo", [4.6e-10, 4.6e-10, 3e-10, 90, 90, 90], sites=(Site("Ti", "Ti", (0.0, 0.0, 0.0)),)
    ... )
    >>> len(rutile_like.sites), round(float(rutile_like.volume) * 1e30, 2)
    (1, 63.48)
    """

    label: str
    cell: Any
    sigma_cell: Any = None
    rotations: Any = None
    translations: Any = None
    sites: tuple[Site, ...] = ()
    space_group: str = ""
    conditions: Conditions | None = None
    formula: str = ""
    formula_units: float | None = None
    environment: str = ""
    flags: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    fract: np.ndarray = field(init=False, repr=False)
    sigma_fract: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        where = f"structure {self.label!r}"
        if not self.label:
            raise StructureError("structure: the label (name of the data block) is empty")
        self._keep("cell", check_cells(self.cell, f"{where}: cell"))
        if self.cell.shape != (6,):
            raise StructureError(f"{where}: one cell is needed, found {self.cell.shape[0]}")
        sigma = np.full(6, math.nan) if self.sigma_cell is None else np.array(self.sigma_cell, dtype=float)
        if sigma.shape != (6,) or np.any(sigma < 0) or np.any(np.isinf(sigma)):
            raise StructureError(f"{where}: sigma_cell needs six numbers >= 0 (NaN where not stated), found {sigma}")
        self._keep("sigma_cell", sigma)
        self._check_operations(where)
        object.__setattr__(self, "sites", tuple(self.sites))
        object.__setattr__(self, "flags", tuple(self.flags))
        if self.conditions is not None and len(self.conditions) != 1:
            raise StructureError(f"{where}: conditions must be one point, found {len(self.conditions)}")
        if self.formula_units is not None and not 0 < self.formula_units < math.inf:
            raise StructureError(f"{where}: formula_units (Z) must be above 0, found {self.formula_units!r}")
        self._check_sites(where)

    def _keep(self, name: str, array: np.ndarray) -> None:
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    def _check_operations(self, where: str) -> None:
        if (self.rotations is None) != (self.translations is None):
            raise StructureError(f"{where}: rotations and translations of the symmetry operations go together")
        given = np.eye(3)[None] if self.rotations is None else np.array(self.rotations, dtype=float)
        rotations = np.rint(given).astype(np.int64)
        translations = np.zeros((1, 3)) if self.translations is None else np.array(self.translations, dtype=float)
        if rotations.ndim != 3 or rotations.shape[1:] != (3, 3) or translations.shape != (len(rotations), 3):
            raise StructureError(
                f"{where}: symmetry operations need shapes (G, 3, 3) and (G, 3), found {rotations.shape} and"
                f" {translations.shape}"
            )
        if np.any(np.abs(given - rotations) > 1e-6) or not _unimodular(rotations.tobytes(), len(rotations)):
            raise StructureError(f"{where}: a symmetry operation is no rotation of a lattice")
        if not np.all(np.isfinite(translations)):
            raise StructureError(f"{where}: a symmetry operation has a translation that is not finite")
        if not np.array_equal(rotations[0], np.eye(3)) or np.any(translations[0] != 0):
            raise StructureError(f"{where}: the first symmetry operation must be the identity x,y,z")
        self._keep("rotations", rotations)
        self._keep("translations", translations)

    def _check_sites(self, where: str) -> None:
        seen: set[str] = set()
        for site in self.sites:
            if not site.label or site.label in seen:
                what = f"label {site.label!r} is given to two sites" if site.label else "a site has no label"
                raise StructureError(f"{where}: {what}; labels must be unique")
            seen.add(site.label)
            # a refined occupancy may pass 1 within its s.u.
            slack = 1e-6 + (3 * site.sigma_occupancy if site.sigma_occupancy > 0 else 0.0)
            if not -slack <= site.occupancy <= 1 + slack:
                raise StructureError(f"{where}: site {site.label}: occupancy must be 0 to 1, found {site.occupancy!r}")
        fract = np.array([site.fract for site in self.sites], dtype=float).reshape(-1, 3)
        sigma = np.array([site.sigma_fract for site in self.sites], dtype=float).reshape(-1, 3)
        wrong = ~np.isfinite(fract).all(axis=1)
        if np.any(wrong):
            raise StructureError(f"{where}: site {self.sites[int(np.argmax(wrong))].label}: a coordinate is not finite")
        wrong = ((sigma < 0) | np.isinf(sigma)).any(axis=1)
        if np.any(wrong):
            raise StructureError(
                f"{where}: site {self.sites[int(np.argmax(wrong))].label}: s.u. of a coordinate must be >= 0"
            )
        self._keep("fract", fract)
        self._keep("sigma_fract", sigma)

    def __reduce__(self) -> tuple[Any, ...]:
        # rebuilt through the constructor, because arrays lose their lock when they are pickled or copied
        return type(self), tuple(getattr(self, f.name) for f in fields(self) if f.init)

    def __repr__(self) -> str:
        a, b, c = self.cell[:3] * 1e10
        group = self.space_group or "space group unknown"
        return f"<CrystalStructure {self.label!r}: {a:.4f} {b:.4f} {c:.4f} A, {group}, {len(self.sites)} sites>"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of the sites."""
        return tuple(site.label for site in self.sites)

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of the sites."""
        return tuple(site.element for site in self.sites)

    @cached_property
    def occupancies(self) -> np.ndarray:
        """Occupancies of the sites, shape (n,)."""
        return np.array([site.occupancy for site in self.sites])

    def index(self, site: str | int) -> int:
        """Number of a site given by label or number.

        Raises
        ------
        StructureError
            For a label or number that does not exist.
        """
        if isinstance(site, str):
            if site in self.labels:
                return self.labels.index(site)
            near = [one for one in self.labels if one[:2].lower() == site[:2].lower()] or list(self.labels)
            raise StructureError(
                f"structure {self.label!r}: there is no site {site!r}; there are {', '.join(near[:8]) or 'none'}"
            )
        if not 0 <= site < len(self.sites):
            raise StructureError(f"structure {self.label!r}: there is no site number {site} of {len(self.sites)}")
        return int(site)

    @cached_property
    def axes(self) -> np.ndarray:
        """Cell vectors as columns, m, c along z and a* along x, shape (3, 3)."""
        return orthogonalisation(self.cell)

    @cached_property
    def axes_derivative(self) -> np.ndarray:
        """Derivative of `axes` in the cell parameters, shape (6, 3, 3)."""
        return orthogonalisation_derivative(self.cell)

    @cached_property
    def metric(self) -> np.ndarray:
        """Metric tensor, m2, shape (3, 3)."""
        return metric(self.cell)

    @cached_property
    def volume(self) -> float:
        """Of the cell, m3."""
        return float(cell_volume(self.cell))

    @cached_property
    def sigma_volume(self) -> float:
        """Standard uncertainty of the volume, m3; NaN where that of a free cell parameter is not stated."""
        return sigma_cell_volume(self.cell, self.cell_covariance)

    @cached_property
    def cell_covariance(self) -> np.ndarray:
        """Covariance of the cell parameters under the symmetry, shape (6, 6).

        Parameters that symmetry fixes have none, parameters it makes equal move together, the others are taken as
        independent (a CIF does not state their correlation). NaN where a free parameter has no stated s.u.
        """
        return _tied_covariance(free_cell_directions(self.cell, self.rotations), self.sigma_cell)

    @cached_property
    def positions(self) -> np.ndarray:
        """Fractional coordinates with sites on special positions moved exactly onto them, shape (n, 3)."""
        return self._special[0]

    @cached_property
    def position_covariance(self) -> np.ndarray:
        """Covariance of the fractional coordinates of each site, shape (n, 3, 3).

        Coordinates that the site symmetry fixes have none and tied ones (x, x, z) move together; NaN where a free
        coordinate has no stated s.u.
        """
        covariance = np.zeros((len(self.sites), 3, 3))
        covariance[:, [0, 1, 2], [0, 1, 2]] = self.sigma_fract**2
        for n, directions in self._special[2].items():
            covariance[n] = _tied_covariance(directions, self.sigma_fract[n])
        covariance.flags.writeable = False
        return covariance

    @cached_property
    def site_orders(self) -> np.ndarray:
        """Order of each site's symmetry group: 1 on a general position, shape (n,)."""
        return self._special[1]

    @cached_property
    def _special(self) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
        """Positions, orders, and the free directions of the sites that are special."""
        positions = self.fract.copy()
        directions: dict[int, np.ndarray] = {}
        offsets = positions @ self.rotations.transpose(0, 2, 1) + (self.translations[:, None] - positions)
        offsets -= np.rint(offsets)
        cartesian = offsets @ self.axes.T
        near = np.einsum("gni,gni->gn", cartesian, cartesian) < SAME_PLACE**2
        orders = near.sum(axis=0)
        for n in np.flatnonzero(orders > 1):
            chosen = near[:, n]
            positions[n] += offsets[chosen, n].mean(axis=0)
            projector = self.rotations[chosen].sum(axis=0)
            directions[int(n)] = _site_directions(projector.tobytes(), int(orders[n]))
        positions.flags.writeable = orders.flags.writeable = False
        return positions, orders, directions

    @cached_property
    def disorder(self) -> Mapping[str, Mapping[str, float]]:
        """Mean occupancy of each disorder group, by assembly; empty for an ordered structure."""
        groups: dict[str, dict[str, list[float]]] = {}
        for site in self.sites:
            if site.disorder_group:
                assembly = groups.setdefault(site.disorder_assembly, {})
                assembly.setdefault(site.disorder_group, []).append(site.occupancy)
        return {
            assembly: {group: float(np.mean(values)) for group, values in parts.items()}
            for assembly, parts in groups.items()
        }


@lru_cache(maxsize=256)
def _unimodular(content: bytes, count: int) -> bool:
    determinants = np.linalg.det(np.frombuffer(content, dtype=np.int64).reshape(count, 3, 3))
    return bool(np.all(np.abs(np.abs(determinants) - 1) < 1e-6))


@lru_cache(maxsize=256)
def _site_directions(content: bytes, order: int) -> np.ndarray:
    """Free directions of a site from the sum of the rotations of its symmetry group."""
    return column_space(np.frombuffer(content, dtype=np.int64).reshape(3, 3) / order)


def _tied_covariance(directions: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Covariance of numbers that symmetry ties together; of tied ones the first stated s.u. counts."""
    result = np.zeros((len(sigma), len(sigma)))
    for column in directions.T:
        stated = [s / abs(slope) for s, slope in zip(sigma, column, strict=True) if slope and math.isfinite(s)]
        product = column[:, None] * column
        # 0 times an unknown s.u. is 0
        result += product * stated[0] ** 2 if stated else np.where(product == 0, 0.0, math.nan)
    return result


@dataclass(frozen=True, eq=False)
class Molecule:
    """Atoms in Cartesian coordinates without a lattice: one frame of an .xyz file.

    It is no `CrystalStructure` with a missing cell: nothing that needs a cell, symmetry or fractional coordinates can
    be asked of it, so it does not pretend to have them.

    Attributes
    ----------
    label : str
    elements : tuple of str
        Chemical symbols, n.
    positions : ndarray (n, 3)
        m.
    labels : tuple of str
        Unique names; element and running number of that element (``"N3"``) when left out.
    comment : str
        Second line of the frame.
    conditions : Conditions or None
        One point.
    provenance : Provenance

    Raises
    ------
    StructureError
        For shapes that do not fit, coordinates that are not finite or repeated labels.

    Examples
    --------
    >>> Molecule("water", ("O", "H", "H"), [[0, 0, 0], [9.6e-11, 0, 0], [-2.4e-11, 9.3e-11, 0]]).labels
    ('O1', 'H1', 'H2')
    """

    label: str
    elements: tuple[str, ...]
    positions: Any
    labels: tuple[str, ...] = ()
    comment: str = ""
    conditions: Conditions | None = None
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        where = f"molecule {self.label!r}"
        object.__setattr__(self, "elements", tuple(self.elements))
        positions = np.array(self.positions, dtype=float)
        if not self.elements or positions.shape != (len(self.elements), 3):
            raise StructureError(
                f"{where}: positions need shape ({len(self.elements)}, 3), one row an atom, found {positions.shape}"
            )
        if not np.all(np.isfinite(positions)):
            bad = int(np.argmin(np.isfinite(positions).all(axis=1)))
            raise StructureError(f"{where}: atom {bad + 1} ({self.elements[bad]}): a coordinate is not finite")
        positions.flags.writeable = False
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "labels", tuple(self.labels) or numbered_labels(self.elements))
        if len(set(self.labels)) != len(self.elements):
            raise StructureError(f"{where}: {len(self.elements)} different labels are needed, found {self.labels}")
        if self.conditions is not None and len(self.conditions) != 1:
            raise StructureError(f"{where}: conditions must be one point, found {len(self.conditions)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, f.name) for f in fields(self))

    def __repr__(self) -> str:
        return f"<Molecule {self.label!r}: {len(self.elements)} atoms>"


def numbered_labels(elements: Iterable[str]) -> tuple[str, ...]:
    """Element and running number of that element for each atom.

    Examples
    --------
    >>> numbered_labels(["Fe", "N", "N"])
    ('Fe1', 'N1', 'N2')
    """
    count: dict[str, int] = {}
    made = []
    for element in elements:
        count[element] = count.get(element, 0) + 1
        made.append(f"{element}{count[element]}")
    return tuple(made)


@dataclass(frozen=True, eq=False)
class CellSeries:
    """Cells of one crystal at N conditions.

    Attributes
    ----------
    label : str
    conditions : Conditions
        N points, in the order of the cells.
    cells : ndarray (N, 6)
        a, b, c (m), alpha, beta, gamma (degrees).
    sigma : ndarray (N, 6)
        Standard uncertainties; 0 where symmetry fixes a parameter, NaN where none is stated. Made from `covariance`
        when that is given.
    covariance : ndarray (N, 6, 6)
        Of the parameters of each cell; that of independent ones with `sigma` when left out.
    names : tuple of str
        Of the points: data blocks, files or rows.
    space_group : str
        Hermann-Mauguin symbol or crystal system; empty when unknown.
    provenance : Provenance

    Raises
    ------
    StructureError
        For shapes that do not fit, cells that enclose no volume, negative s.u.

    Examples
    --------
    >>> series = CellSeries("demo", Conditions([100.0, 300.0]), [[7e-10, 7e-10, 7e-10, 90, 90, 90]] * 2)
    >>> (series.volumes * 1e30).round(3).tolist()
    [343.0, 343.0]
    """

    label: str
    conditions: Conditions
    cells: Any
    sigma: Any = None
    covariance: Any = None
    names: tuple[str, ...] = ()
    space_group: str = ""
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        where = f"cell series {self.label!r}"
        cells = check_cells(self.cells, f"{where}: cell")
        points = len(self.conditions)
        if cells.shape != (points, 6):
            raise StructureError(f"{where}: cells have shape {cells.shape}, the conditions ask for ({points}, 6)")
        if self.covariance is not None:
            if self.sigma is not None:
                raise StructureError(f"{where}: sigma follows from covariance; give one of them")
            covariance = np.array(self.covariance, dtype=float)
            if covariance.shape != (points, 6, 6):
                raise StructureError(f"{where}: covariance needs shape ({points}, 6, 6), found {covariance.shape}")
            sigma = np.sqrt(np.einsum("nii->ni", covariance))
        else:
            sigma = np.full((points, 6), math.nan) if self.sigma is None else np.array(self.sigma, dtype=float)
            covariance = np.where(np.eye(6) == 1, np.square(sigma)[..., None], 0.0)
        if sigma.shape != (points, 6) or np.any(sigma < 0) or np.any(np.isinf(sigma)):
            raise StructureError(f"{where}: sigma needs shape ({points}, 6) and numbers >= 0 (NaN where not stated)")
        names = tuple(self.names) or tuple(str(n + 1) for n in range(points))
        if len(names) != points:
            raise StructureError(f"{where}: {points} names are needed, found {len(names)}")
        for name, array in (("cells", cells), ("sigma", sigma), ("covariance", covariance)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "names", names)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"sigma": None}
        return type(self), tuple(values.values())

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, index: Any) -> CellSeries:
        """Select points by number, slice, mask or index array."""
        chosen = np.atleast_1d(np.arange(len(self))[index])
        return replace(
            self,
            conditions=self.conditions[chosen],
            cells=self.cells[chosen],
            sigma=None,
            covariance=self.covariance[chosen],
            names=tuple(self.names[n] for n in chosen),
        )

    def __repr__(self) -> str:
        t, p = self.conditions.temperature, self.conditions.pressure
        extent = f"{t.min():g}-{t.max():g} K, {p.min():.4g}-{p.max():.4g} Pa" if len(self) else "empty"
        return f"<CellSeries {self.label!r}: {len(self)} cells, {extent}>"

    @cached_property
    def axes(self) -> np.ndarray:
        """Cell vectors as columns, m, c along z and a* along x, shape (N, 3, 3)."""
        return orthogonalisation(self.cells)

    @cached_property
    def volumes(self) -> np.ndarray:
        """m3, shape (N,)."""
        return cell_volume(self.cells)

    @cached_property
    def sigma_volumes(self) -> np.ndarray:
        """Standard uncertainties of the volumes, m3, shape (N,); NaN where one that it needs is not stated."""
        return np.array([sigma_cell_volume(c, v) for c, v in zip(self.cells, self.covariance, strict=True)])
