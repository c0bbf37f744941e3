"""Reduce a real MPMS3 file to chi*T with the masses its own header gives."""

import csv
from pathlib import Path

from labile.formats import quantum_design
from labile.techniques.magnetometry import reduce_moment, transition_temperatures

FOLDER = Path(__file__).parent
# what this laboratory writes into entries that MultiVu meant for something else (README.md)
HEADER = {"SAMPLE_VOLUME": "eicosane_mass/mg", "SAMPLE_SIZE": "diamagnetic_susceptibility/(emu/mol)"}


def main() -> None:
    """Reduce with both ways of fitting the scan, print what was done and write out/chi_t.csv."""
    for centre in ("free", "fixed"):
        (raw,) = quantum_design.read(FOLDER / "fc7.dat", moment=centre, header_meaning=HEADER, sample="ErCOT")
        # both masses are rounded to 0.1 mg, which is a standard uncertainty of 0.03 mg
        chi_t = reduce_moment(raw, sigma_mass=0.03e-6, sigma_matrix_mass=0.03e-6)
        total = chi_t.total_sigma / chi_t.values * chi_t.in_unit()
        value, temperature = chi_t.in_unit()[-1], chi_t.temperature[-1]
        print(f"{centre} centre: chi*T = {value:.3f} +- {total[-1]:.2f} cm3 K/mol at {temperature:.2f} K")
    for step in chi_t.provenance.steps:
        print(f"  - {step}")
    print(f"transition: {transition_temperatures(chi_t).reason}")
    (FOLDER / "out").mkdir(exist_ok=True)
    with open(FOLDER / "out" / "chi_t.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["temperature (K)", "chi_t (cm3 K/mol)", "sigma (cm3 K/mol)"])
        columns = (chi_t.temperature, chi_t.in_unit(), total)
        writer.writerows([f"{value:.6g}" for value in row] for row in zip(*columns, strict=True))


if __name__ == "__main__":
    main()
