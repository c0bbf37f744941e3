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


OCTAHEDRON = """\
data_{name}
_cell_length_a 10.00(1)
_cell_length_b {b}
_cell_length_c 12.00(1)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt '{group}'
_diffrn_ambient_temperature {kelvin}
_diffrn_ambient_pressure {kilopascal}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe1 Fe 0.5000(1) 0.5000(1) 0.5000(1)
N1 N {up:.4f}(2) 0.5000(2) 0.5000(2)
N2 N {down:.4f}(2) 0.5000(2) 0.5000(2)
N3 N 0.5000(2) 0.7000(2) 0.5000(2)
N4 N 0.5000(2) 0.3000(2) 0.5000(2)
N5 N 0.5000(2) 0.5000(2) 0.6667(2)
N6 N 0.5000(2) 0.5000(2) 0.3333(2)
"""


def octahedron(folder, name, kelvin, length=2.0, b="10.00(1)", group="P 1", kilopascal=101.325):
    text = OCTAHEDRON.format(name=name, kelvin=kelvin, up=0.5 + length / 10, down=0.5 - length / 10, b=b, group=group,
                             kilopascal=kilopascal)  # fmt: skip
    (folder / f"{name}.cif").write_text(text)


SERIES = """\
[[measurement]]
label = "bonds"
technique = "coordination"
quantity = "bond_length"
files = ["hot.cif", "cold.cif", "middle.cif"]
reduction = { metal = "Fe1" }
"""


def test_the_order_of_structures_is_no_branch(tmp_path):
    for name, kelvin in (("hot", 300), ("cold", 100), ("middle", 200)):
        octahedron(tmp_path, name, kelvin)
    (bonds,) = prepared(tmp_path, HEAD + SERIES).measurements
    assert bonds.branch == "equilibrium"
    assert bonds.temperature.tolist() == [100.0, 200.0, 300.0]


def test_flags_of_structures_are_warnings_of_the_study(tmp_path):
    octahedron(tmp_path, "hot", 300)
    octahedron(tmp_path, "cold", 100, b="10.90(1)", group="P 4")
    octahedron(tmp_path, "middle", 200)
    text = (tmp_path / "middle.cif").read_text()
    (tmp_path / "middle.cif").write_text(text.replace("N6 N 0.5000(2) 0.5000(2) 0.3333(2)", "N6 N ? ? ?"))
    found = prepared(tmp_path, HEAD + SERIES)
    told = "\n".join(found.warnings)
    assert "cold: the cell contradicts the symmetry: b is 10.9, the operations ask for 10 like a" in told
    assert "has not the same number of donors everywhere" in told
    assert "5 in middle" in told
    (bonds,) = found.measurements
    assert any("5 in middle" in step for step in bonds.provenance.steps)


def test_a_pressure_series_is_fitted_and_tabulated(tmp_path):
    from labile.study.tables import _measurement_table

    for name, kilopascal, length in (("hot", 101.325, 2.0), ("cold", 5e5, 1.99), ("middle", 1e6, 1.98)):
        octahedron(tmp_path, name, 298, length, kilopascal=kilopascal)
    model = """
[model]
builder = "slichter_drickamer"
[parameters]
"HS.enthalpy" = { value = 15, unit = "kJ/mol", fixed = true }
"HS.entropy" = { value = 60, unit = "J/K/mol", fixed = true }
"LS-HS.interaction" = { value = 1, unit = "kJ/mol", fixed = true }
"HS.volume" = { value = 10, unit = "cm3/mol", min = 0, max = 60 }
"LS.bond_length" = { value = 1.97, unit = "angstrom", fixed = true }
"HS.bond_length" = { value = 2.1, unit = "angstrom", fixed = true }
"""
    found = prepared(tmp_path, HEAD + SERIES + model)
    (objective,) = found.joint.objectives
    assert objective.points == 3
    header, rows = _measurement_table(found.measurements[0], None)
    column = next(k for k, title in enumerate(header) if title.startswith("pressure"))
    assert [row[column] for row in rows] == sorted(row[column] for row in rows)


def test_light_is_stated_or_asked_for(tmp_path):
    for name, kelvin in (("hot", 300), ("cold", 100), ("middle", 200)):
        octahedron(tmp_path, name, kelvin)
    path = tmp_path / "cold.cif"
    path.write_text(
        path.read_text().replace("loop_", "_diffrn_ambient_environment 'irradiated, 532 nm laser'\nloop_", 1)
    )
    model = """
[model]
builder = "van_t_hoff"
[parameters]
"HS.enthalpy" = { value = 15, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"""
    with pytest.raises(ManifestError) as caught:
        prepared(tmp_path, HEAD + model + SERIES)
    assert any('light = { wavelength = "532 nm" }' in text for text in caught.value.problems)
    apart = SERIES.replace('"cold.cif", ', "") + SERIES.replace('"bonds"', '"after light"').replace(
        'files = ["hot.cif", "cold.cif", "middle.cif"]',
        'file = "cold.cif"\nlight = { wavelength = "532 nm", irradiance = "10 mW/cm^2" }',
    )
    found = prepared(tmp_path, HEAD + model + apart)
    (source,) = found.measurements[1].conditions.light
    assert source.wavelength == pytest.approx(532e-9)
    assert source.photon_flux > 0
    assert [objective.label for objective in found.joint.objectives] == ["bonds"]
    assert any("measured under light" in text for text in found.warnings)


def test_what_is_still_to_be_filled_in_is_said(tmp_path):
    for name, kelvin in (("hot", 300), ("cold", 100), ("middle", 200)):
        octahedron(tmp_path, name, kelvin)
    told = prepared(tmp_path, HEAD + SERIES + "temperature = [295, 295, 295]    # FILL IN: K\n").warnings
    assert any(text.endswith("still marked FILL IN: temperature = [295, 295, 295]") for text in told)
