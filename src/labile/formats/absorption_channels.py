"""How detector columns of an X-ray absorption scan become mu(E).

Transmission ln(i0/itrans), fluorescence sum(ifluor)/i0, reference foil ln(itrans/irefer), or a stored mu.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement, Provenance
from labile.formats.absorption_columns import Roles, Table, column_index, question, roles
from labile.formats.absorption_scans import EV, Grid, grid, known_unit, scans, stated_temperature, to_electronvolts
from labile.formats.amounts import amount
from labile.formats.registry import FormatError

MODES = ("transmission", "fluorescence", "reference", "stored")
_STORED = {
    "mutrans": "transmission", "mufluor": "fluorescence", "murefer": "reference", "mu": "stored",
    "normtrans": "transmission", "normfluor": "fluorescence", "normrefer": "reference", "norm": "stored",
}  # fmt: skip
_SATURATED_ROWS = 3
"""So many equal highest readings in a row are a counter at its end."""
_SATURATED_STEPS = 1000.0
"""... if its resolution is that fine; coarser readings repeat by chance."""

_FEWEST_OF_OTHERS = 0.05
"""A channel that gives nothing where its share of the others is above this part of its highest reading has failed."""
_FEWEST_AFTER_SIGNAL = 0.2
"""... and so have all channels where the sum fell to nothing from above this part of its highest reading."""
_CERTAIN_NOISE = 5.0
"""So many times the scatter of the other readings must be expected."""
_CERTAIN_COUNTS = 20.0
"""Where so many counts are expected, none are found by chance once in 5e8 points."""


@dataclass(frozen=True)
class Options:
    """What the user says about a file; see the readers."""

    columns: Mapping[str, Any] | None = None
    mode: str | None = None
    channels: bool = False
    without: Sequence[int | str] = ()
    energy_unit: str = ""
    d_spacing: float | str | None = None
    temperature: float | str | None = None
    sample: str = "sample"
    counts: bool | None = None
    bad_points: str = "refuse"
    repair: bool = True


def spectra(table: Table, options: Options) -> list[Measurement]:
    """Every spectrum of a table that its columns give, scan by scan.

    Raises
    ------
    FormatError
        If the meaning of the columns is not determined, or the requested spectrum cannot be computed.
    """
    _check_options(table.name, options)
    meaning = roles(table, options.columns)
    unwanted = {column_index(table, one, "without") for one in options.without}
    if strange := unwanted - set(meaning.found.get("ifluor", ())):
        titles = ", ".join(f"column {index + 1} {table.columns[index].name!r}" for index in sorted(strange))
        raise FormatError(f"{table.name}: without= names {titles}, no fluorescence channel")
    values = table.rows[:, meaning.energy]
    title = table.columns[meaning.energy]
    unit = options.energy_unit or known_unit(title.unit)
    if title.unit and not unit:
        raise FormatError(
            f"{table.name}: column {meaning.energy + 1} {title.name!r} is in {title.unit!r}, which is no unit of energy"
            " known here; say it with energy_unit= ('eV', 'keV', 'angstrom', 'degree', 'radian')"
        )
    d_spacing = table.d_spacing if options.d_spacing is None else _d_spacing(table.name, options.d_spacing)
    energy, energy_steps = to_electronvolts(values, unit, d_spacing, f"{table.name}, column {meaning.energy + 1}")
    kelvin, source, more = stated_temperature(table.path, options.temperature, table.temperature)
    attributes = {**table.header, "temperature_source": source}
    if d_spacing is not None:
        attributes["d_spacing"] = d_spacing
    said = {} if options.columns is None else {"columns": str(dict(options.columns))}
    origin = Provenance.of_file(table.path, table.reader, said).then(*table.steps, *meaning.steps, *energy_steps, *more)
    result: list[Measurement] = []
    found = scans(energy, table.name)
    for number, (rows, scan_steps) in enumerate(found, 1):
        part = _Part(table, options, meaning, rows, energy[rows])
        # names such as fe.060 differ in what only looks like a suffix
        stem = table.name if table.path.suffix[1:].isdigit() else table.path.stem
        label = stem + (f" scan {number}" if len(found) > 1 else "")
        context = (kelvin, label, attributes, origin.then(*scan_steps))
        result += _raw(part, *context) if options.channels else _computed(part, *context)
    return result


def _check_options(name: str, options: Options) -> None:
    if options.mode is not None and options.mode not in MODES:
        raise FormatError(f"{name}: option mode={options.mode!r} is unknown; use one of {', '.join(MODES)}")
    if options.bad_points not in ("refuse", "drop"):
        raise FormatError(f"{name}: option bad_points={options.bad_points!r} is unknown; use refuse or drop")
    if options.columns is not None and not isinstance(options.columns, Mapping):
        raise FormatError(
            f"{name}: option columns={options.columns!r}: expected a table of role and column, as in"
            ' columns={"energy": 1, "mu": 2}'
        )


def _d_spacing(name: str, given: float | str) -> float:
    """Metres."""
    value = amount(name, "d_spacing", given, "angstrom", "d_spacing")
    if not 1e-11 < value < 1e-8:
        raise FormatError(f"{name}: option d_spacing={given!r} must be in angstrom (Si(111) 3.1356)")
    return value


def listed(without: int | str | Sequence[int | str]) -> tuple[int | str, ...]:
    """Columns to leave out, of which there may be one alone."""
    return (without,) if isinstance(without, (int, str)) else tuple(without)


@dataclass(frozen=True, eq=False)
class _Part:
    """One scan of a table."""

    table: Table
    options: Options
    roles: Roles
    rows: slice
    energy: np.ndarray

    def column(self, index: int) -> np.ndarray:
        return self.table.rows[self.rows, index]

    def title(self, index: int) -> str:
        return f"column {index + 1} {self.table.columns[index].name!r}"


def _raw(
    part: _Part, kelvin: float, label: str, attributes: Mapping[str, float | str], origin: Provenance
) -> list[Measurement]:
    """Every column as it was recorded: nothing sorted, averaged or left out."""
    role_of = {index: role for role, indices in part.roles.found.items() for index in indices}
    return [
        Measurement(
            "intensity",
            part.column(index)[None, :],
            Conditions(kelvin),
            axis=Axis("energy", part.energy * EV),
            sample=part.options.sample,
            label=f"{label} {column.name}",
            attributes={
                **attributes,
                "channel": column.name,
                "column": float(index + 1),
                "role": role_of.get(index, ""),
                "channel_unit": column.unit,
                "first_line": float(part.table.lines[part.rows][0]),
            },
            provenance=origin,
        )
        for index, column in enumerate(part.table.columns)
        if index != part.roles.energy
    ]


def _computed(
    part: _Part, kelvin: float, label: str, attributes: Mapping[str, float | str], origin: Provenance
) -> list[Measurement]:
    found = part.roles.found
    possible = [
        mode
        for mode, needed in (
            ("transmission", "i0 itrans"),
            ("fluorescence", "i0 ifluor"),
            ("reference", "itrans irefer"),
        )
        if all(role in found for role in needed.split())
    ]
    stored = {role: _STORED[role] for role in _STORED if role in found}
    results: list[tuple[str, str, np.ndarray, np.ndarray | None, np.ndarray, list[str]]] = []
    failed: list[str] = []
    for mode in possible:
        if part.options.mode not in (None, mode):
            continue
        try:
            mu, sigma, keep, steps = _mode(part, mode)
            results.append((mode, "absorption", mu, sigma, keep, steps))
        except FormatError as error:
            if part.options.mode == mode:
                raise
            failed.append(f"no {mode} spectrum: {str(error).removeprefix(part.table.name).lstrip(', :')}")
    every = np.ones(part.energy.size, bool)
    taken: dict[str, str] = {}
    for role, mode in stored.items():
        if part.options.mode not in (None, mode, "stored"):
            continue
        if any(one[0] == mode for one in results) and part.options.mode != "stored":
            instead = taken.get(mode, "")
            why = f"{instead} is stored too" if instead else "it is computed from the detectors"
            kind = "spectrum" if mode == "stored" else f"{mode} spectrum"
            failed.append(f"the stored {kind} ({role}) was left out: {why}")
            continue
        taken[mode] = role
        quantity = "normalized_absorption" if role.startswith("norm") else "absorption"
        results.append((mode, quantity, part.column(found[role][0]), None, every, [f"{role} as stored in the file"]))
    unclear = [text for role, text in part.roles.unclear.items() if role != "energy"]
    if not results and failed and not unclear:
        raise FormatError(f"{part.table.name}: {'; '.join(failed)}")
    if not results:
        what = "no spectrum" if part.options.mode is None else f"no {part.options.mode} spectrum"
        raise FormatError(question(part.table, f"{what} can be computed", [*failed, *unclear]))
    return [
        _spectrum(part, one, kelvin, label + (f" {one[0]}" if len(results) > 1 else ""), attributes,
                  origin.then(*failed, *unclear))
        for one in results
    ]  # fmt: skip


def _spectrum(
    part: _Part, one: tuple[str, str, np.ndarray, np.ndarray | None, np.ndarray, list[str]], kelvin: float, label: str,
    attributes: Mapping[str, float | str], origin: Provenance,
) -> Measurement:  # fmt: skip
    mode, quantity, values, sigma, keep, steps = one
    rows: Grid = grid(part.energy[keep], part.table.name, part.options.repair)
    if sigma is not None:
        sigma = np.sqrt(rows.averaged(sigma[keep] ** 2) / rows.times)
    return Measurement(
        quantity,
        rows.averaged(values[keep])[None, :],
        Conditions(kelvin),
        None if sigma is None else sigma[None, :],
        axis=Axis("energy", rows.energy * EV),
        sample=part.options.sample,
        label=label,
        attributes={**attributes, "mode": mode},
        provenance=origin.then(*steps, *rows.steps),
    )


# what each mode is computed from


def _mode(part: _Part, mode: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, list[str]]:
    """Spectrum, sigma, the rows that count, and steps; values of other rows mean nothing."""
    found = part.roles.found
    if mode == "fluorescence":
        return _fluorescence(part)
    above, below = (found["i0"][0], found["itrans"][0]) if mode == "transmission" else (
        found["itrans"][0], found["irefer"][0])  # fmt: skip
    steps: list[str] = []
    first, second = (_intensity(part, index, steps) for index in (above, below))
    bad = _bad(part, above, first) | _bad(part, below, second)
    keep = _kept(part, bad, mode, steps)
    with np.errstate(divide="ignore", invalid="ignore"):
        mu = np.log(first / second)
    steps.append(f"{mode}: ln({part.title(above)} / {part.title(below)})")
    sigma = None
    if part.options.counts:
        for index in (above, below):
            _require_counts(part, index)
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.sqrt(1.0 / first + 1.0 / second)
        steps.append("sigma from counting statistics")
    return np.where(keep, mu, 0.0), sigma, keep, steps


def _fluorescence(part: _Part) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, list[str]]:
    found = part.roles.found
    steps: list[str] = []
    monitor = _intensity(part, found["i0"][0], steps)
    live = _live(part, steps)
    factors, steps_of_factors = _dead_time(part, live)
    steps += steps_of_factors
    bad = _bad(part, found["i0"][0], monitor)
    total, variance = np.zeros(monitor.size), np.zeros(monitor.size)
    for index, factor in zip(live, factors, strict=True):
        channel = _intensity(part, index, steps) if len(live) == 1 else part.column(index)
        bad = bad | _Bad(np.zeros(channel.size, bool), _saturated(channel))
        total += channel * factor
        # a channel without counts in a point is uncertain by one count
        variance += np.maximum(np.abs(channel), 1.0) * factor**2
    if np.count_nonzero(total <= 0) > 0.5 * total.size:
        titles = ", ".join(part.title(index) for index in live[:3])
        raise FormatError(f"{part.table.name}: {titles}: zero or negative in most rows: no fluorescence was recorded")
    low = _without_counts(part, live, total)
    if part.options.bad_points == "refuse":
        _refuse_low(part, low)
    bad = bad | _Bad(np.any(list(low.values()), axis=0), np.zeros(total.size, bool))
    keep = _kept(part, bad, "fluorescence", steps)
    many = f"sum of {len(live)} columns ({part.title(live[0])} to {part.title(live[-1])})"
    steps.append(f"fluorescence: {many if len(live) > 1 else part.title(live[0])} / {part.title(found['i0'][0])}")
    sigma = None
    units = [part.table.columns[index].unit.lower() for index in live]
    whole = all(np.all(part.column(i) == np.round(part.column(i))) and np.all(part.column(i) >= 0) for i in live)
    named = all(re.match(r"counts?\b(?!.*rate)", unit) for unit in units)
    if part.options.counts:
        for index in live:
            _require_counts(part, index)
    if part.options.counts or (part.options.counts is None and named and whole):
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.sqrt(variance) / monitor
        steps.append("sigma from the counting statistics of the fluorescence alone")
    with np.errstate(divide="ignore", invalid="ignore"):
        mu = total / monitor
    return np.where(keep, mu, 0.0), sigma, keep, steps


def _without_counts(part: _Part, live: Sequence[int], total: np.ndarray) -> dict[int, np.ndarray]:
    """Rows where a channel gives nothing although the others count, or their sum nothing above the edge.

    A few counts may well be none in a point, and a current without a signal may be negative: only readings that must
    be there count as missing.
    """
    columns = {index: part.column(index) for index in live}
    summed = np.sum(list(columns.values()), axis=0)
    low = {}
    for index, values in columns.items():
        others = summed - values
        both = (values > 0) & (others > 0)
        expected = np.median(values[both] / others[both]) * others if np.any(both) else np.zeros(values.size)
        low[index] = _missing(values, expected, _FEWEST_OF_OTHERS) if len(live) > 1 else np.zeros(values.size, bool)
    # in the order of energies, so that a scan down to the pre-edge is no loss of signal
    order = np.argsort(part.energy, kind="stable")
    counted = np.maximum.accumulate(np.where(total[order] > 0, np.arange(order.size), -1))
    counted = np.concatenate([[-1], counted[:-1]])
    before = np.where(counted >= 0, total[order][counted], 0.0)
    gone = np.zeros(total.size, bool)
    gone[order] = _missing(total[order], before, _FEWEST_AFTER_SIGNAL)
    return {index: one | gone for index, one in low.items()}


def _missing(values: np.ndarray, expected: np.ndarray, share: float) -> np.ndarray:
    """Readings of zero or less where a `share` of the highest one is expected, and more than chance or noise loses."""
    positive = values > 0
    if not np.any(positive):
        return np.zeros(values.size, bool)
    read = values[positive]
    least = max(share * float(read.max()), _CERTAIN_NOISE * float(np.sqrt(np.mean((read - expected[positive]) ** 2))))
    runs = np.count_nonzero(np.diff(positive.astype(int)) == 1) + int(positive[0])
    if np.mean(np.abs(read - np.round(read)) < 0.05) > 0.6:
        least = max(least, _CERTAIN_COUNTS)
    elif read.size < 0.5 * values.size and runs > 0.5 * read.size * (1 - read.size / values.size):
        # rates of a channel that sees a single pulse now and then
        least = max(least, _CERTAIN_COUNTS * float(np.median(read)))
    return np.asarray((values <= 0) & (expected > least))


def _refuse_low(part: _Part, low: Mapping[int, np.ndarray]) -> None:
    found = [
        f"{part.title(index)} is zero or negative in {np.count_nonzero(rows)} points where it must count"
        f" ({_lines(part, rows)})"
        for index, rows in low.items()
        if np.any(rows)
    ]
    if found:
        first = next(index for index, rows in low.items() if np.any(rows))
        raise FormatError(
            f"{part.table.name}: {'; '.join(found)}; without=[{first + 1}] leaves a channel out, bad_points='drop' the"
            " points, channels=True shows the columns"
        )


def _live(part: _Part, steps: list[str]) -> list[int]:
    """Fluorescence columns without those left out or dead."""
    indices = part.roles.found["ifluor"]
    unwanted = {column_index(part.table, one, "without") for one in part.options.without}
    dead = [i for i in indices if i not in unwanted and _dead(part, i)]
    live = [i for i in indices if i not in unwanted and i not in dead]
    if unwanted:
        steps.append(f"left out as asked: {', '.join(part.title(index) for index in sorted(unwanted))}")
    if not live:
        titles = ", ".join(part.title(index) for index in dead[:3])
        raise FormatError(f"{part.table.name}: no fluorescence channel has a signal; dead: {titles}")
    if dead:
        steps.append(f"dead channels without any signal left out: {', '.join(part.title(index) for index in dead)}")
    return live


def _dead(part: _Part, index: int) -> bool:
    """Whether a channel gives the same number throughout, or none above zero where the monitor has some."""
    values = part.column(index)
    positive = np.any(part.column(part.roles.found["i0"][0]) > 0)
    return bool(np.ptp(values) == 0 or (positive and np.all(values <= 0)))


def _dead_time(part: _Part, live: Sequence[int]) -> tuple[list[np.ndarray], list[str]]:
    """Factor of each live channel: input over output count rate where both are named."""
    found, indices = part.roles.found, part.roles.found["ifluor"]
    unity = [np.ones(part.energy.size) for _ in live]
    if "dtfactor" in found and len(found["dtfactor"]) == len(indices):
        factors = [part.column(found["dtfactor"][indices.index(one)]) for one in live]
        if all(np.all(factor >= 0.999) and np.all(factor < 100) for factor in factors):
            return factors, ["corrected for dead time by the factors in the file"]
        raise FormatError(f"{part.table.name}: a dead-time factor is below 1; leave these columns out of columns=")
    if not ("icr" in found and "ocr" in found):
        role = next((role for role in ("icr", "ocr") if role in found), "")
        other = {"icr": "ocr", "ocr": "icr"}.get(role, "")
        return unity, [f"columns {role} but no {other}: not corrected for dead time"] if role else []
    if not len(found["icr"]) == len(found["ocr"]) == len(indices):
        raise FormatError(
            f"{part.table.name}: {len(indices)} fluorescence channels, {len(found['icr'])} input and"
            f" {len(found['ocr'])} output count rates; name as many of each with columns="
        )
    factors = []
    for one in live:
        place = indices.index(one)
        incoming, outgoing = part.column(found["icr"][place]), part.column(found["ocr"][place])
        if np.any((outgoing <= 0) & (part.column(one) > 0)):
            raise FormatError(f"{part.table.name}: {part.title(found['ocr'][place])} is 0 where its channel counts")
        factor = np.divide(incoming, outgoing, out=np.ones(part.energy.size), where=outgoing > 0)
        if np.median(factor) < 0.999:
            raise FormatError(
                f"{part.table.name}: {part.title(found['icr'][place])} is below {part.title(found['ocr'][place])}: a"
                " detector cannot give more pulses than come in; are icr and ocr exchanged?"
            )
        factors.append(factor)
    return factors, ["corrected for dead time: each channel times icr/ocr"]


def _require_counts(part: _Part, index: int) -> None:
    values = part.column(index)
    if np.any(values < 0) or np.any(values != np.round(values)):
        raise FormatError(f"{part.table.name}: {part.title(index)} holds no whole counts; leave counts=True out")


def _intensity(part: _Part, index: int, steps: list[str]) -> np.ndarray:
    """Intensities of a column; where the monitor is negative throughout, amplifiers had the other polarity."""
    values = part.column(index)
    monitor = part.roles.found.get("i0", (index,))[0]
    if np.all(values < 0) and np.all(part.column(monitor) < 0):
        steps.append(f"{part.title(index)} is negative throughout, as the monitor is: its magnitude is used")
        return -values
    return values


def _saturated(values: np.ndarray) -> np.ndarray:
    """Rows at the end of a counter: the highest reading several times in a row."""
    top = values == values.max()
    distinct = np.unique(values)
    if distinct.size < 4 or np.count_nonzero(top) < _SATURATED_ROWS:
        return np.zeros(values.size, bool)
    if values.max() / np.min(np.diff(distinct)) < _SATURATED_STEPS:
        return np.zeros(values.size, bool)
    together = np.convolve(top, np.ones(_SATURATED_ROWS), "valid") >= _SATURATED_ROWS
    return top if np.any(together) else np.zeros(values.size, bool)


@dataclass(frozen=True, eq=False)
class _Bad:
    """Rows whose reading is no intensity."""

    low: np.ndarray
    saturated: np.ndarray

    def __or__(self, other: _Bad) -> _Bad:
        return _Bad(self.low | other.low, self.saturated | other.saturated)


def _bad(part: _Part, index: int, values: np.ndarray) -> _Bad:
    low = values <= 0
    if np.count_nonzero(low) > 0.5 * values.size:
        raise FormatError(
            f"{part.table.name}: {part.title(index)} is zero or negative in {np.count_nonzero(low)} of {values.size}"
            " rows: it recorded no intensity; name another column with columns="
        )
    return _Bad(low, _saturated(values))


def _kept(part: _Part, bad: _Bad, mode: str, steps: list[str]) -> np.ndarray:
    """Rows that count; refuses bad ones unless they are to be dropped."""
    keep = ~(bad.low | bad.saturated)
    if np.all(keep):
        return np.asarray(keep)
    found = " and ".join(
        f"{np.count_nonzero(rows)} points of the {mode} {what} ({_lines(part, rows)})"
        for rows, what in ((bad.saturated, "with a saturated detector"), (bad.low, "without intensity"))
        if np.any(rows)
    )
    if part.options.bad_points == "refuse":
        raise FormatError(
            f"{part.table.name}: {found}; bad_points='drop' leaves them out, channels=True shows the columns"
        )
    if np.count_nonzero(keep) < 3:
        raise FormatError(f"{part.table.name}: {found}: nothing is left without them")
    steps.append(f"{found}: left out")
    return np.asarray(keep)


def _lines(part: _Part, rows: np.ndarray) -> str:
    lines = part.table.lines[part.rows][rows]
    return "line " + ", ".join(map(str, lines[:5])) + (", ..." if lines.size > 5 else "")
