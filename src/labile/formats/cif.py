"""Crystallographic information files: every block with a cell becomes a `CrystalStructure` with s.u. and conditions."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.cell import CELL_NAMES, StructureError, cell_constraints
from labile.core.measurement import Provenance
from labile.core.structure import CrystalStructure
from labile.formats.cif_atoms import read_sites
from labile.formats.cif_conditions import read_conditions
from labile.formats.cif_items import Items
from labile.formats.cif_symmetry import Symmetry, read_symmetry
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode

if TYPE_CHECKING:
    import gemmi

_PLACE = re.compile(r"^string:(\d+)(?::(\d+)(?:\(\d+\))?)?")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\d+\.?\d*|\.\d+)?\s*)+")
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")
_CELL_KEYS = tuple(f"_cell_length_{name}" for name in "abc") + tuple(
    f"_cell_angle_{name}" for name in ("alpha", "beta", "gamma")
)
SHORTEST_AND_LONGEST = (1.0, 2000.0)
"""angstrom; edges beyond are slips of the pen or other units."""


def read(
    path: Path | str,
    *,
    block: str | None = None,
    temperature: float | str | Mapping[str, float | str] | None = None,
    pressure: float | str | Mapping[str, float | str] | None = None,
    space_group: str | None = None,
    duplicate_labels: str = "error",
    displacements: bool = True,
) -> list[CrystalStructure]:
    """Read the crystal structures of a CIF.

    Parameters
    ----------
    path : path-like
    block : str, optional
        Name of the one data block to read; by default all that hold a structure.
    temperature, pressure : float or str, or mapping of block name to one, optional
        K and Pa, or with a unit (``"1.2 kbar"``). They replace what the file says; a contradiction is recorded.
    space_group : str, optional
        Hermann-Mauguin symbol that replaces the symmetry of the file.
    duplicate_labels : {"error", "number"}
        What to do with atoms that share a label: refuse, or give the later ones a number (``C1_2``).
    displacements : bool
        False leaves the anisotropic displacements out, which geometry without libration does not need.

    Returns
    -------
    list of CrystalStructure
        One for each block with a cell, in the order of the file. What is missing or contradictory is in `flags`, what
        was decided in ``provenance.steps``.

    Raises
    ------
    FormatError
        Naming file, block and item: for text that is no CIF, a block with atoms but no cell or symmetry, numbers that
        are none, repeated labels, occupancies outside 0 to 1, or no structure at all.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.cif"
    >>> _ = file.write_text('''data_I
    ... _cell_length_a 7.123(2)
    ... _cell_length_b 7.123(2)
    ... _cell_length_c 9.456(3)
    ... _cell_angle_alpha 90
    ... _cell_angle_beta 90
    ... _cell_angle_gamma 90
    ... _space_group_name_H-M_alt 'P 4'
    ... _diffrn_ambient_temperature 100(2)
    ... ''')
    >>> read(file)[0]
    <CrystalStructure 'I': 7.1230 7.1230 9.4560 A, P 4, 0 sites>
    """
    path = Path(path)
    if duplicate_labels not in ("error", "number"):
        raise FormatError(f"{path.name}: option duplicate_labels={duplicate_labels!r} is unknown; use error or number")
    options = {
        "block": block, "temperature": temperature, "pressure": pressure, "space_group": space_group,
        "duplicate_labels": None if duplicate_labels == "error" else duplicate_labels,
        "displacements": None if displacements else "false",
    }  # fmt: skip
    given = {name: value if isinstance(value, str) else repr(value) for name, value in options.items() if value}
    data, document, steps = _parsed(path)
    provenance = Provenance(path.name, hashlib.sha256(data).hexdigest(), "cif", given, steps)
    names = _names(path, document)
    if block is not None and block not in names:
        raise FormatError(f"{path.name}: there is no block {block!r}; there are {', '.join(names)}")
    for option, value in (("temperature", temperature), ("pressure", pressure)):
        unknown = [name for name in value if name not in names] if isinstance(value, Mapping) else []
        if unknown:
            raise FormatError(f"{path.name}: option {option}: there is no block {unknown[0]!r}; there are {names}")
    found = []
    without: list[str] = []
    for name, one in zip(names, document, strict=True):
        if block in (None, name):
            items = Items(path.name, one, name)
            if not any(key in items for key in (*_CELL_KEYS[:3], "_atom_site_label", "_atom_site_fract_x")):
                without.append(name)
                continue
            made = _structure(
                path.name, items, provenance, temperature, pressure, space_group, duplicate_labels, displacements
            )
            found.append(made)
    if not found:
        listed = f" (blocks: {', '.join(without[:8])})" if without else ""
        raise FormatError(f"{path.name}: no block holds a cell (_cell_length_a, ...) or atoms{listed}")
    return found


def read_series(paths: Iterable[Path | str], **options: Any) -> list[CrystalStructure]:
    """Read the structures of several CIFs; options as for `read`.

    Examples
    --------
    >>> read_series([])
    []
    """
    return [structure for path in paths for structure in read(path, **options)]


def _parsed(path: Path) -> tuple[bytes, gemmi.cif.Document, tuple[str, ...]]:
    import gemmi

    try:
        data = path.read_bytes()
        text = decode(data)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except TextError as error:
        raise FormatError(f"{path.name}: {error}") from None
    steps: tuple[str, ...] = ()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # a stray ^Z ends files of DOS
    text = text.rstrip("\x1a")
    try:
        return data, gemmi.cif.read_string(text, check_level=0), steps
    except (RuntimeError, ValueError) as error:
        first = error
    if not text.isascii():
        # CIF is ASCII; letters of names and signs outside quotes stop the parser but carry no number
        plain = text.replace("\u2212", "-").encode("ascii", "replace").decode()
        try:
            document = gemmi.cif.read_string(plain, check_level=0)
            return data, document, ("characters outside ASCII were replaced, the file could not be read with them",)
        except (RuntimeError, ValueError) as error:
            first = error
    reason = str(first).splitlines()[0]
    place = _PLACE.match(reason)
    where = f", line {place[1]}" if place else ""
    told = reason[place.end() :].lstrip(": ") if place else reason
    hint = "; CIF 2.0 lists and tables cannot be read" if text.lstrip("\ufeff").startswith("#\\#CIF_2") else ""
    raise FormatError(f"{path.name}{where}: this is no CIF that can be read: {told}{hint}") from None


def _names(path: Path, document: gemmi.cif.Document) -> list[str]:
    """Names of the blocks; one without a name gets that of the file, repeated ones are numbered."""
    names: list[str] = []
    for one in document:
        name = one.name.strip() or path.stem
        count = 2
        unique = name
        while unique in names:
            unique = f"{name}_{count}"
            count += 1
        names.append(unique)
    return names


def _structure(
    file: str,
    items: Items,
    provenance: Provenance,
    temperature: Any,
    pressure: Any,
    space_group: str | None,
    duplicate_labels: str,
    displacements: bool,
) -> CrystalStructure:
    formula = items.text("_chemical_formula_sum")
    sites, site_flags, site_steps = read_sites(items, formula, duplicate_labels, displacements)
    symmetry = read_symmetry(items, space_group or "", bool(sites))
    cell, sigma, cell_flags, cell_steps = _cell(items, symmetry)
    units, _ = items.number("_cell_formula_units_z", "_cell_z_pdb")
    flags = [*cell_flags, *symmetry.flags]
    if not sites:
        flags.append("no fractional coordinates: only the cell can be used")
    flags += site_flags
    if not formula:
        flags.append("no formula (_chemical_formula_sum): masses and the content of the cell cannot be checked")
    if items.starting("_cell_modulation_dimension", "_space_group_ssg", "_cell_wave_vector"):
        flags.append("a modulated structure: only its average is read")
    conditions, environment, condition_flags, condition_steps = read_conditions(
        file,
        items,
        temperature.get(items.name) if isinstance(temperature, Mapping) else temperature,
        pressure.get(items.name) if isinstance(pressure, Mapping) else pressure,
    )
    try:
        made = CrystalStructure(
            label=items.name,
            cell=cell,
            sigma_cell=sigma,
            rotations=symmetry.rotations,
            translations=symmetry.translations,
            sites=sites,
            space_group=symmetry.symbol,
            conditions=conditions,
            formula=formula,
            formula_units=units if units > 0 else None,
            environment=environment,
            flags=(*flags, *condition_flags),
            provenance=provenance.then(*cell_steps, *symmetry.steps, *site_steps, *condition_steps),
        )
    except StructureError as error:
        raise FormatError(f"{file}: {error}") from None
    missing = _content(made)
    return replace(made, flags=(*made.flags, missing)) if missing else made


def _content(structure: CrystalStructure) -> str:
    """What to flag where the metal atoms in the cell are not those of the formula; empty where they are.

    Missing operations, a wrong Z or a lost atom show here. Lighter atoms are not compared: solvent is often left out.
    """
    import gemmi

    if not structure.sites or not structure.formula_units or not _FORMULA.fullmatch(structure.formula):
        return ""
    found = {one[1]: (float(one[2] or 1), 0.0) for one in _ELEMENT.finditer(structure.formula)}
    found = {element: pair for element, pair in found.items() if gemmi.Element(element).is_metal}
    count = len(structure.rotations)
    for n, element in enumerate(structure.elements):
        if element in found:
            stated, given = found[element]
            found[element] = stated, given + structure.sites[n].occupancy * count / float(structure.site_orders[n])
    for element, (stated, given) in found.items():
        wanted = stated * structure.formula_units
        if abs(given - wanted) > 0.02 * wanted + 0.01:
            return (
                f"{given:.5g} {element} in the cell by the atoms and the symmetry, {wanted:.5g} by the formula and Z ="
                f" {structure.formula_units:g}"
            )
    return ""


def _cell(items: Items, symmetry: Symmetry) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Cell in m and degrees, its s.u., flags and steps; parameters that are not stated follow from the symmetry."""
    pairs = [items.number(key) for key in _CELL_KEYS]
    values, sigma = [value for value, _ in pairs], [one for _, one in pairs]
    for k, value in enumerate(values):
        low, high = SHORTEST_AND_LONGEST if k < 3 else (0.0, 180.0)
        if not (math.isnan(value) or low < value < high):
            tag = items.tag(_CELL_KEYS[k])
            raise FormatError(f"{items.where}: {tag} must lie between {low:g} and {high:g}, found {value:g}")
    equal, fixed = cell_constraints(symmetry.rotations)
    steps: list[str] = []
    missing = [name for name, value in zip(CELL_NAMES, values, strict=True) if math.isnan(value)]
    if missing:
        values = _filled(values, equal, fixed)
        names = ", ".join(items.tag(key) for key, value in zip(_CELL_KEYS, values, strict=True) if math.isnan(value))
        if names:
            raise FormatError(
                f"{items.where}: {names} not stated and not fixed by the symmetry: distances and volumes cannot be"
                " computed without the cell"
            )
        steps.append(f"{', '.join(missing)} of the cell not stated; taken from the symmetry")
    flags: list[str] = []
    for k, name in enumerate(CELL_NAMES):
        wanted = fixed.get(k, values[equal[k]])
        # the s.u. of both, and the last digits of a rounded number
        slack = 3 * sum(s for s in (sigma[k], sigma[equal[k]]) if s > 0) + (0.02 if k > 2 else 2e-4 * wanted)
        if abs(values[k] - wanted) > slack:
            flags.append(
                f"the cell contradicts the symmetry: {name} is {values[k]:g}, the operations ask for {wanted:g}"
                f"{'' if k in fixed else f' like {CELL_NAMES[equal[k]]}'}"
            )
    free = [k for k in range(6) if k not in fixed]
    unknown = sorted({equal[k] for k in free} - {equal[k] for k in free if not math.isnan(sigma[k])})
    if unknown:
        flags.append(f"no s.u. is stated for {', '.join(CELL_NAMES[k] for k in unknown)} of the cell")
    if any(sigma[k] > 0 for k in fixed):
        steps.append(
            f"s.u. of {', '.join(CELL_NAMES[k] for k in fixed if sigma[k] > 0)}, which symmetry fixes, not used"
        )
    scale = np.array([1e-10] * 3 + [1.0] * 3)
    return np.array(values) * scale, np.array(sigma) * scale, flags, steps


def _filled(values: list[float], equal: tuple[int, ...], fixed: Mapping[int, float]) -> list[float]:
    filled = list(values)
    for k, value in enumerate(values):
        if math.isnan(value):
            stated = [values[j] for j in range(6) if equal[j] == equal[k] and not math.isnan(values[j])]
            filled[k] = fixed.get(k, stated[0] if stated else math.nan)
    return filled
