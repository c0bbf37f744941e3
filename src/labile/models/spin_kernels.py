"""Compiled thermal averages of a spin Hamiltonian H = H0 + b V and their exact derivatives.

Energies are in kelvin, b = mu_B B/k_B, V the projection of the moment operator (in -mu_B) on the field, so that a
molecule's moment along the field is -<V> Bohr magnetons. With eigenvalues E_a and Boltzmann factors p_a,

    d<V>/dc = <dV/dc> - sum_ab K_ab A_ab V_ba + <V><A>/T,     A = dH/dc,     K_ab = (p_a - p_b)/(E_b - E_a)

and K_aa = p_a/T. Levels farther apart than NEAR T enter through the derivative of V_aa, one number a level for all
temperatures; closer ones through K_ab, which has no pole. The second derivatives of ln Z that a susceptibility in zero
field needs use divided differences of the Boltzmann factor over three levels.
"""

from __future__ import annotations

import math

import numpy as np

from labile.models.kernels import compiled

NEAR = 1e-4
"""Levels closer than this times the highest temperature are summed pair by pair."""
CLOSE = 0.02
"""Spread of three levels over T below which their divided difference is taken from its series."""


@compiled
def _project(zeeman, g, direction, v):
    """Fill v with sum_p g_p (direction . Z_p)."""
    n = v.shape[0]
    v[:, :] = 0.0
    for p in range(g.size):
        for x in range(3):
            factor = g[p] * direction[x]
            if factor != 0.0:
                for i in range(n):
                    for j in range(n):
                        v[i, j] += factor * zeeman[p, x, i, j]


@compiled
def _apply(rows, columns, entries, start, stop, u, out):
    """Sparse operator times the eigenvectors."""
    n = u.shape[0]
    out[:, :] = 0.0
    for k in range(start, stop):
        r, c, value = rows[k], columns[k], entries[k]
        for a in range(n):
            out[r, a] += value * u[c, a]


@compiled
def _boltzmann(energies, beta, p):
    """Fill p (T, N) with normalised Boltzmann factors."""
    for t in range(beta.size):
        total = 0.0
        for a in range(energies.size):
            x = (energies[a] - energies[0]) * beta[t]
            # exp(-700) underflows slowly; such a level counts for nothing
            p[t, a] = math.exp(-x) if x < 700.0 else 0.0
            total += p[t, a]
        for a in range(energies.size):
            p[t, a] /= total


@compiled
def _pair(p_low, gap, beta):
    """K of two levels, from the Boltzmann factor of the lower one and their distance."""
    x = gap * beta
    if x < 1e-8:
        return p_low * beta * (1.0 - 0.5 * x)
    return -p_low * math.expm1(-x) / gap


@compiled
def average_moment(h0, zeeman, g, rows, columns, entries, starts, directions, weights, b, beta, derive):
    """Powder average of -<V> and its derivatives.

    Parameters
    ----------
    h0 : ndarray (N, N) of complex
        Field-free Hamiltonian, K.
    zeeman : ndarray (P, 3, N, N) of complex
        Operators of the Zeeman terms along x, y, z.
    g : ndarray (P,)
        Their coefficients.
    rows, columns, entries, starts
        Field-free operators in coordinate form, one after the other; starts (J + 1,).
    directions, weights : ndarray (O, 3), (O,)
    b : float
        mu_B B/k_B, K.
    beta : ndarray (T,)
        1/T, K-1.
    derive : bool

    Returns
    -------
    moment : ndarray (T,)
        Bohr magnetons.
    d_b : ndarray (T,)
        Its derivative in b, K-1; zero unless `derive`.
    d_c : ndarray (T, J)
        In the coefficients of the field-free operators, K-1.
    d_g : ndarray (T, P)
    """
    n, times, free, bound = h0.shape[0], beta.size, starts.size - 1, g.size
    operators = free + bound + 1 if derive else 0
    moment, slopes = np.zeros(times), np.zeros((times, free + bound + 1))
    v, w = np.empty((n, n), np.complex128), np.empty((n, n), np.complex128)
    au, mixing = np.empty((n, n), np.complex128), np.empty((n, n), np.complex128)
    table = np.empty((n, 1 + 3 * operators))
    p = np.empty((times, n))
    limit = NEAR / np.min(beta)
    unit = np.ones(1)
    pairs = np.empty((n * (n - 1) // 2, 2), np.int64)
    cross = np.empty((n * (n - 1) // 2, operators))
    for o in range(weights.size):
        _project(zeeman, g, directions[o], v)
        energies, u = np.linalg.eigh(h0 + b * v)
        vu = np.dot(v, u)
        inside = np.dot(u.conj().T, vu)
        for a in range(n):
            table[a, 0] = inside[a, a].real
        _boltzmann(energies, beta, p)
        near = 0
        if derive:
            for a in range(n):
                mixing[a, a] = 0.0
                for c in range(a):
                    gap = energies[a] - energies[c]
                    if gap < limit:
                        mixing[a, c] = mixing[c, a] = 0.0
                        pairs[near, 0], pairs[near, 1] = c, a
                        near += 1
                    else:
                        mixing[c, a] = inside[c, a] / gap
                        mixing[a, c] = -inside[a, c] / gap
            first = np.dot(u, mixing)  # the levels' first-order change with b
            for k in range(operators):
                if k < free:
                    _apply(rows, columns, entries, starts[k], starts[k + 1], u, au)
                elif k < free + bound:
                    _project(zeeman[k - free : k - free + 1], unit, directions[o], w)
                    au[:, :] = np.dot(w, u)
                else:
                    au[:, :] = vu
                scale = b if free <= k < free + bound else 1.0
                for a in range(n):
                    expectation, bend = 0.0, 0.0
                    for r in range(n):
                        expectation += u[r, a].real * au[r, a].real + u[r, a].imag * au[r, a].imag
                        bend += first[r, a].real * au[r, a].real + first[r, a].imag * au[r, a].imag
                    table[a, 1 + 3 * k] = scale * expectation
                    table[a, 2 + 3 * k] = scale * expectation * table[a, 0]
                    table[a, 3 + 3 * k] = 2.0 * scale * bend
                    if free <= k < free + bound:
                        table[a, 3 + 3 * k] += expectation
                for q in range(near):
                    a, c = pairs[q, 0], pairs[q, 1]
                    element = 0.0j
                    for r in range(n):
                        element += np.conj(u[r, a]) * au[r, c]
                    cross[q, k] = 2.0 * scale * (element * inside[c, a]).real
        sums = np.dot(p, table)
        for t in range(times):
            moment[t] -= weights[o] * sums[t, 0]
            for k in range(operators):
                change = sums[t, 3 + 3 * k] - beta[t] * (sums[t, 2 + 3 * k] - sums[t, 1 + 3 * k] * sums[t, 0])
                slopes[t, k] -= weights[o] * change
            for q in range(near):
                a, c = pairs[q, 0], pairs[q, 1]
                weight = weights[o] * _pair(p[t, a], energies[c] - energies[a], beta[t])
                for k in range(operators):
                    slopes[t, k] += weight * cross[q, k]
    return moment, slopes[:, free + bound].copy(), slopes[:, :free].copy(), slopes[:, free : free + bound].copy()


@compiled
def _triple(energies, pair, p, beta, low, middle, high):
    """Divided difference of p(E) over three levels in ascending order."""
    spread = energies[high] - energies[low]
    if spread * beta > CLOSE:
        return (pair[low, middle] - pair[middle, high]) / spread
    mean = (energies[low] + energies[middle] + energies[high]) / 3.0
    x, y, z = (mean - energies[low]) * beta, (mean - energies[middle]) * beta, (mean - energies[high]) * beta
    # complete homogeneous symmetric polynomials of numbers that sum to 0
    q2, q3 = x * x + y * y + z * z, x * y * z
    h2, h3, h4 = 0.5 * q2, q3, 0.25 * q2 * q2
    at_mean = p[low] * math.exp(-(mean - energies[low]) * beta)
    return beta * beta * at_mean * (0.5 + h2 / 24.0 + h3 / 120.0 + h4 / 720.0)


@compiled
def average_susceptibility(h0, zeeman, g, rows, columns, entries, starts, directions, weights, b, beta, derive):
    """Powder average of -d<V>/db (van Vleck's formula where b = 0) and its derivatives.

    Parameters
    ----------
    h0, zeeman, g, rows, columns, entries, starts, directions, weights, b, beta, derive
        As for `average_moment`.

    Returns
    -------
    moment, susceptibility : ndarray (T,)
        Bohr magnetons, and its derivative in b, K-1.
    d_c : ndarray (T, J)
        Derivatives of the susceptibility in the coefficients of the field-free operators.
    d_g : ndarray (T, P)
    """
    n, times, free, bound = h0.shape[0], beta.size, starts.size - 1, g.size
    operators = free + bound if derive else 0
    moment, chi, slopes = np.zeros(times), np.zeros(times), np.zeros((times, free + bound))
    v, w = np.empty((n, n), np.complex128), np.empty((n, n), np.complex128)
    au = np.empty((n, n), np.complex128)
    matrices = np.empty((operators, n, n), np.complex128)
    p = np.empty((times, n))
    pair = np.empty((n, n))
    unit = np.ones(1)
    for o in range(weights.size):
        _project(zeeman, g, directions[o], v)
        energies, u = np.linalg.eigh(h0 + b * v)
        adjoint = u.conj().T.copy()
        inside = np.dot(adjoint, np.dot(v, u))
        for k in range(operators):
            if k < free:
                _apply(rows, columns, entries, starts[k], starts[k + 1], u, au)
                matrices[k] = np.dot(adjoint, au)
            else:
                _project(zeeman[k - free : k - free + 1], unit, directions[o], w)
                matrices[k] = np.dot(adjoint, np.dot(w, u))
        _boltzmann(energies, beta, p)
        for t in range(times):
            mean, second = 0.0, 0.0
            for a in range(n):
                pair[a, a] = p[t, a] * beta[t]
                mean += p[t, a] * inside[a, a].real
                second += pair[a, a] * inside[a, a].real ** 2
                for c in range(a + 1, n):
                    pair[a, c] = pair[c, a] = _pair(p[t, a], energies[c] - energies[a], beta[t])
                    second += 2.0 * pair[a, c] * (inside[a, c].real ** 2 + inside[a, c].imag ** 2)
            moment[t] -= weights[o] * mean
            chi[t] += weights[o] * (second - beta[t] * mean * mean)
            if not derive:
                continue
            for a in range(n):
                for c in range(a + 1):
                    total = 0.0j
                    for d in range(n):
                        low, high = min(c, d), max(a, d)
                        term = _triple(energies, pair, p[t], beta[t], low, a + c + d - low - high, high)
                        total += inside[c, d] * inside[d, a] * term
                    au[c, a] = total
            for k in range(operators):
                scale = b if k >= free else 1.0
                expectation, linear, cubic, explicit, crossing = 0.0, 0.0, 0.0, 0.0, 0.0
                for a in range(n):
                    element = matrices[k, a, a].real
                    expectation += p[t, a] * element
                    linear += pair[a, a] * element * inside[a, a].real
                    cubic += element * au[a, a].real
                    for c in range(a):
                        overlap = (matrices[k, a, c] * inside[c, a]).real
                        linear += 2.0 * pair[a, c] * overlap
                        cubic += 2.0 * (matrices[k, a, c] * au[c, a]).real
                if k >= free:
                    # the operator V itself changes
                    explicit, crossing = expectation, linear
                first = explicit - scale * (linear - beta[t] * mean * expectation)
                change = 2.0 * crossing - 2.0 * scale * cubic + scale * beta[t] * expectation * second
                slopes[t, k] += weights[o] * (change - 2.0 * beta[t] * mean * first)
    return moment, chi, slopes[:, :free].copy(), slopes[:, free:].copy()
