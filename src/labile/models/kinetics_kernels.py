"""Compiled rate equations: rates of n states in Z layers of a crystal, their Jacobian, and an implicit integrator.

The integrator is RODAS (order 4, embedded order 3, stiffly accurate, L-stable) with the exact Jacobian: E. Hairer,
G. Wanner, Solving Ordinary Differential Equations II (1996), doi 10.1007/978-3-642-05221-7. Light enters from the
first layer, so that a layer feels only those above it: the Jacobian of the whole crystal is block triangular, and a
step costs one small elimination a layer. In every layer the change of the largest population is minus the sum of the
others; this conserves mass to rounding however fast the rates are.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from labile.core.constants import GAS_CONSTANT
from labile.models.kernels import CONVERGED, NOT_CONVERGED, compiled

LN_PREFACTOR, ENERGY, VOLUME, TUNNELLING, TUNNELLING_SLOPE, TUNNELLING_ACCELERATION, FIELD, FREED, REVERSIBLE = range(9)
"""Columns of the parameters of thermal processes."""
THERMAL_COLUMNS = 9

_uncounted = njit(cache=True, fastmath=False, error_model="numpy", _nrt=False)  # type: ignore[call-overload]
"""As `compiled`, for functions that allocate nothing: counting references to their arrays would double their time."""

_GAMMA = 0.25
_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [1.544, 0.0, 0.0, 0.0],
        [0.9466785280815826, 0.2557011698983284, 0.0, 0.0],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950],
    ]
)
_C = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [-5.6688, 0.0, 0.0, 0.0, 0.0],
        [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
        [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
    ]
)
_NODE = np.array([0.0, 0.386, 0.21, 0.63, 1.0, 1.0])
_TIME = np.array([0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0])
_STAGES = 6
SMALLEST_STEP = 1e-100
"""Steps below this (s) mean that the integrator has failed: no rate asks for them."""


@_uncounted
def surroundings(interval, k, theta, g, g_dot, w, w_dot):
    """Fill g, W and their time derivatives at the fraction theta of interval k; returns T, dT/dt, p, dp/dt.

    T and p are linear in time; g and W are interpolated with their slopes at both ends (exact where they are linear).
    """
    span, kelvin, pascal, g_ends, g_slopes, w_ends, w_slopes = interval
    length = span[k, 1] - span[k, 0]
    t_dot, p_dot = (kelvin[k, 1] - kelvin[k, 0]) / length, (pascal[k, 1] - pascal[k, 0]) / length
    h00 = (1.0 + 2.0 * theta) * (1.0 - theta) ** 2
    h10 = theta * (1.0 - theta) ** 2 * length
    h11 = theta**2 * (theta - 1.0) * length
    d00 = 6.0 * theta * (theta - 1.0) / length
    d10 = (1.0 - theta) * (1.0 - 3.0 * theta)
    d11 = theta * (3.0 * theta - 2.0)
    row = min(k, w_ends.shape[0] - 1)
    n = g.size
    for i in range(n):
        g[i] = h00 * g_ends[k, 0, i] + (1.0 - h00) * g_ends[k, 1, i] + h10 * g_slopes[k, 0, i] + h11 * g_slopes[k, 1, i]
        g_dot[i] = d00 * (g_ends[k, 0, i] - g_ends[k, 1, i]) + d10 * g_slopes[k, 0, i] + d11 * g_slopes[k, 1, i]
        for j in range(n):
            if w_ends.shape[0] == 1:
                w[i, j], w_dot[i, j] = w_ends[0, 0, i, j], 0.0
                continue
            first, second = w_ends[row, 0, i, j], w_ends[row, 1, i, j]
            s0, s1 = w_slopes[row, 0, i, j], w_slopes[row, 1, i, j]
            w[i, j] = h00 * first + (1.0 - h00) * second + h10 * s0 + h11 * s1
            w_dot[i, j] = d00 * (first - second) + d10 * s0 + d11 * s1
    return kelvin[k, 0] + theta * (kelvin[k, 1] - kelvin[k, 0]), t_dot, pascal[k, 0] + theta * length * p_dot, p_dot


@_uncounted
def thermal_rates(x, kelvin, pascal, g, w, a, b, parameters, rates):
    """Fill rates = (tunnelling, activated, both backwards) of one process a -> b; returns F(x) - F(pure a) and D.

    `pascal` counts from ambient. D = nu_b - nu_a with nu_i = g_i + sum_j W_ij x_j.
    """
    rt = GAS_CONSTANT * kelvin
    field = -(w[b, a] - w[a, a])
    for j in range(x.size):
        field += (w[b, j] - w[a, j]) * x[j]
    drive = g[b] - g[a] + field + (w[b, a] - w[a, a])
    left = 1.0 - x[a]
    activated = (
        parameters[LN_PREFACTOR]
        - (parameters[ENERGY] + pascal * parameters[VOLUME] + parameters[FIELD] * field - parameters[FREED] * left) / rt
    )
    tunnelling = parameters[TUNNELLING_SLOPE] * pascal + parameters[TUNNELLING_ACCELERATION] * left
    rates[0] = parameters[TUNNELLING]
    if tunnelling != 0.0:
        rates[0] *= math.exp(tunnelling)
    rates[1] = math.exp(activated)
    rates[2] = rates[3] = 0.0
    if parameters[REVERSIBLE] > 0.0:
        back = drive / rt
        # sums of exponents at extremes, so that a vanishing rate does not meet an overflowing way back
        if abs(back) < 600.0 and activated > -80.0:
            factor = math.exp(back)
            rates[2], rates[3] = rates[0] * factor, rates[1] * factor
        else:
            rates[3] = math.exp(activated + back)
            if parameters[TUNNELLING] > 0.0:
                rates[2] = parameters[TUNNELLING] * math.exp(tunnelling + back)
    return field, drive


@_uncounted
def layer_change(x, kelvin, pascal, g, w, thermal, parameters, photo, photo_rates, rates, change):
    """Fill dx/dt of one layer."""
    for i in range(x.size):
        change[i] = 0.0
    for q in range(thermal.shape[0]):
        a, b = thermal[q, 0], thermal[q, 1]
        thermal_rates(x, kelvin, pascal, g, w, a, b, parameters[q], rates)
        flow = (rates[0] + rates[1]) * x[a] - (rates[2] + rates[3]) * x[b]
        change[a] -= flow
        change[b] += flow
    for q in range(photo.shape[0]):
        flow = photo_rates[q] * x[photo[q, 0]]
        change[photo[q, 0]] -= flow
        change[photo[q, 1]] += flow


@_uncounted
def layer_jacobian(
    x, kelvin, t_dot, pascal, p_dot, g, g_dot, w, w_dot, thermal, parameters, photo, photo_rates, rates, jacobian, drift
):
    """Fill d(dx/dt)/dx (n, n) at constant light and the explicit time derivative of dx/dt (n,)."""
    n = x.size
    rt = GAS_CONSTANT * kelvin
    for i in range(n):
        drift[i] = 0.0
        for j in range(n):
            jacobian[i, j] = 0.0
    for q in range(thermal.shape[0]):
        a, b = thermal[q, 0], thermal[q, 1]
        c = parameters[q]
        field, drive = thermal_rates(x, kelvin, pascal, g, w, a, b, c, rates)
        forward, backward = rates[0] + rates[1], rates[2] + rates[3]
        field_dot = -(w_dot[b, a] - w_dot[a, a])
        for j in range(n):
            slope = (w[b, j] - w[a, j]) / rt
            field_dot += (w_dot[b, j] - w_dot[a, j]) * x[j]
            by_tunnelling = -c[TUNNELLING_ACCELERATION] if j == a else 0.0
            by_activation = -c[FIELD] * slope - (c[FREED] / rt if j == a else 0.0)
            flow = (rates[0] * by_tunnelling + rates[1] * by_activation) * x[a]
            flow -= (rates[2] * (by_tunnelling + slope) + rates[3] * (by_activation + slope)) * x[b]
            if j == a:
                flow += forward
            if j == b:
                flow -= backward
            jacobian[a, j] -= flow
            jacobian[b, j] += flow
        barrier = c[ENERGY] + pascal * c[VOLUME] + c[FIELD] * field - c[FREED] * (1.0 - x[a])
        by_activation = (barrier * t_dot / kelvin - p_dot * c[VOLUME] - c[FIELD] * field_dot) / rt
        by_tunnelling = c[TUNNELLING_SLOPE] * p_dot
        drive_dot = g_dot[b] - g_dot[a] + field_dot + (w_dot[b, a] - w_dot[a, a])
        way_back = (drive_dot - drive * t_dot / kelvin) / rt
        flow = (rates[0] * by_tunnelling + rates[1] * by_activation) * x[a]
        flow -= (rates[2] * (by_tunnelling + way_back) + rates[3] * (by_activation + way_back)) * x[b]
        drift[a] -= flow
        drift[b] += flow
    for q in range(photo.shape[0]):
        a, b = photo[q, 0], photo[q, 1]
        jacobian[a, a] -= photo_rates[q]
        jacobian[b, a] += photo_rates[q]


@_uncounted
def _opacity(absorb, x, s):
    total = 0.0
    for i in range(x.size):
        total += absorb[s, i] * x[i]
    return total


@_uncounted
def _accumulate(density, z, spacing, depth):
    """Optical depth at layer z without the share of density[z] itself; returns the weight of that share.

    Cumulative quadrature from the nodes above: trapezium, then parabolas, then cubics (Adams-Moulton weights).
    """
    if z == 0:
        return 0.0, 0.0
    if z == 1:
        return depth[0] + spacing / 2.0 * density[0], spacing / 2.0
    if z == 2:
        return depth[1] + spacing / 12.0 * (8.0 * density[1] - density[0]), 5.0 * spacing / 12.0
    return (
        depth[z - 1] + spacing / 24.0 * (19.0 * density[z - 1] - 5.0 * density[z - 2] + density[z - 3]),
        9.0 * spacing / 24.0,
    )


@_uncounted
def photon_rates(y, light, absorb, spacing, density, depth, photo_rates):
    """Fill photo_rates (Z, Q): light (Q, L) at the surface, weakened by the layers above; keeps the depths (L, Z)."""
    layers = y.shape[0]
    processes, sources = light.shape
    for z in range(layers):
        for q in range(processes):
            photo_rates[z, q] = 0.0
        for s in range(sources):
            weakened = 1.0
            if layers > 1:
                density[s, z] = _opacity(absorb, y[z], s)
                known, weight = _accumulate(density[s], z, spacing, depth[s])
                depth[s, z] = known + weight * density[s, z]
                weakened = math.exp(-depth[s, z])
            for q in range(processes):
                photo_rates[z, q] += light[q, s] * weakened


@_uncounted
def _factorise(m, pivots):
    """LU with partial pivoting in place; False when singular."""
    size = m.shape[0]
    for k in range(size):
        best = k
        for i in range(k + 1, size):
            if abs(m[i, k]) > abs(m[best, k]):
                best = i
        pivots[k] = best
        if m[best, k] == 0.0 or not math.isfinite(m[best, k]):
            return False
        if best != k:
            for j in range(size):
                m[k, j], m[best, j] = m[best, j], m[k, j]
        for i in range(k + 1, size):
            m[i, k] /= m[k, k]
            for j in range(k + 1, size):
                m[i, j] -= m[i, k] * m[k, j]
    return True


@_uncounted
def _back_substitute(m, pivots, v):
    size = m.shape[0]
    for k in range(size):
        if pivots[k] != k:
            v[k], v[pivots[k]] = v[pivots[k]], v[k]
        for i in range(k + 1, size):
            v[i] -= m[i, k] * v[k]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, size):
            v[k] -= m[k, j] * v[j]
        v[k] /= m[k, k]


@compiled
def workspace(layers, n, processes, sources):
    """Scratch arrays of one integration."""
    return (
        np.empty((_STAGES, layers, n)),
        np.empty((3, layers, n)),
        np.empty((layers, n - 1, n - 1)),
        np.empty((layers, n - 1), dtype=np.int64),
        np.empty(layers, dtype=np.int64),
        np.empty((layers, processes)),
        np.empty((4, sources, layers)),
        (np.empty(n), np.empty(n), np.empty((n, n)), np.empty((n, n)), np.empty((n, n)), np.empty(4)),
        np.empty(n - 1),
    )


@_uncounted
def change_at(y, interval, k, theta, law, light, absorb, spacing, scratch, change):
    """Fill change (Z, n) = dx/dt at a fraction theta of interval k."""
    thermal, parameters, photo = law
    photo_rates, optics = scratch[5], scratch[6]
    g, g_dot, w, w_dot, _, rates = scratch[7]
    kelvin, _, pascal, _ = surroundings(interval, k, theta, g, g_dot, w, w_dot)
    photon_rates(y, light, absorb, spacing, optics[0], optics[1], photo_rates)
    for z in range(y.shape[0]):
        layer_change(y[z], kelvin, pascal, g, w, thermal, parameters, photo, photo_rates[z], rates, change[z])


@_uncounted
def _prepare(y, interval, k, theta, h, law, light, absorb, spacing, scratch):
    """Jacobians, their factors and the explicit time derivative at the start of a step; False when singular."""
    thermal, parameters, photo = law
    _, work, factors, pivots, largest, photo_rates, optics, place, _ = scratch
    g, g_dot, w, w_dot, jacobian, rates = place
    layers, n = y.shape
    kelvin, t_dot, pascal, p_dot = surroundings(interval, k, theta, g, g_dot, w, w_dot)
    photon_rates(y, light, absorb, spacing, optics[0], optics[1], photo_rates)
    for z in range(layers):
        layer_jacobian(
            y[z], kelvin, t_dot, pascal, p_dot, g, g_dot, w, w_dot, thermal, parameters, photo, photo_rates[z], rates,
            jacobian, work[0, z],
        )  # fmt: skip
        if layers > 1:
            for s in range(light.shape[1]):
                _, weight = _accumulate(optics[0, s], z, spacing, optics[1, s])
                weakened = math.exp(-optics[1, s, z])
                for q in range(photo.shape[0]):
                    a, b = photo[q, 0], photo[q, 1]
                    dimming = light[q, s] * weakened * weight * y[z, a]
                    for i in range(n):
                        jacobian[a, i] += dimming * absorb[s, i]
                        jacobian[b, i] -= dimming * absorb[s, i]
        top = 0
        for i in range(1, n):
            if y[z, i] > y[z, top]:
                top = i
        largest[z] = top
        row = 0
        for i in range(n):
            if i == top:
                continue
            column = 0
            for j in range(n):
                if j == top:
                    continue
                factors[z, row, column] = jacobian[i, top] - jacobian[i, j]
                if i == j:
                    factors[z, row, column] += 1.0 / (h * _GAMMA)
                column += 1
            row += 1
        if not _factorise(factors[z], pivots[z]):
            return False
    return True


@_uncounted
def _step(y, interval, k, since, h, law, light, absorb, spacing, scratch, new, absolute, relative):
    """One step of length h, `since` after the start of interval k, into `new`; returns the error, NaN if it failed."""
    photo = law[2]
    stages, work, factors, pivots, largest, _, optics, _, small = scratch
    span = interval[0]
    layers, n = y.shape
    length = span[k, 1] - span[k, 0]
    if not _prepare(y, interval, k, since / length, h, law, light, absorb, spacing, scratch):
        return math.nan
    # what the change of the upper layers does to the light at the start of the step
    for s in range(light.shape[1]):
        for z in range(layers):
            optics[3, s, z] = math.exp(-optics[1, s, z]) if layers > 1 else 1.0
    change, middle = work[1], work[2]
    for stage in range(_STAGES):
        for z in range(layers):
            for i in range(n):
                middle[z, i] = y[z, i]
                for j in range(min(stage, 4)):
                    middle[z, i] += _A[min(stage, 4), j] * stages[j, z, i]
                if stage == 5:
                    middle[z, i] += stages[4, z, i]
        theta = (since + _NODE[stage] * h) / length
        change_at(middle, interval, k, theta, law, light, absorb, spacing, scratch, change)
        density, depth = optics[0], optics[2]
        for z in range(layers):
            u = stages[stage, z]
            for i in range(n):
                u[i] = change[z, i] + h * _TIME[stage] * work[0, z, i]
                for j in range(stage):
                    u[i] += _C[stage, j] / h * stages[j, z, i]
            if layers > 1:
                for s in range(light.shape[1]):
                    known, _ = _accumulate(density[s], z, spacing, depth[s])
                    for q in range(photo.shape[0]):
                        dimming = light[q, s] * optics[3, s, z] * known * y[z, photo[q, 0]]
                        u[photo[q, 0]] += dimming
                        u[photo[q, 1]] -= dimming
            top, row = largest[z], 0
            for i in range(n):
                if i != top:
                    small[row] = u[i]
                    row += 1
            _back_substitute(factors[z], pivots[z], small)
            total, row = 0.0, 0
            for i in range(n):
                if i != top:
                    u[i] = small[row]
                    total += small[row]
                    row += 1
            u[top] = -total
            if layers > 1:
                for s in range(light.shape[1]):
                    density[s, z] = _opacity(absorb, u, s)
                    known, weight = _accumulate(density[s], z, spacing, depth[s])
                    depth[s, z] = known + weight * density[s, z]
    worst = 0.0
    for z in range(layers):
        total = 0.0
        for i in range(n):
            new[z, i] = middle[z, i] + stages[5, z, i]
            scale = absolute + relative * max(abs(y[z, i]), abs(new[z, i]))
            total += (stages[5, z, i] / scale) ** 2
        # written so that NaN passes on
        if not total / n <= worst:
            worst = total / n
    return math.sqrt(worst)


@_uncounted
def _settle(new, absolute):
    """Move rounding below zero to the largest population; False when something is more negative than that."""
    for z in range(new.shape[0]):
        top, missing = 0, 0.0
        for i in range(new.shape[1]):
            if new[z, i] > new[z, top]:
                top = i
            if new[z, i] < 0.0:
                if not new[z, i] >= -10.0 * absolute:
                    return False
                missing += new[z, i]
                new[z, i] = 0.0
        new[z, top] += missing
    return True


@_uncounted
def advance(y, interval, k, h, law, light, absorb, spacing, scratch, new, absolute, relative, budget):
    """Integrate over interval k in place; returns the status, the next step to try and the steps taken.

    `h` is a first guess, 0 for none.
    """
    length = interval[0][k, 1] - interval[0][k, 0]
    since, carry = 0.0, 0.0
    taken = 0
    if h <= 0.0:
        change = scratch[1][1]
        change_at(y, interval, k, 0.0, law, light, absorb, spacing, scratch, change)
        fastest = 0.0
        for z in range(y.shape[0]):
            for i in range(y.shape[1]):
                fastest = max(fastest, abs(change[z, i]) / (absolute + relative * abs(y[z, i])))
        h = length if fastest == 0.0 else min(length, 0.5 / fastest)
    rejected = False
    while since < length:
        if taken >= budget or not h > SMALLEST_STEP:
            return NOT_CONVERGED, h, taken
        last = since + 1.000001 * h >= length
        step = length - since if last else h
        error = _step(y, interval, k, since, step, law, light, absorb, spacing, scratch, new, absolute, relative)
        taken += 1
        if math.isnan(error) or math.isinf(error):
            h, rejected = 0.1 * step, True
            continue
        factor = min(5.0, max(0.1, 0.9 * max(error, 1e-12) ** -0.25))
        if error > 1.0:
            h, rejected = step * factor, True
            continue
        if not _settle(new, absolute):
            h, rejected = 0.25 * step, True
            continue
        for z in range(y.shape[0]):
            for i in range(y.shape[1]):
                y[z, i] = new[z, i]
        # where a branch ends a crystal falls in less time than the sum can resolve: what is lost is carried on
        later = since + (step + carry)
        carry = (step + carry) - (later - since)
        since = length if last else later
        grown = step * (min(factor, 1.0) if rejected else factor)
        # a step cut short by the end of the interval says nothing against a longer one
        h = max(h, grown) if last and factor >= 1.0 else grown
        rejected = False
    return CONVERGED, h, taken


@compiled
def trajectory(y, interval, segment, law, lights, absorb, spacing, absolute, relative, budget, found, changes):
    """Integrate over all intervals; found and changes (K + 1, Z, n) receive x and dx/dt at their ends.

    lights (G, Q, L) are the photon rates at the surface in each of G segments, `absorb` (L, n) absorption per metre.
    Returns status, steps and how many ends were reached.
    """
    intervals = interval[0].shape[0]
    layers, n = y.shape
    scratch = workspace(layers, n, law[2].shape[0], lights.shape[2])
    new = np.empty((layers, n))
    steps, h = 0, 0.0
    found[0] = y
    for k in range(intervals):
        light = lights[segment[k]]
        change_at(y, interval, k, 0.0, law, light, absorb, spacing, scratch, changes[k])
        if k > 0 and segment[k] != segment[k - 1]:
            h = 0.0
        status, h, taken = advance(
            y, interval, k, h, law, light, absorb, spacing, scratch, new, absolute, relative, budget - steps
        )
        steps += taken
        if status != CONVERGED:
            return status, steps, k
        found[k + 1] = y
    change_at(y, interval, intervals - 1, 1.0, law, lights[segment[-1]], absorb, spacing, scratch, changes[intervals])
    return CONVERGED, steps, intervals


@compiled
def time_to_threshold(
    y, interval, law, light, members, threshold, longest, absolute, relative, budget, change, new, scratch
):
    """Time in which the summed population of `members` falls to a threshold at constant conditions.

    Returns status and time; infinity when the populations come to rest above the threshold or `longest` is reached.
    """
    absorb = np.zeros((light.shape[1], y.shape[1]))
    time, taken = 0.0, 0
    change_at(y, interval, 0, 0.0, law, light, absorb, 1.0, scratch, change)
    fastest = 0.0
    for i in range(y.shape[1]):
        fastest = max(fastest, abs(change[0, i]) / (absolute + relative * abs(y[0, i])))
    if fastest == 0.0:
        return CONVERGED, math.inf
    h = 0.5 / fastest
    while time < longest:
        if taken >= budget or not h > SMALLEST_STEP:
            return NOT_CONVERGED, math.nan
        error = _step(y, interval, 0, 0.0, h, law, light, absorb, 1.0, scratch, new, absolute, relative)
        taken += 1
        if math.isnan(error) or math.isinf(error):
            h *= 0.1
            continue
        factor = min(5.0, max(0.1, 0.9 * max(error, 1e-12) ** -0.25))
        if error > 1.0 or not _settle(new, absolute):
            h *= min(factor, 0.5)
            continue
        if _summed(new[0], members) <= threshold:
            return CONVERGED, time + _crossing(
                y, interval, law, light, absorb, members, threshold, h, scratch, new, absolute, relative
            )
        moved = 0.0
        for i in range(y.shape[1]):
            moved, y[0, i] = max(moved, abs(new[0, i] - y[0, i])), new[0, i]
        time += h
        # at rest: steps that grow fivefold a hundred times over reach any time without a change
        if moved == 0.0 and h > 1e6 * (time - h):
            return CONVERGED, math.inf
        h *= factor
    return CONVERGED, math.inf


@_uncounted
def _summed(x, members):
    total = 0.0
    for i in range(members.size):
        total += x[members[i]]
    return total


@_uncounted
def _crossing(y, interval, law, light, absorb, members, threshold, h, scratch, new, absolute, relative):
    """Length of a step from y that ends at the threshold, by regula falsi safeguarded with bisection."""
    low, high = 0.0, h
    below, above = _summed(new[0], members) - threshold, _summed(y[0], members) - threshold
    for attempt in range(100):
        share = above / (above - below)
        if attempt % 3 == 2:
            share = 0.5
        step = low + share * (high - low)
        if not step > low or not step < high:
            break
        _step(y, interval, 0, 0.0, step, law, light, absorb, 1.0, scratch, new, absolute, relative)
        here = _summed(new[0], members) - threshold
        if abs(here) < 1e-13:
            return step
        if here > 0.0:
            low, above = step, here
        else:
            high, below = step, here
    return 0.5 * (low + high)


@compiled
def times_to_threshold(
    starts, spans, kelvins, pascals, gs, ws, thermal, parameters, photo, lights, members, thresholds, longest, absolute,
    relative, budget, status, times,
):  # fmt: skip
    """`time_to_threshold` at N conditions: starts (N, n), gs (N, n), ws (N, n, n), parameters (N, Q, 9)."""
    points, n = starts.shape
    scratch = workspace(1, n, photo.shape[0], lights.shape[2])
    new, change, y = np.empty((1, n)), np.empty((1, n)), np.empty((1, n))
    g_ends, g_slopes = np.zeros((1, 2, n)), np.zeros((1, 2, n))
    w_ends, w_slopes = np.zeros((1, 2, n, n)), np.zeros((1, 2, n, n))
    kelvin, pascal = np.empty((1, 2)), np.empty((1, 2))
    for p in range(points):
        y[0] = starts[p]
        for side in range(2):
            g_ends[0, side], w_ends[0, side] = gs[p], ws[p]
            kelvin[0, side], pascal[0, side] = kelvins[p], pascals[p]
        interval = (spans, kelvin, pascal, g_ends, g_slopes, w_ends, w_slopes)
        law = (thermal, parameters[p], photo)
        status[p], times[p] = time_to_threshold(
            y, interval, law, lights[p], members, thresholds[p], longest, absolute, relative, budget, change, new,
            scratch,
        )  # fmt: skip
