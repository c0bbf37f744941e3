"""What everything that is registered must keep to; one parametrized test per extension point."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from labile.core.units import QUANTITIES
from labile.formats.registry import HEAD_BYTES, Format, FormatError, formats

DOCS = Path(__file__).parents[1] / "docs"
OTHER_CONTENT = (b"\x89PNG\r\n\x1a\n" + bytes(64), b"words without any number\n")


@pytest.mark.parametrize("one", formats(), ids=lambda one: one.name)
def test_format(one: Format, tmp_path):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", one.name)
    assert [other.name for other in formats()].count(one.name) == 1
    assert one.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in one.suffixes)
    assert one.quantities
    assert set(one.quantities) <= set(QUANTITIES)
    assert one.reference.startswith("http") or (DOCS / one.reference).is_file()
    for head in OTHER_CONTENT:
        reason = one.sniff(head[:HEAD_BYTES], "a" + one.suffixes[0])
        assert isinstance(reason, str)
        assert reason
    read = importlib.import_module(one.module).read
    assert inspect.getdoc(read)
    first, *others = inspect.signature(read).parameters.values()
    assert first.name == "path"
    assert all(option.kind is option.KEYWORD_ONLY for option in others)
    for head in OTHER_CONTENT:
        path = tmp_path / ("a" + one.suffixes[0])
        path.write_bytes(head)
        with pytest.raises(FormatError, match="a" + re.escape(one.suffixes[0])):
            read(path)
