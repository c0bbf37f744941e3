"""Polarization from molecular dipoles and the space group."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labile.core.constants import DEBYE, ELEMENTARY_CHARGE
from labile.core.material import SymmetryError
from labile.techniques.pyroelectricity import (
    PyroelectricityError,
    PyroelectricityWarning,
    cell_polarization,
    dipole_to_polarization,
    lorentz_factor,
    polarization_to_dipole,
    state_polarizations,
    transfer_dipole,
    transfer_from_cif,
    transferred_electrons,
)

CELL = (11.2e-10, 15.3e-10, 16.9e-10, 90.0, 106.3, 90.0)
VOLUME = CELL[0] * CELL[1] * CELL[2] * math.sin(math.radians(106.3))
components = st.floats(-30.0, 30.0)
dipoles = st.tuples(components, components, components).map(lambda x: np.array(x) * DEBYE)


@given(mu=dipoles)
@settings(max_examples=100, deadline=None)
def test_p21_keeps_only_b_and_p21c_nothing(mu):
    """SCIENCE P5, to 1e-12 of what the dipoles would give without symmetry."""
    scale = 2 * np.linalg.norm(mu) / VOLUME + 1e-30
    kept = cell_polarization(mu, cell=CELL, space_group="P 21", molecules=2)
    assert np.abs(kept[[0, 2]]).max() <= 1e-12 * scale
    assert kept[1] == pytest.approx(2 * mu[1] / VOLUME, rel=1e-12, abs=1e-12 * scale)
    for group in ("P 21/c", "P -1", "C 2/c", "P 21 21 21"):
        cell = CELL if group != "P 21 21 21" else (*CELL[:3], 90.0, 90.0, 90.0)
        gone = cell_polarization(mu, cell=cell, space_group=group, molecules=4)
        assert np.abs(gone).max() <= 1e-12 * 2 * scale


@given(mu=dipoles)
@settings(max_examples=30, deadline=None)
def test_other_polar_groups(mu):
    scale = 4 * np.linalg.norm(mu) / VOLUME + 1e-30
    box = (*CELL[:3], 90.0, 90.0, 90.0)
    kept = cell_polarization(mu, cell=box, space_group="P n a 21", molecules=4)
    assert np.abs(kept[:2]).max() <= 1e-12 * scale
    assert kept[2] == pytest.approx(4 * mu[2] / np.prod(CELL[:3]), rel=1e-12, abs=1e-12 * scale)
    triclinic = cell_polarization(mu, cell=(*CELL[:3], 80.0, 95.0, 110.0), space_group="P 1", molecules=1)
    np.testing.assert_allclose(np.cross(triclinic, mu), 0, atol=1e-9 * scale * np.linalg.norm(mu) + 1e-60)
    # m along b: the polarization lies in the mirror plane
    plane = cell_polarization(mu, cell=CELL, space_group="P c", molecules=2)
    assert abs(plane[1]) <= 1e-12 * scale
    np.testing.assert_allclose(plane[[0, 2]], 2 * mu[[0, 2]] / VOLUME, atol=1e-12 * scale)


def test_one_debye_in_1390_cubic_angstrom():
    """SCIENCE P3 and section 1.8."""
    assert dipole_to_polarization(DEBYE, 1390e-30) * 100 == pytest.approx(0.2400, abs=1e-4)
    assert dipole_to_polarization(ELEMENTARY_CHARGE * 1e-10, 1390e-30) * 100 == pytest.approx(1.1526, abs=1e-4)
    whole = transfer_dipole([0, 0, 0], [0, -3.85e-10, 0])
    assert np.linalg.norm(whole) / DEBYE == pytest.approx(18.5, abs=0.05)
    assert dipole_to_polarization(float(whole[1]), 1390e-30) * 100 == pytest.approx(4.44, abs=0.005)
    assert polarization_to_dipole(1.15e-2, 1390e-30) / DEBYE == pytest.approx(4.8, abs=0.02)
    # 1.15 uC/cm2 is 26 % of a full electron over 3.85 angstrom, 0.75 is 17 %
    for change, share in ((1.15e-2, 0.26), (0.75e-2, 0.17)):
        electrons = transferred_electrons(polarization_to_dipole(change, 1390e-30), 3.85e-10)
        assert electrons == pytest.approx(share, abs=0.005)


def test_a_local_field_is_an_option_that_warns():
    mu = np.array([0.0, DEBYE, 0.0])
    bare = cell_polarization(mu, cell=CELL, space_group="P 21", molecules=2)
    with pytest.warns(PyroelectricityWarning, match="local-field factor of 2"):
        enhanced = cell_polarization(mu, cell=CELL, space_group="P 21", molecules=2, local_field=lorentz_factor(4.0))
    np.testing.assert_allclose(enhanced, 2 * bare)
    with pytest.raises(PyroelectricityError, match="at least 1"):
        lorentz_factor(0.5)


def test_polarizations_of_states_count_from_the_first():
    found = state_polarizations(
        {"L": [5 * DEBYE, 1 * DEBYE, 0], "V": [0, 6 * DEBYE, 2 * DEBYE]},
        cell=CELL, space_group="P 21", molecules=2, axis="b",
    )  # fmt: skip
    assert found["L"] == 0.0
    assert found["V"] == pytest.approx(2 * 5 * DEBYE / VOLUME, rel=1e-12)
    with pytest.raises(SymmetryError, match="along b only"):
        state_polarizations({"L": [0, 0, 0]}, cell=CELL, space_group="P 21", molecules=2, axis="a")
    with pytest.raises(SymmetryError, match="not polar"):
        state_polarizations({"L": [0, 0, 0]}, cell=CELL, space_group="P 21/c", molecules=4, axis="b")


CIF = """data_test
_cell_length_a 11.2
_cell_length_b 15.3
_cell_length_c 16.9
_cell_angle_alpha 90
_cell_angle_beta 106.3
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{group}'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe1 0.10 0.95 0.20
O1 0.12 0.80 0.22
O2 0.12 -0.18 0.18
Co1 0.90 0.50 0.50
"""


@pytest.fixture
def cif(tmp_path):
    def write(group="P 21", text=CIF):
        path = tmp_path / "crystal.cif"
        path.write_text(text.format(group=group), encoding="utf-8")
        return path

    return write


def test_transfer_in_a_structure(cif):
    found = transfer_from_cif(cif(), donor=["O1", "O2"], acceptor=["Fe1"])
    # O2 belongs to the neighbouring cell along b: the centroid is at y = 0.81
    assert any("O2 moved" in note for note in found.notes)
    along = (0.95 - 0.81) * 15.3e-10
    assert found.molecules == 2
    assert found.polarization[1] == pytest.approx(-2 * ELEMENTARY_CHARGE * along / VOLUME, rel=1e-6)
    assert np.abs(found.polarization[[0, 2]]).max() < 1e-15
    assert math.cos(found.angle) == pytest.approx(along / found.distance, rel=1e-6)
    half = transfer_from_cif(cif(), donor=["O1", "O2"], acceptor=["Fe1"], electrons=0.5)
    np.testing.assert_allclose(half.polarization, 0.5 * found.polarization)
    back = transfer_from_cif(cif(), donor=["Fe1"], acceptor=["O1", "O2"])
    np.testing.assert_allclose(back.polarization, -found.polarization, atol=1e-15)


def test_a_centrosymmetric_structure_has_none(cif):
    found = transfer_from_cif(cif("P 21/c"), donor=["O1"], acceptor=["Fe1"])
    assert found.molecules == 4
    assert np.abs(found.polarization).max() < 1e-12 * 4 * np.linalg.norm(found.dipole) / VOLUME
    assert math.isnan(found.angle)


@pytest.mark.parametrize(
    ("donor", "acceptor", "says"),
    [
        (["O9"], ["Fe1"], "no atom 'O9'.*O1, O2"),
        ("O1", ["Fe1"], "lists of atom labels"),
        (["O1"], ["O1"], "no transfer"),
    ],
)
def test_atoms_that_cannot_be(cif, donor, acceptor, says):
    with pytest.raises(PyroelectricityError, match=says):
        transfer_from_cif(cif(), donor=donor, acceptor=acceptor)


def test_files_that_are_no_structure(cif, tmp_path):
    with pytest.raises(PyroelectricityError, match=r"absent\.cif"):
        transfer_from_cif(tmp_path / "absent.cif", donor=["O1"], acceptor=["Fe1"])
    with pytest.raises(PyroelectricityError, match="no atoms or no cell"):
        transfer_from_cif(cif(text="data_x\n_a '{group}'\n"), donor=["O1"], acceptor=["Fe1"])
    with pytest.raises(SymmetryError, match="is not known"):
        transfer_from_cif(cif("P 99"), donor=["O1"], acceptor=["Fe1"])


def test_bad_cells_and_dipoles():
    with pytest.raises(PyroelectricityError, match="in m"):
        cell_polarization([0, 0, 0], cell=(11.2, 15.3, 16.9, 90, 90, 90), space_group="P 21", molecules=2)
    with pytest.raises(PyroelectricityError, match="close no cell"):
        cell_polarization([0, 0, 0], cell=(1e-9, 1e-9, 1e-9, 10, 10, 90), space_group="P 1", molecules=2)
    with pytest.raises(PyroelectricityError, match="three Cartesian"):
        cell_polarization([0, 0], cell=CELL, space_group="P 21", molecules=2)
    with pytest.raises(PyroelectricityError, match="whole number"):
        cell_polarization([0, 0, 0], cell=CELL, space_group="P 21", molecules=1.5)
    with pytest.raises(SymmetryError, match="give it"):
        cell_polarization([0, 0, 0], cell=CELL, space_group="", molecules=2)
