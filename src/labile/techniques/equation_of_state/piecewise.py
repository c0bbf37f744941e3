"""Where one phase ends: equations of state of one, two or three phases compared over break points.

A curve through two phases gives a K0 that belongs to neither, often with a wild K0'. For every place where the ordered
points may be cut, each piece gets its own equation of state; the Bayesian information criterion decides whether a cut
pays, one more parameter being counted for its place. One curve of a higher order competes, too: where it does as well,
no transition is claimed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from labile.models.volumes import EquationOfStateError, require_form
from labile.techniques.equation_of_state.fit import (
    CompressionData,
    CompressionError,
    CompressionFit,
    compression_data,
    fit_equation_of_state,
    require_pascal,
)

HIGHER = {
    "birch_murnaghan_2": ("birch_murnaghan_3", "birch_murnaghan_4"),
    "birch_murnaghan_3": ("birch_murnaghan_4",),
    "natural_strain_2": ("natural_strain_3", "natural_strain_4"),
    "natural_strain_3": ("natural_strain_4",),
}
"""Curves of higher order that one phase could have instead of a transition."""
CONVINCING = 6.0
"""Difference of BIC from which a cut counts as found (strong evidence)."""


@dataclass(frozen=True, eq=False)
class Division:
    """One way to divide the points.

    Attributes
    ----------
    breaks : tuple of float
        Pressures half way between the last point of a piece and the first of the next, Pa.
    intervals : tuple of (float, float)
        Between which points each transition lies, Pa.
    pieces : tuple of CompressionFit
    bic : float
    """

    breaks: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    pieces: tuple[CompressionFit, ...]
    bic: float


@dataclass(frozen=True, eq=False)
class PhaseCount:
    """Best divisions into one, two, ... phases.

    Attributes
    ----------
    best : Division
        The chosen one: more phases only where they lower BIC by `CONVINCING`.
    divisions : tuple of Division
        The best one for each number of phases, in that order.
    skipped : tuple of str
        Divisions that could not be fitted.
    higher : tuple of (str, float)
        Forms of higher order fitted to all points, and their BIC.
    """

    best: Division
    divisions: tuple[Division, ...]
    skipped: tuple[str, ...] = ()
    higher: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The finding in words."""
        first = self.divisions[0]
        if len(self.divisions) == 1:
            return self._undivided
        if len(self.best.pieces) == 1:
            rest = [f"{d.bic - first.bic:+.1f} with {len(d.pieces)}" for d in self.divisions[1:]]
            rivals = [one for one in self.higher if one[1] < first.bic - CONVINCING]
            if rivals:
                form, bic = min(rivals, key=lambda one: one[1])
                return (
                    f"one phase of higher order ({form}) describes all points: BIC is {first.bic - bic:.1f} lower than"
                    f" with {first.pieces[0].form}, and no division is {CONVINCING:g} better"
                )
            return f"one phase describes all points (BIC changes by {', '.join(rest)})"
        places = ", ".join(f"between {low / 1e9:.4g} and {high / 1e9:.4g} GPa" for low, high in self.best.intervals)
        return (
            f"{len(self.best.pieces)} phases: a transition {places}; BIC is {first.bic - self.best.bic:.1f} lower than"
            " with one equation of state"
        )

    @property
    def _undivided(self) -> str:
        """Why there is nothing to compare one phase with."""
        whole = self.divisions[0].pieces[0]
        points, needed = len(whole.data), 2 * (len(whole.names) + 1)
        if points < needed:
            why = f"{points} points are too few to divide, two phases of {whole.form} need {needed}"
        elif self.skipped:
            why = f"no division could be fitted, {self.skipped[0]}"
        else:
            why = "no division was asked for"
        return f"one phase was fitted to all points and nothing else tried: {why}"


def divide_phases(
    pressure: Any,
    volume: Any,
    sigma_pressure: Any = None,
    sigma_volume: Any = None,
    *,
    form: str = "birch_murnaghan_2",
    most: int = 2,
) -> PhaseCount:
    """Find transitions in a compression series.

    Parameters
    ----------
    pressure, volume, sigma_pressure, sigma_volume
        As for `fit_equation_of_state`; sorted by pressure here.
    form : str
        Of every piece; order 2 needs three points a piece, order 3 four.
    most : int
        Largest number of phases tried, 2 or 3.

    Returns
    -------
    PhaseCount

    Raises
    ------
    CompressionError
        For too few points for one phase, pressures not in Pa, or a `most` that is neither 1, 2 nor 3.
    """
    if most not in (1, 2, 3):
        raise CompressionError(f"phases: most must be 1, 2 or 3, found {most}")
    data = compression_data(pressure, volume, sigma_pressure, sigma_volume)
    require_pascal(data)
    order = np.argsort(data.pressure, kind="stable")
    data = data[order]
    least = len(require_form(form).parameters) + 1
    if len(data) < least:
        raise CompressionError(f"phases: {least} points are needed for one phase, found {len(data)}")
    known: dict[tuple[int, int], CompressionFit | str] = {}
    skipped: list[str] = []
    divisions = []
    for count in range(1, most + 1):
        found = []
        for cuts in combinations(range(least, len(data) - least + 1), count - 1):
            edges = (0, *cuts, len(data))
            if any(b - a < least for a, b in pairwise(edges)):
                continue
            pieces = [_piece(data, form, a, b, known) for a, b in pairwise(edges)]
            failed = [one for one in pieces if isinstance(one, str)]
            fits = tuple(one for one in pieces if isinstance(one, CompressionFit))
            if failed:
                skipped.append(failed[0])
                continue
            between = tuple((float(data.pressure[c - 1]), float(data.pressure[c])) for c in cuts)
            found.append(Division(tuple(0.5 * (a + b) for a, b in between), between, fits, _bic(data, fits)))
        if found:
            divisions.append(min(found, key=lambda one: one.bic))
    if not divisions:
        raise CompressionError(f"phases: no division could be fitted; {skipped[0] if skipped else 'too few points'}")
    higher = []
    for rival in HIGHER.get(form, ()):
        if len(data) > len(require_form(rival).parameters):
            whole = _piece(data, rival, 0, len(data), {})
            if isinstance(whole, CompressionFit):
                higher.append((rival, _bic(data, (whole,))))
    best, mark = divisions[0], min([divisions[0].bic, *(bic for _, bic in higher)])
    for other in divisions[1:]:
        if mark - other.bic >= CONVINCING:
            best, mark = other, other.bic
    return PhaseCount(best, tuple(divisions), tuple(dict.fromkeys(skipped)), tuple(higher))


def _piece(
    data: CompressionData, form: str, a: int, b: int, known: dict[tuple[int, int], CompressionFit | str]
) -> CompressionFit | str:
    if (a, b) not in known:
        part = data[a:b]
        sigma_p = part.sigma_pressure if data.stated else None
        sigma_v = part.sigma_volume if data.stated else None
        try:
            known[a, b] = fit_equation_of_state(part.pressure, part.volume, sigma_p, sigma_v, form=form)
        except (CompressionError, EquationOfStateError) as error:
            known[a, b] = f"points {a + 1}-{b}: {error}"
    return known[a, b]


def _bic(data: CompressionData, fits: tuple[CompressionFit, ...]) -> float:
    n = len(data)
    count = sum(len(one.names) for one in fits) + len(fits) - 1
    chi2 = sum(one.result.chi2 for one in fits)
    if data.stated:
        return chi2 + count * math.log(n)
    return n * math.log(max(chi2, 1e-300) / n) + (count + 1) * math.log(n)
