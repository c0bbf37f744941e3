"""Equations of state: recovery, coverage, errors of both axes, phases, P-V-T."""

import math

import numpy as np
import pytest

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.parameters import Parameter
from labile.models.volumes import EquationOfState, EquationOfStateError
from labile.techniques.equation_of_state import (
    CompressionError,
    ThermalModel,
    compression_data,
    confidence_ellipse,
    divide_phases,
    fit_axial_equation_of_state,
    fit_equation_of_state,
    fit_thermal_equation_of_state,
    normalized_pressure,
)

V0, K0, KP = 500.0, 10e9, 6.0
PRESSURES = np.linspace(0.0, 4e9, 14)
SIGMA_P, SIGMA_V = 2e7, 0.25


def simulated(seed, form="birch_murnaghan_3", sigma_p=SIGMA_P, sigma_v=SIGMA_V, pressures=PRESSURES):
    """Simulated pressures (absolute) and volumes with Gaussian errors of both."""
    rng = np.random.default_rng(seed)
    parameters = (V0, K0, KP)[: 2 if form.endswith("_2") else 3]
    volumes = EquationOfState(form, *parameters).volume(pressures)
    p = pressures + AMBIENT_PRESSURE + sigma_p * rng.normal(size=pressures.size)
    return p, volumes + sigma_v * rng.normal(size=pressures.size)


@pytest.mark.parametrize("form", ["murnaghan", "birch_murnaghan_3", "vinet", "natural_strain_3", "tait"])
def test_exact_data_give_the_parameters_back(form):
    """G2: the curves at V/V0 = 0.9 are those of the table; the fit inverts them."""
    published = {"murnaghan": 1.469461, "birch_murnaghan_3": 1.443019, "vinet": 1.438756}
    curve = EquationOfState(form, V0, K0, KP)
    if form in published:
        assert float(curve.pressure(0.9 * V0)) / 1e9 == pytest.approx(published[form], abs=1e-6)
    volumes = np.linspace(500, 410, 10)
    found = fit_equation_of_state(curve.pressure(volumes) + AMBIENT_PRESSURE, volumes, 1e6, 0.01, form=form)
    assert found.value("volume")[0] == pytest.approx(V0, rel=1e-9)
    assert found.value("bulk_modulus")[0] == pytest.approx(K0, rel=1e-8)
    assert found.value("bulk_modulus_derivative")[0] == pytest.approx(KP, rel=1e-7)


def test_order_four():
    curve = EquationOfState("birch_murnaghan_4", V0, K0, KP, -1e-9)
    volumes = np.linspace(500, 380, 30)
    found = fit_equation_of_state(curve.pressure(volumes) + AMBIENT_PRESSURE, volumes, 1e6, form="birch_murnaghan_4")
    assert found.value("bulk_modulus_second_derivative")[0] == pytest.approx(-1e-9, rel=1e-5)


@pytest.mark.parametrize("method", ["effective_variance", "orthogonal"])
def test_coverage(method):
    """60-76 % of 256 intervals at 68 % hold the truth (64 sets for the slower orthogonal distances, 51-85 %)."""
    sets = 256 if method == "effective_variance" else 64
    hits = dict.fromkeys(("volume", "bulk_modulus", "bulk_modulus_derivative"), 0)
    chi2 = []
    for seed in range(sets):
        p, v = simulated(seed)
        found = fit_equation_of_state(p, v, SIGMA_P, SIGMA_V, method=method)
        chi2.append(found.reduced_chi2)
        for name, truth in zip(hits, (V0, K0, KP), strict=True):
            value, sigma = found.value(name)
            hits[name] += abs(value - truth) < sigma
    low, high = (0.60, 0.76) if sets == 256 else (0.51, 0.85)
    assert all(low < one / sets < high for one in hits.values()), hits
    assert np.mean(chi2) == pytest.approx(1.0, abs=0.12)


def test_both_methods_agree():
    p, v = simulated(3)
    first, second = (
        fit_equation_of_state(p, v, SIGMA_P, SIGMA_V, method=method) for method in ("effective_variance", "orthogonal")
    )
    for name in first.names:
        (a, sigma), (b, other) = first.value(name), second.value(name)
        assert a == pytest.approx(b, abs=0.05 * sigma)
        assert other == pytest.approx(sigma, rel=0.05)
    assert second.degrees_of_freedom == first.degrees_of_freedom
    p, v = simulated(3, sigma_p=0.0)
    exact = fit_equation_of_state(p, v, None, SIGMA_V, method="orthogonal")
    assert exact.value("bulk_modulus")[0] == pytest.approx(
        fit_equation_of_state(p, v, None, SIGMA_V).value("bulk_modulus")[0], rel=2e-3
    )


def test_without_uncertainties_the_scatter_speaks():
    p, v = simulated(5)
    found = fit_equation_of_state(p, v)
    stated = fit_equation_of_state(p, v, SIGMA_P, SIGMA_V)
    assert found.reduced_chi2 is None
    assert 0.3 < found.value("bulk_modulus")[1] / stated.value("bulk_modulus")[1] < 3
    assert "no uncertainties stated" in repr(found)


def test_band_of_the_curve_is_the_spread_of_fits():
    rows = [fit_equation_of_state(*simulated(seed), SIGMA_P, SIGMA_V) for seed in range(200)]
    pressures = np.array([1e9, 3e9])
    spread = np.std([one.volume(pressures)[0] for one in rows], axis=0)
    quoted = np.mean([one.volume(pressures)[1] for one in rows], axis=0)
    assert quoted == pytest.approx(spread, rel=0.15)  # 5 % is one standard deviation of such a spread
    back = rows[0].pressure(rows[0].volume(pressures)[0])[0]
    assert back == pytest.approx(pressures, rel=1e-9)


def test_edges_through_their_cubes():
    """The linear modulus -a dP/da at zero pressure is 3 K0."""
    edges = np.cbrt(EquationOfState("birch_murnaghan_3", V0, K0, KP).volume(PRESSURES))
    found = fit_axial_equation_of_state(PRESSURES + AMBIENT_PRESSURE, edges, 1e6, 1e-4)
    (modulus, sigma), (derivative, _) = found.linear_modulus()
    assert (modulus, derivative) == pytest.approx((3 * K0, 3 * KP), rel=1e-6)
    assert sigma > 0
    step = 1e5
    near = np.cbrt(found.volume(np.array([AMBIENT_PRESSURE - step, AMBIENT_PRESSURE + step]))[0])
    assert -near.mean() * 2 * step / (near[1] - near[0]) == pytest.approx(modulus, rel=1e-5)
    with pytest.raises(CompressionError, match="do not fall with pressure"):
        fit_axial_equation_of_state(PRESSURES + AMBIENT_PRESSURE, edges[::-1], 1e6)


def test_f_f_plot():
    """Order 3 is the line F = K0 [1 + 1.5 (K' - 4) f]; s.u. equal Monte Carlo within 5 %."""
    volumes = EquationOfState("birch_murnaghan_3", V0, K0, KP).volume(PRESSURES)
    data = compression_data(PRESSURES + AMBIENT_PRESSURE, volumes, SIGMA_P, SIGMA_V)
    found = normalized_pressure(data, V0, 0.2)
    assert found.rows[0] == 1
    assert found.pressure == pytest.approx(K0 * (1 + 1.5 * (KP - 4) * found.strain), rel=1e-9)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(4000):
        p, v = simulated(rng.integers(10**9))
        one = normalized_pressure(compression_data(p, v), V0 + 0.2 * rng.normal())
        draws.append((one.strain[-3], one.pressure[-3]))
    spread = np.std(draws, axis=0)
    assert found.sigma_strain[-3] == pytest.approx(spread[0], rel=0.05)
    assert found.sigma_pressure[-3] == pytest.approx(spread[1], rel=0.05)


def test_confidence_ellipse_holds_its_share():
    inside = 0
    for seed in range(150):
        found = fit_equation_of_state(*simulated(seed), SIGMA_P, SIGMA_V)
        matrix = found.covariance[1:, 1:]
        off = np.array([found.value(n)[0] for n in found.names[1:]]) - np.array([K0, KP])
        inside += off @ np.linalg.solve(matrix, off) < -2 * math.log(1 - 0.6827)
    assert 0.56 < inside / 150 < 0.80
    ellipse = confidence_ellipse(found)
    centre = np.array([found.value(n)[0] for n in found.names[1:]])
    distance = np.einsum("ni,ij,nj->n", ellipse - centre, np.linalg.inv(matrix), ellipse - centre)
    assert distance == pytest.approx(np.full(len(ellipse), 2.2959), rel=1e-3)
    assert np.corrcoef(ellipse.T)[0, 1] < -0.8  # K0 and K' are anticorrelated
    with pytest.raises(CompressionError, match="no parameter bulk_modulus_derivative"):
        confidence_ellipse(fit_equation_of_state(*simulated(0), SIGMA_P, form="birch_murnaghan_2"))


def test_two_phases_are_found_and_one_is_not_split():
    pressures = np.linspace(0, 4e9, 16)
    first = EquationOfState("birch_murnaghan_2", V0, 9e9).volume(pressures)
    second = EquationOfState("birch_murnaghan_2", 482.0, 13e9).volume(pressures)
    rng = np.random.default_rng(2)
    volumes = np.where(pressures < 1.9e9, first, second) + 0.3 * rng.normal(size=16)
    found = divide_phases(pressures + AMBIENT_PRESSURE, volumes, 2e7, 0.3)
    assert len(found.best.pieces) == 2
    (low, high) = found.best.intervals[0]
    assert low < 1.9e9 + AMBIENT_PRESSURE < high
    for piece, truth in zip(found.best.pieces, (9e9, 13e9), strict=True):
        value, sigma = piece.value("bulk_modulus")
        assert abs(value - truth) < 4 * sigma
    assert "2 phases" in found.text
    alone = divide_phases(pressures + AMBIENT_PRESSURE, first + 0.3 * rng.normal(size=16), 2e7, 0.3)
    assert len(alone.best.pieces) == 1
    assert "one phase" in alone.text


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        (ThermalModel("expansion", "birch_murnaghan_3"), (3e-4, 10e9, 6.0, 1.5e-4, 1e-7, -8e6)),
        (ThermalModel("mie_grueneisen_debye", "birch_murnaghan_3", atoms=4), (3e-4, 10e9, 6.0, 150.0, 1.8, 1.2)),
        (ThermalModel("mie_grueneisen_debye", "vinet", atoms=4), (3e-4, 10e9, 6.0, 150.0, 1.8, 0.0)),
    ],
)
def test_thermal_surface(model, truth):
    v, t = (one.ravel() for one in np.meshgrid(np.linspace(3.0e-4, 2.7e-4, 7), [20.0, 100.0, 200.0, 300.0]))
    values = np.array(truth)
    p, stiffness, columns = model.pressure(v, t, values)
    for k in range(values.size):
        step = 1e-5 * max(abs(values[k]), 0.1 if k > 1 else 0.0) if k != 4 or model.name != "expansion" else 1e-11
        sides = [model.pressure(v, t, values + s * step * np.eye(values.size)[k])[0] for s in (-1, 1)]
        numeric = (sides[1] - sides[0]) / (2 * step)
        assert columns[:, k] == pytest.approx(numeric, rel=2e-5, abs=2e-6 * np.max(np.abs(numeric)) + 1e-3)
    sides = [model.pressure(v * (1 + s * 1e-6), t, values)[0] for s in (-1, 1)]
    assert stiffness == pytest.approx((sides[0] - sides[1]) / (2e-6 * v), rel=1e-6)
    rng = np.random.default_rng(0)
    noisy = p + AMBIENT_PRESSURE + 1e7 * rng.normal(size=p.size)
    fixed = [
        Parameter("eos.debye_temperature", 150.0, fixed=True),
        Parameter("eos.grueneisen_exponent", truth[5], fixed=True),
    ]
    if model.name == "expansion":
        fixed = [Parameter("eos.thermal_expansion_slope", 0.0)]
    found = fit_thermal_equation_of_state(noisy, v, t, 1e7, 1e-10, model=model, changes=fixed)
    assert found.result.converged
    for name, want in zip(found.result.parameters.names, truth, strict=True):
        value, sigma = found.value(name.partition(".")[2])
        assert abs(value - want) <= 4 * sigma + 1e-12 * abs(want)
    assert found.pressure(v[:3], t[:3])[0] == pytest.approx(p[:3] + AMBIENT_PRESSURE, abs=4e7)


def test_debye_limit_is_the_classical_thermal_pressure():
    """High above theta, P_th(T) - P_th(T0) = gamma 3 n R (T - T0)/V."""
    model = ThermalModel("mie_grueneisen_debye", "birch_murnaghan_2", atoms=2, reference_temperature=300.0)
    values = np.array([3e-5, 20e9, 20.0, 1.6, 1.0])
    v = np.array([3e-5])
    hot, _, _ = model.pressure(v, np.array([800.0]), values)
    assert float(hot[0]) == pytest.approx(1.6 * 6 * 8.314462618 * 500.0 / 3e-5, rel=1e-3)


def test_refusals():
    p, v = simulated(0)
    with pytest.raises(CompressionError, match="point 2 is not finite"):
        compression_data([1, math.nan], [1, 2])
    with pytest.raises(CompressionError, match="is not > 0"):
        compression_data([1, 2], [1, -2])
    with pytest.raises(CompressionError, match="give N of each"):
        compression_data([1, 2], [1])
    with pytest.raises(CompressionError, match="point 2 has neither"):
        compression_data([1, 2], [1, 2], [1, 0])
    with pytest.raises(CompressionError, match="points are needed"):
        fit_equation_of_state(p[:3], v[:3])
    with pytest.raises(CompressionError, match="method must be"):
        fit_equation_of_state(p, v, method="magic")
    with pytest.raises(CompressionError, match="nothing to fit"):
        fit_equation_of_state(p, v, form="constant")
    with pytest.raises(EquationOfStateError, match="unknown"):
        fit_equation_of_state(p, v, form="green")
    with pytest.raises(CompressionError, match="one temperature"):
        fit_thermal_equation_of_state(p, v, np.full(14, 300.0), 1e7, model=ThermalModel("expansion"))
    with pytest.raises(CompressionError, match="most must be"):
        divide_phases(p, v, most=9)


@pytest.mark.parametrize(("unit", "name"), [(1e9, "GPa"), (1e8, "kbar"), (1e6, "MPa"), (1e5, "bar")])
def test_pressures_in_another_unit_are_named(unit, name):
    volumes = EquationOfState("birch_murnaghan_3", V0, K0, KP).volume(PRESSURES)
    for call in (fit_equation_of_state, divide_phases):
        with pytest.raises(CompressionError, match=rf"Pa are expected, .*{name}.* look like angstrom\^3 and may stay"):
            call(PRESSURES / unit, volumes)
    with pytest.raises(CompressionError, match=rf"look like .*{name}.*\)$"):
        fit_axial_equation_of_state(PRESSURES / unit, np.cbrt(volumes) * 1e-10)
    kelvin = np.where(np.arange(14) < 10, 298.0, 200.0)
    with pytest.raises(CompressionError, match="Pa are expected"):
        fit_thermal_equation_of_state(PRESSURES / unit, volumes, kelvin, model=ThermalModel("expansion"))


@pytest.mark.parametrize(("factor", "name"), [(1.0, r"angstrom\^3"), (1e-30, "m3 of a cell")])
def test_volumes_of_the_debye_model_are_molar(factor, name):
    p, v = simulated(0)
    kelvin = np.where(np.arange(14) < 10, 298.0, 200.0)
    with pytest.raises(CompressionError, match=f"look like {name}.* needs m3/mol"):
        fit_thermal_equation_of_state(p, v * factor, kelvin, 1e7, model=ThermalModel("mie_grueneisen_debye"))


def test_what_could_not_be_divided_says_why():
    p, v = simulated(0)
    few = divide_phases(p[:4], v[:4], SIGMA_P, SIGMA_V)
    assert "4 points are too few to divide, two phases of birch_murnaghan_2 need 6" in few.text
    assert "no division was asked for" in divide_phases(p, v, SIGMA_P, SIGMA_V, most=1).text
    assert "nothing else" not in divide_phases(p, v, SIGMA_P, SIGMA_V).text
