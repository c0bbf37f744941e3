"""Tests of the ratio of pre-edge intensities against what the ligand field expects.

Quadrupole intensity of 1s -> 3d goes with the number of holes: high-spin iron(III) (t2g3 eg2) has three in t2g and two
in eg, so that its two peaks should stand 3:2. The difference of an observed ratio from it is judged by

    z = (A_1 - r A_2) / sigma(A_1 - r A_2)

with the covariance of both areas, which stays normal where the ratio itself, with an uncertain denominator, is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labile.core.uncertain import format_uncertain
from labile.techniques.xas.absorption import XasError
from labile.techniques.xas.pre_edge_fit import Estimate, PreEdgeFit

REFERENCE = "T. E. Westre et al., J. Am. Chem. Soc. 119 (1997) 6297, doi:10.1021/ja964352a"


@dataclass(frozen=True)
class LigandField:
    """Final states of 1s -> 3d in an octahedron, by rising energy.

    Attributes
    ----------
    ion : str
    states : tuple of str
        Term and configuration of each peak.
    ratio : tuple of float
        Intensities of the peaks; empty where nothing simple is expected.
    source : str
    """

    ion: str
    states: tuple[str, ...]
    ratio: tuple[float, ...] = ()
    source: str = REFERENCE


LIGAND_FIELDS = {
    one.ion: one
    for one in (
        LigandField("Fe3+ HS", ("5T2g (t2g4 eg2)", "5Eg (t2g3 eg3)"), (3.0, 2.0)),
        LigandField("Fe3+ LS", ("1A1g (t2g6)", "3T1g, 3T2g, 1T1g, 1T2g (t2g5 eg1)")),
        LigandField("Fe2+ LS", ("2Eg (t2g6 eg1)",)),
        LigandField("Fe2+ HS", ("4T1g", "4T2g", "4T1g")),
        LigandField("Co3+ LS", ("2Eg (t2g6 eg1)",)),
    )
}
"""Octahedral ions by name, with HS and LS for high and low spin."""


@dataclass(frozen=True)
class RatioTest:
    """An observed ratio of areas beside the expected one.

    Attributes
    ----------
    label : str
        Spectrum.
    ratio : Estimate
    expected : float
    z : float
        Standard deviations by which the intensities miss the expected ratio; positive when the first is too strong.
    probability : float
        Of so large a |z| if the expectation holds.
    text : str
    """

    label: str
    ratio: Estimate
    expected: float
    z: float
    probability: float
    text: str

    def __repr__(self) -> str:
        return f"<RatioTest {self.label!r}: {self.text}>"


def compare_ratio(
    fit: PreEdgeFit, first: str | Sequence[str], second: str | Sequence[str], expected: float | str = "Fe3+ HS"
) -> RatioTest:
    """Judge the ratio of the areas of two peaks, or groups of peaks.

    Parameters
    ----------
    fit : PreEdgeFit
    first, second : str or sequence of str
        Names of peaks: numerator and denominator.
    expected : float or str
        Ratio, or a key of `LIGAND_FIELDS` with a ratio of two intensities.

    Raises
    ------
    XasError
        For unknown peaks, the same peak on both sides, or an expectation that is no positive number.
    """
    name = ""
    if isinstance(expected, str):
        name = expected
        field = LIGAND_FIELDS.get(expected)
        if field is None or len(field.ratio) != 2:
            known = ", ".join(key for key, one in LIGAND_FIELDS.items() if len(one.ratio) == 2)
            raise XasError(f"intensity ratio: no ratio of two intensities is known for {expected!r}; only for {known}")
        expected = field.ratio[0] / field.ratio[1]
    if not (expected > 0 and math.isfinite(expected)):
        raise XasError(f"intensity ratio: the expected ratio must be above 0, found {expected!r}")
    above = (first,) if isinstance(first, str) else tuple(first)
    below = (second,) if isinstance(second, str) else tuple(second)
    if set(above) & set(below):
        raise XasError(f"intensity ratio: {', '.join(sorted(set(above) & set(below)))} on both sides of the ratio")
    (a, slope_a), (b, slope_b) = fit.peak_area(*above), fit.peak_area(*below)
    if not b.value > 0:
        raise XasError(f"intensity ratio: spectrum {fit.label!r}: {'+'.join(below)} has no area")
    ratio = a.value / b.value
    found = Estimate(ratio, fit.sigma_of((slope_a - ratio * slope_b) / b.value))
    spread = fit.sigma_of(slope_a - expected * slope_b)
    z = (a.value - expected * b.value) / spread if spread > 0 and math.isfinite(spread) else math.nan
    probability = math.erfc(abs(z) / math.sqrt(2.0))
    said = f"{'+'.join(above)} : {'+'.join(below)} = {format_uncertain(*found)}, expected {expected:g}"
    said += f" ({name})" if name else ""
    return RatioTest(fit.label, found, expected, z, probability, f"{said}; z = {z:.2f}")
