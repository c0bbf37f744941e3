"""Simulated pre-edges on a rising edge."""

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.xas.absorption import EV
from labile.techniques.xas.pre_edge import profile, rising_edge

GRID = np.arange(7107.0, 7117.05, 0.1)
WINDOW = (7107.0 * EV, 7117.0 * EV)
HERFD = ((7111.5, 1.2, 0.02), (7112.8, 1.2, 0.04), (7113.9, 1.2, 0.03))
"""Energy, FWHM (eV) and height of the three peaks of the 8 K HERFD case."""


def absorption(grid=GRID, peaks=HERFD, edge="arctan", at=7122.0, width=5.0, step=1.0, lineshape="edgfit50", shape=0.0):
    mu = step * rising_edge(edge, grid, at, width)[0]
    for centre, fwhm, height in peaks:
        mu = mu + height * profile(grid, centre, fwhm, lineshape, shape).value
    return mu


def simulated(seed=0, noise=1e-3, *, grid=GRID, kelvin=8.0, label="simulated", known=False, **of):
    mu = absorption(grid, **of) + noise * np.random.default_rng(seed).standard_normal(grid.size)
    return Measurement(
        "normalized_absorption", mu[None, :], Conditions(kelvin), axis=Axis("energy", grid * EV), label=label,
        sigma=noise if known else None,
        attributes={"normalisation": "edge step, simulated", "edge_energy": 7122.0 * EV},
    )  # fmt: skip
