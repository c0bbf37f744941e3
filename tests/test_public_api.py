"""Importing labile is free, and every public name leads somewhere."""

import subprocess
import sys

import pytest

import labile


def test_importing_labile_loads_no_numpy():
    code = "import sys, labile; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", labile.__all__)
def test_public_name_resolves(name):
    assert getattr(labile, name) is not None
    assert name in dir(labile)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = labile.no_such_name
