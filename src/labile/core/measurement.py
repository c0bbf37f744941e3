"""Numbers an instrument or a paper gives, with uncertainties, conditions and origin."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, as_floats
from labile.core.uncertain import format_uncertain
from labile.core.units import UnitError, field_unit, from_si, pretty_unit, scale_to_si, shown_unit, si_unit, to_si

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
        object.__setattr__(self, "steps", (self.steps,) if isinstance(self.steps, str) else tuple(self.steps))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.sha256, self.reader, dict(self.options), self.steps)

    @classmethod
    def of_file(cls, path: FilePath | str, reader: str, options: Mapping[str, str] | None = None) -> Provenance:
        """Provenance of a file: its name, sha256 and how it was read."""
        path = FilePath(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path.name, digest, reader, options or {})

    def then(self, *steps: str) -> Provenance:
        """Return this provenance with further steps."""
        return replace(self, steps=self.steps + steps)


def _locked(value: Any, what: str) -> np.ndarray:
    array = as_floats(value, what)
    if not np.all(np.isfinite(array)):
        raise MeasurementError(f"{what}: not every number is finite")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "effect", _locked(self.effect, f"correlated term {self.name!r}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.effect)


@dataclass(frozen=True, eq=False)
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

    def __post_init__(self) -> None:
        values = _locked(self.values, f"axis {self.quantity!r}")
        if values.ndim != 1 or values.size == 0:
            raise MeasurementError(
                f"axis {self.quantity!r}: one row of numbers is expected, found shape {values.shape}"
            )
        object.__setattr__(self, "values", values)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.quantity, self.values)


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
        object.__setattr__(self, "label", self.label or self.quantity)
        where = f"measurement {self.label!r}"
        if not self.quantity:
            raise MeasurementError(f"{where}: the quantity is missing")
        object.__setattr__(self, "unit", self.unit or field_unit(self.quantity) or "1")
        object.__setattr__(self, "correlated", tuple(self.correlated))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        points = len(self.conditions)
        if points == 0:
            raise MeasurementError(f"{where}: it has no points")
        try:
            scale_to_si(self.unit, self.quantity)
        except UnitError as error:
            raise UnitError(f"{where}: {error}") from None
        values = np.atleast_1d(self._numbers(self.values, "values"))
        expected = (points,) if self.axis is None else (points, self.axis.values.size)
        if values.shape != expected:
            raise MeasurementError(f"{where}: values have shape {values.shape}, the conditions ask for {expected}")
        if not np.all(np.isfinite(values)):
            bad = int(np.argwhere(~np.isfinite(values))[0][0])
            raise MeasurementError(
                f"{where}: value {bad + 1} of {points} is not finite; drop the point or give a number"
            )
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        if self.sigma is not None:
            object.__setattr__(self, "sigma", self._checked_sigma(expected))
        if self.limits is not None:
            limits = self._numbers(self.limits, "limits")
            if limits.shape != (points,) or not np.all(np.isin(limits, (-1, 0, 1))):
                raise MeasurementError(f"{where}: limits must be {points} entries of -1 (<), 0 or +1 (>)")
            limits = limits.astype(int)
            limits.flags.writeable = False
            object.__setattr__(self, "limits", limits)
        for term in self.correlated:
            if term.effect.shape != (points,):
                raise MeasurementError(
                    f"{where}: correlated term {term.name!r} has shape {term.effect.shape}, expected ({points},)"
                )
        if self.branch not in BRANCHES:
            raise MeasurementError(f"{where}: branch {self.branch!r} is unknown; use one of {', '.join(BRANCHES)}")
        if self.sweep_rate is not None and not (self.sweep_rate > 0 and math.isfinite(self.sweep_rate)):
            raise MeasurementError(f"{where}: sweep_rate must be > 0 K/s, found {self.sweep_rate!r}")

    def _numbers(self, value: Any, what: str) -> np.ndarray:
        try:
            return as_floats(value, f"measurement {self.label!r}: {what}")
        except ValueError as error:
            raise MeasurementError(str(error)) from None

    def _checked_sigma(self, shape: tuple[int, ...]) -> np.ndarray:
        where = f"measurement {self.label!r}"
        given = self._numbers(self.sigma, "sigma")
        # one row beside spectra could mean one per spectrum or one per channel, so it is not guessed
        fits = given.ndim in (0, len(shape)) and all(
            n in (1, m) for n, m in zip(given.shape, shape[: given.ndim], strict=True)
        )
        if not fits:
            raise MeasurementError(f"{where}: sigma has shape {given.shape}, expected {shape} or one number")
        sigma = np.array(np.broadcast_to(given, shape))
        wrong = ~((sigma > 0) & np.isfinite(sigma))
        if np.any(wrong):
            at = tuple(np.argwhere(wrong)[0])
            raise MeasurementError(
                f"{where}: sigma of point {at[0] + 1} is {sigma[at]:g}; it must be finite and > 0"
                " (leave sigma out when nothing is known)"
            )
        sigma.flags.writeable = False
        return sigma

    def __reduce__(self) -> tuple[Any, ...]:
        # a mapping proxy cannot be pickled or deep-copied, and arrays lose their lock on the way
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"attributes": dict(self.attributes)}
        return type(self), tuple(values.values())

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
        where = f"measurement {others.get('label') or quantity!r}"
        try:
            numbers = np.atleast_1d(as_floats(values, f"{where}: values"))
            si_sigma = None if sigma is None else as_floats(sigma, f"{where}: sigma") * scale_to_si(unit, quantity)
            si_values = to_si(numbers, unit, quantity)
        except UnitError as error:
            raise UnitError(f"{where}: {error}") from None
        except ValueError as error:
            raise MeasurementError(str(error)) from None
        return cls(quantity, si_values, conditions, si_sigma, unit, **others)

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, index: Any) -> Measurement:
        """Select points by number, slice, mask or index array."""
        chosen = np.atleast_1d(np.arange(len(self))[index])
        if chosen.size == 0:
            raise MeasurementError(f"measurement {self.label!r}: the selection holds no points")
        return replace(
            self,
            values=self.values[chosen],
            conditions=self.conditions[chosen],
            sigma=None if self.sigma is None else self.sigma[chosen],
            limits=None if self.limits is None else self.limits[chosen],
            correlated=tuple(CorrelatedTerm(term.name, term.effect[chosen]) for term in self.correlated),
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
            effect = term.effect**2
            variance = variance + (effect if self.axis is None else effect[:, None])
        return np.asarray(np.sqrt(variance))

    def describe_point(self, index: int) -> str:
        """One point as a sentence fragment: value (or number of channels), unit and temperature."""
        place = f"at {self.temperature[index]:g} K"
        if self.axis is not None:
            return f"{self.axis.values.size} points along {self.axis.quantity} {place}"
        sigma = self.sigma_in_unit()
        limit = 0 if self.limits is None else int(self.limits[index])
        text = format_uncertain(float(self.in_unit()[index]), None if sigma is None or limit else float(sigma[index]))
        sign = {-1: "<", 0: "", 1: ">"}[limit]
        unit = shown_unit(self.unit, self.quantity)
        return f"{sign}{text}{' ' + unit if unit else ''} {place}"

    def _extent(self) -> str:
        low, high = float(self.temperature.min()), float(self.temperature.max())
        span = f"{low:g} K" if low == high else f"{low:g}-{high:g} K"
        axis = "" if self.axis is None else f" x {self.axis.values.size} {self.axis.quantity}"
        return f"{len(self)} point{'' if len(self) == 1 else 's'}{axis}, {span}, {self.branch}"

    def __repr__(self) -> str:
        return f"<Measurement {self.label!r}: {self.quantity} [{self.unit}], {self._extent()}>"

    def _repr_html_(self) -> str:
        import html

        rows = [
            ("quantity", f"{self.quantity} ({pretty_unit(self.unit) or 'no unit'})"),
            ("points", self._extent()),
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
