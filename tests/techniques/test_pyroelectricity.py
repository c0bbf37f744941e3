"""Pyroelectricity against published numbers, the literal three-state formula and simulated electrometer logs."""

from types import SimpleNamespace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import Material, State, SymmetryError
from labile.core.measurement import Measurement
from labile.core.units import from_si
from labile.models.observable import Observable, chain
from labile.models.populations import Populations
from labile.techniques.pyroelectricity import (
    Polarization,
    PyroelectricCoefficient,
    PyroelectricityError,
    PyroelectricityWarning,
    check_polar,
    closed_cycle,
    dipole_to_polarization,
    expected_charge,
    expected_current,
    fit_baseline,
    heating_rate,
    integrate_coefficient,
    mean_coefficient,
    polarization_change,
    pyroelectric_coefficient,
    reduce_current,
    reference_limit,
    separate_currents,
)

R = 8.314462618
AREA = 0.3036e-6
RATE = 5 / 60
NANO = 1e-5  # nC cm-2 K-1 in SI
MICRO = 1e-2  # uC cm-2 in SI
STATES = (State("L"), State("H"), State("V"))


# ---------------------------------------------------------------- published numbers


@pytest.mark.parametrize(("p", "current", "tolerance"), [(30, 7.590, 1e-3), (3.4, 0.8602, 5e-4), (0.3, 0.0759, 5e-4)])
def test_currents_of_the_paper(p, current, tolerance):
    assert expected_current(p * NANO, AREA, RATE) * 1e12 == pytest.approx(current, abs=tolerance)
    assert expected_current(p * NANO, AREA, -RATE) * 1e12 == pytest.approx(-current, abs=tolerance)


def test_arithmetic_of_the_paper():
    assert mean_coefficient(0.40 * MICRO, 1.15 * MICRO, 120, 300) / NANO == pytest.approx(4.17, abs=0.01)
    assert reference_limit(3.4 * NANO, 0.15) / NANO == pytest.approx(0.51, abs=1e-9)
    assert dipole_to_polarization(3.33564e-30, 1390e-30) / MICRO == pytest.approx(0.2400, abs=1e-4)
    assert expected_charge(1.15 * MICRO, AREA) == pytest.approx(1.15e-6 * 3.036e-3, rel=1e-12)


def test_arithmetic_refuses_nonsense():
    with pytest.raises(PyroelectricityError, match="electrode area must be a number > 0"):
        expected_current(1e-5, 0.0, 0.1)
    with pytest.raises(PyroelectricityError, match="two different temperatures"):
        mean_coefficient(0, 1, 100, 100)
    with pytest.raises(PyroelectricityError, match="fraction"):
        reference_limit(1e-5, 15)


def test_space_group_decides():
    check_polar(Material("C", STATES, space_group="P 21", polar_axis="b"))
    check_polar(Material("C", STATES))
    with pytest.raises(SymmetryError, match=r"material C: .*not polar"):
        check_polar(Material("C", STATES, space_group="P 21/c"))


# ---------------------------------------------------------------- observables


def boltzmann(temperature, enthalpy, entropy):
    """Ideal n-state populations and their exact derivatives; parameters: enthalpies of all states but the first."""
    t = np.asarray(temperature, dtype=float)[:, None]
    enthalpy, entropy = np.asarray(enthalpy, float), np.asarray(entropy, float)
    weight = np.exp(entropy / R - enthalpy / (R * t))
    x = weight / weight.sum(axis=1, keepdims=True)
    mean = (x @ enthalpy)[:, None]
    deviation = enthalpy - mean
    x_t = x * deviation / (R * t**2)
    mean_t = (x_t @ enthalpy)[:, None]
    x_tt = (x_t * deviation - x * mean_t) / (R * t**2) - 2 * x_t / t
    n = enthalpy.size
    x_theta, x_t_theta = np.zeros((t.size, n - 1, n)), np.zeros((t.size, n - 1, n))
    for k in range(1, n):
        delta = np.eye(n)[k]
        own = x[:, k, None]
        dx = -x * (delta - own) / (R * t)
        dmean = (dx @ enthalpy)[:, None] + own
        x_theta[:, k - 1] = dx
        x_t_theta[:, k - 1] = (dx * deviation + x * (delta - dmean)) / (R * t**2)
    names = tuple("LHV"[:n])
    keys = tuple(f"{name}.enthalpy" for name in names[1:])
    return Populations(names, x, x_t, np.zeros_like(x), x_tt, keys, x_theta, x_t_theta, np.zeros(t.size, int))


MODELS = {2: ([0.0, 9000.0], [0.0, 60.0]), 3: ([0.0, 8000.0, 12000.0], [0.0, 70.0, 85.0])}


def own_values(n):
    values = {f"{s}.polarization": v * MICRO for s, v in zip("LHV"[:n], (0.0, 0.3, 3.4)[:n], strict=True)}
    values |= {f"{s}.pyroelectric_coefficient": v * NANO for s, v in zip("LHV"[:n], (0.2, -0.5, 0.7)[:n], strict=True)}
    return values | {"crystal.residual_fraction": 0.05}


@pytest.mark.parametrize("states", [2, 3])
@pytest.mark.parametrize("observable", [Polarization("crystal"), PyroelectricCoefficient("crystal")])
def test_derivatives_against_finite_differences(observable, states):
    enthalpy, entropy = MODELS[states]
    temperature = np.linspace(60, 300, 9)
    values = own_values(states)
    populations = boltzmann(temperature, enthalpy, entropy)
    prediction = observable.predict(populations, Conditions(temperature), values)
    names = (*populations.parameter_names, *values)
    jacobian, slope = chain(prediction, populations, names)

    def at(t, h, v):
        return observable.predict(boltzmann(t, h, entropy), Conditions(t), v).values

    for i, name in enumerate(names):
        step = 1.0 if name.endswith("enthalpy") else 1e-6
        sides = []
        for sign in (1, -1):
            h, v = list(enthalpy), dict(values)
            if name in v:
                v[name] += sign * step
            else:
                h["LHV".index(name[0])] += sign * step
            sides.append(at(temperature, h, v))
        scale = np.max(np.abs(jacobian[:, i])) + 1e-30
        np.testing.assert_allclose((sides[0] - sides[1]) / (2 * step) / scale, jacobian[:, i] / scale, atol=2e-6)
    numeric = (at(temperature + 1e-3, enthalpy, values) - at(temperature - 1e-3, enthalpy, values)) / 2e-3
    np.testing.assert_allclose(numeric, slope, rtol=0, atol=1e-6 * np.max(np.abs(slope)))


@pytest.mark.parametrize("states", [2, 3])
def test_coefficient_is_the_slope_of_polarization(states):
    temperature = np.linspace(60, 300, 25)
    populations = boltzmann(temperature, *MODELS[states])
    polarization = Polarization("crystal").predict(populations, Conditions(temperature), own_values(states))
    _, slope = chain(polarization, populations, (*populations.parameter_names, *own_values(states)))
    p = PyroelectricCoefficient("crystal").predict(populations, Conditions(temperature), own_values(states))
    np.testing.assert_allclose(p.values, slope, rtol=1e-12)


def test_own_parameters():
    both = [kind("crystal") for kind in (Polarization, PyroelectricCoefficient)]
    assert all(isinstance(one, Observable) for one in both)
    first, second = (one.parameters(STATES) for one in both)
    assert [p.name for p in first] == [p.name for p in second]
    by_name = {p.name: p for p in first}
    for name in ("L.polarization", "V.pyroelectric_coefficient"):
        assert by_name[name].fixed
        assert by_name[name].value == 0
    assert np.isnan(by_name["V.polarization"].value)
    assert not by_name["V.polarization"].fixed
    assert by_name["crystal.residual_fraction"].upper < 1


def set_a(temperature):
    """The literal formula: a domain step into {H, V}, ideal redistribution inside; exact derivatives."""
    t = np.asarray(temperature, dtype=float)
    step = 1 / (1 + np.exp(25700 / R * (1 / t - 1 / 90.2)))
    step_t = step * (1 - step) * 25700 / (R * t**2)
    v = 1 / (1 + np.exp(3870 / (R * t) - 5.87 / R))
    v_t = v * (1 - v) * 3870 / (R * t**2)
    x = np.column_stack([1 - step, step * (1 - v), step * v])
    x_t = np.column_stack([-step_t, step_t * (1 - v) - step * v_t, step_t * v + step * v_t])
    empty = np.zeros((t.size, 0, 3))
    return Populations(("L", "H", "V"), x, x_t, 0 * x, 0 * x, (), empty, empty, np.zeros(t.size, int))


SET_A = {
    "L.polarization": 0.0,
    "H.polarization": 0.286 * MICRO,
    "V.polarization": 3.438 * MICRO,
    "L.pyroelectric_coefficient": 0.0,
    "H.pyroelectric_coefficient": 0.0,
    "V.pyroelectric_coefficient": 0.0,
    "sample.residual_fraction": 0.05,
}


def test_regression_grid_of_set_a():
    grid = np.array([80, 90, 100, 120, 200, 250, 300.0])
    populations, conditions = set_a(grid), Conditions(grid)
    total = Polarization().predict(populations, conditions, SET_A).values / MICRO
    slope = PyroelectricCoefficient().predict(populations, conditions, SET_A).values / NANO
    np.testing.assert_allclose(total, [0.0036, 0.1470, 0.3173, 0.3920, 0.7659, 0.9886, 1.1711], atol=1e-4)
    printed = [1.747, 30.03, 5.801, 3.751, 4.801, 4.061, 3.254]
    # the published grid holds central differences of a 0.25 K grid: 0.3 % from the exact slope at the step's foot
    np.testing.assert_allclose(slope, printed, rtol=3e-3)
    above, below = (
        Polarization().predict(set_a(grid + shift), Conditions(grid + shift), SET_A).values for shift in (0.25, -0.25)
    )
    np.testing.assert_allclose((above - below) / 0.5 / NANO, printed, rtol=2e-4)


# ---------------------------------------------------------------- simulated logs


def true_p(temperature):
    """p(T) of set A, C m-2 K-1."""
    t = np.atleast_1d(temperature)
    return PyroelectricCoefficient().predict(set_a(t), Conditions(t), SET_A).values


def true_change(low, high):
    ends = np.array([low, high], dtype=float)
    return float(np.diff(Polarization().predict(set_a(ends), Conditions(ends), SET_A).values)[0])


def cycle(
    *,
    rates=(RATE, RATE),
    offset=0.0,
    drift=0.0,
    leak=0.0,
    noise=0.0,
    jitter=0.0,
    wave=0.0,
    seed=0,
    polarity=1,
    step=4.0,
):
    """Simulated electrometer log of 10 -> 300 -> 10 K on one clock; A, K, s, drift in A/s, leakage activated."""
    rng = np.random.default_rng(seed)
    up = np.arange(0, 290 / rates[0], step)
    down = np.arange(0, 290 / rates[1], step)
    runs = []
    start = 0.0
    for branch, clock, rate in (("heating", up, rates[0]), ("cooling", down, -rates[1])):
        local = clock + rng.uniform(-0.2, 0.2, clock.size) * step
        local -= local[0]
        temperature = (10.0 if rate > 0 else 300.0) + rate * (local + wave * np.sin(local / 50) * 50)
        actual_rate = rate * (1 + wave * np.cos(local / 50))
        time = start + local
        current = polarity * true_p(temperature) * AREA * actual_rate + offset + drift * time
        current = current + leak * np.exp(-1500 * (1 / temperature - 1 / 300.0)) + rng.normal(0, 1, time.size) * noise
        seen = temperature + rng.normal(0, 1, time.size) * jitter
        runs.append(
            Measurement("current", current, Conditions(seen, time=time), branch=branch, label=f"simulated {branch}")
        )
        start = time[-1] + 60.0
    return SimpleNamespace(heating=runs[0], cooling=runs[1])


def whole(run):
    time = np.concatenate([run.heating.conditions.time, run.cooling.conditions.time])
    temperature = np.concatenate([run.heating.temperature, run.cooling.temperature])
    values = np.concatenate([run.heating.values, run.cooling.values])
    return Measurement("current", values, Conditions(temperature, time=time), label="simulated cycle")


def away_from_the_step(p):
    """The peak is 12 K wide: a rate polynomial of a minute does not blur it, noise of T along its flanks does."""
    return (p.temperature > 100) & (p.temperature < 299)


def test_ideal_log_gives_p_and_the_change():
    run = cycle()
    for log in (run.heating, run.cooling):
        p = pyroelectric_coefficient(log, area=AREA)
        np.testing.assert_allclose(p.values, true_p(p.temperature), rtol=1e-9, atol=1e-12)
        change = polarization_change(log, area=AREA, reference_temperature=20)
        at_end = change.values[np.argmax(change.temperature)]
        assert at_end == pytest.approx(true_change(20, change.temperature.max()), rel=2e-3)
        assert (p.branch, p.quantity) == (log.branch, "pyroelectric_coefficient")
        assert p.sweep_rate == pytest.approx(RATE, rel=1e-6)


@pytest.mark.parametrize("rates", [(RATE, RATE), (RATE, RATE / 2)])
def test_pair_with_offset_drift_and_leakage(rates):
    run = cycle(rates=rates, offset=0.1e-12, drift=2e-17, leak=0.3e-12, noise=2e-15, jitter=0.002)
    both = separate_currents(run.heating, run.cooling, area=AREA, zero_window=(10, 60))
    p = both.coefficient
    good = away_from_the_step(p)
    smooth = np.convolve(p.values[good], np.ones(25) / 25, mode="valid")
    expected = np.convolve(true_p(p.temperature[good]), np.ones(25) / 25, mode="valid")
    np.testing.assert_allclose(smooth, expected, rtol=0.01)
    pull = (p.values[good] - true_p(p.temperature[good])) / p.sigma[good]
    # two-sided: the stated sigma is neither optimistic nor a blanket
    assert 0.6 < np.sqrt(np.mean(pull**2)) < 1.3
    leak = both.leakage.values[good]
    expected = 0.3e-12 * np.exp(-1500 * (1 / p.temperature[good] - 1 / 300))
    assert np.max(np.abs(leak - expected)) < 0.03e-12


def test_offset_and_drift_from_the_window():
    run = cycle(offset=0.1e-12, drift=2e-17, noise=2e-15)
    baseline = fit_baseline((run.heating, run.cooling), (10, 60))
    assert baseline.drift == pytest.approx(2e-17, abs=4 * baseline.sigma_drift)
    assert float(baseline.at(0.0)) == pytest.approx(
        0.1e-12, abs=4 * np.hypot(baseline.sigma_offset, 3600 * baseline.sigma_drift)
    )
    p = pyroelectric_coefficient(run.heating, area=AREA, baseline=baseline)
    good = away_from_the_step(p)
    assert np.mean(p.values[good] / true_p(p.temperature[good])) == pytest.approx(1, abs=1e-3)
    assert {term.name for term in p.correlated} == {"offset", "drift"}


def test_stated_uncertainty_of_the_change_covers_the_truth():
    pulls = []
    for seed in range(60):
        log = cycle(offset=0.1e-12, drift=2e-17, noise=5e-15, seed=seed, step=10.0).heating
        change = polarization_change(log, area=AREA, zero_window=(10, 60), reference_temperature=20)
        truth = true_change(20, change.temperature[-1])
        pulls.append((change.values[-1] - truth) / change.total_sigma[-1])
    # standard deviation of 60 unit normals is known to 9 %
    assert 0.7 < np.std(pulls) < 1.3
    assert abs(np.mean(pulls)) < 0.55


def test_systematic_offset_of_the_paper():
    """0.05 pA over 280 K at 5 K/min on 0.3036 mm2 is 0.055 uC/cm2."""
    time = np.linspace(0, 3360, 600)
    log = Measurement("current", np.full(600, 1e-12), Conditions(20 + RATE * time, time=time), sigma=1e-15)
    change = polarization_change(log, area=AREA, sigma_area=0.01 * AREA, sigma_offset=0.05e-12)
    terms = {term.name: term.effect[-1] / MICRO for term in change.correlated}
    assert terms["offset"] == pytest.approx(0.0553, abs=5e-4)
    assert terms["area"] == pytest.approx(-0.01 * change.values[-1] / MICRO, rel=1e-9)


def test_polarity_turns_the_sign_and_nothing_else():
    straight, flipped = cycle(noise=2e-15), cycle(noise=2e-15, polarity=-1)
    p = pyroelectric_coefficient(straight.heating, area=AREA, sigma_offset=1e-14)
    again = pyroelectric_coefficient(straight.heating, area=AREA, polarity=-1, sigma_offset=1e-14)
    np.testing.assert_array_equal(again.values, -p.values)
    np.testing.assert_array_equal(again.sigma, p.sigma)
    back = pyroelectric_coefficient(flipped.heating, area=AREA, polarity=-1)
    assert np.mean(back.values) == pytest.approx(np.mean(p.values), rel=1e-2)


def test_wavering_rate():
    log = cycle(wave=0.2).heating
    p = pyroelectric_coefficient(log, area=AREA, rate_window=7)
    good = away_from_the_step(p)
    np.testing.assert_allclose(p.values[good], true_p(p.temperature[good]), rtol=0.01)
    change = polarization_change(log, area=AREA, reference_temperature=20)
    assert change.values[-1] == pytest.approx(true_change(20, change.temperature[-1]), rel=3e-3)


def test_both_integrals_agree_and_are_recorded():
    log = cycle(noise=2e-15).heating
    change = polarization_change(log, area=AREA)
    assert "at a constant rate" in change.provenance.steps[-1]
    other = integrate_coefficient(pyroelectric_coefficient(log, area=AREA))
    assert other.values[-1] == pytest.approx(change.values[-1], rel=0.01)


def test_a_disagreement_is_said():
    run = cycle().heating
    log = Measurement("current", run.values, run.conditions, sigma=1e-17)
    # most of the log is slower than the stated limit, so that int p dT runs over a gap
    time = np.asarray(log.conditions.time)
    temperature = 10 + RATE * 1.02 * time - 0.02 * RATE * np.clip(time - 600, 0, 1000) * 1.5
    bent = Measurement("current", log.values, Conditions(temperature, time=time), sigma=1e-17)
    with pytest.warns(PyroelectricityWarning, match="they differ by"):
        polarization_change(bent, area=AREA, slowest=RATE)


def test_residue_of_a_closed_cycle():
    ideal = closed_cycle(*vars(cycle()).values(), area=AREA, reference_temperature=20)
    assert abs(ideal.residue) < 2e-3 * MICRO
    leaky = cycle(offset=0.05e-12)
    both = closed_cycle(leaky.heating, leaky.cooling, area=AREA, reference_temperature=20)
    # 0.05 pA over twice 290 K at 5 K/min
    assert both.residue / MICRO == pytest.approx(0.05e-12 * 2 * 290 / RATE / AREA / MICRO, rel=0.01)
    for change in (both.heating, both.cooling):
        hot = int(np.argmax(change.temperature))
        miss = change.values[hot] - true_change(20, change.temperature[hot])
        term = next(t for t in change.correlated if t.name == "closed_cycle")
        assert miss == pytest.approx(term.effect[hot], rel=0.05)


def test_a_whole_log_is_cut_into_branches():
    parts = reduce_current(whole(cycle(noise=2e-15)), area=AREA, zero_window=(10, 60))
    assert [part.branch for part in parts] == ["heating", "cooling"]
    changes = reduce_current(whole(cycle()), quantity="polarization_change", area=AREA)
    assert changes[0].in_unit("uC/cm2")[-1] == pytest.approx(1.17, abs=0.01)


def test_slow_points_are_dropped_and_counted():
    time = np.arange(0, 2000, 5.0)
    temperature = 20 + RATE * np.clip(time - 500, 0, None)
    log = Measurement("current", np.full(time.size, 1e-12), Conditions(temperature, time=time), sigma=1e-15)
    p = pyroelectric_coefficient(log, area=AREA)
    assert 290 < len(p) < 305
    assert any("dropped" in step and "of 400 points" in step for step in p.provenance.steps)


def test_header_area_and_units():
    time = np.arange(0, 600, 10.0)
    log = Measurement.from_field(
        "current", np.full(60, 7.59), "pA", Conditions(80 + RATE * time, time=time), attributes={"electrode_area": AREA}
    )
    p = pyroelectric_coefficient(log)
    assert from_si(p.values[30], "nC cm-2 K-1", p.quantity) == pytest.approx(30.0, rel=1e-6)


# ---------------------------------------------------------------- bad input


def simple(points=60, **changes):
    time = changes.pop("time", np.arange(0, 10.0 * points, 10.0))
    temperature = changes.pop("temperature", 80 + RATE * np.arange(0, 10.0 * points, 10.0))
    return Measurement("current", np.full(points, 1e-12), Conditions(temperature, time=time), **changes)


def swapped():
    time = np.arange(0, 600.0, 10.0)
    time[20], time[21] = time[21], time[20]
    return time


@pytest.mark.parametrize(
    ("log", "options", "message"),
    [
        (simple(), {}, "electrode area is missing"),
        (simple(), {"area": 0.3036}, "no crystal"),
        (simple(), {"area": -1e-6}, "must be a number > 0 m2"),
        (simple(time=None), {"area": AREA}, "no time column"),
        (simple(2), {"area": AREA}, "2 points are too few"),
        (simple(time=swapped()), {"area": AREA}, "goes backward at point 22"),
        (simple(time=np.repeat(np.arange(0, 300, 10.0), 2)), {"area": AREA}, "stands still at point 2"),
        (simple(temperature=100 + np.abs(np.arange(60) - 30.0)), {"area": AREA}, "changes sign at point"),
        (simple(temperature=np.full(60, 90.0)), {"area": AREA}, "does not change"),
        (simple(branch="cooling"), {"area": AREA}, "show heating"),
        (simple(), {"area": AREA, "polarity": 0}, "polarity must be 1 or -1"),
        (simple(), {"area": AREA, "sigma_area": -1.0}, "sigma_area must be >= 0"),
        (simple(), {"area": AREA, "zero_window": (10, 60)}, "0 points lie in zero_window"),
        (simple(), {"area": AREA, "zero_window": (60, 10)}, "two rising temperatures"),
        (simple(), {"area": AREA, "rate_window": 4}, "rate window"),
    ],
)
def test_bad_logs(log, options, message):
    with pytest.raises(PyroelectricityError, match=message):
        pyroelectric_coefficient(log, **options)


def test_more_bad_input():
    with pytest.raises(ValueError, match="above 0 K"):
        simple(temperature=np.arange(-30, 30.0))
    with pytest.raises(PyroelectricityError, match="log of the current"):
        heating_rate(Measurement("moment", np.ones(9), Conditions(np.arange(1.0, 10), time=np.arange(9.0))))
    with pytest.raises(PyroelectricityError, match="reference temperature 400 K"):
        polarization_change(simple(), area=AREA, reference_temperature=400)
    with pytest.raises(PyroelectricityError, match="quantity must be one of"):
        reduce_current(simple(), quantity="charge", area=AREA)
    with pytest.raises(PyroelectricityError, match="not both"):
        pyroelectric_coefficient(simple(), area=AREA, zero_window=(80, 90), baseline=fit_baseline(simple(), (80, 90)))
    with pytest.raises(PyroelectricityError, match="one must be heated"):
        separate_currents(simple(), simple(), area=AREA)
    with pytest.raises(PyroelectricityError, match="share no temperatures"):
        separate_currents(simple(), simple(temperature=70 - RATE * np.arange(0, 600.0, 10.0)), area=AREA)
    with pytest.raises(PyroelectricityError, match="needs a pyroelectric_coefficient"):
        integrate_coefficient(simple())
