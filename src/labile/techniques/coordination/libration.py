"""What thermal motion does to a bond length, from displacement parameters and without a rigid-body (TLS) analysis.

The distance between mean positions is shorter than the mean distance between atoms when they move across the bond.
With w the mean square displacement of an atom perpendicular to the bond (both directions together) and d the distance
of the mean positions (W. R. Busing, H. A. Levy, Acta Cryst. 17 (1964) 142):

    lower bound     d + (sqrt w_B - sqrt w_A)^2/(2 d)     both atoms in phase
    riding          d + (w_B - w_A)/(2 d)                 the second rides on the first
    uncorrelated    d + (w_A + w_B)/(2 d)
    upper bound     d + (sqrt w_B + sqrt w_A)^2/(2 d)     both atoms in antiphase

Bounds are what displacement parameters alone can say; riding is the usual choice for a ligand on a heavy metal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.structure import CrystalStructure
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.sphere import CoordinationSphere

MODELS = ("lower", "riding", "uncorrelated", "upper")


@dataclass(frozen=True, eq=False)
class Libration:
    """Lengths of K bonds corrected for thermal motion.

    Attributes
    ----------
    uncorrected, lower, riding, uncorrelated, upper : ndarray (K,)
        m; NaN where the file states no displacement parameters.
    """

    uncorrected: np.ndarray
    lower: np.ndarray
    riding: np.ndarray
    uncorrelated: np.ndarray
    upper: np.ndarray


def libration(sphere: CoordinationSphere) -> Libration:
    """Bond lengths of a sphere with the corrections for thermal motion.

    The metal is the first atom, on which a ligand rides. Uncertainties of the displacement parameters are not
    propagated.

    Parameters
    ----------
    sphere : CoordinationSphere
        Of a crystal.

    Returns
    -------
    Libration

    Raises
    ------
    CoordinationError
        For a molecule, which has no displacement parameters.
    """
    if sphere.around is None:
        raise CoordinationError(f"{sphere.structure}: an .xyz molecule has no displacement parameters")
    structure, around = sphere.around.structure, sphere.around
    d = sphere.lengths
    units = sphere.vectors / d[:, None]
    metal = _displacement(structure, around.centre, np.eye(3))
    w_a = np.trace(metal) - np.einsum("ki,ij,kj->k", units, metal, units)
    each = np.stack(
        [
            _displacement(structure, int(n), structure.rotations[g])
            for n, g in zip(around.sites, around.operations, strict=True)
        ]
    )
    w_b = np.trace(each, axis1=1, axis2=2) - np.einsum("ki,kij,kj->k", units, each, units)
    with np.errstate(invalid="ignore"):
        roots = np.sqrt(np.where(w_a >= 0, w_a, math.nan)), np.sqrt(np.where(w_b >= 0, w_b, math.nan))
    half = 1.0 / (2.0 * d)
    return Libration(
        d,
        d + (roots[1] - roots[0]) ** 2 * half,
        d + (w_b - w_a) * half,
        d + (w_a + w_b) * half,
        d + (roots[0] + roots[1]) ** 2 * half,
    )


def _displacement(structure: CrystalStructure, site: int, rotation: np.ndarray) -> np.ndarray:
    """Mean square displacement tensor of an image of a site, Cartesian, m2, shape (3, 3)."""
    one = structure.sites[site]
    if one.u_aniso is None:
        return np.eye(3) * one.u_iso
    u11, u22, u33, u23, u13, u12 = one.u_aniso
    tensor = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
    reciprocal = np.linalg.norm(np.linalg.inv(structure.axes), axis=1)
    to_cartesian = structure.axes @ rotation @ np.diag(reciprocal)
    return np.asarray(to_cartesian @ tensor @ to_cartesian.T)
