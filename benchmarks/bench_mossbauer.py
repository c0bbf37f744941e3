"""Mossbauer fits: against lmfit with finite differences, and how a series scales with its number of spectra.

Run: python benchmarks/bench_mossbauer.py. Spectra are simulated. The comparison fits four sextets of 512 channels from
the same start to the same chi2, once with lmfit's own Lorentzian models tied by expressions and once with a residual
written by hand with one numpy call for all 24 lines; it is left out with a message where lmfit is not installed. Times
are ratios within one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block
from labile.techniques.mossbauer import (
    Doublet,
    LatticeDoppler,
    Sextet,
    Shared,
    Smooth,
    SpectrumModel,
    fit_series,
    starting_values,
)
from labile.techniques.mossbauer.components import _SEXTET
from labile.techniques.mossbauer.spectrum_fit import spectrum_problem

FIELDS = (50.5, 47.0, 43.0, 37.5)
VELOCITY = np.linspace(-10e-3, 10e-3, 512)
SERIES = (5, 10, 20, 40)
START = {
    **{f"s{i}.isomer_shift": 0.4e-3 for i in range(4)},
    **{
        f"s{i}.hyperfine_field": field + off
        for i, (field, off) in enumerate(zip(FIELDS, (0.8, -0.8, 0.9, -1.0), strict=True))
    },
    **{f"s{i}.line_width": 0.35e-3 for i in range(4)},
}
"""Where all fits start: up to 1 T and 0.1 mm/s off."""


def best(call: Callable[[], object], times: int = 5) -> float:
    """Least time of several calls, s."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def four_sextets() -> tuple[SpectrumModel, np.ndarray, np.ndarray]:
    """Model, transmission with counting noise, and its sigma."""
    model = SpectrumModel(tuple(Sextet(f"s{i}", (0.3 + 0.05 * i) * 1e-3, field) for i, field in enumerate(FIELDS)))
    values = model.parameters().as_dict()
    values |= {f"s{i}.line_width": (0.28 + 0.02 * i) * 1e-3 for i in range(4)}
    values |= {f"s{i}.absorption_area": 0.15e-3 for i in range(4)}
    curve = model.evaluate(VELOCITY, values, ())[0]
    counts = np.random.default_rng(2).poisson(1e6 * curve)
    return model, counts / 1e6, np.sqrt(counts) / 1e6


def tied_lmfit_models(data: np.ndarray, sigma: np.ndarray) -> Callable[[], object] | None:
    """The same fit with lmfit's LorentzianModel for each line and expressions for positions and areas."""
    try:
        from lmfit.models import ConstantModel, LorentzianModel
    except ImportError:
        return None
    composite = ConstantModel(prefix="base_")
    for i in range(4):
        for line in range(6):
            composite += LorentzianModel(prefix=f"s{i}l{line}_")
    parameters = composite.make_params()
    parameters["base_c"].set(value=1.0)
    for i in range(4):
        parameters.add(f"shift{i}", value=START[f"s{i}.isomer_shift"] * 1e3)
        parameters.add(f"field{i}", value=START[f"s{i}.hyperfine_field"])
        parameters.add(f"eps{i}", value=0.0)
        parameters.add(f"width{i}", value=START[f"s{i}.line_width"] * 1e3, min=0.05)
        parameters.add(f"area{i}", value=0.05, min=0.0)
        for line, weight in enumerate((3, 2, 1, 1, 2, 3)):
            zeeman, sign = _SEXTET[line, 1] * 1e3, _SEXTET[line, 2]
            parameters[f"s{i}l{line}_center"].set(expr=f"shift{i}+field{i}*({zeeman})+({sign})*eps{i}")
            parameters[f"s{i}l{line}_sigma"].set(expr=f"width{i}/2")
            parameters[f"s{i}l{line}_amplitude"].set(expr=f"-base_c*area{i}*{weight}/12")
    return lambda: composite.fit(data, parameters, x=VELOCITY * 1e3, weights=1 / sigma)


def with_lmfit(model: SpectrumModel, data: np.ndarray, sigma: np.ndarray) -> Callable[[], object] | None:
    """The same fit in lmfit with its default method and finite differences."""
    try:
        import lmfit
    except ImportError:
        return None
    parameters = lmfit.Parameters()
    parameters.add("baseline", value=1.0)
    for i, component in enumerate(model.components):
        parameters.add(f"shift{i}", value=START[f"{component.name}.isomer_shift"] * 1e3)
        parameters.add(f"field{i}", value=START[f"{component.name}.hyperfine_field"])
        parameters.add(f"eps{i}", value=0.0)
        parameters.add(f"width{i}", value=START[f"{component.name}.line_width"] * 1e3, min=0.05)
        parameters.add(f"area{i}", value=0.05, min=0.0)
    velocity = VELOCITY * 1e3
    weights = np.array([3, 2, 1, 1, 2, 3]) / 12
    zeeman, shifts = _SEXTET[:, 1] * 1e3, _SEXTET[:, 2]

    def residuals(p: lmfit.Parameters) -> np.ndarray:
        centre, half, area = [], [], []
        for i in range(4):
            centre.append(p[f"shift{i}"].value + p[f"field{i}"].value * zeeman + p[f"eps{i}"].value * shifts)
            half.append(np.full(6, 0.5 * p[f"width{i}"].value))
            area.append(p[f"area{i}"].value * weights)
        c, h, a = (np.concatenate(x)[:, None] for x in (centre, half, area))
        dips = np.sum(a * h / np.pi / ((velocity - c) ** 2 + h * h), axis=0)
        return (p["baseline"].value * (1 - dips) - data) / sigma

    return lambda: lmfit.minimize(residuals, parameters)


def spectra(count: int) -> list[Measurement]:
    """A simulated series of two doublets between 20 and 300 K."""
    model = SpectrumModel((Doublet("L", 0.3e-3, 0.6e-3), Doublet("H", 1.0e-3, 2.2e-3)), share_width=True)
    velocity = np.linspace(-4e-3, 4e-3, 256)
    rng = np.random.default_rng(1)
    found = []
    for number, kelvin in enumerate(np.linspace(20, 300, count)):
        x = 1 / (1 + np.exp((150 - kelvin) / 20))
        values = model.parameters().as_dict()
        values |= {"L.absorption_area": 0.05e-3 * (1 - x), "H.absorption_area": 0.05e-3 * x}
        counts = rng.poisson(1e6 * model.evaluate(velocity, values, ())[0]).astype(float)
        found.append(
            Measurement(
                "counts", counts[None, :], Conditions(kelvin), axis=Axis("velocity", velocity), label=f"s{number}",
                attributes={"isomer_shift_reference": "alpha-Fe"},
            )
        )  # fmt: skip
    return found


def main() -> None:
    """Print both ratios."""
    model, data, sigma = four_sextets()
    start = model.parameters().updated(starting_values(START, model))
    problem = spectrum_problem(VELOCITY, data, sigma, model, start, Block("spectrum", data.size))
    mine = fit(problem)
    own = best(lambda: fit(problem))
    print(
        f"four sextets, 512 channels, 21 parameters: {own * 1e3:.1f} ms, chi2 {mine.chi2:.2f}, {mine.evaluations} calls"
    )
    others = {
        "lmfit's own models, tied": tied_lmfit_models(data, sigma),
        "lmfit, residual by hand": with_lmfit(model, data, sigma),
    }
    for name, other in others.items():
        if other is None:
            print(f"  {name}: lmfit is not installed, left out")
            continue
        theirs = other()
        seconds = best(other, 2)
        print(f"  {name}: chi2 {theirs.chisqr:.2f}, {theirs.nfev} calls; {seconds / own:.1f} times as long")
    series = SpectrumModel((Doublet("L", 0.3e-3, 0.6e-3), Doublet("H", 1.0e-3, 2.2e-3)), share_width=True)
    common = {
        "L.isomer_shift": LatticeDoppler(), "H.isomer_shift": LatticeDoppler(free=False),
        "L.quadrupole_splitting": Shared(), "H.quadrupole_splitting": Smooth(1), "spectrum.line_width": Shared(),
    }  # fmt: skip
    first = 0.0
    for count in SERIES:
        measured = spectra(count)
        seconds = best(lambda m=measured: fit_series(m, series, common), 2)
        first = first or seconds / count
        print(
            f"series of {count:2d} spectra: {seconds / count / first:.2f} of the time a spectrum that {SERIES[0]} take"
        )


if __name__ == "__main__":
    main()
