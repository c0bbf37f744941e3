"""Magnetisation and susceptibility of a spin Hamiltonian at the experimental field, with exact derivatives.

Three quantities that agree in small fields only are kept apart by name: ``"M/H"``, the static susceptibility
that a magnetometer's moment divided by its field gives; ``"dM/dH"``, the differential one that an AC measurement gives;
and the zero-field limit of both, which van Vleck's formula gives without a field and without a powder grid.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from labile.core.constants import AVOGADRO, BOHR_MAGNETON, BOLTZMANN, VACUUM_PERMEABILITY
from labile.models.powder import ORDERS, Directions, gauss_directions
from labile.models.spin_hamiltonian import SpinHamiltonian, SpinHamiltonianError
from labile.models.spin_operators import Coefficients, Operators, coefficients, operators

KELVIN_PER_TESLA = BOHR_MAGNETON / BOLTZMANN
"""mu_B/k_B, K T-1."""
MOLAR_MOMENT = AVOGADRO * BOHR_MAGNETON
"""N_A mu_B, A m2 mol-1."""
TOLERANCE = 1e-5
"""Relative accuracy of an automatic powder average."""
SAME_FIELD = 1e-3
"""Fields that differ by less than this fraction are computed together, to first order about their mean."""
WEAK = 1e-5
"""mu_B B/k_B T below which a susceptibility is its zero-field limit: they differ by the square of that."""
ROUND_OFF = 1e-12
"""Bohr magnetons; a powder average is not asked for more than that."""
SUSCEPTIBILITIES = ("M/H", "dM/dH")
AXES = Directions(np.eye(3), np.full(3, 1.0 / 3.0), "x, y and z")
CHUNK = 2_000_000
"""Matrix elements of one kind that are held at a time."""


class PowderWarning(UserWarning):
    """A powder average that has not converged to its tolerance."""


@dataclass(frozen=True, eq=False)
class MagneticResponse:
    """A magnetic quantity at N points, SI per mole, with its exact derivatives.

    Attributes
    ----------
    values : ndarray (N,)
        Magnetisation (A m2/mol) or susceptibility (m3/mol).
    d_temperature : ndarray (N,)
        At constant field; NaN where derivatives were not asked for.
    d_parameters : mapping of str to ndarray (N,)
        Per SI unit of each parameter; empty when they were not asked for.
    powder_error : ndarray (N,)
        How far the average over directions is from the next coarser one, an upper estimate of its error; NaN where
        the directions were given, 0 where there is nothing to average.
    directions : str
        What was averaged over.
    """

    values: np.ndarray
    d_temperature: np.ndarray
    d_parameters: Mapping[str, np.ndarray]
    powder_error: np.ndarray
    directions: str


def magnetization(
    hamiltonian: SpinHamiltonian,
    values: Mapping[str, float],
    temperature: Any,
    field: Any,
    *,
    owner: str,
    directions: Directions | None = None,
    tolerance: float = TOLERANCE,
    derivatives: bool = True,
) -> MagneticResponse:
    """Magnetisation along the field, averaged over a powder, exactly at that field.

    Parameters
    ----------
    hamiltonian : SpinHamiltonian
    values : mapping of str to float
        Parameters, SI, see `SpinHamiltonian.parameters`.
    temperature : float or array_like (N,)
        K, > 0.
    field : float or array_like (N,)
        B = mu_0 H, T.
    owner : str
        What stands before the parameters' names.
    directions : Directions, optional
        Instead of a powder average refined until it has converged.
    tolerance : float
        Relative accuracy of the automatic powder average.
    derivatives : bool

    Returns
    -------
    MagneticResponse
        A m2/mol.

    Raises
    ------
    SpinHamiltonianError
        For temperatures that are not above 0 K, and as `labile.models.spin_operators.coefficients`.

    Warns
    -----
    PowderWarning
        If the finest grid does not reach the tolerance.

    Examples
    --------
    >>> alone = SpinHamiltonian.single(2.5)
    >>> numbers = {p.name: p.value for p in alone.parameters("M")}
    >>> saturated = magnetization(alone, numbers, 0.1, 7.0, owner="M")
    >>> round(float(saturated.values[0]) / MOLAR_MOMENT, 6)
    5.0
    """
    kelvin, tesla = _points(temperature, field)
    model = _Model(hamiltonian, coefficients(hamiltonian, values, owner))

    def evaluate(grid: Directions, derive: bool) -> _Raw:
        return model.moment(grid, kelvin, tesla, derive)

    raw, error, name = _averaged(evaluate, model, directions, tolerance, derivatives)
    # M depends on T through H0/T and B/T only
    d_temperature = -(raw.d_c @ model.found.free + tesla * raw.d_field) / kelvin
    if not derivatives:
        d_temperature[:] = np.nan
    return MagneticResponse(
        raw.values * MOLAR_MOMENT,
        d_temperature * MOLAR_MOMENT,
        model.by_parameter(raw, np.full(kelvin.size, MOLAR_MOMENT)) if derivatives else {},
        error * MOLAR_MOMENT,
        name,
    )


def susceptibility(
    hamiltonian: SpinHamiltonian,
    values: Mapping[str, float],
    temperature: Any,
    field: Any = 0.0,
    *,
    owner: str,
    kind: str = "M/H",
    directions: Directions | None = None,
    tolerance: float = TOLERANCE,
    derivatives: bool = True,
) -> MagneticResponse:
    """Molar susceptibility of a powder: M/H or dM/dH at the field, van Vleck's limit where that is (next to) 0.

    Parameters
    ----------
    hamiltonian, values, temperature, field, owner, directions, tolerance, derivatives
        As for `magnetization`.
    kind : {"M/H", "dM/dH"}
        Static or differential; the same where the field is 0. The latter's derivatives need N^3 operations a direction
        and temperature.

    Returns
    -------
    MagneticResponse
        m3/mol (SI).

    Raises
    ------
    SpinHamiltonianError
        As `magnetization`; also for an unknown kind.

    References
    ----------
    J. H. van Vleck, The Theory of Electric and Magnetic Susceptibilities, Oxford 1932.

    Examples
    --------
    >>> from labile.core.units import from_si
    >>> alone = SpinHamiltonian.single(2)
    >>> numbers = {p.name: p.value for p in alone.parameters("HS")}
    >>> chi = susceptibility(alone, numbers, 300.0, owner="HS")
    >>> round(from_si(float(chi.values[0]) * 300.0, "cm3 K/mol", "chi_t"), 4)
    3.0012
    """
    if kind not in SUSCEPTIBILITIES:
        raise SpinHamiltonianError(f"susceptibility {kind!r} is unknown; it is {' or '.join(SUSCEPTIBILITIES)}")
    kelvin, tesla = _points(temperature, field)
    model = _Model(hamiltonian, coefficients(hamiltonian, values, owner))
    size = kelvin.size
    out = np.zeros(size), np.zeros(size), np.zeros((len(model.found.names), size)), np.zeros(size)
    names: list[str] = []
    scale = VACUUM_PERMEABILITY * MOLAR_MOMENT
    weak = KELVIN_PER_TESLA * np.abs(tesla) < WEAK * kelvin
    tesla[weak] = 0.0
    for chosen, differential in ((weak, True), (~weak, kind == "dM/dH")):
        if not chosen.any():
            continue
        at_kelvin, at_tesla = kelvin[chosen], tesla[chosen]
        zero = not at_tesla.any()

        def evaluate(
            grid: Directions,
            derive: bool,
            here: tuple[np.ndarray, np.ndarray] = (at_kelvin, at_tesla),
            curved: bool = differential,
        ) -> _Raw:
            return model.slope(grid, *here, derive) if curved else model.moment(grid, *here, derive)

        grid = directions if directions is not None else AXES if zero else None
        raw, error, name = _averaged(evaluate, model, grid, tolerance, derivatives)
        if zero and directions is None:
            error[:] = 0.0
        factor = np.full(at_kelvin.size, scale)
        if differential:
            energy_slope = raw.d_c @ model.found.free + raw.values
            if not zero:
                energy_slope = energy_slope + at_tesla * raw.d_field
        else:
            factor = factor / at_tesla
            energy_slope = raw.d_c @ model.found.free + at_tesla * raw.d_field
        out[0][chosen] = raw.values * factor
        out[1][chosen] = -energy_slope / at_kelvin * factor
        if derivatives:
            for row, column in zip(out[2], model.by_parameter(raw, factor).values(), strict=True):
                row[chosen] = column
        out[3][chosen] = error * factor
        names.append(name)
    return MagneticResponse(
        out[0],
        out[1] if derivatives else np.full(size, np.nan),
        dict(zip(model.found.names, out[2], strict=True)) if derivatives else {},
        out[3],
        "; ".join(names),
    )


@cache
def _kernels() -> Any:
    # reducing a file loads this module, and must not wait for numba
    from labile.models import spin_kernels

    return spin_kernels


@dataclass(eq=False)
class _Raw:
    """Averages in Bohr magnetons (or per tesla) with derivatives in coefficients."""

    values: np.ndarray
    d_field: np.ndarray
    d_c: np.ndarray
    d_g: np.ndarray


@dataclass(eq=False)
class _Model:
    hamiltonian: SpinHamiltonian
    found: Coefficients

    def __post_init__(self) -> None:
        self.matrices: Operators = operators(self.hamiltonian)
        self.h0 = np.einsum("j,jab->ab", self.found.free.astype(complex), self.matrices.free)

    def by_parameter(self, raw: _Raw, factor: np.ndarray) -> dict[str, np.ndarray]:
        """Derivatives in the parameters from those in the coefficients."""
        columns = (raw.d_c @ self.found.d_free + raw.d_g @ self.found.d_zeeman) * factor[:, None]
        return dict(zip(self.found.names, columns.T, strict=True))

    def _empty(self, size: int) -> _Raw:
        free, zeeman = self.found.free.size, self.found.zeeman.size
        return _Raw(np.zeros(size), np.zeros(size), np.zeros((size, free)), np.zeros((size, zeeman)))

    def _average(
        self, kernel: Any, grid: Directions, tesla: float, kelvin: np.ndarray, derive: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum over the directions, as many at a time as memory allows."""
        m, n = self.matrices, self.hamiltonian.levels
        b = KELVIN_PER_TESLA * tesla
        total: list[np.ndarray] = []
        step = max(1, CHUNK // (n * n))
        for start in range(0, len(grid), step):
            directions, weights = grid.vectors[start : start + step], grid.weights[start : start + step]
            field = np.einsum("ox,p,pxij->oij", directions, self.found.zeeman, m.zeeman, optimize=True)
            levels, states = np.linalg.eigh(self.h0 + b * field)
            inside = np.conj(np.swapaxes(states, 1, 2)) @ field @ states
            part = kernel(
                levels, np.ascontiguousarray(states), np.ascontiguousarray(inside), m.rows, m.columns, m.entries,
                m.starts, self.found.free.size, directions, weights, b, 1.0 / kelvin, derive,
            )  # fmt: skip
            total = list(part) if not total else [x + y for x, y in zip(total, part, strict=True)]
        return total[0], total[1]

    def moment(self, grid: Directions, kelvin: np.ndarray, tesla: np.ndarray, derive: bool) -> _Raw:
        """M in Bohr magnetons."""
        raw, free = self._empty(kelvin.size), self.found.free.size
        for rows, mean in _fields(tesla):
            if mean == 0.0:
                continue
            wanted = derive or bool(np.ptp(tesla[rows]))
            m, slopes = self._average(_kernels().average_moment, grid, mean, kelvin[rows], wanted)
            ratio = tesla[rows] / mean
            raw.d_field[rows] = KELVIN_PER_TESLA * slopes[:, -1]
            raw.values[rows] = m + raw.d_field[rows] * (tesla[rows] - mean)
            raw.d_c[rows], raw.d_g[rows] = slopes[:, :free] * ratio[:, None], slopes[:, free:-1] * ratio[:, None]
        return raw

    def slope(self, grid: Directions, kelvin: np.ndarray, tesla: np.ndarray, derive: bool) -> _Raw:
        """dM/dB in Bohr magnetons per tesla; its own derivative in B is needed only for d/dT."""
        raw, free = self._empty(kelvin.size), self.found.free.size
        for rows, mean in _fields(tesla):
            chi, slopes = self._average(_kernels().average_susceptibility, grid, mean, kelvin[rows], derive)
            raw.values[rows] = KELVIN_PER_TESLA * chi
            raw.d_c[rows], raw.d_g[rows] = KELVIN_PER_TESLA * slopes[:, :free], KELVIN_PER_TESLA * slopes[:, free:]
            if derive and mean != 0.0:
                # with all g scaled by s the slope is s^2 f(s B): its derivative in B follows from those in g
                raw.d_field[rows] = (raw.d_g[rows] @ self.found.zeeman - 2.0 * raw.values[rows]) / mean
        return raw


def _averaged(
    evaluate: Any, model: _Model, directions: Directions | None, tolerance: float, derive: bool
) -> tuple[_Raw, np.ndarray, str]:
    """Average over given directions, or over finer and finer grids until two agree."""
    if directions is not None:
        raw = evaluate(directions, derive)
        return raw, np.full(raw.values.size, np.nan), directions.name
    symmetry = model.found.symmetry
    if symmetry == "single":
        grid = gauss_directions(1, symmetry)
        raw = evaluate(grid, derive)
        return raw, np.zeros(raw.values.size), grid.name
    before: _Raw | None = None
    for order in ORDERS:
        grid = gauss_directions(order, symmetry)
        raw = evaluate(grid, False)
        if before is not None:
            error = np.abs(raw.values - before.values)
            if np.all(error <= tolerance * np.abs(raw.values) + ROUND_OFF):
                break
        before = raw
    else:
        worst = float(np.max(error / np.maximum(np.abs(raw.values), 1e-300)))
        warnings.warn(
            f"the powder average over {len(grid)} directions has converged to {worst:.1e} only, wanted"
            f" {tolerance:.1e}: the lowest temperatures are cold beside the anisotropy",
            PowderWarning,
            stacklevel=4,
        )
    return (evaluate(grid, True) if derive else raw), error, grid.name


def _points(temperature: Any, field: Any) -> tuple[np.ndarray, np.ndarray]:
    kelvin, tesla = np.broadcast_arrays(
        np.atleast_1d(np.asarray(temperature, dtype=float)), np.atleast_1d(np.asarray(field, dtype=float))
    )
    if kelvin.ndim != 1:
        raise SpinHamiltonianError(f"temperatures and fields must be one-dimensional, found shape {kelvin.shape}")
    wrong = ~(np.isfinite(kelvin) & (kelvin > 0))
    if wrong.any():
        raise SpinHamiltonianError(
            f"temperature must be above 0 K, found {kelvin[wrong][0]:g} K (is it in degrees Celsius?)"
        )
    if not np.all(np.isfinite(tesla)):
        raise SpinHamiltonianError(f"the magnetic field must be finite, found {tesla[~np.isfinite(tesla)][0]:g} T")
    return np.array(kelvin), np.array(tesla)


def _fields(tesla: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Points that share a field within `SAME_FIELD`, with their mean field."""
    order = np.argsort(tesla, kind="stable")
    groups: list[list[int]] = []
    for index in order:
        first = tesla[groups[-1][0]] if groups else np.nan
        if groups and abs(tesla[index] - first) <= SAME_FIELD * abs(first):
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    return [(np.array(group), float(tesla[group].mean())) for group in groups]
