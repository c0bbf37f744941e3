import copy
import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, CorrelatedTerm, Measurement, MeasurementError, Provenance, same_si_unit
from labile.core.units import UnitError


def example(**changes):
    arguments = {
        "quantity": "chi_t",
        "values": [0.15, 3.0, 3.12],
        "unit": "cm3 K/mol",
        "conditions": Conditions([5.0, 120.0, 300.0]),
        "sigma": [0.02, 0.03, 0.03],
        "label": "chi*T",
    }
    return Measurement.from_field(**(arguments | changes))


def spectra(**changes):
    arguments = {
        "quantity": "something_counted",
        "values": np.arange(6.0).reshape(3, 2),
        "unit": "1",
        "conditions": Conditions([5.0, 120.0, 300.0]),
        "axis": Axis("velocity", [-1e-3, 1e-3]),
    }
    return Measurement(**(arguments | changes))


def test_values_are_si_inside_and_as_given_outside():
    measurement = example()
    assert measurement.values == pytest.approx(4e-6 * np.pi * np.array([0.15, 3.0, 3.12]), rel=1e-12)
    assert measurement.in_unit() == pytest.approx([0.15, 3.0, 3.12], rel=1e-14)
    assert measurement.sigma_in_unit() == pytest.approx([0.02, 0.03, 0.03], rel=1e-14)
    assert measurement.in_unit("m3 K/mol") == pytest.approx(measurement.values, rel=1e-14)
    assert example(sigma=None).sigma_in_unit() is None
    assert Measurement("pressure", 1, Conditions(300)).unit == "kbar"


def test_a_sigma_in_celsius_is_a_difference():
    measurement = example(quantity="t_half", values=[20.0] * 3, unit="degC", sigma=0.5)
    assert measurement.values[0] == pytest.approx(293.15)
    assert measurement.sigma.tolist() == [0.5] * 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"values": [1.0, 2.0]}, r"shape \(2,\), the conditions ask for \(3,\)"),
        ({"values": [[1.0, 2.0, 3.0]]}, "shape"),
        ({"values": 1.0}, "shape"),
        ({"values": [1.0, np.nan, 2.0]}, "value 2 of 3 is not finite"),
        ({"values": np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1])}, "value 3 of 3 is not finite"),
        ({"values": [1.0, 2.0, np.inf]}, "value 3 of 3 is not finite"),
        ({"values": ["a", "b", "c"]}, "values: not an array of numbers"),
        ({"values": [1j, 2.0, 3.0]}, "complex"),
        ({"sigma": [0.1, 0.0, 0.1]}, "sigma of point 2 is 0; it must be finite and > 0"),
        ({"sigma": [0.1, 0.1, np.nan]}, "sigma of point 3 is nan"),
        ({"sigma": [-0.1, 0.1, 0.1]}, "sigma of point 1 is -"),
        ({"sigma": [0.1, np.inf, 0.1]}, "sigma of point 2 is inf"),
        ({"sigma": [0.1, 0.1]}, r"sigma has shape \(2,\), expected \(3,\)"),
        ({"sigma": "big"}, "sigma: not an array"),
        ({"limits": [0, 0]}, "3 entries of -1"),
        ({"limits": [0, 2, 0]}, "3 entries of -1"),
        ({"limits": [0, -0.5, 0]}, "3 entries of -1"),
        ({"limits": 0}, "3 entries of -1"),
        ({"branch": "up"}, "branch 'up' is unknown; use one of equilibrium, heating"),
        ({"sweep_rate": 0.0}, "sweep_rate must be > 0"),
        ({"sweep_rate": np.nan}, "sweep_rate must be > 0"),
        ({"correlated": (CorrelatedTerm("mass", [1.0]),)}, r"'mass' has shape \(1,\), expected \(3,\)"),
        ({"conditions": Conditions([]), "values": []}, "no points"),
    ],
)
def test_what_is_no_measurement_says_which_and_where(changes, says):
    with pytest.raises(MeasurementError, match=says) as caught:
        example(**changes)
    assert "measurement 'chi*T'" in str(caught.value)


@pytest.mark.parametrize("unit", ["", "K", "furlong"])
def test_a_bad_unit_names_the_measurement(unit):
    with pytest.raises(UnitError, match=r"measurement 'chi\*T': chi_t: "):
        example(unit=unit)
    if unit:
        with pytest.raises(UnitError, match=r"measurement 'chi_t': chi_t: "):
            Measurement("chi_t", 1.0, Conditions(5.0), unit=unit)


def test_terms_and_axes_are_checked():
    with pytest.raises(MeasurementError, match="quantity is missing"):
        Measurement("", 1.0, Conditions(5.0))
    with pytest.raises(ValueError, match="'mass': not every number is finite"):
        CorrelatedTerm("mass", [1.0, np.nan])
    with pytest.raises(MeasurementError, match="one row of numbers"):
        Axis("velocity", [[1.0]])
    with pytest.raises(MeasurementError, match="one row of numbers"):
        Axis("velocity", [])


def test_arrays_are_own_and_locked():
    arrays = {
        "values": np.array([1.0, 2.0, 3.0]),
        "sigma": np.array([0.1, 0.1, 0.1]),
        "limits": np.array([0, -1, 0]),
        "effect": np.array([0.1, 0.2, 0.3]),
    }
    before = {name: array.tolist() for name, array in arrays.items()}
    measurement = Measurement(
        "population",
        arrays["values"],
        Conditions([1.0, 2.0, 3.0]),
        arrays["sigma"],
        limits=arrays["limits"],
        correlated=[CorrelatedTerm("mass", arrays["effect"])],
    )
    for array in arrays.values():
        array[:] = 1
    held = {
        "values": measurement.values,
        "sigma": measurement.sigma,
        "limits": measurement.limits,
        "effect": measurement.correlated[0].effect,
    }
    assert {name: array.tolist() for name, array in held.items()} == before
    for array in (*held.values(), measurement.temperature):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    for derived in (measurement.in_unit(), measurement.sigma_in_unit(), measurement.total_sigma):
        derived[0] = 7.0
    assert measurement.values[0] == before["values"][0]
    with pytest.raises(TypeError):
        measurement.attributes["mass"] = 1.0


@pytest.mark.parametrize("kind", [int, np.int8, np.uint16, np.float32, bool])
def test_numbers_of_any_kind_become_floats(kind):
    measurement = Measurement("population", np.array([1, 0]).astype(kind), Conditions([1, 2]), sigma=1)
    assert measurement.values.dtype == float
    assert measurement.sigma.tolist() == [1.0, 1.0]


def test_one_point_from_a_scalar():
    assert Measurement("population", 0.5, Conditions(5.0), sigma=0.1).values.shape == (1,)
    assert example(values=3.0, sigma=0.1, conditions=Conditions(5.0)).sigma.shape == (1,)


@given(st.data())
def test_points_are_chosen_together(data):
    count = data.draw(st.integers(1, 8))
    numbers = np.arange(1.0, count + 1)
    wide = data.draw(st.booleans())
    values = np.stack([numbers, -numbers], axis=1) if wide else numbers
    measurement = Measurement(
        "something",
        values,
        Conditions(numbers, time=numbers),
        sigma=np.abs(values),
        axis=Axis("channel", [0, 1]) if wide else None,
        limits=numbers.astype(int) % 2,
        correlated=(CorrelatedTerm("mass", numbers),),
        attributes={"mass": 1.0},
    )
    index = data.draw(st.integers(-count, count - 1) | st.slices(count) | st.lists(st.integers(0, count - 1)))
    chosen = np.atleast_1d(numbers[index])
    if chosen.size == 0:
        with pytest.raises(MeasurementError, match="'something': the selection holds no points"):
            measurement[index]
        return
    part = measurement[index]
    assert part.temperature.tolist() == part.conditions.time.tolist() == chosen.tolist()
    assert part.values.reshape(len(part), -1)[:, 0].tolist() == chosen.tolist()
    assert part.sigma.shape == part.values.shape
    assert part.limits.tolist() == (chosen.astype(int) % 2).tolist()
    assert part.correlated[0].effect.tolist() == chosen.tolist()
    assert part.attributes == {"mass": 1.0}


def test_masks_out_of_range_and_iteration():
    measurement = example()
    assert measurement[measurement.temperature > 100].temperature.tolist() == [120.0, 300.0]
    assert [point.temperature[0] for point in measurement] == [5.0, 120.0, 300.0]
    for wrong in (3, [0, 7], np.array([True, False])):
        with pytest.raises(IndexError):
            measurement[wrong]


def test_total_uncertainty():
    assert example(sigma=None).total_sigma is None
    effect = CorrelatedTerm("mass", [3.0, 3.0, 3.0])
    other = CorrelatedTerm("area", [4.0, 4.0, 4.0])
    conditions = Conditions([1.0, 2.0, 3.0])
    both = Measurement("population", [1.0] * 3, conditions, sigma=12.0, correlated=(effect, other))
    assert both.total_sigma.tolist() == [13.0] * 3
    alone = Measurement("population", [1.0] * 3, conditions, correlated=(effect, other))
    assert alone.total_sigma.tolist() == [5.0] * 3
    assert spectra(sigma=12.0, correlated=(effect, other)).total_sigma.tolist() == [[13.0, 13.0]] * 3


def test_sigma_of_spectra():
    assert spectra(sigma=2.0).sigma.shape == (3, 2)
    assert spectra(sigma=[[1.0], [2.0], [3.0]]).sigma.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    assert spectra(sigma=[[1.0, 2.0]]).sigma.tolist() == [[1.0, 2.0]] * 3
    for ambiguous in ([1.0, 2.0], [1.0, 2.0, 3.0]):
        with pytest.raises(MeasurementError, match="sigma has shape"):
            spectra(sigma=ambiguous)
    with pytest.raises(MeasurementError, match="sigma of point 2 is 0"):
        spectra(sigma=[[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    with pytest.raises(MeasurementError, match=r"ask for \(3, 2\)"):
        spectra(values=[1.0, 2.0, 3.0])


def test_a_point_in_words():
    measurement = example(limits=[-1, 0, 1])
    assert measurement.describe_point(0) == "<0.15 cm³ K mol⁻¹ at 5 K"
    assert measurement.describe_point(1) == "3.00(3) cm³ K mol⁻¹ at 120 K"
    assert measurement.describe_point(-1) == ">3.12 cm³ K mol⁻¹ at 300 K"
    assert example(sigma=None).describe_point(1) == "3 cm³ K mol⁻¹ at 120 K"
    percent = Measurement.from_field("high_spin_fraction", 50, "%", Conditions(143), sigma=2)
    assert percent.describe_point(0) == "50(2) % at 143 K"
    assert Measurement("high_spin_fraction", 0.5, Conditions(143)).describe_point(0) == "0.5 at 143 K"
    assert spectra().describe_point(1) == "2 points along velocity at 120 K"


def test_repr():
    assert repr(example()) == "<Measurement 'chi*T': chi_t [cm3 K/mol], 3 points, 5-300 K, equilibrium>"
    assert repr(example()[0]) == "<Measurement 'chi*T': chi_t [cm3 K/mol], 1 point, 5 K, equilibrium>"
    assert "3 points x 2 velocity, 5-300 K" in repr(spectra())


def test_html_escapes_what_files_say():
    bad = "<script>alert('x')</script>: [a], b & c"
    measurement = example(label=bad, sample=bad, provenance=Provenance(source=bad, reader=bad))
    text = measurement._repr_html_()
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 4
    assert "<td>3 points, 5-300 K, equilibrium</td>" in text
    assert "cm³ K mol⁻¹" in text


def test_copies_and_pickles_stay_locked():
    mass = CorrelatedTerm("mass", [1.0, 1.0, 1.0])
    measurement = example(
        attributes={"sample_mass": 1e-6}, correlated=(mass,), provenance=Provenance("x.dat", options={"a": "b"})
    )
    for twin in (copy.deepcopy(measurement), copy.copy(measurement), pickle.loads(pickle.dumps(measurement))):
        assert twin.values.tolist() == measurement.values.tolist()
        assert twin.provenance == measurement.provenance
        assert dict(twin.attributes) == {"sample_mass": 1e-6}
        assert not twin.values.flags.writeable
        assert not twin.conditions.temperature.flags.writeable
        assert not twin.correlated[0].effect.flags.writeable
    assert not copy.deepcopy(spectra()).axis.values.flags.writeable


def test_provenance(tmp_path):
    file = tmp_path / "run 1.dat"
    file.write_bytes(b"\x00binary\r\n")
    origin = Provenance.of_file(file, "quantum_design", {"column": "Moment"})
    assert (origin.source, origin.reader) == ("run 1.dat", "quantum_design")
    assert origin.sha256 == hashlib.sha256(b"\x00binary\r\n").hexdigest()
    later = origin.then("split", "scaled")
    assert later.steps == ("split", "scaled")
    assert origin.steps == ()
    assert Provenance(steps="one sentence").steps == ("one sentence",)
    with pytest.raises(TypeError):
        origin.options["column"] = "other"


def test_quantities_of_one_unit():
    assert same_si_unit("enthalpy", "interaction")
    assert not same_si_unit("enthalpy", "entropy")
    assert not same_si_unit("unknown", "unknown")


def test_importing_measurements_is_light():
    heavy = "scipy pandas xarray pint matplotlib numba gemmi molmass"
    code = f"import sys, labile.core.measurement\nprint(*[m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
