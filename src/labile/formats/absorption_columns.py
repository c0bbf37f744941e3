"""What the columns of a beamline table are: energy, monitor, detectors, stored spectra, by title or as told.

Titles are taken at their word only where the word has one meaning in the field; anything else is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labile.formats.absorption_scans import known_unit
from labile.formats.registry import FormatError

ROLES = (
    "energy", "i0", "itrans", "ifluor", "irefer", "icr", "ocr", "dtfactor", "mutrans", "mufluor", "murefer", "mu",
    "normtrans", "normfluor", "normrefer", "norm",
)  # fmt: skip
"""What a column can be; ``ifluor``, ``icr``, ``ocr`` and ``dtfactor`` may be several."""
_MANY = ("ifluor", "icr", "ocr", "dtfactor")
_ENERGIES = (
    "energy_readback", "achieved energy", "energy", "e", "ener", "mono energy", "mono energy (alt)", "monoenergy",
    "requested energy",
)  # fmt: skip
"""Best first: where a file has the energy that was reached and the one that was asked for, the former counts."""
_NAMES = {
    "i0": ("i0", "io", "i_0"),
    "itrans": ("itrans", "it", "i1", "itr"),
    "irefer": ("irefer", "iref", "ir", "i2"),
    "mutrans": ("mutrans", "xmu(trans)", "mu_trans"),
    "mufluor": ("mufluor", "mu_fluor"),
    "murefer": ("murefer", "mu_ref"),
    "mu": ("mu", "xmu", "mu(e)", "absorption"),
    "normtrans": ("normtrans",),
    "normfluor": ("normfluor",),
    "normrefer": ("normrefer",),
    "norm": ("norm", "normalized", "normalised"),
}
_BY_NAME = {name: role for role, names in _NAMES.items() for name in names}
_FLUORESCENCE = ("ifluor", "if", "iff", "ifluorescence", "fluor", "fluorescence", "lytle", "pips")
_FAMILIES = (
    ("ifluor", re.compile(r"(dtc)(\d+)")),  # corrected for dead time by the beamline
    ("ifluor", re.compile(r"(ff|roi|sca|fla|ge|if|ifl|ifluor|fluo)_?(\d+)")),
    ("ifluor", re.compile(r"(sca\d+)[._](\d+)")),
    ("ifluor", re.compile(r"sca[._](\d+)")),
    ("ifluor", re.compile(r"(ifch)(\d+)")),
    ("ifluor", re.compile(r"([a-z]{1,2}_[klm][abg]\d?_mca)(\d+)")),
    ("icr", re.compile(r"(icr)[._]?(\d+)")),
    ("ocr", re.compile(r"(ocr)[._]?(\d+)")),
    ("dtfactor", re.compile(r"(dtfactor_mca)(\d+)")),
)


@dataclass(frozen=True)
class Column:
    """Title of a column and what the header says about it."""

    name: str
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a beamline file, not yet understood.

    Attributes
    ----------
    path : Path
    reader : str
        Name of the format.
    columns : tuple of Column
    rows : ndarray (N, C)
    lines : ndarray (N,) of int
        Line of the file each row is on.
    roles : mapping
        What the format itself says of columns beyond their names: title to role.
    header : mapping
        Text for the attributes.
    d_spacing : float or None
        m.
    temperature : str
        As the header writes it.
    steps : tuple of str
    """

    path: Path
    reader: str
    columns: tuple[Column, ...]
    rows: np.ndarray
    lines: np.ndarray
    roles: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, float | str] = field(default_factory=dict)
    d_spacing: float | None = None
    temperature: str = ""
    steps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """File name."""
        return self.path.name


@dataclass(frozen=True)
class Roles:
    """Which column has which role, counted from 0; `unclear` says why others have none."""

    energy: int
    found: Mapping[str, tuple[int, ...]]
    unclear: Mapping[str, str]
    steps: tuple[str, ...]


def _normal(title: str) -> str:
    name = re.sub(r"\s*\*+\s*$", "", " ".join(title.split()).strip('"')).lower()
    name = re.sub(r"\s*[(\[](?:e?k?ev|counts?|a|v|na)[)\]]$", "", name)
    return re.sub(r"^(i0|it|iref|if)-\d+$", r"\1", name).strip()


def unit_in_title(title: str) -> str:
    """Unit in the brackets of a title.

    Examples
    --------
    >>> unit_in_title("Energy (keV)"), unit_in_title("Mono Energy (alt) *"), unit_in_title("I0")
    ('keV', '', '')
    """
    found = re.search(r"[(\[]([^()\[\]]+)[)\]]\s*$", title.strip())
    return found[1] if found and known_unit(found[1]) else ""


def roles(table: Table, columns: Mapping[str, Any] | None) -> Roles:
    """Find the role of each column.

    Parameters
    ----------
    table : Table
    columns : mapping or None
        What the user says: role to column number (from 1), title, or list of them. Signals that it names replace all
        signals the header names.

    Raises
    ------
    FormatError
        If no column is known to be the energy, or `columns` names what is not there.
    """
    named, unclear = _named(table)
    if columns is not None:
        asked = _asked(table, columns)
        if any(role != "energy" and role != "i0" for role in asked):
            # who names signals names all of them; only energy and i0 may still come from the header
            named = {role: where for role, where in named.items() if role in ("energy", "i0")}
            unclear = {role: text for role, text in unclear.items() if role in ("energy", "i0")}
        named = {**named, **asked}
        unclear = {role: text for role, text in unclear.items() if role not in asked}
    if "energy" not in named:
        raise FormatError(question(table, "no column is known to be the energy", list(unclear.values())))
    listed = "; ".join(
        f"{role} {', '.join(str(index + 1) for index in indices)}" for role, indices in named.items()
    )  # fmt: skip
    step = f"columns {'as given' if columns is not None else 'by their names'}: {listed}"
    return Roles(named["energy"][0], {k: v for k, v in named.items() if k != "energy"}, unclear, (step,))


def _asked(table: Table, columns: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    asked = {}
    for role, wanted in columns.items():
        if role not in ROLES:
            raise FormatError(f"{table.name}: columns={{{role!r}: ...}} is unknown; roles are {', '.join(ROLES)}")
        several = wanted if isinstance(wanted, (list, tuple)) else [wanted]
        if not several or (len(several) > 1 and role not in _MANY):
            raise FormatError(f"{table.name}: columns: {role} is one column, found {wanted!r}")
        asked[role] = tuple(column_index(table, one, role) for one in several)
        if len(set(asked[role])) < len(several):
            raise FormatError(f"{table.name}: columns: {role} names a column twice: {wanted!r}")
    taken = [index for indices in asked.values() for index in indices]
    if len(set(taken)) < len(taken):
        raise FormatError(f"{table.name}: columns= gives one column two meanings: {dict(columns)!r}")
    return asked


def column_index(table: Table, wanted: Any, role: str) -> int:
    """Column (from 0) with a number (from 1) or a title."""
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        if 1 <= wanted <= len(table.columns):
            return wanted - 1
    elif isinstance(wanted, str):
        found = [i for i, one in enumerate(table.columns) if one.name.strip().lower() == wanted.strip().lower()]
        if len(found) == 1:
            return found[0]
    raise FormatError(question(table, f"{role}: there is no single column {wanted!r} (they count from 1)", []))


def _named(table: Table) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Roles by the titles of the columns; where two columns could have one role, why it is not clear."""
    names = [_normal(column.name) for column in table.columns]
    element = str(table.header.get("element", ""))
    candidates: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        role = table.roles.get(name) or _BY_NAME.get(name, "")
        if role:
            candidates.setdefault(role, []).append(index)
    if "energy" not in candidates:
        best = next((name for name in _ENERGIES if name in names), None)
        if best is not None:
            candidates["energy"] = [index for index, name in enumerate(names) if name == best]
    families = _add_families(names, candidates)
    if "ifluor" not in candidates:
        single = [index for index, name in enumerate(names) if name in _FLUORESCENCE]
        if single:
            candidates["ifluor"] = single
    if any(names[index].startswith("dtc") for index in candidates.get("ifluor", [])):
        # the beamline has corrected them: count rates in the file must not correct them again
        for role in ("icr", "ocr", "dtfactor"):
            candidates.pop(role, None)
    found: dict[str, tuple[int, ...]] = {}
    unclear: dict[str, str] = {}
    for role, indices in candidates.items():
        own = [family for family in families if set(family) <= set(indices)]
        if len(own) > 1 and element:
            # channels of several lines: those of the element the header names
            lines = [family for family in own if names[family[0]].startswith(f"{element.lower()}_")]
            own, indices = (lines, lines[0]) if len(lines) == 1 else (own, indices)
        distinct = len({_number(names[index]) for index in indices}) == len(indices)
        one_family = role in _MANY and distinct and any(set(indices) == set(family) for family in own)
        if len(indices) > 1 and not one_family:
            shown = [family[0] for family in own] if len(own) > 1 else indices[:4]
            titles = " and ".join(f"column {i + 1} {table.columns[i].name!r}" for i in shown)
            unclear[role] = f"{titles} could be {role}: say which with columns="
        else:
            found[role] = tuple(indices)
    for role in ("icr", "ocr", "dtfactor"):
        if role in found and "ifluor" in found and (len(found["ifluor"]) > 1 or len(found[role]) > 1):
            _match_numbers(names, role, found, unclear)
    return found, unclear


def _number(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return int(digits[0]) if digits else -1


def _match_numbers(names: Sequence[str], role: str, found: dict[str, tuple[int, ...]], unclear: dict[str, str]) -> None:
    """Give each fluorescence channel the count rate of its own number."""
    own = {_number(names[index]): index for index in found.pop(role)}
    channels = [_number(names[index]) for index in found["ifluor"]]
    if set(channels) <= set(own):
        found[role] = tuple(own[number] for number in channels)
    else:
        missing = ", ".join(str(number) for number in channels if number not in own)
        unclear[role] = f"no {role} belongs to the channels {missing}: not corrected for dead time"


def _add_families(names: Sequence[str], candidates: dict[str, list[int]]) -> list[list[int]]:
    """Channels of one detector, which are numbered: ICR1, ICR2 ..., the first family that is found of each role."""
    families: dict[tuple[str, str], list[tuple[int, int]]] = {}
    rank: dict[tuple[str, str], int] = {}
    for index, name in enumerate(names):
        for place, (role, pattern) in enumerate(_FAMILIES):
            match = pattern.fullmatch(name)
            if match:
                groups = match.groups()
                key = (role, groups[0] if len(groups) > 1 else "sca")
                families.setdefault(key, []).append((int(groups[-1]), index))
                rank[key] = place
                break
    added: list[list[int]] = []
    for role in ("ifluor", "icr", "ocr", "dtfactor"):
        own = [key for key in families if key[0] == role]
        first = [key for key in own if rank[key] == 0]
        for key in first or own:
            ordered = [index for _, index in sorted(families[key])]
            candidates.setdefault(role, []).extend(ordered)
            added.append(ordered)
    return added


def question(table: Table, problem: str, reasons: Sequence[str]) -> str:
    """Sentence that lists the columns and shows how to name them."""
    listed = ", ".join(
        f"{number}: {column.name or '(no title)'}" for number, column in enumerate(table.columns[:40], 1)
    )
    more = f", ... ({len(table.columns)} in all)" if len(table.columns) > 40 else ""
    because = "".join(f"; {reason}" for reason in reasons)
    return (
        f"{table.name}: {problem}{because}. Its columns are {listed}{more}. Name them, counted from 1 or by title:"
        ' columns={"energy": 1, "i0": 2, "itrans": 3}, or "ifluor": [5, 6, 7] with optional "icr" and "ocr", or "mu": 2'
    )
