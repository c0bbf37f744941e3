"""Transmittance and reflectance to what is proportional to the number of oscillators."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import CM, VibrationalError, wavenumbers

SATURATED = 3.0
"""Absorbance above which a thousandth of stray light or of the detector's zero changes it by half or more."""


@dataclass(frozen=True, eq=False)
class Converted:
    """Absorbances and where they are not to be trusted.

    Attributes
    ----------
    spectra : Measurement
        ``"absorbance"`` (decadic); saturated points stand at the limit.
    saturated : ndarray (N, M) of bool
    """

    spectra: Measurement
    saturated: np.ndarray

    def bands(self) -> tuple[tuple[float, float], ...]:
        """Ranges of wavenumbers (1/m) that are saturated in any spectrum."""
        nu = wavenumbers(self.spectra)
        flagged = np.any(self.saturated, axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flagged.astype(int), [0]])))
        found = [(float(nu[a]), float(nu[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return tuple((min(pair), max(pair)) for pair in found)


def absorbance(spectra: Measurement, *, saturated_above: float = SATURATED) -> Converted:
    """Decadic absorbance A = -log10 t from transmittance.

    Parameters
    ----------
    spectra : Measurement
        ``"transmittance"`` (1 = nothing absorbed).
    saturated_above : float
        Absorbance at which points are flagged; there and where no light came through (t <= 0) the value is set to
        this limit.

    Returns
    -------
    Converted
        Uncertainties are propagated, sigma_A = sigma_t/(t ln 10).

    Raises
    ------
    VibrationalError
        For another quantity, or values that look like percent.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> t = Measurement(
    ...     "transmittance", [[1.0, 0.1, -0.001]], Conditions(10.0), axis=Axis("wavenumber", [1e5, 2e5, 3e5])
    ... )
    >>> found = absorbance(t)
    >>> found.spectra.values.round(12).tolist(), found.bands()
    ([[0.0, 1.0, 3.0]], ((300000.0, 300000.0),))
    """
    where = f"spectra {spectra.label!r}"
    wavenumbers(spectra)
    if spectra.quantity != "transmittance":
        raise VibrationalError(f"{where}: transmittance is expected, found {spectra.quantity}")
    if not saturated_above > 0:
        raise VibrationalError(f"{where}: saturated_above must be above 0, found {saturated_above!r}")
    t = spectra.values
    if np.median(t) > 1.5:
        raise VibrationalError(
            f"{where}: half of the transmittances lie above {float(np.median(t)):.3g}; are they percent? Read them with"
            " the unit %"
        )
    least = 10.0**-saturated_above
    saturated = t <= least
    kept = np.maximum(t, least)
    sigma = None if spectra.sigma is None else spectra.sigma / (kept * math.log(10.0))
    out = replace(
        spectra,
        quantity="absorbance",
        unit="1",
        values=-np.log10(kept) + 0.0,
        sigma=sigma,
        correlated=(),
        provenance=spectra.provenance.then("absorbance = -log10(transmittance)"),
    )
    converted = Converted(out, saturated)
    if np.any(saturated):
        ranges = ", ".join(f"{a / CM:.6g}-{b / CM:.6g}" for a, b in converted.bands()[:6])
        step = (
            f"{int(saturated.sum())} of {saturated.size} points saturated (absorbance {saturated_above:g} or more, set"
            f" to it), at {ranges} cm-1; {int(np.sum(t <= 0))} of them had no light at all"
        )
        converted = Converted(replace(out, provenance=out.provenance.then(step)), saturated)
    return converted


def kubelka_munk(spectra: Measurement) -> Measurement:
    """Kubelka-Munk function (1 - R)^2/(2R) of the diffuse reflectance of an infinitely thick powder.

    Proportional to absorption over scattering; the result has the quantity ``"absorbance"`` in relative units, and
    its provenance says so.

    References
    ----------
    P. Kubelka, J. Opt. Soc. Am. 38 (1948) 448, doi:10.1364/JOSA.38.000448.

    Raises
    ------
    VibrationalError
        For another quantity, or reflectances outside (0, 1].
    """
    wavenumbers(spectra)
    if spectra.quantity != "reflectance":
        raise VibrationalError(f"spectra {spectra.label!r}: reflectance is expected, found {spectra.quantity}")
    r = spectra.values
    if not np.all((r > 0) & (r <= 1)):
        raise VibrationalError(
            f"spectra {spectra.label!r}: reflectances must lie in (0, 1], found {float(r.min()):.3g} to"
            f" {float(r.max()):.3g}; divide by the reflectance of the reference first"
        )
    slope = (1.0 - r**2) / (2.0 * r**2)
    sigma = None if spectra.sigma is None else np.maximum(slope, 1e-12) * spectra.sigma
    return replace(
        spectra,
        quantity="absorbance",
        unit="1",
        values=(1.0 - r) ** 2 / (2.0 * r),
        sigma=sigma,
        correlated=(),
        provenance=spectra.provenance.then("Kubelka-Munk function of the reflectance (relative units)"),
    )
