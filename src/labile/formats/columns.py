"""What a column title says: quantity, unit, or whose uncertainty it is, in the spellings people use."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from labile.core.units import UnitError, scale_to_si

CONDITIONS = ("temperature", "pressure", "magnetic_field", "time")
"""Quantities that say at which point a value was taken."""
VALUES = (
    "chi_m",
    "chi_t",
    "mu_eff",
    "moment",
    "magnetization",
    "current",
    "charge",
    "polarization",
    "polarization_change",
    "pyroelectric_coefficient",
    "high_spin_fraction",
)
"""Quantities a table may hold the values of."""

_SYNONYMS = {
    "temperature": "temperature temp tk tc tsample sampletemperature temperaturek",
    "pressure": "pressure press",
    "magnetic_field": "magneticfield field appliedfield mu0h fieldstrength",
    "time": "time timestamp elapsedtime",
    "chi_m": "chim chi chimol molarsusceptibility chimolar susceptibility magneticsusceptibility xm xmol",
    "chi_t": "chit chimt chitproduct chimolt chitimest susceptibilitytimestemperature chitm xt xmt xmolt",
    "mu_eff": "mueff effectivemoment effectivemagneticmoment mueffective",
    "moment": "moment magneticmoment longmoment",
    "magnetization": "molarmagnetization molarmagnetisation mperformulaunit mmol",
    "current": "current pyrocurrent pyroelectriccurrent shortcircuitcurrent",
    "charge": "charge",
    "polarization": "polarization polarisation ps spontaneouspolarization spontaneouspolarisation",
    "polarization_change": "polarizationchange polarisationchange deltap dps deltaps deltapolarization",
    "pyroelectric_coefficient": "pyroelectriccoefficient pyrocoefficient pyrocoeff pyro dpdt pyroelectriccoeff",
    "high_spin_fraction": "highspinfraction hsfraction gammahs nhs xhs fhs hs fractionhs fractionofhs"
    " hsmolarfraction hsmolefraction highspinmolarfraction gammahighspin",
}
# case matters for single letters; where one means several things the unit decides
_LETTERS = {
    "T": ("temperature",),
    "t": ("time",),
    "P": ("pressure", "polarization"),
    "p": ("pressure", "pyroelectric_coefficient"),
    "M": ("moment", "magnetization"),
    "m": ("moment",),
    "H": ("magnetic_field",),
    "B": ("magnetic_field",),
    "I": ("current",),
    "i": ("current",),
    "Q": ("charge",),
    "temp": ("temperature",),
    # of a sample in emu, of a formula unit in Bohr magnetons
    "magnetization": ("moment", "magnetization"),
    "magnetisation": ("moment", "magnetization"),
}
SMALLEST_MOMENT = 1e-20
"""A m2; a moment in a unit below this is one of atoms, which no magnetometer reads off a sample."""
_BY_NAME = {name: quantity for quantity, names in _SYNONYMS.items() for name in names.split()}
_SIGMA = (
    r"(?:sigma|s\.?\s?u\.?|s\.?\s?d\.?|std\.?(?:\s*(?:dev|err)(?:\.|iation|or)?)?|stddev|err(?:or)?\.?|uncertainty"
    r"|unc\.?|±|\+/-|\+-|standard\s+(?:uncertainty|error|deviation)|esd|σ|u)"
)
_SIGMA_ALONE = re.compile(rf"^{_SIGMA}$", re.IGNORECASE)
_SIGMA_OF = re.compile(rf"^{_SIGMA}\s*\(\s*(?P<of>[^()]+?)\s*\)\s*(?P<rest>.*)$", re.IGNORECASE)
_SIGMA_BEFORE = re.compile(rf"^{_SIGMA}[\s_.\-]+(?:of\s+|in\s+)?(?P<of>.+)$", re.IGNORECASE)
_SIGMA_AFTER = re.compile(rf"^(?P<of>.+?)(?:[\s_.\-]+|(?=±)){_SIGMA}$", re.IGNORECASE)
_BRACKET = re.compile(r"^(?P<name>.*?)\s*(?:\[(?P<square>[^\[\]]*)\]|\((?P<round>(?:[^()]|\([^()]*\))*)\))\s*$")
_HEATING = r"heating|warming|up|↑"
_COOLING = r"cooling|down|↓"
_BRANCH = re.compile(
    r"[\s_,;:\-]*[(\[]?(?<![A-Za-z])(?:(?:1st|2nd|3rd|\dth|first|second|third)\s+)?"
    rf"(?:(?P<heating>{_HEATING})|(?P<cooling>{_COOLING}))"
    r"(?:\s+(?:mode|run|branch|sweep|cycle))?(?:[\s_]?\d)?(?![A-Za-z\d])[)\]]?[\s_,;:\-]*",
    re.IGNORECASE,
)
_WITH_SYMBOL = re.compile(r"^(?P<word>.*[A-Za-z]{3,}.*?)[\s,]+\(?(?P<symbol>[^\s()]{1,6})\)?$")
_GREEK = {
    "χ": "chi",
    "Χ": "chi",
    "µ": "mu",
    "μ": "mu",
    "Δ": "delta",
    "∆": "delta",
    "γ": "gamma",
    "σ": "sigma",
    "·": "",
    "₀": "0",
}


@dataclass(frozen=True)
class Column:
    """A column title taken apart.

    Attributes
    ----------
    name : str
        Without its unit.
    unit : str
        As written; empty when the title has none.
    candidates : tuple of str
        Quantities the name can stand for.
    sigma_of : str or None
        None for a column of values; else the name whose standard uncertainty it holds, empty for the column before.
    branch : str
        ``"heating"`` or ``"cooling"`` where the title says so, else empty.
    """

    name: str
    unit: str
    candidates: tuple[str, ...] = ()
    sigma_of: str | None = None
    branch: str = ""


def plain(name: str) -> str:
    """A name with Greek letters spelled out, without case, blanks, subscript marks and punctuation.

    Examples
    --------
    >>> plain("χ_M·T"), plain("Delta P")
    ('chimt', 'deltap')
    """
    for letter, spelled in _GREEK.items():
        name = name.replace(letter, spelled)
    name = unicodedata.normalize("NFKD", name).lower()
    return "".join(c for c in name if c.isascii() and c.isalnum())


def split_unit(title: str) -> tuple[str, str]:
    """Name and unit of a title.

    Examples
    --------
    >>> split_unit("chiT / cm3 K mol-1"), split_unit("Temperature [K]"), split_unit("T in K")
    (('chiT', 'cm3 K mol-1'), ('Temperature', 'K'), ('T', 'K'))
    """
    title = title.strip().strip('"').strip()
    bracket = _BRACKET.match(title)
    if bracket is not None and bracket["name"].strip():
        unit = bracket["square"] if bracket["square"] is not None else bracket["round"]
        return bracket["name"].strip().removesuffix("/").strip(), unit.strip()
    for mark in (" / ", " in ", "/", ", "):
        name, found, unit = title.partition(mark)
        if found and name.strip() and unit.strip():
            return name.strip(), unit.strip()
    return title, ""


def quantities_called(name: str) -> tuple[str, ...]:
    """Quantities a column name can stand for; empty when the name is not known.

    Examples
    --------
    >>> quantities_called("χMT"), quantities_called("P"), quantities_called("remark")
    (('chi_t',), ('pressure', 'polarization'), ())
    """
    for spelled in (name.strip(), plain(name)):
        if spelled in _LETTERS and (len(spelled) > 1 or spelled == name.strip()):
            return _LETTERS[spelled]
    if name.lstrip().startswith(("-", "−", "1/")):
        return ()
    found = _BY_NAME.get(plain(name))
    if found is None and name.strip() in CONDITIONS + VALUES:
        found = name.strip()
    if found is not None:
        return (found,)
    both = _WITH_SYMBOL.match(name.strip())
    if both is None:
        return ()
    # a word with its symbol, as in "Temperature T" or "Moment (m)"; the two must agree
    word = _BY_NAME.get(plain(both["word"]))
    symbol = _LETTERS.get(both["symbol"]) or (_BY_NAME.get(plain(both["symbol"])),)
    return (word,) if word is not None and word in symbol else ()


def understand(title: str) -> Column:
    """Take a column title apart.

    Examples
    --------
    >>> understand("chiT_err (cm3 K/mol)").sigma_of
    'chiT'
    >>> understand("chi T / cm3 K mol-1").candidates
    ('chi_t',)
    >>> understand("chiT (heating)").branch
    'heating'
    """
    branch, rest = _split_branch(title)
    if branch:
        column = _understand(rest)
        if column.candidates or column.sigma_of:
            return replace(column, branch=branch)
    return _understand(title)


def _split_branch(title: str) -> tuple[str, str]:
    """``"heating"`` or ``"cooling"`` and the title without it; empty when it names neither or both."""
    found = list(_BRANCH.finditer(title))
    named = {"heating" if one["heating"] else "cooling" for one in found}
    if len(named) != 1:
        return "", title
    return named.pop(), _BRANCH.sub(" ", title).strip()


def _understand(title: str) -> Column:
    if plain(title).endswith("ratio"):
        return Column(title.strip(), "")  # what stands after the slash is no unit
    of = _SIGMA_OF.match(title.strip())
    if of is not None and quantities_called(of["of"]) and not (of["of"].strip() in ("T", "M", "m") and not of["rest"]):
        return Column(title.strip(), of["rest"].strip(" /[]()"), sigma_of=of["of"])
    if of is not None and of["of"].strip() == "T" and plain(title).startswith(("u", "sigma")):
        # sigma(T) of a temperature, not an uncertainty in tesla
        return Column(title.strip(), "", sigma_of="T")
    name, unit = split_unit(title)
    if "%" in name and not unit:
        name, unit = name.replace("%", " ").strip(), "%"
    if _SIGMA_ALONE.match(name):
        return Column(name, unit, sigma_of="")
    for pattern in (_SIGMA_AFTER, _SIGMA_BEFORE):
        match = pattern.match(name)
        if match is not None and quantities_called(match["of"]):
            return Column(name, unit, sigma_of=match["of"])
    return Column(name, unit, quantities_called(name))


def fits(unit: str, quantity: str) -> bool:
    """Whether a unit can be one of a quantity."""
    try:
        scale = scale_to_si(unit, quantity)
    except UnitError:
        return False
    return quantity != "moment" or scale > SMALLEST_MOMENT


def is_unit(text: str) -> bool:
    """Whether a cell holds nothing but a unit of something a table may have, as in a row of units."""
    bare = text.strip().strip("()[]").strip()
    return bool(bare) and any(fits(bare, quantity) for quantity in CONDITIONS + VALUES)
