"""X-ray absorption near edges: raw absorption -> calibrated, normalised spectra -> fractions, edges, pre-edges."""

from labile.techniques.xas.absorption import EV, XasError, tabulated_edge

__all__ = [
    "EV",
    "XasError",
    "tabulated_edge",
]
