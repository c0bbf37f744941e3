"""Series made of files that hold one condition each."""

from dataclasses import replace

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.joining import joined
from labile.core.measurement import Axis, CorrelatedTerm, Measurement, MeasurementError

GRID = Axis("wavenumber", np.linspace(1.2e5, 1.6e5, 5))


def spectrum(t, label="s", sigma=None):
    values = np.full((1, 5), t / 100)
    return Measurement("absorbance", values, Conditions([t]), sigma, axis=GRID, label=label,
                       attributes={"mode": "ATR", "scan": label})  # fmt: skip


def test_spectra_on_one_grid_become_a_map():
    series = joined([spectrum(300.0, "a"), spectrum(100.0, "b"), spectrum(200.0, "c")], "map")
    assert series.values.shape == (3, 5)
    assert series.temperature.tolist() == [300.0, 100.0, 200.0]
    assert series.label == "map"
    assert dict(series.attributes) == {"mode": "ATR"}


def test_sigma_survives_only_where_every_part_has_it():
    with_sigma = [spectrum(t, sigma=0.01) for t in (100.0, 200.0)]
    assert joined(with_sigma).sigma.shape == (2, 5)
    assert joined([with_sigma[0], spectrum(200.0)]).sigma is None


def test_limits_are_kept():
    parts = [
        Measurement("chi_t", [1e-6], Conditions([5.0]), limits=[-1]),
        Measurement("chi_t", [1e-6], Conditions([9.0])),
    ]
    assert joined(parts).limits.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"axis": Axis("wavenumber", GRID.values * 1.001)}, "different grids"),
        ({"axis": Axis("raman_shift", GRID.values)}, "wavenumber and raman_shift"),
        ({"quantity": "transmittance"}, "quantity is 'transmittance'"),
        ({"branch": "heating"}, "branch is 'heating'"),
        ({"axis": None, "values": np.array([0.1])}, "one has an axis"),
        ({"correlated": (CorrelatedTerm("mass", [0.1]),)}, "correlated"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(MeasurementError, match=says):
        joined([spectrum(100.0), replace(spectrum(200.0), **change)])


def test_nothing_cannot_be_joined():
    with pytest.raises(MeasurementError, match="no measurements"):
        joined([])
