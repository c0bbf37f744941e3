"""Strain of silver hexacyanocobaltate on heating and under pressure: coefficients, their signs, equation of state."""

import csv
from pathlib import Path

import labile
from labile.plots.matplotlib_renderer import save
from labile.plots.strain_charts import compressibility_figure, expansion_figure, f_f_figure, indicatrix_figure
from labile.techniques.equation_of_state import divide_phases, fit_equation_of_state
from labile.techniques.strain import KINDS, compressibility, is_negative, thermal_expansion

FOLDER = Path(__file__).parent
NAME = "Ag3[Co(CN)6]-II"


def main() -> None:
    """Print, draw and tabulate; figures and the table go to out/."""
    out = FOLDER / "out"
    out.mkdir(exist_ok=True)
    (heated,) = labile.read(FOLDER / "silver_hexacyanocobaltate.tsv")
    (pressed,) = labile.read(FOLDER / "silver_hexacyanocobaltate_pressure.tsv", temperature="298 K")

    print("published with PASCal (its kind of strain, weights and errors):")
    print(thermal_expansion(heated, kind="pascal", weighting="pascal", follow="second"))
    print("labile's own definition, weights from the cells:")
    expansion = thermal_expansion(heated)
    print(expansion)
    rows = [("quantity", "strain", "axis", "value", "direction")]
    for kind in KINDS:
        rows += [("expansion / MK-1", kind, *row) for row in thermal_expansion(heated, kind=kind).table()]
    for along in ("X1", "a", "b", "c"):
        print(is_negative(heated, along))

    squeezed = compressibility(pressed, kind="hencky")
    print(squeezed)
    rows += [
        (f"compressibility at {squeezed.pressure / 1e9:g} GPa / TPa-1", "hencky", *row) for row in squeezed.table()
    ]
    print(is_negative(pressed, "c"))
    pressure, volume = pressed.conditions.pressure, pressed.volumes
    for form in ("birch_murnaghan_2", "birch_murnaghan_3"):
        print(fit_equation_of_state(pressure, volume, form=form))
    print(divide_phases(pressure, volume).text)

    third = fit_equation_of_state(pressure, volume)
    for figure in (
        expansion_figure(expansion, NAME),
        indicatrix_figure(expansion.tensor, f"{NAME} thermal expansion"),
        compressibility_figure(squeezed, f"{NAME} under pressure"),
        f_f_figure(third, f"{NAME} F-f plot"),
    ):
        save(figure, out, ("svg", "png"))
    with open(out / "coefficients.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
