import re

import pytest

from labile.models.library import BUILDERS, LL_LH_HL_HH, LS_HS, build
from labile.study.citations import LITERATURE, cite, unique


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("10.1016/S0022-3697(74)80010-7", "SoraiSeki1974"),
        ("C. P. Slichter, H. G. Drickamer (https://doi.org/10.1063/1.1677511).", "SlichterDrickamer1972"),
        ("More1978", "More1978"),
        ("10.9999/unknown.", "ref_10_9999_unknown"),
        ("A. Nobody, private communication", "ref_A_Nobody_private_communication"),
    ],
)
def test_references_find_their_entry(reference, key):
    assert cite(reference, "test").key == key


@pytest.mark.parametrize("entry", LITERATURE, ids=lambda e: e.key)
def test_entries_are_bibtex(entry):
    text = entry.bibtex()
    assert re.match(rf"@\w+{{{entry.key},\n", text)
    assert text.count("{") == text.count("}")
    assert re.search(r"year = {\d{4}}", text)
    assert f"doi = {{{entry.doi}}}" in text


def test_every_model_cites_known_literature():
    from labile.core.material import State

    states = {"electron_transfer": (State("L"), State("H"), State("V")), "real_bolvin_dinuclear": LL_LH_HL_HH}
    for name in BUILDERS:
        model = build(name, states.get(name, LS_HS))
        for doi in model.citations:
            assert not cite(doi, name).key.startswith("ref_"), (name, doi)


def test_an_entry_is_printed_once_with_all_it_was_used_for():
    (one,) = unique([cite("More1978", "fit"), cite("More1978", "peaks"), cite("More1978", "fit")])
    assert one.used_for == "fit; peaks"
