"""Steady states under light: all of them, which of them are stable, and between which temperatures there are two."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions, LightSource
from labile.core.constants import AMBIENT_PRESSURE
from labile.models import kinetics_kernels as kernels
from labile.models.free_energy import coefficients
from labile.models.light import DESTROYED
from labile.models.rates import CONDUCTANCE, KineticModel, KineticsError, require_balance

GRID = 1201
"""Points on which the roots of a two-state rate are looked for."""
SAME = 1e-6
"""Steady states closer than this are one."""
RANDOM_STARTS = 24
"""Mixtures from which Newton starts in crystals of three or more states, beside vertices, edges and centre."""
FINEST = 1e-4
"""Width, K, to which the ends of a bistable window are found."""


@dataclass(frozen=True, eq=False)
class SteadyStates:
    """Populations that do not change at one set of conditions.

    Attributes
    ----------
    state_names : tuple of str
    x : ndarray (K, n)
        Sorted by the population of the last state.
    stable : ndarray (K,) of bool
        Whether small disturbances die out.
    slowest : ndarray (K,)
        Largest real part of the eigenvalues of the linearised rates, s-1.
    message : str
        How the search was done, and why there is none where there is none.
    """

    state_names: tuple[str, ...]
    x: np.ndarray
    stable: np.ndarray
    slowest: np.ndarray
    message: str

    @property
    def bistable(self) -> bool:
        """Whether two or more steady states are stable."""
        return int(np.sum(self.stable)) > 1


@dataclass(frozen=True, eq=False)
class _Flow:
    """dx/dt and its Jacobian at fixed conditions."""

    change: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray], np.ndarray]


def _flow(
    kinetic: KineticModel,
    temperature: float,
    pressure: float,
    light: Sequence[LightSource],
    sample: Mapping[str, float],
) -> _Flow:
    rise = kinetic.heating.rise(light, sample[CONDUCTANCE]) if kinetic.heating is not None else 0.0
    conditions = Conditions(temperature + rise, pressure)
    c = coefficients(kinetic.model, conditions, sample, derivatives=False)
    (thermal, driven), rows = kinetic.indices(), kinetic.thermal_rows(sample)
    if kinetic.opposed():
        require_balance(kinetic, conditions.temperature, conditions.pressure, c.g, c.w, rows)
    lights = kinetic.light_rates(light, sample).sum(axis=1)
    g, w, n = c.g[0].copy(), c.w[0].copy(), len(kinetic.state_names)
    kelvin, pascal = temperature + rise, pressure - AMBIENT_PRESSURE
    rates, still, none = np.empty(4), np.zeros(n), np.zeros((n, n))

    def change(x: np.ndarray) -> np.ndarray:
        result = np.empty(n)
        kernels.layer_change(x, kelvin, pascal, g, w, thermal, rows, driven, lights, rates, result)
        return result

    def jacobian(x: np.ndarray) -> np.ndarray:
        result, drift = np.empty((n, n)), np.empty(n)
        kernels.layer_jacobian(
            x, kelvin, 0.0, pascal, 0.0, g, still, w, none, thermal, rows, driven, lights, rates, result, drift
        )
        return result

    return _Flow(change, jacobian)


def steady_states(
    kinetic: KineticModel,
    temperature: float,
    values: Mapping[str, float],
    *,
    light: Sequence[LightSource] = (),
    pressure: float = AMBIENT_PRESSURE,
) -> SteadyStates:
    """All populations that do not change under constant light.

    Two states: every root of the rate on a grid of 1201 populations that is dense near 0 and 1, tangent pairs
    included. More states: Newton's method from vertices, edges, centre and 24 random mixtures, so that one with a
    small basin can be missed; the message says so.

    Parameters
    ----------
    kinetic : KineticModel
    temperature : float
        Of the cryostat, K.
    values : mapping of str to float
    light : sequence of LightSource
    pressure : float
        Pa.

    Returns
    -------
    SteadyStates

    Raises
    ------
    KineticsError
        With radiation damage, under which nothing but the destroyed crystal is steady.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.light import Absorption, beam, cross_section
    >>> from labile.models.rates import PhotoProcess, ThermalProcess
    >>> green = Absorption("LS", 514e-9, cross_section(100.0))
    >>> kinetic = KineticModel(van_t_hoff(), (PhotoProcess("LS", "HS"), ThermalProcess("HS", "LS")), (green,))
    >>> values = {
    ...     "HS.enthalpy": 15e3,
    ...     "HS.entropy": 60.0,
    ...     "HS.volume": 0.0,
    ...     "LS-HS.quantum_yield": 1.0,
    ...     "LS-HS.prefactor": 1e7,
    ...     "LS-HS.activation_energy": 900 * 11.96266,
    ... }
    >>> found = steady_states(kinetic, 60.0, values, light=(beam(514e-9, irradiance=50.0),))
    >>> found.x.round(3).tolist(), found.stable.tolist()
    ([[0.461, 0.539]], [True])
    """
    sample = kinetic.complete(values)
    if DESTROYED in kinetic.species and light:
        raise KineticsError(
            f"steady states of {kinetic.model.name}: with radiation damage only the destroyed crystal is steady;"
            " leave RadiationDamage out of the model, or integrate in time"
        )
    flow = _flow(kinetic, temperature, pressure, light, sample)
    if len(kinetic.state_names) == 2:
        found, message = _two_state_roots(flow)
    else:
        found, message = _many_state_roots(flow, len(kinetic.state_names))
    slowest = np.array([_slowest(flow, x) for x in found])
    order = np.argsort(np.array(found)[:, -1]) if found else np.zeros(0, dtype=int)
    x = np.array(found).reshape(-1, len(kinetic.state_names))[order]
    return SteadyStates(kinetic.state_names, x, slowest[order] < 0, slowest[order], message)


def _slowest(flow: _Flow, x: np.ndarray) -> float:
    """Largest real part of the eigenvalues on sum dx = 0."""
    j = flow.jacobian(x)
    top = int(np.argmax(x))
    keep = [i for i in range(len(x)) if i != top]
    reduced = j[np.ix_(keep, keep)] - j[keep, top][:, None]
    return float(np.max(np.linalg.eigvals(reduced).real))


def _two_state_roots(flow: _Flow) -> tuple[list[np.ndarray], str]:
    from scipy.optimize import brentq, minimize_scalar

    def rate(n: float) -> float:
        return float(flow.change(np.array([1.0 - n, n]))[1])

    # populations of 1e-12 matter at both ends: a logistic grid between them, and the ends themselves
    inner = 1.0 / (1.0 + np.exp(-np.linspace(-28.0, 28.0, GRID)))
    grid = np.concatenate([[0.0], inner, [1.0]])
    f = np.array([rate(n) for n in grid])
    if not np.any(f):
        return [], "frozen: no process moves the populations here, every composition is steady"
    roots = [float(n) for n, value in zip(grid, f, strict=True) if value == 0.0]
    for i in range(len(grid) - 1):
        if f[i] * f[i + 1] < 0:
            roots.append(float(brentq(rate, grid[i], grid[i + 1], xtol=1e-300, rtol=1e-14)))
    for i in range(1, len(grid) - 1):
        same = f[i - 1] * f[i] > 0 and f[i] * f[i + 1] > 0
        if same and abs(f[i]) < abs(f[i - 1]) and abs(f[i]) <= abs(f[i + 1]):
            # two roots may hide between three points of one sign
            sign = math.copysign(1.0, f[i])
            dip = minimize_scalar(lambda n, s=sign: s * rate(n), bounds=(grid[i - 1], grid[i + 1]), method="bounded")
            if dip.fun <= 0:
                roots += [
                    float(brentq(rate, a, b, xtol=1e-300, rtol=1e-14))
                    for a, b in ((grid[i - 1], dip.x), (dip.x, grid[i + 1]))
                ]
    kept: list[float] = []
    for root in sorted(roots):
        if not kept or root - kept[-1] > 1e-12 * max(root, 1e-290):
            kept.append(root)
    return [np.array([1.0 - n, n]) for n in kept], f"all roots on {GRID} populations"


def _many_state_roots(flow: _Flow, n: int) -> tuple[list[np.ndarray], str]:
    starts = [np.full(n, 1.0 / n)]
    for i in range(n):
        vertex = np.full(n, 1e-4)
        vertex[i] = 1.0 - 1e-4 * (n - 1)
        starts.append(vertex)
        starts += [np.where(np.isin(np.arange(n), (i, j)), 0.5, 1e-4) for j in range(i)]
    starts += list(np.random.default_rng(0).dirichlet(np.full(n, 0.7), RANDOM_STARTS))
    found: list[np.ndarray] = []
    moving = False
    for start in starts:
        x = start / start.sum()
        moving = moving or bool(np.any(flow.change(x)))
        settled = _newton(flow, x)
        if settled is not None and not any(np.max(np.abs(settled - other)) < SAME for other in found):
            found.append(settled)
    if not moving:
        return [], "frozen: no process moves the populations here, every composition is steady"
    said = f"Newton from {len(starts)} mixtures; a steady state with a small basin may be missing"
    return found, said if found else f"no steady state was reached; {said}"


def _newton(flow: _Flow, x: np.ndarray) -> np.ndarray | None:
    """Pseudo-transient continuation: implicit steps in time that grow into Newton's, with populations kept positive."""
    n = len(x)
    scale = max(float(np.max(np.abs(flow.jacobian(x)))), 1e-300)
    h = 1.0 / scale
    size = float(np.max(np.abs(flow.change(x))))
    for _ in range(400):
        top = int(np.argmax(x))
        keep = [i for i in range(n) if i != top]
        j, f = flow.jacobian(x), flow.change(x)
        reduced = np.eye(n - 1) / h - (j[np.ix_(keep, keep)] - j[keep, top][:, None])
        try:
            step = np.linalg.solve(reduced, f[keep])
        except np.linalg.LinAlgError:
            h *= 0.3
            continue
        new = x.copy()
        new[keep] += step
        new[top] -= step.sum()
        if not np.all(np.isfinite(new)) or np.min(new) < -1e-9 or np.max(np.abs(step)) > 0.3:
            h *= 0.3
            if h * scale < 1e-12:
                return None
            continue
        new = np.maximum(new, 0.0)
        new /= new.sum()
        if np.max(np.abs(new - x)) < 1e-13 and h * scale > 1e6:
            return np.asarray(new)
        now = float(np.max(np.abs(flow.change(new))))
        x = new
        h *= min(max(size / max(now, 1e-300), 0.5), 10.0) if now > 0 else 10.0
        h = min(h * 1.5, 1e30 / scale)
        size = now
    return None


@dataclass(frozen=True, eq=False)
class Bistability:
    """Steady states along a temperature axis under constant light.

    Attributes
    ----------
    temperature : ndarray (N,)
        K.
    states : tuple of SteadyStates
    windows : tuple of (float, float)
        Temperatures between which more than one steady state is stable, K; empty where there is none.
    message : str
    """

    temperature: np.ndarray
    states: tuple[SteadyStates, ...]
    windows: tuple[tuple[float, float], ...]
    message: str


def bistability(
    kinetic: KineticModel,
    temperature: Sequence[float] | np.ndarray,
    values: Mapping[str, float],
    *,
    light: Sequence[LightSource] = (),
    pressure: float = AMBIENT_PRESSURE,
) -> Bistability:
    """Steady states along temperatures, with the ends of every window in which more than one is stable.

    Parameters
    ----------
    kinetic : KineticModel
    temperature : ndarray (N,)
        K, increasing.
    values : mapping of str to float
    light : sequence of LightSource
    pressure : float
        Pa.

    Returns
    -------
    Bistability
        `windows` is empty, and the message says so, where no temperature of the axis has two stable states; a window
        narrower than the axis' step can be missed.

    References
    ----------
    Light-induced thermal hysteresis: A. Desaix et al., Eur. Phys. J. B 6, 183 (1998), doi 10.1007/s100510050541.
    """
    axis = np.asarray(temperature, dtype=float)
    if axis.ndim != 1 or axis.size < 2 or not np.all(np.diff(axis) > 0):
        raise KineticsError("bistability: give at least two temperatures that increase")

    def at(kelvin: float) -> SteadyStates:
        return steady_states(kinetic, kelvin, values, light=light, pressure=pressure)

    found = [at(float(t)) for t in axis]
    inside = np.array([state.bistable for state in found])

    def edge(outer: float, inner: float) -> float:
        while abs(inner - outer) > FINEST:
            middle = 0.5 * (outer + inner)
            outer, inner = (outer, middle) if at(middle).bistable else (middle, inner)
        return inner

    windows = []
    for first in np.flatnonzero(inside & ~np.append(False, inside[:-1])):
        last = int(first)
        while last + 1 < len(axis) and inside[last + 1]:
            last += 1
        low = float(axis[0]) if first == 0 else edge(float(axis[first - 1]), float(axis[first]))
        high = float(axis[-1]) if last == len(axis) - 1 else edge(float(axis[last + 1]), float(axis[last]))
        windows.append((low, high))
    span = f"{axis[0]:g} to {axis[-1]:g} K"
    message = (
        f"{len(windows)} bistable window{'s' * (len(windows) > 1)} in {span}"
        if windows
        else f"no bistability in {span}"
    )
    if inside[0] or inside[-1]:
        message += "; a window reaches the end of the range and may go on"
    return Bistability(axis, tuple(found), tuple(windows), message)
