"""The energy scale: what the first inflection of a foil was set to, stored with every spectrum.

Laboratories put the same foil at different energies: iron at 7111.2 eV (Westre et al., doi:10.1021/ja964352a) or 7112.0
eV (Bearden and Burr, doi:10.1103/RevModPhys.39.125), cobalt at 7713.0 or 7709 eV. An energy without its convention
cannot be compared, so spectra of different conventions are refused, not shifted. A calibration adds one energy to the
whole axis of an edge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Axis, Measurement
from labile.core.uncertain import format_uncertain
from labile.techniques.xas.absorption import EV, XasError, spectra_of, tabulated_edges
from labile.techniques.xas.edge_energy import HALF_WIDTH, find_edge

ATTRIBUTE = "energy_reference"
"""Attribute of a calibrated measurement: the text of its `EnergyReference`."""
CONVENTIONS = {"Fe": (7111.2, 7112.0), "Co": (7713.0, 7709.0)}
"""eV, per element: those in use, named in errors; any other may be stated."""
FARTHEST = 30.0
"""eV between a foil or a convention and the tabulated edge; further off it is of another element."""


@dataclass(frozen=True)
class EnergyReference:
    """A convention: the first inflection of the foil of an element lies at this energy.

    Attributes
    ----------
    element : str
    energy : float
        J.
    edge : str
        The tabulated edge next to it.

    Examples
    --------
    >>> EnergyReference("Fe", 7111.2 * EV).text
    'Fe 7111.2 eV'
    >>> EnergyReference.read("Co 7709 eV").edge
    'K'
    """

    element: str
    energy: float
    edge: str = ""

    def __post_init__(self) -> None:
        edges = tabulated_edges(self.element)
        nearest = min(edges, key=lambda name: abs(edges[name] - self.energy / EV))
        if not abs(self.energy / EV - edges[nearest]) <= FARTHEST:
            known = " or ".join(f"{value:.1f}" for value in CONVENTIONS.get(self.element, ()))
            raise XasError(
                f"energy reference: {self.energy / EV:.7g} eV is near no edge of {self.element} ({nearest} at"
                f" {edges[nearest]:.1f} eV); give it in J (7111.2 * EV)" + (f"; in use are {known} eV" if known else "")
            )
        object.__setattr__(self, "edge", nearest)

    @property
    def text(self) -> str:
        """As it is stored: ``"Fe 7111.2 eV"``."""
        return f"{self.element} {self.energy / EV:.8g} eV"

    @classmethod
    def read(cls, text: str) -> EnergyReference:
        """From its text.

        Raises
        ------
        XasError
        """
        found = re.fullmatch(r"\s*([A-Z][a-z]?)\s+(\d+(?:\.\d+)?)\s*eV\s*", text)
        if found is None:
            raise XasError(f"energy reference {text!r}: write the element and the energy, like 'Fe 7111.2 eV'")
        return cls(found[1], float(found[2]) * EV)


@dataclass(frozen=True)
class EnergyCalibration:
    """What must be added to the energies of a run.

    Attributes
    ----------
    reference : EnergyReference
    found, shift, sigma : float
        J: first inflection of the foil as measured, what puts it at the reference, standard uncertainty of both.
    source, sha256 : str
        Of the foil's file.
    """

    reference: EnergyReference
    found: float
    shift: float
    sigma: float
    source: str = ""
    sha256: str = ""

    def describe(self) -> str:
        """One sentence."""
        foil = f" of {self.source}" if self.source else ""
        return (
            f"energies moved by {format_uncertain(self.shift / EV, self.sigma / EV)} eV: first inflection{foil} from"
            f" {self.found / EV:.3f} eV to {self.reference.text}"
        )


def calibrate_energy(
    foil: Measurement, reference: EnergyReference | str, *, half_width: float = HALF_WIDTH * EV
) -> EnergyCalibration:
    """Shift that puts the first inflection of a foil at its conventional energy.

    Parameters
    ----------
    foil : Measurement
        Absorption of the foil; several scans are averaged.
    reference : EnergyReference or str
        ``"Fe 7111.2 eV"``.
    half_width : float
        J, of the local cubics whose slope is largest at an inflection.

    Returns
    -------
    EnergyCalibration
        Sigma from the noise, and from the scatter of several scans where that is larger.

    Raises
    ------
    XasError
        If the data hold no edge of the element, or it lies more than 30 eV away.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> energy = np.arange(7050.0, 7200.0, 0.2)
    >>> mu = 0.5 + np.arctan((energy - 7110.7) / 1.5) / np.pi
    >>> foil = Measurement("absorption", mu[None, :], Conditions(300.0), axis=Axis("energy", energy * EV))
    >>> round(calibrate_energy(foil, "Fe 7111.2 eV").shift / EV, 3)
    0.5
    """
    reference = EnergyReference.read(reference) if isinstance(reference, str) else reference
    found = find_edge(foil, "first_inflection", element=reference.element, edge=reference.edge, half_width=half_width)
    count = found.energy.size
    mean = float(found.energy.mean())
    sigma = math.sqrt(float(np.sum(found.sigma**2))) / count
    if count > 1:
        sigma = max(sigma, float(found.energy.std(ddof=1)) / math.sqrt(count))
    shift = reference.energy - mean
    if abs(shift) > FARTHEST * EV:
        raise XasError(
            f"spectrum {foil.label!r}: its first inflection at {mean / EV:.2f} eV is {abs(shift) / EV:.1f} eV from"
            f" {reference.text}; is it the foil of {reference.element}?"
        )
    return EnergyCalibration(
        reference, mean, shift, sigma, foil.provenance.source or foil.label, foil.provenance.sha256
    )


def calibrated(spectrum: Measurement, calibration: EnergyCalibration) -> Measurement:
    """A spectrum on the calibrated scale, with ``energy_reference`` and ``sigma_energy_shift`` (J) as attributes.

    Raises
    ------
    XasError
        If it is calibrated already.
    """
    spectra_of(spectrum)
    if reference_of(spectrum) is not None:
        raise XasError(
            f"spectrum {spectrum.label!r}: it is calibrated already, to {spectrum.attributes[ATTRIBUTE]}; change the"
            " convention with to_reference(spectrum, ...)"
        )
    new: dict[str, float | str] = {ATTRIBUTE: calibration.reference.text, "sigma_energy_shift": calibration.sigma}
    return _moved(spectrum, calibration.shift, new, calibration.describe())


def with_reference(spectrum: Measurement, reference: EnergyReference | str) -> Measurement:
    """A spectrum that was calibrated at the beamline, with the convention it was calibrated to said.

    Raises
    ------
    XasError
        If it names another convention already.
    """
    reference = EnergyReference.read(reference) if isinstance(reference, str) else reference
    present = reference_of(spectrum)
    if present is not None and present != reference:
        raise XasError(
            f"spectrum {spectrum.label!r}: it is calibrated to {present.text}, not to {reference.text}; change the"
            " convention with to_reference(spectrum, ...)"
        )
    return _moved(spectrum, 0.0, {ATTRIBUTE: reference.text}, f"energies were given calibrated to {reference.text}")


def to_reference(spectrum: Measurement, reference: EnergyReference | str) -> Measurement:
    """A calibrated spectrum in another convention: E + (new reference - old reference).

    Raises
    ------
    XasError
        If it is not calibrated, or to the foil of another element or edge.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> m = Measurement(
    ...     "absorption",
    ...     [[0.1, 0.5, 1.0]],
    ...     Conditions(300.0),
    ...     axis=Axis("energy", np.array([7100.0, 7120, 7200]) * EV),
    ...     attributes={"energy_reference": "Fe 7111.2 eV"},
    ... )
    >>> (to_reference(m, "Fe 7112.0 eV").axis.values / EV).round(6).tolist()
    [7100.8, 7120.8, 7200.8]
    """
    reference = EnergyReference.read(reference) if isinstance(reference, str) else reference
    present = reference_of(spectrum)
    if present is None:
        raise XasError(
            f"spectrum {spectrum.label!r}: nothing says what its energies are calibrated to; use"
            " calibrated(spectrum, calibrate_energy(foil, ...)) or with_reference(spectrum, 'Fe 7111.2 eV')"
        )
    if (present.element, present.edge) != (reference.element, reference.edge):
        raise XasError(
            f"spectrum {spectrum.label!r}: it is calibrated to {present.text}, which {reference.text} cannot replace:"
            " conventions are exchanged within one edge of one element"
        )
    shift = reference.energy - present.energy
    step = f"energies moved by {shift / EV:g} eV, from the convention {present.text} to {reference.text}"
    return _moved(spectrum, shift, {ATTRIBUTE: reference.text}, step)


def reference_of(spectrum: Measurement) -> EnergyReference | None:
    """The convention stored with a measurement, None where there is none."""
    text = spectrum.attributes.get(ATTRIBUTE, "")
    return EnergyReference.read(str(text)) if text else None


def require_same_reference(spectra: Sequence[Measurement]) -> str:
    """Text of the convention that all spectra share, empty if none of them has any.

    Raises
    ------
    XasError
        If they differ, or only some have one.
    """
    texts = [str(spectrum.attributes.get(ATTRIBUTE, "")) for spectrum in spectra]
    references = {None if not text else EnergyReference.read(text) for text in set(texts)}
    if len(references) > 1:
        different = next(k for k, text in enumerate(texts) if text != texts[0])
        said = [
            f"{spectra[k].label!r} is calibrated to {texts[k]}"
            if texts[k]
            else f"{spectra[k].label!r} is not calibrated"
            for k in (0, different)
        ]
        raise XasError(
            f"spectra on different energy scales cannot be compared: {said[0]}, {said[1]}; bring them to one with"
            " calibrated, with_reference or to_reference"
        )
    return texts[0] if texts else ""


def _moved(spectrum: Measurement, shift: float, new: dict[str, float | str], step: str) -> Measurement:
    assert spectrum.axis is not None
    attributes = {**spectrum.attributes, **new}
    if isinstance(attributes.get("edge_energy"), float):
        attributes["edge_energy"] = float(attributes["edge_energy"]) + shift
    axis = Axis("energy", spectrum.axis.values + shift) if shift else spectrum.axis
    return replace(spectrum, axis=axis, attributes=attributes, provenance=spectrum.provenance.then(step))
