"""Read a `study.toml`: the tables it may hold, and errors that name file, line, key and what to write instead."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from labile.study.manifest_tables import ManifestTables, ParameterTable
from labile.study.toml_lines import KeyPath, key_lines, line_of

MANIFEST_NAME = "study.toml"


class ManifestError(ValueError):
    """Everything that is wrong with a manifest, one line a problem.

    Attributes
    ----------
    problems : tuple of str
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Manifest:
    """A manifest whose tables have the right shape; its physics is checked by `labile.study.prepare`.

    Attributes
    ----------
    path : pathlib.Path
    text : str
    tables : ManifestTables
    """

    path: Path
    text: str
    tables: ManifestTables

    @property
    def folder(self) -> Path:
        """Folder that relative file names start from."""
        return self.path.parent

    def problems(self) -> Problems:
        """Return an empty list of problems that knows the lines of this manifest."""
        lines = key_lines(self.text)
        _alias_flat_lines(lines)
        return Problems(self.path.name, lines)


@dataclass
class Problems:
    """Collects what is wrong, so that everything is reported at once."""

    name: str
    lines: dict[KeyPath, int]
    found: list[str] = field(default_factory=list)

    def add(self, path: Sequence[str | int], message: str) -> None:
        """Record one problem of a key."""
        line = line_of(self.lines, tuple(path))
        where = f"{self.name}, line {line}" if line is not None else self.name
        shown = dotted(path)
        self._record(f"{where}: {shown}: {message}" if shown else f"{where}: {message}")

    def _record(self, text: str) -> None:
        if text not in self.found:
            self.found.append(text)

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Turn a ValueError or OSError of the body into a problem of this key."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.add(path, str(error))

    def raise_if_any(self) -> None:
        """Raise ManifestError with everything found so far."""
        if self.found:
            raise ManifestError(self.found)


def dotted(path: Sequence[str | int]) -> str:
    """Key path as people write it; array elements are counted from 1.

    Examples
    --------
    >>> dotted(("measurement", 0, "unit"))
    'measurement[1].unit'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            shown = f'"{part}"' if "." in part or " " in part else part
            text += f".{shown}" if text else shown
    return text


def find_manifest(study: str | Path) -> Path:
    """Path of a study's manifest, given it or its folder.

    Raises
    ------
    ManifestError
        If there is none.
    """
    path = Path(study)
    if path.is_dir():
        path = path / MANIFEST_NAME
    if not path.is_file():
        raise ManifestError(
            [f"{path}: there is no such manifest; give a study.toml or its folder, or make one with 'labile new'"]
        )
    return path


def load_manifest(study: str | Path) -> Manifest:
    """Read a manifest and check its tables and keys.

    Parameters
    ----------
    study : str or Path
        A study.toml or the folder it lies in.

    Returns
    -------
    Manifest

    Raises
    ------
    ManifestError
        With every problem found, each with its line.
    """
    path = find_manifest(study)
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ManifestError([f"{path.name}, line {line}: not UTF-8 text; save the manifest as UTF-8"]) from None
    text = text.replace("\r\n", "\n")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError([_syntax(path.name, text, str(error))]) from None
    problems = Problems(path.name, key_lines(text))
    comparisons = content.get("comparison")
    for table in (content, content.get("kinetics"), *(comparisons if isinstance(comparisons, list) else ())):
        if isinstance(table, dict) and isinstance(table.get("parameters"), dict):
            table["parameters"] = _flat(table["parameters"])
    _alias_flat_lines(problems.lines)
    try:
        tables = ManifestTables.model_validate(content)
    except ValidationError as error:
        items = error.errors()
        meant = {(*item["loc"][:-1], _meant(item)) for item in items if item["type"] == "extra_forbidden"}
        for item in items:
            # a mistyped key is one mistake, not a missing and an unknown one
            if not (item["type"] == "missing" and tuple(item["loc"]) in meant):
                problems.add(*_explain(item))
        raise ManifestError(problems.found) from None
    return Manifest(path, text, tables)


def _meant(item: Any) -> str:
    close = difflib.get_close_matches(str(item["loc"][-1]), known_keys(tuple(item["loc"][:-1])), n=1)
    return close[0] if close else ""


def _syntax(name: str, text: str, message: str) -> str:
    reason, _, where = message.partition(" (at ")
    line = where.removeprefix("line ").partition(",")[0] if where.startswith("line ") else str(text.count("\n") + 1)
    shown = text.split("\n")[int(line) - 1].strip() if line.isdigit() else ""
    return f"{name}, line {line}: not valid TOML: {reason}" + (f" in {shown!r}" if shown else "")


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """`H.enthalpy = {...}` without quotes is a nested table; make it the dotted name it means."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        nested = (
            isinstance(value, dict) and "." not in key and value and all(isinstance(v, dict) for v in value.values())
        )
        if nested and not set(value) <= set(ParameterTable.model_fields):
            flat.update({f"{key}.{inner}": content for inner, content in value.items()})
        else:
            flat[key] = value
    return flat


def _alias_flat_lines(lines: dict[KeyPath, int]) -> None:
    for path, line in list(lines.items()):
        start = next((i for i in range(3) if path[i : i + 1] == ("parameters",)), None)
        if start is not None and len(path) >= start + 3 and "." not in str(path[start + 1]):
            joined = f"{path[start + 1]}.{path[start + 2]}"
            lines.setdefault((*path[: start + 1], joined, *path[start + 3 :]), line)


_KINDS = {
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list [...]",
    "dict_type": "a table { ... }",
    "model_type": "a table { ... }",
    "model_attributes_type": "a table { ... }",
}


def _explain(item: Any) -> tuple[KeyPath, str]:
    """One pydantic error as key path and sentence."""
    path, kind, found = tuple(item["loc"]), item["type"], item.get("input")
    if kind == "extra_forbidden":
        return path, unknown_key(str(path[-1]), known_keys(path[:-1]))
    if kind == "missing":
        return path, _MISSING.get(str(path[-1]), "is missing; write it")
    if kind in _KINDS:
        fix = ""
        if path[:1] == ("parameters",) and len(path) == 2:
            fix = '; write for instance { value = 60, unit = "J/K/mol" }'
        return path, f"expected {_KINDS[kind]}, found {_shown(found)}{fix}"
    if kind == "literal_error":
        return path, f"found {_shown(found)}, expected {item['ctx']['expected']}"
    if kind == "value_error":
        return path, str(item["ctx"]["error"])
    if kind in ("too_short", "too_long"):
        context = item["ctx"]
        wanted = context.get("min_length") if kind == "too_short" else context.get("max_length")
        return path, f"needs {wanted} entries, found {context.get('actual_length')}"
    return path, f"{item['msg'][:1].lower()}{item['msg'][1:]}, found {_shown(found)}"


_MISSING = {
    "study": 'the table [study] is missing; write [study] and title = "..."',
    "title": 'is missing; write title = "..."',
    "label": 'is missing; name it, e.g. label = "chi*T"',
    "axis": 'is missing; write axis = "temperature" or axis = "pressure"',
    "range": "is missing; write both ends, e.g. range = [20, 350]",
    "x": 'is missing; write x = { axis = "pressure", range = [0, 20], unit = "kbar" }',
    "y": 'is missing; write y = { axis = "temperature", range = [20, 350], unit = "K" }',
    "technique": 'is missing; write technique = "magnetometry" or technique = "pyroelectricity"',
    "builder": 'is missing; name a model, e.g. builder = "slichter_drickamer"',
    "kind": 'is missing; write kind = "value", "difference", "maximum", ...',
    "value": "is missing; write the number the statement gives",
    "prior_sigma": 'is missing; write its standard uncertainty, e.g. prior_sigma = "1 K" or prior_sigma = 0.05',
}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Message for a key that does not exist, with the closest one that does."""
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown key; did you mean {close[0]!r}?"
    return f"unknown key; there are: {', '.join(known)}"


def known_keys(path: KeyPath) -> list[str]:
    """Keys that may stand in the table at a path."""
    model: Any = ManifestTables
    for part in path:
        if isinstance(part, int):
            continue
        if part in getattr(model, "model_fields", {}):
            model = _table_in(model.model_fields[part].annotation)
    return list(getattr(model, "model_fields", {}))


def _table_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _table_in(inner)
        if found is not None:
            return found
    return None
