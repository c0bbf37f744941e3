"""Crystal structures: reading a CIF with its s.u. and finding neighbours, against gemmi without s.u.

Run: python benchmarks/bench_structures.py [CIF SITE]. By default the two CIFs of the tests. gemmi reads values only (no
s.u., no checks, no conditions) and searches the neighbours of one site; labile does the same with s.u., symmetry checks
and flags, with and without anisotropic displacements. Times are the least of several runs, ratios are within one run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import gemmi

from labile.core.neighbours import neighbours
from labile.formats.cif import read

DATA = Path(__file__).parents[1] / "tests" / "data" / "structures"
CASES = ((DATA / "2227982.cif", "Co1"), (DATA / "4111132.cif", "Fe1"))
CUTOFF = 3.0
"""angstrom"""


def best(call: Callable[[], object], times: int = 15, each: int = 10) -> float:
    """Least mean time of several runs, s."""
    call()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        for _ in range(each):
            call()
        found.append((time.perf_counter() - begin) / each)
    return min(found)


def bare(path: Path, label: str) -> int:
    """Bare parse and the neighbours of one site."""
    structure = gemmi.read_small_structure(str(path))
    site = next(one for one in structure.sites if one.label == label)
    search = gemmi.NeighborSearch(structure, CUTOFF + 1).populate()
    return len(search.find_site_neighbors(site, min_dist=0.1, max_dist=CUTOFF))


def bare_all(path: Path) -> int:
    """Bare parse and the neighbours of every site."""
    structure = gemmi.read_small_structure(str(path))
    search = gemmi.NeighborSearch(structure, CUTOFF + 1).populate()
    return sum(len(search.find_site_neighbors(one, min_dist=0.1, max_dist=CUTOFF)) for one in structure.sites)


def with_sigma(path: Path, label: str, displacements: bool) -> float:
    """The same with s.u. of the cell, the coordinates and the distances."""
    (structure,) = read(path, displacements=displacements)
    return float(neighbours(structure, label, CUTOFF * 1e-10).sigma_distances.sum())


def main() -> None:
    given = tuple(sys.argv[1:])
    cases = ((Path(given[0]), given[1]),) if len(given) == 2 else CASES
    for path, label in cases:
        sites = len(read(path)[0].sites)
        one, every = best(lambda p=path, s=label: bare(p, s)), best(lambda p=path: bare_all(p))
        print(f"{path.name}: {sites} sites")
        print(f"  gemmi, values only: neighbours of one site {one * 1e6:.0f} us, of every site {every * 1e6:.0f} us")
        for displacements in (False, True):
            own = best(lambda p=path, s=label, d=displacements: with_sigma(p, s, d))
            only_read = best(lambda p=path, d=displacements: read(p, displacements=d))
            kind = "read" if displacements else "left out"
            print(
                f"  labile, s.u. and checks, displacements {kind}: {own * 1e6:.0f} us"
                f" ({only_read * 1e6:.0f} us of them reading), {own / one:.1f} x and {own / every:.1f} x"
            )


if __name__ == "__main__":
    main()
