"""Builders by name, and the terms that can be added to every one of them."""

import pytest

from labile.models.compressibility import CompressibleVolume, LinearVolume
from labile.models.free_energy import ModelError
from labile.models.library import BUILDERS, LL_LH_HL_HH, LS_HS, build
from library_cases import L_H_V

STATES = {"electron_transfer": L_H_V, "real_bolvin_dinuclear": LL_LH_HL_HH}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("volumes", ["constant", "linear"])
def test_every_model_takes_a_volume_difference(name, volumes):
    model = build(name, STATES.get(name, LS_HS), volumes=volumes)
    named = [parameter for parameter in model.parameters.names if parameter.endswith(".volume")]
    assert named
    assert any(n.endswith(".volume_slope") for n in model.parameters.names) == (volumes == "linear")


def test_equations_of_state_replace_volume_differences():
    model = build("slichter_drickamer", LS_HS, volumes="vinet", expansion_from=293.0)
    assert [type(term) for term in model.contributions].count(CompressibleVolume) == 1
    assert {"LS.bulk_modulus", "HS.bulk_modulus", "HS.thermal_expansion"} <= set(model.parameters.names)


def test_linear_volumes_keep_what_they_raise():
    model = build("real_bolvin_dinuclear", LL_LH_HL_HH, volumes="linear")
    (site, molecule) = (term for term in model.contributions if isinstance(term, LinearVolume))
    assert site.raises == ("LH", "HL", "HH", "HH")
    assert molecule.name == "molecule"


def test_vibrations_and_slopes_are_added():
    model = build("slichter_drickamer", LS_HS, vibrations="einstein", counted_from=180.0, interaction_slopes=True)
    assert {"LS.einstein_temperature", "LS-HS.interaction_pressure_slope"} <= set(model.parameters.names)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ising", {}, "model builder 'ising' is unknown; there are: van_t_hoff"),
        ("slichter_drickamer", {"form": "x"}, "unknown option 'form'; it has volumes"),
        ("slichter_drickamer", {"volumes": "spline"}, "volumes 'spline' is unknown; there are: constant, linear, "),
        ("slichter_drickamer", {"vibrations": "phonon"}, "vibrations 'phonon' is unknown"),
        ("slichter_drickamer", {"counted_from": 100.0}, "counted_from needs vibrations"),
        ("slichter_drickamer", {"expansion_from": 100.0}, "expansion_from needs volumes"),
        ("slichter_drickamer", {"volumes": "linear", "expansion_from": 100.0}, "expansion_from needs volumes"),
        ("van_t_hoff", {"interaction_slopes": True}, "no pair interaction"),
        ("real_bolvin_dinuclear", {"volumes": "vinet"}, "shares one among several states"),
        ("real_bolvin_dinuclear", {"states": LS_HS}, "needs exactly 4 states"),
    ],
)
def test_what_a_builder_refuses(name, options, message):
    states = options.get("states", STATES.get(name, LS_HS))
    with pytest.raises(ModelError, match=message):
        build(name, states, **{key: value for key, value in options.items() if key != "states"})
