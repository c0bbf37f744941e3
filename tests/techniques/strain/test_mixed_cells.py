"""Cells of a crystal in which molecules switch: derivatives, and lattice and switching told apart."""

from dataclasses import replace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.structure import CellSeries
from labile.core.units import QUANTITIES
from labile.models.equilibrium import equilibrium
from labile.models.library import build
from labile.models.observable import Observable
from labile.techniques.strain import (
    CellLength,
    CellVolume,
    StrainError,
    compressibility_parts,
    expansion_parts,
    reduce_cell_length,
    reduce_cell_volume,
)

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


def test_cells_become_measurements():
    cells = np.array([[7e-10, 8e-10, 9e-10, 90, 100, 90]] * 3)
    sigma = np.tile([1e-13, 2e-13, 3e-13, 0, 0.01, 0], (3, 1))
    series = CellSeries("x", Conditions([100.0, 200.0, 300.0]), cells, sigma)
    edge = reduce_cell_length(series, edge="b", sample="crystal")
    assert (edge.quantity, edge.sample) == ("cell_length", "crystal")
    assert edge.sigma == pytest.approx(np.full(3, 2e-13))
    volume = reduce_cell_volume(series)
    assert volume.sigma == pytest.approx(series.sigma_volumes, rel=1e-9)
    unknown = reduce_cell_volume(CellSeries("x", series.conditions, cells))
    assert unknown.sigma is None
    assert "not stated" in unknown.provenance.steps[-1]
    with pytest.raises(StrainError, match=r"s\.u\. of the edge a is 0"):
        reduce_cell_length(CellSeries("x", series.conditions, cells, 0 * sigma))


def test_the_joint_fit_finds_the_cells_of_the_states(crystal):
    """Simulated edges of a switching crystal, fitted with the populations known."""
    from labile.inference.joint_fit import fit_jointly
    from labile.inference.joint_problem import JointProblem, joint_parameters
    from labile.inference.objective import Objective

    kelvin = np.linspace(150.0, 350.0, 30)
    conditions = Conditions(kelvin)
    exact = CellLength().predict(crystal(conditions), conditions, VALUES).values
    noisy = exact + 2e-14 * np.random.default_rng(0).normal(size=30)
    cells = np.stack([noisy, *[np.full(30, v) for v in (8e-10, 9e-10, 90.0, 90.0, 90.0)]], axis=1)
    sigma = np.tile([2e-14, 1e-14, 1e-14, 0, 0, 0], (30, 1))
    measured = reduce_cell_length(CellSeries("simulated", conditions, cells, sigma))
    model = build("slichter_drickamer", STATES)
    objective = Objective(label="a", observable=CellLength(), measurement=measured, statement=None, technique="strain")
    known = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "LS-HS.interaction": 2e3}
    parameters = joint_parameters(model, (objective,))
    changes = [replace(parameters[name], value=value, fixed=True) for name, value in known.items()]
    for name in ("LS.cell_a", "HS.cell_a", "LS.expansion_a", "HS.expansion_a"):
        changes.append(replace(parameters[name], value=7.1e-10 if "cell" in name else 0.0, fixed=False))
    found = fit_jointly(JointProblem(model, (objective,), parameters.updated(changes)), starts=1)
    for name in ("LS.cell_a", "HS.cell_a", "LS.expansion_a", "HS.expansion_a"):
        assert abs(found.result.value(name) - VALUES[name]) < 4 * found.result.sigma_of(name)
    assert found.result.sigma_of("HS.cell_a") < 1e-13


def test_refusals():
    with pytest.raises(StrainError, match="edge must be a, b or c"):
        CellLength(edge="d")
    with pytest.raises(StrainError, match="above 0 K"):
        CellVolume(reference_temperature=0.0)
