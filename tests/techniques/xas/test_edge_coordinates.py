import numpy as np
import pytest

from labile.fitting.least_squares import fit
from labile.techniques.xas.absorption import EV
from labile.techniques.xas.edge_coordinates import EdgeCoordinates
from labile.techniques.xas.pre_edge import EDGES, Peak, PreEdgeModel
from labile.techniques.xas.pre_edge_fit import pre_edge_problem, start_edge
from labile.techniques.xas.pre_edge_window import within
from pre_edge_spectra import WINDOW, simulated


def case(edge, slope=True):
    model = PreEdgeModel((Peak("a", 7112.6 * EV), Peak("b", 7114.2 * EV)), edge=edge, slope=slope)
    part = within(simulated(1, 3e-4, peaks=((7112.8, 1.4, 0.03), (7114.1, 1.4, 0.02))), WINDOW)
    parameters = start_edge(part, model, model.parameters(part.limits, part.edge_energy), set())
    return EdgeCoordinates(part.energy, part.middle, model, parameters), parameters, part, model


@pytest.mark.parametrize("slope", [True, False])
@pytest.mark.parametrize("edge", [*EDGES, ("arctan", "erf")])
def test_there_and_back_with_exact_derivatives(edge, slope):
    coordinates, parameters, _, _ = case(edge, slope)
    vector = parameters.vector
    vector[parameters.free_names.index("edge.height")] = 0.7
    point = coordinates.straightened(vector)
    back, derivative = coordinates.free(point)
    assert back == pytest.approx(vector, rel=1e-9)
    for i, name in enumerate(parameters.free_names):
        step = 1e-5 * (
            EV if name.endswith(("energy", "fwhm")) else 1 / EV if name.endswith("slope") else point[i] or 1.0
        )
        moved = np.zeros(point.size)
        moved[i] = step
        numeric = (coordinates.free(point + moved)[0] - coordinates.free(point - moved)[0]) / (2 * step)
        assert numeric == pytest.approx(derivative[:, i], rel=1e-4, abs=1e-6 * np.abs(derivative[:, i]).max())


def test_the_way_is_shorter_and_ends_at_the_same_place():
    coordinates, parameters, part, model = case("arctan")
    problem, _ = pre_edge_problem(part, model, parameters, np.full(part.data.size, 1 / 3e-4))
    plain = fit(problem, tolerance=1e-6)
    near, chi2 = coordinates.descended(problem.evaluate, tolerance=1e-6, max_iterations=40)
    assert chi2 == pytest.approx(plain.chi2, rel=1e-4)
    assert near["a.height"].value == pytest.approx(plain.value("a.height"), abs=0.02 * plain.sigma_of("a.height"))
    assert plain.iterations > 60
