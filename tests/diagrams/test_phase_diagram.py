"""Lines of phase diagrams: closed forms, and agreement with dense grids of minima."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.diagrams.axes import DiagramError
from labile.diagrams.phase_diagram import phase_diagram
from labile.models.equilibrium import find_minima, free_energy
from labile.models.library import LS_HS, build, real_bolvin_dinuclear, slichter_drickamer
from labile.models.phases import phase_boundaries, phases_of
from labile.models.transitions import slichter_drickamer_temperature

SD = slichter_drickamer()
LOOP = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3}
KBAR = 1e8


def spinodals_at(found, pressure):
    rows = [(t, line.state, line.ends_on) for line in found.of_kind("spinodal") for t in line.temperatures_at(pressure)]
    return sorted(rows)


@pytest.mark.parametrize(
    ("enthalpy", "entropy", "gamma", "up", "down"),
    [(8e3, 50.0, 4e3, 169.203, 145.470), (15e3, 60.0, 6e3, 260.409, 235.168)],
    ids=["T3", "T4"],
)
def test_spinodals_of_two_states(enthalpy, entropy, gamma, up, down):
    values = {"HS.enthalpy": enthalpy, "HS.entropy": entropy, "HS.volume": 1e-5, "LS-HS.interaction": gamma}
    found = phase_diagram(SD, values, (100.0, 320.0), (0.0, 3 * KBAR), scan_points=(25, 9))
    (low, high) = spinodals_at(found, AMBIENT_PRESSURE)
    assert low == (pytest.approx(down, abs=1e-3), "HS", "cooling")
    assert high == (pytest.approx(up, abs=1e-3), "LS", "heating")


def test_lines_of_two_states_against_closed_forms():
    found = phase_diagram(SD, LOOP, (200.0, 450.0), (0.0, 10 * KBAR))
    (coexistence,) = found.of_kind("coexistence")
    assert coexistence.label == "LS ⇌ HS"
    at = coexistence.pressure - AMBIENT_PRESSURE
    assert coexistence.temperature == pytest.approx((15e3 + 1e-5 * at) / 60.0, rel=1e-9)
    # Clapeyron, T6: 16.667 K/kbar
    slope = np.diff(coexistence.temperature) / np.diff(coexistence.pressure) * KBAR
    assert slope == pytest.approx(np.full(slope.size, 1000.0 / 60.0), rel=1e-6)
    # the line ends where 2 R T1/2(P_c) = Gamma
    (critical,) = found.points
    t_c = 6e3 / (2 * GAS_CONSTANT)
    assert critical.kind == "critical point"
    assert critical.temperature == pytest.approx(t_c, rel=1e-7)
    assert critical.pressure - AMBIENT_PRESSURE == pytest.approx((t_c * 60.0 - 15e3) / 1e-5, rel=1e-7)
    assert set(coexistence.ends) == {"critical point", "lower edge of the window in pressure"}
    assert max(coexistence.temperature) == pytest.approx(t_c, rel=1e-7)
    (gradual,) = found.of_kind("gradual")
    assert gradual.temperature == pytest.approx((15e3 + 1e-5 * (gradual.pressure - AMBIENT_PRESSURE)) / 60.0, rel=1e-9)
    assert set(gradual.ends) == {"critical point", "upper edge of the window in pressure"}
    # T5: 1.459 kbar at 250 K for these parameters, and the closed form of the spinodals
    widths = [p for line in found.of_kind("spinodal") for p in line.pressures_at(260.0)]
    s = np.sqrt(1 - 2 * GAS_CONSTANT * 260.0 / 6e3)
    closed = 2 / 1e-5 * (6e3 * s - GAS_CONSTANT * 260.0 * np.log((1 + s) / (1 - s)))
    n = 0.5 * (1 - s)
    loading = (260 * 60.0 - 15e3 - 6e3 * (1 - 2 * n) - GAS_CONSTANT * 260 * np.log(n / (1 - n))) / 1e-5
    lower = (260 * 60.0 - 15e3 + 6e3 * (1 - 2 * n) + GAS_CONSTANT * 260 * np.log(n / (1 - n))) / 1e-5
    inside = [p for p in sorted((loading, lower)) if p + AMBIENT_PRESSURE > 0]
    assert np.sort(widths) - AMBIENT_PRESSURE == pytest.approx(inside, rel=1e-8)
    assert abs(loading - lower) == pytest.approx(closed, rel=1e-9)


def test_pressure_hysteresis_t5():
    values = {**LOOP, "HS.enthalpy": 12e3}
    found = phase_diagram(SD, values, (200.0, 300.0), (0.0, 8 * KBAR))
    (low, high) = sorted(p for line in found.of_kind("spinodal") for p in line.pressures_at(250.0))
    assert (high - low) / KBAR == pytest.approx(1.459, abs=1e-3)


def test_hidden_island_of_the_high_spin_state():
    values = {"HS.enthalpy": 3e3, "HS.entropy": 20.0, "HS.volume": 1e-6, "LS-HS.interaction": 3500.0}
    found = phase_diagram(SD, values, (5.0, 300.0), (0.0, 20 * KBAR))
    rows = spinodals_at(found, AMBIENT_PRESSURE)
    assert [row[1:] for row in rows] == [("HS", "heating"), ("HS", "cooling"), ("LS", "heating")]
    assert [row[0] for row in rows] == pytest.approx([34.33, 97.66, 163.09], abs=0.01)


def minima_changes(model, values, pressure, temperature):
    """Temperatures between which the number of minima, or the lowest of them, changes on a dense grid."""
    found = find_minima(model, Conditions(temperature, np.full(temperature.size, pressure)), values)
    middle = 0.5 * (temperature[1:] + temperature[:-1])
    lowest = found.x[:, 0].copy()
    if len(model.state_names) == 4:
        # images of an ordered minimum are one
        lowest[:, 1:3] = np.sort(lowest[:, 1:3], axis=1)
    step = np.max(np.abs(np.diff(lowest, axis=0)), axis=1)
    share = model.upper_share(found.x[:, 0]) - 0.5
    crossed = (share[1:] > 0) != (share[:-1] > 0)
    jumped = step > 0.05
    return middle[np.diff(found.count) != 0], middle[jumped], middle[crossed & ~jumped]


ELECTRON = build(
    "electron_transfer", (State("L", 0), State("H", 2), State("V", 2)), form="regular_solution", volumes="constant"
)
DINUCLEAR = real_bolvin_dinuclear()
LINEAR = build("slichter_drickamer", LS_HS, volumes="linear")
STAGGERED = {
    "site.enthalpy": 8e3, "site.entropy": 50.0, "site.volume": 1e-5, "molecule.volume": 0.0,
    "molecule.intramolecular_interaction": -1500.0, "site.interaction": 1000.0,
    "molecule.staggered_interaction": 2500.0, "molecule.staggered_interaction_pressure_slope": -2e-6,
}  # fmt: skip
THREE = {
    "H.enthalpy": 8e3, "H.entropy": 80.0, "H-V.enthalpy": 6e3, "H-V.entropy": 30.0, "L-H.interaction": 3e3,
    "H-V.interaction": 5e3, "H.volume": 1e-5, "H-V.volume": 5e-6,
}  # fmt: skip
REENTRANT = {**LOOP, "HS.volume": 2e-5, "HS.volume_slope": -4e-14}
CASES = {
    "two states": (SD, LOOP, (150.0, 450.0), (0.0, 10 * KBAR), 0.2),
    "negative volume": (SD, {**LOOP, "HS.volume": -1e-5}, (60.0, 300.0), (0.0, 12 * KBAR), 0.2),
    "re-entrant": (LINEAR, REENTRANT, (150.0, 400.0), (0.0, 12 * KBAR), 0.2),
    "three states": (ELECTRON, THREE, (40.0, 400.0), (0.0, 10 * KBAR), 0.3),
    "two sites": (DINUCLEAR, STAGGERED, (40.0, 380.0), (0.0, 10 * KBAR), 0.3),
}


@pytest.mark.parametrize("case", CASES)
def test_every_line_agrees_with_a_dense_grid(case):
    model, values, temperature, pressure, step = CASES[case]
    found = phase_diagram(model, values, temperature, pressure)
    grid = np.arange(temperature[0], temperature[1], step)
    for part in (0.03, 0.21, 0.48, 0.77, 0.96):
        at = pressure[0] + part * (pressure[1] - pressure[0])
        counts, jumps, halves = minima_changes(model, values, at, grid)

        def crossed(*kinds, stable_only=False, at=at):
            lines = [line for line in found.lines if line.kind in kinds and (line.stable or not stable_only)]
            return sorted(t for line in lines for t in line.temperatures_at(at))

        ends = crossed("spinodal", "symmetry_breaking")
        ends = [t for t in ends if grid[0] < t < grid[-1]]
        assert counts == pytest.approx(ends, abs=0.75 * step)
        assert jumps == pytest.approx(crossed("coexistence"), abs=0.75 * step)
        assert halves == pytest.approx(crossed("gradual"), abs=0.75 * step)


@pytest.mark.parametrize("case", CASES)
def test_free_energies_are_equal_on_coexistence_lines(case):
    model, values, temperature, pressure, _ = CASES[case]
    found = phase_diagram(model, values, temperature, pressure, scan_points=(25, 17))
    assert found.of_kind("coexistence")
    for line in found.of_kind("coexistence"):
        conditions = Conditions(line.temperature, line.pressure)
        g = [free_energy(model, conditions, values, line.populations[:, k])[0] for k in range(2)]
        assert np.max(np.abs(g[0] - g[1])) < 1e-6


def test_reentrant_line_turns_in_temperature():
    found = phase_diagram(LINEAR, REENTRANT, (150.0, 400.0), (0.0, 12 * KBAR))
    (line,) = found.of_kind("coexistence")
    # T1/2 = (dH + dV p + dV' p^2/2)/dS has its maximum where the volume difference changes sign
    p = line.pressure - AMBIENT_PRESSURE
    assert line.temperature == pytest.approx((15e3 + 2e-5 * p - 2e-14 * p**2) / 60.0, rel=1e-9)
    assert p[np.argmax(line.temperature)] == pytest.approx(5 * KBAR, rel=0.05)
    assert max(line.temperature) > max(line.temperature[[0, -1]]) + 50


def test_closed_pocket_of_two_minima():
    """A pocket of hysteresis that closes on itself: T1/2(P) is lower than Gamma/2R between two pressures only."""
    values = {**LOOP, "LS-HS.interaction": 4000.0, "HS.volume": -2e-5, "HS.volume_slope": 4e-14}
    found = phase_diagram(LINEAR, values, (100.0, 400.0), (0.0, 12 * KBAR))
    (line,) = found.of_kind("coexistence")
    assert line.ends == ("critical point", "critical point")
    t_c = 4000.0 / (2 * GAS_CONSTANT)
    roots = np.roots([2e-14, -2e-5, 15e3 - 60.0 * t_c]) + AMBIENT_PRESSURE
    assert sorted(p.pressure for p in found.points) == pytest.approx(sorted(roots), rel=1e-6)
    assert {p.kind for p in found.points} == {"critical point"}
    assert len(found.of_kind("gradual")) == 2


def test_order_of_two_sites_against_its_closed_condition():
    found = phase_diagram(DINUCLEAR, STAGGERED, (40.0, 380.0), (0.0, 10 * KBAR))
    lines = found.of_kind("symmetry_breaking")
    assert any(line.stable for line in lines)
    for line in lines:
        staggered = 2500.0 - 2e-6 * (line.pressure - AMBIENT_PRESSURE)
        mixed = line.populations[:, 1] + line.populations[:, 2]
        assert mixed == pytest.approx(GAS_CONSTANT * line.temperature / (2 * staggered), rel=1e-8)
    points = [p for p in found.points if p.kind == "tricritical point"]
    assert len(points) == 2
    # first-order lines end at the tricritical points
    assert all("tricritical point" in line.ends for line in found.of_kind("coexistence"))


def test_structural_phases_against_their_boundaries():
    crystal = phases_of({"I": slichter_drickamer(), "II": slichter_drickamer()})
    values = {**LOOP, "II.enthalpy": -400.0, "II.entropy": -2.0, "II.volume": -1e-7, "II/HS.enthalpy": 14e3}
    found = phase_diagram(crystal, values, (100.0, 400.0), (0.0, 10 * KBAR))
    at = 4 * KBAR
    lines = sorted((t, line.label) for line in found.of_kind("coexistence") for t in line.temperatures_at(at))
    expected = phase_boundaries(crystal, values, (100.0, 400.0), pressure=at)
    assert [row[0] for row in lines] == pytest.approx([row[0] for row in expected], rel=1e-7)
    assert [row[1] for row in lines] == [f"{low} ⇌ {high}" for _, low, high in expected]


def test_a_window_without_boundaries_says_so():
    found = phase_diagram(SD, LOOP, (20.0, 60.0), (5 * KBAR, 8 * KBAR), scan_points=(9, 9))
    assert [line for line in found.lines if line.kind != "spinodal"] == []
    found = phase_diagram(SD, {**LOOP, "LS-HS.interaction": 0.0}, (20.0, 60.0), (0.0, KBAR), scan_points=(9, 9))
    assert found.lines == ()
    assert found.notes[0] == "no boundary in the window"


@pytest.mark.parametrize(
    ("temperature", "pressure", "says"),
    [((0.0, 100.0), (0.0, 1e8), "above 0 K"), ((50.0, 100.0), (-1e8, 1e8), "not negative"),
     ((100.0, 50.0), (0.0, 1e8), "must rise"), ((50.0, 100.0), (np.nan, 1e8), "must rise")],
)  # fmt: skip
def test_bad_windows(temperature, pressure, says):
    with pytest.raises(DiagramError, match=says):
        phase_diagram(SD, LOOP, temperature, pressure)


def test_upper_end_of_trapped_states_is_no_line():
    """Past the pressure-independent bound no lower limit of the high-spin state exists, and none is drawn."""
    values = {"HS.enthalpy": 2e3, "HS.entropy": 20.0, "HS.volume": 1e-9, "LS-HS.interaction": 6e3}
    found = phase_diagram(SD, values, (5.0, 360.0), (0.0, KBAR), scan_points=(25, 5))
    t = slichter_drickamer_temperature(np.linspace(0.5, 0.9999, 4000), enthalpy=2e3, entropy=20.0, interaction=6e3)
    assert np.all(np.diff(t[np.isfinite(t)]) != 0)
    assert [(line.state, line.ends_on) for line in found.of_kind("spinodal")] == [("LS", "heating")]


def test_lines_of_broken_symmetry_are_drawn_once_and_meet_in_a_triple_point():
    """A curve that runs on through the image of its minimum must not be a second line (found by random models)."""
    values = {
        "site.enthalpy": 9941.0, "site.entropy": 51.94, "site.volume": -7.594e-6, "molecule.volume": 6.45e-7,
        "molecule.intramolecular_interaction": -288.0, "site.interaction": 2471.7,
        "molecule.staggered_interaction": 2410.5, "molecule.staggered_interaction_pressure_slope": -1.691e-6,
    }  # fmt: skip
    found = phase_diagram(DINUCLEAR, values, (40.0, 400.0), (0.0, 10 * KBAR))
    (triple,) = [point for point in found.points if point.kind == "triple point"]
    labels = sorted(line.label for line in found.of_kind("coexistence"))
    assert labels == ["LL ⇌ HH", "LL ⇌ ordered LH/HL", "ordered LH/HL ⇌ HH"]
    assert all("triple point" in line.ends for line in found.of_kind("coexistence"))
    # three minima of equal G
    minima = find_minima(DINUCLEAR, Conditions(triple.temperature, triple.pressure), values)
    assert minima.energy[0, 3] - minima.energy[0, 0] == pytest.approx(0.0, abs=1e-3)
    assert len([line for line in found.of_kind("spinodal") if line.label == "limit of HH on cooling"]) == 1
