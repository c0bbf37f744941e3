"""Strain tensors and equations of state: against PASCal's `fit` and BurnMan's `fit_PTV_data`.

Run: python benchmarks/bench_equation_of_state.py [--pascal PYTHON] [--burnman PYTHON], where each PYTHON is the
interpreter of an environment of its own with that program in it; a part without its program is left out with a
sentence. The cells are those of Ag3[Co(CN)6] under pressure (tests/data/lattice); volumes for the other fit are
simulated. Times are the best of several runs on one machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.structure import CellSeries
from labile.models.volumes import EquationOfState
from labile.techniques.equation_of_state import fit_equation_of_state
from labile.techniques.strain import compressibility, principal_strain, strain_series, thermal_expansion

INPUT = Path(__file__).parents[1] / "tests" / "data" / "lattice" / "PASCal_p_input.tsv"
SHARED = """
import json, sys, time
import numpy as np
def best(call, times):
    found = []
    for _ in range(times):
        begin = time.perf_counter(); call(); found.append(time.perf_counter() - begin)
    return min(found)
"""
PASCAL = (
    SHARED
    + """
import contextlib, io, warnings
warnings.simplefilter("ignore")
from PASCal.core import fit
rows = np.array(json.load(sys.stdin)["rows"])
def run(kind, x):
    options = {"data_type": kind, "eulerian_strain": True, "finite_strain": True, "use_pc": False,
               "deg_poly_strain": 1, "deg_poly_vol": 1}
    with contextlib.redirect_stdout(io.StringIO()):
        return fit(x, rows[:, 1], rows[:, 2:], options)
print(json.dumps([best(lambda: run("Temperature", np.linspace(100, 300, len(rows))), 9),
                  best(lambda: run("Pressure", rows[:, 0]), 3)]))
"""
)
BURNMAN = (
    SHARED
    + """
import contextlib, io, warnings
warnings.simplefilter("ignore")
with contextlib.redirect_stdout(io.StringIO()):
    import burnman
    from burnman.optimize.eos_fitting import fit_PTV_data
given = json.load(sys.stdin)
p, v = np.array(given["p"]), np.array(given["v"])
data = np.column_stack([p, np.full(p.size, 298.15), v])
covariances = np.array([np.diag([given["sp"] ** 2, 1e-6, given["sv"] ** 2])] * p.size)
def run():
    mineral = burnman.Mineral(params={"name": "x", "equation_of_state": "bm3", "V_0": given["start"][0],
        "K_0": given["start"][1], "Kprime_0": given["start"][2], "molar_mass": 0.1, "P_0": 0.0, "n": 1.0})
    with contextlib.redirect_stdout(io.StringIO()):
        return fit_PTV_data(mineral, ["V_0", "K_0", "Kprime_0"], data, covariances, verbose=False)
found = run()
print(json.dumps([best(run, 3), list(map(float, found.popt)), list(map(float, np.sqrt(np.diag(found.pcov))))]))
"""
)


def best(call: Callable[[], object], times: int = 15) -> float:
    """Least time of several calls, s."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def other(python: str | None, name: str, script: str, given: dict[str, Any]) -> list[Any] | None:
    """Run a script in another environment and return what it prints; None with a sentence where it cannot."""
    if python is None:
        print(f"  {name}: no interpreter given (--{name.lower()}), left out")
        return None
    done = subprocess.run([python, "-c", script], input=json.dumps(given), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {name}: failed there, left out: {done.stderr.strip().splitlines()[-1]}")
        return None
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def strain(python: str | None) -> None:
    rows = np.loadtxt(INPUT)
    cells = rows[:, 2:] * np.array([1e-10] * 3 + [1.0] * 3)
    sigma = np.tile([1e-13, 1e-13, 1e-13, 0.0, 0.01, 0.0], (len(rows), 1))
    warm = CellSeries("warm", Conditions(np.linspace(100, 300, len(rows)), sigma_temperature=1.0), cells, sigma)
    pressed = CellSeries("pressed", Conditions(300.0, rows[:, 0] * 1e9, sigma_pressure=1e8), cells, sigma)
    print(f"{len(rows)} cells with s.u.:")
    tensor = best(lambda: strain_series(warm).sigma)
    times = {
        "strain tensors with s.u.": tensor,
        "principal strains with s.u.": best(lambda: principal_strain(strain_series(warm)).sigma),
        "thermal expansion": best(lambda: thermal_expansion(warm)),
        "compressibility, empirical law": best(lambda: compressibility(pressed), 5),
    }
    for name, seconds in times.items():
        print(f"  {name}: {seconds * 1e3:.2f} ms")
    found = other(python, "PASCal", PASCAL, {"rows": rows.tolist()})
    if found:
        heat, press = (float(one) for one in found)
        print(f"  PASCal fit of temperatures, no s.u.: {heat * 1e3:.2f} ms, {heat / tensor:.1f} times the tensors")
        print(f"    {heat / times['thermal expansion']:.1f} times the whole thermal expansion")
        print(f"  PASCal fit of pressures, no s.u.: {press * 1e3:.2f} ms, {press / tensor:.1f} times the tensors")


def equations(python: str | None) -> None:
    v0, k0, kp = 3e-4, 10e9, 6.0
    pressures = np.linspace(0.0, 4e9, 20)
    rng = np.random.default_rng(0)
    sp, sv = 2e7, 1e-7
    p = pressures + sp * rng.normal(size=20)
    v = EquationOfState("birch_murnaghan_3", v0, k0, kp).volume(pressures) + sv * rng.normal(size=20)

    def run() -> object:
        return fit_equation_of_state(p + AMBIENT_PRESSURE, v, sp, sv)

    mine = fit_equation_of_state(p + AMBIENT_PRESSURE, v, sp, sv)
    own = best(run)
    k, sigma_k = mine.value("bulk_modulus")
    print("Birch-Murnaghan 3, 20 points, errors of P and V, start from the data:")
    derivative = mine.value("bulk_modulus_derivative")[0]
    print(f"  {own * 1e3:.2f} ms, K0 {k / 1e9:.4f}({sigma_k / 1e9:.4f}) GPa, K' {derivative:.4f}")
    given = {"p": p.tolist(), "v": v.tolist(), "sp": sp, "sv": sv, "start": [v0 * 1.01, 9e9, 5.0]}
    found = other(python, "BurnMan", BURNMAN, given)
    if found:
        seconds, values, sigmas = float(found[0]), np.array(found[1]), np.array(found[2])
        modulus = f"{values[1] / 1e9:.4f}({sigmas[1] / 1e9:.4f})"
        print(f"  BurnMan: {seconds * 1e3:.0f} ms, K0 {modulus} GPa, K' {values[2]:.4f}")
        print(f"    {seconds / own:.0f} times as long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pascal", help="Python with PASCal")
    parser.add_argument("--burnman", help="Python with BurnMan")
    chosen = parser.parse_args()
    strain(chosen.pascal)
    equations(chosen.burnman)


if __name__ == "__main__":
    main()
