"""Atoms around one site of a crystal, through its symmetry and across cells, with what error propagation needs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labile.core.cell import StructureError
from labile.core.structure import SAME_PLACE, CrystalStructure


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Atoms around a site, nearest first.

    Attributes
    ----------
    structure : CrystalStructure
    centre : int
        Number of the central site; it stands at its own `structure.positions`.
    sites : ndarray (K,) of int
        Number of the independent site each neighbour is an image of.
    operations : ndarray (K,) of int
        Symmetry operation (R, t) that makes the image: x' = R x + t + translation.
    translations : ndarray (K, 3) of int
        Lattice translation added to it.
    fract : ndarray (K, 3)
        Fractional coordinates of the images.
    vectors : ndarray (K, 3)
        From the centre, m, Cartesian (c along z, a* along x).
    distances : ndarray (K,)
        m.
    """

    structure: CrystalStructure
    centre: int
    sites: np.ndarray
    operations: np.ndarray
    translations: np.ndarray
    fract: np.ndarray
    vectors: np.ndarray
    distances: np.ndarray

    def __len__(self) -> int:
        return int(self.sites.size)

    def __getitem__(self, index: object) -> Neighbours:
        """Select neighbours by slice, mask or index array."""
        chosen = np.atleast_1d(np.arange(len(self))[index])  # type: ignore[call-overload]
        columns = (self.sites, self.operations, self.translations, self.fract, self.vectors, self.distances)
        return Neighbours(self.structure, self.centre, *(column[chosen] for column in columns))

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of the site of each neighbour; images of one site share it."""
        return tuple(self.structure.sites[n].label for n in self.sites)

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbol of each neighbour."""
        return tuple(self.structure.sites[n].element for n in self.sites)

    @property
    def symmetry_codes(self) -> tuple[str, ...]:
        """Operation and translation as in ``3_655`` (operation number from 1, translations from 555)."""
        return tuple(
            f"{g + 1}_" + "".join(str(5 + n) for n in shift)
            if np.all(np.abs(shift) < 5)
            else f"{g + 1}_" + ",".join(str(n) for n in shift)
            for g, shift in zip(self.operations, self.translations, strict=True)
        )

    @cached_property
    def independent_sites(self) -> np.ndarray:
        """Numbers of the sites whose coordinates the vectors depend on, the centre first, shape (m,)."""
        others = np.unique(self.sites[self.sites != self.centre])
        return np.concatenate([[self.centre], others]).astype(int)

    @cached_property
    def jacobian(self) -> np.ndarray:
        """Derivative of `vectors` in the independent parameters, shape (K, 3, 6 + 3 m).

        The parameters are the six cell parameters (m and degrees) and the fractional coordinates of
        `independent_sites`. Two images of one atom share its columns, so what symmetry correlates stays correlated.
        """
        structure = self.structure
        axes = structure.axes
        step = self.fract - structure.positions[self.centre]
        result = np.zeros((len(self), 3, 6 + 3 * self.independent_sites.size))
        result[:, :, :6] = np.einsum("cij,kj->kic", structure.axes_derivative, step)
        result[:, :, 6:9] = -axes
        column = {int(site): 6 + 3 * n for n, site in enumerate(self.independent_sites)}
        turned = axes @ structure.rotations[self.operations]
        for k, site in enumerate(self.sites):
            start = column[int(site)]
            result[k, :, start : start + 3] += turned[k]
        return result

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the independent parameters, shape (6 + 3 m, 6 + 3 m); what is not stated counts as 0.

        `without_sigma` names what is not stated. Block diagonal: a CIF gives no correlation of different atoms.
        """
        size = 6 + 3 * self.independent_sites.size
        result = np.zeros((size, size))
        result[:6, :6] = self.structure.cell_covariance
        for n, site in enumerate(self.independent_sites):
            place = slice(6 + 3 * n, 9 + 3 * n)
            result[place, place] = self.structure.position_covariance[site]
        return np.nan_to_num(result, nan=0.0)

    @cached_property
    def without_sigma(self) -> tuple[str, ...]:
        """``"cell"`` and labels of sites that lack a standard uncertainty that symmetry does not make zero."""
        structure = self.structure
        missing = ["cell"] if np.any(np.isnan(structure.cell_covariance)) else []
        return (
            *missing,
            *(
                structure.sites[n].label
                for n in self.independent_sites
                if np.any(np.isnan(structure.position_covariance[n]))
            ),
        )

    @cached_property
    def distance_jacobian(self) -> np.ndarray:
        """Derivative of `distances` in the independent parameters, shape (K, 6 + 3 m)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            units = np.where(self.distances[:, None] > 0, self.vectors / self.distances[:, None], 0.0)
        return np.asarray(np.einsum("ki,kip->kp", units, self.jacobian))

    @cached_property
    def sigma_distances(self) -> np.ndarray:
        """Standard uncertainties of the distances, m, shape (K,); parts that are not stated count as 0."""
        slopes = self.distance_jacobian
        return np.sqrt(np.einsum("kp,pq,kq->k", slopes, self.covariance, slopes))


def neighbours(structure: CrystalStructure, site: str | int, cutoff: float) -> Neighbours:
    """All atoms within a distance of a site, through symmetry and lattice translations.

    Every image is found, however small the cell, and each once: images that a special position maps onto each other
    are one atom. Alternatives of disorder are all listed.

    Parameters
    ----------
    structure : CrystalStructure
    site : str or int
        Label or number of the central site.
    cutoff : float
        m.

    Returns
    -------
    Neighbours
        Sorted by distance, then site, operation and translation. The central atom itself is not among them.

    Raises
    ------
    StructureError
        For a site that does not exist or a cutoff that is not above 0 or beyond 100 angstrom.

    Examples
    --------
    >>> from labile.core.structure import Site
    >>> salt = CrystalStructure("cube", [3e-10, 3e-10, 3e-10, 90, 90, 90], sites=(Site("Po", "Po", (0, 0, 0)),))
    >>> len(neighbours(salt, "Po", 3.1e-10)), neighbours(salt, "Po", 3.1e-10).symmetry_codes[0]
    (6, '1_455')
    """
    centre = structure.index(site)
    if not 0 < cutoff <= 1e-8:
        raise StructureError(
            f"structure {structure.label!r}: cutoff must be above 0 and at most 1e-8 m, found {cutoff!r}"
        )
    positions, axes = structure.positions, structure.axes
    origin = positions[centre]
    steps = positions @ structure.rotations.transpose(0, 2, 1) + (structure.translations[:, None] - origin)
    shifts = -np.rint(steps)
    steps += shifts
    # planes of the lattice are 1/|a*| apart, so a component beyond cutoff * |a*| is outside
    reach = cutoff * np.linalg.norm(np.linalg.inv(axes), axis=1) + 1e-9
    ranges = [np.arange(-n, n + 1) for n in np.floor(reach + 0.5).astype(int)]
    found: list[tuple[np.ndarray, ...]] = []
    for extra in itertools.product(*ranges):
        near = np.all(np.abs(steps + extra) <= reach, axis=2)
        if not near.any():
            continue
        g, n = np.nonzero(near)
        vectors = (steps[g, n] + extra) @ axes.T
        lengths = np.sqrt(np.einsum("ki,ki->k", vectors, vectors))
        inside = lengths <= cutoff
        if inside.any():
            found.append((n[inside], g[inside], (shifts[g, n] + extra)[inside], vectors[inside], lengths[inside]))
    if not found:
        return _made(structure, centre, *(np.zeros(shape) for shape in (0, 0, (0, 3), (0, 3), 0)))
    sites, operations, translations, vectors, lengths = (np.concatenate(column) for column in zip(*found, strict=True))
    # equal distances are sorted by site and operation, whatever their rounding
    order = np.lexsort((*translations.T[::-1], operations, sites, np.round(lengths / 1e-15)))
    kept = _once(sites[order], vectors[order], centre, structure.site_orders)
    chosen = order[kept]
    return _made(
        structure, centre, sites[chosen], operations[chosen], translations[chosen], vectors[chosen], lengths[chosen]
    )


def _once(sites: np.ndarray, vectors: np.ndarray, centre: int, orders: np.ndarray) -> np.ndarray:
    """Which images to keep: one of those that coincide because their site is special, and not the centre itself."""
    keep = np.ones(sites.size, dtype=bool)
    keep[(sites == centre) & (np.linalg.norm(vectors, axis=1) < SAME_PLACE)] = False
    for k in np.flatnonzero(keep & (orders[sites] > 1)):
        if keep[k]:
            same = (sites == sites[k]) & (np.linalg.norm(vectors - vectors[k], axis=1) < SAME_PLACE)
            same[: k + 1] = False
            keep[same] = False
    return np.flatnonzero(keep)


def _made(
    structure: CrystalStructure,
    centre: int,
    sites: np.ndarray,
    operations: np.ndarray,
    translations: np.ndarray,
    vectors: np.ndarray,
    lengths: np.ndarray,
) -> Neighbours:
    sites, operations, translations = sites.astype(int), operations.astype(int), translations.astype(int)
    places = np.einsum("kij,kj->ki", structure.rotations[operations], structure.positions[sites])
    fract = places + structure.translations[operations] + translations
    return Neighbours(structure, centre, sites, operations, translations, fract, vectors, lengths)
