"""Charts of metastable and light-driven states: lifetimes with T(LIESST)(P), steady states with bistable windows."""

from __future__ import annotations

import numpy as np

from labile.core.units import from_si
from labile.diagrams.light_map import LifetimeMap, LightMap
from labile.plots.figure import Axis, Chart, Figure, Line, Map, Points
from labile.plots.palette import INK, ORANGE, PURPLE, STATE_COLOURS

_SPANS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_DASHES = ("solid", "dash", "dot")


def _span(seconds: float) -> str:
    """A time in the largest unit that does not make it a fraction."""
    size, unit = next(((size, unit) for size, unit in _SPANS if seconds >= size), (1.0, "s"))
    return f"{seconds / size:.3g} {unit}"


def lifetime_figure(found: LifetimeMap, key: str = "lifetimes") -> Figure:
    """Lifetimes over pressure and temperature, with their contours and T(LIESST)(P).

    Parameters
    ----------
    found : LifetimeMap
    key : str
        File name without suffix.

    Returns
    -------
    Figure

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.diagrams.light_map import lifetime_map
    >>> from labile.models.rates import KineticModel, ThermalProcess
    >>> kinetic = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    >>> values = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0}
    >>> values |= {"LS-HS.prefactor": 1e7, "LS-HS.activation_energy": 10766.4}
    >>> grid = lifetime_map(kinetic, "HS", values, np.linspace(30.0, 100.0, 15), [1e5, 1e8], contours=(60.0, 7200.0))
    >>> [series.name for series in lifetime_figure(grid).panels[0].series if hasattr(series, "name")]
    ['1 min', '2 h', 'T(LIESST)']
    """
    pressure = np.asarray(from_si(found.pressure, "kbar", "pressure"))
    with np.errstate(divide="ignore", invalid="ignore"):
        decades = np.where(np.isfinite(found.time), np.log10(found.time), np.nan)
    series: list[Map | Line | Points] = [Map(pressure, found.temperature, decades, "log₁₀(τ/s)")]
    for number, line in enumerate(found.contours):
        if line.temperature.size:
            at = np.asarray(from_si(line.pressure, "kbar", "pressure"))
            several = np.unique(line.pressure).size < line.pressure.size
            dash = _DASHES[number % len(_DASHES)]
            # several temperatures at one pressure are no function of it: points instead of a line
            series.append(
                Points(_span(line.time), at, line.temperature, colour=INK)
                if several
                else Line(_span(line.time), at, line.temperature, colour=INK, dash=dash, width=0.8 + 0.4 * (number > 2))
            )
    if np.isfinite(found.t_liesst).any():
        series.append(Line("T(LIESST)", pressure, found.t_liesst, colour=ORANGE, width=1.8))
    states = " + ".join(found.states)
    silent = sum(bool(reason) for reason in found.reason)
    missing = f" At {silent} of {pressure.size} pressures there is no T(LIESST) in the window." if silent else ""
    rate = found.rate * 60
    caption = (
        f"Time in which {states} falls to 1/e, over pressure and temperature; blank where it does not decay. Lines:"
        f" equal lifetimes, and T(LIESST) on warming at {rate:.2g} K/min.{missing}"
    )
    chart = Chart(f"Lifetime of {states}", Axis("P", "kbar"), Axis("T", "K"), tuple(series), height=1.2)
    return Figure(key, caption, (chart,), f"map of the lifetime of {states} over pressure and temperature")


def light_figure(found: LightMap, state: str, key: str = "steady_states_under_light") -> Figure:
    """Steady states under light: populations along temperature at every flux, and the bistable windows.

    Parameters
    ----------
    found : LightMap
    state : str
        State whose population is drawn.
    key : str
        File name without suffix.

    Returns
    -------
    Figure
        One panel where nothing is bistable, and one with the ends of the windows where something is.
    """
    column = found.state_names.index(state)
    fluxes = np.unique(np.linspace(0, found.flux.size - 1, min(found.flux.size, len(STATE_COLOURS))).astype(int))
    shown = []
    for colour, i in zip(STATE_COLOURS, fluxes, strict=False):
        x = found.populations[i, :, :, column]
        t = np.repeat(found.temperature, x.shape[1])
        good = np.isfinite(x.ravel())
        name = f"log₁₀(Φ/cm⁻² s⁻¹) = {np.log10(found.flux[i] / 1e4):.2f}" if found.flux[i] > 0 else "dark"
        shown.append(Points(name, t[good], x.ravel()[good], colour=colour))
    panels = [Chart(f"Stable steady states of {state} under light", Axis("T", "K"), Axis(f"x_{state}"), tuple(shown))]
    if found.window_flux.size:
        with np.errstate(divide="ignore"):
            decades = np.log10(found.window_flux / 1e4)
        # a window in the dark has no place on a logarithmic axis
        decades[~np.isfinite(decades)] = np.nan
        ends = (
            Points("low end", found.window_low, decades, colour=PURPLE, marker="triangle-down"),
            Points("high end", found.window_high, decades, colour=PURPLE, marker="triangle-up"),
        )
        panels.append(Chart("", Axis("T", "K"), Axis("log₁₀(Φ/cm⁻² s⁻¹)"), ends, height=0.6))
        said = (
            f"Below: low (▼) and high (▲) ends of the {found.window_flux.size} windows of temperature in which more"
            " than one is stable."
        )
    else:
        said = (
            f"Nowhere between {found.temperature[0]:g} and {found.temperature[-1]:g} K is more than one state stable."
        )
    caption = f"Every stable steady state of {state} under constant light. {said}"
    return Figure(key, caption, tuple(panels), f"population of {state} against temperature at several photon fluxes")
