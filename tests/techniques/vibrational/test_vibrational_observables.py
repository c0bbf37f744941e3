"""Observables of bands: exact derivatives, and a joint fit's protocol."""

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.models.equilibrium import equilibrium
from labile.models.observable import Observable, chain
from labile.techniques.vibrational import BandArea, BandRatio, VibrationalError, absorbance_map, intensity_map
from vibrational_maps import MODEL, TRUTH

KELVIN = np.linspace(60.0, 300.0, 25)
OWN = {
    "b_H.band_area": 1000.0, "b_V.band_area": 400.0, "b.strength_slope": -0.03, "r.strength_ratio": 1.5,
}  # fmt: skip


def predict(observable, values, kelvin=KELVIN):
    at = Conditions(kelvin)
    populations = equilibrium(MODEL, at, values)
    return observable.predict(populations, at, values), populations


@pytest.mark.parametrize("observable", [BandArea("b", ("H", "V"), 200.0), BandRatio("r", ("V",), ("L", "H"))])
def test_derivatives(observable):
    own = {p.name for p in observable.parameters(MODEL.states)}
    values = {**TRUTH, **{k: v for k, v in OWN.items() if k in own}}
    assert isinstance(observable, Observable)
    names = tuple(values)
    prediction, populations = predict(observable, values)
    jacobian, slope = chain(prediction, populations, names)
    for i, name in enumerate(names):
        step = 1e-5 * max(abs(values[name]), 1e-6 if "volume" in name else 1e-2)
        ends = [predict(observable, {**values, name: values[name] + s * step})[0].values for s in (1, -1)]
        scale = np.abs(jacobian[:, i]).max()
        assert jacobian[:, i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-5 * scale + 1e-12)
    ends = [predict(observable, values, KELVIN + s * 1e-3)[0].values for s in (1, -1)]
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-4, abs=1e-6 * np.abs(slope).max())


def test_refusals():
    with pytest.raises(VibrationalError, match="not in both"):
        BandRatio("r", ("V",), ("V", "H"))
    with pytest.raises(VibrationalError, match="not in this model"):
        BandArea("b", ("X",)).parameters(MODEL.states)
    with pytest.raises(VibrationalError, match="each state once"):
        BandArea("b", ("H", "H")).parameters(MODEL.states)
    with pytest.raises(ValueError, match="drift"):
        absorbance_map(drift=4)
    assert intensity_map(alike=("H", "V")).spectra(MODEL.states) == ("L", "H+V")
