"""`[[diagram]]` of lifetimes and of steady states under light: computed, and the tables and figures they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labile.core.units import from_si
from labile.diagrams.light_map import LifetimeMap, LightMap, lifetime_map, light_map
from labile.study.diagram_settings import DrawnAxis, LifetimeSettings, LightSettings

if TYPE_CHECKING:
    from labile.plots.figure import Figure

CONTOUR_COLUMNS = ("lifetime (s)", "pressure (kbar)", "temperature (K)")
LIESST_COLUMNS = ("pressure (kbar)", "T(LIESST) (K)", "why there is none")
WINDOW_COLUMNS = ("photon flux (1/cm^2/s)", "low end (K)", "high end (K)")
STEADY_COLUMNS = ("photon flux (1/cm^2/s)", "temperature (K)", "stable steady states")


@dataclass(frozen=True, eq=False)
class StudyLifetimes:
    """Lifetimes of a metastable state over temperature and pressure, as a study asks for them.

    Attributes
    ----------
    settings : LifetimeSettings
    origin : str
        Where the parameters come from.
    found : LifetimeMap
    """

    settings: LifetimeSettings
    origin: str
    found: LifetimeMap

    @property
    def key(self) -> str:
        """Start of the names of its files."""
        return f"diagram_{self.settings.label}"

    @property
    def title(self) -> str:
        """As stated, or the label."""
        return self.settings.title or self.settings.label

    @property
    def notes(self) -> tuple[str, ...]:
        """What does not exist in the window, and what the rates assume."""
        silent = [reason for reason in dict.fromkeys(self.found.reason) if reason]
        said = [contour.message for contour in self.found.contours]
        said += [f"T(LIESST): {reason}" for reason in silent]
        return (*said, *_one_way(self.settings))

    def told(self) -> list[str]:
        """T(LIESST) at both ends of the pressures, and the notes, as sentences."""
        known = np.flatnonzero(np.isfinite(self.found.t_liesst))
        ends = sorted({known[0], known[-1]}) if known.size else []
        p, t = _kbar(self.found.pressure), self.found.t_liesst
        return [*(f"T(LIESST) at {p[i]:.4g} kbar: {t[i]:.1f} K" for i in ends), *self.notes]

    def figures(self) -> tuple[Figure, ...]:
        """The map with its contours and T(LIESST)(P)."""
        from labile.plots.light_charts import lifetime_figure

        return (lifetime_figure(self.found, f"{self.key}_lifetimes"),)

    def tables(self) -> dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]]:
        """Header and rows of every CSV by its name: contours, T(LIESST)."""
        contours: list[tuple[Any, ...]] = [
            (contour.time, p, t)
            for contour in self.found.contours
            for p, t in zip(_kbar(contour.pressure), contour.temperature, strict=True)
        ]
        liesst = list(zip(_kbar(self.found.pressure), self.found.t_liesst, self.found.reason, strict=True))
        return {
            f"{self.key}_contours": (CONTOUR_COLUMNS, contours),
            f"{self.key}_t_liesst": (LIESST_COLUMNS, liesst),
        }

    def to_xarray(self) -> Any:
        """The map, SI."""
        return self.found.to_xarray().assign_attrs(title=self.title, parameters=self.origin)

    def to_dict(self) -> dict[str, Any]:
        """Summary as plain JSON types, SI."""
        return {
            **_summary(self),
            "states": list(self.found.states),
            "contours": [
                {"lifetime_s": c.time, "temperature_K": c.temperature.tolist(), "pressure_Pa": c.pressure.tolist()}
                for c in self.found.contours
            ],
            "t_liesst_K": [None if np.isnan(t) else float(t) for t in self.found.t_liesst],
            "pressure_Pa": self.found.pressure.tolist(),
            "heating_rate_K_per_s": self.found.rate,
        }


@dataclass(frozen=True, eq=False)
class StudySteadyStates:
    """Steady states under light over temperature and photon flux, as a study asks for them.

    Attributes
    ----------
    settings : LightSettings
    origin : str
        Where the parameters come from.
    found : LightMap
    """

    settings: LightSettings
    origin: str
    found: LightMap

    @property
    def key(self) -> str:
        """Start of the names of its files."""
        return f"diagram_{self.settings.label}"

    @property
    def title(self) -> str:
        """As stated, or the label."""
        return self.settings.title or self.settings.label

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found at each flux, and what the rates assume."""
        return (*self.found.messages, *_one_way(self.settings))

    def told(self) -> list[str]:
        """The notes, as sentences."""
        return list(self.notes)

    def figures(self) -> tuple[Figure, ...]:
        """Populations along temperature at every flux, and the bistable windows."""
        from labile.plots.light_charts import light_figure

        return (light_figure(self.found, self.settings.state, f"{self.key}_steady_states"),)

    def tables(self) -> dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]]:
        """Header and rows of every CSV by its name: steady states, bistable windows."""
        flux = _per_cm2(self.found.flux)
        names = [f"x_{name}" for name in self.found.state_names]
        rows: list[tuple[Any, ...]] = []
        for i, one in enumerate(flux):
            for j, t in enumerate(self.found.temperature):
                count = int(self.found.count[i, j])
                rows += [(one, t, count, *self.found.populations[i, j, k]) for k in range(count)]
        windows = [
            (float(f), low, high)
            for f, low, high in zip(
                _per_cm2(self.found.window_flux), self.found.window_low, self.found.window_high, strict=True
            )
        ]
        return {
            f"{self.key}_steady_states": ((*STEADY_COLUMNS, *names), rows),
            f"{self.key}_bistable_windows": (WINDOW_COLUMNS, windows),
        }

    def to_xarray(self) -> Any:
        """The map, SI."""
        return self.found.to_xarray().assign_attrs(title=self.title, parameters=self.origin)

    def to_dict(self) -> dict[str, Any]:
        """Summary as plain JSON types, SI."""
        return {
            **_summary(self),
            "state": self.settings.state,
            "wavelength_m": self.settings.source.wavelength,
            "pressure_Pa": self.settings.pressure,
            "photon_flux_per_m2_s": self.found.flux.tolist(),
            "bistable_windows": [
                {"photon_flux_per_m2_s": float(f), "low_K": float(low), "high_K": float(high)}
                for f, low, high in zip(
                    self.found.window_flux, self.found.window_low, self.found.window_high, strict=True
                )
            ],
        }


def _axis(axis: DrawnAxis) -> dict[str, Any]:
    return {"name": axis.name, "low_si": axis.low, "high_si": axis.high, "unit": axis.unit}


def _summary(one: StudyLifetimes | StudySteadyStates) -> dict[str, Any]:
    settings = one.settings
    return {
        "label": settings.label,
        "title": one.title,
        "kind": "lifetimes" if isinstance(one, StudyLifetimes) else "light",
        "parameters": one.origin,
        "axes": [_axis(settings.x), _axis(settings.y)],
        "notes": list(one.notes),
        "rates_si": dict(settings.kinetics.values),
        "sources": dict(settings.kinetics.sources),
    }


def _one_way(settings: LifetimeSettings | LightSettings) -> list[str]:
    return [text for text in settings.kinetics.kinetic.assumptions if "one way" in text]


def _kbar(pressure: np.ndarray) -> np.ndarray:
    return np.asarray(from_si(pressure, "kbar", "pressure"))


def _per_cm2(flux: np.ndarray) -> np.ndarray:
    return np.asarray(from_si(flux, "1/cm^2/s", "photon_flux"))


def lifetimes(settings: LifetimeSettings, values: Mapping[str, float], origin: str) -> StudyLifetimes:
    """Compute a diagram of lifetimes.

    Parameters
    ----------
    settings : LifetimeSettings
    values : mapping of str to float
        Of the model, SI; the rates are those of the settings.
    origin : str
        Where the values come from.
    """
    found = lifetime_map(
        settings.kinetics.kinetic, settings.states, {**values, **settings.kinetics.values}, settings.y.grid,
        settings.x.grid, contours=settings.contours, light=settings.light, rate=settings.heating_rate,
    )  # fmt: skip
    return StudyLifetimes(settings, origin, found)


def steady_states(settings: LightSettings, values: Mapping[str, float], origin: str) -> StudySteadyStates:
    """Compute a diagram of steady states under light; arguments as in `lifetimes`."""
    found = light_map(
        settings.kinetics.kinetic, {**values, **settings.kinetics.values}, settings.x.grid, settings.flux,
        settings.source, pressure=settings.pressure,
    )  # fmt: skip
    return StudySteadyStates(settings, origin, found)
