"""Whole infrared or Raman spectra as data: pure spectra of the states, eliminated by the fit."""

from __future__ import annotations

from labile.models.state_spectra import StateSpectra

ROOM = 295.0


def absorbance_map(alike: tuple[str, ...] = (), drift: int = 0, reference_temperature: float = ROOM) -> StateSpectra:
    """Absorbance as populations times pure spectra.

    Holds while the states exchange slowly beside the distance of their bands: see `time_scale`.

    Parameters
    ----------
    alike : tuple of str
        States that have one spectrum together.
    drift : {0, 1, 2}
        Degree to which pure spectra may change with temperature.
    reference_temperature : float
        K, about which they change.

    Examples
    --------
    >>> absorbance_map().quantity
    'absorbance'
    """
    return StateSpectra("absorbance", alike, drift, reference_temperature)


def intensity_map(alike: tuple[str, ...] = (), drift: int = 0, reference_temperature: float = ROOM) -> StateSpectra:
    """Raman intensity as populations times pure spectra; arguments as for `absorbance_map`."""
    return StateSpectra("intensity", alike, drift, reference_temperature)
