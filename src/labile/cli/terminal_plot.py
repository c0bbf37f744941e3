"""A small plot of points in a text console, in braille dots or plain letters."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_MARKS = "ox+*#@"


def draw(
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    x_title: str,
    y_title: str,
    *,
    width: int = 72,
    height: int = 16,
    braille: bool = True,
) -> str:
    """Points as text.

    Parameters
    ----------
    series : sequence of (str, sequence of float, sequence of float)
        Name, x and y; points that are not finite are left out.
    x_title, y_title : str
    width, height : int
        Of the field, in characters.
    braille : bool
        Dots of a quarter line each; else one letter a point, another letter for each series.

    Returns
    -------
    str

    Examples
    --------
    >>> print(draw([("", [0, 1], [0, 1])], "x", "y", width=10, height=3, braille=False))
    y
      1 |         o
        |
      0 |o
        +----------
         0        1
         x
    """
    points = [
        (number, float(x), float(y))
        for number, (_, xs, ys) in enumerate(series)
        for x, y in zip(xs, ys, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if not points:
        return f"{y_title}\n(no finite points)"
    x_low, x_high = _range([p[1] for p in points])
    y_low, y_high = _range([p[2] for p in points])
    columns, rows = (2 * width, 4 * height) if braille else (width, height)
    blank = chr(_BRAILLE) if braille else " "
    cells = [[blank] * width for _ in range(height)]
    for number, x, y in points:
        column = min(int((x - x_low) / (x_high - x_low) * (columns - 1) + 0.5), columns - 1)
        row = rows - 1 - min(int((y - y_low) / (y_high - y_low) * (rows - 1) + 0.5), rows - 1)
        if braille:
            raised = ord(cells[row // 4][column // 2]) | _DOTS[row % 4][column % 2]
            cells[row // 4][column // 2] = chr(raised)
        else:
            cells[row][column] = _MARKS[number % len(_MARKS)]
    low, high = f"{y_low:.4g}", f"{y_high:.4g}"
    margin = max(len(low), len(high), 3)
    lines = [y_title]
    for index, row_cells in enumerate(cells):
        label = high if index == 0 else low if index == height - 1 else ""
        text = "".join(row_cells).rstrip(" \u2800")
        lines.append(f"{label:>{margin}} |{text}")
    lines.append(f"{'':>{margin}} +{'-' * width}")
    left, right = f"{x_low:.4g}", f"{x_high:.4g}"
    lines.append(f"{'':>{margin}}  {left}{right:>{width - len(left)}}")
    lines.append(f"{'':>{margin}}  {x_title}")
    names = [name for name, _, _ in series if name]
    if not braille and len(names) > 1:
        lines += [f"{'':>{margin}}  {_MARKS[i % len(_MARKS)]} {name}" for i, (name, _, _) in enumerate(series)]
    return "\n".join(line.rstrip() for line in lines)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        pad = abs(low) * 0.05 or 1.0
        return low - pad, high + pad
    return low, high


def can_show_braille(encoding: str) -> bool:
    """Whether a console of this encoding has braille patterns."""
    try:
        "\u28ff".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
