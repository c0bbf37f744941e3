"""Structural phases: one free energy each, never mixed; the lowest is stable, the others are metastable.

An entry of the diagram is a state in a phase: HS-HS of the symmetric phase and photo-induced HS-HS of another are
different entries of one crystal, although their electronic state is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, Path
from labile.core.parameters import Parameters
from labile.models.compressibility import CompressibleVolume
from labile.models.contributions import EnthalpyEntropy, PressureVolume
from labile.models.equilibrium import equilibrium, free_energy, populations_at
from labile.models.free_energy import Contribution, Model, ModelError, coefficients
from labile.models.path_following import follow_path
from labile.models.populations import Populations, Status
from labile.models.vibrations import Vibrations

SEPARATOR = "/"
"""``"IV/HS.enthalpy"`` is HS.enthalpy in phase IV; without it the value is that of every phase."""


@dataclass(frozen=True)
class PhaseTransition:
    """A transformation that the crystal can make: from one phase to another.

    Attributes
    ----------
    origin, target : str
        Labels of phases.
    barrier : float
        J/mol by which the origin must lie above the target before it happens; 0 is equilibrium.
    """

    origin: str
    target: str
    barrier: float = 0.0

    def __post_init__(self) -> None:
        if self.origin == self.target or not 0 <= self.barrier < np.inf:
            raise ModelError(
                f"phase transition {self.origin} -> {self.target}: needs two phases and a barrier >= 0, found"
                f" {self.barrier:g} J/mol"
            )


@dataclass(frozen=True)
class Phases:
    """The structural phases of one crystal, each with a model of its own.

    Attributes
    ----------
    labels : tuple of str
        The first phase is the reference of the others' enthalpy, entropy and volume.
    models : tuple of Model
        One for each label. Phases may lack states of each other.
    transitions : tuple of PhaseTransition
        What a path with memory can do; empty means that every phase transforms into the stable one in equilibrium.

    Raises
    ------
    ModelError
        For two phases with the same label, a label that is a state, or a transition of an unknown phase.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> crystal = phases_of({"I": slichter_drickamer(), "II": slichter_drickamer()})
    >>> crystal.parameters.names[-3:]
    ('II.enthalpy', 'II.entropy', 'II.volume')
    """

    labels: tuple[str, ...]
    models: tuple[Model, ...]
    transitions: tuple[PhaseTransition, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.models) or not self.labels:
            raise ModelError(f"phases: {len(self.labels)} labels and {len(self.models)} models")
        repeated = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if repeated:
            raise ModelError(f"phases: two phases have the label {repeated[0]!r}; labels must differ")
        states = {name for model in self.models for name in model.state_names}
        if clash := sorted(states & set(self.labels)):
            raise ModelError(f"phases: {clash[0]!r} is the label of a phase and the name of a state; choose another")
        for label in self.labels:
            if not label or any(c in label for c in "./-"):
                raise ModelError(f"phases: label {label!r} must not be empty or contain '.', '/' or '-'")
        for one in self.transitions:
            for label in (one.origin, one.target):
                if label not in self.labels:
                    raise ModelError(
                        f"phase transition {one.origin} -> {one.target}: {label!r} is none of {', '.join(self.labels)}"
                    )

    @property
    def entries(self) -> tuple[tuple[str, str], ...]:
        """Every (state, phase), phase after phase."""
        return tuple(
            (state, label) for label, model in zip(self.labels, self.models, strict=True) for state in model.state_names
        )

    @property
    def parameters(self) -> Parameters:
        """Parameters of all phases under their common names; a study may add ``<phase>/<name>`` for one of them."""
        merged = {p.name: p for model in self.models for p in model.parameters}
        return Parameters(tuple(merged.values()))

    def values_of(self, label: str, values: Mapping[str, float]) -> dict[str, float]:
        """Values as one phase sees them.

        Raises
        ------
        ModelError
            For a ``<phase>/<name>`` whose phase or parameter does not exist.
        """
        model = self.models[self.labels.index(label)]
        own = {}
        for name, value in values.items():
            phase, _, short = name.partition(SEPARATOR)
            if not short:
                continue
            if phase not in self.labels or short not in self.models[self.labels.index(phase)].parameters.names:
                raise ModelError(f"phases: {name!r} names no parameter of a phase of {', '.join(self.labels)}")
            if phase == label:
                own[short] = value
        return {name: own.get(name, values[name]) for name in model.parameters.names if name in own or name in values}


def phases_of(models: Mapping[str, Model], transitions: Sequence[PhaseTransition] = ()) -> Phases:
    """Phases with ``<label>.enthalpy``, ``.entropy`` and ``.volume`` of every phase but the first.

    These are counted from the reference state of the first phase, per mole of switching units, and are added to every
    state of their phase. Volumes and vibrations are taken in full, since phases need one common zero.

    Parameters
    ----------
    models : mapping of str to Model
        By label; the first is the reference.
    transitions : sequence of PhaseTransition

    Returns
    -------
    Phases
    """
    built = []
    for number, (label, model) in enumerate(models.items()):
        terms: list[Contribution] = [
            replace(term, relative=False) if isinstance(term, CompressibleVolume | Vibrations) else term
            for term in model.contributions
        ]
        if number:
            terms += [EnthalpyEntropy(label, model.state_names), PressureVolume(label, model.state_names)]
        built.append(replace(model, contributions=tuple(terms)))
    return Phases(tuple(models), tuple(built), tuple(transitions))


@dataclass(frozen=True, eq=False)
class PhasePopulations:
    """Phase and populations of N points.

    Attributes
    ----------
    phases : Phases
    phase : ndarray (N,) of int
        Index of the phase the crystal is in; -1 where no phase converged.
    energy : ndarray (N, F)
        G of the lowest minimum of every phase (for a path: of the minimum the crystal is in, for its own phase),
        J/mol; NaN where it was not found.
    populations : tuple of Populations
        Of every phase, at all points.
    """

    phases: Phases
    phase: np.ndarray
    energy: np.ndarray
    populations: tuple[Populations, ...]

    @property
    def labels(self) -> list[str]:
        """Label of the phase at every point; empty where none converged."""
        return [self.phases.labels[i] if i >= 0 else "" for i in self.phase]

    def of(self, state: str, phase: str) -> np.ndarray:
        """Fraction of the crystal that is in this state of this phase, shape (N,)."""
        if (state, phase) not in self.phases.entries:
            known = ", ".join(f"{s} in {p}" for s, p in self.phases.entries)
            raise KeyError(f"no state {state!r} in a phase {phase!r}; there are: {known}")
        number = self.phases.labels.index(phase)
        share = np.where(self.phase == number, self.populations[number].of(state), 0.0)
        return np.where(self.phase < 0, np.nan, share)


def phase_equilibrium(phases: Phases, conditions: Conditions, values: Mapping[str, float]) -> PhasePopulations:
    """Most stable phase and its populations at every condition.

    Parameters
    ----------
    phases : Phases
    conditions : Conditions
        N points.
    values : mapping of str to float
        SI values; ``<phase>/<name>`` overrides ``<name>`` in one phase.

    Returns
    -------
    PhasePopulations

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> crystal = phases_of({"I": slichter_drickamer(), "II": slichter_drickamer()})
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 0.0}
    >>> values |= {"II.enthalpy": -400.0, "II.entropy": -2.0, "II.volume": 0.0}
    >>> phase_equilibrium(crystal, Conditions([150.0, 250.0]), values).labels
    ['II', 'I']
    """
    found, energies = [], []
    for label, model in zip(phases.labels, phases.models, strict=True):
        numbers = phases.values_of(label, values)
        x = equilibrium(model, conditions, numbers)
        found.append(x)
        energies.append(_energy(model, conditions, numbers, x))
    energy = np.stack(energies, axis=1)
    lost = np.isnan(energy).all(axis=1)
    phase = np.where(lost, -1, np.argmin(np.where(np.isnan(energy), np.inf, energy), axis=1))
    return PhasePopulations(phases, phase, energy, tuple(found))


def _energy(model: Model, conditions: Conditions, values: Mapping[str, float], x: Populations) -> np.ndarray:
    g = free_energy(model, conditions, values, np.nan_to_num(x.x, nan=1.0 / len(model.states)))[0]
    return np.where(x.status == Status.NOT_CONVERGED, np.nan, g)


def evolve_phases(phases: Phases, path: Path, values: Mapping[str, float], start: str = "") -> PhasePopulations:
    """Phase and populations along a path with memory.

    Within its phase the crystal follows its minimum; it leaves the phase by a stated transition only, once the target's
    lowest minimum lies below its own by more than the barrier. The new phase is entered at its lowest minimum.

    Parameters
    ----------
    phases : Phases
    path : Path
        Conditions in the order visited; ``path.start`` may name the state that the crystal was prepared in.
    values : mapping of str to float
    start : str
        Label of the first phase; the most stable one when empty.

    Returns
    -------
    PhasePopulations
    """
    conditions = path.conditions
    still = phase_equilibrium(phases, conditions, values)
    allowed = phases.transitions or tuple(PhaseTransition(a, b) for a in phases.labels for b in phases.labels if a != b)
    if start and start not in phases.labels:
        raise ModelError(f"path of phases: start {start!r} is none of {', '.join(phases.labels)}")
    current = phases.labels.index(start) if start else int(still.phase[0])
    log_x = [np.log(np.maximum(x.x, 1e-300)) for x in still.populations]
    phase = np.full(len(conditions), -1)
    energy, position = still.energy.copy(), 0
    while position < len(conditions):
        label, model = phases.labels[current], phases.models[current]
        numbers = phases.values_of(label, values)
        begin = log_x[current][position]
        if position == 0 and path.start in model.state_names:
            begin = np.full(len(model.states), np.log(1e-3))
            begin[model.state_names.index(path.start)] = 0.0
        rest = conditions[position:]
        followed = follow_path(model, rest, numbers, begin)
        log_x[current][position:] = followed.log_x
        x = np.exp(followed.log_x)
        own = np.where(
            np.isfinite(x).all(axis=1),
            free_energy(model, rest, numbers, np.nan_to_num(x, nan=1.0 / x.shape[1]))[0],
            np.nan,
        )
        energy[position:, current] = own
        leaves = {
            phases.labels.index(one.target): np.flatnonzero(
                own - still.energy[position:, phases.labels.index(one.target)] > one.barrier
            )
            for one in allowed
            if one.origin == label
        }
        # at the point where the path is entered the phase was just chosen
        leaves = {target: where[where > 0] if position else where for target, where in leaves.items() if where.size}
        leaves = {target: where for target, where in leaves.items() if where.size}
        stop = min((int(where[0]) for where in leaves.values()), default=len(rest))
        phase[position : position + stop] = current
        position += stop
        if leaves:
            target = min(leaves, key=lambda one: (int(leaves[one][0]), float(still.energy[position, one])))
            current = target
            log_x[current][position:] = np.log(np.maximum(still.populations[current].x[position:], 1e-300))
    populations = tuple(
        _at_minima(model, conditions, phases.values_of(label, values), u)
        for label, model, u in zip(phases.labels, phases.models, log_x, strict=True)
    )
    return PhasePopulations(phases, phase, energy, populations)


def _at_minima(model: Model, conditions: Conditions, values: Mapping[str, float], log_x: np.ndarray) -> Populations:
    c = coefficients(model, conditions, values)
    status = np.where(np.isfinite(log_x).all(axis=1), Status.CONVERGED, Status.NOT_CONVERGED)
    return populations_at(model, c, conditions, values, log_x, status.astype(np.int64), "path")


def phase_boundaries(
    phases: Phases, values: Mapping[str, float], window: tuple[float, float], **others: Any
) -> list[tuple[float, str, str]]:
    """Temperatures at which the most stable phase changes.

    Parameters
    ----------
    phases : Phases
    values : mapping of str to float
    window : (float, float)
        K.
    **others
        Other conditions, ``pressure=1e8``.

    Returns
    -------
    list of (float, str, str)
        Temperature in K to 1e-9 of itself, phase below, phase above.
    """

    def stable(temperature: np.ndarray) -> np.ndarray:
        return phase_equilibrium(phases, Conditions(temperature, **others), values).phase

    grid = np.linspace(*window, 401)
    index = stable(grid)
    found = []
    for k in np.flatnonzero(np.diff(index)):
        low, high = float(grid[k]), float(grid[k + 1])
        while high - low > 1e-9 * high:
            parts = np.linspace(low, high, 17)
            first = int(np.flatnonzero(stable(parts) != index[k])[0])
            if first == 0:
                break
            low, high = float(parts[first - 1]), float(parts[first])
        found.append((0.5 * (low + high), phases.labels[index[k]], phases.labels[index[k + 1]]))
    return found
