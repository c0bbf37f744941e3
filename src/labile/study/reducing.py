"""Data of a study: inline numbers and instrument files, read, reduced by their technique and cut into branches."""

from __future__ import annotations

import hashlib
import inspect
import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.joining import joined
from labile.core.measurement import Measurement, Provenance
from labile.core.units import scale_to_si
from labile.fitting.smoothing import white_noise
from labile.study.measured_conditions import (
    branches_of,
    lit,
    stated_field,
    stated_pressure,
    stated_rate,
    with_conditions,
)
from labile.study.quantities import QuantityError, read_quantity, read_temperature
from labile.techniques import Reduction, Technique, TechniqueError, load

if TYPE_CHECKING:
    from labile.formats.registry import Content
    from labile.study.manifest import Problems
    from labile.study.manifest_tables import MeasurementTable


@dataclass(frozen=True, eq=False)
class RawData:
    """What one ``[[measurement]]`` became.

    Attributes
    ----------
    measurements : tuple of Measurement
        Reduced, one a branch.
    files : tuple of (str, str)
        Name and sha256 of every file read.
    warnings : tuple of str
    """

    measurements: tuple[Measurement, ...]
    files: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def read_file(
    path: Path, format: str = "", options: Mapping[str, Any] | None = None
) -> tuple[list[Measurement], list[str]]:
    """Measurements of one file, and what its reader warned of.

    Parameters
    ----------
    path : Path
    format : str
        Name of a format; empty to let the content decide.
    options : mapping, optional
        Of the reader.

    Raises
    ------
    ValueError
        As `labile.formats.registry.read`; also when the file holds no measurement.
    """
    from labile.formats.registry import FormatError

    content, notes = read_content(path, format, options)
    found = [one for one in content if isinstance(one, Measurement)]
    if not found:
        raise FormatError(f"{path.name}: the file holds a {type(content[0]).__name__}, no measurement")
    return found, notes


def read_content(
    path: Path, format: str = "", options: Mapping[str, Any] | None = None
) -> tuple[list[Content], list[str]]:
    """Whatever a file holds (measurements, structures, molecules, cells), and what its reader warned of.

    Parameters and errors as for `read_file`.
    """
    from labile.formats.registry import FormatError, read

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read(path, format=format or None, **dict(options or {}))
    if not found:
        raise FormatError(f"{path.name}: the file holds nothing that can be used")
    return found, [str(item.message) for item in caught]


def inline_data(path: tuple[str | int, ...], spec: MeasurementTable, problems: Problems) -> RawData | None:
    """Measurement from `temperature` and `values` written in the manifest; None when something is wrong."""
    assert spec.values is not None
    count = len(problems.found)
    if spec.temperature is None or len(spec.temperature) != len(spec.values):
        found = "none" if spec.temperature is None else str(len(spec.temperature))
        problems.add(
            (*path, "values"),
            f"{len(spec.values)} values need as many temperatures, found {found}; write temperature = [...]",
        )
        return None
    if not spec.values:
        problems.add((*path, "values"), "is empty; give at least one number")
        return None
    if spec.unit is not None:
        with problems.at(*path, "unit"):
            scale_to_si(spec.unit, spec.quantity)
    else:
        with problems.at(*path):
            for text in spec.values:
                read_quantity(text, spec.quantity)
    if len(problems.found) > count:
        return None
    temperatures, values, sigmas, limits = [], [], [], []
    for i, text in enumerate(spec.temperature):
        with problems.at(*path, "temperature", i):
            temperatures.append(read_temperature(text, spec.temperature_unit))
    for i, text in enumerate(spec.values):
        with problems.at(*path, "values", i):
            read = read_quantity(text, spec.quantity, spec.unit)
            values.append(read.value)
            sigmas.append(read.sigma)
            limits.append(read.limit)
    if len(problems.found) > count:
        return None
    sigma = np.array(sigmas)
    given = spec.sigma if isinstance(spec.sigma, list) else None if spec.sigma is None else [spec.sigma] * len(values)
    if given is not None:
        if len(given) != len(values):
            problems.add((*path, "sigma"), f"{len(given)} entries for {len(values)} values; give one number or as many")
            return None
        for i, text in enumerate(given):
            where = (*path, "sigma", i) if isinstance(spec.sigma, list) else (*path, "sigma")
            with problems.at(*where):
                if math.isfinite(sigma[i]):
                    raise QuantityError(f"value {i + 1} already carries its uncertainty; remove one of the two")
                sigma[i] = _sigma(text, values[i], spec.quantity, spec.unit)
    if len(problems.found) > count:
        return None
    if np.any(np.isfinite(sigma)) and not np.all(np.isfinite(sigma)):
        missing = int(np.flatnonzero(~np.isfinite(sigma))[0])
        problems.add((*path, "values", missing), "has no uncertainty although others have; write it as 3.12(3)")
        return None
    with problems.at(*path):
        measurement = Measurement(
            spec.quantity,
            np.array(values),
            Conditions(np.array(temperatures), stated_pressure(spec), stated_field(spec)),
            sigma if np.all(np.isfinite(sigma)) else None,
            spec.unit or "",
            limits=np.array(limits) if any(limits) else None,
            branch="equilibrium" if spec.branch == "auto" else spec.branch,
            sweep_rate=stated_rate(spec),
            sample=spec.sample,
            label=spec.label,
            provenance=Provenance(spec.source or "written in the manifest"),
        )
        return RawData((measurement,))
    return None


def read_and_reduce(
    path: tuple[str | int, ...],
    spec: MeasurementTable,
    technique: Technique,
    folder: Path,
    formula: str,
    problems: Problems,
) -> RawData | None:
    """Measurements from the files of one ``[[measurement]]``; None when something is wrong."""
    names = [spec.file] if spec.file is not None else list(spec.files or [])
    raw: list[Any] = []
    files: list[tuple[str, str]] = []
    notes: list[str] = []
    before = len(problems.found)
    for i, name in enumerate(names):
        where = (*path, "file") if spec.file is not None else (*path, "files", i)
        with problems.at(*where):
            parts, heard = read_content(folder / name, spec.format, spec.reader)
            notes += heard
            files.append((name, parts[0].provenance.sha256))
            files += _further_files((spec.reader,), (folder / name).parent)
            raw += [replace(part, sample=spec.sample) if isinstance(part, Measurement) else part for part in parts]
    with problems.at(*path, "temperature"):
        raw = _at_temperatures(raw, spec)
    if len(problems.found) > before:
        return None
    count = len(problems.found)
    options: dict[str, Any] = {}
    reduction: Reduction | None = None
    usable = [m for m in raw if kind_of(m) == spec.quantity]
    refined = any(r.takes == spec.quantity and spec.quantity in r.gives for r in technique.reductions)
    if usable and not (refined and spec.reduction):
        if spec.reduction:
            problems.add((*path, "reduction"), f"the file already holds {spec.quantity}; there is nothing to reduce")
    else:
        takes = {r.takes for r in technique.reductions if spec.quantity in r.gives}
        usable = [m for m in raw if kind_of(m) in takes]
        if not usable:
            found = ", ".join(dict.fromkeys(kind_of(m) for m in raw))
            wanted = " or ".join([spec.quantity, *sorted(takes)])
            problems.add((*path, "quantity"), f"{names[0]} holds {found}; {spec.quantity} needs {wanted}")
            return None
        reduction = technique.reduction(kind_of(usable[0]), spec.quantity)
        options = reduction_options(reduction, spec.reduction, folder, (*path, "reduction"), problems)
    if len(problems.found) > count:
        return None
    usable = [with_conditions(m, spec) if isinstance(m, Measurement) else m for m in usable]
    with problems.at(*path):
        parts_ = list(usable)
        if reduction is not None:
            parts_, heard = reduce(reduction, parts_, spec.quantity, options, formula)
            notes += heard
        parts_ = _series(parts_, notes)
        cut = [piece for part in parts_ for piece in branches_of(part, spec)]
        labelled = [replace(lit(m, spec), label=_label(spec.label, m, cut), sample=spec.sample) for m in cut]
        files += _further_files((spec.reduction,), folder)
        return RawData(tuple(_with_sigma(m, spec) for m in labelled), tuple(files), tuple(notes))
    return None


def kind_of(part: Any) -> str:
    """What a reduction takes: the quantity of a measurement; ``"cells"`` or ``"structure"`` of a table or CIF."""
    from labile.core.structure import CellSeries

    if isinstance(part, Measurement):
        return part.quantity
    return "cells" if isinstance(part, CellSeries) else "structure"


def _series(parts: list[Measurement], notes: list[str]) -> list[Measurement]:
    """Results of one condition each as one series; kept apart, and said why, where they cannot be one."""
    single = all(len(part) == 1 and not part.correlated for part in parts)
    if len(parts) < 2 or not single or len({part.quantity for part in parts}) > 1:
        return parts
    if unknown := [part.label for part in parts if part.attributes.get("temperature_source") == "assumed"]:
        notes.append(f"kept apart: no file states the temperature of {unknown[0]}; write temperature = [...]")
        return parts
    try:
        return [joined(parts)]
    except ValueError as error:
        notes.append(f"kept apart: {error}")
        return parts


def _at_temperatures(raw: Sequence[Any], spec: MeasurementTable) -> list[Any]:
    """Spectra and structures at the temperatures that the manifest lists, one each, in the order of the files."""
    if spec.temperature is None:
        return list(raw)
    kelvin = [read_temperature(text, spec.temperature_unit) for text in spec.temperature]
    if len(kelvin) != len(raw) or any(isinstance(part, Measurement) and len(part) != 1 for part in raw):
        points = sum(len(part) if isinstance(part, Measurement) else 1 for part in raw)
        raise QuantityError(
            f"{len(kelvin)} temperatures for {len(raw)} spectra or structures with {points} points; give one for each"
            " file that holds a single one, or none where the files know theirs"
        )
    changed = []
    for part, t in zip(raw, kelvin, strict=True):
        conditions = Conditions(t) if part.conditions is None else replace(part.conditions, temperature=t)
        step = f"temperature {t:g} K is that of the manifest"
        part = replace(part, conditions=conditions, provenance=part.provenance.then(step))
        if isinstance(part, Measurement):
            part = replace(part, attributes={**part.attributes, "temperature_source": "given"})
        changed.append(part)
    return changed


def _further_files(options: Sequence[Mapping[str, Any]], folder: Path) -> list[tuple[str, str]]:
    """Files that options name (the log of a thermometer, of an empty holder): results depend on their bytes too."""
    named = [value for table in options for value in table.values()]
    names = [one for value in named for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    found = []
    for name in names:
        with suppress(OSError, ValueError):
            if len(name) < 200 and (folder / name).is_file():
                found.append((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()))
    return found


def reduction_options(
    reduction: Reduction,
    given: Mapping[str, Any],
    folder: Path,
    path: tuple[str | int, ...],
    problems: Problems,
) -> dict[str, Any]:
    """Keyword arguments of a reduction from text with units.

    Parameters
    ----------
    reduction : Reduction
    given : mapping
        Option to text, number or table.
    folder : Path
        That file names start from.
    path : tuple
        Of the options in the manifest, for errors.
    problems : Problems

    Returns
    -------
    dict
    """
    from labile.study.manifest import unknown_key

    out: dict[str, Any] = {}
    for name, text in given.items():
        if name not in reduction.options:
            problems.add((*path, name), unknown_key(name, list(reduction.options)))
            continue
        kind = reduction.options[name]
        with problems.at(*path, name):
            out.update(_option(reduction, name, kind, text, folder))
    return out


def _option(reduction: Reduction, name: str, kind: str, text: Any, folder: Path) -> dict[str, Any]:
    expected = {"text": (str, "text in quotes"), "flag": (bool, "true or false"), "table": (dict, "a table { ... }")}
    if kind in expected:
        wanted, words = expected[kind]
        if not isinstance(text, wanted):
            raise QuantityError(f"expected {words}, found {text!r}")
        return {name: text}
    if kind == "window":
        if not isinstance(text, list) or len(text) != 2:
            raise QuantityError(f"expected two temperatures such as [20, 60], found {text!r}")
        return {name: (read_temperature(text[0]), read_temperature(text[1]))}
    if kind == "count":
        if isinstance(text, bool) or not isinstance(text, int) or text < 1:
            raise QuantityError(f"expected a whole number of points, found {text!r}")
        return {name: text}
    if kind == "number":
        return _number_option(reduction, name, "factor", text)
    if kind == "holder":
        names = _file_names(text, folder)
        if names:
            return {name: _measured(names, folder, reduction.takes, "name the log of the empty holder")}
        with suppress(ValueError):
            return _number_option(reduction, name, "moment_per_field", text)
        raise QuantityError(
            f"{text!r} is neither files beside the manifest nor a moment per field; name the files of the empty holder,"
            ' or write for instance "-1.2e-9 emu/Oe"'
        )
    if kind == "bands":
        return {name: _bands(text)}
    if kind == "structures":
        return {name: _structures(text, folder)}
    if kind.startswith("files "):
        names = _file_names(text, folder)
        if not names:
            raise QuantityError(f"{text!r} is no file beside the manifest; name one file or a list of files")
        return {name: _measured(names, folder, kind.removeprefix("files "), "name another file")}
    if kind.endswith(" or files"):
        quantity = kind.removesuffix(" or files")
        names = _file_names(text, folder)
        if names:
            return {name: _measured(names, folder, quantity, "name another file")}
        return _number_option(reduction, name, quantity, text)
    if name == "diamagnetic_susceptibility" and text == "estimate":
        return {name: text}
    return _number_option(reduction, name, kind, text)


def _file_names(text: Any, folder: Path) -> list[str]:
    """The names in an option; empty unless all of them are files."""
    names = text if isinstance(text, list) else [text]
    return names if all(isinstance(one, str) and (folder / one).is_file() for one in names) else []


def _measured(names: Sequence[str], folder: Path, quantity: str, advice: str) -> tuple[Measurement, ...]:
    found = tuple(m for one in names for m in read_file(folder / one)[0] if m.quantity == quantity)
    if not found:
        raise QuantityError(f"{', '.join(names)}: no {quantity} in it; {advice}")
    return found


def _bands(text: Any) -> dict[str, dict[str, Any]]:
    """Bands by name, from ``{ V = { position = "1556 1/cm", width = "15 1/cm" } }``."""
    example = 'such as { V = { position = "1556 1/cm", width = "15 1/cm" } }'
    if not isinstance(text, dict) or not text or not all(isinstance(one, dict) for one in text.values()):
        raise QuantityError(f"expected a table of bands {example}, found {text!r}")
    found: dict[str, dict[str, Any]] = {}
    for name, one in text.items():
        if unknown := sorted(set(one) - {"position", "width", "shape", "share", "drift"}):
            raise QuantityError(
                f"band {name}: {unknown[0]!r} is unknown; a band has position, width, shape, share, drift"
            )
        if "position" not in one:
            raise QuantityError(f"band {name}: the position is missing; write bands {example}")
        found[name] = {k: read_quantity(v, "wavenumber").value if k in ("position", "width") else v
                       for k, v in one.items()}  # fmt: skip
    return found


def _structures(text: Any, folder: Path) -> dict[str, Any]:
    """One crystal structure a phase, from ``{ LS = "ls.cif", HS = "hs.cif" }``."""
    from labile.core.structure import CrystalStructure

    if not isinstance(text, dict) or not text:
        raise QuantityError(
            f'expected a CIF for every phase such as {{ LS = "ls.cif", HS = "hs.cif" }}, found {text!r}'
        )
    found: dict[str, Any] = {}
    for phase, file in text.items():
        if not isinstance(file, str) or not (folder / file).is_file():
            raise QuantityError(f"{phase}: {file!r} is no file beside the manifest")
        blocks = [part for part in read_content(folder / file)[0] if isinstance(part, CrystalStructure)]
        if len(blocks) != 1:
            raise QuantityError(f"{phase}: {file} holds {len(blocks)} crystal structures; one is expected")
        found[phase] = blocks[0]
    return found


def _number_option(reduction: Reduction, name: str, kind: str, text: Any) -> dict[str, Any]:
    read = read_quantity(text, kind)
    out: dict[str, Any] = {name: read.value}
    if math.isfinite(read.sigma):
        if name not in reduction.uncertain:
            raise QuantityError(f"{text!r}: an uncertainty of {name} is not propagated; write the value alone")
        out[reduction.uncertain[name]] = read.sigma
    return out


def reduce(
    reduction: Reduction, raw: Sequence[Measurement], quantity: str, options: Mapping[str, Any], formula: str = ""
) -> tuple[list[Measurement], list[str]]:
    """Apply a reduction to every measurement, or to all of them together, and collect what it warned of.

    Parameters
    ----------
    reduction : Reduction
    raw : sequence of Measurement
    quantity : str
        To return.
    options : mapping
        Keyword arguments, SI.
    formula : str
        Of the study's material: its molar mass is used where neither options nor header give one.

    Returns
    -------
    reduced : list of Measurement
    warnings : list of str
    """
    function = load(reduction.function)
    needed = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and parameter.default is inspect.Parameter.empty
        and name not in options
    ]
    if needed:
        example = ", ".join(f"{name} = ..." for name in needed)
        raise TechniqueError(
            f"{quantity} needs {' and '.join(needed)}; write reduction = {{ {example} }} (on the command line --set"
            f" {needed[0]}=...)"
        )
    reduced: list[Measurement] = []
    notes: list[str] = []
    for group in [list(raw)] if reduction.together else [[one] for one in raw]:
        measurement = group[0]
        arguments = dict(options)
        if "molar_mass" in reduction.options and "molar_mass" not in arguments and formula:
            from labile.core.material import molar_mass

            mass, header = molar_mass(formula), measurement.attributes.get("molar_mass")
            if header is None:
                arguments["molar_mass"] = mass
            elif isinstance(header, float) and abs(header / mass - 1.0) > 1e-3:
                notes.append(
                    f"{measurement.label}: the header's molar mass {header * 1e3:.3f} g/mol was used, the formula of"
                    f" the material gives {mass * 1e3:.3f} g/mol; state molar_mass to choose"
                )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = function(group if reduction.together else measurement, quantity=quantity, **arguments)
        notes += [str(item.message) for item in caught]
        reduced += [result] if isinstance(result, Measurement) else list(result)
    return reduced, notes


def _label(label: str, measurement: Measurement, parts: Sequence[Measurement]) -> str:
    if len(parts) == 1:
        return label
    same = [m for m in parts if m.branch == measurement.branch]
    if len(same) == 1:
        return f"{label}, {measurement.branch}"
    return f"{label}, {measurement.branch} {next(i for i, m in enumerate(same, 1) if m is measurement)}"


def _with_sigma(measurement: Measurement, spec: MeasurementTable) -> Measurement:
    if spec.sigma is None:
        if measurement.axis is None or measurement.sigma is not None or spec.noise != "free":
            return measurement
        # the fit finds the scale; the start decides only how long it takes
        noise = max(
            float(np.median(white_noise(measurement.values))), 1e-9 * float(np.ptp(measurement.values)) or 1e-12
        )
        step = "sigma started from the third differences along the axis; its scale is fitted"
        sigma = np.full(measurement.values.shape, noise)
        return replace(measurement, sigma=sigma, provenance=measurement.provenance.then(step))
    if isinstance(spec.sigma, list):
        raise QuantityError(
            'sigma of a file is one value with its unit, e.g. sigma = "0.02 cm3 K/mol" or sigma = "1 %"'
        )
    if measurement.sigma is not None:
        step = "uncertainties of the file replaced by those of the manifest"
        measurement = replace(measurement, provenance=measurement.provenance.then(step))
    sigma = np.vectorize(lambda v: _sigma(spec.sigma, float(v), spec.quantity, spec.unit))(measurement.values)
    return replace(measurement, sigma=sigma)


def _sigma(text: Any, value: float, quantity: str, unit: str | None) -> float:
    if isinstance(text, str) and text.strip().endswith("%"):
        share = read_quantity(text.strip()[:-1], "factor").value / 100
        if value == 0:
            raise QuantityError(
                f"sigma = {text!r}, but a value is 0 and has no relative uncertainty; give sigma with a unit"
            )
        sigma = abs(value) * share
    elif isinstance(text, str):
        sigma = _difference(text, quantity)
    else:
        if unit is None:
            raise QuantityError(
                f"sigma = {text!r} has no unit; write for instance sigma = {text!r} with its unit in quotes"
            )
        sigma = float(text) * scale_to_si(unit, quantity)
    if not sigma > 0:
        raise QuantityError(f"sigma = {text!r} must be > 0")
    return float(f"{sigma:.15g}")


def _difference(text: str, quantity: str) -> float:
    """An uncertainty with a unit: the zero of a temperature scale does not enter."""
    zero = read_quantity("0 " + text.strip().partition(" ")[2], quantity).value
    return read_quantity(text, quantity).value - zero
