import json

import pytest

from figure_cases import ALL, LABEL, bars, every_series, heat
from labile.plots.plotly_renderer import CONFIG, draw, figure_dict, figure_json


@pytest.mark.parametrize("case", ALL)
def test_plotly_accepts_every_figure(case):
    drawn = draw(case())
    assert drawn.data
    assert drawn.layout.height > 100


@pytest.mark.parametrize("case", ALL)
def test_json_is_strict_and_cannot_end_a_script(case):
    text = figure_json(case())
    assert not set("<>&") & set(text)
    assert json.loads(text) == json.loads(json.dumps(figure_dict(case())))


def test_gaps_are_null_and_not_connected():
    (line,) = [t for t in figure_dict(every_series())["data"] if t.get("name") == "model"]
    assert line["y"].count(None) == 5
    assert line["connectgaps"] is False
    bands = [t for t in figure_dict(every_series())["data"] if t.get("fill") == "toself"]
    assert len(bands) == 2


def test_hover_tells_value_and_unit():
    (line,) = [t for t in figure_dict(every_series())["data"] if t.get("name") == "model"]
    assert "cm³ K mol⁻¹" in line["hovertemplate"]
    assert "μ<sub>eff</sub>" in line["hovertemplate"]
    assert "± %{customdata" in line["hovertemplate"]


def test_labels_are_text_and_not_markup():
    figure = figure_dict(every_series())
    names = [t.get("name", "") for t in figure["data"]]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; $x_1$ μ½" in names
    assert all(LABEL not in text for t in figure["data"] for text in t.get("text", []))


def test_limits_have_arrows_in_their_direction():
    arrows = figure_dict(every_series())["layout"]["annotations"]
    assert [a["ay"] > 0 for a in arrows] == [True, False, True]
    assert all(a["arrowside"] == "start" for a in arrows)


def test_panels_share_the_axis():
    layout = figure_dict(every_series())["layout"]
    assert layout["xaxis2"]["matches"] == "x"
    assert layout["yaxis2"]["domain"][1] < layout["yaxis"]["domain"][0]
    assert layout["xaxis"]["showticklabels"] is False


def test_a_failed_fit_has_no_bar():
    (trace,) = figure_dict(bars())["data"]
    assert trace["x"] == [3.0, 0.0, 0.0]
    assert trace["text"][2] == "did not converge"


def test_unknown_correlations_are_blank():
    (trace,) = figure_dict(heat())["data"]
    assert trace["z"][0][2] is None


def test_no_button_leads_to_another_machine():
    assert CONFIG["displaylogo"] is False
    assert CONFIG["modeBarButtons"] == [["toImage", "zoom2d", "pan2d", "resetScale2d"]]
