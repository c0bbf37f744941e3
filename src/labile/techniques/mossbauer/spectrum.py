"""The transmission of an absorber against velocity, with its exact Jacobian.

Thin absorber, components c with area A_c (m/s), lines of weight w and unit area:

    T(v) = B (1 + b v) [1 - sum_c A_c sum_l w_l L(v; v_l, Gamma_c, sigma_c)]

L is a Lorentzian whose FWHM is that of source and absorber together, or a Voigt line when the component has a Gaussian
width. Thick absorber (transmission integral), with the natural width Gamma_n of source and absorber and effective
thicknesses t_c:

    T(v) = B (1 + b v) [1 - f_s + f_s int dE S(E - v) exp(-sum_c t_c sigma_c(E))]

S is the source line (Lorentzian of FWHM Gamma_s), sigma_c the absorber's lines, of height 1 for a single line of
natural width; here the FWHM of a component is the absorber's alone.

References
----------
S. Margulies, J. R. Ehrman, Nucl. Instrum. Methods 12 (1961) 131, doi:10.1016/0029-554X(61)90122-5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labile.core.parameters import Parameter, Parameters
from labile.fitting.line_shapes import lorentzian, voigt
from labile.techniques.mossbauer.components import BROADEST, NARROWEST, Component
from labile.techniques.mossbauer.iron57 import MM_S, NATURAL_WIDTH, MossbauerError

GRID_STEP = 0.01 * MM_S
"""m/s: step of the transmission integral. Its integrand is analytic within 0.0485 mm/s of the real axis, so that the
trapezoidal rule is exact to exp(-2 pi 0.0485/0.01) there."""
GRID_MARGIN = 8.0 * MM_S
"""m/s by which that integral reaches beyond the velocities."""


@dataclass(frozen=True, eq=False)
class SpectrumModel:
    """Baseline and components of one spectrum.

    Attributes
    ----------
    components : tuple of Component
        Different names.
    name : str
        Prefix of ``<name>.baseline``, ``<name>.baseline_slope`` and, for thick absorbers, ``<name>.source_fraction``.
    gaussian : tuple of str
        Components with Voigt lines: they get ``<component>.gaussian_width``.
    thick : bool
        Use the transmission integral: components have ``effective_thickness`` in place of ``absorption_area``.
    source_width : float
        FWHM of the source line for thick absorbers, m/s.
    share_width : bool
        One line width ``<name>.line_width`` for all components instead of one each.

    Raises
    ------
    MossbauerError
        For no components, repeated or unknown names.
    """

    components: tuple[Any, ...]
    name: str = "spectrum"
    gaussian: tuple[str, ...] = ()
    thick: bool = False
    source_width: float = NATURAL_WIDTH
    share_width: bool = False
    _grid: dict[bytes, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        names = [component.name for component in self.components]
        if not names:
            raise MossbauerError("spectrum model: give at least one component")
        if len({*names, self.name}) <= len(names):
            raise MossbauerError(f"spectrum model: names must differ, found {', '.join([self.name, *names])}")
        unknown = [one for one in self.gaussian if one not in names]
        if unknown:
            raise MossbauerError(f"spectrum model: no component {unknown[0]!r}; there are {', '.join(names)}")
        lacking = [c.name for c in self.components if not hasattr(c, "lines") and c.name in self.gaussian]
        if lacking:
            raise MossbauerError(f"component {lacking[0]}: its line shape has no Gaussian width")

    def parameters(self) -> Parameters:
        """All parameters with start values and bounds, SI."""
        own = [
            Parameter(f"{self.name}.baseline", 1.0, lower=0.0),
            Parameter(f"{self.name}.baseline_slope", 0.0, lower=-100.0, upper=100.0, fixed=True),
        ]
        if self.thick:
            own.append(Parameter(f"{self.name}.source_fraction", 0.7, lower=0.01, upper=1.0, fixed=True))
        width = NATURAL_WIDTH * (1.0 if self.thick else 2.0)
        if self.share_width:
            own.append(Parameter(f"{self.name}.line_width", 1.2 * width, lower=NARROWEST, upper=BROADEST))
        for component in self.components:
            own += component.parameters()
            if not self.share_width:
                own.append(Parameter(f"{component.name}.line_width", 1.2 * width, lower=NARROWEST, upper=BROADEST))
            if component.name in self.gaussian:
                own.append(Parameter(f"{component.name}.gaussian_width", 0.1 * MM_S, lower=1e-3 * MM_S, upper=BROADEST))
            if self.thick:
                own.append(Parameter(f"{component.name}.effective_thickness", 0.5, lower=0.0, upper=1e3))
            else:
                own.append(Parameter(f"{component.name}.absorption_area", 0.05 * MM_S, lower=0.0, upper=10 * MM_S))
        return Parameters(tuple(own))

    def width_name(self, component: Component) -> str:
        """Parameter that holds a component's FWHM."""
        return f"{self.name if self.share_width else component.name}.line_width"

    def evaluate(
        self, velocity: np.ndarray, values: Mapping[str, float], names: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Transmission and its Jacobian.

        Parameters
        ----------
        velocity : ndarray (M,)
            m/s.
        values : mapping of str to float
            All parameters, SI.
        names : tuple of str
            Columns of the Jacobian, K of them.

        Returns
        -------
        transmission : ndarray (M,)
        jacobian : ndarray (M, K)
        """
        place = {name: i for i, name in enumerate(names)}
        background = f"{self.name}.baseline"
        level, slope = values[background], values[f"{background}_slope"]
        if self.thick:
            inner, d_inner = self._transmitted(velocity, values, place)
        else:
            absorbed, d_absorbed = self.absorption(velocity, values, place, "absorption_area")
            inner, d_inner = 1.0 - absorbed, -d_absorbed
        tilt = 1.0 + slope * velocity
        jacobian = d_inner.T * (level * tilt)[:, None]
        if background in place:
            jacobian[:, place[background]] = tilt * inner
        if f"{background}_slope" in place:
            jacobian[:, place[f"{background}_slope"]] = level * velocity * inner
        return level * tilt * inner, jacobian

    def absorption(
        self, velocity: np.ndarray, values: Mapping[str, float], place: Mapping[str, int], amount: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the components' lines times their amounts (M,), and its derivatives (K, M)."""
        total = np.zeros(velocity.size)
        derivative = np.zeros((len(place), velocity.size))
        sharp = [c for c in self.components if hasattr(c, "lines") and c.name not in self.gaussian]
        for group in (sharp, *([c] for c in self.components if c not in sharp)):
            if not group:
                continue
            if not hasattr(group[0], "lines"):
                found = group[0].shape(velocity, values, self.width_name(group[0]))
                scale = values[f"{group[0].name}.{amount}"]
                total += scale * found.value
                for name, row in found.derivatives.items():
                    if name in place:
                        derivative[place[name]] += scale * row
                if f"{group[0].name}.{amount}" in place:
                    derivative[place[f"{group[0].name}.{amount}"]] += found.value
            else:
                part, rows = self._of_lines(group, velocity, values, place, amount)
                total += part
                derivative += rows
        return total, derivative

    def _of_lines(
        self,
        group: list[Any],
        velocity: np.ndarray,
        values: Mapping[str, float],
        place: Mapping[str, int],
        amount: str,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lines of components that share a shape, all at once."""
        count = len(place)
        lines, keys = [], []
        for c in group:
            own = [f"{c.name}.{quantity}" for quantity in c.quantities]
            lines.append(c.lines(np.array([values[name] for name in own])))
            keys.append(own)
        sizes = [one.positions.size for one in lines]
        total = sum(sizes)
        position, width = np.concatenate([one.positions for one in lines]), np.empty(total)
        weight, area = np.concatenate([one.weights for one in lines]), np.empty(total)
        d_position, d_weight, d_width, d_area, d_sigma = (np.zeros((count, total)) for _ in range(5))
        start = 0
        for c, one, own, size in zip(group, lines, keys, sizes, strict=True):
            rows = slice(start, start + size)
            amount_name, width_name = f"{c.name}.{amount}", self.width_name(c)
            area[rows], width[rows] = values[amount_name], values[width_name]
            for k, name in enumerate(own):
                if name in place:
                    d_position[place[name], rows] = one.d_positions[:, k]
                    d_weight[place[name], rows] = one.d_weights[:, k]
            if width_name in place:
                d_width[place[width_name], rows] = 1.0
            if amount_name in place:
                d_area[place[amount_name], rows] = 1.0
            start += size
        gaussian = f"{group[0].name}.gaussian_width" if group[0].name in self.gaussian else ""
        if gaussian:
            shape = voigt(velocity, position[:, None], width[:, None], values[gaussian])
            if gaussian in place:
                d_sigma[place[gaussian]] = 1.0
        else:
            shape = lorentzian(velocity, position[:, None], width[:, None])
        strength = area * weight
        derivative = (d_position * strength) @ shape.d_centre + (d_width * strength) @ shape.d_width
        derivative += (d_area * weight + d_weight * area) @ shape.value
        if gaussian:
            derivative += (d_sigma * strength) @ shape.d_shape
        return strength @ shape.value, derivative

    def _transmitted(
        self, velocity: np.ndarray, values: Mapping[str, float], place: Mapping[str, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bracket of the transmission integral (M,) and its derivatives (K, M)."""
        energy, source = self._source(velocity)
        # lines of unit area become lines of unit height at natural width
        height = 0.5 * math.pi * NATURAL_WIDTH
        depth, d_depth = self.absorption(energy, values, place, "effective_thickness")
        passed = np.exp(-height * depth)
        fraction = values[f"{self.name}.source_fraction"]
        lost = source @ (1.0 - passed)
        derivative = -fraction * height * (d_depth * passed) @ source.T
        if f"{self.name}.source_fraction" in place:
            derivative[place[f"{self.name}.source_fraction"]] = -lost
        return 1.0 - fraction * lost, derivative

    def _source(self, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Grid of the transmission integral (E,) and the source lines on it times the step (M, E); kept."""
        key = velocity.tobytes()
        if key not in self._grid:
            self._grid.clear()
            low, high = float(velocity.min()) - GRID_MARGIN, float(velocity.max()) + GRID_MARGIN
            energy = np.arange(low, high + GRID_STEP, GRID_STEP)
            matrix = lorentzian(energy, velocity[:, None], self.source_width).value * GRID_STEP
            self._grid[key] = (energy, matrix)
        return self._grid[key]

    def subspectra(self, velocity: np.ndarray, values: Mapping[str, float]) -> dict[str, np.ndarray]:
        """What the absorber transmits of each component alone, on the baseline, by name: (M,) each."""
        result = {}
        for component in self.components:
            amount = "effective_thickness" if self.thick else "absorption_area"
            others = {f"{c.name}.{amount}": 0.0 for c in self.components if c is not component}
            result[component.name] = self.evaluate(velocity, {**values, **others}, ())[0]
        return result
