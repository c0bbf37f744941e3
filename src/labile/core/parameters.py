"""Named numbers of a model, and the flat vector an optimiser sees.

Grammar of names: ``<state>.<quantity>`` (``HS.enthalpy``), ``<a>-<b>.<quantity>`` with states in declared order
(``LS-HS.interaction``), ``<sample or measurement>.<quantity>`` (``powder.residual_fraction``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labile.core.units import field_unit


class ParameterError(ValueError):
    """A parameter is missing, malformed, out of bounds or wrongly tied."""


@dataclass(frozen=True)
class Prior:
    """Gaussian knowledge about a parameter, SI.

    Attributes
    ----------
    mean, sigma : float
        Of the normal distribution; it enters chi2 as ((value - mean)/sigma)^2.
    """

    mean: float
    sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and self.sigma > 0 and math.isfinite(self.sigma)):
            raise ParameterError(f"prior: needs a finite mean and sigma > 0, found {self.mean!r}, {self.sigma!r}")


@dataclass(frozen=True)
class Tie:
    """value = factor * (value of parameter `to`) + offset, all SI."""

    to: str
    factor: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and math.isfinite(self.offset)):
            raise ParameterError(
                f"tie to {self.to}: needs a finite factor and offset, found {self.factor}, {self.offset}"
            )


@dataclass(frozen=True)
class Parameter:
    """One named number.

    Attributes
    ----------
    name : str
        See the module's grammar; the part after the last dot is its quantity.
    value : float
        SI; NaN means "must be given".
    unit : str
        Unit it is shown in; the field's unit of its quantity when empty.
    lower, upper : float
        Bounds, SI.
    prior : Prior or None
    fixed : bool
        Held at `value`.
    tie : Tie or None
        Follows another parameter.
    source : str
        Where the value comes from: a DOI, a measurement, an assumption.

    Examples
    --------
    >>> Parameter("HS.enthalpy", 15e3, lower=0.0).quantity
    'enthalpy'
    """

    name: str
    value: float = math.nan
    unit: str = ""
    lower: float = -math.inf
    upper: float = math.inf
    prior: Prior | None = None
    fixed: bool = False
    tie: Tie | None = None
    source: str = ""

    def __post_init__(self) -> None:
        prefix, _, quantity = self.name.rpartition(".")
        if not prefix.strip() or not quantity or self.name != self.name.strip() or not self.name.isprintable():
            raise ParameterError(f"parameter {self.name!r}: the name must be <state or sample>.<quantity>")
        if not self.unit:
            object.__setattr__(self, "unit", field_unit(quantity))
        if math.isinf(self.value):
            raise ParameterError(f"parameter {self.name}: the value must be finite, found {self.value}")
        if not self.lower < self.upper:
            raise ParameterError(f"parameter {self.name}: lower bound {self.lower:g} is not below upper {self.upper:g}")
        if not self.fixed and self.tie is None and not math.isnan(self.value):
            if not self.lower <= self.value <= self.upper:
                raise ParameterError(
                    f"parameter {self.name}: value {self.value:g} lies outside its bounds"
                    f" [{self.lower:g}, {self.upper:g}] (SI)"
                )
        if self.fixed and self.tie is not None:
            raise ParameterError(f"parameter {self.name}: both fixed and tied; choose one")

    @property
    def quantity(self) -> str:
        """The part of the name after the last dot, a key of `core.units.QUANTITIES` where known."""
        return self.name.rpartition(".")[2]

    @property
    def free(self) -> bool:
        """Whether an optimiser may move it."""
        return not self.fixed and self.tie is None


@dataclass(frozen=True)
class Parameters:
    """An ordered set of parameters and the map between them and a flat free vector.

    Every value is base + matrix @ free vector: fixed ones sit in the base, ties are rows of the matrix.

    Raises
    ------
    ParameterError
        For repeated names, ties to unknown parameters or in a circle.

    Examples
    --------
    >>> ps = Parameters((Parameter("HS.enthalpy", 15e3), Parameter("HS.entropy", 60.0, fixed=True)))
    >>> ps.free_names
    ('HS.enthalpy',)
    >>> ps.expand([16e3]).tolist()
    [16000.0, 60.0]
    """

    items: tuple[Parameter, ...] = ()
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _matrix: np.ndarray = field(init=False, repr=False, compare=False)
    _base: np.ndarray = field(init=False, repr=False, compare=False)
    _free: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        names = [p.name for p in self.items]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ParameterError(f"parameters named twice: {', '.join(repeated)}")
        index = {name: i for i, name in enumerate(names)}
        object.__setattr__(self, "_index", index)
        free = [i for i, p in enumerate(self.items) if p.free]
        matrix = np.zeros((len(names), len(free)))
        base = np.array([0.0 if p.free or p.tie else p.value for p in self.items])
        for column, row in enumerate(free):
            matrix[row, column] = 1.0
        for row, parameter in enumerate(self.items):
            factor, offset, current, seen = 1.0, 0.0, parameter, {parameter.name}
            while current.tie is not None:
                target = current.tie.to
                if target not in index:
                    raise ParameterError(f"parameter {parameter.name}: tied to {target!r}, which does not exist")
                if target in seen:
                    raise ParameterError(f"parameter {parameter.name}: its ties form a circle over {target}")
                seen.add(target)
                offset += factor * current.tie.offset
                factor *= current.tie.factor
                current = self.items[index[target]]
            if parameter.tie is not None:
                matrix[row] = factor * matrix[index[current.name]]
                base[row] = offset + (factor * current.value if current.fixed else 0.0)
        # shared with every caller of `matrix`
        matrix.flags.writeable = base.flags.writeable = False
        object.__setattr__(self, "_matrix", matrix)
        object.__setattr__(self, "_base", base)
        object.__setattr__(self, "_free", tuple(free))

    def __reduce__(self) -> tuple[Any, ...]:
        # the matrix is worked out again, because arrays lose their lock when they are pickled or copied
        return type(self), (self.items,)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self.items[self._index[name]]
        except KeyError:
            raise ParameterError(f"parameter {name!r} does not exist; there are: {', '.join(self.names)}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """All names in order."""
        return tuple(p.name for p in self.items)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in the order of the flat vector."""
        return tuple(self.items[i].name for i in self._free)

    @property
    def free(self) -> tuple[Parameter, ...]:
        """The free parameters, in the order of the flat vector."""
        return tuple(self.items[i] for i in self._free)

    @property
    def vector(self) -> np.ndarray:
        """Present values of the free parameters, SI."""
        return np.array([self.items[i].value for i in self._free])

    @property
    def lower(self) -> np.ndarray:
        """Lower bounds of the free parameters, SI."""
        return np.array([self.items[i].lower for i in self._free])

    @property
    def upper(self) -> np.ndarray:
        """Upper bounds of the free parameters, SI."""
        return np.array([self.items[i].upper for i in self._free])

    @property
    def matrix(self) -> np.ndarray:
        """d(all values)/d(free vector), shape (all, free); ties and fixed values included."""
        return self._matrix

    def index(self, name: str) -> int:
        """Position of a parameter among all of them."""
        self[name]
        return self._index[name]

    def expand(self, vector: Any) -> np.ndarray:
        """Values of all parameters (SI) for a free vector.

        Raises
        ------
        ParameterError
            If the vector has another length than there are free parameters.
        """
        free = np.asarray(vector, dtype=float)
        if free.shape != (len(self._free),):
            raise ParameterError(f"the free vector has shape {free.shape}, expected ({len(self._free)},)")
        return self._base + self._matrix @ free

    @property
    def values(self) -> np.ndarray:
        """Present values of all parameters, ties resolved, SI."""
        return self.expand(self.vector)

    def as_dict(self, vector: Any = None) -> dict[str, float]:
        """Name to value (SI), at a free vector or at the present values."""
        values = self.values if vector is None else self.expand(vector)
        return dict(zip(self.names, values.tolist(), strict=True))

    def with_vector(self, vector: Any) -> Parameters:
        """Return the same parameters with other free values; tied and fixed ones follow."""
        values = self.expand(vector)
        return Parameters(
            tuple(p if p.fixed else replace(p, value=float(v)) for p, v in zip(self.items, values, strict=True))
        )

    def updated(self, changes: Iterable[Parameter]) -> Parameters:
        """Return these parameters with some replaced by name.

        Raises
        ------
        ParameterError
            If a name does not exist here; the message names the closest one.
        """
        import difflib

        items = list(self.items)
        for change in changes:
            if change.name not in self._index:
                close = difflib.get_close_matches(change.name, self.names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(self.names)}"
                raise ParameterError(f"parameter {change.name!r} does not exist in this model{hint}")
            items[self._index[change.name]] = change
        return Parameters(tuple(items))

    def require_values(self) -> None:
        """Refuse to compute with what is not there yet.

        Raises
        ------
        ParameterError
            When values are missing; the message lists them with the unit people give them in.
        """
        missing = [p.name for p in self.items if math.isnan(p.value) and p.tie is None]
        if missing:
            hints = (
                f"{n} ({unit})" if (unit := field_unit(n.rpartition(".")[2])) not in ("", "1") else n for n in missing
            )
            raise ParameterError(f"no value given for: {', '.join(hints)}")
