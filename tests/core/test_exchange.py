"""Round trips of measurements: nothing is lost, damage is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions, LightSource
from labile.core.exchange import (
    from_dataframe,
    from_xarray,
    read_csv,
    read_netcdf,
    to_dataframe,
    to_xarray,
    write_csv,
    write_netcdf,
)
from labile.core.measurement import Axis, CorrelatedTerm, Measurement, MeasurementError, Provenance

POSITIVE = st.floats(1e-12, 1e12)
ANY = st.floats(-1e9, 1e9)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
WORDS = st.lists(TEXT, max_size=2)
UNITS = {
    "chi_t": ("cm3 K mol-1", "m^3 K/mol"),
    "pyroelectric_coefficient": ("nC cm-2 K-1", "C/m^2/K"),
    "temperature": ("K", "degC"),
    "high_spin_fraction": ("1", "%"),
}


@st.composite
def measurements(draw):
    n = draw(st.integers(1, 4))
    quantity = draw(st.sampled_from(sorted(UNITS)))

    def column(values, size=n):
        return np.array(draw(st.lists(values, min_size=size, max_size=size)))

    def maybe(values):
        return column(values) if draw(st.booleans()) else None

    conditions = Conditions(
        column(st.floats(0.1, 1000)),
        column(POSITIVE),
        column(ANY),
        light=tuple(LightSource(*pair) for pair in draw(st.lists(st.tuples(POSITIVE, POSITIVE), max_size=2))),
        time=maybe(ANY),
        sigma_temperature=maybe(POSITIVE),
        sigma_pressure=maybe(POSITIVE),
    )
    m = draw(st.integers(1, 3))
    axis = Axis("energy", column(POSITIVE, m)) if draw(st.booleans()) else None
    shape = (n,) if axis is None else (n, m)
    size = int(np.prod(shape))
    return Measurement(
        quantity,
        column(ANY, size).reshape(shape),
        conditions,
        column(POSITIVE, size).reshape(shape) if draw(st.booleans()) else None,
        draw(st.sampled_from(UNITS[quantity])),
        tuple(CorrelatedTerm(draw(TEXT), column(ANY)) for _ in range(draw(st.integers(0, 2)))),
        maybe(st.sampled_from([-1, 0, 1])),
        axis,
        draw(st.sampled_from(["equilibrium", "heating"])),
        draw(st.none() | POSITIVE),
        draw(TEXT),
        draw(TEXT),
        draw(st.dictionaries(TEXT, TEXT | ANY, max_size=3)),
        Provenance(draw(TEXT), draw(TEXT), draw(TEXT), draw(st.dictionaries(TEXT, TEXT, max_size=2)), draw(WORDS)),
    )


def assert_same(one: Measurement, two: Measurement) -> None:
    for name in ("quantity", "unit", "branch", "sweep_rate", "sample", "label", "provenance"):
        assert getattr(one, name) == getattr(two, name), name
    assert dict(one.attributes) == dict(two.attributes)
    assert one.conditions.light == two.conditions.light
    for name in ("values", "sigma", "limits"):
        same_array(getattr(one, name), getattr(two, name), name)
    for name in ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure"):
        same_array(getattr(one.conditions, name), getattr(two.conditions, name), name)
    assert [term.name for term in one.correlated] == [term.name for term in two.correlated]
    for a, b in zip(one.correlated, two.correlated, strict=True):
        same_array(a.effect, b.effect, a.name)
    assert (one.axis is None) == (two.axis is None)
    if one.axis is not None:
        assert one.axis.quantity == two.axis.quantity
        same_array(one.axis.values, two.axis.values, "axis")


def same_array(one, two, name: str) -> None:
    assert (one is None) == (two is None), name
    if one is not None:
        assert np.shape(one) == np.shape(two), name
        np.testing.assert_allclose(two, one, rtol=1e-15, atol=0, err_msg=name)


@given(measurements())
@settings(max_examples=60, deadline=None)
def test_dataframe_and_xarray(m):
    assert_same(m, from_dataframe(to_dataframe(m)))
    assert_same(m, from_xarray(to_xarray(m)))


@given(measurements())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv(tmp_path, m):
    write_csv(m, tmp_path / "m.csv")
    assert_same(m, read_csv(tmp_path / "m.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


@given(measurements())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_netcdf(tmp_path, m):
    write_netcdf(m, tmp_path / "m.nc")
    assert_same(m, read_netcdf(tmp_path / "m.nc"))


def example() -> Measurement:
    return Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]), sigma=[0.02, 0.03])


def test_csv_is_what_a_spreadsheet_shows(tmp_path):
    write_csv(example(), tmp_path / "m.csv")
    lines = (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if not line.startswith("#")]
    assert table[0] == "temperature (K),pressure (Pa),magnetic_field (T),chi_t (cm3 K/mol),sigma (cm3 K/mol)"
    assert [float(cell) for cell in table[1].split(",")] == pytest.approx([5, 101325, 0, 0.15, 0.02], rel=1e-14)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# labile measurement 1", "# other", "line 1: expected"),
        ('"chi_t"', "chi_t", "line 2: 'quantity' is not JSON"),
        ('# branch: "equilibrium"\n', "", "'branch' is missing"),
        ("0.15", "0.15,1", "line 14: 6 cells instead of 5"),
        ("120.0", "warm", "line 15, column 'temperature .K.': 'warm' is not a number"),
        ("sigma (cm3 K/mol)", "noise", "column 'noise' does not belong"),
        ("# light: []", "# light: [1]", "damaged"),
    ],
)
def test_damaged_csv(tmp_path, old, new, message):
    path = tmp_path / "m.csv"
    write_csv(example(), path)
    text = path.read_text(encoding="utf-8")
    damaged = text.replace(old, new, 1)
    assert damaged != text
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(MeasurementError, match=message) as caught:
        read_csv(path)
    assert "m.csv" in str(caught.value)


def test_what_labile_did_not_write(tmp_path):
    (tmp_path / "m.nc").write_bytes(b"no netcdf")
    with pytest.raises(MeasurementError, match=r"m\.nc: cannot be opened"):
        read_netcdf(tmp_path / "m.nc")
    frame = to_dataframe(example())
    frame.attrs.clear()
    with pytest.raises(MeasurementError, match="attrs has no"):
        from_dataframe(frame)
    with pytest.raises(MeasurementError, match="no attribute"):
        from_xarray(to_xarray(example()).drop_attrs())
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_csv(tmp_path / "absent.csv")
