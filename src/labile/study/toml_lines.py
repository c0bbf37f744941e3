"""Where each key of a TOML document stands, so that an error can name its line.

The standard library reads TOML but forgets positions. This scanner walks text that `tomllib` has already accepted,
so it only has to find keys and skip values.
"""

from __future__ import annotations

import re

KeyPath = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]\}#\r\n]+")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_LETTERS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Line number (from 1) of every table, key and array element of a TOML document.

    Parameters
    ----------
    text : str
        TOML that `tomllib.loads` accepts.

    Returns
    -------
    dict of tuple to int
        ``("measurement", 0, "unit")`` -> line; array elements and ``[[tables]]`` are counted from 0.

    Examples
    --------
    >>> key_lines("[fit]\nseed = 3\n")[("fit", "seed")]
    2
    """
    return _Scanner(text).document()


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Line of a path, or of the nearest thing around it that has one."""
    path = tuple(path)
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        # tomllib treats CRLF as LF too; lines are counted by LF
        self.text = text
        self.position = 0
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}

    def line(self) -> int:
        return self.text.count("\n", 0, self.position) + 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()

    def starts(self, what: str) -> bool:
        return self.text.startswith(what, self.position)

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self.skip(_BLANK)
        while self.position < len(self.text):
            if self.starts("["):
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.lines

    def header(self) -> KeyPath:
        line = self.line()
        many = self.starts("[[")
        self.position += 2 if many else 1
        keys = self.keys()
        self.position += 2 if many else 1
        path: KeyPath = ()
        for depth, key in enumerate(keys):
            path += (key,)
            self.lines.setdefault(path, line)
            if many and depth == len(keys) - 1:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path += (self.counts[path] - 1,)
                self.lines.setdefault(path, line)
        return path

    def keys(self) -> list[str]:
        found: list[str] = []
        while True:
            self.skip(_SPACE)
            if self.text[self.position] in "\"'":
                found.append(self.string())
            else:
                match = _BARE.match(self.text, self.position)
                assert match is not None
                found.append(match.group())
                self.position = match.end()
            self.skip(_SPACE)
            if not self.starts("."):
                return found
            self.position += 1

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = table
        for key in self.keys():
            path += (key,)
            self.lines.setdefault(path, line)
        self.position += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: KeyPath) -> None:
        if self.starts('"') or self.starts("'"):
            self.string()
        elif self.starts("["):
            self.array(path)
        elif self.starts("{"):
            self.inline_table(path)
        else:
            self.skip(_SCALAR)

    def array(self, path: KeyPath) -> None:
        self.position += 1
        index = 0
        self.skip(_BLANK)
        while not self.starts("]"):
            self.lines.setdefault((*path, index), self.line())
            self.value((*path, index))
            index += 1
            self.skip(_BLANK)
            if self.starts(","):
                self.position += 1
                self.skip(_BLANK)
        self.position += 1

    def inline_table(self, path: KeyPath) -> None:
        self.position += 1
        self.skip(_BLANK)
        while not self.starts("}"):
            self.pair(path)
            self.skip(_BLANK)
            if self.starts(","):
                self.position += 1
                self.skip(_BLANK)
        self.position += 1

    def string(self) -> str:
        quote = self.text[self.position]
        long = self.starts(quote * 3)
        self.position += 3 if long else 1
        start = self.position
        while True:
            if quote == '"' and self.starts("\\"):
                self.position += 2
            elif self.starts(quote * 3 if long else quote):
                break
            else:
                self.position += 1
        if long:
            # up to two quotes may touch the closing ones
            while self.starts(quote * 4):
                self.position += 1
        content = self.text[start : self.position]
        self.position += 3 if long else 1
        return _ESCAPE.sub(_unescape, content) if quote == '"' else content


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _LETTERS.get(code, code)
