"""Start-up of the command line as ratios to `python -c "import numpy"`, within one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

FC7 = Path(__file__).parents[1] / "examples" / "magnetometer" / "fc7.dat"
ROUNDS = 7
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
    """Print the median of each command and its ratio to importing numpy; rounds are interleaved."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS + 1):
        for name, (arguments, _) in COMMANDS.items():
            times[name].append(seconds(arguments))
    # the first round fills the caches of the file system
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    base = medians["import numpy"]
    for name, (_, target) in COMMANDS.items():
        ratio = medians[name] / base
        verdict = "" if target is None else f"target < {target}: {'met' if ratio < target else 'MISSED'}"
        print(f"{name:22s} {medians[name] * 1e3:7.0f} ms  {ratio:5.2f}  {verdict}")


if __name__ == "__main__":
    main()
