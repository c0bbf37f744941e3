"""What an X-ray absorption scan is: energies in eV that rise, one scan at a time, and the temperature of the sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labile.core.constants import ELEMENTARY_CHARGE, PLANCK, SPEED_OF_LIGHT
from labile.formats.amounts import amount
from labile.formats.channel_counts import ROOM_TEMPERATURE
from labile.formats.registry import FormatError

EV = ELEMENTARY_CHARGE
"""One electronvolt in J."""
LOWEST, HIGHEST = 45.0, 200e3
"""eV: X-ray absorption edges lie between them; other numbers are in another unit, or no energies."""
DUPLICATE = 1e-4
"""eV: energies closer than this are one energy; no monochromator sets finer steps."""
FEWEST_POINTS = 10
"""Fewer points are no spectrum."""
_TURN = 0.1
"""Part of the energy range by which energies must turn back to end a scan; less is jitter of an encoder."""
_HC = PLANCK * SPEED_OF_LIGHT / ELEMENTARY_CHARGE
"""eV m."""
_UNITS = {
    "ev": "eV", "electronvolt": "eV", "electronvolts": "eV", "kev": "keV", "a": "angstrom", "å": "angstrom",
    "ang": "angstrom", "angstrom": "angstrom", "angstroms": "angstrom", "deg": "degree", "degree": "degree",
    "degrees": "degree", "°": "degree", "rad": "radian", "radian": "radian", "radians": "radian",
}  # fmt: skip
ENERGY_UNITS = ("eV", "keV", "angstrom", "degree", "radian")
_KELVIN = re.compile(
    r"^\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(?:deg(?:rees?)?\.?\s*)?°?\s*(K|C|kelvin|celsius)\s*$", re.I
)
_ROOM = re.compile(r"^\W*(?:room[\s_-]*temp(?:erature|\.)?|rt|ambient(?:\s+temperature)?)\W*$", re.I)
_NAMED_KELVIN = re.compile(r"(?<![\dA-Za-z.])(\d{1,3}(?:\.\d+)?)\s?K(?![A-Za-z\d])(?![\s_-]*edge)")


def known_unit(text: str) -> str:
    """One of `ENERGY_UNITS`, or ``""`` for a text that names none of them.

    Examples
    --------
    >>> known_unit("keV"), known_unit("(degrees)"), known_unit("steps")
    ('keV', 'degree', '')
    """
    return _UNITS.get(text.strip(" ()[]").lower(), "")


def to_electronvolts(
    values: np.ndarray, unit: str, d_spacing: float | None, where: str
) -> tuple[np.ndarray, list[str]]:
    """Energies in eV, and how they were found.

    Parameters
    ----------
    values : ndarray (N,)
        As they stand in the file.
    unit : str
        One of `ENERGY_UNITS`; ``""`` when the file does not say, which is taken for eV only where it can be.
    d_spacing : float or None
        Of the monochromator, m; for angles.
    where : str
        Start of every error.

    Raises
    ------
    FormatError
        If the numbers cannot be energies in that unit, or angles come without a d-spacing.

    Examples
    --------
    >>> to_electronvolts(np.array([16.11]), "degree", 3.13550e-10, "a.xdi")[0].round(1)
    array([7125.2])
    """
    low, high = float(values.min()), float(values.max())
    span = f"{where}: values from {low:g} to {high:g}"
    remedy = "say it with energy_unit= ('eV', 'keV', 'angstrom', 'degree', 'radian')"
    if unit not in ("", *ENERGY_UNITS):
        raise FormatError(f"{where}: energy unit {unit!r} is unknown; use one of {', '.join(ENERGY_UNITS)}")
    if low <= 0:
        raise FormatError(f"{span} cannot be X-ray energies, wavelengths or angles; is it another column?")
    if not unit:
        if low < LOWEST:
            raise FormatError(
                f"{span} are no energies in eV, and no unit is named; they may be keV, angstrom or degrees: {remedy}"
            )
        steps = ["the file names no unit of energy: eV taken"]
    else:
        steps = [] if unit == "eV" else [f"energies from {unit}"]
    if unit == "keV":
        energy = values * 1e3
    elif unit == "angstrom":
        energy = _HC / (values * 1e-10)
    elif unit in ("degree", "radian"):
        if d_spacing is None:
            raise FormatError(
                f"{where}: angles of the monochromator need its d-spacing; give d_spacing= in angstrom (Si(111) 3.1356)"
            )
        angle = np.deg2rad(values) if unit == "degree" else values
        if np.max(angle) >= np.pi / 2:
            raise FormatError(f"{span} {unit}s are no Bragg angles, which lie below a right angle")
        energy = _HC / (2.0 * d_spacing * np.sin(angle))
        steps = [f"energies from angles ({unit}s) and a d-spacing of {d_spacing * 1e10:.5f} angstrom"]
    else:
        energy = values
    low, high = float(energy.min()), float(energy.max())
    if low < LOWEST or high > HIGHEST:
        said = f"in {unit or 'eV'} would be {low:g} to {high:g} eV: no X-ray energies; another unit, or another column?"
        raise FormatError(f"{span} {said} {remedy}")
    return energy, steps


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows of one scan in rising order of energy; rows of one energy together.

    Attributes
    ----------
    energy : ndarray (M,)
        eV, strictly increasing.
    order : ndarray (N,) of int
        Rows of the file, sorted.
    starts : ndarray (M,) of int
        Where each energy begins in `order`.
    steps : tuple of str
        What was repaired.
    """

    energy: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    steps: tuple[str, ...]

    @property
    def times(self) -> np.ndarray:
        """How many rows each energy has, shape (M,)."""
        return np.diff(self.starts, append=self.order.size)

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Mean of the rows of each energy, (M,) from (N,) or (M, C) from (N, C)."""
        means = np.add.reduceat(values[self.order], self.starts, axis=0)
        return np.asarray((means.T / self.times).T)


def scans(energy: np.ndarray, where: str) -> list[tuple[slice, list[str]]]:
    """Rows of each scan of a table whose energies may run up and down several times.

    A scan ends where the energies turn back by more than a tenth of their range. Jumps back to the start are not scans.

    Raises
    ------
    FormatError
        If there are rows that belong to no scan.

    Examples
    --------
    >>> up = np.linspace(7000.0, 7100.0, 21)
    >>> [(rows, *steps) for rows, steps in scans(np.concatenate([up, up]), "a.dat")]
    [(slice(0, 21, None), 'scan 1 of 2: rows 1 to 21'), (slice(21, 42, None), 'scan 2 of 2: rows 22 to 42')]
    """
    if energy.size < FEWEST_POINTS:
        raise FormatError(f"{where}: {energy.size} rows of numbers; a spectrum has at least {FEWEST_POINTS}")
    span = float(np.ptp(energy))
    if span <= DUPLICATE:
        raise FormatError(f"{where}: all energies are {energy[0]:g} eV; is it another column?")
    found: list[slice] = []
    begin = 0
    for first, last in _runs(energy, _TURN * span):
        if last - first <= 1 and last < energy.size - 1 and first > 0:
            continue  # a jump back; its ends belong to the scans before and after it
        start = max(first, begin)
        if last + 1 - start < FEWEST_POINTS:
            raise FormatError(
                f"{where}: the energies turn back after row {start + 1} and again after row {last + 1}:"
                f" {last + 1 - start} rows are no scan; remove these rows, or name the right column"
            )
        found.append(slice(start, last + 1))
        begin = last + 1
    if len(found) == 1:
        return [(found[0], [])]
    return [
        (rows, [f"scan {number} of {len(found)}: rows {rows.start + 1} to {rows.stop}"])
        for number, rows in enumerate(found, 1)
    ]


def _runs(energy: np.ndarray, least: float) -> Iterator[tuple[int, int]]:
    """First and last row between turning points that are further apart than `least`."""
    start = extreme = 0
    direction = 0
    low = high = 0
    for row in range(1, energy.size):
        value = energy[row]
        if direction == 0:
            low = row if value < energy[low] else low
            high = row if value > energy[high] else high
            if energy[high] - energy[low] > least:
                direction = 1 if high > low else -1
                extreme = row
        elif direction * (value - energy[extreme]) >= 0:
            extreme = row
        elif direction * (energy[extreme] - value) > least:
            yield start, extreme
            start, extreme, direction = extreme, row, -direction
    yield start, energy.size - 1


def grid(energy: np.ndarray, where: str, repair: bool) -> Grid:
    """Sort the energies of one scan and bring rows of one energy together.

    Parameters
    ----------
    energy : ndarray (N,)
        eV.
    where : str
    repair : bool
        False refuses what would be changed.

    Raises
    ------
    FormatError
        If `repair` is False and energies decrease, are out of order or stand twice.

    Examples
    --------
    >>> grid(np.array([7003.0, 7002.0, 7002.0, 7001.0]), "a.dat", True).energy
    array([7001., 7002., 7003.])
    """
    change = np.diff(energy)
    steps: list[str] = []
    if energy[-1] < energy[0]:
        steps.append("energies decrease: the order of the rows was reversed")
    back = change if energy[-1] < energy[0] else -change
    if np.any(back > DUPLICATE):
        steps.append(
            f"{np.count_nonzero(back > DUPLICATE)} energies step back, by {back.max():.4g} eV at most: the rows were"
            " sorted by energy"
        )
    order = np.argsort(energy, kind="stable")
    rising = energy[order]
    # chains of tiny steps must not grow into one energy, so each group counts from its first
    starts = [0]
    for row in range(1, rising.size):
        if rising[row] - rising[starts[-1]] > DUPLICATE:
            starts.append(row)
    if len(starts) < rising.size:
        twice = int(np.flatnonzero(np.diff(np.array([*starts, rising.size])) > 1)[0])
        steps.append(
            f"{rising.size - len(starts)} rows repeat an energy (the first is {rising[starts[twice]]:.4f} eV): averaged"
        )
    if steps and not repair:
        raise FormatError(f"{where}: {steps[0].partition(':')[0]}; repair=True reads it and records what was done")
    first = np.array(starts)
    result = Grid(rising, order, first, tuple(steps))
    return Grid(result.averaged(energy), order, first, tuple(steps))


def stated_temperature(path: Path, given: float | str | None, header: str) -> tuple[float, str, list[str]]:
    """Temperature (K), where it comes from (``given``, ``header``, ``file name``, ``assumed``), and steps.

    Parameters
    ----------
    path : Path
    given : float, str or None
        K, or text with a unit.
    header : str
        What the file's header says: ``"10K"``, ``"25 C"``, ``"room temperature"``; may be empty.

    Raises
    ------
    FormatError
        If `given` is no temperature.

    Examples
    --------
    >>> stated_temperature(Path("a.xdi"), None, "15K")
    (15.0, 'header', [])
    """
    if given is not None:
        kelvin = amount(path.name, "temperature", given, "K", "temperature")
        if not 0 < kelvin < 1e4:
            raise FormatError(f"{path.name}: option temperature={given!r} must be above 0 K")
        return kelvin, "given", []
    steps = []
    found = _KELVIN.match(header)
    if found:
        kelvin = float(found[1]) + (273.15 if found[2][0] in "cC" else 0.0)
        if 0 < kelvin < 1e4:
            return round(kelvin, 6), "header", []
    if _ROOM.match(header):
        return ROOM_TEMPERATURE, "header", [f"the header says {header.strip()!r}: {ROOM_TEMPERATURE:g} K taken"]
    if header.strip():
        steps.append(f"the temperature {header.strip()[:40]!r} of the header is no number with K or C: not used")
    named = _NAMED_KELVIN.findall(path.stem.replace("_", " "))
    if len(named) == 1 and float(named[0]) > 0:
        kelvin = float(named[0])
        return kelvin, "file name", [*steps, f"temperature {kelvin:g} K read from the file name"]
    steps.append(f"the file states no temperature: {ROOM_TEMPERATURE:g} K assumed (give temperature= in K)")
    return ROOM_TEMPERATURE, "assumed", steps
