"""Simulated raw scans and files in the layout of MPMS3 and MPMS-XL programs; every number here is simulated."""

from dataclasses import dataclass, field

import numpy as np

from labile.techniques.magnetometry.raw_scans import MPMS3, MPMS_XL

SIMULATED_MPMS3 = {"calibration": -0.6e-6, "center": 40e-3, "range": 10.0, "offset": 0.3, "length": 30e-3}
"""Calibration in A m2 / (V m3) times 1e6 at range 1; m; V."""


@dataclass
class Simulated:
    """One measurement: temperature (K), field (T), point dipoles as (moment in A m2, place from the centre in m)."""

    temperature: float
    field: float
    dipoles: list[tuple[float, float]]
    noise: float = 0.0
    drift: float = 0.0
    """V over one pass."""
    center: float = SIMULATED_MPMS3["center"]
    shift: float = 0.0
    """m by which the positions of the motor differ."""
    length: float = SIMULATED_MPMS3["length"]
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def voltage(self, position, coils=MPMS3, calibration=SIMULATED_MPMS3["calibration"] * 1e6):
        """Volts at positions (m), divided by the range."""
        shape = sum((m * coils.response(position - self.center - place) for m, place in self.dipoles), 0.0 * position)
        noise = self.rng.normal(0.0, self.noise, position.size) if self.noise else 0.0
        return shape / calibration / SIMULATED_MPMS3["range"] + noise

    def passes(self, points=201):
        up = self.center + self.shift + np.linspace(-0.5, 0.5, points) * self.length
        return up, up[::-1]


def simulated_measurements(temperatures, moment=1e-7, tesla=0.1, **others):
    """Curie-like moments of one dipole at its place."""
    return [Simulated(t, tesla, [(moment * 5.0 / t, 0.0)], **others) for t in temperatures]


def mpms3_text(measurements, points=201) -> str:
    """An MPMS3 .rw.dat file."""
    lines = [
        "[Header]",
        "; DC Raw Data File (default extension .raw)",
        "TITLE,simulated",
        "FILEOPENTIME,3720425250.8,11/21/2017,11:28 am",
        "BYAPP,SQUID AC,0.9.1.0",
        "INFO,simulated,APPNAME",
        "INFO,3.9,SAMPLE_MASS",
        "INFO,500.0,SAMPLE_MOLECULAR_WEIGHT",
        "[Data]",
        "Comment,Time Stamp (sec),Raw Position (mm),Raw Voltage (V),Processed Voltage (V),Fixed C Fitted (V),"
        "Free C Fitted (V)",
    ]
    for k, one in enumerate(measurements):
        time = 3.7204e9 + 60.0 * k
        for position in one.passes(points):
            lines.append(
                f";low temp = {one.temperature - 0.01} K;high temp = {one.temperature + 0.01} K;avg. temp ="
                f" {one.temperature} K;low field = {one.field * 1e4} Oe;high field = {one.field * 1e4} Oe;drift ="
                f" 0 V/s;slope = 0 V/mm;squid range = {SIMULATED_MPMS3['range']:g};given center ="
                f" {1e3 * (one.center + one.shift)} mm;calculated center = 40 mm;amp fixed = 1 V;amp free =1 V"
            )
            clean = one.voltage(position)
            drifting = clean + SIMULATED_MPMS3["offset"] + one.drift * np.linspace(0.0, 1.0, position.size)
            for z, raw, processed in zip(position, drifting, clean, strict=True):
                lines.append(
                    f",{time:.5f},{1e3 * z!r},{raw!r},{processed!r}".replace("np.float64(", "").replace(")", "")
                )
                time += 0.02
        position = one.passes(points - 1)[0]
        for z, v in zip(position, one.voltage(position), strict=True):
            lines.append(f",{time:.5f},{1e3 * z:.10f},,,{v:.14f},{v:.14f}")
    return "\n".join(lines) + "\n"


def mpms3_log(measurements) -> str:
    """The MPMS3 .dat file of the same measurements, as its program would fit one dipole at the centre."""
    lines = [
        "[Header]",
        "BYAPP,SQUID AC,0.9.1.0",
        "[Data]",
        "Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe),DC Moment Fixed Ctr (emu),"
        "DC Moment Err Fixed Ctr (emu)",
    ]
    for k, one in enumerate(measurements):
        moment = sum(m for m, _ in one.dipoles) * 1e3
        lines.append(f",{3.7204e9 + 60.0 * k:.3f},{one.temperature},{one.field * 1e4},{moment:.12e},1e-9")
    return "\n".join(lines) + "\n"


def xl_text(measurements) -> str:
    """An MPMS-XL .dc.raw file with two scans a measurement; long scaled responses calibrated by the maker's factor."""
    lines = [
        "[Header]",
        "TITLE,simulated",
        "BYAPP,MPMS,1,10",
        "[Data]",
        "Time,Comment,Field (Oe),Start Temperature (K),End Temperature (K),Scan,Rejected,Position (cm),Long Voltage,"
        "Long Average Voltage,Long Detrended Voltage,Long Demeaned Voltage,Long Reg Fit,Long Detrended Fit,"
        "Long Demeaned Fit,Long Scaled Response",
    ]
    for k, one in enumerate(measurements):
        for scan in (1, 2):
            position = np.linspace(0.0, 6e-2, 64)
            scaled = one.voltage(position - 3e-2 + one.center, MPMS_XL, MPMS_XL.calibration / SIMULATED_MPMS3["range"])
            for z, v in zip(position, scaled, strict=True):
                lines.append(
                    f"{3.5e9 + 90.0 * k + 45.0 * scan},,{one.field * 1e4},{one.temperature - 0.01},"
                    f"{one.temperature + 0.01},{scan},0,{1e2 * z:.8f},{v / 2:.14f},,,,,,,{v + 0.2:.14f}"
                )
    return "\n".join(lines) + "\n"
