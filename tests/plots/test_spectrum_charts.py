"""Figures of Mossbauer spectra: what is drawn, what the caption says, and that the example runs."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.plots.matplotlib_renderer import figure_bytes
from labile.plots.spectrum_charts import distribution_figure, spectrum_figure
from labile.techniques.mossbauer import Doublet, Singlet, SpectrumModel, fit_distribution, fit_spectrum

EXAMPLE = Path(__file__).parents[2] / "examples" / "mossbauer_series"


@pytest.fixture
def spectrum():
    velocity = np.linspace(-4e-3, 4e-3, 128)
    model = SpectrumModel((Doublet("a", 0.4e-3, 1.7e-3), Singlet("b", 0.2e-3)))
    curve = model.evaluate(velocity, model.parameters().as_dict(), ())[0]
    counts = np.random.default_rng(0).poisson(1e5 * curve).astype(float)
    return Measurement(
        "counts", counts[None, :], Conditions(80.0), axis=Axis("velocity", velocity), label="x 1",
        attributes={"isomer_shift_reference": "alpha-Fe"},
    )  # fmt: skip


def test_spectrum_figure(spectrum):
    fit = fit_spectrum(spectrum, SpectrumModel((Doublet("a", 0.4e-3, 1.7e-3), Singlet("b", 0.2e-3))))
    figure = spectrum_figure(fit)
    assert figure.key == "spectrum_x_1"
    assert "relative to α-Fe at room temperature" in figure.caption
    main, strip = figure.panels
    assert [s.name for s in main.series] == ["measured", "a", "b", "fit"]
    assert "α-Fe" in main.x.symbol
    assert strip.series[1].y.size == 128
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_distribution_figure(spectrum):
    found = fit_distribution(
        spectrum, Doublet("d"), "quadrupole_splitting", np.linspace(0, 3e-3, 21), line_width=0.25e-3
    )
    figure = distribution_figure(found, "Splitting at 80 K")
    assert figure.panels[0].x.unit == "mm/s"
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")


def test_the_example_runs(tmp_path, capsys):
    folder = tmp_path / "mossbauer_series"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("out"))
    runpy.run_path(str(folder / "fit.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for text in ("12.005(8) mm/s", "49.58(5) T", "0.466(8) mm s⁻¹ relative to α-Fe at room temperature"):
        assert text in printed
    for line in printed.splitlines():
        assert "isomer_shift" not in line or "relative to α-Fe" in line
    assert {p.suffix for p in (folder / "out").iterdir()} == {".svg", ".png", ".csv"}
