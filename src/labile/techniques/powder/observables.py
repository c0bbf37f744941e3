"""What a powder pattern reads when the populations of the electronic states are known."""

from __future__ import annotations

from labile.models.population_share import PopulationShare


def phase_fraction(states: tuple[str, ...]) -> PopulationShare:
    """Fraction of a phase, in a crystal whose states are in domains that scatter by themselves.

    A mixture of patterns says this of domains larger than the coherence of the radiation only. In a solid solution of
    the states the lines shift with the composition instead of changing their share: explain its cell then.

    Parameters
    ----------
    states : tuple of str
        States whose structure the phase is.

    Examples
    --------
    >>> phase_fraction(("HS",)).quantity
    'phase_fraction'
    """
    return PopulationShare(states, "phase_fraction")
