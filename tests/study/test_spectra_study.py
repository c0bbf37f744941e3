"""Spectra of files as data of a study (all spectra simulated): whole maps, bands, pre-edges of real files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.models.equilibrium import equilibrium
from labile.models.library import van_t_hoff
from labile.study.manifest import ManifestError, load_manifest
from labile.study.prepare import prepare
from labile.study.run import run

XANES = Path(__file__).parents[2] / "examples" / "iron_oxides" / "data"
KELVIN = np.arange(100.0, 301.0, 10.0)
HEAD = """\
[study]
title = "IR map (simulated)"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "van_t_hoff"
[parameters]
"HS.enthalpy" = { value = 12, unit = "kJ/mol" }
"HS.entropy" = { value = 60, unit = "J/K/mol" }
"HS.volume" = { value = 0, unit = "cm^3/mol", fixed = true }
"""


@pytest.fixture
def folder(tmp_path):
    x = equilibrium(van_t_hoff(), Conditions(KELVIN), {"HS.enthalpy": 15e3, "HS.entropy": 75.0, "HS.volume": 0.0}).x
    nu = np.linspace(1200.0, 1600.0, 401)
    low = 0.8 * np.exp(-(((nu - 1485) / 18) ** 2)) + 0.1
    high = 0.6 * np.exp(-(((nu - 1500) / 25) ** 2)) + 0.5 * np.exp(-(((nu - 1310) / 9) ** 2)) + 0.1
    spectra = x @ np.stack([low, high]) + np.random.default_rng(0).normal(0.0, 2e-3, (KELVIN.size, nu.size))
    for t, row in zip(KELVIN, spectra, strict=True):
        lines = "\n".join(f"{a:.2f},{b:.6f}" for a, b in zip(nu, row, strict=True))
        (tmp_path / f"s{t:.0f}.csv").write_text(f"wavenumber (1/cm),absorbance\n{lines}\n")
    return tmp_path


def block(label, quantity, more, temperatures=True):
    files = ", ".join(f'"s{t:.0f}.csv"' for t in KELVIN)
    kelvin = f"temperature = {KELVIN.tolist()}\n" if temperatures else ""
    return (
        f'[[measurement]]\nlabel = "{label}"\ntechnique = "vibrational"\nquantity = "{quantity}"\n'
        f"files = [{files}]\n{kelvin}{more}\n"
    )


WHOLE = block("IR", "absorbance", 'noise = "free"')
BAND = block(
    "band", "band_area",
    'reduction = { bands = { H = { position = "1310 1/cm", width = "15 1/cm", shape = "gauss" } }, band = "H",'
    ' low = "1240 1/cm", high = "1380 1/cm" }\nobservable = { band = "H", states = ["HS"] }',
)  # fmt: skip
AREA = '"H_HS.band_area" = { value = 6, unit = "1/cm", min = 0, max = 30 }\n'


def write(folder, text):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_map_and_a_band_of_it_give_the_thermodynamics(folder):
    result = run(write(folder, HEAD + AREA + WHOLE + BAND), out=folder / "out")
    assert result.converged
    fitted = result.fit.result
    for name, truth in (("HS.enthalpy", 15e3), ("HS.entropy", 75.0)):
        assert abs(fitted.value(name) - truth) < 5 * fitted.sigma_of(name)
    # 0.5 sqrt(pi) 9 cm-1
    assert fitted.value("H_HS.band_area") == pytest.approx(797.6, abs=5.0)
    assert result.fit.noise_scales["IR"][0] == pytest.approx(1.0, abs=0.15)
    out = folder / "out"
    names = {path.name for path in (out / "figures").iterdir()}
    assert {"IR_map.svg", "IR_pure_spectra.svg", "IR_amounts.svg", "band_area.svg"} <= names
    amounts = (out / "tables" / "data_IR_amounts.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(amounts) == KELVIN.size + 1
    pure = (out / "tables" / "data_IR_pure_spectra.csv").read_text(encoding="utf-8-sig").splitlines()
    assert pure[0].startswith("wavenumber (1/cm),LS (1)")
    content = json.loads((out / "results.json").read_text(encoding="utf-8"))
    # 21 spectra less two pure ones, and 21 areas
    assert content["fit"]["n"] == 19 * 401 + 21


def test_a_window_and_a_baseline_are_cut_before(folder):
    more = 'reduction = { low = "1250 1/cm", high = "1400 1/cm", baseline = "polynomial" }\nnoise = "free"'
    (measured,) = prepare(load_manifest(write(folder, HEAD + block("IR", "absorbance", more)))).measurements
    assert measured.axis.values[0] == pytest.approx(125000.0)
    assert measured.values.shape == (21, 151)
    assert any("baseline" in step for step in measured.provenance.steps)


CASES = [
    (block("IR", "absorbance", 'noise = "free"', temperatures=False), "does not state its temperature"),
    (block("IR", "absorbance", ""), "no uncertainties"),
    (WHOLE.replace("temperature = [100.0, ", "temperature = ["), "20 temperatures for 21 spectra"),
    (WHOLE + 'observable = { alike = ["HS"] }\n', "two or more different states"),
    (WHOLE + 'reduction = { baseline = "best" }\n', "'best' is unknown"),
    (BAND.replace('position = "1310 1/cm", ', ""), "the position is missing"),
    (BAND.replace('position = "1310 1/cm"', 'place = "1310 1/cm"'), "'place' is unknown"),
    (BAND.replace('band = "H", low', 'band = "X", low'), "none of H"),
]


@pytest.mark.parametrize(("text", "says"), CASES)
def test_a_mistake_is_named(folder, text, says):
    with pytest.raises(ManifestError) as caught:
        prepare(load_manifest(write(folder, HEAD + (AREA if "band" in text else "") + text)))
    assert any(says in one for one in caught.value.problems), caught.value.problems


def test_a_population_needs_the_ratio_of_strengths(folder):
    more = (
        'reduction = { bands = { H = { position = "1310 1/cm" }, L = { position = "1485 1/cm" } }, band = "H",'
        ' over = "L" }\nobservable = { states = ["HS"] }'
    )
    with pytest.raises(ManifestError, match="strength_ratio"):
        prepare(load_manifest(write(folder, HEAD + block("x", "population", more))))


def test_pre_edges_of_real_files(tmp_path):
    for name in ("FeO_rt_01.xdi", "Fe2O3_rt_01.xdi"):
        shutil.copy(XANES / name, tmp_path / name)
    text = HEAD[: HEAD.index("[model]")] + (
        '[[measurement]]\nlabel = "pre-edge"\ntechnique = "xas"\nquantity = "pre_edge_area"\n'
        'files = ["FeO_rt_01.xdi", "Fe2O3_rt_01.xdi"]\nreduction = { low = "7108 eV", high = "7117 eV" }\n'
    )
    (areas,) = prepare(load_manifest(write(tmp_path, text))).measurements
    assert areas.values.shape == (2,)
    # octahedral iron: some units, and more for Fe(III)
    assert 3.0 < areas.values[0] < areas.values[1] < 30.0
