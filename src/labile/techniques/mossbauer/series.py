"""A series of spectra over temperature, with parameters of their own and shared or smoothly varying ones.

Every parameter of the model is either *own* (one value a spectrum) or *common*: the same in all spectra, or a smooth
function
of temperature whose coefficients are fitted (`Smooth`, `LatticeDoppler`, `LatticeArea`). The own parameters of a
spectrum are
fitted inside each evaluation of the common ones; residuals and Jacobian of the common problem are then projected off
the directions of the own ones. J^T r is exactly the gradient of chi2 in the common parameters, and J^T J is the Schur
complement, so that their covariance is that of the whole fit. Work and memory grow linearly with the number of spectra.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, doi:10.1137/0710036.
L. Kaufman, BIT 15 (1975) 49, doi:10.1007/BF01932995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import feasible_box, fit, minimise
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult, FitStatus
from labile.techniques.mossbauer.dynamics import recoil_free_fraction, second_order_doppler
from labile.techniques.mossbauer.iron57 import MossbauerError
from labile.techniques.mossbauer.observables import LATTICE_TEMPERATURE, ROOM
from labile.techniques.mossbauer.spectrum import SpectrumModel
from labile.techniques.mossbauer.spectrum_fit import SpectrumFit, parameter_rows, prepared, spectrum_problem


@dataclass(frozen=True)
class Shared:
    """The same value in all spectra."""

    def parameters(self, like: Parameter) -> tuple[Parameter, ...]:
        """The parameter itself."""
        return (replace(like, fixed=False),)

    def value(self, temperature: float, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and derivatives in the coefficients."""
        return float(coefficients[0]), np.ones(1)


@dataclass(frozen=True)
class Smooth:
    """A polynomial in temperature, c0 + c1 (T - T_0)/100 K + ...; coefficients in the parameter's SI unit.

    Attributes
    ----------
    degree : int
    about : float
        T_0, K.
    """

    degree: int = 1
    about: float = 150.0

    def parameters(self, like: Parameter) -> tuple[Parameter, ...]:
        """One parameter a coefficient: ``<component>_c1.<quantity>`` and so on beside the parameter itself."""
        prefix, _, quantity = like.name.rpartition(".")
        higher = (
            Parameter(f"{prefix}_c{k}.{quantity}", 0.0, unit=like.unit, source=like.source)
            for k in range(1, self.degree + 1)
        )
        return (replace(like, fixed=False), *higher)

    def value(self, temperature: float, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and derivatives in the coefficients."""
        powers = ((temperature - self.about) / 100.0) ** np.arange(self.degree + 1)
        return float(powers @ coefficients), powers


@dataclass(frozen=True)
class LatticeDoppler:
    """An isomer shift IS_0 + SOD(T, theta) - SOD(T_0, theta): only the lattice changes it.

    Attributes
    ----------
    reference_temperature : float
        T_0, K.
    model : {"debye", "einstein"}
    free : bool
        Whether theta is fitted.
    """

    reference_temperature: float = ROOM
    model: str = "debye"
    free: bool = True

    def parameters(self, like: Parameter) -> tuple[Parameter, ...]:
        """IS_0 and the lattice temperature."""
        if like.quantity != "isomer_shift":
            raise MossbauerError(f"series: {like.name} is no isomer shift; LatticeDoppler describes nothing else")
        return (replace(like, fixed=False), _theta(like, self.free))

    def value(self, temperature: float, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and derivatives in IS_0 and theta."""
        here = second_order_doppler(temperature, float(coefficients[1]), self.model)
        there = second_order_doppler(self.reference_temperature, float(coefficients[1]), self.model)
        return float(coefficients[0] + here.value - there.value), np.array([1.0, float(here.d_theta - there.d_theta)])


@dataclass(frozen=True)
class LatticeArea:
    """An absorption area A_0 f(T, theta): only the recoil-free fraction changes it.

    Attributes
    ----------
    model : {"debye", "einstein"}
    free : bool
    """

    model: str = "debye"
    free: bool = True

    def parameters(self, like: Parameter) -> tuple[Parameter, ...]:
        """A_0 and the lattice temperature."""
        if like.quantity not in ("absorption_area", "effective_thickness"):
            raise MossbauerError(f"series: {like.name} is no area; LatticeArea describes nothing else")
        return (replace(like, fixed=False), _theta(like, self.free))

    def value(self, temperature: float, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and derivatives in A_0 and theta."""
        f = recoil_free_fraction(temperature, float(coefficients[1]), self.model)
        return float(coefficients[0] * f.value), np.array([float(f.value), float(coefficients[0] * f.d_theta)])


def _theta(like: Parameter, free: bool) -> Parameter:
    prefix = like.name.rpartition(".")[0]
    name = f"{prefix}.lattice_temperature"
    return Parameter(name, LATTICE_TEMPERATURE, lower=20.0, upper=1500.0, fixed=not free)


@dataclass(frozen=True, eq=False)
class SeriesFit:
    """A fitted series.

    Attributes
    ----------
    common : FitResult
        Common parameters; its residuals are those of all spectra.
    spectra : tuple of SpectrumFit
        Each with all parameters of the model; common ones fixed at their values there, the covariance of the own ones
        including what the common ones' uncertainty adds.
    """

    common: FitResult
    spectra: tuple[SpectrumFit, ...]

    @property
    def temperature(self) -> np.ndarray:
        """K, shape (N,)."""
        return np.array([float(one.spectrum.conditions.temperature[0]) for one in self.spectra])

    def values(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of a parameter in every spectrum and their standard uncertainties, SI (0 for common ones)."""
        found = [(one.result.value(name), one.result.sigma_of(name)) for one in self.spectra]
        return np.array([v for v, _ in found]), np.array([s for _, s in found])

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of the common parameters in field units."""
        return parameter_rows(self.common)


def fit_series(
    spectra: Sequence[Measurement],
    model: SpectrumModel,
    common: Mapping[str, Any],
    *,
    changes: Sequence[Parameter] = (),
) -> SeriesFit:
    """Fit spectra together.

    Parameters
    ----------
    spectra : sequence of Measurement
        Folded, relative to alpha-iron; different labels.
    model : SpectrumModel
        Of every spectrum.
    common : mapping of str to Shared, Smooth, LatticeDoppler or LatticeArea
        Parameter name to how it goes with temperature; all others are fitted for each spectrum.
    changes : sequence of Parameter
        Start values, bounds and fixed ones, of the model's parameters and of common ones.

    Returns
    -------
    SeriesFit

    Raises
    ------
    MossbauerError
        For repeated labels, unknown parameters, or a fixed parameter among the common ones.
    """
    measured = [prepared(one) for one in spectra]
    labels = [one.label for one in measured]
    if len(set(labels)) != len(labels) or not labels:
        raise MossbauerError(f"series: spectra with different labels are needed, found {', '.join(labels) or 'none'}")
    base = model.parameters()
    extra = {p.name for name, way in common.items() if name in base for p in way.parameters(base[name])} - set(
        base.names
    )
    base = base.updated([change for change in changes if change.name not in extra])
    if unknown := [name for name in common if name not in base]:
        raise MossbauerError(f"series: the model has no parameter {unknown[0]!r}; there are {', '.join(base.names)}")
    merged: dict[str, Parameter] = {}
    ways: dict[str, tuple[Any, list[str]]] = {}
    for name, way in common.items():
        own = way.parameters(base[name])
        ways[name] = (way, [p.name for p in own])
        merged.update({p.name: p for p in own if p.name not in merged})
    shared = Parameters(tuple(merged.values())).updated([c for c in changes if c.name in merged])
    inner = Parameters(tuple(replace(p, fixed=True, tie=None) if p.name in common else p for p in base))
    each = [_Member(one, model, inner, ways, shared) for one in measured]

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = dict(zip(shared.names, shared.expand(vector).tolist(), strict=True))
        parts = [member.projected(values) for member in each]
        residuals = np.concatenate([r for r, _ in parts])
        return residuals, np.concatenate([j for _, j in parts]) @ shared.matrix

    blocks = tuple(Block(label, one.values.size) for label, one in zip(labels, measured, strict=True))
    result = fit(Problem(shared, evaluate, blocks))
    values = result.parameters.as_dict()
    return SeriesFit(result, tuple(member.fitted(values, result) for member in each))


class _Member:
    """One spectrum of a series: its own parameters are fitted whenever the common ones change."""

    def __init__(
        self,
        spectrum: Measurement,
        model: SpectrumModel,
        parameters: Parameters,
        ways: Mapping[str, tuple[Any, list[str]]],
        shared: Parameters,
    ) -> None:
        if spectrum.sigma is None:
            raise MossbauerError(f"spectrum {spectrum.label!r}: neither counts nor sigma; the weights are not known")
        assert spectrum.axis is not None
        self.spectrum, self.model, self.parameters = spectrum, model, parameters
        self.ways, self.shared = ways, shared
        self.velocity, self.data = spectrum.axis.values, spectrum.values[0]
        self.sigma = np.asarray(spectrum.sigma[0])
        self.temperature = float(spectrum.conditions.temperature[0])
        self.lower, self.upper = feasible_box(parameters)
        self.vector = parameters.vector

    def _common(self, values: Mapping[str, float]) -> tuple[dict[str, float], np.ndarray]:
        """Common parameters at this temperature, and their derivatives in the coefficients (C, S)."""
        here, rows = {}, np.zeros((len(self.ways), len(self.shared.names)))
        for i, (name, (way, coefficients)) in enumerate(self.ways.items()):
            here[name], slope = way.value(self.temperature, np.array([values[c] for c in coefficients]))
            for c, one in zip(coefficients, slope, strict=True):
                rows[i, self.shared.index(c)] += one
        return here, rows

    def solve(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals (M,), Jacobian in the free own parameters (M, F) and in the coefficients (M, S)."""
        here, rows = self._common(values)
        parameters = Parameters(tuple(replace(p, value=here[p.name]) if p.name in here else p for p in self.parameters))
        block = Block(self.spectrum.label, self.data.size)
        problem = spectrum_problem(self.velocity, self.data, self.sigma, self.model, parameters, block)
        found = minimise(problem.evaluate, self.vector, self.lower, self.upper, tolerance=1e-14, max_iterations=200)
        if found.status is FitStatus.FAILED:
            raise ArithmeticError(f"spectrum {self.spectrum.label!r}: no finite answer for these common parameters")
        self.vector = found.vector
        full = dict(zip(parameters.names, parameters.expand(found.vector).tolist(), strict=True))
        _, by_common = self.model.evaluate(self.velocity, full, tuple(here))
        return found.residuals, found.jacobian, (by_common / self.sigma[:, None]) @ rows

    def projected(self, values: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Residuals, and the Jacobian in the coefficients off the directions of the own parameters."""
        residuals, own, outer = self.solve(values)
        moving = (self.vector > self.lower) & (self.vector < self.upper)
        rows = outer.shape[0]
        q, r = np.linalg.qr(own[:rows, moving])
        sound = np.abs(r.diagonal()) > 1e-12 * np.max(np.abs(r.diagonal()), initial=1e-300)
        q = q[:, sound]
        return residuals[:rows], outer - q @ (q.T @ outer)

    def fitted(self, values: Mapping[str, float], common: FitResult) -> SpectrumFit:
        """The spectrum's own result at the solution."""
        _, own, outer = self.solve(values)
        here, _ = self._common(values)
        parameters = Parameters(tuple(replace(p, value=here[p.name]) if p.name in here else p for p in self.parameters))
        block = Block(self.spectrum.label, self.data.size)
        problem = spectrum_problem(
            self.velocity, self.data, self.sigma, self.model, parameters.with_vector(self.vector), block
        )
        alone = fit(problem)
        # own parameters answer to a change of the common ones
        answer = -np.linalg.lstsq(own[: outer.shape[0]], outer @ self.shared.matrix, rcond=None)[0]
        usable = np.all(np.isfinite(common.covariance))
        added = answer @ common.covariance @ answer.T if usable else np.zeros_like(alone.covariance)
        held = np.array([name in alone.at_bound for name in alone.free_names], dtype=bool)
        added[held, :] = added[:, held] = 0.0
        result = replace(alone, covariance=alone.covariance + added)
        curve, _ = self.model.evaluate(self.velocity, result.parameters.as_dict(), ())
        notes = (f"fitted in a series; common: {', '.join(self.ways)}",)
        return SpectrumFit(self.spectrum, self.model, result, curve, notes)
