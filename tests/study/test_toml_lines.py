import tomllib

from hypothesis import given
from hypothesis import strategies as st

from labile.study.toml_lines import key_lines, line_of

DOCUMENT = '''# a comment with [brackets] and = signs
title = "x # not a comment"
[study]
notes = """two
lines with "quotes" and ] }"""
"H.enthalpy" = { value = 3, unit = 'a = b' }   # after
[parameters.H]
spin = 2
[[measurement]]
label = "one"
[[measurement]]
label = "two"
values = [1.0,
  2.0, # second
  [3.0, 4.0],
]
statements = [
  { kind = "value", at = 5 },
  { kind = "maximum",
    window = [1, 2] },
]
[[measurement.inner]]
a.b . "c d" = 1
[[measurement.inner]]
a = -1e3
'''


def test_lines_of_every_kind_of_key():
    # the inline table over two lines is TOML 1.1; the scanner reads it, tomllib of 3.11 does not
    lines = key_lines(DOCUMENT)
    expected = {
        ("title",): 2,
        ("study",): 3,
        ("study", "notes"): 4,
        ("study", "H.enthalpy"): 6,
        ("study", "H.enthalpy", "unit"): 6,
        ("parameters", "H", "spin"): 8,
        ("measurement", 0, "label"): 10,
        ("measurement", 1): 11,
        ("measurement", 1, "values", 1): 14,
        ("measurement", 1, "values", 2, 1): 15,
        ("measurement", 1, "statements", 0, "at"): 18,
        ("measurement", 1, "statements", 1, "window", 1): 20,
        ("measurement", 1, "inner", 0, "a", "b", "c d"): 23,
        ("measurement", 1, "inner", 1, "a"): 25,
    }
    assert {path: lines[path] for path in expected} == expected


def test_nearest_known_line():
    lines = key_lines("[fit]\nseed = 3\n")
    assert line_of(lines, ("fit", "missing")) == 1
    assert line_of(lines, ("nothing",)) is None


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.lists(st.text(max_size=6), max_size=3), max_size=4),
)
def test_finds_every_key_of_any_document(content):
    import json

    # JSON strings are TOML basic strings except for DEL, which JSON leaves as it is
    def quote(text):
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    text = "\n".join(f"{quote(key)} = [{', '.join(quote(v) for v in values)}]" for key, values in content.items())
    assert tomllib.loads(text) == content
    lines = key_lines(text)
    for number, (key, values) in enumerate(content.items(), start=1):
        assert lines[(key,)] == number
        for index in range(len(values)):
            assert lines[(key, index)] == number
