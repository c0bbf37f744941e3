"""Absorption on the scale where the edge is a step of height 1.

``"edge_step"``: (mu - pre)/[post(E0) - pre(E0)] with a pre-edge fitted below the edge and carried on under it, and a
polynomial fitted to mu - pre above it. ``"mback"``: scale and a polynomial are fitted so that the data follow the
tabulated f2 on both sides of the edge (Weng, Waldo and Penner-Hahn, doi:10.1107/S0909049504034193; Chantler's tables
from xraydb; without their error-function term for fluorescence). For ranges that end short of a post-edge, as those of
HERFD often do: ``"area"`` makes the mean over a window 1, ``"min_max"`` spans 0 to 1, and ``"none"`` says that the data
are normalised already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.core.uncertain import format_uncertain
from labile.techniques.xas.absorption import EV, Spectra, XasError, spectra_of, window_of
from labile.techniques.xas.edge_energy import edges_of, named_edge
from labile.techniques.xas.tabulated_f2 import TabulatedStep, tabulated_step

METHODS = ("edge_step", "mback", "area", "min_max", "none")
PRE_EDGES = {"none": (0, 0), "constant": (1, 0), "line": (2, 0), "victoreen": (2, -4)}
"""Terms of the polynomial that a pre-edge is, and the power of E it is multiplied by (Victoreen: C E^-3 + D E^-4)."""
DEGREES = {"constant": 0, "line": 1, "quadratic": 2, "cubic": 3}
PRE_WINDOW = (-150.0 * EV, -30.0 * EV)
POST_WINDOW = (50.0 * EV, math.inf)
QUADRATIC_FROM = 300.0
"""eV of post-edge from which a quadratic is fitted, below it a line."""
SHORTEST_POST = 30.0
"""eV of post-edge that a line needs."""
SIGNIFICANT = 2.0
"""Standard uncertainties that an edge step must be."""
MBACK_DEGREE = 2


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Normalised spectra and what they were divided by.

    Attributes
    ----------
    measurement : Measurement
        ``"normalized_absorption"``, N spectra of M points. Attributes: ``normalisation`` (text) and, for one spectrum,
        ``edge_energy`` (J), ``edge_step`` and their ``sigma_...``. The uncertainty of the edge step scales a whole
        spectrum and is not part of its sigma.
    edge_energy, sigma_edge_energy : ndarray (N,)
        J; NaN where the method needs no edge.
    edge_step, sigma_edge_step : ndarray (N,)
        In the unit of the absorption.
    pre_edge, post_edge : ndarray (N, M)
        What 0 and 1 were, absorption.
    method : str
    """

    measurement: Measurement
    edge_energy: np.ndarray
    sigma_edge_energy: np.ndarray
    edge_step: np.ndarray
    sigma_edge_step: np.ndarray
    pre_edge: np.ndarray
    post_edge: np.ndarray
    method: str

    def __repr__(self) -> str:
        step = format_uncertain(float(self.edge_step[0]), float(self.sigma_edge_step[0]))
        return f"<Normalisation: {self.edge_step.size} spectra, {self.method}; edge step of the first {step}>"


@dataclass(frozen=True, eq=False)
class _Curves:
    """Pre-edge, post-edge (N, M) and edge step with sigma (N,) of spectra."""

    pre: np.ndarray
    post: np.ndarray
    step: np.ndarray
    sigma: np.ndarray


def normalise(
    spectrum: Measurement,
    method: str = "edge_step",
    *,
    edge_energy: Any = None,
    edge_method: str = "steepest",
    pre_edge: str = "",
    pre_window: tuple[float, float] = PRE_WINDOW,
    post_edge: str = "",
    post_window: tuple[float, float] = POST_WINDOW,
    flatten: bool = False,
    area_window: tuple[float, float] | None = None,
    element: str = "",
    edge: str = "",
) -> Normalisation:
    """Normalise every spectrum of a measurement.

    Parameters
    ----------
    spectrum : Measurement
        ``"absorption"`` along energy, N spectra.
    method : {"edge_step", "mback", "area", "min_max", "none"}
        See the module.
    edge_energy : float or array_like (N,), optional
        J; found by `edge_method` (see `find_edge`) when it is left out.
    pre_edge : {"line", "constant", "victoreen", "none"}
        Line by default where there is an edge, none for ``"area"``.
    pre_window, post_window : tuple of float
        J relative to the edge; what lies beyond the data is left out.
    post_edge : {"quadratic", "line", "cubic", "constant"}
        By default a quadratic over at least 300 eV, else a line.
    flatten : bool
        Take the shape of the post-edge out above the edge, so that it is 1 everywhere.
    area_window : tuple of float, optional
        J, absolute; the whole range by default.
    element, edge : str
        Needed by ``"mback"``; else they say where the edge is looked for. The attributes of the measurement by default.

    Returns
    -------
    Normalisation
        The sigma of an edge step comes from the scatter about both curves. Where that is correlated (EXAFS), as many
        points count as independent as twice the changes of sign.

    Raises
    ------
    XasError
        If the edge is not within the data, a window holds too few points, or the edge step is negative or not there.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> energy = np.arange(7000.0, 7400.0, 0.5)
    >>> mu = 0.5 - 2e-4 * (energy - 7000.0) + 0.8 * (0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi)
    >>> m = Measurement("absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV))
    >>> round(float(normalise(m, post_edge="line").edge_step[0]), 2)
    0.78
    """
    _check_choices(method, pre_edge, post_edge)
    spectra = spectra_of(spectrum)
    values, count = spectra.values, spectra.values.shape[0]
    pre_edge = pre_edge or ("line" if method in ("edge_step", "mback") else "none")
    nothing = np.full(count, np.nan)
    e0, sigma_e0 = nothing, nothing
    if method in ("edge_step", "mback") or (method == "area" and pre_edge != "none"):
        e0, sigma_e0 = _edges(spectrum, spectra, edge_energy, edge_method, element, edge)
    windows = (pre_window[0] / EV, pre_window[1] / EV, post_window[0] / EV, post_window[1] / EV)
    if method == "edge_step":
        post_edge = post_edge or _by_length(spectra, float(e0.max()), windows)
        curves = _by_edge(spectra, e0, sigma_e0, PRE_EDGES[pre_edge], DEGREES[post_edge], windows)
        said = f"edge step, pre-edge {pre_edge} {_said_window(windows[:2])}, post-edge {post_edge}"
        said += f" {_said_window(windows[2:])}"
    elif method == "mback":
        table = tabulated_step(*_required_element(spectrum, element, edge, spectra.where))
        curves = _by_table(spectra, e0, table, windows)
        said = (
            f"scale and quadratic matched to tabulated f2 {_said_window(windows[:2])} and {_said_window(windows[2:])}"
        )
    elif method == "area":
        curves = _by_area(spectra, e0, PRE_EDGES[pre_edge], windows, area_window)
        said = "mean over " + ("the whole range" if area_window is None else _said_window(np.array(area_window) / EV))
    elif method == "min_max":
        low = np.broadcast_to(values.min(axis=1, keepdims=True), values.shape)
        span = np.ptp(values, axis=1)
        curves = _Curves(low, low + span[:, None], span, nothing)
        said = "smallest value 0, largest 1"
    else:
        curves = _Curves(np.zeros(values.shape), np.ones(values.shape), np.ones(count), np.zeros(count))
        said = "normalised as it was given"
    _require_step(curves, spectra.where)
    divisor = curves.step[:, None]
    normal = (values - curves.pre) / divisor
    if flatten and method in ("edge_step", "mback"):
        excess = (curves.post - curves.pre) / divisor - 1.0
        above = spectra.energy[None, :] >= e0[:, None]
        # a table's step falls as mu does, so what follows it is divided; a polynomial may do anything, so is taken off
        flat = normal / (1.0 + excess) if method == "mback" else normal - excess
        normal = np.where(above, flat, normal)
        said += ", flattened"
    reduced = _measurement(spectrum, spectra, normal, curves, e0, sigma_e0, said)
    return Normalisation(
        reduced, e0 * EV, sigma_e0 * EV, curves.step, curves.sigma, curves.pre, curves.post, said
    )  # fmt: skip


def _check_choices(method: str, pre_edge: str, post_edge: str) -> None:
    for what, found, known in (
        ("method", method, METHODS),
        ("pre_edge", pre_edge or "line", PRE_EDGES),
        ("post_edge", post_edge or "line", DEGREES),
    ):
        if found not in known:
            raise XasError(f"normalisation: unknown {what} {found!r}; use one of {', '.join(known)}")


def _said_window(window: Any) -> str:
    low, high = window
    return f"{low:g} to {high:g} eV" if math.isfinite(high) else f"from {low:g} eV"


def _required_element(spectrum: Measurement, element: str, edge: str, where: str) -> tuple[str, str]:
    element, edge = named_edge(spectrum, element, edge)
    if not element:
        raise XasError(f"{where}: method 'mback' needs to know the element; give element = 'Fe' (and edge = 'K')")
    return element, edge


def _edges(
    spectrum: Measurement, spectra: Spectra, given: Any, method: str, element: str, edge: str
) -> tuple[np.ndarray, np.ndarray]:
    """Edge energies (N,) with sigma, eV."""
    count = spectra.values.shape[0]
    if given is None:
        if method == "fraction":
            raise XasError(
                f"{spectra.where}: a fraction of the edge step needs a normalised spectrum; use another edge_method"
            )
        return edges_of(spectra, method, *named_edge(spectrum, element, edge))
    try:
        e0 = np.array(np.broadcast_to(np.asarray(given, dtype=float) / EV, (count,)))
    except ValueError:
        raise XasError(f"{spectra.where}: edge_energy must be one number or one of each of {count} spectra") from None
    low, high = spectra.energy[[0, -1]]
    wrong = ~((e0 > low) & (e0 < high))
    if np.any(wrong):
        bad = e0[int(np.argmax(wrong))]
        hint = "; give it in J (7112.0 * EV)" if bad > 1e6 else ""
        raise XasError(
            f"{spectra.where}: edge_energy {bad:g} eV lies outside the data, {low:.1f} to {high:.1f} eV{hint}"
        )
    return e0, np.zeros(count)


def _powers(z: np.ndarray, terms: int) -> np.ndarray:
    """1, z, z^2, ... as rows (terms, M)."""
    rows = np.empty((terms, z.size))
    if terms:
        rows[0] = 1.0
    for k in range(1, terms):
        np.multiply(rows[k - 1], z, out=rows[k])
    return rows


def _pre_basis(energy: np.ndarray, e0: float, kind: tuple[int, int]) -> np.ndarray:
    """Rows of a pre-edge (p, M), of order 1 near the edge."""
    rows = _powers((energy - e0) * 0.01, kind[0])
    return rows if kind[1] == 0 else rows * (energy / e0) ** kind[1]


def _inverse_gram(basis: np.ndarray) -> np.ndarray:
    """(B B^T)^-1 of rows (p, n), with which B y becomes the coefficients of the least-squares fit."""
    # normal equations: at most four rows, of polynomials on about [-1, 1]
    gram = basis @ basis.T
    if gram.shape[0] == 2:
        (a, b), (_, d) = gram.tolist()
        return np.array([[d, -b], [-b, a]]) / (a * d - b * b)
    if gram.shape[0] == 3:
        # cofactors: a tenth of the time of the general routine
        (a, b, c), (_, d, e), (_, _, f) = gram.tolist()
        x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
        p, q, r = a * f - c * c, b * c - a * e, a * d - b * b
        return np.array([[x, y, z], [y, p, q], [z, q, r]]) / (a * x + b * y + c * z)
    return np.asarray(np.linalg.inv(gram))


def _scatter(residuals: np.ndarray, parameters: int) -> np.ndarray:
    """Variance (G,) of one point about a fitted curve, as large as correlated points make that of a mean."""
    n = residuals.shape[1]
    positive = residuals > 0
    turned = positive[:, 1:] != positive[:, :-1]
    # row by row: a call for each is faster than a reduction along an axis
    squares = np.array([row @ row for row in residuals])
    changes = np.array([np.count_nonzero(row) for row in turned])
    return np.asarray(squares / (n - parameters) * n / np.minimum(np.maximum(2.0 * changes, 1.0), n))


def _by_length(spectra: Spectra, e0: float, windows: tuple[float, ...]) -> str:
    """Name of the post-edge that the range above the edge can bear."""
    reach = float(spectra.energy[-1]) - e0
    span = min(windows[3], reach) - windows[2]
    if span < SHORTEST_POST:
        raise XasError(
            f"{spectra.where}: the data end {reach:.1f} eV above the edge at {e0:.1f} eV; a post-edge from"
            f" {windows[2]:g} eV needs {SHORTEST_POST:g} eV. Start the post-edge window (post_from) earlier, state"
            " post_edge = 'constant', or normalise by method 'area' or 'min_max'"
        )
    return "quadratic" if span >= QUADRATIC_FROM else "line"


def _windows_at(
    spectra: Spectra, e0: float, windows: tuple[float, ...], pre_terms: int, post_terms: int
) -> tuple[slice, slice]:
    before = window_of(
        spectra, e0 + windows[0], e0 + windows[1], pre_terms + 1, "in the pre-edge window",
        "Move the pre-edge window (pre_from, pre_to), state pre_edge = 'constant', or normalise by method 'area' or"
        " 'min_max'",
    )  # fmt: skip
    after = window_of(
        spectra, e0 + windows[2], e0 + windows[3], post_terms + 1, "in the post-edge window",
        "Move the post-edge window (post_from, post_to), state a lower post_edge, or normalise by method 'area' or"
        " 'min_max'",
    )  # fmt: skip
    return before, after


def _by_edge(
    spectra: Spectra,
    e0: np.ndarray,
    sigma_e0: np.ndarray,
    kind: tuple[int, int],
    degree: int,
    windows: tuple[float, ...],
) -> _Curves:
    edges = set(e0.tolist())
    if len(edges) == 1:
        return _at_one_edge(spectra, spectra.values, float(e0[0]), sigma_e0, kind, degree, windows)
    shape = spectra.values.shape
    whole = _Curves(np.empty(shape), np.empty(shape), np.empty(e0.size), np.empty(e0.size))
    for edge in edges:
        # spectra with one edge energy share all matrices
        rows = (e0 == edge).nonzero()[0]
        part = _at_one_edge(spectra, spectra.values[rows], edge, sigma_e0[rows], kind, degree, windows)
        whole.pre[rows], whole.post[rows], whole.step[rows], whole.sigma[rows] = (
            part.pre, part.post, part.step, part.sigma,
        )  # fmt: skip
    return whole


def _at_one_edge(
    spectra: Spectra,
    y: np.ndarray,
    edge: float,
    sigma_e0: np.ndarray,
    kind: tuple[int, int],
    degree: int,
    windows: tuple[float, ...],
) -> _Curves:
    energy = spectra.energy
    before, after = _windows_at(spectra, edge, windows, kind[0], degree + 1)
    middle, reach = _middle(energy[after])
    basis = _powers((energy - middle) / reach, degree + 1)
    place = (edge - middle) / reach
    at_edge = np.array([place**k for k in range(degree + 1)])
    fitted = basis[:, after]
    inverse = _inverse_gram(fitted)
    # the edge step is weight @ B (mu - pre)
    weight = at_edge @ inverse
    if kind[0]:
        pre_basis = _pre_basis(energy, edge, kind)
        known = pre_basis[:, before]
        pre_inverse = _inverse_gram(known)
        pre = (y[:, before] @ known.T) @ pre_inverse @ pre_basis
        above = y - pre
        carried = pre_basis[:, after] @ (weight @ fitted)
        variance = _scatter(above[:, before], kind[0]) * float(carried @ pre_inverse @ carried)
    else:
        pre, above, variance = np.zeros(y.shape), y, np.zeros(y.shape[0])
    coefficients = (above[:, after] @ fitted.T) @ inverse
    rise = coefficients @ basis
    variance = variance + _scatter(above[:, after] - rise[:, after], degree + 1) * float(weight @ at_edge)
    if sigma_e0.any():
        slope = np.array([k * place ** (k - 1) if k else 0.0 for k in range(degree + 1)]) / reach
        variance += (coefficients @ slope * sigma_e0) ** 2
    return _Curves(pre, pre + rise, coefficients @ at_edge, np.sqrt(variance))


def _middle(energy: np.ndarray) -> tuple[float, float]:
    """Middle and half width of a window."""
    return 0.5 * float(energy[0] + energy[-1]), 0.5 * float(energy[-1] - energy[0])


def _by_table(spectra: Spectra, e0: np.ndarray, table: TabulatedStep, windows: tuple[float, ...]) -> _Curves:
    """Scale s and polynomial c with s mu + c = f2 on both sides of the edge, each side with one weight."""
    energy, values = spectra.energy, spectra.values
    pre, post = np.empty(values.shape), np.empty(values.shape)
    step, sigma = np.empty(e0.size), np.empty(e0.size)
    middle, reach = _middle(energy)
    polynomial = _powers((energy - middle) / reach, MBACK_DEGREE + 1)
    terms = MBACK_DEGREE + 2
    for row, at in enumerate(e0):
        before, after = _windows_at(spectra, float(at), windows, 2, terms)
        chosen = np.r_[before, after]
        n_before = before.stop - before.start
        weight = np.where(np.arange(chosen.size) < n_before, n_before, chosen.size - n_before) ** -0.5
        # the table's own edge may lie some eV beside that of an uncalibrated scale
        below = table.below(energy - at + table.edge)
        above = table.above(energy - at + table.edge)
        target = np.where(energy < at, below, above)[chosen]
        # of order 1, as the polynomial is
        size = float(np.max(np.abs(values[row, chosen]))) or 1.0
        design = np.vstack([values[row, chosen] / size, polynomial[:, chosen]]) * weight
        inverse = _inverse_gram(design)
        coefficients = inverse @ (design @ (target * weight))
        left = target * weight - coefficients @ design
        coefficients[0] /= size
        scale = coefficients[0]
        added = coefficients[1:] @ polynomial
        jump = float(table.above(table.edge) - table.below(table.edge))
        step[row] = jump / scale
        variance = float(_scatter(left[None, :], terms)[0]) * float(inverse[0, 0]) / size**2
        sigma[row] = abs(step[row] / scale) * math.sqrt(variance)
        pre[row], post[row] = (below - added) / scale, (above - added) / scale
    return _Curves(pre, post, step, sigma)


def _by_area(spectra: Spectra, e0: np.ndarray, kind: tuple[int, int], windows: tuple[float, ...], area: Any) -> _Curves:
    energy, values = spectra.energy, spectra.values
    pre = np.zeros(values.shape)
    if kind[0]:
        for row, at in enumerate(e0):
            before = window_of(
                spectra, at + windows[0], at + windows[1], kind[0] + 1, "in the pre-edge window",
                "Move the pre-edge window (pre_from, pre_to), or state pre_edge = 'none'",
            )  # fmt: skip
            basis = _pre_basis(energy, float(at), kind)
            fitted = basis[:, before]
            pre[row] = (values[row, before] @ fitted.T) @ _inverse_gram(fitted) @ basis
    low, high = (energy[0], energy[-1]) if area is None else (area[0] / EV, area[1] / EV)
    at_window = window_of(spectra, low, high, 3, "in area_window", "Give it in J within the data")
    x, y = energy[at_window], (values - pre)[:, at_window]
    weight = np.zeros(x.size)
    weight[:-1] += 0.5 * np.diff(x)
    weight[1:] += 0.5 * np.diff(x)
    weight /= x[-1] - x[0]
    step = y @ weight
    noise = np.zeros(y.shape) if spectra.sigma is None else spectra.sigma[:, at_window]
    return _Curves(pre, pre + step[:, None], step, np.linalg.norm(noise * weight, axis=1))


def _require_step(curves: _Curves, where: str) -> None:
    if not curves.step.min() > 0:
        row = int(np.argmin(curves.step))
        raise XasError(
            f"{where}{_scan(row, curves.step.size)}: its edge step is {curves.step[row]:.4g}: it does not rise at the"
            " edge. Are I0 and It exchanged (mu = ln(I0/It)), or is the edge energy wrong?"
        )
    # written so that the NaN of a method without sigma passes
    lost = curves.step < SIGNIFICANT * curves.sigma
    if lost.any():
        row = int(np.argmax(lost))
        shown = format_uncertain(float(curves.step[row]), float(curves.sigma[row]))
        raise XasError(
            f"{where}{_scan(row, curves.step.size)}: its edge step {shown} is not significant; move the windows off the"
            " edge, use a lower post_edge, or state the edge_energy"
        )


def _scan(row: int, count: int) -> str:
    return f" (scan {row + 1} of {count})" if count > 1 else ""


def _measurement(
    spectrum: Measurement,
    spectra: Spectra,
    normal: np.ndarray,
    curves: _Curves,
    e0: np.ndarray,
    sigma_e0: np.ndarray,
    said: str,
) -> Measurement:
    attributes: dict[str, float | str] = {**spectrum.attributes, "normalisation": said}
    if e0.size == 1:
        numbers = {
            "edge_energy": e0[0] * EV,
            "sigma_edge_energy": sigma_e0[0] * EV,
            "edge_step": curves.step[0],
            "sigma_edge_step": curves.sigma[0],
        }
        attributes |= {name: float(number) for name, number in numbers.items() if math.isfinite(number)}
    step = f"normalised: {said}; divided by {_said_range(curves.step, '.5g')}"
    if math.isfinite(e0[0]):
        step += f"; E0 {_said_range(e0, '.3f')} eV"
    return replace(
        spectrum,
        quantity="normalized_absorption",
        values=normal,
        sigma=None if spectra.sigma is None else spectra.sigma / curves.step[:, None],
        unit="1",
        attributes=attributes,
        provenance=spectrum.provenance.then(step),
    )


def _said_range(values: np.ndarray, form: str) -> str:
    if values.size == 1:
        return format(float(values[0]), form)
    low, high = float(values.min()), float(values.max())
    return format(low, form) + (f" to {high:{form}}" if high > low else "")
