"""Options of a reduction from the text of a manifest: the empty holder and the matrix."""

from __future__ import annotations

import math

import pytest

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.study.manifest import Problems
from labile.study.reducing import reduce, reduction_options
from labile.techniques import technique

HOLDER = "Temperature (K),Magnetic Field (Oe),Moment (emu),M. Std. Err. (emu)\n"
HEAT, COOL = "2,1000,-1e-6,1e-8\n300,1000,-2e-6,1e-8\n", "290,1000,-2e-6,1e-8\n5,1000,-1e-6,1e-8\n"


def options(folder, **given):
    problems = Problems("study.toml", {})
    reduction = technique("magnetometry").reduction("moment", "chi_t")
    return reduction_options(reduction, given, folder, ("reduction",), problems), problems.found


@pytest.mark.parametrize("names", ["both.dat", ["up.dat", "down.dat"]])
def test_simulated_holder_of_several_parts(tmp_path, names):
    for name, rows in (("both.dat", HEAT + COOL), ("up.dat", HEAT), ("down.dat", COOL)):
        (tmp_path / name).write_text(HOLDER + rows)
    found, problems = options(tmp_path, holder=names)
    assert problems == []
    assert [part.branch for part in found["holder"]] == ["heating", "cooling"]


def test_holder_and_matrix_as_numbers(tmp_path):
    found, problems = options(tmp_path, holder="-1.2(1)e-9 emu/Oe", matrix_susceptibility="-8.6e-7 cm3/g")
    assert problems == []
    # 1 emu/Oe is 4 pi 1e-6 m3, 1 cm3/g (cgs) is 4 pi 1e-3 m3/kg
    assert found["holder"] == pytest.approx(-1.2e-9 * 4e-6 * math.pi, rel=1e-8)
    assert found["sigma_holder"] == pytest.approx(0.1e-9 * 4e-6 * math.pi, rel=1e-8)
    assert found["matrix_susceptibility"] == pytest.approx(-8.6e-7 * 4e-3 * math.pi, rel=1e-8)


@pytest.mark.parametrize("holder", ["missing.dat", "1e-9 emu", ["missing.dat"], 3.0, []])
def test_a_holder_that_is_neither_is_refused(tmp_path, holder):
    _, problems = options(tmp_path, holder=holder)
    assert len(problems) == 1
    assert "emu/Oe" in problems[0]


def test_an_option_that_a_reduction_needs_is_asked_for():
    raw = Measurement("absorption", [[0.0, 1.0]], Conditions(10.0), axis=Axis("energy", [1e-15, 2e-15]))
    reduction = technique("xas").reduction("absorption", "pre_edge_area")
    with pytest.raises(ValueError, match="pre_edge_area needs low and high; write reduction"):
        reduce(reduction, [raw], "pre_edge_area", {})
