"""What a hinged rhombus implies for [Fe(dpp)2(NCS)2].py: NLC, NTE and the spin transition on one angle.

Nothing here is measured. No cell constants of this compound are available to us: the angle of the scissors and every
coefficient of the lattice are assumed and labelled so. The populations are those of the two studies beside this file.
"""

import math
import sys
from pathlib import Path

import numpy as np

import labile
from labile.core.conditions import Conditions
from labile.core.constants import AVOGADRO
from labile.models.populations import Populations
from labile.plots.figure import Axis, Box, Chart, Figure, Line
from labile.plots.matplotlib_renderer import save
from labile.plots.palette import BLUE, INK, MUTED, VERMILION
from labile.techniques.coordination import Scissors, opened, scissor_motion
from labile.techniques.strain import CellLength, compressibility_parts, expansion_parts

FOLDER = Path(__file__).parent
TPA, MK, KBAR = 1e-12, 1e-6, 1e8
ROOM = 298.0

# assumed, every one of them
ANGLE = math.radians(120.0)  # full angle opposite the axis a
K_A = -10 * TPA  # lattice along a: a round number, not a measurement
ALPHA_A = -100 * MK  # expansion of the lattice along a: a round number
ARM = 10e-10  # m; only ratios enter what is printed
USUAL_VOLUME, CELL_PER_IRON = 25.0, 940.0  # cubic angstrom: usual volume change of iron(II), volume of the crystal

NAMES = {"study": "Slichter-Drickamer (study.toml)", "mean_volume": "no interaction (mean_volume.toml)"}


def compressibilities(rhombus: Scissors, angle_rate: float, arm: float) -> tuple[float, float]:
    """K of both diagonals (1/Pa) from dq/dP (rad/Pa) and K_L of the arms (1/Pa), over 1 bar."""
    step = 1e5
    ends = [opened(rhombus, side * angle_rate * step, -side * arm * step) for side in (-0.5, 0.5)]
    return -math.log(ends[1].a / ends[0].a) / step, -math.log(ends[1].b / ends[0].b) / step


def geometry() -> float:
    """Print what holds for every hinged rhombus; return dq/dP of the assumed one (rad/Pa)."""
    print("1. A hinged rhombus with rigid arms (exact; a is the axis that expands under pressure, b the other diagonal")
    print(f"   of the rhombus). Columns with K use K_a = {K_A / TPA:g} TPa-1, an assumed round number.")
    print("   angle q   b/a   K_a/K_b   K_b/TPa-1   K_a+K_b   dq over 5 kbar   NLC needs K_L below")
    for degrees in (60, 90, 120, 140):
        rhombus = Scissors.from_angle(ARM, math.radians(degrees))
        k_b = K_A / rhombus.ratio
        motion = scissor_motion(rhombus, K_A, k_b)
        turn = math.degrees(motion.angle_rate) * 5 * KBAR
        # the arms that make K_a vanish at this K_b
        share = scissor_motion(rhombus, 0.0, k_b).arm / k_b
        print(
            f"   {degrees:5d}   {rhombus.b / rhombus.a:5.3f}   {rhombus.ratio:7.3f}   {k_b / TPA:7.1f}   "
            f"{round((K_A + k_b) / TPA, 6) + 0.0:9.1f}   {turn:8.2f} deg    {share:.3f} K_b ="
            f" {share * k_b / TPA:.1f} TPa-1"
        )
    rhombus = Scissors.from_angle(ARM, ANGLE)
    sums = [one.a**2 + one.b**2 for one in (opened(rhombus, turn) for turn in np.linspace(-0.3, 0.3, 61))]
    print(f"   a2 + b2 = 4 L2 while q turns by 34 degrees: constant to {np.ptp(sums) / sums[0]:.0e}")
    print("   K_a + K_b < 0 below 90 degrees: the area would grow under pressure. Alone, scissors give NLC along their")
    print("   longer diagonal; along the shorter one only if the third axis shrinks by more.")
    rate = scissor_motion(rhombus, K_A, K_A / rhombus.ratio).angle_rate
    print(f"   Arms that are compressible themselves, at {math.degrees(ANGLE):g} degrees and the same dq/dP:")
    for arm in (0.0, 5 * TPA, 10 * TPA, 15 * TPA):
        k_a, k_b = compressibilities(rhombus, rate, arm)
        sign = "none" if abs(k_a) < 1e-6 * TPA else "NLC" if k_a < 0 else "positive"
        print(
            f"     K_L {arm / TPA:4.1f}: K_a {k_a / TPA + 0.0:5.1f}, K_b {k_b / TPA:5.1f} TPa-1, {sign} along a"
            f" (K_L over K_b cos2(q/2) = {arm / (k_b * math.cos(ANGLE / 2) ** 2):.2f}; NLC below 1)"
        )
    return rate


def transition(volumes: dict[str, float]) -> Scissors:
    """Print how far the transition has to close the scissors; return those of LS for the assumed angle."""
    print(f"\n3. Why the transition would need 25 kbar: {USUAL_VOLUME:g} A3 per iron are usual (typical value), and")
    for name, volume in volumes.items():
        print(f"   the fit implies {volume:.1f} A3 ({NAMES[name]}, entropy assumed)")
    missing = (USUAL_VOLUME - volumes["mean_volume"]) / CELL_PER_IRON
    print(f"   If scissors that close gave the rest back, their area would grow by {100 * missing:.1f} % at HS -> LS")
    least = 180 - math.degrees(math.asin(1 / (1 + missing)))
    print(
        f"   (of about {CELL_PER_IRON:g} A3 per iron, assumed). Area = 2 L2 sin q, largest at 90 degrees: they cannot"
    )
    print(f"   where HS is below {least:.0f} degrees. For an assumed angle of HS")
    chosen: Scissors | None = None
    for degrees in (100, 110, 120, 130):
        angle = math.radians(degrees)
        sine = (1 + missing) * math.sin(angle)
        if sine > 1:
            print(f"     {degrees} degrees: impossible")
            continue
        high = Scissors.from_angle(ARM, angle)
        low = opened(high, math.pi - math.asin(sine) - angle)
        change_a, change_b = low.a / high.a - 1, low.b / high.b - 1
        print(
            f"     {degrees} degrees: closes by {math.degrees(high.angle - low.angle):.1f} degrees;"
            f" a {100 * change_a:+.1f} %, b {100 * change_b:+.1f} %"
        )
        if math.isclose(angle, ANGLE):
            chosen = low
    assert chosen is not None
    return chosen


def senses(rate: float) -> None:
    """Print which way pressure, temperature and the transition turn the angle in the reading of the abstract."""
    rhombus = Scissors.from_angle(ARM, ANGLE)
    warm = scissor_motion(rhombus, ALPHA_A, ALPHA_A / rhombus.ratio, kind="expansion").angle_rate
    print('\n2. "SCO, thermal expansion and pressure effect act antagonistically" (conference abstract, its ref. [11];')
    print("   the abstract names the axis a for NLC only; the rest is our reading of that sentence)")
    print("   effect                 scissors   a         b         name")
    print("   pressure, lattice      open       grows     shrinks   NLC of a")
    print("   warming, lattice       close      shrinks   grows     NTE of a")
    print("   pressure, HS -> LS     close      shrinks   grows     works against NLC")
    print("   warming, LS -> HS      open       grows     shrinks   works against NTE")
    print(
        f"   alpha_a/alpha_b = K_a/K_b = {rhombus.ratio:.3f} at {math.degrees(ANGLE):g} degrees (assumed): measured"
        " ratios that differ say\n   that the arms change, too, or that one rhombus is not the mechanism."
    )
    print(
        f"   With the assumed {K_A / TPA:g} TPa-1 and {ALPHA_A / MK:g} MK-1, 1 kbar turns q by"
        f" {math.degrees(rate) * KBAR:+.2f} and 10 K by {math.degrees(warm) * 10:+.2f} degrees:"
        f"\n   q stays where it is along {-rate / warm * KBAR:.0f} K/kbar (K_a/alpha_a, whatever the angle)."
    )


def cell(high: Scissors, low: Scissors, edge: str) -> tuple[CellLength, dict[str, float]]:
    """Mixed cell along one diagonal with the same assumed lattice in both states."""
    length = {"a": (high.a, low.a), "b": (high.b, low.b)}[edge]
    ratio = Scissors.from_angle(ARM, ANGLE).ratio
    k, alpha = (K_A, ALPHA_A) if edge == "a" else (K_A / ratio, ALPHA_A / ratio)
    values = {f"{state}.cell_{edge}": one for state, one in zip(("HS", "LS"), length, strict=True)}
    for state in ("HS", "LS"):
        values |= {f"{state}.compressibility_{edge}": k, f"{state}.expansion_{edge}": alpha}
    return CellLength(edge=edge), values


def mixed(populations: dict[str, Populations], at: Conditions, high: Scissors, low: Scissors) -> None:
    """Print lattice and switching parts of K_a and alpha_a at room temperature."""
    print(
        "\n4. The mixed cell, x_HS a_HS + x_LS a_LS at 298 K: does switching alone make an axis expand under pressure?"
    )
    print("   Lattice coefficients as assumed above, in both states; LS closed or (the opposite) opened as in 3.")
    kbar = np.asarray(at.pressure) / KBAR
    wide = opened(high, high.angle - low.angle)
    for name, found in populations.items():
        print(f"   {NAMES[name]}")
        for word, other in (("LS closes the scissors", low), ("LS opens the scissors", wide)):
            observable, values = cell(high, other, "a")
            parts = compressibility_parts(observable, found, at, values)
            warm = expansion_parts(observable, found, at, values)
            print(f"     {word}: a_LS/a_HS = {other.a / high.a:.3f} (assumed)")
            for p in (1.0, 5.0, 20.0, 25.0, 27.0):
                k = int(np.argmin(np.abs(kbar - p)))
                print(
                    f"       {p:4.0f} kbar: K_a = {parts.lattice[k] / TPA:.1f} lattice {parts.switching[k] / TPA:+.2f}"
                    f" switching = {parts.total[k] / TPA:+.1f} TPa-1; alpha_a = {warm.lattice[k] / MK:.0f} lattice"
                    f" {warm.switching[k] / MK:+.1f} switching MK-1"
                )
        near = int(np.argmin(np.abs(kbar - 5.0)))
        needed = abs(K_A / found.x_p[near, found.state_names.index("HS")])
        print(f"     to give {K_A / TPA:g} TPa-1 at 5 kbar by switching alone, a would have to change by {needed:.0%}")
    # without any model: less than a tenth of the molecules switches before 25 kbar
    bound = 0.1 * abs(wide.a / high.a - 1) / (25 * KBAR)
    print(
        f"   without a model: less than 10 % LS before 25 kbar bounds the mean switching part to {bound / TPA:.2f}"
        " TPa-1"
    )
    print(
        "   Yes in principle (an axis that is longer in LS expands), but not here below 5 kbar: where the abstract has"
    )
    print("   NLC and NTE nearly nothing switches, so both are of the lattice. Switching that closes the scissors ends")
    print("   the NLC where the pressure-induced transition sets in, which is how far the abstract follows it.")
    print("   The volume never gains from switching: pressure moves molecules to the state of smaller volume.")


def figure(populations: dict[str, Populations], at: Conditions, high: Scissors, low: Scissors) -> Figure:
    """Parts of K_a, relative lengths and high-spin fraction against pressure at 298 K."""
    kbar = np.asarray(at.pressure) / KBAR
    found = populations["study"]
    wide = opened(high, high.angle - low.angle)
    pressure = Axis("P", "kbar", limits=(0.0, 30.0))
    coefficients: list[Line | Box] = [Box((0.0, 5.0), None, "NLC and NTE reported here", "below 5 kbar", MUTED)]
    lengths: list[Line] = []
    for word, other, colour, dash in (("LS closes", low, VERMILION, "solid"), ("LS opens", wide, BLUE, "dash")):
        observable, values = cell(high, other, "a")
        parts = compressibility_parts(observable, found, at, values)
        if not lengths:
            coefficients.append(Line("lattice alone, assumed", kbar, parts.lattice / TPA, colour=INK, dash="dot"))
        coefficients.append(Line(f"with switching, {word}, assumed", kbar, parts.total / TPA, colour=colour, dash=dash))
        for edge in ("a", "b"):
            observable, values = cell(high, other, edge)
            length = observable.predict(found, at, values).values
            shown = 100 * (length / length[0] - 1)
            lengths.append(
                Line(f"{edge}, {word}", kbar, shown, colour=colour, dash=dash, width=1.4 if edge == "a" else 0.7)
            )
    fractions = [
        Line(
            name.split(" (")[0], kbar, populations[key].of("HS"), colour=INK, dash="solid" if key == "study" else "dot"
        )
        for key, name in NAMES.items()
    ]
    charts = (
        Chart("assumed scissors, 298 K", pressure, Axis("K_a", "1/TPa", limits=(-72.0, 52.0)), tuple(coefficients)),
        Chart("", pressure, Axis("change of a (thick), b (thin)", "%"), tuple(lengths), 0.9),
        Chart("", pressure, Axis("x_HS", limits=(0.0, 1.05)), tuple(fractions), 0.6),
    )
    caption = (
        "Nothing in this figure is measured. A hinged rhombus with rigid arms at an assumed 120 degrees, with an"
        f" assumed compressibility of the lattice of {K_A / TPA:g} TPa⁻¹ along a in both states. Top: linear"
        " compressibility along a of the mixed cell at 298 K, of the lattice alone and with switching, if LS closes the"
        " scissors by the assumed angle or opens them by the same angle. Middle: the diagonals a (thick) and b (thin)."
        " Bottom: high-spin fraction of the fitted models (Slichter-Drickamer, used above, and no interaction). Below 5"
        " kbar switching does nothing that could be seen; at the transition it ends the negative compressibility, or"
        " multiplies it."
    )
    return Figure("scissors", caption, charts, caption)


def main(out: Path) -> None:
    """Print the reasoning and write the figure."""
    out.mkdir(parents=True, exist_ok=True)
    print("ASSUMED, not measured: the angle of the scissors and all coefficients of the lattice. A coefficient of")
    print("-10.3(20) TPa-1 is quoted for this compound in the literature; we could not verify it and it is not used.\n")
    kbar = np.linspace(0.001, 30.0, 601)
    at = Conditions(np.full(kbar.size, ROOM), kbar * KBAR)
    populations, volumes = {}, {}
    for name in NAMES:
        fitted = labile.fit_jointly(labile.check(FOLDER / f"{name}.toml").joint)
        values = fitted.result.parameters.as_dict()
        populations[name] = labile.equilibrium(fitted.joint.model, at, values)
        volumes[name] = values["HS.volume"] / AVOGADRO * 1e30
    rate = geometry()
    senses(rate)
    high = Scissors.from_angle(ARM, ANGLE)
    low = transition(volumes)
    mixed(populations, at, high, low)
    save(figure(populations, at, high, low), out, ("svg", "png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "out")
