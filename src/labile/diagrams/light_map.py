"""Maps of metastable and light-driven states: lifetimes over T and P, T(LIESST)(P), steady states over T and flux."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.conditions import Conditions, LightSource
from labile.core.constants import AMBIENT_PRESSURE
from labile.diagrams.axes import DiagramError
from labile.models.metastability import lifetime, t_liesst
from labile.models.populations import Status
from labile.models.protocols import LETARD_RATE
from labile.models.rates import KineticModel
from labile.models.steady_states import bistability

if TYPE_CHECKING:
    import xarray

FINEST = 1e-6
"""Relative width to which the temperature of a lifetime contour is found."""


def _rising(values: Any, name: str, unit: str, *, least: int = 2) -> np.ndarray:
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if array.ndim != 1 or array.size < least or not (np.isfinite(array).all() and np.all(np.diff(array) > 0)):
        raise DiagramError(f"{name}: needs at least {least} finite numbers ({unit}) that rise, found {values!r}")
    return array


@dataclass(frozen=True, eq=False)
class LifetimeContour:
    """Temperatures at which a state lasts a stated time.

    Attributes
    ----------
    time : float
        s.
    pressure : ndarray (K,)
        Pa; pressures with several such temperatures occur several times, those without one do not occur.
    temperature : ndarray (K,)
        K.
    message : str
        At how many pressures there is none in the window.
    """

    time: float
    pressure: np.ndarray
    temperature: np.ndarray
    message: str


@dataclass(frozen=True, eq=False)
class LifetimeMap:
    """How long a state lasts in the dark, or under constant light, over temperature and pressure.

    Attributes
    ----------
    states : tuple of str
        Whose populations are summed.
    temperature : ndarray (Nt,)
        K.
    pressure : ndarray (Np,)
        Pa.
    time : ndarray (Nt, Np)
        s; infinite where the state does not decay to the threshold, NaN where the integration failed.
    status : ndarray (Nt, Np) of int
        `Status`.
    contours : tuple of LifetimeContour
    t_liesst : ndarray (Np,)
        K; NaN where there is none, see `reason`.
    reason : tuple of str
        Why there is no T(LIESST) at a pressure; empty where there is one.
    rate : float
        Heating rate of T(LIESST), K/s.
    """

    states: tuple[str, ...]
    temperature: np.ndarray
    pressure: np.ndarray
    time: np.ndarray
    status: np.ndarray
    contours: tuple[LifetimeContour, ...]
    t_liesst: np.ndarray
    reason: tuple[str, ...]
    rate: float

    def to_xarray(self) -> xarray.Dataset:
        """Dataset over temperature and pressure, SI; contours are tables of their own."""
        import xarray

        return xarray.Dataset(
            {
                "lifetime": (("temperature", "pressure"), self.time, {"units": "s"}),
                "status": (("temperature", "pressure"), self.status, {"long_name": "0: converged"}),
                "t_liesst": (("pressure",), self.t_liesst, {"units": "K", "heating_rate_K_per_s": self.rate}),
            },
            {
                "temperature": ("temperature", self.temperature, {"units": "K"}),
                "pressure": ("pressure", self.pressure, {"units": "Pa"}),
            },
            {"states": " + ".join(self.states)},
        )

    def contour_table(self) -> list[dict[str, float]]:
        """Rows ``lifetime`` (s), ``pressure`` (Pa), ``temperature`` (K) of all contours."""
        return [
            {"lifetime": c.time, "pressure": float(p), "temperature": float(t)}
            for c in self.contours
            for p, t in zip(c.pressure, c.temperature, strict=True)
        ]


def lifetime_map(
    kinetic: KineticModel,
    state: str | Sequence[str],
    values: Mapping[str, float],
    temperature: Any,
    pressure: Any,
    *,
    contours: Sequence[float] = (1.0, 60.0, 3600.0, 86400.0),
    light: Sequence[LightSource] = (),
    rate: float = LETARD_RATE,
) -> LifetimeMap:
    """Lifetimes of a metastable state over temperature and pressure, their contours, and T(LIESST)(P).

    Contours are solved at every pressure to 1e-6 of the temperature, not read off the grid; the grid only says where to
    look, so that a pair of solutions within one grid step can be missed. T(LIESST) is sought in the temperature window,
    in the dark, from full population of the state.

    Parameters
    ----------
    kinetic : KineticModel
    state : str or sequence of str
        Metastable state, or several whose populations are summed.
    values : mapping of str to float
        SI, of thermodynamics and rates.
    temperature : array_like (Nt,)
        K, rising.
    pressure : array_like (Np,)
        Pa, rising.
    contours : sequence of float
        Lifetimes, s.
    light : sequence of LightSource
        On during the decay.
    rate : float
        Heating rate of T(LIESST), K/s; 0.3 K/min by definition.

    Returns
    -------
    LifetimeMap

    Raises
    ------
    DiagramError
        For axes that do not rise or lifetimes that are not positive.
    KineticsError
        For states or values that do not fit the model.

    References
    ----------
    T(LIESST): J.-F. Letard et al., Top. Curr. Chem. 235, 221 (2004), doi 10.1007/b95429.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.rates import ThermalProcess
    >>> kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    >>> values = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0}
    >>> values |= {"LS-HS.prefactor": 1e7, "LS-HS.activation_energy": 10766.4}
    >>> found = lifetime_map(kinetic, "HS", values, np.linspace(30.0, 100.0, 15), [101325.0, 1e8], contours=(60.0,))
    >>> found.contours[0].temperature.round(2).tolist(), found.t_liesst.round(1).tolist()
    ([64.06, 64.06], [57.9, 57.9])
    """
    t = _rising(temperature, "lifetime map: temperature", "K")
    p = _rising(pressure, "lifetime map: pressure", "Pa")
    if t[0] <= 0 or p[0] < 0:
        raise DiagramError(f"lifetime map: needs temperatures above 0 K and no negative pressure, found {t[0]:g} K and"
                           f" {p[0]:g} Pa")  # fmt: skip
    for level in contours:
        if not 0 < level < math.inf:
            raise DiagramError(f"lifetime map: a contour needs a time above 0 s, found {level!r}")
    beams = tuple(light)

    def times(kelvin: np.ndarray, pascal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = lifetime(kinetic, state, Conditions(kelvin, pascal), values, light=beams)
        return found.time[0], found.status[0]

    flat, status = times(np.repeat(t, p.size), np.tile(p, t.size))
    time, status = flat.reshape(t.size, p.size), status.reshape(t.size, p.size)
    lines = tuple(_contour(times, t, p, time, float(level)) for level in contours)
    liesst = t_liesst(
        kinetic, state, values, pressure=p, cold=float(t[0]), warm=float(t[-1]), rate=rate,
        step=min(0.1, float(t[-1] - t[0]) / 200),
    )  # fmt: skip
    names = (state,) if isinstance(state, str) else tuple(state)
    return LifetimeMap(names, t, p, time, status, lines, liesst.temperature[0], liesst.reason[0], rate)


def _contour(times: Any, t: np.ndarray, p: np.ndarray, time: np.ndarray, level: float) -> LifetimeContour:
    """Bisection of every bracket of the grid, all brackets at once."""
    longer = time > level
    known = np.isfinite(time) | np.isinf(time)
    rows, columns = np.nonzero((longer[1:] != longer[:-1]) & known[1:] & known[:-1])
    missing = p.size - np.unique(columns).size
    message = f"a lifetime of {level:g} s occurs at {p.size - missing} of {p.size} pressures of the window"
    order = np.lexsort((t[rows], columns))
    rows, columns = rows[order], columns[order]
    low, high = t[rows], t[rows + 1]
    falls = longer[rows, columns]
    at = p[columns]
    good = np.ones(rows.size, dtype=bool)
    while rows.size and np.max((high - low) / high) > FINEST:
        middle = 0.5 * (low + high)
        here, status = times(middle, at)
        good &= status == Status.CONVERGED
        keep_low = (here > level) == falls
        low, high = np.where(keep_low, middle, low), np.where(keep_low, high, middle)
    if not good.all():
        message += f"; {int(np.sum(~good))} of its points did not converge and are left out"
    return LifetimeContour(level, at[good], 0.5 * (low + high)[good], message)


@dataclass(frozen=True, eq=False)
class LightMap:
    """Steady states over temperature and photon flux.

    Attributes
    ----------
    state_names : tuple of str
    temperature : ndarray (Nt,)
        Of the cryostat, K.
    flux : ndarray (Nf,)
        Incident photons, m-2 s-1.
    populations : ndarray (Nf, Nt, S, n)
        Stable steady states in order of the last state's population; NaN past `count`.
    count : ndarray (Nf, Nt) of int
        Number of stable steady states; more than one: bistability. 0 where none was found.
    window_flux, window_low, window_high : ndarray (K,)
        Fluxes (m-2 s-1) at which the crystal is bistable, with the ends (K) of each bistable window.
    messages : tuple of str
        What was found at each flux.
    """

    state_names: tuple[str, ...]
    temperature: np.ndarray
    flux: np.ndarray
    populations: np.ndarray
    count: np.ndarray
    window_flux: np.ndarray
    window_low: np.ndarray
    window_high: np.ndarray
    messages: tuple[str, ...]

    @property
    def bistable(self) -> np.ndarray:
        """Whether more than one steady state is stable, (Nf, Nt) of bool."""
        return self.count > 1

    def to_xarray(self) -> xarray.Dataset:
        """Dataset over flux and temperature, SI; the windows along a dimension of their own."""
        import xarray

        dims = ("photon_flux", "temperature")
        return xarray.Dataset(
            {
                "population": ((*dims, "steady_state", "state"), self.populations),
                "stable_steady_states": (dims, self.count),
                "window_flux": (("window",), self.window_flux, {"units": "m-2 s-1"}),
                "window_low": (("window",), self.window_low, {"units": "K"}),
                "window_high": (("window",), self.window_high, {"units": "K"}),
            },
            {
                "photon_flux": ("photon_flux", self.flux, {"units": "m-2 s-1"}),
                "temperature": ("temperature", self.temperature, {"units": "K"}),
                "state": list(self.state_names),
            },
        )


def light_map(
    kinetic: KineticModel,
    values: Mapping[str, float],
    temperature: Any,
    flux: Any,
    source: LightSource,
    *,
    pressure: float = AMBIENT_PRESSURE,
) -> LightMap:
    """Steady states under one beam over temperature and photon flux, with the ends of every bistable window.

    Parameters
    ----------
    kinetic : KineticModel
    values : mapping of str to float
        SI.
    temperature : array_like (Nt,)
        K, rising.
    flux : array_like (Nf,)
        Photons m-2 s-1, rising, not negative; they take the place of the source's flux.
    source : LightSource
        Gives the wavelength.
    pressure : float
        Pa.

    Returns
    -------
    LightMap
        Ends of windows are solved at every flux, not read off the grid; a window between two grid temperatures can be
        missed.

    Raises
    ------
    DiagramError
        For axes that do not rise, a negative flux.

    References
    ----------
    Light-induced bistability: A. Desaix et al., Eur. Phys. J. B 6, 183 (1998), doi 10.1007/s100510050541.
    """
    t = _rising(temperature, "light map: temperature", "K")
    f = _rising(flux, "light map: flux", "m-2 s-1", least=1)
    if t[0] <= 0 or f[0] < 0:
        raise DiagramError(f"light map: needs temperatures above 0 K and no negative flux, found {t[0]:g} K and"
                           f" {f[0]:g} m-2 s-1")  # fmt: skip
    rows = [
        bistability(kinetic, t, values, light=(replace(source, photon_flux=float(one)),), pressure=pressure)
        for one in f
    ]
    count = np.array([[int(np.sum(s.stable)) for s in row.states] for row in rows])
    populations = np.full((f.size, t.size, max(1, int(count.max())), len(kinetic.state_names)), np.nan)
    for i, row in enumerate(rows):
        for j, found in enumerate(row.states):
            populations[i, j, : count[i, j]] = found.x[found.stable]
    windows = [(float(one), *ends) for one, row in zip(f, rows, strict=True) for ends in row.windows]
    at_flux, low, high = np.array(windows).reshape(-1, 3).T
    messages = tuple(f"{one:g} photons m-2 s-1: {row.message}" for one, row in zip(f, rows, strict=True))
    return LightMap(kinetic.state_names, t, f, populations, count, at_flux, low, high, messages)
