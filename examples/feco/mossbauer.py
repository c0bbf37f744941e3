"""What the Mossbauer doublets of the [FeCo] crystal say about x_V at 125 K, beside the pyroelectricity."""

from pathlib import Path

from labile.core.conditions import Conditions
from labile.core.uncertain import format_uncertain
from labile.models.equilibrium import equilibrium
from labile.study.run import run
from labile.techniques.mossbauer import barrier_at_rate

FOLDER = Path(__file__).parent
AT = Conditions([125.0])
# IS (mm/s relative to alpha-Fe) and QS of high-spin Fe(III) and Fe(II): literature ranges, not of this crystal
IS_H, IS_V = (0.50, 0.08), (1.15, 0.10)
QS_H, QS_V = (1.0, 0.1), (2.5, 0.23)


def share(measured: tuple[float, float], low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float]:
    """x_V = (measured - H)/(V - H) and its standard uncertainty."""
    span = high[0] - low[0]
    x = (measured[0] - low[0]) / span
    sigma = (measured[1] ** 2 + ((1 - x) * low[1]) ** 2 + (x * high[1]) ** 2) ** 0.5 / span
    return x, sigma


def main() -> None:
    """Fit with and without the Mossbauer statements and print both populations."""
    print("x_V at 125 K if exchange is fast and hyperfine parameters are those of the literature:")
    qs, isomer = share((1.83, 0.03), QS_H, QS_V), share((0.69, 0.02), IS_H, IS_V)
    print(f"  from QS 1.83 mm/s: {format_uncertain(*qs)}")
    print(f"  from IS 0.69 mm/s relative to alpha-Fe: {format_uncertain(*isomer)}")
    for name, title in (("study.toml", "without"), ("mossbauer.toml", "with")):
        result = run(FOLDER / name, out=FOLDER / "results" / Path(name).stem)
        fitted = result.fit
        values = fitted.result.parameters.as_dict()
        x_v = float(equilibrium(fitted.joint.model, AT, values).of("V")[0])
        print(f"x_V at 125 K from the joint fit {title} Mossbauer statements: {x_v:.3f}, chi2 {fitted.result.chi2:.1f}")
        if title == "without":
            sigmas = (qs[0] - x_v) / qs[1], (isomer[0] - x_v) / isomer[1]
            print(f"  QS asks for {sigmas[0]:+.1f} standard deviations more, IS for {sigmas[1]:+.1f}")
        else:
            for quantity in ("isomer_shift", "quadrupole_splitting"):
                for state in "HV":
                    parameter = fitted.result.parameters[f"{state}.{quantity}"]
                    pull = (fitted.result.value(parameter.name) - parameter.prior.mean) / parameter.prior.sigma
                    print(f"  {parameter.name} is pulled by {pull:+.1f} standard deviations of its range")
    low, high = barrier_at_rate(1e8, 125.0) / 1e3, barrier_at_rate(1e12, 300.0) / 1e3
    print(f"hopping between 1e8 and 1e12 s-1: barrier below {low:.1f} kJ/mol (125 K), above {high:.1f} kJ/mol (300 K)")


if __name__ == "__main__":
    main()
