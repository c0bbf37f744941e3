"""Compiled kernels of maps over two axes: full searches where minima come and go, one Newton walk everywhere else.

A map is cut into cells of a few grid steps. At the corners of the cells all minima are searched for; where four corners
hold the same minima, those in between are reached by Newton steps from interpolated populations. The kernels release
the interpreter's lock and share no memory that they write, so that threads may run them on different rows.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from labile.models.kernels import (
    NEARLY,
    TOLERANCE,
    all_minima,
    buffers,
    manifold_logs,
    newton_direction,
    normalise,
    positive_definite,
    potentials,
)

threaded = njit(cache=True, fastmath=False, error_model="numpy", nogil=True)
"""As `kernels.compiled`, without the interpreter's lock."""

SAME_BRANCH = 0.1
"""Minima at two corners of a cell are one branch when no population differs by more than this."""
SOFT = 0.15
"""A corner at which the Hessian is softer than this (in RT, relative changes) may lie next to a critical point."""
REACH = 3
"""Cells on every side of a thin pocket that are searched as well."""
ASTRAY = 0.02
"""A Newton walk that ends further than this from where it began is not believed."""
MEETING = 1e-3
"""Two minima that are followed and come closer than this are looked for again."""
MOST_STEPS = 8
"""Newton steps after which a walk is given up."""
LONGEST_STEP = 1e-2
"""A walk whose step has a larger sum of x z^2 than this started too far away."""
QUICK = 1e-11
"""Bound of |mu_i - lambda|/RT after a step, below which the step is the last."""
SMALLEST_PIVOT = 1e-6
"""A walk ends where the Hessian is as soft as this, in RT."""


@threaded
def search_points(g, w, rt, mi, manifold, rows, columns, found, energies, counts, failures, max_iterations):
    """All minima at listed points of a map; `found` (N, n + 2, n) receives ln x, lowest first."""
    n = g.shape[2]
    u, x, previous = np.empty(n), np.empty(n), np.zeros(n)
    scratch = buffers(n)
    wide, tall = w.shape[1] > 1, w.shape[0] > 1
    have, last_row = False, -1
    for p in range(rows.size):
        r, c = rows[p], columns[p]
        if r != last_row:
            have, last_row = False, r
        counts[p], failures[p] = all_minima(
            g[r, c], w[r if tall else 0, c if wide else 0], rt[r, c], mi[r, c], manifold, previous, have, found[p],
            energies[p], max_iterations, scratch, u, x,
        )  # fmt: skip
        if counts[p] > 0:
            previous[:] = found[p, 0]
            have = True


@threaded
def soft_points(w, rt, mi, manifold, rows, columns, found, counts, soft):
    """Mark points at which the Hessian of any minimum is softer than SOFT."""
    n = found.shape[2]
    x, big, q = np.empty(n), np.empty(n), np.empty(n)
    scratch = buffers(n)
    wide, tall = w.shape[1] > 1, w.shape[0] > 1
    for p in range(rows.size):
        r, c = rows[p], columns[p]
        soft[p] = False
        for k in range(counts[p]):
            for i in range(n):
                x[i] = math.exp(found[p, k, i])
            if mi[r, c] != 0.0:
                manifold_logs(found[p, k], manifold, big, q)
            here = w[r if tall else 0, c if wide else 0]
            if not positive_definite(here, rt[r, c], mi[r, c], x, q, manifold, -SOFT, scratch[3], scratch[4]):
                soft[p] = True


@threaded
def _match(first, second, count, order):
    """Whether the minima of two corners pair off; `order` receives the place of each of the first in the second."""
    n = first.shape[1]
    for a in range(count):
        best, nearest, next_nearest = -1, math.inf, math.inf
        for b in range(count):
            distance = 0.0
            for i in range(n):
                distance = max(distance, abs(math.exp(first[a, i]) - math.exp(second[b, i])))
            if distance < nearest:
                best, nearest, next_nearest = b, distance, nearest
            else:
                next_nearest = min(next_nearest, distance)
        if nearest > SAME_BRANCH or nearest > 0.3 * next_nearest:
            return False
        for other in range(a):
            if order[other] == best:
                return False
        order[a] = best
    return True


@threaded
def pair_corners(found, counts, doubtful, uncertain, orders):
    """Compare the four corners of every cell: `uncertain` cells are searched point by point.

    `doubtful` corners have a soft Hessian or a descent that failed.
    `orders` (R - 1, C - 1, 3, n + 2) receives where the minima of the first corner are at the other three.
    """
    for r in range(uncertain.shape[0]):
        for c in range(uncertain.shape[1]):
            count = counts[r, c]
            bad = count == 0
            for i in range(2):
                for j in range(2):
                    other = (r + i, c + j)
                    bad = bad or counts[other] != count or doubtful[other]
            if not bad:
                for number in range(1, 4):
                    other = (r + number // 2, c + number % 2)
                    bad = bad or not _match(found[r, c], found[other], count, orders[r, c, number - 1])
            uncertain[r, c] = bad


@threaded
def assume_counts(uncertain, counts, corner_counts, node_rows, node_columns):
    """Give all points of certain cells the number of minima of their corners."""
    for r in range(uncertain.shape[0]):
        for c in range(uncertain.shape[1]):
            if not uncertain[r, c]:
                for i in range(node_rows[r], node_rows[r + 1] + 1):
                    for j in range(node_columns[c], node_columns[c + 1] + 1):
                        counts[i, j] = corner_counts[r, c]


@threaded
def _thin(counts, i, j):
    """Whether a pocket with more minima is at most two points wide here, along either axis."""
    for axis in range(2):
        size = counts.shape[axis]
        at = i if axis == 0 else j
        width = 1
        for side in (-1, 1):
            for step in range(1, 3):
                place = at + side * step
                inside = 0 <= place < size
                if inside:
                    other = counts[place, j] if axis == 0 else counts[i, place]
                    inside = other >= counts[i, j]
                # what lies beyond the edge of the map may be wide
                elif place < 0 or place >= size:
                    inside = True
                if not inside:
                    break
                width += 1
        if width <= 2:
            return True
    return False


@threaded
def spread(searched, uncertain, counts, corner_counts, node_rows, node_columns, fresh):
    """Mark cells to be searched next because of what the `searched` ones hold.

    These are neighbours whose corners have another number of minima than the points along their common side, and all
    cells within REACH of a pocket so thin that grid points may lie on either side of it.
    """
    rows, columns = uncertain.shape
    for r in range(rows):
        for c in range(columns):
            fresh[r, c] = False
    for r in range(rows):
        for c in range(columns):
            if not searched[r, c]:
                continue
            r0, c0 = node_rows[r], node_columns[c]
            r1, c1 = node_rows[r + 1] - 1, node_columns[c + 1] - 1
            for side in range(4):
                a, b = r + (side == 1) - (side == 0), c + (side == 3) - (side == 2)
                if a < 0 or b < 0 or a >= rows or b >= columns or uncertain[a, b] or fresh[a, b]:
                    continue
                length = c1 - c0 + 1 if side < 2 else r1 - r0 + 1
                for k in range(length):
                    i = (r0 if side == 0 else r1) if side < 2 else r0 + k
                    j = (c0 if side == 2 else c1) if side >= 2 else c0 + k
                    if counts[i, j] != corner_counts[a, b]:
                        fresh[a, b] = True
                        break
            thin = False
            for i in range(r0, r1 + 1):
                for j in range(c0, c1 + 1):
                    thin = thin or _thin(counts, i, j)
            if thin:
                for a in range(max(0, r - REACH), min(rows, r + REACH + 1)):
                    for b in range(max(0, c - REACH), min(columns, c + REACH + 1)):
                        fresh[a, b] = fresh[a, b] or not uncertain[a, b]


@threaded
def _walk(g, w, rt, mi, manifold, u, x, scratch):
    """Newton steps without a line search to the minimum nearby; G, or NaN where it is not reached."""
    n = g.size
    arrays, _, z, _, _ = scratch
    mu, log_big, q = arrays[0], arrays[1], arrays[2]
    noise = 0.0
    for i in range(n):
        noise = max(noise, abs(g[i]))
    noise = 1e-14 * (noise + rt)
    floor, nearly = TOLERANCE * rt + 4.0 * noise, NEARLY * rt + 4.0 * noise
    definite = False
    visits = 0
    for _ in range(MOST_STEPS):
        normalise(u, x)
        manifold_logs(u, manifold, log_big, q)
        energy = potentials(g, w, rt, mi, u, x, log_big, mu)
        mean = 0.0
        for i in range(n):
            mean += x[i] * mu[i]
        residual = 0.0
        for i in range(n):
            residual = max(residual, abs(mu[i] - mean))
        if residual <= nearly:
            visits += 1
        if definite and (residual <= floor or visits > 1):
            return energy
        if not newton_direction(w, rt, mi, x, q, manifold, mu, mean, 0.0, False, scratch):
            return math.nan
        definite = True
        for i in range(n):
            u[i] += z[i]
    return math.nan


@threaded
def _quick_walk(g, w, rt, strength, u, x, mu, z, field, a):
    """As `_walk` without domains (m = 1), for starts so good that one step is enough.

    The most populated state b is eliminated: with y_i = dx_i/sqrt(x_i) of the others the Hessian of G is

        RT (delta_ij + sqrt(x_i x_j)/x_b) + sqrt(x_i x_j) (W_ij - W_ib - W_jb),

    whose Cholesky factors exist at a minimum only. A step z of ln x leaves |mu_i - lambda|/RT below
    (1 + max|W|/RT) sum x z^2, so that a small step needs no second evaluation. `strength` is max|W|.
    """
    n = g.size
    for _ in range(MOST_STEPS):
        total, b = 0.0, 0
        for i in range(n):
            x[i] = math.exp(u[i])
            total += x[i]
            if x[i] > x[b]:
                b = i
        shift = math.log(total)
        energy = 0.0
        for i in range(n):
            x[i] /= total
            u[i] -= shift
        for i in range(n):
            pull = 0.0
            for j in range(n):
                pull += w[i, j] * x[j]
            mu[i] = g[i] + rt * u[i] + pull
            energy += x[i] * (mu[i] - 0.5 * pull)
        # row and column i of the factor stand for state i, or i + 1 from b on
        for i in range(n - 1):
            p = i if i < b else i + 1
            root = math.sqrt(x[p])
            field[i] = root
            z[i] = -root * (mu[p] - mu[b])
            for j in range(i + 1):
                q = j if j < b else j + 1
                a[i, j] = root * field[j] * (rt / x[b] + w[p, q] - w[p, b] - w[q, b])
            a[i, i] += rt
        for k in range(n - 1):
            for j in range(k):
                a[k, k] -= a[k, j] * a[k, j]
            if not a[k, k] > SMALLEST_PIVOT * rt:
                return math.nan
            a[k, k] = math.sqrt(a[k, k])
            for j in range(k):
                z[k] -= a[k, j] * z[j]
            z[k] /= a[k, k]
            for i in range(k + 1, n - 1):
                for j in range(k):
                    a[i, k] -= a[i, j] * a[k, j]
                a[i, k] /= a[k, k]
        for k in range(n - 2, -1, -1):
            for i in range(k + 1, n - 1):
                z[k] -= a[i, k] * z[i]
            z[k] /= a[k, k]
        # dx of all states, and from it the relative changes by the Newton equation, good for vanishing x too
        for k in range(n - 2, -1, -1):
            z[k] *= field[k]
        balance = 0.0
        for k in range(n - 1):
            balance -= z[k]
        for k in range(n - 1, b, -1):
            z[k] = z[k - 1]
        z[b] = balance
        for i in range(n):
            field[i] = 0.0
            for j in range(n):
                field[i] += w[i, j] * z[j]
        level = rt * balance / x[b] + mu[b] + field[b]
        second, gain = 0.0, 0.0
        for i in range(n):
            gain += mu[i] * z[i]
        for i in range(n):
            z[i] = (level - mu[i] - field[i]) / rt
            second += x[i] * z[i] * z[i]
        if not second < LONGEST_STEP:
            return math.nan
        for i in range(n):
            u[i] += z[i]
        if second * (1.0 + strength / rt) <= QUICK:
            for i in range(n):
                x[i] *= math.exp(z[i]) if abs(z[i]) > 1e-4 else 1.0 + z[i] * (1.0 + z[i] * (0.5 + z[i] / 6.0))
            return energy + 0.5 * gain
    return math.nan


@threaded
def fill_cells(
    g, w, rt, mi, manifold, first_row, last_row, node_rows, node_columns, found, counts, uncertain, orders, lost,
    x_map, energy_map, count_map,
):  # fmt: skip
    """Fill the points of all certain cells in rows first_row to last_row of the cells by following their minima.

    Along a row each minimum starts from a parabola through the three points before, at first from the corners. A cell
    in which a minimum is lost, or two meet, is marked in `lost` and left.
    """
    n, room = g.shape[2], x_map.shape[2]
    u, x, mu, z, field, a = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty((n, n))
    start, scratch = np.empty(n), buffers(n)
    # ln x at the three points before and at this one, by minimum; `swap` renames minima from cell to cell
    past, swap = np.empty((4, room, n)), np.empty((4, room, n))
    xs, energies = np.empty((room, n)), np.empty(room)
    wide, tall = w.shape[1] > 1, w.shape[0] > 1
    strength = 0.0
    if not (wide or tall):
        for p in range(n):
            for q in range(n):
                strength = max(strength, abs(w[0, 0, p, q]))
    for r in range(first_row, last_row):
        r0, r1 = node_rows[r], node_rows[r + 1]
        for i in range(r0, r1 + 1 if r == node_rows.size - 2 else r1):
            part = (i - r0) / (r1 - r0)
            have = 0
            for c in range(node_columns.size - 1):
                if uncertain[r, c] or lost[r, c]:
                    have = 0
                    continue
                if have:
                    for k in range(counts[r, c]):
                        swap[:, orders[r, c - 1, 0, k]] = past[:, k]
                    past, swap = swap, past
                c0, c1 = node_columns[c], node_columns[c + 1]
                for j in range(c0, c1 + 1 if c == node_columns.size - 2 else c1):
                    across = (j - c0) / (c1 - c0)
                    here = w[i if tall else 0, j if wide else 0]
                    if wide or tall:
                        strength = 0.0
                        for p in range(n):
                            for q in range(n):
                                strength = max(strength, abs(here[p, q]))
                    good = True
                    for k in range(counts[r, c]):
                        for s in range(n):
                            if have >= 3:
                                u[s] = past[0, k, s] + 3.0 * (past[2, k, s] - past[1, k, s])
                            else:
                                u[s] = (1.0 - part) * (
                                    (1.0 - across) * found[r, c, k, s] + across * found[r, c + 1, orders[r, c, 0, k], s]
                                ) + part * (
                                    (1.0 - across) * found[r + 1, c, orders[r, c, 1, k], s]
                                    + across * found[r + 1, c + 1, orders[r, c, 2, k], s]
                                )
                            start[s] = math.exp(u[s])
                        if mi[i, j] == 0.0:
                            energies[k] = _quick_walk(g[i, j], here, rt[i, j], strength, u, x, mu, z, field, a)
                        else:
                            energies[k] = _walk(g[i, j], here, rt[i, j], mi[i, j], manifold, u, x, scratch)
                        good = math.isfinite(energies[k])
                        if good:
                            for s in range(n):
                                xs[k, s] = x[s]
                                past[3, k, s] = u[s]
                                good = good and abs(x[s] - start[s]) < ASTRAY
                            for other in range(k):
                                distance = 0.0
                                for s in range(n):
                                    distance = max(distance, abs(xs[other, s] - x[s]))
                                good = good and distance > MEETING
                        if not good:
                            break
                    if not good:
                        lost[r, c] = True
                        have = 0
                        break
                    write_point(xs, energies, counts[r, c], x_map[i, j], energy_map[i, j])
                    count_map[i, j] = counts[r, c]
                    for k in range(counts[r, c]):
                        for s in range(n):
                            past[0, k, s], past[1, k, s] = past[1, k, s], past[2, k, s]
                            past[2, k, s] = past[3, k, s]
                    have += 1


@threaded
def write_point(xs, energies, count, x_out, energy_out):
    """Minima in the order of their energy; NaN behind them."""
    n = xs.shape[1]
    for k in range(energy_out.size):
        energy_out[k] = math.nan
        for s in range(n):
            x_out[k, s] = math.nan
    for k in range(count):
        place = 0
        for other in range(count):
            if energies[other] < energies[k] or (energies[other] == energies[k] and other < k):
                place += 1
        energy_out[place] = energies[k]
        for s in range(n):
            x_out[place, s] = xs[k, s]


@threaded
def write_searched(rows, columns, found, energies, counts, failures, x_map, energy_map, count_map, incomplete):
    """Copy what `search_points` found into the map."""
    n = found.shape[2]
    xs = np.empty((n + 2, n))
    for p in range(rows.size):
        for k in range(counts[p]):
            for s in range(n):
                xs[k, s] = math.exp(found[p, k, s])
        r, c = rows[p], columns[p]
        write_point(xs, energies[p], counts[p], x_map[r, c], energy_map[r, c])
        count_map[r, c] = counts[p]
        incomplete[r, c] = failures[p] > 0
