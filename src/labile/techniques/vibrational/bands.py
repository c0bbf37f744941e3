"""Bands of vibrational spectra: shapes, drifting positions, areas and baselines eliminated spectrum by spectrum.

    A_i(nu) = sum_b a_ib L(nu; nu_b + d_b tau_i + q_b tau_i^2, width_b, shape_b) + sum_k c_ik P_k(nu)

Lines L have unit area, so a_ib are areas. Areas and baselines are linear in every spectrum and eliminated there; only
positions, drifts, widths and shapes are searched for, all shared by the spectra.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labile.core.parameters import Parameter, Parameters
from labile.fitting.line_shapes import SIGMA_OF_FWHM, Line, gaussian, lorentzian, pseudo_voigt, voigt
from labile.techniques.vibrational.spectral_map import CM, VibrationalError

ALL = slice(None)
SHAPES = ("lorentz", "gauss", "pseudo_voigt", "voigt")


@dataclass(frozen=True)
class Band:
    """One band.

    Attributes
    ----------
    name : str
        Prefix of its parameters.
    position : float
        Start value, 1/m, at the reference condition.
    width : float
        Start value of the full width at half maximum, 1/m.
    shape : {"pseudo_voigt", "lorentz", "gauss", "voigt"}
        Pseudo-Voigt is 50:50 unless `share` says otherwise.
    share : float
        Lorentzian share of a pseudo-Voigt.
    free_share : bool
        Fit it, between 0 and 1.
    drift : int
        Degree of the position's polynomial in temperature or pressure: 0, 1 or 2.

    Examples
    --------
    >>> Band("V", 1556e2, 15e2).shape
    'pseudo_voigt'
    """

    name: str
    position: float
    width: float = 10 * CM
    shape: str = "pseudo_voigt"
    share: float = 0.5
    free_share: bool = False
    drift: int = 0

    def __post_init__(self) -> None:
        where = f"band {self.name!r}"
        if self.shape not in SHAPES:
            raise VibrationalError(f"{where}: shape {self.shape!r} is unknown; use one of {', '.join(SHAPES)}")
        if not (self.position > 0 and self.width > 0):
            raise VibrationalError(f"{where}: position and width must be above 0 1/m")
        if self.drift not in (0, 1, 2) or not 0 <= self.share <= 1:
            raise VibrationalError(f"{where}: drift must be 0, 1 or 2 and share within [0, 1]")
        if self.free_share and self.shape != "pseudo_voigt":
            raise VibrationalError(f"{where}: only a pseudo_voigt has a share to fit")

    def parameters(self, low: float, high: float) -> tuple[Parameter, ...]:
        """Nonlinear parameters: position and drifts, width, shape; positions stay within [low, high] (1/m)."""
        n = self.name
        found = [Parameter(f"{n}.band_position", self.position, lower=low, upper=high)]
        if self.drift >= 1:
            found.append(Parameter(f"{n}.band_drift", 0.0, unit="1/cm"))
        if self.drift == 2:
            found.append(Parameter(f"{n}.band_curvature", 0.0, unit="1/cm"))
        # half of a Voigt line's width each to start with
        width = 0.5 * self.width if self.shape == "voigt" else self.width
        found.append(Parameter(f"{n}.band_width", width, lower=1e-3 * self.width, upper=high - low))
        if self.shape == "voigt":
            sigma = 0.5 * self.width * SIGMA_OF_FWHM
            found.append(
                Parameter(f"{n}.gaussian_band_width", sigma, unit="1/cm", lower=1e-3 * sigma, upper=high - low)
            )
        if self.free_share:
            found.append(Parameter(f"{n}.lorentz_share", self.share, lower=0.0, upper=1.0))
        return tuple(found)

    def line(self, nu: np.ndarray, centre: np.ndarray, values: dict[str, float]) -> tuple[Line, float]:
        """Lines (N, M) of unit area at centres (N, 1), and d(argument)/d(width parameter)."""
        width = values[f"{self.name}.band_width"]
        if self.shape == "lorentz":
            return lorentzian(nu, centre, width), 1.0
        if self.shape == "gauss":
            return gaussian(nu, centre, width * SIGMA_OF_FWHM), SIGMA_OF_FWHM
        if self.shape == "voigt":
            return voigt(nu, centre, width, values[f"{self.name}.gaussian_band_width"]), 1.0
        return pseudo_voigt(nu, centre, width, values.get(f"{self.name}.lorentz_share", self.share)), 1.0


@dataclass(frozen=True, eq=False)
class Solved:
    """Spectra explained at given nonlinear parameters.

    Attributes
    ----------
    residuals : ndarray (N, M)
        Weighted, data minus model.
    jacobian : ndarray (N, M, P)
        Kaufman's, in all nonlinear parameters.
    linear : ndarray (N, L)
        Areas of bands (1/m), then coefficients of the baseline.
    covariance : ndarray (N, L, L)
        Of the linear unknowns at fixed nonlinear ones.
    answer : ndarray (N, L, P)
        How they answer to a change of the nonlinear ones.
    model, baseline : ndarray (N, M)
    """

    residuals: np.ndarray
    jacobian: np.ndarray
    linear: np.ndarray
    covariance: np.ndarray
    answer: np.ndarray
    model: np.ndarray
    baseline: np.ndarray


@dataclass(frozen=True, eq=False)
class BandDesign:
    """Bands and baselines on a grid, for N spectra.

    Attributes
    ----------
    bands : tuple of Band
    nu : ndarray (M,)
        1/m.
    tau : ndarray (N,)
        Reduced temperature or pressure of the drifts.
    degree : int
        Of the polynomial baseline; -1 for none.
    """

    bands: tuple[Band, ...]
    nu: np.ndarray
    tau: np.ndarray
    degree: int = 1
    parameters: Parameters = field(init=False)

    def __post_init__(self) -> None:
        names = [band.name for band in self.bands]
        if not names or len(set(names)) != len(names):
            raise VibrationalError(f"bands need different names, found {', '.join(names) or 'no bands'}")
        if not -1 <= self.degree <= 5:
            raise VibrationalError(f"degree of the baseline must be -1 (none) to 5, found {self.degree}")
        low, high = float(self.nu.min()), float(self.nu.max())
        for band in self.bands:
            if not low < band.position < high:
                raise VibrationalError(
                    f"band {band.name!r} at {band.position / CM:g} cm-1 lies outside the spectra, {low / CM:g} to"
                    f" {high / CM:g}"
                )
        if self.nu.size <= len(names) + self.degree + 1:
            raise VibrationalError(f"{self.nu.size} points for {len(names)} bands and a baseline; too few")
        found = tuple(p for band in self.bands for p in band.parameters(low, high))
        object.__setattr__(self, "parameters", Parameters(found))

    def compressed(self, values: np.ndarray, data: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and Jacobian of all spectra, those of each rotated into at most P + 1 rows.

        The triangular factor of [J r] has the same r^T r, J^T r and J^T J: all a fit uses.
        """
        parts = []
        for i in range(data.shape[0]):
            one = self.solve(values, data[i : i + 1], sigma[i : i + 1], slice(i, i + 1))
            stacked = np.column_stack([one.jacobian[0], one.residuals[0]])
            parts.append(np.linalg.qr(stacked, mode="r"))
        rows = np.concatenate(parts)
        return rows[:, -1], rows[:, :-1]

    def solve(self, values: np.ndarray, data: np.ndarray, sigma: np.ndarray, rows: slice = ALL) -> Solved:
        """Best areas and baselines of every spectrum, with what a fit of the rest needs.

        Parameters
        ----------
        values : ndarray (P,)
            All nonlinear parameters, SI.
        data, sigma : ndarray (N, M)
        rows : slice
            Which of the design's spectra these are.

        Raises
        ------
        ArithmeticError
            Where two bands coincide: their areas are not determined.
        """
        named = dict(zip(self.parameters.names, values.tolist(), strict=True))
        spectra, points = data.shape
        count, poly = len(self.bands), self.degree + 1
        design = np.empty((spectra, points, count + poly))
        slopes: list[tuple[int, np.ndarray]] = []
        for b, band in enumerate(self.bands):
            n = band.name
            powers = self.tau[rows, None] ** np.arange(3)
            terms = [
                named[f"{n}.band_position"],
                named.get(f"{n}.band_drift", 0.0),
                named.get(f"{n}.band_curvature", 0.0),
            ]
            line, by_width = band.line(self.nu, (powers @ terms)[:, None], named)
            design[:, :, b] = line.value
            for k in range(1 + band.drift):
                slopes.append((b, line.d_centre * powers[:, k, None]))
            slopes.append((b, line.d_width * by_width))
            if band.shape == "voigt" or band.free_share:
                assert line.d_shape is not None
                slopes.append((b, line.d_shape))
        scaled = 2.0 * (self.nu - self.nu.min()) / np.ptp(self.nu) - 1.0
        if poly:
            design[:, :, count:] = np.polynomial.legendre.legvander(scaled, self.degree)
        weighted = design / sigma[:, :, None]
        norms = np.linalg.norm(weighted, axis=1)
        q, r = np.linalg.qr(weighted / norms[:, None, :])
        pivots = np.abs(np.diagonal(r, axis1=1, axis2=2))
        if not np.all(pivots > 1e-7):
            raise ArithmeticError("two bands coincide, or one has become a baseline; their areas are not determined")
        inverse = np.linalg.inv(r) / norms[:, :, None]
        target = data / sigma
        along = np.einsum("nml,nm->nl", q, target)
        linear = np.einsum("nkl,nl->nk", inverse, along)
        residuals = target - np.einsum("nml,nl->nm", q, along)
        moved = np.stack([slope * linear[:, b, None] / sigma for b, slope in slopes], axis=2)
        inside = np.swapaxes(q, 1, 2) @ moved
        jacobian = -(moved - q @ inside)
        model = np.einsum("nml,nl->nm", design, linear)
        baseline = np.einsum("nml,nl->nm", design[:, :, count:], linear[:, count:])
        covariance = inverse @ np.swapaxes(inverse, 1, 2)
        return Solved(residuals, jacobian, linear, covariance, -(inverse @ inside), model, baseline)
