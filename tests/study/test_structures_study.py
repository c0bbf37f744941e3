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


CIF = """\
data_{name}
_cell_length_a {edge}
_cell_length_b {edge}
_cell_length_c {edge}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
_cell_formula_units_Z 1
_chemical_formula_sum 'Cs {anion}'
_diffrn_ambient_temperature 10
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Cs1 Cs 0 0 0 0.02
X1 {anion} 0.5 0.5 0.5 0.02
"""
POWDER = """\
[[measurement]]
label = "after light (simulated)"
technique = "powder"
quantity = "phase_fraction"
file = "light_10K.xye"
reduction = { structures = { LS = "ls.cif", HS = "hs.cif" }, phase = "HS", wavelength = "1.5406 angstrom" }
"""


@pytest.mark.parametrize("more", ["", ', cell = "free"'])
def test_a_powder_pattern_gives_the_switched_fraction(tmp_path, more):
    import numpy as np

    from labile.fitting.line_shapes import pseudo_voigt
    from labile.formats.registry import read
    from labile.techniques.powder import lorentz_polarisation, reflections

    for name, edge, anion in (("ls", "4.123", "Cl"), ("hs", "4.29", "Br")):
        (tmp_path / f"{name}.cif").write_text(CIF.format(name=name, edge=edge, anion=anion))
    degrees = np.arange(18.0, 90.0, 0.03)
    x, y = np.radians(degrees), np.zeros(degrees.size)
    for name, amount in (("ls", 0.25), ("hs", 0.75)):
        lines = reflections(read(tmp_path / f"{name}.cif")[0], 1.5406e-10, (0.2, 1.7))
        place = lines.two_theta(1.5406e-10)
        for area, at in zip(lines.strength * lorentz_polarisation(place, "x-ray") / lines.volume, place, strict=True):
            y += amount * area * pseudo_voigt(x, at, np.radians(0.15), 0.5).value
    y = np.random.default_rng(0).poisson(y / y.max() * 3000 + 100).astype(float)
    rows = "\n".join(f"{a:.3f} {b:.0f} {max(b, 1) ** 0.5:.4f}" for a, b in zip(degrees, y, strict=True))
    (tmp_path / "light_10K.xye").write_text(f"# 2theta intensity sigma (simulated)\n{rows}\n")
    (fraction,) = prepared(tmp_path, HEAD + POWDER.replace(', phase = "HS"', ', phase = "HS"' + more)).measurements
    assert fraction.temperature[0] == 10.0
    assert abs(fraction.values[0] - 0.75) < 4 * fraction.sigma[0] < 0.1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('HS = "hs.cif"', 'HS = "gone.cif"', "no file beside the manifest"),
        ('{ LS = "ls.cif", HS = "hs.cif" }', '"ls.cif"', "expected a CIF for every phase"),
        ('phase = "HS"', 'phase = "X"', "none of LS, HS"),
        ('phase = "HS"', 'cell = "odd"', "use one of fixed, uniform, free"),
        ('phase = "HS"', "texture = { X = [1, 0, 0] }", "the phases are LS, HS"),
        ('phase = "HS"', "texture = { HS = [1, 0] }", "three whole numbers"),
        ('phase = "HS"', "texture = { HS = [1, 0, 0] }", "in a cubic crystal"),
    ],
)
def test_a_mistake_of_a_mixture_is_named(tmp_path, old, new, says):
    for name in ("ls", "hs"):
        (tmp_path / f"{name}.cif").write_text(CIF.format(name=name, edge="4.2", anion="Cl"))
    rows = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k % 5} 10" for k in range(600))
    (tmp_path / "light_10K.xye").write_text(f"# 2theta intensity sigma\n{rows}\n")
    assert POWDER.count(old) == 1
    with pytest.raises(ManifestError) as caught:
        prepared(tmp_path, HEAD + POWDER.replace(old, new))
    assert any(says in text for text in caught.value.problems), caught.value.problems
