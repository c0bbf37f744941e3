"""Units at the edge: text such as ``"nC cm-2 K-1"`` to SI floats and back, once, by pint.

Inside labile every number is SI. A *quantity* (``"chi_t"``, ``"pressure"``, ``"enthalpy"``) fixes its SI unit,
the unit the field writes it in, and the rules the bare unit text cannot tell: ``cm3/mol`` of a molar
susceptibility is the cgs emu (1 cm3/mol = 4 pi 1e-6 m3/mol), ``Oe`` of a magnetic field is read as 1e-4 T,
``cm-1`` and ``K`` of a molar energy are multiplied by N_A h c and R, ``A^3`` of a volume is cubic angstrom.
Text with one slash and several symbols after it (``J/mol K``) is read from left to right where that has the
dimension of the quantity, and with all of them below the slash where only that has.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from labile.core.constants import AVOGADRO, GAS_CONSTANT, PLANCK, SPEED_OF_LIGHT, VACUUM_PERMEABILITY
from labile.core.unit_text import UnitError, pretty_number, read_unit, superscript


@dataclass(frozen=True)
class Quantity:
    """What a number means: its SI unit, the field's unit and how figures write it.

    Attributes
    ----------
    name : str
        Key, as in ``Measurement.quantity`` and as the last part of a parameter name.
    si : str
        The SI unit inside labile.
    field : str
        The unit people of the field write; used in figures and tables when no other is asked for.
    symbol : str
        What axis labels show.
    rule : str
        Which reading rule applies: ``""``, ``"susceptibility"``, ``"field"``, ``"molar_energy"``,
        ``"molar_moment"``, ``"length"``, ``"molar_volume"`` or ``"absolute_temperature"`` (the only one read in
        Celsius).
    """

    name: str
    si: str
    field: str
    symbol: str
    rule: str = ""


def _table(*rows: tuple[str, str, str, str] | tuple[str, str, str, str, str]) -> dict[str, Quantity]:
    return {row[0]: Quantity(*row) for row in rows}


QUANTITIES = _table(
    # conditions
    ("temperature", "K", "K", "T", "absolute_temperature"),
    ("temperature_difference", "K", "K", "ΔT"),
    ("pressure", "Pa", "kbar", "P"),
    ("magnetic_field", "T", "T", "B", "field"),
    ("time", "s", "s", "t"),
    ("wavelength", "m", "nm", "λ", "length"),
    ("photon_flux", "1/m^2/s", "1/cm^2/s", "Φ"),
    ("irradiance", "W/m^2", "mW/cm^2", "I"),
    ("absorption_cross_section", "m^2", "cm^2", "σ"),
    ("sweep_rate", "K/s", "K/min", "dT/dt"),
    # spectral axes
    ("energy", "J", "eV", "E"),
    ("wavenumber", "1/m", "1/cm", "ν"),
    ("velocity", "m/s", "mm/s", "v"),
    ("channel", "1", "1", "channel"),
    ("two_theta", "rad", "deg", "2θ"),
    # magnetometry
    ("moment", "A*m^2", "emu", "m"),
    ("chi_m", "m^3/mol", "cm^3/mol", "χ", "susceptibility"),
    ("chi_t", "m^3*K/mol", "cm^3 K/mol", "χT", "susceptibility"),
    ("mu_eff", "bohr_magneton", "bohr_magneton", "μ_eff"),
    ("magnetization", "A*m^2/mol", "bohr_magneton", "M", "molar_moment"),
    ("curie_constant", "m^3*K/mol", "cm^3 K/mol", "C", "susceptibility"),
    ("weiss_temperature", "K", "K", "θ"),
    ("exchange", "J/mol", "1/cm", "J", "molar_energy"),
    ("intermolecular_exchange", "J/mol", "1/cm", "zJ′", "molar_energy"),
    ("zero_field_splitting", "J/mol", "1/cm", "D", "molar_energy"),
    ("rhombicity", "1", "1", "E/D"),
    ("g", "1", "1", "g"),
    ("g_perpendicular", "1", "1", "g⊥"),
    ("g_parallel", "1", "1", "g∥"),
    ("g_x", "1", "1", "g_x"),
    ("g_y", "1", "1", "g_y"),
    ("g_z", "1", "1", "g_z"),
    ("spin_orbit_coupling", "J/mol", "1/cm", "λ", "molar_energy"),
    ("orbital_reduction", "1", "1", "α"),
    ("orbital_splitting", "J/mol", "1/cm", "Δ", "molar_energy"),
    ("orbital_rhombicity", "1", "1", "V/Δ"),
    ("temperature_independent_paramagnetism", "m^3/mol", "cm^3/mol", "χ_TIP", "susceptibility"),
    ("diamagnetic_susceptibility", "m^3/mol", "cm^3/mol", "χ_D", "susceptibility"),
    ("mass_susceptibility", "m^3/kg", "cm^3/g", "χ_g", "susceptibility"),
    ("moment_per_field", "m^3", "emu/Oe", "m/H"),
    ("scan_voltage", "V", "V", "U"),
    ("position", "m", "mm", "z", "length"),
    ("switching_density", "1/K^2", "1/K^2", "ρ"),
    ("t_liesst", "K", "K", "T(LIESST)", "absolute_temperature"),
    ("relaxation_rate", "1/s", "1/s", "k_HL"),
    ("gradiometer_calibration", "A*m^2/(V*m^3)", "emu/(V*mm^3)", "calibration"),
    # pyroelectricity
    ("current", "A", "pA", "i"),
    ("charge", "C", "nC", "Q"),
    ("polarization", "C/m^2", "uC/cm^2", "P"),
    ("polarization_change", "C/m^2", "uC/cm^2", "ΔP"),
    ("pyroelectric_coefficient", "C/m^2/K", "nC/cm^2/K", "p"),
    ("dipole_moment", "C*m", "debye", "μ", "length"),
    ("volumetric_heat_capacity", "J/m^3/K", "MJ/m^3/K", "c′"),
    # Mossbauer spectroscopy; isomer shifts are relative to alpha-Fe at room temperature everywhere inside labile
    ("counts", "1", "1", "counts"),
    ("transmission", "1", "1", "transmission"),
    ("isomer_shift", "m/s", "mm/s", "δ relative to α-Fe"),
    ("quadrupole_splitting", "m/s", "mm/s", "ΔE_Q"),
    ("quadrupole_shift", "m/s", "mm/s", "ε"),
    ("hyperfine_field", "T", "T", "B_hf", "field"),
    ("line_width", "m/s", "mm/s", "Γ"),
    ("gaussian_width", "m/s", "mm/s", "σ_G"),
    ("absorption_area", "m/s", "mm/s", "area"),
    ("area_fraction", "1", "1", "area fraction"),
    ("line_ratio", "1", "1", "line ratio"),
    ("asymmetry_parameter", "1", "1", "η"),
    ("angle", "rad", "deg", "angle"),
    ("azimuth", "rad", "deg", "φ"),
    ("baseline", "1", "1", "baseline"),
    ("baseline_slope", "s/m", "s/mm", "baseline slope"),
    ("effective_thickness", "1", "1", "t_a"),
    ("source_fraction", "1", "1", "f_s"),
    ("recoil_free_fraction", "1", "1", "f"),
    ("lattice_temperature", "K", "K", "θ_M", "absolute_temperature"),
    ("exchange_rate", "1/s", "1/s", "k"),
    ("log_exchange_rate", "1", "1", "log₁₀(k/s⁻¹)"),
    ("attempt_rate", "1/s", "1/s", "k₀"),
    ("activation_energy", "J/mol", "kJ/mol", "E_a", "molar_energy"),
    # X-ray absorption; areas of pre-edges are 100 x the area in eV of a spectrum whose edge step is 1
    ("absorption", "1", "1", "μ"),
    ("normalized_absorption", "1", "1", "normalised μ"),
    ("edge_energy", "J", "eV", "E₀"),
    ("nominal_edge_energy", "J", "eV", "nominal E₀"),
    ("energy_shift", "J", "eV", "ΔE"),
    ("edge_step", "1", "1", "Δμ"),
    ("pre_edge_area", "1", "1", "pre-edge area (100 eV)"),
    ("pre_edge_centroid", "J", "eV", "pre-edge centroid"),
    ("component_fraction", "1", "1", "component fraction"),
    ("fraction_offset", "1", "1", "offset of the fraction"),
    ("fraction_scale", "1", "1", "scale of the fraction"),
    # infrared and Raman spectroscopy
    ("absorbance", "1", "1", "A"),
    ("transmittance", "1", "1", "transmittance"),
    ("reflectance", "1", "1", "reflectance"),
    ("intensity", "1", "1", "intensity"),
    ("raman_shift", "1/m", "1/cm", "Raman shift"),
    ("band_position", "1/m", "1/cm", "band position"),
    ("band_width", "1/m", "1/cm", "band width"),
    ("band_area", "1/m", "1/cm", "band area"),
    ("band_ratio", "1", "1", "band ratio"),
    ("strength_ratio", "1", "1", "K = e_A/e_B"),
    ("strength_slope", "1", "1", "strength change per 100 K"),
    # structures, strain, diffraction
    ("bond_length", "m", "angstrom", "d"),
    ("bond_angle", "rad", "deg", "bond angle"),
    ("bond_valence", "1", "1", "bond valence sum"),
    ("bond_length_distortion", "m", "angstrom", "ζ"),
    ("bond_length_variance", "1", "1", "Δ"),
    ("octahedral_distortion", "rad", "deg", "Σ"),
    ("trigonal_distortion", "rad", "deg", "Θ"),
    ("polyhedron_volume", "m^3", "angstrom^3", "V_p", "length"),
    ("shape_measure", "1", "1", "S"),
    ("cell_length", "m", "angstrom", "cell length"),
    ("cell_angle", "rad", "deg", "cell angle"),
    ("cell_a", "m", "angstrom", "a", "length"),
    ("cell_b", "m", "angstrom", "b", "length"),
    ("cell_c", "m", "angstrom", "c", "length"),
    ("expansion_a", "1/K", "1/MK", "α_a"),
    ("expansion_b", "1/K", "1/MK", "α_b"),
    ("expansion_c", "1/K", "1/MK", "α_c"),
    ("volume_expansion", "1/K", "1/MK", "α_V"),
    ("compressibility_a", "1/Pa", "1/TPa", "K_a"),
    ("compressibility_b", "1/Pa", "1/TPa", "K_b"),
    ("compressibility_c", "1/Pa", "1/TPa", "K_c"),
    ("volume_compressibility", "1/Pa", "1/TPa", "K_V"),
    ("linear_expansion", "1/K", "1/MK", "α"),
    ("compressibility", "1/Pa", "1/TPa", "K"),
    ("strain", "1", "1", "strain"),
    ("d_spacing", "m", "angstrom", "d"),
    ("scattering_vector", "1/m", "1/angstrom", "Q"),
    ("phase_fraction", "1", "1", "phase fraction"),
    # rates
    ("prefactor", "1/s", "1/s", "A"),
    ("reverse_prefactor", "1/s", "1/s", "A′"),
    ("reverse_activation_energy", "J/mol", "kJ/mol", "E_a′", "molar_energy"),
    ("acceleration_energy", "J/mol", "kJ/mol", "E*", "molar_energy"),
    ("reverse_acceleration_energy", "J/mol", "kJ/mol", "E*′", "molar_energy"),
    ("activation_volume", "m^3/mol", "cm^3/mol", "V‡", "molar_volume"),
    ("reverse_activation_volume", "m^3/mol", "cm^3/mol", "V‡′", "molar_volume"),
    ("tunnelling_rate", "1/s", "1/s", "k_tunnel"),
    ("reverse_tunnelling_rate", "1/s", "1/s", "k_tunnel′"),
    ("tunnelling_pressure_slope", "1/Pa", "1/kbar", "d ln k_tunnel/dP"),
    ("reverse_tunnelling_pressure_slope", "1/Pa", "1/kbar", "d ln k_tunnel′/dP"),
    ("thermal_conductance", "W/K", "mW/K", "G_th"),
    # states
    ("high_spin_fraction", "1", "1", "high-spin fraction"),
    ("population", "1", "1", "x"),
    # model parameters
    ("enthalpy", "J/mol", "kJ/mol", "ΔH", "molar_energy"),
    ("entropy", "J/K/mol", "J/K/mol", "ΔS"),
    ("volume", "m^3/mol", "cm^3/mol", "ΔV", "molar_volume"),
    ("volume_slope", "m^3/mol/Pa", "cm^3/mol/kbar", "dΔV/dP"),
    ("bulk_modulus", "Pa", "GPa", "K₀"),
    ("bulk_modulus_derivative", "1", "1", "K₀′"),
    ("bulk_modulus_second_derivative", "1/Pa", "1/GPa", "K₀″"),
    ("thermal_expansion", "1/K", "1/MK", "α_V"),
    ("interaction", "J/mol", "kJ/mol", "Γ", "molar_energy"),
    ("interaction_pressure_slope", "J/mol/Pa", "J/mol/kbar", "dΓ/dP"),
    ("intramolecular_interaction", "J/mol", "kJ/mol", "W", "molar_energy"),
    ("staggered_interaction", "J/mol", "kJ/mol", "Λ", "molar_energy"),
    ("staggered_interaction_pressure_slope", "J/mol/Pa", "J/mol/kbar", "dΛ/dP"),
    ("interaction_temperature_slope", "J/mol/K", "J/mol/K", "dΓ/dT"),
    ("einstein_temperature", "K", "K", "θ_E", "absolute_temperature"),
    ("debye_temperature", "K", "K", "θ_D", "absolute_temperature"),
    ("einstein_modes", "1", "1", "Einstein modes"),
    ("debye_modes", "1", "1", "Debye modes"),
    ("frequency_scale", "1", "1", "frequency scale"),
    ("t_half", "K", "K", "T½", "absolute_temperature"),
    ("t_half_up", "K", "K", "T½↑", "absolute_temperature"),
    ("t_half_down", "K", "K", "T½↓", "absolute_temperature"),
    ("t_half_width", "K", "K", "σ(T½)"),
    ("hysteresis_width", "K", "K", "ΔT½"),
    ("hysteresis_centre", "K", "K", "loop centre", "absolute_temperature"),
    ("domain_size", "1", "1", "m"),
    ("lag", "1", "1", "lag"),
    ("degeneracy", "1", "1", "w"),
    ("residual_fraction", "1", "1", "f"),
    ("factor", "1", "1", "factor"),
    ("temperature_offset", "K", "K", "T offset"),
    ("noise_scale", "1", "1", "noise scale"),
    # samples
    ("mass", "kg", "mg", "mass"),
    ("molar_mass", "kg/mol", "g/mol", "M"),
    ("area", "m^2", "mm^2", "A"),
    ("length", "m", "angstrom", "d", "length"),
    ("cell_volume", "m^3", "angstrom^3", "V", "length"),
)

_DEFINITIONS = (
    # pint's own oersted and gauss have Gaussian dimensions; the field writes them beside SI ones
    "emu = 1e-3 * ampere * meter ** 2",
    "si_oersted = 1000 / (4 * pi) * ampere / meter",
    "si_gauss = 1e-4 * tesla",
)
_NAMES = {
    "%": "percent", "‰": "permille", "°": "degree", "°C": "degC", "°F": "degF", "°K": "kelvin", "degK": "kelvin",
    "Kelvin": "kelvin", "Kelvins": "kelvin", "Celsius": "degC", "celsius": "degC", "deg_C": "degC",
    "Ang": "angstrom", "ang": "angstrom", "Angstrom": "angstrom", "Angstroms": "angstrom",
    "sec": "second", "secs": "second", "Sec": "second", "Min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour",
    "Gauss": "si_gauss", "gauss": "si_gauss", "G": "si_gauss", "Tesla": "tesla",
    "Oersted": "si_oersted", "oersted": "si_oersted", "Oe": "si_oersted",
    "muB": "bohr_magneton", "mu_B": "bohr_magneton", "uB": "bohr_magneton", "u_B": "bohr_magneton",
    "BM": "bohr_magneton", "D": "debye", "Debye": "debye", "Torr": "torr",
    "amps": "ampere", "Amps": "ampere", "Ampere": "ampere", "grams": "gram",
    "molecules": "molecule", "formula_unit": "molecule", "fu": "molecule", "atom": "molecule",
}  # fmt: skip
_PREFIXES = "TGMkmunp"
_SHOWN = {
    "angstrom": "Å", "bohr_magneton": "μB", "degC": "°C", "degF": "°F", "degree": "°", "deg": "°", "debye": "D",
    "percent": "%", "permille": "‰", "si_oersted": "Oe", "si_gauss": "G", "kelvin": "K", "second": "s",
    "minute": "min", "hour": "h", "ampere": "A", "gram": "g", "tesla": "T",
}  # fmt: skip
_MICRO = "C A m s g T V K L l F J N W M Pa emu mol eV bar Oe G".split()


@cache
def _registry() -> Any:
    # pint imports scipy only for one method unused here, and reading a file must not load scipy
    hide_scipy = "scipy" not in sys.modules
    if hide_scipy:
        sys.modules["scipy"] = None  # type: ignore[assignment]
    try:
        import pint
    finally:
        if hide_scipy:
            del sys.modules["scipy"]

    registry: Any = pint.UnitRegistry(cache_folder=None, autoconvert_offset_to_baseunit=True)
    for line in _DEFINITIONS:
        registry.define(line)
    return registry


def _name(symbol: str) -> str:
    """The name pint knows a symbol of the field by."""
    symbol = symbol.replace("μ", "u").replace("Ω", "ohm").replace("Å", "angstrom")
    if symbol[0] in _PREFIXES and symbol[1:] in ("Oe", "G"):
        return symbol[0] + _NAMES[symbol[1:]]
    return _NAMES.get(symbol, symbol)


def _powers(symbols: Mapping[str, Fraction], rule: str) -> dict[str, Fraction]:
    """Pint names and exponents, after the readings that only the quantity can decide."""
    named: dict[str, Fraction] = {}
    for symbol, power in symbols.items():
        name = "angstrom" if symbol == "A" and rule in ("length", "molar_volume") else _name(symbol)
        named[name] = named.get(name, Fraction(0)) + power
    if rule != "susceptibility":
        return named
    # cgs volumes of a susceptibility become emu/Oe, so that they carry their 4 pi; G stands for Oe there
    per_field = any(name.endswith(("si_oersted", "si_gauss")) for name in named)
    result: dict[str, Fraction] = {}
    for name, power in named.items():
        terms = {name.replace("si_gauss", "si_oersted"): power}
        if name in ("cm", "centimeter"):
            terms = {"emu": power / 3, "si_oersted": -power / 3}
        elif name.endswith("emu") and not per_field:
            terms = {name: power, "si_oersted": -power}
        elif name not in ("m", "meter") and set(_unit(name).dimensionality) == {"[length]"}:
            raise UnitError(f"{name!r} in a susceptibility does not say whether it is cgs (write cm3) or SI (write m3)")
        for term, exponent in terms.items():
            result[term] = result.get(term, Fraction(0)) + exponent
    return result


def _unit(name: str) -> Any:
    registry = _registry()
    try:
        unit = registry.parse_units(name)
        zero = float(registry.Quantity(0.0, unit).to_base_units().magnitude)
    except Exception:
        # pint raises many types for malformed names; all mean the same to the reader of the message
        raise UnitError(f"{name!r} is not a unit known here") from None
    if zero and not unit.is_compatible_with("kelvin"):
        raise UnitError(f"{name!r} is logarithmic; give linear values")
    return unit


def _is_offset(unit: Any) -> bool:
    return str(unit) in ("degree_Celsius", "degree_Fahrenheit", "degree_Reaumur")


def _product(powers: Mapping[str, Fraction]) -> Any:
    """The pint unit; a Celsius degree inside a product (K/min, J/mol/°C) is a difference."""
    kept = {name: power for name, power in powers.items() if power}
    if len(kept) == 1 and set(kept.values()) == {Fraction(1)}:
        return _unit(next(iter(kept)))
    registry = _registry()
    product = registry.parse_units("")
    for name, power in kept.items():
        unit = _unit(name)
        if _is_offset(unit):
            unit = registry.parse_units(f"delta_{unit}")
        product = product * unit ** (int(power) if power.denominator == 1 else float(power))
    return product


@cache
def _linear_to_si(unit: str, name: str) -> tuple[float, float]:
    """Return factor and offset so that SI = factor * value + offset."""
    quantity = QUANTITIES.get(name)
    usual = "" if quantity is None or quantity.si == "1" else f"; {name} is usually given in {quantity.field!r}"
    written = unit.strip()
    if written == "" and (quantity is None or quantity.si != "1"):
        raise UnitError(f"{name}: the unit is missing{usual}. Write it beside the name or the value")
    if written in ("", "1", "-", "dimensionless") and (quantity is None or quantity.si == "1"):
        return 1.0, 0.0
    try:
        text = read_unit(written)
        if not text.powers and text.factor > 1:
            raise UnitError(f"unit {unit!r}: a number alone is no unit")
        if quantity is None and text.below is not None:
            raise UnitError(f"unit {unit!r} can be read in two ways; write a/(b c) or a b/c")
        for powers in (text.powers, text.below):
            found = None if powers is None else _convert(text.factor, powers, quantity)
            if found is not None:
                return found
    except UnitError as error:
        raise UnitError(f"{name}: {error}{usual}") from None
    except (OverflowError, ZeroDivisionError):
        raise UnitError(f"{name}: unit {unit!r} is too large or too small a number{usual}") from None
    hint = "; for degrees Celsius write degC" if written in ("C", "c") and usual.endswith("'K'") else ""
    examples = [] if quantity is None or not usual else list(dict.fromkeys((quantity.field, quantity.si)))
    expected = f"something like {' or '.join(map(repr, examples))}" if examples else "a pure number"
    raise UnitError(f"{name}: unit {unit!r} has the wrong dimension; expected {expected}{hint}")


def _convert(number: float, symbols: Mapping[str, Fraction], quantity: Quantity | None) -> tuple[float, float] | None:
    """Factor and offset to SI; None when the dimension is wrong."""
    registry = _registry()
    unit = _product(_powers(symbols, "" if quantity is None else quantity.rule))
    one = registry.Quantity(1.0, unit)
    offset = 0.0
    if _is_offset(unit):
        if quantity is not None and quantity.si != "K":
            return None
        if number != 1.0 or not (quantity is None or quantity.rule == "absolute_temperature"):
            raise UnitError(f"a difference cannot be given in {next(iter(symbols))!r}; use K")
        offset = float(registry.Quantity(0.0, unit).to("kelvin").magnitude)
        factor: float | None = float(one.to("kelvin").magnitude) - offset
    elif quantity is None:
        factor = float(one.to_base_units().magnitude)
    else:
        target = _product(_powers(read_unit(quantity.si).powers, quantity.rule))
        same = unit.dimensionality == target.dimensionality
        factor = float(one.to(target).magnitude) if same else _special_factor(one, quantity)
    if factor is None:
        return None
    factor *= number
    if not (0.0 < factor < math.inf):
        raise OverflowError
    return factor, offset


def _special_factor(one: Any, quantity: Quantity) -> float | None:
    """Conversions that change dimension: field strengths, spectroscopic energies, volumes per formula unit."""
    if quantity.rule == "field" and one.check("[current]/[length]"):
        return float(one.to("A/m").magnitude) * VACUUM_PERMEABILITY
    if quantity.rule == "molar_energy":
        if one.check("1/[length]"):
            return float(one.to("1/m").magnitude) * PLANCK * SPEED_OF_LIGHT * AVOGADRO
        if one.check("[temperature]"):
            return float(one.to("K").magnitude) * GAS_CONSTANT
        if one.check("[energy]"):
            return float(one.to("J").magnitude) * AVOGADRO
    # emu alone is the moment of a sample, never of a molecule
    if quantity.rule == "molar_moment" and "bohr_magneton" in str(one.units) and one.check("[current]*[length]**2"):
        return float(one.to("A*m**2").magnitude) * AVOGADRO
    if quantity.rule == "molar_volume" and one.check("[volume]"):
        return float(one.to("m**3").magnitude) * AVOGADRO
    return None


def to_si(values: Any, unit: str, quantity: str) -> Any:
    """Convert values given in `unit` to the SI unit of `quantity`.

    Parameters
    ----------
    values : float or array_like
    unit : str
        Any spelling of the field: ``"nC cm-2 K-1"``, ``"cm3 K/mol"``, ``"kbar"``, ``"degC"``, ``"Oe"``.
    quantity : str
        Key of `QUANTITIES`; an unknown name is converted to pint's base units.

    Returns
    -------
    float or numpy.ndarray

    Raises
    ------
    UnitError
        If the unit is empty, unknown or of the wrong dimension.

    Examples
    --------
    >>> round(to_si(30.0, "nC cm-2 K-1", "pyroelectric_coefficient"), 12)
    0.0003
    >>> round(to_si(25.0, "degC", "temperature"), 2)
    298.15
    """
    factor, offset = _linear_to_si(unit, quantity)
    if isinstance(values, (int, float)):
        return values * factor + offset
    return np.asarray(values, dtype=float) * factor + offset


def from_si(values: Any, unit: str, quantity: str) -> Any:
    """Convert SI values of `quantity` to `unit`; the inverse of `to_si`.

    Examples
    --------
    >>> round(from_si(1e8, "kbar", "pressure"), 12)
    1.0
    """
    factor, offset = _linear_to_si(unit, quantity)
    if isinstance(values, (int, float)):
        return (values - offset) / factor
    return (np.asarray(values, dtype=float) - offset) / factor


def scale_to_si(unit: str, quantity: str) -> float:
    """Return the factor by which an *uncertainty or difference* in `unit` becomes SI (no offset)."""
    return _linear_to_si(unit, quantity)[0]


def si_unit(quantity: str) -> str:
    """SI unit of a known quantity; ``""`` for one that is not in `QUANTITIES`."""
    return QUANTITIES[quantity].si if quantity in QUANTITIES else ""


def field_unit(quantity: str) -> str:
    """Unit the field writes a known quantity in; ``""`` for one that is not in `QUANTITIES`."""
    return QUANTITIES[quantity].field if quantity in QUANTITIES else ""


ZEROS = {"isomer_shift": "relative to α-Fe"}
"""What the zero of a quantity is, where a number means nothing without saying it."""


def shown_unit(unit: str, quantity: str) -> str:
    """Unit text for a number of a quantity, with what its zero is where that must be said.

    Examples
    --------
    >>> shown_unit("mm/s", "isomer_shift"), shown_unit("mm/s", "quadrupole_splitting")
    ('mm s⁻¹ relative to α-Fe', 'mm s⁻¹')
    """
    return f"{pretty_unit(unit)} {ZEROS.get(quantity, '')}".strip()


def pretty_unit(unit: str) -> str:
    """Unit text for labels: ``"cm^3 K/mol"`` becomes ``"cm³ K mol⁻¹"``; ``"1"`` becomes ``""``.

    Raises
    ------
    UnitError
        If the text is no product of powers of names.

    Examples
    --------
    >>> pretty_unit("10^-3 emu/(mol Oe)"), pretty_unit("uC/cm^2"), pretty_unit("%")
    ('10⁻³ emu mol⁻¹ Oe⁻¹', 'μC cm⁻²', '%')
    """
    if unit.strip() in ("", "1", "-", "dimensionless"):
        return ""
    text = read_unit(unit)
    number = pretty_number(text.factor)
    if text.below is None:
        return " ".join(filter(None, [number, *(_shown(symbol) + superscript(p) for symbol, p in text.powers.items())]))
    # J/mol K: only the dimension tells what is below the slash, so the slash stays as it was written
    above = [_shown(symbol) + superscript(p) for symbol, p in text.below.items() if p > 0]
    under = [_shown(symbol) + superscript(-p) for symbol, p in text.below.items() if p < 0]
    return f"{' '.join(filter(None, [number, *above])) or '1'}/({' '.join(under)})"


def _shown(symbol: str) -> str:
    name = _name(symbol)
    if name in _SHOWN:
        return _SHOWN[name]
    plain = symbol.replace("μ", "u")
    for long, short in (("si_oersted", "Oe"), ("si_gauss", "G"), ("angstrom", "Å"), ("ohm", "Ω")):
        plain = plain.removesuffix(long) + (short if plain.endswith(long) else "")
    return "μ" + plain[1:] if plain[0] == "u" and plain[1:] in _MICRO else plain
