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
def _add(rows, columns, entries, start, stop, factor, u, out):
    """Add factor times a sparse operator times the eigenvectors."""
    for k in range(start, stop):
        r, c, value = rows[k], columns[k], factor * entries[k]
        for a in range(u.shape[0]):
            out[r, a] += value * u[c, a]


@compiled
def _operator(k, free, direction, rows, columns, entries, starts, u, out):
    """Operator k times the eigenvectors: field-free ones first, then those of the Zeeman terms along the field."""
    out[:, :] = 0.0
    if k < free:
        _add(rows, columns, entries, starts[k], starts[k + 1], 1.0, u, out)
    else:
        for x in range(3):
            place = free + 3 * (k - free) + x
            if direction[x] != 0.0:
                _add(rows, columns, entries, starts[place], starts[place + 1], direction[x], u, out)


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
def average_moment(levels, states, inside, rows, columns, entries, starts, free, directions, weights, b, beta, derive):
    """Powder average of -<V> and its derivatives.

    Parameters
    ----------
    levels : ndarray (O, N)
        Eigenvalues for every direction of the field, K, ascending.
    states, inside : ndarray (O, N, N) of complex
        Eigenvectors as columns, and V between them.
    rows, columns, entries, starts
        Operators in coordinate form, one after the other: the field-free ones, then x, y and z of each Zeeman term;
        starts (J + 3 P + 1,).
    free : int
        J, how many of them are field-free.
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
    slopes : ndarray (T, J + P + 1)
        Derivatives in the coefficients of the field-free operators (K-1), in those of the Zeeman terms, and in b
        (K-1); zero unless `derive`.
    """
    n, times = levels.shape[1], beta.size
    operators = free + (starts.size - 1 - free) // 3 + 1
    moment, slopes = np.zeros(times), np.zeros((times, operators))
    if not derive:
        operators = 0
    au, first = np.empty((n, n), np.complex128), np.empty((n, n), np.complex128)
    table, sums = np.empty((n, 1 + 3 * operators)), np.empty((times, 1 + 3 * operators))
    p = np.empty((times, n))
    limit = NEAR / np.min(beta)
    pairs = np.empty((n * (n - 1) // 2, 2), np.int64)
    cross = np.empty((n * (n - 1) // 2, operators))
    for o in range(weights.size):
        e, u, v = levels[o], states[o], inside[o]
        _boltzmann(e, beta, p)
        near = 0
        for a in range(n):
            table[a, 0] = v[a, a].real
        if derive:
            # the levels' first-order change with b, left out between levels that are close
            first[:, :] = 0.0
            for a in range(n):
                for c in range(a):
                    gap = e[a] - e[c]
                    if gap < limit:
                        pairs[near, 0], pairs[near, 1] = c, a
                        near += 1
                        continue
                    up, down = v[c, a] / gap, -v[a, c] / gap
                    for r in range(n):
                        first[r, a] += u[r, c] * up
                        first[r, c] += u[r, a] * down
            for k in range(operators):
                if k == operators - 1:
                    for r in range(n):
                        for a in range(n):
                            au[r, a] = 0.0
                            for c in range(n):
                                au[r, a] += u[r, c] * v[c, a]
                else:
                    _operator(k, free, directions[o], rows, columns, entries, starts, u, au)
                zeeman = free <= k < operators - 1
                scale = b if zeeman else 1.0
                for a in range(n):
                    expectation, bend = 0.0, 0.0
                    for r in range(n):
                        expectation += u[r, a].real * au[r, a].real + u[r, a].imag * au[r, a].imag
                        bend += first[r, a].real * au[r, a].real + first[r, a].imag * au[r, a].imag
                    table[a, 1 + 3 * k] = scale * expectation
                    table[a, 2 + 3 * k] = scale * expectation * table[a, 0]
                    table[a, 3 + 3 * k] = 2.0 * scale * bend + (expectation if zeeman else 0.0)
                for q in range(near):
                    a, c = pairs[q, 0], pairs[q, 1]
                    element = 0.0j
                    for r in range(n):
                        element += np.conj(u[r, a]) * au[r, c]
                    cross[q, k] = 2.0 * scale * (element * v[c, a]).real
        np.dot(p, table, sums)
        for t in range(times):
            moment[t] -= weights[o] * sums[t, 0]
            for k in range(operators):
                change = sums[t, 3 + 3 * k] - beta[t] * (sums[t, 2 + 3 * k] - sums[t, 1 + 3 * k] * sums[t, 0])
                slopes[t, k] -= weights[o] * change
            for q in range(near):
                a, c = pairs[q, 0], pairs[q, 1]
                weight = weights[o] * _pair(p[t, a], e[c] - e[a], beta[t])
                for k in range(operators):
                    slopes[t, k] += weight * cross[q, k]
    return moment, slopes


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
def average_susceptibility(
    levels, states, inside, rows, columns, entries, starts, free, directions, weights, b, beta, derive
):
    """Powder average of -d<V>/db (van Vleck's formula where b = 0) and its derivatives.

    Parameters
    ----------
    levels, states, inside, rows, columns, entries, starts, free, directions, weights, b, beta, derive
        As for `average_moment`.

    Returns
    -------
    susceptibility : ndarray (T,)
        Derivative of the moment (Bohr magnetons) in b, K-1.
    slopes : ndarray (T, J + P)
        Its derivatives in the coefficients of the field-free operators and of the Zeeman terms.
    """
    n, times = levels.shape[1], beta.size
    operators = free + (starts.size - 1 - free) // 3
    chi, slopes = np.zeros(times), np.zeros((times, operators))
    if not derive:
        operators = 0
    au = np.empty((n, n), np.complex128)
    matrices = np.empty((operators, n, n), np.complex128)
    p, pair = np.empty((times, n)), np.empty((n, n))
    for o in range(weights.size):
        e, u, v = levels[o], states[o], inside[o]
        for k in range(operators):
            _operator(k, free, directions[o], rows, columns, entries, starts, u, au)
            for a in range(n):
                for c in range(n):
                    matrices[k, a, c] = 0.0
                    for r in range(n):
                        matrices[k, a, c] += np.conj(u[r, a]) * au[r, c]
        _boltzmann(e, beta, p)
        for t in range(times):
            mean, second = 0.0, 0.0
            for a in range(n):
                pair[a, a] = p[t, a] * beta[t]
                mean += p[t, a] * v[a, a].real
                second += pair[a, a] * v[a, a].real ** 2
                for c in range(a + 1, n):
                    pair[a, c] = pair[c, a] = _pair(p[t, a], e[c] - e[a], beta[t])
                    second += 2.0 * pair[a, c] * (v[a, c].real ** 2 + v[a, c].imag ** 2)
            chi[t] += weights[o] * (second - beta[t] * mean * mean)
            if not derive:
                continue
            for a in range(n):
                for c in range(a + 1):
                    au[c, a] = 0.0
                    for d in range(n):
                        low, high = min(c, d), max(a, d)
                        term = _triple(e, pair, p[t], beta[t], low, a + c + d - low - high, high)
                        au[c, a] += v[c, d] * v[d, a] * term
            for k in range(operators):
                scale = b if k >= free else 1.0
                expectation, linear, cubic, explicit, crossing = 0.0, 0.0, 0.0, 0.0, 0.0
                for a in range(n):
                    element = matrices[k, a, a].real
                    expectation += p[t, a] * element
                    linear += pair[a, a] * element * v[a, a].real
                    cubic += element * au[a, a].real
                    for c in range(a):
                        linear += 2.0 * pair[a, c] * (matrices[k, a, c] * v[c, a]).real
                        cubic += 2.0 * (matrices[k, a, c] * au[c, a]).real
                if k >= free:
                    # the operator V itself changes
                    explicit, crossing = expectation, linear
                change_of_mean = explicit - scale * (linear - beta[t] * mean * expectation)
                change = 2.0 * crossing - 2.0 * scale * cubic + scale * beta[t] * expectation * second
                slopes[t, k] += weights[o] * (change - 2.0 * beta[t] * mean * change_of_mean)
    return chi, slopes
