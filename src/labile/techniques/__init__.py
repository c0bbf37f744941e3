"""One room per physical method, and which rooms there are; other packages may add theirs by entry point."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from labile.techniques.description import Reduction, Technique, TechniqueError, load
from labile.techniques.table import TECHNIQUES

__all__ = ["ENTRY_POINTS", "Reduction", "Technique", "TechniqueError", "load", "technique", "techniques"]

ENTRY_POINTS = "labile.techniques"
"""Entry-point group in which other packages register a `Technique` with its observables."""


@cache
def techniques() -> Mapping[str, Technique]:
    """All techniques by the name a manifest gives: those of labile, then those other packages register.

    Returns
    -------
    mapping of str to Technique
        A plugin that cannot be loaded or whose name is taken is left out with a `RuntimeWarning` that says why.

    Examples
    --------
    >>> list(techniques())[:2]
    ['magnetometry', 'pyroelectricity']
    """
    from importlib.metadata import entry_points

    found = {one.name: one for one in TECHNIQUES}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
        except Exception as error:
            # whatever a plugin's import raises must not take the other techniques with it
            reason = f"{type(error).__name__}: {error}"
        else:
            if not isinstance(loaded, Technique):
                reason = f"{entry.value} is a {type(loaded).__name__}, expected a Technique"
            elif loaded.name in found:
                reason = f"the name {loaded.name!r} is already taken"
            else:
                found[loaded.name] = loaded
                continue
        warnings.warn(f"technique plugin {entry.name!r} cannot be used: {reason}", RuntimeWarning, stacklevel=2)
    return MappingProxyType(found)


def technique(name: str) -> Technique:
    """Technique by name.

    Raises
    ------
    TechniqueError
        For an unknown one; the message lists what exists.

    Examples
    --------
    >>> technique("magnetometry").quantities[:3]
    ('chi_t', 'chi_m', 'mu_eff')
    """
    found = techniques()
    if name not in found:
        raise TechniqueError(f"technique {name!r} is unknown; there are: {', '.join(found)}")
    return found[name]
