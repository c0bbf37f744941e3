"""Charts of infrared and Raman maps: the map, bands, rank, resolved states, two-dimensional correlation."""

from __future__ import annotations

import re

import numpy as np

from labile.core.measurement import Measurement
from labile.core.uncertain import format_uncertain
from labile.core.units import field_unit, from_si
from labile.plots.figure import Axis, Box, Chart, Figure, Line, Map, Points
from labile.plots.palette import BLUE, INK, MUTED, STATE_COLOURS, VERMILION, state_colours
from labile.techniques.vibrational import (
    BandSeries,
    Correlation2D,
    CurveResolution,
    SpectralRank,
    StateMapFit,
    wavenumbers,
)

CM = 100.0
MOST_SINGULAR_VALUES = 15


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", text).strip("_") or "map"


def _spectral_axis(spectra: Measurement) -> Axis:
    name = "wavenumber" if spectra.axis is None else spectra.axis.quantity
    return Axis("Raman shift" if name == "raman_shift" else "wavenumber", "1/cm")


def _varied(spectra: Measurement) -> tuple[str, np.ndarray]:
    """Quantity and values, in the field's unit, of what changes most through a map."""
    pressure = np.ptp(spectra.conditions.pressure) > 0 and np.ptp(spectra.temperature) == 0
    name = "pressure" if pressure else "temperature"
    return name, np.asarray(from_si(getattr(spectra.conditions, name), field_unit(name), name))


def map_figure(spectra: Measurement, title: str = "") -> Figure:
    """Intensity of a map over wavenumber and temperature or pressure.

    Parameters
    ----------
    spectra : Measurement
        At least two conditions; repeated ones are drawn once.
    title : str
    """
    nu = wavenumbers(spectra) / CM
    name, values = _varied(spectra)
    rising, first = np.unique(values, return_index=True)
    order = np.argsort(nu)
    drawn = spectra.values[first][:, order]
    low, high = float(min(drawn.min(), 0.0)), float(np.quantile(drawn, 0.999))
    chart = Chart(
        title or spectra.label,
        _spectral_axis(spectra),
        Axis.of(name),
        (Map(nu[order], rising, drawn, spectra.quantity, limits=(low, max(high, low + 1e-12)), colour=BLUE),),
        height=1.2,
    )
    caption = (
        f"{spectra.label}: {len(spectra)} spectra of {nu.size} points, {nu.min():.6g} to {nu.max():.6g} cm⁻¹, over"
        f" {name} {rising[0]:.4g} to {rising[-1]:.4g} {field_unit(name)}."
    )
    return Figure(_key(f"map_{spectra.label}"), caption, (chart,), f"colour map of {spectra.quantity}")


def band_figures(found: BandSeries) -> tuple[Figure, ...]:
    """Areas and positions of fitted bands, and one spectrum of the series with its fit and residuals.

    Parameters
    ----------
    found : BandSeries
    """
    name, values = _varied(found.spectra)
    order = np.argsort(values)
    colours = state_colours([band.name for band in found.bands])
    areas = tuple(
        Points(
            band.name,
            values[order],
            found.areas[order, i] / CM,
            y_error=found.sigma_areas[order, i] / CM,
            colour=colours[band.name],
            filled=False,
        )
        for i, band in enumerate(found.bands)
    )
    at = [found.result.value(f"{band.name}.band_position") for band in found.bands]
    sigma = [found.result.sigma_of(f"{band.name}.band_position") for band in found.bands]
    shifts = tuple(
        Line(
            band.name,
            values[order],
            (found.positions[order, i] - at[i]) / CM,
            found.sigma_positions[order, i] / CM,
            colour=colours[band.name],
        )
        for i, band in enumerate(found.bands)
    )
    fitted = f"from one fit of {len(found.spectra)} spectra (χ² per degree of freedom {found.reduced_chi2:.2f})"
    where = ", ".join(
        f"{band.name} at {format_uncertain(p / CM, s / CM)} cm⁻¹"
        for band, p, s in zip(found.bands, at, sigma, strict=True)
    )
    reference = from_si(found.reference, field_unit(name), name)
    label = _key(found.spectra.label)
    return (
        Figure(
            f"band_areas_{label}",
            f"Areas of bands {fitted}; error bars are standard uncertainties.",
            (Chart("", Axis.of(name), Axis.of("band_area"), areas),),
            "areas of the bands",
        ),
        Figure(
            f"band_positions_{label}",
            f"Shifts of bands against their positions at {reference:.4g} {field_unit(name)}, {fitted}: {where}. The"
            " shaded bands are one standard uncertainty of the position.",
            (Chart("", Axis.of(name), Axis("shift", "1/cm"), shifts),),
            "shifts of the bands",
        ),
        _one_fit(found, int(order[len(order) // 2]), colours),
    )


def _one_fit(found: BandSeries, row: int, colours: dict[str, str]) -> Figure:
    nu = wavenumbers(found.spectra) / CM
    values = found.spectra.values[row]
    name, at = _varied(found.spectra)
    x = Axis(_spectral_axis(found.spectra).symbol, "1/cm", limits=(float(nu.min()), float(nu.max())))
    series: tuple[Points | Line | Box, ...] = (
        Points("measured", nu, values, colour=MUTED, filled=False),
        Line("baseline", nu, found.baseline[row], colour=MUTED, dash="dash"),
        Line("fit", nu, found.model[row], colour=VERMILION, width=1.2),
        *(
            Box(x=(p / CM - 0.5, p / CM + 0.5), name=band.name, colour=colours[band.name])
            for band, p in zip(found.bands, found.positions[row], strict=True)
        ),
    )
    left = values - found.model[row]
    reach = float(1.1 * np.max(np.abs(left))) or 1.0
    strip = Chart("", x, Axis("residual", limits=(-reach, reach)), (Line("", nu, left, colour=MUTED, width=0.7),),
                  height=0.3)  # fmt: skip
    caption = (
        f"Spectrum at {at[row]:.4g} {field_unit(name)} of {found.spectra.label}: measured points, fit, baseline,"
        " positions of the bands; below, what is left."
    )
    chart = Chart("", x, Axis(found.spectra.quantity), series)
    return Figure(_key(f"bands_{found.spectra.label}"), caption, (chart, strip), caption)


def rank_figure(found: SpectralRank, title: str = "") -> Figure:
    """Singular values of a map on a logarithmic scale, with the limit of noise.

    Parameters
    ----------
    found : SpectralRank
    title : str
    """
    count = min(MOST_SINGULAR_VALUES, found.singular_values.size)
    number = np.arange(1, count + 1, dtype=float)
    values = np.log10(np.maximum(found.singular_values[:count], 1e-300))
    ends = np.array([0.5, count + 0.5])
    signal = number <= found.rank
    series = (
        Line("limit of noise (1 %)", ends, np.full(2, np.log10(found.limit)), colour=MUTED, dash="dash"),
        Points("signal", number[signal], values[signal], colour=BLUE),
        Points("noise", number[~signal], values[~signal], colour=MUTED, filled=False),
    )
    chart = Chart(title, Axis("component", limits=(0.5, count + 0.5)), Axis("log₁₀(singular value)"), series)
    caption = f"Singular values{' of the mean-centred map' if found.centred else ''}: {found.describe()}."
    return Figure("singular_values", caption, (chart,), caption)


def state_map_figures(found: StateMapFit) -> tuple[Figure, Figure]:
    """Populations and pure spectra of a map explained by a model.

    Parameters
    ----------
    found : StateMapFit
    """
    name, values = _varied(found.spectra_map)
    order = np.argsort(values)
    colours = state_colours(found.state_names)
    lines = tuple(
        Line(state, values[order], found.populations[order, i], found.sigma_populations[order, i],
             colour=colours[state], floor=0.0, ceiling=1.0)
        for i, state in enumerate(found.state_names)
    )  # fmt: skip
    nu = wavenumbers(found.spectra_map) / CM
    spectra = tuple(
        Line(state, nu, found.spectra[i], found.sigma_spectra[i], colour=colours[state])
        for i, state in enumerate(found.state_names)
    )
    fitted = (
        f"{len(found.spectra_map)} spectra explained by populations of a model, pure spectra eliminated: lack of fit"
        f" {found.lack_of_fit:.2f} %, χ² per degree of freedom {found.fit.reduced_chi2:.2f}"
    )
    label = _key(found.spectra_map.label)
    return (
        Figure(
            f"map_populations_{label}",
            f"Populations; {fitted}. Bands are one standard uncertainty.",
            (Chart("", Axis.of(name), Axis("population", limits=(-0.02, 1.02)), lines),),
            "populations of the states",
        ),
        Figure(
            f"map_states_{label}",
            f"Pure spectra of the states; {fitted}. Bands are one standard uncertainty.",
            (Chart("", _spectral_axis(found.spectra_map), Axis(found.spectra_map.quantity), spectra),),
            "pure spectra of the states",
        ),
    )


def resolution_figure(
    found: CurveResolution, lowest: np.ndarray | None = None, highest: np.ndarray | None = None
) -> Figure:
    """Concentrations of a resolution without a model, with the two extreme solutions that fit as well.

    Parameters
    ----------
    found : CurveResolution
    lowest, highest : ndarray (N, n), optional
        From `ambiguity_bands`.
    """
    name, values = _varied(found.spectra_map)
    order = np.argsort(values)
    series: list[Line] = []
    for i in range(found.concentrations.shape[1]):
        colour = STATE_COLOURS[i % len(STATE_COLOURS)]
        series.append(Line(f"component {i + 1}", values[order], found.concentrations[order, i], colour=colour))
        for other in (lowest, highest):
            if other is not None:
                series.append(Line("", values[order], other[order, i], colour=colour, dash="dot", width=0.7))
    extremes = " Dotted: extreme solutions that fit as well." if lowest is not None else ""
    caption = (
        f"Concentrations from alternating least squares without a model, lack of fit {found.lack_of_fit:.2f} %;"
        f" rotational ambiguity is open.{extremes}"
    )
    chart = Chart("", Axis.of(name), Axis("concentration"), tuple(series))
    return Figure(_key(f"resolution_{found.spectra_map.label}"), caption, (chart,), "resolved concentrations")


def correlation_figures(found: Correlation2D) -> tuple[Figure, Figure]:
    """Synchronous and asynchronous correlation maps; first wavenumber across, second upwards.

    Parameters
    ----------
    found : Correlation2D
    """
    nu = found.wavenumber / CM
    ends = nu[[0, -1]]
    figures = []
    for kind, values in (("synchronous", found.synchronous), ("asynchronous", found.asynchronous)):
        chart = Chart(
            "",
            Axis("wavenumber ν₁", "1/cm"),
            Axis("wavenumber ν₂", "1/cm"),
            # a map's columns are its x axis: element (nu1, nu2) goes to column nu1
            (Map(nu, nu, values.T, "Φ" if kind == "synchronous" else "Ψ"),
             Line("", ends, ends, colour=INK, dash="dot", width=0.6)),
            height=1.3,
        )  # fmt: skip
        rule = (
            "positive where both change the same way"
            if kind == "synchronous"
            else f"where it has the sign of the synchronous map, ν₁ changes at lower {found.along} than ν₂"
        )
        caption = f"{kind.capitalize()} correlation of {found.grid.size} spectra along {found.along}: {rule}."
        figures.append(Figure(f"correlation_{kind}", caption, (chart,), caption))
    return figures[0], figures[1]
