"""From SQUID voltages along a scan to moments: background scans subtracted first, then the dipole is fitted.

A point dipole that moves along the axis of a second-order gradiometer (two turns at the centre, one turn of the other
sense at the distance L on either side, radius R) gives

    U(z) = A {2 [R^2 + (z-c)^2]^(-3/2) - [R^2 + (z-c+L)^2]^(-3/2) - [R^2 + (z-c-L)^2]^(-3/2)} + offset + drift

and its moment is A times a calibration of the instrument. Subtracting the moment of an empty holder is right only where
holder and sample sit at the same place; subtracting its scan is always right (Coak et al., doi:10.1063/1.5137820).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import CorrelatedTerm, Measurement, Provenance
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.techniques.magnetometry.holder import MagnetometryError, field_tolerance
from labile.techniques.magnetometry.reduction import MagnetometryWarning, reduce_moment
from labile.techniques.magnetometry.scan_background import (
    TEMPERATURE_MARGIN,
    ScanBackground,
    by_measurement,
    given_center,
    scaled_voltage,
    where_of,
)

POOR_QUALITY = 0.9
"""Share of the variation along the scan that the dipole explains, below which a moment is flagged."""
FAR_OFF_CENTER = 2e-3
"""m; a free centre this far from the given one is no sample at its place."""
LARGEST_SPREAD = 0.01
"""Relative; moments of the instrument's program and amplitudes that differ by more have no common calibration."""


@dataclass(frozen=True)
class Gradiometer:
    """Pick-up coils of an instrument.

    Attributes
    ----------
    name : str
        As in the attribute ``instrument`` of its scans.
    radius, separation : float
        R and L, m.
    calibration : float or None
        Moment per amplitude, A m2 / (V m3), of scaled voltages; None where every instrument has its own.
    """

    name: str
    radius: float
    separation: float
    calibration: float | None = None

    def response(self, position: np.ndarray) -> np.ndarray:
        """Shape of the voltage of a dipole, m-3, at positions (m) from the centre; largest at 0.

        Examples
        --------
        >>> bool(MPMS3.response(np.array([0.0])) > 0 > MPMS3.response(np.array([MPMS3.separation]))[0])
        True
        """
        return np.asarray(self._sum(position, lambda u: u**-1.5))

    def slope(self, position: np.ndarray) -> np.ndarray:
        """Derivative of `response` in the position, m-4."""
        parts = [(2.0, position), (-1.0, position + self.separation), (-1.0, position - self.separation)]
        return np.asarray(sum(-3.0 * w * z * (self.radius**2 + z**2) ** -2.5 for w, z in parts))

    def _sum(self, position: np.ndarray, function: Any) -> Any:
        near = function(self.radius**2 + (position + self.separation) ** 2)
        far = function(self.radius**2 + (position - self.separation) ** 2)
        return 2.0 * function(self.radius**2 + position**2) - near - far


MPMS3 = Gradiometer("MPMS3", 8.36536e-3, 7.96e-3)
"""Read from the curves that MPMS3 programs (builds 347 and 399, two instruments) wrote beside their scans: they follow
the response with these numbers to 1e-7. Documents of the maker give the rounder 8.5 mm and 8 mm."""
MPMS_XL = Gradiometer("MPMS-XL", 9.7e-3, 15.19e-3, 1e3 / 0.9125)
"""Coils of the maker's application note 1014-213; 1/0.9125 emu V-1 cm-3 for the column ``Long Scaled Response``."""
GRADIOMETERS = {one.name: one for one in (MPMS3, MPMS_XL)}


@dataclass(frozen=True, eq=False)
class ScanFit:
    """The dipole of one measurement.

    Attributes
    ----------
    number : int
        Of the measurement in its file, from 1.
    temperature, magnetic_field : float
        K, T.
    time : float or None
        s.
    amplitude, sigma : float
        A times the range, V m3, and its standard uncertainty from the residuals and their correlation along the scan.
    center, sigma_center : float
        m; sigma is 0 for a fixed centre.
    quality : float
        Share of the variation beside offset and drift that the dipole explains; 1 is perfect.
    noise : float
        Standard deviation of the residuals, V times the range.
    squid_range : float
    position, voltage, fitted : ndarray (M,)
        What was fitted, m and V times the range; all passes one after the other.
    doubts : tuple of str
        Why the moment should not be trusted; empty when nothing is wrong.
    """

    number: int
    temperature: float
    magnetic_field: float
    time: float | None
    amplitude: float
    sigma: float
    center: float
    sigma_center: float
    quality: float
    noise: float
    squid_range: float
    position: np.ndarray
    voltage: np.ndarray
    fitted: np.ndarray
    doubts: tuple[str, ...] = ()


def fit_scans(
    scans: Sequence[Measurement],
    *,
    background: Sequence[Measurement] | None = None,
    center: str = "fixed",
    drift: bool = True,
    align: str = "position",
    half_length: float | None = None,
    gradiometer: Gradiometer | None = None,
) -> tuple[ScanFit, ...]:
    """Fit the dipole of every measurement of a raw file, after subtracting background scans.

    Both passes of a measurement share amplitude and centre; each has its own offset and its own drift (linear in the
    number of the point). The background is subtracted point by point: its scans in the same direction at the same
    field, interpolated in position (cubic spline) and linearly between its two neighbouring temperatures.

    Parameters
    ----------
    scans : sequence of Measurement
        ``"scan_voltage"`` along ``"position"``, as `labile.formats.quantum_design_raw` reads them.
    background : sequence of Measurement, optional
        Scans of everything but the sample.
    center : {"fixed", "free"}
        The centre the file gives, or fitted.
    drift : bool
        Whether each pass has a drift.
    align : {"position", "center"}
        Whether background and sample belong together at equal positions of the motor, or at equal distances from the
        given centre (a holder that was mounted anew).
    half_length : float, optional
        m; only points this close to the centre are used.
    gradiometer : Gradiometer, optional
        By default that of the instrument the file names.

    Returns
    -------
    tuple of ScanFit

    Raises
    ------
    MagnetometryError
        If these are no scans, an option is unknown, the centre is not known, or the background lacks the field, the
        temperatures, the direction or the positions of the sample.

    Examples
    --------
    >>> from labile.core.measurement import Axis
    >>> z = np.linspace(0.01, 0.05, 101)
    >>> voltage = 2e-4 * MPMS3.response(z - 0.03) * 1e-6 + 0.1
    >>> known = {"instrument": "MPMS3", "scan_of": 1.0, "direction": "up", "squid_range": 1.0, "given_center": 0.03}
    >>> scan = Measurement("scan_voltage", [voltage], Conditions([5.0]), axis=Axis("position", z), attributes=known)
    >>> round(fit_scans([scan])[0].amplitude * 1e10, 6)
    2.0
    """
    for name, value, allowed in (("center", center, ("fixed", "free")), ("align", align, ("position", "center"))):
        if value not in allowed:
            raise MagnetometryError(f"raw scans: {name} must be {' or '.join(map(repr, allowed))}, found {value!r}")
    if half_length is not None and not (half_length > 0 and math.isfinite(half_length)):
        raise MagnetometryError(f"raw scans: half_length must be > 0 m, found {half_length!r}")
    measured = by_measurement(scans)
    coils = gradiometer or _gradiometer(scans[0])
    empty = None if background is None else ScanBackground(background, align)
    return tuple(_fit(number, passes, coils, empty, center, drift, half_length) for number, passes in measured.items())


def reduce_scans(
    scans: Sequence[Measurement],
    *,
    quantity: str = "moment",
    background: Sequence[Measurement] | None = None,
    moments: Sequence[Measurement] | None = None,
    calibration: float | None = None,
    sigma_calibration: float = 0.0,
    center: str = "fixed",
    drift: bool = True,
    align: str = "position",
    half_length: float | None = None,
    **corrections: Any,
) -> Measurement:
    """Moments from raw scans, or what `reduce_moment` makes of them.

    Parameters
    ----------
    scans, background, center, drift, align, half_length
        See `fit_scans`.
    quantity : {"moment", "chi_t", "chi_m", "mu_eff", "magnetization"}
        What to return; the other three pass through `reduce_moment`.
    moments : sequence of Measurement, optional
        Moments that the instrument's program found in the same measurements with the fixed centre (the ``.dat`` file
        beside the ``.rw.dat``): they calibrate the amplitudes, see `instrument_calibration`.
    calibration : float, optional
        A m2 / (V m3) at range 1, instead.
    sigma_calibration : float
        Its standard uncertainty, which becomes a correlated term.
    **corrections
        Options of `reduce_moment` (masses, diamagnetism) for the other quantities.

    Returns
    -------
    Measurement
        One moment a measurement, with sigma; doubtful fits are named in ``provenance.steps``.

    Raises
    ------
    MagnetometryError
        As `fit_scans`; without a calibration; or for corrections of a bare moment.

    Warns
    -----
    MagnetometryWarning
        When fits are doubtful: the dipole explains less than 90 % of the variation, or the centre is elsewhere.
    """
    if quantity == "moment" and corrections:
        raise MagnetometryError(
            f"raw scans: {', '.join(corrections)} belong to chi_t, chi_m or mu_eff; ask for one of these quantities"
        )
    found = fit_scans(scans, background=background, center=center, drift=drift, align=align, half_length=half_length)
    scale, relative, step = _scale(scans, found, moments, calibration, sigma_calibration, drift, half_length)
    steps = [
        f"dipole of {len(found)} measurements fitted, centre {center}"
        f"{', background scans subtracted (' + background[0].provenance.source + ')' if background else ''}",
        step,
    ]
    doubtful = [one for one in found if one.doubts]
    if doubtful:
        places = "; ".join(f"{one.temperature:.4g} K: {', '.join(one.doubts)}" for one in doubtful[:6])
        more = f"; and {len(doubtful) - 6} more" if len(doubtful) > 6 else ""
        steps.append(f"doubtful fits, {len(doubtful)} of {len(found)}: {places}{more}")
        warnings.warn(f"{where_of(scans[0])}: {steps[-1]}", MagnetometryWarning, stacklevel=2)
    values = np.array([one.amplitude for one in found]) * scale
    times = [one.time for one in found]
    first = scans[0]
    before: Provenance = first.provenance
    moment = Measurement(
        "moment",
        values,
        Conditions(
            [one.temperature for one in found],
            magnetic_field=[one.magnetic_field for one in found],
            time=None if None in times else times,
        ),
        sigma=np.maximum(np.array([one.sigma for one in found]) * np.abs(scale), 1e-12 * np.abs(values) + 1e-300),
        correlated=(CorrelatedTerm("calibration", values * relative),) if np.any(relative) else (),
        sample=first.sample,
        label=first.label.rsplit(" ", 2)[0],
        attributes={k: v for k, v in first.attributes.items() if k not in _OF_ONE_SCAN},
        provenance=replace(before, reader="raw_scans").then(*steps),
    )
    return moment if quantity == "moment" else reduce_moment(moment, quantity=quantity, **corrections)


def instrument_calibration(
    scans: Sequence[Measurement],
    moments: Sequence[Measurement],
    *,
    center: str = "fixed",
    drift: bool = True,
    half_length: float | None = None,
) -> dict[float, tuple[float, float]]:
    """Calibration that reproduces the moments which the instrument's program found in the same scans.

    Parameters
    ----------
    scans : sequence of Measurement
        Without any background subtracted.
    moments : sequence of Measurement
        ``"moment"``: as many points as there are measurements in `scans`, at the same temperatures and fields.
    center, drift, half_length
        See `fit_scans`; take the centre of the moments' column.

    Returns
    -------
    dict of float to (float, float)
        SQUID range to calibration, A m2 / (V m3) times that range, and the relative spread of single measurements.
        One for each range, because the raw files of some program versions state another range than the moments had.

    Raises
    ------
    MagnetometryError
        If the points do not match, or the ratio of moment and amplitude is not the same for all within 1 %.
    """
    found = fit_scans(scans, center=center, drift=drift, half_length=half_length)
    values = np.concatenate([m.values for m in moments])
    temperature = np.concatenate([m.temperature for m in moments])
    flux = np.concatenate([m.conditions.magnetic_field for m in moments])
    where = where_of(scans[0])
    if any(m.quantity != "moment" for m in moments) or values.size != len(found):
        raise MagnetometryError(
            f"{where}: {len(found)} measurements in the raw file, {values.size} moments in {moments[0].label!r}; name"
            " the log that was written together with this raw file"
        )
    for one, kelvin, tesla, number in zip(found, temperature, flux, range(1, values.size + 1), strict=True):
        if abs(one.temperature - kelvin) > TEMPERATURE_MARGIN or abs(one.magnetic_field - tesla) > field_tolerance(
            tesla
        ):
            raise MagnetometryError(
                f"{where}: measurement {number} was at {one.temperature:.4g} K and {one.magnetic_field:.4g} T, moment"
                f" {number} at {kelvin:.4g} K and {tesla:.4g} T; name the log that was written with this raw file"
            )
    out: dict[float, tuple[float, float]] = {}
    for squid_range in dict.fromkeys(one.squid_range for one in found):
        which = np.array([one.squid_range == squid_range for one in found])
        amplitude = np.array([one.amplitude for one in found])[which]
        # weak signals say little about a ratio
        weight = np.abs(amplitude) / np.array([max(one.sigma, 1e-9 * abs(one.amplitude)) for one in found])[which]
        ratio = values[which] / amplitude
        mean = float(np.average(ratio, weights=weight**2))
        spread = float(np.sqrt(np.average((ratio / mean - 1.0) ** 2, weights=weight**2)))
        if spread > LARGEST_SPREAD:
            raise MagnetometryError(
                f"{where}: moments over amplitudes spread by {100 * spread:.2g} % at SQUID range {squid_range:g}; a"
                f" common calibration needs less than {100 * LARGEST_SPREAD:g} %. Was center={center!r} the centre of"
                " these moments? Else give calibration"
            )
        out[squid_range] = (mean, spread)
    return out


_OF_ONE_SCAN = ("scan_of", "direction", "squid_range", "given_center")


def _gradiometer(scan: Measurement) -> Gradiometer:
    name = str(scan.attributes.get("instrument", ""))
    if name not in GRADIOMETERS:
        raise MagnetometryError(
            f"{where_of(scan)}: the coils of instrument {name!r} are not known (there are {', '.join(GRADIOMETERS)});"
            " pass gradiometer"
        )
    return GRADIOMETERS[name]


def _fit(
    number: int,
    passes: Sequence[Measurement],
    coils: Gradiometer,
    empty: ScanBackground | None,
    center: str,
    drift: bool,
    half_length: float | None,
) -> ScanFit:
    where = where_of(passes[0])
    given = given_center(passes[0])
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for scan in passes:
        position, voltage = scaled_voltage(scan)
        points = np.flatnonzero(np.abs(position - given) <= (half_length or math.inf))
        if points.size < 10:
            raise MagnetometryError(
                f"{where}: only {points.size} points within {1e3 * (half_length or 0):g} mm of the centre,"
                f" {1e3 * given:.2f} mm; at least 10 are needed. Enlarge half_length"
            )
        last = position.size - 1
        if empty is None:
            position, voltage = position[points], voltage[points]
        else:
            position, voltage, points = empty.subtracted(scan, points)
        # drift runs from -1 to 1 along a pass, in the order in which its points were taken
        columns.append((position, voltage, 2.0 * points / last - 1.0))
    position, voltage = (np.concatenate([one[i] for one in columns]) for i in (0, 1))
    nuisance = np.zeros((position.size, len(columns) * (2 if drift else 1)))
    start = 0
    for k, (z, _, along) in enumerate(columns):
        rows = slice(start, start + z.size)
        nuisance[rows, k] = 1.0
        if drift:
            nuisance[rows, len(columns) + k] = along
        start += z.size
    amplitude_unit, voltage_unit = _units(coils, voltage)
    shift = coils.radius
    # farther away a side lobe of the response could pass for a dipole of the other sign
    reach = coils.separation / shift

    names = tuple(
        f"pass_{k + 1}.{kind}" for kind in ("offset", "drift")[: 2 if drift else 1] for k in range(len(columns))
    )
    begin = _first_center(position - given, voltage / voltage_unit, nuisance, coils) if center == "free" else 0.0
    projected = _project(
        nuisance, np.column_stack([coils.response(position - given - begin) * amplitude_unit, voltage / voltage_unit])
    )
    first = float(projected[:, 0] @ projected[:, 1] / (projected[:, 0] @ projected[:, 0]))
    parameters = Parameters(
        (
            Parameter("dipole.amplitude", first),
            Parameter("dipole.center", begin / shift, fixed=center == "fixed", lower=-reach, upper=reach),
            *(Parameter(name, 0.0) for name in names),
        )
    )

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = parameters.expand(vector)
        z = position - given - values[1] * shift
        shape = coils.response(z) * amplitude_unit
        model = values[0] * shape + nuisance @ values[2:]
        jacobian = np.column_stack([shape, -values[0] * coils.slope(z) * amplitude_unit * shift, nuisance])
        return model - voltage / voltage_unit, jacobian @ parameters.matrix

    found = fit(Problem(parameters, evaluate, (Block(where, position.size),)))
    if not np.all(np.isfinite(found.parameters.values)):
        raise MagnetometryError(f"{where}: the dipole fit failed: {found.message}")
    noise = math.sqrt(max(found.chi2, 0.0) / max(found.degrees_of_freedom, 1))
    spread = noise * _inflation(found.residuals, [one[0].size for one in columns])
    free = _project(nuisance, voltage[:, None] / voltage_unit)[:, 0]
    total = float(free @ free)
    quality = 1.0 - found.chi2 / total if total > 0 else 0.0
    at = given + found.value("dipole.center") * shift
    sigma_center = found.sigma_of("dipole.center") * spread * shift
    doubts = []
    if quality < POOR_QUALITY:
        doubts.append(f"the dipole explains {100 * max(quality, 0.0):.0f} % of the scan")
    if center == "free" and ("dipole.center" in found.at_bound or abs(at - given) > FAR_OFF_CENTER):
        doubts.append(f"the centre is {1e3 * (at - given):+.1f} mm off")
    if not found.converged and quality < 1 - 1e-9:
        doubts.append(found.message)
    scale = voltage_unit * amplitude_unit
    times = [scan.conditions.time for scan in passes]
    return ScanFit(
        number,
        float(np.mean([scan.temperature[0] for scan in passes])),
        float(np.mean([scan.conditions.magnetic_field[0] for scan in passes])),
        None if any(t is None for t in times) else float(np.mean([t[0] for t in times if t is not None])),
        found.value("dipole.amplitude") * scale,
        found.sigma_of("dipole.amplitude") * spread * scale,
        at,
        sigma_center,
        quality,
        noise * voltage_unit,
        float(passes[0].attributes.get("squid_range", 1.0)),
        position,
        voltage,
        voltage + found.residuals * voltage_unit,
        tuple(doubts),
    )


def _units(coils: Gradiometer, voltage: np.ndarray) -> tuple[float, float]:
    """Scales (m3, V) that make amplitude and voltages numbers of order 1."""
    return 1.0 / float(coils.response(np.zeros(1))[0]), float(np.ptp(voltage)) or 1.0


def _first_center(position: np.ndarray, voltage: np.ndarray, nuisance: np.ndarray, coils: Gradiometer) -> float:
    """Centre (m) to start from: the best of a grid, because other lobes of the response are minima too."""
    trial = np.linspace(-coils.separation, coils.separation, 33)
    left = _project(nuisance, voltage[:, None])[:, 0]
    shapes = _project(nuisance, coils.response(position[:, None] - trial))
    explained = (shapes.T @ left) ** 2 / np.sum(shapes**2, axis=0)
    return float(trial[np.argmax(explained)])


def _project(nuisance: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What offsets and drifts cannot explain of some columns."""
    q, _ = np.linalg.qr(nuisance)
    return np.asarray(columns - q @ (q.T @ columns))


def _inflation(residuals: np.ndarray, sizes: Sequence[int]) -> float:
    """Factor on sigma because neighbouring residuals are alike: first-order autoregressive noise."""
    start, products, squares = 0, 0.0, 0.0
    for size in sizes:
        part = residuals[start : start + size]
        products += float(part[1:] @ part[:-1])
        squares += float(part @ part)
        start += size
    correlation = min(max(products / squares, 0.0), 0.99) if squares > 0 else 0.0
    return math.sqrt((1.0 + correlation) / (1.0 - correlation))


def _scale(
    scans: Sequence[Measurement],
    found: Sequence[ScanFit],
    moments: Sequence[Measurement] | None,
    calibration: float | None,
    sigma_calibration: float,
    drift: bool,
    half_length: float | None,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Moment per amplitude (N,), its relative uncertainty (N,) and what was done."""
    where = where_of(scans[0])
    count = len(found)
    if moments is not None and calibration is not None:
        raise MagnetometryError(f"{where}: give either moments or calibration, not both")
    if moments is not None:
        known = instrument_calibration(scans, moments, drift=drift, half_length=half_length)
        factors = ", ".join(
            f"{1e-6 * factor:.5g} emu/(V mm3) at range {r:g} (spread {s:.1g})" for r, (factor, s) in known.items()
        )
        scale = np.array([known[one.squid_range][0] for one in found])
        relative = np.array([known[one.squid_range][1] for one in found])
        return scale, relative, f"calibrated with the moments of {moments[0].provenance.source}: {factors}"
    source = "given"
    if calibration is None:
        source = "of scaled voltages"
        default = _gradiometer(scans[0]).calibration
        if default is None or scans[0].attributes.get("voltage") != "scaled":
            raise MagnetometryError(
                f"{where}: every instrument has its own calibration. Name the log with the moments that were written"
                " with this raw file (moments), or give calibration (emu/(V mm3) at SQUID range 1)"
                + ("; or read the scaled voltages (voltage = 'scaled')" if default is not None else "")
            )
        calibration = default
    if not (calibration != 0 and math.isfinite(calibration) and 0 <= sigma_calibration < abs(calibration)):
        raise MagnetometryError(
            f"{where}: calibration must be a number other than 0, and its uncertainty smaller, found {calibration!r}"
            f" and {sigma_calibration!r}"
        )
    relative = np.full(count, sigma_calibration / abs(calibration))
    return np.full(count, calibration), relative, f"calibration {1e-6 * calibration:.5g} emu/(V mm3) ({source})"
