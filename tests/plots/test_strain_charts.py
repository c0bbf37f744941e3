"""Figures of strain, compression and ruby spectra, and that the example runs and says what was published."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.strain_charts import f_f_figure, indicatrix_figure, ruby_figure
from labile.techniques.equation_of_state import fit_equation_of_state
from labile.techniques.pressure_scale import fit_ruby_spectrum

EXAMPLE = Path(__file__).parents[2] / "examples" / "strain"
RUBY = Path(__file__).parents[1] / "data" / "ruby"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples") / "strain"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("out"))
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(folder / "fit.py"), run_name="__main__")
    return printed.getvalue(), folder / "out"


def test_the_example_gives_the_published_tensor(example):
    printed, out = example
    first = printed.split("labile's own")[0]
    for text in ("-23(3)", "30.0(16)", "13(3)", "20(3)", "[-0.3151, 0.0000, 0.9491]", "[0.9901, 0.0000, 0.1404]"):
        assert text in first
    assert "linear compressibility along c" in printed
    assert "thermal expansion along c: -19(3)" in printed
    assert {path.suffix for path in out.iterdir()} == {".svg", ".png", ".csv"}
    rows = (out / "coefficients.csv").read_text(encoding="utf-8")
    assert "lagrangian" in rows
    assert "TPa-1" in rows


def test_indicatrix_shows_what_is_negative():
    figure = indicatrix_figure(np.diag([-20e-6, 10e-6, 30e-6]), "x")
    names = [s.name for s in figure.panels[0].series]
    assert "X1-X2 plane, negative" in names
    assert "X2-X3 plane, negative" not in names
    assert "-20.0, 10.0, 30.0 MK⁻¹" in figure.caption
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_f_f_plot_has_error_bars():
    pressures = np.linspace(0, 4e9, 8)
    volumes = 500 * (1 + 6 * pressures / 10e9) ** (-1 / 6)
    found = fit_equation_of_state(pressures + 101325, volumes, 1e7, 0.1, form="birch_murnaghan_3")
    figure = f_f_figure(found, "simulated")
    points, line = figure.panels[0].series
    assert points.y_error is not None
    assert np.all(points.y_error > 0)
    assert line.name == "fit"
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "skip", "bands"), [("test_data1.txt", 0, 2), ("p1.1_RF.txt", 3, 3)])
def test_ruby_figure(name, skip, bands):
    x, y = np.loadtxt(RUBY / name, skiprows=skip).T
    spectrum = Measurement("intensity", y[None], Conditions(298.0), axis=Axis("wavelength", x * 1e-9), label=name)
    figure = ruby_figure(fit_ruby_spectrum(spectrum), name)
    main, _strip = figure.panels
    assert sum("s.u." in s.name for s in main.series) == bands
    assert ("not resolved" in figure.caption) == (bands == 3)
    assert figure_bytes(figure, "svg").startswith(b"<?xml")
