"""Cells of a crystal in which molecules switch: derivatives, and lattice and switching told apart."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.units import QUANTITIES
from labile.models.equilibrium import equilibrium
from labile.models.library import build
from labile.models.observable import Observable
from labile.techniques.strain import CellLength, CellVolume, StrainError, compressibility_parts, expansion_parts

STATES = (State("LS", 0), State("HS", 2))
VALUES = {
    "LS.cell_a": 7.00e-10, "HS.cell_a": 6.85e-10, "LS.expansion_a": 1e-5, "HS.expansion_a": 2e-5,
    "LS.compressibility_a": 2e-11, "HS.compressibility_a": 3e-11,
}  # fmt: skip


@pytest.fixture(scope="module")
def crystal():
    """A crystal whose low-spin cell is longer along a, so that pressure makes it grow there."""
    model = build("slichter_drickamer", STATES)
    values = {p.name: p.value for p in model.parameters}
    values |= {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "LS-HS.interaction": 2e3, "HS.volume": 12e-6}

    def populations(conditions):
        return equilibrium(model, conditions, values)

    return populations


def test_it_is_an_observable():
    for one in (CellLength(), CellLength(edge="c"), CellVolume()):
        assert isinstance(one, Observable)
        assert one.quantity in QUANTITIES
        assert all(p.quantity in QUANTITIES for p in one.parameters(STATES))
    assert [p.free for p in CellVolume().parameters(STATES)] == [True, True, False, False, False, False]


def test_derivatives(crystal):
    conditions = Conditions([200.0, 250.0, 300.0], 2e8)
    populations = crystal(conditions)
    found = CellLength().predict(populations, conditions, VALUES)
    for name, column in found.d_own.items():
        step = 1e-4 * (VALUES[name] or 1e-5)
        moved = [VALUES | {name: VALUES[name] + s * step} for s in (-1, 1)]
        sides = [CellLength().predict(populations, conditions, one).values for one in moved]
        assert column == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-7)
    warm = [
        CellLength().predict(populations, conditions.at_temperature(conditions.temperature + s), VALUES).values
        for s in (-0.1, 0.1)
    ]
    assert found.d_temperature == pytest.approx((warm[1] - warm[0]) / 0.2, rel=1e-6)


def test_negative_compressibility_from_switching(crystal):
    """The lattice shrinks in both states; the crystal grows along a where pressure switches it."""
    conditions = Conditions(250.0, np.array([0.5e8, 1e8, 2e8]))
    populations = crystal(conditions)
    parts = compressibility_parts(CellLength(), populations, conditions, VALUES)
    assert np.all(parts.lattice > 1.9e-11)
    assert np.all(parts.switching < 0)
    assert parts.total[0] < 0
    step = 1e5
    ends = []
    for s in (-1, 1):
        moved = Conditions(250.0, conditions.pressure + s * step)
        ends.append(CellLength().predict(crystal(moved), moved, VALUES).values)
    here = CellLength().predict(populations, conditions, VALUES).values
    assert parts.total == pytest.approx(-(ends[1] - ends[0]) / (2 * step) / here, rel=1e-5)


def test_expansion_parts(crystal):
    conditions = Conditions([240.0, 250.0, 260.0])
    parts = expansion_parts(CellLength(), crystal(conditions), conditions, VALUES)
    assert np.all(parts.lattice > 0)
    assert np.all(parts.switching < 0)  # HS is shorter along a: negative thermal expansion where it switches
    ends = []
    for s in (-0.01, 0.01):
        moved = conditions.at_temperature(conditions.temperature + s)
        ends.append(CellLength().predict(crystal(moved), moved, VALUES).values)
    here = CellLength().predict(crystal(conditions), conditions, VALUES).values
    assert parts.total == pytest.approx((ends[1] - ends[0]) / 0.02 / here, rel=1e-5)


def test_refusals():
    with pytest.raises(StrainError, match="edge must be a, b or c"):
        CellLength(edge="d")
    with pytest.raises(StrainError, match="above 0 K"):
        CellVolume(reference_temperature=0.0)
