"""Populations in time: rate equations of an ensemble of parameter samples along a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, LightSource, Path
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.parameters import ParameterError
from labile.models import kinetics_kernels as kernels
from labile.models.equilibrium import find_minima
from labile.models.free_energy import coefficients
from labile.models.populations import NotConvergedError, Status
from labile.models.protocols import Protocol
from labile.models.rates import CONDUCTANCE, KineticModel, KineticsError, require_balance

RELATIVE, ABSOLUTE = 1e-7, 1e-9
"""Tolerances of an integration: relative, and absolute in the populations."""
MOST_STEPS = 200_000
"""Steps after which a trajectory is given up."""
INTERPOLATION = 1e-7
"""Largest error, in units of RT, of g between two nodes."""
DEEPEST_HALVING = 8
"""How often the output steps are halved to reach that."""
PROBES = 8
"""Samples on which the nodes are chosen; every sample is then checked on them."""

ArrayMap = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Populations of S samples at N times.

    Attributes
    ----------
    state_names : tuple of str
        n species: the states, and ``destroyed`` where there is radiation damage.
    time : ndarray (N,)
        s.
    temperature : ndarray (S, N)
        Of the crystal, K: the protocol's and the rise by the beams of the segment that ends at the point.
    pressure : ndarray (N,)
        Pa.
    x : ndarray (S, N, n)
        Populations; NaN from the point where a sample failed.
    change : ndarray (S, N, n)
        dx/dt, s-1; where two segments meet, that of the later one.
    status : ndarray (S,) of int
        `Status` of each sample.
    steps : ndarray (S,) of int
        Steps of the integrator.
    assumptions : tuple of str
        Of the kinetic model.
    remarks : tuple of str
        What must be said about these parameters: vanished barriers.

    Raises
    ------
    ValueError
        If a converged sample leaves [0, 1] or loses mass (1e-9).
    """

    state_names: tuple[str, ...]
    time: np.ndarray
    temperature: np.ndarray
    pressure: np.ndarray
    x: np.ndarray
    change: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    assumptions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = self.x[self.status == Status.CONVERGED]
        if rows.size and not (np.max(np.abs(rows.sum(axis=-1) - 1.0)) <= 1e-9 and np.min(rows) >= -1e-12):
            raise ValueError("trajectories: populations are NaN, negative, or do not sum to 1 within 1e-9")

    def of(self, state: str) -> np.ndarray:
        """Population of one state, shape (S, N)."""
        if state not in self.state_names:
            raise KeyError(f"state {state!r} is not in this model; there are {', '.join(self.state_names)}")
        return np.asarray(self.x[..., self.state_names.index(state)])

    @property
    def converged(self) -> bool:
        """Whether no sample failed."""
        return bool(np.all(self.status == Status.CONVERGED))

    def require_converged(self) -> Trajectories:
        """Return self, or raise NotConvergedError naming how many samples failed."""
        bad = int(np.sum(self.status != Status.CONVERGED))
        if bad:
            raise NotConvergedError(f"kinetics: {bad} of {len(self.status)} samples did not converge")
        return self


@dataclass(frozen=True, eq=False)
class Interval:
    """Arrays over K intervals of one sample, as the compiled integrator takes them."""

    span: np.ndarray
    kelvin: np.ndarray
    pascal: np.ndarray
    g: np.ndarray
    g_slope: np.ndarray
    w: np.ndarray
    w_slope: np.ndarray

    def arrays(self) -> tuple[np.ndarray, ...]:
        """In the order of `kinetics_kernels.surroundings`."""
        return self.span, self.kelvin, self.pascal, self.g, self.g_slope, self.w, self.w_slope


def samples_of(kinetic: KineticModel, values: ArrayMap) -> list[dict[str, float]]:
    """Scalar values of every sample; scalars are shared, arrays (S,) must have equal lengths.

    Raises
    ------
    ParameterError
        For arrays of different lengths or missing values.
    """
    columns = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    sizes = {name: column.size for name, column in columns.items() if column.ndim}
    if any(columns[name].ndim > 1 for name in sizes) or len(set(sizes.values())) > 1:
        found = ", ".join(f"{name} {columns[name].shape}" for name in sizes)
        raise ParameterError(f"kinetics: samples must be one-dimensional and equally many, found {found}")
    count = next(iter(sizes.values()), 1)
    return [
        kinetic.complete({name: float(column[s] if column.ndim else column) for name, column in columns.items()})
        for s in range(count)
    ]


def _nodes(protocol: Protocol, halvings: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ends of all intervals: times, cryostat temperatures, pressures (K, 2), segment (K,), output interval (K,)."""
    times: list[np.ndarray] = []
    kelvins: list[np.ndarray] = []
    pascals: list[np.ndarray] = []
    segments: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    position = 0
    for index, segment in enumerate(protocol.segments):
        nodes = protocol.nodes[index]
        t = np.linspace(*segment.temperature, segment.points + 1)
        p = np.linspace(*segment.pressure, segment.points + 1)
        for i in range(segment.points):
            parts = 2 ** int(halvings[position])
            share = np.linspace(0.0, 1.0, parts + 1)
            for column, ends_of in ((times, nodes), (kelvins, t), (pascals, p)):
                line = ends_of[i] + share * (ends_of[i + 1] - ends_of[i])
                line[-1] = ends_of[i + 1]
                column.append(np.column_stack([line[:-1], line[1:]]))
            segments.append(np.full(parts, index))
            ends.append(np.full(parts, position))
            position += 1
    return (
        np.concatenate(times), np.concatenate(kelvins), np.concatenate(pascals), np.concatenate(segments),
        np.concatenate(ends),
    )  # fmt: skip


def intervals(
    kinetic: KineticModel,
    values: Mapping[str, float],
    span: np.ndarray,
    kelvin: np.ndarray,
    pascal: np.ndarray,
) -> Interval:
    """Free energy at the ends of K intervals, with its slopes in time.

    Parameters
    ----------
    kinetic : KineticModel
    values : mapping of str to float
    span, kelvin, pascal : ndarray (K, 2)
        Times (s), temperatures of the crystal (K) and pressures (Pa) at both ends.
    """
    c = coefficients(kinetic.model, Conditions(kelvin.ravel(), pascal.ravel()), values, derivatives=False)
    count, n, m = len(span), len(kinetic.state_names), len(kinetic.species)
    length = span[:, 1] - span[:, 0]
    t_dot = np.repeat((kelvin[:, 1] - kelvin[:, 0]) / length, 2)
    p_dot = np.repeat((pascal[:, 1] - pascal[:, 0]) / length, 2)
    g, g_slope = np.zeros((count, 2, m)), np.zeros((count, 2, m))
    g[..., :n] = c.g.reshape(count, 2, n)
    g_slope[..., :n] = (c.g_t * t_dot[:, None] + c.g_p * p_dot[:, None]).reshape(count, 2, n)
    constant = len(c.w) == 1 and not np.any(c.w_t) and not np.any(c.w_p)
    rows = 1 if constant else count
    w, w_slope = np.zeros((rows, 2, m, m)), np.zeros((rows, 2, m, m))
    if constant:
        w[..., :n, :n] = c.w[0]
    else:
        w[..., :n, :n] = np.broadcast_to(c.w, (2 * count, n, n)).reshape(count, 2, n, n)
        slope = c.w_t * t_dot[:, None, None] + c.w_p * p_dot[:, None, None]
        w_slope[..., :n, :n] = slope.reshape(count, 2, n, n)
    return Interval(span, kelvin, pascal - AMBIENT_PRESSURE, g, g_slope, w, w_slope)


def _interpolation_error(kinetic: KineticModel, values: Mapping[str, float], known: Interval) -> np.ndarray:
    """Error of g and W in the middle of every interval, in units of RT (K,)."""
    n = len(kinetic.state_names)
    kelvin, pascal = known.kelvin.mean(axis=1), known.pascal.mean(axis=1) + AMBIENT_PRESSURE
    c = coefficients(kinetic.model, Conditions(kelvin, pascal), values, derivatives=False)
    length = (known.span[:, 1] - known.span[:, 0])[:, None]
    middle = known.g.mean(axis=1) + (known.g_slope[:, 0] - known.g_slope[:, 1]) * length / 8.0
    error = np.max(np.abs(middle[:, :n] - c.g), axis=1)
    if len(known.w) > 1:
        w = known.w.mean(axis=1) + (known.w_slope[:, 0] - known.w_slope[:, 1]) * length[:, :, None] / 8.0
        error = np.maximum(error, np.max(np.abs(w[:, :n, :n] - c.w), axis=(1, 2)))
    return np.asarray(error / (GAS_CONSTANT * kelvin))


@dataclass(frozen=True, eq=False)
class Timetable:
    """A protocol cut into K intervals on which g and W are known well enough.

    Attributes
    ----------
    protocol : Protocol
    span, kelvin, pascal : ndarray (K, 2)
        Times (s), temperatures of the cryostat (K) and pressures (Pa) at both ends.
    segment : ndarray (K,)
        Segment that an interval belongs to.
    outputs : ndarray (N,)
        Number of intervals that end at or before each output point.
    sources : tuple of LightSource
        All beams of the protocol.
    """

    protocol: Protocol
    span: np.ndarray
    kelvin: np.ndarray
    pascal: np.ndarray
    segment: np.ndarray
    outputs: np.ndarray
    sources: tuple[LightSource, ...]

    def intervals(self, kinetic: KineticModel, values: Mapping[str, float]) -> Interval:
        """Free energy of one sample, at the temperature of the crystal under the beams.

        Raises
        ------
        KineticsError
            When the nodes, chosen on other samples, do not resolve it.
        """
        rises = _rises(kinetic, self.protocol, values)[self.segment]
        known = intervals(kinetic, values, self.span, self.kelvin + rises[:, None], self.pascal)
        if not np.all(_interpolation_error(kinetic, values, known) <= 100 * INTERPOLATION):
            raise KineticsError(
                f"kinetics of {kinetic.model.name}: one sample has a free energy that the nodes of the other samples do"
                " not resolve; give the segments more points"
            )
        return known


def timetable(kinetic: KineticModel, protocol: Protocol, samples: list[dict[str, float]]) -> Timetable:
    """Cut a protocol into intervals, halving output steps until g and W are interpolated to 1e-7 RT.

    Raises
    ------
    KineticsError
        When the free energy changes too fast for that.
    """
    probes = [samples[i] for i in np.unique(np.linspace(0, len(samples) - 1, PROBES).astype(int))]
    halvings = np.zeros(len(protocol.times) - 1, dtype=np.int64)
    for _ in range(DEEPEST_HALVING + 1):
        span, kelvin, pascal, segment, owner = _nodes(protocol, halvings)
        worst = np.zeros(len(span))
        for sample in probes:
            rises = _rises(kinetic, protocol, sample)[segment]
            known = intervals(kinetic, sample, span, kelvin + rises[:, None], pascal)
            worst = np.maximum(worst, _interpolation_error(kinetic, sample, known))
        coarse = np.unique(owner[~(worst <= INTERPOLATION)])
        if coarse.size == 0:
            break
        if np.any(halvings[coarse] >= DEEPEST_HALVING):
            raise KineticsError(
                f"kinetics of {kinetic.model.name}: the free energy changes too fast along the protocol to be"
                f" interpolated near {kelvin[np.argmax(worst)].mean():g} K; give the segment more points"
            )
        halvings[coarse] += 1
    ends = np.flatnonzero(np.append(np.diff(owner) > 0, True)) + 1
    sources = tuple(dict.fromkeys(source for one in protocol.segments for source in one.light))
    return Timetable(protocol, span, kelvin, pascal, segment, np.concatenate([[0], ends]), sources)


def _rises(kinetic: KineticModel, protocol: Protocol, values: Mapping[str, float]) -> np.ndarray:
    """Laser heating in every segment (G,), K."""
    if kinetic.heating is None:
        return np.zeros(len(protocol.segments))
    return np.array([kinetic.heating.rise(s.light, values[CONDUCTANCE]) for s in protocol.segments])


def lights_of(
    kinetic: KineticModel, protocol: Protocol, sources: tuple[LightSource, ...], values: Mapping[str, float]
) -> np.ndarray:
    """Rates of the driven processes at the surface in every segment, (G, Q, L)."""
    rates = kinetic.light_rates(sources, values)
    on = np.array([[source in segment.light for source in sources] for segment in protocol.segments], dtype=float)
    return np.asarray(rates[None] * on.reshape(len(protocol.segments), 1, len(sources)))


def start_of(
    kinetic: KineticModel, start: str | Mapping[str, float], temperature: float, pressure: float, values: ArrayMap
) -> np.ndarray:
    """Populations of all species at the beginning (m,).

    Raises
    ------
    KineticsError
        For an unknown state, or fractions that are negative or do not sum to 1 within 1e-9.
    NotConvergedError
        When no minimum is found for ``"equilibrium"``.
    """
    x = np.zeros(len(kinetic.species))
    n = len(kinetic.state_names)
    if isinstance(start, str):
        if start == "equilibrium":
            minima = find_minima(kinetic.model, Conditions(temperature, pressure), values)
            if minima.count[0] == 0:
                raise NotConvergedError(f"kinetics of {kinetic.model.name}: no minimum was found at {temperature:g} K")
            x[:n] = minima.x[0, 0]
        elif start in kinetic.state_names:
            x[kinetic.species.index(start)] = 1.0
        else:
            raise KineticsError(f"start {start!r} is neither 'equilibrium' nor a state of {kinetic.state_names}")
        return x
    for name, fraction in start.items():
        if name not in kinetic.species:
            raise KineticsError(f"start: state {name!r} is not in the model; there are {', '.join(kinetic.species)}")
        x[kinetic.species.index(name)] = float(fraction)
    if not (np.all(x >= 0) and abs(x.sum() - 1.0) <= 1e-9):
        raise KineticsError(f"start: fractions must be >= 0 and sum to 1 within 1e-9, found {dict(start)}")
    return np.asarray(x / x.sum())


def vanished_barriers(kinetic: KineticModel, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Whether the interaction uses up the barrier of each thermal process in some pure crystal (Q,)."""
    thermal, _ = kinetic.indices()
    slopes = w[thermal[:, 1]] - w[thermal[:, 0]]
    own = slopes[np.arange(len(thermal)), thermal[:, 0]]
    least = rows[:, kernels.ENERGY] + rows[:, kernels.FIELD] * (slopes.min(axis=1, initial=np.inf) - own)
    least = np.minimum(least, rows[:, kernels.ENERGY] - np.maximum(rows[:, kernels.FREED], 0.0))
    return np.asarray((least < 0) & (rows[:, kernels.ENERGY] > 0) & np.isfinite(rows[:, kernels.LN_PREFACTOR]))


def barrier_remarks(kinetic: KineticModel, barriers: np.ndarray, count: int) -> tuple[str, ...]:
    """Sentences about the processes whose barrier vanished in some of `count` samples."""
    return tuple(
        f"{process.start} -> {process.end}: in {low} of {count} samples the interaction exceeds the barrier in some"
        " mixture; the rate there is faster than the prefactor"
        for process, low in zip(kinetic.thermal, barriers, strict=True)
        if low
    )


def integrate(
    kinetic: KineticModel,
    protocol: Protocol | Path,
    values: ArrayMap,
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
    most_steps: int = MOST_STEPS,
) -> Trajectories:
    """Populations along a protocol, for one set of values or an ensemble.

    Parameters
    ----------
    kinetic : KineticModel
    protocol : Protocol or Path
        A path needs its time column.
    values : mapping of str to float or ndarray (S,)
        SI values of `kinetic.parameters`; defaults hold for those left out.
    relative, absolute : float
        Tolerances of the integrator in each population.
    most_steps : int
        Steps after which a sample is given up (status NOT_CONVERGED, NaN from there on).

    Returns
    -------
    Trajectories

    Raises
    ------
    KineticsError
        For a time that runs backwards, an impossible start, domains, rates that violate detailed balance.
    LightError
        For a beam that nothing answers to, or a missing cross section.
    ParameterError
        For a missing or unknown value.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.protocols import isotherm
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    >>> values = {
    ...     "HS.enthalpy": 8e3,
    ...     "HS.entropy": 50.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.prefactor": 1e7,
    ...     "LS-HS.activation_energy": 900 * 11.96266,
    ... }
    >>> decay = integrate(kinetic, isotherm(50.0, 1e4, start="HS", points=4), values)
    >>> decay.of("HS")[0].round(4).tolist()
    [1.0, 0.8681, 0.7536, 0.6542, 0.5679]
    """
    if isinstance(protocol, Path):
        protocol = Protocol.from_path(protocol)
    if not (0 < relative < 1 and 0 < absolute < 1):
        raise KineticsError(f"integrate: tolerances must lie between 0 and 1, found {relative!r} and {absolute!r}")
    samples = samples_of(kinetic, values)
    table = timetable(kinetic, protocol, samples)
    thermal, driven = kinetic.indices()
    count, m, n = len(samples), len(kinetic.species), len(kinetic.state_names)
    x, change = (np.full((count, len(protocol.times), m), np.nan) for _ in range(2))
    temperature = np.empty((count, len(protocol.times)))
    status, steps = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    found, changes = (np.empty((len(table.span) + 1, 1, m)) for _ in range(2))
    absorb = np.zeros((len(table.sources), m))
    thermodynamic = set(kinetic.model.parameters.names) | {CONDUCTANCE}
    known, before = None, None
    barriers = np.zeros(len(kinetic.thermal), dtype=np.int64)
    for s, sample in enumerate(samples):
        # samples of one free energy share it; assembling it costs more than integrating
        own = {name: value for name, value in sample.items() if name in thermodynamic}
        if known is None or own != before:
            known, before = table.intervals(kinetic, sample), own
        rows = kinetic.thermal_rows(sample)
        if kinetic.opposed():
            _check_balance(kinetic, known, rows)
        barriers += vanished_barriers(kinetic, rows, known.w[0, 0, :n, :n])
        lights = lights_of(kinetic, protocol, table.sources, sample)
        y = start_of(kinetic, protocol.start, float(known.kelvin[0, 0]), float(table.pascal[0, 0]), sample)[None, :]
        status[s], steps[s], reached = kernels.trajectory(
            y, known.arrays(), table.segment, (thermal, rows, driven), lights, absorb, 1.0, absolute, relative,
            most_steps, found, changes,
        )  # fmt: skip
        found[reached + 1 :], changes[reached + 1 :] = np.nan, np.nan
        x[s], change[s] = found[table.outputs, 0], changes[table.outputs, 0]
        temperature[s] = protocol.temperature + _rises(kinetic, protocol, sample)[protocol.segment]
    return Trajectories(
        kinetic.species, protocol.times, temperature, protocol.pressure, x, change, status, steps, kinetic.assumptions,
        barrier_remarks(kinetic, barriers, count),
    )  # fmt: skip


def _check_balance(kinetic: KineticModel, known: Interval, rows: np.ndarray) -> None:
    n = len(kinetic.state_names)
    kelvin, pascal = known.kelvin.ravel(), known.pascal.ravel() + AMBIENT_PRESSURE
    w = known.w.reshape(-1, *known.w.shape[2:])[:, :n, :n]
    keep = np.unique(np.linspace(0, len(kelvin) - 1, 20).astype(int))
    # one row of W stands for all conditions
    some = w[:1] if len(known.w) == 1 else w[keep]
    require_balance(kinetic, kelvin[keep], pascal[keep], known.g.reshape(-1, known.g.shape[2])[keep, :n], some, rows)


def rate_matrix(
    kinetic: KineticModel,
    conditions: Conditions,
    values: Mapping[str, float],
    x: np.ndarray,
    light: tuple[LightSource, ...] = (),
) -> np.ndarray:
    """First-order rates between all species at N conditions and given populations.

    Parameters
    ----------
    kinetic : KineticModel
    conditions : Conditions
        N points; their light is used where `light` is empty.
    values : mapping of str to float
    x : ndarray (n,) or (N, n)
        Populations that make the mean field.
    light : tuple of LightSource

    Returns
    -------
    ndarray (N, n, n)
        Element (k, j, i): rate i -> j in s-1; columns sum to 0, dx/dt = K x.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS"),))
    >>> values = {
    ...     "HS.enthalpy": 8e3,
    ...     "HS.entropy": 50.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.interaction": 3e3,
    ...     "LS-HS.prefactor": 1e7,
    ...     "LS-HS.activation_energy": 12e3,
    ... }
    >>> k = rate_matrix(kinetic, Conditions(80.0), values, [1.0, 0.0])[0]
    >>> f"{k[0, 1]:.2e}"
    '1.33e+01'
    """
    sample = kinetic.complete(values)
    beams = light or conditions.light
    rise = kinetic.heating.rise(beams, sample[CONDUCTANCE]) if kinetic.heating is not None else 0.0
    warmed = Conditions(conditions.temperature + rise, conditions.pressure)
    c = coefficients(kinetic.model, warmed, sample, derivatives=False)
    n, m, points = len(kinetic.state_names), len(kinetic.species), len(conditions)
    populations = np.zeros((points, m))
    given = np.broadcast_to(np.asarray(x, dtype=float), (points, np.shape(x)[-1]))
    populations[:, : given.shape[1]] = given
    g, w = np.zeros((points, m)), np.zeros((points, m, m))
    g[:, :n], w[:, :n, :n] = c.g, c.w
    (thermal, driven), rows = kinetic.indices(), kinetic.thermal_rows(sample)
    lights = kinetic.light_rates(beams, sample).sum(axis=1)
    result, rates = np.zeros((points, m, m)), np.empty(4)
    for k in range(points):
        place = (warmed.temperature[k], warmed.pressure[k] - AMBIENT_PRESSURE, g[k], w[k])
        for q, (a, b) in enumerate(thermal):
            kernels.thermal_rates(populations[k], *place, a, b, rows[q], rates)
            result[k, b, a] += rates[0] + rates[1]
            result[k, a, b] += rates[2] + rates[3]
        for q, (a, b) in enumerate(driven):
            result[k, b, a] += lights[q]
        result[k] -= np.diag(result[k].sum(axis=0))
    return result
