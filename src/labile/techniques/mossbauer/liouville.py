"""The nuclear Hamiltonian of iron-57 and line shapes from its Liouville superoperator.

In units of velocity (m/s), with the field gradient tensor q_ij = e Q V_ij/2, so that q_zz = e Q Vzz/2,

    H_e = IS + (1/3) sum_ij q_ij I_i I_j + d_e sum_i B_i I_i     (I = 3/2)
    H_g = -d_g sum_i B_i I_i                                     (I = 1/2)

A coherence |e><g| has the energy of H_e x 1 - 1 x H_g^T; the spectrum of a powder is

    I(v) = (1/4 pi) sum_q Re <M_q| [Gamma/2 + i (v - L) - K]^-1 |M_q p>,

M_q the M1 transition operators, L the block-diagonal superoperator of all states and K the matrix of their rates. It
holds for any orientation of the gradients; one state gives the static spectrum of combined magnetic and quadrupole
interactions. No eigenvectors enter, so that derivatives are exact also where levels cross or coincide.

References
----------
M. Blume, Phys. Rev. 174 (1968) 351, doi:10.1103/PhysRev.174.351.
M. J. Clauser, M. Blume, Phys. Rev. B 3 (1971) 583, doi:10.1103/PhysRevB.3.583.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labile.core.parameters import Parameter
from labile.techniques.mossbauer.components import isomer_shift
from labile.techniques.mossbauer.exchange import _rate_matrix
from labile.techniques.mossbauer.iron57 import (
    ALPHA_IRON_FIELD,
    EXCITED_SPLITTING,
    GROUND_SPLITTING,
    MM_S,
    MossbauerError,
)

PAIRS = 8
"""Coherences between four excited and two ground levels."""


def spin_operators(spin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """I_x, I_y, I_z for m = spin ... -spin, shape (2 spin + 1, 2 spin + 1)."""
    m = np.arange(spin, -spin - 1, -1.0)
    up = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1).astype(complex)
    return (up + up.conj().T) / 2, (up - up.conj().T) / 2j, np.diag(m).astype(complex)


_EXCITED = spin_operators(1.5)
_GROUND = spin_operators(0.5)
_ONE_E, _ONE_G = np.eye(4), np.eye(2)


def _transitions() -> np.ndarray:
    """M_q for q = -1, 0, 1 as columns of coherences, (8, 3); their squares add up to 4."""
    matrices = np.zeros((3, 4, 2))
    clebsch = {(0, 0, 2): 1.0, (1, 0, 1): math.sqrt(2 / 3), (2, 0, 0): math.sqrt(1 / 3)}
    clebsch |= {(1, 1, 2): math.sqrt(1 / 3), (2, 1, 1): math.sqrt(2 / 3), (3, 1, 0): 1.0}
    for (e, g, q), value in clebsch.items():
        matrices[q, e, g] = value
    return matrices.reshape(3, PAIRS).T


TRANSITIONS = _transitions()


def rotation(alpha: float, beta: float, gamma: float) -> np.ndarray:
    """Rotation matrix R_z(alpha) R_y(beta) R_z(gamma); columns are the turned axes.

    Parameters
    ----------
    alpha, beta, gamma : float
        rad.
    """

    def about_z(angle: float) -> np.ndarray:
        c, s = math.cos(angle), math.sin(angle)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    c, s = math.cos(beta), math.sin(beta)
    about_y = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return about_z(alpha) @ about_y @ about_z(gamma)


def gradient_tensor(qzz: float, eta: float = 0.0, angles: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """q_ij (m/s) of a gradient with e Q Vzz/2 = `qzz`, asymmetry `eta` and principal axes turned by Euler angles (rad).

    Examples
    --------
    >>> gradient_tensor(2.0).diagonal().tolist()
    [-1.0, -1.0, 2.0]
    """
    if not 0 <= eta <= 1:
        raise MossbauerError(f"asymmetry parameter eta must lie in [0, 1], found {eta!r}")
    turned = rotation(*angles)
    return turned @ np.diag([-0.5 * qzz * (1.0 - eta), -0.5 * qzz * (1.0 + eta), qzz]) @ turned.T


def quadrupole_splitting(tensor: np.ndarray) -> float:
    """Splitting |QS| = |q_zz| sqrt(1 + eta^2/3) of any gradient tensor (3, 3), in its unit.

    Examples
    --------
    >>> round(quadrupole_splitting(gradient_tensor(-1.0, 1.0)), 12) == round(math.sqrt(4 / 3), 12)
    True
    """
    return math.sqrt(2.0 / 3.0 * float(np.sum(tensor * tensor)))


def averaged_splitting(populations: Sequence[float], tensors: Sequence[np.ndarray]) -> float:
    """|QS| of fast exchange: the tensors are averaged with the populations, then diagonalised."""
    mean = sum((p * tensor for p, tensor in zip(populations, tensors, strict=True)), start=np.zeros((3, 3)))
    return quadrupole_splitting(mean)


@dataclass(frozen=True, eq=False)
class NuclearState:
    """Hyperfine interactions of one electronic state.

    Attributes
    ----------
    shift : float
        Isomer shift, m/s relative to alpha-iron.
    gradient : ndarray (3, 3)
        q_ij in the crystal frame that all states share, m/s (`gradient_tensor`).
    field : ndarray (3,)
        Hyperfine field, T, in the same frame.
    """

    shift: float
    gradient: np.ndarray
    field: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        gradient = np.asarray(self.gradient, dtype=float)
        if gradient.shape != (3, 3) or not np.allclose(gradient, gradient.T, atol=1e-12 * (1 + np.abs(gradient).max())):
            raise MossbauerError("gradient tensor: a symmetric 3 x 3 matrix is expected")
        if abs(np.trace(gradient)) > 1e-9 * (np.abs(gradient).max() + 1e-30):
            raise MossbauerError(f"gradient tensor: its trace must be 0, found {np.trace(gradient):g}")
        object.__setattr__(self, "gradient", gradient)
        field = np.zeros(3) if self.field is None else np.asarray(self.field, dtype=float)
        object.__setattr__(self, "field", field)

    def superoperator(self) -> np.ndarray:
        """Energies of coherences |e><g|, m/s, (8, 8) Hermitian."""
        excited = self.shift * _ONE_E + quadrupole_operator(self.gradient) + zeeman_operator(self.field, excited=True)
        return np.kron(excited, _ONE_G) - np.kron(_ONE_E, zeeman_operator(self.field, excited=False).T)


def quadrupole_operator(gradient: np.ndarray) -> np.ndarray:
    """(1/3) sum q_ij I_i I_j for I = 3/2, (4, 4), in the unit of the tensor."""
    total = np.zeros((4, 4), dtype=complex)
    for i in range(3):
        for j in range(3):
            if gradient[i, j]:
                total += gradient[i, j] / 3.0 * (_EXCITED[i] @ _EXCITED[j])
    return total


def zeeman_operator(field: np.ndarray, *, excited: bool) -> np.ndarray:
    """Magnetic term of the excited (4, 4) or ground state (2, 2), m/s for a field in T.

    The moments have opposite signs: the excited state's level m = +3/2 and the ground state's m = -1/2 rise together.
    """
    if excited:
        return EXCITED_SPLITTING * sum(b * op for b, op in zip(field, _EXCITED, strict=True))
    return -GROUND_SPLITTING * sum(b * op for b, op in zip(field, _GROUND, strict=True))


def superoperator_line(
    velocity: Any,
    states: Sequence[NuclearState],
    populations: Sequence[float],
    width: float,
    rates: Mapping[tuple[int, int], float],
) -> np.ndarray:
    """Powder spectrum of a nucleus whose surroundings jump between states, unit area.

    Parameters
    ----------
    velocity : array_like (M,)
        m/s.
    states : sequence of NuclearState
        n of them, any orientations.
    populations : sequence of float (n,)
        Stationary; add up to 1.
    width : float
        FWHM, m/s.
    rates : mapping of (int, int) to float
        kappa of pairs of states in m/s (s-1 over `iron57.ANGULAR_FREQUENCY`).

    Returns
    -------
    ndarray (M,)
        s/m.
    """
    v, p = np.asarray(velocity, dtype=float), np.asarray(populations, dtype=float)
    if p.size != len(states) or np.any(p < 0) or abs(p.sum() - 1.0) > 1e-9:
        raise MossbauerError(f"superoperator: {len(states)} populations of sum 1 are needed, found {p.tolist()}")
    matrix, start = _resolvent_matrix(states, p, width, rates)
    x = _solved(v, matrix, start)
    end = np.tile(TRANSITIONS, (len(states), 1))
    return np.einsum("iq,miq->m", end, x).real / (4.0 * math.pi)


def _resolvent_matrix(
    states: Sequence[NuclearState], p: np.ndarray, width: float, rates: Mapping[tuple[int, int], float]
) -> tuple[np.ndarray, np.ndarray]:
    """Gamma/2 - i L - K (8n, 8n) and the start vectors M_q p (8n, 3)."""
    n = p.size
    kinetic, _ = _rate_matrix(p, rates)
    matrix = (0.5 * width * np.eye(PAIRS * n) - np.kron(kinetic, np.eye(PAIRS))).astype(complex)
    for i, state in enumerate(states):
        block = slice(PAIRS * i, PAIRS * (i + 1))
        matrix[block, block] -= 1j * state.superoperator()
    return matrix, np.kron(p[:, None], TRANSITIONS)


def _solved(v: np.ndarray, matrix: np.ndarray, start: np.ndarray) -> np.ndarray:
    """[matrix + i v]^-1 start for every velocity, (M, 8n, 3)."""
    every = np.repeat(matrix[None], v.size, axis=0)
    diagonal = np.arange(matrix.shape[0])
    every[:, diagonal, diagonal] += 1j * v[:, None]
    return np.linalg.solve(every, np.broadcast_to(start, (v.size, *start.shape)))


class Shape(NamedTuple):
    """A component's line shape of unit area (M,) and its derivatives by parameter name."""

    value: np.ndarray
    derivatives: dict[str, np.ndarray]


@dataclass(frozen=True)
class Combined:
    """A site with magnetic field and field gradient of any strength and orientation (powder, Lorentzian lines).

    Own parameters: isomer_shift, quadrupole_splitting (here signed, e Q Vzz/2), asymmetry_parameter, hyperfine_field,
    angle and azimuth (polar angles of the field in the axes of the gradient, rad).

    Attributes
    ----------
    name : str
    shift, splitting : float
        Start values, m/s.
    eta : float
    field : float
        T.
    angle, azimuth : float
        rad; fixed until freed.
    """

    name: str
    shift: float = 0.3 * MM_S
    splitting: float = 1.0 * MM_S
    eta: float = 0.0
    field: float = ALPHA_IRON_FIELD
    angle: float = 0.0
    azimuth: float = 0.0

    def parameters(self) -> tuple[Parameter, ...]:
        """All but asymmetry and angles free."""
        return (
            isomer_shift(self.name, self.shift),
            Parameter(f"{self.name}.quadrupole_splitting", self.splitting, lower=-20 * MM_S, upper=20 * MM_S),
            Parameter(f"{self.name}.asymmetry_parameter", self.eta, lower=0.0, upper=1.0, fixed=True),
            Parameter(f"{self.name}.hyperfine_field", self.field, lower=0.0, upper=100.0),
            Parameter(f"{self.name}.angle", self.angle, lower=0.0, upper=math.pi, fixed=True),
            Parameter(f"{self.name}.azimuth", self.azimuth, lower=-math.pi, upper=math.pi, fixed=True),
        )

    def shape(self, velocity: np.ndarray, values: Mapping[str, float], width_name: str) -> Shape:
        """Line shape and derivatives; `width_name` is the parameter that holds the FWHM."""
        names = [p.name for p in self.parameters()]
        shift, q, eta, b, theta, phi = (values[name] for name in names)
        width = values[width_name]
        direction = np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])
        by_theta = np.array([math.cos(theta) * math.cos(phi), math.cos(theta) * math.sin(phi), -math.sin(theta)])
        by_phi = np.array([-math.sin(theta) * math.sin(phi), math.sin(theta) * math.cos(phi), 0.0])
        unit_q = np.diag([-0.5 * (1 - eta), -0.5 * (1 + eta), 1.0])
        slopes = {
            names[0]: np.eye(PAIRS),
            names[1]: np.kron(quadrupole_operator(unit_q), _ONE_G),
            names[2]: np.kron(quadrupole_operator(np.diag([0.5 * q, -0.5 * q, 0.0])), _ONE_G),
            names[3]: _zeeman_super(direction),
            names[4]: _zeeman_super(b * by_theta),
            names[5]: _zeeman_super(b * by_phi),
        }
        energies, vectors = np.linalg.eigh(shift * slopes[names[0]] + q * slopes[names[1]] + b * slopes[names[3]])
        amplitude = vectors.conj().T @ TRANSITIONS  # (8, 3)
        resolvent = 1.0 / (0.5 * width + 1j * (velocity[:, None] - energies))
        strength = np.sum(np.abs(amplitude) ** 2, axis=1)
        value = (resolvent @ strength).real / (4.0 * math.pi)
        derivatives = {width_name: -0.5 * (resolvent**2 @ strength).real / (4.0 * math.pi)}
        for name, slope in slopes.items():
            # d R = R i dL R, between the same start and end vectors
            inner = np.einsum("aq,ab,bq->ab", amplitude.conj(), vectors.conj().T @ slope @ vectors, amplitude)
            derivatives[name] = (1j * np.einsum("ma,ab,mb->m", resolvent, inner, resolvent)).real / (4.0 * math.pi)
        return Shape(value, derivatives)


def _zeeman_super(field: np.ndarray) -> np.ndarray:
    excited = np.kron(zeeman_operator(field, excited=True), _ONE_G)
    return excited - np.kron(_ONE_E, zeeman_operator(field, excited=False).T)
