"""Spin Hamiltonians of one or several paramagnetic centres.

    H = sum_pairs f J_ab S_a.S_b  +  sum_i { D_i [Sz^2 - S(S+1)/3] + E_i [Sx^2 - Sy^2] }  +  mu_B B.sum_i g_i S_i

with f = -2, -1 or +1: the exchange convention, which is always named. x, y, z of D, E and g are the axes of the
centre. A centre with an orbital triplet (T2g of iron(II), T1g of cobalt(II)) is treated with L = 1 by the isomorphism
of T and P terms, where alpha = A kappa is the orbital reduction times the factor A of the term (1 for T2, 1 to 3/2 for
T1):

    H_i = -alpha lambda L.S + Delta [Lz^2 - 2/3] + V [Lx^2 - Ly^2] + mu_B B.(-alpha L + g S)

Numbers arrive as parameters: energies in J/mol (usually given in cm-1), g without unit. D and E enter as D and
``rhombicity`` = E/D, Delta and V as Delta and ``orbital_rhombicity`` = V/Delta; both ratios are at most 1/3, because a
larger one is the same tensor with its axes renamed.

References
----------
O. Kahn, Molecular Magnetism, VCH 1993. B. N. Figgis, J. Lewis, F. E. Mabbs, G. A. Webb, J. Chem. Soc. A 1967, 442
(5T2). F. Lloret, M. Julve, J. Cano, R. Ruiz-Garcia, E. Pardo, Inorg. Chim. Acta 2008, 361, 3432,
doi:10.1016/j.ica.2008.03.114 (4T1).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.parameters import Parameter

CONVENTIONS: Mapping[str, float] = {"-2J": -2.0, "-J": -1.0, "+J": 1.0}
"""Exchange convention to the factor of J S_a.S_b in the Hamiltonian."""
G_KINDS: Mapping[str, tuple[str, ...]] = {
    "isotropic": ("g",),
    "axial": ("g_perpendicular", "g_parallel"),
    "rhombic": ("g_x", "g_y", "g_z"),
}
"""Kind of g tensor to the quantities of its parameters; parallel is z."""
LARGEST = 512
"""Most levels that are diagonalised; a larger matrix is a mistake or needs another method."""
LARGEST_RATIO = 1.0 / 3.0


class SpinHamiltonianError(ValueError):
    """A spin Hamiltonian that is incomplete, contradicts itself or has impossible values."""


@dataclass(frozen=True)
class Centre:
    """One paramagnetic centre.

    Attributes
    ----------
    name : str
        Letters, digits, ``*``, ``_`` and ``'``; part of the names of its parameters where there are several.
    spin : float
        S > 0.
    g : {"isotropic", "axial", "rhombic"}
        Kind of its g tensor.
    orbital : bool
        Whether it has an orbital triplet with spin-orbit coupling (L = 1).
    orientation : tuple of float
        Euler angles (z, y', z'') of its axes in the frame of the molecule, rad.

    Raises
    ------
    SpinHamiltonianError

    Examples
    --------
    >>> Centre("Fe", 2).levels, Centre("Fe", 2, orbital=True).levels
    (5, 15)
    """

    name: str
    spin: float
    g: str = "isotropic"
    orbital: bool = False
    orientation: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "*_'" for c in self.name):
            raise SpinHamiltonianError(
                f"centre {self.name!r}: names consist of letters, digits, *, _ and ' (no '-', no '.')"
            )
        if isinstance(self.spin, bool) or not isinstance(self.spin, (int, float, np.floating)):
            raise SpinHamiltonianError(f"centre {self.name}: the spin must be a number, found {self.spin!r}")
        if not (0 < self.spin < math.inf and abs(2 * self.spin - round(2 * self.spin)) < 1e-9):
            raise SpinHamiltonianError(
                f"centre {self.name}: the spin {self.spin!r} is no half-integer above 0 (1/2, 1, 3/2, ...);"
                " a diamagnetic centre is left out"
            )
        if self.g not in G_KINDS:
            raise SpinHamiltonianError(f"centre {self.name}: g is one of {', '.join(G_KINDS)}, found {self.g!r}")
        angles = tuple(float(angle) for angle in self.orientation)
        if len(angles) != 3 or not all(math.isfinite(angle) for angle in angles):
            raise SpinHamiltonianError(f"centre {self.name}: the orientation is three Euler angles, found {angles}")
        object.__setattr__(self, "orientation", angles)

    @property
    def levels(self) -> int:
        """Dimension of its space."""
        return round(2 * self.spin + 1) * (3 if self.orbital else 1)

    @property
    def split(self) -> bool:
        """Whether it has D and E: from S = 1 on."""
        return self.spin > 0.75

    @property
    def axes(self) -> np.ndarray:
        """Its x, y, z as columns in the frame of the molecule, shape (3, 3)."""
        a, b, c = self.orientation

        def about_z(angle: float) -> np.ndarray:
            cos, sin = math.cos(angle), math.sin(angle)
            return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])

        cos, sin = math.cos(b), math.sin(b)
        tilt = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        return np.asarray(about_z(a) @ tilt @ about_z(c))


@dataclass(frozen=True)
class SpinHamiltonian:
    """Centres, and which of them are coupled; its numbers are parameters.

    Attributes
    ----------
    centres : tuple of Centre
    exchange : tuple of (str, str)
        Pairs of coupled centres.
    exchange_convention : {"-2J", "-J", "+J"} or None
        Factor of J S_a.S_b in the Hamiltonian; needed as soon as there is a pair.

    Raises
    ------
    SpinHamiltonianError
        For repeated or unknown names, no centre, an exchange convention left unsaid, or too many levels.

    Examples
    --------
    >>> dimer = SpinHamiltonian((Centre("Fe", 2.5), Centre("L", 0.5)), (("Fe", "L"),), "-2J")
    >>> dimer.levels
    12
    >>> [p.name for p in dimer.parameters("H")][:4]
    ['H.Fe-L.exchange', 'H.Fe.zero_field_splitting', 'H.Fe.rhombicity', 'H.Fe.g']
    """

    centres: tuple[Centre, ...]
    exchange: tuple[tuple[str, str], ...] = ()
    exchange_convention: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "centres", tuple(self.centres))
        pairs: list[tuple[str, str]] = []
        for pair in self.exchange:
            ends = tuple(pair) if not isinstance(pair, str) else tuple(pair.split("-"))
            if len(ends) != 2:
                raise SpinHamiltonianError(f'exchange couples two centres, found {pair!r}; write ["Fe", "L"]')
            pairs.append((ends[0], ends[1]))
        object.__setattr__(self, "exchange", tuple(pairs))
        names = [centre.name for centre in self.centres]
        if not names:
            raise SpinHamiltonianError("a spin Hamiltonian needs at least one centre")
        if len(set(names)) != len(names):
            raise SpinHamiltonianError(f"centres need different names, found {', '.join(names)}")
        for a, b in pairs:
            for name in (a, b):
                if name not in names:
                    close = difflib.get_close_matches(name, names, n=1)
                    hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}"
                    raise SpinHamiltonianError(f"exchange {a}-{b}: centre {name!r} is unknown{hint}")
            if a == b:
                raise SpinHamiltonianError(f"exchange {a}-{b}: a centre is not coupled with itself")
        if len({frozenset(pair) for pair in pairs}) != len(pairs):
            raise SpinHamiltonianError(f"a pair of centres is coupled twice among {pairs}")
        if pairs and self.exchange_convention is None:
            raise SpinHamiltonianError(
                'the exchange convention is left unsaid; write exchange_convention = "-2J" (H = -2J S1.S2), "-J"'
                ' (H = -J S1.S2) or "+J" (H = +J S1.S2): the same J means three different couplings'
            )
        if self.exchange_convention is not None and self.exchange_convention not in CONVENTIONS:
            raise SpinHamiltonianError(
                f"exchange convention {self.exchange_convention!r} is unknown; use one of {', '.join(CONVENTIONS)}"
            )
        if self.levels > LARGEST:
            raise SpinHamiltonianError(f"{self.levels} levels are more than the {LARGEST} that are diagonalised here")

    @classmethod
    def single(cls, spin: float, *, g: str = "isotropic", orbital: bool = False, name: str = "M") -> SpinHamiltonian:
        """Hamiltonian of one centre.

        Examples
        --------
        >>> [p.name for p in SpinHamiltonian.single(2).parameters("HS")]
        ['HS.zero_field_splitting', 'HS.rhombicity', 'HS.g']
        """
        return cls((Centre(name, spin, g, orbital),))

    @property
    def levels(self) -> int:
        """Dimension of the product space."""
        return math.prod(centre.levels for centre in self.centres)

    def prefix(self, owner: str, centre: Centre) -> str:
        """What stands before the last dot in the names of a centre's parameters."""
        return owner if len(self.centres) == 1 else f"{owner}.{centre.name}"

    def parameters(self, owner: str) -> tuple[Parameter, ...]:
        """Parameters with defaults and bounds, SI.

        J and lambda must be given; D and the splittings are 0, g is 2 and alpha is 1, all fixed until they are said
        to be free.

        Parameters
        ----------
        owner : str
            State or compound that they belong to: ``<owner>.g`` of a single centre, ``<owner>.<centre>.g`` of one
            among several, ``<owner>.<a>-<b>.exchange``.
        """
        found = []
        for a, b in self.exchange:
            text = f"H = {self.exchange_convention} S({a}).S({b})"
            found.append(Parameter(f"{owner}.{a}-{b}.exchange", source=text))
        for centre in self.centres:
            prefix = self.prefix(owner, centre)
            if centre.orbital:
                found += [
                    Parameter(f"{prefix}.spin_orbit_coupling", source="lambda of H = lambda L.S"),
                    Parameter(f"{prefix}.orbital_reduction", 1.0, lower=0.0, upper=1.5, fixed=True, source="A kappa"),
                    Parameter(f"{prefix}.orbital_splitting", 0.0, fixed=True),
                    _ratio(f"{prefix}.orbital_rhombicity"),
                ]
            if centre.split:
                found += [
                    Parameter(f"{prefix}.zero_field_splitting", 0.0, fixed=True),
                    _ratio(f"{prefix}.rhombicity"),
                ]
            found += [
                Parameter(f"{prefix}.{quantity}", 2.0, lower=0.0, upper=20.0, fixed=True, source="spin only")
                for quantity in G_KINDS[centre.g]
            ]
        return tuple(found)


def hamiltonian_from(description: Any, what: str = "hamiltonian") -> SpinHamiltonian:
    """Spin Hamiltonian from a table, as manifests write it.

    Parameters
    ----------
    description : SpinHamiltonian or mapping
        ``{"spin": 2, "g": "axial"}`` for one centre, or ``{"centres": {"Fe": {"spin": 2.5}, "L": {"spin": 0.5}},
        "exchange": [["Fe", "L"]], "exchange_convention": "-2J"}``. A centre has ``spin``, ``g``, ``orbital`` and
        ``orientation`` (three Euler angles z, y', z'' in degrees).
    what : str
        Whose it is, for errors.

    Returns
    -------
    SpinHamiltonian

    Raises
    ------
    SpinHamiltonianError

    Examples
    --------
    >>> hamiltonian_from({"spin": 2}).levels
    5
    """
    if isinstance(description, SpinHamiltonian):
        return description
    if not isinstance(description, Mapping):
        raise SpinHamiltonianError(f"{what}: expected a table such as {{ spin = 2 }}, found {description!r}")
    table = dict(description)
    try:
        if "centres" not in table:
            _known(table, ("spin", "g", "orbital", "orientation", "centres", "exchange", "exchange_convention"))
            return SpinHamiltonian((_centre("M", table),))
        _known(table, ("centres", "exchange", "exchange_convention"))
        centres = table["centres"]
        if not isinstance(centres, Mapping):
            raise SpinHamiltonianError(f"centres = {{ Fe = {{ spin = 2.5 }}, ... }} is expected, found {centres!r}")
        for name, one in centres.items():
            if not isinstance(one, Mapping):
                raise SpinHamiltonianError(f"centre {name}: expected a table such as {{ spin = 2 }}, found {one!r}")
            _known(one, ("spin", "g", "orbital", "orientation"), f"centre {name}: ")
        exchange = table.get("exchange", ())
        if not isinstance(exchange, Sequence) or isinstance(exchange, str):
            raise SpinHamiltonianError(f'exchange is a list of pairs, [["Fe", "L"]]; found {exchange!r}')
        return SpinHamiltonian(
            tuple(_centre(name, one) for name, one in centres.items()),
            tuple(exchange),
            table.get("exchange_convention"),
        )
    except SpinHamiltonianError as error:
        raise SpinHamiltonianError(f"{what}: {error}") from None


def rhombicity(zero_field_splitting: float, rhombic: float) -> float:
    """E/D of a zero-field splitting, both in the same unit.

    Raises
    ------
    SpinHamiltonianError
        If |E/D| exceeds 1/3.

    Examples
    --------
    >>> rhombicity(5.0, 1.0)
    0.2
    """
    if rhombic == 0:
        return 0.0
    ratio = rhombic / zero_field_splitting if zero_field_splitting else math.inf
    require_ratio("E/D", ratio)
    return ratio


def _ratio(name: str) -> Parameter:
    text = "at most 1/3: a larger ratio is the same tensor with its axes renamed"
    return Parameter(name, 0.0, lower=-LARGEST_RATIO, upper=LARGEST_RATIO, fixed=True, source=text)


def require_ratio(what: str, ratio: float) -> None:
    """Raise SpinHamiltonianError for a rhombic part larger than a third of the main value."""
    if not abs(ratio) <= LARGEST_RATIO * (1 + 1e-9):
        raise SpinHamiltonianError(
            f"|{what}| = {abs(ratio):.4g} exceeds 1/3: the same tensor with renamed axes has a smaller ratio and"
            " another main value; choose as z the axis that lies farthest from the other two"
        )


def _known(table: Mapping[str, Any], keys: Iterable[str], where: str = "") -> None:
    keys = tuple(keys)
    for key in table:
        if key not in keys:
            close = difflib.get_close_matches(str(key), keys, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(keys)}"
            raise SpinHamiltonianError(f"{where}unknown key {key!r}; {hint}")


def _centre(name: str, table: Mapping[str, Any]) -> Centre:
    if "exchange" in table or "exchange_convention" in table:
        raise SpinHamiltonianError("exchange needs two centres; write centres = { Fe = { spin = 2.5 }, ... }")
    if "spin" not in table:
        raise SpinHamiltonianError(f"centre {name}: its spin is missing; write spin = 2")
    angles = table.get("orientation", (0.0, 0.0, 0.0))
    if not isinstance(angles, Sequence) or isinstance(angles, str) or len(angles) != 3:
        raise SpinHamiltonianError(f"centre {name}: orientation is three angles in degrees, found {angles!r}")
    if any(isinstance(angle, bool) or not isinstance(angle, (int, float)) for angle in angles):
        raise SpinHamiltonianError(f"centre {name}: orientation is three angles in degrees, found {list(angles)!r}")
    orbital = table.get("orbital", False)
    if not isinstance(orbital, bool):
        raise SpinHamiltonianError(f"centre {name}: orbital is true or false, found {orbital!r}")
    radians = tuple(math.radians(angle) for angle in angles)
    return Centre(name, table["spin"], table.get("g", "isotropic"), orbital, (radians[0], radians[1], radians[2]))
