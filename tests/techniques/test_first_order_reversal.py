"""First-order reversal curves of hysterons whose bivariate normal distribution is known; all curves are simulated."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.magnetometry import (
    MagnetometryError,
    MagnetometryWarning,
    reduce_reversals,
    reversal_curves,
    reversal_distribution,
)

BIAS, SIGMA_BIAS, COERCIVITY, SIGMA_COERCIVITY = 143.0, 3.0, 18.0, 2.5
UP, DOWN = BIAS + COERCIVITY, BIAS - COERCIVITY
SWITCH = math.hypot(SIGMA_BIAS, SIGMA_COERCIVITY)
COVARIANCE = np.array(
    [
        [SWITCH**2, SIGMA_BIAS**2 - SIGMA_COERCIVITY**2],
        [SIGMA_BIAS**2 - SIGMA_COERCIVITY**2, SWITCH**2],
    ]
)
HYSTERONS = multivariate_normal([UP, DOWN], COVARIANCE)


def fraction(up_to, down_to, heating):
    """High-spin fraction after a reversal, by integrating the distribution of (T_up, T_down)."""
    up, down = np.broadcast_arrays(up_to, down_to)
    both = HYSTERONS.cdf(np.stack([up, down], axis=-1))
    if heating:
        # off are those that fell on cooling to T_a (T_down > T_a) and have not risen yet (T_up > T_b)
        return 1.0 - (1.0 - norm.cdf(up, UP, SWITCH) - norm.cdf(down, DOWN, SWITCH) + both)
    # on are those that rose on heating to T_a (T_up < T_a) and have not fallen yet (T_down < T_b)
    return both


def family(*, heating=True, step=1.0, every=1.0, noise=0.0, stated=True, seed=0):
    rng = np.random.default_rng(seed)
    curves = []
    for reversal in np.arange(108.0, 142.0, every) if heating else np.arange(144.0, 178.0, every):
        t = np.arange(reversal, 180.0, step) if heating else np.arange(reversal, 106.0, -step)
        n = fraction(t, reversal, True) if heating else fraction(reversal, t, False)
        curves.append(
            Measurement(
                "high_spin_fraction",
                n + (rng.normal(0.0, noise, t.size) if noise else 0.0),
                Conditions(t),
                sigma=noise if noise and stated else None,
                branch="heating" if heating else "cooling",
            )
        )
    return curves


def truth(found):
    reversal, temperature = np.meshgrid(found.reversal, found.temperature, indexing="ij")
    up, down = (temperature, reversal) if found.direction == "heating" else (reversal, temperature)
    return HYSTERONS.pdf(np.stack([up, down], axis=-1))


def mean_and_width(marginal):
    weight = marginal.density / marginal.density.sum()
    mean = float(weight @ marginal.temperature)
    return mean, math.sqrt(float(weight @ (marginal.temperature - mean) ** 2))


@pytest.mark.parametrize("heating", [True, False], ids=["heating", "cooling"])
def test_known_distribution_comes_back(heating):
    found = reversal_distribution(family(heating=heating), smoothing=1)
    known = np.isfinite(found.density)
    # windows of 3 K against widths of 3 K: 2 % of the maximum
    np.testing.assert_allclose(found.density[known], truth(found)[known], atol=0.03 * HYSTERONS.pdf([UP, DOWN]))
    assert found.switched == pytest.approx(1.0, abs=1e-3)
    for marginal, centre, width in (
        (found.bias, BIAS, SIGMA_BIAS),
        (found.coercivity, COERCIVITY, SIGMA_COERCIVITY),
        (found.up, UP, SWITCH),
        (found.down, DOWN, SWITCH),
    ):
        mean, spread = mean_and_width(marginal)
        assert mean == pytest.approx(centre, abs=0.01)
        assert spread == pytest.approx(width, rel=0.03)
        # a density over its temperatures; bins are 1 K wide
        assert marginal.density.sum() == pytest.approx(1.0, abs=1e-3)


def test_finer_data_are_nearer_to_the_truth():
    errors = []
    for step in (2.0, 1.0):
        found = reversal_distribution(family(step=step, every=step), smoothing=1)
        known = np.isfinite(found.density)
        errors.append(np.max(np.abs(found.density - truth(found))[known]))
    # the error of a local polynomial goes with the square of its width
    assert errors[1] < 0.35 * errors[0]


def test_sigmas_are_honest():
    """Noise alone (a crystal that does not switch): deviations over sigma have unit standard deviation."""
    rng = np.random.default_rng(3)
    curves = [
        Measurement("high_spin_fraction", rng.normal(0.5, 0.01, t.size), Conditions(t), sigma=0.01, branch="heating")
        for t in (np.arange(low, 160.0) for low in np.arange(100.0, 130.0))
    ]
    found = reversal_distribution(curves, smoothing=2)
    pull = (found.density / found.sigma)[np.isfinite(found.density)]
    # about 1400 points that share data within 5 x 5
    assert np.std(pull) == pytest.approx(1.0, abs=0.15)
    assert abs(found.switched) < 3 * found.sigma_switched
    assert found.noise == pytest.approx(0.01, rel=0.1)
    assert found.misfit == pytest.approx(1.0, rel=0.1)


def test_sigma_of_the_integral_over_many_families():
    switched = [reversal_distribution(family(every=2.0, noise=0.005, seed=k), smoothing=2) for k in range(25)]
    pull = np.array([(one.switched - 1.0) / one.sigma_switched for one in switched])
    assert np.std(pull) == pytest.approx(1.0, abs=0.35)  # 25 draws: 0.14
    assert abs(np.mean(pull)) < 0.7


def test_scatter_of_the_points_where_no_sigma_is_stated():
    found = reversal_distribution(family(noise=0.01, stated=False), smoothing=2)
    assert found.noise == pytest.approx(0.01, rel=0.1)
    assert math.isnan(found.misfit)
    assert np.nanmax(found.sigma) > 0


def one_log(heating=True):
    """The family as an instrument writes it: one column of temperatures through all minor loops."""
    temperatures, values = [], []
    for curve in family(heating=heating, every=2.0):
        reversal, far = curve.temperature[0], curve.temperature[-1]
        there = np.arange(far, reversal, -1.0 if heating else 1.0)
        # the way to the reversal follows the major loop
        major = norm.cdf(there, DOWN if heating else UP, SWITCH)
        temperatures += [there, curve.temperature]
        values += [major, curve.values]
    return np.concatenate(temperatures), np.concatenate(values)


@pytest.mark.parametrize("heating", [True, False], ids=["heating", "cooling"])
def test_one_log_is_split_into_its_curves(heating):
    temperature, values = one_log(heating)
    log = Measurement("high_spin_fraction", values, Conditions(temperature))
    curves = reversal_curves([log])
    assert [curve.branch for curve in curves] == ["heating" if heating else "cooling"] * 17
    first = 108.0 if heating else 144.0
    # the way to the reversal stops one step before it
    np.testing.assert_allclose([c.temperature[0] for c in curves], first + 2.0 * np.arange(17))
    whole = reversal_distribution([log], smoothing=1)
    parts = reversal_distribution(family(heating=heating, every=2.0), smoothing=1)
    assert whole.direction == parts.direction
    assert mean_and_width(whole.bias)[0] == pytest.approx(mean_and_width(parts.bias)[0], abs=0.5)
    assert whole.switched == pytest.approx(1.0, abs=0.05)


@given(low=st.floats(0.0, 1e-5), height=st.floats(1e-6, 1e-4))
@settings(max_examples=10, deadline=None)
def test_plateaus_of_chi_t_do_not_matter(low, height):
    """chi*T = low + height n has the same distribution as n."""
    fractions = family(step=2.0, every=2.0)
    curves = [Measurement("chi_t", low + height * one.values, one.conditions, branch=one.branch) for one in fractions]
    found, reference = reversal_distribution(curves, smoothing=1), reversal_distribution(fractions, smoothing=1)
    known = np.isfinite(reference.density)
    np.testing.assert_allclose(found.density[known], reference.density[known], atol=2e-5)
    given_ = reversal_distribution(curves, smoothing=1, plateaus=(low, low + height))
    np.testing.assert_allclose(given_.density[known], reference.density[known], atol=1e-8)


def test_too_much_smoothing_is_noticed():
    curves = family(noise=1e-4)
    with pytest.warns(MagnetometryWarning, match="a smaller smoothing factor than 4 loses less"):
        found = reversal_distribution(curves, smoothing=4)
    assert found.misfit > 2


def test_measurements_of_the_distribution():
    rows = reduce_reversals(family(every=2.0, noise=0.003), smoothing=2)
    assert {row.quantity for row in rows} == {"switching_density"}
    assert rows[3].axis.quantity == "temperature"
    assert rows[3].axis.values.min() >= rows[3].temperature[0] - 1e-9
    assert rows[0].branch == "heating"
    assert any("smoothing factor 2" in step for step in rows[0].provenance.steps)


def test_what_is_refused():
    curves = family(every=2.0)
    with pytest.raises(MagnetometryError, match="3 measured on heating, at least 4 are needed"):
        reversal_distribution(curves[:3])
    with pytest.raises(MagnetometryError, match="4 curves are too few for smoothing = 3, which needs 5"):
        reversal_distribution(curves[:4], smoothing=3)
    with pytest.raises(MagnetometryError, match="both start at 108 K"):
        reversal_distribution([*curves, curves[0]])
    with pytest.raises(MagnetometryError, match="smoothing must be a whole number"):
        reversal_distribution(curves, smoothing=0)
    with pytest.raises(MagnetometryError, match="direction must be"):
        reversal_curves(curves, direction="up")
    with pytest.raises(MagnetometryError, match="step must be > 0 K"):
        reversal_distribution(curves, step=-1.0)
    with pytest.raises(MagnetometryError, match="a step of 100 K makes 0 grid points"):
        reversal_distribution(curves, step=100.0)
    with pytest.raises(MagnetometryError, match="plateaus must be two different numbers"):
        reversal_distribution(curves, plateaus=(1.0, 1.0))
    with pytest.raises(MagnetometryError, match="are chi_t or high_spin_fraction, found moment"):
        reversal_curves([Measurement("moment", [1.0], Conditions([5.0]))])
    mixed = [*curves, Measurement("chi_t", curves[0].values, curves[0].conditions, branch="heating")]
    with pytest.raises(MagnetometryError, match="all be chi_t or all high_spin_fraction"):
        reversal_curves(mixed)
    flat = [Measurement("chi_t", 0 * c.values + 1e-5, c.conditions, branch="heating") for c in curves]
    with pytest.raises(MagnetometryError, match="there is no step between them"):
        reversal_distribution(flat)
    with pytest.raises(MagnetometryError, match="give switching_density, not 'chi_t'"):
        reduce_reversals(curves, quantity="chi_t")


def test_command_takes_one_log(tmp_path):
    from labile.cli.show import reduce_files

    path = tmp_path / "minor_loops.csv"
    rows = zip(*one_log(), strict=True)
    path.write_text("T (K),gammaHS\n" + "".join(f"{t},{v}\n" for t, v in rows))
    # the way to the reversal and the way back share their plateaus, which a table refuses as repeated rows
    found = reduce_files(
        "magnetometry", [path], "switching_density", {"smoothing": 2}, "", {"duplicates": "keep"}
    ).measurements
    assert len(found) == 17
    highest = max(found, key=lambda row: float(row.values.max()))
    assert highest.temperature[0] == pytest.approx(DOWN, abs=2.0)
    assert highest.axis.values[np.argmax(highest.values)] == pytest.approx(UP, abs=2.0)
