"""Several measurements of one quantity as one: a series from files that hold one condition each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labile.core.conditions import concatenate
from labile.core.measurement import Measurement, MeasurementError, Provenance

SAME_GRID = 1e-6
"""Difference of two axes, relative to their closest points, that counts as none."""


def joined(parts: Sequence[Measurement], label: str = "") -> Measurement:
    """One measurement with the conditions of all parts, in their order.

    Parameters
    ----------
    parts : sequence of Measurement
        Of one quantity and sample, on one axis if they have one, without correlated uncertainties.
    label : str
        That of the first part when empty.

    Returns
    -------
    Measurement
        Sigma is kept where every part has it. Attributes that all parts share are kept.

    Raises
    ------
    MeasurementError
        For nothing to join, different quantities or branches, different axes (interpolate one before), or correlated
        uncertainties, which belong to the file they come from.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> series = [Measurement("chi_t", [value], Conditions([t])) for t, value in ((5.0, 1e-6), (9.0, 2e-6))]
    >>> len(joined(series)), joined(series).temperature.tolist()
    (2, [5.0, 9.0])
    """
    if not parts:
        raise MeasurementError("there are no measurements to join")
    first = parts[0]
    if len(parts) == 1:
        return replace(first, label=label or first.label)
    for part in parts[1:]:
        where = f"{part.label!r} cannot join {first.label!r}"
        for name in ("quantity", "branch", "sample"):
            if getattr(part, name) != getattr(first, name):
                raise MeasurementError(f"{where}: {name} is {getattr(part, name)!r}, not {getattr(first, name)!r}")
        if (part.axis is None) != (first.axis is None):
            raise MeasurementError(f"{where}: one has an axis and the other has none")
        if first.axis is not None and part.axis is not None:
            _require_grid(where, first.axis.quantity, part.axis.quantity, first.axis.values, part.axis.values)
    if any(part.correlated for part in parts):
        raise MeasurementError(f"{first.label!r}: correlated uncertainties belong to one file; keep the files apart")
    known = all(part.sigma is not None for part in parts)
    limits = None
    if any(part.limits is not None for part in parts):
        limits = np.concatenate([np.zeros(len(p), dtype=int) if p.limits is None else p.limits for p in parts])
    shared = {k: v for k, v in first.attributes.items() if all(p.attributes.get(k) == v for p in parts[1:])}
    sources = ", ".join(dict.fromkeys(part.provenance.source for part in parts))
    steps = [f"{part.label}: {step}" for part in parts for step in part.provenance.steps]
    return replace(
        first,
        values=np.concatenate([part.values for part in parts]),
        conditions=concatenate([part.conditions for part in parts]),
        sigma=np.concatenate([np.asarray(part.sigma) for part in parts]) if known else None,
        limits=limits,
        label=label or first.label,
        attributes=shared,
        provenance=Provenance(sources, "", first.provenance.reader, first.provenance.options, tuple(steps)),
    )


def _require_grid(where: str, first: str, second: str, a: np.ndarray, b: np.ndarray) -> None:
    if first != second:
        raise MeasurementError(f"{where}: their axes are {first} and {second}")
    spacing = float(np.min(np.abs(np.diff(a)))) if a.size > 1 else float(np.abs(a[0]))
    if a.size != b.size or np.max(np.abs(a - b)) > SAME_GRID * spacing:
        raise MeasurementError(
            f"{where}: they are on different grids ({a.size} points from {a[0]:.6g} to {a[-1]:.6g}, {b.size} from"
            f" {b[0]:.6g} to {b[-1]:.6g}, SI); bring the files onto one grid, or give them as measurements of their own"
        )
