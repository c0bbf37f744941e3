"""Structural phases over temperature and pressure: which one is stable, in which states, and what observations say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.conditions import Conditions
from labile.diagrams.axes import DiagramError
from labile.diagrams.experimental_points import ASSIGNED_SHARE, ExperimentalPoint, PointVerdict
from labile.models.phases import PhasePopulations, Phases, phase_equilibrium

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """The stable phase and its populations over temperature and pressure.

    Attributes
    ----------
    phases : Phases
    temperature : ndarray (Nt,)
        K.
    pressure : ndarray (Np,)
        Pa.
    phase : ndarray (Nt, Np) of int
        Index of the stable phase; -1 where none converged.
    entry : ndarray (Nt, Np) of int
        Index in ``phases.entries`` of its most populated state; -1 where none converged.
    populations : ndarray (Nt, Np, E)
        Of every entry: its population where its phase is stable, 0 elsewhere.
    margin : ndarray (Nt, Np)
        J/mol by which the next phase lies higher; NaN where it was not found.
    """

    phases: Phases
    temperature: np.ndarray
    pressure: np.ndarray
    phase: np.ndarray
    entry: np.ndarray
    populations: np.ndarray
    margin: np.ndarray

    def to_xarray(self) -> xarray.Dataset:
        """Dataset over temperature and pressure, SI."""
        import xarray

        dims = ("temperature", "pressure")
        return xarray.Dataset(
            {
                "phase": (dims, self.phase, {"long_name": "index of the stable phase", "labels": self.phases.labels}),
                "population": ((*dims, "entry"), self.populations),
                "margin": (dims, self.margin, {"units": "J/mol", "long_name": "distance of the next phase"}),
            },
            {
                "temperature": ("temperature", self.temperature, {"units": "K"}),
                "pressure": ("pressure", self.pressure, {"units": "Pa"}),
                "entry": [f"{state} in {phase}" for state, phase in self.phases.entries],
            },
        )


def phase_map(phases: Phases, values: Mapping[str, float], temperature: Any, pressure: Any) -> PhaseMap:
    """Stable phase and populations on a grid.

    Parameters
    ----------
    phases : Phases
    values : mapping of str to float
        SI; ``<phase>/<name>`` overrides ``<name>`` in one phase.
    temperature : array_like (Nt,)
        K.
    pressure : array_like (Np,)
        Pa (absolute).

    Returns
    -------
    PhaseMap

    Raises
    ------
    DiagramError
        For temperatures that are not positive or negative pressures.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.phases import phases_of
    >>> crystal = phases_of({"I": van_t_hoff(), "II": van_t_hoff()})
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0}
    >>> values |= {"II.enthalpy": -400.0, "II.entropy": -2.0, "II.volume": 0.0}
    >>> phase_map(crystal, values, [150.0, 250.0], [101325.0]).phase.tolist()
    [[1], [0]]
    """
    t, p = (np.atleast_1d(np.asarray(axis, dtype=float)) for axis in (temperature, pressure))
    if not (np.all(t > 0) and np.all(p >= 0)):
        raise DiagramError(
            f"phase map: needs temperatures above 0 K and no negative pressure, found {t.min():g} K, {p.min():g} Pa"
        )
    found = phase_equilibrium(phases, Conditions(np.repeat(t, p.size), np.tile(p, t.size)), values)
    shares = np.stack([found.of(state, phase) for state, phase in phases.entries], axis=1)
    lost = found.phase < 0
    entry = np.where(lost, -1, np.argmax(np.nan_to_num(shares, nan=-1.0), axis=1))
    ordered = np.sort(found.energy, axis=1)
    margin = ordered[:, 1] - ordered[:, 0] if len(phases.labels) > 1 else np.full(len(lost), np.nan)
    shape = (t.size, p.size)
    return PhaseMap(
        phases, t, p, found.phase.reshape(shape), entry.reshape(shape), shares.reshape(*shape, -1),
        margin.reshape(shape),
    )  # fmt: skip


def judge_in_phases(
    phases: Phases, values: Mapping[str, float], points: Sequence[ExperimentalPoint]
) -> tuple[PointVerdict, ...]:
    """Compare observations with the phases at their conditions.

    An observation may name a phase, states, or both. Where the assigned phase is not the stable one it is metastable by
    the difference of G; where its states are not those of the lowest minimum of that phase it is impossible, or kinetic
    where light was used.

    Parameters
    ----------
    phases : Phases
    values : mapping of str to float
    points : sequence of ExperimentalPoint

    Returns
    -------
    tuple of PointVerdict

    Raises
    ------
    DiagramError
        For a phase or state that the crystal does not have, or where no phase converged.
    """
    if not points:
        return ()
    states = {state for state, _ in phases.entries}
    for point in points:
        if point.phase and point.phase not in phases.labels:
            raise DiagramError(f"point {point.label!r}: {point.phase!r} is none of {', '.join(phases.labels)}")
        if unknown := [state for state in point.states if state not in states]:
            raise DiagramError(f"point {point.label!r}: {unknown[0]!r} is none of {', '.join(sorted(states))}")
    conditions = Conditions(np.array([p.temperature for p in points]), np.array([p.pressure for p in points]))
    found = phase_equilibrium(phases, conditions, values)
    if np.any(found.phase < 0):
        k = int(np.flatnonzero(found.phase < 0)[0])
        raise DiagramError(f"point {points[k].label!r}: no minimum of the free energy converged at its conditions")
    return tuple(_judge(found, k, point) for k, point in enumerate(points))


def _judge(found: PhasePopulations, k: int, point: ExperimentalPoint) -> PointVerdict:
    labels, energy = found.phases.labels, found.energy[k]
    lowest = int(found.phase[k])
    there = f"phase {labels[lowest]} is stable there ({_described(found, lowest, k)})"
    if not point.phase and not point.states:
        return PointVerdict(point, "not assigned", float("nan"), 0.0, f"nothing is assigned; {there}")
    asked = [labels.index(point.phase)] if point.phase else [int(i) for i in np.argsort(energy)]
    shares = [_share(found, i, k, point.states) for i in asked]
    held = [i for i, share in zip(asked, shares, strict=True) if share >= ASSIGNED_SHARE and np.isfinite(energy[i])]
    what = point.assigned if point.states else f"phase {point.phase}"
    if not held:
        verdict = "kinetic" if point.light else "impossible"
        best = asked[int(np.argmax(shares))]
        text = f"{what} is no lowest minimum of a phase there; {there}"
        if point.light:
            text += "; after light it lasts as long as its relaxation takes"
        return PointVerdict(point, verdict, float(max(shares)), float(energy[best] - energy[lowest]), text)
    excess = float(energy[held[0]] - energy[lowest])
    share = _share(found, held[0], k, point.states)
    if held[0] == lowest:
        return PointVerdict(point, "stable", share, 0.0, f"{what} is stable there ({_described(found, lowest, k)})")
    how = "light may have put it there" if point.light else "only a history that keeps it there explains it"
    text = f"{what} is metastable there, {excess:.3g} J/mol above phase {labels[lowest]}: {how}"
    return PointVerdict(point, "metastable", share, excess, text)


def _share(found: PhasePopulations, phase: int, k: int, states: Sequence[str]) -> float:
    own = found.populations[phase]
    return sum(float(own.of(state)[k]) for state in states if state in own.state_names) if states else 1.0


def _described(found: PhasePopulations, phase: int, k: int) -> str:
    """Populations of a phase at a point, the largest first."""
    own = found.populations[phase]
    x = own.x[k]
    return ", ".join(f"{100 * x[i]:.0f} % {own.state_names[i]}" for i in np.argsort(-x) if x[i] >= 0.05)
