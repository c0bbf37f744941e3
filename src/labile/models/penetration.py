"""Light in a thick crystal: Beer-Lambert absorption with bleaching, one dimension in depth.

Every layer follows the rate equations of the kinetic model at its own populations; the light that reaches it is what
the layers above leave. The whole crystal is integrated at once (`kinetics_kernels`), so that neither thickness nor
bleaching limits the step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.constants import AVOGADRO
from labile.models import kinetics_kernels as kernels
from labile.models.kinetics import ABSOLUTE, MOST_STEPS, RELATIVE, Interval, lights_of, start_of, timetable
from labile.models.light import DESTROYED, LightError, absorption_of
from labile.models.populations import NotConvergedError, Status
from labile.models.protocols import Protocol
from labile.models.rates import KineticModel


@dataclass(frozen=True)
class Slab:
    """A crystal lit on one face.

    Attributes
    ----------
    thickness : float
        m.
    concentration : float
        Switching units, mol/m3 (1 mol/L is 1000); density over molar mass.
    layers : int
        Depths at which the populations are followed, odd, at least 5.

    Raises
    ------
    LightError
        For values that no crystal has.
    """

    thickness: float
    concentration: float
    layers: int = 201

    def __post_init__(self) -> None:
        for name in ("thickness", "concentration"):
            if not 0 < getattr(self, name) < math.inf:
                raise LightError(f"slab: {name} must be above 0, found {getattr(self, name)!r}")
        if self.layers < 5 or self.layers % 2 == 0:
            raise LightError(f"slab: layers must be an odd number of at least 5, found {self.layers}")

    @property
    def depth(self) -> np.ndarray:
        """Depths of the layers (Z,), m."""
        return np.linspace(0.0, self.thickness, self.layers)


@dataclass(frozen=True, eq=False)
class DepthProfile:
    """Populations at N times and Z depths.

    Attributes
    ----------
    state_names : tuple of str
        n species.
    time : ndarray (N,)
        s.
    depth : ndarray (Z,)
        m from the lit face.
    x : ndarray (N, Z, n)
        Populations.
    transmitted : ndarray (N, L, Z)
        Share of each beam's photons that reaches a depth; beams in the order of `beams`.
    beams : tuple of float
        Wavelengths, m.
    status : Status
    assumptions : tuple of str
    """

    state_names: tuple[str, ...]
    time: np.ndarray
    depth: np.ndarray
    x: np.ndarray
    transmitted: np.ndarray
    beams: tuple[float, ...]
    status: Status
    assumptions: tuple[str, ...]

    def of(self, state: str) -> np.ndarray:
        """Population of one state (N, Z)."""
        return np.asarray(self.x[..., self.state_names.index(state)])

    def mean(self, state: str) -> np.ndarray:
        """Population of one state averaged over the crystal (N,)."""
        return np.asarray(self.mean_to(state)[:, -1])

    def mean_to(self, state: str) -> np.ndarray:
        """Mean population of crystals as thick as each depth (N, Z).

        Light comes from above, so that a thinner crystal is the upper part of a thicker one.
        """
        from scipy.integrate import cumulative_simpson

        n = self.of(state)
        area = cumulative_simpson(n, x=self.depth, axis=1, initial=0.0)
        return np.asarray(np.where(self.depth > 0, area / np.where(self.depth > 0, self.depth, 1.0), n))


def absorption_lengths(kinetic: KineticModel, slab: Slab, wavelength: float) -> np.ndarray:
    """Depth in m at which pure crystals of each species let 1/e of the light through; inf where nothing is absorbed.

    Raises
    ------
    LightError
        For a state without a cross section at this wavelength.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.light import Absorption, cross_section
    >>> from labile.models.rates import PhotoProcess
    >>> tables = (Absorption("LS", 514e-9, cross_section(1000.0)), Absorption("HS", 514e-9, 0.0))
    >>> kinetic = KineticModel(van_t_hoff(), (PhotoProcess("LS", "HS"),), tables)
    >>> absorption_lengths(kinetic, Slab(1e-4, 1778.0), 514e-9).round(8).tolist()
    [2.44e-06, inf]
    """
    per_metre = _per_metre(kinetic, slab, (wavelength,))[0]
    return np.asarray(np.where(per_metre > 0, 1.0 / np.where(per_metre > 0, per_metre, 1.0), math.inf))


def _per_metre(kinetic: KineticModel, slab: Slab, wavelengths: tuple[float, ...]) -> np.ndarray:
    """Napierian absorption of each species, 1/m, (L, m)."""
    result = np.zeros((len(wavelengths), len(kinetic.species)))
    for s, wavelength in enumerate(wavelengths):
        for i, name in enumerate(kinetic.species):
            known = [a for a in kinetic.absorptions if a.state in (name, "*") and a.covers(wavelength)]
            if name == DESTROYED and not known:
                continue
            sigma = absorption_of(kinetic.absorptions, name, wavelength).at(wavelength)
            result[s, i] = sigma * AVOGADRO * slab.concentration
    return result


def illuminate(
    kinetic: KineticModel,
    slab: Slab,
    protocol: Protocol,
    values: Mapping[str, float],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
    most_steps: int = MOST_STEPS,
) -> DepthProfile:
    """Populations in depth while a crystal goes through a protocol.

    Parameters
    ----------
    kinetic : KineticModel
        With a cross section of every state at every wavelength of the protocol.
    slab : Slab
    protocol : Protocol
    values : mapping of str to float
    relative, absolute : float
        Tolerances of the integrator.
    most_steps : int

    Returns
    -------
    DepthProfile

    Raises
    ------
    LightError
        For a missing cross section, or a protocol without light.
    NotConvergedError
        When the integration does not reach the end.

    Examples
    --------
    >>> from labile.models.library import van_t_hoff
    >>> from labile.models.light import Absorption, beam, cross_section
    >>> from labile.models.protocols import isotherm
    >>> from labile.models.rates import PhotoProcess
    >>> tables = (Absorption("LS", 514e-9, cross_section(100.0)), Absorption("HS", 514e-9, 0.0))
    >>> kinetic = KineticModel(van_t_hoff(), (PhotoProcess("LS", "HS"),), tables)
    >>> values = {"HS.enthalpy": 8e3, "HS.entropy": 50.0, "HS.volume": 0.0, "LS-HS.quantum_yield": 0.8}
    >>> green = beam(514e-9, irradiance=50.0)
    >>> profile = illuminate(kinetic, Slab(1e-4, 1778.0), isotherm(10.0, 3600.0, start="LS", light=(green,)), values)
    >>> profile.mean("HS")[[50, 200]].round(3).tolist()
    [0.76, 1.0]
    """
    sample = kinetic.complete(values)
    table = timetable(kinetic, protocol, [sample])
    if not table.sources:
        raise LightError("illuminate: no segment of the protocol has light; use kinetics.integrate")
    known: Interval = table.intervals(kinetic, sample)
    wavelengths = tuple(source.wavelength for source in table.sources)
    absorb = _per_metre(kinetic, slab, wavelengths)
    thermal, driven = kinetic.indices()
    law = (thermal, kinetic.thermal_rows(sample), driven)
    m, z = len(kinetic.species), slab.layers
    first = start_of(kinetic, protocol.start, float(known.kelvin[0, 0]), float(table.pascal[0, 0]), sample)
    y = np.repeat(first[None, :], z, axis=0)
    found, changes = np.empty((len(table.span) + 1, z, m)), np.empty((len(table.span) + 1, z, m))
    spacing = slab.thickness / (z - 1)
    status, _, reached = kernels.trajectory(
        y, known.arrays(), table.segment, law, lights_of(kinetic, protocol, table.sources, sample), absorb, spacing,
        absolute, relative, most_steps, found, changes,
    )  # fmt: skip
    if status != Status.CONVERGED:
        at = table.span[min(reached, len(table.span) - 1), 0]
        raise NotConvergedError(f"illuminate: the integration stopped after {at:g} s of {table.span[-1, 1]:g} s")
    x = found[table.outputs]
    density, depth = np.empty((len(wavelengths), z)), np.empty((len(wavelengths), z))
    transmitted = np.empty((len(x), len(wavelengths), z))
    unlit, none = np.zeros((0, len(wavelengths))), np.empty((z, 0))
    for k in range(len(x)):
        kernels.photon_rates(x[k], unlit, absorb, spacing, density, depth, none)
        transmitted[k] = np.exp(-depth)
    said = (*kinetic.assumptions, "light enters one face and is neither reflected nor scattered")
    return DepthProfile(
        kinetic.species, protocol.times, slab.depth, x, transmitted, wavelengths, Status(int(status)), said
    )
