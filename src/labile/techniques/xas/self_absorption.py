"""Fluorescence spectra of concentrated samples, freed of what the sample takes from its own signal.

With x the normalised absorption of the edge, beta = [mu_b + g mu(E_f)]/Delta mu, g = sin(in)/sin(out), Delta mu the
step of the absorption coefficient at the edge, mu_b that of everything else and mu(E_f) that at the fluorescence line,
the detector of a plate of thickness d counts

    I ~ x/(beta + x) {1 - exp[-(beta + x) Delta mu d/sin(in)]}

The thick limit without the bracket is that of Troeger et al., doi:10.1103/PhysRevB.46.3283, whose inverse
x = beta I/(beta + 1 - I) is also Haskel's FLUO; the bracket is that of Booth and Bridges,
doi:10.1238/Physica.Topical.115a00202. Here I is normalised and the equation solved for x at every point; mu_b and
Delta mu are tabulated values (Elam et al., doi:10.1016/S0969-806X(01)00227-4, in xraydb) taken at the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.xas.absorption import XasError, spectra_of, tabulated_edge

LINES = {"K": "Ka", "L3": "La", "L2": "Lb", "L1": "Lb"}
"""Lines that are usually detected."""
STEP = 10.0
"""eV on either side of the edge where the tabulated absorption is taken."""


@dataclass(frozen=True)
class SelfAbsorption:
    """How a sample absorbs its own fluorescence.

    Attributes
    ----------
    beta : float
        Absorption by everything else, on both ways, over the step of the edge.
    step : float
        Delta mu, 1/m.
    thickness : float
        Of the plate, m; infinite for a thick one.
    angle_in : float
        Between beam and surface, rad.
    """

    beta: float
    step: float
    thickness: float
    angle_in: float

    @property
    def depth(self) -> float:
        """Delta mu d / sin(in)."""
        return self.step * self.thickness / math.sin(self.angle_in)

    def signal(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised signal of the normalised absorption x, and its derivative."""
        whole = self.beta + x
        value, slope = x / whole, self.beta / whole**2
        full = 1.0 / (self.beta + 1.0)
        if math.isfinite(self.depth):
            left = np.exp(-whole * self.depth)
            value, slope = value * -np.expm1(-whole * self.depth), slope * (1.0 - left) + value * self.depth * left
            full *= -math.expm1(-(self.beta + 1.0) * self.depth)
        return value / full, slope / full


def self_absorption(
    formula: str,
    element: str,
    *,
    edge: str = "K",
    line: str = "",
    angle_in: float = math.pi / 4,
    angle_out: float = math.pi / 4,
    thickness: float = math.inf,
    density: float = math.nan,
) -> SelfAbsorption:
    """Self-absorption of a plate of one substance.

    Parameters
    ----------
    formula : str
        Of everything in the beam, matrix included: ``"Fe2O3"``, ``"C38H44Fe1N8Co1F12P2"``.
    element, edge, line : str
        Absorber and detected line (``"Ka"`` for K edges by default).
    angle_in, angle_out : float
        rad, of beam and detector with the surface.
    thickness : float
        m; thick by default.
    density : float
        kg/m3; needed with a thickness.

    Raises
    ------
    XasError
        If the formula cannot be read or lacks the element, an angle is not between 0 and pi/2, or the density is
        missing.

    Examples
    --------
    >>> round(self_absorption("Fe2O3", "Fe").beta, 2)
    0.4
    """
    import xraydb

    for name, angle in (("angle_in", angle_in), ("angle_out", angle_out)):
        if not 0.0 < angle <= math.pi / 2:
            raise XasError(f"self-absorption: {name} must lie between 0 and pi/2 rad, found {angle!r} (degrees?)")
    if not thickness > 0:
        raise XasError(f"self-absorption: the thickness must be above 0 m, found {thickness!r}")
    if math.isfinite(thickness) and not density > 0:
        raise XasError("self-absorption: a thickness needs the density of the sample, kg/m3")
    try:
        contents = xraydb.chemparse(formula)
    except (ValueError, KeyError, TypeError) as error:
        raise XasError(f"self-absorption: the formula {formula!r} cannot be read ({error})") from None
    if element not in contents:
        raise XasError(f"self-absorption: there is no {element} in {formula!r}")
    at = tabulated_edge(element, edge)
    emitted = xraydb.xray_line(element, line or LINES.get(edge, "La"))
    if emitted is None:
        raise XasError(f"self-absorption: {element} has no line {line or LINES.get(edge, 'La')!r} in the table")
    # 1/cm at 1 g/cm3: only ratios matter where the sample is thick
    at_line, below, above = xraydb.material_mu(formula, np.array([emitted.energy, at - STEP, at + STEP]), density=1.0)
    # the element's own step only; what else is in the sample goes on as below
    jump = float(above - below)
    ratio = math.sin(angle_in) / math.sin(angle_out)
    per_metre = 100.0 * (density / 1000.0 if math.isfinite(thickness) else 1.0)
    return SelfAbsorption(float(below + ratio * at_line) / jump, jump * per_metre, thickness, angle_in)


def corrected(spectrum: Measurement, sample: SelfAbsorption) -> Measurement:
    """Normalised absorption from a normalised fluorescence spectrum.

    Parameters
    ----------
    spectrum : Measurement
        ``"normalized_absorption"`` by its edge step, not by its area or range.
    sample : SelfAbsorption

    Returns
    -------
    Measurement
        Sigma multiplied by dx/dI.

    Raises
    ------
    XasError
        If the signal exceeds what any absorption of this sample could give, or was corrected before.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> from labile.core.measurement import Axis
    >>> from labile.techniques.xas.absorption import EV
    >>> axis = Axis("energy", np.array([7100.0, 7120.0, 7200.0]) * EV)
    >>> m = Measurement("normalized_absorption", [[0.0, 1.2, 1.0]], Conditions(300.0), axis=axis)
    >>> corrected(m, SelfAbsorption(2.0, 1.0, math.inf, 0.8)).values.round(6).tolist()
    [[0.0, 1.333333, 1.0]]
    """
    spectra = spectra_of(spectrum, ("normalized_absorption",))
    if spectrum.attributes.get("self_absorption"):
        raise XasError(f"{spectra.where}: it was corrected for self-absorption before")
    signal = spectra.values
    most = 1.0 / float(sample.signal(np.array([1e12]))[0][0])
    largest = float(signal.max())
    if largest * most >= 1.0 or np.any(signal <= -0.5 * min(sample.beta, 1.0)):
        raise XasError(
            f"{spectra.where}: normalised signals from {float(signal.min()):.3g} to {largest:.3g} cannot come from a"
            f" sample with beta = {sample.beta:.3g}, whose signal never exceeds {1.0 / most:.3g}; check formula, angles"
            " and normalisation, and that this is a fluorescence spectrum"
        )
    x = sample.beta * signal / (sample.beta + 1.0 - signal) if signal.max() < sample.beta + 1.0 else signal.copy()
    for _ in range(60):
        value, slope = sample.signal(x)
        step = (signal - value) / slope
        # the signal is concave: from below, Newton never overshoots
        x = np.maximum(x + step, -0.5 * sample.beta)
        if np.max(np.abs(step)) < 1e-12 * max(1.0, float(np.max(np.abs(x)))):
            break
    else:
        raise XasError(f"{spectra.where}: the self-absorption of this sample could not be inverted")
    slope = sample.signal(x)[1]
    said = f"beta {sample.beta:.4g}" + (f", depth {sample.depth:.3g}" if math.isfinite(sample.depth) else ", thick")
    return replace(
        spectrum,
        values=x,
        sigma=None if spectra.sigma is None else spectra.sigma / slope,
        attributes={**spectrum.attributes, "self_absorption": said},
        provenance=spectrum.provenance.then(f"corrected for self-absorption: {said}"),
    )
