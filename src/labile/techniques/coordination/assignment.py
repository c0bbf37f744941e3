"""Spin and oxidation state of each metal from its bond lengths, with probabilities; high-spin fraction from lengths.

A state (element, oxidation state, spin) has a window of usual mean bond lengths, for all bonds or for those to one
donor element. The likelihood of a measured mean d with s.u. s is that of a length drawn evenly from the window and
measured with Gaussian error sqrt(s^2 + `SPREAD`^2), so lengths just outside a window are unlikely rather than
impossible. Prior weights of the states are equal unless given. Several metals are assigned together where their total
charge is known: combinations of other charge get the weight `OTHER_CHARGE`. The windows are ranges that structures
commonly show, not properties of ions; a state without a window for these donors is not considered, and the result says
so. A high-spin fraction follows from lengths only against calibrated end members of the same crystal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from labile.techniques.coordination.bonds import Value, mean_length
from labile.techniques.coordination.errors import CoordinationError
from labile.techniques.coordination.sphere import CoordinationSphere

SPREAD = 0.015e-10
"""m; how sharply the windows end."""
OTHER_CHARGE = 1e-3
"""Weight of a combination whose charge is not the one expected, relative to one that fits."""
IMPOSSIBLE = 1e-6
"""Likelihood relative to the middle of a window below which no considered state fits."""


@dataclass(frozen=True)
class Window:
    """Usual mean bond lengths of one state.

    Attributes
    ----------
    element : str
    oxidation : int
    spin : str
        ``"LS"``, ``"HS"`` or another name.
    low, high : float
        m.
    donors : str
        Set of donors the window holds for, ``"N6"``, ``"N4O2"``; empty for any.
    bond : str
        Donor element whose bonds are averaged; empty for all bonds.
    source : str
    number : int
        Coordination number the window holds for; 0 for any.
    """

    element: str
    oxidation: int
    spin: str
    low: float
    high: float
    donors: str = ""
    bond: str = ""
    source: str = "range that structures commonly show"
    number: int = 6

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < 1e-9:
            raise CoordinationError(
                f"window of {self.element}({self.oxidation}) {self.spin}: 0 < low < high in m are needed, found"
                f" {self.low!r}, {self.high!r} (2.0 angstrom is 2.0e-10)"
            )

    @property
    def state(self) -> tuple[int, str]:
        """Oxidation state and spin."""
        return self.oxidation, self.spin


def _angstrom(
    element: str, oxidation: int, spin: str, low: float, high: float, donors: str = "", bond: str = ""
) -> Window:
    return Window(element, oxidation, spin, low * 1e-10, high * 1e-10, donors, bond)


WINDOWS: tuple[Window, ...] = (
    _angstrom("Fe", 2, "LS", 1.95, 2.02, "N6"),
    _angstrom("Fe", 2, "HS", 2.13, 2.22, "N6"),
    _angstrom("Fe", 3, "LS", 1.95, 2.02, "N4O2"),
    _angstrom("Fe", 3, "HS", 2.06, 2.13, "N4O2"),
    _angstrom("Co", 3, "LS", 1.93, 2.03, bond="N"),
    _angstrom("Co", 3, "LS", 1.88, 1.92, bond="O"),
    _angstrom("Co", 2, "HS", 2.10, 2.20, bond="N"),
    _angstrom("Co", 2, "HS", 2.04, 2.12, bond="O"),
)
"""Windows that are used unless others are given."""


@dataclass(frozen=True)
class SiteLengths:
    """Mean bond lengths of one metal: all that an assignment looks at.

    Attributes
    ----------
    metal, element : str
    donors : str
        ``"N4O2"``.
    number : int
        Of donors.
    mean : Value
        Of all bonds, m.
    by_element : mapping of str to Value
        Mean of the bonds to each donor element.

    Examples
    --------
    >>> site = SiteLengths.of_sphere_lengths("Fe1", "Fe", {"O": [1.90e-10] * 2, "N": [2.04e-10] * 4}, sigma=5e-13)
    >>> site.donors, round(site.mean.value * 1e10, 3)
    ('N4O2', 1.993)
    """

    metal: str
    element: str
    donors: str
    number: int
    mean: Value
    by_element: Mapping[str, Value]

    @classmethod
    def of_sphere(cls, sphere: CoordinationSphere) -> SiteLengths:
        """From a coordination sphere, correlation of its bonds included."""
        if sphere.problems:
            raise CoordinationError(f"{sphere.metal}: {'; '.join(sphere.problems)}")
        mean = mean_length(sphere)
        donors = tuple(dict.fromkeys(sphere.elements))
        each = {e: mean if len(donors) == 1 else mean_length(sphere, [e]) for e in donors}
        return cls(sphere.metal, sphere.element, donor_set(sphere.elements), len(sphere), mean, each)

    @classmethod
    def of_sphere_lengths(
        cls, metal: str, element: str, lengths: Mapping[str, Sequence[float]], sigma: float
    ) -> SiteLengths:
        """From published lengths (m) by donor element, each with the independent s.u. `sigma` (m)."""
        if not lengths or any(not len(each) for each in lengths.values()):
            raise CoordinationError(f"{metal}: every donor element needs at least one length")
        if not 0 <= sigma < 1e-10:
            raise CoordinationError(f"{metal}: sigma must be in m, found {sigma!r} (0.005 angstrom is 5e-13)")
        means = {e: Value(math.fsum(d) / len(d), sigma / math.sqrt(len(d))) for e, d in lengths.items()}
        every = [d for each in lengths.values() for d in each]
        names = [e for e, each in lengths.items() for _ in each]
        mean = Value(math.fsum(every) / len(every), sigma / math.sqrt(len(every)))
        return cls(metal, element, donor_set(names), len(names), mean, means)


@dataclass(frozen=True)
class Assignment:
    """What one metal is, with probabilities.

    Attributes
    ----------
    metal : str
    element : str
    states : mapping of (int, str) to float
        Probability of each considered (oxidation state, spin), largest first; empty where none fits.
    mean : Value
        Mean bond length, m.
    notes : tuple of str
    """

    metal: str
    element: str
    states: Mapping[tuple[int, str], float]
    mean: Value
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[int, str] | None:
        """Most probable (oxidation state, spin); None where no considered state fits."""
        return next(iter(self.states), None)

    def of_spin(self, spin: str) -> float:
        """Probability of a spin state, whatever the oxidation state; NaN where no considered state fits."""
        return sum(p for (_, s), p in self.states.items() if s == spin) if self.states else math.nan

    def of_oxidation(self, oxidation: int) -> float:
        """Probability of an oxidation state among those considered; NaN where none fits."""
        return sum(p for (n, _), p in self.states.items() if n == oxidation) if self.states else math.nan

    @property
    def text(self) -> str:
        """``Fe1: Fe(3) HS (p = 0.980)``, or that nothing fits."""
        if self.best is None:
            return f"{self.metal}: no considered state fits"
        (oxidation, spin), probability = next(iter(self.states.items()))
        likely = "> 0.999" if probability > 0.999 else f"= {probability:.3f}"
        return f"{self.metal}: {self.element}({oxidation}) {spin} (p {likely})"


def donor_set(elements: Sequence[str]) -> str:
    """Name of a set of donors, alphabetical.

    Examples
    --------
    >>> donor_set(["O", "N", "N", "O", "N", "N"])
    'N4O2'
    """
    return "".join(f"{e}{n}" for e, n in sorted(Counter(elements).items()))


def assign_states(
    sites: Sequence[SiteLengths | CoordinationSphere],
    *,
    windows: Sequence[Window] = WINDOWS,
    prior: Mapping[tuple[str, int, str], float] | None = None,
    total_charge: int | Sequence[int] | None = None,
) -> tuple[Assignment, ...]:
    """Assign spin and oxidation state to the metals of one structure.

    Parameters
    ----------
    sites : sequence of SiteLengths or CoordinationSphere
    windows : sequence of Window
        Replace or extend `WINDOWS`.
    prior : mapping of (element, oxidation, spin) to float, optional
        Weights before the lengths are looked at; 1 for those not named.
    total_charge : int or sequence of int, optional
        Sum of the oxidation states of all `sites` that balances the charge of everything else; several where a ligand
        may have several charges.

    Returns
    -------
    tuple of Assignment
        In the order of `sites`.

    Raises
    ------
    CoordinationError
        For a metal without any window for its donors, or a charge that no combination gives.

    Examples
    --------
    >>> cold = SiteLengths.of_sphere_lengths("Fe1", "Fe", {"O": [1.904e-10] * 2, "N": [2.043e-10] * 4}, 5e-13)
    >>> assign_states([cold])[0].text
    'Fe1: Fe(3) LS (p > 0.999)'
    """
    found = [one if isinstance(one, SiteLengths) else SiteLengths.of_sphere(one) for one in sites]
    each, notes = zip(*(_likelihoods(site, windows, prior or {}) for site in found), strict=True)
    weights = [dict.fromkeys(one, 0.0) for one in each]
    charges = {total_charge} if isinstance(total_charge, int) else set(total_charge or ())
    options = [list(one) for one in each]
    possible = {sum(state[0] for state in combination) for combination in product(*options)}
    if charges and not charges & possible:
        raise CoordinationError(
            f"total charge {sorted(charges)}: the considered states give {sorted(possible)} only; give windows for the"
            " missing oxidation states"
        )
    for combination in product(*options):
        fits = not charges or sum(state[0] for state in combination) in charges
        weight = (1.0 if fits else OTHER_CHARGE) * math.prod(
            one[state] for one, state in zip(each, combination, strict=True)
        )
        for one, state in zip(weights, combination, strict=True):
            one[state] += weight
    result = []
    for site, one, likely, said in zip(found, weights, each, notes, strict=True):
        total = sum(one.values())
        fits = max(likely.values()) > IMPOSSIBLE and total > 0
        states = dict(sorted(((s, w / total) for s, w in one.items()), key=lambda kv: -kv[1])) if fits else {}
        if fits and (note := _outside(site, next(iter(states)), windows)):
            said = (*said, note)
        if not fits:
            said = (*said, f"mean length {site.mean.value * 1e10:.3f} angstrom lies in no window of {site.element}")
        result.append(Assignment(site.metal, site.element, states, site.mean, said))
    return tuple(result)


def _outside(site: SiteLengths, state: tuple[int, str], windows: Sequence[Window]) -> str:
    """What to say of a length that lies outside the windows of the best state: it may be a mixture of spin states."""
    for window in _windows_of(site, windows):
        mean = site.by_element[window.bond] if window.bond else site.mean
        margin = 2.0 * mean.sigma if math.isfinite(mean.sigma) else 0.0
        if window.state == state and not window.low - margin <= mean.value <= window.high + margin:
            return (
                f"{mean.value * 1e10:.3f} angstrom lies outside the window of {window.spin}, {window.low * 1e10:.2f} to"
                f" {window.high * 1e10:.2f}: a mixture of spin states gives such a length; p compares pure states alone"
            )
    return ""


def _windows_of(site: SiteLengths, windows: Sequence[Window]) -> list[Window]:
    """The windows that hold for the element, donors and coordination number of a site."""
    return [
        window
        for window in windows
        if window.element == site.element
        and window.donors in ("", site.donors)
        and window.number in (0, site.number)
        and (not window.bond or window.bond in site.by_element)
    ]


def _likelihoods(
    site: SiteLengths, windows: Sequence[Window], prior: Mapping[tuple[str, int, str], float]
) -> tuple[dict[tuple[int, str], float], tuple[str, ...]]:
    fitting: dict[tuple[int, str], list[Window]] = {}
    for window in _windows_of(site, windows):
        fitting.setdefault(window.state, []).append(window)
    if not fitting:
        listed = sorted({w.donors or f"{w.number} donors with {w.bond}" for w in windows if w.element == site.element})
        raise CoordinationError(
            f"{site.metal}: there is no window for {site.element} with donors {site.donors}"
            f" (there are: {', '.join(listed) or 'none for this element'}); give windows=[Window(...)]"
        )
    likelihoods = {}
    for state, ones in fitting.items():
        weight = prior.get((site.element, *state), 1.0)
        if not 0 <= weight < math.inf:
            raise CoordinationError(f"prior of {site.element}{state}: a weight >= 0 is needed, found {weight!r}")
        for window in ones:
            mean = site.by_element[window.bond] if window.bond else site.mean
            sigma = math.hypot(SPREAD, mean.sigma if math.isfinite(mean.sigma) else 0.0)
            high = (window.high - mean.value) / (sigma * math.sqrt(2))
            low = (window.low - mean.value) / (sigma * math.sqrt(2))
            # differences of complements far outside would cancel to 0
            inside = 0.5 * (math.erfc(-high) - math.erfc(-low)) if low < 0 else 0.5 * (math.erfc(low) - math.erfc(high))
            weight *= inside * (1e-11 / (window.high - window.low))
        likelihoods[state] = weight
    notes = []
    oxidations = {n for n, _ in likelihoods}
    if len(oxidations) == 1:
        notes.append(
            f"only {site.element}({next(iter(oxidations))}) has windows for donors {site.donors}: the oxidation state"
            " is assumed, not found"
        )
    if not math.isfinite(site.mean.sigma):
        notes.append("no s.u. of the lengths is known")
    return likelihoods, tuple(notes)


def fraction_from_length(length: Value, low_spin: Value, high_spin: Value) -> Value:
    """High-spin fraction n = (d - d_LS)/(d_HS - d_LS) from calibrated end members.

    Values above 1 or below 0 are returned as they are: they say that end members, thermal motion or the assignment are
    not right. All lengths should be corrected for thermal motion in the same way, or none; end members measured at
    other temperatures differ by it.

    Parameters
    ----------
    length, low_spin, high_spin : Value
        Mean lengths with s.u., m; an s.u. of NaN counts as unknown and makes that of n NaN.

    Returns
    -------
    Value

    Raises
    ------
    CoordinationError
        If the end members do not differ by more than three s.u.

    Examples
    --------
    >>> n, sigma = fraction_from_length(Value(2.10e-10, 3e-13), Value(2.00e-10, 2e-13), Value(2.20e-10, 2e-13))
    >>> round(n, 3), round(sigma, 3)
    (0.5, 0.017)
    """
    span = high_spin.value - low_spin.value
    spread = math.hypot(low_spin.sigma, high_spin.sigma)
    if not span > 0 or span <= 3 * (spread if math.isfinite(spread) else 0.0):
        raise CoordinationError(
            f"high-spin fraction: the high-spin length must exceed the low-spin one by more than 3 s.u., found"
            f" {low_spin.value * 1e10:.4f} and {high_spin.value * 1e10:.4f} angstrom"
        )
    n = (length.value - low_spin.value) / span
    sigma = math.sqrt(length.sigma**2 + ((1 - n) * low_spin.sigma) ** 2 + (n * high_spin.sigma) ** 2) / span
    return Value(n, sigma)
