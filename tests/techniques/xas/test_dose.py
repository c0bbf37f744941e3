"""Dose: what is flagged and how often wrongly, damage against switching, rates of switching."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.xas import EV, XasError, check_dose, fit_beam_switching

ENERGY = np.arange(7095.0, 7160.0, 0.5)


def edge(shift=0.0):
    e = ENERGY - shift
    return 0.5 + np.arctan((e - 7121.0) / 1.5) / np.pi + 0.05 * np.exp(-((e - 7112.5) ** 2))


def scans(shifts, noise, rng, sigma=None):
    mu = np.array([edge(s) for s in shifts]) + rng.normal(0.0, noise, (len(shifts), ENERGY.size))
    return Measurement(
        "normalized_absorption", mu, Conditions([20.0] * len(shifts)), sigma, axis=Axis("energy", ENERGY * EV)
    )


def test_what_does_not_change_is_rarely_flagged():
    rng = np.random.default_rng(1)
    found = [check_dose(scans([0.0] * 8, 2e-3, rng, 2e-3)) for _ in range(100)]
    flagged = sum(one.trends["edge"].flagged for one in found)
    # 2 sigma: about 4.5 of 100
    assert 0 <= flagged <= 12
    distances = np.mean([one.distance[1:].mean() for one in found])
    assert distances == pytest.approx(np.mean([one.noise_distance for one in found]), rel=0.05)


def test_a_drift_is_flagged_in_the_right_region_with_its_slope():
    rng = np.random.default_rng(2)
    dose = np.array([0.5, 1.5, 3.0, 5.0, 8.0, 12.0]) * 1e15
    moved = -0.02 * dose / 1e15
    found = check_dose(scans(moved, 1e-3, rng), dose)
    assert found.flagged
    assert found.verdict == "changes"
    trend = found.trends["edge"]
    assert trend.flagged
    inside = (ENERGY >= 7116.0) & (ENERGY <= 7136.0)
    expected = -np.mean((edge(0.01) - edge(-0.01))[inside]) / 0.02 * 0.02 / 1e15
    assert trend.slope == pytest.approx(expected, rel=0.1)
    assert abs(trend.slope - expected) < 4.0 * trend.sigma_slope


@pytest.mark.parametrize(
    ("left", "verdict", "recovered"),
    [(0.0, "reversible", 1.0), (-0.3, "irreversible", 0.0), (-0.15, "partly reversible", 0.5)],
)
def test_warming_tells_switching_from_damage(left, verdict, recovered):
    rng = np.random.default_rng(3)
    series = scans(np.linspace(0.0, -0.3, 7), 2e-3, rng)
    found = check_dose(series, warmed=scans([left], 2e-3, rng))
    assert found.verdict == verdict
    assert found.recovered == pytest.approx(recovered, abs=0.12)
    assert abs(found.recovered - recovered) < 3.0 * found.sigma_recovered + 0.02


def test_recovery_is_not_biased_by_the_noise_of_the_first_scan():
    rng = np.random.default_rng(4)
    found = [
        check_dose(scans(np.linspace(0.0, -0.2, 5), 4e-3, rng, 4e-3), warmed=scans([0.0], 4e-3, rng, 4e-3))
        for _ in range(100)
    ]
    values = np.array([one.recovered for one in found])
    assert values.mean() == pytest.approx(1.0, abs=4.0 * values.std() / 10.0)
    assert np.mean([one.sigma_recovered for one in found]) == pytest.approx(values.std(), rel=0.25)


def test_a_stable_sample_has_no_recovery():
    rng = np.random.default_rng(5)
    found = check_dose(scans([0.0] * 6, 2e-3, rng, 2e-3), warmed=scans([0.0], 2e-3, rng, 2e-3))
    assert np.isnan(found.recovered)
    assert found.verdict in ("no change", "changes")


def test_what_a_dose_test_refuses():
    rng = np.random.default_rng(6)
    series = scans([0.0] * 4, 1e-3, rng)
    with pytest.raises(XasError, match="at least three"):
        check_dose(series[:2])
    with pytest.raises(XasError, match="4 increasing numbers"):
        check_dose(series, [0.0, 1.0, 1.0, 2.0])
    with pytest.raises(XasError, match="no point in the region 'far'"):
        check_dose(series, regions={"far": (500.0 * EV, 600.0 * EV)})
    shorter = Measurement(
        "normalized_absorption", [edge()[:50]], Conditions(20.0), axis=Axis("energy", ENERGY[:50] * EV)
    )
    with pytest.raises(XasError, match="the warmed scan must be one scan"):
        check_dose(series, warmed=shorter)


TIME = np.arange(20.0, 1200.0, 40.0)


def fractions(n, sigma=0.01):
    return Measurement("component_fraction", n, Conditions(20.0, time=TIME), sigma=sigma)


def test_rates_of_switching_and_their_coverage():
    rng = np.random.default_rng(8)
    excitation, relaxation = 3e-3, 1e-3
    rate = excitation + relaxation
    clean = excitation / rate * (1.0 - np.exp(-rate * TIME))
    pulls = []
    for _ in range(60):
        found = fit_beam_switching(fractions(clean + rng.normal(0.0, 0.01, TIME.size)))
        pulls.append(
            (
                (found.excitation_rate - excitation) / found.sigma_excitation,
                (found.relaxation_rate - relaxation) / found.sigma_relaxation,
            )
        )
    assert 0.75 < np.std(pulls, axis=0).min() <= np.std(pulls, axis=0).max() < 1.3
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.4


def test_start_and_convertible_fractions():
    n = 0.2 + (0.5 - 0.2) * (1.0 - np.exp(-5e-3 * TIME))
    found = fit_beam_switching(fractions(n), start_fraction=None, convertible=0.8)
    assert found.result.value("beam.start_fraction") == pytest.approx(0.2, abs=1e-6)
    assert found.excitation_rate == pytest.approx(0.5 / 0.8 * 5e-3, rel=1e-6)
    assert found.excitation_rate + found.relaxation_rate == pytest.approx(5e-3, rel=1e-6)


def test_what_a_switching_fit_refuses():
    with pytest.raises(XasError, match="with its time"):
        fit_beam_switching(Measurement("component_fraction", [0.1, 0.2], Conditions([20.0, 20.0]), sigma=0.01))
    with pytest.raises(XasError, match="do not determine the rate"):
        fit_beam_switching(fractions(np.zeros(TIME.size)))
    with pytest.raises(XasError, match="convertible must be above 0"):
        fit_beam_switching(fractions(np.linspace(0.0, 0.5, TIME.size)), convertible=0.0)
    short = Measurement("component_fraction", [0.1, 0.2], Conditions(20.0, time=[1.0, 2.0]), sigma=0.01)
    with pytest.raises(XasError, match="2 points cannot determine 2 parameters"):
        fit_beam_switching(short)
