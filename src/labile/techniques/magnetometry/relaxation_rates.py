"""Rates of relaxation at several temperatures: k_HL(T) = k_tunnel + k_inf exp(-Ea/RT)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labile.core.constants import GAS_CONSTANT
from labile.core.parameters import Parameter, Parameters
from labile.core.uncertain import format_uncertain
from labile.core.units import from_si
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult
from labile.techniques.magnetometry.holder import MagnetometryError

_KINDS = {
    "activated and tunnelling": ("log_prefactor", "activation_energy", "log_tunnelling"),
    "activated": ("log_prefactor", "activation_energy"),
    "tunnelling": ("log_tunnelling",),
}


@dataclass(frozen=True, eq=False)
class RateLawFit:
    """Rates of several temperatures as k_tunnel + k_inf exp(-Ea/RT).

    Attributes
    ----------
    kind : {"activated and tunnelling", "activated", "tunnelling"}
        What the data call for, by AICc.
    fit : FitResult
        Parameters ``relaxation.log_prefactor`` (ln of k_inf in s-1), ``relaxation.activation_energy`` (J/mol) and
        ``relaxation.log_tunnelling`` (ln of k_tunnel in s-1), as far as the kind has them; covariance and correlation
        of the three are there.
    others : mapping of str to FitResult
        The other kinds that could be fitted.
    text : str
    """

    kind: str
    fit: FitResult
    others: Mapping[str, FitResult]
    text: str

    @property
    def activation_energy(self) -> tuple[float, float]:
        """Ea and its standard uncertainty, J/mol; NaN without an activated part."""
        return self._value("relaxation.activation_energy")

    @property
    def prefactor(self) -> tuple[float, float]:
        """k_inf and its standard uncertainty, s-1; NaN without an activated part."""
        return self._exponential("relaxation.log_prefactor")

    @property
    def tunnelling_rate(self) -> tuple[float, float]:
        """k_tunnel and its standard uncertainty, s-1; NaN where the data show no plateau."""
        return self._exponential("relaxation.log_tunnelling")

    def _value(self, name: str) -> tuple[float, float]:
        if name not in self.fit.parameters:
            return math.nan, math.nan
        return self.fit.value(name), self.fit.sigma_of(name)

    def _exponential(self, name: str) -> tuple[float, float]:
        value, sigma = self._value(name)
        return math.exp(value), math.exp(value) * sigma


def rate_law(
    temperature: np.ndarray,
    rate: np.ndarray,
    sigma_rate: np.ndarray,
    *,
    sigma_temperature: np.ndarray | float = 0.0,
) -> RateLawFit:
    """Fit k_tunnel + k_inf exp(-Ea/RT) to rates.

    Parameters
    ----------
    temperature : ndarray (N,)
        K, three different ones at least.
    rate, sigma_rate : ndarray (N,)
        s-1.
    sigma_temperature : ndarray (N,) or float
        K.

    Returns
    -------
    RateLawFit

    Raises
    ------
    MagnetometryError

    Examples
    --------
    >>> t = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 55.0, 60.0])
    >>> k = 1e-6 + 1e7 * np.exp(-900 * 11.96266 / 8.314462618 / t)
    >>> found = rate_law(t, k, 0.05 * k)
    >>> found.kind, round(found.activation_energy[0] / 11.96266, 3)
    ('activated and tunnelling', 900.0)
    """
    kelvin, k = np.asarray(temperature, dtype=float), np.asarray(rate, dtype=float)
    spread = np.asarray(sigma_rate, dtype=float)
    if kelvin.shape != k.shape or spread.shape != k.shape or np.unique(kelvin).size < 3:
        raise MagnetometryError(
            f"rates: {np.unique(kelvin).size} different temperatures, at least 3 with a rate and its sigma are needed"
        )
    bad = ~((kelvin > 0) & (k > 0) & (spread > 0) & np.isfinite(kelvin + k + spread))
    if np.any(bad):
        at = int(np.argmax(bad))
        raise MagnetometryError(
            f"rates: {k[at]:g} +- {spread[at]:g} s-1 at {kelvin[at]:g} K; rates and their sigmas must be above 0"
        )
    log_k = np.log(k)
    # where the temperature is not exact, a steep law moves the rate
    relative = np.hypot(spread / k, _steepness(kelvin, log_k) * np.asarray(sigma_temperature, dtype=float))
    fits = {kind: found for kind in _KINDS if (found := _fit_rates(kind, kelvin, log_k, relative)) is not None}
    if not fits:
        raise MagnetometryError(f"rates: {k.size} rates are too few to fit a law with its uncertainty")
    kind = min(fits, key=lambda name: fits[name].aicc or math.inf)
    chosen = RateLawFit(kind, fits[kind], {name: one for name, one in fits.items() if name != kind}, "")
    return replace(chosen, text=_rate_text(chosen, kelvin))


def _steepness(kelvin: np.ndarray, log_k: np.ndarray) -> np.ndarray:
    """|d ln k/dT| (K-1) of the data at each rate."""
    known, inverse, counts = np.unique(kelvin, return_inverse=True, return_counts=True)
    return np.asarray(np.abs(np.gradient(np.bincount(inverse, weights=log_k) / counts, known))[inverse])


def _fit_rates(kind: str, kelvin: np.ndarray, log_k: np.ndarray, relative: np.ndarray) -> FitResult | None:
    names = _KINDS[kind]
    if log_k.size <= len(names) + 1:
        return None
    reciprocal = 1.0 / (GAS_CONSTANT * kelvin)
    hot = np.argsort(kelvin)[-max(2, kelvin.size // 2) :]
    slope, offset = np.polyfit(reciprocal[hot], log_k[hot], 1) if np.unique(kelvin[hot]).size > 1 else (-1e3, 0.0)
    starts = {
        "log_prefactor": Parameter("relaxation.log_prefactor", float(offset), unit="1"),
        "activation_energy": Parameter("relaxation.activation_energy", max(float(-slope), 10.0), lower=0.0),
        "log_tunnelling": Parameter("relaxation.log_tunnelling", float(log_k.min()), unit="1"),
    }
    setup = Parameters(tuple(starts[name] for name in names))

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = dict(zip(names, vector, strict=True))
        parts, slopes = [], []
        if "log_prefactor" in value:
            parts.append(value["log_prefactor"] - value["activation_energy"] * reciprocal)
            slopes += [(0, np.ones_like(kelvin)), (0, -reciprocal)]
        if "log_tunnelling" in value:
            parts.append(np.full_like(kelvin, value["log_tunnelling"]))
            slopes.append((len(parts) - 1, np.ones_like(kelvin)))
        logs = np.stack(parts)
        model = np.logaddexp.reduce(logs, axis=0)
        share = np.exp(logs - model)
        jacobian = np.column_stack([share[part] * slope for part, slope in slopes])
        return (model - log_k) / relative, jacobian / relative[:, None]

    return fit(Problem(setup, evaluate, (Block("rates", log_k.size),)))


def _rate_text(found: RateLawFit, kelvin: np.ndarray) -> str:
    parts = []
    if "relaxation.activation_energy" in found.fit.parameters:
        energy, sigma = found.activation_energy
        wave = [float(from_si(one, "1/cm", "activation_energy")) for one in (energy, sigma)]
        parts.append(f"Ea = {format_uncertain(*wave)} cm-1, k_inf = {format_uncertain(*found.prefactor)} s-1")
    if "relaxation.log_tunnelling" in found.fit.parameters:
        parts.append(f"k_tunnel = {format_uncertain(*found.tunnelling_rate)} s-1")
    else:
        parts.append(f"no plateau down to {kelvin.min():.4g} K")
    reduced = found.fit.chi2 / max(found.fit.degrees_of_freedom, 1)
    doubt = (
        f"; the rates scatter more than their sigmas (chi2 per degree of freedom {reduced:.1f})" if reduced > 4 else ""
    )
    return f"k_HL(T) {found.kind}: {', '.join(parts)}{doubt}"
