"""Experimental points laid over a map: what was found where, and whether the model allows it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE
from labile.diagrams.axes import DiagramError
from labile.models.equilibrium import find_minima
from labile.models.free_energy import Model

ASSIGNED_SHARE = 0.5
"""A minimum is the assigned one when the assigned states hold at least this part of the molecules together."""


@dataclass(frozen=True)
class ExperimentalPoint:
    """One observation, e.g. a structure determination.

    Attributes
    ----------
    label : str
    temperature, pressure : float
        K, Pa.
    light : bool
        Whether it was made under or after irradiation.
    states : tuple of str
        States that it was assigned to; more than one for a mixture or where it does not distinguish them. Empty where
        nothing is assigned.
    phase : str
        Label of the structural phase it was assigned to; empty where none is.
    text, source : str

    Raises
    ------
    DiagramError
        For a temperature that is not positive or a negative pressure.
    """

    label: str
    temperature: float
    pressure: float = AMBIENT_PRESSURE
    light: bool = False
    states: tuple[str, ...] = ()
    phase: str = ""
    text: str = ""
    source: str = ""

    @property
    def assigned(self) -> str:
        """States and phase as people write them; empty where nothing is assigned."""
        states = " + ".join(self.states)
        return f"{states} in {self.phase}" if states and self.phase else states or self.phase

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and self.pressure >= 0):
            raise DiagramError(
                f"point {self.label!r}: needs a temperature above 0 K and a pressure that is not negative, found"
                f" {self.temperature:g} K, {self.pressure:g} Pa"
            )


@dataclass(frozen=True)
class PointVerdict:
    """What a model says about an experimental point.

    Attributes
    ----------
    point : ExperimentalPoint
    verdict : {"stable", "metastable", "kinetic", "impossible", "not assigned"}
        Whether the lowest minimum of G, another one, or none at all is the assigned state. ``kinetic``: none is, but
        light was used, which puts molecules into states that no minimum holds; how long they last is not a matter of G.
    share : float
        Population of the assigned states together in the minimum that holds most of them; NaN when none is assigned.
    excess : float
        G of that minimum above the lowest one, J/mol; 0 when it is the lowest.
    text : str
        One sentence.
    """

    point: ExperimentalPoint
    verdict: str
    share: float
    excess: float
    text: str

    @property
    def consistent(self) -> bool:
        """Whether the minima of the model do not contradict the observation."""
        return self.verdict != "impossible"


def judge_points(
    model: Model, values: Mapping[str, float], points: Sequence[ExperimentalPoint]
) -> tuple[PointVerdict, ...]:
    """Compare observations with the minima of the model at their conditions.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    points : sequence of ExperimentalPoint

    Returns
    -------
    tuple of PointVerdict

    Raises
    ------
    DiagramError
        For an assigned state that the model does not have, or where no minimum converged.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
    >>> seen = [ExperimentalPoint("XRD", 240.0, states=("HS",)), ExperimentalPoint("XRD", 100.0, states=("HS",))]
    >>> [one.verdict for one in judge_points(slichter_drickamer(), values, seen)]
    ['metastable', 'impossible']
    """
    if not points:
        return ()
    for point in points:
        if unknown := [state for state in point.states if state not in model.state_names]:
            raise DiagramError(
                f"point {point.label!r}: {unknown[0]!r} is none of the model's states {', '.join(model.state_names)}"
            )
    conditions = Conditions(np.array([p.temperature for p in points]), np.array([p.pressure for p in points]))
    minima = find_minima(model, conditions, values)
    found = []
    for k, point in enumerate(points):
        count = int(minima.count[k])
        if count == 0:
            raise DiagramError(f"point {point.label!r}: no minimum of the free energy converged at its conditions")
        found.append(_judge(model, point, minima.x[k, :count], minima.energy[k, :count]))
    return tuple(found)


def _judge(model: Model, point: ExperimentalPoint, x: np.ndarray, energy: np.ndarray) -> PointVerdict:
    lowest = _described(model, x[0])
    if not point.states:
        return PointVerdict(point, "not assigned", float("nan"), 0.0, f"no state is assigned; the model has {lowest}")
    share = x[:, [model.state_names.index(state) for state in point.states]].sum(axis=1)
    held = np.flatnonzero(share >= ASSIGNED_SHARE)
    assigned = " + ".join(point.states)
    if held.size == 0:
        best = int(np.argmax(share))
        text = f"{assigned} is no minimum of the model there; the stable minimum is {lowest}"
        if point.light:
            text += "; after light it lasts as long as its relaxation takes"
        verdict = "kinetic" if point.light else "impossible"
        return PointVerdict(point, verdict, float(share[best]), float(energy[best] - energy[0]), text)
    k = int(held[0])
    excess = float(energy[k] - energy[0])
    if k == 0:
        return PointVerdict(point, "stable", float(share[0]), 0.0, f"{assigned} is stable there ({lowest})")
    how = "light may have put it there" if point.light else "only a history that keeps it there explains it"
    text = f"{assigned} is metastable there, {excess:.3g} J/mol above {lowest}: {how}"
    return PointVerdict(point, "metastable", float(share[k]), excess, text)


def _described(model: Model, x: np.ndarray) -> str:
    """Populations of a minimum, the largest first."""
    order = [i for i in np.argsort(-x) if x[i] >= 0.05]
    return ", ".join(f"{100 * x[i]:.0f} % {model.state_names[i]}" for i in order)
