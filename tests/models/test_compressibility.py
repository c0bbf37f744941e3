"""Volumes in the free energy: T1/2(P) along its line, re-entrant lines, thermodynamic identities, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, AVOGADRO
from labile.models.compressibility import REMEMBERED_PRESSURES, CompressibleVolume, LinearVolume
from labile.models.contributions import EnthalpyEntropy, PairInteraction, PressureVolume
from labile.models.equilibrium import equilibrium, find_minima, free_energy, free_energy_gradient
from labile.models.free_energy import Model, ModelError, coefficients
from labile.models.interactions import InteractionSlopes
from labile.models.library import LS_HS
from labile.models.transitions import transitions
from labile.models.vibrations import Vibrations
from labile.models.volumes import FORMS, EquationOfState, EquationOfStateError

STEP = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "LS-HS.interaction": 3e3}
STIFF_SMALL = {"LS.volume": 3.0e-4, "LS.bulk_modulus": 14e9, "LS.bulk_modulus_derivative": 7.0}
SOFT_LARGE = {"HS.volume": 3.1e-4, "HS.bulk_modulus": 8e9, "HS.bulk_modulus_derivative": 7.0}
REENTRANT = STEP | STIFF_SMALL | SOFT_LARGE
"""The larger HS state is so much softer that it becomes the smaller one: T1/2(P) has a maximum."""


def crystal(*terms, interaction=True):
    pair = (PairInteraction("LS-HS"),) if interaction else ()
    return Model("test", LS_HS, (EnthalpyEntropy("HS"), *pair, *terms), shifted=("HS",))


def t_half(model, values, pressure):
    return transitions(model, values, pressure=pressure).t_half.temperature


def work_difference(values, pressure, form="birch_murnaghan_3"):
    """int (V_HS - V_LS) dP from ambient pressure, from the curves themselves."""
    names = ("volume", "bulk_modulus", "bulk_modulus_derivative")
    low, high = (EquationOfState(form, *(values[f"{state}.{name}"] for name in names)) for state in ("LS", "HS"))
    return float(high.work(pressure - AMBIENT_PRESSURE) - low.work(pressure - AMBIENT_PRESSURE))


# T1/2 and pressure


def test_kelvin_per_kilobar_of_the_specification():
    """10 cm3/mol and 60 J/K/mol: 16.667 K/kbar; 1 cm3/mol and 50 J/K/mol: 2 K/kbar."""
    for volume, entropy, slope in ((10e-6, 60.0, 16.6667), (1e-6, 50.0, 2.0)):
        values = STEP | {"HS.entropy": entropy, "HS.volume": volume, "HS.volume_slope": 0.0}
        found = [t_half(crystal(LinearVolume("HS")), values, AMBIENT_PRESSURE + p) for p in (0.0, 1e8)]
        assert found[1] - found[0] == pytest.approx(slope, abs=1e-3)


def test_mean_volume_that_a_pressure_at_room_temperature_implies():
    """T1/2 of 143 K and 25 kbar at 298 K with 60 J/K/mol: 3.72 cm3/mol on average, 6.18 A^3 per formula unit."""
    mean = (298.0 - 143.0) * 60.0 / 2.5e9
    assert mean * 1e6 == pytest.approx(3.72, abs=0.01)
    assert mean / AVOGADRO * 1e30 == pytest.approx(6.18, abs=0.01)
    # any volume difference with this integral leads there: here one that grows from nothing
    values = STEP | {"HS.enthalpy": 143.0 * 60.0, "HS.volume": 0.0, "HS.volume_slope": 2.0 * mean / 2.5e9}
    found = t_half(crystal(LinearVolume("HS")), values, AMBIENT_PRESSURE + 2.5e9)
    assert found == pytest.approx(298.0, abs=1e-4)


def test_linear_volume_without_slope_is_the_constant_volume():
    conditions, values = Conditions([150.0, 250.0], [3e8, 1e6]), STEP | {"HS.volume": 1e-5, "HS.volume_slope": 0.0}
    one = coefficients(crystal(LinearVolume("HS")), conditions, values)
    other = coefficients(crystal(PressureVolume("HS")), conditions, values)
    np.testing.assert_allclose(one.g, other.g)
    np.testing.assert_allclose(one.g_p, other.g_p)


@settings(max_examples=15, deadline=None)
@given(st.floats(5e-6, 2e-5), st.floats(0.2, 0.9), st.floats(0.0, 4e3))
def test_linear_volume_gives_a_parabola_with_its_maximum_where_the_volumes_are_equal(volume, equal_at, interaction):
    """T1/2 = (H + V p + V' p^2/2)/S for every symmetric interaction; V + V' p = 0 at p = equal_at GPa."""
    slope = -volume / (equal_at * 1e9)
    values = STEP | {"HS.volume": volume, "HS.volume_slope": slope, "LS-HS.interaction": interaction}
    model = crystal(LinearVolume("HS"))
    p = equal_at * 1e9 * np.array([0.5, 0.9, 1.0, 1.1, 1.5])
    found = [t_half(model, values, AMBIENT_PRESSURE + one) for one in p]
    np.testing.assert_allclose(found, (15e3 + volume * p + 0.5 * slope * p**2) / 60.0, rtol=1e-7)
    assert np.argmax(found) == 2


@pytest.mark.parametrize("form", ["murnaghan", "birch_murnaghan_3", "vinet", "tait", "natural_strain_3"])
def test_reentrant_line_of_two_equations_of_state(form):
    model = crystal(CompressibleVolume(form))
    p = AMBIENT_PRESSURE + np.linspace(0.0, 2.5e9, 26)
    found = np.array([t_half(model, REENTRANT, one) for one in p])
    np.testing.assert_allclose(found, [(15e3 + work_difference(REENTRANT, one, form)) / 60.0 for one in p], rtol=1e-8)
    assert 0 < np.argmax(found) < p.size - 1

    def volume_difference(one):
        return coefficients(model, Conditions(200.0, one), REENTRANT).g_p[0, 1]

    equal = brentq(volume_difference, p[0], p[-1], xtol=1e2)
    around = [t_half(model, REENTRANT, equal + step) for step in (-5e6, 0.0, 5e6)]
    assert around[1] > max(around[0], around[2])
    # parabola through the three: its top lies at the pressure of equal volumes
    top = 0.5 * (around[0] - around[2]) / (around[0] - 2 * around[1] + around[2])
    assert abs(top) < 0.05


@pytest.mark.parametrize("interaction", [0.0, 3e3, 6e3])
def test_clapeyron_along_the_line_with_everything_that_makes_it_bend(interaction):
    """dT1/2/dP = dV/dS at (T1/2, P), with volumes that expand and vibrations that make dS depend on T."""
    model = crystal(CompressibleVolume(expansion_from=250.0), Vibrations("einstein", counted_from=250.0))
    values = REENTRANT | {
        "LS-HS.interaction": interaction, "LS.thermal_expansion": 1e-4, "HS.thermal_expansion": 1.2e-4,
        "LS.einstein_temperature": 575.0, "HS.einstein_temperature": 430.0, "crystal.einstein_modes": 15.0,
    }  # fmt: skip
    slopes = []
    for p in (2e8, 1e9, 2e9):
        h = 1e6
        line = (t_half(model, values, p + h) - t_half(model, values, p - h)) / (2 * h)
        at = coefficients(model, Conditions(t_half(model, values, p), p), values)
        volume, entropy = (at.g_p[0, 1] - at.g_p[0, 0]), -(at.g_t[0, 1] - at.g_t[0, 0])
        assert line == pytest.approx(volume / entropy, rel=1e-5, abs=1e-13)
        slopes.append(line)
    assert slopes[0] > 0 > slopes[2]


def test_first_order_line_has_equal_free_energies_and_the_slope_of_the_jumps():
    """Clapeyron with the jumps of the coexisting phases, not with those of the pure states."""
    model = crystal(CompressibleVolume(), InteractionSlopes("LS-HS", (), 250.0))
    values = REENTRANT | {
        "LS-HS.interaction": 6e3, "LS-HS.interaction_pressure_slope": 1e-6,
        "LS-HS.interaction_temperature_slope": -3.0,
    }  # fmt: skip
    p, h = 5e8, 1e6
    middle = transitions(model, values, pressure=p).t_half
    assert middle.kind == "equilibrium"
    line = (t_half(model, values, p + h) - t_half(model, values, p - h)) / (2 * h)
    conditions = Conditions(middle.temperature, p)
    minima = find_minima(model, conditions, values)
    (g0, s0, v0), (g1, s1, v1) = (free_energy(model, conditions, values, minima.x[:, k]) for k in range(2))
    assert float(g0[0]) == pytest.approx(float(g1[0]), abs=1e-6)
    assert line == pytest.approx(float(-(v1 - v0)[0] / (s1 - s0)[0]), rel=1e-4)


# the terms themselves


@pytest.mark.parametrize("form", FORMS)
def test_ways_to_state_the_same_volumes(form):
    parameters = {"bulk_modulus": 9e9, "bulk_modulus_derivative": 6.0, "bulk_modulus_second_derivative": -0.6e-9}
    values = {f"{state}.{name}": parameters[name] for state in ("LS", "HS") for name in FORMS[form].parameters[1:]}
    values |= STEP | {"LS.volume": 3e-4, "HS.volume": 3.1e-4}
    conditions = Conditions([150.0, 250.0, 260.0], [1e9, 2e8, AMBIENT_PRESSURE])
    relative, absolute = (
        coefficients(crystal(CompressibleVolume(form, relative=flag)), conditions, values) for flag in (True, False)
    )
    assert not np.any(relative.g[:, 0])
    np.testing.assert_allclose(absolute.g - absolute.g[:, :1], relative.g, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(absolute.g_p[:, 0], [1, 1, 1] * absolute.g_p[:, 0])
    assert absolute.g_p[2].tolist() == [3e-4, 3.1e-4]
    counted = coefficients(
        crystal(CompressibleVolume(form, differences=True)), conditions, values | {"HS.volume": 1e-5}
    )
    np.testing.assert_allclose(counted.g, relative.g, rtol=1e-12, atol=1e-9)
    both = [
        equilibrium(crystal(CompressibleVolume(form, relative=flag)), conditions, values).x for flag in (True, False)
    ]
    np.testing.assert_allclose(*both, atol=1e-11)


def test_many_pressures_and_few_give_the_same():
    model = crystal(CompressibleVolume())
    p = np.linspace(1e5, 2e9, REMEMBERED_PRESSURES + 5)
    together = coefficients(model, Conditions(np.full(p.size, 200.0), p), REENTRANT)
    for number, one in enumerate(p):
        alone = coefficients(model, Conditions(200.0, one), REENTRANT)
        np.testing.assert_allclose(together.g[number], alone.g[0], rtol=1e-13)
        np.testing.assert_allclose(together.g_theta[number], alone.g_theta[0], rtol=1e-13)


FULL = crystal(
    CompressibleVolume("vinet", differences=True, expansion_from=250.0),
    Vibrations("debye", counted_from=0.0),
    InteractionSlopes("LS-HS", (), 250.0),
)
FULL_VALUES = {
    **STEP, **STIFF_SMALL, **SOFT_LARGE, "HS.volume": 1e-5, "HS.entropy": 40.0, "HS.enthalpy": 7e3,
    "LS.thermal_expansion": 1.5e-4, "HS.thermal_expansion": 2e-4, "LS.debye_temperature": 170.0,
    "HS.debye_temperature": 150.0, "crystal.debye_modes": 6.0, "LS-HS.interaction_pressure_slope": 1e-6,
    "LS-HS.interaction_temperature_slope": -2.0,
}  # fmt: skip
T, P = np.array([60.0, 120.0, 180.0, 210.0, 260.0, 400.0]), 4e8


def minimum(values=FULL_VALUES, temperature=T, pressure=P):
    conditions = Conditions(temperature, pressure)
    return conditions, equilibrium(FULL, conditions, values).require_converged()


def energy(**where):
    conditions, x = minimum(**where)
    return free_energy(FULL, conditions, FULL_VALUES, x.x)


def test_entropy_volume_and_maxwell_of_a_crystal_with_all_terms():
    _, g_t, g_p = energy()
    hot, cold = energy(temperature=T + 1e-2), energy(temperature=T - 1e-2)
    more, less = energy(pressure=P + 1e4), energy(pressure=P - 1e4)
    np.testing.assert_allclose((hot[0] - cold[0]) / 2e-2, g_t, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose((more[0] - less[0]) / 2e4, g_p, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose((more[1] - less[1]) / 2e4, (hot[2] - cold[2]) / 2e-2, rtol=1e-4)


def test_derivatives_of_the_populations_of_a_crystal_with_all_terms():
    _, x = minimum()
    hot, cold = (minimum(temperature=T + s * 1e-2)[1] for s in (1, -1))
    more, less = (minimum(pressure=P + s * 1e4)[1] for s in (1, -1))
    np.testing.assert_allclose((hot.x - cold.x) / 2e-2, x.x_t, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose((hot.x_t - cold.x_t) / 2e-2, x.x_tt, rtol=1e-4, atol=1e-10)
    np.testing.assert_allclose((more.x - less.x) / 2e4, x.x_p, rtol=1e-5, atol=1e-16)
    for k, name in enumerate(x.parameter_names):
        h = 1e-4 * abs(FULL_VALUES[name])
        high, low = (minimum(FULL_VALUES | {name: FULL_VALUES[name] + s * h})[1] for s in (1, -1))
        for found, exact in (
            ((high.x - low.x) / (2 * h), x.x_theta[:, k]),
            ((high.x_t - low.x_t) / (2 * h), x.x_t_theta[:, k]),
        ):
            np.testing.assert_allclose(found, exact, rtol=0, atol=2e-5 * np.max(np.abs(exact)), err_msg=name)


def test_gradient_of_the_free_energy_in_the_parameters():
    conditions, x = minimum()
    gradient = free_energy_gradient(FULL, conditions, FULL_VALUES, x.x)
    for k, name in enumerate(FULL.parameters.names):
        h = 1e-4 * abs(FULL_VALUES[name])
        high, low = (
            free_energy(FULL, conditions, FULL_VALUES | {name: FULL_VALUES[name] + s * h}, x.x)[0] for s in (1, -1)
        )
        exact = gradient[:, k]
        np.testing.assert_allclose((high - low) / (2 * h), exact, rtol=0, atol=1e-5 * np.max(np.abs(exact)))


# what is refused


@pytest.mark.parametrize(
    ("term", "changes", "error", "message"),
    [
        (CompressibleVolume(), {"HS.volume": 1e-5}, EquationOfStateError, "build the term with differences=True"),
        (CompressibleVolume(differences=True), {}, EquationOfStateError, "HS.volume is counted from LS"),
        (CompressibleVolume(), {"HS.bulk_modulus": -1e9}, EquationOfStateError, "state HS: birch_murnaghan_3: bulk"),
        (CompressibleVolume(), {"LS.volume": 0.0}, EquationOfStateError, "state LS: birch_murnaghan_3: volume must"),
        (CompressibleVolume(), {"HS.bulk_modulus_derivative": -6.0}, EquationOfStateError, "2 GPa lies at or past the"),
        (CompressibleVolume(), {"HS.volume": np.nan}, ValueError, "HS.volume must be a finite number"),
    ],
)  # fmt: skip
def test_values_that_make_no_crystal(term, changes, error, message):
    model = crystal(term)
    with pytest.raises(error) as caught:
        coefficients(model, Conditions(200.0, 2e9 + AMBIENT_PRESSURE), REENTRANT | changes)
    assert message in str(caught.value)


def test_expansion_that_leaves_no_volume():
    model = crystal(CompressibleVolume(expansion_from=300.0))
    values = REENTRANT | {"LS.thermal_expansion": 1e-4, "HS.thermal_expansion": 5e-3}
    with pytest.raises(EquationOfStateError, match=r"HS\.thermal_expansion 0\.005 1/K leaves no volume at 90 K"):
        coefficients(model, Conditions([250.0, 90.0]), values)


def test_terms_that_cannot_be_built():
    with pytest.raises(EquationOfStateError, match="'birch' is unknown; there are"):
        CompressibleVolume("birch")
    with pytest.raises(ModelError, match="expansion_from must be above 0 K"):
        CompressibleVolume(expansion_from=0.0)
    with pytest.raises(ModelError, match=r"two contributions both own HS\.volume"):
        crystal(CompressibleVolume(), PressureVolume("HS"))
