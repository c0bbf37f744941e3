"""Bond lengths of the [FeCo] crystal at 60 and 100 K: which ion switches, and how far."""

import sys
from pathlib import Path

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Measurement, Provenance
from labile.core.uncertain import format_uncertain
from labile.plots.matplotlib_renderer import save
from labile.plots.structure_charts import bond_length_figure
from labile.techniques.coordination import SiteLengths, Value, assign_states, fraction_from_length
from labile.techniques.coordination.assignment import WINDOWS

SOURCE = "text of the preprint of Nat. Commun. 12 (2021), doi 10.1038/s41467-021-25041-4"
# angstrom, s.u. 0.005 (0.004 for some); of Fe-N and Co-N the text gives the shortest and the longest of four,
# and of Fe-O at 60 K one value for both
LENGTHS = {
    60.0: {
        "Fe": {"O": (1.904, 1.904), "N": (2.026, 2.060)},
        "Co": {"O": (1.893, 1.891), "N": (1.987, 2.026)},
    },
    100.0: {
        "Fe": {"O": (1.987, 1.991), "N": (2.109, 2.145)},
        "Co": {"O": (1.893, 1.891), "N": (1.979, 2.024)},
    },
}
SIGMA = 5e-13


def site(metal: str, kelvin: float) -> SiteLengths:
    """Two M-O as given, four M-N spaced evenly over their range (an assumption; only the mean is used)."""
    given = LENGTHS[kelvin][metal]
    inside = {"O": [d * 1e-10 for d in given["O"]], "N": list(1e-10 * np.linspace(*given["N"], 4))}
    return SiteLengths.of_sphere_lengths(metal, metal, inside, SIGMA)


def series() -> list[Measurement]:
    """Mean metal-oxygen and metal-ligand lengths as measurements."""
    temperatures = sorted(LENGTHS)
    made = []
    for metal in ("Fe", "Co"):
        sites = [site(metal, t) for t in temperatures]
        for label, means in (
            (f"{metal}-L, mean of six", [one.mean for one in sites]),
            (f"{metal}-O, mean of two", [one.by_element["O"] for one in sites]),
        ):
            made.append(
                Measurement(
                    "bond_length",
                    np.array([m.value for m in means]),
                    Conditions(temperatures),
                    np.array([m.sigma for m in means]),
                    label=label,
                    provenance=Provenance(SOURCE),
                )
            )
    return made


def main(folder: Path) -> None:
    """Print the assignment and write the figure."""
    folder.mkdir(exist_ok=True)
    print(f"Bond lengths: {SOURCE}")
    for kelvin in sorted(LENGTHS):
        sites = [site(metal, kelvin) for metal in ("Fe", "Co")]
        for one, found in zip(sites, assign_states(sites), strict=True):
            mean = format_uncertain(one.mean.value * 1e10, one.mean.sigma * 1e10)
            notes = f" ({'; '.join(found.notes)})" if found.notes else ""
            print(f"{kelvin:5.0f} K  {found.text}, mean {mean} angstrom{notes}")
    for metal in ("Fe", "Co"):
        for donor in ("O", "N"):
            cold, warm = (site(metal, t).by_element[donor] for t in sorted(LENGTHS))
            # the s.u. of Fe-O is that of one bond at 60 K and of the mean of two at 100 K, as the text gives them
            sigma = np.hypot(SIGMA if (metal, donor) == ("Fe", "O") else cold.sigma, warm.sigma)
            change = format_uncertain((warm.value - cold.value) * 1e10, float(sigma) * 1e10)
            print(f"{metal}-{donor} changes by {change} angstrom")
    low, high = site("Fe", 60.0).mean, site("Fe", 100.0).mean
    half = fraction_from_length(Value((low.value + high.value) / 2, 2e-13), low, high)
    print(
        f"if 60 and 100 K are the pure states, a mean Fe-L known to 0.002 angstrom gives the high-spin fraction to"
        f" {half.sigma:.2f} (at one half)"
    )
    windows = [w for w in WINDOWS if w.element == "Fe" and w.oxidation == 3]
    save(bond_length_figure(series(), windows=windows, title="[FeCo], bond lengths"), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "results")
