"""Simulated (not measured) infrared maps of a crystal with states L, H and V, bands at the published wavenumbers."""

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Axis, Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.line_shapes import pseudo_voigt
from labile.models.equilibrium import equilibrium
from labile.models.library import van_t_hoff

MODEL = van_t_hoff((State("L", 0.0), State("H", 2.0), State("V", 2.0)))
# a logistic of domains of 90 K and a gradual second step: set A of the three-state reading of the [FeCo] crystal
TRUTH = {
    "H.enthalpy": 25.70e3, "H.entropy": 25.70e3 / 90.2, "H.volume": 0.0,
    "V.enthalpy": 29.57e3, "V.entropy": 25.70e3 / 90.2 + 5.87, "V.volume": 0.0,
}  # fmt: skip
BANDS = {  # cm-1: position, FWHM, area of the pure states L, H, V
    1296.0: (14.0, (0.0, 4.0, 3.0)),
    1329.0: (12.0, (6.0, 1.0, 1.0)),
    1485.0: (22.0, (9.0, 10.0, 0.0)),
    1514.0: (20.0, (1.0, 7.0, 3.0)),
    1556.0: (20.0, (0.5, 0.0, 15.0)),
}
WAVENUMBER = np.linspace(1200e2, 1600e2, 401)


def pure_spectra(nu=WAVENUMBER):
    """Spectra (3, M) of L, H and V: overlapping pseudo-Voigt bands."""
    rows = np.zeros((3, nu.size))
    for position, (width, areas) in BANDS.items():
        rows += np.outer(areas, pseudo_voigt(nu, position * 100, width * 100, 0.5).value * 100)
    return rows


def populations(kelvin, values=None):
    return equilibrium(MODEL, Conditions(kelvin), values or TRUTH).x


def infrared_map(kelvin=None, noise=2e-3, seed=0, nu=WAVENUMBER):
    """Map with white noise; labelled as simulated."""
    kelvin = np.linspace(10.0, 300.0, 88) if kelvin is None else np.asarray(kelvin, dtype=float)
    data = populations(kelvin) @ pure_spectra(nu)
    data = data + np.random.default_rng(seed).normal(0.0, noise, data.shape)
    return Measurement(
        "absorbance", data, Conditions(kelvin), sigma=noise, axis=Axis("wavenumber", nu), label="simulated map"
    )


def start_values():
    """Start parameters, 5 to 20 % off; volumes fixed."""
    off = {"H.enthalpy": 22e3, "H.entropy": 245.0, "V.enthalpy": 26e3, "V.entropy": 252.0}
    return Parameters(
        tuple(
            Parameter(name, off[name]) if name in off else Parameter(name, 0.0, fixed=True)
            for name in MODEL.parameters.names
        )
    )
