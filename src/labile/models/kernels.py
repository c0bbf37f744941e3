"""Compiled solvers of the canonical free energy: descent to a minimum, all minima, implicit derivatives.

Populations are carried as u = ln x, so that a state at 1e-300 is as well conditioned as one at 0.5, and the Newton
system is written for relative changes z_i = dx_i/x_i, with 1/m - 1 of the domain size m passed as `mi`:

    RT z_i + (1/m - 1) RT sum_{j in M(i)} q_j z_j + sum_j W_ij x_j z_j - lambda = -mu_i,    sum_i x_i z_i = 0

with q_j the fraction of state j in its manifold. Nothing in it diverges when a population vanishes. A step changes
no population by more than MAX_STEP, so a descent cannot cross a barrier that is wider than that.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

compiled = njit(cache=True, fastmath=False, error_model="numpy")
"""How every kernel is compiled: cached on disk, IEEE arithmetic, no checks for division by zero."""

MAX_STEP = 0.1
"""Largest change of any population in one step of a descent."""
TOLERANCE = 1e-12
"""Largest |mu_i - lambda|/RT accepted as stationary."""
NEARLY = 1e-10
"""Accepted too when one more Newton step does not reach TOLERANCE, as at the very end of a minimum."""
STUCK = 1e-6
"""A step smaller than this where G is not convex means a saddle on the way; it is left sideways."""
LARGEST_SHIFT = 1e4
"""Multiple of RT diag(1/x) added to the Hessian before a descent falls back to the gradient."""
SAME_MINIMUM = 1e-6
"""Minima closer than this in every population are one."""
NEGLIGIBLE = 0.02
"""A vertex whose population cannot exceed this at any stationary point is no start."""

CONVERGED, NOT_CONVERGED, PAST_FOLD = 0, 1, 2


@compiled
def normalise(u, x):
    """Shift u = ln x so that x sums to 1, and fill x."""
    top = u[0]
    for i in range(1, u.size):
        top = max(top, u[i])
    total = 0.0
    for i in range(u.size):
        x[i] = math.exp(u[i] - top)
        total += x[i]
    shift = top + math.log(total)
    for i in range(u.size):
        u[i] -= shift
        x[i] /= total


@compiled
def buffers(n):
    """Scratch arrays of one descent, so that a loop over points allocates once."""
    return (
        np.empty((8, n)),
        np.empty((n + 1, n + 1)),
        np.empty(n + 1),
        np.empty((n, n)),
        np.empty((6, n)),
    )


@compiled
def manifold_logs(u, manifold, log_big, q):
    """Ln X_M of each state's manifold and the fraction q of each state in it."""
    n = u.size
    for i in range(n):
        top = -math.inf
        for j in range(n):
            if manifold[j] == manifold[i]:
                top = max(top, u[j])
        total = 0.0
        for j in range(n):
            if manifold[j] == manifold[i]:
                total += math.exp(u[j] - top)
        log_big[i] = top + math.log(total)
        q[i] = math.exp(u[i] - log_big[i])


@compiled
def potentials(g, w, rt, mi, u, x, log_big, mu):
    """Fill mu with the chemical potentials, common constants dropped, and return G."""
    n = g.size
    energy = 0.0
    for i in range(n):
        field = 0.0
        for j in range(n):
            field += w[i, j] * x[j]
        mu[i] = g[i] + rt * u[i] + field
        energy += x[i] * (g[i] + rt * u[i] + 0.5 * field)
        if mi != 0.0:
            mu[i] += mi * rt * log_big[i]
            energy += x[i] * mi * rt * log_big[i]
    return energy


@compiled
def bordered(w, rt, mi, x, q, manifold, a):
    """Fill a (n+1, n+1): the Newton matrix for relative changes with the multiplier of sum x = 1."""
    n = x.size
    for i in range(n):
        for j in range(n):
            a[i, j] = w[i, j] * x[j]
            if mi != 0.0 and manifold[i] == manifold[j]:
                a[i, j] += mi * rt * q[j]
        a[i, i] += rt
        a[i, n] = -rt
        a[n, i] = x[i]
    a[n, n] = 0.0


@compiled
def _solve(a, b, size):
    """Gaussian elimination with partial pivoting in place; False when singular."""
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        if a[pivot, k] == 0.0 or not math.isfinite(a[pivot, k]):
            return False
        if pivot != k:
            for j in range(k, size):
                a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
            b[k], b[pivot] = b[pivot], b[k]
        for i in range(k + 1, size):
            factor = a[i, k] / a[k, k]
            if factor != 0.0:
                for j in range(k + 1, size):
                    a[i, j] -= factor * a[k, j]
                b[i] -= factor * b[k]
    for k in range(size - 1, -1, -1):
        total = b[k]
        for j in range(k + 1, size):
            total -= a[k, j] * b[j]
        b[k] = total / a[k, k]
    return True


@compiled
def _tangent_definite(s, root, sv):
    """Whether S is positive definite on the space orthogonal to the unit vector root; destroys s."""
    n = root.size
    # B = P S P + v v^T with v = root is positive definite exactly when the restriction is
    vsv = 0.0
    for i in range(n):
        sv[i] = 0.0
        for j in range(n):
            sv[i] += s[i, j] * root[j]
        vsv += root[i] * sv[i]
    for i in range(n):
        for j in range(n):
            s[i, j] += -root[i] * sv[j] - sv[i] * root[j] + (vsv + 1.0) * root[i] * root[j]
    for k in range(n):
        for j in range(k):
            s[k, k] -= s[k, j] * s[k, j]
        if not s[k, k] > 0.0:
            return False
        s[k, k] = math.sqrt(s[k, k])
        for i in range(k + 1, n):
            for j in range(k):
                s[i, k] -= s[i, j] * s[k, j]
            s[i, k] /= s[k, k]
    return True


@compiled
def positive_definite(w, rt, mi, x, q, manifold, shift, s, scratch):
    """Whether the Hessian of G plus shift RT diag(1/x), restricted to sum dx = 0, is positive definite."""
    n = x.size
    root, sv = scratch[0], scratch[1]
    for i in range(n):
        root[i] = math.sqrt(x[i])
    for i in range(n):
        for j in range(n):
            s[i, j] = root[i] * w[i, j] * root[j] / rt
            if mi != 0.0 and manifold[i] == manifold[j]:
                s[i, j] += mi * math.sqrt(q[i] * q[j])
        s[i, i] += 1.0 + shift
    return _tangent_definite(s, root, sv)


@compiled
def newton_direction(w, rt, mi, x, q, manifold, mu, mean, shift, convex_here, scratch):
    """Fill z with the relative changes of a Newton step; False where G plus the shift is not convex."""
    n = x.size
    _, a, z, s, more = scratch
    if mi != 0.0:
        if not (convex_here or positive_definite(w, rt, mi, x, q, manifold, shift, s, more)):
            return False
        bordered(w, rt, mi, x, q, manifold, a)
        for i in range(n):
            a[i, i] += shift * rt
            z[i] = -(mu[i] - mean)
        z[n] = 0.0
        return _solve(a, z, n + 1)
    # one Cholesky factorisation of the symmetric form, in y = sqrt(x) z, both tests and solves
    root, sv = more[0], more[1]
    for i in range(n):
        root[i] = math.sqrt(x[i])
    for i in range(n):
        for j in range(i):
            s[i, j] = s[j, i] = root[i] * w[i, j] * root[j] / rt
        s[i, i] = 1.0 + shift
    if not _tangent_definite(s, root, sv):
        return False
    for i in range(n):
        total = -root[i] * (mu[i] - mean) / rt
        for j in range(i):
            total -= s[i, j] * z[j]
        z[i] = total / s[i, i]
    for i in range(n - 1, -1, -1):
        total = z[i]
        for j in range(i + 1, n):
            total -= s[j, i] * z[j]
        z[i] = total / s[i, i]
    # back to relative changes by the Newton equation itself, which holds for vanishing x too
    common = 0.0
    for i in range(n):
        sv[i] = 0.0
        for j in range(n):
            sv[i] += w[i, j] * root[j] * z[j]
        common += x[i] * sv[i]
    for i in range(n):
        z[i] = (-(mu[i] - mean) - sv[i] + common) / (rt * (1.0 + shift))
    return True


@compiled
def descend(g, w, rt, mi, manifold, u, x, max_iterations, convex_here, scratch):
    """Go downhill from u = ln x to the minimum of its basin; returns a status, leaves the minimum in u and x.

    `convex_here` says that G is known to have one minimum, so that no step can end in a saddle.
    """
    n = g.size
    arrays, _, z, s, more = scratch
    mu, log_big, q = arrays[0], arrays[1], arrays[2]
    trial, trial_x, trial_mu, trial_big, trial_q = arrays[3], arrays[4], arrays[5], arrays[6], arrays[7]
    normalise(u, x)
    if mi != 0.0:
        manifold_logs(u, manifold, log_big, q)
    energy = potentials(g, w, rt, mi, u, x, log_big, mu)
    # NaN passes every comparison below unnoticed
    if not math.isfinite(energy):
        return NOT_CONVERGED
    noise = 0.0
    for i in range(n):
        noise = max(noise, abs(g[i]))
    noise = 1e-14 * (noise + rt)
    floor, nearly = TOLERANCE * rt + 4.0 * noise, NEARLY * rt + 4.0 * noise
    moved, definite, visits = 1.0, True, 0
    for _ in range(max_iterations):
        mean = 0.0
        for i in range(n):
            mean += x[i] * mu[i]
        residual = 0.0
        for i in range(n):
            residual = max(residual, abs(mu[i] - mean))
        if residual <= nearly:
            visits += 1
        settled = residual <= floor or (residual <= nearly and visits > 1)
        if settled or moved < STUCK:
            definite = convex_here or positive_definite(w, rt, mi, x, q, manifold, 0.0, s, more)
            if definite and settled:
                return CONVERGED
        if not definite:
            definite, moved = True, 1.0
            # a saddle or maximum, or the bottleneck just past the end of a minimum: leave it in a direction that no
            # symmetry of the states shares, downhill
            slope = 0.0
            for i in range(n):
                slope += x[i] * math.sin(1.0 + 2.3 * i) * (mu[i] - mean)
            for i in range(n):
                u[i] += (-1e-3 if slope > 0.0 else 1e-3) * math.sin(1.0 + 2.3 * i)
            normalise(u, x)
            if mi != 0.0:
                manifold_logs(u, manifold, log_big, q)
            energy = potentials(g, w, rt, mi, u, x, log_big, mu)
            continue
        # where G curves down, the smallest shift of 0, 0.001, ... that makes the Newton matrix definite is added; plain
        # steps down the gradient would swing about a saddle for ever once the change of G is below its round-off
        slope, shift = 1.0, 0.0
        while shift < LARGEST_SHIFT:
            if newton_direction(w, rt, mi, x, q, manifold, mu, mean, shift, convex_here, scratch):
                slope = 0.0
                for i in range(n):
                    slope += x[i] * z[i] * (mu[i] - mean)
                break
            shift = max(0.001, (25.0 if shift < 0.5 else 4.0) * shift)
        # a slope of zero comes from populations that vanish: their Newton step is good
        if not slope <= 0.0:
            slope = 0.0
            for i in range(n):
                z[i] = -(mu[i] - mean) / rt
                slope += x[i] * z[i] * (mu[i] - mean)
        t = 1.0
        accepted = False
        for _ in range(80):
            largest = 0.0
            for i in range(n):
                trial[i] = u[i] + t * z[i]
            normalise(trial, trial_x)
            for i in range(n):
                largest = max(largest, abs(trial_x[i] - x[i]))
            if convex_here or largest <= MAX_STEP:
                if mi != 0.0:
                    manifold_logs(trial, manifold, trial_big, trial_q)
                trial_energy = potentials(g, w, rt, mi, trial, trial_x, trial_big, trial_mu)
                if trial_energy <= energy + 1e-4 * t * slope + noise:
                    accepted = True
                    break
            t *= 0.5
        if not accepted:
            return NOT_CONVERGED
        for i in range(n):
            u[i], x[i], mu[i] = trial[i], trial_x[i], trial_mu[i]
            log_big[i], q[i] = trial_big[i], trial_q[i]
        energy, moved = trial_energy, largest
    return NOT_CONVERGED


@compiled
def unique_minimum(g, w, rt, mi, u, started, scratch):
    """Whether G has one minimum for certain; if so u receives a start close to it.

    The bounds found on the way stay in scratch[4][2] (lo) and scratch[4][3] (hi).

    Every stationary point obeys x_i ~ exp(-(g_i + sum_j W_ij x_j)/RT). Bounds lo <= x <= hi put into the right-hand
    side give tighter bounds; when RT diag(1/hi) + W is positive definite on sum dx = 0, G is convex in the whole box
    that holds all stationary points, so there is one. False means "perhaps not".
    `started` says that u already holds a good start; it is kept where a bound on the interactions suffices.
    """
    n = g.size
    low, high = 0.0, 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                low = min(low, w[i, j])
                high = max(high, w[i, j])
    _, _, _, s, more = scratch
    lo, hi, weight_lo, weight_hi = more[2], more[3], more[4], more[5]
    for i in range(n):
        lo[i], hi[i] = 0.0, 1.0
    if mi != 0.0:
        return 4.0 * rt * (1.0 + min(mi, 0.0)) + 2.0 * (low - high) > 0.0
    sure = 4.0 * rt + 2.0 * (low - high) > 0.0
    if sure and started:
        return True
    for sweep in range(12):
        top = -math.inf
        for i in range(n):
            field_lo, field_hi, row_lo, row_hi = 0.0, 0.0, 0.0, 0.0
            for j in range(n):
                row_lo, row_hi = min(row_lo, w[i, j]), max(row_hi, w[i, j])
                if w[i, j] >= 0.0:
                    field_lo += w[i, j] * lo[j]
                    field_hi += w[i, j] * hi[j]
                else:
                    field_lo += w[i, j] * hi[j]
                    field_hi += w[i, j] * lo[j]
            weight_hi[i] = -(g[i] + max(field_lo, row_lo)) / rt
            weight_lo[i] = -(g[i] + min(field_hi, row_hi)) / rt
            top = max(top, weight_hi[i])
        for i in range(n):
            weight_hi[i] = math.exp(weight_hi[i] - top)
            weight_lo[i] = math.exp(weight_lo[i] - top)
        change = 0.0
        for i in range(n):
            # summed for every state: a total less its own weight loses the small weights of the others to round-off
            others_lo, others_hi = 0.0, 0.0
            for j in range(n):
                if j != i:
                    others_lo += weight_lo[j]
                    others_hi += weight_hi[j]
            new_hi = weight_hi[i] / (weight_hi[i] + others_lo) if others_lo > 0.0 else 1.0
            new_lo = weight_lo[i] / (weight_lo[i] + others_hi) if weight_lo[i] > 0.0 else 0.0
            new_hi, new_lo = min(new_hi, hi[i]), max(new_lo, lo[i])
            change = max(change, hi[i] - new_hi, new_lo - lo[i])
            hi[i], lo[i] = new_hi, new_lo
        if not sure and sweep:
            sure = _convex_in_box(w, rt, hi, s, more)
        if sure and (sweep or change < 0.05):
            for i in range(n):
                u[i] = math.log(0.5 * (lo[i] + hi[i]) + 1e-300)
            return True
        if change < 0.02:
            return False
    return False


@compiled
def _convex_in_box(w, rt, hi, s, scratch):
    """Whether RT diag(1/hi) + W is positive definite on sum dx = 0; hi need not sum to 1."""
    n = hi.size
    root, sv = scratch[0], scratch[1]
    total = 0.0
    for i in range(n):
        total += hi[i]
    for i in range(n):
        root[i] = math.sqrt(hi[i])
    for i in range(n):
        for j in range(n):
            s[i, j] = root[i] * w[i, j] * root[j] / rt
        s[i, i] += 1.0
    for i in range(n):
        root[i] /= math.sqrt(total)
    return _tangent_definite(s, root, sv)


@compiled
def _start(u, n, vertex):
    """Fill u with a start: close to a vertex, the centre for vertex = n, then midpoints of the n (n-1)/2 edges."""
    for i in range(n):
        u[i] = 0.0 if vertex == n else math.log(1e-3)
    if vertex < n:
        u[vertex] = 0.0
    elif vertex > n:
        first, second = _edge(n, vertex - n - 1)
        u[first] = u[second] = math.log(0.5)


@compiled
def _edge(n, number):
    """States of an edge by its number."""
    for i in range(n):
        for j in range(i + 1, n):
            if number == 0:
                return i, j
            number -= 1
    return 0, 0


@compiled
def all_minima(g, w, rt, mi, manifold, previous, use_previous, found, energies, max_iterations, scratch, u, x):
    """Minima of one free energy, lowest first; returns how many there are and how many descents failed.

    Starts at the centre, every vertex, the middle of every edge whose states mix (W < 2 RT: such a pair can be
    a phase of its own) and, when asked, a previous point. `found` (S, n) receives ln x of the S lowest.
    """
    n = g.size
    mu, log_big, q = scratch[0][0], scratch[0][1], scratch[0][2]
    count, failures = 0, 0
    hi = scratch[4][3]
    if use_previous:
        u[:] = previous
    else:
        _start(u, n, n)
    single = unique_minimum(g, w, rt, mi, u, use_previous, scratch)
    first = -1 if use_previous and not single else 0
    for attempt in range(first, n + 1 + n * (n - 1) // 2):
        if single:
            pass
        elif attempt == -1:
            u[:] = previous
        elif attempt == 0:
            _start(u, n, n)
        elif attempt <= n:
            if hi[attempt - 1] < NEGLIGIBLE:
                continue
            _start(u, n, attempt - 1)
        else:
            i, j = _edge(n, attempt - n - 1)
            if w[i, j] > 2.0 * rt or min(hi[i], hi[j]) < NEGLIGIBLE:
                continue
            _start(u, n, attempt)
        if descend(g, w, rt, mi, manifold, u, x, max_iterations, single, scratch) != CONVERGED:
            failures += 1
            single = False
            continue
        known = False
        for k in range(count):
            distance = 0.0
            for i in range(n):
                distance = max(distance, abs(math.exp(found[k, i]) - x[i]))
            if distance < SAME_MINIMUM:
                known = True
                break
        if not known:
            manifold_logs(u, manifold, log_big, q)
            energy = potentials(g, w, rt, mi, u, x, log_big, mu)
            slot = count
            if count < found.shape[0]:
                count += 1
            else:
                for k in range(count):
                    if slot == count or energies[k] > energies[slot]:
                        slot = k
                if energies[slot] <= energy:
                    continue
            energies[slot] = energy
            found[slot] = u
        if single and count:
            break
    for i in range(1, count):
        j = i
        while j > 0 and energies[j] < energies[j - 1]:
            energies[j], energies[j - 1] = energies[j - 1], energies[j]
            for k in range(n):
                found[j, k], found[j - 1, k] = found[j - 1, k], found[j, k]
            j -= 1
    return count, failures


@compiled
def minima_over_points(g, w, rt, mi, manifold, found, energies, counts, failures, max_iterations):
    """All minima at N conditions; the lowest of the point before serves as a further start."""
    points, n = g.shape
    previous, u, x = np.zeros(n), np.empty(n), np.empty(n)
    scratch = buffers(n)
    have = False
    for p in range(points):
        counts[p], failures[p] = all_minima(
            g[p],
            w[min(p, w.shape[0] - 1)],
            rt[p],
            mi,
            manifold,
            previous,
            have,
            found[p],
            energies[p],
            max_iterations,
            scratch,
            u,
            x,
        )
        if counts[p] > 0:
            previous[:] = found[p, 0]
            have = True


@compiled
def lowest_over_points(g, w, rt, mi, manifold, us, status, max_iterations):
    """Find ln x of the most stable minimum at N conditions; a point with one minimum costs one descent.

    Starts are extrapolated from the two points before, which pays when the conditions are in order.
    """
    points, n = g.shape
    found, energies = np.empty((n + 2, n)), np.empty(n + 2)
    u, x, previous = np.empty(n), np.empty(n), np.empty(n)
    scratch = buffers(n)
    solved = 0
    for p in range(points):
        if solved >= 1:
            previous[:] = us[p - 1]
        if solved >= 2:
            before = rt[p - 1] - rt[p - 2]
            ratio = (rt[p] - rt[p - 1]) / before if before != 0.0 else 0.0
            if 0.0 < ratio <= 4.0:
                for i in range(n):
                    previous[i] += min(max(ratio * (us[p - 1, i] - us[p - 2, i]), -1.0), 1.0)
        count, _ = all_minima(
            g[p],
            w[min(p, w.shape[0] - 1)],
            rt[p],
            mi,
            manifold,
            previous,
            solved > 0,
            found,
            energies,
            max_iterations,
            scratch,
            u,
            x,
        )
        if count > 0:
            status[p] = CONVERGED
            us[p] = found[0]
            solved += 1
        else:
            status[p] = NOT_CONVERGED
            us[p] = np.nan
            solved = 0


@compiled
def follow_points(g, w, rt, mi, manifold, start, us, status, max_iterations):
    """Find ln x along an ordered path, each point from the last minimum that was reached."""
    points, n = g.shape
    u, x, last = start.copy(), np.empty(n), start.copy()
    scratch = buffers(n)
    for p in range(points):
        status[p] = descend(g[p], w[min(p, w.shape[0] - 1)], rt[p], mi, manifold, u, x, max_iterations, False, scratch)
        if status[p] == CONVERGED:
            us[p] = u
            last[:] = u
        else:
            us[p] = np.nan
            u[:] = last
