"""What everything that is registered must keep to; one parametrized test per extension point."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import pkgutil
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from labile import models
from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.parameters import Parameter
from labile.core.units import QUANTITIES, scale_to_si
from labile.formats.registry import HEAD_BYTES, Format, FormatError, formats
from labile.models import contributions, library
from labile.models.compressibility import CompressibleVolume, LinearVolume
from labile.models.equilibrium import equilibrium
from labile.models.free_energy import DOMAIN_SIZE, Coefficients, Contribution, Model
from labile.models.interactions import InteractionSlopes
from labile.models.observable import Observable, SpectralObservable, chain
from labile.models.vibrations import Vibrations
from labile.models.volumes import FORMS
from labile.techniques import load, techniques
from library_cases import CASES, L_H_V

DOCS = Path(__file__).parents[1] / "docs"
OTHER_CONTENT = (b"\x89PNG\r\n\x1a\n" + bytes(64), b"words without any number\n")


@pytest.mark.parametrize("one", formats(), ids=lambda one: one.name)
def test_format(one: Format, tmp_path):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", one.name)
    assert [other.name for other in formats()].count(one.name) == 1
    assert one.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in one.suffixes)
    assert one.quantities
    assert set(one.quantities) <= set(QUANTITIES)
    assert one.reference.startswith("http") or (DOCS / one.reference).is_file()
    for head in OTHER_CONTENT:
        reason = one.sniff(head[:HEAD_BYTES], "a" + one.suffixes[0])
        assert isinstance(reason, str)
        assert reason
    read = importlib.import_module(one.module).read
    assert inspect.getdoc(read)
    first, *others = inspect.signature(read).parameters.values()
    assert first.name == "path"
    assert all(option.kind is option.KEYWORD_ONLY for option in others)
    for head in OTHER_CONTENT:
        path = tmp_path / ("a" + one.suffixes[0])
        path.write_bytes(head)
        with pytest.raises(FormatError, match="a" + re.escape(one.suffixes[0])):
            read(path)


# contributions, library models and observables

TEMPERATURES = np.array([82.0, 89.0, 96.0, 150.0, 181.0, 240.0, 262.0, 310.0])
PRESSURE = 2.0e7
COMPRESSING = 5.0e8
"""Pa, for the terms of the free energy: enough to see K0'' in finite differences."""
SAMPLE = "powder"
PARTS = ("crystal", "molecule", "site", "first_site", "second_site")
LS_HS = library.LS_HS
STEP = contributions.EnthalpyTransition("HS")
SHIFT = contributions.TransitionShift(STEP, ("HS",), f"{SAMPLE}.t_half_width", 0.8)
MODULI = {
    "bulk_modulus": 8e9, "bulk_modulus_derivative": 7.0, "bulk_modulus_second_derivative": -0.6e-9,
    "thermal_expansion": 2e-4,
}  # fmt: skip


def volumes_of(form: str, difference: bool = False, expansion: bool = False) -> dict[str, float]:
    """Values of a compressible LS-HS crystal whose HS state is larger and softer."""
    names = [*FORMS[form].parameters[1:], *(["thermal_expansion"] if expansion else [])]
    values = {"LS.volume": 3e-4, "HS.volume": 1e-5 if difference else 3.1e-4}
    return values | {f"{state}.{name}": f * MODULI[name] for state, f in (("LS", 1.2), ("HS", 1.0)) for name in names}


ALONE = {
    "entropy_transition": (LS_HS, contributions.EntropyTransition("HS"), {"HS.entropy": 60.0, "HS.t_half": 180.0}),
    "transition_shift": (LS_HS, SHIFT, {"HS.enthalpy": 9e3, "HS.t_half": 180.0, f"{SAMPLE}.t_half_width": 4.0}),
    "linear_volume": (LS_HS, LinearVolume("HS"), {"HS.volume": 1e-5, "HS.volume_slope": -2e-14}),
    "linear_volume_of_two": (L_H_V, LinearVolume("H", ("H", "V")), {"H.volume": 1e-5, "H.volume_slope": 3e-15}),
    "volume_differences": (LS_HS, CompressibleVolume("murnaghan", differences=True), volumes_of("murnaghan", True)),
    "expanding_volumes": (
        LS_HS,
        CompressibleVolume("vinet", relative=False, expansion_from=200.0),
        volumes_of("vinet", expansion=True),
    ),
    "expanding_differences": (
        LS_HS,
        CompressibleVolume("tait", differences=True, expansion_from=120.0),
        volumes_of("tait", True, True),
    ),
    "interaction_slopes": (
        L_H_V,
        InteractionSlopes("L-H", (("L", "H"), ("L", "V")), 150.0),
        {"L-H.interaction_pressure_slope": 3e-6, "L-H.interaction_temperature_slope": -4.0},
    ),
    "einstein": (
        LS_HS,
        Vibrations("einstein"),
        {"LS.einstein_temperature": 575.0, "HS.einstein_temperature": 430.0, "crystal.einstein_modes": 15.0},
    ),
    "debye": (
        LS_HS,
        Vibrations("debye", counted_from=0.0, relative=False),
        {"LS.debye_temperature": 170.0, "HS.debye_temperature": 150.0, "crystal.debye_modes": 6.0},
    ),
    "einstein_from_t_half": (
        LS_HS,
        Vibrations("einstein", counted_from=180.0),
        {"LS.einstein_temperature": 575.0, "HS.einstein_temperature": 430.0, "crystal.einstein_modes": 15.0},
    ),
    "wavenumbers": (
        LS_HS,
        Vibrations.of_wavenumbers({"LS": [80e2, 400e2, 520e2], "HS": [60e2, 250e2, 330e2]}, counted_from=120.0),
        {"LS.frequency_scale": 0.96, "HS.frequency_scale": 0.97},
    ),
} | {f"volumes_{form}": (LS_HS, CompressibleVolume(form), volumes_of(form)) for form in FORMS}
"""Contributions that no builder of the library uses by itself."""
TERMS = ALONE | {
    f"{name}-{number}": (model.states, term, values)
    for name, (model, values) in CASES.items()
    for number, term in enumerate(model.contributions)
}
OBSERVABLES = {
    f"{technique.name}-{quantity}": (quantity, load(reference))
    for technique in techniques().values()
    for quantity, reference in technique.observables.items()
}
BRANCHES_TO_OBSERVE = ("slichter_drickamer", "sorai_seki", "electron_transfer")


def assert_follows_the_grammar(parameter: Parameter, states: tuple[State, ...]) -> None:
    """<state>.<quantity>, <a>-<b>.<quantity> in declared order, or <part of the crystal, or sample>.<quantity>."""
    names = [state.name for state in states]
    prefix, _, quantity = parameter.name.rpartition(".")
    pairs = [f"{a}-{b}" for a, b in combinations(names, 2)]
    of_a_part = {f"{SAMPLE}_{name}" for name in names}
    assert prefix in {*names, *pairs, *of_a_part, *PARTS, SAMPLE}, parameter.name
    assert quantity in QUANTITIES, f"{parameter.name}: {quantity} is no key of QUANTITIES"
    assert math.isnan(parameter.value) or parameter.lower <= parameter.value <= parameter.upper


def difference(function, step):
    """Central difference of a function that returns arrays, fourth order."""
    one, two = ([a - b for a, b in zip(function(f * step), function(-f * step), strict=True)] for f in (1, 2))
    return [(8 * a - b) / (12 * step) for a, b in zip(one, two, strict=True)]


def assert_close(found, exact, what, noise=0.0):
    # fourth-order differences of smooth terms: round-off of 1e-16/1e-5 dominates
    found, exact = np.broadcast_arrays(found, exact)
    scale = np.max(np.abs(exact), initial=0.0)
    np.testing.assert_allclose(found, exact, rtol=0, atol=2e-6 * scale + 1e-12 + noise, err_msg=what)


def round_off(values, step):
    """What the rounding of values (a few dozen operations each) leaves of their difference quotient."""
    return 2e-14 * np.max(np.abs(values)) / step


def assembled(term: Contribution, state_names, names, values, temperature=TEMPERATURES, pressure=COMPRESSING, times=1):
    result = Coefficients.zeros(TEMPERATURES.size, state_names, names)
    conditions = Conditions(temperature, pressure)
    for _ in range(times):
        term.add_to(result, conditions, values)
        term.add_derivatives(result, conditions, values)
    return result


def test_every_contribution_is_under_contract():
    modules = [importlib.import_module(f"labile.models.{one.name}") for one in pkgutil.iter_modules(models.__path__)]
    defined = {
        one
        for module in modules
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__ and hasattr(one, "add_to") and one is not Contribution
    }
    assert defined == {type(term) for _, term, _ in TERMS.values()}


@pytest.mark.parametrize("name", TERMS)
def test_contribution(name):
    states, term, values = TERMS[name]
    assert isinstance(term, Contribution)
    assert dataclasses.is_dataclass(term)
    assert type(term).__dataclass_params__.frozen
    for parameter in term.parameters(states):
        assert_follows_the_grammar(parameter, states)
        assert parameter.name in values
    state_names, names = tuple(state.name for state in states), tuple(values)
    arrays = [field.name for field in dataclasses.fields(Coefficients) if not field.name.endswith("_names")]
    once = assembled(term, state_names, names, values)
    twice = assembled(term, state_names, names, values, times=2)
    for array in arrays:
        np.testing.assert_allclose(getattr(twice, array), 2 * getattr(once, array), rtol=1e-12, err_msg="it must add")
    for w in (once.w, once.w_t, once.w_tt, once.w_p, once.w_theta, once.w_t_theta):
        np.testing.assert_array_equal(w, np.swapaxes(w, -1, -2))
        assert not np.any(np.diagonal(w, axis1=-2, axis2=-1))

    def along_t(step):
        c = assembled(term, state_names, names, values, temperature=TEMPERATURES + step)
        return c.g, c.g_t, c.w, c.w_t, c.g_theta, c.w_theta

    exact = (once.g_t, once.g_tt, once.w_t, once.w_tt, once.g_t_theta, once.w_t_theta)
    for found, wanted in zip(difference(along_t, 1e-2), exact, strict=True):
        assert_close(found, wanted, "temperature")

    def along_p(step):
        c = assembled(term, state_names, names, values, pressure=COMPRESSING + step)
        return c.g, c.w

    for found, wanted in zip(difference(along_p, 1e4), (once.g_p, once.w_p), strict=True):
        assert_close(found, wanted, "pressure")
    for k, parameter in enumerate(names):

        def along(step, parameter=parameter):
            c = assembled(term, state_names, names, {**values, parameter: values[parameter] + step})
            return c.g, c.w

        found = difference(along, 1e-3 * (abs(values[parameter]) or 1e-2))
        assert_close(found[0], once.g_theta[:, k], parameter)
        assert_close(found[1], once.w_theta[:, k], parameter)


def test_every_builder_is_under_contract():
    assert {model.name.partition("/")[0] for model, _ in CASES.values()} == set(library.BUILDERS)


@pytest.mark.parametrize("name", CASES)
def test_library_model(name):
    model, values = CASES[name]
    assert set(values) == set(model.parameters.names)
    for parameter in model.parameters:
        assert_follows_the_grammar(parameter, model.states)
    assert model.assumptions
    assert model.citations
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", doi) for doi in model.citations)
    assert set(model.shifted) <= set(model.state_names)
    assert DOMAIN_SIZE not in model.parameters or model.manifolds
    assert model.with_values(values).as_dict() == pytest.approx(values)
    builder = library.BUILDERS[model.name.partition("/")[0]]
    assert inspect.getdoc(builder)
    assert next(iter(inspect.signature(builder).parameters)) == "states"


@dataclasses.dataclass(frozen=True)
class Amount:
    """How much of one pure spectrum there is, seen as an observable of its own."""

    of: SpectralObservable
    number: int

    @property
    def quantity(self) -> str:
        return self.of.quantity

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        assert len(set(self.of.spectra(states))) > self.number
        return self.of.parameters(states)

    def predict(self, populations, conditions, values):
        return self.of.amounts(populations, conditions, values)[self.number]


def observable_of(made, states: tuple[State, ...]) -> Observable:
    """Instance with what its class asks for: the states that count as high spin are all but the first."""
    upper = tuple(state.name for state in states[1:])
    options = {"states": upper, "sample": SAMPLE, "magnetic_field": 1.5, "band": SAMPLE, "numerator": upper}
    options |= {"denominator": (states[0].name,), "drift": 1}
    known = inspect.signature(made).parameters
    if "hamiltonian" in known and known["hamiltonian"].default is inspect.Parameter.empty:
        options["hamiltonian"] = {state.name: {"spin": state.spin} for state in states if state.spin}
    found = made(**{key: value for key, value in options.items() if key in known})
    return Amount(found, len(found.spectra(states)) - 1) if isinstance(found, SpectralObservable) else found


def own_values(observable: Observable, states: tuple[State, ...]) -> dict[str, float]:
    """Values of about one field unit, inside the bounds and all different."""
    values = {}
    for i, parameter in enumerate(observable.parameters(states)):
        value = (0.5 + 0.2 * i) * scale_to_si(QUANTITIES[parameter.quantity].field, parameter.quantity)
        if math.isfinite(parameter.upper):
            value = parameter.lower + 0.1 * (parameter.upper - parameter.lower)
        values[parameter.name] = value
    return values


@pytest.mark.parametrize("states", [LS_HS, L_H_V], ids=["two", "three"])
@pytest.mark.parametrize("name", OBSERVABLES)
def test_observable_and_its_parameters(name, states):
    quantity, made = OBSERVABLES[name]
    observable = observable_of(made, states)
    assert isinstance(observable, Observable)
    assert dataclasses.is_dataclass(observable)
    assert type(observable).__dataclass_params__.frozen
    assert inspect.getdoc(made)
    assert observable.quantity == quantity
    assert quantity in QUANTITIES
    parameters = observable.parameters(states)
    assert len({p.name for p in parameters}) == len(parameters)
    for parameter in parameters:
        assert_follows_the_grammar(parameter, states)


@pytest.fixture(params=BRANCHES_TO_OBSERVE)
def crystal(request) -> tuple[Model, dict[str, float]]:
    return CASES[request.param]


@pytest.mark.parametrize("name", OBSERVABLES)
def test_partial_derivatives_of_observable(name, crystal):
    model, values = crystal
    observable = observable_of(OBSERVABLES[name][1], model.states)
    own = own_values(observable, model.states)
    values = {**values, **own}
    conditions = Conditions(TEMPERATURES, PRESSURE)
    populations = equilibrium(model, conditions, values).require_converged()
    prediction = observable.predict(populations, conditions, values)
    points, n = populations.x.shape
    assert prediction.values.shape == prediction.d_temperature.shape == (points,)
    assert prediction.d_x.shape == (points, n)
    assert set(prediction.d_own) <= set(values)
    assert np.all(np.isfinite(prediction.values))

    # populations can only move with their sum at 1; a mixture keeps them positive
    x = 0.9 * populations.x + 0.1 / n
    mixed = dataclasses.replace(populations, x=x)
    at_mixed = observable.predict(mixed, conditions, values)
    slopes = np.zeros((points, n)) if prediction.d_x_t is None else at_mixed.d_x_t
    for i in range(n):
        direction = np.eye(n)[i] - 1.0 / n

        def along_x(step, direction=direction):
            moved = dataclasses.replace(mixed, x=x + step * direction)
            return (observable.predict(moved, conditions, values).values,)

        def along_x_t(step, i=i):
            moved = dataclasses.replace(mixed, x_t=mixed.x_t + step * np.eye(n)[i])
            return (observable.predict(moved, conditions, values).values,)

        assert_close(difference(along_x, 1e-3)[0], at_mixed.d_x @ direction, "d_x")
        assert_close(difference(along_x_t, 1e-3)[0], slopes[:, i], "d_x_t")

    def along_t(step):
        return (observable.predict(populations, Conditions(TEMPERATURES + step, PRESSURE), values).values,)

    assert_close(difference(along_t, 1e-2)[0], prediction.d_temperature, "d_temperature")
    for parameter in own:

        def along(step, parameter=parameter):
            changed = {**values, parameter: values[parameter] + step}
            return (observable.predict(populations, conditions, changed).values,)

        wanted = prediction.d_own.get(parameter, np.zeros(points))
        step = 1e-3 * abs(values[parameter])
        assert_close(difference(along, step)[0], wanted, parameter, round_off(prediction.values, step))


@pytest.mark.parametrize("name", OBSERVABLES)
def test_total_derivatives_of_observable(name, crystal):
    """Everything together, as a fit sees it: d value/d parameter and d value/dT along the branch."""
    model, values = crystal
    observable = observable_of(OBSERVABLES[name][1], model.states)
    values = {**values, **own_values(observable, model.states)}
    names = tuple(values)

    def predicted(changed, temperature=TEMPERATURES):
        conditions = Conditions(temperature, PRESSURE)
        populations = equilibrium(model, conditions, changed).require_converged()
        return observable.predict(populations, conditions, changed), populations

    prediction, populations = predicted(values)
    jacobian, slope = chain(prediction, populations, names)
    found = difference(lambda step: (predicted(values, TEMPERATURES + step)[0].values,), 1e-3)[0]
    # the solver stops at 1e-10 in the chemical potentials: the differences carry that divided by the step
    noise = round_off(prediction.values, 1e-3)
    np.testing.assert_allclose(found, slope, rtol=0, atol=1e-5 * np.max(np.abs(slope)) + noise)
    for k, parameter in enumerate(names):
        h = 1e-5 * max(abs(values[parameter]), 1e-2 if parameter in model.parameters else 0.0)
        found = difference(
            lambda step, name=parameter: (predicted({**values, name: values[name] + step})[0].values,), h
        )[0]
        noise = 1e-14 + round_off(prediction.values, h)
        np.testing.assert_allclose(
            found, jacobian[:, k], rtol=0, atol=1e-5 * np.max(np.abs(jacobian[:, k])) + noise, err_msg=parameter
        )
