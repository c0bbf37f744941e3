import math

from labile.cli.terminal_plot import can_show_braille, draw


def test_a_rising_line_rises():
    text = draw([("", [0, 1, 2], [0, 1, 2])], "x", "y", width=9, height=3, braille=False).splitlines()
    assert [line.partition("|")[2] for line in text[1:4]] == ["        o", "    o", "o"]


def test_braille_uses_two_by_four_dots_a_cell():
    text = draw([("", [0, 0, 1, 1], [0, 1, 0, 1])], "x", "y", width=1, height=1)
    # the four corners of one cell: dots 1, 4, 7 and 8
    assert text.splitlines()[1].endswith("|\u28c9")


def test_points_that_are_not_finite_are_left_out():
    text = draw([("", [0, 1, math.nan, 2], [0, math.inf, 1, 2])], "x", "y", width=9, height=3, braille=False)
    assert text.count("o") == 2
    assert "no finite points" in draw([("", [math.nan], [1.0])], "x", "y")


def test_a_constant_does_not_divide_by_zero():
    assert draw([("", [5.0], [3.0])], "x", "y", braille=False).count("o") == 1


def test_two_series_have_two_letters():
    text = draw([("up", [0], [0]), ("down", [1], [1])], "x", "y", braille=False)
    assert "o up" in text
    assert "x down" in text


def test_code_pages():
    assert can_show_braille("utf-8")
    assert not can_show_braille("cp1252")
    assert not can_show_braille("no such encoding")
