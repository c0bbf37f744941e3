"""Write a commented manifest for data files; it runs as it is, and says what to add for a fit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labile.cli.new_measurements import measurement_blocks, quoted, switching
from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import Measurement
from labile.core.units import field_unit
from labile.study.journal import write_atomically
from labile.study.manifest import MANIFEST_NAME
from labile.study.reducing import read_content
from labile.techniques import technique

if TYPE_CHECKING:
    from labile.formats.registry import Content


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
    contents: list[tuple[Path, list[Content]]] = []
    for file in files:
        found, _ = read_content(file)
        if (folder / file.name).exists() and not (folder / file.name).samefile(file):
            raise ValueError(f"{folder / file.name} is already there and is another file; choose another folder")
        contents.append((file, found))
    blocks, notes, known = measurement_blocks(contents)
    text = "\n".join([_head(title or folder.absolute().name), *blocks, _model(known)])
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not (folder / file.name).exists():
            shutil.copyfile(file, folder / file.name)
    write_atomically(manifest, text)
    shown = str(folder)
    return NewStudy(manifest, f'"{shown}"' if " " in shown else shown, tuple(notes))


def _head(title: str) -> str:
    return f"""# A study of labile. Lines that start with # are comments; docs/manifest.md describes every key.

[study]
title = {quoted(title)}
# authors = ["A. Name"]
# references = ["10.1000/doi"]
"""


ENTROPY = 60.0
"""J/K/mol; the start for an entropy nobody has measured, typical of iron(II)."""


def _model(found: Sequence[Measurement]) -> str:
    """A two-state model to uncomment; its start follows from where the data switch."""
    t_half, width = switching(found)
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
    for quantity, what in (("bond_length", "mean bond lengths"), ("cell_volume", "volumes of the cell")):
        if series := [m for m in found if m.quantity == quantity]:
            block += _of_states(quantity, what, series)
    commented = [f"# {line}".rstrip() for line in block.rstrip().split("\n")]
    return "\n".join([*(f"## {line}" for line in lines), *commented]) + "\n"


def _of_states(quantity: str, what: str, series: Sequence[Measurement]) -> str:
    """Values of the pure states, which start where the coldest and the warmest point are."""
    unit = field_unit(quantity)
    points = sorted((float(t), float(v)) for m in series for t, v in zip(m.temperature, m.in_unit(unit), strict=True))
    lines = [f"# {what} of the pure states, from the coldest and the warmest point"]
    for state, (_, value) in (("LS", points[0]), ("HS", points[-1])):
        ends = f"min = {0.8 * value:.4g}, max = {1.2 * value:.4g}"
        lines.append(f'"{state}.{quantity}" = {{ value = {value:.6g}, unit = "{unit}", {ends} }}')
    if quantity == "cell_volume" and len({t for t, _ in points}) > 2:
        lines += [
            "# every lattice expands, whatever its molecules do; here by one coefficient for both states",
            '"LS.volume_expansion" = { value = 1.5e-4, unit = "1/K", min = -1e-3, max = 1e-3 }',
            '"HS.volume_expansion" = { tie = { to = "LS.volume_expansion" } }',
        ]
    return "\n".join(lines) + "\n"
