"""Axes of diagrams: temperature, pressure, magnetic field, or any parameter of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.conditions import Conditions
from labile.models.equilibrium import domain_factor
from labile.models.free_energy import Coefficients, Model, ModelError, coefficients

CONDITIONS = ("temperature", "pressure", "magnetic_field")
"""Axes that are conditions; every other name is a parameter of the model."""
UNITS = {"temperature": "K", "pressure": "Pa", "magnetic_field": "T"}
"""SI units of the conditions."""
CHUNK = 100_000
"""Points assembled at a time; bounds the memory of a map."""


class DiagramError(ModelError):
    """A diagram that cannot be made as asked."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A model over two axes; what is no axis stays at `others` and at `values`.

    Attributes
    ----------
    model : Model
    values : mapping of str to float
        SI; parameters that are axes may be missing.
    axes : mapping of str to ndarray
        Two names, each a condition or a parameter of the model, with rising grids, SI.
    others : Conditions
        One point; gives the conditions that are no axis.

    Raises
    ------
    DiagramError
        For anything but two axes, a grid that does not rise, an axis that is neither a condition nor a parameter, or
        one the model does not depend on.
    """

    model: Model
    values: Mapping[str, float]
    axes: Mapping[str, np.ndarray]
    others: Conditions

    def __post_init__(self) -> None:
        if len(self.axes) != 2:
            raise DiagramError(f"diagram: needs two different axes, found {', '.join(self.axes) or 'none'}")
        parameters = self.model.parameters.names
        for name in self.axes:
            if name not in CONDITIONS and name not in parameters:
                raise DiagramError(
                    f"diagram: axis {name!r} is neither a condition ({', '.join(CONDITIONS)}) nor a parameter of"
                    f" {self.model.name}: {', '.join(parameters)}"
                )
        object.__setattr__(self, "axes", {name: _grid(name, grid) for name, grid in self.axes.items()})
        for name in self.axes:
            # RT is in every free energy
            if name != "temperature" and not self._depends_on(name):
                raise DiagramError(
                    f"diagram: model {self.model.name} does not depend on {name} at these parameter values"
                    f"{'; give its states volumes' if name == 'pressure' else ''}; choose another axis"
                )

    @property
    def names(self) -> tuple[str, str]:
        """Names of the axes."""
        first, second = self.axes
        return first, second

    @property
    def grids(self) -> tuple[np.ndarray, np.ndarray]:
        """Grids of the axes, shapes (Nu,) and (Nv,), SI."""
        first, second = self.axes.values()
        return first, second

    def _depends_on(self, name: str) -> bool:
        u, v = (grid[np.unique(np.linspace(0, grid.size - 1, 4).astype(int))] for grid in self.grids)
        across = self.names.index(name)
        c, conditions, sizes = self.coefficients_at(*(a.ravel() for a in np.meshgrid(u, v, indexing="ij")))
        shape = (u.size, v.size)
        rt = conditions.temperature[:, None]
        quantities = [(c.g - c.g[:, :1]) / rt, np.broadcast_to(c.w, (rt.size, *c.w.shape[1:])) / rt[..., None]]
        if self.model.manifolds:
            quantities.append(sizes[:, None])
        return any(bool(np.any(np.abs(np.diff(q.reshape(*shape, -1), axis=across)) > 1e-12)) for q in quantities)

    def conditions(self, u: np.ndarray, v: np.ndarray) -> Conditions:
        """Conditions at N points (SI); axes that are parameters do not enter."""
        columns: dict[str, Any] = {name: getattr(self.others, name)[0] for name in CONDITIONS}
        columns["temperature"] = np.full(len(u), columns["temperature"])
        columns |= {name: at for name, at in zip(self.names, (u, v), strict=True) if name in CONDITIONS}
        return Conditions(**columns, light=self.others.light)

    def values_at(self, u: float, v: float) -> dict[str, float]:
        """Parameter values (SI) at one point."""
        at = zip(self.names, (u, v), strict=True)
        return {**self.values, **{name: float(value) for name, value in at if name not in CONDITIONS}}

    def coefficients_at(self, u: np.ndarray, v: np.ndarray) -> tuple[Coefficients, Conditions, np.ndarray]:
        """Coefficients, conditions and values of 1/m - 1 at N points; a parameter axis costs one assembly a value.

        Parameters
        ----------
        u, v : ndarray (N,)
            Values of the two axes, SI.

        Returns
        -------
        Coefficients
            Without derivatives.
        Conditions
            N points.
        ndarray (N,)
            1/m - 1 of the domain size.
        """
        conditions = self.conditions(u, v)
        moving = [np.asarray(at) for name, at in zip(self.names, (u, v), strict=True) if name not in CONDITIONS]
        if not moving:
            c = coefficients(self.model, conditions, self.values, derivatives=False)
            return c, conditions, np.full(len(u), domain_factor(self.model, self.values)[0])
        n = len(self.model.states)
        result = Coefficients.zeros(len(u), self.model.state_names, ())
        w, domain = np.empty((len(u), n, n)), np.empty(len(u))
        _, inverse = np.unique(np.stack(moving, axis=1), axis=0, return_inverse=True)
        order = np.argsort(np.ravel(inverse), kind="stable")
        for chosen in np.split(order, np.flatnonzero(np.diff(np.ravel(inverse)[order])) + 1):
            values = self.values_at(u[chosen[0]], v[chosen[0]])
            part = coefficients(self.model, conditions[chosen], values, derivatives=False)
            result.g[chosen], w[chosen] = part.g, part.w
            domain[chosen] = domain_factor(self.model, values)[0]
        result.w = w
        return result, conditions, domain


def _grid(name: str, grid: Any) -> np.ndarray:
    array = np.array(grid, dtype=float)
    if array.ndim != 1 or array.size < 2 or not (np.isfinite(array).all() and np.all(np.diff(array) > 0)):
        raise DiagramError(f"axis {name}: needs at least two finite numbers that rise, found shape {array.shape}")
    if name == "temperature" and not array[0] > 0:
        raise DiagramError(f"axis temperature: must begin above 0 K, found {array[0]:g} K")
    if name == "pressure" and array[0] < 0:
        raise DiagramError(f"axis pressure: absolute pressures are not negative, found {array[0]:g} Pa")
    array.flags.writeable = False
    return array


def plane(model: Model, values: Mapping[str, float], axes: Mapping[str, Any], **others: Any) -> Plane:
    """Return the plane of two axes, checked.

    Parameters
    ----------
    model : Model
    values : mapping of str to float
        SI values of the model's parameters.
    axes : mapping of str to array
        Two names with rising grids, SI.
    **others
        Conditions that are no axis, SI: ``temperature`` (needed unless it is an axis), ``pressure`` (ambient unless
        given), ``magnetic_field``.

    Returns
    -------
    Plane

    Raises
    ------
    DiagramError
        For axes or conditions that do not fit the model.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5}
    >>> plane(van_t_hoff(), values, {"temperature": [100.0, 200.0], "pressure": [1e5, 1e8]}).names
    ('temperature', 'pressure')
    """
    if unknown := set(others) - set(CONDITIONS):
        raise DiagramError(f"diagram: {', '.join(sorted(unknown))} is no condition; known are {', '.join(CONDITIONS)}")
    if twice := set(others) & set(axes):
        raise DiagramError(f"diagram: {', '.join(sorted(twice))} is an axis and cannot have one value besides")
    if "temperature" not in axes and "temperature" not in others:
        raise DiagramError("diagram: the temperature is neither an axis nor given; give temperature in K")
    fixed: dict[str, Any] = {"temperature": 1.0, **others}
    for name, value in fixed.items():
        if np.size(value) != 1:
            raise DiagramError(f"diagram: {name} is no axis and must be one number, found {np.size(value)}")
    return Plane(model, dict(values), axes, Conditions(**fixed))
