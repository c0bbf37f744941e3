"""Units at the edge: text such as ``"nC cm-2 K-1"`` to SI floats and back, once, by pint.

Inside labile every number is SI. A *quantity* (``"chi_t"``, ``"pressure"``, ``"enthalpy"``) fixes its SI unit,
the unit the field writes it in, and the rules the bare unit text cannot tell: ``cm3/mol`` of a molar
susceptibility is the cgs emu (1 cm3/mol = 4 pi 1e-6 m3/mol), ``Oe`` of a magnetic field is read as 1e-4 T,
``cm-1`` and ``K`` of a molar energy are multiplied by N_A h c and R, ``A^3`` of a volume is cubic angstrom.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from labile.core.constants import AVOGADRO, GAS_CONSTANT, PLANCK, SPEED_OF_LIGHT, VACUUM_PERMEABILITY


class UnitError(ValueError):
    """A unit is missing, unknown, or of the wrong dimension for its quantity."""


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
        ``"length"`` or ``"molar_volume"``.
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
    ("temperature", "K", "K", "T"),
    ("temperature_difference", "K", "K", "ΔT"),
    ("pressure", "Pa", "kbar", "P"),
    ("magnetic_field", "T", "T", "B", "field"),
    ("time", "s", "s", "t"),
    ("wavelength", "m", "nm", "λ", "length"),
    ("photon_flux", "1/m^2/s", "1/cm^2/s", "Φ"),
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
    ("temperature_independent_paramagnetism", "m^3/mol", "cm^3/mol", "χ_TIP", "susceptibility"),
    ("diamagnetic_susceptibility", "m^3/mol", "cm^3/mol", "χ_D", "susceptibility"),
    # pyroelectricity
    ("current", "A", "pA", "i"),
    ("charge", "C", "nC", "Q"),
    ("polarization", "C/m^2", "uC/cm^2", "P"),
    ("polarization_change", "C/m^2", "uC/cm^2", "ΔP"),
    ("pyroelectric_coefficient", "C/m^2/K", "nC/cm^2/K", "p"),
    ("dipole_moment", "C*m", "debye", "μ"),
    # states
    ("high_spin_fraction", "1", "1", "high-spin fraction"),
    ("population", "1", "1", "x"),
    # model parameters
    ("enthalpy", "J/mol", "kJ/mol", "ΔH", "molar_energy"),
    ("entropy", "J/K/mol", "J/K/mol", "ΔS"),
    ("volume", "m^3/mol", "cm^3/mol", "ΔV", "molar_volume"),
    ("interaction", "J/mol", "kJ/mol", "Γ", "molar_energy"),
    ("t_half", "K", "K", "T½"),
    ("t_half_up", "K", "K", "T½↑"),
    ("t_half_down", "K", "K", "T½↓"),
    ("t_half_width", "K", "K", "σ(T½)"),
    ("hysteresis_width", "K", "K", "ΔT½"),
    ("hysteresis_centre", "K", "K", "loop centre"),
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
_TOKEN = re.compile(
    r"[A-Za-zµμ°ÅΩ%_][A-Za-zµμ°ÅΩ%_]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\*\*|[-+*/^()·.⋅\s]|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"
)
_POWER_OF_TEN = re.compile(
    r"^\s*[x×]?\s*(?:10(?:\^|\*\*)(?P<exponent>[+\-−]?\d+)|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))\s*[x×*·]?\s*(?=[A-Za-zµμ°Å\u212b(])"
)
_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_ALIASES = {
    "µ": "u", "μ": "u", "°C": "degC", "℃": "degC", "Å": "angstrom", "Ang": "angstrom", "ang": "angstrom",
    "deg_C": "degC", "Celsius": "degC", "celsius": "degC", "Kelvin": "kelvin", "sec": "second", "secs": "second",
    "mins": "minute", "hr": "hour", "Gauss": "si_gauss", "G": "si_gauss", "gauss": "si_gauss", "kG": "kilosi_gauss",
    "Tesla": "tesla", "Oersted": "si_oersted", "oersted": "si_oersted", "Oe": "si_oersted", "kOe": "kilosi_oersted",
    "muB": "bohr_magneton", "mu_B": "bohr_magneton", "BM": "bohr_magneton", "D": "debye", "%": "percent",
    "amps": "ampere", "Amps": "ampere", "grams": "gram", "°": "degree",
}  # fmt: skip


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


def _normalise(text: str) -> list[str]:
    """Unit text of any of the field's spellings as a list of pint tokens."""
    text = unicodedata.normalize("NFC", text)  # the angstrom sign U+212B is the letter Å, the ohm sign Ω
    text = text.strip().replace("°C", "degC").replace("℃", "degC").replace("−", "-").replace("–", "-")
    text = re.sub(r"(?i)\bdeg(?:rees)?\.?\s*c\b", "degC", text)
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnitError(f"unit {text!r}: cannot read the character {text[position]!r}")
        token = match.group()
        position = match.end()
        if token.isspace() or token in "·⋅.":
            token = " "
        elif token[0] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
            tokens.append("**" + token.translate(_SUPERSCRIPT))
            continue
        elif token[0] in "µμ" and len(token) > 1:
            token = _ALIASES.get(token, "u" + token[1:])
        token = _ALIASES.get(token, token)
        tokens.append(token)
    merged: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token in ("^", "**"):
            merged.append("**")
        elif token.startswith("**"):
            merged.append(token)
        elif token == "-" and merged and merged[-1][0].isalpha() and index + 1 < len(tokens):
            merged.append("**-" + tokens[index + 1])  # cm-2
            index += 1
        elif token[0].isdigit() and merged and merged[-1][0].isalpha() and merged[-1] != "**":
            merged.append("**" + token)  # cm3
        elif token == "-" and merged and merged[-1] == "**" and index + 1 < len(tokens):
            merged.append("-" + tokens[index + 1])
            index += 1
        else:
            merged.append(token)
        index += 1
    result: list[str] = []
    for token in merged:
        if token == " " and (not result or result[-1] in (" ", "*", "/", "(", "**")):
            continue
        if token in ("*", "/", ")", "**") or token.startswith("**"):
            while result and result[-1] == " ":
                result.pop()
        result.append(token)
    while result and result[-1] == " ":
        result.pop()
    return ["*" if token == " " else token for token in result]


def _pint_expression(unit: str, quantity: Quantity | None) -> str:
    tokens = _normalise(unit)
    rule = quantity.rule if quantity is not None else ""
    if rule in ("length", "molar_volume"):
        tokens = ["angstrom" if token == "A" else token for token in tokens]
    if rule == "susceptibility":
        joined = "".join(tokens).replace("cm**3", "(emu/si_oersted)")
        if "emu" in tokens and not any("oersted" in token for token in tokens):
            joined = joined.replace("emu", "(emu/si_oersted)", 1)
        return joined
    return "".join(tokens)


@cache
def _linear_to_si(unit: str, name: str) -> tuple[float, float]:
    """Return factor and offset so that SI = factor * value + offset."""
    quantity = QUANTITIES.get(name)
    prefix = _POWER_OF_TEN.match(unit)
    if prefix is not None and unit[prefix.end() :].strip():
        scale = float(prefix["number"]) if prefix["number"] else 10.0 ** int(prefix["exponent"].replace("−", "-"))
        factor, offset = _linear_to_si(unit[prefix.end() :], name)
        return factor * scale, offset
    if unit.strip() == "":
        if quantity is not None and quantity.si == "1":
            return 1.0, 0.0
        known = f"; {name} is usually given in {quantity.field}" if quantity else ""
        raise UnitError(f"{name}: the unit is missing{known}. Write it beside the name or the value")
    registry = _registry()
    if unit.strip() in ("1", "-", "dimensionless") and (quantity is None or quantity.si == "1"):
        return 1.0, 0.0
    try:
        expression = _pint_expression(unit, quantity)
        parsed = registry.parse_units(expression)
    except UnitError:
        raise
    except Exception as error:
        # pint raises many types for malformed text; all mean the same to the reader of the message
        raise UnitError(f"{name}: unit {unit!r} is not known ({type(error).__name__})") from None
    if quantity is None:
        if _is_offset(parsed):
            return 1.0, float(registry.Quantity(0.0, parsed).to_base_units().magnitude)
        return float((1.0 * parsed).to_base_units().magnitude), 0.0
    target = registry.parse_units(_pint_expression(quantity.si, quantity))
    if parsed.dimensionality == target.dimensionality:
        if _is_offset(parsed):
            if quantity.name not in ("temperature", "t_half"):
                raise UnitError(f"{name}: a difference cannot be given in {unit!r}; use K")
            zero, one = (float(registry.Quantity(v, parsed).to(target).magnitude) for v in (0.0, 1.0))
            return one - zero, zero
        return float((1.0 * parsed).to(target).magnitude), 0.0
    special = _special_factor(parsed, quantity)
    if special is not None:
        return special, 0.0
    raise UnitError(
        f"{name}: unit {unit!r} has the wrong dimension; expected something like {quantity.field!r} or {quantity.si!r}"
    )


def _is_offset(parsed: Any) -> bool:
    return "degree_Celsius" in str(parsed) or "degree_Fahrenheit" in str(parsed)


def _special_factor(parsed: Any, quantity: Quantity) -> float | None:
    """Conversions that change dimension: field strengths, spectroscopic energies, volumes per formula unit."""
    one = 1.0 * parsed
    if quantity.rule == "field" and one.check("[current]/[length]"):
        return float(one.to("A/m").magnitude) * VACUUM_PERMEABILITY
    if quantity.rule == "molar_energy":
        if one.check("1/[length]"):
            return float(one.to("1/m").magnitude) * PLANCK * SPEED_OF_LIGHT * AVOGADRO
        if one.check("[temperature]") and not _is_offset(parsed):
            return float(one.to("K").magnitude) * GAS_CONSTANT
        if one.check("[energy]"):
            return float(one.to("J").magnitude) * AVOGADRO
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


def pretty_unit(unit: str) -> str:
    """Unit text for labels: ``"cm^3 K/mol"`` becomes ``"cm³ K mol⁻¹"``; ``"1"`` becomes ``""``."""
    if unit.strip() in ("", "1"):
        return ""
    superscript = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    names = {
        "angstrom": "Å", "bohr_magneton": "μB", "degC": "°C", "debye": "D", "percent": "%", "si_oersted": "Oe",
        "si_gauss": "G",
    }  # fmt: skip
    parts: list[str] = []
    invert = False
    tokens = _normalise(unit)
    for index, token in enumerate(tokens):
        if token in ("*", "(", ")"):
            continue
        if token == "/":
            invert = True
            continue
        if token.startswith("**"):
            power = int(token[2:] or tokens[index + 1])
            inverted = parts[-1].endswith("⁻¹")
            parts[-1] = parts[-1].rstrip("⁻¹") + str(-power if inverted else power).translate(superscript)
            continue
        if index and tokens[index - 1] == "**":
            continue
        if token == "1":
            continue
        name = names.get(token, token)
        if name.startswith("u") and len(name) == 2:
            name = "μ" + name[1:]
        parts.append(name + ("⁻¹" if invert else ""))
        invert = False
    return " ".join(parts)
