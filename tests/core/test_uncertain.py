import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labile.core.uncertain import format_uncertain, parse_uncertain

SPELLINGS = [
    ("3.12(3)", 3.12, 0.03, 0),
    (" 3.12(3) ", 3.12, 0.03, 0),
    ("-1.5(12)e-4", -1.5e-4, 1.2e-4, 0),
    ("−1.5(12)E−4", -1.5e-4, 1.2e-4, 0),
    ("1.5(2)×10⁻⁴", 1.5e-4, 2e-5, 0),
    ("1.5(2) x 10^-4", 1.5e-4, 2e-5, 0),
    ("3.12 ± 0.03", 3.12, 0.03, 0),
    ("3.12±.03", 3.12, 0.03, 0),
    ("3.12 +/- 3e-2", 3.12, 0.03, 0),
    ("3.12 +- 0.03", 3.12, 0.03, 0),
    ("(3.1 ± 0.2)e3", 3100.0, 200.0, 0),
    ("(3.1 ± 0.2)×10³", 3100.0, 200.0, 0),
    ("147.79(1.2)", 147.79, 1.2, 0),
    ("300(30)", 300.0, 30.0, 0),
    ("1556.", 1556.0, math.nan, 0),
    (".5", 0.5, math.nan, 0),
    ("+7", 7.0, math.nan, 0),
    ("<0.3", 0.3, math.nan, -1),
    ("≤ 0.3", 0.3, math.nan, -1),
    ("<= 0.3", 0.3, math.nan, -1),
    (">25", 25.0, math.nan, 1),
    (">= 25", 25.0, math.nan, 1),
    ("≥25", 25.0, math.nan, 1),
]
GARBAGE = [
    "", " ", "abc", "3,12", "3.12()", "3.12(a)", "3.12(-3)", "3.12(3) ± 0.03", "3.12 ±", "± 0.03", "1e", "e5", "--3",
    "1.2.3", "nan", "inf", "1e999", "1(2)e999", "0x10", "1_000", "3.12(3", "3.12)3(", "<", "<<3", "~3", "3%", "٣",
    "3.1e3 ± 0.2", "1 2", "3\n4", "1e99999", "(3.1)e3",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "sigma", "limit"), SPELLINGS)
def test_spelling(text, value, sigma, limit):
    found = parse_uncertain(text)
    assert found[0] == pytest.approx(value, rel=1e-15)
    assert found[1] == pytest.approx(sigma, rel=1e-15, nan_ok=True)
    assert found[2] == limit


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_refused_with_its_text(text):
    with pytest.raises(ValueError) as caught:
        parse_uncertain(text)
    assert repr(text) in str(caught.value)


@given(st.text(max_size=30) | st.text(alphabet="0123456789.()eE+-−±<>≤ x×10^⁻³", max_size=20))
def test_any_text_is_a_number_or_a_value_error(text):
    try:
        value, sigma, limit = parse_uncertain(text)
    except ValueError:
        return
    assert math.isfinite(value)
    assert limit in (-1, 0, 1)
    assert math.isnan(sigma) or (sigma >= 0 and math.isfinite(sigma))


def decades(lowest, highest):
    return st.builds(lambda m, e: float(f"{m}e{e}"), st.floats(1, 9.999999), st.integers(lowest, highest))


def check_round_trip(value, sigma):
    text = format_uncertain(value, sigma)
    read, su, limit = parse_uncertain(text)
    digits = int(text.partition("(")[2].partition(")")[0])
    last = su / digits  # weight of the last digit of the value, unless the su itself ends in filled-in zeros
    while digits >= 20:
        digits, last = digits // 10, last * 10
    assert limit == 0
    assert abs(read - value) <= last * 0.5 * (1 + 1e-9) + 1e-15 * abs(value)
    # two digits below 20 and one above: 0.5/10 at the worst
    assert abs(su - sigma) <= last * 0.5 * (1 + 1e-9)
    assert su == pytest.approx(sigma, rel=0.25)
    assert not text.startswith("-0(")


@given(decades(-30, 30), decades(-30, 30), st.sampled_from([-1, 0, 1]))
def test_what_is_written_is_read_back(value, sigma, sign):
    check_round_trip(sign * value, sigma)


@given(decades(-4, 5), decades(-5, 4), st.sampled_from([-1, 1]))
def test_what_is_written_is_read_back_at_everyday_sizes(value, sigma, sign):
    check_round_trip(sign * value, sigma)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_every_pair_of_doubles_is_written(value, sigma):
    text = format_uncertain(value, sigma)
    if not math.isfinite(value):
        assert text == "not determined"
    elif sigma is None or not math.isfinite(sigma) or sigma <= 0:
        assert float(text) == pytest.approx(value, rel=1e-5)
    elif sigma < 1e307:  # rounding up the largest double leaves the doubles
        read, su, _ = parse_uncertain(text)
        assert math.isfinite(read)
        assert su > 0


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (3.12, 0.03, "3.12(3)"),
        (0.15, 0.02, "0.15(2)"),
        (147.79, 0.012, "147.790(12)"),
        (1.0, 0.0195, "1.00(2)"),
        (0.0996, 0.0996, "0.10(10)"),
        (8867.0, 250.0, "8900(300)"),
        (12345.0, 120.0, "12350(120)"),
        (300.0, 30.0, "300(30)"),
        (0.0, 5.0, "0(5)"),
        (-0.001, 5.0, "0(5)"),
        (-3.2, 0.4, "-3.2(4)"),
        (1.2345e-7, 2e-9, "1.23(2)e-7"),
        (6.02214076e23, 3e19, "6.0221(3)e+23"),
        (0.5, None, "0.5"),
        (-0.0, None, "0"),
        (2.0, math.nan, "2"),
        (2.0, 0.0, "2"),
    ],
)
def test_written_as_crystallographers_do(value, sigma, text):
    assert format_uncertain(value, sigma) == text
