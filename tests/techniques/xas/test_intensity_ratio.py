import numpy as np
import pytest

from labile.techniques.xas.absorption import EV, XasError
from labile.techniques.xas.intensity_ratio import LIGAND_FIELDS, compare_ratio
from labile.techniques.xas.pre_edge import Peak, PreEdgeModel
from labile.techniques.xas.pre_edge_fit import fit_pre_edge
from pre_edge_spectra import WINDOW, simulated

MODEL = PreEdgeModel((Peak("t2g", 7112.6 * EV), Peak("eg", 7114.2 * EV)), edge="arctan")


def ferric(seed, ratio=1.5, noise=3e-4):
    peaks = ((7112.8, 1.4, 0.02 * ratio), (7114.1, 1.4, 0.02))
    return fit_pre_edge(simulated(seed, noise, peaks=peaks), WINDOW, MODEL)


def test_high_spin_iron_three_is_three_to_two():
    """SCIENCE X6: three holes in t2g, two in eg."""
    field = LIGAND_FIELDS["Fe3+ HS"]
    assert field.ratio == (3.0, 2.0)
    assert field.states[0].startswith("5T2g")
    exact = compare_ratio(ferric(0, noise=0.0), "t2g", "eg")
    assert exact.expected == 1.5
    assert exact.ratio.value == pytest.approx(1.5, abs=1e-3)


def test_z_is_normal():
    z = np.array([compare_ratio(ferric(seed), "t2g", "eg").z for seed in range(60)])
    assert abs(z.mean()) < 0.5
    assert 0.7 < z.std() < 1.35


def test_another_ratio_is_noticed():
    found = compare_ratio(ferric(1, ratio=3.0, noise=1e-4), "t2g", "eg", "Fe3+ HS")
    assert found.z > 3
    assert found.probability < 0.01
    assert "expected 1.5 (Fe3+ HS)" in repr(found)
    assert compare_ratio(ferric(1, ratio=3.0, noise=1e-4), ["t2g"], ("eg",), 3.0).probability > 0.001


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (("t2g", "t2g"), "both sides"),
        (("t2g", "P9"), "no peak 'P9'"),
        (("t2g", "eg", 0.0), "above 0"),
        (("t2g", "eg", "Fe2+ LS"), "no ratio of two intensities"),
    ],
)
def test_bad_requests(request_, match):
    with pytest.raises(XasError, match=match):
        compare_ratio(ferric(0), *request_)
