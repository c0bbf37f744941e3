"""What readers of optical spectra share: the meaning of axis and values, the order of the axis, the conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, PLANCK, SPEED_OF_LIGHT
from labile.core.measurement import Axis, Measurement, Provenance
from labile.core.units import UnitError, to_si
from labile.formats.amounts import amount
from labile.formats.channel_counts import stated_temperature
from labile.formats.registry import FormatError

QUANTITIES = ("absorbance", "transmittance", "reflectance", "intensity")
AXES = ("wavenumber", "raman_shift", "wavelength", "energy", "channel")
_UNITS_OF = {
    "1/cm": "wavenumber", "1/m": "wavenumber", "nm": "wavelength", "um": "wavelength", "angstrom": "wavelength",
    "m": "wavelength", "eV": "energy", "meV": "energy", "keV": "energy", "J": "energy", "1": "channel",
}  # fmt: skip
_SPELLED = {
    "1/cm": "1/cm", "cm-1": "1/cm", "cm^-1": "1/cm", "cm⁻¹": "1/cm", "cm–1": "1/cm", "wavenumber": "1/cm",
    "wavenumbers": "1/cm", "nm": "nm", "nanometer": "nm", "nanometers": "nm", "nanometre": "nm", "nanometres": "nm",
    "um": "um", "µm": "um", "μm": "um", "micron": "um", "microns": "um", "micrometer": "um", "micrometers": "um",
    "micrometre": "um", "micrometres": "um", "a": "angstrom", "å": "angstrom", "angstrom": "angstrom",
    "angstroms": "angstrom", "ev": "eV", "mev": "meV", "kev": "keV", "1/m": "1/m",
}  # fmt: skip
_VALUES = {
    "absorbance": ("absorbance", 1.0), "absorbanceunits": ("absorbance", 1.0), "abs": ("absorbance", 1.0),
    "transmittance": ("transmittance", 1.0), "transmission": ("transmittance", 1.0), "t": ("transmittance", 1.0),
    "%transmittance": ("transmittance", 0.01), "%transmission": ("transmittance", 0.01), "%t": ("transmittance", 0.01),
    "percenttransmittance": ("transmittance", 0.01), "transmittance(%)": ("transmittance", 0.01),
    "transmission(%)": ("transmittance", 0.01),
    "reflectance": ("reflectance", 1.0), "%reflectance": ("reflectance", 0.01), "%r": ("reflectance", 0.01),
    "percentreflectance": ("reflectance", 0.01), "reflectance(%)": ("reflectance", 0.01),
    "arbitrary": ("intensity", 1.0), "arbitraryunits": ("intensity", 1.0), "arbitraryintensity": ("intensity", 1.0),
    "intensity": ("intensity", 1.0), "counts": ("intensity", 1.0), "cnt": ("intensity", 1.0), "cts": ("intensity", 1.0),
    "ramanintensity": ("intensity", 1.0), "rmnintensity": ("intensity", 1.0),
    "relativeintensity": ("intensity", 1.0), "a.u.": ("intensity", 1.0),
    "arb.units": ("intensity", 1.0), "singlebeam": ("intensity", 1.0), "intensity(a.u.)": ("intensity", 1.0),
}  # fmt: skip
_LARGEST_FRACTION = 2.0
"""A transmittance or reflectance above this is no fraction, whatever the file says; baselines reach 1.5."""
_SATURATED = 3
"""This many neighbours that all hold the largest value of a spectrum are a clipped top."""


@dataclass(frozen=True)
class Meaning:
    """Options by which the user says what a file does not; empty where the file's word is taken.

    Attributes
    ----------
    quantity : str
        One of `QUANTITIES`; ``"%"`` behind it (``"transmittance %"``) for values in percent.
    axis : str
        One of `AXES`.
    axis_unit : str
        ``"1/cm"``, ``"nm"``, ``"um"``, ``"eV"`` ...
    temperature, pressure : float or str or None
        K and Pa, or text with a unit.
    laser_wavelength : float or str or None
        nm, or text with a unit; turns wavelengths of a Raman spectrum into shifts.
    sample : str
    """

    quantity: str = ""
    axis: str = ""
    axis_unit: str = ""
    temperature: float | str | None = None
    pressure: float | str | None = None
    laser_wavelength: float | str | None = None
    sample: str = "sample"

    def given(self) -> dict[str, str]:
        """The options that were set, as text for a provenance."""
        return {key: str(value) for key, value in vars(self).items() if value not in (None, "") and key != "sample"}


@dataclass(frozen=True)
class RawSpectra:
    """Spectra on one grid as a file holds them.

    Attributes
    ----------
    x : ndarray (M,)
        In the file's unit.
    y : ndarray (N, M)
    axis_unit : str
        As the file spells it; empty when it does not say.
    value_unit : str
        Likewise, for the values.
    raman : bool or None
        Whether the file says that it is a Raman spectrum; None when it says nothing about the method.
    label : str
    attributes : mapping
    steps : tuple of str
    temperature, pressure : ndarray (N,) or None
        K and Pa, where the file states them.
    """

    x: np.ndarray
    y: np.ndarray
    axis_unit: str = ""
    value_unit: str = ""
    raman: bool | None = None
    label: str = ""
    attributes: Mapping[str, float | str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    temperature: np.ndarray | None = None
    pressure: np.ndarray | None = None


def unit_of_axis(text: str) -> str:
    """Unit of an axis as labile writes it; empty when the text names none.

    Examples
    --------
    >>> unit_of_axis("Raman shift / cm-1"), unit_of_axis("NANOMETERS"), unit_of_axis("ARBITRARY UNITS")
    ('1/cm', 'nm', '')
    """
    words = [text, *re.findall(r"[(\[]([^)\]]*)[)\]]", text), *re.split(r"\s+/\s+|,|\s+", text)]
    return next((_SPELLED[word] for one in words if (word := one.strip("()[] ").lower()) in _SPELLED), "")


def quantity_of_values(text: str) -> tuple[str, float]:
    """Quantity that a file's name for its values stands for, and the factor to SI; ("", 1) when it stands for none.

    Examples
    --------
    >>> quantity_of_values("% Transmittance"), quantity_of_values("KUBELKA-MUNK")
    (('transmittance', 0.01), ('', 1.0))
    """
    return _VALUES.get(re.sub(r"[\s_]+", "", text).lower(), ("", 1.0))


def measurement(path: Path, reader: str, raw: RawSpectra, meaning: Meaning) -> Measurement:
    """Measurement of spectra on one grid, its axis ascending in SI.

    Raises
    ------
    FormatError
        If neither file nor options say what axis or values are; if numbers are not finite, axis values stand twice or
        do not run in one direction.
    """
    name = path.name + (f", {raw.label}" if raw.label and raw.label != path.stem else "")
    if raw.x.size < 2:
        raise FormatError(f"{name}: {raw.x.size} point(s); a spectrum has at least two")
    if not (np.all(np.isfinite(raw.x)) and np.all(np.isfinite(raw.y))):
        raise FormatError(f"{name}: not every number is finite")
    steps = list(raw.steps)
    quantity, factor = _quantity(name, raw, meaning)
    axis, x = _axis(name, raw, meaning, steps)
    y = raw.y * factor
    differences = np.diff(x)
    if not (np.all(differences > 0) or np.all(differences < 0)):
        at = int(np.argmax(np.sign(differences) != np.sign(differences[0]))) + 1
        raise FormatError(
            f"{name}: the axis turns back or repeats a value at point {at + 1} ({raw.x[at]:g} after {raw.x[at - 1]:g});"
            " one spectrum has each axis value once"
        )
    if differences[0] < 0:
        x, y = x[::-1], y[:, ::-1]
        steps.append("the axis decreases in the file; points are kept in ascending order")
    if quantity in ("absorbance", "intensity"):
        steps += _saturated(y, x, axis)
    conditions, source = _conditions(path, raw, meaning, y.shape[0], steps)
    provenance = Provenance.of_file(path, reader, meaning.given())
    return Measurement(
        quantity,
        y,
        conditions,
        axis=Axis(axis, x),
        sample=meaning.sample,
        label=raw.label or path.stem,
        attributes={**raw.attributes, "temperature_source": source},
        provenance=provenance.then(*steps),
    )


def _quantity(name: str, raw: RawSpectra, meaning: Meaning) -> tuple[str, float]:
    if meaning.quantity:
        wanted, _, percent = meaning.quantity.partition(" ")
        if wanted not in QUANTITIES or percent.strip() not in ("", "%"):
            raise FormatError(
                f"{name}: option quantity={meaning.quantity!r} is unknown; use one of {', '.join(QUANTITIES)},"
                " with ' %' behind for percent"
            )
        return wanted, 0.01 if percent else 1.0
    quantity, factor = quantity_of_values(raw.value_unit)
    if not quantity:
        said = f"calls its values {raw.value_unit!r}" if raw.value_unit else "does not say what its values are"
        raise FormatError(f"{name}: the file {said}; say it with quantity=, one of {', '.join(QUANTITIES)}")
    if quantity in ("transmittance", "reflectance") and factor == 1.0 and np.max(raw.y) > _LARGEST_FRACTION:
        raise FormatError(
            f"{name}: a {quantity} of {np.max(raw.y):g} is no fraction; if it is percent say quantity='{quantity} %'"
        )
    return quantity, factor


def _axis(name: str, raw: RawSpectra, meaning: Meaning, steps: list[str]) -> tuple[str, np.ndarray]:
    """Quantity and SI values of the axis."""
    if meaning.axis and meaning.axis not in AXES:
        raise FormatError(f"{name}: option axis={meaning.axis!r} is unknown; use one of {', '.join(AXES)}")
    unit = (unit_of_axis(meaning.axis_unit) or meaning.axis_unit) or unit_of_axis(raw.axis_unit)
    if meaning.axis == "channel":
        return "channel", raw.x
    if not unit:
        said = f"calls its axis {raw.axis_unit!r}" if raw.axis_unit else "does not name the unit of its axis"
        raise FormatError(
            f"{name}: the file {said}; say axis= (one of {', '.join(AXES)}) and axis_unit= ('1/cm', 'nm', 'um', 'eV'),"
            " for instance axis='raman_shift', axis_unit='1/cm'"
        )
    measured = _UNITS_OF.get(unit)
    if measured is None or measured == "channel":
        raise FormatError(f"{name}: axis_unit={unit!r} is unknown; use 1/cm, 1/m, nm, um, angstrom, eV, meV or keV")
    wanted = meaning.axis or (None if raw.raman is None else "raman_shift" if raw.raman else "wavenumber")
    if wanted is None:
        if measured == "energy":
            wanted = "energy"
        else:
            raise FormatError(
                f"{name}: the file does not say whether its axis ({unit}) is a Raman shift; say axis='raman_shift',"
                " axis='wavenumber' or axis='wavelength'"
            )
    try:
        values = np.asarray(to_si(raw.x, unit, measured))
    except UnitError as error:
        raise UnitError(f"{name}: {error}") from None
    return wanted, _converted(name, values, measured, wanted, meaning, steps)


def _converted(
    name: str, values: np.ndarray, measured: str, wanted: str, meaning: Meaning, steps: list[str]
) -> np.ndarray:
    """Axis values (SI) of the quantity `measured` as the quantity `wanted`."""
    if wanted == measured or (measured, wanted) == ("wavenumber", "raman_shift"):
        if measured != "wavenumber" and np.any(values <= 0):
            raise FormatError(f"{name}: a {measured} of 0 or less is on the axis")
        return values
    if np.any(values <= 0):
        raise FormatError(f"{name}: a {measured} of 0 or less is on the axis; it has no {wanted}")
    absolute = 1.0 / values if measured == "wavelength" else values
    if measured == "energy":
        absolute = values / (PLANCK * SPEED_OF_LIGHT)
    if wanted == "raman_shift":
        if measured == "energy":
            steps.append("energies of the axis divided by h c are Raman shifts")
            return absolute
        if meaning.laser_wavelength is None:
            raise FormatError(
                f"{name}: wavelengths become Raman shifts with the laser's; say laser_wavelength= in nm, or keep"
                " axis='wavelength'"
            )
        laser = amount(name, "laser_wavelength", meaning.laser_wavelength, "nm", "wavelength")
        if not laser > 0:
            raise FormatError(f"{name}: option laser_wavelength={meaning.laser_wavelength!r} must be above 0")
        steps.append(f"wavelengths turned into shifts from the laser at {laser * 1e9:g} nm, as in vacuum")
        return 1.0 / laser - absolute
    if wanted == "wavenumber":
        steps.append(f"axis turned from {measured} into wavenumber; no correction for the refractive index of air")
        return absolute
    if wanted == "energy":
        steps.append(f"axis turned from {measured} into energy; no correction for the refractive index of air")
        return np.asarray(absolute * PLANCK * SPEED_OF_LIGHT)
    steps.append(f"axis turned from {measured} into wavelength in vacuum")
    return 1.0 / absolute


def _saturated(y: np.ndarray, x: np.ndarray, axis: str) -> list[str]:
    """Sentence about spectra whose top is clipped: neighbours that all hold the largest value."""
    found = []
    for n, row in enumerate(y):
        top = row == row.max()
        if row.max() == row.min() or int(top.sum()) < _SATURATED:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate(([0], top.astype(int), [0]))))
        starts, ends = edges[::2], edges[1::2]
        longest = int(np.argmax(ends - starts))
        if ends[longest] - starts[longest] >= _SATURATED:
            count = int(ends[longest] - starts[longest])
            place = (
                f"point {int(starts[longest]) + 1} on"
                if axis == "channel"
                else f"{_shown(x[starts[longest]], axis)} on"
            )
            found.append(f"spectrum {n + 1}: {count} neighbours from {place} all hold the largest value {row.max():g}")
    if not found:
        return []
    more = f" and {len(found) - 1} more spectra" if len(found) > 1 else ""
    return [f"detector perhaps saturated: {found[0]}{more}"]


def _shown(value: float, axis: str) -> str:
    if axis in ("wavenumber", "raman_shift"):
        return f"{value / 100:g} cm-1"
    return f"{value * 1e9:g} nm" if axis == "wavelength" else f"{value:.4g} J"


def _conditions(path: Path, raw: RawSpectra, meaning: Meaning, count: int, steps: list[str]) -> tuple[Conditions, str]:
    pressure = np.asarray(AMBIENT_PRESSURE) if raw.pressure is None else raw.pressure
    if meaning.pressure is not None:
        if raw.pressure is not None:
            raise FormatError(f"{path.name}: option pressure= is given, but the file holds the pressures")
        pressure = np.asarray(amount(path.name, "pressure", meaning.pressure, "Pa", "pressure"))
    given = None
    if meaning.temperature is not None:
        given = amount(path.name, "temperature", meaning.temperature, "K", "temperature")
    if raw.temperature is not None:
        if given is not None and np.ptp(raw.temperature) > 0:
            raise FormatError(f"{path.name}: option temperature= is given, but the file holds one for each spectrum")
        kelvin, source = (raw.temperature, "file") if given is None else (np.asarray(given), "given")
        if given is not None and abs(given - float(raw.temperature[0])) > 0.5:
            steps.append(f"temperature {given:g} K as given; the file says {float(raw.temperature[0]):g} K")
    else:
        value, source, step = stated_temperature(path, given)
        kelvin = np.asarray(value)
        steps += [step] if step else []
    try:
        return Conditions(np.broadcast_to(kelvin, (count,)), np.broadcast_to(pressure, (count,))), source
    except ValueError as error:
        raise FormatError(f"{path.name}: {error}") from None


def same_grid(first: np.ndarray, other: np.ndarray) -> bool:
    """Whether two ascending axes are one, to a thousandth of the step."""
    if first.shape != other.shape:
        return False
    return bool(np.max(np.abs(first - other)) <= 1e-3 * np.min(np.abs(np.diff(first))))


def on_grid(grid: np.ndarray, axis: np.ndarray, values: np.ndarray, where: str, regrid: bool) -> tuple[np.ndarray, str]:
    """Values on another grid by linear interpolation, and the step to record; as they are on the same grid.

    Raises
    ------
    FormatError
        If the grids differ and `regrid` is False, or the other axis does not cover the grid.
    """
    if same_grid(grid, axis):
        return values, ""
    if not regrid:
        raise FormatError(
            f"{where}: its axis ({axis.size} points, {axis[0]:g} to {axis[-1]:g} SI) is not that of the first spectrum"
            f" ({grid.size} points, {grid[0]:g} to {grid[-1]:g}); regrid=True interpolates on the first one"
        )
    slack = 1e-3 * float(np.min(np.abs(np.diff(grid))))
    if axis[0] > grid[0] + slack or axis[-1] < grid[-1] - slack:
        raise FormatError(
            f"{where}: its axis ({axis[0]:g} to {axis[-1]:g} SI) does not cover the grid of the first spectrum"
            f" ({grid[0]:g} to {grid[-1]:g}); nothing is extrapolated, cut the spectra to their common range"
        )
    return np.interp(grid, axis, values), f"{where}: interpolated linearly on the grid of the first spectrum"
