"""Models of the literature as lists of contributions; every builder cites its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType
from typing import Any

from labile.core.material import State
from labile.models.compressibility import CompressibleVolume, LinearVolume
from labile.models.contributions import (
    ElectronicDegeneracy,
    EnthalpyEntropy,
    EnthalpyTransition,
    PairInteraction,
    PressureVolume,
    UncoupledRedistribution,
)
from labile.models.free_energy import Contribution, Model, ModelError
from labile.models.interactions import InteractionSlopes
from labile.models.two_sites import IntramolecularInteraction, SiteCooperativity, StaggeredInteraction
from labile.models.vibrations import Vibrations
from labile.models.volumes import FORMS

LS_HS = (State("LS", 0.0), State("HS", 2.0))
"""Low-spin and high-spin iron(II), the default pair of two-state models."""
LL_LH_HL_HH = (State("LL", 0.0), State("LH", 2.0), State("HL", 2.0), State("HH", 4.0))
"""Molecules with two iron(II) sites; the degeneracy of HH is that of uncoupled sites, see `real_bolvin_dinuclear`."""


def _require(states: Sequence[State], count: int, builder: str) -> tuple[State, ...]:
    states = tuple(states)
    if len(states) != count:
        raise ModelError(f"{builder}: needs exactly {count} states, found {[s.name for s in states]}")
    return states


def van_t_hoff(states: Sequence[State] = LS_HS, *, electronic_degeneracy: bool = False) -> Model:
    """Ideal n-state model: Boltzmann populations of g_i = H_i - T S_i + P V_i.

    Parameters
    ----------
    states : sequence of State
        The first is the reference (g = 0).
    electronic_degeneracy : bool
        True: R ln w of every state is added, and the entropies must not contain it.

    Returns
    -------
    Model
        With ``<state>.enthalpy``, ``<state>.entropy``, ``<state>.volume`` of every state but the first.

    Examples
    --------
    >>> van_t_hoff().parameters.names
    ('HS.enthalpy', 'HS.entropy', 'HS.volume')
    """
    states = tuple(states)
    terms: list[Contribution] = [EnthalpyEntropy(s.name) for s in states[1:]]
    terms += [PressureVolume(s.name) for s in states[1:]]
    if electronic_degeneracy:
        terms.append(ElectronicDegeneracy())
    return Model(
        "van_t_hoff",
        states,
        tuple(terms),
        shifted=tuple(s.name for s in states[1:]),
        citations=("10.3762/bjoc.9.39",),
        assumptions=("no interaction between molecules",),
    )


def slichter_drickamer(states: Sequence[State] = LS_HS) -> Model:
    """Two states with the interaction Gamma n (1 - n).

    Parameters
    ----------
    states : sequence of two State
        Reference first.

    Returns
    -------
    Model
        With ``<b>.enthalpy``, ``<b>.entropy``, ``<b>.volume`` and ``<a>-<b>.interaction``.

    References
    ----------
    C. P. Slichter, H. G. Drickamer, J. Chem. Phys. 56, 2142 (1972), doi 10.1063/1.1677511.

    Examples
    --------
    >>> slichter_drickamer().parameters.names
    ('HS.enthalpy', 'HS.entropy', 'HS.volume', 'LS-HS.interaction')
    """
    low, high = _require(states, 2, "slichter_drickamer")
    return Model(
        "slichter_drickamer",
        (low, high),
        (EnthalpyEntropy(high.name), PressureVolume(high.name), PairInteraction(f"{low.name}-{high.name}")),
        shifted=(high.name,),
        citations=("10.1063/1.1677511",),
        assumptions=("mean-field interaction between molecules",),
    )


def regular_solution(states: Sequence[State]) -> Model:
    """N states with an interaction for every pair.

    Parameters
    ----------
    states : sequence of State
        Reference first.

    Returns
    -------
    Model
        With ``<state>.enthalpy``, ``.entropy``, ``.volume`` and ``<a>-<b>.interaction`` (0 and fixed by default).

    Examples
    --------
    >>> model = regular_solution((State("L"), State("H"), State("V")))
    >>> [name for name in model.parameters.names if "-" in name]
    ['L-H.interaction', 'L-V.interaction', 'H-V.interaction']
    """
    states = tuple(states)
    terms: list[Contribution] = [EnthalpyEntropy(s.name) for s in states[1:]]
    terms += [PressureVolume(s.name) for s in states[1:]]
    terms += [PairInteraction(f"{a.name}-{b.name}") for a, b in combinations(states, 2)]
    return Model(
        "regular_solution",
        states,
        tuple(terms),
        shifted=tuple(s.name for s in states[1:]),
        citations=("10.1063/1.1677511",),
        assumptions=("mean-field interaction between molecules",),
    )


def sorai_seki(states: Sequence[State] = LS_HS) -> Model:
    """Two states that switch in domains of m molecules; populations determine only m times the enthalpy.

    Parameters
    ----------
    states : sequence of two State

    Returns
    -------
    Model
        With ``<b>.enthalpy``, ``<b>.t_half``, ``<b>.volume`` and ``crystal.domain_size`` (fixed by default).

    References
    ----------
    M. Sorai, S. Seki, J. Phys. Chem. Solids 35, 555 (1974), doi 10.1016/S0022-3697(74)80010-7.

    Examples
    --------
    >>> sorai_seki().parameters.names
    ('HS.enthalpy', 'HS.t_half', 'HS.volume', 'crystal.domain_size')
    """
    low, high = _require(states, 2, "sorai_seki")
    return Model(
        "sorai_seki",
        (low, high),
        (EnthalpyTransition(high.name), PressureVolume(high.name)),
        manifolds=((low.name,), (high.name,)),
        shifted=(high.name,),
        citations=("10.1016/S0022-3697(74)80010-7",),
        assumptions=("populations determine only the product of domain size and enthalpy",),
    )


def electron_transfer(states: Sequence[State], *, form: str = "regular_solution") -> Model:
    """Three-state electron-transfer crystal: a step L to {H, V}, and a redistribution between H and V.

    Parameters
    ----------
    states : sequence of three State
        L (reference), H (reached by the step), V (the redox isomer above H).
    form : {"regular_solution", "domain_step", "domain_size"}
        ``regular_solution``: one Gamma between L and both upper states, one between H and V, enthalpy and entropy
        of the step. ``domain_step``: the literal formula, a logistic step of ``H.enthalpy`` (this is m times
        Delta H) at ``H.t_half`` and an ideal redistribution that the step does not feel. ``domain_size``: the
        same step with a free energy, in domains of ``crystal.domain_size``, felt by the redistribution.

    Returns
    -------
    Model
        With ``H-V.enthalpy`` and ``H-V.entropy`` counted from H, in the names of the given states.

    References
    ----------
    Crystal and three states: Nat. Commun. 12, 4836 (2021), doi 10.1038/s41467-021-25041-4; step in domains: M. Sorai,
    S. Seki, doi 10.1016/S0022-3697(74)80010-7; interaction: C. P. Slichter, H. G. Drickamer, doi 10.1063/1.1677511.

    Examples
    --------
    >>> model = electron_transfer((State("L", 0), State("H", 2), State("V", 2)), form="domain_step")
    >>> model.parameters.names
    ('H.enthalpy', 'H.t_half', 'H-V.enthalpy', 'H-V.entropy')
    """
    low, high, transferred = _require(states, 3, "electron_transfer")
    upper = (high.name, transferred.name)
    redistribution = EnthalpyEntropy(f"{high.name}-{transferred.name}", (transferred.name,))
    crystal = "10.1038/s41467-021-25041-4"
    if form == "regular_solution":
        return Model(
            "electron_transfer/regular_solution",
            (low, high, transferred),
            (
                EnthalpyEntropy(high.name, upper),
                redistribution,
                PairInteraction(f"{low.name}-{high.name}", ((low.name, high.name), (low.name, transferred.name))),
                PairInteraction(f"{high.name}-{transferred.name}"),
            ),
            shifted=upper,
            citations=(crystal, "10.1063/1.1677511"),
            assumptions=("mean-field interaction, equal between the low state and both upper states",),
        )
    if form == "domain_step":
        return Model(
            "electron_transfer/domain_step",
            (low, high, transferred),
            (EnthalpyTransition(high.name, upper), redistribution, UncoupledRedistribution(*upper)),
            shifted=upper,
            citations=(crystal, "10.1016/S0022-3697(74)80010-7"),
            assumptions=(
                f"{high.name}.enthalpy is the product of domain size and molar enthalpy of the step",
                "populations only: the step does not feel the redistribution, so no heat capacity is derived",
            ),
        )
    if form == "domain_size":
        return Model(
            "electron_transfer/domain_size",
            (low, high, transferred),
            (EnthalpyTransition(high.name, upper), redistribution),
            manifolds=((low.name,), upper),
            shifted=upper,
            citations=(crystal, "10.1016/S0022-3697(74)80010-7"),
            assumptions=("domains of equal size; populations determine only domain size times enthalpy",),
        )
    raise ModelError(
        f"electron_transfer: form {form!r} is unknown; use 'regular_solution', 'domain_step' or 'domain_size'"
    )


def real_bolvin_dinuclear(states: Sequence[State] = LL_LH_HL_HH, *, equivalent_sites: bool = True) -> Model:
    """Two switching sites in a molecule: LL, LH, HL, HH with intra- and intermolecular interactions.

    Parameters
    ----------
    states : sequence of four State
        Both sites low (reference), second site high, first site high, both high, in this order.
    equivalent_sites : bool
        True: the sites are related by symmetry and share ``site.enthalpy``, ``site.entropy`` and ``site.volume``;
        a staggered interaction may break the symmetry. False: ``first_site.enthalpy`` ... and ``second_site.enthalpy``
        ... differ.

    Returns
    -------
    Model
        Energies of sites and ``site.interaction`` (Gamma) are per mole of sites, those of the ``molecule`` per mole of
        molecules: ``molecule.intramolecular_interaction`` (W), ``molecule.staggered_interaction`` (Lambda) with its
        pressure slope, ``molecule.volume`` (of mixed molecules, beyond the mean of LL and HH). Entropies hold the
        electronic degeneracy. All interactions are 0 and fixed by default.

    References
    ----------
    J. A. Real et al., J. Am. Chem. Soc. 114, 4650 (1992), doi 10.1021/ja00038a031; A. Bousseksou, F. Varret, J. Nasser,
    J. Phys. I France 3, 1463 (1993).

    Examples
    --------
    >>> model = real_bolvin_dinuclear()
    >>> [name for name in model.parameters.names if "interaction" in name]  # doctest: +NORMALIZE_WHITESPACE
    ['molecule.intramolecular_interaction', 'site.interaction', 'molecule.staggered_interaction',
     'molecule.staggered_interaction_pressure_slope']
    """
    _require(states, 4, "real_bolvin_dinuclear")
    second, first, both = (state.name for state in states[1:])
    mixed = (second, first)
    # a state that is named twice is raised twice
    raised: dict[str, tuple[str, ...]] = {"site": (*mixed, both, both)}
    if not equivalent_sites:
        raised = {"first_site": (first, both), "second_site": (second, both)}
    terms: list[Contribution] = [EnthalpyEntropy(name, into) for name, into in raised.items()]
    terms += [PressureVolume(name, into) for name, into in raised.items()]
    terms += [
        PressureVolume("molecule", mixed),
        IntramolecularInteraction(mixed),
        SiteCooperativity(((second, 0.5), (first, 0.5), (both, 1.0))),
        StaggeredInteraction(first, second),
    ]
    return Model(
        "real_bolvin_dinuclear",
        tuple(states),
        tuple(terms),
        shifted=(*mixed, both, both),
        citations=("10.1021/ja00038a031",),
        assumptions=(
            "energies of sites and their interaction are per mole of sites, of the molecule per mole of molecules",
            "intramolecular interaction exact, mean-field interaction between molecules",
        ),
    )


BUILDERS: MappingProxyType[str, Callable[..., Model]] = MappingProxyType(
    {
        "van_t_hoff": van_t_hoff,
        "slichter_drickamer": slichter_drickamer,
        "regular_solution": regular_solution,
        "sorai_seki": sorai_seki,
        "electron_transfer": electron_transfer,
        "real_bolvin_dinuclear": real_bolvin_dinuclear,
    }
)
"""Builders by the name a manifest gives."""


VOLUMES = ("constant", "linear", *FORMS)
"""What the option `volumes` of a builder may be: a constant or linear volume difference, or an equation of state."""


def with_terms(
    model: Model,
    *,
    volumes: str = "",
    expansion_from: float | None = None,
    vibrations: str = "",
    counted_from: float | None = None,
    interaction_slopes: bool = False,
) -> Model:
    """Return a model with other or further terms.

    Parameters
    ----------
    model : Model
    volumes : str
        One of `VOLUMES`; it takes the place of the model's P V terms. ``"constant"`` gives such terms to a model that
        has none.
    expansion_from : float or None
        K; with an equation of state: thermal expansion of every state, volumes given at this temperature.
    vibrations : str
        ``"einstein"`` or ``"debye"``: vibrations of every state, so that its entropy depends on the temperature.
    counted_from : float or None
        K: what enthalpies and entropies are beside `vibrations`, see `vibrations.Vibrations`.
    interaction_slopes : bool
        Interactions that change with pressure and temperature.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        For an unknown name, or an equation of state in a model that shares one volume among several states.

    Examples
    --------
    >>> names = with_terms(slichter_drickamer(), volumes="linear").parameters.names
    >>> [name for name in names if "volume" in name]
    ['HS.volume', 'HS.volume_slope']
    """
    terms = list(model.contributions)
    if volumes:
        terms = _volume_terms(model, volumes, expansion_from)
    elif expansion_from is not None:
        raise ModelError(f"model {model.name}: expansion_from needs volumes = an equation of state")
    if vibrations:
        if vibrations not in ("einstein", "debye"):
            raise ModelError(
                f"model {model.name}: vibrations {vibrations!r} is unknown; there are: einstein, debye (listed"
                " wavenumbers are given in Python: labile.models.vibrations)"
            )
        terms.append(Vibrations(vibrations, counted_from=counted_from))
    elif counted_from is not None:
        raise ModelError(f"model {model.name}: counted_from needs vibrations")
    if interaction_slopes:
        pairs = [term for term in terms if isinstance(term, PairInteraction)]
        if not pairs:
            raise ModelError(f"model {model.name}: it has no pair interaction that could change with pressure")
        terms += [InteractionSlopes(term.name, term.pairs) for term in pairs]
    return replace(model, contributions=tuple(terms))


def _volume_terms(model: Model, volumes: str, expansion_from: float | None) -> list[Contribution]:
    if volumes not in VOLUMES:
        raise ModelError(f"model {model.name}: volumes {volumes!r} is unknown; there are: {', '.join(VOLUMES)}")
    steps = [(term.name, term.raises) for term in model.contributions if isinstance(term, PressureVolume)]
    if not steps:
        steps = [
            (term.name, term.raises)
            for term in model.contributions
            if isinstance(term, EnthalpyEntropy | EnthalpyTransition)
        ]
    others: list[Contribution] = [term for term in model.contributions if not isinstance(term, PressureVolume)]
    if volumes in ("constant", "linear"):
        if expansion_from is not None:
            raise ModelError(f"model {model.name}: expansion_from needs volumes = an equation of state")
        form = PressureVolume if volumes == "constant" else LinearVolume
        return [*others, *(form(name, raises) for name, raises in steps)]
    if any(len(raises or (name,)) > 1 for name, raises in steps):
        raise ModelError(
            f"model {model.name}: an equation of state gives every state a volume of its own, but this model shares one"
            " among several states; use volumes = 'linear'"
        )
    return [*others, CompressibleVolume(volumes, expansion_from=expansion_from)]


def build(builder: str, states: Sequence[State], **options: Any) -> Model:
    """Build a model of the library by name; `options` are the builder's and those of `with_terms`.

    Raises
    ------
    ModelError
        For an unknown builder or an option it does not have; the message lists what exists.

    Examples
    --------
    >>> build("slichter_drickamer", LS_HS).name
    'slichter_drickamer'
    """
    import inspect

    if builder not in BUILDERS:
        raise ModelError(f"model builder {builder!r} is unknown; there are: {', '.join(BUILDERS)}")
    own = [name for name in inspect.signature(BUILDERS[builder]).parameters if name != "states"]
    further = [name for name in inspect.signature(with_terms).parameters if name != "model"]
    if unknown := sorted(set(options) - {*own, *further}):
        raise ModelError(f"model {builder}: unknown option {unknown[0]!r}; it has {', '.join((*own, *further))}")
    model = BUILDERS[builder](states, **{name: options[name] for name in own if name in options})
    return with_terms(model, **{name: options[name] for name in further if name in options})
