"""Polarization of a crystal from the dipoles of its molecules and its space group, and back.

    P = (1/V) sum_k R_k mu

over the molecules of the cell, each turned by a symmetry operation: what the sum leaves is the average of the rotations
applied to mu. In P 21 that is the component along b, in a centrosymmetric group nothing. The dipoles are those in the
crystal; no local field is added. Only changes of P are measurable (P itself is defined up to a quantum e R/V), so
dipoles of two states mean something through their difference.

Cartesian axes: x along a, z along c*, as in the PDB and gemmi. In a monoclinic cell with b unique, y is b.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labile.core.constants import DEBYE, ELEMENTARY_CHARGE
from labile.core.material import SymmetryError, polar_projector, require_polar
from labile.formats.cif import read as read_cif
from labile.formats.registry import FormatError
from labile.techniques.pyroelectricity.conversions import (
    PyroelectricityError,
    PyroelectricityWarning,
    require_positive,
)

LONGEST = 15e-10
"""m; no electron is transferred further within a molecule."""
SAME = 1e-3
"""Difference of fractional coordinates below which two images of an atom are one."""


@dataclass(frozen=True, eq=False)
class TransferPolarization:
    """Change of polarization when electrons move between two places of every molecule of a crystal.

    Attributes
    ----------
    dipole : ndarray (3,)
        Change of one molecule's dipole, C m, Cartesian.
    polarization : ndarray (3,)
        Change of P, C/m2, Cartesian.
    distance : float
        From donor to acceptor, m.
    angle : float
        Between the dipole and P, rad; NaN where symmetry leaves no P.
    molecules : int
        In the cell.
    volume : float
        Of the cell, m3.
    space_group : str
    notes : tuple of str
        What was decided.
    """

    dipole: np.ndarray
    polarization: np.ndarray
    distance: float
    angle: float
    molecules: int
    volume: float
    space_group: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One sentence."""
        size = float(np.linalg.norm(self.polarization))
        return (
            f"{np.linalg.norm(self.dipole) / DEBYE:.4g} D over {self.distance * 1e10:.4g} angstrom,"
            f" {self.molecules} molecules in {self.volume * 1e30:.6g} angstrom^3 ({self.space_group}):"
            f" |Delta P| = {size * 100:.4g} uC/cm2"
        )


def cell_polarization(
    dipole: Sequence[float] | np.ndarray,
    *,
    cell: Sequence[float],
    space_group: str,
    molecules: int,
    local_field: float = 1.0,
) -> np.ndarray:
    """Polarization of a crystal whose molecules are related by its symmetry.

    Parameters
    ----------
    dipole : array_like (3,)
        Of one molecule, C m, Cartesian (x along a, z along c*).
    cell : sequence of float
        a, b, c (m), alpha, beta, gamma (degrees).
    space_group : str
        Hermann-Mauguin symbol.
    molecules : int
        Number of these molecules in the cell.
    local_field : float
        Factor for dipoles of isolated molecules, which the field of their neighbours enhances (`lorentz_factor`); 1 for
        dipoles in the crystal.

    Returns
    -------
    ndarray (3,)
        C/m2, Cartesian; 0 to rounding for a direction that symmetry forbids.

    Warns
    -----
    PyroelectricityWarning
        For a local field other than 1.

    Raises
    ------
    PyroelectricityError, SymmetryError

    Examples
    --------
    >>> P = cell_polarization(
    ...     np.array([1.0, 1.0, 1.0]) * 3.33564e-30, cell=(10e-10, 20e-10, 13.9e-10, 90, 90, 90), space_group="P 21",
    ...     molecules=2,
    ... )  # fmt: skip
    >>> (P * 100).round(4).tolist()
    [0.0, 0.24, 0.0]
    """
    mu = np.asarray(dipole, dtype=float)
    if mu.shape != (3,) or not np.all(np.isfinite(mu)):
        raise PyroelectricityError(f"dipole: three Cartesian components in C m are needed, found shape {mu.shape}")
    if isinstance(molecules, bool) or not (molecules == int(molecules) and molecules >= 1):
        raise PyroelectricityError(f"molecules: a whole number in the cell is needed, found {molecules!r}")
    basis = cell_basis(cell)
    if not space_group:
        raise SymmetryError("space_group: the dipoles of the other molecules of the cell follow from it; give it")
    if not (math.isfinite(local_field) and local_field > 0):
        raise PyroelectricityError(f"local_field: a factor above 0 is needed, found {local_field!r}")
    if local_field != 1.0:
        text = f"dipoles multiplied by a local-field factor of {local_field:.4g}, valid for cubic surroundings only"
        warnings.warn(text, PyroelectricityWarning, stacklevel=2)
        mu = local_field * mu
    kept = basis @ polar_projector(space_group) @ np.linalg.solve(basis, mu)
    return np.asarray(molecules * kept / abs(float(np.linalg.det(basis))))


def lorentz_factor(permittivity: float) -> float:
    """Local-field factor (eps + 2)/3 of Lorentz; exact for molecules in cubic surroundings only.

    Examples
    --------
    >>> lorentz_factor(4.0)
    2.0
    """
    if not (math.isfinite(permittivity) and permittivity >= 1):
        raise PyroelectricityError(f"permittivity: a relative one of at least 1 is needed, found {permittivity!r}")
    return (permittivity + 2.0) / 3.0


def cell_basis(cell: Sequence[float]) -> np.ndarray:
    """Cell edges as the columns of a matrix, m: Cartesian = matrix @ fractional, shape (3, 3).

    Examples
    --------
    >>> (cell_basis((10e-10, 20e-10, 13.9e-10, 90, 90, 90)).diagonal() * 1e10).round(6).tolist()
    [10.0, 20.0, 13.9]
    """
    import gemmi

    lengths = [require_positive(float(edge), f"cell edge {name}", "m") for edge, name in zip(cell, "abc", strict=False)]
    if len(cell) != 6 or max(lengths) > 1e-6:
        raise PyroelectricityError(
            f"cell: a, b, c in m and three angles in degrees are needed, found {tuple(cell)} (1 angstrom is 1e-10 m)"
        )
    unit = gemmi.UnitCell(*(edge * 1e10 for edge in lengths), *(float(angle) for angle in cell[3:]))
    basis = np.array(unit.orth.mat.tolist()) * 1e-10
    if not (np.all(np.isfinite(basis)) and abs(np.linalg.det(basis)) > 1e-33):
        raise PyroelectricityError(f"cell: the angles {tuple(cell[3:])} (degrees) close no cell")
    # a right angle leaves no rounding error of its cosine
    basis[np.abs(basis) < 1e-12 * np.max(np.abs(basis))] = 0.0
    return basis


def transfer_dipole(
    donor: Sequence[float] | np.ndarray, acceptor: Sequence[float] | np.ndarray, electrons: float = 1.0
) -> np.ndarray:
    """Change of a dipole when electrons move from a donor to an acceptor: -e n (r_acceptor - r_donor).

    Parameters
    ----------
    donor, acceptor : array_like (3,)
        Cartesian, m.
    electrons : float
        How many, also a fraction.

    Returns
    -------
    ndarray (3,)
        C m; it points from the acceptor, which becomes negative, to the donor.

    Examples
    --------
    >>> mu = transfer_dipole([0, 0, 0], [3.85e-10, 0, 0])
    >>> round(float(-mu[0]) / 3.33564e-30, 2)
    18.49
    """
    start, end = (np.asarray(place, dtype=float) for place in (donor, acceptor))
    if start.shape != (3,) or end.shape != (3,) or not np.all(np.isfinite([start, end])):
        raise PyroelectricityError("donor and acceptor: three Cartesian coordinates in m each are needed")
    if not math.isfinite(electrons):
        raise PyroelectricityError(f"electrons: a number is needed, found {electrons!r}")
    return np.asarray(-ELEMENTARY_CHARGE * electrons * (end - start))


def polarization_to_dipole(polarization: float, volume: float) -> float:
    """Dipole component per formula unit that a polarization means, C m (from C/m2 and m3 per formula unit).

    Examples
    --------
    >>> round(polarization_to_dipole(1.15e-2, 1390e-30) / 3.33564e-30, 2)
    4.79
    """
    return polarization * require_positive(volume, "volume per formula unit", "m3")


def transferred_electrons(dipole: float, distance: float) -> float:
    """Electrons that must move over a distance (m) to change a dipole by so much (C m).

    Examples
    --------
    >>> round(transferred_electrons(4.79 * 3.33564e-30, 3.85e-10), 2)
    0.26
    """
    return dipole / (ELEMENTARY_CHARGE * require_positive(distance, "distance", "m"))


def state_polarizations(
    dipoles: Mapping[str, Sequence[float] | np.ndarray],
    *,
    cell: Sequence[float],
    space_group: str,
    molecules: int,
    axis: str,
) -> dict[str, float]:
    """Values of ``<state>.polarization`` from the molecular dipole of every state.

    Parameters
    ----------
    dipoles : mapping of str to array_like (3,)
        State to its dipole, C m, Cartesian; the first state is the zero.
    cell, space_group, molecules
        As for `cell_polarization`.
    axis : {"a", "b", "c"}
        Along which polarization is measured.

    Returns
    -------
    dict of str to float
        Component along the axis less that of the first state, C/m2.

    Raises
    ------
    SymmetryError
        For an axis that the space group keeps free of polarization.

    Examples
    --------
    >>> debye = 3.33564e-30
    >>> found = state_polarizations(
    ...     {"L": [0, 1 * debye, 0], "V": [2 * debye, 6 * debye, 0]},
    ...     cell=(10e-10, 20e-10, 13.9e-10, 90, 100, 90), space_group="P 21", molecules=2, axis="b",
    ... )  # fmt: skip
    >>> {name: round(value * 100, 3) for name, value in found.items()}
    {'L': 0.0, 'V': 1.218}
    """
    if not dipoles:
        raise PyroelectricityError("dipoles: at least one state is needed")
    require_polar(space_group, axis)
    if axis not in ("a", "b", "c"):
        raise SymmetryError(f"axis must be 'a', 'b' or 'c', found {axis!r}")
    edge = cell_basis(cell)[:, "abc".index(axis)]
    along = edge / np.linalg.norm(edge)
    components = {
        name: float(along @ cell_polarization(mu, cell=cell, space_group=space_group, molecules=molecules))
        for name, mu in dipoles.items()
    }
    zero = next(iter(components.values()))
    return {name: value - zero for name, value in components.items()}


def transfer_from_cif(
    path: Path | str,
    *,
    donor: Sequence[str],
    acceptor: Sequence[str],
    electrons: float = 1.0,
    block: str | None = None,
) -> TransferPolarization:
    """Polarization change of a crystal structure when electrons move between named atoms.

    Parameters
    ----------
    path : path-like
        CIF with cell, space group and atoms.
    donor, acceptor : sequence of str
        Labels of the atoms between whose centroids the electrons move.
    electrons : float
        From donor to acceptor, per molecule.
    block : str, optional
        Data block of a file with several structures.

    Returns
    -------
    TransferPolarization

    Raises
    ------
    PyroelectricityError
        For a file that is no CIF of one structure, an unknown or repeated label, or atoms too far apart.
    SymmetryError
        For an unknown space group.
    """
    path = Path(path)
    try:
        structures = [one for one in read_cif(path, block=block) if one.sites]
    except SymmetryError:
        raise
    except FormatError as error:
        raise PyroelectricityError(f"no atoms or no cell that can be used: {error}") from None
    if len(structures) != 1:
        names = ", ".join(one.label for one in structures)
        found = f"several structures ({names}); choose with block=" if structures else "no atoms or no cell"
        raise PyroelectricityError(f"{path.name}: it holds {found}")
    structure = structures[0]
    if not structure.space_group:
        raise SymmetryError(f"{path.name}: its symmetry operations belong to no space group in a known setting")
    cell = tuple(float(number) for number in structure.cell)
    basis = cell_basis(cell)
    positions = dict(zip(structure.labels, structure.positions, strict=True))
    notes: list[str] = []
    origin = positions[_known(path.name, donor, positions)[0]]
    ends = []
    for labels in (donor, acceptor):
        places = []
        for label in _known(path.name, labels, positions):
            place, shift = _nearest(positions[label], origin, basis)
            if np.any(shift):
                notes.append(f"{label} moved by the lattice translation {shift.astype(int).tolist()}")
            places.append(place)
        ends.append(np.mean(places, axis=0))
    distance = float(np.linalg.norm(basis @ (ends[1] - ends[0])))
    if not 0 < distance <= LONGEST:
        raise PyroelectricityError(
            f"{path.name}: donor and acceptor are {distance * 1e10:.3g} angstrom apart, which is no transfer within a"
            " molecule; name atoms of one molecule (its symmetry copies are added here)"
        )
    molecules = _images(structure.rotations, structure.translations, ends)
    mu = transfer_dipole(basis @ ends[0], basis @ ends[1], electrons)
    polarization = cell_polarization(mu, cell=cell, space_group=structure.space_group, molecules=molecules)
    size = float(np.linalg.norm(polarization))
    allowed = size > 1e-12 * float(np.linalg.norm(mu)) * molecules / abs(float(np.linalg.det(basis)))
    angle = math.acos(float(np.clip(mu @ polarization / (np.linalg.norm(mu) * size), -1, 1))) if allowed else math.nan
    return TransferPolarization(
        mu,
        polarization,
        distance,
        angle,
        molecules,
        abs(float(np.linalg.det(basis))),
        structure.space_group,
        tuple(notes),
    )


def _known(name: str, labels: Sequence[str], positions: Mapping[str, np.ndarray]) -> list[str]:
    if isinstance(labels, str) or not labels:
        raise PyroelectricityError(f"{name}: donor and acceptor are lists of atom labels, found {labels!r}")
    for label in labels:
        if label not in positions:
            near = [one for one in positions if one[:2].lower() == label[:2].lower()][:8]
            raise PyroelectricityError(
                f"{name}: there is no atom {label!r}; there are {', '.join(near or list(positions)[:8])}, ..."
            )
    return list(labels)


def _nearest(place: np.ndarray, origin: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image of a place by lattice translations nearest to the origin, and the translation."""
    first = -np.round(place - origin)
    steps = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)], dtype=float)
    shifts = first + steps
    distance = np.linalg.norm((place + shifts - origin) @ basis.T, axis=1)
    # where two are equally near, the untranslated one is kept
    best = shifts[int(np.argmin(distance + 1e-14 * np.linalg.norm(shifts, axis=1)))]
    return place + best, best


def _images(rotations: np.ndarray, translations: np.ndarray, ends: Sequence[np.ndarray]) -> int:
    """Number of molecules in the cell: distinct images of the pair of ends under all operations with centring."""
    images: list[np.ndarray] = []
    for rotation, translation in zip(rotations, translations, strict=True):
        pair = np.array(ends) @ rotation.T + translation
        pair = pair - np.floor(pair[0] + SAME)  # one lattice translation for both
        if not any(np.all(np.abs(pair - known) < 2 * SAME) for known in images):
            images.append(pair)
    return len(images)
