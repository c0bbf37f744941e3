"""Figures of coordination geometry, and that the example of the [FeCo] crystal runs."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement
from labile.core.structure import Molecule
from labile.plots.figure import Box, ChartError, Points
from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.structure_charts import bond_length_figure, distortion_figure
from labile.techniques.coordination import coordination_table
from labile.techniques.coordination.assignment import WINDOWS

EXAMPLE = Path(__file__).parents[2] / "examples" / "feco"


def ion(kelvin, stretch):
    ligands = 2e-10 * stretch * np.vstack([np.eye(3), -np.eye(3)])
    ligands[0] *= 1.02
    return Molecule(f"{kelvin} K", ("Fe", *["N"] * 6), np.vstack([np.zeros(3), ligands]), conditions=Conditions(kelvin))


def test_bond_lengths_with_windows():
    lengths = Measurement.from_field(
        "bond_length", [2.08, 2.00], "angstrom", Conditions([100.0, 60.0]), sigma=0.005, label="Fe-L"
    )
    figure = bond_length_figure([lengths], windows=WINDOWS[:2], title="bonds")
    boxes = [s for s in figure.panels[0].series if isinstance(s, Box)]
    assert boxes[0].y == pytest.approx((1.95, 2.02))
    assert boxes[0].colour != boxes[1].colour
    (points,) = (s for s in figure.panels[0].series if isinstance(s, Points))
    np.testing.assert_allclose(points.y, [2.08, 2.00])
    np.testing.assert_allclose(points.y_error, 0.005)
    assert "Fe(2) LS, mean of N6" in figure.caption
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_distortion_has_one_panel_per_parameter():
    table = coordination_table([ion(300.0, 1.1), ion(100.0, 1.0)])
    figure = distortion_figure(table, "Fe1")
    assert len(figure.panels) == 3
    assert [p.y.symbol for p in figure.panels] == ["mean d", "Σ", "Θ"]
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_what_cannot_be_drawn_is_refused():
    angles = Measurement("bond_angle", [1.0], Conditions(100.0))
    with pytest.raises(ChartError, match="bond_angle"):
        bond_length_figure([angles])
    with pytest.raises(ChartError, match="nothing to draw"):
        bond_length_figure([])
    with pytest.raises(ChartError, match="no parameter"):
        distortion_figure(coordination_table(ion(100.0, 1.0)), "Fe1", ())


def test_the_example_says_that_iron_switches_and_cobalt_does_not(tmp_path, capsys, monkeypatch):
    shutil.copy(EXAMPLE / "structures.py", tmp_path)
    monkeypatch.setattr(sys, "argv", ["structures.py"])
    runpy.run_path(str(tmp_path / "structures.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert "60 K  Fe: Fe(3) LS (p > 0.999), mean 1.997(2) angstrom" in said
    assert "100 K  Fe: Fe(3) HS (p > 0.999), mean 2.081(2) angstrom" in said
    assert said.count("Co: Co(3) LS (p > 0.999)") == 2
    assert "Fe-O changes by 0.085(6) angstrom" in said
    assert (tmp_path / "results" / "bond_lengths.pdf").is_file()
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for number in ("1.997(2)", "2.081(2)", "1.968(2)", "1.965(2)", "0.085(6)", "0.084(4)", "-0.005(4)"):
        assert number in said
        assert number in readme
