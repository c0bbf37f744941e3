"""The example of scissors under pressure says what is exact, and that the rest is assumed."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "dpp_pressure"


def test_scissors_under_pressure(tmp_path, capsys, monkeypatch):
    """SCIENCE section 7, exact: K_a/K_b = -cot^2(q/2), a^2 + b^2 constant, NLC below K_L = K_b cos^2(q/2)."""
    monkeypatch.setattr(sys, "argv", ["scissors.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLE / "scissors.py"), run_name="__main__")
    assert (tmp_path / "scissors.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert said.startswith("ASSUMED, not measured")
    assert "we could not verify it and it is not used" in said
    # columns: q, b/a, K_a/K_b, K_b, K_a + K_b
    (row,) = [line.split() for line in said.splitlines() if line.split()[:1] == ["120"] and "K_b" in line]
    assert [float(one) for one in row[1:5]] == pytest.approx([3**-0.5, -1 / 3, 30.0, 20.0], abs=6e-4)
    assert "0.250 K_b = 7.5 TPa-1" in said
    constant = float(said.partition("constant to ")[2].split()[0])
    assert constant < 1e-12
    assert "the fit implies 6.2 A3" in said
    # x_LS = 1/(1 + exp((T dS - dH - P dV)/RT)) of mean_volume.toml at 5 kbar: dx/dP = -x(1 - x) dV/RT = -6.765e-11 Pa-1
    assert "a would have to change by 15%" in said
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for number in ("2.1 degrees", "a -1.0 %, b +3.1 %", "below 101 degrees"):
        assert number in said
        assert number in readme
