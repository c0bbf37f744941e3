"""Baselines under vibrational spectra, from pybaselines, recorded and with an uncertainty.

A baseline is a choice, not a measurement. The uncertainty given here is half the range that the choice of the method's
main number makes: stiffness up and down by a factor of ten, degree up and down by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, wavenumbers


@dataclass(frozen=True)
class _Method:
    """How a method is called, and the option whose choice matters."""

    call: str
    defaults: Mapping[str, float]
    option: str
    kind: str
    citation: str


_METHODS: Mapping[str, _Method] = {
    "rubberband": _Method("rubberband", {"segments": 1}, "segments", "count", "convex hull from below"),
    "asls": _Method("asls", {"lam": 1e6, "p": 0.01}, "lam", "factor", "doi:10.1021/ac034173t"),
    "arpls": _Method("arpls", {"lam": 1e5}, "lam", "factor", "doi:10.1039/C4AN01061B"),
    "polynomial": _Method("imodpoly", {"poly_order": 3}, "poly_order", "count", "doi:10.1366/000370207782597003"),
    "spline": _Method(
        "pspline_arpls", {"lam": 1e3, "num_knots": 50}, "lam", "factor", "doi:10.1039/C4AN01061B on P-splines"
    ),
}
METHODS = tuple(_METHODS)
"""Names `subtract_baseline` takes."""


@dataclass(frozen=True, eq=False)
class Baselined:
    """Spectra without their baselines.

    Attributes
    ----------
    spectra : Measurement
        Wavenumbers rising.
    baseline : ndarray (N, M)
        What was taken off.
    sigma_baseline : ndarray (N, M)
        Half the range between stiffer and softer baselines; common to neighbouring points, so not part of `sigma`.
    """

    spectra: Measurement
    baseline: np.ndarray
    sigma_baseline: np.ndarray


def subtract_baseline(spectra: Measurement, method: str = "arpls", **options: float) -> Baselined:
    """Take the baseline off every spectrum.

    Parameters
    ----------
    spectra : Measurement
        Absorbance or intensity: bands go upwards.
    method : {"rubberband", "asls", "arpls", "polynomial", "spline"}
        Lower convex hull; asymmetric least squares (Eilers 2003, and reweighted ones, Baek 2015); improved modified
        polynomial (Zhao 2007); reweighted penalised spline.
    **options
        ``lam`` (stiffness) and ``p`` (asymmetry), ``poly_order``, ``num_knots``, ``segments``.

    Returns
    -------
    Baselined

    Raises
    ------
    VibrationalError
        For an unknown method or option, spectra whose bands go downwards (transmittance), or a baseline that does not
        converge.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> nu = np.linspace(1.2e5, 1.6e5, 400)
    >>> band = np.exp(-(((nu - 1.4e5) / 800) ** 2))
    >>> raw = Measurement("absorbance", [band + 0.2 + 1e-6 * nu], Conditions(10.0), axis=Axis("wavenumber", nu))
    >>> bool(np.max(np.abs(subtract_baseline(raw, "rubberband").spectra.values - band)) < 1e-3)
    True
    """
    source = rising(spectra)
    nu = wavenumbers(source)
    where = f"spectra {spectra.label!r}"
    if method not in _METHODS:
        raise VibrationalError(f"{where}: baseline {method!r} is unknown; use one of {', '.join(METHODS)}")
    if spectra.quantity in ("transmittance", "reflectance"):
        raise VibrationalError(f"{where}: baselines run below bands; convert {spectra.quantity} to absorbance first")
    how = _METHODS[method]
    if unknown := sorted(set(options) - set(how.defaults)):
        raise VibrationalError(f"{where}: {method} has no option {unknown[0]!r}; there are {', '.join(how.defaults)}")
    chosen = {**how.defaults, **options}
    if any(not value > 0 for value in chosen.values()):
        raise VibrationalError(f"{where}: options of a baseline must be above 0, found {chosen}")
    from pybaselines import Baseline

    fitter = Baseline(x_data=nu, check_finite=True)

    def run(settings: Mapping[str, float], row: np.ndarray) -> np.ndarray:
        return _converged(getattr(fitter, how.call), row, settings, f"{where}: baseline {method}")

    baseline = np.array([run(chosen, row) for row in source.values])
    others = [np.array([run(other, row) for row in source.values]) for other in _neighbours(how, chosen)]
    every = np.stack([baseline, *others])
    text = ", ".join(f"{name} = {value:g}" for name, value in chosen.items())
    spread = 0.5 * np.ptp(every, axis=0)
    step = (
        f"baseline {method} ({text}; {how.citation}) taken off each spectrum; with {how.option} chosen otherwise it"
        f" moves by {float(np.median(spread)):.2g} (median)"
    )
    out = replace(source, values=source.values - baseline, provenance=source.provenance.then(step))
    return Baselined(out, baseline, spread)


def _neighbours(how: _Method, chosen: Mapping[str, float]) -> list[dict[str, float]]:
    value = chosen[how.option]
    if how.kind == "factor":
        return [{**chosen, how.option: value * factor} for factor in (0.1, 10.0)]
    return [{**chosen, how.option: other} for other in (value - 1, value + 1) if other >= 1]


def _converged(call: Callable[..., Any], row: np.ndarray, options: Mapping[str, float], where: str) -> np.ndarray:
    import warnings

    whole = {name: int(v) if name in ("poly_order", "num_knots", "segments") else v for name, v in options.items()}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found, _ = call(row, **whole)
        except (ValueError, TypeError, np.linalg.LinAlgError) as error:
            raise VibrationalError(f"{where} failed with {whole}: {error}") from None
    if said or not np.all(np.isfinite(found)):
        reason = str(said[0].message) if said else "it is not finite"
        raise VibrationalError(f"{where} did not converge with {whole}: {reason}; choose another stiffness or method")
    return np.asarray(found)
