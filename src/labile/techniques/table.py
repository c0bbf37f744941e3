"""The techniques of labile. Names only, so that asking what exists loads no technique."""

from __future__ import annotations

from labile.techniques.description import Reduction, Technique

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
_ABSORPTION_OPTIONS = {
    "method": "text",
    "edge_energy": "edge_energy",
    "edge_method": "text",
    "pre_edge": "text",
    "pre_from": "energy",
    "pre_to": "energy",
    "post_edge": "text",
    "post_from": "energy",
    "post_to": "energy",
    "flatten": "flag",
    "element": "text",
    "edge": "text",
    "foil": "files absorption",
    "energy_reference": "text",
    "saturated": "text",
    "deglitch": "flag",
    "formula": "text",
    "angle_in": "angle",
    "angle_out": "angle",
    "temperature": "temperature",
}
_SPECTRUM_OPTIONS = {"low": "wavenumber", "high": "wavenumber", "baseline": "text", "saturated": "text"}

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
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
    Technique(
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
    Technique(
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
    Technique(
        "xas",
        "X-ray absorption",
        {
            "component_fraction": "labile.techniques.xas:ComponentFraction",
            "pre_edge_area": "labile.techniques.xas.pre_edge_observables:PreEdgeArea",
            "pre_edge_centroid": "labile.techniques.xas.pre_edge_observables:PreEdgeCentroid",
            "normalized_absorption": "labile.techniques.xas.whole_spectra:absorption_map",
        },
        (
            Reduction(
                "absorption",
                ("normalized_absorption", "edge_energy"),
                "labile.techniques.xas:reduce_absorption",
                _ABSORPTION_OPTIONS,
            ),
            *(
                Reduction(
                    takes,
                    ("pre_edge_area", "pre_edge_centroid"),
                    "labile.techniques.xas.pre_edge_reduction:reduce_pre_edge",
                    {
                        "low": "energy",
                        "high": "energy",
                        "peaks": "count",
                        "most": "count",
                        "lineshape": "text",
                        **others,
                    },
                )
                for takes, others in (("absorption", _ABSORPTION_OPTIONS), ("normalized_absorption", {}))
            ),
            Reduction(
                "absorption",
                ("component_fraction",),
                "labile.techniques.xas:reduce_fractions",
                {
                    "standards": "files absorption",
                    "component": "text",
                    "sum_to_one": "flag",
                    "shift_limit": "energy",
                    "bootstrap": "count",
                    "fit_from": "energy",
                    "fit_to": "energy",
                    **_ABSORPTION_OPTIONS,
                },
            ),
        ),
    ),
    Technique(
        "vibrational",
        "Infrared and Raman spectroscopy",
        {
            "absorbance": "labile.techniques.vibrational.whole_spectra:absorbance_map",
            "intensity": "labile.techniques.vibrational.whole_spectra:intensity_map",
            "band_area": "labile.techniques.vibrational:BandArea",
            "band_ratio": "labile.techniques.vibrational:BandRatio",
            "population": "labile.techniques.vibrational.shares:population",
            "high_spin_fraction": "labile.techniques.vibrational.shares:high_spin_fraction",
        },
        tuple(
            reduction
            for takes, gives in (
                ("absorbance", "absorbance"),
                ("transmittance", "absorbance"),
                ("intensity", "intensity"),
            )
            for reduction in (
                Reduction(
                    takes,
                    (gives,),
                    "labile.techniques.vibrational.reduction:reduce_spectra",
                    _SPECTRUM_OPTIONS,
                    together=True,
                ),
                Reduction(
                    takes,
                    ("band_area", "band_position", "band_ratio", "population", "high_spin_fraction"),
                    "labile.techniques.vibrational.reduction:reduce_bands",
                    {
                        "bands": "bands",
                        "band": "text",
                        "over": "text",
                        "strength_ratio": "number",
                        "degree": "count",
                        **_SPECTRUM_OPTIONS,
                    },
                    {"strength_ratio": "sigma_strength_ratio"},
                    together=True,
                ),
            )
        ),
    ),
    Technique(
        "coordination",
        "Coordination geometry",
        {
            "bond_length": "labile.techniques.coordination:MeanBondLength",
            "high_spin_fraction": "labile.techniques.coordination.observables:high_spin_fraction",
        },
        (
            Reduction(
                "structure",
                (
                    "bond_length",
                    "high_spin_fraction",
                    "bond_length_distortion",
                    "bond_length_variance",
                    "octahedral_distortion",
                    "trigonal_distortion",
                    "polyhedron_volume",
                    "shape_measure",
                ),
                "labile.techniques.coordination.reduction:reduce_structures",
                {
                    "metal": "text",
                    "parameter": "text",
                    "combine": "text",
                    "low_spin": "bond_length",
                    "high_spin": "bond_length",
                },
                {"low_spin": "sigma_low_spin", "high_spin": "sigma_high_spin"},
                together=True,
            ),
        ),
    ),
    Technique(
        "strain",
        "Unit cells",
        {
            "cell_length": "labile.techniques.strain:CellLength",
            "cell_volume": "labile.techniques.strain:CellVolume",
        },
        (
            Reduction(
                "cells",
                ("cell_length", "cell_volume"),
                "labile.techniques.strain.reduction:reduce_cells",
                {"edge": "text"},
                together=True,
            ),
        ),
    ),
    Technique(
        "powder",
        "Powder diffraction",
        {"phase_fraction": "labile.techniques.powder:phase_fraction"},
        tuple(
            reduction
            for takes in ("counts", "intensity")
            for reduction in (
                Reduction(
                    takes,
                    ("phase_fraction",),
                    "labile.techniques.powder:reduce_mixture",
                    {
                        "structures": "structures",
                        "phase": "text",
                        "wavelength": "wavelength",
                        "radiation": "text",
                        "monochromator": "two_theta",
                        "background": "count",
                        "width": "two_theta",
                        "cell": "text",
                        "texture": "table",
                    },
                    together=True,
                ),
                Reduction(
                    takes,
                    ("d_spacing",),
                    "labile.techniques.powder:reduce_spacing",
                    {"low": "two_theta", "high": "two_theta", "wavelength": "wavelength", "zero": "two_theta"},
                ),
            )
        ),
    ),
)
"""In the order in which they are listed."""
