"""Runs compared: the crystal turned round, poled and unpoled, and whether a coefficient is of a credible size."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity.conversions import PyroelectricityError, PyroelectricityWarning

AGREES = 2.0
"""Root mean square of the weighted differences up to which two runs agree within their uncertainties."""
CREDIBLE = (1e-6, 1e-2)
"""C m-2 K-1; largest |p| of crystals, from weak polar ones (tourmaline 4e-6) to ferroelectrics at their transition."""
VISIBLE = 5.0
"""|p|/sigma from which a run is taken as a signal whose size can be judged."""


@dataclass(frozen=True, eq=False)
class FlipTest:
    """A crystal measured twice, turned round in between.

    Attributes
    ----------
    odd : Measurement
        Half the difference: what turned its sign with the crystal, its own p.
    even : Measurement
        Half the sum: what did not, an artefact of electrodes and circuit.
    sign_reversed : bool
        Whether the two runs have opposite signs.
    misfit : float
        Root mean square of even/u(even).
    passed : bool
        Sign reversed and magnitudes equal within their uncertainties.
    text : str
    """

    odd: Measurement
    even: Measurement
    sign_reversed: bool
    misfit: float
    passed: bool
    text: str


@dataclass(frozen=True, eq=False)
class PolingTest:
    """A run after poling in a field beside one without.

    Attributes
    ----------
    ratio, sigma_ratio : float
        Poled over unpoled, least squares over all common temperatures.
    difference : Measurement
        Poled less unpoled.
    misfit : float
        Root mean square of difference/u(difference).
    switchable : bool
        Whether poling changed p beyond its uncertainty: a domain structure, a ferroelectric, or injected charge.
    text : str
    """

    ratio: float
    sigma_ratio: float
    difference: Measurement
    misfit: float
    switchable: bool
    text: str


def electrode_flip(original: Measurement, flipped: Measurement) -> FlipTest:
    """Test whether a coefficient turns its sign with the crystal.

    Parameters
    ----------
    original, flipped : Measurement
        ``"pyroelectric_coefficient"`` (or ``"current"``) of the two mountings, reduced with the same polarity.

    Returns
    -------
    FlipTest
        ``odd`` and ``even`` at the temperatures of the original that the flipped run covers.

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = Conditions(np.linspace(100.0, 300.0, 21))
    >>> one = Measurement("pyroelectric_coefficient", np.full(21, 3.4e-5), at, sigma=1e-6)
    >>> other = Measurement("pyroelectric_coefficient", np.full(21, -3.3e-5), at, sigma=1e-6)
    >>> electrode_flip(one, other).passed, electrode_flip(one, one).passed
    (True, False)
    """
    first, second, sigma = _common(original, flipped)
    odd, even = 0.5 * (first.values - second), 0.5 * (first.values + second)
    u = 0.5 * sigma
    misfit = float(np.sqrt(np.mean((even / u) ** 2)))
    reversed_sign = bool(np.sum(first.values * second / sigma**2) < 0)
    passed = reversed_sign and misfit <= AGREES
    share = float(np.sum(np.abs(even)) / np.sum(np.abs(odd))) if np.any(odd) else math.inf
    text = (
        f"electrode flip test {'passed' if passed else 'failed'}: the sign"
        f" {'reverses' if reversed_sign else 'does not reverse'}, the part that does not turn is {share * 100:.2g} % of"
        f" the one that does and {misfit:.2g} times its uncertainty"
    )
    return FlipTest(
        _named(first, odd, u, f"{original.label}, odd part", text),
        _named(first, even, u, f"{original.label}, even part", text),
        reversed_sign,
        misfit,
        passed,
        text,
    )


def poling_effect(poled: Measurement, unpoled: Measurement) -> PolingTest:
    """Compare a poled run with an unpoled one.

    A crystal whose polarity is built in by its packing shows no difference.

    Parameters
    ----------
    poled, unpoled : Measurement
        ``"pyroelectric_coefficient"`` of one branch each.

    Returns
    -------
    PolingTest

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> at = Conditions(np.linspace(100.0, 300.0, 21))
    >>> one = Measurement("pyroelectric_coefficient", np.linspace(3e-5, 4e-5, 21), at, sigma=1e-6)
    >>> poling_effect(one, one).ratio, poling_effect(one, one).switchable
    (1.0, False)
    """
    first, second, sigma = _common(poled, unpoled)
    weight = float(np.sum((second / sigma) ** 2))
    if weight == 0:
        raise PyroelectricityError(f"measurement {unpoled.label!r}: it is 0 everywhere; a ratio to it says nothing")
    ratio = float(np.sum(first.values * second / sigma**2)) / weight
    difference = first.values - second
    misfit = float(np.sqrt(np.mean((difference / sigma) ** 2)))
    switchable = misfit > AGREES
    text = (
        f"poled over unpoled: {ratio:.4g} +- {1 / math.sqrt(weight):.2g}; they differ by {misfit:.2g} times their"
        f" uncertainty, poling {'changes' if switchable else 'does not change'} p"
    )
    return PolingTest(
        ratio,
        1 / math.sqrt(weight),
        _named(first, difference, sigma, f"{poled.label} less {unpoled.label}", text),
        misfit,
        switchable,
        text,
    )


def credible_size(coefficient: Measurement) -> str:
    """Sentence that doubts a coefficient of impossible size and names the factor; empty when it is credible.

    Examples
    --------
    >>> from labile.core.conditions import Conditions
    >>> p = Measurement("pyroelectric_coefficient", [0.03, 0.034], Conditions([120.0, 300.0]), sigma=1e-4)
    >>> credible_size(p)[:61], "1e3" in credible_size(p)
    ('the largest |p| is 3400 nC cm-2 K-1, beyond any crystal (0.1 ', True)
    """
    values = np.abs(coefficient.values)
    if coefficient.sigma is not None and np.median(values / coefficient.sigma) < VISIBLE:
        return ""
    largest = float(values.max())
    low, high = CREDIBLE
    if low <= largest <= high or largest == 0:
        return ""
    too_large = largest > high
    factor = 1e3
    while (largest / factor > high if too_large else largest * factor < low) and factor < 1e12:
        factor *= 1e3
    shown = largest * 1e5
    word = f"1e{round(math.log10(factor))}"
    if too_large:
        return (
            f"the largest |p| is {shown:.4g} nC cm-2 K-1, beyond any crystal (0.1 to 1000): is the current too large by"
            f" {word}, its unit nA, uA or mA written for a smaller one?"
        )
    return (
        f"the largest |p| is {shown:.4g} nC cm-2 K-1, below that of weak polar crystals (0.1 to 1000): is the current"
        f" too small by {word}, its unit fA, pA or nA written for a larger one?"
    )


def warn_of_size(coefficient: Measurement) -> Measurement:
    """Return a coefficient with the doubt about its size in its steps, after warning of it.

    Warns
    -----
    PyroelectricityWarning
        Where no crystal has such a coefficient; the factor is named.
    """
    doubt = credible_size(coefficient)
    if not doubt:
        return coefficient
    warnings.warn(f"measurement {coefficient.label!r}: {doubt}", PyroelectricityWarning, stacklevel=3)
    return replace(coefficient, provenance=coefficient.provenance.then(doubt))


def interpolated(measurement: Measurement, temperature: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Values and total sigma of one branch at other temperatures (K), linearly between its points.

    Raises
    ------
    PyroelectricityError
        Outside its range: nothing is extrapolated.
    """
    order = np.argsort(measurement.temperature, kind="stable")
    known, first = np.unique(measurement.temperature[order], return_index=True)
    wanted = np.asarray(temperature, dtype=float)
    if wanted.min() < known[0] or wanted.max() > known[-1]:
        raise PyroelectricityError(
            f"measurement {measurement.label!r}: it covers {known[0]:g}-{known[-1]:g} K, asked for"
            f" {wanted.min():g}-{wanted.max():g} K; nothing is extrapolated"
        )
    total = measurement.total_sigma
    values = np.interp(wanted, known, measurement.values[order][first])
    return values, None if total is None else np.interp(wanted, known, total[order][first])


def _common(one: Measurement, other: Measurement) -> tuple[Measurement, np.ndarray, np.ndarray]:
    """The first run at the temperatures both cover, the second one there, and the sigma of their sum or difference."""
    if one.quantity != other.quantity or one.axis is not None or other.axis is not None:
        raise PyroelectricityError(
            f"measurements {one.label!r} and {other.label!r}: two runs of one quantity are needed, found"
            f" {one.quantity} and {other.quantity}"
        )
    low, high = other.temperature.min(), other.temperature.max()
    inside = (one.temperature >= low) & (one.temperature <= high)
    if not inside.any():
        raise PyroelectricityError(f"measurements {one.label!r} and {other.label!r}: they share no temperatures")
    first = one[inside]
    second, spread = interpolated(other, first.temperature)
    mine = first.total_sigma
    if mine is None or spread is None:
        missing = one.label if mine is None else other.label
        raise PyroelectricityError(
            f"measurement {missing!r}: it has no uncertainty; whether two runs agree cannot be said without one"
        )
    return first, second, np.hypot(mine, spread)


def _named(base: Measurement, values: np.ndarray, sigma: np.ndarray, label: str, step: str) -> Measurement:
    return replace(
        base, values=values, sigma=sigma, correlated=(), limits=None, label=label, provenance=base.provenance.then(step)
    )
