"""Least squares in which linear unknowns are eliminated: a matrix of spectra explained by D = C(theta) S^T.

For given concentrations C (N, n) the best spectra are S^T = C^+ D, and what is left is the residual (I - C C^+) D, a
function of theta alone. Rotating the M points of the spectra changes neither its norm nor its derivatives' products,
so D is replaced once by the triangular factor of its transpose, N columns instead of M: the cost of an evaluation does
not depend on M, and nothing is truncated.

Two Jacobians of the projected residual are offered. Kaufman's, the default, drops the term that lies in the space of C
and is built from the residuals: J^T r stays exactly the gradient, and J^T J is exactly the Schur complement of the
problem with all spectra as unknowns, so that (J^T J)^-1 is the covariance of that problem. The full one of Golub and
Pereyra is the derivative of the residuals themselves; its additional term counts noise as information, once for every
one of the M points, which makes uncertainties too small. Even Kaufman's J^T J holds the noise of the M fitted spectra;
`corrected_covariance` takes it out.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, doi:10.1137/0710036.
L. Kaufman, BIT 15 (1975) 49, doi:10.1007/BF01932995.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.parameters import Parameters
from labile.fitting.least_squares import FitError, Progress, fit
from labile.fitting.problem import Block, Problem
from labile.fitting.result import FitResult, FitStatus

SEPARABLE = 1e-6
"""Relative deviation up to which a matrix of uncertainties counts as the product of a column and a row."""
DEPENDENT = 1e-10
"""Smallest singular value of concentrations with columns of unit length, relative to the largest."""

CITATIONS = ("Golub1973", "Kaufman1975")

Concentrations = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Values of all parameters (P,), SI -> concentrations (N, n) and their derivatives (N, P, n)."""


def separable_noise(sigma: Any, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Write uncertainties as sigma_ij = row_i column_j.

    Parameters
    ----------
    sigma : array_like
        One number, (N, 1), (1, M), or (N, M).
    shape : (int, int)
        (N, M) of the data.

    Returns
    -------
    rows : ndarray (N,)
    columns : ndarray (M,)
        In the unit of the data.

    Raises
    ------
    FitError
        If they are not positive, not finite, or no such product: the spectra can then not be eliminated together.

    Examples
    --------
    >>> rows, columns = separable_noise([[1.0, 2.0], [3.0, 6.0]], (2, 2))
    >>> np.outer(rows, columns).round(12).tolist()
    [[1.0, 2.0], [3.0, 6.0]]
    """
    given = np.asarray(sigma, dtype=float)
    if given.ndim not in (0, 2):
        raise FitError(
            f"sigma of a matrix {shape} must be one number, a column (N, 1), a row (1, M) or a matrix, found shape"
            f" {given.shape}"
        )
    try:
        full = np.broadcast_to(given, shape)
    except ValueError:
        raise FitError(f"sigma has shape {given.shape}, the data {shape}") from None
    if not np.all(np.isfinite(full) & (full > 0)):
        raise FitError("sigma of a matrix of spectra must be finite and above 0 everywhere")
    logarithm = np.log(full)
    rows = logarithm.mean(axis=1)
    columns = logarithm.mean(axis=0) - logarithm.mean()
    worst = float(np.max(np.abs(logarithm - rows[:, None] - columns)))
    if worst > SEPARABLE:
        raise FitError(
            f"the uncertainties of the spectra are not the product of one number a spectrum and one a point (off by up"
            f" to {100 * np.expm1(worst):.3g} %), so the spectra cannot be eliminated; give one sigma, one a spectrum,"
            " or one a point that stands for all"
        )
    return np.exp(rows), np.exp(columns)


@dataclass(frozen=True, eq=False)
class CompressedSpectra:
    """A weighted matrix of spectra, rotated so that it has as few columns as it can have without loss.

    Attributes
    ----------
    scores : ndarray (N, r)
        Weighted data; r = min(N + k, M).
    known : ndarray (k, r)
        Known pure spectra in the same rotated points.
    rows : ndarray (N,)
        Uncertainty of each spectrum relative to `columns`.
    columns : ndarray (M,)
        Uncertainty of each point, unit of the data.
    """

    scores: np.ndarray
    known: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(N, M) of the data."""
        return self.rows.size, self.columns.size


def compress(data: Any, sigma: Any, known: Any = None) -> CompressedSpectra:
    """Compress a matrix of spectra without loss.

    Parameters
    ----------
    data : array_like (N, M)
    sigma : array_like
        One number, (N, 1), (1, M), or a separable (N, M); see `separable_noise`.
    known : array_like (k, M), optional
        Pure spectra that are not to be eliminated.

    Raises
    ------
    FitError
        For data that are no finite matrix, or sigma that does not fit.

    Examples
    --------
    >>> data = np.arange(12.0).reshape(2, 6)
    >>> small = compress(data, 0.5)
    >>> small.scores.shape, bool(np.isclose(np.sum(small.scores**2), np.sum((data / 0.5) ** 2)))
    ((2, 2), True)
    """
    matrix = np.asarray(data, dtype=float)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.all(np.isfinite(matrix)):
        raise FitError(f"spectra must be a matrix of finite numbers, one row a spectrum; found shape {matrix.shape}")
    rows, columns = separable_noise(sigma, matrix.shape)
    pure = np.zeros((0, matrix.shape[1])) if known is None else np.atleast_2d(np.asarray(known, dtype=float))
    if pure.shape[1] != matrix.shape[1] or not np.all(np.isfinite(pure)):
        raise FitError(f"known spectra have shape {pure.shape}; {matrix.shape[1]} finite points each are expected")
    stacked = np.concatenate([matrix / rows[:, None], pure]) / columns
    if stacked.shape[1] > stacked.shape[0]:
        stacked = np.ascontiguousarray(np.transpose(np.asarray(np.linalg.qr(stacked.T, mode="r"))))
    count = matrix.shape[0]
    return CompressedSpectra(stacked[:count], stacked[count:], rows, columns)


@dataclass(frozen=True, eq=False)
class _Elimination:
    """The orthogonal split of row space at given concentrations.

    Attributes
    ----------
    q : ndarray (N, p)
    r : ndarray (p, p)
        Of the weighted concentrations of the p unknown spectra.
    left : ndarray (N, c)
        (I - C C^+) applied to the weighted data, known spectra taken off.
    loadings : ndarray (p, c)
        C^+ applied to the same.
    """

    q: np.ndarray
    r: np.ndarray
    left: np.ndarray
    loadings: np.ndarray


def _eliminate(scores: np.ndarray, known: np.ndarray, weighted: np.ndarray) -> _Elimination:
    """Split weighted data (N, c) by weighted concentrations (N, n), the last of which belong to known spectra."""
    free = weighted.shape[1] - known.shape[0]
    unknown = weighted[:, :free]
    norms = np.linalg.norm(unknown, axis=0)
    if not (np.all(np.isfinite(norms)) and np.all(norms > 0)):
        raise ArithmeticError("a component has no concentration in any spectrum, so its spectrum is not determined")
    q, r = np.linalg.qr(unknown)
    s = np.linalg.svd(r / norms, compute_uv=False)
    if s.size and s[-1] <= DEPENDENT * s[0]:
        raise ArithmeticError("the concentrations of the components are proportional, their spectra not determined")
    rest = scores - weighted[:, free:] @ known
    along = q.T @ rest
    return _Elimination(q, r, rest - q @ along, np.linalg.solve(r, along))


def _checked(data: CompressedSpectra, concentrations: np.ndarray, slopes: np.ndarray) -> int:
    """Number of unknown spectra p, after the shapes were verified."""
    points, n = data.scores.shape[0], concentrations.shape[-1]
    free = n - data.known.shape[0]
    good = concentrations.shape == (points, n) and slopes.shape == (points, slopes.shape[1], n)
    if not good or not 0 <= free < points:
        raise FitError(
            f"{points} spectra with {data.known.shape[0]} known components, but concentrations have shape"
            f" {concentrations.shape} and their derivatives {slopes.shape}; (N, n) and (N, K, n) with fewer unknown"
            " components than spectra are expected, known ones last"
        )
    return free


def projected_block(
    data: CompressedSpectra, concentrations: np.ndarray, slopes: np.ndarray, *, form: str = "kaufman"
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted residuals of spectra with the linear unknowns eliminated, and their Jacobian.

    A block of any larger problem: append it to other residuals.

    Parameters
    ----------
    data : CompressedSpectra
    concentrations : ndarray (N, n)
        Those of known spectra last, in the order given to `compress`.
    slopes : ndarray (N, K, n)
        Their derivatives in K parameters.
    form : {"kaufman", "golub-pereyra"}
        See the module: the first for fits and covariances, the second where the derivative of the residual vector
        itself is wanted. Both give the exact gradient of the sum of squares.

    Returns
    -------
    residuals : ndarray (N r,)
        Data minus model; r columns of `data.scores`. Their sum of squares is that of all N M points.
    jacobian : ndarray (N r, K)

    Raises
    ------
    FitError
        If shapes do not fit together or `form` is unknown.
    ArithmeticError
        Where components are nowhere populated or proportional to each other: their spectra are not determined. The
        fit engine shortens the step then.

    Examples
    --------
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> data = np.outer(np.exp(-2.0 * t), [1.0, 3.0, 2.0])
    >>> c = np.exp(-2.0 * t)[:, None]
    >>> residuals, jacobian = projected_block(compress(data, 1.0), c, -(t[:, None] * c)[:, None, :])
    >>> bool(np.all(np.abs(residuals) < 1e-12)), jacobian.shape
    (True, (15, 1))
    """
    if form not in ("kaufman", "golub-pereyra"):
        raise FitError(f"form of the projected Jacobian must be 'kaufman' or 'golub-pereyra', found {form!r}")
    free = _checked(data, concentrations, slopes)
    split = _eliminate(data.scores, data.known, concentrations / data.rows[:, None])
    turned = _off(split.q, slopes, data.rows)
    spectra = np.concatenate([split.loadings, data.known])
    jacobian = -(turned @ spectra)
    if form == "golub-pereyra":
        inside = np.moveaxis(slopes[:, :, :free], 1, 0) / data.rows[:, None]
        jacobian -= split.q @ np.linalg.solve(split.r.T, np.swapaxes(inside, 1, 2) @ split.left)
    return split.left.ravel(), jacobian.reshape(jacobian.shape[0], split.left.size).T


def _off(q: np.ndarray, slopes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(I - q q^T) of the weighted derivatives, shape (K, N, n)."""
    weighted = np.moveaxis(slopes, 1, 0) / rows[:, None]
    return np.asarray(weighted - q @ (q.T @ weighted))


def noise_information(data: CompressedSpectra, concentrations: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """What the noise of the eliminated spectra adds to J^T J on average, shape (K, K).

    M tr[(I - C C^+) C_k (C^T C)^-1 C_l^T] for weighted concentrations and their derivatives C_k: the products of the
    Jacobian hold fitted spectra, whose noise adds to their squares.
    """
    free = _checked(data, concentrations, slopes)
    q, r = np.linalg.qr(concentrations[:, :free] / data.rows[:, None])
    turned = _off(q, slopes[:, :, :free], data.rows)
    whitened = np.linalg.solve(r.T, np.swapaxes(turned, 1, 2)).reshape(turned.shape[0], turned.shape[1] * free)
    return np.asarray(data.shape[1] * (whitened @ whitened.T))


def corrected_covariance(jacobian: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Covariance of parameters whose information is J^T J less the noise in it: H^-1 (J^T J) H^-1, H = J^T J - noise.

    Exact to first order of theta's errors for spectra of any signal-to-noise ratio; with much signal it is (J^T J)^-1.

    Parameters
    ----------
    jacobian : ndarray (R, F)
        Kaufman's, with whatever other blocks take part.
    noise : ndarray (F, F)
        From `noise_information`.

    Returns
    -------
    ndarray (F, F)
        Infinite variances and NaN covariances where noise is all there is.
    """
    gram = jacobian.T @ jacobian
    norms = np.sqrt(np.where(gram.diagonal() > 0, gram.diagonal(), 1.0))
    signal = (gram - noise) / np.outer(norms, norms)
    values, vectors = np.linalg.eigh(signal)
    if values.size and values[0] <= 1e-9:
        lost = np.full(gram.shape, np.nan)
        np.fill_diagonal(lost, np.inf)
        return lost
    inverse = (vectors / values) @ vectors.T / np.outer(norms, norms)
    return np.asarray(inverse @ gram @ inverse)


@dataclass(frozen=True, eq=False)
class ProjectedFit:
    """A fit of concentrations to spectra, with the spectra that go with them.

    Attributes
    ----------
    result : FitResult
        Parameters; the covariance is corrected for the noise of the eliminated spectra.
    concentrations : ndarray (N, n)
    slopes : ndarray (N, F, n)
        In the free parameters.
    spectra : ndarray (n, M)
        Known ones last.
    sigma_spectra : ndarray (n, M)
        Standard uncertainties, those of the parameters included; 0 for known ones.
    shape : (int, int)
        (N, M) of the data.
    """

    result: FitResult
    concentrations: np.ndarray
    slopes: np.ndarray
    spectra: np.ndarray
    sigma_spectra: np.ndarray
    shape: tuple[int, int]

    @property
    def degrees_of_freedom(self) -> int:
        """N M data less eliminated unknowns less free parameters (residuals are compressed, so they count fewer)."""
        unknown = int(np.sum(np.any(self.sigma_spectra > 0, axis=1)))
        return self.shape[0] * self.shape[1] - unknown * self.shape[1] - self.result.n_free

    @property
    def reduced_chi2(self) -> float:
        """chi2 per degree of freedom."""
        return self.result.chi2 / max(self.degrees_of_freedom, 1)

    @property
    def sigma_concentrations(self) -> np.ndarray:
        """Standard uncertainties (N, n) of the concentrations from those of the parameters."""
        moving = np.array([name not in self.result.at_bound for name in self.result.free_names], dtype=bool)
        slopes = np.moveaxis(self.slopes[:, moving], 1, 2)
        covariance = self.result.covariance[np.ix_(moving, moving)]
        return np.asarray(np.sqrt(np.maximum(np.einsum("nif,fg,nig->ni", slopes, covariance, slopes), 0.0)))

    def predicted(self) -> np.ndarray:
        """Model spectra, shape (N, M)."""
        return np.asarray(self.concentrations @ self.spectra)


def projected_problem(
    label: str, parameters: Parameters, data: CompressedSpectra, concentrations: Concentrations
) -> Problem:
    """Return a problem for the fit engine from spectra and concentrations.

    Parameters
    ----------
    label : str
        Name of the block.
    parameters : Parameters
    data : CompressedSpectra
    concentrations : callable
        Values of all parameters -> (N, n) and (N, P, n).
    """

    def evaluate(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c, slopes = concentrations(parameters.expand(vector))
        return projected_block(data, c, np.einsum("npi,pf->nfi", slopes, parameters.matrix))

    return Problem(parameters, evaluate, (Block(label, int(data.scores.size)),))


def fit_projected(
    data: Any,
    sigma: Any,
    parameters: Parameters,
    concentrations: Concentrations,
    *,
    known: Any = None,
    label: str = "spectra",
    starts: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProjectedFit:
    """Fit the parameters of concentrations to spectra whose components are free, all but known ones.

    The spectra may come out negative: bounds on them cannot be kept while they are eliminated. Where a spectrum must
    not be negative, look at `spectra` over `sigma_spectra`: points far below zero speak against the model.

    Parameters
    ----------
    data : array_like (N, M)
    sigma : array_like
        One number, (N, 1), (1, M), or a separable (N, M).
    parameters : Parameters
    concentrations : callable
        Values of all parameters (P,) -> concentrations (N, n), derivatives (N, P, n); known components last.
    known : array_like (k, M), optional
    label : str
    starts, seed, progress
        As for `labile.fitting.least_squares.fit`.

    Returns
    -------
    ProjectedFit

    Raises
    ------
    FitError
        For shapes or uncertainties that do not fit.

    Examples
    --------
    >>> from labile.core.parameters import Parameter
    >>> t = np.linspace(0.0, 3.0, 40)
    >>> def decay(values):
    ...     c = np.exp(-values[0] * t)
    ...     return np.stack([c, 1 - c], axis=1), np.stack([-t * c, t * c], axis=1)[:, None, :]
    >>> pure = np.array([[1.0, 0.2, 0.0, 0.4], [0.1, 0.8, 0.5, 0.0]])
    >>> noise = np.random.default_rng(0).normal(0.0, 1e-3, (40, 4))
    >>> found = fit_projected(
    ...     decay(np.array([1.3]))[0] @ pure + noise, 1e-3, Parameters((Parameter("a.rate", 0.5),)), decay
    ... )
    >>> bool(abs(found.result.value("a.rate") - 1.3) < 4 * found.result.sigma_of("a.rate"))
    True
    """
    compressed = compress(data, sigma, known)
    problem = projected_problem(label, parameters, compressed, concentrations)
    result = fit(problem, starts=starts, seed=seed, progress=progress)
    result = replace(result, citations=(*result.citations, *CITATIONS))
    c, slopes = concentrations(result.parameters.values)
    slopes = np.einsum("npi,pf->nfi", slopes, parameters.matrix)
    if result.status is FitStatus.FAILED:
        blank = np.full((c.shape[1], compressed.shape[1]), np.nan)
        return ProjectedFit(result, c, slopes, blank, blank, compressed.shape)
    if not result.undetermined:
        moving = np.array([name not in result.at_bound for name in result.free_names], dtype=bool)
        noise = noise_information(compressed, c, slopes)[np.ix_(moving, moving)]
        matrix = np.zeros_like(result.covariance)
        matrix[np.ix_(moving, moving)] = corrected_covariance(result.jacobian[:, moving], noise)
        lost = tuple(n for n, v in zip(result.free_names, matrix.diagonal(), strict=True) if np.isinf(v))
        result = replace(result, covariance=matrix, undetermined=lost)
    spectra, sigma_spectra = eliminated_spectra(data, compressed, c, slopes, result.covariance, known)
    return ProjectedFit(result, c, slopes, spectra, sigma_spectra, compressed.shape)


def eliminated_spectra(
    data: Any,
    compressed: CompressedSpectra,
    concentrations: np.ndarray,
    slopes: np.ndarray,
    covariance: np.ndarray,
    known: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra that belong to concentrations, with their standard uncertainties.

    Parameters
    ----------
    data : array_like (N, M)
    compressed : CompressedSpectra
        Of the same data.
    concentrations : ndarray (N, n)
        Known components last.
    slopes : ndarray (N, F, n)
    covariance : ndarray (F, F)
        Of the F parameters; NaN where they are not determined makes the uncertainties of spectra NaN.
    known : array_like (k, M), optional

    Returns
    -------
    spectra, sigma : ndarray (n, M)
    """
    free = _checked(compressed, concentrations, slopes)
    pure = np.zeros((0, compressed.shape[1])) if known is None else np.atleast_2d(np.asarray(known, dtype=float))
    weighted = concentrations / compressed.rows[:, None]
    scaled = np.asarray(data, dtype=float) / compressed.rows[:, None]
    split = _eliminate(scaled, pure, weighted)
    inverse = np.linalg.inv(split.r)
    own = np.sum(inverse**2, axis=1)[:, None] * compressed.columns**2
    spectra = np.concatenate([split.loadings, pure])
    # a change of the parameters is answered by the spectra with -C^+ C_k S^T
    turned = np.moveaxis(slopes, 1, 0) / compressed.rows[:, None]
    answer = -(inverse @ (split.q.T @ turned)) @ spectra
    variance = own + np.einsum("fpm,fg,gpm->pm", answer, covariance, answer, optimize=True)
    sigma = np.zeros_like(spectra)
    sigma[:free] = np.sqrt(variance)
    return spectra, sigma
