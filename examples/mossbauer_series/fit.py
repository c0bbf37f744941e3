"""Fold, calibrate and fit real spectra of ferrihydrite and goethite at 77 K and 5 K."""

import csv
from pathlib import Path

import numpy as np

import labile
from labile.core.parameters import Parameter
from labile.plots.matplotlib_renderer import save
from labile.plots.spectrum_charts import distribution_figure, spectrum_figure
from labile.techniques.mossbauer import (
    Doublet,
    Sextet,
    SpectrumModel,
    calibrate,
    fit_distribution,
    fit_spectrum,
    fold_spectrum,
)

FOLDER = Path(__file__).parent
MM_S = 1e-3
FOIL = "251104_v12.dat"


def models() -> dict[str, SpectrumModel]:
    """Iron foil: one sextet. 77 K: goethite is ordered, ferrihydrite collapses. 5 K: both are ordered."""
    goethite = Sextet("goethite", 0.48 * MM_S, 50.0, -0.12 * MM_S)
    return {
        FOIL: SpectrumModel((Sextet("alpha_iron", 0.0, 33.0),), gaussian=("alpha_iron",)),
        "77.0K_1.0h12.0m.dat": SpectrumModel((goethite, Doublet("ferrihydrite", 0.45 * MM_S, 0.8 * MM_S))),
        "5.0K_1.0h10.0m.dat": SpectrumModel(
            (goethite, Sextet("ferrihydrite", 0.48 * MM_S, 48.0)), gaussian=("goethite", "ferrihydrite")
        ),
    }


def main() -> None:
    """Print and draw all fits; figures and the table of parameters go to out/."""
    out = FOLDER / "out"
    out.mkdir(exist_ok=True)
    (foil,) = labile.read(FOLDER / FOIL)
    scale = calibrate(foil, starts="positive", nominal_velocity=12 * MM_S)
    print(*scale.describe(), sep="\n")
    rows = []
    for name, model in models().items():
        (raw,) = labile.read(FOLDER / name)
        start = [Parameter(f"{c}.line_width", 0.25 * MM_S, lower=0.19 * MM_S, upper=0.6 * MM_S) for c in model.gaussian]
        fit = fit_spectrum(fold_spectrum(raw, scale), model, changes=start)
        print(fit)
        rows += [(raw.label, *row) for row in fit.table()]
        save(spectrum_figure(fit), out, ("svg", "png"))
    (cold,) = labile.read(FOLDER / "5.0K_1.0h10.0m.dat")
    found = fit_distribution(
        fold_spectrum(cold, scale), Sextet("ferric"), "hyperfine_field", np.linspace(30, 60, 61),
        line_width=0.3 * MM_S, fixed={"isomer_shift": 0.47 * MM_S, "quadrupole_shift": -0.05 * MM_S},
    )  # fmt: skip
    print(f"field distribution at 5 K: mean {found.mean:.2f} T, standard deviation {found.standard_deviation:.2f} T")
    save(distribution_figure(found, "Hyperfine field at 5 K"), out, ("svg", "png"))
    with open(out / "parameters.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("spectrum", "parameter", "value", "role"), *rows])


if __name__ == "__main__":
    main()
