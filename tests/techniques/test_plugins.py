"""Techniques that other packages register."""

import sys
from importlib.metadata import EntryPoint

import pytest

import labile.techniques as room
from labile.techniques import Technique, TechniqueError, technique, techniques

OWN = Technique("bond_lengths", "Bond lengths", {"bond_length": "labile.models.observable:Prediction"})
TAKEN = Technique("magnetometry", "Another", {})
NOTHING = 5


@pytest.fixture
def plugins(monkeypatch):
    def install(*names: str) -> None:
        entries = [EntryPoint(name.lower(), f"{__name__}:{name}", room.ENTRY_POINTS) for name in names]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
        monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
        techniques.cache_clear()

    yield install
    techniques.cache_clear()


def test_a_registered_technique_is_one_of_them(plugins):
    plugins("OWN")
    assert technique("bond_lengths").quantities == ("bond_length",)
    assert list(techniques())[-1] == "bond_lengths"


@pytest.mark.parametrize(
    ("name", "says"),
    [("TAKEN", "already taken"), ("NOTHING", "expected a Technique"), ("MISSING", "AttributeError")],
)
def test_a_broken_one_is_left_out_and_named(plugins, name, says):
    plugins(name)
    with pytest.warns(RuntimeWarning, match=says):
        assert "bond_lengths" not in techniques()


def test_an_unknown_one_lists_what_exists():
    with pytest.raises(TechniqueError, match="there are: magnetometry, pyroelectricity"):
        technique("bonds")
