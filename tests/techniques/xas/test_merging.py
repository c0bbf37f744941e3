"""Merging: the mean, its scatter, aligned scans, and what is not one condition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry
from labile.techniques.xas import EV, XasError, align_scans, merge_scans, normalise, with_reference

DATA = Path(__file__).parents[2] / "data" / "xdi"
ENERGY = np.concatenate([np.arange(7060.0, 7105.0, 2.0), np.arange(7105, 7150, 0.25), np.arange(7150, 7300, 2.0)])


def edge(energy):
    return 0.5 + np.arctan((energy - 7120.0) / 1.5) / np.pi + 0.4 * np.exp(-(((energy - 7128.0) / 4.0) ** 2))


def scan(mu, energy=ENERGY, kelvin=300.0, label="scan"):
    return Measurement(
        "absorption", np.atleast_2d(mu), Conditions(kelvin), axis=Axis("energy", energy * EV), label=label
    )


@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_sigma_is_the_error_of_the_mean(count):
    rng = np.random.default_rng(count)
    pulls = []
    for _ in range(5):
        scans = [scan(edge(ENERGY) + rng.normal(0.0, 2e-3, ENERGY.size)) for _ in range(count)]
        merged = merge_scans(scans)
        pulls.append((merged.measurement.values[0] - edge(ENERGY)) / merged.measurement.sigma[0])
        assert merged.measurement.sigma.mean() == pytest.approx(2e-3 / np.sqrt(count), rel=0.1)
    # Student's t of 20 degrees of freedom has a variance of 1.11
    assert np.mean(np.square(pulls)) == pytest.approx(1.1, abs=0.2)


def test_a_scan_unlike_the_others_is_named():
    rng = np.random.default_rng(1)
    scans = [scan(edge(ENERGY) + rng.normal(0.0, 2e-3, ENERGY.size)) for _ in range(5)]
    scans[2] = scan(edge(ENERGY) + rng.normal(0.0, 1e-2, ENERGY.size))
    merged = merge_scans(scans)
    assert merged.odd == (3,)
    assert "scan 3 differs" in merged.measurement.provenance.steps[-1]


def test_scans_are_aligned_whatever_their_scale():
    rng = np.random.default_rng(1)
    moved = [0.0, 0.3, -0.2, 1.5]
    scans = [
        scan((1.0 + 0.02 * k) * edge(ENERGY + d) + 0.01 * k + rng.normal(0.0, 2e-3, ENERGY.size), label=f"scan {k}")
        for k, d in enumerate(moved)
    ]
    aligned, shifts, sigma = align_scans(scans)
    assert shifts / EV == pytest.approx(moved, abs=0.015)
    assert np.all(np.abs(shifts[1:] / EV - moved[1:]) < 4.0 * sigma[1:] / EV)
    assert np.allclose(aligned[1].axis.values - scans[1].axis.values, shifts[1])
    merged = merge_scans([replace(one, values=one.values) for one in scans], align=True)
    assert merged.shifts / EV == pytest.approx(moved, abs=0.015)
    with pytest.raises(XasError, match=r"cannot be aligned .* within 1 eV"):
        align_scans(scans, limit=1.0 * EV)


def test_scans_on_other_grids():
    other = np.arange(7080.0, 7280.0, 0.4)
    merged = merge_scans([scan(edge(ENERGY)), scan(edge(other), other)])
    energy = merged.measurement.axis.values / EV
    assert energy[0] >= 7080.0
    assert energy[-1] <= 7280.0
    assert np.allclose(merged.measurement.values[0], edge(energy), atol=1e-3)
    with pytest.raises(XasError, match="share no more than"):
        merge_scans([scan(edge(ENERGY)), scan(edge(ENERGY + 500.0), ENERGY + 500.0)])


def test_two_real_scans_of_a_green_rust():
    scans = []
    for number in (1, 2):
        (raw,) = registry.read(DATA / f"Hansel2001_greenrust_SO4_xanes_00{number}.xdi")
        scans.append(normalise(raw).measurement)
    merged = merge_scans(scans, align=True)
    assert abs(merged.shifts[1]) < 0.2 * EV
    assert 1e-4 < merged.measurement.sigma.mean() < 0.02
    assert len(merged.measurement) == 1


def test_what_is_not_one_sample_at_one_condition():
    one = scan(edge(ENERGY))
    with pytest.raises(XasError, match="at least two"):
        merge_scans([one])
    with pytest.raises(XasError, match="10 to 300 K"):
        merge_scans([one, scan(edge(ENERGY), kelvin=10.0)])
    assert len(merge_scans([one, scan(edge(ENERGY), kelvin=10.0)], temperature_within=300.0).deviations) == 2
    with pytest.raises(XasError, match="different energy scales"):
        merge_scans([one, with_reference(one, "Fe 7112 eV")])
    with pytest.raises(XasError, match="different quantities"):
        merge_scans([one, normalise(one).measurement])


def test_a_change_of_grid_is_recorded_and_another_edge_refused():
    def scan(low, high, step, edge):
        energy = np.arange(low, high, step)
        mu = 0.5 + np.arctan((energy - edge) / 1.5) / np.pi
        axis = Axis("energy", energy * EV)
        return Measurement("absorption", mu[None], Conditions([300.0]), axis=axis, label="simulated")

    first = scan(7000.0, 7300.0, 0.5, 7120.0)
    merged = merge_scans([first, scan(7010.0, 7290.0, 0.7, 7120.0)], align=False)
    assert any("interpolated on the energies of the first" in step for step in merged.measurement.provenance.steps)
    same = merge_scans([first, first], align=False)
    assert not any("interpolated" in step for step in same.measurement.provenance.steps)
    with pytest.raises(XasError, match="are they of one edge"):
        merge_scans([first, scan(7250.0, 7800.0, 0.5, 7700.0)], align=False)
