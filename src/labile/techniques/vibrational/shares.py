"""Populations and high-spin fractions that bands give, as observables.

Bands see every state by itself while the states exchange slowly beside their distance: see `time_scale`.
"""

from __future__ import annotations

from labile.models.population_share import PopulationShare


def population(states: tuple[str, ...]) -> PopulationShare:
    """Population of the states that a band belongs to, from the ratio of two bands.

    Examples
    --------
    >>> population(("V",)).quantity
    'population'
    """
    return PopulationShare(states, "population")


def high_spin_fraction(states: tuple[str, ...], shares: tuple[float, ...] = ()) -> PopulationShare:
    """High-spin fraction from marker bands.

    Parameters
    ----------
    states : tuple of str
        States that count as high spin.
    shares : tuple of float
        Fraction of the sites that is high-spin in each, 1/2 for one of two sites; all 1 when empty.
    """
    return PopulationShare(states, "high_spin_fraction", shares)
