"""Populations from two bands, and the ratio of their strengths from mass balance.

    x_V = A_V/(A_V + K A_H),       K = e_V/e_H

Where only H and V are present A_V/e_V + A_H/e_H is constant, so A_H against A_V is a straight line of slope -1/K: a fit
with errors in both. A van 't Hoff line does not know K: ln[x/(1-x)] moves by -ln K at every temperature, dH stays and
dS becomes dS(K = 1) - R ln K, exactly. Strengths that change with temperature bias K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.techniques.vibrational.spectral_map import VibrationalError

DEGENERACY = (
    "the ratio of band strengths K and the entropy difference are exactly degenerate in populations from two bands:"
    " dS(K) = dS(K = 1) - R ln K; only mass balance, another measurement or a known K separates them"
)


@dataclass(frozen=True, eq=False)
class StrengthRatio:
    """K = e_V/e_H from mass balance.

    Attributes
    ----------
    value, sigma : float
    total : float
        A_H that the sample would have as pure H, 1/m.
    drift : float or None
        Relative change of the total per 100 K, where it was fitted.
    chi2 : float
    degrees_of_freedom : int
    drift_z : float
        Trend of the residuals with temperature in standard deviations (of the fit without drift).
    per_drift : float
        By how much K would be wrong if the strengths rose by 1 % per 100 K and no drift was fitted. Populations that
        change nearly linearly with temperature hide such a drift: K is then biased and `drift_z` stays small.
    notes : tuple of str
    """

    value: float
    sigma: float
    total: float
    drift: float | None
    chi2: float
    degrees_of_freedom: int
    drift_z: float
    per_drift: float
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """One sentence."""
        return f"K = e_V/e_H = {format_uncertain(self.value, self.sigma)} from closure; {DEGENERACY}"


def _pair(area_v: Measurement, area_h: Measurement) -> str:
    where = f"bands {area_v.label!r} and {area_h.label!r}"
    if len(area_v) != len(area_h) or not np.allclose(area_v.temperature, area_h.temperature):
        raise VibrationalError(f"{where}: they must be measured at the same temperatures")
    return where


def strength_ratio(
    area_v: Measurement,
    area_h: Measurement,
    *,
    window: tuple[float, float] | None = None,
    drift: bool = False,
) -> StrengthRatio:
    """Ratio of the strengths of two bands from A_H + A_V/K = constant.

    Parameters
    ----------
    area_v, area_h : Measurement
        Band areas with uncertainties at the same temperatures.
    window : (float, float), optional
        Temperatures (K) at which only the two states are present.
    drift : bool
        Let the constant change linearly with temperature. That costs precision: populations change with temperature
        too.

    Returns
    -------
    StrengthRatio
        With a warning among its notes where residuals follow temperature.

    Raises
    ------
    VibrationalError
        For fewer than four points in the window, missing uncertainties, or areas that do not change against each
        other (slope not negative within its error).

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> x, at = np.linspace(0.1, 0.5, 30), Conditions(np.linspace(120.0, 300.0, 30))
    >>> v, h = (Measurement("band_area", a, at, sigma=1.0) for a in (150.0 * x, 100.0 * (1 - x)))
    >>> round(strength_ratio(v, h).value, 3)
    1.5
    """
    where = _pair(area_v, area_h)
    low, high = window or (0.0, math.inf)
    inside = (area_v.temperature >= low) & (area_v.temperature <= high)
    if np.sum(inside) < 4:
        raise VibrationalError(f"{where}: {int(inside.sum())} points in the window; closure needs 4 at least")
    if area_v.sigma is None or area_h.sigma is None:
        raise VibrationalError(f"{where}: a line with errors in both areas needs the uncertainties of both")
    v, h = area_v.values[inside], area_h.values[inside]
    sv, sh = area_v.sigma[inside], area_h.sigma[inside]
    kelvin = area_v.temperature[inside]
    tau = (kelvin - kelvin.mean()) / 100.0
    if np.ptp(v) <= 4 * np.median(sv):
        raise VibrationalError(f"{where}: A_V changes by no more than its uncertainty; K is not determined")
    slope = -float(np.cov(v, h)[0, 1] / np.var(v, ddof=1))
    if not slope > 0:
        raise VibrationalError(
            f"{where}: both areas rise together; closure of two states makes them change against each other. Are more"
            " states, or the amount of sample in the beam, changing?"
        )
    plain = _line(v, h, sv, sh, tau, slope, drift=False)
    # residuals of the plain line against temperature; what the line absorbed of the trend is projected off first
    jacobian, residuals = plain.jacobian, plain.residuals
    scale = 1.0 / np.sqrt(sh**2 + (plain.value("closure.inverse_ratio") * sv) ** 2)
    q, _ = np.linalg.qr(jacobian)
    trend = tau * scale - q @ (q.T @ (tau * scale))
    length = float(np.linalg.norm(trend))
    drift_z = float(trend @ residuals / length) if length > 1e-9 else 0.0
    # a total that rises by 1 % per 100 K is answered by the line's own parameters
    response = np.linalg.lstsq(jacobian, -0.01 * plain.value("closure.total") * tau * scale, rcond=None)[0]
    per_drift = -float(response[0]) / plain.value("closure.inverse_ratio") ** 2
    used = _line(v, h, sv, sh, tau, slope, drift=True) if drift else plain
    inverse, sigma_inverse = used.value("closure.inverse_ratio"), used.sigma_of("closure.inverse_ratio")
    dof = v.size - used.n_free
    spread = math.sqrt(max(used.chi2 / dof, 1.0)) if dof > 0 else 1.0
    notes = [DEGENERACY]
    if not drift:
        notes.append(f"strengths that rise by 1 % per 100 K unnoticed would move K by {per_drift:+.2g}")
    if spread > 1.2:
        notes.append(
            f"the areas scatter {spread:.2f} times as much about the line as their uncertainties say; the s.u. of K is"
            " enlarged by that"
        )
    if not inverse > 3 * sigma_inverse * spread:
        raise VibrationalError(
            f"{where}: the slope -1/K = {-inverse:.3g} is not negative beyond its uncertainty"
            f" {sigma_inverse * spread:.2g}; K is not determined by closure here"
        )
    if not drift and abs(drift_z) > 3:
        notes.append(
            f"residuals of closure follow temperature ({drift_z:+.1f} standard deviations): the strengths of the bands"
            " change thermally, or a further state is present, and K is biased; fit with drift = True or narrow the"
            " window"
        )
    total = used.value("closure.total")
    return StrengthRatio(
        value=1.0 / inverse,
        sigma=sigma_inverse * spread / inverse**2,
        total=total,
        drift=used.value("closure.drift") / total if drift else None,
        chi2=used.chi2,
        degrees_of_freedom=dof,
        drift_z=drift_z,
        per_drift=per_drift,
        notes=tuple(notes),
    )


def _line(
    v: np.ndarray, h: np.ndarray, sv: np.ndarray, sh: np.ndarray, tau: np.ndarray, slope: float, *, drift: bool
) -> Any:
    """Fit h + m v = a + b tau with errors in v and h (effective variance, exact for a line)."""
    parameters = Parameters(
        (
            Parameter("closure.inverse_ratio", slope, unit="1"),
            Parameter("closure.total", float(np.mean(h + slope * v)), unit="1/m"),
            Parameter("closure.drift", 0.0, unit="1/m", fixed=not drift),
        )
    )

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m, a, b = parameters.expand(vector)
        variance = sh**2 + (m * sv) ** 2
        scale = 1.0 / np.sqrt(variance)
        r = (h + m * v - a - b * tau) * scale
        columns = [v * scale - r * m * sv**2 / variance, -scale, -tau * scale]
        return r, np.stack(columns[: 3 if drift else 2], axis=1)

    return fit(Problem(parameters, evaluate, (Block("closure", v.size),)))


def two_band_population(
    area_v: Measurement,
    area_h: Measurement,
    ratio: StrengthRatio | float,
    *,
    sigma_ratio: float = 0.0,
    correlation: np.ndarray | float = 0.0,
    label: str = "",
) -> Measurement:
    """Fraction x_V = A_V/(A_V + K A_H) of two states by their bands.

    Parameters
    ----------
    area_v, area_h : Measurement
    ratio : StrengthRatio or float
        K = e_V/e_H.
    sigma_ratio : float
        Its standard uncertainty where K is a number; it moves all points together.
    correlation : ndarray (N,) or float
        Of the two areas in each spectrum (`BandSeries.correlation`); bands that overlap have one near -1.
    label : str

    Returns
    -------
    Measurement
        ``"population"``; areas below zero count as zero and are reported in the provenance.

    Raises
    ------
    VibrationalError
        For K not above 0, or both bands absent at a point.
    """
    where = _pair(area_v, area_h)
    value, sigma_k = (ratio.value, ratio.sigma) if isinstance(ratio, StrengthRatio) else (float(ratio), sigma_ratio)
    if not (value > 0 and math.isfinite(value) and sigma_k >= 0):
        raise VibrationalError(f"{where}: K must be above 0 with sigma not negative, found {value!r} and {sigma_k!r}")
    v, h = np.maximum(area_v.values, 0.0), np.maximum(area_h.values, 0.0)
    total = v + value * h
    if np.any(total <= 0):
        raise VibrationalError(f"{where}: neither band is seen at point {int(np.argmax(total <= 0)) + 1}; leave it out")
    clipped = int(np.sum((area_v.values < 0) | (area_h.values < 0)))
    sigma: Any = None
    if area_v.sigma is not None and area_h.sigma is not None:
        by_v, by_h = h * area_v.sigma, -v * area_h.sigma
        sigma = value * np.sqrt(by_v**2 + by_h**2 + 2.0 * correlation * by_v * by_h) / total**2
    terms = (CorrelatedTerm("strength_ratio", -v * h / total**2 * sigma_k),) if sigma_k > 0 else ()
    steps = [f"x = A_V/(A_V + K A_H) with K = {format_uncertain(value, sigma_k)}; {DEGENERACY}"]
    if clipped:
        steps.append(f"{clipped} points with a negative band area counted as zero")
    return replace(
        area_v,
        quantity="population",
        unit="1",
        values=v / total,
        sigma=sigma,
        correlated=terms,
        limits=None,
        label=label or "population",
        provenance=area_v.provenance.then(*steps),
    )


def van_t_hoff_line(population: Measurement) -> tuple[float, float]:
    """Enthalpy (J/mol) and entropy (J/K/mol) differences of ln[x/(1-x)] against 1/T, unweighted.

    The entropy holds -R ln K of the two-band population: see `entropy_shift`.

    Raises
    ------
    VibrationalError
        For populations of 0 or 1, or fewer than two temperatures.
    """
    x = population.values
    if len(population) < 2 or not np.all((x > 0) & (x < 1)):
        raise VibrationalError(f"{population.label!r}: a van 't Hoff line needs populations between 0 and 1")
    slope, offset = np.polyfit(1.0 / population.temperature, np.log(x / (1.0 - x)), 1)
    return -GAS_CONSTANT * float(slope), GAS_CONSTANT * float(offset)


def entropy_shift(ratio: float) -> float:
    """Entropy (J/K/mol) that K adds to a van 't Hoff line evaluated with K = 1: -R ln K.

    Examples
    --------
    >>> round(entropy_shift(2.0), 4)
    -5.7631
    """
    if not ratio > 0:
        raise VibrationalError(f"K must be above 0, found {ratio!r}")
    return -GAS_CONSTANT * math.log(ratio)
