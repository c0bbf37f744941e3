"""Powder diffraction, X-rays and neutrons: lines of structures, mixtures of end members, one line through a series."""

from labile.techniques.powder.errors import PowderError
from labile.techniques.powder.mixture import MixtureFit, fit_mixture, reduce_mixture
from labile.techniques.powder.observables import phase_fraction
from labile.techniques.powder.peaks import PeakTrack, reduce_spacing, track_peak
from labile.techniques.powder.reflections import Reflections, lorentz_polarisation, reflections, structure_factors
from labile.techniques.powder.simulation import simulated_pattern

__all__ = [
    "MixtureFit",
    "PeakTrack",
    "PowderError",
    "Reflections",
    "fit_mixture",
    "lorentz_polarisation",
    "phase_fraction",
    "reduce_mixture",
    "reduce_spacing",
    "reflections",
    "simulated_pattern",
    "structure_factors",
    "track_peak",
]
