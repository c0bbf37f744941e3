"""Static components of a spectrum: lines of singlets, doublets and sextets with their derivatives.

    doublet   v = IS -+ QS/2, areas 1 : A2/A1 (line at the higher velocity over the other)
    sextet    v = IS + (B/33.0 T) {-+5.3123, -+3.0760, -+0.8397} + eps (+,-,-,-,-,+), areas 3 : x : 1 : 1 : x : 3

QS = (e Q Vzz/2) sqrt(1 + eta^2/3) is given without its sign, which a powder without field does not show. eps =
(QS/4)(3 cos^2 theta - 1) for an axial gradient at the angle theta to the field, as long as QS is small beside the
magnetic splitting; `hamiltonian.Combined` holds where it is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from labile.core.parameters import Parameter
from labile.techniques.mossbauer.iron57 import (
    ALPHA_IRON_FIELD,
    ALPHA_IRON_LINES,
    MM_S,
    NATURAL_WIDTH,
    REFERENCE_TEXT,
    MossbauerError,
)

NARROWEST = 0.8 * NATURAL_WIDTH
BROADEST = 20.0 * MM_S
IS_SOURCE = f"relative to {REFERENCE_TEXT}"


class Lines(NamedTuple):
    """Lines of a component and the derivatives in its own parameters (in their order).

    Attributes
    ----------
    positions, weights : ndarray (L,)
        m/s; weights add up to 1.
    d_positions, d_weights : ndarray (L, P)
    """

    positions: np.ndarray
    weights: np.ndarray
    d_positions: np.ndarray
    d_weights: np.ndarray


class Component(Protocol):
    """Part of a spectrum that is a sum of lines of one width."""

    @property
    def name(self) -> str:
        """Prefix of its parameters."""
        ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities of its line positions and ratios, in the order of `lines`."""
        ...

    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of `quantities` with start values and bounds, SI."""
        ...

    def lines(self, values: np.ndarray) -> Lines:
        """Lines for values of `quantities`, SI."""
        ...


def _named(name: str) -> None:
    if not name or "." in name or name != name.strip():
        raise MossbauerError(f"component name {name!r}: a plain word without dots is needed")


def isomer_shift(name: str, value: float) -> Parameter:
    """Parameter of an isomer shift; it says what it is relative to."""
    return Parameter(f"{name}.isomer_shift", value, lower=-20 * MM_S, upper=20 * MM_S, source=IS_SOURCE)


@dataclass(frozen=True)
class Singlet:
    """One line.

    Attributes
    ----------
    name : str
    shift : float
        Start value of the isomer shift, m/s.
    """

    name: str
    shift: float = 0.0

    def __post_init__(self) -> None:
        _named(self.name)

    @property
    def quantities(self) -> tuple[str, ...]:
        """``("isomer_shift",)``."""
        return ("isomer_shift",)

    def parameters(self) -> tuple[Parameter, ...]:
        """Isomer shift."""
        return (isomer_shift(self.name, self.shift),)

    def lines(self, values: np.ndarray) -> Lines:
        """One line at the isomer shift."""
        return Lines(np.array([values[0]]), np.ones(1), np.ones((1, 1)), np.zeros((1, 1)))


_DOUBLET = np.array([[1.0, -0.5, 0.0], [1.0, 0.5, 0.0]])


@dataclass(frozen=True)
class Doublet:
    """Two lines split by the electric field gradient.

    Attributes
    ----------
    name : str
    shift, splitting : float
        Start values of isomer shift and quadrupole splitting, m/s.
    ratio : float
        A2/A1: area of the line at the higher velocity over the other.
    free_ratio : bool
        Whether the ratio is fitted: texture and the Goldanskii-Karyagin effect make it differ from 1.
    """

    name: str
    shift: float = 0.3 * MM_S
    splitting: float = 1.0 * MM_S
    ratio: float = 1.0
    free_ratio: bool = False

    def __post_init__(self) -> None:
        _named(self.name)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Isomer shift, quadrupole splitting, line ratio."""
        return ("isomer_shift", "quadrupole_splitting", "line_ratio")

    def parameters(self) -> tuple[Parameter, ...]:
        """Isomer shift, quadrupole splitting (0 or more), line ratio (fixed unless `free_ratio`)."""
        return (
            isomer_shift(self.name, self.shift),
            Parameter(f"{self.name}.quadrupole_splitting", self.splitting, lower=0.0, upper=20 * MM_S),
            Parameter(f"{self.name}.line_ratio", self.ratio, lower=0.05, upper=20.0, fixed=not self.free_ratio),
        )

    def lines(self, values: np.ndarray) -> Lines:
        """Two lines at IS -+ QS/2."""
        ratio = values[2]
        share = 1.0 / (1.0 + ratio)
        slope = share * share
        d_weights = np.zeros((2, 3))
        d_weights[:, 2] = (-slope, slope)
        return Lines(_DOUBLET @ values, np.array([share, 1.0 - share]), _DOUBLET, d_weights)


_ZEEMAN = np.array(ALPHA_IRON_LINES) / ALPHA_IRON_FIELD
_SEXTET = np.column_stack([np.ones(6), _ZEEMAN, np.array([1.0, -1.0, -1.0, -1.0, -1.0, 1.0]), np.zeros(6)])


@dataclass(frozen=True)
class Sextet:
    """Six lines split by a magnetic field, the quadrupole interaction as a small shift.

    Attributes
    ----------
    name : str
    shift : float
        Start value of the isomer shift, m/s.
    field : float
        Start value of the hyperfine field, T.
    quadrupole_shift : float
        eps, m/s: lines 1 and 6 move by +eps, the others by -eps.
    ratio : float
        x in the areas 3 : x : 1 : 1 : x : 3; 2 for a powder, 4 sin^2/(1 + cos^2) of the angle between gamma rays and
        field otherwise.
    free_ratio : bool
    """

    name: str
    shift: float = 0.3 * MM_S
    field: float = ALPHA_IRON_FIELD
    quadrupole_shift: float = 0.0
    ratio: float = 2.0
    free_ratio: bool = False

    def __post_init__(self) -> None:
        _named(self.name)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Isomer shift, hyperfine field, quadrupole shift, line ratio."""
        return ("isomer_shift", "hyperfine_field", "quadrupole_shift", "line_ratio")

    def parameters(self) -> tuple[Parameter, ...]:
        """Isomer shift, hyperfine field, quadrupole shift, line ratio (fixed unless `free_ratio`)."""
        return (
            isomer_shift(self.name, self.shift),
            Parameter(f"{self.name}.hyperfine_field", self.field, lower=0.0, upper=100.0),
            Parameter(f"{self.name}.quadrupole_shift", self.quadrupole_shift, lower=-5 * MM_S, upper=5 * MM_S),
            Parameter(f"{self.name}.line_ratio", self.ratio, lower=0.0, upper=4.0, fixed=not self.free_ratio),
        )

    def lines(self, values: np.ndarray) -> Lines:
        """Six lines in the order of rising velocity (for a positive field)."""
        x = values[3]
        total = 8.0 + 2.0 * x
        weights = np.array([3.0, x, 1.0, 1.0, x, 3.0]) / total
        d_weights = np.zeros((6, 4))
        d_weights[:, 3] = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0]) / total - weights * (2.0 / total)
        return Lines(_SEXTET @ values, weights, _SEXTET, d_weights)


def texture_ratio(angle: float, *, vzz: float = 1.0) -> float:
    """A2/A1 of a doublet of a single crystal (axial gradient) with gamma rays at `angle` (rad) to Vzz.

    I(3/2)/I(1/2) = 3 (1 + cos^2 t)/(5 - 3 cos^2 t): 3 along Vzz, 0.6 across it. The 3/2 line is the one at the
    higher velocity for Vzz > 0.

    Examples
    --------
    >>> round(texture_ratio(0.0), 12), round(texture_ratio(math.pi / 2), 12), round(texture_ratio(0.0, vzz=-1), 12)
    (3.0, 0.6, 0.333333333333)
    """
    if vzz == 0:
        raise MossbauerError("texture ratio: Vzz must not be 0")
    cos2 = math.cos(angle) ** 2
    ratio = 3.0 * (1.0 + cos2) / (5.0 - 3.0 * cos2)
    return ratio if vzz > 0 else 1.0 / ratio


def goldanskii_karyagin_ratio(anisotropy: float, *, vzz: float = 1.0) -> float:
    """A2/A1 of a powder whose recoil-free fraction depends on direction.

    With f(t) proportional to exp(-a cos^2 t) about the axis of Vzz, a = k^2 (<x_par^2> - <x_perp^2>), the intensities
    of a single crystal are averaged over all directions.

    Parameters
    ----------
    anisotropy : float
        a, without unit; 0 gives 1.

    References
    ----------
    V. I. Goldanskii, E. F. Makarov, in Chemical Applications of Mossbauer Spectroscopy, Academic Press (1968).

    Examples
    --------
    >>> round(goldanskii_karyagin_ratio(0.0), 9), goldanskii_karyagin_ratio(1.0) < 1
    (1.0, True)
    """
    if vzz == 0:
        raise MossbauerError("Goldanskii-Karyagin ratio: Vzz must not be 0")
    nodes, weights = np.polynomial.legendre.leggauss(48)
    z2 = nodes**2
    f = weights * np.exp(-anisotropy * (z2 - 1.0 / 3.0))
    ratio = float(np.sum(f * 3.0 * (1.0 + z2)) / np.sum(f * (5.0 - 3.0 * z2)))
    return ratio if vzz > 0 else 1.0 / ratio


def sextet_ratio(angle: float) -> float:
    """X of the areas 3 : x : 1 for gamma rays at `angle` (rad) to the field: 4 sin^2/(1 + cos^2).

    Examples
    --------
    >>> sextet_ratio(0.0), round(sextet_ratio(math.pi / 2), 12)
    (0.0, 4.0)
    """
    return 4.0 * math.sin(angle) ** 2 / (1.0 + math.cos(angle) ** 2)
