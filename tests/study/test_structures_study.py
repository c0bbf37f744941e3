"""CIFs and tables of cells as measurements of a study."""

import shutil
from pathlib import Path

import pytest

from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare

DATA = Path(__file__).parents[1] / "data"
HEAD = """\
[study]
title = "structures"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
"""
BONDS = """\
[[measurement]]
label = "bonds"
technique = "coordination"
quantity = "bond_length"
file = "a.cif"
reduction = { metal = "Fe1" }
"""
CELLS = """\
[[measurement]]
label = "b"
technique = "strain"
quantity = "cell_length"
file = "cells.txt"
reduction = { edge = "b" }
[[measurement]]
label = "V"
technique = "strain"
quantity = "cell_volume"
file = "cells.txt"
"""
TABLE = "T a b c alpha beta gamma\\n" + "100 7.0(1) 8.00(2) 9.0(1) 90 90 90\\n200 7.1(1) 8.10(2) 9.1(1) 90 90 90\\n"


@pytest.fixture
def folder(tmp_path):
    shutil.copy(DATA / "structures" / "4111132.cif", tmp_path / "a.cif")
    (tmp_path / "cells.txt").write_text(TABLE.replace("\\n", "\n"))
    return tmp_path


def prepared(folder, text):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return prepare(load_manifest(folder))


def test_a_cif_gives_the_mean_bond_length(folder):
    (bonds,) = prepared(folder, HEAD + BONDS).measurements
    # Fe1-N 1.947(3), 1.959(4), 1.971(3), each twice
    assert bonds.values[0] == pytest.approx(1.959e-10, abs=1e-13)
    assert bonds.sigma[0] == pytest.approx(0.002e-10, rel=0.3)
    assert bonds.temperature[0] == 150.0


def test_a_cif_gives_the_high_spin_fraction_of_a_site(folder):
    fraction = BONDS.replace('"bond_length"', '"high_spin_fraction"').replace(
        'metal = "Fe1"', 'metal = "Fe1", low_spin = "1.95(1) angstrom", high_spin = "2.15(1) angstrom"'
    )
    (found,) = prepared(folder, HEAD + fraction).measurements
    assert found.values[0] == pytest.approx((1.9589 - 1.95) / 0.2, abs=0.005)
    assert {term.name for term in found.correlated} == {"low_spin_length", "high_spin_length"}


def test_cells_give_edges_and_volumes(folder):
    edge, volume = prepared(folder, HEAD + CELLS).measurements
    assert edge.in_unit() == pytest.approx([8.0, 8.1])
    assert edge.sigma_in_unit() == pytest.approx([0.02, 0.02])
    assert volume.in_unit() == pytest.approx([504.0, 7.1 * 8.1 * 9.1])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('metal = "Fe1"', 'metal = "Fe9"', "Fe9"),
        ('reduction = { metal = "Fe1" }', "", "metals"),
        ('quantity = "bond_length"', 'quantity = "cell_length"', "no quantity 'cell_length'"),
        ('reduction = { metal = "Fe1" }', 'reduction = { metall = "Fe1" }', "did you mean 'metal'"),
        ('file = "a.cif"', 'file = "cells.txt"', "holds cells"),
    ],
)
def test_a_mistake_is_named(folder, old, new, says):
    assert BONDS.count(old) == 1
    with pytest.raises(ManifestError) as caught:
        prepared(folder, HEAD + BONDS.replace(old, new))
    assert any(says in text for text in caught.value.problems), caught.value.problems
