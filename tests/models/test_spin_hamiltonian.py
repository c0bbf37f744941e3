"""Spin Hamiltonians against closed formulas, the values of other programs, and limits of random Hamiltonians."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.constants import AVOGADRO, GAS_CONSTANT, PLANCK
from labile.core.units import from_si, to_si
from labile.models.powder import Directions, along, fibonacci_directions, gauss_directions
from labile.models.spin_hamiltonian import (
    Centre,
    SpinHamiltonian,
    SpinHamiltonianError,
    hamiltonian_from,
    rhombicity,
)
from labile.models.spin_magnetism import (
    KELVIN_PER_TESLA,
    MOLAR_MOMENT,
    PowderWarning,
    magnetization,
    susceptibility,
)
from labile.models.spin_operators import energies, spin_matrices

DATA = Path(__file__).parents[1] / "data" / "spin_hamiltonian"
CM = to_si(1.0, "1/cm", "exchange")
MHZ = PLANCK * 1e6 * AVOGADRO
C0 = 0.1250494
DIMER = SpinHamiltonian((Centre("Fe", 2.5), Centre("L", 0.5)), (("Fe", "L"),), "-2J")
PAIR = SpinHamiltonian((Centre("a", 0.5), Centre("b", 0.5)), (("a", "b"),), "-2J")
QUINTET = SpinHamiltonian.single(2)


def numbers(hamiltonian, changes=()):
    values = {p.name: p.value for p in hamiltonian.parameters("H")}
    changes = {f"H.{name}": value for name, value in dict(changes).items()}
    assert set(changes) <= set(values)
    return values | changes


def chi_t(hamiltonian, changes, temperature, field=0.0, **options):
    """chi*T in cm3 K/mol."""
    temperature = np.atleast_1d(np.asarray(temperature, dtype=float))
    found = susceptibility(hamiltonian, numbers(hamiltonian, changes), temperature, field, owner="H", **options)
    return from_si(found.values * temperature, "cm3 K/mol", "chi_t")


# closed formulas


@pytest.mark.parametrize(("spin", "expected"), [(0.5, 0.3751), (1, 1.0004), (2, 3.0012), (2.5, 4.3767), (3, 6.0024)])
def test_spin_only(spin, expected):
    assert chi_t(SpinHamiltonian.single(spin), {}, 100.0) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("j", "at_120", "at_300"),
    [
        (-50, 3.1121, 3.7494),
        (-100, 3.0043, 3.2203),
        (-200, 3.0012, 3.0144),
        (-300, 3.0012, 3.0019),
        (-500, 3.0012, 3.0012),
    ],
)
@pytest.mark.parametrize("field", [0.0, 0.1])
def test_iron_radical_dimer(j, at_120, at_300, field):
    assert chi_t(DIMER, {"Fe-L.exchange": j * CM}, [120, 300], field) == pytest.approx([at_120, at_300], abs=1e-4)


def test_exchange_that_gives_the_value_of_the_paper():
    found = chi_t(DIMER, {"Fe-L.exchange": -122.5 * CM}, [120, 300], 0.1)
    assert found == pytest.approx([3.0018, 3.1200], abs=1e-4)


@pytest.mark.parametrize(("j", "expected"), [(-100, (0.0, 0.060785, 0.535012)), (-500, (0.0, 0.0, 0.0242))])
def test_two_spins_one_half(j, expected):
    found = chi_t(PAIR, {"a-b.exchange": j * CM}, [5, 75, 300])
    assert found == pytest.approx(expected, abs=1e-6 if j == -100 else 5e-5)


@pytest.mark.parametrize(("d", "expected"), [(0, 3.0002), (2, 2.837), (5, 2.464), (8, 2.086), (-5, 2.448)])
def test_powder_of_a_quintet_at_5_k(d, expected):
    assert chi_t(QUINTET, {"zero_field_splitting": d * CM}, 5.0, 0.1) == pytest.approx(expected, abs=5e-4)


def test_residual_fraction_with_zero_field_splitting():
    """M4: 0.15 cm3 K/mol at 5 K and 0.1 T."""
    assert 0.15 / chi_t(QUINTET, {}, 5.0, 0.1) == pytest.approx(0.0500, abs=5e-4)
    assert 0.15 / chi_t(QUINTET, {"zero_field_splitting": 5 * CM}, 5.0, 0.1) == pytest.approx(0.0609, abs=5e-4)


@pytest.mark.parametrize("j", [-130.0, -20.0, 15.0])
def test_bleaney_bowers(j):
    """B. Bleaney, K. D. Bowers, Proc. R. Soc. A 1952, 214, 451, in the -2J form."""
    temperature = np.array([5.0, 40.0, 150.0, 300.0])
    singlet_triplet = 2 * j * CM / GAS_CONSTANT
    expected = 2 * 3 * C0 * 2.1**2 / (3 + np.exp(-singlet_triplet / temperature))
    changes = {"a-b.exchange": j * CM, "a.g": 2.1, "b.g": 2.1}
    assert chi_t(PAIR, changes, temperature) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("d", [7.0, -3.0])
def test_triplet_along_its_axes(d):
    """O. Kahn, Molecular Magnetism, equations 2.1.22 (S = 1, axial zero-field splitting)."""
    temperature = np.array([2.0, 10.0, 100.0])
    triplet = SpinHamiltonian.single(1)
    x = d * CM / GAS_CONSTANT / temperature
    parallel = 3 * C0 * 4 * 2 * np.exp(-x) / (1 + 2 * np.exp(-x))
    perpendicular = 3 * C0 * 4 * 2 / x * (1 - np.exp(-x)) / (1 + 2 * np.exp(-x))
    changes = {"zero_field_splitting": d * CM}
    assert chi_t(triplet, changes, temperature, directions=along((0, 0, 1))) == pytest.approx(parallel, rel=1e-6)
    assert chi_t(triplet, changes, temperature, directions=along((1, 1, 0))) == pytest.approx(perpendicular, rel=1e-6)
    assert chi_t(triplet, changes, temperature) == pytest.approx((parallel + 2 * perpendicular) / 3, rel=1e-6)


@pytest.mark.parametrize("spin", [0.5, 2.5, 3.5])
def test_brillouin(spin):
    field, temperature = np.array([0.1, 1.0, 5.0, -5.0]), 2.0
    found = magnetization(SpinHamiltonian.single(spin), numbers(SpinHamiltonian.single(spin)), temperature, field,
                          owner="H")  # fmt: skip
    x = 2.0 * spin * KELVIN_PER_TESLA * field / temperature
    wide, narrow = (2 * spin + 1) / (2 * spin), 1 / (2 * spin)
    brillouin = wide / np.tanh(wide * x) - narrow / np.tanh(narrow * x)
    assert found.values / MOLAR_MOMENT == pytest.approx(2 * spin * brillouin, rel=1e-10)
    assert np.all(found.powder_error == 0.0)


def test_kotani_of_a_single_t2g_electron():
    """M. Kotani, J. Phys. Soc. Jpn. 1949, 4, 293: t2g^1, g = 2, no orbital reduction."""
    ion = SpinHamiltonian.single(0.5, orbital=True)
    zeta, temperature = 400.0, np.array([20.0, 100.0, 300.0, 1000.0])
    x = zeta * CM / GAS_CONSTANT / temperature
    expected = C0 * (8 + (3 * x - 8) * np.exp(-1.5 * x)) / (x * (2 + np.exp(-1.5 * x)))
    assert chi_t(ion, {"spin_orbit_coupling": zeta * CM}, temperature) == pytest.approx(expected, rel=1e-5)


def test_quintet_t2_levels_and_limit():
    """5T2 of iron(II), lambda = -100 cm-1: J' = 1, 2, 3 at 0, 2 and 5 |lambda|; hot chi*T of spin and orbit."""
    ion = SpinHamiltonian.single(2, orbital=True)
    changes = {"spin_orbit_coupling": -100 * CM}
    levels = energies(ion, numbers(ion, changes), "H") / CM
    assert levels == pytest.approx([0] * 3 + [200] * 5 + [500] * 7, abs=1e-9)
    assert chi_t(ion, changes, 1e7) == pytest.approx(C0 * (4 * 6 + 2), rel=1e-3)
    # orbital angular momentum quenched by a large splitting with the singlet lowest: spin only
    quenched = {"spin_orbit_coupling": -1e-3 * CM, "orbital_splitting": 5e4 * CM}
    assert chi_t(ion, quenched, 100.0) == pytest.approx(3.0012, abs=2e-3)


def test_cobalt_ground_doublet():
    """4T1 of cobalt(II): Kramers doublet with g = (10 + 2 alpha)/3, A. Abragam, M. H. L. Pryce, 1951."""
    ion = SpinHamiltonian.single(1.5, orbital=True)
    values = numbers(ion, {"spin_orbit_coupling": -170 * CM, "orbital_reduction": 1.4})
    cold = magnetization(ion, values, 0.01, 0.5, owner="H").values / MOLAR_MOMENT
    # half of g, plus a little admixture of the next levels by the field
    assert 2 * cold == pytest.approx((10 + 2 * 1.4) / 3, rel=0.02)


def test_projections_of_a_strongly_coupled_dimer():
    """g = 7/6 g_Fe - 1/6 g_L and D = 4/3 D_Fe of the S = 2 ground state (A. Bencini, D. Gatteschi, 1990)."""
    d, strong = 2.0, -3000.0
    changes = {"Fe-L.exchange": strong * CM, "Fe.zero_field_splitting": d * CM, "Fe.g": 2.1, "L.g": 1.98}
    values = numbers(DIMER, changes)
    alone = {"zero_field_splitting": 4 / 3 * d * CM, "g": 7 / 6 * 2.1 - 1.98 / 6}
    temperature, field = np.array([2.0, 5.0, 50.0]), 1.0
    found = magnetization(DIMER, values, temperature, field, owner="H").values
    expected = magnetization(QUINTET, numbers(QUINTET, alone), temperature, field, owner="H").values
    assert found == pytest.approx(expected, rel=2e-3)
    levels = energies(DIMER, values, "H") / CM
    assert levels[5:].min() == pytest.approx(6 * 3000, rel=0.01)


# values of other programs


def table(name):
    return np.loadtxt(DATA / name, delimiter=",", skiprows=1, unpack=True)


MHZ_PAIR = SpinHamiltonian((Centre("a", 0.5), Centre("b", 0.5)), (("a", "b"),), "+J")
GDCU = SpinHamiltonian((Centre("Gd", 3.5), Centre("Cu", 0.5)), (("Gd", "Cu"),), "+J")


def test_easyspin_susceptibility_of_a_dimer():
    temperature, expected = table("easyspin_dimer_chi.csv")
    values = numbers(MHZ_PAIR, {"a-b.exchange": 240e3 * MHZ, "a.g": 2.0, "b.g": 2.0})
    found = susceptibility(MHZ_PAIR, values, temperature, 1.0, owner="H", kind="dM/dH")
    assert found.values == pytest.approx(expected, rel=2e-5)
    # at 1 T and 2 K the three susceptibilities differ
    static = susceptibility(MHZ_PAIR, values, temperature[1], 1.0, owner="H").values
    limit = susceptibility(MHZ_PAIR, values, temperature[1], 0.0, owner="H").values
    assert limit < static < found.values[1]


def test_easyspin_magnetisation_of_a_dimer():
    field, expected = table("easyspin_dimer_moment.csv")
    values = numbers(MHZ_PAIR, {"a-b.exchange": 240e3 * MHZ})
    found = magnetization(MHZ_PAIR, values, 1.0, field, owner="H")
    assert found.values / MOLAR_MOMENT == pytest.approx(expected, abs=2e-5)


def test_easyspin_moment_of_gadolinium_copper():
    temperature, *columns = table("easyspin_gdcu_mu_eff.csv")
    # its g is the free electron's
    values = numbers(GDCU, {"Gd-Cu.exchange": -300e3 * MHZ, "Gd.g": 2.00231930436, "Cu.g": 2.00231930436})
    for field, expected in zip((0.01, 0.1, 1.0), columns, strict=True):
        found = susceptibility(GDCU, values, temperature, field, owner="H", kind="dM/dH")
        moment = np.sqrt(from_si(found.values * temperature, "cm3 K/mol", "chi_t") / C0)
        assert moment == pytest.approx(expected, rel=2e-5, abs=1e-5)


def test_easyspin_crystal():
    temperature, along_x, along_z = table("easyspin_triplet_crystal_chi.csv")
    triplet = SpinHamiltonian.single(1)
    values = numbers(triplet, {"zero_field_splitting": 150e3 * MHZ})
    for axis, expected in (((1, 0, 0), along_x), ((0, 0, 1), along_z)):
        found = susceptibility(triplet, values, temperature, 0.0, owner="H", directions=along(axis))
        assert from_si(found.values, "cm3/mol", "chi_m") == pytest.approx(expected, rel=2e-5)


# random Hamiltonians

spins = st.sampled_from([0.5, 1, 1.5, 2, 2.5])
small = st.floats(-8, 8)
factors = st.floats(1.7, 2.6)
ratios = st.floats(-1 / 3, 1 / 3)
angles = st.tuples(st.floats(0, 6), st.floats(0, 3), st.floats(0, 6))


@st.composite
def hamiltonians(draw, aligned=False):
    centres, changes = [], {}
    count = draw(st.integers(1, 2))
    for name in "ab"[:count]:
        spin, kind = draw(spins), draw(st.sampled_from(["isotropic", "axial", "rhombic"]))
        orbital = count == 1 and spin < 2 and draw(st.booleans())
        centre = Centre(name, spin, kind, orbital, (0, 0, 0) if aligned else draw(angles))
        centres.append(centre)
        prefix = "" if count == 1 else f"{name}."
        if orbital:
            changes |= {f"{prefix}spin_orbit_coupling": draw(st.floats(-20, 20)) * CM,
                        f"{prefix}orbital_splitting": draw(st.floats(-20, 20)) * CM,
                        f"{prefix}orbital_reduction": draw(st.floats(0.6, 1.5)),
                        f"{prefix}orbital_rhombicity": draw(ratios)}  # fmt: skip
        if centre.split:
            changes |= {f"{prefix}zero_field_splitting": draw(small) * CM, f"{prefix}rhombicity": draw(ratios)}
        names = {"isotropic": ["g"], "axial": ["g_perpendicular", "g_parallel"], "rhombic": ["g_x", "g_y", "g_z"]}
        changes |= {f"{prefix}{g}": draw(factors) for g in names[kind]}
    pairs = (("a", "b"),) if count == 2 else ()
    if pairs:
        changes["a-b.exchange"] = draw(st.floats(-30, 30)) * CM
    return SpinHamiltonian(tuple(centres), pairs, "-2J" if pairs else None), changes


@settings(max_examples=25, deadline=None)
@given(hamiltonians())
def test_hot_susceptibility_is_the_sum_of_the_centres(drawn):
    hamiltonian, changes = drawn
    values = numbers(hamiltonian, changes)
    expected = 0.0
    for centre in hamiltonian.centres:
        prefix = "" if len(hamiltonian.centres) == 1 else f"{centre.name}."
        g = {name.rpartition(".")[2]: value for name, value in changes.items() if name.startswith(prefix + "g")}
        squares = {"isotropic": lambda g: g["g"] ** 2,
                   "axial": lambda g: (2 * g["g_perpendicular"] ** 2 + g["g_parallel"] ** 2) / 3,
                   "rhombic": lambda g: sum(g[k] ** 2 for k in ("g_x", "g_y", "g_z")) / 3}  # fmt: skip
        expected += C0 * squares[centre.g](g) * centre.spin * (centre.spin + 1)
        if centre.orbital:
            expected += C0 * 2 * values[f"H.{prefix}orbital_reduction"] ** 2
    assert chi_t(hamiltonian, changes, 1e7) == pytest.approx(expected, rel=1e-4)
    assert chi_t(hamiltonian, changes, 1e7, 0.5) == pytest.approx(expected, rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(hamiltonians(aligned=True), angles, st.floats(0.05, 6), st.floats(2, 100))
def test_powder_does_not_see_the_orientation_of_the_molecule(drawn, turn, field, temperature):
    """All axes turned together: another matrix, another grid (a hemisphere instead of an octant), the same powder."""
    hamiltonian, changes = drawn
    turned = SpinHamiltonian(
        tuple(Centre(c.name, c.spin, c.g, c.orbital, turn) for c in hamiltonian.centres),
        hamiltonian.exchange,
        hamiltonian.exchange_convention,
    )
    values = numbers(hamiltonian, changes)
    found = [magnetization(h, values, temperature, field, owner="H") for h in (hamiltonian, turned)]
    assert found[1].values == pytest.approx(found[0].values, rel=3e-5)
    for name, slope in found[0].d_parameters.items():
        scale = abs(found[0].values[0] / max(abs(values[name]), 0.1))
        assert found[1].d_parameters[name] == pytest.approx(slope, rel=1e-3, abs=1e-3 * scale), name
    zero = [chi_t(h, changes, temperature) for h in (hamiltonian, turned)]
    assert zero[1] == pytest.approx(zero[0], rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(hamiltonians(), st.floats(0.05, 6), st.sampled_from(["M", "M/H", "dM/dH", "zero"]))
def test_derivatives_are_those_of_differences(drawn, field, kind):
    hamiltonian, changes = drawn
    values, grid = numbers(hamiltonian, changes), gauss_directions(2)
    temperature = np.array([2.0, 20.0, 200.0])

    def value(values, temperature=temperature, derivatives=False):
        options = {"owner": "H", "derivatives": derivatives}
        if kind == "M":
            return magnetization(hamiltonian, values, temperature, field, directions=grid, **options)
        if kind == "zero":
            return susceptibility(hamiltonian, values, temperature, 0.0, **options)
        return susceptibility(hamiltonian, values, temperature, field, kind=kind, directions=grid, **options)

    def difference(function, step):
        a, b, c, d = (function(k * step).values for k in (-2, -1, 1, 2))
        return (a - 8 * b + 8 * c - d) / (12 * step)

    exact = value(values, derivatives=True)
    for name, slope in exact.d_parameters.items():
        # a thousandth of a field unit; what remains is the round-off of the values
        quantity = name.rpartition(".")[2]
        step = 1e-3 * (1.0 if quantity.startswith("g") else CM if "rhombicity" not in quantity else 0.3)
        noise = 1e-12 * np.max(np.abs(exact.values)) / step
        inside = values | ({name: values[name] * 0.99} if "rhombicity" in name else {})
        wanted = value(inside, derivatives=True).d_parameters[name] if inside != values else slope
        found = difference(lambda h, name=name, inside=inside: value(inside | {name: inside[name] + h}), step)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6 * np.max(np.abs(wanted)) + noise, err_msg=name)
    found = difference(lambda h: value(values, temperature + h), 1e-3)
    np.testing.assert_allclose(found, exact.d_temperature, rtol=1e-6, atol=1e-6 * np.max(np.abs(found)) * 1e-3)


@settings(max_examples=15, deadline=None)
@given(st.floats(-40, 40), st.floats(3, 300))
def test_exchange_conventions_agree(j, temperature):
    found = []
    for convention, factor in (("-2J", 1.0), ("-J", 2.0), ("+J", -2.0)):
        pair = SpinHamiltonian(DIMER.centres, DIMER.exchange, convention)
        found.append(chi_t(pair, {"Fe-L.exchange": factor * j * CM}, temperature, 1.0)[0])
    assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-10)


@settings(max_examples=10, deadline=None)
@given(hamiltonians(aligned=True), st.floats(2, 300))
def test_uncoupled_centres_are_single_ions(drawn, temperature):
    hamiltonian, changes = drawn
    if not hamiltonian.exchange:
        return
    together = chi_t(hamiltonian, changes | {"a-b.exchange": 0.0}, temperature, 2.0)
    apart = 0.0
    for centre in hamiltonian.centres:
        own = {n.removeprefix(f"{centre.name}."): v for n, v in changes.items() if n.startswith(f"{centre.name}.")}
        apart = apart + chi_t(SpinHamiltonian((centre,)), own, temperature, 2.0)
    assert together == pytest.approx(apart, rel=3e-5)


def test_cold_antiferromagnet_is_its_ground_state():
    assert chi_t(DIMER, {"Fe-L.exchange": -50 * CM}, 2.0) == pytest.approx(3.0012, abs=1e-4)
    assert chi_t(DIMER, {"Fe-L.exchange": +50 * CM}, 2.0) == pytest.approx(6.0024, abs=1e-4)


def test_derivatives_of_degenerate_levels():
    """At D = 0 every multiplet is degenerate; the derivative in D of a powder is 0, that in g is 2 chi/g."""
    found = susceptibility(QUINTET, numbers(QUINTET), 10.0, 0.0, owner="H")
    assert found.d_parameters["H.g"] == pytest.approx(found.values, rel=1e-9)
    assert abs(found.d_parameters["H.zero_field_splitting"][0]) * CM < 1e-9 * found.values[0]
    tiny = magnetization(QUINTET, numbers(QUINTET), 10.0, 1e-6, owner="H")
    assert tiny.values[0] / 1e-6 * 4e-7 * math.pi == pytest.approx(found.values[0], rel=1e-5)


# powder


def test_the_grid_follows_the_symmetry_and_the_error_is_honest():
    changes = {"zero_field_splitting": 8 * CM, "rhombicity": 0.2}
    found = magnetization(QUINTET, numbers(QUINTET, changes), [2.0, 10.0], 5.0, owner="H", tolerance=1e-4)
    truth = magnetization(QUINTET, numbers(QUINTET, changes), [2.0, 10.0], 5.0, owner="H",
                          directions=gauss_directions(24))  # fmt: skip
    assert "octant" in found.directions
    assert np.all(np.abs(found.values - truth.values) <= found.powder_error + 1e-9 * truth.values)
    assert np.all(found.powder_error <= 1e-4 * found.values)
    axial = magnetization(QUINTET, numbers(QUINTET, {"zero_field_splitting": 8 * CM}), 5.0, 1.0, owner="H")
    assert "meridian" in axial.directions


def test_an_average_that_does_not_converge_says_so():
    # an Ising doublet: |cos(theta)| with a bend 1e-3 wide at the equator
    with pytest.warns(PowderWarning, match=r"has converged to .* only"):
        magnetization(
            QUINTET, numbers(QUINTET, {"zero_field_splitting": -300 * CM}), 0.02, 5.0, owner="H", tolerance=1e-10
        )


def test_fields_that_differ_a_little_are_computed_together():
    jitter = 0.1 * (1 + 4e-4 * np.sin(np.arange(40.0)))
    temperature = np.linspace(2, 300, 40)
    changes = {"zero_field_splitting": 5 * CM}
    together = chi_t(QUINTET, changes, temperature, jitter)
    apart = [chi_t(QUINTET, changes, t, b)[0] for t, b in zip(temperature, jitter, strict=True)]
    assert together == pytest.approx(apart, rel=1e-7)


def test_fibonacci_spiral_agrees_within_its_error():
    changes = {"zero_field_splitting": 5 * CM}
    found = chi_t(QUINTET, changes, 5.0, 0.1, directions=fibonacci_directions(200))
    assert found == pytest.approx(chi_t(QUINTET, changes, 5.0, 0.1), abs=0.005)


@pytest.mark.parametrize("degree", [2, 4, 6])
@pytest.mark.parametrize("symmetry", ["octant", "hemisphere"])
def test_product_rule_integrates_harmonics(symmetry, degree):
    grid = gauss_directions(3, symmetry)
    for axis in range(3):
        assert grid.weights @ grid.vectors[:, axis] ** degree == pytest.approx(1 / (degree + 1), rel=1e-12)


# bad input


def test_ratios_above_one_third_are_refused():
    with pytest.raises(SpinHamiltonianError, match=r"\|E/D\| = 0.4 exceeds 1/3"):
        chi_t(QUINTET, {"zero_field_splitting": 5 * CM, "rhombicity": 0.4}, 10.0)
    with pytest.raises(SpinHamiltonianError, match=r"E/D.* exceeds 1/3"):
        rhombicity(1.0, 0.5)
    with pytest.raises(SpinHamiltonianError, match="exceeds 1/3"):
        rhombicity(0.0, 0.5)
    assert rhombicity(-3.0, 1.0) == pytest.approx(-1 / 3)


@pytest.mark.parametrize("spin", [0, -1, 0.7, math.nan, math.inf, "2", True])
def test_spins_that_are_none(spin):
    with pytest.raises(SpinHamiltonianError, match=r"centre Fe: the spin"):
        Centre("Fe", spin)


def test_exchange_convention_is_never_assumed():
    with pytest.raises(SpinHamiltonianError, match=r'left unsaid; write exchange_convention = "-2J"'):
        SpinHamiltonian(DIMER.centres, DIMER.exchange)
    with pytest.raises(SpinHamiltonianError, match=r"'2J' is unknown; use one of -2J, -J, \+J"):
        SpinHamiltonian(DIMER.centres, DIMER.exchange, "2J")


@pytest.mark.parametrize("temperature", [0.0, -3.0, math.nan])
def test_temperatures_at_or_below_zero(temperature):
    with pytest.raises(SpinHamiltonianError, match="above 0 K"):
        chi_t(QUINTET, {}, temperature)


def test_unknown_and_repeated_names():
    with pytest.raises(SpinHamiltonianError, match=r"centre 'Fee' is unknown; did you mean 'Fe'"):
        SpinHamiltonian(DIMER.centres, (("Fee", "L"),), "-2J")
    with pytest.raises(SpinHamiltonianError, match="not coupled with itself"):
        SpinHamiltonian(DIMER.centres, (("L", "L"),), "-2J")
    with pytest.raises(SpinHamiltonianError, match="coupled twice"):
        SpinHamiltonian(DIMER.centres, (("Fe", "L"), ("L", "Fe")), "-2J")
    with pytest.raises(SpinHamiltonianError, match="different names"):
        SpinHamiltonian((Centre("Fe", 1), Centre("Fe", 2)))
    with pytest.raises(SpinHamiltonianError, match="at least one centre"):
        SpinHamiltonian(())
    with pytest.raises(SpinHamiltonianError, match="letters, digits"):
        Centre("Fe-1", 2)
    with pytest.raises(SpinHamiltonianError, match=r"g is one of isotropic, axial, rhombic"):
        Centre("Fe", 2, "cubic")
    with pytest.raises(SpinHamiltonianError, match="levels are more than"):
        SpinHamiltonian(tuple(Centre(f"M{i}", 2.5) for i in range(4)))


def test_values_that_are_missing():
    with pytest.raises(SpinHamiltonianError, match=r"no value given for H.Fe-L.exchange"):
        susceptibility(DIMER, numbers(DIMER), 100.0, owner="H")
    with pytest.raises(SpinHamiltonianError, match="it is M/H or dM/dH"):
        susceptibility(QUINTET, numbers(QUINTET), 100.0, owner="H", kind="chi")


@pytest.mark.parametrize(
    ("description", "says"),
    [
        (5, "expected a table"),
        ({"spin": 2, "gg": "axial"}, "did you mean 'g'"),
        ({"g": "axial"}, "its spin is missing"),
        ({"spin": 2, "exchange": [["a", "b"]]}, "needs two centres"),
        ({"centres": {"Fe": 2}}, "centre Fe: expected a table"),
        ({"centres": [2, 3]}, "centres = "),
        ({"centres": {"Fe": {"spin": 2, "zfs": 3}}}, "centre Fe: unknown key 'zfs'"),
        ({"centres": {"Fe": {"spin": 2}}, "exchange": "Fe-L"}, "list of pairs"),
        ({"centres": {"Fe": {"spin": 2}, "L": {"spin": 1}}, "exchange": [["Fe", "L"]]}, "left unsaid"),
        ({"centres": {"Fe": {"spin": 2}, "L": {"spin": 1}}, "exchange": [["Fe"]], "exchange_convention": "-J"}, "two"),
        ({"spin": 2, "orientation": [1, 2]}, "three angles"),
        ({"spin": 2, "orbital": "yes"}, "true or false"),
    ],
)
def test_tables_of_manifests_are_checked(description, says):
    with pytest.raises(SpinHamiltonianError, match=rf"state H: .*{says}" if description != 5 else says):
        hamiltonian_from(description, "state H")


def test_tables_of_manifests():
    found = hamiltonian_from(
        {"centres": {"Fe": {"spin": 2.5, "orientation": [0, 90, 0]}, "L": {"spin": 0.5}}, "exchange": [["Fe", "L"]],
         "exchange_convention": "-2J"}
    )  # fmt: skip
    assert found.centres[0].axes[:, 2] == pytest.approx([1, 0, 0], abs=1e-12)
    assert found.exchange == (("Fe", "L"),)
    assert hamiltonian_from(found) is found


def test_directions_are_checked():
    with pytest.raises(ValueError, match="length 1"):
        Directions(np.ones((1, 3)), np.ones(1))
    with pytest.raises(ValueError, match="sum to 1"):
        Directions(np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match=r"vectors \(O, 3\)"):
        Directions(np.ones(3), np.ones(1))
    with pytest.raises(ValueError, match="not all 0"):
        along((0, 0, 0))
    with pytest.raises(ValueError, match="order"):
        gauss_directions(0)
    with pytest.raises(ValueError, match="at least one"):
        fibonacci_directions(0)


@pytest.mark.parametrize("spin", [0.5, 1, 2.5])
def test_spin_matrices_commute_as_spins_do(spin):
    x, y, z = spin_matrices(spin)
    assert x @ y - y @ x == pytest.approx(1j * z, abs=1e-12)
    total = x @ x + y @ y + z @ z
    assert total == pytest.approx(spin * (spin + 1) * np.eye(len(x)), abs=1e-12)


@pytest.mark.parametrize("field", [1e-300, 1e-9, -1e-6, 3e-4])
def test_fields_too_small_to_matter(field):
    """M/H of a vanishing field is a quotient of round-off; it is the zero-field limit there."""
    changes = {"zero_field_splitting": 5 * CM, "rhombicity": 0.1}
    found = chi_t(QUINTET, changes, [2.0, 300.0], field)
    assert found == pytest.approx(chi_t(QUINTET, changes, [2.0, 300.0]), rel=1e-6)
