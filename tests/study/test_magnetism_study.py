"""Studies whose states have spin Hamiltonians: chi*T(T) and M(H) fitted together with the populations."""

import csv
from pathlib import Path

import numpy as np
import pytest

from labile.core.units import from_si, to_si
from labile.models.spin_hamiltonian import SpinHamiltonian
from labile.models.spin_magnetism import MOLAR_MOMENT, magnetization, susceptibility
from labile.study.manifest import ManifestError
from labile.study.run import check, run

FECO = Path(__file__).parents[2] / "examples" / "feco" / "exchange.toml"
CM = to_si(1.0, "1/cm", "exchange")
D, G, RESIDUAL = 6.0, 2.1, 0.1
STUDY = """\
[study]
title = "simulated crystal with zero-field splitting"
notes = "simulated data"
[material]
states = [{ name = "LS", spin = 0 }, { name = "HS", spin = 2 }]
[model]
builder = "van_t_hoff"
[parameters]
"HS.enthalpy" = { value = 14, unit = "kJ/mol", min = 0, max = 40 }
"HS.entropy" = { value = 72, unit = "J/K/mol", min = 10, max = 150 }
"HS.zero_field_splitting" = { value = 3, unit = "cm-1", min = 0, max = 30 }
"HS.g" = { value = 2.0, min = 1.5, max = 2.6 }
"powder.residual_fraction" = { value = 0.05, min = 0, max = 0.5 }
[fit]
starts = 1
[[measurement]]
label = "chi*T"
technique = "magnetometry"
quantity = "chi_t"
file = "chit.csv"
sample = "powder"
observable = { hamiltonian = { HS = { spin = 2 } } }
[[measurement]]
label = "M(H)"
technique = "magnetometry"
quantity = "magnetization"
file = "mh.csv"
sample = "powder"
observable = { hamiltonian = { HS = { spin = 2 } } }
"""


def write(path, titles, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(titles)
        writer.writerows(np.round(rows, 8).tolist())


@pytest.fixture
def folder(tmp_path):
    """A simulated crystal, dH 15 kJ/mol and dS 75 J/K/mol, of which 10 % stay high spin."""
    quintet, noise = SpinHamiltonian.single(2), np.random.default_rng(0)
    values = {p.name: p.value for p in quintet.parameters("HS")}
    values |= {"HS.zero_field_splitting": D * CM, "HS.g": G}
    field = np.linspace(0.0, 7.0, 15)
    moment = RESIDUAL * magnetization(quintet, values, 2.0, field, owner="HS").values / MOLAR_MOMENT
    rows = np.stack([np.full(15, 2.0), field, moment + noise.normal(0, 1e-3, 15), np.full(15, 1e-3)], axis=1)
    write(tmp_path / "mh.csv", ["T (K)", "B (T)", "M (muB)", "sigma (muB)"], rows)
    kelvin = np.linspace(2.0, 300.0, 40)
    chi_t = from_si(susceptibility(quintet, values, kelvin, 0.1, owner="HS").values * kelvin, "cm3 K/mol", "chi_t")
    high = 1.0 / (1.0 + np.exp(np.minimum(15e3 / 8.314462618 * (1 / kelvin - 1 / 200.0), 300.0)))
    curve = (RESIDUAL + (1 - RESIDUAL) * high) * chi_t + noise.normal(0, 0.01, 40)
    rows = np.stack([kelvin, np.full(40, 0.1), curve, np.full(40, 0.01)], axis=1)
    write(tmp_path / "chit.csv", ["T (K)", "B (T)", "chiT (cm3 K/mol)", "sigma (cm3 K/mol)"], rows)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def test_populations_and_hamiltonian_together(folder):
    result = run(folder)
    fitted = result.fit.result
    assert result.converged
    truth = {
        "HS.enthalpy": 15e3,
        "HS.entropy": 75.0,
        "HS.zero_field_splitting": D * CM,
        "HS.g": G,
        "powder.residual_fraction": RESIDUAL,
    }
    for name, value in truth.items():
        assert fitted.value(name) == pytest.approx(value, abs=3.5 * fitted.sigma_of(name)), name
    assert fitted.sigma_of("HS.zero_field_splitting") < 0.3 * CM
    assert fitted.chi2 < fitted.degrees_of_freedom + 4 * np.sqrt(2 * fitted.degrees_of_freedom)
    # the curve of chi*T is drawn at the field of the data; M(H) has one over the field only
    (panel,) = (p for p in result.panels if p.quantity == "chi_t")
    (curve, *_) = panel.curves
    coldest = float(from_si(curve.values[np.argmin(curve.temperature)], "cm3 K/mol", "chi_t"))
    assert coldest == pytest.approx(float(from_si(result.measurements[0].values[0], "cm3 K/mol", "chi_t")), abs=0.04)
    assert all(not p.curves for p in result.panels if p.quantity == "magnetization")
    assert (folder / "results" / "figures" / "magnetization_magnetic_field.svg").is_file()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("{ HS = { spin = 2.3 } }", r"line 22: .*the spin 2.3 is no half-integer"),
        ("{ HS = { spin = 3 } }", r"state HS has spin 2, which centres of spin 3 cannot give"),
        (
            '{ HS = { centres = { Fe = { spin = 2.5 }, L = { spin = 0.5 } }, exchange = [["Fe", "L"]] } }',
            r"hamiltonian of state HS: the exchange convention is left unsaid",
        ),
        ("{ HQ = { spin = 2 } }", r"state 'HQ' is not in this model"),
        ("5", r"one table a state"),
    ],
)
def test_wrong_hamiltonians_are_named_before_anything_is_computed(folder, wrong, says):
    text = STUDY.replace(
        "observable = { hamiltonian = { HS = { spin = 2 } } }", f"observable = {{ hamiltonian = {wrong} }}", 1
    )
    (folder / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=says):
        check(folder)


def test_rhombicity_above_one_third(folder):
    text = STUDY.replace('"HS.g" =', '"HS.rhombicity" = { value = 0.5 }\n"HS.g" =')
    (folder / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=r'"HS.rhombicity".*0\.5 lies outside its bounds'):
        check(folder)


def test_feco_by_exchange(tmp_path):
    """M5 and I6: -122.5 cm-1 explains chi*T of the paper, a TIP does as well, a g alone does not."""
    result = run(FECO, out=tmp_path / "exchange")
    assert result.converged
    assert result.fit.values["H.Fe-dhbq.exchange"] / CM == pytest.approx(-122.5, abs=0.7)
    rows = {row.name: row for row in result.comparisons}
    assert rows["model"].chi2 < 0.01
    assert rows["temperature-independent paramagnetism"].chi2 < 0.01
    assert rows["g alone"].chi2 > 9
    tip = result.comparison_fits["temperature-independent paramagnetism"].values
    found = tip["crystal.temperature_independent_paramagnetism"]
    assert from_si(found, "cm3/mol", "chi_m") == pytest.approx(6.7e-4, abs=2e-5)
