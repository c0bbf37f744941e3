"""Energy calibration: foils at their conventional energies, conventions exchanged, different ones refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.fitting.smoothing import local_polynomial
from labile.formats import registry
from labile.techniques.xas import (
    EV,
    EnergyReference,
    XasError,
    calibrate_energy,
    calibrated,
    find_edge,
    normalise,
    reference_of,
    require_same_reference,
    to_reference,
    with_reference,
)

DATA = Path(__file__).parents[2] / "data"
FOILS = [
    # name, element, convention, points of the filter, how far it may be off on that grid
    ("xdi/Fe_Foil_rt_2016Foils.xdi", "Fe", 7111.2, 11, 0.05),
    ("xdi/co_metal_rt.xdi", "Co", 7713.0, 5, 0.15),
    ("beamline/fe.060", "Fe", 7112.0, 5, 0.15),
]


def real(name):
    (raw,) = registry.read(DATA / name)
    return raw


def steepest_of_a_cubic_filter(spectrum, window):
    """First inflection by another way: the vertex through the three largest slopes of a cubic filter."""
    energy = spectrum.axis.values / EV
    near = np.abs(energy - find_edge(spectrum).energy[0] / EV) < 6.0
    slope = local_polynomial(energy[near], spectrum.values[0, near], window=window, order=3).derivative
    at = int(np.argmax(slope))
    x = energy[near][at - 1 : at + 2] - energy[near][at]
    bend, tilt, _ = np.linalg.solve(np.vander(x, 3), slope[at - 1 : at + 2])
    return energy[near][at] - tilt / (2.0 * bend)


@pytest.mark.parametrize(("name", "element", "energy", "window", "tolerance"), FOILS)
def test_a_foil_lands_on_its_convention(name, element, energy, window, tolerance):
    foil = real(name)
    scale = calibrate_energy(foil, f"{element} {energy} eV")
    moved = calibrated(foil, scale)
    assert find_edge(moved, "first_inflection").energy[0] / EV == pytest.approx(energy, abs=1e-3)
    # X4
    assert steepest_of_a_cubic_filter(moved, window) == pytest.approx(energy, abs=tolerance)
    assert moved.attributes["energy_reference"] == f"{element} {energy:g} eV"
    assert 0.0 < moved.attributes["sigma_energy_shift"] < 0.2 * EV
    assert scale.describe() in moved.provenance.steps


def test_conventions_are_exchanged():
    iron = with_reference(real("xdi/FeO_rt_01.xdi"), "Fe 7111.2 eV")
    cobalt = with_reference(real("xdi/co_metal_rt.xdi"), "Co 7713.0 eV")
    for spectrum, other, shift in ((iron, "Fe 7112.0 eV", 0.8), (cobalt, "Co 7709 eV", -4.0)):
        moved = to_reference(spectrum, other)
        assert np.allclose((moved.axis.values - spectrum.axis.values) / EV, shift, atol=1e-9)
        back = to_reference(moved, spectrum.attributes["energy_reference"])
        assert np.allclose(back.axis.values, spectrum.axis.values, rtol=1e-14)
        assert reference_of(back) == reference_of(spectrum)


def test_a_stored_edge_energy_moves_with_the_axis():
    flat = with_reference(normalise(real("xdi/FeO_rt_01.xdi")).measurement, "Fe 7111.2 eV")
    moved = to_reference(flat, "Fe 7112 eV")
    assert moved.attributes["edge_energy"] - flat.attributes["edge_energy"] == pytest.approx(0.8 * EV, rel=1e-6)


def test_spectra_of_different_conventions_are_not_compared():
    raw = real("xdi/FeO_rt_01.xdi")
    here, there = with_reference(raw, "Fe 7111.2 eV"), with_reference(raw, "Fe 7112 eV")
    assert require_same_reference([here, here]) == "Fe 7111.2 eV"
    assert require_same_reference([raw, raw]) == ""
    with pytest.raises(XasError, match=r"calibrated to Fe 7111\.2 eV, .* calibrated to Fe 7112 eV"):
        require_same_reference([here, here, there])
    with pytest.raises(XasError, match="is not calibrated"):
        require_same_reference([raw, here])


def test_what_a_calibration_refuses():
    foil = real("xdi/Fe_Foil_rt_2016Foils.xdi")
    scale = calibrate_energy(foil, "Fe 7111.2 eV")
    moved = calibrated(foil, scale)
    with pytest.raises(XasError, match="calibrated already"):
        calibrated(moved, scale)
    with pytest.raises(XasError, match=r"calibrated to Fe 7111\.2 eV, not to Fe 7112 eV"):
        with_reference(moved, "Fe 7112 eV")
    with pytest.raises(XasError, match="nothing says what its energies are calibrated to"):
        to_reference(foil, "Fe 7112 eV")
    with pytest.raises(XasError, match="within one edge of one element"):
        to_reference(moved, "Co 7709 eV")
    with pytest.raises(XasError, match="lies outside the data"):
        calibrate_energy(real("xdi/Hansel2001_magnetite_xanes_001.xdi"), "Co 7709 eV")
    shifted = replace(foil, axis=Axis("energy", foil.axis.values + 40.0 * EV))
    with pytest.raises(XasError, match="is it the foil of Fe"):
        calibrate_energy(shifted, "Fe 7111.2 eV")


@pytest.mark.parametrize("text", ["Fe", "7111.2 eV", "Fe 7111.2", "Fe 7.1112 keV", "", "fe 7111.2 eV"])
def test_references_that_cannot_be_read(text):
    with pytest.raises(XasError, match="write the element and the energy"):
        EnergyReference.read(text)


def test_references_far_from_every_edge():
    with pytest.raises(XasError, match=r"in use are 7111\.2 or 7112\.0 eV"):
        EnergyReference("Fe", 7211.2 * EV)
    with pytest.raises(XasError, match="give it in J"):
        EnergyReference("Fe", 7111.2)
    with pytest.raises(XasError, match="no element 'Qq'"):
        EnergyReference("Qq", 7111.2 * EV)
    assert EnergyReference("Fe", 706.8 * EV).edge == "L3"


def test_several_scans_of_a_foil_are_averaged():
    energy = np.arange(7080.0, 7180.0, 0.2)
    edges = np.array([7110.6, 7110.8, 7110.7])[:, None]
    mu = 0.5 + np.arctan((energy - edges) / 1.5) / np.pi
    foil = Measurement("absorption", mu, Conditions([295.0] * 3), axis=Axis("energy", energy * EV))
    scale = calibrate_energy(foil, "Fe 7111.2 eV")
    assert scale.shift / EV == pytest.approx(0.5, abs=0.01)
    assert scale.sigma / EV == pytest.approx(0.1 / np.sqrt(3.0), rel=0.05)
