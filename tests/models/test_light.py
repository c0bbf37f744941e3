"""Light on a crystal: photons, cross sections, driven rates, heating, damage, and the profile in depth."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labile.core.conditions import LightSource
from labile.core.constants import AVOGADRO
from labile.core.material import State
from labile.models.kinetics import integrate
from labile.models.library import slichter_drickamer, van_t_hoff
from labile.models.light import Absorption, LaserHeating, LightError, beam, cross_section, irradiance
from labile.models.penetration import Slab, absorption_lengths, illuminate
from labile.models.protocols import Protocol, Segment, isotherm
from labile.models.rates import (
    KineticModel,
    KineticsError,
    PhotoProcess,
    RadiationDamage,
    ThermalProcess,
    XRayProcess,
)

PER_CM = 11.962656
GREEN, RED, X_RAY = 514e-9, 820e-9, 0.7e-10
BLEACHING = (Absorption("LS", GREEN, cross_section(100.0)), Absorption("HS", GREEN, 0.0))
LIESST = KineticModel(van_t_hoff(), (PhotoProcess("LS", "HS"),), BLEACHING)
DARK = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0}
SIGMA = float(cross_section(100.0))
CONCENTRATION = 1778.0
PER_METRE = SIGMA * AVOGADRO * CONCENTRATION


def test_units_of_light():
    assert beam(532e-9, irradiance=10.0).photon_flux == pytest.approx(2.68e19, rel=2e-3)
    assert irradiance(beam(532e-9, irradiance=10.0)) == pytest.approx(10.0, rel=1e-12)
    assert cross_section(1.0) * 1e4 == pytest.approx(3.8235e-21, rel=1e-4)
    lengths = absorption_lengths(LIESST, Slab(1e-4, CONCENTRATION), GREEN)
    assert lengths[0] == pytest.approx(24.4e-6, rel=2e-3)
    assert np.isinf(lengths[1])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: beam(None, photon_flux=1e18), "wavelength is missing"),
        (lambda: beam(GREEN), "neither"),
        (lambda: beam(GREEN, photon_flux=1.0, irradiance=1.0), "both"),
        (lambda: Absorption("LS", [5e-7, 4e-7], [1.0, 1.0]), "increase"),
        (lambda: Absorption("LS", [1e-10, 4e-7], [1.0, 1.0]), "two"),
        (lambda: Absorption("LS", 5e-7, -1.0), "not negative"),
        (lambda: BLEACHING[0].at(600e-9), "no data at 600 nm"),
        (lambda: Slab(1e-4, 1e3, 10), "odd"),
        (lambda: Slab(-1e-4, 1e3), "thickness"),
        (lambda: LaserHeating(0.0), "area"),
        (
            lambda: integrate(LIESST, isotherm(10.0, 1.0, start="LS", light=(beam(RED, photon_flux=1e18),)),
                              {**DARK, "LS-HS.quantum_yield": 1.0}),
            "no cross section at 820 nm",
        ),
        (
            lambda: integrate(LIESST, isotherm(10.0, 1.0, start="LS", light=(beam(X_RAY, photon_flux=1e18),)),
                              {**DARK, "LS-HS.quantum_yield": 1.0}),
            "no process answers to the X-ray beam",
        ),
        (
            lambda: integrate(LIESST, isotherm(10.0, 1.0, start="LS"), {**DARK, "LS-HS.quantum_yield": 1.2}),
            "between 0 and 1",
        ),
        (
            lambda: illuminate(LIESST, Slab(1e-4, 1e3), isotherm(10.0, 1.0, start="LS"),
                               {**DARK, "LS-HS.quantum_yield": 1.0}),
            "no segment",
        ),
    ],
)  # fmt: skip
def test_impossible_light_is_refused(call, says):
    with pytest.raises((LightError, KineticsError), match=says):
        call()


def test_steady_state_of_single_molecules():
    green, red = beam(GREEN, photon_flux=2e20), beam(RED, photon_flux=5e20)
    tables = (
        Absorption("LS", [450e-9, 600e-9], cross_section([100.0, 60.0])), Absorption("LS", RED, cross_section(1.0)),
        Absorption("HS", [450e-9, 600e-9], cross_section([2.0, 1.0])), Absorption("HS", RED, cross_section(8.0)),
    )  # fmt: skip
    kinetic = KineticModel(
        van_t_hoff(), (PhotoProcess("LS", "HS"), PhotoProcess("HS", "LS"), ThermalProcess("HS", "LS", one_way=True)),
        tables,
    )  # fmt: skip
    values = {
        **DARK, "LS-HS.quantum_yield": 0.8, "LS-HS.reverse_quantum_yield": 0.1, "LS-HS.prefactor": 1e7,
        "LS-HS.activation_energy": 900 * PER_CM,
    }  # fmt: skip
    at_514 = float(cross_section(100.0 - 40.0 * 64 / 150)), float(cross_section(2.0 - 64 / 150))
    up = 0.8 * (at_514[0] * 2e20 + float(cross_section(1.0)) * 5e20)
    down = 0.1 * (at_514[1] * 2e20 + float(cross_section(8.0)) * 5e20) + 1e7 * np.exp(
        -900 * PER_CM / (8.314462618 * 50)
    )
    run = integrate(kinetic, isotherm(50.0, 30 / (up + down), start="LS", light=(green, red), points=6), values)
    assert run.of("HS")[0] == pytest.approx(up / (up + down) * (1 - np.exp(-(up + down) * run.time)), abs=1e-7)
    assert run.of("HS")[0, -1] == pytest.approx(up / (up + down), abs=1e-8)


def test_sequential_and_direct_conversion_of_two_sites():
    states = (State("LL"), State("HL"), State("HH"))
    tables = tuple(Absorption(name, GREEN, cross_section(e)) for name, e in (("LL", 100.0), ("HL", 50.0), ("HH", 0.0)))
    steps = (PhotoProcess("LL", "HL"), PhotoProcess("HL", "HH"), PhotoProcess("LL", "HH"))
    kinetic = KineticModel(van_t_hoff(states), steps, tables)
    values = {f"{s}.{q}": 0.0 for s in ("HL", "HH") for q in ("enthalpy", "entropy", "volume")}
    values |= {"LL-HL.quantum_yield": 0.5, "HL-HH.quantum_yield": 0.4, "LL-HH.quantum_yield": 0.1}
    flux = 1e20
    k1, k2, k3 = 0.5 * SIGMA * flux, 0.4 * SIGMA / 2 * flux, 0.1 * SIGMA * flux
    run = integrate(
        kinetic, isotherm(10.0, 5 / k1, start="LL", light=(beam(GREEN, photon_flux=flux),), points=8), values
    )
    ll, t = np.exp(-(k1 + k3) * run.time), run.time
    hl = k1 / (k2 - k1 - k3) * (ll - np.exp(-k2 * t))
    assert run.of("LL")[0] == pytest.approx(ll, abs=1e-7)
    assert run.of("HL")[0] == pytest.approx(hl, abs=1e-7)
    assert run.of("HH")[0] == pytest.approx(1 - ll - hl, abs=1e-7)


def test_x_rays_convert_and_destroy():
    sigma, flux = 4e-26, 1e22
    kinetic = KineticModel(
        van_t_hoff(), (XRayProcess("LS", "HS"), RadiationDamage("LS"), RadiationDamage("HS")),
        (Absorption("*", X_RAY, sigma),),
    )  # fmt: skip
    values = {
        **DARK, "LS-HS.switches_per_photon": 5.0, "LS.destroyed_per_photon": 0.1, "HS.destroyed_per_photon": 0.1,
    }  # fmt: skip
    run = integrate(kinetic, isotherm(20.0, 5e3, start="LS", light=(beam(X_RAY, photon_flux=flux),), points=10), values)
    k, d = 5 * sigma * flux, 0.1 * sigma * flux
    left = np.exp(-d * run.time)
    assert run.state_names == ("LS", "HS", "destroyed")
    assert run.of("destroyed")[0] == pytest.approx(1 - left, abs=1e-8)
    assert run.of("LS")[0] == pytest.approx(left * np.exp(-k * run.time), abs=1e-7)
    assert run.x.sum(axis=-1) == pytest.approx(1, abs=1e-12)
    assert any("destroyed" in said for said in run.assumptions)


def test_laser_heating_mimics_a_loss():
    processes = (PhotoProcess("LS", "HS"), ThermalProcess("HS", "LS", one_way=True))
    values = {**DARK, "LS-HS.quantum_yield": 1.0, "LS-HS.prefactor": 1e7, "LS-HS.activation_energy": 900 * PER_CM}
    source = beam(GREEN, irradiance=50.0)
    cool = KineticModel(van_t_hoff(), processes, BLEACHING)
    warm = KineticModel(van_t_hoff(), processes, BLEACHING, LaserHeating(1e-6))
    protocol = Protocol(
        (Segment.hold(60.0, 300.0, light=(source,), points=3), Segment.hold(60.0, 300.0, points=3)), "HS"
    )
    heated = integrate(warm, protocol, {**values, "crystal.thermal_conductance": 1e-5})
    assert heated.temperature[0].tolist() == pytest.approx([65.0] * 4 + [60.0] * 3)
    same = integrate(cool, isotherm(65.0, 300.0, start="HS", light=(source,), points=3), values)
    assert heated.x[0, :4] == pytest.approx(same.x[0], abs=1e-9)
    unheated = integrate(cool, protocol, values)
    assert heated.of("HS")[0, 3] < unheated.of("HS")[0, 3] - 0.05


def bleached(u, tau):
    return np.exp(u) / (np.exp(tau) + np.exp(u) - 1)


def light_for(tau, time=1000.0):
    return beam(GREEN, photon_flux=tau / (0.8 * SIGMA * time))


def test_bleaching_front():
    values = {**DARK, "LS-HS.quantum_yield": 0.8}
    profile = illuminate(
        LIESST, Slab(4 / PER_METRE, CONCENTRATION, 201),
        isotherm(10.0, 1000.0, start="LS", light=(light_for(3.0),), points=3), values,
    )  # fmt: skip
    u = profile.depth * PER_METRE
    assert profile.of("LS")[-1, 100] == pytest.approx(0.27910, abs=1e-5)
    assert profile.of("LS")[-1, 100] == pytest.approx(np.e**2 / (np.e**3 + np.e**2 - 1), abs=1e-6)
    assert profile.mean("LS")[-1] == pytest.approx(0.324945, abs=1e-6)
    for k, tau in enumerate((0.0, 1.0, 2.0, 3.0)):
        assert profile.of("LS")[k] == pytest.approx(bleached(u, tau), abs=1e-6)
        through = np.exp(tau) / (np.exp(tau) + np.exp(u) - 1)
        assert profile.transmitted[k, 0] == pytest.approx(through, abs=1e-6)
    # a thinner crystal is the upper part of a thicker one
    thin = illuminate(
        LIESST, Slab(2 / PER_METRE, CONCENTRATION, 101),
        isotherm(10.0, 1000.0, start="LS", light=(light_for(3.0),), points=1), values,
    )  # fmt: skip
    assert profile.mean_to("HS")[-1, 100] == pytest.approx(thin.mean("HS")[-1], abs=1e-6)
    assert profile.mean_to("HS")[-1, 0] == profile.of("HS")[-1, 0]


def test_a_thin_crystal_is_one_layer():
    values = {**DARK, "LS-HS.quantum_yield": 0.8}
    protocol = isotherm(10.0, 1000.0, start="LS", light=(light_for(3.0),), points=4)
    thin = illuminate(LIESST, Slab(1e-6 / PER_METRE, CONCENTRATION, 5), protocol, values)
    assert thin.x.mean(axis=1) == pytest.approx(integrate(LIESST, protocol, values).x[0], abs=2e-6)


def test_depth_profiles_converge_with_the_layers():
    values = {**DARK, "LS-HS.quantum_yield": 0.8}
    errors = []
    for layers in (21, 41, 81):
        protocol = isotherm(10.0, 1000.0, start="LS", light=(light_for(3.0),), points=1)
        profile = illuminate(LIESST, Slab(4 / PER_METRE, CONCENTRATION, layers), protocol, values)
        errors.append(np.max(np.abs(profile.of("LS")[-1] - bleached(profile.depth * PER_METRE, 3.0))))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(orders > 2.5)
    assert errors[-1] < 1e-6


def test_cooperative_relaxation_in_depth_agrees_with_scipy():
    layers, k0, temperature, gamma = 21, 3e-3, 50.0, 900.0
    tables = (BLEACHING[0], Absorption("HS", GREEN, cross_section(15.0)))
    kinetic = KineticModel(
        slichter_drickamer(), (PhotoProcess("LS", "HS"), ThermalProcess("HS", "LS", one_way=True)), tables
    )
    values = {
        **DARK, "LS-HS.quantum_yield": 0.8, "LS-HS.prefactor": k0, "LS-HS.activation_energy": 0.0,
        "LS-HS.interaction": gamma,
    }  # fmt: skip
    source = light_for(6.0)
    slab = Slab(3 / PER_METRE, CONCENTRATION, layers)
    ours = illuminate(kinetic, slab, isotherm(temperature, 1000.0, start="LS", light=(source,), points=4), values)
    alpha, up = gamma / (8.314462618 * temperature), 0.8 * SIGMA * source.photon_flux
    d = slab.depth[1]

    def change(t, n):
        a = PER_METRE * ((1 - n) + 0.15 * n)
        depth = np.zeros(layers)
        for z in range(1, layers):
            if z == 1:
                depth[z] = d / 2 * (a[0] + a[1])
            elif z == 2:
                depth[z] = depth[1] + d / 12 * (5 * a[2] + 8 * a[1] - a[0])
            else:
                depth[z] = depth[z - 1] + d / 24 * (9 * a[z] + 19 * a[z - 1] - 5 * a[z - 2] + a[z - 3])
        return up * np.exp(-depth) * (1 - n) - k0 * n * np.exp(alpha * (1 - n))

    theirs = solve_ivp(change, (0, 1000.0), np.zeros(layers), t_eval=ours.time, method="LSODA", rtol=1e-9, atol=1e-12)
    assert ours.of("HS") == pytest.approx(theirs.y.T, abs=1e-7)
    # the lower part of the crystal relaxes faster than light converts it
    assert ours.of("HS")[-1, 0] > 3 * ours.of("HS")[-1, -1]


def test_sources_are_compared_by_value():
    assert LightSource(GREEN, 1e18) == beam(GREEN, photon_flux=1e18)
