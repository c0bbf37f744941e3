"""Pressure: ruby and samarium luminescence, marker crystals, media."""

from labile.techniques.pressure_scale.markers import MARKERS, Marker, pressure_from_marker
from labile.techniques.pressure_scale.media import (
    MEDIA,
    Medium,
    freezing_pressure,
    freezing_temperature,
    helium_freezing_temperature,
    medium_warnings,
)
from labile.techniques.pressure_scale.ruby_spectrum import RubyFit, fit_ruby_spectrum
from labile.techniques.pressure_scale.scales import (
    SCALES,
    GaugePressure,
    PressureScale,
    PressureScaleError,
    kbar,
    pressure_from_wavelength,
    wavelength_from_pressure,
)
from labile.techniques.pressure_scale.temperature import RubyTemperature, temperature_from_ratio, thermal_shift

__all__ = [
    "MARKERS",
    "MEDIA",
    "SCALES",
    "GaugePressure",
    "Marker",
    "Medium",
    "PressureScale",
    "PressureScaleError",
    "RubyFit",
    "RubyTemperature",
    "fit_ruby_spectrum",
    "freezing_pressure",
    "freezing_temperature",
    "helium_freezing_temperature",
    "kbar",
    "medium_warnings",
    "pressure_from_marker",
    "pressure_from_wavelength",
    "temperature_from_ratio",
    "thermal_shift",
    "wavelength_from_pressure",
]
