"""Structural phases: the lowest is stable, paths remember, labels are checked."""

import numpy as np
import pytest

from labile.core.conditions import Conditions, Path
from labile.core.constants import AMBIENT_PRESSURE
from labile.models.equilibrium import equilibrium
from labile.models.free_energy import ModelError
from labile.models.library import real_bolvin_dinuclear, slichter_drickamer
from labile.models.phases import (
    Phases,
    PhaseTransition,
    evolve_phases,
    phase_boundaries,
    phase_equilibrium,
    phases_of,
)

SHARED = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 2e3}
TWO = SHARED | {"II.enthalpy": -400.0, "II.entropy": -2.0, "II.volume": 3e-6}


def crystal(*transitions):
    return phases_of({"I": slichter_drickamer(), "II": slichter_drickamer()}, transitions)


def test_phases_that_switch_alike_are_separated_by_their_own_enthalpy_and_entropy():
    ((temperature, below, above),) = phase_boundaries(crystal(), TWO, (50.0, 400.0))
    assert temperature == pytest.approx(200.0, rel=1e-8)
    assert (below, above) == ("II", "I")
    # Clapeyron: dT/dP = dV/dS of I minus II = -3e-6/2
    ((moved, _, _),) = phase_boundaries(crystal(), TWO, (50.0, 400.0), pressure=AMBIENT_PRESSURE + 1e7)
    assert moved - temperature == pytest.approx(-1.5e-6 * 1e7, rel=1e-6)


def test_populations_are_those_of_the_phase():
    values = TWO | {"II/HS.enthalpy": 9e3}
    conditions = Conditions(np.linspace(60.0, 300.0, 25))
    found = phase_equilibrium(crystal(), conditions, values)
    alone = equilibrium(slichter_drickamer(), conditions, SHARED | {"HS.enthalpy": 9e3})
    np.testing.assert_allclose(found.populations[1].x, alone.x, atol=1e-12)
    in_two = found.phase == 1
    np.testing.assert_allclose(found.of("HS", "II")[in_two], alone.of("HS")[in_two], atol=1e-12)
    np.testing.assert_array_equal(found.of("HS", "II")[~in_two], 0.0)
    total = sum(found.of(state, phase) for state, phase in found.phases.entries)
    np.testing.assert_allclose(total, 1.0, atol=1e-9)


def test_a_barrier_opens_a_loop():
    """G_II - G_I = 2 (T - 200): with a barrier of 40 J/mol each way the phases change at 220 and 180 K."""
    both = crystal(PhaseTransition("I", "II", 40.0), PhaseTransition("II", "I", 40.0))
    temperature = np.linspace(150.5, 250.5, 101)
    up = evolve_phases(both, Path(Conditions(temperature)), TWO)
    down = evolve_phases(both, Path(Conditions(temperature[::-1])), TWO)
    assert up.labels[0] == "II"
    np.testing.assert_array_equal(up.phase == 0, temperature > 220.0)
    np.testing.assert_array_equal(down.phase == 1, temperature[::-1] < 180.0)


def test_a_transition_that_is_not_stated_does_not_happen():
    one_way = crystal(PhaseTransition("I", "II"))
    up = evolve_phases(one_way, Path.heating(150.0, 250.0, 51), TWO)
    assert set(up.labels) == {"II"}


def test_the_same_electronic_state_in_two_phases_are_two_entries():
    """Prepared in the photo-induced phase, HS-HS stays there while it is metastable."""
    dinuclear = phases_of(
        {"I": real_bolvin_dinuclear(), "photo": slichter_drickamer(real_bolvin_dinuclear().states[::3])}
    )
    assert ("HH", "I") in dinuclear.entries
    assert ("HH", "photo") in dinuclear.entries
    values = dict.fromkeys(dinuclear.parameters.names, 0.0) | {
        "site.enthalpy": 6e3, "site.entropy": 50.0, "HH.enthalpy": -500.0, "HH.entropy": 5.0, "photo.enthalpy": 6e3,
    }  # fmt: skip
    fixed = Phases(dinuclear.labels, dinuclear.models, (PhaseTransition("photo", "I", 1e5),))
    kept = evolve_phases(fixed, Path(Conditions([20.0, 30.0]), start="HH"), values, start="photo")
    assert kept.labels == ["photo", "photo"]
    assert kept.of("HH", "photo")[0] > 0.9
    assert kept.of("HH", "I")[0] == 0.0
    assert phase_equilibrium(fixed, Conditions([20.0]), values).labels == ["I"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: Phases(("I", "I"), (m, m)), "two phases have the label 'I'"),
        (lambda m: Phases(("HS", "I"), (m, m)), "'HS' is the label of a phase and the name of a state"),
        (lambda m: Phases(("I",), (m, m)), "1 labels and 2 models"),
        (lambda m: Phases(("a.b", "I"), (m, m)), "must not be empty or contain"),
        (lambda m: Phases(("I", "II"), (m, m), (PhaseTransition("I", "III"),)), "'III' is none of I, II"),
        (lambda m: PhaseTransition("I", "I"), "needs two phases"),
        (lambda m: phase_equilibrium(crystal(), Conditions(100.0), TWO | {"V/HS.enthalpy": 1.0}), "names no parameter"),
        (lambda m: evolve_phases(crystal(), Path(Conditions([100.0])), TWO, start="IX"), "start 'IX' is none of"),
    ],
)
def test_what_phases_may_not_be(make, message):
    with pytest.raises(ModelError, match=message):
        make(slichter_drickamer())
