"""Maps against descents from random starts, closed forms, and single points."""

from itertools import combinations

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.material import State
from labile.diagrams.axes import DiagramError
from labile.diagrams.stability import stability_map
from labile.models import kernels
from labile.models.equilibrium import find_minima
from labile.models.library import regular_solution, slichter_drickamer
from labile.models.populations import Status

STARTS = 40
WINDOW = {"temperature": (20.0, 320.0), "pressure": (AMBIENT_PRESSURE, AMBIENT_PRESSURE + 1e9)}
LETTERS = "LHVU"


def axes(points):
    return {name: np.linspace(*ends, points) for name, ends in WINDOW.items()}


def three_states(*interactions):
    values = {
        "H.enthalpy": 9e3, "H.entropy": 60.0, "H.volume": 1.2e-5, "V.enthalpy": 13e3, "V.entropy": 72.0,
        "V.volume": 1.6e-5,
    }  # fmt: skip
    return values | dict(zip(("L-H.interaction", "L-V.interaction", "H-V.interaction"), interactions, strict=True))


def random_states(n, seed):
    rng = np.random.default_rng(seed)
    values = {}
    for name in LETTERS[1:n]:
        values |= {
            f"{name}.enthalpy": rng.uniform(2e3, 15e3), f"{name}.entropy": rng.uniform(10.0, 80.0),
            f"{name}.volume": rng.uniform(-1e-5, 2e-5),
        }  # fmt: skip
    return values | {f"{a}-{b}.interaction": rng.uniform(-3e3, 1.2e4) for a, b in combinations(LETTERS[:n], 2)}


MODELS = {
    "one minimum": (3, three_states(700.0, 500.0, -300.0)),
    "one loop": (3, three_states(4500.0, 4500.0, 0.0)),
    "three minima": (3, three_states(14000.0, 14000.0, 13000.0)),
    **{f"random {n} {seed}": (n, random_states(n, seed)) for n, seed in ((3, 1), (3, 2), (4, 3), (4, 4))},
}


@pytest.mark.parametrize(("n", "values"), MODELS.values(), ids=MODELS)
def test_no_minimum_is_missed(n, values):
    found = stability_map(regular_solution(tuple(State(name) for name in LETTERS[:n])), values, axes(97))
    first, second = found.plane.grids
    rng = np.random.default_rng(0)
    scratch, x = kernels.buffers(n), np.empty(n)
    manifold = found.plane.model.manifold_index()
    columns = np.arange(0, 97, 4)
    for row in range(0, 97, 4):
        c, conditions, _ = found.plane.coefficients_at(np.full(columns.size, first[row]), second[columns])
        for k, column in enumerate(columns):
            ours = found.x[row, column, : found.count[row, column]]
            matched = np.zeros(len(ours), dtype=bool)
            for _ in range(STARTS):
                u = np.log(rng.dirichlet(np.full(n, 0.5)) + 1e-12)
                rt = GAS_CONSTANT * conditions.temperature[k]
                if kernels.descend(c.g[k], c.w[0], rt, 0.0, manifold, u, x, 400, False, scratch) == kernels.CONVERGED:
                    distance = np.max(np.abs(ours - x), axis=1)
                    assert distance.min() < 1e-6, (first[row], second[column])
                    matched |= distance < 1e-6
    assert np.all(found.status == Status.CONVERGED)
    assert not found.incomplete.any()


def test_the_model_of_three_minima_has_them_over_a_large_region():
    found = stability_map(regular_solution(tuple(State(s) for s in "LHV")), MODELS["three minima"][1], axes(97))
    assert np.mean(found.count == 3) > 0.3
    assert np.mean(found.count == 2) > 0.2


def test_every_point_is_what_a_search_at_this_point_finds():
    model, values = regular_solution(tuple(State(s) for s in "LHV")), MODELS["three minima"][1]
    found = stability_map(model, values, axes(41))
    first, second = found.plane.grids
    conditions = Conditions(np.repeat(first, 41), np.tile(second, 41))
    alone = find_minima(model, conditions, values)
    assert np.array_equal(alone.count, found.count.ravel())
    room = found.x.shape[2]
    assert found.energy.reshape(-1, room) == pytest.approx(alone.energy[:, :room], abs=1e-6, nan_ok=True)
    assert found.x.reshape(-1, room, 3) == pytest.approx(alone.x[:, :room], abs=1e-9, nan_ok=True)


def test_two_states_coexist_between_the_closed_spinodals():
    # |dH + P dV - T dS| below Gamma s - RT ln((1 + s)/(1 - s)), s = sqrt(1 - 2RT/Gamma) (Slichter, Drickamer)
    values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6000.0}
    grid = {"temperature": np.linspace(200.0, 420.0, 331), "pressure": np.linspace(0.0, 8e8, 201)}
    found = stability_map(slichter_drickamer(), values, grid)
    t, p = np.meshgrid(*grid.values(), indexing="ij")
    rt = GAS_CONSTANT * t
    s = np.sqrt(np.maximum(1 - 2 * rt / 6000.0, 0.0))
    reach = 6000.0 * s - rt * np.log((1 + s) / np.maximum(1 - s, 1e-300))
    bias = np.abs(15e3 + (p - AMBIENT_PRESSURE) * 1e-5 - 60.0 * t)
    clear = np.abs(reach - bias) > 1e-3
    assert np.array_equal((found.count == 2)[clear], (bias < reach)[clear])
    assert np.count_nonzero(found.count == 2) > 2000


def test_a_parameter_is_an_axis():
    values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 1.0}
    grid = {"temperature": np.linspace(150.0, 350.0, 41), "LS-HS.interaction": np.linspace(0.0, 12e3, 25)}
    found = stability_map(slichter_drickamer(), values, grid)
    for column in (0, 10, 24):
        changed = {**values, "LS-HS.interaction": grid["LS-HS.interaction"][column]}
        alone = find_minima(slichter_drickamer(), Conditions(grid["temperature"]), changed)
        assert np.array_equal(alone.count, found.count[:, column])


def test_datasets_survive_a_file(tmp_path):
    import xarray

    values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6000.0}
    found = stability_map(slichter_drickamer(), values, axes(9))
    found.to_netcdf(tmp_path / "map.nc")
    with xarray.open_dataset(tmp_path / "map.nc", engine="h5netcdf") as stored:
        assert stored.sizes["temperature"] == 9
        assert stored.sizes["pressure"] == 9
        assert [name for name in stored.data_vars if np.array_equal(stored[name].values, found.count)]


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ({"temperature": [100.0, 200.0], "pressure": [1e5, 1e8]}, "does not depend on pressure"),
        ({"temperature": [100.0, 200.0], "HS.spin": [1.0, 2.0]}, "neither a condition"),
        ({"temperature": [100.0, 90.0], "LS-HS.interaction": [1.0, 2.0]}, "rise"),
        ({"temperature": [0.0, 90.0], "LS-HS.interaction": [1.0, 2.0]}, "above 0 K"),
        ({"temperature": [10.0, 90.0], "pressure": [-1.0, 2.0]}, "not negative"),
        ({"temperature": [10.0, 90.0]}, "two different axes"),
    ],
)
def test_axes_that_do_not_fit_are_refused(grid, says):
    values = {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 0.0, "LS-HS.interaction": 6000.0}
    with pytest.raises(DiagramError, match=says):
        stability_map(slichter_drickamer(), values, grid)
