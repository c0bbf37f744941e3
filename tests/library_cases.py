"""Every model of the library at values of the literature or typical ones, for tests that loop over models."""

from itertools import combinations

from labile.core.material import State
from labile.models import library
from labile.models.contributions import EnthalpyEntropy, PairInteraction
from labile.models.free_energy import Model

L_H_V = (State("L", 0.0), State("H", 2.0), State("V", 2.0))

CASES = {
    "van_t_hoff": (library.van_t_hoff(), {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1.2e-5}),
    "van_t_hoff_degeneracy": (
        library.van_t_hoff(electronic_degeneracy=True),
        {"HS.enthalpy": 12e3, "HS.entropy": 35.0, "HS.volume": 1.2e-5, "LS.degeneracy": 1.0, "HS.degeneracy": 15.0},
    ),
    "van_t_hoff_three": (
        library.van_t_hoff(L_H_V),
        {
            "H.enthalpy": 7e3, "H.entropy": 70.0, "H.volume": 1e-5,
            "V.enthalpy": 11e3, "V.entropy": 77.0, "V.volume": 1.5e-5,
        },
    ),
    "slichter_drickamer": (
        library.slichter_drickamer(),
        {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 3e3},
    ),
    "slichter_drickamer_loop": (
        library.slichter_drickamer(),
        {"HS.enthalpy": 15e3, "HS.entropy": 60.0, "HS.volume": 1e-5, "LS-HS.interaction": 6e3},
    ),
    "regular_solution": (
        library.regular_solution(L_H_V),
        {
            "H.enthalpy": 7.17e3, "H.entropy": 80.0, "H.volume": 1e-5, "V.enthalpy": 11.37e3, "V.entropy": 87.1,
            "V.volume": 2e-5, "L-H.interaction": 1034.0, "L-V.interaction": 800.0, "H-V.interaction": -900.0,
        },
    ),
    "sorai_seki": (
        library.sorai_seki(),
        {"HS.enthalpy": 9e3, "HS.t_half": 180.0, "HS.volume": 1e-5, "crystal.domain_size": 7.0},
    ),
    "electron_transfer": (
        library.electron_transfer(L_H_V),
        {
            "H.enthalpy": 89.63 * 80, "H.entropy": 80.0, "H-V.enthalpy": 4198.0, "H-V.entropy": 7.14,
            "L-H.interaction": 1034.0, "H-V.interaction": -500.0,
        },
    ),
    "domain_step": (
        library.electron_transfer(L_H_V, form="domain_step"),
        {"H.enthalpy": 25.7e3, "H.t_half": 90.2, "H-V.enthalpy": 3870.0, "H-V.entropy": 5.87},
    ),
    "domain_size": (
        library.electron_transfer(L_H_V, form="domain_size"),
        {
            "H.enthalpy": 25.7e3 / 3, "H.t_half": 90.2, "H-V.enthalpy": 3870.0, "H-V.entropy": 5.87,
            "crystal.domain_size": 3.0,
        },
    ),
    "dinuclear": (
        library.real_bolvin_dinuclear(),
        {
            "site.enthalpy": 8e3, "site.entropy": 50.0, "site.volume": 1e-5, "molecule.volume": 2e-6,
            "molecule.intramolecular_interaction": -1500.0, "site.interaction": 900.0,
            "molecule.staggered_interaction": 400.0, "molecule.staggered_interaction_pressure_slope": -1e-6,
        },
    ),
    "dinuclear_two_kinds": (
        library.real_bolvin_dinuclear(equivalent_sites=False),
        {
            "first_site.enthalpy": 8e3, "first_site.entropy": 50.0, "first_site.volume": 1e-5,
            "second_site.enthalpy": 12e3, "second_site.entropy": 55.0, "second_site.volume": 1.4e-5,
            "molecule.volume": 1e-6, "molecule.intramolecular_interaction": 300.0, "site.interaction": 2500.0,
            "molecule.staggered_interaction": 400.0, "molecule.staggered_interaction_pressure_slope": -2e-6,
        },
    ),
}  # fmt: skip

LETTERS = "ABCDEF"


def n_state_model(n, manifolds=()):
    """N states named by letters with an interaction for every pair, in domains when manifolds are given."""
    terms = [EnthalpyEntropy(letter) for letter in LETTERS[1:n]]
    terms += [PairInteraction(f"{a}-{b}") for a, b in combinations(LETTERS[:n], 2)]
    return Model("test", tuple(State(letter) for letter in LETTERS[:n]), tuple(terms), manifolds=manifolds)
