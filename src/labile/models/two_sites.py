"""Terms of a molecule with two switching sites: states LL, LH, HL, HH, or of a crystal with two sublattices.

Per mole of molecules, with the high-spin fraction of sites c = x_HH + (x_HL + x_LH)/2 and the staggered order
parameter eta = x_HL - x_LH,

    G = (x_HL + x_LH) (g + W) + 2 g x_HH + 2 Gamma c (1 - c) - Lambda eta^2 + RT sum_i x_i ln x_i

g and Gamma are per mole of sites, W and Lambda per mole of molecules. Both quadratic forms are brought to the canonical
form with a zero diagonal: for weights a_i and sum_i x_i = 1,

    (sum_i a_i x_i)^2 = sum_i a_i^2 x_i - sum_{i<j} (a_i - a_j)^2 x_i x_j .
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.free_energy import Coefficients


def _weights(coefficients: Coefficients, weights: tuple[tuple[str, float], ...]) -> np.ndarray:
    result = np.zeros(len(coefficients.state_names))
    for name, weight in weights:
        result[coefficients.state(name)] = weight
    return result


@dataclass(frozen=True)
class IntramolecularInteraction:
    """g += W for the molecules whose two sites differ: W = E(HL) - (E(HH) + E(LL))/2.

    W < 0 favours mixed molecules (a plateau, two steps), W > 0 one step.

    Attributes
    ----------
    mixed : tuple of str
        The states with one site of each kind.

    References
    ----------
    J. A. Real, H. Bolvin, A. Bousseksou, A. Dworkin, O. Kahn, F. Varret, J. Zarembowitch, J. Am. Chem. Soc. 114, 4650
    (1992), doi 10.1021/ja00038a031.

    Examples
    --------
    >>> [parameter.name for parameter in IntramolecularInteraction(("LH", "HL")).parameters(())]
    ['molecule.intramolecular_interaction']
    """

    mixed: tuple[str, ...]

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``molecule.intramolecular_interaction`` (J per mole of molecules), 0 and fixed unless the study says."""
        return (Parameter("molecule.intramolecular_interaction", 0.0, fixed=True),)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add W."""
        for name in self.mixed:
            coefficients.g[:, coefficients.state(name)] += values["molecule.intramolecular_interaction"]

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add 1."""
        k = coefficients.parameter("molecule.intramolecular_interaction")
        for name in self.mixed:
            coefficients.g_theta[:, k, coefficients.state(name)] += 1.0


@dataclass(frozen=True)
class SiteCooperativity:
    """G += sites * Gamma c (1 - c): the interaction of Slichter and Drickamer between sites of different molecules.

    Attributes
    ----------
    high_sites : tuple of (str, float)
        Fraction of high-spin sites in each state; a state that is not named has none.
    sites : int
        Switching sites of one molecule.

    Examples
    --------
    >>> [parameter.name for parameter in SiteCooperativity((("HL", 0.5), ("LH", 0.5), ("HH", 1.0)), 2).parameters(())]
    ['site.interaction']
    """

    high_sites: tuple[tuple[str, float], ...]
    sites: int = 2

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``site.interaction`` (J per mole of sites), 0 and fixed unless the study says otherwise."""
        return (Parameter("site.interaction", 0.0, fixed=True),)

    def _forms(self, coefficients: Coefficients) -> tuple[np.ndarray, np.ndarray]:
        a = _weights(coefficients, self.high_sites)
        return self.sites * a * (1 - a), self.sites * (a[:, None] - a[None, :]) ** 2

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add Gamma times the form."""
        vector, matrix = self._forms(coefficients)
        coefficients.g += values["site.interaction"] * vector
        coefficients.w += values["site.interaction"] * matrix

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the form."""
        vector, matrix = self._forms(coefficients)
        k = coefficients.parameter("site.interaction")
        coefficients.g_theta[:, k] += vector
        coefficients.w_theta[:, k] += matrix


@dataclass(frozen=True)
class StaggeredInteraction:
    """G -= Lambda(P) eta^2 with eta = x_first - x_second: ordering of molecules whose sites differ.

    Lambda(P) = Lambda_0 + lambda (P - P_ambient); eta = 0 is unstable where x_first + x_second > RT/(2 Lambda), and the
    two sites, alike by symmetry, become different (symmetry breaking).

    Attributes
    ----------
    first, second : str
        The two mixed states.

    Examples
    --------
    >>> [parameter.name for parameter in StaggeredInteraction("HL", "LH").parameters(())]
    ['molecule.staggered_interaction', 'molecule.staggered_interaction_pressure_slope']
    """

    first: str
    second: str

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Lambda_0 (J per mole of molecules) and its slope in pressure, 0 and fixed unless the study says otherwise."""
        return (
            Parameter("molecule.staggered_interaction", 0.0, fixed=True),
            Parameter("molecule.staggered_interaction_pressure_slope", 0.0, fixed=True),
        )

    def _forms(self, coefficients: Coefficients) -> tuple[np.ndarray, np.ndarray]:
        b = _weights(coefficients, ((self.first, 1.0), (self.second, -1.0)))
        return -(b**2), (b[:, None] - b[None, :]) ** 2

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add Lambda times the form, and the slope to the derivative in P."""
        vector, matrix = self._forms(coefficients)
        strength = values["molecule.staggered_interaction"]
        slope = values["molecule.staggered_interaction_pressure_slope"]
        coefficients.g += strength * vector
        coefficients.w += strength * matrix
        if slope:
            coefficients.vary_interactions()
            pressure = conditions.pressure - AMBIENT_PRESSURE
            coefficients.g += slope * pressure[:, None] * vector
            coefficients.w += slope * pressure[:, None, None] * matrix
            coefficients.g_p += slope * vector
            coefficients.w_p += slope * matrix

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add the form, and P - P_ambient times the form."""
        vector, matrix = self._forms(coefficients)
        coefficients.vary_interactions()
        pressure = conditions.pressure - AMBIENT_PRESSURE
        strength = coefficients.parameter("molecule.staggered_interaction")
        slope = coefficients.parameter("molecule.staggered_interaction_pressure_slope")
        coefficients.g_theta[:, strength] += vector
        coefficients.w_theta[:, strength] += matrix
        coefficients.g_theta[:, slope] += pressure[:, None] * vector
        coefficients.w_theta[:, slope] += pressure[:, None, None] * matrix


def staggered_order(x: np.ndarray, state_names: tuple[str, ...], first: str, second: str) -> np.ndarray:
    """Order parameter eta = x_first - x_second of symmetry breaking, shape (N,).

    Examples
    --------
    >>> staggered_order(np.array([[0.1, 0.6, 0.2, 0.1]]), ("LL", "HL", "LH", "HH"), "HL", "LH").round(1).tolist()
    [0.4]
    """
    return np.asarray(x[:, state_names.index(first)] - x[:, state_names.index(second)])
