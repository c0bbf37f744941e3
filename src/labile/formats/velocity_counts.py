"""Pairs of velocity and counts as fit programs write them (``.exp``, ``.moss``, ``.csv``, ``.txt``).

Two columns or more, velocity in mm/s first; header lines are kept as text. A third column titled sigma, error or
uncertainty is the standard uncertainty. The spectrum is folded already: its velocities rise or fall all the way.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.formats.channel_counts import read_text, stated_temperature
from labile.formats.registry import FormatError
from labile.formats.spectrum_signatures import split_cells

MM_S = 1e-3
_SIGMA = re.compile(r"sigma|error|uncertain|std|±", re.IGNORECASE)
FASTEST = 0.4
"""m/s; beyond it the first column is no velocity of an iron spectrum."""


def read(
    path: Path | str,
    *,
    temperature: float | str | None = None,
    sample: str = "sample",
    reference: str = "",
    sigma: str = "auto",
) -> list[Measurement]:
    """Read velocities and counts.

    Parameters
    ----------
    path : path-like
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        read from the file name where it says so (``77.0K``), else 295 K is assumed and that is recorded.
    sample : str
        Prefix of the sample's parameters.
    reference : str
        What zero velocity means: ``"alpha-Fe"``, ``"sodium nitroprusside"``, ... Files do not say it; without it the
        spectrum can be drawn but not fitted.
    sigma : {"auto", "none"}
        ``auto``: a third column that the header calls sigma, error or uncertainty; ``none`` ignores it.

    Returns
    -------
    list of Measurement
        One: quantity ``"counts"`` along the axis ``"velocity"`` (m/s, rising). Counts need not be whole, transmissions
        are read too. Attributes ``isomer_shift_reference`` and ``temperature_source``.

    Raises
    ------
    FormatError
        If a row is no pair of numbers, counts are negative, velocities turn back (an unfolded spectrum) or repeat.
    """
    path = Path(path)
    if sigma not in ("auto", "none"):
        raise FormatError(f"{path.name}: option sigma={sigma!r} is unknown; use auto or none")
    titles, rows, places = [], [], []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        stripped = line.strip("\x1a \t")
        if not stripped:
            continue
        numbers = _numbers(stripped)
        if numbers is not None and not stripped.startswith("#"):
            rows.append(numbers)
            places.append(number)
        elif rows:
            if stripped.startswith("#"):
                continue
            raise FormatError(f"{path.name}, line {number}: {stripped[:40]!r} is no pair of velocity and counts")
        else:
            titles.append(stripped)
    if len(rows) < 16:
        raise FormatError(f"{path.name}: {len(rows)} pairs of velocity and counts; a spectrum has at least 16")
    steps: list[str] = []
    velocity = np.array([row[0] for row in rows]) * MM_S
    values = np.array([row[1] for row in rows])
    _check(path.name, velocity, values, places)
    uncertainty = None
    if sigma == "auto" and titles and _SIGMA.search(titles[-1]) and all(len(row) > 2 for row in rows):
        uncertainty = np.array([row[2] for row in rows])
        if not np.all(uncertainty > 0):
            place = places[int(np.argmax(~(uncertainty > 0)))]
            raise FormatError(
                f"{path.name}, line {place}: the uncertainty must be above 0; pass sigma='none' to ignore it"
            )
        steps.append("third column read as standard uncertainty")
    if velocity[0] > velocity[-1]:
        velocity, values = velocity[::-1], values[::-1]
        uncertainty = None if uncertainty is None else uncertainty[::-1]
        steps.append("velocities fell; the spectrum was turned round")
    kelvin, source, step = stated_temperature(path, temperature)
    attributes: dict[str, float | str] = {f"title_{i}": title for i, title in enumerate(titles, 1)}
    attributes["temperature_source"] = source
    if reference:
        attributes["isomer_shift_reference"] = reference
    return [
        Measurement(
            "counts",
            values[None, :],
            Conditions(kelvin),
            None if uncertainty is None else uncertainty[None, :],
            axis=Axis("velocity", velocity),
            sample=sample,
            label=path.stem,
            attributes=attributes,
            provenance=Provenance.of_file(path, "velocity_counts").then(*steps, *filter(None, [step])),
        )
    ]


def _numbers(line: str) -> list[float] | None:
    cells = split_cells(line)
    try:
        numbers = [float(cell.replace("D", "E").replace("d", "e")) for cell in cells[:3]]
    except ValueError:
        return None
    return numbers if len(numbers) >= 2 and np.all(np.isfinite(numbers)) else None


def _check(name: str, velocity: np.ndarray, values: np.ndarray, places: list[int]) -> None:
    if np.max(np.abs(velocity)) > FASTEST:
        line = places[int(np.argmax(np.abs(velocity)))]
        fast = np.max(np.abs(velocity)) / MM_S
        raise FormatError(f"{name}, line {line}: {fast:g} mm/s is no velocity; are the columns in the other order?")
    if np.any(values < 0):
        line = places[int(np.argmax(values < 0))]
        raise FormatError(f"{name}, line {line}: counts cannot be negative, found {values[values < 0][0]:g}")
    steps = np.diff(velocity)
    if np.any(steps == 0):
        line = places[int(np.argmax(steps == 0)) + 1]
        raise FormatError(
            f"{name}, line {line}: the velocity {velocity[np.argmax(steps == 0)] / MM_S:g} mm/s stands twice"
        )
    turns = np.flatnonzero(np.sign(steps[1:]) != np.sign(steps[:-1]))
    if turns.size:
        line = places[int(turns[0]) + 1]
        raise FormatError(
            f"{name}, line {line}: the velocities turn back here: this spectrum is not folded; give its counts alone"
            " and fold them with the calibration"
        )
