"""What the crystal is: formula, electronic states, structural phases, cell and symmetry."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


class SymmetryError(ValueError):
    """A property that the crystal's space group forbids was asked for."""


@dataclass(frozen=True)
class State:
    """One electronic state of the switching unit. Its energies are parameters, not part of it.

    Attributes
    ----------
    name : str
        Short label, also the prefix of its parameters: ``"LS"``, ``"HS"``, ``"V"``. Letters, digits, ``*``, ``_``,
        ``'``.
    spin : float or None
        Total spin quantum number.
    degeneracy : float or None
        Electronic degeneracy; 2S+1 when it is left out and the spin is given.
    charge : str
        Free text for the distribution of charge, ``"Fe(III)-dhbq(3-)"``.
    """

    name: str
    spin: float | None = None
    degeneracy: float | None = None
    charge: str = ""

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "*_'" for c in self.name):
            raise ValueError(f"state name {self.name!r}: use letters, digits, *, _ and ' only (no '-', no '.')")
        if self.spin is not None and not (
            0 <= self.spin < math.inf and abs(2 * self.spin - round(2 * self.spin)) < 1e-9
        ):
            raise ValueError(f"state {self.name}: spin {self.spin!r} is no half-integer")
        if self.degeneracy is None and self.spin is not None:
            object.__setattr__(self, "degeneracy", 2 * self.spin + 1)
        if self.degeneracy is not None and not 0 < self.degeneracy < math.inf:
            raise ValueError(f"state {self.name}: degeneracy must be > 0, found {self.degeneracy!r}")


@dataclass(frozen=True)
class Material:
    """A switchable molecular crystal.

    Attributes
    ----------
    formula : str
        Chemical formula of the unit that `per` names, for instance ``"C38H74N8O4F18P3FeCo"``.
    states : tuple of State
        The first is the reference: every delta is (state) - (reference).
    per : {"formula_unit", "site"}
        What one mole means for enthalpies, entropies, volumes and chi*T of this study.
    sites : int
        Switching sites per formula unit.
    phases : tuple of str
        Names of structural phases, empty when there is one.
    cell : tuple of float or None
        a, b, c (m), alpha, beta, gamma (degrees).
    space_group : str
        Hermann-Mauguin symbol, ``"P 21"``; empty when unknown.
    polar_axis : str
        ``"a"``, ``"b"``, ``"c"`` or empty: the axis along which polarization was measured.
    volume_per_formula_unit : float or None
        m3.

    Raises
    ------
    ValueError
        For repeated state names, an unknown `per`, a cell that cannot be one or is not in m; a formula that cannot be
        read raises when `molar_mass` is asked for.
    SymmetryError
        For a polar axis that the space group does not allow.

    Examples
    --------
    >>> crystal = Material("C30H22FeN12S2", (State("LS", 0), State("HS", 2)), per="site")
    >>> round(crystal.molar_mass * 1e3, 2)
    670.55
    """

    formula: str
    states: tuple[State, ...]
    per: str = "formula_unit"
    sites: int = 1
    phases: tuple[str, ...] = ()
    cell: tuple[float, ...] | None = None
    space_group: str = ""
    polar_axis: str = ""
    volume_per_formula_unit: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        object.__setattr__(self, "phases", tuple(self.phases))
        names = [state.name for state in self.states]
        if len(names) < 2:
            raise ValueError(f"material: at least two states are needed, found {names}")
        if len(set(names)) != len(names):
            raise ValueError(f"material: state names must differ, found {names}")
        if self.per not in ("formula_unit", "site"):
            raise ValueError(f"material: per must be 'formula_unit' or 'site', found {self.per!r}")
        if not (self.sites >= 1 and self.sites == int(self.sites)):
            raise ValueError(f"material: sites must be a whole number of at least 1, found {self.sites}")
        if len(set(self.phases)) != len(self.phases):
            raise ValueError(f"material: phase labels must differ, found {self.phases}")
        if self.polar_axis:
            require_polar(self.space_group, self.polar_axis)
        if self.cell is not None:
            object.__setattr__(self, "cell", tuple(float(number) for number in self.cell))
            _require_cell(self.cell)
        # a molecule of a cubic micrometre is a volume in another unit
        if self.volume_per_formula_unit is not None and not 0 < self.volume_per_formula_unit < 1e-18:
            raise ValueError(
                f"material: volume_per_formula_unit must be > 0 and in m3, found {self.volume_per_formula_unit!r}"
                " (1 angstrom^3 is 1e-30 m3)"
            )

    @property
    def molar_mass(self) -> float:
        """Average molar mass of `formula`, kg/mol."""
        return molar_mass(self.formula)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names in declared order; the first is the reference."""
        return tuple(state.name for state in self.states)


def _require_cell(cell: tuple[float, ...]) -> None:
    if len(cell) != 6:
        raise ValueError(f"material: cell needs a, b, c, alpha, beta, gamma, found {len(cell)} numbers")
    for name, edge in zip("abc", cell, strict=False):
        if not 0 < edge < 1e-6:
            raise ValueError(f"material: cell edge {name} must be > 0 and in m, found {edge!r} (1 angstrom is 1e-10 m)")
    cosines = [math.cos(math.radians(angle)) for angle in cell[3:]]
    volume = 1 - sum(c * c for c in cosines) + 2 * math.prod(cosines)
    if not (all(0 < angle < 180 for angle in cell[3:]) and volume > 0):
        raise ValueError(f"material: the angles {cell[3:]} (degrees) close no cell")


@cache
def molar_mass(formula: str) -> float:
    """Average molar mass of a formula, kg/mol.

    Raises
    ------
    ValueError
        If the formula cannot be read.

    Examples
    --------
    >>> round(molar_mass("C38H74N8O4F18P3FeCo") * 1e3, 3)
    1256.718
    """
    from molmass import Formula, FormulaError

    if not formula.strip():
        raise ValueError("material: the formula is empty; give one, for instance C38H74N8O4F18P3FeCo")
    if "OAc" in formula or "AcO" in formula:
        raise ValueError(f"formula {formula!r}: Ac is actinium here; write acetate as C2H3O2")
    # the dot of a solvate, in the spellings of journals
    plain = re.sub(r"\s*[·⋅∙•*]\s*", ".", formula.strip()).translate(_SUBSCRIPTS)
    try:
        mass = float(Formula(plain).mass) * 1e-3
    except (FormulaError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"formula {formula!r}: {(str(error) or type(error).__name__).splitlines()[0]}") from None
    # a lone charge has the mass of its electrons
    if not 1e-3 < mass < math.inf:
        raise ValueError(f"formula {formula!r} holds no atoms")
    return mass


@cache
def point_group_rotations(space_group: str) -> np.ndarray:
    """Rotation parts of all symmetry operations in fractional coordinates, shape (G, 3, 3).

    Raises
    ------
    SymmetryError
        For a symbol that is not known.

    Examples
    --------
    >>> point_group_rotations("P 21")[1].diagonal().tolist()
    [-1.0, 1.0, -1.0]
    """
    import gemmi

    # screw axes are written P21, P 21, P2_1 and P2(1)
    symbol = gemmi.find_spacegroup_by_name(re.sub(r"\(([1-5])\)|_([1-5])", r"\1\2", space_group))
    if symbol is None:
        raise SymmetryError(
            f"space group {space_group!r} is not known; write a Hermann-Mauguin symbol such as 'P 21' or 'P 21/c'"
        )
    operations = symbol.operations().sym_ops
    rotations = np.array([np.array(op.rot, dtype=float) / op.DEN for op in operations])
    rotations.flags.writeable = False  # shared by all callers
    return rotations


def polar_projector(space_group: str) -> np.ndarray:
    """Projector onto the directions that may carry a polarization, in fractional coordinates.

    The average of the rotation parts of all symmetry operations: a molecular dipole, summed over the
    cell, keeps only this part.

    Parameters
    ----------
    space_group : str
        Hermann-Mauguin symbol.

    Returns
    -------
    ndarray (3, 3)

    Examples
    --------
    >>> polar_projector("P 21").diagonal().tolist()
    [0.0, 1.0, 0.0]
    >>> float(abs(polar_projector("P 21/c")).max())
    0.0
    """
    return np.asarray(point_group_rotations(space_group).mean(axis=0))


def require_polar(space_group: str, axis: str = "") -> None:
    """Refuse polar quantities in space groups that forbid them.

    Parameters
    ----------
    space_group : str
        Hermann-Mauguin symbol; an empty one is accepted (nothing is known).
    axis : {"", "a", "b", "c"}
        Also require a component along this axis.

    Raises
    ------
    SymmetryError
        If no polarization is allowed, or none along `axis`.
    """
    if axis and axis not in ("a", "b", "c"):
        raise SymmetryError(f"polar axis must be 'a', 'b' or 'c', found {axis!r}")
    if not space_group:
        return
    projector = polar_projector(space_group)
    allowed = [label for label, row in zip("abc", projector, strict=True) if np.any(np.abs(row) > 1e-9)]
    if not allowed:
        raise SymmetryError(
            f"space group {space_group!r} is not polar: a spontaneous polarization and a pyroelectric coefficient are"
            " zero by symmetry. Correct the space group or leave the polar measurement out"
        )
    if axis and axis not in allowed:
        raise SymmetryError(
            f"space group {space_group!r} allows polarization along {', '.join(allowed)} only, not along {axis}"
        )
