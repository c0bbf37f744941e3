"""Terms of the free energy: enthalpy and entropy, degeneracy, volume, pair interactions.

A term that `raises` several states adds the same energy to each of them: in a crystal whose step leads from L to
the manifold {H, V}, the term named ``H`` raises both, and the term named ``H-V`` raises V above H.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.models.free_energy import Coefficients, ModelError


def _columns(coefficients: Coefficients, raises: tuple[str, ...]) -> list[int]:
    return [coefficients.state(name) for name in raises]


@dataclass(frozen=True)
class EnthalpyEntropy:
    """g += H - T S for the states it raises.

    Attributes
    ----------
    name : str
        Prefix of its parameters ``<name>.enthalpy`` (J/mol) and ``<name>.entropy`` (J/K/mol).
    raises : tuple of str
        States; ``(name,)`` when empty.
    """

    name: str
    raises: tuple[str, ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.enthalpy`` and ``<name>.entropy``, both to be given."""
        return Parameter(f"{self.name}.enthalpy"), Parameter(f"{self.name}.entropy")

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add H - T S."""
        enthalpy, entropy = values[f"{self.name}.enthalpy"], values[f"{self.name}.entropy"]
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g[:, column] += enthalpy - conditions.temperature * entropy
            coefficients.g_t[:, column] -= entropy

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add 1 and -T."""
        h, s = coefficients.parameter(f"{self.name}.enthalpy"), coefficients.parameter(f"{self.name}.entropy")
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g_theta[:, h, column] += 1.0
            coefficients.g_theta[:, s, column] -= conditions.temperature
            coefficients.g_t_theta[:, s, column] -= 1.0

    def step_entropy(self, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Return the entropy of the step and its derivatives, for a shift of T_half."""
        return values[f"{self.name}.entropy"], {f"{self.name}.entropy": 1.0}


@dataclass(frozen=True)
class EnthalpyTransition:
    """g += H (1 - T/T_half): the step of `EnthalpyEntropy` written with its transition temperature.

    Attributes
    ----------
    name : str
        Prefix of ``<name>.enthalpy`` (J/mol) and ``<name>.t_half`` (K).
    raises : tuple of str
        States; ``(name,)`` when empty.
    """

    name: str
    raises: tuple[str, ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.enthalpy`` and ``<name>.t_half``, both to be given."""
        return Parameter(f"{self.name}.enthalpy"), Parameter(f"{self.name}.t_half", lower=1e-3)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add H (1 - T/T_half)."""
        enthalpy, t_half = values[f"{self.name}.enthalpy"], values[f"{self.name}.t_half"]
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g[:, column] += enthalpy * (1.0 - conditions.temperature / t_half)
            coefficients.g_t[:, column] -= enthalpy / t_half

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add 1 - T/T_half and H T/T_half^2."""
        enthalpy, t_half = values[f"{self.name}.enthalpy"], values[f"{self.name}.t_half"]
        h, t = coefficients.parameter(f"{self.name}.enthalpy"), coefficients.parameter(f"{self.name}.t_half")
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g_theta[:, h, column] += 1.0 - conditions.temperature / t_half
            coefficients.g_t_theta[:, h, column] -= 1.0 / t_half
            coefficients.g_theta[:, t, column] += enthalpy * conditions.temperature / t_half**2
            coefficients.g_t_theta[:, t, column] += enthalpy / t_half**2

    def step_entropy(self, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Return the entropy of the step and its derivatives, for a shift of T_half."""
        enthalpy, t_half = values[f"{self.name}.enthalpy"], values[f"{self.name}.t_half"]
        return enthalpy / t_half, {f"{self.name}.enthalpy": 1 / t_half, f"{self.name}.t_half": -enthalpy / t_half**2}


@dataclass(frozen=True)
class EntropyTransition:
    """g += S (T_half - T): the step of `EnthalpyEntropy` written with its transition temperature and entropy.

    Attributes
    ----------
    name : str
        Prefix of ``<name>.entropy`` (J/K/mol) and ``<name>.t_half`` (K).
    raises : tuple of str
        States; ``(name,)`` when empty.
    """

    name: str
    raises: tuple[str, ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.entropy`` and ``<name>.t_half``, both to be given."""
        return Parameter(f"{self.name}.entropy"), Parameter(f"{self.name}.t_half", lower=1e-3)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add S (T_half - T)."""
        entropy, t_half = values[f"{self.name}.entropy"], values[f"{self.name}.t_half"]
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g[:, column] += entropy * (t_half - conditions.temperature)
            coefficients.g_t[:, column] -= entropy

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add T_half - T and S."""
        entropy, t_half = values[f"{self.name}.entropy"], values[f"{self.name}.t_half"]
        s, t = coefficients.parameter(f"{self.name}.entropy"), coefficients.parameter(f"{self.name}.t_half")
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g_theta[:, s, column] += t_half - conditions.temperature
            coefficients.g_t_theta[:, s, column] -= 1.0
            coefficients.g_theta[:, t, column] += entropy

    def step_entropy(self, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Return the entropy of the step and its derivatives, for a shift of T_half."""
        return values[f"{self.name}.entropy"], {f"{self.name}.entropy": 1.0}


@dataclass(frozen=True)
class ElectronicDegeneracy:
    """g -= R T ln w for every state that has a degeneracy; use it only with entropies that do not contain it.

    Parameters ``<state>.degeneracy``, fixed at the state's own value.
    """

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """One fixed degeneracy a state."""
        missing = [state.name for state in states if state.degeneracy is None]
        if missing:
            raise ModelError(f"electronic degeneracy: states {missing} have neither spin nor degeneracy; give one")
        return tuple(
            Parameter(f"{state.name}.degeneracy", float(state.degeneracy or 1.0), lower=1e-6, fixed=True)
            for state in states
        )

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add -RT ln w."""
        for column, name in enumerate(coefficients.state_names):
            entropy = GAS_CONSTANT * np.log(values[f"{name}.degeneracy"])
            coefficients.g[:, column] -= conditions.temperature * entropy
            coefficients.g_t[:, column] -= entropy

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add -RT/w."""
        for column, name in enumerate(coefficients.state_names):
            k = coefficients.parameter(f"{name}.degeneracy")
            coefficients.g_theta[:, k, column] -= GAS_CONSTANT * conditions.temperature / values[f"{name}.degeneracy"]
            coefficients.g_t_theta[:, k, column] -= GAS_CONSTANT / values[f"{name}.degeneracy"]


@dataclass(frozen=True)
class PressureVolume:
    """g += (P - P_ambient) V with a constant molar volume difference.

    Attributes
    ----------
    name : str
        Prefix of ``<name>.volume`` (m3/mol, relative to the reference state).
    raises : tuple of str
        States; ``(name,)`` when empty.
    """

    name: str
    raises: tuple[str, ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.volume``, 0 and fixed unless the study says otherwise."""
        return (Parameter(f"{self.name}.volume", 0.0, fixed=True),)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add (P - P_ambient) V."""
        volume = values[f"{self.name}.volume"]
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g[:, column] += (conditions.pressure - AMBIENT_PRESSURE) * volume
            coefficients.g_p[:, column] += volume

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add P - P_ambient."""
        k = coefficients.parameter(f"{self.name}.volume")
        for column in _columns(coefficients, self.raises or (self.name,)):
            coefficients.g_theta[:, k, column] += conditions.pressure - AMBIENT_PRESSURE


@dataclass(frozen=True)
class PairInteraction:
    """W_ab += Gamma for the pairs it couples; Gamma > 0 is cooperative (like attracts like).

    Attributes
    ----------
    name : str
        ``"LS-HS"``: prefix of ``<name>.interaction`` (J/mol).
    pairs : tuple of (str, str)
        Pairs of states that share this Gamma; the pair of the name when empty.
    """

    name: str
    pairs: tuple[tuple[str, str], ...] = ()

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """``<name>.interaction``, 0 and fixed unless the study says otherwise."""
        return (Parameter(f"{self.name}.interaction", 0.0, fixed=True),)

    def _pairs(self) -> tuple[tuple[str, str], ...]:
        if self.pairs:
            return self.pairs
        first, _, second = self.name.partition("-")
        return ((first, second),)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add Gamma to both off-diagonal elements of each pair."""
        gamma = values[f"{self.name}.interaction"]
        for first, second in self._pairs():
            a, b = coefficients.state(first), coefficients.state(second)
            coefficients.w[:, a, b] += gamma
            coefficients.w[:, b, a] += gamma

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add 1 to both off-diagonal elements of each pair."""
        k = coefficients.parameter(f"{self.name}.interaction")
        for first, second in self._pairs():
            a, b = coefficients.state(first), coefficients.state(second)
            coefficients.w_theta[:, k, a, b] += 1.0
            coefficients.w_theta[:, k, b, a] += 1.0


@dataclass(frozen=True)
class UncoupledRedistribution:
    """Cancels the free energy that an upper manifold gains by redistributing over its members.

    With it the step into the manifold {parent, child} does not feel the parent-child equilibrium: the populations
    are those of the literal formula "domain step times ideal redistribution". It adds
    + RT ln(1 + exp(-(H - T S)/RT)) to both members, where H and S are the child's enthalpy and entropy above the
    parent, owned by another contribution.

    Attributes
    ----------
    parent, child : str
        Names of the two states.
    """

    parent: str
    child: str

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """None of its own; it reads ``<parent>-<child>.enthalpy`` and ``.entropy``."""
        return ()

    def _terms(self, conditions: Conditions, values: Mapping[str, float]) -> tuple[np.ndarray, ...]:
        prefix = f"{self.parent}-{self.child}"
        enthalpy, entropy = values[f"{prefix}.enthalpy"], values[f"{prefix}.entropy"]
        temperature = conditions.temperature
        rt = GAS_CONSTANT * temperature
        y = -(enthalpy - temperature * entropy) / rt
        softplus = np.logaddexp(0.0, y)
        share = np.exp(y - softplus)  # child's fraction of the manifold
        y_t = enthalpy / (rt * temperature)
        return rt, y, softplus, share, y_t

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add RT ln(1 + e^y)."""
        rt, _, softplus, share, y_t = self._terms(conditions, values)
        for name in (self.parent, self.child):
            column = coefficients.state(name)
            coefficients.g[:, column] += rt * softplus
            coefficients.g_t[:, column] += GAS_CONSTANT * softplus + rt * share * y_t
            # y_tt = -2 y_t / T, so the terms in share * y_t cancel and only the curvature of ln(1 + e^y) stays
            coefficients.g_tt[:, column] += rt * share * (1 - share) * y_t**2

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Derivatives of RT ln(1 + e^y) in H (dy/dH = -1/RT) and S (dy/dS = 1/R)."""
        _, _, _, share, y_t = self._terms(conditions, values)
        h = coefficients.parameter(f"{self.parent}-{self.child}.enthalpy")
        s = coefficients.parameter(f"{self.parent}-{self.child}.entropy")
        curvature = share * (1 - share) * y_t
        for name in (self.parent, self.child):
            column = coefficients.state(name)
            coefficients.g_theta[:, h, column] -= share
            coefficients.g_t_theta[:, h, column] -= curvature
            coefficients.g_theta[:, s, column] += conditions.temperature * share
            coefficients.g_t_theta[:, s, column] += share + conditions.temperature * curvature


@dataclass(frozen=True)
class TransitionShift:
    """g += delta sigma S for the states above the step: T_half moves by delta standard deviations.

    Attributes
    ----------
    step : EnthalpyEntropy, EnthalpyTransition or EntropyTransition
        The step whose entropy S turns a shift of T_half into one of enthalpy.
    raises : tuple of str
        States above the step.
    parameter : str
        Name of sigma, ``<sample>.t_half_width`` (K).
    delta : float or ndarray (N,)
        How many standard deviations this member of the distribution lies from the middle; an array holds one
        member for each condition.
    """

    step: EnthalpyEntropy | EnthalpyTransition | EntropyTransition
    raises: tuple[str, ...]
    parameter: str
    delta: float | np.ndarray

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Sigma of the distribution."""
        return (Parameter(self.parameter, 1.0, lower=0.0),)

    def add_to(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add delta sigma S."""
        entropy, _ = self.step.step_entropy(values)
        for column in _columns(coefficients, self.raises):
            coefficients.g[:, column] += self.delta * values[self.parameter] * entropy

    def add_derivatives(self, coefficients: Coefficients, conditions: Conditions, values: Mapping[str, float]) -> None:
        """Add delta S and delta sigma dS."""
        entropy, gradient = self.step.step_entropy(values)
        k = coefficients.parameter(self.parameter)
        for column in _columns(coefficients, self.raises):
            coefficients.g_theta[:, k, column] += self.delta * entropy
            for name, slope in gradient.items():
                row = coefficients.parameter(name)
                coefficients.g_theta[:, row, column] += self.delta * values[self.parameter] * slope
