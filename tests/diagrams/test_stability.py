"""Stability maps against searches at every point, random starts, and what the axes may be."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.diagrams.axes import DiagramError, plane
from labile.diagrams.stability import stability_map
from labile.models import kernels
from labile.models.contributions import PressureVolume
from labile.models.equilibrium import find_minima
from labile.models.free_energy import DOMAIN_SIZE, Model
from labile.models.library import regular_solution, slichter_drickamer, sorai_seki, van_t_hoff
from labile.models.populations import Status
from library_cases import CASES, LETTERS, n_state_model

SD = slichter_drickamer()
LOOP = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6000.0}
L_H_V = (State("L"), State("H"), State("V"))
THREE_STATES = {"one minimum": (700.0, 500.0, -300.0), "one loop": (4500.0, 4500.0, 0.0),
                "three minima": (14000.0, 14000.0, 13000.0)}  # fmt: skip
WINDOW = {"temperature": np.linspace(20.0, 320.0, 500),
          "pressure": np.linspace(AMBIENT_PRESSURE, AMBIENT_PRESSURE + 1e9, 300)}  # fmt: skip


def three_states(name):
    l_h, l_v, h_v = THREE_STATES[name]
    return {
        "H.enthalpy": 9e3, "H.entropy": 60.0, "H.volume": 1.2e-5, "V.enthalpy": 13e3, "V.entropy": 72.0,
        "V.volume": 1.6e-5, "L-H.interaction": l_h, "L-V.interaction": l_v, "H-V.interaction": h_v,
    }  # fmt: skip


def assert_equal_to_search(found, model, values):
    """Same number of minima, populations and energies as full searches at every point, column by column."""
    (first, u), (second, v) = found.axes.items()
    for j, at in enumerate(v):
        conditions = {name: column for name, column in ((first, u), (second, at)) if name not in values}
        numbers = values if second not in values else {**values, second: float(at)}
        searched = find_minima(model, Conditions(**conditions), numbers)
        assert np.array_equal(found.count[:, j], searched.count), f"{second} {at:g}"
        room = found.x.shape[2]
        assert np.isnan(searched.x[:, room:]).all()
        # a walk stops at a residual of 1e-11 RT, which a soft Hessian divides
        np.testing.assert_allclose(found.x[:, j], searched.x[:, :room], rtol=0, atol=1e-7)
        np.testing.assert_allclose(found.energy[:, j], searched.energy[:, :room], rtol=0, atol=1e-8)


def random_start_minima(g, w, rt, starts, rng):
    """Distinct minima that descents from random populations reach."""
    n = g.size
    x, scratch, manifold = np.empty(n), kernels.buffers(n), np.zeros(n, dtype=np.int64)
    minima = []
    for start in rng.dirichlet(np.full(n, 0.5), starts):
        u = np.log(start + 1e-12)
        if kernels.descend(g, w, rt, 0.0, manifold, u, x, 400, False, scratch) == kernels.CONVERGED:
            if all(np.max(np.abs(x - other)) > 1e-6 for other in minima):
                minima.append(x.copy())
    return minima


def assert_no_start_finds_more(found, rows, columns, starts=60, seed=0):
    """At sampled points the map holds exactly the minima that random starts find."""
    rng = np.random.default_rng(seed)
    u, v = found.plane.grids
    for i in rows:
        c, conditions, _ = found.plane.coefficients_at(np.full(columns.size, u[i]), v[columns])
        for k, j in enumerate(columns):
            rt = GAS_CONSTANT * conditions.temperature[k]
            reference = random_start_minima(c.g[k], c.w[min(k, c.w.shape[0] - 1)], rt, starts, rng)
            ours = found.x[i, j, : found.count[i, j]]
            assert len(reference) == len(ours), (u[i], v[j])
            for x in reference:
                assert np.min(np.max(np.abs(ours - x), axis=1)) < 1e-6, (u[i], v[j])


@pytest.mark.parametrize("name", CASES)
def test_library_models_against_searches_at_every_point(name):
    model, values = CASES[name]
    # 1000 points: cells of 8 steps, in which minima are followed; 6 points: all of them corners
    temperature = np.linspace(10.0, 400.0, 1000)
    if any(key.endswith("volume") for key in values):
        second = {"pressure": np.linspace(2e5, 1e9, 6)}
    else:
        key = next(key for key in values if key.endswith("enthalpy"))
        second = {key: np.linspace(0.8, 1.2, 6) * values[key]}
    found = stability_map(model, values, {"temperature": temperature, **second})
    assert_equal_to_search(found, model, values)
    assert not found.incomplete.any()


@pytest.mark.parametrize("name", THREE_STATES)
def test_three_states_against_searches_and_random_starts(name):
    model, values = regular_solution(L_H_V), three_states(name)
    found = stability_map(model, values, WINDOW)
    if name == "three minima":
        assert np.mean(found.count == 3) > 0.2
    elif name == "one minimum":
        assert (found.count == 1).all()
    else:
        assert found.count.max() == 2
    assert_equal_to_search(found, model, values)
    rows, columns = (np.linspace(0, size - 1, 12).astype(int) for size in found.count.shape)
    assert_no_start_finds_more(found, rows, columns)


@st.composite
def random_models(draw):
    n = draw(st.integers(3, 4))
    model = n_state_model(n)
    values = {}
    for letter in LETTERS[1:n]:
        values[f"{letter}.enthalpy"] = draw(st.floats(0.0, 2e4))
        values[f"{letter}.entropy"] = draw(st.floats(0.0, 110.0))
    for a, b in itertools.combinations(LETTERS[:n], 2):
        values[f"{a}-{b}.interaction"] = draw(st.floats(-3e3, 1.6e4))
    return model, values


@settings(max_examples=6, deadline=None, derandomize=True)
@given(random_models())
def test_random_models_against_random_starts(case):
    model, values = case
    middle = values["B.enthalpy"]
    axes = {"temperature": np.linspace(20.0, 420.0, 500), "B.enthalpy": np.linspace(middle - 3e3, middle + 3e3, 300)}
    found = stability_map(model, values, axes)
    assert_no_start_finds_more(found, np.arange(3, 500, 62), np.arange(3, 300, 37))


def test_every_minimum_is_stationary_and_sums_to_one():
    model, values = regular_solution(L_H_V), three_states("three minima")
    found = stability_map(model, values, WINDOW)
    i, j, k = np.nonzero(np.isfinite(found.energy))
    x = found.x[i, j, k]
    np.testing.assert_allclose(x.sum(axis=1), 1.0, rtol=0, atol=1e-11)
    c, conditions, _ = found.plane.coefficients_at(WINDOW["temperature"][i], WINDOW["pressure"][j])
    rt = GAS_CONSTANT * conditions.temperature
    mu = (c.g + x @ c.w[0]) / rt[:, None] + np.log(x)
    # at 20 K g is 1e3 RT, so that mu itself has a round-off of 1e-13 RT
    assert np.max(np.abs(mu - (x * mu).sum(axis=1)[:, None])) < 1e-10
    energy = (x * c.g).sum(1) + rt * (x * np.log(x)).sum(1) + 0.5 * ((x @ c.w[0]) * x).sum(1)
    np.testing.assert_allclose(found.energy[i, j, k], energy, rtol=0, atol=1e-8)
    assert np.all(np.diff(found.energy[:, :, :3], axis=2)[found.count == 3] >= 0)


def test_order_of_axes_transposes_the_map():
    axes = {"temperature": np.linspace(200.0, 300.0, 300), "pressure": np.linspace(2e5, 3e8, 260)}
    one, other = stability_map(SD, LOOP, axes), stability_map(SD, LOOP, dict(reversed(axes.items())))
    assert one.axes.keys() == axes.keys()
    np.testing.assert_array_equal(one.count, other.count.T)
    np.testing.assert_allclose(one.x, other.x.transpose(1, 0, 2, 3), rtol=0, atol=1e-9)


def test_loop_and_stable_state_of_two_states():
    axes = {"temperature": np.linspace(200.0, 300.0, 1000), "LS-HS.interaction": np.array([3000.0, 6000.0])}
    found = stability_map(SD, LOOP, axes)
    assert (found.count[:, 0] == 1).all()
    # closed form of Slichter and Drickamer: spinodals at 260.409 and 235.168 K, T1/2 at 250 K
    inside = axes["temperature"][found.count[:, 1] == 2]
    assert inside[0] == pytest.approx(235.168, abs=0.11)
    assert inside[-1] == pytest.approx(260.409, abs=0.11)
    assert np.array_equal(found.stable[:, 1] == 1, axes["temperature"] > 250.0)
    assert np.array_equal(found.metastable[:, 1], (found.count[:, 1] == 2).astype(int))
    below = axes["temperature"] < 250.0
    assert np.array_equal(found.metastable_in("HS")[:, 1], below & (found.metastable[:, 1] == 1))
    assert found.of("HS")[:, 1][below].max() < 0.5


def test_narrow_loop_along_the_pressure_axis_between_corners_is_found():
    # a loop of 0.8 K whose T1/2 hardly moves with pressure, between corners that are 2.4 K apart
    values = {**LOOP, "HS.volume": 1e-9, "LS-HS.interaction": 4320.0}
    for shift in np.linspace(0.0, 2.4, 7):
        axes = {"temperature": np.linspace(100.0, 400.0, 1000) + shift, "pressure": np.linspace(2e5, 3e8, 400)}
        found = stability_map(SD, values, axes)
        searched = find_minima(SD, Conditions(axes["temperature"], 2e5), values)
        assert searched.count.max() == 2
        assert np.array_equal(found.count[:, 0], searched.count)
        assert (found.count.max(axis=0) == 2).all()


def test_thin_end_of_a_pocket_is_followed():
    # end of a pocket of a third minimum, thinner than the grid: found by comparing random models with full searches
    plain = n_state_model(4)
    model = Model("test", plain.states, (*plain.contributions, *(PressureVolume(s) for s in "BCD")))
    values = {
        "B.enthalpy": 1368.192710834446, "B.entropy": 8.793675616893077, "B.volume": 8.71405252115181e-07,
        "C.enthalpy": 11527.161359933012, "C.entropy": 88.59934793939391, "C.volume": 6.876633800504314e-07,
        "D.enthalpy": 5663.4211313893275, "D.entropy": 90.69303583471307, "D.volume": 1.9837935207052905e-05,
        "A-B.interaction": -590.5197812106417, "A-C.interaction": 12320.629759420783,
        "A-D.interaction": 12793.771064070343, "B-C.interaction": 378.6898877750118,
        "B-D.interaction": 8912.011972878518, "C-D.interaction": 738.1288146035208,
    }  # fmt: skip
    axes = {"temperature": np.linspace(20.0, 420.0, 400), "pressure": np.linspace(1e5, 1.5e9, 400)}
    found = stability_map(model, values, axes)
    assert found.count[103, 59] == 3
    assert (found.count[103, 60:66] == 2).all()
    for i in range(100, 110):
        searched = find_minima(model, Conditions(axes["temperature"][i], axes["pressure"]), values)
        assert np.array_equal(found.count[i], searched.count)


def test_domain_size_and_two_parameters_as_axes():
    values = {"HS.enthalpy": 9e3, "HS.t_half": 180.0, "HS.volume": 1e-5, DOMAIN_SIZE: 7.0}
    axes = {"temperature": np.linspace(150.0, 210.0, 260), DOMAIN_SIZE: np.array([1.0, 3.0, 10.0])}
    found = stability_map(sorai_seki(), values, axes)
    assert_equal_to_search(found, sorai_seki(), values)
    pair = {"HS.enthalpy": np.array([14e3, 15e3, 16e3]), "LS-HS.interaction": np.array([3e3, 6e3])}
    found = stability_map(SD, LOOP, pair, temperature=250.0)
    for (i, h), (j, gamma) in itertools.product(*(enumerate(grid) for grid in pair.values())):
        numbers = {**LOOP, "HS.enthalpy": h, "LS-HS.interaction": gamma}
        searched = find_minima(SD, Conditions(250.0), numbers)
        assert found.count[i, j] == searched.count[0]
        np.testing.assert_allclose(found.x[i, j, 0], searched.x[0, 0], rtol=0, atol=1e-9)


def test_points_that_do_not_converge_have_a_status_and_no_numbers(monkeypatch):
    monkeypatch.setattr("labile.diagrams.stability.MAX_ITERATIONS", 1)
    axes = {"temperature": np.linspace(200.0, 300.0, 10), "pressure": np.linspace(2e5, 3e8, 8)}
    found = stability_map(SD, LOOP, axes)
    failed = found.status == Status.NOT_CONVERGED
    assert failed.any()
    assert np.isnan(found.x[failed]).all()
    assert np.isnan(found.energy[failed]).all()
    assert (found.stable[failed] == -1).all()
    assert (found.count[failed] == 0).all()
    assert found.incomplete[failed].all()


def test_dataset_and_file(tmp_path):
    import xarray

    axes = {"temperature": np.linspace(200.0, 300.0, 11), "pressure": np.linspace(2e5, 3e8, 5)}
    found = stability_map(SD, LOOP, axes)
    data = found.to_xarray()
    assert data["population"].dims == ("temperature", "pressure", "minimum", "state")
    assert data["temperature"].attrs["units"] == "K"
    assert float(data["population"].sel(temperature=200.0, state="LS")[0, 0]) > 0.9
    found.to_netcdf(tmp_path / "map.nc")
    with xarray.open_dataset(tmp_path / "map.nc", engine="h5netcdf") as read:
        np.testing.assert_array_equal(read["minima"].values, found.count)
        assert read.attrs["value HS.enthalpy"] == 15e3


def grid(low, high):
    return np.linspace(low, high, 4)


@pytest.mark.parametrize(
    ("axes", "others", "words"),
    [
        ({"temperature": grid(100, 200)}, {}, "two different axes"),
        ({"temperature": grid(0, 200), "pressure": grid(1e5, 1e8)}, {}, "above 0 K"),
        ({"temperature": grid(100, 200), "pressure": grid(-1e5, 1e8)}, {}, "not negative"),
        ({"temperature": grid(200, 100), "pressure": grid(1e5, 1e8)}, {}, "rise"),
        ({"temperature": grid(100, 200), "volume": grid(1, 2)}, {}, "neither a condition"),
        ({"temperature": grid(100, 200), "magnetic_field": grid(0, 5)}, {}, "does not depend on magnetic_field"),
        ({"pressure": grid(1e5, 1e8), "HS.enthalpy": grid(1e4, 2e4)}, {}, "temperature is neither"),
        ({"temperature": grid(100, 200), "pressure": grid(1e5, 1e8)}, {"temperature": 5.0}, "is an axis"),
        ({"temperature": grid(100, 200), "pressure": grid(1e5, 1e8)}, {"humidity": 5.0}, "no condition"),
        ({"pressure": grid(1e5, 1e8), "HS.enthalpy": grid(1e4, 2e4)}, {"temperature": [5.0, 6.0]}, "one number"),
    ],
)
def test_axes_that_make_no_map_are_refused(axes, others, words):
    with pytest.raises(DiagramError, match=words):
        plane(SD, LOOP, axes, **others)


def test_pressure_without_volumes_is_no_axis():
    values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0}
    with pytest.raises(DiagramError, match="does not depend on pressure"):
        stability_map(van_t_hoff(), values, {"temperature": grid(100, 200), "pressure": grid(1e5, 1e8)})
    with pytest.raises(DiagramError, match="state 'X' is none of LS, HS"):
        stability_map(SD, LOOP, {"temperature": grid(100, 200), "pressure": grid(1e5, 1e8)}).of("X")
