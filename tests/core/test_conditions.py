import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.conditions import Conditions, LightSource, Path, as_floats, concatenate

COLUMNS = ("temperature", "pressure", "magnetic_field", "time", "sigma_temperature", "sigma_pressure")
TEMPERATURES = st.lists(st.floats(0.01, 2000.0), min_size=1, max_size=12)


def test_scalars_fill_all_points():
    conditions = Conditions([100, 200, 300], pressure=1e8, magnetic_field=0.1, time=0.0, sigma_temperature=0.5)
    assert len(conditions) == 3
    for name in COLUMNS[:-1]:
        assert getattr(conditions, name).shape == (3,)
        assert getattr(conditions, name).dtype == float
    assert conditions.sigma_pressure is None


@pytest.mark.parametrize("temperature", [300, 300.0, np.float32(300), np.array(300), [300], (300.0,)])
def test_one_point_in_any_form(temperature):
    assert Conditions(temperature).temperature.tolist() == [300.0]


def test_one_temperature_meets_many_pressures():
    conditions = Conditions(298.0, pressure=np.linspace(0, 3e9, 7))
    assert conditions.temperature.tolist() == [298.0] * 7


def test_no_points():
    conditions = Conditions([], time=[], magnetic_field=1.0)
    assert len(conditions) == 0
    assert conditions.pressure.shape == conditions.magnetic_field.shape == (0,)
    assert len(Conditions([10.0, 20.0])[np.array([False, False])]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"temperature": 0.0}, "above 0 K, found 0 K at point 1"),
        ({"temperature": [10.0, -3.0, 5.0]}, "found -3 K at point 2.*Celsius"),
        ({"temperature": [10.0, np.nan]}, "temperature is not finite at point 2 of 2"),
        ({"temperature": np.ma.masked_invalid([10.0, np.nan])}, "temperature is not finite at point 2"),
        ({"temperature": np.inf}, "temperature is not finite"),
        ({"temperature": None}, "temperature is missing"),
        ({"temperature": [[10.0, 20.0]]}, "temperature must be a scalar or one-dimensional"),
        ({"temperature": "warm"}, "temperature: not an array of numbers"),
        ({"temperature": [[1.0], [2.0, 3.0]]}, "temperature: not an array of numbers"),
        ({"temperature": 3.0 + 1.0j}, "temperature: complex"),
        ({"temperature": [1.0, 2.0], "pressure": [1.0, 2.0, 3.0]}, "temperature 2, pressure 3"),
        ({"temperature": [], "pressure": [1.0, 2.0]}, "temperature 0, pressure 2"),
        ({"temperature": 1.0, "pressure": -1.0}, "pressure must not be negative"),
        ({"temperature": 1.0, "pressure": np.nan}, "pressure is not finite"),
        ({"temperature": 1.0, "sigma_temperature": -0.1}, "sigma_temperature must not be negative"),
        ({"temperature": 1.0, "sigma_pressure": np.nan}, "sigma_pressure is not finite"),
        ({"temperature": 1.0, "light": (LightSource(1e-6, 1.0), "lamp")}, "must hold LightSource, found 'lamp'"),
    ],
)
def test_impossible_conditions(arguments, says):
    with pytest.raises(ValueError, match=says):
        Conditions(**arguments)


@pytest.mark.parametrize(("wavelength", "flux"), [(0.0, 1.0), (-1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0), (1e-6, -1.0)])
def test_impossible_light(wavelength, flux):
    with pytest.raises(ValueError, match="light source"):
        LightSource(wavelength, flux)


@given(TEMPERATURES)
def test_arrays_are_own_and_locked(temperatures):
    given_array = np.array(temperatures)
    conditions = Conditions(given_array, time=given_array)
    given_array[:] = -1.0
    assert conditions.temperature.tolist() == temperatures
    for name in ("temperature", "pressure", "magnetic_field", "time"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(conditions, name)[0] = 1.0


def test_a_view_of_the_callers_array_stays_writeable():
    array = np.array([1.0, 2.0])
    Conditions(array)
    array[0] = 5.0
    assert array[0] == 5.0


@given(TEMPERATURES, st.data())
def test_indexing_is_that_of_arrays(temperatures, data):
    conditions = Conditions(temperatures, time=np.arange(float(len(temperatures))), light=(LightSource(1e-6, 2.0),))
    i = data.draw(st.integers(-len(temperatures), len(temperatures) - 1))
    assert conditions[i].temperature.tolist() == [temperatures[i]]
    part = data.draw(st.slices(len(temperatures)))
    assert conditions[part].temperature.tolist() == temperatures[part]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(temperatures), max_size=len(temperatures))))
    assert conditions[mask].time.tolist() == np.flatnonzero(mask).tolist()
    assert conditions[mask].light == conditions.light
    assert [point.temperature[0] for point in conditions] == temperatures


@given(TEMPERATURES, TEMPERATURES)
def test_joined_parts_come_apart_again(first, second):
    one, two = Conditions(first, pressure=1e5, time=0.0), Conditions(second, pressure=2e5, time=1.0)
    joined = concatenate([one, two])
    assert joined.temperature.tolist() == first + second
    assert joined[len(first) :].pressure.tolist() == two.pressure.tolist()
    assert joined[: len(first)].time.tolist() == one.time.tolist()


def test_joining_what_does_not_fit():
    one = Conditions(10.0, time=1.0)
    assert concatenate([one, Conditions(20.0)]).time is None
    with pytest.raises(ValueError, match="light"):
        concatenate([one, Conditions(10.0, light=(LightSource(1e-6, 1.0),))])
    with pytest.raises(ValueError, match="nothing"):
        concatenate([])


def test_other_temperatures():
    conditions = Conditions([1.0, 2.0], pressure=[1e5, 2e5])
    assert conditions.at_temperature([3.0, 4.0]).pressure.tolist() == [1e5, 2e5]
    assert Conditions(1.0, pressure=2e5).at_temperature([3.0, 4.0, 5.0]).pressure.tolist() == [2e5] * 3
    with pytest.raises(ValueError, match="temperature 3, pressure 2"):
        conditions.at_temperature([1.0, 2.0, 3.0])


def test_copies_and_pickles():
    conditions = Conditions([1.0, 2.0], light=(LightSource(1e-6, 1.0),))
    for twin in (copy.deepcopy(conditions), pickle.loads(pickle.dumps(conditions))):
        assert twin.temperature.tolist() == [1.0, 2.0]
        assert twin.light == conditions.light


def test_numbers_of_any_kind_become_floats():
    source = [1, 2]
    assert as_floats(source, "x").dtype == float
    assert as_floats(np.array([1, 2], dtype=np.uint8), "x").tolist() == [1.0, 2.0]
    masked = as_floats(np.ma.array([1, 2], mask=[0, 1]), "x")
    assert masked[0] == 1.0
    assert np.isnan(masked[1])


def test_paths():
    assert Path.heating(10.0, 300.0).direction == "heating"
    cooling = Path.cooling(300.0, 10.0, points=30, pressure=1e8)
    assert (cooling.direction, len(cooling)) == ("cooling", 30)
    assert cooling.conditions.pressure.tolist() == [1e8] * 30
    assert (cooling.conditions.temperature[0], cooling.conditions.temperature[-1]) == (300.0, 10.0)
    assert Path(Conditions([1.0, 2.0, 1.0])).direction == "mixed"
    assert Path(Conditions([1.0, 2.0, 2.0])).direction == "heating"
    assert Path(Conditions([1.0, 1.0])).direction == Path(Conditions(1.0)).direction == "isothermal"


@pytest.mark.parametrize(("make", "start", "stop", "points"), [
    (Path.heating, 300.0, 10.0, 5), (Path.cooling, 10.0, 300.0, 5), (Path.heating, 10.0, 10.0, 5),
    (Path.heating, np.nan, 10.0, 5), (Path.cooling, 300.0, 10.0, 1), (Path.cooling, 300.0, 0.0, 5),
])  # fmt: skip
def test_paths_that_lead_nowhere(make, start, stop, points):
    with pytest.raises(ValueError, match=r"path|above 0 K"):
        make(start, stop, points)
