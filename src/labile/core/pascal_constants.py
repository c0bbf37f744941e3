"""Diamagnetism of molecules from Pascal's constants.

Values are those of G. A. Bain, J. F. Berry, "Diamagnetic Corrections and Pascal's Constants", J. Chem. Educ. 2008,
85, 532-536, doi:10.1021/ed085p532 (tables 1 to 6), in 1e-6 cm3/mol (cgs), all diamagnetic (< 0) except the
constitutive corrections. They were compared with two independent public transcriptions of those tables, which agree
on every number kept here; see `docs/techniques/magnetometry.md` for what was left out and why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from labile.core.material import molar_mass
from labile.core.units import to_si

REFERENCE = "G. A. Bain, J. F. Berry, J. Chem. Educ. 2008, 85, 532, doi:10.1021/ed085p532"

COVALENT: Mapping[str, float] = {
    "Ag": -31.0, "Al": -13.0, "B": -7.0, "Bi": -192.0, "Br": -30.6, "C": -6.00, "Ca": -15.9, "Cl": -20.1,
    "F": -6.3, "H": -2.93, "I": -44.6, "K": -18.5, "Li": -4.2, "Mg": -10.0, "N": -5.57, "Na": -9.2, "O": -4.6,
    "P": -26.3, "S": -15.0, "Se": -23.0, "Si": -13.0, "Te": -37.3, "Zn": -13.5,
}  # fmt: skip
"""Atoms in covalent species (table 1), 1e-6 cm3/mol; nitrogen in an open chain."""

RING: Mapping[str, float] = {"C": -6.24, "N": -4.61}
"""Atoms that are members of a ring (table 1), 1e-6 cm3/mol."""

CONSTITUTIVE: Mapping[str, float] = {
    "C=C": 5.5, "C#C": 0.8, "C=C-C=C": 10.6, "Ar-C#C-Ar": 3.85, "allyl": 4.5, "C=O": 6.3, "COOH": -5.0,
    "COOR": -5.0, "C(=O)NH2": -3.5, "N=N": 1.85, "C=N": 8.15, "-C#N": 0.8, "-N#C": 0.0, "N=O": 1.7, "-NO2": -2.0,
    "C-Cl": 3.1, "Cl-CR2-CR2-Cl": 4.3, "R2CCl2": 1.44, "RCHCl2": 6.43, "C-Br": 4.1, "Br-CR2-CR2-Br": 6.24,
    "C-I": 4.1, "Ar-OH": -1.0, "Ar-NR2": 1.0, "Ar-C(=O)R": -1.5, "Ar-COOR": -1.5, "Ar-C=C": -1.0, "Ar-C#C": -1.5,
    "Ar-OR": -1.0, "Ar-CHO": -1.5, "Ar-Ar": -0.5, "Ar-NO2": -0.5, "Ar-Br": -3.5, "Ar-Cl": -2.5, "Ar-I": -3.5,
    "Ar-COOH": -1.5, "Ar-C(=O)NH2": -1.5, "R2C=N-N=CR2": 10.2,
    "benzene": -1.4, "cyclobutane": 7.2, "cyclohexane": 3.0, "cyclohexene": 6.9, "cyclopentane": 0.0,
    "cyclopropane": 7.2, "dioxane": 5.5, "furan": -2.5, "imidazole": 8.0, "isoxazole": 1.0, "morpholine": 5.5,
    "piperazine": 7.0, "piperidine": 3.0, "pyrazine": 9.0, "pyridine": 0.5, "pyrimidine": 6.5, "pyrone": -1.4,
    "pyrrole": -3.5, "pyrrolidine": 0.0, "tetrahydrofuran": 0.0, "thiazole": -3.0, "thiophene": -7.0,
    "triazine": -1.4,
}  # fmt: skip
"""Corrections for bonds and rings (table 2), 1e-6 cm3/mol each; `#` is a triple bond, Ar an aryl group."""

MONATOMIC_IONS: Mapping[str, float] = {
    "Ag+": -28, "Ag2+": -24, "Al3+": -2, "Au+": -40, "Au3+": -32, "Ba2+": -26.5, "Be2+": -0.4, "Bi3+": -25,
    "Ca2+": -10.4, "Cd2+": -24, "Ce3+": -20, "Ce4+": -17, "Co2+": -12, "Co3+": -10, "Cr2+": -15, "Cr3+": -11,
    "Cr4+": -8, "Cr5+": -5, "Cr6+": -3, "Cs+": -35.0, "Cu+": -12, "Cu2+": -11, "Dy3+": -19, "Er3+": -18,
    "Eu2+": -22, "Eu3+": -20, "Fe2+": -13, "Fe3+": -10, "Ga3+": -8, "Gd3+": -20, "Ge4+": -7, "Hf4+": -16,
    "Hg2+": -40.0, "Ho3+": -19, "In3+": -19, "Ir+": -50, "Ir2+": -42, "Ir3+": -35, "Ir4+": -29, "Ir5+": -20,
    "K+": -14.9, "La3+": -20, "Li+": -1.0, "Lu3+": -17, "Mg2+": -5.0, "Mn2+": -14, "Mn3+": -10, "Mn4+": -8,
    "Mn6+": -4, "Mn7+": -3, "Mo2+": -31, "Mo3+": -23, "Mo4+": -17, "Mo5+": -12, "Mo6+": -7, "Na+": -6.8,
    "Nb5+": -9, "Nd3+": -20, "Ni2+": -12, "Os2+": -44, "Os3+": -36, "Os4+": -29, "Os6+": -18, "Os8+": -11,
    "Pb2+": -32.0, "Pb4+": -26, "Pd2+": -25, "Pd4+": -18, "Pm3+": -27, "Pr3+": -20, "Pr4+": -18, "Pt2+": -40,
    "Pt4+": -28, "Rb+": -22.5, "Re3+": -36, "Re4+": -28, "Re6+": -16, "Re7+": -12, "Rh3+": -22, "Rh4+": -18,
    "Ru3+": -23, "Ru4+": -18, "Sb3+": -17, "Sb5+": -14, "Sc3+": -6, "Sm2+": -23, "Sm3+": -20, "Sn2+": -20,
    "Sn4+": -16, "Sr2+": -19.0, "Ta5+": -14, "Tb3+": -19, "Tb4+": -17, "Th4+": -23, "Ti3+": -9, "Ti4+": -5,
    "Tl+": -35.7, "Tl3+": -31, "Tm3+": -18, "U3+": -46, "U4+": -35, "U5+": -26, "U6+": -19, "V2+": -15, "V3+": -10,
    "V4+": -7, "V5+": -4, "W2+": -41, "W3+": -36, "W4+": -23, "W5+": -19, "W6+": -13, "Y3+": -12, "Yb2+": -20,
    "Yb3+": -18, "Zn2+": -15.0, "Zr4+": -10,
    "Br-": -34.6, "Cl-": -23.4, "F-": -9.1, "I-": -50.6, "O2-": -12.0, "S2-": -30.0, "Se2-": -48.0, "Te2-": -70.0,
}  # fmt: skip
"""Monatomic ions (tables 3 and 6), 1e-6 cm3/mol."""

GROUPS: Mapping[str, tuple[str, float]] = {
    # polyatomic cations (table 6)
    "NH4+": ("NH4", -13.3), "NMe4+": ("C4H12N", -52.0), "NEt4+": ("C8H20N", -101.0), "VO^2+": ("VO", -12.5),
    # anions (table 3)
    "AsO3^3-": ("AsO3", -51.0), "AsO4^3-": ("AsO4", -60.0), "BF4-": ("BF4", -37.0), "BO3^3-": ("BO3", -35.0),
    "BrO3-": ("BrO3", -40.0), "ClO3-": ("ClO3", -30.2), "ClO4-": ("ClO4", -32.0), "CN-": ("CN", -13.0),
    "C5H5-": ("C5H5", -65.0), "PhCOO-": ("C7H5O2", -71.0), "CO3^2-": ("CO3", -28.0), "C2O4^2-": ("C2O4", -34.0),
    "HCOO-": ("CHO2", -17.0), "HSO4-": ("HSO4", -35.0), "IO3-": ("IO3", -51.0), "IO4-": ("IO4", -51.9),
    "NCO-": ("NCO", -23.0), "NCS-": ("NCS", -31.0), "NO2-": ("NO2", -10.0), "NO3-": ("NO3", -18.9),
    "OAc-": ("C2H3O2", -31.5), "OH-": ("OH", -12.0), "PtCl6^2-": ("PtCl6", -148.0), "SO3^2-": ("SO3", -38.0),
    "SO4^2-": ("SO4", -40.1), "S2O3^2-": ("S2O3", -46.0), "S2O8^2-": ("S2O8", -78.0), "SeO3^2-": ("SeO3", -44.0),
    "SeO4^2-": ("SeO4", -51.0), "SiO3^2-": ("SiO3", -36.0), "TeO3^2-": ("TeO3", -63.0), "TeO4^2-": ("TeO4", -55.0),
    # not in the reference: the sum of its atoms in table 1
    "PF6-": ("PF6", COVALENT["P"] + 6 * COVALENT["F"]),
    # ligands (table 4)
    "acac-": ("C5H7O2", -52.0), "bipy": ("C10H8N2", -105.0), "CO": ("CO", -10.0), "en": ("C2H8N2", -46.5),
    "ethylene": ("C2H4", -15.0), "glycinate": ("C2H4NO2", -37.0), "H2O": ("H2O", -13.0),
    "hydrazine": ("N2H4", -20.0), "malonate": ("C3H2O4", -45.0), "NH3": ("NH3", -18.0),
    "phen": ("C12H8N2", -128.0), "o-PBMA": ("C10H16As2", -194.0), "phthalocyanine": ("C32H18N8", -442.0),
    "PPh3": ("C18H15P", -167.0), "pyrazine": ("C4H4N2", -50.0), "pyridine": ("C5H5N", -49.0),
    "salen^2-": ("C16H14N2O2", -182.0), "urea": ("CH4N2O", -34.0),
    # solvents (table 5)
    "CCl4": ("CCl4", -66.8), "CHCl3": ("CHCl3", -58.9), "CH2Cl2": ("CH2Cl2", -46.6), "CH3Cl": ("CH3Cl", -32.0),
    "CH3NO2": ("CH3NO2", -21.0), "CH3OH": ("CH4O", -21.4), "CH3CN": ("C2H3N", -27.8), "C2H5OH": ("C2H6O", -33.7),
    "CH3COOH": ("C2H4O2", -31.8), "CF3COOH": ("C2HF3O2", -43.3), "acetone": ("C3H6O", -33.8),
    "1,2-dichloroethane": ("C2H4Cl2", -59.6), "ethylene glycol": ("C2H6O2", -38.9),
    "ethyl acetate": ("C4H8O2", -54.1), "1-butanol": ("C4H10O", -56.4), "diethyl ether": ("C4H10O", -55.5),
    "butyronitrile": ("C4H7N", -50.4), "pentane": ("C5H12", -61.5), "hexane": ("C6H14", -74.1),
    "cyclohexane": ("C6H12", -68.0), "benzene": ("C6H6", -54.8), "toluene": ("C7H8", -65.6),
    "benzonitrile": ("C7H5N", -65.2), "o-dichlorobenzene": ("C6H4Cl2", -84.4), "triethylamine": ("C6H15N", -83.3),
    "isooctane": ("C8H18", -99.1), "naphthalene": ("C10H8", -91.6),
}  # fmt: skip
"""Polyatomic ions, ligands and solvents (tables 3 to 6): composition and 1e-6 cm3/mol."""

MATRICES: Mapping[str, str] = {"eicosane": "C20H42"}
"""Matrices that samples are fixed in, with their formulas."""


def pascal_diamagnetism(
    formula: str,
    *,
    groups: Mapping[str, float] | None = None,
    ring_atoms: Mapping[str, float] | None = None,
    constitutive: Mapping[str, float] | None = None,
) -> float:
    """Diamagnetic susceptibility of one mole of a compound.

    Ions, ligands and solvents named in `groups` are taken whole from the tables; the atoms that remain of the
    formula are counted one by one, then bonds and rings are corrected for.

    Parameters
    ----------
    formula : str
        Of the whole compound, metals and counter-ions included: ``"C22H16FeN6S2"``.
    groups : mapping of str to float, optional
        Keys of `MONATOMIC_IONS` or `GROUPS` and how many of each the formula holds. Each metal must be among them,
        because its constant depends on its charge.
    ring_atoms : mapping of {"C", "N"} to float, optional
        How many of the remaining atoms are members of a ring.
    constitutive : mapping of str to float, optional
        Keys of `CONSTITUTIVE` and how many times each occurs in the remaining part.

    Returns
    -------
    float
        chi_D in m3/mol (SI), negative.

    Raises
    ------
    ValueError
        For an unknown group, bond or element, and for more atoms than the formula holds; the message says what
        is known.

    References
    ----------
    G. A. Bain, J. F. Berry, J. Chem. Educ. 2008, 85, 532-536, doi:10.1021/ed085p532.

    Examples
    --------
    [Fe(phen)2(NCS)2], from its ligands:

    >>> from labile.core.units import from_si
    >>> chi = pascal_diamagnetism("C26H16FeN6S2", groups={"Fe2+": 1, "phen": 2, "NCS-": 2})
    >>> round(from_si(chi, "cm3/mol", "chi_m") * 1e6, 1)
    -331.0

    Pyridine, from its atoms:

    >>> chi = pascal_diamagnetism("C5H5N", ring_atoms={"C": 5, "N": 1}, constitutive={"pyridine": 1})
    >>> round(from_si(chi, "cm3/mol", "chi_m") * 1e6, 2)
    -49.96
    """
    remaining = dict(_composition(formula))
    total = 0.0
    for name, number in (groups or {}).items():
        part, value = _group(name)
        total += _count(number, name) * value
        for element, atoms in part.items():
            remaining[element] = remaining.get(element, 0.0) - atoms * number
            if remaining[element] < -1e-9:
                raise ValueError(
                    f"pascal_diamagnetism: {formula} does not hold {number:g} x {name}: too little {element}."
                    " Give the formula of the whole compound, counter-ions and solvent included"
                )
    for element, number in (ring_atoms or {}).items():
        if element not in RING:
            raise ValueError(f"pascal_diamagnetism: ring_atoms knows C and N, found {element!r}")
        if _count(number, element) > remaining.get(element, 0.0) + 1e-9:
            raise ValueError(
                f"pascal_diamagnetism: {number:g} ring atoms of {element}, but only"
                f" {remaining.get(element, 0.0):g} {element} remain of {formula} beside its groups"
            )
        total += number * (RING[element] - COVALENT[element])
    for name, number in (constitutive or {}).items():
        if name not in CONSTITUTIVE:
            raise ValueError(f"pascal_diamagnetism: correction {name!r} is unknown{_closest(name, CONSTITUTIVE)}")
        total += _count(number, name) * CONSTITUTIVE[name]
    for element, atoms in remaining.items():
        if atoms > 1e-9 and element not in COVALENT:
            ions = [ion for ion in MONATOMIC_IONS if re.match(rf"{element}\d?[+-]$", ion)]
            known = f"name its ion in groups, one of {', '.join(ions)}" if ions else "the tables hold no ion of it"
            raise ValueError(f"pascal_diamagnetism: {element} of {formula} has no covalent constant; {known}")
        total += atoms * COVALENT.get(element, 0.0)
    return float(to_si(total * 1e-6, "cm3/mol", "diamagnetic_susceptibility"))


def estimate_diamagnetism(mass: float) -> float:
    """Rough diamagnetic susceptibility -M/2 x 1e-6 cm3/mol (M in g/mol).

    Parameters
    ----------
    mass : float
        Molar mass, kg/mol.

    Returns
    -------
    float
        m3/mol (SI), negative.

    Raises
    ------
    ValueError
        If the molar mass is not positive.

    References
    ----------
    G. A. Bain, J. F. Berry, J. Chem. Educ. 2008, 85, 532-536, doi:10.1021/ed085p532.

    Examples
    --------
    >>> from labile.core.units import from_si
    >>> round(from_si(estimate_diamagnetism(0.70495), "cm3/mol", "chi_m") * 1e6, 1)
    -352.5
    """
    if not (mass > 0 and math.isfinite(mass)):
        raise ValueError(f"estimate_diamagnetism: the molar mass must be > 0 kg/mol, found {mass!r}")
    return float(to_si(-0.5 * mass * 1e3 * 1e-6, "cm3/mol", "diamagnetic_susceptibility"))


def matrix_susceptibility(matrix: str) -> float:
    """Diamagnetic susceptibility of a matrix per mass, m3/kg (SI), from its formula by Pascal's constants.

    Raises
    ------
    ValueError
        If the matrix is not in `MATRICES`.

    Examples
    --------
    >>> round(matrix_susceptibility("eicosane") * 1e9, 2)
    -10.81
    """
    if matrix not in MATRICES:
        raise ValueError(
            f"matrix {matrix!r} is unknown, there is {', '.join(MATRICES)};"
            " for another one give its mass susceptibility (m3/kg)"
        )
    return pascal_diamagnetism(MATRICES[matrix]) / molar_mass(MATRICES[matrix])


def _composition(formula: str) -> dict[str, float]:
    from molmass import Formula

    molar_mass(formula)  # words its errors
    return {symbol: float(item.count) for symbol, item in Formula(formula).composition().items()}


def _group(name: str) -> tuple[dict[str, float], float]:
    if name in MONATOMIC_IONS:
        return {re.sub(r"\d*[+-]$", "", name): 1.0}, MONATOMIC_IONS[name]
    if name in GROUPS:
        formula, value = GROUPS[name]
        return _composition(formula), value
    raise ValueError(f"pascal_diamagnetism: group {name!r} is unknown{_closest(name, {**MONATOMIC_IONS, **GROUPS})}")


def _count(number: float, name: str) -> float:
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"pascal_diamagnetism: the number of {name} must be >= 0, found {number!r}")
    return number


def _closest(name: str, known: Mapping[str, object]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f"; did you mean {', '.join(close)}?" if close else f"; there are {', '.join(known)}"
