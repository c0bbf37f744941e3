"""Numbers an instrument or a paper gives, with uncertainties, conditions and origin."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.core.uncertain import format_uncertain
from labile.core.units import field_unit, from_si, pretty_unit, scale_to_si, si_unit, to_si

BRANCHES = ("equilibrium", "heating", "cooling", "isothermal")


class MeasurementError(ValueError):
    """Data that cannot be a measurement: wrong shapes, missing sigma, impossible values."""


@dataclass(frozen=True)
class Provenance:
    """Where numbers come from.

    Attributes
    ----------
    source : str
        File name (no folder), DOI or other citation.
    sha256 : str
        Of the file's bytes; empty for inline values.
    reader : str
        Name of the format that read it, or the reduction that made it.
    options : mapping of str to str
        Reader or reduction options, as text.
    steps : tuple of str
        What was done and repaired since, in order, one sentence each.
    """

    source: str = ""
    sha256: str = ""
    reader: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "steps", tuple(self.steps))

    @classmethod
    def of_file(cls, path: FilePath | str, reader: str, options: Mapping[str, str] | None = None) -> Provenance:
        """Provenance of a file: its name, sha256 and how it was read."""
        path = FilePath(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path.name, digest, reader, options or {})

    def then(self, *steps: str) -> Provenance:
        """Return this provenance with further steps."""
        return replace(self, steps=self.steps + steps)


@dataclass(frozen=True)
class CorrelatedTerm:
    """One cause that moves all points together, e.g. the sample mass or the electrode area.

    Attributes
    ----------
    name : str
        ``"mass"``, ``"area"``, ``"offset"``.
    effect : ndarray (N,)
        Shift of each value for +1 standard deviation of the cause, SI of the measurement.
    """

    name: str
    effect: np.ndarray


@dataclass(frozen=True)
class Axis:
    """The spectral axis of a measurement that has one (energy, wavenumber, velocity, channel, two_theta).

    Attributes
    ----------
    quantity : str
    values : ndarray (M,)
        SI.
    """

    quantity: str
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Measurement:
    """One quantity at N conditions, optionally along a spectral axis of M points.

    Attributes
    ----------
    quantity : str
        Key of `core.units.QUANTITIES`: ``"chi_t"``, ``"moment"``, ``"current"``, ``"pyroelectric_coefficient"``.
    values : ndarray (N,) or (N, M)
        SI.
    conditions : Conditions
        N points.
    sigma : ndarray like values, or None
        Independent standard uncertainty of each value, SI; None when nothing is known about it.
    unit : str
        Unit it was given in and is shown in.
    correlated : tuple of CorrelatedTerm
        Systematic causes.
    limits : ndarray (N,) of int or None
        -1 where the value is an upper limit ("<0.3"), +1 a lower limit, 0 a value.
    axis : Axis or None
    branch : {"equilibrium", "heating", "cooling", "isothermal"}
    sweep_rate : float or None
        |dT/dt|, K/s.
    sample : str
        Prefix of sample parameters such as ``<sample>.residual_fraction``.
    label : str
        Name of this measurement in figures, tables and errors.
    attributes : mapping
        What the file's header says, SI: ``sample_mass`` (kg), ``molar_mass`` (kg/mol), ``electrode_area`` (m2), ...
        Numbers or text; nothing in here was invented by a reader.
    provenance : Provenance

    Raises
    ------
    MeasurementError

    Examples
    --------
    >>> m = Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]), sigma=[0.02, 0.03])
    >>> m.describe_point(1)
    '3.00(3) cm³ K mol⁻¹ at 120 K'
    """

    quantity: str
    values: np.ndarray
    conditions: Conditions
    sigma: np.ndarray | None = None
    unit: str = ""
    correlated: tuple[CorrelatedTerm, ...] = ()
    limits: np.ndarray | None = None
    axis: Axis | None = None
    branch: str = "equilibrium"
    sweep_rate: float | None = None
    sample: str = "sample"
    label: str = ""
    attributes: Mapping[str, float | str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        values = np.atleast_1d(np.array(self.values, dtype=float))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "label", self.label or self.quantity)
        object.__setattr__(self, "unit", self.unit or field_unit(self.quantity) or "1")
        object.__setattr__(self, "correlated", tuple(self.correlated))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        where = f"measurement {self.label!r}"
        points = len(self.conditions)
        if points == 0:
            raise MeasurementError(f"{where}: it has no points")
        expected = (points,) if self.axis is None else (points, self.axis.values.size)
        if values.shape != expected:
            raise MeasurementError(f"{where}: values have shape {values.shape}, the conditions ask for {expected}")
        if not np.all(np.isfinite(values)):
            bad = int(np.argwhere(~np.isfinite(values))[0][0])
            raise MeasurementError(
                f"{where}: value {bad + 1} of {points} is not finite; drop the point or give a number"
            )
        if self.sigma is not None:
            sigma = np.array(np.broadcast_to(np.asarray(self.sigma, dtype=float), values.shape))
            if not np.all(sigma > 0) or not np.all(np.isfinite(sigma)):
                bad = int(np.argwhere(~((sigma > 0) & np.isfinite(sigma)))[0][0])
                wrong = float(sigma.reshape(points, -1)[bad, 0])
                raise MeasurementError(f"{where}: sigma of point {bad + 1} is {wrong!r}; it must be finite and > 0")
            object.__setattr__(self, "sigma", sigma)
            sigma.flags.writeable = False
        if self.limits is not None:
            limits = np.asarray(self.limits, dtype=int)
            if limits.shape != (points,) or not np.all(np.isin(limits, (-1, 0, 1))):
                raise MeasurementError(f"{where}: limits must be {points} entries of -1 (<), 0 or +1 (>)")
            object.__setattr__(self, "limits", limits)
        for term in self.correlated:
            if np.shape(term.effect) != (points,):
                raise MeasurementError(
                    f"{where}: correlated term {term.name!r} has shape {np.shape(term.effect)}, expected ({points},)"
                )
        if self.branch not in BRANCHES:
            raise MeasurementError(f"{where}: branch {self.branch!r} is unknown; use one of {', '.join(BRANCHES)}")
        if self.sweep_rate is not None and not (self.sweep_rate > 0 and math.isfinite(self.sweep_rate)):
            raise MeasurementError(f"{where}: sweep_rate must be > 0 K/s, found {self.sweep_rate!r}")
        scale_to_si(self.unit, self.quantity)
        values.flags.writeable = False

    @classmethod
    def from_field(
        cls, quantity: str, values: Any, unit: str, conditions: Conditions, *, sigma: Any = None, **others: Any
    ) -> Measurement:
        """Build from values in a unit of the field; `others` are attributes of `Measurement`.

        Parameters
        ----------
        quantity : str
        values : array_like
            In `unit`.
        unit : str
        conditions : Conditions
        sigma : array_like, optional
            In `unit` too.
        """
        si_sigma = None if sigma is None else np.asarray(sigma, dtype=float) * scale_to_si(unit, quantity)
        return cls(quantity, to_si(np.atleast_1d(values), unit, quantity), conditions, si_sigma, unit, **others)

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, index: Any) -> Measurement:
        """Select points by slice, mask or index array."""
        return replace(
            self,
            values=self.values[index],
            conditions=self.conditions[index],
            sigma=None if self.sigma is None else self.sigma[index],
            limits=None if self.limits is None else self.limits[index],
            correlated=tuple(CorrelatedTerm(t.name, np.asarray(t.effect)[index]) for t in self.correlated),
        )

    @property
    def temperature(self) -> np.ndarray:
        """K, shape (N,)."""
        return np.asarray(self.conditions.temperature)

    def in_unit(self, unit: str = "") -> np.ndarray:
        """Values in `unit` (default: the unit it is shown in)."""
        return np.asarray(from_si(self.values, unit or self.unit, self.quantity))

    def sigma_in_unit(self, unit: str = "") -> np.ndarray | None:
        """Sigma in `unit`, None when unknown."""
        if self.sigma is None:
            return None
        return np.asarray(self.sigma / scale_to_si(unit or self.unit, self.quantity))

    @property
    def total_sigma(self) -> np.ndarray | None:
        """Independent and correlated uncertainty added in quadrature, SI; None when nothing is known."""
        if self.sigma is None and not self.correlated:
            return None
        variance = np.zeros_like(self.values) if self.sigma is None else self.sigma**2
        for term in self.correlated:
            effect = np.asarray(term.effect) ** 2
            variance = variance + (effect if self.axis is None else effect[:, None])
        return np.asarray(np.sqrt(variance))

    def describe_point(self, index: int) -> str:
        """One point as a sentence fragment: value, unit and temperature."""
        sigma = self.sigma_in_unit()
        limit = 0 if self.limits is None else int(self.limits[index])
        text = format_uncertain(float(self.in_unit()[index]), None if sigma is None or limit else float(sigma[index]))
        sign = {-1: "<", 0: "", 1: ">"}[limit]
        unit = pretty_unit(self.unit)
        return f"{sign}{text}{' ' + unit if unit else ''} at {self.temperature[index]:g} K"

    def __repr__(self) -> str:
        low, high = float(self.temperature.min()), float(self.temperature.max())
        span = f"{low:g} K" if low == high else f"{low:g}-{high:g} K"
        axis = "" if self.axis is None else f" x {self.axis.values.size} {self.axis.quantity}"
        what = f"{self.quantity} [{self.unit}], {len(self)} points{axis}"
        return f"<Measurement {self.label!r}: {what}, {span}, {self.branch}>"

    def _repr_html_(self) -> str:
        import html

        rows = [
            ("quantity", f"{self.quantity} ({pretty_unit(self.unit) or 'no unit'})"),
            ("points", repr(self).partition(": ")[2].rstrip(">").partition("], ")[2]),
            ("sample", self.sample),
            ("source", self.provenance.source or "inline"),
            ("reader", self.provenance.reader or "-"),
        ]
        body = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in rows)
        return f"<table><caption>{html.escape(self.label)}</caption>{body}</table>"

    def to_dataframe(self) -> Any:
        """As a pandas DataFrame in the shown unit; see `core.exchange`."""
        from labile.core.exchange import to_dataframe

        return to_dataframe(self)

    def to_xarray(self) -> Any:
        """As an xarray Dataset in SI; see `core.exchange`."""
        from labile.core.exchange import to_xarray

        return to_xarray(self)


def same_si_unit(first: str, second: str) -> bool:
    """Whether two quantities share their SI unit."""
    return si_unit(first) == si_unit(second) != ""
