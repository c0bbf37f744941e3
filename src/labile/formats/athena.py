"""Athena projects (``.prj``): groups of arrays and parameters in Perl syntax or JSON, usually compressed with gzip.

Nothing of a project is evaluated: its text is taken apart into strings and lists (`labile.formats.perl_text`).
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.formats.absorption_scans import EV, Grid, grid, scans, stated_temperature, to_electronvolts
from labile.formats.absorption_signatures import PROJECT
from labile.formats.perl_text import PerlTextError, Value, statements
from labile.formats.registry import FormatError
from labile.formats.text import TextError, decode

_ARRAYS = {"x", "y", "i0", "signal", "stddev"}
_GZIP = b"\x1f\x8b"
_LARGEST = 500_000_000
_TRUE = {"1", "true", "yes"}
_STATED = {"bkg_z": "element", "fft_edge": "edge", "reference": "reference_group", "bkg_stan": "standard_group"}
_UNSET = ("H", "He")
"""What Athena writes where no element was chosen; their edges lie below all X-rays."""
_NUMBERS = {"bkg_step": "edge_step", "bkg_fitted_step": "fitted_edge_step"}


@dataclass
class _Group:
    """One group as it stands in the file."""

    number: int
    name: str
    line: int
    args: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, list[str]] = field(default_factory=dict)

    def text(self, key: str) -> str:
        found = self.args.get(key, "").strip()
        # Athena and Larch write these two for nothing
        return "" if "^^" in found or found == "None" else found

    def says(self, key: str) -> bool:
        return self.text(key).lower() in _TRUE


def read(
    path: Path | str,
    *,
    group: str | int | None = None,
    shift: bool = True,
    channels: bool = False,
    temperature: float | str | None = None,
    sample: str = "sample",
    repair: bool = True,
) -> list[Measurement]:
    """Read the spectra of an Athena project.

    Parameters
    ----------
    path : path-like
    group : str or int, optional
        Label (or number from 1) of the only group that is wanted.
    shift : bool
        Whether the energy shift of each group (``bkg_eshift``) is added to its stored energies, as Athena does when
        it shows them. After a calibration the stored E0 belongs to the shifted energies; after an alignment it may
        have been left behind, which is recorded where the spectrum shows it.
    channels : bool
        The arrays ``i0``, ``signal`` and ``stddev`` of each group as quantity ``"intensity"`` instead of spectra.
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        read from the group's label or the file name where they say so, else 295 K is assumed and recorded.
    sample : str
        Prefix of the sample's parameters.
    repair : bool
        Sort energies and average those that stand twice, and record it; False refuses them.

    Returns
    -------
    list of Measurement
        One for each group of mu(E): ``"absorption"``, or ``"normalized_absorption"`` where Athena says so, along
        ``"energy"``. Attributes: ``edge_energy`` (J, the stored E0), ``energy_shift`` (J), ``element``, ``edge``,
        ``edge_step``, ``mode``, ``group``, ``calculated`` for theory. Groups of chi(k) are left out and the
        provenance of the others names them.

    Raises
    ------
    FormatError
        If the file is no project, is cut short, or a group is incomplete (`group` reads the others).
    """
    path = Path(path)
    groups, steps = _project(path)
    spectra = [one for one in groups if not (one.says("is_chi") or one.says("is_pixel"))]
    left_out = [one.text("label") or one.name for one in groups if one not in spectra]
    if left_out:
        steps.append(f"groups of chi(k) or detector pixels, which are no mu(E), left out: {', '.join(left_out)}")
    if not spectra:
        raise FormatError(f"{path.name}: it holds no spectrum mu(E), only chi(k) or pixels: {', '.join(left_out)}")
    chosen = spectra if group is None else [_chosen(path.name, spectra, group)]
    origin = Provenance.of_file(path, "athena", {"shift": str(shift)})
    result = []
    for one in chosen:
        result += _measurements(path, one, origin.then(*steps), shift, channels, temperature, sample, repair)
    if not result:
        raise FormatError(f"{path.name}: its groups store no arrays beside x and y; leave channels= out")
    return result


def _chosen(name: str, groups: list[_Group], wanted: str | int) -> _Group:
    labels = [one.text("label") or one.name for one in groups]
    found = [
        one
        for number, (one, label) in enumerate(zip(groups, labels, strict=True), 1)
        if (wanted == number if isinstance(wanted, int) and not isinstance(wanted, bool) else wanted == label)
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{number}: {label!r}" for number, label in enumerate(labels, 1))
    several = f"{len(found)} groups have" if found else "no group has"
    raise FormatError(f"{name}: {several} the label or number {wanted!r}; choose the number of one of {listed}")


def _measurements(
    path: Path, one: _Group, origin: Provenance, shift: bool, channels: bool, temperature: float | str | None,
    sample: str, repair: bool,
) -> list[Measurement]:  # fmt: skip
    label = one.text("label") or one.name
    where = f"{path.name}, group {one.number} {label!r}"
    wanted = [key for key in ("i0", "signal", "stddev") if one.arrays.get(key)] if channels else ["y"]
    arrays = {key: _floats(where, key, one.arrays.get(key, [])) for key in ["x", *wanted]}
    for key, array in arrays.items():
        if array.size != arrays["x"].size:
            raise FormatError(f"{where}: @x has {arrays['x'].size} numbers, @{key} {array.size}; other groups: group=")
    energy, steps = to_electronvolts(arrays["x"], "keV" if one.says("is_kev") else "eV", None, where)
    moved = _number(where, one, "bkg_eshift") or 0.0
    attributes = _attributes(where, one, label)
    if moved and shift:
        energy = energy + moved
        steps.append(f"energies shifted by {moved:+g} eV, as stored in the project")
        attributes["energy_shift"] = moved * EV
    elif moved:
        steps.append(
            f"the stored energy shift of {moved:+g} eV was left out; the stored E0 belongs to shifted energies"
        )
    kelvin, source, more = stated_temperature(Path(f"{label.replace('/', ' ')}.prj"), temperature, "")
    if source == "assumed":
        kelvin, source, more = stated_temperature(path, None, "")
    elif source == "file name":
        source, more = "label", [f"temperature {kelvin:g} K read from the label"]
    attributes["temperature_source"] = source
    if len(scans(energy, where)) > 1:
        raise FormatError(f"{where}: its energies run up and down; a group holds one scan")
    rows = grid(energy, where, repair)
    if moved and shift and not channels and "edge_energy" in attributes:
        steps += _left_behind(rows, arrays["y"], moved, float(attributes["edge_energy"]) / EV)
    steps += [*rows.steps, *more]
    quantity = "intensity" if channels else "normalized_absorption" if one.says("is_nor") else "absorption"
    return [
        Measurement(
            quantity,
            rows.averaged(arrays[key])[None, :],
            Conditions(kelvin),
            axis=Axis("energy", rows.energy * EV),
            sample=sample,
            label=f"{label} {key}" if channels else label,
            attributes={**attributes, "channel": key} if channels else attributes,
            provenance=origin.then(*steps),
        )
        for key in wanted
    ]


def _left_behind(rows: Grid, mu: np.ndarray, moved: float, edge_energy: float) -> list[str]:
    """A sentence where the unshifted spectrum has its inflection nearer to the stored E0 than the shifted one."""
    near = np.abs(rows.energy - edge_energy) < 15.0 + abs(moved)
    if np.count_nonzero(near) < 5:
        return []
    slope = np.gradient(rows.averaged(mu)[near], rows.energy[near])
    inflection = float(rows.energy[near][np.argmax(slope)])
    if abs(inflection - moved - edge_energy) >= abs(inflection - edge_energy):
        return []
    return [
        f"the stored E0 {edge_energy:.3f} eV fits the unshifted energies better (inflection at {inflection - moved:.3f}"
        f" eV before, {inflection:.3f} eV after the shift): it seems not to have been moved with them"
    ]


def _attributes(where: str, one: _Group, label: str) -> dict[str, float | str]:
    attributes: dict[str, float | str] = {"group": one.name, "mode": "stored"}
    for key, name in _STATED.items():
        if value := one.text(key):
            attributes[name] = value.upper() if name == "edge" else value.title() if name == "element" else value
    if attributes.get("element") in _UNSET:
        del attributes["element"]
        attributes.pop("edge", None)
    for key, name in _NUMBERS.items():
        if (number := _number(where, one, key)) is not None:
            attributes[name] = number
    edge_energy = _number(where, one, "bkg_e0")
    if edge_energy:
        attributes["edge_energy"] = edge_energy * EV
    if one.says("is_xmudat") or one.text("datatype") == "xmudat":
        attributes["calculated"] = "theory (xmu.dat of FEFF), no measurement"
    if one.says("is_diff"):
        attributes["mode"] = "difference"
    return attributes


def _number(where: str, one: _Group, key: str) -> float | None:
    text = one.text(key)
    if not text or text in ("0", "none"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{where}: {key} = {text[:30]!r} is no number")
    return value


def _floats(where: str, key: str, values: Sequence[str]) -> np.ndarray:
    if not values:
        raise FormatError(f"{where}: the array @{key} is missing")
    try:
        array = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        bad = next(value for value in values if not _is_number(value))
        raise FormatError(f"{where}: {str(bad)[:30]!r} in @{key} is no number") from None
    if not np.all(np.isfinite(array)):
        raise FormatError(f"{where}: number {int(np.argmin(np.isfinite(array))) + 1} of @{key} is not finite")
    return array


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def unpacked(name: str, data: bytes) -> bytes:
    """Bytes of a project without its compression.

    Raises
    ------
    FormatError
        If the compressed data are cut short or damaged.
    """
    if not data.startswith(_GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, _LARGEST)
    except zlib.error as error:
        raise FormatError(f"{name}: the compressed project is damaged ({error})") from None
    if unpacker.unconsumed_tail:
        raise FormatError(f"{name}: the project unpacks to more than {_LARGEST / 1e6:.0f} MB")
    if not unpacker.eof:
        raise FormatError(f"{name}: the compressed project is cut short; copy it again")
    if unpacker.unused_data.strip(b"\0"):
        raise FormatError(f"{name}: {len(unpacker.unused_data)} bytes follow the end of the compressed project")
    return text


def _project(path: Path) -> tuple[list[_Group], list[str]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    try:
        text = decode(unpacked(path.name, data)).replace("\r\n", "\n").replace("\r", "\n")
    except TextError as error:
        raise FormatError(f"{path.name}: no Athena project ({error})") from None
    steps: list[str] = []
    if text.lstrip().startswith("{"):
        groups = list(_json_groups(path.name, text))
    else:
        if PROJECT.search(text[:2000]) is None:
            raise FormatError(
                f"{path.name}: no Athena project: '# Athena project file -- ' starts none of its first lines"
            )
        groups = _perl_groups(path.name, text, steps)
    if not groups:
        raise FormatError(f"{path.name}: the project holds no group")
    return groups, steps


def _perl_groups(name: str, text: str, steps: list[str]) -> list[_Group]:
    groups: list[_Group] = []
    current: _Group | None = None
    ended = False
    try:
        for variable, value, line in statements(text):
            key = variable[1:]
            if variable == "$old_group":
                if current is not None:
                    raise FormatError(f"{name}, line {line}: group {current.name!r} has no [record] at its end")
                current = _Group(len(groups) + 1, str(value), line)
            elif variable == "@args" or (variable.startswith("@") and key in _ARRAYS):
                if current is None:
                    raise FormatError(f"{name}, line {line}: {variable} belongs to no group ($old_group)")
                if variable == "@args":
                    current.args = _pairs(name, line, value)
                else:
                    current.arrays[key] = _strings(name, line, variable, value)
            elif value == ["record"]:
                if current is None:
                    raise FormatError(f"{name}, line {line}: [record] without a group before it")
                groups.append(current)
                current = None
            elif not variable and value == "1":
                ended = True
    except PerlTextError as error:
        raise FormatError(f"{name}, line {error.line}: {error}; the project is damaged or cut short") from None
    if current is not None:
        raise FormatError(f"{name}: the project breaks off in group {current.name!r}; copy it again")
    if not ended:
        # some versions leave it out, and a file cut between two groups lacks it too
        steps.append("the project has no last line (1;): groups after the last one may be missing")
    return groups


def _pairs(name: str, line: int, value: Value) -> dict[str, str]:
    if not isinstance(value, list) or len(value) % 2:
        raise FormatError(f"{name}, line {line}: @args is no list of names and values")
    names, values = value[::2], value[1::2]
    # nested values (metadata of XDI) are not needed; the text of others is
    return {str(key): one for key, one in zip(names, values, strict=True) if isinstance(one, str)}


def _strings(name: str, line: int, variable: str, value: Value) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise FormatError(f"{name}, line {line}: {variable} is no list of numbers")
    return [one for one in value if isinstance(one, str)]


def _json_groups(name: str, text: str) -> Iterator[_Group]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: no JSON project, or cut short ({error})") from None
    header = "" if not isinstance(content, dict) else str(content.get("_____header1", ""))
    if "Athena project file" not in header:
        raise FormatError(f"{name}: no Athena project: there is no '_____header1' that names one")
    number = 0
    order = content.get("_____order")
    names = [str(key) for key in order] if isinstance(order, list) else list(content)
    for key in names:
        group = content.get(key)
        if not isinstance(group, Mapping) or "args" not in group:
            if isinstance(order, list):
                raise FormatError(f"{name}: group {key!r} of its order is missing; the project is damaged")
            continue
        number += 1
        args = group["args"]
        if isinstance(args, list):
            args = dict(zip(args[::2], args[1::2], strict=False))
        if not isinstance(args, Mapping):
            raise FormatError(f"{name}, group {key!r}: its args are no names and values")
        one = _Group(number, str(key), 0)
        one.args = {str(k): str(v) for k, v in args.items() if isinstance(v, (str, int, float))}
        for array in _ARRAYS & set(group):
            if not isinstance(group[array], list):
                raise FormatError(f"{name}, group {key!r}: {array} is no list of numbers")
            one.arrays[array] = group[array]
        yield one
