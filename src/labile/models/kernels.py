"""Compiled solvers of the canonical free energy: descent to a minimum, all minima, implicit derivatives.

Populations are carried as u = ln x, so that a state at 1e-300 is as well conditioned as one at 0.5, and the Newton
system is written for relative changes z_i = dx_i/x_i:

    RT z_i + (1/m - 1) RT sum_{j in M(i)} q_j z_j + sum_j W_ij x_j z_j - lambda = -mu_i,    sum_i x_i z_i = 0

with q_j the fraction of state j in its manifold. Nothing in it diverges when a population vanishes. Steps are
limited in x, so a descent stays in the basin it started in instead of jumping over a barrier.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

MAX_STEP = 0.1
"""Largest change of any population in one step of a descent."""
TOLERANCE = 1e-10
"""Largest |mu_i - lambda|/RT accepted as stationary."""
SAME_MINIMUM = 1e-6
"""Minima closer than this in every population are one."""

CONVERGED, NOT_CONVERGED, PAST_FOLD = 0, 1, 2


@njit(cache=True, fastmath=False)
def _normalise(u, x):
    top = u[0]
    for i in range(1, u.size):
        top = max(top, u[i])
    total = 0.0
    for i in range(u.size):
        total += math.exp(u[i] - top)
    shift = top + math.log(total)
    for i in range(u.size):
        u[i] -= shift
        x[i] = math.exp(u[i])


@njit(cache=True, fastmath=False)
def _manifold_logs(u, manifold, log_big, q):
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


@njit(cache=True, fastmath=False)
def _potentials(g, w, rt, mi, u, x, log_big, mu):
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


@njit(cache=True, fastmath=False)
def _bordered(w, rt, mi, x, q, manifold, a):
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


@njit(cache=True, fastmath=False)
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


@njit(cache=True, fastmath=False)
def _invert(a, inverse, size):
    """Gauss-Jordan inverse with partial pivoting; destroys a; False when singular."""
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 1.0 if i == j else 0.0
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        if a[pivot, k] == 0.0 or not math.isfinite(a[pivot, k]):
            return False
        if pivot != k:
            for j in range(size):
                a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
                inverse[k, j], inverse[pivot, j] = inverse[pivot, j], inverse[k, j]
        scale = 1.0 / a[k, k]
        for j in range(size):
            a[k, j] *= scale
            inverse[k, j] *= scale
        for i in range(size):
            factor = a[i, k]
            if i != k and factor != 0.0:
                for j in range(size):
                    a[i, j] -= factor * a[k, j]
                    inverse[i, j] -= factor * inverse[k, j]
    return True


@njit(cache=True, fastmath=False)
def positive_definite(w, rt, mi, x, q, manifold):
    """Whether the Hessian of G, restricted to sum dx = 0, is positive definite."""
    n = x.size
    root = np.sqrt(x)
    s = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            s[i, j] = root[i] * w[i, j] * root[j] / rt
            if mi != 0.0 and manifold[i] == manifold[j]:
                s[i, j] += mi * math.sqrt(q[i] * q[j])
        s[i, i] += 1.0
    # B = P S P + v v^T with v = sqrt(x), |v| = 1: positive definite exactly when the restriction is
    sv = np.zeros(n)
    vsv = 0.0
    for i in range(n):
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


@njit(cache=True, fastmath=False)
def descend(g, w, rt, mi, manifold, u, x, max_iterations):
    """Go downhill from u = ln x to the minimum of its basin; returns a status and leaves the minimum in u, x."""
    n = g.size
    mu, log_big, q = np.empty(n), np.empty(n), np.empty(n)
    a, z = np.empty((n + 1, n + 1)), np.empty(n + 1)
    trial, trial_x = np.empty(n), np.empty(n)
    trial_mu, trial_big, trial_q = np.empty(n), np.empty(n), np.empty(n)
    _normalise(u, x)
    _manifold_logs(u, manifold, log_big, q)
    energy = _potentials(g, w, rt, mi, u, x, log_big, mu)
    noise = 0.0
    for i in range(n):
        noise = max(noise, abs(g[i]))
    noise = 1e-14 * (noise + rt) + 1e-300
    for _ in range(max_iterations):
        mean = 0.0
        for i in range(n):
            mean += x[i] * mu[i]
        residual = 0.0
        for i in range(n):
            residual = max(residual, abs(mu[i] - mean))
        floor = TOLERANCE * rt + 4.0 * noise
        if residual <= floor:
            if positive_definite(w, rt, mi, x, q, manifold):
                return CONVERGED
            # a saddle or maximum: leave it along the state with the largest population
            best = 0
            for i in range(n):
                if x[i] > x[best]:
                    best = i
            u[best] += 1e-3
            _normalise(u, x)
            _manifold_logs(u, manifold, log_big, q)
            energy = _potentials(g, w, rt, mi, u, x, log_big, mu)
            continue
        _bordered(w, rt, mi, x, q, manifold, a)
        for i in range(n):
            z[i] = -(mu[i] - mean)
        z[n] = 0.0
        newton = _solve(a, z, n + 1)
        slope = 0.0
        if newton:
            for i in range(n):
                slope += x[i] * z[i] * (mu[i] - mean)
            newton = math.isfinite(slope) and slope < 0.0 and positive_definite(w, rt, mi, x, q, manifold)
        if not newton:
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
            _normalise(trial, trial_x)
            for i in range(n):
                largest = max(largest, abs(trial_x[i] - x[i]))
            if largest <= MAX_STEP:
                _manifold_logs(trial, manifold, trial_big, trial_q)
                trial_energy = _potentials(g, w, rt, mi, trial, trial_x, trial_big, trial_mu)
                if trial_energy <= energy + 1e-4 * t * slope + noise:
                    accepted = True
                    break
            t *= 0.5
        if not accepted:
            return NOT_CONVERGED
        for i in range(n):
            u[i], x[i], mu[i] = trial[i], trial_x[i], trial_mu[i]
            log_big[i], q[i] = trial_big[i], trial_q[i]
        energy = trial_energy
    return NOT_CONVERGED


@njit(cache=True, fastmath=False)
def convex(w, rt, mi):
    """Whether G has one minimum for certain (a bound on the interactions; False means "perhaps not")."""
    n = w.shape[0]
    low, high = 0.0, 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                low = min(low, w[i, j])
                high = max(high, w[i, j])
    return 4.0 * rt * (1.0 + min(mi, 0.0)) + 2.0 * (low - high) > 0.0


@njit(cache=True, fastmath=False)
def _start(u, n, vertex):
    """Fill u with a start: close to a vertex, or the centre for vertex = n."""
    for i in range(n):
        u[i] = 0.0
    if vertex < n:
        for i in range(n):
            u[i] = math.log(1e-3)
        u[vertex] = math.log(1.0 - 1e-3 * (n - 1))


@njit(cache=True, fastmath=False)
def all_minima(g, w, rt, mi, manifold, previous, use_previous, found, energies, max_iterations):
    """Minima of one free energy, lowest first; returns how many and whether every descent converged.

    Starts at the centre, every vertex and, when asked, a previous point. `found` (S, n) receives ln x.
    """
    n = g.size
    u, x = np.empty(n), np.empty(n)
    log_big, q, mu = np.empty(n), np.empty(n), np.empty(n)
    count, failures = 0, 0
    single = convex(w, rt, mi)
    first = -1 if use_previous else 0
    for attempt in range(first, n + 1):
        if attempt == -1:
            u[:] = previous
        elif attempt == 0:
            _start(u, n, n)
        else:
            _start(u, n, attempt - 1)
        if descend(g, w, rt, mi, manifold, u, x, max_iterations) != CONVERGED:
            failures += 1
            continue
        known = False
        for k in range(count):
            distance = 0.0
            for i in range(n):
                distance = max(distance, abs(math.exp(found[k, i]) - x[i]))
            if distance < SAME_MINIMUM:
                known = True
                break
        if not known and count < found.shape[0]:
            _manifold_logs(u, manifold, log_big, q)
            energies[count] = _potentials(g, w, rt, mi, u, x, log_big, mu)
            found[count] = u
            count += 1
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


@njit(cache=True, fastmath=False)
def minima_over_points(g, w, rt, mi, manifold, found, energies, counts, failures, max_iterations):
    """All minima at N conditions; the lowest of the point before serves as a further start."""
    points, n = g.shape
    previous = np.zeros(n)
    have = False
    for p in range(points):
        counts[p], failures[p] = all_minima(
            g[p], w[p], rt[p], mi, manifold, previous, have, found[p], energies[p], max_iterations
        )
        if counts[p] > 0:
            previous[:] = found[p, 0]
            have = True


@njit(cache=True, fastmath=False)
def lowest_over_points(g, w, rt, mi, manifold, warm, use_warm, us, status, max_iterations):
    """Ln x of the most stable minimum at N conditions; a point with one minimum costs one descent."""
    points, n = g.shape
    found, energies = np.empty((n + 2, n)), np.empty(n + 2)
    u, x = np.empty(n), np.empty(n)
    have = False
    for p in range(points):
        if use_warm:
            u[:] = warm[p]
        elif have:
            u[:] = us[p - 1]
        else:
            _start(u, n, n)
        if convex(w[p], rt[p], mi):
            state = descend(g[p], w[p], rt[p], mi, manifold, u, x, max_iterations)
            if state == CONVERGED:
                us[p] = u
                status[p] = CONVERGED
                have = True
                continue
        count, _ = all_minima(
            g[p], w[p], rt[p], mi, manifold, u, use_warm or have, found, energies, max_iterations
        )
        if count == 0:
            status[p] = NOT_CONVERGED
            us[p] = np.nan
            have = False
        else:
            status[p] = CONVERGED
            us[p] = found[0]
            have = True


@njit(cache=True, fastmath=False)
def follow_points(g, w, rt, mi, manifold, start, us, status, max_iterations):
    """Ln x along an ordered path, each point from the minimum of the one before."""
    points, n = g.shape
    u, x = start.copy(), np.empty(n)
    for p in range(points):
        status[p] = descend(g[p], w[p], rt[p], mi, manifold, u, x, max_iterations)
        if status[p] != CONVERGED:
            us[p] = np.nan
            u[:] = start if p == 0 else us[p - 1]
            if not np.all(np.isfinite(u)):
                _start(u, n, n)
        else:
            us[p] = u


@njit(cache=True, fastmath=False)
def implicit_derivatives(
    us, rt, mi, manifold, w, g_t, g_tt, g_p, w_t, w_tt, w_p, g_theta, g_t_theta, w_theta, w_t_theta, dmi, m_index,
    gas_constant, x, x_t, x_p, x_tt, x_theta, x_t_theta,
):  # fmt: skip
    """Fill dx/dT, dx/dP, d2x/dT2, dx/dtheta and d2x/dTdtheta at the minima us by the implicit function theorem."""
    points, n = us.shape
    k_count = g_theta.shape[1]
    a, inverse = np.empty((n + 1, n + 1)), np.empty((n + 1, n + 1))
    log_big, q = np.empty(n), np.empty(n)
    b, zt, z, y, big_t, big = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.zeros(n), np.zeros(n)
    xp = np.empty(n)
    for p in range(points):
        if not math.isfinite(us[p, 0]):
            x[p] = np.nan
            x_t[p] = np.nan
            x_p[p] = np.nan
            x_tt[p] = np.nan
            x_theta[p] = np.nan
            x_t_theta[p] = np.nan
            continue
        for i in range(n):
            xp[i] = math.exp(us[p, i])
            x[p, i] = xp[i]
        _manifold_logs(us[p], manifold, log_big, q)
        _bordered(w[p], rt[p], mi, xp, q, manifold, a)
        if not _invert(a, inverse, n + 1):
            x_t[p] = np.nan
            x_p[p] = np.nan
            x_tt[p] = np.nan
            x_theta[p] = np.nan
            x_t_theta[p] = np.nan
            continue
        # temperature
        for i in range(n):
            b[i] = g_t[p, i] + gas_constant * (us[p, i] + mi * log_big[i])
            for j in range(n):
                b[i] += w_t[p, i, j] * xp[j]
        for i in range(n):
            zt[i] = 0.0
            for j in range(n):
                zt[i] -= inverse[i, j] * b[j]
            x_t[p, i] = xp[i] * zt[i]
        if mi != 0.0:
            for i in range(n):
                big_t[i] = 0.0
                for j in range(n):
                    if manifold[j] == manifold[i]:
                        big_t[i] += q[j] * zt[j]
        # pressure
        for i in range(n):
            b[i] = g_p[p, i]
            for j in range(n):
                b[i] += w_p[p, i, j] * xp[j]
        for i in range(n):
            total = 0.0
            for j in range(n):
                total -= inverse[i, j] * b[j]
            x_p[p, i] = xp[i] * total
        # second derivative in temperature
        for i in range(n):
            b[i] = (
                g_tt[p, i]
                - rt[p] * (zt[i] * zt[i] + mi * big_t[i] * big_t[i])
                + 2.0 * gas_constant * (zt[i] + mi * big_t[i])
            )
            for j in range(n):
                b[i] += 2.0 * w_t[p, i, j] * x_t[p, j] + w_tt[p, i, j] * xp[j]
        for i in range(n):
            total = 0.0
            for j in range(n):
                total -= inverse[i, j] * b[j]
            x_tt[p, i] = xp[i] * total
        # parameters
        for k in range(k_count):
            for i in range(n):
                b[i] = g_theta[p, k, i]
                for j in range(n):
                    b[i] += w_theta[p, k, i, j] * xp[j]
                if k == m_index:
                    b[i] += dmi * rt[p] * log_big[i]
            for i in range(n):
                z[i] = 0.0
                for j in range(n):
                    z[i] -= inverse[i, j] * b[j]
                x_theta[p, k, i] = xp[i] * z[i]
            if mi != 0.0:
                for i in range(n):
                    big[i] = 0.0
                    for j in range(n):
                        if manifold[j] == manifold[i]:
                            big[i] += q[j] * z[j]
            for i in range(n):
                b[i] = (
                    g_t_theta[p, k, i]
                    - rt[p] * (z[i] * zt[i] + mi * big[i] * big_t[i])
                    + gas_constant * (z[i] + mi * big[i])
                )
                if k == m_index:
                    share = big_t[i]
                    if mi == 0.0:
                        share = 0.0
                        for j in range(n):
                            if manifold[j] == manifold[i]:
                                share += q[j] * zt[j]
                    b[i] += dmi * (rt[p] * share + gas_constant * log_big[i])
                for j in range(n):
                    b[i] += (
                        w_theta[p, k, i, j] * x_t[p, j]
                        + w_t[p, i, j] * x_theta[p, k, j]
                        + w_t_theta[p, k, i, j] * xp[j]
                    )
            for i in range(n):
                y[i] = 0.0
                for j in range(n):
                    y[i] -= inverse[i, j] * b[j]
                x_t_theta[p, k, i] = xp[i] * y[i]
