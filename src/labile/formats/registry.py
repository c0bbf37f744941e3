"""Which file formats exist, which one a file is in, and the reader that is loaded only when it is chosen."""

from __future__ import annotations

import importlib
import inspect
import numbers
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labile.formats import (
    absorption_signatures,
    electrometer_signatures,
    powder_signatures,
    signatures,
    spectrum_signatures,
    structure_signatures,
    vibrational_signatures,
)

if TYPE_CHECKING:
    from labile.core.measurement import Measurement
    from labile.core.structure import CellSeries, CrystalStructure, Molecule

    Content = Measurement | CrystalStructure | Molecule | CellSeries

ENTRY_POINTS = "labile.formats"
"""Entry-point group in which other packages register a `Format`."""
HEAD_BYTES = 16384
"""How much of a file a sniffer sees."""


class FormatError(ValueError):
    """A file that no reader understands, or that its reader finds damaged or incomplete."""


@dataclass(frozen=True)
class Format:
    """One file format and where its reader is.

    Attributes
    ----------
    name : str
        What ``read(path, format=...)`` and ``labile formats`` call it.
    suffixes : tuple of str
        Usual endings, lower case with the dot; they only break ties between formats whose content matches.
    sniff : callable
        ``sniff(head: bytes, name: str) -> str | None`` from the first `HEAD_BYTES` bytes and the file name: None
        when the content matches, else the reason why not. It must not import the reader.
    module : str
        Dotted name of the module that has ``read(path, **options)``, which gives a list of what `holds` names;
        imported when chosen.
    quantities : tuple of str
        What its content holds; keys of `labile.core.units.QUANTITIES`.
    reference : str
        Page that describes it, below ``docs/``, or a URL.
    generic : bool
        Whether it matches only when no specific format does (any table of numbers).
    holds : {"measurements", "structures", "molecules", "cells"}
        Whether its reader gives `Measurement`, `CrystalStructure`, `Molecule` or `CellSeries`.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes, str], str | None]
    module: str
    quantities: tuple[str, ...]
    reference: str
    generic: bool = False
    holds: str = "measurements"


BUILTIN = (
    Format(
        "quantum_design",
        (".dat",),
        signatures.quantum_design,
        "labile.formats.quantum_design",
        ("moment",),
        "formats/quantum_design.md",
    ),
    Format(
        "quantum_design_raw",
        (".dat", ".raw"),
        signatures.quantum_design_raw,
        "labile.formats.quantum_design_raw",
        ("scan_voltage",),
        "formats/quantum_design_raw.md",
    ),
    Format(
        "wissel",
        (".ws5",),
        spectrum_signatures.wissel,
        "labile.formats.wissel",
        ("counts",),
        "formats/mossbauer.md",
    ),
    Format(
        "channel_counts",
        (".adt", ".mos", ".mca", ".dat", ".txt"),
        spectrum_signatures.channel_counts,
        "labile.formats.channel_counts",
        ("counts",),
        "formats/mossbauer.md",
    ),
    Format(
        "velocity_counts",
        (".exp", ".moss", ".csv", ".txt", ".dat"),
        spectrum_signatures.velocity_counts,
        "labile.formats.velocity_counts",
        ("counts",),
        "formats/mossbauer.md",
    ),
    Format(
        "keithley",
        (".csv", ".txt", ".log", ".lvm", ".dat"),
        electrometer_signatures.keithley,
        "labile.formats.keithley",
        ("current", "charge"),
        "formats/keithley.md",
    ),
    Format(
        "cif",
        (".cif", ".mcif", ".mmcif"),
        structure_signatures.cif,
        "labile.formats.cif",
        ("cell_length", "cell_angle", "cell_volume"),
        "formats/structures.md",
        holds="structures",
    ),
    Format(
        "xyz",
        (".xyz",),
        structure_signatures.xyz,
        "labile.formats.xyz",
        ("bond_length",),
        "formats/structures.md",
        holds="molecules",
    ),
    Format(
        "xdi",
        (".xdi", ".dat", ".001"),
        absorption_signatures.xdi,
        "labile.formats.xdi",
        ("absorption", "normalized_absorption", "intensity"),
        "formats/xray_absorption.md",
    ),
    Format(
        "athena",
        (".prj",),
        absorption_signatures.athena,
        "labile.formats.athena",
        ("absorption", "normalized_absorption", "intensity"),
        "formats/xray_absorption.md",
    ),
    Format(
        "beamline_columns",
        (".dat", ".txt", ".xmu", ".001"),
        absorption_signatures.beamline_columns,
        "labile.formats.beamline_columns",
        ("absorption", "normalized_absorption", "intensity"),
        "formats/xray_absorption.md",
    ),
    Format(
        "lattice_parameters",
        (".tsv", ".csv", ".txt", ".dat"),
        structure_signatures.lattice_parameters,
        "labile.formats.lattice_parameters",
        ("cell_length", "cell_angle", "cell_volume"),
        "formats/structures.md",
        holds="cells",
    ),
    Format(
        "gsas2_sequence",
        (".csv",),
        structure_signatures.gsas2_sequence,
        "labile.formats.gsas2_sequence",
        ("cell_length", "cell_angle", "cell_volume"),
        "formats/structures.md",
        holds="cells",
    ),
    Format(
        "jcamp_dx",
        (".jdx", ".dx", ".jcm"),
        vibrational_signatures.jcamp_dx,
        "labile.formats.jcamp_dx",
        ("absorbance", "transmittance", "reflectance", "intensity"),
        "formats/vibrational.md",
    ),
    Format(
        "opus",
        (".0", ".1", ".2", ".0000", ".001"),
        vibrational_signatures.opus,
        "labile.formats.opus",
        ("absorbance", "transmittance", "reflectance", "intensity"),
        "formats/vibrational.md",
    ),
    Format(
        "galactic_spc",
        (".spc",),
        vibrational_signatures.galactic_spc,
        "labile.formats.galactic_spc",
        ("absorbance", "transmittance", "reflectance", "intensity"),
        "formats/vibrational.md",
    ),
    Format(
        "powder_pattern",
        powder_signatures.SUFFIXES,
        powder_signatures.powder_pattern,
        "labile.formats.powder_pattern",
        ("intensity", "counts"),
        "formats/powder_pattern.md",
    ),
    Format(
        "spectral_text",
        (".txt", ".csv", ".dat", ".dpt", ".asc"),
        vibrational_signatures.spectral_text,
        "labile.formats.spectral_text",
        ("absorbance", "transmittance", "reflectance", "intensity"),
        "formats/vibrational.md",
    ),
    Format(
        "tables",
        (".csv", ".tsv", ".txt", ".dat", ".xlsx"),
        signatures.tables,
        "labile.formats.tables",
        (
            "chi_m",
            "chi_t",
            "mu_eff",
            "moment",
            "magnetization",
            "current",
            "charge",
            "polarization",
            "polarization_change",
            "pyroelectric_coefficient",
            "high_spin_fraction",
        ),
        "formats/tables.md",
        generic=True,
    ),
)


@cache
def _plugins() -> tuple[tuple[Format, ...], tuple[tuple[str, str], ...]]:
    """Formats of other packages, and (name, reason) of those that could not be loaded."""
    from importlib.metadata import entry_points

    found: list[Format] = []
    broken: list[tuple[str, str]] = []
    taken = {one.name for one in BUILTIN}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
        except Exception as error:
            # whatever a plugin's import raises must not take the other formats with it
            broken.append((entry.name, f"{type(error).__name__}: {error}"))
            continue
        if not isinstance(loaded, Format):
            broken.append((entry.name, f"{entry.value} is a {type(loaded).__name__}, expected a Format"))
        elif loaded.name in taken:
            broken.append((entry.name, f"the name {loaded.name!r} is already taken"))
        else:
            taken.add(loaded.name)
            found.append(loaded)
    for name, reason in broken:
        warnings.warn(f"format plugin {name!r} cannot be used: {reason}", RuntimeWarning, stacklevel=3)
    return tuple(found), tuple(broken)


def formats() -> tuple[Format, ...]:
    """All formats that can be read: those of labile, then those other packages register.

    Returns
    -------
    tuple of Format
        A plugin that cannot be loaded is left out with a `RuntimeWarning` that names it and the reason.

    Examples
    --------
    >>> [one.name for one in formats()][:2]
    ['quantum_design', 'quantum_design_raw']
    """
    return BUILTIN + _plugins()[0]


def identify(path: Path | str) -> Format:
    """Find the format of a file from its content.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Format
        The one specific format whose content matches; a generic one when no specific format does. Plugins are
        loaded only when no specific format of labile matches. The suffix decides only between several matches.

    Raises
    ------
    FormatError
        If the file is missing, a folder, empty or unreadable; if no format matches (the message lists each
        one and why it did not); if several match and the suffix does not decide.
    """
    path = Path(path)
    head = _head(path)
    reasons: dict[str, str] = {}
    specific = _matching([one for one in BUILTIN if not one.generic], head, path.name, reasons)
    if not specific:
        plugins = _plugins()[0]
        specific = _matching([one for one in plugins if not one.generic], head, path.name, reasons)
        if not specific:
            specific = _matching([one for one in BUILTIN + plugins if one.generic], head, path.name, reasons)
    if not specific:
        reasons.update({name: f"the plugin cannot be loaded ({reason})" for name, reason in _plugins()[1]})
        tried = "".join(f"\n  {name}: {reason}" for name, reason in reasons.items())
        raise FormatError(f"{path.name}: no format matches this file. Tried:{tried}")
    if len(specific) > 1:
        suffix = path.suffix.lower()
        by_suffix = [one for one in specific if suffix in one.suffixes]
        if len(by_suffix) != 1:
            names = ", ".join(one.name for one in by_suffix or specific)
            raise FormatError(f"{path.name}: the content matches several formats ({names}); choose with format=")
        specific = by_suffix
    return specific[0]


def read(path: Path | str, *, format: str | None = None, **options: Any) -> list[Content]:
    """Read a file with the reader of its format.

    Parameters
    ----------
    path : path-like
    format : str, optional
        Name of a format; by default the content decides.
    **options
        Passed to the reader; each format's page lists them.

    Returns
    -------
    list of Measurement, CrystalStructure, Molecule or CellSeries
        As `Format.holds` of the format says.

    Raises
    ------
    FormatError
        If the file cannot be read as that format, or the reader has no such option or not of that type. Other
        `ValueError` subclasses (`UnitError`, `MeasurementError`) name the file too.
    """
    path = Path(path)
    if format is None:
        chosen = identify(path)
    else:
        _head(path)
        chosen = _by_name(format, path.name)
    module = importlib.import_module(chosen.module)
    signature = inspect.signature(module.read)
    try:
        signature.bind(path, **options)
    except TypeError as error:
        known = list(signature.parameters)[1:]
        raise FormatError(f"{path.name}: format {chosen.name!r}: {error}; its options are {', '.join(known)}") from None
    for name, value in options.items():
        if name in signature.parameters:
            _check_type(path.name, name, value, str(signature.parameters[name].annotation))
    content: list[Content] = module.read(path, **options)
    return content


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("true or false", lambda value: type(value).__name__ in ("bool", "bool_")),
    "int": ("a whole number", lambda value: isinstance(value, numbers.Integral) and not isinstance(value, bool)),
    "float": ("a number", lambda value: isinstance(value, numbers.Real) and not isinstance(value, bool)),
    "str": ("text", lambda value: isinstance(value, (str, os.PathLike))),
    "Sequence": ("a list", lambda value: isinstance(value, (list, tuple))),
    "Mapping": ("a table of NAME = VALUE", lambda value: isinstance(value, Mapping)),
    "dict": ("a table of NAME = VALUE", lambda value: isinstance(value, dict)),
    "None": ("", lambda value: value is None),
}
"""Types in the signatures of readers: how a message calls them, and whether a value is of one."""


def _check_type(file: str, option: str, value: Any, annotation: str) -> None:
    """Refuse an option whose value has no type that the reader's signature names."""
    # what stands in brackets is left to the reader
    kinds = [one.strip() for one in re.sub(r"\[[^\]]*\]", "", annotation).split("|")]
    if any(kind not in _KINDS or _KINDS[kind][1](value) for kind in kinds):
        return
    expected = " or ".join(dict.fromkeys(_KINDS[kind][0] for kind in kinds if kind != "None"))
    hint = ""
    if kinds[0] in ("Mapping", "dict"):
        hint = f"; on the command line {option}.NAME=VALUE"
    elif "str" in kinds and isinstance(value, (bool, int, float)):
        hint = f'; put it in quotes: {option}="{value}"'
    raise FormatError(f"{file}: option {option}={value!r}: expected {expected}{hint}")


def _by_name(name: str, file_name: str) -> Format:
    for one in BUILTIN:
        if one.name == name:
            return one
    plugins, broken = _plugins()
    for one in plugins:
        if one.name == name:
            return one
    if name in dict(broken):
        raise FormatError(f"{file_name}: format {name!r} is a plugin that cannot be loaded: {dict(broken)[name]}")
    known = ", ".join(one.name for one in formats())
    raise FormatError(f"{file_name}: there is no format {name!r}; known: {known}")


def _matching(candidates: list[Format], head: bytes, name: str, reasons: dict[str, str]) -> list[Format]:
    matching = []
    for one in candidates:
        try:
            reason = one.sniff(head, name)
        except Exception as error:
            # a sniffer of another package may fail in any way; that is a reason like others
            reason = f"its sniffer failed ({type(error).__name__}: {error})"
        if reason is None:
            matching.append(one)
        else:
            reasons[one.name] = reason
    return matching


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise FormatError(f"{path.name}: this is a folder; name a file in it")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: cannot be opened ({error})") from None
    if not head.strip():
        raise FormatError(f"{path.name}: the file is empty")
    return head
