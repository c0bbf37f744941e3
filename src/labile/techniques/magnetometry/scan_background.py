"""Scans of the empty holder at the positions, field and temperature of a sample's scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.magnetometry.holder import MagnetometryError, field_tolerance

LARGEST_LOSS = 0.05
"""Share of a scan that may lie outside the positions of its background; it is then left out."""
TEMPERATURE_MARGIN = 0.5
"""K by which a scan may lie outside the temperatures of the background."""
SAME_TEMPERATURE = 0.05
"""K; background scans closer than this are averaged."""


def where_of(scan: Measurement) -> str:
    """How an error begins that is about this scan."""
    return f"measurement {scan.label!r}"


def by_measurement(scans: Sequence[Measurement]) -> dict[int, list[Measurement]]:
    """Scans of each measurement of a raw file by its number.

    Raises
    ------
    MagnetometryError
        If there are none, or one is no voltage along positions.
    """
    if not scans:
        raise MagnetometryError("raw scans: there are none; read the raw file of the instrument (.rw.dat, .dc.raw)")
    groups: dict[int, list[Measurement]] = {}
    for scan in scans:
        if scan.quantity != "scan_voltage" or scan.axis is None or scan.axis.quantity != "position" or len(scan) != 1:
            raise MagnetometryError(
                f"{where_of(scan)}: a raw scan is one scan_voltage along positions, found {scan!r}; read the raw file"
            )
        groups.setdefault(int(scan.attributes.get("scan_of", 1)), []).append(scan)
    return groups


def scaled_voltage(scan: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """Positions (m) and voltages times the range (V)."""
    assert scan.axis is not None
    return scan.axis.values, scan.values[0] * float(scan.attributes.get("squid_range", 1.0))


def given_center(scan: Measurement) -> float:
    """Centre (m) that the file gives, or the middle of the scan."""
    given = scan.attributes.get("given_center")
    if isinstance(given, float):
        return given
    # MPMS-XL scans are symmetric about the centre that was set before
    assert scan.axis is not None
    return float(scan.axis.values.min() + scan.axis.values.max()) / 2


class ScanBackground:
    """Scans of the empty holder by direction and field, interpolated in temperature and position.

    Parameters
    ----------
    scans : sequence of Measurement
    align : {"position", "center"}
        Whether positions count from the zero of the motor or from the given centre.
    """

    def __init__(self, scans: Sequence[Measurement], align: str) -> None:
        self.align = align
        self.label = scans[0].label.rsplit(" ", 2)[0] if scans else ""
        self.layers: list[tuple[str, float, float, np.ndarray, np.ndarray]] = []
        for passes in by_measurement(scans).values():
            for scan in passes:
                position, voltage = scaled_voltage(scan)
                order = np.argsort(position, kind="stable")
                position, first = np.unique(position[order] - self._zero(scan), return_index=True)
                self.layers.append(
                    (
                        str(scan.attributes.get("direction", "both")),
                        float(scan.conditions.magnetic_field[0]),
                        float(scan.temperature[0]),
                        position,
                        voltage[order][first],
                    )
                )

    def _zero(self, scan: Measurement) -> float:
        return given_center(scan) if self.align == "center" else 0.0

    def subtracted(self, scan: Measurement, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions and difference voltages of some points of a scan, and which of its points they are."""
        position, voltage = (column[points] for column in scaled_voltage(scan))
        where = where_of(scan)
        tesla, kelvin = float(scan.conditions.magnetic_field[0]), float(scan.temperature[0])
        direction = str(scan.attributes.get("direction", "both"))
        fields = sorted({layer[1] for layer in self.layers})
        here = [layer for layer in self.layers if abs(layer[1] - tesla) <= field_tolerance(tesla)]
        if not here:
            raise MagnetometryError(
                f"{where}: it was taken at {tesla:.4g} T, the background {self.label!r} at"
                f" {', '.join(f'{one:.4g}' for one in fields[:8])} T; a background scan needs the same field"
            )
        here = [layer for layer in here if layer[0] == direction]
        if not here:
            raise MagnetometryError(
                f"{where}: the background {self.label!r} has no scan in the direction {direction!r}"
            )
        temperatures = np.array([layer[2] for layer in here])
        if not temperatures.min() - TEMPERATURE_MARGIN <= kelvin <= temperatures.max() + TEMPERATURE_MARGIN:
            raise MagnetometryError(
                f"{where}: {kelvin:.4g} K lies outside the background {self.label!r} ({temperatures.min():.4g} to"
                f" {temperatures.max():.4g} K at this field); it is not extrapolated"
            )
        at = position - self._zero(scan)
        weights = _temperature_weights(temperatures, kelvin)
        used = [(here[i], weights[i]) for i in np.flatnonzero(weights)]
        low, high = max(layer[3][0] for layer, _ in used), min(layer[3][-1] for layer, _ in used)
        inside = (at >= low) & (at <= high)
        if np.count_nonzero(inside) < (1.0 - LARGEST_LOSS) * at.size:
            raise MagnetometryError(
                f"{where}: its positions, {1e3 * at.min():.2f} to {1e3 * at.max():.2f} mm"
                f"{' from the centre' if self.align == 'center' else ''}, are not those of the background"
                f" {self.label!r}, {1e3 * low:.2f} to {1e3 * high:.2f} mm. Measure the background over the same range,"
                " align = 'center' for a holder mounted anew, or cut the scans with half_length"
            )
        empty = np.zeros(int(inside.sum()))
        for (_, _, _, known, known_voltage), weight in used:
            empty += weight * _between(known, known_voltage, at[inside])
        return position[inside], voltage[inside] - empty, points[inside]


def _between(known: np.ndarray, voltage: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Voltages at positions between the known ones: a cubic spline, straight lines where points nearly coincide."""
    from scipy.interpolate import CubicSpline

    steps = np.diff(known)
    # a reciprocating sample passes the same places again, and a spline through such pairs would follow their noise
    if steps.min() < 0.2 * np.median(steps):
        return np.asarray(np.interp(at, known, voltage))
    return np.asarray(CubicSpline(known, voltage)(at))


def _temperature_weights(temperatures: np.ndarray, kelvin: float) -> np.ndarray:
    """Weights (N,) of the scans next to a temperature: linear between two levels, equal within one level."""
    levels = np.unique(temperatures)
    below = levels[levels <= kelvin + SAME_TEMPERATURE]
    above = levels[levels >= kelvin - SAME_TEMPERATURE]
    low = float(below[-1]) if below.size else float(above[0])
    high = float(above[0]) if above.size else low
    if low >= high:
        low = high = levels[np.argmin(np.abs(levels - kelvin))]
    share = 0.0 if high == low else (kelvin - low) / (high - low)
    weights = np.zeros(temperatures.size)
    for level, weight in ((low, 1.0 - share), (high, share)):
        same = np.abs(temperatures - level) <= SAME_TEMPERATURE
        weights[same] += weight / same.sum()
    return weights
