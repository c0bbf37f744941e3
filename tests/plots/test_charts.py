from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.inference.comparison import ComparisonRow
from labile.inference.joint_fit import Curve, Evaluation
from labile.models.populations import Status
from labile.plots import charts
from labile.plots.figure import Axis, Bars, Box, Chart, ChartError, Figure, Heat, Line, Points, symbol_of
from labile.plots.palette import BRANCH_COLOURS, state_colours

CHI_T = 4e-6 * np.pi
"""1 cm3 K/mol in m3 K/mol."""


def chi_t(branch="equilibrium", label="powder", **others):
    return Measurement.from_field(
        "chi_t", [0.15, 1.5, 3.0], "cm3 K/mol", Conditions([5.0, 90.0, 120.0]), branch=branch, label=label, **others
    )


def curve(values, status=None, branch="equilibrium", quantity="chi_t", label="c", sigma=None):
    values = np.asarray(values, dtype=float)
    status = np.zeros(values.size, dtype=int) if status is None else np.asarray(status)
    sigma = np.full(values.size, 0.1) if sigma is None else np.asarray(sigma)
    return Curve(np.linspace(10.0, 100.0, values.size), values, sigma, status, quantity, branch, label)


def evaluation(label, residuals, technique="magnetometry", temperature=None):
    r = np.asarray(residuals, dtype=float)
    t = np.linspace(5.0, 120.0, r.size) if temperature is None else np.asarray(temperature)
    zeros = np.zeros(r.size)
    return Evaluation(label, technique, "s", "equilibrium", "", "chi_t", t, r, zeros, zeros + 1, zeros.astype(int), r)


def row(name, delta, converged=True):
    return ComparisonRow(name, 10.0 + delta, 9, 4, 20.0 + delta, None, "N <= k + 1", converged, "m", delta, ())


def test_measurement_chart_is_in_the_shown_unit():
    chart = charts.measurement_chart([chi_t(sigma=[0.02, 0.03, 0.03])], technique="magnetometry")
    (points,) = chart.series
    assert chart.x.title == "T / K"
    assert chart.y.title == "χT / cm³ K mol⁻¹"
    assert points.y == pytest.approx([0.15, 1.5, 3.0], rel=1e-9)
    assert points.y_error == pytest.approx([0.02, 0.03, 0.03], rel=1e-9)
    assert points.texts[2] == "powder: 3.00(3) cm³ K mol⁻¹ at 120 K"


def test_heating_and_cooling_differ_in_colour_and_fill():
    chart = charts.measurement_chart([chi_t("heating", "up"), chi_t("cooling", "down")])
    up, down = chart.series
    assert (up.colour, down.colour) == (BRANCH_COLOURS["heating"], BRANCH_COLOURS["cooling"])
    assert up.filled
    assert not down.filled


def test_limits_have_arrows_instead_of_error_bars():
    (points,) = charts.measurement_chart([chi_t(sigma=0.02, limits=[-1, 0, 0])]).series
    assert points.is_limit.tolist() == [True, False, False]
    assert points.y_error[0] == 0.0
    assert points.texts[0].startswith("powder: <0.15")


def test_measurement_chart_refuses_mixtures():
    other = Measurement("moment", [1e-6], Conditions([10.0]))
    with pytest.raises(ChartError, match="chi_t, moment"):
        charts.measurement_chart([chi_t(), other])
    with pytest.raises(ChartError, match="no measurements"):
        charts.measurement_chart([])


def test_magnetisation_is_drawn_against_field():
    m = Measurement("moment", [1e-6, 2e-6, 3e-6], Conditions([2.0] * 3, magnetic_field=[0.0, 1.0, 2.0]))
    (figure,) = charts.measurement_figures([m])
    assert figure.key == "moment_magnetic_field"
    assert figure.panels[0].x.title == "B / T"
    assert figure.panels[0].series[0].x.tolist() == [0.0, 1.0, 2.0]


def test_figures_say_when_no_uncertainties_are_known():
    (figure,) = charts.measurement_figures([chi_t()])
    assert "No uncertainties were given" in figure.caption
    (figure,) = charts.measurement_figures([chi_t(sigma=0.1)])
    assert "one standard uncertainty" in figure.caption


def test_points_that_did_not_converge_are_gaps():
    values = np.linspace(1.0, 2.0, 10) * CHI_T
    status = np.zeros(10, dtype=int)
    status[4:6] = Status.NOT_CONVERGED
    chart = charts.data_chart("t", "chi_t", "cm^3 K/mol", curves=[curve(values, status)])
    (line,) = chart.of_kind(Line)
    assert np.flatnonzero(np.isnan(line.y)).tolist() == [4, 5]
    assert all(np.isfinite(low).all() and np.isfinite(high).all() for _, low, high in line.band())
    assert len(line.band()) == 2


def test_a_branch_past_its_end_is_not_drawn():
    status = np.array([0, 0, 0, Status.PAST_FOLD, Status.PAST_FOLD])
    (line,) = charts.data_chart("t", "chi_t", "cm^3 K/mol", curves=[curve(np.ones(5), status)]).series
    assert np.isnan(line.y).tolist() == [False, False, False, True, True]


def test_no_line_across_a_jump():
    values = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(2.9, 3.1, 20)]) * CHI_T
    up = curve(values, branch="heating")
    down = curve(values[::-1], branch="cooling")
    lines = charts.data_chart("t", "chi_t", "cm^3 K/mol", curves=[up, down]).of_kind(Line)
    assert [line.name for line in lines] == ["model, heating", "model, cooling"]
    for line in lines:
        assert line.x.size == 41
        assert np.flatnonzero(np.isnan(line.y)).tolist() == [20]
        assert 10.0 < line.x[20] < 100.0


def test_no_line_across_a_known_jump_however_small():
    values = np.linspace(0.0, 1.0, 10)
    c = curve(values * CHI_T, branch="heating")
    (line,) = charts.data_chart("t", "chi_t", "cm^3 K/mol", curves=[c], jumps={"heating": 55.0, "cooling": 30.0}).series
    (gap,) = np.flatnonzero(np.isnan(line.y))
    assert line.x[gap] == pytest.approx(55.0, abs=1e-9)


def test_rounding_errors_of_a_flat_curve_are_no_jumps():
    y = np.ones(50)
    y[20:] += 1e-15
    assert charts.break_jumps(np.arange(50.0), y)[1].size == 50


def test_a_smooth_crossover_is_one_line():
    t = np.linspace(50.0, 150.0, 200)
    x, y = charts.break_jumps(t, 1 / (1 + np.exp(-(t - 100.0) / 3.0)))
    assert x.size == 200
    assert np.isfinite(y).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=0, max_size=40))
def test_break_jumps_keeps_every_value(values):
    y = np.array(values)
    x, broken, copy = charts.break_jumps(np.arange(y.size, dtype=float), y, y)
    assert broken[np.isfinite(broken)].tolist() == y.tolist()
    assert np.isnan(copy).tolist() == np.isnan(broken).tolist()
    assert np.all(np.diff(x) > 0)


def test_infinite_uncertainty_has_no_band():
    (line,) = charts.data_chart("t", "chi_t", "cm^3 K/mol", curves=[curve(np.ones(5), sigma=np.full(5, np.inf))]).series
    assert line.band() == []


def test_objective_figure_has_a_residual_strip_only_with_enough_points():
    m = Measurement("chi_t", np.linspace(1.0, 2.0, 10), Conditions(np.linspace(5.0, 120.0, 10)), sigma=0.1, label="m")
    few = charts.objective_figure(
        "k", "t", "chi_t", "cm^3 K/mol", measurements=[chi_t()], evaluations=[evaluation("powder", [1, 2, 3])]
    )
    many = charts.objective_figure(
        "k", "t", "chi_t", "cm^3 K/mol", measurements=[m], evaluations=[evaluation("m", np.arange(10.0))]
    )
    assert len(few.panels) == 1
    assert len(many.panels) == 2
    (strip,) = many.panels[1].of_kind(Points)
    assert strip.y.tolist() == list(range(10))


def test_populations_keep_their_colours_over_branches():
    states = ("L", "H", "V")
    populations = {
        branch: {name: curve(np.full(8, 0.3), branch=branch, quantity="population", label=name) for name in states}
        for branch in ("heating", "cooling")
    }
    chart = charts.population_chart(populations, states)
    colours = state_colours(states)
    for line in chart.of_kind(Line):
        assert line.colour == colours[line.name.partition(",")[0]]
    assert {line.dash for line in chart.of_kind(Line)} == {"solid", "dash"}


def test_population_band_stays_possible():
    wide = {"L": curve(np.full(8, 0.9), quantity="population", sigma=np.full(8, 0.4))}
    (line,) = charts.population_chart({"equilibrium": wide}, ("L",)).series
    ((_, low, high),) = line.band()
    assert low == pytest.approx(0.5, abs=1e-12)
    assert high == pytest.approx(1.0, abs=1e-12)


def test_loop_statements_are_drawn_with_the_populations():
    centre = SimpleNamespace(label="c", kind="hysteresis_centre", temperatures=(), value=143.0, sigma=2.0,
                             quantity="temperature", limit=0, predicted=142.0, text="")  # fmt: skip
    width = SimpleNamespace(**(vars(centre) | {"label": "w", "kind": "hysteresis_width", "value": 40.0}))
    chart = charts.population_chart({"heating": {"L": curve(np.full(8, 0.5))}}, ("L",), [centre, width])
    boxes = chart.of_kind(Box)
    assert [box.x for box in boxes] == [(141.0, 145.0), (122.0, 124.0), (162.0, 164.0)]


def test_residual_chart_has_a_row_for_each_objective():
    chart = charts.residual_chart([evaluation("first", [0.5, -3.0]), evaluation("second", [1.0], "pyroelectricity")])
    assert chart.y.categories == ("second", "first")
    magnetic, pyro = chart.of_kind(Points)
    assert magnetic.y.tolist() == [1.0, 1.0]
    assert pyro.y.tolist() == [0.0]
    assert magnetic.marker != pyro.marker
    assert chart.x.limits[1] == pytest.approx(3.3, rel=1e-9)
    assert "first: largest 3.0" in charts.residual_figure([evaluation("first", [0.5, -3.0])]).alt


def test_correlation_chart_keeps_the_diagonal():
    matrix = np.array([[1.0, 0.97, 0.1], [0.97, 1.0, np.nan], [0.1, np.nan, 1.0]])
    figure = charts.correlation_figure(("a", "b", "c"), matrix)
    (heat,) = figure.panels[0].of_kind(Heat)
    for i, name in enumerate(("a", "b", "c")):
        assert heat.values[figure.panels[0].y.categories.index(name), i] == 1.0
    assert "a with b, 0.970" in figure.alt
    with pytest.raises(ChartError, match="2 names"):
        charts.correlation_chart(("a", "b"), matrix)


def test_comparison_shows_failed_fits_as_failed():
    chart = charts.comparison_chart([row("good", 0.0), row("bad", 12.0), row("failed", 5.0, converged=False)])
    (bars,) = chart.of_kind(Bars)
    assert chart.y.categories == ("failed", "bad", "good")
    assert bars.lengths.tolist()[1:] == [12.0, 0.0]
    assert np.isnan(bars.lengths[0])
    assert bars.texts[0] == "did not converge"


def test_keys_become_unique():
    chart = Chart("", Axis("x"), Axis("y"))
    figures = [Figure(key, "c", (chart,)) for key in ("a", "a-2", "A", "a")]
    assert [f.key for f in charts.with_unique_keys(figures)] == ["a", "a-2", "A-3", "a-4"]


def test_figure_refuses_a_key_that_is_no_file_name():
    with pytest.raises(ChartError, match="file name"):
        Figure("../x", "c", (Chart("", Axis("x"), Axis("y")),))
    with pytest.raises(ChartError, match="no charts"):
        Figure("x", "c", ())


def test_points_must_fit_together():
    with pytest.raises(ChartError, match="shape"):
        Points("p", np.zeros(2), np.zeros(3))
    with pytest.raises(ChartError, match="texts"):
        Points("p", np.zeros(2), np.zeros(2), texts=("one",))


def test_symbols():
    assert symbol_of("pyroelectric_coefficient") == "p"
    assert symbol_of("my_quantity") == "my quantity"
    assert Axis.of("pyroelectric_coefficient").title == "p / nC cm⁻² K⁻¹"
    assert Axis.of("population").title == "x"
