"""A pre-edge of three peaks on a rising edge: beside lmfit, from the same start to the same minimum.

Run: python benchmarks/bench_pre_edge.py [--lmfit PYTHON], with the interpreter of an environment that has lmfit;
without it that part is left out. The spectrum is simulated: 101 points, three 50:50 pseudo-Voigt peaks, an arctangent
edge of known position and width, offset and slope, 12 free parameters, known noise. lmfit fits it in two formulations:
the composite of its own models (three PseudoVoigtModel with the fraction that makes equal heights, StepModel with
form="arctan", LinearModel), and one residual function with one numpy call for all peaks. Its defaults are used: leastsq
with finite differences, s.u. scaled by the root of chi2 per degree of freedom (here the noise is taken as known). Times
are the least of several runs; only their ratio is reported.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter
from labile.techniques.xas import EV, Peak, PreEdgeModel, find_peaks, fit_pre_edge
from labile.techniques.xas.pre_edge import profile, rising_edge

ENERGY = np.arange(7107.0, 7117.05, 0.1)
WINDOW = (7107.0 * EV, 7117.0 * EV)
PEAKS = ((7111.5, 0.02), (7112.8, 0.04), (7113.9, 0.03))
START = (7111.3, 7112.9, 7114.1)
EDGE, WIDTH, NOISE = 7122.0, 5.0, 1e-3

WITH_LMFIT = """
import json, sys, time
import numpy as np
import lmfit
from lmfit.models import LinearModel, PseudoVoigtModel, StepModel
folder = sys.argv[1]
data = np.load(folder + "/spectrum.npz")
x, y, start = data["energy"], data["mu"], data["start"]
edge, width, noise = (float(v) for v in data["edge"])
found = {}

def timed(call):
    result, best = call(), 1e9
    for _ in range(5):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return result, best

# fraction of the area that makes Lorentzian and Gaussian equally high
share = (np.pi / 2) / (np.pi / 2 + np.sqrt(np.pi / (4 * np.log(2))))
model = LinearModel(prefix="line_") + StepModel(form="arctan", prefix="edge_")
for k in range(3):
    model = model + PseudoVoigtModel(prefix=f"p{k}_")
p = model.make_params()
p["line_slope"].set(value=0.0)
p["line_intercept"].set(value=0.0)
p["edge_center"].set(value=edge, vary=False)
p["edge_sigma"].set(value=width / 2, vary=False)
p["edge_amplitude"].set(value=0.8, min=0)
for k in range(3):
    p[f"p{k}_center"].set(value=start[k], min=x[0], max=x[-1])
    p[f"p{k}_sigma"].set(value=0.6, min=0.25, max=2.0)
    p[f"p{k}_fraction"].set(value=share, vary=False)
    p[f"p{k}_amplitude"].set(value=0.03 * 1.2 * 1.3176, min=0)
fit, seconds = timed(lambda: model.fit(y, p, x=x, weights=1 / noise))
def summary(fit, seconds, name):
    places = [fit.params[name.format(k)] for k in range(3)]
    return {"seconds": seconds, "chi2": fit.chisqr, "energies": [p.value for p in places],
            "sigmas": [p.stderr for p in places]}

found["lmfit's own models"] = summary(fit, seconds, "p{}_center")

q = lmfit.Parameters()
q.add("offset", 0.0); q.add("slope", 0.0); q.add("step", 0.8, min=0)
for k in range(3):
    q.add(f"c{k}", start[k], min=x[0], max=x[-1]); q.add(f"w{k}", 1.2, min=0.5, max=4.0); q.add(f"h{k}", 0.03, min=0)
rise = 0.5 + np.arctan(2 * (x - edge) / width) / np.pi
middle = 0.5 * (x[0] + x[-1])

def residual(q):
    v = q.valuesdict()
    c, w, h = (np.array([v[f"{n}{k}"] for k in range(3)])[:, None] for n in "cwh")
    u = (x - c) / w
    peaks = (h * 0.5 * (1 / (1 + 4 * u * u) + np.exp(-4 * np.log(2) * u * u))).sum(axis=0)
    return (v["offset"] + v["slope"] * (x - middle) + v["step"] * rise + peaks - y) / noise

fit, seconds = timed(lambda: lmfit.minimize(residual, q))
found["one residual function"] = summary(fit, seconds, "c{}")
print(json.dumps({"version": lmfit.__version__, "fits": found}))
"""


def spectrum() -> Measurement:
    """The simulated spectrum, noise known."""
    mu = rising_edge("arctan", ENERGY, EDGE, WIDTH)[0]
    for centre, height in PEAKS:
        mu = mu + height * profile(ENERGY, centre, 1.2).value
    mu = mu + NOISE * np.random.default_rng(0).standard_normal(ENERGY.size)
    return Measurement(
        "normalized_absorption", mu[None, :], Conditions(8.0), sigma=NOISE, axis=Axis("energy", ENERGY * EV),
        attributes={"normalisation": "edge step, simulated"}, label="simulated",
    )  # fmt: skip


def main() -> None:
    """Print times as ratios, and how far the results are apart."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lmfit", default=sys.executable, help="Python interpreter of an environment with lmfit")
    peer = parser.parse_args().lmfit
    data = spectrum()
    model = PreEdgeModel(tuple(Peak(f"P{k + 1}", at * EV) for k, at in enumerate(START)), edge="arctan")
    known = (
        Parameter("edge.energy", EDGE * EV, "eV", fixed=True),
        Parameter("edge.fwhm", WIDTH * EV, "eV", fixed=True),
    )
    mine, seconds = None, math.inf
    for _ in range(30):
        begin = time.perf_counter()
        mine = fit_pre_edge(data, WINDOW, model, changes=known)
        seconds = min(seconds, time.perf_counter() - begin)
    assert mine is not None
    energies = [mine.value(f"{name}.energy").value / EV for name in model.names]
    sigmas = [mine.value(f"{name}.energy").sigma / EV for name in model.names]
    print(f"three peaks, {mine.result.n_free} free parameters, {ENERGY.size} points: chi2 {mine.result.chi2:.6f}")
    begin = time.perf_counter()
    found = find_peaks(data, WINDOW, most=4)
    ratio = (time.perf_counter() - begin) / seconds
    print(f"number of peaks from 0 to 4 on four kinds of edge: {found.count}, {ratio:.0f} x the time of one fit")
    with tempfile.TemporaryDirectory() as folder:
        np.savez(
            Path(folder) / "spectrum.npz", energy=ENERGY, mu=data.values[0], start=START, edge=[EDGE, WIDTH, NOISE]
        )
        done = subprocess.run([peer, "-c", WITH_LMFIT, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"lmfit left out: {reason}")
        return
    answer = json.loads(done.stdout)
    for name, other in answer["fits"].items():
        apart = max(abs(a - b) / s for a, b, s in zip(energies, other["energies"], sigmas, strict=True))
        widths = [b / a for a, b in zip(sigmas, other["sigmas"], strict=True)]
        print(
            f"lmfit {answer['version']}, {name}: {other['seconds'] / seconds:.1f} x the time; chi2 {other['chi2']:.6f};"
            f" positions within {apart:.1e} s.u., s.u. {min(widths):.3f} to {max(widths):.3f} x"
        )


if __name__ == "__main__":
    main()
