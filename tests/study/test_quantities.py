import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.units import UnitError
from labile.study.quantities import QuantityError, read_quantity, read_temperature


@pytest.mark.parametrize(
    ("text", "quantity", "value", "sigma", "limit"),
    [
        ("1390 A^3", "cell_volume", 1.39e-27, math.nan, 0),
        ("10.1(1) mg", "mass", 1.01e-5, 1e-7, 0),
        ("0.3036 mm^2", "area", 3.036e-7, math.nan, 0),
        ("3.12 ± 0.03 cm3 K/mol", "chi_t", 3.12 * 4e-6 * math.pi, 0.03 * 4e-6 * math.pi, 0),
        ("<0.3 nC cm-2 K-1", "pyroelectric_coefficient", 3e-6, math.nan, -1),
        ("> 25 kbar", "pressure", 2.5e9, math.nan, 1),
        ("-3.19e-4 cm3/mol", "chi_m", -3.19e-4 * 4e-6 * math.pi, math.nan, 0),
        (0.5, "high_spin_fraction", 0.5, math.nan, 0),
        ("5 K/min", "sweep_rate", 5 / 60, math.nan, 0),
    ],
)
def test_numbers_with_units(text, quantity, value, sigma, limit):
    read = read_quantity(text, quantity)
    assert read.value == pytest.approx(value, rel=1e-9)
    assert read.sigma == pytest.approx(sigma, rel=1e-9, nan_ok=True)
    assert read.limit == limit


@pytest.mark.parametrize("text", ["", "mg", "ten mg", "1,5 mg", None, True, [1], "10.1", 10.1, math.nan])
def test_what_is_no_number_with_a_unit(text):
    with pytest.raises(QuantityError):
        read_quantity(text, "mass")


def test_wrong_dimension_shows_the_text():
    with pytest.raises(UnitError, match="10 kbar"):
        read_quantity("10 kbar", "mass")


def test_temperatures():
    assert read_temperature("-173.15 degC") == pytest.approx(100.0, abs=1e-9)
    assert read_temperature(26.85, "degC") == pytest.approx(300.0, abs=1e-9)
    with pytest.raises(QuantityError, match="above 0 K"):
        read_temperature(-3)


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_any_number_is_read_back(value):
    assert read_quantity(f"{value!r} kJ/mol", "enthalpy").value == pytest.approx(1e3 * value, rel=1e-12)
