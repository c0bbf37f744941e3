"""Atoms of a CIF block: coordinates, displacements, occupancies and disorder, with what their rows lack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress

import numpy as np

from labile.core.structure import Site
from labile.formats.cif_items import (
    MISSING,
    Items,
    NotANumber,
    element_and_charge,
    element_of_label,
    elements_of_formula,
    number,
    numbers,
    text_of,
    texts_of,
)
from labile.formats.registry import FormatError

_COORDINATES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_TENSOR = ("11", "22", "33", "23", "13", "12")
B_TO_U = 1.0 / (8.0 * math.pi**2)
_SQUARE_ANGSTROM = 1e-20


def read_sites(
    items: Items, formula: str, duplicate_labels: str, displacements: bool = True
) -> tuple[tuple[Site, ...], list[str], list[str]]:
    """Atoms with fractional coordinates, flags and steps; no atoms when the block has no coordinates.

    Parameters
    ----------
    items : Items
    formula : str
        Decides between elements where labels leave it open.
    duplicate_labels : {"error", "number"}
    displacements : bool
        Whether anisotropic displacements are read.

    Raises
    ------
    FormatError
        For coordinates that are no numbers, columns of different lengths, atoms without a recognisable element,
        repeated labels.
    """
    flags: list[str] = []
    steps: list[str] = []
    raw = [items.column(key) for key in _COORDINATES]
    if any(column is None for column in raw):
        if "_atom_site_cartn_x" in items:
            flags.append("only Cartesian coordinates (_atom_site_Cartn_x) are given; they are not read")
        elif "_atom_site_label" in items or "_atom_site_type_symbol" in items:
            absent = [items.tag(key) for key, column in zip(_COORDINATES, raw, strict=True) if column is None]
            flags.append(f"atoms are listed without {', '.join(absent)}")
        return (), flags, steps
    rows = len(raw[0] or ())
    labels = texts_of(items.column("_atom_site_label") or ())
    if not labels:
        labels = [""] * rows
        steps.append("atoms have no labels; they are named by element and number")
    columns = [*(column or [] for column in raw), labels]
    if any(len(column) != rows for column in columns):
        raise FormatError(f"{items.where}: labels and coordinates of the atoms stand in different loops")

    fract, sigma = _coordinates(items, labels)
    keep = np.isfinite(fract).all(axis=1)
    calculated = _texts(items, "_atom_site_calc_flag", rows)
    dummy = np.array([one.lower() == "dum" for one in calculated], dtype=bool)
    if dummy.any():
        steps.append(f"dummy atoms left out: {_listed(labels, dummy)}")
    if np.any(~keep & ~dummy):
        flags.append(f"atoms without coordinates are left out: {_listed(labels, ~keep & ~dummy)}")
    keep &= ~dummy
    elements, charges = _elements(items, labels, formula, keep, steps)
    labels = _unique(items, labels, elements, keep, duplicate_labels, steps)

    occupancy, sigma_occupancy = _column(items, "_atom_site_occupancy", rows, labels, flags)
    unstated = keep & np.isnan(occupancy)
    if "_atom_site_occupancy" in items and unstated.any():
        steps.append(f"occupancy not stated, 1 assumed: {_listed(labels, unstated)}")
    occupancy = np.where(np.isnan(occupancy), 1.0, occupancy)
    u_iso, sigma_u_iso = _isotropic(items, rows, labels, flags)
    tensors = _tensors(items, labels, flags) if displacements else {}
    assemblies = _texts(items, "_atom_site_disorder_assembly", rows)
    groups = _texts(items, "_atom_site_disorder_group", rows)
    riding = [one.lower() in ("c", "calc") for one in calculated]
    multiplicity = _multiplicities(items, rows)
    coordinates, uncertainties = map(tuple, fract.tolist()), map(tuple, sigma.tolist())
    occupancies, their_sigma = occupancy.tolist(), sigma_occupancy.tolist()
    u, u_sigma = u_iso.tolist(), sigma_u_iso.tolist()
    none: tuple[tuple[float, ...] | None, tuple[float, ...] | None] = (None, None)
    tensor = [tensors.get(label, none) for label in labels]
    columns_of_sites = (
        labels,
        elements,
        coordinates,
        uncertainties,
        occupancies,
        their_sigma,
        assemblies,
        # SHELXL writes 0 for atoms that belong to no group
        ["" if group == "0" else group for group in groups],
        u,
        u_sigma,
        [values for values, _ in tensor],
        [their_su for _, their_su in tensor],
        charges,
        multiplicity,
        riding,
    )
    sites = tuple(compress(map(Site, *columns_of_sites), keep.tolist()))
    if sites and np.isnan(sigma[keep]).all():
        flags.append("no s.u. is stated for any coordinate")
    return sites, flags, steps


def _listed(labels: Sequence[str], chosen: np.ndarray) -> str:
    names = [labels[n] or f"row {n + 1}" for n in np.flatnonzero(chosen).tolist()]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _texts(items: Items, key: str, rows: int) -> list[str]:
    column = items.column(key)
    if column is None:
        return [""] * rows
    if len(column) != rows:
        raise FormatError(f"{items.where}: {items.tag(key)} has {len(column)} rows, the atoms have {rows}")
    # most columns of text hold few different values
    known = {raw: text_of(raw) for raw in set(column)}
    return [known[raw] for raw in column]


def _coordinates(items: Items, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    columns = [items.column(key) or [] for key in _COORDINATES]
    try:
        values, sigmas = _together(columns)
    except NotANumber as error:
        key, bad = next(
            (key, n)
            for key, column in zip(_COORDINATES, columns, strict=True)
            for n, raw in enumerate(column)
            if not _is_number(raw)
        )
        raise FormatError(
            f"{items.where}: {items.tag(key)} of atom {labels[bad] or bad + 1}: {error}; is the loop misaligned?"
        ) from None
    stated = [_su_column(items, key, sigma) for key, sigma in zip(_COORDINATES, sigmas, strict=True)]
    return values.T, np.array(stated).T


def _together(columns: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and s.u. of columns of one length, shape (number of columns, rows); one call costs less than several."""
    values, sigma = numbers([raw for column in columns for raw in column])
    return values.reshape(len(columns), -1), sigma.reshape(len(columns), -1)


def _is_number(raw: str) -> bool:
    try:
        number(raw)
    except NotANumber:
        return False
    return True


def _su_column(items: Items, key: str, sigma: np.ndarray) -> np.ndarray:
    """S.u. of a column from the item of its own that dotted names have, where it is not in brackets."""
    beside = items.first_column(f"{key}_su", f"{key}_esd")
    if beside is None or len(beside) != len(sigma):
        return sigma
    try:
        own, _ = numbers(beside)
    except NotANumber as error:
        raise FormatError(f"{items.where}: {items.tag(key)}_su: {error}") from None
    return np.where(np.isnan(sigma) & ~(own < 0), own, sigma)


def _column(
    items: Items, key: str, rows: int, labels: Sequence[str], flags: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """A column that is not needed for distances: what is no number is flagged and left out."""
    column = items.column(key)
    if column is None:
        return np.full(rows, math.nan), np.full(rows, math.nan)
    if len(column) != rows:
        told = f"{items.tag(key)} has {len(column)} rows, the atoms have {rows}"
        if key == "_atom_site_occupancy":
            raise FormatError(f"{items.where}: {told}")
        flags.append(f"{told}: not used")
        return np.full(rows, math.nan), np.full(rows, math.nan)
    try:
        values, sigma = numbers(column)
    except NotANumber:
        if key == "_atom_site_occupancy":
            bad = next(n for n, raw in enumerate(column) if not _is_number(raw))
            raise FormatError(
                f"{items.where}: {items.tag(key)} of atom {labels[bad]}: {column[bad]!r} is not a number"
            ) from None
        pairs = np.array([number(raw) if _is_number(raw) else (math.nan, math.nan) for raw in column])
        wrong = np.array([raw not in MISSING and not _is_number(raw) for raw in column])
        flags.append(f"{items.tag(key)} is no number and not used: {_listed(labels, wrong)}")
        values, sigma = pairs.T
    return values, _su_column(items, key, sigma)


def _isotropic(items: Items, rows: int, labels: Sequence[str], flags: list[str]) -> tuple[np.ndarray, np.ndarray]:
    values, sigma = _column(items, "_atom_site_u_iso_or_equiv", rows, labels, flags)
    b, sigma_b = _column(items, "_atom_site_b_iso_or_equiv", rows, labels, flags)
    values, sigma = np.where(np.isnan(values), b * B_TO_U, values), np.where(np.isnan(values), sigma_b * B_TO_U, sigma)
    return values * _SQUARE_ANGSTROM, sigma * _SQUARE_ANGSTROM


def _tensors(
    items: Items, labels: Sequence[str], flags: list[str]
) -> dict[str, tuple[tuple[float, ...] | None, tuple[float, ...] | None]]:
    """U11 U22 U33 U23 U13 U12 and their s.u. by label, m2; B_ij are divided by 8 pi^2."""
    owners = texts_of(items.column("_atom_site_aniso_label") or ())
    for letter, factor in (("u", _SQUARE_ANGSTROM), ("b", B_TO_U * _SQUARE_ANGSTROM)):
        keys = [f"_atom_site_aniso_{letter}_{place}" for place in _TENSOR]
        if not all(key in items for key in keys):
            continue
        if not owners or len(set(owners)) < len(owners):
            flags.append("anisotropic displacements without unique labels are not used")
            return {}
        columns = [items.column(key) or [] for key in keys]
        try:
            if any(len(column) != len(owners) for column in columns):
                raise NotANumber("columns of different lengths")
            values, sigma = _together(columns)
            sigma = np.array([_su_column(items, key, one) for key, one in zip(keys, sigma, strict=True)])
        except NotANumber:
            pairs = [_column(items, key, len(owners), owners, flags) for key in keys]
            values, sigma = np.array([value for value, _ in pairs]), np.array([one for _, one in pairs])
        values, sigma = values.T * factor, sigma.T * factor
        known = set(labels)
        strangers = np.array([one not in known for one in owners])
        if strangers.any():
            flags.append(f"anisotropic displacements of atoms that are not listed: {_listed(owners, strangers)}")
        whole = np.all(np.isfinite(values), axis=1).tolist()
        rows = zip(owners, zip(map(tuple, values.tolist()), map(tuple, sigma.tolist()), strict=True), strict=True)
        return dict(compress(rows, whole))
    return {}


def _elements(
    items: Items, labels: Sequence[str], formula: str, keep: np.ndarray, steps: list[str]
) -> tuple[list[str], list[int | None]]:
    types = _texts(items, "_atom_site_type_symbol", len(labels))
    known = elements_of_formula(formula)
    elements: list[str] = []
    charges: list[int | None] = []
    from_label = np.zeros(len(labels), dtype=bool)
    understood = {symbol: element_and_charge(symbol) for symbol in set(types)}
    for n, (label, symbol) in enumerate(zip(labels, types, strict=True)):
        element, charge = understood[symbol]
        if not element:
            element = element_of_label(symbol or label, known) or element_of_label(label, known)
            from_label[n] = keep[n]
        if not element and keep[n]:
            raise FormatError(
                f"{items.where}: atom {label or n + 1}: neither its type {symbol!r} nor its label names an element"
                f"{' of the formula ' + formula if formula else ''}; write _atom_site_type_symbol"
            )
        elements.append(element)
        charges.append(charge)
    strange = [element not in known and element != "D" for element in elements]
    if known and any(strange):
        steps.append(f"elements that the formula does not list: {_listed(labels, np.array(strange) & keep)}")
    if from_label.any():
        steps.append(f"elements taken from the labels: {_listed(labels, from_label)}")
    return elements, charges


def _unique(
    items: Items, labels: list[str], elements: Sequence[str], keep: np.ndarray, duplicates: str, steps: list[str]
) -> list[str]:
    taken: set[str] = set()
    count: dict[str, int] = {}
    result = []
    for label, element, kept in zip(labels, elements, keep, strict=True):
        if not label:
            count[element] = count.get(element, 0) + 1
            label = f"{element}{count[element]}"
        if label in taken and kept:
            if duplicates == "error":
                raise FormatError(
                    f"{items.where}: {items.tag('_atom_site_label')} {label!r} is given to two atoms; make labels"
                    " unique, or pass duplicate_labels='number' to number the later ones"
                )
            plain, n = label, 2
            while label in taken or label in labels:
                label, n = f"{plain}_{n}", n + 1
            steps.append(f"the label {plain!r} is given again; that atom is called {label!r}")
        if kept:
            taken.add(label)
        result.append(label)
    return result


def _multiplicities(items: Items, rows: int) -> list[int | None]:
    column = items.first_column("_atom_site_site_symmetry_multiplicity", "_atom_site_symmetry_multiplicity")
    if column is None or len(column) != rows:
        return [None] * rows
    known = {one: int(one) if one.isdigit() and int(one) > 0 else None for one in set(column)}
    return [known[one] for one in column]
