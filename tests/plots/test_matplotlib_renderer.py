import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from figure_cases import ALL, LABEL, bars, every_series, heat
from labile.plots.figure import Axis, Chart, ChartError, Figure, Line, Points
from labile.plots.matplotlib_renderer import COLUMN_MM, draw, figure_bytes, save


@pytest.mark.parametrize("case", ALL)
def test_files_parse_and_are_reproducible(case):
    figure = case()
    svg, pdf = figure_bytes(figure, "svg"), figure_bytes(figure, "pdf")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    # width in points of 1/72 inch
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(COLUMN_MM / 25.4 * 72, abs=0.1)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"CreationDate" not in pdf
    assert figure_bytes(case(), "svg") == svg
    assert figure_bytes(case(), "pdf") == pdf


def test_fonts_are_embedded():
    assert b"/FontFile2" in figure_bytes(every_series(), "pdf")
    # outlines: an SVG needs no font at all
    assert b"<text" not in figure_bytes(every_series(), "svg")


def test_save_writes_both_kinds(tmp_path):
    paths = save(bars(), tmp_path)
    assert [p.name for p in paths] == ["bars.svg", "bars.pdf"]
    assert all(p.stat().st_size > 1000 for p in paths)


def test_gaps_stay_gaps():
    drawn = draw(every_series())
    (line,) = [x for x in drawn.axes[0].get_lines() if len(x.get_xdata()) == 50]
    assert np.isnan(np.asarray(line.get_ydata())).sum() == 5


def test_limits_have_an_arrow_each_in_their_direction():
    t = np.array([1.0, 2.0, 3.0])
    points = Points("p", t, t, limits=np.array([-1, 0, 1]))
    drawn = draw(Figure("f", "c", (Chart("", Axis("T", "K"), Axis("x"), (points,)),)))
    arrows = [(a.xy[0], a.xyann[1]) for a in drawn.axes[0].texts]
    assert [x for x, _ in arrows] == [1.0, 3.0]
    assert arrows[0][1] < 0 < arrows[1][1]


def test_text_is_not_read_as_mathematics():
    drawn = draw(every_series())
    labels = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert LABEL.replace("$", r"\$") in [label.replace("\n", " ") for label in labels]


@pytest.mark.parametrize("case", ALL)
def test_nothing_is_cut_off_or_overlaps(case):
    drawn = draw(case())
    drawn.canvas.draw()
    renderer = drawn.canvas.get_renderer()
    whole = drawn.bbox
    boxes = [axes.get_tightbbox(renderer) for axes in drawn.axes]
    for legend in drawn.legends:
        box = legend.get_window_extent(renderer)
        boxes.append(box)
        assert not any(box.overlaps(axes.get_window_extent(renderer)) for axes in drawn.axes)
    for box in boxes:
        assert box.x0 > -2
        assert box.y0 > -2
        assert box.x1 < whole.x1 + 2
        assert box.y1 < whole.y1 + 2
    for axes in drawn.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            extents = [
                label.get_window_extent(renderer) for label in labels if label.get_text() and label.get_visible()
            ]
            shown = [e for e in extents if e.width and e.height]
            assert not any(a.overlaps(b) for i, a in enumerate(shown) for b in shown[:i])


def test_large_matrices_have_no_numbers_in_their_cells():
    assert len(draw(heat(3)).axes[0].texts) == 8
    assert len(draw(heat(13)).axes[0].texts) == 0


def test_refusals():
    line = Line("", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    figure = Figure("f", "c", (Chart("", Axis("T", "K"), Axis("x"), (line,)),))
    with pytest.raises(ChartError, match="too narrow"):
        draw(figure, 10.0)
    with pytest.raises(ChartError, match="svg, pdf or png"):
        figure_bytes(figure, "gif")


def test_settings_of_the_user_are_neither_used_nor_changed():
    code = (
        "import sys, matplotlib\n"
        "matplotlib.rcParams['lines.linewidth'] = 17.0\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from figure_cases import bars, every_series\n"
        "from labile.plots.matplotlib_renderer import draw\n"
        "before = dict(matplotlib.rcParams)\n"
        "drawn = draw(every_series())\n"
        "assert dict(matplotlib.rcParams) == before\n"
        "assert max(x.get_linewidth() for x in drawn.axes[0].get_lines()) < 5\n"
        "from matplotlib._pylab_helpers import Gcf\n"
        "assert not Gcf.figs\n"
    )
    folder = str(Path(__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
