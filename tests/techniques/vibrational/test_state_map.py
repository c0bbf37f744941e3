"""Curve resolution with and without a model, on simulated maps whose truth is known."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from labile.core.parameters import Parameters
from labile.techniques.vibrational import (
    VibrationalError,
    ambiguity_bands,
    fit_state_map,
    mcr_als,
    model_concentrations,
)
from labile.techniques.vibrational.mcr import constrained_least_squares, purest_rows
from vibrational_maps import MODEL, TRUTH, WAVENUMBER, infrared_map, populations, pure_spectra, start_values

STATES = ("L", "H", "V")


def constrained(measured, **options):
    start = start_values()
    return fit_state_map(measured, STATES, start, model_concentrations(MODEL, start, measured.conditions), **options)


def distance(found, truth):
    """Largest error of concentrations in the best order of components."""
    return min(float(np.abs(found[:, list(order)] - truth).max()) for order in permutations(range(truth.shape[1])))


def test_the_model_finds_populations_where_plain_resolution_does_not():
    measured = infrared_map(noise=1e-3)
    truth = populations(measured.temperature)
    with_model = constrained(measured)
    assert with_model.fit.result.converged
    assert np.max(np.abs(with_model.populations - truth)) < 0.01
    assert 0.9 < with_model.fit.reduced_chi2 < 1.1
    plain = mcr_als(measured, 3)
    assert plain.converged
    # the same fit to the data, other populations
    assert plain.lack_of_fit == pytest.approx(with_model.lack_of_fit, rel=0.02)
    assert distance(plain.concentrations, truth) > 0.1
    # and it says how far it may be off
    bands = ambiguity_bands(plain)
    assert np.all(bands.width > 0.1)
    assert np.all(bands.share[:, 0] < bands.share[:, 1])


def test_uncertainties_of_parameters_populations_and_spectra():
    pulls, far = [], []
    for seed in range(30):
        found = constrained(infrared_map(seed=seed))
        result = found.fit.result
        pulls.append([(result.value(n) - TRUTH[n]) / result.sigma_of(n) for n in result.free_names])
        z = (found.spectra - pure_spectra()) / found.sigma_spectra
        far.append(np.mean(np.abs(z) > 2))
        assert np.max(np.abs(found.populations - populations(found.spectra_map.temperature))) < 0.03
    # 30 pulls: their standard deviation is known to 13 %
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 0.45)
    assert 0.02 < np.mean(far) < 0.09
    population = found.population("V")
    assert population.quantity == "population"
    assert np.all(population.sigma > 0)


def test_known_spectra_help():
    measured = infrared_map()
    free = constrained(measured)
    known = constrained(measured, known={"L": pure_spectra()[0]})
    assert known.spectra[0].tolist() == pure_spectra()[0].tolist()
    assert np.all(known.fit.result.sigma <= free.fit.result.sigma * (1 + 1e-9))
    truth = populations(measured.temperature)
    resolved = mcr_als(measured, 3, known={0: pure_spectra()[0]})
    assert distance(resolved.concentrations, truth) < 0.2
    assert resolved.spectra[0].tolist() == pure_spectra()[0].tolist()


def test_drifting_spectra():
    kelvin = np.linspace(10.0, 300.0, 88)
    x = populations(kelvin)
    tau = (kelvin - 155.0) / 100.0
    change = -0.5 * np.gradient(pure_spectra(), axis=1)
    data = x @ pure_spectra() + (x * tau[:, None]) @ change
    measured = replace(infrared_map(kelvin), values=data + np.random.default_rng(1).normal(0, 2e-3, data.shape))
    rigid = constrained(measured)
    assert any("drift" in note for note in rigid.notes)
    moving = constrained(measured, drift=1)
    assert moving.fit.reduced_chi2 == pytest.approx(1.0, abs=0.05)
    assert moving.drifts.shape == (1, 3, WAVENUMBER.size)
    assert np.max(np.abs(moving.populations - x)) < 0.05
    z = (moving.drifts[0] - change) / moving.fit.sigma_spectra[3:]
    assert 0.7 < np.std(z) < 1.3


def test_a_wrong_model_shows_in_chi2():
    measured = infrared_map()
    start = start_values()
    only = Parameters(tuple(replace(p, fixed=True, value=2e5) if p.name == "V.enthalpy" else p for p in start))

    def without_v(values):
        x, slopes = model_concentrations(MODEL, only, measured.conditions)(values)
        return x[:, :2] / x[:, :2].sum(axis=1, keepdims=True), slopes[:, :, :2]

    found = fit_state_map(measured, ("L", "H"), only, without_v)
    assert found.fit.reduced_chi2 > 3
    assert any("more than these states" in note for note in found.notes)


def test_refusals():
    measured = infrared_map()
    with pytest.raises(VibrationalError, match="the states are"):
        constrained(measured, known={"X": pure_spectra()[0]})
    with pytest.raises(VibrationalError, match="points, the map"):
        constrained(measured, known={"L": np.ones(3)})
    with pytest.raises(VibrationalError, match="drift"):
        constrained(measured, drift=3)
    start = start_values()
    cold = infrared_map(np.linspace(1.0, 5.0, 30))
    with pytest.raises(VibrationalError, match="no answer at the start"):
        fit_state_map(cold, STATES, start, model_concentrations(MODEL, start, cold.conditions))
    with pytest.raises(VibrationalError, match="components"):
        mcr_als(measured, 7)
    with pytest.raises(VibrationalError, match="known spectrum"):
        mcr_als(measured, 2, known={0: np.ones(3)})
    with pytest.raises(VibrationalError, match="there is no state"):
        constrained(measured).population("X")


@pytest.mark.parametrize("closed", [False, True])
def test_constrained_least_squares_against_scipy(closed):
    from scipy.optimize import minimize, nnls

    rng = np.random.default_rng(4)
    a = rng.normal(size=(10, 4))
    b = rng.normal(size=(10, 6))
    found = constrained_least_squares(a.T @ a, a.T @ b, closed=closed)
    for k in range(6):
        if closed:
            answer = minimize(
                lambda c, k=k: np.sum((a @ c - b[:, k]) ** 2), np.full(4, 0.25), bounds=[(0, None)] * 4,
                constraints=({"type": "eq", "fun": lambda c: c.sum() - 1},), options={"ftol": 1e-14, "maxiter": 500},
            ).x  # fmt: skip
        else:
            answer = nnls(a, b[:, k])[0]
        assert found[:, k] == pytest.approx(answer, abs=1e-5)


def test_unimodal_profiles_and_the_purest_rows():
    measured = infrared_map()
    found = mcr_als(measured, 3, unimodal=(1,), max_iterations=200)
    steps = np.sign(np.diff(found.concentrations[:, 1]).round(6))
    changes = np.diff(steps[steps != 0])
    assert np.sum(changes != 0) <= 3
    assert set(purest_rows(np.diag([3.0, 1.0, 2.0]), 2).tolist()) == {0, 2}
