"""Start-up of the command line as ratios to `python -c "import numpy"`, within one run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

FC7 = Path(__file__).parents[1] / "examples" / "magnetometer" / "fc7.dat"
ROUNDS = 15
COMMANDS = {
    "import numpy": (["-c", "import numpy"], None),
    "labile --help": (["-m", "labile", "--help"], 1.5),
    "labile formats": (["-m", "labile", "formats"], 1.5),
    "labile read (100 kB)": (["-m", "labile", "read", str(FC7)], 6.0),
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the least time of each command and its ratio to importing numpy; rounds are interleaved.

    The least of many is what the command itself takes; everything above it is what else the machine was doing.
    """
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, (arguments, _) in COMMANDS.items():
            times[name].append(seconds(arguments))
    least = {name: min(values) for name, values in times.items()}
    base = least["import numpy"]
    for name, (_, target) in COMMANDS.items():
        ratio = least[name] / base
        verdict = "" if target is None else f"target < {target}: {'met' if ratio < target else 'MISSED'}"
        print(f"{name:22s} {least[name] * 1e3:7.0f} ms  {ratio:5.2f}  {verdict}")


if __name__ == "__main__":
    main()
