"""Maps of structural phases: exact limits, and what is said of observations."""

import numpy as np
import pytest

from labile.core.constants import AMBIENT_PRESSURE
from labile.diagrams.axes import DiagramError
from labile.diagrams.experimental_points import ExperimentalPoint
from labile.diagrams.phase_diagram import phase_diagram
from labile.diagrams.phase_map import judge_in_phases, phase_map
from labile.models.library import van_t_hoff
from labile.models.phases import phases_of

CRYSTAL = phases_of({"I": van_t_hoff(), "II": van_t_hoff()})
# HS so high that both phases are LS: the boundary is dH/dS, with the slope dV/dS
VALUES = {"HS.enthalpy": 2e5, "HS.entropy": 60.0, "HS.volume": 0.0}
VALUES |= {"II.enthalpy": -1500.0, "II.entropy": -8.0, "II.volume": -1e-6}


def test_phases_without_switching_meet_at_the_ratio_of_enthalpy_and_entropy():
    t = np.linspace(150.0, 300.0, 301)
    p = AMBIENT_PRESSURE + np.array([0.0, 2e8])
    found = phase_map(CRYSTAL, VALUES, t, p)
    boundary = t[np.argmax(found.phase == 0, axis=0)]
    # (1500 + 1e-6 * 2e8)/8
    assert boundary == pytest.approx([187.5, 212.5], abs=0.5)
    lines = phase_diagram(CRYSTAL, VALUES, (150.0, 300.0), (0.0, 3e8)).of_kind("coexistence")
    assert np.interp(p, lines[0].pressure, lines[0].temperature) == pytest.approx([187.5, 212.5], abs=1e-6)
    k = int(np.argmin(np.abs(t - 200.0)))
    # |1500 - 8*200| J/mol
    assert found.margin[k, 0] == pytest.approx(100.0, abs=1e-6)
    dataset = found.to_xarray()
    assert list(dataset.entry.values) == ["LS in I", "HS in I", "LS in II", "HS in II"]
    assert float(dataset.population.sum("entry").min()) == pytest.approx(1.0, abs=1e-9)


def test_observations_are_judged_by_phase_and_state():
    seen = [
        ExperimentalPoint("a", 250.0, phase="I", states=("LS",)),
        ExperimentalPoint("b", 150.0, phase="I"),
        ExperimentalPoint("c", 150.0, phase="II", states=("HS",)),
        ExperimentalPoint("d", 150.0, phase="II", states=("HS",), light=True),
        ExperimentalPoint("e", 150.0, states=("LS",)),
        ExperimentalPoint("f", 150.0),
    ]
    found = judge_in_phases(CRYSTAL, VALUES, seen)
    verdicts = [one.verdict for one in found]
    assert verdicts == ["stable", "metastable", "impossible", "kinetic", "stable", "not assigned"]
    # 1500 - 8*150
    assert found[1].excess == pytest.approx(300.0, abs=1e-6)
    assert "300 J/mol above phase II" in found[1].text


@pytest.mark.parametrize(
    ("point", "says"),
    [
        (ExperimentalPoint("a", 250.0, phase="III"), "none of I, II"),
        (ExperimentalPoint("a", 250.0, states=("X",)), "none of HS, LS"),
    ],
)
def test_unknown_phases_and_states_are_refused(point, says):
    with pytest.raises(DiagramError, match=says):
        judge_in_phases(CRYSTAL, VALUES, [point])


def test_impossible_conditions_are_refused():
    with pytest.raises(DiagramError, match="above 0 K"):
        phase_map(CRYSTAL, VALUES, [0.0, 100.0], [0.0])
