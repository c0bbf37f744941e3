"""What part of p is not electronic: a reference compound subtracted, and the secondary effect from tensors.

A free crystal expands on heating, and a piezoelectric one is polarized by that: p(free) = p(clamped) + d c alpha
(Nye, Physical Properties of Crystals, 1985, chapter X).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labile.core.material import point_group_rotations
from labile.core.measurement import CorrelatedTerm, Measurement
from labile.techniques.pyroelectricity.conversions import PyroelectricityError, reference_limit
from labile.techniques.pyroelectricity.runs import interpolated

ALLOWED = 1e-6
"""Relative part of a tensor that its crystal class may forbid and that counts as rounding."""
_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Voigt's numbers: 11, 22, 33, 23, 13, 12."""


@dataclass(frozen=True, eq=False)
class ElectronicPart:
    """Coefficient of a switching crystal without what a reference compound of the same structure shows too.

    Attributes
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"``, the correlated term ``reference`` carries the uncertainty of the reference.
    smallest, largest : ndarray (N,)
        Bounds of |p| that a limit leaves, C m-2 K-1; equal to |p| where the reference was measured.
    """

    coefficient: Measurement
    smallest: np.ndarray
    largest: np.ndarray


def subtract_reference(
    coefficient: Measurement, reference: Measurement, *, scale: float = 1.0, sigma_scale: float = 0.0
) -> ElectronicPart:
    """Subtract the measured coefficient of an isostructural compound that does not switch.

    Parameters
    ----------
    coefficient, reference : Measurement
        ``"pyroelectric_coefficient"``; the reference is interpolated and must cover the temperatures.
    scale, sigma_scale : float
        By which the reference is multiplied (another cell volume, another polarity), and its uncertainty.

    Returns
    -------
    ElectronicPart

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = Conditions(np.linspace(100.0, 300.0, 5))
    >>> feco = Measurement("pyroelectric_coefficient", np.full(5, 3.4e-5), at, sigma=1e-6)
    >>> znco = Measurement("pyroelectric_coefficient", np.full(5, 0.4e-5), at, sigma=1e-6)
    >>> subtract_reference(feco, znco).coefficient.describe_point(4)
    '3.00(14) nC cm⁻² K⁻¹ at 300 K'
    """
    for one in (coefficient, reference):
        _require_coefficient(one)
    if not (math.isfinite(scale) and sigma_scale >= 0):
        raise PyroelectricityError(f"scale must be a number and sigma_scale >= 0, found {scale!r}, {sigma_scale!r}")
    other, spread = interpolated(reference, coefficient.temperature)
    values = coefficient.values - scale * other
    noise = np.zeros(values.shape) if coefficient.sigma is None else coefficient.sigma
    sigma = noise if spread is None else np.hypot(noise, scale * spread)
    terms = coefficient.correlated
    if sigma_scale > 0:
        terms = (*terms, CorrelatedTerm("reference", -other * sigma_scale))
    step = f"less the reference {reference.label!r} times {scale:g}" + (
        "" if spread is not None else " (its uncertainty is not stated and not in sigma)"
    )
    known = bool(np.all(sigma > 0))
    part = replace(
        coefficient,
        values=values,
        sigma=sigma if known else None,
        correlated=terms,
        limits=None,
        label=f"{coefficient.label}, electronic part",
        provenance=coefficient.provenance.then(step),
    )
    return ElectronicPart(part, np.abs(values), np.abs(values))


def subtract_limit(coefficient: Measurement, fraction: float) -> ElectronicPart:
    """Electronic part where the reference is only known to be below a fraction of the coefficient.

    The sign of the reference is not known, so nothing is subtracted: the limit becomes a systematic uncertainty, that
    of a uniform distribution between its two signs (fraction |p|/sqrt 3), shared by all points.

    Parameters
    ----------
    coefficient : Measurement
        ``"pyroelectric_coefficient"``.
    fraction : float
        Between 0 and 1.

    Returns
    -------
    ElectronicPart

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> p = Measurement("pyroelectric_coefficient", [3.8e-5, 3.4e-5], Conditions([120.0, 300.0]))
    >>> part = subtract_limit(p, 0.15)
    >>> (part.smallest * 1e5).round(2).tolist(), (part.coefficient.correlated[0].effect * 1e5).round(3).tolist()
    ([3.23, 2.89], [0.329, 0.294])
    """
    _require_coefficient(coefficient)
    limit = np.array([reference_limit(float(value), fraction) for value in coefficient.values])
    step = (
        f"reference compound below {fraction * 100:g} % of |p|: not subtracted, kept as a uniform systematic"
        " uncertainty"
    )
    part = replace(
        coefficient,
        correlated=(*coefficient.correlated, CorrelatedTerm("reference", limit / math.sqrt(3))),
        label=f"{coefficient.label}, electronic part",
        provenance=coefficient.provenance.then(step),
    )
    size = np.abs(coefficient.values)
    return ElectronicPart(part, size - limit, size + limit)


def secondary_coefficient(
    piezoelectric: np.ndarray, stiffness: np.ndarray, expansion: np.ndarray, *, space_group: str = ""
) -> np.ndarray:
    """Secondary pyroelectric coefficient d c alpha of a free crystal.

    Parameters
    ----------
    piezoelectric : ndarray (3, 6)
        d_iJ, C/N (= m/V), Voigt's notation with engineering factors (d_14 = 2 d_123). The rows are the Cartesian axes
        of the crystal class: 2 along y for monoclinic, the main axis along z for trigonal, tetragonal, hexagonal.
    stiffness : ndarray (6, 6)
        c_JK at constant field, Pa.
    expansion : ndarray (3, 3) or (6,)
        alpha, 1/K; six numbers as strains with engineering factors (a_4 = 2 alpha_23).
    space_group : str
        Hermann-Mauguin symbol; the tensors are then held against its crystal class.

    Returns
    -------
    ndarray (3,)
        C m-2 K-1, Cartesian.

    Raises
    ------
    PyroelectricityError
        For wrong shapes or a tensor that the crystal class forbids.

    Examples
    --------
    Wurtzite CdS: the secondary effect of its hexagonal class 6mm lies along z.

    >>> d = np.zeros((3, 6))
    >>> d[2, :3], d[1, 3], d[0, 4] = (-5.18e-12, -5.18e-12, 10.32e-12), -13.98e-12, -13.98e-12
    >>> c = np.zeros((6, 6))
    >>> c[:3, :3] = [[85.65e9, 53.2e9, 46.2e9], [53.2e9, 85.65e9, 46.2e9], [46.2e9, 46.2e9, 93.6e9]]
    >>> c[3, 3] = c[4, 4] = 14.87e9
    >>> c[5, 5] = (85.65e9 - 53.2e9) / 2
    >>> p = secondary_coefficient(d, c, np.diag([6.5e-6, 6.5e-6, 4.0e-6]), space_group="P 63 m c")
    >>> (p * 1e6).round(2).tolist()
    [0.0, 0.0, -1.2]
    """
    d = _shaped(piezoelectric, (3, 6), "piezoelectric")
    c = _shaped(stiffness, (6, 6), "stiffness")
    alpha = np.asarray(expansion, dtype=float)
    if alpha.shape == (3, 3):
        if not np.allclose(alpha, alpha.T, rtol=1e-9, atol=0):
            raise PyroelectricityError("expansion: the tensor must be symmetric")
        alpha = np.array([alpha[i, j] * (1 if i == j else 2) for i, j in _PAIRS])
    alpha = _shaped(alpha, (6,), "expansion")
    if not np.allclose(c, c.T, rtol=1e-6, atol=1e-9 * float(np.max(np.abs(c)))):
        raise PyroelectricityError("stiffness: the matrix must be symmetric")
    if space_group:
        _require_class(d, c, alpha, space_group)
    return np.asarray(d @ c @ alpha)


def clamped_coefficient(
    total: np.ndarray, piezoelectric: np.ndarray, stiffness: np.ndarray, expansion: np.ndarray, *, space_group: str = ""
) -> np.ndarray:
    """Primary (clamped) coefficient: total less `secondary_coefficient`, C m-2 K-1, Cartesian, shape (3,)."""
    return np.asarray(
        _shaped(total, (3,), "total")
        - secondary_coefficient(piezoelectric, stiffness, expansion, space_group=space_group)
    )


def _require_coefficient(one: Measurement) -> None:
    if one.quantity != "pyroelectric_coefficient" or one.axis is not None:
        raise PyroelectricityError(
            f"measurement {one.label!r}: a pyroelectric_coefficient is needed, found {one.quantity}"
        )


def _shaped(value: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise PyroelectricityError(f"{name}: {shape} finite numbers are needed, found shape {array.shape}")
    return array


def _require_class(d: np.ndarray, c: np.ndarray, alpha: np.ndarray, space_group: str) -> None:
    """Refuse tensors that change under a rotation of the crystal class."""
    rotations = cartesian_rotations(space_group)
    full_d, full_c, full_a = np.zeros((3, 3, 3)), np.zeros((3, 3, 3, 3)), np.zeros((3, 3))
    for J, (j, k) in enumerate(_PAIRS):
        half = 1.0 if j == k else 0.5
        full_d[:, j, k] = full_d[:, k, j] = half * d[:, J]
        full_a[j, k] = full_a[k, j] = half * alpha[J]
        for K, (m, n) in enumerate(_PAIRS):
            full_c[j, k, m, n] = full_c[k, j, m, n] = full_c[j, k, n, m] = full_c[k, j, n, m] = c[J, K]
    for name, tensor, rule in (
        ("piezoelectric", full_d, "ia,jb,kc,abc->ijk"),
        ("stiffness", full_c, "ia,jb,kc,ld,abcd->ijkl"),
        ("expansion", full_a, "ia,jb,ab->ij"),
    ):
        for rotation in rotations:
            turned = np.einsum(rule, *(rotation,) * tensor.ndim, tensor, optimize=True)
            worst = float(np.max(np.abs(turned - tensor)))
            if worst > ALLOWED * float(np.max(np.abs(tensor))):
                raise PyroelectricityError(
                    f"{name}: the tensor is not that of space group {space_group!r}: a rotation of its crystal class"
                    f" changes it by {worst / float(np.max(np.abs(tensor))) * 100:.3g} %; check components, signs and"
                    " axes (2 along y for monoclinic, the main axis along z otherwise)"
                )


def cartesian_rotations(space_group: str) -> np.ndarray:
    """Point-group operations in the Cartesian axes of the crystal class, shape (G, 3, 3).

    x along a, z along c* and y completing them: for monoclinic symbols with 2 along b, y is b.

    Raises
    ------
    SymmetryError
        For an unknown symbol.

    Examples
    --------
    >>> cartesian_rotations("P 21")[1].diagonal().tolist()
    [-1.0, 1.0, -1.0]
    """
    if space_group.strip().upper().endswith(":R"):
        raise PyroelectricityError(f"space group {space_group!r}: use hexagonal axes, the threefold axis along z")
    rotations = point_group_rotations(space_group)
    # hexagonal axes where an operation mixes a and b in the way of a threefold axis
    hexagonal = any(not np.allclose(r @ r.T, np.eye(3)) for r in rotations)
    basis = np.eye(3)
    if hexagonal:
        basis[0, 1], basis[1, 1] = -0.5, math.sqrt(3) / 2
    return np.asarray(basis @ rotations @ np.linalg.inv(basis))
