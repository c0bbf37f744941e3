"""Multivariate curve resolution: D = C S^T with non-negative C and S by alternating least squares.

Constraints: non-negativity, closure (every row of C sums to one), known pure spectra, unimodal concentrations. Each
half step is the exact constrained least-squares solution, found over all sets of vanishing components. What these
constraints leave open, the rotational ambiguity C T, T^-1 S, is reported by `ambiguity_bands`: the solution alone says
nothing about it. `state_map.fit_state_map` closes it with a model.

References
----------
R. Tauler, Chemom. Intell. Lab. Syst. 30 (1995) 133, doi:10.1016/0169-7439(95)00047-X.
R. Tauler, J. Chemometrics 15 (2001) 627, doi:10.1002/cem.654.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, wavenumbers

MOST = 6
"""Components: all 2^n sets of vanishing ones are tried."""


@dataclass(frozen=True, eq=False)
class CurveResolution:
    """Concentrations and spectra found without a model.

    Attributes
    ----------
    spectra_map : Measurement
    concentrations : ndarray (N, n)
    spectra : ndarray (n, M)
    lack_of_fit : float
        Percent: 100 |D - C S|/|D|.
    iterations : int
    converged : bool
    closure : bool
    notes : tuple of str
    """

    spectra_map: Measurement
    concentrations: np.ndarray
    spectra: np.ndarray
    lack_of_fit: float
    iterations: int
    converged: bool
    closure: bool
    known: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AmbiguityBands:
    """Extreme solutions that explain the map equally well under the same constraints.

    Attributes
    ----------
    lowest, highest : ndarray (N, n)
        Concentrations of each component in the solutions where its share of the signal is least and greatest.
    share : ndarray (n, 2)
        Those shares, |c s|/|C S|.
    spectra_lowest, spectra_highest : ndarray (n, M)
    """

    lowest: np.ndarray
    highest: np.ndarray
    share: np.ndarray
    spectra_lowest: np.ndarray
    spectra_highest: np.ndarray

    @property
    def width(self) -> np.ndarray:
        """Largest difference of each component's concentrations between the two, shape (n,)."""
        return np.asarray(np.max(np.abs(self.highest - self.lowest), axis=0))


def constrained_least_squares(
    gram: np.ndarray, right: np.ndarray, *, closed: bool, total: np.ndarray | float = 1.0
) -> np.ndarray:
    """Exact minimiser of c^T G c/2 - b^T c for c >= 0 and, where `closed`, sum c = total; for K right-hand sides.

    Parameters
    ----------
    gram : ndarray (n, n)
        Positive semi-definite.
    right : ndarray (n, K)
    closed : bool
    total : ndarray (K,) or float
        Not negative.

    Returns
    -------
    ndarray (n, K)

    Examples
    --------
    >>> constrained_least_squares(np.eye(2), np.array([[2.0], [-1.0]]), closed=False).round(9).ravel().tolist()
    [2.0, 0.0]
    >>> constrained_least_squares(np.eye(2), np.array([[0.7], [0.5]]), closed=True).round(12).ravel().tolist()
    [0.6, 0.4]
    """
    n, count = right.shape
    best = np.zeros((n, count))
    lowest = np.full(count, np.inf) if closed else np.zeros(count)
    scale = max(float(np.max(np.abs(gram))), 1e-300)
    for size in range(1, n + 1):
        for chosen in combinations(range(n), size):
            index = np.array(chosen)
            part = gram[np.ix_(index, index)] + 1e-13 * scale * np.eye(size)
            if closed:
                ones = np.full((size, 1), scale)
                system = np.block([[part, ones], [ones.T, np.zeros((1, 1))]])
                side = np.vstack([right[index], scale * np.broadcast_to(total, (1, count))])
                found = np.linalg.solve(system, side)[:size]
            else:
                found = np.linalg.solve(part, right[index])
            value = 0.5 * np.sum(found * (part @ found), axis=0) - np.sum(found * right[index], axis=0)
            better = np.all(found >= 0, axis=0) & (value < lowest)
            lowest[better] = value[better]
            best[:, better] = 0.0
            best[np.ix_(index, np.flatnonzero(better))] = found[:, better]
    return best


def purest_rows(data: np.ndarray, count: int) -> np.ndarray:
    """Indices of the spectra that are least alike: each next one farthest from the span of those before."""
    rest = data.copy()
    found = []
    for _ in range(count):
        i = int(np.argmax(np.sum(rest**2, axis=1)))
        found.append(i)
        direction = rest[i] / max(float(np.linalg.norm(rest[i])), 1e-300)
        rest = rest - np.outer(rest @ direction, direction)
    return np.array(found)


def mcr_als(
    spectra: Measurement,
    components: int,
    *,
    closure: bool = True,
    known: Mapping[int, Any] | None = None,
    unimodal: Sequence[int] = (),
    start: Any = None,
    max_iterations: int = 2000,
    tolerance: float = 1e-10,
) -> CurveResolution:
    """Resolve a map into non-negative concentrations and spectra.

    Parameters
    ----------
    spectra : Measurement
        Map of absorbances or intensities.
    components : int
        At most 6.
    closure : bool
        Concentrations of every spectrum sum to one.
    known : mapping of int to array_like (M,), optional
        Pure spectra on the wavenumbers of the map in rising order.
    unimodal : sequence of int
        Components whose concentration has one maximum along the map.
    start : array_like (components, M), optional
        Spectra to begin with; the least alike of the map by default.
    max_iterations : int
    tolerance : float
        Relative change of the sum of squares at which the alternation ends.

    Returns
    -------
    CurveResolution

    Raises
    ------
    VibrationalError
        For a number of components that the map cannot hold.
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    data = source.values
    where = f"map {spectra.label!r}"
    if not 1 <= components <= min(MOST, *data.shape):
        raise VibrationalError(
            f"{where}: {components} components; 1 to {min(MOST, *data.shape)} are possible with {data.shape[0]} spectra"
        )
    fixed = {int(k): np.asarray(v, dtype=float) for k, v in (known or {}).items()}
    for k, row in fixed.items():
        if not 0 <= k < components or row.shape != nu.shape or not np.all(np.isfinite(row)):
            raise VibrationalError(
                f"{where}: known spectrum {k} needs {nu.size} finite points and a number below {components}"
            )
    s = data[purest_rows(data, components)] if start is None else np.array(start, dtype=float)
    if s.shape != (components, nu.size):
        raise VibrationalError(f"{where}: start has shape {s.shape}, expected {(components, nu.size)}")
    s = np.maximum(s, 0.0)
    for k, row in fixed.items():
        s[k] = row
    free = [i for i in range(components) if i not in fixed]
    bound = sorted(set(unimodal))
    if any(not 0 <= k < components for k in bound) or (closure and len(bound) == components):
        raise VibrationalError(
            f"{where}: unimodal components {bound} of {components}; under closure one at least must be free to fill up"
        )
    total = float(np.sum(data**2))
    last, converged, iteration = np.inf, False, 0
    c = np.zeros((data.shape[0], components))
    while iteration < max_iterations:
        iteration += 1
        c = constrained_least_squares(s @ s.T, s @ data.T, closed=closure).T
        if bound:
            c = _with_unimodal(data, c, s, bound, closure)
        rest = data - sum((np.outer(c[:, k], row) for k, row in fixed.items()), np.zeros_like(data))
        if free:
            part = c[:, free]
            s[free] = constrained_least_squares(part.T @ part, part.T @ rest, closed=False)
        left = float(np.sum((data - c @ s) ** 2))
        if abs(last - left) <= tolerance * max(left, 1e-12 * total):
            converged = True
            break
        last = left
    left = float(np.sum((data - c @ s) ** 2))
    notes = ["rotational ambiguity is not visible here; see ambiguity_bands"]
    if not converged:
        notes.append(f"stopped after {max_iterations} alternations before converging")
    negative = float(np.sum(data[data < 0] ** 2) / total)
    if negative > 1e-3:
        notes.append(f"{100 * negative:.2g} % of the squared signal is negative and cannot be explained")
    return CurveResolution(
        source, c, s, 100.0 * float(np.sqrt(left / total)), iteration, converged, closure, tuple(fixed), tuple(notes)
    )  # fmt: skip


def _with_unimodal(data: np.ndarray, c: np.ndarray, s: np.ndarray, bound: list[int], closure: bool) -> np.ndarray:
    """Concentrations with some profiles made unimodal, the others solved again for what is left."""
    out = c.copy()
    for k in bound:
        out[:, k] = _unimodal(c[:, k])
    others = [k for k in range(c.shape[1]) if k not in bound]
    if others:
        rest = data - out[:, bound] @ s[bound]
        left = np.maximum(1.0 - out[:, bound].sum(axis=1), 0.0)
        part = s[others]
        out[:, others] = constrained_least_squares(part @ part.T, part @ rest.T, closed=closure, total=left).T
    return out


def _unimodal(profile: np.ndarray) -> np.ndarray:
    """Clip a profile so that it only rises before its maximum and only falls after it."""
    top = int(np.argmax(profile))
    left = np.minimum.accumulate(profile[: top + 1][::-1])[::-1]
    return np.concatenate([left, np.minimum.accumulate(profile[top:])[1:]])


def ambiguity_bands(found: CurveResolution) -> AmbiguityBands:
    """Extreme rotations of a resolution that keep its fit and its constraints (MCR-BANDS).

    For every component the share of the signal is made least and greatest over all T with C T and T^-1 S not negative
    (no more than they are already) and, under closure, rows of T that sum to one.

    Parameters
    ----------
    found : CurveResolution

    Returns
    -------
    AmbiguityBands

    Raises
    ------
    VibrationalError
        For a single component.
    """
    from scipy.optimize import minimize

    c, s = found.concentrations, found.spectra
    n = c.shape[1]
    if n < 2:
        raise VibrationalError("one component has no rotational ambiguity")
    places = [(i, j) for i in range(n) for j in range(n) if i != j and i not in found.known]
    size = float(np.linalg.norm(c @ s))
    top = float(np.max(np.abs(s)))

    def rotation(vector: np.ndarray) -> np.ndarray:
        t = np.eye(n)
        for (i, j), value in zip(places, vector, strict=True):
            t[i, j] = value
            if found.closure:
                t[i, i] -= value
        return t

    def rotated(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        t = np.asarray(rotation(vector))
        return c @ np.linalg.inv(t), t @ s

    low_c, low_s = min(0.0, float(c.min())) - 1e-9, min(0.0, float(s.min()) / top) - 1e-9

    def room(vector: np.ndarray) -> np.ndarray:
        try:
            cc, ss = rotated(vector)
        except np.linalg.LinAlgError:
            return np.full(c.size + s.size, -1.0)
        return np.concatenate([cc.ravel() - low_c, ss.ravel() / top - low_s])

    def share(vector: np.ndarray, k: int) -> float:
        try:
            cc, ss = rotated(vector)
        except np.linalg.LinAlgError:
            return 1.0
        return float(np.linalg.norm(cc[:, k]) * np.linalg.norm(ss[k])) / size

    lowest, highest, low_spectra, high_spectra = np.empty_like(c), np.empty_like(c), np.empty_like(s), np.empty_like(s)
    shares = np.empty((n, 2))
    start = np.zeros(len(places))
    for k in range(n):
        for side, sign in enumerate((1.0, -1.0)):
            answer = minimize(
                lambda v, k=k, sign=sign: sign * share(v, k),
                start,
                method="SLSQP",
                constraints=({"type": "ineq", "fun": room},),
                options={"maxiter": 200, "ftol": 1e-10},
            )
            # a point outside the constraints is no solution; the found one always is
            good = np.min(room(answer.x)) >= -1e-6 and sign * share(answer.x, k) <= sign * share(start, k)
            best = answer.x if good else start
            cc, ss = rotated(best)
            shares[k, side] = share(best, k)
            (lowest if side == 0 else highest)[:, k] = cc[:, k]
            (low_spectra if side == 0 else high_spectra)[k] = ss[k]
    return AmbiguityBands(lowest, highest, shares, low_spectra, high_spectra)
