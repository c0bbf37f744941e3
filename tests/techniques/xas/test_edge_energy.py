"""Edge energies: those that other programs stored for real files, and analytic edges."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import EV, XasError, edge_energies, find_edge, normalise

DATA = Path(__file__).parents[2] / "data"


def step(energy, edge, width=1.5):
    return 0.5 + np.arctan((energy - edge) / width) / np.pi


def spectrum(energy, mu, sigma=None, quantity="absorption", **attributes):
    mu = np.atleast_2d(mu)
    return Measurement(
        quantity, mu, Conditions([300.0] * len(mu)), sigma, axis=Axis("energy", np.asarray(energy) * EV),
        attributes=attributes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # as Athena stored them in fe_athena.prj; the foil is that of its raw grid
        ("xdi/FeO_rt_01.xdi", 7122.9272),
        ("xdi/Fe2O3_rt_01.xdi", 7125.6176),
        ("xdi/Fe3C_rt_01.xdi", 7122.5),
        ("xdi/Fe_Foil_rt_2016Foils.xdi", 7110.7),
    ],
)
def test_steepest_point_of_real_spectra(name, expected):
    (raw,) = registry.read(DATA / name)
    found = find_edge(raw)
    assert found.energy[0] / EV == pytest.approx(expected, abs=1e-3)
    assert 0.0 < found.sigma[0] / EV < 0.2


def test_inflection_lies_between_the_points_of_the_grid():
    energy = np.arange(7000.0, 7300.0, 0.5)
    for edge in (7120.0, 7120.13, 7120.37):
        found = find_edge(spectrum(energy, step(energy, edge)), "inflection")
        assert found.energy[0] / EV == pytest.approx(edge, abs=0.01)


def test_sigma_of_the_inflection_covers_what_noise_does():
    energy = np.arange(7080.0, 7160.0, 0.25)
    noise = np.random.default_rng(1).normal(0.0, 3e-3, (200, energy.size))
    found = find_edge(spectrum(energy, step(energy, 7120.1) + noise, sigma=3e-3), "inflection")
    pulls = (found.energy / EV - 7120.1) / (found.sigma / EV)
    assert 0.6 < pulls.std() < 1.6
    assert abs(pulls.mean()) < 0.3


def test_first_inflection_is_not_the_steepest_one():
    # two rises like those of metallic iron, the second steeper
    energy = np.arange(7080.0, 7180.0, 0.2)
    mu = 0.4 * step(energy, 7112.0, 1.0) + 0.6 * step(energy, 7122.0, 1.2)
    raw = spectrum(energy, mu)
    assert find_edge(raw, "inflection").energy[0] / EV == pytest.approx(7122.0, abs=0.1)
    assert find_edge(raw, "first_inflection").energy[0] / EV == pytest.approx(7112.0, abs=0.1)


def test_half_step_of_a_normalised_edge():
    energy = np.arange(7000.0, 7400.0, 0.5)
    raw = spectrum(energy, 2.0 * step(energy, 7120.2))
    with pytest.raises(XasError, match="needs a normalised spectrum"):
        find_edge(raw, "fraction")
    flat = spectrum(energy, step(energy, 7120.2), quantity="normalized_absorption")
    assert find_edge(flat, "fraction").energy[0] / EV == pytest.approx(7120.2, abs=0.01)
    # a quarter step of an arctangent lies a width below the middle
    assert find_edge(flat, "fraction", fraction=0.25).energy[0] / EV == pytest.approx(7118.7, abs=0.02)
    with pytest.raises(XasError, match="between 0 and 1"):
        find_edge(flat, "fraction", fraction=1.2)


def test_a_pre_edge_peak_is_not_taken_for_the_edge():
    energy = np.arange(7090.0, 7160.0, 0.2)
    mu = step(energy, 7121.0) + 0.3 * np.exp(-(((energy - 7113.0) / 0.7) ** 2))
    flat = spectrum(energy, mu, quantity="normalized_absorption")
    assert find_edge(flat, "fraction", fraction=0.3).energy[0] / EV > 7118.0


def test_a_glitch_is_passed_over():
    energy = np.arange(7000.0, 7300.0, 0.5)
    mu = step(energy, 7120.0)
    mu[400] += 3.0
    assert find_edge(spectrum(energy, mu)).energy[0] / EV == pytest.approx(7120.0, abs=0.51)


def test_edge_outside_the_range_is_refused():
    energy = np.arange(7125.0, 7300.0, 0.5)
    with pytest.raises(XasError, match="edge is not within the data"):
        find_edge(spectrum(energy, step(energy, 7120.0)))
    with pytest.raises(XasError, match=r"K edge of Co at 7709.0 eV lies outside the data"):
        find_edge(spectrum(energy, step(energy, 7200.0), element="Co", edge="K"))
    with pytest.raises(XasError, match="has no 'K9' edge"):
        find_edge(spectrum(energy, step(energy, 7200.0)), element="Fe", edge="K9")


def test_a_named_element_finds_its_edge_beside_a_larger_one():
    energy = np.arange(7000.0, 7900.0, 0.5)
    mu = step(energy, 7121.0) + 3.0 * step(energy, 7715.0)
    assert find_edge(spectrum(energy, mu)).energy[0] / EV == pytest.approx(7715.0, abs=0.51)
    assert find_edge(spectrum(energy, mu), element="Fe").energy[0] / EV == pytest.approx(7121.0, abs=0.51)


@settings(max_examples=25, deadline=None)
@given(
    edge=st.floats(7105.0, 7135.0),
    width=st.floats(0.7, 3.0),
    scale=st.floats(0.01, 100.0),
    offset=st.floats(-5.0, 5.0),
)
def test_scale_and_offset_do_not_move_the_edge(edge, width, scale, offset):
    energy = np.arange(7050.0, 7200.0, 0.5)
    plain = find_edge(spectrum(energy, step(energy, edge, width)), "inflection").energy[0] / EV
    moved = find_edge(spectrum(energy, offset + scale * step(energy, edge, width)), "inflection").energy[0] / EV
    assert moved == pytest.approx(plain, abs=1e-3)
    assert plain == pytest.approx(edge, abs=0.05)


def test_edge_energies_are_a_measurement_of_the_series():
    energy = np.arange(7050.0, 7400.0, 0.5)
    edges = [7119.0, 7120.0, 7121.5]
    raw = spectrum(energy, [step(energy, e) for e in edges])
    found = edge_energies(raw)
    assert found.quantity == "edge_energy"
    assert found.axis is None
    assert found.in_unit("eV").round(6).tolist() == edges
    assert normalise(raw).edge_energy.tolist() == found.values.tolist()


def test_the_convention_is_named_or_refused():
    energy = np.arange(7050.0, 7400.0, 0.5)
    with pytest.raises(XasError, match="unknown method 'middle'"):
        find_edge(spectrum(energy, step(energy, 7120.0)), "middle")


@pytest.mark.parametrize(
    ("low", "high", "sign", "says"),
    [
        (7000.0, 7112.0, 1.0, "before its end: the edge is not within the data"),
        (7000.0, 7300.0, -1.0, "is the sign of the absorption reversed"),
        (7000.0, 7300.0, 0.0, "lost in noise"),
    ],
)
@pytest.mark.parametrize("method", ["steepest", "inflection"])
def test_what_is_no_edge_is_refused(low, high, sign, says, method):
    energy = np.arange(low, high, 0.5)
    wiggles = 0.03 * np.sin(energy / 9.0)
    mu = sign * (step(energy, 7120.0) + wiggles) + np.random.default_rng(2).normal(0, 1e-3, energy.size)
    with pytest.raises(XasError, match=f"{says}|at the end of") as caught:
        find_edge(spectrum(energy, mu), method)
    assert "7120" not in str(caught.value)
