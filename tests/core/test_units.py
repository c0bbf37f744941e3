"""Units as people of the field write them, against conversions from the definition of each unit."""

import subprocess
import sys

import numpy as np
import pytest

from labile.core.constants import AVOGADRO, GAS_CONSTANT, PLANCK, SPEED_OF_LIGHT
from labile.core.units import QUANTITIES, UnitError, from_si, pretty_unit, scale_to_si, to_si

SPELLINGS = [
    ("length", "Å", 1e-10),
    ("length", "\u212b", 1e-10),
    ("length", "A", 1e-10),
    ("length", "1e-3 \u212b", 1e-13),
    ("cell_volume", "\u212b^3", 1e-30),
    ("cell_volume", "Å³", 1e-30),
    ("pressure", "kbar", 1e8),
    ("enthalpy", "kJ/mol", 1e3),
    ("enthalpy", "kcal mol-1", 4184.0),
    ("enthalpy", "cm-1", 100.0 * PLANCK * SPEED_OF_LIGHT * AVOGADRO),
    ("enthalpy", "K", GAS_CONSTANT),
    ("volume", "cm3/mol", 1e-6),
    ("volume", "A^3", 1e-30 * AVOGADRO),
    ("magnetic_field", "Oe", 1e-4),
    ("magnetic_field", "kOe", 0.1),
    ("moment", "emu", 1e-3),
    ("chi_m", "cm3/mol", 4e-6 * np.pi),
    ("chi_m", "emu/mol", 4e-6 * np.pi),
    ("chi_m", "m^3/mol", 1.0),
    ("chi_t", "cm^3 K mol^-1", 4e-6 * np.pi),
    ("pyroelectric_coefficient", "nC cm-2 K-1", 1e-5),
    ("pyroelectric_coefficient", "µC m⁻² K⁻¹", 1e-6),
    ("polarization", "uC/cm^2", 1e-2),
    ("sweep_rate", "K/min", 1 / 60),
    ("high_spin_fraction", "%", 0.01),
]


@pytest.mark.parametrize(("quantity", "unit", "factor"), SPELLINGS)
def test_spelling_of_the_field(quantity, unit, factor):
    # constants are CODATA 2018 on both sides, so only round-off is left
    assert to_si(2.0, unit, quantity) == pytest.approx(2.0 * factor, rel=1e-9)
    assert from_si(factor, unit, quantity) == pytest.approx(1.0, rel=1e-9)


def test_celsius_is_a_temperature_and_not_a_difference():
    assert to_si(26.85, "degC", "temperature") == pytest.approx(300.0, abs=1e-9)
    with pytest.raises(UnitError, match="difference"):
        to_si(1.0, "degC", "temperature_difference")


@pytest.mark.parametrize(("unit", "says"), [("", "missing"), ("kbar", "wrong dimension"), ("furlong_x", "not a unit known")])
def test_bad_unit_is_refused(unit, says):
    with pytest.raises(UnitError, match=says):
        to_si(1.0, unit, "enthalpy")


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_units_of_every_quantity_are_readable(name):
    quantity = QUANTITIES[name]
    assert scale_to_si(quantity.si, name) == pytest.approx(1.0, rel=1e-12)
    assert scale_to_si(quantity.field, name) > 0
    assert isinstance(pretty_unit(quantity.field), str)


def test_reading_a_unit_loads_no_scipy_and_leaves_it_importable():
    code = (
        "import sys\nfrom labile.core.units import to_si\nto_si(1, 'kbar', 'pressure')\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'scipy']\nimport scipy.optimize\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
