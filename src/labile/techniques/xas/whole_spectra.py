"""Whole absorption spectra as data: pure spectra of the states, eliminated by the fit."""

from __future__ import annotations

from labile.models.state_spectra import StateSpectra


def absorption_map(alike: tuple[str, ...] = ()) -> StateSpectra:
    """Normalised absorption as populations times pure spectra.

    Core holes live for femtoseconds, so every state is seen by itself however fast states exchange.

    Parameters
    ----------
    alike : tuple of str
        States that have one spectrum together, such as those that differ at another metal only.

    Examples
    --------
    >>> absorption_map().quantity
    'normalized_absorption'
    """
    return StateSpectra("normalized_absorption", alike)
