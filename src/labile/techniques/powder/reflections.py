"""Reflections of a crystal structure on a powder diffractometer: positions and integrated intensities.

Every (h k l) within the limit is summed, Friedel mates and equivalents too, so that no multiplicity is needed and
absences come out by themselves. Form factors of X-rays (International Tables 1992), anomalous terms (Cromer and
Liberman) and neutron scattering lengths (Sears 1992, Neutron News 3, 26) are those of gemmi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labile.core.constants import ELEMENTARY_CHARGE, PLANCK, SPEED_OF_LIGHT
from labile.core.structure import CrystalStructure
from labile.techniques.powder.errors import PowderError

RADIATIONS = ("x-ray", "neutron")
USUAL_DISPLACEMENT = 2e-22
"""m2; mean square displacement of atoms for which none is stated (0.02 square angstrom)."""
SAME_SPACING = 1e-9
"""Relative difference of d below which reflections are one line."""
MOST_REFLECTIONS = 2_000_000
CHUNK = 400_000
"""Reflections times atoms that are computed at once."""


@dataclass(frozen=True, eq=False)
class Reflections:
    """Lines of one structure, from large to small spacing.

    Attributes
    ----------
    label : str
    hkl : ndarray (H, 3) of int
        One of the reflections of each line.
    spacing : ndarray (H,)
        d, m.
    strength : ndarray (H,)
        Sum of |F|^2 over all reflections of the line; electrons^2, or m^2 for neutrons.
    volume : float
        Of the cell, m3.
    formula_units : float
        Z.
    notes : tuple of str
        What was assumed.
    """

    label: str
    hkl: np.ndarray
    spacing: np.ndarray
    strength: np.ndarray
    volume: float
    formula_units: float
    notes: tuple[str, ...] = ()

    def two_theta(self, wavelength: float, strain: float = 0.0) -> np.ndarray:
        """Bragg angles 2 theta, rad, shape (H,), for spacings stretched by (1 + strain)."""
        return np.asarray(2.0 * np.arcsin(wavelength / (2.0 * self.spacing * (1.0 + strain))))


def _form_factors(elements: tuple[str, ...], radiation: str, s2: np.ndarray, wavelength: float) -> np.ndarray:
    """Scattering of each site at each (sin theta/lambda)^2 in angstrom^-2, shape (sites, n)."""
    import gemmi

    found: dict[str, np.ndarray] = {}
    for symbol in dict.fromkeys(elements):
        element = gemmi.Element(symbol)
        if element.atomic_number == 0:
            raise PowderError(f"{symbol!r} is no element; correct the site or leave it out")
        if radiation == "neutron":
            # fm to m
            found[symbol] = np.full(s2.shape, element.neutron92.calculate_sf(0.0) * 1e-15, dtype=complex)
            continue
        # deuterium scatters X-rays like hydrogen
        coefficients = (gemmi.Element("H") if symbol == "D" else element).it92
        a, b = np.array(coefficients.a), np.array(coefficients.b)
        values = (np.exp(-np.outer(s2, b)) @ a + coefficients.c).astype(complex)
        if element.atomic_number > 2:
            energy = PLANCK * SPEED_OF_LIGHT / wavelength / ELEMENTARY_CHARGE
            values += complex(*gemmi.cromer_liberman(element.atomic_number, energy))
        found[symbol] = values
    return np.stack([found[symbol] for symbol in elements])


def structure_factors(
    structure: CrystalStructure, hkl: np.ndarray, radiation: str = "x-ray", wavelength: float = 1.5406e-10
) -> np.ndarray:
    """Structure factors F(h k l), with displacement factors and occupancies.

    Parameters
    ----------
    structure : CrystalStructure
    hkl : ndarray (n, 3) of int
    radiation : {"x-ray", "neutron"}
    wavelength : float
        m; decides the anomalous terms of X-rays.

    Returns
    -------
    ndarray (n,) of complex
        Electrons, or m for neutrons.

    Raises
    ------
    PowderError
        For a structure without sites or an unknown radiation.
    """
    if radiation not in RADIATIONS:
        raise PowderError(f"radiation {radiation!r} is unknown; use one of {', '.join(RADIATIONS)}")
    if not structure.sites:
        raise PowderError(f"{structure.label}: the structure has no sites; intensities need coordinates")
    hkl = np.asarray(hkl, dtype=float)
    reciprocal = np.linalg.inv(structure.metric)
    inverse_d2 = np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl)
    total = np.zeros(len(hkl), dtype=complex)
    fract = np.array([site.fract for site in structure.sites])
    # a site on a symmetry element is met once for every operation that leaves it there
    weights = structure.occupancies / structure.site_orders
    u_iso = np.array([_isotropic(site.u_iso, site.u_aniso) for site in structure.sites])
    lengths = np.sqrt(np.diag(reciprocal))
    u_aniso = np.array([_tensor(site.u_aniso, lengths) for site in structure.sites])
    anisotropic = np.array([site.u_aniso is not None for site in structure.sites])
    step = max(1, CHUNK // max(1, len(structure.sites)))
    for start in range(0, len(hkl), step):
        rows = slice(start, start + step)
        h = hkl[rows]
        factors = _form_factors(structure.elements, radiation, inverse_d2[rows] * 1e-20 / 4.0, wavelength)
        factors *= weights[:, None] * np.exp(-2.0 * math.pi**2 * u_iso[:, None] * inverse_d2[rows])
        for rotation, translation in zip(structure.rotations, structure.translations, strict=True):
            turned = h @ rotation
            phase = 2.0 * math.pi * (fract @ turned.T + h @ translation)
            exponent = 1j * phase
            if anisotropic.any():
                products = np.stack([turned[:, i] * turned[:, j] for i, j in _PAIRS])
                exponent[anisotropic] -= 2.0 * math.pi**2 * (u_aniso[anisotropic] @ products)
            total[rows] += np.einsum("sn,sn->n", factors, np.exp(exponent))
    return total


_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Axes of the six components of a displacement tensor, in the order of a CIF."""


def _isotropic(u_iso: float, u_aniso: tuple[float, ...] | None) -> float:
    """Isotropic displacement; an anisotropic atom has its tensor instead."""
    if u_aniso is not None:
        return 0.0
    return u_iso if math.isfinite(u_iso) else USUAL_DISPLACEMENT


def _tensor(u_aniso: tuple[float, ...] | None, lengths: np.ndarray) -> np.ndarray:
    """U_ij a*_i a*_j, the mixed components twice, shape (6,)."""
    if u_aniso is None:
        return np.zeros(6)
    twice = (1.0, 1.0, 1.0, 2.0, 2.0, 2.0)
    return np.array([u * lengths[i] * lengths[j] * n for u, (i, j), n in zip(u_aniso, _PAIRS, twice, strict=True)])


def reflections(
    structure: CrystalStructure,
    wavelength: float,
    two_theta: tuple[float, float],
    *,
    radiation: str = "x-ray",
    formula_units: float | None = None,
    apart: bool = False,
) -> Reflections:
    """Lines of a structure between two angles.

    Parameters
    ----------
    structure : CrystalStructure
    wavelength : float
        m.
    two_theta : (float, float)
        Window, rad.
    radiation : {"x-ray", "neutron"}
    formula_units : float, optional
        Z where the structure does not state it.
    apart : bool
        Whether reflections of one spacing that no symmetry relates, such as (3 3 3) and (5 1 1), stay two lines.

    Returns
    -------
    Reflections

    Raises
    ------
    PowderError
        For a wavelength or window that makes no sense, no reflection in it, a missing Z.

    Examples
    --------
    >>> from labile.core.structure import Site
    >>> sites = (Site("Cs", "Cs", (0.0, 0.0, 0.0)), Site("Cl", "Cl", (0.5, 0.5, 0.5)))
    >>> salt = CrystalStructure("CsCl", [4.123e-10] * 3 + [90.0] * 3, sites=sites, formula_units=1)
    >>> lines = reflections(salt, 1.5406e-10, (np.radians(20), np.radians(45)))
    >>> lines.hkl.tolist(), np.degrees(lines.two_theta(1.5406e-10)).round(2).tolist()
    ([[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 0, 0]], [21.54, 30.64, 37.76, 43.88])
    """
    low, high = two_theta
    if not (0 < wavelength < 1e-8 and 0 <= low < high < math.pi):
        raise PowderError(
            f"{structure.label}: needs a wavelength in m (1.5406e-10) and angles 2 theta between 0 and pi that rise,"
            f" found {wavelength:g} m and {low:g} to {high:g} rad"
        )
    z = structure.formula_units if formula_units is None else formula_units
    if z is None or not z > 0:
        raise PowderError(
            f"{structure.label}: the number of formula units of the cell is not stated; give formula_units (Z), which"
            " the fraction of a mixture needs"
        )
    inverse_d = 2.0 * np.sin(np.array([low, high]) / 2.0) / wavelength
    edges = structure.cell[:3]
    limits = np.floor(edges * inverse_d[1]).astype(int)
    count = int(np.prod(2 * limits + 1))
    if count > MOST_REFLECTIONS:
        raise PowderError(
            f"{structure.label}: about {count} reflections within the window; give a smaller angle or longer wavelength"
        )
    h, k, l = np.meshgrid(*(np.arange(-n, n + 1) for n in limits), indexing="ij")  # noqa: E741
    hkl = np.stack([h.ravel(), k.ravel(), l.ravel()], axis=1)
    reciprocal = np.linalg.inv(structure.metric)
    inverse = np.sqrt(np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl))
    inside = (inverse > max(inverse_d[0], 1.0)) & (inverse <= inverse_d[1])
    if not inside.any():
        raise PowderError(f"{structure.label}: there is no reflection between {low:g} and {high:g} rad")
    # equivalents by symmetry and their Friedel mates are one line, named by the largest h, then k, then l
    most = int(limits.max())
    base = 2 * most + 1
    turned = np.einsum("ni,gij->gnj", hkl[inside], np.asarray(structure.rotations, dtype=int))
    code = np.concatenate([turned, -turned]) @ np.array([base**2, base, 1])
    names, counts = np.unique(code.max(axis=0), return_counts=True)
    third = (names + most) % base - most
    second = ((names - third) // base + most) % base - most
    hkl = np.stack([(names - third - base * second) // base**2, second, third], axis=1)
    inverse = np.sqrt(np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl))
    order = np.argsort(inverse, kind="stable")
    hkl, inverse, counts = hkl[order], inverse[order], counts[order]
    # Friedel mates differ by anomalous terms
    pairs = np.abs(structure_factors(structure, np.concatenate([hkl, -hkl]), radiation, wavelength)) ** 2
    strength = counts * pairs.reshape(2, -1).mean(axis=0)
    if not apart:
        starts = np.flatnonzero(np.concatenate([[True], np.diff(inverse) > SAME_SPACING * inverse[1:]]))
        strength = np.add.reduceat(strength, starts)
        ends = np.append(starts[1:], inverse.size)
        named = [a + int(np.lexsort(hkl[a:b].T[::-1])[-1]) for a, b in zip(starts, ends, strict=True)]
        hkl, inverse = hkl[named], inverse[starts]
    seen = strength > 1e-9 * strength.max()
    missing = sum(not math.isfinite(site.u_iso) and site.u_aniso is None for site in structure.sites)
    notes: tuple[str, ...] = ()
    if missing:
        angstrom2 = USUAL_DISPLACEMENT * 1e20
        notes = (f"{structure.label}: {missing} sites without displacement parameters, taken as {angstrom2:g} A^2",)
    return Reflections(
        structure.label, hkl[seen], 1.0 / inverse[seen], strength[seen], structure.volume, float(z), notes
    )


def lorentz_polarisation(two_theta: np.ndarray, radiation: str, monochromator: float | None = None) -> np.ndarray:
    """Lorentz and polarisation factor of a flat powder: P/(sin^2 theta cos theta).

    Parameters
    ----------
    two_theta : ndarray
        rad.
    radiation : {"x-ray", "neutron"}
        Neutrons are not polarised, P = 1.
    monochromator : float, optional
        2 theta_M of the crystal monochromator, rad; None for none. P = (1 + A cos^2 2 theta)/(1 + A), A = cos^2 2
        theta_M.

    References
    ----------
    L. V. Azaroff, Acta Cryst. 8, 701 (1955), doi 10.1107/S0365110X55002156 (polarisation behind a monochromator).
    """
    theta = 0.5 * np.asarray(two_theta)
    lorentz = 1.0 / (np.sin(theta) ** 2 * np.cos(theta))
    if radiation == "neutron":
        return np.asarray(lorentz)
    a = 1.0 if monochromator is None else math.cos(monochromator) ** 2
    return np.asarray(lorentz * (1.0 + a * np.cos(two_theta) ** 2) / (1.0 + a))
