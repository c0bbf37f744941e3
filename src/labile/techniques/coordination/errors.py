"""What may go wrong with a coordination sphere, and what is worth a warning."""

from __future__ import annotations


class CoordinationError(ValueError):
    """Atoms that do not give the geometry that was asked for."""


class CoordinationWarning(UserWarning):
    """A result that may not mean what it seems to."""
