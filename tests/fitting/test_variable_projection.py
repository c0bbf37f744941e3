"""Eliminated spectra: against the full problem with every spectrum an unknown, finite differences, and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import FitError, fit
from labile.fitting.problem import Block, Problem
from labile.fitting.variable_projection import (
    compress,
    corrected_covariance,
    eliminated_spectra,
    fit_projected,
    noise_information,
    projected_block,
    projected_problem,
    separable_noise,
)

T = np.linspace(0.0, 3.0, 25)
RATES = Parameters((Parameter("a.rate", 0.6), Parameter("b.rate", 2.5)))


def chain(values):
    """A -> B -> C with rates k1, k2: three concentrations and their derivatives."""
    k1, k2 = values
    a, e = np.exp(-k1 * T), np.exp(-k2 * T)
    f = k1 / (k2 - k1)
    b = f * (a - e)
    da1, db1 = -T * a, (k2 / (k2 - k1) ** 2) * (a - e) - f * T * a
    db2 = -k1 / (k2 - k1) ** 2 * (a - e) + f * T * e
    zero = np.zeros_like(T)
    return np.stack([a, b, 1 - a - b], axis=1), np.stack(
        [np.stack([da1, db1, -da1 - db1], axis=1), np.stack([zero, db2, -db2], axis=1)], axis=1
    )


def spectra(points, seed=1):
    rng = np.random.default_rng(seed)
    return np.abs(rng.normal(size=(3, points))) + 0.2


def simulated(points=60, noise=0.01, seed=0):
    pure = spectra(points)
    clean = chain(np.array([0.8, 2.0]))[0] @ pure
    return clean + np.random.default_rng(seed).normal(0.0, noise, clean.shape), pure


def test_compression_keeps_the_norm_of_what_is_left():
    data, _ = simulated(200)
    sigma = np.linspace(0.5, 2.0, T.size)[:, None] * 0.01
    small = compress(data, sigma)
    assert small.scores.shape == (25, 25)
    c, slopes = chain(np.array([0.5, 3.0]))
    residuals, _ = projected_block(small, c, slopes)
    w = c / sigma
    left = data / sigma - w @ np.linalg.lstsq(w, data / sigma, rcond=None)[0]
    assert np.sum(residuals**2) == pytest.approx(np.sum(left**2), rel=1e-12)


@given(st.floats(0.2, 1.4), st.floats(1.6, 4.0), st.sampled_from([6, 60]), st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_jacobians(k1, k2, points, known):
    data, pure = simulated(points, noise=0.05)
    small = compress(data, 0.05, pure[3 - known :])
    vector = np.array([k1, k2])
    c, slopes = chain(vector)
    residuals, full = projected_block(small, c, slopes, form="golub-pereyra")
    step = 1e-6
    for k in range(2):
        ends = [projected_block(small, *chain(vector + sign * step * np.eye(2)[k]))[0] for sign in (1.0, -1.0)]
        assert full[:, k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-5 * np.abs(full).max())
    _, kaufman = projected_block(small, c, slopes)
    # the same gradient from both
    assert kaufman.T @ residuals == pytest.approx(
        full.T @ residuals, rel=1e-9, abs=1e-9 * np.abs(residuals @ full).max()
    )


def test_information_is_that_of_the_problem_with_all_spectra_as_unknowns():
    data, _ = simulated(8, noise=0.05)
    c, slopes = chain(np.array([0.7, 2.2]))
    s = np.linalg.lstsq(c, data, rcond=None)[0]
    sigma = 0.05
    # all unknowns: two rates and 3 x 8 spectra
    rates = np.stack([-(slopes[:, k] @ s).ravel() for k in range(2)], axis=1) / sigma
    linear = -np.kron(c, np.eye(8)) / sigma
    whole = np.column_stack([rates, linear])
    schur = np.linalg.inv(np.linalg.inv(whole.T @ whole)[:2, :2])
    _, jacobian = projected_block(compress(data, sigma), c, slopes)
    assert jacobian.T @ jacobian == pytest.approx(schur, rel=1e-9)
    # and so are the uncertainties of the spectra
    covariance = np.linalg.inv(whole.T @ whole)
    _, sigmas = eliminated_spectra(data, compress(data, sigma), c, slopes, covariance[:2, :2])
    assert sigmas.ravel() == pytest.approx(np.sqrt(np.diag(covariance)[2:]), rel=1e-9)


def test_the_fit_finds_what_the_full_problem_finds():
    data, _ = simulated(8)
    names = [Parameter(f"s.{i}", 0.5, unit="1") for i in range(24)]
    everything = Parameters((*RATES.items, *names))

    def evaluate(vector):
        c, slopes = chain(vector[:2])
        s = vector[2:].reshape(3, 8)
        jacobian = np.column_stack([*(-(slopes[:, k] @ s).ravel() for k in range(2)), -np.kron(c, np.eye(8))])
        return (data - c @ s).ravel() / 0.01, jacobian / 0.01

    full = fit(Problem(everything, evaluate, (Block("map", data.size),)))
    small = fit_projected(data, 0.01, RATES, chain)
    assert small.result.converged
    assert small.result.chi2 == pytest.approx(full.chi2, rel=1e-9)
    assert small.result.parameters.vector == pytest.approx(full.parameters.vector[:2], rel=1e-7)
    assert small.spectra.ravel() == pytest.approx(full.parameters.vector[2:], rel=1e-6)
    assert small.degrees_of_freedom == data.size - 26 == full.degrees_of_freedom
    # chi2 per degree of freedom of right noise: mean 1, standard deviation sqrt(2/dof) = 0.11
    assert 0.6 < small.reduced_chi2 < 1.4


def test_known_spectra_are_kept():
    data, pure = simulated(60)
    found = fit_projected(data, 0.01, RATES, chain, known=pure[2:])
    assert found.spectra[2].tolist() == pure[2].tolist()
    assert not np.any(found.sigma_spectra[2])
    free = fit_projected(data, 0.01, RATES, chain)
    assert np.all(found.result.sigma <= free.result.sigma)
    assert found.degrees_of_freedom == data.size - 2 * 60 - 2
    pulls = (found.result.parameters.vector - [0.8, 2.0]) / found.result.sigma
    assert np.all(np.abs(pulls) < 4)


def decay(values):
    c = np.exp(-values[0] * T)
    return np.stack([c, 1 - c], axis=1), np.stack([-T * c, T * c], axis=1)[:, None, :]


def test_uncertainties_hold_in_maps_of_much_noise():
    # every one of 400 points carries little signal; J^T J alone would promise too much
    rate = Parameters((Parameter("a.rate", 1.0),))
    pure = spectra(400)[:2]
    values, sigmas, naive = [], [], []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=(T.size, 400))
        found = fit_projected(decay(np.array([1.0]))[0] @ pure + noise, 1.0, rate, decay)
        values.append(found.result.value("a.rate"))
        sigmas.append(found.result.sigma[0])
        naive.append(1 / np.linalg.norm(found.result.jacobian))
    # the scatter of 200 values is known to 5 %
    assert np.median(sigmas) / np.std(values) == pytest.approx(1.0, abs=0.15)
    assert np.median(naive) / np.std(values) < 0.8


def test_noise_information_is_the_mean_of_what_noise_adds():
    c, slopes = chain(np.array([0.8, 2.0]))
    rng = np.random.default_rng(3)
    grams = []
    for _ in range(400):
        small = compress(rng.normal(size=(T.size, 30)), 1.0)
        _, jacobian = projected_block(small, c, slopes)
        grams.append(jacobian.T @ jacobian)
    expected = noise_information(compress(np.ones((T.size, 30)), 1.0), c, slopes)
    assert np.mean(grams, axis=0) == pytest.approx(expected, rel=0.1)


def test_nothing_but_noise_is_said():
    jacobian = np.eye(3)[:, :2]
    assert np.all(np.isinf(np.diag(corrected_covariance(jacobian, 2 * np.eye(2)))))
    assert corrected_covariance(jacobian, np.zeros((2, 2))) == pytest.approx(np.eye(2))


def test_two_maps_in_one_problem():
    first, _ = simulated(60)
    second, _ = simulated(30, seed=5)
    blocks = [projected_problem(n, RATES, compress(d, 0.01), chain) for n, d in (("ir", first), ("raman", second))]

    def evaluate(vector):
        parts = [block.evaluate(vector) for block in blocks]
        return np.concatenate([r for r, _ in parts]), np.concatenate([j for _, j in parts])

    joint = fit(Problem(RATES, evaluate, blocks[0].blocks + blocks[1].blocks))
    alone = fit_projected(first, 0.01, RATES, chain).result
    assert np.all(joint.sigma < alone.sigma)
    assert joint.parameters.vector == pytest.approx([0.8, 2.0], abs=5 * alone.sigma.max())


def test_what_cannot_be_eliminated_is_refused():
    data, _ = simulated(30)
    with pytest.raises(FitError, match="not the product"):
        compress(data, np.random.default_rng(0).uniform(0.5, 1.0, data.shape))
    with pytest.raises(FitError, match="one number, a column"):
        compress(data, np.ones(30))
    with pytest.raises(FitError, match="finite"):
        compress(np.full((3, 3), np.nan), 1.0)
    with pytest.raises(FitError, match="known spectra"):
        compress(data, 1.0, np.ones((1, 29)))
    with pytest.raises(FitError, match="above 0"):
        compress(data, 0.0)
    small = compress(data, 1.0)
    c, slopes = chain(np.array([0.8, 2.0]))
    with pytest.raises(FitError, match="expected"):
        projected_block(small, c[:-1], slopes)
    with pytest.raises(FitError, match="form"):
        projected_block(small, c, slopes, form="exact")
    with pytest.raises(ArithmeticError, match="no concentration"):
        projected_block(small, c * [1, 0, 1], slopes)
    with pytest.raises(ArithmeticError, match="proportional"):
        projected_block(small, np.column_stack([c[:, 0], 2 * c[:, 0]]), slopes[:, :, :2])


def test_separable_noise_takes_every_stated_form():
    for sigma in (0.5, np.full((3, 1), 0.5), np.full((1, 4), 0.5), np.full((3, 4), 0.5)):
        rows, columns = separable_noise(sigma, (3, 4))
        assert np.outer(rows, columns) == pytest.approx(np.full((3, 4), 0.5))
