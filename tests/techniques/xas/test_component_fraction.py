"""The observable of linear combinations, with its derivatives against differences."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.models.populations import Populations
from labile.techniques.xas import ComponentFraction, XasError

STATES = (State("L", 0), State("H", 2), State("V", 2))


def populations(x):
    x = np.atleast_2d(np.asarray(x, dtype=float))
    zero = np.zeros(x.shape)
    none = np.zeros((x.shape[0], 0, 3))
    return Populations(("L", "H", "V"), x, zero, zero, zero, (), none, none, np.zeros(x.shape[0], dtype=int))


CONDITIONS = Conditions([100.0, 200.0])
X = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])


def test_the_standard_of_two_states():
    found = ComponentFraction(("H", "V")).predict(populations(X), CONDITIONS, {})
    assert found.values == pytest.approx([0.5, 0.9])
    assert found.d_x.tolist() == [[0.0, 1.0, 1.0]] * 2
    assert found.d_temperature.tolist() == [0.0, 0.0]
    assert found.d_own == {}


def test_offset_and_scale_with_their_derivatives():
    observable = ComponentFraction("V", offset=True, scale=True, sample="foil")
    names = [p.name for p in observable.parameters(STATES)]
    assert names == ["foil.fraction_offset", "foil.fraction_scale"]
    assert [p.value for p in observable.parameters(STATES)] == [0.0, 1.0]
    values = {"foil.fraction_offset": 0.05, "foil.fraction_scale": 0.9}
    found = observable.predict(populations(X), CONDITIONS, values)
    assert found.values == pytest.approx([0.05 + 0.9 * 0.2, 0.05 + 0.9 * 0.7])
    for name in names:
        up = observable.predict(populations(X), CONDITIONS, values | {name: values[name] + 1e-6}).values
        assert (up - found.values) / 1e-6 == pytest.approx(found.d_own[name], rel=1e-6)


def test_states_must_exist_and_be_named_once():
    with pytest.raises(XasError, match="state 'X' is not in this model; there are L, H, V"):
        ComponentFraction("X").parameters(STATES)
    with pytest.raises(XasError, match="name each state of the standard once"):
        ComponentFraction(("H", "H"))
    with pytest.raises(XasError, match="once"):
        ComponentFraction(())
