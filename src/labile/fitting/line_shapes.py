"""Lines of unit area with their exact derivatives: Lorentz, Gauss, Voigt, pseudo-Voigt, Pearson VII.

They know no physics. All functions broadcast: ``x`` of shape (M,) and parameters of shape (L, 1) give L lines (L, M).
Widths are full widths at half maximum unless the name says ``sigma``; a height is the value at the centre.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from labile.core.parameters import ParameterError

ROOT_PI = math.sqrt(math.pi)
SIGMA_OF_FWHM = 1.0 / (2.0 * math.sqrt(2.0 * math.log(2.0)))
"""Standard deviation of a Gaussian of unit FWHM."""


class Line(NamedTuple):
    """A line of unit area and its partial derivatives.

    Attributes
    ----------
    value : ndarray
        1/(unit of x).
    d_centre : ndarray
        In the centre; its negative is the derivative in x.
    d_width : ndarray
        In the FWHM (Lorentz, pseudo-Voigt, Pearson VII), the FWHM of the Lorentzian (Voigt) or the standard deviation
        (Gauss).
    d_shape : ndarray or None
        In the second shape parameter: the Gaussian's standard deviation (Voigt), the Lorentzian share (pseudo-Voigt),
        the exponent (Pearson VII); None where there is none.
    """

    value: np.ndarray
    d_centre: np.ndarray
    d_width: np.ndarray
    d_shape: np.ndarray | None = None


def _positive(value: Any, what: str) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if not np.all(array > 0):
        raise ParameterError(f"{what} must be above 0, found {float(np.min(array))!r}")
    return array


def lorentzian(x: Any, centre: Any, fwhm: Any) -> Line:
    """Lorentzian (Cauchy) line of unit area.

    Parameters
    ----------
    x, centre, fwhm : array_like
        In one unit; they broadcast.

    Raises
    ------
    ParameterError
        For a width that is not above 0.

    Examples
    --------
    >>> round(float(lorentzian(0.0, 0.0, 2.0).value) * np.pi, 12)
    1.0
    """
    half = 0.5 * _positive(fwhm, "FWHM of a Lorentzian")
    distance = np.asarray(x, dtype=float) - centre
    inverse = 1.0 / (distance * distance + half * half)
    value = half / math.pi * inverse
    return Line(value, 2.0 * distance * inverse * value, value * (0.5 / half - half * inverse))


def gaussian(x: Any, centre: Any, sigma: Any) -> Line:
    """Gaussian line of unit area and standard deviation `sigma`.

    Examples
    --------
    >>> line = gaussian(np.array([0.0, SIGMA_OF_FWHM**-1 / 2]), 0.0, 1.0)
    >>> float(line.value[1] / line.value[0]).__round__(12)
    0.5
    """
    width = _positive(sigma, "standard deviation of a Gaussian")
    z = (np.asarray(x, dtype=float) - centre) / width
    value = np.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * width)
    return Line(value, value * z / width, value * (z * z - 1.0) / width)


def voigt(x: Any, centre: Any, fwhm: Any, sigma: Any) -> Line:
    """Voigt line of unit area: a Lorentzian of FWHM `fwhm` folded with a Gaussian of standard deviation `sigma`.

    Computed with the Faddeeva function; `d_shape` is the derivative in `sigma`.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 5)
    >>> bool(np.allclose(voigt(x, 0.1, 0.5, 1e-4).value, lorentzian(x, 0.1, 0.5).value, rtol=1e-6))
    True
    """
    from scipy.special import wofz

    half = 0.5 * _positive(fwhm, "FWHM of a Voigt line's Lorentzian")
    width = math.sqrt(2.0) * _positive(sigma, "standard deviation of a Voigt line's Gaussian")
    distance = np.asarray(x, dtype=float) - centre
    z = (distance + 1j * half) / width
    w = wofz(z)
    slope = -2.0 * z * w + 2j / ROOT_PI
    scale = 1.0 / (width * ROOT_PI)
    value = scale * w.real
    return Line(
        value,
        -scale * slope.real / width,
        -0.5 * scale * slope.imag / width,
        -math.sqrt(2.0) / width * (value + scale * (slope * z).real),
    )


def pseudo_voigt(x: Any, centre: Any, fwhm: Any, share: Any) -> Line:
    """Pseudo-Voigt line of unit area: heights share : (1 - share) of a Lorentzian and a Gaussian of the same FWHM.

    Its area over (height x FWHM) is share pi/2 + (1 - share) sqrt(pi/(4 ln 2)), 1.317632 for a share of 1/2;
    `d_shape` is the derivative in `share`.

    Raises
    ------
    ParameterError
        For a width that is not above 0, or a share outside [0, 1].

    Examples
    --------
    >>> round(1.0 / float(pseudo_voigt(0.0, 0.0, 1.0, 0.5).value), 6)
    1.317632
    """
    width = _positive(fwhm, "FWHM of a pseudo-Voigt line")
    part = np.asarray(share, dtype=float)
    if not np.all((part >= 0) & (part <= 1)):
        raise ParameterError(f"the Lorentzian share of a pseudo-Voigt line must lie in [0, 1], found {share!r}")
    z = (np.asarray(x, dtype=float) - centre) / width
    lorentz = 1.0 / (1.0 + 4.0 * z * z)
    four_ln2 = 4.0 * math.log(2.0)
    gauss = np.exp(-four_ln2 * z * z)
    area_l, area_g = 0.5 * math.pi, math.sqrt(math.pi / four_ln2)
    area = part * area_l + (1.0 - part) * area_g
    value = (part * lorentz + (1.0 - part) * gauss) / (area * width)
    slope = -(part * 8.0 * z * lorentz**2 + (1.0 - part) * 2.0 * four_ln2 * z * gauss) / (area * width)  # d value/dz
    return Line(
        value,
        -slope / width,
        -(value + z * slope) / width,
        (lorentz - gauss) / (area * width) - value * (area_l - area_g) / area,
    )


def pearson_vii(x: Any, centre: Any, fwhm: Any, exponent: Any) -> Line:
    """Pearson VII line of unit area: (1 + 4 (2^(1/m) - 1) z^2)^-m; m = 1 is a Lorentzian, large m a Gaussian.

    `d_shape` is the derivative in the exponent m, which must be above 1/2 for the area to be finite.

    Examples
    --------
    >>> round(1.0 / float(pearson_vii(0.0, 0.0, 1.0, 2.0).value), 6)
    1.220331
    """
    from scipy.special import digamma, gammaln

    width = _positive(fwhm, "FWHM of a Pearson VII line")
    m = np.asarray(exponent, dtype=float)
    if not np.all(m > 0.5):
        raise ParameterError(f"the exponent of a Pearson VII line must be above 1/2, found {exponent!r}")
    z = (np.asarray(x, dtype=float) - centre) / width
    root = 2.0 ** (1.0 / m) - 1.0
    bracket = 1.0 + 4.0 * root * z * z
    # area over height and FWHM: sqrt(pi) Gamma(m - 1/2) / (2 sqrt(root) Gamma(m))
    area = ROOT_PI * np.exp(gammaln(m - 0.5) - gammaln(m)) / (2.0 * np.sqrt(root))
    value = bracket**-m / (area * width)
    slope = -8.0 * m * root * z / bracket * value
    d_root = -math.log(2.0) * (root + 1.0) / m**2
    d_log_area = digamma(m - 0.5) - digamma(m) - 0.5 * d_root / root
    d_log = -np.log(bracket) - m * 4.0 * z * z * d_root / bracket - d_log_area
    return Line(value, -slope / width, -(value + z * slope) / width, value * d_log)
