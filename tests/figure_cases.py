"""Figures with every kind of series, drawn by both renderers' tests."""

import numpy as np

from labile.plots.figure import Axis, Bars, Box, Bracket, Chart, Figure, Heat, Line, Map, Points

T = np.linspace(10.0, 100.0, 50)
GAP = np.where((T > 40) & (T < 50), np.nan, T / 50)
LABEL = "<script>alert(1)</script> & $x_1$ μ½"
"""Text that HTML and mathematics would read as something else."""


def every_series() -> Figure:
    chart = Chart(
        LABEL,
        Axis("μ_eff", "bohr_magneton"),
        Axis("χT", "cm^3 K/mol"),
        (
            Box((20.0, 30.0), (0.5, 1.0), "window", "text"),
            Box(x=(60.0, 70.0), name="position"),
            Box(y=(1.4, 1.5)),
            Line("model", T, GAP, np.full(50, 0.1), dash="dash"),
            Line("", T[:2], np.array([1.0, 1.0]), dash="dot"),
            Points(LABEL, T[::5], GAP[::5], np.full(10, 2.0), np.full(10, 0.1), texts=(LABEL,) * 10, marker="diamond"),
            Points("limits", T[:3], T[:3], None, None, np.array([-1, 0, 1]), filled=False),
            Bracket(20.0, 80.0, 0.3, 0.5, 0.1, "difference", "text"),
            Bracket(20.0, 90.0, 0.3, 0.5, 0.1, "smaller difference", "text", -1),
        ),
    )
    strip = Chart("", Axis("T", "K"), Axis("residual/σ"), (Points("", T, np.sin(T)),), height=0.3)
    return Figure("every", "Everything.", (chart, strip), "alt")


def heat(size: int = 3) -> Figure:
    names = tuple(f"long_sample_name.parameter_{i}" for i in range(size))
    values = np.eye(size)
    values[0, -1] = np.nan
    return Figure(
        "heat", "c", (Chart("", Axis("", categories=names), Axis("", categories=names[::-1]), (Heat(values),)),)
    )


def bars() -> Figure:
    names = ("a model with quite a long name that needs two lines or even more", "b $", "failed")
    series = Bars(np.array([3.0, 0.0, np.nan]), ("3.0", "0.0", "did not converge"), ("#009e73", "#7b8794", "#7b8794"))
    return Figure("bars", "c", (Chart("", Axis("ΔBIC"), Axis("", categories=names), (series,)),))


def signed_map() -> Figure:
    x, y = np.linspace(100.0, 130.0, 31), np.linspace(140.0, 180.0, 41)
    values = (x - 115.0) * np.exp(-(((x - 115.0) / 5) ** 2) - ((y[:, None] - 160.0) / 5) ** 2)
    values[:, x > 125.0] = np.nan
    axes = Axis("T_down", "K"), Axis("T_up", "K")
    return Figure("map", "c", (Chart(LABEL, *axes, (Map(x, y, values, "ρ", "1/K^2"), Line("", x, x + 45.0))),))


ALL = (every_series, heat, bars, signed_map)
