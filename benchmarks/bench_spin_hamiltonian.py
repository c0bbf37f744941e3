"""chi*T of an exchange-coupled dimer and its derivatives, against a plain numpy loop with forward differences.

Run: python benchmarks/bench_spin_hamiltonian.py. A (5/2, 1/2) dimer (12 levels) at 0.1 T, 200 directions, 200
temperatures, with the derivatives in J, D, E and both g. The loop is what one writes first: for each direction build H,
`numpy.linalg.eigh`, moments from the eigenvectors, Boltzmann averages; six times, for the values and five forward
differences. Both get the same 200 directions of a Fibonacci spiral; the automatic powder average of labile, which uses
the symmetry of the tensors and stops when it has converged, is timed beside them, and both are compared with a fine
product grid. Times are the least of several, ratios within one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from labile.core.constants import BOHR_MAGNETON, BOLTZMANN, GAS_CONSTANT
from labile.core.units import from_si, to_si
from labile.models.powder import Directions, fibonacci_directions, gauss_directions
from labile.models.spin_hamiltonian import Centre, SpinHamiltonian
from labile.models.spin_magnetism import KELVIN_PER_TESLA, susceptibility
from labile.models.spin_operators import spin_matrices

DIRECTIONS = fibonacci_directions(200)
TEMPERATURES = np.linspace(2.0, 300.0, 200)
FIELD = 0.1
DIMER = SpinHamiltonian((Centre("Fe", 2.5), Centre("L", 0.5)), (("Fe", "L"),), "-2J")
CM = float(to_si(1.0, "1/cm", "exchange"))
VALUES = {
    "H.Fe-L.exchange": -122.5 * CM,
    "H.Fe.zero_field_splitting": 3.0 * CM,
    "H.Fe.rhombicity": 0.2,
    "H.Fe.g": 2.05,
    "H.L.g": 2.0,
}
TO_CGS = float(from_si(1.0, "cm3 K/mol", "chi_t"))


def plain_operators() -> tuple[np.ndarray, ...]:
    """S1.S2, D and E terms of the first spin, and both spins, in the product basis."""
    one = np.array([np.kron(s, np.eye(2)) for s in spin_matrices(2.5)])
    two = np.array([np.kron(np.eye(6), s) for s in spin_matrices(0.5)])
    axial = one[2] @ one[2] - 2.5 * 3.5 / 3 * np.eye(12)
    return sum(a @ b for a, b in zip(one, two, strict=True)), axial, one[0] @ one[0] - one[1] @ one[1], one, two


def plain_chi_t(parameters: np.ndarray, pieces: tuple[np.ndarray, ...]) -> np.ndarray:
    """chi*T in cm3 K/mol; parameters are J, D, E in K and the two g."""
    exchange, axial, rhombic, one, two = pieces
    j, d, e, g_one, g_two = parameters
    h0 = -2.0 * j * exchange + d * axial + e * rhombic
    moment_operator = g_one * one + g_two * two
    total = np.zeros(TEMPERATURES.size)
    for direction, weight in zip(DIRECTIONS.vectors, DIRECTIONS.weights, strict=True):
        moment = np.tensordot(direction, moment_operator, axes=1)
        levels, states = np.linalg.eigh(h0 + KELVIN_PER_TESLA * FIELD * moment)
        expectation = np.einsum("ia,ij,ja->a", states.conj(), moment, states, optimize=True).real
        boltzmann = np.exp(-(levels - levels[0])[None, :] / TEMPERATURES[:, None])
        total -= weight * (boltzmann @ expectation) / boltzmann.sum(axis=1)
    curie = 6.02214076e23 * (BOHR_MAGNETON * 1e3) ** 2 / (BOLTZMANN * 1e7)
    return curie * total / (KELVIN_PER_TESLA * FIELD) * TEMPERATURES


def plain() -> np.ndarray:
    """chi*T and five forward differences, shape (6, T)."""
    pieces = plain_operators()
    d = VALUES["H.Fe.zero_field_splitting"] / GAS_CONSTANT
    start = np.array([VALUES["H.Fe-L.exchange"] / GAS_CONSTANT, d, 0.2 * d, 2.05, 2.0])
    rows = [plain_chi_t(start, pieces)]
    for k in range(start.size):
        step = 1e-6 * max(1.0, abs(start[k]))
        moved = start.copy()
        moved[k] += step
        rows.append((plain_chi_t(moved, pieces) - rows[0]) / step)
    return np.array(rows)


def exact(directions: Directions | None) -> np.ndarray:
    """chi*T and its exact derivatives in J, D, E (K) and both g."""
    found = susceptibility(DIMER, VALUES, TEMPERATURES, FIELD, owner="H", directions=directions)
    scale = TEMPERATURES * TO_CGS
    ratio, d = VALUES["H.Fe.rhombicity"], VALUES["H.Fe.zero_field_splitting"]
    in_e = found.d_parameters["H.Fe.rhombicity"] / d
    in_d = found.d_parameters["H.Fe.zero_field_splitting"] - ratio * in_e
    rows = [found.d_parameters["H.Fe-L.exchange"], in_d, in_e]
    slopes = [*(GAS_CONSTANT * row for row in rows), found.d_parameters["H.Fe.g"], found.d_parameters["H.L.g"]]
    return np.array([found.values, *slopes]) * scale


def timed(function: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Least time of several runs, s, and the result."""
    result = function()
    best = np.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - begin)
    return best, result


def main() -> None:
    loop, reference = timed(plain, 5)
    print(f"plain numpy loop, forward differences  {loop * 1e3:8.2f} ms")
    fine = exact(gauss_directions(16))
    runs = (("labile, the same 200 directions", DIRECTIONS), ("labile, automatic powder average", None))
    for name, directions in runs:
        seconds, found = timed(lambda d=directions: exact(d), 15)
        truth, what = (fine, "a fine grid") if directions is None else (reference, "the loop")
        worst = np.max(np.abs(found - truth), axis=1) / np.max(np.abs(truth), axis=1)
        print(
            f"{name:38s} {seconds * 1e3:8.2f} ms ({loop / seconds:5.1f} times faster); from {what}:"
            f" values {worst[0]:.1e}, derivatives {worst[1:].max():.1e}"
        )
    worst = np.max(np.abs(reference - fine), axis=1) / np.max(np.abs(fine), axis=1)
    print(f"200 directions of a spiral from a fine grid: values {worst[0]:.1e}, derivatives {worst[1:].max():.1e}")


if __name__ == "__main__":
    main()
