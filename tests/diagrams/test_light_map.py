"""Lifetime contours, T(LIESST)(P) and bistability under light against closed forms."""

import numpy as np
import pytest

from labile.core.conditions import LightSource
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.diagrams.axes import DiagramError
from labile.diagrams.light_map import lifetime_map, light_map
from labile.models.library import slichter_drickamer, van_t_hoff
from labile.models.light import Absorption, beam, cross_section
from labile.models.metastability import t_liesst
from labile.models.populations import Status
from labile.models.rates import KineticModel, PhotoProcess, ThermalProcess
from labile.models.relaxation import activated_rate

ENERGY = 900 * 11.962656
VALUES = {
    "HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 1.5e-5, "LS-HS.prefactor": 1e7,
    "LS-HS.activation_energy": ENERGY, "LS-HS.activation_volume": -1e-5,
}  # fmt: skip
SINGLE = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS", one_way=True),))
GREEN = 514e-9
LIT = KineticModel(
    slichter_drickamer(),
    (ThermalProcess("HS", "LS"), PhotoProcess("LS", "HS")),
    (Absorption("LS", GREEN, cross_section(100.0)), Absorption("HS", GREEN, 0.0)),
)
PRESSURE = AMBIENT_PRESSURE + np.array([0.0, 5e7, 1e8, 2e8])


@pytest.fixture(scope="module")
def decay():
    return lifetime_map(SINGLE, "HS", VALUES, np.linspace(30.0, 90.0, 13), PRESSURE, contours=(1.0, 3600.0))


def test_lifetimes_are_inverse_rates(decay):
    t, p = np.meshgrid(decay.temperature, decay.pressure, indexing="ij")
    rates = activated_rate(t, 1e7, ENERGY, activation_volume=-1e-5, pressure=p)
    assert decay.time == pytest.approx(1 / rates, rel=1e-5)
    assert np.all(decay.status == Status.CONVERGED)


def test_contours_are_where_the_rate_is_the_inverse_time(decay):
    # A exp(-(E + P V)/RT) tau = 1
    for line in decay.contours:
        expected = (ENERGY - 1e-5 * (PRESSURE - AMBIENT_PRESSURE)) / (GAS_CONSTANT * np.log(1e7 * line.time))
        assert line.pressure == pytest.approx(PRESSURE)
        assert line.temperature == pytest.approx(expected, rel=3e-6)
        assert "4 of 4" in line.message
    assert len(decay.contour_table()) == 8


def test_the_liesst_line_is_that_of_single_pressures(decay):
    for pressure, found in zip(PRESSURE, decay.t_liesst, strict=True):
        alone = t_liesst(SINGLE, "HS", VALUES, pressure=pressure, cold=30.0, warm=90.0)
        assert found == pytest.approx(alone.temperature[0, 0], abs=0.02)
    assert np.all(np.diff(decay.t_liesst) < 0)
    assert decay.reason == ("",) * 4


def test_a_lifetime_that_does_not_occur_is_said():
    found = lifetime_map(SINGLE, "HS", VALUES, [30.0, 35.0], PRESSURE[:2], contours=(1e-3,))
    assert found.contours[0].temperature.size == 0
    assert "0 of 2" in found.contours[0].message
    assert np.all(np.isnan(found.t_liesst))
    assert all(found.reason)


def test_a_stable_state_lasts_for_ever():
    both = KineticModel(van_t_hoff(), (ThermalProcess("HS", "LS"),))
    found = lifetime_map(both, "HS", VALUES, [60.0, 300.0], PRESSURE[:2], contours=(60.0,))
    assert np.all(np.isinf(found.time[1]))
    assert np.all(np.isfinite(found.time[0]))


def test_datasets_round_trip(decay, tmp_path):
    decay.to_xarray().to_netcdf(tmp_path / "map.nc", engine="h5netcdf")
    import xarray

    with xarray.open_dataset(tmp_path / "map.nc", engine="h5netcdf") as found:
        assert found.lifetime.values == pytest.approx(decay.time)
        assert found.t_liesst.attrs["units"] == "K"


def test_bistable_windows_end_where_rate_and_slope_vanish():
    alpha = 6.0
    values = {
        **VALUES, "LS-HS.interaction": alpha * GAS_CONSTANT * 50.0, "LS-HS.quantum_yield": 0.5, "HS.enthalpy": 2e4,
        "HS.entropy": 60.0, "LS-HS.activation_volume": 0.0,
    }  # fmt: skip
    flux = beam(GREEN, irradiance=50.0).photon_flux * np.array([0.3, 1.0, 3.0])
    found = light_map(LIT, values, np.linspace(40.0, 64.0, 49), flux, LightSource(GREEN, 0.0))
    assert found.window_flux.tolist() == flux.tolist()
    for one, low, high in zip(found.window_flux, found.window_low, found.window_high, strict=True):
        for edge, sign in ((low, -1), (high, 1)):
            # k_L (1 - n) = k n exp(a (1 - n)) with a n (1 - n) = 1
            a = values["LS-HS.interaction"] / (GAS_CONSTANT * edge)
            n = 0.5 * (1 + sign * np.sqrt(1 - 4 / a))
            up = 0.5 * float(cross_section(100.0)) * one
            k = float(activated_rate(edge, 1e7, ENERGY))
            assert k * n * np.exp(a * (1 - n)) / (up * (1 - n)) == pytest.approx(1, rel=3e-3)
    inside = (found.temperature[None] > found.window_low[:, None]) & (found.temperature < found.window_high[:, None])
    assert np.array_equal(found.bistable, inside)
    assert np.all(np.diff(found.window_low) > 0)
    dataset = found.to_xarray()
    assert dataset.population.shape == (3, 49, 2, 2)
    assert np.nanmax(np.abs(dataset.population.sum("state", skipna=False) - 1)) < 1e-9


def test_without_cooperativity_there_is_no_window():
    values = {**VALUES, "LS-HS.quantum_yield": 0.5, "LS-HS.interaction": 0.0}
    found = light_map(LIT, values, [40.0, 50.0, 60.0], [1e20], LightSource(GREEN, 0.0))
    assert found.window_flux.size == 0
    assert not found.bistable.any()
    assert "no bistability" in found.messages[0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lifetime_map(SINGLE, "HS", VALUES, [60.0, 50.0], PRESSURE), "rise"),
        (lambda: lifetime_map(SINGLE, "HS", VALUES, [60.0, 70.0], [0.0, np.nan]), "finite"),
        (lambda: lifetime_map(SINGLE, "HS", VALUES, [60.0, 70.0], PRESSURE, contours=(0.0,)), "above 0 s"),
        (lambda: lifetime_map(SINGLE, "HS", VALUES, [-1.0, 70.0], PRESSURE), "above 0 K"),
        (lambda: light_map(LIT, VALUES, [50.0, 60.0], [-1.0], LightSource(GREEN, 0.0)), "negative flux"),
    ],
)
def test_impossible_axes_are_refused(call, says):
    with pytest.raises(DiagramError, match=says):
        call()
