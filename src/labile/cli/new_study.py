"""Write a commented manifest for data files; it runs as it is, and says what to add for a fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labile.core.branches import split_branches
from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import Measurement
from labile.core.units import field_unit
from labile.study.journal import write_atomically
from labile.study.manifest import MANIFEST_NAME
from labile.study.reducing import read_file
from labile.techniques import Technique, technique, techniques


@dataclass(frozen=True)
class NewStudy:
    """What `labile new` wrote.

    Attributes
    ----------
    manifest : Path
    shown_folder : str
        As an argument for a shell.
    notes : tuple of str
        What the manifest still lacks before it runs.
    """

    manifest: Path
    shown_folder: str
    notes: tuple[str, ...]


def make_study(folder: Path, files: Sequence[Path], title: str = "") -> NewStudy:
    """Make a study folder from data files.

    Parameters
    ----------
    folder : Path
        New or without a manifest.
    files : sequence of Path
        Copied into `folder`.
    title : str

    Returns
    -------
    NewStudy

    Raises
    ------
    ValueError
        If a manifest is already there, two files share a name, or a file cannot be read; nothing is written then.
    """
    manifest = folder / MANIFEST_NAME
    if manifest.exists():
        raise ValueError(f"{manifest} is already there; choose another folder or edit it")
    names = [file.name for file in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two of the files are called {twice[0]}; rename one of them")
    blocks: list[str] = []
    everything: list[Measurement] = []
    notes: list[str] = []
    for file in files:
        found, _ = read_file(file)
        if (folder / file.name).exists() and not (folder / file.name).samefile(file):
            raise ValueError(f"{folder / file.name} is already there and is another file; choose another folder")
        blocks += _blocks(file, found, notes)
        everything += found
    text = "\n".join([_head(title or folder.absolute().name), *blocks, _model(everything)])
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not (folder / file.name).exists():
            shutil.copyfile(file, folder / file.name)
    write_atomically(manifest, text)
    shown = str(folder)
    return NewStudy(manifest, f'"{shown}"' if " " in shown else shown, tuple(notes))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _head(title: str) -> str:
    return f"""# A study of labile. Lines that start with # are comments; docs/manifest.md describes every key.

[study]
title = {_quoted(title)}
# authors = ["A. Name"]
# references = ["10.1000/doi"]
"""


def _blocks(file: Path, found: Sequence[Measurement], notes: list[str]) -> list[str]:
    blocks = []
    for quantity in dict.fromkeys(m.quantity for m in found):
        parts = [m for m in found if m.quantity == quantity]
        owner = next((t for t in techniques().values() if quantity in t.quantities or _takes(t, quantity)), None)
        if owner is None:
            blocks.append(f"# {file.name} holds {quantity}, which no technique of this version uses\n")
            continue
        several = len({m.quantity for m in found}) > 1
        label = f"{file.stem} {quantity}" if several else file.stem
        if quantity in owner.observables or not _takes(owner, quantity):
            blocks.append(_ready(file, label, owner, quantity, parts))
        else:
            blocks.append(_raw(file, label, owner, parts, notes))
    return blocks


def _takes(technique: Technique, quantity: str) -> bool:
    return any(r.takes == quantity for r in technique.reductions)


def _about(parts: Sequence[Measurement]) -> str:
    points = sum(len(m) for m in parts)
    low = min(float(m.temperature.min()) for m in parts)
    high = max(float(m.temperature.max()) for m in parts)
    return f"{points} points, {low:.4g} to {high:.4g} K"


def _start(file: Path, label: str, technique: Technique, quantity: str, parts: Sequence[Measurement]) -> list[str]:
    return [
        f"# {file.name}: read as {parts[0].provenance.reader or 'a table'}; {_about(parts)}",
        "[[measurement]]",
        f"label = {_quoted(label)}",
        f'technique = "{technique.name}"',
        f'quantity = "{quantity}"        # one of {", ".join(technique.quantities)}',
        f"file = {_quoted(file.name)}",
        '# sample = "powder"            # measurements of one sample share its parameters',
    ]


def _ready(file: Path, label: str, technique: Technique, quantity: str, parts: Sequence[Measurement]) -> str:
    lines = _start(file, label, technique, quantity, parts)
    if any(m.sigma is None for m in parts):
        unit = parts[0].unit or field_unit(quantity)
        sigma = f"{max(float(abs(m.in_unit(unit)).max()) for m in parts) / 100:.2g}{f' {unit}' if unit != '1' else ''}"
        lines.append(f"# sigma = {_quoted(sigma)}    # FILL IN: the file has no uncertainties; a fit needs them")
    if not _switching(parts)[1]:
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
    return "\n".join([*lines, "[measurement.reduction]", *options]) + "\n"


ENTROPY = 60.0
"""J/K/mol; the start for an entropy nobody has measured, typical of iron(II)."""


def _model(found: Sequence[Measurement]) -> str:
    """A two-state model to uncomment; its start follows from where the data switch."""
    t_half, width = _switching(found)
    comment = "where the data are half-way" if t_half else "no step was found in the data: put in your own T1/2"
    t_half = t_half or 200.0
    # 2 R T1/2 is the interaction at which a loop opens; above it the exponent was fitted to spinodals of this model
    enthalpy, thermal = ENTROPY * t_half / 1e3, GAS_CONSTANT * t_half / 1e3
    interaction = 2 * thermal * (1 + 0.55 * (width * ENTROPY / 1e3 / thermal) ** 0.7 if width else 0.6)
    lines = [
        "To explain the data by the populations of electronic states: remove the # and the blank after it from",
        "all lines below these two, and put in what you know. A fit needs uncertainties (sigma) of all data.",
    ]
    block = f"""[material]
formula = "C30H22FeN12S2"         # yours
states = [
  {{ name = "LS", spin = 0 }},      # the first state is the reference
  {{ name = "HS", spin = 2 }},
]

[model]
builder = "slichter_drickamer"    # or van_t_hoff, regular_solution, sorai_seki, electron_transfer
width = false                     # true where T1/2 differs from place to place in the sample: rounds a jump, slow

[parameters]
# the enthalpy is the entropy times T1/2 = {t_half:.1f} K ({comment})
"HS.enthalpy" = {{ value = {enthalpy:.2f}, unit = "kJ/mol", min = 0, max = {3 * enthalpy:.0f} }}
"HS.entropy" = {{ value = {ENTROPY:g}, unit = "J/K/mol", min = 0, max = 250 }}
"LS-HS.interaction" = {{ value = {interaction:.2f}, unit = "kJ/mol", min = 0, max = {6 * thermal:.0f} }}
"""
    if any(m.quantity in ("current", *technique("pyroelectricity").quantities) for m in found):
        block += (
            "# what the change from LS to HS does to the polarization; a space_group in [material] is checked for it\n"
            '"HS.polarization" = { value = 1, unit = "uC/cm^2", min = -20, max = 20 }\n'
        )
    commented = [f"# {line}".rstrip() for line in block.rstrip().split("\n")]
    return "\n".join([*(f"## {line}" for line in lines), *commented]) + "\n"


def _switching(found: Sequence[Measurement]) -> tuple[float, float]:
    """T1/2 and width of the loop (K) in the first data that show them; 0 where there is none."""
    from labile.study.analysis import measured_numbers

    for measurement in found:
        numbers = {d.name: d.value for d in measured_numbers(_branches(measurement), measurement.label, "magnetometry")}
        middle = [numbers[name] for name in ("t_half_up", "t_half_down") if name in numbers]
        if middle:
            return sum(middle) / len(middle), max(numbers.get("hysteresis_width", 0.0), 0.0)
    return 0.0, 0.0


def _branches(measurement: Measurement) -> tuple[Measurement, ...]:
    return split_branches(measurement) if len(measurement) > 1 else (measurement,)
