"""From absorption spectra of a study to the area or centroid of the pre-edge of every spectrum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.peak_number import find_peaks
from labile.techniques.xas.pre_edge import PreEdgeModel
from labile.techniques.xas.reduction import reduce_absorption

OFFERED = ("pre_edge_area", "pre_edge_centroid")


def reduce_pre_edge(
    raw: Measurement,
    *,
    quantity: str = "pre_edge_area",
    low: float,
    high: float,
    peaks: int | None = None,
    most: int = 4,
    lineshape: str = "edgfit50",
    **options: Any,
) -> Measurement:
    """Area or centroid of the pre-edge, peaks and rising edge fitted together.

    Parameters
    ----------
    raw : Measurement
        ``"absorption"`` or ``"normalized_absorption"`` along energy.
    quantity : {"pre_edge_area", "pre_edge_centroid"}
    low, high : float
        Fitted range, J.
    peaks : int, optional
        Number of peaks; the smallest that the data need when left out (AICc and BIC).
    most : int
        Largest number that is tried.
    lineshape : str
        Of all peaks, ``"edgfit50"`` by default.
    options
        Of `reduce_absorption`, for spectra that are not normalised.

    Returns
    -------
    Measurement
        One value a spectrum; its steps say how many peaks were found.

    Raises
    ------
    XasError
        For another quantity, or spectra without a pre-edge.
    """
    if quantity not in OFFERED:
        raise XasError(f"spectrum {raw.label!r}: a pre-edge gives {' and '.join(OFFERED)}, not {quantity}")
    spectra = raw if raw.quantity == "normalized_absorption" else reduce_absorption(raw, **options)
    model = PreEdgeModel(lineshape=lineshape)
    least, largest = (0, most) if peaks is None else (peaks, peaks)
    values, sigmas, steps = [], [], []
    for k in range(len(spectra)):
        single = spectra[k : k + 1]
        found = find_peaks(single, (low, high), least=least, most=largest, model=model)
        where = f"spectrum {k + 1}" if len(spectra) > 1 else "pre-edge"
        if found.count == 0:
            raise XasError(
                f"{spectra.label!r}, {where}: no peak stands out between {low / EV:.1f} and {high / EV:.1f} eV; move"
                " the window or give peaks"
            )
        best = found.best
        estimate = best.area() if quantity == "pre_edge_area" else best.centroid()
        values.append(estimate.value)
        sigmas.append(estimate.sigma)
        steps.append(f"{where}: {found.count} peaks between {low / EV:.1f} and {high / EV:.1f} eV, shape {lineshape}")
    return replace(
        spectra,
        quantity=quantity,
        unit="eV" if quantity == "pre_edge_centroid" else "1",
        values=np.array(values),
        sigma=np.array(sigmas),
        axis=None,
        correlated=(),
        limits=None,
        provenance=spectra.provenance.then(*steps),
    )
