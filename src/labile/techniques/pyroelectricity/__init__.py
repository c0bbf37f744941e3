"""Pyroelectricity: current logs -> p(T) and Delta P(T); polarization and pyroelectric coefficient of populations."""

from labile.techniques.pyroelectricity.conversions import (
    PyroelectricityError,
    PyroelectricityWarning,
    check_polar,
    dipole_to_polarization,
    expected_charge,
    expected_current,
    mean_coefficient,
    reference_limit,
)
from labile.techniques.pyroelectricity.cycle import (
    ClosedCycle,
    CurrentSeparation,
    closed_cycle,
    reduce_current,
    separate_currents,
)
from labile.techniques.pyroelectricity.integration import integrate_coefficient, polarization_change
from labile.techniques.pyroelectricity.observables import Polarization, PyroelectricCoefficient
from labile.techniques.pyroelectricity.reduction import (
    Baseline,
    Rate,
    fit_baseline,
    heating_rate,
    pyroelectric_coefficient,
)

__all__ = [
    "Baseline",
    "ClosedCycle",
    "CurrentSeparation",
    "Polarization",
    "PyroelectricCoefficient",
    "PyroelectricityError",
    "PyroelectricityWarning",
    "Rate",
    "check_polar",
    "closed_cycle",
    "dipole_to_polarization",
    "expected_charge",
    "expected_current",
    "fit_baseline",
    "heating_rate",
    "integrate_coefficient",
    "mean_coefficient",
    "polarization_change",
    "pyroelectric_coefficient",
    "reduce_current",
    "reference_limit",
    "separate_currents",
]
