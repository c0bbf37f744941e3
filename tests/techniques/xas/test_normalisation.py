"""Normalisation: exact on analytic spectra, alike by different methods on real ones, refused where it means nothing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import EV, XasError, normalise

DATA = Path(__file__).parents[2] / "data"
ENERGY = np.concatenate(
    [np.arange(6950.0, 7100.0, 5.0), np.arange(7100.0, 7150.0, 0.5), np.arange(7150.0, 7950.0, 2.5)]
)
EDGE = 7120.0


def sharp(energy=ENERGY, edge=EDGE):
    """A step without the long tails of an arctangent, so that windows see none of it."""
    return 1.0 / (1.0 + np.exp(-(energy - edge) / 0.8))


def spectrum(mu, energy=ENERGY, sigma=None, **attributes):
    mu = np.atleast_2d(mu)
    return Measurement(
        "absorption", mu, Conditions([300.0] * len(mu)), sigma, axis=Axis("energy", np.asarray(energy) * EV),
        attributes=attributes,
    )  # fmt: skip


def real(name):
    (raw,) = registry.read(DATA / name)
    return raw


@settings(max_examples=25, deadline=None)
@given(
    step=st.floats(1e-3, 1e3),
    slope=st.floats(-1.0, 1.0),
    offset=st.floats(-10.0, 10.0),
    bend=st.floats(-0.2, 0.2),
)
def test_a_step_on_a_line_is_recovered(step, slope, offset, bend):
    far = (ENERGY - EDGE) / 1000.0
    mu = step * (offset + slope * far + sharp() * (1.0 + bend * far - bend * far**2))
    found = normalise(spectrum(mu), edge_energy=EDGE * EV)
    assert found.edge_step[0] == pytest.approx(step, rel=1e-6)
    flat = normalise(spectrum(mu), edge_energy=EDGE * EV, flatten=True).measurement.values[0]
    assert np.allclose(flat[ENERGY > 7150.0], 1.0, atol=1e-6)
    assert np.allclose(flat[ENERGY < 7090.0], 0.0, atol=1e-6)


def test_a_victoreen_background_is_recovered():
    mu = 0.7 * (ENERGY / EDGE) ** -3 - 0.2 * (ENERGY / EDGE) ** -4 + 0.5 * sharp()
    found = normalise(spectrum(mu), edge_energy=EDGE * EV, pre_edge="victoreen")
    assert found.edge_step[0] == pytest.approx(0.5, rel=1e-6)
    line = normalise(spectrum(mu), edge_energy=EDGE * EV)
    assert abs(line.edge_step[0] - 0.5) > 1e-5


def test_sigma_of_the_edge_step_covers_its_scatter():
    noise = np.random.default_rng(3).normal(0.0, 5e-3, (300, ENERGY.size))
    found = normalise(spectrum(0.3 + 0.8 * sharp() + noise), edge_energy=EDGE * EV)
    assert np.mean(found.sigma_edge_step) == pytest.approx(found.edge_step.std(), rel=0.25)
    assert found.edge_step.mean() == pytest.approx(0.8, abs=2e-3)


def test_correlated_residuals_raise_sigma():
    waves = 0.02 * np.sin((ENERGY - EDGE) / 15.0) * (ENERGY > EDGE)
    white = np.random.default_rng(0).normal(0.0, 0.02 / np.sqrt(2.0), ENERGY.size) * (ENERGY > EDGE)
    of_waves = normalise(spectrum(sharp() + waves), edge_energy=EDGE * EV).sigma_edge_step[0]
    of_white = normalise(spectrum(sharp() + white), edge_energy=EDGE * EV).sigma_edge_step[0]
    assert of_waves > 1.5 * of_white


def test_a_series_equals_its_spectra_one_by_one():
    rng = np.random.default_rng(5)
    mu = [(0.5 + 0.1 * k) * sharp(edge=7118.0 + 1.5 * k) + rng.normal(0.0, 1e-3, ENERGY.size) for k in range(5)]
    together = normalise(spectrum(mu, sigma=1e-3))
    for k, one in enumerate(mu):
        alone = normalise(spectrum(one, sigma=1e-3))
        assert np.allclose(together.measurement.values[k], alone.measurement.values[0], rtol=1e-12)
        assert together.edge_step[k] == pytest.approx(alone.edge_step[0], rel=1e-12)
        assert together.sigma_edge_step[k] == pytest.approx(alone.sigma_edge_step[0], rel=1e-9)
        assert np.allclose(together.measurement.sigma[k], 1e-3 / together.edge_step[k])


@pytest.mark.parametrize(
    ("group", "name"), [("fe2o3_rt1.xmu", "Fe2O3_rt_01"), ("fe3c_rt.xdi", "Fe3C_rt_01"), ("feo_rt1.xmu", "FeO_rt_01")]
)
def test_edge_steps_stored_by_athena(group, name):
    stored = {m.label: m for m in registry.read(DATA / "athena" / "fe_athena.prj")}[group]
    found = normalise(real(f"xdi/{name}.xdi"))
    # its windows are its own: 1 %, and within what our sigma says
    assert found.edge_step[0] == pytest.approx(stored.attributes["edge_step"], rel=0.012)
    assert abs(found.edge_step[0] - stored.attributes["edge_step"]) < 2.0 * found.sigma_edge_step[0]
    assert found.edge_energy[0] == pytest.approx(stored.attributes["edge_energy"], abs=1e-3 * EV)


@pytest.mark.parametrize("name", ["FeO_rt_01", "Fe2O3_rt_01", "Fe3C_rt_01", "Fe_Foil_rt_2016Foils", "co_metal_rt"])
def test_tabulated_f2_agrees_with_the_edge_step(name):
    raw = real(f"xdi/{name}.xdi")
    by_step, by_table = normalise(raw), normalise(raw, "mback")
    assert by_table.edge_step[0] == pytest.approx(by_step.edge_step[0], rel=0.04)
    spread = by_table.measurement.values - by_step.measurement.values
    near = np.abs(raw.axis.values - by_step.edge_energy[0]) < 50.0 * EV
    assert np.max(np.abs(spread[0, near])) < 0.06
    flat = normalise(raw, "mback", flatten=True).measurement.values[0]
    far = raw.axis.values > by_step.edge_energy[0] + 200.0 * EV
    assert flat[far].mean() == pytest.approx(1.0, abs=0.01)


def test_mback_recovers_a_step_under_an_unknown_background():
    from labile.techniques.xas.tabulated_f2 import tabulated_step

    table = tabulated_step("Fe")
    f2 = np.where(ENERGY < 7112.0, table.below(ENERGY), table.above(ENERGY))
    jump = float(table.above(7112.0) - table.below(7112.0))
    z = (ENERGY - 7400.0) / 500.0
    mu = 0.6 * f2 / jump + 0.3 - 0.2 * z + 0.1 * z**2
    found = normalise(spectrum(mu, element="Fe"), "mback", edge_energy=7112.0 * EV)
    assert found.edge_step[0] == pytest.approx(0.6, rel=1e-6)
    with pytest.raises(XasError, match="needs to know the element"):
        normalise(spectrum(mu), "mback", edge_energy=7112.0 * EV)
    with pytest.raises(XasError, match="too near"):
        normalise(spectrum(mu, element="Fe", edge="L3"), "mback", edge_energy=7112.0 * EV)


def test_short_ranges():
    # the pre-edge of a HERFD scan, without an edge step to normalise by
    energy = np.arange(7108.0, 7118.0, 0.1)
    mu = 3.0 + 2.0 * np.exp(-((energy - 7113.0) ** 2))
    raw = spectrum(mu, energy, sigma=0.01)
    with pytest.raises(XasError, match="min_max"):
        normalise(raw)
    unit = normalise(raw, "min_max").measurement.values
    assert (unit.min(), unit.max()) == (0.0, 1.0)
    area = normalise(raw, "area")
    assert np.trapezoid(area.measurement.values[0], energy) / np.ptp(energy) == pytest.approx(1.0, rel=1e-12)
    # n independent points: sigma of the mean
    assert area.sigma_edge_step[0] == pytest.approx(0.01 / np.sqrt(energy.size), rel=0.02)
    same = normalise(raw, "none")
    assert np.array_equal(same.measurement.values, raw.values)
    assert same.measurement.quantity == "normalized_absorption"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_energy": 8000.0 * EV}, "edge_energy 8000 eV lies outside the data"),
        ({"edge_energy": 7112.0}, r"give it in J \(7112.0 \* EV\)"),
        ({"edge_energy": [7112.0 * EV] * 3}, "one number or one of each"),
        ({"pre_window": (-10.0 * EV, -9.9 * EV)}, "points in the pre-edge window"),
        ({"post_window": (2000.0 * EV, 3000.0 * EV)}, "a post-edge from 2000 eV needs"),
        ({"post_edge": "line", "post_window": (2000.0 * EV, 3000.0 * EV)}, "0 points in the post-edge window"),
        ({"post_edge": "quartic"}, "unknown post_edge 'quartic'"),
        ({"pre_edge": "spline"}, "unknown pre_edge 'spline'"),
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"edge_method": "fraction"}, "needs a normalised spectrum"),
        ({"method": "area", "area_window": (1.0 * EV, 2.0 * EV)}, "points in area_window"),
    ],
)
def test_requests_that_make_no_sense(change, message):
    with pytest.raises(XasError, match=message):
        normalise(spectrum(0.2 + sharp()), **change)


def test_too_few_points_before_the_edge():
    energy = np.arange(7110.0, 7600.0, 0.5)
    with pytest.raises(XasError, match=r"0 points in the pre-edge window .* at least 3 are needed"):
        normalise(spectrum(sharp(energy), energy))


def test_a_negative_or_missing_edge_step_is_refused():
    with pytest.raises(XasError, match="Are I0 and It exchanged"):
        normalise(spectrum(2.0 - sharp()), edge_energy=EDGE * EV)
    noise = np.random.default_rng(0).normal(0.0, 1.0, ENERGY.size)
    with pytest.raises(XasError, match=r"not significant|does not rise|edge is not within"):
        normalise(spectrum(0.01 * sharp() + noise), edge_energy=EDGE * EV)
    # a fluorescence scan in which the detectors saw nothing but noise
    with pytest.raises(XasError, match=r"does not rise|not significant"):
        normalise(real("beamline/APS12BM_2019.dat"))


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (ENERGY / 1000.0, "they are keV"),
        (12398.42 / ENERGY[::-1], "wavelengths in angstrom or energies in keV"),
        (ENERGY[::-1], "energies decrease; sort them with sorted_energies"),
        (np.repeat(ENERGY[::2], 2)[: ENERGY.size], "an energy is there twice"),
        (np.roll(ENERGY, 7), "energies do not increase"),
        (ENERGY / EV, "in eV instead of J"),
    ],
)
def test_energies_that_are_none(energy, message):
    with pytest.raises(XasError, match=message):
        normalise(spectrum(sharp(), energy))


def test_what_is_stored():
    found = normalise(spectrum(0.5 * sharp(), element="Fe")).measurement
    assert found.attributes["element"] == "Fe"
    assert found.attributes["edge_energy"] == pytest.approx(EDGE * EV, rel=1e-4)
    assert found.attributes["edge_step"] == pytest.approx(0.5, rel=1e-3)
    assert "pre-edge line -150 to -30 eV, post-edge quadratic from 50 eV" in found.attributes["normalisation"]
    assert "divided by" in found.provenance.steps[-1]
