"""A whole map explained by populations of a model, its pure spectra eliminated: resolution with a hard constraint.

D = X(theta) S^T, where X are the populations of the electronic states at the conditions of the spectra. Populations
that follow a thermodynamic model leave no rotation open, except what the model itself leaves open: over a range where
two populations are nearly proportional, their spectra and parameters are correlated, and the uncertainties say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.core.parameters import Parameters
from labile.fitting.result import FitStatus
from labile.fitting.variable_projection import Concentrations, ProjectedFit, fit_projected
from labile.models.equilibrium import equilibrium
from labile.models.free_energy import Model
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, stated_noise, varied, wavenumbers

PER_DRIFT = {"temperature": 100.0, "pressure": 1e9}
"""Changes of pure spectra are per 100 K or per GPa."""
BELOW = 4.0
"""Standard uncertainties below zero at which a point of a pure spectrum counts as negative."""


@dataclass(frozen=True, eq=False)
class StateMapFit:
    """A map explained by a model.

    Attributes
    ----------
    spectra_map : Measurement
        Wavenumbers rising.
    state_names : tuple of str
    fit : ProjectedFit
        Its `result` holds the parameters; the covariance counts the noise of the pure spectra.
    populations, sigma_populations : ndarray (N, n)
    spectra, sigma_spectra : ndarray (n, M)
        Pure spectra at the reference condition where they drift.
    drifts : ndarray (degree, n, M)
        Their change per 100 K or GPa, then its curvature.
    lack_of_fit : float
        Percent.
    notes : tuple of str
    """

    spectra_map: Measurement
    state_names: tuple[str, ...]
    fit: ProjectedFit
    populations: np.ndarray
    sigma_populations: np.ndarray
    spectra: np.ndarray
    sigma_spectra: np.ndarray
    drifts: np.ndarray
    lack_of_fit: float
    notes: tuple[str, ...] = ()

    def population(self, state: str) -> Measurement:
        """Population of one state as a measurement with its standard uncertainties (all of one fit: correlated)."""
        if state not in self.state_names:
            raise VibrationalError(f"there is no state {state!r}; there are {', '.join(self.state_names)}")
        i = self.state_names.index(state)
        sigma = self.sigma_populations[:, i]
        return replace(
            self.spectra_map,
            quantity="population",
            unit="1",
            values=self.populations[:, i],
            sigma=np.maximum(sigma, 1e-12) if np.all(np.isfinite(sigma)) else None,
            axis=None,
            limits=None,
            correlated=(),
            label=f"population of {state}",
            provenance=self.spectra_map.provenance.then("populations of a model fitted to the whole map"),
        )


def model_concentrations(model: Model, parameters: Parameters, conditions: Conditions) -> Concentrations:
    """Equilibrium populations of a model as `fit_state_map` takes them.

    Parameters
    ----------
    model : Model
    parameters : Parameters
        Those of the model among them.
    conditions : Conditions

    Returns
    -------
    callable
        Values of all parameters (P,) -> populations (N, n) and derivatives (N, P, n).
    """
    names = parameters.names

    def populations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = equilibrium(model, conditions, dict(zip(names, values.tolist(), strict=True))).require_converged()
        slopes = np.zeros((len(found), len(names), found.x.shape[1]))
        slopes[:, [names.index(name) for name in found.parameter_names]] = found.x_theta
        return found.x, slopes

    return populations


def fit_state_map(
    spectra: Measurement,
    state_names: tuple[str, ...],
    parameters: Parameters,
    populations: Concentrations,
    *,
    known: Mapping[str, Any] | None = None,
    drift: int = 0,
    along: str = "",
    starts: int = 1,
    seed: int = 0,
) -> StateMapFit:
    """Fit the parameters of populations to a whole map.

    Parameters
    ----------
    spectra : Measurement
        Map; uncertainties that are one number, one a spectrum, one a point, or a product of these.
    state_names : tuple of str
    parameters : Parameters
    populations : callable
        Values of all parameters (P,) -> (N, n) and (N, P, n): `model_concentrations`, or any other.
    known : mapping of str to array_like (M,), optional
        Pure spectra of states on the rising wavenumbers.
    drift : {0, 1, 2}
        Degree to which pure spectra may change with temperature or pressure: bands that shift and broaden.
    along : {"", "temperature", "pressure"}
    starts, seed
        As for `labile.fitting.least_squares.fit`.

    Returns
    -------
    StateMapFit
        Pure spectra are not kept from being negative (they are eliminated); negative ones are named in the notes.

    Raises
    ------
    VibrationalError
        For states, known spectra or drifts that do not fit the map, or a start without an answer.

    Examples
    --------
    >>> from labile.core.measurement import Axis
    >>> from labile.core.parameters import Parameter
    >>> from labile.models.library import van_t_hoff
    >>> model, at = van_t_hoff(), Conditions(np.linspace(150.0, 350.0, 41))
    >>> truth = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0}
    >>> x = equilibrium(model, at, truth).x
    >>> nu = np.linspace(1.2e5, 1.6e5, 80)
    >>> pure = np.exp(-(((nu - np.array([[1.38e5], [1.42e5]])) / 5e3) ** 2))
    >>> data = x @ pure + np.random.default_rng(0).normal(0.0, 1e-3, (41, 80))
    >>> m = Measurement("absorbance", data, at, sigma=1e-3, axis=Axis("wavenumber", nu), label="simulated")
    >>> guess = Parameters(
    ...     (Parameter("HS.enthalpy", 12e3), Parameter("HS.entropy", 50.0), Parameter("HS.volume", 0.0, fixed=True))
    ... )
    >>> found = fit_state_map(m, ("LS", "HS"), guess, model_concentrations(model, guess, at))
    >>> bool(np.max(np.abs(found.populations - x)) < 0.01)
    True
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    where = f"map {spectra.label!r}"
    fixed = {name: np.asarray(row, dtype=float) for name, row in (known or {}).items()}
    for name, row in fixed.items():
        if name not in state_names:
            raise VibrationalError(f"{where}: known spectrum of {name!r}; the states are {', '.join(state_names)}")
        if row.shape != nu.shape:
            raise VibrationalError(f"{where}: the known spectrum of {name} has {row.size} points, the map {nu.size}")
    if drift not in (0, 1, 2):
        raise VibrationalError(f"{where}: drift must be 0, 1 or 2, found {drift!r}")
    n = len(state_names)
    unknown = [i for i, name in enumerate(state_names) if name not in fixed]
    last = [i for i, name in enumerate(state_names) if name in fixed]
    name, values = varied(source, along)
    tau = (values - 0.5 * (values.min() + values.max())) / PER_DRIFT[name]

    def concentrations(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, slopes = populations(vector)
        if x.shape != (len(source), n):
            raise VibrationalError(f"{where}: populations have shape {x.shape}, expected {(len(source), n)}")
        higher = [tau**k for k in range(1, drift + 1)]
        c = [x[:, unknown], *(x * t[:, None] for t in higher), x[:, last]]
        d = [slopes[:, :, unknown], *(slopes * t[:, None, None] for t in higher), slopes[:, :, last]]
        return np.concatenate(c, axis=1), np.concatenate(d, axis=2)

    sigma, note = stated_noise(source)
    notes = [note] if note else []
    pure = np.array([fixed[state_names[i]] for i in last]) if last else None
    fit = fit_projected(
        source.values, sigma, parameters, concentrations, known=pure, label=spectra.label, starts=starts, seed=seed
    )
    if fit.result.status is FitStatus.FAILED:
        raise VibrationalError(
            f"{where}: no answer at the start values: a state is nowhere populated there, or two populations are"
            " proportional. Choose start values at which every state occurs in the map"
        )
    if not fit.result.converged:
        notes.append(fit.result.message)
    x, _ = populations(fit.result.parameters.values)
    found, sigma_found = np.empty((n, nu.size)), np.empty((n, nu.size))
    order = [*range(len(unknown)), *range(fit.spectra.shape[0] - len(last), fit.spectra.shape[0])]
    for i, row in zip([*unknown, *last], order, strict=True):
        found[i], sigma_found[i] = fit.spectra[row], fit.sigma_spectra[row]
    drifts = fit.spectra[len(unknown) : len(unknown) + drift * n].reshape(drift, n, nu.size)
    sigma_x = _sigma_populations(fit, populations, parameters)
    notes += _about(fit, found, sigma_found, state_names, unknown)
    left = float(np.linalg.norm(source.values - fit.predicted()) / np.linalg.norm(source.values))
    return StateMapFit(
        source, state_names, fit, x, sigma_x, found, sigma_found, drifts, 100.0 * left, tuple(notes)
    )  # fmt: skip


def _sigma_populations(fit: ProjectedFit, populations: Concentrations, parameters: Parameters) -> np.ndarray:
    _, slopes = populations(fit.result.parameters.values)
    gradient = np.einsum("npi,pf->nif", slopes, parameters.matrix)
    variance = np.einsum("nif,fg,nig->ni", gradient, fit.result.covariance, gradient)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _about(
    fit: ProjectedFit, spectra: np.ndarray, sigma: np.ndarray, names: tuple[str, ...], unknown: list[int]
) -> list[str]:
    notes = []
    for i in unknown:
        negative = int(np.sum(spectra[i] < -BELOW * sigma[i]))
        if negative:
            notes.append(
                f"the spectrum of {names[i]} is negative by more than {BELOW:g} s.u. at {negative} of"
                f" {spectra.shape[1]} wavenumbers: the model's populations are wrong, or bands drift, or the baseline"
                " is off"
            )
    if (fit.reduced_chi2 - 1.0) * np.sqrt(0.5 * max(fit.degrees_of_freedom, 1)) > BELOW:
        notes.append(
            f"chi2 per degree of freedom is {fit.reduced_chi2:.3g}: the map holds more than these states (drifting"
            " bands? try drift = 1) or sigma is too small"
        )
    return notes
