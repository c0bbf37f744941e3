"""Several spectra as one measurement against temperature or pressure, on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labile.core.conditions import Conditions, as_floats
from labile.core.joining import joined
from labile.core.measurement import Measurement, MeasurementError, Provenance
from labile.formats.registry import FormatError
from labile.formats.spectral_axes import on_grid


def join_spectra(
    measurements: Sequence[Measurement],
    *,
    temperatures: Sequence[float] | None = None,
    pressures: Sequence[float] | None = None,
    regrid: bool = False,
    branch: str | None = None,
    label: str = "",
) -> Measurement:
    """Join spectra that were read from single files into one measurement with N conditions.

    Parameters
    ----------
    measurements : sequence of Measurement
        Each along the same kind of axis, of the same quantity; each may hold several spectra.
    temperatures : sequence of float, optional
        K, one for each spectrum in order; by default those the measurements have. Temperatures that the readers only
        assumed are refused where others differ from them.
    pressures : sequence of float, optional
        Pa, one for each spectrum.
    regrid : bool
        Interpolate spectra on another grid linearly on the grid of the first one, and record it; else they are refused.
    branch : {"equilibrium", "heating", "cooling", "isothermal"}, optional
        By default that of the measurements.
    label : str

    Returns
    -------
    Measurement
        Values (N, M). Provenance: the file names, a digest of theirs, and the steps of all, each after its file's name.
        Attributes: those all measurements share.

    Raises
    ------
    FormatError
        If quantities, axes, samples or grids differ, the number of temperatures is not that of the spectra, or
        temperatures were assumed.

    Examples
    --------
    >>> from labile.core.measurement import Axis
    >>> axis = Axis("wavenumber", [1000e2, 1001e2, 1002e2])
    >>> cold = Measurement("absorbance", [[0.1, 0.2, 0.1]], Conditions(80.0), axis=axis)
    >>> warm = Measurement("absorbance", [[0.1, 0.4, 0.1]], Conditions(295.0), axis=axis)
    >>> join_spectra([cold, warm], temperatures=[80.0, 300.0]).values.shape
    (2, 3)
    """
    if not measurements:
        raise FormatError("join_spectra: there are no spectra")
    first = measurements[0]
    parts = [_regridded(first, one, regrid) for one in measurements]
    if temperatures is None:
        _known_temperatures(measurements)
    count = sum(len(one) for one in measurements)
    conditions = Conditions(
        _each("temperatures", temperatures, [one.conditions.temperature for one in measurements], count),
        _each("pressures", pressures, [one.conditions.pressure for one in measurements], count),
    )
    try:
        found = joined(parts, label or f"{first.label} and {len(measurements) - 1} more")
    except MeasurementError as error:
        raise FormatError(f"join_spectra: {error}") from None
    source = "given" if temperatures is not None else "file"
    steps = [step for step in found.provenance.steps if temperatures is None or "K assumed" not in step]
    return replace(
        found,
        conditions=conditions,
        branch=branch or found.branch,
        attributes={**found.attributes, "temperature_source": source},
        provenance=_origin(measurements).then(f"{len(measurements)} measurements joined", *steps),
    )


def _regridded(first: Measurement, one: Measurement, regrid: bool) -> Measurement:
    """A measurement on the grid of the first; its sigma is dropped where it was interpolated."""
    if one.axis is None or first.axis is None:
        raise FormatError(f"join_spectra: {one.label!r} has no axis; only spectra are joined")
    if one.axis.quantity != first.axis.quantity:
        return one
    where = f"join_spectra: {one.label!r}"
    found = [on_grid(first.axis.values, one.axis.values, row, where, regrid) for row in one.values]
    step = found[0][1]
    if not step:
        return one
    values = np.array([row for row, _ in found])
    return replace(one, values=values, sigma=None, axis=first.axis, provenance=one.provenance.then(step))


def _known_temperatures(measurements: Sequence[Measurement]) -> None:
    assumed = [one.label for one in measurements if one.attributes.get("temperature_source") == "assumed"]
    if assumed and len(measurements) > 1:
        raise FormatError(
            f"join_spectra: no file states the temperature of {assumed[0]!r}"
            f"{f' and {len(assumed) - 1} more' if len(assumed) > 1 else ''}; give temperatures= in K"
        )


def _each(name: str, given: Sequence[float] | None, own: list[np.ndarray], count: int) -> np.ndarray:
    if given is None:
        return np.concatenate([np.atleast_1d(one) for one in own])
    values = as_floats(given, f"join_spectra: {name}")
    if values.shape != (count,):
        raise FormatError(f"join_spectra: {values.size} {name} for {count} spectra")
    return values


def _origin(measurements: Sequence[Measurement]) -> Provenance:
    import hashlib

    digests = [one.provenance.sha256 for one in measurements]
    digest = hashlib.sha256("".join(digests).encode()).hexdigest() if all(digests) else ""
    return Provenance(", ".join(one.provenance.source or one.label for one in measurements), digest, "join_spectra")
