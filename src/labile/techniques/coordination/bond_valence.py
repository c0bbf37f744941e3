"""Bond valence sums: V = sum exp[(R0 - d)/b], with parameters that name where they come from.

The parameters of `PARAMETERS` are those of the accumulated table of I. D. Brown (bvparm, International Union of
Crystallography) with the publications it names. They are averages over mostly high-spin compounds: a low-spin ion has
bonds about 0.1-0.2 angstrom shorter, so its sum comes out too large by 0.5 to 1, which is no oxidation state. Sums of
Fe(II) and Fe(III) computed each with its own parameters are often both plausible; then the sum cannot decide.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labile.techniques.coordination.bonds import Value, propagated
from labile.techniques.coordination.errors import CoordinationError, CoordinationWarning
from labile.techniques.coordination.sphere import CoordinationSphere

SOFTNESS = 0.37e-10
"""m; the b of nearly all tables."""
BROWN_ALTERMATT = "Brown and Altermatt 1985, doi 10.1107/S0108768185002063"
BRESE_OKEEFFE = "Brese and O'Keeffe 1991, doi 10.1107/S0108768190011041"
LIU_THORP = "Liu and Thorp 1993, Inorg. Chem. 32, 4102 (transition metal complexes)"
HU_ZHOU = "linear in the oxidation state: R0 = (0.0335 n + 1.648) angstrom, Hu and Zhou 2004 (Z. Kristallogr. 219, 614)"


@dataclass(frozen=True)
class BondValence:
    """Parameters of one pair of elements.

    Attributes
    ----------
    r0, b : float
        m.
    source : str
    """

    r0: float
    b: float = SOFTNESS
    source: str = ""


def _of(angstrom: float, source: str) -> BondValence:
    return BondValence(angstrom * 1e-10, SOFTNESS, source)


PARAMETERS: Mapping[tuple[str, int, str], BondValence] = {
    ("Fe", 2, "O"): _of(1.734, BROWN_ALTERMATT),
    ("Fe", 3, "O"): _of(1.759, BROWN_ALTERMATT),
    ("Fe", 2, "N"): _of(1.769, LIU_THORP),
    ("Fe", 3, "N"): _of(1.815, LIU_THORP),
    ("Fe", 2, "S"): _of(2.125, LIU_THORP),
    ("Fe", 3, "S"): _of(2.149, BROWN_ALTERMATT),
    ("Fe", 2, "Cl"): _of(2.06, BRESE_OKEEFFE),
    ("Fe", 3, "Cl"): _of(2.09, BRESE_OKEEFFE),
    ("Fe", 3, "F"): _of(1.679, BROWN_ALTERMATT),
    ("Co", 2, "O"): _of(1.692, BROWN_ALTERMATT),
    ("Co", 3, "O"): _of(1.70, BRESE_OKEEFFE),
    ("Co", 2, "N"): _of(1.84, BRESE_OKEEFFE + " (any oxidation state)"),
    ("Co", 3, "N"): _of(1.84, BRESE_OKEEFFE + " (any oxidation state)"),
    ("Co", 2, "Cl"): _of(2.033, BROWN_ALTERMATT),
    ("Mn", 2, "N"): _of(1.849, LIU_THORP),
    ("Mn", 3, "O"): _of(1.760, BROWN_ALTERMATT),
    ("Mn", 3, "N"): _of(1.837, LIU_THORP),
    ("Mn", 4, "O"): _of(1.753, BROWN_ALTERMATT),
    ("Mn", 4, "N"): _of(1.822, LIU_THORP),
    ("Cr", 3, "O"): _of(1.724, BROWN_ALTERMATT),
    ("Ni", 2, "O"): _of(1.654, BROWN_ALTERMATT),
    ("Ni", 2, "N"): _of(1.647, LIU_THORP),
    ("Cu", 2, "O"): _of(1.679, BROWN_ALTERMATT),
    ("Cu", 2, "N"): _of(1.751, LIU_THORP),
}
"""By element, oxidation state and donor element."""
CROSSOVER = {("Fe", 2), ("Fe", 3), ("Co", 2), ("Co", 3), ("Mn", 3), ("Mn", 2), ("Cr", 2), ("Ni", 3)}
"""Ions that may be low or high spin in an octahedron."""
UNDECIDED = 0.4
"""Difference of two misfits below which a sum does not decide."""
OVERBONDED = 0.5
"""Excess of a sum over the oxidation state from which the ion is taken to be low spin."""


@dataclass(frozen=True)
class ValenceSum:
    """Bond valence sum for one assumed oxidation state.

    Attributes
    ----------
    oxidation : int
    value, sigma : float
        The sum; sigma from the lengths alone.
    valences : tuple of float
        Of the single bonds.
    sources : tuple of str
        Where the parameters come from.
    notes : tuple of str
    """

    oxidation: int
    value: float
    sigma: float
    valences: tuple[float, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def excess(self) -> float:
        """Sum less the assumed oxidation state; near 0 where assumption and parameters fit."""
        return self.value - self.oxidation


def hu_zhou(oxidation: float) -> BondValence:
    """Iron-oxygen parameters for any, also a fractional, oxidation state.

    Examples
    --------
    >>> round(hu_zhou(2).r0 * 1e10, 4), round(hu_zhou(3).r0 * 1e10, 4)
    (1.715, 1.7485)
    """
    if not 0 < oxidation < 9:
        raise CoordinationError(f"oxidation state {oxidation!r}: a number from 1 to 8 is needed")
    return _of(0.0335 * oxidation + 1.648, HU_ZHOU)


def bond_valence_sum(
    sphere: CoordinationSphere,
    oxidation: int,
    parameters: Mapping[tuple[str, int, str], BondValence] | None = None,
) -> ValenceSum:
    """Bond valence sum of a coordination sphere for an assumed oxidation state.

    Parameters
    ----------
    sphere : CoordinationSphere
    oxidation : int
        For which parameters are looked up.
    parameters : mapping, optional
        ``{("Fe", 2, "N"): BondValence(1.76e-10, source="...")}``; entries go before those of `PARAMETERS`.

    Returns
    -------
    ValenceSum

    Raises
    ------
    CoordinationError
        If a pair of elements has no parameters; nothing is guessed.

    Warns
    -----
    CoordinationWarning
        Where a crossover ion is overbonded, as low-spin ions are with these parameters.

    Examples
    --------
    >>> from labile.core.structure import Molecule
    >>> from labile.techniques.coordination.sphere import coordination_spheres
    >>> ligands = 2.06e-10 * np.vstack([np.eye(3), -np.eye(3)])
    >>> ion = Molecule("Ni(OH2)6", ("Ni", *["O"] * 6), np.vstack([np.zeros(3), ligands]))
    >>> round(bond_valence_sum(coordination_spheres(ion, "Ni1")[0], 2).value, 2)
    2.0
    """
    if sphere.problems:
        raise CoordinationError(f"{sphere.metal}: {'; '.join(sphere.problems)}")
    table = {**PARAMETERS, **(parameters or {})}
    missing = sorted({e for e in sphere.elements if (sphere.element, oxidation, e) not in table})
    if missing:
        pairs = ", ".join(f"{sphere.element}({oxidation})-{e}" for e in missing)
        raise CoordinationError(
            f"{sphere.metal}: no bond valence parameters of {pairs} are built in; give them as"
            f' parameters={{("{sphere.element}", {oxidation}, "{missing[0]}"): BondValence(r0, source="...")}}'
        )
    used = [table[sphere.element, oxidation, e] for e in sphere.elements]
    lengths = sphere.lengths
    valences = np.array([math.exp((p.r0 - d) / p.b) for p, d in zip(used, lengths, strict=True)])
    softness = np.array([p.b for p in used])
    pull = -(valences / softness / lengths)[:, None] * sphere.vectors
    value = Value(float(valences.sum()), propagated(sphere, pull))
    notes = []
    if (sphere.element, oxidation) in CROSSOVER and value.value - oxidation > OVERBONDED:
        text = (
            f"{sphere.metal}: the bond valence sum {value.value:.2f} exceeds {oxidation}; these parameters come from"
            " high-spin compounds, so a low-spin ion is overbonded: this is no oxidation state"
        )
        warnings.warn(text, CoordinationWarning, stacklevel=2)
        notes.append(text)
    sources = tuple(dict.fromkeys(p.source or "given" for p in used))
    return ValenceSum(oxidation, value.value, value.sigma, tuple(map(float, valences)), sources, tuple(notes))


def compare_oxidation_states(
    sphere: CoordinationSphere,
    oxidations: Sequence[int],
    parameters: Mapping[tuple[str, int, str], BondValence] | None = None,
) -> tuple[tuple[ValenceSum, ...], str]:
    """Sums for several oxidation states and one sentence on whether they decide between them.

    Published parameters of one pair differ by up to 0.1 angstrom (Fe-N: 1.77 to 1.86), which is 0.4 in a sum, so
    oxidation states whose sums fit within 0.4 of each other are taken to fit equally.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoordinationWarning)
        sums = tuple(bond_valence_sum(sphere, n, parameters) for n in oxidations)
    off = np.array([abs(one.excess) for one in sums])
    close = [one for one, d in zip(sums, off, strict=True) if d <= off.min() + UNDECIDED]
    listed = ", ".join(f"{one.value:.2f} with parameters of {sphere.element}({one.oxidation})" for one in sums)
    if any(one.notes for one in sums) and all(one.excess > OVERBONDED for one in sums):
        verdict = "overbonded with all of them, as low-spin ions are: the sum tells no oxidation state"
    elif len(close) > 1:
        verdict = "the sum cannot decide between " + " and ".join(str(one.oxidation) for one in close)
    else:
        verdict = f"the sum fits {close[0].oxidation}"
    return sums, f"{sphere.metal}: {listed}; {verdict}"
