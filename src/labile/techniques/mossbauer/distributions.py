"""Distributions of quadrupole splittings or hyperfine fields: regularised, non-negative, with the L-curve.

    T(v) = B - sum_k a_k K(v; x_k),   a_k >= 0

K is the component's line shape with the distributed quantity at x_k. The weights minimise chi2 + lambda |D a|^2 with D
the second difference; lambda is where the curve of log |D a| against log chi2 bends most.

References
----------
J. Hesse, A. Rubartsch, J. Phys. E 7 (1974) 526, doi:10.1088/0022-3735/7/7/012.
P. C. Hansen, SIAM Rev. 34 (1992) 561, doi:10.1137/1034115.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.mossbauer.iron57 import MossbauerError
from labile.techniques.mossbauer.spectrum import SpectrumModel
from labile.techniques.mossbauer.spectrum_fit import prepared

DISTRIBUTED = ("hyperfine_field", "quadrupole_splitting", "isomer_shift")


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution of one hyperfine parameter.

    Attributes
    ----------
    quantity : str
    grid : ndarray (K,)
        SI.
    density : ndarray (K,)
        Of unit area, per SI unit of the quantity.
    area : float
        Absorption area of all of it, m/s.
    baseline : float
    strength : float
        lambda that was used.
    chi2 : float
    curve : ndarray (M,)
        Fitted transmission.
    l_curve : ndarray (L, 3)
        lambda, chi2 and |D a| of every strength that was tried.
    fixed : mapping of str to float
        Parameters that were held, SI.
    """

    quantity: str
    grid: np.ndarray
    density: np.ndarray
    area: float
    baseline: float
    strength: float
    chi2: float
    curve: np.ndarray
    l_curve: np.ndarray
    fixed: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Mean of the distribution, SI."""
        return float(np.trapezoid(self.grid * self.density, self.grid))

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the distribution, SI; the regularisation broadens narrow ones."""
        return float(np.sqrt(np.trapezoid((self.grid - self.mean) ** 2 * self.density, self.grid)))


def fit_distribution(
    spectrum: Measurement,
    component: Any,
    quantity: str,
    grid: np.ndarray,
    *,
    line_width: float,
    fixed: Mapping[str, float] | None = None,
    correlation: Mapping[str, float] | None = None,
    strength: float | None = None,
) -> Distribution:
    """Distribution of one parameter of a component.

    Parameters
    ----------
    spectrum : Measurement
        Folded, relative to alpha-iron.
    component : Singlet, Doublet, Sextet or Combined
        Its start values hold unless `fixed` says otherwise.
    quantity : {"hyperfine_field", "quadrupole_splitting", "isomer_shift"}
    grid : ndarray (K,)
        Values of it, SI, evenly spaced and rising.
    line_width : float
        FWHM of each elementary line, m/s.
    fixed : mapping of str to float, optional
        Other parameters by quantity (``{"isomer_shift": 0.48e-3}``), SI.
    correlation : mapping of str to float, optional
        Quantity to its slope with the distributed one, about the middle of the grid: a linear correlation of isomer
        shift and field, for example.
    strength : float, optional
        lambda; from the L-curve by default.

    Returns
    -------
    Distribution

    Raises
    ------
    MossbauerError
        For a quantity the component does not have, a grid that is not even, or a spectrum that absorbs nothing.
    """
    from scipy.optimize import nnls

    spectrum = prepared(spectrum)
    assert spectrum.axis is not None
    velocity, data = spectrum.axis.values, spectrum.values[0]
    if spectrum.sigma is None:
        raise MossbauerError(f"spectrum {spectrum.label!r}: neither counts nor sigma; the weights are not known")
    sigma = np.asarray(spectrum.sigma[0])
    grid = np.asarray(grid, dtype=float)
    steps = np.diff(grid)
    if grid.ndim != 1 or grid.size < 5 or np.any(steps <= 0) or np.ptp(steps) > 1e-6 * np.max(np.abs(grid)):
        raise MossbauerError("distribution: the grid must be at least five evenly spaced, rising values")
    kernel, held = _kernel(velocity, component, quantity, grid, line_width, fixed or {}, correlation or {})
    design = np.column_stack([np.ones(data.size), -kernel]) / sigma[:, None]
    target = data / sigma
    rough = np.diff(np.eye(grid.size), 2, axis=0)
    # a distribution ends within its grid: what lies beyond counts as zero
    rough = np.vstack([rough, np.eye(grid.size)[[0, -1]]])
    penalty = np.column_stack([np.zeros(rough.shape[0]), rough])

    def solved(value: float) -> tuple[np.ndarray, float, float]:
        stacked = np.vstack([design, np.sqrt(value) * penalty])
        weights, _ = nnls(stacked, np.append(target, np.zeros(rough.shape[0])), maxiter=50 * grid.size)
        misfit = design @ weights - target
        return weights, float(misfit @ misfit), float(np.linalg.norm(rough @ weights[1:]))

    scale = float(np.sum(design[:, 1:] ** 2) / np.sum(rough**2))
    tried = [strength] if strength is not None else list(scale * np.logspace(-6, 4, 41))
    found = [solved(value) for value in tried]
    l_curve = np.array([(value, chi2, size) for value, (_, chi2, size) in zip(tried, found, strict=True)])
    chosen = 0 if strength is not None else _corner(l_curve)
    weights, chi2, _ = found[chosen]
    total = float(np.sum(weights[1:]))
    if not total > 0:
        raise MossbauerError(f"spectrum {spectrum.label!r}: nothing of it is described by these lines")
    density = weights[1:] / np.trapezoid(weights[1:], grid)
    return Distribution(
        quantity,
        grid,
        density,
        total / float(weights[0]),
        float(weights[0]),
        float(tried[chosen]),
        chi2,
        sigma * (design @ weights),
        l_curve,
        held,
    )


def _kernel(
    velocity: np.ndarray,
    component: Any,
    quantity: str,
    grid: np.ndarray,
    line_width: float,
    fixed: Mapping[str, float],
    correlation: Mapping[str, float],
) -> tuple[np.ndarray, dict[str, float]]:
    """Line shapes of unit area (M, K) and what was held."""
    model = SpectrumModel((component,))
    values = model.parameters().as_dict()
    own = {name.rpartition(".")[2] for name in values if name.startswith(f"{component.name}.")}
    for name in (quantity, *fixed, *correlation):
        if name not in own:
            raise MossbauerError(f"distribution: {component.name} has no {name}; there are {', '.join(sorted(own))}")
    if quantity not in DISTRIBUTED:
        raise MossbauerError(f"distribution: {quantity} is none of {', '.join(DISTRIBUTED)}")
    values |= {f"{component.name}.{name}": value for name, value in fixed.items()}
    values |= {f"{component.name}.line_width": line_width, f"{component.name}.absorption_area": 1.0}
    columns = []
    middle = float(np.mean(grid))
    for one in grid:
        moved = {
            f"{component.name}.{q}": values[f"{component.name}.{q}"] + s * (one - middle)
            for q, s in correlation.items()
        }
        here = {**values, **moved, f"{component.name}.{quantity}": float(one)}
        columns.append(model.absorption(velocity, here, {}, "absorption_area")[0])
    return np.column_stack(columns), values


def _corner(l_curve: np.ndarray) -> int:
    """Place of the largest curvature of log |D a| against log chi2, both taken as functions of log lambda."""
    t = np.log(l_curve[:, 0])
    x, y = np.log(l_curve[:, 1]), np.log(np.maximum(l_curve[:, 2], 1e-300))
    d_x, d_y = np.gradient(x, t), np.gradient(y, t)
    bend = (d_x * np.gradient(d_y, t) - d_y * np.gradient(d_x, t)) / np.maximum((d_x**2 + d_y**2) ** 1.5, 1e-9)
    inner = np.abs(bend[2:-2])
    return int(np.argmax(inner)) + 2
