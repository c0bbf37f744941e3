"""Compiled implicit derivatives of the populations at a minimum of the canonical free energy.

At a minimum mu_i(x, T, P, theta) = lambda for all i and sum x = 1. Differentiating once gives dx/dT, dx/dP and
dx/dtheta; differentiating again gives d2x/dT2 and d2x/dTdtheta, which a pyroelectric coefficient needs. All solves
share one factorisation a point, in relative changes z_i = dx_i/x_i (see `kernels`).
"""

from __future__ import annotations

import math

import numpy as np

from labile.models.kernels import bordered, compiled, manifold_logs


@compiled
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


@compiled
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
        pw = min(p, w.shape[0] - 1)
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
        if mi != 0.0 or m_index >= 0:
            manifold_logs(us[p], manifold, log_big, q)
        else:
            log_big[:] = 0.0
        bordered(w[pw], rt[p], mi, xp, q, manifold, a)
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
                b[i] += w_t[pw, i, j] * xp[j]
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
                b[i] += w_p[pw, i, j] * xp[j]
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
                b[i] += 2.0 * w_t[pw, i, j] * x_t[p, j] + w_tt[pw, i, j] * xp[j]
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
                    b[i] += w_theta[pw, k, i, j] * xp[j]
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
                        w_theta[pw, k, i, j] * x_t[p, j]
                        + w_t[pw, i, j] * x_theta[p, k, j]
                        + w_t_theta[pw, k, i, j] * xp[j]
                    )
            for i in range(n):
                y[i] = 0.0
                for j in range(n):
                    y[i] -= inverse[i, j] * b[j]
                x_t_theta[p, k, i] = xp[i] * y[i]
