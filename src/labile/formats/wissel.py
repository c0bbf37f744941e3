"""WissEl multichannel spectra (``.ws5``): XML whose ``<data>`` element holds the counts of one channel a line."""

from __future__ import annotations

import re
from pathlib import Path

from labile.core.measurement import Measurement
from labile.formats.channel_counts import counts_measurement, read_text
from labile.formats.registry import FormatError

_DATA = re.compile(r"<data\b([^>]*)>", re.IGNORECASE)
_END = re.compile(r"</data\s*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*\"([^\"<]*)\"")
_COMMENT = re.compile(r"<comment\b[^>]*>([^<]*)</comment\s*>", re.IGNORECASE)


def read(
    path: Path | str,
    *,
    temperature: float | str | None = None,
    sample: str = "sample",
    incomplete: str = "error",
) -> list[Measurement]:
    """Read a WissEl ``.ws5`` file.

    Parameters
    ----------
    path : path-like
    temperature : float or str, optional
        K, or text with a unit (``"22 C"``);
        read from the file name where it says so (``77.0K``), else 295 K is assumed and that is recorded.
    sample : str
        Prefix of the sample's parameters.
    incomplete : {"error", "keep"}
        What to do with a file that breaks off before its end or holds fewer channels than it announces.

    Returns
    -------
    list of Measurement
        One for each ``<data>`` element: quantity ``"counts"`` along the axis ``"channel"`` (from 1). Attributes:
        what the element says (``channels``, ``time``, ...), the comment, and ``temperature_source``.

    Raises
    ------
    FormatError
        If there is no ``<data>``, a line of it is no count, or channels are missing.
    """
    path = Path(path)
    if incomplete not in ("error", "keep"):
        raise FormatError(f"{path.name}: option incomplete={incomplete!r} is unknown; use error or keep")
    text = read_text(path)
    found = list(_DATA.finditer(text))
    if not found:
        raise FormatError(f"{path.name}: there is no <data> tag, which every .ws5 file has; was it saved as .adt?")
    comment = _COMMENT.search(text)
    result = []
    for number, start in enumerate(found, 1):
        end = _END.search(text, start.end())
        header = {key.lower(): value for key, value in _ATTRIBUTE.findall(start[1])}
        body = text[start.end() : end.start() if end else len(text)]
        first_line = text.count("\n", 0, start.end()) + 1
        steps: list[str] = []
        where = f"{path.name}, <data> {number}"
        if end is None:
            if incomplete == "error":
                raise FormatError(
                    f"{where}: the file breaks off before </data>; pass incomplete='keep' to read what is there"
                )
            steps.append("the file breaks off before </data>; the channels that are there were kept")
        counts = _counts(path.name, body, first_line)
        announced = header.get("channels", "")
        if announced.isdigit() and int(announced) != len(counts):
            if incomplete == "error":
                raise FormatError(
                    f"{where}: it announces {announced} channels, but {len(counts)} are there; pass incomplete='keep'"
                    " to read them"
                )
            steps.append(f"{announced} channels announced, {len(counts)} found and kept")
        attributes: dict[str, float | str] = {key: value for key, value in header.items() if value}
        if comment is not None and comment[1].strip():
            attributes["comment"] = comment[1].strip()
        result.append(
            counts_measurement(
                path, counts, "wissel", temperature=temperature, sample=sample, attributes=attributes, steps=steps,
                part=f" {number}" if len(found) > 1 else "",
            )
        )  # fmt: skip
    return result


def _counts(name: str, body: str, first_line: int) -> list[float]:
    counts = []
    for offset, line in enumerate(body.split("\n")):
        for word in line.replace(",", " ").split():
            try:
                value = float(int(word)) if word.lstrip("+-").isdigit() else float(word)
            except ValueError:
                raise FormatError(f"{name}, line {first_line + offset}: {word[:30]!r} is no count") from None
            if not 0 <= value < 1e15:
                raise FormatError(f"{name}, line {first_line + offset}: counts must be 0 or more, found {word[:30]!r}")
            counts.append(value)
    return counts
