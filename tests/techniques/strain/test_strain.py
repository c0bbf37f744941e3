"""Strain against published values, exact relations and Monte Carlo."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.cell import StructureError, orthogonalisation
from labile.core.conditions import Conditions
from labile.core.structure import CellSeries
from labile.techniques.strain import (
    KINDS,
    StrainError,
    compressibility,
    crystal_directions,
    fit_expansion_law,
    fit_line,
    indicatrix,
    is_negative,
    plane_angle,
    principal_strain,
    reference_row,
    section,
    spontaneous_strain,
    strain_from_gradient,
    strain_series,
    thermal_expansion,
    varying_parameters,
)
from labile.techniques.strain.spontaneous import cell_discontinuities, discontinuity
from labile.techniques.strain.tensor import FRAME_INDEPENDENT, strain_derivative

DATA = Path(__file__).parents[2] / "data" / "lattice"
TRICLINIC = np.array([[7.1e-10, 9.3e-10, 11.2e-10, 81, 97, 104], [7.3e-10, 9.2e-10, 11.6e-10, 83, 94.5, 107]])


def table(name):
    return np.loadtxt(DATA / name)


def cobaltate(sigma=None):
    rows = table("PASCal_T_input.tsv")
    cells = rows[:, 2:] * np.array([1e-10, 1e-10, 1e-10, 1, 1, 1])
    return CellSeries("cobaltate", Conditions(rows[:, 0], sigma_temperature=rows[:, 1]), cells, sigma)


def pressed():
    rows = table("PASCal_p_input.tsv")
    cells = rows[:, 2:] * np.array([1e-10, 1e-10, 1e-10, 1, 1, 1])
    return CellSeries("pressed", Conditions(300.0, rows[:, 0] * 1e9, sigma_pressure=rows[:, 1] * 1e9), cells)


def pair(cells=TRICLINIC, sigma=None, covariance=None):
    return CellSeries("pair", Conditions([100.0, 200.0]), cells, sigma, covariance)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("pascal", (-22.6445, 30.0340, 13.0559)),
        ("eulerian", (-22.8020, 29.8440, 12.9752)),
        ("lagrangian", (-22.5495, 30.2263, 13.0751)),
        ("hencky", (-22.6753, 30.0344, 13.0250)),
    ],
)
def test_principal_expansion_of_the_published_series(kind, expected):
    found = thermal_expansion(cobaltate(), kind=kind, weighting="pascal", follow="second")
    assert found.kind == kind
    assert found.coefficients * 1e6 == pytest.approx(np.array(expected), abs=1e-4)


def test_everything_published_with_it():
    found = thermal_expansion(cobaltate(), kind="pascal", weighting="pascal", follow="second")
    assert found.sigma * 1e6 == pytest.approx(np.array([2.6971, 1.5946, 2.6702]), abs=1e-4)
    assert (found.volume * 1e6, found.sigma_volume * 1e6) == pytest.approx((20.4329, 2.6284), abs=1e-4)
    axes = table("PASCal_T_principal_axes.tsv")
    mine = found.principal.crystal_directions
    for row, published in enumerate(axes, 1):
        assert mine[row].T.ravel() == pytest.approx(published[1:], abs=1e-4)
    lengths = table("PASCal_T_delta_length.tsv")
    assert 100 * found.principal.values == pytest.approx(lengths[:, 1:4], abs=6e-5)
    fitted = np.stack([line.at(lengths[:, 0])[0] for line in found.lines], axis=1)
    assert 100 * fitted == pytest.approx(lengths[:, 4:], abs=6e-5)
    volumes = table("PASCal_T_volumes.tsv")
    assert cobaltate().volumes * 1e30 == pytest.approx(volumes[:, 1], abs=6e-5)
    first = cobaltate().volumes[0]
    assert found.volume_line.at(volumes[:, 0])[0] * first * 1e30 == pytest.approx(volumes[:, 2], abs=6e-5)


def test_compressibilities_of_the_published_pressure_series():
    found = compressibility(pressed(), kind="pascal", weighting="pascal", follow="second")
    assert found.pressure == pytest.approx(0.9e9)
    # the same law from other starts; the s.u. agree to 1e-3
    assert found.coefficients * 1e12 == pytest.approx(np.array([30.5552, 27.1352, -11.5167]), abs=2e-3)
    assert found.sigma * 1e12 == pytest.approx(np.array([0.8357, 0.9392, 0.5707]), abs=2e-3)
    assert (found.volume * 1e12, found.sigma_volume * 1e12) == pytest.approx((24.4457, 1.3225), abs=1e-4)
    published = table("PASCal_p_compressibilities.tsv")
    values, _ = found.at(published[2:, 0] * 1e9)
    assert values * 1e12 == pytest.approx(published[2:, 1:4], rel=2e-3)
    with pytest.raises(StrainError, match="K diverges"):
        found.at(0.05e9)


def squeezed(gpa):
    """Edges that follow ln(a/a0) = -K P with K = 10, -5 and 20 TPa-1 from (10, 11, 12) angstrom."""
    pa = np.asarray(gpa) * 1e9
    edges = np.array([10e-10, 11e-10, 12e-10]) * np.exp(-np.outer(pa, [10e-12, -5e-12, 20e-12]))
    cells = np.hstack([edges, np.full((pa.size, 3), 90.0)])
    return CellSeries("squeezed", Conditions(298.0, pa), cells, np.tile([1e-14] * 3 + [0.0] * 3, (pa.size, 1)))


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 1, 5, 4, 2]])
def test_the_lowest_pressure_is_the_reference_whatever_the_order(order):
    sorted_series = squeezed([1e-4, 0.5, 1.0, 1.5, 2.0, 2.5])
    expected = compressibility(sorted_series, law="polynomial")
    found = compressibility(sorted_series[order], law="polynomial")
    assert found.reference_pressure == pytest.approx(1e5)
    assert found.pressure == expected.pressure
    assert found.volume == pytest.approx(expected.volume, rel=1e-12)
    assert found.coefficients == pytest.approx(expected.coefficients, rel=1e-9)
    assert found.notes[0] == "strains and V/V0 are relative to the cell at 0.0001 GPa, the lowest pressure"
    named = compressibility(sorted_series[order], law="polynomial", reference=order.index(3))
    assert named.reference_pressure == pytest.approx(1.5e9)
    assert named.volume > expected.volume


def test_a_series_without_ambient_says_so_and_takes_the_cell_at_ambient():
    whole, pressed_only = squeezed([0.0, 0.5, 1.0, 1.5, 2.0, 2.5]), squeezed([0.5, 1.0, 1.5, 2.0, 2.5])
    alone = compressibility(pressed_only, law="polynomial")
    assert "relative to the cell at 0.5 GPa, the lowest pressure, which is not ambient" in alone.notes[0]
    assert "reference_cell" in repr(alone)
    given_cell = compressibility(pressed_only, law="polynomial", reference_cell=whole.cells[0])
    assert math.isnan(given_cell.reference_pressure)
    assert given_cell.notes[0] == "strains and V/V0 are relative to the given cell"
    ratio = whole.volumes[1] / whole.volumes[0]
    assert given_cell.volume == pytest.approx(alone.volume * ratio, rel=1e-12)
    both = compressibility(whole, law="polynomial").at([1e9])[0]
    assert given_cell.at([1e9])[0] == pytest.approx(both, rel=2e-4)
    with pytest.raises(StrainError, match="both given"):
        compressibility(pressed_only, reference=0, reference_cell=whole.cells[0])
    with pytest.raises(StrainError, match="row 10"):
        compressibility(pressed_only, reference=9)


def test_kinds_in_the_triclinic_gauge_test():
    in_z = {kind: np.linalg.eigvalsh(strain_series(pair(), kind=kind).tensors[1]) for kind in KINDS}
    assert in_z["lagrangian"] == pytest.approx(np.array([-0.0315460, 0.0126954, 0.0697897]), abs=6e-8)
    assert in_z["infinitesimal"] == pytest.approx(np.array([-0.0326121, 0.0117982, 0.0668659]), abs=6e-8)
    # a along x: the QR decomposition of the cell vectors turns them there
    turned = [np.linalg.qr(axes) for axes in orthogonalisation(TRICLINIC)]
    along_x = [np.diag(np.sign(np.diag(r))) @ r for _, r in turned]
    gradient = along_x[1] @ np.linalg.inv(along_x[0])
    other = np.linalg.eigvalsh(strain_from_gradient(gradient, "infinitesimal"))
    assert other == pytest.approx(np.array([-0.0322646, 0.0121095, 0.0670750]), abs=6e-8)


angles = st.floats(75, 105)
edges = st.floats(5e-10, 20e-10)
cell = st.tuples(edges, edges, edges, angles, angles, angles)
changes = st.tuples(*[st.floats(-0.03, 0.03)] * 3, *[st.floats(-2, 2)] * 3)


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.diag(r))


@settings(max_examples=60, deadline=None)
@given(cell, changes, st.integers(0, 10**6))
def test_finite_principal_values_do_not_depend_on_the_cartesian_convention(first, change, seed):
    cells = np.array([first, first])
    cells[1] += np.array(change) * np.array([*first[:3], 1, 1, 1])
    axes = orthogonalisation(cells)
    gradient = axes[1] @ np.linalg.inv(axes[0])
    turned = rotation(seed) @ gradient @ rotation(seed + 1).T
    for kind in FRAME_INDEPENDENT:
        here, there = (np.linalg.eigvalsh(strain_from_gradient(f, kind)) for f in (gradient, turned))
        assert there == pytest.approx(here, abs=1e-12)
    trace = float(np.trace(strain_from_gradient(gradient, "hencky")))
    assert trace == pytest.approx(math.log(np.linalg.det(gradient)), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(cell, changes)
def test_material_directions_agree_between_finite_kinds(first, change):
    cells = np.array([first, first])
    cells[1] += np.array(change) * np.array([*first[:3], 1, 1, 1])
    series = pair(cells)
    values = np.linalg.eigvalsh(strain_series(series, kind="hencky").tensors[1])
    if np.min(np.diff(values)) < 1e-3:
        return
    found = {kind: principal_strain(strain_series(series, kind=kind)) for kind in FRAME_INDEPENDENT}
    for kind in ("eulerian", "hencky"):
        mine, theirs = found["lagrangian"].crystal_directions[1], found[kind].crystal_directions[1]
        assert np.abs(np.sum(mine * theirs, axis=0)) == pytest.approx(np.ones(3), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_in_the_cells_are_exact(kind):
    found = strain_series(pair(), kind=kind)
    for row, gradient in ((1, found.d_own), (0, found.d_reference)):
        for k in range(6):
            step = 1e-6 * (TRICLINIC[0, k] if k < 3 else 1.0)
            sides = []
            for sign in (-1, 1):
                cells = TRICLINIC.copy()
                cells[row, k] += sign * step
                sides.append(strain_series(pair(cells), kind=kind).tensors[1])
            numeric = (sides[1] - sides[0]) / (2 * step)
            assert gradient[1, k] == pytest.approx(numeric, rel=1e-6, abs=1e-7 * np.max(np.abs(gradient[1])))


def test_hencky_derivative_where_two_stretches_are_equal():
    change = np.random.default_rng(0).normal(size=(1, 1, 3, 3))
    gradient = np.diag([1.02, 1.02, 0.99])[None]
    exact = strain_derivative(gradient, change, "hencky")[0, 0]
    sides = [strain_from_gradient(gradient[0] + s * 1e-6 * change[0, 0], "hencky") for s in (-1, 1)]
    assert exact == pytest.approx((sides[1] - sides[0]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_uncertainties_equal_monte_carlo(kind):
    """5 %, from 20 000 draws of correlated cells; s.u. as good diffraction gives them."""
    rng = np.random.default_rng(1)
    scale = np.array([3e-14, 4e-14, 5e-14, 3e-3, 4e-3, 5e-3])
    mix = np.eye(6) + 0.3 * rng.normal(size=(6, 6))
    covariance = np.array([(scale[:, None] * mix) @ (scale[:, None] * mix).T] * 2)
    found = principal_strain(strain_series(pair(covariance=covariance), kind=kind))
    draws = [rng.multivariate_normal(np.zeros(6), mix @ mix.T, 20000) * scale + one for one in TRICLINIC]
    axes = [orthogonalisation(one) for one in draws]
    tensors = strain_from_gradient(axes[1] @ np.linalg.inv(axes[0]), kind)
    assert found.sigma[1] == pytest.approx(np.linalg.eigvalsh(tensors).std(axis=0), rel=0.05)
    assert found.strain.sigma[1] == pytest.approx(tensors.std(axis=0), rel=0.05)
    vectors = np.linalg.eigh(tensors)[1]
    cosine = np.abs(np.einsum("nij,ij->nj", vectors, found.directions[1]))
    turned = np.sqrt(np.mean(np.arccos(np.clip(cosine, 0, 1)) ** 2, axis=0))
    assert found.sigma_directions[1] == pytest.approx(turned, rel=0.05)


def test_expansion_uncertainty_equals_monte_carlo():
    """Slopes weighted with the s.u. of the cells, 400 drawn series, without the factor for excess scatter."""
    sigma = np.tile([1e-13, 2e-13, 1e-13, 0, 0.01, 0], (9, 1))
    kelvin = np.linspace(95, 300, 9)
    warm = kelvin - 95
    edges = [6.6e-10 * (1 + 2e-5 * warm), np.full(9, 11.4e-10), 6.6e-10 * (1 - 1e-5 * warm)]
    smooth = np.stack([*edges, *[np.full(9, angle) for angle in (90, 78.4, 90)]], axis=1)
    rng = np.random.default_rng(0)
    slopes, quoted = [], []
    for _ in range(400):
        series = CellSeries("drawn", Conditions(kelvin), smooth + rng.normal(size=(9, 6)) * sigma, sigma)
        found = thermal_expansion(series, kind="hencky")
        slopes.append(found.coefficients)
        quoted.append([line.sigma / math.sqrt(max(1.0, line.reduced_chi2)) for line in found.lines])
    assert np.median(quoted, axis=0) == pytest.approx(np.std(slopes, axis=0), rel=0.12)


def test_hencky_values_add_to_the_volume():
    found = principal_strain(strain_series(cobaltate(), kind="hencky"))
    volumes = cobaltate().volumes
    assert found.values.sum(axis=1) == pytest.approx(np.log(volumes / volumes[0]), abs=1e-14)


def test_symmetry_fixed_parameters_and_unknown_ones():
    sigma = np.tile([1e-13, 1e-13, 1e-13, 0, 0.01, 0], (9, 1))
    found = strain_series(cobaltate(sigma))
    assert np.all(found.sigma[1:, 0, 1] == 0)
    assert np.all(found.sigma[1:, [0, 1, 2], [0, 1, 2]] > 0)
    lost = sigma.copy()
    lost[:, 4] = math.nan
    partly = strain_series(cobaltate(lost))
    assert np.all(np.isfinite(partly.sigma[1:, 1, 1]))
    assert np.all(np.isnan(partly.sigma[1:, 0, 0]))
    assert varying_parameters(cobaltate(sigma)) == ("a", "b", "c", "beta")


def test_orthorhombic_axes_are_those_of_the_cell():
    cells = [[7e-10, 8e-10, 9e-10, 90, 90, 90], [7.1e-10, 7.9e-10, 9.02e-10, 90, 90, 90]]
    found = principal_strain(strain_series(pair(np.array(cells)), kind="infinitesimal"))
    assert found.values[1] == pytest.approx(np.array([-0.0125, 0.02 / 9, 1 / 70]), rel=1e-12)
    assert found.crystal_directions[1] == pytest.approx(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]), abs=1e-12)


def test_monoclinic_rotation():
    """2 phi = atan2(2 e13, e11 - e33), phi from a* towards c; b is a principal axis."""
    series = cobaltate()
    found = principal_strain(strain_series(series, kind="infinitesimal"), follow="second")
    for row in range(1, 9):
        tensor = found.strain.tensors[row]
        angle = plane_angle(tensor, series.cells[row])
        a, c = (series.axes[row][:, k] / np.linalg.norm(series.axes[row][:, k]) for k in (0, 2))
        # the axis with the larger value of the two in the plane is X3 of these data
        axis = found.directions[row][:, 2]
        axis = axis * np.sign(axis @ a)
        assert abs(angle) == pytest.approx(math.acos(axis @ a), abs=1e-9)
        towards_c = axis @ (c - (c @ a) * a)
        assert math.copysign(1, angle) == math.copysign(1, towards_c)
    with pytest.raises(StrainError, match="b is no principal axis"):
        plane_angle(strain_series(pair()).tensors[1], TRICLINIC[1])


def test_axes_are_followed_through_a_turn_of_90_degrees():
    """A tensor that turns by 80 degrees in five steps: the previous row follows it, the second row says so."""
    base = np.diag([5e-10, 5e-10, 5e-10])
    strained = []
    for step in range(6):
        phi = math.radians(16 * step)
        r = np.array([[math.cos(phi), 0, -math.sin(phi)], [0, 1, 0], [math.sin(phi), 0, math.cos(phi)]])
        strain = r @ np.diag([0.02, 0.0, -0.01]) @ r.T if step else np.zeros((3, 3))
        axes = (np.eye(3) + strain) @ base
        g = axes.T @ axes
        a, b, c = np.sqrt(np.diag(g))
        cosines = [g[1, 2] / b / c, g[0, 2] / a / c, g[0, 1] / a / b]
        strained.append([a, b, c, *np.degrees(np.arccos(cosines))])
    series = CellSeries("turning", Conditions(np.linspace(100, 200, 6)), strained)
    followed = principal_strain(strain_series(series, kind="hencky"), follow="previous")
    second = principal_strain(strain_series(series, kind="hencky"), follow="second")
    assert np.ptp(followed.values[1:], axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert "depends on how they are followed" in followed.notes[0]
    assert np.ptp(second.values[1:, 0]) > 0.02


def test_laws_recover_their_own_curves():
    kelvin = np.linspace(10, 400, 25)
    rng = np.random.default_rng(5)
    truth = fit_expansion_law(kelvin, 7e-10 * (1 + 3e-5 * 180 / np.expm1(180 / kelvin)), np.full(25, 1e-15))
    y = truth.at(kelvin)[0]
    noisy = y + rng.normal(size=25) * 2e-14
    for law, theta in (("einstein", 180.0), ("salje", 90.0)):
        found = fit_expansion_law(kelvin, noisy, np.full(25, 2e-14), law=law)
        value, sigma = found.value("curve.theta")
        assert abs(value - theta) < 4 * sigma
        assert sigma < 0.2 * theta
        assert found.reduced_chi2 == pytest.approx(1.0, abs=0.8)
        slope, sigma_slope = found.relative_slope(300.0)
        assert abs(slope[0] - truth.relative_slope(300.0)[0][0]) < 4 * sigma_slope[0]
    debye = fit_expansion_law(kelvin, noisy, np.full(25, 2e-14), law="debye")
    assert 1.2 < debye.value("curve.theta")[0] / 180.0 < 1.7  # Debye temperatures are about 4/3 of Einstein's
    for law in ("linear", "polynomial", "berman"):
        assert fit_expansion_law(kelvin, noisy, law=law).result.converged


def test_law_derivatives():
    from labile.techniques.strain.laws import expansion_law

    kelvin = np.array([15.0, 80.0, 300.0])
    for law, values in (("einstein", (7.0, 2e-5, 150.0)), ("debye", (7.0, 2e-5, 150.0)), ("berman", (7.0, 2e-5, 1e-8))):
        curve = expansion_law(law)
        point = curve.evaluate(kelvin, np.array(values))
        for k in range(3):
            step = 1e-3 * values[k]
            sides = [curve.evaluate(kelvin, np.array(values) + s * step * np.eye(3)[k]) for s in (-1, 1)]
            assert point.d_y[:, k] == pytest.approx((sides[1].y - sides[0].y) / (2 * step), rel=1e-5, abs=1e-9)
            numeric = (sides[1].slope - sides[0].slope) / (2 * step)
            assert point.d_slope[:, k] == pytest.approx(numeric, rel=1e-5, abs=1e-12)
        warmer = [curve.evaluate(kelvin + s, np.array(values)).y for s in (-1e-3, 1e-3)]
        assert point.slope == pytest.approx((warmer[1] - warmer[0]) / 2e-3, rel=1e-5, abs=1e-12)


def test_is_it_really_negative():
    sigma = np.tile([2e-13, 2e-13, 2e-13, 0, 0.01, 0], (9, 1))
    found = is_negative(cobaltate(sigma), "c")
    assert found.verdict == "negative"
    assert len(found.intervals) == 8
    # neighbouring cells differ by a few s.u.: the range decides, single intervals do not
    assert {one.verdict for one in found.intervals} == {"not decided"}
    sharp = np.tile([2e-14, 2e-14, 2e-14, 0, 0.01, 0], (9, 1))
    assert {one.verdict for one in is_negative(cobaltate(sharp), "c").intervals} >= {"negative", "positive"}
    assert "negative" in found.text
    assert is_negative(cobaltate(sigma), "b").verdict == "positive"
    assert is_negative(cobaltate(), "X1").verdict == "negative"
    axis = is_negative(cobaltate(sigma), "X1")
    assert any("turns by up to" in note for note in axis.notes)
    assert any("multiplied by 3" in note for note in axis.notes)
    along = is_negative(cobaltate(sigma), [0, 0, 1])
    assert along.values == pytest.approx(is_negative(cobaltate(sigma), "c").values, abs=1e-12)
    assert along.sigma == pytest.approx(sigma[:, 2] / cobaltate().cells[:, 2], rel=1e-9)
    pressure = is_negative(pressed(), "c")
    assert (pressure.quantity, pressure.verdict) == ("compressibility", "negative")
    assert pressure.coefficient < 0


def test_noise_is_rarely_called_negative():
    """With Holm's correction at the 5 % level, 5 % of crystals that do not expand have any negative interval."""
    rng = np.random.default_rng(3)
    sigma = np.tile([1e-13, 1e-13, 1e-13, 0, 0, 0], (8, 1))
    base = np.tile([7e-10, 8e-10, 9e-10, 90, 90, 90], (8, 1))
    called = 0
    for _ in range(400):
        cells = base + rng.normal(size=(8, 6)) * sigma
        found = is_negative(CellSeries("still", Conditions(np.linspace(100, 300, 8)), cells, sigma), "a")
        called += any(one.verdict == "negative" for one in found.intervals)
    assert 0 < called <= 32  # 5 % of 400 and three standard deviations


def test_indicatrix_and_sections():
    tensor = np.diag([-22.0, 30.0, 13.0])
    surface = indicatrix(tensor, points=91)
    assert (surface.values.min(), surface.values.max()) == pytest.approx((-22.0, 30.0), rel=1e-9)
    cut = section(tensor, [1, 0, 0], [0, 0, 1])
    zero = np.degrees(math.atan(math.sqrt(22 / 13)))
    assert np.interp(0.0, cut.values[:91], np.arange(91)) == pytest.approx(zero, abs=0.05)
    with pytest.raises(StrainError, match="not parallel"):
        section(tensor, [1, 0, 0], [2, 0, 0])
    with pytest.raises(StrainError, match="symmetric"):
        indicatrix(np.arange(9.0).reshape(3, 3))


def test_spontaneous_strain_and_jumps():
    low, high = (CellSeries(name, Conditions(150.0), TRICLINIC[k : k + 1]) for k, name in enumerate(("LS", "HS")))
    found = spontaneous_strain(low, high)
    assert found.edges == pytest.approx(np.log(TRICLINIC[0, :3] / TRICLINIC[1, :3]))
    assert float(np.trace(found.tensor)) == pytest.approx(found.volume, abs=1e-14)
    kelvin = np.array([90.0, 100, 110, 120, 150, 160, 170, 180])
    lengths = 7e-10 * (1 + 1e-5 * kelvin + 0.01 * (kelvin > 135))
    jump = discontinuity(kelvin, lengths, np.full(8, 1e-13), 135.0, name="a")
    assert jump.jump == pytest.approx(7e-12, rel=1e-9)
    assert jump.significance > 20
    cells = np.stack([lengths, *[np.full(8, v) for v in (8e-10, 9e-10, 90, 95, 90)]], axis=1)
    rows = cell_discontinuities(CellSeries("jump", Conditions(kelvin), cells), 135.0)
    assert [one.name for one in rows] == ["a", "V"]
    assert "discontinuous" in rows[0].text
    with pytest.raises(StrainError, match="points below"):
        discontinuity(kelvin, lengths, None, 95.0)


def test_spontaneous_strain_is_that_of_two_cells_at_the_same_conditions():
    low = CellSeries("LS", Conditions(100.0, 1e9), TRICLINIC[:1])
    near = CellSeries("HS", Conditions(100.9, 1.009e9), TRICLINIC[1:])
    assert spontaneous_strain(low, near).strain.series.conditions.pressure.tolist() == [1.009e9, 1e9]
    ambient = CellSeries("LS", Conditions(100.0, 0.0), TRICLINIC[:1])
    assert spontaneous_strain(ambient, CellSeries("HS", Conditions(100.0), TRICLINIC[1:])).volume != 0
    for conditions in (Conditions(300.0, 1e9), Conditions(100.0, 1.1e9)):
        with pytest.raises(StrainError, match=r"at 100 K and 1 GPa, high spin 'HS' at .* GPa; give two"):
            spontaneous_strain(low, CellSeries("HS", conditions, TRICLINIC[1:]))
    with pytest.raises(StrainError, match="2 cells"):
        spontaneous_strain(pair(), low)


def test_refusals():
    series = cobaltate()
    with pytest.raises(StrainError, match="kind 'green'"):
        strain_series(series, kind="green")
    with pytest.raises(StrainError, match="row 10"):
        strain_series(series, reference=9)
    with pytest.raises(StrainError, match=r"no cell at the reference pressure 0.0001013 GPa .* reference_cell"):
        reference_row(pressed(), 101325.0)
    with pytest.raises(StructureError, match="enclose no volume"):
        strain_series(series, reference_cell=[7e-10, 7e-10, 7e-10, 150, 60, 60])
    with pytest.raises(StrainError, match="choose the rows of one pressure"):
        thermal_expansion(pressed())
    with pytest.raises(StrainError, match="three temperatures"):
        thermal_expansion(pair())
    with pytest.raises(StrainError, match="neither varies"):
        is_negative(series[[0, 0, 0]], "a")
    with pytest.raises(StrainError, match="along must be"):
        is_negative(series, "d")
    with pytest.raises(StrainError, match="average repeated"):
        is_negative(series[[0, 0, 1, 2]], "a")
    with pytest.raises(StrainError, match="all points stand"):
        fit_line([1, 1, 1], [1, 2, 3])
    with pytest.raises(StrainError, match="above 0 K"):
        fit_expansion_law([0.0, 1.0, 2.0], [1, 2, 3])
    given_cell = strain_series(pressed(), reference_cell=pressed().cells[0])
    assert given_cell.reference == -1
    assert given_cell.tensors == pytest.approx(strain_series(pressed()).tensors, abs=1e-15)


def test_directions_of_a_cell():
    axes = orthogonalisation(TRICLINIC[0])
    assert crystal_directions(axes, axes / np.linalg.norm(axes, axis=0)) == pytest.approx(np.eye(3), abs=1e-12)
