"""Matrices of a spin Hamiltonian in the product basis, and the numbers they are multiplied with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.models.spin_hamiltonian import (
    CONVENTIONS,
    G_KINDS,
    SpinHamiltonian,
    SpinHamiltonianError,
    require_ratio,
)


@dataclass(frozen=True, eq=False)
class Operators:
    """Matrices of a Hamiltonian in the product basis; its numbers multiply them.

    Attributes
    ----------
    free : ndarray (J, N, N) of complex
        Field-free operators: exchange pairs first, then those of each centre.
    zeeman : ndarray (P, 3, N, N) of complex
        Zeeman operators along x, y, z of the molecule.
    rows, columns, entries, starts
        All of them in coordinate form, one after the other: the field-free ones, then x, y and z of each Zeeman term.
    """

    free: np.ndarray
    zeeman: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class Coefficients:
    """What the operators of a Hamiltonian are multiplied with, and how that follows from its parameters.

    Attributes
    ----------
    names : tuple of str
        K parameters.
    free : ndarray (J,)
        K (kelvin).
    zeeman : ndarray (P,)
    d_free, d_zeeman : ndarray (J, K), (P, K)
        Derivatives per SI unit of each parameter.
    symmetry : str
        Part of the sphere that a powder average needs, see `labile.models.powder.gauss_directions`.
    """

    names: tuple[str, ...]
    free: np.ndarray
    zeeman: np.ndarray
    d_free: np.ndarray
    d_zeeman: np.ndarray
    symmetry: str


def spin_matrices(spin: float) -> np.ndarray:
    """Sx, Sy, Sz of one spin, shape (3, 2S+1, 2S+1), m from S down to -S.

    Examples
    --------
    >>> spin_matrices(0.5)[2].real.tolist()
    [[0.5, 0.0], [0.0, -0.5]]
    """
    size = round(2 * spin + 1)
    m = spin - np.arange(size)
    raising = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1).astype(complex)
    return np.stack([0.5 * (raising + raising.T), -0.5j * (raising - raising.T), np.diag(m).astype(complex)])


@lru_cache(maxsize=64)
def operators(hamiltonian: SpinHamiltonian) -> Operators:
    """Matrices of a Hamiltonian, built once."""
    sizes = [size for c in hamiltonian.centres for size in (round(2 * c.spin + 1), 3 if c.orbital else 1)]
    spins, orbitals = [], []
    for index, centre in enumerate(hamiltonian.centres):
        spins.append(_embedded(spin_matrices(centre.spin), 2 * index, sizes))
        orbitals.append(_embedded(spin_matrices(1), 2 * index + 1, sizes) if centre.orbital else None)
    position = {centre.name: i for i, centre in enumerate(hamiltonian.centres)}
    unity = np.eye(hamiltonian.levels)
    free: list[np.ndarray] = []
    zeeman: list[np.ndarray] = []
    for a, b in hamiltonian.exchange:
        factor = CONVENTIONS[hamiltonian.exchange_convention or ""]
        free.append(factor * np.einsum("xij,xjk->ik", spins[position[a]], spins[position[b]]))
    for centre, spin, orbital in zip(hamiltonian.centres, spins, orbitals, strict=True):
        own = np.einsum("xa,xij->aij", centre.axes, spin)  # components along the centre's axes
        if orbital is not None:
            turned = np.einsum("xa,xij->aij", centre.axes, orbital)
            free.append(np.einsum("xij,xjk->ik", orbital, spin))
            free += _splitting(turned, 1.0, unity)
            zeeman.append(orbital)
        if centre.split:
            free += _splitting(own, centre.spin, unity)
        along = [np.einsum("x,ij->xij", centre.axes[:, a], own[a]) for a in range(3)]
        if centre.g == "isotropic":
            zeeman.append(spin)
        elif centre.g == "axial":
            zeeman += [along[0] + along[1], along[2]]
        else:
            zeeman += along
    size = hamiltonian.levels
    stack = np.array(free, dtype=complex).reshape(len(free), size, size)
    moments = np.array(zeeman)
    every = np.concatenate([stack, moments.reshape(-1, size, size)])
    term, rows, columns = np.nonzero(np.abs(every) > 1e-14)
    starts = np.searchsorted(term, np.arange(len(every) + 1))
    return Operators(stack, moments, rows, columns, every[term, rows, columns], starts)


def coefficients(hamiltonian: SpinHamiltonian, values: Mapping[str, float], owner: str) -> Coefficients:
    """Coefficients of the operators at given parameter values.

    Parameters
    ----------
    hamiltonian : SpinHamiltonian
    values : mapping of str to float
        SI; at least the parameters of the Hamiltonian.
    owner : str
        As in `SpinHamiltonian.parameters`.

    Returns
    -------
    Coefficients

    Raises
    ------
    SpinHamiltonianError
        For a missing or non-finite value, or |E/D| above 1/3.
    """
    names = tuple(parameter.name for parameter in hamiltonian.parameters(owner))
    missing = [name for name in names if not math.isfinite(values.get(name, math.nan))]
    if missing:
        raise SpinHamiltonianError(f"{owner}: no value given for {', '.join(missing)}")
    column = {name: i for i, name in enumerate(names)}
    free: list[tuple[float, dict[str, float]]] = []
    zeeman: list[tuple[float, dict[str, float]]] = []
    for a, b in hamiltonian.exchange:
        name = f"{owner}.{a}-{b}.exchange"
        free.append((values[name], {name: 1.0}))
    aligned, axial, isotropic = True, True, True
    for centre in hamiltonian.centres:
        prefix = hamiltonian.prefix(owner, centre)
        aligned = aligned and not any(centre.orientation)
        if centre.orbital:
            coupling, alpha = f"{prefix}.spin_orbit_coupling", f"{prefix}.orbital_reduction"
            free.append((-values[alpha] * values[coupling], {coupling: -values[alpha], alpha: -values[coupling]}))
            terms = _tensor(values, f"{prefix}.orbital_splitting", f"{prefix}.orbital_rhombicity", "V/Delta")
            free += terms
            axial, isotropic = axial and terms[1][0] == 0, isotropic and terms[0][0] == 0
            zeeman.append((-values[alpha], {alpha: -1.0}))
        if centre.split:
            terms = _tensor(values, f"{prefix}.zero_field_splitting", f"{prefix}.rhombicity", "E/D")
            free += terms
            axial, isotropic = axial and terms[1][0] == 0, isotropic and terms[0][0] == 0
        g = [values[f"{prefix}.{quantity}"] for quantity in G_KINDS[centre.g]]
        zeeman += [(one, {f"{prefix}.{quantity}": 1.0}) for one, quantity in zip(g, G_KINDS[centre.g], strict=True)]
        axial, isotropic = axial and (centre.g != "rhombic" or g[0] == g[1]), isotropic and len(set(g)) == 1
    d_free, d_zeeman = np.zeros((len(free), len(names))), np.zeros((len(zeeman), len(names)))
    for matrix, rows in ((d_free, free), (d_zeeman, zeeman)):
        for i, (_, slopes) in enumerate(rows):
            for name, slope in slopes.items():
                matrix[i, column[name]] = slope
    if not aligned:
        symmetry = "hemisphere"
    else:
        symmetry = "octant" if not axial else "meridian" if not isotropic else "single"
    return Coefficients(
        names,
        np.array([value for value, _ in free]) / GAS_CONSTANT,
        np.array([value for value, _ in zeeman]),
        d_free / GAS_CONSTANT,
        d_zeeman,
        symmetry,
    )


def energies(hamiltonian: SpinHamiltonian, values: Mapping[str, float], owner: str) -> np.ndarray:
    """Levels without a field, J/mol, ascending from 0; shape (N,).

    Examples
    --------
    >>> from labile.models.spin_hamiltonian import Centre
    >>> pair = SpinHamiltonian((Centre("a", 0.5), Centre("b", 0.5)), (("a", "b"),), "-2J")
    >>> energies(pair, {"x.a-b.exchange": -100.0, "x.a.g": 2.0, "x.b.g": 2.0}, "x").round(6).tolist()
    [0.0, 200.0, 200.0, 200.0]
    """
    found = coefficients(hamiltonian, values, owner)
    levels = np.linalg.eigvalsh(np.einsum("j,jab->ab", found.free, operators(hamiltonian).free))
    return np.asarray((levels - levels[0]) * GAS_CONSTANT)


def _tensor(values: Mapping[str, float], main: str, ratio: str, what: str) -> list[tuple[float, dict[str, float]]]:
    """Coefficients of a traceless tensor given by its main value and the ratio of the rhombic to it."""
    size, part = values[main], values[ratio]
    try:
        require_ratio(what, part)
    except SpinHamiltonianError as error:
        raise SpinHamiltonianError(f"{ratio}: {error}") from None
    return [(size, {main: 1.0}), (size * part, {main: part, ratio: size})]


def _splitting(components: np.ndarray, spin: float, unity: np.ndarray) -> list[np.ndarray]:
    x, y, z = components
    return [z @ z - spin * (spin + 1) / 3.0 * unity, x @ x - y @ y]


def _embedded(matrices: np.ndarray, index: int, sizes: Sequence[int]) -> np.ndarray:
    """Operators of one factor in the product space."""
    before, after = math.prod(sizes[:index]), math.prod(sizes[index + 1 :])
    return np.stack([np.kron(np.kron(np.eye(before), matrix), np.eye(after)) for matrix in matrices])
