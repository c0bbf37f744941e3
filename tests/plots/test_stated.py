from types import SimpleNamespace

import numpy as np
import pytest

from labile.plots import charts
from labile.plots.figure import Box, Bracket, Line, Points
from labile.plots.stated import stated_series

P = 1e-5
"""1 nC cm-2 K-1 in C m-2 K-1."""


def statement(kind, value, temperatures, *, sigma=0.1 * P, limit=0, quantity="pyroelectric_coefficient", label=None):
    return SimpleNamespace(
        label=label or kind, kind=kind, temperatures=temperatures, value=value, sigma=sigma, quantity=quantity,
        limit=limit, predicted=value, text="words of the paper",
    )  # fmt: skip


def series(*statements, lines=()):
    return list(stated_series(statements, "pyroelectric_coefficient", "nC/cm^2/K", lines, "pyroelectricity"))


def test_value():
    (mark,) = series(statement("value", 3.8 * P, (120.0,)))
    assert (mark.x[0], mark.y[0]) == (120.0, pytest.approx(3.8, rel=1e-9))
    assert mark.y_error[0] == pytest.approx(0.1, rel=1e-9)
    assert mark.texts == ("value: words of the paper: 3.80(10) nC cm⁻² K⁻¹ (model 3.8)",)


def test_value_that_is_a_limit():
    (mark,) = series(statement("value", 0.3 * P, (60.0,), limit=-1))
    assert mark.limits.tolist() == [-1]
    assert mark.y_error is None
    assert ": <0.3 nC" in mark.texts[0]


def test_maximum_with_its_position_is_one_mark():
    (mark,) = series(
        statement("maximum", 30 * P, (60.0, 120.0), sigma=3 * P),
        statement("maximum_position", 90.0, (60.0, 120.0), sigma=5.0, quantity="temperature"),
    )
    assert (mark.x[0], mark.y[0]) == (90.0, pytest.approx(30.0, rel=1e-9))
    assert (mark.x_error[0], mark.y_error[0]) == (5.0, pytest.approx(3.0, rel=1e-9))
    assert "90(5) K" in mark.texts[0]


def test_maximum_without_position_sits_on_the_model():
    t = np.linspace(10.0, 300.0, 291)
    line = Line("model", t, 30.0 * np.exp(-(((t - 85.0) / 10.0) ** 2)))
    (mark,) = series(statement("maximum", 30 * P, (60.0, 120.0)), lines=[line])
    assert mark.x[0] == 85.0
    assert mark.x_error is None


def test_position_alone_is_a_shaded_range():
    (box,) = series(statement("maximum_position", 90.0, (60.0, 120.0), sigma=5.0, quantity="temperature"))
    assert isinstance(box, Box)
    assert (box.x, box.y) == ((85.0, 95.0), None)


def test_envelope_is_a_box_over_its_window():
    (box,) = series(statement("above", 2.4 * P, (120.0, 300.0)), statement("below", 5.0 * P, (120.0, 300.0)))
    assert box.x == (120.0, 300.0)
    assert box.y == pytest.approx((2.4, 5.0), rel=1e-9)


def test_one_sided_window_is_a_bar_with_an_arrow():
    bar, mark = series(statement("below", 0.3 * P, (10.0, 60.0)))
    assert isinstance(bar, Line)
    assert bar.x.tolist() == [10.0, 60.0]
    assert isinstance(mark, Points)
    assert mark.limits.tolist() == [-1]


def test_difference_is_a_bracket_from_the_model():
    line = Line("model", np.array([10.0, 30.0]), np.array([1.0, 2.0]))
    (bracket,) = series(statement("difference", 0.4 * P, (20.0, 120.0)), lines=[line])
    assert isinstance(bracket, Bracket)
    level, rise, end = bracket.pieces()
    assert level.y.tolist() == [1.5, 1.5]
    assert rise.y == pytest.approx([1.5, 1.9], rel=1e-9)
    assert (end.x[0], end.y[0]) == (120.0, pytest.approx(1.9, rel=1e-9))


def test_boxes_lie_behind_the_data():
    chart = charts.data_chart(
        "t", "pyroelectric_coefficient", "nC/cm^2/K",
        statements=[statement("value", P, (120.0,)), *(statement(kind, P, (1.0, 2.0)) for kind in ("above", "below"))],
    )  # fmt: skip
    assert [type(s) for s in chart.series] == [Box, Points]
