"""Reference subtraction and the tensor route."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    clamped_coefficient,
    reference_limit,
    secondary_coefficient,
    subtract_limit,
    subtract_reference,
)

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def p(values, at, sigma=None):
    return Measurement("pyroelectric_coefficient", np.asarray(values) * 1e-5, Conditions(np.asarray(at, float)), sigma)


def test_the_znco_limit():
    """SCIENCE F9 and section 2: below 0.57 at 120 K and 0.51 nC cm-2 K-1 at 300 K; 0.64 of 0.75 uC/cm2 stay."""
    assert reference_limit(3.8e-5, 0.15) * 1e5 == pytest.approx(0.57, abs=1e-9)
    assert reference_limit(3.4e-5, 0.15) * 1e5 == pytest.approx(0.51, abs=1e-9)
    part = subtract_limit(p([3.8, -3.4], [120, 300]), 0.15)
    np.testing.assert_allclose(part.smallest * 1e5, [3.23, 2.89])
    np.testing.assert_allclose(part.largest * 1e5, [4.37, 3.91])
    np.testing.assert_array_equal(part.coefficient.values, p([3.8, -3.4], [120, 300]).values)
    [term] = part.coefficient.correlated
    np.testing.assert_allclose(term.effect * 1e5, [0.57 / np.sqrt(3), 0.51 / np.sqrt(3)])
    assert (1 - 0.15) * 0.75 == pytest.approx(0.64, abs=0.003)


def test_a_measured_reference_is_subtracted_with_its_uncertainty():
    feco = p([3.8, 4.7, 3.4], [120, 200, 300], sigma=1e-6)
    znco = p([0.2, 0.4], [100, 320], sigma=2e-6)
    part = subtract_reference(feco, znco, scale=1.1, sigma_scale=0.1)
    other = np.interp([120, 200, 300], [100, 320], [0.2, 0.4]) * 1e-5
    np.testing.assert_allclose(part.coefficient.values, feco.values - 1.1 * other)
    np.testing.assert_allclose(part.coefficient.sigma, np.hypot(1e-6, 2.2e-6))
    np.testing.assert_allclose(part.coefficient.correlated[0].effect, -0.1 * other)
    with pytest.raises(PyroelectricityError, match="nothing is extrapolated"):
        subtract_reference(feco, p([0.2, 0.4], [150, 320]))


def random_tensors(seed):
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(6, 6))
    a = rng.normal(size=(3, 3))
    return rng.normal(size=(3, 6)), c @ c.T, a + a.T


@given(seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_voigt_equals_the_full_tensor_sum(seed):
    """p_i = d_ijk c_jklm alpha_lm with all indices, written out."""
    d, c, alpha = random_tensors(seed)
    full_d, full_c = np.zeros((3, 3, 3)), np.zeros((3, 3, 3, 3))
    for J, (j, k) in enumerate(PAIRS):
        full_d[:, j, k] = full_d[:, k, j] = d[:, J] / (1 if j == k else 2)
        for K, (m, n) in enumerate(PAIRS):
            for a, b in ((j, k), (k, j)):
                full_c[a, b, m, n] = full_c[a, b, n, m] = c[J, K]
    wanted = np.einsum("ijk,jklm,lm->i", full_d, full_c, alpha)
    np.testing.assert_allclose(secondary_coefficient(d, c, alpha), wanted, rtol=1e-10, atol=1e-10)
    clamped = clamped_coefficient(np.ones(3), d, c, alpha)
    np.testing.assert_allclose(clamped + wanted, np.ones(3), rtol=1e-9, atol=1e-9)


def symmetrised(group_operations, d, c, alpha):
    """Average over the operations of a class, in full tensors."""
    full_d, full_c = np.zeros((3, 3, 3)), np.zeros((3, 3, 3, 3))
    for J, (j, k) in enumerate(PAIRS):
        full_d[:, j, k] = full_d[:, k, j] = d[:, J] / (1 if j == k else 2)
        for K, (m, n) in enumerate(PAIRS):
            for a, b in ((j, k), (k, j)):
                full_c[a, b, m, n] = full_c[a, b, n, m] = c[J, K]
    mean_d = np.mean([np.einsum("ia,jb,kc,abc->ijk", r, r, r, full_d) for r in group_operations], axis=0)
    mean_c = np.mean([np.einsum("ia,jb,kc,ld,abcd->ijkl", r, r, r, r, full_c) for r in group_operations], axis=0)
    mean_a = np.mean([r @ alpha @ r.T for r in group_operations], axis=0)
    voigt_d = np.array([[mean_d[i, j, k] * (1 if j == k else 2) for j, k in PAIRS] for i in range(3)])
    voigt_c = np.array([[mean_c[j, k, m, n] for m, n in PAIRS] for j, k in PAIRS])
    return voigt_d, voigt_c, mean_a


TWO_ALONG_Y = [np.eye(3), np.diag([-1.0, 1.0, -1.0])]
TURN = np.array([[-0.5, -np.sqrt(3) / 2, 0], [np.sqrt(3) / 2, -0.5, 0], [0, 0, 1]])
MIRROR = np.diag([-1.0, 1.0, 1.0])
C3V = [m @ r for r in (np.eye(3), TURN, TURN @ TURN) for m in (np.eye(3), MIRROR)]


@pytest.mark.parametrize("seed", range(5))
def test_class_2_gives_a_component_along_the_axis_only(seed):
    """SCIENCE section 2: p2 = e21 a1 + e22 a2 + e23 a3 + e25 a5 with e = d c and a5 = 2 alpha13."""
    d, c, alpha = symmetrised(TWO_ALONG_Y, *random_tensors(seed))
    found = secondary_coefficient(d, c, alpha, space_group="P 21")
    e = d @ c
    by_hand = e[1, 0] * alpha[0, 0] + e[1, 1] * alpha[1, 1] + e[1, 2] * alpha[2, 2] + e[1, 4] * 2 * alpha[0, 2]
    assert found[1] == pytest.approx(by_hand, rel=1e-12)
    assert np.abs(found[[0, 2]]).max() < 1e-12 * np.abs(found[1])


@pytest.mark.parametrize("seed", range(3))
def test_class_3m_in_hexagonal_axes(seed):
    d, c, alpha = symmetrised(C3V, *random_tensors(seed))
    found = secondary_coefficient(d, c, alpha, space_group="R 3 c")
    assert np.abs(found[:2]).max() < 1e-10 * np.abs(found[2])


def test_tensors_that_the_class_forbids_are_refused():
    d, c, alpha = random_tensors(0)
    with pytest.raises(PyroelectricityError, match="piezoelectric: the tensor is not that of space group 'P 21'"):
        secondary_coefficient(d, c, alpha, space_group="P 21")
    good_d, good_c, good_a = symmetrised(TWO_ALONG_Y, d, c, alpha)
    with pytest.raises(PyroelectricityError, match="expansion: the tensor is not"):
        secondary_coefficient(good_d, good_c, alpha, space_group="P 21")
    with pytest.raises(PyroelectricityError, match="piezoelectric"):
        secondary_coefficient(good_d, good_c, good_a, space_group="P 21/c")
    with pytest.raises(PyroelectricityError, match="symmetric"):
        secondary_coefficient(d, c + np.triu(c, 1), alpha)
    with pytest.raises(PyroelectricityError, match=r"\(3, 6\)"):
        secondary_coefficient(d.T, c, alpha)
