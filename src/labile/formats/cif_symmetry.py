"""Symmetry of a CIF block: the listed operations first, then the symbols, and where they contradict each other."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labile.core.material import SymmetryError
from labile.formats.cif_items import Items, text_of
from labile.formats.registry import FormatError

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
SYMBOLS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
    "_space_group_name_h-m_ref",
)
NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_SUBSCRIPT = re.compile(r"\(([1-6])\)|_([1-6])|~([1-6])~")


class UnknownSymmetryError(FormatError, SymmetryError):
    """A block whose space group is not known or not stated."""


@dataclass(frozen=True, eq=False)
class Symmetry:
    """Operations of a space group in the order the file lists them, the identity first.

    Attributes
    ----------
    rotations : ndarray (G, 3, 3) of int
    translations : ndarray (G, 3)
        As the file writes them, not moved into the cell.
    symbol : str
        Hermann-Mauguin symbol, extended where the setting needs it; empty when the operations belong to no tabulated
        setting and nothing is stated.
    flags, steps : tuple of str
        Contradictions, and what was decided.
    """

    rotations: np.ndarray
    translations: np.ndarray
    symbol: str
    flags: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


def read_symmetry(items: Items, space_group: str, needed: bool) -> Symmetry:
    """Symmetry of a block.

    Parameters
    ----------
    items : Items
    space_group : str
        Symbol given by the user, which replaces what the file says; else empty.
    needed : bool
        Whether there are atoms, whose neighbours depend on it.

    Raises
    ------
    FormatError
        For operations that are none or form no group, a symbol that is not known or leaves its origin open, and for
        atoms without any symmetry information.
    """
    key = next((key for key in OPERATIONS if key in items), "")
    listed = tuple(text for raw in items.column(key) or () if (text := text_of(raw))) if key else ()
    hall, symbol, number = items.text(*HALL), items.text(*SYMBOLS), items.text(*NUMBER)
    if space_group:
        group = _group(space_group, "")
        if group is None:
            raise UnknownSymmetryError(f"{items.where}: option space_group={space_group!r} is no symbol that is known")
        rotations, translations = _of_triplets(_triplets_of(group))
        return Symmetry(rotations, translations, group, steps=(f"space group {space_group} was given as an option",))
    if not listed:
        return _from_symbols(items, hall, symbol, number, needed)
    try:
        rotations, translations, triplets, steps = _operations(listed)
    except ValueError as error:
        raise FormatError(f"{items.where}: {items.tag(key)}: {error}") from None
    own = _name_of(triplets)
    stated = _group(symbol, hall)
    if stated is None:
        flags: tuple[str, ...] = ()
        if symbol or hall:
            flags = (f"the space group symbol {symbol or hall!r} is not known; the listed operations are used",)
        return Symmetry(rotations, translations, own or symbol, flags, steps)
    if _same(triplets, _triplets_of(stated)):
        return Symmetry(rotations, translations, stated, (), steps)
    # another origin or setting of the same group carries the same short symbol
    if own and _short(own) == _short(stated):
        note = () if hall else (f"the operations are those of {own}",)
        return Symmetry(rotations, translations, own, (), (*steps, *note))
    count = len(_triplets_of(stated))
    flag = (
        f"the listed operations ({len(triplets)}, {own or 'no tabulated setting'}) are not those of the stated space"
        f" group {stated} ({count}); the operations are used"
    )
    return Symmetry(rotations, translations, own, (flag,), steps)


def _from_symbols(items: Items, hall: str, symbol: str, number: str, needed: bool) -> Symmetry:
    import gemmi

    flags: tuple[str, ...] = ()
    steps: tuple[str, ...] = ("no symmetry operations are listed; they follow from the space group symbol",)
    group = _group(symbol, hall)
    if group is None and (symbol or hall):
        raise UnknownSymmetryError(
            f"{items.where}: space group {symbol or hall!r} is not known and no operations are listed; write it as in"
            " 'P 21/c', or give space_group="
        )
    if group is None and number.isdigit() and 1 <= int(number) <= 230:
        group = gemmi.get_spacegroup_reference_setting(int(number)).xhm()
        flags = (f"only the number {number} of the space group is stated; its reference setting {group} is assumed",)
    if group is None:
        if needed:
            raise UnknownSymmetryError(
                f"{items.where}: there are atoms but neither symmetry operations (_space_group_symop_operation_xyz) nor"
                " a space group; give space_group=, for instance 'P 1' where all atoms of the cell are listed"
            )
        return Symmetry(np.eye(3, dtype=int)[None], np.zeros((1, 3)), "", ("no space group is stated",))
    others = _origins(group)
    if group.endswith((":H", ":R")):
        # rhombohedral or hexagonal axes: the cell tells
        alpha, gamma = items.number("_cell_angle_alpha")[0], items.number("_cell_angle_gamma")[0]
        if abs(gamma - 120) < 0.5 or (math.isnan(gamma) and math.isnan(alpha)):
            group = f"{_short(group)}:H"
        elif abs(gamma - alpha) < 0.5:
            group = f"{_short(group)}:R"
    elif needed and not _group("", hall) and not flags and others and ":" not in symbol:
        raise FormatError(
            f"{items.where}: space group {symbol!r} has several origins ({', '.join(others)}) and no operations"
            f" are listed; give space_group={others[0]!r} or the one that is meant"
        )
    rotations, translations = _of_triplets(_triplets_of(group))
    return Symmetry(rotations, translations, group, flags, steps)


@lru_cache(maxsize=512)
def _operations(listed: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...]]:
    import gemmi

    steps: list[str] = []
    # by operation without translations of the lattice; kept as written, so that the file's symmetry codes hold
    found: dict[str, gemmi.Op] = {}
    for count, text in enumerate(listed, 1):
        try:
            operation = gemmi.Op(re.sub(r"\s+", "", text).lower())
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"operation {count}, {text!r}, cannot be read ({error})") from None
        whole = all(entry in (-24, 0, 24) for row in operation.rot for entry in row)
        if not whole or abs(operation.det_rot()) != 24**3:
            raise ValueError(f"operation {count}, {text!r}, is no rotation of a lattice")
        found.setdefault(gemmi.Op(operation.triplet()).wrap().triplet(), operation)
    if len(found) < len(listed):
        steps.append("a symmetry operation is listed twice; it is used once")
    if "x,y,z" not in found:
        steps.append("the identity x,y,z is not listed; it was added")
    elif next(iter(found)) != "x,y,z":
        steps.append("the identity x,y,z is not the first operation; it was put first")
    triplets = ("x,y,z", *(one for one in found if one != "x,y,z"))
    rotations, translations = _of_triplets(("x,y,z", *(found[one].triplet() for one in triplets[1:])))
    if not _closes(rotations, translations):
        raise ValueError(
            f"the {len(triplets)} operations form no group (two of them combined give one that is not listed): the list"
            " is incomplete or wrong; give space_group="
        )
    return rotations, translations, triplets, tuple(steps)


@lru_cache(maxsize=512)
def _of_triplets(triplets: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    import gemmi

    operations = [gemmi.Op(text) for text in triplets]
    rotations = np.array([op.rot for op in operations]) // gemmi.Op.DEN
    translations = np.array([op.tran for op in operations]) / gemmi.Op.DEN
    return rotations, translations


def _closes(rotations: np.ndarray, translations: np.ndarray) -> bool:
    """Whether every product of two operations is one of them, translations of the lattice apart."""

    def keys(r: np.ndarray, t: np.ndarray) -> np.ndarray:
        # entries -1, 0, 1 in base 3 and twenty-fourths of the cell edges
        code = (r.reshape(*r.shape[:-2], 9) + 1) @ 3 ** np.arange(9)
        place = np.rint(t * 24).astype(int) % 24 @ np.array([1, 24, 576])
        return np.asarray(code * 13824 + place)

    products = np.einsum("aij,bjk->abik", rotations, rotations)
    shifts = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None]
    return bool(np.all(np.abs(products) <= 1) and np.isin(keys(products, shifts), keys(rotations, translations)).all())


@lru_cache(maxsize=512)
def _name_of(triplets: tuple[str, ...]) -> str:
    """Extended Hermann-Mauguin symbol of a tabulated setting with exactly these operations; empty for others."""
    import gemmi

    try:
        found = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(text) for text in triplets]))
    except RuntimeError:
        return ""
    return "" if found is None else str(found.xhm())


@lru_cache(maxsize=512)
def _group(symbol: str, hall: str) -> str | None:
    """Extended Hermann-Mauguin symbol of a stated group; None for one that is not known."""
    import gemmi

    if hall:
        plain = "".join(hall.split()).lower()
        for one in gemmi.spacegroup_table():
            if one.hall.replace(" ", "").lower() == plain:
                return str(one.xhm())
    if not symbol:
        return None
    plain = _SUBSCRIPT.sub(lambda found: next(one for one in found.groups() if one), symbol)
    plain = re.sub(r"\s*:\s*", ":", plain.strip())
    plain = re.sub(r"\s*\(?origin(?: choice)?\s*([12])\)?$", r":\1", plain, flags=re.IGNORECASE)
    plain = re.sub(r"(?<=[0-9/a-dmn])\s+([12HRSZ])$", r":\1", plain) if plain[-1:] in "HRSZ" else plain
    plain = re.sub(r":[SZ]$", lambda found: ":1" if found[0] == ":S" else ":2", plain)
    found = gemmi.find_spacegroup_by_name(plain) or gemmi.find_spacegroup_by_name(plain.replace(" ", ""))
    return None if found is None else str(found.xhm())


@lru_cache(maxsize=512)
def _triplets_of(name: str) -> tuple[str, ...]:
    import gemmi

    group = gemmi.find_spacegroup_by_name(name)
    return tuple(operation.wrap().triplet() for operation in group.operations())


@lru_cache(maxsize=512)
def _origins(name: str) -> tuple[str, ...]:
    """Settings that share a symbol up to its extension; empty when there is one."""
    import gemmi

    found = [one.xhm() for one in gemmi.spacegroup_table() if one.hm == _short(name)]
    return tuple(found) if len(found) > 1 else ()


def _short(name: str) -> str:
    return name.partition(":")[0]


def _same(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return len(first) == len(second) and set(first) == set(second)
