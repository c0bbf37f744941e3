"""How often the 68 % intervals of Mossbauer fits hold the truth: 256 simulated spectra of two overlapping doublets.

Prints its section of docs/calibration.md.
"""

from __future__ import annotations

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.techniques.mossbauer import Doublet, SpectrumModel, fit_spectrum

SPECTRA = 256
COUNTS = 1e6
VELOCITY = np.linspace(-4e-3, 4e-3, 256)
MODEL = SpectrumModel((Doublet("a", 0.4e-3, 1.7e-3), Doublet("b", 1.0e-3, 2.4e-3)))
TRUTH = MODEL.parameters().as_dict() | {
    "a.line_width": 0.30e-3,
    "b.line_width": 0.34e-3,
    "a.absorption_area": 0.06e-3,
    "b.absorption_area": 0.025e-3,
}
SHARE = TRUTH["b.absorption_area"] / (TRUTH["a.absorption_area"] + TRUTH["b.absorption_area"])


def main() -> None:
    """Fit all spectra and print the table."""
    curve = MODEL.evaluate(VELOCITY, TRUTH, ())[0]
    hits: dict[str, list[bool]] = {}
    for seed in range(SPECTRA):
        counts = np.random.default_rng(seed).poisson(COUNTS * curve).astype(float)
        spectrum = Measurement(
            "counts", counts[None, :], Conditions(80.0), axis=Axis("velocity", VELOCITY), label=f"simulated {seed}",
            attributes={"isomer_shift_reference": "alpha-Fe"},
        )  # fmt: skip
        fit = fit_spectrum(spectrum, MODEL)
        # the baseline is what the counts were divided by, known only to its own noise
        for name in fit.result.free_names[1:]:
            off = abs(fit.result.value(name) - TRUTH[name])
            hits.setdefault(name, []).append(bool(off < fit.result.sigma_of(name)))
        share, sigma = fit.area_fractions()["b"]
        hits.setdefault("area fraction of b", []).append(abs(share - SHARE) < sigma)
    print("## Mossbauer spectra\n")
    print(f"{SPECTRA} simulated spectra of two overlapping doublets, {VELOCITY.size} channels of {COUNTS:.0e} counts:")
    print(
        "how often the interval value +- s.u. holds the true value. 68.3 % is exact; 2.9 % is one standard deviation of"
    )
    print("such a count. Isomer shifts are relative to alpha-Fe.\n")
    print("| parameter | held |\n|---|---|")
    for name, found in hits.items():
        print(f"| {name} | {100 * np.mean(found):.1f} % |")
    print()


if __name__ == "__main__":
    main()
