"""What a technique is: the quantities it measures, how they are reduced, and which observable explains each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


class TechniqueError(ValueError):
    """An unknown technique, or a quantity that a technique does not give."""


@dataclass(frozen=True)
class Reduction:
    """A way from what an instrument records to what a model explains.

    Attributes
    ----------
    takes : str
        Quantity of the raw measurement; ``"structure"`` of CIFs, ``"cells"`` of tables of lattice parameters.
    gives : tuple of str
        Quantities it can return.
    function : str
        ``"module:name"``.
    options : mapping of str to str
        Option name to what it holds: a key of `core.units.QUANTITIES` (a number with its unit), or ``"text"``,
        ``"number"``, ``"count"``, ``"flag"``, ``"table"``, ``"window"`` (two temperatures), ``"holder"`` (files, or a
        moment per field), ``"files <quantity>"`` (the measurements of that quantity in files),
        ``"<quantity> or files"`` (a number, or such measurements), ``"structures"`` (a CIF a phase).
    uncertain : mapping of str to str
        Option to the keyword that takes its standard uncertainty.
    together : bool
        Whether the function takes all raw measurements of a file at once, as a list.
    """

    takes: str
    gives: tuple[str, ...]
    function: str
    options: Mapping[str, str] = field(default_factory=dict)
    uncertain: Mapping[str, str] = field(default_factory=dict)
    together: bool = False


@dataclass(frozen=True)
class Technique:
    """One physical method.

    Attributes
    ----------
    name : str
    title : str
    observables : mapping of str to str
        Quantity to ``"module:class"`` of the observable that predicts it.
    reductions : tuple of Reduction
    polar : tuple of str
        Quantities that exist in polar space groups only.
    transitions : str
        ``"module:function"`` that reads transition temperatures from reduced heating and cooling data; may be empty.
    """

    name: str
    title: str
    observables: Mapping[str, str]
    reductions: tuple[Reduction, ...] = ()
    polar: tuple[str, ...] = ()
    transitions: str = ""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities that a measurement may have: those a model explains, then those that are only reduced."""
        return tuple(dict.fromkeys((*self.observables, *(q for r in self.reductions for q in r.gives))))

    def require(self, quantity: str) -> None:
        """Raise TechniqueError unless this technique measures the quantity."""
        if quantity not in self.quantities:
            raise TechniqueError(f"{self.name} has no quantity {quantity!r}; there are: {', '.join(self.quantities)}")

    def observable(self, quantity: str) -> Any:
        """Class of the observable that predicts a quantity.

        Raises
        ------
        TechniqueError
        """
        if quantity not in self.observables:
            self.require(quantity)
            raise TechniqueError(
                f"no model predicts {quantity} directly; fit one of {', '.join(self.observables)}, or keep this"
                " measurement out of the fit with fit = false"
            )
        return load(self.observables[quantity])

    def reduction(self, takes: str, gives: str) -> Reduction:
        """Return the reduction from one quantity to another.

        Raises
        ------
        TechniqueError
        """
        for reduction in self.reductions:
            if reduction.takes == takes and gives in reduction.gives:
                return reduction
        known = "; ".join(f"{r.takes} -> {', '.join(r.gives)}" for r in self.reductions)
        raise TechniqueError(f"{self.name} cannot make {gives} from {takes}; it can do: {known}")


def load(reference: str) -> Any:
    """Return the object behind ``"module:name"``."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
