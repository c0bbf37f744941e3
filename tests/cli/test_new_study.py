"""`labile new` for structures, cells, spectra and patterns: what it writes passes `labile check` at once."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import labile
from labile.cli.new_measurements import measurement_blocks
from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.formats import registry

DATA = Path(__file__).parents[1] / "data"
XYZ = "7\nmade up\nFe 0 0 0\nN 2 0 0\nN -2 0 0\nN 0 2 0\nN 0 -2 0\nN 0 0 2\nN 0 0 -2\n"


def made(folder, *files):
    """The new manifest's text, its notes, and what `labile check` makes of it."""
    new = labile.new(folder / "study", [Path(file) for file in files])
    return new.manifest.read_text(encoding="utf-8"), new.notes, labile.check(new.manifest)


def uncommented(text):
    """The manifest with the blocks of a model as the manifest says: without the # of all lines below two."""
    head, mark, block = text.partition("## all lines below these two")
    first, _, rest = block.partition("\n")
    lines = [line.removeprefix("#").removeprefix(" ") for line in rest.split("\n")]
    return head + mark + first + "\n" + "\n".join(lines)


def quantities(prepared):
    return [m.quantity for m in prepared.measurements]


def spectrum(path, title, values, axis):
    rows = "\n".join(f"{x:.3f},{y:.6f}" for x, y in zip(axis, values, strict=True))
    path.write_text(f"{title}\n{rows}\n")
    return path


def test_structures_give_bond_lengths_of_a_metal(tmp_path):
    """Two files of one compound are one series; of several metals the one that can switch is taken, the rest named."""
    again = tmp_path / "again.cif"
    text = (DATA / "structures" / "4111132.cif").read_text(encoding="utf-8")
    assert "_diffrn_ambient_temperature" in text
    lines = [
        "_diffrn_ambient_temperature 200(2)" if line.startswith("_diffrn_ambient_temperature") else line
        for line in text.replace("150(2)", "200(2)").splitlines()
    ]
    again.write_text("\n".join(lines), encoding="utf-8")
    text, notes, prepared = made(tmp_path, DATA / "structures" / "4111132.cif", again)
    assert 'technique = "coordination"\nquantity = "bond_length"' in text
    assert 'files = ["4111132.cif", "again.cif"]' in text
    assert 'reduction = { metal = "Fe1" }    # metals: Ag1, Fe1' in text
    assert notes == ()
    (lengths,) = prepared.measurements
    assert lengths.temperature.tolist() == [150.0, 200.0]
    # Fe1-N 1.947(3), 1.959(4), 1.971(3) as the file lists them, each twice
    assert lengths.values == pytest.approx((1.947 + 1.959 + 1.971) / 3 * 1e-10, abs=1e-13)
    assert lengths.sigma is not None


def test_structures_of_other_metals_stay_apart(tmp_path):
    text, _, prepared = made(tmp_path, *sorted((DATA / "structures").glob("*.cif")))
    assert quantities(prepared) == ["bond_length"] * 2
    assert 'reduction = { metal = "Co1" }' in text
    # a default of the refinement program is no measured temperature
    assert "# temperature = [293]    # 293(2) K is also what SHELXL writes" in text


def test_a_molecule_without_temperature_is_asked_for_it(tmp_path):
    (tmp_path / "a.xyz").write_text(XYZ)
    text, notes, prepared = made(tmp_path, tmp_path / "a.xyz")
    assert "temperature = [295]    # FILL IN: K; 295 stands in for a" in text
    assert notes == ("a.xyz: a temperature is not stated; write it in place of 295 K",)
    assert prepared.measurements[0].values == pytest.approx(2e-10)


def test_a_molecule_without_metal_is_left_out_with_the_reason(tmp_path):
    (tmp_path / "water.xyz").write_text("3\nwater\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
    text, notes, prepared = made(tmp_path, tmp_path / "water.xyz", DATA / "lattice" / "PASCal_T_input.tsv")
    assert quantities(prepared) == ["cell_volume"]
    assert "# not used as it is: " in text
    assert "\n# [[measurement]]\n" in text
    assert any(note.startswith("water.xyz: ") and "metal" in note for note in notes)


def test_cells_give_the_volume(tmp_path):
    text, notes, prepared = made(tmp_path, DATA / "lattice" / "PASCal_T_input.tsv")
    (volumes,) = prepared.measurements
    assert volumes.quantity == "cell_volume"
    assert len(volumes) == 9
    assert '# reduction = { edge = "a" }' in text
    assert "# sigma = " in text
    assert notes == ()
    # the hint works when it is taken
    study = tmp_path / "study" / "study.toml"
    edited = text.replace('quantity = "cell_volume"', 'quantity = "cell_length"').replace("# reduction", "reduction")
    study.write_text(edited.replace("# sigma", "sigma"), encoding="utf-8")
    (edge,) = labile.check(study).measurements
    assert edge.quantity == "cell_length"
    assert edge.sigma == pytest.approx(1e-3 * edge.values)


@pytest.mark.parametrize(
    ("file", "name"),
    [("lattice/PASCal_T_input.tsv", "cell_volume"), ("structures/4111132.cif", "bond_length")],
)
def test_the_model_starts_from_the_data(tmp_path, file, name):
    """Uncommented as the manifest says, it passes the check: values of the pure states are the ends of the data."""
    text, _, before = made(tmp_path, DATA / file)
    study = tmp_path / "study" / "study.toml"
    study.write_text(uncommented(text).replace("# sigma", "sigma"), encoding="utf-8")
    (measured,) = before.measurements
    parameters = labile.check(study).joint.parameters
    assert parameters[f"LS.{name}"].value == pytest.approx(measured.values[0], rel=1e-5)
    assert parameters[f"HS.{name}"].value == pytest.approx(measured.values[-1], rel=1e-5)
    if name == "cell_volume":
        assert parameters["LS.volume_expansion"].free
        assert parameters["HS.volume_expansion"].tie.to == "LS.volume_expansion"


def test_a_fraction_must_be_told_its_states(tmp_path):
    file = tmp_path / "fraction.csv"
    rows = "\n".join(f"{t},{1 / (1 + np.exp((250 - t) / 12)):.4f},0.01" for t in range(100, 351, 10))
    file.write_text(f"# simulated\nT (K),high_spin_fraction,sigma\n{rows}\n")
    text, _, _ = made(tmp_path, file)
    study = tmp_path / "study" / "study.toml"
    study.write_text(uncommented(text), encoding="utf-8")
    with pytest.raises(ValueError, match=r'observable = \{ states = \["HS"\] \}'):
        labile.check(study)
    study.write_text(uncommented(text).replace("# observable", "observable"), encoding="utf-8")
    assert labile.check(study).joint.parameters["HS.entropy"].free


def test_many_files_are_listed_once(tmp_path):
    """Simulated; temperatures in the names of the files are taken."""
    nu = np.linspace(1200.0, 1600.0, 51)
    title = "wavenumber (1/cm),absorbance"
    files = [spectrum(tmp_path / f"ir_{t}K.csv", title, np.full(51, t / 500), nu) for t in range(100, 170, 10)]
    text, _, prepared = made(tmp_path, *files)
    assert "# ir_100K.csv, ir_110K.csv, ..., ir_160K.csv (7): read as spectral_text; 7 points, 100 to 160 K" in text
    (spectra,) = prepared.measurements
    assert spectra.temperature.tolist() == list(range(100, 170, 10))
    assert "temperature = [" not in text


def test_absorption_is_normalized(tmp_path):
    """Files of one edge are one block; another edge is another; an unknown temperature is stated to be filled in."""
    names = ("xdi/Fe2O3_rt_01.xdi", "xdi/FeO_rt_01.xdi", "xdi/co_metal_rt.xdi", "athena/FeO.prj")
    text, notes, prepared = made(tmp_path, *(DATA / name for name in names))
    assert 'label = "absorption spectra"\ntechnique = "xas"\nquantity = "normalized_absorption"' in text
    assert 'files = ["Fe2O3_rt_01.xdi", "FeO_rt_01.xdi", "FeO.prj"]' in text
    assert 'file = "co_metal_rt.xdi"' in text
    assert "temperature = [295, 295, 295]    # FILL IN: K; 295 stands in for FeO" in text
    assert [note for note in notes if "temperature" in note]
    assert set(quantities(prepared)) == {"normalized_absorption"}
    assert sum(len(m) for m in prepared.measurements) == 4


def test_absorption_that_cannot_be_normalized_is_left_out_with_the_reason(tmp_path):
    file = DATA / "beamline" / "APS12BM_2019.dat"
    text, notes, prepared = made(tmp_path, file, DATA / "xdi" / "Fe2O3_rt_01.xdi")
    assert len(prepared.measurements) == 1
    assert "# not used as it is: spectrum 'APS12BM_2019'" in text
    assert len(notes) == 1
    assert "edge step" in notes[0]


@pytest.mark.parametrize(
    ("title", "axis", "quantity"),
    [
        ("wavenumber (1/cm),absorbance", "infrared", "absorbance"),
        ("wavenumber (1/cm),transmittance", "infrared", "absorbance"),
        ("Raman shift (1/cm),intensity", "Raman", "intensity"),
    ],
)
def test_vibrational_spectra_of_unknown_temperature(tmp_path, title, axis, quantity):
    """Simulated; once the temperatures are filled in the files are one map."""
    nu = np.linspace(1200.0, 1600.0, 201)
    files = [
        spectrum(tmp_path / f"{name}.csv", title, 0.2 + 0.5 * h * np.exp(-(((nu - 1485) / 18) ** 2)), nu)
        for name, h in (("cold", 1.0), ("warm", 0.3))
    ]
    text, notes, prepared = made(tmp_path, *files)
    assert f'label = "{axis} spectra"\ntechnique = "vibrational"\nquantity = "{quantity}"' in text
    assert 'files = ["cold.csv", "warm.csv"]' in text
    assert "# temperature = [295, 295]    # FILL IN" in text
    assert set(quantities(prepared)) == {quantity}
    assert notes == ()
    study = tmp_path / "study" / "study.toml"
    window = text.replace("# temperature = [295, 295]", "temperature = [80, 300]").replace("# reduction", "reduction")
    study.write_text(window, encoding="utf-8")
    (spectra,) = labile.check(study).measurements
    assert spectra.temperature.tolist() == [80.0, 300.0]


def test_real_spectra_on_other_grids_are_kept_apart(tmp_path):
    text, _, prepared = made(tmp_path, DATA / "jcamp" / "1-butene.jdx", DATA / "jcamp" / "sqzdupd1.jdx")
    # one of the two lets no light through in places, and is kept as a comment with the reason
    assert quantities(prepared) == ["absorbance"]
    assert 'saturated = "remove"' in text


def test_what_no_technique_uses_is_said(tmp_path):
    new = labile.new(tmp_path / "study", [DATA / "opus" / "test_spectra.0"])
    text = new.manifest.read_text(encoding="utf-8")
    assert "# test_spectra.0 holds reflectance along wavenumber, which no technique of this version uses" in text
    assert "no [[measurement]] is complete" in new.notes[0]


def test_raw_channels_are_asked_for_a_calibration(tmp_path):
    new = labile.new(tmp_path / "study", [DATA / "mossbauer" / "77.0K_1.0h12.0m.dat"])
    assert new.notes == (
        "77.0K_1.0h12.0m.dat: channels need calibration and starts; write them under [measurement.reduction]",
    )
    manifest = new.manifest.read_text(encoding="utf-8")
    foil = DATA / "mossbauer" / "251104_v12.dat"
    shutil.copy(foil, new.manifest.parent)
    text = manifest.replace('# calibration = "foil.dat"', 'calibration = "251104_v12.dat"').replace(
        "# starts", "starts"
    )
    new.manifest.write_text(text, encoding="utf-8")
    assert quantities(labile.check(new.manifest)) == ["transmission"]


def pattern(**attributes):
    """Simulated: lines at 12 and 20 degrees on a background."""
    angle = np.linspace(5.0, 40.0, 3501)
    counts = 100.0 + 9e3 * np.exp(-(((angle - 12.0) / 0.05) ** 2)) + 3e3 * np.exp(-(((angle - 20.0) / 0.05) ** 2))
    axis = Axis("two_theta", np.radians(angle))
    return Measurement(
        "counts", counts[None, :], Conditions([10.0]), np.sqrt(counts)[None, :], axis=axis, label="p",
        attributes=attributes,
    )  # fmt: skip


def test_a_powder_pattern_gives_the_strongest_line(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "read", lambda path, **_: [pattern(wavelength=1.0e-10)])
    (tmp_path / "p.xye").write_text("")
    text, notes, prepared = made(tmp_path, tmp_path / "p.xye")
    assert 'technique = "powder"\nquantity = "d_spacing"' in text
    assert "the strongest line; choose yours" in text
    assert "\nfit = false" in text
    assert notes == ()
    # Bragg: d = wavelength/(2 sin 6 degrees)
    assert prepared.measurements[0].values == pytest.approx(1e-10 / (2 * np.sin(np.radians(6.0))), rel=1e-5)


def test_a_powder_pattern_without_wavelength_leaves_a_hint():
    (block,), notes, _ = measurement_blocks([(Path("p.xye"), [pattern()])])
    assert '\n# reduction = { low = "11.' in block
    assert 'wavelength = "1.5406 angstrom" }    # the strongest line; FILL IN the wavelength' in block
    assert all(line.startswith("#") for line in block.splitlines())
    assert "wavelength" in notes[0]


def test_labels_are_unique(tmp_path):
    rows = "\n".join(f"{t},{3.0 + t / 1000}" for t in range(60, 260, 10))
    for name in ("a.csv", "a.txt"):
        (tmp_path / name).write_text(f"T (K),chiT (cm3 K/mol)\n{rows}\n")
    text, _, prepared = made(tmp_path, tmp_path / "a.csv", tmp_path / "a.txt")
    assert 'label = "a"\n' in text
    assert 'label = "a.txt"\n' in text
    assert len(prepared.measurements) == 2
