"""WissEl files, raw counts in all their layouts, and pairs of velocity and counts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labile.core.measurement import Measurement, MeasurementError
from labile.formats import channel_counts, registry, spectrum_signatures, velocity_counts, wissel
from labile.formats.registry import FormatError

DATA = Path(__file__).parents[1] / "data" / "mossbauer"
READERS = {"wissel": wissel.read, "channel_counts": channel_counts.read, "velocity_counts": velocity_counts.read}
SLOW = settings(max_examples=100, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTS = [200000 + (37 * n) % 101 for n in range(256)]
WS5 = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<wissoft version="1.1">\n<comment>a foil</comment>\n'
    '<data channels="256" time="0">\n' + "\n".join(map(str, COUNTS)) + "\n</data>\n</wissoft>\n"
)
PAIRS = "velocity (mm/s), counts, sigma\n" + "".join(
    f"{-4 + 8 * i / 255:.5f},{c},{c**0.5:.2f}\n" for i, c in enumerate(COUNTS)
)


def write(folder, name, text) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("name", "temperature", "source", "total"),
    [
        ("251104_v12.dat", 295.0, "assumed", 34479293),
        ("77.0K_1.0h12.0m.dat", 77.0, "file name", 29821777),
        ("5.0K_1.0h10.0m.dat", 5.0, "file name", 31838416),
    ],
)
def test_real_files_of_1023_channels(name, temperature, source, total):
    (m,) = registry.read(DATA / name)
    assert registry.identify(DATA / name).name == "channel_counts"
    assert (m.quantity, m.axis.quantity, m.values.shape) == ("counts", "channel", (1, 1023))
    assert m.values.sum() == total
    assert m.temperature[0] == temperature
    assert m.attributes["temperature_source"] == source
    assert m.provenance.sha256
    (stated,) = registry.read(DATA / name, temperature=4.2)
    assert stated.temperature[0] == 4.2
    assert not stated.provenance.steps


def test_wissel(tmp_path):
    path = write(tmp_path, "foil.ws5", WS5)
    assert registry.identify(path).name == "wissel"
    (m,) = registry.read(path)
    assert m.values[0].tolist() == COUNTS
    assert m.attributes["comment"] == "a foil"
    assert m.attributes["channels"] == "256"


def test_wissel_that_breaks_off(tmp_path):
    path = write(tmp_path, "foil.ws5", WS5.partition("</data>")[0])
    with pytest.raises(FormatError, match=r"foil\.ws5.*breaks off"):
        wissel.read(path)
    (m,) = wissel.read(path, incomplete="keep")
    assert any("breaks off" in step for step in m.provenance.steps)
    path = write(tmp_path, "foil.ws5", WS5.replace(f"\n{COUNTS[3]}\n", "\n", 1))
    with pytest.raises(FormatError, match="256 channels, but 255"):
        wissel.read(path)


@pytest.mark.parametrize("channels", [256, 511, 512, 1023, 1024, 2048])
def test_one_count_a_line(tmp_path, channels):
    path = write(tmp_path, "a.adt", "\n".join(f"{n % 97 + 1000:12d}" for n in range(channels)))
    (m,) = registry.read(path)
    assert m.axis.values.tolist() == list(range(1, channels + 1))


def test_layouts(tmp_path):
    rows = [COUNTS[i : i + 8] for i in range(0, 256, 8)]
    plain = "title of the run\nsecond title\n" + "\n".join(" ".join(map(str, row)) for row in rows)
    indexed = "\n".join(" ".join(map(str, (8 * i + 1, *row))) for i, row in enumerate(rows))
    for text in (plain, indexed):
        (m,) = registry.read(write(tmp_path, "a.mos", text))
        assert m.values[0].tolist() == COUNTS
        assert any("rows of 8 counts" in step for step in m.provenance.steps)
    columns = "\n".join(f"{i}\t{c}\t{c + 1}" for i, c in enumerate(COUNTS, 1))
    both = registry.read(write(tmp_path, "b.dat", columns))
    assert [m.values[0].tolist() for m in both] == [COUNTS, [c + 1 for c in COUNTS]]
    assert [m.label for m in both] == ["b 1", "b 2"]
    two = "\n".join(f"{c} {c + 1}" for c in COUNTS)
    assert len(registry.read(write(tmp_path, "c.dat", two), format="channel_counts")) == 2
    (one,) = registry.read(write(tmp_path, "c.dat", two), format="channel_counts", layout="rows")
    assert one.values.size == 512
    pmca = "<<PMCA SPECTRUM>>\nTAG - x\nLIVE_TIME - 12\n<<DATA>>\n" + "\n".join(map(str, COUNTS)) + "\n<<END>>\n"
    (m,) = registry.read(write(tmp_path, "d.mca", pmca))
    assert m.values[0].tolist() == COUNTS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n".join(["100"] * 80 + ["-3"] + ["100"] * 80), "line 81.*negative"),
        ("\n".join(["100"] * 80 + ["1o0"] + ["100"] * 80), "line 81.*no whole number"),
        ("\n".join(["100"] * 20), "20 channels"),
        ("1 2 3 4\n" * 30 + "1 2\n" + "1 2 3 4\n" * 30, "line 31.*2 numbers"),
        ("words\nonly\n", "no counts"),
    ],
)
def test_refused_counts(tmp_path, text, message):
    with pytest.raises(FormatError, match=rf"(?s)bad\.adt.*{message}|{message}"):
        channel_counts.read(write(tmp_path, "bad.adt", text))


def test_velocity_pairs(tmp_path):
    (m,) = registry.read(write(tmp_path, "sample 80 K.csv", PAIRS))
    assert registry.identify(tmp_path / "sample 80 K.csv").name == "velocity_counts"
    assert m.axis.quantity == "velocity"
    np.testing.assert_allclose(m.axis.values[[0, -1]], [-4e-3, 4e-3])
    np.testing.assert_allclose(m.sigma[0], np.sqrt(COUNTS), atol=0.01)
    assert m.temperature[0] == 80
    assert "isomer_shift_reference" not in m.attributes
    comma = PAIRS.replace(",", ";").replace(".", ",")
    (again,) = registry.read(write(tmp_path, "x.exp", comma), reference="alpha-Fe")
    np.testing.assert_allclose(again.values, m.values)
    assert again.attributes["isomer_shift_reference"] == "alpha-Fe"
    lines = PAIRS.splitlines()
    (falling,) = registry.read(write(tmp_path, "y.exp", "\n".join([lines[0], *lines[:0:-1]])))
    np.testing.assert_allclose(falling.values, m.values)
    assert any("turned round" in step for step in falling.provenance.steps)


def test_velocities_that_turn_back_are_an_unfolded_spectrum(tmp_path):
    up = [f"{v:.3f} 1000" for v in np.linspace(-4, 4, 101)]
    with pytest.raises(FormatError, match="not folded"):
        velocity_counts.read(write(tmp_path, "u.exp", "\n".join(up + up[-2::-1])))


def test_swapped_columns(tmp_path):
    with pytest.raises(FormatError, match="other order"):
        velocity_counts.read(write(tmp_path, "s.exp", "\n".join(f"{1000 + i} {-4 + i / 10}" for i in range(40))))


def test_tables_of_other_techniques_are_left_alone(tmp_path):
    table = "T (K),chiT (cm3 K/mol)\n" + "".join(f"{t},{t}\n" for t in range(5, 105))
    assert registry.identify(write(tmp_path, "a.csv", table)).name == "tables"
    jcamp = "##TITLE=x\n##XYDATA=(X++(Y..Y))\n" + "\n".join(" ".join(["1"] * 8) for _ in range(40))
    assert "JCAMP" in spectrum_signatures.channel_counts(jcamp.encode(), "a.jdx")
    assert "first does not count" in spectrum_signatures.channel_counts(b"500 12\n502 13\n" * 40, "a.txt")


def attempt(read, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    message, found = path.stem, []
    try:
        found = read(path)
    except (FormatError, MeasurementError) as error:
        message = str(error)
    assert path.stem in message
    assert found or message != path.stem
    assert all(isinstance(one, Measurement) for one in found)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=200), cut=st.integers(0, 3000))
@SLOW
def test_damaged_files(tmp_path, reader, data, cut):
    for name, text in (("a.ws5", WS5), ("a.adt", "\n".join(map(str, COUNTS))), ("a.exp", PAIRS)):
        original = text.encode()
        attempt(READERS[reader], tmp_path / name, data)
        attempt(READERS[reader], tmp_path / name, original[:cut])
        attempt(READERS[reader], tmp_path / name, original[:cut] + data + original[cut:])


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{6950 + i},000;0,{2809 + i:06d}\n" for i in range(100)),
        "".join(f"{6950 + i},5\t{i}\n" for i in range(100)),
        "Energy\tmu\n" + "".join(f"{i}\t{2000 + i}\n" for i in range(100)),
        "wavenumber (cm-1), absorbance\n" + "".join(f"{i},{2000 + i}\n" for i in range(100)),
    ],
)
def test_tables_of_other_things_are_no_counts(text):
    assert spectrum_signatures.channel_counts(text.encode(), "a.dat") is not None


def test_decimal_commas_are_refused_as_counts(tmp_path):
    text = "".join(f"{6950 + i},000;0,{2809 + i:06d}\n" for i in range(100))
    with pytest.raises(FormatError, match=r"a\.dat.*commas.*expected whole counts"):
        registry.read(write(tmp_path, "a.dat", text), format="channel_counts")


@pytest.mark.parametrize("row", ["{0},{1}", "{0}, {1}", "{0};{1}", "{0}, {1},"])
@pytest.mark.parametrize("title", ["", "Energy calibration: 14.4 keV\n", "channel,counts\n", "temperature: 80 K\n"])
def test_counts_separated_by_commas(tmp_path, row, title):
    text = title + "".join(row.format(i, c) + "\n" for i, c in enumerate(COUNTS, 1))
    path = write(tmp_path, "c.dat", text)
    assert registry.identify(path).name == "channel_counts"
    (m,) = registry.read(path)
    assert m.values[0].tolist() == COUNTS


def test_temperature_with_a_unit(tmp_path):
    path = write(tmp_path, "foil.ws5", WS5)
    assert registry.read(path, temperature="-196 degC")[0].temperature[0] == pytest.approx(77.15)
    with pytest.raises(FormatError, match=r"foil\.ws5: option temperature='cold' is no number"):
        registry.read(path, temperature="cold")
