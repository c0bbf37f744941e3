"""Molecules in Cartesian coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.structure import Molecule
from labile.core.units import UnitError
from labile.formats import registry
from labile.formats.registry import FormatError
from labile.formats.xyz import read

WATER = "3\nwater\nO 0.0 0.0 0.0\nH 0.96 0 0\nH -0.24 0.93 0\n"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "structures"


@pytest.fixture
def xyz(tmp_path):
    def write(text, name="a.xyz"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_frame(xyz):
    (one,) = read(xyz(WATER))
    assert one.elements == ("O", "H", "H")
    assert one.labels == ("O1", "H1", "H2")
    assert one.comment == "water"
    assert one.conditions is None
    np.testing.assert_allclose(one.positions[1], [0.96e-10, 0, 0])
    assert registry.identify(xyz(WATER, "a.dat")).name == "xyz"
    np.testing.assert_allclose(read(xyz(WATER), unit="bohr")[0].positions[1, 0], 0.96 * 0.529177210544e-10)
    assert float(read(xyz(WATER), temperature="90 K", pressure="1 kbar")[0].conditions.pressure[0]) == 1e8


def test_frames_labels_numbers_and_columns(xyz):
    text = f"\n{WATER}\n2\n\nFe1 0 0 0 0.1\nN1 1.9D0 0 0 -0.1\n\n"
    first, second = read(xyz(text))
    assert (first.label, second.label) == ("a", "a_2")
    assert second.labels == ("Fe1", "N1")
    assert second.elements == ("Fe", "N")
    assert second.positions[1, 0] == pytest.approx(1.9e-10)
    assert "columns after the coordinates were not read" in second.provenance.steps
    assert read(xyz(text), frame=2)[0].elements == ("Fe", "N")
    assert read(xyz("1\nx\n26 0 0 0\n"))[0].elements == ("Fe",)
    periodic = read(xyz('1\nLattice="1 0 0 0 1 0 0 0 1"\nFe 0 0 0\n'))[0]
    assert "lattice, which was not used" in periodic.provenance.steps[0]


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("3\nwater\nO 0 0 0\nH 1 0 0\n", {}, "line 1: frame 1 announces 3 atoms, 2 lines"),
        ("2\nwater\nO 0 0 0\nH 1 0 0\nH 2 0 0\n", {}, "line 5: the number of atoms of frame 2"),
        ("2\nwater\nO 0 0 0\nH 1 0\n", {}, "line 4: an atom"),
        ("2\nwater\nO 0 0 0\nQq 1 0 0\n", {}, "line 4: 'Qq' names no element"),
        ("2\nwater\nO 0 0 0\nH 0 0 0\n", {}, "line 4: H stands where O of line 3 does"),
        ("0\nnothing\n", {}, "line 1"),
        ("", {}, "no frame"),
        (WATER, {"frame": 2}, "frames 1 to 1"),
        (WATER, {"unit": "feet"}, "unit='feet'"),
        (WATER, {"pressure": 1e5}, "needs option temperature"),
        (WATER, {"temperature": -1}, "above 0 K"),
    ],
)
def test_refusals(xyz, text, options, says):
    with pytest.raises(FormatError, match=says) as caught:
        read(xyz(text), **options)
    assert str(caught.value).startswith("a.xyz")


@pytest.mark.skipif(not SHARED.is_dir(), reason="files of a GPL project are not shipped")
def test_files_of_octadist():
    for path in SHARED.glob("*.xyz"):
        (one,) = registry.read(path)
        assert isinstance(one, Molecule)
        assert len(one.elements) == int(path.read_text().split()[0])


@given(data=st.binary(max_size=40), cut=st.integers(0, len(WATER)))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(tmp_path, data, cut):
    path = tmp_path / "a.xyz"
    for content in (WATER.encode()[:cut], WATER.encode()[:cut] + data + WATER.encode()[cut:], data):
        path.write_bytes(content)
        message, found = "a.xyz", []
        try:
            found = read(path)
        except (FormatError, UnitError) as error:
            message = str(error)
        assert "a.xyz" in message
        assert found or message != "a.xyz"
        assert all(isinstance(one, Molecule) for one in found)
