"""One room per physical method; here is the table that says which rooms there are and what they offer.

The table holds names only, so that asking what exists loads no technique.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any


class TechniqueError(ValueError):
    """An unknown technique, or a quantity that a technique does not give."""


@dataclass(frozen=True)
class Reduction:
    """A way from what an instrument records to what a model explains.

    Attributes
    ----------
    takes : str
        Quantity of the raw measurement.
    gives : tuple of str
        Quantities it can return.
    function : str
        ``"module:name"``.
    options : mapping of str to str
        Option name to what it holds: a key of `core.units.QUANTITIES` (a number with its unit), or ``"text"``,
        ``"number"``, ``"count"``, ``"flag"``, ``"table"``, ``"window"`` (two temperatures), ``"holder"`` (files, or a
        moment per field), ``"files <quantity>"`` (the measurements of that quantity in files),
        ``"<quantity> or files"`` (a number, or such measurements).
    uncertain : mapping of str to str
        Option to the keyword that takes its standard uncertainty.
    together : bool
        Whether the function takes all raw measurements of a file at once, as a list.
    """

    takes: str
    gives: tuple[str, ...]
    function: str
    options: Mapping[str, str] = field(default_factory=dict)
    uncertain: Mapping[str, str] = field(default_factory=dict)
    together: bool = False


@dataclass(frozen=True)
class Technique:
    """One physical method.

    Attributes
    ----------
    name : str
    title : str
    observables : mapping of str to str
        Quantity to ``"module:class"`` of the observable that predicts it.
    reductions : tuple of Reduction
    polar : tuple of str
        Quantities that exist in polar space groups only.
    transitions : str
        ``"module:function"`` that reads transition temperatures from reduced heating and cooling data; may be empty.
    """

    name: str
    title: str
    observables: Mapping[str, str]
    reductions: tuple[Reduction, ...] = ()
    polar: tuple[str, ...] = ()
    transitions: str = ""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities that a measurement may have: those a model explains, then those that are only reduced."""
        return tuple(dict.fromkeys((*self.observables, *(q for r in self.reductions for q in r.gives))))

    def require(self, quantity: str) -> None:
        """Raise TechniqueError unless this technique measures the quantity."""
        if quantity not in self.quantities:
            raise TechniqueError(f"{self.name} has no quantity {quantity!r}; there are: {', '.join(self.quantities)}")

    def observable(self, quantity: str) -> Any:
        """Class of the observable that predicts a quantity.

        Raises
        ------
        TechniqueError
        """
        if quantity not in self.observables:
            self.require(quantity)
            raise TechniqueError(
                f"no model predicts {quantity} directly; fit one of {', '.join(self.observables)}, or keep this"
                " measurement out of the fit with fit = false"
            )
        return load(self.observables[quantity])

    def reduction(self, takes: str, gives: str) -> Reduction:
        """Return the reduction from one quantity to another.

        Raises
        ------
        TechniqueError
        """
        for reduction in self.reductions:
            if reduction.takes == takes and gives in reduction.gives:
                return reduction
        known = "; ".join(f"{r.takes} -> {', '.join(r.gives)}" for r in self.reductions)
        raise TechniqueError(f"{self.name} cannot make {gives} from {takes}; it can do: {known}")


_MOMENT_OPTIONS = {
    "sample_mass": "mass",
    "molar_mass": "molar_mass",
    "holder": "holder",
    "matrix": "text",
    "matrix_mass": "mass",
    "matrix_susceptibility": "mass_susceptibility",
    "diamagnetic_susceptibility": "diamagnetic_susceptibility",
    "pascal": "table",
    "minimum_field": "magnetic_field",
}
_MOMENT_UNCERTAIN = {
    "sample_mass": "sigma_mass",
    "matrix_mass": "sigma_matrix_mass",
    "holder": "sigma_holder",
    "diamagnetic_susceptibility": "sigma_diamagnetic",
}
_SCAN_OPTIONS = {
    "background": "files scan_voltage",
    "moments": "files moment",
    "calibration": "gradiometer_calibration",
    "center": "text",
    "drift": "flag",
    "align": "text",
    "half_length": "position",
}
_CURRENT_OPTIONS = {
    "area": "area",
    "polarity": "number",
    "zero_window": "window",
    "drift": "flag",
    "sigma_offset": "current",
    "rate_window": "count",
    "slowest": "sweep_rate",
    "lag": "time",
}
_CHARGE_OPTIONS = {"area": "area", "polarity": "number", "bias_current": "current", "rate_window": "count"}

TECHNIQUES: Mapping[str, Technique] = MappingProxyType(
    {
        "magnetometry": Technique(
            "magnetometry",
            "Magnetometry",
            {
                "chi_t": "labile.techniques.magnetometry:ChiT",
                "chi_m": "labile.techniques.magnetometry:ChiM",
                "mu_eff": "labile.techniques.magnetometry:MuEff",
                "magnetization": "labile.techniques.magnetometry:Magnetization",
                "high_spin_fraction": "labile.techniques.magnetometry:HighSpinFraction",
            },
            (
                Reduction(
                    "moment",
                    ("chi_t", "chi_m", "mu_eff", "magnetization"),
                    "labile.techniques.magnetometry:reduce_moment",
                    _MOMENT_OPTIONS,
                    _MOMENT_UNCERTAIN,
                ),
                Reduction(
                    "scan_voltage",
                    ("chi_t", "chi_m", "mu_eff", "magnetization"),
                    "labile.techniques.magnetometry:reduce_scans",
                    {**_SCAN_OPTIONS, **_MOMENT_OPTIONS},
                    {"calibration": "sigma_calibration", **_MOMENT_UNCERTAIN},
                    together=True,
                ),
                Reduction(
                    "scan_voltage",
                    ("moment",),
                    "labile.techniques.magnetometry:reduce_scans",
                    _SCAN_OPTIONS,
                    {"calibration": "sigma_calibration"},
                    together=True,
                ),
                *(
                    Reduction(
                        takes,
                        ("t_liesst",),
                        "labile.techniques.magnetometry:reduce_liesst",
                        {"window": "window", "span": "temperature_difference", "rate": "sweep_rate"} | options,
                        uncertain,
                        together=True,
                    )
                    for takes, options, uncertain in (
                        ("chi_t", {}, {}),
                        ("high_spin_fraction", {}, {}),
                        ("moment", _MOMENT_OPTIONS, _MOMENT_UNCERTAIN),
                    )
                ),
                *(
                    Reduction(
                        takes,
                        ("relaxation_rate",),
                        "labile.techniques.magnetometry:reduce_isotherms",
                        {"law": "text", "criterion": "text", "residual": "number"} | options,
                        together=True,
                    )
                    for takes, options in (
                        ("chi_t", {"low_spin": "chi_t or files", "high_spin": "chi_t or files"}),
                        ("high_spin_fraction", {}),
                    )
                ),
                *(
                    Reduction(
                        takes,
                        ("switching_density",),
                        "labile.techniques.magnetometry:reduce_reversals",
                        {"smoothing": "count", "direction": "text", "step": "temperature_difference"},
                        together=True,
                    )
                    for takes in ("chi_t", "high_spin_fraction")
                ),
            ),
            transitions="labile.techniques.magnetometry:transition_temperatures",
        ),
        "pyroelectricity": Technique(
            "pyroelectricity",
            "Pyroelectricity",
            {
                "pyroelectric_coefficient": "labile.techniques.pyroelectricity:PyroelectricCoefficient",
                "polarization": "labile.techniques.pyroelectricity:Polarization",
            },
            (
                Reduction(
                    "current",
                    ("pyroelectric_coefficient",),
                    "labile.techniques.pyroelectricity:reduce_current",
                    {**_CURRENT_OPTIONS, "method": "text", "period": "time", "periods": "count"},
                    {"area": "sigma_area"},
                ),
                Reduction(
                    "current",
                    ("polarization_change",),
                    "labile.techniques.pyroelectricity:reduce_current",
                    {**_CURRENT_OPTIONS, "reference_temperature": "temperature"},
                    {"area": "sigma_area"},
                ),
                Reduction(
                    "charge",
                    ("polarization_change",),
                    "labile.techniques.pyroelectricity:reduce_charge",
                    {**_CHARGE_OPTIONS, "reference_temperature": "temperature"},
                    {"area": "sigma_area"},
                ),
                Reduction(
                    "charge",
                    ("pyroelectric_coefficient",),
                    "labile.techniques.pyroelectricity:reduce_charge",
                    _CHARGE_OPTIONS,
                    {"area": "sigma_area"},
                ),
            ),
            polar=("pyroelectric_coefficient", "polarization", "polarization_change"),
        ),
        "mossbauer": Technique(
            "mossbauer",
            "Mossbauer spectroscopy",
            {
                "isomer_shift": "labile.techniques.mossbauer:IsomerShift",
                "quadrupole_splitting": "labile.techniques.mossbauer:QuadrupoleSplitting",
                "area_fraction": "labile.techniques.mossbauer:AreaFraction",
                "log_exchange_rate": "labile.techniques.mossbauer:ExchangeRate",
            },
            (
                Reduction(
                    "counts",
                    ("transmission",),
                    "labile.techniques.mossbauer:reduce_spectrum",
                    {
                        "calibration": "files counts",
                        "starts": "text",
                        "drive": "text",
                        "fold_point": "number",
                        "temperature": "temperature",
                        "reference": "text",
                        "nominal_velocity": "velocity",
                    },
                ),
            ),
        ),
    }
)
"""Techniques by the name a manifest gives."""


def technique(name: str) -> Technique:
    """Technique by name.

    Raises
    ------
    TechniqueError
        For an unknown one; the message lists what exists.

    Examples
    --------
    >>> technique("magnetometry").quantities[:3]
    ('chi_t', 'chi_m', 'mu_eff')
    """
    if name not in TECHNIQUES:
        raise TechniqueError(f"technique {name!r} is unknown; there are: {', '.join(TECHNIQUES)}")
    return TECHNIQUES[name]


def load(reference: str) -> Any:
    """Return the object behind ``"module:name"``."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
