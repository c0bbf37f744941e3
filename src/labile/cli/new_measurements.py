"""The [[measurement]] blocks of a new manifest: what each file holds, and by which technique it is measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.branches import split_branches
from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.core.units import field_unit
from labile.study.reducing import kind_of, reduce
from labile.techniques import Technique, technique, techniques

if TYPE_CHECKING:
    from labile.formats.registry import Content

ROOM = 295.0
"""K; stands in a manifest, with a request to replace it, where a structure states no temperature."""
_OPTICAL = ("absorbance", "transmittance", "intensity")
_SERIES = {
    ("structure", ""): ("coordination", "bond_length", "structures"),
    ("cells", ""): ("strain", "cell_volume", "unit cells"),
    ("absorption", "energy"): ("xas", "normalized_absorption", "absorption spectra"),
    ("normalized_absorption", "energy"): ("xas", "normalized_absorption", "absorption spectra"),
    **{
        (kind, axis): ("vibrational", quantity, f"{name} spectra")
        for axis, name in (("wavenumber", "infrared"), ("raman_shift", "Raman"))
        for kind, quantity in (
            ("absorbance", "absorbance"),
            ("transmittance", "absorbance"),
            ("intensity", "intensity"),
        )
    },
    ("counts", "two_theta"): ("powder", "d_spacing", "powder patterns"),
    ("intensity", "two_theta"): ("powder", "d_spacing", "powder patterns"),
}
"""Kind of content and its axis to technique, quantity and label of several files."""
_SPECTRAL = {kind for kind, axis in _SERIES if axis} - {"counts"}
"""Kinds that mean nothing without one of their axes; counts along channels and velocities are Mossbauer spectra."""
_SWITCHING_METALS = ("Fe", "Co", "Mn", "Cr", "Ni")


@dataclass(frozen=True)
class _Piece:
    """What one file holds of one kind; `alone` when it holds nothing else."""

    file: Path
    kind: str
    axis: str
    parts: tuple[Any, ...]
    alone: bool

    @property
    def recipe(self) -> tuple[str, str, str] | None:
        """As in `_SERIES`."""
        return _SERIES.get((self.kind, self.axis))

    @property
    def group(self) -> tuple[Any, ...]:
        """Pieces with the same key go into one block."""
        single = self.alone and (self.kind == "structure" or (len(self.parts) == 1 and len(self.parts[0]) == 1))
        if not single or self.kind == "cells":
            return (self.file, self.kind, self.axis)
        if self.kind == "structure":
            return (self.kind, _metal(self.parts[0]))
        known = self.parts[0].attributes
        return (self.kind, self.axis, known.get("element"), known.get("edge"))


def quoted(text: str) -> str:
    """Text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)


def measurement_blocks(
    contents: Sequence[tuple[Path, Sequence[Content]]],
) -> tuple[list[str], list[str], list[Measurement]]:
    """Text of a manifest's [[measurement]] tables.

    Parameters
    ----------
    contents : sequence of (Path, sequence of Content)
        What was read from each file.

    Returns
    -------
    blocks : list of str
        Commented out where the data cannot be reduced without what only the user knows.
    notes : list of str
        What the blocks still lack.
    known : list of Measurement
        What was read or is reduced without further questions.
    """
    blocks: list[str] = []
    notes: list[str] = []
    known = [part for _, found in contents for part in found if isinstance(part, Measurement)]
    labels: set[str] = set()
    groups: dict[tuple[Any, ...], list[_Piece]] = {}
    for file, found in contents:
        for piece in _pieces(file, found):
            key = piece.group if piece.recipe else (piece.file, piece.kind, piece.axis)
            groups.setdefault(key, []).append(piece)
    for group in groups.values():
        if group[0].recipe is not None:
            blocks += _series(group, labels, notes, known)
        else:
            blocks.append(_plain(group[0], labels, notes))
    if not any(line == "[[measurement]]" for block in blocks for line in block.split("\n")):
        notes.append("no [[measurement]] is complete; fill one in, labile check says what is missing")
    return blocks, notes, known


def _pieces(file: Path, found: Sequence[Content]) -> list[_Piece]:
    def place(part: Content) -> tuple[str, str]:
        axis = getattr(part, "axis", None)
        return kind_of(part), axis.quantity if axis is not None else ""

    places = list(dict.fromkeys(place(part) for part in found))
    return [
        _Piece(file, kind, axis, tuple(part for part in found if place(part) == (kind, axis)), len(places) == 1)
        for kind, axis in places
    ]


def _label(wanted: str, labels: set[str], other: str = "") -> str:
    """Return a label that no other block has."""
    tried: Iterable[str] = (wanted, other, *(f"{wanted} {number}" for number in range(2, 10_000)))
    label = next(one for one in tried if one and one not in labels)
    labels.add(label)
    return label


def _plain(piece: _Piece, labels: set[str], notes: list[str]) -> str:
    """Curves over temperature, and spectra whose technique needs to be told more."""
    file, quantity, parts = piece.file, piece.kind, piece.parts
    found = techniques().values()
    owner = next((t for t in found if quantity in t.quantities or _takes(t, quantity)), None)
    if piece.axis and quantity in _SPECTRAL:
        owner = None
    if owner is None:
        along = f" along {piece.axis}" if piece.axis else ""
        return f"# {file.name} holds {quantity}{along}, which no technique of this version uses\n"
    label = _label(file.stem if piece.alone else f"{file.stem} {quantity}", labels, file.name)
    if quantity in owner.observables or not _takes(owner, quantity):
        return _ready(file, label, owner, quantity, parts)
    return _raw(file, label, owner, parts, notes)


def _takes(technique: Technique, quantity: str) -> bool:
    return any(r.takes == quantity for r in technique.reductions)


def _series(group: Sequence[_Piece], labels: set[str], notes: list[str], known: list[Measurement]) -> list[str]:
    """Structures, cells, spectra and patterns: one block for all files, or one each where they do not go together."""
    recipe = group[0].recipe
    assert recipe is not None
    name, quantity, several = recipe
    kind, files = group[0].kind, [piece.file for piece in group]
    names = _listed([file.name for file in files])
    parts = [part for piece in group for part in piece.parts]
    options, shown = _options(name, kind, parts)
    found, error = _tried(technique(name), kind, quantity, parts, options)
    temperature = ""
    if _can_be_listed(group):
        temperature = _asked(parts)
        if error and any(_unknown(part) for part in parts):
            stated = [_at_room(part) if _unknown(part) else part for part in parts]
            found, error = _tried(technique(name), kind, quantity, stated, options)
            missing = _listed([part.label for part in parts if _unknown(part)])
            temperature = f"{_kelvin(stated)}    # FILL IN: K; {ROOM:g} stands in for {missing}"
    if error and len(group) > 1:
        return [block for piece in group for block in _series([piece], labels, notes, known)]
    if temperature and not temperature.startswith("#") and not error:
        notes.append(f"{names}: a temperature is not stated; write it in place of {ROOM:g} K")
    readers = ", ".join(dict.fromkeys(part.provenance.reader for part in parts))
    lines = [f"# {names}: read as {readers}; {_about(parts)}"]
    own = group[0].file.stem if group[0].alone else f"{group[0].file.stem} {kind}"
    label = _label(own if len(group) == 1 else several, labels, files[0].name)
    lines += _keys(label, technique(name), quantity, files)
    lines += [temperature] if temperature else []
    lines += shown
    known += [one for one in found if kind != quantity]
    if quantity not in technique(name).observables:
        lines.append("fit = false                    # shown; no model predicts it")
    if not error and any(one.sigma is None for one in found):
        if any(one.axis is not None for one in found):
            lines.append('# noise = "free"               # the spectra have no uncertainties; a fit estimates them')
        else:
            lines.append('# sigma = "0.1 %"              # FILL IN: the file has no uncertainties; a fit needs them')
    if error:
        reason = " ".join(error.split())
        notes.append(f"{names}: {reason}")
        lines = [lines[0], f"# not used as it is: {reason}", *(f"# {line}" for line in lines[1:])]
    return ["\n".join(lines) + "\n"]


def _listed(names: Sequence[str]) -> str:
    """All of a few names, the first and the last of many."""
    return ", ".join(names) if len(names) < 6 else f"{names[0]}, {names[1]}, ..., {names[-1]} ({len(names)})"


def _can_be_listed(group: Sequence[_Piece]) -> bool:
    """Whether `temperature = [...]` has one entry for everything in the files."""
    parts = [part for piece in group for part in piece.parts]
    return all(piece.alone for piece in group) and not any(
        piece.kind == "cells" or (isinstance(part, Measurement) and len(part) != 1) for piece in group for part in parts
    )


def _unknown(part: Any) -> bool:
    """Whether a part has no temperature of its own."""
    if isinstance(part, Measurement):
        return part.attributes.get("temperature_source") == "assumed"
    return part.conditions is None


def _at_room(part: Any) -> Any:
    """The part as if the manifest stated room temperature."""
    if not isinstance(part, Measurement):
        return replace(part, conditions=Conditions(ROOM))
    conditions = replace(part.conditions, temperature=ROOM)
    return replace(part, conditions=conditions, attributes={**part.attributes, "temperature_source": "given"})


def _asked(parts: Sequence[Any]) -> str:
    """Commented line that asks for temperatures that the files do not state, or may have wrong; empty if none."""
    if any(part.conditions is None for part in parts):
        return ""
    if any(_unknown(part) for part in parts):
        return f"# {_kelvin(parts)}    # FILL IN: K, in this order; not in the files, asked for by a fit"
    doubt = next((step for part in parts for step in part.provenance.steps if "SHELXL" in step), "")
    return f"# {_kelvin(parts)}    # {doubt}" if doubt else ""


def _kelvin(parts: Sequence[Any]) -> str:
    return f"temperature = [{', '.join(f'{float(part.conditions.temperature[0]):g}' for part in parts)}]"


def _options(name: str, kind: str, parts: Sequence[Any]) -> tuple[dict[str, Any], list[str]]:
    """Options of a reduction in SI, and the lines that state them or say what else there is."""
    if name == "coordination":
        metals = list(dict.fromkeys(metal for part in parts for metal in _metals(part)))
        metal = _metal(parts[0])
        others = f"    # metals: {', '.join(metals)}" if len(metals) > 1 else ""
        return {"metal": metal}, [f"reduction = {{ metal = {quoted(metal)} }}{others}"]
    if name == "strain":
        return {}, ['# reduction = { edge = "a" }    # with quantity = "cell_length": one edge instead of the volume']
    if name == "xas":
        foil = '# reduction = { foil = "foil.xdi", energy_reference = "Fe 7111.2 eV" }    # energies on a common scale'
        return {}, [foil] if kind == "absorption" else []
    if name == "vibrational":
        return {}, ['# reduction = { low = "1200 1/cm", high = "1600 1/cm" }    # a window; bands: docs/manifest.md']
    low, high = _strongest(parts)
    stated = all(isinstance(part.attributes.get("wavelength"), float) for part in parts)
    wavelength = "" if stated else ', wavelength = "1.5406 angstrom"'
    text = f'reduction = {{ low = "{low:.3f} deg", high = "{high:.3f} deg"{wavelength} }}'
    asked = "the strongest line; choose yours" if stated else "the strongest line; FILL IN the wavelength"
    return {"low": math.radians(low), "high": math.radians(high)}, [f"{text}    # {asked}"]


def _metals(structure: Any) -> tuple[str, ...]:
    from labile.techniques.coordination import metal_sites

    return metal_sites(structure)


def _metal(structure: Any) -> str:
    """Site of the first metal that is known for switching, or of the first one; empty without a metal."""
    elements = dict(zip(structure.labels, structure.elements, strict=True))
    metals = _metals(structure)
    return next((m for m in metals if elements[m] in _SWITCHING_METALS), metals[0] if metals else "")


def _strongest(patterns: Sequence[Measurement]) -> tuple[float, float]:
    """Window of three widths at half height to each side of the strongest line, degrees."""
    first = patterns[0]
    assert first.axis is not None
    angle, counts = np.degrees(first.axis.values), first.values.mean(axis=0)
    top = int(np.argmax(counts))
    below = np.flatnonzero(counts < 0.5 * (counts[top] + np.median(counts)))
    left = int(below[below < top].max(initial=0))
    right = int(below[below > top].min(initial=counts.size - 1))
    reach = 3.0 * abs(angle[right] - angle[left])
    return max(angle[top] - reach, angle.min()), min(angle[top] + reach, angle.max())


def _tried(
    technique: Technique, kind: str, quantity: str, parts: Sequence[Any], options: dict[str, Any]
) -> tuple[list[Measurement], str]:
    """What the reduction of a block gives, or why it does not."""
    if kind == quantity:
        return list(parts), ""
    try:
        return reduce(technique.reduction(kind, quantity), parts, quantity, options)[0], ""
    except ValueError as error:
        return [], str(error)


def _about(parts: Sequence[Any]) -> str:
    kelvin = [float(t) for part in parts if part.conditions is not None for t in part.conditions.temperature]
    points = len(kelvin) + sum(part.conditions is None for part in parts)
    low, high = min(kelvin, default=math.nan), max(kelvin, default=math.nan)
    span = "no temperature stated" if not kelvin else f"{low:.4g} K" if low == high else f"{low:.4g} to {high:.4g} K"
    return f"{points} point{'' if points == 1 else 's'}, {span}"


def _start(file: Path, label: str, technique: Technique, quantity: str, parts: Sequence[Measurement]) -> list[str]:
    return [
        f"# {file.name}: read as {parts[0].provenance.reader or 'a table'}; {_about(parts)}",
        *_keys(label, technique, quantity, [file]),
    ]


def _keys(label: str, technique: Technique, quantity: str, files: Sequence[Path]) -> list[str]:
    names = ", ".join(quoted(file.name) for file in files)
    return [
        "[[measurement]]",
        f"label = {quoted(label)}",
        f'technique = "{technique.name}"',
        f'quantity = "{quantity}"        # one of {", ".join(technique.quantities)}',
        f"file = {names}" if len(files) == 1 else f"files = [{names}]",
        '# sample = "powder"            # measurements of one sample share its parameters',
        *(
            ['# observable = { states = ["HS"] }    # a fit asks: which states count']
            if _counts(technique, quantity)
            else []
        ),
    ]


def _counts(technique: Technique, quantity: str) -> bool:
    """Whether the observable of a quantity must be told which states it counts."""
    from labile.study.prepare import needed_options

    return quantity in technique.observables and "states" in needed_options(technique, quantity)


def _ready(file: Path, label: str, technique: Technique, quantity: str, parts: Sequence[Measurement]) -> str:
    lines = _start(file, label, technique, quantity, parts)
    if any(m.sigma is None for m in parts):
        unit = parts[0].unit or field_unit(quantity)
        sigma = f"{max(float(abs(m.in_unit(unit)).max()) for m in parts) / 100:.2g}{f' {unit}' if unit != '1' else ''}"
        lines.append(f"# sigma = {quoted(sigma)}    # FILL IN: the file has no uncertainties; a fit needs them")
    if not switching(parts)[1]:
        lines.append('jump = "none"                # no loop seen; or "auto", or the two sides of one: [140, 142]')
    lines.append('# branch = "heating"           # otherwise found from the order of the temperatures')
    return "\n".join(lines) + "\n"


def _raw(file: Path, label: str, technique: Technique, parts: Sequence[Measurement], notes: list[str]) -> str:
    reduction = next(r for r in technique.reductions if r.takes == parts[0].quantity)
    lines = _start(file, label, technique, reduction.gives[0], parts)
    header = parts[0].attributes
    options: list[str] = []
    if "sample_mass" in reduction.options:
        examples = {"sample_mass": '"10.1(1) mg"', "molar_mass": '"500.0 g/mol"'}
        for name, example in examples.items():
            if name in header:
                options.append(f"# {name} = {example}    # otherwise the header's own value is used")
            else:
                options.append(f"# {name} = {example}    # FILL IN: the header does not give it")
                notes.append(f"{file.name}: its header gives no {name}; write it under [measurement.reduction]")
        if "diamagnetic_susceptibility" not in header:
            options.append(
                'diamagnetic_susceptibility = "estimate"   # -M/2 x 1e-6 cm3/mol; better: your own value, or'
            )
            options.append(
                '# pascal = { formula = "C30H22FeN12S2" }  # Pascal\'s constants (instead of the line above)'
            )
        options.append('# matrix = "eicosane"')
        options.append('# matrix_mass = "17.3 mg"')
        samples = [name for name in header if name.startswith("header.SAMPLE_")]
        if samples and parts[0].provenance.reader == "quantum_design":
            lines.append("# what your laboratory writes into free header entries can be named here:")
            lines.append('# reader = { header_meaning = { SAMPLE_VOLUME = "eicosane_mass/mg" } }')
    if "moments" in reduction.options:
        options.append('# moments = "same name.dat"   # FILL IN: the log written with this raw file, or calibration')
        options.append('# background = "empty.rw.dat" # scans of the empty holder')
        notes.append(f"{file.name}: raw scans need moments or calibration; write one under [measurement.reduction]")
    if "area" in reduction.options:
        if "electrode_area" in header:
            options.append('# area = "0.30(1) mm^2"       # otherwise the header\'s own value is used')
        else:
            options.append('# area = "0.30(1) mm^2"       # FILL IN: the file does not give the electrode area')
            notes.append(f"{file.name}: it gives no electrode area; write area under [measurement.reduction]")
        options.append("# zero_window = [10, 40]      # K; where the current must be zero: removes offset and drift")
    if reduction.takes == "counts" and parts[0].axis is not None and parts[0].axis.quantity == "channel":
        options.append('# calibration = "foil.dat"    # FILL IN: the spectrum of an alpha-iron foil on the same drive')
        options.append('# starts = "negative"         # FILL IN: sign of the velocities of the first channels')
        notes.append(f"{file.name}: channels need calibration and starts; write them under [measurement.reduction]")
    return "\n".join([*lines, "[measurement.reduction]", *options]) + "\n"


def switching(found: Sequence[Measurement]) -> tuple[float, float]:
    """T1/2 and width of the loop (K) in the first data that show them; 0 where there is none."""
    from labile.study.analysis import measured_numbers

    for measurement in found:
        if measurement.axis is not None:
            continue
        branches = split_branches(measurement) if len(measurement) > 1 else (measurement,)
        numbers = {d.name: d.value for d in measured_numbers(branches, measurement.label, "magnetometry")}
        middle = [numbers[name] for name in ("t_half_up", "t_half_down") if name in numbers]
        if middle:
            return sum(middle) / len(middle), max(numbers.get("hysteresis_width", 0.0), 0.0)
    return 0.0, 0.0
