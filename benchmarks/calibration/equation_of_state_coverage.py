"""How often the 68 % intervals of equations of state hold the truth: 256 simulated sets with errors of both axes.

Prints its section of docs/calibration.md.
"""

from __future__ import annotations

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.models.volumes import EquationOfState
from labile.techniques.equation_of_state import fit_equation_of_state

SETS = 256
TRUTH = {"volume": 500.0, "bulk_modulus": 10e9, "bulk_modulus_derivative": 6.0}
PRESSURES = np.linspace(0.0, 4e9, 14)
SIGMA_P, SIGMA_V = 2e7, 0.25


def main() -> None:
    """Fit all sets with both methods and print the table."""
    curve = EquationOfState("birch_murnaghan_3", *TRUTH.values())
    hits: dict[tuple[str, str], int] = {}
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        p = PRESSURES + AMBIENT_PRESSURE + SIGMA_P * rng.normal(size=PRESSURES.size)
        v = curve.volume(PRESSURES) + SIGMA_V * rng.normal(size=PRESSURES.size)
        for method in ("effective_variance", "orthogonal"):
            found = fit_equation_of_state(p, v, SIGMA_P, SIGMA_V, method=method)
            for name, truth in TRUTH.items():
                value, sigma = found.value(name)
                hits[name, method] = hits.get((name, method), 0) + int(abs(value - truth) < sigma)
    print("## Equations of state\n")
    print(
        f"{SETS} simulated sets of a Birch-Murnaghan curve of order 3, {PRESSURES.size} points up to 4 GPa with errors"
    )
    print(
        "of 0.02 GPa and of 0.05 % in the volume: how often the interval value +- s.u. holds the true value. 68.3 % is"
    )
    print("exact; 2.9 % is one standard deviation of such a count.\n")
    print("| parameter | effective variance | orthogonal distances |\n|---|---|---|")
    for name in TRUTH:
        first, second = (100 * hits[name, method] / SETS for method in ("effective_variance", "orthogonal"))
        print(f"| {name} | {first:.1f} % | {second:.1f} % |")
    print()


if __name__ == "__main__":
    main()
