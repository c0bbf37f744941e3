"""From the moment a magnetometer reads to chi_M, chi*T, mu_eff and the high-spin fraction.

SI throughout: moment in A m2, the field as B = mu_0 H in T, H = B/mu_0, molar susceptibilities in m3/mol
(4 pi 1e-6 times the cgs number in cm3/mol); `core.units` reads and writes the cgs ones.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labile.core import pascal_constants
from labile.core.constants import BOHR_MAGNETON, BOLTZMANN, VACUUM_PERMEABILITY
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.core.units import from_si
from labile.techniques.magnetometry.holder import MagnetometryError, holder_moment
from labile.techniques.magnetometry.scatter import OVERSTATED, sigma_over_scatter
from labile.techniques.magnetometry.spin_only import CURIE_CONSTANT, mu_eff

REDUCED = ("chi_t", "chi_m", "mu_eff", "magnetization")
MINIMUM_FIELD = 1e-3
"""T; below it (10 Oe) the flux trapped in a superconducting magnet is no longer small beside the set field."""
SATURATION_ONSET = 0.1
"""mu_B B / k_B T from which M/H of a paramagnet falls noticeably below its zero-field chi (0.4 % for S = 2)."""


class MagnetometryWarning(UserWarning):
    """A reduced number is doubtful; the same sentence stands in the steps of its provenance."""


class OverstatedSigmaWarning(MagnetometryWarning):
    """The sigma of a file is far above the scatter of its points, so that it is no noise of independent points."""


def reduce_moment(
    measurement: Measurement,
    *,
    quantity: str = "chi_t",
    sample_mass: float | None = None,
    molar_mass: float | None = None,
    holder: Measurement | Sequence[Measurement] | float | None = None,
    matrix_mass: float | None = None,
    matrix: str = "eicosane",
    matrix_susceptibility: float | None = None,
    diamagnetic_susceptibility: float | str | None = None,
    pascal: Mapping[str, Any] | None = None,
    sigma_mass: float = 0.0,
    sigma_matrix_mass: float = 0.0,
    sigma_holder: float = 0.0,
    sigma_diamagnetic: float = 0.0,
    minimum_field: float = MINIMUM_FIELD,
) -> Measurement:
    """Molar susceptibility or magnetisation from a measured moment.

    chi_M = (m - m_holder - chi_matrix m_matrix H) M / (m_sample H) - chi_D, at the field of each point; the molar
    magnetisation is chi_M H, without the division.
    What is not given is taken from the file's header (`Measurement.attributes`: ``sample_mass``, ``molar_mass``,
    ``eicosane_mass``, ``diamagnetic_susceptibility``); masses and the diamagnetic correction are never assumed.

    Parameters
    ----------
    measurement : Measurement
        ``"moment"`` with the field in its conditions.
    quantity : {"chi_t", "chi_m", "mu_eff", "magnetization"}
        What to return.
    sample_mass : float, optional
        kg, without holder and matrix.
    molar_mass : float, optional
        kg/mol, of what the result is per mole of.
    holder : Measurement, sequence of Measurement, or float, optional
        Moment of the empty holder (all parts of its log), interpolated in temperature and field and never
        extrapolated; or its moment per H in m3 (1 emu/Oe = 4 pi 1e-6 m3).
    matrix_mass : float, optional
        kg of what the sample is fixed in; the header's ``eicosane_mass`` when the matrix is eicosane.
    matrix : str
        Name in `core.pascal_constants.MATRICES`.
    matrix_susceptibility : float, optional
        m3/kg, for another matrix or a measured value.
    diamagnetic_susceptibility : float or "estimate", optional
        chi_D in m3/mol, <= 0 (0 for no correction), or ``"estimate"`` for -M/2 x 1e-6 cm3/mol.
    pascal : mapping, optional
        Arguments of `core.pascal_constants.pascal_diamagnetism` (``formula``, ``groups``, ...) instead.
    sigma_mass, sigma_matrix_mass : float
        kg, standard uncertainties; each becomes a correlated term.
    sigma_holder : float
        m3, of a constant holder; a measured one brings its own sigma.
    sigma_diamagnetic : float
        m3/mol, of chi_D.
    minimum_field : float
        T; smaller fields are refused, but not for a magnetisation.

    Returns
    -------
    Measurement
        Same conditions; sigma from the moment's sigma, correlated terms ``mass``, ``matrix_mass``, ``holder``
        and ``diamagnetic_susceptibility``; every correction with its number in ``provenance.steps``.

    Raises
    ------
    MagnetometryError
        For a missing or impossible mass, molar mass or correction, a field below `minimum_field`, a holder that
        does not cover the data, or a negative chi*T under mu_eff.

    Warns
    -----
    MagnetometryWarning
        Where the sample saturates (mu_B B / k_B T > 0.1), and where the header names a matrix without its mass.
    OverstatedSigmaWarning
        Where the stated sigma is more than five times the scatter of neighbouring points in temperature.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> raw = Measurement.from_field("moment", [2.4e-4], "emu", Conditions([300.0], magnetic_field=0.1), sigma=[2e-7])
    >>> chi_t = reduce_moment(raw, sample_mass=12e-6, molar_mass=0.5, diamagnetic_susceptibility="estimate")
    >>> chi_t.describe_point(0)
    '3.075(3) cm³ K mol⁻¹ at 300 K'
    """
    where = f"measurement {measurement.label!r}"
    if measurement.quantity != "moment" or measurement.axis is not None:
        raise MagnetometryError(f"{where}: reduce_moment needs a moment, found {measurement.quantity}")
    if quantity not in REDUCED:
        raise MagnetometryError(f"{where}: quantity must be one of {', '.join(REDUCED)}, found {quantity!r}")
    temperature = measurement.temperature
    flux_density = np.asarray(measurement.conditions.magnetic_field)
    per_field = quantity != "magnetization"
    if per_field:
        _require_field(flux_density, temperature, minimum_field, where)
    mass, mass_source = _given_or_header(measurement, "sample_mass", sample_mass, "kg")
    molar, molar_source = _given_or_header(measurement, "molar_mass", molar_mass, "kg/mol")
    if mass > 0.1 or molar > 100.0:
        raise MagnetometryError(
            f"{where}: sample_mass {mass:g} kg, molar_mass {molar:g} kg/mol are too large for a molecular sample;"
            " give kg and kg/mol (10.1 mg is 10.1e-6, 704.95 g/mol is 0.70495)"
        )
    for name, uncertainty in (
        ("sigma_mass", sigma_mass),
        ("sigma_matrix_mass", sigma_matrix_mass),
        ("sigma_holder", sigma_holder),
        ("sigma_diamagnetic", sigma_diamagnetic),
    ):
        if not (uncertainty >= 0 and math.isfinite(uncertainty)):
            raise MagnetometryError(f"{where}: {name} must be >= 0 (SI), found {uncertainty!r}")
    if sigma_mass >= mass:
        raise MagnetometryError(f"{where}: sigma_mass {sigma_mass:g} kg is not below the sample mass {mass:g} kg")

    field_strength = flux_density / VACUUM_PERMEABILITY
    # a susceptibility is divided by the field, a magnetisation is not
    weight = np.ones_like(field_strength) if per_field else field_strength
    per_moment = molar / mass * (1.0 / field_strength if per_field else np.ones_like(field_strength))
    steps = [
        f"moment per mole{' and field' if per_field else ''}: sample mass {mass * 1e6:.6g} mg ({mass_source}), molar"
        f" mass {molar * 1e3:.7g} g/mol ({molar_source}), field {_span(flux_density)} T"
    ]
    moment = np.array(measurement.values)
    effects = {term.name: per_moment * np.asarray(term.effect) for term in measurement.correlated}

    if holder is not None:
        blank, blank_sigma, step = holder_moment(holder, measurement, sigma_holder)
        moment = moment - blank
        steps.append(step)
        if blank_sigma is not None:
            _add(effects, "holder", -per_moment * blank_sigma)
    elif sigma_holder:
        raise MagnetometryError(f"{where}: sigma_holder is given without a holder")

    embedding = _matrix(measurement, matrix_mass, matrix, matrix_susceptibility, steps)
    if embedding is not None:
        amount, per_mass = embedding
        moment = moment - per_mass * amount * field_strength
        if sigma_matrix_mass:
            _add(effects, "matrix_mass", -per_mass * sigma_matrix_mass * molar / mass * weight)
    elif sigma_matrix_mass:
        raise MagnetometryError(f"{where}: sigma_matrix_mass is given without a matrix_mass")

    diamagnetism = _diamagnetism(measurement, diamagnetic_susceptibility, pascal, molar, steps)
    uncorrected = per_moment * moment
    values = uncorrected - diamagnetism * weight
    sigma = None if measurement.sigma is None else np.abs(per_moment) * measurement.sigma
    if sigma_mass:
        _add(effects, "mass", -uncorrected * sigma_mass / mass)
    if sigma_diamagnetic:
        _add(effects, "diamagnetic_susceptibility", -sigma_diamagnetic * weight)

    values, scale = _as_quantity(quantity, values, temperature, where)

    reduced = BOHR_MAGNETON * np.abs(flux_density) / (BOLTZMANN * temperature)
    if per_field and np.any(reduced > SATURATION_ONSET):
        worst = int(np.argmax(reduced))
        steps.append(
            f"doubtful: mu_B B/k_B T reaches {reduced[worst]:.2g} ({flux_density[worst]:g} T at"
            f" {temperature[worst]:g} K), where M/H of a paramagnet lies below its zero-field susceptibility"
        )
        warnings.warn(f"{where}: {steps[-1]}", MagnetometryWarning, stacklevel=2)
    for step in steps:
        if step.startswith("no matrix correction although"):
            warnings.warn(f"{where}: {step}", MagnetometryWarning, stacklevel=2)
    if sigma is not None and measurement.branch != "isothermal":
        ratio = sigma_over_scatter(temperature, values, sigma * np.abs(scale))
        if ratio is not None and ratio > OVERSTATED:
            share = float(np.median(sigma * np.abs(scale) / np.maximum(np.abs(values), 1e-300)))
            often = "over 1000" if ratio > 1000 else f"about {ratio:.0f}"
            steps.append(
                f"stated sigma kept as recorded, but it is {often} times the scatter of neighbouring points (median"
                f" {share:.2g} of the value): no noise of single points but an error common to them, so that chi2 will"
                ' lie far below 1. Let a fit find the noise (noise = "free" in a manifest)'
            )
            warnings.warn(f"{where}: {steps[-1]}", OverstatedSigmaWarning, stacklevel=2)
    limits = measurement.limits
    if limits is not None and per_field:
        limits = limits * np.sign(flux_density).astype(int)
    return replace(
        measurement,
        quantity=quantity,
        values=values,
        sigma=None if sigma is None else sigma * scale,
        unit="",
        correlated=tuple(CorrelatedTerm(name, effect * scale) for name, effect in effects.items()),
        limits=limits,
        label=quantity if measurement.label == "moment" else measurement.label,
        provenance=measurement.provenance.then(*steps),
    )


def high_spin_fraction(
    measurement: Measurement,
    chi_t_low: float,
    chi_t_high: float,
    *,
    sigma_low: float = 0.0,
    sigma_high: float = 0.0,
    same_sample: bool = False,
) -> Measurement:
    """(chi*T - low) / (high - low), with its uncertainty and never clipped.

    Parameters
    ----------
    measurement : Measurement
        ``"chi_t"``.
    chi_t_low, chi_t_high : float
        chi*T of the fully low-spin and fully high-spin sample, m3 K/mol (SI).
    sigma_low, sigma_high : float
        Their standard uncertainties, m3 K/mol; they become correlated terms.
    same_sample : bool
        True when both references were read from this very sample: an error of its mass then cancels and the
        correlated term ``mass`` is dropped.

    Returns
    -------
    Measurement
        ``"high_spin_fraction"``. Values below 0 or above 1 are kept and named in ``provenance.steps``.

    Raises
    ------
    MagnetometryError
        If the measurement is not chi*T, or high is not above low.

    Warns
    -----
    MagnetometryWarning
        When a value lies outside [0, 1] by more than three times its total uncertainty, or by anything when no
        uncertainty is known.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> chi_t = Measurement("chi_t", [1.0e-5, 3.0e-5], Conditions([90.0, 150.0]))
    >>> high_spin_fraction(chi_t, 0.0, 4.0e-5).values.tolist()
    [0.25, 0.75]
    """
    where = f"measurement {measurement.label!r}"
    if measurement.quantity != "chi_t":
        raise MagnetometryError(f"{where}: high_spin_fraction needs chi_t, found {measurement.quantity}")
    step = chi_t_high - chi_t_low
    if not 0 < step < 0.01:
        raise MagnetometryError(
            f"{where}: chi_t_high must be above chi_t_low, both in m3 K/mol (3 cm3 K/mol is 3.77e-5), found"
            f" {chi_t_high!r} and {chi_t_low!r}"
        )
    values = (measurement.values - chi_t_low) / step
    effects = {
        term.name: np.asarray(term.effect) / step
        for term in measurement.correlated
        if not (same_sample and term.name == "mass")
    }
    if sigma_low:
        effects["chi_t_low"] = -(1.0 - values) * sigma_low / step
    if sigma_high:
        effects["chi_t_high"] = -values * sigma_high / step
    low, high = (float(from_si(v, "cm3 K/mol", "chi_t")) for v in (chi_t_low, chi_t_high))
    steps = [f"high-spin fraction between chi*T {low:.5g} and {high:.5g} cm3 K/mol"]
    outside = (values < 0) | (values > 1)
    if np.any(outside):
        steps.append(
            f"{int(outside.sum())} of {values.size} values lie outside [0, 1]"
            f" ({values.min():.3g} to {values.max():.3g}); kept as they are"
        )
    result = replace(
        measurement,
        quantity="high_spin_fraction",
        values=values,
        sigma=None if measurement.sigma is None else measurement.sigma / step,
        unit="",
        correlated=tuple(CorrelatedTerm(name, effect) for name, effect in effects.items()),
        label="high_spin_fraction" if measurement.label == "chi_t" else measurement.label,
        provenance=measurement.provenance.then(*steps),
    )
    total = result.total_sigma
    margin = 3 * total if total is not None else np.zeros_like(values)
    if np.any((values < -margin) | (values > 1 + margin)):
        warnings.warn(
            f"{where}: {steps[-1]}; check the two chi*T references and the corrections",
            MagnetometryWarning,
            stacklevel=2,
        )
    return result


def _require_field(flux_density: np.ndarray, temperature: np.ndarray, minimum: float, where: str) -> None:
    weak = np.flatnonzero(np.abs(flux_density) < minimum)
    if not minimum > 0:
        raise MagnetometryError(f"{where}: minimum_field must be > 0 T, found {minimum!r}")
    if weak.size:
        first = int(weak[0])
        raise MagnetometryError(
            f"{where}: {weak.size} of {flux_density.size} points have a field below {minimum:g} T, the first is point"
            f" {first + 1} ({flux_density[first]:g} T at {temperature[first]:g} K); chi = M/H has no meaning there."
            ' Drop these points, give the field if the file lacks it (magnetic_field = "0.1 T" of a [[measurement]],'
            " --reader 'magnetic_field=0.1 T' on the command line), or lower minimum_field"
        )


def _given_or_header(measurement: Measurement, name: str, given: float | None, unit: str) -> tuple[float, str]:
    value: Any = measurement.attributes.get(name) if given is None else given
    where = f"measurement {measurement.label!r}"
    if value is None:
        example = "10.1 mg" if unit == "kg" else "500.0 g/mol"
        raise MagnetometryError(
            f"{where}: the file's header gives no {name}; pass {name} in {unit}, or with its unit in a manifest and on"
            f' the command line ("{example}")'
        )
    if isinstance(value, str) or not (value > 0 and math.isfinite(value)):
        source = "the file's header gives" if given is None else "was given as"
        raise MagnetometryError(f"{where}: {name} {source} {value!r}; pass {name} > 0 in {unit}")
    return float(value), "header" if given is None else "given"


def _matrix(
    measurement: Measurement, given: float | None, matrix: str, susceptibility: float | None, steps: list[str]
) -> tuple[float, float] | None:
    header = measurement.attributes.get(f"{matrix}_mass")
    if given is None and header is None:
        text = " ".join(v for v in measurement.attributes.values() if isinstance(v, str)).lower()
        if matrix.lower() in text:
            steps.append(
                f"no matrix correction although the header mentions {matrix}: its mass is not known;"
                " pass matrix_mass (0 for none)"
            )
        else:
            steps.append("no matrix correction: no mass of one is known")
        return None
    if given == 0:
        steps.append("no matrix correction (mass given as 0)")
        return None
    amount, source = _given_or_header(measurement, f"{matrix}_mass", given, "kg (as matrix_mass)")
    origin = "Pascal's constants" if susceptibility is None else "given"
    per_mass = pascal_constants.matrix_susceptibility(matrix) if susceptibility is None else susceptibility
    if not (-1e-6 < per_mass < 1e-6):
        raise MagnetometryError(
            f"measurement {measurement.label!r}: matrix_susceptibility must be in m3/kg (eicosane -1.08e-8),"
            f" found {per_mass!r}"
        )
    steps.append(
        f"matrix removed: {amount * 1e6:.6g} mg {matrix} ({source}) with"
        f" {per_mass / (4e-3 * math.pi):.5g} cm3/g ({origin})"
    )
    return amount, per_mass


def _diamagnetism(
    measurement: Measurement,
    given: float | str | None,
    pascal: Mapping[str, Any] | None,
    molar_mass: float,
    steps: list[str],
) -> float:
    where = f"measurement {measurement.label!r}"
    if given is not None and pascal is not None:
        raise MagnetometryError(f"{where}: give either diamagnetic_susceptibility or pascal, not both")
    value: Any
    if pascal is not None:
        known = ("formula", "groups", "ring_atoms", "constitutive")
        bad = [key for key in pascal if key not in known]
        if bad or "formula" not in pascal:
            found = f"unknown {', '.join(map(repr, bad))}" if bad else "no formula"
            raise MagnetometryError(
                f"{where}: pascal needs formula, and may have {', '.join(known[1:])}; found {found}"
            )
        value, source = pascal_constants.pascal_diamagnetism(**pascal), f"Pascal's constants of {pascal['formula']}"
    elif given == "estimate":
        value, source = pascal_constants.estimate_diamagnetism(molar_mass), "estimate -M/2 x 1e-6"
    elif given is not None:
        value, source = given, "given"
    else:
        value, source = measurement.attributes.get("diamagnetic_susceptibility"), "header"
    if value is None:
        raise MagnetometryError(
            f"{where}: no diamagnetic correction is known; pass diamagnetic_susceptibility in m3/mol (0 for none),"
            " 'estimate' for -M/2 x 1e-6 cm3/mol, or pascal = {'formula': ...} for Pascal's constants"
        )
    if isinstance(value, str) or not -1e-6 < value <= 0:
        raise MagnetometryError(
            f"{where}: diamagnetic_susceptibility ({source}) must be <= 0 in m3/mol (-3e-4 cm3/mol is -3.8e-9), or"
            f" 'estimate', found {value!r}"
        )
    shown = float(from_si(float(value), "cm3/mol", "diamagnetic_susceptibility"))
    steps.append(f"diamagnetism of the sample removed: {shown:.5g} cm3/mol ({source})")
    return float(value)


def _as_quantity(
    quantity: str, chi_m: np.ndarray, temperature: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values of the quantity and their derivative in chi_M; a magnetisation comes and goes as it is."""
    if quantity in ("chi_m", "magnetization"):
        return chi_m, np.ones_like(chi_m)
    chi_t = chi_m * temperature
    if quantity == "chi_t":
        return chi_t, np.array(temperature)
    if np.any(chi_t <= 0):
        bad = int(np.argmin(chi_t))
        raise MagnetometryError(
            f"{where}: chi*T is {float(from_si(float(chi_t[bad]), 'cm3 K/mol', 'chi_t')):.3g} cm3 K/mol at"
            f" {temperature[bad]:g} K (point {bad + 1}), mu_eff has no value there; reduce to chi_t, or check the"
            " holder and diamagnetic corrections"
        )
    moment = mu_eff(chi_t)
    return moment, temperature / (2 * CURIE_CONSTANT * moment)


def _add(effects: dict[str, np.ndarray], name: str, effect: np.ndarray) -> None:
    effects[name] = effects[name] + effect if name in effects else effect


def _span(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.5g}" if math.isclose(low, high, rel_tol=1e-3) else f"{low:.5g} to {high:.5g}"
