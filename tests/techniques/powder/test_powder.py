"""Powder patterns: structure factors against gemmi, mixtures recovered from simulated counts, one line followed."""

from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Axis, Measurement
from labile.core.structure import CrystalStructure, Site
from labile.fitting.line_shapes import pseudo_voigt
from labile.plots.powder_charts import mixture_figure, peak_figure
from labile.techniques.powder import (
    PowderError,
    fit_mixture,
    lorentz_polarisation,
    phase_fraction,
    reduce_mixture,
    reduce_spacing,
    reflections,
    simulated_pattern,
    structure_factors,
    track_peak,
)
from labile.techniques.powder.pattern_model import PatternModel, phase

COPPER = 1.5406e-10
DATA = Path(__file__).parents[2] / "data"


def salt(label, edge, anion):
    sites = (Site("M", "Cs", (0.0, 0.0, 0.0), u_iso=2e-22), Site("X", anion, (0.5, 0.5, 0.5), u_iso=2e-22))
    return CrystalStructure(label, [edge] * 3 + [90.0] * 3, sites=sites, formula_units=1)


CHLORIDE, BROMIDE = salt("chloride", 4.123e-10, "Cl"), salt("bromide", 4.29e-10, "Br")
ANGLES = np.radians(np.arange(15.0, 100.0, 0.02))


def counts(parts, seed=0, zero=0.05, strain=0.001, fwhm=0.12, peak=5000.0, radiation="x-ray", angles=ANGLES):
    """Simulated counts of a mixture by formula units."""
    y = np.zeros(angles.size)
    for structure, amount in parts:
        lines = reflections(structure, COPPER, (np.radians(10), np.radians(110)), radiation=radiation)
        place = lines.two_theta(COPPER, strain)
        area = lines.strength * lorentz_polarisation(place, radiation) / lines.volume
        for a, p in zip(area, place, strict=True):
            y += amount * a * pseudo_voigt(angles, p + np.radians(zero), np.radians(fwhm), 0.4).value
    y = y / y.max() * peak + 200.0 + 50.0 * np.cos(angles)
    noisy = np.random.default_rng(seed).poisson(y).astype(float)
    return Measurement("counts", noisy[None, :], Conditions([10.0]), axis=Axis("two_theta", angles), label="simulated")


def test_structure_factors_are_those_of_gemmi():
    path = DATA / "structures" / "4111132.cif"
    from labile.formats.registry import read

    (structure,) = read(path)
    small = gemmi.read_small_structure(str(path))
    small.change_occupancies_to_crystallographic()
    hkl = np.array([[1, 1, 1], [0, 0, 4], [2, 2, 0], [1, 1, 3], [4, 0, 0], [3, 1, 5], [2, 2, 8]])
    neutron = gemmi.StructureFactorCalculatorN(small.cell)
    wanted = [abs(neutron.calculate_sf_from_small_structure(small, list(map(int, h)))) for h in hkl]
    found = np.abs(structure_factors(structure, hkl, "neutron")) * 1e15
    # gemmi's coefficients are single precision
    assert found == pytest.approx(wanted, rel=1e-5)
    xray = gemmi.StructureFactorCalculatorX(small.cell)
    for element in {site.element.name for site in small.sites}:
        if gemmi.Element(element).atomic_number > 2:
            energy = 12398.41984 / 1.5406
            xray.addends.set(
                gemmi.Element(element), gemmi.cromer_liberman(gemmi.Element(element).atomic_number, energy)[0]
            )
    wanted = [abs(xray.calculate_sf_from_small_structure(small, list(map(int, h)))) for h in hkl]
    # f'' alone is missing from the reference
    assert np.abs(structure_factors(structure, hkl)) == pytest.approx(wanted, rel=3e-2)


def test_lines_of_a_simple_salt():
    lines = reflections(CHLORIDE, COPPER, (np.radians(15), np.radians(60)))
    # CsCl: all h k l are there, weak where h + k + l is odd
    assert lines.hkl.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 0, 0], [2, 1, 0], [2, 1, 1]]
    assert lines.spacing == pytest.approx(4.123e-10 / np.sqrt([1, 2, 3, 4, 5, 6]), rel=1e-12)
    per_reflection = lines.strength / [6, 12, 8, 6, 24, 24]
    assert np.all(per_reflection[[1, 3, 5]] > 2 * per_reflection[[0, 2, 4]])


def test_absences_come_out_by_themselves():
    shifts = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
    translations = np.array(shifts, dtype=float)
    rotations = np.array([np.eye(3, dtype=int)] * 4)
    iron = CrystalStructure("fcc", [3.6e-10] * 3 + [90.0] * 3, rotations=rotations, translations=translations,
                            sites=(Site("Fe", "Fe", (0.0, 0.0, 0.0)),), formula_units=4)  # fmt: skip
    lines = reflections(iron, COPPER, (np.radians(20), np.radians(100)))
    assert all(len({int(i) % 2 for i in h}) == 1 for h in lines.hkl)
    assert "without displacement" in lines.notes[0]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97])
def test_a_mixture_is_recovered(share):
    data = counts([(CHLORIDE, 1 - share), (BROMIDE, share)], seed=int(100 * share))
    fit = fit_mixture(data, {"LS": CHLORIDE, "HS": BROMIDE}, COPPER)
    assert abs(fit.fractions[1] - share) < max(4 * fit.sigma_fractions[1], 2e-3)
    assert fit.result.chi2 / fit.result.degrees_of_freedom == pytest.approx(1.0, abs=0.15)
    assert fit.fractions.sum() == pytest.approx(1.0)
    assert fit.r_weighted == pytest.approx(fit.r_expected, rel=0.1)


def test_uncertainties_of_the_fraction_cover_it():
    pulls = []
    for seed in range(12):
        data = counts([(CHLORIDE, 0.6), (BROMIDE, 0.4)], seed=seed, peak=800.0, angles=ANGLES[::3])
        fit = fit_mixture(data, {"LS": CHLORIDE, "HS": BROMIDE}, COPPER)
        pulls.append((fit.fractions[1] - 0.4) / fit.sigma_fractions[1])
    # rms of 12 pulls of unit variance: 1 within 0.2 (one standard deviation)
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.8


def test_neutrons_before_and_after_light():
    dark = counts([(CHLORIDE, 1.0), (BROMIDE, 0.0)], radiation="neutron", seed=1)
    lit = counts([(CHLORIDE, 0.05), (BROMIDE, 0.95)], radiation="neutron", seed=2)
    dark, lit = (replace(m, attributes={"wavelength": COPPER}) for m in (dark, lit))
    before, after = reduce_mixture([dark, lit], structures={"LS": CHLORIDE, "HS": BROMIDE}, radiation="neutron")
    assert before.quantity == "phase_fraction"
    assert before.values[0] < 0.01
    assert after.values[0] == pytest.approx(0.95, abs=4 * after.sigma[0])
    assert any("fraction of HS" in step for step in after.provenance.steps)


def monoclinic(label, cell, anion):
    """A simulated crystal in P 2/m with every coordinate it may have."""
    rotations = np.array([np.eye(3), np.diag([-1, 1, -1]), -np.eye(3), np.diag([1, -1, 1])])
    sites = (
        Site("M", "Fe", (0.0, 0.0, 0.0), u_iso=1e-22),
        Site("X", anion, (0.31, 0.27, 0.42), u_iso=1e-22),
        Site("Y", "S", (0.62, 0.0, 0.17), u_iso=1e-22),
    )
    cell = [*(np.array(cell[:3]) * 1e-10), *cell[3:]]
    return CrystalStructure(
        label, cell, rotations=rotations, translations=np.zeros((4, 3)), sites=sites, formula_units=1
    )


def textured(structure, axis, r, angles, fwhm=0.12):
    """Intensity of a powder whose grains are oriented (Dollase 1986), summed over every single reflection."""
    lines = reflections(structure, COPPER, (np.radians(8), np.radians(75)), apart=True)
    reciprocal = np.linalg.inv(structure.metric)
    along = np.array(axis) / np.sqrt(np.array(axis) @ reciprocal @ np.array(axis))
    y = np.zeros(angles.size)
    for hkl, spacing, strength in zip(lines.hkl, lines.spacing, lines.strength, strict=True):
        equivalents = {tuple(int(n) for n in sign * hkl @ g) for g in structure.rotations for sign in (1, -1)}
        squares = [(np.array(h) @ reciprocal @ along * spacing) ** 2 for h in equivalents]
        weight = np.mean([(r**2 * c + (1 - c) / r) ** -1.5 for c in squares])
        place = 2 * np.arcsin(COPPER / 2 / spacing)
        area = weight * strength * lorentz_polarisation(place, "x-ray") / structure.volume
        y += area * pseudo_voigt(angles, place, np.radians(fwhm), 0.4).value
    return y


COLD, HOT = (7.10, 8.20, 9.40, 90.0, 98.0, 90.0), (7.35, 8.31, 9.52, 90.0, 101.0, 90.0)
STEPS = np.radians(np.arange(10.0, 60.0, 0.03))


def noisy(y, seed, label="simulated"):
    y = np.random.default_rng(seed).poisson(y / y.max() * 8000.0 + 150.0).astype(float)
    return Measurement("counts", y[None, :], Conditions([10.0]), axis=Axis("two_theta", STEPS), label=label)


def test_cells_that_change_by_direction_are_followed():
    strain = np.array([1.004, 0.998, 1.001])
    cold = monoclinic("cold", (*(np.array(COLD[:3]) * strain), 90.0, 98.6, 90.0), "Cl")
    hot = monoclinic("hot", (*(np.array(HOT[:3]) * strain[::-1]), 90.0, 100.7, 90.0), "Br")
    data = noisy(0.7 * textured(cold, (1, 0, 0), 1.0, STEPS) + 0.3 * textured(hot, (1, 0, 0), 1.0, STEPS), 3)
    known = {"LS": monoclinic("cold", COLD, "Cl"), "HS": monoclinic("hot", HOT, "Br")}
    free = fit_mixture(data, known, COPPER, cell="free")
    assert abs(free.fractions[1] - 0.3) < 4 * free.sigma_fractions[1] < 0.02
    for k, true in enumerate((cold, hot)):
        moved = [0, 1, 2, 4]
        pull = (free.cells[k] - true.cell)[moved] / free.sigma_cells[k][moved]
        assert np.all(np.abs(pull) < 4.5)
        assert np.all(free.sigma_cells[k][moved] < [1e-13, 1e-13, 1e-13, 0.02])
        assert np.all(free.sigma_cells[k][[3, 5]] == 0)
    uniform = fit_mixture(data, known, COPPER)
    assert uniform.r_weighted > 5 * free.r_weighted
    assert any("do not describe the pattern" in note for note in uniform.notes)


@pytest.mark.parametrize("r", [0.6, 1.7])
def test_oriented_grains(r):
    cold, hot = monoclinic("cold", COLD, "Cl"), monoclinic("hot", HOT, "Br")
    data = noisy(0.6 * textured(cold, (1, 0, 0), r, STEPS) + 0.4 * textured(hot, (0, 0, 1), 1.0, STEPS), 5)
    known = {"LS": cold, "HS": hot}
    fit = fit_mixture(data, known, COPPER, texture={"LS": (1, 0, 0)})
    at = fit.result.free_names.index("LS.texture")
    assert abs(fit.result.value("LS.texture") - r) < 4 * np.sqrt(fit.result.covariance[at, at])
    assert abs(fit.fractions[1] - 0.4) < 4 * fit.sigma_fractions[1] < 0.03
    plain = fit_mixture(data, known, COPPER)
    assert abs(plain.fractions[1] - 0.4) > 4 * fit.sigma_fractions[1]


def test_derivatives_of_the_pattern():
    x = np.radians(np.arange(15.0, 50.0, 0.05))
    options = dict(radiation="x-ray", monochromator=0.4, cell="free")
    phases = (
        phase("LS", monoclinic("cold", COLD, "Cl"), COPPER, x, axis=(1, 0, 2), **options),
        phase("HS", CHLORIDE, COPPER, x, axis=None, **options),
    )
    phases = tuple(replace(one, area=one.area / one.area.max()) for one in phases)
    values = {"pattern.zero": 1e-3, "width.u": 1e-6, "width.v": 0.0, "width.w": 4e-6, "line.lorentz_share": 0.3}
    values |= {"background.0": 2.0, "background.1": 1.0, "LS.amount": 0.6, "HS.amount": 0.2, "LS.texture": 1.3}
    values |= {name: 1e-3 * (n + 1) for one in phases for n, name in enumerate(one.cell_parameters)}
    model = PatternModel(x, COPPER, phases, np.stack([np.ones(x.size), x]), tuple(values))
    _, slopes, _, _ = model.evaluate(values)
    for k, name in enumerate(values):
        step = 1e-8 if name == "width.v" else 1e-5 * values[name]
        up, down = (model.evaluate(values | {name: values[name] + sign * step})[0] for sign in (1, -1))
        numeric = (up - down) / (2 * step)
        assert slopes[:, k] == pytest.approx(numeric, rel=1e-4, abs=1e-4 * np.abs(numeric).max())


def test_lines_apart():
    cell = [3.6e-10] * 3 + [90.0] * 3
    cube = np.array([[[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.diag([-1, 1, 1]), [[0, 1, 0], [1, 0, 0], [0, 0, 1]]])
    group = {np.eye(3, dtype=int).tobytes(): np.eye(3, dtype=int)}
    while len(group) < 48:
        for one in list(group.values()):
            for other in cube:
                group.setdefault((one @ other).astype(int).tobytes(), (one @ other).astype(int))
    site = Site("Fe", "Fe", (0.0, 0.0, 0.0), u_iso=1e-22)
    iron = CrystalStructure("cube", cell, rotations=np.array(list(group.values())), translations=np.zeros((48, 3)),
                            sites=(site,), formula_units=1)  # fmt: skip
    window = np.radians(76.0), np.radians(82.0)
    one, two = (reflections(iron, COPPER, window, apart=apart) for apart in (False, True))
    assert one.hkl.tolist() == [[3, 0, 0]]
    assert sorted(two.hkl.tolist()) == [[2, 2, 1], [3, 0, 0]]
    assert two.strength.sum() == pytest.approx(one.strength[0])
    # 6 and 24 reflections of nearly the same |F|
    assert max(two.strength) / min(two.strength) == pytest.approx(4.0)


def test_one_line_is_followed():
    patterns = []
    for k, strain in enumerate((0.0, 0.001, 0.002)):
        patterns.append(counts([(CHLORIDE, 1.0)], strain=strain, zero=0.0, seed=k).values[0])
    series = Measurement(
        "counts", np.stack(patterns), Conditions([100.0, 200.0, 300.0]), axis=Axis("two_theta", ANGLES), label="line"
    )
    window = np.radians(30.0), np.radians(31.3)
    spacing = reduce_spacing(series, low=window[0], high=window[1], wavelength=COPPER)
    truth = 4.123e-10 / np.sqrt(2.0) * np.array([1.0, 1.001, 1.002])
    assert np.all(np.abs(spacing.values - truth) < 4 * spacing.sigma)
    assert np.all(spacing.sigma < 1e-4 * truth)
    track = track_peak(series, window)
    assert np.degrees(track.fwhm) == pytest.approx(0.12, abs=0.01)
    assert len(peak_figure(series, track).panels) == 3


def test_a_figure_shows_every_phase():
    fit = fit_mixture(counts([(CHLORIDE, 0.5), (BROMIDE, 0.5)]), {"LS": CHLORIDE, "HS": BROMIDE}, COPPER)
    names = [series.name for series in mixture_figure(fit, "Mixture").panels[0].series]
    assert "lines of HS" in names
    assert any(name.startswith("LS, 5") or name.startswith("LS, 49") for name in names)


def test_a_simulated_pattern_says_so():
    pattern = simulated_pattern(CHLORIDE, ANGLES, COPPER, temperature=100.0)
    assert "simulated" in pattern.label
    assert pattern.values.max() == 1.0
    peak = np.degrees(ANGLES[np.argmax(pattern.values[0])])
    assert peak == pytest.approx(30.64, abs=0.02)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: replace(m, axis=Axis("energy", ANGLES)), "along two_theta"),
        (lambda m: m, "wavelength"),
    ],
)
def test_patterns_that_cannot_be_used(change, says):
    with pytest.raises(PowderError, match=says):
        fit_mixture(change(counts([(CHLORIDE, 1.0)])), {"LS": CHLORIDE})


def test_structures_that_cannot_be_used():
    data = counts([(CHLORIDE, 1.0)])
    with pytest.raises(PowderError, match="no structures"):
        fit_mixture(data, {}, COPPER)
    with pytest.raises(PowderError, match="formula_units"):
        fit_mixture(data, {"LS": replace(CHLORIDE, formula_units=None)}, COPPER)
    with pytest.raises(PowderError, match="cell='loose' is unknown; use one of fixed, uniform, free"):
        fit_mixture(data, {"LS": CHLORIDE}, COPPER, cell="loose")
    with pytest.raises(PowderError, match="texture of 'HS': the phases are LS"):
        fit_mixture(data, {"LS": CHLORIDE}, COPPER, texture={"HS": (1, 0, 0)})
    for axis in ((0, 0, 0), (1, 0), (0.5, 0, 0), "100"):
        with pytest.raises(PowderError, match="three whole numbers"):
            fit_mixture(data, {"LS": CHLORIDE}, COPPER, texture={"LS": axis})
    with pytest.raises(PowderError, match="no sites"):
        structure_factors(replace(CHLORIDE, sites=()), np.array([[1, 0, 0]]))
    with pytest.raises(PowderError, match="radiation 'gamma'"):
        structure_factors(CHLORIDE, np.array([[1, 0, 0]]), "gamma")
    with pytest.raises(PowderError, match="wavelength in m"):
        reflections(CHLORIDE, 1.54, (0.1, 1.0))


def test_windows_without_a_line():
    data = counts([(CHLORIDE, 1.0)])
    with pytest.raises(PowderError, match="no line stands out"):
        track_peak(data, (np.radians(25.0), np.radians(26.0)))
    with pytest.raises(PowderError, match="needs at least"):
        track_peak(data, (np.radians(25.0), np.radians(25.1)))


def test_the_fraction_of_a_phase_is_a_sum_of_populations():
    states = (State("LS", 0), State("HS", 2))
    assert phase_fraction("HS").parameters(states) == ()
    with pytest.raises(ValueError, match="not in this model"):
        phase_fraction("X").parameters(states)
    with pytest.raises(ValueError, match="once"):
        phase_fraction(("HS", "HS"))


def test_a_phase_that_is_not_there_has_an_uncertainty():
    fits = [
        fit_mixture(counts([(CHLORIDE, 1.0)], seed=seed), {"LS": CHLORIDE, "HS": BROMIDE}, COPPER) for seed in (1, 2)
    ]
    for fit in fits:
        assert fit.fractions[1] == 0.0
        assert 3e-4 < fit.sigma_fractions[1] < 3e-3
        assert any("HS: nothing of it was found" in note for note in fit.notes)


def test_a_phase_without_a_line_in_the_pattern_is_refused():
    angles = np.radians(np.arange(27.0, 34.0, 0.02))
    data = counts([(CHLORIDE, 1.0)], angles=angles)
    small = salt("small", 2.75e-10, "Br")
    with pytest.raises(PowderError, match="small: there is no reflection"):
        fit_mixture(
            data, {"LS": CHLORIDE, "HS": small}, COPPER, background=2, cell="fixed", window=(angles[0], angles[90])
        )
