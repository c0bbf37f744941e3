import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.parameters import Parameter, ParameterError, Parameters, Prior, Tie

NUMBERS = st.floats(-1e3, 1e3)


@st.composite
def parameter_sets(draw):
    """Free, fixed and tied parameters in any order; ties lead to any other parameter without a circle."""
    count = draw(st.integers(1, 7))
    items = []
    for i in range(count):
        kind = draw(st.sampled_from(["free", "fixed", "tied"])) if i else draw(st.sampled_from(["free", "fixed"]))
        tie = None
        if kind == "tied":
            tie = Tie(f"s{draw(st.integers(0, i - 1))}.factor", draw(NUMBERS), draw(NUMBERS))
        items.append(Parameter(f"s{i}.factor", draw(NUMBERS), fixed=kind == "fixed", tie=tie))
    return Parameters(tuple(draw(st.permutations(items))))


@given(parameter_sets(), st.randoms(use_true_random=False))
def test_every_value_follows_its_definition(parameters, random):
    vector = np.array([random.uniform(-10, 10) for _ in parameters.free])
    values = parameters.as_dict(vector)
    free = dict(zip(parameters.free_names, vector.tolist(), strict=True))
    for parameter in parameters:
        if parameter.free:
            assert values[parameter.name] == free[parameter.name]
        elif parameter.fixed:
            assert values[parameter.name] == parameter.value
        else:
            tie = parameter.tie
            terms = [tie.factor * values[tie.to], tie.offset]
            # chains multiply their factors first, so the sums differ by round-off of their largest term
            assert values[parameter.name] == pytest.approx(sum(terms), rel=1e-9, abs=1e-9 * max(map(abs, terms)) + 1e-9)


@given(parameter_sets())
def test_matrix_is_the_derivative_of_expand(parameters):
    base = parameters.expand(np.zeros(len(parameters.free)))
    assert parameters.matrix.shape == (len(parameters), len(parameters.free))
    for column in range(len(parameters.free)):
        unit = np.eye(len(parameters.free))[column]
        # the map is linear, so a step of one is exact up to round-off against the offsets
        step = parameters.expand(unit) - base
        scale = np.abs(base).max() + np.abs(parameters.matrix[:, column]).max()
        assert step == pytest.approx(parameters.matrix[:, column], rel=1e-9, abs=1e-12 * scale)


@given(parameter_sets())
def test_with_vector_and_back(parameters):
    vector = np.linspace(-1.0, 2.0, len(parameters.free))
    moved = parameters.with_vector(vector)
    assert moved.vector.tolist() == vector.tolist()
    assert moved.values.tolist() == parameters.expand(vector).tolist()
    assert moved.names == parameters.names
    assert [p.value for p in moved] == pytest.approx(moved.values.tolist())
    assert pickle.loads(pickle.dumps(moved)) == moved


def test_ties_to_free_tied_and_fixed():
    parameters = Parameters(
        (
            Parameter("c.volume", tie=Tie("b.volume", factor=-1.0, offset=0.5)),
            Parameter("b.volume", tie=Tie("a.volume", factor=2.0, offset=1.0)),
            Parameter("a.volume", 3.0),
            Parameter("f.volume", 10.0, fixed=True),
            Parameter("g.volume", tie=Tie("f.volume", factor=0.1)),
        )
    )
    assert parameters.values.tolist() == [-6.5, 7.0, 3.0, 10.0, 1.0]
    assert parameters.free_names == ("a.volume",)
    assert parameters.matrix[:, 0].tolist() == [-2.0, 2.0, 1.0, 0.0, 0.0]
    assert parameters.index("f.volume") == 3


@pytest.mark.parametrize(
    ("ties", "says"),
    [
        ({"a": "a"}, "circle"),
        ({"a": "b", "b": "a"}, "circle"),
        ({"a": "b", "b": "c", "c": "a"}, "circle"),
        ({"a": "b", "b": "c", "c": "b"}, "circle"),
        ({"a": "nowhere"}, "'nowhere.factor', which does not exist"),
    ],
)
def test_ties_that_lead_nowhere(ties, says):
    with pytest.raises(ParameterError, match=says):
        Parameters(tuple(Parameter(f"{name}.factor", tie=Tie(f"{to}.factor")) for name, to in ties.items()))


@pytest.mark.parametrize(
    "name", ["HS.enthalpy", "LS-HS.interaction", "V*.entropy", "powder A.residual_fraction", "a.b.c"]
)
def test_names(name):
    parameter = Parameter(name, 1.0)
    assert parameter.quantity == name.rpartition(".")[2]


@pytest.mark.parametrize("name", ["", "enthalpy", ".enthalpy", "HS.", ".", " .x", " HS.x", "HS.x ", "HS.\n", "H\tS.x"])
def test_names_out_of_the_grammar(name):
    with pytest.raises(ParameterError, match="the name must be"):
        Parameter(name, 1.0)


def test_unit_of_the_field_is_filled_in():
    assert Parameter("HS.enthalpy").unit == "kJ/mol"
    assert Parameter("HS.enthalpy", unit="cm-1").unit == "cm-1"
    assert Parameter("HS.something").unit == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"value": 2.0, "upper": 1.0}, "outside its bounds"),
        ({"value": -2.0, "lower": 0.0}, "outside its bounds"),
        ({"value": math.inf}, "must be finite"),
        ({"value": 1.0, "lower": 1.0, "upper": 1.0}, "not below"),
        ({"value": 1.0, "lower": 2.0, "upper": 1.0}, "not below"),
        ({"value": 1.0, "lower": math.nan}, "not below"),
        ({"value": 1.0, "fixed": True, "tie": Tie("b.x")}, "both fixed and tied"),
    ],
)
def test_impossible_parameters(arguments, says):
    with pytest.raises(ParameterError, match=says):
        Parameter("a.x", **arguments)


@pytest.mark.parametrize(
    ("mean", "sigma"), [(math.nan, 1.0), (math.inf, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, math.inf)]
)
def test_impossible_priors(mean, sigma):
    with pytest.raises(ParameterError, match="prior"):
        Prior(mean, sigma)


@pytest.mark.parametrize(("factor", "offset"), [(math.nan, 0.0), (math.inf, 0.0), (1.0, math.nan)])
def test_impossible_ties(factor, offset):
    with pytest.raises(ParameterError, match="finite"):
        Tie("a.x", factor, offset)


def test_negative_zero_and_open_bounds_are_allowed():
    assert Parameter("a.x", -0.0, lower=0.0).value == 0.0
    parameter = Parameter("a.x", 1.0, prior=Prior(4.0, 2.0))
    assert (parameter.lower, parameter.upper) == (-math.inf, math.inf)


def test_bounds_follow_the_free_vector():
    parameters = Parameters(
        (
            Parameter("a.x", 1.0, lower=0.0),
            Parameter("b.x", 9.0, lower=0.0, upper=1.0, fixed=True),
            Parameter("c.x", 2.0, upper=5.0),
        )
    )
    assert parameters.lower.tolist() == [0.0, -math.inf]
    assert parameters.upper.tolist() == [math.inf, 5.0]
    with pytest.raises(ParameterError, match=r"a\.x.*outside its bounds"):
        parameters.with_vector([-1.0, 0.0])


def test_no_parameters_and_wrong_lengths():
    empty = Parameters()
    assert empty.values.size == empty.vector.size == len(empty) == 0
    assert empty.expand([]).tolist() == []
    parameters = Parameters((Parameter("a.x", 1.0),))
    for wrong in ([], [1.0, 2.0], 1.0, [[1.0]]):
        with pytest.raises(ParameterError, match=r"expected \(1,\)"):
            parameters.expand(wrong)


def test_matrix_and_base_cannot_be_changed_from_outside():
    parameters = Parameters((Parameter("a.x", 1.0),))
    with pytest.raises(ValueError, match="read-only"):
        parameters.matrix[0, 0] = 5.0
    assert not pickle.loads(pickle.dumps(parameters)).matrix.flags.writeable
    parameters.values[0] = 5.0
    assert parameters.values.tolist() == [1.0]


def test_repeated_and_unknown_names():
    with pytest.raises(ParameterError, match=r"named twice: a\.x"):
        Parameters((Parameter("a.x", 1.0), Parameter("a.x", 2.0)))
    parameters = Parameters((Parameter("HS.enthalpy", 1.0), Parameter("HS.entropy", 1.0)))
    with pytest.raises(ParameterError, match=r"there are: HS\.enthalpy, HS\.entropy"):
        parameters["HS.volume"]
    with pytest.raises(ParameterError, match=r"did you mean 'HS\.enthalpy'\?"):
        parameters.updated([Parameter("HS.entalpy", 1.0)])
    with pytest.raises(ParameterError, match="there are: HS"):
        parameters.updated([Parameter("Q.zzz", 1.0)])
    assert "HS.entropy" in parameters
    assert "HS.volume" not in parameters
    changed = parameters.updated([Parameter("HS.entropy", 7.0, fixed=True)])
    assert changed.values.tolist() == [1.0, 7.0]
    assert parameters.values.tolist() == [1.0, 1.0]


def test_missing_values_are_all_named_with_their_units():
    parameters = Parameters(
        (
            Parameter("HS.enthalpy"),
            Parameter("HS.volume", fixed=True),
            Parameter("powder.residual_fraction"),
            Parameter("HS.entropy", 50.0),
            Parameter("V.entropy", tie=Tie("HS.entropy")),
        )
    )
    with pytest.raises(ParameterError) as caught:
        parameters.require_values()
    missing = "HS.enthalpy (kJ/mol), HS.volume (cm^3/mol), powder.residual_fraction"
    assert str(caught.value) == f"no value given for: {missing}"
