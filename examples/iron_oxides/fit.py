"""Normalise real XANES of iron oxides, fit their pre-edges and tabulate them as one series; see README.md."""

import csv
from dataclasses import replace
from pathlib import Path

import labile
from labile.plots.absorption_charts import normalisation_figure, pre_edge_figure, pre_edge_map_figure
from labile.plots.matplotlib_renderer import save
from labile.techniques.xas import (
    EV,
    PreEdgeModel,
    calibrate_energy,
    calibrated,
    find_peaks,
    normalise,
    reference_of,
    repaired,
    series_table,
)

FOLDER = Path(__file__).parent
FOIL = "Fe_Foil_rt_2016Foils.xdi"
SPECTRA = {
    "FeO": ("FeO_rt_01.xdi", (7106.0, 7115.5)),
    "Fe3O4": ("Hansel2001_magnetite_xanes_001.xdi", (7105.0, 7116.5)),
    "Fe2O3": ("Fe2O3_rt_01.xdi", (7107.0, 7117.0)),
}
"""Sample: file, and window of the pre-edge on its own energy scale, eV."""


MODEL = PreEdgeModel(narrowest=1.2 * EV)
"""No peak is narrower than the 1s hole of iron makes it."""


def main() -> None:
    """Print, tabulate and draw; figures and the table go to out/."""
    out = FOLDER / "out"
    out.mkdir(exist_ok=True)
    (foil,) = labile.read(FOLDER / "data" / FOIL)
    scale = calibrate_energy(foil, "Fe 7112.0 eV")
    # the foil belongs to its own measurement, so only that is moved; the others keep the scale they were recorded on
    print(*scale.describe().splitlines(), sep="\n")
    metal = normalise(calibrated(repaired(foil), scale))
    save(normalisation_figure(calibrated(foil, scale), metal, "iron foil"), out, ("svg", "png"))
    fits = []
    for name, (file, window) in SPECTRA.items():
        (raw,) = labile.read(FOLDER / "data" / file)
        clean = replace(repaired(raw), label=name)
        normal = normalise(clean)
        print(f"\n{name}: {normal}")
        found = find_peaks(normal.measurement, (window[0] * EV, window[1] * EV), most=3, model=MODEL)
        print(found, found.best, sep="\n")
        fits.append(found.best)
        save(normalisation_figure(clean, normal, name), out, ("svg", "png"))
        save(pre_edge_figure(found.best, name), out, ("svg", "png"))
    save(pre_edge_map_figure([fit for fit in fits if fit.model.names], "Iron oxides"), out, ("svg", "png"))
    rows = [
        {
            "sample": name,
            **row,
            "energy scale": str(reference_of(fit.window.spectrum) or "as recorded, no foil with it"),
        }
        for (name, fit), row in zip(zip(SPECTRA, fits, strict=True), series_table(fits), strict=True)
    ]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(out / "pre_edges.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
