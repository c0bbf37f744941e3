import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.branches import split_branches
from labile.core.conditions import Conditions
from labile.core.measurement import Measurement


def log(temperature, field=0.1, time=None):
    conditions = Conditions(np.asarray(temperature, dtype=float), magnetic_field=field, time=time)
    return Measurement("moment", np.arange(len(conditions), dtype=float), conditions, label="log")


def kinds(measurement, **options):
    return [(part.branch, len(part)) for part in split_branches(measurement, **options)]


def test_cooling_then_heating_with_jitter():
    rng = np.random.default_rng(1)
    down = np.linspace(300, 5, 600) + rng.uniform(-0.1, 0.1, 600)
    up = np.linspace(5, 300, 600) + rng.uniform(-0.1, 0.1, 600)
    parts = split_branches(log(np.concatenate([down, up])))
    assert [part.branch for part in parts] == ["cooling", "heating"]
    assert abs(len(parts[0]) - 600) <= 1
    assert parts[0].label == "log cooling 1"


def test_one_sweep_keeps_its_label_and_all_points():
    (part,) = split_branches(log(np.linspace(2, 300, 50)))
    assert (part.branch, part.label, len(part)) == ("heating", "log", 50)


def test_settling_before_a_sweep_does_not_cut_it():
    assert kinds(log([10.3, 10.1, 10.0, 11.0, 15.0, 20.0])) == [("heating", 6)]


def test_less_than_the_dead_band_is_isothermal():
    assert kinds(log([10.0, 10.2, 9.9, 10.1])) == [("isothermal", 4)]
    assert kinds(log([10.0, 10.2, 9.9, 10.1]), dead_band_k=0.05) != [("isothermal", 4)]


def test_magnetisation_curves_between_temperature_sweeps():
    field_loop = np.concatenate([np.linspace(0, 7, 20), np.linspace(7, -7, 40), np.linspace(-7, 0, 20)])
    temperature = np.concatenate([np.full(80, 2.0), np.full(80, 5.0), np.linspace(5, 300, 100)])
    field = np.concatenate([field_loop, field_loop, np.full(100, 0.1)])
    assert kinds(log(temperature, field)) == [("isothermal", 80), ("isothermal", 80), ("heating", 100)]


def test_a_change_of_field_cuts_two_sweeps_of_one_direction():
    temperature = np.concatenate([np.linspace(2, 300, 30), np.linspace(2, 300, 30)])
    field = np.repeat([0.1, 1.0], 30)
    assert kinds(log(temperature, field)) == [("heating", 30), ("heating", 30)]
    down_up = np.concatenate([np.linspace(300, 2, 30), np.linspace(2, 300, 30)])
    assert kinds(log(down_up, field)) == [("cooling", 30), ("heating", 30)]


def test_sweep_rate_comes_from_the_times():
    time = np.arange(60.0) * 60
    (part,) = split_branches(log(np.linspace(10, 128, 60), time=time))
    assert part.sweep_rate == pytest.approx(2.0 / 60, rel=1e-12)
    assert "2 K/min" in part.provenance.steps[-1]


@pytest.mark.parametrize("band", [0.0, -1.0, np.nan, np.inf])
def test_bad_dead_band_is_refused(band):
    with pytest.raises(ValueError, match="dead_band_k"):
        split_branches(log([1.0, 2.0]), dead_band_k=band)


@given(
    st.lists(st.floats(2, 400), min_size=1, max_size=60),
    st.lists(st.sampled_from([0.0, 0.1, 1.0, 1.001]), min_size=60, max_size=60),
    st.floats(0.01, 20),
)
def test_every_point_is_in_exactly_one_part_in_order(temperature, field, band):
    measurement = log(temperature, field[: len(temperature)])
    parts = split_branches(measurement, dead_band_k=band)
    assert np.concatenate([part.values for part in parts]).tolist() == measurement.values.tolist()
    for part in parts:
        span = float(np.ptp(part.temperature))
        if part.branch == "isothermal":
            assert span <= band
        else:
            # no reversal inside a part exceeds the dead band
            sign = 1 if part.branch == "heating" else -1
            t = sign * part.temperature
            assert np.max(np.maximum.accumulate(t) - t) <= band + 1e-9


def _simulated_loop(level, top=7.0, wait=3, points=30, jitter=0.004, seed=0):
    """Simulated virgin curve and loop at one temperature, with waits at the turns and at zero field."""
    up = np.linspace(0.0, top, points)
    field = np.concatenate(
        [np.zeros(wait), up, np.full(wait, top), np.linspace(top, -top, 2 * points), np.full(wait, -top),
         np.linspace(-top, top, 2 * points), np.full(wait, top)]
    )  # fmt: skip
    noise = np.random.default_rng(seed).normal(0.0, jitter, field.size)
    return np.full(field.size, level) + noise, field


@pytest.mark.parametrize("levels", [(2.0, 2.5, 3.0), (1.8, 2.0, 2.2), (4.0, 300.0), (2.0, 4.0, 2.0)])
def test_each_temperature_of_simulated_loops_is_one_isothermal_part(levels):
    parts = [_simulated_loop(level, seed=number) for number, level in enumerate(levels)]
    temperature, field = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    cut = split_branches(log(temperature, field=field))
    assert [part.branch for part in cut] == ["isothermal"] * len(levels)
    # the points at +7 T after a loop and at 0 T before the next are at its own temperature
    assert [len(part) for part in cut] == [len(part[0]) for part in parts]


def test_simulated_loop_with_unsteady_temperature_is_one_part():
    temperature, field = _simulated_loop(340.0, top=3.0, jitter=0.14)
    assert 0.5 < np.ptp(temperature) < 1.0
    assert [part.branch for part in split_branches(log(temperature, field=field))] == ["isothermal"]


def test_simulated_loop_between_sweeps_leaves_them_whole():
    down, up = np.arange(50.0, 1.9, -0.2), np.arange(2.0, 50.1, 0.2)
    loop_t, loop_b = _simulated_loop(2.0)
    temperature = np.concatenate([down, loop_t, up])
    field = np.concatenate([np.full(down.size, 0.1), loop_b, np.full(up.size, 0.5)])
    cut = split_branches(log(temperature, field=field))
    assert [(part.branch, len(part)) for part in cut] == [
        ("cooling", down.size), ("isothermal", loop_t.size), ("heating", up.size)
    ]  # fmt: skip


def test_relaxation_at_each_simulated_field_is_one_part():
    field = np.repeat([0.0, 0.025, 0.05, 0.1, 0.2], 40)
    cut = split_branches(log(np.full(field.size, 1.8), field=field))
    assert [(part.branch, len(part)) for part in cut] == [("isothermal", 200)]


@pytest.mark.parametrize("settling", [[5.0], [5.02, 5.0, 5.01]])
def test_two_heating_sweeps_after_a_jump_back_are_two_parts(settling):
    sweep = np.arange(5.5, 300.0, 1.0)
    cut = split_branches(log(np.concatenate([[5.0], sweep, settling, sweep])))
    assert [(part.branch, len(part)) for part in cut] == [
        ("heating", sweep.size + 1), ("heating", sweep.size + len(settling))
    ]  # fmt: skip
    assert cut[1].temperature[0] == settling[0]
