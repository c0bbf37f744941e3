"""Coordination geometry: against OctaDist's own call, and from a CIF to the full table against gemmi alone.

Run: python benchmarks/bench_coordination.py [--octadist PYTHON]. OctaDist is GPL and never imported here: it runs in
its own environment, whose interpreter the option names; without it that part is left out with a message. The crystal of
100 sites is simulated: an octahedron of iron and 93 carbon atoms at random in P 21/c. Times are ratios within one run,
except that the two interpreters time themselves.

What is compared for the CIF, each time from the file on disk, the least of many calls in one warm process:

- gemmi: parse, neighbour search around all 100 sites to 3.6 angstrom, and a Python list of (label, label, distance).
  The same search that leaves only the number of neighbours behind is given too; nothing can be done with that number,
  but it shows what the search alone costs.
- labile: the CIF with every s.u., anisotropic displacements included, its symmetry, formula and conditions checked, the
  neighbours of the metal only, and all rows of the table: lengths, distortion, hull and shape measures with propagated
  (for two parameters sampled) s.u., spin states. No bond valence sum, which needs an oxidation state.

The ratio of the issue (below 3) is that to the list.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np

from labile.formats.cif import read
from labile.techniques.coordination import coordination_table, distortions

TEST_SET = [
    [2.298354, 5.161785, 7.971898], [1.885657, 4.804777, 6.183726], [1.747515, 6.960963, 7.932784],
    [4.094380, 5.807257, 7.588689], [0.539005, 4.482809, 8.460004], [2.812425, 3.266553, 8.131637],
    [2.886404, 5.392925, 9.848966],
]  # fmt: skip
"""Of the OctaDist documentation, angstrom, metal first."""
OCTADIST = """
import json, sys, time
import numpy as np
import octadist as oc
coord = json.loads(sys.argv[1])
best = 1e9
for _ in range(30):
    begin = time.perf_counter()
    found = oc.CalcDistortion(coord)
    values = [found.zeta, found.delta, found.sigma, found.theta]
    best = min(best, time.perf_counter() - begin)
print(json.dumps({"seconds": best, "values": [float(v) for v in values]}))
"""


def best(call: Callable[[], object], times: int = 30) -> float:
    """Least time of several calls, s."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def simulated_cif(sites: int = 100) -> str:
    """A CIF with one octahedron and random carbon atoms, s.u. included."""
    rng = np.random.default_rng(0)
    cell = gemmi.UnitCell(14.2, 15.1, 16.3, 90, 98.0, 90)
    axes = np.array(cell.orth.mat.tolist())
    metal = axes @ np.array([0.24, 0.26, 0.28])
    around = metal + np.array(TEST_SET[1:]) - np.array(TEST_SET[0])
    fract = [cell.fractionalize(gemmi.Position(*p)).tolist() for p in (metal, *around)]
    labels = ["Fe1", *(f"N{i}" for i in range(1, 7))]
    while len(fract) < sites:
        trial = rng.uniform(size=3)
        images = np.array([op.apply_to_xyz(trial.tolist()) for op in gemmi.SpaceGroup("P 21/c").operations()])
        apart = images - fract[0]
        if np.linalg.norm((apart - np.rint(apart)) @ axes.T, axis=1).min() > 4.5:
            fract.append(trial.tolist())
            labels.append(f"C{len(fract)}")
    rows = "\n".join(
        f"{label} {label.rstrip('0123456789')} {x:.5f}(12) {y:.5f}(11) {z:.5f}(9) 0.0312(8) Uani 1 1 d . . ."
        for label, (x, y, z) in zip(labels, fract, strict=True)
    )
    items = (
        "label type_symbol fract_x fract_y fract_z U_iso_or_equiv adp_type occupancy symmetry_multiplicity calc_flag"
        " refinement_flags disorder_assembly disorder_group"
    ).split()
    aniso = "\n".join(f"{label} 0.031(2) 0.029(2) 0.035(2) 0.001(1) 0.002(1) -0.003(1)" for label in labels)
    components = ("label", "U_11", "U_22", "U_33", "U_23", "U_13", "U_12")
    displacements = "\n".join(f"_atom_site_aniso_{name}" for name in components)
    names = "\n".join(f"_atom_site_{name}" for name in items)
    return f"""data_simulated
_chemical_formula_sum 'C93 Fe N6'
_cell_length_a 14.2000(10)
_cell_length_b 15.1000(12)
_cell_length_c 16.3000(11)
_cell_angle_alpha 90
_cell_angle_beta 98.000(2)
_cell_angle_gamma 90
_cell_formula_units_Z 4
_diffrn_ambient_temperature 120(2)
_symmetry_space_group_name_H-M 'P 21/c'
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
'-x, y+1/2, -z+1/2'
'-x, -y, -z'
'x, -y-1/2, z-1/2'
loop_
{names}
{rows}
loop_
{displacements}
{aniso}
"""


def bare_gemmi(path: Path) -> int:
    """Parse and search around every site; nothing leaves C++ but the number of neighbours."""
    small = gemmi.read_small_structure(str(path))
    search = gemmi.NeighborSearch(small, 4.0).populate(include_h=True)
    return sum(len(search.find_site_neighbors(site, min_dist=0.1, max_dist=3.6)) for site in small.sites)


def listed_gemmi(path: Path) -> list[tuple[str, str, float]]:
    """The same with labels and distances, as a script that uses the neighbours would."""
    small = gemmi.read_small_structure(str(path))
    search = gemmi.NeighborSearch(small, 4.0).populate(include_h=True)
    found = []
    for site in small.sites:
        place = small.cell.orthogonalize(site.fract)
        for mark in search.find_site_neighbors(site, min_dist=0.1, max_dist=3.6):
            found.append((site.label, mark.to_site(small).label, mark.pos.dist(place)))
    return found


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octadist", help="Python interpreter of an environment with OctaDist", default="")
    options = parser.parse_args()
    points = np.array(TEST_SET)
    plain = best(lambda: distortions(points))
    full = best(lambda: distortions(points, gradients=True))
    thousand = best(lambda: distortions(np.repeat(points[None], 1000, axis=0)), 5) / 1000
    print(f"one octahedron: {plain * 1e3:.3f} ms, with gradients {full * 1e3:.3f} ms")
    print(f"1000 octahedra at once: {thousand * 1e6:.1f} us each")
    if options.octadist:
        done = subprocess.run(
            [options.octadist, "-c", OCTADIST, json.dumps(TEST_SET)], capture_output=True, text=True, check=True
        )
        theirs = json.loads(done.stdout.splitlines()[-1])
        ours = distortions(points)
        got = [ours.zeta[0], ours.delta[0], *np.degrees([ours.sigma[0], ours.theta[0]])]
        print(f"OctaDist: {theirs['seconds'] * 1e3:.3f} ms, {theirs['seconds'] / plain:.1f} times ours,"
              f" {theirs['seconds'] / full:.1f} times ours with gradients")  # fmt: skip
        print(f"largest relative difference: {np.max(np.abs(np.array(theirs['values']) / got - 1)):.1e}")
    else:
        print("OctaDist is left out: give the interpreter of its environment with --octadist")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simulated.cif"
        path.write_text(simulated_cif(), encoding="utf-8")
        bare, listed = best(lambda: bare_gemmi(path), 200), best(lambda: listed_gemmi(path), 200)
        reading = best(lambda: read(path), 200)
        lean = best(lambda: coordination_table(read(path, displacements=False)).rows(), 200)
        structure = read(path)[0]
        whole = best(lambda: coordination_table(read(path)).rows(), 200)
        analysis = best(lambda: coordination_table(structure).rows(), 200)
        print(
            f"100 sites: gemmi parses and counts neighbours in {bare * 1e3:.2f} ms, lists them in {listed * 1e3:.2f} ms"
        )
        print(
            f"CIF to full table {whole * 1e3:.2f} ms: {whole / listed:.2f} times the list, {whole / bare:.1f} the count"
            f", without displacements (no row uses them) {lean / listed:.2f} times the list"
        )
        print(f"of it reading {reading * 1e3:.2f} ms; a structure analysed again {analysis * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
