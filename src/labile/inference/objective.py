"""What a model has to answer for: measurements and the statements of papers, each with its observable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Measurement
from labile.models.observable import Observable, SpectralObservable

CURVE_KINDS = ("value", "maximum", "maximum_position", "difference", "above", "below")
TRANSITION_KINDS = ("t_half", "t_half_up", "t_half_down", "hysteresis_width", "hysteresis_centre")
PRESSURE_KINDS = ("p_half", "p_half_up", "p_half_down")
"""Switching pressures at one temperature, in equilibrium, on loading and on unloading."""
STATEMENT_KINDS = CURVE_KINDS + TRANSITION_KINDS + PRESSURE_KINDS
NOISE_POINTS = 20
"""Fewest points of a measurement whose noise scale may be estimated."""


class ObjectiveError(ValueError):
    """An objective that cannot be compared with a model."""


@dataclass(frozen=True)
class Statement:
    """A functional of an observable's curve, as papers put it.

    Attributes
    ----------
    kind : str
        ``"value"`` at one temperature; ``"difference"`` y(T2) - y(T1); ``"maximum"`` and ``"maximum_position"`` in a
        window; ``"above"`` / ``"below"``: everywhere in the window; ``"t_half"``, ``"t_half_up"``,
        ``"t_half_down"``, ``"hysteresis_width"``, ``"hysteresis_centre"`` of the crystal; ``"p_half"``,
        ``"p_half_up"``, ``"p_half_down"`` at one temperature.
    value : float
        SI of the observable's quantity; K for positions and transitions, Pa for switching pressures.
    sigma : float
        Its standard uncertainty; for limits and windows the softness of the limit.
    limit : int
        -1: "less than value", +1: "more than value", 0: equals.
    temperatures : tuple of float
        K: one for ``value`` and switching pressures, two for ``difference``.
    window : (float, float) or None
        K.
    text : str
        The words of the paper.
    source : str
        DOI or other citation.

    Raises
    ------
    ObjectiveError

    Examples
    --------
    >>> Statement("difference", 4e-3, 2e-4, temperatures=(20.0, 120.0)).kind
    'difference'
    """

    kind: str
    value: float
    sigma: float
    limit: int = 0
    temperatures: tuple[float, ...] = ()
    window: tuple[float, float] | None = None
    text: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.kind not in STATEMENT_KINDS:
            raise ObjectiveError(f"statement kind {self.kind!r} is unknown; use one of {', '.join(STATEMENT_KINDS)}")
        if not (math.isfinite(self.value) and self.sigma > 0 and math.isfinite(self.sigma)):
            raise ObjectiveError(f"statement {self.kind}: needs a finite value and sigma > 0, found {self.sigma!r}")
        if self.limit not in (-1, 0, 1):
            raise ObjectiveError(f"statement {self.kind}: limit must be -1 (<), 0 or +1 (>), found {self.limit!r}")
        needed = {"value": 1, "difference": 2, **dict.fromkeys(PRESSURE_KINDS, 1)}.get(self.kind, 0)
        if len(self.temperatures) != needed:
            raise ObjectiveError(
                f"statement {self.kind}: needs {needed} temperatures, found {len(self.temperatures)}"
                + ("" if needed else "; give a window instead")
            )
        if any(not t > 0 for t in self.temperatures):
            raise ObjectiveError(f"statement {self.kind}: temperatures must be above 0 K, found {self.temperatures}")
        if self.kind in ("maximum", "maximum_position", "above", "below") and self.window is None:
            raise ObjectiveError(f"statement {self.kind}: needs a window of two temperatures, e.g. window = [60, 120]")
        if self.window is not None and not 0 < self.window[0] < self.window[1]:
            raise ObjectiveError(f"statement {self.kind}: window must rise from above 0 K, found {self.window}")

    @property
    def is_transition(self) -> bool:
        """Whether it speaks of the crystal's switching and not of a curve."""
        return self.kind in TRANSITION_KINDS + PRESSURE_KINDS

    @property
    def quantity(self) -> str:
        """``"temperature"`` or ``"pressure"`` of positions and transitions; empty for that of the observable."""
        if self.kind in PRESSURE_KINDS:
            return "pressure"
        return "temperature" if self.kind in TRANSITION_KINDS or self.kind == "maximum_position" else ""

    def grid(self) -> np.ndarray:
        """Return temperatures (K) of the path on which it is evaluated: about 0.5 K apart in a window."""
        if self.temperatures:
            return np.asarray(self.temperatures, dtype=float)
        assert self.window is not None
        low, high = self.window
        return np.linspace(low, high, int(np.clip((high - low) / 0.5, 40, 1200)) + 1)


@dataclass(frozen=True)
class Objective:
    """One measurement or statement with the observable that explains it and its nuisance parameters.

    Attributes
    ----------
    label : str
        Unique name.
    observable : Observable, SpectralObservable or None
        A `SpectralObservable` for a measurement with an axis; None only for statements about transitions.
    measurement : Measurement or None
    statement : Statement or None
        Exactly one of the two.
    technique : str
    sample : str
    branch : {"equilibrium", "heating", "cooling"}
        Of the statement; a measurement's own branch counts for measurements.
    pressure : float
        Pa, for statements.
    temperature_offset : str
        Parameter ``<instrument>.temperature_offset`` or empty: T_true = T_reading + offset.
    factor : str
        Parameter ``<sample>.factor`` or empty: prediction times factor (mass, area).
    width : str
        Parameter ``<sample>.t_half_width`` or empty: distribution of T1/2.
    jump : "auto", "none" or (float, float)
        Where the data jump (K); ``auto`` looks for it in heating and cooling runs.
    noise : {"fixed", "free"}
        ``free``: the noise scale is estimated; at least 20 points.

    Raises
    ------
    ObjectiveError
    """

    label: str
    observable: Observable | SpectralObservable | None = None
    measurement: Measurement | None = None
    statement: Statement | None = None
    technique: str = ""
    sample: str = "sample"
    branch: str = "equilibrium"
    pressure: float = AMBIENT_PRESSURE
    temperature_offset: str = ""
    factor: str = ""
    width: str = ""
    jump: str | tuple[float, float] = "auto"
    noise: str = "fixed"

    def __post_init__(self) -> None:
        where = f"objective {self.label!r}"
        if (self.measurement is None) == (self.statement is None):
            raise ObjectiveError(f"{where}: give either a measurement or a statement")
        if self.measurement is not None:
            measurement = self.measurement
            object.__setattr__(self, "branch", measurement.branch)
            if self.is_map != isinstance(self.observable, SpectralObservable) and self.observable is not None:
                raise ObjectiveError(
                    f"{where}: spectra need an observable of whole spectra, or a reduction to one value per condition"
                    if self.is_map
                    else f"{where}: {type(self.observable).__name__} explains spectra; the measurement has no axis"
                )
            if self.is_map and (self.factor or measurement.correlated):
                raise ObjectiveError(
                    f"{where}: a factor or correlated uncertainty of spectra is absorbed by the pure spectra, which are"
                    " free; remove it"
                )
            if measurement.sigma is None:
                raise ObjectiveError(
                    f"{where}: no uncertainties; give sigma (a column, s.u. such as 3.12(3), or one number) so that the"
                    " weight of the data is known" + (', or let the fit find it with noise = "free"' * self.is_map)
                )
            if self.observable is None or self.observable.quantity != measurement.quantity:
                found = None if self.observable is None else self.observable.quantity
                raise ObjectiveError(f"{where}: measures {measurement.quantity}, but the observable is {found}")
            if np.ptp(measurement.conditions.pressure) > 0 and measurement.branch in ("heating", "cooling"):
                raise ObjectiveError(f"{where}: a {measurement.branch} run must have one pressure")
        elif self.observable is None and not self.statement.is_transition:  # type: ignore[union-attr]
            raise ObjectiveError(f"{where}: a statement of kind {self.statement.kind} needs an observable")  # type: ignore[union-attr]
        if self.branch not in ("equilibrium", "heating", "cooling", "isothermal"):
            raise ObjectiveError(f"{where}: branch {self.branch!r} is unknown; use equilibrium, heating or cooling")
        if self.noise not in ("fixed", "free"):
            raise ObjectiveError(f"{where}: noise must be 'fixed' or 'free', found {self.noise!r}")
        if self.noise == "free" and (self.measurement is None or self.measurement.values.size < NOISE_POINTS):
            raise ObjectiveError(
                f"{where}: its noise scale can be estimated only from at least {NOISE_POINTS} points of a measurement"
            )

    @property
    def is_map(self) -> bool:
        """Whether its data are spectra, whose pure spectra are eliminated."""
        return self.measurement is not None and self.measurement.axis is not None

    @property
    def points(self) -> int:
        """Number of conditions at which its curve is needed."""
        if self.measurement is not None:
            return len(self.measurement)
        assert self.statement is not None
        return 0 if self.statement.is_transition else int(self.statement.grid().size)


@dataclass(frozen=True)
class Jump:
    """Where a run jumps.

    Attributes
    ----------
    below, above : float
        K: the last temperature on one side and the first on the other.
    heating : bool
    """

    below: float
    above: float
    heating: bool

    @property
    def temperature(self) -> float:
        """Middle of the interval, K."""
        return 0.5 * (self.below + self.above)

    @property
    def sigma(self) -> float:
        """Standard deviation of a uniform distribution over the interval, K."""
        return max((self.above - self.below) / math.sqrt(12.0), 1e-3)


def find_jump(objective: Objective) -> Jump | None:
    """Look for the jump of a heating or cooling run in the data themselves.

    A step between neighbouring temperatures is a jump when it is at least a quarter of the whole range of values,
    at least ten times the median step and at least eight of its own standard deviations.

    Parameters
    ----------
    objective : Objective
        Of a measurement.

    Returns
    -------
    Jump or None

    Raises
    ------
    ObjectiveError
        If a stated interval holds no two neighbouring points, or the run has several jumps.
    """
    measurement = objective.measurement
    if measurement is None or measurement.branch not in ("heating", "cooling") or objective.jump == "none":
        return None
    heating = measurement.branch == "heating"
    order = np.argsort(measurement.temperature, kind="stable")
    trace, spread = _trace(measurement)
    temperature, values, sigma = measurement.temperature[order], trace[order], spread[order]
    if not isinstance(objective.jump, str):
        low, high = objective.jump
        below, above = temperature[temperature <= low], temperature[temperature >= high]
        if not below.size or not above.size or np.any((temperature > low) & (temperature < high)):
            raise ObjectiveError(
                f"objective {objective.label!r}: jump = [{low:g}, {high:g}] K must be the gap between two neighbouring"
                " temperatures of the run"
            )
        return Jump(float(below[-1]), float(above[0]), heating)
    if len(measurement) < 6:
        return None
    steps = np.abs(np.diff(values))
    noise = np.hypot(sigma[1:], sigma[:-1])
    found = np.flatnonzero((steps > 0.25 * np.ptp(values)) & (steps > 10 * np.median(steps)) & (steps > 8 * noise))
    if found.size == 0:
        return None
    if found.size > 1:
        raise ObjectiveError(
            f"objective {objective.label!r}: several jumps in one {measurement.branch} run (near"
            f" {', '.join(f'{temperature[i]:.4g}' for i in found)} K); split the run at a plateau, or state one jump"
        )
    i = int(found[0])
    return Jump(float(temperature[i]), float(temperature[i + 1]), heating)


def _trace(measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """One value with its sigma at each condition, (N,): of spectra the score along their largest change."""
    sigma = np.asarray(measurement.sigma)
    if measurement.axis is None:
        return measurement.values, sigma
    centred = measurement.values - measurement.values.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    return centred @ direction, np.sqrt(sigma**2 @ direction**2)
