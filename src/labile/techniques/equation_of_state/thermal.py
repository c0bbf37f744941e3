"""P-V-T: an isothermal equation of state with temperature added, in one of two ways.

    expansion          V0(T) = V0 exp[int alpha dT], alpha = a0 + a1 (T - T0);  K0(T) = K0 + (dK0/dT) (T - T0)
    mie_grueneisen_debye   P = P(V, T0) + P_th(V, T) - P_th(V, T0),  P_th = gamma/V U(T, theta)
                       gamma = gamma0 (V/V0)^q,  theta = theta0 exp[(gamma0 - gamma)/q]

with U the energy of 3 n Debye modes per formula unit (its zero point cancels in the difference). Volumes are molar
there, m3/mol of formula units. Both describe one phase: a crystal that switches has a volume of its own in every state.

References
----------
R. J. Angel, M. Alvaro, J. Gonzalez-Platas, Z. Kristallogr. 229, 405 (2014), doi 10.1515/zkri-2013-1711. I. Jackson,
S. M. Rigden, Phys. Earth Planet. Inter. 96, 85 (1996), doi 10.1016/0031-9201(96)03143-3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.models.vibrations import debye
from labile.models.volumes import EquationOfState, require_form
from labile.techniques.equation_of_state.fit import (
    EFFECTIVE_STEPS,
    SETTLED,
    CompressionData,
    CompressionError,
    compression_data,
    require_pascal,
    start_parameters,
)

MODELS = ("expansion", "mie_grueneisen_debye")
ROOM = 298.15
MOLAR = (1e-7, 0.1)
"""m3/mol: between carbon, 3.4e-6 for an atom, and the most open frameworks."""


@dataclass(frozen=True)
class ThermalModel:
    """How temperature enters.

    Attributes
    ----------
    name : {"expansion", "mie_grueneisen_debye"}
    form : str
        Isothermal curve at T0, key of `models.volumes.FORMS`.
    reference_temperature : float
        T0, K.
    atoms : float
        n, atoms (or rigid bodies) per formula unit, for the Debye model.
    """

    name: str
    form: str = "birch_murnaghan_3"
    reference_temperature: float = ROOM
    atoms: float = 1.0

    def __post_init__(self) -> None:
        require_form(self.form)
        if self.name not in MODELS:
            raise CompressionError(f"P-V-T: model {self.name!r} is unknown; there are: {', '.join(MODELS)}")
        if not (self.reference_temperature > 0 and self.atoms > 0):
            raise CompressionError("P-V-T: the reference temperature and the number of atoms must be > 0")

    @property
    def thermal_parameters(self) -> tuple[Parameter, ...]:
        """Parameters beside those of the curve, with starts."""
        if self.name == "expansion":
            return (
                Parameter("eos.thermal_expansion", 1e-4),
                Parameter("eos.thermal_expansion_slope", 0.0, fixed=True, source="constant expansion coefficient"),
                Parameter("eos.bulk_modulus_temperature_slope", -1e7),
            )
        return (
            Parameter("eos.debye_temperature", 200.0, lower=10.0, upper=3000.0, fixed=True, source="assumed"),
            Parameter("eos.grueneisen", 1.5, lower=-10.0, upper=20.0),
            Parameter("eos.grueneisen_exponent", 1.0, lower=-10.0, upper=20.0, fixed=True, source="assumed"),
        )

    def pressure(
        self, volume: np.ndarray, temperature: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pressure above ambient (Pa) at points, with -dP/dV and the derivatives in all parameters (N, K)."""
        count = len(require_form(self.form).parameters)
        if self.name == "expansion":
            return self._expanding(volume, temperature, values, count)
        return self._debye(volume, temperature, values, count)

    def _expanding(
        self, volume: np.ndarray, temperature: np.ndarray, values: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a0, a1, slope = values[count:]
        u = temperature - self.reference_temperature
        growth = np.exp(a0 * u + 0.5 * a1 * u**2)
        columns = np.empty((volume.size, values.size))
        p, stiffness = np.empty(volume.size), np.empty(volume.size)
        for kelvin in np.unique(temperature):
            rows = temperature == kelvin
            one, more = float(growth[rows][0]), float(slope * (kelvin - self.reference_temperature))
            if values[1] + more <= 0:
                raise ArithmeticError(f"K0 falls to zero at {kelvin:g} K")
            curve = EquationOfState(self.form, values[0] * one, values[1] + more, *values[2:count])
            point = curve.at_volume(volume[rows])
            p[rows], stiffness[rows] = point.pressure, point.bulk_modulus / volume[rows]
            columns[rows, :count] = np.stack(list(point.d_pressure.values()), axis=1)
            in_volume, in_modulus = point.d_pressure["volume"], point.d_pressure["bulk_modulus"]
            columns[rows, 0] = in_volume * one
            columns[rows, count] = in_volume * values[0] * one * u[rows]
            columns[rows, count + 1] = in_volume * values[0] * one * 0.5 * u[rows] ** 2
            columns[rows, count + 2] = in_modulus * u[rows]
        return p, stiffness, columns

    def _debye(
        self, volume: np.ndarray, temperature: np.ndarray, values: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        point = EquationOfState(self.form, *values[:count]).at_volume(volume)
        theta0, gamma0, q = values[count:]
        x = volume / values[0]
        log = np.log(x)
        power = x**q
        gamma = gamma0 * power
        # (gamma0 - gamma)/q and its derivative in q, both finite at q = 0
        z = q * log
        small = np.abs(z) < 1e-5
        safe = np.where(small, 1.0, z)
        ratio = np.where(small, 1.0 + 0.5 * z, np.expm1(safe) / safe)
        ratio_z = np.where(small, 0.5 + z / 3.0, (safe * np.exp(safe) - np.expm1(safe)) / safe**2)
        exponent = -gamma0 * log * ratio
        theta = theta0 * np.exp(exponent)
        warm = _excess_energy(temperature, theta, self.reference_temperature, self.atoms)
        thermal = gamma / volume * warm.energy
        d_theta = gamma / volume * warm.d_theta
        columns = np.zeros((volume.size, values.size))
        columns[:, :count] = np.stack(list(point.d_pressure.values()), axis=1)
        # theta depends on x with d ln theta/d ln x = -gamma, gamma with d ln gamma/d ln x = q
        by_log_x = q * thermal - d_theta * theta * gamma
        columns[:, 0] -= by_log_x / values[0]
        columns[:, count] = d_theta * theta / theta0
        columns[:, count + 1] = thermal / gamma0 if gamma0 else power / volume * warm.energy
        columns[:, count + 1] -= d_theta * theta * log * ratio
        columns[:, count + 2] = thermal * log - d_theta * theta * gamma0 * log**2 * ratio_z
        stiffness = point.bulk_modulus / volume - (by_log_x - thermal) / volume
        return point.pressure + thermal, stiffness, columns


@dataclass(frozen=True, eq=False)
class _Excess:
    """U(T) - U(T0) of Debye modes and its derivative in theta, J/mol and J/mol/K."""

    energy: np.ndarray
    d_theta: np.ndarray


def _excess_energy(temperature: np.ndarray, theta: np.ndarray, reference: float, atoms: float) -> _Excess:
    found = []
    for kelvin in (temperature, np.full(temperature.shape, reference)):
        # U is theta times a function of T/theta: theta dU/dtheta = U - T C
        ones = debye(kelvin / theta, 1.0, 3.0 * atoms)
        energy = ones.thermal_enthalpy * theta
        found.append((energy, (energy - kelvin * ones.heat_capacity) / theta))
    return _Excess(found[0][0] - found[1][0], found[0][1] - found[1][1])


@dataclass(frozen=True, eq=False)
class ThermalFit:
    """A fitted P-V-T surface.

    Attributes
    ----------
    model : ThermalModel
    data : CompressionData
    temperature : ndarray (N,)
        K.
    result : FitResult
        Parameters ``eos.<quantity>``.
    scale : float
        What s.u. are multiplied by: 1 where uncertainties are stated, else the scatter.
    """

    model: ThermalModel
    data: CompressionData
    temperature: np.ndarray
    result: FitResult
    scale: float

    def value(self, name: str) -> tuple[float, float]:
        """Value and s.u. of a parameter, SI, by its quantity (``bulk_modulus``, ``grueneisen``, ...)."""
        return self.result.value(f"eos.{name}"), self.scale * self.result.sigma_of(f"eos.{name}")

    def pressure(self, volume: Any, temperature: Any) -> tuple[np.ndarray, np.ndarray]:
        """Absolute pressure, Pa, and its s.u. from the parameters."""
        v, t = np.broadcast_arrays(np.atleast_1d(np.asarray(volume, float)), np.asarray(temperature, float))
        p, _, columns = self.model.pressure(v, t, self.result.parameters.values)
        gradient = columns @ self.result.parameters.matrix
        return p + AMBIENT_PRESSURE, self.scale * np.atleast_1d(self.result.propagate(gradient))


def fit_thermal_equation_of_state(
    pressure: Any,
    volume: Any,
    temperature: Any,
    sigma_pressure: Any = None,
    sigma_volume: Any = None,
    *,
    model: ThermalModel,
    changes: Sequence[Parameter] = (),
) -> ThermalFit:
    """Fit a P-V-T surface to one phase.

    Parameters
    ----------
    pressure, volume, temperature : array_like (N,)
        Pa (absolute), volumes (m3/mol of formula units for the Debye model; any unit else) and K.
    sigma_pressure, sigma_volume : array_like (N,) or float, optional
        As for `fit_equation_of_state`; errors of volumes enter as the effective variance.
    model : ThermalModel
    changes : sequence of Parameter
        Starts, fixed and freed ones.

    Returns
    -------
    ThermalFit

    Raises
    ------
    CompressionError
        For data that cannot be, pressures not in Pa or (Debye model) volumes not in m3/mol, one temperature only, or
        too few points.

    Examples
    --------
    >>> truth = ThermalModel("expansion", "birch_murnaghan_2")
    >>> v, t = np.meshgrid(np.linspace(3.0e-4, 2.8e-4, 5), [100.0, 200.0, 300.0])
    >>> p, _, _ = truth.pressure(v.ravel(), t.ravel(), np.array([3e-4, 10e9, 1.5e-4, 0.0, -1e7]))
    >>> found = fit_thermal_equation_of_state(p + 101325, v.ravel(), t.ravel(), 1e6, model=truth)
    >>> round(found.value("thermal_expansion")[0] * 1e6, 6)
    150.0
    """
    data = compression_data(pressure, volume, sigma_pressure, sigma_volume)
    kelvin = np.asarray(temperature, dtype=float)
    if kelvin.shape != data.pressure.shape or not np.all(np.isfinite(kelvin) & (kelvin > 0)):
        raise CompressionError(f"P-V-T: temperatures must be > 0 K, one a point; found shape {kelvin.shape}")
    if np.ptp(kelvin) <= 0:
        raise CompressionError("P-V-T: all points have one temperature; fit an isotherm instead")
    # the isotherm closest to T0 gives the starts, or all points where it is short
    near = np.abs(kelvin - model.reference_temperature)
    closest = near <= np.min(near) + 5.0
    require_pascal(data[closest])
    if model.name == "mie_grueneisen_debye" and not MOLAR[0] < float(np.median(data.volume)) < MOLAR[1]:
        typical = float(np.median(data.volume))
        unit = "angstrom^3 (or cm3/mol)" if typical > 1 else "m3 of a cell" if typical < MOLAR[0] else "another unit"
        raise CompressionError(
            f"P-V-T: volumes about {typical:.4g} look like {unit}, but the Debye model needs m3/mol of formula units:"
            " divide that of the cell by Z, and multiply angstrom^3 by 6.02214e-7 or m3 by 6.02214e23"
        )
    count = len(require_form(model.form).parameters)
    enough = np.sum(closest) > count and np.ptp(data.volume[closest]) > 0
    try:
        isotherm = start_parameters(data[closest] if enough else data, model.form)
    except CompressionError:
        isotherm = start_parameters(data, model.form)
    parameters = Parameters((*isotherm, *model.thermal_parameters)).updated(changes)
    free = len(parameters.free_names)
    if len(data) < free + (0 if data.stated else 1):
        raise CompressionError(f"P-V-T: {free} parameters and {len(data)} points; fix some or measure more")
    measured = data.pressure - AMBIENT_PRESSURE
    block = (Block("pressures", len(data)),)

    def solve(start: Parameters, sigma: np.ndarray) -> FitResult:
        def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            p, _, columns = model.pressure(data.volume, kelvin, start.expand(vector))
            return (p - measured) / sigma, columns @ start.matrix / sigma[:, None]

        return fit(Problem(start, evaluate, block))

    blurred = data.stated and bool(np.any(data.sigma_volume > 0))
    result = solve(parameters, data.sigma_pressure if data.stated and not blurred else np.full(len(data), 1e7))
    for _ in range(EFFECTIVE_STEPS if blurred else 0):
        before = result.parameters.vector
        slope = model.pressure(data.volume, kelvin, result.parameters.values)[1]
        result = solve(result.parameters, np.hypot(data.sigma_pressure, slope * data.sigma_volume))
        moved = np.abs(result.parameters.vector - before)
        if np.all(moved <= SETTLED * np.where(np.isfinite(result.sigma), result.sigma, math.inf)):
            break
    scale = 1.0 if data.stated else math.sqrt(result.chi2 / (len(data) - free))
    return ThermalFit(model, data, kelvin, result, scale)
