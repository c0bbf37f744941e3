"""Kernels of maps: the quick walk against stationarity, pairing of corners, what a searched cell makes suspect."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.models import kernels, map_kernels
from labile.models.equilibrium import MAX_ITERATIONS

RT = 8.314462618 * 200.0


def minimum(g, w):
    """Lowest minimum by the full search, ln x and G."""
    n = g.size
    found, energies = np.empty((n + 2, n)), np.empty(n + 2)
    count, _ = kernels.all_minima(
        g, w, RT, 0.0, np.zeros(n, dtype=np.int64), np.zeros(n), False, found, energies, MAX_ITERATIONS,
        kernels.buffers(n), np.empty(n), np.empty(n),
    )  # fmt: skip
    assert count > 0
    return found[0], energies[0]


def walk(g, w, u):
    """Where the quick walk from u ends: G, u, x."""
    n = g.size
    u, x = u.copy(), np.empty(n)
    energy = map_kernels._quick_walk(
        g, w, RT, float(np.abs(w).max()), u, x, np.empty(n), np.empty(n), np.empty(n), np.empty((n, n))
    )
    return energy, u, x


@st.composite
def landscapes(draw):
    n = draw(st.integers(2, 5))
    g = np.array([draw(st.floats(-2e4, 2e4)) for _ in range(n)])
    w = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            w[i, j] = w[j, i] = draw(st.floats(-5e3, 1.5e4))
    return g, w, np.array([draw(st.floats(-0.01, 0.01)) for _ in range(n)])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(landscapes())
def test_quick_walk_ends_at_the_minimum_or_gives_up(case):
    g, w, away = case
    u, _ = minimum(g, w)
    found, log_x, x = walk(g, w, u + away)
    if math.isnan(found):
        return
    assert x.sum() == pytest.approx(1.0, abs=1e-10)
    mu = (g + w @ x) / RT + log_x
    noise = 1e-13 * np.abs(g).max() / RT
    assert np.max(np.abs(mu - x @ mu)) < 1e-10 + noise
    assert np.log(x[x > 1e-250]) == pytest.approx(log_x[x > 1e-250], abs=1e-9)
    formula = x @ g + RT * (x @ log_x) + 0.5 * x @ w @ x
    assert found == pytest.approx(formula, abs=1e-9 * RT)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(landscapes())
def test_quick_walk_from_a_minimum_stays_there(case):
    g, w, _ = case
    u, energy = minimum(g, w)
    found, log_x, _ = walk(g, w, u)
    # it gives up only where the Hessian is as good as singular
    if math.isnan(found):
        s = np.eye(g.size) + np.exp((u[:, None] + u[None, :]) / 2) * w / RT
        root = np.exp(u / 2)
        p = np.eye(g.size) - np.outer(root, root)
        assert np.sort(np.linalg.eigvalsh(p @ s @ p))[1] < 1e-3
        return
    assert found == pytest.approx(energy, abs=1e-9 * RT)
    assert log_x == pytest.approx(u, abs=1e-6)


def test_quick_walk_refuses_a_saddle_and_a_distant_start():
    w = np.array([[0.0, 3.0], [3.0, 0.0]]) * RT
    assert math.isnan(walk(np.zeros(2), w, np.log([0.5, 0.5]))[0])
    u, _ = minimum(np.zeros(2), w)
    assert math.isnan(walk(np.zeros(2), w, u + np.array([0.0, 2.0]))[0])


def test_vanishing_populations_are_as_exact_as_large_ones():
    g = np.array([0.0, 400.0, 650.0]) * RT
    w = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.0]]) * RT
    energy, log_x, x = walk(g, w, np.array([0.0, -401.5, -650.2]))
    assert log_x == pytest.approx([0.0, -402.0, -651.0], abs=1e-10)
    assert x[1] == pytest.approx(math.exp(-402.0), rel=1e-9)
    assert energy == pytest.approx(0.0, abs=1e-12 * RT)


def corners(*minima):
    """Ln x of minima given by the population of the first of two states, padded to the size of a search."""
    found = np.full((4, 2), np.nan)
    for k, x in enumerate(minima):
        found[k] = np.log([x, 1.0 - x])
    return found


@pytest.mark.parametrize(
    ("here", "there", "order"),
    [
        ((0.9, 0.1), (0.11, 0.88), [1, 0]),
        ((0.9, 0.1), (0.88, 0.11), [0, 1]),
        ((0.9, 0.1), (0.88, 0.5), None),
        ((0.52, 0.48), (0.53, 0.5), None),
    ],
)
def test_minima_of_corners_pair_off_or_not(here, there, order):
    received = np.zeros(4, dtype=np.int64)
    paired = map_kernels._match(corners(*here), corners(*there), 2, received)
    assert paired == (order is not None)
    if order is not None:
        assert received[:2].tolist() == order


def test_cells_with_different_or_doubtful_corners_are_uncertain():
    found = np.empty((3, 4, 4, 2))
    found[:] = corners(0.9, 0.1)
    counts = np.full((3, 4), 2)
    counts[0, 0] = 1
    doubtful = np.zeros((3, 4), dtype=bool)
    doubtful[2, 3] = True
    uncertain, orders = np.zeros((2, 3), dtype=bool), np.zeros((2, 3, 3, 4), dtype=np.int64)
    map_kernels.pair_corners(found, counts, doubtful, uncertain, orders)
    assert uncertain.tolist() == [[True, False, False], [False, False, True]]


def spread(counts, searched, cell=4):
    size = counts.shape[0]
    nodes = np.append(np.arange(0, size - 1, cell), size - 1)
    cells = (nodes.size - 1, nodes.size - 1)
    corner_counts = counts[np.ix_(nodes, nodes)]
    marked, fresh = np.zeros(cells, dtype=bool), np.zeros(cells, dtype=bool)
    marked[searched] = True
    map_kernels.spread(marked, marked.copy(), counts, corner_counts, nodes, nodes, fresh)
    return fresh


def test_a_side_that_differs_from_the_neighbours_corners_marks_the_neighbour():
    counts = np.ones((41, 41), dtype=np.int64)
    # a wide pocket between corners, that reaches two sides of its cell
    counts[17:20, 13:19] = 2
    fresh = spread(counts, (4, 3))
    assert np.argwhere(fresh).tolist() == [[4, 4], [5, 3]]


def test_thin_pockets_make_their_surroundings_suspect():
    counts = np.ones((41, 41), dtype=np.int64)
    counts[18, 17:20] = 2
    fresh = spread(counts, (4, 4))
    expected = np.zeros((10, 10), dtype=bool)
    expected[1:8, 1:8] = True
    expected[4, 4] = False
    assert np.array_equal(fresh, expected)
    # a pocket at the edge of the map may be wide outside
    counts = np.ones((41, 41), dtype=np.int64)
    counts[0, 10:13] = 2
    assert not spread(counts, (0, 1), cell=8).any()
