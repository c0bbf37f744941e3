"""Fit of an equation of state to pressures and volumes, both with uncertainties.

The pressure is the dependent variable: r_i = [P_i - P(V_i)]/s_i. Errors of both axes enter either as the effective
variance s_i^2 = sigma_P^2 + (dP/dV)^2 sigma_V^2, repeated until the parameters stand, or by orthogonal distances, where
every true volume is a parameter of its own; to first order in sigma_V K/V both are the same. Pressures are counted
from ambient, as everywhere here: V0 and K0 are those at 101325 Pa.

An edge is fitted through its cube: the curve of a^3 has K = -(1/3) a dP/da, so that the linear modulus is 3 K0 and its
derivative 3 K0'.

References
----------
J. Orear, Am. J. Phys. 50, 912 (1982), doi 10.1119/1.12972 (effective variance). R. J. Angel, Rev. Mineral. Geochem. 41,
35 (2000), doi 10.2138/rmg.2000.41.2 (weights, F-f plot, confidence ellipse, cubes of edges).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.models.volumes import PARAMETERS, Compression, EquationOfState, require_form

GPA = 1e9
METHODS = ("effective_variance", "orthogonal")
SETTLED = 1e-4
"""The effective variance stands when no parameter moves by more of its s.u."""
EFFECTIVE_STEPS = 12
FIXED = ("constant", "linear")
"""Forms without a curve worth a fit of pressures."""
COMPRESSED = 1e-3
"""Relative change of the volume that no solid shows below one atmosphere."""


class CompressionError(ValueError):
    """Data or options from which no equation of state follows."""


@dataclass(frozen=True, eq=False)
class CompressionData:
    """Volumes (or cubes of edges) at pressures.

    Attributes
    ----------
    pressure, volume : ndarray (N,)
        Pa (absolute), and m3 or any other unit of volume.
    sigma_pressure, sigma_volume : ndarray (N,)
        Standard uncertainties, 0 where exact.
    stated : bool
        Whether any uncertainty is known.
    """

    pressure: np.ndarray
    volume: np.ndarray
    sigma_pressure: np.ndarray
    sigma_volume: np.ndarray
    stated: bool

    def __len__(self) -> int:
        return self.pressure.size

    def __getitem__(self, index: Any) -> CompressionData:
        """Select points."""
        return CompressionData(
            self.pressure[index],
            self.volume[index],
            self.sigma_pressure[index],
            self.sigma_volume[index],
            self.stated,
        )


def compression_data(
    pressure: Any, volume: Any, sigma_pressure: Any = None, sigma_volume: Any = None
) -> CompressionData:
    """Check data.

    Parameters
    ----------
    pressure, volume : array_like (N,)
        Pa (absolute) and volumes above 0.
    sigma_pressure, sigma_volume : array_like (N,) or float, optional
        Standard uncertainties; NaN (not stated) counts as 0 as long as the other is known.

    Returns
    -------
    CompressionData

    Raises
    ------
    CompressionError
        For lengths that differ, numbers that are not finite, volumes that are not positive, negative uncertainties, or
        points without any uncertainty beside others that have one.
    """
    p, v = np.asarray(pressure, dtype=float), np.asarray(volume, dtype=float)
    if p.ndim != 1 or p.shape != v.shape:
        raise CompressionError(f"equation of state: pressures have shape {p.shape}, volumes {v.shape}; give N of each")
    if not (np.all(np.isfinite(p)) and np.all(np.isfinite(v))):
        row = int(np.argmin(np.isfinite(p) & np.isfinite(v))) + 1
        raise CompressionError(f"equation of state: point {row} is not finite")
    if np.any(v <= 0):
        raise CompressionError(
            f"equation of state: volume {v[v <= 0][0]:g} of point {int(np.argmax(v <= 0)) + 1} is not > 0"
        )
    sigmas = []
    for name, one in (("sigma_pressure", sigma_pressure), ("sigma_volume", sigma_volume)):
        array = np.zeros(p.size) if one is None else np.broadcast_to(np.asarray(one, dtype=float), p.shape)
        array = np.nan_to_num(array, nan=0.0)
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise CompressionError(f"equation of state: {name} must be >= 0 and finite")
        sigmas.append(array)
    known = (sigmas[0] > 0) | (sigmas[1] > 0)
    if np.any(known) and not np.all(known):
        row = int(np.argmin(known)) + 1
        raise CompressionError(
            f"equation of state: point {row} has neither sigma_pressure nor sigma_volume, others have; state them all"
        )
    return CompressionData(p, v, sigmas[0], sigmas[1], bool(np.all(known) and p.size))


def require_pascal(data: CompressionData) -> None:
    """Refuse pressures in GPa, kbar, MPa or bar: too low for what they do to the volumes.

    Parameters
    ----------
    data : CompressionData
        Of one temperature.

    Raises
    ------
    CompressionError
        If all pressures lie below one atmosphere while the volumes change by more than `COMPRESSED`.
    """
    if len(data) < 2:
        return
    largest = float(np.max(np.abs(data.pressure)))
    change = float(np.ptp(data.volume) / np.max(data.volume))
    if np.ptp(data.pressure) <= 0 or largest >= AMBIENT_PRESSURE or change < COMPRESSED:
        return
    likely = "GPa or kbar (multiply by 1e9 or 1e8)"
    if largest >= 1e3:
        likely = "MPa (multiply by 1e6)" if largest < 1e4 else "bar (multiply by 1e5)"
    text = (
        f"equation of state: the highest pressure is {largest:.4g} Pa, yet the volumes change by {100 * change:.2g} %:"
        f" Pa are expected, and the pressures look like {likely}"
    )
    if np.min(data.volume) > 1:
        text += "; the volumes look like angstrom^3 and may stay so, V0 comes in their unit"
    raise CompressionError(text)


@dataclass(frozen=True, eq=False)
class CompressionFit:
    """A fitted equation of state.

    Attributes
    ----------
    form : str
        Key of `models.volumes.FORMS`.
    data : CompressionData
    result : FitResult
        Parameters ``eos.volume`` (in the unit of the data), ``eos.bulk_modulus`` (Pa) and so on; of the orthogonal
        method also the true volumes. Its covariance is that of the stated uncertainties.
    scale : float
        What its s.u. are multiplied by: 1 where uncertainties are stated, else the scatter about the curve.
    method : str
    """

    form: str
    data: CompressionData
    result: FitResult
    scale: float
    method: str

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of the form."""
        return require_form(self.form).parameters

    @property
    def equation(self) -> EquationOfState:
        """The curve at the solution."""
        return EquationOfState(self.form, *(self.result.value(f"eos.{name}") for name in self.names))

    @property
    def covariance(self) -> np.ndarray:
        """Of the parameters of the form in their order, SI; 0 for fixed ones."""
        rows = self.result.parameters.matrix[[self.result.parameters.index(f"eos.{name}") for name in self.names]]
        return np.asarray(self.scale**2 * rows @ self.result.covariance @ rows.T)

    def value(self, name: str) -> tuple[float, float]:
        """Value and s.u. of ``volume``, ``bulk_modulus``, ``bulk_modulus_derivative``, ..., SI.

        K0' of a form that implies it has the s.u. 0.
        """
        form = require_form(self.form)
        if name == "bulk_modulus_derivative" and form.implied_derivative is not None:
            return form.implied_derivative, 0.0
        return self.result.value(f"eos.{name}"), self.scale * self.result.sigma_of(f"eos.{name}")

    @property
    def degrees_of_freedom(self) -> int:
        """Points minus free parameters of the curve."""
        return len(self.data) - sum(name.startswith("eos.") for name in self.result.free_names)

    @property
    def reduced_chi2(self) -> float | None:
        """chi2 per degree of freedom; None without stated uncertainties or degrees of freedom."""
        dof = self.degrees_of_freedom
        return self.result.chi2 / dof if dof and self.data.stated else None

    @property
    def bic(self) -> float:
        """Bayesian information criterion; with the scatter as noise where no uncertainties are stated."""
        n, k = len(self.data), len(self.data) - self.degrees_of_freedom
        if self.data.stated:
            return self.result.chi2 + k * math.log(n)
        return n * math.log(max(self.result.chi2, 1e-300) / n) + (k + 1) * math.log(n)

    def pressure(self, volume: Any) -> tuple[np.ndarray, np.ndarray]:
        """Absolute pressure at volumes, Pa, with the s.u. from the parameters."""
        point = self.equation.at_volume(volume)
        return point.pressure + AMBIENT_PRESSURE, self._propagated(point.d_pressure)

    def volume(self, pressure: Any) -> tuple[np.ndarray, np.ndarray]:
        """Volume at absolute pressures (Pa) with the s.u. from the parameters."""
        point = self.equation.at_pressure(np.asarray(pressure, dtype=float) - AMBIENT_PRESSURE)
        return point.volume, self._propagated(point.d_volume)

    def _propagated(self, slopes: dict[str, np.ndarray]) -> np.ndarray:
        gradient = np.stack([slopes[name] for name in self.names], axis=-1)
        variance = np.einsum("...i,ij,...j->...", gradient, self.covariance, gradient)
        return np.sqrt(np.maximum(variance, 0.0))

    def linear_modulus(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """3 K0 (Pa) and 3 K0' with their s.u.: those of an edge whose cube was fitted."""
        (k, sigma_k), (p, sigma_p) = self.value("bulk_modulus"), self.value("bulk_modulus_derivative")
        return (3 * k, 3 * sigma_k), (3 * p, 3 * sigma_p)

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of parameter, value with s.u. and unit; volumes in the unit of the data."""
        shown = {
            "volume": ("V0", 1.0, ""),
            "bulk_modulus": ("K0", GPA, "GPa"),
            "bulk_modulus_derivative": ("K0'", 1.0, ""),
            "bulk_modulus_second_derivative": ("K0''", 1 / GPA, "GPa-1"),
        }
        rows = []
        for name in self.names:
            label, unit, text = shown[name]
            value, sigma = self.value(name)
            rows.append((label, format_uncertain(value / unit, sigma / unit), text))
        return rows

    def __repr__(self) -> str:
        chi2 = "no uncertainties stated" if self.reduced_chi2 is None else f"chi2/dof {self.reduced_chi2:.3g}"
        head = f"<CompressionFit: {require_form(self.form).title}, {len(self.data)} points, {chi2}>"
        return "\n".join(
            [head, *(f"  {n:5s} {v} {u}".rstrip() for n, v, u in self.table()), f"  {self.result.message}"]
        )


def start_parameters(data: CompressionData, form: str) -> Parameters:
    """Parameters of a form with starts from the data: V0 and K0 of an order-2 curve by two linear steps."""
    chosen = require_form(form)
    if form in FIXED:
        raise CompressionError(f"equation of state: the form {form!r} has nothing to fit; choose a curved one")
    if len(data) < 2 or np.ptp(data.volume) <= 0:
        raise CompressionError(f"equation of state: different volumes are needed, found {len(data)} points")
    p, v = data.pressure - AMBIENT_PRESSURE, data.volume
    # ln V against P is nearly straight; a parabola gives V0 and K0
    degree = 1 if len(data) < 4 else 2
    c = np.polynomial.polynomial.polyfit(p / GPA, np.log(v), degree)
    slope = -c[1] if c[1] < 0 else -np.polynomial.polynomial.polyfit(p / GPA, np.log(v), 1)[1]
    if slope <= 0:
        raise CompressionError(
            "equation of state: the volumes do not fall with pressure; check the columns, or choose one phase"
        )
    k = min(max(GPA / slope, 1e7), 1e13)
    values = {"volume": float(np.exp(c[0])), "bulk_modulus": k, "bulk_modulus_derivative": 5.0}
    values["bulk_modulus_second_derivative"] = -6.0 / k
    bounds = {"volume": (0.0, math.inf), "bulk_modulus": (1e5, 1e15)}
    bounds |= {"bulk_modulus_derivative": (-50.0, 100.0)}
    return Parameters(
        tuple(
            Parameter(
                f"eos.{name}",
                values[name],
                lower=bounds.get(name, (-math.inf, math.inf))[0],
                upper=bounds.get(name, (-math.inf, math.inf))[1],
            )
            for name in PARAMETERS
            if name in chosen.parameters
        )
    )


def _curve(form: str, values: np.ndarray, volume: np.ndarray) -> Compression:
    return EquationOfState(form, *(float(one) for one in values)).at_volume(volume)


def fit_equation_of_state(
    pressure: Any,
    volume: Any,
    sigma_pressure: Any = None,
    sigma_volume: Any = None,
    *,
    form: str = "birch_murnaghan_3",
    method: str = "effective_variance",
    changes: Sequence[Parameter] = (),
) -> CompressionFit:
    """Fit an equation of state to one phase.

    Parameters
    ----------
    pressure, volume : array_like (N,)
        Pa (absolute), and volumes in any unit; V0 comes in it.
    sigma_pressure, sigma_volume : array_like (N,) or float, optional
        Standard uncertainties. Without any, the points are weighted equally in pressure and the s.u. of the parameters
        come from the scatter.
    form : str
        Key of `models.volumes.FORMS`.
    method : {"effective_variance", "orthogonal"}
        How errors of both axes are counted.
    changes : sequence of Parameter
        Fixed ones or other starts, for instance ``Parameter("eos.volume", 5e-28, fixed=True)``.

    Returns
    -------
    CompressionFit

    Raises
    ------
    CompressionError
        For data that cannot be (see `compression_data` and `require_pascal`), too few points, or an unknown method.
    EquationOfStateError
        For an unknown form.

    Examples
    --------
    >>> curve = EquationOfState("birch_murnaghan_3", 500.0, 10e9, 6.0)
    >>> volumes = np.linspace(500.0, 450.0, 8)
    >>> found = fit_equation_of_state(curve.pressure(volumes) + 101325, volumes, 1e7)
    >>> round(found.value("bulk_modulus")[0] / 1e9, 6), round(found.value("bulk_modulus_derivative")[0], 6)
    (10.0, 6.0)
    """
    if method not in METHODS:
        raise CompressionError(f"equation of state: method must be one of {', '.join(METHODS)}, found {method!r}")
    data = compression_data(pressure, volume, sigma_pressure, sigma_volume)
    require_pascal(data)
    parameters = start_parameters(data, form).updated(changes)
    free = len(parameters.free_names)
    if len(data) < free + (0 if data.stated else 1):
        raise CompressionError(
            f"equation of state: {free + (0 if data.stated else 1)} points are needed for {free} parameters, found"
            f" {len(data)}; choose a form of lower order or fix one"
        )
    if method == "orthogonal" and data.stated and np.any(data.sigma_volume > 0):
        result = _orthogonal(data, form, parameters)
    else:
        result = _effective(data, form, parameters)
    dof = len(data) - free
    scale = 1.0 if data.stated else math.sqrt(result.chi2 / dof)
    return CompressionFit(form, data, result, scale, method)


def _effective(data: CompressionData, form: str, parameters: Parameters) -> FitResult:
    measured = data.pressure - AMBIENT_PRESSURE
    block = (Block("pressures", len(data)),)
    sigma = np.full(len(data), max(float(np.ptp(measured)), 1.0) * 1e-2)

    def solve(start: Parameters, sigma: np.ndarray) -> FitResult:
        def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            point = _curve(form, start.expand(vector), data.volume)
            columns = np.stack(list(point.d_pressure.values()), axis=1)
            return (point.pressure - measured) / sigma, columns @ start.matrix / sigma[:, None]

        return fit(Problem(start, evaluate, block))

    if data.stated and not np.any(data.sigma_volume > 0):
        return solve(parameters, data.sigma_pressure)
    if not data.stated:
        return solve(parameters, np.ones(len(data)))
    result = solve(parameters, sigma)
    for _ in range(EFFECTIVE_STEPS):
        before = result.parameters.vector
        slope = _curve(form, result.parameters.values, data.volume).bulk_modulus / data.volume
        result = solve(result.parameters, np.hypot(data.sigma_pressure, slope * data.sigma_volume))
        moved = np.abs(result.parameters.vector - before)
        if np.all(moved <= SETTLED * np.where(np.isfinite(result.sigma), result.sigma, math.inf)):
            break
    return result


def _orthogonal(data: CompressionData, form: str, parameters: Parameters) -> FitResult:
    """Every true volume as a parameter; exact pressures get a thousandth of what sigma_V means for them."""
    first = _effective(data, form, parameters)
    slope = _curve(form, first.parameters.values, data.volume).bulk_modulus / data.volume
    sigma_p = np.where(data.sigma_pressure > 0, data.sigma_pressure, 1e-3 * slope * data.sigma_volume)
    blurred = np.flatnonzero(data.sigma_volume > 0)
    true = tuple(Parameter(f"point{row + 1}.true_volume", float(data.volume[row]), lower=0.0) for row in blurred)
    start = Parameters((*first.parameters, *true))
    measured = data.pressure - AMBIENT_PRESSURE
    count = len(first.parameters)

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = start.expand(vector)
        volume = data.volume.copy()
        volume[blurred] = values[count:]
        point = _curve(form, values[:count], volume)
        rows = np.zeros((len(data) + blurred.size, len(start)))
        rows[: len(data), :count] = np.stack(list(point.d_pressure.values()), axis=1) / sigma_p[:, None]
        position = np.arange(blurred.size)
        rows[blurred, count + position] = -(point.bulk_modulus / volume / sigma_p)[blurred]
        rows[len(data) + position, count + position] = 1.0 / data.sigma_volume[blurred]
        off = (volume[blurred] - data.volume[blurred]) / data.sigma_volume[blurred]
        return np.concatenate([(point.pressure - measured) / sigma_p, off]), rows @ start.matrix

    return fit(Problem(start, evaluate, (Block("pressures", len(data)), Block("volumes", blurred.size))))


def fit_axial_equation_of_state(
    pressure: Any, edge: Any, sigma_pressure: Any = None, sigma_edge: Any = None, **options: Any
) -> CompressionFit:
    """Fit an equation of state to an edge, through its cube; `linear_modulus` gives 3 K0 and 3 K0'.

    Parameters
    ----------
    pressure, edge : array_like (N,)
        Pa (absolute) and lengths that shrink with pressure.
    sigma_pressure, sigma_edge : array_like (N,) or float, optional
    **options
        Of `fit_equation_of_state`.

    Returns
    -------
    CompressionFit
        Of the cubes.

    Raises
    ------
    CompressionError
        As `fit_equation_of_state`; an edge that grows under pressure has no such curve (see the strain technique).

    Examples
    --------
    >>> edges = np.cbrt(EquationOfState("birch_murnaghan_2", 500.0, 10e9).volume(np.linspace(0, 2e9, 6)))
    >>> found = fit_axial_equation_of_state(np.linspace(0, 2e9, 6) + 101325, edges, 1e6, form="birch_murnaghan_2")
    >>> round(found.linear_modulus()[0][0] / 1e9, 6)
    30.0
    """
    length = np.asarray(edge, dtype=float)
    sigma = None if sigma_edge is None else 3.0 * length**2 * np.asarray(sigma_edge, dtype=float)
    return fit_equation_of_state(pressure, length**3, sigma_pressure, sigma, **options)
