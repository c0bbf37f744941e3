"""X-ray absorption: agreement and speed beside xraylarch.

Run: python benchmarks/bench_xas.py [--larch PYTHON], with the interpreter of an environment that has xraylarch; without
it that part is left out. Both sides normalise the same spectra by the same windows: real ones (tests/data) for
agreement, a simulated one of 1000 points for speed. Times are the least of several runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import EV, fit_linear_combination, normalise

DATA = Path(__file__).parents[1] / "tests" / "data"
FILES = (
    "xdi/FeO_rt_01.xdi",
    "xdi/Fe2O3_rt_01.xdi",
    "xdi/Fe3C_rt_01.xdi",
    "xdi/Fe_Foil_rt_2016Foils.xdi",
    "xdi/co_metal_rt.xdi",
    "beamline/fe.060",
)
SERIES = 100

WITH_LARCH = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from larch import Group
from larch.xafs import pre_edge
folder = sys.argv[1]
spectra = np.load(folder + "/spectra.npz")
names = sorted({key.rsplit(":", 1)[0] for key in spectra.files})
found, curves = {}, {}
for name in names:
    group = Group(energy=spectra[name + ":energy"], mu=spectra[name + ":mu"])
    windows = {"pre1": -150, "pre2": -30, "norm1": 50}
    options = {} if name == "timed" else windows | {"nnorm": int(spectra[name + ":nnorm"])}
    pre_edge(group, **options)
    found[name] = {"e0": float(group.e0), "edge_step": float(group.edge_step)}
    if name == "timed":
        best = 1e9
        for _ in range(60):
            again = Group(energy=group.energy, mu=group.mu)
            begin = time.perf_counter()
            pre_edge(again)
            best = min(best, time.perf_counter() - begin)
        found[name]["seconds"] = best
    else:
        # at one E0, so that norms are compared and not edge energies
        group = Group(energy=group.energy, mu=group.mu)
        pre_edge(group, e0=float(spectra[name + ":e0"]), **options)
        found[name]["edge_step_there"] = float(group.edge_step)
        curves[name] = group.norm
np.savez(folder + "/norms.npz", **curves)
print(json.dumps(found))
"""


def best(call: Callable[[], object], times: int = 60) -> float:
    """Least time of several calls, s."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def simulated(count: int) -> Measurement:
    """An edge of 1000 points with noise, `count` times."""
    energy = np.linspace(6950.0, 7950.0, 1000)
    edge = 0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi
    mu = edge + np.random.default_rng(0).normal(0.0, 1e-3, (count, energy.size))
    axis = Axis("energy", energy * EV)
    return Measurement(
        "absorption", mu, Conditions([300.0] * count), axis=axis, attributes={"element": "Fe", "edge": "K"}
    )


def beside_larch(python: str, spectra: dict[str, Measurement]) -> None:
    """Print how edge energies, edge steps, normalised spectra and times compare."""
    arrays, own = {}, {}
    for name, spectrum in spectra.items():
        arrays[f"{name}:energy"] = spectrum.axis.values / EV
        arrays[f"{name}:mu"] = spectrum.values[0]
        own[name] = normalise(spectrum)
        arrays[f"{name}:nnorm"] = 2 if "quadratic" in own[name].method else 1
        arrays[f"{name}:e0"] = own[name].edge_energy[0] / EV
    timed = simulated(1)
    arrays["timed:energy"], arrays["timed:mu"] = timed.axis.values / EV, timed.values[0]
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "spectra.npz", **arrays)
        done = subprocess.run([python, "-c", WITH_LARCH, folder], capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
        norms = dict(np.load(Path(folder) / "norms.npz"))
    for name, mine in own.items():
        e0, step, there = (theirs[name][key] for key in ("e0", "edge_step", "edge_step_there"))
        apart = np.abs(mine.measurement.values[0] - norms[name])
        near = np.abs(spectra[name].axis.values - mine.edge_energy[0]) < 200.0 * EV
        print(f"{name}: E0 {mine.edge_energy[0] / EV:.3f} (larch {e0:.3f}) eV, edge step {mine.edge_step[0]:.5f}")
        print(f"  larch {step:.5f}, at the same E0 {there:.5f} ({mine.edge_step[0] / there - 1.0:+.2%});", end=" ")
        print(f"normalised spectra differ by {apart[near].max():.2%} at most within 200 eV,", end=" ")
        print(f"{np.sqrt(np.mean(apart**2)):.2%} (rms) everywhere")
    simulated_series = simulated(SERIES)
    single = best(lambda: normalise(timed), 300)
    each = best(lambda: normalise(simulated_series), 20) / SERIES
    taken = theirs["timed"]["seconds"]
    print(f"E0 and normalisation of 1000 points: larch's pre_edge takes {taken / single:.1f} times as long,")
    print(f"  and {taken / each:.0f} times as long as each of a series of {SERIES}")


def main() -> None:
    """Print all ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--larch", metavar="PYTHON", help="interpreter of an environment with xraylarch")
    python = parser.parse_args().larch
    spectra = {Path(name).name: registry.read(DATA / name)[0] for name in FILES}
    if python is None:
        print("xraylarch: no interpreter given (--larch PYTHON), left out")
    else:
        beside_larch(python, spectra)
    single, series = simulated(1), simulated(SERIES)
    one, many = best(lambda: normalise(single), 300), best(lambda: normalise(series), 20)
    print(f"normalisation: {one * 1e6:.0f} us for one spectrum, {many / SERIES * 1e6:.0f} us for each of {SERIES}")
    standards = {name: normalise(spectra[f"{name}_rt_01.xdi"]).measurement for name in ("FeO", "Fe2O3")}
    energy = standards["FeO"].axis.values
    x = np.linspace(0.0, 1.0, SERIES)[:, None]
    iron = np.interp(energy, standards["Fe2O3"].axis.values, standards["Fe2O3"].values[0])
    mixed = Measurement(
        "normalized_absorption", x * standards["FeO"].values[0] + (1.0 - x) * iron, Conditions([300.0] * SERIES),
        axis=Axis("energy", energy),
    )  # fmt: skip
    fast = best(lambda: fit_linear_combination(mixed, standards), 5) / SERIES
    slow = best(lambda: fit_linear_combination(mixed[:5], standards, shift_limit=0.3 * EV), 3) / 5
    print(f"linear combination of two standards: {fast * 1e6:.0f} us each of {SERIES}, {slow * 1e3:.1f} ms with shifts")


if __name__ == "__main__":
    main()
