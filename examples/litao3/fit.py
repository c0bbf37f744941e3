"""Fit the pyroelectric coefficient of LiTaO3 by Debye and Einstein functions; see README.md for the data."""

import sys
from dataclasses import replace

import numpy as np

from labile.formats.registry import read
from labile.plots.matplotlib_renderer import save
from labile.plots.pyroelectric_charts import lattice_figure
from labile.techniques.pyroelectricity import fit_lattice


def main(path: str) -> None:
    """Read, fit, say and draw."""
    [curve] = read(path, units={"temperature": "K", "pyroelectric_coefficient": "C/m^2/K"})
    curve = replace(curve, unit="nC/cm^2/K")
    fit = fit_lattice(curve)
    print(f"{curve}\np(300 K) = {np.interp(300.0, curve.temperature, curve.values):.3e} C m-2 K-1")
    print(fit.result)
    print(fit.text)
    save(lattice_figure(curve, fit, "LiTaO3"), ".")


if __name__ == "__main__":
    main(sys.argv[1])
