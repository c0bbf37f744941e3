import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.models.populations import Populations
from labile.techniques.xas.absorption import EV
from labile.techniques.xas.pre_edge_observables import PreEdgeArea, PreEdgeCentroid

STATES = (State("LS", 0), State("HS", 2))
VALUES = {
    "LS.pre_edge_area": 5.1, "HS.pre_edge_area": 8.8, "LS.pre_edge_centroid": 7112.5 * EV,
    "HS.pre_edge_centroid": 7111.9 * EV,
}  # fmt: skip
"""Areas of SCIENCE section 4 (8 K and 250 K); positions chosen."""
AT = Conditions([10.0, 100.0, 250.0])


def populations(hs):
    x = np.column_stack([1 - np.asarray(hs), hs])
    flat, none = np.zeros_like(x), np.zeros((len(x), 0, 2))
    return Populations(("LS", "HS"), x, flat, flat, flat, (), none, none, np.zeros(len(x), dtype=int))


@pytest.mark.parametrize("observable", [PreEdgeArea(), PreEdgeCentroid()])
def test_pure_states_and_derivatives(observable):
    pure = observable.predict(populations([0.0, 1.0, 0.5]), AT, VALUES)
    quantity = observable.quantity
    assert pure.values[:2].tolist() == pytest.approx([VALUES[f"{s}.{quantity}"] for s in ("LS", "HS")])
    assert {p.name for p in observable.parameters(STATES)} == set(pure.d_own)
    x = np.array([0.1, 0.4, 0.9])
    here = observable.predict(populations(x), AT, VALUES)
    for name, slope in here.d_own.items():
        step = 1e-5 * VALUES[name]
        high, low = (observable.predict(populations(x), AT, VALUES | {name: VALUES[name] + s * step}) for s in (1, -1))
        assert (high.values - low.values) / (2 * step) == pytest.approx(slope, rel=1e-5)
    high, low = (observable.predict(populations(x + s), AT, VALUES) for s in (1e-6, -1e-6))
    along = here.d_x @ [-1.0, 1.0]
    assert (high.values - low.values) / 2e-6 == pytest.approx(along, rel=1e-6)
    assert np.all(here.d_temperature == 0)


def test_the_centroid_is_weighted_with_intensity():
    found = PreEdgeCentroid().predict(populations([0.5, 0.5, 0.5]), AT, VALUES).values[0] / EV
    assert found == pytest.approx((5.1 * 7112.5 + 8.8 * 7111.9) / 13.9, abs=1e-9)
    assert abs(found - 7112.2) > 0.05


def test_no_area_has_no_centroid():
    nothing = VALUES | {"LS.pre_edge_area": 0.0}
    with pytest.raises(ArithmeticError, match="no centroid"):
        PreEdgeCentroid().predict(populations([0.0, 0.5, 1.0]), AT, nothing)
