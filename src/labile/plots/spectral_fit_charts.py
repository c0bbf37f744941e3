"""Charts of spectra that a joint fit explains: measured and left over, pure spectra, amounts seen and modelled."""

from __future__ import annotations

import numpy as np

from labile.core.measurement import Measurement
from labile.core.units import field_unit, from_si, scale_to_si
from labile.inference.spectral_maps import Explained
from labile.plots.figure import Axis, Chart, Figure, Line, Map, Points, name_of, symbol_of
from labile.plots.palette import STATE_COLOURS

MOST_COLUMNS = 500
"""Points of an axis that a map is drawn with; finer ones are averaged."""


def spectra_figures(measurement: Measurement, found: Explained, key: str) -> tuple[Figure, ...]:
    """The map with its residuals, the pure spectra, and the amounts.

    Parameters
    ----------
    measurement : Measurement
        Spectra along an axis, at temperatures.
    found : Explained
        What the joint fit makes of them.
    key : str
        Start of the file names.

    Returns
    -------
    tuple of Figure
    """
    assert measurement.axis is not None
    axis, unit = measurement.axis.quantity, field_unit(measurement.axis.quantity) or "1"
    position = np.asarray(from_si(measurement.axis.values, unit, axis))
    scale = scale_to_si(measurement.unit, measurement.quantity)
    order = np.argsort(measurement.temperature, kind="stable")
    kelvin = measurement.temperature[order]
    x, y = Axis.of(axis, unit), Axis("T", "K")
    column, data = _thinned(position, measurement.values[order] / scale)
    _, left = _thinned(position, found.residuals[order])
    symbol = symbol_of(measurement.quantity)
    title = f"{measurement.label}: {name_of(measurement.quantity)}"
    maps = (
        Chart(title, x, y, (Map(column, kelvin, data, symbol, measurement.unit, _ends(data)),), height=0.8),
        Chart("left over by the model", x, y, (Map(column, kelvin, left, "residual/σ"),),
              height=0.8),
    )  # fmt: skip
    said = f"Above: {len(kelvin)} spectra of {measurement.label}; below: what the model leaves, in units of σ."
    if column.size < position.size:
        said += f" Drawn as means of {position.size // column.size} points."
    lines = tuple(
        Line(name, position, spectrum / scale, sigma / scale, colour)
        for name, spectrum, sigma, colour in zip(
            found.names, found.spectra, found.sigma_spectra, STATE_COLOURS, strict=False
        )
    )
    pure = Chart(f"{measurement.label}: pure spectra", x, Axis.of(measurement.quantity, measurement.unit), lines)
    amounts: list[Points | Line] = []
    for k, (name, colour) in enumerate(zip(found.names, STATE_COLOURS, strict=False)):
        amounts += [
            Points(f"{name}, each spectrum by itself", measurement.temperature, found.seen[:, k], None,
                   found.sigma_seen[:, k], colour=colour),
            Line(f"{name}, model", kelvin, found.amounts[order, k], colour=colour),
        ]  # fmt: skip
    shares = Chart(f"{measurement.label}: amounts", y, Axis("amount"), tuple(amounts))
    names = ", ".join(found.names)
    bands = "Their 1σ bands hold the uncertainty of the parameters."
    return (
        Figure(f"{key}_map", said, maps, said),
        Figure(f"{key}_pure_spectra", f"Pure spectra of {names} that the model asks for. {bands}", (pure,)),
        Figure(
            f"{key}_amounts", f"Amounts of {names}: lines are the model, points each spectrum by itself.", (shares,)
        ),
    )


def plain_spectra_figure(measurement: Measurement, key: str) -> Figure:
    """Spectra of a measurement that nothing was fitted to: lines, or a map where there are many.

    Parameters
    ----------
    measurement : Measurement
        With an axis.
    key : str
        File name.
    """
    assert measurement.axis is not None
    axis, unit = measurement.axis.quantity, field_unit(measurement.axis.quantity) or "1"
    position = np.asarray(from_si(measurement.axis.values, unit, axis))
    values = measurement.in_unit()
    title = f"{measurement.label}: {name_of(measurement.quantity)}"
    said = f"{len(measurement)} spectra of {measurement.label}." if len(measurement) > 1 else f"{measurement.label}."
    if len(measurement) <= len(STATE_COLOURS):
        sigma = measurement.sigma_in_unit()
        lines = tuple(
            Line(f"{t:g} K", position, row, None if sigma is None else sigma[i], colour)
            for i, (t, row, colour) in enumerate(zip(measurement.temperature, values, STATE_COLOURS, strict=False))
        )
        chart = Chart(title, Axis.of(axis, unit), Axis.of(measurement.quantity, measurement.unit), lines)
    else:
        order = np.argsort(measurement.temperature, kind="stable")
        column, data = _thinned(position, values[order])
        drawn = Map(column, measurement.temperature[order], data, symbol_of(measurement.quantity), measurement.unit,
                    _ends(data))  # fmt: skip
        chart = Chart(title, Axis.of(axis, unit), Axis("T", "K"), (drawn,))
    return Figure(key, said, (chart,), said)


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Ends of a colour scale of one hue."""
    low, high = float(np.min(values)), float(np.max(values))
    return (low, high) if high > low else (low, low + 1.0)


def _thinned(position: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rising axis and values, neighbours averaged so that at most `MOST_COLUMNS` are left."""
    order = np.argsort(position, kind="stable")
    position, values = position[order], values[:, order]
    step = -(-position.size // MOST_COLUMNS)
    kept = position.size // step * step
    column = position[:kept].reshape(-1, step).mean(axis=1)
    return column, values[:, :kept].reshape(len(values), -1, step).mean(axis=2)
