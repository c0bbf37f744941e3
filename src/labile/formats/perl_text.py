"""Assignments written in Perl syntax (``$a = 'x'; @b = (1, 'y', []);``), read as data and never evaluated.

Only literals are understood: quoted strings, numbers, bare words, lists and hashes of them. Anything else, such as a
function call, an operator or an interpolated variable, is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPACE = re.compile(r"(?:\s+|#[^\n]*)+")
_TOKEN = re.compile(
    r"""(?P<variable>[$@%][A-Za-z_]\w*)
      | '(?P<single>[^'\\]*(?:\\.[^'\\]*)*)'
      | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<mark>=>|[=;,()\[\]{}])
      | (?P<word>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)
_SINGLE_ESCAPE = re.compile(r"\\(['\\])")
_DOUBLE_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DOUBLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
DEEPEST = 40
"""Levels of brackets; deeper ones are no project file."""

Value = str | list["Value"]
"""A string (numbers stay as they were written) or a list; a hash is a list of keys and values in turn."""


class PerlTextError(ValueError):
    """Text that is no sequence of Perl assignments of literals; ``line`` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def statements(text: str) -> Iterator[tuple[str, Value, int]]:
    r"""Assignments and bare expressions of a text, in order.

    Parameters
    ----------
    text : str
        Line ends as newlines.

    Yields
    ------
    name : str
        ``"@x"``, ``"$old_group"``, ``"%plot"``; empty for a bare expression such as ``[record]`` or ``1;``.
    value : str or list
        Strings and nested lists.
    line : int
        Where it starts, from 1.

    Raises
    ------
    PerlTextError
        With the line, if something is no literal, a bracket is not closed, or the text ends within a statement.

    Examples
    --------
    >>> list(statements("$a = 'it\\'s';\n@b = (1, 'y', [2, []]);\n[record]\n1;\n"))
    [('$a', "it's", 1), ('@b', ['1', 'y', ['2', []]], 2), ('', ['record'], 3), ('', '1', 4)]
    """
    reader = _Reader(text)
    while not reader.at_end():
        line = reader.line()
        kind, token = reader.next("a statement")
        name = ""
        if kind == "variable":
            name = token
            reader.expect("=")
            kind, token = reader.next(f"the value of {name}")
        value = reader.value(kind, token, 0)
        if not name and isinstance(value, list):
            # [record] stands on its own line, without a semicolon
            reader.accept(";")
        else:
            reader.expect(";")
        yield name, value, line


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._skip()

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def at_end(self) -> bool:
        return self.at >= len(self.text)

    def next(self, what: str) -> tuple[str, str]:
        if self.at_end():
            raise PerlTextError(f"the text ends where {what} is expected", self.line())
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastgroup is None:
            rest = self.text[self.at : self.at + 30].split("\n")[0]
            quote = " (a string that is not closed)" if rest[:1] in "'\"" else ""
            raise PerlTextError(f"{rest!r} is no literal{quote}", self.line())
        self.at = found.end()
        self._skip()
        kind, token = found.lastgroup, found[found.lastgroup]
        if kind == "single":
            return "string", _SINGLE_ESCAPE.sub(r"\1", token)
        if kind == "double":
            return "string", _DOUBLE_ESCAPE.sub(lambda one: _DOUBLE_ESCAPES.get(one[1], one[1]), token)
        return kind, token

    def accept(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            self._skip()
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            rest = self.text[self.at : self.at + 30].split("\n")[0]
            found = f"{rest!r} stands there" if rest else "the text ends"
            raise PerlTextError(f"{mark!r} is expected, {found}", self.line())

    def value(self, kind: str, token: str, depth: int) -> Value:
        if kind in ("string", "number"):
            return token
        if kind == "word" and token == "bless" and self.accept("("):
            # what Data::Dumper writes of an object: its data, then the name of its class
            blessed = self._list(")", depth + 1)
            return blessed[0] if blessed else ""
        if kind == "word":
            return "" if token == "undef" else token
        if kind == "mark" and token in _CLOSING:
            return self._list(_CLOSING[token], depth + 1)
        raise PerlTextError(f"{token!r} is no literal", self.line())

    def _list(self, closing: str, depth: int) -> list[Value]:
        if depth > DEEPEST:
            raise PerlTextError(f"brackets are nested more than {DEEPEST} deep", self.line())
        values: list[Value] = []
        while not self.accept(closing):
            kind, token = self.next(f"{closing!r}")
            values.append(self.value(kind, token, depth))
            if not (self.accept("=>") or self.accept(",")) and not self.text.startswith(closing, self.at):
                raise PerlTextError(f"',' or {closing!r} is expected after {str(values[-1])[:30]!r}", self.line())
        return values
