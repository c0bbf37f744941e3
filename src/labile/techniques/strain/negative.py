"""Is it really negative? Significance of negative thermal expansion and negative linear compressibility.

The length along a fixed direction of the crystal is followed through the series: a cell edge, a direction [uvw], the
volume, or a principal axis as it stands in the middle of the series. Every interval between neighbouring points gets a
coefficient and a one-sided test against 0 from the s.u. of the two cells; p values of all intervals are corrected
together (Holm), so that the chance to call any interval negative by accident stays at `level`. The whole series gets
one weighted line.

Principal axes need more care than edges: they are the directions in which noise is largest, too. The lowest of three
principal values of a tensor that is zero but for noise is below zero; and a principal axis that turns is not one
direction. Both are said in the notes, and the p value of a principal axis of the whole series is multiplied by three,
for the three axes that were looked at.

References
----------
S. Holm, Scand. J. Statist. 6, 65 (1979), https://www.jstor.org/stable/4615733.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from labile.core.cell import orthogonalisation_derivative
from labile.core.structure import CellSeries
from labile.core.uncertain import format_uncertain
from labile.techniques.strain.axes import PrincipalStrain, principal_strain
from labile.techniques.strain.compressibility import SAME_TEMPERATURE
from labile.techniques.strain.expansion import SAME_PRESSURE
from labile.techniques.strain.lines import Line, fit_line
from labile.techniques.strain.tensor import StrainError, cell_variance, sigma_volumes, strain_series

EDGES = ("a", "b", "c")
AXES = ("X1", "X2", "X3")
VERDICTS = ("negative", "positive", "not decided")


@dataclass(frozen=True)
class Interval:
    """One interval of the series.

    Attributes
    ----------
    start, stop : float
        K or Pa.
    coefficient, sigma : float
        1/K or 1/Pa; sigma is NaN where the s.u. of the cells are not stated.
    p_negative : float
        Chance of a coefficient as low as this or lower if the true one is 0, corrected for all intervals; NaN without
        s.u.
    p_positive : float
        The same for one as high or higher.
    verdict : {"negative", "positive", "not decided"}
    """

    start: float
    stop: float
    coefficient: float
    sigma: float
    p_negative: float
    p_positive: float
    verdict: str


@dataclass(frozen=True, eq=False)
class Negativity:
    """What a series says about the sign of a coefficient.

    Attributes
    ----------
    quantity : {"linear_expansion", "compressibility"}
    along : str
        Edge, axis, direction or ``"volume"``.
    x, values, sigma : ndarray (N,)
        Ordered conditions (K or Pa), ln of the relative length (or volume), and its s.u. from each cell alone.
    intervals : tuple of Interval
    line : Line
        Of `values` against x; its slope is the coefficient (of compressibility: its negative).
    p_negative, p_positive : float
        Of the whole series.
    verdict : {"negative", "positive", "not decided"}
    level : float
    notes : tuple of str
    """

    quantity: str
    along: str
    x: np.ndarray
    values: np.ndarray
    sigma: np.ndarray
    intervals: tuple[Interval, ...]
    line: Line
    p_negative: float
    p_positive: float
    verdict: str
    level: float
    notes: tuple[str, ...] = ()

    @property
    def coefficient(self) -> float:
        """Of the whole series, 1/K or 1/Pa."""
        return self.line.slope if self.quantity == "linear_expansion" else -self.line.slope

    @property
    def text(self) -> str:
        """Verdict in words with numbers."""
        thermal = self.quantity == "linear_expansion"
        name, unit = ("thermal expansion", "MK⁻¹") if thermal else ("linear compressibility", "TPa⁻¹")
        if self.along == "volume" and not thermal:
            name = "compressibility"
        scale = 1e-6 if thermal else 1e-12
        value = format_uncertain(self.coefficient / scale, self.line.sigma / scale)
        known = [one for one in self.intervals if math.isfinite(one.sigma)]
        count = {verdict: sum(one.verdict == verdict for one in known) for verdict in VERDICTS}
        chance = f"p = {min(self.p_negative, self.p_positive):.2g}"
        text = f"{name} along {self.along}: {value} {unit} over the whole range, {self.verdict} ({chance})"
        if known:
            text += (
                f"; of {len(known)} intervals {count['negative']} are negative, {count['positive']} positive and"
                f" {count['not decided']} not decided at the {100 * self.level:g} % level after Holm's correction"
            )
        return text

    def __repr__(self) -> str:
        return "\n".join([f"<Negativity: {self.text}>", *self.notes])


def holm(p_values: Any) -> np.ndarray:
    """P values corrected by Holm's step-down method; NaN stays and does not count.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    result = np.full(p.shape, math.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factor = np.arange(order.size, 0, -1)
    result[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return result


def is_negative(
    cells: CellSeries, along: Any = "X1", *, kind: str = "lagrangian", level: float = 0.05, follow: str = "strongest"
) -> Negativity:
    """Test whether a crystal shrinks on heating, or grows under pressure, along a direction.

    Parameters
    ----------
    cells : CellSeries
        At one pressure and several temperatures, or at one temperature and several pressures.
    along : str or sequence of 3 numbers
        ``"a"``, ``"b"``, ``"c"``, ``"X1"``, ``"X2"``, ``"X3"`` (principal axes, ascending strain),
        ``"volume"``, or a lattice direction [u, v, w].
    kind : str
        Of the strain that defines the principal axes.
    level : float
        Accepted chance of a false "negative" or "positive".
    follow : {"strongest", "second", "previous"}
        See `principal_strain`.

    Returns
    -------
    Negativity

    Raises
    ------
    StrainError
        For fewer than three cells, conditions that vary in both or neither of T and P, repeated conditions, or an
        unknown direction.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> cells = [[7e-10 * (1 - 2e-5 * t), 8e-10, 9e-10, 90, 90, 90] for t in (0, 100, 200)]
    >>> sigma = [[1e-13, 1e-13, 1e-13, 0, 0, 0]] * 3
    >>> found = is_negative(CellSeries("demo", Conditions([100.0, 200.0, 300.0]), cells, sigma), "a")
    >>> found.verdict, [one.verdict for one in found.intervals]
    ('negative', ['negative', 'negative'])
    """
    where = f"sign of a coefficient of {cells.label!r}"
    if not 0 < level < 0.5:
        raise StrainError(f"{where}: level must lie between 0 and 0.5, found {level}")
    quantity, x, sigma_x = _variable(cells, where)
    order = np.argsort(x, kind="stable")
    if len(cells) < 3 or np.any(np.diff(x[order]) <= 0):
        raise StrainError(f"{where}: at least three cells at different conditions are needed; average repeated ones")
    sign = 1.0 if quantity == "linear_expansion" else -1.0
    values, sigma, name, principal = _length(cells, along, kind, follow, where)
    notes: list[str] = []
    looks = 1
    if principal is not None:
        looks = 3
        notes += [
            *principal.notes,
            *_rotation(principal, AXES.index(name)),
            "the axis was chosen by looking at the same data: p values of the whole series are multiplied by 3",
        ]
    x, values, sigma = x[order], values[order], sigma[order]
    line = fit_line(x, values, sigma, None if sigma_x is None else sigma_x[order])
    if line.basis == "scatter":
        notes.append(
            "the s.u. of the cells are not stated: single intervals cannot be judged; the whole series is judged by the"
            " scatter about a straight line"
        )
    if line.reduced_chi2 is not None and line.reduced_chi2 > 1:
        notes.append(
            f"the points scatter about a straight line more than their s.u. say (chi2 per degree of freedom"
            f" {line.reduced_chi2:.3g}); the s.u. of the whole series' coefficient was multiplied by its root"
        )
    below, above = (min(1.0, looks * one) for one in _tails(sign * line.slope, line))
    return Negativity(
        quantity,
        name,
        x,
        values,
        sigma,
        _intervals(x, values, sigma, None if sigma_x is None else sigma_x[order], sign, level),
        line,
        below,
        above,
        _verdict(below, above, level),
        level,
        tuple(notes),
    )


def _variable(cells: CellSeries, where: str) -> tuple[str, np.ndarray, np.ndarray | None]:
    one = cells.conditions
    heated, pressed = np.ptp(one.temperature) > SAME_TEMPERATURE, np.ptp(one.pressure) > SAME_PRESSURE
    if heated == pressed:
        found = "both vary" if heated else "neither varies"
        raise StrainError(f"{where}: either temperature or pressure must vary, and {found}; choose the rows")
    if heated:
        return "linear_expansion", np.asarray(one.temperature), one.sigma_temperature
    return "compressibility", np.asarray(one.pressure), one.sigma_pressure


def _length(
    cells: CellSeries, along: Any, kind: str, follow: str, where: str
) -> tuple[np.ndarray, np.ndarray, str, PrincipalStrain | None]:
    """Ln of a relative length with the s.u. from each cell alone, the direction's name, and principal axes if used."""
    if isinstance(along, str) and along == "volume":
        return np.log(cells.volumes / cells.volumes[0]), sigma_volumes(cells) / cells.volumes, along, None
    if isinstance(along, str) and along in EDGES:
        k = EDGES.index(along)
        edge = cells.cells[:, k]
        return np.log(edge / edge[0]), cells.sigma[:, k] / edge, along, None
    strain = strain_series(cells, kind=kind)
    principal = None
    if isinstance(along, str) and along in AXES:
        principal = principal_strain(strain, follow=follow)
        name = along
        uvw = principal.crystal_directions[principal.middle][:, AXES.index(along)]
    else:
        try:
            uvw = np.asarray(along, dtype=float)
        except (TypeError, ValueError):
            uvw = np.zeros(0)
        if uvw.shape != (3,) or not np.all(np.isfinite(uvw)) or not np.any(uvw):
            raise StrainError(
                f"{where}: along must be one of {', '.join((*EDGES, *AXES, 'volume'))} or [u, v, w], found {along!r}"
            )
        name = "[" + ", ".join(f"{one:g}" for one in uvw) + "]"
    # ln of the length of C uvw; half the logarithm of its square
    vector = cells.axes @ uvw
    square = np.sum(vector**2, axis=1)
    slopes = np.einsum("nkij,j,ni->nk", orthogonalisation_derivative(cells.cells), uvw, vector)
    sigma = np.sqrt(cell_variance((slopes / square[:, None])[:, :, None], cells.cells, cells.covariance)[:, 0])
    return 0.5 * np.log(square / square[0]), sigma, name, principal


def _intervals(
    x: np.ndarray, values: np.ndarray, sigma: np.ndarray, sigma_x: np.ndarray | None, sign: float, level: float
) -> tuple[Interval, ...]:
    width = np.diff(x)
    coefficient = sign * np.diff(values) / width
    variance = sigma[1:] ** 2 + sigma[:-1] ** 2
    if sigma_x is not None:
        variance = variance + coefficient**2 * (sigma_x[1:] ** 2 + sigma_x[:-1] ** 2)
    error = np.sqrt(variance) / width
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, coefficient / error, np.where(coefficient == 0, 0.0, np.copysign(np.inf, coefficient)))
    z = np.where(np.isnan(error), np.nan, z)
    normal = NormalDist()
    low, high = (np.array([math.nan if math.isnan(one) else normal.cdf(one) for one in s]) for s in (z, -z))
    below, above = holm(low), holm(high)
    return tuple(
        Interval(
            float(x[k]),
            float(x[k + 1]),
            float(coefficient[k]),
            float(error[k]),
            float(below[k]),
            float(above[k]),
            _verdict(float(below[k]), float(above[k]), level),
        )
        for k in range(width.size)
    )


def _tails(coefficient: float, line: Line) -> tuple[float, float]:
    """Chance of a coefficient so low, and so high, if the true one is 0."""
    if line.sigma == 0:
        return (float(coefficient > 0), float(coefficient < 0)) if coefficient else (0.5, 0.5)
    z = coefficient / line.sigma
    if line.basis == "scatter" or (line.reduced_chi2 or 0.0) > 1:
        # the width itself was estimated from few points
        from scipy.stats import t

        return float(t.cdf(z, line.degrees_of_freedom)), float(t.sf(z, line.degrees_of_freedom))
    return NormalDist().cdf(z), NormalDist().cdf(-z)


def _verdict(below: float, above: float, level: float) -> str:
    # NaN compares false: not decided
    return "negative" if below < level else "positive" if above < level else "not decided"


def _rotation(principal: PrincipalStrain, axis: int) -> list[str]:
    """How far a principal axis turns within the series."""
    rows = [row for row in range(len(principal)) if row != principal.strain.reference]
    v = principal.directions[:, :, axis]
    cosine = np.clip(np.abs(v[rows] @ v[principal.middle]), 0.0, 1.0)
    turned = np.degrees(np.arccos(cosine))
    far = rows[int(np.argmax(turned))]
    if turned.max() < 1.0:
        return []
    sigma = math.degrees(principal.sigma_directions[far, axis])
    known = f", s.u. {sigma:.2g} degrees there" if math.isfinite(sigma) else ""
    return [
        f"the axis turns by up to {turned.max():.2g} degrees (at {principal.strain.series.names[far]}{known}) from"
        " where it stands in the middle of the series; the test follows the fixed direction of the middle"
    ]
